/* SPDX-License-Identifier: MIT */
/*
 * promise_oracle.h - what each slot wants and got, for torture_agenda.c.
 *
 * The owner of a slot says what it wants, arms it, and says that the arming returned. None of this
 * hands over what the agenda should hand over: the want is relaxed. The rest orders a pass behind
 * the armings that it is judged by, which is where its guarantee begins.
 */
#ifndef TESTS_DEADLINE_PROMISE_ORACLE_H
#define TESTS_DEADLINE_PROMISE_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/begin_oracle.h"

/* A number that grows with each arming, and its tick. */
struct oracle_want {
	uint32_t number, tick;
};

struct oracle_promise {
	_Atomic uint64_t want; /* {number | tick} */
	_Atomic uint32_t armed, served;
};

static inline void oracle_say_want(struct oracle_promise *promise, struct oracle_want want)
{
	atomic_store_explicit(&promise->want, (uint64_t)want.number << 32 | want.tick,
			      memory_order_relaxed);
}

static inline struct oracle_want oracle_want(struct oracle_promise *promise)
{
	const uint64_t want = atomic_load_explicit(&promise->want, memory_order_relaxed);

	return (struct oracle_want){ (uint32_t)(want >> 32), (uint32_t)want };
}

static inline void oracle_say_armed(struct oracle_promise *promise, uint32_t number)
{
	atomic_store_explicit(&promise->armed, number, memory_order_release);
}

static inline uint32_t oracle_armed(struct oracle_promise *promise)
{
	return atomic_load_explicit(&promise->armed, memory_order_acquire);
}

static inline void oracle_say_served(struct oracle_promise *promise, uint32_t number)
{
	uint32_t old = atomic_load_explicit(&promise->served, memory_order_relaxed);

	while (old < number &&
	       !atomic_compare_exchange_weak_explicit(&promise->served, &old, number,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

static inline uint32_t oracle_served(struct oracle_promise *promise)
{
	return atomic_load_explicit(&promise->served, memory_order_relaxed);
}

/* The time that all share, and whether a thread is to stand still and does. */
struct oracle_ticks {
	_Atomic uint32_t now;
};

static inline uint32_t oracle_tick(struct oracle_ticks *ticks)
{
	return atomic_load_explicit(&ticks->now, memory_order_relaxed);
}

static inline void oracle_move_on(struct oracle_ticks *ticks)
{
	(void)atomic_fetch_add_explicit(&ticks->now, 1, memory_order_relaxed);
}

static inline void oracle_set_tick(struct oracle_ticks *ticks, uint32_t now)
{
	atomic_store_explicit(&ticks->now, now, memory_order_relaxed);
}

struct oracle_halt {
	_Alignas(64) _Atomic bool wanted;
	_Atomic bool stands;
	_Atomic uint64_t times;
};

static inline void oracle_want_halt(struct oracle_halt *halt, bool wanted)
{
	atomic_store_explicit(&halt->wanted, wanted, memory_order_relaxed);
}

static inline bool oracle_halt_wanted(struct oracle_halt *halt)
{
	return atomic_load_explicit(&halt->wanted, memory_order_relaxed);
}

static inline void oracle_stand(struct oracle_halt *halt, bool stands)
{
	atomic_store_explicit(&halt->stands, stands, memory_order_relaxed);
	if (stands)
		(void)atomic_fetch_add_explicit(&halt->times, 1, memory_order_relaxed);
}

static inline bool oracle_stands(struct oracle_halt *halt)
{
	return atomic_load_explicit(&halt->stands, memory_order_relaxed);
}

static inline uint64_t oracle_halts(struct oracle_halt *halt)
{
	return atomic_load_explicit(&halt->times, memory_order_relaxed);
}

/* How many of the threads are still at work. */
struct oracle_busy {
	_Atomic uint32_t count;
};

static inline void oracle_set_busy(struct oracle_busy *busy, uint32_t count)
{
	atomic_store_explicit(&busy->count, count, memory_order_release);
}

static inline void oracle_done(struct oracle_busy *busy)
{
	(void)atomic_fetch_sub_explicit(&busy->count, 1, memory_order_acq_rel);
}

static inline uint32_t oracle_busy(struct oracle_busy *busy)
{
	return atomic_load_explicit(&busy->count, memory_order_acquire);
}

#include "tests/support/end_oracle.h"

#endif
