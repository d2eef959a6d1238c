/* SPDX-License-Identifier: MIT */
/*
 * pocket.h - a few free slots for one thread, that anybody else may still take.
 *
 * A thread that pends and completes takes and puts the same few slots over and over. Through a
 * magazine (pool.h) that is a locked instruction each way; through a pocket it is none. But a
 * pocket must not strand what is in it (guarantees D and E), so it is a work-stealing deque:
 *
 *	     top                    bottom
 *	      |   thieves take here    |   the owner puts and takes here
 *	      v                        v
 *	... | 7 | 3 | 12 | 9 |     free     | ...
 *
 * The owner lowers `bottom` and then looks at `top`; a thief reads `top` and then looks at
 * `bottom`. With a store-load fence on both sides at most one of them takes the last slot, and if
 * they are near each other both decide by a CAS on `top`. The thief's side is rare, so the fence
 * is asymmetric (PK1): a compiler barrier for the owner, a membarrier for the thief. Where
 * membarrier is refused, the owner makes a real fence.
 *
 * An owner that stalls, or ends, anywhere keeps at most the one slot that it is taking, as any
 * taker does; thieves get all others. A new thread of the same number goes on with what is there.
 *
 * `top` only grows, so a CAS on it has no ABA; both count operations, modulo the ring's size.
 *
 * Edges: PK1 owner's bottom against thief's top; PK2 put ==> steal; PK3 steal ==> reuse of the
 * place in the ring. Progress: wait-free for the owner but for one CAS, lock-free for thieves.
 */
#ifndef PENDI_ENGINE_SLOT_POCKET_H
#define PENDI_ENGINE_SLOT_POCKET_H

#include <stdint.h>

#include "engine/slot/word.h"
#include "platform/atomic.h"

#ifndef PENDI_POCKET_SLOTS
#define PENDI_POCKET_SLOTS 32u
#endif

struct pendi_pocket {
	/* Written by thieves, and by the owner for the last slot. */
	PENDI_APART(1) _Atomic uint64_t top;
	/* Written by the owner. */
	_Atomic uint64_t bottom;
	/* Written by the owner; ring[i % size] is in the pocket for top <= i < bottom. */
	_Atomic uint32_t ring[PENDI_POCKET_SLOTS];
};

/* The owner's half of PK1 and, in the pool, of FR2. @light: a thief makes the other half heavy. */
PENDI_ALWAYS_INLINE void pendi_pocket_fence(bool light)
{
	if (PENDI_LIKELY(light))
		/* [PK1.sc] [FR2.sc] Pairs with the membarrier in pendi_pocket_steal() and in
		 * prove_empty(): a thief that does not see the store before this fence is seen by
		 * the load behind it. */
		pendi_fence_light(PK1);
	else
		/* [PK1.sc] The same where there is no membarrier; pairs with the thief's fence. */
		pendi_fence_store_load(PK1);
}

/* Puts a slot that the owner has. False: the pocket is full. */
PENDI_ALWAYS_INLINE bool pendi_pocket_put(struct pendi_pocket *pocket, uint32_t slot)
{
	/* relaxed: only the owner writes it. */
	const uint64_t bottom = pendi_load_relaxed(&pocket->bottom);

	/* [PK3.acq] Pairs with [PK3.rel] in pendi_pocket_steal(): the place is no longer read. */
	if (PENDI_UNLIKELY(bottom - pendi_load_acquire(&pocket->top, PK3) >= PENDI_POCKET_SLOTS))
		return false;
	/* relaxed: the store of bottom publishes it. */
	pendi_store_relaxed(&pocket->ring[bottom % PENDI_POCKET_SLOTS], slot);
	/* [PK2.rel] Pairs with [PK2.acq] in pendi_pocket_steal(): the slot as its owner left it. */
	pendi_store_release(&pocket->bottom, bottom + 1, PK2);
	return true;
}

/*
 * Takes the slot put last, if more than @keep (0 or 1) are there; else PENDI_SLOT_NONE. The owner
 * keeps one where he can, for only the last one costs a CAS.
 */
PENDI_ALWAYS_INLINE uint32_t pendi_pocket_take(struct pendi_pocket *pocket, uint32_t keep,
					       bool light)
{
	/* relaxed, both: only the owner writes bottom; top is read again behind the fence. */
	const uint64_t bottom = pendi_load_relaxed(&pocket->bottom) - 1;
	uint64_t top = pendi_load_relaxed(&pocket->top);
	uint32_t slot;

	if ((int64_t)(bottom - top) < (int64_t)keep)
		return PENDI_SLOT_NONE;
	/* [PK2.rel] A thief may read this value: it too stands for all slots below it, as they were
	 * put; pairs with [PK2.acq] in pendi_pocket_steal(). */
	pendi_store_release(&pocket->bottom, bottom, PK2);
	pendi_pocket_fence(light);
	/* relaxed, both: PK1 orders top; the ring is the owner's own writing. */
	top = pendi_load_relaxed(&pocket->top);
	slot = pendi_load_relaxed(&pocket->ring[bottom % PENDI_POCKET_SLOTS]);
	if (PENDI_LIKELY((int64_t)(bottom - top) > 0))
		return slot;
	/* The last one, or none: whoever moves top has it. relaxed: the slot is the owner's own,
	 * and nothing else is read through top. */
	if (top != bottom || !pendi_cas_relaxed(&pocket->top, &top, top + 1))
		slot = PENDI_SLOT_NONE;
	/* relaxed: empty now, top equals it. */
	pendi_store_relaxed(&pocket->bottom, bottom + 1);
	return slot;
}

/* Whether there seems to be a slot to steal. After a heavy fence, false is certain for slots put
 * before it. */
bool pendi_pocket_seems_empty(const struct pendi_pocket *pocket);

/* Takes the slot put first, for another thread than the owner; or PENDI_SLOT_NONE. Costs a
 * membarrier if @light. */
uint32_t pendi_pocket_steal(struct pendi_pocket *pocket, bool light);

#endif
