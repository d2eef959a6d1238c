/* SPDX-License-Identifier: MIT */
/*
 * timeline.c - what happened step by step: a panel for each column, events as numbered lines.
 *
 * The process that is drawn is the first one; the table of dips has them all.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/model/figure.h"
#include "bench/report/html.h"
#include "bench/report/page.h"
#include "bench/report/plot.h"

/* Smaller dips are not told in words. */
#define DEPTH_TOLD 0.1

static double cell(const struct bench_timeline *timeline, uint32_t row, uint32_t column)
{
	return timeline->cells[(size_t)row * timeline->column_count + column];
}

static void panel(struct report_page *page, const struct bench_timeline *timeline, uint32_t column,
		  double *x, double *y)
{
	struct plot plot = {
		.out = page->out,
		.height = 220,
		.better = timeline->columns[column].better,
		.x = { .label = "time", .unit = "ms" },
		.y = { .label = timeline->columns[column].name,
		       .unit = timeline->columns[column].unit,
		       .from_zero = true },
	};

	snprintf(plot.title, sizeof(plot.title), "%s: %s", timeline->subject,
		 timeline->columns[column].name);
	snprintf(plot.about, sizeof(plot.about), "%s over time in %u steps with %u events.",
		 timeline->columns[column].name, timeline->row_count, timeline->event_count);
	for (uint32_t i = 0; i < timeline->row_count; i++) {
		x[i] = i * timeline->step_ms;
		y[i] = cell(timeline, i, column);
		plot_axis_include(&plot.x, x[i]);
		plot_axis_include(&plot.y, y[i]);
	}
	if (!plot.y.any)
		return;
	for (uint32_t i = 0; i < timeline->event_count; i++)
		plot_axis_include(&plot.x, timeline->events[i].at_ms);
	plot_begin(&plot);
	plot_line(&plot, x, y, timeline->row_count, report_class(timeline->subject), false);
	for (uint32_t i = 0; i < timeline->event_count; i++)
		plot_event(&plot, timeline->events[i].at_ms, i + 1, timeline->events[i].text);
	plot_end(&plot);
}

/* How the first column that should be high bears an event, in words; "" if none falls. */
static const char *dip_in_words(const struct bench_timeline *timeline, uint32_t event, char *text,
				size_t size)
{
	struct bench_dip dip;
	char back[40];

	text[0] = '\0';
	for (uint32_t column = 0; column < timeline->column_count; column++) {
		if (timeline->columns[column].better != BENCH_MORE_IS_BETTER)
			continue;
		dip = bench_timeline_dip(timeline, column, event);
		if (!(dip.depth >= DEPTH_TOLD))
			break;
		if (dip.recovery_ms < 0)
			snprintf(back, sizeof(back), "not back while it was watched");
		else
			html_value(back, sizeof(back), dip.recovery_ms, "ms");
		snprintf(text, size, ": %s fall by %.0f %%, %s%s", timeline->columns[column].name,
			 dip.depth * 100, dip.recovery_ms < 0 ? "" : "back at nine tenths after ",
			 back);
		break;
	}
	return text;
}

static void events(struct report_page *page, const struct bench_timeline *timeline)
{
	char dip[160];

	if (timeline->event_count == 0)
		return;
	fputs("<ol class=\"events\">", page->out);
	for (uint32_t i = 0; i < timeline->event_count; i++) {
		fputs("<li>", page->out);
		html_printf(page->out, "%s, at %.0f ms%s", timeline->events[i].text,
			    timeline->events[i].at_ms, dip_in_words(timeline, i, dip, sizeof(dip)));
		fputs("</li>", page->out);
	}
	fputs("</ol>\n", page->out);
}

/* The worst value of a column from an event to the next one. */
static double worst_after(const struct bench_timeline *timeline, uint32_t column, uint32_t event)
{
	double from = timeline->events[event].at_ms, to = INFINITY, worst = NAN;
	bool less = timeline->columns[column].better != BENCH_MORE_IS_BETTER;

	if (event + 1 < timeline->event_count)
		to = timeline->events[event + 1].at_ms;
	for (uint32_t i = 0; i < timeline->row_count; i++) {
		double value = cell(timeline, i, column);

		if (i * timeline->step_ms < from || i * timeline->step_ms >= to || !isfinite(value))
			continue;
		if (!isfinite(worst) || (less ? value > worst : value < worst))
			worst = value;
	}
	return worst;
}

static void dip_row(struct report_page *page, const struct bench_timeline *timeline,
		    uint32_t column, uint32_t event)
{
	const char *unit = timeline->columns[column].unit;
	double worst = worst_after(timeline, column, event);
	struct bench_dip dip = { .before = NAN, .depth = NAN, .recovery_ms = NAN };
	char text[80];

	if (timeline->columns[column].better == BENCH_MORE_IS_BETTER)
		dip = bench_timeline_dip(timeline, column, event);
	fputs("<tr>", page->out);
	report_cell_text(page, timeline->subject);
	report_cell_number(page, timeline->process,
			   html_number(text, sizeof(text), timeline->process));
	report_cell_text(page, timeline->events[event].text);
	report_cell_text(page, timeline->columns[column].name);
	report_cell_number(page, dip.before, html_value(text, sizeof(text), dip.before, unit));
	report_cell_number(page, worst, html_value(text, sizeof(text), worst, unit));
	snprintf(text, sizeof(text), "%.0f %%", dip.depth * 100);
	report_cell_number(page, dip.depth, isfinite(dip.depth) ? text : "\xe2\x80\x93");
	if (isfinite(dip.recovery_ms) && dip.recovery_ms < 0)
		snprintf(text, sizeof(text), "not seen");
	else
		html_value(text, sizeof(text), dip.recovery_ms, "ms");
	report_cell_number(page, dip.recovery_ms, text);
	fputs("</tr>\n", page->out);
}

static void dips(struct report_page *page, const char *scenario)
{
	static const char *const headings[] = { "subject",    "#process",
						"event",      "column",
						"#before",    "#worst",
						"#dip depth", "#back at nine tenths after",
						NULL };
	char id[64], name[80];

	snprintf(name, sizeof(name), "table-%s", html_id(id, sizeof(id), scenario));
	fputs("<details class=\"numbers\"><summary>Dips of all processes</summary>", page->out);
	report_table_begin(page, name, headings);
	for (uint32_t i = 0; i < page->document->timeline_count; i++) {
		const struct bench_timeline *timeline = &page->document->timelines[i];

		if (strcmp(timeline->scenario, scenario) != 0)
			continue;
		for (uint32_t event = 0; event < timeline->event_count; event++)
			for (uint32_t column = 0; column < timeline->column_count; column++)
				if (timeline->columns[column].better != BENCH_NEITHER_IS_BETTER)
					dip_row(page, timeline, column, event);
	}
	report_table_end(page);
	fputs("</details>\n", page->out);
}

static void one(struct report_page *page, const struct bench_timeline *timeline)
{
	double *x = calloc(timeline->row_count + 1, sizeof(*x));
	double *y = calloc(timeline->row_count + 1, sizeof(*y));
	char group[80], threads[24];

	if (!x || !y) {
		page->error = -ENOMEM;
		goto out;
	}
	fputs("<h3>", page->out);
	report_group(group, sizeof(group), &timeline->point);
	report_threads(threads, sizeof(threads), &timeline->point);
	html_printf(page->out, "%s, %s%s%s%s%s: process %u, steps of %g ms", timeline->scenario,
		    timeline->subject, group[0] ? ", " : "", group, threads[0] ? ", " : "", threads,
		    timeline->process, timeline->step_ms);
	fputs("</h3>\n", page->out);
	events(page, timeline);
	fputs("<div class=\"panels\">\n", page->out);
	for (uint32_t column = 0; column < timeline->column_count; column++)
		panel(page, timeline, column, x, y);
	fputs("</div>\n", page->out);
out:
	free(x);
	free(y);
}

/* Another process, or nothing to see. */
static bool is_shown(const struct bench_document *document, uint32_t which)
{
	const struct bench_timeline *timeline = &document->timelines[which];

	if (timeline->row_count < 2)
		return false;
	for (uint32_t i = 0; i < which; i++) {
		const struct bench_timeline *other = &document->timelines[i];

		if (strcmp(other->scenario, timeline->scenario) == 0 &&
		    strcmp(other->subject, timeline->subject) == 0 &&
		    bench_point_equal(&other->point, &timeline->point) && other->row_count >= 2)
			return false;
	}
	return true;
}

bool report_timelines(struct report_page *page, const char *prefix)
{
	const struct bench_document *document = page->document;
	const char *last = NULL;

	for (uint32_t i = 0; i < document->timeline_count; i++) {
		const struct bench_timeline *timeline = &document->timelines[i];

		if (strncmp(timeline->scenario, prefix, strlen(prefix)) != 0 ||
		    !is_shown(document, i))
			continue;
		if (last && strcmp(last, timeline->scenario) != 0)
			dips(page, last);
		one(page, timeline);
		last = timeline->scenario;
	}
	if (last)
		dips(page, last);
	return last != NULL;
}
