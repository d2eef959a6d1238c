/* SPDX-License-Identifier: MIT */
/*
 * test_clock.c - unit tests of platform/clock.c against the kernel's clocks and a scripted one.
 *
 * On a machine that was never suspended the boot clock reads like the monotonic one, so this
 * program has a clock_gettime() of its own that notes which clock was asked for.
 */
#include <criterion/criterion.h>

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "platform/clock.h"
#include "platform/script.h"

static uint64_t scripted_ns;

static uint64_t script_clock(void)
{
	return scripted_ns;
}

static clockid_t asked_clock;

/* Stands in for the C library's. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	asked_clock = clock;
	return (int)syscall(SYS_clock_gettime, clock, now);
}

static uint64_t kernel_ns(clockid_t clock)
{
	struct timespec now;

	cr_assert_eq(syscall(SYS_clock_gettime, clock, &now), 0);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

Test(clock, each_clock_reads_the_kernel_clock_of_its_name)
{
	for (int round = 0; round < 1000; round++) {
		uint64_t before = kernel_ns(CLOCK_MONOTONIC_COARSE);
		uint64_t now = pendi_clock_coarse_ns();

		cr_assert_eq(asked_clock, CLOCK_MONOTONIC_COARSE);
		cr_assert_leq(before, now);
		cr_assert_leq(now, kernel_ns(CLOCK_MONOTONIC_COARSE));
		before = kernel_ns(CLOCK_MONOTONIC);
		now = pendi_clock_mono_ns();
		cr_assert_eq(asked_clock, CLOCK_MONOTONIC);
		cr_assert_leq(before, now);
		cr_assert_leq(now, kernel_ns(CLOCK_MONOTONIC));
		before = kernel_ns(CLOCK_BOOTTIME);
		now = pendi_clock_boot_ns();
		cr_assert_eq(asked_clock, CLOCK_BOOTTIME);
		cr_assert_leq(before, now);
		cr_assert_leq(now, kernel_ns(CLOCK_BOOTTIME));
	}
}

Test(clock, the_coarse_clock_moves_by_itself)
{
	const uint64_t start = pendi_clock_coarse_ns();

	while (pendi_clock_coarse_ns() == start)
		;
	cr_assert_gt(pendi_clock_coarse_ns(), start);
}

Test(clock, the_boot_clock_sees_what_the_coarse_one_does_not)
{
	uint64_t last = pendi_clock_boot_ns();
	int moves = 0;

	for (int round = 0; round < 100000; round++) {
		const uint64_t now = pendi_clock_boot_ns();

		cr_assert_geq(now, last);
		moves += now != last;
		last = now;
	}
	cr_assert_gt(moves, 1000);
}

/* So that a coarse timestamp may be compared with a mono one. */
Test(clock, the_coarse_clock_is_never_ahead_of_the_mono_one)
{
	for (int round = 0; round < 100000; round++) {
		const uint64_t coarse = pendi_clock_coarse_ns();
		const uint64_t mono = pendi_clock_mono_ns();

		cr_assert_leq(coarse, mono);
		cr_assert_lt(mono - coarse, UINT64_C(10000000000), "another clock altogether");
	}
}

Test(clock, a_scripted_clock_stands_still_until_told)
{
	const uint64_t real_ns = pendi_clock_boot_ns();

	pendi_script.clock_coarse_ns = script_clock;
	scripted_ns = 42;
	cr_assert_eq(pendi_clock_coarse_ns(), 42);
	cr_assert_geq(pendi_clock_boot_ns(), real_ns);
	pendi_script.clock_mono_ns = script_clock;
	scripted_ns = 43;
	cr_assert_eq(pendi_clock_mono_ns(), 43);
	cr_assert_geq(pendi_clock_boot_ns(), real_ns);
	pendi_script.clock_mono_ns = NULL;
	cr_assert_lt(pendi_clock_mono_ns() - 43, UINT64_MAX / 2);
	cr_assert_neq(pendi_clock_mono_ns(), 43);
	pendi_script.clock_boot_ns = script_clock;
	scripted_ns = UINT64_MAX;
	cr_assert_eq(pendi_clock_boot_ns(), UINT64_MAX);
	cr_assert_eq(pendi_clock_coarse_ns(), UINT64_MAX);
	pendi_script.clock_boot_ns = NULL;
	pendi_script.clock_coarse_ns = NULL;
	cr_assert_geq(pendi_clock_boot_ns(), real_ns);
	cr_assert_lt(pendi_clock_boot_ns(), UINT64_MAX);
}
