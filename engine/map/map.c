/* SPDX-License-Identifier: MIT */
/*
 * map.c - making and ending a pend map.
 *
 * Everything is allocated here, once, from the size that the options state; no other file of the
 * map allocates. Creation is a ladder that is climbed down in reverse when a rung fails.
 *
 * Destroying completes what is live first (guarantee A): each operation with PEND_ACTION_BLOCK,
 * one that waits for a re-run without running it. Meanwhile the map is closing: its completion
 * functions may still look things up in it, but pend nothing any more.
 */
#include "engine/map/options.h"

#include "engine/map/map_internal.h"

/* sizeof(struct pend_map_options) in the first version. */
#define OPTIONS_SIZE_FIRST sizeof(struct pend_map_options)

#define PREFETCH_BYTES_MAX (4 * PENDI_CACHE_LINE)

static struct pendi_roster map_roster = {
	.mutex = PTHREAD_MUTEX_INITIALIZER,
	.header_bytes = sizeof(struct pend_map),
};

/* 0, -EINVAL or -ERANGE. */
static int check_map_options(const struct pend_map_options *options)
{
	if (options->flags & ~(uint32_t)(PEND_MAP_POINTERS | PEND_MAP_LIMIT_BLOCKS))
		return -EINVAL;
	if (options->reserve && !(options->flags & PEND_MAP_POINTERS))
		return -EINVAL;
	if (options->max_entries == 0 || options->max_entries > PEND_MAP_ENTRIES_MAX ||
	    options->key_size > PEND_KEY_SIZE_MAX || options->value_size > PEND_VALUE_SIZE_MAX ||
	    options->scratch_size > PEND_SCRATCH_SIZE_MAX || options->rerun_limit > PEND_RERUNS_MAX)
		return -ERANGE;
	if (options->deadline_ns != PEND_DEADLINE_NONE &&
	    (options->deadline_ns < PEND_DEADLINE_MIN_NS ||
	     options->deadline_ns > PEND_DEADLINE_MAX_NS))
		return -ERANGE;
	return 0;
}

static void set_fields(struct pend_map *map, const struct pend_map_options *options)
{
	map->flags = options->flags;
	map->max_entries = options->max_entries;
	map->key_size = options->key_size;
	map->value_size = options->value_size;
	map->scratch_size = options->scratch_size;
	map->rerun_limit = options->rerun_limit;
	map->deadline_ns = options->deadline_ns;
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
			  .scratch_size = options->scratch_size },
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
	return 0;

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
	       pendi_tally_bytes() + (map->key_size ? map->index.bytes : 0);
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
		return error == -EOVERFLOW ? -ENOMEM : error;
	}
	made->memory_bytes = bytes_of(made);
	made->prefetch_bytes = made->recycler.slab.stride < PREFETCH_BYTES_MAX
				       ? made->recycler.slab.stride
				       : PREFETCH_BYTES_MAX;
	pendi_roster_enrol(&made->entry);
	*map = made;
	return 0;
}

/* Every live operation gets its terminal action; those in the bag are finished from there. */
static void complete_all(struct pend_map *map)
{
	const struct pendi_slab *slab = &map->recycler.slab;

	for (uint32_t slot = pendi_slab_next_used(slab, 0); slot < slab->count;
	     slot = pendi_slab_next_used(slab, slot + 1)) {
		/* relaxed: no other call is running, as the contract says. */
		const uint64_t word = pendi_load_relaxed(&pendi_map_slot(map, slot)->word);

		if (pendi_word_is_live(word))
			(void)pendi_map_complete(map, pendi_handle_make(word, slot),
						 PEND_ACTION_BLOCK, PEND_ORIGIN_DESTROY);
	}
	while (pendi_map_rerun_one(map))
		;
}

int pend_map_destroy(struct pend_map *map)
{
	const int error = pendi_map_check(map);

	if (error)
		return error;
	if (pendi_callback_inside(map, false))
		return -EDEADLK;
	if (map->flags & PEND_MAP_POINTERS && pendi_epoch_inside())
		return -EDEADLK;
	if (!pendi_roster_close(&map->entry))
		return -ESHUTDOWN;
	complete_all(map);
	pendi_roster_dismiss(&map->entry);
	if (map->key_size)
		pendi_index_fini(&map->index, &map->allocator);
	pendi_tally_fini(&map->tally, &map->allocator);
	pendi_pool_fini(&map->reruns, &map->allocator);
	pendi_recycler_fini(&map->recycler, &map->allocator);
	pendi_roster_put(&map_roster, &map->entry);
	return 0;
}
