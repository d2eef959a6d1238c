/* SPDX-License-Identifier: MIT */
/*
 * table_trace.c - the block of the scenario trace.
 *
 * Counts are those of one pass; all passes of a row do the same. At full speed the figure is
 * time for one event; paced, it is how late events started.
 */
#include "bench/results/table.h"

static void print_source(const struct bench_table *table, const struct bench_cell *cell)
{
	const struct bench_results *results = table->results;
	FILE *out = table->out;

	fprintf(out, "\n%s%s%s  %s\n", bench_table_bold(table), cell->scenario->name,
		bench_table_plain(table), cell->scenario->summary);
	fprintf(out, "  events: %s, %llu read",
		results->trace.generated ? "generated from a seed, not recorded"
					 : table->options->trace,
		(unsigned long long)results->trace.count);
	if (results->trace.skipped)
		fprintf(out, ", %llu bad lines skipped",
			(unsigned long long)results->trace.skipped);
	if (table->options->speed > 0)
		fprintf(out, "\n  at %g times recorded speed", table->options->speed);
	else
		fprintf(out, "\n  at full speed, decided %.0f events later on average",
			results->trace_live_mean);
	fprintf(out, "; max_entries %llu\n", (unsigned long long)cell->size);
}

static void print_row(const struct bench_table *table, const struct bench_cell *cell,
		      const struct bench_row *row, const struct bench_row *best)
{
	const struct bench_repeat *last = &row->repeats[cell->repeat_count - 1];
	const struct bench_figure ns = bench_row_ns(cell, row);
	FILE *out = table->out;

	fprintf(out, "  %-16s", row->impl->name);
	if (table->options->speed > 0)
		fprintf(out, "%7.1f %8.0f ",
			last->traced.waits ? (double)last->traced.late_sum_ns / 1e3 /
						     (double)last->traced.waits
					   : 0.0,
			(double)last->traced.late_most_ns / 1e3);
	else
		bench_table_figure(out, ns);
	fprintf(out, "%s%9.0f %9llu %9llu %9llu %7llu %7llu %5lld %7llu  %u/%u\n",
		row == best ? " <" : "  ", ns.median > 0 ? 1e9 / ns.median : 0,
		(unsigned long long)table->results->trace.count,
		(unsigned long long)last->trace.inserted, (unsigned long long)last->trace.completed,
		(unsigned long long)last->trace.duplicate, (unsigned long long)last->trace.refused,
		(long long)row->account.live, (unsigned long long)last->traced.live_most,
		bench_row_clean(cell, row), cell->repeat_count);
}

void bench_table_trace(const struct bench_table *table, const struct bench_cell *cell)
{
	const bool paced = table->options->speed > 0;
	const struct bench_row *best = paced ? NULL : bench_cell_best_peer(cell);
	FILE *out = table->out;

	print_source(table, cell);
	fprintf(out, "  %-16s %-17s %9s %9s %9s %9s %7s %7s %5s %7s  clean\n", "",
		paced ? "late us, most" : " ns/event ±%", "events/s", "read", "pended", "completed",
		"dup", "refused", "live", "most");
	for (uint32_t i = 0; i < cell->row_count; i++)
		print_row(table, cell, &cell->rows[i], best);
	if (paced || !best)
		return;
	fputs("  times as fast as the best peer (<)\n", out);
	for (uint32_t i = 0; i < cell->row_count; i++) {
		const struct bench_row *row = &cell->rows[i];
		const struct bench_figure ratio = bench_row_ratio(cell, row, best);

		if (!(row->impl->abilities & BENCH_PEER))
			fprintf(out, "  %-16s%7.2f [%.2f..%.2f]\n", row->impl->name, ratio.median,
				ratio.low, ratio.high);
	}
}
