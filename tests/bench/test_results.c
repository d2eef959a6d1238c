/* SPDX-License-Identifier: MIT */
/*
 * test_results.c - unit tests of bench/results/results.c: medians, ratios by repeat, the best peer.
 */
#include <criterion/criterion.h>

#include <stdint.h>

#include "bench/results/results.h"

enum { REPEATS = 5 };

static const struct bench_impl subject = { .name = "subject" };
static const struct bench_impl slow = { .name = "slow", .abilities = BENCH_PEER };
static const struct bench_impl quick = { .name = "quick", .abilities = BENCH_PEER };

static struct bench_repeat repeats[3][REPEATS] = {
	{ { .ns = 10 }, { .ns = 11 }, { .ns = 40, .preempted = 2 }, { .ns = 9 }, { .ns = 10 } },
	{ { .ns = 60 }, { .ns = 5 }, { .ns = 60 }, { .ns = 60 }, { .ns = 60 } },
	{ { .ns = 20 }, { .ns = 22 }, { .ns = 80, .preempted = 1 }, { .ns = 27 }, { .ns = 20 } },
};

static struct bench_row rows[3] = {
	{ .impl = &subject, .repeats = repeats[0] },
	{ .impl = &slow, .repeats = repeats[1] },
	{ .impl = &quick, .repeats = repeats[2] },
};

static const struct bench_cell cell = { .repeat_count = REPEATS, .row_count = 3, .rows = rows };

Test(results, the_figure_is_the_median_with_its_range)
{
	double odd[] = { 3, 1, 2 }, even[] = { 4, 1, 3, 2 }, one[] = { 7 };
	struct bench_figure figure = bench_figure_of(odd, 3);

	cr_assert_eq(figure.median, 2);
	cr_assert_eq(figure.low, 1);
	cr_assert_eq(figure.high, 3);
	cr_assert_eq(bench_figure_of(even, 4).median, 2.5);
	cr_assert_eq(bench_figure_of(one, 1).median, 7);
	figure = bench_row_ns(&cell, &rows[0]);
	cr_assert_eq(figure.median, 10);
	cr_assert_eq(figure.high, 40);
}

/* A disturbance that hits both of a pair of repeats leaves their ratio alone. */
Test(results, ratios_are_taken_repeat_by_repeat)
{
	const struct bench_figure ratio = bench_row_ratio(&cell, &rows[0], &rows[2]);

	cr_assert_eq(ratio.median, 2);
	cr_assert_eq(ratio.low, 2);
	cr_assert_eq(ratio.high, 3);
}

Test(results, the_best_peer_has_the_lowest_median)
{
	const struct bench_cell alone = { .repeat_count = REPEATS, .row_count = 1, .rows = rows };

	cr_assert_eq(bench_cell_best_peer(&cell), &rows[2]);
	cr_assert_null(bench_cell_best_peer(&alone));
}

Test(results, preempted_repeats_are_not_clean)
{
	cr_assert_eq(bench_row_clean(&cell, &rows[0]), 4);
	cr_assert_eq(bench_row_clean(&cell, &rows[1]), 5);
}
