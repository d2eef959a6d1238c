/* SPDX-License-Identifier: MIT */
/*
 * torture_continuation.c - a continuation map of few keys, at full speed.
 *
 * Values are whole, belong to the key they are found under, and stay as they are until the reader
 * leaves, whoever replaces or deletes them meanwhile. Some keys are never deleted, only replaced:
 * they are found by every lookup. Inserts less deletes is what is there at the end.
 *
 * "Away from home": the first bucket of the index is filled with keys that stay, so that half of the
 * keys that the threads fight for stand in the second one, governed by the first one's home word,
 * beside others that are at home there.
 */
#include "tests/map/torture_continuation.h"

#include <errno.h>
#include <sched.h>

#include "tests/map/map_oracle.h"
#include "tests/map/torture_map.h"
#include "tests/support/check.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

enum { WORKERS = 4, ENTRIES = 64, KEYS = 8, FIXED = 2, BATCH = 5 };

struct shared {
	struct pend_continuation *map;
	uint64_t seed, rounds;
	uint64_t keys[KEYS];
	struct oracle_sum inserted, deleted, found;
};

static int update(struct shared *shared, uint64_t key, uint64_t stamp, enum pend_update how)
{
	const struct payload value = payload_make(key, stamp);

	return pend_continuation_update(shared->map, &key, &value, how);
}

static void write_one(struct shared *shared, struct rng *rng, uint64_t stamp)
{
	const uint32_t at = rng_below(rng, KEYS);
	const uint64_t key = shared->keys[at];
	int result;

	switch (rng_below(rng, 4)) {
	case 0:
		result = update(shared, key, stamp, PEND_UPDATE_NOEXIST);
		CHECK(result == 0 || result == -EEXIST || result == -EAGAIN);
		CHECK(at >= FIXED || result != 0);
		oracle_add(&shared->inserted, result == 0);
		break;
	case 1:
		result = update(shared, key, stamp, PEND_UPDATE_EXIST);
		CHECK(result == 0 || result == -ENOENT || result == -EAGAIN);
		CHECK(at >= FIXED || result != -ENOENT);
		break;
	case 2: /* never -EEXIST, never -ENOENT */
		result = update(shared, shared->keys[at % FIXED], stamp, PEND_UPDATE_ANY);
		CHECK(result == 0 || result == -EAGAIN);
		if (result) /* let the reader go on that holds everything up */
			(void)sched_yield();
		break;
	default:
		if (at < FIXED)
			break;
		result = pend_continuation_delete(shared->map, &key);
		CHECK(result == 0 || result == -ENOENT);
		oracle_add(&shared->deleted, result == 0);
	}
}

static void look_at(struct shared *shared, uint32_t at, const void *value)
{
	CHECK(payload_is_whole(value));
	CHECK_U64(payload_key(value), ==, shared->keys[at]);
}

static void read_some(struct shared *shared, struct rng *rng)
{
	uint64_t keys[BATCH], stamps[BATCH];
	const void *values[BATCH] = { NULL };
	uint32_t at[BATCH];
	const bool batch = rng_one_in(rng, 3);

	for (uint32_t i = 0; i < BATCH; i++) {
		at[i] = rng_below(rng, KEYS);
		keys[i] = shared->keys[at[i]];
	}
	CHECK_INT(pend_epoch_enter(), ==, 0);
	if (batch)
		CHECK_INT(pend_continuation_lookup_batch(shared->map, keys, BATCH, values), >=, 0);
	for (uint32_t i = 0; i < BATCH; i++) {
		int result = values[i] ? 0 : -ENOENT;

		if (!batch)
			result = pend_continuation_lookup(shared->map, &keys[i], &values[i]);
		CHECK(result == 0 || (result == -ENOENT && at[i] >= FIXED));
		if (!values[i])
			continue;
		look_at(shared, at[i], values[i]);
		stamps[i] = payload_stamp(values[i]);
	}
	if (rng_one_in(rng, 8))
		(void)sched_yield();
	for (uint32_t i = 0; i < BATCH; i++) {
		if (!values[i])
			continue;
		look_at(shared, at[i], values[i]);
		CHECK_U64(payload_stamp(values[i]), ==, stamps[i]);
		oracle_add(&shared->found, 1);
	}
	CHECK_INT(pend_epoch_exit(), ==, 0);
}

static void run_worker(void *context, uint32_t number, struct crew *crew)
{
	struct shared *shared = context;
	struct rng rng = rng_make(shared->seed, number);

	(void)crew_meet(crew);
	for (uint64_t i = 0; i < shared->rounds; i++) {
		if (rng_one_in(&rng, 3))
			read_some(shared, &rng);
		else
			write_one(shared, &rng, 1 + number + i * WORKERS);
	}
}

uint64_t torture_continuation(uint64_t seed, uint64_t rounds, bool displaced)
{
	struct shared shared = { .seed = seed, .rounds = rounds };
	uint32_t others, present = 0;

	shared.map = continuation_make(ENTRIES, sizeof(struct payload), seed, displaced, &others,
				       shared.keys, KEYS);
	for (uint32_t i = 0; i < FIXED; i++)
		CHECK_INT(update(&shared, shared.keys[i], 0, PEND_UPDATE_NOEXIST), ==, 0);
	crew_run(WORKERS, &shared, run_worker);
	CHECK_INT(pend_epoch_enter(), ==, 0);
	for (uint32_t i = 0; i < KEYS; i++) {
		const void *value;

		present += pend_continuation_lookup(shared.map, &shared.keys[i], &value) == 0;
	}
	CHECK_INT(pend_epoch_exit(), ==, 0);
	CHECK_U64(oracle_total(&shared.found), >, 0);
	CHECK_U64(present, ==,
		  FIXED + oracle_total(&shared.inserted) - oracle_total(&shared.deleted));
	CHECK_INT(pend_continuation_count(shared.map), ==, others + present);
	continuation_check_and_destroy(shared.map, ENTRIES, shared.keys, KEYS, others);
	return rounds * WORKERS;
}
