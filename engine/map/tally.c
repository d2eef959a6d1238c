/* SPDX-License-Identifier: MIT */
/*
 * tally.c - makes and sums the counters of a map.
 */
#include "engine/map/tally.h"

#include <errno.h>

#include "platform/memory.h"

#define TALLY_BYTES (PENDI_THREADS * sizeof(struct pendi_tally_row))

int pendi_tally_init(struct pendi_tally *tally, const struct pend_allocator *allocator)
{
	tally->rows =
		pendi_memory_allocate(allocator, TALLY_BYTES, _Alignof(struct pendi_tally_row));
	return tally->rows ? 0 : -ENOMEM;
}

void pendi_tally_fini(struct pendi_tally *tally, const struct pend_allocator *allocator)
{
	pendi_memory_release(allocator, tally->rows, TALLY_BYTES);
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
