/* SPDX-License-Identifier: MIT */
/*
 * placement.c - on a machine of several nodes, memory lies on the node of the CPU that uses it.
 *
 *   slots                where the page of each value is, asked by its completion function,
 *                        against the node of the CPU that pended it
 *   queues and agendas   /proc/self/numa_maps: what the library asked a node for, and where its
 *                        pages are. What came with the engine are queues; of what came with the
 *                        map, the ranges in which no value was seen are agendas.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stress/load.h"

#define NODES 64u
#define RANGES 1024u
#define VALUES_PER_CPU 4096u
#define STRAYS_MOST 0.01 /* of values: free slots may be lent to another CPU */

/* A stretch of addresses that a node was asked for. */
struct range {
	uintptr_t start;
	uint32_t node;
	uint64_t pages[NODES]; /* on each node */
	bool has_values;
};

struct ranges {
	struct range list[RANGES];
	uint32_t count;
};

struct placement {
	struct load load;
	uint32_t cpus[LOAD_CPUS];
	uint32_t cpu_count;
	uint32_t nodes;
	struct cell right[NODES]; /* values on the node of their home, by node */
	struct cell wrong[NODES];
	struct cell asked[LOAD_CPUS];
	struct ranges engine, all;
	struct cell values[NODES][64]; /* some addresses of values */
};

static uint32_t node_of_cpu(uint32_t cpu)
{
	char path[80];

	for (uint32_t node = 0; node < NODES; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpu%u", node, cpu);
		if (access(path, F_OK) == 0)
			return node;
	}
	return 0;
}

static uint32_t count_nodes(const struct placement *placement)
{
	uint64_t seen = 0;

	for (uint32_t i = 0; i < placement->cpu_count; i++)
		seen |= UINT64_C(1) << node_of_cpu(placement->cpus[i]);
	return (uint32_t)__builtin_popcountll(seen);
}

/* The node of the page at @address, or -1. */
static int node_of_page(const void *address)
{
	uintptr_t page = (uintptr_t)address & ~(uintptr_t)4095;
	int node = -1;

	return syscall(SYS_move_pages, 0, 1ul, &page, NULL, &node, 0) ? -1 : node;
}

static void observe(void *context, const struct load_completion *completion)
{
	struct placement *placement = context;
	const struct pend_operation *operation = completion->operation;
	uint32_t home = node_of_cpu(operation->home_cpu) % NODES;
	uint64_t asked = cell_add(&placement->asked[operation->home_cpu % LOAD_CPUS], 1);
	int node;

	if (asked >= VALUES_PER_CPU)
		return;
	node = node_of_page(operation->value);
	cell_add(node == (int)home ? &placement->right[home] : &placement->wrong[home], 1);
	cell_write(&placement->values[home][asked % 64], (uintptr_t)operation->value);
}

/* One line of numa_maps: "7f.. prefer:1 anon=3 dirty=3 N1=3 kernelpagesize_kB=4". */
static void take_line(struct ranges *ranges, char *line)
{
	struct range range = { .start = strtoull(line, &line, 16) };
	char *policy = strtok(line, " \n"), *word;

	if (!policy || (strncmp(policy, "prefer", 6) && strncmp(policy, "bind", 4)))
		return;
	policy = strchr(policy, ':');
	if (!policy || strpbrk(policy, ",-") || ranges->count == RANGES)
		return;
	range.node = (uint32_t)strtoul(policy + 1, NULL, 10) % NODES;
	while ((word = strtok(NULL, " \n"))) {
		if (word[0] == 'N' && word[1] >= '0' && word[1] <= '9' && strchr(word, '='))
			range.pages[strtoul(word + 1, NULL, 10) % NODES] =
				strtoull(strchr(word, '=') + 1, NULL, 10);
	}
	ranges->list[ranges->count++] = range;
}

static void take_ranges(struct ranges *ranges)
{
	FILE *file = fopen("/proc/self/numa_maps", "re");
	char line[1024];

	if (!file)
		stress_skip("no /proc/self/numa_maps");
	ranges->count = 0;
	while (fgets(line, sizeof(line), file))
		take_line(ranges, line);
	fclose(file);
}

static bool contains_start(const struct ranges *ranges, uintptr_t start)
{
	for (uint32_t i = 0; i < ranges->count; i++) {
		if (ranges->list[i].start == start)
			return true;
	}
	return false;
}

/* Marks the ranges in which values were seen: the last one that starts at or below each. */
static void mark_values(struct placement *placement)
{
	for (uint32_t i = 0; i < NODES * 64; i++) {
		uintptr_t address = cell_read(&placement->values[i / 64][i % 64]);
		struct range *found = NULL;

		for (uint32_t j = 0; j < placement->all.count && address; j++) {
			struct range *range = &placement->all.list[j];

			if (range->start <= address && (!found || range->start > found->start))
				found = range;
		}
		if (found)
			found->has_values = true;
	}
}

static void check_kind(struct placement *placement, const char *kind, bool of_engine,
		       bool has_values)
{
	struct stress *stress = placement->load.stress;

	for (uint32_t node = 0; node < NODES; node++) {
		uint64_t here = 0, elsewhere = 0, ranges = 0;

		if (!cell_read(&placement->right[node]) && !cell_read(&placement->wrong[node]))
			continue; /* no CPU of ours is on it */
		for (uint32_t i = 0; i < placement->all.count; i++) {
			const struct range *range = &placement->all.list[i];

			if (range->node != node || range->has_values != has_values ||
			    contains_start(&placement->engine, range->start) != of_engine)
				continue;
			ranges++;
			for (uint32_t on = 0; on < NODES; on++)
				*(on == node ? &here : &elsewhere) += range->pages[on];
		}
		stress_check(stress, ranges && here && !elsewhere,
			     "node %u: %s: %" PRIu64 " ranges, %" PRIu64 " pages on it, %" PRIu64
			     " elsewhere",
			     node, kind, ranges, here, elsewhere);
	}
}

static void check_values(struct placement *placement)
{
	uint32_t nodes = 0;

	for (uint32_t node = 0; node < NODES; node++) {
		uint64_t right = cell_read(&placement->right[node]);
		uint64_t wrong = cell_read(&placement->wrong[node]);

		if (!right && !wrong)
			continue;
		nodes++;
		stress_check(placement->load.stress,
			     (double)wrong <= STRAYS_MOST * (double)(right + wrong),
			     "node %u: %" PRIu64 " values on it, %" PRIu64 " elsewhere", node,
			     right, wrong);
	}
	stress_check(placement->load.stress, nodes == placement->nodes,
		     "operations of %u nodes were seen", nodes);
}

static void run(struct placement *placement, struct stress *stress)
{
	struct load *load = &placement->load;
	uint32_t completers = stress->threads ? stress->threads : 1;

	load_prepare(load, stress);
	load->observe = observe;
	load->context = placement;
	load->cookie_values = true;
	load->entries = 1024;
	load->engine_options.queue_entries = 1u << 16;
	load->map_options.max_entries = 1u << 16;
	for (uint32_t i = 0; i < placement->cpu_count; i++)
		(void)load_add(load, "pender", placement->cpus[i], load_pender);
	for (uint32_t i = 0; i < completers && load->worker_count < LOAD_WORKERS; i++)
		(void)load_add(load, "completer", UINT32_MAX, load_completer);
	load_make_engine(load);
	take_ranges(&placement->engine);
	load_start(load);
	stress_sleep_ns((uint64_t)(stress->seconds * (double)NS_PER_S));
	take_ranges(&placement->all);
	mark_values(placement);
	check_values(placement);
	check_kind(placement, "slots", false, true);
	check_kind(placement, "agendas", false, false);
	check_kind(placement, "queues", true, false);
	load_finish(load);
}

int main(int count, char **words)
{
	static struct placement placement;
	struct stress stress = { .name = "stress_placement",
				 .purpose = "memory on the node of its CPU",
				 .seconds = 3 };
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	placement.cpu_count = stress_cpus(placement.cpus, LOAD_WORKERS - 1);
	placement.nodes = count_nodes(&placement);
	if (placement.nodes < 2)
		stress_skip("one node only: see ./dev vm");
	stress_limit(stress.seconds * 3 + 60, "placement");
	run(&placement, &stress);
	return stress_end(&stress);
}
