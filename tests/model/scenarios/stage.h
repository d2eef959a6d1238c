/* SPDX-License-Identifier: MIT */
/*
 * stage.h - what scenarios of the runtime have in common: a hook, and programs that note their runs.
 *
 *	role 0     attached at first            role 1, 2   loaded, to take its place
 *
 * Each run stamps its invocation. Oracles that are built in: a program is freed once, when nobody
 * is inside; stage_strike(): all are freed, and what was pended was completed once.
 */
#ifndef SCENARIOS_STAGE_H
#define SCENARIOS_STAGE_H

#include <pendmap/pendmap.h>

#include "tests/model/scenarios/world.h"

enum { ROLES = 3, INVOCATIONS = 4, SNAPSHOTS = 4 };

struct role {
	uint32_t number, inside, runs, reruns, freed;
	struct pend_program *program;
};

/* What is invoked for; by value in what is pended. */
struct passage {
	uint64_t stamps, stamp, pends;
};

struct stage {
	struct pend_runtime *runtime;
	struct pend_provider *provider;
	struct pend_hook *hook;
	struct pend_link *link, *other;
	struct pend_custom_map *map;
	struct role roles[ROLES];
	struct passage passages[INVOCATIONS];
	int verdicts[INVOCATIONS];
	uint32_t lowest[INVOCATIONS]; /* program that an invocation may run, when it began */
	uint32_t newest;              /* that an update has returned for */
	int results[MODEL_THREADS];
	uint32_t held, completed, pended;
	struct pend_map *map_of_held;
	uint64_t handle;
	uint64_t seen[2][SNAPSHOTS]; /* what helpers said in the first and the second run */
	uint32_t snapshots;
	enum pend_action action;
};

extern struct stage stage;

/* An engine without threads, a runtime, a hook, a map to pend in; role 0 is attached. */
void stage_make(void);

/* The caller's handle of a role's program. */
void stage_give_back(uint32_t number);

/* Attaches a role, whose handle is given back. */
struct pend_link *stage_attach(uint32_t number);

/* Invocation @number. @pends: 1: its program pends; 2: and asks helpers, in each run. */
void stage_invoke(uint32_t number, uint64_t pends);

/* Invocations 1 and 2, in one call. */
void stage_invoke_batch(void);

/* Puts role @number in the place of what is attached. */
int stage_update(uint32_t number, enum pend_outstanding outstanding, uint32_t flags);

void stage_serve(void);

/* All that is attached goes; then each program was freed once. */
void stage_strike(void);

#endif
