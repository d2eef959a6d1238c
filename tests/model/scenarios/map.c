/* SPDX-License-Identifier: MIT */
/*
 * map.c - maps without an engine: who decides, how many there may be, what readers see.
 *
 * Whoever decides tells the completion function before his call returns.
 */
#include <errno.h>

#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

/* ---- A: exactly once ---- */

static void one_operation(void)
{
	world_make(2, 0);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
}

static void decide(uint32_t number)
{
	world.results[number] =
		world_complete(0, number ? PEND_ACTION_BLOCK : PEND_ACTION_PERMIT_SOFT);
}

static void decide_or_cancel(uint32_t number)
{
	if (number) {
		world.results[1] = pend_map_cancel(world.map, world.handles[0]);
		world_left();
	} else {
		decide(0);
	}
}

/* One has won, and the operation is told with the winner's verdict. */
static void decided_once(void)
{
	MODEL_CHECK(world_count(model_threads(), 0) == 1);
	MODEL_CHECK(world.action_of[0] ==
		    (world.results[0] == 0 ? PEND_ACTION_PERMIT_SOFT : PEND_ACTION_BLOCK));
	MODEL_CHECK(world_live() == 0);
	world_finish();
}

/* The slot is used again while an old handle is on its way. */
static void decide_stale(uint32_t number)
{
	if (number == 0) {
		world.results[0] = world_complete(0, PEND_ACTION_PERMIT_SOFT);
		world.results[2] = world_pend(1, 0, 0, 0);
	} else {
		world.results[1] = pend_map_complete(world.map, world.noted, PEND_ACTION_BLOCK);
		world_left();
	}
}

static void one_slot_used(void)
{
	world_make(1, 0);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
	world.noted = world.handles[0];
}

static void stale_did_nothing(void)
{
	MODEL_CHECK(world_count(2, 0) == 1);
	MODEL_CHECK(world.told_of[0] == 1 && world.told_of[1] == 0);
	MODEL_CHECK(world_live() == (world.results[2] == 0));
	world_finish();
}

/* ---- D: the bound, with as many slots as entries and one pender too many ---- */

static void empty_one(void)
{
	world_make(1, 0);
}

static void pend_and_complete(uint32_t number)
{
	world.results[number] = world_pend(number, 0, 0, 0);
	if (world.results[number] == 0 && number == 0)
		MODEL_CHECK(world_complete(0, PEND_ACTION_BLOCK) == 0);
}

static void one_at_least(void)
{
	MODEL_CHECK(world_count(2, 0) + world_count(2, -ENOSPC) == 2 && world_count(2, 0) >= 1);
	MODEL_CHECK(world_live() == (world.results[1] == 0));
	world_finish();
}

static void empty_two(void)
{
	world_make(2, 0);
}

static void pend_one(uint32_t number)
{
	world.results[number] = world_pend(number, 0, 0, 0);
	MODEL_CHECK(world_live() <= 2);
}

static void two_of_three(void)
{
	MODEL_CHECK(world_count(3, 0) == 2 && world_count(3, -ENOSPC) == 1 && world_live() == 2);
	world_finish();
}

static void pend_complete(uint32_t number)
{
	world.results[number] = world_pend(number, 0, 0, 0);
	if (world.results[number] == 0)
		MODEL_CHECK(world_complete(number, PEND_ACTION_BLOCK) == 0);
}

/* Whatever became of them, the room is there. */
static void room_for_all(void)
{
	MODEL_CHECK(world_live() == 0);
	for (uint32_t i = 0; i < world.entries; i++)
		MODEL_CHECK(world_pend(8 + i, 0, 0, 0) == 0);
	MODEL_CHECK(world_pend(16, 0, 0, 0) == -ENOSPC);
	world_finish();
}

/* The same with bytes: room for two operations, and bytes for one. */
static void empty_two_bytes_for_one(void)
{
	world_make(2, WORLD_BYTES);
}

static void pend_any(uint32_t number)
{
	world.results[number] = world_pend(number, 0, 0, 0);
}

static void one_has_bytes(void)
{
	const uint32_t holder = world.results[0] ? 1 : 0;

	MODEL_CHECK(world_count(2, 0) == 1 && world_count(2, -EDQUOT) == 1);
	MODEL_CHECK(world_complete(holder, PEND_ACTION_BLOCK) == 0);
	MODEL_CHECK(world_pend(2, 0, 0, 0) == 0 && world_pend(3, 0, 0, 0) == -EDQUOT);
	world_finish();
}

static void full_one(void)
{
	world_make(1, 0);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
}

static void complete_or_pend(uint32_t number)
{
	if (number == 0)
		MODEL_CHECK(world_complete(0, PEND_ACTION_BLOCK) == 0);
	else
		world.results[1] = world_pend(1, 0, 0, 0);
}

static void either(void)
{
	MODEL_CHECK(world_live() == (world.results[1] == 0) && world.told == 1);
	MODEL_CHECK(world.results[1] == 0 || world_pend(2, 0, 0, 0) == 0);
	world_finish();
}

/* E: one that stops keeps one slot, and nobody from the other. */
static void others_went_on(void)
{
	if (!model_is_frozen(0)) {
		room_for_all();
		return;
	}
	MODEL_CHECK(world.results[1] == 0 && world.told_of[1] == 1);
	MODEL_CHECK(world_pend(8, 0, 0, 0) == 0);
}

/* ---- what readers see ---- */

static void recycle_or_read(uint32_t number)
{
	struct pend_info info;
	uint64_t value[4];

	if (number == 0) {
		MODEL_CHECK(world_complete(0, PEND_ACTION_BLOCK) == 0);
		MODEL_CHECK(world_pend(1, 0, 0, 0) == 0);
	} else if (pend_map_read(world.map, world.noted, &info, value) == 0) {
		MODEL_CHECK(value[0] == 0 && value[1] == 0 && value[2] == 0 && value[3] == 0);
		model_plain_read(&world.handles[0]);
		MODEL_CHECK(info.cookie == 0 && info.handle == world.noted);
	}
}

static void one_lives(void)
{
	MODEL_CHECK(world_live() == 1 && world.told == 1);
	world_finish();
}

/* ---- J: whoever is there during a whole scan is seen ---- */

static void two_there(void)
{
	world_make(3, 0);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
	MODEL_CHECK(world_pend(1, 0, 0, 0) == 0);
}

static uint32_t scan_one(struct pend_cursor *cursor, struct pend_info *info)
{
	const int found = pend_map_scan(world.map, cursor, info, NULL, 1);

	MODEL_CHECK(found >= 0);
	return (uint32_t)found;
}

static void scan_or_churn(uint32_t number)
{
	struct pend_cursor cursor = { 0 };
	struct pend_info info;

	if (number) {
		MODEL_CHECK(world_complete(0, PEND_ACTION_BLOCK) == 0);
		MODEL_CHECK(world_pend(2, 0, 0, 0) == 0);
		return;
	}
	while (scan_one(&cursor, &info)) {
		MODEL_CHECK(info.cookie <= 2);
		world.results[info.cookie]++;
	}
}

static void saw_who_stayed(void)
{
	MODEL_CHECK(world.results[1] == 1);
	MODEL_CHECK(world.results[0] <= 1 && world.results[2] <= 1);
	world_finish();
}

static const struct model_scenario scenarios[] = {
	{ .name = "map: two decide one operation",
	  .shows = "A X1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = one_operation,
	  .thread = decide,
	  .end = decided_once },
	{ .name = "map: three decide one operation",
	  .shows = "A X1",
	  .threads = 3,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = one_operation,
	  .thread = decide,
	  .end = decided_once },
	{ .name = "map: four decide one operation",
	  .shows = "A X1",
	  .threads = 4,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_operation,
	  .thread = decide,
	  .end = decided_once },
	{ .name = "map: a decision and a cancel",
	  .shows = "A X13",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = one_operation,
	  .thread = decide_or_cancel,
	  .end = decided_once },
	{ .name = "map: an old handle, the slot in use again",
	  .shows = "A SL1 X9",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_slot_used,
	  .thread = decide_stale,
	  .end = stale_did_nothing },
	{ .name = "map: two pend in one slot, one completes",
	  .shows = "D FR1 PK1",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = empty_one,
	  .thread = pend_and_complete,
	  .end = one_at_least },
	{ .name = "map: three pend in two slots",
	  .shows = "D FR2",
	  .threads = 3,
	  .bound = 3,
	  .begin = empty_two,
	  .thread = pend_one,
	  .end = two_of_three },
	{ .name = "map: two pend, bytes for one",
	  .shows = "D",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = empty_two_bytes_for_one,
	  .thread = pend_any,
	  .end = one_has_bytes },
	{ .name = "map: two pend and complete in one slot",
	  .shows = "D FR2 PK1",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = empty_one,
	  .thread = pend_complete,
	  .end = room_for_all },
	{ .name = "map: a pend after a completion in a full map",
	  .shows = "D FR2 PK1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = full_one,
	  .thread = complete_or_pend,
	  .end = either },
	{ .name = "map: one stops while two pend and complete",
	  .shows = "E D",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = empty_two,
	  .thread = pend_complete,
	  .end = others_went_on,
	  .freezes = 1 },
	{ .name = "map: a read while the slot is used again",
	  .shows = "SL2 X9",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = one_slot_used,
	  .thread = recycle_or_read,
	  .end = one_lives },
	{ .name = "map: a scan while others come and go",
	  .shows = "J SL2",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = two_there,
	  .thread = scan_or_churn,
	  .end = saw_who_stayed },
};

const struct model_group model_map = { "map", scenarios, sizeof(scenarios) / sizeof(scenarios[0]) };
