/* SPDX-License-Identifier: MIT */
/*
 * grid.h - a table of texts, for a terminal or as Markdown.
 *
 *	labels (repeated where the rest wraps) | texts and figures
 *
 * Columns are added first, then rows; a column with nothing in it is not shown, and where the
 * terminal is too narrow for all of them the others follow below, beside the labels once more.
 * Blanks that end all texts of a column are not shown either.
 */
#ifndef BENCH_OUTPUT_GRID_H
#define BENCH_OUTPUT_GRID_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/output/output.h"

#define BENCH_GRID_COLUMNS 48u

enum bench_tone {
	BENCH_TONE_PLAIN,
	BENCH_TONE_STRONG,
	BENCH_TONE_GOOD,
	BENCH_TONE_BAD,
	BENCH_TONE_FAINT,
	BENCH_TONES,
};

enum bench_column_kind {
	BENCH_COLUMN_LABEL,  /* left, repeated */
	BENCH_COLUMN_TEXT,   /* left */
	BENCH_COLUMN_FIGURE, /* right */
};

struct bench_grid_cell {
	char text[120];
	enum bench_tone tone;
};

struct bench_grid {
	struct {
		enum bench_column_kind kind;
		char head[48];
	} columns[BENCH_GRID_COLUMNS];
	uint32_t column_count;
	struct bench_grid_cell *cells; /* row by row */
	uint32_t row_count;
	uint32_t room;
	bool failed; /* no memory, or too many columns: what is shown is not all */
};

void bench_grid_init(struct bench_grid *grid);
void bench_grid_free(struct bench_grid *grid);

/* Adds a column, before the first row. Returns its number. */
uint32_t bench_grid_column(struct bench_grid *grid, enum bench_column_kind kind, const char *format,
			   ...) __attribute__((format(printf, 3, 4)));

void bench_grid_row(struct bench_grid *grid);

/* Sets a cell of the last row. */
void bench_grid_set(struct bench_grid *grid, uint32_t column, enum bench_tone tone,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

void bench_grid_print(const struct bench_grid *grid, const struct bench_style *style);
void bench_grid_markdown(const struct bench_grid *grid, FILE *out);

/* The codes that begin and end a tone, or "". */
const char *bench_tone_begin(const struct bench_style *style, enum bench_tone tone);
const char *bench_tone_end(const struct bench_style *style, enum bench_tone tone);

uint32_t bench_style_columns(const struct bench_style *style);

/* Prints @text behind @label in lines that fit, each but the first as far in as the label is long. */
void bench_print_wrapped(const struct bench_style *style, enum bench_tone tone, const char *label,
			 const char *text);

#endif
