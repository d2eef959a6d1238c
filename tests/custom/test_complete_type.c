/* SPDX-License-Identifier: MIT */
/*
 * test_complete_type.c - F63, F64, Appendix F S9, X5, X6, OP-33: the complete map as a custom map:
 * an update completes what was pended in this very map, and stores nothing.
 */
#include "tests/custom/types.h"

static struct world world;

static void begin(void)
{
	world_begin(&world);
}

static void end(void)
{
	world_end(&world);
}

TestSuite(complete_type, .init = begin, .fini = end);

Test(complete_type, an_update_completes)
{
	static const uint32_t actions[][2] = {
		{ PEND_COMPLETE_REJECT, PEND_ACTION_BLOCK },
		{ PEND_COMPLETE_PROCEED_SOFT, PEND_ACTION_PERMIT_SOFT },
		{ PEND_COMPLETE_PROCEED_HARD, PEND_ACTION_PERMIT_HARD },
	};
	struct pend_custom_map *map = make_complete_type(&world, 8);

	for (uint32_t i = 0; i < 3; i++) {
		const struct pend_key key = pend_in(map, 0);

		cr_assert_eq(complete(map, &key, actions[i][0]), 0);
		told_once(&world, &key, (enum pend_action)actions[i][1]);
		cr_assert_eq(complete(map, &key, actions[i][0]), -ENOENT);
	}
	close_map(map);
}

Test(complete_type, who_comes_second_is_told)
{
	struct pend_custom_map *map = make_complete_type(&world, 8);
	const struct pend_key key = pend_in(map, 0);

	cr_assert_eq(complete(map, &key, PEND_COMPLETE_PROCEED_HARD), 0);
	cr_assert_eq(complete(map, &key, PEND_COMPLETE_REJECT), -EEXIST);
	told_once(&world, &key, PEND_ACTION_PERMIT_HARD);
	close_map(map);
}

/* X5: an operation that is pended again is completed under the same key. */
Test(complete_type, what_was_run_again_is_completed_under_its_key)
{
	struct pend_custom_map *map = make_complete_type(&world, 8);
	const struct pend_key key = pend_in(map, 0);

	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(complete(map, &key, PEND_COMPLETE_REINVOKE), 0);
		(void)serve_all(world.engine);
		cr_assert_eq(world.told.count, 0);
	}
	cr_assert_eq(complete(map, &key, PEND_COMPLETE_PROCEED_SOFT), 0);
	told_once(&world, &key, PEND_ACTION_PERMIT_SOFT);
	close_map(map);
}

/* X6, OP-33: with max_entries pended, each is completed. */
Test(complete_type, is_never_full)
{
	struct pend_custom_map *map = make_complete_type(&world, 2);
	const struct pend_key first = pend_in(map, 0), second = pend_in(map, 0);

	cr_assert_eq(complete(map, &first, PEND_COMPLETE_REJECT), 0);
	cr_assert_eq(complete(map, &second, PEND_COMPLETE_REJECT), 0);
	(void)serve_all(world.engine);
	cr_assert_eq(world.told.count, 2);
	close_map(map);
}

/* S9 */
Test(complete_type, an_operation_of_another_map_is_out_of_reach)
{
	struct pend_custom_map *mine = make_complete_type(&world, 8);
	struct pend_custom_map *theirs = make_complete_type(&world, 8);
	const struct pend_key key = pend_in(mine, 0), other = pend_in(theirs, 0);

	cr_assert_eq(complete(theirs, &key, PEND_COMPLETE_PROCEED_HARD), -ENOENT);
	cr_assert_eq(complete(mine, &other, PEND_COMPLETE_PROCEED_HARD), -ENOENT);
	(void)serve_all(world.engine);
	cr_assert_eq(world.told.count, 0, "untouched");
	cr_assert_eq(complete(mine, &key, PEND_COMPLETE_REJECT), 0);
	told_once(&world, &key, PEND_ACTION_BLOCK);
	close_map(mine);
	close_map(theirs);
}

Test(complete_type, what_is_no_key_or_entry_is_refused)
{
	struct pend_custom_map *map = make_complete_type(&world, 8);
	const struct pend_key key = pend_in(map, 0);
	struct pend_complete_entry entry = { PEND_VALUE_VERSION, sizeof(entry), 4 };
	struct pend_key wrong = key;

	cr_assert_eq(pend_custom_map_update(map, NULL, &key, &entry, 0), -EINVAL);
	entry.action = PEND_COMPLETE_REJECT;
	entry.size--;
	cr_assert_eq(pend_custom_map_update(map, NULL, &key, &entry, 0), -EINVAL);
	entry.size++;
	entry.version++;
	cr_assert_eq(pend_custom_map_update(map, NULL, &key, &entry, 0), -EINVAL);
	wrong.size++;
	cr_assert_eq(complete(map, &wrong, PEND_COMPLETE_REJECT), -EINVAL);
	cr_assert_eq(complete_as(map, NULL, &key, PEND_COMPLETE_REJECT, PEND_BPF_EXIST), -ENOENT,
		     "there is never an entry");
	cr_assert_eq(complete_as(map, NULL, &key, PEND_COMPLETE_REJECT, PEND_BPF_NOEXIST), 0);
	told_once(&world, &key, PEND_ACTION_BLOCK);
	close_map(map);
}

Test(complete_type, has_a_limit_of_runs)
{
	struct pend_map_options extra = pend_map_options_default();
	struct pend_custom_map_options options = complete_type_options(8);
	struct pend_custom_map *map;
	struct pend_key key;

	extra.flags = PEND_MAP_ENABLED;
	extra.rerun_limit = 1;
	options.extra = &extra;
	map = make_custom(&world, &options);
	key = pend_in(map, 0);
	cr_assert_eq(complete(map, &key, PEND_COMPLETE_REINVOKE), 0);
	(void)serve_all(world.engine);
	/* retval: pend_custom_map_update -ELOOP */
	cr_assert_eq(complete(map, &key, PEND_COMPLETE_REINVOKE), -ELOOP);
	close_map(map);
}

Test(complete_type, there_is_nothing_to_look_up)
{
	struct pend_custom_map *map = make_complete_type(&world, 8);
	const struct pend_key key = pend_in(map, 0);
	struct pend_complete_entry entry;
	struct pend_key next;

	/* retval: pend_custom_map_lookup -ENOTSUP */
	cr_assert_eq(pend_custom_map_lookup(map, &key, &entry), -ENOTSUP);
	/* retval: pend_custom_map_delete -ENOTSUP */
	cr_assert_eq(pend_custom_map_delete(map, NULL, &key), -ENOTSUP);
	/* retval: pend_custom_map_next_key -ENOTSUP */
	cr_assert_eq(pend_custom_map_next_key(map, NULL, &next), -ENOTSUP);
	cr_assert_eq(count_of(map), 1, "what is pended in it");
	close_map(map);
	cr_assert_eq(world.told.count, 1);
}

Test(complete_type, sizes_are_those_of_the_vocabulary)
{
	struct pend_custom_map_options options = complete_type_options(8);

	options.key_size++;
	cr_assert_eq(create_error(&world, &options), -EINVAL);
	options = complete_type_options(8);
	options.value_size--;
	cr_assert_eq(create_error(&world, &options), -EINVAL);
	options.value_size = 64;
	close_map(make_custom(&world, &options));
}

/* Where nothing can be run again, that is said. */
Test(complete_type, without_a_program_to_run_there_is_no_reinvoke)
{
	struct pend_custom_map *map;
	struct pend_key key;

	world.functions.on_rerun = NULL;
	map = make_complete_type(&world, 8);
	key = pend_in(map, 0);
	cr_assert_eq(complete(map, &key, PEND_COMPLETE_REINVOKE), -ENOTSUP);
	close_map(map);
}
