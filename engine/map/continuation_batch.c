/* SPDX-License-Identifier: MIT */
/*
 * continuation_batch.c - many keys in one call: the same steps, with the misses overlapped.
 *
 * As in batch.c, a call is cut into groups of 16; each group's buckets are fetched while its keys
 * are hashed. The keys are independent: each is linearizable by itself, the batch is not.
 */
#include "engine/map/continuation_internal.h"

/* Hashes up to a group of keys and fetches their buckets. Returns how many. */
static uint32_t approach_entries(const struct pend_continuation *map, const char *keys,
				 uint32_t left, struct pendi_key *hashed)
{
	const uint32_t count = left < PENDI_GROUP ? left : PENDI_GROUP;

	for (uint32_t i = 0; i < count; i++) {
		hashed[i] = pendi_index_key(&map->index, keys + (size_t)i * map->key_size);
		pendi_index_prefetch_read(&map->index, hashed[i].hash);
	}
	return count;
}

int pend_continuation_lookup_batch(struct pend_continuation *map, const void *keys, uint32_t count,
				   const void **values)
{
	const int error = pendi_continuation_check(map);
	struct pendi_key hashed[PENDI_GROUP];
	int found = 0;

	if (error)
		return error;
	if (!keys || !values)
		return -EFAULT;
	if (count > INT32_MAX)
		return -ERANGE;
	if (!pendi_epoch_inside())
		return -EPERM;
	for (uint32_t done = 0, n; done < count; done += n) {
		n = approach_entries(map, (const char *)keys + (size_t)done * map->key_size,
				     count - done, hashed);
		for (uint32_t i = 0; i < n; i++) {
			const uint32_t slot = pendi_index_peek(&map->index, hashed[i].hash);

			if (slot < map->recycler.slab.count)
				pendi_prefetch_read(pendi_continuation_slot(map, slot));
		}
		for (uint32_t i = 0; i < n; i++) {
			values[done + i] = pendi_continuation_find(map, &hashed[i]);
			found += values[done + i] != NULL;
		}
	}
	return found;
}

int pend_continuation_update_batch(struct pend_continuation *map, const void *keys,
				   const void *values, uint32_t count, enum pend_update update,
				   int *results)
{
	const int error = pendi_continuation_check(map);
	struct pendi_key hashed[PENDI_GROUP];
	int updated = 0;

	if (error)
		return error;
	if (!keys || !values)
		return -EFAULT;
	if (!pendi_continuation_is_update(update))
		return -EINVAL;
	if (count > INT32_MAX)
		return -ERANGE;
	for (uint32_t done = 0, n; done < count; done += n) {
		n = approach_entries(map, (const char *)keys + (size_t)done * map->key_size,
				     count - done, hashed);
		for (uint32_t i = 0; i < n; i++) {
			const size_t at = (size_t)done + i;
			const int result = pendi_continuation_update(
				map, &hashed[i], (const char *)values + at * map->value_size,
				update);

			if (results)
				results[at] = result;
			updated += result == 0;
		}
	}
	return updated;
}

int pend_continuation_delete_batch(struct pend_continuation *map, const void *keys, uint32_t count,
				   int *results)
{
	const int error = pendi_continuation_check(map);
	struct pendi_key hashed[PENDI_GROUP];
	int deleted = 0;

	if (error)
		return error;
	if (!keys)
		return -EFAULT;
	if (count > INT32_MAX)
		return -ERANGE;
	for (uint32_t done = 0, n; done < count; done += n) {
		n = approach_entries(map, (const char *)keys + (size_t)done * map->key_size,
				     count - done, hashed);
		for (uint32_t i = 0; i < n; i++) {
			const int result = pendi_continuation_delete(map, &hashed[i]);

			if (results)
				results[done + i] = result;
			deleted += result == 0;
		}
	}
	return deleted;
}
