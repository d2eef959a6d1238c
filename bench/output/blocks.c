/* SPDX-License-Identifier: MIT */
/*
 * blocks.c - the figures of one scenario as grids.
 *
 *	table of sizes     1Ki      64Ki          table of metrics    p50 us   p99 us
 *	1T  pendmap      35.2 ±3   67.1 ±2        1M/s  pendmap      0.12 ±1  1.31 ±9
 *	1T  mutex        46.0 ±3 < 81.1 ±2 <
 *
 * then, for a table of sizes, how many times as fast as the best peer and as each peer.
 * The axes that have the same value in all rows are named once, in the heading.
 */
#include "bench/output/blocks.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "bench/output/format.h"
#include "bench/output/scene.h"

const char bench_block_legend[] =
	"±: half of highest - lowest process, in % (of one process: its values); <: the best peer; "
	"!: fewer than 70 % of the values are clean, that is, measured without being preempted; "
	"+: more threads than CPUs; near, far, both: how many ns a cache line takes from thread to "
	"thread; vs: times as fast (1st: the first subject at that point)";

/* ---- cells ---- */

/* Whole ones; of a machine that was stopped meanwhile there may be millions. */
static void format_nanoseconds(double ns, char *text, size_t size)
{
	if (ns < 999.5)
		snprintf(text, size, "%.0f", ns);
	else
		bench_format_number(ns, text, size);
}

void bench_block_placement(const struct bench_series *const *series, uint32_t count, char *text,
			   size_t size)
{
	double low = 0, high = 0;
	char from[16], to[16];

	text[0] = '\0';
	for (uint32_t i = 0; i < count; i++) {
		const double ns = bench_figure_of(series[i]).pingpong_ns;

		if (ns <= 0)
			continue;
		low = low == 0 || ns < low ? ns : low;
		high = ns > high ? ns : high;
	}
	if (high <= 0)
		return;
	format_nanoseconds(low, from, sizeof(from));
	format_nanoseconds(high, to, sizeof(to));
	if (strcmp(bench_pingpong_class(low), bench_pingpong_class(high)) == 0)
		snprintf(text, size, "%s %s", bench_pingpong_class(high), to);
	else
		snprintf(text, size, "both %s-%s", from, to);
}

static void set_label(const struct bench_scene *scene, struct bench_grid *grid,
		      const struct bench_series *row)
{
	struct bench_point point = { 0 };
	char text[80];

	for (enum bench_axis axis = 0; axis < BENCH_AXES; axis++)
		if (axis != scene->axis && scene->varies[axis])
			bench_axis_copy(&point, &row->point, axis);
	bench_point_format(&point, text, sizeof(text));
	bench_grid_set(grid, 0, BENCH_TONE_PLAIN, "%s%s", text, row->oversubscribed ? "+" : "");
}

static void set_subject(struct bench_grid *grid, uint32_t column, const struct bench_series *row)
{
	bench_grid_set(grid, column, row->peer ? BENCH_TONE_PLAIN : BENCH_TONE_STRONG, "%s%s",
		       row->subject, strcmp(row->calls, "batch") == 0 ? " batch" : "");
}

/* Whether no other peer has a better figure at that point. */
static bool is_best_peer(const struct bench_scene *scene, const struct bench_series *series)
{
	const struct bench_series *other;
	double own, best;

	if (!series->peer || strcmp(series->metric, scene->primary) != 0)
		return false;
	other = bench_figure_best_peer(scene->document, series);
	if (!other)
		return true;
	own = bench_figure_of(series).median;
	best = bench_figure_of(other).median;
	return series->better == BENCH_MORE_IS_BETTER ? own >= best : own <= best;
}

static void set_figure(const struct bench_scene *scene, struct bench_grid *grid, uint32_t column,
		       const struct bench_series *series)
{
	const struct bench_figure figure = bench_figure_of(series);
	const bool best = is_best_peer(scene, series);
	char number[32], spread[16];

	if (*series->unit && strcmp(series->unit, "bytes") != 0)
		bench_format_number(figure.median, number, sizeof(number));
	else
		bench_format_value(figure.median, "", number, sizeof(number));
	snprintf(spread, sizeof(spread), "%.0f",
		 bench_format_spread(figure.median, figure.low, figure.high));
	bench_grid_set(grid, column, BENCH_TONE_PLAIN, "%s ±%-3s%c%c", number, spread,
		       best ? '<' : ' ', figure.clean < 0.7 ? '!' : ' ');
}

static void set_ratio(struct bench_grid *grid, uint32_t column, const struct bench_series *series,
		      const struct bench_series *peer)
{
	struct bench_figure ratio;
	char number[32], spread[16];

	if (!series || !peer)
		return;
	ratio = bench_figure_ratio(series, peer);
	if (isnan(ratio.median))
		return;
	bench_format_value(ratio.median, "x", number, sizeof(number));
	snprintf(spread, sizeof(spread), "%.0f",
		 bench_format_spread(ratio.median, ratio.low, ratio.high));
	bench_grid_set(grid, column, ratio.median >= 1 ? BENCH_TONE_GOOD : BENCH_TONE_BAD,
		       "%s ±%-3s", number, spread);
}

/* How many of the values of all of them together are clean, and where their threads were. */
static void set_quality(struct bench_grid *grid, uint32_t column,
			const struct bench_series *const *series, uint32_t count)
{
	uint32_t clean = 0, all = 0;
	char text[48];

	for (uint32_t i = 0; i < count; i++) {
		const struct bench_figure figure = bench_figure_of(series[i]);

		clean += (uint32_t)lround(figure.clean * figure.count);
		all += figure.count;
	}
	if (!all)
		return;
	bench_grid_set(grid, column, clean < 0.7 * all ? BENCH_TONE_BAD : BENCH_TONE_PLAIN, "%u/%u",
		       clean, all);
	bench_block_placement(series, count, text, sizeof(text));
	bench_grid_set(grid, column + 1, BENCH_TONE_PLAIN, "%s", text);
}

/* ---- grids ---- */

static struct bench_grid *begin_part(struct bench_block *block, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static struct bench_grid *begin_part(struct bench_block *block, const char *format, ...)
{
	struct bench_grid *grid = &block->parts[block->part_count].grid;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(block->parts[block->part_count].title,
		  sizeof(block->parts[block->part_count].title), format, arguments);
	va_end(arguments);
	block->part_count++;
	bench_grid_init(grid);
	bench_grid_column(grid, BENCH_COLUMN_LABEL, "%s", "");
	bench_grid_column(grid, BENCH_COLUMN_LABEL, "%s", "");
	return grid;
}

static void add_column_heads(const struct bench_scene *scene, struct bench_grid *grid,
			     const char *calls)
{
	char text[80];

	for (uint32_t i = 0; i < scene->column_count; i++)
		bench_grid_column(grid, BENCH_COLUMN_FIGURE, "%s%s",
				  bench_point_format(&scene->columns[i], text, sizeof(text)),
				  calls);
}

/* The primary metric: a row for each subject, a column for each size. */
static void make_table(const struct bench_scene *scene, struct bench_block *block)
{
	const bool is_ns = strcmp(scene->primary, "ns") == 0;
	const char *unit = bench_scene_first(scene, scene->primary)->unit;
	struct bench_grid *grid = begin_part(block, "%s%s%s", is_ns ? "ns for one" : scene->primary,
					     is_ns || !*unit ? "" : ", ", is_ns ? "" : unit);
	uint32_t quality;

	add_column_heads(scene, grid, "");
	quality = bench_grid_column(grid, BENCH_COLUMN_FIGURE, "clean");
	bench_grid_column(grid, BENCH_COLUMN_TEXT, "ping-pong");
	for (uint32_t r = 0; r < scene->row_count; r++) {
		const struct bench_series *found[BENCH_SCENE_COLUMNS];
		uint32_t count = 0;

		for (uint32_t c = 0; c < scene->column_count; c++) {
			const struct bench_series *series = bench_scene_find(
				scene, scene->rows[r], scene->primary, &scene->columns[c]);

			if (!series)
				continue;
			if (!count)
				bench_grid_row(grid);
			found[count++] = series;
			set_figure(scene, grid, 2 + c, series);
		}
		if (!count)
			continue;
		set_label(scene, grid, scene->rows[r]);
		set_subject(grid, 1, scene->rows[r]);
		set_quality(grid, quality, found, count);
	}
}

/* Each subject that is no peer beside the best peer at the same point. */
static void make_best(const struct bench_scene *scene, struct bench_block *block)
{
	struct bench_grid *grid = begin_part(block, "times as fast as the best peer (<)");

	add_column_heads(scene, grid, "");
	for (uint32_t r = 0; r < scene->row_count; r++) {
		if (scene->rows[r]->peer)
			continue;
		bench_grid_row(grid);
		set_label(scene, grid, scene->rows[r]);
		set_subject(grid, 1, scene->rows[r]);
		for (uint32_t c = 0; c < scene->column_count; c++) {
			const struct bench_series *series = bench_scene_find(
				scene, scene->rows[r], scene->primary, &scene->columns[c]);

			if (series)
				set_ratio(grid, 2 + c, series,
					  bench_figure_best_peer(scene->document, series));
		}
	}
}

/* The first subject that is no peer beside each peer; scalar, and then in batches. */
static void make_each(const struct bench_scene *scene, struct bench_block *block)
{
	static const char *const calls[] = { "", "scalar", "batch" };
	const struct bench_series *own = bench_scene_own(scene);
	struct bench_grid *grid = begin_part(block, "%s: times as fast as each peer", own->subject);

	for (uint32_t i = 0; i < 3; i++)
		add_column_heads(scene, grid, i == 2 ? " batch" : "");
	for (uint32_t r = 0; r < scene->row_count; r++) {
		const struct bench_series *peer = scene->rows[r];

		if (!peer->peer)
			continue;
		bench_grid_row(grid);
		set_label(scene, grid, peer);
		set_subject(grid, 1, peer);
		for (uint32_t n = 0; n < 3 * scene->column_count; n++) {
			const struct bench_point *column = &scene->columns[n % scene->column_count];
			const struct bench_series *row = bench_scene_row(
				scene, peer, own->subject, calls[n / scene->column_count]);

			if (row)
				set_ratio(grid, 2 + n,
					  bench_scene_find(scene, row, scene->primary, column),
					  bench_scene_find(scene, peer, scene->primary, column));
		}
	}
}

static bool ends_with(const char *text, const char *end)
{
	const size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* What the subject of @own has at the point of @peer; scalar, if there is a choice. */
static const struct bench_series *own_beside(const struct bench_scene *scene,
					     const struct bench_series *own,
					     const struct bench_series *peer)
{
	const struct bench_series *row = bench_scene_row(scene, peer, own->subject, own->calls);

	return row ? bench_scene_find(scene, row, peer->metric, NULL) : NULL;
}

/*
 * A row for each subject, a column for each metric. Behind a table only what else there is, and
 * only of the first subject that is no peer: all of it would be long, and is in the other outputs.
 */
static void make_metrics(const struct bench_scene *scene, bool has_table, struct bench_block *block)
{
	struct bench_grid *grid = begin_part(block, "%s", "");
	const struct bench_series *own = bench_scene_own(scene);
	const char *shown[BENCH_SCENE_METRICS];
	uint32_t count = 0, quality;

	for (uint32_t m = 0; m < scene->metric_count; m++) {
		const char *metric = scene->metrics[m];
		const char *unit = bench_scene_first(scene, metric)->unit;

		if (has_table && strcmp(metric, scene->primary) == 0)
			continue;
		shown[count++] = metric;
		bench_grid_column(grid, BENCH_COLUMN_FIGURE, "%s%s%s", metric,
				  *unit && !ends_with(metric, unit) ? " " : "",
				  ends_with(metric, unit) ? "" : unit);
	}
	quality = bench_grid_column(grid, BENCH_COLUMN_FIGURE, "clean");
	bench_grid_column(grid, BENCH_COLUMN_TEXT, "ping-pong");
	bench_grid_column(grid, BENCH_COLUMN_FIGURE, "vs best peer");
	bench_grid_column(grid, BENCH_COLUMN_FIGURE, "1st vs it");
	for (uint32_t r = 0; r < scene->row_count; r++) {
		const struct bench_series *row = scene->rows[r];
		const struct bench_series *first = NULL;

		if (has_table && (!own || strcmp(row->subject, own->subject) != 0))
			continue;
		for (uint32_t m = 0; m < count; m++) {
			const struct bench_series *series =
				bench_scene_find(scene, row, shown[m], NULL);

			if (!series)
				continue;
			if (!first)
				bench_grid_row(grid);
			if (!first || strcmp(series->metric, scene->primary) == 0)
				first = series;
			set_figure(scene, grid, 2 + m, series);
		}
		if (!first)
			continue;
		set_label(scene, grid, row);
		set_subject(grid, 1, row);
		set_quality(grid, quality, &first, 1);
		if (strcmp(first->metric, scene->primary) != 0)
			continue;
		if (!row->peer)
			set_ratio(grid, quality + 2, first,
				  bench_figure_best_peer(scene->document, first));
		else if (own)
			set_ratio(grid, quality + 3, own_beside(scene, own, first), first);
	}
}

static void write_heading(const struct bench_scene *scene, struct bench_block *block)
{
	struct bench_point point = { 0 };
	const char *operation = scene->series[0]->operation;
	char text[80];

	for (enum bench_axis axis = 0; axis < BENCH_AXES; axis++)
		if (!scene->varies[axis] && (axis != scene->axis || scene->column_count < 2))
			bench_axis_copy(&point, &scene->series[0]->point, axis);
	bench_point_format(&point, text, sizeof(text));
	snprintf(block->heading, sizeof(block->heading), "%s%s%s", operation,
		 *operation && *text ? "; " : "", text);
}

int bench_block_make(const struct bench_document *document, const char *scenario,
		     struct bench_block *block)
{
	struct bench_scene scene;
	int error = bench_scene_open(document, scenario, &scene);

	memset(block, 0, sizeof(*block));
	if (!error && scene.series_count) {
		const bool has_table = scene.axis != BENCH_AXIS_NONE;

		write_heading(&scene, block);
		if (has_table) {
			make_table(&scene, block);
			if (scene.has_peers && bench_scene_own(&scene)) {
				make_best(&scene, block);
				make_each(&scene, block);
			}
		}
		bench_scene_turn(&scene);
		if (!has_table || scene.metric_count > 1)
			make_metrics(&scene, has_table, block);
	}
	bench_scene_close(&scene);
	return error;
}

void bench_block_free(struct bench_block *block)
{
	for (uint32_t i = 0; i < block->part_count; i++)
		bench_grid_free(&block->parts[i].grid);
	block->part_count = 0;
}

uint32_t bench_block_scenarios(const struct bench_document *document,
			       const char *names[BENCH_SCENARIOS_MAX])
{
	const uint32_t all = document->series_count + document->timeline_count;
	uint32_t count = 0;

	for (uint32_t i = 0; i < all && count < BENCH_SCENARIOS_MAX; i++) {
		const char *name =
			i < document->series_count
				? document->series[i].scenario
				: document->timelines[i - document->series_count].scenario;
		uint32_t known = 0;

		while (known < count && strcmp(names[known], name) != 0)
			known++;
		if (known == count)
			names[count++] = name;
	}
	return count;
}

bool bench_block_is_reason(const struct bench_document *document, uint32_t index)
{
	const struct bench_series *series = &document->series[index];

	if (series->count || !series->skipped[0])
		return false;
	for (uint32_t i = 0; i < index; i++) {
		const struct bench_series *other = &document->series[i];

		if (!other->count && strcmp(other->scenario, series->scenario) == 0 &&
		    strcmp(other->subject, series->subject) == 0 &&
		    strcmp(other->skipped, series->skipped) == 0)
			return false;
	}
	return true;
}

bool bench_block_is_told(const struct bench_document *document, const char *note)
{
	char text[240];

	for (uint32_t i = 0; i < document->series_count; i++) {
		const struct bench_series *series = &document->series[i];

		if (series->count || !series->skipped[0])
			continue;
		snprintf(text, sizeof(text), "%s, %s: %s", series->scenario, series->subject,
			 series->skipped);
		if (strcmp(text, note) == 0)
			return true;
	}
	return false;
}
