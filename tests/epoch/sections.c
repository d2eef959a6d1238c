/* SPDX-License-Identifier: MIT */
/*
 * sections.c - conformance: sections protect, calls that wait do wait, stalls are reported.
 */
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>

#include <pendmap/epoch.h>

#include "conformance.h"
#include "platform/script.h"

#define SECOND_NS UINT64_C(1000000000)

void public_calls_check_their_caller(void)
{
	struct pend_epoch_stall stall;

	CHECK(pend_epoch_exit() == -EPERM);
	CHECK(pend_epoch_enter() == 0);
	CHECK(pend_epoch_synchronize() == -EDEADLK);
	CHECK(pend_epoch_exit() == 0);
	CHECK(pend_epoch_exit() == -EPERM);
	CHECK(pend_epoch_synchronize() == 0);
	CHECK(pend_epoch_stalled(0, NULL, 1) == -EFAULT);
	CHECK(pend_epoch_stalled(0, NULL, 0) == 0);
	CHECK(pend_epoch_stalled(0, &stall, 1) == 0);
}

void sections_nest(void)
{
	CHECK(!pendi_epoch_inside());
	for (int depth = 0; depth < 3; depth++)
		CHECK(pendi_epoch_enter() == 0);
	CHECK(pendi_epoch_synchronize() == -EDEADLK);
	CHECK(pendi_epoch_barrier() == -EDEADLK);
	for (int depth = 0; depth < 3; depth++) {
		CHECK(pendi_epoch_inside());
		pendi_epoch_exit();
	}
	CHECK(!pendi_epoch_inside());
	CHECK(pendi_epoch_synchronize() == 0);
}

void own_section_protects(void)
{
	struct thing thing;

	thing_init(&thing);
	CHECK(pendi_epoch_enter() == 0);
	thing_retire(&thing);
	for (int n = 0; n < 8; n++)
		(void)pendi_epoch_poll();
	CHECK(oracle_read(&thing.reclaimed) == 0);
	CHECK(pendi_epoch_limbo() == 1);
	pendi_epoch_exit();
	CHECK(pendi_epoch_barrier() == 0);
	CHECK(oracle_read(&thing.reclaimed) == 1);
	CHECK(pendi_epoch_limbo() == 0);
}

static void *retires_and_polls(void *argument)
{
	thing_retire(argument);
	for (int n = 0; n < 8; n++)
		(void)pendi_epoch_poll();
	return NULL;
}

void inner_exit_keeps_protecting(void)
{
	struct thing thing;

	thing_init(&thing);
	CHECK(pendi_epoch_enter() == 0);
	CHECK(pendi_epoch_enter() == 0);
	pendi_epoch_exit();
	finish(start(retires_and_polls, &thing));
	CHECK(oracle_read(&thing.reclaimed) == 0);
	pendi_epoch_exit();
	CHECK(pendi_epoch_barrier() == 0);
	CHECK(oracle_read(&thing.reclaimed) == 1);
}

void batch_is_reclaimed_whole(void)
{
	enum { COUNT = 1000 };
	static struct thing things[COUNT];

	for (size_t n = 0; n < COUNT; n++) {
		thing_init(&things[n]);
		things[n].node.next = n + 1 < COUNT ? &things[n + 1].node : NULL;
	}
	pendi_epoch_retire_batch(&things[0].node, &things[COUNT - 1].node, COUNT);
	CHECK(pendi_epoch_barrier() == 0);
	for (size_t n = 0; n < COUNT; n++)
		CHECK(oracle_read(&things[n].reclaimed) == 1);
	CHECK(pendi_epoch_limbo() == 0);
	(void)oracle_add(&operations, COUNT);
}

enum { THINGS_EACH = 500 };

static void *retires_many(void *argument)
{
	struct thing *things = argument;

	for (size_t n = 0; n < THINGS_EACH; n++)
		thing_retire(&things[n]);
	return NULL;
}

void threads_that_ended_strand_nothing(void)
{
	enum { THREADS = 4 };
	static struct thing things[THREADS][THINGS_EACH];
	pthread_t threads[THREADS];

	for (size_t n = 0; n < THREADS; n++) {
		for (size_t i = 0; i < THINGS_EACH; i++)
			thing_init(&things[n][i]);
		threads[n] = start(retires_many, things[n]);
	}
	for (size_t n = 0; n < THREADS; n++)
		finish(threads[n]);
	CHECK(pendi_epoch_barrier() == 0);
	for (size_t n = 0; n < THREADS; n++) {
		for (size_t i = 0; i < THINGS_EACH; i++)
			CHECK(oracle_read(&things[n][i].reclaimed) == 1);
	}
	CHECK(pendi_epoch_limbo() == 0);
}

enum { POSTED = 100 };

struct post {
	struct thing things[POSTED];
	struct oracle_count received;
};

static void *posts_things(void *argument)
{
	struct post *post = argument;

	for (size_t n = 0; n < POSTED; n++) {
		thing_init(&post->things[n]);
		thing_retire(&post->things[n]);
	}
	while (!oracle_peek(&post->received)) /* its end would order everything */
		(void)sched_yield();
	return NULL;
}

/* Nothing but the retire itself orders the sender's stores before the function's loads. */
void nodes_arrive_as_they_were_sent(void)
{
	static struct post post;
	struct thing first;

	/* A thread of the implementation's own must not be the sender's child. */
	thing_init(&first);
	thing_retire(&first);
	CHECK(pendi_epoch_barrier() == 0);

	const pthread_t thread = start(posts_things, &post);

	for (size_t n = 0; n < POSTED; n++) {
		while (oracle_peek(&post.things[n].reclaimed) == 0) {
			(void)pendi_epoch_poll();
			(void)sched_yield();
		}
	}
	oracle_mark(&post.received, 1);
	finish(thread);
	CHECK(pendi_epoch_limbo() == 0);
}

/* A function that runs until it is told to end: what no real one may do. */
struct slow {
	struct pendi_epoch_node node;
	sem_t running, end;
	bool ended; /* plain: the barrier alone makes it visible */
	struct oracle_count waited;
};

static void reclaim_slowly(struct pendi_epoch_node *node)
{
	struct slow *slow = PENDI_CONTAINER_OF(node, struct slow, node);

	CHECK(pendi_epoch_synchronize() == -EDEADLK);
	CHECK(pendi_epoch_barrier() == -EDEADLK);
	sem_post(&slow->running);
	while (sem_wait(&slow->end) != 0)
		;
	slow->ended = true;
}

static void *runs_slow(void *argument)
{
	struct slow *slow = argument;

	pendi_epoch_retire(&slow->node);
	CHECK(pendi_epoch_barrier() == 0);
	CHECK(slow->ended);
	return NULL;
}

static void *waits_for_slow(void *argument)
{
	struct slow *slow = argument;

	CHECK(pendi_epoch_barrier() == 0);
	CHECK(slow->ended);
	oracle_set(&slow->waited, 1);
	return NULL;
}

void barrier_waits_for_a_running_function(void)
{
	struct slow slow = { .node.reclaim = reclaim_slowly };

	sem_init(&slow.running, 0, 0);
	sem_init(&slow.end, 0, 0);

	const pthread_t runner = start(runs_slow, &slow);

	while (sem_wait(&slow.running) != 0)
		;

	const pthread_t waiter = start(waits_for_slow, &slow);

	give_a_chance(&slow.waited);
	sem_post(&slow.end);
	finish(waiter);
	finish(runner);
	sem_destroy(&slow.running);
	sem_destroy(&slow.end);
}

struct synchronizing {
	struct parked *parked;
	struct oracle_count returned;
};

static void *synchronizes(void *argument)
{
	struct synchronizing *synchronizing = argument;

	CHECK(pendi_epoch_synchronize() == 0);
	CHECK(oracle_read(&synchronizing->parked->has_left) == 1);
	oracle_set(&synchronizing->returned, 1);
	return NULL;
}

void synchronize_waits_for_the_reader(void)
{
	struct parked parked;
	struct synchronizing synchronizing = { .parked = &parked };

	park(&parked);

	const pthread_t thread = start(synchronizes, &synchronizing);

	give_a_chance(&synchronizing.returned);
	unpark(&parked);
	finish(thread);
}

/* An object whose function retires it again, @again times, and polls each time. */
struct spring {
	struct pendi_epoch_node node;
	struct oracle_count again, depth, deepest;
};

static void reclaim_spring(struct pendi_epoch_node *node)
{
	struct spring *spring = PENDI_CONTAINER_OF(node, struct spring, node);
	const uint64_t depth = oracle_add(&spring->depth, 1);
	const uint64_t again = oracle_peek(&spring->again);

	if (depth > oracle_peek(&spring->deepest))
		oracle_mark(&spring->deepest, depth);
	CHECK(pendi_epoch_enter() == 0);
	pendi_epoch_exit();
	if (again) {
		oracle_mark(&spring->again, again - 1);
		pendi_epoch_retire(node);
		for (int n = 0; n < 4; n++)
			CHECK(pendi_epoch_poll() == 0);
	}
	oracle_mark(&spring->depth, depth - 1);
}

void function_may_retire_and_poll(void)
{
	enum { AGAIN = 6 };
	struct spring spring = { .node.reclaim = reclaim_spring, .again.value = AGAIN };

	pendi_epoch_retire(&spring.node);
	for (int n = 0; n <= AGAIN; n++)
		CHECK(pendi_epoch_barrier() == 0);
	CHECK(oracle_read(&spring.again) == 0);
	CHECK(oracle_read(&spring.deepest) == 1);
	CHECK(pendi_epoch_limbo() == 0);
}

void stalled_reader_is_named(void)
{
	struct pendi_epoch_stall stalls[3];
	struct pend_epoch_stall public;
	struct parked old, young;

	clock_set_ns(100 * SECOND_NS);
	park(&old);
	CHECK(pendi_epoch_stalled(0, stalls, 3) == 0);
	clock_set_ns(107 * SECOND_NS);
	park(&young);
	CHECK(pendi_epoch_stalled(8 * SECOND_NS, stalls, 3) == 0);
	CHECK(pendi_epoch_stalled(7 * SECOND_NS, stalls, 3) == 1);
	CHECK(stalls[0].tid == old.tid && stalls[0].since_ns == 100 * SECOND_NS);
	CHECK(stalls[0].thread > 0 && stalls[0].thread < pendi_thread_limit());
	clock_set_ns(109 * SECOND_NS);
	CHECK(pendi_epoch_stalled(0, stalls, 3) == 2);
	CHECK(stalls[0].tid == old.tid && stalls[0].since_ns == 100 * SECOND_NS);
	CHECK(stalls[1].tid == young.tid && stalls[1].since_ns == 107 * SECOND_NS);
	memset(stalls, 0, sizeof(stalls));
	CHECK(pendi_epoch_stalled(0, stalls, 1) == 2);
	CHECK(stalls[0].tid == old.tid && stalls[1].tid == 0);
	CHECK(pend_epoch_stalled(9 * SECOND_NS, &public, 1) == 1);
	CHECK(public.tid == old.tid && public.reserved == 0);
	CHECK(public.since_ns == 100 * SECOND_NS);
	unpark(&old);
	CHECK(pendi_epoch_stalled(0, stalls, 3) == 1);
	CHECK(stalls[0].tid == young.tid);
	unpark(&young);
	CHECK(pendi_epoch_stalled(0, stalls, 3) == 0);
}

void busy_reader_is_not_stalled(void)
{
	struct pendi_epoch_stall stall;

	for (uint64_t second = 200; second < 300; second++) {
		clock_set_ns(second * SECOND_NS);
		CHECK(pendi_epoch_enter() == 0);
		CHECK(pendi_epoch_stalled(0, &stall, 1) == 0);
		pendi_epoch_exit();
	}
	(void)oracle_add(&operations, 100);
}

void stalled_reader_bounds_limbo(void)
{
	enum { POOL = 1000 };
	static struct thing pool[POOL];
	struct parked parked;

	park(&parked);

	const size_t heap = mallinfo2().uordblks;

	for (size_t n = 0; n < POOL; n++) {
		thing_init(&pool[n]);
		thing_retire(&pool[n]);
		(void)pendi_epoch_poll();
	}
	CHECK(pendi_epoch_limbo() == POOL);
	CHECK(mallinfo2().uordblks == heap);
	for (size_t n = 0; n < POOL; n++)
		CHECK(oracle_read(&pool[n].reclaimed) == 0);
	unpark(&parked);
	if (native) /* no wait: whoever polls next finds it free to go */
		CHECK(pendi_epoch_poll() > 0);
	CHECK(pendi_epoch_barrier() == 0);
	CHECK(pendi_epoch_limbo() == 0);
	for (size_t n = 0; n < POOL; n++)
		CHECK(oracle_read(&pool[n].reclaimed) == 1);
}

void fence_changes_only_when_quiet(void)
{
	const enum pendi_epoch_fence before = pendi_epoch_fence_in_force();
	const enum pendi_epoch_fence other = before == PENDI_EPOCH_FENCE_PORTABLE
						     ? PENDI_EPOCH_FENCE_ASYMMETRIC
						     : PENDI_EPOCH_FENCE_PORTABLE;
	struct parked parked;

	CHECK(pendi_epoch_fence_select((enum pendi_epoch_fence)7) == -EINVAL);
	if (!native) {
		CHECK(pendi_epoch_fence_select(other) == -EOPNOTSUPP);
		CHECK(pendi_epoch_fence_select(before) == -EOPNOTSUPP);
		return;
	}
	if (pendi_script.membarrier_register) /* portable it is, and stays: main() has checked */
		return;
	park(&parked);
	CHECK(pendi_epoch_fence_select(other) == -EBUSY);
	CHECK(pendi_epoch_fence_in_force() == before);
	unpark(&parked);
	CHECK(pendi_epoch_fence_select(other) == 0);
	CHECK(pendi_epoch_fence_in_force() == other);
	CHECK(pendi_epoch_fence_select(before) == 0);
	CHECK(pendi_epoch_fence_in_force() == before);
}

static int refuse_late(void)
{
	return -EPERM;
}

/* Only a script can do this: the kernel grants for ever what it granted once. */
void refused_membarrier_frees_nothing(void)
{
	struct thing thing;

	if (!native || pendi_epoch_fence_in_force() == PENDI_EPOCH_FENCE_PORTABLE)
		return;
	thing_init(&thing);
	pendi_script.membarrier = refuse_late;
	thing_retire(&thing);
	for (int n = 0; n < 8; n++)
		CHECK(pendi_epoch_poll() == 0);
	CHECK(pendi_epoch_fence_select(PENDI_EPOCH_FENCE_PORTABLE) == -EBUSY);
	CHECK(pendi_epoch_limbo() == 1);
	pendi_script.membarrier = NULL;
	CHECK(pendi_epoch_poll() == 1);
	CHECK(oracle_read(&thing.reclaimed) == 1);
}
