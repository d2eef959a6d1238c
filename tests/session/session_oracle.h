/* SPDX-License-Identifier: MIT */
/*
 * session_oracle.h - what tests of sessions count with: atomics that order nothing for the code
 * under test, but where a wait must see what came before.
 */
#ifndef TESTS_SESSION_SESSION_ORACLE_H
#define TESTS_SESSION_SESSION_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/begin_oracle.h"

/* What a client was told about the operations of lost sessions. */
struct oracle_told {
	_Atomic uint32_t calls, owner, action;
};

static inline void oracle_tell(struct oracle_told *told, uint32_t owner, uint32_t action)
{
	atomic_store_explicit(&told->owner, owner, memory_order_relaxed);
	atomic_store_explicit(&told->action, action, memory_order_relaxed);
	(void)atomic_fetch_add_explicit(&told->calls, 1, memory_order_release);
}

static inline uint32_t oracle_told_calls(struct oracle_told *told)
{
	return atomic_load_explicit(&told->calls, memory_order_acquire);
}

static inline uint32_t oracle_told_owner(struct oracle_told *told)
{
	return atomic_load_explicit(&told->owner, memory_order_relaxed);
}

static inline uint32_t oracle_told_action(struct oracle_told *told)
{
	return atomic_load_explicit(&told->action, memory_order_relaxed);
}

/* A flag that a test's threads set for each other. */
struct oracle_flag {
	_Atomic uint32_t value;
};

static inline void oracle_set(struct oracle_flag *flag, uint32_t value)
{
	atomic_store_explicit(&flag->value, value, memory_order_release);
}

static inline uint32_t oracle_get(struct oracle_flag *flag)
{
	return atomic_load_explicit(&flag->value, memory_order_acquire);
}

/* Counts, ordering nothing. Returns the count before. */
static inline uint32_t oracle_bump(struct oracle_flag *flag)
{
	return atomic_fetch_add_explicit(&flag->value, 1, memory_order_relaxed);
}

/* The operations of a little map: 0, or 1 + the session that owns it. Publishing is a release, as in
 * a slot word; taking and looking are relaxed, so that it is the sessions that order the search
 * after the publication. */
struct oracle_cells {
	_Atomic uint32_t owners[1024];
};

static inline void oracle_cell_publish(struct oracle_cells *cells, uint32_t cell, uint32_t owner)
{
	atomic_store_explicit(&cells->owners[cell], owner + 1, memory_order_release);
}

static inline uint32_t oracle_cell_get(struct oracle_cells *cells, uint32_t cell)
{
	return atomic_load_explicit(&cells->owners[cell], memory_order_relaxed);
}

/* True for the one who takes it from @owner. */
static inline bool oracle_cell_take(struct oracle_cells *cells, uint32_t cell, uint32_t owner)
{
	uint32_t expected = owner + 1;

	return atomic_compare_exchange_strong_explicit(&cells->owners[cell], &expected, 0,
						       memory_order_relaxed, memory_order_relaxed);
}

#include "tests/support/end_oracle.h"

#endif
