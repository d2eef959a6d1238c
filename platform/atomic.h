/* SPDX-License-Identifier: MIT */
/*
 * atomic.h - the only way this project touches memory that two threads share.
 *
 * Every access says its memory order in its name, and every ordered access says which edge
 * it is an end of:
 *
 *	// [SL1.rel] Publishes the slot; pairs with [SL1.acq] in pendi_...().
 *	pendi_store_release(&slot->word, word, SL1);
 *
 * An edge is a happens-before arrow between a release end and an acquire end, or (`.sc`) a
 * point where two sides each store and then load what the other stored, which needs a
 * store-load fence on both. docs/memory-order.md has one row for each edge; the lint
 * (tools/check_edges.py) checks that the code and that table agree, that each edge has both
 * ends, and that each relaxed access gives its reason.
 *
 * There are no bare fences. What exists besides loads, stores and read-modify-writes:
 *
 *	pendi_fence_store_load(EDGE)            the one store-load fence
 *	pendi_fence_store_load_after_rmw(EDGE)  the same directly after a read-modify-write,
 *	                                        which on x86 has already done the work
 *	pendi_fence_light(EDGE)                 the reader's half of an asymmetric fence; the other
 *	                                        half is pendi_membarrier() (platform/membarrier.h)
 *	pendi_copy_in_release, pendi_copy_out_acquire, pendi_equal_acquire
 *	                                        whole payloads, word by word, that a reader may
 *	                                        copy while they change and validate afterwards
 *	pendi_match16_acquire                   sixteen 32-bit cells of one cache line at once
 *	pendi_cpu_relax()                       inside every wait loop
 *	pendi_once(once, function)              pthread_once(), which valgrind does not follow
 *	pendi_take_over(address, bytes)         plain memory of threads that a fork left behind is
 *	                                        the child's: said to those who look for races
 *
 * A backend is one header that defines all of these. The native one compiles them to C11
 * atomics; a checker's backend (annotations, scheduling points, weakened orders) is another
 * header with the same names, selected with -DPENDI_ATOMIC_BACKEND='"platform/..."'. The one for
 * valgrind is atomic_annotated.h; -DPENDI_VALGRIND selects it where nothing else is selected.
 */
#ifndef PENDI_PLATFORM_ATOMIC_H
#define PENDI_PLATFORM_ATOMIC_H

#ifdef PENDI_ATOMIC_BACKEND
#include PENDI_ATOMIC_BACKEND
#elif defined(PENDI_VALGRIND)
#include "platform/atomic_annotated.h"
#else
#include "platform/atomic_native.h"
#endif

#ifndef pendi_take_over
#define pendi_take_over(address, bytes) ((void)0)
#endif

#endif
