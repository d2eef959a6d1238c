/* SPDX-License-Identifier: MIT */
/*
 * manual.h - a machine that the test plays, and an engine without a thread of its own on it.
 *
 * Time stands still until the test advances it, or the library pauses: then it goes on by as much
 * as the pause was to last. There are four CPUs, and all runs on the one that machine.cpu names.
 * Criterion runs each test in a process of its own, so all of this begins anew each time.
 */
#ifndef TESTS_MAP_MANUAL_H
#define TESTS_MAP_MANUAL_H

#include "tests/map/fixture.h"

#include "engine/map/map_internal.h"
#include "platform/script.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)

enum { MACHINE_CPUS = 4 };

static struct {
	uint64_t mono_ns;
	uint64_t lead_ns; /* by which the boot clock is ahead: the time asleep */
	uint32_t cpu;
	void (*on_pause)(void); /* called when the library pauses */
	void (*on_clock)(void); /* called once when it asks for the coarse time, as a pend does */
} machine = { .mono_ns = 1000 * SECOND + 123456 };

static inline uint64_t machine_mono(void)
{
	return machine.mono_ns;
}

static inline uint64_t machine_coarse(void)
{
	void (*const on_clock)(void) = machine.on_clock;

	machine.on_clock = NULL;
	if (on_clock)
		on_clock();
	return machine.mono_ns;
}

static inline uint64_t machine_boot(void)
{
	return machine.mono_ns + machine.lead_ns;
}

static inline uint32_t machine_cpu_current(void)
{
	return machine.cpu;
}

static inline uint32_t machine_cpu_possible(void)
{
	return MACHINE_CPUS;
}

static inline uint32_t machine_cpu_node(uint32_t cpu)
{
	(void)cpu;
	return 0;
}

static inline int machine_pause(const void *word, uint32_t expected, uint64_t timeout_ns)
{
	(void)word;
	(void)expected;
	cr_assert_neq(timeout_ns, UINT64_MAX, "nobody would wake it");
	machine.mono_ns += timeout_ns;
	if (machine.on_pause)
		machine.on_pause();
	return -ETIMEDOUT;
}

static inline int machine_refuse(void)
{
	return -ENOSYS;
}

static inline void machine_play(void)
{
	pendi_script.clock_mono_ns = machine_mono;
	pendi_script.clock_coarse_ns = machine_coarse;
	pendi_script.clock_boot_ns = machine_boot;
	pendi_script.cpu_current = machine_cpu_current;
	pendi_script.cpu_possible = machine_cpu_possible;
	pendi_script.cpu_node = machine_cpu_node;
	pendi_script.futex_wait = machine_pause;
}

/* Without membarrier: penders make whole fences. Before an engine or a map is made. */
static inline void machine_without_membarrier(void)
{
	pendi_script.membarrier_register = machine_refuse;
	pendi_script.membarrier = machine_refuse;
}

/* ---- the engine ---- */

static inline struct pend_engine_options manual_options(void)
{
	struct pend_engine_options options = pend_engine_options_default();

	options.flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	return options;
}

static inline struct pend_engine *make_engine_of(const struct pend_engine_options *options)
{
	struct pend_engine *engine = NULL;

	machine_play();
	cr_assert_eq(pend_engine_create(options, &engine), 0);
	cr_assert_eq(pend_engine_enable(engine), 0);
	return engine;
}

static inline struct pend_engine *make_engine(void)
{
	const struct pend_engine_options options = manual_options();

	return make_engine_of(&options);
}

static inline void destroy_engine(struct pend_engine *engine)
{
	cr_assert_eq(pend_engine_destroy(engine), 0);
}

/* Options of a keyed() map of @engine that pends, and tells @told. */
static inline struct pend_map_options managed(struct pend_engine *engine, struct told *told,
					      uint32_t max_entries)
{
	struct pend_map_options options = keyed(max_entries, PEND_MAP_ENABLED);

	options.engine = engine;
	options.on_complete = told ? tell : NULL;
	options.context = told;
	return options;
}

static inline uint32_t serve_one(struct pend_engine *engine, uint32_t cpu)
{
	const int result = pend_engine_poll(engine, cpu, 1u << 20);

	cr_assert_geq(result, 0);
	return (uint32_t)result;
}

static inline uint32_t serve_each(struct pend_engine *engine)
{
	uint32_t served = 0;

	for (uint32_t cpu = 0; cpu < MACHINE_CPUS; cpu++)
		served += serve_one(engine, cpu);
	return served;
}

/* Serves all shards, twice if there was something: what the agenda of one finds due is told by
 * another, whose turn may have been before. Returns how many slots were looked at. */
static inline uint32_t serve_all(struct pend_engine *engine)
{
	const uint32_t served = serve_each(engine);

	return served ? served + serve_each(engine) : 0;
}

/* Time goes on by @ns, in steps of @step_ns, and all shards are served after each. */
static inline void pass_time(struct pend_engine *engine, uint64_t ns, uint64_t step_ns)
{
	const uint64_t end_ns = machine.mono_ns + ns;

	while (machine.mono_ns < end_ns) {
		machine.mono_ns += step_ns < end_ns - machine.mono_ns ? step_ns
								      : end_ns - machine.mono_ns;
		(void)serve_all(engine);
	}
}

static inline struct pend_shard_stats shard_stats_of(struct pend_engine *engine)
{
	struct pend_shard_stats stats = { .size = sizeof(stats) };

	cr_assert_eq(pend_engine_stats_read(engine, PEND_CPU_CURRENT, &stats), 0);
	return stats;
}

/* Bytes of a map's quota in use. */
static inline uint64_t quota_used(struct pend_map *map)
{
	/* relaxed: one thread. */
	return pendi_load_relaxed(&map->quota.used);
}

/* The same of an engine's. */
static inline uint64_t engine_quota_used(struct pend_engine *engine)
{
	/* relaxed: one thread. */
	return pendi_load_relaxed(&pendi_engine_quota(engine)->used);
}

static inline struct pend_info info_of(struct pend_map *map, uint64_t handle)
{
	struct pend_info info;

	cr_assert_eq(pend_map_read(map, handle, &info, NULL), 0);
	return info;
}

/* Pends @key with @flags and a relative deadline, 0: the map's. */
static inline uint64_t pend_with(struct pend_map *map, uint64_t key, uint32_t flags,
				 uint64_t deadline_ns)
{
	struct pend_request request = request_of(&key, NULL);
	uint64_t handle = 0;

	request.flags = flags;
	request.deadline_ns = deadline_ns;
	cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	return handle;
}

/* Decides as a thread does that stops before it tells anybody. */
static inline void decide_and_stop(struct pend_map *map, uint64_t handle, enum pend_action action)
{
	const struct pendi_decision decision = { (uint32_t)action, PEND_ORIGIN_ORCHESTRATOR, 0 };
	struct pendi_step step;

	cr_assert_eq(pendi_map_decide(map, handle, &decision, &step), 0);
}

#endif
