/* SPDX-License-Identifier: MIT */
/*
 * stats.c - reading a map's counters (guarantee I).
 *
 * Each counter is summed over the threads at a slightly different moment. Completions are summed
 * before pends, so that what is pended and completed in between does not show as a completion
 * without its pend.
 */
#include <string.h>

#include "engine/map/map_internal.h"

/* sizeof(struct pend_map_stats) in the first version. */
#define STATS_SIZE_FIRST sizeof(struct pend_map_stats)

static uint64_t sum(const struct pend_map *map, uint32_t counter)
{
	return pendi_tally_sum(&map->tally, counter);
}

static void read_counters(const struct pend_map *map, struct pend_map_stats *stats)
{
	stats->by_orchestrator = sum(map, PENDI_COUNT_BY_ORIGIN + PEND_ORIGIN_ORCHESTRATOR);
	stats->by_program = sum(map, PENDI_COUNT_BY_ORIGIN + PEND_ORIGIN_PROGRAM);
	stats->by_limit = sum(map, PENDI_COUNT_BY_ORIGIN + PEND_ORIGIN_LIMIT);
	stats->by_destroy = sum(map, PENDI_COUNT_BY_ORIGIN + PEND_ORIGIN_DESTROY);
	stats->by_deadline = sum(map, PENDI_COUNT_BY_ORIGIN + PEND_ORIGIN_DEADLINE);
	stats->by_drain = sum(map, PENDI_COUNT_BY_ORIGIN + PEND_ORIGIN_DRAIN);
	stats->by_owner = sum(map, PENDI_COUNT_BY_ORIGIN + PEND_ORIGIN_OWNER);
	stats->by_cancel = sum(map, PENDI_COUNT_BY_ORIGIN + PEND_ORIGIN_CANCEL);
	stats->completions = stats->by_orchestrator + stats->by_program + stats->by_limit +
			     stats->by_destroy + stats->by_deadline + stats->by_drain +
			     stats->by_owner + stats->by_cancel;
	stats->pends = sum(map, PENDI_COUNT_PENDS);
	/* A pend is counted after it is published: its completion may have been counted first. */
	stats->live = stats->pends > stats->completions ? stats->pends - stats->completions : 0;
	stats->refused_full = sum(map, PENDI_COUNT_REFUSED_FULL);
	stats->refused_reserve = sum(map, PENDI_COUNT_REFUSED_RESERVE);
	stats->refused_key = sum(map, PENDI_COUNT_REFUSED_KEY);
	stats->refused_stopped = sum(map, PENDI_COUNT_REFUSED_STOPPED);
	stats->refused_quota = sum(map, PENDI_COUNT_REFUSED_QUOTA);
	stats->refused_session = sum(map, PENDI_COUNT_REFUSED_SESSION);
	stats->refused_hold = sum(map, PENDI_COUNT_REFUSED_HOLD);
	stats->late = sum(map, PENDI_COUNT_LATE);
	stats->duplicates = sum(map, PENDI_COUNT_DUPLICATES);
	stats->denied = sum(map, PENDI_COUNT_DENIED);
	stats->extends = sum(map, PENDI_COUNT_EXTENDS);
	stats->overflows = sum(map, PENDI_COUNT_OVERFLOWS);
	stats->arms = sum(map, PENDI_COUNT_ARMS);
	stats->staged_lost = sum(map, PENDI_COUNT_STAGED_LOST);
	stats->continues = sum(map, PENDI_COUNT_CONTINUES);
	stats->reruns = sum(map, PENDI_COUNT_RERUNS);
	stats->away = sum(map, PENDI_COUNT_AWAY);
}

int pend_map_stats_read(struct pend_map *map, struct pend_map_stats *stats)
{
	const int error = pendi_map_check(map);
	struct pend_map_stats now = { 0 };

	if (error)
		return error;
	if (!stats)
		return -EFAULT;
	if (stats->size < STATS_SIZE_FIRST)
		return -EINVAL;
	read_counters(map, &now);
	now.size = stats->size;
	now.max_entries = map->max_entries;
	now.memory_bytes = map->memory_bytes;
	now.index_bytes = map->key_size ? map->index.bytes : 0;
	now.slot_bytes = map->recycler.slab.stride;
	/* A caller newer than this library knows more fields than are written. */
	memcpy(stats, &now, stats->size < sizeof(now) ? stats->size : sizeof(now));
	return 0;
}

int pend_map_count(struct pend_map *map)
{
	const int error = pendi_map_check(map);
	uint64_t completions = 0, pends;

	if (error)
		return error;
	for (uint32_t i = PENDI_COUNT_BY_ORIGIN; i <= PENDI_COUNT_BY_ORIGIN_LAST; i++)
		completions += sum(map, i);
	pends = sum(map, PENDI_COUNT_PENDS);
	if (pends <= completions)
		return 0;
	return pends - completions < map->max_entries ? (int)(pends - completions)
						      : (int)map->max_entries;
}
