/* SPDX-License-Identifier: MIT */
/*
 * jemalloc.c - an allocator of pendmap with jemalloc arenas behind it.
 *
 *   allocate(): current CPU -> arena_of_cpu[] -> an arena -> mallocx() from it
 *
 * jemalloc's thread caches are passed by: they mix arenas, and a map allocates when it is created
 * and at no other time. What is released decays at once, so that its pages go back to the kernel
 * and come from there again: zero without being touched, and with the arena's policy only.
 *
 * Invariants: all but @live is constant from creation to destruction; @live is how many blocks are
 * out.
 *
 * Progress: blocking (jemalloc's locks, system calls). Any thread.
 */
#include <pendmap/jemalloc.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "platform/atomic.h"
#include "platform/compiler.h"
#include "platform/cpu.h"
#include "platform/jemalloc/private.h"
#include "platform/memory.h"
#include "platform/numa.h"

#define HUGE_PAGE_BYTES ((size_t)2 * 1024 * 1024)

enum { CONTROL_BYTES = 64 }; /* "arena.4294967295.dirty_decay_ms" */

struct pend_jemalloc {
	struct pend_allocator interface;
	size_t bytes; /* of this block, arenas and table included */
	_Atomic uint64_t live;
	uint32_t arena_count;
	uint32_t cpu_count;
	uint32_t *arena_of_cpu;
	struct pendi_jemalloc_arena arenas[];
};

static const struct pendi_jemalloc_arena *arena_of_caller(const struct pend_jemalloc *self)
{
	return &self->arenas[self->arena_of_cpu[pendi_cpu_current()]];
}

static void *jemalloc_allocate(void *context, size_t size, size_t alignment)
{
	struct pend_jemalloc *const self = context;
	void *memory;

	if (size == 0 || alignment == 0 || (alignment & (alignment - 1)) != 0)
		return NULL;
	if (size >= HUGE_PAGE_BYTES && alignment < HUGE_PAGE_BYTES)
		alignment = HUGE_PAGE_BYTES;
	memory = je_mallocx(size, MALLOCX_LG_ALIGN(__builtin_ctzll(alignment)) | MALLOCX_ZERO |
					  MALLOCX_TCACHE_NONE |
					  (int)MALLOCX_ARENA(arena_of_caller(self)->index));
	if (!memory)
		return NULL;
	/* Not for all of an arena's pages: it would cost each arena a huge page of its own. */
	if (size >= HUGE_PAGE_BYTES)
		(void)madvise(memory, size, MADV_HUGEPAGE);
	/* relaxed: only counts; whoever destroys the allocator is the last to use it. */
	(void)pendi_fetch_add_relaxed(&self->live, 1);
	return memory;
}

static void jemalloc_release(void *context, void *memory, size_t size)
{
	struct pend_jemalloc *const self = context;

	(void)size; /* sdallocx() would want the alignment, too */
	je_dallocx(memory, MALLOCX_TCACHE_NONE);
	/* relaxed: see jemalloc_allocate(). */
	(void)pendi_fetch_sub_relaxed(&self->live, 1);
}

/* jemalloc's setting "arena.<index>.<name>", written with @value. 0 or a negative errno. */
static int control(unsigned int index, const char *name, void *value, size_t bytes)
{
	char key[CONTROL_BYTES];

	(void)snprintf(key, sizeof(key), "arena.%u.%s", index, name);
	return -je_mallctl(key, NULL, NULL, value, bytes);
}

static int create_arena(struct pendi_jemalloc_arena *arena)
{
	extent_hooks_t *hooks = &arena->hooks;
	size_t bytes = sizeof(arena->index);
	ssize_t at_once = 0;
	int error;

	pendi_jemalloc_extents(arena);
	if (je_mallctl("arenas.create", &arena->index, &bytes, &hooks, sizeof(hooks)) != 0)
		return -ENOMEM; /* EAGAIN, for no memory and for no arena alike */
	error = control(arena->index, "dirty_decay_ms", &at_once, sizeof(at_once));
	if (!error)
		error = control(arena->index, "muzzy_decay_ms", &at_once, sizeof(at_once));
	if (error)
		(void)control(arena->index, "destroy", NULL, 0);
	return error;
}

static void destroy_arenas(struct pend_jemalloc *self)
{
	for (uint32_t i = 0; i < self->arena_count; i++)
		(void)control(self->arenas[i].index, "destroy", NULL, 0);
}

/* The arenas, each with its node set: one for each node, or for @node, or one without. */
static int create_arenas(struct pend_jemalloc *self, bool numa, uint32_t node, uint32_t wanted)
{
	uint32_t next = 0;

	while (self->arena_count < wanted) {
		struct pendi_jemalloc_arena *arena = &self->arenas[self->arena_count];
		int error;

		arena->node = numa ? node : PENDI_NUMA_NODE_NONE;
		if (numa && node == PEND_JEMALLOC_NODE_OF_CPU) {
			while (next < PENDI_NUMA_NODES_MAX && !pendi_numa_has_memory(next))
				next++;
			arena->node = next++;
		}
		error = create_arena(arena);
		if (error) {
			destroy_arenas(self);
			return error;
		}
		self->arena_count++;
	}
	return 0;
}

/* A CPU whose node has no arena (it was given another node meanwhile) is served by the first. */
static void assign_cpus(struct pend_jemalloc *self)
{
	for (uint32_t cpu = 0; cpu < self->cpu_count; cpu++) {
		const uint32_t node = self->arena_count > 1 ? pendi_numa_node_of_cpu(cpu) : 0;

		for (uint32_t i = 0; i < self->arena_count; i++) {
			if (self->arenas[i].node == node)
				self->arena_of_cpu[cpu] = i;
		}
	}
}

static struct pend_jemalloc *allocate_self(uint32_t arenas)
{
	const uint32_t cpus = pendi_cpu_possible();
	const size_t table =
		sizeof(struct pend_jemalloc) + arenas * sizeof(struct pendi_jemalloc_arena);
	const size_t bytes = table + cpus * sizeof(uint32_t);
	struct pend_jemalloc *const self = pendi_memory_allocate(NULL, bytes, PENDI_CACHE_LINE);

	if (!self)
		return NULL;
	self->interface = (struct pend_allocator){
		.size = sizeof(struct pend_allocator),
		.context = self,
		.allocate = jemalloc_allocate,
		.release = jemalloc_release,
	};
	self->bytes = bytes;
	self->cpu_count = cpus;
	self->arena_of_cpu = (uint32_t *)(void *)((char *)self + table);
	return self;
}

int pend_jemalloc_create(uint32_t flags, uint32_t node, struct pend_allocator **allocator)
{
	const bool numa = (flags & PEND_JEMALLOC_NUMA) != 0;
	struct pend_jemalloc *self;
	uint32_t arenas = 1;
	int error;

	if (!allocator || (flags & ~(uint32_t)PEND_JEMALLOC_NUMA) != 0 ||
	    (!numa && node != PEND_JEMALLOC_NODE_OF_CPU))
		return -EINVAL;
	if (numa && !pendi_numa_usable())
		return -EOPNOTSUPP;
	if (numa && node == PEND_JEMALLOC_NODE_OF_CPU)
		arenas = pendi_numa_count();
	else if (numa && !pendi_numa_has_memory(node))
		return -ENODEV;
	self = allocate_self(arenas);
	if (!self)
		return -ENOMEM;
	error = create_arenas(self, numa, node, arenas);
	if (error) {
		pendi_memory_release(NULL, self, self->bytes);
		return error;
	}
	assign_cpus(self);
	*allocator = &self->interface;
	return 0;
}

int pend_jemalloc_destroy(struct pend_allocator *allocator)
{
	struct pend_jemalloc *self;

	if (!allocator)
		return 0;
	self = allocator->context;
	/* relaxed: the caller is the only one who still uses it. */
	if (pendi_load_relaxed(&self->live) != 0)
		return -EBUSY;
	destroy_arenas(self);
	pendi_memory_release(NULL, self, self->bytes);
	return 0;
}
