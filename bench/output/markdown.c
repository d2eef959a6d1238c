/* SPDX-License-Identifier: MIT */
/*
 * markdown.c - a document, to be pasted where Markdown is shown.
 */
#include "bench/output/blocks.h"

#include <errno.h>
#include <string.h>

#include "bench/output/header.h"

/* Texts of others: what would begin a tag or a table is escaped. */
static void write_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (strchr("<|*_`", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void write_item(const char *label, const char *text, FILE *out)
{
	fputs("- ", out);
	write_text(label, out);
	fputs(": ", out);
	write_text(text, out);
	fputc('\n', out);
}

static void write_header(const struct bench_document *document, FILE *out)
{
	const char *warning = bench_document_get(document, BENCH_ABOUT_BUILD, "warning");
	char text[1024];

	fputs("## pendbench\n\n", out);
	for (uint32_t i = 0; i < BENCH_HEADER_LINES; i++) {
		if (!*bench_header_line(document, i, text, sizeof(text)))
			continue;
		write_text(text, out);
		fputs("  \n", out);
	}
	if (*warning) {
		fputs("**Warning:** ", out);
		write_text(warning, out);
		fputs("  \n", out);
	}
	write_text(bench_block_legend, out);
	fputc('\n', out);
}

static void write_headlines(const struct bench_document *document, FILE *out)
{
	const char *missing[BENCH_HEADLINES_MAX];
	const uint32_t count = bench_headlines_missing(document, missing);
	struct bench_grid grid;

	bench_block_headlines(document, &grid);
	if (grid.row_count) {
		fputs("\n### What was asked for, and what was measured\n\n", out);
		bench_grid_markdown(&grid, out);
		for (uint32_t i = 0; i < count; i++)
			fprintf(out, "%s%s", i ? "; " : "\nNot in this run: ", missing[i]);
		fputs(count ? ".\n" : "", out);
	}
	bench_grid_free(&grid);
}

static int write_scenario(const struct bench_document *document, const char *scenario, FILE *out)
{
	struct bench_block block;
	struct bench_grid dips;

	if (bench_block_make(document, scenario, &block))
		return -ENOMEM;
	fprintf(out, "\n### %s\n%s", scenario, block.heading[0] ? "\n" : "");
	write_text(block.heading, out);
	fputs(block.heading[0] ? "\n" : "", out);
	for (uint32_t i = 0; i < block.part_count; i++) {
		if (!block.parts[i].grid.row_count)
			continue;
		fputc('\n', out);
		if (block.parts[i].title[0]) {
			write_text(block.parts[i].title, out);
			fputs("\n\n", out);
		}
		bench_grid_markdown(&block.parts[i].grid, out);
	}
	bench_block_free(&block);
	bench_block_dips(document, scenario, &dips);
	fputs(dips.row_count ? "\n" : "", out);
	bench_grid_markdown(&dips, out);
	bench_grid_free(&dips);
	return 0;
}

static void write_reasons(const struct bench_document *document, FILE *out)
{
	char label[96];
	bool any = false;

	for (uint32_t i = 0; i < document->series_count; i++) {
		const struct bench_series *series = &document->series[i];

		if (!bench_block_is_reason(document, i))
			continue;
		fputs(any ? "" : "\n### Not measured\n\n", out);
		any = true;
		snprintf(label, sizeof(label), "%s, %s", series->scenario, series->subject);
		write_item(label, series->skipped, out);
	}
}

int bench_markdown_write(const struct bench_document *document, FILE *out)
{
	const char *names[BENCH_SCENARIOS_MAX];
	const uint32_t count = bench_block_scenarios(document, names);
	int error = 0;

	write_header(document, out);
	write_headlines(document, out);
	for (uint32_t i = 0; i < count && !error; i++)
		error = write_scenario(document, names[i], out);
	write_reasons(document, out);
	if (document->note_count || document->finding_count)
		fputs("\n### Notes\n\n", out);
	for (uint32_t i = 0; i < document->note_count; i++)
		if (!bench_block_is_told(document, document->notes[i]))
			write_item("note", document->notes[i], out);
	for (uint32_t i = 0; i < document->finding_count; i++)
		if (document->findings[i].severity != BENCH_FINE)
			write_item(document->findings[i].name, document->findings[i].text, out);
	return error || fflush(out) || ferror(out) ? -EIO : 0;
}
