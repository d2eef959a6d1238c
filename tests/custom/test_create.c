/* SPDX-License-Identifier: MIT */
/*
 * test_create.c - F76, F82, F83, F87, Appendix F S19, S20: what a provider must bring, how maps of
 * its type come and go, and that nothing is left of one that could not be made.
 */
#include "tests/custom/fixture.h"

static struct world world;
static struct diary diary;

static void begin(bool translates)
{
	world_begin(&world);
	diary_begin(&diary, translates);
}

static void end(void)
{
	diary_leave(&diary);
	world_end(&world);
}

/* ---- the provider's tables (S19) ---- */

static int registers(void)
{
	const int error = diary_register(&diary, &world);

	if (!error)
		diary_leave(&diary);
	return error;
}

Test(create, a_provider_without_its_callbacks_is_refused)
{
	begin(true);
	cr_assert_eq(registers(), 0);
	diary.callbacks.preprocess_create = NULL;
	cr_assert_neq(registers(), 0);
	diary.callbacks.preprocess_create = diary_create;
	diary.callbacks.postprocess_delete = NULL;
	cr_assert_neq(registers(), 0);
	diary.callbacks.postprocess_delete = diary_forget;
	diary.callbacks.preprocess_associate = NULL;
	cr_assert_neq(registers(), 0);
	diary.callbacks.preprocess_associate = diary_associate;
	diary.callbacks.postprocess_find = NULL;
	cr_assert_neq(registers(), 0);
	diary.callbacks.postprocess_find = diary_find;
	diary.callbacks.preprocess_update = NULL;
	cr_assert_neq(registers(), 0);
	diary.callbacks.preprocess_update = diary_update;
	diary.callbacks.postprocess_delete_element = NULL;
	cr_assert_neq(registers(), 0);
	diary.data.callbacks = NULL;
	cr_assert_neq(registers(), 0);
	world_end(&world);
}

Test(create, who_does_not_translate_needs_no_callbacks_of_elements)
{
	struct pend_custom_map *map;

	begin(false);
	diary.callbacks.postprocess_find = NULL;
	diary.callbacks.preprocess_update = NULL;
	diary.callbacks.postprocess_delete_element = NULL;
	cr_assert_eq(diary_register(&diary, &world), 0);
	map = make_map(&world, TEST_TYPE, 4);
	must_put(map, 1, 10);
	must_put(map, 1, 11);
	cr_assert_eq(get(map, 1), 11);
	cr_assert_eq(drop(map, 1), 0);
	must_put(map, 2, 20);
	cr_assert_eq(put(map, 2, 20, PEND_BPF_NOEXIST), -EEXIST);
	close_map(map);
	end();
}

Test(create, a_table_of_another_version_or_size_is_refused)
{
	begin(true);
	diary.data.header.version++;
	cr_assert_eq(registers(), -EINVAL);
	diary.data.header.version--;
	diary.data.header.size++;
	cr_assert_eq(registers(), -EINVAL);
	diary.data.header.size--;
	diary.callbacks.header.version++;
	cr_assert_eq(registers(), -EINVAL);
	diary.callbacks.header.version--;
	diary.callbacks.header.size--;
	cr_assert_eq(registers(), -EINVAL);
	diary.callbacks.header.size++;
	cr_assert_eq(registers(), 0);
	world_end(&world);
}

Test(create, who_stores_itself_brings_all_that_takes)
{
	begin(false);
	diary.data.base = PEND_MAP_BASE_NONE;
	cr_assert_neq(registers(), 0);
	diary.data.base = 2;
	cr_assert_eq(registers(), -EINVAL);
	world_end(&world);
}

/* ---- the provider comes and goes (S20) ---- */

Test(create, a_type_that_nobody_provides_is_refused)
{
	const struct pend_custom_map_options options = map_options(TEST_TYPE, 4);

	begin(false);
	/* retval: pend_custom_map_create -ENOENT */
	cr_assert_eq(create_error(&world, &options), -ENOENT);
	world_end(&world);
}

Test(create, a_provider_stays_until_its_last_map_is_closed)
{
	const struct pend_custom_map_options options = map_options(TEST_TYPE, 4);
	struct pend_custom_map *first, *second;

	begin(false);
	cr_assert_eq(diary_register(&diary, &world), 0);
	first = make_map(&world, TEST_TYPE, 4);
	second = make_map(&world, TEST_TYPE, 4);
	cr_assert_eq(pend_provider_clients(diary.provider), 2);
	cr_assert_eq(pend_provider_unregister(diary.provider, NULL, NULL), -EBUSY);
	cr_assert_eq(pend_provider_unregister(diary.provider, diary_left, &diary), 0);
	/* retval: pend_custom_map_create -ENODEV */
	cr_assert_eq(create_error(&world, &options), -ENODEV);
	must_put(first, 1, 10);
	cr_assert_eq(get(first, 1), 10, "it works as before");
	close_map(first);
	cr_assert_eq(diary.gone, 0);
	close_map(second);
	cr_assert_eq(diary.gone, 1);
	cr_assert_eq(diary.detached, 2);
	cr_assert_eq(create_error(&world, &options), -ENOENT);
	world_end(&world);
}

/* ---- order ---- */

Test(create, a_map_is_created_used_and_forgotten_in_order)
{
	static const struct pend_uuid type = { { 1, 2, 3 } };
	struct pend_custom_map *map;

	begin(true);
	cr_assert_eq(diary_register(&diary, &world), 0);
	map = make_map(&world, TEST_TYPE, 4);
	cr_assert_eq(diary.map, map);
	cr_assert_eq(pend_custom_map_context(map), (void *)&diary.map);
	cr_assert_eq(pend_custom_map_associate(map, &type), 0);
	must_put(map, 1, 10);
	close_map(map);
	cr_assert_eq(diary.count, 5);
	cr_assert_eq(diary.lines[0].event, CREATED);
	cr_assert_eq(diary.lines[1].event, ASSOCIATED);
	cr_assert_eq(diary.lines[2].event, UPDATING);
	cr_assert_eq(diary.lines[3].event, GONE);
	cr_assert_eq(diary.lines[3].flags, PEND_MAP_OPERATION_CLEANUP);
	cr_assert_eq(diary.lines[4].event, FORGOTTEN);
	cr_assert_eq(diary.attached, 1);
	cr_assert_eq(diary.detached, 1);
	end();
}

Test(create, a_program_type_that_the_provider_refuses_may_not_use_it)
{
	static const struct pend_uuid type = { { 1 } };
	struct pend_custom_map *map, *plain;

	begin(false);
	cr_assert_eq(diary_register(&diary, &world), 0);
	map = make_map(&world, TEST_TYPE, 4);
	plain = make_map(&world, BPF_MAP_TYPE_HASH, 4);
	diary.fail[ASSOCIATED] = -EOWNERDEAD;
	cr_assert_eq(pend_custom_map_associate(map, &type), -EOWNERDEAD);
	cr_assert_eq(pend_custom_map_associate(plain, &type), 0);
	/* retval: pend_custom_map_associate -EFAULT */
	cr_assert_eq(pend_custom_map_associate(NULL, &type), -EFAULT);
	cr_assert_eq(pend_custom_map_associate(map, NULL), -EFAULT);
	close_map(map);
	close_map(plain);
	end();
}

Test(create, what_preprocess_create_returns_comes_back_unchanged)
{
	const struct pend_custom_map_options options = map_options(TEST_TYPE, 4);

	begin(false);
	cr_assert_eq(diary_register(&diary, &world), 0);
	diary.fail[CREATED] = -EUCLEAN;
	cr_assert_eq(create_error(&world, &options), -EUCLEAN);
	cr_assert_eq(told_of_any(&diary, FORGOTTEN), 0, "there was nothing");
	cr_assert_eq(diary.detached, 1);
	end();
}

Test(create, there_is_one_map_of_a_single_type_in_a_runtime)
{
	const struct pend_custom_map_options options = map_options(TEST_TYPE, 4);
	static struct world second_world;
	static struct diary second_diary;
	struct pend_custom_map *map, *other;

	begin(false);
	diary.data.single = true;
	cr_assert_eq(diary_register(&diary, &world), 0);
	map = make_map(&world, TEST_TYPE, 4);
	/* retval: pend_custom_map_create -EBUSY */
	cr_assert_eq(create_error(&world, &options), -EBUSY);
	cr_assert_eq(told_of_any(&diary, CREATED), 1, "the provider is not asked");
	/* Another runtime has its own. */
	memset(&second_world, 0, sizeof(second_world));
	pendi_registry_init(&second_world.registry, world.engine, NULL);
	diary_begin(&second_diary, false);
	second_diary.data.single = true;
	cr_assert_eq(diary_register(&second_diary, &second_world), 0);
	other = make_map(&second_world, TEST_TYPE, 4);
	close_map(other);
	diary_leave(&second_diary);
	pendi_registry_fini(&second_world.registry);
	close_map(map);
	map = make_map(&world, TEST_TYPE, 4);
	close_map(map);
	diary.fail[CREATED] = -EIO;
	cr_assert_eq(create_error(&world, &options), -EIO);
	diary.fail[CREATED] = 0;
	close_map(make_map(&world, TEST_TYPE, 4));
	end();
}

/* A second type of which there is only one, beside the first. */
Test(create, types_of_which_there_is_one_do_not_know_each_other)
{
	struct pend_custom_map *first, *second;
	struct diary other;

	begin(false);
	diary.data.single = true;
	cr_assert_eq(diary_register(&diary, &world), 0);
	diary_begin(&other, false);
	other.data.single = true;
	other.data.type = TEST_TYPE + 1;
	cr_assert_eq(diary_register(&other, &world), 0);
	first = make_map(&world, TEST_TYPE, 4);
	second = make_map(&world, TEST_TYPE + 1, 4);
	/* The older goes first; then there may be another of its type, and of no other. */
	close_map(first);
	first = make_map(&world, TEST_TYPE, 4);
	cr_assert_eq(diary.count, 3, "made, gone, made");
	cr_assert_eq(other.count, 1);
	close_map(second);
	close_map(first);
	diary_leave(&other);
	end();
}

/* ---- closing ---- */

static struct pend_custom_map *creating;

static void close_within(struct diary *of, enum event event)
{
	if (event == CREATED)
		cr_assert_eq(pend_custom_map_close(of->map), -EDEADLK);
	creating = of->map;
}

Test(create, a_map_is_not_closed_from_within)
{
	struct pend_custom_map *map;

	begin(false);
	cr_assert_eq(diary_register(&diary, &world), 0);
	diary.within = close_within;
	map = make_map(&world, TEST_TYPE, 4);
	cr_assert_eq(creating, map);
	diary.within = NULL;
	/* retval: pend_custom_map_close -EFAULT */
	cr_assert_eq(pend_custom_map_close(NULL), -EFAULT);
	cr_assert_eq(pend_epoch_enter(), 0);
	/* retval: pend_custom_map_close -EDEADLK */
	cr_assert_eq(pend_custom_map_close(map), -EDEADLK);
	cr_assert_eq(pend_epoch_exit(), 0);
	must_put(map, 1, 10);
	close_map(map);
	end();
}

/* From within a function of another map it is. */
static struct pend_custom_map *outside;

static void close_outside(struct diary *of, enum event event)
{
	if (event != CREATED)
		return;
	cr_assert_eq(pend_custom_map_close(of->map), -EDEADLK);
	cr_assert_eq(pend_custom_map_close(outside), 0);
}

static void make_another(struct diary *of, enum event event)
{
	struct pend_custom_map *map;

	if (event != CREATED)
		return;
	of->within = close_outside;
	map = of->map;
	creating = make_map(&world, TEST_TYPE, 4);
	of->map = map;
	cr_assert_eq(pend_custom_map_close(map), -EDEADLK);
}

Test(create, a_map_is_closed_from_within_another)
{
	struct pend_custom_map *map;

	begin(false);
	cr_assert_eq(diary_register(&diary, &world), 0);
	outside = make_map(&world, BPF_MAP_TYPE_HASH, 4);
	diary.within = make_another;
	map = make_map(&world, TEST_TYPE, 4);
	diary.within = NULL;
	close_map(map);
	close_map(creating);
	end();
}

/* ---- options ---- */

Test(create, options_are_checked)
{
	struct pend_custom_map_options options = map_options(BPF_MAP_TYPE_HASH, 4);
	struct {
		struct pend_custom_map_options options;
		uint64_t newer;
	} longer = { options, 1 };
	struct pend_custom_map *map = NULL;

	world_begin(&world);
	/* retval: pend_custom_map_create -EFAULT */
	cr_assert_eq(pend_custom_map_create(NULL, &options, &map), -EFAULT);
	cr_assert_eq(pend_custom_map_create(runtime_of(&world), NULL, &map), -EFAULT);
	cr_assert_eq(pend_custom_map_create(runtime_of(&world), &options, NULL), -EFAULT);
	options.size--;
	cr_assert_eq(create_error(&world, &options), -EINVAL);
	longer.options.size = sizeof(longer);
	/* retval: pend_custom_map_create -E2BIG */
	cr_assert_eq(create_error(&world, &longer.options), -E2BIG);
	options = map_options(BPF_MAP_TYPE_HASH, 4);
	options.flags = 1;
	cr_assert_eq(create_error(&world, &options), -EINVAL);
	options = map_options(BPF_MAP_TYPE_UNSPEC, 4);
	cr_assert_eq(create_error(&world, &options), -EINVAL);
	options = map_options(BPF_MAP_TYPE_HASH, 0);
	cr_assert_eq(create_error(&world, &options), -ERANGE);
	options.max_entries = PEND_MAP_ENTRIES_MAX + 1;
	cr_assert_eq(create_error(&world, &options), -ERANGE);
	options = map_options(BPF_MAP_TYPE_HASH, 4);
	options.key_size = 0;
	cr_assert_eq(create_error(&world, &options), -ERANGE);
	options.key_size = PEND_KEY_SIZE_MAX + 1;
	cr_assert_eq(create_error(&world, &options), -ERANGE);
	options = map_options(BPF_MAP_TYPE_HASH, 4);
	options.value_size = 0;
	cr_assert_eq(create_error(&world, &options), -ERANGE);
	options.value_size = PEND_VALUE_SIZE_MAX + 1;
	cr_assert_eq(create_error(&world, &options), -ERANGE);
	world_end(&world);
}
