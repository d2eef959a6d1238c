/* SPDX-License-Identifier: MIT */
/*
 * doorbell.h - how one sleeper waits for work without missing any.
 *
 *	sleeper: arm -> look for work again -> sleep              others: make work -> ring
 *	                        '-> found some: disarm
 *
 * Arming writes the bell and then reads the work; ringing is done after the work was written and
 * reads the bell (DB1, a store-load fence on both sides): so either the sleeper finds the work, or
 * the ringer finds the bell armed and wakes it. Ringing an unarmed bell is one load.
 *
 * A bell has one sleeper at a time and any number of ringers. A ringer that stalls between its
 * look and its wake can end a later sleep too early, never make one too long.
 */
#ifndef PENDI_ENGINE_QUEUE_DOORBELL_H
#define PENDI_ENGINE_QUEUE_DOORBELL_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/atomic.h"
#include "platform/futex.h"

/* All zero: a bell that nobody sleeps on. */
struct pendi_doorbell {
	/* 0: nobody sleeps; 1: somebody is about to, or does. */
	PENDI_APART(2) _Atomic uint32_t armed;
};

/* Says that the caller is about to sleep; it must look for work once more before it does. */
void pendi_doorbell_arm(struct pendi_doorbell *bell);

/* Takes that back: there was work. */
void pendi_doorbell_disarm(struct pendi_doorbell *bell);

/* Sleeps until the bell rings or @timeout_ns (UINT64_MAX: no limit) has passed, or for less: the
 * caller looks for work whatever the reason. Not at all, if the bell rang since it was armed.
 * Leaves the bell disarmed. Whoever rang it made work that the caller now sees. */
void pendi_doorbell_sleep(struct pendi_doorbell *bell, uint64_t timeout_ns);

/* The rest of pendi_doorbell_ring(), when the bell was seen armed. */
void pendi_doorbell_wake(struct pendi_doorbell *bell) PENDI_COLD;

/* Wakes the sleeper, if there is one. The caller has made work visible before, by a
 * read-modify-write or with a full fence behind it (labelled DB1, as in queue.c). */
PENDI_ALWAYS_INLINE void pendi_doorbell_ring(struct pendi_doorbell *bell)
{
	/* relaxed: the caller's fence [DB1.sc] orders it after the work; nothing is read through
	 * it. */
	if (PENDI_UNLIKELY(pendi_load_relaxed(&bell->armed)))
		pendi_doorbell_wake(bell);
}

#endif
