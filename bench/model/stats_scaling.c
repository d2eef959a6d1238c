/* SPDX-License-Identifier: MIT */
/*
 * stats_scaling.c - the universal scalability law, fitted.
 *
 * n / throughput(n) = a + b (n - 1) + c n (n - 1) with a = 1 / rate, b = contention / rate and
 * c = coherence / rate is linear in a, b and c, so the best ones are solved for, not searched. Each
 * point is weighted by its own size: relative errors count alike. With b and c 0 or more the best
 * fit has both above 0 or one or both equal to it, so all four cases are solved and the best one
 * taken that keeps to that.
 */
#include "bench/model/stats.h"

#include <math.h>

#define TERMS 3u

struct fit {
	const double *threads;
	const double *throughput;
	uint32_t count;
	double terms[TERMS];
	double error; /* sum of squares, relative */
};

static double term(double n, uint32_t which)
{
	return which == 0 ? 1 : which == 1 ? n - 1 : n * (n - 1);
}

static double cost(const struct fit *fit, double n)
{
	double sum = 0;

	for (uint32_t i = 0; i < TERMS; i++)
		sum += fit->terms[i] * term(n, i);
	return sum;
}

/* The normal equations of the terms in @set; the others read 1 x = 0. */
static void set_up(const struct fit *fit, uint32_t set, double matrix[TERMS][TERMS + 1])
{
	for (uint32_t i = 0; i < TERMS; i++)
		for (uint32_t k = 0; k <= TERMS; k++)
			matrix[i][k] = k == i && !(set & 1u << i);
	for (uint32_t at = 0; at < fit->count; at++) {
		const double n = fit->threads[at];
		const double weight = fit->throughput[at] / n;

		for (uint32_t i = 0; i < TERMS; i++) {
			if (!(set & 1u << i))
				continue;
			for (uint32_t k = 0; k < TERMS; k++)
				if (set & 1u << k)
					matrix[i][k] += weight * term(n, i) * weight * term(n, k);
			matrix[i][TERMS] += weight * term(n, i);
		}
	}
}

/* Gauss and Jordan; the matrix is positive definite, so it needs no other pivots. */
static bool solve(double matrix[TERMS][TERMS + 1])
{
	for (uint32_t i = 0; i < TERMS; i++) {
		const double pivot = matrix[i][i];

		if (!(pivot > 0))
			return false;
		for (uint32_t k = 0; k <= TERMS; k++)
			matrix[i][k] /= pivot;
		for (uint32_t row = 0; row < TERMS; row++) {
			const double factor = matrix[row][i];

			for (uint32_t k = 0; row != i && k <= TERMS; k++)
				matrix[row][k] -= factor * matrix[i][k];
		}
	}
	return true;
}

/* Fits the terms in @set. Whether that is a fit: the rate above 0, the others 0 or more. */
static bool fit_terms(struct fit *fit, uint32_t set)
{
	double matrix[TERMS][TERMS + 1];

	set_up(fit, set, matrix);
	if (!solve(matrix))
		return false;
	for (uint32_t i = 0; i < TERMS; i++)
		fit->terms[i] = matrix[i][TERMS];
	fit->error = 0;
	for (uint32_t at = 0; at < fit->count; at++) {
		const double n = fit->threads[at];
		const double off = cost(fit, n) * fit->throughput[at] / n - 1;

		fit->error += off * off;
	}
	return fit->terms[0] > 0 && fit->terms[1] >= 0 && fit->terms[2] >= 0;
}

static uint32_t count_different(const double *numbers, uint32_t count)
{
	uint32_t different = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t before = 0;

		while (before < i && numbers[before] != numbers[i])
			before++;
		different += before == i;
	}
	return different;
}

static double peak(const struct bench_scaling *scaling)
{
	if (scaling->contention >= 1)
		return 1;
	if (scaling->coherence == 0)
		return INFINITY;
	return fmax(1, sqrt((1 - scaling->contention) / scaling->coherence));
}

bool bench_stat_scaling(const double *threads, const double *throughput, uint32_t count,
			struct bench_scaling *scaling)
{
	struct fit fit = { .threads = threads, .throughput = throughput, .count = count },
		   best = fit;
	double squares = 0;
	bool found = false;

	if (count_different(threads, count) < 4)
		return false;
	for (uint32_t at = 0; at < count; at++)
		if (!(throughput[at] > 0))
			return false;
	for (uint32_t set = 1; set < 1u << TERMS; set += 2) {
		if (fit_terms(&fit, set) && (!found || fit.error < best.error)) {
			best = fit;
			found = true;
		}
	}
	if (!found)
		return false;
	scaling->rate = 1 / best.terms[0];
	scaling->contention = best.terms[1] / best.terms[0];
	scaling->coherence = best.terms[2] / best.terms[0];
	scaling->most_at = peak(scaling);
	for (uint32_t at = 0; at < count; at++) {
		const double off = threads[at] / cost(&best, threads[at]) / throughput[at] - 1;

		squares += off * off;
	}
	scaling->error = sqrt(squares / count);
	return true;
}
