/* SPDX-License-Identifier: MIT */
/*
 * serve.c - maps of an engine without threads of its own: some decide, some poll.
 *
 * A decision puts a hint into the queue of the CPU that pended; whoever polls that shard completes.
 */
#include <errno.h>

#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

static void one_operation(void)
{
	world_make(1, WORLD_ENGINE);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
}

static void two_operations(void)
{
	world_make(2, WORLD_ENGINE);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0 && world_pend(1, 0, 0, 0) == 0);
}

static void decide_two_or_poll(uint32_t number)
{
	if (number) {
		world_poll(0);
		return;
	}
	world.results[0] = world_complete(0, PEND_ACTION_PERMIT_SOFT);
	world.results[1] = world_complete(1, PEND_ACTION_BLOCK);
}

static void both_told_once(void)
{
	world_finish();
	MODEL_CHECK(world.results[0] == 0 && world.results[1] == 0);
	MODEL_CHECK(world.told_of[0] == 1 && world.told_of[1] == 1 && world_live() == 0);
}

static void decide_both_or_poll(uint32_t number)
{
	if (number == 2)
		world_poll(0);
	else
		world.results[number] = world_complete(number, PEND_ACTION_BLOCK);
}

static void two_decide_one_or_poll(uint32_t number)
{
	if (number == 2)
		world_poll(0);
	else
		world.results[number] =
			world_complete(0, number ? PEND_ACTION_BLOCK : PEND_ACTION_PERMIT_SOFT);
}

static void one_won(void)
{
	world_finish();
	MODEL_CHECK(world_count(2, 0) == 1 && world.told_of[0] == 1 && world_live() == 0);
	MODEL_CHECK(world.action_of[0] ==
		    (world.results[0] == 0 ? PEND_ACTION_PERMIT_SOFT : PEND_ACTION_BLOCK));
}

static void poll_or_pend(uint32_t number)
{
	if (number == 0)
		world.results[0] = world_complete(0, PEND_ACTION_PERMIT_SOFT);
	else if (number == 1)
		world_poll(0);
	else
		world.results[2] = world_pend(1, 0, 0, 0);
}

/* D: the slot is free when it has been served; one that is told so can be used at once. */
static void pended_or_full(void)
{
	world_finish();
	MODEL_CHECK(world.results[0] == 0 && world.told_of[0] == 1);
	MODEL_CHECK(world.results[2] == 0 || world.results[2] == -ENOSPC);
	MODEL_CHECK(world_live() == (world.results[2] == 0));
	if (world.results[2])
		MODEL_CHECK(world_pend(2, 0, 0, 0) == 0);
	MODEL_CHECK(world_pend(3, 0, 0, 0) == -ENOSPC);
	world_finish();
}

/* E: a server that stops, wherever: the next one serves what it had in its hands. */
static void told_all_the_same(void)
{
	world_finish();
	MODEL_CHECK(world.results[0] == 0 && world.results[1] == 0);
	MODEL_CHECK(world.told_of[0] == 1 && world.told_of[1] == 1);
}

/* It stopped with an operation that it had claimed, perhaps: that one and no other. */
static void told_but_one(void)
{
	const uint32_t missing = model_is_frozen(1);

	for (uint32_t cpu = 0; cpu < MODEL_THREADS; cpu++)
		world_poll(cpu);
	if (!missing) {
		told_all_the_same();
		return;
	}
	MODEL_CHECK(world.results[0] == 0 && world.results[1] == 0);
	MODEL_CHECK(world.told_of[0] + world.told_of[1] >= 1);
}

/* A map leaves its engine while somebody serves it. */
static void destroy_or_poll(uint32_t number)
{
	if (number == 0) {
		MODEL_CHECK(world_complete(0, PEND_ACTION_BLOCK) == 0);
		world.results[0] = pend_map_destroy(world.map);
		world_left();
	} else {
		world_poll(0);
	}
}

static void destroyed(void)
{
	MODEL_CHECK(world.results[0] == 0 && world.told_of[0] == 1);
	world_poll_all();
	MODEL_CHECK(pend_engine_destroy(world.engine) == 0);
}

static void destroyed_with_entries(void)
{
	MODEL_CHECK(world.results[0] == 0);
	MODEL_CHECK(world.told_of[0] == 1 && world.told_of[1] == 1);
	world_poll_all();
	MODEL_CHECK(pend_engine_destroy(world.engine) == 0);
}

static void two_portable(void)
{
	world_make(2, WORLD_ENGINE | WORLD_PORTABLE);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0 && world_pend(1, 0, 0, 0) == 0);
}

static const struct model_scenario scenarios[] = {
	{ .name = "serve: one decides two, one polls",
	  .shows = "A C QU1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = two_operations,
	  .thread = decide_two_or_poll,
	  .end = both_told_once },
	{ .name = "serve: one decides two, two poll",
	  .shows = "A E QU2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = two_operations,
	  .thread = decide_two_or_poll,
	  .end = both_told_once },
	{ .name = "serve: two decide two, one polls",
	  .shows = "A QU3",
	  .threads = 3,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = two_operations,
	  .thread = decide_both_or_poll,
	  .end = both_told_once },
	{ .name = "serve: two decide one, one polls",
	  .shows = "A X1",
	  .threads = 3,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = one_operation,
	  .thread = two_decide_one_or_poll,
	  .end = one_won },
	{ .name = "serve: one decides, one polls, one pends",
	  .shows = "D FR2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_operation,
	  .thread = poll_or_pend,
	  .end = pended_or_full },
	{ .name = "serve: who polls stops anywhere",
	  .shows = "E QU2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = two_operations,
	  .thread = decide_two_or_poll,
	  .end = told_but_one,
	  .freezes = 2 },
	{ .name = "serve: a map leaves while it is served",
	  .shows = "SH2 SH4 X11",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = one_operation,
	  .thread = destroy_or_poll,
	  .end = destroyed },
	{ .name = "serve: a map leaves with entries",
	  .shows = "A SH2 X11",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = two_operations,
	  .thread = destroy_or_poll,
	  .end = destroyed_with_entries },
	{ .name = "serve: the same, no membarrier",
	  .shows = "SH2 X11",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = two_portable,
	  .thread = destroy_or_poll,
	  .end = destroyed_with_entries },
};

const struct model_group model_serve = { "serve", scenarios,
					 sizeof(scenarios) / sizeof(scenarios[0]) };
