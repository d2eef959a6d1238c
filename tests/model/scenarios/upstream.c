/* SPDX-License-Identifier: MIT */
/*
 * upstream.c - verdicts in two steps: one is held ready (update), the next call decides (delete).
 */
#include <errno.h>

#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

static void one_open(void)
{
	world_make(2, 0);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
}

static void one_slot(void)
{
	world_make(1, 0);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
	world.noted = world.handles[0];
}

static struct pend_key key_of(uint64_t handle)
{
	return (struct pend_key){ PEND_KEY_VERSION, sizeof(struct pend_key), 0, handle };
}

static int stage(uint64_t handle, enum pend_action action)
{
	const struct pend_key key = key_of(handle);
	const struct pend_value value = { PEND_VALUE_VERSION, sizeof(value), action, 0 };

	return pend_map_update_elem(NULL, world.map, &key, &value, 0);
}

static int delete (uint64_t handle)
{
	const struct pend_key key = key_of(handle);
	const int result = pend_map_delete_elem(NULL, world.map, &key);

	world_left();
	return result;
}

/* X1: two orchestrators, each with its own verdict. */
static void stage_and_delete(uint32_t number)
{
	world.results[2 + number] =
		stage(world.handles[0], number ? PEND_ACTION_PERMIT_HARD : PEND_ACTION_PERMIT_SOFT);
	world.results[number] = delete (world.handles[0]);
}

static void one_verdict(void)
{
	MODEL_CHECK(world_count(2, 0) == 1 && world.told_of[0] == 1 && world_live() == 0);
	MODEL_CHECK(world.results[2] == 0 || world.results[3] == 0);
	MODEL_CHECK(world.action_of[0] == PEND_ACTION_PERMIT_SOFT ||
		    world.action_of[0] == PEND_ACTION_PERMIT_HARD);
	/* Whoever could hold nothing ready came too late for all. */
	for (uint32_t i = 0; i < 2; i++)
		MODEL_CHECK(world.results[2 + i] == 0 || world.results[i] != 0);
	world_finish();
}

/* X8: what is held ready decides nothing by itself. */
static void stage_or_complete(uint32_t number)
{
	if (number == 0)
		world.results[2] = stage(world.handles[0], PEND_ACTION_PERMIT_SOFT);
	else
		world.results[1] = world_complete(0, PEND_ACTION_BLOCK);
}

static void completed(void)
{
	MODEL_CHECK(world.results[1] == 0 && world.told_of[0] == 1);
	MODEL_CHECK(world.action_of[0] == PEND_ACTION_BLOCK);
	world_finish();
}

/* X9: what was held ready for one operation is not held ready for the next one in its slot. */
static void recycle_or_stage(uint32_t number)
{
	if (number == 0) {
		world.results[3] = world_complete(0, PEND_ACTION_BLOCK);
		world.results[0] = world_pend(1, 0, 0, 0);
		return;
	}
	world.results[1] = stage(world.noted, PEND_ACTION_PERMIT_HARD);
	world.results[2] = delete (world.noted);
}

static void second_is_untouched(void)
{
	MODEL_CHECK(world.told_of[0] == 1 && world.told_of[1] == 0);
	MODEL_CHECK((world.results[2] == 0) != (world.results[3] == 0));
	if (world.results[0] == 0) {
		MODEL_CHECK(delete (world.handles[1]) == 0);
		MODEL_CHECK(world.action_of[1] == PEND_ACTION_BLOCK);
	}
	world_finish();
}

static const struct model_scenario scenarios[] = {
	{ .name = "upstream: two stage and delete",
	  .shows = "A X1 X8",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = one_open,
	  .thread = stage_and_delete,
	  .end = one_verdict },
	{ .name = "upstream: one stages, one completes",
	  .shows = "A X8",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = one_open,
	  .thread = stage_or_complete,
	  .end = completed },
	{ .name = "upstream: one stages, the slot is used again",
	  .shows = "A X9",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = one_slot,
	  .thread = recycle_or_stage,
	  .end = second_is_untouched },
};

const struct model_group model_upstream = { "upstream", scenarios,
					    sizeof(scenarios) / sizeof(scenarios[0]) };
