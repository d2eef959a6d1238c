/* SPDX-License-Identifier: MIT */
/*
 * plot.c - plots with two axes.
 *
 *	y label . lower is better
 *	 40 |-----------------
 *	 20 |------/----------
 *	  0 +------------------
 *	      1     2     4
 *	        x label
 */
#include "bench/report/plot.h"

#include <math.h>
#include <string.h>

#include "bench/report/html.h"

#define HEIGHT 270u

const char *plot_direction(enum bench_better better)
{
	static const char *const names[] = {
		[BENCH_LESS_IS_BETTER] = "lower is better",
		[BENCH_MORE_IS_BETTER] = "higher is better",
		[BENCH_NEITHER_IS_BETTER] = "",
	};

	return names[better];
}

double plot_text_width(const char *text)
{
	double width = 0;

	for (; *text; text++)
		if (((unsigned char)*text & 0xc0) != 0x80)
			width += strchr("il.,:'|/ tfj", *text) ? 4.6
				 : strchr("mwMW%@", *text)     ? 11.5
							       : 7.5;
	return width;
}

double plot_place(const struct plot_axis *axis, double value, double from, double to)
{
	double share;

	if (axis->scale == PLOT_LOG)
		share = log(value / axis->low) / log(axis->high / axis->low);
	else
		share = (value - axis->low) / (axis->high - axis->low);
	return from + share * (to - from);
}

static double x_of(const struct plot *plot, double value)
{
	return plot_place(&plot->x, value, plot->left, plot->right);
}

static double y_of(const struct plot *plot, double value)
{
	return plot_place(&plot->y, value, plot->bottom, plot->top);
}

static bool drawable(const struct plot *plot, double x, double y)
{
	return isfinite(x) && isfinite(y) && (plot->x.scale != PLOT_LOG || x > 0) &&
	       (plot->y.scale != PLOT_LOG || y > 0);
}

/* The label with the unit of a linear axis; a log axis has units at its marks. */
static const char *axis_label(const struct plot_axis *axis, char *text, size_t size)
{
	bool log = axis->scale == PLOT_LOG && !axis->powers &&
		   strcmp(axis->unit, "percentile") != 0;
	const char *unit;

	plot_axis_unit(axis, &unit);
	if (axis->scale == PLOT_LINEAR && unit[0])
		snprintf(text, size, "%s (%s)", axis->label, unit);
	else
		snprintf(text, size, "%s%s", axis->label, log ? ", log scale" : "");
	return text;
}

void plot_below(FILE *out, const struct plot_axis *axis, double left, double right, double y)
{
	char text[120];
	double half = plot_text_width(axis_label(axis, text, sizeof(text))) / 2;
	double middle = fmax(half, fmin((left + right) / 2, PLOT_WIDTH - half - 2));

	fprintf(out, "<text class=\"label\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", middle,
		y);
	html_text(out, text);
	fputs("</text>", out);
}

static void y_marks(struct plot *plot)
{
	struct plot_tick ticks[PLOT_TICKS_MAX];
	uint32_t count = plot_ticks(&plot->y, 7, ticks);
	double widest = 20;

	for (uint32_t i = 0; i < count; i++)
		widest = fmax(widest, plot_text_width(ticks[i].text));
	plot->left = widest + 10;
	for (uint32_t i = 0; i < count; i++) {
		double y = y_of(plot, ticks[i].at);

		fprintf(plot->out,
			"<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>"
			"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">",
			plot->left, y, plot->right, plot->left - 6, y + 4);
		html_text(plot->out, ticks[i].text);
		fputs("</text>", plot->out);
	}
}

static void x_marks(struct plot *plot)
{
	struct plot_tick ticks[PLOT_TICKS_MAX];
	uint32_t most = PLOT_TICKS_MAX, count;
	double widest = 0, free = plot->left - 30;

	count = plot_ticks(&plot->x, most, ticks);
	for (uint32_t i = 0; i < count; i++)
		widest = fmax(widest, plot_text_width(ticks[i].text));
	most = (uint32_t)((plot->right - plot->left) / (widest + 6)) + 1;
	if (most < count && strcmp(plot->x.unit, "percentile") != 0)
		count = plot_ticks(&plot->x, most, ticks);
	for (uint32_t i = 0; i < count; i++) {
		double x = x_of(plot, ticks[i].at);
		double half = plot_text_width(ticks[i].text) / 2;

		fprintf(plot->out, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>", x, plot->top,
			plot->bottom + 4);
		if (x - half < free || x + half > PLOT_WIDTH)
			continue;
		free = x + half + 6;
		fprintf(plot->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", x,
			plot->bottom + 17);
		html_text(plot->out, ticks[i].text);
		fputs("</text>", plot->out);
	}
}

void plot_figure(FILE *out, const char *title, const char *about, enum bench_better better,
		 uint32_t height)
{
	const char *direction = plot_direction(better);

	fputs("<figure class=\"plot\"><figcaption>", out);
	html_text(out, title);
	if (direction[0])
		fprintf(out, " <span class=\"better\">(%s)</span>", direction);
	fprintf(out, "</figcaption><svg viewBox=\"0 0 %d %u\" role=\"img\"><title>", PLOT_WIDTH,
		height);
	html_text(out, title);
	fputs("</title><desc>", out);
	html_text(out, about);
	fputs("</desc>", out);
}

void plot_begin(struct plot *plot)
{
	uint32_t height = plot->height ? plot->height : HEIGHT;
	char label[120];

	plot_axis_settle(&plot->x);
	plot_axis_settle(&plot->y);
	plot->top = 26;
	plot->bottom = height - 40;
	plot->right = PLOT_WIDTH - 12;
	plot_figure(plot->out, plot->title, plot->about, plot->better, height);
	y_marks(plot);
	x_marks(plot);
	fprintf(plot->out, "<path class=\"axis\" d=\"M%.1f %.1fV%.1fH%.1f\"/>", plot->left,
		plot->top, plot->bottom, plot->right);
	fputs("<text class=\"label\" x=\"2\" y=\"12\">", plot->out);
	html_text(plot->out, axis_label(&plot->y, label, sizeof(label)));
	fputs("</text>", plot->out);
	plot_below(plot->out, &plot->x, plot->left, plot->right, height - 5);
}

void plot_end(struct plot *plot)
{
	fputs("</svg></figure>\n", plot->out);
}

void plot_line(struct plot *plot, const double *x, const double *y, uint32_t count, uint32_t class,
	       bool dashed)
{
	bool pen = false;

	fprintf(plot->out, "<path class=\"line s%u%s\" d=\"", class, dashed ? " dashed" : "");
	for (uint32_t i = 0; i < count; i++) {
		if (!drawable(plot, x[i], y[i])) {
			pen = false;
			continue;
		}
		fprintf(plot->out, "%s%.1f %.1f%s", pen ? "L" : "M", x_of(plot, x[i]),
			y_of(plot, y[i]), pen ? "" : "h0");
		pen = true;
	}
	fputs("\"/>", plot->out);
}

void plot_whisker(struct plot *plot, double x, double low, double high, uint32_t class)
{
	if (!drawable(plot, x, low) || !drawable(plot, x, high) || low == high)
		return;
	fprintf(plot->out, "<path class=\"whisker s%u\" d=\"M%.1f %.1fV%.1f\"/>", class,
		x_of(plot, x), y_of(plot, low), y_of(plot, high));
}

void plot_mark(struct plot *plot, double x, double y, uint32_t class, bool hollow, const char *tip)
{
	if (drawable(plot, x, y))
		plot_shape(plot->out, x_of(plot, x), y_of(plot, y), class, hollow, tip);
}

void plot_event(struct plot *plot, double x, uint32_t number, const char *text)
{
	double at = x_of(plot, x);

	if (!isfinite(at) || at < plot->left - 1 || at > plot->right + 1)
		return;
	fprintf(plot->out,
		"<g class=\"event\"><path d=\"M%.1f %.1fV%.1f\"/>"
		"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"7\"/>"
		"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%u</text><title>",
		at, plot->top, plot->bottom, at, plot->top, at, plot->top + 4, number);
	html_text(plot->out, text);
	fputs("</title></g>", plot->out);
}

void plot_level(struct plot *plot, double y)
{
	if (drawable(plot, plot->x.high, y))
		fprintf(plot->out, "<path class=\"level\" d=\"M%.1f %.1fH%.1f\"/>", plot->left,
			y_of(plot, y), plot->right);
}
