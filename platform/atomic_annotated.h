/* SPDX-License-Identifier: MIT */
/*
 * atomic_annotated.h - the backend of atomic.h for valgrind: tells helgrind and drd what is atomic.
 *
 * Neither tool knows C11 atomics. To them a store is a plain write that races with every load of
 * the same word, and what was published through a word was published by nothing. So here
 *
 *	a release	says "happens before" on its address, and then stores
 *	an acquire	loads, and then says "happens after" on its address
 *	relaxed		says nothing: an order that is too weak is reported, even on x86
 *	every store	is an exchange, which both tools take for a read: atomics never race with
 *			each other, but a plain write to an atomic word, or beside it, still does
 *
 * Nothing is excluded from checking and nothing is suppressed. What remains unseen: a plain read
 * of a word that others write atomically; reorderings and missing fences (a model checker's work);
 * and an order that is too weak on a word to which the same thread released later, because the
 * tools add up all releases of an address. The thread sanitizer sees the last one.
 *
 * Valgrind runs one thread at a time, 100 000 blocks each, in which whole operations fit. So one
 * access in 16 lets another thread in, or the tool would see no overlap. The environment variable
 * PEND_VALGRIND_SWITCH says another number; 0 is never.
 *
 * A release has this beside the native backend, and uses it under helgrind and drd only (dual/dual.c).
 *
 * With PENDI_PLANT_EDGE defined, the environment variable of that name names an edge (SL1) whose
 * releases say nothing: the same as if each of them were relaxed. Tests of the checking use it.
 */
#ifndef PENDI_PLATFORM_ATOMIC_ANNOTATED_H
#define PENDI_PLATFORM_ATOMIC_ANNOTATED_H

/* Word by word: neither tool takes a vector store for anything but a plain write. */
#undef PENDI_VECTORS
#define PENDI_VECTORS 0

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <valgrind/helgrind.h> /* its requests serve drd too */

#include "platform/atomic_native.h"

#define PENDI_ANNOTATED_RARITY_ 16u

/* One access in so many lets another thread in; 0: not read yet; UINT32_MAX: none does. Changed by
 * an exchange as every word here is, so that two threads may read the environment at once. */
static _Atomic uint32_t pendi_annotated_rarity_;
static PENDI_THREAD_LOCAL uint32_t pendi_annotated_state_;

static PENDI_COLD uint32_t pendi_annotated_read_rarity_(void)
{
	const char *text = getenv("PEND_VALGRIND_SWITCH");
	unsigned long number = PENDI_ANNOTATED_RARITY_;
	char *end = NULL;

	if (text && *text >= '0' && *text <= '9')
		number = strtoul(text, &end, 10);
	if (end && (*end || number >= UINT32_MAX)) /* no number: as if it were not there */
		number = PENDI_ANNOTATED_RARITY_;
	(void)atomic_exchange_explicit(&pendi_annotated_rarity_,
				       number ? (uint32_t)number : UINT32_MAX,
				       memory_order_relaxed);
	return atomic_load_explicit(&pendi_annotated_rarity_, memory_order_relaxed);
}

/* Before each access, as the CPU's own timing would: another thread may run now. */
static inline void pendi_annotated_yield_(void)
{
	uint32_t rarity = atomic_load_explicit(&pendi_annotated_rarity_, memory_order_relaxed);
	uint32_t state = pendi_annotated_state_;

	if (rarity == 0)
		rarity = pendi_annotated_read_rarity_();
	if (state == 0) /* the address differs from thread to thread */
		state = (uint32_t)((uintptr_t)&pendi_annotated_state_ >> 4) | 1;
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	pendi_annotated_state_ = state;
	if (rarity != UINT32_MAX && state % rarity == 0)
		(void)sched_yield();
}

#ifdef PENDI_PLANT_EDGE
static const char *pendi_annotated_plant_;

__attribute__((constructor)) static void pendi_annotated_read_plant_(void)
{
	pendi_annotated_plant_ = getenv("PENDI_PLANT_EDGE");
}

static inline bool pendi_annotated_silent_(const char *edge)
{
	return pendi_annotated_plant_ && strcmp(pendi_annotated_plant_, edge) == 0;
}
#else
static inline bool pendi_annotated_silent_(const char *edge)
{
	(void)edge;
	return false;
}
#endif

static inline void pendi_annotated_release_(const volatile void *address, const char *edge)
{
	if (!pendi_annotated_silent_(edge))
		ANNOTATE_HAPPENS_BEFORE((void *)(uintptr_t)address);
}

static inline void pendi_annotated_acquire_(const volatile void *address)
{
	ANNOTATE_HAPPENS_AFTER((void *)(uintptr_t)address);
}

/* What follows an access that acquires, or precedes one that releases; and for those that do not. */
#define PENDI_ANNOTATED_ACQUIRE_(address) pendi_annotated_acquire_(address)
#define PENDI_ANNOTATED_RELEASE_(address, edge) pendi_annotated_release_((address), #edge)
#define PENDI_ANNOTATED_NO_ACQUIRE_(address) ((void)0)
#define PENDI_ANNOTATED_NO_RELEASE_(address, edge) ((void)0)

#define PENDI_ANNOTATED_LOAD_(p, order, acquire)                                         \
	__extension__({                                                                  \
		__auto_type pendi_load_at_ = (p);                                        \
                                                                                         \
		pendi_annotated_yield_();                                                \
                                                                                         \
		__auto_type pendi_loaded_ = atomic_load_explicit(pendi_load_at_, order); \
                                                                                         \
		acquire(pendi_load_at_);                                                 \
		pendi_loaded_;                                                           \
	})
/* An access that reads and writes; @operation is one of C11, with p and v as its operands. */
#define PENDI_ANNOTATED_CHANGE_(operation, p, v, order, acquire, release, edge)      \
	__extension__({                                                              \
		__auto_type pendi_change_at_ = (p);                                  \
                                                                                     \
		pendi_annotated_yield_();                                            \
		release(pendi_change_at_, edge);                                     \
                                                                                     \
		__auto_type pendi_before_ = operation(pendi_change_at_, (v), order); \
                                                                                     \
		acquire(pendi_change_at_);                                           \
		pendi_before_;                                                       \
	})
/*
 * One that is bound to fail says no more than a load: a release that did not take place would hide
 * one that is missing.
 */
#define PENDI_ANNOTATED_CAS_(p, expected, v, success, failure, acquire, release, edge)      \
	__extension__({                                                                     \
		__auto_type pendi_cas_at_ = (p);                                            \
		__auto_type pendi_cas_expected_ = (expected);                               \
		bool pendi_cas_done_ = false;                                               \
                                                                                            \
		pendi_annotated_yield_();                                                   \
                                                                                            \
		__auto_type pendi_cas_seen_ = atomic_load_explicit(pendi_cas_at_, failure); \
                                                                                            \
		if (pendi_cas_seen_ == *pendi_cas_expected_) {                              \
			release(pendi_cas_at_, edge);                                       \
			pendi_cas_done_ = atomic_compare_exchange_strong_explicit(          \
				pendi_cas_at_, pendi_cas_expected_, (v), success, failure); \
		} else {                                                                    \
			*pendi_cas_expected_ = pendi_cas_seen_;                             \
		}                                                                           \
		acquire(pendi_cas_at_);                                                     \
		pendi_cas_done_;                                                            \
	})

#undef pendi_load_relaxed
#undef pendi_load_acquire
#undef pendi_store_relaxed
#undef pendi_store_release
#undef pendi_cas_relaxed
#undef pendi_cas_acquire
#undef pendi_cas_release
#undef pendi_cas_acq_rel
#undef pendi_exchange_relaxed
#undef pendi_exchange_acquire
#undef pendi_exchange_release
#undef pendi_exchange_acq_rel
#undef pendi_fetch_add_relaxed
#undef pendi_fetch_add_release
#undef pendi_fetch_add_acq_rel
#undef pendi_fetch_sub_relaxed
#undef pendi_fetch_sub_release
#undef pendi_once
#undef pendi_copy_in_release
#undef pendi_copy_out_acquire
#undef pendi_equal_acquire
#undef pendi_match16_acquire

#define pendi_load_relaxed(p) \
	PENDI_ANNOTATED_LOAD_(p, memory_order_relaxed, PENDI_ANNOTATED_NO_ACQUIRE_)
#define pendi_load_acquire(p, edge) \
	PENDI_ANNOTATED_LOAD_(p, memory_order_acquire, PENDI_ANNOTATED_ACQUIRE_)

#define PENDI_ANNOTATED_RELAXED_(operation, p, v)                      \
	PENDI_ANNOTATED_CHANGE_(operation, p, v, memory_order_relaxed, \
				PENDI_ANNOTATED_NO_ACQUIRE_, PENDI_ANNOTATED_NO_RELEASE_, )
#define PENDI_ANNOTATED_ACQUIRING_(operation, p, v)                                              \
	PENDI_ANNOTATED_CHANGE_(operation, p, v, memory_order_acquire, PENDI_ANNOTATED_ACQUIRE_, \
				PENDI_ANNOTATED_NO_RELEASE_, )
#define PENDI_ANNOTATED_RELEASING_(operation, p, v, edge)              \
	PENDI_ANNOTATED_CHANGE_(operation, p, v, memory_order_release, \
				PENDI_ANNOTATED_NO_ACQUIRE_, PENDI_ANNOTATED_RELEASE_, edge)
#define PENDI_ANNOTATED_BOTH_(operation, p, v, edge)                                             \
	PENDI_ANNOTATED_CHANGE_(operation, p, v, memory_order_acq_rel, PENDI_ANNOTATED_ACQUIRE_, \
				PENDI_ANNOTATED_RELEASE_, edge)

#define pendi_store_relaxed(p, v) ((void)PENDI_ANNOTATED_RELAXED_(atomic_exchange_explicit, p, v))
#define pendi_store_release(p, v, edge) \
	((void)PENDI_ANNOTATED_RELEASING_(atomic_exchange_explicit, p, v, edge))

#define pendi_exchange_relaxed(p, v) PENDI_ANNOTATED_RELAXED_(atomic_exchange_explicit, p, v)
#define pendi_exchange_acquire(p, v, edge) \
	PENDI_ANNOTATED_ACQUIRING_(atomic_exchange_explicit, p, v)
#define pendi_exchange_release(p, v, edge) \
	PENDI_ANNOTATED_RELEASING_(atomic_exchange_explicit, p, v, edge)
#define pendi_exchange_acq_rel(p, v, acquire_edge, release_edge) \
	PENDI_ANNOTATED_BOTH_(atomic_exchange_explicit, p, v, release_edge)

#define pendi_fetch_add_relaxed(p, v) PENDI_ANNOTATED_RELAXED_(atomic_fetch_add_explicit, p, v)
#define pendi_fetch_add_release(p, v, edge) \
	PENDI_ANNOTATED_RELEASING_(atomic_fetch_add_explicit, p, v, edge)
#define pendi_fetch_add_acq_rel(p, v, acquire_edge, release_edge) \
	PENDI_ANNOTATED_BOTH_(atomic_fetch_add_explicit, p, v, release_edge)
#define pendi_fetch_sub_relaxed(p, v) PENDI_ANNOTATED_RELAXED_(atomic_fetch_sub_explicit, p, v)
#define pendi_fetch_sub_release(p, v, edge) \
	PENDI_ANNOTATED_RELEASING_(atomic_fetch_sub_explicit, p, v, edge)

#define pendi_cas_relaxed(p, expected, v)                                                \
	PENDI_ANNOTATED_CAS_(p, expected, v, memory_order_relaxed, memory_order_relaxed, \
			     PENDI_ANNOTATED_NO_ACQUIRE_, PENDI_ANNOTATED_NO_RELEASE_, )
#define pendi_cas_acquire(p, expected, v, edge)                                          \
	PENDI_ANNOTATED_CAS_(p, expected, v, memory_order_acquire, memory_order_acquire, \
			     PENDI_ANNOTATED_ACQUIRE_, PENDI_ANNOTATED_NO_RELEASE_, )
#define pendi_cas_release(p, expected, v, edge)                                          \
	PENDI_ANNOTATED_CAS_(p, expected, v, memory_order_release, memory_order_relaxed, \
			     PENDI_ANNOTATED_NO_ACQUIRE_, PENDI_ANNOTATED_RELEASE_, edge)
#define pendi_cas_acq_rel(p, expected, v, acquire_edge, release_edge)                    \
	PENDI_ANNOTATED_CAS_(p, expected, v, memory_order_acq_rel, memory_order_acquire, \
			     PENDI_ANNOTATED_ACQUIRE_, PENDI_ANNOTATED_RELEASE_, release_edge)

#define pendi_once(once, function) pendi_annotated_once_((once), (function))
/* The tool forgets who wrote there, and checks what comes. */
#define pendi_take_over(address, bytes) VALGRIND_HG_CLEAN_MEMORY((address), (bytes))

#define pendi_copy_in_release(words, source, bytes, edge) \
	pendi_annotated_copy_in_((words), (source), (bytes), #edge)
#define pendi_copy_out_acquire(target, words, bytes, edge) \
	pendi_annotated_copy_out_((target), (words), (bytes))
#define pendi_equal_acquire(words, source, bytes, edge) \
	pendi_annotated_equal_((words), (source), (bytes))
#define pendi_match16_acquire(cells, value, mask, edge) \
	pendi_annotated_match16_((cells), (value), (mask))

/* What the function did happens before every return of pthread_once(). */
struct pendi_annotated_call_ {
	pthread_once_t *once;
	void (*function)(void);
};

static PENDI_THREAD_LOCAL struct pendi_annotated_call_ pendi_annotated_calling_;

static inline void pendi_annotated_run_(void)
{
	const struct pendi_annotated_call_ call = pendi_annotated_calling_;

	call.function(); /* which may call another, once */
	ANNOTATE_HAPPENS_BEFORE(call.once);
}

static inline void pendi_annotated_once_(pthread_once_t *once, void (*function)(void))
{
	pendi_annotated_calling_ = (struct pendi_annotated_call_){ once, function };
	(void)pthread_once(once, pendi_annotated_run_);
	ANNOTATE_HAPPENS_AFTER(once);
}

/* A payload is announced once, at its first word: whoever reads any of it begins there. */
static inline void pendi_annotated_copy_in_(_Atomic uint64_t *words, const void *source,
					    size_t bytes, const char *edge)
{
	const unsigned char *from = source;

	pendi_annotated_yield_();
	pendi_annotated_release_(words, edge);
	while (bytes) {
		const size_t size = bytes < 8 ? bytes : 8;

		(void)atomic_exchange_explicit(words, pendi_tail_(from, size),
					       memory_order_release);
		words++;
		from += size;
		bytes -= size;
	}
}

static inline void pendi_annotated_copy_out_(void *target, const _Atomic uint64_t *words,
					     size_t bytes)
{
	unsigned char *to = target;
	const _Atomic uint64_t *first = words;

	pendi_annotated_yield_();
	while (bytes) {
		const uint64_t word = atomic_load_explicit(words++, memory_order_acquire);
		const size_t size = bytes < 8 ? bytes : 8;

		memcpy(to, &word, size);
		to += size;
		bytes -= size;
	}
	pendi_annotated_acquire_(first);
}

static inline bool pendi_annotated_equal_(const _Atomic uint64_t *words, const void *source,
					  size_t bytes)
{
	const unsigned char *from = source;
	const _Atomic uint64_t *first = words;
	bool equal = true;

	pendi_annotated_yield_();
	while (bytes && equal) {
		const size_t size = bytes < 8 ? bytes : 8;

		equal = atomic_load_explicit(words++, memory_order_acquire) ==
			pendi_tail_(from, size);
		from += size;
		bytes -= size;
	}
	pendi_annotated_acquire_(first);
	return equal;
}

/* A cell that does not match says nothing, so nothing can come with it. */
static inline uint32_t pendi_annotated_match16_(const _Atomic uint32_t *cells, uint32_t value,
						uint32_t mask)
{
	uint32_t found = 0;

	pendi_annotated_yield_();
	for (uint32_t i = 0; i < 16; i++) {
		const uint32_t cell = atomic_load_explicit(&cells[i], memory_order_acquire);

		if ((cell & mask) != value)
			continue;
		pendi_annotated_acquire_(&cells[i]);
		found |= UINT32_C(1) << i;
	}
	return found;
}

#endif
