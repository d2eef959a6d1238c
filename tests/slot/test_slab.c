/* SPDX-License-Identifier: MIT */
/*
 * test_slab.c - unit tests of engine/slot/slab.c: where things lie in a slot, and the memory.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/slot/fill.h"
#include "engine/slot/slab.h"
#include "platform/script.h"

static const uint32_t key_sizes[] = { 0, 1, 4, 7, 8, 9, 13, 15, 16, 17, 32, 40, 64, 100, 255, 256 };
static const uint32_t value_sizes[] = { 0,  1,  2,   7,   8,   16,  24,   63,   64,
					65, 80, 127, 128, 129, 192, 1000, 4095, 4096 };
static const uint32_t scratch_sizes[] = { 0, 1, 8, 16, 17, 48, 64, 200, 1024 };

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t up(uint64_t bytes, uint64_t alignment)
{
	return (bytes + alignment - 1) / alignment * alignment;
}

static struct pendi_slab make(const struct pendi_slab_shape *shape)
{
	struct pendi_slab slab = { 0 };

	cr_assert_eq(pendi_slab_init(&slab, shape, NULL), 0);
	return slab;
}

static void expect_layout(const struct pendi_slab_shape *shape)
{
	struct pendi_slab slab = make(shape);
	const uint64_t header = 48, node = shape->node ? 16 : 0, charge = shape->charge ? 8 : 0;
	const uint64_t key = up(shape->key_size, 8), value = up(shape->value_size, 8);
	const uint64_t scratch = up(shape->scratch_size, 16);
	const uint64_t packed = header + node + charge + key + value;
	/* The shortest stride that these parts fit in, each aligned as it must be. */
	const uint64_t least = up((scratch ? up(packed, 16) : packed) + scratch, 64);

	cr_expect_eq(slab.count, shape->count);
	cr_expect_geq(slab.bytes, (size_t)slab.stride * shape->count);
	cr_expect_eq(slab.stride, least,
		     "key %u value %u scratch %u node %d charge %d: stride %u, not %llu",
		     shape->key_size, shape->value_size, shape->scratch_size, shape->node,
		     shape->charge, slab.stride, (unsigned long long)least);
	cr_expect_eq((uintptr_t)slab.base % 64, 0);
	cr_expect_eq(slab.key_offset % 8, 0);
	cr_expect_eq(slab.value_offset % 8, 0);
	cr_expect_eq(slab.scratch_offset % 16, 0);
	cr_expect_eq(slab.node_offset, node ? header : 0);
	cr_expect_eq(slab.charge_offset, charge ? header + node : 0);
	cr_expect_eq(slab.key_offset, header + node + charge);
	cr_expect_geq(slab.value_offset, slab.key_offset + key);
	cr_expect_geq(slab.scratch_offset, slab.value_offset + value);
	cr_expect(!scratch || slab.scratch_offset + scratch <= slab.stride);
	cr_expect_leq(slab.value_offset + value, slab.stride);
	if (shape->key_size && shape->key_size <= 16 && !node && !charge)
		cr_expect_leq(slab.key_offset + key, 64, "a small key is in the header's line");
	pendi_slab_fini(&slab, NULL);
	cr_expect_null(slab.base);
}

Test(slab, parts_are_aligned_apart_and_as_tight_as_they_can_be)
{
	for (size_t k = 0; k < COUNT_OF(key_sizes); k++)
		for (size_t v = 0; v < COUNT_OF(value_sizes); v++)
			for (size_t s = 0; s < COUNT_OF(scratch_sizes); s++)
				for (int extra = 0; extra < 4; extra++) {
					const struct pendi_slab_shape shape = {
						.count = 3,
						.key_size = key_sizes[k],
						.value_size = value_sizes[v],
						.scratch_size = scratch_sizes[s],
						.node = extra & 1,
						.charge = extra & 2,
					};

					expect_layout(&shape);
				}
}

Test(slab, value_begins_a_line_where_that_costs_nothing)
{
	const struct pendi_slab_shape line = { .count = 1, .key_size = 8, .value_size = 64 };
	const struct pendi_slab_shape small = { .count = 1, .key_size = 8, .value_size = 8 };
	struct pendi_slab slab = make(&line);

	cr_expect_eq(slab.value_offset, 64);
	cr_expect_eq(slab.stride, 128);
	pendi_slab_fini(&slab, NULL);
	slab = make(&small);
	cr_expect_eq(slab.value_offset, 56, "another line would be a longer slot");
	cr_expect_eq(slab.stride, 64);
	pendi_slab_fini(&slab, NULL);
}

/* Fills every part of every slot with bytes of its own, then looks at all of them. */
Test(slab, parts_of_all_slots_hold_what_was_written)
{
	enum { KEY = 13, VALUE = 37, SCRATCH = 21, SLOTS = 17 };
	const struct pendi_slab_shape shape = { .count = SLOTS,
						.key_size = KEY,
						.value_size = VALUE,
						.scratch_size = SCRATCH,
						.node = true,
						.charge = true };
	struct pendi_slab slab = make(&shape);
	unsigned char source[VALUE], copy[VALUE];

	for (uint32_t i = 0; i < SLOTS; i++) {
		struct pendi_slot *slot = pendi_slab_slot(&slab, i);
		unsigned char *scratch = pendi_slab_scratch(&slab, slot);

		pendi_slot_arm(&slab, slot);
		/* relaxed: one thread. */
		pendi_store_relaxed(pendi_slab_charge(&slab, slot), ~(uint64_t)i);
		memset(source, (int)(3 * i + 1), sizeof(source));
		pendi_slot_fill(pendi_slab_key(&slab, slot), source, KEY);
		memset(source, (int)(3 * i + 2), sizeof(source));
		pendi_slot_fill(pendi_slab_value(&slab, slot), source, VALUE);
		memset(scratch, (int)(3 * i + 3), SCRATCH);
		pendi_slab_node(&slab, slot)->next = (struct pendi_epoch_node *)(void *)scratch;
		cr_expect_eq(pendi_slab_node_slot(&slab, pendi_slab_node(&slab, slot)), i);
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct pendi_slot *slot = pendi_slab_slot(&slab, i);
		const unsigned char *scratch = pendi_slab_scratch(&slab, slot);
		/* relaxed, both: one thread. */
		const uint64_t word = pendi_load_relaxed(&slot->word);

		cr_expect_eq(pendi_load_relaxed(pendi_slab_charge(&slab, slot)), ~(uint64_t)i);
		cr_expect_eq(word, pendi_word_arm(0, slab.first_word));
		pendi_slot_copy(copy, pendi_slab_key(&slab, slot), KEY);
		for (uint32_t n = 0; n < KEY; n++)
			cr_expect_eq(copy[n], 3 * i + 1);
		pendi_slot_copy(copy, pendi_slab_value(&slab, slot), VALUE);
		for (uint32_t n = 0; n < VALUE; n++)
			cr_expect_eq(copy[n], 3 * i + 2);
		for (uint32_t n = 0; n < SCRATCH; n++)
			cr_expect_eq(scratch[n], 3 * i + 3);
		cr_expect_eq((const void *)pendi_slab_node(&slab, slot)->next, scratch);
	}
	pendi_slab_fini(&slab, NULL);
}

Test(slab, a_fill_without_a_source_is_zero)
{
	const struct pendi_slab_shape shape = { .count = 1, .key_size = 8, .value_size = 19 };
	struct pendi_slab slab = make(&shape);
	_Atomic uint64_t *value = pendi_slab_value(&slab, pendi_slab_slot(&slab, 0));
	unsigned char bytes[24];

	memset(bytes, 0xee, sizeof(bytes));
	pendi_slot_fill(value, bytes, 19);
	pendi_slot_fill(value, NULL, 19);
	pendi_slot_copy(bytes, value, 19);
	for (uint32_t n = 0; n < 19; n++)
		cr_expect_eq(bytes[n], 0);
	cr_expect_eq(bytes[19], 0xee, "a copy writes no byte more than asked");
	pendi_slab_fini(&slab, NULL);
}

Test(slab, a_slots_life_moves_its_word)
{
	const struct pendi_slab_shape shape = { .count = 1 };
	struct pendi_slab slab = make(&shape);
	struct pendi_slot *slot = pendi_slab_slot(&slab, 0);

	pendi_slot_arm(&slab, slot);

	const uint64_t word = pendi_slot_publish(slot, false);

	/* relaxed, all: one thread. */
	cr_expect_eq(pendi_load_relaxed(&slot->word), word);
	cr_expect_eq(word, slab.first_word | PENDI_SLOT_PENDING);
	pendi_slot_free(slot, pendi_word_complete(word, word, 1, 0).word);
	cr_expect_eq(pendi_load_relaxed(&slot->word), pendi_word_next_generation(word));
	pendi_slot_arm(&slab, slot);
	pendi_slot_disarm(slot);
	cr_expect_eq(pendi_load_relaxed(&slot->word),
		     pendi_word_next_generation(pendi_word_next_generation(word)));
	pendi_slab_fini(&slab, NULL);
}

Test(slab, a_slot_may_be_published_with_its_frame_open)
{
	const struct pendi_slab_shape shape = { .count = 1 };
	struct pendi_slab slab = make(&shape);
	struct pendi_slot *slot = pendi_slab_slot(&slab, 0);
	uint64_t word;

	pendi_slot_arm(&slab, slot);
	word = pendi_slot_publish(slot, true);
	/* relaxed: one thread. */
	cr_expect_eq(pendi_load_relaxed(&slot->word), word);
	cr_expect_eq(word, slab.first_word | PENDI_WORD_FRAME | PENDI_SLOT_PENDING);
	cr_expect_eq(pendi_word_frame_exit(word, 0, 0).result, 0);
	pendi_slab_fini(&slab, NULL);
}

/* Each field of the header keeps its value when all the others change, up to its last bit. */
Test(slab, the_header_is_48_bytes_of_fields_of_their_own)
{
	const struct pendi_slab_shape shape = { .count = 2, .key_size = 16 };
	struct pendi_slab slab = make(&shape);
	struct pendi_slot *slot = pendi_slab_slot(&slab, 1);

	cr_expect_eq(sizeof(struct pendi_slot), 48);
	cr_expect_eq(slab.key_offset, 48);
	/* relaxed, all: one thread. */
	pendi_store_relaxed(&slot->displacement, UINT16_MAX);
	pendi_store_relaxed(&slot->home, UINT16_MAX - 1);
	pendi_store_relaxed(&slot->timed, UINT16_MAX - 2);
	pendi_store_relaxed(&slot->owner, UINT16_MAX - 3);
	pendi_store_relaxed(&slot->cell, UINT32_MAX);
	pendi_store_relaxed(&slot->link, UINT32_MAX - 1);
	pendi_store_relaxed(&slot->due, UINT64_MAX - 4);
	cr_expect_eq(pendi_load_relaxed(&slot->displacement), UINT16_MAX);
	cr_expect_eq(pendi_load_relaxed(&slot->home), UINT16_MAX - 1);
	cr_expect_eq(pendi_load_relaxed(&slot->timed), UINT16_MAX - 2);
	cr_expect_eq(pendi_load_relaxed(&slot->owner), UINT16_MAX - 3);
	cr_expect_eq(pendi_load_relaxed(&slot->cell), UINT32_MAX);
	cr_expect_eq(pendi_load_relaxed(&slot->link), UINT32_MAX - 1);
	cr_expect_eq(pendi_load_relaxed(&slot->due), UINT64_MAX - 4);
	/* relaxed, both: as above. */
	cr_expect_eq(pendi_load_relaxed(&slot->word), 0);
	cr_expect_eq(pendi_load_relaxed(pendi_slab_key(&slab, slot)), 0);
	pendi_slab_fini(&slab, NULL);
}

/* Uses a slot and returns the handle that it had. */
static uint64_t use(const struct pendi_slab *slab, uint32_t number)
{
	struct pendi_slot *slot = pendi_slab_slot(slab, number);
	uint64_t word;

	pendi_slot_arm(slab, slot);
	word = pendi_slot_publish(slot, false);
	pendi_slot_free(slot, pendi_word_complete(word, word, 1, 0).word);
	return pendi_handle_make(word, number);
}

static int compare(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

Test(slab, each_slab_begins_with_a_generation_of_its_own)
{
	enum { SLABS = 5000 };
	const struct pendi_slab_shape shape = { .count = 1 };
	static uint64_t firsts[SLABS];

	for (uint32_t i = 0; i < SLABS; i++) {
		struct pendi_slab slab = make(&shape);

		firsts[i] = slab.first_word;
		cr_expect_eq(firsts[i] & PENDI_SLOT_MASK, 0, "FREE, and nothing else");
		cr_expect_neq(firsts[i], 0, "that would be no handle");
		pendi_slab_fini(&slab, NULL);
	}
	qsort(firsts, SLABS, sizeof(firsts[0]), compare);
	for (uint32_t i = 1; i < SLABS; i++)
		cr_expect_neq(firsts[i], firsts[i - 1]);
}

Test(slab, handles_of_two_slabs_never_match)
{
	enum { USES = 100, SLOTS = 3 };
	const struct pendi_slab_shape shape = { .count = SLOTS };
	struct pendi_slab slabs[] = { make(&shape), make(&shape) };
	uint64_t handles[2][USES];

	for (uint32_t i = 0; i < 2; i++)
		for (uint32_t n = 0; n < USES; n++) {
			const uint64_t first = slabs[i].first_word >> PENDI_SLOT_BITS;

			handles[i][n] = use(&slabs[i], n % SLOTS);
			cr_expect_eq(handles[i][n] >> PENDI_SLOT_BITS, first + n / SLOTS);
			cr_expect_eq(pendi_handle_slot(handles[i][n]), n % SLOTS);
		}
	for (uint32_t n = 0; n < USES; n++) {
		/* relaxed, both: one thread. */
		const uint64_t words[] = {
			pendi_load_relaxed(&pendi_slab_slot(&slabs[0], n % SLOTS)->word),
			pendi_load_relaxed(&pendi_slab_slot(&slabs[1], n % SLOTS)->word),
		};

		cr_expect(!pendi_word_same_generation(words[0], handles[1][n]));
		cr_expect(!pendi_word_same_generation(words[1], handles[0][n]));
		for (uint32_t k = 0; k < USES; k++)
			cr_expect_neq(handles[0][n], handles[1][k]);
	}
	pendi_slab_fini(&slabs[0], NULL);
	pendi_slab_fini(&slabs[1], NULL);
}

Test(slab, chunks_that_were_never_used_are_skipped)
{
	enum { CHUNK = PENDI_SLAB_CHUNK, SLOTS = 3 * CHUNK + 1 };
	const struct pendi_slab_shape shape = { .count = SLOTS };
	struct pendi_slab slab = make(&shape);

	for (uint32_t from = 0; from <= SLOTS; from += CHUNK / 4)
		cr_expect_eq(pendi_slab_next_used(&slab, from), SLOTS);
	pendi_slab_use(&slab, CHUNK + 7);
	cr_expect_eq(pendi_slab_next_used(&slab, 0), CHUNK);
	cr_expect_eq(pendi_slab_next_used(&slab, CHUNK + 100), CHUNK + 100);
	cr_expect_eq(pendi_slab_next_used(&slab, 2 * CHUNK), SLOTS);
	pendi_slab_use(&slab, SLOTS - 1);
	pendi_slab_use(&slab, SLOTS - 1);
	cr_expect_eq(pendi_slab_next_used(&slab, 2 * CHUNK), SLOTS - 1);
	cr_expect_eq(pendi_slab_next_used(&slab, SLOTS), SLOTS);
	pendi_slab_fini(&slab, NULL);
}

static int refuse(size_t size)
{
	return size != 0;
}

Test(slab, no_memory_is_an_error)
{
	const struct pendi_slab_shape shape = { .count = 100, .key_size = 16, .value_size = 128 };
	struct pendi_slab slab;

	pendi_script.allocation_fails = refuse;
	cr_expect_eq(pendi_slab_init(&slab, &shape, NULL), -ENOMEM);
	pendi_script.allocation_fails = NULL;
	pendi_slab_fini(&slab, NULL); /* nothing to give back */
}

Test(slab, the_largest_slot_number_is_reachable)
{
	/* Mapped, not touched but at both ends. */
	const struct pendi_slab_shape shape = { .count = PENDI_SLOT_NONE };
	struct pendi_slab slab;

	if (pendi_slab_init(&slab, &shape, NULL))
		cr_skip_test("no 4 GiB of address space");
	pendi_slot_arm(&slab, pendi_slab_slot(&slab, 0));
	pendi_slot_arm(&slab, pendi_slab_slot(&slab, PENDI_SLOT_NONE - 1));
	cr_expect_eq((const unsigned char *)pendi_slab_slot(&slab, PENDI_SLOT_NONE - 1) - slab.base,
		     (ptrdiff_t)64 * (PENDI_SLOT_NONE - 1));
	pendi_slab_fini(&slab, NULL);
}

/* ---- placing ---- */

enum { PLACED_CPUS = 4 };

static size_t placed_bytes[PLACED_CPUS];
static const unsigned char *placed[PLACED_CPUS];
static uint32_t placed_node[PLACED_CPUS], placed_count;

static uint32_t script_cpus(void)
{
	return PLACED_CPUS;
}

static uint32_t script_node(uint32_t cpu)
{
	return cpu / 2;
}

static bool script_usable(void)
{
	return true;
}

static uint32_t nodes_with_memory = 2;

static bool script_has_memory(uint32_t node)
{
	return node < nodes_with_memory;
}

static int script_bind(void *pages, size_t bytes, uint32_t node)
{
	cr_assert_lt(placed_count, (uint32_t)PLACED_CPUS);
	placed[placed_count] = pages;
	placed_bytes[placed_count] = bytes;
	placed_node[placed_count++] = node;
	return 0;
}

static struct pendi_slab place(uint32_t count)
{
	const struct pendi_slab_shape shape = { .count = count, .key_size = 8 };
	struct pendi_slab slab;

	pendi_script.cpu_possible = script_cpus;
	pendi_script.cpu_node = script_node;
	pendi_script.numa_usable = script_usable;
	pendi_script.numa_has_memory = script_has_memory;
	pendi_script.numa_bind = script_bind;
	placed_count = 0;
	slab = make(&shape);
	pendi_slab_place(&slab, count);
	return slab;
}

/* Each CPU's share on its node, whole pages only. */
Test(slab, shares_are_placed_on_the_nodes_of_their_cpus)
{
	enum { SLOTS = 65536 };
	struct pendi_slab slab = place(SLOTS);
	const size_t share = (size_t)SLOTS / PLACED_CPUS * slab.stride;

	cr_assert_eq(placed_count, (uint32_t)PLACED_CPUS);
	for (uint32_t cpu = 0; cpu < PLACED_CPUS; cpu++) {
		cr_expect_eq(placed_node[cpu], cpu / 2);
		cr_expect_geq(placed[cpu], slab.base + cpu * share);
		cr_expect_leq(placed[cpu] + placed_bytes[cpu], slab.base + (cpu + 1) * share);
		cr_expect_gt(placed_bytes[cpu], share - 8192);
	}
	pendi_slab_fini(&slab, NULL);
}

Test(slab, little_memory_is_not_placed_nor_where_there_is_one_node)
{
	struct pendi_slab slab = place(64);

	cr_assert_eq(placed_count, 0);
	pendi_slab_fini(&slab, NULL);
	nodes_with_memory = 1;
	slab = place(65536);
	cr_assert_eq(placed_count, 0);
	pendi_slab_fini(&slab, NULL);
}
