/* SPDX-License-Identifier: MIT */
/*
 * test_probe.c - what repeats of a probe come to: repeats without a figure do not count.
 */
#include <criterion/criterion.h>

#include "bench/scenario/probe.h"

static struct bench_sample own[3], peer[3], slow[3];
static struct bench_probe_row rows[3] = { { .samples = own },
					  { .variant = { .peer = true }, .samples = peer },
					  { .variant = { .peer = true }, .samples = slow } };
static struct bench_probe_cell cell = { .repeat_count = 3, .row_count = 3, .rows = rows };

static void set(struct bench_sample *samples, double a, double b, double c)
{
	samples[0].values[0] = a;
	samples[1].values[0] = b;
	samples[2].values[0] = c;
}

Test(probe, figure_leaves_out_what_was_not_measured)
{
	set(own, 30, -1, 10);
	cr_assert_float_eq(bench_probe_figure(&cell, &rows[0], 0).median, 20, 1e-9);
	cr_assert_float_eq(bench_probe_figure(&cell, &rows[0], 0).low, 10, 1e-9);
	cr_assert_float_eq(bench_probe_figure(&cell, &rows[0], 0).high, 30, 1e-9);
	set(own, -1, -1, -1);
	cr_assert_lt(bench_probe_figure(&cell, &rows[0], 0).median, 0);
}

Test(probe, ratio_is_repeat_by_repeat)
{
	set(own, 10, 20, 40);
	set(peer, 20, 20, 20);
	cr_assert_float_eq(bench_probe_ratio(&cell, &rows[0], &rows[1]).median, 1, 1e-9);
	cr_assert_float_eq(bench_probe_ratio(&cell, &rows[0], &rows[1]).low, 0.5, 1e-9);
	cr_assert_float_eq(bench_probe_ratio(&cell, &rows[0], &rows[1]).high, 2, 1e-9);
	set(peer, 20, -1, -1);
	cr_assert_float_eq(bench_probe_ratio(&cell, &rows[0], &rows[1]).median, 2, 1e-9);
}

Test(probe, best_peer)
{
	set(own, 1, 1, 1);
	set(peer, 20, 20, 20);
	set(slow, 30, 10, 30);
	cr_assert_eq(bench_probe_best_peer(&cell), &rows[1]);
	set(peer, -1, -1, -1);
	cr_assert_eq(bench_probe_best_peer(&cell), &rows[2]);
}

Test(probe, clean_counts_repeats_without_preemption)
{
	own[1].preempted = 2;
	cr_assert_eq(bench_probe_clean(&cell, &rows[0]), 2);
}
