/* SPDX-License-Identifier: MIT */
/*
 * lane.h - limbo is kept in lanes, one for each CPU, so that CPUs do not meet when they retire.
 *
 * The lane is a hint, never an owner: any thread may push to and take from any lane, so a
 * thread that moves, idles or dies strands nothing.
 */
#ifndef PENDI_EPOCH_LANE_H
#define PENDI_EPOCH_LANE_H

#include <stdint.h>

#include "platform/compiler.h"
#include "platform/cpu.h"

/* CPUs beyond this many share lanes: a poll looks into each. */
#ifndef PENDI_LANES
#define PENDI_LANES 64u
#endif

static inline uint32_t pendi_lane_count(void)
{
	const uint32_t possible = pendi_cpu_possible();

	return possible < PENDI_LANES ? possible : PENDI_LANES;
}

/* The lane of the calling thread's CPU, below @count. */
PENDI_ALWAYS_INLINE uint32_t pendi_lane_current(uint32_t count)
{
	const uint32_t cpu = pendi_cpu_current();

	return PENDI_LIKELY(cpu < count) ? cpu : cpu % count;
}

#endif
