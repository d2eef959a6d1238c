/* SPDX-License-Identifier: MIT */
/*
 * bench_map.c - a map of a probe, with or without an engine, and what it says of itself at the end.
 */
#include "bench/scenario/bench_map.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

#include "bench/measure/clock.h"
#include "bench/measure/lane.h"

#define LONG_NS 3600000000000u
#define PATIENCE_NS 20000000000u

uint64_t bench_boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct pend_map_options bench_map_options(const struct bench_setting *setting)
{
	struct pend_map_options options = pend_map_options_default();

	options.flags = PEND_MAP_ENABLED;
	options.max_entries = (uint32_t)setting->size;
	options.key_size = setting->options->key_size;
	options.value_size = setting->options->value_size;
	options.hash_seed = setting->options->seed;
	options.deadline_ns = LONG_NS;
	return options;
}

int bench_map_open(struct bench_map *map, enum bench_map_kind kind,
		   const struct pend_engine_options *engine_options,
		   struct pend_map_options *options)
{
	struct pend_engine_options defaults = pend_engine_options_default();
	int error = 0;

	*map = (struct bench_map){ .owed = 0 };
	if (engine_options)
		defaults = *engine_options;
	if (kind == BENCH_MAP_POLLED)
		defaults.flags |= PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	if (kind != BENCH_MAP_ALONE)
		error = pend_engine_create(&defaults, &map->engine);
	if (!error && map->engine)
		error = pend_engine_enable(map->engine);
	options->engine = map->engine;
	if (!error)
		error = pend_map_create(options, &map->map);
	if (error && map->engine)
		pend_engine_destroy(map->engine);
	return error;
}

static uint64_t queued(const struct bench_map *map)
{
	struct pend_shard_stats stats = { .size = sizeof(stats) };

	if (pend_engine_stats_read(map->engine, PEND_CPU_CURRENT, &stats))
		return 0;
	return stats.queued;
}

/* Serves every shard; a CPU that is none ends it. */
static void poll_all(struct bench_map *map)
{
	for (uint32_t cpu = 0;; cpu++) {
		int done = pend_engine_poll(map->engine, cpu, 1024);

		while (done >= 1024)
			done = pend_engine_poll(map->engine, cpu, 1024);
		if (done < 0)
			return;
	}
}

void bench_map_settle(struct bench_map *map)
{
	const uint64_t until_ns = bench_clock_ns() + PATIENCE_NS;

	while (map->engine && bench_clock_ns() < until_ns) {
		if (!queued(map) && (uint64_t)pend_map_count(map->map) <= map->owed)
			return;
		poll_all(map);
		sched_yield();
	}
}

int bench_map_close(struct bench_map *map, struct bench_sample *sample)
{
	struct pend_map_stats stats = { .size = sizeof(stats) };
	int error;

	bench_map_settle(map);
	error = pend_map_stats_read(map->map, &stats);
	if (!error) {
		sample->account.pends = stats.pends;
		sample->account.completions = stats.completions;
		sample->account.live = stats.live;
		if (stats.live != map->owed)
			error = bench_sample_wrong(sample, "%llu are live, but %llu should be",
						   (unsigned long long)stats.live,
						   (unsigned long long)map->owed);
	}
	if (pend_map_destroy(map->map) && !error)
		error = bench_sample_wrong(sample, "the map cannot be destroyed");
	if (map->engine && pend_engine_destroy(map->engine) && !error)
		error = bench_sample_wrong(sample, "the engine cannot be destroyed");
	return error;
}

struct pend_request bench_map_request(const struct bench_setting *setting, unsigned char *key,
				      unsigned char *value, uint64_t number)
{
	bench_number_write(key, number);
	bench_number_write(value, number);
	return (struct pend_request){ .key = key,
				      .value = value,
				      .key_size = setting->options->key_size,
				      .value_size = setting->options->value_size };
}
