/* SPDX-License-Identifier: MIT */
/*
 * comparisons.c - what changed, in words and figures.
 *
 *	steady/key 64Ki 2T pendmap batch
 *	    67.2 -> 70.1 ns   +4.3 % [+2.9 +5.8]   p 0.001   threshold 2.0 %   slower
 *
 * What is worse comes first, then what is better, then what cannot be said; the largest first.
 */
#include "bench/output/grid.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/output/format.h"
#include "bench/output/header.h"

static const struct {
	const char *word;
	uint32_t rank;
	enum bench_tone tone;
} verdicts[] = {
	[BENCH_VERDICT_SAME] = { "no change", 3, BENCH_TONE_PLAIN },
	[BENCH_VERDICT_BETTER] = { "better", 1, BENCH_TONE_GOOD },
	[BENCH_VERDICT_WORSE] = { "worse", 0, BENCH_TONE_BAD },
	[BENCH_VERDICT_INCONCLUSIVE] = { "inconclusive", 2, BENCH_TONE_STRONG },
};

static int compare_ranks(const void *a, const void *b)
{
	const struct bench_comparison *one = *(const struct bench_comparison *const *)a;
	const struct bench_comparison *other = *(const struct bench_comparison *const *)b;
	const double one_change = fabs(one->change), other_change = fabs(other->change);

	if (verdicts[one->verdict].rank != verdicts[other->verdict].rank)
		return verdicts[one->verdict].rank < verdicts[other->verdict].rank ? -1 : 1;
	return one_change > other_change ? -1 : one_change < other_change;
}

/* Pointers to the comparisons in the order they are shown, to be freed. NULL: no memory. */
static const struct bench_comparison **sort(const struct bench_comparison *comparisons,
					    uint32_t count)
{
	const struct bench_comparison **sorted = calloc(count + 1, sizeof(*sorted));

	if (!sorted)
		return NULL;
	for (uint32_t i = 0; i < count; i++)
		sorted[i] = &comparisons[i];
	qsort(sorted, count, sizeof(*sorted), compare_ranks);
	return sorted;
}

/* "67.2 -> 70.1 ns" */
static char *format_values(const struct bench_comparison *comparison, char *text, size_t size)
{
	char base[48], now[48];
	const char *unit = comparison->now->unit;

	bench_format_value(comparison->base_value, unit, base, sizeof(base));
	bench_format_value(comparison->now_value, unit, now, sizeof(now));
	snprintf(text, size, "%s -> %s", base, now);
	return text;
}

static char *format_percent(double share, bool sign, char *text, size_t size)
{
	if (isnan(share))
		snprintf(text, size, "-");
	else
		snprintf(text, size, sign ? "%+.1f" : "%.1f", 100 * share);
	return text;
}

static char *format_interval(const struct bench_comparison *comparison, char *text, size_t size)
{
	char low[24], high[24];

	format_percent(comparison->low, true, low, sizeof(low));
	format_percent(comparison->high, true, high, sizeof(high));
	snprintf(text, size, "[%s %s]", low, high);
	return text;
}

static void print_comparison(const struct bench_style *style,
			     const struct bench_comparison *comparison)
{
	const enum bench_tone tone = verdicts[comparison->verdict].tone;
	char name[160], values[112], change[24], interval[64], p[24] = "-", limit[24];

	if (!isnan(comparison->p))
		snprintf(p, sizeof(p), "%.3f", comparison->p);
	fprintf(style->out, "%s\n", bench_series_format(comparison->now, name, sizeof(name)));
	fprintf(style->out, "    %-22s %7s %% %-16s  p %s  threshold %s %%   %s%s%s\n",
		format_values(comparison, values, sizeof(values)),
		format_percent(comparison->change, true, change, sizeof(change)),
		format_interval(comparison, interval, sizeof(interval)), p,
		format_percent(comparison->threshold, false, limit, sizeof(limit)),
		bench_tone_begin(style, tone), bench_verdict_word(comparison),
		bench_tone_end(style, tone));
	if (comparison->reason[0])
		bench_print_wrapped(style, BENCH_TONE_PLAIN, "    because ", comparison->reason);
}

static void print_sums(const struct bench_comparison *comparisons, uint32_t count, FILE *out)
{
	static const enum bench_verdict order[] = { BENCH_VERDICT_WORSE, BENCH_VERDICT_BETTER,
						    BENCH_VERDICT_INCONCLUSIVE,
						    BENCH_VERDICT_SAME };

	for (uint32_t i = 0; i < 4; i++) {
		uint32_t sum = 0;

		for (uint32_t n = 0; n < count; n++)
			sum += comparisons[n].verdict == order[i];
		fprintf(out, "%s%u %s", i ? ", " : "", sum, verdicts[order[i]].word);
	}
	fprintf(out, "; %u compared\n", count);
}

static void print_sides(const struct bench_style *style, const struct bench_document *base,
			const struct bench_document *now)
{
	static const char *const labels[BENCH_HEADER_LINES] = { "machine: ", "build:   ",
								"plan:    " };
	char old_line[1024], new_line[1024], both[2100];

	for (uint32_t i = 0; i < BENCH_HEADER_LINES; i++) {
		bench_header_line(base, i, old_line, sizeof(old_line));
		bench_header_line(now, i, new_line, sizeof(new_line));
		if (strcmp(old_line, new_line) == 0)
			snprintf(both, sizeof(both), "%s", new_line);
		else
			snprintf(both, sizeof(both), "%s; then %s",
				 *old_line ? old_line : "unknown",
				 *new_line ? new_line : "unknown");
		if (*both)
			bench_print_wrapped(style, BENCH_TONE_FAINT, labels[i], both);
	}
	fputc('\n', style->out);
}

void bench_comparisons_print(const struct bench_style *style, const struct bench_document *base,
			     const struct bench_document *now,
			     const struct bench_comparison *comparisons, uint32_t count)
{
	const struct bench_comparison **sorted = sort(comparisons, count);

	print_sides(style, base, now);
	for (uint32_t i = 0; i < count; i++)
		print_comparison(style, sorted ? sorted[i] : &comparisons[i]);
	free(sorted);
	if (count)
		fputc('\n', style->out);
	print_sums(comparisons, count, style->out);
}

static void set_row(struct bench_grid *grid, const struct bench_comparison *comparison)
{
	char text[160];

	bench_grid_row(grid);
	bench_grid_set(grid, 0, BENCH_TONE_PLAIN, "%s",
		       bench_series_format(comparison->now, text, sizeof(text)));
	bench_grid_set(grid, 1, BENCH_TONE_PLAIN, "%s",
		       format_values(comparison, text, sizeof(text)));
	bench_grid_set(grid, 2, BENCH_TONE_PLAIN, "%s %%",
		       format_percent(comparison->change, true, text, sizeof(text)));
	bench_grid_set(grid, 3, BENCH_TONE_PLAIN, "%s",
		       format_interval(comparison, text, sizeof(text)));
	if (!isnan(comparison->p))
		bench_grid_set(grid, 4, BENCH_TONE_PLAIN, "%.3f", comparison->p);
	bench_grid_set(grid, 5, BENCH_TONE_PLAIN, "%s %%",
		       format_percent(comparison->threshold, false, text, sizeof(text)));
	bench_grid_set(grid, 6, BENCH_TONE_PLAIN, "%s%s%s", bench_verdict_word(comparison),
		       comparison->reason[0] ? ": " : "", comparison->reason);
}

int bench_comparisons_markdown(const struct bench_comparison *comparisons, uint32_t count,
			       FILE *out)
{
	static const char *const heads[] = { "series", "values",    "change", "95 %",
					     "p",      "threshold", "verdict" };
	const struct bench_comparison **sorted = sort(comparisons, count);
	struct bench_grid grid;
	bool failed = !sorted;

	bench_grid_init(&grid);
	for (uint32_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		bench_grid_column(&grid,
				  i >= 1 && i <= 5 ? BENCH_COLUMN_FIGURE : BENCH_COLUMN_LABEL, "%s",
				  heads[i]);
	for (uint32_t i = 0; sorted && i < count; i++)
		set_row(&grid, sorted[i]);
	failed |= grid.failed;
	bench_grid_markdown(&grid, out);
	bench_grid_free(&grid);
	free(sorted);
	fputs(count ? "\n" : "", out);
	print_sums(comparisons, count, out);
	return failed || fflush(out) || ferror(out) ? -EIO : 0;
}
