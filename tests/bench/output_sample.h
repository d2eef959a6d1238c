/* SPDX-License-Identifier: MIT */
/*
 * output_sample.h - documents made by hand, and what is written of them as text.
 */
#ifndef TESTS_BENCH_OUTPUT_SAMPLE_H
#define TESTS_BENCH_OUTPUT_SAMPLE_H

#include "bench/output/output.h"

struct sample {
	const char *scenario;
	const char *subject;
	const char *calls;
	const char *metric;
	const char *unit;
	uint64_t size;
	uint32_t threads;
	double middle;      /* three processes: 2 % below, exactly, and 2 % above it */
	uint32_t preempted; /* so many of the three */
	double pingpong_ns;
};

#define SAMPLE_PROCESSES 3u

/* Adds the series; peers are the subjects that do not begin with "pendmap" or "engine". */
struct bench_series *sample_add(struct bench_document *document, const struct sample *sample);

/* Four subjects at two sizes with one and two threads, and what goes with a run. */
void sample_fill(struct bench_document *document);

/* What @write writes, to be freed. */
char *sample_text(int (*write)(const struct bench_document *document, FILE *out),
		  const struct bench_document *document);
char *sample_tables(const struct bench_document *document, uint32_t columns, bool colour);

/* Where line number @line (from 0) of @text begins; NULL: it has not so many. */
const char *sample_line(const char *text, uint32_t line);

/* Characters of UTF-8 in the longest line. */
uint32_t sample_widest(const char *text);

#endif
