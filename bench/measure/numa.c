/* SPDX-License-Identifier: MIT */
/*
 * numa.c - on which node the memory of all tables lies.
 *
 * By default memory comes from the node of the thread that touches it first, which in a table is the
 * thread that fills that part. A policy for the whole process takes that freedom away, so that runs
 * on a machine with several nodes can be compared. The policy is inherited by threads and programs
 * that are started later.
 */
#include "bench/measure/numa.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NODES_MAX 64u
#define POLICY_PREFERRED 1 /* linux/mempolicy.h, which is not installed everywhere */
#define POLICY_BIND 2

static int node_of(uint32_t cpu)
{
	char path[96];

	for (uint32_t node = 0; node < NODES_MAX; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/node%u", cpu, node);
		if (access(path, F_OK) == 0)
			return (int)node;
	}
	return -ENODEV;
}

int bench_numa_stay(uint32_t cpu, bool strict)
{
	const int node = node_of(cpu);
	unsigned long mask;

	if (node < 0)
		return node;
	mask = 1ul << node;
	/* The number of bits is one more than the kernel looks at. */
	return syscall(SYS_set_mempolicy, strict ? POLICY_BIND : POLICY_PREFERRED, &mask,
		       NODES_MAX + 1)
		       ? -errno
		       : 0;
}
