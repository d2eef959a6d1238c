/* SPDX-License-Identifier: MIT */
/*
 * test_batch.c - the batch calls: the same outcome, element by element, as the single ones.
 *
 * Counts lie around the borders of the groups that a batch is cut into, and bad elements stand
 * among good ones at every place of a group.
 */
#include "fixture.h"

enum { MOST = 128 };

static const uint32_t counts[] = { 0, 1, 2, 15, 16, 17, 31, 32, 33, 100, MOST };
enum { COUNTS = sizeof(counts) / sizeof(counts[0]) };

struct batch {
	uint64_t keys[MOST], values[MOST], handles[MOST];
	struct pend_request requests[MOST];
	uint32_t actions[MOST];
	int results[MOST + 1];
};

static void prepare(struct batch *batch, uint64_t first)
{
	for (uint32_t i = 0; i < MOST; i++) {
		batch->keys[i] = first + i;
		batch->values[i] = ~batch->keys[i];
		batch->requests[i] = request_of(&batch->keys[i], &batch->values[i]);
		batch->handles[i] = CANARY;
		batch->actions[i] = PEND_ACTION_BLOCK;
		batch->results[i] = CANARY_INT;
	}
	batch->results[MOST] = CANARY_INT;
}

/* Nothing of @batch was written from @from on. */
static void untouched_from(const struct batch *batch, uint32_t from)
{
	for (uint32_t i = from; i < MOST; i++) {
		cr_assert_eq(batch->handles[i], CANARY);
		cr_assert_eq(batch->results[i], CANARY_INT);
	}
}

Test(batch, pend_checks_its_caller)
{
	struct pend_map *map = make_keyed(MOST);
	struct batch batch;

	prepare(&batch, 0);
	/* retval: pend_map_pend_batch -EFAULT */
	cr_assert_eq(pend_map_pend_batch(NULL, batch.requests, 4, batch.handles, batch.results),
		     -EFAULT);
	REFUSED(map, -EFAULT, pend_map_pend_batch(map, NULL, 4, batch.handles, batch.results));
	REFUSED(map, -EFAULT, pend_map_pend_batch(map, batch.requests, 4, NULL, batch.results));
	/* retval: pend_map_pend_batch -ERANGE */
	REFUSED(map, -ERANGE,
		pend_map_pend_batch(map, batch.requests, 1u << 31, batch.handles, batch.results));
	REFUSED(map, -ERANGE,
		pend_map_pend_batch(map, batch.requests, UINT32_MAX, batch.handles, NULL));
	REFUSED(map, 0, pend_map_pend_batch(map, batch.requests, 0, batch.handles, batch.results));
	untouched_from(&batch, 0);
	destroy(map);
}

Test(batch, complete_checks_its_caller)
{
	struct pend_map *map = make_keyed(MOST);
	struct batch batch;

	prepare(&batch, 0);
	/* retval: pend_map_complete_batch -EFAULT */
	cr_assert_eq(pend_map_complete_batch(NULL, batch.handles, batch.actions, 4, batch.results),
		     -EFAULT);
	REFUSED(map, -EFAULT, pend_map_complete_batch(map, NULL, batch.actions, 4, batch.results));
	REFUSED(map, -EFAULT, pend_map_complete_batch(map, batch.handles, NULL, 4, batch.results));
	/* retval: pend_map_complete_batch -ERANGE */
	REFUSED(map, -ERANGE,
		pend_map_complete_batch(map, batch.handles, batch.actions, 1u << 31,
					batch.results));
	REFUSED(map, 0, pend_map_complete_batch(map, batch.handles, batch.actions, 0, NULL));
	untouched_from(&batch, 0);
	destroy(map);
}

Test(batch, complete_by_key_checks_its_caller)
{
	struct pend_map *map = make_keyed(MOST), *keyless = make(NULL);
	struct batch batch;

	prepare(&batch, 0);
	/* retval: pend_map_complete_key_batch -EFAULT */
	cr_assert_eq(pend_map_complete_key_batch(NULL, batch.keys, batch.actions, 4, batch.results),
		     -EFAULT);
	REFUSED(map, -EFAULT,
		pend_map_complete_key_batch(map, NULL, batch.actions, 4, batch.results));
	REFUSED(map, -EFAULT, pend_map_complete_key_batch(map, batch.keys, NULL, 4, batch.results));
	/* retval: pend_map_complete_key_batch -EOPNOTSUPP */
	REFUSED(keyless, -EOPNOTSUPP,
		pend_map_complete_key_batch(keyless, batch.keys, batch.actions, 4, batch.results));
	/* retval: pend_map_complete_key_batch -ERANGE */
	REFUSED(map, -ERANGE,
		pend_map_complete_key_batch(map, batch.keys, batch.actions, 1u << 31,
					    batch.results));
	REFUSED(map, 0, pend_map_complete_key_batch(map, batch.keys, batch.actions, 0, NULL));
	untouched_from(&batch, 0);
	destroy(map);
	destroy(keyless);
}

Test(batch, lookup_checks_its_caller)
{
	struct pend_map *map = make_keyed(MOST), *keyless = make(NULL);
	struct pend_info infos[4] = { { .cookie = CANARY } };
	uint64_t values[4] = { CANARY };
	struct batch batch;

	prepare(&batch, 0);
	/* retval: pend_map_lookup_batch -EFAULT */
	cr_assert_eq(pend_map_lookup_batch(NULL, batch.keys, 4, infos, values, batch.results),
		     -EFAULT);
	REFUSED(map, -EFAULT, pend_map_lookup_batch(map, NULL, 4, infos, values, batch.results));
	/* retval: pend_map_lookup_batch -EOPNOTSUPP */
	REFUSED(keyless, -EOPNOTSUPP,
		pend_map_lookup_batch(keyless, batch.keys, 4, infos, values, batch.results));
	/* retval: pend_map_lookup_batch -ERANGE */
	REFUSED(map, -ERANGE,
		pend_map_lookup_batch(map, batch.keys, 1u << 31, infos, values, batch.results));
	REFUSED(map, 0, pend_map_lookup_batch(map, batch.keys, 0, NULL, NULL, NULL));
	untouched_from(&batch, 0);
	cr_assert_eq(infos[0].cookie, CANARY);
	cr_assert_eq(values[0], CANARY);
	destroy(map);
	destroy(keyless);
}

Test(batch, of_any_size)
{
	struct told told = { .count = 0 };
	struct pend_map_options options = keyed(MOST, 0);
	struct batch batch;

	options.context = &told;
	for (uint32_t n = 0; n < COUNTS; n++) {
		const uint32_t count = counts[n];
		struct pend_map *map = make(&options);

		prepare(&batch, n * 1000);
		cr_assert_eq(pend_map_pend_batch(map, batch.requests, count, batch.handles,
						 batch.results),
			     (int)count);
		untouched_from(&batch, count);
		cr_assert_eq(pend_map_count(map), (int)count);
		for (uint32_t i = 0; i < count; i++) {
			struct pend_info info;

			cr_assert_eq(batch.results[i], 0);
			cr_assert_eq(pend_map_lookup(map, &batch.keys[i], 8, &info, NULL), 0);
			cr_assert_eq(info.handle, batch.handles[i]);
			cr_assert_eq(info.cookie, batch.keys[i] + 1000);
		}
		if (n & 1)
			cr_assert_eq(pend_map_complete_batch(map, batch.handles, batch.actions,
							     count, NULL),
				     (int)count);
		else
			cr_assert_eq(pend_map_complete_key_batch(map, batch.keys, batch.actions,
								 count, NULL),
				     (int)count);
		cr_assert_eq(pend_map_count(map), 0);
		destroy(map);
	}
}

/* Bad requests among good ones: each has its own error, and the others do not notice. */
Test(batch, good_and_bad_requests)
{
	for (uint32_t bad = 0; bad < 33; bad++) {
		struct pend_map *map = make_keyed(MOST);
		struct pend_map_stats stats;
		struct batch batch;

		prepare(&batch, 0);
		(void)pend_key(map, 3 + bad);
		batch.requests[bad].key_size = 7;
		batch.requests[bad + 1].value_size = 9;
		batch.requests[bad + 2].deadline_ns = 1;
		batch.requests[bad + 4].key = NULL;
		batch.requests[bad + 5].key = &batch.keys[bad + 6]; /* then 6 is the second */
		cr_assert_eq(
			pend_map_pend_batch(map, batch.requests, 100, batch.handles, batch.results),
			100 - 6);
		for (uint32_t i = 0; i < 100; i++) {
			const int expected = i == bad || i == bad + 1 ? -EMSGSIZE
					     : i == bad + 2           ? -ERANGE
					     : i == bad + 3           ? -EEXIST
					     : i == bad + 4           ? -EFAULT
					     : i == bad + 6           ? -EEXIST
								      : 0;

			cr_assert_eq(batch.results[i], expected);
			cr_assert_eq(batch.handles[i] == 0, expected != 0);
		}
		untouched_from(&batch, 100);
		stats = stats_of(map);
		cr_assert_eq(stats.pends, 95);
		cr_assert_eq(stats.refused_key, 2);
		destroy(map);
	}
}

Test(batch, more_than_there_is_room_for)
{
	for (uint32_t room = 0; room < 40; room++) {
		struct pend_map *map = make_keyed(40);
		struct batch batch;
		uint32_t pended = 0;

		for (uint64_t key = 0; key < 40 - room; key++)
			(void)pend_key(map, 1000 + key);
		prepare(&batch, 0);
		cr_assert_eq(
			pend_map_pend_batch(map, batch.requests, 100, batch.handles, batch.results),
			(int)room);
		for (uint32_t i = 0; i < 100; i++) {
			cr_assert(batch.results[i] == 0 || batch.results[i] == -ENOSPC);
			cr_assert_eq(batch.handles[i] == 0, batch.results[i] != 0);
			pended += batch.results[i] == 0;
		}
		cr_assert_eq(pended, room);
		cr_assert_eq(stats_of(map).refused_full, 100 - room);
		destroy(map);
	}
}

static int pend_again(void *context, const struct pend_operation *operation)
{
	(void)context;
	(void)operation;
	return PEND_VERDICT_PEND;
}

/* Each way an element can be refused, at each place of a group, by handle and by key. */
Test(batch, good_and_bad_completions)
{
	for (uint32_t bad = 0; bad < 33; bad++) {
		struct pend_map_options options = keyed(MOST, 0);
		struct pend_map *map;
		struct batch batch;
		const bool by_key = bad & 1;
		int accepted;

		options.on_rerun = pend_again;
		map = make(&options);
		prepare(&batch, 0);
		cr_assert_eq(pend_map_pend_batch(map, batch.requests, 100, batch.handles, NULL),
			     100);
		batch.actions[bad] = PEND_ACTION_PENDING;
		batch.actions[bad + 1] = 5;
		cr_assert_eq(pend_map_complete(map, batch.handles[bad + 2], PEND_ACTION_BLOCK), 0);
		batch.handles[bad + 4] = batch.handles[bad + 3]; /* twice in one batch */
		batch.keys[bad + 4] = batch.keys[bad + 3];
		batch.actions[bad + 5] = PEND_ACTION_CONTINUE;
		batch.actions[bad + 6] = PEND_ACTION_CONTINUE;
		cr_assert_eq(pend_map_complete(map, batch.handles[bad + 6], PEND_ACTION_CONTINUE),
			     0);
		accepted = by_key ? pend_map_complete_key_batch(map, batch.keys, batch.actions, 100,
								batch.results)
				  : pend_map_complete_batch(map, batch.handles, batch.actions, 100,
							    batch.results);
		cr_assert_eq(accepted, 100 - 5);
		for (uint32_t i = 0; i < 100; i++) {
			int result = batch.results[i];

			if (i == bad + 4) { /* decided; its completion may be over or not */
				cr_assert(result == -ENOENT || result == -EALREADY);
				continue;
			}
			cr_assert_eq(result, i == bad || i == bad + 1 ? -EINVAL
					     : i == bad + 2           ? -ENOENT
					     : i == bad + 6           ? -EALREADY
								      : 0);
		}
		/* Left: the two of no action, the double's neighbour, the two continued. */
		cr_assert_eq(pend_map_count(map), 5);
		cr_assert_eq(pend_map_poll(map, 9), 2);
		cr_assert_eq(stats_of(map).late + stats_of(map).duplicates, 3);
		destroy(map);
	}
}

Test(batch, continue_without_a_function)
{
	struct pend_map *map = make_keyed(MOST);
	struct batch batch;

	prepare(&batch, 0);
	batch.actions[1] = PEND_ACTION_CONTINUE;
	cr_assert_eq(pend_map_pend_batch(map, batch.requests, 3, batch.handles, NULL), 3);
	cr_assert_eq(pend_map_complete_batch(map, batch.handles, batch.actions, 3, batch.results),
		     2);
	cr_assert_eq(batch.results[1], -EOPNOTSUPP);
	cr_assert_eq(pend_map_complete_key_batch(map, &batch.keys[1], &batch.actions[1], 1,
						 batch.results),
		     0);
	cr_assert_eq(batch.results[0], -EOPNOTSUPP);
	destroy(map);
}

Test(batch, lookups_of_present_and_absent_keys)
{
	struct pend_map *map = make_keyed(MOST);
	static struct pend_info infos[MOST];
	uint64_t values[MOST];
	struct batch batch;

	prepare(&batch, 0);
	for (uint32_t i = 0; i < 100; i += 3)
		(void)pend_key(map, i);
	memset(infos, 0xee, sizeof(infos));
	memset(values, 0xee, sizeof(values));
	cr_assert_eq(pend_map_lookup_batch(map, batch.keys, 100, infos, values, batch.results), 34);
	for (uint32_t i = 0; i < 100; i++) {
		cr_assert_eq(batch.results[i], i % 3 ? -ENOENT : 0);
		cr_assert_eq(values[i], i % 3 ? 0xeeeeeeeeeeeeeeee : ~(uint64_t)i);
		cr_assert_eq(infos[i].cookie, i % 3 ? 0xeeeeeeeeeeeeeeee : (uint64_t)i + 1000);
	}
	cr_assert_eq(values[100], 0xeeeeeeeeeeeeeeee);
	cr_assert_eq(pend_map_lookup_batch(map, batch.keys, 100, NULL, NULL, NULL), 34);
	destroy(map);
}

/* Through the epoch, freed slots come back one by one; the batch must not lose any. */
Test(batch, of_a_map_with_pointers)
{
	struct pend_map_options options = keyed(40, PEND_MAP_POINTERS);
	struct pend_map *map;
	struct batch batch;

	options.reserve = 8;
	map = make(&options);
	for (int round = 0; round < 20; round++) {
		prepare(&batch, 0);
		cr_assert_eq(
			pend_map_pend_batch(map, batch.requests, 100, batch.handles, batch.results),
			40);
		for (uint32_t i = 40; i < 100; i++)
			cr_assert_eq(batch.results[i], -ENOSPC);
		cr_assert_eq(pend_map_complete_batch(map, batch.handles, batch.actions, 100, NULL),
			     40);
		let_reclaim();
	}
	destroy(map);
}
