/* SPDX-License-Identifier: MIT */
/*
 * index.c - two insert one key: one of them has it, and a lookup finds that one (IX1, IX2).
 *
 * Checked with: --unroll=20
 */
#include "tests/model/clients/library.h"

#include "engine/index/bucket.c"
#include "engine/index/index.c"
#include "engine/index/insert.c"
#include "engine/slot/fill.h"

enum { KEY = 48, STRIDE = 64, SLOTS = 2 };

static _Alignas(64) unsigned char memory[SLOTS * STRIDE];
static const struct pendi_slab slab = { .base = memory,
					.count = SLOTS,
					.stride = STRIDE,
					.key_offset = KEY,
					.first_word = PENDI_WORD_GENERATION_ONE };
static const uint64_t key_bytes = 42;
static const struct pendi_key key = { &key_bytes, 0 };
static struct pendi_index index_of_keys;
static int results[SLOTS];

/* The keys of a client have the hash that it says. */
void pendi_hash_init(struct pendi_hash *hash, uint64_t seed)
{
	(void)hash;
	(void)seed;
}

static void *insert(void *number)
{
	const uint32_t slot = client_begin(number) - 1;
	struct pendi_slot *at = pendi_slab_slot(&slab, slot);

	pendi_slot_arm(&slab, at);
	pendi_slot_fill(pendi_slab_key(&slab, at), &key_bytes, sizeof(key_bytes));
	results[slot] = pendi_index_insert(&index_of_keys, slot, &key);
	if (results[slot] == 0)
		(void)pendi_slot_publish(at, false);
	else
		pendi_slot_disarm(at);
	return NULL;
}

int main(void)
{
	assert(pendi_index_init(&index_of_keys, &slab, SLOTS, sizeof(key_bytes), 1, NULL) == 0);
	CLIENT_START(1, insert);
	CLIENT_START(2, insert);
	CLIENT_JOIN(1);
	CLIENT_JOIN(2);
	assert((results[0] == 0) + (results[1] == 0) == 1);
	assert((results[0] == -EEXIST) + (results[1] == -EEXIST) == 1);

	const struct pendi_found found = pendi_index_find(&index_of_keys, &key);

	assert(found.slot < SLOTS && results[found.slot] == 0);
	return 0;
}
