/* SPDX-License-Identifier: MIT */
/*
 * looks.c - reading, looking up and enumerating.
 */
#include "tests/fuzz/sequences/world.h"

static void check_info(const struct entry *entry, const struct pend_info *info)
{
	const uint32_t number = entry->owner ? world.desks[entry->owner - 1].number : 0;

	CHECK_U64(info->handle, ==, entry->handle);
	CHECK_U64(info->cookie, ==, entry->cookie);
	CHECK_U64(info->pend_time_ns, ==, entry->pended_ns);
	CHECK_U64(info->deadline_ns, ==, entry->due_ns);
	CHECK_U64(info->home_cpu, ==, entry->home);
	CHECK_U64(info->rerun_count, ==, entry->reruns);
	CHECK_U64(info->state, ==, entry->phase == RERUN ? PEND_STATE_RERUN : PEND_STATE_PENDING);
	CHECK_U64(info->owner, ==, number);
}

static void check_found(int result, const struct entry *entry, const struct pend_info *info,
			const uint8_t *value)
{
	CHECK_INT(result, ==, entry && model_is_live(entry) ? 0 : -ENOENT);
	if (result)
		return;
	check_info(entry, info);
	CHECK_INT(memcmp(value, entry->value, world.options.value_size), ==, 0);
}

void play_read(void)
{
	const uint64_t handle = any_handle();
	uint8_t value[VALUE_MAX];
	struct pend_info info;
	const int result = pend_map_read(world.map, handle, &info, value);

	check_found(result, model_find(handle), &info, value);
}

void play_lookup(void)
{
	const uint64_t key = keys_of(next_byte(&world.in));
	uint8_t value[VALUE_MAX];
	struct pend_info info;
	const int result = pend_map_lookup(world.map, &key, 8, &info, value);

	if (!world.options.key_size)
		CHECK_INT(result, ==, -EOPNOTSUPP);
	else
		check_found(result, model_find_key(key, true), &info, value);
}

void play_lookup_batch(void)
{
	const uint32_t size = world.options.value_size;
	uint8_t values[KEYS * VALUE_MAX];
	struct pend_info infos[KEYS];
	uint64_t keys[KEYS];
	int results[KEYS], found, live = 0;

	for (uint32_t i = 0; i < KEYS; i++)
		keys[i] = keys_of(i);
	found = pend_map_lookup_batch(world.map, keys, KEYS, infos, values, results);
	if (!world.options.key_size) {
		CHECK_INT(found, ==, -EOPNOTSUPP);
		return;
	}
	for (uint32_t i = 0; i < KEYS; i++) {
		const struct entry *entry = model_find_key(keys[i], true);

		check_found(results[i], entry, &infos[i], &values[(size_t)i * size]);
		live += entry != NULL;
	}
	CHECK_INT(found, ==, live);
}

static uint32_t count_live(void)
{
	uint32_t live = 0;

	for (uint32_t i = 0; i < ENTRIES_MAX; i++)
		live += model_is_live(&world.entries[i]);
	return live;
}

/* All of it at once: each that is live, once. */
void play_scan(void)
{
	uint8_t values[(ENTRIES_MAX + 1) * VALUE_MAX];
	struct pend_info infos[ENTRIES_MAX + 1];
	struct pend_cursor cursor = { 0 };
	const int found =
		pend_map_scan(world.map, &cursor, infos, values, world.options.max_entries + 1);

	CHECK_INT(found, ==, count_live());
	for (int i = 0; i < found; i++) {
		const struct entry *entry = model_find(infos[i].handle);

		CHECK(entry);
		check_found(0, entry, &infos[i], &values[(uint32_t)i * world.options.value_size]);
		for (int j = 0; j < i; j++)
			CHECK_U64(infos[j].handle, !=, infos[i].handle);
	}
}

static void scan_begins(void)
{
	world.cursor = (struct pend_cursor){ 0 };
	world.scanning = true;
	for (uint32_t i = 0; i < ENTRIES_MAX; i++) {
		world.entries[i].must_see = model_is_live(&world.entries[i]);
		world.entries[i].seen = false;
	}
}

static void scan_ends(void)
{
	world.scanning = false;
	for (uint32_t i = 0; i < ENTRIES_MAX; i++) {
		const struct entry *entry = &world.entries[i];

		CHECK(!model_is_live(entry) || !entry->must_see || entry->seen);
	}
}

/* One step of a scan that goes on while other things happen (guarantee J). */
void play_scan_on(void)
{
	struct pend_info infos[2];
	const uint32_t count = 1 + next_below(&world.in, 2);
	int found;

	if (!world.scanning)
		scan_begins();
	found = pend_map_scan(world.map, &world.cursor, infos, NULL, count);
	CHECK_INT(found, >=, 0);
	for (int i = 0; i < found; i++) {
		struct entry *entry = model_find(infos[i].handle);

		CHECK(entry && model_is_live(entry) && !entry->seen);
		check_info(entry, &infos[i]);
		entry->seen = true;
	}
	if ((uint32_t)found < count)
		scan_ends();
}
