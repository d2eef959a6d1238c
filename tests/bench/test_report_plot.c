/* SPDX-License-Identifier: MIT */
/*
 * test_report_plot.c - escapes, numbers, and marks of axes.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/html.h"
#include "bench/report/plot.h"
#include "bench/report/select.h"
#include "tests/bench/report_sample.h"

static char *escaped(void (*write)(FILE *out, const char *text), const char *text)
{
	char *result = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&result, &size);

	cr_assert_not_null(out);
	write(out, text);
	fclose(out);
	return result;
}

static void expect_text(const char *text, const char *expected)
{
	char *result = escaped(html_text, text);

	cr_expect_str_eq(result, expected);
	free(result);
}

Test(report_html, markup_and_bad_bytes_are_escaped)
{
	expect_text("a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#39;");
	expect_text("\xc2\xb5s \xe2\x86\x92 \xf0\x9f\x94\xa5",
		    "\xc2\xb5s \xe2\x86\x92 \xf0\x9f\x94\xa5");
	expect_text("\xff|\xc2|\x01", "\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd");
	expect_text("\xc0\xaf\xed\xa0\x80",
		    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	expect_text("cut \xe2\x86", "cut \xef\xbf\xbd\xef\xbf\xbd");
}

Test(report_html, json_cannot_end_its_element)
{
	char *result = escaped(html_json, "{\"a\":\"</script><!--\"}");

	cr_expect_str_eq(result, "{\"a\":\"\\u003c/script>\\u003c!--\"}");
	free(result);
}

Test(report_html, ids_have_letters_digits_and_hyphens)
{
	char id[12];

	cr_expect_str_eq(html_id(id, sizeof(id), "A/b c"), "a-b-c");
	cr_expect_str_eq(html_id(id, sizeof(id), "<\"'>"), "");
	cr_expect_str_eq(html_id(id, sizeof(id), "much-longer-than-that"), "much-longer");
}

Test(report_html, numbers_have_three_digits_that_count)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{ 0, "0" },          { 1, "1" },
		{ 1.234, "1.23" },   { 12.34, "12.3" },
		{ 123.4, "123" },    { 1234.5, "1234" },
		{ 12345, "12,345" }, { 1234567, "1,234,567" },
		{ 0.0123, "0.012" }, { -4.567, "-4.57" },
		{ 0.5, "0.500" },    { 99.99, "100" },
	};
	char text[40];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_str_eq(html_number(text, sizeof(text), cases[i].value), cases[i].text,
				 "%g is %s", cases[i].value, text);
	cr_expect_str_eq(html_number(text, sizeof(text), NAN), "\xe2\x80\x93");
}

Test(report_html, values_find_their_unit)
{
	static const struct {
		double value;
		const char *unit;
		const char *text;
	} cases[] = {
		{ 12.34, "ns", "12.3 ns" },
		{ 4560, "ns", "4.56 \xc2\xb5s" },
		{ 4.56e9, "ns", "4.56 s" },
		{ 31.2e6, "1/s", "31.2 M/s" },
		{ 136, "bytes", "136 B" },
		{ 1536, "bytes", "1.50 KiB" },
		{ 0, "ms", "0 ms" },
		{ 0.5, "ms", "500 \xc2\xb5s" },
		{ 98, "%", "98 %" },
		{ 7, "", "7" },
		{ 999.9, "ns", "1.00 \xc2\xb5s" },
		{ 0.25, "ns", "0.250 ns" },
	};
	char text[40];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_str_eq(html_value(text, sizeof(text), cases[i].value, cases[i].unit),
				 cases[i].text, "%g %s is %s", cases[i].value, cases[i].unit, text);
	cr_expect_str_eq(html_entries(text, sizeof(text), 65536), "64Ki");
	cr_expect_str_eq(html_entries(text, sizeof(text), 8388608), "8Mi");
	cr_expect_str_eq(html_entries(text, sizeof(text), 1000), "1000");
	cr_expect_str_eq(html_entries(text, sizeof(text), 0), "");
}

static struct plot_axis axis_of(enum plot_scale scale, const char *unit, double low, double high)
{
	struct plot_axis axis = { .label = "x", .unit = unit, .scale = scale };

	plot_axis_include(&axis, low);
	plot_axis_include(&axis, high);
	plot_axis_settle(&axis);
	return axis;
}

/* Whatever the data: marks ascend, lie inside, are different, and are not more than asked for. */
static void check_ticks(const struct plot_axis *axis, uint32_t most)
{
	struct plot_tick ticks[PLOT_TICKS_MAX];
	uint32_t count = plot_ticks(axis, most, ticks);

	cr_assert_leq(count, most);
	for (uint32_t i = 0; i < count; i++) {
		cr_expect_geq(ticks[i].at, axis->low - fabs(axis->low) * 1e-5);
		cr_expect_leq(ticks[i].at, axis->high + fabs(axis->high) * 1e-5);
		cr_expect_neq(ticks[i].text[0], '\0');
		if (i == 0)
			continue;
		cr_expect_gt(ticks[i].at, ticks[i - 1].at);
		cr_expect_str_neq(ticks[i].text, ticks[i - 1].text, "%g to %g: %s twice", axis->low,
				  axis->high, ticks[i].text);
	}
}

Test(report_plot, marks_lie_inside_and_ascend)
{
	static const double lows[] = { 0.001, 0.9, 1, 3, 47, 1234 };
	static const double spans[] = { 1, 1.02, 1.7, 2.5, 11, 130, 40000, 5e7 };

	for (size_t i = 0; i < sizeof(lows) / sizeof(lows[0]); i++)
		for (size_t j = 0; j < sizeof(spans) / sizeof(spans[0]); j++)
			for (int scale = PLOT_LINEAR; scale <= PLOT_LOG; scale++) {
				struct plot_axis axis = axis_of((enum plot_scale)scale, "ns",
								lows[i], lows[i] * spans[j]);

				cr_assert_lt(axis.low, axis.high);
				for (uint32_t most = 2; most <= PLOT_TICKS_MAX; most++)
					check_ticks(&axis, most);
			}
}

static void expect_ticks(const struct plot_axis *axis, uint32_t most, const char *expected)
{
	struct plot_tick ticks[PLOT_TICKS_MAX];
	uint32_t count = plot_ticks(axis, most, ticks);
	char all[400] = "";

	for (uint32_t i = 0; i < count; i++) {
		strcat(all, i ? "|" : "");
		strcat(all, ticks[i].text);
	}
	cr_expect_str_eq(all, expected, "%s", all);
}

Test(report_plot, marks_are_round)
{
	struct plot_axis linear = axis_of(PLOT_LINEAR, "", 0, 43);
	struct plot_axis small = axis_of(PLOT_LINEAR, "", 0, 2.2);
	struct plot_axis micro = axis_of(PLOT_LINEAR, "ns", 0, 30000);
	struct plot_axis decades = axis_of(PLOT_LOG, "ns", 80, 2e6);
	struct plot_axis percentile = axis_of(PLOT_LOG, "percentile", 1, 10000);
	struct plot_axis threads = axis_of(PLOT_LOG, "", 1, 16);
	const char *unit;

	threads.powers = true;
	expect_ticks(&linear, 6, "0|10|20|30|40");
	expect_ticks(&small, 6, "0.0|0.5|1.0|1.5|2.0");
	expect_ticks(&micro, 4, "0|10|20|30");
	cr_expect_eq(plot_axis_unit(&micro, &unit), 1e3);
	cr_expect_str_eq(unit, "\xc2\xb5s");
	expect_ticks(&decades, 6, "100 ns|1 \xc2\xb5s|10 \xc2\xb5s|100 \xc2\xb5s|1 ms");
	expect_ticks(&percentile, 8, "0%|90%|99%|99.9%|99.99%");
	expect_ticks(&threads, 8, "1|2|4|8|16");
}

Test(report_plot, axes_without_or_with_one_datum_have_a_width)
{
	struct plot_axis none = { .label = "", .unit = "", .scale = PLOT_LOG };
	struct plot_axis zero = axis_of(PLOT_LINEAR, "", 0, 0);
	struct plot_axis refused = { .label = "", .unit = "", .scale = PLOT_LOG };

	plot_axis_settle(&none);
	cr_expect_lt(none.low, none.high);
	cr_expect_lt(zero.low, zero.high);
	plot_axis_include(&refused, 0);
	plot_axis_include(&refused, -3);
	plot_axis_include(&refused, NAN);
	cr_expect_not(refused.any);
	plot_axis_include(&refused, 5);
	cr_expect_eq(refused.low, 5);
	plot_axis_settle(&refused);
	cr_expect_lt(refused.low, 5);
	cr_expect_gt(refused.high, 5);
}

static char *draw_line(double y)
{
	char *text = NULL;
	size_t size = 0;
	struct plot plot = { .out = open_memstream(&text, &size),
			     .title = "t<",
			     .about = "a",
			     .x = { .label = "x", .unit = "" },
			     .y = { .label = "y", .unit = "ns" } };
	double xs[4] = { 0, 1, 2, 3 }, ys[4] = { 1, y, 3, 4 };

	for (int i = 0; i < 4; i++) {
		plot_axis_include(&plot.x, xs[i]);
		plot_axis_include(&plot.y, ys[i]);
	}
	plot_begin(&plot);
	plot_line(&plot, xs, ys, 4, 3, false);
	plot_end(&plot);
	fclose(plot.out);
	return text;
}

static uint32_t moves_of(const char *text)
{
	const char *path = strstr(text, "class=\"line s3\"");
	uint32_t moves = 0;

	cr_assert_not_null(path);
	path = strstr(path, " d=\"") + 4;
	for (; *path != '"'; path++)
		moves += *path == 'M';
	return moves;
}

Test(report_plot, a_point_that_cannot_be_drawn_breaks_the_line)
{
	char *whole = draw_line(2), *broken = draw_line(NAN);

	cr_expect_eq(moves_of(whole), 1);
	cr_expect_eq(moves_of(broken), 2);
	cr_expect_null(strstr(broken, "nan"));
	cr_expect_not_null(strstr(whole, "<title>t&lt;</title>"));
	free(whole);
	free(broken);
}

Test(report_select, variants_have_the_colour_of_their_subject)
{
	struct bench_series own = { .subject = "16 programs" };
	struct bench_series peer = { .subject = "16 programs", .peer = true };

	cr_expect_eq(report_class("pendmap"), 0);
	cr_expect_eq(report_class("mutex key by 8"), report_class("mutex"));
	cr_expect_eq(report_class("pendmap, no membarrier"), 0);
	cr_expect_neq(report_class("pendmap-engine"), report_class("pendmap"));
	cr_expect_neq(report_class("unheard of"), 0, "pendmap's colour is pendmap's");
	cr_expect_lt(report_class("unheard of"), PLOT_CLASSES);
	cr_expect_eq(report_series_class(&own), 0);
	cr_expect_neq(report_series_class(&peer), 0);
}

Test(report_select, series_are_sorted_by_panel)
{
	struct bench_document document;
	struct report_list list;
	uint32_t panels = 0, count, all = 0;

	bench_document_init(&document);
	cr_assert_eq(report_sample_fill(&document), 0);
	cr_assert_eq(report_pick(&document, REPORT_PEERS, &list), 0);
	for (uint32_t i = 0; i < list.count; i += count) {
		count = report_panel(&list, i);
		all += count;
		panels++;
		for (uint32_t j = 1; j < count; j++)
			cr_expect_geq(list.series[i + j]->point.size,
				      list.series[i + j - 1]->point.size);
	}
	cr_expect_eq(all, list.count);
	cr_expect_eq(panels, 15, "3 scenarios with 5 numbers of threads: %u", panels);
	report_list_free(&list);
	bench_document_free(&document);
}

Test(report_select, a_metric_is_in_one_place)
{
	static const char *const metrics[] = { "b", "a", "b", "a" };
	struct bench_value value = { .value = 1 };
	struct bench_document document;
	struct report_list list;

	bench_document_init(&document);
	for (uint32_t i = 0; i < 4; i++) {
		struct bench_series like = { .scenario = "s", .point.size = i < 2 ? 64 : 32 };
		struct bench_series *series;

		strcpy(like.metric, metrics[i]);
		series = bench_document_series(&document, &like);
		cr_assert_not_null(series);
		cr_assert_eq(bench_series_add(series, &value), 0);
	}
	cr_assert_eq(report_pick(&document, REPORT_OTHER, &list), 0);
	cr_assert_eq(list.count, 4);
	cr_expect_eq(report_panel(&list, 0), 2);
	cr_expect_eq(report_panel(&list, 2), 2);
	cr_expect_str_eq(list.series[0]->metric, "b", "in the order of the document");
	cr_expect_eq(list.series[0]->point.size, 32);
	report_list_free(&list);
	bench_document_free(&document);
}
