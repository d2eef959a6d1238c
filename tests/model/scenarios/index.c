/* SPDX-License-Identifier: MIT */
/*
 * index.c - keys: one holder, found while it holds, also away from its home.
 *
 *	home bucket: 14 keys, no room       next bucket: the displaced ones
 */
#include <errno.h>

#include "engine/map/map_internal.h"
#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

enum { KEY = 42, CELLS = PENDI_CELLS - PENDI_CELL_FIRST };

static uint64_t crowd[CELLS + 2]; /* keys of one home */

static void keyed_three(void)
{
	world_make(3, WORLD_KEYS);
}

static void keyed_used(void)
{
	world_make(3, WORLD_KEYS);
	MODEL_CHECK(world_pend(0, KEY, 0, 0) == 0);
}

/* ---- one key ---- */

static void pend_same_key(uint32_t number)
{
	world.results[number] = world_pend(number, KEY, 0, 0);
}

static void one_has_the_key(void)
{
	MODEL_CHECK(world_count(model_threads(), 0) == 1);
	MODEL_CHECK(world_count(model_threads(), -EEXIST) == model_threads() - 1);
	MODEL_CHECK(world_live() == 1);
	world_finish();
}

static void somebody_gets_the_key(void)
{
	if (!model_is_frozen(0)) {
		one_has_the_key();
		return;
	}
	/* A holder that stopped keeps it, a contender that stopped does not. */
	MODEL_CHECK(world.results[1] == 0 || world.results[1] == -EEXIST);
}

static bool found(uint64_t key)
{
	return pend_map_lookup(world.map, &key, 8, NULL, NULL) == 0;
}

static void repend_key(uint32_t number)
{
	if (number == 0)
		world.results[0] = world_complete_key(KEY, PEND_ACTION_PERMIT_SOFT);
	else
		world.results[number] = world_pend(number, KEY, 0, 0);
}

static void key_is_consistent(void)
{
	const uint32_t pended =
		(uint32_t)(world.results[1] == 0) + (model_threads() > 2 && world.results[2] == 0);

	MODEL_CHECK(world.results[0] == 0 && world.told == 1);
	for (uint32_t i = 1; i < model_threads(); i++)
		MODEL_CHECK(world.results[i] == 0 || world.results[i] == -EEXIST);
	MODEL_CHECK(world_live() == pended && pended <= 1 && found(KEY) == pended);
	world_finish();
}

static void complete_key_twice(uint32_t number)
{
	if (number == 2)
		world.results[2] = world_pend(2, KEY, 0, 0);
	else
		world.results[number] = world_complete_key(KEY, PEND_ACTION_BLOCK);
}

/* Each success is of an operation of its own. */
static void as_many_as_told(void)
{
	MODEL_CHECK(world.told == world_count(2, 0) && world.told >= 1);
	MODEL_CHECK(world_live() + world.told == 1u + (world.results[2] == 0));
	MODEL_CHECK(found(KEY) == (world_live() != 0));
	world_finish();
}

static void recycle_or_look_up(uint32_t number)
{
	const uint64_t key = KEY;
	uint64_t value[4];

	if (number == 0) {
		MODEL_CHECK(world_complete(0, PEND_ACTION_BLOCK) == 0);
		MODEL_CHECK(world_pend(1, KEY, 0, 0) == 0);
	} else if (pend_map_lookup(world.map, &key, 8, NULL, value) == 0) {
		MODEL_CHECK(value[0] == value[1] && value[1] == value[2] && value[2] == value[3]);
		model_plain_read(&world.handles[value[0]]);
	}
}

static void second_lives(void)
{
	MODEL_CHECK(world_live() == 1 && world.told == 1 && found(KEY));
	world_finish();
}

/* One slot, so that the key of another operation comes into the cell that is being looked at. */
static void keyed_one(void)
{
	world_make(1, WORLD_KEYS);
	MODEL_CHECK(world_pend(0, KEY, 0, 0) == 0);
}

static void change_key_or_complete(uint32_t number)
{
	if (number == 0) {
		world.results[0] = world_complete(0, PEND_ACTION_PERMIT_SOFT);
		world.results[2] = world_pend(1, KEY + 1, 0, 0);
	} else {
		world.results[1] = world_complete_key(KEY, PEND_ACTION_BLOCK);
	}
}

static void other_key_stands(void)
{
	MODEL_CHECK(world_count(2, 0) == 1 && world.told_of[0] == 1 && world.told_of[1] == 0);
	MODEL_CHECK(found(KEY + 1) == (world.results[2] == 0) && !found(KEY));
	world_finish();
}

/* ---- displaced keys ---- */

/* Keys of one home: as many as it has cells, and some more. */
static void make_crowd(uint32_t pended)
{
	uint32_t count = 0;

	world_make(CELLS + 3, WORLD_KEYS);
	MODEL_CHECK(world.map->index.bucket_count > 1);
	for (uint64_t key = 1; count < CELLS + 2; key++)
		if (pendi_index_home(&world.map->index,
				     pendi_index_key(&world.map->index, &key).hash) == 0)
			crowd[count++] = key;
	for (uint32_t i = 0; i < pended; i++)
		MODEL_CHECK(world_pend(i, crowd[i], 0, 0) == 0);
}

static void crowded(void)
{
	make_crowd(CELLS);
}

static void crowded_and_one(void)
{
	make_crowd(CELLS + 1);
}

static void crowded_and_two(void)
{
	make_crowd(CELLS + 2);
}

static void leave_or_look_up(uint32_t number)
{
	if (number == 0)
		MODEL_CHECK(world_complete(CELLS, PEND_ACTION_BLOCK) == 0);
	else
		MODEL_CHECK(found(crowd[CELLS + 1]));
}

static void join_or_leave(uint32_t number)
{
	if (number == 0)
		MODEL_CHECK(world_complete(CELLS, PEND_ACTION_BLOCK) == 0);
	else
		MODEL_CHECK(world_pend(CELLS + 1, crowd[CELLS + 1], 0, 0) == 0);
}

static void only_second_is_found(void)
{
	/* relaxed: nobody else is there. */
	const uint64_t home = pendi_load_relaxed(&world.map->index.buckets[0].home);

	MODEL_CHECK(!found(crowd[CELLS]) && found(crowd[CELLS + 1]));
	MODEL_CHECK(pendi_home_displaced(home) == 1);
	world_finish();
}

/* A cell at home comes free while two want the key: one may see it, the other not. */
static void make_room_or_pend(uint32_t number)
{
	if (number == 0)
		MODEL_CHECK(world_complete(0, PEND_ACTION_BLOCK) == 0);
	world.results[1 + number] = world_pend(CELLS + number, crowd[CELLS], 0, 0);
}

static void one_of_two_has_it(void)
{
	MODEL_CHECK((world.results[1] == 0) != (world.results[2] == 0));
	MODEL_CHECK((world.results[1] == -EEXIST) != (world.results[2] == -EEXIST));
	MODEL_CHECK(found(crowd[CELLS]));
	world_finish();
}

static void pend_displaced_twice(uint32_t number)
{
	world.results[number + 1] = world_pend(CELLS + number, crowd[CELLS], 0, 0);
}

static const struct model_scenario scenarios[] = {
	{ .name = "index: two pend one key",
	  .shows = "IX2",
	  .threads = 2,
	  .bound = 3,
	  .begin = keyed_three,
	  .thread = pend_same_key,
	  .end = one_has_the_key },
	{ .name = "index: a contender stops anywhere",
	  .shows = "E IX2",
	  .threads = 2,
	  .bound = 3,
	  .begin = keyed_three,
	  .thread = pend_same_key,
	  .end = somebody_gets_the_key,
	  .freezes = 1 },
	{ .name = "index: a key is pended while it is completed",
	  .shows = "IX1 IX2 X5",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = keyed_used,
	  .thread = repend_key,
	  .end = key_is_consistent },
	{ .name = "index: two pend a key that is completed",
	  .shows = "IX1 IX2 X5",
	  .threads = 3,
	  .bound = 3,
	  .begin = keyed_used,
	  .thread = repend_key,
	  .end = key_is_consistent },
	{ .name = "index: two complete a key, one pends it",
	  .shows = "A IX1",
	  .threads = 3,
	  .bound = 3,
	  .begin = keyed_used,
	  .thread = complete_key_twice,
	  .end = as_many_as_told },
	{ .name = "index: a lookup while the key moves",
	  .shows = "SL2 IX1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = keyed_used,
	  .thread = recycle_or_look_up,
	  .end = second_lives },
	{ .name = "index: a decision by a key that changes",
	  .shows = "A SL1 IX1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = keyed_one,
	  .thread = change_key_or_complete,
	  .end = other_key_stands },
	{ .name = "index: a displaced key, another one leaves",
	  .shows = "IX3",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = crowded_and_two,
	  .thread = leave_or_look_up,
	  .end = only_second_is_found },
	{ .name = "index: one displaced key comes, one leaves",
	  .shows = "IX3",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = crowded_and_one,
	  .thread = join_or_leave,
	  .end = only_second_is_found },
	{ .name = "index: two displace the same key",
	  .shows = "IX2 IX3",
	  .threads = 2,
	  .bound = 3,
	  .begin = crowded,
	  .thread = pend_displaced_twice,
	  .end = one_of_two_has_it },
	{ .name = "index: two want a key, and home has room",
	  .shows = "IX2 IX3",
	  .threads = 2,
	  .bound = 3,
	  .begin = crowded,
	  .thread = make_room_or_pend,
	  .end = one_of_two_has_it },
};

const struct model_group model_index = { "index", scenarios,
					 sizeof(scenarios) / sizeof(scenarios[0]) };
