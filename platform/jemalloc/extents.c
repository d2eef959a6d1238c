/* SPDX-License-Identifier: MIT */
/*
 * extents.c - an arena's pages: mapped for it, bound to its node, unmapped when it is done.
 *
 *   alloc     mmap() -> pendi_numa_bind(), before the first touch
 *   dalloc    munmap(), so that a policy which somebody set on a part of the memory goes with it
 *   split,
 *   merge     nothing to do: mappings may be cut and joined anywhere
 *
 * The hooks run inside jemalloc, maybe with its locks held: they call nothing that allocates.
 * Binding is a wish, so that its failure is none.
 *
 * Progress: system calls. Any thread.
 */
#include "platform/jemalloc/private.h"

#include <sys/mman.h>
#include <unistd.h>

#include "platform/numa.h"

static char *map_extent(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* @bytes of pages at a multiple of @alignment, cut out of a longer mapping. */
static char *map_aligned_extent(size_t bytes, size_t alignment)
{
	char *reserved;
	size_t head;

	if (alignment <= (size_t)sysconf(_SC_PAGESIZE))
		return map_extent(bytes);
	reserved = map_extent(bytes + alignment); /* jemalloc's sizes stay below PTRDIFF_MAX */
	if (!reserved)
		return NULL;
	head = -(uintptr_t)reserved & (alignment - 1);
	if (head)
		(void)munmap(reserved, head);
	(void)munmap(reserved + head + bytes, alignment - head);
	return reserved + head;
}

static void *extent_alloc(extent_hooks_t *hooks, void *wanted, size_t bytes, size_t alignment,
			  bool *zero, bool *commit, unsigned int arena_index)
{
	const struct pendi_jemalloc_arena *arena = (const struct pendi_jemalloc_arena *)hooks;
	char *memory;

	(void)arena_index;
	if (wanted) /* to grow in place: seldom, and jemalloc can do without */
		return NULL;
	memory = map_aligned_extent(bytes, alignment);
	if (!memory)
		return NULL;
	if (arena->node != PENDI_NUMA_NODE_NONE)
		(void)pendi_numa_bind(memory, bytes, arena->node);
	*zero = true;
	*commit = true;
	return memory;
}

/* True: not done, and jemalloc keeps the pages. */
static bool extent_dalloc(extent_hooks_t *hooks, void *memory, size_t bytes, bool committed,
			  unsigned int arena_index)
{
	(void)hooks;
	(void)committed;
	(void)arena_index;
	return munmap(memory, bytes) != 0;
}

static void extent_destroy(extent_hooks_t *hooks, void *memory, size_t bytes, bool committed,
			   unsigned int arena_index)
{
	(void)extent_dalloc(hooks, memory, bytes, committed, arena_index);
}

static bool extent_split(extent_hooks_t *hooks, void *memory, size_t bytes, size_t first,
			 size_t second, bool committed, unsigned int arena_index)
{
	(void)hooks;
	(void)memory;
	(void)bytes;
	(void)first;
	(void)second;
	(void)committed;
	(void)arena_index;
	return false;
}

static bool extent_merge(extent_hooks_t *hooks, void *first, size_t first_bytes, void *second,
			 size_t second_bytes, bool committed, unsigned int arena_index)
{
	(void)hooks;
	(void)first;
	(void)first_bytes;
	(void)second;
	(void)second_bytes;
	(void)committed;
	(void)arena_index;
	return false;
}

void pendi_jemalloc_extents(struct pendi_jemalloc_arena *arena)
{
	arena->hooks = (extent_hooks_t){
		.alloc = extent_alloc,
		.dalloc = extent_dalloc,
		.destroy = extent_destroy,
		.split = extent_split,
		.merge = extent_merge,
	};
}
