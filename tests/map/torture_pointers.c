/* SPDX-License-Identifier: MIT */
/*
 * torture_pointers.c - readers hold pointers into a pend map while what they point to ends.
 *
 * A reader inside an epoch looks a value up, lets others run, and looks again: the bytes are the
 * ones it first saw. Values are poisoned by nobody but by the next operation of the slot, so a slot
 * that comes back too early shows as a value of another stamp. In the second part one reader stays
 * inside for as long as the others work: they go on until the reserve is used up, are then refused
 * with -EAGAIN and nothing else, and when it has left every slot is there again (guarantee E).
 */
#include <errno.h>
#include <sched.h>

#include <pendmap/pendmap.h>

#include "epoch/epoch.h"
#include "tests/map/map_oracle.h"
#include "tests/map/torture_map.h"
#include "tests/support/check.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

enum { WORKERS = 4, ENTRIES = 12, RESERVE = 20, KEYS = 16 };

#define STALLED_ROUNDS UINT64_C(400) /* more: enough to use all slots up, and the reserve */

struct shared {
	struct pend_map *map;
	uint64_t seed, rounds;
	struct oracle_place handles[KEYS]; /* of the last operation of a key */
	struct oracle_sum calls, pended, held_back, peeks;
	struct oracle_gate gate;
	bool stall;
};

static int pend(struct pend_map *map, uint64_t key, uint64_t stamp, uint64_t *handle)
{
	const struct payload value = payload_make(key, stamp);
	const struct pend_request request = { .key = &key,
					      .key_size = 8,
					      .value = &value,
					      .value_size = sizeof(value),
					      .cookie = stamp,
					      .now_ns = 1 };

	return pend_map_pend(map, &request, handle);
}

static void write_one(struct shared *shared, struct rng *rng, uint64_t stamp)
{
	const uint64_t key = rng_below(rng, KEYS);
	uint64_t handle;
	int result;

	if (rng_one_in(rng, 2)) {
		result = pend(shared->map, key, stamp, &handle);
		CHECK(result == 0 || result == -EEXIST || result == -ENOSPC || result == -EAGAIN);
		if (result == 0)
			(void)oracle_swap(&shared->handles[key], handle);
		oracle_add(&shared->pended, result == 0);
		oracle_add(&shared->held_back, result == -EAGAIN);
		if (result == -EAGAIN) /* let the reader go on that holds everything up */
			(void)sched_yield();
	} else {
		result = pend_map_complete_key(shared->map, &key, 8, PEND_ACTION_BLOCK);
		CHECK(result == 0 || result == -ENOENT || result == -EALREADY);
	}
}

/* Looks a value up by key or by handle. NULL: there is none. */
static const void *peek(struct shared *shared, struct rng *rng, uint64_t key)
{
	struct pend_info info;
	const void *value;
	const int result = rng_one_in(rng, 2)
				   ? pend_map_peek_key(shared->map, &key, 8, &info, &value)
				   : pend_map_peek(shared->map, oracle_look(&shared->handles[key]),
						   &info, &value);

	CHECK(result == 0 || result == -ENOENT);
	if (result)
		return NULL;
	CHECK(payload_is_whole(value));
	CHECK_U64(payload_key(value), ==, key);
	CHECK_U64(payload_stamp(value), ==, info.cookie);
	return value;
}

static void read_one(struct shared *shared, struct rng *rng)
{
	const void *values[3];
	uint64_t stamps[3];

	CHECK_INT(pend_epoch_enter(), ==, 0);
	for (uint32_t i = 0; i < 3; i++) {
		values[i] = peek(shared, rng, rng_below(rng, KEYS));
		stamps[i] = values[i] ? payload_stamp(values[i]) : 0;
	}
	if (rng_one_in(rng, 8))
		(void)sched_yield();
	for (uint32_t i = 0; i < 3; i++) {
		if (!values[i])
			continue;
		CHECK(payload_is_whole(values[i]));
		CHECK_U64(payload_stamp(values[i]), ==, stamps[i]);
		oracle_add(&shared->peeks, 1);
	}
	CHECK_INT(pend_epoch_exit(), ==, 0);
}

static struct pend_map *make_map(void)
{
	struct pend_map_options options = pend_map_options_default();
	struct pend_map *map;

	options.max_entries = ENTRIES;
	options.key_size = 8;
	options.value_size = sizeof(struct payload);
	options.flags = PEND_MAP_POINTERS;
	options.reserve = RESERVE;
	CHECK_INT(pend_map_create(&options, &map), ==, 0);
	return map;
}

/* Nobody is inside: every slot and every spare one is there. */
static void check_room(struct pend_map *map)
{
	uint64_t handle;

	for (uint64_t key = 0; key < KEYS; key++) {
		const int result = pend_map_complete_key(map, &key, 8, PEND_ACTION_BLOCK);

		CHECK(result == 0 || result == -ENOENT);
	}
	CHECK_INT(pendi_epoch_barrier(), ==, 0);
	for (uint64_t key = 0; key <= ENTRIES; key++)
		CHECK_INT(pend(map, key, 1, &handle), ==, key < ENTRIES ? 0 : -ENOSPC);
	CHECK_INT(pend_epoch_enter(), ==, 0);
	for (uint32_t i = 0; i <= RESERVE; i++) {
		CHECK_INT(pend_map_complete_key(map, &(uint64_t){ 0 }, 8, PEND_ACTION_BLOCK), ==,
			  0);
		CHECK_INT(pend(map, 0, 1, &handle), ==, i < RESERVE ? 0 : -EAGAIN);
	}
	CHECK_INT(pend_epoch_exit(), ==, 0);
}

static void run_worker(void *context, uint32_t number, struct crew *crew)
{
	struct shared *shared = context;
	struct rng rng = rng_make(shared->seed, number);

	(void)crew_meet(crew);
	for (uint64_t i = 0; i < shared->rounds; i++) {
		if (number & 1 && !shared->stall)
			read_one(shared, &rng);
		else
			write_one(shared, &rng, 1 + number + i * WORKERS);
	}
	oracle_add(&shared->calls, shared->rounds);
}

uint64_t torture_pointers(uint64_t seed, uint64_t rounds)
{
	struct shared shared = { .map = make_map(), .seed = seed, .rounds = rounds };

	crew_run(WORKERS, &shared, run_worker);
	printf("# pended %" PRIu64 ", held back %" PRIu64 ", pointers %" PRIu64 "\n",
	       oracle_total(&shared.pended), oracle_total(&shared.held_back),
	       oracle_total(&shared.peeks));
	CHECK_U64(oracle_total(&shared.pended), >, 0);
	CHECK_U64(oracle_total(&shared.peeks), >, 0);
	check_room(shared.map);
	CHECK_INT(pend_map_destroy(shared.map), ==, 0);
	return oracle_total(&shared.calls);
}

/* Worker 0 stays inside, with a pointer, until the others have done their rounds. */
static void run_stalled(void *context, uint32_t number, struct crew *crew)
{
	struct shared *shared = context;
	const void *value;

	if (number) {
		(void)oracle_meet(&shared->gate, WORKERS);
		run_worker(context, number, crew);
		(void)oracle_meet(&shared->gate, WORKERS);
		return;
	}
	CHECK_INT(pend_epoch_enter(), ==, 0);
	CHECK_INT(pend_map_peek_key(shared->map, &(uint64_t){ 0 }, 8, NULL, &value), ==, 0);
	(void)oracle_meet(&shared->gate, WORKERS);
	(void)crew_meet(crew);
	(void)oracle_meet(&shared->gate, WORKERS);
	CHECK(payload_is_whole(value));
	CHECK_U64(payload_stamp(value), ==, UINT64_MAX);
	CHECK_INT(pend_epoch_exit(), ==, 0);
}

uint64_t torture_stalled_reader(uint64_t seed, uint64_t rounds)
{
	uint64_t calls = 0, handle;

	for (uint64_t i = 0; i < 8; i++) {
		struct shared shared = { .map = make_map(),
					 .seed = seed + i,
					 .rounds = rounds / 8 + STALLED_ROUNDS,
					 .stall = true };

		CHECK_INT(pend(shared.map, 0, UINT64_MAX, &handle), ==, 0);
		crew_run(WORKERS, &shared, run_stalled);
		/* The others used each slot up to the last, then were told why not. */
		CHECK_U64(oracle_total(&shared.pended), >=, ENTRIES / 2);
		CHECK_U64(oracle_total(&shared.pended), <=, ENTRIES + RESERVE);
		CHECK_U64(oracle_total(&shared.held_back), >, 0);
		calls += oracle_total(&shared.calls);
		check_room(shared.map);
		CHECK_INT(pend_map_destroy(shared.map), ==, 0);
	}
	return calls;
}
