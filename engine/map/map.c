/* SPDX-License-Identifier: MIT */
/*
 * map.c - making and ending a pend map.
 *
 * Everything is allocated here, once, from the size that the options state; no other file of the
 * map allocates. Creation is a ladder that is climbed down in reverse when a rung fails.
 *
 * Destroying first leaves the engine, after which no other thread is in the map, then completes what
 * is live (guarantee A): each operation with PEND_ACTION_BLOCK, one that waits for a re-run without
 * running it. Meanwhile the map is closing: its completion functions may still look things up in
 * it, but pend nothing any more.
 */
#include "engine/object/options.h"

#include "engine/map/map_internal.h"

/* sizeof(struct pend_map_options) in the first version. */
#define OPTIONS_SIZE_FIRST sizeof(struct pend_map_options)

#define PREFETCH_BYTES_MAX (4 * PENDI_CACHE_LINE)

static PENDI_ROSTER(map_roster, struct pend_map);

/* The timestamps of pends come from a clock that moves with the kernel's tick: 10 ms at most. */
#define COVER_MARGIN_NS 12000000ull
#define LIFETIME_CYCLES 10u

#define MAP_FLAGS \
	(PEND_MAP_POINTERS | PEND_MAP_LIMIT_BLOCKS | PEND_MAP_ENABLED | PEND_MAP_DEADLINE_PERMITS)

static bool is_deadline(uint64_t ns)
{
	return ns == PEND_DEADLINE_NONE ||
	       (ns >= PEND_DEADLINE_MIN_NS && ns <= PEND_DEADLINE_MAX_NS);
}

/* 0, -EINVAL or -ERANGE. */
static int check_map_options(const struct pend_map_options *options)
{
	if (options->flags & ~(uint32_t)MAP_FLAGS)
		return -EINVAL;
	if (options->reserve && !(options->flags & PEND_MAP_POINTERS))
		return -EINVAL;
	if (options->max_entries == 0 || options->max_entries > PEND_MAP_ENTRIES_MAX ||
	    options->key_size > PEND_KEY_SIZE_MAX || options->value_size > PEND_VALUE_SIZE_MAX ||
	    options->scratch_size > PEND_SCRATCH_SIZE_MAX || options->rerun_limit > PEND_RERUNS_MAX)
		return -ERANGE;
	if (!is_deadline(options->deadline_ns) ||
	    (options->lifetime_ns && !is_deadline(options->lifetime_ns)))
		return -ERANGE;
	return 0;
}

/* A slot that is looked at this often is looked at in time for a pend of the default deadline. */
static void set_times(struct pend_map *map, const struct pend_map_options *options)
{
	const uint64_t half = options->deadline_ns / 2;

	map->deadline_ns = options->deadline_ns;
	map->lifetime_ns = options->lifetime_ns;
	if (!options->lifetime_ns)
		map->lifetime_ns = options->deadline_ns < PEND_DEADLINE_MAX_NS / LIFETIME_CYCLES
					   ? options->deadline_ns * LIFETIME_CYCLES
					   : PEND_DEADLINE_NONE;
	if (!options->engine)
		return;
	/* Slots in use are looked at this often at least, so that an operation that nobody has the
	 * duty for any more, as its decider stopped, need not wait for longer. */
	map->revisit_ns = half < PENDI_REVISIT_MAX_NS ? half : PENDI_REVISIT_MAX_NS;
	map->cover_ns =
		map->revisit_ns + COVER_MARGIN_NS + 2 * pendi_engine_tick_length(options->engine);
}

static void set_fields(struct pend_map *map, const struct pend_map_options *options)
{
	map->flags = options->flags;
	map->max_entries = options->max_entries;
	map->key_size = options->key_size;
	map->value_size = options->value_size;
	map->scratch_size = options->scratch_size;
	map->rerun_limit = options->rerun_limit;
	map->engine = options->engine;
	map->quota.limit = options->quota_bytes;
	map->charged = options->quota_bytes ||
		       (options->engine && pendi_engine_quota(options->engine)->limit);
	set_times(map, options);
	map->on_complete = options->on_complete;
	map->on_rerun = options->on_rerun;
	map->context = options->context;
}

/* Allocates what the map consists of. 0 or an error, after which nothing is left. */
static int build_map(struct pend_map *map, const struct pend_map_options *options, uint32_t reserve)
{
	const struct pendi_recycler_shape shape = {
		.slab = { .key_size = options->key_size,
			  .value_size = options->value_size,
			  .scratch_size = options->scratch_size,
			  .charge = map->charged },
		.entries = options->max_entries,
		.reserve = reserve,
	};
	const struct pend_allocator *allocator = &map->allocator;
	int error = pendi_recycler_init(&map->recycler, &shape, allocator);

	if (error)
		return error;
	error = pendi_pool_init(&map->reruns, &map->recycler.slab, 0, 0, 1, allocator);
	if (error)
		goto fail_reruns;
	error = pendi_tally_init(&map->tally, allocator);
	if (error)
		goto fail_tally;
	if (options->key_size)
		error = pendi_index_init(&map->index, &map->recycler.slab, options->max_entries,
					 options->key_size, options->hash_seed, allocator);
	if (error)
		goto fail_index;
	if (map->engine)
		error = pendi_map_parts_init(map);
	if (error)
		goto fail_parts;
	map->light = map->recycler.free.light;
	return 0;

fail_parts:
	if (options->key_size)
		pendi_index_fini(&map->index, allocator);
fail_index:
	pendi_tally_fini(&map->tally, allocator);
fail_tally:
	pendi_pool_fini(&map->reruns, allocator);
fail_reruns:
	pendi_recycler_fini(&map->recycler, allocator);
	return error;
}

static uint64_t bytes_of(const struct pend_map *map)
{
	return pendi_recycler_bytes(&map->recycler) + pendi_pool_bytes(&map->reruns) +
	       pendi_tally_bytes() + (map->key_size ? map->index.bytes : 0) +
	       (map->engine ? pendi_map_parts_bytes(map) : 0);
}

static void tear_down_map(struct pend_map *map)
{
	if (map->engine)
		pendi_map_parts_fini(map);
	if (map->key_size)
		pendi_index_fini(&map->index, &map->allocator);
	pendi_tally_fini(&map->tally, &map->allocator);
	pendi_pool_fini(&map->reruns, &map->allocator);
	pendi_recycler_fini(&map->recycler, &map->allocator);
	pendi_roster_put(&map_roster, &map->entry);
}

/* Its shards may serve it from here on. 0 or -ENOSPC. */
static int join_engine(struct pend_map *map)
{
	if (!map->engine)
		return 0;
	map->client = pendi_map_client;
	return pendi_engine_join(map->engine, &map->client);
}

int pend_map_create(const struct pend_map_options *options, struct pend_map **map)
{
	struct pend_map_options given = pend_map_options_default();
	struct pend_allocator allocator;
	struct pend_map *made;
	uint32_t reserve = 0;
	int error = map ? 0 : -EFAULT;

	if (!error && options)
		error = pendi_options_read(&given, sizeof(given), OPTIONS_SIZE_FIRST, options);
	if (!error)
		error = check_map_options(&given);
	if (!error && given.flags & PEND_MAP_POINTERS)
		error = pendi_options_reserve(given.max_entries, given.reserve, &reserve);
	if (!error)
		error = pendi_options_allocator(&allocator, given.allocator);
	if (!error && given.engine)
		error = pendi_engine_check(given.engine);
	if (error)
		return error;

	made = pendi_roster_take(&map_roster);
	if (!made)
		return -ENOMEM;
	made->allocator = allocator;
	set_fields(made, &given);
	error = build_map(made, &given, reserve);
	if (error) {
		pendi_roster_put(&map_roster, &made->entry);
		return error;
	}
	pendi_map_place(made);
	made->memory_bytes = bytes_of(made);
	made->prefetch_bytes = made->recycler.slab.stride < PREFETCH_BYTES_MAX
				       ? made->recycler.slab.stride
				       : PREFETCH_BYTES_MAX;
	error = join_engine(made);
	if (error) {
		tear_down_map(made);
		return error;
	}
	pendi_map_begin(made, !made->engine || given.flags & PEND_MAP_ENABLED
				      ? PEND_CONTROL_ENABLED
				      : PEND_CONTROL_DISABLED);
	*map = made;
	return 0;
}

int pend_map_destroy(struct pend_map *map)
{
	const int error = pendi_map_check(map);

	if (error)
		return error;
	if (pendi_callback_inside(map, false))
		return -EDEADLK;
	if (map->flags & PEND_MAP_POINTERS && !pendi_epoch_may_wait())
		return -EDEADLK;
	if (map->engine && pendi_engine_serving(map->engine))
		return -EDEADLK;
	if (!pendi_roster_close(&map->entry))
		return -ESHUTDOWN;
	if (map->engine)
		pendi_engine_leave(map->engine, &map->client);
	pendi_map_end(map);
	pendi_roster_dismiss(&map->entry);
	tear_down_map(map);
	return 0;
}
