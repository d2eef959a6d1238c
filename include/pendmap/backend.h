/* SPDX-License-Identifier: MIT */
/*
 * backend.h - what holds the operations while they are pended.
 *
 * A backend owns operations: a simulator, a packet queue, a system-call supervisor. It names each by
 * a number of its own, calls pend_hook_invoke() for it, and offers the runtime these functions. All
 * are called with no lock held.
 *
 *	invoke -> program -> pend [-> clone] -> frame closes, the backend is told PEND
 *	          ...
 *	complete -> reinject | discard            on the executor of the CPU of origin
 *	owner_gone -> discard                     if the operation's owner went away
 *	moved                                     if it passes from one pend to the next
 *	abort                                     if the pend is taken back: clone failed
 *
 * For each accepted pend exactly one of complete, owner_gone and abort is called, once (guarantee A),
 * and never while the operation's hook frame is open or its program runs again (guarantee B), but for
 * abort, which comes from inside the pend itself. The end may come, on another CPU, as soon as the
 * operation's program has returned, so before pend_hook_invoke() has.
 */
#ifndef PENDMAP_BACKEND_H
#define PENDMAP_BACKEND_H

#include <pendmap/map.h>
#include <pendmap/registry.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PEND_BACKEND_VERSION 1u

/** A copy of an operation's data, owned by whoever holds this. */
struct pend_payload {
	const void *data; /**< @p size bytes that do not change, or NULL */
	uint64_t size;
	uint64_t token; /**< the backend's */
};

/** How an operation ended. */
struct pend_completion {
	/** Of the pend that ended it. */
	uint64_t handle;
	/** PERMIT_SOFT, PERMIT_HARD or BLOCK: the aggregate of the chain. */
	enum pend_action action;
	/** Who decided. */
	enum pend_origin origin;
};

struct pend_backend {
	struct pend_header header; /**< version PEND_BACKEND_VERSION */
	/** Hold the operation: from a program's frame, so it must not block. 0; or a negative errno,
	 * after which nothing is held (-EOPNOTSUPP: it cannot be pended, as in a
	 * re-authorization). @p handle names the pend, for pend_map_cancel(), which finds it when this
	 * has returned: what is cancelled here is to be cancelled when the invocation has
	 * returned PEND. Required. */
	int (*pend)(void *backend, uint64_t operation, struct pend_map *map, uint64_t handle);
	/** Deliver the verdict and let go. On an executor; should not block. Required. */
	void (*complete)(void *backend, uint64_t operation,
			 const struct pend_completion *completion);
	/** Copy the operation's data, if it has any (payload->data NULL: none): after pend has
	 * accepted it, from the frame. 0; -ENOMEM. NULL: this backend has no payloads. */
	int (*clone)(void *backend, uint64_t operation, struct pend_payload *payload);
	/** Send the copy on, after complete, if permitted. 0: the backend owns the copy from now on;
	 * else it does not, and discard follows. Required with clone. */
	int (*reinject)(void *backend, uint64_t operation, const struct pend_payload *payload);
	/** Free a copy: after complete, if blocked; after a failed reinject; after owner_gone.
	 * Required with clone. */
	void (*discard)(void *backend, const struct pend_payload *payload);
	/** The pend that was accepted is taken back: from the frame. Required with clone. */
	void (*abort)(void *backend, uint64_t operation);
	/** The operation was cancelled (pend_map_cancel()): let go, nobody waits for the verdict.
	 * On an executor. Required. */
	void (*owner_gone)(void *backend, uint64_t operation);
	/** The operation has passed to another pend: the rest of a resumed chain pended it again, or it
	 * waited for its identity and its program pended it. pend is not called for that; from now on
	 * @p map and @p handle name it, for pend_map_cancel(), which may be called right here if the
	 * operation's owner has gone meanwhile. From a frame, so it must not block. May be NULL. */
	void (*moved)(void *backend, uint64_t operation, struct pend_map *map, uint64_t handle);
};

#ifdef __cplusplus
}
#endif

#endif
