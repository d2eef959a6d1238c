/* SPDX-License-Identifier: MIT */
/*
 * tables.c - a document as a person reads it in a terminal.
 */
#include "bench/output/blocks.h"

#include <string.h>

#include "bench/output/header.h"

static void print_title(const struct bench_style *style, const char *title, const char *text)
{
	char label[80];

	fputc('\n', style->out);
	snprintf(label, sizeof(label), "%s%s", title, *text ? "  " : "");
	bench_print_wrapped(style, BENCH_TONE_STRONG, label, text);
}

static void print_header(const struct bench_style *style, const struct bench_document *document)
{
	const char *warning = bench_document_get(document, BENCH_ABOUT_BUILD, "warning");
	char text[1024];

	for (uint32_t i = 0; i < BENCH_HEADER_LINES; i++)
		if (*bench_header_line(document, i, text, sizeof(text)))
			bench_print_wrapped(style, BENCH_TONE_PLAIN, "", text);
	if (*warning)
		bench_print_wrapped(style, BENCH_TONE_BAD, "WARNING: ", warning);
	bench_print_wrapped(style, BENCH_TONE_FAINT, "", bench_block_legend);
}

static void print_reasons(const struct bench_style *style, const struct bench_document *document,
			  const char *scenario)
{
	char label[48];

	for (uint32_t i = 0; i < document->series_count; i++) {
		const struct bench_series *series = &document->series[i];

		if (strcmp(series->scenario, scenario) != 0 || !bench_block_is_reason(document, i))
			continue;
		snprintf(label, sizeof(label), "  %s: ", series->subject);
		bench_print_wrapped(style, BENCH_TONE_PLAIN, label, series->skipped);
	}
}

static void print_scenario(const struct bench_style *style, const struct bench_document *document,
			   const char *scenario)
{
	struct bench_block block;
	struct bench_grid dips;

	if (bench_block_make(document, scenario, &block)) {
		print_title(style, scenario, "(no memory to show it)");
		return;
	}
	print_title(style, scenario, block.heading);
	for (uint32_t i = 0; i < block.part_count; i++) {
		if (!block.parts[i].grid.row_count)
			continue;
		if (block.parts[i].title[0])
			fprintf(style->out, "  %s\n", block.parts[i].title);
		bench_grid_print(&block.parts[i].grid, style);
	}
	bench_block_free(&block);
	bench_block_dips(document, scenario, &dips);
	bench_grid_print(&dips, style);
	bench_grid_free(&dips);
	print_reasons(style, document, scenario);
}

static void print_missing(const struct bench_style *style, const char *const *missing,
			  uint32_t count)
{
	char text[64 * BENCH_HEADLINES_MAX] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? "; " : "",
					 missing[i]);
	if (count)
		bench_print_wrapped(style, BENCH_TONE_FAINT, "  not in this run: ", text);
}

static void print_headlines(const struct bench_style *style, const struct bench_document *document)
{
	const char *missing[BENCH_HEADLINES_MAX];
	const uint32_t count = bench_headlines_missing(document, missing);
	struct bench_grid grid;

	bench_block_headlines(document, &grid);
	if (grid.row_count) {
		print_title(style, "What was asked for, and what was measured", "");
		bench_grid_print(&grid, style);
		print_missing(style, missing, count);
	}
	bench_grid_free(&grid);
}

void bench_tables_print(const struct bench_style *style, const struct bench_document *document)
{
	const char *names[BENCH_SCENARIOS_MAX];
	const uint32_t count = bench_block_scenarios(document, names);

	print_header(style, document);
	for (uint32_t i = 0; i < count; i++)
		print_scenario(style, document, names[i]);
	print_headlines(style, document);
	if (document->note_count || document->finding_count)
		fputc('\n', style->out);
	for (uint32_t i = 0; i < document->note_count; i++)
		if (!bench_block_is_told(document, document->notes[i]))
			bench_print_wrapped(style, BENCH_TONE_STRONG, "note: ", document->notes[i]);
	bench_findings_print(style, document);
}
