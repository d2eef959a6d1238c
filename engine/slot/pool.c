/* SPDX-License-Identifier: MIT */
/*
 * pool.c - what happens when the own pocket and magazine are empty. See pool.h for the algorithm
 * and why it is exact.
 */
#include "engine/slot/pool.h"

#include <errno.h>

#include "platform/membarrier.h"
#include "platform/memory.h"

/* Pushes to one magazine, while the pool is SCARCE, after which it is taken to be OPEN. */
#ifndef PENDI_SCARCE_PUSHES
#define PENDI_SCARCE_PUSHES 256u
#endif

/* One look at each magazine, from the last victim on. */
static uint32_t steal_magazines(struct pendi_pool *pool, uint32_t magazine)
{
	struct pendi_magazine *own = &pool->magazines[magazine];
	/* relaxed: a hint where to begin; any value does. */
	const uint32_t begin = pendi_load_relaxed(&own->victim);

	for (uint32_t i = 0; i < pool->count; i++) {
		const uint32_t victim = (begin + i) % pool->count;
		const uint32_t slot = pendi_magazine_pop(pool, &pool->magazines[victim]);

		if (slot != PENDI_SLOT_NONE) {
			/* relaxed: the same hint. */
			pendi_store_relaxed(&own->victim, victim);
			return slot;
		}
	}
	return PENDI_SLOT_NONE;
}

/* One look at each pocket, the own one included. */
static uint32_t steal_pockets(struct pendi_pool *pool)
{
	struct pendi_pocket *own = pendi_pool_pocket(pool);
	const uint32_t limit = pool->pockets ? pendi_thread_limit() : 0;
	uint32_t slot = own ? pendi_pocket_take(own, 0, pool->light) : PENDI_SLOT_NONE;

	for (uint32_t i = 1; i < limit && slot == PENDI_SLOT_NONE; i++)
		if (&pool->pockets[i] != own && !pendi_pocket_seems_empty(&pool->pockets[i]))
			slot = pendi_pocket_steal(&pool->pockets[i], pool->light);
	return slot;
}

static uint32_t steal(struct pendi_pool *pool, uint32_t magazine)
{
	const uint32_t slot = steal_magazines(pool, magazine);

	return slot != PENDI_SLOT_NONE ? slot : steal_pockets(pool);
}

/* CHECKING of some sequence number, set by us or by another whose check we join; or FULL. */
static uint64_t begin_check(struct pendi_pool *pool)
{
	/* relaxed, both: the word is only compared; what follows is ordered by the caller. */
	uint64_t full = pendi_load_relaxed(&pool->full), check;

	do {
		const uint64_t state = full & PENDI_FULL_STATE;

		if (state == PENDI_FULL_FULL || state == PENDI_FULL_CHECKING)
			return full;
		check = (full & ~(uint64_t)PENDI_FULL_STATE) | PENDI_FULL_CHECKING;
	} while (!pendi_cas_relaxed(&pool->full, &full, check));
	return check;
}

/* Every put in a pocket that found the pool OPEN, before it was @full, can be seen. False: the
 * kernel refused. */
static bool see_pockets(struct pendi_pool *pool, uint64_t full)
{
	const uint64_t period = (full >> PENDI_FULL_PERIOD_SHIFT) + 1;

	/* [FR3.acq] Pairs with [FR3.rel] below, in whoever made the membarrier of this period. */
	if (!pool->pockets || !pool->light || pendi_load_acquire(&pool->fenced, FR3) == period)
		return true;
	/* [FR2.sc] The heavy half, for puts in pockets. */
	if (pendi_membarrier())
		return false;
	/* [FR3.rel] What became visible is to be seen by those who find the period here. */
	pendi_store_release(&pool->fenced, period, FR3);
	return true;
}

/* A slot after all, or PENDI_SLOT_NONE with the proof that pool.h describes. */
static uint32_t prove_empty(struct pendi_pool *pool, uint32_t magazine)
{
	for (;;) {
		uint64_t full = begin_check(pool);
		uint32_t slot;

		if ((full & PENDI_FULL_STATE) == PENDI_FULL_FULL)
			return PENDI_SLOT_NONE;
		/*
		 * [FR2.sc] CHECKING is set; now magazines and pockets are read. Pairs with
		 * [FR2.sc] in pendi_pool_pushed() and, through the membarrier where those are
		 * light, in pendi_pool_put_in_pocket(). Without it a put could miss CHECKING
		 * while we miss its slot, and FULL would be a lie that lasts.
		 */
		pendi_fence_store_load(FR2);
		if (!see_pockets(pool, full))
			return PENDI_SLOT_NONE;
		slot = steal(pool, magazine);
		if (slot != PENDI_SLOT_NONE)
			return slot;
		/* relaxed: success says that no put told otherwise since; it carries no data. */
		if (pendi_cas_relaxed(&pool->full, &full,
				      (full & ~(uint64_t)PENDI_FULL_STATE) | PENDI_FULL_FULL))
			return PENDI_SLOT_NONE;
	}
}

uint32_t pendi_pool_take_elsewhere(struct pendi_pool *pool, uint32_t magazine)
{
	const uint32_t slot = steal(pool, magazine);

	return slot != PENDI_SLOT_NONE ? slot : prove_empty(pool, magazine);
}

void pendi_pool_tell(struct pendi_pool *pool, uint64_t full, uint64_t head)
{
	const uint64_t tag = head >> PENDI_SLOT_BITS;

	/* relaxed, both: the word carries no data, its sequence number makes each change distinct. */
	while ((full & PENDI_FULL_STATE) == PENDI_FULL_CHECKING ||
	       (full & PENDI_FULL_STATE) == PENDI_FULL_FULL)
		if (pendi_cas_relaxed(&pool->full, &full,
				      ((full & ~(uint64_t)PENDI_FULL_STATE) | PENDI_FULL_SCARCE) +
					      PENDI_FULL_SEQUENCE_ONE))
			return;
	/* Plenty was put since: the odd put that fails to say so does not matter. */
	if ((full & PENDI_FULL_STATE) == PENDI_FULL_SCARCE && tag % PENDI_SCARCE_PUSHES == 0)
		(void)pendi_cas_relaxed(&pool->full, &full,
					(full & ~(uint64_t)PENDI_FULL_STATE) +
						(UINT64_C(1) << PENDI_FULL_PERIOD_SHIFT));
}

void pendi_pool_tell_of_pocket(struct pendi_pool *pool)
{
	uint64_t full;

	/* [FR2.sc] As in pendi_pool_pushed(): nobody makes this fence for us once the membarrier of
	 * the period is made. */
	pendi_fence_store_load(FR2);
	/* relaxed: as in pendi_pool_pushed(). */
	full = pendi_load_relaxed(&pool->full);
	if ((full & PENDI_FULL_STATE) != PENDI_FULL_OPEN)
		pendi_pool_tell(pool, full, UINT64_C(1) << PENDI_SLOT_BITS);
}

uint32_t pendi_pool_take_many(struct pendi_pool *pool, uint32_t magazine, uint32_t *slots,
			      uint32_t wanted)
{
	struct pendi_magazine *from = &pool->magazines[magazine % pool->count];
	/* [FR1.acq] Pairs with [FR1.rel] in pendi_magazine_push(), as in pendi_magazine_pop(). */
	uint64_t head = pendi_load_acquire(&from->head, FR1);

	for (;;) {
		uint32_t taken = 0, slot = pendi_head_slot(head);

		/* A stale link may lead anywhere: what is out of range ends the walk. */
		while (taken < wanted && slot < pool->slab->count) {
			slots[taken++] = slot;
			slot = pendi_link_next(pool, slot) & PENDI_SLOT_NONE;
		}
		if (taken == 0)
			return 0;
		/* [FR1.acq] As above: success says that no link of the walk was stale. */
		if (pendi_cas_acquire(&from->head, &head, pendi_head_with_slot(head, slot), FR1))
			return taken;
	}
}

void pendi_pool_put_many(struct pendi_pool *pool, uint32_t magazine, const uint32_t *slots,
			 uint32_t count)
{
	for (uint32_t i = count; i-- > 1;)
		pendi_link_set(pool, slots[i], slots[i - 1]);
	pendi_pool_pushed(pool, pendi_magazine_push(pool, &pool->magazines[magazine % pool->count],
						    slots[count - 1], slots[0]));
}

int pendi_pool_init(struct pendi_pool *pool, const struct pendi_slab *slab, uint32_t first,
		    uint32_t slots, uint32_t count, const struct pend_allocator *allocator)
{
	pool->slab = slab;
	pool->count = count;
	pool->pockets = NULL;
	pool->light = false;
	pool->magazines = pendi_memory_allocate(allocator, count * sizeof(*pool->magazines),
						_Alignof(struct pendi_magazine));
	if (!pool->magazines)
		return -ENOMEM;
	/* relaxed, here and below: nobody else has the pool yet. */
	pendi_store_relaxed(&pool->full, 0);
	pendi_store_relaxed(&pool->fenced, 0);
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t begin = first + (uint32_t)((uint64_t)slots * i / count);
		const uint32_t end = first + (uint32_t)((uint64_t)slots * (i + 1) / count);

		if (begin < end)
			pendi_link_set(pool, end - 1, PENDI_SLOT_NONE);
		pendi_store_relaxed(&pool->magazines[i].head,
				    begin < end ? begin : PENDI_SLOT_NONE);
		pendi_store_relaxed(&pool->magazines[i].victim, (i + 1) % count);
	}
	return 0;
}

#define POCKETS_BYTES (PENDI_THREADS * sizeof(struct pendi_pocket))

int pendi_pool_add_pockets(struct pendi_pool *pool, const struct pend_allocator *allocator)
{
	pool->pockets =
		pendi_memory_allocate(allocator, POCKETS_BYTES, _Alignof(struct pendi_pocket));
	pool->light = pendi_membarrier_register() == 0;
	return pool->pockets ? 0 : -ENOMEM;
}

void pendi_pool_fini(struct pendi_pool *pool, const struct pend_allocator *allocator)
{
	pendi_memory_release(allocator, pool->pockets, POCKETS_BYTES);
	pendi_memory_release(allocator, pool->magazines, pool->count * sizeof(*pool->magazines));
	pool->pockets = NULL;
	pool->magazines = NULL;
}

size_t pendi_pool_bytes(const struct pendi_pool *pool)
{
	return pool->count * sizeof(*pool->magazines) + (pool->pockets ? POCKETS_BYTES : 0);
}
