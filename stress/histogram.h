/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - how often which time: 16 steps for each power of two, so within 6.25 %.
 */
#ifndef STRESS_HISTOGRAM_H
#define STRESS_HISTOGRAM_H

#include <stdint.h>

#include "stress/cell.h"

#define HISTOGRAM_STEP_BITS 4u
#define HISTOGRAM_STEPS (1u << HISTOGRAM_STEP_BITS)
#define HISTOGRAM_BINS (HISTOGRAM_STEPS * 61u)

/* Any thread may add. */
struct histogram {
	struct cell bins[HISTOGRAM_BINS];
	struct cell most;
};

static inline uint32_t histogram_bin(uint64_t value)
{
	uint32_t shift;

	if (value < HISTOGRAM_STEPS)
		return (uint32_t)value;
	shift = 63u - (uint32_t)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
	return (shift + 1) * HISTOGRAM_STEPS + (uint32_t)(value >> shift) - HISTOGRAM_STEPS;
}

/* The highest value of a bin. */
static inline uint64_t histogram_top(uint32_t bin)
{
	uint32_t shift = bin / HISTOGRAM_STEPS;
	uint64_t step = bin % HISTOGRAM_STEPS;

	if (shift <= 1)
		return bin;
	return ((HISTOGRAM_STEPS + step + 1) << (shift - 1)) - 1;
}

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
	cell_add(&histogram->bins[histogram_bin(value)], 1);
	cell_raise(&histogram->most, value);
}

static inline uint64_t histogram_count(struct histogram *histogram)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BINS; i++)
		count += cell_read(&histogram->bins[i]);
	return count;
}

/* What @share of the values (0 .. 1) do not exceed. */
static inline uint64_t histogram_quantile(struct histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)((double)histogram_count(histogram) * share), seen = 0;
	uint64_t most = cell_read(&histogram->most);

	for (uint32_t i = 0; i < HISTOGRAM_BINS; i++) {
		seen += cell_read(&histogram->bins[i]);
		if (seen > wanted)
			return histogram_top(i) < most ? histogram_top(i) : most;
	}
	return most;
}

#endif
