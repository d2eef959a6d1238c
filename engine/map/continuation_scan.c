/* SPDX-License-Identifier: MIT */
/*
 * continuation_scan.c - from one key of a continuation map to the next.
 *
 * The order is that of the keys' hashes, and of their bytes where those are equal, so a key's place
 * in it is its own, whether it is present or not. Keys of one home bucket follow each other: a step
 * looks at those of the last key's home for the lowest one above it, then at the next homes.
 *
 *	home 0            home 1                       ...
 *	| k3 < k9 < k2 |  | k7 < ... (also displaced) |
 *
 * So a key that is present during a whole walk is met exactly once, whatever comes and goes
 * meanwhile, the keys that the walk stands on included (guarantee J): it stays in its cell, also
 * when its value is replaced, and its home says how far away it may be.
 *
 * Edges: IX1, IX3, SL1, SL2, as in engine/index/. Progress: lock-free; a cell is looked at again
 * only because its key was replaced.
 */
#include <string.h>

#include "engine/map/continuation_internal.h"

/* The lowest key found so far, of one home. */
struct scan_step {
	const struct pendi_key *after; /* it is above this one; NULL: whichever */
	uint32_t home;
	bool found;
	uint64_t hash;
	unsigned char key[PEND_KEY_SIZE_MAX];
};

/* What one look at a cell found. */
enum place_state { PLACE_EMPTY, PLACE_TAKEN, PLACE_MOVED };

/*
 * One look at a cell: copies the key that stands in it. Cell, word, key, then the cell again: if it
 * did not change, the slot stood there with that key when its word was read, for a slot leaves its
 * cell before it is used for another key; and inside an epoch one that was live is not used again.
 */
static enum place_state look_at_place(const struct pend_continuation *map,
				      const _Atomic uint32_t *at, void *key)
{
	/* [IX1.acq] Pairs with [IX1.rel] in pendi_bucket_take() and pendi_index_replace(). */
	const uint32_t cell = pendi_load_acquire(at, IX1);
	struct pendi_slot *slot;
	bool live;

	if (cell == PENDI_CELL_EMPTY)
		return PLACE_EMPTY;
	slot = pendi_continuation_slot(map, (cell & map->index.slot_mask) - 1);
	/* [SL1.acq] Pairs with [SL1.rel] in pendi_slot_publish() and pendi_slot_arm(). */
	live = pendi_word_is_live(pendi_load_acquire(&slot->word, SL1));
	if (live)
		pendi_slot_copy(key, pendi_slab_key(&map->recycler.slab, slot), map->key_size);
	/* [IX1.acq] Pairs with [IX1.rel] in pendi_index_replace(): where a slot was freed because
	 * its key was replaced, the cell is seen to have moved on. */
	if (pendi_load_acquire(at, IX1) != cell)
		return PLACE_MOVED;
	return live ? PLACE_TAKEN : PLACE_EMPTY;
}

/* Whether @key, of @hash, comes behind @other, of @other_hash. */
static bool is_behind(const struct pend_continuation *map, const void *key, uint64_t hash,
		      const void *other, uint64_t other_hash)
{
	return hash != other_hash ? hash > other_hash : memcmp(key, other, map->key_size) > 0;
}

/* The key is what the step looks for, as far as was seen. */
static void consider_key(const struct pend_continuation *map, struct scan_step *step,
			 const void *key)
{
	const uint64_t hash = pendi_index_key(&map->index, key).hash;

	if (pendi_index_home(&map->index, hash) != step->home)
		return;
	if (step->after && !is_behind(map, key, hash, step->after->bytes, step->after->hash))
		return;
	if (step->found && !is_behind(map, step->key, step->hash, key, hash))
		return;
	step->found = true;
	step->hash = hash;
	memcpy(step->key, key, map->key_size);
}

static void scan_bucket(const struct pend_continuation *map, const struct pendi_bucket *line,
			struct scan_step *step)
{
	unsigned char key[PEND_KEY_SIZE_MAX];

	for (uint32_t cell = PENDI_CELL_FIRST; cell < PENDI_CELLS; cell++) {
		enum place_state state;

		do
			state = look_at_place(map, &line->cells[cell], key);
		while (state == PLACE_MOVED);
		if (state == PLACE_TAKEN)
			consider_key(map, step, key);
	}
}

/* All keys of the step's home, wherever they stand. */
static void scan_home(const struct pend_continuation *map, struct scan_step *step)
{
	const struct pendi_index *index = &map->index;
	/* [IX3.acq] Pairs with [IX3.rel] in pendi_bucket_reach_out(): a displaced key that was
	 * there before this is within the reach read here. */
	const uint32_t reach =
		pendi_home_reach(pendi_load_acquire(&index->buckets[step->home].home, IX3));
	uint32_t bucket = step->home;

	for (uint32_t distance = 0; distance <= reach; distance++) {
		scan_bucket(map, &index->buckets[bucket], step);
		bucket = bucket + 1 < index->bucket_count ? bucket + 1 : 0;
	}
}

bool pendi_continuation_next(const struct pend_continuation *map, const struct pendi_key *after,
			     void *next)
{
	struct scan_step step = { .after = after };

	step.home = after ? pendi_index_home(&map->index, after->hash) : 0;
	for (; step.home < map->index.bucket_count; step.home++) {
		scan_home(map, &step);
		if (step.found) {
			memcpy(next, step.key, map->key_size);
			return true;
		}
		step.after = NULL;
	}
	return false;
}
