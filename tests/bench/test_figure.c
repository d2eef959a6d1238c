/* SPDX-License-Identifier: MIT */
/*
 * test_figure.c - what series come to: clean values, processes, ratios, spectra, dips.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/model/figure.h"

static struct bench_document document;

static void begin(void)
{
	bench_document_init(&document);
}

static void end(void)
{
	bench_document_free(&document);
}

static struct bench_series *series_of(const char *subject, enum bench_better better)
{
	struct bench_series like = { .scenario = "steady/key", .metric = "ns", .better = better };

	snprintf(like.subject, sizeof(like.subject), "%s", subject);
	like.peer = strcmp(subject, "pendmap") != 0;
	return bench_document_series(&document, &like);
}

static void add(const char *subject, double number, uint32_t process, uint32_t repeat,
		bool preempted)
{
	const struct bench_value value = { .value = number,
					   .operations = 10,
					   .preempted = preempted,
					   .process = process,
					   .repeat = repeat };

	cr_assert_eq(bench_series_add(series_of(subject, BENCH_LESS_IS_BETTER), &value), 0);
}

Test(figure, is_the_median_of_medians_of_clean_values, .init = begin, .fini = end)
{
	static const double numbers[3][4] = { { 10, 11, 12, 500 },
					      { 20, 21, 22, 900 },
					      { 30, 31, 32, 1 } };
	struct bench_figure figure;

	for (uint32_t process = 0; process < 3; process++)
		for (uint32_t repeat = 0; repeat < 4; repeat++)
			add("pendmap", numbers[process][repeat], process, repeat, repeat == 3);
	figure = bench_figure_of(&document.series[0]);
	cr_assert_eq(figure.median, 21);
	cr_assert_eq(figure.low, 11);
	cr_assert_eq(figure.high, 31);
	cr_assert_float_eq(figure.spread, 20.0 / 21, 1e-12);
	cr_assert_eq(figure.clean, 0.75);
	cr_assert_eq(figure.count, 12);
	cr_assert_eq(figure.processes, 3);
	cr_assert_eq(figure.pingpong_ns, 0);
}

Test(figure, of_one_process_has_its_values_as_bounds, .init = begin, .fini = end)
{
	struct bench_figure figure;

	add("pendmap", 10, 0, 0, false);
	add("pendmap", 14, 0, 1, false);
	add("pendmap", 13, 0, 2, false);
	add("pendmap", 99, 0, 3, true);
	add("pendmap", (double)NAN, 0, 4, false);
	figure = bench_figure_of(&document.series[0]);
	cr_assert_eq(figure.median, 13);
	cr_assert_eq(figure.low, 10);
	cr_assert_eq(figure.high, 14);
	cr_assert_eq(figure.count, 4, "what was not measured does not count");
}

Test(figure, counts_all_where_none_is_clean, .init = begin, .fini = end)
{
	struct bench_figure figure;

	add("pendmap", 10, 0, 0, true);
	add("pendmap", 12, 0, 1, true);
	figure = bench_figure_of(&document.series[0]);
	cr_assert_eq(figure.median, 11);
	cr_assert_eq(figure.clean, 0);
}

/* A percentile that was met by a preemption is still what somebody waited for. */
Test(figure, latencies_are_not_filtered, .init = begin, .fini = end)
{
	struct bench_series *series = series_of("pendmap", BENCH_LESS_IS_BETTER);
	const struct bench_value values[] = { { .value = 5 },
					      { .value = 900, .preempted = 3 },
					      { .value = 901, .preempted = 1 } };

	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(bench_series_add(series, &values[i]), 0);
	cr_assert_eq(bench_figure_of(series).median, 900);
	cr_assert_eq(bench_figure_of(series).clean, 1);
}

Test(figure, of_nothing_is_none, .init = begin, .fini = end)
{
	const struct bench_series *series = series_of("pendmap", BENCH_LESS_IS_BETTER);
	double numbers[BENCH_PROCESSES_MAX];

	cr_assert(isnan(bench_figure_of(series).median));
	cr_assert_eq(bench_figure_of(series).processes, 0);
	cr_assert_eq(bench_figure_deciding(series, numbers), 0);
}

Test(figure, ratios_are_of_values_side_by_side, .init = begin, .fini = end)
{
	struct bench_figure ratio;

	/* The machine becomes three times as slow; the ratio stays at two. */
	for (uint32_t process = 0; process < 2; process++) {
		for (uint32_t repeat = 0; repeat < 5; repeat++) {
			const double slow = 1 + 0.2 * (process * 5 + repeat);

			add("pendmap", 50 * slow, process, repeat, false);
			if (repeat != 4)
				add("mutex", 100 * slow, process, repeat, false);
		}
	}
	add("mutex", 1, 1, 4, true); /* that pair is not clean */
	ratio = bench_figure_ratio(&document.series[0], &document.series[1]);
	cr_assert_float_eq(ratio.median, 2, 1e-12);
	cr_assert_float_eq(ratio.spread, 0, 1e-12);
	cr_assert_eq(ratio.count, 9);
	cr_assert_eq(ratio.processes, 2);
	cr_assert_float_eq(ratio.clean, 8.0 / 9, 1e-12);
	ratio = bench_figure_ratio(&document.series[1], &document.series[0]);
	cr_assert_float_eq(ratio.median, 0.5, 1e-12);
}

Test(figure, ratios_need_a_common_repeat, .init = begin, .fini = end)
{
	add("pendmap", 50, 0, 0, false);
	add("mutex", 100, 0, 1, false);
	cr_assert(isnan(bench_figure_ratio(&document.series[0], &document.series[1]).median));
}

Test(figure, more_may_be_better, .init = begin, .fini = end)
{
	const struct bench_value low = { .value = 10 }, high = { .value = 30 };

	cr_assert_eq(bench_series_add(series_of("pendmap", BENCH_MORE_IS_BETTER), &high), 0);
	cr_assert_eq(bench_series_add(series_of("mutex", BENCH_MORE_IS_BETTER), &low), 0);
	cr_assert_eq(bench_series_add(series_of("rwlock", BENCH_MORE_IS_BETTER), &high), 0);
	cr_assert_eq(bench_figure_ratio(&document.series[0], &document.series[1]).median, 3);
	cr_assert_str_eq(bench_figure_best_peer(&document, &document.series[0])->subject, "rwlock");
}

Test(figure, best_peer_is_the_fastest_that_does_the_same, .init = begin, .fini = end)
{
	struct bench_series other = {
		.scenario = "steady/handle", .subject = "tbb", .metric = "ns", .peer = true
	};
	const struct bench_value value = { .value = 1 };

	add("pendmap", 50, 0, 0, false);
	cr_assert_null(bench_figure_best_peer(&document, &document.series[0]));
	add("mutex", 100, 0, 0, false);
	add("rwlock", 90, 0, 0, false);
	series_of("ck", BENCH_LESS_IS_BETTER); /* has no value */
	cr_assert_eq(bench_series_add(bench_document_series(&document, &other), &value), 0);
	cr_assert_str_eq(bench_figure_best_peer(&document, &document.series[0])->subject, "rwlock");
	cr_assert_str_eq(bench_figure_best_peer(&document, &document.series[2])->subject, "mutex",
			 "not itself");
}

Test(figure, one_number_for_each_process_decides, .init = begin, .fini = end)
{
	double numbers[BENCH_PROCESSES_MAX];
	struct bench_series *series;

	for (uint32_t process = 0; process < 2; process++)
		for (uint32_t repeat = 0; repeat <= 10; repeat++)
			add("pendmap", 100 * (process + 1) + repeat, process, repeat, false);
	add("pendmap", 1, 0, 11, true);
	series = &document.series[0];
	cr_assert_eq(bench_figure_deciding(series, numbers), 2);
	cr_assert_eq(numbers[0], 101);
	cr_assert_eq(numbers[1], 201);
	series->better = BENCH_MORE_IS_BETTER;
	cr_assert_eq(bench_figure_deciding(series, numbers), 2);
	cr_assert_eq(numbers[0], 109);
}

Test(figure, spectra_have_percentiles, .init = begin, .fini = end)
{
	const struct bench_spectrum like = { .scenario = "a", .most = 950 };
	const struct bench_bar bars[] = { { 10, 50 }, { 100, 49 }, { 1000, 1 } };
	const struct bench_spectrum none = { .most = 0 };

	cr_assert_eq(bench_document_spectrum(&document, &like, bars, 3), 0);
	cr_assert_eq(bench_spectrum_total(document.spectra), 100);
	cr_assert_eq(bench_spectrum_at(document.spectra, 0), 10);
	cr_assert_eq(bench_spectrum_at(document.spectra, 0.5), 10);
	cr_assert_eq(bench_spectrum_at(document.spectra, 0.51), 100);
	cr_assert_eq(bench_spectrum_at(document.spectra, 0.99), 100);
	cr_assert_eq(bench_spectrum_at(document.spectra, 0.999), 950, "exactly, not its bound");
	cr_assert_eq(bench_spectrum_at(document.spectra, 1), 950);
	cr_assert_eq(bench_spectrum_at(&none, 0.5), 0);
}

Test(figure, pingpong_has_classes)
{
	cr_assert_str_eq(bench_pingpong_class(0), "");
	cr_assert_str_eq(bench_pingpong_class(25), "near");
	cr_assert_str_eq(bench_pingpong_class(60), "far");
}

/* Ten rows of 10 ms at 100; @cells follow, from 100 ms on. */
static struct bench_timeline *timeline(enum bench_better better, const double *cells,
				       uint32_t count)
{
	const struct bench_timeline like = { .scenario = "unplug",
					     .step_ms = 10,
					     .column_count = 1,
					     .columns = { { "a", "1/s", better } },
					     .event_count = 2,
					     .events = { { 100, "away" }, { 150, "back" } } };
	struct bench_timeline *added = bench_document_timeline(&document, &like);

	for (uint32_t i = 0; i < 10; i++) {
		const double cell = 99 + i % 3;

		cr_assert_eq(bench_timeline_add(added, &cell), 0);
	}
	for (uint32_t i = 0; i < count; i++)
		cr_assert_eq(bench_timeline_add(added, &cells[i]), 0);
	return added;
}

Test(figure, dips_have_depth_and_recovery, .init = begin, .fini = end)
{
	const double cells[] = { 97, 40, (double)NAN, 60, 89, 91, 100, 20 };
	const struct bench_dip dip =
		bench_timeline_dip(timeline(BENCH_MORE_IS_BETTER, cells, 8), 0, 0);

	cr_assert_eq(dip.before, 100);
	cr_assert_float_eq(dip.depth, 0.6, 1e-12);
	cr_assert_float_eq(dip.recovery_ms, 50, 1e-9, "%g", dip.recovery_ms);
}

Test(figure, dips_may_never_end, .init = begin, .fini = end)
{
	const double cells[] = { 50, 50, 50, 50, 50, 50 };
	const struct bench_timeline *low = timeline(BENCH_MORE_IS_BETTER, cells, 6);
	struct bench_dip dip = bench_timeline_dip(low, 0, 0);

	cr_assert_float_eq(dip.depth, 0.5, 1e-12);
	cr_assert_lt(dip.recovery_ms, 0);
	dip = bench_timeline_dip(low, 0, 2);
	cr_assert(isnan(dip.before), "there is no such event");
	dip = bench_timeline_dip(low, 1, 0);
	cr_assert(isnan(dip.before), "there is no such column");
}

/* What falls only after the next event is that one's. */
Test(figure, no_dip_is_recovered_at_once, .init = begin, .fini = end)
{
	const double cells[] = { 95, 96, 97, 95, 98, 10, 10, 100 };
	const struct bench_timeline *flat = timeline(BENCH_MORE_IS_BETTER, cells, 8);
	struct bench_dip dip = bench_timeline_dip(flat, 0, 0);

	cr_assert_float_eq(dip.depth, 0.05, 1e-12);
	cr_assert_eq(dip.recovery_ms, 0);
	dip = bench_timeline_dip(flat, 0, 1);
	cr_assert_gt(dip.depth, 0.85);
	cr_assert_float_eq(dip.recovery_ms, 20, 1e-9);
}

Test(figure, where_less_is_better_a_dip_is_a_peak, .init = begin, .fini = end)
{
	const double cells[] = { 100, 400, 200, 105, 100 };
	const struct bench_dip dip =
		bench_timeline_dip(timeline(BENCH_LESS_IS_BETTER, cells, 5), 0, 0);

	cr_assert_float_eq(dip.depth, 0.75, 1e-12);
	cr_assert_float_eq(dip.recovery_ms, 30, 1e-9);
}
