/* SPDX-License-Identifier: MIT */
/*
 * progress.h - what a process that measures tells the one that shows it.
 *
 *	measure --lines--> pipe --> campaign --> show.h --> stderr
 *
 *	S DONE TOTAL WHAT    so much is done, of so much, and this is next
 *	L TEXT               something to be kept: a cell and its figures
 */
#ifndef BENCH_COMMAND_PROGRESS_H
#define BENCH_COMMAND_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct bench_progress {
	int fd; /* -1: nobody listens */
	uint64_t told_ns;
	uint64_t done;
	uint64_t total; /* in the unit of bench_progress_step(), which should be time */
};

/* @fd is options->progress_fd. */
void bench_progress_begin(struct bench_progress *progress, int fd, uint64_t total);

/* @amount more is done; @what is next. Told at most ten times a second. */
void bench_progress_step(struct bench_progress *progress, uint64_t amount, const char *what);

/* A line of its own. */
void bench_progress_line(struct bench_progress *progress, const char *text);

/* All is done. */
void bench_progress_end(struct bench_progress *progress);

#endif
