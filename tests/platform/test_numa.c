/* SPDX-License-Identifier: MIT */
/*
 * test_numa.c - unit tests of platform/numa.c: the real nodes, forbidden ones, and fake ones.
 *
 * The fake machine has nodes 1, 5 and 900 with memory, and CPU n on node n. What the kernel did is
 * asked of the kernel, not of libnuma. Where it cannot place memory the real tests are skipped.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/cpu.h"
#include "platform/numa.h"
#include "platform/script.h"
#include "tests/platform/filter.h"

enum { MASK_WORDS = 32 }; /* more nodes than any kernel has */

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static char *map_pages(size_t count)
{
	char *pages = mmap(NULL, count * page_bytes(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(pages, MAP_FAILED);
	return pages;
}

/* The policy of the page at @address, and its nodes in @mask. */
static int policy_of(void *address, unsigned long mask[MASK_WORDS])
{
	int mode = -1;

	memset(mask, 0, MASK_WORDS * sizeof(mask[0]));
	cr_assert_eq(
		syscall(SYS_get_mempolicy, &mode, mask, MASK_WORDS * 64ul, address, MPOL_F_ADDR),
		0);
	return mode;
}

static void usable_or_skip(void)
{
	if (!pendi_numa_usable())
		cr_skip("memory cannot be placed here");
}

/* A node of the real machine. */
static uint32_t real_node(void)
{
	uint32_t node = 0;

	while (!pendi_numa_has_memory(node))
		node++;
	return node;
}

Test(numa, the_nodes_are_those_that_the_kernel_grants)
{
	unsigned long mask[MASK_WORDS] = { 0 };
	uint32_t count = 0;

	usable_or_skip();
	cr_assert_eq(syscall(SYS_get_mempolicy, NULL, mask, MASK_WORDS * 64ul, NULL,
			     MPOL_F_MEMS_ALLOWED),
		     0);
	for (uint32_t node = 0; node < MASK_WORDS * 64; node++) {
		const bool granted = (mask[node / 64] >> (node % 64) & 1) != 0;

		cr_assert_eq(pendi_numa_has_memory(node), granted, "node %u", node);
		count += granted;
		if (granted)
			cr_assert_eq(pendi_numa_nearest(node), node);
	}
	cr_assert_geq(count, 1);
	cr_assert_eq(pendi_numa_count(), count);
	cr_assert_not(pendi_numa_has_memory(UINT32_MAX));
}

Test(numa, each_cpu_has_a_node_with_memory)
{
	usable_or_skip();
	for (uint32_t cpu = 0; cpu < pendi_cpu_possible(); cpu++) {
		const uint32_t node = pendi_numa_node_of_cpu(cpu);

		cr_assert(pendi_numa_has_memory(node));
		if (pendi_numa_has_memory(pendi_cpu_node(cpu)))
			cr_assert_eq(node, pendi_cpu_node(cpu));
	}
}

Test(numa, whole_pages_are_bound_and_come_from_their_node)
{
	const size_t page = page_bytes();
	unsigned long mask[MASK_WORDS];
	uint32_t node;
	char *pages;

	usable_or_skip();
	node = real_node();
	pages = map_pages(8);
	/* From the middle of page 1 to the middle of page 5: pages 2, 3 and 4. */
	cr_assert_eq(pendi_numa_bind(pages + page + page / 2, 4 * page, node), 0);
	for (size_t i = 0; i < 8; i++) {
		const int mode = policy_of(pages + i * page, mask);

		cr_expect_eq(mode, i >= 2 && i <= 4 ? MPOL_PREFERRED : MPOL_DEFAULT, "page %zu", i);
		cr_expect_eq(mask[node / 64], mode == MPOL_PREFERRED ? 1ul << node % 64 : 0);
	}
	cr_expect_eq(pendi_numa_node_of(pages + 3 * page), PENDI_NUMA_NODE_NONE, "not touched");
	pages[3 * page] = 1;
	cr_expect_eq(pendi_numa_node_of(pages + 3 * page + 17), node);
	cr_expect_eq(pendi_numa_node_of(pages + 4 * page), PENDI_NUMA_NODE_NONE, "not touched");
}

Test(numa, interleaved_pages_come_from_all_nodes)
{
	unsigned long mask[MASK_WORDS], granted[MASK_WORDS] = { 0 };
	char *pages;

	usable_or_skip();
	pages = map_pages(3);
	cr_assert_eq(pendi_numa_interleave(pages + page_bytes() - 1, page_bytes() + 1), 0);
	cr_assert_eq(policy_of(pages, mask), MPOL_DEFAULT);
	cr_assert_eq(policy_of(pages + 2 * page_bytes(), mask), MPOL_DEFAULT);
	cr_assert_eq(policy_of(pages + page_bytes(), mask), MPOL_INTERLEAVE);
	cr_assert_eq(syscall(SYS_get_mempolicy, NULL, granted, MASK_WORDS * 64ul, NULL,
			     MPOL_F_MEMS_ALLOWED),
		     0);
	cr_assert_arr_eq(mask, granted, sizeof(mask));
}

Test(numa, what_the_kernel_refuses_is_an_error)
{
	char *pages;

	usable_or_skip();
	pages = map_pages(2);
	cr_assert_eq(munmap(pages, 2 * page_bytes()), 0);
	cr_assert_eq(pendi_numa_bind(pages, 2 * page_bytes(), real_node()), -EFAULT);
	cr_assert_eq(pendi_numa_interleave(pages, 2 * page_bytes()), -EFAULT);
	cr_assert_eq(pendi_numa_bind(pages, 2 * page_bytes(), 1023), -EINVAL);
	cr_assert_eq(pendi_numa_bind(pages, 2 * page_bytes(), 1024), -EINVAL);
	cr_assert_eq(pendi_numa_bind(pages, 2 * page_bytes(), UINT32_MAX), -EINVAL);
	cr_assert_eq(pendi_numa_node_of(pages), PENDI_NUMA_NODE_NONE);
}

/* All that a process sees to which memory cannot be placed; nothing is printed meanwhile. */
static void assert_unusable(void)
{
	char *const pages = map_pages(4);
	int output[2];
	char byte;

	cr_assert_eq(pipe2(output, O_NONBLOCK), 0);
	cr_assert_eq(dup2(output[1], STDERR_FILENO), STDERR_FILENO);
	cr_expect_not(pendi_numa_usable());
	cr_expect_eq(pendi_numa_count(), 0);
	cr_expect_not(pendi_numa_has_memory(0));
	cr_expect_eq(pendi_numa_nearest(0), PENDI_NUMA_NODE_NONE);
	cr_expect_eq(pendi_numa_node_of_cpu(0), PENDI_NUMA_NODE_NONE);
	cr_expect_eq(pendi_numa_bind(pages, 4 * page_bytes(), 0), -EOPNOTSUPP);
	cr_expect_eq(pendi_numa_interleave(pages, 4 * page_bytes()), -EOPNOTSUPP);
	pages[0] = 1;
	cr_expect_eq(pendi_numa_node_of(pages), PENDI_NUMA_NODE_NONE);
	cr_expect_eq(read(output[0], &byte, 1), -1, "something was printed");
	cr_expect_eq(errno, EAGAIN);
}

/* As Docker does. */
Test(numa, where_a_filter_forbids_mbind_nothing_is_placed)
{
	if (!filter_forbid(SYS_mbind, EPERM))
		cr_skip("no seccomp here");
	assert_unusable();
}

Test(numa, where_a_filter_hides_the_policies_nothing_is_placed)
{
	if (!filter_forbid(SYS_get_mempolicy, ENOSYS))
		cr_skip("no seccomp here");
	assert_unusable();
}

Test(numa, without_an_address_for_the_trial_nothing_is_placed)
{
	char *const pages = map_pages(1);

	if (PENDI_ASAN || !filter_forbid(SYS_mmap, ENOMEM))
		cr_skip("a sanitizer needs mmap, or there is no seccomp");
	cr_assert_not(pendi_numa_usable());
	cr_assert_eq(pendi_numa_bind(pages, page_bytes(), 0), -EOPNOTSUPP);
}

/* The fake machine. */

static struct {
	char *pages;
	size_t bytes;
	uint32_t node;
	int binds, interleaves;
} asked;

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

/* Node 4 has 5 as its neighbour, 3 does not say where it is, and 900 is in the middle. */
static uint32_t script_distance(uint32_t from, uint32_t to)
{
	if (from == 3)
		return 0;
	if (from == 4)
		return to == 5 ? 20 : to == 1 ? 40 : 0;
	return to == 900 ? 11 : 12;
}

static uint32_t script_cpu_node(uint32_t cpu)
{
	return cpu;
}

static int script_bind(void *pages, size_t bytes, uint32_t node)
{
	asked.pages = pages;
	asked.bytes = bytes;
	asked.node = node;
	asked.binds++;
	return node == 900 ? -ENOMEM : 0;
}

static int script_interleave(void *pages, size_t bytes)
{
	asked.pages = pages;
	asked.bytes = bytes;
	asked.interleaves++;
	return -EIO;
}

static uint32_t script_node_of(const void *address)
{
	return address == &asked ? 5 : 1;
}

static void play_fake_machine(void)
{
	pendi_script.numa_usable = script_usable;
	pendi_script.numa_has_memory = script_has_memory;
	pendi_script.numa_distance = script_distance;
	pendi_script.cpu_node = script_cpu_node;
	pendi_script.numa_bind = script_bind;
	pendi_script.numa_interleave = script_interleave;
	pendi_script.numa_node_of = script_node_of;
}

Test(numa, sparse_nodes_are_counted_and_a_node_without_memory_has_a_nearest)
{
	play_fake_machine();
	cr_assert_eq(pendi_numa_count(), 3);
	cr_assert_eq(pendi_numa_nearest(1), 1);
	cr_assert_eq(pendi_numa_nearest(5), 5);
	cr_assert_eq(pendi_numa_nearest(900), 900);
	cr_assert_eq(pendi_numa_nearest(0), 900, "by distance");
	cr_assert_eq(pendi_numa_nearest(4), 5, "by distance, before the one that does not say");
	cr_assert_eq(pendi_numa_nearest(3), 1, "the lowest of equals");
	cr_assert_eq(pendi_numa_nearest(5000), 900);
	for (uint32_t cpu = 0; cpu < 8; cpu++)
		cr_assert_eq(pendi_numa_node_of_cpu(cpu), pendi_numa_nearest(cpu));
	cr_assert_eq(pendi_numa_node_of(&asked), 5);
}

Test(numa, only_pages_that_lie_inside_are_placed)
{
	const size_t page = page_bytes();
	char *const base = map_pages(8);
	const struct {
		size_t offset, bytes, first, placed;
	} cases[] = {
		{ 0, page, 0, page },
		{ 0, 3 * page, 0, 3 * page },
		{ 1, 2 * page, page, page },
		{ 1, 2 * page - 1, page, page },
		{ 1, 2 * page - 2, 0, 0 },
		{ page - 1, page + 1, page, page },
		{ page, page + page - 1, page, page },
		{ page - 1, 1, 0, 0 },
		{ 64, 64, 0, 0 },
		{ 0, page - 1, 0, 0 },
		{ 0, 0, 0, 0 },
		{ 1, page, 0, 0 },
	};

	play_fake_machine();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&asked, 0, sizeof(asked));
		cr_expect_eq(pendi_numa_bind(base + cases[i].offset, cases[i].bytes, 5), 0);
		cr_expect_eq(asked.binds, cases[i].placed != 0, "case %zu", i);
		if (asked.binds)
			cr_expect(asked.pages == base + cases[i].first &&
					  asked.bytes == cases[i].placed && asked.node == 5,
				  "case %zu", i);
		cr_expect_eq(pendi_numa_interleave(base + cases[i].offset, cases[i].bytes),
			     cases[i].placed ? -EIO : 0);
		cr_expect_eq(asked.interleaves, cases[i].placed != 0, "case %zu", i);
	}
}

Test(numa, a_node_that_there_is_not_is_refused)
{
	char *const base = map_pages(1);
	const uint32_t absent[] = { 0, 2, 4, 899, 901, 1023, 1024, UINT32_MAX };

	play_fake_machine();
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		cr_expect_eq(pendi_numa_bind(base, page_bytes(), absent[i]), -EINVAL);
	cr_expect_eq(asked.binds, 0);
	cr_expect_eq(pendi_numa_bind(base, page_bytes(), 900), -ENOMEM, "the kernel's answer");
	cr_expect_eq(asked.binds, 1);
}

Test(numa, where_memory_cannot_be_placed_nothing_is_asked)
{
	play_fake_machine();
	pendi_script.numa_usable = script_unusable;
	pendi_script.numa_node_of = NULL;
	assert_unusable();
	cr_assert_eq(asked.binds, 0);
	cr_assert_eq(asked.interleaves, 0);
}
