/* SPDX-License-Identifier: MIT */
/*
 * loss.c - a session is lost: closed, or its orchestrator is gone.
 *
 *	state leaves OPEN (one wins) -> each map is told what to do with what the session owned ->
 *	the loser leaves: the seat may be used again when all of it is gone
 *
 * A loss that hands over has nothing to tell: the operations stay as they are and wait for the
 * heir. The monitor comes here too, so nothing here takes a lock of the sessions.
 */
#include "engine/session/session_internal.h"

/* What becomes of what the session owned, for pendi_client.disown. */
struct loss {
	uint32_t number;
	uint32_t action;
};

static enum pendi_seat_state loss_state(enum pend_on_loss on_loss)
{
	switch (on_loss) {
	case PEND_LOSS_PERMIT:
		return PENDI_SEAT_PERMITTED;
	case PEND_LOSS_KEEP:
		return PENDI_SEAT_KEPT;
	case PEND_LOSS_HAND_OVER:
		return PENDI_SEAT_WAITING;
	default:
		return PENDI_SEAT_BLOCKED;
	}
}

/* True for the one call that lost it, which is inside from then on. *@lost: the new state. */
static bool seat_mark_lost(struct pendi_seat *seat, const struct pend_session *session,
			   enum pendi_seat_state *lost)
{
	/* [SE6.acq] Pairs with [SE6.rel] in seat_open(): what this session wants done. */
	uint64_t control = pendi_load_acquire(&seat->control, SE6);
	uint64_t after;

	do {
		if (pendi_seat_state(control) != PENDI_SEAT_OPEN ||
		    (session && !pendi_seat_is_open(control, session)))
			return false;
		/* relaxed: written before the session sat down (SE6). */
		*lost = loss_state((enum pend_on_loss)pendi_load_relaxed(&seat->on_loss));
		after = pendi_seat_with_state(control, *lost) + SEAT_INSIDE_ONE;
		/*
		 * [SE4.acq] [SE6.acq] Pairs with [SE4.rel] in pendi_session_commit(): who has left
		 * before this has published his operation, and the maps find it. And with
		 * [SE6.rel] as above, if another session sat down meanwhile.
		 */
	} while (!pendi_cas_acquire(&seat->control, &control, after, SE4));
	return true;
}

static void loss_tell(struct pendi_client *client, void *context)
{
	const struct loss *loss = context;

	client->disown(client, loss->number, loss->action);
}

bool pendi_seat_lose(struct pendi_seat *seat, const struct pend_session *session)
{
	struct loss loss = { seat->number, PEND_ACTION_BLOCK };
	enum pendi_seat_state lost;

	if (!seat_mark_lost(seat, session, &lost))
		return false;
	/* Who polls the descriptor reads, and learns of it. */
	pendi_ring_tell_anyway(&seat->ring);
	if (lost == PENDI_SEAT_PERMITTED)
		loss.action = PEND_ACTION_PERMIT_SOFT;
	else if (lost == PENDI_SEAT_KEPT)
		loss.action = PEND_ACTION_PENDING; /* blocks those without a deadline */
	if (lost != PENDI_SEAT_WAITING)
		pendi_engine_each(seat->engine, loss_tell, &loss);
	pendi_session_leave(seat);
	return true;
}

/* The owner is done with the session that sits or sat in @seat. False: he was before. */
static bool seat_disown(struct pendi_seat *seat, const struct pend_session *session)
{
	bool owned = false;

	pthread_mutex_lock(&pendi_sessions_mutex);
	/* relaxed: the mutex orders whoever sits down. */
	if (pendi_seat_is_of(pendi_load_relaxed(&seat->control), session)) {
		owned = seat->owned;
		seat->owned = false;
	}
	pthread_mutex_unlock(&pendi_sessions_mutex);
	return owned;
}

int pend_session_close(struct pend_session *session)
{
	struct pend_engine *engine;
	struct pendi_seat *seat;
	bool lost;

	if (!session)
		return -EFAULT;
	seat = pendi_seat_of(session);
	engine = seat->engine;
	if (pendi_engine_serving(engine))
		return -EDEADLK;
	lost = pendi_seat_lose(seat, session);
	if (seat_disown(seat, session)) {
		pthread_mutex_lock(&pendi_sessions_mutex);
		pendi_sessions_sweep(pendi_engine_sessions(engine));
		pthread_mutex_unlock(&pendi_sessions_mutex);
		pendi_engine_release(engine);
	}
	return lost ? 0 : -ESHUTDOWN;
}
