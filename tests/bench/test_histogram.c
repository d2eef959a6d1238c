/* SPDX-License-Identifier: MIT */
/*
 * test_histogram.c - buckets that hold what they say, and percentiles that are not too low.
 */
#include <criterion/criterion.h>

#include "bench/measure/histogram.h"

static struct bench_histogram histogram;

Test(histogram, bounds_grow_and_hold)
{
	for (uint32_t i = 1; i < BENCH_HISTOGRAM_BUCKETS - 16; i++) {
		const uint64_t low = bench_histogram_bound(i - 1) + 1;
		const uint64_t high = bench_histogram_bound(i);

		cr_assert_leq(low, high, "bucket %u", i);
		cr_assert_eq(bench_histogram_bucket(low), i, "low end of %u", i);
		cr_assert_eq(bench_histogram_bucket(high), i, "high end of %u", i);
		cr_assert_leq((double)(high - low), (double)low / 16, "width of %u", i);
	}
}

Test(histogram, the_highest_value_has_a_bucket)
{
	cr_assert_lt(bench_histogram_bucket(UINT64_MAX >> 1), BENCH_HISTOGRAM_BUCKETS);
}

Test(histogram, percentiles)
{
	cr_assert_eq(bench_histogram_at(&histogram, 0.99), 0);
	for (uint64_t i = 1; i <= 10000; i++)
		bench_histogram_add(&histogram, i);
	cr_assert_eq(bench_histogram_total(&histogram), 10000);
	cr_assert_geq(bench_histogram_at(&histogram, 0.5), 5000);
	cr_assert_leq(bench_histogram_at(&histogram, 0.5), 5000 * 17 / 16);
	cr_assert_geq(bench_histogram_at(&histogram, 0.999), 9990);
	cr_assert_eq(bench_histogram_at(&histogram, 1), 10000);
	bench_histogram_add(&histogram, 1u << 30);
	cr_assert_leq(bench_histogram_at(&histogram, 0.999), 10624);
	cr_assert_eq(bench_histogram_at(&histogram, 1), 1u << 30);
}
