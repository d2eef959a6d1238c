/* SPDX-License-Identifier: MIT */
/*
 * origin.c - pend on one CPU, complete on another, finish on the first (complete/origin,
 * complete/batch).
 *
 * Each variant is an implementation, a way to name the operation, and how many handles are handed
 * over at a time. `ns` is home's time for one operation from end to end with 64 on their way;
 * `alone` the same with one on its way, that is, two trips between the CPUs and what happens there.
 */
#include <errno.h>
#include <string.h>

#include "bench/measure/account.h"
#include "bench/measure/clock.h"
#include "bench/measure/driver_origin.h"
#include "bench/measure/measure.h"
#include "bench/measure/pages.h"
#include "bench/scenario/probe.h"

#define DEPTH 64u
#define GROUP 8u
#define START_NS 100000u

enum { KIND_HANDLE, KIND_KEY };

/* One measurement, and what its two threads share. */
struct trip {
	struct bench_subject subject;
	struct bench_origin *origin;
	uint64_t start_ns;
	uint64_t warm_up_ns;
	uint64_t window_ns;
	uint64_t elapsed_ns;
	uint64_t preempted[2];
};

static const struct bench_metric metrics[BENCH_METRICS_MAX] = {
	{ "ns", "ns", BENCH_LESS_IS_BETTER },
	{ "alone", "ns", BENCH_LESS_IS_BETTER },
};

static void fly_home(struct trip *trip, struct bench_lane *lane)
{
	const struct bench_impl *impl = trip->subject.impl;
	uint64_t begin_ns;

	lane->until_ns = trip->start_ns + trip->warm_up_ns;
	impl->drive(lane, BENCH_LOOP_HOME);
	begin_ns = bench_clock_ns();
	lane->operations = 0;
	lane->until_ns = begin_ns + trip->window_ns;
	if (!lane->error)
		impl->drive(lane, BENCH_LOOP_HOME);
	trip->elapsed_ns = bench_clock_ns() - begin_ns;
	pendi_store_relaxed(&trip->origin->over, 1); /* relaxed: away looks for work first */
}

static void fly(void *context, uint32_t member)
{
	struct trip *trip = context;
	const struct bench_impl *impl = trip->subject.impl;
	struct bench_lane *lane = &trip->subject.lanes[member];
	const uint64_t before = bench_preemptions();

	impl->enter(lane->session);
	if (member == 0)
		fly_home(trip, lane);
	else
		impl->drive(lane, BENCH_LOOP_AWAY);
	impl->leave(lane->session);
	trip->preempted[member] = bench_preemptions() - before;
}

static void begin_origin(struct bench_origin *origin, const struct bench_variant *variant,
			 bool batch, uint32_t depth)
{
	memset(origin, 0, sizeof(*origin));
#if BENCH_HAVE_URCU
	__cds_wfcq_init(&origin->head, &origin->back);
#endif
	origin->depth = depth;
	origin->group = depth > 1 ? (uint32_t)variant->amount : 1;
	origin->by_key = variant->kind == KIND_KEY;
	origin->batch = batch && depth > 1;
}

/* Home's time for one operation, or 0 with what is wrong in the sample. */
static double measure_depth(const struct bench_setting *setting, struct trip *trip, uint32_t depth,
			    struct bench_sample *sample)
{
	struct bench_lane *lanes = trip->subject.lanes;

	trip->start_ns = bench_clock_ns() + START_NS;
	trip->window_ns = setting->window_ns;
	trip->warm_up_ns = setting->options->warm_up_ns;
	for (uint32_t i = 0; i < 2; i++)
		lanes[i].origin = trip->origin;
	bench_team_run(setting->team, 2, fly, trip);
	sample->preempted += trip->preempted[0] + trip->preempted[1];
	if (depth > 1)
		sample->operations = lanes[0].operations;
	return lanes[0].operations ? (double)trip->elapsed_ns / (double)lanes[0].operations : 0;
}

static int check(struct trip *trip, struct bench_sample *sample)
{
	struct bench_account account;

	if (!bench_account_check(&trip->subject, "origin", stderr, &account))
		return bench_sample_wrong(sample, "the account of the table, see above");
	sample->account.pends = account.counts.inserted;
	sample->account.completions = account.counts.completed;
	sample->account.live = (uint64_t)account.live;
	return 0;
}

static int measure(const struct bench_setting *setting, const struct bench_variant *variant,
		   struct bench_sample *sample, bool batch)
{
	const struct bench_options *options = setting->options;
	const struct bench_shape shape = { .max_entries = setting->size,
					   .key_size = options->key_size,
					   .value_size = options->value_size,
					   .threads = 2,
					   .seed = options->seed,
					   .caller_clock = options->caller_clock };
	struct trip trip = { .elapsed_ns = 0 };
	int error = bench_subject_create(variant->impl, &shape, 0, options, &trip.subject);

	if (error)
		return error;
	trip.origin = bench_pages_map(sizeof(*trip.origin));
	if (trip.origin) {
		sample->pingpong_ns = bench_probe_play(setting);
		begin_origin(trip.origin, variant, batch, DEPTH);
		sample->values[0] = measure_depth(setting, &trip, DEPTH, sample);
		if (variant->amount == 1) {
			begin_origin(trip.origin, variant, batch, 1);
			sample->values[1] = measure_depth(setting, &trip, 1, sample);
		}
		error = check(&trip, sample);
	} else {
		error = -ENOMEM;
	}
	bench_pages_unmap(trip.origin, sizeof(*trip.origin));
	bench_subject_destroy(&trip.subject);
	return error;
}

static int measure_single(const struct bench_setting *setting, const struct bench_variant *variant,
			  struct bench_sample *sample)
{
	return measure(setting, variant, sample, false);
}

static int measure_batch(const struct bench_setting *setting, const struct bench_variant *variant,
			 struct bench_sample *sample)
{
	return measure(setting, variant, sample, true);
}

static void add(struct bench_variant *variants, uint32_t *count, const struct bench_impl *impl,
		uint32_t kind, uint32_t group)
{
	struct bench_variant variant = { .summary = impl->summary,
					 .impl = impl,
					 .peer = (impl->abilities & BENCH_PEER) != 0,
					 .kind = kind,
					 .amount = group };

	if (kind == KIND_KEY && !(impl->abilities & BENCH_KEYS))
		return;
	snprintf(variant.name, sizeof(variant.name), "%s %s%s", impl->name,
		 kind == KIND_KEY ? "key" : "handle", group > 1 ? " by 8" : "");
	bench_variant_add(variants, count, &variant);
}

/* Whether what another thread completed finds its way home in this build. */
static bool comes_home(const struct bench_impl *impl)
{
	return !impl->remote && (BENCH_HAVE_URCU || strncmp(impl->name, "pendmap-e", 9) == 0);
}

static uint32_t list_groups(const struct bench_setting *setting, struct bench_variant *variants,
			    bool batch)
{
	const struct bench_options *options = setting->options;
	uint32_t count = 0;

	for (uint32_t i = 0; i < options->impl_count; i++) {
		const struct bench_impl *impl = options->impls[i];
		const bool pendmap = strncmp(impl->name, "pendmap", 7) == 0;

		if (!comes_home(impl) || (pendmap && impl != &bench_impl_pendmap_engine))
			continue;
		for (uint32_t kind = KIND_HANDLE; kind <= KIND_KEY; kind++) {
			if (!batch)
				add(variants, &count, impl, kind, 1);
			add(variants, &count, impl, kind, GROUP);
		}
		if (!pendmap)
			continue;
		if (!batch)
			add(variants, &count, &bench_impl_pendmap_executor, KIND_HANDLE, 1);
		add(variants, &count, &bench_impl_pendmap_executor, KIND_HANDLE, GROUP);
	}
	return count;
}

static uint32_t list_single(const struct bench_setting *setting, struct bench_variant *variants)
{
	return list_groups(setting, variants, false);
}

static uint32_t list_batch(const struct bench_setting *setting, struct bench_variant *variants)
{
	return list_groups(setting, variants, true);
}

const struct bench_probe bench_probe_origin = { .metrics = metrics,
						.threads = 2,
						.sizes = { 65536, 65536, 1024 },
						.list = list_single,
						.measure = measure_single };

const struct bench_probe bench_probe_origin_batch = { .metrics = metrics,
						      .threads = 2,
						      .sizes = { 65536, 65536, 1024 },
						      .list = list_batch,
						      .measure = measure_batch };
