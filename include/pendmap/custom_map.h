/* SPDX-License-Identifier: MIT */
/*
 * custom_map.h - maps whose type is given by a provider (F82 to F87).
 *
 * A provider registers a map type by its number, and gets callbacks around what happens to maps of
 * that type. With base type HASH the elements lie in the library's own table, which readers reach
 * without a lock; the provider translates and is told. With base type NONE the provider stores them
 * itself. The pend map, the complete map and the control map are such types, registered by the
 * runtime itself:
 *
 *	pend      key struct pend_key, value struct pend_value and the program's fields behind it:
 *	          update stages a verdict or continues, delete completes (upstream.h)
 *	complete  key struct pend_key, value struct pend_complete_entry: update completes what was
 *	          pended in this very map (F64); lookup, delete and next return -ENOTSUP
 *	control   key uint32_t 0, value { uint32_t state, reserved }, max_entries 1: enum
 *	          pend_control_state of the engine. Creating it disables the engine; closing it
 *	          leaves the state as it is. Writing DISABLED waits 2 s for frames and completion
 *	          functions; after -ETIMEDOUT the state is DISABLED and writing it again goes on
 *	          waiting.
 *
 * Callbacks run with no lock held, and may call anything that does not wait for readers: the map
 * itself included. While one runs, the calling thread is inside an epoch, in which stored values
 * that it is shown stay as they are; but for preprocess_create, postprocess_delete, and a
 * provider's own update and erase, which may sleep. (A thread that cannot enter one, because too
 * many threads are registered, gets -EAGAIN from any call that would: pend_epoch_enter().)
 */
#ifndef PENDMAP_CUSTOM_MAP_H
#define PENDMAP_CUSTOM_MAP_H

#include <stdbool.h>

#include <pendmap/control.h>
#include <pendmap/registry.h>
#include <pendmap/session.h>
#include <pendmap/upstream.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pend_custom_map; /* opaque: engine/custom/custom_internal.h */

#define PEND_MAP_PROVIDER_VERSION 1u

/** Numbers of map types. A provider's own are above PEND_MAP_TYPE_PROVIDER. */
enum pend_map_type {
	BPF_MAP_TYPE_UNSPEC = 0,
	BPF_MAP_TYPE_HASH = 1, /**< a plain table, no provider */
	BPF_MAP_TYPE_NET_EBPF_EXT_PEND = 0x100,
	BPF_MAP_TYPE_NET_EBPF_EXT_PEND_CONTROL = 0x101,
	BPF_MAP_TYPE_SOCK_ADDR_PEND_COMPLETE = 0x102,
	PEND_MAP_TYPE_PROVIDER = 0x1000,
};

/** Bits of a callback's @p flags. */
enum pend_map_operation_flag {
	PEND_MAP_OPERATION_HELPER = 0x1,  /**< a program asks */
	PEND_MAP_OPERATION_UPDATE = 0x2,  /**< a delete: an update replaced, or is undone */
	PEND_MAP_OPERATION_CLEANUP = 0x4, /**< a delete: the map goes */
};

/** What a new map is to be, and what its provider makes of it. */
struct pend_map_shape {
	uint32_t key_size;
	uint32_t value_size; /**< as callers see it */
	uint32_t max_entries;
	uint32_t actual_value_size; /**< out: as stored; value_size unless it is translated */
	void *map_context;          /**< out: the provider's */
};

/** A provider's callbacks. What each is called with: the provider's context, the map's. */
struct pend_map_callbacks {
	struct pend_header header; /**< version PEND_MAP_PROVIDER_VERSION */
	/** Before a map is created. Required. @p extra as the options have it. @p map is not yet
	 * one: only its address may be kept. Not 0: it is not created, and the caller gets that. */
	int (*preprocess_create)(void *context, struct pend_custom_map *map,
				 struct pend_map_shape *shape, const void *extra);
	/** After it is gone. Required. */
	void (*postprocess_delete)(void *context, void *map_context);
	/** May programs of this type use it? 0 or an error. Required. */
	int (*preprocess_associate)(void *context, void *map_context, const struct pend_uuid *type);
	/** After an element was found: stored -> what the caller gets (value_size bytes, zeroed;
	 * NULL unless updates_original_value: then the caller gets what is stored). Not 0: the
	 * caller gets that, and nothing else. */
	int (*postprocess_find)(void *context, void *map_context, const void *key,
				const void *stored, void *value, uint32_t flags);
	/** Before an element is stored: what the caller gave -> stored (actual_value_size bytes,
	 * zeroed; NULL unless updates_original_value). Not 0: it is not stored, and the caller gets
	 * that. */
	int (*preprocess_update)(void *context, void *map_context, const void *key,
				 const void *value, void *stored, uint32_t flags);
	/** An element was removed, replaced (UPDATE), could not be stored after all (UPDATE), or
	 * goes with its map (CLEANUP). Exactly once for each that preprocess_update let through;
	 * without preprocess_update, for each that was stored. */
	void (*postprocess_delete_element)(void *context, void *map_context, const void *key,
					   const void *stored, uint32_t flags);
	/* The rest: base type NONE only, and required there. The caller gets what they return. Keys
	 * and values need not be aligned. */
	int (*find)(void *context, void *map_context, const void *key, void *value, uint32_t flags);
	int (*update)(void *context, void *map_context, struct pend_session *session,
		      const void *key, const void *value, uint64_t update, uint32_t flags);
	int (*erase)(void *context, void *map_context, struct pend_session *session,
		     const void *key, uint32_t flags);
	/** The key after @p key (NULL: the first). -ENOENT: there is none. */
	int (*next)(void *context, void *map_context, const void *key, void *next);
};

enum pend_map_base {
	PEND_MAP_BASE_NONE = 0, /**< the provider stores */
	PEND_MAP_BASE_HASH = 1,
};

/** What the provider of a map type hands over. */
struct pend_map_provider_data {
	struct pend_header header; /**< version PEND_MAP_PROVIDER_VERSION */
	uint32_t type;             /**< its number */
	enum pend_map_base base;
	bool updates_original_value; /**< what is stored is not what callers see: programs may not
				      * touch it (-ENOTSUP); all element callbacks are required */
	bool single;                 /**< at most one map of it in a runtime (-EBUSY) */
	const struct pend_map_callbacks *callbacks;
};

struct pend_custom_map_options {
	uint32_t size;  /**< bytes: sizeof as the caller compiled it */
	uint32_t flags; /**< 0 */
	uint32_t type;  /**< enum pend_map_type, or a provider's */
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	struct pend_namespace name_space;
	const void *extra; /**< for the type. The pend and complete types: a const struct
			    * pend_map_options, or NULL, of which the runtime sets engine, the
			    * sizes, the functions and their context. scratch_size is the
			    * programs'; with the runtime's record it is at most
			    * PEND_SCRATCH_SIZE_MAX. Without flags it begins DISABLED. */
};

struct pend_custom_map_info {
	uint32_t size; /**< sizeof as the caller compiled it, set by the caller */
	uint32_t id;   /**< unique in its runtime, never 0, never reused */
	uint32_t type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t count;    /**< elements now, a moment's estimate; 0 if the provider stores */
	uint32_t reserved; /**< zero */
};

/**
 * Create a map.
 *
 * @param      runtime  where; not destroyed before the map is closed
 * @param      options  begin with all zero, set size and the fields; borrowed for the call
 * @param[out] map      receives a handle, to be given back with pend_custom_map_close(); untouched
 *                      on error
 *
 * @retval 0        success; any other error is what preprocess_create returned
 * @retval -EFAULT  @p runtime, @p options or @p map is NULL
 * @retval -EINVAL  options->size, a flag, or type 0; actual_value_size 0 or, without
 *                  updates_original_value, not value_size. The library's own types: a key or value
 *                  size, or a number of entries, that the type does not have
 * @retval -E2BIG   a field newer than this library is set
 * @retval -ERANGE  key_size is not 1 .. PEND_KEY_SIZE_MAX, a value size not 1 ..
 *                  PEND_VALUE_SIZE_MAX, max_entries not 1 .. PEND_MAP_ENTRIES_MAX less a reserve; a
 *                  scratch_size of the pend and complete types
 * @retval -ENOENT  nobody provides the type (upstream: EBPF_EXTENSION_FAILED_TO_LOAD)
 * @retval -ENODEV  who provides it is leaving
 * @retval -EBUSY   there is one already, of a type of which there may be one
 * @retval -ENOMEM  the runtime's allocator returned NULL
 * @retval -EDEADLK  the control type: inside an epoch, or a function that the engine calls
 * @retval -ETIMEDOUT  the control type: the engine is disabled, and something that it decided is
 *                  not yet delivered
 *
 * @context     any thread; may sleep
 * @progress    blocking on the registry, the allocator, and what the provider does
 * @complexity  O(max_entries) address space
 * @since       0.1
 * @see         F4, F43, F63, F82, F87; engine/custom/create.c, tests/custom/test_create.c
 */
PEND_API int pend_custom_map_create(struct pend_runtime *runtime,
				    const struct pend_custom_map_options *options,
				    struct pend_custom_map **map) PEND_MUST_CHECK;

/**
 * Give a handle back.
 *
 * With the last holder the map goes: each element is told of with CLEANUP, what is pended in a map
 * of the pend or complete type is completed with PEND_ACTION_BLOCK on this thread, and the
 * provider's postprocess_delete is called; no lock is held meanwhile. No program that names the map
 * is attached any more by then.
 *
 * @retval 0         given back
 * @retval -EFAULT   @p map is NULL
 * @retval -EDEADLK  inside an epoch, which the callbacks of elements are; or in another callback of
 *                   this map, or in a function that its engine calls. Nothing was done.
 *
 * @context     any thread that is not inside an epoch; may sleep
 * @progress    blocking on readers inside an epoch, and on what the provider does
 * @complexity  O(elements) if it is the last
 * @since       0.1
 * @see         F87, X11; engine/custom/create.c, tests/custom/test_create.c
 */
PEND_API int pend_custom_map_close(struct pend_custom_map *map);

/**
 * Let programs of a type use a map: asks its provider.
 *
 * @retval 0        they may; any other error is what preprocess_associate returned
 * @retval -EFAULT  @p map or @p program_type is NULL
 *
 * @context     any thread
 * @progress    as the provider's callback
 * @complexity  O(1)
 * @since       0.1
 * @see         F83, F87; engine/custom/handle.c, tests/custom/test_create.c
 */
PEND_API int pend_custom_map_associate(struct pend_custom_map *map,
				       const struct pend_uuid *program_type) PEND_MUST_CHECK;

/**
 * Look an element up.
 *
 * @param      map    where
 * @param      key    key_size bytes
 * @param[out] value  receives value_size bytes; untouched on error
 *
 * @retval 0         found; any other error is what the provider returned
 * @retval -EFAULT   @p map, @p key or @p value is NULL
 * @retval -ENOENT   there is none
 * @retval -ENOTSUP  the complete type
 *
 * @context     any thread, also inside an epoch or a callback
 * @progress    lock-free, apart from the provider's callback
 * @complexity  O(value_size) expected
 * @since       0.1
 * @see         F85; engine/custom/element.c, tests/custom/test_element.c
 */
PEND_API int pend_custom_map_lookup(struct pend_custom_map *map, const void *key,
				    void *value) PEND_MUST_CHECK;

/**
 * Store an element.
 *
 * The stored value is replaced whole: who reads the old one goes on reading it until its epoch
 * ends.
 *
 * @param map      where
 * @param session  for whom, or NULL: an orchestrator without a session
 * @param key      key_size bytes
 * @param value    value_size bytes
 * @param update   enum pend_update_flag
 *
 * @retval 0           stored; any other error is what the provider returned, and nothing was stored
 * @retval -EFAULT     @p map, @p key or @p value is NULL
 * @retval -EINVAL     @p update is none; the library's own types: what the value says is none
 * @retval -ESHUTDOWN  the session has ended
 * @retval -EPERM      the session is of another namespace or engine; or as pend_map_update_elem()
 * @retval -ENOENT     PEND_BPF_EXIST, and the key is absent; complete type: no such operation
 * @retval -EEXIST     PEND_BPF_NOEXIST, and the key is present; complete type: somebody else
 *                     decided
 * @retval -ENOSPC     max_entries keys are present; control type: any key but 0
 * @retval -EAGAIN     every free slot of the table still waits for a reader
 * @retval -EALREADY   pend type: as pend_map_update_elem()
 * @retval -ELOOP      pend and complete type: continued too often
 * @retval -EDEADLK    control type: DISABLED, written inside an epoch or a function of the engine
 * @retval -ETIMEDOUT  control type: DISABLED, and something that was decided is not yet delivered
 *
 * @context     any thread, also inside an epoch or a callback; never sleeps, unless the provider
 * does
 * @progress    lock-free, apart from the provider's callbacks
 * @complexity  O(value_size) expected
 * @since       0.1
 * @see         F16, F43, F63, F66, F85; engine/custom/element.c, tests/custom/test_element.c,
 *              tests/custom/test_types.c
 */
PEND_API int pend_custom_map_update(struct pend_custom_map *map, struct pend_session *session,
				    const void *key, const void *value,
				    uint64_t update) PEND_MUST_CHECK;

/**
 * Remove an element.
 *
 * @param map      where
 * @param session  for whom, or NULL
 * @param key      key_size bytes
 *
 * @retval 0           removed, by this call and no other; any other error is what the provider
 *                     returned
 * @retval -EFAULT     @p map or @p key is NULL
 * @retval -ENOENT     there is none
 * @retval -ESHUTDOWN  the session has ended
 * @retval -EPERM      the session is of another namespace or engine, or does not own the operation
 * @retval -ENOTSUP    complete and control type
 *
 * @context     as pend_custom_map_update()
 * @progress    lock-free, apart from the provider's callbacks
 * @complexity  O(1) expected
 * @since       0.1
 * @see         F16, F85; engine/custom/element.c, tests/custom/test_element.c
 */
PEND_API int pend_custom_map_delete(struct pend_custom_map *map, struct pend_session *session,
				    const void *key) PEND_MUST_CHECK;

/**
 * Look an element up and remove it: one caller gets it. What the provider does not let the caller
 * see is not removed.
 *
 * @param      map    where
 * @param      key    key_size bytes
 * @param[out] value  receives value_size bytes; untouched on error
 *
 * @retval 0         taken; any other error is what postprocess_find returned
 * @retval -EFAULT   @p map, @p key or @p value is NULL
 * @retval -ENOENT   there is none
 * @retval -ENOTSUP  base type NONE
 *
 * @context     as pend_custom_map_update()
 * @progress    lock-free, apart from the provider's callbacks
 * @complexity  O(value_size) expected
 * @since       0.1
 * @see         F85; engine/custom/element.c, tests/custom/test_element.c
 */
PEND_API int pend_custom_map_take(struct pend_custom_map *map, const void *key,
				  void *value) PEND_MUST_CHECK;

/**
 * Walk over the keys; no callback.
 *
 * A key that is present during the whole walk is met exactly once, whatever comes and goes
 * meanwhile, also if the key that a step begins from is gone.
 *
 * @param      map   where
 * @param      key   the last one, key_size bytes, or NULL: from the beginning
 * @param[out] next  receives key_size bytes; untouched on error. May be @p key.
 *
 * @retval 0         there
 * @retval -EFAULT   @p map or @p next is NULL
 * @retval -ENOENT   that was the last
 * @retval -ENOTSUP  the complete type
 *
 * @context     any thread, also inside an epoch or a callback; never sleeps
 * @progress    lock-free
 * @complexity  O(1) expected; O(max_entries) for the whole walk, or where few keys are left
 * @since       0.1
 * @see         F85, guarantee J; engine/map/continuation_scan.c, tests/custom/test_element.c
 */
PEND_API int pend_custom_map_next_key(struct pend_custom_map *map, const void *key,
				      void *next) PEND_MUST_CHECK;

/**
 * Read what a map is.
 *
 * @param         map   which
 * @param[in,out] info  info->size set by the caller; the fields that it covers are written
 *
 * @retval 0        read
 * @retval -EFAULT  @p map or @p info is NULL
 * @retval -EINVAL  info->size is below the first version's
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(threads ever registered at once)
 * @since       0.1
 * @see         engine/custom/handle.c, tests/custom/test_handle.c
 */
PEND_API int pend_custom_map_info_read(struct pend_custom_map *map,
				       struct pend_custom_map_info *info) PEND_MUST_CHECK;

/**
 * Keep a map under a name, without a handle, until pend_unpin().
 *
 * @retval 0              pinned
 * @retval -EFAULT        @p map or @p name is NULL
 * @retval -EINVAL        an empty name
 * @retval -ENAMETOOLONG  longer than PEND_NAME_MAX
 * @retval -EEXIST        the name is taken in the map's namespace
 * @retval -ENOMEM        the runtime's allocator returned NULL
 *
 * @context     any thread; may sleep
 * @progress    blocking on the registry
 * @complexity  O(pins)
 * @since       0.1
 * @see         F66; engine/custom/handle.c, tests/custom/test_handle.c
 */
PEND_API int pend_custom_map_pin(struct pend_custom_map *map, const char *name) PEND_MUST_CHECK;

/**
 * A new handle for what is pinned.
 *
 * @param      runtime     where
 * @param      name_space  the caller's; NULL: the default one
 * @param      name        as it was pinned
 * @param[out] map         receives a handle; untouched on error
 *
 * @retval 0        opened
 * @retval -EFAULT  @p runtime, @p name or @p map is NULL
 * @retval -ENOENT  no map of that name in that namespace
 *
 * @context     any thread; may sleep
 * @progress    blocking on the registry
 * @complexity  O(pins)
 * @since       0.1
 * @see         F66; engine/custom/handle.c, tests/custom/test_handle.c
 */
PEND_API int pend_custom_map_open(struct pend_runtime *runtime,
				  const struct pend_namespace *name_space, const char *name,
				  struct pend_custom_map **map) PEND_MUST_CHECK;

/**
 * Enumerate the maps of a namespace.
 *
 * @param runtime     where
 * @param name_space  the caller's; NULL: the default one
 * @param id          the last one; 0: from the beginning
 *
 * @return     the next id; 0: that was the last
 * @retval -EFAULT  @p runtime is NULL
 *
 * @context     any thread; may sleep
 * @progress    blocking on the registry
 * @complexity  O(maps)
 * @since       0.1
 * @see         F66; engine/custom/handle.c, tests/custom/test_handle.c
 */
PEND_API int64_t pend_custom_map_next_id(struct pend_runtime *runtime,
					 const struct pend_namespace *name_space, uint32_t id);

/**
 * A new handle for the map of an id.
 *
 * @param      runtime     where
 * @param      name_space  the caller's; NULL: the default one
 * @param      id          of the map
 * @param[out] map         receives a handle; untouched on error
 *
 * @retval 0        there
 * @retval -EFAULT  @p runtime or @p map is NULL
 * @retval -ENOENT  no map of that id in that namespace
 *
 * @context     any thread; may sleep
 * @progress    blocking on the registry
 * @complexity  O(maps)
 * @since       0.1
 * @see         F66; engine/custom/handle.c, tests/custom/test_handle.c
 */
PEND_API int pend_custom_map_by_id(struct pend_runtime *runtime,
				   const struct pend_namespace *name_space, uint32_t id,
				   struct pend_custom_map **map) PEND_MUST_CHECK;

/**
 * For providers: a map's own context, as preprocess_create set it.
 *
 * @return     the context; NULL: it has none, is not yet created, or @p map is NULL
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F86; engine/custom/handle.c, tests/custom/test_create.c
 */
PEND_API void *pend_custom_map_context(struct pend_custom_map *map);

/**
 * For providers: find a stored element, without a callback.
 *
 * @param      map     where
 * @param      key     key_size bytes
 * @param[out] stored  receives a pointer to actual_value_size bytes, aligned to 8, valid and
 *                     constant until the calling thread leaves its outermost epoch; untouched on
 *                     error
 *
 * @retval 0         found
 * @retval -EFAULT   @p map, @p key or @p stored is NULL
 * @retval -ENOTSUP  base type NONE
 * @retval -EPERM    the calling thread is not inside an epoch
 * @retval -ENOENT   there is none
 *
 * @context     inside an epoch; never sleeps
 * @progress    lock-free
 * @complexity  O(1) expected
 * @since       0.1
 * @see         F86; engine/custom/element.c, tests/custom/test_element.c
 */
PEND_API int pend_custom_map_find_stored(struct pend_custom_map *map, const void *key,
					 const void **stored) PEND_MUST_CHECK;

/**
 * The pend map under a map of the pend or complete type: to scan, to complete in, to enable and
 * disable. It is the custom map's: not to be destroyed, and not to be used after that was closed.
 *
 * @return     the pend map; NULL: it is of another type, or @p map is NULL
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F26; engine/custom/handle.c, tests/custom/test_types.c
 */
PEND_API struct pend_map *pend_custom_map_pends(struct pend_custom_map *map);

/**
 * Say whose the operations are that programs pend in a map from now on.
 *
 * @param map      of the pend or complete type
 * @param session  the owner's, or NULL: nobody's. When it ends, programs cannot pend in the map
 *                 until another one is bound.
 *
 * @retval 0            bound
 * @retval -EFAULT      @p map is NULL
 * @retval -EOPNOTSUPP  a map of another type
 * @retval -ESHUTDOWN   the session has ended
 * @retval -EPERM       it is of another namespace (pend_session_namespace()) or engine
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F64, F66; engine/custom/bind.c, tests/custom/test_session.c
 */
PEND_API int pend_custom_map_bind(struct pend_custom_map *map,
				  struct pend_session *session) PEND_MUST_CHECK;

/**
 * Say which namespace a session is of, before it is used. Sessions begin in the default one, heirs
 * too.
 *
 * @param session     which
 * @param name_space  its namespace; pend_namespace_of_peer() finds it for a process that asks
 *
 * @retval 0           said
 * @retval -EFAULT     @p session or @p name_space is NULL
 * @retval -ESHUTDOWN  it has ended
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F66; engine/custom/bind.c, tests/custom/test_session.c
 */
PEND_API int pend_session_namespace(struct pend_session *session,
				    const struct pend_namespace *name_space) PEND_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
