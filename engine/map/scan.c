/* SPDX-License-Identifier: MIT */
/*
 * scan.c - enumerating what is pended.
 *
 * A cursor is the number of the next slot to look at, and a scan looks at each slot once, in
 * order. An operation does not move, so one that is pended during the whole scan is seen, once,
 * whatever happens to the others (guarantee J). The cursor holds nothing and needs no farewell.
 *
 * Progress: wait-free.
 */
#include "engine/map/map_internal.h"

/* Reads the operation in @slot, if one is live there. */
static bool read_slot(const struct pend_map *map, uint32_t slot, struct pend_info *info,
		      void *value)
{
	/* relaxed: only names the generation that pendi_map_copy() acquires and validates. */
	const uint64_t word = pendi_load_relaxed(&pendi_map_slot(map, slot)->word);

	return pendi_word_is_live(word) &&
	       pendi_map_copy(map, slot, pendi_handle_make(word, slot), info, value) == 0;
}

int pend_map_scan(struct pend_map *map, struct pend_cursor *cursor, struct pend_info *infos,
		  void *values, uint32_t count)
{
	const int error = pendi_map_check(map);
	const struct pendi_slab *slab;
	uint32_t found = 0;

	if (PENDI_UNLIKELY(error))
		return error;
	slab = &map->recycler.slab;
	if (PENDI_UNLIKELY(!cursor || !infos))
		return -EFAULT;
	if (PENDI_UNLIKELY(count == 0 || count > INT32_MAX))
		return -ERANGE;
	while (found < count && cursor->position < slab->count) {
		const uint32_t slot = pendi_slab_next_used(slab, (uint32_t)cursor->position);
		void *value = values ? (char *)values + (size_t)found * map->value_size : NULL;

		found += slot < slab->count && read_slot(map, slot, &infos[found], value);
		cursor->position = (uint64_t)slot + 1;
	}
	return (int)found;
}
