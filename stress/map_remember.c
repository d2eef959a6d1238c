/* SPDX-License-Identifier: MIT */
/*
 * map_remember.c - the continuation map under all its calls: how many keys are present is what was
 * inserted less what was removed, and a value is whole and its key's for as long as an epoch lasts.
 *
 * An update of PEND_UPDATE_ANY does not say whether it inserted, so it is made by the one thread
 * whose key it is; all others tell.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "stress/map.h"

#define STEPS 4096u
#define ROOM 64u
#define KEYS 96u  /* more than there is room for */
#define OWNED 2u  /* keys of each thread: it alone changes them */
#define LOOKED 4u /* at once */

/* What one thread knows. */
struct memory {
	_Alignas(128) uint64_t inserted, removed, full, held_back, lookups, stamp;
	uint64_t owned[OWNED]; /* the stamp of what its key has; 0: absent */
};

struct remember {
	struct team team;
	struct pend_continuation *map;
	struct memory memories[TEAM_MOST];
};

static struct memory *memory_of(const struct team_member *member)
{
	struct remember *remember = member->context;

	return &remember->memories[member->number];
}

static uint64_t owned_key(const struct team_member *member, uint32_t at)
{
	return KEYS + member->number * OWNED + at;
}

static uint64_t next_stamp(const struct team_member *member)
{
	return ++memory_of(member)->stamp * TEAM_MOST + member->number;
}

/* An update of one key. Refusals for want of room are noted. */
static int update(struct team_member *member, uint64_t key, uint64_t stamp, enum pend_update how)
{
	struct remember *remember = member->context;
	struct payload value = payload_make(key, stamp);
	int result = pend_continuation_update(remember->map, &key, &value, how);

	memory_of(member)->full += result == -ENOSPC;
	memory_of(member)->held_back += result == -EAGAIN;
	return result;
}

static bool is_refusal(int result)
{
	return result == -ENOSPC || result == -EAGAIN;
}

static uint32_t call_insert(struct team_member *member)
{
	struct remember *remember = member->context;
	uint64_t key = rng_below(&member->rng, KEYS);
	int result = update(member, key, next_stamp(member), PEND_UPDATE_NOEXIST);

	memory_of(member)->inserted += result == 0;
	(void)team_expect(&remember->team, result == 0 || result == -EEXIST || is_refusal(result),
			  "insert: %d", result);
	return 1;
}

static uint32_t call_replace(struct team_member *member)
{
	struct remember *remember = member->context;
	uint64_t key = rng_below(&member->rng, KEYS);
	int result = update(member, key, next_stamp(member), PEND_UPDATE_EXIST);

	(void)team_expect(&remember->team, result == 0 || result == -ENOENT || result == -EAGAIN,
			  "replace: %d", result);
	return 1;
}

static uint32_t call_insert_batch(struct team_member *member)
{
	struct remember *remember = member->context;
	struct payload values[LOOKED];
	uint64_t keys[LOOKED];
	int results[LOOKED], done, counted = 0;

	for (uint32_t i = 0; i < LOOKED; i++) {
		keys[i] = rng_below(&member->rng, KEYS);
		values[i] = payload_make(keys[i], next_stamp(member));
	}
	done = pend_continuation_update_batch(remember->map, keys, values, LOOKED,
					      PEND_UPDATE_NOEXIST, results);
	for (uint32_t i = 0; i < LOOKED; i++)
		counted += results[i] == 0;
	memory_of(member)->inserted += (uint64_t)counted;
	(void)team_expect(&remember->team, done == counted, "update_batch: %d of %d", done,
			  counted);
	return LOOKED;
}

static uint32_t call_delete(struct team_member *member)
{
	struct remember *remember = member->context;
	uint64_t keys[LOOKED];
	uint32_t count = rng_one_in(&member->rng, 4) ? LOOKED : 1;
	int results[LOOKED];

	for (uint32_t i = 0; i < count; i++)
		keys[i] = rng_below(&member->rng, KEYS);
	if (count == 1)
		results[0] = pend_continuation_delete(remember->map, &keys[0]);
	else
		(void)team_expect(
			&remember->team,
			pend_continuation_delete_batch(remember->map, keys, count, results) >= 0,
			"delete_batch");
	for (uint32_t i = 0; i < count; i++) {
		memory_of(member)->removed += results[i] == 0;
		(void)team_expect(&remember->team, results[i] == 0 || results[i] == -ENOENT,
				  "delete: %d", results[i]);
	}
	return count;
}

/* The thread's own key: it knows what everything must answer. */
static uint32_t call_owned(struct team_member *member)
{
	struct remember *remember = member->context;
	uint32_t at = rng_below(&member->rng, OWNED);
	uint64_t key = owned_key(member, at), *has = &memory_of(member)->owned[at];
	uint64_t stamp = next_stamp(member);
	int result;

	if (*has && rng_one_in(&member->rng, 3)) {
		result = pend_continuation_delete(remember->map, &key);
		(void)team_expect(&remember->team, result == 0, "delete of what is there: %d",
				  result);
		*has = 0;
		memory_of(member)->removed++;
		return 1;
	}
	result = update(member, key, stamp, PEND_UPDATE_ANY);
	(void)team_expect(&remember->team,
			  result == 0 || result == -EAGAIN || (result == -ENOSPC && !*has),
			  "update: %d", result);
	memory_of(member)->inserted += result == 0 && !*has;
	*has = result == 0 ? stamp : *has;
	return 1;
}

/* A few keys, the own among them; they are read again before the epoch is left. */
static uint32_t call_lookup(struct team_member *member)
{
	struct remember *remember = member->context;
	uint32_t at = rng_below(&member->rng, OWNED);
	uint64_t keys[LOOKED] = { owned_key(member, at) }, has = memory_of(member)->owned[at];
	const void *values[LOOKED] = { NULL };

	for (uint32_t i = 1; i < LOOKED; i++)
		keys[i] = rng_below(&member->rng, KEYS);
	if (pend_epoch_enter())
		stress_bail("pend_epoch_enter");
	(void)team_expect(&remember->team,
			  pend_continuation_lookup_batch(remember->map, keys, LOOKED, values) >= 0,
			  "lookup_batch");
	if (rng_one_in(&member->rng, 2) &&
	    pend_continuation_lookup(remember->map, &keys[1], &values[1]))
		values[1] = NULL;
	(void)call_insert(member);
	for (uint32_t i = 0; i < LOOKED; i++)
		(void)team_expect(&remember->team,
				  !values[i] || (payload_is_whole(values[i]) &&
						 payload_key(values[i]) == keys[i]),
				  "a lookup of %" PRIu64 " finds %" PRIu64, keys[i],
				  payload_key(values[i]));
	(void)team_expect(&remember->team, (values[0] ? payload_stamp(values[0]) : 0) == has,
			  "its own key has %" PRIu64 ", not %" PRIu64,
			  values[0] ? payload_stamp(values[0]) : 0, has);
	(void)pend_epoch_exit();
	memory_of(member)->lookups += LOOKED;
	return LOOKED + 1;
}

static uint32_t step(struct team_member *member)
{
	static uint32_t (*const calls[])(struct team_member *) = {
		call_insert,  call_insert,       call_insert, call_replace,
		call_replace, call_insert_batch, call_delete, call_delete,
		call_owned,   call_owned,        call_owned,  call_lookup,
		call_lookup,  call_lookup,       call_delete, call_lookup
	};

	return calls[rng_below(&member->rng, sizeof(calls) / sizeof(calls[0]))](member);
}

/* There is room for all but those that are present, unless slots wait for a reader. */
static void fill(struct team *team, uint32_t present)
{
	struct remember *remember = team->context;
	struct team_member *member = &team->members[0];
	uint64_t first = UINT64_C(1) << 32, key = first;
	int result;

	do
		result = update(member, key, next_stamp(member), PEND_UPDATE_NOEXIST);
	while (result == 0 && ++key - first + present <= ROOM);
	if (result != -EAGAIN)
		(void)team_expect(team, key - first + present == ROOM,
				  "%u present and %" PRIu64 " more inserted, room for %u", present,
				  key - first, ROOM);
	while (key-- > first)
		(void)team_expect(team, pend_continuation_delete(remember->map, &key) == 0,
				  "delete of what is there");
}

/* As many keys are present as were inserted and not removed; and those are found. */
static void quiet(struct team *team)
{
	struct remember *remember = team->context;
	uint64_t present = 0, found = 0;
	uint64_t most = KEYS + (uint64_t)team->count * OWNED;
	int count = pend_continuation_count(remember->map);

	for (uint32_t i = 0; i < team->count; i++)
		present += remember->memories[i].inserted - remember->memories[i].removed;
	if (pend_epoch_enter())
		stress_bail("pend_epoch_enter");
	for (uint64_t key = 0; key < most; key++) {
		const void *value;

		found += pend_continuation_lookup(remember->map, &key, &value) == 0;
	}
	(void)pend_epoch_exit();
	(void)team_expect(team, count == (int)present && found == present && present <= ROOM,
			  "inserted and not removed: %" PRIu64 ", counted: %d, found: %" PRIu64
			  ", room for %u",
			  present, count, found, ROOM);
	if (!cell_read(&team->wrong))
		fill(team, (uint32_t)present);
}

void map_remember(struct stress *stress, double share)
{
	struct remember *remember = aligned_alloc(128, sizeof(*remember));
	struct pend_continuation_options options = pend_continuation_options_default();
	uint64_t inserted = 0, full = 0, held_back = 0, lookups = 0;

	if (!remember)
		stress_bail("no memory");
	memset(remember, 0, sizeof(*remember));
	remember->team = (struct team){ .stress = stress,
					.name = "continuation map",
					.context = remember,
					.count = stress->threads,
					.steps = STEPS,
					.share = share,
					.step = step,
					.quiet = quiet };
	options.max_entries = ROOM;
	options.key_size = sizeof(uint64_t);
	options.value_size = sizeof(struct payload);
	options.hash_seed = stress->seed | 1;
	if (pend_continuation_create(&options, &remember->map))
		stress_bail("pend_continuation_create");
	(void)team_run(&remember->team);
	for (uint32_t i = 0; i < stress->threads; i++) {
		inserted += remember->memories[i].inserted;
		full += remember->memories[i].full;
		held_back += remember->memories[i].held_back;
		lookups += remember->memories[i].lookups;
	}
	stress_check(stress, cell_read(&remember->team.wrong) == 0 && inserted > 0,
		     "continuation map: wrong = %" PRIu64
		     "; present = inserted - removed at %" PRIu64 " meetings",
		     cell_read(&remember->team.wrong), remember->team.meetings);
	stress_note("continuation map: %" PRIu64 " inserted, %" PRIu64
		    " looked up; refused: %" PRIu64 " full, %" PRIu64 " for readers",
		    inserted, lookups, full, held_back);
	if (pend_continuation_destroy(remember->map))
		stress_bail("pend_continuation_destroy");
	free(remember);
}
