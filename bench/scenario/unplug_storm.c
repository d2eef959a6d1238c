/* SPDX-License-Identifier: MIT */
/*
 * unplug_storm.c - a CPU that comes and goes (unplug/storm).
 *
 * Two threads pend and complete for a while, which executors finish, undisturbed or while the CPU of
 * the first one goes and comes back every 25 ms.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "bench/measure/clock.h"
#include "bench/measure/measure.h"
#include "bench/scenario/unplug.h"

#define STORM_NS 25000000u
#define STORM_HOME_NS 10000000u

enum { KIND_QUIET, KIND_STORM };

static int storm_pair(struct bench_unplug *unplug, struct bench_unplug_thread *thread,
		      uint64_t number)
{
	const struct pend_request request =
		bench_map_request(unplug->setting, thread->key, thread->value, number);
	uint64_t handle;
	const int error = pend_map_pend(unplug->map.map, &request, &handle);

	if (error == -ENOSPC) { /* the executors are behind */
		sched_yield();
		return 0;
	}
	if (error)
		return error;
	thread->pairs++;
	return pend_map_complete(unplug->map.map, handle, PEND_ACTION_PERMIT_SOFT);
}

static void run_storm(struct bench_unplug *unplug, uint32_t member)
{
	struct bench_unplug_thread *thread = &unplug->threads[member];
	uint64_t number = (uint64_t)(member + 1) << 48;
	const uint64_t before = bench_preemptions();

	/* relaxed: only to stop. */
	while (!thread->error && !pendi_load_relaxed(&unplug->over))
		thread->error = storm_pair(unplug, thread, number++);
	thread->preempted = bench_preemptions() - before;
}

struct storm {
	struct bench_unplug *unplug;
	uint64_t for_ns;
	bool quiet;
};

/* A thread that sleeps, most of the time. */
static void *weather(void *context)
{
	const struct storm *storm = context;
	const uint64_t begin_ns = bench_clock_ns();
	bool there = true;

	while (bench_clock_ns() - begin_ns < storm->for_ns) {
		usleep(STORM_NS / 1000);
		if (storm->quiet)
			continue;
		if (there ? bench_unplug_take_away(storm->unplug)
			  : bench_unplug_give_back(storm->unplug))
			storm->unplug->error = -EIO;
		there = !there;
	}
	pendi_store_relaxed(&storm->unplug->over, 1); /* relaxed: only to stop */
	return NULL;
}

static void storm_member(void *context, uint32_t member)
{
	run_storm(context, member);
}

static int measure_storm(const struct bench_setting *setting, const struct bench_variant *variant,
			 struct bench_sample *sample)
{
	static struct bench_unplug unplug; /* some kilobytes; one at a time */
	struct pend_shard_stats stats = { .size = sizeof(stats) };
	struct storm storm = { &unplug, setting->window_ns * 10, variant->kind == KIND_QUIET };
	uint64_t begin_ns, pairs;
	pthread_t thread;
	int error = bench_unplug_open(&unplug, setting, STORM_HOME_NS, sample);

	if (error)
		return error;
	if (storm.for_ns < 4ull * STORM_NS)
		storm.for_ns = 4ull * STORM_NS;
	begin_ns = bench_clock_ns();
	error = -pthread_create(&thread, NULL, weather, &storm);
	if (!error) {
		bench_team_run(setting->team, 2, storm_member, &unplug);
		pthread_join(thread, NULL);
	}
	pairs = unplug.threads[0].pairs + unplug.threads[1].pairs;
	sample->operations = pairs;
	sample->preempted = unplug.threads[0].preempted + unplug.threads[1].preempted;
	sample->values[0] = pairs ? (double)(bench_clock_ns() - begin_ns) / (double)pairs : -1;
	if (!error && !pend_engine_stats_read(unplug.map.engine, unplug.cpu, &stats)) {
		sample->values[1] = (double)stats.losses;
		sample->values[2] = (double)stats.returns;
	}
	if (!error && (unplug.error || unplug.threads[0].error || unplug.threads[1].error))
		error = bench_sample_wrong(sample, "unexpected answers %d, %d, %d", unplug.error,
					   unplug.threads[0].error, unplug.threads[1].error);
	const int closing = bench_unplug_close(&unplug, sample);

	return error ? error : closing;
}

static uint32_t list_storm(const struct bench_setting *setting, struct bench_variant *variants)
{
	static const struct bench_variant all[] = {
		{ "undisturbed", "all CPUs stay", NULL, false, KIND_QUIET, 0, { 0 } },
		{ "storm", "a CPU goes or comes every 25 ms", NULL, false, KIND_STORM, 0, { 0 } },
	};
	uint32_t count = 0;

	(void)setting;
	bench_variant_add(variants, &count, &all[0]);
	bench_variant_add(variants, &count, &all[1]);
	return count;
}

static const struct bench_metric storm_metrics[BENCH_METRICS_MAX] = {
	{ "ns", "ns", BENCH_LESS_IS_BETTER },
	{ "losses", "", BENCH_NEITHER_IS_BETTER },
	{ "returns", "", BENCH_NEITHER_IS_BETTER },
};

const struct bench_probe bench_probe_storm = {
	.metrics = storm_metrics, .threads = 2, .list = list_storm, .measure = measure_storm
};
