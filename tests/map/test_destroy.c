/* SPDX-License-Identifier: MIT */
/*
 * test_destroy.c - pend_map_destroy(), and every call on a map that was destroyed.
 */
#include "fixture.h"

Test(destroy, checks_its_caller)
{
	struct pend_map *map = make_keyed(4);

	/* retval: pend_map_destroy -EFAULT */
	cr_assert_eq(pend_map_destroy(NULL), -EFAULT);
	cr_assert_eq(pend_map_destroy(map), 0);
	/* retval: pend_map_destroy -ESHUTDOWN */
	cr_assert_eq(pend_map_destroy(map), -ESHUTDOWN);
	cr_assert_eq(pend_map_destroy(map), -ESHUTDOWN);
}

Test(destroy, inside_an_epoch)
{
	struct pend_map_options options = keyed(4, PEND_MAP_POINTERS);
	struct pend_map *pointers = make(&options), *copies = make_keyed(4);

	(void)pend_key(pointers, 1);
	cr_assert_eq(pend_epoch_enter(), 0);
	/* retval: pend_map_destroy -EDEADLK */
	REFUSED(pointers, -EDEADLK, pend_map_destroy(pointers));
	cr_assert_eq(pend_map_lookup(pointers, &(uint64_t){ 1 }, 8, NULL, NULL), 0);
	cr_assert_eq(pend_map_destroy(copies), 0, "nobody can hold a pointer into this one");
	cr_assert_eq(pend_epoch_exit(), 0);
	destroy(pointers);
}

static int destroyed_from_callback;

static void destroy_own_map(void *context, const struct pend_operation *operation)
{
	(void)operation;
	destroyed_from_callback = pend_map_destroy(*(struct pend_map **)context);
}

static int destroy_own_map_in_rerun(void *context, const struct pend_operation *operation)
{
	destroy_own_map(context, operation);
	return PEND_VERDICT_PROCEED_HARD;
}

static struct pend_map *with_functions_that_destroy(struct pend_map **self)
{
	struct pend_map_options options = keyed(4, 0);

	options.on_complete = destroy_own_map;
	options.on_rerun = destroy_own_map_in_rerun;
	options.context = self;
	return *self = make(&options);
}

Test(destroy, from_a_function_of_the_map)
{
	struct pend_map *self, *map = with_functions_that_destroy(&self), *other;
	uint64_t handle = pend_key(map, 1);

	destroyed_from_callback = 0;
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(destroyed_from_callback, -EDEADLK);
	handle = pend_key(map, 1);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_CONTINUE), 0);
	destroyed_from_callback = 0;
	cr_assert_eq(pend_map_poll(map, 1), 1);
	cr_assert_eq(destroyed_from_callback, -EDEADLK);
	/* Another map may be destroyed there. */
	handle = pend_key(map, 1);
	self = other = make_keyed(1);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(destroyed_from_callback, 0);
	cr_assert_eq(pend_map_count(other), -ESHUTDOWN);
	self = map;
	destroy(map);
}

Test(destroy, completes_what_is_live)
{
	struct told told = { .count = 0 };
	struct pend_map_options options = keyed(32, 0);
	uint64_t handles[8], seen = 0;
	struct pend_map *map;

	options.on_complete = tell;
	options.context = &told;
	map = make(&options);
	for (uint64_t key = 0; key < 8; key++)
		handles[key] = pend_key(map, key);
	cr_assert_eq(pend_map_complete(map, handles[3], PEND_ACTION_PERMIT_HARD), 0);
	destroy(map);
	cr_assert_eq(told.count, 8);
	for (uint32_t i = 0; i < 8; i++) {
		const struct pend_operation *operation = &told.operations[i];
		const uint64_t key = told.keys[i];

		cr_assert_eq(operation->handle, handles[key]);
		cr_assert_eq(operation->action,
			     key == 3 ? PEND_ACTION_PERMIT_HARD : PEND_ACTION_BLOCK);
		cr_assert_eq(operation->origin,
			     key == 3 ? PEND_ORIGIN_ORCHESTRATOR : PEND_ORIGIN_DESTROY);
		seen |= 1ull << key;
	}
	cr_assert_eq(seen, 0xff);
}

static uint32_t reruns_done;

static int count_rerun(void *context, const struct pend_operation *operation)
{
	(void)context;
	(void)operation;
	reruns_done++;
	return PEND_VERDICT_PEND;
}

Test(destroy, does_not_run_what_is_queued)
{
	struct told told = { .count = 0 };
	struct pend_map_options options = keyed(8, 0);
	struct pend_map *map;
	uint64_t handles[4];

	options.on_complete = tell;
	options.on_rerun = count_rerun;
	options.context = &told;
	map = make(&options);
	for (uint64_t key = 0; key < 4; key++)
		handles[key] = pend_key(map, key);
	for (uint64_t key = 0; key < 3; key++)
		cr_assert_eq(pend_map_complete(map, handles[key], PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(pend_map_complete(map, handles[1], PEND_ACTION_PERMIT_SOFT), 0);
	cr_assert_eq(told.count, 0);
	destroy(map);
	cr_assert_eq(reruns_done, 0);
	cr_assert_eq(told.count, 4);
	for (uint32_t i = 0; i < 4; i++) {
		const bool decided = told.keys[i] == 1;

		cr_assert_eq(told.operations[i].action,
			     decided ? PEND_ACTION_PERMIT_SOFT : PEND_ACTION_BLOCK);
		cr_assert_eq(told.operations[i].origin,
			     decided ? PEND_ORIGIN_ORCHESTRATOR : PEND_ORIGIN_DESTROY);
		cr_assert_eq(told.operations[i].rerun_count, told.keys[i] < 3);
	}
}

struct closing {
	struct pend_map *map;
	uint32_t calls;
};

/* Told while the map is being destroyed: it may look around, and nothing can be added. */
static void look_around(void *context, const struct pend_operation *operation)
{
	struct closing *closing = context;
	struct pend_info info;
	struct pend_cursor cursor = { 0 };
	uint64_t handle = CANARY;
	int result = CANARY_INT;
	const struct pend_request request = request_of(&(uint64_t){ 77 }, NULL);

	/* retval: pend_map_pend -ESHUTDOWN */
	cr_assert_eq(pend_map_pend(closing->map, &request, &handle), -ESHUTDOWN);
	cr_assert_eq(handle, CANARY);
	cr_assert_eq(pend_map_pend_batch(closing->map, &request, 1, &handle, &result), 0);
	cr_assert_eq(handle, 0);
	cr_assert_eq(result, -ESHUTDOWN);
	cr_assert_eq(pend_map_complete(closing->map, operation->handle, PEND_ACTION_BLOCK),
		     -EALREADY);
	cr_assert_eq(pend_map_count(closing->map), 3 - (int)closing->calls);
	cr_assert_eq(stats_of(closing->map).by_destroy, closing->calls);
	/* The one that is being completed is not found any more, the ones behind it are. */
	cr_assert_eq(pend_map_scan(closing->map, &cursor, &info, NULL, 1), closing->calls < 2);
	cr_assert_eq(pend_map_destroy(closing->map), -EDEADLK);
	closing->calls++;
}

Test(destroy, functions_may_use_the_map_that_goes)
{
	struct closing closing = { .calls = 0 };
	struct pend_map_options options = keyed(4, 0);

	options.on_complete = look_around;
	options.context = &closing;
	closing.map = make(&options);
	for (uint64_t key = 0; key < 3; key++)
		(void)pend_key(closing.map, key);
	destroy(closing.map);
	cr_assert_eq(closing.calls, 3);
}

Test(destroy, pends_and_completes_nothing_any_more)
{
	struct pend_map *map = make_destroyed();
	const uint64_t key = 1;
	const struct pend_request request = request_of(&key, NULL);
	const uint32_t action = PEND_ACTION_BLOCK;
	uint64_t handle = CANARY;
	int result = CANARY_INT;

	/* retval: pend_map_pend -ESHUTDOWN */
	cr_assert_eq(pend_map_pend(map, &request, &handle), -ESHUTDOWN);
	/* retval: pend_map_pend_batch -ESHUTDOWN */
	cr_assert_eq(pend_map_pend_batch(map, &request, 1, &handle, &result), -ESHUTDOWN);
	/* retval: pend_map_complete -ESHUTDOWN */
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), -ESHUTDOWN);
	/* retval: pend_map_complete_batch -ESHUTDOWN */
	cr_assert_eq(pend_map_complete_batch(map, &handle, &action, 1, &result), -ESHUTDOWN);
	/* retval: pend_map_complete_key -ESHUTDOWN */
	cr_assert_eq(pend_map_complete_key(map, &key, 8, PEND_ACTION_BLOCK), -ESHUTDOWN);
	/* retval: pend_map_complete_key_batch -ESHUTDOWN */
	cr_assert_eq(pend_map_complete_key_batch(map, &key, &action, 1, &result), -ESHUTDOWN);
	/* retval: pend_map_poll -ESHUTDOWN */
	cr_assert_eq(pend_map_poll(map, 1), -ESHUTDOWN);
	cr_assert_eq(handle, CANARY);
	cr_assert_eq(result, CANARY_INT);
}

Test(destroy, tells_nothing_any_more)
{
	struct pend_map *map = make_destroyed();
	const uint64_t key = 1;
	uint64_t value = CANARY;
	const void *pointer = &value;
	struct pend_info info = { .cookie = CANARY };
	struct pend_cursor cursor = { 0 };
	struct pend_map_stats stats = { .size = sizeof(stats), .pends = CANARY };
	int result = CANARY_INT;

	/* retval: pend_map_read -ESHUTDOWN */
	cr_assert_eq(pend_map_read(map, 1, &info, &value), -ESHUTDOWN);
	/* retval: pend_map_lookup -ESHUTDOWN */
	cr_assert_eq(pend_map_lookup(map, &key, 8, &info, &value), -ESHUTDOWN);
	/* retval: pend_map_lookup_batch -ESHUTDOWN */
	cr_assert_eq(pend_map_lookup_batch(map, &key, 1, &info, &value, &result), -ESHUTDOWN);
	/* retval: pend_map_peek_key -ESHUTDOWN */
	cr_assert_eq(pend_map_peek_key(map, &key, 8, &info, &pointer), -ESHUTDOWN);
	/* retval: pend_map_peek -ESHUTDOWN */
	cr_assert_eq(pend_map_peek(map, 1, &info, &pointer), -ESHUTDOWN);
	/* retval: pend_map_scan -ESHUTDOWN */
	cr_assert_eq(pend_map_scan(map, &cursor, &info, &value, 1), -ESHUTDOWN);
	/* retval: pend_map_count -ESHUTDOWN */
	cr_assert_eq(pend_map_count(map), -ESHUTDOWN);
	/* retval: pend_map_stats_read -ESHUTDOWN */
	cr_assert_eq(pend_map_stats_read(map, &stats), -ESHUTDOWN);
	cr_assert_eq(value, CANARY);
	cr_assert_eq(pointer, &value);
	cr_assert_eq(info.cookie, CANARY);
	cr_assert_eq(result, CANARY_INT);
	cr_assert_eq(stats.pends, CANARY);
	cr_assert_eq(cursor.position, 0);
}

Test(destroy, is_remembered_while_others_come_and_go)
{
	struct pend_map *map = make_destroyed();

	for (int i = 0; i < 63; i++) {
		cr_assert_neq(make_destroyed(), map);
		cr_assert_eq(pend_map_count(map), -ESHUTDOWN);
		cr_assert_eq(pend_map_destroy(map), -ESHUTDOWN);
	}
}
