/* SPDX-License-Identifier: MIT */
/*
 * torture_engine_stop.c - guarantee F: once a stop has returned, nothing moves until somebody enables.
 *
 * Threads pend and complete as fast as they can. One stops the map or the engine, again and again:
 * after that no pend is counted, none succeeds, none is told, and nothing is live. The asynchronous
 * stop is followed by an enable at once: what is pended from then on is not drained by it. For that
 * stops are numbered, and each operation knows the last stop before the enable that let it in: what
 * is drained was drained by a later one. Now and then a pender is frozen in the middle of whatever
 * it does: the stop waits for it or says that it could not.
 */
#include "tests/map/torture_engine.h"

#include <errno.h>

enum { PENDERS = 3, PENDS_BETWEEN = 12, FREEZE_TIMEOUT_NS = 3000000 };

struct stop {
	struct stage *stage;
	struct oracle_word begun;   /* the number of the last stop that was begun */
	struct oracle_word enabled; /* the number of the last stop that was followed by an enable */
	struct oracle_word told, pended, drained, finished, over;
	struct oracle_sum calls, patience;
};

static void stop_told(void *context, const struct pend_operation *operation)
{
	struct stop *stop = context;

	freeze_allow_library();
	if (operation->origin == PEND_ORIGIN_DRAIN) {
		/* The cookie: the stop that was over when it was pended. */
		CHECK_U64(oracle_obtain(&stop->begun), >, operation->cookie);
		CHECK_U64((uint64_t)operation->action, ==, PEND_ACTION_BLOCK);
		(void)oracle_more(&stop->drained, 1);
	}
	if (payload_word(operation->handle, 0, 3) % 16 == 0)
		(void)sched_yield(); /* delivery takes its time */
	(void)oracle_more(&stop->told, 1);
}

static void run_pender(struct stop *stop, uint32_t number, struct rng *rng)
{
	const bool keyed = stop->stage->setup->keyed;
	uint64_t calls = 0;

	freeze_allow(ROLE_PENDER);
	for (uint64_t key = number; !oracle_get(&stop->over); key += PENDERS, calls++) {
		const struct pend_request request = {
			.key = keyed ? &key : NULL,
			.key_size = keyed ? 8 : 0,
			.cookie = oracle_obtain(&stop->enabled),
			.deadline_ns = rng_one_in(rng, 2) ? 0 : 1000000u * (1 + rng_below(rng, 4))
		};
		uint64_t handle;
		const int result = pend_map_pend(stop->stage->map, &request, &handle);

		CHECK(result == 0 || result == -ENOSPC || result == -ESHUTDOWN);
		if (result == 0)
			(void)oracle_more(&stop->pended, 1);
		if (result == 0 && rng_one_in(rng, 2)) {
			const int completed = pend_map_complete(stop->stage->map, handle,
								PEND_ACTION_PERMIT_SOFT);

			CHECK(completed == 0 || completed == -ENOENT || completed == -EALREADY);
		}
		if (result || rng_one_in(rng, 64))
			(void)sched_yield();
	}
	oracle_add(&stop->calls, calls);
}

/* ---- the one who stops ---- */

/* Nothing moves. */
static void check_still(struct stop *stop, struct rng *rng)
{
	struct pend_map *map = stop->stage->map;
	const struct pend_map_stats before = stage_stats(stop->stage);
	const uint64_t told = oracle_get(&stop->told), key = UINT64_MAX;
	const struct pend_request request = { .key = stop->stage->setup->keyed ? &key : NULL,
					      .key_size = stop->stage->setup->keyed ? 8 : 0 };
	struct pend_cursor cursor = { 0 };
	struct pend_map_stats after;
	struct pend_info info;
	uint64_t handle;

	CHECK_U64(before.pends, ==, before.completions);
	CHECK_U64(before.live, ==, 0);
	CHECK_U64(before.completions, ==, told);
	CHECK_INT(pend_map_count(map), ==, 0);
	CHECK_INT(pend_map_scan(map, &cursor, &info, NULL, 1), ==, 0);
	for (uint32_t i = rng_below(rng, 6); i; i--)
		(void)sched_yield();
	if (rng_one_in(rng, 4))
		stage_pause_ns(rng_below(rng, 300000));
	CHECK_INT(pend_map_pend(map, &request, &handle), ==, -ESHUTDOWN);
	after = stage_stats(stop->stage);
	CHECK_U64(after.pends, ==, before.pends);
	CHECK_U64(after.completions, ==, before.completions);
	CHECK_U64(oracle_get(&stop->told), ==, told);
}

static void stop_finished(void *context, struct pend_map *map)
{
	struct stop *stop = context;

	CHECK(map == stop->stage->map);
	freeze_allow_library();
	(void)oracle_more(&stop->finished, 1);
}

/* After it has returned nothing can be pended, although not all is told. */
static void stop_async(struct stop *stop, struct rng *rng)
{
	struct pend_map *map = stop->stage->map;
	const uint64_t finished = oracle_get(&stop->finished);
	uint64_t pends;

	CHECK_INT(pend_map_disable_async(map, PEND_WAIT_FOREVER, stop_finished, stop), ==, 0);
	pends = stage_stats(stop->stage).pends;
	for (uint32_t i = rng_below(rng, 4); i; i--)
		(void)sched_yield();
	CHECK_U64(stage_stats(stop->stage).pends, ==, pends);
	oracle_give(&stop->enabled, oracle_get(&stop->begun));
	CHECK_INT(pend_map_enable(map), ==, 0);
	stage_await(&stop->finished, finished + 1, "the asynchronous stop is through");
	CHECK_U64(oracle_get(&stop->finished), ==, finished + 1);
}

/* A pender stops in the middle of something: a stop returns all the same, and says so. */
static void stop_frozen(struct stop *stop, struct rng *rng)
{
	struct pend_map *map = stop->stage->map;
	int result;

	CHECK(freeze(ROLE_PENDER, rng_below(rng, PENDERS)));
	result = pend_map_disable(map, FREEZE_TIMEOUT_NS);
	CHECK(result == 0 || result == -ETIMEDOUT);
	oracle_add(&stop->patience, result != 0);
	if (result == 0)
		check_still(stop, rng);
	thaw();
	CHECK_INT(pend_map_disable(map, PEND_WAIT_FOREVER), ==, 0);
	check_still(stop, rng);
}

static void stop_once(struct stop *stop, struct rng *rng)
{
	struct stage *stage = stop->stage;
	const uint32_t kind = rng_below(rng, 8);

	oracle_give(&stop->begun, oracle_get(&stop->begun) + 1);
	if (kind < 3) {
		stop_async(stop, rng);
		return;
	}
	if (kind == 3) {
		stop_frozen(stop, rng);
	} else if (kind < 6) {
		CHECK_INT(pend_map_disable(stage->map, PEND_WAIT_FOREVER), ==, 0);
		check_still(stop, rng);
	} else {
		CHECK_INT(pend_engine_disable(stage->engine, PEND_WAIT_FOREVER), ==, 0);
		check_still(stop, rng);
	}
	oracle_give(&stop->enabled, oracle_get(&stop->begun));
	CHECK_INT(pend_map_enable(stage->map), ==, 0);
	if (kind >= 6) {
		/* The map's own state alone is not enough. */
		check_still(stop, rng);
		CHECK_INT(pend_engine_enable(stage->engine), ==, 0);
	}
}

static void run_stop(void *context, uint32_t number, struct crew *crew)
{
	struct stop *stop = context;
	struct rng rng = rng_make(stop->stage->seed, number);
	const uint64_t rounds = stop->stage->rounds / 64 + 2;

	(void)crew_meet(crew);
	if (number < PENDERS) {
		run_pender(stop, number, &rng);
		return;
	}
	/* In a map of one slot it may take many until one meets an operation. */
	for (uint64_t round = 0;
	     round < rounds || (!oracle_get(&stop->drained) && round < 100 * rounds); round++) {
		stage_await(&stop->pended, oracle_get(&stop->pended) + PENDS_BETWEEN,
			    "pends go on after an enable");
		stop_once(stop, &rng);
	}
	oracle_set(&stop->over, 1);
}

uint64_t torture_stop(struct stage *stage)
{
	static struct stop stop;
	struct pend_map_options options = pend_map_options_default();
	struct pend_map_stats stats;

	memset(&stop, 0, sizeof(stop));
	stop.stage = stage;
	options.deadline_ns = 4000000;
	options.on_complete = stop_told;
	options.context = &stop;
	stage_begin(stage, &options);
	stage_seal(true);
	crew_run(PENDERS + 1, &stop, run_stop);
	oracle_give(&stop.begun, oracle_get(&stop.begun) + 1);
	stage_settle(stage);
	stage_balance(stage, oracle_get(&stop.pended), oracle_get(&stop.told));
	stats = stage_stats(stage);
	CHECK_U64(stats.by_drain, ==, oracle_get(&stop.drained));
	printf("# %" PRIu64 " stops drained %" PRIu64 " of %" PRIu64 ", refused %" PRIu64
	       "; %" PRIu64 " met a pender that was frozen inside\n",
	       oracle_get(&stop.begun), stats.by_drain, stats.pends, stats.refused_stopped,
	       oracle_total(&stop.patience));
	CHECK_U64(stats.by_drain, >, 0);
	CHECK_U64(stats.refused_stopped, >, 0);
	stage_end(stage);
	return oracle_total(&stop.calls);
}
