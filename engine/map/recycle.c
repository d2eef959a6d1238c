/* SPDX-License-Identifier: MIT */
/*
 * recycle.c - free, limbo and spare slots, and the debts between them. See recycle.h.
 *
 * While a slot is in limbo its cookie holds the address of its recycler: the epoch gives back
 * nothing but the node. A stale reader that copies that cookie finds the generation moved.
 *
 * Edges: RC1 a debt's books; FR1, FR2 (pool.h); EP edges in retire (epoch/).
 */
#include "engine/map/recycle.h"

#include "platform/cpu.h"
#include "platform/memory.h"

#define DEBT_INCURRED_ONE (1ull << 32)
#define DEBT_SETTLED_ONE 1ull

static uint32_t debt_incurred(uint64_t debt)
{
	return (uint32_t)(debt >> 32);
}

static uint32_t debt_settled(uint64_t debt)
{
	return (uint32_t)debt;
}

/* Makes the caller the one who settles a debt, if there is one that nobody settles. */
static bool claim_debt(struct pendi_recycler *recycler)
{
	/* relaxed, all: only the counts matter; the slots travel through the pools (FR1). */
	uint32_t claimed = pendi_load_relaxed(&recycler->claimed);

	while (claimed != debt_incurred(pendi_load_relaxed(&recycler->debt)))
		/* relaxed: as above. */
		if (pendi_cas_relaxed(&recycler->claimed, &claimed, claimed + 1))
			return true;
	return false;
}

/* The slot of a claimed debt can be taken, or was. */
static void settle_debt(struct pendi_recycler *recycler)
{
	/* [RC1.rel] Pairs with [RC1.acq] in pendi_recycler_take_deferred(): who counts the debt as settled
	 * finds the slot. */
	(void)pendi_fetch_add_release(&recycler->debt, DEBT_SETTLED_ONE, RC1);
}

/* No reader can hold the slot any more: it pays a debt, or becomes a spare. */
static void reclaim(struct pendi_epoch_node *node)
{
	/* The node lies behind the header of its slot. */
	struct pendi_slot *slot = (struct pendi_slot *)(void *)((char *)node - sizeof(*slot));
	/* relaxed: written by pendi_recycler_defer(), which the epoch orders before this. */
	struct pendi_recycler *recycler =
		(struct pendi_recycler *)(uintptr_t)pendi_load_relaxed(&slot->user_cookie);
	const uint32_t number = pendi_slab_node_slot(&recycler->slab, node);

	if (PENDI_LIKELY(!claim_debt(recycler))) {
		pendi_pool_put(&recycler->spare, pendi_recycler_home(recycler, number), number);
		return;
	}
	pendi_pool_put(&recycler->free, pendi_recycler_home(recycler, number), number);
	settle_debt(recycler);
}

void pendi_recycler_retire(struct pendi_recycler *recycler, uint32_t slot)
{
	struct pendi_slot *at = pendi_slab_slot(&recycler->slab, slot);
	struct pendi_epoch_node *node = pendi_slab_node(&recycler->slab, at);

	/* relaxed: read again by reclaim(), which the epoch orders after this. */
	pendi_store_relaxed(&at->user_cookie, (uint64_t)(uintptr_t)recycler);
	node->reclaim = reclaim;
	pendi_epoch_retire(node);
}

void pendi_recycler_defer(struct pendi_recycler *recycler, uint32_t slot)
{
	const uint32_t home = pendi_recycler_home(recycler, slot);
	uint32_t spare;

	pendi_recycler_retire(recycler, slot);
	spare = pendi_pool_take(&recycler->spare, home);
	if (PENDI_LIKELY(spare != PENDI_SLOT_NONE))
		pendi_pool_put(&recycler->free, home, spare);
	else
		/* relaxed: a count; the slot it stands for is in limbo. */
		(void)pendi_fetch_add_relaxed(&recycler->debt, DEBT_INCURRED_ONE);
}

uint32_t pendi_recycler_take_spare(struct pendi_recycler *recycler, uint32_t cpu)
{
	uint32_t slot = pendi_pool_take(&recycler->spare, cpu);

	if (PENDI_LIKELY(slot != PENDI_SLOT_NONE))
		return slot;
	(void)pendi_epoch_poll();
	return pendi_pool_take(&recycler->spare, cpu);
}

void pendi_recycler_return_spare(struct pendi_recycler *recycler, uint32_t cpu, uint32_t slot)
{
	pendi_pool_put(&recycler->spare, cpu, slot);
}

/*
 * The free pool is empty. With no debt, max_entries are live: -ENOSPC. With debts, move limbo on
 * and use a spare that is owed, or else there is room that readers still hold: -EAGAIN.
 */
uint32_t pendi_recycler_take_deferred(struct pendi_recycler *recycler, uint32_t cpu, int *error)
{
	for (;;) {
		/* [RC1.acq] Pairs with [RC1.rel] in settle_debt(): a settled debt's slot is in
		 * the pool for the take below. */
		const uint64_t debt = pendi_load_acquire(&recycler->debt, RC1);
		const bool owed = debt_incurred(debt) != debt_settled(debt);
		uint32_t slot;

		if (owed)
			(void)pendi_epoch_poll();
		slot = pendi_pool_take(&recycler->free, cpu);
		if (slot != PENDI_SLOT_NONE)
			return slot;
		slot = owed ? pendi_pool_take(&recycler->spare, cpu) : PENDI_SLOT_NONE;
		if (slot != PENDI_SLOT_NONE && claim_debt(recycler)) {
			settle_debt(recycler);
			return slot;
		}
		if (slot != PENDI_SLOT_NONE)
			pendi_pool_put(&recycler->spare, cpu, slot);
		/* relaxed: compared with the value read before, which was acquired. */
		if (pendi_load_relaxed(&recycler->debt) == debt) {
			*error = owed ? -EAGAIN : -ENOSPC;
			return PENDI_SLOT_NONE;
		}
	}
}

void pendi_recycler_put_many(struct pendi_recycler *recycler, const uint32_t *slots, uint32_t count)
{
	if (recycler->deferred) {
		for (uint32_t i = 0; i < count; i++)
			pendi_recycler_defer(recycler, slots[i]);
		return;
	}
	/* Runs of one home, each with one push. */
	for (uint32_t begin = 0, end; begin < count; begin = end) {
		const uint32_t home = pendi_recycler_home(recycler, slots[begin]);

		for (end = begin + 1;
		     end < count && pendi_recycler_home(recycler, slots[end]) == home; end++)
			;
		pendi_pool_put_many(&recycler->free, home, &slots[begin], end - begin);
	}
}

int pendi_recycler_init(struct pendi_recycler *recycler, const struct pendi_recycler_shape *shape,
			const struct pend_allocator *allocator)
{
	const uint32_t cpus = pendi_cpu_possible();
	struct pendi_slab_shape slab = shape->slab;
	int error;

	slab.count = shape->entries + shape->reserve;
	slab.node = recycler->deferred = shape->reserve != 0;
	error = pendi_slab_init(&recycler->slab, &slab, allocator);
	if (error)
		return error;
	/* The pool touches it. */
	if (allocator->allocate == pendi_memory_default.allocate)
		pendi_slab_place(&recycler->slab, shape->entries);
	error = pendi_pool_init(&recycler->free, &recycler->slab, 0, shape->entries, cpus,
				allocator);
	if (error)
		goto fail_free;
	error = pendi_pool_add_pockets(&recycler->free, allocator);
	if (error)
		goto fail_spare;
	if (!recycler->deferred)
		return 0;
	error = pendi_pool_init(&recycler->spare, &recycler->slab, shape->entries, shape->reserve,
				cpus, allocator);
	if (error)
		goto fail_spare;
	error = pendi_pool_add_pockets(&recycler->spare, allocator);
	if (error)
		goto fail_pockets;
	return 0;

fail_pockets:
	pendi_pool_fini(&recycler->spare, allocator);
fail_spare:
	pendi_pool_fini(&recycler->free, allocator);
fail_free:
	pendi_slab_fini(&recycler->slab, allocator);
	return error;
}

void pendi_recycler_fini(struct pendi_recycler *recycler, const struct pend_allocator *allocator)
{
	if (recycler->deferred) {
		/* The caller is outside any section, which is all that could refuse this. */
		(void)pendi_epoch_barrier();
		pendi_pool_fini(&recycler->spare, allocator);
	}
	pendi_pool_fini(&recycler->free, allocator);
	pendi_slab_fini(&recycler->slab, allocator);
}

size_t pendi_recycler_bytes(const struct pendi_recycler *recycler)
{
	return recycler->slab.bytes + pendi_pool_bytes(&recycler->free) +
	       (recycler->deferred ? pendi_pool_bytes(&recycler->spare) : 0);
}
