/* SPDX-License-Identifier: MIT */
/*
 * numa.c - nodes and placement, on libnuma.
 *
 *   numa_available() -> the nodes that this process may use -> mbind() of one page, as a trial
 *
 * The trial is what counts: in a container whose filter says EPERM, numa_available() of libnuma
 * 2.0.16 still says yes. Of libnuma only what neither prints nor exits is used: its functions that
 * allocate a mask end the process when there is no memory.
 *
 * Compiled without PENDI_NUMA, the file answers "unusable" and needs no libnuma.
 *
 * Invariant: @known is written under @once and constant afterwards.
 * Progress: wait-free once known, or system calls. Any thread.
 */
#include "platform/numa.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "platform/atomic.h"
#include "platform/cpu.h"
#include "platform/script.h"

enum { WORD_BITS = 8 * sizeof(unsigned long), MASK_WORDS = PENDI_NUMA_NODES_MAX / WORD_BITS };

struct node_mask {
	unsigned long words[MASK_WORDS];
};

#ifdef PENDI_NUMA

#include <numa.h>
#include <numaif.h>

/* The kernel takes one less than what it is told. */
#define MASK_BITS_TOLD (PENDI_NUMA_NODES_MAX + 1ul)

static const int preferred_mode = MPOL_PREFERRED, interleave_mode = MPOL_INTERLEAVE;

static int set_policy(void *pages, size_t bytes, int mode, const struct node_mask *nodes)
{
	return mbind(pages, bytes, mode, nodes->words, MASK_BITS_TOLD, 0) == 0 ? 0 : -errno;
}

static bool read_nodes(struct node_mask *nodes)
{
	return numa_available() >= 0 &&
	       get_mempolicy(NULL, nodes->words, MASK_BITS_TOLD, NULL, MPOL_F_MEMS_ALLOWED) == 0;
}

static uint32_t real_distance(uint32_t from, uint32_t to)
{
	return (uint32_t)numa_distance((int)from, (int)to); /* 0: not known */
}

static uint32_t real_node_of(const void *address)
{
	const uintptr_t page = (uintptr_t)address & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
	void *pages[1] = { (void *)page };
	int status[1] = { -1 };

	if (move_pages(0, 1, pages, NULL, status, 0) != 0 || status[0] < 0)
		return PENDI_NUMA_NODE_NONE;
	return (uint32_t)status[0];
}

#else

static const int preferred_mode = 0, interleave_mode = 0;

static int set_policy(void *pages, size_t bytes, int mode, const struct node_mask *nodes)
{
	(void)pages;
	(void)bytes;
	(void)mode;
	(void)nodes;
	return -EOPNOTSUPP;
}

static bool read_nodes(struct node_mask *nodes)
{
	(void)nodes;
	return false;
}

static uint32_t real_distance(uint32_t from, uint32_t to)
{
	(void)from;
	(void)to;
	return 0;
}

static uint32_t real_node_of(const void *address)
{
	(void)address;
	return PENDI_NUMA_NODE_NONE;
}

#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct node_mask known; /* the real nodes, empty where memory cannot be placed */

static void add_node(struct node_mask *nodes, uint32_t node)
{
	nodes->words[node / WORD_BITS] |= 1ul << (node % WORD_BITS);
}

static bool has_node(const struct node_mask *nodes, uint32_t node)
{
	return (nodes->words[node / WORD_BITS] >> (node % WORD_BITS) & 1ul) != 0;
}

/* Whether the kernel lets this process place a page on any of @nodes. */
static bool may_place(const struct node_mask *nodes)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool done = false;

	if (memory == MAP_FAILED)
		return false;
	for (uint32_t node = 0; node < PENDI_NUMA_NODES_MAX && !done; node++) {
		struct node_mask one = { { 0 } };

		if (!has_node(nodes, node))
			continue;
		add_node(&one, node);
		done = set_policy(memory, page, preferred_mode, &one) == 0;
	}
	(void)munmap(memory, page);
	return done;
}

static void learn_nodes(void)
{
	struct node_mask nodes = { { 0 } };

	if (read_nodes(&nodes) && may_place(&nodes))
		known = nodes;
}

static const struct node_mask *known_nodes(void)
{
	pendi_once(&once, learn_nodes);
	return &known;
}

bool pendi_numa_usable(void)
{
	const struct node_mask *nodes;

	if (pendi_script.numa_usable)
		return pendi_script.numa_usable();
	nodes = known_nodes();
	for (uint32_t i = 0; i < MASK_WORDS; i++) {
		if (nodes->words[i])
			return true;
	}
	return false;
}

bool pendi_numa_has_memory(uint32_t node)
{
	if (node >= PENDI_NUMA_NODES_MAX || !pendi_numa_usable())
		return false;
	if (pendi_script.numa_has_memory)
		return pendi_script.numa_has_memory(node);
	return has_node(known_nodes(), node);
}

uint32_t pendi_numa_count(void)
{
	uint32_t count = 0;

	for (uint32_t node = 0; node < PENDI_NUMA_NODES_MAX; node++)
		count += pendi_numa_has_memory(node);
	return count;
}

/* How far it is between two nodes; one whose distance the kernel does not say is farthest. */
static uint32_t distance(uint32_t from, uint32_t to)
{
	const uint32_t told = pendi_script.numa_distance ? pendi_script.numa_distance(from, to)
							 : real_distance(from, to);

	return told ? told : UINT32_MAX;
}

uint32_t pendi_numa_nearest(uint32_t node)
{
	uint32_t nearest = PENDI_NUMA_NODE_NONE, shortest = 0;

	if (pendi_numa_has_memory(node))
		return node;
	for (uint32_t other = 0; other < PENDI_NUMA_NODES_MAX; other++) {
		if (!pendi_numa_has_memory(other))
			continue;
		const uint32_t length = distance(node, other);

		if (nearest == PENDI_NUMA_NODE_NONE || length < shortest) {
			nearest = other;
			shortest = length;
		}
	}
	return nearest;
}

uint32_t pendi_numa_node_of_cpu(uint32_t cpu)
{
	return pendi_numa_nearest(pendi_cpu_node(cpu));
}

/* The whole pages inside @bytes at *@memory: their number of bytes, and *@memory at the first. */
static size_t whole_pages(void **memory, size_t bytes)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t start = (uintptr_t)*memory;
	const uintptr_t skipped = -start & (page - 1);

	if (bytes < skipped)
		return 0;
	*memory = (char *)*memory + skipped;
	return (bytes - skipped) & ~(page - 1);
}

int pendi_numa_bind(void *memory, size_t bytes, uint32_t node)
{
	struct node_mask nodes = { { 0 } };

	if (!pendi_numa_usable())
		return -EOPNOTSUPP;
	if (!pendi_numa_has_memory(node))
		return -EINVAL;
	bytes = whole_pages(&memory, bytes);
	if (bytes == 0)
		return 0;
	if (pendi_script.numa_bind)
		return pendi_script.numa_bind(memory, bytes, node);
	add_node(&nodes, node);
	return set_policy(memory, bytes, preferred_mode, &nodes);
}

int pendi_numa_interleave(void *memory, size_t bytes)
{
	struct node_mask nodes = { { 0 } };

	if (!pendi_numa_usable())
		return -EOPNOTSUPP;
	bytes = whole_pages(&memory, bytes);
	if (bytes == 0)
		return 0;
	if (pendi_script.numa_interleave)
		return pendi_script.numa_interleave(memory, bytes);
	for (uint32_t node = 0; node < PENDI_NUMA_NODES_MAX; node++) {
		if (pendi_numa_has_memory(node))
			add_node(&nodes, node);
	}
	return set_policy(memory, bytes, interleave_mode, &nodes);
}

uint32_t pendi_numa_node_of(const void *address)
{
	if (pendi_script.numa_node_of)
		return pendi_script.numa_node_of(address);
	return pendi_numa_usable() ? real_node_of(address) : PENDI_NUMA_NODE_NONE;
}
