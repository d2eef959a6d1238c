/* SPDX-License-Identifier: MIT */
/*
 * show.h - how far a campaign is, on stderr.
 *
 * On a terminal one line is rewritten; elsewhere each cell of the first process leaves a line, and
 * each process one. Time left: what has passed, scaled by what remains.
 */
#ifndef BENCH_COMMAND_SHOW_H
#define BENCH_COMMAND_SHOW_H

#include <stdbool.h>
#include <stdint.h>

struct bench_show {
	bool shown;
	bool live; /* a terminal */
	uint64_t begun_ns;
	uint64_t part_ns; /* when the process began */
	uint64_t drawn_ns;
	uint32_t parts; /* processes in all */
	uint32_t part;  /* that have ended */
	char label[16]; /* of its side, or "" */
	double share;   /* of the process that runs */
	char what[128];
};

void bench_show_begin(struct bench_show *show, bool shown, uint32_t parts);

/* The next process begins; it ended. */
void bench_show_part(struct bench_show *show, const char *label);
void bench_show_part_end(struct bench_show *show);

/* A line that it wrote (progress.h). What is no such line is left out. */
void bench_show_told(struct bench_show *show, const char *line);

/* Redraws the live line, if it is old. */
void bench_show_draw(struct bench_show *show);

/* Something that it complained of. */
void bench_show_complaint(struct bench_show *show, const char *line);

/* Wipes the live line. */
void bench_show_end(struct bench_show *show);

#endif
