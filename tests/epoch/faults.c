/* SPDX-License-Identifier: MIT */
/*
 * faults.c - the registry and the epoch when the system refuses what they need, and what only a
 * race can reach, step by step.
 *
 * Each test is a child of its own, since what is settled in a process is settled for good. The
 * library is compiled over chaos_oracle.h, so that another thread can act between two accesses
 * (between.h); linked with --wrap, so that calls of the C library come here first. TAP on standard
 * output.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "epoch/epoch.h"
#include "epoch/record.h"
#include "epoch/thread.h"
#include "epoch_oracle.h"
#include "platform/script.h"
#include "tests/support/between.h"
#include "tests/support/check.h"
#include "tests/support/wrap.h"

/* ---- what is refused ---- */

static bool refuses_key, refuses_handler;
static int refused_values;

WRAPPED(int, pthread_key_create, pthread_key_t *key, void (*destructor)(void *))
{
	return refuses_key ? EAGAIN : __real_pthread_key_create(key, destructor);
}

WRAPPED(int, pthread_atfork, void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	return refuses_handler ? ENOMEM : __real_pthread_atfork(prepare, parent, child);
}

WRAPPED(int, pthread_setspecific, pthread_key_t key, const void *value)
{
	return refused_values && refused_values-- ? ENOMEM : __real_pthread_setspecific(key, value);
}

/* Who waits for another thread lets it go on: there is no other way to the end of these tests. */
static sem_t someone_waits;
static int waits;

WRAPPED(int, sched_yield, void)
{
	if (waits++ == 0)
		sem_post(&someone_waits);
	return __real_sched_yield();
}

/* ---- things ---- */

struct thing {
	struct pendi_epoch_node node;
	struct oracle_count reclaimed;
	void (*then)(void);
};

static void reclaim(struct pendi_epoch_node *node)
{
	struct thing *thing = PENDI_CONTAINER_OF(node, struct thing, node);

	(void)oracle_add(&thing->reclaimed, 1);
	if (thing->then)
		thing->then();
}

static void retire(struct thing *thing)
{
	thing->node.reclaim = reclaim;
	pendi_epoch_retire(&thing->node);
}

/* Nobody is registered, and yet what is retired is reclaimed. */
static void check_guest(void)
{
	static struct thing thing;

	CHECK_INT(pendi_epoch_enter(), ==, -EAGAIN);
	CHECK_U64(pendi_thread_number(), ==, 0);
	retire(&thing);
	CHECK_U64(pendi_epoch_limbo(), ==, 1);
	CHECK_INT(pendi_epoch_synchronize(), ==, 0);
	CHECK_INT(pendi_epoch_barrier(), ==, 0);
	CHECK_U64(oracle_read(&thing.reclaimed), ==, 1);
}

static void without_a_key_nobody_is_registered(void)
{
	refuses_key = true;
	check_guest();
	refuses_key = false;
	CHECK_INT(pendi_epoch_enter(), ==, -EAGAIN);
}

static void without_a_fork_handler_nobody_is_registered(void)
{
	refuses_handler = true;
	check_guest();
}

static void without_a_value_this_thread_is_not_registered(void)
{
	refused_values = 2;
	CHECK_INT(pendi_epoch_enter(), ==, -EAGAIN);
	CHECK_INT(pendi_epoch_enter(), ==, -EAGAIN);
	CHECK_INT(pendi_epoch_enter(), ==, 0);
	CHECK_U64(pendi_thread_number(), ==, 1);
	CHECK_U64(pendi_thread_limit(), ==, 2);
	pendi_epoch_exit();
}

/* ---- guests ---- */

static sem_t is_reclaiming;
static struct thing held;

/* The one guest's function runs until the other guest has waited for it. */
static void hold_the_record(void)
{
	CHECK_INT(pendi_epoch_synchronize(), ==, -EDEADLK);
	sem_post(&is_reclaiming);
	while (sem_wait(&someone_waits) != 0)
		;
}

static void *first_guest(void *argument)
{
	(void)argument;
	held.then = hold_the_record;
	retire(&held);
	while (!oracle_read(&held.reclaimed))
		(void)pendi_epoch_poll();
	return NULL;
}

/* There is one record for all that have none: who finds it taken polls for nothing, and waits. */
static void guests_take_turns(int (*wait)(void))
{
	pthread_t thread;

	refuses_key = true;
	CHECK(sem_init(&someone_waits, 0, 0) == 0);
	CHECK(sem_init(&is_reclaiming, 0, 0) == 0);
	CHECK(pthread_create(&thread, NULL, first_guest, NULL) == 0);
	while (sem_wait(&is_reclaiming) != 0)
		;
	waits = 0;
	CHECK_U64(pendi_epoch_poll(), ==, 0);
	CHECK_INT(wait(), ==, 0);
	CHECK(waits > 0);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK_U64(oracle_read(&held.reclaimed), ==, 1);
}

static void a_guest_waits_for_a_guest(void)
{
	guests_take_turns(pendi_epoch_synchronize);
}

static void a_guests_barrier_waits_for_a_guest(void)
{
	guests_take_turns(pendi_epoch_barrier);
}

/* ---- more CPUs than lanes ---- */

static uint32_t played_cpu;

static uint32_t script_possible(void)
{
	return 1000;
}

static uint32_t script_current(void)
{
	return played_cpu;
}

static void cpus_beyond_the_lanes_share_them(void)
{
	static struct thing things[1000];

	pendi_script.cpu_possible = script_possible;
	pendi_script.cpu_current = script_current;
	for (played_cpu = 0; played_cpu < 1000; played_cpu++)
		retire(&things[played_cpu]);
	CHECK_INT(pendi_epoch_barrier(), ==, 0);
	for (size_t n = 0; n < 1000; n++)
		CHECK_U64(oracle_read(&things[n].reclaimed), ==, 1);
}

/* ---- the fence ---- */

static int says_again;

static int script_barrier(void)
{
	says_again = pendi_epoch_fence_select(PENDI_EPOCH_FENCE_PORTABLE);
	return 0;
}

static int script_register(void)
{
	return 0;
}

static void one_change_of_fence_at_a_time(void)
{
	pendi_script.membarrier_register = script_register;
	pendi_script.membarrier = script_barrier;
	CHECK(pendi_epoch_fence_in_force() == PENDI_EPOCH_FENCE_ASYMMETRIC);
	CHECK_INT(pendi_epoch_fence_select(PENDI_EPOCH_FENCE_PORTABLE), ==, 0);
	CHECK_INT(says_again, ==, -EBUSY);
	CHECK(pendi_epoch_fence_in_force() == PENDI_EPOCH_FENCE_PORTABLE);
}

/* ---- races, step by step ---- */

static void *comes_and_stays(void *argument)
{
	sem_t *const end = argument;

	CHECK_INT(pendi_epoch_enter(), ==, 0);
	pendi_epoch_exit();
	if (end) {
		sem_post(&someone_waits);
		while (sem_wait(end) != 0)
			;
	}
	return NULL;
}

struct crowd {
	pthread_t thread;
	sem_t end;
	uint32_t number;
};

/* Starts a thread that is registered for as long as the test runs. */
static void *registers_another(void *argument)
{
	struct crowd *crowd = argument;

	CHECK(pthread_create(&crowd->thread, NULL, comes_and_stays, &crowd->end) == 0);
	while (sem_wait(&someone_waits) != 0)
		;
	return NULL;
}

static void *registers_in_between(void *argument)
{
	const uint32_t at = *(const uint32_t *)argument;
	static struct crowd first, crowd;

	CHECK(sem_init(&first.end, 0, 0) == 0);
	CHECK(sem_init(&crowd.end, 0, 0) == 0);
	(void)registers_another(&first);
	(void)between_begin_unregistered(at, registers_another, &crowd);
	CHECK_INT(pendi_epoch_enter(), ==, 0);
	if (!between_end())
		return (void *)1;
	CHECK(pendi_thread_number() < pendi_thread_limit());
	CHECK_U64(pendi_thread_limit(), ==, 4);
	pendi_epoch_exit();
	sem_post(&first.end);
	sem_post(&crowd.end);
	CHECK(pthread_join(first.thread, NULL) == 0);
	CHECK(pthread_join(crowd.thread, NULL) == 0);
	return NULL;
}

/* Runs @function in children, for each place, until there are none. */
static void each_place(void *(*function)(void *))
{
	uint32_t at = 0;
	int status = 0;

	for (bool more = true; more; at++) {
		const pid_t child = fork();

		if (child == 0) {
			(void)alarm(10);
			_exit(function(&at) ? 77 : 0);
		}
		CHECK(waitpid(child, &status, 0) == child);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) % 77 == 0);
		more = WEXITSTATUS(status) == 0;
	}
	CHECK(at > 3);
}

/* Two threads register at once: each has a number of its own, below the limit. */
static void two_register_at_once(void)
{
	CHECK(sem_init(&someone_waits, 0, 0) == 0);
	each_place(registers_in_between);
}

static void *moves_the_epoch_on(void *argument)
{
	static struct thing its;

	(void)argument;
	retire(&its);
	for (uint32_t i = 0; i < 3; i++)
		(void)pendi_epoch_poll();
	return NULL;
}

static void *waits_for_all_in_between(void *argument)
{
	const uint32_t at = *(const uint32_t *)argument;
	static struct thing thing;

	CHECK(pendi_thread_number() != 0);
	retire(&thing);
	(void)between_begin(at, moves_the_epoch_on, NULL);
	CHECK_INT(pendi_epoch_barrier(), ==, 0);
	CHECK_U64(oracle_read(&thing.reclaimed), ==, 1);
	return between_end() ? NULL : (void *)1;
}

/* The epoch moves on at any place of a barrier, so that it has seen more of some lanes than of
 * others. */
static void a_barrier_while_the_epoch_moves(void)
{
	each_place(waits_for_all_in_between);
}

static uint64_t now_ns = 1000;

static uint64_t script_clock(void)
{
	return now_ns;
}

static void *reports(void *argument)
{
	(void)argument;
	now_ns += 100;
	return (void *)(uintptr_t)pendi_epoch_stalled(0, NULL, 0);
}

/* Two reports at once: whatever the reader's time is then, it is not before the first look. */
static void *reports_in_between(void *argument)
{
	const uint32_t at = *(const uint32_t *)argument;
	struct pendi_epoch_stall stall;

	pendi_script.clock_boot_ns = script_clock;
	CHECK_INT(pendi_epoch_enter(), ==, 0);
	(void)between_begin(at, reports, NULL);
	(void)pendi_epoch_stalled(0, &stall, 1);
	if (!between_end())
		return (void *)1;
	now_ns += 100;
	CHECK_U64(pendi_epoch_stalled(0, &stall, 1), ==, 1);
	CHECK(stall.since_ns >= 1000 && stall.since_ns <= 1100);
	pendi_epoch_exit();
	return NULL;
}

static void two_report_at_once(void)
{
	each_place(reports_in_between);
}

/* A clock that goes back, or stands, makes nobody look older. */
static void a_clock_that_goes_back_names_nobody(void)
{
	struct pendi_epoch_stall stall;

	pendi_script.clock_boot_ns = script_clock;
	CHECK_INT(pendi_epoch_enter(), ==, 0);
	CHECK_U64(pendi_epoch_stalled(0, &stall, 1), ==, 0);
	now_ns -= 10;
	CHECK_U64(pendi_epoch_stalled(0, &stall, 1), ==, 0);
	now_ns += 10;
	pendi_epoch_exit();
	CHECK_INT(pendi_epoch_enter(), ==, 0); /* another section, seen at the same time */
	CHECK_U64(pendi_epoch_stalled(0, &stall, 1), ==, 0);
	CHECK_U64(pendi_epoch_stalled(0, &stall, 1), ==, 1);
	CHECK_U64(stall.since_ns, ==, 1000);
	pendi_epoch_exit();
}

/* ---- who has stalled longest is named first ---- */

static void *stalls(void *argument)
{
	sem_t *const end = argument;

	CHECK_INT(pendi_epoch_enter(), ==, 0);
	sem_post(&someone_waits);
	while (sem_wait(end) != 0)
		;
	pendi_epoch_exit();
	return NULL;
}

/* The second thread enters first. */
static void the_oldest_are_named_first(void)
{
	struct crowd readers[3];
	struct pendi_epoch_stall stalled[3];

	pendi_script.clock_boot_ns = script_clock;
	CHECK(sem_init(&someone_waits, 0, 0) == 0);
	for (size_t i = 0; i < 3; i++)
		CHECK(sem_init(&readers[i].end, 0, 0) == 0);
	CHECK_U64(pendi_thread_number(), ==, 1);
	CHECK(pthread_create(&readers[0].thread, NULL, stalls, &readers[0].end) == 0);
	while (sem_wait(&someone_waits) != 0)
		;
	now_ns = 2000;
	CHECK_U64(pendi_epoch_stalled(0, NULL, 0), ==, 0);
	CHECK(pthread_create(&readers[1].thread, NULL, stalls, &readers[1].end) == 0);
	while (sem_wait(&someone_waits) != 0)
		;
	now_ns = 3000;
	(void)pendi_epoch_stalled(0, NULL, 0);
	CHECK_INT(pendi_epoch_enter(), ==, 0); /* of the lowest number, and the youngest */
	now_ns = 4000;
	(void)pendi_epoch_stalled(0, NULL, 0);
	now_ns = 5000;
	CHECK_U64(pendi_epoch_stalled(0, stalled, 3), ==, 3);
	for (size_t i = 0; i < 3; i++)
		CHECK_U64(stalled[i].since_ns, ==, 2000 + 1000 * i);
	CHECK_U64(stalled[2].thread, ==, 1);
	memset(stalled, 0, sizeof(stalled));
	CHECK_U64(pendi_epoch_stalled(0, stalled, 2), ==, 3);
	CHECK_U64(stalled[0].since_ns, ==, 2000);
	CHECK_U64(stalled[1].since_ns, ==, 3000);
	CHECK_U64(stalled[2].since_ns, ==, 0);
	CHECK_U64(pendi_epoch_stalled(0, stalled, 1), ==, 3);
	CHECK_U64(stalled[0].since_ns, ==, 2000);
	pendi_epoch_exit();
	for (size_t i = 0; i < 2; i++) {
		sem_post(&readers[i].end);
		CHECK(pthread_join(readers[i].thread, NULL) == 0);
	}
}

#define TEST(function)              \
	{                           \
#function, function \
	}

static const struct {
	const char *name;
	void (*function)(void);
} tests[] = {
	TEST(without_a_key_nobody_is_registered),
	TEST(without_a_fork_handler_nobody_is_registered),
	TEST(without_a_value_this_thread_is_not_registered),
	TEST(a_guest_waits_for_a_guest),
	TEST(a_guests_barrier_waits_for_a_guest),
	TEST(cpus_beyond_the_lanes_share_them),
	TEST(one_change_of_fence_at_a_time),
	TEST(two_register_at_once),
	TEST(a_barrier_while_the_epoch_moves),
	TEST(two_report_at_once),
	TEST(a_clock_that_goes_back_names_nobody),
	TEST(the_oldest_are_named_first),
};

int main(void)
{
	const size_t count = sizeof(tests) / sizeof(tests[0]);
	bool passed = true;

	for (size_t n = 0; n < count; n++) {
		int status = -1;
		pid_t child;

		fflush(stdout);
		child = fork();
		if (child == 0) {
			(void)alarm(30); /* it hangs if it is wrong */
			tests[n].function();
			_exit(0);
		}
		const bool good = child > 0 && waitpid(child, &status, 0) == child && status == 0;

		passed = passed && good;
		printf("%s %zu - %s\n", good ? "ok" : "not ok", n + 1, tests[n].name);
	}
	printf("1..%zu\n", count);
	return passed ? 0 : 1;
}
