/* SPDX-License-Identifier: MIT */
/*
 * draws.c - what the loops of a lane seek, drawn before they are measured.
 *
 * Zipf ranks are drawn by rejection from the integral of x^-skew (Hoermann and Derflinger, 1996):
 * no table, for any range and any skew above 0, and less than 1.2 tries for a rank.
 */
#include "bench/measure/draws.h"

#include <math.h>

#include "bench/measure/lane.h"

#define TRIES_MAX 1000u /* never needed: keeps the loop bounded */

struct zipf {
	double skew;
	double first; /* integral to 1.5, less the bar of rank 1 */
	double last;  /* integral to range + 0.5 */
	uint64_t range;
};

/* The integral of x^-skew from 1, and its inverse; the logarithm where skew is 1. */
static double integral(double skew, double x)
{
	const double log_x = log(x), power = (1 - skew) * log_x;

	return fabs(power) < 1e-8 ? log_x * (1 + power / 2) : expm1(power) / (1 - skew);
}

static double inverse(double skew, double area)
{
	double power = area * (1 - skew);

	if (power < -1) /* rounding */
		power = -1;
	return exp(fabs(power) < 1e-8 ? area * (1 - power / 2) : log1p(power) / (1 - skew));
}

static struct zipf zipf_of(double skew, uint64_t range)
{
	return (struct zipf){ .skew = skew,
			      .first = integral(skew, 1.5) - 1,
			      .last = integral(skew, (double)range + 0.5),
			      .range = range };
}

static double uniform(uint64_t *state)
{
	return (double)(bench_random(state) >> 11) * 0x1p-53;
}

/* A rank, from 0. */
static uint64_t zipf_rank(const struct zipf *zipf, uint64_t *state)
{
	for (uint32_t n = 0; n < TRIES_MAX; n++) {
		const double area = zipf->last + uniform(state) * (zipf->first - zipf->last);
		const double x = inverse(zipf->skew, area);
		double rank = floor(x + 0.5);

		if (rank < 1)
			rank = 1;
		else if (rank > (double)zipf->range)
			rank = (double)zipf->range;
		if (area >= integral(zipf->skew, rank + 0.5) - exp(-zipf->skew * log(rank)))
			return (uint64_t)rank - 1;
	}
	return 0;
}

uint64_t bench_draw_spread(uint64_t rank, uint64_t range)
{
	uint32_t bits = 1;

	while (bits < 63 && 1ull << bits < range)
		bits++;

	const uint64_t mask = (1ull << bits) - 1;
	const uint32_t half = bits / 2 + 1;

	/* Each step permutes the numbers below 2^bits; those that are too large go on, which ends,
	 * because the orbit of a rank comes back to it. */
	do {
		rank = rank * 0x9e3779b97f4a7c15u & mask;
		rank ^= rank >> half;
		rank = (rank * 0xbf58476d1ce4e5b9u + 0x94d049bb133111ebu) & mask;
		rank ^= rank >> half;
	} while (rank >= range);
	return rank;
}

static enum bench_draw kind_of(const struct bench_draws_spec *spec, uint64_t *state)
{
	const uint64_t percent = bench_random_below(state, 100);

	if (percent < spec->update_percent)
		return BENCH_DRAW_UPDATE;
	return percent < spec->update_percent + spec->miss_percent ? BENCH_DRAW_MISS
								   : BENCH_DRAW_HIT;
}

void bench_draws_make(const struct bench_draws_spec *spec, uint32_t *draws, uint32_t count)
{
	const struct zipf zipf = zipf_of(spec->zipf > 0 ? spec->zipf : 1, spec->range);
	uint64_t state = spec->seed;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t number;

		if (spec->hot_percent && bench_random_below(&state, 100) < spec->hot_percent)
			number = bench_draw_spread(0, spec->range);
		else if (spec->zipf > 0)
			number = bench_draw_spread(zipf_rank(&zipf, &state), spec->range);
		else
			number = bench_random_below(&state, spec->range);
		draws[i] = (uint32_t)number | (uint32_t)kind_of(spec, &state) << BENCH_DRAW_BITS;
	}
}
