/* SPDX-License-Identifier: MIT */
/*
 * control.h - stopping and starting: the pend control state of a map and of an engine (F43).
 *
 * A map pends only while its own state and its engine's are ENABLED. Disabling refuses new pends and
 * completes everything that was pended before with PEND_ACTION_BLOCK: after the call has returned 0
 * nothing is live and nothing can become live until somebody enables (guarantee F). The
 * asynchronous form decides everything before it returns and reports when all of it is delivered;
 * enabling meanwhile is allowed, and what is pended then is not touched.
 */
#ifndef PENDMAP_CONTROL_H
#define PENDMAP_CONTROL_H

#include <pendmap/engine.h>
#include <pendmap/map.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The control states, with the upstream values. */
enum pend_control_state {
	PEND_CONTROL_DISABLED = 0,
	PEND_CONTROL_ENABLED = 1,
};

/** Called once when everything that an asynchronous disable found is delivered, by the thread that
 * found that out: the engine's monitor, who polls an unwatched engine, or who destroys the map. */
typedef void (*pend_drain_fn)(void *context, struct pend_map *map);

/**
 * Set a map's own state to ENABLED.
 *
 * @retval 0           ENABLED; the map pends if its engine is enabled too
 * @retval -EFAULT     @p map is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 *
 * @context     any thread; may wait for a moment for another change of state
 * @progress    blocking on other changes of state
 * @complexity  O(1)
 * @since       0.1
 * @see         F43; engine/map/control.c, tests/map/test_control.c
 */
PEND_API int pend_map_enable(struct pend_map *map);

/**
 * Set a map's own state to DISABLED and wait until nothing is live (guarantee F).
 *
 * @param map         which
 * @param timeout_ns  at most so long; PEND_WAIT_FOREVER: no limit
 *
 * @retval 0           DISABLED, and everything pended before is delivered
 * @retval -EFAULT     @p map is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -EDEADLK    called from a completion, re-run, drain or event function
 * @retval -ETIMEDOUT  DISABLED, everything is decided, and something is not yet delivered: a hook
 *                     frame is open, a completion function has not returned, or a thread stopped in
 *                     the middle of a pend. Calling again goes on waiting.
 *
 * @context     any thread; sleeps
 * @progress    blocking on threads inside a pend, open hook frames and completion functions
 * @complexity  O(slots ever used)
 * @since       0.1
 * @see         F43, guarantee F; engine/map/control.c, tests/map/test_control.c
 */
PEND_API int pend_map_disable(struct pend_map *map, uint64_t timeout_ns) PEND_MUST_CHECK;

/**
 * Set a map's own state to DISABLED, decide everything that is pended, and have @p done told when all
 * of it is delivered.
 *
 * @param map         which; of an engine
 * @param timeout_ns  how long to wait for threads inside a pend
 * @param done        may be NULL
 * @param context     handed to it
 *
 * @retval 0            DISABLED; @p done will be called, perhaps before this returns
 * @retval -EFAULT      @p map is NULL
 * @retval -ESHUTDOWN   the map has been destroyed
 * @retval -EOPNOTSUPP  the map has no engine: nobody could deliver later
 * @retval -EALREADY    such a call is under way
 * @retval -ETIMEDOUT   a thread has stopped in the middle of a pend: the map is DISABLED and
 *                      nothing more was done
 *
 * @context     any thread; waits for threads inside a pend only
 * @progress    blocking on threads inside a pend
 * @complexity  O(slots ever used)
 * @since       0.1
 * @see         F43; engine/map/control.c, tests/map/test_control.c
 */
PEND_API int pend_map_disable_async(struct pend_map *map, uint64_t timeout_ns, pend_drain_fn done,
				    void *context) PEND_MUST_CHECK;

/**
 * A map's own state.
 *
 * @return     enum pend_control_state
 * @retval -EFAULT     @p map is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         engine/map/control.c
 */
PEND_API int pend_map_control(struct pend_map *map);

/**
 * Set an engine's state to ENABLED. Engines begin DISABLED.
 *
 * @retval 0           ENABLED; those of its maps pend that are enabled too
 * @retval -EFAULT     @p engine is NULL
 * @retval -ESHUTDOWN  the engine has been destroyed
 *
 * @context     any thread; may wait for a moment for another change of state
 * @progress    blocking on other changes of state
 * @complexity  O(maps)
 * @since       0.1
 * @see         F43; engine/map/control.c, tests/map/test_control.c
 */
PEND_API int pend_engine_enable(struct pend_engine *engine);

/**
 * Set an engine's state to DISABLED and wait until nothing is live in any of its maps.
 *
 * @retval 0           DISABLED, and everything pended before is delivered
 * @retval -EFAULT     @p engine is NULL
 * @retval -ESHUTDOWN  the engine has been destroyed
 * @retval -EDEADLK    as pend_map_disable()
 * @retval -ETIMEDOUT  as pend_map_disable(), for at least one map
 *
 * @context     any thread; sleeps
 * @progress    as pend_map_disable()
 * @complexity  O(slots ever used)
 * @since       0.1
 * @see         F43; engine/map/control.c, tests/map/test_control.c
 */
PEND_API int pend_engine_disable(struct pend_engine *engine, uint64_t timeout_ns) PEND_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
