/* SPDX-License-Identifier: MIT */
/*
 * session.c - pending for a session, and reading what was pended. See session_internal.h.
 *
 *	reserve: count in (live and inside) -> take a record      discard: the same backwards
 *	commit:  notice into the ring -> count out (inside)       release: count out (live)
 *
 * Counting in is one addition, or a compare-and-swap where there is a share to keep to; what it
 * added to says whether the session was open at that moment.
 */
#include <string.h>

#include "engine/session/session_internal.h"

/* sizeof(struct pend_session_stats) in the first version. */
#define SESSION_STATS_SIZE_FIRST sizeof(struct pend_session_stats)

#define SEAT_TICKET (SEAT_LIVE_ONE + SEAT_INSIDE_ONE)

static void seat_count_out(struct pendi_seat *seat, uint64_t what)
{
	/* [SE5.rel] Pairs with [SE5.acq] in seat_is_over(): what was used is no longer used when
	 * it is freed. */
	(void)pendi_fetch_sub_release(&seat->control, what, SE5);
}

/* 0, -EDQUOT or -ESHUTDOWN. */
static int seat_count_in_bounded(struct pendi_seat *seat, const struct pend_session *session,
				 uint64_t control, uint64_t most)
{
	do {
		if (!pendi_seat_is_open(control, session))
			return -ESHUTDOWN;
		if ((control & SEAT_LIVE_MASK) >= most)
			return -EDQUOT;
		/* [SE6.acq] Pairs with [SE6.rel] in seat_open(): the ring is there. */
	} while (!pendi_cas_acquire(&seat->control, &control, control + SEAT_TICKET, SE6));
	return 0;
}

/* Adds @what, unless @session does not sit there: 0 or -ESHUTDOWN. */
static int seat_count_in(struct pendi_seat *seat, const struct pend_session *session, uint64_t what)
{
	/* [SE6.acq] Pairs with [SE6.rel] in seat_open(): the ring is there. [SE5.rel] is not
	 * needed. */
	if (PENDI_LIKELY(pendi_seat_is_open(pendi_fetch_add_acq_rel(&seat->control, what, SE6, SE5),
					    session)))
		return 0;
	seat_count_out(seat, what);
	return -ESHUTDOWN;
}

static int seat_count_ticket_in(struct pendi_seat *seat, const struct pend_session *session)
{
	/* relaxed, both: validated by what follows; a share that changes hands may be seen late. */
	const uint64_t control = pendi_load_relaxed(&seat->control);
	const uint64_t most = pendi_load_relaxed(&seat->share);

	if (PENDI_UNLIKELY(!pendi_seat_is_open(control, session)))
		return -ESHUTDOWN;
	return most ? seat_count_in_bounded(seat, session, control, most)
		    : seat_count_in(seat, session, SEAT_TICKET);
}

static int seat_refuse(_Atomic uint64_t *counter, int error)
{
	/* relaxed: a count orders nothing. */
	(void)pendi_fetch_add_relaxed(counter, 1);
	return error;
}

int pendi_session_reserve(struct pend_session *session, const struct pend_engine *engine,
			  int32_t subject_pid, struct pendi_ticket *ticket)
{
	struct pendi_seat *seat;
	int32_t self_pid;
	int error;

	if (PENDI_UNLIKELY(!session))
		return -EFAULT;
	seat = pendi_seat_of(session);
	if (PENDI_UNLIKELY(seat->engine != engine))
		return -ESHUTDOWN;
	error = seat_count_ticket_in(seat, session);
	if (PENDI_UNLIKELY(error))
		return error == -EDQUOT ? seat_refuse(&seat->share_refusals, error) : error;
	/* relaxed: written before the session sat down (SE6). */
	self_pid = pendi_load_relaxed(&seat->self_pid);
	ticket->seat = seat;
	ticket->notice = PENDI_RING_NONE;
	if (PENDI_UNLIKELY(self_pid && self_pid == subject_pid))
		error = seat_refuse(&seat->self_refusals, -EDEADLK);
	else if (PENDI_UNLIKELY((ticket->notice = pendi_ring_reserve(&seat->ring)) ==
				PENDI_RING_NONE))
		error = seat_refuse(&seat->full_refusals, -ENOBUFS);
	if (PENDI_UNLIKELY(error))
		seat_count_out(seat, SEAT_TICKET);
	return error;
}

uint32_t pendi_session_commit(const struct pendi_ticket *ticket, const struct pend_notice *notice,
			      const void *key)
{
	static const uint32_t fates[] = {
		[PENDI_SEAT_BLOCKED] = PEND_ACTION_BLOCK,
		[PENDI_SEAT_PERMITTED] = PEND_ACTION_PERMIT_SOFT,
		[PENDI_SEAT_KEPT] = PENDI_SESSION_BLOCK_ENDLESS,
	};
	struct pendi_seat *seat = ticket->seat;

	pendi_ring_commit(&seat->ring, ticket->notice, notice, key);
	/*
	 * [SE4.rel] [SE5.rel] Pairs with [SE4.acq] in seat_mark_lost(): a loss that comes after
	 * this sees the operation that was published before it, and one that came before is seen
	 * here. Without: an operation of a lost session waits for its deadline. And with [SE5.acq]
	 * in seat_is_over(): the ring is no longer used.
	 */
	return fates[pendi_seat_state(
		pendi_fetch_sub_release(&seat->control, SEAT_INSIDE_ONE, SE4))];
}

void pendi_session_discard(const struct pendi_ticket *ticket)
{
	pendi_ring_discard(&ticket->seat->ring, ticket->notice);
	seat_count_out(ticket->seat, SEAT_TICKET);
}

uint32_t pendi_session_number(const struct pend_session *session)
{
	return pendi_seat_peek(session)->number;
}

const struct pend_engine *pendi_session_engine(const struct pend_session *session)
{
	return pendi_seat_peek(session)->engine;
}

void pendi_session_set_space(struct pend_session *session, uint64_t user, uint64_t label)
{
	struct pendi_seat *seat = pendi_seat_of(session);

	/* relaxed, both: whoever says it does so before the session is used. */
	pendi_store_relaxed(&seat->space_user, user);
	pendi_store_relaxed(&seat->space_label, label);
}

void pendi_session_space(const struct pend_session *session, uint64_t *user, uint64_t *label)
{
	const struct pendi_seat *seat = pendi_seat_peek(session);

	/* relaxed, both: as above. */
	*user = pendi_load_relaxed(&seat->space_user);
	*label = pendi_load_relaxed(&seat->space_label);
}

void pendi_session_release(struct pend_engine *engine, uint32_t number)
{
	struct pendi_sessions *sessions = pendi_engine_sessions(engine);

	/* [SE7.acq] Pairs with [SE7.rel] in sessions_seat(): the seat as it was made. */
	seat_count_out(pendi_load_acquire(&sessions->seats[number], SE7), SEAT_LIVE_ONE);
}

int pendi_session_check(const struct pend_session *session)
{
	if (PENDI_UNLIKELY(!session))
		return -EFAULT;
	/* relaxed: nothing is read through it. */
	return pendi_seat_is_open(pendi_load_relaxed(&pendi_seat_peek(session)->control), session)
		       ? 0
		       : -ESHUTDOWN;
}

int pendi_session_enter(struct pend_session *session, struct pendi_seat **seat)
{
	const int error = pendi_session_check(session);

	if (error)
		return error;
	*seat = pendi_seat_of(session);
	return seat_count_in(*seat, session, SEAT_INSIDE_ONE);
}

void pendi_session_leave(struct pendi_seat *seat)
{
	seat_count_out(seat, SEAT_INSIDE_ONE);
}

int pend_session_fd(struct pend_session *session)
{
	struct pendi_seat *seat;
	int result = pendi_session_enter(session, &seat);

	if (result)
		return result;
	result = seat->ring.event;
	pendi_session_leave(seat);
	return result;
}

int pend_session_read(struct pend_session *session, struct pend_notice *notices, void *keys,
		      uint32_t count)
{
	struct pendi_seat *seat;
	uint32_t read;
	int error;

	if (!session || !notices)
		return -EFAULT;
	if (count > INT32_MAX)
		return -ERANGE;
	error = pendi_session_enter(session, &seat);
	if (error)
		return error;
	read = pendi_ring_read(&seat->ring, notices, keys, count);
	pendi_session_leave(seat);
	return (int)read;
}

static void seat_read_stats(const struct pendi_seat *seat, struct pend_session_stats *stats)
{
	stats->number = seat->number;
	/* relaxed, all: a moment's counts. */
	stats->live = pendi_load_relaxed(&seat->control) & SEAT_LIVE_MASK;
	stats->refused_full = pendi_load_relaxed(&seat->full_refusals);
	stats->refused_share = pendi_load_relaxed(&seat->share_refusals);
	stats->refused_self = pendi_load_relaxed(&seat->self_refusals);
	stats->wakes = pendi_load_relaxed(&seat->ring.told);
	pendi_ring_count(&seat->ring, &stats->notices, &stats->waiting);
}

int pend_session_stats_read(struct pend_session *session, struct pend_session_stats *stats)
{
	struct pend_session_stats now = { 0 };
	struct pendi_seat *seat;
	int error;

	if (!session || !stats)
		return -EFAULT;
	if (stats->size < SESSION_STATS_SIZE_FIRST)
		return -EINVAL;
	error = pendi_session_enter(session, &seat);
	if (error)
		return error;
	seat_read_stats(seat, &now);
	pendi_session_leave(seat);
	now.size = stats->size;
	/* A caller newer than this library knows more fields than are written. */
	memcpy(stats, &now, stats->size < sizeof(now) ? stats->size : sizeof(now));
	return 0;
}
