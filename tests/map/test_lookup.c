/* SPDX-License-Identifier: MIT */
/*
 * test_lookup.c - reading one operation, by handle and by key.
 */
#include "fixture.h"

Test(lookup, read_checks_its_caller)
{
	struct pend_map *map = make_keyed(4);
	struct pend_info info = { .cookie = CANARY };
	uint64_t value = CANARY;
	const uint64_t handle = pend_key(map, 1);

	/* retval: pend_map_read -EFAULT */
	cr_assert_eq(pend_map_read(NULL, handle, &info, &value), -EFAULT);
	/* retval: pend_map_read -ENOENT */
	REFUSED(map, -ENOENT, pend_map_read(map, 0, &info, &value));
	REFUSED(map, -ENOENT, pend_map_read(map, handle + (1ull << 26), &info, &value));
	REFUSED(map, -ENOENT, pend_map_read(map, UINT64_MAX, &info, &value));
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	REFUSED(map, -ENOENT, pend_map_read(map, handle, &info, &value));
	cr_assert_eq(info.cookie, CANARY);
	cr_assert_eq(value, CANARY);
	destroy(map);
}

Test(lookup, by_key_checks_its_caller)
{
	struct pend_map *map = make_keyed(4), *keyless = make(NULL);
	struct pend_info info = { .cookie = CANARY };
	uint64_t value = CANARY;
	const uint64_t key = 1;
	const uint32_t sizes[] = { 0, 7, 9, UINT32_MAX };

	(void)pend_key(map, key);
	/* retval: pend_map_lookup -EFAULT */
	cr_assert_eq(pend_map_lookup(NULL, &key, 8, &info, &value), -EFAULT);
	REFUSED(map, -EFAULT, pend_map_lookup(map, NULL, 8, &info, &value));
	/* retval: pend_map_lookup -EOPNOTSUPP */
	REFUSED(keyless, -EOPNOTSUPP, pend_map_lookup(keyless, &key, 8, &info, &value));
	REFUSED(keyless, -EOPNOTSUPP, pend_map_lookup(keyless, &key, 0, &info, &value));
	/* retval: pend_map_lookup -EMSGSIZE */
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		REFUSED(map, -EMSGSIZE, pend_map_lookup(map, &key, sizes[i], &info, &value));
	/* retval: pend_map_lookup -ENOENT */
	REFUSED(map, -ENOENT, pend_map_lookup(map, &(uint64_t){ 2 }, 8, &info, &value));
	cr_assert_eq(info.cookie, CANARY);
	cr_assert_eq(value, CANARY);
	destroy(map);
	destroy(keyless);
}

Test(lookup, tells_what_was_pended)
{
	struct pend_map *map = make_keyed(64);

	for (uint64_t key = 0; key < 64; key++)
		(void)pend_key(map, key);
	for (uint64_t key = 0; key < 64; key++) {
		struct pend_info by_key, by_handle;
		uint64_t value = 0;

		cr_assert_eq(pend_map_lookup(map, &key, 8, &by_key, &value), 0);
		cr_assert_eq(value, ~key);
		cr_assert_eq(by_key.cookie, key + 1000);
		value = 0;
		cr_assert_eq(pend_map_read(map, by_key.handle, &by_handle, &value), 0);
		cr_assert_eq(value, ~key);
		cr_assert_eq(memcmp(&by_key, &by_handle, sizeof(by_key)), 0);
		cr_assert_eq(pend_map_lookup(map, &key, 8, NULL, NULL), 0);
		cr_assert_eq(pend_map_read(map, by_key.handle, NULL, NULL), 0);
	}
	destroy(map);
}

/* Keys that differ in a single bit are different keys, whatever their hashes share. */
Test(lookup, a_key_is_all_its_bytes)
{
	struct pend_map *map = make_keyed(65);
	const uint64_t base = 0x0123456789abcdefull;

	(void)pend_key(map, base);
	for (uint32_t bit = 0; bit < 64; bit++) {
		const uint64_t key = base ^ (1ull << bit);

		cr_assert_eq(pend_map_lookup(map, &key, 8, NULL, NULL), -ENOENT);
		(void)pend_key(map, key);
	}
	cr_assert_eq(pend_map_count(map), 65);
	destroy(map);
}

/* The index keeps finding keys while its cells fill, overflow into other buckets and empty. */
Test(lookup, every_key_of_a_full_map)
{
	enum { ENTRIES = 4096 };
	struct pend_map *map = make_keyed(ENTRIES);
	uint64_t value;

	for (uint64_t round = 0; round < 4; round++) {
		const uint64_t first = round * 1000000;

		for (uint64_t key = 0; key < ENTRIES; key++)
			(void)pend_key(map, first + key);
		COUNTED(map, -ENOSPC, refused_full, pend_error(map, first + ENTRIES));
		for (uint64_t key = 0; key < ENTRIES; key += 2)
			cr_assert_eq(pend_map_complete_key(map, &(uint64_t){ first + key }, 8,
							   PEND_ACTION_BLOCK),
				     0);
		for (uint64_t key = 0; key < ENTRIES; key++) {
			const int found =
				pend_map_lookup(map, &(uint64_t){ first + key }, 8, NULL, &value);

			cr_assert_eq(found, key & 1 ? 0 : -ENOENT);
			cr_assert(!(key & 1) || value == ~(first + key));
		}
		for (uint64_t key = 1; key < ENTRIES; key += 2)
			cr_assert_eq(pend_map_complete_key(map, &(uint64_t){ first + key }, 8,
							   PEND_ACTION_BLOCK),
				     0);
	}
	cr_assert_eq(pend_map_count(map), 0);
	destroy(map);
}

Test(lookup, the_seed_is_taken)
{
	struct pend_map_options options = keyed(64, 0);

	for (uint64_t seed = 0; seed < 4; seed++) {
		struct pend_map *map;

		options.hash_seed = seed;
		map = make(&options);
		for (uint64_t key = 0; key < 64; key++)
			(void)pend_key(map, key);
		for (uint64_t key = 0; key < 64; key++)
			cr_assert_eq(pend_map_lookup(map, &key, 8, NULL, NULL), 0);
		destroy(map);
	}
}
