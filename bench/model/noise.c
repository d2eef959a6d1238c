/* SPDX-License-Identifier: MIT */
/*
 * noise.c - how much figures move on this machine although nothing changed.
 *
 * A document of noise holds the values of two sides that are the same program, those of the second
 * with the numbers of its processes moved up by the number of the first's, which is the fact
 * "side_processes". Nothing is lost that way, and what the noise comes to is computed when it is
 * asked for:
 *
 *	processes of both sides, in any order --> half against half --> shift   (again and again)
 *
 * What 19 of 20 such shifts stay below is how far chance alone gets, as the rank test's 5 % are; a
 * shift of the sides themselves that is larger tells of something that chance is not.
 */
#include "bench/model/verdict.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "bench/model/figure.h"
#include "bench/model/stats.h"

#define HALVINGS 400u
#define STAY_BELOW 0.95
#define SEED 19u

static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(((*state >> 32) * below) >> 32);
}

static void shuffle(double *numbers, uint32_t count, uint64_t *state)
{
	for (uint32_t i = count; i > 1; i--) {
		const uint32_t k = draw(state, i);
		const double number = numbers[i - 1];

		numbers[i - 1] = numbers[k];
		numbers[k] = number;
	}
}

/* @numbers are those of the processes of both sides; they lose their order. */
static double noise_of_halves(double *numbers, uint32_t count)
{
	double shifts[HALVINGS];
	const uint32_t half = count / 2;
	uint64_t state = SEED;

	for (uint32_t i = 0; i < HALVINGS; i++) {
		shuffle(numbers, count, &state);
		shifts[i] = fabs(bench_stat_shift(numbers, half, numbers + half, count - half));
	}
	return bench_stat_quantile(shifts, HALVINGS, STAY_BELOW);
}

/* The deciding numbers of one side: those of processes from @first on and before @end. */
static uint32_t side_numbers(const struct bench_series *series, uint32_t first, uint32_t end,
			     double *numbers)
{
	struct bench_series side = *series;
	uint32_t count;

	side.count = 0;
	side.values = malloc((series->count + 1u) * sizeof(*side.values));
	if (!side.values)
		return 0;
	for (uint32_t i = 0; i < series->count; i++) {
		struct bench_value value = series->values[i];

		if (value.process < first || value.process >= end)
			continue;
		value.process -= first;
		side.values[side.count++] = value;
	}
	count = bench_figure_deciding(&side, numbers);
	free(side.values);
	return count;
}

double bench_noise_of(const struct bench_document *noise, const struct bench_series *series)
{
	const struct bench_series *found = bench_document_find(noise, series);
	const char *sides = bench_document_get(noise, BENCH_ABOUT_CONFIG, "side_processes");
	const uint32_t first = (uint32_t)strtoul(sides, NULL, 10);
	double numbers[2 * BENCH_PROCESSES_MAX];
	uint32_t a_count, b_count;
	double shift;

	if (!found || !first)
		return 0;
	a_count = side_numbers(found, 0, first, numbers);
	b_count = side_numbers(found, first, UINT32_MAX, numbers + a_count);
	if (!a_count || !b_count)
		return 0;
	shift = fabs(bench_stat_shift(numbers, a_count, numbers + a_count, b_count));
	return fmax(shift, noise_of_halves(numbers, a_count + b_count));
}

static int add_side(struct bench_document *noise, const struct bench_document *side, uint32_t first)
{
	for (uint32_t i = 0; i < side->series_count; i++) {
		const struct bench_series *from = &side->series[i];
		struct bench_series *series = bench_document_series(noise, from);

		if (!series)
			return -ENOMEM;
		for (uint32_t k = 0; k < from->count; k++) {
			struct bench_value value = from->values[k];

			value.process += first;
			if (bench_series_add(series, &value))
				return -ENOMEM;
		}
	}
	noise->took_s += side->took_s;
	noise->process_count = first + side->process_count;
	return 0;
}

int bench_noise_make(const struct bench_document *a, const struct bench_document *b,
		     struct bench_document *noise)
{
	int error = 0;

	for (uint32_t about = 0; !error && about < BENCH_ABOUTS; about++)
		for (uint32_t i = 0; !error && i < a->fact_count[about]; i++)
			error = bench_document_set(noise, about, a->facts[about][i].name, "%s",
						   a->facts[about][i].value);
	if (!error)
		error = bench_document_set(noise, BENCH_ABOUT_CONFIG, "side_processes", "%u",
					   a->process_count);
	if (!error)
		error = add_side(noise, a, 0);
	if (!error)
		error = add_side(noise, b, a->process_count);
	for (uint32_t i = 0; !error && i < a->finding_count; i++)
		error = bench_document_find_out(noise, &a->findings[i]);
	return error;
}
