/* SPDX-License-Identifier: MIT */
/*
 * figure_dip.c - how a column of a timeline takes an event.
 *
 *	1 ----.          .---- quality: 1 is as before the event
 *	      |       .-'
 *	.9 . .|. . . / . . . . back
 *	       \.  .'
 *	         `'            depth
 *	   event ^    ^ recovery
 *
 * A row counts as the step that ends (i + 1) * step_ms after the beginning. The dip is the first
 * fall below nine tenths between this event and the next; it may end after that.
 */
#include "bench/model/figure.h"

#include <math.h>
#include <stdlib.h>

#include "bench/model/stats.h"

#define BACK 0.9

struct dip_view {
	const struct bench_timeline *timeline;
	uint32_t column;
	double before;
};

static double cell(const struct dip_view *view, uint32_t row)
{
	return view->timeline->cells[(size_t)row * view->timeline->column_count + view->column];
}

/* Of a row: 1 as before, 0 nothing; NAN: not measured. */
static double quality(const struct dip_view *view, uint32_t row)
{
	const double now = cell(view, row);

	if (view->timeline->columns[view->column].better != BENCH_LESS_IS_BETTER)
		return now / view->before;
	if (now <= view->before)
		return 1;
	return view->before / now;
}

/* The first row that is not over at @at_ms. */
static uint32_t row_at(const struct bench_timeline *timeline, double at_ms)
{
	uint32_t row = 0;

	while (row < timeline->row_count && (row + 1) * timeline->step_ms <= at_ms)
		row++;
	return row;
}

static double median_before(const struct dip_view *view, uint32_t rows)
{
	double *numbers = malloc((rows + 1) * sizeof(*numbers));
	double median = NAN;
	uint32_t count = 0;

	for (uint32_t row = 0; numbers && row < rows; row++)
		if (isfinite(cell(view, row)))
			numbers[count++] = cell(view, row);
	if (count)
		median = bench_stat_median(numbers, count);
	free(numbers);
	return median;
}

static uint32_t row_of_next_event(const struct bench_timeline *timeline, double at_ms)
{
	double next_ms = INFINITY;

	for (uint32_t i = 0; i < timeline->event_count; i++)
		if (timeline->events[i].at_ms > at_ms)
			next_ms = fmin(next_ms, timeline->events[i].at_ms);
	return row_at(timeline, next_ms);
}

struct bench_dip bench_timeline_dip(const struct bench_timeline *timeline, uint32_t column,
				    uint32_t event)
{
	struct dip_view view = { .timeline = timeline, .column = column };
	struct bench_dip dip = { .before = NAN, .recovery_ms = -1 };
	double least = 1;
	bool fallen = false;

	if (event >= timeline->event_count || column >= timeline->column_count)
		return dip;

	const double at_ms = timeline->events[event].at_ms;
	const uint32_t next = row_of_next_event(timeline, at_ms);
	uint32_t row = row_at(timeline, at_ms);

	dip.before = view.before = median_before(&view, row);
	if (!isfinite(view.before) || row == timeline->row_count ||
	    (view.before <= 0 && timeline->columns[column].better != BENCH_LESS_IS_BETTER))
		return dip;
	for (; row < (fallen ? timeline->row_count : next); row++) {
		const double now = quality(&view, row);

		if (fallen && now >= BACK)
			break;
		least = fmin(least, now);
		fallen = fallen || now < BACK;
	}
	dip.depth = 1 - fmax(0, least);
	if (!fallen)
		dip.recovery_ms = 0;
	else if (row < timeline->row_count)
		dip.recovery_ms = fmax(0, row * timeline->step_ms - at_ms);
	return dip;
}
