/* SPDX-License-Identifier: MIT */
/*
 * method.c - how figures come about and what they do not say; the ledger; the raw data.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/model/document_json.h"
#include "bench/report/html.h"
#include "bench/report/page.h"

static const struct {
	const char *term;
	const char *text;
} method[] = {
	{ "A figure",
	  "is the median over processes of the median of each process's clean values. The range "
	  "beside it is from the lowest to the highest process, or of the values where there was one "
	  "process." },
	{ "Clean",
	  "is a value during which no measuring thread was preempted (involuntary context switches of "
	  "those threads). It says nothing about other disturbances: caches, clock rates, neighbours on "
	  "the same core. Latencies are never filtered: preemption is part of a response." },
	{ "A ratio",
	  "compares values that were measured side by side: the same process, the same repeat, one "
	  "after the other. It is the median of such ratios, not the ratio of two medians." },
	{ "CPUs near and far",
	  "is how long a cache line takes from one measuring thread to the other just before: near is "
	  "below 60 ns, far above. Virtual CPUs move; figures of two or more threads of different "
	  "classes do not compare." },
	{ "Time",
	  "of an operation is thread time: elapsed time of all threads in a window, over the operations "
	  "of all. Throughput is threads over that." },
	{ "Changed",
	  "is said of two runs only if a rank test over processes finds p below 0.05, and the shift is "
	  "larger than 2 % and than the noise that this machine was found to have. A verdict is refused "
	  "with fewer than five processes a side or fewer than 70 % clean values." },
	{ "Response and service",
	  "times differ where a system is late: a response counts from when the operation was meant to "
	  "begin, so that a stall is counted for all that waited (no coordinated omission)." },
	{ "Not said",
	  "is how your program will do: loops here do nothing else, so caches and predictors are kinder "
	  "than they will be to you. Differences of a few percent come from where the linker puts code. "
	  "Figures of other machines, kernels or compilers are other figures." },
};

static void write_facts(struct report_page *page, const char *title, enum bench_about about)
{
	const struct bench_document *document = page->document;

	fputs("<tbody><tr><th colspan=\"2\" scope=\"rowgroup\">", page->out);
	html_text(page->out, title);
	fputs("</th></tr>\n", page->out);
	for (uint32_t i = 0; i < document->fact_count[about]; i++) {
		fputs("<tr>", page->out);
		report_cell_text(page, document->facts[about][i].name);
		report_cell_text(page, document->facts[about][i].value);
		fputs("</tr>\n", page->out);
	}
	fputs("</tbody>\n", page->out);
}

static void write_ledger(struct report_page *page)
{
	static const char *const headings[] = { "scenario", "subject", "at",
						"#process", "numbers", NULL };
	const struct bench_document *document = page->document;
	char text[320], group[80];

	fprintf(page->out, "<details class=\"numbers\"><summary>Accounts: %u</summary>",
		document->ledger_count);
	report_paragraph(page, "What went in and came out of each subject. It adds up, or the run "
			       "fails.");
	report_table_begin(page, "table-accounts", headings);
	for (uint32_t i = 0; i < document->ledger_count; i++) {
		const struct bench_ledger *ledger = &document->ledgers[i];
		size_t used = 0;

		fputs("<tr>", page->out);
		report_cell_text(page, ledger->scenario);
		report_cell_text(page, ledger->subject);
		report_cell_text(page, report_group(group, sizeof(group), &ledger->point));
		snprintf(text, sizeof(text), "%u", ledger->process);
		report_cell_number(page, ledger->process, text);
		text[0] = '\0';
		for (uint32_t j = 0; j < ledger->number_count && used < sizeof(text); j++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %llu",
						 j ? ", " : "", ledger->numbers[j].name,
						 (unsigned long long)ledger->numbers[j].number);
		report_cell_text(page, text);
		fputs("</tr>\n", page->out);
	}
	report_table_end(page);
	fputs("</details>\n", page->out);
}

void report_write_method(struct report_page *page)
{
	const struct bench_document *document = page->document;

	fputs("<dl class=\"method\">\n", page->out);
	for (size_t i = 0; i < sizeof(method) / sizeof(method[0]); i++) {
		fprintf(page->out, "<dt>%s</dt><dd>", method[i].term);
		html_text(page->out, method[i].text);
		fputs("</dd>\n", page->out);
	}
	fputs("</dl>\n", page->out);
	if (document->note_count > 0) {
		fputs("<h3>Left out, and why</h3>\n<ul id=\"notes\">\n", page->out);
		for (uint32_t i = 0; i < document->note_count; i++) {
			fputs("<li>", page->out);
			html_text(page->out, document->notes[i]);
			fputs("</li>\n", page->out);
		}
		fputs("</ul>\n", page->out);
	}
	fputs("<details class=\"numbers\"><summary>Machine, build and settings</summary>"
	      "<div class=\"scroll\"><table class=\"facts\">\n",
	      page->out);
	write_facts(page, "Machine", BENCH_ABOUT_HOST);
	write_facts(page, "Build", BENCH_ABOUT_BUILD);
	write_facts(page, "Settings", BENCH_ABOUT_CONFIG);
	fputs("</table></div></details>\n", page->out);
	if (document->ledger_count > 0)
		write_ledger(page);
}

void report_write_data(struct report_page *page)
{
	char *json = bench_document_text(page->document);

	if (!json) {
		page->error = -ENOMEM;
		return;
	}
	fputs("<p><button type=\"button\" id=\"download\" hidden>Download results.json</button></p>\n"
	      "<details open><summary>Where the raw data is</summary><p>All that was measured is in "
	      "this page, as JSON in the element <code>raw</code>; the same is in "
	      "<code>results.json</code> beside this page if it was made with <code>--out</code>. "
	      "<code>pendbench report results.json</code> makes this page again.</p></details>\n"
	      "<script type=\"application/json\" id=\"raw\">",
	      page->out);
	html_json(page->out, json);
	fputs("</script>\n", page->out);
	free(json);
}
