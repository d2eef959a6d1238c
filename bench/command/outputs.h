/* SPDX-License-Identifier: MIT */
/*
 * outputs.h - where the outputs of a document go.
 */
#ifndef BENCH_COMMAND_OUTPUTS_H
#define BENCH_COMMAND_OUTPUTS_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/command/options.h"
#include "bench/model/document.h"
#include "bench/model/verdict.h"
#include "bench/output/output.h"

/* What a command came to. */
struct bench_outcome {
	const struct bench_document *document;
	const struct bench_document *base;          /* it was compared with, or NULL */
	const struct bench_comparison *comparisons; /* or NULL */
	uint32_t comparison_count;
	bool keep_json; /* results.json is what the document was read from */
};

/* Whether all that was asked for can be written, before minutes pass; makes the folder of --out.
 * 0, or what to exit with. */
int bench_outputs_check(const struct bench_options *options);

/* Where tables go: stdout, or stderr where an output goes to stdout. */
struct bench_style bench_outputs_style(const struct bench_options *options);

/* Writes all that was asked for and says where it is. 0, or what to exit with. */
int bench_outputs_write(const struct bench_options *options, const struct bench_outcome *outcome);

#endif
