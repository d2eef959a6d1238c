/* SPDX-License-Identifier: MIT */
/*
 * clock.h - the clocks: a cheap one for timestamps, an exact one, and one that counts suspend.
 *
 * All count nanoseconds since boot. The coarse and the mono clock are one clock at two precisions
 * and stand still in suspend: coarse (about 5 ns to read) moves once a kernel tick (1 to 10 ms)
 * and is never ahead of mono (about 25 ns), which is exact. The boot clock (about 25 ns) is as
 * exact and goes on in suspend, so that it is ahead of the other two by all suspends: never
 * compare it with them, but the growth of that lead is the length of a suspend.
 */
#ifndef PENDI_PLATFORM_CLOCK_H
#define PENDI_PLATFORM_CLOCK_H

#include <stdint.h>

uint64_t pendi_clock_coarse_ns(void);
uint64_t pendi_clock_mono_ns(void);
uint64_t pendi_clock_boot_ns(void);

#endif
