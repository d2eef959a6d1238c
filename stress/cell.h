/* SPDX-License-Identifier: MIT */
/*
 * cell.h - shared words of the stress programs: counters, flags, mailboxes of one word.
 *
 * All of them are relaxed, on purpose: an oracle that ordered anything would hide that the library
 * forgot to. What must be ordered is ordered by joining threads.
 *
 * Valgrind's tools know no atomics: a store is a plain write to them, which races with every load.
 * They take an exchange for a read, so there cells are written by one.
 */
#ifndef STRESS_CELL_H
#define STRESS_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/atomic.h"

struct cell {
	_Atomic uint64_t value;
};

/* relaxed: as all here, see above. */
static inline uint64_t cell_read(struct cell *cell)
{
	return pendi_load_relaxed(&cell->value);
}

/* On valgrind: set by stress_begin(). */
extern bool cell_writes_by_exchange;

/* relaxed: as all here, see above. */
static inline void cell_write(struct cell *cell, uint64_t value)
{
	if (__builtin_expect(cell_writes_by_exchange, 0))
		(void)pendi_exchange_relaxed(&cell->value, value);
	else
		pendi_store_relaxed(&cell->value, value);
}

/* Returns what it was. relaxed: as all here, see above. */
static inline uint64_t cell_swap(struct cell *cell, uint64_t value)
{
	return pendi_exchange_relaxed(&cell->value, value);
}

/* True if it was @expected and is @value now. relaxed: as all here, see above. */
static inline bool cell_change(struct cell *cell, uint64_t expected, uint64_t value)
{
	return pendi_cas_relaxed(&cell->value, &expected, value);
}

/* Returns what it was. relaxed: as all here, see above. */
static inline uint64_t cell_add(struct cell *cell, uint64_t more)
{
	return pendi_fetch_add_relaxed(&cell->value, more);
}

static inline void cell_raise(struct cell *cell, uint64_t value)
{
	uint64_t seen = cell_read(cell);

	while (seen < value && !cell_change(cell, seen, value))
		seen = cell_read(cell);
}

#endif
