/* SPDX-License-Identifier: MIT */
/*
 * epoch_oracle.h - the atomics of the oracle, independent of those it judges.
 *
 * What a reader uses orders nothing but its load of the pointer: an oracle that fenced would
 * hide a missing fence, and one that released would hide a missing release.
 */
#ifndef TESTS_EPOCH_ORACLE_H
#define TESTS_EPOCH_ORACLE_H

#include <stddef.h>
#include <stdint.h>

#include "tests/support/begin_oracle.h"

struct oracle_count {
	_Atomic uint64_t value;
};

static inline uint64_t oracle_read(struct oracle_count *count)
{
	return atomic_load_explicit(&count->value, memory_order_acquire);
}

static inline uint64_t oracle_peek(struct oracle_count *count)
{
	return atomic_load_explicit(&count->value, memory_order_relaxed);
}

static inline void oracle_set(struct oracle_count *count, uint64_t value)
{
	atomic_store_explicit(&count->value, value, memory_order_release);
}

static inline void oracle_mark(struct oracle_count *count, uint64_t value)
{
	atomic_store_explicit(&count->value, value, memory_order_relaxed);
}

static inline uint64_t oracle_add(struct oracle_count *count, uint64_t more)
{
	return atomic_fetch_add_explicit(&count->value, more, memory_order_relaxed) + more;
}

/* A shared pointer: a cell that readers follow, or the head of a stack. */
struct oracle_pointer {
	_Atomic(void *) value;
};

static inline void *oracle_follow(struct oracle_pointer *pointer)
{
	return atomic_load_explicit(&pointer->value, memory_order_acquire);
}

static inline void *oracle_replace(struct oracle_pointer *pointer, void *with)
{
	return atomic_exchange_explicit(&pointer->value, with, memory_order_acq_rel);
}

/* Pushes @item, whose first word after @offset bytes is its link. */
static inline void oracle_push(struct oracle_pointer *stack, void *item, size_t offset)
{
	void *head = atomic_load_explicit(&stack->value, memory_order_relaxed);

	do {
		*(void **)((char *)item + offset) = head;
	} while (!atomic_compare_exchange_weak_explicit(
		&stack->value, &head, item, memory_order_release, memory_order_relaxed));
}

#include "tests/support/end_oracle.h"

#endif
