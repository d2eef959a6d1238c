/* SPDX-License-Identifier: MIT */
/*
 * parts.c - tables, legends and panels of bars.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench/model/figure.h"
#include "bench/report/html.h"
#include "bench/report/page.h"
#include "bench/report/plot.h"

/* Bars of one panel are on a log axis where the longest is that many times the shortest. */
#define LOG_FROM 150.0
/* More rows than that are split where the size changes. */
#define PANEL_ROWS 44u
/* Tables of at most so many rows are open. */
#define OPEN_ROWS 24u

void report_paragraph(struct report_page *page, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fputs("<p>", page->out);
	html_text(page->out, text);
	fputs("</p>\n", page->out);
}

void report_absent(struct report_page *page, const char *what, const char *arguments)
{
	fputs("<p class=\"absent\">", page->out);
	html_printf(page->out, "%s: this run has no such figures.", what);
	fputs(" <code>", page->out);
	html_printf(page->out, "pendbench run %s", arguments);
	fputs("</code> measures them.</p>\n", page->out);
}

void report_cell_text(struct report_page *page, const char *text)
{
	fputs("<td>", page->out);
	html_text(page->out, text);
	fputs("</td>", page->out);
}

void report_cell_number(struct report_page *page, double value, const char *text)
{
	fputs("<td class=\"number\"", page->out);
	if (isfinite(value))
		fprintf(page->out, " data-sort=\"%.9g\"", value);
	fputc('>', page->out);
	html_text(page->out, text);
	fputs("</td>", page->out);
}

void report_table_begin(struct report_page *page, const char *id, const char *const *headings)
{
	fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"table\">"
	      "<table class=\"data\" id=\"",
	      page->out);
	html_text(page->out, id);
	fputs("\"><thead><tr>", page->out);
	for (; *headings; headings++) {
		bool number = (*headings)[0] == '#';

		fputs(number ? "<th scope=\"col\" class=\"number\">" : "<th scope=\"col\">",
		      page->out);
		html_text(page->out, *headings + (number ? 1 : 0));
		fputs("</th>", page->out);
	}
	fputs("</tr></thead><tbody>\n", page->out);
}

void report_table_end(struct report_page *page)
{
	fputs("</tbody></table></div>\n", page->out);
}

void report_sign_add(struct report_sign *signs, uint32_t *count, uint32_t most, const char *label,
		     uint32_t class, bool dashed)
{
	for (uint32_t i = 0; i < *count; i++)
		if (strcmp(signs[i].label, label) == 0)
			return;
	if (*count == most)
		return;
	snprintf(signs[*count].label, sizeof(signs[*count].label), "%s", label);
	signs[*count].class = class;
	signs[(*count)++].dashed = dashed;
}

void report_legend(struct report_page *page, const struct report_sign *signs, uint32_t count)
{
	fputs("<ul class=\"legend\">", page->out);
	for (uint32_t i = 0; i < count; i++) {
		fputs("<li>", page->out);
		plot_legend_sign(page->out, signs[i].class, signs[i].dashed, true);
		html_text(page->out, signs[i].label);
		fputs("</li>", page->out);
	}
	fputs("</ul>\n", page->out);
}

/* The medians of the processes, as points. At most BENCH_PROCESSES_MAX of them. */
static uint32_t process_dots(const struct bench_series *series, struct plot_dot *dots)
{
	uint32_t count = 0, seen = 0;

	for (uint32_t process = 0; process < BENCH_PROCESSES_MAX && seen < series->count;
	     process++) {
		struct bench_series one = *series;
		struct bench_figure figure;

		one.values = calloc(series->count, sizeof(*one.values));
		one.count = 0;
		if (!one.values)
			return 0;
		for (uint32_t i = 0; i < series->count; i++)
			if (series->values[i].process == process)
				one.values[one.count++] = series->values[i];
		if (one.count > 0) {
			figure = bench_figure_of(&one);
			dots[count++] =
				(struct plot_dot){ .value = figure.median, .process = process };
		}
		seen += one.count;
		free(one.values);
	}
	return count;
}

static void fill_row(struct plot_row *row, const struct bench_series *series, struct plot_dot *dots)
{
	struct bench_figure figure = bench_figure_of(series);

	report_group(row->group, sizeof(row->group), &series->point);
	report_label(row->label, sizeof(row->label), series);
	html_value(row->text, sizeof(row->text), figure.median, series->unit);
	row->class = report_series_class(series);
	row->hollow = series->oversubscribed;
	row->value = figure.median;
	row->low = figure.low;
	row->high = figure.high;
	row->dots = dots;
	row->dot_count = process_dots(series, dots);
	row->fence_low = row->fence_high = NAN;
}

static void bars(struct report_page *page, const struct bench_series **series, uint32_t count)
{
	struct plot_row *rows = calloc(count, sizeof(*rows));
	struct plot_dot *dots = calloc((size_t)count * BENCH_PROCESSES_MAX, sizeof(*dots));
	struct plot_rows plot = { .better = series[0]->better, .level = NAN };
	double least = INFINITY, most = 0;
	char threads[40];

	if (!rows || !dots) {
		page->error = -ENOMEM;
		goto out;
	}
	for (uint32_t i = 0; i < count; i++) {
		fill_row(&rows[i], series[i], dots + (size_t)i * BENCH_PROCESSES_MAX);
		least = fmin(least, rows[i].value);
		most = fmax(most, rows[i].value);
	}
	if (most <= 0)
		goto out;
	report_threads(threads, sizeof(threads), &series[0]->point);
	snprintf(plot.title, sizeof(plot.title), "%.39s%s%.24s%s%.20s", series[0]->scenario,
		 strcmp(series[0]->metric, "ns") == 0 ? "" : ": ",
		 strcmp(series[0]->metric, "ns") == 0 ? "" : series[0]->metric,
		 threads[0] ? ", " : "", threads);
	snprintf(
		plot.about, sizeof(plot.about),
		"%u bars: the median of each subject, with a whisker from the lowest to the highest "
		"process and a point for each process.",
		count);
	plot.x = (struct plot_axis){
		.label = report_metric(series[0]),
		.unit = series[0]->unit,
		.scale = least > 0 && most > least * LOG_FROM ? PLOT_LOG : PLOT_LINEAR,
		.from_zero = true,
	};
	plot_rows(page->out, &plot, rows, count);
out:
	free(rows);
	free(dots);
}

/* What curve.c draws needs no bars; nor do counts and shares that stand beside times. */
static bool has_bars(const struct bench_series *series)
{
	static const char *const units[] = { "ns", "us", "ms", "s", "bytes", "1/s" };

	if (strncmp(series->scenario, "occupancy/", 10) == 0)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(series->unit, units[i]) == 0)
			return true;
	return series->primary;
}

void report_bars(struct report_page *page, const struct report_list *list)
{
	uint32_t count;

	fputs("<div class=\"panels\">\n", page->out);
	for (uint32_t i = 0; i < list->count; i += count) {
		count = report_panel(list, i);
		if (count > PANEL_ROWS) {
			uint32_t same = 1;

			while (same < count &&
			       list->series[i + same]->point.size == list->series[i]->point.size)
				same++;
			count = same;
		}
		if (count > 1 && has_bars(list->series[i]))
			bars(page, list->series + i, count);
	}
	fputs("</div>\n", page->out);
}

/* How pendmap stands beside the subject of a row. */
static void beside(struct report_page *page, const struct bench_series *series)
{
	const struct bench_series *own = series, *peer = series;
	struct bench_figure ratio;
	char number[40], text[120];

	if (series->peer)
		own = report_own(page->document, series);
	else
		peer = series->primary ? bench_figure_best_peer(page->document, series) : NULL;
	if (!own || !peer || own == peer) {
		report_cell_number(page, NAN, "");
		return;
	}
	ratio = bench_figure_ratio(own, peer);
	html_number(number, sizeof(number), ratio.median);
	snprintf(text, sizeof(text), "%s\xc3\x97%s%s", number, series->peer ? "" : " ",
		 series->peer ? "" : peer->subject);
	report_cell_number(page, ratio.median, isfinite(ratio.median) ? text : "");
}

static void figure_row(struct report_page *page, const struct bench_series *series)
{
	char text[160], low[40], high[40];
	struct bench_figure figure;

	fputs("<tr>", page->out);
	report_cell_text(page, series->scenario);
	report_cell_text(page, report_label(text, sizeof(text), series));
	report_cell_text(page, series->metric);
	report_cell_number(page, (double)series->point.size,
			   report_group(text, sizeof(text), &series->point));
	snprintf(text, sizeof(text), "%u%s", series->point.threads,
		 series->oversubscribed ? " (more than CPUs)" : "");
	report_cell_number(page, series->point.threads, series->point.threads ? text : "");
	if (series->count == 0) {
		fputs("<td colspan=\"6\" class=\"why\">", page->out);
		html_text(page->out, series->skipped[0] ? series->skipped : "not measured");
		fputs("</td></tr>\n", page->out);
		return;
	}
	figure = bench_figure_of(series);
	report_cell_number(page, figure.median,
			   html_value(text, sizeof(text), figure.median, series->unit));
	html_value(low, sizeof(low), figure.low, series->unit);
	html_value(high, sizeof(high), figure.high, series->unit);
	snprintf(text, sizeof(text), "%s \xe2\x80\x93 %s", low, high);
	report_cell_number(page, figure.spread, figure.low == figure.high ? "" : text);
	snprintf(text, sizeof(text), "%.0f %%", figure.clean * 100);
	report_cell_number(page, figure.clean, text);
	snprintf(text, sizeof(text), "%u in %u", figure.count, figure.processes);
	report_cell_number(page, figure.count, text);
	report_cell_text(page, bench_pingpong_class(figure.pingpong_ns));
	beside(page, series);
	fputs("</tr>\n", page->out);
}

void report_figures(struct report_page *page, const char *id, const struct bench_series **series,
		    uint32_t count)
{
	static const char *const headings[] = { "scenario",
						"subject",
						"metric",
						"#at",
						"#threads",
						"#median",
						"#low \xe2\x80\x93 high",
						"#clean",
						"#values",
						"CPUs",
						"#pendmap: times as good as",
						NULL };

	fprintf(page->out, "<details class=\"numbers\"%s><summary>%u figure%s</summary>",
		count <= OPEN_ROWS ? " open" : "", count, count == 1 ? "" : "s");
	report_table_begin(page, id, headings);
	for (uint32_t i = 0; i < count; i++)
		figure_row(page, series[i]);
	report_table_end(page);
	fputs("</details>\n", page->out);
}

/* All panels of the topic in one grid, and one table. */
static void write_together(struct report_page *page, const struct report_list *list,
			   enum report_topic topic)
{
	char name[40];

	report_bars(page, list);
	snprintf(name, sizeof(name), "figures-topic-%d", (int)topic);
	report_figures(page, name, list->series, list->count);
}

static void write_apart(struct report_page *page, const struct report_list *list)
{
	struct report_list part;
	char id[80], name[96];

	for (uint32_t i = 0; i < list->count; i += part.count) {
		part.series = list->series + i;
		part.count = report_same_scenario(list, i);
		fputs("<h3 id=\"scenario-", page->out);
		html_text(page->out, html_id(id, sizeof(id), list->series[i]->scenario));
		fputs("\">", page->out);
		html_text(page->out, list->series[i]->scenario);
		fputs("</h3>\n", page->out);
		if (list->series[i]->operation[0])
			report_paragraph(page, "One operation: %s.", list->series[i]->operation);
		report_bars(page, &part);
		snprintf(name, sizeof(name), "figures-%s", id);
		report_figures(page, name, part.series, part.count);
	}
}

bool report_topic(struct report_page *page, enum report_topic topic)
{
	struct report_list list;
	bool any;

	if (report_pick(page->document, topic, &list) < 0) {
		page->error = -ENOMEM;
		return true;
	}
	any = list.count > 0;
	if (any && topic == REPORT_PEERS)
		write_apart(page, &list);
	else if (any)
		write_together(page, &list, topic);
	report_list_free(&list);
	return any;
}
