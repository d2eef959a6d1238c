/* SPDX-License-Identifier: MIT */
/*
 * progress.h - what the run is doing, on stderr.
 */
#ifndef BENCH_COMMAND_PROGRESS_H
#define BENCH_COMMAND_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct bench_progress {
	bool shown;
	bool live; /* a terminal: one line, rewritten */
	uint64_t begun_ns;
	uint64_t shown_ns; /* when the line was last written */
	uint64_t done;
	uint64_t total; /* in the unit of bench_progress_step() */
};

void bench_progress_begin(struct bench_progress *progress, bool shown, uint64_t total);

/* @amount more is done; @what is next. */
void bench_progress_step(struct bench_progress *progress, uint64_t amount, const char *what);

/* A line of its own, on something that is no terminal. */
void bench_progress_line(const struct bench_progress *progress, const char *text);

/* Wipes the live line. */
void bench_progress_end(const struct bench_progress *progress);

#endif
