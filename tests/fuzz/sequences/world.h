/* SPDX-License-Identifier: MIT */
/*
 * world.h - one sequence of calls on a map: the machine it runs on, and what must come of it.
 *
 *	bytes -> play.c chooses a call -> model.c says what must happen -> the call -> both agree?
 *	                                        ^
 *	             told.c: each function that the library calls back is looked up there
 *
 * The model is a list of operations and plain rules from the public headers. It is brought up to
 * date before a call, so that what the call tells on its way is looked up in the state it belongs
 * to. The one thing it does not foretell is the moment of a deadline: told.c checks that it is not
 * too early, settle() that it is not too late.
 *
 * There is one thread and no real time: the same bytes do the same again.
 */
#ifndef TESTS_FUZZ_SEQUENCES_WORLD_H
#define TESTS_FUZZ_SEQUENCES_WORLD_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <pendmap/pendmap.h>

#include "tests/fuzz/bytes.h"
#include "tests/support/check.h"

#define MS UINT64_C(1000000)
#define TICK MS

enum {
	ENTRIES_MAX = 20,
	CPUS = 3,
	KEYS = 32,
	FORMER = 16,
	VALUE_MAX = 24,
	SUSPENDS_MAX = 2,
	CREATIONS_MAX = 6
};
enum { SESSIONS = 3, NOTICES_MAX = 32, DEPTH_MAX = 2 };

/* What an operation is doing. */
enum phase { GONE, PENDING, RERUN, COMPLETING };

/* An operation that was pended and not yet told. */
struct entry {
	enum phase phase;
	bool frame, again; /* its hook frame is open; it was continued in it */
	bool inside;       /* its completion or re-run function is running */
	bool must_see;     /* live since the scan began, and not seen by it */
	bool seen;         /* the scan has reported it */
	bool drained;      /* the asynchronous drain waits for it */
	uint32_t action;   /* 0: not decided */
	uint32_t origin;
	uint64_t handle, cookie, pended_ns, due_ns, charge;
	uint32_t home, reruns, owner; /* owner: 1 + place of its session, or 0 */
	uint64_t key;
	uint8_t value[VALUE_MAX], scratch[8];
};

/* A session and what its orchestrator must find. */
struct desk {
	struct pend_session *session;
	bool open;    /* it has not ended */
	bool owned;   /* it was not closed, and nobody took it over */
	bool waits;   /* it ended, and an heir may come */
	bool leased;  /* lease is a descriptor, that is open */
	bool expired; /* it was, and its loss was not yet noticed */
	bool named;
	int lease;
	uint32_t key_size;
	enum pend_on_loss on_loss;
	int32_t self_pid;
	uint32_t share, number;
	uint64_t live, full, over, self, notices;
	uint64_t ring[NOTICES_MAX]; /* handles */
	uint64_t cookies[NOTICES_MAX];
	uint32_t first, waiting;
};

struct world {
	struct bytes in;
	struct pend_engine *engine;
	struct pend_map *map;
	struct pend_map_options options;
	uint64_t engine_quota, slot_bytes;

	/* the machine */
	uint64_t now_ns, lead_ns; /* lead: of the boot clock */
	uint32_t cpu, gone;       /* gone: one bit for each CPU that was unplugged */
	uint64_t bytes, blocks;   /* allocated */
	int64_t fails_at;         /* the allocation that fails, counted down; negative: none */
	bool starved;             /* all fail */

	/* the model */
	struct entry entries[ENTRIES_MAX];
	struct desk desks[SESSIONS];
	uint64_t former[FORMER]; /* handles of operations that ended */
	uint32_t former_next;
	uint64_t used_bytes;
	bool enabled, engine_enabled, draining, destroying;
	uint32_t suspends, creations;
	struct {
		uint64_t noticed_ns, length_ns;
	} slept[SUSPENDS_MAX];
	uint64_t noticed_lead_ns;
	struct pend_map_stats stats;
	uint64_t chores_at_ns; /* when descriptors are looked at again */
	struct pend_cursor cursor;
	bool scanning;

	/* how calls nest */
	uint32_t depth;
	bool reruns_inside; /* a re-run function is on the stack */
	bool polling;       /* a shard is being served */
	bool strayed;       /* something was done from inside of a call: it may have left work */
	uint64_t told;
};

extern struct world world;

/* machine.c */
void machine_begin(void);
extern const struct pend_allocator machine_allocator;

/* model.c */
uint64_t keys_of(uint32_t index);
struct entry *model_find(uint64_t handle);
struct entry *model_find_key(uint64_t key, bool live);
bool model_is_live(const struct entry *entry);
uint32_t model_count(void);
uint64_t model_slept_since(uint64_t since_ns);
uint64_t model_due(const struct entry *entry, bool late);
uint64_t model_due_at(uint64_t due_ns);
uint64_t model_lifetime_end(const struct entry *entry);
int model_complete(uint64_t handle, uint32_t action, uint32_t owner);
int model_decide(struct entry *entry, uint32_t action, uint32_t origin);
void model_decide_all(uint32_t origin);
void model_renew(struct entry *entry);
void model_end(struct entry *entry);
int model_admit(const struct pend_request *request, int held, int result);
void model_resolve(void);
void model_compare(void);

/* told.c */
void told_complete(void *context, const struct pend_operation *operation);
int told_rerun(void *context, const struct pend_operation *operation);
void told_drained(void *context, struct pend_map *map);

/* desk.c: sessions */
uint32_t desks_choose(struct pend_request *request);
int desk_refuses(const struct pend_request *request);
void desk_takes(struct entry *entry);
void desks_resolve(void);
void desks_watched(void);
void desks_end(void);
void play_open(void);
void play_close(void);
void play_lease(void);
void play_session_complete(void);
void play_notices(void);
void play_session_stats(void);

/* calls.c, looks.c */
void play_pend(void);
void play_pend_batch(void);
void play_complete(void);
void play_complete_key(void);
void play_complete_batch(void);
void play_cancel(void);
void play_frame(void);
void play_extend(void);
void play_read(void);
void play_lookup(void);
void play_lookup_batch(void);
void play_scan(void);
void play_scan_on(void);
uint64_t any_handle(void);

/* control.c */
void play_poll(void);
void play_settle(void);
void play_time(void);
void play_cpu(void);
void play_unplug(void);
void play_suspend(void);
void play_stop(void);
void play_start(void);
void play_starve(void);
void play_create(void);
void settle(void);

/* play.c */
void play_inside(void);

#endif
