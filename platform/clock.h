/* SPDX-License-Identifier: MIT */
/*
 * clock.h - the two clocks: a cheap one for timestamps, an exact one for deadlines.
 *
 * Both count nanoseconds since boot. The coarse clock (about 5 ns to read) moves once a kernel
 * tick (1 to 10 ms) and stands still in suspend; the boot clock (about 25 ns) is exact and
 * counts suspend. They drift apart by every suspend: never compare one with the other.
 */
#ifndef PENDI_PLATFORM_CLOCK_H
#define PENDI_PLATFORM_CLOCK_H

#include <stdint.h>

uint64_t pendi_clock_coarse_ns(void);
uint64_t pendi_clock_boot_ns(void);

#endif
