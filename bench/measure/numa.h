/* SPDX-License-Identifier: MIT */
/*
 * numa.h - on which node the memory of all tables lies.
 */
#ifndef BENCH_MEASURE_NUMA_H
#define BENCH_MEASURE_NUMA_H

#include <stdbool.h>
#include <stdint.h>

/*
 * From now on memory of this process, and of those that it starts, comes from the node of @cpu: if it
 * has any left, or, if @strict, from nowhere else. 0 or a negative errno: this system has no nodes,
 * or does not let memory be placed.
 */
int bench_numa_stay(uint32_t cpu, bool strict);

#endif
