/* SPDX-License-Identifier: MIT */
/*
 * bucket.c - changes to one cache line of the index: its cells and its home word.
 *
 * The reach of a home only grows while a key of it is displaced, and goes back to nothing with
 * the last one. A reach that is too large costs a look; one that is too small would hide a key,
 * so it is raised before the cell is set and lowered after the cell is empty.
 *
 * Edges: IX1 (cells), IX3 (home word). Progress: taking a cell looks at each once; the home word
 * is lock-free.
 */
#include "engine/index/bucket.h"

uint32_t pendi_bucket_take(struct pendi_bucket *bucket, uint32_t cell)
{
	/* [IX1.acq] Pairs with [IX1.rel] in pendi_index_remove(); the CAS below repeats it. */
	uint32_t empty = pendi_match16_acquire(bucket->cells, PENDI_CELL_EMPTY, UINT32_MAX, IX1) &
			 PENDI_CELL_SET;

	for (; empty; empty &= empty - 1) {
		const uint32_t place = (uint32_t)__builtin_ctz(empty);
		uint32_t expected = PENDI_CELL_EMPTY;

		/*
		 * [IX1.acq] Pairs with [IX1.rel] in pendi_index_remove(): the former key is gone.
		 * [IX1.rel] Pairs with [IX1.acq] in pendi_index_find() and look(): who sees the
		 * cell sees the slot's key and its word.
		 */
		if (pendi_cas_acq_rel(&bucket->cells[place], &expected, cell, IX1, IX1))
			return place;
	}
	return 0;
}

void pendi_bucket_reach_out(struct pendi_bucket *home, uint32_t distance, bool counted)
{
	/* relaxed: the CAS validates it. */
	uint64_t old = pendi_load_relaxed(&home->home), next;

	do {
		const uint32_t reach = pendi_home_reach(old);

		next = pendi_home_make(pendi_home_displaced(old) + (counted ? 0 : 1),
				       reach > distance ? reach : distance);
		/* [IX3.rel] Pairs with [IX3.acq] in pendi_index_find() and look(): the reach is
		 * there before the cell is. */
	} while (!pendi_cas_release(&home->home, &old, next, IX3));
}

void pendi_bucket_draw_in(struct pendi_bucket *home)
{
	/* relaxed: the CAS validates it. */
	uint64_t old = pendi_load_relaxed(&home->home), next;

	do {
		const uint32_t displaced = pendi_home_displaced(old) - 1;

		next = pendi_home_make(displaced, displaced ? pendi_home_reach(old) : 0);
		/* [IX3.rel] Pairs with [IX3.acq] in pendi_index_find(): the cell was emptied
		 * before the reach shrinks. */
	} while (!pendi_cas_release(&home->home, &old, next, IX3));
}
