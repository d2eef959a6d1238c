/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - the account of every operation: pended once, completed once (guarantee A).
 *
 *   entry:  closed(n) -> open(n + 1)    ledger_open(), by the thread that owns the entry
 *           open(n)   -> closed(n)      ledger_close(), by the completion function: a compare-and-
 *                                       swap, so a second completion of round n fails and is counted
 *
 * The cookie of an operation names its entry and its round, so a completion that comes again after
 * the entry was used anew is told from the right one. Memory does not grow with the run. What is
 * open when nothing is live any more is lost.
 */
#ifndef STRESS_LEDGER_H
#define STRESS_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "stress/cell.h"

struct ledger_entry {
	struct cell state;   /* round << 1 | open */
	struct cell handle;  /* of the operation, while it is open; 0: not yet known */
	struct cell decided; /* round and time of an accepted complete: ledger_decide() */
};

#define LEDGER_TIME_BITS 44u /* 4.8 hours of nanoseconds */

struct ledger {
	struct ledger_entry *entries;
	uint32_t count;
	uint64_t began_ns;
	struct cell duplicates; /* completions of what was completed already */
	struct cell strangers;  /* completions of what was never pended */
};

/* False: no memory. */
bool ledger_make(struct ledger *ledger, uint32_t count);
void ledger_free(struct ledger *ledger);

/* Entries that are open. Exact when nobody pends or completes. */
uint32_t ledger_open_count(struct ledger *ledger);

static inline uint32_t ledger_index(uint64_t cookie)
{
	return (uint32_t)(cookie >> 32);
}

/* A new round of entry @index: the cookie to pend with, or 0 while its operation is open. By the
 * one thread that owns the entry. */
static inline uint64_t ledger_open(struct ledger *ledger, uint32_t index)
{
	struct ledger_entry *entry = &ledger->entries[index];
	uint64_t state = cell_read(&entry->state), round = (uint32_t)(state >> 1) + 1u;

	if (state & 1)
		return 0;
	round = (uint32_t)round ? (uint32_t)round : 1;
	cell_write(&entry->handle, 0);
	cell_write(&entry->state, round << 1 | 1);
	return (uint64_t)index << 32 | round;
}

/* The operation of @cookie was completed, or refused. False, and counted, if it was not open. */
static inline bool ledger_close(struct ledger *ledger, uint64_t cookie)
{
	uint64_t round = (uint32_t)cookie;
	struct ledger_entry *entry;

	if (ledger_index(cookie) >= ledger->count || round == 0) {
		cell_add(&ledger->strangers, 1);
		return false;
	}
	entry = &ledger->entries[ledger_index(cookie)];
	if (!cell_change(&entry->state, round << 1 | 1, round << 1)) {
		cell_add(&ledger->duplicates, 1);
		return false;
	}
	return true;
}

/* Notes in @cell a time of the operation's, and which round of its entry that is of. */
static inline void ledger_note(struct ledger *ledger, struct cell *cell, uint64_t cookie,
			       uint64_t ns)
{
	cell_write(cell, cookie << LEDGER_TIME_BITS | (ns - ledger->began_ns));
}

/* What was noted of this operation, or 0: nothing yet, or another's. */
static inline uint64_t ledger_noted(struct ledger *ledger, struct cell *cell, uint64_t cookie)
{
	uint64_t noted = cell_read(cell), ns = noted & ((UINT64_C(1) << LEDGER_TIME_BITS) - 1);

	if (!ns || (noted ^ cookie << LEDGER_TIME_BITS) >> LEDGER_TIME_BITS)
		return 0;
	return ledger->began_ns + ns;
}

/* Whoever completed it says when the call had returned. It may come late, into another round. */
static inline void ledger_decide(struct ledger *ledger, uint64_t cookie, uint64_t now_ns)
{
	ledger_note(ledger, &ledger->entries[ledger_index(cookie)].decided, cookie, now_ns);
}

static inline uint64_t ledger_decided_ns(struct ledger *ledger, uint64_t cookie)
{
	return ledger_noted(ledger, &ledger->entries[ledger_index(cookie)].decided, cookie);
}

#endif
