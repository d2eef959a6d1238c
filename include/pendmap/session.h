/* SPDX-License-Identifier: MIT */
/*
 * session.h - an orchestrator's session with an engine: what it owns, how it is told, what happens
 * when it goes.
 *
 * A program names the session whose orchestrator is to decide when it pends (pend_request.session).
 * That operation then belongs to the session: only the session completes it, and a notice about it
 * lies in the session's ring. The notice is reserved before the operation is pended: a ring that is
 * full refuses the pend, so no operation is pended that nobody is told of.
 *
 * A session ends when it is closed, when its lease breaks (every copy of the lease's descriptor is
 * closed, also by the death of the process that held it) or when the descriptor it watches says so (a
 * pidfd of the orchestrator). What it owned then is handled as on_loss says.
 *
 * Whoever opened a session closes it, also one that was lost: that gives back its number and its
 * descriptor. Nobody takes a session from under a call: all calls may race with a loss and with
 * pend_session_close(), and with each other.
 *
 * All calls share these errors, and change nothing when they return one:
 *   -EFAULT     a pointer that is needed is NULL
 *   -ESHUTDOWN  the session has ended: it was closed or lost. That is recognised until 63 more
 *               sessions have had its number, or the engine is destroyed. Also in the child of a
 *               fork, for all sessions of the parent.
 */
#ifndef PENDMAP_SESSION_H
#define PENDMAP_SESSION_H

#include <stdint.h>

#include <pendmap/engine.h>
#include <pendmap/map.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pend_session; /* opaque: engine/session/session_internal.h */

#define PEND_SESSIONS_MAX 4095u
#define PEND_SESSION_NAME_MAX 63u /**< bytes, without the final zero */

/** What becomes of a lost session's operations. */
enum pend_on_loss {
	PEND_LOSS_BLOCK = 0,  /**< completed with PEND_ACTION_BLOCK at once */
	PEND_LOSS_PERMIT = 1, /**< completed with PEND_ACTION_PERMIT_SOFT at once */
	PEND_LOSS_KEEP = 2,   /**< they wait for their deadlines; those without one are blocked */
	PEND_LOSS_HAND_OVER = 3, /**< they wait, for their deadlines or for the next session of the
				  * same name, which owns them from then on */
};

/** Options: begin with pend_session_options_default(), then set fields. */
struct pend_session_options {
	uint32_t size;             /**< bytes: sizeof as the caller compiled it */
	uint32_t flags;            /**< 0 */
	enum pend_on_loss on_loss; /**< default PEND_LOSS_BLOCK */
	uint32_t notices; /**< room in the ring: a power of two, 16 .. 2^20; default 1024 */
	uint32_t
		key_size; /**< bytes of key that a notice carries, 0 .. 256; default 64. Longer keys
			     * are cut, and the notice says so. */
	uint32_t max_live; /**< its share: operations it may own at once; 0 (default): no limit */
	int32_t self_pid;  /**< operations of this process are its own work and are not pended for
			     * it; 0 (default): none */
	int32_t watch_fd;  /**< borrowed for the call, which duplicates it: the session is lost when
			     * it becomes readable or hangs up, as a pidfd does; -1 (default):
			     * none */
	const char *name;  /**< 1 .. PEND_SESSION_NAME_MAX bytes, for PEND_LOSS_HAND_OVER, required
			     * there; else may be NULL. Copied. */
};

static inline struct pend_session_options pend_session_options_default(void)
{
	struct pend_session_options options = {
		(uint32_t)sizeof(options), 0, PEND_LOSS_BLOCK, 1024, 64, 0, 0, -1, NULL
	};

	return options;
}

/** One pended operation, as its orchestrator is told. */
struct pend_notice {
	uint64_t handle;      /**< to complete it with */
	uint64_t cookie;      /**< as pend was given it */
	uint64_t program;     /**< as pend was given it */
	uint64_t time_ns;     /**< when it was pended, nanoseconds since boot */
	struct pend_map *map; /**< where */
	uint32_t home_cpu;    /**< the CPU that pended it */
	uint32_t key_size;    /**< bytes of its key, even if the notice holds fewer */
};

/** Counters since the session was opened; an heir goes on with those of the one before. */
struct pend_session_stats {
	uint32_t size;          /**< sizeof as the caller compiled it, set by the caller */
	uint32_t number;        /**< of the session in its engine */
	uint64_t live;          /**< operations it owns */
	uint64_t notices;       /**< put into its ring */
	uint64_t waiting;       /**< ... and not yet read */
	uint64_t refused_full;  /**< pends refused because the ring was full, -ENOBUFS */
	uint64_t refused_share; /**< ... because max_live was reached, -EDQUOT */
	uint64_t refused_self;  /**< ... because they were its own work, -EDEADLK */
	uint64_t wakes;         /**< times its descriptor was written */
};

/**
 * Open a session.
 *
 * If a session of that name was lost with PEND_LOSS_HAND_OVER and nobody took it over yet, this one
 * does: its operations, its number, its unread notices and its descriptor are the new session's from
 * now on. All other options are those given now. (Without a live operation there is nothing to hand
 * over: the session may begin anew instead, and notices that nobody read are gone.) Two open sessions may have the same name.
 *
 * @param      engine   where; not destroyed before the session is closed
 * @param      options  borrowed for the call; NULL means all defaults
 * @param[out] session  receives the session, which the caller ends with pend_session_close();
 *                      untouched on error
 *
 * @retval 0              success. If watch_fd is readable already, it is lost at once.
 * @retval -EFAULT        @p engine or @p session is NULL
 * @retval -ESHUTDOWN     the engine has been destroyed
 * @retval -EINVAL        options->size below the first version's, flags or on_loss unknown, notices no
 *                        power of two, an empty name, or none with PEND_LOSS_HAND_OVER; or the
 *                        session to be taken over has other notices or key_size
 * @retval -E2BIG         a field newer than this library is set
 * @retval -ERANGE        a number outside the range its field states
 * @retval -ENAMETOOLONG  the name is longer than PEND_SESSION_NAME_MAX
 * @retval -EBADF         watch_fd is no descriptor, and not -1
 * @retval -EPERM         watch_fd cannot be polled, as a regular file
 * @retval -EDEADLK       the call comes from a completion or re-run function on an executor of @p engine
 * @retval -ENOSPC        PEND_SESSIONS_MAX numbers are taken
 * @retval -EMFILE        the process has no descriptor left
 * @retval -ENOMEM        the engine's allocator returned NULL, or the kernel has no memory
 *
 * @context     any thread but an executor; may sleep
 * @progress    blocking on other calls that open, lease or close
 * @complexity  O(sessions + notices)
 * @since       0.1
 * @see         F14, F64; engine/session/registry.c, tests/session/test_open.c
 */
PEND_API int pend_session_open(struct pend_engine *engine,
			       const struct pend_session_options *options,
			       struct pend_session **session) PEND_MUST_CHECK;

/**
 * End a session: it is lost now, and what it owned is handled as on_loss says.
 *
 * To be called for each session, also if it was lost before: then it says so, and gives back the
 * number and the descriptor. A request that names it later is refused with -ESHUTDOWN, as above.
 *
 * @retval 0           this call ended it
 * @retval -EFAULT     @p session is NULL
 * @retval -ESHUTDOWN  it had been lost or closed before
 * @retval -EDEADLK    the call comes from a completion or re-run function on an executor of its
 *                     engine; nothing was done
 *
 * @context     any thread but an executor; may sleep
 * @progress    blocking on other calls that open, lease or close
 * @complexity  O(slots of all maps of the engine)
 * @since       0.1
 * @see         engine/session/loss.c, tests/session/test_loss.c
 */
PEND_API int pend_session_close(struct pend_session *session);

/**
 * The descriptor to poll: readable when notices wait, and when the session was lost.
 *
 * It stays readable until a read finds the ring empty. It is the session's: not to be read, written
 * or closed, and not to be used after pend_session_close().
 *
 * @return     the descriptor
 * @retval -EFAULT     @p session is NULL
 * @retval -ESHUTDOWN  it has ended
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         engine/session/ring.h, tests/session/test_read.c
 */
PEND_API int pend_session_fd(struct pend_session *session);

/**
 * Make a lease: when all copies of all leases of a session are closed, it is lost.
 *
 * Copies are made by dup(2), fork(2) and by passing the descriptor to another process. It is closed
 * on exec; nothing needs to be written to it, and writing ends the session too. A session of which
 * no lease was made has none to lose.
 *
 * @return     a descriptor that is the caller's
 * @retval -EFAULT      @p session is NULL
 * @retval -ESHUTDOWN   it has ended
 * @retval -EDEADLK     the call comes from a completion or re-run function on an executor of its engine
 * @retval -EMFILE      the process has no descriptor left
 * @retval -EOPNOTSUPP  not the first lease, and /proc is not mounted: duplicate the first one
 *
 * @context     any thread but an executor; may sleep
 * @progress    blocking on other calls that open, lease or close
 * @complexity  O(1)
 * @since       0.1
 * @see         OP-12; engine/session/lease.c, tests/session/lease.c
 */
PEND_API int pend_session_lease(struct pend_session *session);

/**
 * Read notices: each is read once, whoever reads. In the order of the pends, as far as one thread
 * made them and one reads.
 *
 * @param      session  whose
 * @param[out] notices  @p count of them
 * @param[out] keys     @p count times the options' key_size bytes, zero-padded; or NULL
 * @param      count    0 or more
 *
 * @return     how many were read; fewer than @p count: there were no more, and the descriptor
 *             becomes readable with the next one
 * @retval -EFAULT     @p session or @p notices is NULL
 * @retval -ESHUTDOWN  it has ended
 * @retval -ERANGE     @p count is above INT32_MAX
 *
 * @context     any thread; never sleeps
 * @progress    lock-free
 * @ordering    what the pender did before happens before its notice is read
 * @complexity  O(count)
 * @since       0.1
 * @see         F14; engine/session/ring.c, tests/session/test_read.c
 */
PEND_API int pend_session_read(struct pend_session *session, struct pend_notice *notices,
			       void *keys, uint32_t count);

/**
 * Complete an operation that the session owns, as pend_map_complete().
 *
 * @retval 0            accepted: this call and no other decided
 * @retval -EFAULT      @p session or @p map is NULL
 * @retval -ESHUTDOWN   the session has ended, or the map has been destroyed
 * @retval -EINVAL      @p action is none of the four that complete
 * @retval -EPERM       the operation is not this session's, or @p map is of another engine
 * @retval -ENOENT      no such operation: never pended, or long completed
 * @retval -EALREADY    another call decided first, or CONTINUE was accepted and not yet run
 * @retval -ELOOP       CONTINUE: rerun_limit is reached and PEND_MAP_LIMIT_BLOCKS is not set
 * @retval -EOPNOTSUPP  CONTINUE: the map has no re-run function
 *
 * @context     any thread; never sleeps, unless the completion function does
 * @progress    lock-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F64
 */
PEND_API int pend_session_complete(struct pend_session *session, struct pend_map *map,
				   uint64_t handle, enum pend_action action) PEND_MUST_CHECK;

/**
 * Read the counters (guarantee I).
 *
 * @param         session  whose
 * @param[in,out] stats    stats->size set by the caller; the fields that it covers are written
 *
 * @retval 0           success
 * @retval -EFAULT     @p session or @p stats is NULL
 * @retval -ESHUTDOWN  it has ended
 * @retval -EINVAL     stats->size is below the first version's
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(notices of the options)
 * @since       0.1
 * @see         engine/session/session.c, tests/session/test_read.c
 */
PEND_API int pend_session_stats_read(struct pend_session *session,
				     struct pend_session_stats *stats) PEND_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
