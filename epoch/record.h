/* SPDX-License-Identifier: MIT */
/*
 * record.h - what the registry keeps for each thread, and what it asks of the implementation.
 *
 * Private to this folder. One record is two cache lines: the first is written by its owner on
 * every section, the second when a thread comes or goes and by the stall report.
 */
#ifndef PENDI_EPOCH_RECORD_H
#define PENDI_EPOCH_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "epoch/thread.h"
#include "platform/atomic.h"
#include "platform/compiler.h"

struct pendi_thread_record {
	/*
	 * Bits 63..32: the epoch the section entered in. Bits 31..0: a counter that goes up at
	 * each outermost enter and exit, so it is odd inside, and no two sections of a record
	 * have the same word (until 2^31 of them have passed in one epoch). Written by the
	 * owner, read by whoever advances, retires or reports (EP1, EP2).
	 */
	PENDI_APART(2) _Atomic uint64_t section;
	/* How many nodes the owners of this record have retired, and how many functions they
	 * have run. One writer at a time (TR1); record 0 is the exception, its writers add. */
	_Atomic uint64_t retired;
	_Atomic uint64_t reclaimed;
	/* Goes up when its owner begins to take nodes and when it has run their functions, so
	 * it is odd in between. Written by the owner, read by barrier (EP5, EP6). */
	_Atomic uint32_t turns;
	/* How many sections are open, one in the other. The owner's alone. */
	uint32_t nest;

	/* The kernel's thread id of the owner, 0 when the record is free. */
	PENDI_APART(1) _Atomic int32_t owner;
	/* The section word that a stall report saw here, and when it saw it first (EP7). */
	_Atomic uint64_t seen;
	_Atomic uint64_t seen_ns;
};

_Static_assert(PENDI_UNPADDED || sizeof(struct pendi_thread_record) == 2 * PENDI_CACHE_LINE,
	       "two lines: neighbours share none, and prefetchers fetch in pairs");

extern struct pendi_thread_record pendi_thread_records[PENDI_THREADS]
	__attribute__((visibility("hidden")));

PENDI_ALWAYS_INLINE bool pendi_section_is_open(uint64_t section)
{
	return section & 1;
}

PENDI_ALWAYS_INLINE uint32_t pendi_section_epoch(uint64_t section)
{
	return (uint32_t)(section >> 32);
}

/* The word of the section that follows @section, entered in @epoch. */
PENDI_ALWAYS_INLINE uint64_t pendi_section_enter(uint64_t section, uint32_t epoch)
{
	return (uint64_t)epoch << 32 | (uint32_t)(section + 1);
}

/* The word when @section has been left. A carry into the epoch is harmless: nobody reads the
 * epoch of a closed section. */
PENDI_ALWAYS_INLINE uint64_t pendi_section_exit(uint64_t section)
{
	return section + 1;
}

/* Adds to a counter of the record of thread @number; returns the new value. */
PENDI_ALWAYS_INLINE uint64_t pendi_record_add(uint32_t number, _Atomic uint64_t *counter,
					      uint64_t count)
{
	/* relaxed, all three: the counters are statistics and guard nothing. */
	if (PENDI_UNLIKELY(number == 0))
		return pendi_fetch_add_relaxed(counter, count) + count;

	const uint64_t value = pendi_load_relaxed(counter) + count;

	pendi_store_relaxed(counter, value);
	return value;
}

/*
 * Record 0, lent to a thread that could not be registered, for the length of one call, so that
 * such a thread can still move limbo on. Returns the caller's own record when it has one, and
 * NULL when record 0 is lent out.
 */
struct pendi_thread_record *pendi_thread_borrow(void);
void pendi_thread_repay(struct pendi_thread_record *record);

/* Whether the caller is the thread that has borrowed record 0. */
bool pendi_thread_is_guest(void);

/* The implementation provides these for the registry. */

/* Once in a process, before the first thread is registered. */
void pendi_epoch_begin(void);
/* The caller has become the owner of @record. */
void pendi_epoch_thread_begin(struct pendi_thread_record *record);
/* The caller, owner of @record, ends: whatever it has open must be closed. */
void pendi_epoch_thread_end(struct pendi_thread_record *record);
/* In the child of a fork, alone; the records of the other threads are free already. */
void pendi_epoch_forked(void);

#endif
