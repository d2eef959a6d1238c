/* SPDX-License-Identifier: MIT */
/*
 * plot.h - a small plotting kit: axes, lines, markers and rows of bars, as SVG inside a <figure>.
 *
 *	struct plot plot = { .out = out, .title = "...", .x = {...}, .y = {...} };
 *	plot_axis_include(&plot.x, 1); ...		all data first, so that the axes fit
 *	plot_begin(&plot); plot_line(...); plot_mark(...); plot_end(&plot);
 *
 * Colours are classes ("s3") that report.css defines for dark and light; each has a marker of its
 * own, so that nothing is told by colour alone. A plot is as wide as a column of a narrow window,
 * so that its letters stay legible there; wide windows have several side by side.
 */
#ifndef BENCH_REPORT_PLOT_H
#define BENCH_REPORT_PLOT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/model/document.h"

#define PLOT_WIDTH 460
#define PLOT_CLASSES 14u
#define PLOT_CLASS_PLAIN 14u /* the colour of text: lines that are no subject */
#define PLOT_TICKS_MAX 16u

enum plot_scale { PLOT_LINEAR, PLOT_LOG };

struct plot_axis {
	const char *label;
	const char *unit; /* of the data: as html_value(); "percentile": 1 / (1 - p) */
	enum plot_scale scale;
	bool from_zero; /* a linear axis begins at 0 */
	bool powers;    /* marks are powers of two */
	bool any;
	double low, high; /* set by plot_axis_include() and plot_axis_settle() */
};

struct plot_tick {
	double at;
	char text[32];
};

/* Widens the axis to @value; what is not finite, or not positive on a log axis, is left out. */
void plot_axis_include(struct plot_axis *axis, double value);

/* Ends where a mark is, or a little beyond the data; low < high afterwards, in any case. */
void plot_axis_settle(struct plot_axis *axis);

/* At most @most marks (2 or more) inside the axis, ascending. Returns how many. */
uint32_t plot_ticks(const struct plot_axis *axis, uint32_t most, struct plot_tick *ticks);

/* What a linear axis divides by and is labelled with: "us" for "ns" at 40000. */
double plot_axis_unit(const struct plot_axis *axis, const char **name);

struct plot {
	FILE *out;
	char title[120];
	char about[240]; /* what can be seen: for those who cannot see it */
	enum bench_better better;
	struct plot_axis x, y;
	uint32_t height; /* 0: the usual one */
	double left, right, top, bottom;
};

void plot_begin(struct plot *plot);
void plot_end(struct plot *plot);

/* Points that cannot be drawn break the line; one alone is a dot. */
void plot_line(struct plot *plot, const double *x, const double *y, uint32_t count, uint32_t class,
	       bool dashed);

/* A whisker from low to high at x. */
void plot_whisker(struct plot *plot, double x, double low, double high, uint32_t class);

/* A marker of the class's own shape; @tip is shown when pointed at. */
void plot_mark(struct plot *plot, double x, double y, uint32_t class, bool hollow, const char *tip);

/* A vertical line with a number beside it: an event; the text is shown when pointed at. */
void plot_event(struct plot *plot, double x, uint32_t number, const char *text);

/* A horizontal line of the plot's own, without data. */
void plot_level(struct plot *plot, double y);

/* Only the shape, at a place in the picture. */
void plot_shape(FILE *out, double x, double y, uint32_t class, bool hollow, const char *tip);

/* Opens a <figure> with its caption and an <svg>. */
void plot_figure(FILE *out, const char *title, const char *about, enum bench_better better,
		 uint32_t height);

/* Where a value is between two ends of the picture. */
double plot_place(const struct plot_axis *axis, double value, double from, double to);

/* "lower is better", "higher is better", "". */
const char *plot_direction(enum bench_better better);

/* The sign of a class in a legend: a small SVG. */
void plot_legend_sign(FILE *out, uint32_t class, bool dashed, bool line);

/* The label of an axis below the picture, in the middle of both ends where there is room. */
void plot_below(FILE *out, const struct plot_axis *axis, double left, double right, double y);

/* How wide the text is about, in units of the picture. */
double plot_text_width(const char *text);

/* One row: a bar to @value with a whisker, points of processes, or a strip of all values. */
struct plot_dot {
	double value;
	uint32_t process;
	bool grey;
};

struct plot_row {
	char group[64]; /* a heading when it differs from the row above; "" for none */
	char label[64];
	char text[40]; /* beside it: the figure */
	uint32_t class;
	bool hollow;
	double value, low, high; /* NAN: no bar, no whisker */
	double fence_low, fence_high;
	const struct plot_dot *dots;
	uint32_t dot_count;
	bool strip; /* dots are all values, a lane for each process */
};

struct plot_rows {
	char title[120];
	char about[240];
	enum bench_better better;
	struct plot_axis x;
	double level; /* a vertical line with data on both sides; NAN: none */
};

/* Nothing is written for no row. */
void plot_rows(FILE *out, struct plot_rows *plot, const struct plot_row *rows, uint32_t count);

#endif
