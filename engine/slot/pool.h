/* SPDX-License-Identifier: MIT */
/*
 * pool.h - the free slots of a map: pockets, magazines, and an exact "none left".
 *
 *	pocket 1, 2, ..   a few slots for each thread (pocket.h)     take: own pocket, own magazine,
 *	magazine 0   head -> 7 -> 3 -> 9 -> none                     then everybody's, one at a time,
 *	magazine 1   head -> 12 -> none                              then prove that there was none
 *	full         {period, sequence, OPEN | SCARCE | CHECKING | FULL}
 *
 * A magazine, one for each CPU, is a lock-free stack through the slots' links. A pocket saves its
 * thread the locked instructions; everybody may take from it. So nobody ever holds a slot in
 * private but the one that he takes or frees: none is stranded in a cache of a CPU or a thread,
 * whoever stalls or dies (guarantees D and E), and a pool that hands out max_entries slots is the
 * bound: there is no counter.
 *
 * Links are stored as the distance to the next higher slot, so that zeroed memory is already a
 * chain of neighbours: making a pool touches one slot for each magazine, not all of them.
 *
 * The proof of "none left" (guarantee D: a refusal is linearizable). A taker that found everything
 * empty cannot just say so: a slot may have moved behind its back from where it had yet to look to
 * where it had looked. So it sets `full` to CHECKING, looks again everywhere, and then turns
 * CHECKING of the same sequence number to FULL. Whoever puts a slot back looks at `full` after the
 * put, and if it is CHECKING or FULL, sets it to SCARCE with the next sequence number. Both sides
 * write one word and then read the other's (FR2, a store-load fence on both), so either the taker
 * sees the slot or the putter sees CHECKING and the taker's CAS fails. At the instant of a CAS
 * that succeeds every free slot belongs to a put that has not returned; the refusal linearizes
 * there, before those puts. Further takers read FULL, one load each, until a put ends it.
 *
 * To look into pockets costs a membarrier, too much for a pool that is full again and again. So
 * while it is not OPEN slots go to magazines only, where anybody takes them with one CAS; after
 * some hundred puts it is OPEN again, and a new period begins. One membarrier in a period is
 * enough, once it is not OPEN any more: who found it OPEN after his put had put before (FR3), and
 * who did not makes a real fence and looks again. If the kernel has no memory for a membarrier,
 * which is all that can make it fail once it was registered, a refusal may come while a pocket has
 * a slot.
 *
 * ABA: a head carries a tag that each push moves (38 bits). A pop that read a stale link fails its
 * CAS, for the slot it read the link of must have been popped and pushed again meanwhile.
 *
 * Edges: FR1 push ==> pop: the taker owns the slot as the putter left it. FR2: the full word.
 * FR3: a membarrier ==> the proofs that do without. PK1 to PK3: pocket.h. Progress: everything is
 * lock-free; take looks at each magazine and pocket twice unless others put meanwhile.
 */
#ifndef PENDI_ENGINE_SLOT_POOL_H
#define PENDI_ENGINE_SLOT_POOL_H

#include <stdint.h>

#include <pendmap/allocator.h>

#include "engine/slot/pocket.h"
#include "engine/slot/slab.h"
#include "epoch/thread.h"

struct pendi_magazine {
	/* {tag 38 | slot 26}: written by every put and take of this magazine. */
	PENDI_APART(2) _Atomic uint64_t head;
	/* Where the last slot was stolen from; a hint that any taker here writes. */
	_Atomic uint32_t victim;
};

struct pendi_pool {
	const struct pendi_slab *slab;
	struct pendi_magazine *magazines;
	struct pendi_pocket *pockets; /* PENDI_THREADS of them, by thread number; or NULL */
	uint32_t count;               /* of magazines */
	bool light;                   /* owners of pockets make compiler barriers only */
	/* {period 30 | sequence 32 | state 2}: read by every put, written only when the pool runs
	 * dry. */
	PENDI_APART(2) _Atomic uint64_t full;
	/* The period in which the last membarrier was made; by and for those who prove. */
	_Atomic uint64_t fenced;
};

/*
 * Makes a pool of @count magazines that holds the slots @first .. @first + @slots - 1, which no
 * one has used yet, spread evenly. @slots may be 0. It has no pockets. 0 or -ENOMEM.
 */
int pendi_pool_init(struct pendi_pool *pool, const struct pendi_slab *slab, uint32_t first,
		    uint32_t slots, uint32_t count, const struct pend_allocator *allocator);

/* Gives a pool that nobody uses yet its pockets. 0 or -ENOMEM. */
int pendi_pool_add_pockets(struct pendi_pool *pool, const struct pend_allocator *allocator);

void pendi_pool_fini(struct pendi_pool *pool, const struct pend_allocator *allocator);

/* Up to @wanted free slots at once, as many as @magazine has ready; 0 says nothing about the rest
 * of the pool. */
uint32_t pendi_pool_take_many(struct pendi_pool *pool, uint32_t magazine, uint32_t *slots,
			      uint32_t wanted);

/* Gives @count (1 or more) slots back at once. The last in the array is taken first again. */
void pendi_pool_put_many(struct pendi_pool *pool, uint32_t magazine, const uint32_t *slots,
			 uint32_t count);

/* Bytes asked from the allocator. */
size_t pendi_pool_bytes(const struct pendi_pool *pool);

/* The rest of pendi_pool_take(), when the own pocket and magazine are empty. */
uint32_t pendi_pool_take_elsewhere(struct pendi_pool *pool, uint32_t magazine) PENDI_COLD;
/* The rest of a put that found the full word to be @full, not OPEN. @head: what it pushed. */
void pendi_pool_tell(struct pendi_pool *pool, uint64_t full, uint64_t head) PENDI_COLD;
/* The same of a put in a pocket, which has made no fence of its own. */
void pendi_pool_tell_of_pocket(struct pendi_pool *pool) PENDI_COLD;

/*
 * What follows is inline because every pend and every completion passes through it, and a call
 * costs as much as what it would do.
 */

/* States of the full word, below its sequence number. */
enum {
	PENDI_FULL_OPEN = 0,     /* there may be free slots */
	PENDI_FULL_CHECKING = 1, /* somebody is proving that there are none */
	PENDI_FULL_FULL = 2,     /* there are none, but for puts under way */
	PENDI_FULL_SCARCE = 3,   /* there may be, and puts go to magazines */
	PENDI_FULL_STATE = 3,    /* the mask */
	PENDI_FULL_SEQUENCE_ONE = 4,
	PENDI_FULL_PERIOD_SHIFT = 34,
};

PENDI_ALWAYS_INLINE uint32_t pendi_head_slot(uint64_t head)
{
	return (uint32_t)(head & PENDI_SLOT_MASK);
}

PENDI_ALWAYS_INLINE uint64_t pendi_head_with_slot(uint64_t head, uint32_t slot)
{
	return (head & ~PENDI_SLOT_MASK) | slot;
}

/* The next tag, so that no pop in flight mistakes this head for one it read before. */
PENDI_ALWAYS_INLINE uint64_t pendi_head_pushed(uint64_t head, uint32_t slot)
{
	return ((head & ~PENDI_SLOT_MASK) + PENDI_SLOT_MASK + 1) | slot;
}

/* May be rubbish if @slot was popped meanwhile: the caller's CAS on the head then fails. */
PENDI_ALWAYS_INLINE uint32_t pendi_link_next(const struct pendi_pool *pool, uint32_t slot)
{
	/* relaxed: published by the push that made @slot the head (FR1), or checked by the tag. */
	const uint32_t distance = pendi_load_relaxed(&pendi_slab_slot(pool->slab, slot)->link);

	return (distance + slot + 1) & PENDI_SLOT_NONE;
}

PENDI_ALWAYS_INLINE void pendi_link_set(const struct pendi_pool *pool, uint32_t slot, uint32_t next)
{
	/* relaxed: the push that follows publishes it (FR1). */
	pendi_store_relaxed(&pendi_slab_slot(pool->slab, slot)->link, next - (slot + 1));
}

PENDI_ALWAYS_INLINE uint32_t pendi_magazine_pop(const struct pendi_pool *pool,
						struct pendi_magazine *magazine)
{
	/* [FR1.acq] Pairs with [FR1.rel] in pendi_magazine_push(): the slot as its last owner
	 * left it. */
	uint64_t head = pendi_load_acquire(&magazine->head, FR1);

	for (;;) {
		const uint32_t slot = pendi_head_slot(head);

		if (slot == PENDI_SLOT_NONE)
			return PENDI_SLOT_NONE;

		const uint32_t next = pendi_link_next(pool, slot);

		/* [FR1.acq] As above; the tag stays, for only pushes can bring a slot back. */
		if (PENDI_LIKELY(pendi_cas_acquire(&magazine->head, &head,
						   pendi_head_with_slot(head, next), FR1))) {
			if (next < pool->slab->count)
				pendi_prefetch_write(pendi_slab_slot(pool->slab, next));
			return slot;
		}
	}
}

/* Puts the chain @first .. @last, linked but for the last link, on top of @magazine. Returns the
 * new head. */
PENDI_ALWAYS_INLINE uint64_t pendi_magazine_push(const struct pendi_pool *pool,
						 struct pendi_magazine *magazine, uint32_t first,
						 uint32_t last)
{
	/* relaxed: only its slot number is used, and the CAS validates it. */
	uint64_t head = pendi_load_relaxed(&magazine->head);

	do {
		pendi_link_set(pool, last, pendi_head_slot(head));
		/*
		 * [FR1.rel] Pairs with [FR1.acq] in pendi_magazine_pop(): without it the next
		 * owner could arm the slot before this one's last stores to it are done.
		 */
	} while (!pendi_cas_release(&magazine->head, &head, pendi_head_pushed(head, first), FR1));
	return pendi_head_pushed(head, first);
}

/* After a push: whoever is proving that there is nothing must be told otherwise. */
PENDI_ALWAYS_INLINE void pendi_pool_pushed(struct pendi_pool *pool, uint64_t head)
{
	/*
	 * [FR2.sc] The push was a store to a magazine; now the full word is read. Pairs with
	 * [FR2.sc] in prove_empty(), which writes the full word and then reads the magazines.
	 */
	pendi_fence_store_load_after_rmw(FR2);

	/* relaxed: FR2 orders it after the push; nothing is read through it. */
	const uint64_t full = pendi_load_relaxed(&pool->full);

	if (PENDI_UNLIKELY((full & PENDI_FULL_STATE) != PENDI_FULL_OPEN))
		pendi_pool_tell(pool, full, head);
}

PENDI_ALWAYS_INLINE uint32_t pendi_magazine_number(const struct pendi_pool *pool, uint32_t magazine)
{
	return PENDI_LIKELY(magazine < pool->count) ? magazine : magazine % pool->count;
}

/* The calling thread's pocket, or NULL. */
PENDI_ALWAYS_INLINE struct pendi_pocket *pendi_pool_pocket(const struct pendi_pool *pool)
{
	uint32_t thread;

	if (!pool->pockets)
		return NULL;
	thread = pendi_thread_number();
	return PENDI_LIKELY(thread) ? &pool->pockets[thread] : NULL;
}

/* Whether it is proved, and still true but for puts under way, that no slot is free. */
PENDI_ALWAYS_INLINE bool pendi_pool_is_full(const struct pendi_pool *pool)
{
	/* relaxed: FULL is a fact whoever wrote it proved; refusing needs no other data. */
	return (pendi_load_relaxed(&pool->full) & PENDI_FULL_STATE) == PENDI_FULL_FULL;
}

/* A free slot, from the own pocket or @magazine (taken modulo the count) if they have one, else
 * from any; or PENDI_SLOT_NONE if at some instant of the call there was none. */
PENDI_ALWAYS_INLINE uint32_t pendi_pool_take(struct pendi_pool *pool, uint32_t magazine)
{
	uint32_t number, slot;
	struct pendi_pocket *pocket;

	if (PENDI_UNLIKELY(pendi_pool_is_full(pool)))
		return PENDI_SLOT_NONE;
	number = pendi_magazine_number(pool, magazine);
	pocket = pendi_pool_pocket(pool);
	slot = pocket ? pendi_pocket_take(pocket, 1, pool->light) : PENDI_SLOT_NONE;

	if (PENDI_LIKELY(slot != PENDI_SLOT_NONE))
		return slot;
	slot = pendi_magazine_pop(pool, &pool->magazines[number]);
	return PENDI_LIKELY(slot != PENDI_SLOT_NONE) ? slot
						     : pendi_pool_take_elsewhere(pool, number);
}

/* Puts a slot in the own pocket, if there is one with room and the pool is not scarce. */
PENDI_ALWAYS_INLINE bool pendi_pool_put_in_pocket(struct pendi_pool *pool, uint32_t slot)
{
	struct pendi_pocket *pocket = pendi_pool_pocket(pool);
	uint64_t full;

	/* relaxed: a hint; looked at again below. */
	if (!pocket || (pendi_load_relaxed(&pool->full) & PENDI_FULL_STATE) != PENDI_FULL_OPEN ||
	    !pendi_pocket_put(pocket, slot))
		return false;
	/* [FR2.sc] As in pendi_pool_pushed(), with the fence of pocket.h. */
	pendi_pocket_fence(pool->light);
	/* relaxed: as in pendi_pool_pushed(). */
	full = pendi_load_relaxed(&pool->full);
	if (PENDI_UNLIKELY((full & PENDI_FULL_STATE) != PENDI_FULL_OPEN))
		pendi_pool_tell_of_pocket(pool);
	return true;
}

/* Gives a slot back, to the own pocket or to @magazine. The caller owns it and gives up every claim
 * to it. */
PENDI_ALWAYS_INLINE void pendi_pool_put(struct pendi_pool *pool, uint32_t magazine, uint32_t slot)
{
	if (PENDI_LIKELY(pendi_pool_put_in_pocket(pool, slot)))
		return;
	pendi_pool_pushed(
		pool,
		pendi_magazine_push(pool, &pool->magazines[pendi_magazine_number(pool, magazine)],
				    slot, slot));
}

#endif
