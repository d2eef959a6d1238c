/* SPDX-License-Identifier: MIT */
/*
 * torture_linear.c - small histories of the maps, recorded and judged by linear.c.
 *
 * In each round a few threads make a few calls on two keys, with a clock read before and after
 * each call. Between rounds one of them checks the history of each key by itself, for keys are
 * independent while the bound is far away, and removes the keys. A history that cannot be
 * explained is printed.
 */
#include <errno.h>
#include <stdio.h>

#include <pendmap/pendmap.h>

#include "tests/map/map_oracle.h"
#include "tests/map/torture_continuation.h"
#include "tests/map/torture_map.h"
#include "tests/support/check.h"
#include "tests/support/linear.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

enum { WORKERS = 4, KEYS = 2, CALLS = 7, ENTRIES = 64 };

/* What one thread did to one key in this round. */
struct log {
	struct linear_op ops[2 * CALLS];
	uint32_t count;
};

struct recording {
	struct pend_map *pends; /* one of the two */
	struct pend_continuation *continuations;
	uint64_t seed, rounds;
	uint64_t keys[KEYS];
	struct oracle_clock clock;
	struct oracle_gate gate;
	struct log logs[WORKERS][KEYS];
};

/* The value of what the thread has completed last. */
static _Thread_local uint64_t completed;

static void told(void *context, const struct pend_operation *operation)
{
	(void)context;
	CHECK(payload_is_whole(operation->value));
	completed = payload_stamp(operation->value);
}

static void note(struct log *log, enum linear_kind kind, int result, uint64_t value,
		 uint64_t called, uint64_t returned)
{
	log->ops[log->count++] = (struct linear_op){ kind, result, value, called, returned };
}

static void call_pend_map(struct recording *recording, struct rng *rng, uint64_t key,
			  uint64_t stamp, struct log *log)
{
	const struct payload value = payload_make(key, stamp);
	const struct pend_request request = { .key = &key,
					      .key_size = 8,
					      .value = &value,
					      .value_size = sizeof(value),
					      .now_ns = 1 };
	const uint32_t what = rng_below(rng, 3);
	struct payload found = { { 0 } };
	uint64_t handle, returned;
	const uint64_t called = oracle_now(&recording->clock);
	int result;

	if (what == 0)
		result = pend_map_pend(recording->pends, &request, &handle);
	else if (what == 1)
		result = pend_map_complete_key(recording->pends, &key, 8, PEND_ACTION_BLOCK);
	else
		result = pend_map_lookup(recording->pends, &key, 8, NULL, &found);
	returned = oracle_now(&recording->clock);
	if (what == 2) {
		CHECK(result || payload_is_whole(&found));
		note(log, LINEAR_LOOKUP, result, found.words[0], called, returned);
		return;
	}
	note(log, what ? LINEAR_DECIDE : LINEAR_RESERVE, result, what ? completed : stamp, called,
	     returned);
	if (result == 0)
		note(log, what ? LINEAR_FINISH : LINEAR_PUBLISH, 0, what ? completed : stamp,
		     called, returned);
}

static void call_continuation_map(struct recording *recording, struct rng *rng, uint64_t key,
				  uint64_t stamp, struct log *log)
{
	const enum linear_kind what = (enum linear_kind)rng_below(rng, LINEAR_DELETE + 1);
	const struct payload value = payload_make(key, stamp);
	const enum pend_update how = what == LINEAR_INSERT    ? PEND_UPDATE_NOEXIST
				     : what == LINEAR_REPLACE ? PEND_UPDATE_EXIST
							      : PEND_UPDATE_ANY;
	const void *found = NULL;
	const uint64_t called = oracle_now(&recording->clock);
	uint64_t returned;
	int result;

	if (what == LINEAR_LOOKUP) {
		CHECK_INT(pend_epoch_enter(), ==, 0);
		result = pend_continuation_lookup(recording->continuations, &key, &found);
	} else if (what == LINEAR_DELETE) {
		result = pend_continuation_delete(recording->continuations, &key);
	} else {
		result = pend_continuation_update(recording->continuations, &key, &value, how);
	}
	returned = oracle_now(&recording->clock);
	if (what == LINEAR_LOOKUP) {
		CHECK(result || payload_is_whole(found));
		stamp = found ? payload_stamp(found) : 0;
		CHECK_INT(pend_epoch_exit(), ==, 0);
	}
	if (result != -EAGAIN) /* refused for want of room: nothing happened */
		note(log, what, result, stamp, called, returned);
}

static void print(const struct linear_op *ops, uint32_t count)
{
	static const char *const names[] = { "lookup",  "insert",  "replace", "put",   "delete",
					     "reserve", "publish", "decide",  "finish" };

	for (uint32_t i = 0; i < count; i++)
		printf("# %5" PRIu64 " .. %5" PRIu64 " %s %" PRIx64 ": %d\n", ops[i].called,
		       ops[i].returned, names[ops[i].kind], ops[i].value, ops[i].result);
}

/* One thread alone, between rounds. */
static void judge(struct recording *recording)
{
	for (uint32_t key = 0; key < KEYS; key++) {
		struct linear_op ops[LINEAR_MOST];
		uint32_t count = 0;

		for (uint32_t worker = 0; worker < WORKERS; worker++) {
			struct log *log = &recording->logs[worker][key];

			memcpy(&ops[count], log->ops, log->count * sizeof(log->ops[0]));
			count += log->count;
			log->count = 0;
		}
		if (!linear_check(ops, count)) {
			print(ops, count);
			check_failed(__FILE__, __LINE__, "the history is linearizable");
		}
		if (recording->pends)
			count = pend_map_complete_key(recording->pends, &recording->keys[key], 8,
						      PEND_ACTION_BLOCK) == 0;
		else
			count = pend_continuation_delete(recording->continuations,
							 &recording->keys[key]) == 0;
		CHECK_U64(count, <=, 1);
	}
}

static void run_worker(void *context, uint32_t number, struct crew *crew)
{
	struct recording *recording = context;
	struct rng rng = rng_make(recording->seed, number);
	uint64_t stamp = number + 1;

	(void)crew;
	for (uint64_t round = 0; round < recording->rounds; round++) {
		(void)oracle_meet(&recording->gate, WORKERS);
		for (uint32_t call = 0; call < CALLS; call++, stamp += WORKERS) {
			const uint32_t key = rng_below(&rng, 4) ? 0 : 1;
			struct log *log = &recording->logs[number][key];

			if (recording->pends)
				call_pend_map(recording, &rng, recording->keys[key], stamp, log);
			else
				call_continuation_map(recording, &rng, recording->keys[key], stamp,
						      log);
		}
		if (oracle_meet(&recording->gate, WORKERS))
			judge(recording);
	}
}

uint64_t torture_linear_pend(uint64_t seed, uint64_t rounds, bool displaced)
{
	struct recording recording = { .seed = seed, .rounds = rounds };
	struct pend_map_options options = pend_map_options_default();
	uint64_t next = 1, handle;

	options.max_entries = ENTRIES;
	options.key_size = 8;
	options.value_size = sizeof(struct payload);
	options.hash_seed = seed;
	options.on_complete = told;
	CHECK_INT(pend_map_create(&options, &recording.pends), ==, 0);
	for (uint32_t i = 0; displaced && i < 14; i++) {
		const uint64_t key = homely_key(ENTRIES, seed, 0, &next);
		const struct payload value = payload_make(key, 0);
		const struct pend_request request = {
			.key = &key, .key_size = 8, .value = &value, .value_size = sizeof(value)
		};

		CHECK_INT(pend_map_pend(recording.pends, &request, &handle), ==, 0);
	}
	for (uint32_t i = 0; i < KEYS; i++)
		recording.keys[i] = displaced ? homely_key(ENTRIES, seed, i & 1, &next) : i;
	crew_run(WORKERS, &recording, run_worker);
	CHECK_INT(pend_map_count(recording.pends), ==, displaced ? 14 : 0);
	CHECK_INT(pend_map_destroy(recording.pends), ==, 0);
	return rounds * WORKERS * CALLS;
}

uint64_t torture_linear_continuation(uint64_t seed, uint64_t rounds, bool displaced)
{
	struct recording recording = { .seed = seed, .rounds = rounds };
	uint32_t others;

	recording.continuations = continuation_make(ENTRIES, sizeof(struct payload), seed,
						    displaced, &others, recording.keys, KEYS);
	crew_run(WORKERS, &recording, run_worker);
	continuation_check_and_destroy(recording.continuations, ENTRIES, recording.keys, KEYS,
				       others);
	return rounds * WORKERS * CALLS;
}
