/* SPDX-License-Identifier: MIT */
/*
 * test_output.c - unit tests of bench/output as people read it: numbers, tables, headlines.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/output/format.h"
#include "bench/output/grid.h"
#include "output_sample.h"

Test(format, three_digits)
{
	static const struct {
		double value;
		const char *unit;
		const char *text;
	} cases[] = {
		{ 0, "", "0" },
		{ 7, "", "7" },
		{ 7, "ns", "7.00 ns" },
		{ 0.12345, "", "0.123" },
		{ 1.239, "", "1.24" },
		{ 9.996, "", "10.0" },
		{ 99.96, "", "100" },
		{ 999.6, "", "1.00k" },
		{ 1234567, "", "1.23M" },
		{ -12.34, "", "-12.3" },
		{ 12, "ns", "12.0 ns" },
		{ 999.6, "ns", "1.00 us" },
		{ 4200, "us", "4.20 ms" },
		{ 1500, "ms", "1.50 s" },
		{ 64, "bytes", "64 bytes" },
		{ 65536, "bytes", "64.0 KiB" },
		{ 1.5, "MiB", "1.50 MiB" },
		{ 31200000, "1/s", "31.2 M/s" },
		{ 31.2, "M/s", "31.2 M/s" },
		{ 2.1, "x", "2.10x" },
		{ 12.3, "%", "12.3 %" },
		{ 0, "ms", "0 ms" },
		{ NAN, "ns", "-" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[48];

		bench_format_value(cases[i].value, cases[i].unit, text, sizeof(text));
		cr_expect_str_eq(text, cases[i].text, "%g %s is \"%s\", not \"%s\"", cases[i].value,
				 cases[i].unit, text, cases[i].text);
	}
}

Test(format, a_range_has_the_unit_of_its_value)
{
	char text[96];

	bench_format_range(1000, 990, 1100, "ns", text, sizeof(text));
	cr_expect_str_eq(text, "1.00 us (0.990-1.10)");
	bench_format_range(2.1, 1.9, 2.2, "x", text, sizeof(text));
	cr_expect_str_eq(text, "2.10x (1.90-2.20)");
	bench_format_range(16, 16, 24, "bytes", text, sizeof(text));
	cr_expect_str_eq(text, "16 bytes (16-24)");
}

Test(format, exact_numbers_read_back)
{
	static const double numbers[] = { 0, 0.1, 1.0 / 3, 30.4311, 123456789012, 1e-300, -7.5 };
	char text[48];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		bench_format_exact(numbers[i], text, sizeof(text));
		cr_expect(strtod(text, NULL) == numbers[i], "%s", text);
	}
	cr_expect_str_eq(bench_format_exact(0.1, text, sizeof(text)), "0.1");
}

static char *grid_text(const struct bench_grid *grid, uint32_t columns)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	bench_grid_print(grid, &(struct bench_style){ .out = out, .columns = columns });
	fclose(out);
	return text;
}

static void fill_grid(struct bench_grid *grid)
{
	bench_grid_init(grid);
	bench_grid_column(grid, BENCH_COLUMN_LABEL, "who");
	bench_grid_column(grid, BENCH_COLUMN_FIGURE, "first figure");
	bench_grid_column(grid, BENCH_COLUMN_FIGURE, "never set");
	bench_grid_column(grid, BENCH_COLUMN_FIGURE, "second figure");
	bench_grid_column(grid, BENCH_COLUMN_FIGURE, "a third one");
	bench_grid_column(grid, BENCH_COLUMN_TEXT, "what to remark");
	for (uint32_t i = 0; i < 20; i++) {
		bench_grid_row(grid);
		bench_grid_set(grid, 0, BENCH_TONE_STRONG, "row %u", i);
		bench_grid_set(grid, 1, BENCH_TONE_PLAIN, "%u ±%u  ", i * i, i);
		if (i != 3)
			bench_grid_set(grid, 3, BENCH_TONE_PLAIN, "%u", i);
		bench_grid_set(grid, 4, BENCH_TONE_PLAIN, "%u", 2 * i);
		bench_grid_set(grid, 5, BENCH_TONE_PLAIN, i == 2 ? "a | b" : "");
	}
}

Test(grid, aligned)
{
	static const char expected[] =
		"  who     first figure  second figure  a third one  what to remark\n"
		"  row 0           0 ±0              0            0\n"
		"  row 1           1 ±1              1            2\n"
		"  row 2           4 ±2              2            4  a | b\n"
		"  row 3           9 ±3                           6\n"
		"  row 4          16 ±4              4            8\n";
	struct bench_grid grid;
	char *text;

	fill_grid(&grid);
	text = grid_text(&grid, 100);
	cr_expect(strncmp(text, expected, strlen(expected)) == 0, "%s", text);
	cr_expect_null(strstr(text, " \n"), "blanks end a line:\n%s", text);
	free(text);
	bench_grid_free(&grid);
}

Test(grid, what_does_not_fit_follows_beside_the_labels)
{
	struct bench_grid grid;
	char *text;

	fill_grid(&grid);
	text = grid_text(&grid, 60);
	cr_expect_leq(sample_widest(text), 60);
	cr_expect_str_eq(sample_line(text, 21), "  who     what to remark\n  row 2   a | b\n", "%s",
			 text);
	free(text);
	bench_grid_free(&grid);
}

Test(grid, markdown_escapes_bars)
{
	struct bench_grid grid;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	fill_grid(&grid);
	bench_grid_markdown(&grid, out);
	fclose(out);
	cr_expect(strstr(text,
			 "| who | first figure | second figure | a third one | what to remark |\n"
			 "| --- | ---: | ---: | ---: | --- |\n"
			 "| row 0 | 0 ±0 | 0 | 0 |  |\n") == text,
		  "%s", text);
	cr_expect(strstr(text, "| row 2 | 4 ±2 | 2 | 4 | a \\| b |\n") != NULL, "%s", text);
	free(text);
	bench_grid_free(&grid);
}

Test(tables, golden)
{
	static const char expected[] =
		"steady/key  pend+complete pair\n"
		"  ns for one\n"
		"                             1Mi         8Mi  clean  ping-pong\n"
		"  1T  pendmap         100 ±2      200 ±2        6/6\n"
		"  1T  pendmap batch  50.0 ±2      100 ±2        6/6\n"
		"  1T  mutex           250 ±2  <   500 ±2  <     6/6\n";
	struct bench_document document;
	char *text;
	const char *block;

	sample_fill(&document);
	text = sample_tables(&document, 100, false);
	block = strstr(text, "steady/key");
	cr_assert_not_null(block);
	cr_expect(strncmp(block, expected, strlen(expected)) == 0, "%s", block);
	free(text);
	bench_document_free(&document);
}

Test(tables, marks_and_what_goes_with_a_run)
{
	struct bench_document document;
	struct bench_series skipped = { .scenario = "steady/key",
					.subject = "growt",
					.metric = "ns",
					.skipped = "its package is not there",
					.peer = true };
	struct bench_finding finding = { BENCH_WARNING, "steal", "taken away", "look elsewhere" };
	char *text;

	sample_fill(&document);
	(void)bench_document_series(&document, &skipped);
	(void)bench_document_find_out(&document, &finding);
	text = sample_tables(&document, 100, false);
	cr_expect(strstr(text, "Abacus 7, 2 CPUs, 23.0 GiB\n") != NULL);
	cr_expect(strstr(text, "near 34") != NULL);
	cr_expect(strstr(text, "400 ±2   !") != NULL, "two of three were preempted:\n%s", text);
	cr_expect(strstr(text, "  growt: its package is not there\n") != NULL);
	cr_expect(strstr(text, "note: threads 4 left out: there are 2 CPUs\n") != NULL);
	cr_expect(strstr(text, "warning  steal") != NULL);
	cr_expect(strstr(text, "-> look elsewhere\n") != NULL);
	cr_expect_null(strchr(text, '\033'), "colours were not asked for");
	free(text);
	bench_document_free(&document);
}

/* Where there are several metrics and one size, the metrics are the columns. */
Test(tables, metrics)
{
	static const char expected[] =
		"mix  pend+complete pair; 1Ki 2T\n"
		"                  ns  late us  clean  ping-pong  vs best peer  1st vs it\n"
		"  pendmap  100 ±2     10.0 ±2    3/3  near 34        2.00x ±0\n"
		"  mutex    200 ±2  <             3/3  near 34                   2.00x ±0\n"
		"  ck       400 ±2                3/3  near 34                   4.00x ±0\n";
	struct bench_document document;
	const char *block;
	char *text;

	bench_document_init(&document);
	(void)sample_add(&document,
			 &(struct sample){ "mix", "pendmap", "", "ns", "ns", 1024, 2, 100, 0, 34 });
	(void)sample_add(&document, &(struct sample){ "mix", "pendmap", "", "late", "us", 1024, 2,
						      10, 0, 34 });
	(void)sample_add(&document,
			 &(struct sample){ "mix", "mutex", "", "ns", "ns", 1024, 2, 200, 0, 34 });
	(void)sample_add(&document,
			 &(struct sample){ "mix", "ck", "", "ns", "ns", 1024, 2, 400, 0, 34 });
	text = sample_tables(&document, 100, false);
	block = strstr(text, "mix  ");
	cr_assert_not_null(block);
	cr_expect(strncmp(block, expected, strlen(expected)) == 0, "%s", block);
	free(text);
	bench_document_free(&document);
}

/* Behind a table of sizes: what else there is, of the first subject. */
Test(tables, metrics_behind_a_table)
{
	struct bench_document document;
	const char *end = "\n\n";
	char *text, *block;

	sample_fill(&document);
	(void)sample_add(&document, &(struct sample){ "steady/key", "mutex", "scalar", "fairness",
						      "", 1048576, 1, 0.5, 0, 0 });
	(void)sample_add(&document, &(struct sample){ "steady/key", "pendmap", "scalar", "fairness",
						      "", 1048576, 1, 0.9, 0, 0 });
	text = sample_tables(&document, 100, false);
	block = strstr(text, "fairness");
	cr_assert_not_null(block);
	cr_expect_null(strstr(block, "0.500"), "of a peer:\n%s", text);
	cr_expect(strstr(block, "0.900 ±2") && strstr(block, "0.900 ±2") < strstr(block, end), "%s",
		  text);
	cr_expect_null(strstr(text, "vs best peer"), "fairness is not what they are compared by");
	free(text);
	bench_document_free(&document);
}

/* Three runs that fall from 10 to 1 M/s for 10, 11 and 12 ms; the last one never comes back. */
static void add_timelines(struct bench_document *document, bool last_returns)
{
	struct bench_timeline like = {
		.scenario = "unplug/timeline",
		.subject = "pendmap",
		.step_ms = 1,
		.column_count = 2,
		.columns = { { "operations", "1/s", BENCH_MORE_IS_BETTER },
			     { "waiting", "", BENCH_LESS_IS_BETTER } },
		.event_count = 1,
		.events = { { 50, "CPU lost" } },
	};

	for (like.process = 0; like.process < 3; like.process++) {
		struct bench_timeline *timeline = bench_document_timeline(document, &like);
		const uint32_t back = like.process == 2 && !last_returns ? 1000 : 60 + like.process;

		for (uint32_t i = 0; i < 200; i++) {
			const double cells[] = { i >= 50 && i < back ? 1e6 : 1e7, 3 };

			cr_assert_eq(bench_timeline_add(timeline, cells), 0);
		}
	}
}

Test(tables, dips)
{
	struct bench_document document;
	char *text;

	bench_document_init(&document);
	add_timelines(&document, true);
	text = sample_tables(&document, 100, false);
	cr_expect(strstr(text,
			 "           event     of               before   falls by  back after\n"
			 "  pendmap  CPU lost  operations  10.0 M/s ±0  90.0 % ±0  11.0 ms ±9\n"),
		  "%s", text);
	cr_expect_null(strstr(text, "waiting"), "more of it is not better:\n%s", text);
	free(text);
	bench_document_free(&document);
}

Test(tables, what_never_came_back_is_said)
{
	struct bench_document document;
	char *text;

	bench_document_init(&document);
	add_timelines(&document, false);
	text = sample_tables(&document, 100, false);
	cr_expect(strstr(text, "2 of 3\n") != NULL, "%s", text);
	free(text);
	bench_document_free(&document);
}

Test(tables, a_reason_is_said_once)
{
	struct bench_document document;
	struct bench_series skipped = { .scenario = "steady/key",
					.subject = "growt",
					.metric = "ns",
					.skipped = "its package is not there",
					.peer = true };
	const char *found;
	char *text;

	sample_fill(&document);
	for (uint32_t size = 1024; size <= 2048; size *= 2) {
		skipped.point.size = size;
		(void)bench_document_series(&document, &skipped);
	}
	(void)bench_document_note(&document, "steady/key, growt: its package is not there");
	text = sample_tables(&document, 100, false);
	found = strstr(text, "its package is not there");
	cr_assert_not_null(found);
	cr_expect_null(strstr(found + 1, "its package is not there"), "%s", text);
	free(text);
	bench_document_free(&document);
}

Test(tables, no_line_is_too_long)
{
	static const uint32_t widths[] = { 60, 80, 100, 140 };
	struct bench_document document;

	sample_fill(&document);
	for (uint32_t size = 10; size < 18; size++)
		(void)sample_add(&document,
				 &(struct sample){ "steady/key", "pendmap-unpadded", "scalar", "ns",
						   "ns", 1u << size, 2, 123, 0, 34 });
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		char *text = sample_tables(&document, widths[i], false);

		cr_expect_leq(sample_widest(text), widths[i], "%u columns in %u",
			      sample_widest(text), widths[i]);
		free(text);
	}
	bench_document_free(&document);
}

Test(tables, colours_only_if_asked)
{
	struct bench_document document;
	char *text;

	sample_fill(&document);
	text = sample_tables(&document, 100, true);
	cr_expect(strstr(text, "\033[32m2.50x ±0\033[0m") != NULL, "%s", text);
	free(text);
	bench_document_free(&document);
}

Test(tables, an_empty_document_is_no_table)
{
	struct bench_document document;
	char *text;

	bench_document_init(&document);
	text = sample_tables(&document, 0, false);
	cr_expect_null(strstr(text, "What was asked for"));
	free(text);
	bench_document_free(&document);
}

/* ---- headlines ---- */

/* The headline that begins with @what, of the only series @sample and what it stands beside. */
static bool is_met(const struct sample *sample, const struct sample *beside, const char *what,
		   char *text, size_t size)
{
	struct bench_headline headlines[BENCH_HEADLINES_MAX];
	struct bench_document document;
	bool met = false, found = false;

	bench_document_init(&document);
	(void)sample_add(&document, sample);
	if (beside)
		(void)sample_add(&document, beside);
	for (uint32_t i = 0; i < bench_headlines(&document, headlines); i++) {
		if (strcmp(headlines[i].what, what) != 0)
			continue;
		found = true;
		met = bench_headline_met(&headlines[i], text, size);
	}
	bench_document_free(&document);
	cr_assert(found, "%s", what);
	return met;
}

Test(headlines, a_ratio_must_reach_its_target)
{
	static const struct sample own = { "steady/key", "pendmap", "scalar", "ns", "ns",
					   1048576,      1,         100,      0,    0 };
	struct sample peer = { "steady/key", "mutex", "scalar", "ns", "ns", 1048576, 1, 200, 0, 0 };
	char text[96];

	cr_expect(is_met(&own, &peer, "by key, 1 thread", text, sizeof(text)));
	cr_expect_str_eq(text, "2.00x (2.00-2.00)");
	peer.middle = 198;
	cr_expect_not(is_met(&own, &peer, "by key, 1 thread", text, sizeof(text)));
	cr_expect_str_eq(text, "1.98x (1.98-1.98)");
}

Test(headlines, a_value_must_not_exceed_its_target)
{
	struct sample own = { "unplug/adopt", "engine", "", "drained", "ms", 65536, 0, 50, 0, 0 };
	char text[96];

	cr_expect(is_met(&own, NULL, "lost CPU: queue drained", text, sizeof(text)));
	cr_expect_str_eq(text, "50.0 ms (49.0-51.0)");
	own.middle = 50.1;
	cr_expect_not(is_met(&own, NULL, "lost CPU: queue drained", text, sizeof(text)));
}

Test(headlines, threads_are_held_against_one_thread)
{
	static const struct sample one = { "steady/key", "pendmap", "scalar", "ns", "ns",
					   65536,        1,         100,      0,    0 };
	struct sample sixteen = { "steady/key", "pendmap", "scalar", "ns", "ns",
				  65536,        16,        130,      0,    34 };
	char text[96];

	cr_expect(is_met(&one, &sixteen, "by key, all threads", text, sizeof(text)));
	cr_expect_str_eq(text, "12.3x (12.3-12.3)");
	sixteen.middle = 140; /* 16 / 1.4 is less than 12 */
	cr_expect_not(is_met(&one, &sixteen, "by key, all threads", text, sizeof(text)));
}

Test(headlines, the_worst_counts_where_all_must_meet)
{
	struct bench_headline headlines[BENCH_HEADLINES_MAX];
	struct bench_document document;
	uint32_t count;
	char text[96];

	bench_document_init(&document);
	for (uint32_t size = 1024; size <= 65536; size *= 64)
		(void)sample_add(&document,
				 &(struct sample){ "full/refuse", "pendmap", "scalar", "ns", "ns",
						   size, 1, size > 1024 ? 7 : 3, 0, 0 });
	count = bench_headlines(&document, headlines);
	cr_assert_eq(count, 1);
	cr_expect_not(bench_headline_met(&headlines[0], text, sizeof(text)));
	cr_expect_str_eq(text, "7.00 ns (6.86-7.14)");
	bench_headline_target(&headlines[0], text, sizeof(text));
	cr_expect_str_eq(text, "<= 5.00 ns");
	bench_document_free(&document);
}

Test(headlines, rculfhash_is_its_own_peer)
{
	struct bench_headline headlines[BENCH_HEADLINES_MAX];
	struct bench_document document;
	static const char *const peers[] = { "mutex", "urcu-memb", "urcu-qsbr" };

	bench_document_init(&document);
	(void)sample_add(&document, &(struct sample){ "steady/handle", "pendmap", "scalar", "ns",
						      "ns", 1024, 1, 10, 0, 0 });
	for (uint32_t i = 0; i < 3; i++)
		(void)sample_add(&document,
				 &(struct sample){ "steady/handle", peers[i], "scalar", "ns", "ns",
						   1024, 1, 12 + 10 * (2 - i), 0, 0 });
	cr_assert_eq(bench_headlines(&document, headlines), 2);
	cr_expect_str_eq(headlines[0].peer->subject, "mutex");
	cr_expect_str_eq(headlines[1].peer->subject, "urcu-qsbr", "the faster of the two");
	bench_document_free(&document);
}

Test(headlines, what_is_missing_is_named)
{
	const char *whats[BENCH_HEADLINES_MAX];
	struct bench_headline headlines[BENCH_HEADLINES_MAX];
	struct bench_document document;
	uint32_t all;

	bench_document_init(&document);
	all = bench_headlines_missing(&document, whats);
	cr_expect_eq(bench_headlines(&document, headlines), 0);
	(void)sample_add(&document, &(struct sample){ "unplug/adopt", "engine", "", "drained", "ms",
						      65536, 0, 3, 0, 0 });
	cr_expect_eq(bench_headlines_missing(&document, whats), all - 1);
	for (uint32_t i = 0; i < all - 1; i++)
		cr_expect_str_neq(whats[i], "lost CPU: queue drained");
	bench_document_free(&document);
}
