/* SPDX-License-Identifier: MIT */
/*
 * test_complete.c - completing by handle and by key: who may, what is told, what is refused.
 */
#include "fixture.h"

Test(complete, checks_its_caller)
{
	struct pend_map *map = make_keyed(4);
	const uint64_t handle = pend_key(map, 1);
	const int wrong[] = { PEND_ACTION_PENDING, 5, 6, 255, INT32_MAX };

	/* retval: pend_map_complete -EFAULT */
	cr_assert_eq(pend_map_complete(NULL, handle, PEND_ACTION_BLOCK), -EFAULT);
	/* retval: pend_map_complete -EINVAL */
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		REFUSED(map, -EINVAL, pend_map_complete(map, handle, (enum pend_action)wrong[i]));
	/* retval: pend_map_complete -EOPNOTSUPP */
	REFUSED(map, -EOPNOTSUPP, pend_map_complete(map, handle, PEND_ACTION_CONTINUE));
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	destroy(map);
}

Test(complete, by_key_checks_its_caller)
{
	struct pend_map *map = make_keyed(4), *keyless = make(NULL);
	const uint64_t key = 1;
	const int wrong[] = { PEND_ACTION_PENDING, 5, 6, 255, INT32_MAX };
	const uint32_t sizes[] = { 0, 7, 9, UINT32_MAX };

	(void)pend_key(map, key);
	/* retval: pend_map_complete_key -EFAULT */
	cr_assert_eq(pend_map_complete_key(NULL, &key, 8, PEND_ACTION_BLOCK), -EFAULT);
	REFUSED(map, -EFAULT, pend_map_complete_key(map, NULL, 8, PEND_ACTION_BLOCK));
	/* retval: pend_map_complete_key -EOPNOTSUPP */
	REFUSED(keyless, -EOPNOTSUPP, pend_map_complete_key(keyless, &key, 8, PEND_ACTION_BLOCK));
	REFUSED(map, -EOPNOTSUPP, pend_map_complete_key(map, &key, 8, PEND_ACTION_CONTINUE));
	/* retval: pend_map_complete_key -EMSGSIZE */
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		REFUSED(map, -EMSGSIZE,
			pend_map_complete_key(map, &key, sizes[i], PEND_ACTION_BLOCK));
	/* retval: pend_map_complete_key -EINVAL */
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		REFUSED(map, -EINVAL,
			pend_map_complete_key(map, &key, 8, (enum pend_action)wrong[i]));
	/* retval: pend_map_complete_key -ENOENT */
	COUNTED(map, -ENOENT, late,
		pend_map_complete_key(map, &(uint64_t){ 2 }, 8, PEND_ACTION_BLOCK));
	cr_assert_eq(pend_map_complete_key(map, &key, 8, PEND_ACTION_BLOCK), 0);
	COUNTED(map, -ENOENT, late, pend_map_complete_key(map, &key, 8, PEND_ACTION_BLOCK));
	destroy(map);
	destroy(keyless);
}

Test(complete, handles_that_never_were)
{
	struct pend_map *map = make_keyed(4);
	const uint64_t handle = pend_key(map, 1), generation = 1ull << 26;
	const uint64_t forged[] = { 0,
				    1,
				    UINT64_MAX,
				    handle + generation,
				    handle - generation,
				    handle + 1,
				    handle ^ (1ull << 63),
				    handle | (generation - 1),
				    (handle & ~(generation - 1)) | 4,
				    (handle & ~(generation - 1)) | (1u << 25) };
	uint64_t value = CANARY;
	struct pend_info info = { .cookie = CANARY };

	/* retval: pend_map_complete -ENOENT */
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		COUNTED(map, -ENOENT, late, pend_map_complete(map, forged[i], PEND_ACTION_BLOCK));
		REFUSED(map, -ENOENT, pend_map_read(map, forged[i], &info, &value));
	}
	cr_assert_eq(value, CANARY);
	cr_assert_eq(info.cookie, CANARY);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	destroy(map);
}

Test(complete, a_handle_works_once)
{
	struct pend_map *map = make_keyed(1);
	const uint64_t first = pend_key(map, 1);
	uint64_t second;

	cr_assert_eq(pend_map_complete(map, first, PEND_ACTION_PERMIT_SOFT), 0);
	COUNTED(map, -ENOENT, late, pend_map_complete(map, first, PEND_ACTION_BLOCK));
	second = pend_key(map, 1);
	cr_assert_neq(first, second);
	COUNTED(map, -ENOENT, late, pend_map_complete(map, first, PEND_ACTION_BLOCK));
	cr_assert_eq(pend_map_count(map), 1, "the slot's next operation is not touched");
	cr_assert_eq(pend_map_complete(map, second, PEND_ACTION_BLOCK), 0);
	destroy(map);
}

Test(complete, tells_what_was_pended)
{
	static const enum pend_action actions[] = { PEND_ACTION_PERMIT_SOFT,
						    PEND_ACTION_PERMIT_HARD, PEND_ACTION_BLOCK };
	struct told told = { .count = 0 };
	struct pend_map_options options = keyed(8, 0);
	struct pend_map *map;

	options.on_complete = tell;
	options.context = &told;
	map = make(&options);
	for (uint32_t i = 0; i < 6; i++) {
		const uint64_t key = i, value = key * 7, scratch = key * 13;
		struct pend_request request = request_of(&key, &value);
		uint64_t handle;

		request.scratch = &scratch;
		request.now_ns = 1000 + i;
		request.deadline_ns = PEND_DEADLINE_MIN_NS;
		cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
		if (i & 1)
			cr_assert_eq(pend_map_complete(map, handle, actions[i / 2]), 0);
		else
			cr_assert_eq(pend_map_complete_key(map, &key, 8, actions[i / 2]), 0);
		cr_assert_eq(told.count, i + 1);
		cr_assert_eq(told.keys[i], key);
		cr_assert_eq(told.values[i], value);
		cr_assert_eq(told.scratches[i], scratch);
		cr_assert_eq(told.operations[i].handle, handle);
		cr_assert_eq(told.operations[i].cookie, key + 1000);
		cr_assert_eq(told.operations[i].action, actions[i / 2]);
		cr_assert_eq(told.operations[i].origin, PEND_ORIGIN_ORCHESTRATOR);
		cr_assert_eq(told.operations[i].rerun_count, 0);
		cr_assert_eq(told.operations[i].pend_time_ns, 1000 + i);
		cr_assert_eq(told.operations[i].deadline_ns,
			     rounded_up(1000 + i + PEND_DEADLINE_MIN_NS));
	}
	cr_assert_eq(stats_of(map).by_orchestrator, 6);
	destroy(map);
}

Test(complete, tells_null_for_what_the_map_has_not)
{
	struct told told = { .count = 0 };
	struct pend_map_options options = pend_map_options_default();
	struct pend_map *map;
	uint64_t handle;

	options.on_complete = tell;
	options.context = &told;
	map = make(&options);
	cr_assert_eq(pend_map_pend(map, &(struct pend_request){ .cookie = 5 }, &handle), 0);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_null(told.operations[0].key);
	cr_assert_null(told.operations[0].value);
	cr_assert_null(told.operations[0].scratch);
	cr_assert_eq(told.operations[0].cookie, 5);
	destroy(map);
}

Test(complete, scratch_is_aligned_for_anything)
{
	struct told told = { .count = 0 };
	struct pend_map_options options = keyed(4, 0);
	uint64_t handle;

	options.on_complete = tell;
	options.context = &told;
	for (uint32_t size = 1; size < 40; size++) {
		struct pend_map *map;

		options.key_size = size;
		options.value_size = 40 - size;
		options.on_complete = NULL;
		map = make(&options);
		destroy(map);
	}
	options.key_size = 8;
	options.value_size = 8;
	options.on_complete = tell;

	struct pend_map *map = make(&options);

	handle = pend_key(map, 1);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_eq((uintptr_t)told.operations[0].scratch % 16, 0);
	cr_assert_eq((uintptr_t)told.operations[0].value % 8, 0);
	destroy(map);
}

/* A completion function that uses its map. */
struct user {
	struct pend_map *map;
	uint64_t other;
	uint32_t depth;
};

static void use_the_map(void *context, const struct pend_operation *operation)
{
	struct user *user = context;
	uint64_t key, value = CANARY;
	struct pend_info info = { .cookie = CANARY };

	memcpy(&key, operation->key, sizeof(key));
	user->depth++;
	/* retval: pend_map_complete -EALREADY */
	COUNTED(user->map, -EALREADY, duplicates,
		pend_map_complete(user->map, operation->handle, PEND_ACTION_PERMIT_HARD));
	COUNTED(user->map, -ENOENT, late,
		pend_map_complete_key(user->map, &key, 8, PEND_ACTION_PERMIT_HARD));
	REFUSED(user->map, -ENOENT, pend_map_lookup(user->map, &key, 8, &info, &value));
	REFUSED(user->map, -ENOENT, pend_map_read(user->map, operation->handle, &info, &value));
	cr_assert_eq(info.cookie, CANARY);
	if (key == 1) {
		/* One more is pended, one that waited is completed: that one is told inside. */
		const uint64_t handle = pend_key(user->map, 3);

		cr_assert_eq(pend_map_complete(user->map, user->other, PEND_ACTION_BLOCK), 0);
		cr_assert_eq(user->depth, 2);
		cr_assert_eq(pend_map_lookup(user->map, &(uint64_t){ 3 }, 8, &info, NULL), 0);
		cr_assert_eq(info.handle, handle);
	}
}

Test(complete, the_function_may_use_the_map)
{
	struct user user = { .depth = 0 };
	struct pend_map_options options = keyed(4, 0);
	uint64_t handle;

	options.on_complete = use_the_map;
	options.context = &user;
	user.map = make(&options);
	handle = pend_key(user.map, 1);
	user.other = pend_key(user.map, 2);
	cr_assert_eq(pend_map_complete(user.map, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(user.depth, 2);
	cr_assert_eq(pend_map_count(user.map), 1);
	cr_assert_eq(pend_map_complete_key(user.map, &(uint64_t){ 3 }, 8, PEND_ACTION_BLOCK), 0);
	destroy(user.map);
}

static void complete_next(void *context, const struct pend_operation *operation)
{
	struct user *user = context;

	user->depth++;
	if (operation->cookie)
		cr_assert_eq(pend_map_complete_key(user->map,
						   &(uint64_t){ operation->cookie - 1001 }, 8,
						   PEND_ACTION_BLOCK),
			     operation->cookie == 1000 ? -ENOENT : 0);
}

Test(complete, functions_nest)
{
	struct user user = { .depth = 0 };
	struct pend_map_options options = keyed(64, 0);

	options.on_complete = complete_next;
	options.context = &user;
	user.map = make(&options);
	for (uint64_t key = 0; key < 64; key++)
		(void)pend_key(user.map, key);
	cr_assert_eq(pend_map_complete_key(user.map, &(uint64_t){ 63 }, 8, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(user.depth, 64);
	cr_assert_eq(pend_map_count(user.map), 0);
	destroy(user.map);
}
