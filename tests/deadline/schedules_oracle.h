/* SPDX-License-Identifier: MIT */
/*
 * schedules_oracle.h - atomics that let a scheduler decide who makes the next access.
 *
 * A backend of platform/atomic.h for schedules.c, which runs all its threads as fibers of one:
 * before each access it may go on with another fiber, and after each compare-and-swap that
 * succeeded it checks what must hold. So orders do not matter here: what is explored is every
 * interleaving of accesses that take effect in the order of the program.
 */
#ifndef TESTS_DEADLINE_SCHEDULES_ORACLE_H
#define TESTS_DEADLINE_SCHEDULES_ORACLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform/compiler.h"

void schedules_before(const void *address);
bool schedules_after(const void *address, bool success);

#define SCHEDULES_LOAD(p) (schedules_before(p), atomic_load_explicit((p), memory_order_relaxed))
#define SCHEDULES_CAS(p, expected, v)                                                       \
	(schedules_before(p),                                                               \
	 schedules_after((p), atomic_compare_exchange_strong_explicit((p), (expected), (v), \
								      memory_order_relaxed, \
								      memory_order_relaxed)))

#define pendi_load_relaxed(p) SCHEDULES_LOAD(p)
#define pendi_load_acquire(p, edge) SCHEDULES_LOAD(p)
#define pendi_cas_relaxed(p, expected, v) SCHEDULES_CAS(p, expected, v)
#define pendi_cas_release(p, expected, v, edge) SCHEDULES_CAS(p, expected, v)
#define pendi_cas_acq_rel(p, expected, v, acquire_edge, release_edge) SCHEDULES_CAS(p, expected, v)
/* For a planted fault: the value goes in, whatever is there. */
#define pendi_store_release(p, v, edge)                                              \
	(schedules_before(p), atomic_store_explicit((p), (v), memory_order_relaxed), \
	 (void)schedules_after((p), true))

/* For the scheduler itself: no scheduling, nothing checked. */
static inline uint64_t schedules_peek(_Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void schedules_poke(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

#endif
