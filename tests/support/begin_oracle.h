/* SPDX-License-Identifier: MIT */
/*
 * begin_oracle.h - the atomics of the oracle that follows; end_oracle.h ends it. Both are included
 * as often as there are oracles.
 *
 * They are those of <stdatomic.h>. Only in a build for valgrind (platform/atomic_annotated.h) are
 * they replaced, as there: what releases or acquires says so, relaxed says nothing, and a store is
 * an exchange. What oracles do to each other is then no race, and they order no more than before.
 */
#include <stdatomic.h>

#include "platform/atomic.h"

#ifdef PENDI_PLATFORM_ATOMIC_ANNOTATED_H

#ifndef TESTS_SUPPORT_BEGIN_ORACLE_H
#define TESTS_SUPPORT_BEGIN_ORACLE_H

/* The compiler's own names: those of <stdatomic.h> are about to be redefined. */
#ifdef __clang__
#define ORACLE_LOAD(p, order) __c11_atomic_load((p), (order))
#define ORACLE_EXCHANGE(p, v, order) __c11_atomic_exchange((p), (v), (order))
#define ORACLE_ADD(p, v, order) __c11_atomic_fetch_add((p), (v), (order))
#define ORACLE_SUBTRACT(p, v, order) __c11_atomic_fetch_sub((p), (v), (order))
#define ORACLE_CAS(p, expected, v, success, failure) \
	__c11_atomic_compare_exchange_strong((p), (expected), (v), (success), (failure))
#else
#define ORACLE_LOAD(p, order) __atomic_load_n((p), (order))
#define ORACLE_EXCHANGE(p, v, order) __atomic_exchange_n((p), (v), (order))
#define ORACLE_ADD(p, v, order) __atomic_fetch_add((p), (v), (order))
#define ORACLE_SUBTRACT(p, v, order) __atomic_fetch_sub((p), (v), (order))
#define ORACLE_CAS(p, expected, v, success, failure) \
	__atomic_compare_exchange_n((p), (expected), (v), 0, (success), (failure))
#endif

static inline void oracle_says_before(uintptr_t address, memory_order order)
{
	if (order != memory_order_relaxed && order != memory_order_acquire)
		ANNOTATE_HAPPENS_BEFORE((void *)address);
}

static inline void oracle_says_after(uintptr_t address, memory_order order)
{
	if (order != memory_order_relaxed && order != memory_order_release)
		ANNOTATE_HAPPENS_AFTER((void *)address);
}

/* The address and the result of @access, an access of one of the kinds above to @p. */
#define ORACLE_ACCESS(access, p, order)                    \
	__extension__({                                    \
		oracle_says_before((uintptr_t)(p), order); \
                                                           \
		__auto_type oracle_result_ = access;       \
                                                           \
		oracle_says_after((uintptr_t)(p), order);  \
		oracle_result_;                            \
	})
#endif

#pragma push_macro("atomic_load_explicit")
#pragma push_macro("atomic_store_explicit")
#pragma push_macro("atomic_exchange_explicit")
#pragma push_macro("atomic_fetch_add_explicit")
#pragma push_macro("atomic_fetch_sub_explicit")
#pragma push_macro("atomic_compare_exchange_weak_explicit")
#pragma push_macro("atomic_compare_exchange_strong_explicit")
#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_exchange_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_compare_exchange_strong_explicit

#define atomic_load_explicit(p, order) ORACLE_ACCESS(ORACLE_LOAD(p, order), p, order)
#define atomic_store_explicit(p, v, order) \
	((void)ORACLE_ACCESS(ORACLE_EXCHANGE(p, v, order), p, order))
#define atomic_exchange_explicit(p, v, order) ORACLE_ACCESS(ORACLE_EXCHANGE(p, v, order), p, order)
#define atomic_fetch_add_explicit(p, v, order) ORACLE_ACCESS(ORACLE_ADD(p, v, order), p, order)
#define atomic_fetch_sub_explicit(p, v, order) ORACLE_ACCESS(ORACLE_SUBTRACT(p, v, order), p, order)
#define atomic_compare_exchange_strong_explicit(p, expected, v, success, failure) \
	ORACLE_ACCESS(ORACLE_CAS(p, expected, v, success, failure), p, success)
#define atomic_compare_exchange_weak_explicit(p, expected, v, success, failure) \
	ORACLE_ACCESS(ORACLE_CAS(p, expected, v, success, failure), p, success)

#endif
