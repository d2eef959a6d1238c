/* SPDX-License-Identifier: MIT */
/*
 * continuation_internal.h - the continuation map's own structure, and what its files share.
 *
 *	continuation.c        lookup, update and delete of one key: start there
 *	continuation_batch.c  the same, sixteen keys at a time
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
/* NULL: absent. Inside an epoch. */
const void *pendi_continuation_find(const struct pend_continuation *map,
				    const struct pendi_key *key);

PENDI_ALWAYS_INLINE bool pendi_continuation_is_update(enum pend_update update)
{
	return update == PEND_UPDATE_ANY || update == PEND_UPDATE_NOEXIST ||
	       update == PEND_UPDATE_EXIST;
}

#endif
