/* SPDX-License-Identifier: MIT */
/*
 * test_placement.c - a map's memory on a machine of two nodes, which the test plays: what is asked to be
 * placed where.
 */
#include "tests/map/manual.h"

#include "platform/memory.h"

static struct {
	const char *pages[16];
	size_t bytes[16];
	uint32_t nodes[16];
	uint32_t bound, interleaved;
} placed;

static bool nodes_usable(void)
{
	return true;
}

static bool two_nodes(uint32_t node)
{
	return node < 2;
}

static uint32_t node_of(uint32_t cpu)
{
	return cpu % 2;
}

static int note_bind(void *pages, size_t bytes, uint32_t node)
{
	if (placed.bound < 16) {
		placed.pages[placed.bound] = pages;
		placed.bytes[placed.bound] = bytes;
		placed.nodes[placed.bound] = node;
	}
	placed.bound++;
	return -ENOMEM; /* nothing fails for it */
}

static int note_interleave(void *pages, size_t bytes)
{
	(void)pages;
	(void)bytes;
	placed.interleaved++;
	return -ENOMEM;
}

static void count_placed(struct pend_engine *engine, uint32_t max_entries, uint32_t key_size,
			 const struct pend_allocator *allocator)
{
	struct pend_map_options options = keyed(max_entries, 0);

	memset(&placed, 0, sizeof(placed));
	options.engine = engine;
	options.key_size = key_size;
	options.allocator = allocator;
	destroy(make(&options));
}

/* Whether part of the @bytes at @memory was bound to @node. */
static bool was_bound(const void *memory, size_t bytes, uint32_t node)
{
	const char *begin = memory;

	for (uint32_t i = 0; i < placed.bound && i < 16; i++)
		if (placed.pages[i] >= begin && placed.pages[i] < begin + bytes &&
		    placed.nodes[i] == node)
			return true;
	return false;
}

static void *own_allocate(void *context, size_t size, size_t alignment)
{
	return pendi_memory_default.allocate(context, size, alignment);
}

static void own_release(void *context, void *memory, size_t size)
{
	pendi_memory_default.release(context, memory, size);
}

static const struct pend_allocator own_memory = { .size = sizeof(own_memory),
						  .allocate = own_allocate,
						  .release = own_release };

/* Slots and agendas are near the CPUs that use them, the index is everywhere; where that is worth it. */
Test(placement, memory_is_placed_on_its_node)
{
	enum { MANY = 1u << 18, FEW = 64 };
	struct pend_engine *engine;
	struct pend_map_options options;
	struct pend_map *map;

	pendi_script.numa_usable = nodes_usable;
	pendi_script.numa_has_memory = two_nodes;
	pendi_script.numa_bind = note_bind;
	pendi_script.numa_interleave = note_interleave;
	engine = make_engine();
	pendi_script.cpu_node = node_of;
	options = managed(engine, NULL, MANY);
	memset(&placed, 0, sizeof(placed)); /* what the engine placed */
	map = make(&options);
	cr_assert_eq(placed.interleaved, 1);
	cr_assert_eq(placed.bound, 2 * MACHINE_CPUS);
	for (uint32_t cpu = 0; cpu < MACHINE_CPUS; cpu++) {
		const struct pendi_agenda *agenda = &map->parts[cpu].agenda;

		cr_assert(was_bound(agenda->levels[0], agenda->bytes, cpu % 2));
	}
	destroy(map);
	count_placed(NULL, MANY, 8, NULL);
	cr_assert_eq(placed.bound, MACHINE_CPUS, "no agendas");
	cr_assert_eq(placed.interleaved, 1);
	count_placed(engine, FEW, 8, NULL);
	cr_assert_eq(placed.bound, 0, "smaller than a mapping");
	cr_assert_eq(placed.interleaved, 0);
	count_placed(NULL, MANY, 0, NULL);
	cr_assert_eq(placed.interleaved, 0, "no index");
	count_placed(engine, MANY, 8, &own_memory);
	cr_assert_eq(placed.bound, 0, "that is the allocator's business");
	cr_assert_eq(placed.interleaved, 0);
	destroy_engine(engine);
}
