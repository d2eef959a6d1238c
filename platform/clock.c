/* SPDX-License-Identifier: MIT */
/*
 * clock.c - the clocks of clock.h, each one call into the vDSO.
 *
 * clock_gettime() fails only for a clock that the kernel does not know, and every kernel this
 * library runs on (rseq and membarrier are younger) knows them all.
 */
#include "platform/clock.h"

#include <time.h>

#include "platform/script.h"

static uint64_t read_clock_ns(clockid_t clock)
{
	struct timespec now = { 0 };

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t pendi_clock_coarse_ns(void)
{
	if (pendi_script.clock_coarse_ns)
		return pendi_script.clock_coarse_ns();
	return read_clock_ns(CLOCK_MONOTONIC_COARSE);
}

uint64_t pendi_clock_mono_ns(void)
{
	if (pendi_script.clock_mono_ns)
		return pendi_script.clock_mono_ns();
	return read_clock_ns(CLOCK_MONOTONIC);
}

uint64_t pendi_clock_boot_ns(void)
{
	if (pendi_script.clock_boot_ns)
		return pendi_script.clock_boot_ns();
	return read_clock_ns(CLOCK_BOOTTIME);
}
