/* SPDX-License-Identifier: MIT */
/*
 * client.h - what the shards of an engine serve: the maps, seen from below.
 *
 * A client joins an engine and gets a number, which goes into the hints about its slots. All of its
 * functions are called by whoever serves a shard: an executor, the monitor, or a thread that polls;
 * several at once, also for the same slot. They are called between joining and leaving only:
 * leaving waits until nobody is inside any more.
 */
#ifndef PENDI_ENGINE_SHARD_CLIENT_H
#define PENDI_ENGINE_SHARD_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <pendmap/engine.h>

#include "engine/shard/quota.h"
#include "engine/slot/word.h"

/* Client numbers are 1 .. PENDI_CLIENTS - 1. */
#ifndef PENDI_CLIENT_BITS
#define PENDI_CLIENT_BITS 12u
#endif
#define PENDI_CLIENTS (1u << PENDI_CLIENT_BITS)

/* No client arms a look for later than this from now. */
#define PENDI_REVISIT_MAX_NS 1000000000ull

/* One moment, as a pass over the deadlines sees it. */
struct pendi_now {
	uint64_t now_ns;     /* CLOCK_MONOTONIC */
	uint64_t horizon_ns; /* look at all that is due by then: later than now after a suspend */
	uint32_t tick;       /* of horizon_ns; never PENDI_TICK_NEVER */
};

struct pendi_client {
	/* A hint about @slot came: whatever is to be done for it is to be done now. */
	void (*serve)(struct pendi_client *client, uint32_t slot);
	/* serve() will be called for @slot soon. */
	void (*prefetch)(struct pendi_client *client, uint32_t slot);
	/* Looks at up to @budget slots of @shard's part that are due. Returns how many. */
	uint32_t (*pass)(struct pendi_client *client, uint32_t shard, const struct pendi_now *now,
			 uint32_t budget);
	/* The tick of the next look in @shard's part, or PENDI_TICK_NEVER. */
	uint32_t (*next)(struct pendi_client *client, uint32_t shard);
	/* Now and then, by the monitor or by who polls an unwatched engine: drains under way. True
	 * while there is more to do soon. */
	bool (*tend)(struct pendi_client *client);
	/* All operations of session @owner get @action (enum pend_action); if that is
	 * PEND_ACTION_PENDING, those without a deadline are blocked and the rest is left. */
	void (*disown)(struct pendi_client *client, uint32_t owner, uint32_t action);
	/* The engine's control state has changed: for this client's own. NULL: it has none. */
	void (*apply)(struct pendi_client *client);
	/* The engine is being disabled: 0 when nothing of the client is live any more, or
	 * -ETIMEDOUT after @timeout_ns (PEND_WAIT_FOREVER: no limit). NULL: nothing ever is. */
	int (*stop)(struct pendi_client *client, uint64_t timeout_ns);
	struct pend_engine *engine; /* set by joining */
	uint32_t number;            /* set by joining */
};

/* 0 or -ENOSPC. */
int pendi_engine_join(struct pend_engine *engine, struct pendi_client *client);

/* After this no function of the client is running or called. Blocking on those that run. The caller
 * is not inside one. */
void pendi_engine_leave(struct pend_engine *engine, struct pendi_client *client);

/* Calls @visit for each client; none of them leaves meanwhile. */
void pendi_engine_each(struct pend_engine *engine,
		       void (*visit)(struct pendi_client *client, void *context), void *context);

/* Tells @cpu's shard to look at a slot. False: its queue is full. Lock-free, but for waking its
 * executor. */
bool pendi_engine_hint(struct pendi_client *client, uint32_t cpu, uint32_t slot);
/* The same for @count slots of one home. Returns how many. */
uint32_t pendi_engine_hint_many(struct pendi_client *client, uint32_t cpu, const uint32_t *slots,
				uint32_t count);

/* After @tick was armed in @cpu's part: wakes its executor if that sleeps for longer. */
void pendi_engine_expect(struct pendi_client *client, uint32_t cpu, uint32_t tick);

/* The tick in which @ns (CLOCK_MONOTONIC) lies, rounded up; never PENDI_TICK_NEVER. */
uint32_t pendi_engine_tick(const struct pend_engine *engine, uint64_t ns);

/* Nanoseconds of a tick. */
uint64_t pendi_engine_tick_length(const struct pend_engine *engine);

/* How much the machine slept since @since_ns (CLOCK_MONOTONIC, which stood still meanwhile). */
uint64_t pendi_engine_suspended(const struct pend_engine *engine, uint64_t since_ns);

/* Whether the calling thread is serving a shard of @engine, that is, inside a client's function. */
bool pendi_engine_serving(const struct pend_engine *engine);

/* Shards: as many as CPUs are possible. */
uint32_t pendi_engine_shards(const struct pend_engine *engine);

/* tend() is called soon: by the monitor, or in the next poll of an unwatched engine; and again and
 * again, a tick apart, while it returns true. */
void pendi_engine_nudge(struct pend_engine *engine);

/* 0; -EFAULT: NULL; -ESHUTDOWN: destroyed. */
int pendi_engine_check(const struct pend_engine *engine);

/* Keeps the engine from being destroyed, as joining does. 0 or -ESHUTDOWN. */
int pendi_engine_hold(struct pend_engine *engine);
void pendi_engine_release(struct pend_engine *engine);

/* F43: whether its maps may pend. Only the storage: engine/map/control.c does the rest. */
bool pendi_engine_enabled(const struct pend_engine *engine);
void pendi_engine_set_enabled(struct pend_engine *engine, bool enabled);

struct pendi_quota *pendi_engine_quota(struct pend_engine *engine);
const struct pend_allocator *pendi_engine_allocator(const struct pend_engine *engine);

/* What the engine keeps for its sessions: NULL until it is attached, which is done once. @end is
 * called when the engine is destroyed, its threads have ended and its memory is still there. */
struct pendi_sessions;
void pendi_engine_attach_sessions(struct pend_engine *engine, struct pendi_sessions *sessions,
				  void (*end)(struct pendi_sessions *sessions));
struct pendi_sessions *pendi_engine_sessions(const struct pend_engine *engine);

#endif
