/* SPDX-License-Identifier: MIT */
/*
 * page.h - the sections of the page, and what they share.
 *
 * Each section answers one question from the document; where there is nothing to answer it with, a
 * sentence says what to run. No section keeps anything; each one frees what it allocates and leaves
 * the first error in the page.
 */
#ifndef BENCH_REPORT_PAGE_H
#define BENCH_REPORT_PAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/output/output.h"
#include "bench/report/report.h"
#include "bench/report/select.h"

struct report_page {
	FILE *out;
	const struct bench_report *report;
	const struct bench_document *document;
	struct bench_headline headlines[BENCH_HEADLINES_MAX];
	uint32_t headline_count;
	int error; /* 0, or the first -errno */
};

/* sections, in the order of the page */
void report_write_judgement(struct report_page *page);
void report_write_headlines(struct report_page *page);
void report_write_changes(struct report_page *page);
void report_write_peers(struct report_page *page);
void report_write_scaling(struct report_page *page);
void report_write_tail(struct report_page *page);
void report_write_full(struct report_page *page);
void report_write_unplug(struct report_page *page);
void report_write_epoch(struct report_page *page);
void report_write_hooks(struct report_page *page);
void report_write_memory(struct report_page *page);
void report_write_other(struct report_page *page);
void report_write_every(struct report_page *page);
void report_write_flames(struct report_page *page);
void report_write_method(struct report_page *page);
void report_write_data(struct report_page *page);

/* parts.c: what several sections are made of */

void report_paragraph(struct report_page *page, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "Nothing was measured: ... `pendbench run ARGS`": instead of a plot. */
void report_absent(struct report_page *page, const char *what, const char *arguments);

/* A cell of a table: what is sorted by, what is shown. */
void report_cell_text(struct report_page *page, const char *text);
void report_cell_number(struct report_page *page, double value, const char *text);

/* Opens a table with that id and these headings (NULL at the end; a leading '#' is a number). */
void report_table_begin(struct report_page *page, const char *id, const char *const *headings);
void report_table_end(struct report_page *page);

/* Bars of the times, rates and sizes in the list, a panel for each scenario, metric and number of
 * threads. */
void report_bars(struct report_page *page, const struct report_list *list);

/* The figures of these series in a folded table. */
void report_figures(struct report_page *page, const char *id, const struct bench_series **series,
		    uint32_t count);

/* Bars and figures of a topic, a heading for each scenario. False: there are none. */
bool report_topic(struct report_page *page, enum report_topic topic);

/* What a scenario's timelines show; false: there are none with that prefix. */
bool report_timelines(struct report_page *page, const char *prefix);

struct report_sign {
	char label[64];
	uint32_t class;
	bool dashed;
};

/* Adds a sign to a legend if it is not there yet; then writes it. */
void report_sign_add(struct report_sign *signs, uint32_t *count, uint32_t most, const char *label,
		     uint32_t class, bool dashed);
void report_legend(struct report_page *page, const struct report_sign *signs, uint32_t count);

#endif
