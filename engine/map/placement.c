/* SPDX-License-Identifier: MIT */
/*
 * placement.c - a map's memory on the NUMA nodes of the CPUs that use it.
 *
 *	slots     each CPU's share of the slab, from which its pends are served, on that CPU's node:
 *	          pendi_slab_place(), before the pool touches it
 *	agendas   each shard's on its CPU's node
 *	index     interleaved over all nodes: a key hashes anywhere
 *
 * Done once, before the memory is touched, and only to mappings of the library's own: memory of a
 * caller's allocator is placed by that allocator, and a mapping that goes back to a malloc would
 * take the wish along. Whatever cannot be placed stays where it comes: nothing fails for it.
 */
#include "engine/map/map_internal.h"
#include "platform/memory.h"
#include "platform/numa.h"

void pendi_map_place(struct pend_map *map)
{
	if (map->allocator.allocate != pendi_memory_default.allocate || pendi_numa_count() < 2)
		return;
	for (uint32_t shard = 0; map->engine && shard < map->shards; shard++) {
		struct pendi_agenda *agenda = &map->parts[shard].agenda;

		if (agenda->bytes >= PENDI_MEMORY_MAP_BYTES)
			(void)pendi_numa_bind(agenda->levels[0], agenda->bytes,
					      pendi_numa_node_of_cpu(shard));
	}
	if (map->index.bytes >= PENDI_MEMORY_MAP_BYTES)
		(void)pendi_numa_interleave(map->index.buckets, map->index.bytes);
}
