/* SPDX-License-Identifier: MIT */
/*
 * grid.c - a table of texts, for a terminal or as Markdown.
 *
 * Widths are counted in characters of UTF-8, each of which is taken to be one column wide.
 */
#include "bench/output/grid.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN 2u /* before a row, and between columns, unless only 1 makes all fit */
#define COLUMNS_DEFAULT 100u
#define COLUMNS_LEAST 60u

struct shape {
	uint32_t width[BENCH_GRID_COLUMNS]; /* 0: nothing in it */
	uint32_t idle[BENCH_GRID_COLUMNS];  /* blanks that end all texts */
	uint32_t margin;                    /* between columns */
};

static uint32_t text_width(const char *text)
{
	uint32_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static uint32_t blanks_at_end(const char *text)
{
	uint32_t blanks = 0;

	for (; *text; text++)
		blanks = *text == ' ' ? blanks + 1 : 0;
	return blanks;
}

const char *bench_tone_begin(const struct bench_style *style, enum bench_tone tone)
{
	static const char *const codes[BENCH_TONES] = {
		[BENCH_TONE_PLAIN] = "",        [BENCH_TONE_STRONG] = "\033[1m",
		[BENCH_TONE_GOOD] = "\033[32m", [BENCH_TONE_BAD] = "\033[31m",
		[BENCH_TONE_FAINT] = "\033[2m",
	};

	return style->colour ? codes[tone] : "";
}

const char *bench_tone_end(const struct bench_style *style, enum bench_tone tone)
{
	return style->colour && tone != BENCH_TONE_PLAIN ? "\033[0m" : "";
}

uint32_t bench_style_columns(const struct bench_style *style)
{
	const uint32_t columns = style->columns ? style->columns : COLUMNS_DEFAULT;

	return columns < COLUMNS_LEAST ? COLUMNS_LEAST : columns;
}

void bench_grid_init(struct bench_grid *grid)
{
	memset(grid, 0, sizeof(*grid));
}

void bench_grid_free(struct bench_grid *grid)
{
	free(grid->cells);
	bench_grid_init(grid);
}

uint32_t bench_grid_column(struct bench_grid *grid, enum bench_column_kind kind, const char *format,
			   ...)
{
	uint32_t column = grid->column_count;
	va_list arguments;

	if (column == BENCH_GRID_COLUMNS) {
		grid->failed = true;
		return column - 1;
	}
	grid->columns[column].kind = kind;
	va_start(arguments, format);
	vsnprintf(grid->columns[column].head, sizeof(grid->columns[column].head), format,
		  arguments);
	va_end(arguments);
	grid->column_count++;
	return column;
}

void bench_grid_row(struct bench_grid *grid)
{
	if (grid->row_count == grid->room) {
		const uint32_t room = grid->room ? 2 * grid->room : 16;
		struct bench_grid_cell *cells =
			realloc(grid->cells, (size_t)room * grid->column_count * sizeof(*cells));

		if (!cells) {
			grid->failed = true;
			return;
		}
		grid->cells = cells;
		grid->room = room;
	}
	memset(&grid->cells[(size_t)grid->row_count * grid->column_count], 0,
	       grid->column_count * sizeof(*grid->cells));
	grid->row_count++;
}

static struct bench_grid_cell *cell_at(const struct bench_grid *grid, uint32_t row, uint32_t column)
{
	return &grid->cells[(size_t)row * grid->column_count + column];
}

void bench_grid_set(struct bench_grid *grid, uint32_t column, enum bench_tone tone,
		    const char *format, ...)
{
	struct bench_grid_cell *cell;
	va_list arguments;

	if (grid->failed || !grid->row_count)
		return;
	cell = cell_at(grid, grid->row_count - 1, column);
	cell->tone = tone;
	va_start(arguments, format);
	vsnprintf(cell->text, sizeof(cell->text), format, arguments);
	va_end(arguments);
}

static void measure_column(const struct bench_grid *grid, uint32_t column, struct shape *shape)
{
	uint32_t width = 0, idle = UINT32_MAX;

	for (uint32_t row = 0; row < grid->row_count; row++) {
		const char *text = cell_at(grid, row, column)->text;
		const uint32_t blanks = blanks_at_end(text);

		if (!*text)
			continue;
		if (text_width(text) > width)
			width = text_width(text);
		if (blanks < idle)
			idle = blanks;
	}
	shape->width[column] = 0;
	shape->idle[column] = idle;
	if (!width)
		return;
	width -= idle < width ? idle : width;
	if (text_width(grid->columns[column].head) > width)
		width = text_width(grid->columns[column].head);
	shape->width[column] = width ? width : 1;
}

static void pad(FILE *out, uint32_t count)
{
	fprintf(out, "%*s", (int)count, "");
}

/* Prints one text of a column; @blanks that are owed before it are printed when there is one. */
static void print_text(const struct bench_style *style, const char *text, enum bench_tone tone,
		       enum bench_column_kind kind, uint32_t width, uint32_t idle, uint32_t *blanks)
{
	const int length = (int)(strlen(text) - blanks_at_end(text)); /* in bytes */
	const uint32_t all = text_width(text);
	const uint32_t used = all - (idle < all ? idle : all); /* blanks at the end included */
	const uint32_t before = kind == BENCH_COLUMN_FIGURE && used < width ? width - used : 0;
	const uint32_t shown = all - blanks_at_end(text);

	if (!shown) {
		*blanks += width;
		return;
	}
	pad(style->out, *blanks + before);
	fprintf(style->out, "%s%.*s%s", bench_tone_begin(style, tone), length, text,
		bench_tone_end(style, tone));
	*blanks = before + shown < width ? width - before - shown : 0;
}

/* Whether a column is shown in the part of the columns @from up to @until. */
static bool is_shown(const struct bench_grid *grid, const struct shape *shape, uint32_t column,
		     uint32_t from, uint32_t until)
{
	return shape->width[column] && (grid->columns[column].kind == BENCH_COLUMN_LABEL ||
					(column >= from && column < until));
}

/* Prints the heads (@row -1) or a row of a part; a row with nothing but labels only in the first. */
static void print_line(const struct bench_grid *grid, const struct bench_style *style,
		       const struct shape *shape, int64_t row, uint32_t from, uint32_t until)
{
	uint32_t blanks = 0, shown = 0;
	bool any = row < 0 || from == 0;

	for (uint32_t i = from; i < until && !any; i++)
		any = shape->width[i] && cell_at(grid, (uint32_t)row, i)->text[0] &&
		      grid->columns[i].kind != BENCH_COLUMN_LABEL;
	if (!any)
		return;
	for (uint32_t i = 0; i < grid->column_count; i++) {
		const char *text = grid->columns[i].head;
		enum bench_tone tone = BENCH_TONE_FAINT;
		uint32_t idle = 0;

		if (!is_shown(grid, shape, i, from, until))
			continue;
		blanks += shown++ ? shape->margin : MARGIN;
		if (row >= 0) {
			text = cell_at(grid, (uint32_t)row, i)->text;
			tone = cell_at(grid, (uint32_t)row, i)->tone;
			idle = shape->idle[i];
		}
		print_text(style, text, tone, grid->columns[i].kind, shape->width[i], idle,
			   &blanks);
	}
	fputc('\n', style->out);
}

/* Where the part that begins at @from ends: before the column that does not fit. */
static uint32_t part_end(const struct bench_grid *grid, const struct shape *shape, uint32_t from,
			 uint32_t columns)
{
	uint32_t used = MARGIN - shape->margin, taken = 0, i;

	for (i = 0; i < grid->column_count; i++)
		if (grid->columns[i].kind == BENCH_COLUMN_LABEL && shape->width[i])
			used += shape->width[i] + shape->margin;
	for (i = from; i < grid->column_count; i++) {
		if (grid->columns[i].kind == BENCH_COLUMN_LABEL || !shape->width[i])
			continue;
		used += shape->width[i] + shape->margin;
		if (used > columns && taken)
			break;
		taken++;
	}
	return i;
}

static void measure(const struct bench_grid *grid, uint32_t columns, struct shape *shape)
{
	for (uint32_t i = 0; i < grid->column_count; i++)
		measure_column(grid, i, shape);
	shape->margin = MARGIN;
	if (part_end(grid, shape, 0, columns) == grid->column_count)
		return;
	shape->margin = 1;
	if (part_end(grid, shape, 0, columns) < grid->column_count)
		shape->margin = MARGIN;
}

void bench_grid_print(const struct bench_grid *grid, const struct bench_style *style)
{
	struct shape shape;
	uint32_t from = 0;

	if (!grid->row_count)
		return;
	measure(grid, bench_style_columns(style), &shape);
	while (from < grid->column_count) {
		const uint32_t until = part_end(grid, &shape, from, bench_style_columns(style));

		for (int64_t row = -1; row < (int64_t)grid->row_count; row++)
			print_line(grid, style, &shape, row, from, until);
		from = until;
	}
	if (grid->failed)
		fputs("  (not all of this table: no memory)\n", style->out);
}

/* A cell of Markdown: no blanks around it, only single ones and no bars in it. */
static void print_markdown(const char *text, FILE *out)
{
	const char *end = text + strlen(text) - blanks_at_end(text);

	text += strspn(text, " ");
	fputs("| ", out);
	for (; text < end; text++) {
		if (text[0] == ' ' && text[1] == ' ')
			continue;
		if (*text == '|' || *text == '<' || *text == '*' || *text == '_')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc(' ', out);
}

void bench_grid_markdown(const struct bench_grid *grid, FILE *out)
{
	struct shape shape;

	if (!grid->row_count)
		return;
	for (uint32_t i = 0; i < grid->column_count; i++)
		measure_column(grid, i, &shape);
	for (int64_t row = -2; row < (int64_t)grid->row_count; row++) {
		for (uint32_t i = 0; i < grid->column_count; i++) {
			if (!shape.width[i])
				continue;
			if (row == -2)
				print_markdown(grid->columns[i].head, out);
			else if (row == -1)
				fputs(grid->columns[i].kind == BENCH_COLUMN_FIGURE ? "| ---: "
										   : "| --- ",
				      out);
			else
				print_markdown(cell_at(grid, (uint32_t)row, i)->text, out);
		}
		fputs("|\n", out);
	}
}

void bench_print_wrapped(const struct bench_style *style, enum bench_tone tone, const char *label,
			 const char *text)
{
	const uint32_t indent = text_width(label), columns = bench_style_columns(style);
	uint32_t used = indent;
	bool first = true; /* of the line */

	if (*label)
		fprintf(style->out, "%s%s%s", bench_tone_begin(style, tone), label,
			bench_tone_end(style, tone));
	while (*(text += strspn(text, " \n"))) {
		const size_t length = strcspn(text, " \n");
		char word[256];

		snprintf(word, sizeof(word), "%.*s", (int)length, text);
		if (!first && used + 1 + text_width(word) > columns) {
			fprintf(style->out, "\n%*s", (int)indent, "");
			used = indent;
			first = true;
		}
		fprintf(style->out, "%s%s", first ? "" : " ", word);
		used += text_width(word) + !first;
		first = false;
		text += length;
	}
	fputc('\n', style->out);
}
