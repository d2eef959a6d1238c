/* SPDX-License-Identifier: MIT */
/*
 * continuation_keys.c - continuation maps whose keys share a bucket. See torture_continuation.h.
 *
 * With the seed known, so is every key's home: keys are drawn until enough have the same.
 */
#include <errno.h>

#include "engine/index/index.h"
#include "epoch/epoch.h"
#include "tests/map/map_oracle.h"
#include "tests/map/torture_continuation.h"
#include "tests/support/check.h"

enum { CELLS_OF_A_BUCKET = 14, ENTRIES_OF_A_BUCKET = 8 };

uint64_t homely_key(uint32_t entries, uint64_t seed, uint32_t home, uint64_t *next)
{
	struct pendi_index index = { .key_size = 8 };

	index.bucket_count = (entries + ENTRIES_OF_A_BUCKET - 1) / ENTRIES_OF_A_BUCKET;
	pendi_hash_init(&index.hash, seed);
	for (;;) {
		const uint64_t key = (*next)++;

		if (pendi_index_home(&index, pendi_index_key(&index, &key).hash) == home)
			return key;
	}
}

struct pend_continuation *continuation_make(uint32_t entries, uint32_t value_size, uint64_t seed,
					    bool displaced, uint32_t *others, uint64_t *keys,
					    uint32_t count)
{
	struct pend_continuation_options options = pend_continuation_options_default();
	struct pend_continuation *map;
	uint64_t next = 1;

	options.max_entries = entries;
	options.key_size = 8;
	options.value_size = value_size;
	options.reserve = CONTINUATION_RESERVE;
	options.hash_seed = seed;
	CHECK_INT(pend_continuation_create(&options, &map), ==, 0);
	*others = displaced ? CELLS_OF_A_BUCKET : 0;
	for (uint32_t i = 0; i < *others; i++) {
		const uint64_t key = homely_key(entries, seed, 0, &next);
		const struct payload value = payload_make(key, 0);

		CHECK_INT(pend_continuation_update(map, &key, &value, PEND_UPDATE_NOEXIST), ==, 0);
	}
	for (uint32_t i = 0; i < count; i++)
		keys[i] = displaced ? homely_key(entries, seed, i & 1, &next) : i;
	return map;
}

static int update(struct pend_continuation *map, uint64_t key, enum pend_update how)
{
	const struct payload value = payload_make(key, 0);

	return pend_continuation_update(map, &key, &value, how);
}

void continuation_check_and_destroy(struct pend_continuation *map, uint32_t entries,
				    const uint64_t *keys, uint32_t count, uint32_t others)
{
	const uint64_t first = UINT64_C(1) << 40;

	for (uint32_t i = 0; i < count; i++) {
		const int result = pend_continuation_delete(map, &keys[i]);

		CHECK(result == 0 || result == -ENOENT);
		/* A second holder of the key would come to light now. */
		CHECK_INT(pend_continuation_delete(map, &keys[i]), ==, -ENOENT);
	}
	CHECK_INT(pend_continuation_count(map), ==, others);
	CHECK_INT(pendi_epoch_barrier(), ==, 0);
	for (uint32_t i = others; i <= entries; i++)
		CHECK_INT(update(map, first + i, PEND_UPDATE_NOEXIST), ==,
			  i < entries ? 0 : -ENOSPC);
	CHECK_INT(pend_epoch_enter(), ==, 0);
	for (uint32_t i = 0; i <= CONTINUATION_RESERVE; i++)
		CHECK_INT(update(map, first + others, PEND_UPDATE_EXIST), ==,
			  i < CONTINUATION_RESERVE ? 0 : -EAGAIN);
	CHECK_INT(pend_epoch_exit(), ==, 0);
	CHECK_INT(pend_continuation_destroy(map), ==, 0);
}
