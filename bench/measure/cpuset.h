/* SPDX-License-Identifier: MIT */
/*
 * cpuset.h - a control group that this process is in, whose CPUs are taken away and given back.
 */
#ifndef BENCH_MEASURE_CPUSET_H
#define BENCH_MEASURE_CPUSET_H

#include <stdbool.h>
#include <stdint.h>

struct bench_cpuset {
	char path[192]; /* of the group */
	char home[192]; /* where the process was */
};

/* Makes the group with these CPUs and moves the process in. 0, or a negative errno with what failed
 * in @why. */
int bench_cpuset_open(struct bench_cpuset *cpuset, const uint32_t *cpus, uint32_t count, char *why,
		      uint32_t why_size);

/* Leaves it these CPUs and no others. 0 or a negative errno. */
int bench_cpuset_set(const struct bench_cpuset *cpuset, const uint32_t *cpus, uint32_t count);

/* Moves the process back and removes the group. */
void bench_cpuset_close(const struct bench_cpuset *cpuset);

#endif
