/* SPDX-License-Identifier: MIT */
/*
 * flow_oracle.h - a place where one thread leaves a flow and another finds it: what comes takes the
 * place of what was there, and nothing is lost. Orders nothing, as all books.
 */
#ifndef TESTS_BACKEND_FLOW_ORACLE_H
#define TESTS_BACKEND_FLOW_ORACLE_H

#include "tests/map/torture_engine_oracle.h"

#include "tests/support/begin_oracle.h"

/* Returns what was there. */
static inline uint64_t oracle_replace(struct oracle_word *word, uint64_t value)
{
	return atomic_exchange_explicit(&word->value, value, memory_order_relaxed);
}

#include "tests/support/end_oracle.h"

#endif
