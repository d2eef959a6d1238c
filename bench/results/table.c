/* SPDX-License-Identifier: MIT */
/*
 * table.c - the results as a person reads them.
 *
 * One block for each scenario: a row for each implementation, mode and number of threads, a
 * column for each size; then, for each row of pendmap, how many times as fast as the best peer it
 * is. Lines have at most 120 columns. A cell that was not finished is not shown.
 */
#include "bench/results/table.h"

#include <string.h>

#include "bench/command/parse.h"
#include "bench/measure/pingpong.h"
#include "bench/scenario/probe.h"
#include "bench_build.h"

struct block {
	const struct bench_table *table;
	const struct bench_scenario *scenario;
	uint64_t sizes[BENCH_SIZES_MAX];
	uint32_t size_count;
};

const char *bench_table_bold(const struct bench_table *table)
{
	return table->colour ? "\033[1m" : "";
}

const char *bench_table_plain(const struct bench_table *table)
{
	return table->colour ? "\033[0m" : "";
}

static int digits(double ns)
{
	return ns < 10 ? 2 : ns < 100 ? 1 : 0;
}

void bench_table_figure(FILE *out, struct bench_figure figure)
{
	const double half = figure.median > 0 ? 50 * (figure.high - figure.low) / figure.median : 0;

	fprintf(out, "%7.*f ±%-3.0f", digits(figure.median), figure.median,
		half < 999 ? half : 999);
}

static const struct bench_cell *find_cell(const struct block *block, uint64_t size,
					  uint64_t threads)
{
	const struct bench_results *results = block->table->results;

	for (uint32_t i = 0; i < results->cell_count; i++) {
		const struct bench_cell *cell = &results->cells[i];

		if (cell->done && cell->scenario == block->scenario && cell->size == size &&
		    cell->threads == threads)
			return cell;
	}
	return NULL;
}

static const struct bench_row *find_row(const struct bench_cell *cell,
					const struct bench_impl *impl, bool batch)
{
	for (uint32_t i = 0; cell && i < cell->row_count; i++)
		if (cell->rows[i].impl == impl && cell->rows[i].batch == batch)
			return &cell->rows[i];
	return NULL;
}

static void print_label(const struct block *block, const struct bench_impl *impl, bool batch,
			uint64_t threads)
{
	fprintf(block->table->out, "  %-16s %-6s %lluT", impl->name, batch ? "batch" : "scalar",
		(unsigned long long)threads);
}

/* Makes the range of @figure hold @number. */
static void widen(struct bench_figure *figure, double number)
{
	if (figure->low == 0 || number < figure->low)
		figure->low = number;
	if (number > figure->high)
		figure->high = number;
}

/* How far apart the CPUs were; both ends if the sizes of a row saw different distances. */
static void print_pingpong(FILE *out, struct bench_figure ns)
{
	const char *low = bench_pingpong_class(ns.low), *high = bench_pingpong_class(ns.high);

	if (strcmp(low, high) == 0)
		fprintf(out, " %s %.0f", low, ns.high);
	else
		fprintf(out, " %s %.0f, %s %.0f", low, ns.low, high, ns.high);
}

/* The figures of one implementation, mode and number of threads; nothing if there are none. */
static void print_row(const struct block *block, const struct bench_impl *impl, bool batch,
		      uint64_t threads)
{
	FILE *out = block->table->out;
	uint32_t clean = 0, repeats = 0, measured = 0;
	struct bench_figure pingpong = { 0 }; /* over the sizes */

	for (uint32_t i = 0; i < block->size_count; i++) {
		const struct bench_cell *cell = find_cell(block, block->sizes[i], threads);
		const struct bench_row *row = find_row(cell, impl, batch);

		if (!row)
			continue;
		if (!measured)
			print_label(block, impl, batch, threads);
		for (; measured < i && repeats == 0; measured++)
			fprintf(out, "%14s", "");
		bench_table_figure(out, bench_row_ns(cell, row));
		fputs(bench_cell_best_peer(cell) == row ? " <" : "  ", out);
		clean += bench_row_clean(cell, row);
		repeats += cell->repeat_count;
		widen(&pingpong, bench_row_pingpong(cell, row));
		measured = i + 1;
	}
	if (!measured)
		return;
	for (uint32_t i = measured; i < block->size_count; i++)
		fprintf(out, "%14s", "");
	fprintf(out, " %3u/%-3u", clean, repeats);
	if (threads > 1)
		print_pingpong(out, pingpong);
	fputc('\n', out);
}

static void print_ratios(const struct block *block, const struct bench_impl *impl, bool batch,
			 uint64_t threads)
{
	FILE *out = block->table->out;
	bool any = false;

	for (uint32_t i = 0; i < block->size_count; i++) {
		const struct bench_cell *cell = find_cell(block, block->sizes[i], threads);
		const struct bench_row *row = find_row(cell, impl, batch);
		const struct bench_row *peer = cell ? bench_cell_best_peer(cell) : NULL;

		if (!row || !peer)
			continue;
		if (!any)
			print_label(block, impl, batch, threads);
		any = true;

		const struct bench_figure ratio = bench_row_ratio(cell, row, peer);
		char range[32];

		snprintf(range, sizeof(range), "[%.2f..%.2f]", ratio.low, ratio.high);
		if (block->table->colour)
			fputs(ratio.median >= 1 ? "\033[32m" : "\033[31m", out);
		fprintf(out, "%6.2f %-14s", ratio.median, range);
		fputs(bench_table_plain(block->table), out);
	}
	if (any)
		fputc('\n', out);
}

/* Calls @print for each row that the block may have. */
static void for_each_row(const struct block *block, bool peers,
			 void (*print)(const struct block *block, const struct bench_impl *impl,
				       bool batch, uint64_t threads))
{
	const struct bench_options *options = block->table->options;

	for (uint32_t t = 0; t < options->thread_count; t++) {
		for (uint32_t i = 0; i < options->impl_count; i++) {
			const struct bench_impl *impl = options->impls[i];

			if (!peers && impl->abilities & BENCH_PEER)
				continue;
			print(block, impl, false, options->threads[t]);
			print(block, impl, true, options->threads[t]);
		}
	}
}

static void print_block(const struct block *block)
{
	const struct bench_table *table = block->table;
	FILE *out = table->out;
	char size[32];

	fprintf(out, "\n%s%s%s  %s\n", bench_table_bold(table), block->scenario->name,
		bench_table_plain(table), block->scenario->summary);
	fprintf(out, "  %-26s", "ns per operation");
	for (uint32_t i = 0; i < block->size_count; i++)
		fprintf(out, "%7s ±%%   ", bench_format_size(block->sizes[i], size, sizeof(size)));
	fputs("  clean   ping-pong\n", out);
	for_each_row(block, true, print_row);
	for (uint32_t i = 0; i < table->options->impl_count; i++) {
		if (table->options->impls[i]->abilities & BENCH_PEER) {
			fputs("  times as fast as the best peer (<)\n", out);
			for_each_row(block, false, print_ratios);
			break;
		}
	}
}

static void print_header(const struct bench_table *table, const struct bench_host *host)
{
	const struct bench_options *options = table->options;
	FILE *out = table->out;

	fprintf(out, "%spendbench %s%s  %s\n", bench_table_bold(table), BENCH_BUILD_VERSION,
		bench_table_plain(table), BENCH_BUILD_COMMIT);
	fprintf(out, "%s, %u CPUs, %.0f GiB, %s, virtual: %s, THP: %s\n", host->cpu,
		host->cpu_count, (double)host->memory_bytes / 1073741824.0, host->kernel,
		host->virt, host->thp);
	fprintf(out, "%s, %s build (%s), epoch %s\n", BENCH_BUILD_COMPILER, BENCH_BUILD_TYPE,
		BENCH_BUILD_FLAGS, BENCH_BUILD_EPOCH);
	if (bench_build_warning())
		fprintf(out, "%sWARNING: %s%s\n", bench_table_bold(table), bench_build_warning(),
			bench_table_plain(table));
	fprintf(out,
		"key %u, value %u bytes, %u %% occupied, leaving %s; batches of %u; clock: %s\n"
		"median of %u windows of %.3g ms, thread time for one operation;"
		" ±: half of highest - lowest, in %%\n"
		"clean: windows in which no thread was preempted;"
		" ping-pong: ns from CPU to CPU, near below %.0f\n",
		options->key_size, options->value_size, options->occupancy,
		options->in_order ? "in address order" : "at random", options->batch_width,
		options->caller_clock ? "the caller's" : "pendmap's own", options->repeats,
		(double)options->window_ns / 1e6, BENCH_PINGPONG_NEAR_NS);
	fputs("Only pendmap has batches; a batch of it is compared with the peers' scalar row.\n",
	      out);
}

static void print_scenario(const struct bench_table *table, const struct bench_scenario *scenario)
{
	const struct bench_results *results = table->results;
	struct block block = { .table = table, .scenario = scenario };

	for (uint32_t i = 0; i < results->cell_count; i++) {
		const struct bench_cell *cell = &results->cells[i];
		bool known = false;

		if (cell->scenario != scenario || !cell->done)
			continue;
		if (scenario->stage == BENCH_STAGE_TRACE) {
			bench_table_trace(table, cell);
			return;
		}
		for (uint32_t n = 0; n < block.size_count; n++)
			known |= block.sizes[n] == cell->size;
		if (!known)
			block.sizes[block.size_count++] = cell->size;
	}
	if (block.size_count)
		print_block(&block);
}

void bench_table_print(const struct bench_table *table, const struct bench_host *host)
{
	const struct bench_scenario *scenario;

	print_header(table, host);
	for (uint32_t n = 0; (scenario = bench_scenario_at(n)) != NULL; n++)
		print_scenario(table, scenario);
	for (uint32_t i = 0; i < table->results->probe_count; i++)
		if (table->results->probes[i].done)
			bench_table_probe(table, &table->results->probes[i]);
	fputc('\n', table->out);
	for (uint32_t i = 0; i < table->results->note_count; i++)
		fprintf(table->out, "note: %s\n", table->results->notes[i]);
}
