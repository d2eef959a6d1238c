/* SPDX-License-Identifier: MIT */
/*
 * trace_run.c - replays a trace through every implementation.
 *
 * One thread pends and completes. Every implementation has a table of its own, which is empty
 * before and after each pass, so each pass is a whole replay and its account closes with nothing
 * live. The implementations take turns pass by pass. At full speed a pass that is not counted
 * comes first, so that memory is touched; a paced replay is long enough without.
 */
#include <errno.h>
#include <string.h>

#include "bench/measure/account.h"
#include "bench/measure/clock.h"
#include "bench/measure/measure.h"
#include "bench/scenario/run.h"
#include "bench/measure/subject.h"

#define TRACE_ENTRIES 65536u

struct replay {
	struct bench_run *run;
	struct bench_trace_plan plan;
	struct bench_cell *cell;
	struct bench_subject subjects[BENCH_IMPLS_MAX];
	uint32_t count;
};

struct pass {
	struct bench_subject *subject;
	struct bench_repeat *repeat;
};

static void play(void *context, uint32_t member)
{
	const struct pass *pass = context;
	const struct bench_impl *impl = pass->subject->impl;
	struct bench_lane *lane = &pass->subject->lanes[member];
	const uint64_t preempted = bench_preemptions();

	impl->enter(lane->session);
	const uint64_t begin_ns = bench_clock_ns();

	lane->operations = 0;
	pass->repeat->traced.start_ns = begin_ns;
	lane->traced = &pass->repeat->traced;
	impl->drive(lane, BENCH_LOOP_TRACE);
	pass->repeat->elapsed_ns = bench_clock_ns() - begin_ns;
	impl->leave(lane->session);
	pass->repeat->preempted = bench_preemptions() - preempted;
	pass->repeat->operations = lane->operations;
}

/* What one pass added to the counts. */
static struct bench_counts added(const struct bench_counts *before,
				 const struct bench_counts *after)
{
	return (struct bench_counts){ .attempted = after->attempted - before->attempted,
				      .inserted = after->inserted - before->inserted,
				      .refused = after->refused - before->refused,
				      .duplicate = after->duplicate - before->duplicate,
				      .delayed = after->delayed - before->delayed,
				      .completed = after->completed - before->completed };
}

static int run_pass(struct replay *replay, uint32_t number, struct bench_repeat *repeat)
{
	struct bench_subject *subject = &replay->subjects[number];
	struct bench_row *row = &replay->cell->rows[number];
	const struct bench_counts before = bench_subject_counts(subject);
	struct pass pass = { subject, repeat };

	*repeat = (struct bench_repeat){ 0 };
	bench_team_run(replay->run->team, 1, play, &pass);
	if (!bench_account_check(subject, "trace", stderr, &row->account))
		return BENCH_EXIT_WRONG;
	if (row->account.live != 0) {
		bench_complain("wrong: trace, %s: %lld operations are live after the last event",
			       row->impl->name, (long long)row->account.live);
		return BENCH_EXIT_WRONG;
	}
	repeat->trace = added(&before, &row->account.counts);
	if (repeat->operations)
		repeat->ns = (double)repeat->elapsed_ns / (double)repeat->operations;
	bench_progress_step(&replay->run->progress, 1, row->impl->name);
	return 0;
}

static int run_passes(struct replay *replay)
{
	const bool paced = replay->plan.speed > 0;
	struct bench_repeat ignored;
	int status = 0;

	for (uint32_t i = 0; !paced && !status && i < replay->count; i++)
		status = run_pass(replay, i, &ignored);
	for (uint32_t repeat = 0; repeat < replay->cell->repeat_count; repeat++)
		for (uint32_t i = 0; !status && i < replay->count; i++)
			status = run_pass(replay, i, &replay->cell->rows[i].repeats[repeat]);
	for (uint32_t i = 0; !status && i < replay->count; i++)
		replay->cell->rows[i].done = true;
	replay->cell->done = !status;
	return status;
}

static int make_tables(struct replay *replay)
{
	const struct bench_options *options = replay->run->options;
	const struct bench_shape shape = { .max_entries = replay->cell->size,
					   .key_size = BENCH_TRACE_KEY_SIZE,
					   .value_size = options->value_size,
					   .threads = 1,
					   .seed = options->seed,
					   .caller_clock = options->caller_clock };

	for (; replay->count < replay->cell->row_count; replay->count++) {
		const struct bench_impl *impl = replay->cell->rows[replay->count].impl;
		struct bench_subject *subject = &replay->subjects[replay->count];
		const int error = bench_subject_create(impl, &shape, 0, options, subject);

		if (error) {
			bench_complain("%s: no table of %llu entries: %s", impl->name,
				       (unsigned long long)shape.max_entries, strerror(-error));
			return BENCH_EXIT_ENVIRONMENT;
		}
		subject->lanes[0].plan = &replay->plan;
	}
	return 0;
}

int bench_run_load_trace(const struct bench_options *options, struct bench_trace *trace)
{
	if (!options->trace) {
		if (!bench_trace_generate(options->trace_events, options->seed, trace))
			return 0;
		bench_complain("no memory for %llu events",
			       (unsigned long long)options->trace_events);
		return BENCH_EXIT_ENVIRONMENT;
	}
	const int error = bench_trace_read(options->trace, options->skip_bad_lines, stderr, trace);

	return error == -ENOMEM ? BENCH_EXIT_ENVIRONMENT : error ? BENCH_EXIT_USAGE : 0;
}

int bench_run_trace(struct bench_run *run, const struct bench_scenario *scenario)
{
	const struct bench_options *options = run->options;
	const struct bench_trace *trace = &run->results->trace;
	static struct replay replay; /* some kilobytes; one at a time */
	uint64_t live = options->trace_live;
	int status;

	replay = (struct replay){ .run = run };
	if (live > (trace->count + 3) / 4) /* else a short trace would end before decisions come */
		live = (trace->count + 3) / 4;
	replay.cell = bench_results_add(run->results, options, scenario,
					options->sizes_given ? options->sizes[0] : TRACE_ENTRIES,
					1);
	if (!replay.cell ||
	    bench_trace_plan_make(trace, options->speed, live, options->seed, &replay.plan)) {
		bench_complain("no memory to plan the replay of %llu events",
			       (unsigned long long)trace->count);
		return BENCH_EXIT_ENVIRONMENT;
	}
	run->results->trace_live_mean = replay.plan.live_mean;
	status = make_tables(&replay);
	if (!status)
		status = run_passes(&replay);
	for (uint32_t i = 0; i < replay.count; i++)
		bench_subject_destroy(&replay.subjects[i]);
	bench_trace_plan_free(&replay.plan);
	return status;
}
