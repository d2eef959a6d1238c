/* SPDX-License-Identifier: MIT */
/*
 * shard_oracle.h - the books of the torture test, with atomics of their own.
 *
 * A slot's book: how often something was asked for, and up to which of these it was done. Asking
 * comes before the hint and is read after it, by orders that are relaxed: that the reader sees it
 * must come from the library.
 */
#ifndef TESTS_SHARD_SHARD_ORACLE_H
#define TESTS_SHARD_SHARD_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/begin_oracle.h"

struct oracle_book {
	_Atomic uint64_t asked, done;
};

static inline uint64_t oracle_ask(struct oracle_book *book)
{
	return atomic_fetch_add_explicit(&book->asked, 1, memory_order_relaxed) + 1;
}

static inline uint64_t oracle_asked(const struct oracle_book *book)
{
	return atomic_load_explicit(&book->asked, memory_order_relaxed);
}

/* All that was asked for so far is done. */
static inline void oracle_do(struct oracle_book *book)
{
	const uint64_t asked = atomic_load_explicit(&book->asked, memory_order_relaxed);
	uint64_t done = atomic_load_explicit(&book->done, memory_order_relaxed);

	while (done < asked &&
	       !atomic_compare_exchange_weak_explicit(&book->done, &done, asked,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

static inline uint64_t oracle_done(const struct oracle_book *book)
{
	return atomic_load_explicit(&book->done, memory_order_relaxed);
}

/* A number that one or more threads write and others look at. */
struct oracle_word {
	_Atomic uint64_t value;
};

static inline uint64_t oracle_get(const struct oracle_word *word)
{
	return atomic_load_explicit(&word->value, memory_order_relaxed);
}

static inline void oracle_set(struct oracle_word *word, uint64_t value)
{
	atomic_store_explicit(&word->value, value, memory_order_relaxed);
}

static inline uint64_t oracle_more(struct oracle_word *word, uint64_t more)
{
	return atomic_fetch_add_explicit(&word->value, more, memory_order_relaxed);
}

static inline bool oracle_turn(struct oracle_word *word, uint64_t from, uint64_t to)
{
	return atomic_compare_exchange_strong_explicit(&word->value, &from, to,
						       memory_order_relaxed, memory_order_relaxed);
}

#include "tests/support/end_oracle.h"

#endif
