/* SPDX-License-Identifier: MIT */
/*
 * test_jemalloc.c - unit tests of platform/jemalloc: the contract of struct pend_allocator, each
 * node served by its arena, each failure, and a malloc() that is still the C library's.
 *
 * Nodes are fake, so that there are three of them: the script notes which pages were to be bound
 * to which node. Each test is a process of its own, as jemalloc's state is the process's.
 */
#include <criterion/criterion.h>

#include <dlfcn.h>
#include <errno.h>
#include <linux/mempolicy.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pendmap/jemalloc.h>

#include "platform/cpu.h"
#include "platform/numa.h"
#include "platform/script.h"

#define MIB ((size_t)1024 * 1024)

enum { BINDS_MAX = 256, CPUS = 6 };

static struct {
	char *pages;
	size_t bytes;
	uint32_t node;
} binds[BINDS_MAX];
static size_t bind_count;
static uint32_t current_cpu;

static bool script_usable(void)
{
	return true;
}

static bool script_unusable(void)
{
	return false;
}

static bool script_has_memory(uint32_t node)
{
	return node == 1 || node == 5 || node == 900;
}

static uint32_t script_distance(uint32_t from, uint32_t to)
{
	return from == 2 && to == 900 ? 11 : 20;
}

/* Node 2 is near 900 and has no memory. */
static uint32_t script_cpu_node(uint32_t cpu)
{
	static const uint32_t nodes[CPUS] = { 1, 5, 900, 5, 2, 1 };

	return nodes[cpu];
}

static const uint32_t served_by[CPUS] = { 1, 5, 900, 5, 900, 1 };

static uint32_t script_possible(void)
{
	return CPUS;
}

static uint32_t script_current(void)
{
	return current_cpu;
}

static int script_bind(void *pages, size_t bytes, uint32_t node)
{
	cr_assert_lt(bind_count, (size_t)BINDS_MAX);
	binds[bind_count].pages = pages;
	binds[bind_count].bytes = bytes;
	binds[bind_count++].node = node;
	return -EIO; /* which must not matter */
}

static int script_no_allocation(size_t size)
{
	(void)size;
	return 1;
}

static void play_fake_machine(void)
{
	pendi_script.numa_usable = script_usable;
	pendi_script.numa_has_memory = script_has_memory;
	pendi_script.numa_distance = script_distance;
	pendi_script.numa_bind = script_bind;
	pendi_script.cpu_node = script_cpu_node;
	pendi_script.cpu_possible = script_possible;
	pendi_script.cpu_current = script_current;
}

/* The node that the pages at @memory were last bound to. */
static uint32_t bound_to(const char *memory)
{
	for (size_t i = bind_count; i-- > 0;) {
		if (memory >= binds[i].pages && memory < binds[i].pages + binds[i].bytes)
			return binds[i].node;
	}
	return PENDI_NUMA_NODE_NONE;
}

static struct pend_allocator *create(uint32_t flags, uint32_t node)
{
	struct pend_allocator *allocator = NULL;

	cr_assert_eq(pend_jemalloc_create(flags, node, &allocator), 0);
	cr_assert_not_null(allocator);
	cr_assert_eq(allocator->size, sizeof(*allocator));
	cr_assert_eq(allocator->reserved, 0);
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

static bool is_zero(const char *memory, size_t size)
{
	return memory[0] == 0 && memcmp(memory, memory + 1, size - 1) == 0;
}

static void assert_contract(const struct pend_allocator *allocator)
{
	static const size_t sizes[] = { 1,      100,         4096,    65536,
					100000, 2 * MIB - 1, 2 * MIB, 5 * MIB + 1 };

	for (size_t i = 0; i < 3 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		const size_t size = sizes[i / 3];

		for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
			char *const memory = allocate(allocator, size, alignment);

			cr_assert_not_null(memory);
			cr_assert_eq((uintptr_t)memory % alignment, 0);
			if (size >= 2 * MIB)
				cr_assert_eq((uintptr_t)memory % (2 * MIB), 0);
			cr_assert(is_zero(memory, size), "%zu bytes were not zero", size);
			memset(memory, 0xa5, size);
			release(allocator, memory, size);
		}
	}
}

Test(jemalloc, memory_is_zero_and_aligned_also_when_it_comes_again)
{
	struct pend_allocator *allocator = create(0, PEND_JEMALLOC_NODE_OF_CPU);

	assert_contract(allocator);
	cr_assert_eq(pend_jemalloc_destroy(allocator), 0);
}

/* Small blocks share pages with others, which keep the pages from going back. */
Test(jemalloc, a_small_block_is_zero_when_it_comes_again)
{
	struct pend_allocator *allocator = create(0, PEND_JEMALLOC_NODE_OF_CPU);
	char *const neighbour = allocate(allocator, 100, 8);

	cr_assert_not_null(neighbour);
	for (int round = 0; round < 1000; round++) {
		char *const memory = allocate(allocator, 100, 8);

		cr_assert_not_null(memory);
		cr_assert(is_zero(memory, 100));
		memset(memory, 0xa5, 100);
		release(allocator, memory, 100);
	}
	release(allocator, neighbour, 100);
	cr_assert_eq(pend_jemalloc_destroy(allocator), 0);
}

Test(jemalloc, blocks_that_are_out_do_not_overlap)
{
	struct pend_allocator *allocator = create(0, PEND_JEMALLOC_NODE_OF_CPU);
	char *blocks[512];

	for (size_t i = 0; i < 512; i++) {
		blocks[i] = allocate(allocator, 1 + i * 37, 16);
		cr_assert_not_null(blocks[i]);
		memset(blocks[i], (int)(i % 255) + 1, 1 + i * 37);
	}
	for (size_t i = 0; i < 512; i++) {
		cr_assert_eq(blocks[i][0], (char)(i % 255 + 1));
		cr_assert_eq(memcmp(blocks[i], blocks[i] + 1, i * 37), 0);
		release(allocator, blocks[i], 1 + i * 37);
	}
	cr_assert_eq(pend_jemalloc_destroy(allocator), 0);
}

static size_t resident_bytes(const char *memory, size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *const states = malloc(size / page);
	size_t resident = 0;

	cr_assert_not_null(states);
	cr_assert_eq(mincore((void *)(uintptr_t)memory, size, states), 0);
	for (size_t i = 0; i < size / page; i++)
		resident += (states[i] & 1) * page;
	free(states);
	return resident;
}

Test(jemalloc, much_memory_is_not_touched_and_goes_back_at_once)
{
	struct pend_allocator *allocator = create(0, PEND_JEMALLOC_NODE_OF_CPU);

	for (int round = 0; round < 6; round++) {
		const size_t size = round % 2 ? 1024 * MIB : 6 * MIB;
		char *const memory = allocate(allocator, size, 64);
		unsigned char state;

		cr_assert_not_null(memory);
		cr_assert_eq(resident_bytes(memory, size), 0);
		memset(memory + size / 2, 1, 2 * MIB);
		cr_assert_geq(resident_bytes(memory, size), 2 * MIB);
		release(allocator, memory, size);
		cr_assert_eq(mincore(memory + size / 2, 4096, &state), -1);
		cr_assert_eq(errno, ENOMEM, "still mapped");
	}
	cr_assert_eq(pend_jemalloc_destroy(allocator), 0);
}

/* Whether the kernel was told to back the mapping of @memory with huge pages. */
static bool is_advised_huge(const char *memory)
{
	FILE *const file = fopen("/proc/self/smaps", "re");
	bool inside = false, advised = false;
	char line[512];

	cr_assert_not_null(file);
	while (fgets(line, sizeof(line), file)) {
		unsigned long first, end;

		if (sscanf(line, "%lx-%lx ", &first, &end) == 2)
			inside = (uintptr_t)memory >= first && (uintptr_t)memory < end;
		if (inside && strncmp(line, "VmFlags:", 8) == 0)
			advised = strstr(line, " hg") != NULL;
	}
	(void)fclose(file);
	return advised;
}

Test(jemalloc, from_2_mib_on_huge_pages_are_wished_for)
{
	struct pend_allocator *allocator = create(0, PEND_JEMALLOC_NODE_OF_CPU);
	char *const large = allocate(allocator, 2 * MIB, 64);
	char *const small = allocate(allocator, MIB, 64);

	if (access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) != 0)
		cr_skip("no huge pages here");
	cr_assert(large && small);
	cr_assert(is_advised_huge(large));
	cr_assert(is_advised_huge(large + 2 * MIB - 1));
	cr_assert_not(is_advised_huge(small));
	release(allocator, large, 2 * MIB);
	release(allocator, small, MIB);
	cr_assert_eq(pend_jemalloc_destroy(allocator), 0);
}

/* Where others could see it, so that no compiler leaves the block out. */
void *block;

Test(jemalloc, malloc_is_still_that_of_the_c_library)
{
	const size_t before = (size_t)mallinfo2().arena + (size_t)mallinfo2().hblkhd;
	struct pend_allocator *allocator = create(0, PEND_JEMALLOC_NODE_OF_CPU);
	char *const memory = allocate(allocator, 8 * MIB, 64);
	static const char *const names[] = { "malloc", "free", "calloc", "realloc",
					     "aligned_alloc" };

	cr_assert_not_null(memory);
	memset(memory, 1, 8 * MIB);
	cr_assert_lt((size_t)mallinfo2().arena + (size_t)mallinfo2().hblkhd, before + 4 * MIB);
	block = malloc(8 * MIB);
	cr_assert_not_null(block);
	cr_assert_geq((size_t)mallinfo2().arena + (size_t)mallinfo2().hblkhd, before + 8 * MIB);
	free(block);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		Dl_info where;

		cr_assert_neq(dladdr(dlsym(RTLD_DEFAULT, names[i]), &where), 0);
		cr_assert_not_null(strstr(where.dli_fname, "libc.so"), "%s is of %s", names[i],
				   where.dli_fname);
	}
	cr_assert_null(dlsym(RTLD_DEFAULT, "mallocx"));
	release(allocator, memory, 8 * MIB);
	cr_assert_eq(pend_jemalloc_destroy(allocator), 0);
}

Test(jemalloc, each_call_is_served_on_the_node_of_its_cpu)
{
	static const size_t sizes[] = { 64, 5000, 100000, 6 * MIB };
	struct pend_allocator *allocator;

	play_fake_machine();
	allocator = create(PEND_JEMALLOC_NUMA, PEND_JEMALLOC_NODE_OF_CPU);
	for (int round = 0; round < 3; round++) {
		for (current_cpu = 0; current_cpu < CPUS; current_cpu++) {
			for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
				char *const memory = allocate(allocator, sizes[i], 64);

				cr_assert_not_null(memory);
				cr_assert(is_zero(memory, sizes[i]));
				cr_expect_eq(bound_to(memory), served_by[current_cpu]);
				cr_expect_eq(bound_to(memory + sizes[i] - 1),
					     served_by[current_cpu]);
				release(allocator, memory, sizes[i]);
			}
		}
	}
	current_cpu = 0;
	assert_contract(allocator);
	cr_assert_eq(pend_jemalloc_destroy(allocator), 0);
}

/* The map that names it need not be created where it is used. */
Test(jemalloc, a_node_that_was_named_serves_all_calls)
{
	struct pend_allocator *allocator;

	play_fake_machine();
	allocator = create(PEND_JEMALLOC_NUMA, 5);
	for (current_cpu = 0; current_cpu < CPUS; current_cpu++) {
		char *const memory = allocate(allocator, 3 * MIB, 64);

		cr_assert_not_null(memory);
		cr_expect_eq(bound_to(memory), 5);
		release(allocator, memory, 3 * MIB);
	}
	for (size_t i = 0; i < bind_count; i++)
		cr_expect_eq(binds[i].node, 5);
	cr_assert_eq(pend_jemalloc_destroy(allocator), 0);
}

Test(jemalloc, without_the_flag_nothing_is_bound)
{
	struct pend_allocator *allocator;
	char *memory;

	play_fake_machine();
	allocator = create(0, PEND_JEMALLOC_NODE_OF_CPU);
	memory = allocate(allocator, 3 * MIB, 64);
	cr_assert_not_null(memory);
	cr_assert_eq(bind_count, 0);
	release(allocator, memory, 3 * MIB);
	cr_assert_eq(pend_jemalloc_destroy(allocator), 0);
}

Test(jemalloc, on_the_real_machine_pages_come_from_the_node_of_the_cpu)
{
	struct pend_allocator *allocator;
	unsigned long mask[16] = { 0 };
	uint32_t node;
	int mode = -1;
	char *memory;

	if (!pendi_numa_usable())
		cr_skip("memory cannot be placed here");
	cr_assert_eq(pendi_cpu_pin(pendi_cpu_current()), 0);
	node = pendi_numa_node_of_cpu(pendi_cpu_current());
	allocator = create(PEND_JEMALLOC_NUMA, PEND_JEMALLOC_NODE_OF_CPU);
	memory = allocate(allocator, 4 * MIB, 64);
	cr_assert_not_null(memory);
	cr_assert_eq(syscall(SYS_get_mempolicy, &mode, mask, 1024ul, memory, MPOL_F_ADDR), 0);
	cr_assert_eq(mode, MPOL_PREFERRED);
	cr_assert_eq(mask[node / 64], 1ul << node % 64);
	memory[MIB] = 1;
	cr_assert_eq(pendi_numa_node_of(memory + MIB), node);
	release(allocator, memory, 4 * MIB);
	cr_assert_eq(pend_jemalloc_destroy(allocator), 0);
}

Test(jemalloc, wrong_arguments_are_refused)
{
	struct pend_allocator *untouched = (struct pend_allocator *)&bind_count, *allocator;

	play_fake_machine();
	allocator = untouched;
	/* retval: pend_jemalloc_create -EINVAL */
	cr_expect_eq(pend_jemalloc_create(0, PEND_JEMALLOC_NODE_OF_CPU, NULL), -EINVAL);
	cr_expect_eq(pend_jemalloc_create(2, PEND_JEMALLOC_NODE_OF_CPU, &allocator), -EINVAL);
	cr_expect_eq(pend_jemalloc_create(1u << 31 | PEND_JEMALLOC_NUMA, 5, &allocator), -EINVAL);
	cr_expect_eq(pend_jemalloc_create(0, 5, &allocator), -EINVAL);
	/* retval: pend_jemalloc_create -ENODEV */
	cr_expect_eq(pend_jemalloc_create(PEND_JEMALLOC_NUMA, 4, &allocator), -ENODEV);
	cr_expect_eq(pend_jemalloc_create(PEND_JEMALLOC_NUMA, 5000, &allocator), -ENODEV);
	cr_expect_eq(allocator, untouched);
	cr_expect_eq(pend_jemalloc_destroy(NULL), 0);
	allocator = create(0, PEND_JEMALLOC_NODE_OF_CPU);
	cr_expect_null(allocate(allocator, 0, 8));
	cr_expect_null(allocate(allocator, 8, 0));
	cr_expect_null(allocate(allocator, 8, 24));
	cr_expect_eq(pend_jemalloc_destroy(allocator), 0);
}

Test(jemalloc, where_memory_cannot_be_placed_numa_is_refused)
{
	struct pend_allocator *allocator = NULL;

	play_fake_machine();
	pendi_script.numa_usable = script_unusable;
	cr_assert_eq(
		pend_jemalloc_create(PEND_JEMALLOC_NUMA, PEND_JEMALLOC_NODE_OF_CPU, &allocator),
		-EOPNOTSUPP);
	/* retval: pend_jemalloc_create -EOPNOTSUPP */
	cr_assert_eq(pend_jemalloc_create(PEND_JEMALLOC_NUMA, 5, &allocator), -EOPNOTSUPP);
	cr_assert_null(allocator);
	cr_assert_eq(pend_jemalloc_destroy(create(0, PEND_JEMALLOC_NODE_OF_CPU)), 0);
}

Test(jemalloc, an_allocator_whose_memory_is_in_use_stays)
{
	struct pend_allocator *allocator = create(0, PEND_JEMALLOC_NODE_OF_CPU);
	char *const first = allocate(allocator, 100, 8), *const second =
								 allocate(allocator, MIB, 8);

	cr_assert_not_null(first);
	cr_assert_not_null(second);
	/* retval: pend_jemalloc_destroy -EBUSY */
	cr_assert_eq(pend_jemalloc_destroy(allocator), -EBUSY);
	release(allocator, first, 100);
	cr_assert_eq(pend_jemalloc_destroy(allocator), -EBUSY);
	memset(second, 1, MIB);
	release(allocator, second, MIB);
	cr_assert_eq(pend_jemalloc_destroy(allocator), 0);
}

Test(jemalloc, creation_without_memory_fails)
{
	struct pend_allocator *allocator = NULL;

	pendi_script.allocation_fails = script_no_allocation;
	/* retval: pend_jemalloc_create -ENOMEM */
	cr_assert_eq(pend_jemalloc_create(0, PEND_JEMALLOC_NODE_OF_CPU, &allocator), -ENOMEM);
	cr_assert_null(allocator);
}

static size_t mapped_bytes(void)
{
	FILE *const file = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	cr_assert_not_null(file);
	cr_assert_eq(fscanf(file, "%lu", &pages), 1);
	(void)fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void limit_address_space(size_t more_bytes, struct rlimit *before)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_AS, before), 0);
	limit = *before;
	limit.rlim_cur = mapped_bytes() + more_bytes;
	cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

Test(jemalloc, nothing_of_an_allocator_is_left_behind)
{
	size_t mapped = 0;

	for (int round = 0; round < 60; round++) {
		struct pend_allocator *allocator = create(0, PEND_JEMALLOC_NODE_OF_CPU);
		char *const memory = allocate(allocator, 3 * MIB, 64);

		cr_assert_not_null(memory);
		release(allocator, memory, 3 * MIB);
		cr_assert_eq(pend_jemalloc_destroy(allocator), 0);
		if (round == 9)
			mapped = mapped_bytes();
	}
	cr_assert_lt(mapped_bytes(), mapped + 8 * MIB);
}

Test(jemalloc, memory_that_the_kernel_refuses_is_null_and_the_allocator_goes_on)
{
	struct pend_allocator *allocator = create(0, PEND_JEMALLOC_NODE_OF_CPU), *other = NULL;
	struct rlimit before;
	char *refused, *granted;
	int answer;

	limit_address_space(64 * MIB, &before);
	refused = allocate(allocator, 256 * MIB, 64);
	granted = allocate(allocator, 8 * MIB, 64);
	cr_assert_eq(setrlimit(RLIMIT_AS, &before), 0);
	cr_assert_null(refused);
	cr_assert_null(allocate(allocator, (size_t)-1 / 2, 64));
	cr_assert_null(allocate(allocator, (size_t)-1, 4096));
	cr_assert_not_null(granted);
	cr_assert(is_zero(granted, 8 * MIB));
	release(allocator, granted, 8 * MIB);
	limit_address_space(0, &before);
	answer = pend_jemalloc_create(0, PEND_JEMALLOC_NODE_OF_CPU, &other);
	cr_assert_eq(setrlimit(RLIMIT_AS, &before), 0);
	cr_assert_eq(answer, -ENOMEM);
	cr_assert_null(other);
	cr_assert_eq(pend_jemalloc_destroy(allocator), 0, "what was refused does not count");
}

/* Arenas come one by one: when one cannot be had, those before it are given back. */
Test(jemalloc, arenas_that_run_out_refuse_the_creation_and_come_back)
{
	static struct pend_allocator *all[8192];
	struct pend_allocator *refused = NULL;
	size_t count = 0;
	char *memory;

	play_fake_machine();
	pendi_script.numa_bind = NULL;
	/* Each arena touches some pages, and shall not get a huge one for them. */
	cr_assert_eq(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
	while (count < 8192 && pend_jemalloc_create(0, PEND_JEMALLOC_NODE_OF_CPU, &all[count]) == 0)
		count++;
	cr_assert(count > 1000 && count < 8192, "%zu arenas", count);
	cr_assert_eq(pend_jemalloc_destroy(all[--count]), 0);
	for (int round = 0; round < 3; round++) /* three arenas wanted, one there */
		cr_assert_eq(pend_jemalloc_create(PEND_JEMALLOC_NUMA, PEND_JEMALLOC_NODE_OF_CPU,
						  &refused),
			     -ENOMEM);
	cr_assert_null(refused);
	all[count++] = create(0, PEND_JEMALLOC_NODE_OF_CPU);
	memory = allocate(all[0], 100, 64);
	cr_assert_not_null(memory);
	release(all[0], memory, 100);
	while (count > 0)
		cr_assert_eq(pend_jemalloc_destroy(all[--count]), 0);
	cr_assert_eq(pend_jemalloc_destroy(create(PEND_JEMALLOC_NUMA, PEND_JEMALLOC_NODE_OF_CPU)),
		     0);
}
