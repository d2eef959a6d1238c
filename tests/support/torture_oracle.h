/* SPDX-License-Identifier: MIT */
/*
 * torture_oracle.h - the atomics of the oracles, independent of those they judge.
 *
 * Owner cells order nothing: an oracle that handed anything over would hide from a race detector
 * that the code under test forgot to. The clock orders everything, for it must bracket the calls
 * that are logged; so runs with a log prove linearizability, and runs without prove ordering.
 */
#ifndef TESTS_SUPPORT_TORTURE_ORACLE_H
#define TESTS_SUPPORT_TORTURE_ORACLE_H

#include <stdint.h>

#include "tests/support/begin_oracle.h"

/* Who has a thing; 0: nobody. */
struct oracle_owner {
	_Atomic uint32_t holder;
};

/* Makes @holder the one who has it, and returns who had it before. */
static inline uint32_t oracle_hand(struct oracle_owner *owner, uint32_t holder)
{
	return atomic_exchange_explicit(&owner->holder, holder, memory_order_relaxed);
}

static inline uint32_t oracle_holder(struct oracle_owner *owner)
{
	return atomic_load_explicit(&owner->holder, memory_order_relaxed);
}

struct oracle_clock {
	_Alignas(128) _Atomic uint64_t ticks;
};

/* A time that no other call returned: later than all that returned before this call. */
static inline uint64_t oracle_now(struct oracle_clock *clock)
{
	return atomic_fetch_add_explicit(&clock->ticks, 1, memory_order_seq_cst) + 1;
}

/* A sum that threads add to when they are done. */
struct oracle_sum {
	_Atomic uint64_t value;
};

static inline void oracle_add(struct oracle_sum *sum, uint64_t more)
{
	(void)atomic_fetch_add_explicit(&sum->value, more, memory_order_relaxed);
}

static inline uint64_t oracle_total(struct oracle_sum *sum)
{
	return atomic_load_explicit(&sum->value, memory_order_relaxed);
}

static inline void oracle_reset(struct oracle_sum *sum)
{
	atomic_store_explicit(&sum->value, 0, memory_order_relaxed);
}

#include "tests/support/end_oracle.h"

#endif
