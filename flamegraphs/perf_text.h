/* SPDX-License-Identifier: MIT */
/*
 * perf_text.h - reads what `perf script` prints, one sample at a time.
 *
 *	comm  PID/TID [CPU] SECONDS.FRACTION:  PERIOD event: details
 *		IP symbol+0xOFFSET (file)       the leaf first
 *		...
 *	(an empty line)
 *
 * CPU, period, details and stack may be missing. Comments (#) and empty lines are skipped, lines
 * that are none of this are counted. Memory does not grow with the input: a longer line, name or
 * stack is cut.
 */
#ifndef FLAME_PERF_TEXT_H
#define FLAME_PERF_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PERF_LINE_MAX 8192u
#define PERF_NAME_MAX 256u
#define PERF_DEPTH_MAX 512u

enum perf_kind {
	PERF_SAMPLE,
	PERF_SWITCH_OUT, /* PERF_RECORD_SWITCH OUT */
	PERF_SWITCH_IN,
};

struct perf_sample {
	enum perf_kind kind;
	bool preempted; /* switched out while it could have run */
	bool cut;       /* the stack was deeper */
	char comm[PERF_NAME_MAX];
	uint64_t tid;
	uint64_t time_ns;
	uint64_t period; /* 1 if there is none */
	uint32_t depth;
	char frames[PERF_DEPTH_MAX][PERF_NAME_MAX]; /* as they are to be shown; the leaf first */
};

struct perf_reader {
	FILE *in;
	uint64_t unreadable; /* lines */
	bool held;           /* line holds one that is not consumed yet */
	char line[PERF_LINE_MAX];
};

/* Reads the next sample or switch. Returns false at the end of the input. */
bool perf_read(struct perf_reader *reader, struct perf_sample *sample);

#endif
