/* SPDX-License-Identifier: MIT */
/*
 * magazine.c - slots that go through a magazine: each has one owner at a time (FR1, ABA).
 *
 * Three slots on the stack. One thread takes two and puts the first back; others take one each.
 *
 * Weaker, and found: FR1.rel FR1.acq
 */
#include "tests/model/clients/library.h"

#include "engine/slot/pocket.c"
#include "engine/slot/pool.c"

enum { SLOTS = 3 };

static _Alignas(64) unsigned char memory[SLOTS * 64];
static const struct pendi_slab slab = { .base = memory, .count = SLOTS, .stride = 64 };
static struct pendi_pool pool;
static uint32_t owners[SLOTS]; /* plain: FR1 hands it over */

static uint32_t take(void)
{
	const uint32_t slot = pendi_magazine_pop(&pool, &pool.magazines[0]);

	if (slot != PENDI_SLOT_NONE)
		assert(owners[slot]++ == 0);
	return slot;
}

static void put(uint32_t slot)
{
	owners[slot]--;
	(void)pendi_magazine_push(&pool, &pool.magazines[0], slot, slot);
}

static void *take_two_put_one(void *number)
{
	(void)client_begin(number);

	const uint32_t first = take();

	(void)take();
	if (first != PENDI_SLOT_NONE)
		put(first);
	return NULL;
}

static void *take_one(void *number)
{
	(void)client_begin(number);
	(void)take();
	return NULL;
}

int main(void)
{
	assert(pendi_pool_init(&pool, &slab, 0, SLOTS, 1, NULL) == 0);
	CLIENT_START(1, take_two_put_one);
	CLIENT_START(2, take_one);
	CLIENT_JOIN(1);
	CLIENT_JOIN(2);

	uint32_t owned = 0;

	for (uint32_t slot = 0; slot < SLOTS; slot++)
		owned += owners[slot];
	assert(owned == 2);
	assert(take() != PENDI_SLOT_NONE && take() == PENDI_SLOT_NONE);
	return 0;
}
