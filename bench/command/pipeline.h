/* SPDX-License-Identifier: MIT */
/*
 * pipeline.h - programs that read each other's output, as `a <in | b >out` of a shell.
 */
#ifndef BENCH_COMMAND_PIPELINE_H
#define BENCH_COMMAND_PIPELINE_H

#include <stdint.h>

#define BENCH_PIPELINE_MAX 3u

struct bench_pipeline {
	const char *const *programs[BENCH_PIPELINE_MAX]; /* argv of each, found in PATH */
	uint32_t count;
	const char *in;                   /* of the first; NULL: nothing */
	const char *out;                  /* of the last, a file to be written; NULL: ours */
	const char *errors;               /* of all, a file to be written; NULL: ours */
	uint32_t limit_s;                 /* then they are killed */
	int statuses[BENCH_PIPELINE_MAX]; /* exit statuses; 128 and the signal's number */
};

/*
 * Runs it and waits for the end of all. While it runs this process ignores SIGINT and SIGTERM, which
 * a terminal sends to the programs too. 0, -ENOENT: there is no such program, -ETIMEDOUT, or another
 * negative errno.
 */
int bench_pipeline_run(struct bench_pipeline *pipeline);

#endif
