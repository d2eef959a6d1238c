/* SPDX-License-Identifier: MIT */
/*
 * recorder.h - an allocator that remembers what it gave: how much, how often, where.
 *
 * Memory that grows while threads stand still shows here, and where the library put what.
 */
#ifndef STRESS_RECORDER_H
#define STRESS_RECORDER_H

#include <pendmap/allocator.h>
#include <stddef.h>

#include "stress/cell.h"

#define RECORDER_MOST 4096u

struct recorder_range {
	struct cell address; /* 0: taken back */
	struct cell size;
};

struct recorder {
	struct pend_allocator allocator; /* its context is the recorder */
	struct cell calls;
	struct cell bytes; /* given and not taken back */
	struct cell used;  /* of ranges */
	struct recorder_range ranges[RECORDER_MOST];
};

void recorder_make(struct recorder *recorder);

#endif
