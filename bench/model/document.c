/* SPDX-License-Identifier: MIT */
/*
 * document.c - everything that one or more processes measured: how it is kept.
 *
 * Arrays without a room of their own have room for the next power of two above their count, 8 or
 * more, so that an array is full just when its count is such a power.
 *
 * Searches begin at the end: who adds values adds them to what was added last.
 */
#include "bench/model/document.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_LEAST 8u

/* The array, with room for one more than @count; NULL: no memory, the array is as it was. */
static void *with_room(void *array, uint32_t count, size_t size)
{
	const bool full = !count || (count >= ROOM_LEAST && !(count & (count - 1)));

	if (!full)
		return array;
	return realloc(array, (count ? 2 * (size_t)count : ROOM_LEAST) * size);
}

static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

bool bench_point_equal(const struct bench_point *a, const struct bench_point *b)
{
	return a->size == b->size && a->threads == b->threads && a->occupancy == b->occupancy &&
	       a->rate == b->rate && !strcmp(a->keys, b->keys);
}

static bool same_series(const struct bench_series *a, const struct bench_series *b)
{
	return bench_point_equal(&a->point, &b->point) && !strcmp(a->scenario, b->scenario) &&
	       !strcmp(a->subject, b->subject) && !strcmp(a->calls, b->calls) &&
	       !strcmp(a->metric, b->metric);
}

static bool same_timeline(const struct bench_timeline *a, const struct bench_timeline *b)
{
	return a->process == b->process && bench_point_equal(&a->point, &b->point) &&
	       !strcmp(a->scenario, b->scenario) && !strcmp(a->subject, b->subject);
}

static bool same_spectrum(const struct bench_spectrum *a, const struct bench_spectrum *b)
{
	return bench_point_equal(&a->point, &b->point) && !strcmp(a->scenario, b->scenario) &&
	       !strcmp(a->subject, b->subject) && !strcmp(a->kind, b->kind);
}

void bench_document_init(struct bench_document *document)
{
	memset(document, 0, sizeof(*document));
}

void bench_document_free(struct bench_document *document)
{
	for (uint32_t about = 0; about < BENCH_ABOUTS; about++)
		free(document->facts[about]);
	for (uint32_t i = 0; i < document->series_count; i++)
		free(document->series[i].values);
	for (uint32_t i = 0; i < document->timeline_count; i++)
		free(document->timelines[i].cells);
	for (uint32_t i = 0; i < document->spectrum_count; i++)
		free(document->spectra[i].bars);
	free(document->series);
	free(document->timelines);
	free(document->spectra);
	free(document->ledgers);
	free(document->findings);
	free(document->notes);
	bench_document_init(document);
}

static struct bench_fact *find_fact(const struct bench_document *document, enum bench_about about,
				    const char *name)
{
	for (uint32_t i = 0; i < document->fact_count[about]; i++)
		if (!strncmp(document->facts[about][i].name, name,
			     sizeof(document->facts[about][i].name) - 1))
			return &document->facts[about][i];
	return NULL;
}

int bench_document_set(struct bench_document *document, enum bench_about about, const char *name,
		       const char *format, ...)
{
	struct bench_fact *fact = find_fact(document, about, name);
	va_list arguments;

	if (!fact) {
		struct bench_fact *facts = with_room(document->facts[about],
						     document->fact_count[about], sizeof(*facts));

		if (!facts)
			return -ENOMEM;
		document->facts[about] = facts;
		fact = &facts[document->fact_count[about]++];
		copy_text(fact->name, sizeof(fact->name), name);
	}
	va_start(arguments, format);
	vsnprintf(fact->value, sizeof(fact->value), format, arguments);
	va_end(arguments);
	return 0;
}

const char *bench_document_get(const struct bench_document *document, enum bench_about about,
			       const char *name)
{
	const struct bench_fact *fact = find_fact(document, about, name);

	return fact ? fact->value : "";
}

int bench_document_note(struct bench_document *document, const char *format, ...)
{
	char text[sizeof(*document->notes)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	for (uint32_t i = 0; i < document->note_count; i++)
		if (!strcmp(document->notes[i], text))
			return 0;

	char(*notes)[sizeof(text)] = with_room(document->notes, document->note_count, sizeof(text));

	if (!notes)
		return -ENOMEM;
	document->notes = notes;
	memcpy(notes[document->note_count++], text, sizeof(text));
	return 0;
}

/* Of two findings of one name the more severe stays. */
int bench_document_find_out(struct bench_document *document, const struct bench_finding *finding)
{
	for (uint32_t i = 0; i < document->finding_count; i++) {
		struct bench_finding *old = &document->findings[i];

		if (strcmp(old->name, finding->name) != 0)
			continue;
		if (finding->severity > old->severity)
			*old = *finding;
		return 0;
	}

	struct bench_finding *findings =
		with_room(document->findings, document->finding_count, sizeof(*findings));

	if (!findings)
		return -ENOMEM;
	document->findings = findings;
	findings[document->finding_count++] = *finding;
	return 0;
}

static uint32_t series_index(const struct bench_document *document, const struct bench_series *like)
{
	uint32_t i = document->series_count;

	while (i-- > 0 && !same_series(&document->series[i], like))
		;
	return i; /* UINT32_MAX: none */
}

const struct bench_series *bench_document_find(const struct bench_document *document,
					       const struct bench_series *like)
{
	const uint32_t i = series_index(document, like);

	return i == UINT32_MAX ? NULL : &document->series[i];
}

struct bench_series *bench_document_series(struct bench_document *document,
					   const struct bench_series *like)
{
	const uint32_t i = series_index(document, like);

	if (i != UINT32_MAX)
		return &document->series[i];

	struct bench_series *series =
		with_room(document->series, document->series_count, sizeof(*series));

	if (!series)
		return NULL;
	document->series = series;
	series += document->series_count++;
	*series = *like;
	series->values = NULL;
	series->count = series->room = 0;
	return series;
}

int bench_series_add(struct bench_series *series, const struct bench_value *value)
{
	if (series->count == series->room) {
		const uint32_t room = series->room ? 2 * series->room : ROOM_LEAST;
		struct bench_value *values = realloc(series->values, room * sizeof(*values));

		if (!values)
			return -ENOMEM;
		series->values = values;
		series->room = room;
	}
	series->values[series->count++] = *value;
	*series->skipped = 0;
	return 0;
}

struct bench_timeline *bench_document_timeline(struct bench_document *document,
					       const struct bench_timeline *like)
{
	for (uint32_t i = document->timeline_count; i-- > 0;)
		if (same_timeline(&document->timelines[i], like))
			return &document->timelines[i];

	struct bench_timeline *timeline =
		with_room(document->timelines, document->timeline_count, sizeof(*timeline));

	if (!timeline)
		return NULL;
	document->timelines = timeline;
	timeline += document->timeline_count++;
	*timeline = *like;
	timeline->cells = NULL;
	timeline->row_count = timeline->room = 0;
	return timeline;
}

int bench_timeline_add(struct bench_timeline *timeline, const double *cells)
{
	const size_t width = timeline->column_count;

	if (timeline->row_count == timeline->room) {
		const uint32_t room = timeline->room ? 2 * timeline->room : ROOM_LEAST;
		double *grown =
			realloc(timeline->cells, (width ? width : 1) * room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		timeline->cells = grown;
		timeline->room = room;
	}
	memcpy(timeline->cells + timeline->row_count++ * width, cells, width * sizeof(*cells));
	return 0;
}

static struct bench_spectrum *find_spectrum(struct bench_document *document,
					    const struct bench_spectrum *like)
{
	for (uint32_t i = document->spectrum_count; i-- > 0;)
		if (same_spectrum(&document->spectra[i], like))
			return &document->spectra[i];

	struct bench_spectrum *spectra =
		with_room(document->spectra, document->spectrum_count, sizeof(*spectra));

	if (!spectra)
		return NULL;
	document->spectra = spectra;
	spectra += document->spectrum_count++;
	*spectra = *like;
	spectra->bars = NULL;
	spectra->bar_count = 0;
	spectra->most = 0;
	return spectra;
}

/* Writes both, which ascend, as one that does; returns how many that are. */
static uint32_t merge_bars(const struct bench_bar *a, uint32_t a_count, const struct bench_bar *b,
			   uint32_t b_count, struct bench_bar *both)
{
	uint32_t count = 0, i = 0, j = 0;

	while (i < a_count || j < b_count) {
		const bool from_a = j == b_count || (i < a_count && a[i].bound <= b[j].bound);
		const struct bench_bar *bar = from_a ? &a[i++] : &b[j++];

		if (!bar->count)
			continue;
		if (count && both[count - 1].bound == bar->bound)
			both[count - 1].count += bar->count;
		else
			both[count++] = *bar;
	}
	return count;
}

int bench_document_spectrum(struct bench_document *document, const struct bench_spectrum *like,
			    const struct bench_bar *bars, uint32_t count)
{
	struct bench_spectrum *spectrum = find_spectrum(document, like);
	struct bench_bar *both;

	if (!spectrum)
		return -ENOMEM;
	both = malloc(((size_t)spectrum->bar_count + count + 1) * sizeof(*both));
	if (!both)
		return -ENOMEM;
	spectrum->bar_count = merge_bars(spectrum->bars, spectrum->bar_count, bars, count, both);
	free(spectrum->bars);
	spectrum->bars = both;
	if (like->most > spectrum->most)
		spectrum->most = like->most;
	return 0;
}

int bench_document_ledger(struct bench_document *document, const struct bench_ledger *ledger)
{
	struct bench_ledger *ledgers =
		with_room(document->ledgers, document->ledger_count, sizeof(*ledgers));

	if (!ledgers)
		return -ENOMEM;
	document->ledgers = ledgers;
	ledgers[document->ledger_count++] = *ledger;
	return 0;
}
