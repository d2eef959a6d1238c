/* SPDX-License-Identifier: MIT */
/*
 * epoch.h - reader sections, for maps that hand out pointers.
 */
#ifndef PENDMAP_EPOCH_H
#define PENDMAP_EPOCH_H

#include <stddef.h>
#include <stdint.h>

#include <pendmap/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A reader that has held up reclamation for long. */
struct pend_epoch_stall {
	int32_t tid;       /**< its kernel thread id */
	uint32_t reserved; /**< zero */
	uint64_t since_ns; /**< when it was first seen to: nanoseconds since boot */
};

/**
 * Open a reader section: pointers that a map hands out stay valid until the matching exit.
 * Sections nest; each enter needs one exit on the same thread.
 *
 * @retval 0        inside
 * @retval -EAGAIN  4095 threads are registered already; nothing was opened
 *
 * @context     any thread, which is registered on first use and needs no farewell; never
 *              sleeps; not async-signal-safe
 * @progress    wait-free
 * @ordering    what was published before is seen inside
 * @complexity  O(1), about a nanosecond
 * @since       0.1
 * @see         epoch/native.c, tests/epoch/
 */
PEND_API int pend_epoch_enter(void) PEND_MUST_CHECK;

/**
 * Close the innermost open section of the calling thread.
 *
 * @retval 0       closed
 * @retval -EPERM  the thread has no open section
 *
 * @context     the thread that entered; never sleeps
 * @progress    wait-free
 * @ordering    reads made inside happen before the reuse of what they read
 * @complexity  O(1)
 * @since       0.1
 * @see         epoch/native.c
 */
PEND_API int pend_epoch_exit(void);

/**
 * Name the readers that have held up reclamation for @p threshold_ns or longer.
 *
 * Each call takes one sample: a reader is noticed by one call and reported by a later one, so
 * call it now and then, at most every @p threshold_ns.
 *
 * @param      threshold_ns  nanoseconds; 0 reports every reader noticed before
 * @param[out] stalls        receives up to @p count of them, longest first; may be NULL if
 *                           @p count is 0
 * @param      count         room in @p stalls
 *
 * @return     how many there are, which may be more than @p count
 * @retval -EFAULT  @p stalls is NULL and @p count is not 0
 *
 * @context     any thread, also inside a section; never sleeps
 * @progress    lock-free
 * @complexity  O(threads ever registered at once)
 * @since       0.1
 * @see         epoch/stall.c
 */
PEND_API int pend_epoch_stalled(uint64_t threshold_ns, struct pend_epoch_stall *stalls,
				uint32_t count);

/**
 * Wait until every section that is open now has been closed.
 *
 * @retval 0         they have
 * @retval -EDEADLK  the calling thread is inside a section itself
 *
 * @context     outside a section; sleeps
 * @progress    blocking on the readers that are inside
 * @complexity  O(threads ever registered at once)
 * @since       0.1
 * @see         epoch/native.c
 */
PEND_API int pend_epoch_synchronize(void) PEND_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
