/* SPDX-License-Identifier: MIT */
/*
 * test_handle.c - F66: maps by name and by id, each in its namespace and in no other; what a map
 * tells about itself.
 */
#include "tests/custom/fixture.h"

static struct world world;

static const struct pend_namespace here = { 11, 1 }, there = { 11, 2 };

static struct pend_custom_map *make_in(const struct pend_namespace *name_space)
{
	struct pend_custom_map_options options = map_options(BPF_MAP_TYPE_HASH, 4);

	if (name_space)
		options.name_space = *name_space;
	return make_custom(&world, &options);
}

static uint32_t id_of(struct pend_custom_map *map)
{
	struct pend_custom_map_info info = { .size = sizeof(info) };

	cr_assert_eq(pend_custom_map_info_read(map, &info), 0);
	return info.id;
}

Test(handle, a_map_tells_what_it_is)
{
	struct {
		struct pend_custom_map_info info;
		uint64_t newer;
	} longer = { { .size = sizeof(longer) }, CANARY };
	struct pend_custom_map_options options = map_options(BPF_MAP_TYPE_HASH, 77);
	struct pend_custom_map *map;

	world_begin(&world);
	options.value_size = 24;
	map = make_custom(&world, &options);
	cr_assert_eq(pend_custom_map_info_read(map, &longer.info), 0);
	cr_assert_eq(longer.info.size, sizeof(longer));
	cr_assert_neq(longer.info.id, 0);
	cr_assert_eq(longer.info.type, BPF_MAP_TYPE_HASH);
	cr_assert_eq(longer.info.key_size, 8);
	cr_assert_eq(longer.info.value_size, 24);
	cr_assert_eq(longer.info.max_entries, 77);
	cr_assert_eq(longer.info.count, 0);
	cr_assert_eq(longer.newer, CANARY);
	longer.info.size = sizeof(longer.info) - 1;
	/* retval: pend_custom_map_info_read -EINVAL */
	cr_assert_eq(pend_custom_map_info_read(map, &longer.info), -EINVAL);
	/* retval: pend_custom_map_info_read -EFAULT */
	cr_assert_eq(pend_custom_map_info_read(NULL, &longer.info), -EFAULT);
	cr_assert_eq(pend_custom_map_info_read(map, NULL), -EFAULT);
	cr_assert_null(pend_custom_map_context(NULL));
	cr_assert_null(pend_custom_map_context(map));
	cr_assert_null(pend_custom_map_pends(NULL));
	cr_assert_null(pend_custom_map_pends(map));
	close_map(map);
	world_end(&world);
}

Test(handle, a_pinned_map_lives_without_a_handle)
{
	char name[PEND_NAME_MAX + 2];
	struct pend_custom_map *map, *again = NULL;

	world_begin(&world);
	map = make_in(NULL);
	must_put(map, 1, 10);
	cr_assert_eq(pend_custom_map_pin(map, "gate"), 0);
	/* retval: pend_custom_map_pin -EEXIST */
	cr_assert_eq(pend_custom_map_pin(map, "gate"), -EEXIST);
	/* retval: pend_custom_map_pin -EINVAL */
	cr_assert_eq(pend_custom_map_pin(map, ""), -EINVAL);
	memset(name, 'n', sizeof(name));
	name[PEND_NAME_MAX + 1] = 0;
	/* retval: pend_custom_map_pin -ENAMETOOLONG */
	cr_assert_eq(pend_custom_map_pin(map, name), -ENAMETOOLONG);
	/* retval: pend_custom_map_pin -EFAULT */
	cr_assert_eq(pend_custom_map_pin(map, NULL), -EFAULT);
	cr_assert_eq(pend_custom_map_pin(NULL, "gate"), -EFAULT);
	close_map(map);
	cr_assert_eq(pend_custom_map_open(runtime_of(&world), NULL, "gate", &again), 0);
	cr_assert_eq(get(again, 1), 10);
	cr_assert_eq(pend_unpin(runtime_of(&world), NULL, "gate"), 0);
	close_map(again);
	again = NULL;
	/* retval: pend_custom_map_open -ENOENT */
	cr_assert_eq(pend_custom_map_open(runtime_of(&world), NULL, "gate", &again), -ENOENT);
	cr_assert_null(again);
	/* retval: pend_custom_map_open -EFAULT */
	cr_assert_eq(pend_custom_map_open(NULL, NULL, "gate", &again), -EFAULT);
	cr_assert_eq(pend_custom_map_open(runtime_of(&world), NULL, NULL, &again), -EFAULT);
	cr_assert_eq(pend_custom_map_open(runtime_of(&world), NULL, "gate", NULL), -EFAULT);
	world_end(&world);
}

static int no_memory(size_t size)
{
	return size != 0;
}

Test(handle, a_pin_may_find_no_memory)
{
	struct pend_custom_map *map;
	int error;

	world_begin(&world);
	map = make_in(NULL);
	pendi_script.allocation_fails = no_memory;
	error = pend_custom_map_pin(map, "gate");
	pendi_script.allocation_fails = NULL;
	/* retval: pend_custom_map_pin -ENOMEM */
	cr_assert_eq(error, -ENOMEM);
	close_map(map);
	world_end(&world);
}

Test(handle, maps_are_found_by_id)
{
	struct pend_custom_map *first, *second, *found = NULL;
	struct pend_runtime *runtime;
	uint32_t last;

	world_begin(&world);
	runtime = runtime_of(&world);
	first = make_in(NULL);
	second = make_in(NULL);
	last = id_of(second);
	cr_assert_eq(pend_custom_map_next_id(runtime, NULL, 0), id_of(first));
	cr_assert_eq(pend_custom_map_next_id(runtime, NULL, id_of(first)), last);
	cr_assert_eq(pend_custom_map_next_id(runtime, NULL, last), 0);
	/* retval: pend_custom_map_next_id -EFAULT */
	cr_assert_eq(pend_custom_map_next_id(NULL, NULL, 0), -EFAULT);
	cr_assert_eq(pend_custom_map_by_id(runtime, NULL, last, &found), 0);
	cr_assert_eq(found, second);
	close_map(found);
	cr_assert_eq(id_of(second), last, "one handle is left");
	close_map(second);
	found = NULL;
	/* retval: pend_custom_map_by_id -ENOENT */
	cr_assert_eq(pend_custom_map_by_id(runtime, NULL, last, &found), -ENOENT);
	cr_assert_null(found);
	/* retval: pend_custom_map_by_id -EFAULT */
	cr_assert_eq(pend_custom_map_by_id(NULL, NULL, last, &found), -EFAULT);
	cr_assert_eq(pend_custom_map_by_id(runtime, NULL, last, NULL), -EFAULT);
	close_map(first);
	world_end(&world);
}

Test(handle, what_is_in_another_namespace_is_not_there)
{
	struct pend_custom_map *mine, *theirs, *found = NULL;
	struct pend_runtime *runtime;

	world_begin(&world);
	runtime = runtime_of(&world);
	mine = make_in(&here);
	theirs = make_in(&there);
	cr_assert_eq(pend_custom_map_pin(mine, "gate"), 0);
	cr_assert_eq(pend_custom_map_pin(theirs, "gate"), 0, "names are of a namespace");
	cr_assert_eq(pend_custom_map_open(runtime, &here, "gate", &found), 0);
	cr_assert_eq(found, mine);
	close_map(found);
	found = NULL;
	cr_assert_eq(pend_custom_map_open(runtime, NULL, "gate", &found), -ENOENT);
	cr_assert_eq(pend_custom_map_by_id(runtime, &here, id_of(theirs), &found), -ENOENT);
	cr_assert_eq(pend_custom_map_by_id(runtime, NULL, id_of(mine), &found), -ENOENT);
	cr_assert_eq(pend_custom_map_next_id(runtime, &here, 0), id_of(mine));
	cr_assert_eq(pend_custom_map_next_id(runtime, &here, id_of(mine)), 0);
	cr_assert_eq(pend_custom_map_next_id(runtime, NULL, 0), 0);
	cr_assert_eq(pend_unpin(runtime, &here, "gate"), 0);
	cr_assert_eq(pend_unpin(runtime, &there, "gate"), 0);
	close_map(mine);
	close_map(theirs);
	world_end(&world);
}
