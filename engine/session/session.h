/* SPDX-License-Identifier: MIT */
/*
 * session.h - what the map needs of a session: reserve, pend, commit or discard; give back.
 *
 *	pend:     reserve (share, ring) -> arm, publish -> commit      refused later: discard
 *	finish:   release
 *
 * A session is named by its number, 1 .. PEND_SESSIONS_MAX, which is in the slot; 0 is nobody. The
 * number is used again only when the session has ended and owns nothing any more, so a slot's
 * number always means the session that it was pended for (or the one that took over).
 */
#ifndef PENDI_ENGINE_SESSION_SESSION_H
#define PENDI_ENGINE_SESSION_SESSION_H

#include <stdint.h>

#include <pendmap/session.h>

struct pendi_seat; /* engine/session/session_internal.h */

/* A place in a session's ring, and one in its share. To be committed or discarded, once. */
struct pendi_ticket {
	struct pendi_seat *seat;
	uint32_t notice;
};

/* What pendi_session_commit() may return besides 0 and the actions: PEND_ACTION_BLOCK, if the
 * operation has no deadline; else nothing. */
#define PENDI_SESSION_BLOCK_ENDLESS 0x100u

/* 0; -EFAULT; -ESHUTDOWN: it has ended, waits for an heir, or is of another engine; -EDEADLK:
 * @subject_pid is the session's own; -EDQUOT: its share is used up; -ENOBUFS: its ring is full.
 * Each of the last three is counted there. Lock-free. */
int pendi_session_reserve(struct pend_session *session, const struct pend_engine *engine,
			  int32_t subject_pid, struct pendi_ticket *ticket);

/*
 * The operation is pended, and published: tells the orchestrator. Cannot fail. Returns 0; or, if
 * the session was lost meanwhile and whoever looked for its operations may have missed this one,
 * what the caller now does to it: an action (enum pend_action) or PENDI_SESSION_BLOCK_ENDLESS. The
 * operation may have been completed by others at any time since it was published. Lock-free.
 */
uint32_t pendi_session_commit(const struct pendi_ticket *ticket, const struct pend_notice *notice,
			      const void *key);

/* It was not pended after all: gives back both places. Lock-free. */
void pendi_session_discard(const struct pendi_ticket *ticket);

/* The session's number. */
uint32_t pendi_session_number(const struct pend_session *session);
/* An operation that was committed for session @number has been completed. Once for each. May come
 * before the commit has returned. Lock-free, O(1). */
void pendi_session_release(struct pend_engine *engine, uint32_t number);

/* Whether the call may go on: 0, -EFAULT or -ESHUTDOWN. */
int pendi_session_check(const struct pend_session *session);
const struct pend_engine *pendi_session_engine(const struct pend_session *session);

/* The namespace of a session, two numbers, 0 when it is opened. Of a session that was checked. */
void pendi_session_set_space(struct pend_session *session, uint64_t user, uint64_t label);
void pendi_session_space(const struct pend_session *session, uint64_t *user, uint64_t *label);

#endif
