/* SPDX-License-Identifier: MIT */
/*
 * test_draws.c - unit tests of bench/measure/draws.c: the shape of what is drawn, from fixed seeds.
 *
 * Distributions are judged by chi-square with 50 degrees of freedom or so, for which 100 is far out
 * (p < 0.0001); the seeds are fixed, so a test fails always or never.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/draws.h"

enum { RANGE = 4096, BINS = 50, LIMIT = 100 };

static uint32_t draws[BENCH_DRAWS];
static uint32_t counts[RANGE];

static void draw(const struct bench_draws_spec *spec)
{
	memset(counts, 0, sizeof(counts));
	bench_draws_make(spec, draws, BENCH_DRAWS);
	for (uint32_t i = 0; i < BENCH_DRAWS; i++) {
		cr_assert_lt(bench_draw_number(draws[i]), spec->range);
		counts[bench_draw_number(draws[i])]++;
	}
}

/* Chi-square of the most frequent ranks, and of all others as one bin. */
static double chi_square(double skew)
{
	double weights = 0, sum = 0, rest = BENCH_DRAWS, rest_expected = BENCH_DRAWS;

	for (uint32_t rank = 0; rank < RANGE; rank++)
		weights += pow(rank + 1, -skew);
	for (uint32_t rank = 0; rank < BINS; rank++) {
		const double expected = BENCH_DRAWS * pow(rank + 1, -skew) / weights;
		const double seen = counts[bench_draw_spread(rank, RANGE)];

		sum += (seen - expected) * (seen - expected) / expected;
		rest -= seen;
		rest_expected -= expected;
	}
	return sum + (rest - rest_expected) * (rest - rest_expected) / rest_expected;
}

Test(draws, zipf_has_the_skew_that_is_asked_for)
{
	static const double skews[] = { 0.5, 0.99, 1, 1.5 };

	for (size_t i = 0; i < sizeof(skews) / sizeof(skews[0]); i++) {
		const struct bench_draws_spec spec = { .range = RANGE,
						       .zipf = skews[i],
						       .seed = 7 };

		draw(&spec);
		cr_assert_lt(chi_square(skews[i]), LIMIT, "skew %g", skews[i]);
		/* ... and the test would notice another one. */
		cr_assert_gt(chi_square(skews[i] + 0.05), LIMIT, "skew %g", skews[i]);
	}
}

Test(draws, without_skew_all_numbers_are_alike)
{
	const struct bench_draws_spec spec = { .range = BINS, .seed = 3 };
	const double expected = (double)BENCH_DRAWS / BINS;
	double sum = 0;

	draw(&spec);
	for (uint32_t i = 0; i < BINS; i++)
		sum += (counts[i] - expected) * (counts[i] - expected) / expected;
	cr_assert_lt(sum, LIMIT);
}

Test(draws, ranks_are_spread_by_a_bijection)
{
	static const uint64_t ranges[] = { 1, 2, 3, 100, 4095, RANGE };
	static unsigned char seen[RANGE];

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		memset(seen, 0, sizeof(seen));
		for (uint64_t rank = 0; rank < ranges[i]; rank++) {
			const uint64_t number = bench_draw_spread(rank, ranges[i]);

			cr_assert_lt(number, ranges[i]);
			cr_assert_eq(seen[number]++, 0, "range %d", (int)ranges[i]);
		}
	}
}

/* Neighbours in rank share no huge page, let alone a cache line. */
Test(draws, hot_numbers_are_far_apart)
{
	const uint64_t range = 1u << 20;
	uint64_t numbers[16];

	for (uint64_t rank = 0; rank < 16; rank++)
		numbers[rank] = bench_draw_spread(rank, range);
	for (uint32_t i = 0; i < 16; i++)
		for (uint32_t j = 0; j < i; j++)
			cr_assert_gt(llabs((long long)numbers[i] - (long long)numbers[j]), 64);
}

Test(draws, a_hot_key_gets_its_share)
{
	const struct bench_draws_spec spec = { .range = RANGE, .hot_percent = 90, .seed = 5 };

	draw(&spec);
	cr_assert_float_eq((double)counts[bench_draw_spread(0, RANGE)] / BENCH_DRAWS, 0.9, 0.005);
}

Test(draws, kinds_have_their_shares)
{
	const struct bench_draws_spec spec = {
		.range = RANGE, .update_percent = 10, .miss_percent = 45, .seed = 11
	};
	uint32_t kinds[4] = { 0 };

	draw(&spec);
	for (uint32_t i = 0; i < BENCH_DRAWS; i++)
		kinds[bench_draw_kind(draws[i])]++;
	cr_assert_float_eq((double)kinds[BENCH_DRAW_UPDATE] / BENCH_DRAWS, 0.10, 0.003);
	cr_assert_float_eq((double)kinds[BENCH_DRAW_MISS] / BENCH_DRAWS, 0.45, 0.005);
	cr_assert_float_eq((double)kinds[BENCH_DRAW_HIT] / BENCH_DRAWS, 0.45, 0.005);
}

Test(draws, a_seed_gives_the_same_sequence_again)
{
	static uint32_t again[BENCH_DRAWS];
	struct bench_draws_spec spec = { .range = RANGE, .zipf = 0.99, .seed = 1 };

	draw(&spec);
	bench_draws_make(&spec, again, BENCH_DRAWS);
	cr_assert_eq(memcmp(draws, again, sizeof(draws)), 0);
	spec.seed = 2;
	bench_draws_make(&spec, again, BENCH_DRAWS);
	cr_assert_neq(memcmp(draws, again, sizeof(draws)), 0);
}
