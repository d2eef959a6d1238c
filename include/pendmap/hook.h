/* SPDX-License-Identifier: MIT */
/*
 * hook.h - hooks: where a backend asks programs for a verdict.
 *
 * A hook has a chain of at most 16 attached programs. An invocation runs those that apply, in
 * order: programs of the operation's compartment before those of any, else in order of attaching.
 * REJECT ends the chain; else the strongest verdict counts: REJECT, PROCEED_HARD, PROCEED_SOFT. A
 * chain without programs proceeds softly.
 *
 * A program that pended and returns PEND absorbs the operation. In claim mode that ends the chain
 * for good: programs behind it never run for the operation. In resume mode the programs behind it
 * run when it is permitted; one of them may pend it again, under a new handle.
 *
 * An invocation is wait-free: it takes no lock, allocates nothing, and waits for nobody, whatever
 * is attached, detached or replaced meanwhile (guarantee G).
 */
#ifndef PENDMAP_HOOK_H
#define PENDMAP_HOOK_H

#include <pendmap/backend.h>
#include <pendmap/identity.h>
#include <pendmap/program.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pend_hook; /* opaque: engine/runtime/runtime_internal.h */

#define PEND_HOOK_LINKS_MAX 16u
#define PEND_HOOK_ATTACH_TYPES_MAX 4u
#define PEND_COMPARTMENT_ANY 0u /**< as a link's compartment: runs for all */

/** Bits of pend_hook_options.flags. */
enum pend_hook_flag {
	PEND_HOOK_MAY_BLOCK = 1u << 0, /**< its frames may block: identity is resolved in place */
	PEND_HOOK_NO_PEND = 1u << 1,   /**< its operations cannot be pended: -EOPNOTSUPP */
	PEND_HOOK_RESUME = 1u << 2,    /**< resume mode; else claim mode */
	PEND_HOOK_RESUME_KNOWN = 1u << 3, /**< a resumed chain leaves out what was attached since */
	PEND_HOOK_READ_ONLY = 1u << 4, /**< a program that wrote its context: undone, and REJECT */
	PEND_HOOK_READ_ONLY_IGNORE = 1u << 5, /**< ... undone, and its verdict counts */
	PEND_HOOK_EXCLUSIVE_PENDER = 1u << 6, /**< at most one program that may pend is attached */
	PEND_HOOK_STOP_ON_WRITE = 1u << 7, /**< a program that wrote its context ends the chain, as
					    * in the redirect stage */
	PEND_HOOK_CLASSIFIES = 1u << 8,    /**< programs answer enum pend_flow_verdict: ALLOW counts
					 * as PROCEED_SOFT, NEED_MORE_DATA as PROCEED_HARD, BLOCK and
					 * anything else as REJECT */
};

/** What a pend answers when the orchestrator that its map is bound to is gone (OP-39). */
enum pend_hook_loss {
	PEND_HOOK_LOSS_PROGRAM = 0, /**< the helper fails with -ESHUTDOWN; the program decides */
	PEND_HOOK_LOSS_BLOCK = 1,   /**< the same, and REJECT whatever the program returns */
	PEND_HOOK_LOSS_PERMIT = 2,  /**< the same, and PROCEED_SOFT unless it rejects */
};

struct pend_hook_options {
	uint32_t size;                 /**< bytes: sizeof as the caller compiled it */
	uint32_t flags;                /**< enum pend_hook_flag bits */
	const char *name;              /**< 1 .. PEND_NAME_MAX bytes; copied */
	struct pend_uuid program_type; /**< of the programs that may be attached */
	struct pend_uuid attach_types[PEND_HOOK_ATTACH_TYPES_MAX];
	uint32_t attach_type_count; /**< 1 .. PEND_HOOK_ATTACH_TYPES_MAX */
	uint32_t links_max;         /**< 1 .. PEND_HOOK_LINKS_MAX */
	enum pend_hook_loss on_orchestrator_loss;
	const struct pend_backend *backend; /**< borrowed; NULL only with PEND_HOOK_NO_PEND */
	void *backend_context;              /**< handed to its functions */
};

/** Bits of pend_invocation.flags. */
enum pend_invoke_flag {
	PEND_INVOKE_NO_PEND =
		1u << 0, /**< this one cannot be pended, as a re-authorization (F62) */
};

/** Whether the link @p link_id of @p attach_type runs (F72). Not a program: it calls no helper. */
typedef bool (*pend_invoke_filter_fn)(void *context, const struct pend_uuid *attach_type,
				      uint32_t link_id);

/** One operation at a hook. */
struct pend_invocation {
	void *context;      /**< saved_size bytes, as the program type's layout says */
	uint64_t operation; /**< the backend's name for it */
	const struct pend_subject *subject; /**< whose it is; NULL: nobody's */
	uint64_t payload_bytes;             /**< counted against quotas if it is pended */
	uint32_t compartment;               /**< its own; 0: none */
	uint32_t flags;                     /**< enum pend_invoke_flag bits */
	enum pend_verdict initial; /**< what earlier stages said: PROCEED_SOFT, PROCEED_HARD, or
				     * REJECT, for which no program is run */
	const struct pend_uuid *attach_type; /**< only links of it run; NULL: all */
	pend_invoke_filter_fn filter; /**< NULL: all. In resume mode it is asked again, and must
					      * live, until the operation has ended. */
	void *filter_context;
	/* Written by the call: */
	enum pend_verdict verdict; /**< PEND: absorbed; the backend will be told */
	uint32_t programs;         /**< that ran */
	uint64_t handle;           /**< PEND: of the pend, which may have ended already; else 0 */
};

/**
 * Make a hook: a place where a backend asks programs for a verdict. It provides each of its attach
 * types.
 *
 * @param      runtime  where
 * @param      options  borrowed for the call; the backend's table is borrowed for the hook's life
 * @param[out] hook     receives a hook owned by the caller, who ends it with pend_hook_destroy();
 *                      untouched on error
 *
 * @retval 0              made
 * @retval -EFAULT        @p runtime, @p options, @p hook or the name is NULL; the backend is,
 *                        without PEND_HOOK_NO_PEND, or one of the functions that it must have
 * @retval -EINVAL        options->size below the first version's; flags that are unknown or exclude
 *                        each other (READ_ONLY with READ_ONLY_IGNORE, either with STOP_ON_WRITE,
 *                        RESUME_KNOWN without RESUME); an empty name; a loss policy that is none;
 *                        an attach type that is all zero; the header of the backend
 * @retval -E2BIG         contexts of the type are larger than the runtime's context_size, or a
 *                        field newer than this library is set
 * @retval -ENAMETOOLONG  the name has more than PEND_NAME_MAX bytes
 * @retval -ERANGE        attach_type_count or links_max is out of range
 * @retval -ENOENT        nobody provides program_type
 * @retval -ENODEV        who provides it is leaving
 * @retval -EEXIST        an attach type has a hook
 * @retval -ENOMEM        the allocator returned NULL
 *
 * @context     any thread; may sleep (mutexes)
 * @progress    blocking on the control plane's mutexes
 * @complexity  O(providers)
 * @since       0.1
 * @see         F67, F73, F76; engine/runtime/hook.c, tests/runtime/test_hook.c
 */
PEND_API int pend_hook_create(struct pend_runtime *runtime, const struct pend_hook_options *options,
			      struct pend_hook **hook) PEND_MUST_CHECK;

/**
 * End a hook. No invocation of it may be running, or come later.
 *
 * @param hook  which; invalid when this has returned 0
 *
 * @retval 0         ended
 * @retval -EFAULT   @p hook is NULL
 * @retval -EDEADLK  called inside a frame or an epoch: what waits for those would wait for itself
 * @retval -EBUSY    a program is attached, or an operation that was pended at it has not ended;
 *                   nothing has changed
 *
 * @context     any thread but in frames and epochs; may sleep
 * @progress    blocking on invocations that run, and on the mutexes
 * @complexity  O(what is in limbo)
 * @since       0.1
 * @see         F76; engine/runtime/hook.c, tests/runtime/test_hook.c
 */
PEND_API int pend_hook_destroy(struct pend_hook *hook) PEND_MUST_CHECK;

/**
 * Ask the programs that are attached. What is attached is read once: while this runs, links come,
 * go and are replaced without it (guarantee G).
 *
 * @param         hook        where
 * @param[in,out] invocation  the operation; receives verdict, programs and handle
 *
 * @retval 0        invocation->verdict is the answer
 * @retval -EFAULT  @p hook, @p invocation or its context is NULL
 * @retval -EINVAL  an unknown flag, or an initial verdict that is none
 * @retval -EAGAIN  the thread could not be registered with the epoch (4095 are): nothing ran, and
 *                  the verdict is REJECT
 *
 * @context     any thread, also inside a frame, an epoch or a callback; never sleeps, never
 *              allocates
 * @progress    wait-free, but for what the programs do
 * @ordering    a program sees all that was done before it was attached
 * @complexity  O(programs attached)
 * @since       0.1
 * @see         F33, F72, F73, F78; engine/runtime/invoke.c, tests/runtime/test_invoke.c,
 *              tests/runtime/torture_replace.c
 */
PEND_API int pend_hook_invoke(struct pend_hook *hook,
			      struct pend_invocation *invocation) PEND_MUST_CHECK;

/**
 * The same for several operations in one epoch, by one moment's chain: none of them sees a
 * replacement that another does not.
 *
 * @param         hook         where
 * @param[in,out] invocations  @p count of them
 * @param         count        0 .. INT32_MAX
 *
 * @return     how many were answered: @p count
 * @retval -EFAULT  as pend_hook_invoke(), for any of them; none ran
 * @retval -EINVAL  as pend_hook_invoke(), for any of them; none ran
 * @retval -EAGAIN  as pend_hook_invoke(); each verdict is REJECT
 * @retval -ERANGE  @p count is above INT32_MAX
 *
 * @context     as pend_hook_invoke(). It holds up reclamation while it runs: keep batches short
 * @progress    wait-free, but for what the programs do
 * @complexity  O(count x programs attached)
 * @since       0.1
 * @see         F78; engine/runtime/invoke.c, tests/runtime/test_invoke.c
 */
PEND_API int pend_hook_invoke_batch(struct pend_hook *hook, struct pend_invocation *invocations,
				    uint32_t count) PEND_MUST_CHECK;

/**
 * The context that the innermost program on this thread was called with: for providers' helpers
 * with PEND_HELPER_IMPLICIT_CONTEXT.
 *
 * @return     the context; NULL: the thread runs no program
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F80; engine/runtime/invoke.c
 */
PEND_API void *pend_frame_context(void);

/**
 * The operation that the innermost program on this thread was asked about.
 *
 * @return     its number, as the backend names it; 0: the thread runs no program
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F80; engine/runtime/invoke.c
 */
PEND_API uint64_t pend_frame_operation(void);

/**
 * The hook that the innermost program on this thread runs at.
 *
 * @return     the hook; NULL: the thread runs no program
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F80; engine/runtime/invoke.c
 */
PEND_API struct pend_hook *pend_frame_hook(void);

#ifdef __cplusplus
}
#endif

#endif
