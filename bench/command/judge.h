/* SPDX-License-Identifier: MIT */
/*
 * judge.h - two documents, and what to exit with.
 */
#ifndef BENCH_COMMAND_JUDGE_H
#define BENCH_COMMAND_JUDGE_H

#include "bench/command/outputs.h"

/*
 * Compares outcome->document with outcome->base, prints it, and adds the comparisons to @outcome, to
 * be freed with bench_judge_free(). Returns what to exit with, by --fail-on.
 */
int bench_judge(const struct bench_options *options, struct bench_outcome *outcome);

void bench_judge_free(struct bench_outcome *outcome);

#endif
