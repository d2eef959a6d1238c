/* SPDX-License-Identifier: MIT */
/*
 * load.h - a map under full load: penders, completers, deadlines, and an account of it all.
 *
 *   pender: opens a ledger entry -> pends -> puts the cookie on the board (one in LOAD_LEFT is left
 *           to its deadline); whatever it displaces there it completes itself
 *   completer: takes a cookie off the board -> completes by handle
 *   completion function: closes the entry, notes where and how late it ran
 *
 * Nobody waits for anybody: a worker that stands still holds at most the one operation in its
 * hands, and that one ends by its deadline. A board word is a cookie and nothing else, so it hands
 * over nothing but a number.
 */
#ifndef STRESS_LOAD_H
#define STRESS_LOAD_H

#include <pendmap/control.h>
#include <pendmap/engine.h>
#include <pendmap/pendmap.h>
#include <pendmap/session.h>
#include <pthread.h>

#include "stress/cell.h"
#include "stress/harness.h"
#include "stress/histogram.h"
#include "stress/ledger.h"
#include "tests/support/random.h"

#define LOAD_CPUS 64u
#define LOAD_WORKERS 32u
#define LOAD_BOARD 256u
#define LOAD_LEFT 256u
#define LOAD_VALUE_WORDS 8u
#define LOAD_PAUSE_STEPS 256u

struct load;

struct load_worker {
	struct load *load;
	void (*work)(struct load_worker *worker);
	const char *role;
	pthread_t thread;
	uint32_t number;
	uint32_t cpu;         /* pins itself there, again and again; UINT32_MAX: does not */
	uint32_t first_entry; /* a pender's part of the ledger */
	uint32_t entries;
	struct rng rng;
	struct cell tid;
	struct cell beats; /* of a pender: moves while it gets CPU, whether it finds room or not */
	_Alignas(64) struct cell steps; /* pends, completions or reads done */
};

/* What the completion function tells of one operation. */
struct load_completion {
	const struct pend_operation *operation;
	uint64_t now_ns;
	uint64_t decided_ns; /* when complete had returned, or the deadline; 0: not yet */
	uint32_t cpu;        /* where it runs */
};

struct load {
	/* Set before load_start(). */
	struct stress *stress;
	struct pend_engine_options engine_options;
	struct pend_map_options map_options;
	uint64_t shortest_ns; /* deadlines lie between these */
	uint64_t longest_ns;
	uint32_t entries;  /* of each pender */
	uint64_t pause_ns; /* workers sleep so long every LOAD_PAUSE_STEPS; 0: full load */
	struct pend_session *session; /* whose operations they are, or NULL */
	bool stops;                   /* somebody stops the map now and then */
	bool cookie_values; /* each word of a value is the cookie; else there are no values */
	void (*observe)(void *context, const struct load_completion *completion); /* or NULL */
	void *context;
	/* The load's own. */
	struct pend_engine *engine;
	struct pend_map *map;
	struct ledger ledger;
	struct cell board[LOAD_BOARD];
	struct load_worker workers[LOAD_WORKERS];
	uint32_t worker_count;
	uint32_t penders;
	struct cell stop;
	struct cell pended, completed, early, refused, by_deadline;
	struct cell at_home[LOAD_CPUS], away[LOAD_CPUS];
};

/* All defaults. */
void load_prepare(struct load *load, struct stress *stress);

/* Adds a worker; before load_start(). */
struct load_worker *load_add(struct load *load, const char *role, uint32_t cpu,
			     void (*work)(struct load_worker *worker));
void load_pender(struct load_worker *worker);
void load_completer(struct load_worker *worker);

/* What they do: pends entry @index of its own, if that is closed, and returns the cookie, or 0; ... */
uint64_t load_pend(struct load_worker *worker, uint32_t index);
/* ... and completes. Whoever was faster is fine: the account tells whether it was somebody. */
void load_complete(struct load *load, uint64_t cookie);

/* Makes the engine, if that is to be done apart from the rest. */
void load_make_engine(struct load *load);

/* Makes engine, map and ledger, and starts the workers. */
void load_start(struct load *load);

/* True once the workers are to come to an end. */
static inline bool load_over(struct load *load)
{
	return cell_read(&load->stop) != 0;
}

/* Ends the workers, waits until nothing is live, checks the account. */
void load_settle(struct load *load);

/* Frees all. */
void load_end(struct load *load);

/* Both. */
void load_finish(struct load *load);

/* Completions so far of what was pended on @cpu. */
static inline uint64_t load_completed_of(struct load *load, uint32_t cpu)
{
	return cell_read(&load->at_home[cpu]) + cell_read(&load->away[cpu]);
}

/* Of the pender pinned to @cpu: how far it has come round its loop. */
uint64_t load_beats(struct load *load, uint32_t cpu);

/* A line about each shard that served anything. */
void load_note_shards(struct load *load);

/* The steps of all workers of a role. */
uint64_t load_steps(struct load *load, const char *role);

#endif
