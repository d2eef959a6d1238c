/* SPDX-License-Identifier: MIT */
/*
 * slab.h - the memory of all slots of a map, and where things lie in a slot.
 *
 *	0        48                      key_offset ..  value_offset ..  scratch_offset ..  stride
 *	| header | node, charge, if any | key          | value          | scratch          |
 *
 * One allocation, cut into slots of one stride (a multiple of the cache line). Slots are
 * type-stable: they are never unmapped while the map lives, so a reader that was overtaken by a
 * recycling reads words of another operation, never foreign memory, and finds out by the
 * generation. A key of up to 16 bytes shares the header's cache line.
 *
 * Memory comes zeroed and is touched when a slot is first used: an all-zero slot is FREE and
 * its link names its neighbour (see pool.h). Behind the slots lies one byte for each thousand or
 * so, which tells whether they were ever used: who looks at all slots need not touch the rest.
 */
#ifndef PENDI_ENGINE_SLOT_SLAB_H
#define PENDI_ENGINE_SLOT_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include <pendmap/allocator.h>

#include "engine/slot/word.h"
#include "epoch/epoch.h"
#include "platform/atomic.h"

/*
 * The first 48 bytes of a slot. All fields but `word`, `link` and `timed` are written by the one
 * thread that arms the slot, before it publishes the word (SL1), and may be read by anyone who then
 * validates the generation; so they are atomic, written and read with the payload's edge (SL2).
 * Later only `due` changes, by a compare-and-swap that names the generation too.
 */
struct pendi_slot {
	_Atomic uint64_t word;         /* word.h */
	_Atomic uint64_t pended_ns;    /* since boot */
	_Atomic uint64_t due;          /* deadline/due.h */
	_Atomic uint64_t user_cookie;  /* the caller's */
	_Atomic uint32_t link;         /* free list or re-run queue; owned by the list it is on */
	_Atomic uint32_t cell;         /* index: bucket * 16 + cell */
	_Atomic uint16_t displacement; /* index: buckets between home and where it stands */
	_Atomic uint16_t home;         /* the CPU that pended it */
	_Atomic uint16_t timed;        /* whether the agenda looks at it: map/deadline.h */
	_Atomic uint16_t owner;        /* number of the session that owns it, or 0 */
};

_Static_assert(sizeof(struct pendi_slot) == 48, "a 16-byte key fills the header's cache line");

struct pendi_slab {
	unsigned char *base;
	uint32_t count;          /* slots */
	uint32_t stride;         /* bytes, a multiple of the cache line */
	uint32_t node_offset;    /* struct pendi_epoch_node; 0: none */
	uint32_t charge_offset;  /* _Atomic uint64_t: bytes that its payload is charged; 0: none */
	uint32_t key_offset;     /* 8-aligned */
	uint32_t value_offset;   /* 8-aligned; on a cache line where that costs no stride */
	uint32_t scratch_offset; /* 16-aligned */
	/* One for each PENDI_SLAB_CHUNK slots: whether any of them was ever used. Set by who arms
	 * a slot, before it is published; read by who looks at all slots. */
	_Atomic uint8_t *used;
	size_t bytes;
	uint64_t first_word; /* FREE, of the generation that slots begin with */
};

/* Slots that are skipped together by a scan while none of them was ever used. */
#ifndef PENDI_SLAB_CHUNK
#define PENDI_SLAB_CHUNK 1024u
#endif

struct pendi_slab_shape {
	uint32_t count;        /* slots, 1 .. PENDI_SLOT_NONE */
	uint32_t key_size;     /* bytes, may be 0 */
	uint32_t value_size;   /* bytes, may be 0 */
	uint32_t scratch_size; /* bytes, may be 0 */
	bool node;             /* room for a struct pendi_epoch_node */
	bool charge;           /* room for a charge */
};

/* Lays out @slab and allocates it. 0 or -ENOMEM. */
int pendi_slab_init(struct pendi_slab *slab, const struct pendi_slab_shape *shape,
		    const struct pend_allocator *allocator);

void pendi_slab_fini(struct pendi_slab *slab, const struct pend_allocator *allocator);

/* Puts the first @entries slots, of which each CPU gets its share (pool.h), on the nodes of those
 * CPUs, as far as possible. Before the slab is touched; only memory of the library's own. */
void pendi_slab_place(struct pendi_slab *slab, uint32_t entries);

PENDI_ALWAYS_INLINE struct pendi_slot *pendi_slab_slot(const struct pendi_slab *slab, uint32_t slot)
{
	return (struct pendi_slot *)(void *)(slab->base + (size_t)slot * slab->stride);
}

PENDI_ALWAYS_INLINE _Atomic uint64_t *pendi_slab_key(const struct pendi_slab *slab,
						     struct pendi_slot *slot)
{
	return (_Atomic uint64_t *)(void *)((unsigned char *)slot + slab->key_offset);
}

PENDI_ALWAYS_INLINE _Atomic uint64_t *pendi_slab_value(const struct pendi_slab *slab,
						       struct pendi_slot *slot)
{
	return (_Atomic uint64_t *)(void *)((unsigned char *)slot + slab->value_offset);
}

PENDI_ALWAYS_INLINE void *pendi_slab_scratch(const struct pendi_slab *slab, struct pendi_slot *slot)
{
	return (unsigned char *)slot + slab->scratch_offset;
}

PENDI_ALWAYS_INLINE _Atomic uint64_t *pendi_slab_charge(const struct pendi_slab *slab,
							struct pendi_slot *slot)
{
	return (_Atomic uint64_t *)(void *)((unsigned char *)slot + slab->charge_offset);
}

PENDI_ALWAYS_INLINE struct pendi_epoch_node *pendi_slab_node(const struct pendi_slab *slab,
							     struct pendi_slot *slot)
{
	return (struct pendi_epoch_node *)(void *)((unsigned char *)slot + slab->node_offset);
}

/* Notes that @slot is used from now on. */
PENDI_ALWAYS_INLINE void pendi_slab_use(const struct pendi_slab *slab, uint32_t slot)
{
	_Atomic uint8_t *used = &slab->used[slot / PENDI_SLAB_CHUNK];

	/* relaxed, both: it only ever becomes 1, and publishing the slot's word orders it (SL1). */
	if (PENDI_UNLIKELY(!pendi_load_relaxed(used)))
		pendi_store_relaxed(used, 1);
}

/* The first slot from @slot on, that one included, in a chunk that was ever used; or the count. */
uint32_t pendi_slab_next_used(const struct pendi_slab *slab, uint32_t slot);

/* The number of the slot whose node is @node. */
uint32_t pendi_slab_node_slot(const struct pendi_slab *slab, const struct pendi_epoch_node *node);

#endif
