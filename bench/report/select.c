/* SPDX-License-Identifier: MIT */
/*
 * select.c - topics of scenarios, orders of series, colours of subjects.
 */
#include "bench/report/select.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/html.h"
#include "bench/report/plot.h"

static const struct {
	const char *prefix;
	enum report_topic topic;
} topics[] = {
	{ "latency/", REPORT_TAIL },   { "exhaust/", REPORT_FULL },  { "full/", REPORT_FULL },
	{ "occupancy/", REPORT_FULL }, { "unplug/", REPORT_UNPLUG }, { "epoch/", REPORT_EPOCH },
	{ "classify/", REPORT_HOOKS }, { "frame", REPORT_HOOKS },    { "memory/", REPORT_MEMORY },
	{ "deadline/", REPORT_OTHER }, { "drain/", REPORT_OTHER },   { "alloc/", REPORT_OTHER },
};

/* Colours that are told apart by those who see few; markers differ besides (plot_rows.c). */
static const struct {
	const char *subject;
	uint32_t class;
} classes[] = {
	{ "pendmap", 0 },
	{ "mutex", 1 },
	{ "rwlock", 2 },
	{ "urcu-memb", 3 },
	{ "urcu-qsbr", 4 },
	{ "ck", 5 },
	{ "dpdk", 6 },
	{ "libcuckoo", 7 },
	{ "tbb", 8 },
	{ "pendmap-id", 9 },
	{ "pendmap-pointers", 10 },
	{ "pendmap-unpadded", 11 },
	{ "pendmap-engine", 12 },
	{ "pendmap-executor", 13 },
	{ "urcu-mb", 7 },
	{ "urcu-bp", 8 },
	{ "wfcqueue", 3 },
	{ "rte_ring", 6 },
};

static bool has_values(const struct bench_series *series)
{
	return series->count > 0;
}

enum report_topic report_topic_of(const struct bench_document *document, const char *scenario)
{
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		if (strncmp(scenario, topics[i].prefix, strlen(topics[i].prefix)) == 0)
			return topics[i].topic;
	for (uint32_t i = 0; i < document->series_count; i++)
		if (document->series[i].peer && has_values(&document->series[i]) &&
		    strcmp(document->series[i].scenario, scenario) == 0)
			return REPORT_PEERS;
	return REPORT_OTHER;
}

static int compare_numbers(double a, double b)
{
	return a < b ? -1 : a > b;
}

static int compare_points(const struct bench_point *a, const struct bench_point *b)
{
	int order = compare_numbers((double)a->size, (double)b->size);

	if (!order)
		order = compare_numbers(a->occupancy, b->occupancy);
	if (!order)
		order = strcmp(a->keys, b->keys);
	return order ? order : compare_numbers(a->rate, b->rate);
}

/* Scenarios and metrics are in the order in which the document has them first. */
struct entry {
	const struct bench_series *series;
	uint32_t scenario;
	uint32_t metric;
};

static int compare_entries(const void *a_, const void *b_)
{
	const struct entry *a = a_, *b = b_;
	int order = compare_numbers(a->scenario, b->scenario);

	if (!order)
		order = compare_numbers(a->metric, b->metric);
	if (!order)
		order = compare_numbers(a->series->point.threads, b->series->point.threads);
	if (!order)
		order = compare_points(&a->series->point, &b->series->point);
	return order ? order : (a->series < b->series ? -1 : a->series > b->series);
}

/* The number of the first series with that scenario, or with that metric besides. */
static uint32_t first_like(const struct bench_document *document, const struct bench_series *series,
			   bool metric)
{
	uint32_t i = 0;

	while (strcmp(document->series[i].scenario, series->scenario) != 0 ||
	       (metric && strcmp(document->series[i].metric, series->metric) != 0))
		i++;
	return i;
}

static int pick(const struct bench_document *document, bool all, enum report_topic topic,
		struct report_list *list)
{
	uint32_t most = document->series_count;
	struct entry *entries = calloc(most + 1, sizeof(*entries));

	list->count = 0;
	list->series = calloc(most + 1, sizeof(const struct bench_series *));
	if (!entries || !list->series) {
		free(entries);
		report_list_free(list);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < most; i++) {
		const struct bench_series *series = &document->series[i];

		if (!all &&
		    (!has_values(series) || report_topic_of(document, series->scenario) != topic))
			continue;
		entries[list->count++] = (struct entry){
			.series = series,
			.scenario = first_like(document, series, false),
			.metric = first_like(document, series, true),
		};
	}
	qsort(entries, list->count, sizeof(*entries), compare_entries);
	for (uint32_t i = 0; i < list->count; i++)
		list->series[i] = entries[i].series;
	free(entries);
	return 0;
}

int report_pick(const struct bench_document *document, enum report_topic topic,
		struct report_list *list)
{
	return pick(document, false, topic, list);
}

int report_pick_all(const struct bench_document *document, struct report_list *list)
{
	return pick(document, true, REPORT_OTHER, list);
}

void report_list_free(struct report_list *list)
{
	free(list->series);
	list->series = NULL;
	list->count = 0;
}

uint32_t report_panel(const struct report_list *list, uint32_t first)
{
	const struct bench_series *begin = list->series[first];
	uint32_t count = 1;

	while (first + count < list->count &&
	       strcmp(list->series[first + count]->scenario, begin->scenario) == 0 &&
	       strcmp(list->series[first + count]->metric, begin->metric) == 0 &&
	       list->series[first + count]->point.threads == begin->point.threads)
		count++;
	return count;
}

uint32_t report_same_scenario(const struct report_list *list, uint32_t first)
{
	uint32_t count = 1;

	while (first + count < list->count &&
	       strcmp(list->series[first + count]->scenario, list->series[first]->scenario) == 0)
		count++;
	return count;
}

const struct bench_series *report_own(const struct bench_document *document,
				      const struct bench_series *series)
{
	const struct bench_series *any = NULL;

	for (uint32_t i = 0; i < document->series_count; i++) {
		const struct bench_series *own = &document->series[i];

		if (strcmp(own->subject, "pendmap") != 0 || !has_values(own) ||
		    strcmp(own->scenario, series->scenario) != 0 ||
		    strcmp(own->metric, series->metric) != 0 ||
		    !bench_point_equal(&own->point, &series->point))
			continue;
		if (strcmp(own->calls, series->calls) == 0)
			return own;
		if (!any)
			any = own;
	}
	return any;
}

/* "mutex key by 8" and "urcu-memb, no call" are variants of those subjects. */
static bool is_variant_of(const char *subject, const char *name)
{
	size_t length = strlen(name);

	return strncmp(subject, name, length) == 0 &&
	       (subject[length] == '\0' || subject[length] == ' ' || subject[length] == ',');
}

/* False: the subject has no colour of its own. */
static bool known_class(const char *subject, uint32_t *class)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (!is_variant_of(subject, classes[i].subject))
			continue;
		*class = classes[i].class;
		return true;
	}
	return false;
}

uint32_t report_class(const char *subject)
{
	uint32_t hash = 0, class;

	if (known_class(subject, &class))
		return class;
	for (; *subject; subject++)
		hash = hash * 31 + (unsigned char)*subject;
	return 1 + hash % (PLOT_CLASSES - 1);
}

uint32_t report_series_class(const struct bench_series *series)
{
	uint32_t class;

	if (known_class(series->subject, &class))
		return class;
	return series->peer ? report_class(series->subject) : 0;
}

const char *report_metric(const struct bench_series *series)
{
	if (strcmp(series->metric, "ns") == 0)
		return "thread time for one operation";
	return series->metric;
}

const char *report_label(char *text, size_t size, const struct bench_series *series)
{
	bool say = series->calls[0] && strcmp(series->calls, "scalar") != 0;

	snprintf(text, size, "%s%s%s", series->subject[0] ? series->subject : series->metric,
		 say ? " " : "", say ? series->calls : "");
	return text;
}

const char *report_group(char *text, size_t size, const struct bench_point *point)
{
	char entries[24], rate[32], part[80];
	size_t used = 0;

	text[0] = '\0';
	for (int i = 0; i < 4; i++) {
		part[0] = '\0';
		if (i == 0 && point->size)
			snprintf(part, sizeof(part), "%s entries",
				 html_entries(entries, sizeof(entries), point->size));
		else if (i == 1 && point->occupancy > 0)
			snprintf(part, sizeof(part), "%.4g %% live", point->occupancy);
		else if (i == 2 && point->keys[0])
			snprintf(part, sizeof(part), "%s", point->keys);
		else if (i == 3 && point->rate > 0)
			snprintf(part, sizeof(part), "%s",
				 html_value(rate, sizeof(rate), point->rate, "1/s"));
		if (part[0] && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 part);
	}
	return text;
}

const char *report_threads(char *text, size_t size, const struct bench_point *point)
{
	text[0] = '\0';
	if (point->threads)
		snprintf(text, size, "%u thread%s", point->threads, point->threads == 1 ? "" : "s");
	return text;
}
