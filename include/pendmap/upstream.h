/* SPDX-License-Identifier: MIT */
/*
 * upstream.h - completing in the words of the upstream designs: thin facades over one complete.
 *
 * Two vocabularies exist. In the first an orchestrator updates the pend map's element with an action
 * and then deletes it; only the delete completes. In the second it inserts an action into a complete
 * map. Both end in pend_map_complete(): one compare-and-swap, whoever calls what. Each facade
 * returns what its own vocabulary returns.
 *
 * A key is 16 bytes and names an operation by its handle; it is opaque, not secret. Keys, values and
 * entries begin with a version and a size: what is newer than this library knows is ignored, what
 * is too short is refused.
 *
 * All functions here take the session that the caller acts for, or NULL for an orchestrator without
 * one (F64).
 */
#ifndef PENDMAP_UPSTREAM_H
#define PENDMAP_UPSTREAM_H

#include <pendmap/map.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PEND_KEY_VERSION 1u
#define PEND_VALUE_VERSION 1u

/** Names an operation. No padding: maps of other kinds may hash it. */
struct pend_key {
	uint16_t version;  /**< PEND_KEY_VERSION */
	uint16_t size;     /**< sizeof(struct pend_key) */
	uint32_t reserved; /**< ignored */
	uint64_t pend_id;  /**< the handle */
};

/** What begins the value of a pend map's element. */
struct pend_value {
	uint16_t version;           /**< PEND_VALUE_VERSION */
	uint16_t size;              /**< sizeof(struct pend_value), or more */
	uint32_t action;            /**< enum pend_action: NET_EBPF_EXT_PEND_ACTION_* upstream */
	uint64_t pend_timestamp_ns; /**< when it was pended; read, never written */
};

/** Actions of a complete map's entries. */
enum pend_complete_action {
	PEND_COMPLETE_REJECT = 0,       /**< PEND_ACTION_BLOCK */
	PEND_COMPLETE_PROCEED_SOFT = 1, /**< PEND_ACTION_PERMIT_SOFT */
	PEND_COMPLETE_PROCEED_HARD = 2, /**< PEND_ACTION_PERMIT_HARD */
	PEND_COMPLETE_REINVOKE = 3,     /**< PEND_ACTION_CONTINUE */
};

/** An entry of a complete map. */
struct pend_complete_entry {
	uint16_t version; /**< PEND_VALUE_VERSION */
	uint16_t size;    /**< sizeof(struct pend_complete_entry), or more */
	uint32_t action;  /**< enum pend_complete_action */
};

/** Result codes of the second vocabulary, with the upstream values. */
enum pend_result {
	PEND_EBPF_SUCCESS = 0,
	PEND_EBPF_INVALID_OBJECT = 5,
	PEND_EBPF_INVALID_ARGUMENT = 6,
	PEND_EBPF_OBJECT_ALREADY_EXISTS = 8,
	PEND_EBPF_OPERATION_NOT_SUPPORTED = 18,
	PEND_EBPF_KEY_NOT_FOUND = 19,
	PEND_EBPF_ACCESS_DENIED = 20,
	PEND_EBPF_INVALID_STATE = 34,
};

/** Flags of an update, with the values of Linux. */
enum pend_update_flag {
	PEND_BPF_ANY = 0,
	PEND_BPF_NOEXIST = 1,
	PEND_BPF_EXIST = 2,
};

/** The key of the operation that @p handle names. */
static inline struct pend_key pend_key_of(uint64_t handle)
{
	struct pend_key key = { PEND_KEY_VERSION, (uint16_t)sizeof(key), 0, handle };

	return key;
}

/**
 * Update a pend map's element: stage a verdict, or continue (first vocabulary, F16).
 *
 * A terminal action is only held ready: pend_map_delete_elem() completes with it. The last one
 * counts; continuing drops it, and so does a deadline, which blocks (K3, K4).
 *
 * @param session  whose operation it is, or NULL
 * @param map      where
 * @param key      which
 * @param value    only its action is read
 * @param flags    enum pend_update_flag
 *
 * @retval 0            staged, or continued
 * @retval -EFAULT      @p map, @p key or @p value is NULL
 * @retval -ESHUTDOWN   the map has been destroyed, or the session has ended
 * @retval -EINVAL      a version or size that is none, an action that is none of the four, or an
 *                      unknown flag
 * @retval -EPERM       the element does not exist and the flags allow to create it, which only a
 *                      program can; or it belongs to another session
 * @retval -EEXIST      PEND_BPF_NOEXIST, and it exists
 * @retval -ENOENT      PEND_BPF_EXIST: no such operation, or it is decided
 * @retval -EALREADY    CONTINUE was accepted before and not yet run
 * @retval -ELOOP       as pend_map_complete()
 * @retval -EOPNOTSUPP  as pend_map_complete()
 *
 * @context     as pend_map_complete()
 * @progress    lock-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F16, F28, K2 to K4; engine/map/upstream.c, tests/map/test_upstream.c
 */
PEND_API int pend_map_update_elem(struct pend_session *session, struct pend_map *map,
				  const struct pend_key *key, const struct pend_value *value,
				  uint64_t flags) PEND_MUST_CHECK;

/**
 * Delete a pend map's element: complete it with the verdict that was staged, or PEND_ACTION_BLOCK
 * (first vocabulary, F16, F42).
 *
 * @retval 0           it is decided by this call, and by no other
 * @retval -EFAULT     @p map or @p key is NULL
 * @retval -ESHUTDOWN  the map has been destroyed, or the session has ended
 * @retval -EINVAL     a version or size of the key that is none
 * @retval -EPERM      it belongs to another session
 * @retval -ENOENT     no such operation, or somebody else decided it
 *
 * @context     as pend_map_complete()
 * @progress    lock-free, apart from the completion function
 * @complexity  O(1)
 * @since       0.1
 * @see         F16, F42; engine/map/upstream.c, tests/map/test_upstream.c
 */
PEND_API int pend_map_delete_elem(struct pend_session *session, struct pend_map *map,
				  const struct pend_key *key) PEND_MUST_CHECK;

/**
 * Read the head of a pend map's element.
 *
 * @param      map    where
 * @param      key    which
 * @param[out] value  its action is the one staged, or PEND_ACTION_PENDING; untouched on error
 *
 * @retval 0           read
 * @retval -EFAULT     @p map, @p key or @p value is NULL
 * @retval -ESHUTDOWN  the map has been destroyed
 * @retval -EINVAL     a version or size of the key that is none
 * @retval -ENOENT     no such operation is pended
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F6; engine/map/upstream.c, tests/map/test_upstream.c
 */
PEND_API int pend_map_lookup_elem(struct pend_map *map, const struct pend_key *key,
				  struct pend_value *value) PEND_MUST_CHECK;

/**
 * Insert an entry into a map's complete map: complete the operation (second vocabulary, F63).
 *
 * Nothing is stored: completing is no insert, so no complete map can be full (X6).
 *
 * @return     enum pend_result: PEND_EBPF_SUCCESS; PEND_EBPF_KEY_NOT_FOUND, no such operation;
 *             PEND_EBPF_OBJECT_ALREADY_EXISTS, somebody else decided it; PEND_EBPF_ACCESS_DENIED, it
 *             belongs to another session; PEND_EBPF_INVALID_ARGUMENT, a NULL, a version, a size or
 *             an action that is none; PEND_EBPF_INVALID_STATE, re-invoked too often;
 *             PEND_EBPF_OPERATION_NOT_SUPPORTED, the map has no re-run function;
 *             PEND_EBPF_INVALID_OBJECT, the map has been destroyed or the session has ended
 *
 * @context     as pend_map_complete()
 * @progress    lock-free, apart from the completion function
 * @complexity  O(1)
 * @since       0.1
 * @see         F63, F64; engine/map/upstream.c, tests/map/test_upstream.c
 */
PEND_API enum pend_result pend_complete_map_update_elem(struct pend_session *session,
							struct pend_map *map,
							const struct pend_key *key,
							const struct pend_complete_entry *entry);

/**
 * Complete an operation by its key: for orchestrators, and for programs without a hook of a runtime
 * (helpers.h has bpf_complete_operation() for the others), from a re-run or from the hook frame that
 * pended it (F17).
 *
 * @retval 0            accepted, as pend_map_complete()
 * @retval -EFAULT      @p map or @p key is NULL
 * @retval -ESHUTDOWN   the map has been destroyed, or the session has ended
 * @retval -EINVAL      a version or size of the key that is none, or no such action
 * @retval -EPERM       it belongs to another session
 * @retval -ENOENT      no such operation
 * @retval -EALREADY    another call decided first
 * @retval -ELOOP       as pend_map_complete()
 * @retval -EOPNOTSUPP  as pend_map_complete()
 *
 * @context     as pend_map_complete(); also inside the operation's own hook frame or re-run, whose
 *              end it then waits for
 * @progress    lock-free, apart from the completion function
 * @complexity  O(1)
 * @since       0.1
 * @see         F17; engine/map/upstream.c, tests/map/test_upstream.c
 */
PEND_API int pend_map_complete_elem(struct pend_session *session, struct pend_map *map,
				    const struct pend_key *key,
				    enum pend_action action) PEND_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
