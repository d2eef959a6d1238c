/* SPDX-License-Identifier: MIT */
/*
 * map.h - the parts of map.c: what its threads share, and the calls they make.
 */
#ifndef STRESS_MAP_H
#define STRESS_MAP_H

#include <pendmap/control.h>
#include <pendmap/engine.h>
#include <pendmap/pendmap.h>

#include "stress/ledger.h"
#include "stress/team.h"
#include "tests/map/map_oracle.h"

#define MAP_BOARD 64u
#define MAP_ORIGINS 8u
#define MAP_ENTRIES 96u /* of the ledger, for each thread: more than it can have open */
#define MAP_BATCH 6u
#define MAP_DEADLINE_NS (20 * NS_PER_MS) /* in an engine */

struct map_kind {
	const char *name;
	double share;  /* of the run */
	uint32_t room; /* for each thread */
	bool keyed, pointers, engine;
};

/* What one thread counted, to be compared with the map's counters. */
struct map_books {
	_Alignas(128) uint64_t pended;
	uint64_t decided, cancelled, continued, extended; /* accepted */
	uint64_t full, held_back, taken, refused;         /* pends, by error */
	uint64_t stale;                                   /* -ENOENT or -EALREADY of a complete */
	uint64_t reads, scans;
	uint32_t entry;
};

struct shop {
	struct team team;
	const struct map_kind *kind;
	struct pend_engine *engine;
	struct pend_map *map;
	struct ledger ledger; /* handle: 1 while the hook frame is open */
	uint32_t room;
	struct cell board[MAP_BOARD]; /* handles, for all to complete: looked at, not taken */
	struct map_books books[TEAM_MOST];
	struct cell told[MAP_ORIGINS], reruns;
};

/* The functions of the map. */
void map_told(void *context, const struct pend_operation *operation);
int map_rerun(void *context, const struct pend_operation *operation);

/* A step: one call, drawn at random, or a few that belong together. */
uint32_t map_step(struct team_member *member);

/* Pends until the map is full, and completes that: there was room for all but the @live ones. All
 * others stand still. */
void map_fill(struct team_member *member, uint32_t live);

/* The continuation map, for @share of the run. */
void map_remember(struct stress *stress, double share);

#endif
