/* SPDX-License-Identifier: MIT */
/*
 * test_provider.c - F82, F87: memory that cannot be had, wherever a map or the library's own types
 * ask for it; and a provider that stores its elements itself.
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

/* ---- memory ---- */

static int64_t allocations_left;

static int run_dry(size_t size)
{
	(void)size;
	return allocations_left-- <= 0;
}

/* Makes a map with 0, 1, 2, ... allocations, until that works. Returns how many it took. */
static int64_t create_with_less(const struct pend_custom_map_options *options)
{
	struct pend_custom_map *map = NULL;

	for (int64_t count = 0;; count++) {
		int error;

		allocations_left = count;
		pendi_script.allocation_fails = run_dry;
		error = pend_custom_map_create(runtime_of(&world), options, &map);
		pendi_script.allocation_fails = NULL;
		if (!error) {
			close_map(map);
			return count;
		}
		/* retval: pend_custom_map_create -ENOMEM */
		cr_assert_eq(error, -ENOMEM);
		cr_assert_null(map);
		cr_assert_eq(told_of_any(&diary, CREATED), told_of_any(&diary, FORGOTTEN));
		cr_assert_eq(diary.attached, diary.detached);
		cr_assert_lt(count, 64);
	}
}

Test(provider, each_allocation_may_fail)
{
	struct pend_custom_map_options options = map_options(TEST_TYPE, 4);

	begin(true);
	diary.data.single = true;
	cr_assert_eq(diary_register(&diary, &world), 0);
	cr_assert_geq(create_with_less(&options), 3);
	options.type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND;
	options.key_size = sizeof(struct pend_key);
	options.value_size = sizeof(struct pend_value);
	cr_assert_geq(create_with_less(&options), 3);
	end();
}

Test(provider, the_own_types_may_find_no_memory)
{
	int error = -ENOMEM;

	world_begin(&world);
	pendi_custom_end(&world.registry);
	for (int64_t count = 0; error; count++) {
		allocations_left = count;
		pendi_script.allocation_fails = run_dry;
		error = pendi_custom_begin(&world.registry, &world.functions);
		pendi_script.allocation_fails = NULL;
		cr_assert(error == 0 || error == -ENOMEM);
		cr_assert(error == 0 || !world.registry.providers, "nothing is left");
		cr_assert_eq(error == 0, count == 4);
	}
	world_end(&world);
}

/* ---- a provider that stores itself ---- */

static struct {
	bool present;
	uint64_t key, value;
	uint64_t update;
	struct pend_session *session;
	bool inside;
} cellar;

static int cellar_find(void *context, void *map_context, const void *key, void *value,
		       uint32_t flags)
{
	(void)context;
	(void)map_context;
	(void)flags;
	cellar.inside = pendi_epoch_inside();
	if (!cellar.present || memcmp(key, &cellar.key, 8) != 0)
		return -ENOENT;
	memcpy(value, &cellar.value, 8);
	return 0;
}

static int cellar_update(void *context, void *map_context, struct pend_session *session,
			 const void *key, const void *value, uint64_t update, uint32_t flags)
{
	struct diary *of = context;

	(void)map_context;
	(void)flags;
	cr_assert_eq(pend_custom_map_close(of->map), -EDEADLK);
	cellar.inside = pendi_epoch_inside();
	cellar.present = true;
	cellar.update = update;
	cellar.session = session;
	memcpy(&cellar.key, key, 8);
	memcpy(&cellar.value, value, 8);
	return of->fail[UPDATING];
}

static int cellar_erase(void *context, void *map_context, struct pend_session *session,
			const void *key, uint32_t flags)
{
	struct diary *of = context;

	(void)map_context;
	(void)key;
	(void)flags;
	cr_assert_eq(pend_custom_map_close(of->map), -EDEADLK);
	cellar.inside = pendi_epoch_inside();
	cellar.present = false;
	cellar.session = session;
	return of->fail[GONE];
}

static int cellar_next(void *context, void *map_context, const void *key, void *next)
{
	(void)context;
	(void)map_context;
	cellar.inside = pendi_epoch_inside();
	if (key || !cellar.present)
		return -ENOENT;
	memcpy(next, &cellar.key, 8);
	return 0;
}

Test(provider, a_provider_may_store_by_itself)
{
	struct pend_custom_map *map;
	uint64_t key = 5, next = 0;
	const void *stored;

	begin(false);
	diary.data.base = PEND_MAP_BASE_NONE;
	diary.callbacks.find = cellar_find;
	diary.callbacks.update = cellar_update;
	diary.callbacks.erase = cellar_erase;
	diary.callbacks.next = cellar_next;
	cr_assert_eq(diary_register(&diary, &world), 0);
	map = make_map(&world, TEST_TYPE, 4);
	cr_assert_eq(put(map, 5, 50, PEND_BPF_NOEXIST), 0);
	cr_assert_eq(cellar.update, PEND_BPF_NOEXIST);
	cr_assert_not(cellar.inside, "it may sleep");
	cr_assert_eq(get(map, 5), 50);
	cr_assert(cellar.inside);
	cr_assert_eq(count_of(map), 0, "the library does not know");
	cr_assert_eq(pend_custom_map_next_key(map, NULL, &next), 0);
	cr_assert(cellar.inside);
	cr_assert_eq(next, 5);
	cr_assert_eq(pend_custom_map_next_key(map, &next, &next), -ENOENT);
	/* retval: pend_custom_map_take -ENOTSUP */
	cr_assert_eq(pend_custom_map_take(map, &key, &next), -ENOTSUP);
	/* retval: pend_custom_map_find_stored -ENOTSUP */
	cr_assert_eq(pend_custom_map_find_stored(map, &key, &stored), -ENOTSUP);
	cr_assert_eq(pendi_custom_program_lookup(map, &key, &stored), -ENOTSUP);
	cr_assert_eq(drop(map, 5), 0);
	cr_assert_not(cellar.inside);
	cr_assert_eq(get_error(map, 5), -ENOENT);
	diary.fail[UPDATING] = -EDOM;
	diary.fail[GONE] = -EXDEV;
	cr_assert_eq(put(map, 5, 50, PEND_BPF_ANY), -EDOM);
	cr_assert_eq(drop(map, 5), -EXDEV);
	close_map(map);
	end();
}
