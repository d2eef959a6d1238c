/* SPDX-License-Identifier: MIT */
/*
 * test_quota.c - byte quotas of a map and of an engine: exact, and given back (guarantee I; F45).
 */
#include "tests/map/manual.h"

static struct told told;

static int pend_bytes(struct pend_map *map, uint64_t key, uint64_t payload)
{
	struct pend_request request = request_of(&key, NULL);
	uint64_t handle = CANARY;
	int error;

	request.payload_bytes = payload;
	error = pend_map_pend(map, &request, &handle);
	cr_assert_eq(handle == CANARY, error != 0);
	return error;
}

static void complete_all(struct pend_map *map, struct pend_engine *engine)
{
	for (uint64_t key = 0; key < 64; key++)
		(void)!pend_map_complete_key(map, &key, 8, PEND_ACTION_BLOCK);
	if (engine)
		(void)serve_all(engine);
	cr_assert_eq(stats_of(map).live, 0);
	told.count = 0;
}

static uint64_t slot_bytes_of(void)
{
	struct pend_map_options options = keyed(4, 0);
	struct pend_map *map;
	uint64_t bytes;

	options.quota_bytes = UINT64_MAX;
	map = make(&options);
	bytes = stats_of(map).slot_bytes;
	destroy(map);
	return bytes;
}

/* As many slots as the quota holds, and not one more, over and over. */
Test(quota, of_a_map_is_exact)
{
	const uint64_t slot = slot_bytes_of();

	for (uint32_t with_engine = 0; with_engine < 2; with_engine++) {
		struct pend_engine *engine = with_engine ? make_engine() : NULL;
		struct pend_map_options options = managed(engine, &told, 16);
		struct pend_map *map;

		options.quota_bytes = 5 * slot + slot - 1;
		map = make(&options);
		for (uint32_t round = 0; round < 5; round++) {
			for (uint64_t key = 0; key < 5; key++)
				cr_assert_eq(pend_bytes(map, key, 0), 0);
			/* retval: pend_map_pend -EDQUOT */
			COUNTED(map, -EDQUOT, refused_quota, pend_bytes(map, 5, 0));
			cr_assert_eq(pend_map_complete_key(map, &(uint64_t){ 3 }, 8, 3), 0);
			if (engine) {
				COUNTED(map, -EDQUOT, refused_quota, pend_bytes(map, 5, 0));
				(void)serve_all(engine);
			}
			cr_assert_eq(pend_bytes(map, 5, 0), 0);
			COUNTED(map, -EDQUOT, refused_quota, pend_bytes(map, 6, 0));
			complete_all(map, engine);
		}
		cr_assert_eq(quota_used(map), 0);
		destroy(map);
		if (engine)
			destroy_engine(engine);
	}
}

/* Payload counts, to the byte, and cannot overflow. */
Test(quota, counts_payload)
{
	const uint64_t slot = slot_bytes_of();
	struct pend_map_options options = keyed(16, 0);
	struct pend_map *map;

	options.quota_bytes = 1000000;
	map = make(&options);
	COUNTED(map, -EDQUOT, refused_quota, pend_bytes(map, 1, UINT64_MAX));
	COUNTED(map, -EDQUOT, refused_quota, pend_bytes(map, 1, UINT64_MAX - slot));
	COUNTED(map, -EDQUOT, refused_quota, pend_bytes(map, 1, UINT64_MAX - slot + 1));
	COUNTED(map, -EDQUOT, refused_quota, pend_bytes(map, 1, 1000001 - slot));
	cr_assert_eq(pend_bytes(map, 1, 1000000 - slot), 0);
	COUNTED(map, -EDQUOT, refused_quota, pend_bytes(map, 2, 0));
	complete_all(map, NULL);
	cr_assert_eq(pend_bytes(map, 1, 999999 - 2 * slot), 0);
	COUNTED(map, -EDQUOT, refused_quota, pend_bytes(map, 2, 2));
	cr_assert_eq(pend_bytes(map, 2, 1), 0);
	cr_assert_eq(quota_used(map), 1000000);
	destroy(map);
}

/* An engine's is shared by its maps, and a map's own comes first. */
Test(quota, of_an_engine_is_shared)
{
	struct pend_engine_options engine_options = manual_options();
	struct pend_map_options options;
	struct pend_engine *engine;
	struct pend_map *first, *second;
	const uint64_t slot = slot_bytes_of();

	engine_options.quota_bytes = 6 * slot;
	engine = make_engine_of(&engine_options);
	options = managed(engine, &told, 16);
	first = make(&options);
	options.quota_bytes = 4 * slot;
	second = make(&options);
	for (uint64_t key = 0; key < 4; key++)
		cr_assert_eq(pend_bytes(second, key, 0), 0);
	COUNTED(second, -EDQUOT, refused_quota, pend_bytes(second, 4, 0));
	cr_assert_eq(pend_bytes(first, 0, 0), 0);
	cr_assert_eq(pend_bytes(first, 1, 0), 0);
	/* The engine refuses: nothing is left in the map's own. */
	COUNTED(first, -EDQUOT, refused_quota, pend_bytes(first, 2, 0));
	complete_all(second, engine);
	for (uint32_t i = 0; i < 20; i++)
		COUNTED(first, -EDQUOT, refused_quota, pend_bytes(first, 2, 5 * slot));
	cr_assert_eq(pend_bytes(first, 2, 3 * slot), 0);
	COUNTED(second, -EDQUOT, refused_quota, pend_bytes(second, 1, 0));
	cr_assert_eq(quota_used(second), 0);
	complete_all(first, engine);
	for (uint64_t key = 0; key < 4; key++)
		cr_assert_eq(pend_bytes(second, key, 0), 0);
	/* Destroying gives it back, too. */
	destroy(second);
	cr_assert_eq(pend_bytes(first, 1, 5 * slot), 0);
	destroy(first);
	cr_assert_eq(engine_quota_used(engine), 0);
	destroy_engine(engine);
}

/* A pend that is refused later gives back what it took. */
Test(quota, refusals_leave_no_trace)
{
	struct pend_engine_options engine_options = manual_options();
	struct pend_map_options options;
	struct pend_engine *engine;
	struct pend_map *map;
	const uint64_t slot = slot_bytes_of();

	engine_options.quota_bytes = 100 * slot;
	engine = make_engine_of(&engine_options);
	options = managed(engine, &told, 3);
	options.quota_bytes = 50 * slot;
	map = make(&options);
	for (uint64_t key = 0; key < 2; key++)
		cr_assert_eq(pend_bytes(map, key, slot), 0);
	for (uint32_t i = 0; i < 200; i++)
		COUNTED(map, -EEXIST, refused_key, pend_bytes(map, 1, slot));
	cr_assert_eq(pend_bytes(map, 2, slot), 0);
	for (uint32_t i = 0; i < 200; i++)
		COUNTED(map, -ENOSPC, refused_full, pend_bytes(map, 3, slot));
	cr_assert_eq(quota_used(map), 6 * slot);
	cr_assert_eq(engine_quota_used(engine), 6 * slot);
	cr_assert_eq(pend_map_disable(map, SECOND), 0);
	COUNTED(map, -ESHUTDOWN, refused_stopped, pend_bytes(map, 3, slot));
	cr_assert_eq(quota_used(map), 0);
	cr_assert_eq(engine_quota_used(engine), 0);
	destroy(map);
	destroy_engine(engine);
}

/* In a batch each has its own answer. */
Test(quota, in_a_batch)
{
	struct pend_map_options options = keyed(64, 0);
	uint64_t keys[64], handles[64];
	uint32_t actions[64];
	struct pend_request requests[64];
	int results[64];
	struct pend_map *map;

	options.quota_bytes = 10 * slot_bytes_of();
	map = make(&options);
	for (uint64_t i = 0; i < 64; i++) {
		keys[i] = i;
		requests[i] = request_of(&keys[i], NULL);
		actions[i] = PEND_ACTION_BLOCK;
	}
	cr_assert_eq(pend_map_pend_batch(map, requests, 64, handles, results), 10);
	for (uint32_t i = 0; i < 64; i++) {
		cr_assert_eq(results[i], i < 10 ? 0 : -EDQUOT);
		cr_assert_eq(handles[i] != 0, i < 10);
	}
	cr_assert_eq(stats_of(map).refused_quota, 54);
	cr_assert_eq(pend_map_complete_batch(map, handles, actions, 10, NULL), 10);
	cr_assert_eq(quota_used(map), 0);
	destroy(map);
}
