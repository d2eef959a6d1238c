/* SPDX-License-Identifier: MIT */
/*
 * exhaust.c - the edge of a full table: getting there, being there, coming back (exhaust/).
 *
 * Every implementation that was asked for, with the loops of driver.h and driver_origin.h. Coming
 * back is measured at several depths: 1, 8, 64 or 512 of a full table are completed and as many
 * pended again, over and over; the point's occupancy is what is live in between.
 */
#include <errno.h>

#include "bench/measure/clock.h"
#include "bench/measure/driver_origin.h"
#include "bench/measure/measure.h"
#include "bench/scenario/bench_table.h"

#define DEPTH_LEAST 1u
#define DEPTH_STEP 8u
#define DEPTH_MOST 512u
#define ROUNDS_MAX 100u

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

/* Twice: into memory that nobody has touched, and again. */
static int measure_fill(const struct bench_setting *setting, const struct bench_variant *variant,
			struct bench_sample *sample)
{
	struct bench_subject subject;
	struct job job = { .subject = &subject };
	const int error = bench_table_open(setting, variant, 1, 0, &subject);

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
	return bench_table_close(setting, &subject, sample);
}

static int measure_refuse(const struct bench_setting *setting, const struct bench_variant *variant,
			  struct bench_sample *sample)
{
	struct bench_subject subject;
	struct bench_repeat repeat;
	struct bench_window window = { .loop = BENCH_LOOP_REFUSE,
				       .warm_up_ns = setting->options->warm_up_ns,
				       .window_ns = setting->window_ns };
	const int error = bench_table_open(setting, variant, 2, 0, &subject);

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
	return bench_table_close(setting, &subject, sample);
}

/* Completes and pends again as often as a window allows; a clock reading of about 22 ns is in each
 * time. */
static int measure_recover(const struct bench_setting *setting, const struct bench_variant *variant,
			   struct bench_sample *sample)
{
	struct bench_subject subject;
	struct bench_lane *lane;
	struct bench_recover recover = { .count = variant->amount };
	struct job job = { .subject = &subject, .loop = BENCH_LOOP_TOP_UP };
	uint64_t rounds = 0, first_ns = 0, all_ns = 0, until_ns;
	const int error = bench_table_open(setting, variant, 1, 0, &subject);

	if (error)
		return error;
	lane = &subject.lanes[0];
	lane->recover = &recover;
	bench_team_run(setting->team, 1, run_job, &job);
	job.loop = BENCH_LOOP_RECOVER;
	until_ns = bench_clock_ns() + setting->window_ns;
	while (!lane->error && lane->extra_count >= recover.count) {
		bench_team_run(setting->team, 1, run_job, &job);
		sample->preempted += job.preempted;
		first_ns += recover.first_ns;
		all_ns += recover.all_ns;
		if (++rounds == ROUNDS_MAX || bench_clock_ns() >= until_ns)
			break;
	}
	if (rounds) {
		const double pends = (double)(rounds * recover.count);

		sample->values[0] = (double)first_ns / (double)rounds;
		sample->values[1] = (double)all_ns / pends;
		sample->values[2] = (double)recover.refused / (double)rounds;
		sample->values[3] = pends * 1e9 / (double)all_ns;
		sample->operations = rounds * recover.count;
	}
	return bench_table_close(setting, &subject, sample);
}

static uint32_t list_recover(const struct bench_setting *setting, struct bench_variant *variants)
{
	static struct bench_variant impls[BENCH_VARIANTS_MAX];
	const uint32_t impl_count = bench_table_list(setting, impls);
	uint32_t count = 0;

	for (uint64_t depth = DEPTH_LEAST; depth <= DEPTH_MOST; depth *= DEPTH_STEP) {
		for (uint32_t i = 0; i < impl_count && depth < setting->size; i++) {
			impls[i].amount = depth;
			impls[i].point.occupancy =
				100 - (double)depth * 100 / (double)setting->size;
			bench_variant_add(variants, &count, &impls[i]);
		}
	}
	return count;
}

static const struct bench_metric fill_metrics[BENCH_METRICS_MAX] = {
	{ "first", "ns", BENCH_LESS_IS_BETTER },
	{ "again", "ns", BENCH_LESS_IS_BETTER },
};
static const struct bench_metric refuse_metrics[BENCH_METRICS_MAX] = {
	{ "one", "ns", BENCH_LESS_IS_BETTER },
	{ "two", "ns", BENCH_LESS_IS_BETTER },
	{ "growth", "x", BENCH_LESS_IS_BETTER },
};
static const struct bench_metric recover_metrics[BENCH_METRICS_MAX] = {
	{ "first", "ns", BENCH_LESS_IS_BETTER },
	{ "each", "ns", BENCH_LESS_IS_BETTER },
	{ "refused", "", BENCH_LESS_IS_BETTER },
	{ "pends", "1/s", BENCH_MORE_IS_BETTER },
};

const struct bench_probe bench_probe_fill = { .metrics = fill_metrics,
					      .threads = 1,
					      .sizes = { 262144, 1048576, 1024 },
					      .list = bench_table_list,
					      .measure = measure_fill };

const struct bench_probe bench_probe_refuse = { .metrics = refuse_metrics,
						.threads = 2,
						.sizes = { 65536, 1048576, 1024 },
						.list = bench_table_list,
						.measure = measure_refuse };

const struct bench_probe bench_probe_recover = { .metrics = recover_metrics,
						 .threads = 1,
						 .sizes = { 65536, 1048576, 1024 },
						 .list = list_recover,
						 .measure = measure_recover };
