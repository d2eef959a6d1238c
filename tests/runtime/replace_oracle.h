/* SPDX-License-Identifier: MIT */
/*
 * replace_oracle.h - what the judges of torture_replace.c know of each program, independent of what
 * they judge. Nothing here orders anything: what hands a program over must be the library.
 */
#ifndef TESTS_RUNTIME_REPLACE_ORACLE_H
#define TESTS_RUNTIME_REPLACE_ORACLE_H

#include <stdint.h>

#include "tests/support/begin_oracle.h"

/* A counter. */
struct replace_count {
	_Atomic uint64_t number;
};

static inline void replace_add(struct replace_count *count, uint64_t more)
{
	(void)atomic_fetch_add_explicit(&count->number, more, memory_order_relaxed);
}

static inline void replace_set(struct replace_count *count, uint64_t number)
{
	atomic_store_explicit(&count->number, number, memory_order_relaxed);
}

static inline uint64_t replace_get(struct replace_count *count)
{
	return atomic_load_explicit(&count->number, memory_order_relaxed);
}

#include "tests/support/end_oracle.h"

#endif
