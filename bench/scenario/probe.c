/* SPDX-License-Identifier: MIT */
/*
 * probe.c - runs the probes: for each size, repeat by repeat, variant by variant.
 *
 * The first wrong account ends the run, as it does with tables (run.c). A variant that cannot be
 * measured here is left out with its reason, and the rest goes on.
 */
#include "bench/scenario/probe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench/command/parse.h"
#include "bench/measure/pingpong.h"
#include "bench/scenario/run.h"

#define PROBE_PINGPONG_NS 2000000u

uint32_t bench_probe_metrics(const struct bench_probe *probe)
{
	uint32_t count = 0;

	while (count < BENCH_METRICS_MAX && probe->metrics[count].name)
		count++;
	return count;
}

void bench_variant_add(struct bench_variant *variants, uint32_t *count,
		       const struct bench_variant *variant)
{
	if (*count < BENCH_VARIANTS_MAX)
		variants[(*count)++] = *variant;
}

int bench_sample_wrong(struct bench_sample *sample, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sample->why, sizeof(sample->why), format, arguments);
	va_end(arguments);
	return -EBADMSG;
}

int bench_sample_skip(struct bench_sample *sample, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sample->why, sizeof(sample->why), format, arguments);
	va_end(arguments);
	return -EOPNOTSUPP;
}

double bench_probe_play(const struct bench_setting *setting)
{
	const uint64_t for_ns = setting->options->profile == BENCH_SMOKE ? PROBE_PINGPONG_NS / 10
									 : PROBE_PINGPONG_NS;

	return bench_pingpong_ns(setting->team, for_ns);
}

/* ---- what is to be done ---- */

static const struct bench_probe *picked(const struct bench_options *options, uint32_t number,
					bool *end)
{
	const struct bench_scenario *scenario = bench_scenario_at(number);

	*end = scenario == NULL;
	return scenario && scenario->probe && bench_options_pick(options, scenario)
		       ? scenario->probe
		       : NULL;
}

uint32_t bench_probe_threads(const struct bench_options *options)
{
	uint32_t most = 0;
	bool end = false;

	for (uint32_t n = 0; !end; n++) {
		const struct bench_probe *probe = picked(options, n, &end);

		if (probe && probe->threads > most)
			most = probe->threads;
	}
	return most;
}

static uint32_t size_count(const struct bench_options *options, const struct bench_probe *probe)
{
	return options->sizes_given && probe->sizes[0] ? options->size_count : 1;
}

static uint64_t size_at(const struct bench_options *options, const struct bench_probe *probe,
			uint32_t number)
{
	if (options->sizes_given && probe->sizes[0])
		return options->sizes[number];
	return probe->sizes[options->profile];
}

static uint32_t repeats_of(const struct bench_options *options, const struct bench_probe *probe)
{
	if (options->profile == BENCH_QUICK && !options->repeats_given && probe->repeats_quick &&
	    probe->repeats_quick < options->repeats)
		return probe->repeats_quick;
	return options->repeats;
}

/* A variant runs if its implementation was asked for; pendmap's own calls, if any pendmap was. */
static bool variant_wanted(const struct bench_options *options, const struct bench_variant *variant)
{
	if (!options->impls_given)
		return true;
	for (uint32_t i = 0; i < options->impl_count; i++) {
		const struct bench_impl *impl = options->impls[i];

		if (!variant->impl && !variant->peer && strncmp(impl->name, "pendmap", 7) == 0)
			return true;
		if (variant->impl == impl || (variant->impl == &bench_impl_pendmap_executor &&
					      impl == &bench_impl_pendmap_engine))
			return true;
	}
	return false;
}

static uint32_t list(const struct bench_setting *setting, const struct bench_probe *probe,
		     struct bench_variant *variants)
{
	uint32_t kept = 0;
	const uint32_t count = probe->list(setting, variants);

	for (uint32_t i = 0; i < count; i++)
		if (variant_wanted(setting->options, &variants[i]))
			variants[kept++] = variants[i];
	return kept;
}

static struct bench_setting setting_of(const struct bench_run *run, uint64_t size)
{
	return (struct bench_setting){ .options = run->options,
				       .host = run->host,
				       .team = run->team,
				       .size = size,
				       .window_ns = run->options->window_ns };
}

/* Whether the threads may be used that the probe needs. */
static bool has_threads(const struct bench_run *run, const struct bench_probe *probe)
{
	const struct bench_options *options = run->options;

	if (probe->threads > run->host->cpu_count)
		return false;
	return !options->threads_given || bench_options_threads_most(options) >= probe->threads;
}

uint64_t bench_probe_count(const struct bench_run *run)
{
	struct bench_variant variants[BENCH_VARIANTS_MAX];
	uint64_t count = 0;
	bool end = false;

	for (uint32_t n = 0; !end; n++) {
		const struct bench_probe *probe = picked(run->options, n, &end);

		if (!probe || !has_threads(run, probe))
			continue;
		for (uint32_t i = 0; i < size_count(run->options, probe); i++) {
			const struct bench_setting setting =
				setting_of(run, size_at(run->options, probe, i));

			count += (uint64_t)list(&setting, probe, variants) *
				 repeats_of(run->options, probe);
		}
	}
	return count;
}

/* ---- doing it ---- */

static struct bench_probe_cell *add_cell(struct bench_run *run,
					 const struct bench_scenario *scenario, uint64_t size)
{
	struct bench_results *results = run->results;
	struct bench_probe_cell *cells =
		realloc(results->probes, (results->probe_count + 1) * sizeof(*results->probes));
	const struct bench_setting setting = setting_of(run, size);
	struct bench_variant variants[BENCH_VARIANTS_MAX];
	struct bench_probe_cell *cell;
	const uint32_t count = list(&setting, scenario->probe, variants);

	if (!cells)
		return NULL;
	results->probes = cells;
	cell = &cells[results->probe_count++];
	*cell = (struct bench_probe_cell){ .scenario = scenario,
					   .size = size,
					   .repeat_count =
						   repeats_of(run->options, scenario->probe) };
	cell->rows = calloc(count ? count : 1, sizeof(*cell->rows));
	for (uint32_t i = 0; cell->rows && i < count; i++) {
		struct bench_probe_row *row = &cell->rows[i];

		row->variant = variants[i];
		row->samples = calloc(cell->repeat_count, sizeof(*row->samples));
		cell->row_count++;
		if (!row->samples)
			return NULL;
	}
	return cell->rows ? cell : NULL;
}

/* A row without any figure says why. */
static void settle_row(const struct bench_probe_cell *cell, struct bench_probe_row *row)
{
	for (uint32_t i = 0; i < cell->repeat_count; i++)
		for (uint32_t metric = 0; metric < BENCH_METRICS_MAX; metric++)
			if (row->samples[i].values[metric] >= 0)
				return;
	memcpy(row->skipped, row->samples[0].why, sizeof(row->skipped));
	if (!row->skipped[0])
		memcpy(row->skipped, "no figure", sizeof("no figure"));
}

/* One variant, once. Returns what to exit with. */
static int measure_once(struct bench_run *run, struct bench_probe_cell *cell,
			struct bench_probe_row *row, uint32_t repeat)
{
	const struct bench_setting setting = setting_of(run, cell->size);
	struct bench_sample *sample = &row->samples[repeat];
	char what[128];
	int error;

	snprintf(what, sizeof(what), "%s %s", cell->scenario->name, row->variant.name);
	bench_progress_step(&run->progress, 1, what);
	for (uint32_t i = 0; i < BENCH_METRICS_MAX; i++)
		sample->values[i] = -1;
	error = cell->scenario->probe->measure(&setting, &row->variant, sample);
	if (error == -EOPNOTSUPP) {
		for (uint32_t i = 0; i < BENCH_METRICS_MAX; i++)
			sample->values[i] = -1;
		return 0;
	}
	if (!error && sample->account.pends != sample->account.completions + sample->account.live)
		error = bench_sample_wrong(sample, "pends %llu is not completions %llu + live %llu",
					   (unsigned long long)sample->account.pends,
					   (unsigned long long)sample->account.completions,
					   (unsigned long long)sample->account.live);
	if (error == -EBADMSG) {
		fprintf(stderr, "pendbench: wrong: %s, %s: %s\n", cell->scenario->name,
			row->variant.name, sample->why);
		return BENCH_EXIT_WRONG;
	}
	if (error)
		bench_complain("%s, %s: %s", cell->scenario->name, row->variant.name,
			       strerror(-error));
	return error ? BENCH_EXIT_ENVIRONMENT : 0;
}

static void report(struct bench_run *run, const struct bench_probe_cell *cell)
{
	char text[512];
	int length = snprintf(text, sizeof(text), "%-20s", cell->scenario->name);

	for (uint32_t i = 0; i < cell->row_count && length < (int)sizeof(text); i++) {
		const struct bench_probe_row *row = &cell->rows[i];

		length += snprintf(text + length, sizeof(text) - (size_t)length, " %s %.3g",
				   row->variant.name, bench_probe_figure(cell, row, 0).median);
	}
	bench_progress_line(&run->progress, text);
}

static int run_cell(struct bench_run *run, const struct bench_scenario *scenario, uint64_t size)
{
	struct bench_probe_cell *cell = add_cell(run, scenario, size);
	int status = cell ? 0 : BENCH_EXIT_ENVIRONMENT;

	for (uint32_t repeat = 0; !status && repeat < cell->repeat_count; repeat++)
		for (uint32_t i = 0; !status && i < cell->row_count; i++)
			status = measure_once(run, cell, &cell->rows[i], repeat);
	if (status)
		return status;
	cell->done = cell->row_count > 0;
	for (uint32_t i = 0; i < cell->row_count; i++) {
		settle_row(cell, &cell->rows[i]);
		if (cell->rows[i].skipped[0])
			bench_results_note(run->results, "%s, %s: %s", scenario->name,
					   cell->rows[i].variant.name, cell->rows[i].skipped);
	}
	report(run, cell);
	return 0;
}

int bench_run_probes(struct bench_run *run)
{
	int status = 0;
	bool end = false;

	for (uint32_t n = 0; !status && !end; n++) {
		const struct bench_probe *probe = picked(run->options, n, &end);

		if (!probe)
			continue;
		if (!has_threads(run, probe)) {
			bench_results_note(run->results, "%s is left out: it needs %u threads",
					   bench_scenario_at(n)->name, probe->threads);
			continue;
		}
		for (uint32_t i = 0; !status && i < size_count(run->options, probe); i++)
			status = run_cell(run, bench_scenario_at(n),
					  size_at(run->options, probe, i));
	}
	return status;
}
