/* SPDX-License-Identifier: MIT */
/*
 * full.c - a pool that runs dry says so only when it is true, and not for ever (FR2, guarantee D).
 *
 * One slot, in the hands of the first thread, which puts it back, into its pocket or a magazine. The
 * second wants one. A refusal after the put had returned would be wrong; and afterwards there is one.
 *
 * Weaker, and found: FR1.rel FR1.acq FR2.sc PK1.sc PK2.rel
 */
#include "tests/model/clients/library.h"

#include "engine/slot/pocket.c"
#include "engine/slot/pool.c"

#ifndef CLIENT_POCKETS
#define CLIENT_POCKETS 1
#endif

static _Alignas(64) unsigned char memory[64];
static const struct pendi_slab slab = { .base = memory, .count = 1, .stride = 64 };
static struct pendi_pool pool;
static uint32_t owners; /* plain */

static void *put(void *number)
{
	(void)client_begin(number);
	owners--;
	pendi_pool_put(&pool, 0, 0);
	return NULL;
}

static void *take(void *number)
{
	(void)client_begin(number);
	if (pendi_pool_take(&pool, 0) != PENDI_SLOT_NONE)
		assert(owners++ == 0);
	return NULL;
}

int main(void)
{
	assert(pendi_pool_init(&pool, &slab, 0, 1, 1, NULL) == 0);
#if CLIENT_POCKETS
	assert(pendi_pool_add_pockets(&pool, NULL) == 0);
#endif
	pendi_thread_self = 3;
	assert(pendi_pool_take(&pool, 0) == 0);
	owners = 1;
	CLIENT_START(1, put);
	CLIENT_START(2, take);
	CLIENT_JOIN(1);
	CLIENT_JOIN(2);
	/* Whoever asks now gets it, if the second did not. */
	assert((pendi_pool_take(&pool, 0) == PENDI_SLOT_NONE) == (owners == 1));
	return 0;
}
