/* SPDX-License-Identifier: MIT */
/*
 * progress.c - what a process that measures tells the one that shows it.
 *
 * Lines are shorter than PIPE_BUF, so each arrives whole. A reader that is gone ends this process
 * (SIGPIPE): nobody would see what it measures.
 */
#include "bench/command/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/measure/clock.h"

#define TELL_NS 100000000u
#define LINE_MAX_BYTES 512

/* The first line of @text. */
static void tell(const struct bench_progress *progress, const char *head, const char *text)
{
	char line[LINE_MAX_BYTES];
	int length;

	if (progress->fd < 0)
		return;
	length = snprintf(line, sizeof(line) - 1, "%s%.*s", head, (int)strcspn(text, "\n"), text);
	if (length > (int)sizeof(line) - 2)
		length = (int)sizeof(line) - 2;
	line[length++] = '\n';
	if (write(progress->fd, line, (size_t)length) < 0)
		return; /* it is only progress */
}

static void tell_step(struct bench_progress *progress, const char *what)
{
	char head[64];

	snprintf(head, sizeof(head), "S %llu %llu ", (unsigned long long)progress->done,
		 (unsigned long long)progress->total);
	tell(progress, head, what);
}

void bench_progress_begin(struct bench_progress *progress, int fd, uint64_t total)
{
	*progress = (struct bench_progress){ .fd = fd, .total = total ? total : 1 };
	tell_step(progress, "begin");
}

void bench_progress_step(struct bench_progress *progress, uint64_t amount, const char *what)
{
	uint64_t now_ns;

	progress->done += amount;
	if (progress->done > progress->total)
		progress->done = progress->total;
	if (progress->fd < 0)
		return;
	now_ns = bench_clock_ns();
	if (now_ns - progress->told_ns < TELL_NS)
		return;
	progress->told_ns = now_ns;
	tell_step(progress, what);
}

void bench_progress_line(struct bench_progress *progress, const char *text)
{
	tell_step(progress, text);
	tell(progress, "L ", text);
}

void bench_progress_end(struct bench_progress *progress)
{
	progress->done = progress->total;
	tell_step(progress, "end");
}
