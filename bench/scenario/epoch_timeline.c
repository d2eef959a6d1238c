/* SPDX-License-Identifier: MIT */
/*
 * epoch_timeline.c - a reader that stays in its section, step by step (epoch/timeline).
 *
 *	home:    pend, complete, pend, complete, ...
 *	reader:                  enter ................ exit
 *
 * A map that hands out pointers cannot use a completed slot again before every reader has left: it
 * goes on with the slots that it has, then refuses with -EAGAIN, and never waits. One that hands out
 * copies does not know readers. A table of liburcu flushes its limbo with synchronize_rcu(), so its
 * writer waits for the reader, for as long as that stays.
 *
 * `dip` is how deep the operations a second fell; `recovery` from the reader's exit until nine tenths
 * of what was before are reached again; `held` how many completed operations waited for it at most.
 */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <string.h>

#include "bench/measure/clock.h"
#include "bench/measure/measure.h"
#include "bench/model/figure.h"
#include "bench/peers/epoch_peer.h"
#include "bench/scenario/bench_map.h"
#include "bench/scenario/bench_table.h"
#include "bench/scenario/watch.h"

#if BENCH_HAVE_URCU
#include "bench/peers/epoch_peer.h"
#endif

#define TURNS 64u /* pairs between two looks around */
#define SLICE_NS 1000000u

enum { KIND_POINTERS, KIND_COPIES, KIND_MEMB, KIND_QSBR };
enum { COLUMN_DONE, COLUMN_REFUSED, COLUMN_HELD };
enum { METRIC_DIP, METRIC_RECOVERY, METRIC_HELD, METRIC_REFUSED };

struct timeline {
	const struct bench_setting *setting;
	struct bench_map map;         /* of pendmap */
	struct bench_subject subject; /* of a peer */
	struct bench_watch watch;
	struct bench_timeline steps;
	uint32_t kind;
	int error;
	uint64_t number;
	uint64_t preempted;
	_Alignas(128) _Atomic uint64_t done; /* by home */
	_Atomic uint64_t refused;
	_Alignas(128) _Atomic uint64_t done_before; /* when the reader entered */
	_Atomic uint32_t enter;                     /* the reader should */
	_Atomic uint32_t leave;
	_Atomic uint32_t inside;
	unsigned char key[256];
	unsigned char value[4096];
};

/* ---- home ---- */

/* 0, or what pend answered. */
static int pair(struct timeline *timeline)
{
	const struct pend_request request = bench_map_request(timeline->setting, timeline->key,
							      timeline->value, timeline->number++);
	uint64_t handle;
	const int error = pend_map_pend(timeline->map.map, &request, &handle);

	return error ? error
		     : pend_map_complete(timeline->map.map, handle, PEND_ACTION_PERMIT_SOFT);
}

static void run_map(struct timeline *timeline)
{
	uint64_t done = 0, refused = 0;

	/* relaxed, all: only to stop; counts of its own. */
	while (!timeline->error && !pendi_load_relaxed(&timeline->watch.over)) {
		for (uint32_t i = 0; i < TURNS && !timeline->error; i++) {
			const int error = pair(timeline);

			done += error == 0;
			refused += error == -EAGAIN;
			timeline->error = error == -EAGAIN ? 0 : error;
		}
		pendi_store_relaxed(&timeline->done, done);
		pendi_store_relaxed(&timeline->refused, refused);
	}
}

static void run_table(struct timeline *timeline)
{
	struct bench_lane *lane = &timeline->subject.lanes[0];

	timeline->subject.impl->enter(lane->session);
	/* relaxed, both: only to stop; a count of its own. */
	while (!lane->error && !pendi_load_relaxed(&timeline->watch.over)) {
		lane->until_ns = bench_clock_ns() + SLICE_NS;
		timeline->subject.impl->drive(lane, BENCH_LOOP_PAIR);
		pendi_store_relaxed(&timeline->done, lane->counts.completed);
	}
	timeline->subject.impl->leave(lane->session);
}

/* ---- the reader ---- */

static void run_reader(struct timeline *timeline)
{
	static const struct bench_epoch_peer *const readers[] = {
		[KIND_POINTERS] = &bench_epoch_pendmap,
		[KIND_COPIES] = &bench_epoch_pendmap,
#if BENCH_HAVE_URCU
		[KIND_MEMB] = &bench_epoch_urcu_memb,
		[KIND_QSBR] = &bench_epoch_urcu_qsbr,
#endif
	};

	/* relaxed, all: wishes. */
	while (!pendi_load_relaxed(&timeline->enter) && !pendi_load_relaxed(&timeline->watch.over))
		sched_yield();
	if (pendi_load_relaxed(&timeline->enter))
		readers[timeline->kind]->hold(&timeline->inside, &timeline->leave);
}

static void run(void *context, uint32_t member)
{
	struct timeline *timeline = context;
	const uint64_t before = bench_preemptions();

	if (member == 1) {
		run_reader(timeline);
		return;
	}
	if (timeline->kind == KIND_POINTERS || timeline->kind == KIND_COPIES)
		run_map(timeline);
	else
		run_table(timeline);
	timeline->preempted = bench_preemptions() - before;
}

/* ---- what is watched ---- */

static int enter(void *context)
{
	struct timeline *timeline = context;

	/* relaxed, all: a wish; a count. */
	pendi_store_relaxed(&timeline->done_before, pendi_load_relaxed(&timeline->done));
	pendi_store_relaxed(&timeline->enter, 1);
	return 0;
}

static int leave(void *context)
{
	struct timeline *timeline = context;

	pendi_store_relaxed(&timeline->leave, 1); /* relaxed: a wish */
	return 0;
}

static const struct bench_turn turns[] = { { 1.0 / 3, "reader stalls", enter },
					   { 2.0 / 3, "reader leaves", leave } };

static void read_counters(void *context, double *readings)
{
	struct timeline *timeline = context;
	/* relaxed, all: counts and wishes. */
	const uint64_t before = pendi_load_relaxed(&timeline->done_before);
	const uint64_t done = pendi_load_relaxed(&timeline->done);
	const bool held = timeline->kind != KIND_COPIES && pendi_load_relaxed(&timeline->inside) &&
			  !pendi_load_relaxed(&timeline->leave);

	readings[COLUMN_DONE] = (double)done;
	readings[COLUMN_REFUSED] = (double)pendi_load_relaxed(&timeline->refused);
	readings[COLUMN_HELD] = held ? (double)(done - before) : 0;
}

static void describe(struct timeline *timeline)
{
	const struct bench_options *options = timeline->setting->options;
	struct bench_timeline *steps = &timeline->steps;

	steps->step_ms = bench_watch_step_ms(options);
	bench_watch_column(steps, COLUMN_DONE, "operations", "1/s", BENCH_MORE_IS_BETTER);
	bench_watch_column(steps, COLUMN_REFUSED, "refused", "1/s", BENCH_LESS_IS_BETTER);
	bench_watch_column(steps, COLUMN_HELD, "held", "", BENCH_LESS_IS_BETTER);
	timeline->watch = (struct bench_watch){ .timeline = steps,
						.length_ms = bench_watch_length_ms(options),
						.rates = 1u << COLUMN_DONE | 1u << COLUMN_REFUSED,
						.read = read_counters,
						.turns = turns,
						.turn_count = 2,
						.context = timeline };
}

static void write_values(struct timeline *timeline, struct bench_sample *sample)
{
	const struct bench_timeline *steps = &timeline->steps;
	const struct bench_dip dip = bench_timeline_dip(steps, COLUMN_DONE, 0);
	const double stalled_ms = steps->events[1].at_ms - steps->events[0].at_ms;
	double held = 0;

	if (!(dip.before > 0) && timeline->setting->options->profile != BENCH_SMOKE) {
		(void)bench_sample_skip(sample, "nothing was done before the reader came");
		return; /* but its account is checked */
	}
	for (uint32_t row = 0; row < steps->row_count; row++)
		held = fmax(held, steps->cells[row * steps->column_count + COLUMN_HELD]);
	sample->values[METRIC_DIP] = dip.depth * 100;
	if (dip.recovery_ms >= 0)
		sample->values[METRIC_RECOVERY] = fmax(0, dip.recovery_ms - stalled_ms);
	sample->values[METRIC_HELD] = held;
	/* relaxed, both: everybody has ended. */
	sample->values[METRIC_REFUSED] = (double)pendi_load_relaxed(&timeline->refused);
	sample->operations = pendi_load_relaxed(&timeline->done);
	sample->preempted = timeline->preempted;
}

/* ---- the stage ---- */

static int open_stage(struct timeline *timeline, const struct bench_variant *variant)
{
	struct pend_map_options options = bench_map_options(timeline->setting);

	if (variant->impl && variant->peer)
		return bench_table_open(timeline->setting, variant, 1, 0, &timeline->subject);
	if (variant->kind == KIND_POINTERS)
		options.flags |= PEND_MAP_POINTERS;
	return bench_map_open(&timeline->map, BENCH_MAP_ALONE, NULL, &options);
}

static int close_stage(struct timeline *timeline, const struct bench_variant *variant,
		       struct bench_sample *sample)
{
	if (variant->impl && variant->peer)
		return bench_table_close(timeline->setting, &timeline->subject, sample);
	return bench_map_close(&timeline->map, sample);
}

static int measure(const struct bench_setting *setting, const struct bench_variant *variant,
		   struct bench_sample *sample)
{
	static struct timeline timeline; /* one at a time */
	int error, closing;

	memset(&timeline, 0, sizeof(timeline));
	timeline.setting = setting;
	timeline.kind = variant->kind;
	error = open_stage(&timeline, variant);
	if (error)
		return error;
	describe(&timeline);
	sample->pingpong_ns = bench_probe_play(setting);
	error = bench_watch_run(&timeline.watch, setting->team, 2, run);
	closing = close_stage(&timeline, variant, sample);
	error = error ? error : closing;
	if (!error && timeline.error)
		error = bench_sample_wrong(sample, "unexpected answer %d", timeline.error);
	if (!error)
		write_values(&timeline, sample);
	closing = bench_watch_store(setting, variant, &timeline.steps);
	return error ? error : closing;
}

static uint32_t list(const struct bench_setting *setting, struct bench_variant *variants)
{
	static const struct bench_variant all[] = {
		{ .name = "pendmap-pointers",
		  .summary = "slots wait for readers; refuses when none is left",
		  .kind = KIND_POINTERS },
		{ .name = "pendmap", .summary = "copies: no slot waits", .kind = KIND_COPIES },
#if BENCH_HAVE_URCU
		{ .name = "urcu-memb",
		  .summary = "limbo of 1024, flushed by synchronize_rcu()",
		  .impl = &bench_impl_urcu_memb,
		  .peer = true,
		  .kind = KIND_MEMB },
		{ .name = "urcu-qsbr",
		  .summary = "limbo of 1024, flushed by synchronize_rcu()",
		  .impl = &bench_impl_urcu_qsbr,
		  .peer = true,
		  .kind = KIND_QSBR },
#endif
	};
	uint32_t count = 0;

	for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]) && bench_watch_wanted(setting); i++)
		bench_variant_add(variants, &count, &all[i]);
	return count;
}

static const struct bench_metric metrics[BENCH_METRICS_MAX] = {
	[METRIC_DIP] = { "dip", "%", BENCH_LESS_IS_BETTER },
	[METRIC_RECOVERY] = { "recovery", "ms", BENCH_LESS_IS_BETTER },
	[METRIC_HELD] = { "held", "", BENCH_LESS_IS_BETTER },
	[METRIC_REFUSED] = { "refused", "", BENCH_LESS_IS_BETTER },
};

const struct bench_probe bench_probe_epoch_timeline = { .metrics = metrics,
							.threads = 2,
							.sizes = { 65536, 65536, 1024 },
							.list = list,
							.measure = measure };
