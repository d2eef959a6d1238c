/* SPDX-License-Identifier: MIT */
/*
 * results.h - what a run measured: cells of rows of repeats.
 *
 * A cell is one scenario at one size with one number of threads; its rows are implementations,
 * scalar or in batches, measured in turn, so that repeat n of one row and repeat n of another
 * were taken side by side. A figure is the median over repeats; a ratio is the median of the
 * ratios of repeats with the same number.
 */
#ifndef BENCH_RESULTS_RESULTS_H
#define BENCH_RESULTS_RESULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/measure/account.h"
#include "bench/command/options.h"
#include "bench/scenario/scenario.h"
#include "bench/scenario/trace.h"

struct bench_repeat {
	double ns;                 /* thread time for one operation */
	uint64_t operations;       /* of all threads in the window */
	uint64_t elapsed_ns;       /* of all threads together */
	uint64_t preempted;        /* involuntary context switches in the window */
	double pingpong_ns;        /* 0: not measured */
	struct bench_counts trace; /* of a replay: this pass alone */
	struct bench_trace_counts traced;
};

struct bench_row {
	const struct bench_impl *impl;
	bool batch;
	bool done;
	struct bench_repeat *repeats;
	struct bench_account account; /* of the table, after the cell */
};

struct bench_cell {
	const struct bench_scenario *scenario;
	uint64_t size;
	uint32_t threads;
	uint32_t repeat_count;
	uint32_t row_count;
	bool done; /* every row measured, and its accounting right */
	struct bench_row *rows;
};

struct bench_figure {
	double median;
	double low;
	double high;
};

struct bench_probe_cell; /* probe.h */

struct bench_results {
	struct bench_probe_cell *probes;
	uint32_t probe_count;
	struct bench_cell *cells;
	uint32_t cell_count;
	uint32_t cell_room;
	char notes[64][240]; /* what was left out, and why */
	uint32_t note_count;
	struct bench_trace trace; /* of the scenario trace */
	double trace_live_mean;
	double took_s;
};

/* Appends an empty cell with the rows that @options choose. NULL: out of memory. */
struct bench_cell *bench_results_add(struct bench_results *results,
				     const struct bench_options *options,
				     const struct bench_scenario *scenario, uint64_t size,
				     uint32_t threads);

void bench_results_note(struct bench_results *results, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void bench_results_free(struct bench_results *results);

/* Median, lowest and highest of @count (1 or more) numbers, which it sorts. */
struct bench_figure bench_figure_of(double *numbers, uint32_t count);

/* Nanoseconds for one operation. */
struct bench_figure bench_row_ns(const struct bench_cell *cell, const struct bench_row *row);

/* How many times as fast as @other @row is, repeat by repeat. */
struct bench_figure bench_row_ratio(const struct bench_cell *cell, const struct bench_row *row,
				    const struct bench_row *other);

/* The fastest peer of the cell, or NULL. */
const struct bench_row *bench_cell_best_peer(const struct bench_cell *cell);

/* Repeats of @row in which no thread was preempted. */
uint32_t bench_row_clean(const struct bench_cell *cell, const struct bench_row *row);

/* Median ping-pong of the repeats; 0: none was measured. */
double bench_row_pingpong(const struct bench_cell *cell, const struct bench_row *row);

#endif
