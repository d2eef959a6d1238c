/* SPDX-License-Identifier: MIT */
/*
 * test_pointers.c - maps created with PEND_MAP_POINTERS: values by pointer, inside an epoch.
 */
#include "fixture.h"

static struct pend_map *make_pointers(uint32_t max_entries, uint32_t reserve)
{
	struct pend_map_options options = keyed(max_entries, PEND_MAP_POINTERS);

	options.reserve = reserve;
	return make(&options);
}

Test(pointers, peek_checks_its_caller)
{
	struct pend_map *map = make_pointers(4, 4), *copies = make_keyed(4);
	const uint64_t handle = pend_key(map, 1), other = pend_key(copies, 1);
	struct pend_info info = { .cookie = CANARY };
	const void *const before = &info;
	const void *value = before;

	/* retval: pend_map_peek -EPERM */
	REFUSED(map, -EPERM, pend_map_peek(map, handle, &info, &value));
	cr_assert_eq(pend_epoch_enter(), 0);
	/* retval: pend_map_peek -EFAULT */
	cr_assert_eq(pend_map_peek(NULL, handle, &info, &value), -EFAULT);
	REFUSED(map, -EFAULT, pend_map_peek(map, handle, &info, NULL));
	/* retval: pend_map_peek -EOPNOTSUPP */
	REFUSED(copies, -EOPNOTSUPP, pend_map_peek(copies, other, &info, &value));
	/* retval: pend_map_peek -ENOENT */
	REFUSED(map, -ENOENT, pend_map_peek(map, 0, &info, &value));
	REFUSED(map, -ENOENT, pend_map_peek(map, UINT64_MAX, &info, &value));
	REFUSED(map, -ENOENT, pend_map_peek(map, handle + (1ull << 26), &info, &value));
	cr_assert_eq(value, before);
	cr_assert_eq(info.cookie, CANARY);
	cr_assert_eq(pend_map_peek(map, handle, NULL, &value), 0);
	cr_assert_eq(pend_epoch_exit(), 0);
	destroy(map);
	destroy(copies);
}

Test(pointers, peek_by_key_checks_its_caller)
{
	struct pend_map *map = make_pointers(4, 4), *copies = make_keyed(4), *keyless;
	struct pend_map_options options = pend_map_options_default();
	const uint64_t key = 1;
	struct pend_info info = { .cookie = CANARY };
	const void *const before = &info;
	const void *value = before;

	options.flags = PEND_MAP_POINTERS;
	keyless = make(&options);
	(void)pend_key(map, key);
	/* retval: pend_map_peek_key -EPERM */
	REFUSED(map, -EPERM, pend_map_peek_key(map, &key, 8, &info, &value));
	cr_assert_eq(pend_epoch_enter(), 0);
	/* retval: pend_map_peek_key -EFAULT */
	cr_assert_eq(pend_map_peek_key(NULL, &key, 8, &info, &value), -EFAULT);
	REFUSED(map, -EFAULT, pend_map_peek_key(map, NULL, 8, &info, &value));
	REFUSED(map, -EFAULT, pend_map_peek_key(map, &key, 8, &info, NULL));
	/* retval: pend_map_peek_key -EOPNOTSUPP */
	REFUSED(copies, -EOPNOTSUPP, pend_map_peek_key(copies, &key, 8, &info, &value));
	REFUSED(keyless, -EOPNOTSUPP, pend_map_peek_key(keyless, &key, 8, &info, &value));
	/* retval: pend_map_peek_key -EMSGSIZE */
	REFUSED(map, -EMSGSIZE, pend_map_peek_key(map, &key, 7, &info, &value));
	REFUSED(map, -EMSGSIZE, pend_map_peek_key(map, &key, 0, &info, &value));
	/* retval: pend_map_peek_key -ENOENT */
	REFUSED(map, -ENOENT, pend_map_peek_key(map, &(uint64_t){ 2 }, 8, &info, &value));
	cr_assert_eq(value, before);
	cr_assert_eq(info.cookie, CANARY);
	cr_assert_eq(pend_map_peek_key(map, &key, 8, NULL, &value), 0);
	cr_assert_eq(pend_epoch_exit(), 0);
	destroy(map);
	destroy(copies);
	destroy(keyless);
}

Test(pointers, tell_what_was_pended)
{
	struct pend_map *map = make_pointers(8, 8);

	for (uint64_t key = 0; key < 8; key++)
		(void)pend_key(map, key);
	cr_assert_eq(pend_epoch_enter(), 0);
	for (uint64_t key = 0; key < 8; key++) {
		struct pend_info by_key, by_handle;
		const void *first, *second;
		uint64_t copy;

		cr_assert_eq(pend_map_peek_key(map, &key, 8, &by_key, &first), 0);
		cr_assert_eq(pend_map_peek(map, by_key.handle, &by_handle, &second), 0);
		cr_assert_eq(first, second);
		cr_assert_eq(memcmp(&by_key, &by_handle, sizeof(by_key)), 0);
		memcpy(&copy, first, sizeof(copy));
		cr_assert_eq(copy, ~key);
		cr_assert_eq(by_key.cookie, key + 1000);
	}
	cr_assert_eq(pend_epoch_exit(), 0);
	destroy(map);
}

/* A value outlives its operation for who is inside, however often the map is used meanwhile. */
Test(pointers, stay_until_the_reader_leaves)
{
	struct pend_map *map = make_pointers(2, 6);
	const uint64_t handle = pend_key(map, 1);
	const void *value;
	uint64_t copy;

	cr_assert_eq(pend_epoch_enter(), 0);
	cr_assert_eq(pend_map_peek(map, handle, NULL, &value), 0);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	for (uint64_t key = 100; pend_error(map, key) == 0; key++) {
		cr_assert_lt(key, 200u, "the reserve holds 6");
		cr_assert_eq(pend_map_complete_key(map, &key, 8, PEND_ACTION_BLOCK), 0);
		memcpy(&copy, value, sizeof(copy));
		cr_assert_eq(copy, ~1ull);
	}
	cr_assert_eq(pend_map_peek(map, handle, NULL, &value), -ENOENT);
	memcpy(&copy, value, sizeof(copy));
	cr_assert_eq(copy, ~1ull);
	cr_assert_eq(pend_epoch_exit(), 0);
	destroy(map);
}

/* Sections nest: only the outermost exit lets go. */
Test(pointers, stay_through_an_inner_section)
{
	struct pend_map *map = make_pointers(1, 1);
	const uint64_t handle = pend_key(map, 1);
	const void *value;
	uint64_t copy;

	cr_assert_eq(pend_epoch_enter(), 0);
	cr_assert_eq(pend_epoch_enter(), 0);
	cr_assert_eq(pend_map_peek(map, handle, NULL, &value), 0);
	cr_assert_eq(pend_epoch_exit(), 0);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(pend_error(map, 2), 0, "the spare");
	cr_assert_eq(pend_map_complete_key(map, &(uint64_t){ 2 }, 8, PEND_ACTION_BLOCK), 0);
	COUNTED(map, -EAGAIN, refused_reserve, pend_error(map, 3));
	memcpy(&copy, value, sizeof(copy));
	cr_assert_eq(copy, ~1ull);
	cr_assert_eq(pend_epoch_exit(), 0);
	destroy(map);
}

static struct pend_map *doomed;
static int doomed_error = CANARY_INT;

static void destroy_doomed(struct pendi_epoch_node *node)
{
	(void)node;
	doomed_error = pend_map_destroy(doomed);
}

/* It would wait for what its own thread is in the middle of. */
Test(pointers, are_not_waited_for_while_something_is_reclaimed)
{
	static struct pendi_epoch_node node = { .reclaim = destroy_doomed };

	doomed = make_pointers(8, 3);
	(void)pend_key(doomed, 1);
	pendi_epoch_retire(&node);
	cr_assert_eq(pendi_epoch_barrier(), 0);
	cr_assert_eq(doomed_error, -EDEADLK);
	cr_assert_eq(pend_map_count(doomed), 1);
	destroy(doomed);
}

/* All max_entries can be pended after any history: no slot is lost between limbo and spare. */
Test(pointers, lose_no_slot)
{
	struct pend_map *map = make_pointers(8, 3);

	for (int round = 0; round < 50; round++) {
		int error = 0;

		let_reclaim();
		cr_assert_eq(pend_epoch_enter(), 0);
		for (uint64_t key = 100; !error; key++) {
			cr_assert_lt(key, 112u, "there are 11 slots, and this reader holds each");
			error = pend_error(map, key);
			if (!error && key % 3)
				cr_assert_eq(pend_map_complete_key(map, &key, 8, PEND_ACTION_BLOCK),
					     0);
		}
		cr_assert_eq(error, -EAGAIN);
		for (uint64_t key = 102; key < 112; key += 3)
			cr_assert_leq(pend_map_complete_key(map, &key, 8, PEND_ACTION_BLOCK), 0);
		cr_assert_eq(pend_map_count(map), 0);
		cr_assert_eq(pend_epoch_exit(), 0);
		let_reclaim();
		for (uint64_t key = 0; key < 8; key++)
			cr_assert_eq(pend_error(map, key), 0);
		COUNTED(map, -ENOSPC, refused_full, pend_error(map, 8));
		for (uint64_t key = 0; key < 8; key++)
			cr_assert_eq(pend_map_complete_key(map, &key, 8, PEND_ACTION_BLOCK), 0);
	}
	destroy(map);
}
