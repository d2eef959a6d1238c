/* SPDX-License-Identifier: MIT */
/*
 * test_scan.c - pend_map_scan(): every operation once, whatever comes and goes (guarantee J).
 */
#include "fixture.h"

Test(scan, checks_its_caller)
{
	struct pend_map *map = make_keyed(4);
	struct pend_cursor cursor = { 0 };
	struct pend_info info = { .cookie = CANARY };
	uint64_t value = CANARY;

	(void)pend_key(map, 1);
	/* retval: pend_map_scan -EFAULT */
	cr_assert_eq(pend_map_scan(NULL, &cursor, &info, &value, 1), -EFAULT);
	REFUSED(map, -EFAULT, pend_map_scan(map, NULL, &info, &value, 1));
	REFUSED(map, -EFAULT, pend_map_scan(map, &cursor, NULL, &value, 1));
	/* retval: pend_map_scan -ERANGE */
	REFUSED(map, -ERANGE, pend_map_scan(map, &cursor, &info, &value, 0));
	REFUSED(map, -ERANGE, pend_map_scan(map, &cursor, &info, &value, 1u << 31));
	REFUSED(map, -ERANGE, pend_map_scan(map, &cursor, &info, &value, UINT32_MAX));
	cr_assert_eq(cursor.position, 0);
	cr_assert_eq(info.cookie, CANARY);
	cr_assert_eq(value, CANARY);
	destroy(map);
}

Test(scan, any_cursor_is_taken)
{
	struct pend_map *map = make_keyed(4);
	struct pend_cursor cursor = { .position = UINT64_MAX };
	struct pend_info info;

	(void)pend_key(map, 1);
	REFUSED(map, 0, pend_map_scan(map, &cursor, &info, NULL, 1));
	cursor.position = 1ull << 32;
	REFUSED(map, 0, pend_map_scan(map, &cursor, &info, NULL, 1));
	destroy(map);
}

/* Scans all in steps of @step. Returns the set of keys seen, each of which is below 64. */
static uint64_t scan_all(struct pend_map *map, uint32_t step)
{
	struct pend_cursor cursor = { 0 };
	struct pend_info infos[64];
	uint64_t values[65], seen = 0;
	int found;

	do {
		memset(values, 0xee, sizeof(values));
		found = pend_map_scan(map, &cursor, infos, values, step);
		cr_assert_geq(found, 0);
		cr_assert_leq(found, (int)step);
		cr_assert_eq(values[found], 0xeeeeeeeeeeeeeeee);
		for (int i = 0; i < found; i++) {
			const uint64_t key = ~values[i];

			cr_assert_eq(infos[i].cookie, key + 1000);
			cr_assert_eq(pend_map_read(map, infos[i].handle, NULL, NULL), 0);
			cr_assert_eq(seen >> key & 1, 0, "once");
			seen |= 1ull << key;
		}
	} while (found);
	cr_assert_eq(pend_map_scan(map, &cursor, infos, NULL, step), 0, "it stays over");
	return seen;
}

Test(scan, sees_each_once)
{
	struct pend_map *map = make_keyed(64);

	cr_assert_eq(scan_all(map, 1), 0);
	for (uint64_t key = 0; key < 64; key++)
		(void)pend_key(map, key);
	for (uint32_t step = 1; step <= 64; step++)
		cr_assert_eq(scan_all(map, step), UINT64_MAX);
	for (uint64_t key = 0; key < 64; key += 2)
		cr_assert_eq(pend_map_complete_key(map, &key, 8, PEND_ACTION_BLOCK), 0);
	for (uint32_t step = 1; step <= 64; step += 7)
		cr_assert_eq(scan_all(map, step), 0xaaaaaaaaaaaaaaaa);
	destroy(map);
}

/* Half the operations stay; the others are replaced by new ones between any two steps. */
Test(scan, churn_hides_nothing_that_stays)
{
	struct pend_map *map = make_keyed(64);

	for (uint64_t key = 0; key < 64; key++)
		(void)pend_key(map, key);
	for (int round = 0; round < 16; round++) {
		struct pend_cursor cursor = { 0 };
		struct pend_info infos[5];
		uint64_t values[5], seen = 0, next = 1;
		int found;

		while ((found = pend_map_scan(map, &cursor, infos, values, 5))) {
			for (int i = 0; i < found; i++) {
				const uint64_t key = ~values[i];

				if (key & 1)
					continue;
				cr_assert_eq(seen >> key & 1, 0);
				seen |= 1ull << key;
			}
			for (int i = 0; i < 7; i++) {
				const uint64_t key = next;

				next = (next + 2) % 64;
				cr_assert_eq(pend_map_complete_key(map, &key, 8, PEND_ACTION_BLOCK),
					     0);
				(void)pend_key(map, key);
			}
		}
		cr_assert_eq(seen, 0x5555555555555555);
	}
	destroy(map);
}

static int stay(void *context, const struct pend_operation *operation)
{
	(void)context;
	(void)operation;
	return PEND_VERDICT_PEND;
}

Test(scan, tells_the_state)
{
	struct pend_map_options options = keyed(4, 0);
	struct pend_cursor cursor = { 0 };
	struct pend_info info;
	struct pend_map *map;
	uint64_t handle;

	options.on_rerun = stay;
	map = make(&options);
	handle = pend_key(map, 1);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(pend_map_scan(map, &cursor, &info, NULL, 1), 1);
	cr_assert_eq(info.state, PEND_STATE_RERUN);
	cr_assert_eq(info.rerun_count, 1);
	cr_assert_eq(info.handle, handle);
	cr_assert_eq(pend_map_poll(map, 1), 1);
	cursor.position = 0;
	cr_assert_eq(pend_map_scan(map, &cursor, &info, NULL, 1), 1);
	cr_assert_eq(info.state, PEND_STATE_PENDING);
	destroy(map);
}
