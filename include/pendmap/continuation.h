/* SPDX-License-Identifier: MIT */
/*
 * continuation.h - the continuation map: what a program remembers between two runs.
 *
 * A keyed table of fixed-size values. A lookup returns a pointer that stays valid, and whose
 * bytes stay as they are, until the calling thread leaves its epoch: an update puts a new value
 * in place of the old one and never writes into it. Nothing is ever evicted. Every call may be
 * made by any thread at any time, except pend_continuation_destroy(), which must be the last.
 * Nothing here takes a lock.
 *
 * All calls share the errors -EFAULT and -ESHUTDOWN, as in map.h.
 */
#ifndef PENDMAP_CONTINUATION_H
#define PENDMAP_CONTINUATION_H

#include <stddef.h>
#include <stdint.h>

#include <pendmap/allocator.h>
#include <pendmap/export.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pend_continuation; /* opaque: engine/map/continuation.c */

/** What an update may do. The values are those of bpf_map_update_elem(). */
enum pend_update {
	PEND_UPDATE_ANY = 0,     /**< insert or replace */
	PEND_UPDATE_NOEXIST = 1, /**< insert only */
	PEND_UPDATE_EXIST = 2,   /**< replace only */
};

/** Creation options: begin with pend_continuation_options_default(), then set fields. */
struct pend_continuation_options {
	uint32_t size;        /**< bytes: sizeof as the caller compiled it */
	uint32_t flags;       /**< zero */
	uint32_t max_entries; /**< 1 .. 2^25 less the reserve; default 65536 */
	uint32_t key_size;    /**< bytes, 1 .. 256; no default */
	uint32_t value_size;  /**< bytes, 1 .. 4096; no default */
	uint32_t reserve;     /**< extra slots for values that readers may still hold; 0:
			       * max_entries / 4, but 1024 to 65536 */
	uint64_t hash_seed;   /**< 0 (default): drawn from getrandom(2) */
	const struct pend_allocator *allocator; /**< NULL: the library's own. Borrowed. */
};

static inline struct pend_continuation_options pend_continuation_options_default(void)
{
	struct pend_continuation_options options = {
		(uint32_t)sizeof(options), 0, 65536, 0, 0, 0, 0, NULL
	};

	return options;
}

/**
 * Create an empty continuation map.
 *
 * @param      options  borrowed for the call
 * @param[out] map      receives a map owned by the caller; untouched on error
 *
 * @retval 0        success
 * @retval -EFAULT  @p options or @p map is NULL
 * @retval -EINVAL  options->size below the first version's, a flag, or an allocator without its
 *                  functions
 * @retval -E2BIG   a field newer than this library is set
 * @retval -ERANGE  a number outside the range its field states
 * @retval -ENOMEM  the allocator returned NULL
 *
 * @context     any thread; may sleep
 * @progress    blocking on the allocator
 * @complexity  O(max_entries) address space
 * @since       0.1
 * @see         F31; engine/map/continuation.c, tests/map/test_continuation.c
 */
PEND_API int pend_continuation_create(const struct pend_continuation_options *options,
				      struct pend_continuation **map) PEND_MUST_CHECK;

/**
 * Free the map and what is in it.
 *
 * @retval 0           success
 * @retval -EFAULT     @p map is NULL
 * @retval -ESHUTDOWN  destroyed already
 * @retval -EDEADLK    the calling thread is inside an epoch
 *
 * @context     any thread that is not inside an epoch; may sleep
 * @progress    blocking on readers inside an epoch
 * @complexity  O(1) and the allocator
 * @since       0.1
 * @see         engine/map/continuation.c
 */
PEND_API int pend_continuation_destroy(struct pend_continuation *map);

/**
 * Insert or replace a value.
 *
 * @param map     where
 * @param key     key_size bytes, as created; borrowed for the call
 * @param value   value_size bytes, as created; borrowed for the call
 * @param update  enum pend_update
 *
 * @retval 0           done; lookups that begin later see the new value
 * @retval -EFAULT     a pointer is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -EINVAL     @p update is not an enum pend_update
 * @retval -ENOSPC     an insert, and max_entries keys were present, or being inserted, at some
 *                     instant of the call
 * @retval -EAGAIN     every free slot still waits for a reader
 * @retval -EEXIST     PEND_UPDATE_NOEXIST: the key was present at some instant of the call
 * @retval -ENOENT     PEND_UPDATE_EXIST: the key was absent at some instant of the call
 *
 * @context     any thread, also inside an epoch; never sleeps
 * @progress    lock-free
 * @complexity  O(value_size) expected
 * @since       0.1
 * @see         F31, F85; engine/map/continuation.c, tests/map/test_continuation.c
 */
PEND_API int pend_continuation_update(struct pend_continuation *map, const void *key,
				      const void *value, enum pend_update update) PEND_MUST_CHECK;

/**
 * Remove a key.
 *
 * @retval 0           removed, by this call and no other
 * @retval -EFAULT     a pointer is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -ENOENT     the key was absent at some instant of the call
 *
 * @context     any thread, also inside an epoch; never sleeps
 * @progress    lock-free
 * @complexity  O(1) expected
 * @since       0.1
 * @see         engine/map/continuation.c, tests/map/test_continuation.c
 */
PEND_API int pend_continuation_delete(struct pend_continuation *map, const void *key);

/**
 * Find a key.
 *
 * @param      map    where
 * @param      key    key_size bytes
 * @param[out] value  receives a pointer to value_size bytes, aligned to 8, valid and constant until
 *                    the calling thread leaves its outermost epoch; untouched on error
 *
 * @retval 0           found
 * @retval -EFAULT     a pointer is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -EPERM      the calling thread is not inside an epoch (pend_epoch_enter())
 * @retval -ENOENT     the key was absent at some instant of the call
 *
 * @context     inside an epoch; never sleeps
 * @progress    lock-free
 * @complexity  O(1) expected
 * @since       0.1
 * @see         engine/map/continuation.c, tests/map/test_continuation.c
 */
PEND_API int pend_continuation_lookup(struct pend_continuation *map, const void *key,
				      const void **value) PEND_MUST_CHECK;

/**
 * Find many keys: as that many pend_continuation_lookup(), cheaper.
 *
 * @param      map     where
 * @param      keys    @p count keys, one after the other
 * @param      count   0 or more
 * @param[out] values  @p count pointers: to the value, or NULL where the key is absent
 *
 * @return     how many were found
 * @retval -EFAULT     a pointer is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -ERANGE     @p count is above INT32_MAX
 * @retval -EPERM      the calling thread is not inside an epoch
 *
 * @context     inside an epoch; never sleeps
 * @progress    lock-free
 * @complexity  O(count) expected
 * @since       0.1
 * @see         engine/map/continuation.c, tests/map/test_continuation.c
 */
PEND_API int pend_continuation_lookup_batch(struct pend_continuation *map, const void *keys,
					    uint32_t count, const void **values) PEND_MUST_CHECK;

/**
 * Insert or replace many: as that many pend_continuation_update().
 *
 * @param      map      where
 * @param      keys     @p count keys, one after the other
 * @param      values   @p count values, one after the other
 * @param      count    0 or more
 * @param      update   enum pend_update, for all
 * @param[out] results  @p count of them: 0 or the error; may be NULL
 *
 * @return     how many were done
 * @retval -EFAULT     a pointer is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -EINVAL     @p update is not an enum pend_update
 * @retval -ERANGE     @p count is above INT32_MAX
 *
 * @context     as pend_continuation_update()
 * @progress    lock-free
 * @complexity  O(count * value_size) expected
 * @since       0.1
 * @see         engine/map/continuation.c, tests/map/test_continuation.c
 */
PEND_API int pend_continuation_update_batch(struct pend_continuation *map, const void *keys,
					    const void *values, uint32_t count,
					    enum pend_update update, int *results) PEND_MUST_CHECK;

/**
 * Remove many: as that many pend_continuation_delete().
 *
 * @param      map      where
 * @param      keys     @p count keys, one after the other
 * @param      count    0 or more
 * @param[out] results  @p count of them: 0 or -ENOENT; may be NULL
 *
 * @return     how many were removed
 * @retval -EFAULT     @p map or @p keys is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -ERANGE     @p count is above INT32_MAX
 *
 * @context     as pend_continuation_delete()
 * @progress    lock-free
 * @complexity  O(count) expected
 * @since       0.1
 * @see         engine/map/continuation.c, tests/map/test_continuation.c
 */
PEND_API int pend_continuation_delete_batch(struct pend_continuation *map, const void *keys,
					    uint32_t count, int *results) PEND_MUST_CHECK;

/**
 * How many keys are present: exact when nobody changes the map, else a moment's estimate.
 *
 * @return     0 .. max_entries
 * @retval -EFAULT     @p map is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(threads ever registered at once)
 * @since       0.1
 * @see         engine/map/continuation.c
 */
PEND_API int pend_continuation_count(struct pend_continuation *map);

#ifdef __cplusplus
}
#endif

#endif
