/* SPDX-License-Identifier: MIT */
/*
 * lookup.h - reading a pend map: one operation, all of them, and the map's counters.
 *
 * By copy, from any thread at any time; or by pointer, inside an epoch (epoch.h). Nothing here
 * changes the map. -EFAULT and -ESHUTDOWN mean what they mean in map.h.
 */
#ifndef PENDMAP_LOOKUP_H
#define PENDMAP_LOOKUP_H

#include <stdint.h>

#include <pendmap/export.h>
#include <pendmap/operation.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pend_map; /* opaque: map.h */

/** The states a lookup can see. */
enum pend_state {
	PEND_STATE_PENDING = 0, /**< waits for a decision */
	PEND_STATE_RERUN = 1,   /**< continued: its program is to run, or runs, again */
};

/** What a lookup tells about an operation, besides its value. */
struct pend_info {
	uint64_t handle;       /**< to complete it with */
	uint64_t cookie;       /**< as pend was given it */
	uint64_t pend_time_ns; /**< nanoseconds since boot */
	uint64_t deadline_ns;  /**< nanoseconds since boot, or PEND_DEADLINE_NONE */
	uint32_t home_cpu;     /**< the CPU that pended it */
	uint32_t rerun_count;  /**< times it was continued */
	enum pend_state state; /**< when it was read */
	uint32_t owner;        /**< the number of the session that owns it, or 0 */
};

/** Where a scan stands. Begin with all zero; any map takes any cursor. */
struct pend_cursor {
	uint64_t position; /**< the library's */
};

/** Counters since creation. At every quiescent point pends = completions + live. */
struct pend_map_stats {
	uint32_t size;        /**< sizeof as the caller compiled it, set by the caller */
	uint32_t max_entries; /**< as created */
	uint64_t pends;       /**< operations pended */
	uint64_t completions; /**< operations completed, whoever did: the sum of the next eight */
	uint64_t by_orchestrator; /**< ... by complete calls */
	uint64_t by_program;      /**< ... by the verdict of a re-run */
	uint64_t by_limit;        /**< ... by PEND_MAP_LIMIT_BLOCKS */
	uint64_t by_destroy;      /**< ... by pend_map_destroy(); seen by its callbacks only */
	uint64_t by_deadline;     /**< ... because nobody decided in time */
	uint64_t by_drain;        /**< ... because the map was disabled */
	uint64_t by_owner;        /**< ... because their session was lost */
	uint64_t by_cancel;       /**< ... because whoever waited for them is gone */
	uint64_t live;            /**< pended and not completed */
	uint64_t refused_full;    /**< pends refused with -ENOSPC */
	uint64_t refused_reserve; /**< pends refused with -EAGAIN */
	uint64_t refused_key;     /**< pends refused with -EEXIST */
	uint64_t refused_stopped; /**< pends refused with -ESHUTDOWN while the map lived */
	uint64_t refused_quota;   /**< pends refused with -EDQUOT for bytes */
	uint64_t refused_session; /**< pends refused by their session: its counters say why */
	uint64_t refused_hold;    /**< pends refused by their hold function */
	uint64_t late;        /**< completes that found a stale handle or no such key, -ENOENT */
	uint64_t duplicates;  /**< completes that came second, -EALREADY */
	uint64_t denied;      /**< completes by somebody who does not own the operation, -EPERM */
	uint64_t continues;   /**< continues accepted */
	uint64_t reruns;      /**< re-runs done */
	uint64_t extends;     /**< deadlines moved by pend_map_extend() */
	uint64_t overflows;   /**< completions that found their shard's queue full and were left to
				* the next tick */
	uint64_t away;        /**< operations finished, or run again, by another than who serves the
				* shard of the CPU that pended them: by a look at their deadline that
				* found that shard's queue full, or by a stop that had waited for it */
	uint64_t arms;        /**< deadlines that had to be armed; the rest was covered */
	uint64_t staged_lost; /**< staged verdicts that something else came before (upstream.h) */
	uint64_t memory_bytes; /**< bytes asked from the allocator */
	uint64_t index_bytes;  /**< ... of them for the index */
	uint64_t slot_bytes;   /**< bytes of one slot: header, key, value, scratch */
};

/**
 * Read one operation by handle: a validated copy.
 *
 * What is copied is one moment's state of one operation, never a mixture: the generation is
 * checked again after the copy.
 *
 * @param      map    where
 * @param      handle as pend returned it
 * @param[out] info   may be NULL
 * @param[out] value  value_size bytes; may be NULL
 *
 * @retval 0           found. On any error both outputs are as they were, except that after -ENOENT
 *                     @p value may hold bytes of an operation that ended during the call.
 * @retval -EFAULT     @p map is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -ENOENT     no such operation is pended
 *
 * @context     any thread; no epoch needed; never sleeps
 * @progress    wait-free
 * @complexity  O(value_size)
 * @since       0.1
 * @see         engine/map/lookup.c, tests/map/test_lookup.c
 */
PEND_API int pend_map_read(struct pend_map *map, uint64_t handle, struct pend_info *info,
			   void *value) PEND_MUST_CHECK;

/**
 * Look an operation up by key: a validated copy, as pend_map_read().
 *
 * @param      map       where
 * @param      key       key_size bytes
 * @param      key_size  as the map has it
 * @param[out] info      may be NULL
 * @param[out] value     value_size bytes; may be NULL
 *
 * @retval 0            found
 * @retval -EFAULT      @p map or @p key is NULL
 * @retval -ESHUTDOWN   the map has been destroyed
 * @retval -EOPNOTSUPP  the map has no keys
 * @retval -EMSGSIZE    @p key_size is not the map's
 * @retval -ENOENT      at some instant of the call no operation of that key was pended; @p value as
 *                      in pend_map_read()
 *
 * @context     any thread; no epoch needed; never sleeps
 * @progress    lock-free
 * @complexity  O(value_size) expected
 * @since       0.1
 * @see         engine/map/lookup.c, tests/map/test_lookup.c
 */
PEND_API int pend_map_lookup(struct pend_map *map, const void *key, uint32_t key_size,
			     struct pend_info *info, void *value) PEND_MUST_CHECK;

/**
 * Look many operations up by key: as that many pend_map_lookup(), cheaper.
 *
 * @param      map      where
 * @param      keys     @p count keys of the map's key_size, one after the other
 * @param      count    0 or more
 * @param[out] infos    @p count of them; may be NULL
 * @param[out] values   @p count values of the map's value_size, one after the other; may be NULL
 * @param[out] results  @p count of them: 0 or -ENOENT; may be NULL
 *
 * @return     how many were found
 * @retval -EFAULT      @p map or @p keys is NULL
 * @retval -ESHUTDOWN   the map has been destroyed
 * @retval -EOPNOTSUPP  the map has no keys
 * @retval -ERANGE      @p count is above INT32_MAX
 *
 * @context     any thread; no epoch needed; never sleeps
 * @progress    lock-free
 * @complexity  O(count * value_size) expected
 * @since       0.1
 * @see         engine/map/batch.c, tests/map/test_batch.c
 */
PEND_API int pend_map_lookup_batch(struct pend_map *map, const void *keys, uint32_t count,
				   struct pend_info *infos, void *values,
				   int *results) PEND_MUST_CHECK;

/**
 * Look an operation up by key and get a pointer to its value.
 *
 * @param      map       created with PEND_MAP_POINTERS
 * @param      key       key_size bytes
 * @param      key_size  as the map has it
 * @param[out] info      may be NULL
 * @param[out] value     receives a pointer to value_size bytes that stay as they are until the
 *                       calling thread leaves its outermost epoch, even if the operation is
 *                       completed meanwhile
 *
 * @retval 0            found
 * @retval -EFAULT      @p map, @p key or @p value is NULL
 * @retval -ESHUTDOWN   the map has been destroyed
 * @retval -EOPNOTSUPP  the map has no keys, or was not created with PEND_MAP_POINTERS
 * @retval -EMSGSIZE    @p key_size is not the map's
 * @retval -EPERM       the calling thread is not inside an epoch (pend_epoch_enter())
 * @retval -ENOENT      no operation of that key is pended
 *
 * @context     inside an epoch; never sleeps
 * @progress    lock-free
 * @complexity  O(1) expected
 * @since       0.1
 * @see         engine/map/lookup.c, tests/map/test_pointers.c
 */
PEND_API int pend_map_peek_key(struct pend_map *map, const void *key, uint32_t key_size,
			       struct pend_info *info, const void **value) PEND_MUST_CHECK;

/**
 * As pend_map_peek_key(), by handle.
 *
 * @retval 0            found
 * @retval -EFAULT      @p map or @p value is NULL
 * @retval -ESHUTDOWN   the map has been destroyed
 * @retval -EOPNOTSUPP  the map was not created with PEND_MAP_POINTERS
 * @retval -EPERM       the calling thread is not inside an epoch
 * @retval -ENOENT      no such operation is pended
 *
 * @context     inside an epoch; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         engine/map/lookup.c, tests/map/test_pointers.c
 */
PEND_API int pend_map_peek(struct pend_map *map, uint64_t handle, struct pend_info *info,
			   const void **value) PEND_MUST_CHECK;

/**
 * Enumerate: read the next operations behind a cursor (guarantee J).
 *
 * An operation that is pended during the whole scan is reported exactly once, whatever comes and
 * goes meanwhile; one that comes or goes during the scan at most once for each time it is pended.
 *
 * @param         map     where
 * @param[in,out] cursor  all zero to begin
 * @param[out]    infos   @p count of them
 * @param[out]    values  @p count values of the map's value_size; may be NULL
 * @param         count   1 or more
 *
 * @return     how many were read; 0: the scan is over
 * @retval -EFAULT     @p map, @p cursor or @p infos is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -ERANGE     @p count is 0 or above INT32_MAX
 *
 * @context     any thread; no epoch needed; never sleeps
 * @progress    wait-free
 * @complexity  O(slots ever used, by the thousand) for a whole scan, in address order
 * @since       0.1
 * @see         engine/map/scan.c, tests/map/test_scan.c
 */
PEND_API int pend_map_scan(struct pend_map *map, struct pend_cursor *cursor,
			   struct pend_info *infos, void *values, uint32_t count) PEND_MUST_CHECK;

/**
 * How many operations are live: exact when nobody pends or completes, else a moment's estimate.
 *
 * @return     0 .. max_entries
 * @retval -EFAULT     @p map is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(threads ever registered at once)
 * @since       0.1
 * @see         engine/map/stats.c
 */
PEND_API int pend_map_count(struct pend_map *map);

/**
 * Read the counters (guarantee I).
 *
 * @param         map    where
 * @param[in,out] stats  stats->size set by the caller; the fields that it covers are written
 *
 * @retval 0           success
 * @retval -EFAULT     @p map or @p stats is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -EINVAL     stats->size is below the first version's
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(threads ever registered at once)
 * @since       0.1
 * @see         engine/map/stats.c, tests/map/test_stats.c
 */
PEND_API int pend_map_stats_read(struct pend_map *map,
				 struct pend_map_stats *stats) PEND_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
