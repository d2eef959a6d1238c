/* SPDX-License-Identifier: MIT */
/*
 * map_internal.h - the pend map's own structure, and the steps its files share.
 *
 *	pend.c      take a slot -> arm, fill -> index -> publish
 *	complete.c  one CAS on the word -> finish: tell, unlink, free
 *	rerun.c     CONTINUE: the queue, and running it
 *	lookup.c, scan.c, stats.c, batch.c
 *	map.c       create and destroy
 *	recycle.c   how a freed slot becomes free again; roster.c: headers; tally.c: counters
 */
#ifndef PENDI_ENGINE_MAP_MAP_INTERNAL_H
#define PENDI_ENGINE_MAP_MAP_INTERNAL_H

#include <errno.h>

#include <pendmap/map.h>

#include "engine/index/index.h"
#include "engine/map/recycle.h"
#include "engine/map/roster.h"
#include "engine/map/tally.h"
#include "engine/slot/fill.h"
#include "engine/slot/pool.h"
#include "platform/cpu.h"

struct pend_map {
	struct pendi_roster_entry entry;
	uint32_t flags;
	uint32_t max_entries;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t scratch_size;
	uint32_t rerun_limit;
	uint64_t deadline_ns;
	pend_complete_fn on_complete;
	pend_rerun_fn on_rerun;
	void *context;
	struct pendi_tally tally;
	struct pend_allocator allocator;
	uint64_t memory_bytes;
	uint32_t prefetch_bytes;  /* of a slot: all of it, but at most 4 lines */
	struct pendi_index index; /* unused if key_size is 0 */
	struct pendi_pool reruns; /* the slots that wait for a re-run: a bag of one magazine */
	struct pendi_recycler recycler;
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

/* pend.c: pends in a slot that was taken. Returns 0 or -EEXIST, after which the slot is put. */
int pendi_map_arm(struct pend_map *map, const struct pend_request *request,
		  const struct pendi_key *key, uint32_t slot, struct pendi_moment *moment,
		  uint64_t *handle);

/* complete.c: the decision alone. 0 or an error, which is counted; the caller has step->duty. */
int pendi_map_decide(struct pend_map *map, uint64_t handle, uint32_t action,
		     enum pend_origin origin, struct pendi_step *step);
/* complete.c: tells, unlinks and frees the slot, which the caller then puts. */
void pendi_map_finish(struct pend_map *map, uint32_t slot, uint64_t word);
/* complete.c: whether @action may be given to @map: 0, -EINVAL or -EOPNOTSUPP. */
int pendi_map_check_action(const struct pend_map *map, uint32_t action);
/* complete.c: the whole of it, by handle and by key. */
int pendi_map_complete_key(struct pend_map *map, const struct pendi_key *key, uint32_t action);
int pendi_map_complete(struct pend_map *map, uint64_t handle, uint32_t action,
		       enum pend_origin origin);

/* rerun.c */
void pendi_map_rerun_push(struct pend_map *map, uint32_t slot);
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

/* The same for a call that pends: also -ESHUTDOWN while the map is being destroyed. */
PENDI_ALWAYS_INLINE int pendi_map_check_open(const struct pend_map *map)
{
	if (PENDI_UNLIKELY(!map))
		return -EFAULT;
	return PENDI_LIKELY(pendi_roster_stage(&map->entry) == PENDI_STAGE_ALIVE) ? 0 : -ESHUTDOWN;
}

PENDI_ALWAYS_INLINE struct pendi_slot *pendi_map_slot(const struct pend_map *map, uint32_t slot)
{
	return pendi_slab_slot(&map->recycler.slab, slot);
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
