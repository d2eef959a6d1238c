/* SPDX-License-Identifier: MIT */
/*
 * session_internal.h - seats: the session numbers of an engine, and who sits there.
 *
 *	FREE --open--> OPEN --lost--> BLOCKED, PERMITTED, KEPT --all gone, closed--> FREE
 *	                 ^ '--lost--> WAITING (for an heir) --nothing left to inherit, closed--> FREE
 *	                 '--an heir opens--'
 *
 * A seat is one number. Sessions sit there one after the other; an heir takes the seat over with
 * all that belongs to it. Everything about who may use a seat is in its control word:
 *
 *	| sitting 6 | state 3 | inside 19 | live 36 |
 *
 *	live	  operations that the session owns, or for which a pender holds a place
 *	inside	  threads inside a call that uses the ring, penders with a ticket included
 *	sitting	  moves with each session that sits down, so that calls on earlier ones are known
 *
 * The public pointer is &seat->sessions[sitting]: it says which seat and which sitting. Seats stay
 * until the engine is destroyed, so a stale pointer finds another sitting there and is refused, for
 * 63 sessions to come in the same seat.
 *
 * A loss is one compare-and-swap of the control word (SE4), so there is exactly one loser who
 * handles it. Every pender that came in before leaves by a subtraction from the same word: one that
 * comes before the loss is seen by the loser's search for operations, one that comes after sees
 * the loss and handles its operation itself. No fence is needed: all of it is one word.
 *
 * Nothing is freed on the way: who leaves last only leaves. What has ended is freed by the next
 * call that opens or closes a session of the engine (registry.c), or with the engine.
 */
#ifndef PENDI_ENGINE_SESSION_SESSION_INTERNAL_H
#define PENDI_ENGINE_SESSION_SESSION_INTERNAL_H

#include <errno.h>
#include <pthread.h>

#include "engine/session/ring.h"
#include "engine/session/session.h"
#include "engine/shard/client.h"
#include "engine/shard/monitor.h"

#define SEAT_LIVE_ONE 1ull
#define SEAT_LIVE_MASK ((1ull << 36) - 1)
#define SEAT_INSIDE_ONE (1ull << 36)
#define SEAT_COUNTS_MASK ((1ull << 55) - 1) /* live and inside */
#define SEAT_STATE_SHIFT 55u
#define SEAT_STATE_MASK (7ull << SEAT_STATE_SHIFT)
#define SEAT_SITTING_SHIFT 58u
#define SEAT_SITTINGS 64u

enum pendi_seat_state {
	PENDI_SEAT_FREE = 0,
	PENDI_SEAT_OPEN = 1,
	PENDI_SEAT_WAITING = 2, /* lost, PEND_LOSS_HAND_OVER */
	PENDI_SEAT_BLOCKED = 3, /* lost, and what becomes of the operations */
	PENDI_SEAT_PERMITTED = 4,
	PENDI_SEAT_KEPT = 5,
};

struct pend_session {
	uint8_t sitting; /* the index in its seat: never written again */
};

struct pendi_seat {
	/* Read by all who pend. Set when a session sits down. */
	struct pend_engine *engine;
	uint32_t number;
	_Atomic uint32_t share; /* options.max_live */
	_Atomic int32_t self_pid;
	_Atomic uint32_t on_loss; /* enum pend_on_loss */
	_Atomic uint64_t space_user,
		space_label; /* whose objects it may reach: custom maps' business */
	/* Written by all who pend or complete. */
	PENDI_APART(2) _Atomic uint64_t control;
	PENDI_APART(2) struct pendi_ring ring;
	_Atomic uint64_t full_refusals, share_refusals, self_refusals;
	/* What follows is used under the mutex only. */
	bool owned;  /* opened and not closed: the engine is held for it */
	bool seated; /* the ring is there */
	int lease;   /* the end of the pipe that is watched, or -1 */
	int watch;   /* a duplicate of options.watch_fd, or -1 */
	char name[PEND_SESSION_NAME_MAX + 1];
	struct pend_session sessions[SEAT_SITTINGS];
};

/* All seats of an engine. */
struct pendi_sessions {
	struct pend_engine *engine;
	const struct pend_allocator *allocator;
	struct pendi_sessions *next; /* of another engine; under the mutex */
	_Atomic(struct pendi_seat *) seats[PEND_SESSIONS_MAX + 1]; /* by number; 0 is nobody */
};

/* One for all engines: opening, leasing and closing are rare. Neither the monitor nor who pends or
 * completes takes it. */
extern pthread_mutex_t pendi_sessions_mutex;

PENDI_ALWAYS_INLINE enum pendi_seat_state pendi_seat_state(uint64_t control)
{
	return (enum pendi_seat_state)((control & SEAT_STATE_MASK) >> SEAT_STATE_SHIFT);
}

PENDI_ALWAYS_INLINE uint64_t pendi_seat_with_state(uint64_t control, enum pendi_seat_state state)
{
	return (control & ~SEAT_STATE_MASK) | (uint64_t)state << SEAT_STATE_SHIFT;
}

PENDI_ALWAYS_INLINE const struct pendi_seat *pendi_seat_peek(const struct pend_session *session)
{
	return (const struct pendi_seat *)(const void *)((const char *)(session -
									session->sitting) -
							 offsetof(struct pendi_seat, sessions));
}

PENDI_ALWAYS_INLINE struct pendi_seat *pendi_seat_of(struct pend_session *session)
{
	return PENDI_CONTAINER_OF(session - session->sitting, struct pendi_seat, sessions[0]);
}

/* Whether @control is that of a seat in which @session sits, lost or not. */
PENDI_ALWAYS_INLINE bool pendi_seat_is_of(uint64_t control, const struct pend_session *session)
{
	return control >> SEAT_SITTING_SHIFT == session->sitting &&
	       pendi_seat_state(control) != PENDI_SEAT_FREE;
}

PENDI_ALWAYS_INLINE bool pendi_seat_is_open(uint64_t control, const struct pend_session *session)
{
	return control >> SEAT_SITTING_SHIFT == session->sitting &&
	       pendi_seat_state(control) == PENDI_SEAT_OPEN;
}

/* Goes inside: 0 and the seat, -EFAULT or -ESHUTDOWN. */
int pendi_session_enter(struct pend_session *session, struct pendi_seat **seat);
void pendi_session_leave(struct pendi_seat *seat);

/* registry.c: how an engine that is destroyed frees its seats. */
void pendi_sessions_end(struct pendi_sessions *sessions);

/* loss.c: the session that sits there is lost; does what on_loss says. @session: only if it is that
 * one; NULL: whoever. False: it was lost before. Lock-free but for the maps' part. */
bool pendi_seat_lose(struct pendi_seat *seat, const struct pend_session *session);

/* lease.c: under the mutex. 0 or a negative errno; what is watched is lost by it from then on. */
int pendi_seat_watch(struct pendi_seat *seat, int fd);
/* lease.c: under the mutex: watches nothing any more. */
void pendi_seat_unwatch(struct pendi_seat *seat);
/* lease.c: closes what was watched; the monitor has stopped, or has forgotten it. */
void pendi_seat_close_watches(struct pendi_seat *seat);

/* registry.c: under the mutex: frees what can be freed. */
void pendi_sessions_sweep(struct pendi_sessions *sessions);

#endif
