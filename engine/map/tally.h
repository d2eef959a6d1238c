/* SPDX-License-Identifier: MIT */
/*
 * tally.h - counters without a read-modify-write: a row for each thread, summed by readers.
 *
 * Row n is written only by the thread of number n (epoch/thread.h), so adding is a load and a
 * store; when the number passes to another thread, the registry orders the two (TR1). Row 0 is for
 * threads that could not be registered: they share it and add with a read-modify-write.
 */
#ifndef PENDI_ENGINE_MAP_TALLY_H
#define PENDI_ENGINE_MAP_TALLY_H

#include <stdint.h>

#include <pendmap/allocator.h>

#include "epoch/thread.h"
#include "platform/atomic.h"

enum pendi_counter {
	PENDI_COUNT_GATE, /* no counter: gate.h */
	PENDI_COUNT_PENDS,
	PENDI_COUNT_BY_ORIGIN, /* .. + 7: one for each enum pend_origin */
	PENDI_COUNT_BY_ORIGIN_LAST = PENDI_COUNT_BY_ORIGIN + 7,
	PENDI_COUNT_REFUSED_FULL,
	PENDI_COUNT_REFUSED_RESERVE,
	PENDI_COUNT_REFUSED_KEY,
	PENDI_COUNT_LATE,
	PENDI_COUNT_DUPLICATES,
	PENDI_COUNT_CONTINUES,
	PENDI_COUNT_RERUNS,
	PENDI_COUNT_REFUSED_STOPPED,
	PENDI_COUNT_REFUSED_QUOTA,
	PENDI_COUNT_REFUSED_SESSION,
	PENDI_COUNT_DENIED,
	PENDI_COUNT_EXTENDS,
	PENDI_COUNT_OVERFLOWS,
	PENDI_COUNT_ARMS,
	PENDI_COUNT_STAGED_LOST,
	PENDI_COUNT_REFUSED_HOLD,
	PENDI_COUNT_AWAY,
	PENDI_COUNTERS = 32,
};

_Static_assert(PENDI_COUNT_AWAY < PENDI_COUNTERS, "they fit in a row");

struct pendi_tally_row {
	PENDI_APART(2) _Atomic uint64_t count[PENDI_COUNTERS];
};

struct pendi_tally {
	struct pendi_tally_row *rows; /* PENDI_THREADS of them */
	uint32_t shade;               /* tally.c */
};

/* 0 or -ENOMEM. */
int pendi_tally_init(struct pendi_tally *tally, const struct pend_allocator *allocator);
size_t pendi_tally_bytes(void);
void pendi_tally_fini(struct pendi_tally *tally, const struct pend_allocator *allocator);

/* The sum over all threads: a moment's estimate unless nobody counts. */
uint64_t pendi_tally_sum(const struct pendi_tally *tally, uint32_t counter);

PENDI_ALWAYS_INLINE void pendi_tally_add(struct pendi_tally *tally, uint32_t counter, uint64_t n)
{
	const uint32_t thread = pendi_thread_number();
	_Atomic uint64_t *count = &tally->rows[thread].count[counter];

	/* relaxed, all three: a count orders nothing, and a row other than 0 has one writer. */
	if (PENDI_LIKELY(thread))
		pendi_store_relaxed(count, pendi_load_relaxed(count) + n);
	else
		(void)pendi_fetch_add_relaxed(count, n);
}

#endif
