/* SPDX-License-Identifier: MIT */
/*
 * 02_engine.c - completions come home, deadlines hold, and a stop leaves nothing behind.
 *
 * A map of an engine completes on the CPU that pended, by that CPU's executor. This program has the
 * engine make no threads, and polls it, so that what happens happens in order: three operations are
 * pended; one is permitted, one is forgotten until its deadline, one is drained by a stop.
 */
#include <pendmap/pendmap.h>
#include <stdio.h>

#define DEADLINE_NS 20000000ull /* 20 ms */
#define POLLS_MOST 100000000u

static const char *const names[] = { "permitted in time", "forgotten", "drained" };

/* Called for each operation once, by whoever serves its shard: here the loop in settle(). */
static void on_complete(void *context, const struct pend_operation *operation)
{
	const char *by = operation->origin == PEND_ORIGIN_ORCHESTRATOR ? "the orchestrator"
			 : operation->origin == PEND_ORIGIN_DEADLINE   ? "its deadline"
								       : "the stop";

	(void)context;
	printf("%s: %s by %s\n", names[operation->cookie],
	       operation->action == PEND_ACTION_BLOCK ? "blocked" : "permitted", by);
}

/* Serves all shards until @live operations are left. 0 or 1. */
static int settle(struct pend_engine *engine, struct pend_map *map, int live)
{
	for (uint32_t polls = 0; pend_map_count(map) > live; polls++)
		for (uint32_t cpu = 0; pend_engine_poll(engine, cpu, 64) >= 0; cpu++)
			if (polls > POLLS_MOST)
				return 1;
	return 0;
}

static int use(struct pend_engine *engine, struct pend_map *map)
{
	struct pend_request request = { 0 };
	uint64_t handle;

	/* Fail closed: nothing is pended before somebody says that there is an orchestrator. */
	if (pend_map_pend(map, &request, &handle) >= 0)
		return 1;
	printf("disabled at first\n");
	if (pend_engine_enable(engine) != 0 || pend_map_enable(map) != 0)
		return 1;

	if (pend_map_pend(map, &request, &handle) != 0 ||
	    pend_map_complete(map, handle, PEND_ACTION_PERMIT_SOFT) != 0 ||
	    settle(engine, map, 0) != 0)
		return 1;

	request.cookie = 1;
	if (pend_map_pend(map, &request, &handle) != 0 || settle(engine, map, 0) != 0)
		return 1;

	/* Held: no deadline sooner than the end of its lifetime. */
	request.cookie = 2;
	if (pend_map_pend(map, &request, &handle) != 0 || pend_map_hold(map, handle) != 0)
		return 1;
	if (pend_map_disable(map, PEND_WAIT_FOREVER) != 0 || pend_map_count(map) != 0)
		return 1;
	printf("stopped, and nothing is left\n");
	return 0;
}

int main(void)
{
	struct pend_engine_options engine_options = pend_engine_options_default();
	struct pend_map_options map_options = pend_map_options_default();
	struct pend_engine *engine;
	struct pend_map *map;
	int failed;

	engine_options.flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	if (pend_engine_create(&engine_options, &engine) != 0)
		return 1;
	map_options.engine = engine;
	map_options.deadline_ns = DEADLINE_NS;
	map_options.on_complete = on_complete;
	if (pend_map_create(&map_options, &map) != 0)
		return 1;
	failed = use(engine, map);
	return pend_map_destroy(map) != 0 || pend_engine_destroy(engine) != 0 || failed;
}
