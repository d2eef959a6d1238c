/* SPDX-License-Identifier: MIT */
/*
 * fold.h - from samples to folded stacks: "thread;root;caller;leaf NUMBER".
 *
 * The number is time: ns on a CPU; with off_cpu, microseconds not on one, below one of the roots
 * "blocked" (waited for something) and "preempted" (could have run, others did); with operations,
 * either of them in thousandths of a nanosecond for one operation.
 */
#ifndef FLAME_FOLD_H
#define FLAME_FOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct fold_options {
	bool off_cpu;
	bool keep_threads; /* one root for each thread, not for all of a name */
	uint64_t operations;
	const char *within; /* comma-separated functions: only what runs in one of them; or NULL */
};

struct fold_summary {
	uint64_t samples;  /* of them in the output */
	uint64_t left_out; /* not within, or never switched in again */
	uint64_t stacks;
	uint64_t cut;        /* samples with more frames than are kept */
	uint64_t unreadable; /* lines */
};

/* Returns 0, -ENOMEM or -EIO. */
int fold(FILE *in, FILE *out, const struct fold_options *options, struct fold_summary *summary);

#endif
