/* SPDX-License-Identifier: MIT */
/*
 * plot_rows.c - shapes, signs of legends, and plots of rows: bars with whiskers, or strips.
 *
 *	             64Ki entries
 *	 pendmap     |=======o-|            12.3 ns
 *	 urcu-memb   |===============-o--|  25.1 ns
 *	             0    10    20    30
 */
#include <math.h>
#include <string.h>

#include "bench/report/html.h"
#include "bench/report/plot.h"

#define ROW 20.0
#define STRIP_ROW 30.0
#define HEADING 22.0
#define TOP 20.0
#define BOTTOM 36.0
#define LABEL_MOST 30u

/* One for each class: drawn from the middle. */
static const char *const shapes[PLOT_CLASSES + 1] = {
	"m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
	"m-3.6-3.6h7.2v7.2h-7.2z",
	"m0-5.2l5.2 5.2l-5.2 5.2l-5.2-5.2z",
	"m0-4.8l4.8 8.4h-9.6z",
	"m0 4.8l4.8-8.4h-9.6z",
	"m-1.6-5h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4z",
	"m-4.8 0l8.4-4.8v9.6z",
	"m4.8 0l-8.4-4.8v9.6z",
	"m-2.4-4.4h4.8l2.4 4.4l-2.4 4.4h-4.8l-2.4-4.4z",
	"m0-5.4l1.5 3.6l3.8.3l-2.9 2.5l.9 3.8l-3.3-2.1l-3.3 2.1l.9-3.8l-2.9-2.5l3.8-.3z",
	"m-5-2.4h10v4.8h-10z",
	"m-2.4-5h4.8v10h-4.8z",
	"m-5-3l2-2l3 3l3-3l2 2l-3 3l3 3l-2 2l-3-3l-3 3l-2-2l3-3z",
	"m0-5.2l5 3.6l-1.9 5.9h-6.2l-1.9-5.9z",
	"m-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0z",
};

void plot_shape(FILE *out, double x, double y, uint32_t class, bool hollow, const char *tip)
{
	fprintf(out, "<path class=\"mark s%u%s\" d=\"M%.1f %.1f%s\"><title>", class,
		hollow ? " hollow" : "", x, y, shapes[class < PLOT_CLASSES ? class : PLOT_CLASSES]);
	html_text(out, tip);
	fputs("</title></path>", out);
}

void plot_legend_sign(FILE *out, uint32_t class, bool dashed, bool line)
{
	fputs("<svg class=\"sign\" viewBox=\"0 0 28 14\" aria-hidden=\"true\">", out);
	if (line)
		fprintf(out, "<path class=\"line s%u%s\" d=\"M1 7H27\"/>", class,
			dashed ? " dashed" : "");
	if (class < PLOT_CLASSES)
		fprintf(out, "<path class=\"mark s%u\" d=\"M14 7%s\"/>", class, shapes[class]);
	fputs("</svg>", out);
}

/* Where everything is. */
struct layout {
	FILE *out;
	struct plot_axis *x;
	double left, right, bottom;
};

static double x_of(const struct layout *layout, double value)
{
	return plot_place(layout->x, value, layout->left, layout->right);
}

static bool drawable(const struct layout *layout, double value)
{
	return isfinite(value) && (layout->x->scale != PLOT_LOG || value > 0);
}

/* At most LABEL_MOST characters, the last one three dots where some are left out. */
static const char *shortened(char *text, size_t size, const char *label)
{
	size_t characters = 0, at = 0;

	for (; label[at] && at + 4 < size; at++)
		if (((unsigned char)label[at] & 0xc0) != 0x80 && ++characters > LABEL_MOST)
			break;
	snprintf(text, size, "%.*s%s", (int)at, label, label[at] ? "\xe2\x80\xa6" : "");
	return text;
}

static double row_height(const struct plot_row *row)
{
	uint32_t lanes = 1;

	if (!row->strip)
		return ROW;
	for (uint32_t i = 0; i < row->dot_count; i++)
		if (row->dots[i].process + 1 > lanes)
			lanes = row->dots[i].process + 1;
	return fmax(ROW, fmin(8 + 5 * lanes, STRIP_ROW * 2));
}

static bool has_heading(const struct plot_row *rows, uint32_t i)
{
	return rows[i].group[0] && (i == 0 || strcmp(rows[i].group, rows[i - 1].group) != 0);
}

static void marks(const struct layout *layout, double top)
{
	struct plot_tick ticks[PLOT_TICKS_MAX];
	uint32_t count = plot_ticks(layout->x, 6, ticks);
	double free = 0;

	for (uint32_t i = 0; i < count; i++) {
		double x = x_of(layout, ticks[i].at), half = plot_text_width(ticks[i].text) / 2;

		fprintf(layout->out, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>", x, top,
			layout->bottom);
		if (x - half < free || x + half > PLOT_WIDTH)
			continue;
		free = x + half + 8;
		fprintf(layout->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", x,
			layout->bottom + 14);
		html_text(layout->out, ticks[i].text);
		fputs("</text>", layout->out);
	}
}

/* All values as points, a lane for each process: one path for the clean, one for the others. */
static void strip(const struct layout *layout, const struct plot_row *row, double y, double height)
{
	double lane = height / 2 - 4;
	uint32_t lanes = 1;

	for (uint32_t i = 0; i < row->dot_count; i++)
		lanes = row->dots[i].process + 1 > lanes ? row->dots[i].process + 1 : lanes;
	for (int grey = 1; grey >= 0; grey--) {
		bool any = false;

		for (uint32_t i = 0; i < row->dot_count; i++) {
			const struct plot_dot *dot = &row->dots[i];

			if (dot->grey != (grey == 1) || !drawable(layout, dot->value))
				continue;
			if (!any)
				fprintf(layout->out, "<path class=\"strip %s%u\" d=\"",
					grey ? "grey s" : "s", row->class);
			any = true;
			fprintf(layout->out, "M%.1f %.1fh0", x_of(layout, dot->value),
				y + (lanes < 2 ? 0 : lane * (2. * dot->process / (lanes - 1) - 1)));
		}
		if (any)
			fputs("\"/>", layout->out);
	}
}

static void points(const struct layout *layout, const struct plot_row *row, double y)
{
	char value[40];

	for (uint32_t i = 0; i < row->dot_count; i++) {
		if (!drawable(layout, row->dots[i].value))
			continue;
		fprintf(layout->out,
			"<circle class=\"dot%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\"><title>",
			row->dots[i].grey ? " grey" : "", x_of(layout, row->dots[i].value), y);
		html_printf(layout->out, "%s, process %u: %s", row->label, row->dots[i].process,
			    html_value(value, sizeof(value), row->dots[i].value, layout->x->unit));
		fputs("</title></circle>", layout->out);
	}
}

/* From 0, or a thin line with a marker on a log axis, where a length means nothing. */
static void bar(const struct layout *layout, const struct plot_row *row, double y)
{
	double end = x_of(layout, row->value), zero;

	if (layout->x->scale == PLOT_LOG) {
		fprintf(layout->out, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", layout->left,
			y, end);
		plot_shape(layout->out, end, y, row->class, row->hollow, row->label);
		return;
	}
	zero = x_of(layout, fmax(0, layout->x->low));
	fprintf(layout->out,
		"<rect class=\"bar s%u%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"12\" "
		"rx=\"2\"/>",
		row->class, row->hollow ? " hollow" : "", fmin(zero, end), y - 6, fabs(end - zero));
}

static void fence(const struct layout *layout, double value, double y, double height)
{
	double x;

	if (!drawable(layout, value) || value < layout->x->low || value > layout->x->high)
		return;
	x = x_of(layout, value);
	fprintf(layout->out, "<path class=\"fence\" d=\"M%.1f %.1fv%.1f\"/>", x, y - height / 2 + 2,
		height - 4);
}

static void one_row(const struct layout *layout, const struct plot_row *row, double y,
		    double height)
{
	char label[LABEL_MOST * 4 + 8];

	fprintf(layout->out, "<g><title>");
	html_printf(layout->out, "%s%s%s: %s", row->group, row->group[0] ? ", " : "", row->label,
		    row->text);
	fprintf(layout->out,
		"</title><text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">",
		strncmp(row->label, "pendmap", 7) == 0 ? "own" : "row", layout->left - 7, y + 4);
	html_text(layout->out, shortened(label, sizeof(label), row->label));
	fputs("</text>", layout->out);
	if (!row->strip && drawable(layout, row->value))
		bar(layout, row, y);
	if (!row->strip && drawable(layout, row->low) && drawable(layout, row->high) &&
	    row->low != row->high)
		fprintf(layout->out,
			"<path class=\"whisker s14\" d=\"M%.1f %.1fH%.1fm0-3v6M%.1f "
			"%.1fv6\"/>",
			x_of(layout, row->low), y, x_of(layout, row->high), x_of(layout, row->low),
			y - 3);
	if (row->strip) {
		fence(layout, row->fence_low, y, height);
		fence(layout, row->fence_high, y, height);
		strip(layout, row, y, height);
	} else if (layout->x->scale != PLOT_LOG) {
		points(layout, row, y);
	}
	fprintf(layout->out, "<text class=\"figure\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">",
		PLOT_WIDTH - 2., y + 4);
	html_text(layout->out, row->text);
	fputs("</text></g>", layout->out);
}

static double measure(struct plot_rows *plot, const struct plot_row *rows, uint32_t count,
		      struct layout *layout)
{
	char label[LABEL_MOST * 4 + 8];
	double labels = 30, texts = 20, height = TOP;

	for (uint32_t i = 0; i < count; i++) {
		labels = fmax(labels, 1.2 * plot_text_width(shortened(label, sizeof(label),
								      rows[i].label)));
		texts = fmax(texts, 1.08 * plot_text_width(rows[i].text));
		height += row_height(&rows[i]) + (has_heading(rows, i) ? HEADING : 0);
		plot_axis_include(&plot->x, rows[i].value);
		plot_axis_include(&plot->x, rows[i].low);
		plot_axis_include(&plot->x, rows[i].high);
		for (uint32_t j = 0; j < rows[i].dot_count; j++)
			plot_axis_include(&plot->x, rows[i].dots[j].value);
	}
	plot_axis_include(&plot->x, plot->level);
	plot_axis_settle(&plot->x);
	layout->left = labels + 12;
	layout->right = PLOT_WIDTH - texts - 14;
	layout->bottom = height;
	return height + BOTTOM;
}

void plot_rows(FILE *out, struct plot_rows *plot, const struct plot_row *rows, uint32_t count)
{
	struct layout layout = { .out = out, .x = &plot->x };
	double y = TOP, height;

	if (count == 0)
		return;
	height = measure(plot, rows, count, &layout);
	plot_figure(out, plot->title, plot->about, plot->better, (uint32_t)height);
	marks(&layout, TOP - 4);
	if (drawable(&layout, plot->level))
		fprintf(out, "<path class=\"level\" d=\"M%.1f %.1fV%.1f\"/>",
			x_of(&layout, plot->level), TOP - 4, layout.bottom);
	for (uint32_t i = 0; i < count; i++) {
		double room = row_height(&rows[i]);

		if (has_heading(rows, i)) {
			fprintf(out, "<text class=\"heading\" x=\"2\" y=\"%.1f\">",
				y + HEADING - 6);
			html_text(out, rows[i].group);
			fputs("</text>", out);
			y += HEADING;
		}
		one_row(&layout, &rows[i], y + room / 2, room);
		y += room;
	}
	plot_below(out, &plot->x, layout.left, layout.right, height - 5);
	fputs("</svg></figure>\n", out);
}
