/* SPDX-License-Identifier: MIT */
/*
 * headlines.c - what was asked for, beside what was measured.
 *
 * A target names the series that it is measured by; every series of pendmap that fits is a headline,
 * unless the target wants only the best or the worst of them. Against "" stands the best peer of the
 * same scenario, metric and point; against a name, the best of the subjects that begin with it.
 */
#include "bench/output/output.h"

#include <math.h>
#include <string.h>

#include "bench/output/format.h"

#define KI 1024u
#define MI 1048576u

enum pick { PICK_EACH, PICK_BEST, PICK_WORST };

struct target {
	const char *what;
	const char *scenario;
	const char *subject; /* NULL: any that is no peer */
	const char *calls;
	const char *metric;
	uint64_t size_low, size_high; /* 0: any */
	uint32_t threads;             /* 0: any; with `scaling` the fewest */
	enum pick pick;
	const char *against; /* NULL: the value counts; "": any peer; else: how subjects begin */
	double target;
	bool scaling;
};

static const struct target targets[] = {
	{ "by handle, 1 thread", "steady/handle", "pendmap", "scalar", "ns", KI, 64 * KI, 1,
	  PICK_EACH, "mutex", 1.0, false },
	{ "by handle, 1 thread", "steady/handle", "pendmap", "scalar", "ns", KI, 64 * KI, 1,
	  PICK_EACH, "urcu", 2.0, false },
	{ "by key, 1 thread", "steady/key", "pendmap", "scalar", "ns", MI, 8 * MI, 1, PICK_EACH, "",
	  2.0, false },
	{ "by key, 1 thread, batched", "steady/key", "pendmap", "batch", "ns", MI, 8 * MI, 1,
	  PICK_EACH, "", 4.0, false },
	{ "by key, 2 threads", "steady/key", "pendmap", "scalar", "ns", 64 * KI, 8 * MI, 2,
	  PICK_EACH, "", 1.7, false },
	{ "by key, 2 threads, batched", "steady/key", "pendmap", "batch", "ns", 64 * KI, 8 * MI, 2,
	  PICK_EACH, "", 1.7, false },
	{ "completed on another CPU", "complete/origin", NULL, NULL, "ns", 0, 0, 0, PICK_BEST, "",
	  1.5, false },
	{ "completed there, batched", "complete/batch", NULL, NULL, "ns", 0, 0, 0, PICK_BEST, "",
	  1.5, false },
	{ "lookup hit, batched, 8Mi", "lookup/hit", "pendmap", "batch", "ns", 8 * MI, 8 * MI, 1,
	  PICK_EACH, "", 3.0, false },
	{ "lookup miss, batched, 8Mi", "lookup/miss", "pendmap", "batch", "ns", 8 * MI, 8 * MI, 1,
	  PICK_EACH, "", 3.0, false },
	{ "refused pend, 1 thread", "full/refuse", "pendmap", "scalar", "ns", 0, 0, 1, PICK_WORST,
	  NULL, 5.0, false },
	{ "refused pend, 2 threads", "full/refuse", "pendmap", "scalar", "ns", 0, 0, 2, PICK_WORST,
	  NULL, 5.0, false },
	{ "hook frame over a bare call", "classify/chain", "1 program", NULL, "over", 0, 0, 0,
	  PICK_WORST, NULL, 5.0, false },
	{ "deadline error p99.99, 1Mi", "deadline/precision", "pending at full rate", NULL,
	  "p99.99", MI, 0, 0, PICK_WORST, NULL, 1000.0, false },
	{ "lost CPU: queue drained", "unplug/adopt", NULL, NULL, "drained", 0, 0, 0, PICK_WORST,
	  NULL, 50.0, false },
	{ "CPU back: served at home", "unplug/return", NULL, NULL, "home", 0, 0, 0, PICK_WORST,
	  NULL, 1000.0, false },
	{ "by key, all threads", "steady/key", "pendmap", "scalar", "ns", 0, 0, 8, PICK_EACH, NULL,
	  0.75, true },
	{ "index of an entry", "memory/entry", "pendmap", NULL, "index", 0, 0, 0, PICK_WORST, NULL,
	  16.0, false },
	{ "slot header of an entry", "memory/entry", "pendmap", NULL, "header", 0, 0, 0, PICK_WORST,
	  NULL, 64.0, false },
};

#define TARGETS (sizeof(targets) / sizeof(targets[0]))

static bool is_or_any(const char *wanted, const char *text)
{
	return !wanted || strcmp(wanted, text) == 0;
}

static bool is_meant(const struct target *target, const struct bench_series *series)
{
	const uint64_t size = series->point.size;

	if (series->peer || !series->count || strcmp(series->scenario, target->scenario) != 0 ||
	    strcmp(series->metric, target->metric) != 0 ||
	    !is_or_any(target->subject, series->subject) ||
	    !is_or_any(target->calls, series->calls))
		return false;
	if ((target->size_low && size < target->size_low) ||
	    (target->size_high && size > target->size_high))
		return false;
	if (target->scaling)
		return series->point.threads >= target->threads && !series->oversubscribed;
	return !target->threads || series->point.threads == target->threads;
}

/* Whether the value or the time of @a is better than that of @b. */
static bool is_better(const struct bench_series *a, const struct bench_series *b)
{
	const double one = bench_figure_of(a).median, other = bench_figure_of(b).median;

	return a->better == BENCH_MORE_IS_BETTER ? one > other : one < other;
}

/* The best peer of the point of @series whose name begins with @start. */
static const struct bench_series *find_peer(const struct bench_document *document,
					    const struct bench_series *series, const char *start)
{
	const struct bench_series *best = NULL;

	if (!*start)
		return bench_figure_best_peer(document, series);
	for (uint32_t i = 0; i < document->series_count; i++) {
		const struct bench_series *peer = &document->series[i];

		if (peer->peer && peer->count &&
		    strncmp(peer->subject, start, strlen(start)) == 0 &&
		    strcmp(peer->scenario, series->scenario) == 0 &&
		    strcmp(peer->metric, series->metric) == 0 &&
		    bench_point_equal(&peer->point, &series->point) &&
		    (!best || is_better(peer, best)))
			best = peer;
	}
	return best;
}

/* The same subject, of one thread; NULL also if there are more threads than @series has. */
static const struct bench_series *find_alone(const struct bench_document *document,
					     const struct bench_series *series)
{
	const struct bench_series *alone = NULL;
	struct bench_point point = series->point;

	for (uint32_t i = 0; i < document->series_count; i++) {
		const struct bench_series *other = &document->series[i];

		point.threads = other->point.threads;
		if (!other->count || other->oversubscribed ||
		    strcmp(other->scenario, series->scenario) != 0 ||
		    strcmp(other->subject, series->subject) != 0 ||
		    strcmp(other->calls, series->calls) != 0 ||
		    strcmp(other->metric, series->metric) != 0 ||
		    !bench_point_equal(&other->point, &point))
			continue;
		if (point.threads > series->point.threads)
			return NULL;
		if (point.threads == 1)
			alone = other;
	}
	return alone;
}

/* Makes a headline of @series. False if there is nothing to hold it against. */
static bool make_headline(const struct bench_document *document, const struct target *target,
			  const struct bench_series *series, struct bench_headline *headline)
{
	*headline = (struct bench_headline){ .what = target->what,
					     .series = series,
					     .target = target->target,
					     .target_is_ratio = target->against || target->scaling,
					     .scaling = target->scaling };
	headline->target_is_most = !headline->target_is_ratio;
	if (target->scaling) {
		headline->peer = find_alone(document, series);
		headline->target *= series->point.threads;
	} else if (target->against) {
		headline->peer = find_peer(document, series, target->against);
	}
	return !headline->target_is_ratio ||
	       (headline->peer && !isnan(bench_headline_figure(headline).median));
}

/* Writes the headlines of one target, @room at most. */
static uint32_t write_target(const struct bench_document *document, const struct target *target,
			     struct bench_headline *headlines, uint32_t room)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < document->series_count && count < room; i++) {
		const struct bench_series *series = &document->series[i];
		struct bench_headline headline;

		if (!is_meant(target, series) ||
		    !make_headline(document, target, series, &headline))
			continue;
		if (target->pick == PICK_EACH || count == 0)
			headlines[count++] = headline;
		else if (is_better(series, headlines[0].series) == (target->pick == PICK_BEST))
			headlines[0] = headline;
	}
	return count;
}

uint32_t bench_headlines(const struct bench_document *document, struct bench_headline *headlines)
{
	uint32_t count = 0;

	for (size_t i = 0; i < TARGETS; i++)
		count += write_target(document, &targets[i], headlines + count,
				      BENCH_HEADLINES_MAX - count);
	return count;
}

uint32_t bench_headlines_missing(const struct bench_document *document, const char **whats)
{
	struct bench_headline some[BENCH_HEADLINES_MAX];
	uint32_t count = 0;

	for (size_t i = 0; i < TARGETS; i++) {
		const char *what = targets[i].what;

		if (!write_target(document, &targets[i], some, BENCH_HEADLINES_MAX) &&
		    (!count || strcmp(whats[count - 1], what) != 0))
			whats[count++] = what;
	}
	return count;
}

struct bench_figure bench_headline_figure(const struct bench_headline *headline)
{
	struct bench_figure figure;

	if (!headline->target_is_ratio)
		return bench_figure_of(headline->series);
	figure = bench_figure_ratio(headline->series, headline->peer);
	if (headline->scaling) { /* thread time of one operation: all threads do so many more */
		figure.median *= headline->series->point.threads;
		figure.low *= headline->series->point.threads;
		figure.high *= headline->series->point.threads;
	}
	return figure;
}

bool bench_headline_met(const struct bench_headline *headline, char *text, size_t size)
{
	const struct bench_figure figure = bench_headline_figure(headline);

	bench_format_range(figure.median, figure.low, figure.high,
			   headline->target_is_ratio ? "x" : headline->series->unit, text, size);
	return headline->target_is_most ? figure.median <= headline->target
					: figure.median >= headline->target;
}

void bench_headline_target(const struct bench_headline *headline, char *text, size_t size)
{
	char value[48];

	bench_format_value(headline->target,
			   headline->target_is_ratio ? "x" : headline->series->unit, value,
			   sizeof(value));
	snprintf(text, size, "%s %s", headline->target_is_most ? "<=" : ">=", value);
}
