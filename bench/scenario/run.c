/* SPDX-License-Identifier: MIT */
/*
 * run.c - a whole run: which tables are made when, and what is measured on them.
 *
 * For each size every implementation gets one table, and all of them exist at once, so that they
 * can be measured in turn. A table goes through its stages in one direction: empty, filled to
 * the occupancy, filled to the brim, drained; each scenario belongs to a stage (scenario.h). The
 * account of a table is checked after every cell, and once more when it is drained: then nothing
 * may be live. The first wrong account ends the run.
 */
#include "bench/scenario/run.h"

#include <errno.h>
#include <string.h>

#include "bench/measure/account.h"
#include "bench/measure/clock.h"
#include "bench/measure/measure.h"
#include "bench/command/parse.h"
#include "bench/scenario/probe.h"
#include "bench/measure/subject.h"

#define MEMORY_MAX (12ull << 30)
#define MEMORY_SPARE (1ull << 30) /* left to everybody else */
#define PINGPONG_NS 2000000u
#define QUICK_LIMIT_NS 90000000000ull /* a quick run begins no larger size after this */
#define QUICK_LARGE (1u << 20)

/* All tables of one size. */
struct bed {
	struct bench_run *run;
	uint64_t size;
	uint64_t live;
	uint32_t lane_count;
	uint32_t count;
	struct bench_subject subjects[BENCH_IMPLS_MAX];
	enum bench_stage stage;
};

static struct bench_subject *subject_of(struct bed *bed, const struct bench_impl *impl)
{
	for (uint32_t i = 0; i < bed->count; i++)
		if (bed->subjects[i].impl == impl)
			return &bed->subjects[i];
	return NULL;
}

static struct bench_shape shape_of(const struct bed *bed)
{
	const struct bench_options *options = bed->run->options;

	return (struct bench_shape){ .max_entries = bed->size,
				     .key_size = options->key_size,
				     .value_size = options->value_size,
				     .threads = bed->lane_count,
				     .seed = options->seed,
				     .caller_clock = options->caller_clock };
}

/* Whether any scenario of the run has work for @impl at this size. */
static bool wanted(const struct bench_run *run, const struct bench_impl *impl, uint64_t size)
{
	const struct bench_scenario *scenario;

	for (uint32_t n = 0; (scenario = bench_scenario_at(n)) != NULL; n++)
		if (bench_options_pick_size(run->options, scenario, size) &&
		    (!impl || bench_scenario_runs(scenario, impl, false)))
			return true;
	return false;
}

static bool fits(struct bed *bed)
{
	const struct bench_options *options = bed->run->options;
	const struct bench_shape shape = shape_of(bed);
	const uint64_t available = bench_host_available();
	uint64_t bytes = 0, room = MEMORY_MAX;
	char size[32];

	for (uint32_t i = 0; i < options->impl_count; i++)
		if (wanted(bed->run, options->impls[i], bed->size))
			bytes += bench_subject_bytes(options->impls[i], &shape);
	if (available && available < room + MEMORY_SPARE)
		room = available > MEMORY_SPARE ? available - MEMORY_SPARE : 0;
	if (bytes <= room)
		return true;
	bench_results_note(bed->run->results,
			   "size %s is left out: its tables need %.1f GiB, %.1f GiB may be used",
			   bench_format_size(bed->size, size, sizeof(size)),
			   (double)bytes / 1073741824.0, (double)room / 1073741824.0);
	return false;
}

static int make_tables(struct bed *bed)
{
	const struct bench_options *options = bed->run->options;
	const struct bench_shape shape = shape_of(bed);

	for (uint32_t i = 0; i < options->impl_count; i++) {
		const struct bench_impl *impl = options->impls[i];

		if (!wanted(bed->run, impl, bed->size))
			continue;
		const int error = bench_subject_create(impl, &shape, bed->live, options,
						       &bed->subjects[bed->count]);

		if (error) {
			bench_complain("%s: no table of %llu entries: %s", impl->name,
				       (unsigned long long)bed->size, strerror(-error));
			return BENCH_EXIT_ENVIRONMENT;
		}
		bed->count++;
	}
	return 0;
}

static int check_table(struct bench_subject *subject, const char *where,
		       struct bench_account *account)
{
	struct bench_account ignored;

	return bench_account_check(subject, where, stderr, account ? account : &ignored)
		       ? 0
		       : BENCH_EXIT_WRONG;
}

/* Takes every table to the stage that a scenario wants. */
static int reach(struct bed *bed, enum bench_stage stage)
{
	for (; bed->stage < stage; bed->stage++) {
		for (uint32_t i = 0; i < bed->count; i++) {
			struct bench_subject *subject = &bed->subjects[i];
			const char *where = bed->stage == BENCH_STAGE_EMPTY ? "fill" : "top up";

			bench_progress_step(&bed->run->progress, 0, where);
			if (bed->stage == BENCH_STAGE_EMPTY)
				bench_subject_fill(subject, bed->run->team,
						   bed->run->options->in_order);
			else if (bed->stage == BENCH_STAGE_STEADY)
				bench_subject_top_up(subject, bed->run->team);
			else
				continue;
			if (check_table(subject, where, NULL))
				return BENCH_EXIT_WRONG;
		}
	}
	return 0;
}

/* A short line about a cell, for those who watch something that is no terminal. */
static void report_cell(struct bench_run *run, const struct bench_cell *cell)
{
	char text[512], size[32];
	int length = snprintf(text, sizeof(text), "%-20s %5s %uT  ns:", cell->scenario->name,
			      bench_format_size(cell->size, size, sizeof(size)), cell->threads);

	for (uint32_t i = 0; i < cell->row_count && length < (int)sizeof(text); i++)
		length += snprintf(text + length, sizeof(text) - (size_t)length, " %s%s %.3g",
				   cell->rows[i].impl->name, cell->rows[i].batch ? "/batch" : "",
				   bench_row_ns(cell, &cell->rows[i]).median);
	bench_progress_line(&run->progress, text);
}

static int measure_cell(struct bed *bed, struct bench_cell *cell)
{
	struct bench_run *run = bed->run;
	struct bench_window window = { .threads = cell->threads,
				       .warm_up_ns = run->options->warm_up_ns,
				       .window_ns = run->options->window_ns,
				       .pingpong_ns = run->options->profile == BENCH_SMOKE
							      ? PINGPONG_NS / 10
							      : PINGPONG_NS };
	char size[32], what[128];

	bench_format_size(cell->size, size, sizeof(size));
	for (uint32_t i = 0; i < bed->count; i++)
		bench_subject_split(&bed->subjects[i], cell->threads);
	for (uint32_t repeat = 0; repeat < cell->repeat_count; repeat++) {
		for (uint32_t i = 0; i < cell->row_count; i++) {
			struct bench_row *row = &cell->rows[i];

			window.loop = row->batch ? cell->scenario->batch : cell->scenario->scalar;
			snprintf(what, sizeof(what), "%s %s %uT %s%s", cell->scenario->name, size,
				 cell->threads, row->impl->name, row->batch ? " batch" : "");
			bench_measure(subject_of(bed, row->impl), run->team, &window,
				      &row->repeats[repeat]);
			bench_progress_step(&run->progress, 1, what);
		}
	}
	snprintf(what, sizeof(what), "%s %s %uT", cell->scenario->name, size, cell->threads);
	for (uint32_t i = 0; i < cell->row_count; i++) {
		struct bench_row *row = &cell->rows[i];

		if (check_table(subject_of(bed, row->impl), what, &row->account))
			return BENCH_EXIT_WRONG;
		row->done = true;
	}
	cell->done = true;
	report_cell(run, cell);
	return 0;
}

static int measure_stages(struct bed *bed)
{
	struct bench_run *run = bed->run;
	const struct bench_scenario *scenario;
	int status = 0;

	for (uint32_t n = 0; !status && (scenario = bench_scenario_at(n)) != NULL; n++) {
		if (!bench_options_pick_size(run->options, scenario, bed->size))
			continue;
		status = reach(bed, scenario->stage);
		for (uint32_t i = 0; !status && i < run->thread_count; i++) {
			struct bench_cell *cell = bench_results_add(run->results, run->options,
								    scenario, bed->size,
								    (uint32_t)run->threads[i]);

			status = cell ? measure_cell(bed, cell) : BENCH_EXIT_ENVIRONMENT;
		}
	}
	return status;
}

/* Completes what is live and checks that nothing is left. */
static int drain(struct bed *bed)
{
	int status = 0;

	for (uint32_t i = 0; i < bed->count; i++) {
		struct bench_subject *subject = &bed->subjects[i];

		bench_progress_step(&bed->run->progress, 0, "drain");
		if (bed->stage == BENCH_STAGE_EMPTY)
			subject->ring_size = 0; /* was never filled */
		bench_subject_drain(subject, bed->run->team);
		status = check_table(subject, "drain", NULL);
		if (!status && subject->impl->live(subject->table) != 0) {
			bench_complain("wrong: %s: operations are live after the last completed",
				       subject->impl->name);
			status = BENCH_EXIT_WRONG;
		}
		if (status)
			return status;
	}
	return 0;
}

static int run_size(struct bench_run *run, uint64_t size)
{
	static struct bed bed; /* some kilobytes; one at a time */
	int status;

	bed = (struct bed){ .run = run,
			    .size = size,
			    .live = bench_options_live(run->options, size),
			    .lane_count = 1 };
	for (uint32_t i = 0; i < run->thread_count; i++)
		if (run->threads[i] > bed.lane_count)
			bed.lane_count = (uint32_t)run->threads[i];
	if (!fits(&bed))
		return 0;
	status = make_tables(&bed);
	if (!status)
		status = measure_stages(&bed);
	if (!status)
		status = drain(&bed);
	for (uint32_t i = 0; i < bed.count; i++)
		bench_subject_destroy(&bed.subjects[i]);
	return status;
}

/* Windows to come, for the progress line. */
static uint64_t count_windows(const struct bench_run *run)
{
	const struct bench_options *options = run->options;
	const struct bench_scenario *scenario;
	uint64_t rows = 0;

	for (uint32_t n = 0; (scenario = bench_scenario_at(n)) != NULL; n++) {
		uint64_t cells = 0;

		for (uint32_t i = 0; i < options->size_count; i++)
			if (bench_options_pick_size(options, scenario, options->sizes[i]))
				cells += run->thread_count;
		if (scenario->stage == BENCH_STAGE_TRACE && bench_options_pick(options, scenario))
			cells = 1;
		for (uint32_t i = 0; i < options->impl_count; i++) {
			const struct bench_impl *impl = options->impls[i];
			const bool batch = bench_scenario_runs(scenario, impl, true);

			if (bench_scenario_runs(scenario, impl, false))
				rows += cells * ((options->scalar || !batch ? 1u : 0u) +
						 (options->batch && batch ? 1u : 0u));
		}
	}
	return rows * options->repeats + bench_probe_count(run);
}

/* Drops numbers of threads that nobody asked for and this machine has no CPUs for. */
static int choose_threads(struct bench_run *run)
{
	const struct bench_options *options = run->options;

	for (uint32_t i = 0; i < options->thread_count; i++) {
		if (options->threads[i] <= run->host->cpu_count) {
			run->threads[run->thread_count++] = options->threads[i];
			continue;
		}
		if (options->threads_given) {
			bench_complain("--threads: %llu threads need as many CPUs, here are %u",
				       (unsigned long long)options->threads[i],
				       run->host->cpu_count);
			return BENCH_EXIT_ENVIRONMENT;
		}
		bench_results_note(run->results, "%llu threads are left out: here is %u CPU",
				   (unsigned long long)options->threads[i], run->host->cpu_count);
	}
	return 0;
}

static bool picks_trace(const struct bench_options *options)
{
	const struct bench_scenario *scenario;

	for (uint32_t n = 0; (scenario = bench_scenario_at(n)) != NULL; n++)
		if (scenario->stage == BENCH_STAGE_TRACE && bench_options_pick(options, scenario))
			return true;
	return false;
}

static int run_all(struct bench_run *run)
{
	const struct bench_options *options = run->options;
	const struct bench_scenario *scenario;
	int status = 0;

	for (uint32_t i = 0; !status && i < options->size_count; i++) {
		if (!wanted(run, NULL, options->sizes[i]))
			continue;
		if (options->profile == BENCH_QUICK && !options->sizes_given &&
		    options->sizes[i] > QUICK_LARGE &&
		    bench_clock_ns() - run->begun_ns > QUICK_LIMIT_NS) {
			bench_results_note(run->results, "size 8Mi is left out: this quick run has "
							 "taken long enough; --full has it");
			continue;
		}
		status = run_size(run, options->sizes[i]);
	}
	for (uint32_t n = 0; !status && (scenario = bench_scenario_at(n)) != NULL; n++)
		if (scenario->stage == BENCH_STAGE_TRACE && bench_options_pick(options, scenario))
			status = bench_run_trace(run, scenario);
	return status ? status : bench_run_probes(run);
}

int bench_run(const struct bench_options *options, const struct bench_host *host,
	      struct bench_results *results)
{
	struct bench_run run = {
		.options = options, .host = host, .results = results, .begun_ns = bench_clock_ns()
	};
	uint32_t most = 1;
	int status = choose_threads(&run);

	if (!status && picks_trace(options)) /* first: a bad file is told before minutes pass */
		status = bench_run_load_trace(options, &results->trace);
	if (status)
		return status;
	for (uint32_t i = 0; i < run.thread_count; i++)
		if (run.threads[i] > most)
			most = (uint32_t)run.threads[i];
	if (bench_probe_threads(options) > most)
		most = bench_probe_threads(options);
	if (most > host->cpu_count)
		most = host->cpu_count;
	if (bench_team_create(most, host->cpus, &run.team)) {
		bench_complain("cannot start %u threads", most);
		return BENCH_EXIT_ENVIRONMENT;
	}
	if (*bench_impls_absent())
		bench_results_note(results, "%s: absent, liburcu was not found by the build",
				   bench_impls_absent());
	bench_progress_begin(&run.progress, options->progress, count_windows(&run));
	status = run_all(&run);
	bench_progress_end(&run.progress);
	bench_team_destroy(run.team);
	results->took_s = (double)(bench_clock_ns() - run.begun_ns) / 1e9;
	if (!status && !results->cell_count && !results->probe_count) {
		for (uint32_t i = 0; i < results->note_count; i++)
			bench_complain("%s", results->notes[i]);
		bench_complain("nothing is left to measure");
		status = BENCH_EXIT_ENVIRONMENT;
	}
	return status;
}
