/* SPDX-License-Identifier: MIT */
/*
 * sections.c - the sections that are made of bars, curves and timelines.
 */
#include <math.h>
#include <string.h>

#include "bench/report/curve.h"
#include "bench/report/html.h"
#include "bench/report/page.h"

/* Whether no series before it says how that subject was set up. */
static bool is_first_of_subject(const struct bench_document *document, uint32_t which)
{
	const struct bench_series *series = &document->series[which];

	if (!series->summary[0])
		return false;
	for (uint32_t i = 0; i < which; i++)
		if (strcmp(document->series[i].subject, series->subject) == 0 &&
		    document->series[i].summary[0])
			return false;
	return report_topic_of(document, series->scenario) == REPORT_PEERS;
}

/* How each subject was set up. */
static void write_subjects(struct report_page *page)
{
	static const char *const headings[] = { "subject", "set up", NULL };

	fputs("<details class=\"numbers\"><summary>How each was set up</summary>", page->out);
	report_table_begin(page, "table-subjects", headings);
	for (uint32_t i = 0; i < page->document->series_count; i++) {
		if (!is_first_of_subject(page->document, i))
			continue;
		fputs("<tr>", page->out);
		report_cell_text(page, page->document->series[i].subject);
		report_cell_text(page, page->document->series[i].summary);
		fputs("</tr>\n", page->out);
	}
	report_table_end(page);
	fputs("</details>\n", page->out);
}

void report_write_peers(struct report_page *page)
{
	report_paragraph(page,
			 "The same loop, hash, keys and 128-byte values for all, one after the "
			 "other in turn. A bar is the median over processes, its whisker goes "
			 "from the lowest to the highest process, and each process is a point.");
	if (report_topic(page, REPORT_PEERS))
		write_subjects(page);
	else
		report_absent(page, "Figures beside peers", "--quick");
}

/* The least and the most threads of each curve, and what lies between. */
static void scaling_row(struct report_page *page, const struct bench_series *series)
{
	struct report_spot spots[REPORT_SPOTS_MAX];
	uint32_t count = report_curve(page->document, series, REPORT_BY_THREADS, spots);
	struct bench_scaling law;
	char text[160], group[80];
	double times;

	if (count < 2 || !series->primary)
		return;
	fputs("<tr>", page->out);
	snprintf(text, sizeof(text), "%s %s", series->scenario,
		 report_group(group, sizeof(group), &series->point));
	report_cell_text(page, text);
	report_cell_text(page, report_label(text, sizeof(text), series));
	report_cell_number(page, spots[0].y, html_value(text, sizeof(text), spots[0].y, "1/s"));
	report_cell_number(page, spots[count - 1].y,
			   html_value(text, sizeof(text), spots[count - 1].y, "1/s"));
	times = spots[count - 1].y / spots[0].y;
	snprintf(text, sizeof(text), "%.2f\xc3\x97 with %g\xc3\x97 the threads%s", times,
		 spots[count - 1].x / spots[0].x,
		 spots[count - 1].hollow ? " (more than CPUs)" : "");
	report_cell_number(page, times, text);
	if (report_law(spots, count, &law) && isfinite(law.most_at))
		snprintf(text, sizeof(text), "%.3f / %.4f, peak at %.0f", law.contention,
			 law.coherence, law.most_at);
	else if (report_law(spots, count, &law))
		snprintf(text, sizeof(text), "%.3f / %.4f, no peak", law.contention, law.coherence);
	else
		snprintf(text, sizeof(text), "\xe2\x80\x93");
	report_cell_text(page, text);
	fputs("</tr>\n", page->out);
}

void report_write_scaling(struct report_page *page)
{
	static const char *const headings[] = { "scenario",
						"subject",
						"#fewest threads",
						"#most threads",
						"#scales",
						"contention / coherence",
						NULL };
	struct report_curves curves;

	report_paragraph(page,
			 "Operations a second of all threads together. Hollow points have more "
			 "threads than CPUs; dashed lines are batched calls.");
	if (!report_curves(page, REPORT_BY_THREADS, &curves)) {
		report_absent(page, "Scaling", "--threads 1,2,4,8");
		return;
	}
	if (curves.fitted > 0)
		report_paragraph(page, "Solid in grey: the universal scalability law, fitted to "
				       "pendmap's points that have a CPU for each thread.");
	else
		report_paragraph(page,
				 "At most %u thread counts were measured: a scaling law takes "
				 "four with a CPU for each thread, so none is fitted.",
				 curves.counts);
	fputs("<details class=\"numbers\"><summary>Figures</summary>", page->out);
	report_table_begin(page, "table-scaling", headings);
	for (uint32_t i = 0; i < page->document->series_count; i++)
		scaling_row(page, &page->document->series[i]);
	report_table_end(page);
	fputs("</details>\n", page->out);
}

void report_write_full(struct report_page *page)
{
	struct report_curves curves;

	report_paragraph(page,
			 "A full map refuses: what a refusal costs, what operations cost near "
			 "the limit, and how a map comes back from it.");
	if (!report_curves(page, REPORT_BY_OCCUPANCY, &curves))
		report_absent(page, "The curve over occupancy", "occupancy");
	if (!report_timelines(page, "exhaust/"))
		report_absent(page, "Fill, full and recover over time", "exhaust/timeline");
	if (!report_topic(page, REPORT_FULL))
		report_absent(page, "The cost of refusal", "full exhaust");
}

void report_write_unplug(struct report_page *page)
{
	report_paragraph(page,
			 "A CPU is taken away while operations are pended on it, and comes back: "
			 "how deep the rate falls, and when it is back at nine tenths.");
	if (!report_timelines(page, "unplug/"))
		report_absent(page, "Unplugging over time", "unplug/timeline");
	if (!report_topic(page, REPORT_UNPLUG))
		report_absent(page, "Figures of unplugging", "unplug");
}

void report_write_epoch(struct report_page *page)
{
	report_paragraph(page,
			 "A reader that stalls holds memory back. Entering and leaving is the "
			 "price that each reader pays.");
	if (!report_timelines(page, "epoch/"))
		report_absent(page, "A stalled reader over time", "epoch/timeline");
	if (!report_topic(page, REPORT_EPOCH))
		report_absent(page, "Figures of the epoch", "epoch");
}

void report_write_hooks(struct report_page *page)
{
	report_paragraph(page, "What a hook adds to the call that it hooks, in each of its kinds.");
	if (!report_topic(page, REPORT_HOOKS))
		report_absent(page, "The cost of hooks", "classify frame");
}

void report_write_memory(struct report_page *page)
{
	report_paragraph(page, "Bytes for each entry: index, header and payload by pendmap's own "
			       "account; resident is what the process grew by, for all.");
	if (!report_topic(page, REPORT_MEMORY))
		report_absent(page, "Memory for each entry", "memory");
}

void report_write_other(struct report_page *page)
{
	report_paragraph(page, "Deadlines, drains, allocators, and what else has no peer.");
	if (!report_topic(page, REPORT_OTHER))
		report_absent(page, "Other figures", "deadline drain alloc");
}
