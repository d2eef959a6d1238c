/* SPDX-License-Identifier: MIT */
/*
 * private.h - jemalloc under the names that the archive gives it, and the pages of an arena.
 */
#ifndef PENDI_PLATFORM_JEMALLOC_PRIVATE_H
#define PENDI_PLATFORM_JEMALLOC_PRIVATE_H

#include <stdint.h>

/* CMakeLists.txt renames these three in jemalloc's object; the header then declares them so. */
#define JEMALLOC_NO_RENAME
#define JEMALLOC_NO_DEMANGLE
#define je_mallocx pendi_jemalloc_mallocx
#define je_dallocx pendi_jemalloc_dallocx
#define je_mallctl pendi_jemalloc_mallctl
#include <jemalloc/jemalloc.h>

struct pendi_jemalloc_arena {
	extent_hooks_t hooks; /* first: jemalloc hands its address to each of them */
	uint32_t node;        /* PENDI_NUMA_NODE_NONE: not bound to any */
	unsigned int index;   /* jemalloc's number of it */
};

/* Sets the hooks of @arena, whose node is set. */
void pendi_jemalloc_extents(struct pendi_jemalloc_arena *arena);

#endif
