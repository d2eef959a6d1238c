/* SPDX-License-Identifier: MIT */
/*
 * profile_sidecar.h - how a flame graph came about, as JSON beside it.
 */
#ifndef BENCH_COMMAND_PROFILE_SIDECAR_H
#define BENCH_COMMAND_PROFILE_SIDECAR_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/command/options.h"
#include "bench/model/document.h"

struct bench_sidecar {
	const char *unit;   /* of the folded text, as pendflame calls it */
	const char *within; /* the function that the stacks begin with; NULL: they are whole */
	const char *const *record; /* perf's command line */
	bool inlined;              /* inlined frames are frames of their own */
	uint64_t operations;       /* 0: not counted, or not one kind */
	double operation_ns;       /* thread time of one, as it was measured */
	uint64_t samples;
	uint64_t left_out;
};

/* Writes NAME.json. Returns what to exit with. */
int bench_sidecar_write(const struct bench_sidecar *sidecar, const struct bench_document *document,
			const struct bench_options *options, const char *name);

/* Refuses folded text whose own sidecar says that it has another unit. */
int bench_sidecar_check_base(const struct bench_sidecar *sidecar, const char *base);

#endif
