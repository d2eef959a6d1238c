/* SPDX-License-Identifier: MIT */
/*
 * figure.h - figures of a document: what its series come to.
 *
 *	values -> clean ones -> one statistic for each process -> the median over processes
 *
 * A value is clean if no measuring thread was preempted meanwhile; latencies are never filtered,
 * for preemption is part of a response: a value that is no mean of operations counts as clean.
 * Where a process has no clean value, all of its count, and the share of clean values says so.
 */
#ifndef BENCH_MODEL_FIGURE_H
#define BENCH_MODEL_FIGURE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/model/document.h"

#define BENCH_PROCESSES_MAX 64u

struct bench_figure {
	double median;      /* over processes, of their medians; NAN: no value */
	double low;         /* the lowest and the highest median of a process; of one process: */
	double high;        /* ... the lowest and the highest value */
	double spread;      /* (high - low) / median */
	double clean;       /* share of the values that are clean, 0 .. 1 */
	double pingpong_ns; /* median; 0: not measured */
	uint32_t count;     /* values */
	uint32_t processes;
};

struct bench_figure bench_figure_of(const struct bench_series *series);

/*
 * How many times as good @series is as @other: process by process the median over repeats of the
 * ratio of the two values side by side (above 1: @series is better, by its `better`), then the
 * median over processes. NAN if they share no repeat.
 */
struct bench_figure bench_figure_ratio(const struct bench_series *series,
				       const struct bench_series *other);

/* Of the series with @series' scenario, metric and point, those that do the same work: the best
 * peer, whatever its calls; NULL if there is none with values. */
const struct bench_series *bench_figure_best_peer(const struct bench_document *document,
						  const struct bench_series *series);

/* What decides (verdict.h): for each process the 10th percentile (where less is better; the 90th
 * where more is) of its clean values. Writes at most BENCH_PROCESSES_MAX; returns how many. */
uint32_t bench_figure_deciding(const struct bench_series *series, double *numbers);

/* The value that @share of a spectrum do not exceed, in ns. */
uint64_t bench_spectrum_at(const struct bench_spectrum *spectrum, double share);
uint64_t bench_spectrum_total(const struct bench_spectrum *spectrum);

/* "near" below 60 ns, "far" above, "" where it was not measured. */
const char *bench_pingpong_class(double pingpong_ns);

/* How deep a column of a timeline falls below its median before @event (0 .. 1), and how many ms
 * after it the column is back at nine tenths of that; negative: never, or it cannot be said. */
struct bench_dip {
	double before;
	double depth;
	double recovery_ms;
};

struct bench_dip bench_timeline_dip(const struct bench_timeline *timeline, uint32_t column,
				    uint32_t event);

#endif
