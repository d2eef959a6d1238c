/* SPDX-License-Identifier: MIT */
/*
 * helpers.h - what programs call.
 *
 * All are for programs: called from outside of one, or from one that did not name the helper when it
 * was loaded, they return -EPERM (pointers: NULL), and the latter is counted and traced. Each goes
 * through the running program's table, where its type's provider may have put its own (F80).
 *
 * A program that runs again, because its operation was continued, or because it waited for its
 * identity, gets the same answers as the first time from all that describes the operation (guarantee
 * H): context, payload, key, scratch as it left it, process, cookie, CPU, random numbers, identity once
 * it is known. What it shares with others is what it is now: clocks, maps, pressure.
 */
#ifndef PENDMAP_HELPERS_H
#define PENDMAP_HELPERS_H

#include <pendmap/custom_map.h>
#include <pendmap/identity.h>
#include <pendmap/upstream.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Pend the operation (F10). On success the program returns PEND_VERDICT_PEND; anything else that it
 * returns then completes the operation (F24).
 *
 * In a re-invocation, and a second time in one frame, it returns 0 and the key that the operation has;
 * nothing is pended again, and @p value is not looked at (F32, K6). In the rest of a resumed chain the
 * operation passes to the new pend, whose deadline ends no later than the lifetime that the first
 * pend had.
 *
 * @param         map         of type BPF_MAP_TYPE_NET_EBPF_EXT_PEND, of the program's namespace
 * @param[in,out] value       what is stored with it: begins with a struct pend_value, version and size
 *                            set, whose action and time are set here; untouched on error
 * @param         value_size  the map's
 * @param[in,out] key         version and size set; receives the key; untouched on error
 * @param         key_size    sizeof(struct pend_key)
 *
 * @retval 0            pended
 * @retval -EPERM       not in a program that named it
 * @retval -EFAULT      @p map, @p value or @p key is NULL
 * @retval -EINVAL      a size, a version, or the type of the map
 * @retval -EOPNOTSUPP  this hook, or this invocation, cannot pend (K7, F62); or the backend says so
 * @retval -EBUSY       it is pended in another map
 * @retval -ENOENT      the map is of another namespace
 * @retval -ERANGE      of a resumed chain: the operation's lifetime is used up
 * @retval -ENOSPC      as pend_map_pend(), and so the next five
 * @retval -ESHUTDOWN   the map is disabled, or the orchestrator that it is bound to is gone
 * @retval -EDQUOT      bytes, or the orchestrator's share
 * @retval -ENOBUFS     the orchestrator's ring is full
 * @retval -EDEADLK     it is the orchestrator's own operation
 * @retval -EAGAIN      every free slot waits for a reader
 * @retval -ENOMEM      the payload could not be copied; or whatever else the backend answered
 *
 * @context     a program; never sleeps
 * @progress    lock-free, apart from the backend
 * @complexity  O(1) expected
 * @since       0.1
 * @see         F10, F15, F32; engine/runtime/pending.c, tests/runtime/test_pending.c
 */
PEND_API int bpf_pend_operation(struct pend_custom_map *map, void *value, uint32_t value_size,
				struct pend_key *key, uint32_t key_size) PEND_MUST_CHECK;

/**
 * Pend the operation, in the second vocabulary (F63): as bpf_pend_operation(), without a value.
 *
 * @param         map    of type BPF_MAP_TYPE_SOCK_ADDR_PEND_COMPLETE, of the program's namespace
 * @param[in,out] key    version and size set; receives the key; untouched on error
 * @param         flags  0
 *
 * @retval 0            pended
 * @retval -EPERM       not in a program that named it
 * @retval -EFAULT      @p map or @p key is NULL
 * @retval -EINVAL      flags, a version or size, or the type of the map
 * @retval -EOPNOTSUPP  as bpf_pend_operation(), and so all others
 * @retval -EBUSY       it is pended in another map
 * @retval -ENOENT      the map is of another namespace
 * @retval -ENOSPC      the map is full
 * @retval -ESHUTDOWN   the map is disabled, or the orchestrator that it is bound to is gone
 *
 * @context     a program; never sleeps
 * @progress    lock-free, apart from the backend
 * @complexity  O(1) expected
 * @since       0.1
 * @see         F63; engine/runtime/helpers.c, tests/runtime/test_pending.c
 */
PEND_API int bpf_sock_addr_pend(struct pend_custom_map *map, struct pend_key *key,
				uint32_t flags) PEND_MUST_CHECK;

/**
 * Complete an operation (F17): the program's own, in its frame or when it runs again, whichever
 * session it belongs to; or another, which belongs to none.
 *
 * What it decides in its own frame is done when that has closed. It counts before whatever the program
 * returns (K8).
 *
 * @param map     of the pend or the complete type
 * @param key     which
 * @param action  what; PEND_ACTION_CONTINUE too
 *
 * @retval 0            accepted
 * @retval -EPERM       not in a program that named it; or the operation belongs to a session
 * @retval -EFAULT      @p map or @p key is NULL
 * @retval -EINVAL      a version or size, the action, or the type of the map
 * @retval -ENOENT      no such operation, or the map is of another namespace
 * @retval -EALREADY    as pend_map_complete()
 * @retval -ELOOP       as pend_map_complete()
 *
 * @context     a program; never sleeps
 * @progress    lock-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F17, K8; engine/runtime/helpers.c, tests/runtime/test_pending.c
 */
PEND_API int bpf_complete_operation(struct pend_custom_map *map, const struct pend_key *key,
				    enum pend_action action) PEND_MUST_CHECK;

/**
 * What this pend remembers for its program from run to run, until it ends (X9): zeroed when it begins,
 * and no other operation's ever.
 *
 * @param[out] size  receives its bytes; untouched if there is none; may be NULL
 *
 * @return     16-aligned memory, valid until the program returns; NULL: the program has not pended, or
 *             the map has no scratch, or it may not ask
 *
 * @context     a program; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F31; engine/runtime/helpers.c, tests/runtime/test_helpers.c
 */
PEND_API void *bpf_pend_scratch(uint32_t *size);

/**
 * How full a map is, so that a program can decide by itself before it is full (OP-41).
 *
 * @param map  of the pend or the complete type
 *
 * @return     0 .. 1000 thousandths; a moment's estimate
 * @retval -EPERM   not in a program that named it
 * @retval -EFAULT  @p map is NULL
 * @retval -EINVAL  it is of another type
 * @retval -ENOENT  it is of another namespace
 *
 * @context     a program; never sleeps
 * @progress    wait-free
 * @complexity  O(threads ever registered at once)
 * @since       0.1
 * @see         engine/runtime/helpers.c, tests/runtime/test_helpers.c
 */
PEND_API int bpf_pend_pressure(struct pend_custom_map *map);

/**
 * Whose operation it is (F48): resolved once for each operation, where that may block.
 *
 * @param[out] info  valid until the program returns; untouched on error
 * @param      size  sizeof(struct bpf_identity_info)
 *
 * @retval 0        known
 * @retval -EAGAIN  not in this frame, which may not block: return PEND_VERDICT_DEFER_TO_PASSIVE, and
 *                  the program runs again where it may. Never when it runs again (F50).
 * @retval -ENOENT  it is nobody's; or the process is gone, or is another one by now (F51)
 * @retval -EINVAL  @p info is NULL, or @p size is not the struct's
 * @retval -EPERM   not in a program that named it
 *
 * @context     a program; may read /proc in hooks that may block, and when the program runs again
 * @progress    wait-free where it may not block
 * @complexity  O(1)
 * @since       0.1
 * @see         F48 to F53; engine/runtime/helpers.c, tests/runtime/test_defer.c
 */
PEND_API int bpf_get_identity(struct bpf_identity_info *info, uint32_t size) PEND_MUST_CHECK;

/**
 * Say that no continuation state was found, and that the program begins afresh (F31). Counted if it
 * runs again because it was continued; a first run has no state to miss.
 *
 * @retval 0       noted
 * @retval -EPERM  not in a program that named it
 *
 * @context     a program; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F31; engine/runtime/helpers.c, tests/runtime/test_helpers.c
 */
PEND_API int bpf_continuation_missing(void);

/**
 * Look an element up.
 *
 * @param map  of base type HASH, whose provider stores what callers see
 * @param key  the map's key_size bytes
 *
 * @return     its value, valid until the program returns; NULL: there is none, or it may not ask
 *
 * @context     a program; never sleeps, unless the map's provider does
 * @progress    lock-free
 * @complexity  O(1) expected
 * @since       0.1
 * @see         F31, F85; engine/custom/element.c, tests/runtime/test_helpers.c
 */
PEND_API const void *bpf_map_lookup_elem(struct pend_custom_map *map, const void *key);

/**
 * Store an element. Errors as pend_custom_map_update(), and these:
 *
 * @param map     of base type HASH, whose provider stores what callers see
 * @param key     the map's key_size bytes
 * @param value   the map's value_size bytes
 * @param update  enum pend_update_flag
 *
 * @retval 0       stored
 * @retval -EPERM  not in a program that named it
 *
 * @context     a program; never sleeps, unless the map's provider does
 * @progress    lock-free
 * @complexity  O(1) expected
 * @since       0.1
 * @see         F31, F85; engine/custom/element.c, tests/runtime/test_helpers.c
 */
PEND_API int bpf_map_update_elem(struct pend_custom_map *map, const void *key, const void *value,
				 uint64_t update) PEND_MUST_CHECK;

/**
 * Remove an element. Errors as pend_custom_map_delete(), and these:
 *
 * @param map  of base type HASH, whose provider stores what callers see
 * @param key  the map's key_size bytes
 *
 * @retval 0        removed
 * @retval -EPERM   not in a program that named it
 * @retval -ENOENT  there is none
 *
 * @context     a program; never sleeps, unless the map's provider does
 * @progress    lock-free
 * @complexity  O(1) expected
 * @since       0.1
 * @see         F31, F85; engine/custom/element.c, tests/runtime/test_helpers.c
 */
PEND_API int bpf_map_delete_elem(struct pend_custom_map *map, const void *key) PEND_MUST_CHECK;

/**
 * The process whose operation it is, and its thread: as the invocation's subject says, or, of a type
 * whose context tells, as that does. Never the thread that happens to run the program (X7).
 *
 * @return     pid << 32 | tid; 0: nobody's; (uint64_t)-EPERM
 *
 * @context     a program; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         OP-24; engine/runtime/helpers.c, tests/runtime/test_helpers.c
 */
PEND_API uint64_t bpf_get_current_pid_tgid(void);

/**
 * A number that names the operation's socket: as the type's context says, or, of a type that has none,
 * the backend's name of the operation.
 *
 * @param context  the program's
 *
 * @return     the number; (uint64_t)-EPERM
 *
 * @context     a program; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         OP-24; engine/runtime/helpers.c, tests/runtime/test_helpers.c
 */
PEND_API uint64_t bpf_get_socket_cookie(void *context);

/**
 * The time now, without what was spent asleep.
 *
 * @return     nanoseconds since boot; (uint64_t)-EPERM
 *
 * @context     a program; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         engine/runtime/helpers.c, tests/runtime/test_helpers.c
 */
PEND_API uint64_t bpf_ktime_get_ns(void);

/**
 * The time now, with what was spent asleep.
 *
 * @return     nanoseconds since boot; (uint64_t)-EPERM
 *
 * @context     a program; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         engine/runtime/helpers.c, tests/runtime/test_helpers.c
 */
PEND_API uint64_t bpf_ktime_get_boot_ns(void);

/**
 * The CPU on which the operation was first asked about, at the moment a program asked.
 *
 * @return     its number; (uint32_t)-EPERM
 *
 * @context     a program; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         OP-24; engine/runtime/helpers.c, tests/runtime/test_helpers.c
 */
PEND_API uint32_t bpf_get_smp_processor_id(void);

/**
 * A random number: in each run of one program for one operation the same ones in the same order. Not
 * for secrets.
 *
 * @return     it; (uint32_t)-EPERM
 *
 * @context     a program; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         OP-24; engine/runtime/helpers.c, tests/runtime/test_helpers.c
 */
PEND_API uint32_t bpf_get_prandom_u32(void);

/**
 * A helper of the program type's own.
 *
 * @param id  above PEND_HELPER_TYPE_BASE
 *
 * @return     it, for this program; NULL: it has not named it, which is counted
 *
 * @context     a program; never sleeps
 * @progress    wait-free
 * @complexity  O(helpers that the program named)
 * @since       0.1
 * @see         F80; engine/runtime/helpers.c, tests/runtime/test_helpers.c
 */
PEND_API pend_helper_fn bpf_helper(uint32_t id);

/**
 * A function that the program named (F81).
 *
 * @param index  in its list
 *
 * @return     it, to be called before the program returns; NULL: its provider has just gone, or there
 *             is none of that number, which is counted
 *
 * @context     a program; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F81; engine/runtime/helpers.c, tests/runtime/test_invoke.c
 */
PEND_API pend_helper_fn bpf_function(uint32_t index);

#ifdef __cplusplus
}
#endif

#endif
