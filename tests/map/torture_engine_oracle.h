/* SPDX-License-Identifier: MIT */
/*
 * torture_engine_oracle.h - words that the threads of the torture tests tell each other things by.
 *
 * Books order nothing, lest they hide what the library forgets to order. Only what is given and
 * taken is ordered: a record that goes back to who pends with it next.
 */
#ifndef TESTS_MAP_TORTURE_ENGINE_ORACLE_H
#define TESTS_MAP_TORTURE_ENGINE_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/begin_oracle.h"

struct oracle_word {
	_Atomic uint64_t value;
};

static inline uint64_t oracle_get(struct oracle_word *word)
{
	return atomic_load_explicit(&word->value, memory_order_relaxed);
}

static inline void oracle_set(struct oracle_word *word, uint64_t value)
{
	atomic_store_explicit(&word->value, value, memory_order_relaxed);
}

/* Returns what it was before. */
static inline uint64_t oracle_more(struct oracle_word *word, uint64_t more)
{
	return atomic_fetch_add_explicit(&word->value, more, memory_order_relaxed);
}

static inline void oracle_most(struct oracle_word *word, uint64_t value)
{
	uint64_t before = oracle_get(word);

	while (before < value &&
	       !atomic_compare_exchange_weak_explicit(&word->value, &before, value,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

static inline void oracle_give(struct oracle_word *word, uint64_t value)
{
	atomic_store_explicit(&word->value, value, memory_order_release);
}

static inline uint64_t oracle_obtain(struct oracle_word *word)
{
	return atomic_load_explicit(&word->value, memory_order_acquire);
}

#include "tests/support/end_oracle.h"

#endif
