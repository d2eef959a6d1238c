/* SPDX-License-Identifier: MIT */
/*
 * table.h - the results as a person reads them.
 */
#ifndef BENCH_RESULTS_TABLE_H
#define BENCH_RESULTS_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/measure/host.h"
#include "bench/command/options.h"
#include "bench/results/results.h"

struct bench_table {
	FILE *out;
	bool colour;
	const struct bench_options *options;
	const struct bench_results *results;
};

/* Prints everything: header, one block for each scenario, notes. */
void bench_table_print(const struct bench_table *table, const struct bench_host *host);

/* The block of the scenario trace. */
struct bench_probe_cell; /* probe.h */
void bench_table_probe(const struct bench_table *table, const struct bench_probe_cell *cell);

void bench_table_trace(const struct bench_table *table, const struct bench_cell *cell);

/* Prints "  123.4 ±5%" in 11 columns. */
void bench_table_figure(FILE *out, struct bench_figure figure);

/* Starts and ends bold, if @table is coloured. */
const char *bench_table_bold(const struct bench_table *table);
const char *bench_table_plain(const struct bench_table *table);

#endif
