/* SPDX-License-Identifier: MIT */
/*
 * test_document.c - documents keep what they are given, through merging and through JSON.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/model/document_json.h"

static const struct bench_series like = {
	.scenario = "steady/key",
	.subject = "pendmap",
	.calls = "batch",
	.metric = "ns",
	.point = { .size = 65536, .threads = 2, .occupancy = 90, .rate = 2e5, .keys = "zipf:0.99" },
	.unit = "ns",
	.operation = "pend one, complete the oldest",
	.summary = "one engine, \"fixed\" \xc2\xb5",
	.better = BENCH_LESS_IS_BETTER,
	.primary = true,
	.oversubscribed = true,
};

static char path[] = "/tmp/pendbench-test-XXXXXX";

static void make_file(void)
{
	const int file = mkstemp(path);

	cr_assert_geq(file, 0);
	close(file);
}

static void remove_file(void)
{
	unlink(path);
}

static void write_file(const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	cr_assert(file && fwrite(text, 1, length, file) == length);
	cr_assert_eq(fclose(file), 0);
}

static int read_text(const char *text, size_t length, struct bench_document *document, char *why)
{
	*why = 0;
	write_file(text, length);
	bench_document_init(document);
	return bench_document_read(path, document, why, 200);
}

static void add_values(struct bench_document *document, uint32_t count)
{
	struct bench_series *series = bench_document_series(document, &like);

	for (uint32_t i = 0; i < count; i++) {
		const struct bench_value value = { .value = i == 3 ? (double)NAN : 100 / (i + 3.0),
						   .operations = 1000000007u * (uint64_t)i,
						   .preempted = i % 3,
						   .pingpong_ns = 30.1 + i,
						   .process = i / 4,
						   .repeat = i % 4 };

		cr_assert_eq(bench_series_add(series, &value), 0);
	}
}

static void add_timeline(struct bench_document *document)
{
	const struct bench_timeline timeline = {
		.scenario = "unplug/timeline",
		.subject = "pendmap",
		.point = { .threads = 2 },
		.process = 1,
		.step_ms = 2.5,
		.column_count = 2,
		.columns = { { "operations", "1/s", BENCH_MORE_IS_BETTER },
			     { "waiting", "", BENCH_LESS_IS_BETTER } },
		.event_count = 2,
		.events = { { 100.25, "CPU taken away" }, { 300, "CPU back" } },
	};
	struct bench_timeline *added = bench_document_timeline(document, &timeline);

	for (uint32_t i = 0; i < 20; i++) {
		const double cells[] = { i / 7.0, i == 5 ? (double)NAN : i };

		cr_assert_eq(bench_timeline_add(added, cells), 0);
	}
}

static void add_spectrum(struct bench_document *document)
{
	const struct bench_spectrum spectrum = { .scenario = "latency/steady",
						 .subject = "rwlock",
						 .kind = "response",
						 .point = { .rate = 2e5 },
						 .peer = true,
						 .most = 4000123 };
	const struct bench_bar bars[] = { { 40, 9 }, { 80, 100000000000u }, { 5000000, 1 } };

	cr_assert_eq(bench_document_spectrum(document, &spectrum, bars, 3), 0);
}

/* Some of everything. */
static void fill(struct bench_document *document)
{
	const struct bench_ledger ledger = { .scenario = "steady/key",
					     .subject = "pendmap",
					     .point = { .size = 1024 },
					     .process = 2,
					     .number_count = 2,
					     .numbers = { { "inserted", 1u << 31 },
							  { "completed", 77 } } };
	const struct bench_finding finding = { BENCH_WARNING, "steal", "3 %", "wait" };
	struct bench_series skipped = like;

	bench_document_init(document);
	cr_assert_eq(bench_document_set(document, BENCH_ABOUT_HOST, "cpu", "a \"CPU\" at %d", 3),
		     0);
	cr_assert_eq(bench_document_set(document, BENCH_ABOUT_BUILD, "type", "Release"), 0);
	cr_assert_eq(bench_document_set(document, BENCH_ABOUT_CONFIG, "seed", "1"), 0);
	add_values(document, 19);
	snprintf(skipped.subject, sizeof(skipped.subject), "tbb");
	snprintf(skipped.skipped, sizeof(skipped.skipped), "not built");
	skipped.better = BENCH_NEITHER_IS_BETTER;
	skipped.primary = skipped.oversubscribed = false;
	skipped.peer = true;
	cr_assert(bench_document_series(document, &skipped));
	add_timeline(document);
	add_spectrum(document);
	cr_assert_eq(bench_document_ledger(document, &ledger), 0);
	cr_assert_eq(bench_document_find_out(document, &finding), 0);
	cr_assert_eq(bench_document_note(document, "left out: %s", "8Mi"), 0);
	document->process_count = 5;
	document->took_s = 12.5;
	document->exit_status = 4;
}

static bool same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static void same_values(const struct bench_series *a, const struct bench_series *b)
{
	cr_assert_eq(a->count, b->count);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct bench_value *one = &a->values[i], *two = &b->values[i];

		cr_assert(same(one->value, two->value), "value %u", i);
		cr_assert_eq(one->operations, two->operations);
		cr_assert_eq(one->preempted, two->preempted);
		cr_assert_eq(one->pingpong_ns, two->pingpong_ns);
		cr_assert_eq(one->process, two->process);
		cr_assert_eq(one->repeat, two->repeat);
	}
}

static void same_series(const struct bench_series *a, const struct bench_series *b)
{
	cr_assert_str_eq(a->scenario, b->scenario);
	cr_assert_str_eq(a->subject, b->subject);
	cr_assert_str_eq(a->calls, b->calls);
	cr_assert_str_eq(a->metric, b->metric);
	cr_assert(bench_point_equal(&a->point, &b->point));
	cr_assert_str_eq(a->unit, b->unit);
	cr_assert_str_eq(a->operation, b->operation);
	cr_assert_str_eq(a->summary, b->summary);
	cr_assert_str_eq(a->skipped, b->skipped);
	cr_assert_eq(a->better, b->better);
	cr_assert_eq(a->primary, b->primary);
	cr_assert_eq(a->peer, b->peer);
	cr_assert_eq(a->oversubscribed, b->oversubscribed);
	same_values(a, b);
}

static void same_rest(const struct bench_document *a, const struct bench_document *b)
{
	const struct bench_timeline *one = a->timelines, *two = b->timelines;

	cr_assert(a->timeline_count == 1 && b->timeline_count == 1);
	cr_assert(one->process == two->process && one->step_ms == two->step_ms);
	cr_assert_eq(one->column_count, two->column_count);
	cr_assert_arr_eq(one->columns, two->columns, sizeof(one->columns));
	cr_assert_eq(one->event_count, two->event_count);
	cr_assert_arr_eq(one->events, two->events, sizeof(one->events));
	cr_assert_eq(one->row_count, two->row_count);
	for (uint32_t i = 0; i < 2 * one->row_count; i++)
		cr_assert(same(one->cells[i], two->cells[i]), "cell %u", i);
	cr_assert(a->spectrum_count == 1 && b->spectrum_count == 1);
	cr_assert_str_eq(a->spectra->kind, b->spectra->kind);
	cr_assert_eq(a->spectra->most, b->spectra->most);
	cr_assert_eq(a->spectra->peer, b->spectra->peer);
	cr_assert_eq(a->spectra->bar_count, b->spectra->bar_count);
	cr_assert_arr_eq(a->spectra->bars, b->spectra->bars,
			 a->spectra->bar_count * sizeof(struct bench_bar));
	cr_assert(a->ledger_count == 1 && b->ledger_count == 1);
	cr_assert_arr_eq(a->ledgers, b->ledgers, sizeof(*a->ledgers));
	cr_assert(a->finding_count == 1 && b->finding_count == 1);
	cr_assert_arr_eq(a->findings, b->findings, sizeof(*a->findings));
	cr_assert(a->note_count == 1 && b->note_count == 1);
	cr_assert_str_eq(a->notes[0], b->notes[0]);
}

Test(document, comes_back_from_json, .init = make_file, .fini = remove_file)
{
	struct bench_document document, back;
	char why[200], *text;

	fill(&document);
	text = bench_document_text(&document);
	cr_assert(text);
	cr_assert_eq(read_text(text, strlen(text), &back, why), 0, "%s", why);
	cr_assert_eq(back.process_count, 5);
	cr_assert_eq(back.took_s, 12.5);
	cr_assert_eq(back.exit_status, 4);
	cr_assert_str_eq(bench_document_get(&back, BENCH_ABOUT_HOST, "cpu"), "a \"CPU\" at 3");
	cr_assert_str_eq(bench_document_get(&back, BENCH_ABOUT_BUILD, "type"), "Release");
	cr_assert_str_eq(bench_document_get(&back, BENCH_ABOUT_CONFIG, "seed"), "1");
	cr_assert_str_eq(bench_document_get(&back, BENCH_ABOUT_CONFIG, "sed"), "");
	cr_assert_eq(back.series_count, 2);
	same_series(&document.series[0], &back.series[0]);
	same_series(&document.series[1], &back.series[1]);
	same_rest(&document, &back);
	free(text);
	bench_document_free(&document);
	bench_document_free(&back);
}

Test(document, skips_members_it_does_not_know, .init = make_file, .fini = remove_file)
{
	static const char text[] =
		"{\"schema\":\"pendbench/2\",\"exit_status\":0,\"processes\":1,\"future\":[1],"
		"\"series\":[{\"scenario\":\"a\",\"subject\":\"b\",\"metric\":\"ns\",\"colour\":3,"
		"\"values\":{\"value\":[1.5,2],\"weather\":[\"rain\"]}}]}";
	struct bench_document document;
	char why[200];

	cr_assert_eq(read_text(text, strlen(text), &document, why), 0, "%s", why);
	cr_assert_eq(document.series_count, 1);
	cr_assert_eq(document.series[0].count, 2);
	cr_assert_eq(document.series[0].values[0].value, 1.5);
	cr_assert_eq(document.series[0].values[1].process, 0);
	bench_document_free(&document);
}

#define HEAD "{\"schema\":\"pendbench/2\",\"exit_status\":0,\"processes\":1"
#define SERIES "\"scenario\":\"a\",\"subject\":\"b\",\"metric\":\"ns\""

Test(document, says_what_is_wrong, .init = make_file, .fini = remove_file)
{
	static const struct {
		const char *text;
		int error;
		const char *why; /* a part of it */
	} cases[] = {
		{ "", -EBADMSG, "line 1" },
		{ "[1, 2]", -EBADMSG, "not a document" },
		{ "{\"schema\":\"other/2\"}", -EBADMSG, "not a document" },
		{ "{\"schema\":\"pendbench/1\"}", -EPROTO, "pendbench/1" },
		{ "{\"schema\":\"pendbench/3\"}", -EPROTO, "pendbench/3" },
		{ "{\"schema\":\"pendbench/2\",\"exit_status\":0}", -EBADMSG, "processes" },
		{ HEAD ",\n\n\"series\":[}", -EBADMSG, "line 3" },
		{ HEAD ",\"series\":5}", -EBADMSG, "series" },
		{ HEAD ",\"host\":{\"cpu\":5}}", -EBADMSG, "cpu" },
		{ HEAD ",\"series\":[{\"scenario\":\"a\",\"subject\":\"b\"}]}", -EBADMSG,
		  "series[0]: bad or missing \"metric\"" },
		{ HEAD ",\"series\":[{" SERIES "},{" SERIES "}]}", -EBADMSG, "series[1]" },
		{ HEAD ",\"series\":[{" SERIES ",\"peer\":1}]}", -EBADMSG, "peer" },
		{ HEAD ",\"series\":[{" SERIES ",\"better\":\"worse\"}]}", -EBADMSG, "better" },
		{ HEAD ",\"series\":[{" SERIES ",\"calls\":\"longer than that\"}]}", -EBADMSG,
		  "calls" },
		{ HEAD ",\"series\":[{" SERIES ",\"point\":{\"threads\":-1}}]}", -EBADMSG,
		  "point" },
		{ HEAD ",\"series\":[{" SERIES ",\"point\":{\"threads\":4294967296}}]}", -EBADMSG,
		  "point" },
		{ HEAD ",\"series\":[{" SERIES ",\"values\":{\"value\":[1],\"repeat\":[1,2]}}]}",
		  -EBADMSG, "repeat" },
		{ HEAD ",\"series\":[{" SERIES ",\"values\":{\"value\":[\"1\"]}}]}", -EBADMSG,
		  "value" },
		{ HEAD ",\"timelines\":[{\"scenario\":\"a\",\"subject\":\"b\",\"columns\":"
		       "[{\"name\":\"c\"}],\"rows\":[[1],[1,2]]}]}",
		  -EBADMSG, "rows" },
		{ HEAD ",\"timelines\":[{\"scenario\":\"a\",\"subject\":\"b\",\"columns\":"
		       "[{},{},{},{},{},{},{}]}]}",
		  -EBADMSG, "columns" },
		{ HEAD ",\"spectra\":[{\"scenario\":\"a\",\"subject\":\"b\",\"kind\":\"c\","
		       "\"bars\":[[5,1],[4,1]]}]}",
		  -EBADMSG, "bars" },
		{ HEAD ",\"ledgers\":[{\"scenario\":\"a\",\"subject\":\"b\",\"numbers\":"
		       "{\"in\":1.5}}]}",
		  -EBADMSG, "numbers" },
		{ HEAD ",\"findings\":[{\"name\":\"a\",\"severity\":\"bad\"}]}", -EBADMSG,
		  "severity" },
		{ HEAD ",\"notes\":[1]}", -EBADMSG, "notes[0]" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench_document document;
		char why[200];
		const int error = read_text(cases[i].text, strlen(cases[i].text), &document, why);

		cr_assert_eq(error, cases[i].error, "case %zu: %d, %s", i, error, why);
		cr_assert(strstr(why, cases[i].why), "case %zu: %s", i, why);
		cr_assert_eq(document.series_count, 0, "case %zu: it is not empty", i);
	}
}

/* However short a document is cut, it is refused and nothing is left behind. */
Test(document, refuses_what_was_cut, .init = make_file, .fini = remove_file)
{
	struct bench_document document, back;
	char why[200], *text;
	size_t length;

	fill(&document);
	text = bench_document_text(&document);
	length = strlen(text);
	for (size_t cut = 0; cut < length - 2; cut += 13) {
		cr_assert_eq(read_text(text, cut, &back, why), -EBADMSG, "cut at %zu", cut);
		cr_assert_eq(back.series_count + back.note_count, 0);
	}
	free(text);
	bench_document_free(&document);
}

/* A letter changed anywhere must not do more than be refused. */
Test(document, stands_what_was_changed, .init = make_file, .fini = remove_file)
{
	struct bench_document document, back;
	char why[200], *text;
	uint32_t refused = 0;

	fill(&document);
	text = bench_document_text(&document);
	for (size_t at = 0; at < strlen(text); at += 7) {
		const char letter = text[at];

		text[at] = letter == '9' ? '"' : '9';
		if (read_text(text, strlen(text), &back, why))
			refused++;
		bench_document_free(&back);
		text[at] = letter;
	}
	cr_assert_gt(refused, 100);
	free(text);
	bench_document_free(&document);
}

Test(document, is_not_there)
{
	struct bench_document document;
	char why[200] = "";

	bench_document_init(&document);
	cr_assert_eq(bench_document_read("/nonexistent/it", &document, why, sizeof(why)), -ENOENT);
	cr_assert_str_neq(why, "");
}

/* A character that was cut in two is no UTF-8, and JSON is nothing else. */
Test(document, writes_any_text, .init = make_file, .fini = remove_file)
{
	struct bench_document document, back;
	char why[200], *text;

	bench_document_init(&document);
	cr_assert_eq(bench_document_note(&document, "5 \xc2"), 0);
	text = bench_document_text(&document);
	cr_assert(text);
	cr_assert_eq(read_text(text, strlen(text), &back, why), 0, "%s", why);
	cr_assert_str_eq(back.notes[0], "5 ?");
	free(text);
	bench_document_free(&document);
	bench_document_free(&back);
}

Test(document, cannot_be_written)
{
	struct bench_document document;
	FILE *full = fopen("/dev/full", "w");

	cr_assert(full);
	fill(&document);
	cr_assert_eq(bench_document_write(&document, full), -EIO);
	fclose(full);
	bench_document_free(&document);
}

Test(document, merges_processes)
{
	struct bench_document all, one;

	bench_document_init(&all);
	for (uint32_t process = 0; process < 3; process++) {
		fill(&one);
		one.exit_status = process == 1 ? 4 : process == 2 ? 5 : 0;
		one.spectra->most += process;
		cr_assert_eq(bench_document_merge(&all, &one, process), 0);
		bench_document_free(&one);
	}
	cr_assert_eq(all.process_count, 3);
	cr_assert_eq(all.exit_status, 4, "wrong is worse than anything");
	cr_assert_eq(all.took_s, 37.5);
	cr_assert_eq(all.series_count, 2);
	cr_assert_eq(all.series[0].count, 57);
	cr_assert_eq(all.series[0].values[0].process, 0);
	cr_assert_eq(all.series[0].values[18].process, 0);
	cr_assert_eq(all.series[0].values[19].process, 1);
	cr_assert_eq(all.series[0].values[56].process, 2);
	cr_assert_str_eq(all.series[1].skipped, "not built");
	cr_assert_eq(all.timeline_count, 3);
	cr_assert_eq(all.timelines[2].process, 2);
	cr_assert_eq(all.timelines[2].row_count, 20);
	cr_assert_eq(all.spectrum_count, 1);
	cr_assert_eq(all.spectra->bars[1].count, 300000000000u);
	cr_assert_eq(all.spectra->most, 4000125);
	cr_assert_eq(all.ledger_count, 3);
	cr_assert_eq(all.ledgers[1].process, 1);
	cr_assert_eq(all.note_count, 1);
	cr_assert_eq(all.finding_count, 1);
	bench_document_free(&all);
}

Test(document, notes_what_processes_disagree_in)
{
	struct bench_document all, one;
	struct bench_series series = like;
	const struct bench_finding worse = { BENCH_WARNING, "load", "5", "wait" };
	const struct bench_finding note = { BENCH_NOTE, "load", "1", "" };

	bench_document_init(&all);
	bench_document_init(&one);
	cr_assert_eq(bench_document_set(&all, BENCH_ABOUT_HOST, "kernel", "6.1"), 0);
	cr_assert_eq(bench_document_set(&one, BENCH_ABOUT_HOST, "kernel", "6.2"), 0);
	cr_assert_eq(bench_document_find_out(&all, &note), 0);
	cr_assert_eq(bench_document_find_out(&one, &worse), 0);
	add_values(&all, 2);
	snprintf(series.skipped, sizeof(series.skipped), "no memory");
	cr_assert(bench_document_series(&one, &series));
	cr_assert_eq(bench_document_merge(&all, &one, 7), 0);
	cr_assert_eq(all.note_count, 2);
	cr_assert_str_eq(all.notes[0], "process 7 differs in host kernel: 6.2, not 6.1");
	cr_assert_str_eq(all.notes[1], "process 7 has no steady/key 64Ki 2T 90% zipf:0.99 200k/s "
				       "pendmap batch: no memory");
	cr_assert_str_eq(bench_document_get(&all, BENCH_ABOUT_HOST, "kernel"), "6.1");
	cr_assert_eq(all.findings[0].severity, BENCH_WARNING);
	cr_assert_eq(all.series[0].count, 2);
	bench_document_free(&one);
	bench_document_free(&all);
}

Test(document, merges_spectra_bar_by_bar)
{
	struct bench_document document;
	const struct bench_spectrum spectrum = { .scenario = "a", .subject = "b", .kind = "c" };
	const struct bench_bar first[] = { { 1, 5 }, { 10, 1 } };
	const struct bench_bar second[] = { { 0, 2 }, { 10, 2 }, { 20, 1 } };
	const struct bench_bar both[] = { { 0, 2 }, { 1, 5 }, { 10, 3 }, { 20, 1 } };

	bench_document_init(&document);
	cr_assert_eq(bench_document_spectrum(&document, &spectrum, first, 2), 0);
	cr_assert_eq(bench_document_spectrum(&document, &spectrum, second, 3), 0);
	cr_assert_eq(document.spectrum_count, 1);
	cr_assert_eq(document.spectra->bar_count, 4);
	cr_assert_arr_eq(document.spectra->bars, both, sizeof(both));
	bench_document_free(&document);
}

/* Many of each, so that all arrays grow; each is there once. */
Test(document, grows)
{
	struct bench_document document;
	struct bench_series series = like;
	const struct bench_value value = { .value = 1 };

	bench_document_init(&document);
	for (uint32_t i = 0; i < 600; i++) {
		series.point.size = i % 300;
		cr_assert_eq(bench_series_add(bench_document_series(&document, &series), &value),
			     0);
		cr_assert_eq(bench_document_note(&document, "note %u", i % 300), 0);
	}
	cr_assert_eq(document.series_count, 300);
	cr_assert_eq(document.note_count, 300);
	for (uint32_t i = 0; i < 300; i++)
		cr_assert(document.series[i].point.size == i && document.series[i].count == 2);
	bench_document_free(&document);
	cr_assert_eq(document.series_count, 0);
}

Test(document, points_have_short_names)
{
	char text[160];
	const struct bench_point none = { 0 };
	const struct bench_point some = { .size = 1024, .rate = 1.5e6 };
	struct bench_series series = like;

	cr_assert_str_eq(bench_point_format(&none, text, sizeof(text)), "");
	cr_assert_str_eq(bench_point_format(&some, text, sizeof(text)), "1Ki 1.5M/s");
	cr_assert_str_eq(bench_point_format(&like.point, text, sizeof(text)),
			 "64Ki 2T 90% zipf:0.99 200k/s");
	cr_assert_str_eq(bench_point_format(&like.point, text, 10), "64Ki 2T 9", "it is cut");
	snprintf(series.metric, sizeof(series.metric), "p99");
	series.point = none;
	cr_assert_str_eq(bench_series_format(&series, text, sizeof(text)),
			 "steady/key pendmap batch p99");
}
