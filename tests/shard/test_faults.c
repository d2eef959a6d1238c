/* SPDX-License-Identifier: MIT */
/*
 * test_faults.c - an engine to which the system refuses threads, descriptors and locks, whose CPUs
 * are on two nodes, and which threads without a number come to.
 *
 * Linked with --wrap: what the library calls comes here first, and goes on to the real thing unless
 * the test has said that it fails.
 */
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "engine/object/options.h"
#include "engine/shard/visit.h"
#include "epoch/record.h"
#include "platform/memory.h"
#include "platform/uevent.h"
#include "tests/shard/cast.h"
#include "tests/support/wrap.h"

/* ---- what the system refuses ---- */

/* The call after so many fails; 0: none does. */
static uint32_t fails_thread, fails_epoll, fails_eventfd, fails_timer, fails_add, fails_mutex,
	fails_condition;

static bool is_refused(uint32_t *countdown, int error)
{
	if (*countdown == 0 || --*countdown)
		return false;
	errno = error;
	return true;
}

WRAPPED(int, pthread_create, pthread_t *thread, const pthread_attr_t *attributes,
	void *(*run)(void *), void *argument)
{
	return is_refused(&fails_thread, EAGAIN)
		       ? EAGAIN
		       : __real_pthread_create(thread, attributes, run, argument);
}

WRAPPED(int, pthread_mutex_init, pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
	return is_refused(&fails_mutex, ENOMEM) ? ENOMEM
						: __real_pthread_mutex_init(mutex, attributes);
}

WRAPPED(int, pthread_cond_init, pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
	return is_refused(&fails_condition, ENOMEM)
		       ? ENOMEM
		       : __real_pthread_cond_init(condition, attributes);
}

WRAPPED(int, epoll_create1, int flags)
{
	return is_refused(&fails_epoll, EMFILE) ? -1 : __real_epoll_create1(flags);
}

WRAPPED(int, eventfd, unsigned int value, int flags)
{
	return is_refused(&fails_eventfd, ENFILE) ? -1 : __real_eventfd(value, flags);
}

WRAPPED(int, timerfd_create, int clock, int flags)
{
	return is_refused(&fails_timer, EMFILE) ? -1 : __real_timerfd_create(clock, flags);
}

WRAPPED(int, epoll_ctl, int epoll, int operation, int handle, struct epoll_event *event)
{
	return operation == EPOLL_CTL_ADD && is_refused(&fails_add, ENOSPC)
		       ? -1
		       : __real_epoll_ctl(epoll, operation, handle, event);
}

/* The lowest descriptor that is free: whether one was left open. */
static int lowest(void)
{
	const int handle = dup(0);

	cr_assert_geq(handle, 0);
	cr_assert_eq(close(handle), 0);
	return handle;
}

/* Refused with @error, and nothing is left of it. */
static void refuse(uint32_t flags, int error)
{
	struct pend_engine_options options = manual_options();
	const int before = lowest();

	options.flags = flags;
	cr_assert_eq(pend_engine_create(&options, &engine), error);
	cr_assert_null(engine);
	cr_assert_eq(lowest(), before);
}

Test(engine_faults, what_an_engine_cannot_do_without)
{
	const uint32_t flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;

	fails_mutex = 1;
	refuse(flags, -ENOMEM);
	fails_mutex = 2;
	refuse(flags, -ENOMEM);
	fails_condition = 1;
	refuse(flags, -ENOMEM);
	fails_epoll = 1;
	refuse(flags, -EMFILE);
	fails_eventfd = 1;
	refuse(flags, -ENFILE);
	fails_add = 1;
	refuse(flags, -ENOSPC);
	fails_add = 1;
	refuse(0, -ENOSPC);
}

/* Each thread in turn: those that were started before it are ended. */
Test(engine_faults, every_thread_may_be_refused)
{
	uint32_t refused = 0;

	for (;; refused++) {
		struct pend_engine_options options = manual_options();

		options.flags = 0;
		fails_thread = refused + 1;

		const int error = pend_engine_create(&options, &engine);

		if (error == 0) {
			cr_assert_eq(pend_engine_destroy(engine), 0);
			break;
		}
		/* retval: pend_engine_create -EAGAIN */
		cr_assert_eq(error, -EAGAIN);
		cr_assert_null(engine);
	}
	cr_assert_geq(refused, 2, "an executor and the monitor at least");
}

static int script_no_uevents(void)
{
	return -EPERM;
}

static sem_t clock_was_read;

static uint64_t script_clock(void)
{
	sem_post(&clock_was_read);
	return UINT64_C(1000000000);
}

static void await_look(void)
{
	while (sem_wait(&clock_was_read) != 0)
		;
}

/* Timer and events are for noticing sooner: an engine without them works. */
Test(engine_faults, what_an_engine_can_do_without)
{
	struct pend_engine_options options = manual_options();

	options.flags = PEND_ENGINE_POLLED;
	options.stall_ns = 1000000;
	fails_timer = 1;
	pendi_script.uevent_open = script_no_uevents;
	cr_assert_eq(sem_init(&clock_was_read, 0, 0), 0);
	pendi_script.clock_mono_ns = script_clock;
	engine = make_engine(&options);
	for (int i = 0; i < 32; i++) /* several looks, whatever each reads */
		await_look();
	pendi_script.clock_mono_ns = NULL;
	cr_assert_eq(engine->monitor.timer, -1);
	cr_assert_lt(engine->monitor.uevents, 0);
	cr_assert_eq(pend_engine_destroy(engine), 0);
	pendi_script.uevent_open = NULL;
	for (fails_add = 2; fails_add;) { /* the second is the timer, the third the events */
		engine = make_engine(&options);
		cr_assert_eq(engine->monitor.timer, -1);
		fails_add = 0;
		cr_assert_eq(pend_engine_destroy(engine), 0);
	}
	fails_add = 3;
	engine = make_engine(&options);
	cr_assert_geq(engine->monitor.timer, 0);
	cr_assert_eq(engine->monitor.uevents, -1);
	fails_add = 0;
	cr_assert_eq(pend_engine_destroy(engine), 0);
}

/* What an older caller does not know keeps its default. */
Test(engine_faults, options_that_end_earlier_leave_the_rest)
{
	const uint32_t from[3] = { 8, 1, 2 };
	uint32_t into[3] = { 0, 7, 7 };

	cr_assert_eq(pendi_options_read(into, sizeof(into), 8, from), 0);
	cr_assert_eq(into[1], 1);
	cr_assert_eq(into[2], 7);
}

/* ---- nodes ---- */

static uint32_t bound, bound_node[FAKE_CPUS];
static size_t bound_bytes;

static bool script_usable(void)
{
	return true;
}

static bool script_two_nodes(uint32_t node)
{
	return node < 2;
}

static int script_bind(void *pages, size_t bytes, uint32_t node)
{
	(void)pages;
	bound_bytes = bytes;
	bound_node[bound++ % FAKE_CPUS] = node;
	return 0;
}

static size_t refused_from;

static int script_refuse_large(size_t size)
{
	return refused_from && size >= refused_from;
}

static void *own_allocate(void *context, size_t size, size_t alignment)
{
	return pendi_memory_default.allocate(context, size, alignment);
}

static void own_release(void *context, void *memory, size_t size)
{
	pendi_memory_default.release(context, memory, size);
}

/* CPUs 0 and 1 on node 0, 2 and 3 on node 1. */
static struct pend_engine_options two_nodes(void)
{
	struct pend_engine_options options = manual_options();

	machine_play();
	machine_node[2] = machine_node[3] = 1;
	pendi_script.numa_usable = script_usable;
	pendi_script.numa_has_memory = script_two_nodes;
	pendi_script.numa_bind = script_bind;
	options.queue_entries = 1u << 16;
	return options;
}

Test(engine_faults, each_queue_is_placed_on_its_cpus_node)
{
	const struct pend_engine_options options = two_nodes();

	cr_assert_eq(pend_engine_destroy(make_engine(&options)), 0);
	cr_assert_eq(bound, FAKE_CPUS);
	for (uint32_t cpu = 0; cpu < FAKE_CPUS; cpu++)
		cr_assert_eq(bound_node[cpu], cpu / 2);
	cr_assert_geq(bound_bytes, (size_t)8 << 16);
}

Test(engine_faults, small_queues_are_not_placed)
{
	struct pend_engine_options options = two_nodes();

	options.queue_entries = 16;
	cr_assert_eq(pend_engine_destroy(make_engine(&options)), 0);
	cr_assert_eq(bound, 0);
}

Test(engine_faults, a_callers_memory_is_the_callers_to_place)
{
	const struct pend_allocator allocator = { .size = sizeof(allocator),
						  .allocate = own_allocate,
						  .release = own_release };
	struct pend_engine_options options = two_nodes();

	options.allocator = &allocator;
	cr_assert_eq(pend_engine_destroy(make_engine(&options)), 0);
	cr_assert_eq(bound, 0);
}

Test(engine_faults, a_queue_that_was_refused_is_not_placed)
{
	const struct pend_engine_options options = two_nodes();

	pendi_script.allocation_fails = script_refuse_large;
	refused_from = (size_t)8 << 16;
	cr_assert_eq(pend_engine_create(&options, &engine), -ENOMEM);
	cr_assert_eq(bound, 0);
}

/* ---- the end ---- */

Test(engine_faults, two_cannot_destroy_it)
{
	const struct pend_engine_options options = manual_options();

	engine = make_engine(&options);
	cr_assert(pendi_roster_close(&engine->entry), "as another thread that destroys it");
	cr_assert_eq(pend_engine_destroy(engine), -ESHUTDOWN);
	pendi_roster_enrol(&engine->entry);
	cr_assert_eq(pend_engine_destroy(engine), 0);
}

Test(engine_faults, a_stopped_entry_can_be_closed_and_a_closing_one_cannot)
{
	struct pendi_roster_entry entry = { 0 };

	cr_assert_not(pendi_roster_close(&entry), "dead");
	pendi_roster_enrol(&entry);
	pendi_roster_set_open(&entry, false);
	cr_assert(pendi_roster_close(&entry));
	cr_assert_not(pendi_roster_close(&entry), "somebody else does");
	cr_assert_eq(pendi_roster_stage(&entry), PENDI_STAGE_CLOSING);
}

/* ---- on the machine of fake.h ---- */

TestSuite(shard_faults, .init = begin_scene_by_hand, .fini = end_scene);

/* What a thread without a number is told, once the table is full. */
static struct {
	uint32_t done;
	int polled;
	uint64_t wait_ns;
} numberless;

static void *come_without_a_number(void *argument)
{
	(void)argument;
	numberless.done = pendi_executor_turn(engine->shards[1]);
	pendi_executor_sleep(engine->shards[1]);
	pendi_executor_own = NULL;
	numberless.polled = pend_engine_poll(engine, 1, 1);
	numberless.wait_ns = pendi_monitor_look(engine);
	pendi_monitor_chores(engine, machine_mono_ns, true);
	return NULL;
}

Test(shard_faults, a_thread_without_a_number_serves_nothing)
{
	pthread_t thread;

	cr_assert_neq(pendi_thread_number(), 0);
	cr_assert(pendi_engine_hint(&fake.client, 1, 5));
	for (uint32_t i = 1; i < PENDI_THREADS; i++) {
		/* relaxed: only this thread looks. */
		if (!pendi_load_relaxed(&pendi_thread_records[i].owner))
			pendi_store_relaxed(&pendi_thread_records[i].owner, 1);
	}
	cr_assert_eq(pthread_create(&thread, NULL, come_without_a_number, NULL), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_assert_eq(numberless.done, 0);
	cr_assert_eq(numberless.polled, -EAGAIN);
	cr_assert_eq(numberless.wait_ns, engine->stall_ns / 2);
	cr_assert_eq(fake.total, 0);
	cr_assert_eq(stats_of(engine, 1).sleeps, 0);
	cr_assert_eq(pend_engine_poll(engine, 1, 1), 1);
	cr_assert_eq(fake.served[5], 1);
}

/* Executor @cpu, about to sleep, finds a reason not to. */
static bool slept(uint32_t cpu)
{
	const uint64_t before = stats_of(engine, cpu).sleeps;

	sleep_turn(engine, cpu);
	return stats_of(engine, cpu).sleeps != before;
}

static int script_no_wait(const void *word, uint32_t expected, uint64_t timeout_ns)
{
	(void)word;
	(void)expected;
	machine_mono_ns += timeout_ns;
	return -ETIMEDOUT;
}

Test(shard_faults, news_of_its_cpu_or_of_a_suspend_keep_it_awake)
{
	pendi_script.futex_wait = script_no_wait;
	settle(engine, &fake);
	(void)turn(engine, 1);
	cr_assert(slept(1));
	/* relaxed, all: one thread. */
	pendi_store_relaxed(&engine->shards[1]->executor.retry, 1);
	cr_assert_not(slept(1));
	pendi_store_relaxed(&engine->shards[1]->executor.retry, 0);
	cr_assert(slept(1));
	(void)turn(engine, 1);
	cr_assert_not(pendi_shard_wants_pass(engine->shards[1], machine_mono_ns));
	pendi_store_relaxed(&engine->offset_ns, pendi_load_relaxed(&engine->offset_ns) + 1000);
	cr_assert_not(slept(1));
	cr_assert(pendi_shard_wants_pass(engine->shards[1], machine_mono_ns));
	(void)turn(engine, 1);
	cr_assert(slept(1));
}

Test(shard_faults, the_lost_try_again_when_it_is_time)
{
	struct pendi_executor *executor = &engine->shards[1]->executor;

	pendi_script.futex_wait = script_no_wait;
	settle(engine, &fake);
	unplug(1, 0);
	(void)turn(engine, 1);
	cr_assert_eq(stats_of(engine, 1).losses, 1);
	(void)turn(engine, 1);
	executor->retry_at_ns = machine_mono_ns;
	cr_assert_not(slept(1), "it is time");
	executor->retry_at_ns = machine_mono_ns + 1000000;
	cr_assert(slept(1));
}

/* A tick that comes before the next try is what it wakes for. */
static uint64_t asked_timeout_ns;

static int script_note_wait(const void *word, uint32_t expected, uint64_t timeout_ns)
{
	asked_timeout_ns = timeout_ns;
	return script_no_wait(word, expected, timeout_ns);
}

Test(shard_faults, the_last_one_lost_wakes_for_a_tick_that_comes_first)
{
	const uint32_t last = FAKE_CPUS - 1;

	pendi_script.futex_wait = script_note_wait;
	settle(engine, &fake);
	for (uint32_t cpu = 0; cpu < FAKE_CPUS; cpu++) {
		unplug(cpu, (cpu + 1) % FAKE_CPUS);
		(void)turn(engine, cpu);
	}
	(void)turn(engine, last);
	cr_assert_eq(server_of(engine, 1), last);
	engine->shards[last]->executor.retry_at_ns = machine_mono_ns + UINT64_C(60000000000);
	fake.looks[1][0] = pendi_engine_tick_begun(engine, machine_mono_ns) + 2;
	cr_assert(slept(last));
	cr_assert_leq(asked_timeout_ns, 2 * engine->tick_ns);
}

static uint32_t asked_priority;

static int grant_fifo(uint32_t priority)
{
	asked_priority = priority;
	return 0;
}

Test(shard_faults, a_priority_that_is_granted_is_not_counted_as_refused)
{
	pendi_script.sched_fifo = grant_fifo;
	engine->fifo_priority = 7;
	pendi_executor_begin(engine->shards[1]);
	cr_assert_eq(asked_priority, 7);
	cr_assert_eq(stats_of(engine, 1).fifo_refused, 0);
}

/* ---- clients ---- */

static int refuse_barrier(void)
{
	return -EPERM;
}

static int grant_register(void)
{
	return 0;
}

/* What was granted is refused later, which kernels do not: time stands in for it. */
Test(engine_faults, leaving_without_the_barrier_takes_time)
{
	const struct pend_engine_options options = manual_options();
	struct pend_engine *made;
	static struct fake leaver;
	struct timespec before, after;
	int64_t passed_ns;

	pendi_script.membarrier_register = grant_register;
	made = make_engine(&options);
	cr_assert(made->light);
	leaver = fake_make();
	join(made, &leaver);
	pendi_script.membarrier = refuse_barrier;
	cr_assert_eq(clock_gettime(CLOCK_MONOTONIC, &before), 0);
	pendi_engine_leave(made, &leaver.client);
	cr_assert_eq(clock_gettime(CLOCK_MONOTONIC, &after), 0);
	passed_ns = (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec;
	cr_assert_geq(passed_ns, 10000000);
	cr_assert_eq(pend_engine_destroy(made), 0);
}

/* Numbers at the ends of the words they are kept in, and a word that has just become empty. */
Test(shard_faults, the_next_client_is_found_at_every_end)
{
	static struct fake last;

	last = fake_make();
	cr_assert_eq(pendi_client_next(engine, PENDI_CLIENTS - 64), 0, "in the last word");
	engine->number_next = PENDI_CLIENTS - 1;
	join(engine, &last);
	cr_assert_eq(last.client.number, PENDI_CLIENTS - 1);
	cr_assert_eq(pendi_client_next(engine, 0), fake.client.number);
	cr_assert_eq(pendi_client_next(engine, fake.client.number), PENDI_CLIENTS - 1);
	cr_assert_eq(pendi_client_next(engine, PENDI_CLIENTS - 1), 0);
	/* relaxed: one thread. As a client that leaves between the two looks. */
	pendi_store_relaxed(&engine->joined_words, pendi_load_relaxed(&engine->joined_words) | 2);
	cr_assert_eq(pendi_client_next(engine, fake.client.number), PENDI_CLIENTS - 1);
	pendi_engine_leave(engine, &last.client);
	cr_assert_eq(pendi_client_next(engine, fake.client.number), 0);
}

Test(shard_faults, a_client_that_is_just_leaving_is_not_tended)
{
	_Atomic(struct pendi_client *) *entry = &engine->clients[fake.client.number];

	/* relaxed, all: one thread. */
	pendi_store_relaxed(entry, NULL);
	pendi_engine_nudge(engine);
	(void)pendi_monitor_look(engine);
	cr_assert_eq(fake.tends, 0);
	pendi_store_relaxed(entry, &fake.client);
	pendi_engine_nudge(engine);
	(void)pendi_monitor_look(engine);
	cr_assert_eq(fake.tends, 1);
}

/* A pass that stopped at the first of three goes on behind it, and ends with it. */
Test(shard_faults, a_pass_that_goes_on_comes_around_once)
{
	static struct fake more[2];
	const uint32_t tick = pendi_engine_tick_begun(engine, machine_mono_ns);

	for (uint32_t i = 0; i < 2; i++) {
		more[i] = fake_make();
		join(engine, &more[i]);
		more[i].looks[0][0] = tick;
	}
	fake.looks[0][0] = fake.looks[0][1] = tick;
	cr_assert_eq(pend_engine_poll(engine, 0, 1), 1);
	cr_assert_eq(fake.passes, 1);
	cr_assert_eq(pend_engine_poll(engine, 0, 16), 3);
	cr_assert_eq(fake.passes, 2);
	for (uint32_t i = 0; i < 2; i++) {
		cr_assert_eq(more[i].passes, 1);
		pendi_engine_leave(engine, &more[i].client);
	}
}

Test(shard_faults, a_budget_beyond_belief_is_one)
{
	cr_assert(pendi_engine_hint(&fake.client, 0, 3));
	cr_assert_eq(pend_engine_poll(engine, 0, UINT32_MAX), 1);
}
