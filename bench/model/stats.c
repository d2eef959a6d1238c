/* SPDX-License-Identifier: MIT */
/*
 * stats.c - statistics over plain arrays.
 *
 * Where there is no memory for a copy, the answer is NAN.
 */
#include "bench/model/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/model/stats_internal.h"

#define EXACT_MAX 20u

static int compare(const void *one, const void *other)
{
	const double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

void bench_stat_sort(double *numbers, uint32_t count)
{
	qsort(numbers, count, sizeof(*numbers), compare);
}

double bench_stat_sorted_quantile(const double *numbers, uint32_t count, double share)
{
	const double place = (count - 1) * share;
	const uint32_t below = (uint32_t)floor(place);
	const double part = place - below;

	if (below + 1 >= count)
		return numbers[count - 1];
	return numbers[below] + part * (numbers[below + 1] - numbers[below]);
}

static double *sorted_copy(const double *numbers, uint32_t count)
{
	double *copy = malloc(count * sizeof(*copy));

	if (copy) {
		memcpy(copy, numbers, count * sizeof(*copy));
		bench_stat_sort(copy, count);
	}
	return copy;
}

double bench_stat_quantile(const double *numbers, uint32_t count, double share)
{
	double *copy = sorted_copy(numbers, count);
	const double value = copy ? bench_stat_sorted_quantile(copy, count, share) : (double)NAN;

	free(copy);
	return value;
}

double bench_stat_median(const double *numbers, uint32_t count)
{
	return bench_stat_quantile(numbers, count, 0.5);
}

/*
 * How many of all orders of @m and @n numbers have U = 0, 1 ... m n: the coefficients of the
 * Gaussian binomial, the product of (1 - q^(n+i)) / (1 - q^i) for i = 1 ... m. Each step leaves a
 * polynomial in whole numbers below 2^53, so nothing is rounded.
 */
static void count_orders(uint32_t m, uint32_t n, double *orders)
{
	const uint32_t most = m * n;

	memset(orders, 0, (most + 1) * sizeof(*orders));
	orders[0] = 1;
	for (uint32_t i = 1; i <= m; i++) {
		for (uint32_t u = most; u >= n + i && u <= most; u--)
			orders[u] -= orders[u - n - i];
		for (uint32_t u = i; u <= most; u++)
			orders[u] += orders[u - i];
	}
}

static double exact_p(uint32_t m, uint32_t n, double least)
{
	double orders[EXACT_MAX * EXACT_MAX + 1];
	double all = 0, extreme = 0;

	count_orders(m, n, orders);
	for (uint32_t u = 0; u <= m * n; u++) {
		all += orders[u];
		if (u <= least)
			extreme += orders[u];
	}
	return fmin(1, 2 * extreme / all);
}

/* Sum of t^3 - t over the groups of equal numbers of both together; NAN: no memory. */
static double tie_sum(const double *a, uint32_t a_count, const double *b, uint32_t b_count)
{
	const uint32_t count = a_count + b_count;
	double *both = malloc(count * sizeof(*both));
	double sum = 0;

	if (!both)
		return NAN;
	memcpy(both, a, a_count * sizeof(*both));
	memcpy(both + a_count, b, b_count * sizeof(*both));
	bench_stat_sort(both, count);
	for (uint32_t i = 0, next; i < count; i = next) {
		for (next = i + 1; next < count && both[next] == both[i];)
			next++;
		const double equal = next - i;

		sum += equal * equal * equal - equal;
	}
	free(both);
	return sum;
}

double bench_stat_rank_p(const double *a, uint32_t a_count, const double *b, uint32_t b_count)
{
	const double pairs = (double)a_count * b_count, all = (double)a_count + b_count;
	const double ties = tie_sum(a, a_count, b, b_count);
	double less = 0;

	for (uint32_t i = 0; i < a_count; i++)
		for (uint32_t k = 0; k < b_count; k++)
			less += a[i] < b[k] ? 1 : a[i] == b[k] ? 0.5 : 0;
	if (ties == 0 && a_count <= EXACT_MAX && b_count <= EXACT_MAX)
		return exact_p(a_count, b_count, fmin(less, pairs - less));

	const double deviation = sqrt(pairs / 12 * (all + 1 - ties / (all * (all - 1))));
	const double distance = fmax(0, fabs(less - pairs / 2) - 0.5);

	if (deviation == 0)
		return 1; /* all are equal */
	return fmin(1, erfc(distance / deviation / sqrt(2)));
}

double bench_stat_slope(const double *x, const double *y, uint32_t count)
{
	double xy = 0, xx = 0;

	for (uint32_t i = 0; i < count; i++) {
		xy += x[i] * y[i];
		xx += x[i] * x[i];
	}
	return xy / xx;
}

struct bench_fences bench_stat_fences(const double *numbers, uint32_t count)
{
	const double low = bench_stat_quantile(numbers, count, 0.25);
	const double high = bench_stat_quantile(numbers, count, 0.75);
	const double distance = high - low;

	return (struct bench_fences){ low - 1.5 * distance, high + 1.5 * distance,
				      low - 3 * distance, high + 3 * distance };
}
