/* SPDX-License-Identifier: MIT */
/*
 * summaries.c - what all scenarios come to as grids: targets that are met or not, and what became
 * of timelines when something happened.
 */
#include "bench/output/blocks.h"

#include <math.h>
#include <string.h>

#include "bench/model/stats.h"
#include "bench/output/format.h"

/* ---- targets ---- */

/* The peer without how it was used, which the table of the scenario says. */
static void set_peer(struct bench_grid *grid, uint32_t column,
		     const struct bench_headline *headline)
{
	const char *subject = headline->peer->subject;

	if (headline->scaling)
		bench_grid_set(grid, column, BENCH_TONE_PLAIN, "1 thread");
	else
		bench_grid_set(grid, column, BENCH_TONE_PLAIN, "%.*s", (int)strcspn(subject, " "),
			       subject);
}

static void set_headline(struct bench_grid *grid, const struct bench_headline *headline)
{
	const struct bench_series *const both[] = { headline->series, headline->peer };
	const uint32_t sides = headline->peer && !headline->scaling ? 2 : 1;
	struct bench_point point = { .size = headline->series->point.size };
	char text[96];
	bool met;

	if (headline->scaling)
		point.threads = headline->series->point.threads;
	bench_grid_row(grid);
	bench_grid_set(grid, 0, BENCH_TONE_STRONG, "%s", headline->what);
	bench_point_format(&point, text, sizeof(text));
	bench_grid_set(grid, 1, BENCH_TONE_PLAIN, "%s", text);
	met = bench_headline_met(headline, text, sizeof(text));
	bench_grid_set(grid, 2, BENCH_TONE_PLAIN, "%s", text);
	bench_grid_set(grid, 4, met ? BENCH_TONE_GOOD : BENCH_TONE_BAD, "%s%s",
		       met ? "met" : "missed",
		       bench_figure_of(headline->series).clean < 0.7 ? " !" : "");
	bench_headline_target(headline, text, sizeof(text));
	bench_grid_set(grid, 3, BENCH_TONE_PLAIN, "%s", text);
	if (headline->peer)
		set_peer(grid, 5, headline);
	bench_block_placement(both, sides, text, sizeof(text));
	bench_grid_set(grid, 6, BENCH_TONE_PLAIN, "%s", text);
}

void bench_block_headlines(const struct bench_document *document, struct bench_grid *grid)
{
	struct bench_headline headlines[BENCH_HEADLINES_MAX];
	const uint32_t count = bench_headlines(document, headlines);

	bench_grid_init(grid);
	bench_grid_column(grid, BENCH_COLUMN_LABEL, "target");
	bench_grid_column(grid, BENCH_COLUMN_LABEL, "at");
	bench_grid_column(grid, BENCH_COLUMN_FIGURE, "measured");
	bench_grid_column(grid, BENCH_COLUMN_FIGURE, "wanted");
	bench_grid_column(grid, BENCH_COLUMN_TEXT, "%s", "");
	bench_grid_column(grid, BENCH_COLUMN_TEXT, "beside");
	bench_grid_column(grid, BENCH_COLUMN_TEXT, "ping-pong");
	for (uint32_t i = 0; i < count; i++)
		set_headline(grid, &headlines[i]);
}

/* ---- timelines ---- */

/* One column of the timelines that differ in nothing but their process, at one event. */
struct dips {
	double before[BENCH_PROCESSES_MAX];
	double depth[BENCH_PROCESSES_MAX];
	double recovery[BENCH_PROCESSES_MAX]; /* of those that came back */
	uint32_t count;
	uint32_t recovered;
};

static bool is_like(const struct bench_timeline *a, const struct bench_timeline *b)
{
	return strcmp(a->scenario, b->scenario) == 0 && strcmp(a->subject, b->subject) == 0 &&
	       bench_point_equal(&a->point, &b->point);
}

static void collect(const struct bench_document *document, const struct bench_timeline *like,
		    uint32_t column, uint32_t event, struct dips *dips)
{
	*dips = (struct dips){ .count = 0 };
	for (uint32_t i = 0; i < document->timeline_count; i++) {
		const struct bench_timeline *timeline = &document->timelines[i];
		struct bench_dip dip;

		if (!is_like(timeline, like) || column >= timeline->column_count ||
		    event >= timeline->event_count || dips->count == BENCH_PROCESSES_MAX)
			continue;
		dip = bench_timeline_dip(timeline, column, event);
		if (isnan(dip.before) || isnan(dip.depth))
			continue;
		dips->before[dips->count] = dip.before;
		dips->depth[dips->count++] = 100 * dip.depth;
		if (dip.recovery_ms >= 0)
			dips->recovery[dips->recovered++] = dip.recovery_ms;
	}
}

/* "12.3 ±4": the median, and half of the range in percent of it. */
static void set_median(struct bench_grid *grid, uint32_t column, const double *numbers,
		       uint32_t count, const char *unit)
{
	const double median = bench_stat_median(numbers, count);
	const double low = bench_stat_quantile(numbers, count, 0);
	const double high = bench_stat_quantile(numbers, count, 1);
	char text[32];

	bench_grid_set(grid, column, BENCH_TONE_PLAIN, "%s ±%-3.0f",
		       bench_format_value(median, unit, text, sizeof(text)),
		       bench_format_spread(median, low, high));
}

/* Whether the timelines of a scenario were taken at several points. */
static bool points_differ(const struct bench_document *document, const struct bench_timeline *like)
{
	for (uint32_t i = 0; i < document->timeline_count; i++)
		if (strcmp(document->timelines[i].scenario, like->scenario) == 0 &&
		    !bench_point_equal(&document->timelines[i].point, &like->point))
			return true;
	return false;
}

static void set_dips(const struct bench_document *document, const struct bench_timeline *like,
		     uint32_t column, uint32_t event, struct bench_grid *grid)
{
	struct dips dips;
	char text[80];

	collect(document, like, column, event, &dips);
	if (!dips.count)
		return;
	bench_grid_row(grid);
	bench_grid_set(grid, 0, BENCH_TONE_STRONG, "%s", like->subject);
	if (points_differ(document, like))
		bench_grid_set(grid, 1, BENCH_TONE_PLAIN, "%s",
			       bench_point_format(&like->point, text, sizeof(text)));
	bench_grid_set(grid, 2, BENCH_TONE_PLAIN, "%s", like->events[event].text);
	bench_grid_set(grid, 3, BENCH_TONE_PLAIN, "%s", like->columns[column].name);
	set_median(grid, 4, dips.before, dips.count, like->columns[column].unit);
	set_median(grid, 5, dips.depth, dips.count, "%");
	if (!dips.recovered)
		bench_grid_set(grid, 6, BENCH_TONE_BAD, "never");
	else
		set_median(grid, 6, dips.recovery, dips.recovered, "ms");
	if (dips.recovered && dips.recovered < dips.count)
		bench_grid_set(grid, 7, BENCH_TONE_BAD, "%u of %u", dips.recovered, dips.count);
}

/* Whether it is the first of those that differ in nothing but their process. */
static bool is_first(const struct bench_document *document, uint32_t number)
{
	for (uint32_t i = 0; i < number; i++)
		if (is_like(&document->timelines[i], &document->timelines[number]))
			return false;
	return true;
}

void bench_block_dips(const struct bench_document *document, const char *scenario,
		      struct bench_grid *grid)
{
	bench_grid_init(grid);
	bench_grid_column(grid, BENCH_COLUMN_LABEL, "%s", "");
	bench_grid_column(grid, BENCH_COLUMN_LABEL, "%s", "");
	bench_grid_column(grid, BENCH_COLUMN_TEXT, "event");
	bench_grid_column(grid, BENCH_COLUMN_TEXT, "of");
	bench_grid_column(grid, BENCH_COLUMN_FIGURE, "before");
	bench_grid_column(grid, BENCH_COLUMN_FIGURE, "falls by");
	bench_grid_column(grid, BENCH_COLUMN_FIGURE, "back after");
	bench_grid_column(grid, BENCH_COLUMN_TEXT, "came back");
	for (uint32_t i = 0; i < document->timeline_count; i++) {
		const struct bench_timeline *timeline = &document->timelines[i];

		if (strcmp(timeline->scenario, scenario) != 0 || !is_first(document, i))
			continue;
		for (uint32_t event = 0; event < timeline->event_count; event++)
			for (uint32_t column = 0; column < timeline->column_count; column++)
				if (timeline->columns[column].better == BENCH_MORE_IS_BETTER)
					set_dips(document, timeline, column, event, grid);
	}
}
