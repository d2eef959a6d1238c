/* SPDX-License-Identifier: MIT */
/*
 * stats_resample.c - the shift between two sides, and how sure that and a median are.
 *
 * An interval says what the same numbers could have been, drawn again; it cannot know of numbers
 * that were never seen. Of few numbers it is rather too narrow, so it decides nothing.
 */
#include "bench/model/stats.h"

#include <math.h>
#include <stdlib.h>

#include "bench/model/stats_internal.h"

/* Draws evenly: the next of a sequence whose numbers have nothing to do with each other. */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void resample(const double *numbers, uint32_t count, uint64_t *state, double *drawn)
{
	for (uint32_t i = 0; i < count; i++)
		drawn[i] = numbers[draw(state) % count];
}

/* The shift, with the room of a_count * b_count at @ratios. */
static double shift_with(const double *a, uint32_t a_count, const double *b, uint32_t b_count,
			 double *ratios)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < a_count; i++)
		for (uint32_t k = 0; k < b_count; k++)
			ratios[count++] = a[i] == b[k] ? 1 : b[k] / a[i];
	bench_stat_sort(ratios, count);
	return bench_stat_sorted_quantile(ratios, count, 0.5) - 1;
}

double bench_stat_shift(const double *a, uint32_t a_count, const double *b, uint32_t b_count)
{
	double *ratios = malloc((size_t)a_count * b_count * sizeof(*ratios));
	const double shift = ratios ? shift_with(a, a_count, b, b_count, ratios) : (double)NAN;

	free(ratios);
	return shift;
}

/* The middle 95 % of @count numbers, which it sorts. */
static struct bench_interval middle(double *numbers, uint32_t count)
{
	bench_stat_sort(numbers, count);
	return (struct bench_interval){ bench_stat_sorted_quantile(numbers, count, 0.025),
					bench_stat_sorted_quantile(numbers, count, 0.975) };
}

struct bench_interval bench_stat_shift_interval(const double *a, uint32_t a_count, const double *b,
						uint32_t b_count, uint32_t resamples, uint64_t seed)
{
	const size_t room = (size_t)a_count * b_count;
	double *ratios = malloc((room + a_count + b_count + resamples) * sizeof(*ratios));
	struct bench_interval interval = { NAN, NAN };

	if (ratios) {
		double *drawn_a = ratios + room, *drawn_b = drawn_a + a_count;
		double *shifts = drawn_b + b_count;

		for (uint32_t i = 0; i < resamples; i++) {
			resample(a, a_count, &seed, drawn_a);
			resample(b, b_count, &seed, drawn_b);
			shifts[i] = shift_with(drawn_a, a_count, drawn_b, b_count, ratios);
		}
		interval = middle(shifts, resamples);
	}
	free(ratios);
	return interval;
}
