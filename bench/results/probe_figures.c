/* SPDX-License-Identifier: MIT */
/*
 * probe_figures.c - what the repeats of a probe come to.
 */
#include "bench/scenario/probe.h"

#include <stdlib.h>

#define REPEATS_MAX 1000u /* as options.c allows */

struct bench_figure bench_probe_figure(const struct bench_probe_cell *cell,
				       const struct bench_probe_row *row, uint32_t metric)
{
	double numbers[REPEATS_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < cell->repeat_count; i++)
		if (row->samples[i].values[metric] >= 0)
			numbers[count++] = row->samples[i].values[metric];
	if (!count || row->skipped[0])
		return (struct bench_figure){ -1, -1, -1 };
	return bench_figure_of(numbers, count);
}

struct bench_figure bench_probe_ratio(const struct bench_probe_cell *cell,
				      const struct bench_probe_row *row,
				      const struct bench_probe_row *other)
{
	double numbers[REPEATS_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < cell->repeat_count; i++) {
		const double own = row->samples[i].values[0], their = other->samples[i].values[0];

		if (own > 0 && their >= 0)
			numbers[count++] = their / own;
	}
	return count ? bench_figure_of(numbers, count) : (struct bench_figure){ -1, -1, -1 };
}

const struct bench_probe_row *bench_probe_best_peer(const struct bench_probe_cell *cell)
{
	const struct bench_probe_row *best = NULL;

	for (uint32_t i = 0; i < cell->row_count; i++) {
		const struct bench_probe_row *row = &cell->rows[i];
		const double median = bench_probe_figure(cell, row, 0).median;

		if (row->variant.peer && median >= 0 &&
		    (!best || median < bench_probe_figure(cell, best, 0).median))
			best = row;
	}
	return best;
}

uint32_t bench_probe_clean(const struct bench_probe_cell *cell, const struct bench_probe_row *row)
{
	uint32_t clean = 0;

	for (uint32_t i = 0; i < cell->repeat_count; i++)
		clean += row->samples[i].preempted == 0;
	return clean;
}

double bench_probe_pingpong(const struct bench_probe_cell *cell, const struct bench_probe_row *row)
{
	double numbers[REPEATS_MAX];

	for (uint32_t i = 0; i < cell->repeat_count; i++)
		numbers[i] = row->samples[i].pingpong_ns;
	return bench_figure_of(numbers, cell->repeat_count).median;
}

void bench_probe_free(struct bench_probe_cell *cell)
{
	for (uint32_t i = 0; i < cell->row_count; i++)
		free(cell->rows[i].samples);
	free(cell->rows);
}
