/* SPDX-License-Identifier: MIT */
/*
 * pocket.c - an owner and a thief at a pocket: each slot is taken once (PK1, PK2, PK3).
 *
 * The owner has put two slots and takes two; the thief takes one. What the owner wrote into a slot
 * before it was put is plain memory: who takes the slot reads it.
 *
 * Weaker, and found: PK1.sc PK2.rel PK2.acq
 */
#include "tests/model/clients/library.h"

#include "engine/slot/pocket.c"

static struct pendi_pocket pocket;
static uint32_t left[2]; /* plain: PK2 hands it over */
static uint32_t taken[2][2];

static void take(uint32_t slot, uint32_t who)
{
	if (slot == PENDI_SLOT_NONE)
		return;
	assert(left[slot] == slot + 7);
	taken[who][slot]++;
}

static void *owner(void *number)
{
	(void)client_begin(number);
	for (uint32_t slot = 0; slot < 2; slot++) {
		left[slot] = slot + 7;
		assert(pendi_pocket_put(&pocket, slot));
	}
	take(pendi_pocket_take(&pocket, 0, true), 0);
	take(pendi_pocket_take(&pocket, 0, true), 0);
	return NULL;
}

static void *thief(void *number)
{
	(void)client_begin(number);
	take(pendi_pocket_steal(&pocket, true), 1);
	return NULL;
}

int main(void)
{
	CLIENT_START(1, owner);
	CLIENT_START(2, thief);
	CLIENT_JOIN(1);
	CLIENT_JOIN(2);
	for (uint32_t slot = 0; slot < 2; slot++)
		assert(taken[0][slot] + taken[1][slot] == 1);
	return 0;
}
