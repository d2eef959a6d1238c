/* SPDX-License-Identifier: MIT */
/*
 * curve.h - lines over an axis of the points.
 */
#ifndef BENCH_REPORT_CURVE_H
#define BENCH_REPORT_CURVE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/model/stats.h"
#include "bench/report/page.h"

#define REPORT_SPOTS_MAX 24u
#define REPORT_SIGNS_MAX 24u

enum report_axis { REPORT_BY_THREADS, REPORT_BY_OCCUPANCY };

/* One point of a curve. */
struct report_spot {
	double x, y, low, high;
	bool hollow;
};

/* What was drawn. */
struct report_curves {
	uint32_t subjects; /* in the legend */
	uint32_t panels;
	uint32_t counts; /* most places on the axis that pendmap has */
	uint32_t fitted; /* panels with a law of scaling */
};

/* A panel for each scenario and point whose primary series differ in that axis. False: none. */
bool report_curves(struct report_page *page, enum report_axis axis, struct report_curves *curves);

/* The places of the curve that @series is the first of, ascending; 0: it is not, or has none. */
uint32_t report_curve(const struct bench_document *document, const struct bench_series *series,
		      enum report_axis axis, struct report_spot *spots);

/* The law of scaling through those with a CPU for each thread; false: fewer than four. */
bool report_law(const struct report_spot *spots, uint32_t count, struct bench_scaling *law);

#endif
