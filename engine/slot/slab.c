/* SPDX-License-Identifier: MIT */
/*
 * slab.c - lays out and allocates the slots of a map.
 */
#include "engine/slot/slab.h"

#include <errno.h>

#include "platform/cpu.h"
#include "platform/memory.h"
#include "platform/numa.h"

static uint32_t align_up(uint32_t bytes, uint32_t alignment)
{
	return (bytes + alignment - 1) & ~(alignment - 1);
}

/* Where a slot ends whose value begins at @offset. */
static uint32_t end_of(uint32_t offset, const struct pendi_slab_shape *shape)
{
	const uint32_t end = offset + align_up(shape->value_size, 8);

	return shape->scratch_size ? align_up(end, 16) + align_up(shape->scratch_size, 16) : end;
}

/*
 * A value that begins a cache line is copied in fewer lines, but not at the price of a longer
 * slot: the slots of a map are what it spends its memory and its misses on.
 */
static uint32_t place_value(uint32_t offset, const struct pendi_slab_shape *shape)
{
	const uint32_t aligned = align_up(offset, PENDI_CACHE_LINE);

	return align_up(end_of(aligned, shape), PENDI_CACHE_LINE) ==
			       align_up(end_of(offset, shape), PENDI_CACHE_LINE)
		       ? aligned
		       : offset;
}

/*
 * The first generation of the next slab, mixed (as splitmix64 does) so that the generations of two
 * maps are unlikely to meet: of 4096 maps the two nearest begin 21,948 uses of a slot apart. A
 * handle that is used on the wrong map is so refused almost surely (F64); a session makes sure.
 */
static uint64_t first_word_of_next(void)
{
	static _Atomic uint64_t slabs;
	/* relaxed: a number of its own is all that is wanted. */
	uint64_t mixed = (pendi_fetch_add_relaxed(&slabs, 1) + 1) * 0x9e3779b97f4a7c15ull;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ull;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebull;
	mixed ^= mixed >> 31;
	return pendi_word_next_generation(mixed & PENDI_WORD_GENERATION_MASK);
}

static void lay_out(struct pendi_slab *slab, const struct pendi_slab_shape *shape)
{
	uint32_t offset = sizeof(struct pendi_slot);

	slab->node_offset = 0;
	if (shape->node) {
		slab->node_offset = offset;
		offset += sizeof(struct pendi_epoch_node);
	}
	slab->charge_offset = 0;
	if (shape->charge) {
		slab->charge_offset = offset;
		offset += sizeof(uint64_t);
	}
	slab->key_offset = offset;
	offset += align_up(shape->key_size, 8);
	slab->value_offset = place_value(offset, shape);
	slab->scratch_offset = align_up(slab->value_offset + align_up(shape->value_size, 8), 16);
	slab->stride = align_up(end_of(slab->value_offset, shape), PENDI_CACHE_LINE);
	slab->count = shape->count;
	slab->first_word = first_word_of_next();
}

int pendi_slab_init(struct pendi_slab *slab, const struct pendi_slab_shape *shape,
		    const struct pend_allocator *allocator)
{
	lay_out(slab, shape);
	const size_t chunks = (slab->count + PENDI_SLAB_CHUNK - 1) / PENDI_SLAB_CHUNK;
	const size_t slots = (size_t)slab->count * slab->stride; /* of 32 bits each */

	slab->bytes = slots + chunks;
	slab->base = pendi_memory_allocate(allocator, slab->bytes, PENDI_CACHE_LINE);
	if (!slab->base)
		return -ENOMEM;
	slab->used = (_Atomic uint8_t *)(slab->base + slots);
	return 0;
}

void pendi_slab_place(struct pendi_slab *slab, uint32_t entries)
{
	const uint32_t cpus = pendi_cpu_possible();

	if (pendi_numa_count() < 2 || slab->bytes < PENDI_MEMORY_MAP_BYTES)
		return;
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		const size_t first = (size_t)entries * cpu / cpus;
		const size_t end = (size_t)entries * (cpu + 1) / cpus;

		(void)pendi_numa_bind(slab->base + first * slab->stride,
				      (end - first) * slab->stride, pendi_numa_node_of_cpu(cpu));
	}
}

void pendi_slab_fini(struct pendi_slab *slab, const struct pend_allocator *allocator)
{
	pendi_memory_release(allocator, slab->base, slab->bytes);
	slab->base = NULL;
}

uint32_t pendi_slab_next_used(const struct pendi_slab *slab, uint32_t slot)
{
	/* relaxed: an operation that was published before the scan began has set it. */
	while (slot < slab->count && !pendi_load_relaxed(&slab->used[slot / PENDI_SLAB_CHUNK]))
		slot = (slot / PENDI_SLAB_CHUNK + 1) * PENDI_SLAB_CHUNK;
	return slot < slab->count ? slot : slab->count;
}

uint32_t pendi_slab_node_slot(const struct pendi_slab *slab, const struct pendi_epoch_node *node)
{
	const size_t offset = (size_t)((const unsigned char *)node - slab->base);

	return (uint32_t)((offset - slab->node_offset) / slab->stride);
}
