/* SPDX-License-Identifier: MIT */
/*
 * headlines.c - the sentence of judgement, what casts doubt on it, and the targets.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/command/options.h"
#include "bench/model/figure.h"
#include "bench/report/html.h"
#include "bench/report/page.h"
#include "bench/report/plot.h"

/* The sentence names so many of the missed targets; the table has all. */
#define MISSES_NAMED 3u

/* What a headline comes to: how many times as good as asked for. */
struct standing {
	double goodness; /* 1 and above: reached */
	double ratio;    /* to the peer; NAN: no peer */
	bool met;
	char figure[128];
	char asked[64];
};

/* "1.69x (1.65 - 1.77)"; a @unit of NULL is times. */
static void write_range(const struct bench_figure *figure, const char *unit, char *text,
			size_t size)
{
	char middle[40], low[40], high[40];

	if (unit) {
		html_value(middle, sizeof(middle), figure->median, unit);
		html_value(low, sizeof(low), figure->low, unit);
		html_value(high, sizeof(high), figure->high, unit);
	} else {
		html_number(middle, sizeof(middle) - 4, figure->median);
		strcat(middle, "\xc3\x97");
		html_number(low, sizeof(low), figure->low);
		html_number(high, sizeof(high), figure->high);
	}
	snprintf(text, size, "%s (%s \xe2\x80\x93 %s)", middle, low, high);
}

static struct standing standing_of(const struct bench_headline *headline)
{
	struct bench_figure figure = bench_headline_figure(headline);
	struct standing standing = { .ratio = NAN };
	double value = figure.median;
	char number[64];

	if (headline->target_is_ratio)
		standing.ratio = value;
	standing.met = bench_headline_met(headline, number, sizeof(number));
	write_range(&figure, headline->target_is_ratio ? NULL : headline->series->unit,
		    standing.figure, sizeof(standing.figure));
	if (headline->target_is_ratio) {
		standing.goodness = standing.ratio / headline->target;
		snprintf(standing.asked, sizeof(standing.asked), "at least %s\xc3\x97",
			 html_number(number, sizeof(number), headline->target));
		return standing;
	}
	standing.goodness = headline->target_is_most ? headline->target / value
						     : value / headline->target;
	snprintf(standing.asked, sizeof(standing.asked), "at %s %s",
		 headline->target_is_most ? "most" : "least",
		 html_value(number, sizeof(number), headline->target, headline->series->unit));
	return standing;
}

/* What it is about and at which size. */
static const char *name_of(const struct bench_headline *headline, char *text, size_t size)
{
	char entries[24];

	html_entries(entries, sizeof(entries), headline->series->point.size);
	snprintf(text, size, "%s%s%s", headline->what,
		 entries[0] && !strstr(headline->what, entries) ? ", " : "",
		 strstr(headline->what, entries) ? "" : entries);
	return text;
}

/* The first comparison with a peer, and the range of all. */
static void write_comparison(struct report_page *page)
{
	double least = INFINITY, most = 0;
	char number[40], other[40], name[120];
	uint32_t compared = 0;

	for (uint32_t i = 0; i < page->headline_count; i++) {
		const struct bench_headline *headline = &page->headlines[i];
		struct standing standing = standing_of(headline);

		if (!headline->peer || !headline->peer->peer || !isfinite(standing.ratio))
			continue;
		if (compared++ == 0)
			html_printf(
				page->out,
				"pendmap is %s\xc3\x97 as fast as the best packaged peer (%s) at %s: %s",
				html_number(number, sizeof(number), standing.ratio),
				headline->peer->subject, headline->series->scenario,
				name_of(headline, name, sizeof(name)));
		least = fmin(least, standing.ratio);
		most = fmax(most, standing.ratio);
	}
	if (compared > 1)
		html_printf(page->out,
			    ", and between %s\xc3\x97 and %s\xc3\x97 in all %u such "
			    "comparisons",
			    html_number(number, sizeof(number), least),
			    html_number(other, sizeof(other), most), compared);
	fputs(compared ? ". " : "This run compares pendmap with no peer. ", page->out);
}

static void write_targets(struct report_page *page)
{
	uint32_t met = 0, missed = 0;
	char name[120];

	for (uint32_t i = 0; i < page->headline_count; i++)
		met += standing_of(&page->headlines[i]).met;
	html_printf(page->out, "It reaches %u of %u target%s", met, page->headline_count,
		    page->headline_count == 1 ? "" : "s");
	for (uint32_t i = 0; i < page->headline_count; i++) {
		const struct bench_headline *headline = &page->headlines[i];
		struct standing standing = standing_of(headline);

		if (standing.met)
			continue;
		if (missed == MISSES_NAMED)
			continue;
		fputs(missed++ ? "; " : "; it misses: ", page->out);
		html_printf(page->out, "%s (%s%s%s, asked %s)",
			    name_of(headline, name, sizeof(name)), standing.figure,
			    headline->peer ? " beside " : "",
			    headline->peer ? headline->peer->subject : "", standing.asked);
	}
	if (met + missed < page->headline_count)
		html_printf(page->out, "; and %u more", page->headline_count - met - missed);
	fputs(".", page->out);
}

/* Share of all primary values that no preemption touched. */
static double clean_share(const struct bench_document *document)
{
	uint64_t clean = 0, all = 0;

	for (uint32_t i = 0; i < document->series_count; i++) {
		const struct bench_series *series = &document->series[i];

		for (uint32_t j = 0; series->primary && j < series->count; j++, all++)
			clean += series->values[j].preempted == 0 ||
				 series->values[j].operations == 0;
	}
	return all ? (double)clean / (double)all : NAN;
}

/* What casts doubt on the figures, as a list. */
static void write_doubts(struct report_page *page)
{
	const struct bench_document *document = page->document;
	const char *profile = bench_document_get(document, BENCH_ABOUT_CONFIG, "profile");
	const char *warning = bench_document_get(document, BENCH_ABOUT_BUILD, "warning");
	double clean = clean_share(document);
	FILE *out = page->out;

	fputs("<ul class=\"doubts\">", out);
	if (document->exit_status == BENCH_EXIT_WRONG)
		fputs("<li class=\"warning\">The accounting did not add up: the figures mean nothing.</li>",
		      out);
	if (strcmp(profile, "smoke") == 0)
		fputs("<li class=\"warning\">A smoke run shows that everything runs; its figures mean "
		      "nothing.</li>",
		      out);
	if (warning[0]) {
		fputs("<li class=\"warning\">", out);
		html_text(out, warning);
		fputs("</li>", out);
	}
	if (document->process_count == 1)
		fputs("<li>One process only: how much processes differ is not known.</li>", out);
	if (clean < 0.7) {
		fputs("<li class=\"warning\">", out);
		html_printf(out,
			    "Only %.0f %% of the values are clean: something else used the CPUs.",
			    clean * 100);
		fputs("</li>", out);
	}
	for (uint32_t i = 0; i < document->finding_count; i++) {
		const struct bench_finding *finding = &document->findings[i];

		if (finding->severity == BENCH_FINE)
			continue;
		fprintf(out, "<li%s><b>",
			finding->severity == BENCH_WARNING ? " class=\"warning\"" : "");
		html_text(out, finding->name);
		fputs("</b>: ", out);
		html_text(out, finding->text);
		if (finding->advice[0])
			html_printf(out, " \xe2\x86\x92 %s", finding->advice);
		fputs("</li>", out);
	}
	fputs("</ul>\n", out);
}

/* "A . B . C" of the facts that there are. */
static void write_facts(struct report_page *page, const char *heading, enum bench_about about,
			const char *const *names)
{
	bool any = false;

	fprintf(page->out, "<p class=\"facts\"><b>%s</b> ", heading);
	for (; *names; names++) {
		const char *value = bench_document_get(page->document, about, *names);

		if (!value[0] || strcmp(value, "none") == 0)
			continue;
		html_printf(page->out, "%s%s%s", any ? " \xc2\xb7 " : "", value,
			    strcmp(*names, "cpus") == 0 ? " CPUs" : "");
		any = true;
	}
	fputs(any ? "</p>\n" : "not recorded</p>\n", page->out);
}

void report_write_judgement(struct report_page *page)
{
	static const char *const host[] = { "cpu", "cpus", "virtual", "kernel", NULL };
	static const char *const build[] = { "version", "commit",   "compiler", "type",
					     "flags",   "sanitize", NULL };
	const char *command = bench_document_get(page->document, BENCH_ABOUT_CONFIG, "command");
	char took[40];

	fputs("<p id=\"judgement\" class=\"judgement\">", page->out);
	if (page->headline_count > 0) {
		write_comparison(page);
		write_targets(page);
	} else {
		fputs("This run has none of the figures that targets are set for.", page->out);
	}
	fputs("</p>\n", page->out);
	write_doubts(page);
	write_facts(page, "Machine", BENCH_ABOUT_HOST, host);
	write_facts(page, "Build", BENCH_ABOUT_BUILD, build);
	fprintf(page->out, "<p class=\"facts\"><b>Run</b> %u process%s \xc2\xb7 %s",
		page->document->process_count, page->document->process_count == 1 ? "" : "es",
		html_value(took, sizeof(took), page->document->took_s * 1e3, "ms"));
	if (command[0]) {
		fputs(" \xc2\xb7 reproduce it with <code id=\"command\">", page->out);
		html_text(page->out, command);
		fputs("</code>", page->out);
	}
	fputs("</p>\n", page->out);
}

static void write_row(struct report_page *page, const struct bench_headline *headline)
{
	struct standing standing = standing_of(headline);
	struct bench_figure own = bench_figure_of(headline->series);
	char text[160], number[40];

	fprintf(page->out, "<tr class=\"%s\">", standing.met ? "met" : "missed");
	report_cell_text(page, name_of(headline, text, sizeof(text)));
	report_cell_text(page, standing.met ? "\xe2\x9c\x93 reached" : "\xe2\x9c\x97 missed");
	report_cell_number(page, bench_headline_figure(headline).median, standing.figure);
	report_cell_text(page, standing.asked);
	report_cell_number(page, own.median,
			   html_value(text, sizeof(text), own.median, headline->series->unit));
	if (headline->peer)
		snprintf(text, sizeof(text), "%s (%s)",
			 html_value(number, sizeof(number), bench_figure_of(headline->peer).median,
				    headline->peer->unit),
			 headline->peer->subject);
	report_cell_text(page, headline->peer ? text : "");
	report_cell_text(page, headline->series->scenario);
	snprintf(text, sizeof(text), "%.0f %%", own.clean * 100);
	report_cell_number(page, own.clean, text);
	report_cell_text(page, bench_pingpong_class(own.pingpong_ns));
	fputs("</tr>\n", page->out);
}

static void write_plot(struct report_page *page)
{
	struct plot_row rows[BENCH_HEADLINES_MAX];
	struct plot_rows plot = {
		.title = "Distance to the target",
		.about = "One point for each target: how many times as good as it asks for.",
		.better = BENCH_MORE_IS_BETTER,
		.x = { .label = "times the target (1 is reached)", .unit = "", .scale = PLOT_LOG },
		.level = 1,
	};
	uint32_t count = 0;

	memset(rows, 0, sizeof(rows));
	for (uint32_t i = 0; i < page->headline_count; i++) {
		struct standing standing = standing_of(&page->headlines[i]);
		struct plot_row *row = &rows[count];

		if (!isfinite(standing.goodness) || standing.goodness <= 0)
			continue;
		name_of(&page->headlines[i], row->label, sizeof(row->label));
		snprintf(row->text, sizeof(row->text), "%.2f\xc3\x97", standing.goodness);
		row->class = standing.met ? 0 : 1;
		row->value = standing.goodness;
		row->low = row->high = NAN;
		count++;
	}
	plot_rows(page->out, &plot, rows, count);
}

void report_write_headlines(struct report_page *page)
{
	static const char *const headings[] = { "what",     "verdict", "#measured", "target",
						"#pendmap", "beside",  "scenario",  "#clean",
						"CPUs",     NULL };
	const char *missing[BENCH_HEADLINES_MAX];
	uint32_t missing_count = bench_headlines_missing(page->document, missing);

	if (page->headline_count == 0) {
		report_absent(page, "Targets", "--quick");
		return;
	}
	report_table_begin(page, "table-headlines", headings);
	for (uint32_t i = 0; i < page->headline_count; i++)
		write_row(page, &page->headlines[i]);
	report_table_end(page);
	fputs("<div class=\"panels\">\n", page->out);
	write_plot(page);
	fputs("</div>\n", page->out);
	if (missing_count == 0)
		return;
	fputs("<p class=\"absent\">This run has no figures for: ", page->out);
	for (uint32_t i = 0; i < missing_count; i++)
		html_printf(page->out, "%s%s", i ? "; " : "", missing[i]);
	fputs(".</p>\n", page->out);
}

static void write_change(struct report_page *page, const struct bench_comparison *change)
{
	char text[200], before[40], after[40];

	fputs("<tr>", page->out);
	report_cell_text(page, bench_series_format(change->now, text, sizeof(text)));
	report_cell_text(page, bench_verdict_word(change));
	snprintf(text, sizeof(text), "%+.1f %%", change->change * 100);
	report_cell_number(page, change->change, text);
	snprintf(text, sizeof(text), "%+.1f to %+.1f %%", change->low * 100, change->high * 100);
	report_cell_number(page, change->low, text);
	snprintf(text, sizeof(text), "%.3f", change->p);
	report_cell_number(page, change->p, text);
	html_value(before, sizeof(before), change->base_value, change->now->unit);
	html_value(after, sizeof(after), change->now_value, change->now->unit);
	snprintf(text, sizeof(text), "%s \xe2\x86\x92 %s", before, after);
	report_cell_text(page, text);
	report_cell_text(page, change->reason);
	fputs("</tr>\n", page->out);
}

void report_write_changes(struct report_page *page)
{
	static const char *const headings[] = { "series",  "verdict", "#change",
						"#95 %",   "#p",      "base \xe2\x86\x92 now",
						"why not", NULL };
	struct bench_rule rule = bench_rule_default();
	struct bench_comparison *changes = NULL;
	int count;

	count = bench_compare_documents(page->report->base, page->document, &rule, NULL, &changes);
	if (count < 0) {
		page->error = count;
		return;
	}
	report_paragraph(page,
			 "%d series are in both runs. Changed means a rank test over processes "
			 "with p below %g and a shift of at least %g %%.",
			 count, rule.p, rule.effect * 100);
	if (count > 0) {
		report_table_begin(page, "table-changes", headings);
		for (int i = 0; i < count; i++)
			write_change(page, &changes[i]);
		report_table_end(page);
	}
	free(changes);
}
