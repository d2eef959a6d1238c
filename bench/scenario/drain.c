/* SPDX-License-Identifier: MIT */
/*
 * drain.c - disabling a map with everything live (drain/sync, drain/async).
 *
 * `each` is from the call until nothing is live, for one operation; `all` the same for all; `call`
 * how long the call itself took. Every completion is told.
 */
#include <errno.h>
#include <sched.h>

#include "bench/measure/clock.h"
#include "bench/measure/measure.h"
#include "bench/scenario/bench_map.h"
#include "platform/atomic.h"

#define PATIENCE_NS 60000000000u

struct drain {
	const struct bench_setting *setting;
	struct bench_map *map;
	struct bench_sample *sample;
	bool async;
	int error;
	uint64_t live;
	_Atomic uint64_t told;
	_Atomic uint64_t done_ns;
	unsigned char key[256];
	unsigned char value[4096];
};

static void told(void *context, const struct pend_operation *operation)
{
	struct drain *drain = context;

	(void)operation;
	(void)pendi_fetch_add_relaxed(&drain->told, 1); /* relaxed: a count */
}

static void drained(void *context, struct pend_map *map)
{
	struct drain *drain = context;

	(void)map;
	pendi_store_relaxed(&drain->done_ns, bench_clock_ns()); /* relaxed: a time */
}

static int fill(struct drain *drain)
{
	uint64_t handle;

	for (uint64_t number = 0;; number++) {
		const struct pend_request request =
			bench_map_request(drain->setting, drain->key, drain->value, number);
		const int error = pend_map_pend(drain->map->map, &request, &handle);

		if (error)
			return error == -ENOSPC ? 0 : error;
		drain->live++;
	}
}

/* When it was over. */
static uint64_t await(struct drain *drain)
{
	const uint64_t until_ns = bench_clock_ns() + PATIENCE_NS;

	/* relaxed, both: a time. */
	while (drain->async && !pendi_load_relaxed(&drain->done_ns)) {
		if (bench_clock_ns() > until_ns) {
			drain->error = -ETIMEDOUT;
			break;
		}
		sched_yield();
	}
	return drain->async ? pendi_load_relaxed(&drain->done_ns) : bench_clock_ns();
}

static void run(void *context, uint32_t member)
{
	struct drain *drain = context;
	struct bench_sample *sample = drain->sample;
	uint64_t begin_ns, called_ns, end_ns;
	const uint64_t preempted = bench_preemptions();

	(void)member;
	drain->error = fill(drain);
	if (drain->error)
		return;
	begin_ns = bench_clock_ns();
	drain->error =
		drain->async ? pend_map_disable_async(drain->map->map, PATIENCE_NS, drained, drain)
			     : pend_map_disable(drain->map->map, PATIENCE_NS);
	called_ns = bench_clock_ns();
	if (drain->error)
		return;
	end_ns = await(drain);
	sample->values[0] = (double)(end_ns - begin_ns) / (double)drain->live;
	sample->values[1] = (double)(end_ns - begin_ns) / 1e6;
	sample->values[2] = (double)(called_ns - begin_ns) / 1e6;
	sample->operations = drain->live;
	sample->preempted = bench_preemptions() - preempted;
}

static int measure(const struct bench_setting *setting, const struct bench_variant *variant,
		   struct bench_sample *sample, bool async)
{
	static struct drain drain; /* some kilobytes; one at a time */
	struct pend_map_options options = bench_map_options(setting);
	struct pend_engine_options engine_options = pend_engine_options_default();
	struct bench_map map;
	int error;

	drain = (struct drain){ .setting = setting, .map = &map, .sample = sample, .async = async };
	engine_options.queue_entries = (uint32_t)variant->amount;
	options.on_complete = told;
	options.context = &drain;
	error = bench_map_open(&map, (enum bench_map_kind)variant->kind, &engine_options, &options);
	if (error)
		return error;
	bench_team_run(setting->team, 1, run, &drain);
	error = bench_map_close(&map, sample);
	/* relaxed: the map is gone, and whoever told it. */
	if (!error && !drain.error && pendi_load_relaxed(&drain.told) != drain.live)
		error = bench_sample_wrong(sample, "%llu were live, but %llu were told",
					   (unsigned long long)drain.live,
					   (unsigned long long)pendi_load_relaxed(&drain.told));
	if (!error && drain.error)
		error = bench_sample_wrong(sample, "unexpected answer %d", drain.error);
	return error;
}

static int measure_sync(const struct bench_setting *setting, const struct bench_variant *variant,
			struct bench_sample *sample)
{
	return measure(setting, variant, sample, false);
}

static int measure_async(const struct bench_setting *setting, const struct bench_variant *variant,
			 struct bench_sample *sample)
{
	return measure(setting, variant, sample, true);
}

static uint32_t list_async(const struct bench_setting *setting, struct bench_variant *variants)
{
	static const struct bench_variant small = { "engine", "executors, queues of 16384", NULL,
						    false,    BENCH_MAP_EXECUTORS,          16384,
						    { 0 } };
	struct bench_variant large = { "engine, large queue",
				       "executors, queues for all",
				       NULL,
				       false,
				       BENCH_MAP_EXECUTORS,
				       16,
				       { 0 } };
	uint32_t count = 0;

	while (large.amount < setting->size)
		large.amount *= 2;
	bench_variant_add(variants, &count, &small);
	bench_variant_add(variants, &count, &large);
	return count;
}

static uint32_t list_sync(const struct bench_setting *setting, struct bench_variant *variants)
{
	static const struct bench_variant alone = { "map",           "no engine", NULL, false,
						    BENCH_MAP_ALONE, 0,           { 0 } };
	uint32_t count = 0;

	bench_variant_add(variants, &count, &alone);
	return count + list_async(setting, variants + count);
}

static const struct bench_metric metrics[BENCH_METRICS_MAX] = {
	{ "each", "ns", BENCH_LESS_IS_BETTER },
	{ "all", "ms", BENCH_LESS_IS_BETTER },
	{ "call", "ms", BENCH_LESS_IS_BETTER },
};

const struct bench_probe bench_probe_drain_sync = { .metrics = metrics,
						    .threads = 1,
						    .sizes = { 65536, 1048576, 1024 },
						    .list = list_sync,
						    .measure = measure_sync };

const struct bench_probe bench_probe_drain_async = { .metrics = metrics,
						     .threads = 1,
						     .sizes = { 65536, 1048576, 1024 },
						     .list = list_async,
						     .measure = measure_async };
