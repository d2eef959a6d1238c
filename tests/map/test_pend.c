/* SPDX-License-Identifier: MIT */
/*
 * test_pend.c - pend_map_pend(): what it refuses, what it records, and the bound.
 */
#include "fixture.h"

#include <sched.h>
#include <time.h>

/* @request is refused with @error; neither the handle nor a counter moves. */
static void refuse(struct pend_map *map, const struct pend_request *request, int error)
{
	uint64_t handle = CANARY;

	REFUSED(map, error, pend_map_pend(map, request, &handle));
	cr_assert_eq(handle, CANARY);
}

Test(pend, needs_its_pointers)
{
	struct pend_map *map = make_keyed(4);
	const struct pend_request request = request_of(&(uint64_t){ 1 }, NULL);
	struct pend_request no_key = request;
	uint64_t handle = CANARY;

	/* retval: pend_map_pend -EFAULT */
	cr_assert_eq(pend_map_pend(NULL, &request, &handle), -EFAULT);
	refuse(map, NULL, -EFAULT);
	REFUSED(map, -EFAULT, pend_map_pend(map, &request, NULL));
	no_key.key = NULL;
	refuse(map, &no_key, -EFAULT);
	cr_assert_eq(handle, CANARY);
	destroy(map);
}

Test(pend, sizes_must_be_the_maps)
{
	struct pend_map *map = make_keyed(4);
	const uint64_t key = 1, value = 2;
	const uint32_t wrong[] = { 0, 1, 7, 9, 16, 256, UINT32_MAX };

	/* retval: pend_map_pend -EMSGSIZE */
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct pend_request request = request_of(&key, &value);

		request.key_size = wrong[i];
		refuse(map, &request, -EMSGSIZE);
		request = request_of(&key, &value);
		request.value_size = wrong[i];
		refuse(map, &request, -EMSGSIZE);
		request.value = NULL;
		if (wrong[i])
			refuse(map, &request, -EMSGSIZE);
	}
	destroy(map);
}

Test(pend, a_map_without_keys_takes_none)
{
	struct pend_map *map = make(NULL);
	struct pend_request request = { .key_size = 8, .key = &(uint64_t){ 1 } };

	refuse(map, &request, -EMSGSIZE);
	request = (struct pend_request){ .value_size = 8, .value = &(uint64_t){ 1 } };
	refuse(map, &request, -EMSGSIZE);
	destroy(map);
}

Test(pend, deadlines_have_limits)
{
	struct pend_map *map = make_keyed(4);
	const uint64_t wrong[] = { 1, PEND_DEADLINE_MIN_NS - 1, PEND_DEADLINE_MAX_NS + 1,
				   PEND_DEADLINE_NONE - 1 };

	/* retval: pend_map_pend -ERANGE */
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct pend_request request = request_of(&(uint64_t){ 1 }, NULL);

		request.deadline_ns = wrong[i];
		refuse(map, &request, -ERANGE);
	}
	destroy(map);
}

Test(pend, unknown_flags)
{
	struct pend_map *map = make_keyed(4);

	for (uint32_t bit = 1; bit < 32; bit++) {
		struct pend_request request = request_of(&(uint64_t){ 1 }, NULL);

		request.flags = 1u << bit;
		/* retval: pend_map_pend -EINVAL */
		refuse(map, &request, -EINVAL);
		request.flags |= PEND_REQUEST_FRAME;
		refuse(map, &request, -EINVAL);
	}
	destroy(map);
}

Test(pend, full_is_full_and_no_more)
{
	struct pend_map *map = make_keyed(5);
	uint64_t handles[5];

	for (int round = 0; round < 3; round++) {
		for (uint64_t key = 0; key < 5; key++)
			handles[key] = pend_key(map, key);
		/* retval: pend_map_pend -ENOSPC */
		COUNTED(map, -ENOSPC, refused_full, pend_error(map, 5));
		COUNTED(map, -ENOSPC, refused_full, pend_error(map, 0));
		cr_assert_eq(pend_map_complete(map, handles[round], PEND_ACTION_BLOCK), 0);
		handles[round] = pend_key(map, 5);
		COUNTED(map, -ENOSPC, refused_full, pend_error(map, 6));
		for (uint64_t key = 0; key < 5; key++)
			cr_assert_eq(pend_map_complete(map, handles[key], PEND_ACTION_BLOCK), 0);
	}
	destroy(map);
}

/* An -EEXIST gives its slot back: many of them do not use the map up. */
Test(pend, one_operation_for_a_key)
{
	struct pend_map *map = make_keyed(2);
	const uint64_t handle = pend_key(map, 1);
	uint64_t value = 0;

	/* retval: pend_map_pend -EEXIST */
	for (int round = 0; round < 10; round++)
		COUNTED(map, -EEXIST, refused_key, pend_error(map, 1));
	cr_assert_eq(pend_map_lookup(map, &(uint64_t){ 1 }, 8, NULL, &value), 0);
	cr_assert_eq(value, ~1ull, "the first one's value stands");
	(void)pend_key(map, 2);
	COUNTED(map, -ENOSPC, refused_full, pend_error(map, 1));
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_neq(pend_key(map, 1), handle, "a handle is not given out again");
	destroy(map);
}

static struct pend_map *callback_map;
static int pended_in_callback;

static void pend_same_key(void *context, const struct pend_operation *operation)
{
	uint64_t key;

	(void)context;
	memcpy(&key, operation->key, sizeof(key));
	pended_in_callback = pend_error(callback_map, key);
}

Test(pend, the_key_is_taken_until_the_completion_is_delivered)
{
	struct pend_map_options options = keyed(4, 0);
	uint64_t handle;

	options.on_complete = pend_same_key;
	callback_map = make(&options);
	handle = pend_key(callback_map, 9);
	cr_assert_eq(pend_map_complete(callback_map, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(pended_in_callback, -EEXIST);
	(void)pend_key(callback_map, 9);
	destroy(callback_map);
}

/*
 * A reader inside its epoch holds back the reserve; what it holds can be pended as soon as it
 * has left, however the epoch was moved in between.
 */
Test(pend, a_reserve_that_is_used_up)
{
	for (int synchronized = 0; synchronized < 6; synchronized++) {
		struct pend_map_options options = keyed(2, PEND_MAP_POINTERS);
		struct pend_map *map;

		options.reserve = 3;
		map = make(&options);
		cr_assert_eq(pend_epoch_enter(), 0);
		for (int i = 0; i < 3 + 2; i++)
			cr_assert_eq(pend_map_complete(map, pend_key(map, 1), PEND_ACTION_BLOCK),
				     0);
		/* retval: pend_map_pend -EAGAIN */
		COUNTED(map, -EAGAIN, refused_reserve, pend_error(map, 1));
		COUNTED(map, -EAGAIN, refused_reserve, pend_error(map, 2));
		cr_assert_eq(pend_epoch_exit(), 0);
		for (int i = 0; i < synchronized; i++)
			cr_assert_eq(pend_epoch_synchronize(), 0);
		let_reclaim();
		(void)pend_key(map, 1);
		(void)pend_key(map, 2);
		COUNTED(map, -ENOSPC, refused_full, pend_error(map, 3));
		destroy(map);
	}
}

/* With the map full, room that a reader holds back is no reason: it is -ENOSPC, not -EAGAIN. */
Test(pend, full_beats_held_back)
{
	struct pend_map_options options = keyed(2, PEND_MAP_POINTERS);
	struct pend_map *map;

	options.reserve = 2;
	map = make(&options);
	cr_assert_eq(pend_epoch_enter(), 0);
	for (int i = 0; i < 2; i++) {
		(void)pend_key(map, 1);
		cr_assert_eq(pend_map_complete_key(map, &(uint64_t){ 1 }, 8, PEND_ACTION_BLOCK), 0);
	}
	(void)pend_key(map, 1);
	(void)pend_key(map, 2);
	COUNTED(map, -ENOSPC, refused_full, pend_error(map, 3));
	cr_assert_eq(pend_epoch_exit(), 0);
	destroy(map);
}

static uint64_t boot_clock_ns(void)
{
	struct timespec now;

	cr_assert_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

Test(pend, records_when_where_and_until_when)
{
	struct pend_map_options options = keyed(8, 0);
	struct pend_request request = request_of(&(uint64_t){ 1 }, NULL);
	struct pend_info info;
	cpu_set_t here;
	struct pend_map *map;
	uint64_t handle, before;
	const int cpu = sched_getcpu();

	CPU_ZERO(&here);
	CPU_SET((size_t)cpu, &here);
	cr_assert_eq(sched_setaffinity(0, sizeof(here), &here), 0);
	options.deadline_ns = 5000000;
	map = make(&options);
	request.now_ns = 123456789;
	cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	cr_assert_eq(pend_map_read(map, handle, &info, NULL), 0);
	cr_assert_eq(info.pend_time_ns, 123456789);
	cr_assert_eq(info.deadline_ns, rounded_up(123456789 + 5000000));
	cr_assert_eq(info.home_cpu, (uint32_t)cpu);
	cr_assert_eq(info.handle, handle);
	cr_assert_eq(info.cookie, 1001);
	cr_assert_eq(info.rerun_count + info.owner, 0);
	cr_assert_eq(info.state, PEND_STATE_PENDING);

	request = request_of(&(uint64_t){ 2 }, NULL);
	request.deadline_ns = PEND_DEADLINE_MAX_NS;
	before = boot_clock_ns();
	cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	cr_assert_eq(pend_map_read(map, handle, &info, NULL), 0);
	/* The coarse clock may lag behind by a tick. */
	cr_assert_geq(info.pend_time_ns + 20000000, before);
	cr_assert_leq(info.pend_time_ns, boot_clock_ns());
	cr_assert_eq(info.deadline_ns, rounded_up(info.pend_time_ns + PEND_DEADLINE_MAX_NS));

	request = request_of(&(uint64_t){ 3 }, NULL);
	request.deadline_ns = PEND_DEADLINE_NONE;
	cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	cr_assert_eq(pend_map_read(map, handle, &info, NULL), 0);
	cr_assert_eq(info.deadline_ns, PEND_DEADLINE_NONE);
	destroy(map);
}

Test(pend, no_deadline_by_default_of_the_map)
{
	struct pend_map_options options = keyed(8, 0);
	struct pend_info info;
	struct pend_map *map;

	options.deadline_ns = PEND_DEADLINE_NONE;
	map = make(&options);
	cr_assert_eq(pend_map_read(map, pend_key(map, 1), &info, NULL), 0);
	cr_assert_eq(info.deadline_ns, PEND_DEADLINE_NONE);
	destroy(map);
}

/* What a slot held before does not shine through. */
Test(pend, no_value_means_zeros)
{
	struct pend_map_options options = keyed(1, 0);
	struct told told = { .count = 0 };
	struct pend_request request = request_of(&(uint64_t){ 1 }, &(uint64_t){ ~0ull });
	uint64_t handle, value = CANARY;
	struct pend_map *map;

	options.on_complete = tell;
	options.context = &told;
	map = make(&options);
	request.scratch = &(uint64_t){ 0x5c5c5c5c };
	cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(told.scratches[0], 0x5c5c5c5c);
	request = request_of(&(uint64_t){ 1 }, NULL);
	cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	cr_assert_eq(pend_map_read(map, handle, NULL, &value), 0);
	cr_assert_eq(value, 0);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(told.values[1], 0);
	cr_assert_eq(told.scratches[1], 0);
	destroy(map);
}
