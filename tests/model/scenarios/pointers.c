/* SPDX-License-Identifier: MIT */
/*
 * pointers.c - maps that hand out pointers: a value stays what it is until its reader leaves.
 *
 * One entry, or two, and one slot of reserve: so slots are wanted while a reader holds them.
 */
#include <errno.h>
#include <string.h>

#include "engine/map/map_internal.h"
#include "epoch/epoch.h"
#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

enum { KEY = 42 };

static void one_entry(void)
{
	world_make(1, WORLD_KEYS | WORLD_POINTERS);
	MODEL_CHECK(world_pend(0, KEY, 0, 0) == 0);
}

static void one_entry_portable(void)
{
	world_make(1, WORLD_KEYS | WORLD_POINTERS | WORLD_PORTABLE);
	MODEL_CHECK(world_pend(0, KEY, 0, 0) == 0);
}

static void no_keys(void)
{
	world_make(1, WORLD_POINTERS);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
	world.noted = world.handles[0];
}

static void check_value(const uint64_t *value)
{
	model_yield();
	for (uint32_t i = 0; i < 4; i++) {
		MODEL_CHECK(value[i] == 0);
		model_plain_read(&value[i]);
	}
}

static void hold_by_key(void)
{
	const uint64_t key = KEY;
	const void *value;

	MODEL_CHECK(pend_epoch_enter() == 0);
	if (pend_map_peek_key(world.map, &key, 8, NULL, &value) == 0)
		check_value(value);
	pend_epoch_exit();
}

static void recycle(uint32_t rounds, uint64_t key)
{
	MODEL_CHECK(world_complete(0, PEND_ACTION_BLOCK) == 0);
	for (uint32_t i = 1; i <= rounds; i++) {
		world.results[i] = world_pend(i, key ? key + i : 0, 0, 0);
		/* There is room; what may be missing is a slot that no reader holds. */
		MODEL_CHECK(world.results[i] == 0 || world.results[i] == -EAGAIN);
		if (world.results[i] == 0)
			MODEL_CHECK(world_complete(i, PEND_ACTION_BLOCK) == 0);
	}
}

static void hold_or_recycle(uint32_t number)
{
	if (number)
		recycle(3, 50);
	else
		hold_by_key();
}

static void two_hold_or_recycle(uint32_t number)
{
	if (number == 2)
		recycle(1, 50);
	else
		hold_by_key();
}

static void hold_handle_or_recycle(uint32_t number)
{
	const void *value;

	if (number) {
		recycle(2, 0);
		return;
	}
	MODEL_CHECK(pend_epoch_enter() == 0);
	if (pend_map_peek(world.map, world.noted, NULL, &value) == 0)
		check_value(value);
	pend_epoch_exit();
}

/* When nobody reads any more, the bound is what it was. */
static void room_again(void)
{
	MODEL_CHECK(world_live() == 0 && world.told_of[0] == 1);
	MODEL_CHECK(world_pend(8, world.noted ? 0 : 60, 0, 0) == 0);
	MODEL_CHECK(world_pend(9, world.noted ? 0 : 61, 0, 0) == -ENOSPC);
	world_finish();
}

/* E: a reader that stops costs the reserve, and no more. */
static void bounded_cost(void)
{
	if (!model_is_frozen(0)) {
		room_again();
		return;
	}
	MODEL_CHECK(world_live() == 0 && world.results[1] == 0);
	for (uint32_t i = 8; i < 12; i++) {
		const int result = world_pend(i, 60 + i, 0, 0);

		MODEL_CHECK(result == 0 || result == -EAGAIN);
		if (result == 0)
			MODEL_CHECK(world_complete(i, PEND_ACTION_BLOCK) == 0);
	}
	world_finish();
}

/* Two free their slots, with one spare between them: a debt, that is settled once. */
static void two_entries(void)
{
	world_make(2, WORLD_POINTERS);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0 && world_pend(1, 0, 0, 0) == 0);
}

static void complete_and_pend(uint32_t number)
{
	MODEL_CHECK(world_complete(number, PEND_ACTION_BLOCK) == 0);
	world.results[number] = world_pend(2 + number, 0, 0, 0);
	MODEL_CHECK(world.results[number] == 0 || world.results[number] == -EAGAIN);
}

static void debts_are_settled(void)
{
	uint32_t live = world_count(2, 0);

	MODEL_CHECK(world_live() == live);
	for (uint32_t i = 8; live < 2; i++, live++)
		MODEL_CHECK(world_pend(i, 0, 0, 0) == 0);
	MODEL_CHECK(world_pend(16, 0, 0, 0) == -ENOSPC);
	world_finish();
}

/* The recycler alone. Two slots are in limbo, and the spare of one is taken: so one is owed. */
static void one_owed(void)
{
	struct pendi_recycler *recycler;
	int error = 0;

	two_entries();
	recycler = &world.map->recycler;
	for (uint32_t i = 0; i < 2; i++)
		pendi_recycler_defer(recycler, pendi_handle_slot(world.handles[i]));
	MODEL_CHECK(pendi_recycler_take(recycler, 0, &error) != PENDI_SLOT_NONE);
}

/* Who is refused is refused while a debt is open, or because nothing is left. */
static void take_or_settle(uint32_t number)
{
	struct pendi_recycler *recycler = &world.map->recycler;
	uint64_t debt;
	int error = 0;

	for (uint32_t i = 0; i < 3 && number; i++)
		(void)pendi_epoch_poll();
	if (number || pendi_recycler_take(recycler, 0, &error) != PENDI_SLOT_NONE)
		return;
	/* Plain: as it is when the take returns, for nothing is decided in between. */
	memcpy(&debt, (const void *)(uintptr_t)&recycler->debt, sizeof(debt));
	MODEL_CHECK(error == -EAGAIN);
	MODEL_CHECK(model_is_weak() || (uint32_t)debt != (uint32_t)(debt >> 32));
	world.results[0] = error;
}

/* It can be had when the limbo has moved on. */
static void paid_in_the_end(void)
{
	int error = 0;

	for (uint32_t i = 0; i < 3; i++)
		(void)pendi_epoch_poll();
	MODEL_CHECK(!world.results[0] ||
		    pendi_recycler_take(&world.map->recycler, 0, &error) != PENDI_SLOT_NONE);
}

static const struct model_scenario scenarios[] = {
	{ .name = "pointers: one is held while its slot recycles",
	  .shows = "EP1 EP2 SL2",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_entry,
	  .thread = hold_or_recycle,
	  .end = room_again },
	{ .name = "pointers: the same, no membarrier",
	  .shows = "EP1 EP2",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_entry_portable,
	  .thread = hold_or_recycle,
	  .end = room_again },
	{ .name = "pointers: two hold one",
	  .shows = "EP1 EP2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_entry,
	  .thread = two_hold_or_recycle,
	  .end = room_again },
	{ .name = "pointers: one is held by its handle",
	  .shows = "EP1 SL1",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = no_keys,
	  .thread = hold_handle_or_recycle,
	  .end = room_again },
	{ .name = "pointers: a reader stops anywhere",
	  .shows = "E D",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_entry,
	  .thread = hold_or_recycle,
	  .end = bounded_cost,
	  .freezes = 1 },
	{ .name = "pointers: two free, one spare",
	  .shows = "D RC1",
	  .threads = 2,
	  .bound = 3,
	  .begin = two_entries,
	  .thread = complete_and_pend,
	  .end = debts_are_settled },
	{ .name = "pointers: a debt is settled, one takes",
	  .shows = "D RC1",
	  .threads = 2,
	  .bound = 3,
	  .begin = one_owed,
	  .thread = take_or_settle,
	  .end = paid_in_the_end },
};

const struct model_group model_pointers = { "pointers", scenarios,
					    sizeof(scenarios) / sizeof(scenarios[0]) };
