/* SPDX-License-Identifier: MIT */
/*
 * explore_oracle.h - atomics under the control of explore.c.
 *
 * A backend of platform/atomic.h for tests: each access is a step that the explorer may let others
 * come before. Stores go through the store buffer of the thread; read-modify-writes and store-load
 * fences wait until it is empty: x86-TSO. The sources of the library are compiled with it as they
 * are.
 */
#ifndef TESTS_QUEUE_EXPLORE_ORACLE_H
#define TESTS_QUEUE_EXPLORE_ORACLE_H

#include "platform/atomic_native.h"

#include <stdint.h>

uint64_t explore_load(const void *word);
void explore_store(const void *word, uint64_t value);
uint64_t explore_exchange(const void *word, uint64_t value);
void explore_fence(void);
uint64_t explore_cas(const void *word, uint64_t expected, uint64_t value);

static inline bool explore_cas_at(const void *word, uint64_t *expected, uint64_t value)
{
	const uint64_t wanted = *expected;

	*expected = explore_cas(word, wanted, value);
	return *expected == wanted;
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
#undef pendi_fence_store_load
#undef pendi_fence_store_load_after_rmw
#undef pendi_cpu_relax

#define pendi_load_relaxed(p) explore_load(p)
#define pendi_load_acquire(p, edge) explore_load(p)
#define pendi_store_relaxed(p, v) explore_store((p), (v))
#define pendi_store_release(p, v, edge) explore_store((p), (v))
#define pendi_cas_relaxed(p, expected, v) explore_cas_at((p), (expected), (v))
#define pendi_cas_acquire(p, expected, v, edge) explore_cas_at((p), (expected), (v))
#define pendi_cas_release(p, expected, v, edge) explore_cas_at((p), (expected), (v))
#define pendi_cas_acq_rel(p, expected, v, acquire_edge, release_edge) \
	explore_cas_at((p), (expected), (v))
#define pendi_exchange_relaxed(p, v) explore_exchange((p), (v))
#define pendi_exchange_acquire(p, v, edge) explore_exchange((p), (v))
#define pendi_exchange_release(p, v, edge) explore_exchange((p), (v))
#define pendi_exchange_acq_rel(p, v, acquire_edge, release_edge) explore_exchange((p), (v))
#define pendi_fence_store_load(edge) explore_fence()
/* As on x86: the read-modify-write before it did the work. */
#define pendi_fence_store_load_after_rmw(edge) ((void)0)

#endif
