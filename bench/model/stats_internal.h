/* SPDX-License-Identifier: MIT */
/*
 * stats_internal.h - what the files of stats.h share.
 */
#ifndef BENCH_MODEL_STATS_INTERNAL_H
#define BENCH_MODEL_STATS_INTERNAL_H

#include <stdint.h>

void bench_stat_sort(double *numbers, uint32_t count);

/* As bench_stat_quantile(), of numbers that ascend. */
double bench_stat_sorted_quantile(const double *numbers, uint32_t count, double share);

#endif
