/* SPDX-License-Identifier: MIT */
/*
 * cpuset.h - a control group whose CPUs are taken away and given back: what a process loses then
 * looks to it like a CPU that went away, and nothing else on the machine is touched.
 */
#ifndef STRESS_CPUSET_H
#define STRESS_CPUSET_H

#include <stdbool.h>
#include <stdint.h>

struct cpuset {
	char path[160]; /* of the group */
	bool unified;   /* version 2 */
};

/* Makes a group with these CPUs. 0, or negative errno with what failed in @why. */
int cpuset_make(struct cpuset *cpuset, const uint32_t *cpus, uint32_t count, char *why,
		uint32_t why_size);

/* Moves the calling process in. 0 or negative errno. */
int cpuset_enter(const struct cpuset *cpuset);

/* Gives it these CPUs and no others. 0 or negative errno. */
int cpuset_set(const struct cpuset *cpuset, const uint32_t *cpus, uint32_t count);

/* Removes the group, which must be empty. 0 or negative errno. */
int cpuset_remove(const struct cpuset *cpuset);

#endif
