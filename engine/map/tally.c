/* SPDX-License-Identifier: MIT */
/*
 * tally.c - makes and sums the counters of a map.
 *
 * An allocation of this size begins at a page. If row n of every tally lay at the same place in its
 * page, all that a thread counts would compete for one set of its first-level cache. So each tally
 * begins some rows behind its allocation, the next one a row further: its shade.
 */
#include "engine/map/tally.h"

#include <errno.h>

#include "platform/memory.h"

#define TALLY_SHADES 16u /* rows to a page */
#define TALLY_BYTES ((PENDI_THREADS + TALLY_SHADES) * sizeof(struct pendi_tally_row))

static _Atomic uint32_t tally_last_shade;

int pendi_tally_init(struct pendi_tally *tally, const struct pend_allocator *allocator)
{
	struct pendi_tally_row *rows =
		pendi_memory_allocate(allocator, TALLY_BYTES, _Alignof(struct pendi_tally_row));

	if (!rows)
		return -ENOMEM;
	/* relaxed: any shade will do. */
	tally->shade = pendi_fetch_add_relaxed(&tally_last_shade, 1) % TALLY_SHADES;
	tally->rows = rows + tally->shade;
	return 0;
}

void pendi_tally_fini(struct pendi_tally *tally, const struct pend_allocator *allocator)
{
	pendi_memory_release(allocator, tally->rows ? tally->rows - tally->shade : NULL,
			     TALLY_BYTES);
	tally->rows = NULL;
}

size_t pendi_tally_bytes(void)
{
	return TALLY_BYTES;
}

uint64_t pendi_tally_sum(const struct pendi_tally *tally, uint32_t counter)
{
	const uint32_t limit = pendi_thread_limit();
	uint64_t sum = 0;

	for (uint32_t i = 0; i < limit; i++)
		/* relaxed: an estimate, as promised. */
		sum += pendi_load_relaxed(&tally->rows[i].count[counter]);
	return sum;
}
