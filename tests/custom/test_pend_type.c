/* SPDX-License-Identifier: MIT */
/*
 * test_pend_type.c - F4, F6, F7, F16, F26, K1 to K4, X8, X11: the pend map as a custom map: update
 * stages, delete completes, programs pend and do nothing else.
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

TestSuite(pend_type, .init = begin, .fini = end);

Test(pend_type, a_stored_verdict_completes_when_it_is_deleted)
{
	struct pend_custom_map *map = make_pend_type(&world, 8);
	const struct pend_key key = pend_in(map, 80);
	struct gate_value value = { .port = CANARY };

	cr_assert_eq(pend_custom_map_lookup(map, &key, &value), 0);
	cr_assert_eq(value.head.version, PEND_VALUE_VERSION);
	cr_assert_eq(value.head.action, PEND_ACTION_PENDING);
	cr_assert_eq(value.head.pend_timestamp_ns, machine_boot(), "written by the engine");
	cr_assert_eq(value.port, 80, "the program's own field");
	cr_assert_eq(update(map, &key, PEND_ACTION_PERMIT_HARD), 0);
	(void)serve_all(world.engine);
	cr_assert_eq(world.told.count, 0, "an update completes nothing (X8)");
	cr_assert_eq(pend_custom_map_lookup(map, &key, &value), 0);
	cr_assert_eq(value.head.action, PEND_ACTION_PERMIT_HARD);
	cr_assert_eq(value.port, 80);
	cr_assert_eq(count_of(map), 1);
	cr_assert_eq(pend_custom_map_delete(map, NULL, &key), 0);
	told_once(&world, &key, PEND_ACTION_PERMIT_HARD);
	cr_assert_eq(pend_custom_map_delete(map, NULL, &key), -ENOENT);
	value.port = CANARY;
	cr_assert_eq(pend_custom_map_lookup(map, &key, &value), -ENOENT);
	cr_assert_eq(value.port, CANARY);
	cr_assert_eq(count_of(map), 0);
	close_map(map);
}

Test(pend_type, a_delete_without_a_verdict_blocks)
{
	struct pend_custom_map *map = make_pend_type(&world, 8);
	const struct pend_key key = pend_in(map, 80);

	cr_assert_eq(pend_custom_map_delete(map, NULL, &key), 0);
	told_once(&world, &key, PEND_ACTION_BLOCK);
	close_map(map);
}

/* K2 */
Test(pend_type, only_a_program_makes_an_element)
{
	struct pend_custom_map *map = make_pend_type(&world, 8);
	const struct pend_key key = pend_in(map, 80), other = pend_key_of(key.pend_id ^ 1);

	cr_assert_eq(update_as(map, NULL, &other, PEND_ACTION_BLOCK, PEND_BPF_EXIST), -ENOENT);
	cr_assert_eq(update_as(map, NULL, &other, PEND_ACTION_BLOCK, PEND_BPF_ANY), -EPERM);
	cr_assert_eq(update_as(map, NULL, &other, PEND_ACTION_BLOCK, PEND_BPF_NOEXIST), -EPERM);
	cr_assert_eq(update_as(map, NULL, &key, PEND_ACTION_BLOCK, PEND_BPF_NOEXIST), -EEXIST);
	cr_assert_eq(count_of(map), 1);
	close_map(map);
}

/* K3 */
Test(pend_type, a_deadline_comes_before_a_verdict_that_was_only_stored)
{
	struct pend_map_options extra = pend_map_options_default();
	struct pend_custom_map_options options = pend_type_options(8);
	struct pend_custom_map *map;
	struct pend_key key;

	extra.flags = PEND_MAP_ENABLED;
	extra.deadline_ns = 10 * MS;
	options.extra = &extra;
	map = make_custom(&world, &options);
	key = pend_in(map, 80);
	cr_assert_eq(update(map, &key, PEND_ACTION_PERMIT_HARD), 0);
	pass_time(world.engine, 30 * MS, MS);
	told_once(&world, &key, PEND_ACTION_BLOCK);
	cr_assert_eq(stats_of(pend_custom_map_pends(map)).staged_lost, 1);
	close_map(map);
}

/* K4 */
Test(pend_type, a_continue_takes_back_what_was_stored)
{
	struct pend_custom_map *map = make_pend_type(&world, 8);
	const struct pend_key key = pend_in(map, 80);

	cr_assert_eq(update(map, &key, PEND_ACTION_PERMIT_HARD), 0);
	cr_assert_eq(update(map, &key, PEND_ACTION_CONTINUE), 0);
	/* retval: pend_custom_map_update -EALREADY */
	cr_assert_eq(update(map, &key, PEND_ACTION_CONTINUE), -EALREADY);
	(void)serve_all(world.engine);
	cr_assert_eq(world.told.count, 0, "it ran and pended again");
	cr_assert_eq(pend_custom_map_delete(map, NULL, &key), 0);
	told_once(&world, &key, PEND_ACTION_BLOCK);
	close_map(map);
}

/* F6, F7 */
Test(pend_type, what_is_no_key_or_value_is_refused)
{
	struct pend_custom_map *map = make_pend_type(&world, 8);
	const struct pend_key key = pend_in(map, 80);
	struct pend_key wrong = key;
	struct gate_value value = { .head = { PEND_VALUE_VERSION, 16, PEND_ACTION_BLOCK, 0 } };

	cr_assert_eq(update(map, &key, PEND_ACTION_PENDING), -EINVAL);
	cr_assert_eq(update(map, &key, 5), -EINVAL);
	value.head.size = 15;
	cr_assert_eq(pend_custom_map_update(map, NULL, &key, &value, PEND_BPF_ANY), -EINVAL);
	value.head.size = sizeof(value);
	cr_assert_eq(pend_custom_map_update(map, NULL, &key, &value, PEND_BPF_ANY), 0);
	value.head.version++;
	cr_assert_eq(pend_custom_map_update(map, NULL, &key, &value, PEND_BPF_ANY), -EINVAL);
	wrong.version++;
	cr_assert_eq(pend_custom_map_lookup(map, &wrong, &value), -EINVAL);
	cr_assert_eq(pend_custom_map_delete(map, NULL, &wrong), -EINVAL);
	wrong = key;
	wrong.size--;
	cr_assert_eq(update(map, &wrong, PEND_ACTION_BLOCK), -EINVAL);
	wrong = key;
	wrong.reserved = 77;
	cr_assert_eq(pend_custom_map_lookup(map, &wrong, &value), 0, "ignored");
	close_map(map);
}

/* Guarantee J */
Test(pend_type, a_walk_meets_what_is_pended_all_the_while)
{
	struct pend_custom_map *map = make_pend_type(&world, 64);
	struct pend_key keys[32], at;
	bool seen[32] = { false };
	uint32_t met = 0;
	int error;

	for (uint32_t i = 0; i < 32; i++)
		keys[i] = pend_in(map, i);
	for (error = pend_custom_map_next_key(map, NULL, &at); !error;
	     error = pend_custom_map_next_key(map, &at, &at)) {
		for (uint32_t i = 0; i < 32; i++) {
			if (keys[i].pend_id != at.pend_id)
				continue;
			cr_assert_not(seen[i]);
			seen[i] = true;
			met++;
			/* What was met is gone before the next step. */
			cr_assert_eq(pend_custom_map_delete(map, NULL, &at), 0);
			(void)serve_all(world.engine);
			world.told.count = 0;
		}
		(void)pend_in(map, 1000); /* others come beside it, as long as there is room */
		if (met == 32)
			break;
	}
	cr_assert_eq(met, 32);
	close_map(map);
}

Test(pend_type, programs_only_pend)
{
	struct pend_custom_map *map = make_pend_type(&world, 8);
	const struct pend_key key = pend_in(map, 80);
	const struct gate_value value = { .port = 1 };
	const void *found;

	cr_assert_eq(pend_epoch_enter(), 0);
	cr_assert_eq(pendi_custom_program_lookup(map, &key, &found), -ENOTSUP);
	cr_assert_eq(pendi_custom_program_update(map, &key, &value, PEND_BPF_ANY), -ENOTSUP);
	cr_assert_eq(pendi_custom_program_delete(map, &key), -ENOTSUP);
	cr_assert_eq(pend_epoch_exit(), 0);
	close_map(map);
}

/* What pend helpers are told of a map. */
Test(pend_type, a_helper_finds_what_it_needs)
{
	struct pend_map_options extra = pend_map_options_default();
	struct pend_custom_map_options options = pend_type_options(8);
	struct pend_custom_map *map, *plain;
	struct pendi_pend_target target;

	extra.scratch_size = 17;
	options.extra = &extra;
	options.name_space = (struct pend_namespace){ 3, 4 };
	map = make_custom(&world, &options);
	plain = make_map(&world, BPF_MAP_TYPE_HASH, 8);
	cr_assert_eq(pendi_custom_target(map, BPF_MAP_TYPE_NET_EBPF_EXT_PEND, &target), 0);
	cr_assert_eq(target.map, pend_custom_map_pends(map));
	cr_assert_eq(target.map->scratch_size, RECORD_SIZE + 32, "the record, and 17 rounded up");
	cr_assert_eq(target.scratch_size, 32);
	cr_assert_eq(target.value_size, sizeof(struct gate_value));
	cr_assert_null(target.session);
	cr_assert_eq(target.name_space.label, 4);
	cr_assert_eq(pendi_custom_target(NULL, BPF_MAP_TYPE_NET_EBPF_EXT_PEND, &target), -EFAULT);
	cr_assert_eq(pendi_custom_target(map, BPF_MAP_TYPE_SOCK_ADDR_PEND_COMPLETE, &target),
		     -EINVAL);
	cr_assert_eq(pendi_custom_target(plain, BPF_MAP_TYPE_HASH, &target), -EINVAL);
	close_map(map);
	close_map(plain);
}

Test(pend_type, options_of_the_map_underneath_are_read)
{
	struct pend_map_options extra = pend_map_options_default();
	struct pend_custom_map_options options = pend_type_options(2);
	struct pend_custom_map *map;
	struct pend_key key;

	options.extra = &extra;
	map = make_custom(&world, &options);
	cr_assert_eq(try_pend_in(map, 1, 0, &key), -ESHUTDOWN, "not PEND_MAP_ENABLED");
	cr_assert_eq(pend_map_enable(pend_custom_map_pends(map)), 0);
	(void)pend_in(map, 1);
	(void)pend_in(map, 2);
	cr_assert_eq(try_pend_in(map, 3, 0, &key), -ENOSPC, "max_entries is the custom map's");
	close_map(map);
	extra.scratch_size = PEND_SCRATCH_SIZE_MAX - RECORD_SIZE;
	close_map(make_custom(&world, &options));
	extra.scratch_size++;
	cr_assert_eq(create_error(&world, &options), -ERANGE);
	extra.scratch_size = UINT32_MAX;
	cr_assert_eq(create_error(&world, &options), -ERANGE);
	extra = pend_map_options_default();
	extra.size--;
	cr_assert_eq(create_error(&world, &options), -EINVAL);
	extra = pend_map_options_default();
	extra.flags = 1u << 31;
	cr_assert_eq(create_error(&world, &options), -EINVAL);
}

Test(pend_type, sizes_are_those_of_the_vocabulary)
{
	struct pend_custom_map_options options = pend_type_options(8);

	options.key_size--;
	cr_assert_eq(create_error(&world, &options), -EINVAL);
	options = pend_type_options(8);
	options.value_size = sizeof(struct pend_value) - 1;
	cr_assert_eq(create_error(&world, &options), -EINVAL);
	options.value_size++;
	close_map(make_custom(&world, &options));
	options.value_size = PEND_VALUE_SIZE_MAX;
	close_map(make_custom(&world, &options));
}

/* X11 */
Test(pend_type, what_is_pended_is_blocked_when_its_map_is_closed)
{
	struct pend_custom_map *map = make_pend_type(&world, 8);
	struct pend_key key;

	for (uint64_t i = 0; i < 5; i++)
		(void)pend_in(map, i);
	key = pend_in(map, 5);
	cr_assert_eq(update(map, &key, PEND_ACTION_PERMIT_HARD), 0);
	close_map(map);
	cr_assert_eq(world.told.count, 6);
	for (uint32_t i = 0; i < 6; i++) {
		cr_assert_eq(world.told.operations[i].action, PEND_ACTION_BLOCK);
		cr_assert_eq(world.told.operations[i].origin, PEND_ORIGIN_DESTROY);
	}
}

static struct pend_custom_map *closing, *another;

static void close_it(void *context, const struct pend_operation *operation)
{
	cr_assert_eq(pend_custom_map_close(closing), -EDEADLK);
	/* Nor one that the same engine serves. */
	cr_assert_eq(pend_custom_map_close(another), -EDEADLK);
	tell(context, operation);
}

Test(pend_type, a_completion_function_does_not_close_its_map)
{
	struct pend_key key;

	world.functions.on_complete = close_it;
	closing = make_pend_type(&world, 8);
	another = make_pend_type(&world, 8);
	key = pend_in(closing, 1);
	cr_assert_eq(pend_custom_map_delete(closing, NULL, &key), 0);
	told_once(&world, &key, PEND_ACTION_BLOCK);
	close_map(closing);
	close_map(another);
}

/* ---- all of them ---- */

static struct pend_map *visited[8];
static uint32_t visits;

static void visit(void *context, struct pend_map *map)
{
	cr_assert_eq(context, &world);
	visited[visits++] = map;
	/* No lock is held. */
	cr_assert_gt(pend_custom_map_next_id(runtime_of(&world), NULL, 0), 0);
}

Test(pend_type, each_pend_map_is_visited)
{
	struct pend_custom_map_options options = pend_type_options(8);
	struct pend_custom_map *first, *plain, *second, *third;

	first = make_custom(&world, &options);
	plain = make_map(&world, BPF_MAP_TYPE_HASH, 8);
	options.name_space.label = 9;
	second = make_custom(&world, &options);
	third = make_complete_type(&world, 8);
	pendi_custom_each_pend_map(&world.registry, visit, &world);
	cr_assert_eq(visits, 3);
	cr_assert_eq(visited[0], pend_custom_map_pends(first));
	cr_assert_eq(visited[1], pend_custom_map_pends(second));
	cr_assert_eq(visited[2], pend_custom_map_pends(third));
	close_map(first);
	close_map(plain);
	close_map(second);
	close_map(third);
}

Test(pend_type, an_empty_map_has_no_first_key)
{
	struct pend_custom_map *map = make_pend_type(&world, 8);
	struct pend_key key = { .pend_id = CANARY }, next = pend_in(map, 80);

	cr_assert_eq(pend_custom_map_next_key(map, NULL, &key), 0);
	cr_assert_eq(key.pend_id, next.pend_id);
	cr_assert_eq(pend_custom_map_next_key(map, &key, &next), -ENOENT);
	cr_assert_eq(next.pend_id, key.pend_id, "not written");
	cr_assert_eq(pend_custom_map_delete(map, NULL, &key), 0);
	cr_assert_eq(pend_custom_map_next_key(map, NULL, &next), -ENOENT);
	close_map(map);
}

/* Every type of program may use it. */
Test(pend_type, is_for_all_programs)
{
	const struct pend_uuid any = { { 1, 2, 3 } };
	struct pend_custom_map *map = make_pend_type(&world, 8);

	cr_assert_eq(pend_custom_map_associate(map, &any), 0);
	close_map(map);
}
