/* SPDX-License-Identifier: MIT */
/*
 * continuation_internal.h - the continuation map's own structure, and what its files share.
 *
 *	continuation.c        lookup, update and delete of one key: start there
 *	continuation_batch.c  the same, sixteen keys at a time
 *	continuation_scan.c   from one key to the next
 *	continuation_map.c    create, destroy, count
 */
#ifndef PENDI_ENGINE_MAP_CONTINUATION_INTERNAL_H
#define PENDI_ENGINE_MAP_CONTINUATION_INTERNAL_H

#include <errno.h>
#include <pendmap/continuation.h>
#include <pendmap/map.h>

#include "engine/index/index.h"
#include "engine/map/recycle.h"
#include "engine/map/tally.h"
#include "engine/object/roster.h"
#include "engine/slot/fill.h"
#include "platform/cpu.h"

/* What this map counts; the rest of enum pendi_counter is the pend map's. */
enum {
	PENDI_COUNT_INSERTED = PENDI_COUNT_PENDS,
	PENDI_COUNT_DELETED = PENDI_COUNT_BY_ORIGIN,
};

struct pend_continuation {
	struct pendi_roster_entry entry;
	uint32_t max_entries;
	uint32_t key_size;
	uint32_t value_size;
	struct pend_allocator allocator;
	struct pendi_tally tally;
	struct pendi_index index;
	struct pendi_recycler recycler;
};

PENDI_ALWAYS_INLINE struct pendi_slot *pendi_continuation_slot(const struct pend_continuation *map,
							       uint32_t slot)
{
	return pendi_slab_slot(&map->recycler.slab, slot);
}

PENDI_ALWAYS_INLINE const void *pendi_continuation_value(const struct pend_continuation *map,
							 uint32_t slot)
{
	return (const char *)pendi_continuation_slot(map, slot) + map->recycler.slab.value_offset;
}

/* 0, -EFAULT or -ESHUTDOWN. */
PENDI_ALWAYS_INLINE int pendi_continuation_check(const struct pend_continuation *map)
{
	if (PENDI_UNLIKELY(!map))
		return -EFAULT;
	return pendi_roster_stage(&map->entry) == PENDI_STAGE_ALIVE ? 0 : -ESHUTDOWN;
}

/* The calls for one key, after their checks. */
int pendi_continuation_update(struct pend_continuation *map, const struct pendi_key *key,
			      const void *value, enum pend_update update);
int pendi_continuation_delete(struct pend_continuation *map, const struct pendi_key *key);
/* As an update; and after 0 the caller is inside an epoch, to be left by it, in which *@old is the
 * value that was replaced, by this call alone; or NULL: nothing was. */
int pendi_continuation_exchange(struct pend_continuation *map, const struct pendi_key *key,
				const void *value, enum pend_update update, const void **old);
/* Removes what was found (pendi_index_find()), in the same epoch. False: it is not there any more.
 * */
bool pendi_continuation_erase(struct pend_continuation *map, const struct pendi_found *found);
/* continuation_scan.c: copies the key that comes next after @after, present or not (NULL: the
 * first), to @next. False: there is none. Inside an epoch. Lock-free. */
bool pendi_continuation_next(const struct pend_continuation *map, const struct pendi_key *after,
			     void *next);
/* NULL: absent. Inside an epoch. */
const void *pendi_continuation_find(const struct pend_continuation *map,
				    const struct pendi_key *key);

PENDI_ALWAYS_INLINE bool pendi_continuation_is_update(enum pend_update update)
{
	return update == PEND_UPDATE_ANY || update == PEND_UPDATE_NOEXIST ||
	       update == PEND_UPDATE_EXIST;
}

#endif
