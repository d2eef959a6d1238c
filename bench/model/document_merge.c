/* SPDX-License-Identifier: MIT */
/*
 * document_merge.c - the documents of many processes in one.
 *
 * What processes have in common is there once; what they measured keeps the number of its process.
 */
#include "bench/model/document.h"

#include <errno.h>
#include <string.h>

#define EXIT_WRONG 4 /* options.h: worse than any other */

static const char *const about_words[BENCH_ABOUTS] = { "host", "build", "config" };

static int merge_facts(struct bench_document *into, const struct bench_document *from,
		       enum bench_about about, uint32_t process)
{
	int error = 0;

	for (uint32_t i = 0; !error && i < from->fact_count[about]; i++) {
		const struct bench_fact *fact = &from->facts[about][i];
		const char *old = bench_document_get(into, about, fact->name);

		if (!*old)
			error = bench_document_set(into, about, fact->name, "%s", fact->value);
		else if (strcmp(old, fact->value) != 0)
			error = bench_document_note(
				into, "process %u differs in %s %s: %.60s, not %.60s", process,
				about_words[about], fact->name, fact->value, old);
	}
	return error;
}

static int merge_series(struct bench_document *into, const struct bench_series *from,
			uint32_t process)
{
	struct bench_series *series = bench_document_series(into, from);
	char name[160];

	if (!series)
		return -ENOMEM;
	if (!from->count && series->count && *from->skipped)
		return bench_document_note(into, "process %u has no %s: %s", process,
					   bench_series_format(from, name, sizeof(name)),
					   from->skipped);
	for (uint32_t i = 0; i < from->count; i++) {
		struct bench_value value = from->values[i];

		value.process = process;
		if (bench_series_add(series, &value))
			return -ENOMEM;
	}
	return 0;
}

static int merge_timeline(struct bench_document *into, const struct bench_timeline *from,
			  uint32_t process)
{
	struct bench_timeline like = *from, *timeline;

	like.process = process;
	timeline = bench_document_timeline(into, &like);
	if (!timeline)
		return -ENOMEM;
	for (uint32_t i = 0; i < from->row_count; i++)
		if (bench_timeline_add(timeline, from->cells + (size_t)i * from->column_count))
			return -ENOMEM;
	return 0;
}

static int merge_rest(struct bench_document *into, const struct bench_document *from,
		      uint32_t process)
{
	int error = 0;

	for (uint32_t i = 0; !error && i < from->ledger_count; i++) {
		struct bench_ledger ledger = from->ledgers[i];

		ledger.process = process;
		error = bench_document_ledger(into, &ledger);
	}
	for (uint32_t i = 0; !error && i < from->finding_count; i++)
		error = bench_document_find_out(into, &from->findings[i]);
	for (uint32_t i = 0; !error && i < from->note_count; i++)
		error = bench_document_note(into, "%s", from->notes[i]);
	return error;
}

int bench_document_merge(struct bench_document *into, const struct bench_document *from,
			 uint32_t process)
{
	int error = 0;

	for (uint32_t about = 0; !error && about < BENCH_ABOUTS; about++)
		error = merge_facts(into, from, about, process);
	for (uint32_t i = 0; !error && i < from->series_count; i++)
		error = merge_series(into, &from->series[i], process);
	for (uint32_t i = 0; !error && i < from->timeline_count; i++)
		error = merge_timeline(into, &from->timelines[i], process);
	for (uint32_t i = 0; !error && i < from->spectrum_count; i++)
		error = bench_document_spectrum(into, &from->spectra[i], from->spectra[i].bars,
						from->spectra[i].bar_count);
	if (!error)
		error = merge_rest(into, from, process);
	if (error)
		return error;
	if (into->process_count <= process)
		into->process_count = process + 1;
	into->took_s += from->took_s;
	if (from->exit_status == EXIT_WRONG ||
	    (into->exit_status != EXIT_WRONG && from->exit_status > into->exit_status))
		into->exit_status = from->exit_status;
	return 0;
}
