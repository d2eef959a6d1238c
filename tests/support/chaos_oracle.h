/* SPDX-License-Identifier: MIT */
/*
 * chaos_oracle.h - the native atomics, with another thread let in before them now and then.
 *
 * A backend of platform/atomic.h for tests: -DPENDI_ATOMIC_BACKEND='"tests/support/chaos_oracle.h"'
 * on the sources of the library. What needs a thread to lose its CPU between two of its accesses,
 * and others to do a lot meanwhile, happens within seconds instead of never. Orders are those of
 * the native backend: a yield adds interleavings, it hides no reordering of the CPU but at itself.
 */
#ifndef TESTS_SUPPORT_CHAOS_ORACLE_H
#define TESTS_SUPPORT_CHAOS_ORACLE_H

#include "platform/atomic_native.h"

#include <sched.h>
#include <stdint.h>

/* One access in so many yields, and one yield in so many is a long one. */
#ifndef CHAOS_RARITY
#define CHAOS_RARITY 24u
#endif
#define CHAOS_LONG_RARITY 4u
#define CHAOS_LONG_YIELDS 8u

static _Thread_local uint32_t chaos_state;

static inline uint32_t chaos_draw(void)
{
	chaos_state ^= chaos_state << 13;
	chaos_state ^= chaos_state >> 17;
	chaos_state ^= chaos_state << 5;
	return chaos_state;
}

static __attribute__((noinline, cold)) void chaos_yield(void)
{
	uint32_t times = chaos_draw() % CHAOS_LONG_RARITY ? 1 : CHAOS_LONG_YIELDS;

	while (times--)
		(void)sched_yield();
}

/* What a test does before an access, if it has something to do: between.h. */
void chaos_between(void) __attribute__((weak));

static inline void chaos(void)
{
	if (chaos_between)
		chaos_between();
	if (!chaos_state) /* the address differs from thread to thread */
		chaos_state = (uint32_t)((uintptr_t)&chaos_state >> 4) | 1;
	if (chaos_draw() % CHAOS_RARITY == 0)
		chaos_yield();
}

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
#undef pendi_copy_in_release
#undef pendi_copy_out_acquire
#undef pendi_equal_acquire
#undef pendi_match16_acquire

#define CHAOS(access) (chaos(), access)
#define CHAOS_CAS(p, expected, v, success, failure) \
	CHAOS(atomic_compare_exchange_strong_explicit((p), (expected), (v), success, failure))

#define pendi_load_relaxed(p) CHAOS(atomic_load_explicit((p), memory_order_relaxed))
#define pendi_load_acquire(p, edge) CHAOS(atomic_load_explicit((p), memory_order_acquire))
#define pendi_store_relaxed(p, v) CHAOS(atomic_store_explicit((p), (v), memory_order_relaxed))
#define pendi_store_release(p, v, edge) CHAOS(atomic_store_explicit((p), (v), memory_order_release))
#define pendi_cas_relaxed(p, expected, v) \
	CHAOS_CAS(p, expected, v, memory_order_relaxed, memory_order_relaxed)
#define pendi_cas_acquire(p, expected, v, edge) \
	CHAOS_CAS(p, expected, v, memory_order_acquire, memory_order_acquire)
#define pendi_cas_release(p, expected, v, edge) \
	CHAOS_CAS(p, expected, v, memory_order_release, memory_order_relaxed)
#define pendi_cas_acq_rel(p, expected, v, acquire_edge, release_edge) \
	CHAOS_CAS(p, expected, v, memory_order_acq_rel, memory_order_acquire)
#define pendi_exchange_relaxed(p, v) CHAOS(atomic_exchange_explicit((p), (v), memory_order_relaxed))
#define pendi_exchange_acquire(p, v, edge) \
	CHAOS(atomic_exchange_explicit((p), (v), memory_order_acquire))
#define pendi_exchange_release(p, v, edge) \
	CHAOS(atomic_exchange_explicit((p), (v), memory_order_release))
#define pendi_exchange_acq_rel(p, v, acquire_edge, release_edge) \
	CHAOS(atomic_exchange_explicit((p), (v), memory_order_acq_rel))
#define pendi_fetch_add_relaxed(p, v) \
	CHAOS(atomic_fetch_add_explicit((p), (v), memory_order_relaxed))
#define pendi_fetch_add_release(p, v, edge) \
	CHAOS(atomic_fetch_add_explicit((p), (v), memory_order_release))
#define pendi_fetch_add_acq_rel(p, v, acquire_edge, release_edge) \
	CHAOS(atomic_fetch_add_explicit((p), (v), memory_order_acq_rel))
#define pendi_copy_in_release(words, source, bytes, edge) \
	CHAOS(pendi_copy_in_((words), (source), (bytes)))
#define pendi_copy_out_acquire(target, words, bytes, edge) \
	CHAOS(pendi_copy_out_((target), (words), (bytes)))
#define pendi_equal_acquire(words, source, bytes, edge) \
	CHAOS(pendi_equal_((words), (source), (bytes)))
#define pendi_match16_acquire(cells, value, mask, edge) \
	CHAOS(pendi_match16_((cells), (value), (mask)))

#endif
