/* SPDX-License-Identifier: MIT */
/*
 * test_report.c - the page: well-formed, alone, escaped, and with something for each question.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/model/document_json.h"
#include "bench/report/report.h"
#include "tests/bench/markup.h"
#include "tests/bench/report_sample.h"

static int fill_nothing(struct bench_document *document)
{
	(void)document;
	return 0;
}

static char *page_of(int (*fill)(struct bench_document *document), const char *flamegraphs,
		     bool compared)
{
	struct bench_document document;
	struct bench_report report = { .document = &document,
				       .base = compared ? &document : NULL,
				       .flamegraphs = flamegraphs };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	cr_assert_not_null(out);
	bench_document_init(&document);
	cr_assert_eq(fill(&document), 0);
	cr_assert_eq(bench_report_write(&report, out), 0);
	fclose(out);
	bench_document_free(&document);
	return text;
}

static uint32_t count_of(const char *text, const char *what)
{
	uint32_t count = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		count++;
	return count;
}

/* Nothing is loaded, whatever the page is opened with. */
static void check_alone(const char *text)
{
	static const char *const loads[] = { " src=",  "href=\"http", "href=\"/", "@import",
					     "url(",   "<iframe",     "<object",  "<embed",
					     "<img",   "fetch(",      "XMLHttp",  "//cdn",
					     "import(" };

	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		cr_expect_eq(count_of(text, loads[i]), 0, "%s", loads[i]);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void check_ids(const char *text)
{
	char **ids = calloc(count_of(text, " id=\"") + 1, sizeof(*ids));
	uint32_t count = 0;

	for (const char *at = text; (at = strstr(at, " id=\"")) != NULL;) {
		at += 5;
		ids[count++] = strndup(at, strcspn(at, "\""));
	}
	qsort(ids, count, sizeof(*ids), compare_texts);
	for (uint32_t i = 0; i < count; i++) {
		cr_expect_neq(ids[i][0], '\0');
		cr_expect(i == 0 || strcmp(ids[i], ids[i - 1]) != 0, "id %s twice", ids[i]);
	}
	for (uint32_t i = 0; i < count; i++)
		free(ids[i]);
	free(ids);
}

/* Lines stay in their picture. */
static void check_lines(const char *text)
{
	for (const char *at = text; (at = strstr(at, "<path class=\"line")) != NULL; at++) {
		const char *end = strstr(at, "/>");
		double x, y;

		for (const char *point = strstr(at, " d=\""); point < end; point++)
			if ((*point == 'M' || *point == 'L') &&
			    sscanf(point + 1, "%lf %lf", &x, &y) == 2)
				cr_assert(x >= 0 && y >= 0 && x <= 460 && y <= 320,
					  "%g %g in %.99s", x, y, at);
	}
}

static void check_page(const char *text)
{
	check_lines(text);
	markup_check(text);
	check_alone(text);
	check_ids(text);
	cr_expect_eq(count_of(text, "<script"), 2);
	cr_expect_eq(count_of(text, "</script"), 2);
	for (const char *at = text; (at = strstr(at, "<svg")) != NULL; at++) {
		const char *end = strstr(at, "</svg>");

		for (const char *bad = at; bad < end; bad++)
			cr_assert(strncmp(bad, "nan ", 4) != 0 && strncmp(bad, "inf", 3) != 0 &&
					  strncmp(bad, "Mnan", 4) != 0,
				  "no number: %.60s", bad);
	}
}

/* The section with that id. */
static char *section_of(const char *text, const char *id)
{
	char begin[40];
	const char *from;

	snprintf(begin, sizeof(begin), "<section id=\"%s\">", id);
	from = strstr(text, begin);
	cr_assert_not_null(from, "no section %s", id);
	return strndup(from, (size_t)(strstr(from, "</section>") - from));
}

Test(report, a_full_run_has_a_plot_and_a_table_for_each_question)
{
	static const char *const ids[] = { "headlines", "peers",  "scaling", "tail",
					   "full",      "unplug", "epoch",   "hooks",
					   "memory",    "other",  "every" };
	char *text = page_of(report_sample_fill, NULL, false);

	check_page(text);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char *section = section_of(text, ids[i]);

		cr_expect_gt(count_of(section, "<figure"), 0, "%s has no plot", ids[i]);
		cr_expect_gt(count_of(section, "<table"), 0, "%s has no table", ids[i]);
		cr_expect_eq(count_of(section, "class=\"absent\""),
			     strcmp(ids[i], "headlines") == 0);
		cr_expect_eq(count_of(section, "<figure"), count_of(section, "<desc>"));
		cr_expect(!strstr(section, "class=\"line") || strstr(section, "class=\"legend\"") ||
				  strstr(section, "class=\"events\""),
			  "%s has lines without a legend", ids[i]);
		free(section);
	}
	free(text);
}

Test(report, it_opens_with_a_judgement)
{
	char *text = page_of(report_sample_fill, NULL, false);
	const char *judgement = strstr(text, "<p id=\"judgement\"");
	char *first;

	cr_assert_not_null(judgement);
	first = strndup(judgement, (size_t)(strstr(judgement, "</p>") - judgement));
	cr_expect_not_null(strstr(first, "as fast as the best packaged peer (dpdk)"));
	cr_expect_not_null(strstr(first, "It reaches "));
	cr_expect_not_null(strstr(first, "it misses: "));
	cr_expect_not_null(strstr(text, "pendbench run --full --threads 1,2,4,8 --seed 7"));
	cr_expect_not_null(strstr(text, "other guests take time"));
	free(first);
	first = strndup(text, (size_t)(strstr(text, "<nav") - text));
	cr_expect_null(strstr(first, "Release, no sanitizer"), "what is fine is no doubt");
	free(first);
	free(text);
}

Test(report, an_empty_run_says_so_and_draws_nothing)
{
	char *text = page_of(fill_nothing, NULL, false);

	check_page(text);
	cr_expect_eq(count_of(text, "<figure"), 0);
	cr_expect_gt(count_of(text, "class=\"absent\""), 8);
	cr_expect_not_null(strstr(text, "none of the figures that targets are set for"));
	free(text);
}

Test(report, one_value_is_enough_for_a_page)
{
	char *text = page_of(report_sample_single, NULL, false);
	char *every = section_of(text, "every");

	check_page(text);
	cr_expect_eq(count_of(every, "<figure"), 1);
	cr_expect_not_null(strstr(text, "One process only"));
	free(every);
	free(text);
}

Test(report, hostile_names_stay_text)
{
	char *text = page_of(report_sample_hostile, NULL, true);

	check_page(text);
	cr_expect_eq(count_of(text, "<b>&"), 0);
	cr_expect_eq(count_of(text, "<k>"), 0);
	cr_expect_eq(count_of(text, "<u>"), 0);
	cr_expect_eq(count_of(text, "\xff"), 0);
	cr_expect_gt(count_of(text, "&lt;/script&gt;&lt;b&gt;&amp;&quot;&#39;\xef\xbf\xbd"), 10);
	free(text);
}

Test(report, raw_data_reads_back_as_the_document)
{
	char path[] = "/tmp/test_report.XXXXXX";
	char *text = page_of(report_sample_hostile, NULL, false);
	const char *raw = strstr(text, "id=\"raw\">");
	struct bench_document document;
	int file = mkstemp(path);
	size_t size;
	char why[200];

	cr_assert_not_null(raw);
	cr_assert_geq(file, 0);
	raw += strlen("id=\"raw\">");
	size = (size_t)(strstr(raw, "</script>") - raw);
	cr_assert_eq(write(file, raw, size), (ssize_t)size);
	close(file);
	bench_document_init(&document);
	cr_expect_eq(bench_document_read(path, &document, why, sizeof(why)), 0, "%s", why);
	cr_expect_eq(document.series_count, 3);
	cr_expect_eq(document.timeline_count, 1);
	cr_expect_eq(strncmp(document.series[0].scenario, "steady/</script>", 16), 0);
	bench_document_free(&document);
	unlink(path);
	free(text);
}

Test(report, changes_have_a_section_only_beside_another_run)
{
	char *alone = page_of(report_sample_fill, NULL, false);
	char *beside = page_of(report_sample_fill, NULL, true);
	char *changes = section_of(beside, "changes");

	cr_expect_null(strstr(alone, "id=\"changes\""));
	cr_expect_null(strstr(alone, "href=\"#changes\""));
	cr_expect_not_null(strstr(beside, "href=\"#changes\""));
	cr_expect_gt(count_of(changes, "no change"), 100);
	free(changes);
	free(alone);
	free(beside);
}

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	out = fopen(path, "w");
	cr_assert_not_null(out);
	fputs(text, out);
	fclose(out);
}

Test(report, flame_graphs_of_pendflame_are_inside)
{
	static const char *const names[] = { "b.svg", "a.svg", "c.txt" };
	char folder[] = "/tmp/test_report.XXXXXX", path[128];
	char *text, *flames;

	cr_assert_not_null(mkdtemp(folder));
	write_file(folder, names[0], "<?xml?><svg class=\"pendflame cpu\"><text>mine</text></svg>");
	write_file(folder, names[1], "<svg class=\"foreign\"><script>evil()</script></svg>");
	write_file(folder, names[2], "<svg class=\"pendflame\"><text>not mine</text></svg>");
	text = page_of(report_sample_single, folder, false);
	flames = section_of(text, "flames");
	check_page(text);
	cr_expect_not_null(strstr(flames, "<text>mine</text>"));
	cr_expect_null(strstr(flames, "<?xml"));
	cr_expect_null(strstr(flames, "evil"));
	cr_expect_not_null(strstr(flames, "a.svg is not a picture of pendflame"));
	cr_expect_null(strstr(flames, "not mine"));
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
	free(flames);
	free(text);
}

Test(report, a_full_disk_is_an_error)
{
	struct bench_document document;
	struct bench_report report = { .document = &document };
	FILE *out = fopen("/dev/full", "w");

	cr_assert_not_null(out);
	bench_document_init(&document);
	cr_assert_eq(report_sample_single(&document), 0);
	cr_expect_eq(bench_report_write(&report, out), -EIO);
	bench_document_free(&document);
	fclose(out);
}
