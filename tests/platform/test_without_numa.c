/* SPDX-License-Identifier: MIT */
/*
 * test_without_numa.c - platform/numa.c as it is compiled without libnuma: it knows no nodes, and
 * what a script makes it believe it cannot do.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdint.h>

#include "platform/numa.h"
#include "platform/script.h"

static char pages[16384];

static bool script_usable(void)
{
	return true;
}

static bool script_two_nodes(uint32_t node)
{
	return node == 1 || node == 1000;
}

Test(without_numa, there_are_no_nodes)
{
	cr_assert_not(pendi_numa_usable());
	cr_assert_eq(pendi_numa_count(), 0);
	cr_assert_eq(pendi_numa_node_of(pages), PENDI_NUMA_NODE_NONE);
	cr_assert_eq(pendi_numa_bind(pages, sizeof(pages), 0), -EOPNOTSUPP);
}

Test(without_numa, what_is_believed_cannot_be_done)
{
	pendi_script.numa_usable = script_usable;
	pendi_script.numa_has_memory = script_two_nodes;
	cr_assert_eq(pendi_numa_count(), 2);
	cr_assert_eq(pendi_numa_nearest(7), 1, "no distance is known: the lowest");
	cr_assert_eq(pendi_numa_bind(pages, sizeof(pages), 1), -EOPNOTSUPP);
	cr_assert_eq(pendi_numa_interleave(pages, sizeof(pages)), -EOPNOTSUPP);
	cr_assert_eq(pendi_numa_node_of(pages), PENDI_NUMA_NODE_NONE);
}
