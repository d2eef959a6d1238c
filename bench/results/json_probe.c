/* SPDX-License-Identifier: MIT */
/*
 * json_probe.c - the probes in the JSON.
 */
#include "bench/results/json_probe.h"

#include "bench/measure/pingpong.h"

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

static json_t *sample_json(const struct bench_probe *probe, const struct bench_sample *sample)
{
	json_t *object = json_object(), *account = json_object();

	if (sample->why[0])
		put(object, "skipped", json_string(sample->why));
	for (uint32_t i = 0; i < bench_probe_metrics(probe); i++)
		if (sample->values[i] >= 0)
			put(object, probe->metrics[i].name, json_real(sample->values[i]));
	put(object, "operations", json_integer((json_int_t)sample->operations));
	put(object, "nivcsw", json_integer((json_int_t)sample->preempted));
	if (sample->pingpong_ns > 0) {
		put(object, "pingpong_ns", json_real(sample->pingpong_ns));
		put(object, "pingpong_class",
		    json_string(bench_pingpong_class(sample->pingpong_ns)));
	}
	put(account, "pends", json_integer((json_int_t)sample->account.pends));
	put(account, "completions", json_integer((json_int_t)sample->account.completions));
	put(account, "live", json_integer((json_int_t)sample->account.live));
	put(object, "account", account);
	return object;
}

static json_t *ratios_json(const struct bench_probe_cell *cell, const struct bench_probe_row *row)
{
	const struct bench_probe_row *best = bench_probe_best_peer(cell);
	json_t *array = json_array();

	for (uint32_t i = 0; i < cell->row_count; i++) {
		const struct bench_probe_row *peer = &cell->rows[i];

		if (!peer->variant.peer || bench_probe_figure(cell, peer, 0).median < 0)
			continue;
		json_t *object = figure_json(bench_probe_ratio(cell, row, peer));

		put(object, "peer", json_string(peer->variant.name));
		put(object, "best", json_boolean(peer == best));
		(void)json_array_append_new(array, object);
	}
	return array;
}

static json_t *row_json(const struct bench_probe_cell *cell, const struct bench_probe_row *row)
{
	const struct bench_probe *probe = cell->scenario->probe;
	json_t *object = json_object(), *figures = json_object(), *repeats = json_array();

	put(object, "variant", json_string(row->variant.name));
	put(object, "summary", json_string(row->variant.summary));
	put(object, "peer", json_boolean(row->variant.peer));
	put(object, "skipped", row->skipped[0] ? json_string(row->skipped) : json_null());
	for (uint32_t i = 0; i < bench_probe_metrics(probe); i++)
		if (bench_probe_figure(cell, row, i).median >= 0)
			put(figures, probe->metrics[i].name,
			    figure_json(bench_probe_figure(cell, row, i)));
	put(object, "figures", figures);
	if (!row->skipped[0]) {
		for (uint32_t i = 0; i < cell->repeat_count; i++)
			(void)json_array_append_new(repeats, sample_json(probe, &row->samples[i]));
		put(object, "clean", json_integer(bench_probe_clean(cell, row)));
		put(object, "times_as_fast", ratios_json(cell, row));
	}
	put(object, "repeats", repeats);
	return object;
}

json_t *bench_json_probe(const struct bench_probe_cell *cell)
{
	const struct bench_probe *probe = cell->scenario->probe;
	json_t *object = json_object(), *units = json_object(), *rows = json_array();

	for (uint32_t i = 0; i < bench_probe_metrics(probe); i++)
		put(units, probe->metrics[i].name, json_string(probe->metrics[i].unit));
	for (uint32_t i = 0; i < cell->row_count; i++)
		(void)json_array_append_new(rows, row_json(cell, &cell->rows[i]));
	put(object, "scenario", json_string(cell->scenario->name));
	put(object, "operation", json_string(cell->scenario->unit));
	put(object, "size", cell->size ? json_integer((json_int_t)cell->size) : json_null());
	put(object, "units", units);
	put(object, "rows", rows);
	return object;
}
