/* SPDX-License-Identifier: MIT */
/*
 * test_create.c - pend_map_create(): every option at and beyond its limits.
 */
#include "fixture.h"

/* Refused with @error, and the caller's pointer is as it was. */
static void refuse(const struct pend_map_options *options, int error)
{
	struct pend_map *const before = (struct pend_map *)(uintptr_t)64;
	struct pend_map *map = before;

	cr_assert_eq(pend_map_create(options, &map), error);
	cr_assert_eq(map, before);
}

Test(create, defaults)
{
	struct pend_map *map = make(NULL);
	const struct pend_map_stats stats = stats_of(map);

	cr_assert_eq(stats.max_entries, 65536);
	cr_assert_eq(stats.index_bytes, 0);
	cr_assert_eq(stats.pends + stats.live + stats.refused_full, 0);
	destroy(map);
}

Test(create, needs_somewhere_to_put_the_map)
{
	const struct pend_map_options options = pend_map_options_default();

	/* retval: pend_map_create -EFAULT */
	cr_assert_eq(pend_map_create(&options, NULL), -EFAULT);
	cr_assert_eq(pend_map_create(NULL, NULL), -EFAULT);
}

Test(create, options_of_an_older_or_newer_caller)
{
	struct {
		struct pend_map_options options;
		uint64_t newer[4];
	} given = { .options = pend_map_options_default() };
	struct pend_map *map;

	/* retval: pend_map_create -EINVAL */
	for (uint32_t size = 0; size < sizeof(given.options); size++) {
		given.options.size = size;
		refuse(&given.options, -EINVAL);
	}
	given.options.size = sizeof(given);
	cr_assert_eq(pend_map_create(&given.options, &map), 0);
	destroy(map);
	/* retval: pend_map_create -E2BIG */
	for (size_t byte = 0; byte < sizeof(given.newer); byte++) {
		memset((char *)given.newer + byte, 1, 1);
		refuse(&given.options, -E2BIG);
		memset((char *)given.newer + byte, 0, 1);
	}
}

Test(create, unknown_flags_and_contradictions)
{
	struct pend_map_options options = pend_map_options_default();

	for (uint32_t bit = 4; bit < 32; bit++) {
		options.flags = 1u << bit;
		refuse(&options, -EINVAL);
		options.flags |= PEND_MAP_POINTERS | PEND_MAP_LIMIT_BLOCKS | PEND_MAP_ENABLED |
				 PEND_MAP_DEADLINE_PERMITS;
		refuse(&options, -EINVAL);
	}
	options.flags = 0;
	options.reserve = 1;
	refuse(&options, -EINVAL);
	options.flags = PEND_MAP_LIMIT_BLOCKS;
	refuse(&options, -EINVAL);
	options.flags = PEND_MAP_LIMIT_BLOCKS | PEND_MAP_POINTERS;
	destroy(make(&options));
}

#define OUT_OF_RANGE(field, value)                             \
	do {                                                   \
		struct pend_map_options given_ = keyed(16, 0); \
		given_.field = (value);                        \
		/* retval: pend_map_create -ERANGE */          \
		refuse(&given_, -ERANGE);                      \
	} while (0)

#define IN_RANGE(field, value)                                 \
	do {                                                   \
		struct pend_map_options given_ = keyed(16, 0); \
		given_.field = (value);                        \
		destroy(make(&given_));                        \
	} while (0)

Test(create, numbers_have_limits)
{
	OUT_OF_RANGE(max_entries, 0);
	OUT_OF_RANGE(max_entries, PEND_MAP_ENTRIES_MAX + 1);
	OUT_OF_RANGE(max_entries, (uint32_t)-1);
	OUT_OF_RANGE(key_size, PEND_KEY_SIZE_MAX + 1);
	OUT_OF_RANGE(key_size, (uint32_t)-1);
	OUT_OF_RANGE(value_size, PEND_VALUE_SIZE_MAX + 1);
	OUT_OF_RANGE(value_size, (uint32_t)-8);
	OUT_OF_RANGE(scratch_size, PEND_SCRATCH_SIZE_MAX + 1);
	OUT_OF_RANGE(scratch_size, (uint32_t)-1);
	OUT_OF_RANGE(rerun_limit, PEND_RERUNS_MAX + 1);
	OUT_OF_RANGE(deadline_ns, 0);
	OUT_OF_RANGE(deadline_ns, PEND_DEADLINE_MIN_NS - 1);
	OUT_OF_RANGE(deadline_ns, PEND_DEADLINE_MAX_NS + 1);
	OUT_OF_RANGE(deadline_ns, PEND_DEADLINE_NONE - 1);
	OUT_OF_RANGE(lifetime_ns, 1);
	OUT_OF_RANGE(lifetime_ns, PEND_DEADLINE_MIN_NS - 1);
	OUT_OF_RANGE(lifetime_ns, PEND_DEADLINE_MAX_NS + 1);
	OUT_OF_RANGE(lifetime_ns, PEND_DEADLINE_NONE - 1);
	IN_RANGE(lifetime_ns, 0);
	IN_RANGE(lifetime_ns, PEND_DEADLINE_MIN_NS);
	IN_RANGE(lifetime_ns, PEND_DEADLINE_MAX_NS);
	IN_RANGE(lifetime_ns, PEND_DEADLINE_NONE);
	IN_RANGE(max_entries, 1);
	IN_RANGE(key_size, 0);
	IN_RANGE(key_size, PEND_KEY_SIZE_MAX);
	IN_RANGE(value_size, PEND_VALUE_SIZE_MAX);
	IN_RANGE(scratch_size, PEND_SCRATCH_SIZE_MAX);
	IN_RANGE(rerun_limit, 0);
	IN_RANGE(rerun_limit, PEND_RERUNS_MAX);
	IN_RANGE(deadline_ns, PEND_DEADLINE_MIN_NS);
	IN_RANGE(deadline_ns, PEND_DEADLINE_MAX_NS);
	IN_RANGE(deadline_ns, PEND_DEADLINE_NONE);
}

Test(create, reserve_counts_against_the_limit)
{
	struct pend_map_options options = keyed(PEND_MAP_ENTRIES_MAX, PEND_MAP_POINTERS);

	refuse(&options, -ERANGE);
	options.reserve = 1;
	refuse(&options, -ERANGE);
	options.max_entries = 16;
	options.reserve = (uint32_t)-1;
	refuse(&options, -ERANGE);
	options.reserve = PEND_MAP_ENTRIES_MAX - 15;
	refuse(&options, -ERANGE);
	options.reserve = 1;
	destroy(make(&options));
	options.max_entries = PEND_MAP_ENTRIES_MAX - 1;
	destroy(make(&options));
}

static void *allocate_nothing(void *context, size_t size, size_t alignment)
{
	(void)context;
	(void)size;
	(void)alignment;
	return NULL;
}

static void release_nothing(void *context, void *memory, size_t size)
{
	(void)context;
	(void)size;
	cr_assert_null(memory, "there was nothing to release");
}

Test(create, allocator_is_checked)
{
	struct {
		struct pend_allocator allocator;
		uint64_t newer;
	} given = { .allocator = { .size = sizeof(struct pend_allocator),
				   .allocate = allocate_nothing,
				   .release = release_nothing } };
	struct pend_map_options options = keyed(16, 0);

	options.allocator = &given.allocator;
	/* retval: pend_map_create -ENOMEM */
	refuse(&options, -ENOMEM);
	given.allocator.allocate = NULL;
	refuse(&options, -EINVAL);
	given.allocator.allocate = allocate_nothing;
	given.allocator.release = NULL;
	refuse(&options, -EINVAL);
	given.allocator.release = release_nothing;
	given.allocator.reserved = 1;
	refuse(&options, -EINVAL);
	given.allocator.reserved = 0;
	given.allocator.size--;
	refuse(&options, -EINVAL);
	given.allocator.size = 0;
	refuse(&options, -EINVAL);
	given.allocator.size = sizeof(given);
	refuse(&options, -ENOMEM);
	given.newer = 1;
	refuse(&options, -E2BIG);
}

/* Pends, finds and completes keys that differ in one byte only, which may be any. */
static void exercise(struct pend_map *map, uint32_t key_size, uint32_t value_size)
{
	unsigned char keys[2][PEND_KEY_SIZE_MAX];
	unsigned char value[PEND_VALUE_SIZE_MAX], copy[PEND_VALUE_SIZE_MAX + 1];
	struct pend_request request = { .key_size = key_size, .value_size = value_size };
	uint64_t handle;

	memset(keys, 0xa5, sizeof(keys));
	keys[1][key_size - 1] ^= 1;
	for (uint32_t i = 0; i < 2; i++) {
		memset(value, 0x30 + (int)i, value_size);
		request.key = keys[i];
		request.value = value;
		cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	}
	for (uint32_t i = 0; i < 2; i++) {
		memset(value, 0x30 + (int)i, value_size);
		memset(copy, 0xee, sizeof(copy));
		cr_assert_eq(pend_map_lookup(map, keys[i], key_size, NULL, copy), 0);
		cr_assert_eq(memcmp(copy, value, value_size), 0);
		cr_assert_eq(copy[value_size], 0xee, "nothing is written behind the value");
		cr_assert_eq(pend_map_complete_key(map, keys[i], key_size, PEND_ACTION_BLOCK), 0);
		cr_assert_eq(pend_map_lookup(map, keys[i], key_size, NULL, NULL), -ENOENT);
	}
}

Test(create, every_key_size)
{
	for (uint32_t size = 1; size <= PEND_KEY_SIZE_MAX; size++) {
		struct pend_map_options options = keyed(4, size & 1 ? PEND_MAP_POINTERS : 0);
		struct pend_map *map;

		options.key_size = size;
		options.value_size = 1 + size % 9;
		map = make(&options);
		exercise(map, options.key_size, options.value_size);
		destroy(map);
	}
}

Test(create, value_sizes)
{
	static const uint32_t sizes[] = { 1,  2,  3,  7,   8,   9,   31,   32,   33,
					  63, 64, 65, 127, 128, 129, 1000, 4095, 4096 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct pend_map_options options = keyed(4, 0);
		struct pend_map *map;

		options.value_size = sizes[i];
		options.scratch_size = sizes[i];
		map = make(&options);
		exercise(map, 8, sizes[i]);
		destroy(map);
	}
}

/* A map of the highest size costs address space, not memory, until its slots are used. */
Test(create, as_large_as_it_gets, .timeout = 60)
{
	struct pend_map_options options = pend_map_options_default();
	struct pend_map *map;
	uint64_t handles[3];

	options.max_entries = PEND_MAP_ENTRIES_MAX;
	map = make(&options);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(pend_map_pend(map, &(struct pend_request){ .cookie = i }, &handles[i]),
			     0);
	cr_assert_neq(handles[0], handles[1]);
	cr_assert_neq(handles[1], handles[2]);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(pend_map_complete(map, handles[i], PEND_ACTION_PERMIT_SOFT), 0);
	cr_assert_eq(stats_of(map).by_orchestrator, 3);
	destroy(map);
}

Test(create, a_map_of_one)
{
	struct pend_map *map = make_keyed(1);

	for (uint64_t round = 0; round < 1000; round++) {
		const uint64_t handle = pend_key(map, round);

		COUNTED(map, -ENOSPC, refused_full, pend_error(map, round + 1));
		cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	}
	destroy(map);
}
