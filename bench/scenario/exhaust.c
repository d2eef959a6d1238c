/* SPDX-License-Identifier: MIT */
/*
 * exhaust.c - the edge of a full table: getting there, being there, coming back (exhaust/).
 *
 * Every implementation that was asked for, with the loops of driver.h and driver_origin.h.
 */
#include <errno.h>

#include "bench/measure/account.h"
#include "bench/measure/clock.h"
#include "bench/measure/driver_origin.h"
#include "bench/measure/measure.h"
#include "bench/scenario/probe.h"

#define RECOVERED 64u

/* What a job of this file runs on its lane. */
struct job {
	struct bench_subject *subject;
	enum bench_loop loop;
	uint64_t elapsed_ns;
	uint64_t preempted;
};

static void run_job(void *context, uint32_t member)
{
	struct job *job = context;
	struct bench_lane *lane = &job->subject->lanes[member];
	const uint64_t preempted = bench_preemptions(), begin_ns = bench_clock_ns();

	job->subject->impl->enter(lane->session);
	job->subject->impl->drive(lane, job->loop);
	job->elapsed_ns = bench_clock_ns() - begin_ns;
	job->preempted = bench_preemptions() - preempted;
	job->subject->impl->leave(lane->session);
}

static int create(const struct bench_setting *setting, const struct bench_variant *variant,
		  uint32_t threads, struct bench_subject *subject)
{
	const struct bench_options *options = setting->options;
	const struct bench_shape shape = { .max_entries = setting->size,
					   .key_size = options->key_size,
					   .value_size = options->value_size,
					   .threads = threads,
					   .seed = options->seed };

	return bench_subject_create(variant->impl, &shape, 0, options, subject);
}

static int finish(const struct bench_setting *setting, struct bench_subject *subject,
		  const char *where, struct bench_sample *sample)
{
	struct bench_account account;
	int error = 0;

	if (!bench_account_check(subject, where, stderr, &account))
		error = bench_sample_wrong(sample, "the account of the table, see above");
	sample->account.pends = account.counts.inserted;
	sample->account.completions = account.counts.completed;
	sample->account.live = error ? 0 : (uint64_t)account.live;
	/* A table of liburcu is freed only when it is empty. */
	if (!error) {
		bench_subject_drain(subject, setting->team);
		if (subject->impl->live(subject->table) != 0)
			error = bench_sample_wrong(sample, "live after the last was completed");
	}
	bench_subject_destroy(subject);
	return error;
}

/* Twice: into memory that nobody has touched, and again. */
static int measure_fill(const struct bench_setting *setting, const struct bench_variant *variant,
			struct bench_sample *sample)
{
	struct bench_subject subject;
	struct job job = { .subject = &subject };
	const int error = create(setting, variant, 1, &subject);

	if (error)
		return error;
	for (uint32_t i = 0; i < 2 && !subject.lanes[0].error; i++) {
		job.loop = BENCH_LOOP_TOP_UP;
		bench_team_run(setting->team, 1, run_job, &job);
		sample->preempted += job.preempted;
		sample->operations = subject.lanes[0].extra_count;
		sample->values[i] = (double)job.elapsed_ns / (double)(sample->operations + 1);
		job.loop = BENCH_LOOP_DRAIN;
		bench_team_run(setting->team, 1, run_job, &job);
		if (subject.impl->live(subject.table) < 0)
			break;
	}
	return finish(setting, &subject, "exhaust/fill", sample);
}

static int measure_refuse(const struct bench_setting *setting, const struct bench_variant *variant,
			  struct bench_sample *sample)
{
	struct bench_subject subject;
	struct bench_repeat repeat;
	struct bench_window window = { .loop = BENCH_LOOP_REFUSE,
				       .warm_up_ns = setting->options->warm_up_ns,
				       .window_ns = setting->window_ns };
	const int error = create(setting, variant, 2, &subject);

	if (error)
		return error;
	bench_subject_top_up(&subject, setting->team);
	sample->pingpong_ns = bench_probe_play(setting);
	for (uint32_t threads = 1; threads <= 2; threads++) {
		window.threads = threads;
		bench_measure(&subject, setting->team, &window, &repeat);
		sample->values[threads - 1] = repeat.ns;
		sample->preempted += repeat.preempted;
		sample->operations += repeat.operations;
	}
	if (sample->values[0] > 0)
		sample->values[2] = sample->values[1] / sample->values[0];
	return finish(setting, &subject, "exhaust/refuse", sample);
}

static int measure_recover(const struct bench_setting *setting, const struct bench_variant *variant,
			   struct bench_sample *sample)
{
	struct bench_subject subject;
	struct bench_recover recover = { .count = RECOVERED };
	struct job job = { .subject = &subject, .loop = BENCH_LOOP_TOP_UP };
	const int error = create(setting, variant, 1, &subject);

	if (error)
		return error;
	subject.lanes[0].recover = &recover;
	bench_team_run(setting->team, 1, run_job, &job);
	job.loop = BENCH_LOOP_RECOVER;
	if (!subject.lanes[0].error && subject.lanes[0].extra_count >= RECOVERED)
		bench_team_run(setting->team, 1, run_job, &job);
	sample->values[0] = (double)recover.first_ns;
	sample->values[1] = (double)recover.all_ns / RECOVERED;
	sample->values[2] = (double)recover.refused;
	sample->operations = RECOVERED;
	sample->preempted = job.preempted;
	return finish(setting, &subject, "exhaust/recover", sample);
}

static uint32_t list(const struct bench_setting *setting, struct bench_variant *variants)
{
	const struct bench_options *options = setting->options;
	uint32_t count = 0;

	for (uint32_t i = 0; i < options->impl_count; i++) {
		struct bench_variant variant = { .summary = options->impls[i]->summary,
						 .impl = options->impls[i],
						 .peer = (options->impls[i]->abilities &
							  BENCH_PEER) != 0 };

		snprintf(variant.name, sizeof(variant.name), "%s", variant.impl->name);
		bench_variant_add(variants, &count, &variant);
	}
	return count;
}

static const struct bench_metric fill_metrics[] = { { "first", "ns" },
						    { "again", "ns" },
						    { NULL, NULL } };
static const struct bench_metric refuse_metrics[] = {
	{ "one", "ns" }, { "two", "ns" }, { "growth", "x" }, { NULL, NULL }
};
static const struct bench_metric recover_metrics[] = {
	{ "first", "ns" }, { "each", "ns" }, { "refused", "" }, { NULL, NULL }
};

const struct bench_probe bench_probe_fill = { .metrics = fill_metrics,
					      .threads = 1,
					      .sizes = { 262144, 1048576, 1024 },
					      .repeats_quick = 3,
					      .list = list,
					      .measure = measure_fill };

const struct bench_probe bench_probe_refuse = { .metrics = refuse_metrics,
						.threads = 2,
						.sizes = { 65536, 1048576, 1024 },
						.repeats_quick = 3,
						.list = list,
						.measure = measure_refuse };

const struct bench_probe bench_probe_recover = { .metrics = recover_metrics,
						 .threads = 1,
						 .sizes = { 65536, 1048576, 1024 },
						 .list = list,
						 .measure = measure_recover };
