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
#include <stdlib.h>
#include <string.h>

#include "bench/measure/account.h"
#include "bench/measure/clock.h"
#include "bench/measure/measure.h"
#include "bench/measure/subject.h"
#include "bench/scenario/record.h"
#include "bench/scenario/run.h"

/* What a pass showed besides its time. */
struct pass {
	struct bench_subject *subject;
	struct bench_repeat repeat;
	struct bench_trace_counts traced;
};

struct replay {
	struct bench_run *run;
	struct bench_trace_plan plan;
	const struct bench_cell *cell;
	struct bench_subject subjects[BENCH_ROWS_MAX];
	uint32_t count;
	struct pass *passes; /* of the rows, repeat by repeat */
};

static void play(void *context, uint32_t member)
{
	struct pass *pass = context;
	const struct bench_impl *impl = pass->subject->impl;
	struct bench_lane *lane = &pass->subject->lanes[member];
	const uint64_t preempted = bench_preemptions();

	impl->enter(lane->session);
	const uint64_t begin_ns = bench_clock_ns();

	lane->operations = 0;
	pass->traced.start_ns = begin_ns;
	lane->traced = &pass->traced;
	impl->drive(lane, BENCH_LOOP_TRACE);
	pass->repeat.elapsed_ns = bench_clock_ns() - begin_ns;
	impl->leave(lane->session);
	pass->repeat.preempted = bench_preemptions() - preempted;
	pass->repeat.operations = lane->operations;
}

static int run_pass(struct replay *replay, uint32_t number, struct pass *pass)
{
	struct bench_subject *subject = &replay->subjects[number];
	struct bench_account account;

	*pass = (struct pass){ .subject = subject };
	bench_team_run(replay->run->team, 1, play, pass);
	if (!bench_account_check(subject, "trace", stderr, &account))
		return BENCH_EXIT_WRONG;
	if (account.live != 0) {
		bench_complain("wrong: trace, %s: %lld operations are live after the last event",
			       subject->impl->name, (long long)account.live);
		return BENCH_EXIT_WRONG;
	}
	if (pass->repeat.operations)
		pass->repeat.ns = (double)pass->repeat.elapsed_ns / (double)pass->repeat.operations;
	return 0;
}

static int run_passes(struct replay *replay)
{
	const uint32_t repeats = replay->cell->repeats;
	const double whole_s = bench_plan_cell_s(&replay->run->plan, replay->cell);
	struct pass ignored;
	char what[64];
	int status = 0;

	for (uint32_t i = 0; replay->plan.speed <= 0 && !status && i < replay->count; i++)
		status = run_pass(replay, i, &ignored);
	for (uint32_t repeat = 0; repeat < repeats; repeat++) {
		for (uint32_t i = 0; !status && i < replay->count; i++) {
			status = run_pass(replay, i, &replay->passes[i * repeats + repeat]);
			snprintf(what, sizeof(what), "trace %s", replay->cell->rows[i].impl->name);
			bench_run_step(replay->run, whole_s, 1.0 / (repeats * replay->count), what);
		}
	}
	return status;
}

/* The most events pended at once; of a paced replay how far behind its time things were. */
static int record_pass(struct replay *replay, const struct bench_series *like,
		       const struct pass *pass, uint32_t repeat)
{
	static const struct bench_also live = { "live-most", "", BENCH_NEITHER_IS_BETTER };
	static const struct bench_also most = { "late-most", "ns", BENCH_LESS_IS_BETTER };
	static const struct bench_also mean = { "late-mean", "ns", BENCH_LESS_IS_BETTER };
	const struct bench_trace_counts *traced = &pass->traced;
	int error = bench_record_also(replay->run, like, &live, (double)traced->live_most, repeat);

	if (error || !traced->waits)
		return error;
	error = bench_record_also(replay->run, like, &most, (double)traced->late_most_ns, repeat);
	return error ? error
		     : bench_record_also(replay->run, like, &mean,
					 (double)traced->late_sum_ns / (double)traced->waits,
					 repeat);
}

static int record_row(struct replay *replay, uint32_t number)
{
	const struct bench_cell_row *row = &replay->cell->rows[number];
	const uint32_t repeats = replay->cell->repeats;
	const struct pass *passes = &replay->passes[number * repeats];
	const struct bench_series like = bench_record_like(replay->cell, row);
	struct bench_repeat *windows = calloc(repeats, sizeof(*windows));
	struct bench_account account;
	int error = windows ? 0 : -ENOMEM;

	for (uint32_t i = 0; windows && i < repeats; i++)
		windows[i] = passes[i].repeat;
	if (!error)
		error = bench_record_repeats(replay->run, replay->cell, row, windows, repeats);
	for (uint32_t i = 0; !error && i < repeats; i++)
		error = record_pass(replay, &like, &passes[i], i);
	free(windows);
	if (error || !bench_account_check(&replay->subjects[number], "trace", stderr, &account))
		return error ? error : -EBADMSG;
	return bench_record_account(replay->run, replay->cell, row->impl, &account);
}

/* Where the events came from, and how they were replayed. */
static int note_source(const struct replay *replay)
{
	const struct bench_trace *trace = &replay->run->trace;
	const double speed = replay->run->options->speed;
	char skipped[64] = "", how[96];

	if (trace->skipped)
		snprintf(skipped, sizeof(skipped), ", %llu bad lines skipped",
			 (unsigned long long)trace->skipped);
	if (speed > 0)
		snprintf(how, sizeof(how), "at %g times recorded speed", speed);
	else
		snprintf(how, sizeof(how), "at full speed, decided %.0f events later on average",
			 replay->plan.live_mean);
	return bench_document_note(replay->run->document, "trace: %.100s, %llu read%s; %s",
				   trace->generated ? "generated from a seed, not recorded"
						    : replay->run->options->trace,
				   (unsigned long long)trace->count, skipped, how);
}

static int record(struct replay *replay)
{
	int error = note_source(replay);

	if (!error)
		error = bench_document_set(replay->run->document, BENCH_ABOUT_CONFIG,
					   "trace_live_mean", "%.6g", replay->plan.live_mean);

	for (uint32_t i = 0; !error && i < replay->count; i++)
		error = record_row(replay, i);
	if (error)
		bench_complain("trace: %s", strerror(-error));
	return error ? BENCH_EXIT_ENVIRONMENT : 0;
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

int bench_run_trace(struct bench_run *run, const struct bench_cell *cell)
{
	static struct replay replay; /* some kilobytes; one at a time */
	const struct bench_options *options = run->options;
	uint64_t live = options->trace_live;
	int status;

	replay = (struct replay){ .run = run, .cell = cell };
	if (live > (run->trace.count + 3) / 4) /* else a short trace would end before decisions */
		live = (run->trace.count + 3) / 4;
	replay.passes = calloc((size_t)cell->row_count * cell->repeats, sizeof(*replay.passes));
	if (!replay.passes ||
	    bench_trace_plan_make(&run->trace, options->speed, live, options->seed, &replay.plan)) {
		bench_complain("no memory to plan the replay of %llu events",
			       (unsigned long long)run->trace.count);
		free(replay.passes);
		return BENCH_EXIT_ENVIRONMENT;
	}
	status = make_tables(&replay);
	if (!status)
		status = run_passes(&replay);
	if (!status)
		status = record(&replay);
	for (uint32_t i = 0; i < replay.count; i++)
		bench_subject_destroy(&replay.subjects[i]);
	bench_trace_plan_free(&replay.plan);
	free(replay.passes);
	return status;
}
