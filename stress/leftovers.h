/* SPDX-License-Identifier: MIT */
/*
 * leftovers.h - what a process has of the system, so that nothing of it is left behind.
 */
#ifndef STRESS_LEFTOVERS_H
#define STRESS_LEFTOVERS_H

#include <stdint.h>

#include "stress/harness.h"

struct leftovers {
	uint32_t files;    /* open descriptors */
	uint32_t threads;  /* of this process */
	uint32_t mappings; /* of memory that is shared with others */
	uint32_t children; /* 1: there are some, alive or not waited for */
};

/* Of a process that has one thread. */
struct leftovers leftovers_before(void);

/* Checks that no more is there than @before; what is on its way out has some time for it. */
void leftovers_check(struct stress *stress, const struct leftovers *before);

#endif
