/* SPDX-License-Identifier: MIT */
/*
 * test_between.c - two insert, and the second comes between any two accesses of the first
 * (tests/support/between.h).
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "engine/index/index.h"
#include "engine/slot/fill.h"
#include "tests/support/between.h"

enum { SLOTS = 18, CELLS = PENDI_CELLS - PENDI_CELL_FIRST, NEWCOMER = SLOTS - 1 };

/* Two buckets. */
static struct {
	struct pendi_slab slab;
	struct pendi_index index;
	uint64_t keys[2][CELLS + 1]; /* so many of each home */
} two;

static void begin(void)
{
	const struct pendi_slab_shape shape = { .count = SLOTS, .key_size = 8 };
	uint32_t counts[2] = { 0, 0 };

	(void)pendi_thread_number();
	cr_assert_eq(pendi_slab_init(&two.slab, &shape, NULL), 0);
	cr_assert_eq(pendi_index_init(&two.index, &two.slab, 16, 8, 42, NULL), 0);
	cr_assert_eq(two.index.bucket_count, 2);
	for (uint64_t key = 0; counts[0] + counts[1] < 2 * (CELLS + 1); key++) {
		const uint32_t home =
			pendi_index_home(&two.index, pendi_index_key(&two.index, &key).hash);

		cr_assert_lt(key, 1000);
		if (counts[home] < CELLS + 1)
			two.keys[home][counts[home]++] = key;
	}
}

static void end(void)
{
	pendi_index_fini(&two.index, NULL);
	pendi_slab_fini(&two.slab, NULL);
}

TestSuite(index_between, .init = begin, .fini = end);

static int insert(uint32_t slot, uint64_t number)
{
	struct pendi_slot *at = pendi_slab_slot(&two.slab, slot);
	const struct pendi_key key = pendi_index_key(&two.index, &number);
	int result;

	pendi_slot_arm(&two.slab, at);
	pendi_slot_fill(pendi_slab_key(&two.slab, at), &number, sizeof(number));
	result = pendi_index_insert(&two.index, slot, &key);
	if (result)
		pendi_slot_disarm(at);
	else
		(void)pendi_slot_publish(at, false);
	return result;
}

static void finish(uint32_t slot)
{
	struct pendi_slot *at = pendi_slab_slot(&two.slab, slot);
	/* relaxed, both: one thread at a time. */
	const uint64_t word = pendi_load_relaxed(&at->word);
	const struct pendi_step step = pendi_word_complete(word, word, 1, 0);

	pendi_store_relaxed(&at->word, step.word);
	pendi_index_remove(&two.index, slot);
	pendi_slot_free(at, step.word);
}

static uint32_t find(uint64_t number)
{
	const struct pendi_key key = pendi_index_key(&two.index, &number);

	return pendi_index_find(&two.index, &key).slot;
}

/* The cells that were taken come free, and as many of the other home are taken. */
static void *moves_house(void *argument)
{
	(void)argument;
	for (uint32_t slot = 0; slot < CELLS; slot++)
		finish(slot);
	for (uint32_t slot = 0; slot < CELLS; slot++)
		if (insert(slot, two.keys[1][slot]))
			abort();
	return NULL;
}

static uint64_t home_word(uint32_t bucket)
{
	/* relaxed: one thread. */
	return pendi_load_relaxed(&two.index.buckets[bucket].home);
}

/* A key whose home was full, and then the next bucket, which is the last, finds room where it began. */
Test(index_between, room_comes_free_behind)
{
	uint32_t round_about = 0;

	for (uint32_t at = 0;; at++) {
		const uint64_t number = two.keys[0][CELLS];
		bool acted;

		for (uint32_t slot = 0; slot < CELLS; slot++)
			cr_assert_eq(insert(slot, two.keys[0][slot]), 0);
		cr_assert_eq(home_word(0), 0, "all stand at home");
		(void)between_begin(at, moves_house, NULL);
		cr_assert_eq(insert(NEWCOMER, number), 0);
		acted = between_end();
		cr_assert_eq(find(number), NEWCOMER);
		for (uint32_t slot = 0; slot < CELLS; slot++)
			cr_assert_eq(find(two.keys[acted][slot]), slot);
		/* relaxed: one thread. */
		round_about += acted &&
			       pendi_load_relaxed(&pendi_slab_slot(&two.slab, NEWCOMER)->cell) <
				       PENDI_CELLS;
		finish(NEWCOMER);
		for (uint32_t slot = 0; slot < CELLS; slot++)
			finish(slot);
		cr_assert_eq(home_word(0), 0, "nobody is out any more");
		cr_assert_eq(home_word(1), 0);
		if (!acted)
			break;
	}
	cr_assert_gt(round_about, 0);
}

static int other_result;

static void *inserts_too(void *number)
{
	other_result = insert(0, *(const uint64_t *)number);
	return NULL;
}

/* Of two that insert a key one does. */
Test(index_between, one_has_the_key)
{
	for (uint32_t at = 0;; at++) {
		uint64_t number = two.keys[0][0];
		int result;
		bool acted;

		other_result = -EEXIST;
		(void)between_begin(at, inserts_too, &number);
		result = insert(NEWCOMER, number);
		acted = between_end();
		cr_assert_eq(result + other_result, -EEXIST);
		cr_assert(result == 0 || other_result == 0);
		cr_assert_eq(find(number), result ? 0 : NEWCOMER);
		finish(result ? 0 : NEWCOMER);
		if (!acted)
			break;
	}
}
