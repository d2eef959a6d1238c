/* SPDX-License-Identifier: MIT */
/*
 * index.c - making the index, finding and removing keys. insert.c inserts; index.h explains.
 */
#include "engine/index/index.h"

#include <errno.h>

#include "platform/memory.h"

#define ENTRIES_PER_BUCKET 8u

/* Low bits that can hold @slots + 1 values, the 0 of an empty cell included. */
static uint32_t mask_for(uint32_t slots)
{
	return (uint32_t)((1ull << (32 - (uint32_t)__builtin_clz(slots))) - 1);
}

int pendi_index_init(struct pendi_index *index, const struct pendi_slab *slab, uint32_t entries,
		     uint32_t key_size, uint64_t seed, const struct pend_allocator *allocator)
{
	index->slab = slab;
	index->bucket_count = (entries + ENTRIES_PER_BUCKET - 1) / ENTRIES_PER_BUCKET;
	index->slot_mask = mask_for(slab->count);
	index->key_size = key_size;
	index->live_at_once = false;
	index->bytes = (size_t)index->bucket_count * sizeof(*index->buckets);
	index->buckets = pendi_memory_allocate(allocator, index->bytes, PENDI_CACHE_LINE);
	if (!index->buckets)
		return -ENOMEM;
	pendi_hash_init(&index->hash, seed);
	return 0;
}

void pendi_index_fini(struct pendi_index *index, const struct pend_allocator *allocator)
{
	pendi_memory_release(allocator, index->buckets, index->bytes);
	index->buckets = NULL;
}

/*
 * Whether the live slot of @cell holds @key: fills @found. The word is loaded again after the
 * key was compared: the same generation means that it was that generation's key.
 */
static bool check(const struct pendi_index *index, const struct pendi_key *key, uint32_t cell,
		  struct pendi_found *found)
{
	const uint32_t number = (cell & index->slot_mask) - 1;
	struct pendi_slot *slot = pendi_slab_slot(index->slab, number);
	/* [SL1.acq] Pairs with [SL1.rel] where the word was published: the operation as pended. */
	const uint64_t word = pendi_load_acquire(&slot->word, SL1);

	if (!pendi_word_is_live(word))
		return false;
	/* [SL2.acq] Pairs with [SL2.rel] in pendi_slot_fill(): if one of these words is a later
	 * operation's, the load below sees that the generation moved. */
	if (!pendi_equal_acquire(pendi_slab_key(index->slab, slot), key->bytes, index->key_size,
				 SL2))
		return false;
	/* [SL1.acq] Pairs with [SL1.rel] in pendi_slot_free(): if the slot has left its cell, the
	 * caller, who reads the cell again, sees who stands there now. It comes after the key by the
	 * acquire loads of that (SL2). */
	found->word = pendi_load_acquire(&slot->word, SL1);
	found->slot = number;
	found->cell = cell;
	return pendi_word_same_generation(found->word, word) && pendi_word_is_live(found->word);
}

/*
 * Whether the cell at @at leads to the live slot of @key: fills @found. If not, the cell is read
 * again: where an entry was replaced, the new slot stands there before the old one is freed, so a
 * key that is present throughout is not missed.
 */
static bool check_cell(const struct pendi_index *index, const struct pendi_key *key,
		       const _Atomic uint32_t *at, struct pendi_found *found)
{
	const uint32_t tag = (uint32_t)key->hash & ~index->slot_mask;
	/* [IX1.acq] Pairs with [IX1.rel] in pendi_bucket_take(), for the cell as it is now. */
	uint32_t cell = pendi_load_acquire(at, IX1), before;

	do {
		if (cell == PENDI_CELL_EMPTY || (cell & ~index->slot_mask) != tag)
			return false;
		if (PENDI_LIKELY(check(index, key, cell, found)))
			return true;
		before = cell;
		/* [IX1.acq] Pairs with [IX1.rel] in pendi_index_replace(). */
		cell = pendi_load_acquire(at, IX1);
	} while (cell != before);
	return false;
}

struct pendi_found pendi_index_find(const struct pendi_index *index, const struct pendi_key *key)
{
	const uint32_t home = pendi_index_home(index, key->hash);
	const uint32_t tag = (uint32_t)key->hash & ~index->slot_mask;
	struct pendi_found found = { .slot = PENDI_SLOT_NONE };
	uint32_t reach = 0, bucket = home;

	for (uint32_t distance = 0;; distance++) {
		const struct pendi_bucket *line = &index->buckets[bucket];
		/* [IX1.acq] Pairs with [IX1.rel] in pendi_bucket_take(); read again below. */
		uint32_t match = pendi_match16_acquire(line->cells, tag, ~index->slot_mask, IX1) &
				 PENDI_CELL_SET;

		for (; match; match &= match - 1) {
			const uint32_t place = (uint32_t)__builtin_ctz(match);

			if (PENDI_LIKELY(check_cell(index, key, &line->cells[place], &found))) {
				found.place = bucket * PENDI_CELLS + place;
				return found;
			}
		}
		/* [IX3.acq] Pairs with [IX3.rel] in pendi_bucket_reach_out(): a displaced key
		 * that was there when this call began is within the reach read here. */
		if (distance == 0)
			reach = pendi_home_reach(pendi_load_acquire(&line->home, IX3));
		if (PENDI_LIKELY(distance >= reach))
			break;
		bucket = bucket + 1 < index->bucket_count ? bucket + 1 : 0;
	}
	found.slot = PENDI_SLOT_NONE;
	return found;
}

uint32_t pendi_index_peek(const struct pendi_index *index, uint64_t hash)
{
	const struct pendi_bucket *line = &index->buckets[pendi_index_home(index, hash)];
	const uint32_t tag = (uint32_t)hash & ~index->slot_mask;
	/* [IX1.acq] Pairs with [IX1.rel] in pendi_bucket_take(); only a hint here. */
	const uint32_t match = pendi_match16_acquire(line->cells, tag, ~index->slot_mask, IX1) &
			       PENDI_CELL_SET;

	if (!match)
		return PENDI_SLOT_NONE;
	/* relaxed: the slot's number is only prefetched. */
	const uint32_t cell = pendi_load_relaxed(&line->cells[__builtin_ctz(match)]) &
			      index->slot_mask;

	return cell ? cell - 1 : PENDI_SLOT_NONE;
}

/* The home of a key that stands @displacement buckets behind it. */
static struct pendi_bucket *home_of(struct pendi_index *index, uint32_t bucket,
				    uint32_t displacement)
{
	return &index->buckets[bucket >= displacement
				       ? bucket - displacement
				       : bucket + index->bucket_count - displacement];
}

void pendi_index_remove(struct pendi_index *index, uint32_t slot)
{
	struct pendi_slot *at = pendi_slab_slot(index->slab, slot);
	/* relaxed, both: written by the thread that armed the slot; owning it orders them. */
	const uint32_t place = pendi_load_relaxed(&at->cell);
	const uint32_t displacement = pendi_load_relaxed(&at->displacement);

	/* [IX1.rel] Pairs with [IX1.acq] in pendi_index_find() and pendi_bucket_take(): who takes this cell
	 * or sees it empty also sees what happened to the operation before. */
	pendi_store_release(&index->buckets[place / PENDI_CELLS].cells[place % PENDI_CELLS],
			    PENDI_CELL_EMPTY, IX1);
	if (PENDI_UNLIKELY(displacement))
		pendi_bucket_draw_in(home_of(index, place / PENDI_CELLS, displacement));
}

bool pendi_index_replace(struct pendi_index *index, const struct pendi_found *found, uint32_t slot)
{
	struct pendi_slot *old = pendi_slab_slot(index->slab, found->slot);
	struct pendi_slot *new = pendi_slab_slot(index->slab, slot);
	uint32_t cell = found->cell;

	/* relaxed, all three: the new slot is ours until the CAS publishes it; the displacement
	 * of a place is the same for every slot that stands there under that key. */
	pendi_store_relaxed(&new->displacement, pendi_load_relaxed(&old->displacement));
	pendi_store_relaxed(&new->cell, found->place);
	/*
	 * [IX1.acq] Pairs with [IX1.rel] of whoever set this cell: the old slot is ours as its
	 * owner left it. [IX1.rel] Pairs with [IX1.acq] in pendi_index_find(): the new slot's
	 * key, value and word.
	 */
	return pendi_cas_acq_rel(
		&index->buckets[found->place / PENDI_CELLS].cells[found->place % PENDI_CELLS],
		&cell, (cell & ~index->slot_mask) | (slot + 1), IX1, IX1);
}

bool pendi_index_erase(struct pendi_index *index, const struct pendi_found *found)
{
	struct pendi_slot *slot = pendi_slab_slot(index->slab, found->slot);
	/* relaxed: written before the cell was set, which the finder acquired. */
	const uint32_t displacement = pendi_load_relaxed(&slot->displacement);
	uint32_t cell = found->cell;

	/* [IX1.acq] [IX1.rel] As in pendi_index_replace(). */
	if (!pendi_cas_acq_rel(
		    &index->buckets[found->place / PENDI_CELLS].cells[found->place % PENDI_CELLS],
		    &cell, PENDI_CELL_EMPTY, IX1, IX1))
		return false;
	if (PENDI_UNLIKELY(displacement))
		pendi_bucket_draw_in(home_of(index, found->place / PENDI_CELLS, displacement));
	return true;
}
