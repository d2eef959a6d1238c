/* SPDX-License-Identifier: MIT */
/*
 * continuation.c - the continuation map: values replaced whole, read by pointer, owned by nobody.
 *
 * Oracles: of those that insert, or remove, one key, one succeeds; a key that is only replaced is
 * always found; a value does not change under its reader; room is not lost.
 */
#include <errno.h>

#include <pendmap/pendmap.h>

#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

enum { KEY = 42, OTHER = 43 };

static struct {
	struct pend_continuation *map;
	uint32_t entries;
	int results[MODEL_THREADS];
	int second[MODEL_THREADS];
} at;

static int update(uint64_t key, uint64_t number, enum pend_update how)
{
	const uint64_t value[2] = { number, number };

	return pend_continuation_update(at.map, &key, value, how);
}

static int delete (uint64_t key)
{
	return pend_continuation_delete(at.map, &key);
}

/* What the key's value says, 0 if it is absent. */
static uint64_t look_up(uint64_t key)
{
	const void *found;
	const uint64_t *value;
	uint64_t number = 0;

	MODEL_CHECK(pend_epoch_enter() == 0);
	if (pend_continuation_lookup(at.map, &key, &found) == 0) {
		value = found;
		number = value[0];
		model_yield();
		MODEL_CHECK(number && value[0] == number && value[1] == number);
	}
	pend_epoch_exit();
	return number;
}

static void make(uint32_t entries)
{
	struct pend_continuation_options options = pend_continuation_options_default();

	at.entries = entries;
	options.max_entries = entries;
	options.key_size = 8;
	options.value_size = 16;
	options.reserve = 1;
	options.hash_seed = 7;
	MODEL_CHECK(pend_continuation_create(&options, &at.map) == 0);
}

static void empty_one(void)
{
	make(1);
}

static void empty_two(void)
{
	make(2);
}

static void one_there(void)
{
	make(2);
	MODEL_CHECK(update(KEY, 9, PEND_UPDATE_NOEXIST) == 0);
}

static void one_there_portable(void)
{
	world_without_membarrier();
	one_there();
}

/* As many keys fit in as ever. */
static void room_for_all(void)
{
	int count = pend_continuation_count(at.map);

	for (uint64_t key = 100; count < (int)at.entries; key++, count++)
		MODEL_CHECK(update(key, 1, PEND_UPDATE_NOEXIST) == 0);
	MODEL_CHECK(update(200, 1, PEND_UPDATE_NOEXIST) == -ENOSPC);
}

static void insert_key(uint32_t number)
{
	at.results[number] = update(KEY, number + 1, PEND_UPDATE_NOEXIST);
}

static void one_inserted(void)
{
	const bool first = at.results[0] == 0;

	MODEL_CHECK(first != (at.results[1] == 0));
	MODEL_CHECK(at.results[first] == -EEXIST && look_up(KEY) == (first ? 1 : 2));
	room_for_all();
}

static void put_any(uint32_t number)
{
	at.results[number] = update(KEY, number + 1, PEND_UPDATE_ANY);
}

static void both_put(void)
{
	const uint64_t last = look_up(KEY);

	for (uint32_t i = 0; i < 2; i++)
		MODEL_CHECK(at.results[i] == 0 || at.results[i] == -EAGAIN ||
			    at.results[i] == -ENOSPC);
	MODEL_CHECK(at.results[0] == 0 || at.results[1] == 0);
	MODEL_CHECK(last >= 1 && last <= 2 && at.results[last - 1] == 0);
	MODEL_CHECK(pend_continuation_count(at.map) == 1);
	room_for_all();
}

static void insert_others(uint32_t number)
{
	at.results[number] = update(KEY + number, number + 1, PEND_UPDATE_ANY);
}

static void one_fitted(void)
{
	MODEL_CHECK((at.results[0] == 0) != (at.results[1] == 0));
	MODEL_CHECK(at.results[at.results[0] == 0] == -ENOSPC);
	MODEL_CHECK(pend_continuation_count(at.map) == 1);
	room_for_all();
}

static void replace_or_look(uint32_t number)
{
	if (number)
		MODEL_CHECK(look_up(KEY) != 0);
	else
		at.results[0] = update(KEY, 1, PEND_UPDATE_EXIST);
}

static void replace_twice_or_look(uint32_t number)
{
	if (number == 0)
		at.second[0] = update(KEY, 2, PEND_UPDATE_EXIST);
	replace_or_look(number);
}

static void replaced(void)
{
	MODEL_CHECK(at.results[0] == 0 || at.results[0] == -EAGAIN);
	MODEL_CHECK(look_up(KEY) != 0 && pend_continuation_count(at.map) == 1);
	room_for_all();
}

static void delete_key(uint32_t number)
{
	at.results[number] = delete (KEY);
}

static void one_deleted(void)
{
	MODEL_CHECK((at.results[0] == 0) != (at.results[1] == 0));
	MODEL_CHECK(at.results[at.results[0] == 0] == -ENOENT);
	MODEL_CHECK(look_up(KEY) == 0 && pend_continuation_count(at.map) == 0);
	room_for_all();
}

static void delete_or_replace(uint32_t number)
{
	if (number)
		at.results[1] = update(KEY, 2, PEND_UPDATE_EXIST);
	else
		at.results[0] = delete (KEY);
}

static void deleted(void)
{
	MODEL_CHECK(at.results[0] == 0);
	MODEL_CHECK(at.results[1] == 0 || at.results[1] == -ENOENT || at.results[1] == -EAGAIN);
	MODEL_CHECK(look_up(KEY) == 0 && pend_continuation_count(at.map) == 0);
	room_for_all();
}

static void delete_or_insert(uint32_t number)
{
	if (number)
		at.results[1] = update(KEY, 2, PEND_UPDATE_NOEXIST);
	else
		at.results[0] = delete (KEY);
}

static void consistent(void)
{
	MODEL_CHECK(at.results[0] == 0 && (at.results[1] == 0 || at.results[1] == -EEXIST));
	MODEL_CHECK(look_up(KEY) == (at.results[1] == 0 ? 2 : 0));
	room_for_all();
}

/* X9: a reader that found a value sees that value, whatever takes its place. */
static void churn_or_look(uint32_t number)
{
	if (number) {
		const uint64_t seen = look_up(KEY);

		MODEL_CHECK(seen == 0 || seen == 9 || seen == 3);
		return;
	}
	MODEL_CHECK(delete (KEY) == 0);
	at.second[0] = update(OTHER, 2, PEND_UPDATE_ANY);
	at.results[0] = update(KEY, 3, PEND_UPDATE_ANY);
}

static void churned(void)
{
	MODEL_CHECK(at.second[0] == 0 || at.second[0] == -EAGAIN);
	MODEL_CHECK(at.results[0] == 0 || at.results[0] == -EAGAIN);
	MODEL_CHECK(look_up(KEY) == (at.results[0] == 0 ? 3 : 0));
	room_for_all();
}

static void look_or_replace(uint32_t number)
{
	replace_or_look(!number);
}

/* E: a reader that stops inside may cost -EAGAIN, never the key. */
static void replaced_or_held_up(void)
{
	if (!model_is_frozen(0)) {
		replaced();
		return;
	}
	MODEL_CHECK(at.results[0] == 0 || at.results[0] == -EAGAIN);
	MODEL_CHECK(look_up(KEY) == (at.results[0] == 0 ? 1 : 9));
	for (uint64_t i = 0; i < 4; i++) {
		const int result = update(KEY, 3 + i, PEND_UPDATE_EXIST);

		MODEL_CHECK(result == 0 || result == -EAGAIN);
	}
}

static const struct model_scenario scenarios[] = {
	{ .name = "continuation: two insert one key",
	  .shows = "IX2",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = empty_two,
	  .thread = insert_key,
	  .end = one_inserted },
	{ .name = "continuation: two put one key",
	  .shows = "IX1 IX2",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = empty_two,
	  .thread = put_any,
	  .end = both_put },
	{ .name = "continuation: two keys, room for one",
	  .shows = "D",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = empty_one,
	  .thread = insert_others,
	  .end = one_fitted },
	{ .name = "continuation: one replaces, one looks",
	  .shows = "IX1 EP1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = one_there,
	  .thread = replace_or_look,
	  .end = replaced },
	{ .name = "continuation: one replaces twice, one looks",
	  .shows = "IX1 EP1 EP2",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_there,
	  .thread = replace_twice_or_look,
	  .end = replaced },
	{ .name = "continuation: the same, no membarrier",
	  .shows = "EP1",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_there_portable,
	  .thread = replace_twice_or_look,
	  .end = replaced },
	{ .name = "continuation: two remove one key",
	  .shows = "IX1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = one_there,
	  .thread = delete_key,
	  .end = one_deleted },
	{ .name = "continuation: one removes, one replaces",
	  .shows = "IX1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = one_there,
	  .thread = delete_or_replace,
	  .end = deleted },
	{ .name = "continuation: one removes, one inserts",
	  .shows = "IX1 IX2",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_there,
	  .thread = delete_or_insert,
	  .end = consistent },
	{ .name = "continuation: slots come round, one looks",
	  .shows = "X9 EP1",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_there,
	  .thread = churn_or_look,
	  .end = churned },
	{ .name = "continuation: a reader stops anywhere",
	  .shows = "E",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_there,
	  .thread = look_or_replace,
	  .end = replaced_or_held_up,
	  .freezes = 1 },
};

const struct model_group model_continuation = { "continuation", scenarios,
						sizeof(scenarios) / sizeof(scenarios[0]) };
