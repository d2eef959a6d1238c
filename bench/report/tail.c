/* SPDX-License-Identifier: MIT */
/*
 * tail.c - times under a rate: spectra, and how the tail grows with the rate.
 *
 * Spectra of one scenario and point are one panel: time over 1 / (1 - p), so that each nine more
 * is as wide as the last. A response is timed from when the operation was meant to begin.
 */
#include <math.h>
#include <string.h>

#include "bench/model/figure.h"
#include "bench/report/html.h"
#include "bench/report/page.h"
#include "bench/report/plot.h"

#define SIGNS 24u
#define RATES 16u
#define STEPS 240u

static const double shares[] = { 0.5, 0.9, 0.99, 0.999, 0.9999 };

/* Kinds that are a part of another one's time are dashed. */
static bool is_dashed(const struct bench_spectrum *spectrum)
{
	return strcmp(spectrum->kind, "service") == 0 || strcmp(spectrum->kind, "permit") == 0;
}

static void name_of(const struct bench_spectrum *spectrum, char *text, size_t size)
{
	snprintf(text, size, "%s, %s", spectrum->subject, spectrum->kind);
}

/* Points of the spectrum at even steps of log(1 / (1 - p)), as far as it has samples. */
static uint32_t trace(const struct bench_spectrum *spectrum, double *x, double *y)
{
	double total = (double)bench_spectrum_total(spectrum);
	double end = log10(fmax(total, 10));
	uint32_t count = 0;

	if (total < 1)
		return 0;
	for (uint32_t i = 0; i < STEPS; i++) {
		double inverse = pow(10, end * i / (STEPS - 1));

		x[count] = inverse;
		y[count++] = i + 1 < STEPS ? (double)bench_spectrum_at(spectrum, 1 - 1 / inverse)
					   : (double)spectrum->most;
	}
	return count;
}

static bool same_panel(const struct bench_spectrum *a, const struct bench_spectrum *b)
{
	return strcmp(a->scenario, b->scenario) == 0 && bench_point_equal(&a->point, &b->point);
}

static void draw(struct plot *plot, const struct bench_spectrum *spectrum)
{
	uint32_t class = report_class(spectrum->subject);
	double x[STEPS], y[STEPS];
	uint32_t count = trace(spectrum, x, y);
	char name[64], value[40], tip[160];

	name_of(spectrum, name, sizeof(name));
	plot_line(plot, x, y, count, class, is_dashed(spectrum));
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		double at = (double)bench_spectrum_at(spectrum, shares[i]);

		if (count == 0 || 1 / (1 - shares[i]) > plot->x.high)
			continue;
		snprintf(tip, sizeof(tip), "%s p%g: %s", name, shares[i] * 100,
			 html_value(value, sizeof(value), at, "ns"));
		plot_mark(plot, 1 / (1 - shares[i]), at, class, is_dashed(spectrum), tip);
	}
}

static void panel(struct report_page *page, const struct bench_spectrum *first)
{
	const struct bench_document *document = page->document;
	const struct bench_spectrum *end = document->spectra + document->spectrum_count;
	double x[STEPS], y[STEPS];
	struct plot plot = {
		.out = page->out,
		.height = 320,
		.about = "Time over percentile: a solid line for response times, a dashed one for "
			 "service times.",
		.better = BENCH_LESS_IS_BETTER,
		.x = { .label = "percentile", .unit = "percentile", .scale = PLOT_LOG },
		.y = { .label = "time of an operation", .unit = "ns", .scale = PLOT_LOG },
	};
	char group[80], threads[24];

	report_group(group, sizeof(group), &first->point);
	report_threads(threads, sizeof(threads), &first->point);
	snprintf(plot.title, sizeof(plot.title), "%.39s%s%.40s%s%.20s", first->scenario,
		 group[0] ? ", " : "", group, threads[0] ? ", " : "", threads);
	for (const struct bench_spectrum *other = first; other < end; other++) {
		uint32_t count = same_panel(first, other) ? trace(other, x, y) : 0;

		for (uint32_t i = 0; i < count; i++) {
			plot_axis_include(&plot.x, x[i]);
			plot_axis_include(&plot.y, y[i]);
		}
	}
	plot_begin(&plot);
	for (const struct bench_spectrum *other = first; other < end; other++)
		if (same_panel(first, other))
			draw(&plot, other);
	plot_end(&plot);
}

static void legend(struct report_page *page)
{
	struct report_sign signs[SIGNS];
	uint32_t count = 0;
	char name[64];

	for (uint32_t i = 0; i < page->document->spectrum_count; i++) {
		const struct bench_spectrum *spectrum = &page->document->spectra[i];

		name_of(spectrum, name, sizeof(name));
		report_sign_add(signs, &count, SIGNS, name, report_class(spectrum->subject),
				is_dashed(spectrum));
	}
	report_legend(page, signs, count);
}

static void table(struct report_page *page)
{
	static const char *const headings[] = { "subject", "time",  "at",     "#threads",
						"#p50",    "#p90",  "#p99",   "#p99.9",
						"#p99.99", "#most", "#count", NULL };
	char text[120], number[40];

	report_table_begin(page, "table-tail", headings);
	for (uint32_t i = 0; i < page->document->spectrum_count; i++) {
		const struct bench_spectrum *spectrum = &page->document->spectra[i];

		fputs("<tr>", page->out);
		report_cell_text(page, spectrum->subject);
		report_cell_text(page, spectrum->kind);
		report_cell_text(page, report_group(text, sizeof(text), &spectrum->point));
		snprintf(number, sizeof(number), "%u", spectrum->point.threads);
		report_cell_number(page, spectrum->point.threads,
				   spectrum->point.threads ? number : "");
		for (size_t j = 0; j < sizeof(shares) / sizeof(shares[0]); j++) {
			double at = (double)bench_spectrum_at(spectrum, shares[j]);

			report_cell_number(page, at, html_value(number, sizeof(number), at, "ns"));
		}
		report_cell_number(
			page, (double)spectrum->most,
			html_value(number, sizeof(number), (double)spectrum->most, "ns"));
		html_number(number, sizeof(number), (double)bench_spectrum_total(spectrum));
		report_cell_number(page, (double)bench_spectrum_total(spectrum), number);
		fputs("</tr>\n", page->out);
	}
	report_table_end(page);
}

/* The tail of one subject and kind at all rates of a scenario, ascending. */
static uint32_t rates_of(const struct bench_document *document, const struct bench_spectrum *like,
			 double *x, double *y)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < document->spectrum_count && count < RATES; i++) {
		const struct bench_spectrum *spectrum = &document->spectra[i];
		struct bench_point a = spectrum->point, b = like->point;
		uint32_t at = count;

		a.rate = b.rate = 0;
		if (strcmp(spectrum->scenario, like->scenario) != 0 ||
		    strcmp(spectrum->subject, like->subject) != 0 ||
		    strcmp(spectrum->kind, like->kind) != 0 || !bench_point_equal(&a, &b) ||
		    spectrum->point.rate <= 0 || bench_spectrum_total(spectrum) == 0)
			continue;
		for (; at > 0 && x[at - 1] > spectrum->point.rate; at--) {
			x[at] = x[at - 1];
			y[at] = y[at - 1];
		}
		x[at] = spectrum->point.rate;
		y[at] = (double)bench_spectrum_at(spectrum, 0.99);
		count++;
	}
	return count;
}

static bool sweep_line(struct report_page *page, struct plot *plot,
		       const struct bench_spectrum *spectrum, bool drawing)
{
	uint32_t class = report_class(spectrum->subject);
	double x[RATES], y[RATES];
	uint32_t count = rates_of(page->document, spectrum, x, y);
	char tip[160], rate[40], time[40];

	if (count < 2 || x[0] != spectrum->point.rate)
		return false;
	if (drawing)
		plot_line(plot, x, y, count, class, is_dashed(spectrum));
	for (uint32_t i = 0; i < count; i++) {
		if (!drawing) {
			plot_axis_include(&plot->x, x[i]);
			plot_axis_include(&plot->y, y[i]);
			continue;
		}
		snprintf(tip, sizeof(tip), "%s, %s, at %s: p99 %s", spectrum->subject,
			 spectrum->kind, html_value(rate, sizeof(rate), x[i], "1/s"),
			 html_value(time, sizeof(time), y[i], "ns"));
		plot_mark(plot, x[i], y[i], class, is_dashed(spectrum), tip);
	}
	return true;
}

static void sweep(struct report_page *page)
{
	const struct bench_document *document = page->document;
	struct plot plot = {
		.out = page->out,
		.title = "p99 over the rate",
		.about = "The 99th percentile of response and service times at each rate.",
		.better = BENCH_LESS_IS_BETTER,
		.x = { .label = "operations meant to begin", .unit = "1/s", .scale = PLOT_LOG },
		.y = { .label = "p99", .unit = "ns", .scale = PLOT_LOG },
	};
	bool any = false;

	for (uint32_t i = 0; i < document->spectrum_count; i++)
		any |= sweep_line(page, &plot, &document->spectra[i], false);
	if (!any) {
		report_paragraph(page,
				 "One rate was measured: how the tail grows with the rate takes "
				 "two or more (--rate 100k,1M,2M).");
		return;
	}
	fputs("<div class=\"panels\">\n", page->out);
	plot_begin(&plot);
	for (uint32_t i = 0; i < document->spectrum_count; i++)
		sweep_line(page, &plot, &document->spectra[i], true);
	plot_end(&plot);
	fputs("</div>\n", page->out);
}

void report_write_tail(struct report_page *page)
{
	const struct bench_document *document = page->document;

	report_paragraph(page,
			 "Operations begin at a given rate, whether or not the last one is done. "
			 "A response time counts from when the operation was meant to begin, a "
			 "service time from when it did: a stall is in the first and hides from "
			 "the second.");
	if (document->spectrum_count == 0) {
		report_absent(page, "Tail latency", "latency");
		return;
	}
	legend(page);
	fputs("<div class=\"panels\">\n", page->out);
	for (uint32_t i = 0; i < document->spectrum_count; i++) {
		bool first = true;

		for (uint32_t j = 0; j < i; j++)
			first &= !same_panel(&document->spectra[j], &document->spectra[i]);
		if (first)
			panel(page, &document->spectra[i]);
	}
	fputs("</div>\n", page->out);
	table(page);
	sweep(page);
}
