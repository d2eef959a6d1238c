/* SPDX-License-Identifier: MIT */
/*
 * test_numbers.c - a thread that epochs refuse because too many are registered: it is told so, and
 * nothing has changed; closing a map works all the same.
 */
#include "tests/custom/fixture.h"
#include "tests/support/numbers.h"

static struct world world;
static struct diary diary;

static struct pend_custom_map *begin(uint32_t type)
{
	world_begin(&world);
	diary_begin(&diary, false);
	cr_assert_eq(diary_register(&diary, &world), 0);
	return make_map(&world, type, 4);
}

static void end(void)
{
	diary_leave(&diary);
	world_end(&world);
}

/* What the header says of threads without a number, for all calls at once. */
static void *use_map(void *context)
{
	static const struct pend_uuid type = { { 1 } };
	struct pend_custom_map *map = context;
	uint64_t key = 1, value = CANARY, next = CANARY;

	cr_assert_eq(pend_custom_map_lookup(map, &key, &value), -EAGAIN);
	/* retval: pend_custom_map_update -EAGAIN */
	cr_assert_eq(pend_custom_map_update(map, NULL, &key, &value, PEND_BPF_ANY), -EAGAIN);
	cr_assert_eq(pend_custom_map_delete(map, NULL, &key), -EAGAIN);
	cr_assert_eq(pend_custom_map_take(map, &key, &value), -EAGAIN);
	cr_assert_eq(pend_custom_map_next_key(map, NULL, &next), -EAGAIN);
	if (diary.map == map)
		cr_assert_eq(pend_custom_map_associate(map, &type), -EAGAIN);
	cr_assert_eq(value, CANARY);
	cr_assert_eq(next, CANARY);
	return NULL;
}

Test(numbers, a_thread_without_one_is_refused)
{
	struct pend_custom_map *map = begin(TEST_TYPE);
	uint32_t told;

	must_put(map, 1, 10);
	told = diary.count;
	numbers_without(use_map, map);
	cr_assert_eq(diary.count, told, "the provider is not asked");
	cr_assert_eq(get(map, 1), 10);
	close_map(map);
	end();
}

/* Of a map that asks no provider. */
Test(numbers, a_thread_without_one_is_refused_by_a_hash)
{
	struct pend_custom_map *map = begin(BPF_MAP_TYPE_HASH);

	must_put(map, 1, 10);
	numbers_without(use_map, map);
	cr_assert_eq(get(map, 1), 10);
	cr_assert_eq(count_of(map), 1);
	close_map(map);
	end();
}

static void *close_in_thread(void *map)
{
	cr_assert_eq(pend_custom_map_close(map), 0);
	return NULL;
}

/* Nobody else is in the map any more, so its elements go without an epoch. */
Test(numbers, a_thread_without_one_closes_what_is_not_empty)
{
	struct pend_custom_map *map = begin(BPF_MAP_TYPE_HASH);

	for (uint64_t key = 1; key <= 4; key++)
		must_put(map, key, 10);
	numbers_without(close_in_thread, map);
	end();
}
