/* SPDX-License-Identifier: MIT */
/*
 * test_output_files.c - unit tests of bench/output as other programs read it: CSV, Markdown,
 * OpenMetrics (checked by a small parser of its grammar), hgrm; and of comparisons.
 */
#include <criterion/criterion.h>

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "output_sample.h"

/* ---- CSV ---- */

/* Reads one field of RFC 4180. Returns where the next one begins, or NULL. */
static const char *csv_field(const char *at, char *field, size_t size)
{
	const bool quoted = *at == '"';
	size_t used = 0;

	at += quoted;
	while (*at && used + 1 < size) {
		if (quoted && at[0] == '"' && at[1] != '"')
			break;
		if (!quoted && (*at == ',' || *at == '\n'))
			break;
		at += quoted && *at == '"';
		field[used++] = *at++;
	}
	field[used] = '\0';
	if (quoted && *at++ != '"')
		return NULL;
	return *at == ',' || *at == '\n' ? at + 1 : NULL;
}

Test(csv, a_row_for_each_value)
{
	struct bench_document document;
	uint32_t rows = 0;
	char *text;

	sample_fill(&document);
	text = sample_text(bench_csv_write, &document);
	while (sample_line(text, rows))
		rows++;
	cr_expect_eq(rows, 1 + 16 * SAMPLE_PROCESSES);
	cr_expect(strstr(text,
			 "scenario,subject,calls,metric,unit,size,threads,occupancy,rate,keys,"
			 "process,repeat,value,operations,preempted,pingpong_ns\n") == text);
	cr_expect(strncmp(sample_line(text, 1),
			  "steady/key,pendmap,scalar,ns,ns,1048576,1,0,0,,0,0,98,1000,0,0\n",
			  62) == 0,
		  "%s", sample_line(text, 1));
	free(text);
	bench_document_free(&document);
}

Test(csv, quotes)
{
	static const char awkward[] = "a \"b\", c\nd";
	struct bench_document document;
	char *text, field[64];
	const char *at;

	bench_document_init(&document);
	(void)sample_add(&document,
			 &(struct sample){ "plain", awkward, "", "ns", "ns", 1, 1, 0.1, 0, 0 });
	text = sample_text(bench_csv_write, &document);
	at = csv_field(sample_line(text, 1), field, sizeof(field));
	cr_assert_not_null(at);
	cr_expect_str_eq(field, "plain");
	at = csv_field(at, field, sizeof(field));
	cr_assert_not_null(at, "%s", text);
	cr_expect_str_eq(field, awkward);
	for (uint32_t i = 0; i < 11; i++)
		cr_assert_not_null(at = csv_field(at, field, sizeof(field)));
	cr_expect(strtod(field, NULL) == document.series[0].values[0].value, "%s", field);
	free(text);
	bench_document_free(&document);
}

/* ---- OpenMetrics ---- */

/* What the parser has seen of the family that it is in. */
struct family {
	char name[64];
	char type[16];
	char unit[32];
	uint32_t samples;
};

struct exposition {
	struct family families[64];
	uint32_t count;
	uint32_t samples;
	bool ended;
};

static bool read_name(const char **at, char *name, size_t size)
{
	size_t used = 0;

	if (!isalpha((unsigned char)**at) && **at != '_')
		return false;
	while ((isalnum((unsigned char)**at) || **at == '_' || **at == ':') && used + 1 < size)
		name[used++] = *(*at)++;
	name[used] = '\0';
	return true;
}

/* Labels in braces: names, and values in which only \\, \" and \n are escapes. */
static bool read_labels(const char **at)
{
	char name[64];

	if (**at != '{')
		return true;
	do {
		++*at;
		if (!read_name(at, name, sizeof(name)) || strncmp(*at, "=\"", 2) != 0)
			return false;
		for (*at += 2; **at != '"'; ++*at) {
			if (**at == '\n' || !**at)
				return false;
			if (**at == '\\' && !strchr("\\\"n", *++*at))
				return false;
		}
		++*at;
	} while (**at == ',');
	return *(*at)++ == '}';
}

/* A line that begins with #: the families begin with their type, each only once. */
static bool read_meta(const char *line, struct exposition *exposition)
{
	struct family *family =
		&exposition->families[exposition->count ? exposition->count - 1 : 0];
	char name[64], word[64];

	if (strcmp(line, "# EOF") == 0)
		return exposition->ended = true;
	if (sscanf(line, "# TYPE %63s %63s", name, word) == 2) {
		for (uint32_t i = 0; i < exposition->count; i++)
			if (strcmp(exposition->families[i].name, name) == 0)
				return false;
		family = &exposition->families[exposition->count++];
		snprintf(family->name, sizeof(family->name), "%s", name);
		snprintf(family->type, sizeof(family->type), "%.15s", word);
		return strcmp(word, "gauge") == 0 || strcmp(word, "info") == 0;
	}
	if (sscanf(line, "# UNIT %63s %63s", name, word) == 2) {
		const size_t all = strlen(name), end = strlen(word);

		return exposition->count && strcmp(family->name, name) == 0 && all > end + 1 &&
		       !family->samples && name[all - end - 1] == '_' &&
		       strcmp(name + all - end, word) == 0;
	}
	return sscanf(line, "# HELP %63s %63s", name, word) == 2 && exposition->count &&
	       strcmp(family->name, name) == 0 && !family->samples;
}

static bool read_sample(const char *line, struct exposition *exposition)
{
	struct family *family =
		&exposition->families[exposition->count ? exposition->count - 1 : 0];
	char name[64], expected[80], *end;

	if (!exposition->count || !read_name(&line, name, sizeof(name)))
		return false;
	snprintf(expected, sizeof(expected), "%s%s", family->name,
		 strcmp(family->type, "info") == 0 ? "_info" : "");
	if (strcmp(name, expected) != 0 || !read_labels(&line) || *line++ != ' ')
		return false;
	if (!isfinite(strtod(line, &end)) || end == line || *end)
		return false;
	family->samples++;
	exposition->samples++;
	return true;
}

/* Reads it all; the test fails at the first line that is not OpenMetrics. */
static void read_exposition(const char *text, struct exposition *exposition)
{
	memset(exposition, 0, sizeof(*exposition));
	while (*text) {
		const size_t length = strcspn(text, "\n");
		char line[2048];

		cr_assert(length < sizeof(line) && text[length] == '\n');
		cr_assert_not(exposition->ended, "something follows # EOF");
		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		cr_assert(*line == '#' ? read_meta(line, exposition)
				       : read_sample(line, exposition),
			  "%s", line);
		text += length + 1;
	}
	cr_expect(exposition->ended, "no # EOF");
}

Test(openmetrics, grammar)
{
	struct exposition exposition;
	struct bench_document document;
	struct bench_series none = { .scenario = "steady/key", .subject = "growt", .metric = "ns" };
	char *text;

	sample_fill(&document);
	(void)sample_add(&document, &(struct sample){ "memory/entry", "pendmap", "", "index",
						      "bytes", 65536, 0, 16, 0, 0 });
	(void)sample_add(&document, &(struct sample){ "odd\\one\n\"two\"", "pendmap", "", "share",
						      "", 65536, 0, 0.5, 0, 0 });
	(void)bench_document_series(&document, &none);
	text = sample_text(bench_openmetrics_write, &document);
	read_exposition(text, &exposition);
	/* Of each series: three figures, its clean share and count; of half, the ping-pong. */
	cr_expect_eq(exposition.samples, 2 + 18 * 5 + 8, "%u", exposition.samples);
	cr_expect(strstr(text, "scenario=\"odd\\\\one\\n\\\"two\\\"\"") != NULL);
	cr_expect(strstr(text, "flags=\"-O3 \\\"-DX=\\\\1\\\"\"") != NULL);
	cr_expect(strstr(text, "pendbench_time_seconds{scenario=\"steady/key\",subject=\"pendmap\","
			       "calls=\"batch\",metric=\"ns\",size=\"1048576\",threads=\"2\"} "
			       "5e-08\n") != NULL,
		  "%s", text);
	cr_expect(strstr(text,
			 "pendbench_clean_ratio{scenario=\"steady/key\",subject=\"urcu-memb\","
			 "calls=\"scalar\",metric=\"ns\",size=\"1048576\",threads=\"2\","
			 "peer=\"true\"} 0.333333333\n") != NULL);
	cr_expect(strstr(text, "pendbench_size_bytes{scenario=\"memory/entry\"") != NULL);
	cr_expect_null(strstr(text, "growt"), "it has no figure");
	free(text);
	bench_document_free(&document);
}

Test(openmetrics, an_empty_document_ends_too)
{
	struct exposition exposition;
	struct bench_document document;
	char *text;

	bench_document_init(&document);
	text = sample_text(bench_openmetrics_write, &document);
	read_exposition(text, &exposition);
	cr_expect_eq(exposition.samples, 0);
	free(text);
	bench_document_free(&document);
}

/* ---- Markdown ---- */

Test(markdown, tables_are_whole)
{
	struct bench_document document;
	uint32_t bars = 0, tables = 0;
	char *text;

	sample_fill(&document);
	text = sample_text(bench_markdown_write, &document);
	for (uint32_t i = 0; sample_line(text, i); i++) {
		const char *line = sample_line(text, i);
		uint32_t count = 0;

		if (*line != '|') {
			bars = 0;
			continue;
		}
		for (; *line != '\n'; line++)
			count += line[0] == '|' && line[-1] != '\\';
		tables += !bars;
		cr_expect(!bars || bars == count, "%s", sample_line(text, i));
		bars = count;
	}
	cr_expect_eq(tables, 4, "targets, figures, the best peer, each peer: %u", tables);
	cr_expect(strstr(text, "Abacus 7, 2 CPUs, 23.0 GiB  \n") != NULL);
	cr_expect(strstr(text, "| by key, 1 thread | 1Mi | 2.50x (2.50-2.50) | >= 2.00x | met | "
			       "mutex |") != NULL,
		  "%s", text);
	cr_expect(strstr(text, "| 1T | mutex | 250 ±2 \\< | 500 ±2 \\< | 6/6 |") != NULL, "%s",
		  text);
	free(text);
	bench_document_free(&document);
}

/* ---- hgrm ---- */

struct hgrm_line {
	double value;
	double percentile;
	uint64_t count;
	double inverse; /* 0: none */
};

static void check_lines(char *text, const struct bench_spectrum *spectrum)
{
	struct hgrm_line last = { 0 };
	uint32_t lines = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		struct hgrm_line read = { 0 };
		const int fields = sscanf(line, "%lf %lf %" SCNu64 " %lf", &read.value,
					  &read.percentile, &read.count, &read.inverse);

		if (fields < 3)
			continue;
		cr_expect_geq(read.value, last.value);
		cr_expect_gt(read.percentile, lines ? last.percentile : -1.0);
		cr_expect_geq(read.count, last.count);
		cr_expect_geq((double)read.count, read.percentile * 1000 - 1e-9);
		if (fields == 4)
			cr_expect_float_eq(read.inverse, 1 / (1 - read.percentile), 0.01);
		last = read;
		lines++;
	}
	cr_expect_geq(lines, 20);
	cr_expect_eq(last.count, bench_spectrum_total(spectrum));
	cr_expect(last.percentile == 1.0 && last.inverse == 0);
	cr_expect_float_eq(last.value, 4000.0, 1e-9, "the longest, exactly: %g", last.value);
}

Test(hgrm, totals)
{
	static const struct bench_bar bars[] = {
		{ 40, 500 }, { 80, 400 }, { 160, 90 }, { 1000, 9 }, { 4063231, 1 }
	};
	const struct bench_spectrum like = { .scenario = "latency/steady",
					     .subject = "pendmap",
					     .kind = "response",
					     .most = 4000000 };
	struct bench_document document;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	bench_document_init(&document);
	cr_assert_eq(bench_document_spectrum(&document, &like, bars, 5), 0);
	cr_assert_eq(bench_hgrm_write(document.spectra, out), 0);
	fclose(out);
	cr_expect(strstr(text, "       Value     Percentile TotalCount 1/(1-Percentile)\n\n") ==
			  text,
		  "%s", text);
	cr_expect(strstr(text, "       0.040 0.500000000000        500           2.00\n") != NULL);
	cr_expect(strstr(text, "       0.080 0.900000000000        900          10.00\n") != NULL);
	cr_expect(strstr(text, "       1.000 0.998828125000        999         853.33\n"
			       "    4000.000 1.000000000000       1000\n#[Mean") != NULL,
		  "%s", text);
	cr_expect(strstr(text, "#[Max     =     4000.000, Total count    =         1000]\n") !=
		  NULL);
	check_lines(text, document.spectra);
	free(text);
	bench_document_free(&document);
}

/* ---- comparisons ---- */

/* Two documents, and of each series of the first a comparison that says @verdicts. */
struct compared {
	struct bench_document base, now;
	struct bench_comparison comparisons[4];
};

static void compare_samples(struct compared *compared)
{
	static const struct {
		enum bench_verdict verdict;
		double change;
	} made[] = { { BENCH_VERDICT_SAME, 0.001 },
		     { BENCH_VERDICT_BETTER, -0.031 },
		     { BENCH_VERDICT_WORSE, 0.043 },
		     { BENCH_VERDICT_WORSE, 0.101 } };

	sample_fill(&compared->base);
	sample_fill(&compared->now);
	for (uint32_t i = 0; i < 4; i++) {
		compared->comparisons[i] = (struct bench_comparison){
			.base = &compared->base.series[i],
			.now = &compared->now.series[i],
			.base_value = 100,
			.now_value = 100 * (1 + made[i].change),
			.change = made[i].change,
			.low = made[i].change - 0.01,
			.high = made[i].change + 0.01,
			.p = 0.004,
			.threshold = 0.02,
			.clean = 1,
			.verdict = made[i].verdict,
		};
	}
}

Test(comparisons, the_worst_first)
{
	struct compared compared;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	compare_samples(&compared);
	bench_comparisons_print(&(struct bench_style){ .out = out }, &compared.base, &compared.now,
				compared.comparisons, 4);
	fclose(out);
	cr_expect(
		strstr(text,
		       "\nsteady/key 1Mi 1T urcu-memb scalar\n"
		       "    100 ns -> 110 ns         +10.1 % [+9.1 +11.1]      p 0.004  threshold "
		       "2.0 %   slower\n"
		       "steady/key 1Mi 1T mutex scalar\n"
		       "    100 ns -> 104 ns          +4.3 % [+3.3 +5.3]       p 0.004  threshold "
		       "2.0 %   slower\n"
		       "steady/key 1Mi 1T pendmap batch\n"
		       "    100 ns -> 96.9 ns         -3.1 % [-4.1 -2.1]       p 0.004  threshold "
		       "2.0 %   faster\n"
		       "steady/key 1Mi 1T pendmap scalar\n") != NULL,
		"%s", text);
	cr_expect(strstr(text, "\n2 worse, 1 better, 0 inconclusive, 1 no change; 4 compared\n") !=
			  NULL,
		  "%s", text);
	cr_expect_leq(sample_widest(text), 100);
	free(text);
	bench_document_free(&compared.base);
	bench_document_free(&compared.now);
}

Test(comparisons, say_why_they_cannot_say)
{
	struct compared compared;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	compare_samples(&compared);
	compared.comparisons[0].verdict = BENCH_VERDICT_INCONCLUSIVE;
	compared.comparisons[0].p = NAN;
	snprintf(compared.comparisons[0].reason, sizeof(compared.comparisons[0].reason),
		 "3 processes a side | 5 are needed");
	bench_comparisons_print(&(struct bench_style){ .out = out }, &compared.base, &compared.now,
				compared.comparisons, 4);
	cr_assert_eq(bench_comparisons_markdown(compared.comparisons, 4, out), 0);
	fclose(out);
	cr_expect(strstr(text, "inconclusive\n    because 3 processes a side | 5 are needed\n") !=
			  NULL,
		  "%s", text);
	cr_expect(strstr(text,
			 "| steady/key 1Mi 1T pendmap scalar | 100 ns -> 100 ns | +0.1 % | "
			 "[-0.9 +1.1] |  | 2.0 % | inconclusive: 3 processes a side \\| 5 are "
			 "needed |\n") != NULL,
		  "%s", text);
	free(text);
	bench_document_free(&compared.base);
	bench_document_free(&compared.now);
}
