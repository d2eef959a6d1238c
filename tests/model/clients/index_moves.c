/* SPDX-License-Identifier: MIT */
/*
 * index_moves.c - a key leaves one slot and comes back in another while it is looked up (IX1, SL2).
 *
 * The lookup finds the first operation, the second, or none; never a slot without the key.
 *
 * Weaker, and found: SL1.acq
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
static const uint64_t key_bytes = 42, other_bytes = 43;
static const struct pendi_key key = { &key_bytes, 0 }, other = { &other_bytes, 0 };
static struct pendi_index index_of_keys;

void pendi_hash_init(struct pendi_hash *hash, uint64_t seed)
{
	(void)hash;
	(void)seed;
}

static void pend(uint32_t slot, const struct pendi_key *wanted)
{
	struct pendi_slot *at = pendi_slab_slot(&slab, slot);

	pendi_slot_arm(&slab, at);
	pendi_slot_fill(pendi_slab_key(&slab, at), wanted->bytes, sizeof(key_bytes));
	assert(pendi_index_insert(&index_of_keys, slot, wanted) == 0);
	(void)pendi_slot_publish(at, false);
}

/* The slot of the first key is used again, for another one of the same hash. */
static void *recycle(void *number)
{
	struct pendi_slot *at = pendi_slab_slot(&slab, 0);

	(void)client_begin(number);
	/* relaxed: nobody else decides it. */
	const uint64_t word = pendi_load_relaxed(&at->word);

	pendi_index_remove(&index_of_keys, 0);
	pendi_slot_free(at, pendi_word_complete(word, word, 1, 0).word);
	pend(0, &other);
	return NULL;
}

static void *look_up(void *number)
{
	(void)client_begin(number);

	const struct pendi_found found = pendi_index_find(&index_of_keys, &key);

	/* It was there with the first generation, and only then. */
	assert(found.slot == PENDI_SLOT_NONE ||
	       (found.slot == 0 &&
		pendi_word_same_generation(found.word, PENDI_WORD_GENERATION_ONE)));
	return NULL;
}

int main(void)
{
	assert(pendi_index_init(&index_of_keys, &slab, SLOTS, sizeof(key_bytes), 1, NULL) == 0);
	pend(0, &key);
	CLIENT_START(1, recycle);
	CLIENT_START(2, look_up);
	CLIENT_JOIN(1);
	CLIENT_JOIN(2);
	assert(pendi_index_find(&index_of_keys, &key).slot == PENDI_SLOT_NONE);
	assert(pendi_index_find(&index_of_keys, &other).slot == 0);
	return 0;
}
