/* SPDX-License-Identifier: MIT */
/*
 * torture_shard.h - what the cases of the torture test share: a client that keeps books, and
 * waiting with a bound.
 */
#ifndef TESTS_SHARD_TORTURE_SHARD_H
#define TESTS_SHARD_TORTURE_SHARD_H

#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pendmap/engine.h>

#include "engine/shard/client.h"
#include "engine/shard/monitor.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "tests/shard/shard_oracle.h"
#include "tests/support/check.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

enum { BOOKS = 256, CPUS_MOST = 8 };

/* What must happen at once is waited for so long; a machine that is busy with other things does not
 * take so long, and a lost wake-up takes forever. */
#ifndef BOUND_NS
#define BOUND_NS UINT64_C(20000000000)
#endif

/* Counters move a little later than what they count. */
#define AWAIT(condition)                                              \
	do {                                                          \
		const uint64_t begin_ns_ = now_ns();                  \
		while (!(condition)) {                                \
			CHECK_U64(now_ns() - begin_ns_, <, BOUND_NS); \
			pause_ns(50000);                              \
		}                                                     \
	} while (0)

#define MAGIC UINT64_C(0x5a1ad0f5a1ad0f00)

struct bookkeeper {
	struct pendi_client client;
	uint64_t magic;
	struct oracle_book books[BOOKS];
	struct oracle_word due[CPUS_MOST]; /* ticks */
	struct oracle_word early, looks, serves, tends;
	uint64_t tends_wanted;
	bool slow; /* lets others in while it serves */
};

void bookkeeper_init(struct bookkeeper *keeper);

struct pend_engine *engine_with(uint32_t flags, uint64_t stall_ns, pend_engine_event_fn on_event,
				void *context);

/* The number of CPUs that the cases use. */
uint32_t cpus_used(const struct pend_engine *engine);

/* Asks for @slot on @cpu and waits until it is done. Returns the nanoseconds that this took. */
uint64_t ask_and_wait(struct bookkeeper *keeper, uint32_t cpu, uint32_t slot);
/* Asks for it only, again if the queue is full. */
void ask(struct bookkeeper *keeper, uint32_t cpu, uint32_t slot);
void await_done(const struct oracle_book *book, uint64_t wanted);

void pause_ns(uint64_t nanoseconds);
uint64_t now_ns(void);

struct pend_shard_stats sum_of(struct pend_engine *engine);

/* The cases. Each returns how many operations it made. */
uint64_t case_wakeups(uint64_t seed, uint64_t rounds);
uint64_t case_load(uint64_t seed, uint64_t rounds);
uint64_t case_freeze(uint64_t seed, uint64_t rounds);
uint64_t case_leave(uint64_t seed, uint64_t rounds);
uint64_t case_ticks(uint64_t seed, uint64_t rounds);
uint64_t case_lives(uint64_t seed, uint64_t rounds);
uint64_t case_watches(uint64_t seed, uint64_t rounds);
uint64_t case_cpus(uint64_t seed, uint64_t rounds);
uint64_t case_orphans(uint64_t seed, uint64_t rounds);

/* The thread that serves may be frozen by a signal from now on. */
void allow_freezing(void);

#endif
