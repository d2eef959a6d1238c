/* SPDX-License-Identifier: MIT */
/*
 * pend.c - pending one operation.
 *
 *	check the request -> take a slot -> arm -> key -> index -> fill -> publish
 *	                       |                           |
 *	                       +-> -ENOSPC, -EAGAIN        +-> -EEXIST: the slot goes back
 *
 * Nothing is visible before the last step, and each step before it can be taken back, so an
 * error leaves no trace but its counter (guarantee I). The slot is reserved before the key is, so
 * a map that is full refuses after two loads and never looks at the key.
 *
 * Guarantees touched: A (one generation, one operation), D (the bound is the pool), I.
 * Progress: lock-free.
 */
#include <string.h>

#include "engine/map/map_internal.h"
#include "platform/clock.h"

int pendi_map_check_request(const struct pend_map *map, const struct pend_request *request)
{
	if (PENDI_UNLIKELY(map->key_size && !request->key))
		return -EFAULT;
	if (PENDI_UNLIKELY(request->key_size != map->key_size ||
			   request->value_size != (request->value ? map->value_size : 0)))
		return -EMSGSIZE;
	if (PENDI_UNLIKELY(request->deadline_ns && request->deadline_ns != PEND_DEADLINE_NONE &&
			   (request->deadline_ns < PEND_DEADLINE_MIN_NS ||
			    request->deadline_ns > PEND_DEADLINE_MAX_NS)))
		return -ERANGE;
	return 0;
}

static void fill_scratch(const struct pend_map *map, struct pendi_slot *slot, const void *scratch)
{
	void *target = pendi_slab_scratch(&map->recycler.slab, slot);

	/* Plain memory: only the slot's owner and the map's functions, one at a time, touch it. */
	if (scratch)
		memcpy(target, scratch, map->scratch_size);
	else
		memset(target, 0, map->scratch_size);
}

/* What the index looks at. */
static void fill_key(const struct pend_map *map, struct pendi_slot *slot,
		     const struct pend_request *request, uint32_t cpu)
{
	/* [SL2.rel] Pairs with [SL2.acq] in examine(), as all of the payload (fill.h). */
	pendi_store_release(&slot->home, cpu, SL2);
	if (map->key_size)
		pendi_slot_fill(pendi_slab_key(&map->recycler.slab, slot), request->key,
				map->key_size);
}

/* The rest: cold lines, so written behind the locked instructions of the index, not before. */
static void fill_operation(const struct pend_map *map, struct pendi_slot *slot,
			   const struct pend_request *request, uint64_t now)
{
	const struct pendi_slab *slab = &map->recycler.slab;
	const uint64_t life = request->deadline_ns ? request->deadline_ns : map->deadline_ns;
	const uint64_t deadline = life == PEND_DEADLINE_NONE ? life : now + life;

	/* [SL2.rel] Pairs with [SL2.acq] in pendi_map_copy(), as all of the payload (fill.h). */
	pendi_store_release(&slot->pended_ns, now, SL2);
	pendi_store_release(&slot->due_ns, deadline, SL2);
	pendi_store_release(&slot->user_cookie, request->cookie, SL2);
	if (map->value_size)
		pendi_slot_fill(pendi_slab_value(slab, slot), request->value, map->value_size);
	if (map->scratch_size)
		fill_scratch(map, slot, request->scratch);
}

int pendi_map_arm(struct pend_map *map, const struct pend_request *request,
		  const struct pendi_key *key, uint32_t slot, struct pendi_moment *moment,
		  uint64_t *handle)
{
	struct pendi_slot *at = pendi_map_slot(map, slot);

	pendi_slab_use(&map->recycler.slab, slot);
	pendi_slot_arm(at);
	fill_key(map, at, request, moment->cpu);
	if (!request->now_ns && !moment->now_ns)
		moment->now_ns = pendi_clock_coarse_ns();
	if (key && PENDI_UNLIKELY(pendi_index_insert(&map->index, slot, key))) {
		pendi_slot_disarm(at);
		pendi_recycler_return(&map->recycler, slot);
		pendi_tally_add(&map->tally, PENDI_COUNT_REFUSED_KEY, 1);
		return -EEXIST;
	}
	fill_operation(map, at, request, request->now_ns ? request->now_ns : moment->now_ns);
	*handle = pendi_handle_make(pendi_slot_publish(at), slot);
	return 0;
}

/* Hashes the request's key and fetches its bucket. */
static struct pendi_key approach_bucket(const struct pend_map *map,
					const struct pend_request *request)
{
	const struct pendi_key key = pendi_index_key(&map->index, request->key);

	pendi_index_prefetch(&map->index, key.hash);
	return key;
}

PENDI_FLATTEN int pend_map_pend(struct pend_map *map, const struct pend_request *request,
				uint64_t *handle)
{
	int error = pendi_map_check_open(map);

	if (PENDI_UNLIKELY(error))
		return error;
	if (PENDI_UNLIKELY(!request || !handle))
		return -EFAULT;
	error = pendi_map_check_request(map, request);
	if (PENDI_UNLIKELY(error))
		return error;

	struct pendi_moment moment = { .cpu = pendi_cpu_current() };
	struct pendi_key key = { .bytes = NULL };
	uint32_t slot;

	/* The bucket is missed longest, so it is fetched first; but not for a map that is full. */
	if (map->key_size && PENDI_LIKELY(!pendi_pool_is_full(&map->recycler.free)))
		key = approach_bucket(map, request);
	slot = pendi_recycler_take(&map->recycler, moment.cpu, &error);
	if (PENDI_UNLIKELY(slot == PENDI_SLOT_NONE)) {
		pendi_tally_add(&map->tally,
				error == -ENOSPC ? PENDI_COUNT_REFUSED_FULL
						 : PENDI_COUNT_REFUSED_RESERVE,
				1);
		return error;
	}
	if (map->key_size && PENDI_UNLIKELY(!key.bytes))
		key = approach_bucket(map, request);
	error = pendi_map_arm(map, request, map->key_size ? &key : NULL, slot, &moment, handle);
	if (PENDI_LIKELY(!error))
		pendi_tally_add(&map->tally, PENDI_COUNT_PENDS, 1);
	return error;
}
