/* SPDX-License-Identifier: MIT */
/*
 * test_histogram.c - buckets that hold what they say, and percentiles as sorted numbers have them.
 */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "bench/measure/histogram.h"
#include "bench/measure/lane.h"

#define NUMBERS 20000u

static struct bench_histogram histogram, other;
static uint64_t numbers[NUMBERS];
static struct bench_bar bars[BENCH_HISTOGRAM_BUCKETS];

static int ascending(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* Numbers of all magnitudes, as times are. */
static void draw(uint64_t seed)
{
	for (uint32_t i = 0; i < NUMBERS; i++) {
		const uint64_t octave = 1 + bench_random_below(&seed, 40);

		numbers[i] = bench_random(&seed) >> (64 - octave);
	}
}

Test(histogram, bounds_grow_and_hold)
{
	for (uint32_t i = 1; i < BENCH_HISTOGRAM_BUCKETS; i++) {
		const uint64_t low = bench_histogram_bound(i - 1) + 1;
		const uint64_t high = bench_histogram_bound(i);

		cr_assert_leq(low, high, "bucket %u", i);
		cr_assert_eq(bench_histogram_bucket(low), i, "low end of %u", i);
		cr_assert_eq(bench_histogram_bucket(high), i, "high end of %u", i);
		cr_assert_leq((double)(high - low), (double)low / 64, "width of %u", i);
	}
	cr_assert_eq(bench_histogram_bound(BENCH_HISTOGRAM_BUCKETS - 1), UINT64_MAX);
}

Test(histogram, the_highest_value_has_a_bucket)
{
	cr_assert_eq(bench_histogram_bucket(UINT64_MAX), BENCH_HISTOGRAM_BUCKETS - 1);
	cr_assert_eq(bench_histogram_bucket(0), 0);
}

Test(histogram, percentiles_are_those_of_sorted_numbers_and_1_6_percent_at_most)
{
	static const double shares[] = { 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1 };

	for (uint64_t seed = 1; seed <= 5; seed++) {
		memset(&histogram, 0, sizeof(histogram));
		draw(seed);
		for (uint32_t i = 0; i < NUMBERS; i++)
			bench_histogram_add(&histogram, numbers[i]);
		qsort(numbers, NUMBERS, sizeof(numbers[0]), ascending);
		for (uint32_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
			const double rank = shares[i] * NUMBERS;
			const uint32_t at =
				(uint32_t)rank + ((double)(uint32_t)rank < rank ? 1 : 0);
			const uint64_t exact = numbers[at - 1];
			const uint64_t found = bench_histogram_at(&histogram, shares[i]);

			cr_assert_geq(found, exact, "share %g", shares[i]);
			cr_assert_leq((double)found, (double)exact * (1 + 1.0 / 64), "share %g",
				      shares[i]);
		}
		cr_assert_eq(bench_histogram_at(&histogram, 1), numbers[NUMBERS - 1]);
	}
}

Test(histogram, an_empty_one_says_nothing)
{
	cr_assert_eq(bench_histogram_at(&histogram, 0.99), 0);
	cr_assert_eq(bench_histogram_total(&histogram), 0);
	cr_assert_eq(bench_histogram_bars(&histogram, bars), 0);
}

Test(histogram, merged_is_as_if_added_to_one)
{
	static struct bench_histogram whole;

	draw(7);
	for (uint32_t i = 0; i < NUMBERS; i++) {
		bench_histogram_note(i % 3 ? &histogram : &other, numbers[i]);
		bench_histogram_add(&whole, numbers[i]);
	}
	cr_assert_neq(bench_histogram_total(&histogram), NUMBERS);
	bench_histogram_merge(&histogram, &other);
	cr_assert_eq(memcmp(&histogram, &whole, sizeof(whole)), 0);
}

Test(histogram, merging_keeps_the_longest_of_either)
{
	bench_histogram_note(&histogram, 1000);
	bench_histogram_note(&other, 7);
	bench_histogram_merge(&histogram, &other);
	cr_assert_eq(bench_histogram_at(&histogram, 1), 1000);
	bench_histogram_merge(&other, &histogram);
	cr_assert_eq(bench_histogram_at(&other, 1), 1000);
}

Test(histogram, bars_hold_all_and_ascend)
{
	uint64_t total = 0;
	uint32_t count;

	draw(3);
	for (uint32_t i = 0; i < NUMBERS; i++)
		bench_histogram_note(&histogram, numbers[i]);
	count = bench_histogram_bars(&histogram, bars);
	cr_assert_gt(count, 100);
	for (uint32_t i = 0; i < count; i++) {
		cr_assert_gt(bars[i].count, 0);
		cr_assert(i == 0 || bars[i].bound > bars[i - 1].bound);
		total += bars[i].count;
	}
	cr_assert_eq(total, NUMBERS);
}
