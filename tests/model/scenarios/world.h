/* SPDX-License-Identifier: MIT */
/*
 * world.h - what scenarios of maps have in common: one map, one engine, and what became of what.
 *
 * Plain variables: fibers run one at a time, and all of this is put back before each execution.
 * Three oracles are built in, and hold in every scenario that goes through the functions below:
 *
 *	A  the completion function is told of an operation once at most
 *	D  never more operations than max_entries; a pend is refused as full only if so many might
 *	   have been live at some instant of it
 *	I  world_finish(): pends = completions + live, and who was told is who was completed
 */
#ifndef SCENARIOS_WORLD_H
#define SCENARIOS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include <pendmap/pendmap.h>

#include "tests/model/checker/model.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

enum { WORLD_HANDLES = 32 };

struct world {
	struct pend_engine *engine;
	struct pend_map *map;
	struct pend_session *session;
	uint64_t handles[WORLD_HANDLES]; /* by cookie */
	int results[WORLD_HANDLES];      /* of whatever the scenario's threads did */
	uint32_t pends;                  /* that succeeded */
	uint32_t told;                   /* completions */
	uint32_t told_of[WORLD_HANDLES]; /* ... by cookie */
	enum pend_action action_of[WORLD_HANDLES];
	enum pend_origin origin_of[WORLD_HANDLES];
	uint32_t reran;
	bool in_frame;      /* a hook frame is open */
	bool running_again; /* a program runs again */
	bool brisk;         /* it does not wait until others have done something */
	bool finishing;     /* a completion function runs */
	int rerun_verdict;
	uint64_t noted, noted_too; /* the scenario's */
	uint64_t bytes;            /* payload of each operation */
	/* D: what may hold a slot, now and at most since each thread's call began. */
	uint32_t entries;
	uint32_t holders, most[MODEL_THREADS + 1], leaving[MODEL_THREADS + 1];
	bool calling[MODEL_THREADS + 1];
	int32_t surely_live;
	/* B: when each thread began to decide, which of these moments its telling came after, and
	 * who has decided, plus one. By cookie. */
	uint32_t began[WORLD_HANDLES][MODEL_THREADS + 1], heard[WORLD_HANDLES];
	uint32_t decider[WORLD_HANDLES];
};

extern struct world world;

enum {
	WORLD_ENGINE = 1,    /* without threads of its own */
	WORLD_KEYS = 2,      /* of eight bytes */
	WORLD_POINTERS = 4,  /* a reserve of one */
	WORLD_RERUN = 8,     /* a program that returns world.rerun_verdict */
	WORLD_PORTABLE = 16, /* no membarrier */
	WORLD_SESSION = 32,  /* that all pends belong to */
	WORLD_NARROW = 64,   /* the engine's queues have room for two hints */
	WORLD_BYTES = 128,   /* a quota of bytes, for one operation */
};

/* Makes a map of @entries. */
void world_make(uint32_t entries, uint32_t what);

/* From now on the kernel knows no membarrier; before anything asks for it. */
void world_without_membarrier(void);

/* Pends cookie @number into handles[number]; by key @key in a map with keys. Four equal words of
 * value. */
int world_pend(uint32_t number, uint64_t key, uint32_t flags, uint64_t deadline_ns);

int world_complete(uint32_t number, enum pend_action action);
int world_complete_key(uint64_t key, enum pend_action action);

/* Serves a shard, or all: the deadlines of a slot are some shard's, not that of the CPU that
 * pended. */
void world_poll(uint32_t cpu);
void world_poll_all(void);

/* All that has been told happened before now. */
void world_hear_all(void);

/* Whoever completed an operation by another function than these: its slot is free now. */
void world_left(void);

/* Serves all shards until nothing is left to do; then the books must balance. */
void world_finish(void);

/* How many results are @result, of the first @count. */
uint32_t world_count(uint32_t count, int result);

uint64_t world_live(void);

#endif
