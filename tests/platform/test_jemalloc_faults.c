/* SPDX-License-Identifier: MIT */
/*
 * test_jemalloc_faults.c - unit tests of platform/jemalloc: what jemalloc and the kernel do seldom.
 *
 * Linked with --wrap: what the library calls comes here first.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pendmap/jemalloc.h>

#include "platform/jemalloc/private.h"
#include "platform/numa.h"
#include "platform/script.h"
#include "tests/support/wrap.h"

#define MIB ((size_t)1024 * 1024)

static struct pend_allocator *create(uint32_t flags, uint32_t node)
{
	struct pend_allocator *allocator = NULL;

	cr_assert_eq(pend_jemalloc_create(flags, node, &allocator), 0);
	cr_assert_not_null(allocator);
	return allocator;
}

static char *allocate(const struct pend_allocator *allocator, size_t size, size_t alignment)
{
	return allocator->allocate(allocator->context, size, alignment);
}

static void release(const struct pend_allocator *allocator, void *memory, size_t size)
{
	allocator->release(allocator->context, memory, size);
}

static size_t skew; /* the next mapping begins so far behind a multiple of a huge page */
static const char *refused_setting;

WRAPPED(void *, mmap, void *at, size_t bytes, int protection, int flags, int file, off_t offset)
{
	char *memory;
	size_t before;

	if (!skew)
		return __real_mmap(at, bytes, protection, flags, file, offset);
	memory = __real_mmap(NULL, bytes + 4 * MIB, protection, flags, file, offset);
	cr_assert_neq(memory, MAP_FAILED);
	before = (-(uintptr_t)memory & (2 * MIB - 1)) + skew;
	cr_assert_eq(munmap(memory, before), 0);
	cr_assert_eq(munmap(memory + before + bytes, 4 * MIB - before), 0);
	skew = 0;
	return memory + before;
}

WRAPPED(int, pendi_jemalloc_mallctl, const char *name, void *old, size_t *old_bytes, void *new,
	size_t bytes)
{
	if (refused_setting && strstr(name, refused_setting))
		return EFAULT;
	return __real_pendi_jemalloc_mallctl(name, old, old_bytes, new, bytes);
}

static bool is_mapped(char *page)
{
	unsigned char state;

	return mincore(page, 4096, &state) == 0;
}

/* The ends of what is mapped to cut an aligned piece out of it go back. */
Test(jemalloc_faults, an_aligned_extent_is_cut_out)
{
	struct pendi_jemalloc_arena arena = { .node = PENDI_NUMA_NODE_NONE };
	bool zero = false, commit = false;
	char *memory;

	pendi_jemalloc_extents(&arena);
	skew = 4096;
	memory = arena.hooks.alloc(&arena.hooks, NULL, MIB, 2 * MIB, &zero, &commit, 0);
	cr_assert_not_null(memory);
	cr_assert_eq((uintptr_t)memory % (2 * MIB), 0);
	cr_assert(zero && commit);
	memory[0] = memory[MIB - 1] = 1;
	cr_assert_not(is_mapped(memory - 4096), "the head is gone");
	cr_assert_not(is_mapped(memory + MIB), "the tail is gone");
	cr_assert_not(arena.hooks.dalloc(&arena.hooks, memory, MIB, true, 0));
}

Test(jemalloc_faults, no_extent_grows_in_place)
{
	struct pendi_jemalloc_arena arena = { .node = PENDI_NUMA_NODE_NONE };
	bool zero = false, commit = false;
	static char there[4096];

	pendi_jemalloc_extents(&arena);
	cr_assert_null(arena.hooks.alloc(&arena.hooks, there, MIB, 4096, &zero, &commit, 0));
}

Test(jemalloc_faults, an_alignment_beyond_a_huge_page_is_kept)
{
	struct pend_allocator *allocator = create(0, PEND_JEMALLOC_NODE_OF_CPU);
	char *const memory = allocate(allocator, 3 * MIB, 4 * MIB);

	cr_assert_not_null(memory);
	cr_assert_eq((uintptr_t)memory % (4 * MIB), 0);
	release(allocator, memory, 3 * MIB);
	cr_assert_eq(pend_jemalloc_destroy(allocator), 0);
}

Test(jemalloc_faults, an_arena_that_cannot_be_set_up_is_none)
{
	static const char *const settings[] = { "dirty_decay_ms", "muzzy_decay_ms" };
	struct pend_allocator *allocator = NULL;

	for (size_t i = 0; i < 2; i++) {
		refused_setting = settings[i];
		cr_assert_eq(pend_jemalloc_create(0, PEND_JEMALLOC_NODE_OF_CPU, &allocator),
			     -EFAULT);
		cr_assert_null(allocator);
	}
	refused_setting = NULL;
	cr_assert_eq(pend_jemalloc_destroy(create(0, PEND_JEMALLOC_NODE_OF_CPU)), 0);
}

static bool script_usable(void)
{
	return true;
}

static uint32_t nodes_asked;

/* Node 5 goes away once the nodes have been counted. */
static bool script_shrinking(uint32_t node)
{
	nodes_asked++;
	return node == 1 || (node == 5 && nodes_asked <= PENDI_NUMA_NODES_MAX);
}

Test(jemalloc_faults, a_node_that_goes_away_leaves_an_arena_without_one)
{
	struct pend_allocator *allocator;
	char *memory;

	pendi_script.numa_usable = script_usable;
	pendi_script.numa_has_memory = script_shrinking;
	allocator = create(PEND_JEMALLOC_NUMA, PEND_JEMALLOC_NODE_OF_CPU);
	memory = allocate(allocator, 5 * MIB, 64);
	cr_assert_not_null(memory);
	release(allocator, memory, 5 * MIB);
	cr_assert_eq(pend_jemalloc_destroy(allocator), 0);
}
