/* SPDX-License-Identifier: MIT */
/*
 * test_element.c - F85, F86, OP-31, OP-32: lookup, update, delete, take and walk, and that the
 * provider of the type is told of each value exactly once, with no lock held.
 */
#include "tests/custom/fixture.h"

static struct world world;
static struct diary diary;

/* A map of a provider that translates, or only watches. */
static struct pend_custom_map *begin(bool translates, uint32_t max_entries)
{
	world_begin(&world);
	diary_begin(&diary, translates);
	cr_assert_eq(diary_register(&diary, &world), 0);
	return make_map(&world, TEST_TYPE, max_entries);
}

static void end(struct pend_custom_map *map)
{
	close_map(map);
	diary_leave(&diary);
	world_end(&world);
}

Test(element, a_plain_table_stores_and_has_no_provider)
{
	uint64_t key = 7, value = 0;
	struct pend_custom_map *map;

	world_begin(&world);
	map = make_map(&world, BPF_MAP_TYPE_HASH, 4);
	/* retval: pend_custom_map_lookup -ENOENT */
	cr_assert_eq(get_error(map, 7), -ENOENT);
	must_put(map, 7, 70);
	cr_assert_eq(get(map, 7), 70);
	must_put(map, 7, 71);
	cr_assert_eq(get(map, 7), 71);
	cr_assert_eq(count_of(map), 1);
	cr_assert_eq(drop(map, 7), 0);
	/* retval: pend_custom_map_delete -ENOENT */
	cr_assert_eq(drop(map, 7), -ENOENT);
	must_put(map, 7, 72);
	cr_assert_eq(pend_custom_map_take(map, &key, &value), 0);
	cr_assert_eq(value, 72);
	value = CANARY;
	/* retval: pend_custom_map_take -ENOENT */
	cr_assert_eq(pend_custom_map_take(map, &key, &value), -ENOENT);
	cr_assert_eq(value, CANARY);
	cr_assert_eq(count_of(map), 0);
	close_map(map);
	world_end(&world);
}

Test(element, update_does_what_its_flags_say)
{
	struct pend_custom_map *map = begin(false, 2);

	/* retval: pend_custom_map_update -ENOENT */
	cr_assert_eq(put(map, 1, 10, PEND_BPF_EXIST), -ENOENT);
	cr_assert_eq(put(map, 1, 11, PEND_BPF_NOEXIST), 0);
	/* retval: pend_custom_map_update -EEXIST */
	cr_assert_eq(put(map, 1, 12, PEND_BPF_NOEXIST), -EEXIST);
	cr_assert_eq(get(map, 1), 11);
	cr_assert_eq(put(map, 1, 13, PEND_BPF_EXIST), 0);
	cr_assert_eq(get(map, 1), 13);
	/* retval: pend_custom_map_update -EINVAL */
	cr_assert_eq(put(map, 1, 14, PEND_BPF_EXIST + 1), -EINVAL);
	must_put(map, 2, 20);
	/* retval: pend_custom_map_update -ENOSPC */
	cr_assert_eq(put(map, 3, 30, PEND_BPF_ANY), -ENOSPC);
	cr_assert_eq(get_error(map, 3), -ENOENT);
	end(map);
}

Test(element, what_could_not_be_stored_is_undone)
{
	struct pend_custom_map *map = begin(true, 1);

	must_put(map, 1, 10);
	diary.count = 0;
	cr_assert_eq(put(map, 2, 20, PEND_BPF_ANY), -ENOSPC);
	cr_assert_eq(put(map, 1, 30, PEND_BPF_NOEXIST), -EEXIST);
	cr_assert_eq(put(map, 3, 40, PEND_BPF_EXIST), -ENOENT);
	cr_assert_eq(told_of_any(&diary, UPDATING), 3);
	cr_assert_eq(told_of(&diary, GONE, PEND_MAP_OPERATION_UPDATE), 3);
	cr_assert_eq(diary.lines[1].key, 2, "the undone one, not the stored one");
	cr_assert_eq(diary.lines[1].stored, 1020);
	cr_assert_eq(diary.lines[3].stored, 1030);
	cr_assert_eq(diary.lines[5].stored, 1040);
	cr_assert_eq(get(map, 1), 10);
	end(map);
}

Test(element, who_only_hears_of_ends_hears_of_no_undo)
{
	struct pend_custom_map *map;

	world_begin(&world);
	diary_begin(&diary, false);
	diary.callbacks.preprocess_update = NULL;
	cr_assert_eq(diary_register(&diary, &world), 0);
	map = make_map(&world, TEST_TYPE, 1);
	must_put(map, 1, 10);
	cr_assert_eq(put(map, 2, 20, PEND_BPF_ANY), -ENOSPC);
	cr_assert_eq(told_of_any(&diary, GONE), 0);
	must_put(map, 1, 11);
	cr_assert_eq(told_of(&diary, GONE, PEND_MAP_OPERATION_UPDATE), 1);
	cr_assert_eq(last_line(&diary).stored, 10);
	end(map);
}

Test(element, what_the_provider_refuses_is_not_stored)
{
	struct pend_custom_map *map = begin(true, 4);

	must_put(map, 1, 10);
	diary.fail[UPDATING] = -EILSEQ;
	diary.count = 0;
	cr_assert_eq(put(map, 1, 11, PEND_BPF_ANY), -EILSEQ, "as it is");
	cr_assert_eq(put(map, 2, 20, PEND_BPF_ANY), -EILSEQ);
	cr_assert_eq(told_of_any(&diary, GONE), 0, "it was not let through");
	cr_assert_eq(get(map, 1), 10);
	cr_assert_eq(get_error(map, 2), -ENOENT);
	end(map);
}

Test(element, what_the_provider_does_not_show_is_not_seen_nor_taken)
{
	struct pend_custom_map *map = begin(true, 4);
	uint64_t key = 1, value = CANARY;

	must_put(map, 1, 10);
	diary.fail[FOUND] = -EKEYREJECTED;
	cr_assert_eq(get_error(map, 1), -EKEYREJECTED);
	cr_assert_eq(pend_custom_map_take(map, &key, &value), -EKEYREJECTED);
	cr_assert_eq(value, CANARY);
	cr_assert_eq(told_of_any(&diary, GONE), 0);
	diary.fail[FOUND] = 0;
	cr_assert_eq(get(map, 1), 10, "it is still there");
	cr_assert_eq(pend_custom_map_take(map, &key, &value), 0);
	cr_assert_eq(value, 10);
	cr_assert_eq(told_of(&diary, GONE, 0), 1);
	cr_assert_eq(last_line(&diary).stored, 1010);
	end(map);
}

Test(element, each_value_that_was_stored_is_told_of_once)
{
	struct pend_custom_map *map = begin(true, 8);
	uint64_t key = 3, value;

	for (uint64_t i = 0; i < 6; i++)
		must_put(map, i, i);
	must_put(map, 1, 100); /* replaces 1 */
	cr_assert_eq(told_of(&diary, GONE, PEND_MAP_OPERATION_UPDATE), 1);
	cr_assert_eq(last_line(&diary).stored, 1001);
	cr_assert_eq(drop(map, 2), 0); /* removes 2 */
	cr_assert_eq(last_line(&diary).stored, 1002);
	cr_assert_eq(pend_custom_map_take(map, &key, &value), 0); /* removes 3 */
	cr_assert_eq(told_of(&diary, GONE, 0), 2);
	close_map(map); /* the other four */
	cr_assert_eq(told_of(&diary, GONE, PEND_MAP_OPERATION_CLEANUP), 4);
	cr_assert_eq(told_of_any(&diary, GONE), told_of_any(&diary, UPDATING));
	cr_assert_eq(last_line(&diary).event, FORGOTTEN, "the map goes last");
	diary_leave(&diary);
	world_end(&world);
}

Test(element, a_walk_meets_each_key_once_without_callbacks)
{
	struct pend_custom_map *map = begin(true, 100);
	uint64_t key = 0, met = 0;
	bool seen[100] = { false };

	for (uint64_t i = 0; i < 100; i++)
		must_put(map, i, i);
	diary.count = 0;
	cr_assert_eq(pend_custom_map_next_key(map, NULL, &key), 0);
	do {
		cr_assert_lt(key, 100u);
		cr_assert_not(seen[key]);
		seen[key] = true;
		met++;
	} while (pend_custom_map_next_key(map, &key, &key) == 0);
	cr_assert_eq(met, 100);
	cr_assert_eq(diary.count, 0);
	met = key;
	/* retval: pend_custom_map_next_key -ENOENT */
	cr_assert_eq(pend_custom_map_next_key(map, &key, &key), -ENOENT);
	cr_assert_eq(key, met, "untouched");
	end(map);
}

Test(element, a_walk_goes_on_from_a_key_that_was_deleted)
{
	struct pend_custom_map *map = begin(false, 64);
	uint64_t key, met = 0;

	for (uint64_t i = 0; i < 64; i++)
		must_put(map, i * 977, i);
	for (int error = pend_custom_map_next_key(map, NULL, &key); !error;
	     error = pend_custom_map_next_key(map, &key, &key)) {
		cr_assert_eq(drop(map, key), 0, "a key that is gone is not met again");
		met++;
	}
	cr_assert_eq(met, 64);
	cr_assert_eq(pend_custom_map_next_key(map, NULL, &key), -ENOENT);
	end(map);
}

Test(element, a_walk_is_not_turned_back_by_what_comes_again)
{
	struct pend_custom_map *map = begin(false, 64);
	bool seen[64] = { false };
	uint64_t key, met = 0;

	for (uint64_t i = 0; i < 64; i++)
		must_put(map, i, i);
	for (int error = pend_custom_map_next_key(map, NULL, &key); !error;
	     error = pend_custom_map_next_key(map, &key, &key)) {
		cr_assert_not(seen[key]);
		seen[key] = true;
		met++;
		/* It comes back, perhaps elsewhere; so does another one. */
		cr_assert_eq(drop(map, key), 0);
		cr_assert_eq(drop(map, (key + 1) % 64), 0);
		must_put(map, (key + 1) % 64, 0);
		must_put(map, key, 0);
		diary.count = 0;
	}
	cr_assert_eq(met, 64);
	end(map);
}

Test(element, a_walk_is_not_moved_by_updates)
{
	struct pend_custom_map *map = begin(false, 64);
	uint64_t key, met = 0;
	bool seen[64] = { false };

	for (uint64_t i = 0; i < 64; i++)
		must_put(map, i, i);
	for (int error = pend_custom_map_next_key(map, NULL, &key); !error;
	     error = pend_custom_map_next_key(map, &key, &key)) {
		cr_assert_not(seen[key]);
		seen[key] = true;
		met++;
		diary.count = 0;
		/* Their values go to other slots; they stay where they are in the walk. */
		for (uint64_t i = 0; i < 64; i += 7)
			must_put(map, i, met);
	}
	cr_assert_eq(met, 64);
	end(map);
}

Test(element, a_provider_finds_what_is_stored_inside_an_epoch)
{
	struct pend_custom_map *map = begin(true, 4);
	const uint64_t key = 1, other = 2;
	const void *const canary = &key;
	const void *stored = canary;

	must_put(map, 1, 10);
	/* retval: pend_custom_map_find_stored -EPERM */
	cr_assert_eq(pend_custom_map_find_stored(map, &key, &stored), -EPERM);
	cr_assert_eq(pend_epoch_enter(), 0);
	/* retval: pend_custom_map_find_stored -ENOENT */
	cr_assert_eq(pend_custom_map_find_stored(map, &other, &stored), -ENOENT);
	cr_assert_eq(stored, canary);
	cr_assert_eq(pend_custom_map_find_stored(map, &key, &stored), 0);
	cr_assert_eq(*(const uint64_t *)stored, 1010);
	must_put(map, 1, 11);
	cr_assert_eq(drop(map, 1), 0);
	cr_assert_eq(*(const uint64_t *)stored, 1010, "it stays until the epoch ends");
	cr_assert_eq(pend_epoch_exit(), 0);
	end(map);
}

/* ---- callbacks hold nothing ---- */

static struct pend_custom_map *made[8];
static uint32_t made_count;

/* Acts on the map and the registry from within a callback, once for each kind of event. */
static void meddle(struct diary *of, enum event event)
{
	struct pend_custom_map *map = of->map, *second;
	uint64_t key = 1000 + event, value = 5, next;
	const struct pend_custom_map_options options = map_options(BPF_MAP_TYPE_HASH, 4);

	if (event == CREATED || event == FORGOTTEN)
		return; /* there is no map */
	of->within = NULL;
	cr_assert_eq(pend_custom_map_update(map, NULL, &key, &value, PEND_BPF_ANY), 0);
	cr_assert_eq(get(map, key), 5);
	cr_assert_eq(pend_custom_map_next_key(map, NULL, &next), 0);
	cr_assert_eq(drop(map, key), 0);
	/* The registry's mutex is free. */
	cr_assert_geq(pend_custom_map_next_id(runtime_of(&world), NULL, 0), 1);
	cr_assert_eq(pend_custom_map_create(runtime_of(&world), &options, &second), 0);
	made[made_count++] = second; /* to be closed outside */
	cr_assert_eq(pend_custom_map_close(map), -EDEADLK);
	of->within = meddle;
}

Test(element, a_callback_may_call_the_map_and_the_registry)
{
	struct pend_custom_map *map = begin(true, 16);
	uint64_t key = 1, value;

	diary.within = meddle;
	must_put(map, 1, 10);
	cr_assert_eq(made_count, 1, "while it was about to be stored");
	cr_assert_eq(get(map, 1), 10);
	cr_assert_eq(made_count, 2, "while it was found");
	cr_assert_eq(pend_custom_map_take(map, &key, &value), 0);
	cr_assert_eq(made_count, 4, "while it was found, and when it was gone");
	diary.within = NULL;
	cr_assert_eq(told_of_any(&diary, GONE), told_of_any(&diary, UPDATING));
	while (made_count)
		close_map(made[--made_count]);
	end(map);
}

/* ---- readers that hold up the table ---- */

Test(element, a_reader_that_holds_the_reserve_makes_updates_wait)
{
	struct pend_custom_map *map;
	uint32_t refused = 0;

	if (!epochs_are_native())
		return;
	map = begin(false, 4);
	must_put(map, 1, 10);
	cr_assert_eq(pend_epoch_enter(), 0);
	for (uint32_t i = 0; i < 3000 && !refused; i++) {
		diary.count = 0;
		/* retval: pend_custom_map_update -EAGAIN */
		refused = put(map, 1, i, PEND_BPF_ANY) == -EAGAIN;
	}
	cr_assert(refused);
	cr_assert_eq(told_of(&diary, GONE, PEND_MAP_OPERATION_UPDATE), 1, "undone");
	cr_assert_eq(pend_epoch_exit(), 0);
	must_put(map, 1, 12);
	end(map);
}

/* ---- what is missing ---- */

Test(element, a_null_is_refused)
{
	struct pend_custom_map *map = begin(false, 4);
	uint64_t key = 1, value = 2;
	const void *stored;

	/* retval: pend_custom_map_lookup -EFAULT */
	cr_assert_eq(pend_custom_map_lookup(NULL, &key, &value), -EFAULT);
	cr_assert_eq(pend_custom_map_lookup(map, NULL, &value), -EFAULT);
	cr_assert_eq(pend_custom_map_lookup(map, &key, NULL), -EFAULT);
	/* retval: pend_custom_map_update -EFAULT */
	cr_assert_eq(pend_custom_map_update(NULL, NULL, &key, &value, 0), -EFAULT);
	cr_assert_eq(pend_custom_map_update(map, NULL, NULL, &value, 0), -EFAULT);
	cr_assert_eq(pend_custom_map_update(map, NULL, &key, NULL, 0), -EFAULT);
	/* retval: pend_custom_map_delete -EFAULT */
	cr_assert_eq(pend_custom_map_delete(NULL, NULL, &key), -EFAULT);
	cr_assert_eq(pend_custom_map_delete(map, NULL, NULL), -EFAULT);
	/* retval: pend_custom_map_take -EFAULT */
	cr_assert_eq(pend_custom_map_take(NULL, &key, &value), -EFAULT);
	cr_assert_eq(pend_custom_map_take(map, NULL, &value), -EFAULT);
	cr_assert_eq(pend_custom_map_take(map, &key, NULL), -EFAULT);
	/* retval: pend_custom_map_next_key -EFAULT */
	cr_assert_eq(pend_custom_map_next_key(NULL, NULL, &key), -EFAULT);
	cr_assert_eq(pend_custom_map_next_key(map, NULL, NULL), -EFAULT);
	/* retval: pend_custom_map_find_stored -EFAULT */
	cr_assert_eq(pend_custom_map_find_stored(NULL, &key, &stored), -EFAULT);
	cr_assert_eq(pend_custom_map_find_stored(map, NULL, &stored), -EFAULT);
	cr_assert_eq(pend_custom_map_find_stored(map, &key, NULL), -EFAULT);
	end(map);
}
