/* SPDX-License-Identifier: MIT */
/*
 * page.c - the page: its head, its sections in turn, its script.
 */
#include "bench/report/page.h"

#include <errno.h>
#include <string.h>

#include "bench/report/html.h"
#include "bench/report/style.h"

static const struct {
	const char *id;
	const char *name; /* in the list of contents */
	const char *question;
	void (*write)(struct report_page *page);
} sections[] = {
	{ "headlines", "Targets", "Does it reach its targets?", report_write_headlines },
	{ "changes", "Changes", "What changed since the other run?", report_write_changes },
	{ "peers", "Peers", "How fast is it beside each peer?", report_write_peers },
	{ "scaling", "Scaling", "How does it scale with threads?", report_write_scaling },
	{ "tail", "Tail", "What is the tail under a rate?", report_write_tail },
	{ "full", "Full map", "What happens at max_entries?", report_write_full },
	{ "unplug", "Lost CPU", "What happens when a CPU goes away?", report_write_unplug },
	{ "epoch", "Stalled reader", "What happens when a reader stalls?", report_write_epoch },
	{ "hooks", "Hooks", "What does a hook cost?", report_write_hooks },
	{ "memory", "Memory", "How much memory does an entry take?", report_write_memory },
	{ "other", "Other", "What else was measured?", report_write_other },
	{ "flames", "Flame graphs", "Where does the time go?", report_write_flames },
	{ "every", "Every value", "What does each benchmark look like?", report_write_every },
	{ "method", "Method", "How was it measured, and what do the numbers not say?",
	  report_write_method },
	{ "data", "Raw data", "Where is the raw data?", report_write_data },
};

#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

/* Without another run there is nothing to compare with: no section then. */
static bool is_shown(const struct report_page *page, size_t section)
{
	return sections[section].write != report_write_changes || page->report->base;
}

static void write_head(struct report_page *page)
{
	FILE *out = page->out;

	fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n"
	      "<title>pendbench report</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n",
	      out);
	fwrite(bench_report_css, 1, bench_report_css_size, out);
	fputs("</style>\n</head>\n<body>\n<header>\n<div class=\"bar\"><h1>pendbench report</h1>"
	      "<div class=\"tools\"><input id=\"filter\" type=\"search\" hidden "
	      "placeholder=\"filter rows\" aria-label=\"filter rows of all tables\">"
	      "<button type=\"button\" id=\"theme\" hidden>dark or light</button></div></div>\n",
	      out);
	report_write_judgement(page);
	fputs("<nav aria-label=\"contents\"><ul>", out);
	for (size_t i = 0; i < SECTIONS; i++)
		if (is_shown(page, i))
			fprintf(out, "<li><a href=\"#%s\">%s</a></li>", sections[i].id,
				sections[i].name);
	fputs("</ul></nav>\n</header>\n<main>\n", out);
}

static void write_foot(struct report_page *page)
{
	FILE *out = page->out;

	fputs("</main>\n<footer><p>Made by pendbench", out);
	html_printf(out, " %s", bench_document_get(page->document, BENCH_ABOUT_BUILD, "version"));
	fputs(". This page needs no network and no other file.</p></footer>\n<script>\n", out);
	fwrite(bench_report_js, 1, bench_report_js_size, out);
	fputs("</script>\n</body>\n</html>\n", out);
}

int bench_report_write(const struct bench_report *report, FILE *out)
{
	struct report_page page = { .out = out, .report = report, .document = report->document };

	page.headline_count = bench_headlines(page.document, page.headlines);
	write_head(&page);
	for (size_t i = 0; i < SECTIONS && !page.error; i++) {
		if (!is_shown(&page, i))
			continue;
		fprintf(out, "<section id=\"%s\">\n<h2>%s</h2>\n", sections[i].id,
			sections[i].question);
		sections[i].write(&page);
		fputs("</section>\n", out);
	}
	write_foot(&page);
	if (page.error)
		return page.error;
	return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
