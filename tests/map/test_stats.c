/* SPDX-License-Identifier: MIT */
/*
 * test_stats.c - counters: each call moves the one it should, and only that (guarantee I).
 */
#include "fixture.h"

#include <pthread.h>

Test(stats, check_their_caller)
{
	struct pend_map *map = make_keyed(4);
	struct {
		struct pend_map_stats stats;
		uint64_t newer;
	} given = { .stats = { .pends = CANARY }, .newer = CANARY };

	/* retval: pend_map_stats_read -EFAULT */
	cr_assert_eq(pend_map_stats_read(NULL, &given.stats), -EFAULT);
	REFUSED(map, -EFAULT, pend_map_stats_read(map, NULL));
	/* retval: pend_map_stats_read -EINVAL */
	for (uint32_t size = 0; size < sizeof(given.stats); size++) {
		given.stats.size = size;
		cr_assert_eq(pend_map_stats_read(map, &given.stats), -EINVAL);
		cr_assert_eq(given.stats.size, size);
		cr_assert_eq(given.stats.pends, CANARY);
	}
	given.stats.size = sizeof(given);
	cr_assert_eq(pend_map_stats_read(map, &given.stats), 0);
	cr_assert_eq(given.stats.size, sizeof(given));
	cr_assert_eq(given.stats.pends, 0);
	cr_assert_eq(given.newer, CANARY, "what the library does not know it does not write");
	/* retval: pend_map_count -EFAULT */
	cr_assert_eq(pend_map_count(NULL), -EFAULT);
	destroy(map);
}

static int proceed(void *context, const struct pend_operation *operation)
{
	(void)context;
	(void)operation;
	return PEND_VERDICT_PROCEED_SOFT;
}

Test(stats, a_whole_life)
{
	struct pend_map_options options = keyed(2, PEND_MAP_LIMIT_BLOCKS);
	struct pend_map *map;
	struct pend_map_stats stats, expected;
	uint64_t handle;

	options.on_rerun = proceed;
	options.rerun_limit = 1;
	map = make(&options);
	expected = stats_of(map);
	handle = pend_key(map, 1);
	(void)pend_key(map, 2);
	cr_assert_eq(pend_error(map, 3), -ENOSPC);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), -ENOENT);
	cr_assert_eq(pend_error(map, 2), -EEXIST);
	cr_assert_eq(pend_map_complete_key(map, &(uint64_t){ 2 }, 8, PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(pend_map_complete_key(map, &(uint64_t){ 2 }, 8, PEND_ACTION_CONTINUE),
		     -EALREADY);
	cr_assert_eq(pend_map_poll(map, 1), 1);
	(void)pend_key(map, 4);
	expected.pends = 3;
	expected.completions = 2;
	expected.by_orchestrator = 1;
	expected.by_program = 1;
	expected.live = 1;
	expected.refused_full = 1;
	expected.refused_key = 1;
	expected.late = 1;
	expected.duplicates = 1;
	expected.continues = 1;
	expected.reruns = 1;
	stats = stats_of(map);
	cr_assert_eq(memcmp(&stats, &expected, sizeof(stats)), 0);
	destroy(map);
}

Test(stats, memory)
{
	struct pend_map_options options = keyed(1000, 0);
	struct pend_map *map;
	struct pend_map_stats stats;

	map = make(&options);
	stats = stats_of(map);
	cr_assert_eq(stats.max_entries, 1000);
	cr_assert_geq(stats.slot_bytes, 24u);
	cr_assert_gt(stats.index_bytes, 0u);
	cr_assert_leq(stats.index_bytes, 16u * 1000, "at most 16 bytes of index for an entry");
	cr_assert_geq(stats.memory_bytes, 1000 * stats.slot_bytes + stats.index_bytes);
	destroy(map);
}

static void *pend_and_end(void *map)
{
	for (uint64_t key = 0; key < 100; key++)
		cr_assert_eq(pend_map_complete(map, pend_key(map, key), PEND_ACTION_BLOCK), 0);
	return NULL;
}

/* What a thread counted stays counted when it has ended and another has its number. */
Test(stats, outlive_their_threads)
{
	struct pend_map *map = make_keyed(4);

	for (uint64_t round = 1; round <= 20; round++) {
		pthread_t thread;

		cr_assert_eq(pthread_create(&thread, NULL, pend_and_end, map), 0);
		cr_assert_eq(pthread_join(thread, NULL), 0);
		cr_assert_eq(stats_of(map).pends, 100 * round);
		cr_assert_eq(stats_of(map).completions, 100 * round);
	}
	destroy(map);
}
