/* SPDX-License-Identifier: MIT */
/*
 * contest.c - the index by itself: slots of their own contend for one key.
 *
 * Fewer accesses than a pend makes, so that three contenders and store buffers can be tried.
 */
#include <errno.h>

#include "engine/index/index.h"
#include "engine/slot/fill.h"
#include "platform/memory.h"
#include "tests/model/scenarios/scenarios.h"

enum { CONTENDERS = 3, SEED = 7 };

static const uint64_t the_key = 42;

static struct {
	struct pendi_slab slab;
	struct pendi_index index;
	int results[MODEL_THREADS];
} at;

static void arm(uint32_t slot)
{
	struct pendi_slot *it = pendi_slab_slot(&at.slab, slot);

	pendi_slot_arm(&at.slab, it);
	pendi_slot_fill(pendi_slab_key(&at.slab, it), &the_key, sizeof(the_key));
}

static struct pendi_key key(void)
{
	return pendi_index_key(&at.index, &the_key);
}

static void make(void)
{
	const struct pendi_slab_shape shape = { .count = CONTENDERS, .key_size = 8 };

	MODEL_CHECK(pendi_slab_init(&at.slab, &shape, &pendi_memory_default) == 0);
	MODEL_CHECK(pendi_index_init(&at.index, &at.slab, CONTENDERS, 8, SEED,
				     &pendi_memory_default) == 0);
	for (uint32_t i = 0; i < CONTENDERS; i++)
		arm(i);
}

static void make_live_at_once(void)
{
	make();
	at.index.live_at_once = true;
}

static void publish(uint32_t slot)
{
	if (!at.index.live_at_once)
		(void)pendi_slot_publish(pendi_slab_slot(&at.slab, slot), false);
}

/* The first slot holds the key. */
static void held(void)
{
	make();

	const struct pendi_key wanted = key();

	MODEL_CHECK(pendi_index_insert(&at.index, 0, &wanted) == 0);
	publish(0);
}

static void contend(uint32_t number)
{
	const struct pendi_key wanted = key();

	at.results[number] = pendi_index_insert(&at.index, number, &wanted);
	if (at.results[number] == 0)
		publish(number);
}

static void one_won(void)
{
	const struct pendi_key wanted = key();
	uint32_t winner = PENDI_SLOT_NONE;

	for (uint32_t i = 0; i < model_threads(); i++) {
		MODEL_CHECK(at.results[i] == 0 || at.results[i] == -EEXIST);
		if (at.results[i])
			continue;
		MODEL_CHECK(winner == PENDI_SLOT_NONE);
		winner = i;
	}
	MODEL_CHECK(winner != PENDI_SLOT_NONE);
	MODEL_CHECK(pendi_index_find(&at.index, &wanted).slot == winner);
}

/* Who stops is not waited for: the others come to an end, and one of them at most has the key. */
static void one_at_most(void)
{
	if (!model_is_frozen(0)) {
		one_won();
		return;
	}
	MODEL_CHECK(at.results[1] != 0 || at.results[2] != 0 || model_threads() == 2);
}

static void leave_or_contend(uint32_t number)
{
	if (number)
		contend(number);
	else
		pendi_index_remove(&at.index, 0);
}

/* The holder leaves: one at most of the others has it, and is found. */
static void one_or_none(void)
{
	const struct pendi_key wanted = key();
	uint32_t winner = PENDI_SLOT_NONE;

	for (uint32_t i = 1; i < model_threads(); i++) {
		if (at.results[i] == 0) {
			MODEL_CHECK(winner == PENDI_SLOT_NONE);
			winner = i;
		}
	}
	MODEL_CHECK(pendi_index_find(&at.index, &wanted).slot == winner);
}

static void contend_or_find(uint32_t number)
{
	const struct pendi_key wanted = key();

	if (number < 2)
		contend(number);
	else
		at.results[2] = (int)pendi_index_find(&at.index, &wanted).slot;
}

static void found_the_winner(void)
{
	MODEL_CHECK((at.results[0] == 0) != (at.results[1] == 0));
	MODEL_CHECK(at.results[2] == (int)PENDI_SLOT_NONE || at.results[at.results[2]] == 0);
}

static const struct model_scenario scenarios[] = {
	{ .name = "contest: two for one key",
	  .shows = "IX2 SL1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = make,
	  .thread = contend,
	  .end = one_won },
	{ .name = "contest: three for one key",
	  .shows = "IX2 SL1",
	  .threads = 3,
	  .bound = 3,
	  .begin = make,
	  .thread = contend,
	  .end = one_won },
	{ .name = "contest: three for one key, live at once",
	  .shows = "IX2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make_live_at_once,
	  .thread = contend,
	  .end = one_won },
	{ .name = "contest: one of three stops",
	  .shows = "E IX2",
	  .threads = 3,
	  .bound = 3,
	  .begin = make,
	  .thread = contend,
	  .end = one_at_most,
	  .freezes = 1 },
	{ .name = "contest: the holder leaves, two come",
	  .shows = "IX1 IX2 X5",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = held,
	  .thread = leave_or_contend,
	  .end = one_or_none },
	{ .name = "contest: two come, one looks",
	  .shows = "IX1 IX2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make_live_at_once,
	  .thread = contend_or_find,
	  .end = found_the_winner },
};

const struct model_group model_contest = { "contest", scenarios,
					   sizeof(scenarios) / sizeof(scenarios[0]) };
