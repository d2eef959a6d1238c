/* SPDX-License-Identifier: MIT */
/*
 * operation.h - a pended operation: who may decide what, and the functions that are told.
 */
#ifndef PENDMAP_OPERATION_H
#define PENDMAP_OPERATION_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What an orchestrator decides. The values are those of the upstream design. */
enum pend_action {
	PEND_ACTION_PENDING = 0,     /**< not decided; never accepted by complete */
	PEND_ACTION_PERMIT_SOFT = 1, /**< let it through; another filter may still block it */
	PEND_ACTION_PERMIT_HARD = 2, /**< let it through past the other filters */
	PEND_ACTION_BLOCK = 3,       /**< refuse it */
	PEND_ACTION_CONTINUE = 4,    /**< run the program again; it decides or pends again */
};

/** Who completed an operation. */
enum pend_origin {
	PEND_ORIGIN_ORCHESTRATOR = 0, /**< a complete call */
	PEND_ORIGIN_PROGRAM = 1,      /**< the verdict of a re-run */
	PEND_ORIGIN_LIMIT = 2,        /**< continued more often than the map allows */
	PEND_ORIGIN_DESTROY = 3,      /**< the map went away */
	PEND_ORIGIN_DEADLINE = 4,     /**< nobody decided in time */
	PEND_ORIGIN_DRAIN = 5,        /**< the map was disabled, or its program went (link.h) */
	PEND_ORIGIN_OWNER = 6,        /**< its session was lost */
	PEND_ORIGIN_CANCEL = 7,       /**< whoever waited for it is gone: pend_map_cancel() */
};

/** What a program returns from a re-run. The values are those of the upstream headers. */
enum pend_verdict {
	PEND_VERDICT_REJECT = 0,       /**< completes with PEND_ACTION_BLOCK */
	PEND_VERDICT_PROCEED_SOFT = 1, /**< completes with PEND_ACTION_PERMIT_SOFT */
	PEND_VERDICT_PROCEED_HARD = 2, /**< completes with PEND_ACTION_PERMIT_HARD */
	PEND_VERDICT_PEND = 3,         /**< stays pended under the same handle */
	PEND_VERDICT_DEFER_TO_PASSIVE =
		4, /**< in hooks (hook.h): run again where it may block; of a
					    * re-run as PEND_VERDICT_REJECT */
};

/** An operation as its completion or re-run function sees it. */
struct pend_operation {
	uint64_t handle;         /**< as pend returned it */
	uint64_t cookie;         /**< as pend was given it */
	const void *key;         /**< key_size bytes, or NULL in a map without keys */
	const void *value;       /**< value_size bytes, or NULL if that is 0 */
	void *scratch;           /**< scratch_size bytes that only this function touches, or NULL */
	uint64_t pend_time_ns;   /**< nanoseconds since boot */
	uint64_t deadline_ns;    /**< nanoseconds since boot, or PEND_DEADLINE_NONE */
	uint32_t home_cpu;       /**< the CPU that pended it */
	uint32_t rerun_count;    /**< times it was continued */
	enum pend_action action; /**< the verdict; PEND_ACTION_CONTINUE in a re-run function */
	enum pend_origin origin; /**< who decided; meaningless in a re-run function */
};

/**
 * Called once for each pended operation, when it is completed, with no lock held: by the thread
 * that serves the shard of the CPU that pended it, or, in a map without an engine, by the thread
 * that completed it. Never while the operation's hook frame is open, nor during a re-run. The key is
 * still taken while it runs and free when it has returned. It may call any function of the library
 * on this map except those that wait: pend_map_destroy(), pend_map_disable() and
 * pend_engine_disable(). It should not block: while it does, others take over its shard, but its own
 * operation waits. The pointers in @p operation are valid until it returns.
 */
typedef void (*pend_complete_fn)(void *context, const struct pend_operation *operation);

/**
 * Called for each continued operation by the thread that serves its shard, or in a map without an
 * engine by pend_map_poll(): one run at a time for each, never while its hook frame is open or while
 * it is being completed. Any value that is not an enum pend_verdict counts as PEND_VERDICT_REJECT.
 * Pending again begins a new cycle: the operation gets the map's deadline anew, within its lifetime.
 * Same rules as pend_complete_fn.
 */
typedef int (*pend_rerun_fn)(void *context, const struct pend_operation *operation);

#ifdef __cplusplus
}
#endif

#endif
