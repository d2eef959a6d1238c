/* SPDX-License-Identifier: MIT */
/*
 * numa.h - which memory is near which CPU, and memory placed there.
 *
 * A node here is one that this process may have memory of. Their numbers need not be dense, and
 * the node of a CPU need not be one of them. Which there are is asked once for each process.
 *
 * Placing is a wish: nothing fails for want of it. Where it cannot be had (built without libnuma,
 * a kernel without NUMA, a container that forbids mbind) the calls say -EOPNOTSUPP and do nothing
 * else. On a machine of one node it can be had and is useless: callers that would cut a mapping
 * into many pieces ask for pendi_numa_count() > 1 first.
 */
#ifndef PENDI_PLATFORM_NUMA_H
#define PENDI_PLATFORM_NUMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PENDI_NUMA_NODES_MAX 1024u /* the most that any kernel can be configured for */
#define PENDI_NUMA_NODE_NONE UINT32_MAX

/* Whether memory can be placed: an mbind was tried, and done. */
bool pendi_numa_usable(void);

/* How many nodes there are: 0 where memory cannot be placed. */
uint32_t pendi_numa_count(void);

/* Whether there is a node @node. */
bool pendi_numa_has_memory(uint32_t node);

/* @node if it has memory, else the nearest that has, the lowest of several; or
 * PENDI_NUMA_NODE_NONE where memory cannot be placed. */
uint32_t pendi_numa_nearest(uint32_t node);

/* pendi_numa_nearest() of the CPU's node. Reads sysfs: for set-up only. */
uint32_t pendi_numa_node_of_cpu(uint32_t cpu);

/*
 * Asks that those of the @bytes at @memory that are whole pages come from @node, as they are
 * touched for the first time; a page that was touched stays where it is, and one that @node has no
 * room for comes from elsewhere. The wish belongs to the addresses: it lasts until they are
 * unmapped, so memory that goes back to a malloc() takes it along. 0, also when no whole page lies
 * inside; -EOPNOTSUPP; -EINVAL for a node without memory; another negative errno of mbind(2).
 */
int pendi_numa_bind(void *memory, size_t bytes, uint32_t node);

/* The same, of pages that come from all nodes in turn. */
int pendi_numa_interleave(void *memory, size_t bytes);

/* The node that the page at @address is on now, or PENDI_NUMA_NODE_NONE: not touched yet, or it
 * cannot be told. A system call: for tests and statistics. */
uint32_t pendi_numa_node_of(const void *address);

#endif
