/* SPDX-License-Identifier: MIT */
/*
 * index.h - from a key to its slot: a hash table of cache-line buckets, built once, lock-free.
 *
 * A key's hash names its home bucket and a tag. The key stands in one cell, in its home bucket or,
 * when that was full, in one of the next buckets; it never moves. There is no other memory: with
 * eight slots to a bucket of fourteen cells an empty cell always exists, so inserting cannot run
 * out, and a table costs 8 bytes for each entry.
 *
 * Displaced keys are governed by the home bucket: before a key takes a cell `d` buckets on, its
 * home says that there is one more displaced and that the reach is at least `d`. So a lookup
 * scans the home and as far as the home says, which is nearly always nothing.
 *
 * Who may have a key (unique insert, with no lock and no waiting). An insert announces itself: the
 * slot's word goes to CONTEST and the cell is set. Then, and only then (IX2, a store-load fence
 * between the two), it scans for other cells of the same key. Of two that want one key, the one
 * that announced later is bound to see the other. What it sees decides:
 *
 *	a holder (ARMING, PENDING, RERUN, COMPLETING)	the key is taken: -EEXIST
 *	contenders (CONTEST)	the one whose cell comes first, counted from the home, shall have it:
 *				those behind it are set to LOST, then it is set to ARMING
 *
 * Both are compare-and-swaps on the contenders' words, so anybody may do them for anybody, and a
 * contender that stalls is settled by whoever comes next (guarantee E). A contender that finds
 * itself LOST withdraws its cell and tries again, with a new generation so that no one mistakes
 * the two attempts; it fails only if it sees a holder. The first contender can be kept from the key
 * only by a holder, so of those that contend one gets on: the system moves.
 *
 * Uniqueness, proved: say that A and B hold one key at once. Each was set from CONTEST to ARMING
 * by a settler that scanned after the cell of the one it settled was set. Take the one whose cell
 * was set later, B. The scan that settled B saw A's cell. A was a holder then, and B would not
 * have been settled; or a contender, and it was set to LOST first, or B would not have been set.
 * Or A was FREE, ARMING before its announcement: then its cell was not yet set, and B's not later.
 *
 * In the continuation map there is nothing between getting a key and being found, so there a
 * settler sets CONTEST to PENDING (live_at_once): an insert that met a holder can find it.
 *
 * Linearization points: insert, the CAS CONTEST -> ARMING, or the load that saw the holder; remove,
 * the store that empties the cell; find, the last load of the slot's word, or for a miss an instant
 * of the scan.
 *
 * Removing is for the slot's owner alone (whoever won its completion), so it is one store, and one
 * CAS more if the key was displaced. Replacing and erasing by CAS on the cell are for the
 * continuation map, where nobody owns an entry (see continuation.c); its readers are inside an
 * epoch, so a cell never returns to a value it had while they look.
 *
 * Edges: IX1 cell set ==> cell read; IX2 announce before scan; IX3 home word.
 * Progress: find and insert lock-free, remove wait-free if not displaced, else lock-free.
 */
#ifndef PENDI_ENGINE_INDEX_INDEX_H
#define PENDI_ENGINE_INDEX_INDEX_H

#include <stdint.h>

#include <pendmap/allocator.h>

#include "engine/index/bucket.h"
#include "engine/index/hash.h"
#include "engine/slot/slab.h"

struct pendi_index {
	struct pendi_bucket *buckets;
	const struct pendi_slab *slab;
	uint32_t bucket_count;
	uint32_t slot_mask; /* of a cell: slot + 1 */
	uint32_t key_size;  /* bytes */
	bool live_at_once;  /* a slot that gets its key is PENDING, not ARMING */
	size_t bytes;
	struct pendi_hash hash;
};

/* How many keys a batch looks for at once: as many misses as a core keeps in flight. */
#define PENDI_GROUP 16u

/* A key as callers hand it around. */
struct pendi_key {
	const void *bytes;
	uint64_t hash;
};

/* Where a key was found. */
struct pendi_found {
	uint32_t slot;  /* PENDI_SLOT_NONE: nowhere */
	uint32_t place; /* bucket * 16 + cell */
	uint32_t cell;  /* the cell's value */
	uint64_t word;  /* the slot's word: live, and of the generation whose key was compared */
};

/* An index for at most @entries keys at once. 0 or -ENOMEM. */
int pendi_index_init(struct pendi_index *index, const struct pendi_slab *slab, uint32_t entries,
		     uint32_t key_size, uint64_t seed, const struct pend_allocator *allocator);

void pendi_index_fini(struct pendi_index *index, const struct pend_allocator *allocator);

PENDI_ALWAYS_INLINE struct pendi_key pendi_index_key(const struct pendi_index *index,
						     const void *bytes)
{
	return (struct pendi_key){ bytes, pendi_hash_key(&index->hash, bytes, index->key_size) };
}

/* The home bucket of a hash: its high half scaled to the number of buckets. */
PENDI_ALWAYS_INLINE uint32_t pendi_index_home(const struct pendi_index *index, uint64_t hash)
{
	return (uint32_t)(((hash >> 32) * index->bucket_count) >> 32);
}

/* Fetches the home bucket of a key that will be inserted or removed. */
PENDI_ALWAYS_INLINE void pendi_index_prefetch(const struct pendi_index *index, uint64_t hash)
{
	pendi_prefetch_write(&index->buckets[pendi_index_home(index, hash)]);
}

/* The same for one that is only looked up: the line may stay with who wrote it. */
PENDI_ALWAYS_INLINE void pendi_index_prefetch_read(const struct pendi_index *index, uint64_t hash)
{
	pendi_prefetch_read(&index->buckets[pendi_index_home(index, hash)]);
}

/* Fetches the bucket in which @slot stands. Only who owns the slot. */
PENDI_ALWAYS_INLINE void pendi_index_prefetch_place(const struct pendi_index *index, uint32_t slot)
{
	/* relaxed: the owner has it ordered. */
	const uint32_t place = pendi_load_relaxed(&pendi_slab_slot(index->slab, slot)->cell);

	pendi_prefetch_write(&index->buckets[place / PENDI_CELLS]);
}

/*
 * Gives the key to the slot, whose word is ARMING and owned by the caller, and which contains the
 * key. 0: the slot holds the key; if live_at_once it is not the caller's any more. -EEXIST: at some
 * instant of the call another one held the key; the slot is ARMING and holds nothing. The slot's generation may have moved either way.
 */
int pendi_index_insert(struct pendi_index *index, uint32_t slot, const struct pendi_key *key);

/* Takes the key from the slot. Only who owns the slot, which holds its key. */
void pendi_index_remove(struct pendi_index *index, uint32_t slot);

/* The live slot (PENDING or RERUN) of @key. */
struct pendi_found pendi_index_find(const struct pendi_index *index, const struct pendi_key *key);

/* The slot whose cell in the home bucket has the key's tag, unvalidated, for prefetching; or
 * PENDI_SLOT_NONE. */
uint32_t pendi_index_peek(const struct pendi_index *index, uint64_t hash);

/*
 * Puts @slot, whose word is PENDING and which contains the same key, in the place of @found. True
 * if that was still there: then the caller owns the old slot. Only inside an epoch.
 */
bool pendi_index_replace(struct pendi_index *index, const struct pendi_found *found, uint32_t slot);

/* Empties the place of @found. True if that was still there: then the caller owns the slot. Only
 * inside an epoch. */
bool pendi_index_erase(struct pendi_index *index, const struct pendi_found *found);

#endif
