/* SPDX-License-Identifier: MIT */
/*
 * stats.h - statistics over plain arrays. Pure: nothing is sorted in place, nothing is kept.
 *
 * @count is 1 or more unless a function says otherwise; @numbers are finite.
 */
#ifndef BENCH_MODEL_STATS_H
#define BENCH_MODEL_STATS_H

#include <stdbool.h>
#include <stdint.h>

/* The value that @share (0 .. 1) of @numbers do not exceed, interpolated (type 7). NAN: no
 * memory. */
double bench_stat_quantile(const double *numbers, uint32_t count, double share);

double bench_stat_median(const double *numbers, uint32_t count);

/*
 * Two-sided p of the Mann-Whitney U test: that neither of @a and @b tends to be larger. Exact up to
 * 20 a side where no two numbers are equal, by the normal approximation with ties otherwise.
 */
double bench_stat_rank_p(const double *a, uint32_t a_count, const double *b, uint32_t b_count);

/* The Hodges-Lehmann shift: the median of all b / a, minus 1. */
double bench_stat_shift(const double *a, uint32_t a_count, const double *b, uint32_t b_count);

struct bench_interval {
	double low;
	double high;
};

/* 95 % bootstrap interval of the shift, @resamples drawn from @seed. */
struct bench_interval bench_stat_shift_interval(const double *a, uint32_t a_count, const double *b,
						uint32_t b_count, uint32_t resamples,
						uint64_t seed);

/* The slope of the line through the origin that is nearest to (x, y): for iterations and times. */
double bench_stat_slope(const double *x, const double *y, uint32_t count);

/* Tukey's fences: 1.5 and 3 times the distance of the quartiles beyond them. */
struct bench_fences {
	double mild_low, mild_high;
	double severe_low, severe_high;
};

struct bench_fences bench_stat_fences(const double *numbers, uint32_t count);

/*
 * The universal scalability law, throughput(n) = rate n / (1 + contention (n - 1) +
 * coherence n (n - 1)), fitted by least squares with both terms 0 or more. False for fewer than
 * four different @threads: then there is nothing to fit.
 */
struct bench_scaling {
	double rate; /* of one thread */
	double contention;
	double coherence;
	double most_at; /* threads at the peak; INFINITY if there is none */
	double error;   /* root mean square, relative */
};

bool bench_stat_scaling(const double *threads, const double *throughput, uint32_t count,
			struct bench_scaling *scaling);

#endif
