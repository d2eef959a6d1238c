/* SPDX-License-Identifier: MIT */
/*
 * map_oracle.h - what the torture tests of the maps keep books with, and how values are made.
 *
 * Books order nothing (every access is relaxed): they must not hide from a race detector what the
 * maps forget to order. Only the gate orders, between rounds.
 */
#ifndef TESTS_MAP_MAP_ORACLE_H
#define TESTS_MAP_MAP_ORACLE_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "tests/support/torture_oracle.h"

#include "tests/support/begin_oracle.h"

/* A small count that any thread adds to; the sum so far is returned. */
struct oracle_count {
	_Atomic uint32_t value;
};

static inline uint32_t oracle_count_up(struct oracle_count *count)
{
	return atomic_fetch_add_explicit(&count->value, 1, memory_order_relaxed) + 1;
}

static inline uint32_t oracle_count_down(struct oracle_count *count)
{
	return atomic_fetch_sub_explicit(&count->value, 1, memory_order_relaxed) - 1;
}

static inline uint32_t oracle_count_now(struct oracle_count *count)
{
	return atomic_load_explicit(&count->value, memory_order_relaxed);
}

static inline void oracle_count_set(struct oracle_count *count, uint32_t value)
{
	atomic_store_explicit(&count->value, value, memory_order_relaxed);
}

/* How many are live for certain: may go below zero for a moment, never above what there is. */
struct oracle_live {
	_Alignas(128) _Atomic int64_t value;
};

static inline int64_t oracle_live_add(struct oracle_live *live, int64_t change)
{
	return atomic_fetch_add_explicit(&live->value, change, memory_order_relaxed) + change;
}

/* A place where threads leave handles for each other. */
struct oracle_place {
	_Atomic uint64_t handle;
};

static inline uint64_t oracle_swap(struct oracle_place *place, uint64_t handle)
{
	return atomic_exchange_explicit(&place->handle, handle, memory_order_relaxed);
}

static inline uint64_t oracle_look(struct oracle_place *place)
{
	return atomic_load_explicit(&place->handle, memory_order_relaxed);
}

/* Threads meet here without going to sleep, so that they leave together. */
struct oracle_gate {
	_Alignas(128) _Atomic uint32_t arrived;
	_Atomic uint32_t rounds;
};

/* Waits for all @count threads. True in the last one to come. */
static inline bool oracle_meet(struct oracle_gate *gate, uint32_t count)
{
	const uint32_t round = atomic_load_explicit(&gate->rounds, memory_order_relaxed);

	if (atomic_fetch_add_explicit(&gate->arrived, 1, memory_order_acq_rel) + 1 == count) {
		atomic_store_explicit(&gate->arrived, 0, memory_order_relaxed);
		atomic_store_explicit(&gate->rounds, round + 1, memory_order_release);
		return true;
	}
	while (atomic_load_explicit(&gate->rounds, memory_order_acquire) == round)
		(void)sched_yield();
	return false;
}

#include "tests/support/end_oracle.h"

/* A value is made of its key and of a stamp that no other value has. */
enum { PAYLOAD_WORDS = 6 };

struct payload {
	uint64_t words[PAYLOAD_WORDS];
};

static inline uint64_t payload_word(uint64_t key, uint64_t stamp, uint32_t at)
{
	uint64_t word = key * UINT64_C(0x9e3779b97f4a7c15) + stamp + at;

	word = (word ^ word >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return word ^ word >> 32;
}

static inline struct payload payload_make(uint64_t key, uint64_t stamp)
{
	struct payload payload = { { stamp, key } };

	for (uint32_t i = 2; i < PAYLOAD_WORDS; i++)
		payload.words[i] = payload_word(key, stamp, i);
	return payload;
}

/* Whether @memory is a whole value, of nobody else's bytes. */
static inline bool payload_is_whole(const void *memory)
{
	struct payload payload, whole;

	memcpy(&payload, memory, sizeof(payload));
	whole = payload_make(payload.words[1], payload.words[0]);
	return memcmp(&payload, &whole, sizeof(payload)) == 0;
}

static inline uint64_t payload_stamp(const void *memory)
{
	uint64_t stamp;

	memcpy(&stamp, memory, sizeof(stamp));
	return stamp;
}

static inline uint64_t payload_key(const void *memory)
{
	struct payload payload;

	memcpy(&payload, memory, sizeof(payload));
	return payload.words[1];
}

#endif
