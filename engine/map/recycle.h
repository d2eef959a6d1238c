/* SPDX-License-Identifier: MIT */
/*
 * recycle.h - how a slot that was freed can be taken again: at once, or through the epoch.
 *
 * At once: the slot goes back to the free pool, which has max_entries slots. That is all.
 *
 * Through the epoch, for maps that hand out pointers: the slot goes to limbo, where it stays while
 * a reader may hold a pointer into it, and a spare slot goes to the free pool in its stead:
 *
 *	        take                 free                    grace period over
 *	free ----------> live --------------------> limbo ----------------------> spare
 *	  ^                                |                         |
 *	  +------ a spare, or a debt ------+         +---- to free, if there is a debt
 *
 * So the free pool always makes up max_entries with what is live, less the debt: the frees that
 * found no spare because limbo holds the whole reserve. The bound stays exact, and a reader that
 * stalls costs bounded memory and, when the reserve is used up, refusals with -EAGAIN (not
 * -ENOSPC: there is room, but it cannot be used yet).
 *
 * Debts: `debt` counts, in one word, those incurred and those settled; `claimed` says how many
 * have somebody who settles them, so that two slots are never paid for one. A debt counts as
 * settled only when its slot can be taken, so that "no debt and nothing free, twice the same
 * word" proves that max_entries were live.
 */
#ifndef PENDI_ENGINE_MAP_RECYCLE_H
#define PENDI_ENGINE_MAP_RECYCLE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <pendmap/allocator.h>

#include "engine/slot/pool.h"

struct pendi_recycler {
	struct pendi_slab slab;
	struct pendi_pool free;  /* what may be taken */
	bool deferred;           /* through the epoch; what follows is unused otherwise */
	struct pendi_pool spare; /* what may stand in for a slot in limbo */
	/* {incurred 32 | settled 32}: written when the reserve is used up. */
	PENDI_APART(2) _Atomic uint64_t debt;
	_Atomic uint32_t claimed;
};

/* What a recycler is made of. */
struct pendi_recycler_shape {
	struct pendi_slab_shape slab; /* count and node are set from what follows */
	uint32_t entries;             /* slots that may be live at once */
	uint32_t reserve;             /* 0: at once; else this many more, through the epoch */
};

/* 0 or -ENOMEM. */
int pendi_recycler_init(struct pendi_recycler *recycler, const struct pendi_recycler_shape *shape,
			const struct pend_allocator *allocator);

/* Frees everything; first waits for what is in limbo, if through the epoch. */
void pendi_recycler_fini(struct pendi_recycler *recycler, const struct pend_allocator *allocator);

/* Bytes asked from the allocator. */
size_t pendi_recycler_bytes(const struct pendi_recycler *recycler);

/* The rest of the three functions below, through the epoch. */
uint32_t pendi_recycler_take_deferred(struct pendi_recycler *recycler, uint32_t cpu, int *error);
void pendi_recycler_defer(struct pendi_recycler *recycler, uint32_t slot);

/* A spare to put in the place of a slot that is then retired: no debt, no slot for anybody else.
 * Through the epoch only; PENDI_SLOT_NONE if all wait for readers. Lock-free. */
uint32_t pendi_recycler_take_spare(struct pendi_recycler *recycler, uint32_t cpu);
void pendi_recycler_return_spare(struct pendi_recycler *recycler, uint32_t cpu, uint32_t slot);
void pendi_recycler_retire(struct pendi_recycler *recycler, uint32_t slot);

/* @count slots that the caller freed, to their home CPUs' magazines. Lock-free. */
void pendi_recycler_put_many(struct pendi_recycler *recycler, const uint32_t *slots,
			     uint32_t count);

PENDI_ALWAYS_INLINE uint32_t pendi_recycler_home(const struct pendi_recycler *recycler,
						 uint32_t slot)
{
	/* relaxed: whoever owns the slot has it ordered. */
	return pendi_load_relaxed(&pendi_slab_slot(&recycler->slab, slot)->home);
}

/* A free slot, from the magazine of @cpu if possible; or PENDI_SLOT_NONE with -ENOSPC or -EAGAIN
 * in *@error. Lock-free. */
PENDI_ALWAYS_INLINE uint32_t pendi_recycler_take(struct pendi_recycler *recycler, uint32_t cpu,
						 int *error)
{
	const uint32_t slot = pendi_pool_take(&recycler->free, cpu);

	if (PENDI_LIKELY(slot != PENDI_SLOT_NONE))
		return slot;
	if (recycler->deferred)
		return pendi_recycler_take_deferred(recycler, cpu, error);
	*error = -ENOSPC;
	return PENDI_SLOT_NONE;
}

/* Up to @wanted free slots at once; 0 says nothing about the rest. Lock-free. */
PENDI_ALWAYS_INLINE uint32_t pendi_recycler_take_many(struct pendi_recycler *recycler, uint32_t cpu,
						      uint32_t *slots, uint32_t wanted)
{
	return pendi_pool_take_many(&recycler->free, cpu, slots, wanted);
}

/* A slot that is taken but was never published: free again at once. Lock-free. */
PENDI_ALWAYS_INLINE void pendi_recycler_return(struct pendi_recycler *recycler, uint32_t slot)
{
	pendi_pool_put(&recycler->free, pendi_recycler_home(recycler, slot), slot);
}

/* A slot that the caller freed. Lock-free. */
PENDI_ALWAYS_INLINE void pendi_recycler_put(struct pendi_recycler *recycler, uint32_t slot)
{
	if (PENDI_UNLIKELY(recycler->deferred))
		pendi_recycler_defer(recycler, slot);
	else
		pendi_recycler_return(recycler, slot);
}

#endif
