/* SPDX-License-Identifier: MIT */
/*
 * atomic_c11.h - a backend of platform/atomic.h in nothing but ISO C11, for outside checkers.
 *
 * The native backend, where that is C11 already. What differs: no vectors, no assembly, no hints to
 * the CPU; and payloads are whole, aligned 64-bit words, moved one by one, for checkers know neither
 * memcpy() nor words that are read in parts.
 *
 * A light fence is a whole one, for no memory model of C knows membarrier: with a fence on both
 * sides a checker sees what the pair is meant to give.
 */
#ifndef TESTS_MODEL_CLIENTS_ATOMIC_C11_H
#define TESTS_MODEL_CLIENTS_ATOMIC_C11_H

#define PENDI_VECTORS 0

#include "platform/atomic_native.h"

#define client_whole_fence() atomic_thread_fence(memory_order_seq_cst)

/*
 * -DCLIENT_WEAKEN='"PK2.rel"' makes one end of one edge a step weaker, to see whether a checker
 * notices: a release or an acquire is relaxed, a fence is none.
 */
#ifndef CLIENT_WEAKEN
#define CLIENT_WEAKEN ""
#endif
#define CLIENT_IS(edge, end) (__builtin_strcmp(#edge end, CLIENT_WEAKEN) == 0)
#define CLIENT_ACQUIRE(edge) (CLIENT_IS(edge, ".acq") ? memory_order_relaxed : memory_order_acquire)
#define CLIENT_RELEASE(edge) (CLIENT_IS(edge, ".rel") ? memory_order_relaxed : memory_order_release)
#define CLIENT_BOTH(acquire_edge, release_edge)                           \
	(CLIENT_IS(acquire_edge, ".acq")   ? CLIENT_RELEASE(release_edge) \
	 : CLIENT_IS(release_edge, ".rel") ? memory_order_acquire         \
					   : memory_order_acq_rel)
#define CLIENT_FENCE(edge)                    \
	do {                                  \
		if (!CLIENT_IS(edge, ".sc"))  \
			client_whole_fence(); \
	} while (0)

#undef pendi_load_acquire
#undef pendi_store_release
#undef pendi_cas_acquire
#undef pendi_cas_release
#undef pendi_cas_acq_rel
#undef pendi_exchange_acquire
#undef pendi_exchange_release
#undef pendi_exchange_acq_rel
#undef pendi_fetch_add_release
#undef pendi_fetch_sub_release
#undef pendi_fence_light
#undef pendi_fence_store_load
#undef pendi_fence_store_load_after_rmw
#define pendi_load_acquire(p, edge) atomic_load_explicit((p), CLIENT_ACQUIRE(edge))
#define pendi_store_release(p, v, edge) atomic_store_explicit((p), (v), CLIENT_RELEASE(edge))
#define pendi_cas_acquire(p, expected, v, edge)                                             \
	atomic_compare_exchange_strong_explicit((p), (expected), (v), CLIENT_ACQUIRE(edge), \
						CLIENT_ACQUIRE(edge))
#define pendi_cas_release(p, expected, v, edge)                                             \
	atomic_compare_exchange_strong_explicit((p), (expected), (v), CLIENT_RELEASE(edge), \
						memory_order_relaxed)
#define pendi_cas_acq_rel(p, expected, v, acquire_edge, release_edge)                    \
	atomic_compare_exchange_strong_explicit((p), (expected), (v),                    \
						CLIENT_BOTH(acquire_edge, release_edge), \
						CLIENT_ACQUIRE(acquire_edge))
#define pendi_exchange_acquire(p, v, edge) atomic_exchange_explicit((p), (v), CLIENT_ACQUIRE(edge))
#define pendi_exchange_release(p, v, edge) atomic_exchange_explicit((p), (v), CLIENT_RELEASE(edge))
#define pendi_exchange_acq_rel(p, v, acquire_edge, release_edge) \
	atomic_exchange_explicit((p), (v), CLIENT_BOTH(acquire_edge, release_edge))
#define pendi_fetch_add_release(p, v, edge) \
	atomic_fetch_add_explicit((p), (v), CLIENT_RELEASE(edge))
#define pendi_fetch_sub_release(p, v, edge) \
	atomic_fetch_sub_explicit((p), (v), CLIENT_RELEASE(edge))
#define pendi_fence_light(edge) CLIENT_FENCE(edge)
#define pendi_fence_store_load(edge) CLIENT_FENCE(edge)
#define pendi_fence_store_load_after_rmw(edge) CLIENT_FENCE(edge)

#define pendi_cpu_relax() ((void)0)
#define pendi_prefetch_read(address) ((void)(address))
#define pendi_prefetch_write(address) ((void)(address))

#undef pendi_copy_in_release
#undef pendi_copy_out_acquire
#undef pendi_equal_acquire
#undef pendi_match16_acquire
#define pendi_copy_in_release(words, source, bytes, edge) \
	client_copy_in((words), (source), (bytes), CLIENT_RELEASE(edge))
#define pendi_copy_out_acquire(target, words, bytes, edge) \
	client_copy_out((target), (words), (bytes), CLIENT_ACQUIRE(edge))
#define pendi_equal_acquire(words, source, bytes, edge) \
	client_equal((words), (source), (bytes), CLIENT_ACQUIRE(edge))
#define pendi_match16_acquire(cells, value, mask, edge) \
	client_match16((cells), (value), (mask), CLIENT_ACQUIRE(edge))

PENDI_ALWAYS_INLINE void client_copy_in(_Atomic uint64_t *words, const void *source, size_t bytes,
					memory_order order)
{
	const uint64_t *from = source;

	for (size_t i = 0; i < bytes / 8; i++)
		atomic_store_explicit(&words[i], from[i], order);
}

PENDI_ALWAYS_INLINE void client_copy_out(void *target, const _Atomic uint64_t *words, size_t bytes,
					 memory_order order)
{
	uint64_t *to = target;

	for (size_t i = 0; i < bytes / 8; i++)
		to[i] = atomic_load_explicit(&words[i], order);
}

PENDI_ALWAYS_INLINE bool client_equal(const _Atomic uint64_t *words, const void *source,
				      size_t bytes, memory_order order)
{
	const uint64_t *from = source;

	for (size_t i = 0; i < bytes / 8; i++)
		if (atomic_load_explicit(&words[i], order) != from[i])
			return false;
	return true;
}

PENDI_ALWAYS_INLINE uint32_t client_match16(const _Atomic uint32_t *cells, uint32_t value,
					    uint32_t mask, memory_order order)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < 16; i++)
		found |= (uint32_t)((atomic_load_explicit(&cells[i], order) & mask) == value) << i;
	return found;
}

#endif
