/* SPDX-License-Identifier: MIT */
/*
 * table_probe.c - the probes as a person reads them: a row for each variant, a column for each
 * metric.
 */
#include "bench/command/parse.h"
#include "bench/measure/pingpong.h"
#include "bench/scenario/probe.h"
#include "bench/results/table.h"

static void print_value(FILE *out, struct bench_figure figure)
{
	const double half = figure.median > 0 ? 50 * (figure.high - figure.low) / figure.median : 0;

	if (figure.median < 0)
		fprintf(out, "%8s    ", "-");
	else
		fprintf(out, "%7.*f ±%-3.0f",
			figure.median < 10    ? 2
			: figure.median < 100 ? 1
					      : 0,
			figure.median, half < 999 ? half : 999);
}

static void print_row(const struct bench_table *table, const struct bench_probe_cell *cell,
		      const struct bench_probe_row *row)
{
	const struct bench_probe_row *best = bench_probe_best_peer(cell);
	const uint32_t metrics = bench_probe_metrics(cell->scenario->probe);
	const double pingpong = bench_probe_pingpong(cell, row);
	FILE *out = table->out;

	fprintf(out, "  %-28s", row->variant.name);
	if (row->skipped[0]) {
		fprintf(out, " not measured: %.70s\n", row->skipped);
		return;
	}
	for (uint32_t i = 0; i < metrics; i++)
		print_value(out, bench_probe_figure(cell, row, i));
	fprintf(out, " %2u/%-2u", bench_probe_clean(cell, row), cell->repeat_count);
	if (pingpong > 0)
		fprintf(out, " %s %.0f", bench_pingpong_class(pingpong), pingpong);
	if (best && best != row && !row->variant.peer) {
		const struct bench_figure ratio = bench_probe_ratio(cell, row, best);

		if (ratio.median >= 0)
			fprintf(out, "  %.2fx [%.2f..%.2f]", ratio.median, ratio.low, ratio.high);
	} else if (best == row) {
		fputs("  <", out);
	}
	fputc('\n', out);
}

void bench_table_probe(const struct bench_table *table, const struct bench_probe_cell *cell)
{
	const struct bench_probe *probe = cell->scenario->probe;
	const uint32_t metrics = bench_probe_metrics(probe);
	FILE *out = table->out;
	char size[32];

	fprintf(out, "\n%s%s%s  %s\n", bench_table_bold(table), cell->scenario->name,
		bench_table_plain(table), cell->scenario->summary);
	fprintf(out, "  %-28s",
		cell->size ? bench_format_size(cell->size, size, sizeof(size)) : "");
	for (uint32_t i = 0; i < metrics; i++) {
		char head[32];

		snprintf(head, sizeof(head), "%s %s", probe->metrics[i].name,
			 probe->metrics[i].unit);
		fprintf(out, "%11s ", head);
	}
	fprintf(out, " clean%s\n", bench_probe_best_peer(cell) ? ", times the best peer (<)" : "");
	for (uint32_t i = 0; i < cell->row_count; i++)
		print_row(table, cell, &cell->rows[i]);
}
