/* SPDX-License-Identifier: MIT */
/*
 * program.h - programs, and what a program type's provider says of them.
 *
 * A program is a C function with a list of the helpers and named functions that it may call.
 * Loading checks the list against the provider of its type; from then on a call of anything else is
 * refused (-EPERM) and counted. A program that names a helper that pends MAY_PEND; no other program
 * can.
 *
 * A program lives while anybody holds it: a handle, a link, a pin, a pended operation.
 */
#ifndef PENDMAP_PROGRAM_H
#define PENDMAP_PROGRAM_H

#include <stdbool.h>

#include <pendmap/registry.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pend_program; /* opaque: engine/runtime/runtime_internal.h */

#define PEND_PROGRAM_VERSION 1u
#define PEND_PROGRAM_HELPERS_MAX 64u
#define PEND_HELPER_TYPE_BASE 0xffffu /**< ids of a program type's own helpers are above */

/** Helpers that every program type has, unless its provider overrides them. */
enum pend_helper_id {
	BPF_FUNC_map_lookup_elem = 1,
	BPF_FUNC_map_update_elem = 2,
	BPF_FUNC_map_delete_elem = 3,
	BPF_FUNC_get_prandom_u32 = 6,
	BPF_FUNC_ktime_get_boot_ns = 7,
	BPF_FUNC_get_smp_processor_id = 8,
	BPF_FUNC_ktime_get_ns = 9,
	BPF_FUNC_get_current_pid_tgid = 19,
	BPF_FUNC_get_socket_cookie = 26,
	BPF_FUNC_pend_operation = 0x1001, /**< pends */
	BPF_FUNC_sock_addr_pend = 0x1002, /**< pends */
	BPF_FUNC_complete_operation = 0x1003,
	BPF_FUNC_pend_scratch = 0x1004,
	BPF_FUNC_get_identity = 0x1005, /**< pends: it may have to be deferred */
	BPF_FUNC_pend_pressure = 0x1006,
	BPF_FUNC_continuation_missing = 0x1007,
	/* sock_addr.h */
	BPF_FUNC_sock_addr_get_current_pid_tgid = 0xffff + 1,
	BPF_FUNC_sock_addr_set_redirect_context = 0xffff + 2,
	BPF_FUNC_sock_addr_get_network_context = 0xffff + 3,
};

/** One helper as a provider declares it. */
struct pend_helper_prototype {
	struct pend_header header; /**< version PEND_PROGRAM_VERSION */
	uint32_t id;
	const char *name;
	uint32_t return_type;  /**< enum pend_return_type */
	uint32_t arguments[5]; /**< enum pend_argument_type */
	uint32_t flags;        /**< enum pend_helper_flag */
};

enum pend_return_type {
	PEND_RETURN_INTEGER = 0,
	PEND_RETURN_MAP_VALUE_OR_NULL = 1,
};

enum pend_argument_type {
	PEND_ARGUMENT_NONE = 0,
	PEND_ARGUMENT_ANYTHING = 1,
	PEND_ARGUMENT_CONTEXT = 2,
	PEND_ARGUMENT_MAP = 3,
	PEND_ARGUMENT_MAP_KEY = 4,
	PEND_ARGUMENT_MAP_VALUE = 5,
	PEND_ARGUMENT_READABLE = 6, /**< a pointer; its size follows */
	PEND_ARGUMENT_WRITABLE = 7, /**< a pointer; its size follows */
	PEND_ARGUMENT_SIZE = 8,
	PEND_ARGUMENT_SIZE_OR_ZERO = 9,
};

enum pend_helper_flag {
	PEND_HELPER_IMPLICIT_CONTEXT = 1u << 0, /**< finds the context by pend_frame_context() */
	PEND_HELPER_PENDS = 1u << 1,            /**< a program that names it MAY_PEND */
};

/** A program's context as the runtime sees it. */
struct pend_context_layout {
	uint32_t size;       /**< bytes that programs see and may write */
	uint32_t saved_size; /**< bytes that a pended operation keeps, >= size: with what the
				 * helpers read of it. By value: no pointers but data and end. */
	int32_t data;        /**< offset of the pointer to the payload, or -1 */
	int32_t end;         /**< offset of the pointer past it, or -1 */
};

/** What a program type's provider hands over (F77). */
struct pend_program_data {
	struct pend_header header; /**< version PEND_PROGRAM_VERSION */
	const char *name;          /**< of the type */
	struct pend_context_layout context;
	uint32_t helper_count; /**< type-specific helpers, ids above PEND_HELPER_TYPE_BASE */
	const struct pend_helper_prototype *helpers;
	const pend_helper_fn *helper_addresses; /**< in the order of helpers */
	uint32_t override_count; /**< general helpers that this type does otherwise */
	const uint32_t *override_ids;
	const pend_helper_fn *override_addresses;
};

/** A program. @p data is as the options gave it. Returns an enum pend_verdict. */
typedef int (*pend_program_fn)(void *context, void *data);

struct pend_program_options {
	uint32_t size;                /**< bytes: sizeof as the caller compiled it */
	uint32_t flags;               /**< 0 */
	const char *name;             /**< 1 .. PEND_NAME_MAX bytes; copied */
	struct pend_uuid type;        /**< its type's provider must be registered */
	struct pend_uuid attach_type; /**< all zero: any that its type has */
	struct pend_namespace name_space;
	pend_program_fn entry;
	void *data;                   /**< handed to entry */
	const uint32_t *helpers;      /**< ids of what it calls; copied */
	uint32_t helper_count;        /**< 0 .. PEND_PROGRAM_HELPERS_MAX */
	uint32_t function_count;      /**< 0 .. 16 */
	const char *const *functions; /**< names of what it calls; copied */
	const uint64_t *prototypes;   /**< of those functions */
	void (*on_free)(void *data);  /**< called once nothing holds it; may be NULL */
};

enum pend_program_flag {
	PEND_PROGRAM_MAY_PEND = 1u << 0, /**< info only: it names a helper that pends */
};

struct pend_program_info {
	uint32_t size;              /**< sizeof as the caller compiled it, set by the caller */
	uint32_t id;                /**< unique in its runtime, never 0, never reused */
	uint32_t flags;             /**< enum pend_program_flag */
	uint32_t links;             /**< it is attached by */
	uint64_t runs;              /**< invocations that have ended, all links together */
	uint64_t pended;            /**< its operations that are pended now */
	uint64_t verification_hash; /**< of its type's description and the helpers it names */
	struct pend_uuid type;
	char name[PEND_NAME_MAX + 1];
};

/**
 * Load a program: check what it may call against its type, once and for all (F77, F80).
 *
 * A function that nobody provides is no error: the program loads, and is refused each time it is to
 * run, until there is a provider.
 *
 * @param      runtime  where
 * @param      options  borrowed for the call; what it points to is copied
 * @param[out] program  receives a handle of the caller, who gives it back with
 *                      pend_program_close(); untouched on error
 *
 * @retval 0              loaded; it runs once it is attached (link.h)
 * @retval -EFAULT        @p runtime, @p options, @p program, the name, the entry, or a list that is
 *                        not empty is NULL
 * @retval -EINVAL        options->size below the first version's, flags, an empty name
 * @retval -E2BIG         a field newer than this library is set
 * @retval -ENAMETOOLONG  the name has more than PEND_NAME_MAX bytes
 * @retval -ERANGE        more than PEND_PROGRAM_HELPERS_MAX helpers or 16 functions
 * @retval -ENOENT        nobody provides the type
 * @retval -ENODEV        who provides it is leaving
 * @retval -EACCES        a helper that its type does not have, or a function whose provider has
 *                        another prototype
 * @retval -ENOMEM        the allocator returned NULL
 *
 * @context     any thread; may sleep (mutexes); calls on_attach of the type's provider
 * @progress    blocking on the control plane's mutexes
 * @complexity  O(helpers x helpers of the type)
 * @since       0.1
 * @see         F34, F77, F80, F81; engine/runtime/program.c, tests/runtime/test_program.c
 */
PEND_API int pend_program_load(struct pend_runtime *runtime,
			       const struct pend_program_options *options,
			       struct pend_program **program) PEND_MUST_CHECK;

/**
 * Give a handle back. The program goes with the last that holds it: a handle, a pin, a link, an
 * invocation, a pended operation. Then on_free is called, once, with no lock held: by this call, or
 * by whoever was last, which may be a thread of the engine. It must not block, and may not call
 * what waits for invocations to end.
 *
 * @param program  a handle of the caller's, which is invalid from now on
 *
 * @retval 0        given back
 * @retval -EFAULT  @p program is NULL
 *
 * @context     any thread, also inside a program; may sleep (mutexes)
 * @progress    blocking on the control plane's mutexes
 * @complexity  O(1)
 * @since       0.1
 * @see         F36; engine/runtime/program.c, tests/runtime/test_program.c
 */
PEND_API int pend_program_close(struct pend_program *program);

/**
 * Read what a program is, and what it is doing.
 *
 * @param         program  of which
 * @param[in,out] info     info->size set by the caller; the fields that it covers are written
 *
 * @retval 0        read
 * @retval -EFAULT  @p program or @p info is NULL
 * @retval -EINVAL  info->size is below the first version's
 *
 * @context     any thread, also inside a program; may sleep (mutexes)
 * @progress    blocking on the control plane's mutexes
 * @complexity  O(attachments x threads ever registered at once)
 * @since       0.1
 * @see         F34, F77; engine/runtime/program.c, tests/runtime/test_program.c
 */
PEND_API int pend_program_info_read(struct pend_program *program,
				    struct pend_program_info *info) PEND_MUST_CHECK;

/**
 * Keep a program under a name, in its namespace, without a handle.
 *
 * @param program  which
 * @param name     1 .. PEND_NAME_MAX bytes; copied
 *
 * @retval 0              pinned, until pend_unpin()
 * @retval -EFAULT        @p program or @p name is NULL
 * @retval -EINVAL        @p name is empty
 * @retval -ENAMETOOLONG  it is longer than PEND_NAME_MAX
 * @retval -EEXIST        something is pinned under that name in that namespace
 * @retval -ENOMEM        the allocator returned NULL
 *
 * @context     any thread, also inside a program; may sleep (mutexes)
 * @progress    blocking on the control plane's mutexes
 * @complexity  O(pins)
 * @since       0.1
 * @see         F66; engine/registry/pin.c, tests/runtime/test_program.c
 */
PEND_API int pend_program_pin(struct pend_program *program, const char *name) PEND_MUST_CHECK;

/**
 * A new handle for what is pinned.
 *
 * @param      runtime     where
 * @param      name_space  the caller's; NULL: the default one
 * @param      name        as it was pinned
 * @param[out] program     receives a handle of the caller; untouched on error
 *
 * @retval 0        found
 * @retval -EFAULT  @p runtime, @p name or @p program is NULL
 * @retval -ENOENT  no program is pinned under that name in that namespace
 *
 * @context     any thread, also inside a program; may sleep (mutexes)
 * @progress    blocking on the control plane's mutexes
 * @complexity  O(pins)
 * @since       0.1
 * @see         F66; engine/registry/pin.c, tests/runtime/test_program.c
 */
PEND_API int pend_program_open(struct pend_runtime *runtime,
			       const struct pend_namespace *name_space, const char *name,
			       struct pend_program **program) PEND_MUST_CHECK;

/**
 * The next program's id, in ascending order: to enumerate them.
 *
 * @param runtime     where
 * @param name_space  the caller's; NULL: the default one
 * @param id          the last one seen; 0: none yet
 *
 * @return     the id; 0: there is none above @p id
 * @retval -EFAULT  @p runtime is NULL
 *
 * @context     any thread, also inside a program; may sleep (mutexes)
 * @progress    blocking on the control plane's mutexes
 * @complexity  O(programs)
 * @since       0.1
 * @see         F34, F66; engine/registry/object.c, tests/runtime/test_program.c
 */
PEND_API int64_t pend_program_next_id(struct pend_runtime *runtime,
				      const struct pend_namespace *name_space, uint32_t id);

/**
 * A new handle for the program of an id.
 *
 * @param      runtime     where
 * @param      name_space  the caller's; NULL: the default one
 * @param      id          as info and pend_program_next_id() have it
 * @param[out] program     receives a handle of the caller; untouched on error
 *
 * @retval 0        found
 * @retval -EFAULT  @p runtime or @p program is NULL
 * @retval -ENOENT  none of that id in that namespace
 *
 * @context     any thread, also inside a program; may sleep (mutexes)
 * @progress    blocking on the control plane's mutexes
 * @complexity  O(programs)
 * @since       0.1
 * @see         F66; engine/registry/object.c, tests/runtime/test_program.c
 */
PEND_API int pend_program_by_id(struct pend_runtime *runtime,
				const struct pend_namespace *name_space, uint32_t id,
				struct pend_program **program) PEND_MUST_CHECK;

/**
 * Remove a pin, of a program, a link or a custom map. What nobody else holds goes.
 *
 * @param runtime     where
 * @param name_space  the caller's; NULL: the default one
 * @param name        as it was pinned
 *
 * @retval 0        removed
 * @retval -EFAULT  @p runtime or @p name is NULL
 * @retval -ENOENT  nothing is pinned under that name in that namespace
 *
 * @context     any thread but in frames, epochs and callbacks: it may be the last holder of a map;
 *              may sleep
 * @progress    blocking on the control plane's mutexes
 * @complexity  O(pins)
 * @since       0.1
 * @see         F66; engine/registry/pin.c, tests/registry/test_pin.c
 */
PEND_API int pend_unpin(struct pend_runtime *runtime, const struct pend_namespace *name_space,
			const char *name) PEND_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
