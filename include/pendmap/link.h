/* SPDX-License-Identifier: MIT */
/*
 * link.h - links: a program attached to a hook, replaceable in one step (guarantee G).
 *
 *	attach -> ATTACHED -> detach -> DETACHED (for good)
 *	            | update: another program, the same link, place and id
 *
 * A link lives while anybody holds it: a handle, a pin, a pended operation. When the last handle of
 * a link that is not pinned is closed, it is detached, as in Linux.
 */
#ifndef PENDMAP_LINK_H
#define PENDMAP_LINK_H

#include <pendmap/hook.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pend_link; /* opaque: engine/runtime/runtime_internal.h */

struct pend_link_options {
	uint32_t size;                /**< bytes: sizeof as the caller compiled it */
	uint32_t flags;               /**< 0 */
	struct pend_uuid attach_type; /**< names the hook */
	uint32_t compartment;         /**< PEND_COMPARTMENT_ANY: all */
	uint32_t reserved;            /**< 0 */
	struct pend_namespace name_space;
};

/** What becomes of operations that the program pended (F92). */
enum pend_outstanding {
	PEND_OUTSTANDING_FINISH = 0,    /**< they finish with the old program */
	PEND_OUTSTANDING_HAND_OVER = 1, /**< continuing them runs the new one; update only */
	PEND_OUTSTANDING_COMPLETE = 2,  /**< completed now with BLOCK, PEND_ORIGIN_DRAIN */
};

enum pend_link_update_flag {
	PEND_LINK_REPLACE = 1u << 2, /**< BPF_F_REPLACE: only if the program is old_program */
	PEND_LINK_WAIT = 1u << 16, /**< return when the last invocation of the old one has ended */
};

struct pend_link_update_options {
	uint32_t size;                    /**< bytes: sizeof as the caller compiled it */
	uint32_t flags;                   /**< enum pend_link_update_flag bits */
	struct pend_program *old_program; /**< with PEND_LINK_REPLACE; else NULL */
	enum pend_outstanding outstanding;
	uint32_t reserved; /**< 0 */
	/* Written by the call, with PEND_LINK_WAIT: */
	uint64_t waited; /**< invocations of the old program that ended after the replacement */
};

enum pend_link_state {
	PEND_LINK_ATTACHED = 1,
	PEND_LINK_DETACHED = 2,
};

struct pend_link_info {
	uint32_t size; /**< sizeof as the caller compiled it, set by the caller */
	uint32_t id;   /**< unique in its runtime, never 0, never reused */
	enum pend_link_state state;
	uint32_t flags;      /**< enum pend_program_flag of its program: MAY_PEND (F34) */
	uint32_t program_id; /**< 0 when detached */
	uint32_t compartment;
	uint32_t position; /**< in the chain, from 0 */
	uint32_t updates;  /**< replacements so far */
	uint64_t runs;     /**< invocations of the present program by this link */
	uint64_t pended;   /**< operations of this link that are pended, old programs' too */
	struct pend_uuid attach_type;
};

/** Called once, with no lock held, when the last invocation of a detached link has ended. */
typedef void (*pend_link_detached_fn)(void *context);

/**
 * Attach a program to the hook of an attach type: behind all that are attached there, but before
 * those for any compartment if it is for one (F73).
 *
 * @param      program  which; the link holds it, so its handle may be closed
 * @param      options  borrowed for the call
 * @param[out] link     receives a handle of the caller, who gives it back with pend_link_close();
 *                      untouched on error
 *
 * @retval 0        attached: invocations that begin from now on run it
 * @retval -EFAULT  @p program, @p options or @p link is NULL
 * @retval -EINVAL  options->size below the first version's, flags, reserved; or the program is of
 *                  another type than the hook's, or was loaded for another attach type
 * @retval -E2BIG   a field newer than this library is set
 * @retval -ENOENT  no hook provides the attach type
 * @retval -ENODEV  the hook is going
 * @retval -ENOSPC  links_max programs are attached
 * @retval -EBUSY   PEND_HOOK_EXCLUSIVE_PENDER: this may pend, and another that may is attached
 * @retval -EPERM   the program is of another namespace than the link is to be
 * @retval -ENOMEM  the allocator returned NULL
 *
 * @context     any thread, also inside a program; may sleep (mutexes)
 * @progress    blocking on the control plane's mutexes
 * @ordering    what the caller did before happens before the program runs
 * @complexity  O(providers + programs attached)
 * @since       0.1
 * @see         F67, F73, F88; engine/runtime/link.c, tests/runtime/test_link.c,
 *              tests/runtime/test_hook.c
 */
PEND_API int pend_link_attach(struct pend_program *program, const struct pend_link_options *options,
			      struct pend_link **link) PEND_MUST_CHECK;

/**
 * Detach for good, and wait until no invocation runs the program by this link (C6).
 *
 * With PEND_OUTSTANDING_COMPLETE all that it has pended is decided when this returns, what an
 * invocation pended that was still running included (D1); it is delivered as completions are. With
 * FINISH it is left to its orchestrator and its deadline, and may be continued until then (K17). It
 * needs no memory.
 *
 * @param link         which; it stays a handle of the caller
 * @param outstanding  FINISH or COMPLETE
 *
 * @retval 0         detached
 * @retval -EFAULT   @p link is NULL
 * @retval -EINVAL   @p outstanding is neither
 * @retval -ENOLINK  it is detached already
 * @retval -EDEADLK  inside a frame or an epoch: it would wait for itself. Nothing has changed
 *
 * @context     any thread but in frames and epochs; may sleep
 * @progress    blocking on invocations that run
 * @ordering    what the program did in its last invocation happens before the return
 * @complexity  O(programs attached); with COMPLETE, and all that is pended in the runtime
 * @since       0.1
 * @see         F40, F88; engine/runtime/link.c, tests/runtime/test_link.c
 */
PEND_API int pend_link_detach(struct pend_link *link,
			      enum pend_outstanding outstanding) PEND_MUST_CHECK;

/**
 * Detach for good, and be told when no invocation runs the program by this link any more.
 *
 * @param link         which; it stays a handle of the caller
 * @param outstanding  as in pend_link_detach(); what invocations that still run pend is completed
 *                     when they have ended
 * @param done         called once, with no lock held, by this call or by whoever finds out, which
 *                     may be a thread of the engine; it must not block. NULL: nobody
 * @param context      handed to it
 *
 * @retval 0         detached: invocations that begin from now on do not run it
 * @retval -EFAULT   @p link is NULL
 * @retval -EINVAL   @p outstanding is neither FINISH nor COMPLETE
 * @retval -ENOLINK  it is detached already; @p done is not called
 *
 * @context     any thread, also inside a program; may sleep (mutexes)
 * @progress    blocking on the control plane's mutexes
 * @complexity  as pend_link_detach()
 * @since       0.1
 * @see         F40, F88, OP-14; engine/runtime/link.c, tests/runtime/test_link.c
 */
PEND_API int pend_link_detach_async(struct pend_link *link, enum pend_outstanding outstanding,
				    pend_link_detached_fn done, void *context) PEND_MUST_CHECK;

/**
 * Replace the program of a link in one step (guarantee G).
 *
 * Each invocation runs exactly one of the two: those that begin when this has returned, the new
 * one; those that began before it was called, the old one, although they may still be running then,
 * but with PEND_LINK_WAIT. The link, its id and its place stay. What the old program has pended is
 * treated as options->outstanding says. The old program is freed, unless somebody else holds it,
 * after its last invocation and its last pend.
 *
 * @param         link     which
 * @param         program  the new one
 * @param[in,out] options  NULL: unconditionally, the old one's pends finish with it, no wait. With
 *                         PEND_LINK_WAIT receives waited
 *
 * @retval 0         replaced
 * @retval -EFAULT   @p link or @p program is NULL, or old_program is, with PEND_LINK_REPLACE
 * @retval -EINVAL   options->size below the first version's, an unknown flag or policy, reserved,
 *                   old_program without PEND_LINK_REPLACE; or the new program does not fit, as for
 *                   pend_link_attach()
 * @retval -E2BIG    a field newer than this library is set
 * @retval -EPERM    PEND_LINK_REPLACE: the program is not old_program; or the new one is of another
 *                   namespace
 * @retval -EBUSY    PEND_HOOK_EXCLUSIVE_PENDER: the new one may pend, and so may one of another
 *                   link
 * @retval -ENOLINK  the link is detached
 * @retval -EDEADLK  PEND_LINK_WAIT inside a frame or an epoch: it would wait for itself
 * @retval -ENOMEM   the allocator returned NULL. On any error nothing has changed
 *
 * @context     any thread, without PEND_LINK_WAIT also inside a program; may sleep (mutexes)
 * @progress    blocking on the control plane's mutexes; with PEND_LINK_WAIT on invocations that run
 * @ordering    as pend_link_attach() and, with PEND_LINK_WAIT, pend_link_detach()
 * @complexity  O(programs attached); with COMPLETE, and all that is pended in the runtime
 * @since       0.1
 * @see         F89 to F92; engine/runtime/update.c, tests/runtime/test_update.c,
 *              tests/runtime/torture_replace.c
 */
PEND_API int pend_link_update(struct pend_link *link, struct pend_program *program,
			      struct pend_link_update_options *options) PEND_MUST_CHECK;

/**
 * Read what a link is, and what it is doing: also how to find out who may pend before one's own
 * program does (F34).
 *
 * @param         link  of which
 * @param[in,out] info  info->size set by the caller; the fields that it covers are written
 *
 * @retval 0        read
 * @retval -EFAULT  @p link or @p info is NULL
 * @retval -EINVAL  info->size is below the first version's
 *
 * @context     any thread, also inside a program; may sleep (mutexes)
 * @progress    blocking on the control plane's mutexes
 * @complexity  O(attachments x threads ever registered at once)
 * @since       0.1
 * @see         F34, F88; engine/runtime/link.c, tests/runtime/test_link.c
 */
PEND_API int pend_link_info_read(struct pend_link *link,
				 struct pend_link_info *info) PEND_MUST_CHECK;

/**
 * Give a handle back. With the last one, unless it is pinned, the link is detached, as by
 * pend_link_detach_async() with FINISH. It needs no memory.
 *
 * @param link  a handle of the caller's, which is invalid from now on
 *
 * @retval 0        given back
 * @retval -EFAULT  @p link is NULL
 *
 * @context     any thread, also inside a program; may sleep (mutexes)
 * @progress    blocking on the control plane's mutexes
 * @complexity  O(programs attached)
 * @since       0.1
 * @see         F88; engine/runtime/link.c, tests/runtime/test_link.c
 */
PEND_API int pend_link_close(struct pend_link *link);

/**
 * Keep a link, and so its program attached, under a name in its namespace, without a handle.
 *
 * @param link  which
 * @param name  1 .. PEND_NAME_MAX bytes; copied
 *
 * @retval 0              pinned, until pend_unpin()
 * @retval -EFAULT        @p link or @p name is NULL
 * @retval -EINVAL        @p name is empty
 * @retval -ENAMETOOLONG  it is longer than PEND_NAME_MAX
 * @retval -EEXIST        something is pinned under that name in that namespace
 * @retval -ENOMEM        the allocator returned NULL
 *
 * @context     any thread, also inside a program; may sleep (mutexes)
 * @progress    blocking on the control plane's mutexes
 * @complexity  O(pins)
 * @since       0.1
 * @see         F66; engine/registry/pin.c, tests/runtime/test_link.c
 */
PEND_API int pend_link_pin(struct pend_link *link, const char *name) PEND_MUST_CHECK;

/**
 * A new handle for what is pinned.
 *
 * @param      runtime     where
 * @param      name_space  the caller's; NULL: the default one
 * @param      name        as it was pinned
 * @param[out] link        receives a handle of the caller; untouched on error
 *
 * @retval 0        found
 * @retval -EFAULT  @p runtime, @p name or @p link is NULL
 * @retval -ENOENT  no link is pinned under that name in that namespace
 *
 * @context     any thread, also inside a program; may sleep (mutexes)
 * @progress    blocking on the control plane's mutexes
 * @complexity  O(pins)
 * @since       0.1
 * @see         F66; engine/registry/pin.c, tests/runtime/test_link.c
 */
PEND_API int pend_link_open(struct pend_runtime *runtime, const struct pend_namespace *name_space,
			    const char *name, struct pend_link **link) PEND_MUST_CHECK;

/**
 * The next link's id, in ascending order: to enumerate them.
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
 * @complexity  O(links)
 * @since       0.1
 * @see         F34, F66; engine/registry/object.c, tests/runtime/test_link.c
 */
PEND_API int64_t pend_link_next_id(struct pend_runtime *runtime,
				   const struct pend_namespace *name_space, uint32_t id);

/**
 * A new handle for the link of an id.
 *
 * @param      runtime     where
 * @param      name_space  the caller's; NULL: the default one
 * @param      id          as info and pend_link_next_id() have it
 * @param[out] link        receives a handle of the caller; untouched on error
 *
 * @retval 0        found
 * @retval -EFAULT  @p runtime or @p link is NULL
 * @retval -ENOENT  none of that id in that namespace
 *
 * @context     any thread, also inside a program; may sleep (mutexes)
 * @progress    blocking on the control plane's mutexes
 * @complexity  O(links)
 * @since       0.1
 * @see         F66; engine/registry/object.c, tests/runtime/test_link.c
 */
PEND_API int pend_link_by_id(struct pend_runtime *runtime, const struct pend_namespace *name_space,
			     uint32_t id, struct pend_link **link) PEND_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
