/* SPDX-License-Identifier: MIT */
/*
 * pocket.c - taking from another thread's pocket. See pocket.h for the algorithm.
 */
#include "engine/slot/pocket.h"

#include "platform/membarrier.h"

bool pendi_pocket_seems_empty(const struct pendi_pocket *pocket)
{
	/* [PK3.acq] Pairs with [PK3.rel] in pendi_pocket_steal(): read before bottom. */
	const uint64_t top = pendi_load_acquire(&pocket->top, PK3);

	/* [PK2.acq] Pairs with [PK2.rel] in pendi_pocket_put(). */
	return (int64_t)(pendi_load_acquire(&pocket->bottom, PK2) - top) <= 0;
}

uint32_t pendi_pocket_steal(struct pendi_pocket *pocket, bool light)
{
	for (;;) {
		/* [PK3.acq] Pairs with [PK3.rel] below in another thief. */
		uint64_t top = pendi_load_acquire(&pocket->top, PK3);

		/*
		 * [PK1.sc] top was read; now bottom is. Pairs with the fence in
		 * pendi_pocket_take(): if the owner's lower bottom is not seen here, the owner
		 * sees a top at least as high as ours, and does not take this slot unasked.
		 */
		if (light) {
			if (pendi_membarrier())
				return PENDI_SLOT_NONE;
		} else {
			/* [PK1.sc] The same against an owner that makes a real fence. */
			pendi_fence_store_load(PK1);
		}

		/* [PK2.acq] Pairs with [PK2.rel] in pendi_pocket_put(): the slot as it was put. */
		const uint64_t bottom = pendi_load_acquire(&pocket->bottom, PK2);

		if ((int64_t)(bottom - top) <= 0)
			return PENDI_SLOT_NONE;

		/* relaxed: published with bottom; if the ring came round, the CAS fails. */
		const uint32_t slot = pendi_load_relaxed(&pocket->ring[top % PENDI_POCKET_SLOTS]);

		/* [PK3.rel] Pairs with [PK3.acq] in pendi_pocket_put(): the place was read. */
		if (pendi_cas_release(&pocket->top, &top, top + 1, PK3))
			return slot;
	}
}
