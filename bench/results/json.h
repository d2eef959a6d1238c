/* SPDX-License-Identifier: MIT */
/*
 * json.h - the results as a machine reads them; schema.md says what stands where.
 */
#ifndef BENCH_RESULTS_JSON_H
#define BENCH_RESULTS_JSON_H

#include <stdio.h>

#include "bench/measure/host.h"
#include "bench/command/options.h"
#include "bench/results/results.h"

/* Opens the file that --json names, before the run. NULL, with the reason on stderr: it cannot. */
FILE *bench_json_open(const char *path);

/* Writes everything and closes @file. 0 or a negative errno. @status is what the run exits with. */
int bench_json_write(FILE *file, const struct bench_options *options, const struct bench_host *host,
		     const struct bench_results *results, int status);

#endif
