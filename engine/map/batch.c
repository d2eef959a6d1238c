/* SPDX-License-Identifier: MIT */
/*
 * batch.c - many operations in one call: the same steps, with the misses overlapped.
 *
 * A call is cut into groups of 16. Each group goes through its steps together: first every line
 * that the next step will touch is prefetched for all sixteen, then the step is done for each. So
 * sixteen cache misses cost about as much as one. The counters, the free slots and the freed
 * slots are handled once for each group.
 *
 *	pend:           hash, prefetch buckets | take slots | arm, fill, index, publish
 *	complete:       prefetch slots | decide, prefetch buckets | finish | put slots
 *	complete_key:   hash, prefetch buckets | peek at the cells, prefetch slots | complete
 *	lookup:         the same | copy
 *
 * The operations are independent: each is linearizable by itself, the batch is not.
 */
#include "engine/map/map_internal.h"

static uint32_t group_size(uint32_t left)
{
	return left < PENDI_GROUP ? left : PENDI_GROUP;
}

static void set_result(int *results, uint32_t at, int result)
{
	if (results)
		results[at] = result;
}

/* Slots for one group, as far as they come at once; the rest is taken one by one when needed. */
struct supply {
	uint32_t slots[PENDI_GROUP];
	uint32_t count;
};

/* Like pendi_recycler_take(), from the supply while it lasts. */
static uint32_t take(struct pend_map *map, struct supply *supply, uint32_t cpu, int *error)
{
	if (supply->count)
		return supply->slots[--supply->count];
	return pendi_recycler_take(&map->recycler, cpu, error);
}

static int pend_one(struct pend_map *map, const struct pend_request *request,
		    const struct pendi_key *key, struct supply *supply, struct pendi_moment *moment,
		    uint64_t *handle)
{
	int error = 0;
	const uint32_t slot = take(map, supply, moment->cpu, &error);

	if (slot == PENDI_SLOT_NONE) {
		pendi_tally_add(&map->tally,
				error == -ENOSPC ? PENDI_COUNT_REFUSED_FULL
						 : PENDI_COUNT_REFUSED_RESERVE,
				1);
		return error;
	}
	return pendi_map_arm(map, request, map->key_size ? key : NULL, slot, moment, handle);
}

/* Pends a group one by one: what has to be admitted, each with its own session and charge. */
static __attribute__((noinline)) uint32_t pend_singly(struct pend_map *map,
						      const struct pend_request *requests,
						      uint32_t count, uint64_t *handles,
						      int *results)
{
	uint32_t pended = 0;

	for (uint32_t i = 0; i < count; i++) {
		handles[i] = 0;
		const int error = pend_map_pend(map, &requests[i], &handles[i]);

		set_result(results, i, error);
		pended += error == 0;
	}
	return pended;
}

static bool are_plain(const struct pend_map *map, const struct pend_request *requests,
		      uint32_t count)
{
	bool plain = true;

	for (uint32_t i = 0; i < count; i++)
		plain = plain && pendi_map_is_plain(map, &requests[i]);
	return plain;
}

/* Checks and hashes a group. Returns how many requests are well formed. */
static uint32_t prepare(const struct pend_map *map, const struct pend_request *requests,
			uint32_t count, struct pendi_key *keys, int *errors)
{
	uint32_t good = 0;

	for (uint32_t i = 0; i < count; i++) {
		errors[i] = pendi_map_check_request(map, &requests[i]);
		if (errors[i])
			continue;
		good++;
		if (map->key_size) {
			keys[i] = pendi_index_key(&map->index, requests[i].key);
			pendi_index_prefetch(&map->index, keys[i].hash);
		}
	}
	return good;
}

/* A group that finds the map full or closed: nothing is hashed or fetched for it. */
static PENDI_COLD void refuse_group(struct pend_map *map, const struct pend_request *requests,
				    uint32_t count, int refusal, uint64_t *handles, int *results)
{
	uint32_t refused = 0;

	for (uint32_t i = 0; i < count; i++) {
		int error = pendi_map_check_request(map, &requests[i]);

		refused += error == 0;
		error = error ? error : refusal;
		handles[i] = 0;
		set_result(results, i, error);
	}
	pendi_tally_add(&map->tally,
			refusal == -ENOSPC ? PENDI_COUNT_REFUSED_FULL : PENDI_COUNT_REFUSED_STOPPED,
			refused);
}

/* Inside the gate. */
static uint32_t pend_group(struct pend_map *map, const struct pend_request *requests,
			   uint32_t count, uint64_t *handles, int *results)
{
	struct pendi_moment moment = { .cpu = pendi_cpu_current() };
	struct supply supply = { .count = 0 };
	struct pendi_key keys[PENDI_GROUP];
	int errors[PENDI_GROUP];
	uint32_t pended = 0;

	if (PENDI_UNLIKELY(!pendi_map_is_open(map))) {
		refuse_group(map, requests, count, -ESHUTDOWN, handles, results);
		return 0;
	}
	if (PENDI_UNLIKELY(!map->recycler.deferred && pendi_pool_is_full(&map->recycler.free))) {
		refuse_group(map, requests, count, -ENOSPC, handles, results);
		return 0;
	}
	supply.count = pendi_recycler_take_many(&map->recycler, moment.cpu, supply.slots,
						prepare(map, requests, count, keys, errors));
	for (uint32_t i = 0; i < supply.count; i++)
		pendi_map_prefetch(map, supply.slots[i]);
	for (uint32_t i = 0; i < count; i++) {
		handles[i] = 0;
		if (!errors[i])
			errors[i] = pend_one(map, &requests[i], &keys[i], &supply, &moment,
					     &handles[i]);
		set_result(results, i, errors[i]);
		pended += errors[i] == 0;
	}
	pendi_tally_add(&map->tally, PENDI_COUNT_PENDS, pended);
	return pended;
}

int pend_map_pend_batch(struct pend_map *map, const struct pend_request *requests, uint32_t count,
			uint64_t *handles, int *results)
{
	const int error = pendi_map_check(map);
	uint32_t pended = 0;

	if (PENDI_UNLIKELY(error))
		return error;
	if (PENDI_UNLIKELY(!requests || !handles))
		return -EFAULT;
	if (PENDI_UNLIKELY(count > INT32_MAX))
		return -ERANGE;
	for (uint32_t done = 0, n; done < count; done += n) {
		int *const group_results = results ? &results[done] : NULL;

		n = group_size(count - done);
		if (PENDI_UNLIKELY(!are_plain(map, &requests[done], n))) {
			pended +=
				pend_singly(map, &requests[done], n, &handles[done], group_results);
			continue;
		}
		pendi_gate_enter(&map->tally, map->light);
		pended += pend_group(map, &requests[done], n, &handles[done], group_results);
		pendi_gate_leave(&map->tally);
	}
	return (int)pended;
}

/* What a group of completions leaves to do once all are decided. */
struct decided {
	uint32_t slots[PENDI_GROUP];
	uint64_t words[PENDI_GROUP];
	uint32_t count;
};

static void prefetch_slot(const struct pend_map *map, uint32_t slot)
{
	if (slot < map->recycler.slab.count)
		pendi_map_prefetch(map, slot);
}

/* Decides one; what it has to finish is noted, and the bucket that takes is fetched. */
static int decide_one(struct pend_map *map, uint64_t handle, uint32_t action,
		      struct decided *decided)
{
	const struct pendi_decision decision = { action, PEND_ORIGIN_ORCHESTRATOR, 0 };
	struct pendi_step step;
	int error = pendi_map_check_action(map, action);

	if (!error)
		error = pendi_map_decide(map, handle, &decision, &step);
	if (PENDI_UNLIKELY(error))
		return error;

	const uint32_t slot = pendi_handle_slot(handle);

	if (PENDI_LIKELY(step.duty == PENDI_DUTY_FINISH)) {
		if (map->key_size && !map->engine)
			pendi_index_prefetch_place(&map->index, slot);
		decided->slots[decided->count] = slot;
		decided->words[decided->count++] = step.word;
	} else {
		pendi_map_carry_out(map, slot, &step);
	}
	return 0;
}

static void finish_group(struct pend_map *map, const struct decided *decided)
{
	if (decided->count)
		pendi_map_carry_out_many(map, decided->slots, decided->words, decided->count);
}

static uint32_t complete_group(struct pend_map *map, const uint64_t *handles,
			       const uint32_t *actions, uint32_t count, int *results)
{
	struct decided decided = { .count = 0 };
	uint32_t accepted = 0;

	for (uint32_t i = 0; i < count; i++)
		prefetch_slot(map, pendi_handle_slot(handles[i]));
	for (uint32_t i = 0; i < count; i++) {
		const int error = decide_one(map, handles[i], actions[i], &decided);

		set_result(results, i, error);
		accepted += error == 0;
	}
	finish_group(map, &decided);
	return accepted;
}

int pend_map_complete_batch(struct pend_map *map, const uint64_t *handles, const uint32_t *actions,
			    uint32_t count, int *results)
{
	const int error = pendi_map_check(map);
	uint32_t accepted = 0;

	if (PENDI_UNLIKELY(error))
		return error;
	if (PENDI_UNLIKELY(!handles || !actions))
		return -EFAULT;
	if (PENDI_UNLIKELY(count > INT32_MAX))
		return -ERANGE;
	for (uint32_t done = 0, n; done < count; done += n) {
		n = group_size(count - done);
		accepted += complete_group(map, &handles[done], &actions[done], n,
					   results ? &results[done] : NULL);
	}
	return (int)accepted;
}

/* Hashes a group of keys and fetches their buckets, then the slots that stand in them; all to be
 * changed if @write. */
PENDI_ALWAYS_INLINE void approach_operations(const struct pend_map *map, const void *keys,
					     uint32_t count, struct pendi_key *hashed, bool write)
{
	for (uint32_t i = 0; i < count; i++) {
		const void *key = (const char *)keys + (size_t)i * map->key_size;

		hashed[i] = pendi_index_key(&map->index, key);
		if (write)
			pendi_index_prefetch(&map->index, hashed[i].hash);
		else
			pendi_index_prefetch_read(&map->index, hashed[i].hash);
	}
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t slot = pendi_index_peek(&map->index, hashed[i].hash);

		if (write)
			prefetch_slot(map, slot);
		else if (slot < map->recycler.slab.count)
			pendi_map_prefetch_read(map, slot);
	}
}

static int decide_key(struct pend_map *map, const struct pendi_key *key, uint32_t action,
		      struct decided *decided)
{
	const struct pendi_found found = pendi_index_find(&map->index, key);

	/* Slot "none" is out of range: deciding it counts and returns -ENOENT. */
	return decide_one(map, pendi_handle_make(found.word, found.slot), action, decided);
}

static uint32_t complete_key_group(struct pend_map *map, const void *keys, const uint32_t *actions,
				   uint32_t count, int *results)
{
	struct pendi_key hashed[PENDI_GROUP];
	struct decided decided = { .count = 0 };
	uint32_t accepted = 0;

	approach_operations(map, keys, count, hashed, true);
	for (uint32_t i = 0; i < count; i++) {
		const int error = decide_key(map, &hashed[i], actions[i], &decided);

		set_result(results, i, error);
		accepted += error == 0;
	}
	finish_group(map, &decided);
	return accepted;
}

int pend_map_complete_key_batch(struct pend_map *map, const void *keys, const uint32_t *actions,
				uint32_t count, int *results)
{
	const int error = pendi_map_check_key(map, keys, map ? map->key_size : 0);
	uint32_t accepted = 0;

	if (PENDI_UNLIKELY(error))
		return error;
	if (PENDI_UNLIKELY(!actions))
		return -EFAULT;
	if (PENDI_UNLIKELY(count > INT32_MAX))
		return -ERANGE;
	for (uint32_t done = 0, n; done < count; done += n) {
		n = group_size(count - done);
		accepted += complete_key_group(map,
					       (const char *)keys + (size_t)done * map->key_size,
					       &actions[done], n, results ? &results[done] : NULL);
	}
	return (int)accepted;
}

/* Where a batch of lookups writes. Each pointer may be NULL. */
struct outputs {
	struct pend_info *infos;
	char *values;
	int *results;
};

static uint32_t lookup_group(const struct pend_map *map, const void *keys, uint32_t count,
			     struct outputs to, uint32_t first)
{
	struct pendi_key hashed[PENDI_GROUP];
	uint32_t found = 0;

	approach_operations(map, keys, count, hashed, false);
	for (uint32_t i = 0; i < count; i++) {
		const size_t at = (size_t)first + i;
		const int error =
			pendi_map_lookup(map, &hashed[i], to.infos ? &to.infos[at] : NULL,
					 to.values ? &to.values[at * map->value_size] : NULL);

		if (to.results)
			to.results[at] = error;
		found += error == 0;
	}
	return found;
}

int pend_map_lookup_batch(struct pend_map *map, const void *keys, uint32_t count,
			  struct pend_info *infos, void *values, int *results)
{
	const int error = pendi_map_check_key(map, keys, map ? map->key_size : 0);
	const struct outputs to = { infos, values, results };
	uint32_t found = 0;

	if (PENDI_UNLIKELY(error))
		return error;
	if (PENDI_UNLIKELY(count > INT32_MAX))
		return -ERANGE;
	for (uint32_t done = 0, n; done < count; done += n) {
		n = group_size(count - done);
		found += lookup_group(map, (const char *)keys + (size_t)done * map->key_size, n, to,
				      done);
	}
	return (int)found;
}
