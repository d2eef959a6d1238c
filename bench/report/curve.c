/* SPDX-License-Identifier: MIT */
/*
 * curve.c - curves over an axis of the point: throughput over threads, time over occupancy.
 *
 * A curve is the series of one subject (with the same calls) at points that differ in that axis
 * only. Those of one scenario are one panel.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/model/figure.h"
#include "bench/model/stats.h"
#include "bench/report/curve.h"
#include "bench/report/html.h"
#include "bench/report/plot.h"

/* Threads are an axis of closed loops on filled tables, whose time is throughput turned over. */
static double axis_of(const struct bench_series *series, enum report_axis axis)
{
	if (axis == REPORT_BY_THREADS && (series->point.occupancy > 0 || series->point.rate > 0 ||
					  strcmp(series->metric, "ns") != 0))
		return 0;
	if (axis == REPORT_BY_OCCUPANCY && strncmp(series->scenario, "occupancy/", 10) != 0)
		return 0;
	return axis == REPORT_BY_THREADS ? series->point.threads : series->point.occupancy;
}

/* The point without what the axis varies. */
static struct bench_point rest_of(const struct bench_series *series, enum report_axis axis)
{
	struct bench_point point = series->point;

	if (axis == REPORT_BY_THREADS)
		point.threads = 0;
	else
		point.occupancy = 0;
	return point;
}

/* In one panel: all but the subject, the calls and the axis are the same. */
static bool same_panel(const struct bench_series *a, const struct bench_series *b,
		       enum report_axis axis)
{
	struct bench_point x = rest_of(a, axis), y = rest_of(b, axis);

	return strcmp(a->scenario, b->scenario) == 0 && strcmp(a->metric, b->metric) == 0 &&
	       bench_point_equal(&x, &y);
}

static bool same_curve(const struct bench_series *a, const struct bench_series *b,
		       enum report_axis axis)
{
	return same_panel(a, b, axis) && strcmp(a->subject, b->subject) == 0 &&
	       strcmp(a->calls, b->calls) == 0;
}

/* Thread time for one operation as operations a second of all threads; anything else as it is. */
static double shown(const struct bench_series *series, enum report_axis axis, double value)
{
	if (axis == REPORT_BY_THREADS)
		return series->point.threads * 1e9 / value;
	return value;
}

static int by_place(const void *a_, const void *b_)
{
	const struct report_spot *a = a_, *b = b_;

	return a->x < b->x ? -1 : a->x > b->x;
}

/* The curve that @first begins. */
static uint32_t collect(const struct bench_document *document, const struct bench_series *first,
			enum report_axis axis, struct report_spot *spots)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < document->series_count && count < REPORT_SPOTS_MAX; i++) {
		const struct bench_series *series = &document->series[i];
		struct bench_figure figure;

		if (series->count == 0 || axis_of(series, axis) <= 0 ||
		    !same_curve(series, first, axis))
			continue;
		figure = bench_figure_of(series);
		spots[count++] = (struct report_spot){
			.x = axis_of(series, axis),
			.y = shown(series, axis, figure.median),
			.low = shown(series, axis, figure.low),
			.high = shown(series, axis, figure.high),
			.hollow = series->oversubscribed,
		};
	}
	qsort(spots, count, sizeof(*spots), by_place);
	return count;
}

/* Whether @series is the first of its curve (or panel) in the document. */
static bool is_first(const struct bench_document *document, const struct bench_series *series,
		     enum report_axis axis, bool panel)
{
	for (const struct bench_series *other = document->series; other < series; other++) {
		if (other->count == 0 || axis_of(other, axis) <= 0)
			continue;
		if (panel ? same_panel(other, series, axis) : same_curve(other, series, axis))
			return false;
	}
	return true;
}

static void draw(struct plot *plot, const struct report_spot *spots, uint32_t count,
		 const struct bench_series *series)
{
	uint32_t class = report_series_class(series);
	double x[REPORT_SPOTS_MAX], y[REPORT_SPOTS_MAX];
	char tip[200], label[64], value[40];

	report_label(label, sizeof(label), series);
	for (uint32_t i = 0; i < count; i++) {
		x[i] = spots[i].x;
		y[i] = spots[i].y;
	}
	plot_line(plot, x, y, count, class, strcmp(series->calls, "batch") == 0);
	for (uint32_t i = 0; i < count; i++) {
		snprintf(tip, sizeof(tip), "%s at %g: %s%s", label, spots[i].x,
			 html_value(value, sizeof(value), spots[i].y, plot->y.unit),
			 spots[i].hollow ? " (more threads than CPUs)" : "");
		plot_whisker(plot, spots[i].x, spots[i].low, spots[i].high, class);
		plot_mark(plot, spots[i].x, spots[i].y, class, spots[i].hollow, tip);
	}
}

/* A line of the plot's own from one place to another; above the picture it ends. */
static void draw_reference_line(struct plot *plot, const struct bench_scaling *law, double from,
				double to, bool dashed)
{
	double x[33], y[33];

	for (uint32_t i = 0; i < 33; i++) {
		x[i] = from * pow(to / from, i / 32.);
		y[i] = law->rate * x[i] /
		       (1 + law->contention * (x[i] - 1) + law->coherence * x[i] * (x[i] - 1));
		if (y[i] > plot->y.high)
			y[i] = NAN;
	}
	plot_line(plot, x, y, 33, PLOT_CLASS_PLAIN, dashed);
}

bool report_law(const struct report_spot *spots, uint32_t count, struct bench_scaling *law)
{
	double x[REPORT_SPOTS_MAX], y[REPORT_SPOTS_MAX];
	uint32_t used = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (spots[i].hollow)
			continue;
		x[used] = spots[i].x;
		y[used++] = spots[i].y;
	}
	return used >= 4 && bench_stat_scaling(x, y, used, law);
}

/* Series of one panel are passed over twice: the axes need all the data before the first line. */
static bool each_curve(const struct bench_document *document, const struct bench_series *panel,
		       enum report_axis axis, struct plot *plot, bool drawing)
{
	struct report_spot spots[REPORT_SPOTS_MAX];
	bool any = false;

	for (const struct bench_series *series = panel;
	     series < document->series + document->series_count; series++) {
		uint32_t count;

		if (series->count == 0 || axis_of(series, axis) <= 0 ||
		    !same_panel(series, panel, axis) || !is_first(document, series, axis, false))
			continue;
		count = collect(document, series, axis, spots);
		if (count < 2)
			continue;
		any = true;
		for (uint32_t i = 0; i < count && !drawing; i++) {
			plot_axis_include(&plot->x, spots[i].x);
			plot_axis_include(&plot->y, spots[i].low);
			plot_axis_include(&plot->y, spots[i].high);
		}
		if (drawing)
			draw(plot, spots, count, series);
	}
	return any;
}

/* What only the threads have: the ideal, and the law where there are enough points. */
static void draw_reference(struct plot *plot, const struct bench_document *document,
			   const struct bench_series *panel, struct report_curves *curves)
{
	struct report_spot spots[REPORT_SPOTS_MAX];
	struct bench_scaling law;

	for (uint32_t i = 0; i < document->series_count; i++) {
		const struct bench_series *series = &document->series[i];
		uint32_t count;

		if (strcmp(series->subject, "pendmap") != 0 || series->count == 0 ||
		    strcmp(series->calls, "batch") == 0 || series->point.threads != 1 ||
		    !same_panel(series, panel, REPORT_BY_THREADS))
			continue;
		count = collect(document, series, REPORT_BY_THREADS, spots);
		if (count < 2)
			return;
		law = (struct bench_scaling){ .rate = spots[0].y / spots[0].x };
		draw_reference_line(plot, &law, spots[0].x, spots[count - 1].x, true);
		curves->counts = count > curves->counts ? count : curves->counts;
		if (report_law(spots, count, &law)) {
			draw_reference_line(plot, &law, spots[0].x, spots[count - 1].x, false);
			curves->fitted++;
		}
		return;
	}
}

static bool draw_panel(struct report_page *page, const struct bench_series *panel,
		       enum report_axis axis, struct report_curves *curves)
{
	bool threads = axis == REPORT_BY_THREADS;
	struct bench_point rest = rest_of(panel, axis);
	struct plot plot = {
		.out = page->out,
		.better = threads ? BENCH_MORE_IS_BETTER : panel->better,
		.x = { .label = threads ? "threads" : "live, of max_entries",
		       .unit = threads ? "" : "%",
		       .scale = threads ? PLOT_LOG : PLOT_LINEAR,
		       .powers = threads },
		.y = { .label = threads ? "operations, all threads" : report_metric(panel),
		       .unit = threads ? "1/s" : panel->unit,
		       .from_zero = true },
	};
	char group[80], count[24];

	report_group(group, sizeof(group), &rest);
	report_threads(count, sizeof(count), &rest);
	snprintf(plot.title, sizeof(plot.title), "%.39s%s%.40s%s%.20s", panel->scenario,
		 group[0] ? ", " : "", group, count[0] ? ", " : "", count);
	snprintf(plot.about, sizeof(plot.about), "A line for each subject: %s over %s.",
		 plot.y.label, plot.x.label);
	if (!each_curve(page->document, panel, axis, &plot, false))
		return false;
	plot_begin(&plot);
	if (threads)
		draw_reference(&plot, page->document, panel, curves);
	each_curve(page->document, panel, axis, &plot, true);
	plot_end(&plot);
	return true;
}

uint32_t report_curve(const struct bench_document *document, const struct bench_series *series,
		      enum report_axis axis, struct report_spot *spots)
{
	if (series->count == 0 || axis_of(series, axis) <= 0 ||
	    !is_first(document, series, axis, false))
		return 0;
	return collect(document, series, axis, spots);
}

static void legend(struct report_page *page, enum report_axis axis, struct report_curves *curves)
{
	struct report_spot spots[REPORT_SPOTS_MAX];
	struct report_sign signs[REPORT_SIGNS_MAX];
	uint32_t count = 0;
	char label[64];

	for (uint32_t i = 0; i < page->document->series_count; i++) {
		const struct bench_series *series = &page->document->series[i];

		if (!series->primary || report_curve(page->document, series, axis, spots) < 2)
			continue;
		report_sign_add(signs, &count, REPORT_SIGNS_MAX,
				report_label(label, sizeof(label), series),
				report_series_class(series), strcmp(series->calls, "batch") == 0);
	}
	if (axis == REPORT_BY_THREADS && count > 0)
		report_sign_add(signs, &count, REPORT_SIGNS_MAX,
				"ideal: pendmap's one thread, times threads", PLOT_CLASS_PLAIN,
				true);
	if (count > 0)
		report_legend(page, signs, count);
	curves->subjects = count;
}

bool report_curves(struct report_page *page, enum report_axis axis, struct report_curves *curves)
{
	const struct bench_document *document = page->document;

	memset(curves, 0, sizeof(*curves));
	legend(page, axis, curves);
	fputs("<div class=\"panels\">\n", page->out);
	for (uint32_t i = 0; i < document->series_count; i++) {
		const struct bench_series *series = &document->series[i];

		if (series->count == 0 || !series->primary || axis_of(series, axis) <= 0 ||
		    !is_first(document, series, axis, true))
			continue;
		if (draw_panel(page, series, axis, curves))
			curves->panels++;
	}
	fputs("</div>\n", page->out);
	return curves->panels > 0;
}
