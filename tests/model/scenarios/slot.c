/* SPDX-License-Identifier: MIT */
/*
 * slot.c - pools of free slots: pockets, magazines, and the proof that none is left.
 *
 * Oracles: a slot has one owner; a take is refused only if at some instant of it every slot was
 * taken, or being taken or put; and when all is quiet every slot that nobody has can be taken.
 */
#include "engine/slot/pool.h"
#include "platform/memory.h"
#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

enum { SLOTS = 4, MAGAZINES = 2, NOBODY = 0xff };

static struct {
	struct pendi_slab slab;
	struct pendi_pool pool;
	uint32_t count;
	uint32_t had[MODEL_THREADS][SLOTS]; /* what each thread has */
	uint32_t has[MODEL_THREADS + 1];    /* how many */
	uint8_t owner[SLOTS];
	uint32_t held; /* slots that are not free, or are being taken or put */
	uint32_t refused;
	/* The most that others held, since each thread's take began. */
	uint32_t most[MODEL_THREADS + 1];
	bool taking[MODEL_THREADS + 1];
} at;

static void hold(int32_t more)
{
	at.held += (uint32_t)more;
	for (uint32_t i = 0; i <= MODEL_THREADS; i++)
		if (at.most[i] < at.held - at.taking[i])
			at.most[i] = at.held - at.taking[i];
}

static void own(uint32_t slot)
{
	MODEL_CHECK(slot < at.count && at.owner[slot] == NOBODY);
	model_plain_write(&at.owner[slot]);
	at.owner[slot] = (uint8_t)model_self();
}

/* Takes a slot, or PENDI_SLOT_NONE. */
static uint32_t take(uint32_t magazine)
{
	const uint32_t self = model_self();
	uint32_t slot;

	at.most[self] = at.held;
	at.taking[self] = true;
	hold(1);
	slot = pendi_pool_take(&at.pool, magazine);
	at.taking[self] = false;
	if (slot == PENDI_SLOT_NONE) {
		if (!model_is_weak()) /* a check of what was when */
			MODEL_CHECK(at.most[self] >= at.count);
		at.held--;
		at.refused++;
	} else {
		own(slot);
	}
	return slot;
}

static void put(uint32_t magazine, uint32_t slot)
{
	if (slot == PENDI_SLOT_NONE)
		return;
	MODEL_CHECK(at.owner[slot] == model_self());
	model_plain_write(&at.owner[slot]); /* as who has it does with it */
	at.owner[slot] = NOBODY;
	pendi_pool_put(&at.pool, magazine, slot);
	at.held--;
}

static void keep(uint32_t slot)
{
	const uint32_t self = model_self();

	if (slot != PENDI_SLOT_NONE)
		at.had[self][at.has[self]++] = slot;
}

/* Every slot that nobody has can be taken, by anybody, and no other. */
static void all_there(void)
{
	uint32_t owned = 0, found = 0;

	for (uint32_t i = 0; i < at.count; i++)
		owned += at.owner[i] != NOBODY;
	for (uint32_t slot; (slot = pendi_pool_take(&at.pool, 0)) != PENDI_SLOT_NONE; found++)
		own(slot);
	MODEL_CHECK(owned + found == at.count);
}

static void make(uint32_t count, uint32_t magazines, bool pockets)
{
	const struct pendi_slab_shape shape = { .count = count, .value_size = 8 };

	at.count = count;
	for (uint32_t i = 0; i < SLOTS; i++)
		at.owner[i] = NOBODY;
	MODEL_CHECK(pendi_slab_init(&at.slab, &shape, &pendi_memory_default) == 0);
	MODEL_CHECK(pendi_pool_init(&at.pool, &at.slab, 0, count, magazines,
				    &pendi_memory_default) == 0);
	if (pockets)
		MODEL_CHECK(pendi_pool_add_pockets(&at.pool, &pendi_memory_default) == 0);
}

/* Main takes all, and hands them to thread 0. */
static void hand_all_to_first(void)
{
	for (uint32_t i = 0; i < at.count; i++) {
		at.had[0][at.has[0]++] = take(0);
		at.owner[at.had[0][i]] = 0;
	}
}

/* ---- magazines alone ---- */

static void two_in_one(void)
{
	make(2, 1, false);
}

static void one_in_two(void)
{
	make(1, MAGAZINES, false);
}

static void two_in_two(void)
{
	make(2, MAGAZINES, false);
}

/* ABA: what was read of a head that is popped, popped and pushed meanwhile. */
static void cycle_or_take(uint32_t number)
{
	if (number == 0) {
		const uint32_t first = take(0), second = take(0);

		put(0, first);
		keep(second);
	} else {
		keep(take(0));
	}
}

static void take_and_keep(uint32_t number)
{
	keep(take(number));
}

static void take_and_put(uint32_t number)
{
	put(number + 1, take(number));
}

static void one_got_it(void)
{
	MODEL_CHECK(at.has[0] + at.has[1] == 1 && at.refused == 1);
	all_there();
}

static void two_got_it(void)
{
	MODEL_CHECK(at.has[0] + at.has[1] + at.has[2] == 2 && at.refused == 1);
	all_there();
}

/* The slot wanders while another looks for it. */
static void wander_or_take(uint32_t number)
{
	if (number == 0)
		put(1, take(0));
	else
		keep(take(1));
}

static void take_put_or_take(uint32_t number)
{
	if (number == 2)
		keep(take(0));
	else
		put(number, take(number));
}

static void batch_or_take(uint32_t number)
{
	uint32_t slots[2], count;

	if (number) {
		put(0, take(0));
		return;
	}
	hold(2);
	count = pendi_pool_take_many(&at.pool, 0, slots, 2);
	for (uint32_t i = 0; i < count; i++)
		own(slots[i]);
	for (uint32_t i = 0; i < count; i++)
		at.owner[slots[i]] = NOBODY;
	if (count)
		pendi_pool_put_many(&at.pool, 0, slots, count);
	hold(-2);
}

/* ---- pockets ---- */

static void fill_pocket(void)
{
	make(2, 1, true);
	hand_all_to_first();
}

static void fill_pocket_portable(void)
{
	world_without_membarrier();
	fill_pocket();
}

static void one_for_pocket(void)
{
	make(1, 1, true);
	hand_all_to_first();
}

/* The owner takes the last but one unasked, and the last while a thief does. */
static void owner_or_thief(uint32_t number)
{
	if (number == 0) {
		put(0, at.had[0][0]);
		put(0, at.had[0][1]);
	}
	keep(take(0));
	if (number < 2)
		keep(take(0));
}

/* The ring of two comes round while a thief reads it. */
static void owner_comes_round(uint32_t number)
{
	if (number == 0) {
		put(0, at.had[0][0]);
		put(0, at.had[0][1]);
		put(0, take(0));
		put(0, take(0));
	} else {
		keep(take(0));
	}
}

static void put_or_take(uint32_t number)
{
	if (number == 0)
		put(0, at.had[0][0]);
	else
		keep(take(0));
}

/* The pool was full, with a membarrier, and is open again. */
static void one_for_pocket_again(void)
{
	one_for_pocket();
	MODEL_CHECK(take(0) == PENDI_SLOT_NONE);
	for (uint32_t i = 0; i < PENDI_SCARCE_PUSHES; i++) {
		at.owner[at.had[0][0]] = (uint8_t)model_self();
		put(0, at.had[0][0]);
		MODEL_CHECK(take(0) == at.had[0][0]);
	}
	at.owner[at.had[0][0]] = 0;
}

static void two_for_two(void)
{
	make(2, 1, true);
	hand_all_to_first();
	at.has[0] = 1;
	at.had[1][at.has[1]++] = at.had[0][1];
	at.owner[at.had[1][0]] = 1;
}

/* The second proof makes no membarrier, while a put goes on that saw the pool open. */
static void put_or_prove_twice(uint32_t number)
{
	if (number == 0) {
		put(0, at.had[0][--at.has[0]]);
		return;
	}
	keep(take(0));
	put(0, at.had[1][--at.has[1]]);
	keep(take(0));
	keep(take(0));
}

/* Two slots, for a take that is under way counts as if it had one. */
static void put_both_or_take(uint32_t number)
{
	if (number == 0) {
		put(0, at.had[0][0]);
		put(0, at.had[0][1]);
	} else {
		keep(take(0));
	}
}

static void put_take_or_take(uint32_t number)
{
	if (number == 0) {
		put(0, at.had[0][0]);
		put(0, take(0));
	} else {
		keep(take(0));
	}
}

/* E: whoever stops keeps what he has, and one that he is taking or putting. */
static void all_but_one_there(void)
{
	if (!model_is_frozen(0) && !model_is_frozen(1)) {
		all_there();
		return;
	}
	uint32_t owned = 0, found = 0;

	for (uint32_t i = 0; i < at.count; i++)
		owned += at.owner[i] != NOBODY;
	while (pendi_pool_take(&at.pool, 0) != PENDI_SLOT_NONE)
		found++;
	MODEL_CHECK(owned + found + 1 >= at.count && owned + found <= at.count);
}

static const struct model_scenario scenarios[] = {
	{ .name = "pool: two take the last slot",
	  .shows = "D FR1 FR2",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = one_in_two,
	  .thread = take_and_keep,
	  .end = one_got_it },
	{ .name = "pool: three take two slots",
	  .shows = "D FR1 FR2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = two_in_two,
	  .thread = take_and_keep,
	  .end = two_got_it },
	{ .name = "pool: a head comes back",
	  .shows = "D FR1 (ABA)",
	  .threads = 2,
	  .bound = 5,
	  .tso_bound = 3,
	  .begin = two_in_one,
	  .thread = cycle_or_take,
	  .end = all_there },
	{ .name = "pool: the only slot wanders",
	  .shows = "D FR2",
	  .threads = 2,
	  .bound = 5,
	  .tso_bound = 3,
	  .begin = one_in_two,
	  .thread = wander_or_take,
	  .end = all_there },
	{ .name = "pool: the only slot wanders, two look",
	  .shows = "D FR2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_in_two,
	  .thread = wander_or_take,
	  .end = all_there },
	{ .name = "pool: two take and put, one takes",
	  .shows = "D FR2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_in_two,
	  .thread = take_put_or_take,
	  .end = all_there },
	{ .name = "pool: three take and put one slot",
	  .shows = "D FR2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_in_two,
	  .thread = take_and_put,
	  .end = all_there },
	{ .name = "pool: many at once against one",
	  .shows = "D FR1",
	  .threads = 2,
	  .bound = 5,
	  .tso_bound = 3,
	  .begin = two_in_one,
	  .thread = batch_or_take,
	  .end = all_there },
	{ .name = "pocket: its owner and a thief",
	  .shows = "D PK1 PK2",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = fill_pocket,
	  .thread = owner_or_thief,
	  .end = all_there },
	{ .name = "pocket: the same, no membarrier",
	  .shows = "D PK1 PK2",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = fill_pocket_portable,
	  .thread = owner_or_thief,
	  .end = all_there },
	{ .name = "pocket: its owner and two thieves",
	  .shows = "D PK1",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = fill_pocket,
	  .thread = owner_or_thief,
	  .end = all_there },
	{ .name = "pocket: its ring comes round",
	  .shows = "D PK3",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = fill_pocket,
	  .thread = owner_comes_round,
	  .end = all_there },
	{ .name = "pocket: a put and a proof of none",
	  .shows = "D FR2",
	  .threads = 2,
	  .bound = 5,
	  .tso_bound = 3,
	  .begin = one_for_pocket,
	  .thread = put_or_take,
	  .end = all_there },
	{ .name = "pocket: full before, a put and a proof of none",
	  .shows = "D FR2 FR3",
	  .threads = 2,
	  .bound = 5,
	  .tso_bound = 3,
	  .begin = one_for_pocket_again,
	  .thread = put_or_take,
	  .end = all_there },
	{ .name = "pocket: a put, and two prove with one membarrier",
	  .shows = "D FR2 FR3",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = fill_pocket,
	  .thread = put_both_or_take,
	  .end = all_there },
	{ .name = "pocket: a put and two proofs, one membarrier",
	  .shows = "D FR2 FR3",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = two_for_two,
	  .thread = put_or_prove_twice,
	  .end = all_there },
	{ .name = "pocket: a put, a take and two proofs",
	  .shows = "D FR2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_for_pocket,
	  .thread = put_take_or_take,
	  .end = all_there },
	{ .name = "pool: one stops anywhere",
	  .shows = "E FR1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = two_in_one,
	  .thread = cycle_or_take,
	  .end = all_but_one_there,
	  .freezes = 1 },
	{ .name = "pocket: its owner stops anywhere",
	  .shows = "E PK1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = fill_pocket,
	  .thread = owner_or_thief,
	  .end = all_but_one_there,
	  .freezes = 1 },
	{ .name = "pocket: a thief stops anywhere",
	  .shows = "E PK1",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = fill_pocket,
	  .thread = put_take_or_take,
	  .end = all_but_one_there,
	  .freezes = 2 },
};

const struct model_group model_slot = { "slot", scenarios,
					sizeof(scenarios) / sizeof(scenarios[0]) };
