/* SPDX-License-Identifier: MIT */
/*
 * map_internal.h - the pend map's own structure, and the steps its files share.
 *
 *	pend.c      gate -> admit -> take a slot -> arm, fill -> index -> publish -> cover the deadline
 *	complete.c  one CAS on the word decides; finish: tell, unlink, free
 *	serve.c     who finishes: a hint to the home shard, and serving one; or the caller itself
 *	frame.c, rerun.c, deadline.c, control.c, owner.c, stage.c: other ways to a decision
 *	lookup.c, scan.c, stats.c, batch.c
 *	map.c       create and destroy
 *	admit.c     quotas and sessions; gate.c: who is pending right now
 *	recycle.c   how a freed slot becomes free again; roster.c: headers; tally.c: counters
 */
#ifndef PENDI_ENGINE_MAP_MAP_INTERNAL_H
#define PENDI_ENGINE_MAP_MAP_INTERNAL_H

#include <errno.h>

#include <pendmap/control.h>
#include <pendmap/lookup.h>
#include <pendmap/map.h>

#include "engine/deadline/agenda.h"
#include "engine/deadline/due.h"
#include "engine/index/index.h"
#include "engine/map/gate.h"
#include "engine/map/recycle.h"
#include "engine/map/tally.h"
#include "engine/object/roster.h"
#include "engine/session/session.h"
#include "engine/shard/client.h"
#include "engine/shard/quota.h"
#include "engine/slot/fill.h"
#include "engine/slot/pool.h"
#include "platform/cpu.h"

/* The slots whose deadlines one shard looks after. */
struct pendi_part {
	struct pendi_agenda agenda; /* unused if there are no slots */
	uint32_t first;             /* slot */
	uint32_t count;             /* slots */
	/* Written by whoever passes over the agenda. */
	PENDI_APART(2) _Atomic uint64_t left_ns; /* when slots last left */
	_Atomic uint32_t leavings;               /* begun; numbers them */
};

/* A drain that was begun by pend_map_disable_async(). Under the control mutex, but for `active`. */
struct pendi_drain {
	_Atomic uint32_t active;
	uint32_t next;  /* slot: all before it were seen delivered */
	uint32_t waits; /* how often there was something that was not */
	pend_drain_fn done;
	void *context;
};

struct pend_map {
	struct pendi_roster_entry entry;
	uint32_t flags;
	uint32_t max_entries;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t scratch_size;
	uint32_t rerun_limit;
	uint64_t deadline_ns;
	uint64_t lifetime_ns;
	uint64_t revisit_ns; /* a slot in the agenda is looked at this often at least */
	uint64_t cover_ns; /* a pend that lives so long need not arm a slot that is in the agenda */
	bool light;        /* penders make compiler barriers only; stoppers make membarriers */
	bool charged;      /* quotas apply */
	struct pend_engine *engine; /* NULL: who decides finishes */
	pend_complete_fn on_complete;
	pend_rerun_fn on_rerun;
	void *context;
	struct pendi_tally tally;
	struct pend_allocator allocator;
	uint64_t memory_bytes;
	uint32_t prefetch_bytes;  /* of a slot: all of it, but at most 4 lines */
	struct pendi_index index; /* unused if key_size is 0 */
	struct pendi_pool reruns; /* no engine: the slots that wait for a re-run, a bag */
	struct pendi_recycler recycler;
	struct pendi_client client; /* what the engine sees of it */
	struct pendi_part *parts;   /* one for each shard of the engine */
	uint32_t shards;
	_Atomic uint32_t control; /* enum pend_control_state, its own */
	struct pendi_drain drain;
	struct pendi_quota quota;
};

/* The map and kind of function that the calling thread is inside of, if any. */
struct pendi_callback {
	const struct pend_map *map;
	bool rerun;
	const struct pendi_callback *outer;
};

extern PENDI_THREAD_LOCAL const struct pendi_callback *pendi_callback_innermost;

/* Whether the calling thread is inside a function of @map; of a re-run function if @rerun. */
bool pendi_callback_inside(const struct pend_map *map, bool rerun);

/* pend.c: 0, or what is wrong with a request. */
int pendi_map_check_request(const struct pend_map *map, const struct pend_request *request);
/* Where and when a pend happens; the same for all of a group. */
struct pendi_moment {
	uint32_t cpu;
	uint64_t now_ns; /* 0: not yet read */
};

/* pend.c: pends in a slot that was taken. Returns 0, or -EEXIST or what request->hold returned, after
 * which the slot is put. */
int pendi_map_arm(struct pend_map *map, const struct pend_request *request,
		  const struct pendi_key *key, uint32_t slot, struct pendi_moment *moment,
		  uint64_t *handle);

/* admit.c: what was reserved for a pend before it got its slot. */
struct pendi_admission {
	struct pendi_ticket ticket; /* seat NULL: none */
	uint64_t charge;            /* bytes; 0: none */
};

/* Whether a pend needs to be admitted at all. */
PENDI_ALWAYS_INLINE bool pendi_map_is_plain(const struct pend_map *map,
					    const struct pend_request *request)
{
	return PENDI_LIKELY(!request->session && !map->charged);
}

/* admit.c: 0, or an error, which is counted; then nothing is reserved. */
int pendi_map_admit(struct pend_map *map, const struct pend_request *request,
		    struct pendi_admission *admission);
/* admit.c: the pend failed after all. */
void pendi_map_dismiss(struct pend_map *map, const struct pendi_admission *admission);
/* admit.c: it is pended: tells the session. Returns the action to give it at once, or 0. */
uint32_t pendi_map_announce(struct pend_map *map, const struct pend_request *request,
			    const struct pendi_admission *admission, uint64_t handle);
/* admit.c: gives back what the operation in a slot holds, before the slot is freed. */
void pendi_map_release(struct pend_map *map, uint32_t slot);

/* What is decided, and by whom. */
struct pendi_decision {
	uint32_t action; /* enum pend_action, or PENDI_ACTION_STAGED */
	enum pend_origin origin;
	uint32_t owner; /* number of the session that decides; only with PEND_ORIGIN_ORCHESTRATOR */
};

/* The verdict that was staged for the operation, or PEND_ACTION_BLOCK (F16, F42). */
#define PENDI_ACTION_STAGED 7u

/* complete.c: the decision alone. 0 or an error, which is counted; the caller has step->duty. */
int pendi_map_decide(struct pend_map *map, uint64_t handle, const struct pendi_decision *decision,
		     struct pendi_step *step);
/* complete.c: tells, unlinks and frees the slot, which the caller then puts. */
void pendi_map_finish(struct pend_map *map, uint32_t slot, uint64_t word);
/* complete.c: counts a refusal of a completion. */
void pendi_map_count_refusal(struct pend_map *map, int error);
/* complete.c: whether @action may be given to @map: 0, -EINVAL or -EOPNOTSUPP. */
int pendi_map_check_action(const struct pend_map *map, uint32_t action);
/* complete.c: the whole of it, by handle and by key. */
int pendi_map_complete_key(struct pend_map *map, const struct pendi_key *key, uint32_t action);
int pendi_map_complete_as(struct pend_map *map, uint64_t handle,
			  const struct pendi_decision *decision);
int pendi_map_complete(struct pend_map *map, uint64_t handle, uint32_t action,
		       enum pend_origin origin);

/* serve.c: carries out the duty that a transition of the slot's word returned. */
void pendi_map_carry_out(struct pend_map *map, uint32_t slot, const struct pendi_step *step);
/* serve.c: the same for @count slots, of which each is to be finished. */
void pendi_map_carry_out_many(struct pend_map *map, const uint32_t *slots, const uint64_t *words,
			      uint32_t count);
/* serve.c: claims and does what there is to do for a slot, if anything. True: something was. */
bool pendi_map_serve(struct pend_map *map, uint32_t slot);
/* serve.c: the same, by who is not at the operation's home, and counted. */
bool pendi_map_serve_away(struct pend_map *map, uint32_t slot);
/* serve.c: a look by who serves @shard found the slot decided: it is served at home, or else here. */
void pendi_map_serve_from(struct pend_map *map, uint32_t slot, uint32_t shard);
/* serve.c: the functions of a map as a client of its engine. */
extern const struct pendi_client pendi_map_client;

/* deadline.c: makes and ends the agendas. 0 or -ENOMEM. */
int pendi_map_parts_init(struct pend_map *map);
void pendi_map_parts_fini(struct pend_map *map);
size_t pendi_map_parts_bytes(const struct pend_map *map);
/* deadline.c: has the slot looked at by @due_ns, or sooner. Lock-free. */
void pendi_map_look_by(struct pend_map *map, uint32_t slot, uint64_t due_ns);
/* deadline.c: begins a new cycle of an operation that pended again; who runs its re-run. */
void pendi_map_renew(struct pend_map *map, uint32_t slot, uint64_t word);
/* deadline.c: client functions. */
uint32_t pendi_map_pass(struct pendi_client *client, uint32_t shard, const struct pendi_now *now,
			uint32_t budget);
uint32_t pendi_map_next(struct pendi_client *client, uint32_t shard);

/* placement.c: puts its memory near the CPUs that use it, as far as possible. */
void pendi_map_place(struct pend_map *map);

/* control.c: client function: goes on with an asynchronous drain. */
bool pendi_map_tend(struct pendi_client *client);
/* control.c: client functions: the engine's control state changed; the engine is being disabled. */
void pendi_map_apply(struct pendi_client *client);
int pendi_map_stop(struct pendi_client *client, uint64_t timeout_ns);
/* control.c: the map is made: it begins in this state of its own. */
void pendi_map_begin(struct pend_map *map, enum pend_control_state state);
/* control.c: completes everything; nobody else is in the map any more. */
void pendi_map_end(struct pend_map *map);

/* owner.c: client function: the operations of a session that was lost. */
void pendi_map_disown(struct pendi_client *client, uint32_t owner, uint32_t action);
/* owner.c: the same for one operation. */
void pendi_map_disown_one(struct pend_map *map, uint64_t handle, uint32_t action);

/* frame.c: the action that a program's verdict stands for; PEND_ACTION_PENDING: it pended. */
uint32_t pendi_map_action_of(int verdict);

/* rerun.c */
void pendi_map_rerun_push(struct pend_map *map, uint32_t slot);
/* rerun.c: runs the program of a slot whose re-run the caller has, and ends the re-run. */
void pendi_map_rerun(struct pend_map *map, uint32_t slot, uint64_t word);
/* rerun.c: ends one queued re-run without running it if it was decided, or by running it. False:
 * none is queued. */
bool pendi_map_rerun_one(struct pend_map *map);

/* lookup.c: a validated copy, or -ENOENT. */
int pendi_map_copy(const struct pend_map *map, uint32_t slot, uint64_t handle,
		   struct pend_info *info, void *value);

/* lookup.c: the same by key. */
int pendi_map_lookup(const struct pend_map *map, const struct pendi_key *key,
		     struct pend_info *info, void *value);

/* lookup.c: the checks of a call that takes a key: 0, or the error it returns. */
int pendi_map_check_key(const struct pend_map *map, const void *key, uint32_t key_size);

/* lookup.c: the operation in @slot as its functions see it. Only who owns the slot. */
struct pend_operation pendi_map_view(const struct pend_map *map, uint32_t slot, uint64_t word,
				     uint32_t action);

/* 0, -EFAULT or -ESHUTDOWN: the two checks that every call begins with. */
PENDI_ALWAYS_INLINE int pendi_map_check(const struct pend_map *map)
{
	if (PENDI_UNLIKELY(!map))
		return -EFAULT;
	return PENDI_LIKELY(pendi_roster_stage(&map->entry) != PENDI_STAGE_DEAD) ? 0 : -ESHUTDOWN;
}

/* Whether the map pends: neither disabled nor being destroyed. Inside the gate. */
PENDI_ALWAYS_INLINE bool pendi_map_is_open(const struct pend_map *map)
{
	return PENDI_LIKELY(pendi_roster_stage(&map->entry) == PENDI_STAGE_ALIVE);
}

/* Bytes that an operation counts for in quotas. */
PENDI_ALWAYS_INLINE uint64_t pendi_map_charge(const struct pend_map *map,
					      const struct pend_request *request)
{
	const uint64_t slot = map->recycler.slab.stride;

	return request->payload_bytes < UINT64_MAX - slot ? request->payload_bytes + slot
							  : UINT64_MAX;
}

/* States of a slot's `timed` field: whether the agenda is going to look at the slot. From LEAVING on:
 * seen free; the number tells one leaving of a slot from the next. */
enum {
	PENDI_TIMED_OUT = 0,
	PENDI_TIMED_IN = 1,
	PENDI_TIMED_LEAVING = 2,
};
#define PENDI_TIMED_MARKS 65521u

PENDI_ALWAYS_INLINE struct pendi_slot *pendi_map_slot(const struct pend_map *map, uint32_t slot)
{
	return pendi_slab_slot(&map->recycler.slab, slot);
}

/* The number of the session that owns the operation in a slot of the caller's. */
PENDI_ALWAYS_INLINE uint32_t pendi_map_owner(const struct pend_map *map, uint32_t slot)
{
	/* relaxed: whoever finishes the operation owns the slot. */
	return pendi_load_relaxed(&pendi_map_slot(map, slot)->owner);
}

/*
 * Fetches a slot that is about to be completed: its header, and the lines that its completion
 * function reads and the next operation in it writes. Both come soon, and all miss at once.
 */
PENDI_ALWAYS_INLINE void pendi_map_prefetch(const struct pend_map *map, uint32_t slot)
{
	const char *at = (const char *)pendi_map_slot(map, slot);
	const uint32_t end = map->prefetch_bytes;

	for (uint32_t offset = 0; offset < end; offset += PENDI_CACHE_LINE)
		pendi_prefetch_write(at + offset);
}

/* The same for a slot that is only read. */
PENDI_ALWAYS_INLINE void pendi_map_prefetch_read(const struct pend_map *map, uint32_t slot)
{
	const char *at = (const char *)pendi_map_slot(map, slot);
	const uint32_t end = map->prefetch_bytes;

	for (uint32_t offset = 0; offset < end; offset += PENDI_CACHE_LINE)
		pendi_prefetch_read(at + offset);
}

#endif
