/* SPDX-License-Identifier: MIT */
/*
 * engine_internal.h - the engine's structures and what its files share.
 *
 *	hint --push--> shard's queue --window--> whoever serves the shard --serve()--> client
 *	                  |                             ^
 *	                  '--ring the bell of the shard's server (hint.c)
 *
 * There is one shard for each possible CPU. A shard is memory and belongs to nobody; `server` says
 * whose executor looks at it, so that it is looked at. More than one may serve it at once: a hint
 * is served at least once, and that is harmless (client.h). So `server` may change at any time,
 * by a compare-and-swap, and no handing over has to wait for who had it before.
 *
 * Invariants
 *   I1  Whoever changes `server` then fences and wakes the new one (SH1), so work that was put in
 *       before, by somebody who still rang the old one, is found.
 *   I2  A client is touched only from the pendi_visit() that returned it to the next one, or to
 *       pendi_visit_end() (SH2): leaving waits for the visitors.
 */
#ifndef PENDI_ENGINE_SHARD_ENGINE_INTERNAL_H
#define PENDI_ENGINE_SHARD_ENGINE_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <pendmap/engine.h>

#include "engine/deadline/agenda.h"
#include "engine/object/roster.h"
#include "engine/queue/doorbell.h"
#include "engine/queue/queue.h"
#include "engine/shard/client.h"
#include "engine/shard/monitor.h"
#include "engine/shard/quota.h"
#include "epoch/thread.h"
#include "platform/atomic.h"

/* A shard's server that is no CPU: the monitor. */
#define PENDI_SERVER_MONITOR UINT32_MAX

#define PENDI_CLIENT_WORDS (PENDI_CLIENTS / 64u)
#ifndef PENDI_SUSPENDS_KEPT
#define PENDI_SUSPENDS_KEPT 64u
#endif
#define PENDI_SUSPEND_MIN_NS 10000000ull
/* The longest sleep while a deadline is armed or a lost CPU is to be tried again. */
#define PENDI_SLEEP_MOST_NS 50000000ull
/* Looks of one pass, before the queue is looked at again. */
#define PENDI_PASS_LOOKS 1024u

/* pendi_executor.wake_at: the executor is awake, or sleeps without a tick to wake for. */
#define PENDI_WAKE_AWAKE 0u
#define PENDI_WAKE_NEVER (2ull << 32)
#define PENDI_WAKE_TICK (1ull << 32)

enum pendi_condition {
	PENDI_EXECUTOR_NONE = 0, /* no thread: nobody serves for this CPU */
	PENDI_EXECUTOR_ALIVE = 1,
	PENDI_EXECUTOR_LOST = 2, /* its CPU is gone */
};

struct pendi_executor {
	/* Written by the executor, and by who rings it. */
	struct pendi_doorbell bell;
	/* Written by the executor; read by who arms a deadline (SH5). */
	PENDI_APART(2) _Atomic uint64_t wake_at;
	_Atomic uint32_t
		condition; /* enum pendi_condition; written by the executor and its maker */
	/* Written by others. */
	PENDI_APART(2) _Atomic uint32_t foreign; /* a hint in a shard it adopted */
	_Atomic uint32_t stalled; /* by the monitor: it does not move. Cleared by the executor */
	_Atomic uint32_t retry;   /* its CPU may be there again */
	_Atomic uint32_t start;   /* enum pendi_start */
	/* The executor's own. */
	PENDI_APART(2) uint64_t retry_at_ns;
	uint64_t turn_ns;      /* when the last turn began */
	uint32_t tick_seen;    /* of the last turn */
	uint32_t changes_seen; /* of pend_engine.changes */
	uint32_t adopted;      /* other shards that it serves */
	bool pinned;
	/* The maker's own. */
	bool has_thread;
	uint64_t start_again_ns;
	pthread_t thread;
};

/* Of an executor's thread. */
enum pendi_start {
	PENDI_START_NONE = 0,
	PENDI_START_RUNNING = 1,
	PENDI_START_FAILED = 2,
};

enum { PENDI_ROW_HOME = 0, PENDI_ROW_OTHERS = 1 };

struct pendi_shard_row {
	PENDI_APART(2) _Atomic uint64_t served;
	_Atomic uint64_t at_home, passes, looks;
};

struct pendi_shard {
	struct pend_engine *engine;
	uint32_t cpu, node;
	/* Read with every hint; written when the shard changes hands. */
	_Atomic uint32_t server;
	struct pendi_queue queue;
	/* Row 0 is written by the shard's own executor alone, by stores; row 1 by the others. */
	struct pendi_shard_row rows[2];
	/* Written by whoever serves it. */
	PENDI_APART(2) _Atomic uint64_t heartbeat; /* moved with each item */
	_Atomic uint32_t passed_tick;              /* a tick by which nothing was left to look at */
	_Atomic uint32_t resume;                   /* the client that a pass stopped at */
	_Atomic uint64_t passed_offset_ns; /* of pend_engine.offset_ns, that a pass has heeded */
	/* Seldom written. */
	PENDI_APART(2) _Atomic uint64_t hints_refused;
	_Atomic uint64_t times_slept, times_woken, stalls, losses, returns, starts_refused;
	_Atomic uint32_t without_fifo;
	_Atomic uint64_t away_since_ns;
	_Atomic uint64_t
		event_ns[PEND_EVENT_SUSPEND + 1]; /* duration of the last event of a type */
	/* The monitor's own: what it saw last. */
	uint64_t watch_beat, watch_since_ns;
	struct pendi_executor executor;
};

/* Which client a thread is inside of, in one engine; the word of thread 0 is unused. */
struct pendi_visiting {
	PENDI_APART(1) _Atomic uint32_t client;
};

struct pendi_suspend {
	_Atomic uint64_t noticed_ns; /* CLOCK_MONOTONIC */
	_Atomic uint64_t offset_ns;  /* boot clock ahead of the monotonic one from then on */
};

struct pend_engine {
	struct pendi_roster_entry entry;
	/* Constant from creation on. */
	uint32_t flags, shard_count, queue_entries, fifo_priority;
	uint64_t tick_ns, spin_ns, stall_ns, home_ns;
	bool light; /* membarrier works: visitors need no fence of their own */
	pend_engine_event_fn on_event;
	void *context;
	struct pend_allocator allocator;
	struct pendi_shard **shards;
	struct pendi_visiting *visiting; /* PENDI_THREADS of them */
	_Atomic(struct pendi_client *) *clients;
	uint64_t first_offset_ns;

	/* Read all the time, seldom written. */
	PENDI_APART(2) _Atomic uint32_t changes; /* changes of any `server` */
	_Atomic uint32_t stop;
	_Atomic uint32_t drowsy;  /* the monitor sleeps and wants to be told of work */
	_Atomic uint32_t enabled; /* F43; engine/map/control.c */
	_Atomic uint64_t offset_ns;
	_Atomic uint32_t suspends;
	_Atomic uint64_t joined_words; /* bit w: joined[w] is not 0 */
	_Atomic uint64_t joined[PENDI_CLIENT_WORDS];
	struct pendi_suspend history[PENDI_SUSPENDS_KEPT];

	PENDI_APART(2) _Atomic uint32_t uses; /* clients and sessions */
	_Atomic uint32_t nudged;              /* clients want to be tended */
	_Atomic uint32_t chores;       /* somebody is at what only one may do (unwatched engines) */
	_Atomic uint64_t chores_at_ns; /* next time */
	pthread_mutex_t mutex;         /* joining, leaving, visiting each */
	uint64_t taken[PENDI_CLIENT_WORDS]; /* numbers in use; under the mutex */
	uint32_t number_next;               /* under the mutex */
	struct pendi_queue events;          /* | type 8 | cpu 16 | server 16 | */
	struct pendi_quota quota;
	_Atomic(struct pendi_sessions *) sessions;
	void (*sessions_end)(struct pendi_sessions *sessions); /* written before sessions */
	struct pendi_monitor monitor;
};

/* ---- visiting clients (visit.h, join.c) ---- */

/* A thread that serves; on its stack. */
struct pendi_visitor {
	struct pend_engine *engine;
	_Atomic uint32_t *word;
	struct pendi_client *client;
	uint32_t number;
	const struct pendi_visitor *outer;
};

/* ---- serve.c ---- */

/* Serves one window of @shard's queue. Returns how many hints. */
uint32_t pendi_shard_serve(struct pendi_visitor *visitor, struct pendi_shard *shard);
/* The number of the first client after @after that has joined, or 0. */
uint32_t pendi_client_next(const struct pend_engine *engine, uint32_t after);
/* Looks at up to @budget slots that are due. Returns how many. */
uint32_t pendi_shard_pass(struct pendi_visitor *visitor, struct pendi_shard *shard, uint64_t now_ns,
			  uint32_t budget);
/* Whether a pass now may find something: the tick has moved since the last, or a suspend was. */
bool pendi_shard_wants_pass(const struct pendi_shard *shard, uint64_t now_ns);
/* The earliest tick of a look, or PENDI_TICK_NEVER. */
uint32_t pendi_shard_next(struct pendi_visitor *visitor, const struct pendi_shard *shard,
			  uint64_t now_ns);

/* The tick that @ns lies in, rounded down. */
uint32_t pendi_engine_tick_begun(const struct pend_engine *engine, uint64_t ns);
/* When @tick, near @now_ns, begins. */
uint64_t pendi_engine_tick_ns(const struct pend_engine *engine, uint32_t tick, uint64_t now_ns);

/* ---- executor.c ---- */

/* The executor that the calling thread is, if it is one. */
extern PENDI_THREAD_LOCAL const struct pendi_executor *pendi_executor_own;

/* The calling thread becomes @shard's executor; what it does first, without the pinning. */
void pendi_executor_begin(struct pendi_shard *shard);
/* One turn of its loop. Returns how many slots were looked at. */
uint32_t pendi_executor_turn(struct pendi_shard *shard);
/* Sleeps until there may be work. */
void pendi_executor_sleep(struct pendi_shard *shard);
/* Makes a thread of the library, which takes no signals. 0 or -EAGAIN. */
int pendi_engine_thread(pthread_t *thread, void *(*run)(void *argument), void *argument,
			const char *name);
/* Makes the executor's thread. 0 or -EAGAIN. */
int pendi_executor_start(struct pendi_shard *shard);
/* 0 or -EAGAIN: it could not be registered. */
int pendi_executor_await(struct pendi_shard *shard);
/* Ends all there are. */
void pendi_executors_stop(struct pend_engine *engine);

/* ---- home.c ---- */

/* Before the executor's first work: pins it. */
void pendi_home_pin(struct pendi_shard *shard, uint64_t now_ns);
/* Whether there is nothing to check. */
bool pendi_home_is_right(const struct pendi_shard *shard);
/* Brings the executor back to its CPU and its shard back to it, or gives away what it serves. */
void pendi_home_check(struct pendi_shard *shard, uint64_t now_ns);
/* @shard goes from @from to another executor that can serve it, or to @otherwise if there is none.
 * False: it stays, or somebody else gave it away. */
bool pendi_home_give(struct pendi_shard *shard, uint32_t from, uint32_t otherwise, uint64_t now_ns);
/* @server serves @shard from now on. Returns who did before. */
uint32_t pendi_home_take(struct pendi_shard *shard, uint32_t server);
/* Its own executor, or who polls it, serves @shard again. */
void pendi_home_return(struct pendi_shard *shard, uint64_t now_ns);

/* ---- hint.c ---- */

/* Wakes whoever serves @shard. After a full fence. */
void pendi_shard_ring(struct pendi_shard *shard);

/* Wakes every executor, for something that was written before a full fence. */
void pendi_executors_ring(struct pend_engine *engine);

/* ---- suspend.c ---- */

void pendi_suspend_begin(struct pend_engine *engine);
/* Looks at the clocks, and if the machine has slept since the last look, takes note and wakes the
 * executors. One thread at a time. */
void pendi_suspend_look(struct pend_engine *engine);

/* ---- event.c ---- */

void pendi_event_put(struct pendi_shard *shard, enum pend_engine_event_type type,
		     uint64_t duration_ns);
/* Tells the handler what there is to tell. One thread at a time. */
void pendi_event_deliver(struct pend_engine *engine);

/* ---- engine.c ---- */

/* The engine that the calling thread is an executor or the monitor of, or does the chores of. */
extern PENDI_THREAD_LOCAL const struct pend_engine *pendi_engine_own;

PENDI_ALWAYS_INLINE uint32_t pendi_shard_server(const struct pendi_shard *shard)
{
	/* relaxed: who is wrong about it rings the wrong bell, which SH1 makes up for. */
	return pendi_load_relaxed(&shard->server);
}

PENDI_ALWAYS_INLINE void pendi_shard_count(_Atomic uint64_t *counter, bool alone, uint64_t more)
{
	/* relaxed, all: a count orders nothing; alone, it has one writer. */
	if (alone)
		pendi_store_relaxed(counter, pendi_load_relaxed(counter) + more);
	else
		(void)pendi_fetch_add_relaxed(counter, more);
}

/* Before a client's function was called for nothing and after each that did something. */
PENDI_ALWAYS_INLINE void pendi_shard_beat(struct pendi_shard *shard)
{
	/* relaxed, both: it only has to move. Two that serve at once may take each other's step. */
	pendi_store_relaxed(&shard->heartbeat, pendi_load_relaxed(&shard->heartbeat) + 1);
}

#endif
