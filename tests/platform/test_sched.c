/* SPDX-License-Identifier: MIT */
/*
 * test_sched.c - unit tests of platform/sched.c: granted, refused, out of range, scripted.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "platform/sched.h"
#include "platform/script.h"

static uint32_t asked_priority;

static int script_refuse(uint32_t priority)
{
	asked_priority = priority;
	return -EPERM;
}

static void assert_as_before(void)
{
	struct sched_param now = { -1 };

	cr_assert_eq(sched_getscheduler(0), SCHED_OTHER);
	cr_assert_eq(sched_getparam(0, &now), 0);
	cr_assert_eq(now.sched_priority, 0);
}

Test(sched, a_thread_that_may_becomes_fifo_of_its_priority)
{
	struct sched_param now = { -1 };
	const int answer = pendi_sched_fifo(1);

	if (answer == -EPERM) {
		assert_as_before();
		cr_skip("SCHED_FIFO is not allowed here");
	}
	cr_assert_eq(answer, 0);
	cr_assert_eq(sched_getscheduler(0), SCHED_FIFO);
	cr_assert_eq(pendi_sched_fifo(7), 0);
	cr_assert_eq(sched_getparam(0, &now), 0);
	cr_assert_eq(now.sched_priority, 7);
}

Test(sched, a_thread_without_the_right_is_refused)
{
	const struct rlimit none = { 0, 0 };

	cr_assert_eq(setrlimit(RLIMIT_RTPRIO, &none), 0);
	if (geteuid() == 0)
		cr_assert_eq(setuid(65534), 0);
	cr_assert_eq(pendi_sched_fifo(1), -EPERM);
	assert_as_before();
}

Test(sched, a_priority_that_there_is_not_is_refused)
{
	const uint32_t wrong[] = { 0, 100, 1u << 31, UINT32_MAX };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_eq(pendi_sched_fifo(wrong[i]), -EINVAL, "%u", wrong[i]);
	assert_as_before();
}

Test(sched, a_scripted_answer_changes_nothing)
{
	pendi_script.sched_fifo = script_refuse;
	cr_assert_eq(pendi_sched_fifo(12), -EPERM);
	cr_assert_eq(asked_priority, 12);
	assert_as_before();
}
