/* SPDX-License-Identifier: MIT */
/*
 * agenda.h - when to look at which slot: a tournament tree of ticks, served by anybody, any time.
 *
 *	level 2          [ min of the eight below ]
 *	level 1   [ min ][ min ] ..              one cache line: eight nodes of 64 bits
 *	level 0   [ tick of slot 0 ][ slot 1 ]..  a node: | version 32 | tick 32 |, tick 0: never
 *
 * The agenda does not know operations. It says of each slot of its range at which tick somebody
 * must look at it next; the slot itself says what there is to do. To look too early or twice is
 * harmless, to look too late is not, so every change that could move a tick later is a
 * compare-and-swap against the version that was read before the slot was looked at, and every
 * arming moves the version, even if it finds an earlier tick there. So nobody who stalls, wherever
 * he stands, can make a look late or lose it: a node is put right by whoever comes next, and there
 * is nothing that one owner holds (guarantees C and E). That is why it is no wheel of lists: a list
 * whose owner stopped in the middle can be served by nobody else.
 *
 * The place of a slot is fixed, so nothing is linked, moved or cancelled: an operation that is
 * completed just leaves a look behind. Memory: 9.2 bytes a slot, allocated once.
 *
 * Cost: arming is one compare-and-swap for each level, log8(slots) of them; a look is one, and its
 * share of one for each node above that was walked through. Progress: lock-free. The argument
 * and the edges DL1 and DL2 are in agenda.c.
 */
#ifndef PENDI_ENGINE_DEADLINE_AGENDA_H
#define PENDI_ENGINE_DEADLINE_AGENDA_H

#include <stdint.h>

#include <pendmap/allocator.h>

#include "platform/atomic.h"

/*
 * Ticks wrap; they are compared by their difference, so all that are in one agenda at once must lie
 * within 2^30 of each other and of the now of any pass: at a tick of a millisecond, nobody sets a
 * deadline more than 12 days ahead, passes do not stay away that long, and no thread sleeps that
 * long in one. 0 means never: who counts ticks steps over it.
 */
#define PENDI_TICK_NEVER 0u

#define PENDI_AGENDA_LEVELS 10u
#define PENDI_AGENDA_SLOTS (1u << 27) /* at most */

struct pendi_agenda {
	_Atomic uint64_t *levels[PENDI_AGENDA_LEVELS]; /* one allocation, that of level 0 */
	uint32_t count;                                /* slots */
	uint32_t depth; /* levels in use, 2 or more; the last has one node */
	_Atomic uint32_t
		start; /* where the next pass begins: a hint, behind the last that left some */
	size_t bytes;
};

/* For @count slots, numbered from 0; there may be none. 0, -ENOMEM, or -EINVAL for too many.
 * Memory comes zeroed: nothing is due. */
int pendi_agenda_init(struct pendi_agenda *agenda, uint32_t count,
		      const struct pend_allocator *allocator);
void pendi_agenda_fini(struct pendi_agenda *agenda, const struct pend_allocator *allocator);

/*
 * Slot @slot is to be looked at no later than @tick, which is not PENDI_TICK_NEVER. Lock-free. The
 * caller has written what the look is to find before (DL1). It holds when this has returned: who
 * relies on a slot being in the agenda relies on a call that returned, not on one under way in
 * another thread, which may have stopped.
 */
void pendi_agenda_arm(struct pendi_agenda *agenda, uint32_t slot, uint32_t tick);

/* The earliest tick, or an earlier one, or PENDI_TICK_NEVER. One load. */
uint32_t pendi_agenda_next(const struct pendi_agenda *agenda);

/*
 * Looks at a slot, and says at which tick after @now to look at it again, or PENDI_TICK_NEVER. It
 * may arm other slots, of this agenda too: those that are due are looked at in this pass or the
 * next. If its own slot is armed meanwhile, what it says is dropped and it is called again, by the
 * next pass: so it says the tick and does not arm it.
 *
 * What it says holds at the latest when the pass has returned. Before that, if the looker stops, the
 * slot is looked at at that tick or at the one armed last by a call that returned, whichever is
 * later: so a look that comes early, because of an arming under way, should not be the one to
 * announce that the slot is in the agenda.
 */
typedef uint32_t (*pendi_agenda_look_fn)(void *context, uint32_t slot, uint32_t now);

/*
 * Looks at up to @budget slots whose tick is @now or earlier, each once. Returns how many were
 * looked at; what is left keeps its tick, and if the budget was used up the next pass begins
 * there. In ascending order of slots, from there and then from the first. Several threads may do
 * so at once: then a slot may be looked at by more than one. Lock-free, apart from @visit.
 */
uint32_t pendi_agenda_pass(struct pendi_agenda *agenda, uint32_t now, uint32_t budget,
			   pendi_agenda_look_fn visit, void *context);

/* Told of slots that will be looked at soon, probably: to fetch what the look will need. */
typedef void (*pendi_agenda_fetch_fn)(void *context, uint32_t slot);

/* The same, and @fetch is told. */
uint32_t pendi_agenda_pass_fetching(struct pendi_agenda *agenda, uint32_t now, uint32_t budget,
				    pendi_agenda_look_fn visit, pendi_agenda_fetch_fn fetch,
				    void *context);

#endif
