/* SPDX-License-Identifier: MIT */
/*
 * torture_engine.h - what the torture tests of the guarantees share: engines of several shapes, the
 * threads that poll them, and a signal that freezes a thread wherever it is.
 */
#ifndef TESTS_MAP_TORTURE_ENGINE_H
#define TESTS_MAP_TORTURE_ENGINE_H

#include <pthread.h>
#include <sched.h>

#include <pendmap/pendmap.h>

#include "tests/map/map_oracle.h"
#include "tests/map/torture_engine_oracle.h"
#include "tests/support/check.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

/* What must happen is waited for so long; a busy machine does not take so long, what is lost takes
 * forever. */
#ifndef BOUND_NS
#define BOUND_NS UINT64_C(20000000000)
#endif

#define DAY_NS PEND_DEADLINE_MAX_NS
#define STALL_NS UINT64_C(5000000)

enum { POLLERS = 2 };

/* A shape of engine and map. */
struct setup {
	const char *name;
	uint32_t engine_flags;
	uint32_t slots;
	uint32_t tick_us;
	bool keyed;
};

struct stage {
	const struct setup *setup;
	uint64_t seed, rounds;
	struct pend_engine *engine;
	struct pend_map *map;
	struct oracle_word stop;
	pthread_t pollers[POLLERS];
};

/* Makes engine, map and pollers; engine, size and keys of @options are set here. */
void stage_begin(struct stage *stage, struct pend_map_options *options);
void stage_end(struct stage *stage);

/* Takes the net away: nothing is looked at every second, but only when a look was armed. Before the
 * first pend. */
void stage_without_revisits(struct stage *stage);

/* From now on no allocation succeeds; false: again as usual. */
void stage_seal(bool sealed);

uint64_t stage_now_ns(void);
void stage_pause_ns(uint64_t nanoseconds);
struct pend_map_stats stage_stats(const struct stage *stage);

/* Waits until *@word is at least @wanted. */
void stage_await(struct oracle_word *word, uint64_t wanted, const char *what);

/* Disables, and checks that nothing is left; stays disabled. */
void stage_settle(struct stage *stage);
/* Of a settled stage: the books are balanced. */
void stage_balance(const struct stage *stage, uint64_t pended, uint64_t told);

/* ---- freezing ---- */

enum role {
	ROLE_PENDER,
	ROLE_COMPLETER,
	ROLE_READER,
	ROLE_LISTENER, /* reads a session's notices */
	ROLE_POLLER,
	ROLE_EXECUTOR,
	ROLE_MONITOR,
	ROLES,
};

/* The calling thread may be frozen from now on, as that. */
void freeze_allow(enum role role);
/* The same for a thread of the library, which knows its role itself. */
void freeze_allow_library(void);
/* Forgets who may be frozen. */
void freeze_reset(void);
/* Freezes a thread of that role. False: there is none. */
bool freeze(enum role role, uint32_t draw);
void thaw(void);

/* ---- the guarantees: each returns how many operations it made ---- */

uint64_t torture_once(struct stage *stage);    /* A */
uint64_t torture_fence(struct stage *stage);   /* B */
uint64_t torture_expiry(struct stage *stage);  /* C */
uint64_t torture_hostage(struct stage *stage); /* E */
uint64_t torture_stop(struct stage *stage);    /* F */

#endif
