/* SPDX-License-Identifier: MIT */
/*
 * map.h - the pend map: operations that wait for a verdict (operation.h). lookup.h reads it.
 *
 * An operation is pended and gets a handle; somebody completes it later, once, by handle or by
 * key; a completion function is told. Every call may be made by any thread at any time, except
 * pend_map_destroy(), which must be the last one. Nothing here takes a lock.
 *
 * In a map of an engine (engine.h) the completion function is told by the CPU that pended the
 * operation, and every operation ends by its deadline. In a map without one it is told by whoever
 * completes, and deadlines are only recorded.
 *
 * All calls share these errors, and change nothing when they return one:
 *   -EFAULT     a pointer that is needed is NULL
 *   -ESHUTDOWN  the map has been destroyed; to a pend also: it is disabled (control.h), or being
 *               destroyed; or this is the child of a fork, and the map is the parent's. A destroyed
 *               map's pointer is recognised until 64 or more maps have been created and destroyed
 *               after it.
 */
#ifndef PENDMAP_MAP_H
#define PENDMAP_MAP_H

#include <stddef.h>
#include <stdint.h>

#include <pendmap/allocator.h>
#include <pendmap/export.h>
#include <pendmap/operation.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pend_map;     /* opaque: engine/map/map_internal.h */
struct pend_engine;  /* opaque: engine.h */
struct pend_session; /* opaque: session.h */

#define PEND_MAP_ENTRIES_MAX (1u << 25)        /**< highest max_entries, reserve included */
#define PEND_KEY_SIZE_MAX 256u                 /**< bytes */
#define PEND_VALUE_SIZE_MAX 4096u              /**< bytes */
#define PEND_SCRATCH_SIZE_MAX 4096u            /**< bytes */
#define PEND_DEADLINE_MIN_NS 1000000ull        /**< 1 ms */
#define PEND_DEADLINE_MAX_NS 86400000000000ull /**< 24 h */
#define PEND_DEADLINE_DEFAULT_NS 2000000000ull /**< 2 s */
#define PEND_DEADLINE_NONE UINT64_MAX          /**< lives until somebody completes it */
#define PEND_RERUNS_MAX 255u                   /**< highest rerun_limit */

/** Bits of pend_map_options.flags. */
enum pend_map_flag {
	/** Lookups may hand out pointers, valid inside an epoch (pend_map_peek_key()). Slots are
	 * reused only when no reader can hold them; reserve slots bridge that time. */
	PEND_MAP_POINTERS = 1u << 0,
	/** Continuing an operation past rerun_limit completes it with PEND_ACTION_BLOCK instead of
	 * returning -ELOOP. */
	PEND_MAP_LIMIT_BLOCKS = 1u << 1,
	/** The map's own control state begins ENABLED. Without it a map of an engine begins DISABLED,
	 * and refuses to pend until pend_map_enable() (F43); one without an engine always begins
	 * ENABLED. */
	PEND_MAP_ENABLED = 1u << 2,
	/** What meets its deadline is completed with PEND_ACTION_PERMIT_SOFT instead of
	 * PEND_ACTION_BLOCK: for hooks that only watch. */
	PEND_MAP_DEADLINE_PERMITS = 1u << 3,
};

/** Bits of pend_request.flags. */
enum pend_request_flag {
	/** The operation's hook frame is open: whatever is decided waits until
	 * pend_map_close_frame() (guarantee B). */
	PEND_REQUEST_FRAME = 1u << 0,
};

/** Creation options: begin with pend_map_options_default(), then set fields. */
struct pend_map_options {
	uint32_t size;         /**< bytes: sizeof as the caller compiled it */
	uint32_t flags;        /**< enum pend_map_flag bits */
	uint32_t max_entries;  /**< 1 .. PEND_MAP_ENTRIES_MAX; default 65536 */
	uint32_t key_size;     /**< bytes, 1 .. PEND_KEY_SIZE_MAX; 0 (default): handles only */
	uint32_t value_size;   /**< bytes, 0 (default) .. PEND_VALUE_SIZE_MAX */
	uint32_t scratch_size; /**< bytes, 0 (default) .. PEND_SCRATCH_SIZE_MAX */
	uint32_t rerun_limit;  /**< continues for one operation, 0 .. PEND_RERUNS_MAX; default 16 */
	uint32_t reserve;      /**< PEND_MAP_POINTERS: extra slots; 0: max_entries / 4, but 1024
				* to 65536 */
	uint64_t deadline_ns;  /**< default deadline of a pend, PEND_DEADLINE_MIN_NS to
				* PEND_DEADLINE_MAX_NS from the pend, or PEND_DEADLINE_NONE */
	uint64_t hash_seed;    /**< 0 (default): drawn from getrandom(2) */
	const struct pend_allocator *allocator; /**< NULL: the library's own. Borrowed: it must
						 * live as long as the map. */
	pend_complete_fn on_complete;           /**< NULL: nobody is told */
	pend_rerun_fn on_rerun;     /**< NULL: PEND_ACTION_CONTINUE is refused with -EOPNOTSUPP */
	void *context;              /**< handed to both functions */
	struct pend_engine *engine; /**< NULL (default): completes on the caller's thread. Borrowed:
				     * it must outlive the map. */
	uint64_t lifetime_ns;       /**< re-runs and extensions do not move a deadline further than
				     * this from the pend; PEND_DEADLINE_MIN_NS ..
				     * PEND_DEADLINE_MAX_NS, or PEND_DEADLINE_NONE; 0 (default): ten
				     * times deadline_ns */
	uint64_t quota_bytes; /**< of its operations: slot and payload; 0 (default): no limit */
};

static inline struct pend_map_options pend_map_options_default(void)
{
	struct pend_map_options options = { (uint32_t)sizeof(options),
					    0,
					    65536,
					    0,
					    0,
					    0,
					    16,
					    0,
					    PEND_DEADLINE_DEFAULT_NS,
					    0,
					    NULL,
					    NULL,
					    NULL,
					    NULL,
					    NULL,
					    0,
					    0 };

	return options;
}

/**
 * Called by a pend, with the handle, when it cannot fail any more for reasons of the map, and before
 * anybody can see the operation. Not 0, a negative errno: the pend is taken back, leaves no trace,
 * and returns that. It must not block, nor pend in the same map. @p scratch is the operation's, all of
 * it to be written here, or NULL.
 */
typedef int (*pend_hold_fn)(void *context, uint64_t handle, void *scratch);

/** A function to call, and what is handed to it. */
struct pend_hold {
	pend_hold_fn function;
	void *context;
};

/** One operation to pend. Begin with all zero, then set fields. */
struct pend_request {
	const void *key;        /**< key_size bytes; NULL in a map without keys */
	const void *value;      /**< value_size bytes; NULL: all zero */
	const void *scratch;    /**< scratch_size bytes; NULL: all zero */
	uint32_t key_size;      /**< as the map has it */
	uint32_t value_size;    /**< as the map has it; 0 if @p value is NULL */
	uint64_t cookie;        /**< the caller's, handed to the completion function */
	uint64_t now_ns;        /**< nanoseconds since boot; 0: the coarse clock is read */
	uint64_t deadline_ns;   /**< relative, as in the options; 0: the map's default */
	uint64_t program;       /**< the caller's name for who pends; the notice carries it */
	uint64_t payload_bytes; /**< held for the operation elsewhere; counted against quotas */
	struct pend_session *session; /**< whose orchestrator decides; NULL: anybody may */
	int32_t subject_pid; /**< the process whose operation it is, or 0: a session does not pend
			       * its own process's */
	uint32_t flags;      /**< enum pend_request_flag bits */
	const struct pend_hold *hold; /**< borrowed for the call; NULL: none. With it, @p scratch is
				       * ignored. */
};

/**
 * Create an empty map.
 *
 * @param      options  borrowed for the call; NULL means all defaults
 * @param[out] map      receives a map owned by the caller, who ends it with pend_map_destroy();
 *                      untouched on error
 *
 * @retval 0        success
 * @retval -EFAULT  @p map is NULL
 * @retval -EINVAL  options->size below the first version's, an unknown flag, a reserve without
 *                  PEND_MAP_POINTERS, or an allocator without its functions
 * @retval -ENOSPC  the engine has as many maps as it can serve
 * @retval -ESHUTDOWN  the engine has been destroyed
 * @retval -E2BIG   a field newer than this library is set
 * @retval -ERANGE  a number outside the range its field states
 * @retval -ENOMEM  the allocator returned NULL
 *
 * @context     any thread; may sleep (mmap, getrandom)
 * @progress    blocking on the allocator
 * @ordering    none: handing @p map to other threads is the caller's business
 * @complexity  O(max_entries) address space; memory is touched as it is used, but for the index
 * @since       0.1
 * @see         engine/map/map.c, tests/map/test_create.c
 */
PEND_API int pend_map_create(const struct pend_map_options *options,
			     struct pend_map **map) PEND_MUST_CHECK;

/**
 * Complete everything live with PEND_ACTION_BLOCK, then free the map. Completion functions run on
 * the calling thread.
 *
 * No other call on the map may be running or come later. One that does come later is answered
 * -ESHUTDOWN (see above), one that is running is a data race.
 *
 * @retval 0           success
 * @retval -EFAULT     @p map is NULL
 * @retval -ESHUTDOWN  destroyed already
 * @retval -EDEADLK    PEND_MAP_POINTERS: the calling thread is inside an epoch; or the call comes
 *                     from a completion or re-run function of this map
 *
 * @context     any thread that is not inside an epoch; may sleep
 * @progress    blocking on readers inside an epoch if PEND_MAP_POINTERS, on a completion function
 *              that an executor is running, and on the allocator
 * @complexity  O(slots ever used)
 * @since       0.1
 * @see         engine/map/map.c, tests/map/test_destroy.c
 */
PEND_API int pend_map_destroy(struct pend_map *map);

/**
 * Pend an operation (guarantees A, D, I).
 *
 * @param      map      where
 * @param      request  borrowed for the call
 * @param[out] handle   receives the handle, never 0; untouched on error
 *
 * @retval 0           pended; from now on everybody can find and complete it
 * @retval -EFAULT     @p map, @p request or @p handle is NULL, or the key is and the map has keys
 * @retval -ESHUTDOWN  the map is disabled, or has been destroyed; or the session has ended, or is of
 *                     another engine
 * @retval -EINVAL     an unknown flag
 * @retval -EMSGSIZE   key_size or value_size is not the map's
 * @retval -ERANGE     deadline_ns is out of range
 * @retval -ENOSPC     max_entries operations were live, or being armed, at some instant of the call
 * @retval -EAGAIN     PEND_MAP_POINTERS: fewer than max_entries are live, but every free slot still
 *                     waits for a reader (pend_epoch_stalled() names it) or, in a library built on
 *                     liburcu, for its callback thread
 * @retval -EEXIST     an operation of that key is pended, or being pended, or its completion is not
 *                     yet delivered
 * @retval -EDQUOT     the byte quota of the map or the engine, or the session's share, is used up
 * @retval -ENOBUFS    the session's ring of notices is full
 * @retval -EDEADLK    subject_pid is the session's own process: it would wait for itself
 * @retval -ENOMEM     for example: any other error is what its @p hold returned
 *
 * @context     any thread, also inside an epoch or a completion function; never sleeps
 * @progress    lock-free
 * @ordering    what the caller did before happens before whatever finds or completes it
 * @complexity  O(1) expected; O(CPUs) when the own CPU has no free slot
 * @since       0.1
 * @see         F4, F10, F12, F15; engine/map/pend.c, tests/map/test_pend.c
 */
PEND_API int pend_map_pend(struct pend_map *map, const struct pend_request *request,
			   uint64_t *handle) PEND_MUST_CHECK;

/**
 * Pend many operations: as that many pend_map_pend(), cheaper.
 *
 * The operations are independent: one that is refused does not stop the next.
 *
 * @param      map       where
 * @param      requests  @p count of them, borrowed for the call
 * @param      count     0 or more
 * @param[out] handles   @p count of them: the handle, or 0 where the pend was refused
 * @param[out] results   @p count of them: 0 or the error of pend_map_pend(); may be NULL
 *
 * @return     how many were pended
 * @retval -EFAULT     a pointer is NULL; nothing was pended, nothing written
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -ERANGE     @p count is above INT32_MAX
 *
 * @context     as pend_map_pend()
 * @progress    lock-free
 * @complexity  O(count) expected
 * @since       0.1
 * @see         engine/map/batch.c, tests/map/test_batch.c
 */
PEND_API int pend_map_pend_batch(struct pend_map *map, const struct pend_request *requests,
				 uint32_t count, uint64_t *handles, int *results) PEND_MUST_CHECK;

/**
 * Complete a pended operation (guarantee A): one compare-and-swap decides who wins.
 *
 * PEND_ACTION_CONTINUE is not terminal: it hands the operation to its program again, through
 * pend_map_poll(). A terminal action that arrives while a re-run is queued or running is accepted
 * and beats whatever the re-run returns.
 *
 * @retval 0            accepted: this call and no other decided. In a map of an engine the
 *                      operation's shard finishes it. In one without, the completion function has
 *                      returned, unless the hook frame is open or a re-run is queued or running:
 *                      then it is called when that has ended.
 * @retval -EFAULT      @p map is NULL
 * @retval -ESHUTDOWN   the map has been destroyed
 * @retval -EINVAL      @p action is none of the four that complete
 * @retval -ENOENT      no such operation: never pended, or long completed (the generation moved)
 * @retval -EALREADY    another call decided first, or CONTINUE was accepted and not yet run
 * @retval -EPERM       it belongs to a session: only pend_session_complete() completes it (F64)
 * @retval -ELOOP       CONTINUE: rerun_limit is reached and PEND_MAP_LIMIT_BLOCKS is not set
 * @retval -EOPNOTSUPP  CONTINUE: the map has no re-run function
 *
 * @context     any thread, also inside an epoch or a completion function; never sleeps, unless the
 *              completion function does
 * @progress    lock-free, apart from the completion function
 * @ordering    what pend published is visible to the completion function
 * @complexity  O(1)
 * @since       0.1
 * @see         F16, F23; engine/map/complete.c, tests/map/test_complete.c
 */
PEND_API int pend_map_complete(struct pend_map *map, uint64_t handle,
			       enum pend_action action) PEND_MUST_CHECK;

/**
 * Complete many operations: as that many pend_map_complete(), cheaper.
 *
 * @param      map      where
 * @param      handles  @p count of them
 * @param      actions  @p count of them, enum pend_action
 * @param      count    0 or more
 * @param[out] results  @p count of them: 0 or the error of pend_map_complete(); may be NULL
 *
 * @return     how many were accepted
 * @retval -EFAULT     a pointer is NULL; nothing was completed
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -ERANGE     @p count is above INT32_MAX
 *
 * @context     as pend_map_complete()
 * @progress    lock-free, apart from the completion function
 * @complexity  O(count)
 * @since       0.1
 * @see         engine/map/batch.c, tests/map/test_batch.c
 */
PEND_API int pend_map_complete_batch(struct pend_map *map, const uint64_t *handles,
				     const uint32_t *actions, uint32_t count,
				     int *results) PEND_MUST_CHECK;

/**
 * Complete the operation that is pended under a key.
 *
 * @retval 0            as pend_map_complete()
 * @retval -EFAULT      @p map or @p key is NULL
 * @retval -ESHUTDOWN   the map has been destroyed
 * @retval -EOPNOTSUPP  the map has no keys; or as pend_map_complete()
 * @retval -EMSGSIZE    @p key_size is not the map's
 * @retval -EINVAL      as pend_map_complete()
 * @retval -ENOENT      no operation of that key is pended
 * @retval -EALREADY    as pend_map_complete()
 * @retval -EPERM       as pend_map_complete()
 * @retval -ELOOP       as pend_map_complete()
 *
 * @context     as pend_map_complete()
 * @progress    lock-free, apart from the completion function
 * @complexity  O(1) expected
 * @since       0.1
 * @see         engine/map/complete.c, tests/map/test_complete.c
 */
PEND_API int pend_map_complete_key(struct pend_map *map, const void *key, uint32_t key_size,
				   enum pend_action action) PEND_MUST_CHECK;

/**
 * Complete many operations by key: as that many pend_map_complete_key(), cheaper.
 *
 * @param      map      where
 * @param      keys     @p count keys of the map's key_size, one after the other
 * @param      actions  @p count of them, enum pend_action
 * @param      count    0 or more
 * @param[out] results  @p count of them: 0 or the error; may be NULL
 *
 * @return     how many were accepted
 * @retval -EFAULT      a pointer is NULL; nothing was completed
 * @retval -ESHUTDOWN   the map has been destroyed
 * @retval -EOPNOTSUPP  the map has no keys
 * @retval -ERANGE      @p count is above INT32_MAX
 *
 * @context     as pend_map_complete()
 * @progress    lock-free, apart from the completion function
 * @complexity  O(count) expected
 * @since       0.1
 * @see         engine/map/batch.c, tests/map/test_batch.c
 */
PEND_API int pend_map_complete_key_batch(struct pend_map *map, const void *keys,
					 const uint32_t *actions, uint32_t count,
					 int *results) PEND_MUST_CHECK;

/**
 * Run the re-runs that are queued, at most @p budget of them, on the calling thread. For maps
 * without an engine; an engine's executors, or pend_engine_poll(), do it otherwise.
 *
 * @return     how many were run, or skipped because a terminal action came first
 * @retval -EFAULT     @p map is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -EOPNOTSUPP the map is of an engine
 *
 * @context     any thread; several may poll at once; not from a re-run function (-EDEADLK)
 * @retval -EDEADLK    called from a re-run function of this thread
 * @progress    lock-free, apart from the functions it calls
 * @complexity  O(re-runs run)
 * @since       0.1
 * @see         F28, F32; engine/map/rerun.c, tests/map/test_rerun.c
 */
PEND_API int pend_map_poll(struct pend_map *map, uint32_t budget);

/**
 * Close the hook frame of an operation that was pended with PEND_REQUEST_FRAME (guarantee B).
 *
 * Whatever was decided while the frame was open happens now: whoever comes last, the frame or the
 * decision, has the operation finished. A program that pended and then decided after all gives its
 * verdict here, which completes the operation (a synthesized completion, F24), unless an
 * orchestrator was faster.
 *
 * @param map      where
 * @param handle   as pend returned it
 * @param verdict  PEND_VERDICT_PEND: it stays pended; else what the program returned. Any value
 *                 that is not an enum pend_verdict counts as PEND_VERDICT_REJECT.
 *
 * @retval 0           closed
 * @retval -EFAULT     @p map is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -ENOENT     no such operation
 * @retval -EINVAL     it has no open frame
 *
 * @context     the thread that pended it, once, as the last thing its hook does; never sleeps, unless
 *              the map has no engine and the completion function does
 * @progress    lock-free, apart from the completion function
 * @complexity  O(1)
 * @since       0.1
 * @see         F22, F24; engine/map/frame.c, tests/map/test_frame.c
 */
PEND_API int pend_map_close_frame(struct pend_map *map, uint64_t handle,
				  enum pend_verdict verdict) PEND_MUST_CHECK;

/**
 * Complete an operation because whoever waited for it is gone: PEND_ACTION_BLOCK by
 * PEND_ORIGIN_CANCEL, whichever session it belongs to (X13).
 *
 * @retval 0           accepted, as pend_map_complete()
 * @retval -EFAULT     @p map is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -ENOENT     no such operation
 * @retval -EALREADY   it is decided
 *
 * @context     as pend_map_complete()
 * @progress    lock-free, apart from the completion function
 * @complexity  O(1)
 * @since       0.1
 * @see         engine/map/complete.c, tests/map/test_hold.c
 */
PEND_API int pend_map_cancel(struct pend_map *map, uint64_t handle) PEND_MUST_CHECK;

/**
 * Give one operation another deadline.
 *
 * An extension that comes within a tick of the old deadline may find the operation completed in
 * the same moment: the completion tells.
 *
 * @param map          where
 * @param handle       as pend returned it
 * @param deadline_ns  from now; or PEND_DEADLINE_NONE: until somebody decides or its session ends
 *
 * @retval 0           moved
 * @retval -EFAULT     @p map is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -ERANGE     @p deadline_ns is out of range, or further from the pend than lifetime_ns
 * @retval -ENOENT     no such operation is pended
 * @retval -EALREADY   it is decided, or its deadline has passed
 *
 * @context     any thread; never sleeps
 * @progress    lock-free
 * @complexity  O(log max_entries)
 * @since       0.1
 * @see         F46; engine/map/deadline.c, tests/map/test_deadline.c
 */
PEND_API int pend_map_extend(struct pend_map *map, uint64_t handle,
			     uint64_t deadline_ns) PEND_MUST_CHECK;

/**
 * Give one operation the latest deadline it can have: its lifetime's end, or none.
 *
 * @retval 0           held
 * @retval -EFAULT     @p map is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -ENOENT     no such operation is pended
 * @retval -EALREADY   it is decided, or its deadline has passed
 *
 * @context     any thread; never sleeps
 * @progress    lock-free
 * @complexity  O(log max_entries)
 * @since       0.1
 * @see         engine/map/deadline.c, tests/map/test_deadline.c
 */
PEND_API int pend_map_hold(struct pend_map *map, uint64_t handle) PEND_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
