/* SPDX-License-Identifier: MIT */
/*
 * progress.c - what the run is doing, on stderr.
 *
 * On a terminal one line is rewritten, at most ten times a second; elsewhere each cell leaves a
 * line when it is done. The time left is what has passed, scaled by what remains.
 */
#include "bench/command/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/measure/clock.h"

#define REDRAW_NS 100000000u

void bench_progress_begin(struct bench_progress *progress, bool shown, uint64_t total)
{
	const uint64_t now_ns = bench_clock_ns();

	*progress = (struct bench_progress){ .shown = shown,
					     .live = shown && isatty(STDERR_FILENO),
					     .begun_ns = now_ns,
					     .total = total ? total : 1 };
}

void bench_progress_step(struct bench_progress *progress, uint64_t amount, const char *what)
{
	const uint64_t now_ns = bench_clock_ns();

	progress->done += amount;
	if (progress->done > progress->total)
		progress->done = progress->total;
	if (!progress->live || now_ns - progress->shown_ns < REDRAW_NS)
		return;
	progress->shown_ns = now_ns;

	const double passed_s = (double)(now_ns - progress->begun_ns) / 1e9;
	const double share = (double)progress->done / (double)progress->total;
	char left[32] = "";

	if (share > 0.02)
		snprintf(left, sizeof(left), "%.0f s left", passed_s / share * (1 - share));
	fprintf(stderr, "\r\033[K%3.0f %%  %-60.60s %s", share * 100, what, left);
	fflush(stderr);
}

void bench_progress_line(const struct bench_progress *progress, const char *text)
{
	if (progress->shown && !progress->live)
		fprintf(stderr, "%3.0f %%  %s\n",
			100.0 * (double)progress->done / (double)progress->total, text);
}

void bench_progress_end(const struct bench_progress *progress)
{
	if (progress->live)
		fputs("\r\033[K", stderr);
}
