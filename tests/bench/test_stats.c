/* SPDX-License-Identifier: MIT */
/*
 * test_stats.c - statistics against numbers that were computed in another way.
 *
 * The exact p were found by going through all ways to divide the numbers in two (Python, itertools)
 * and, for the large ones, by the recurrence of Mann and Whitney in whole numbers; 13, 2 and 127 are
 * the critical values of U in their printed tables for 8, 5 and 20 a side.
 */
#include <criterion/criterion.h>

#include <math.h>

#include "bench/model/stats.h"

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))
#define P(a, b) bench_stat_rank_p(a, COUNT(a), b, COUNT(b))

static void near(double is, double should, double by, const char *what)
{
	cr_assert(fabs(is - should) <= by, "%s: is %.17g, should be %.17g", what, is, should);
}

static double draw(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (double)(*state >> 11) / 9007199254740992.0;
}

Test(stats, quantiles_are_those_of_type_seven)
{
	const double numbers[] = { 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5 };
	const double tenths[] = { 1, 1, 2, 3, 3, 4, 5, 5, 5, 6, 9 };
	const double one[] = { 7 };

	for (uint32_t i = 0; i <= 10; i++)
		near(bench_stat_quantile(numbers, COUNT(numbers), i / 10.0), tenths[i], 1e-12,
		     "a tenth");
	near(bench_stat_quantile(numbers, COUNT(numbers), 0.25), 2.5, 1e-12, "a quarter");
	near(bench_stat_quantile(numbers, 4, 0.5), 2, 1e-12, "between 1 and 3");
	near(bench_stat_quantile(one, 1, 0.1), 7, 0, "of one");
	near(bench_stat_median(numbers, 10), 3.5, 1e-12, "the median of ten");
	cr_assert_eq(numbers[0], 3, "they were sorted in place");
}

Test(stats, rank_test_is_exact_for_few_numbers)
{
	const double three[] = { 1, 2, 3 }, other_three[] = { 4, 5, 6 };
	const double a[] = { 1.1, 2.5, 3.2, 7 }, b[] = { 2, 4, 5.5, 6, 8 };
	const double c[] = { 19, 22, 16, 29, 24 }, d[] = { 20, 11, 17, 12 };
	const double e[] = { 6.4, 6.5, 6.55, 6.6, 6.7, 6.45, 6.52, 6.81 };
	const double f[] = { 6.71, 6.83, 6.9, 6.62, 6.75, 6.95, 6.68, 7.01 };

	near(P(three, other_three), 0.1, 1e-12, "3 and 3");
	near(P(other_three, three), 0.1, 1e-12, "the other way round");
	near(P(a, b), 52.0 / 126, 1e-12, "4 and 5");
	near(P(c, d), 14.0 / 126, 1e-12, "5 and 4");
	near(P(e, f), 60.0 / 12870, 1e-12, "8 and 8");
}

/* Numbers of which just @u of all pairs have the left one below the right one. */
static double p_of(uint32_t m, uint32_t n, uint32_t u)
{
	double a[32], b[32];

	for (uint32_t i = 0; i < m; i++)
		a[i] = i;
	for (uint32_t k = 0; k < n; k++) {
		const uint32_t below = u < m ? u : m;

		b[k] = below - 0.5 + k * 1e-3;
		u -= below;
	}
	return bench_stat_rank_p(a, m, b, n);
}

Test(stats, rank_test_has_the_critical_values_of_the_tables)
{
	near(p_of(8, 8, 13), 0.049883449883449886, 1e-12, "8 and 8, U = 13");
	near(p_of(8, 8, 14), 0.06495726495726496, 1e-12, "8 and 8, U = 14");
	near(p_of(8, 8, 64 - 13), 0.049883449883449886, 1e-12, "the other tail");
	near(p_of(5, 5, 2), 0.031746031746031744, 1e-12, "5 and 5, U = 2");
	near(p_of(12, 15, 53), 0.07458953304962189, 1e-12, "12 and 15");
	near(p_of(20, 20, 127), 0.04909032518937244, 1e-12, "20 and 20, U = 127");
	near(p_of(20, 20, 138), 0.0964995524361003, 1e-12, "20 and 20, U = 138");
	near(p_of(8, 8, 32), 1, 1e-12, "the middle");
}

/* Golden: the normal approximation with ties and continuity correction, in Python. */
Test(stats, rank_test_with_ties_and_with_many_numbers)
{
	const double a[] = { 1, 2, 2, 3 }, b[] = { 2, 3, 4, 5 };
	const double c[] = { 1, 1, 2, 3, 3, 4 }, d[] = { 3, 4, 4, 5, 6, 6, 7 };
	const double same[] = { 4, 4, 4, 4, 4 };
	double many[25], more[25];

	for (uint32_t i = 0; i < 25; i++) {
		many[i] = i;
		more[i] = i + 6.5;
	}
	near(P(a, b), 0.13665824773814753, 1e-12, "ties");
	near(P(c, d), 0.011242651868798576, 1e-12, "more ties");
	near(P(many, more), 0.006222848471189996, 1e-12, "25 and 25");
	near(P(same, same), 1, 0, "all equal");
}

Test(stats, shift_is_the_median_of_all_ratios)
{
	const double a[] = { 6.4, 6.5, 6.55, 6.6, 6.7, 6.45, 6.52, 6.81 };
	const double b[] = { 6.71, 6.83, 6.9, 6.62, 6.75, 6.95, 6.68, 7.01 };
	double scaled[8];

	near(bench_stat_shift(a, 8, b, 8), 0.035467494174157066, 1e-12, "shift");
	for (uint32_t i = 0; i < 8; i++)
		scaled[i] = a[i] * 1.25;
	near(bench_stat_shift(a, 8, scaled, 8), 0.25, 0.02, "a quarter more");
	near(bench_stat_shift(a, 1, scaled, 1), 0.25, 1e-12, "of one");
}

Test(stats, shift_interval_holds_the_shift_and_comes_again)
{
	uint64_t state = 2;
	uint32_t held = 0;
	struct bench_interval interval = { 0, 0 }, again;
	double a[12], b[12];

	for (uint32_t round = 0; round < 100; round++) {
		for (uint32_t i = 0; i < 12; i++) {
			a[i] = 10 + draw(&state) + draw(&state);
			b[i] = (10 + draw(&state) + draw(&state)) * 1.1;
		}
		interval = bench_stat_shift_interval(a, 12, b, 12, 300, round);
		held += interval.low <= 0.1 && 0.1 <= interval.high;
	}
	cr_assert(held >= 83, "%u of 100", held);
	again = bench_stat_shift_interval(a, 12, b, 12, 300, 99);
	cr_assert(again.low == interval.low && again.high == interval.high);
	again = bench_stat_shift_interval(a, 12, b, 12, 300, 100);
	cr_assert(again.low != interval.low || again.high != interval.high, "not drawn at all");
}

Test(stats, slope_goes_through_the_origin)
{
	const double x[] = { 1, 2, 3, 4 }, y[] = { 2.1, 3.9, 6.2, 7.8 };

	/* (2.1 + 7.8 + 18.6 + 31.2) / (1 + 4 + 9 + 16) */
	near(bench_stat_slope(x, y, 4), 59.7 / 30, 1e-12, "slope");
}

Test(stats, fences_are_tukeys)
{
	const double numbers[] = { 1, 2, 3, 4, 5, 6, 7, 8, 100 };
	const struct bench_fences fences = bench_stat_fences(numbers, COUNT(numbers));

	near(fences.mild_low, -3, 1e-12, "3 - 1.5 * 4");
	near(fences.mild_high, 13, 1e-12, "7 + 1.5 * 4");
	near(fences.severe_low, -9, 1e-12, "3 - 3 * 4");
	near(fences.severe_high, 19, 1e-12, "7 + 3 * 4");
}

static double law(double n, double rate, double contention, double coherence)
{
	return rate * n / (1 + contention * (n - 1) + coherence * n * (n - 1));
}

Test(stats, scaling_finds_what_was_planted)
{
	const double threads[] = { 1, 2, 4, 8, 12, 16 };
	const double planted[][2] = { { 0.05, 0.002 }, { 0.2, 0 }, { 0, 0.01 }, { 0, 0 } };

	for (uint32_t k = 0; k < COUNT(planted); k++) {
		double throughput[6];
		struct bench_scaling scaling;

		for (uint32_t i = 0; i < 6; i++)
			throughput[i] = law(threads[i], 1e7, planted[k][0], planted[k][1]);
		cr_assert(bench_stat_scaling(threads, throughput, 6, &scaling));
		near(scaling.rate, 1e7, 10, "rate");
		near(scaling.contention, planted[k][0], 1e-6, "contention");
		near(scaling.coherence, planted[k][1], 1e-6, "coherence");
		near(scaling.error, 0, 1e-6, "error");
		if (k == 0)
			near(scaling.most_at, sqrt(0.95 / 0.002), 1e-3, "peak");
		if (k == 1)
			cr_assert(scaling.most_at > 1000);
	}
}

/* 3 % noise on each, and terms that cannot be below 0. */
Test(stats, scaling_stands_noise)
{
	const double threads[] = { 1, 2, 3, 4, 6, 8, 12, 16 };
	uint64_t state = 3;

	for (uint32_t round = 0; round < 50; round++) {
		double throughput[8];
		struct bench_scaling scaling;

		for (uint32_t i = 0; i < 8; i++)
			throughput[i] = law(threads[i], 5e6, 0.1, round % 2 ? 0.004 : 0) *
					(0.97 + 0.06 * draw(&state));
		cr_assert(bench_stat_scaling(threads, throughput, 8, &scaling));
		cr_assert(scaling.contention >= 0 && scaling.coherence >= 0);
		near(scaling.rate, 5e6, 5e5, "rate");
		near(scaling.contention, 0.1, 0.07, "contention");
		cr_assert(scaling.error > 0 && scaling.error < 0.03);
	}
}

/* More than n times as fast with n threads: caches; the law has no term for that. */
Test(stats, scaling_has_no_terms_below_zero)
{
	const double threads[] = { 1, 2, 4, 8, 16 };
	double throughput[5];
	struct bench_scaling scaling;

	for (uint32_t i = 0; i < 5; i++)
		throughput[i] = law(threads[i], 1e6, -0.03, 0.001);
	cr_assert(bench_stat_scaling(threads, throughput, 5, &scaling));
	cr_assert_geq(scaling.contention, 0);
	cr_assert_geq(scaling.coherence, 0);
	cr_assert_gt(scaling.error, 0.01);
}

Test(stats, scaling_needs_four_numbers_of_threads)
{
	const double threads[] = { 1, 2, 2, 3, 3, 1 }, throughput[] = { 1, 2, 2, 3, 3, 1 };
	const double four[] = { 1, 2, 3, 4 }, none[] = { 1, 2, 3, 0 };
	struct bench_scaling scaling;

	cr_assert_not(bench_stat_scaling(threads, throughput, 6, &scaling));
	cr_assert_not(bench_stat_scaling(four, none, 4, &scaling), "no throughput at all");
	cr_assert(bench_stat_scaling(four, four, 4, &scaling));
	cr_assert(isinf(scaling.most_at));
}
