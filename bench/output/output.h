/* SPDX-License-Identifier: MIT */
/*
 * output.h - documents and comparisons as people and other programs read them.
 *
 * All of these are pure: they read a document and write to a stream. The JSON is
 * model/document_json.h; the HTML, report/report.h.
 */
#ifndef BENCH_OUTPUT_OUTPUT_H
#define BENCH_OUTPUT_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/model/document.h"
#include "bench/model/figure.h"
#include "bench/model/verdict.h"

struct bench_style {
	FILE *out;
	bool colour;
	uint32_t columns; /* of the terminal; 0: 100 */
};

/*
 * The tables of a run, for a terminal: one for each scenario, a row for each point and subject, with
 * median, spread, clean share, ratio to each peer and the class of placement; then the table of
 * headlines against peers, notes and findings.
 */
void bench_tables_print(const struct bench_style *style, const struct bench_document *document);

/* Comparisons, the changed ones first; then how many of each kind there are. */
void bench_comparisons_print(const struct bench_style *style, const struct bench_document *base,
			     const struct bench_document *now,
			     const struct bench_comparison *comparisons, uint32_t count);

void bench_findings_print(const struct bench_style *style, const struct bench_document *document);

/* 0 or -EIO, all of these. */
int bench_csv_write(const struct bench_document *document, FILE *out);
int bench_markdown_write(const struct bench_document *document, FILE *out);
int bench_comparisons_markdown(const struct bench_comparison *comparisons, uint32_t count,
			       FILE *out);
int bench_openmetrics_write(const struct bench_document *document, FILE *out);

/* One spectrum as HdrHistogram's percentile text, in microseconds. */
int bench_hgrm_write(const struct bench_spectrum *spectrum, FILE *out);

/* Rows of design targets: what was asked for and what was measured, where the document has it. */
struct bench_headline {
	const char *what;                  /* "pend+complete by key, 2 threads" */
	const struct bench_series *series; /* pendmap's */
	const struct bench_series *peer;   /* the best that does the same work, or NULL */
	double target; /* a ratio (more is better), or a value in the series' unit */
	bool target_is_ratio;
	bool target_is_most; /* the value may be at most that */
	bool scaling; /* @peer is pendmap itself with one thread; the ratio is that of all threads */
};

#define BENCH_HEADLINES_MAX 40u

/* The headlines that the document has figures for. Returns how many it wrote. */
uint32_t bench_headlines(const struct bench_document *document, struct bench_headline *headlines);

/* The targets that it has no figure for; at most BENCH_HEADLINES_MAX. Returns how many. */
uint32_t bench_headlines_missing(const struct bench_document *document, const char **whats);

/* The figure of a headline, in its unit or times: median, lowest and highest of a process. */
struct bench_figure bench_headline_figure(const struct bench_headline *headline);

/* Whether a headline's figure reaches its target, and the figure as text: "2.10x (1.90-2.20)". */
bool bench_headline_met(const struct bench_headline *headline, char *text, size_t size);

/* The target as text: ">= 2.00x", "<= 5.00 ns". */
void bench_headline_target(const struct bench_headline *headline, char *text, size_t size);

#endif
