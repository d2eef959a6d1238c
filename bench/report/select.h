/* SPDX-License-Identifier: MIT */
/*
 * select.h - which series a section shows, in which order, and what things are called there.
 */
#ifndef BENCH_REPORT_SELECT_H
#define BENCH_REPORT_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/model/document.h"

/* What a scenario is about: the section that it belongs to. */
enum report_topic {
	REPORT_PEERS,  /* tables with at least one peer */
	REPORT_TAIL,   /* times under a rate */
	REPORT_FULL,   /* at max_entries and near it */
	REPORT_UNPLUG, /* a CPU goes away */
	REPORT_EPOCH,  /* readers, and those that stall */
	REPORT_HOOKS,
	REPORT_MEMORY,
	REPORT_OTHER,
};

struct report_list {
	const struct bench_series **series;
	uint32_t count;
};

/* Which topic a scenario of the document has. */
enum report_topic report_topic_of(const struct bench_document *document, const char *scenario);

/* The series of a topic that have values, sorted by scenario, metric, threads, and the rest of the
 * point; otherwise as in the document. 0 or -ENOMEM. */
int report_pick(const struct bench_document *document, enum report_topic topic,
		struct report_list *list);

/* All series, those without values too, in the same order. */
int report_pick_all(const struct bench_document *document, struct report_list *list);
void report_list_free(struct report_list *list);

/* How many of the list from @first on are in one panel: same scenario, metric and threads. */
uint32_t report_panel(const struct report_list *list, uint32_t first);

/* How many from @first on have the same scenario. */
uint32_t report_same_scenario(const struct report_list *list, uint32_t first);

/* pendmap's series that does the same as @series, with the same calls where there is one. */
const struct bench_series *report_own(const struct bench_document *document,
				      const struct bench_series *series);

/* The colour and marker of a subject: pendmap is 0. */
uint32_t report_class(const char *subject);

/* That of its subject; a variant of pendmap's own that has none is pendmap's. */
uint32_t report_series_class(const struct bench_series *series);

/* What the axis of its values is called. */
const char *report_metric(const struct bench_series *series);

/* "pendmap batch". Returns @text, so below. */
const char *report_label(char *text, size_t size, const struct bench_series *series);

/* "64Ki entries, 90% live, zipf:0.99, 1 M/s": the point but for its threads. */
const char *report_group(char *text, size_t size, const struct bench_point *point);

/* "2 threads", or "". */
const char *report_threads(char *text, size_t size, const struct bench_point *point);

#endif
