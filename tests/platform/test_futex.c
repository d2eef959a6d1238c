/* SPDX-License-Identifier: MIT */
/*
 * test_futex.c - unit tests of platform/futex.c: each result of the wait, and who is woken.
 *
 * Nothing here sleeps to let another thread get ready: a side that needs the other asks again
 * until it is there.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "platform/atomic.h"
#include "platform/clock.h"
#include "platform/futex.h"
#include "platform/script.h"

enum { SLEEPERS = 3 };

static _Atomic uint32_t word;
static _Atomic uint32_t returned;
static int results[SLEEPERS]; /* read after the join */

static void *sleep_once(void *argument)
{
	int *result = argument;

	*result = pendi_futex_wait(&word, 0, UINT64_MAX);
	/* relaxed: only a count; the results are read after the join. */
	pendi_fetch_add_relaxed(&returned, 1);
	return NULL;
}

static void start(pthread_t *threads, int count)
{
	for (int i = 0; i < count; i++) {
		results[i] = INT_MIN;
		cr_assert_eq(pthread_create(&threads[i], NULL, sleep_once, &results[i]), 0);
	}
}

static void join(const pthread_t *threads, int count)
{
	for (int i = 0; i < count; i++)
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
}

Test(futex, a_word_that_differs_is_not_waited_for)
{
	cr_assert_eq(pendi_futex_wait(&word, 1, UINT64_MAX), -EAGAIN);
	cr_assert_eq(pendi_futex_wait(&word, UINT32_MAX, 0), -EAGAIN);
}

Test(futex, a_wait_ends_when_its_time_is_over_and_not_before)
{
	const uint64_t start_ns = pendi_clock_boot_ns();

	cr_assert_eq(pendi_futex_wait(&word, 0, 2000000), -ETIMEDOUT);
	cr_assert_geq(pendi_clock_boot_ns() - start_ns, 2000000);
	cr_assert_eq(pendi_futex_wait(&word, 0, 0), -ETIMEDOUT);
}

Test(futex, a_wake_counts_whom_it_woke)
{
	pthread_t threads[SLEEPERS];
	int woken = 0;

	cr_assert_eq(pendi_futex_wake(&word, 1), 0);
	start(threads, SLEEPERS);
	while (woken < SLEEPERS) {
		const int now = pendi_futex_wake(&word, 1);

		cr_assert(now == 0 || now == 1);
		woken += now;
	}
	join(threads, SLEEPERS);
	for (int i = 0; i < SLEEPERS; i++)
		cr_assert_eq(results[i], 0);
	cr_assert_eq(pendi_futex_wake(&word, UINT32_MAX), 0);
}

Test(futex, a_word_that_is_not_aligned_is_an_error)
{
	static _Atomic uint32_t words[2];
	const uintptr_t between = (uintptr_t)words + 1;

	cr_assert_eq(pendi_futex_wake((_Atomic uint32_t *)between, 1), -EINVAL);
}

Test(futex, a_wake_of_nobody_wakes_nobody)
{
	pthread_t threads[SLEEPERS];
	int woken = 0;

	start(threads, SLEEPERS);
	for (int round = 0; round < 20000; round++) {
		cr_assert_eq(pendi_futex_wake(&word, 0), 0);
		(void)sched_yield();
	}
	/* relaxed: a thread that returned without being woken has done so long ago. */
	cr_assert_eq(pendi_load_relaxed(&returned), 0);
	while (woken < SLEEPERS)
		woken += pendi_futex_wake(&word, UINT32_MAX);
	cr_assert_eq(woken, SLEEPERS);
	join(threads, SLEEPERS);
}

static void ignore_signal(int number)
{
	(void)number;
}

Test(futex, a_signal_handler_interrupts_the_wait)
{
	struct sigaction action;
	pthread_t thread;

	memset(&action, 0, sizeof(action));
	action.sa_handler = ignore_signal;
	cr_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
	start(&thread, 1);
	/* relaxed: only asks whether to send another. */
	while (pendi_load_relaxed(&returned) == 0) {
		cr_assert_eq(pthread_kill(thread, SIGUSR1), 0);
		(void)sched_yield();
	}
	join(&thread, 1);
	cr_assert_eq(results[0], -EINTR);
}

Test(futex, the_longest_finite_timeout_is_no_mistake)
{
	pthread_t thread;

	cr_assert_eq(pendi_futex_wait(&word, 1, UINT64_MAX - 1), -EAGAIN);
	start(&thread, 1);
	while (pendi_futex_wake(&word, 1) == 0)
		(void)sched_yield();
	join(&thread, 1);
	cr_assert_eq(results[0], 0);
}

static const void *seen_word;
static uint64_t seen_number, seen_timeout_ns;

static int script_wait(const void *at, uint32_t expected, uint64_t timeout_ns)
{
	seen_word = at;
	seen_number = expected;
	seen_timeout_ns = timeout_ns;
	return -ETIMEDOUT;
}

static int script_wake(const void *at, uint32_t count)
{
	seen_word = at;
	seen_number = count;
	return 5;
}

Test(futex, a_script_plays_the_kernel)
{
	pendi_script.futex_wait = script_wait;
	pendi_script.futex_wake = script_wake;
	cr_assert_eq(pendi_futex_wait(&word, 9, UINT64_MAX), -ETIMEDOUT);
	cr_assert_eq(seen_word, &word);
	cr_assert_eq(seen_number, 9);
	cr_assert_eq(seen_timeout_ns, UINT64_MAX);
	seen_word = NULL;
	cr_assert_eq(pendi_futex_wake(&word, 7), 5);
	cr_assert_eq(seen_word, &word);
	cr_assert_eq(seen_number, 7);
	memset(&pendi_script, 0, sizeof(pendi_script));
	cr_assert_eq(pendi_futex_wait(&word, 9, UINT64_MAX), -EAGAIN);
}
