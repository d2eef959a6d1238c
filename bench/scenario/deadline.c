/* SPDX-License-Identifier: MIT */
/*
 * deadline.c - deadlines with a table full of them: how late they are met (deadline/precision), and
 * what keeping them costs (deadline/churn).
 *
 * precision: one thread pends as fast as it can into a map that it keeps full; nobody completes, so
 * every operation ends by its deadline. These are drawn between 50 and 250 ms. Lateness is from an
 * operation's deadline to its completion function. With "paused" the thread fills the map once and
 * then leaves the CPU to the executor.
 *
 * churn: one thread pends and completes the oldest of the 1024 that it pended last, beside a table
 * full of operations that wait; it polls its shard after every 16 pairs.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "bench/measure/clock.h"
#include "bench/measure/driver.h"
#include "bench/measure/histogram.h"
#include "bench/measure/measure.h"
#include "bench/scenario/bench_map.h"

#define LIFE_LEAST_NS 50000000u
#define LIFE_SPREAD_NS 200000000u
#define YOUNG 1024u
#define STEPS 256u
#define SHORT_NS 500000000u

enum { KIND_FULL_RATE, KIND_PAUSED, KIND_FIFO };
enum { KIND_DEFAULT, KIND_SHORT };

struct deadline {
	const struct bench_setting *setting;
	const struct bench_variant *variant;
	struct bench_map *map;
	struct bench_sample *sample;
	int error;
	uint64_t random;
	uint64_t number;
	struct bench_histogram lateness;
	uint64_t handles[YOUNG];
	unsigned char key[256];
	unsigned char value[4096];
};

static struct deadline deadline; /* some kilobytes; one at a time */

static int pend(struct deadline *work, uint64_t life_ns, uint64_t now_ns, uint64_t *handle)
{
	struct pend_request request =
		bench_map_request(work->setting, work->key, work->value, work->number++);

	request.deadline_ns = life_ns;
	request.now_ns = now_ns;
	return pend_map_pend(work->map->map, &request, handle);
}

/* ---- precision ---- */

static void expired(void *context, const struct pend_operation *operation)
{
	struct deadline *work = context;
	const uint64_t now_ns = bench_boot_ns();

	if (operation->origin == PEND_ORIGIN_DEADLINE)
		bench_histogram_add(&work->lateness, now_ns > operation->deadline_ns
							     ? now_ns - operation->deadline_ns
							     : 0);
}

static void run_precision(void *context, uint32_t member)
{
	struct deadline *work = context;
	const uint64_t begin_ns = bench_clock_ns(), preempted = bench_preemptions();
	const uint64_t least_ns = 2ull * (LIFE_LEAST_NS + LIFE_SPREAD_NS);
	const uint64_t for_ns = work->setting->options->profile == BENCH_SMOKE ||
						work->setting->window_ns * 10 < least_ns
					? least_ns
					: work->setting->window_ns * 10;
	uint64_t handle, now_ns = begin_ns, pended = 0;

	(void)member;
	while (now_ns - begin_ns < for_ns) {
		const uint64_t life_ns =
			LIFE_LEAST_NS + bench_random_below(&work->random, LIFE_SPREAD_NS);
		const int error = pend(work, life_ns, bench_boot_ns(), &handle);

		if (error && error != -ENOSPC) {
			work->error = error;
			return;
		}
		pended += error == 0;
		if (error == -ENOSPC && work->variant->kind == KIND_PAUSED)
			break;
		if (error == -ENOSPC)
			sched_yield();
		if (error || pended % 64 == 0)
			now_ns = bench_clock_ns();
	}
	work->sample->operations = pended;
	work->sample->preempted = bench_preemptions() - preempted;
	work->sample->values[4] = (double)pended * 1e3 / (double)(bench_clock_ns() - begin_ns);
}

static bool fifo_was_refused(const struct bench_map *map)
{
	struct pend_shard_stats stats = { .size = sizeof(stats) };

	return pend_engine_stats_read(map->engine, PEND_CPU_CURRENT, &stats) || stats.fifo_refused;
}

static int measure_precision(const struct bench_setting *setting,
			     const struct bench_variant *variant, struct bench_sample *sample)
{
	static const double shares[] = { 0.5, 0.99, 0.9999, 1 };
	struct pend_engine_options engine_options = pend_engine_options_default();
	struct pend_map_options options = bench_map_options(setting);
	struct bench_map map;
	int error;

	engine_options.fifo_priority = variant->kind == KIND_FIFO;
	deadline = (struct deadline){ .setting = setting,
				      .variant = variant,
				      .map = &map,
				      .sample = sample,
				      .random = setting->options->seed };
	options.on_complete = expired;
	options.context = &deadline;
	error = bench_map_open(&map, BENCH_MAP_EXECUTORS, &engine_options, &options);
	if (error)
		return error;
	bench_team_run(setting->team, 1, run_precision, &deadline);
	if (variant->kind == KIND_FIFO && fifo_was_refused(&map))
		(void)bench_sample_skip(sample, "SCHED_FIFO is not permitted");
	error = bench_map_close(&map, sample);
	if (!error && sample->why[0])
		return -EOPNOTSUPP;
	for (uint32_t i = 0; i < 4; i++)
		sample->values[i] = (double)bench_histogram_at(&deadline.lateness, shares[i]) / 1e3;
	if (!error && deadline.error)
		error = bench_sample_wrong(sample, "unexpected answer %d", deadline.error);
	if (!error && bench_histogram_total(&deadline.lateness) != sample->operations)
		error = bench_sample_wrong(
			sample, "%llu were pended, but %llu met their deadline",
			(unsigned long long)sample->operations,
			(unsigned long long)bench_histogram_total(&deadline.lateness));
	return error;
}

/* ---- churn ---- */

/* Everything that waits beside: all but room for the young. */
static int fill(struct deadline *work)
{
	uint64_t handle;

	while (work->map->owed + 2ull * YOUNG <= work->setting->size) {
		const int error = pend(work, 0, 0, &handle);

		if (error)
			return error;
		work->map->owed++;
	}
	return 0;
}

/* One pair; the first YOUNG of them only pend. */
static int churn(struct deadline *work, uint64_t life_ns, uint64_t turn)
{
	uint64_t *handle = &work->handles[turn % YOUNG];

	if (turn >= YOUNG) {
		const int error =
			pend_map_complete(work->map->map, *handle, PEND_ACTION_PERMIT_SOFT);

		if (error)
			return error;
	}
	return pend(work, life_ns, 0, handle);
}

static int end_churn(struct deadline *work, uint64_t turns)
{
	int error = 0;

	for (uint64_t i = turns < YOUNG ? 0 : turns - YOUNG; !error && i < turns; i++)
		error = pend_map_complete(work->map->map, work->handles[i % YOUNG],
					  PEND_ACTION_PERMIT_SOFT);
	return error;
}

static uint64_t arms(const struct deadline *work)
{
	struct pend_map_stats stats = { .size = sizeof(stats) };

	return pend_map_stats_read(work->map->map, &stats) ? 0 : stats.arms;
}

static void run_churn(void *context, uint32_t member)
{
	struct deadline *work = context;
	const uint32_t cpu = (uint32_t)sched_getcpu();
	const uint64_t life_ns = work->variant->kind == KIND_SHORT ? SHORT_NS : 0;
	uint64_t begin_ns, now_ns, before, turn = 0, first;
	const uint64_t preempted = bench_preemptions();

	(void)member;
	work->error = fill(work);
	for (; turn < 4ull * YOUNG && !work->error; turn++) {
		work->error = churn(work, life_ns, turn);
		if (work->map->engine && turn % 16 == 15)
			(void)pend_engine_poll(work->map->engine, cpu, 64);
	}
	first = turn;
	before = arms(work);
	begin_ns = now_ns = bench_clock_ns();
	while (!work->error && now_ns - begin_ns < work->setting->window_ns) {
		for (uint32_t i = 0; i < STEPS && !work->error; i++, turn++) {
			work->error = churn(work, life_ns, turn);
			if (work->map->engine && i % 16 == 15)
				(void)pend_engine_poll(work->map->engine, cpu, 64);
		}
		now_ns = bench_clock_ns();
	}
	work->sample->operations = turn - first;
	work->sample->preempted = bench_preemptions() - preempted;
	if (turn > first) {
		work->sample->values[0] = (double)(now_ns - begin_ns) / (double)(turn - first);
		work->sample->values[1] = (double)(arms(work) - before) / (double)(turn - first);
	}
	if (!work->error)
		work->error = end_churn(work, turn);
}

static int measure_churn(const struct bench_setting *setting, const struct bench_variant *variant,
			 struct bench_sample *sample)
{
	struct pend_map_options options = bench_map_options(setting);
	struct pend_map_stats stats = { .size = sizeof(stats) };
	struct bench_map map;
	int error;

	deadline = (struct deadline){
		.setting = setting, .variant = variant, .map = &map, .sample = sample
	};
	if (options.max_entries < 4 * YOUNG)
		options.max_entries = 4 * YOUNG;
	error = bench_map_open(&map, (enum bench_map_kind)variant->amount, NULL, &options);
	if (error)
		return error;
	bench_team_run(setting->team, 1, run_churn, &deadline);
	if (pend_map_stats_read(map.map, &stats))
		stats.by_deadline = 0;
	error = bench_map_close(&map, sample);
	if (!error && deadline.error)
		error = stats.by_deadline
				? bench_sample_skip(sample, "preempted for too long: %llu expired",
						    (unsigned long long)stats.by_deadline)
				: bench_sample_wrong(sample, "unexpected answer %d",
						     deadline.error);
	return error;
}

/* ---- variants ---- */

static uint32_t list_precision(const struct bench_setting *setting, struct bench_variant *variants)
{
	static const struct bench_variant all[] = {
		{ "pending at full rate",
		  "a thread on the executor's CPU keeps the map full",
		  NULL,
		  false,
		  KIND_FULL_RATE,
		  0,
		  { 0 } },
		{ "paused",
		  "the map is filled once, and left alone",
		  NULL,
		  false,
		  KIND_PAUSED,
		  0,
		  { 0 } },
		{ "full rate, SCHED_FIFO",
		  "the same as the first, with executors that come before other threads",
		  NULL,
		  false,
		  KIND_FIFO,
		  0,
		  { 0 } },
	};
	uint32_t count = 0;

	(void)setting;
	for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		bench_variant_add(variants, &count, &all[i]);
	return count;
}

static uint32_t list_churn(const struct bench_setting *setting, struct bench_variant *variants)
{
	static const struct bench_variant all[] = {
		{ "no engine",
		  "deadlines are only recorded",
		  NULL,
		  false,
		  KIND_DEFAULT,
		  BENCH_MAP_ALONE,
		  { 0 } },
		{ "engine",
		  "the map's default deadline",
		  NULL,
		  false,
		  KIND_DEFAULT,
		  BENCH_MAP_POLLED,
		  { 0 } },
		{ "engine, short",
		  "every pend with a short deadline of its own",
		  NULL,
		  false,
		  KIND_SHORT,
		  BENCH_MAP_POLLED,
		  { 0 } },
	};
	uint32_t count = 0;

	(void)setting;
	for (uint32_t i = 0; i < 3; i++)
		bench_variant_add(variants, &count, &all[i]);
	return count;
}

static const struct bench_metric precision_metrics[BENCH_METRICS_MAX] = {
	{ "p50", "us", BENCH_LESS_IS_BETTER },    { "p99", "us", BENCH_LESS_IS_BETTER },
	{ "p99.99", "us", BENCH_LESS_IS_BETTER }, { "max", "us", BENCH_LESS_IS_BETTER },
	{ "pends", "M/s", BENCH_MORE_IS_BETTER },
};
static const struct bench_metric churn_metrics[BENCH_METRICS_MAX] = {
	{ "ns", "ns", BENCH_LESS_IS_BETTER },
	{ "armed", "/pend", BENCH_LESS_IS_BETTER },
};

const struct bench_probe bench_probe_precision = { .metrics = precision_metrics,
						   .threads = 1,
						   .sizes = { 1048576, 1048576, 4096 },
						   .list = list_precision,
						   .measure = measure_precision };

const struct bench_probe bench_probe_churn = { .metrics = churn_metrics,
					       .threads = 1,
					       .sizes = { 1048576, 1048576, 4096 },
					       .list = list_churn,
					       .measure = measure_churn };
