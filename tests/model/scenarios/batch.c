/* SPDX-License-Identifier: MIT */
/*
 * batch.c - many at once: as that many single calls, each of which may be overtaken by others.
 */
#include <errno.h>

#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

enum { KEY = 42, MANY = 2 };

static int batch_results[MODEL_THREADS][MANY];
static uint64_t batch_handles[MODEL_THREADS][MANY];

static void two_open(void)
{
	world_make(2, 0);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0 && world_pend(1, 0, 0, 0) == 0);
}

static void two_open_of_engine(void)
{
	world_make(2, WORLD_ENGINE);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0 && world_pend(1, 0, 0, 0) == 0);
}

static void two_with_keys(void)
{
	world_make(3, WORLD_KEYS);
	MODEL_CHECK(world_pend(0, KEY, 0, 0) == 0 && world_pend(1, KEY + 1, 0, 0) == 0);
}

static void empty_three(void)
{
	world_make(3, 0);
}

/* ---- deciding ---- */

static void complete_both(uint32_t number)
{
	/* In the order of the handles, and against it. */
	const uint64_t handles[MANY] = { world.handles[number], world.handles[!number] };
	const uint32_t actions[MANY] = { PEND_ACTION_BLOCK, PEND_ACTION_PERMIT_SOFT };
	const int done =
		pend_map_complete_batch(world.map, handles, actions, MANY, batch_results[number]);

	world_left();
	world.results[number] = done;
	MODEL_CHECK(done == (batch_results[number][0] == 0) + (batch_results[number][1] == 0));
}

static void complete_both_or_poll(uint32_t number)
{
	if (number == 2)
		world_poll(0);
	else
		complete_both(number);
}

static void each_decided_once(void)
{
	for (uint32_t i = 0; i < MANY; i++)
		MODEL_CHECK((batch_results[0][i] == 0) != (batch_results[1][!i] == 0));
	world_finish();
	MODEL_CHECK(world.results[0] + world.results[1] == 2 && world_live() == 0);
	MODEL_CHECK(world.told_of[0] == 1 && world.told_of[1] == 1);
}

static void complete_keys_or_one(uint32_t number)
{
	const uint64_t keys[MANY] = { KEY, KEY + 1 };
	const uint32_t actions[MANY] = { PEND_ACTION_BLOCK, PEND_ACTION_BLOCK };

	if (number) {
		world.results[1] = world_complete(1, PEND_ACTION_PERMIT_SOFT);
		return;
	}
	world.results[0] =
		pend_map_complete_key_batch(world.map, keys, actions, MANY, batch_results[0]);
	world_left();
}

static void both_decided(void)
{
	MODEL_CHECK(batch_results[0][0] == 0);
	MODEL_CHECK((batch_results[0][1] == 0) != (world.results[1] == 0));
	MODEL_CHECK(world.action_of[1] ==
		    (world.results[1] == 0 ? PEND_ACTION_PERMIT_SOFT : PEND_ACTION_BLOCK));
	world_finish();
	MODEL_CHECK(world_live() == 0);
}

/* ---- pending: three slots for four ---- */

static void pend_two(uint32_t number)
{
	const uint64_t value[4] = { number, number, number, number };
	const struct pend_request one = { .value = value, .value_size = sizeof(value) };
	const struct pend_request requests[MANY] = { one, one };

	world.results[number] = pend_map_pend_batch(world.map, requests, MANY,
						    batch_handles[number], batch_results[number]);
}

static void three_of_four(void)
{
	uint32_t refused = 0;

	MODEL_CHECK(world.results[0] + world.results[1] == 3 && world_live() == 3);
	for (uint32_t i = 0; i < 2 * MANY; i++) {
		const int result = batch_results[i / MANY][i % MANY];

		MODEL_CHECK(result == 0 || result == -ENOSPC);
		refused += result != 0;
		for (uint32_t j = 0; j < i && !result; j++)
			MODEL_CHECK(batch_results[j / MANY][j % MANY] ||
				    batch_handles[j / MANY][j % MANY] !=
					    batch_handles[i / MANY][i % MANY]);
	}
	MODEL_CHECK(refused == 1);
}

/* ---- looking ---- */

static void look_or_recycle(uint32_t number)
{
	const uint64_t keys[MANY] = { KEY, KEY + 1 };
	struct pend_info infos[MANY];
	uint64_t values[MANY][4];

	if (number) {
		MODEL_CHECK(world_complete(0, PEND_ACTION_BLOCK) == 0);
		MODEL_CHECK(world_pend(2, KEY, 0, 0) == 0);
		return;
	}
	MODEL_CHECK(pend_map_lookup_batch(world.map, keys, MANY, infos, values, batch_results[0]) >=
		    1);
	MODEL_CHECK(batch_results[0][1] == 0 && values[1][0] == 1 && values[1][3] == 1);
	if (batch_results[0][0])
		return;
	MODEL_CHECK(values[0][0] == infos[0].cookie && values[0][3] == infos[0].cookie);
	MODEL_CHECK(infos[0].cookie == 0 || infos[0].cookie == 2);
}

static void two_live(void)
{
	MODEL_CHECK(world_live() == 2);
	world_finish();
}

/* ---- I: a queue that is full leaves it to the next tick ---- */

static void narrow(void)
{
	world_make(3, WORLD_ENGINE | WORLD_NARROW);
	for (uint32_t i = 0; i < 3; i++)
		MODEL_CHECK(world_pend(i, 0, 0, PEND_DEADLINE_NONE) == 0);
	MODEL_CHECK(world_complete(2, PEND_ACTION_BLOCK) == 0);
}

static void decide_two(uint32_t number)
{
	world.results[number] = world_complete(number, PEND_ACTION_BLOCK);
}

static void decide_two_or_poll(uint32_t number)
{
	if (number == 2)
		world_poll(0);
	else
		decide_two(number);
}

/* Nothing is lost, and that it was late is counted. */
static void told_by_the_tick(void)
{
	struct pend_map_stats stats = { .size = sizeof(stats) };

	MODEL_CHECK(world.results[0] == 0 && world.results[1] == 0);
	MODEL_CHECK(pend_map_stats_read(world.map, &stats) == 0);
	MODEL_CHECK(stats.overflows <= 1 && (stats.overflows == 1 || model_threads() > 2));
	model_advance(2 * MS);
	world_finish();
	MODEL_CHECK(world.told == 3 && world_live() == 0);
}

static const struct model_scenario scenarios[] = {
	{ .name = "batch: two decide the same two",
	  .shows = "A X1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = two_open,
	  .thread = complete_both,
	  .end = each_decided_once },
	{ .name = "batch: two decide the same two, one polls",
	  .shows = "A QU3",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = two_open_of_engine,
	  .thread = complete_both_or_poll,
	  .end = each_decided_once },
	{ .name = "batch: keys, and one of them decided",
	  .shows = "A IX1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = two_with_keys,
	  .thread = complete_keys_or_one,
	  .end = both_decided },
	{ .name = "batch: four pends in three slots",
	  .shows = "D FR1 FR2",
	  .threads = 2,
	  .bound = 3,
	  .begin = empty_three,
	  .thread = pend_two,
	  .end = three_of_four },
	{ .name = "batch: a lookup while a key moves",
	  .shows = "SL2 IX1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = two_with_keys,
	  .thread = look_or_recycle,
	  .end = two_live },
	{ .name = "batch: three decisions, room for two hints",
	  .shows = "A C I X6",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = narrow,
	  .thread = decide_two,
	  .end = told_by_the_tick },
	{ .name = "batch: room for two hints, one polls",
	  .shows = "A C I X6",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = narrow,
	  .thread = decide_two_or_poll,
	  .end = told_by_the_tick },
};

const struct model_group model_batch = { "batch", scenarios,
					 sizeof(scenarios) / sizeof(scenarios[0]) };
