/* SPDX-License-Identifier: MIT */
/*
 * json.c - the results as a machine reads them; schema.md says what stands where.
 *
 * Objects are built whole and dumped at the end. A failed allocation inside jansson surfaces as a
 * missing member, which json_dumpf() or a NULL root then reports.
 */
#include "bench/results/json.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "bench/results/json_probe.h"
#include "bench/measure/pingpong.h"
#include "bench_build.h"

static json_t *u64(uint64_t number)
{
	return json_integer((json_int_t)number);
}

static void put(json_t *object, const char *name, json_t *value)
{
	(void)json_object_set_new(object, name, value);
}

static json_t *figure_json(struct bench_figure figure)
{
	json_t *object = json_object();

	put(object, "median", json_real(figure.median));
	put(object, "min", json_real(figure.low));
	put(object, "max", json_real(figure.high));
	put(object, "spread_percent",
	    json_real(figure.median > 0 ? 100 * (figure.high - figure.low) / figure.median : 0));
	return object;
}

static json_t *counts_json(const struct bench_counts *counts)
{
	json_t *object = json_object();

	put(object, "attempted", u64(counts->attempted));
	put(object, "inserted", u64(counts->inserted));
	put(object, "refused", u64(counts->refused));
	put(object, "duplicate", u64(counts->duplicate));
	put(object, "delayed", u64(counts->delayed));
	put(object, "completed", u64(counts->completed));
	put(object, "looked_up", u64(counts->looked_up));
	put(object, "hits", u64(counts->hits));
	return object;
}

static json_t *host_json(const struct bench_host *host)
{
	json_t *object = json_object();

	put(object, "cpu", json_string(host->cpu));
	put(object, "cpus", u64(host->cpu_count));
	put(object, "kernel", json_string(host->kernel));
	put(object, "virtual", json_string(host->virt));
	put(object, "thp", json_string(host->thp));
	put(object, "memory_bytes", u64(host->memory_bytes));
	put(object, "available_bytes", u64(host->available_bytes));
	return object;
}

static json_t *build_json(void)
{
	json_t *object = json_object();
	const char *warning = bench_build_warning();

	put(object, "version", json_string(BENCH_BUILD_VERSION));
	put(object, "commit", json_string(BENCH_BUILD_COMMIT));
	put(object, "compiler", json_string(BENCH_BUILD_COMPILER));
	put(object, "type", json_string(BENCH_BUILD_TYPE));
	put(object, "flags", json_string(BENCH_BUILD_FLAGS));
	put(object, "sanitize", json_string(BENCH_BUILD_SANITIZE));
	put(object, "epoch", json_string(BENCH_BUILD_EPOCH));
	put(object, "absent", json_string(bench_impls_absent()));
	put(object, "warning", warning ? json_string(warning) : json_null());
	return object;
}

static json_t *config_json(const struct bench_options *options)
{
	static const char *const profiles[] = { "quick", "full", "smoke" };
	json_t *object = json_object(), *rates = json_array();

	put(object, "profile", json_string(profiles[options->profile]));
	put(object, "seed", u64(options->seed));
	put(object, "repeats", u64(options->repeats));
	put(object, "window_ns", u64(options->window_ns));
	put(object, "warm_up_ns", u64(options->warm_up_ns));
	put(object, "batch", u64(options->batch_width));
	put(object, "key_size", u64(options->key_size));
	put(object, "value_size", u64(options->value_size));
	put(object, "occupancy_percent", u64(options->occupancy));
	put(object, "in_order", json_boolean(options->in_order));
	put(object, "caller_clock", json_boolean(options->caller_clock));
	for (uint32_t i = 0; i < options->rate_count; i++)
		(void)json_array_append_new(rates, u64(options->rates[i]));
	put(object, "rates", rates);
	put(object, "decide_us", u64(options->decide_us));
	put(object, "decide_fixed", json_boolean(options->decide_fixed));
	put(object, "pend_percent", u64(options->pend_percent));
	return object;
}

static json_t *repeat_json(const struct bench_cell *cell, const struct bench_repeat *repeat)
{
	json_t *object = json_object();

	put(object, "ns", json_real(repeat->ns));
	put(object, "operations", u64(repeat->operations));
	put(object, "elapsed_ns", u64(repeat->elapsed_ns));
	put(object, "nivcsw", u64(repeat->preempted));
	if (repeat->pingpong_ns > 0) {
		put(object, "pingpong_ns", json_real(repeat->pingpong_ns));
		put(object, "pingpong_class",
		    json_string(bench_pingpong_class(repeat->pingpong_ns)));
	}
	if (cell->scenario->stage == BENCH_STAGE_TRACE) {
		put(object, "counts", counts_json(&repeat->trace));
		put(object, "live_most", u64(repeat->traced.live_most));
		put(object, "late_most_ns", u64(repeat->traced.late_most_ns));
		put(object, "late_sum_ns", u64(repeat->traced.late_sum_ns));
		put(object, "waits", u64(repeat->traced.waits));
	}
	return object;
}

/* How many times as fast as each peer of the cell this row is. */
static json_t *ratios_json(const struct bench_cell *cell, const struct bench_row *row)
{
	const struct bench_row *best = bench_cell_best_peer(cell);
	json_t *array = json_array();

	for (uint32_t i = 0; i < cell->row_count; i++) {
		const struct bench_row *peer = &cell->rows[i];

		if (!(peer->impl->abilities & BENCH_PEER))
			continue;
		json_t *object = figure_json(bench_row_ratio(cell, row, peer));

		put(object, "peer", json_string(peer->impl->name));
		put(object, "best", json_boolean(peer == best));
		(void)json_array_append_new(array, object);
	}
	return array;
}

static json_t *row_json(const struct bench_cell *cell, const struct bench_row *row)
{
	json_t *object = json_object();
	json_t *repeats = json_array();
	json_t *account = counts_json(&row->account.counts);

	for (uint32_t i = 0; i < cell->repeat_count; i++)
		(void)json_array_append_new(repeats, repeat_json(cell, &row->repeats[i]));
	put(account, "live", json_integer(row->account.live));
	put(object, "impl", json_string(row->impl->name));
	put(object, "summary", json_string(row->impl->summary));
	put(object, "peer", json_boolean((row->impl->abilities & BENCH_PEER) != 0));
	put(object, "mode", json_string(row->batch ? "batch" : "scalar"));
	put(object, "ns", figure_json(bench_row_ns(cell, row)));
	put(object, "clean", u64(bench_row_clean(cell, row)));
	put(object, "times_as_fast", ratios_json(cell, row));
	put(object, "account", account);
	put(object, "repeats", repeats);
	return object;
}

static json_t *cell_json(const struct bench_cell *cell)
{
	json_t *object = json_object();
	json_t *rows = json_array();

	for (uint32_t i = 0; i < cell->row_count; i++)
		(void)json_array_append_new(rows, row_json(cell, &cell->rows[i]));
	put(object, "scenario", json_string(cell->scenario->name));
	put(object, "operation", json_string(cell->scenario->unit));
	put(object, "size", u64(cell->size));
	put(object, "threads", u64(cell->threads));
	put(object, "rows", rows);
	return object;
}

static json_t *trace_json(const struct bench_options *options, const struct bench_results *results)
{
	const struct bench_trace *trace = &results->trace;
	json_t *object;

	if (!trace->count)
		return json_null();
	object = json_object();
	put(object, "file", options->trace ? json_string(options->trace) : json_null());
	put(object, "generated", json_boolean(trace->generated));
	put(object, "events_read", u64(trace->count));
	put(object, "lines_skipped", u64(trace->skipped));
	put(object, "speed", options->speed > 0 ? json_real(options->speed) : json_string("max"));
	put(object, "live_mean", json_real(results->trace_live_mean));
	return object;
}

FILE *bench_json_open(const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");

	if (!file)
		bench_complain("--json: %s: %s", path, strerror(errno));
	return file;
}

int bench_json_write(FILE *file, const struct bench_options *options, const struct bench_host *host,
		     const struct bench_results *results, int status)
{
	json_t *root = json_object(), *cells = json_array(), *notes = json_array();
	json_t *probes = json_array();
	bool failed;

	for (uint32_t i = 0; i < results->cell_count; i++)
		if (results->cells[i].done)
			(void)json_array_append_new(cells, cell_json(&results->cells[i]));
	for (uint32_t i = 0; i < results->probe_count; i++)
		if (results->probes[i].done)
			(void)json_array_append_new(probes, bench_json_probe(&results->probes[i]));
	for (uint32_t i = 0; i < results->note_count; i++)
		(void)json_array_append_new(notes, json_string(results->notes[i]));
	put(root, "schema", json_string("pendbench/1"));
	put(root, "exit_status", json_integer(status));
	put(root, "host", host_json(host));
	put(root, "build", build_json());
	put(root, "config", config_json(options));
	put(root, "took_s", json_real(results->took_s));
	put(root, "notes", notes);
	put(root, "trace", trace_json(options, results));
	put(root, "cells", cells);
	put(root, "probes", probes);
	failed = !root || json_dumpf(root, file, JSON_INDENT(1)) != 0 || fputc('\n', file) == EOF;
	json_decref(root);
	if (fflush(file) || (file != stdout && fclose(file)))
		failed = true;
	return failed ? -EIO : 0;
}
