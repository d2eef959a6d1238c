/* SPDX-License-Identifier: MIT */
/*
 * test_size.c - F84 and Appendix E 16: what is stored is exactly actual_value_size bytes, be that
 * less or more than callers see; and what programs may do, and may not where values are translated.
 */
#include "tests/custom/fixture.h"

static struct world world;
static struct diary diary;

static struct pend_custom_map *begin(bool translates, uint32_t actual_value_size)
{
	world_begin(&world);
	diary_begin(&diary, translates);
	diary.actual_value_size = actual_value_size;
	cr_assert_eq(diary_register(&diary, &world), 0);
	return make_map(&world, TEST_TYPE, 8);
}

static void end(struct pend_custom_map *map)
{
	close_map(map);
	diary_leave(&diary);
	world_end(&world);
}

static void goes_through(uint32_t actual_value_size)
{
	struct pend_custom_map *map = begin(true, actual_value_size);
	uint64_t key = 1, value = 0;

	must_put(map, 1, 17);
	cr_assert_eq(get(map, 1), 17);
	cr_assert_eq(last_line(&diary).stored, 1017);
	must_put(map, 1, 18);
	cr_assert_eq(last_line(&diary).stored, 1017);
	cr_assert_eq(pend_custom_map_take(map, &key, &value), 0);
	cr_assert_eq(value, 18);
	end(map);
}

Test(size, fewer_bytes_may_be_stored_than_callers_see)
{
	goes_through(4);
	diary.count = 0;
}

Test(size, more_bytes_may_be_stored_than_callers_see)
{
	goes_through(64);
}

Test(size, the_largest_value_goes_through)
{
	goes_through(PEND_VALUE_SIZE_MAX);
}

/* The address sanitizer says more: nothing is read behind the 4 bytes. */
Test(size, what_lies_behind_the_stored_bytes_is_nobodys)
{
	struct pend_custom_map *map = begin(true, 4);
	const uint64_t key = 1;
	const void *stored;

	must_put(map, 1, UINT32_MAX);
	cr_assert_eq(pend_epoch_enter(), 0);
	cr_assert_eq(pend_custom_map_find_stored(map, &key, &stored), 0);
	cr_assert_eq(*(const uint32_t *)stored, (uint32_t)(UINT32_MAX + 1000u));
	cr_assert_eq(((const uint32_t *)stored)[1], 0, "the rest of the word is zero");
	cr_assert_eq(pend_epoch_exit(), 0);
	end(map);
}

Test(size, a_size_that_is_none_is_refused)
{
	struct pend_custom_map_options options = map_options(TEST_TYPE, 8);

	world_begin(&world);
	diary_begin(&diary, true);
	diary.spoil_size = true; /* 0 */
	cr_assert_eq(diary_register(&diary, &world), 0);
	/* retval: pend_custom_map_create -EINVAL */
	cr_assert_eq(create_error(&world, &options), -EINVAL);
	cr_assert_eq(last_line(&diary).event, FORGOTTEN, "what it made is ended");
	diary.actual_value_size = PEND_VALUE_SIZE_MAX + 1;
	/* retval: pend_custom_map_create -ERANGE */
	cr_assert_eq(create_error(&world, &options), -ERANGE);
	cr_assert_eq(told_of_any(&diary, FORGOTTEN), 2);
	cr_assert_eq(diary.attached, 2);
	cr_assert_eq(diary.detached, 2);
	diary_leave(&diary);
	world_end(&world);
}

Test(size, who_does_not_translate_stores_what_callers_see)
{
	struct pend_custom_map_options options = map_options(TEST_TYPE, 8);

	world_begin(&world);
	diary_begin(&diary, false);
	cr_assert_eq(diary_register(&diary, &world), 0);
	for (uint32_t size = 0; size <= 16; size++) {
		diary.spoil_size = true;
		diary.actual_value_size = size;
		diary.count = 0;
		if (size != 8)
			cr_assert_eq(create_error(&world, &options), -EINVAL);
	}
	diary_leave(&diary);
	world_end(&world);
}

/* ---- programs ---- */

static int program_get(struct pend_custom_map *map, uint64_t key, uint64_t *value)
{
	const void *stored = NULL;
	int error;

	cr_assert_eq(pend_epoch_enter(), 0);
	error = pendi_custom_program_lookup(map, &key, &stored);
	cr_assert_eq(stored != NULL, error == 0);
	if (!error)
		memcpy(value, stored, sizeof(*value));
	cr_assert_eq(pend_epoch_exit(), 0);
	return error;
}

static int program_put(struct pend_custom_map *map, uint64_t key, uint64_t value, uint64_t update)
{
	int error;

	cr_assert_eq(pend_epoch_enter(), 0);
	error = pendi_custom_program_update(map, &key, &value, update);
	cr_assert_eq(pend_epoch_exit(), 0);
	return error;
}

static int program_drop(struct pend_custom_map *map, uint64_t key)
{
	int error;

	cr_assert_eq(pend_epoch_enter(), 0);
	error = pendi_custom_program_delete(map, &key);
	cr_assert_eq(pend_epoch_exit(), 0);
	return error;
}

Test(size, a_program_asks_and_the_provider_knows)
{
	struct pend_custom_map *map = begin(false, 0);
	uint64_t value = 0;

	cr_assert_eq(program_get(map, 1, &value), -ENOENT);
	cr_assert_eq(program_put(map, 1, 10, PEND_BPF_ANY), 0);
	cr_assert_eq(told_of(&diary, UPDATING, PEND_MAP_OPERATION_HELPER), 1);
	cr_assert_eq(program_get(map, 1, &value), 0);
	cr_assert_eq(value, 10);
	cr_assert_eq(told_of(&diary, FOUND, PEND_MAP_OPERATION_HELPER), 1);
	cr_assert_eq(program_put(map, 1, 11, PEND_BPF_NOEXIST), -EEXIST);
	cr_assert_eq(program_put(map, 1, 12, PEND_BPF_EXIST), 0);
	cr_assert_eq(told_of(&diary, GONE, PEND_MAP_OPERATION_HELPER | PEND_MAP_OPERATION_UPDATE),
		     2, "the undone one and the replaced one");
	cr_assert_eq(program_put(map, 1, 12, 3), -EINVAL);
	cr_assert_eq(program_drop(map, 1), 0);
	cr_assert_eq(told_of(&diary, GONE, PEND_MAP_OPERATION_HELPER), 1);
	cr_assert_eq(program_drop(map, 1), -ENOENT);
	must_put(map, 1, 13);
	diary.fail[FOUND] = -EACCES;
	cr_assert_eq(program_get(map, 1, &value), -EACCES);
	end(map);
}

Test(size, a_program_uses_a_plain_table)
{
	struct pend_custom_map *map;
	uint64_t value = 0;

	world_begin(&world);
	map = make_map(&world, BPF_MAP_TYPE_HASH, 8);
	cr_assert_eq(program_put(map, 1, 10, PEND_BPF_ANY), 0);
	cr_assert_eq(program_get(map, 1, &value), 0);
	cr_assert_eq(value, 10);
	cr_assert_eq(get(map, 1), 10, "the same table");
	/* Each in an epoch of its own: what it replaces can be had again in time. */
	for (uint64_t i = 0; epochs_are_native() && i < 5000; i++)
		cr_assert_eq(program_put(map, 1, i, PEND_BPF_EXIST), 0);
	cr_assert_eq(program_drop(map, 1), 0);
	cr_assert_eq(program_get(map, 1, &value), -ENOENT);
	cr_assert_eq(pendi_custom_program_lookup(NULL, &value, NULL), -EFAULT);
	cr_assert_eq(pendi_custom_program_update(map, NULL, &value, 0), -EFAULT);
	cr_assert_eq(pendi_custom_program_update(map, &value, NULL, 0), -EFAULT);
	cr_assert_eq(pendi_custom_program_delete(map, NULL), -EFAULT);
	close_map(map);
	world_end(&world);
}

Test(size, a_program_may_not_touch_what_is_translated)
{
	struct pend_custom_map *map = begin(true, 0);
	uint64_t value = 0;

	must_put(map, 1, 10);
	diary.count = 0;
	cr_assert_eq(program_get(map, 1, &value), -ENOTSUP);
	cr_assert_eq(program_put(map, 1, 11, PEND_BPF_ANY), -ENOTSUP);
	cr_assert_eq(program_drop(map, 1), -ENOTSUP);
	cr_assert_eq(diary.count, 0);
	cr_assert_eq(get(map, 1), 10);
	end(map);
}
