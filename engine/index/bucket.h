/* SPDX-License-Identifier: MIT */
/*
 * bucket.h - the cache line that holds fourteen cells of the index.
 *
 *	0                       8                                                    64
 *	| displaced 32|reach 32 | cell 2 | cell 3 | ...                     | cell 15 |
 *
 * A cell is {tag | slot + 1}; 0 is empty. The low index->slot_bits bits are the slot, the rest is
 * a tag from the key's hash, so that a scan of the line rarely looks at a slot in vain. Cells are
 * numbered 2 to 15, by their place in the line.
 *
 * The first word belongs to the keys whose home this bucket is: how many of them stand in other
 * buckets (displaced), and how many buckets further on the farthest may be (reach).
 */
#ifndef PENDI_ENGINE_INDEX_BUCKET_H
#define PENDI_ENGINE_INDEX_BUCKET_H

#include <stdint.h>

#include "platform/atomic.h"

#define PENDI_CELLS 16u
#define PENDI_CELL_FIRST 2u
#define PENDI_CELL_SET 0xfffcu /* bits of the cells in what pendi_match16 returns */
#define PENDI_CELL_EMPTY 0u

struct pendi_bucket {
	union {
		_Atomic uint64_t home;
		_Alignas(PENDI_CACHE_LINE) _Atomic uint32_t cells[PENDI_CELLS];
	};
};

_Static_assert(sizeof(struct pendi_bucket) == PENDI_CACHE_LINE, "a bucket is one cache line");

PENDI_ALWAYS_INLINE uint32_t pendi_home_displaced(uint64_t home)
{
	return (uint32_t)home;
}

PENDI_ALWAYS_INLINE uint32_t pendi_home_reach(uint64_t home)
{
	return (uint32_t)(home >> 32);
}

PENDI_ALWAYS_INLINE uint64_t pendi_home_make(uint32_t displaced, uint32_t reach)
{
	return (uint64_t)reach << 32 | displaced;
}

/* Sets an empty cell to @cell, with the order of IX1. Its number, or 0 if the bucket is full. */
uint32_t pendi_bucket_take(struct pendi_bucket *bucket, uint32_t cell);

/* Before a key of this home takes a cell @distance (1 or more) buckets on. @counted: this key is
 * among the displaced already. Lock-free. */
void pendi_bucket_reach_out(struct pendi_bucket *home, uint32_t distance, bool counted);

/* After a displaced key of this home left its cell: one fewer. Lock-free. */
void pendi_bucket_draw_in(struct pendi_bucket *home);

#endif
