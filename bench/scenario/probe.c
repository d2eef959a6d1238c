/* SPDX-License-Identifier: MIT */
/*
 * probe.c - runs the probes: for each size, repeat by repeat, variant by variant.
 *
 * The first wrong account ends the run, as it does with tables (bed.c). A variant that cannot be
 * measured here is left out with its reason, and the rest goes on. What a probe measured is written
 * when all of its repeats are done.
 */
#include "bench/scenario/probe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/pingpong.h"
#include "bench/scenario/run.h"

#define PROBE_PINGPONG_NS 2000000u

uint32_t bench_probe_metrics(const struct bench_probe *probe)
{
	uint32_t count = 0;

	while (probe->metrics && count < BENCH_METRICS_MAX && probe->metrics[count].name)
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

/* ---- more than metrics ---- */

static void copy(char *text, size_t size, const char *from)
{
	snprintf(text, size, "%s", from);
}

static struct bench_point point_of(const struct bench_setting *setting,
				   const struct bench_variant *variant)
{
	struct bench_point point = variant->point;

	if (!point.size)
		point.size = setting->size;
	return point;
}

struct bench_timeline *bench_probe_timeline(const struct bench_setting *setting,
					    const struct bench_variant *variant,
					    const struct bench_timeline *like)
{
	struct bench_timeline wanted = *like;

	copy(wanted.scenario, sizeof(wanted.scenario), setting->scenario->name);
	copy(wanted.subject, sizeof(wanted.subject), variant->name);
	wanted.point = point_of(setting, variant);
	wanted.process = setting->process;
	return bench_document_timeline(setting->document, &wanted);
}

int bench_probe_spectrum(const struct bench_setting *setting, const struct bench_variant *variant,
			 const char *kind, uint64_t most, const struct bench_bar *bars,
			 uint32_t count)
{
	struct bench_spectrum wanted = { .point = point_of(setting, variant),
					 .peer = variant->peer,
					 .most = most };

	copy(wanted.scenario, sizeof(wanted.scenario), setting->scenario->name);
	copy(wanted.subject, sizeof(wanted.subject), variant->name);
	copy(wanted.kind, sizeof(wanted.kind), kind);
	return bench_document_spectrum(setting->document, &wanted, bars, count);
}

/* ---- what is to be done ---- */

/* One probe at one size: its variants, and what they came to. */
struct work {
	struct bench_run *run;
	const struct bench_probe_cell *cell;
	struct bench_setting setting;
	uint32_t variant_count;
	struct bench_variant variants[BENCH_VARIANTS_MAX];
	struct bench_sample *samples; /* of the variants, repeat by repeat */
};

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

static void list(struct work *work)
{
	const struct bench_probe *probe = work->cell->scenario->probe;
	const uint32_t count = probe->list(&work->setting, work->variants);

	for (uint32_t i = 0; i < count && i < BENCH_VARIANTS_MAX; i++)
		if (variant_wanted(work->setting.options, &work->variants[i]))
			work->variants[work->variant_count++] = work->variants[i];
}

/* Whether the threads may be used that the probe needs. */
static bool has_threads(const struct bench_run *run, const struct bench_probe *probe)
{
	const struct bench_options *options = run->options;

	if (probe->threads > run->host.cpu_count)
		return false;
	return !options->threads_given || bench_options_threads_most(options) >= probe->threads;
}

static uint32_t more_threads(const struct bench_plan *plan, uint32_t most, uint64_t threads)
{
	return threads > most && threads <= plan->cpu_count ? (uint32_t)threads : most;
}

uint32_t bench_run_probe_threads(const struct bench_plan *plan)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < plan->probe_count; i++) {
		const struct bench_probe *probe = plan->probes[i].scenario->probe;

		most = more_threads(plan, most, probe->threads);
		if (!probe->threads_more)
			continue;
		if (!plan->options->threads_given)
			most = more_threads(plan, most, probe->threads_more);
		for (uint32_t n = 0; n < plan->options->thread_count; n++)
			most = more_threads(plan, most, plan->options->threads[n]);
	}
	return most;
}

/* ---- doing it ---- */

static bool has_figure(const struct bench_sample *sample)
{
	for (uint32_t i = 0; i < BENCH_METRICS_MAX; i++)
		if (sample->values[i] >= 0)
			return true;
	return false;
}

static void clear(struct bench_sample *sample)
{
	for (uint32_t i = 0; i < BENCH_METRICS_MAX; i++)
		sample->values[i] = -1;
}

/* One variant, once. Returns what to exit with. */
static int measure_once(struct work *work, const struct bench_variant *variant,
			struct bench_sample *sample)
{
	const char *name = work->cell->scenario->name;
	int error;

	clear(sample);
	work->setting.size = variant->point.size ? variant->point.size : work->cell->size;
	error = work->cell->scenario->probe->measure(&work->setting, variant, sample);
	if (error == -EOPNOTSUPP) {
		clear(sample);
		return 0;
	}
	if (!error && sample->account.pends != sample->account.completions + sample->account.live)
		error = bench_sample_wrong(sample, "pends %llu is not completions %llu + live %llu",
					   (unsigned long long)sample->account.pends,
					   (unsigned long long)sample->account.completions,
					   (unsigned long long)sample->account.live);
	if (error == -EBADMSG) {
		fprintf(stderr, "pendbench: wrong: %s, %s: %s\n", name, variant->name, sample->why);
		return BENCH_EXIT_WRONG;
	}
	if (error)
		bench_complain("%s, %s: %s", name, variant->name, strerror(-error));
	return error ? BENCH_EXIT_ENVIRONMENT : 0;
}

static int measure_variants(struct work *work)
{
	const double whole_s = bench_plan_probe_s(work->cell);
	const uint32_t repeats = work->cell->repeats;
	char what[128];
	int status = 0;

	for (uint32_t repeat = 0; repeat < repeats; repeat++) {
		work->setting.repeat = repeat;
		for (uint32_t i = 0; !status && i < work->variant_count; i++) {
			snprintf(what, sizeof(what), "%s %s", work->cell->scenario->name,
				 work->variants[i].name);
			bench_run_step(work->run, whole_s, 1.0 / (repeats * work->variant_count),
				       what);
			status = measure_once(work, &work->variants[i],
					      &work->samples[i * repeats + repeat]);
		}
	}
	bench_progress_line(&work->run->progress, work->cell->scenario->name);
	return status;
}

/* ---- into the document ---- */

static struct bench_series series_of(const struct work *work, const struct bench_variant *variant,
				     uint32_t number)
{
	const struct bench_scenario *scenario = work->cell->scenario;
	const struct bench_metric *metric = &scenario->probe->metrics[number];
	struct bench_series like = { .point = point_of(&work->setting, variant),
				     .better = metric->better,
				     .primary = number == 0,
				     .peer = variant->peer };

	copy(like.scenario, sizeof(like.scenario), scenario->name);
	copy(like.subject, sizeof(like.subject), variant->name);
	copy(like.metric, sizeof(like.metric), metric->name);
	copy(like.unit, sizeof(like.unit), metric->unit);
	copy(like.operation, sizeof(like.operation), scenario->unit);
	copy(like.summary, sizeof(like.summary), variant->summary ? variant->summary : "");
	return like;
}

static int record_metric(struct work *work, const struct bench_variant *variant,
			 const struct bench_sample *samples, uint32_t metric)
{
	const struct bench_series like = series_of(work, variant, metric);
	const bool is_mean = !strcmp(like.unit, "ns"); /* the others: percentiles, sizes ... */
	int error = 0;

	for (uint32_t i = 0; !error && i < work->cell->repeats; i++) {
		const struct bench_sample *sample = &samples[i];
		const struct bench_value value = {
			.value = sample->values[metric],
			.operations = is_mean ? sample->operations : 0,
			.preempted = sample->preempted,
			.pingpong_ns = sample->pingpong_ns,
			.process = work->setting.process,
			.repeat = i,
		};
		struct bench_series *series;

		if (sample->values[metric] < 0)
			continue;
		series = bench_document_series(work->setting.document, &like);
		error = series ? bench_series_add(series, &value) : -ENOMEM;
	}
	return error;
}

/* A variant without any figure says why. */
static int record_skip(struct work *work, const struct bench_variant *variant,
		       const struct bench_sample *sample)
{
	struct bench_series like = series_of(work, variant, 0);
	const char *why = sample->why[0] ? sample->why : "no figure";

	copy(like.skipped, sizeof(like.skipped), why);
	if (!bench_document_series(work->setting.document, &like))
		return -ENOMEM;
	return bench_document_note(work->setting.document, "%s, %s: %s", like.scenario,
				   like.subject, why);
}

static int record_account(struct work *work, const struct bench_variant *variant,
			  const struct bench_sample *samples)
{
	struct bench_ledger ledger = {
		.point = point_of(&work->setting, variant),
		.process = work->setting.process,
		.number_count = 3,
		.numbers = { { "pends", 0 }, { "completions", 0 }, { "live", 0 } }
	};

	copy(ledger.scenario, sizeof(ledger.scenario), work->cell->scenario->name);
	copy(ledger.subject, sizeof(ledger.subject), variant->name);
	for (uint32_t i = 0; i < work->cell->repeats; i++) {
		ledger.numbers[0].number += samples[i].account.pends;
		ledger.numbers[1].number += samples[i].account.completions;
		ledger.numbers[2].number += samples[i].account.live;
	}
	if (!ledger.numbers[0].number)
		return 0; /* pends nothing */
	return bench_document_ledger(work->setting.document, &ledger);
}

static int record(struct work *work)
{
	const uint32_t metrics = bench_probe_metrics(work->cell->scenario->probe);
	int error = 0;

	for (uint32_t i = 0; !error && i < work->variant_count; i++) {
		const struct bench_sample *samples = &work->samples[i * work->cell->repeats];
		bool any = false;

		for (uint32_t repeat = 0; repeat < work->cell->repeats; repeat++)
			any |= has_figure(&samples[repeat]);
		if (metrics && !any)
			error = record_skip(work, &work->variants[i], samples);
		for (uint32_t metric = 0; any && !error && metric < metrics; metric++)
			error = record_metric(work, &work->variants[i], samples, metric);
		if (!error)
			error = record_account(work, &work->variants[i], samples);
	}
	return error;
}

static int run_probe(struct bench_run *run, const struct bench_probe_cell *cell)
{
	static struct work work; /* some kilobytes; one at a time */
	int status, error;

	work = (struct work){ .run = run,
			      .cell = cell,
			      .setting = { .options = run->options,
					   .host = &run->host,
					   .team = run->team,
					   .scenario = cell->scenario,
					   .size = cell->size,
					   .window_ns = run->options->window_ns,
					   .document = run->document,
					   .process = run->options->process } };
	list(&work);
	if (!work.variant_count)
		return 0;
	work.samples = calloc((size_t)work.variant_count * cell->repeats, sizeof(*work.samples));
	if (!work.samples)
		return BENCH_EXIT_ENVIRONMENT;
	status = measure_variants(&work);
	error = status ? 0 : record(&work);
	if (error)
		bench_complain("%s: %s", cell->scenario->name, strerror(-error));
	free(work.samples);
	return error ? BENCH_EXIT_ENVIRONMENT : status;
}

int bench_run_probes(struct bench_run *run)
{
	int status = 0;

	for (uint32_t i = 0; !status && i < run->plan.probe_count; i++) {
		const struct bench_probe_cell *cell = &run->plan.probes[i];

		if (has_threads(run, cell->scenario->probe))
			status = run_probe(run, cell);
		else if (bench_document_note(run->document, "%s is left out: it needs %u threads",
					     cell->scenario->name, cell->scenario->probe->threads))
			status = BENCH_EXIT_ENVIRONMENT;
	}
	return status;
}
