/* SPDX-License-Identifier: MIT */
/*
 * every.c - each benchmark: all of its figures, and all of its values as strips.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/model/stats.h"
#include "bench/report/html.h"
#include "bench/report/page.h"
#include "bench/report/plot.h"

/* Values of one panel are on a log axis where the largest is that many times the smallest. */
#define LOG_FROM 20.0
#define STRIP_ROWS 24u

static void fences(const struct bench_series *series, struct plot_row *row)
{
	double *clean = calloc(series->count, sizeof(*clean));
	uint32_t count = 0;

	row->fence_low = row->fence_high = NAN;
	for (uint32_t i = 0; clean && i < series->count; i++)
		if (series->values[i].preempted == 0 && isfinite(series->values[i].value))
			clean[count++] = series->values[i].value;
	if (count >= 4) {
		struct bench_fences fences = bench_stat_fences(clean, count);

		row->fence_low = fences.mild_low;
		row->fence_high = fences.mild_high;
	}
	free(clean);
}

static void fill_row(struct plot_row *row, const struct bench_series *series, struct plot_dot *dots)
{
	uint32_t preempted = 0;

	report_group(row->group, sizeof(row->group), &series->point);
	report_label(row->label, sizeof(row->label), series);
	for (uint32_t i = 0; i < series->count; i++) {
		const struct bench_value *value = &series->values[i];

		dots[i] = (struct plot_dot){ .value = value->value,
					     .process = value->process,
					     .grey = value->preempted > 0 };
		preempted += value->preempted > 0;
	}
	if (preempted)
		snprintf(row->text, sizeof(row->text), "%u of %u grey", preempted, series->count);
	else
		snprintf(row->text, sizeof(row->text), "%u value%s", series->count,
			 series->count == 1 ? "" : "s");
	row->class = report_series_class(series);
	row->value = row->low = row->high = NAN;
	row->dots = dots;
	row->dot_count = series->count;
	row->strip = true;
	fences(series, row);
}

static void limits(const struct bench_series **series, uint32_t count, double *least, double *most)
{
	*least = INFINITY;
	*most = 0;
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t j = 0; j < series[i]->count; j++) {
			*least = fmin(*least, series[i]->values[j].value);
			*most = fmax(*most, series[i]->values[j].value);
		}
}

static void strips(struct report_page *page, const struct bench_series **series, uint32_t count)
{
	struct plot_row *rows = calloc(count, sizeof(*rows));
	struct plot_rows plot = { .better = series[0]->better, .level = NAN };
	struct plot_dot *dots = NULL;
	size_t values = 0, at = 0;
	double least, most;
	char threads[40];

	for (uint32_t i = 0; i < count; i++)
		values += series[i]->count;
	dots = calloc(values + 1, sizeof(*dots));
	if (!rows || !dots) {
		page->error = -ENOMEM;
		goto out;
	}
	for (uint32_t i = 0; i < count; i++) {
		fill_row(&rows[i], series[i], dots + at);
		at += series[i]->count;
	}
	limits(series, count, &least, &most);
	report_threads(threads, sizeof(threads), &series[0]->point);
	snprintf(plot.title, sizeof(plot.title), "All values: %.39s %.24s%s%.20s",
		 series[0]->scenario, series[0]->metric, threads[0] ? ", " : "", threads);
	snprintf(
		plot.about, sizeof(plot.about),
		"A strip for each subject with %zu values in all, a lane for each process; preempted "
		"ones grey; vertical lines are Tukey's fences of the clean ones.",
		values);
	plot.x = (struct plot_axis){ .label = report_metric(series[0]),
				     .unit = series[0]->unit,
				     .scale = least > 0 && most > least * LOG_FROM ? PLOT_LOG
										   : PLOT_LINEAR };
	plot_rows(page->out, &plot, rows, count);
out:
	free(rows);
	free(dots);
}

/* Panels of one scenario: the same metric and threads, and not too many rows. */
static void scenario(struct report_page *page, const struct report_list *part)
{
	char id[64], name[96];
	uint32_t count;

	html_id(id, sizeof(id), part->series[0]->scenario);
	fprintf(page->out, "<details class=\"bench\" id=\"bench-%s\"><summary>", id);
	html_printf(page->out, "%s \xc2\xb7 %u series", part->series[0]->scenario, part->count);
	fputs("</summary>\n<div class=\"panels\">\n", page->out);
	for (uint32_t i = 0; i < part->count; i += count) {
		count = report_panel(part, i);
		if (count > STRIP_ROWS)
			count = STRIP_ROWS;
		for (uint32_t j = 0; j < count; j++) {
			if (part->series[i + j]->count > 0)
				continue;
			count = j > 0 ? j : 1;
			break;
		}
		if (part->series[i]->count > 0)
			strips(page, part->series + i, count);
	}
	fputs("</div>\n", page->out);
	snprintf(name, sizeof(name), "every-%s", id);
	report_figures(page, name, part->series, part->count);
	fputs("</details>\n", page->out);
}

void report_write_every(struct report_page *page)
{
	struct report_list list, part;

	if (report_pick_all(page->document, &list) < 0) {
		page->error = -ENOMEM;
		return;
	}
	if (list.count == 0)
		report_absent(page, "Benchmarks", "--quick");
	else
		report_paragraph(page,
				 "Every value of every series, a lane for each process. Grey: a "
				 "measuring thread was preempted meanwhile. Vertical lines: "
				 "Tukey's fences, 1.5 times the distance of the quartiles "
				 "beyond them.");
	for (uint32_t i = 0; i < list.count; i += part.count) {
		part.series = list.series + i;
		part.count = report_same_scenario(&list, i);
		scenario(page, &part);
	}
	report_list_free(&list);
}
