/* SPDX-License-Identifier: MIT */
/*
 * results.c - what a run measured: cells of rows of repeats.
 */
#include "bench/results/results.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/scenario/probe.h"

#define REPEATS_MAX 1000u /* as options.c allows */

static bool add_row(struct bench_cell *cell, const struct bench_impl *impl, bool batch)
{
	struct bench_row *row = &cell->rows[cell->row_count];

	row->repeats = calloc(cell->repeat_count, sizeof(*row->repeats));
	if (!row->repeats)
		return false;
	row->impl = impl;
	row->batch = batch;
	cell->row_count++;
	return true;
}

/* An implementation without batches runs scalar whatever was asked, to be compared with. */
static bool add_rows(struct bench_cell *cell, const struct bench_options *options)
{
	for (uint32_t i = 0; i < options->impl_count; i++) {
		const struct bench_impl *impl = options->impls[i];
		const bool batch = bench_scenario_runs(cell->scenario, impl, true);

		if (!bench_scenario_runs(cell->scenario, impl, false))
			continue;
		if ((options->scalar || !batch) && !add_row(cell, impl, false))
			return false;
		if (options->batch && batch && !add_row(cell, impl, true))
			return false;
	}
	return true;
}

static void free_cell(struct bench_cell *cell)
{
	for (uint32_t i = 0; i < cell->row_count; i++)
		free(cell->rows[i].repeats);
	free(cell->rows);
}

struct bench_cell *bench_results_add(struct bench_results *results,
				     const struct bench_options *options,
				     const struct bench_scenario *scenario, uint64_t size,
				     uint32_t threads)
{
	struct bench_cell cell = { .scenario = scenario,
				   .size = size,
				   .threads = threads,
				   .repeat_count = options->repeats };

	if (results->cell_count == results->cell_room) {
		const uint32_t room = results->cell_room ? 2 * results->cell_room : 64;
		struct bench_cell *cells = realloc(results->cells, room * sizeof(*cells));

		if (!cells)
			return NULL;
		results->cells = cells;
		results->cell_room = room;
	}
	cell.rows = calloc(2 * (size_t)options->impl_count, sizeof(*cell.rows));
	if (!cell.rows || !add_rows(&cell, options)) {
		free_cell(&cell);
		return NULL;
	}
	results->cells[results->cell_count] = cell;
	return &results->cells[results->cell_count++];
}

void bench_results_note(struct bench_results *results, const char *format, ...)
{
	const uint32_t room = sizeof(results->notes) / sizeof(results->notes[0]);
	va_list arguments;

	if (results->note_count == room)
		return;
	va_start(arguments, format);
	vsnprintf(results->notes[results->note_count++], sizeof(results->notes[0]), format,
		  arguments);
	va_end(arguments);
}

void bench_results_free(struct bench_results *results)
{
	for (uint32_t i = 0; i < results->cell_count; i++)
		free_cell(&results->cells[i]);
	free(results->cells);
	for (uint32_t i = 0; i < results->probe_count; i++)
		bench_probe_free(&results->probes[i]);
	free(results->probes);
	bench_trace_free(&results->trace);
	memset(results, 0, sizeof(*results));
}

static int compare(const void *one, const void *other)
{
	const double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

struct bench_figure bench_figure_of(double *numbers, uint32_t count)
{
	qsort(numbers, count, sizeof(*numbers), compare);
	return (struct bench_figure){ (numbers[(count - 1) / 2] + numbers[count / 2]) / 2,
				      numbers[0], numbers[count - 1] };
}

struct bench_figure bench_row_ns(const struct bench_cell *cell, const struct bench_row *row)
{
	double numbers[REPEATS_MAX];

	for (uint32_t i = 0; i < cell->repeat_count; i++)
		numbers[i] = row->repeats[i].ns;
	return bench_figure_of(numbers, cell->repeat_count);
}

struct bench_figure bench_row_ratio(const struct bench_cell *cell, const struct bench_row *row,
				    const struct bench_row *other)
{
	double numbers[REPEATS_MAX];

	for (uint32_t i = 0; i < cell->repeat_count; i++)
		numbers[i] = row->repeats[i].ns > 0 ? other->repeats[i].ns / row->repeats[i].ns : 0;
	return bench_figure_of(numbers, cell->repeat_count);
}

const struct bench_row *bench_cell_best_peer(const struct bench_cell *cell)
{
	const struct bench_row *best = NULL;

	for (uint32_t i = 0; i < cell->row_count; i++) {
		const struct bench_row *row = &cell->rows[i];

		if (row->impl->abilities & BENCH_PEER &&
		    (!best || bench_row_ns(cell, row).median < bench_row_ns(cell, best).median))
			best = row;
	}
	return best;
}

uint32_t bench_row_clean(const struct bench_cell *cell, const struct bench_row *row)
{
	uint32_t clean = 0;

	for (uint32_t i = 0; i < cell->repeat_count; i++)
		clean += row->repeats[i].preempted == 0;
	return clean;
}

double bench_row_pingpong(const struct bench_cell *cell, const struct bench_row *row)
{
	double numbers[REPEATS_MAX];

	for (uint32_t i = 0; i < cell->repeat_count; i++)
		numbers[i] = row->repeats[i].pingpong_ns;
	return bench_figure_of(numbers, cell->repeat_count).median;
}
