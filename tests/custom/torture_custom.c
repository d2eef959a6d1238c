/* SPDX-License-Identifier: MIT */
/*
 * torture_custom.c - F85, F87, OP-31, guarantee J: custom maps at full speed.
 *
 * "each value is told of once": threads update, delete, take, look up and walk in one map whose
 * provider translates. Each value has a stamp of its own, and the provider books: what it let
 * through it is told of exactly once, be it replaced, undone, removed or left over when the map is
 * closed; a value that is taken is taken by one; what is looked up is whole and of its key. Keys
 * that are never deleted are met exactly once in each walk.
 *
 * "one map of a single type": threads create and close maps of a type of which there may be one,
 * while its provider leaves and comes back; there never are two, and none without its provider.
 */
#include <errno.h>
#include <sched.h>

#include <pendmap/custom_map.h>
#include <pendmap/epoch.h>

#include "engine/registry/registry.h"
#include "tests/map/map_oracle.h"
#include "tests/support/arguments.h"
#include "tests/support/check.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

enum { WORKERS = 4, ENTRIES = 24, KEYS = 32, FIXED = 6, TYPE = PEND_MAP_TYPE_PROVIDER + 1 };

/* A runtime that is a registry and no more. */
static struct pendi_registry registry;

static struct pend_runtime *the_runtime(void)
{
	return (struct pend_runtime *)(void *)&registry;
}

/* ---- each value is told of once ---- */

static struct {
	struct pend_custom_map *map;
	uint64_t seed, rounds;
	struct oracle_owner *gone, *taken; /* by stamp */
	struct oracle_sum let_through, told, found, walks;
	struct oracle_sum removed, removals; /* as callers and as the provider saw it */
	struct oracle_sum left_over;
} shared;

static int torture_create(void *context, struct pend_custom_map *map, struct pend_map_shape *shape,
			  const void *extra)
{
	(void)context;
	(void)map;
	(void)extra;
	shape->actual_value_size = sizeof(struct payload);
	shape->map_context = &shared;
	return 0;
}

static void torture_delete(void *context, void *map_context)
{
	(void)context;
	CHECK(map_context == &shared);
}

static int torture_associate(void *context, void *map_context, const struct pend_uuid *type)
{
	(void)context;
	(void)map_context;
	(void)type;
	return 0;
}

static uint64_t key_of(const void *key)
{
	uint64_t number;

	memcpy(&number, key, sizeof(number));
	return number;
}

static void check_stored(const void *key, const void *stored)
{
	CHECK(payload_is_whole(stored));
	CHECK_U64(payload_key(stored), ==, key_of(key));
}

static int torture_find(void *context, void *map_context, const void *key, const void *stored,
			void *value, uint32_t flags)
{
	const uint64_t stamp = payload_stamp(stored);

	(void)context;
	(void)map_context;
	(void)flags;
	check_stored(key, stored);
	if (stamp % 16 == 0)
		(void)sched_yield();
	check_stored(key, stored);
	CHECK_U64(payload_stamp(stored), ==, stamp);
	memcpy(value, &stamp, sizeof(stamp));
	return 0;
}

static int torture_update(void *context, void *map_context, const void *key, const void *value,
			  void *stored, uint32_t flags)
{
	uint64_t stamp;
	struct payload payload;

	(void)context;
	(void)map_context;
	(void)flags;
	memcpy(&stamp, value, sizeof(stamp));
	payload = payload_make(key_of(key), stamp);
	memcpy(stored, &payload, sizeof(payload));
	oracle_add(&shared.let_through, 1);
	return 0;
}

static void torture_gone(void *context, void *map_context, const void *key, const void *stored,
			 uint32_t flags)
{
	(void)context;
	(void)map_context;
	check_stored(key, stored);
	CHECK_U64(oracle_hand(&shared.gone[payload_stamp(stored)], 1), ==, 0);
	oracle_add(&shared.told, 1);
	oracle_add(&shared.removals, flags == 0);
	oracle_add(&shared.left_over, flags == PEND_MAP_OPERATION_CLEANUP);
}

static const struct pend_map_callbacks torture_callbacks = {
	.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_callbacks, next),
	.preprocess_create = torture_create,
	.postprocess_delete = torture_delete,
	.preprocess_associate = torture_associate,
	.postprocess_find = torture_find,
	.preprocess_update = torture_update,
	.postprocess_delete_element = torture_gone,
};

static const struct pend_map_provider_data torture_data = {
	.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_provider_data, callbacks),
	.type = TYPE,
	.base = PEND_MAP_BASE_HASH,
	.updates_original_value = true,
	.callbacks = &torture_callbacks,
};

static void update_one(struct rng *rng, uint64_t stamp)
{
	const uint64_t key = rng_below(rng, KEYS);
	const uint64_t how = rng_below(rng, 3);
	const int result = pend_custom_map_update(shared.map, NULL, &key, &stamp, how);

	CHECK(result == 0 || result == -EAGAIN || result == -ENOSPC ||
	      (result == -EEXIST && how == PEND_BPF_NOEXIST) ||
	      (result == -ENOENT && how == PEND_BPF_EXIST && key >= FIXED));
	CHECK(key >= FIXED || result != -ENOSPC);
	if (result == -EAGAIN)
		(void)sched_yield();
}

static void remove_one(struct rng *rng)
{
	const uint64_t key = FIXED + rng_below(rng, KEYS - FIXED);
	uint64_t stamp;
	int result;

	if (rng_one_in(rng, 2)) {
		result = pend_custom_map_delete(shared.map, NULL, &key);
	} else {
		result = pend_custom_map_take(shared.map, &key, &stamp);
		if (!result)
			CHECK_U64(oracle_hand(&shared.taken[stamp], 1), ==, 0);
	}
	CHECK(result == 0 || result == -ENOENT);
	oracle_add(&shared.removed, result == 0);
}

static void look_one_up(struct rng *rng)
{
	const uint64_t key = rng_below(rng, KEYS);
	uint64_t stamp;
	const int result = pend_custom_map_lookup(shared.map, &key, &stamp);

	CHECK(result == 0 || (result == -ENOENT && key >= FIXED));
	oracle_add(&shared.found, result == 0);
}

static void walk(void)
{
	uint32_t met[KEYS] = { 0 };
	uint64_t key;
	int error = pend_custom_map_next_key(shared.map, NULL, &key);

	for (; !error; error = pend_custom_map_next_key(shared.map, &key, &key)) {
		CHECK_U64(key, <, KEYS);
		CHECK_U64(met[key]++, ==, 0);
	}
	CHECK_INT(error, ==, -ENOENT);
	for (uint32_t i = 0; i < FIXED; i++)
		CHECK_U64(met[i], ==, 1);
	oracle_add(&shared.walks, 1);
}

static void run_worker(void *context, uint32_t number, struct crew *crew)
{
	struct rng rng = rng_make(shared.seed, number);

	(void)context;
	(void)crew_meet(crew);
	for (uint64_t i = 0; i < shared.rounds; i++) {
		switch (rng_below(&rng, 8)) {
		case 0:
		case 1:
			look_one_up(&rng);
			break;
		case 2:
		case 3:
			remove_one(&rng);
			break;
		case 4:
			if (rng_one_in(&rng, 4))
				walk();
			break;
		default:
			update_one(&rng, FIXED + number + i * WORKERS);
		}
	}
}

static struct pend_provider *provide(const struct pend_map_provider_data *data)
{
	const struct pend_provider_options options = { .size = sizeof(options),
						       .kind = PEND_PROVIDER_MAP,
						       .data = &data->header };
	struct pend_provider *provider = NULL;
	const int error = pend_provider_register(the_runtime(), &options, &provider);

	CHECK(error == 0 || error == -EEXIST);
	return provider;
}

static const struct pend_custom_map_options torture_options = {
	.size = sizeof(torture_options),
	.type = TYPE,
	.key_size = 8,
	.value_size = 8,
	.max_entries = ENTRIES,
};

static void check_books(void)
{
	struct pend_custom_map_info info = { .size = sizeof(info) };

	CHECK_INT(pend_custom_map_info_read(shared.map, &info), ==, 0);
	CHECK_INT(pend_custom_map_close(shared.map), ==, 0);
	CHECK_U64(oracle_total(&shared.told), ==, oracle_total(&shared.let_through));
	CHECK_U64(oracle_total(&shared.removals), ==, oracle_total(&shared.removed));
	CHECK_U64(oracle_total(&shared.left_over), ==, info.count);
	CHECK_U64(oracle_total(&shared.found), >, 0);
	CHECK_U64(oracle_total(&shared.walks), >, 0);
}

static uint64_t torture_elements(uint64_t seed, uint64_t rounds)
{
	const uint64_t stamps = FIXED + rounds * WORKERS;
	struct pend_provider *provider = provide(&torture_data);

	memset(&shared, 0, sizeof(shared));
	shared.seed = seed;
	shared.rounds = rounds;
	shared.gone = calloc(stamps, sizeof(*shared.gone));
	shared.taken = calloc(stamps, sizeof(*shared.taken));
	CHECK(shared.gone && shared.taken);
	CHECK_INT(pend_custom_map_create(the_runtime(), &torture_options, &shared.map), ==, 0);
	for (uint64_t i = 0; i < FIXED; i++)
		CHECK_INT(pend_custom_map_update(shared.map, NULL, &i, &i, PEND_BPF_NOEXIST), ==,
			  0);
	crew_run(WORKERS, NULL, run_worker);
	check_books();
	CHECK_INT(pend_provider_unregister(provider, NULL, NULL), ==, 0);
	free(shared.gone);
	free(shared.taken);
	return rounds * WORKERS;
}

/* ---- one map of a single type ---- */

static struct {
	uint64_t rounds;
	struct oracle_count alive;   /* maps, as the provider sees them */
	struct oracle_count present; /* providers */
	struct oracle_count through; /* threads */
	struct oracle_sum created, busy, missing;
} lonely;

static int lonely_create(void *context, struct pend_custom_map *map, struct pend_map_shape *shape,
			 const void *extra)
{
	(void)context;
	(void)map;
	(void)shape;
	(void)extra;
	CHECK_U64(oracle_count_up(&lonely.alive), ==, 1);
	CHECK_U64(oracle_count_now(&lonely.present), >=, 1);
	return 0;
}

static void lonely_delete(void *context, void *map_context)
{
	(void)context;
	(void)map_context;
	CHECK_U64(oracle_count_now(&lonely.present), >=, 1);
	(void)sched_yield(); /* so that another one has time to come too early */
	CHECK_U64(oracle_count_down(&lonely.alive), ==, 0);
}

static const struct pend_map_callbacks lonely_callbacks = {
	.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_callbacks, next),
	.preprocess_create = lonely_create,
	.postprocess_delete = lonely_delete,
	.preprocess_associate = torture_associate,
};

static const struct pend_map_provider_data lonely_data = {
	.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_provider_data, callbacks),
	.type = TYPE,
	.base = PEND_MAP_BASE_HASH,
	.single = true,
	.callbacks = &lonely_callbacks,
};

static void provider_gone(void *context)
{
	(void)context;
	(void)oracle_count_down(&lonely.present);
}

/* Until one more was created, but not for ever: the others may be through. */
static void wait_for_a_map(void)
{
	const uint64_t before = oracle_total(&lonely.created);

	for (uint32_t i = 0; i < 1000 && oracle_total(&lonely.created) == before; i++)
		(void)sched_yield();
}

/* The provider leaves, perhaps later, and the next one comes; until the others are through. */
static void come_and_go(void)
{
	while (oracle_count_now(&lonely.through) < WORKERS - 1) {
		struct pend_provider *provider;

		(void)oracle_count_up(&lonely.present);
		provider = provide(&lonely_data);
		CHECK(provider != NULL);
		wait_for_a_map();
		CHECK_INT(pend_provider_unregister(provider, provider_gone, NULL), ==, 0);
	}
}

/* Tries until there was a map @rounds times. */
static void create_and_close(uint64_t rounds)
{
	for (uint64_t i = 0; i < rounds;) {
		struct pend_custom_map *map;
		const int error = pend_custom_map_create(the_runtime(), &torture_options, &map);

		CHECK(error == 0 || error == -EBUSY || error == -ENOENT || error == -ENODEV);
		oracle_add(&lonely.busy, error == -EBUSY);
		oracle_add(&lonely.missing, error == -ENOENT || error == -ENODEV);
		if (!error) {
			oracle_add(&lonely.created, 1);
			CHECK_INT(pend_custom_map_update(map, NULL, &i, &i, PEND_BPF_ANY), ==, 0);
			(void)sched_yield();
			CHECK_INT(pend_custom_map_close(map), ==, 0);
			i++;
		}
		(void)sched_yield();
	}
	(void)oracle_count_up(&lonely.through);
}

static void run_lonely(void *context, uint32_t number, struct crew *crew)
{
	(void)context;
	(void)crew_meet(crew);
	if (number == 0)
		come_and_go();
	else
		create_and_close(lonely.rounds);
}

static uint64_t torture_single(uint64_t rounds)
{
	memset(&lonely, 0, sizeof(lonely));
	lonely.rounds = rounds;
	crew_run(WORKERS, NULL, run_lonely);
	CHECK_U64(oracle_count_now(&lonely.alive), ==, 0);
	CHECK_U64(oracle_count_now(&lonely.present), ==, 0);
	CHECK(pendi_registry_is_empty(&registry));
	CHECK_U64(oracle_total(&lonely.created), ==, rounds * (WORKERS - 1));
	printf("# created %" PRIu64 ", busy %" PRIu64 ", no provider %" PRIu64 "\n",
	       oracle_total(&lonely.created), oracle_total(&lonely.busy),
	       oracle_total(&lonely.missing));
	return rounds * WORKERS;
}

int main(int count, char **words)
{
	struct arguments arguments = { .rounds = 100000 };
	struct tap tap = { 0 };
	uint64_t operations = 0;

	if (!arguments_parse(&arguments, count, words))
		return 2;
	pendi_registry_init(&registry, NULL, NULL);
	if (arguments_want(&arguments, "each value is told of once")) {
		operations += torture_elements(arguments.seed, arguments.rounds);
		tap_report(&tap, 1, "each value is told of once");
	}
	if (arguments_want(&arguments, "one map of a single type")) {
		operations += torture_single(arguments.rounds / 1000 + 10);
		tap_report(&tap, 1, "one map of a single type");
	}
	pendi_registry_fini(&registry);
	printf("operations: %" PRIu64 "\n", operations);
	return tap_end(&tap);
}
