/* SPDX-License-Identifier: MIT */
/*
 * show.c - how far a campaign is, on stderr.
 */
#include "bench/command/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench/measure/clock.h"

#define REDRAW_NS 200000000u
#define BAR_CELLS 16u
#define SAID_MIN 0.01 /* below that share the time left is a guess, and is not said */

static double seconds_since(uint64_t then_ns)
{
	return (double)(bench_clock_ns() - then_ns) / 1e9;
}

void bench_show_begin(struct bench_show *show, bool shown, uint32_t parts)
{
	*show = (struct bench_show){ .shown = shown,
				     .live = shown && isatty(STDERR_FILENO),
				     .begun_ns = bench_clock_ns(),
				     .parts = parts ? parts : 1 };
}

void bench_show_part(struct bench_show *show, const char *label)
{
	snprintf(show->label, sizeof(show->label), "%s", label);
	snprintf(show->what, sizeof(show->what), "begin");
	show->part_ns = bench_clock_ns();
	show->share = 0;
	show->drawn_ns = 0;
	bench_show_draw(show);
}

/* "process 2/3 old" */
static void format_part(const struct bench_show *show, char *text, size_t size)
{
	snprintf(text, size, "process %u/%u%s%s", show->part + 1, show->parts,
		 *show->label ? " " : "", show->label);
}

static uint32_t terminal_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col < 40)
		return 80;
	return size.ws_col;
}

static void format_bar(double share, char *text)
{
	const uint32_t full = (uint32_t)(share * BAR_CELLS + 0.5);

	for (uint32_t i = 0; i < BAR_CELLS; i++)
		text[i] = i < full ? '#' : '.';
	text[BAR_CELLS] = '\0';
}

void bench_show_draw(struct bench_show *show)
{
	const uint64_t now_ns = bench_clock_ns();
	const double passed_s = (double)(now_ns - show->begun_ns) / 1e9;
	const double share = (show->part + show->share) / show->parts;
	char bar[BAR_CELLS + 1], part[64], left[32] = "", line[320];

	if (!show->live || now_ns - show->drawn_ns < REDRAW_NS)
		return;
	show->drawn_ns = now_ns;
	format_bar(share, bar);
	format_part(show, part, sizeof(part));
	if (share > SAID_MIN) {
		const double left_s = passed_s / share * (1 - share);

		snprintf(left, sizeof(left), ", left %u:%02u", (unsigned)(left_s / 60),
			 (unsigned)left_s % 60);
	}
	snprintf(line, sizeof(line), "[%s] %s  %u:%02u%s  %s", bar, part, (unsigned)(passed_s / 60),
		 (unsigned)passed_s % 60, left, show->what);
	/* A line that is full would begin the next one. */
	fprintf(stderr, "\r\033[K%.*s", (int)terminal_columns() - 1, line);
	fflush(stderr);
}

void bench_show_told(struct bench_show *show, const char *line)
{
	unsigned long long done, total;
	int length = 0;

	if (line[0] == 'S' && sscanf(line, "S %llu %llu %n", &done, &total, &length) == 2 &&
	    length && total && done <= total) {
		show->share = (double)done / (double)total;
		snprintf(show->what, sizeof(show->what), "%s", line + length);
		bench_show_draw(show);
	} else if (line[0] == 'L' && line[1] == ' ' && show->shown && !show->live && !show->part) {
		fprintf(stderr, "%3.0f %%  %s\n", 100 * show->share / show->parts, line + 2);
	}
}

void bench_show_part_end(struct bench_show *show)
{
	char part[64];

	if (show->shown && !show->live && show->parts > 1) {
		format_part(show, part, sizeof(part));
		fprintf(stderr, "%s took %.1f s\n", part, seconds_since(show->part_ns));
	}
	show->part++;
	show->share = 0;
}

void bench_show_complaint(struct bench_show *show, const char *line)
{
	bench_show_end(show);
	fprintf(stderr, "%s\n", line);
	show->drawn_ns = 0;
}

void bench_show_end(struct bench_show *show)
{
	if (show->live && show->drawn_ns)
		fputs("\r\033[K", stderr);
}
