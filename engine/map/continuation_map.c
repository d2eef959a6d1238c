/* SPDX-License-Identifier: MIT */
/*
 * continuation_map.c - making, counting and ending a continuation map.
 *
 * Everything is allocated when the map is created. What still waits for readers when it is
 * destroyed is waited for.
 */
#include "engine/map/continuation_internal.h"
#include "engine/object/options.h"

static PENDI_ROSTER(continuation_roster, struct pend_continuation);

int pend_continuation_count(struct pend_continuation *map)
{
	const int error = pendi_continuation_check(map);
	uint64_t deleted, inserted;

	if (error)
		return error;
	deleted = pendi_tally_sum(&map->tally, PENDI_COUNT_DELETED);
	inserted = pendi_tally_sum(&map->tally, PENDI_COUNT_INSERTED);
	if (inserted <= deleted)
		return 0;
	return inserted - deleted < map->max_entries ? (int)(inserted - deleted)
						     : (int)map->max_entries;
}

static int check_continuation_options(const struct pend_continuation_options *options)
{
	if (options->flags)
		return -EINVAL;
	if (options->max_entries == 0 || options->max_entries > PEND_MAP_ENTRIES_MAX ||
	    options->key_size == 0 || options->key_size > PEND_KEY_SIZE_MAX ||
	    options->value_size == 0 || options->value_size > PEND_VALUE_SIZE_MAX)
		return -ERANGE;
	return 0;
}

/* Allocates what the map consists of. 0 or an error, after which nothing is left. */
static int build_continuation(struct pend_continuation *map,
			      const struct pend_continuation_options *options, uint32_t reserve)
{
	const struct pendi_recycler_shape shape = {
		.slab = { .key_size = options->key_size, .value_size = options->value_size },
		.entries = options->max_entries,
		.reserve = reserve,
	};
	int error = pendi_recycler_init(&map->recycler, &shape, &map->allocator);

	if (error)
		return error;
	error = pendi_tally_init(&map->tally, &map->allocator);
	if (error)
		goto fail_tally;
	error = pendi_index_init(&map->index, &map->recycler.slab, options->max_entries,
				 options->key_size, options->hash_seed, &map->allocator);
	if (error)
		goto fail_index;
	map->index.live_at_once = true;
	return 0;

fail_index:
	pendi_tally_fini(&map->tally, &map->allocator);
fail_tally:
	pendi_recycler_fini(&map->recycler, &map->allocator);
	return error;
}

int pend_continuation_create(const struct pend_continuation_options *options,
			     struct pend_continuation **map)
{
	struct pend_continuation_options given = pend_continuation_options_default();
	struct pend_continuation *made;
	struct pend_allocator allocator;
	uint32_t reserve;
	int error = options && map ? 0 : -EFAULT;

	if (!error)
		error = pendi_options_read(&given, sizeof(given), sizeof(given), options);
	if (!error)
		error = check_continuation_options(&given);
	if (!error)
		error = pendi_options_reserve(given.max_entries, given.reserve, &reserve);
	if (!error)
		error = pendi_options_allocator(&allocator, given.allocator);
	if (error)
		return error;

	made = pendi_roster_take(&continuation_roster);
	if (!made)
		return -ENOMEM;
	made->allocator = allocator;
	made->max_entries = given.max_entries;
	made->key_size = given.key_size;
	made->value_size = given.value_size;
	error = build_continuation(made, &given, reserve);
	if (error) {
		pendi_roster_put(&continuation_roster, &made->entry);
		return error;
	}
	pendi_roster_enrol(&made->entry);
	*map = made;
	return 0;
}

int pend_continuation_destroy(struct pend_continuation *map)
{
	const int error = pendi_continuation_check(map);

	if (error)
		return error;
	if (!pendi_epoch_may_wait())
		return -EDEADLK;
	if (!pendi_roster_close(&map->entry))
		return -ESHUTDOWN;
	pendi_roster_dismiss(&map->entry);
	pendi_index_fini(&map->index, &map->allocator);
	pendi_tally_fini(&map->tally, &map->allocator);
	pendi_recycler_fini(&map->recycler, &map->allocator);
	pendi_roster_put(&continuation_roster, &map->entry);
	return 0;
}
