/* SPDX-License-Identifier: MIT */
/*
 * pend.c - pending one operation.
 *
 *	check the request -> gate -> admit -> take a slot -> arm -> key -> index -> fill -> hold
 *	                      |       |         |                           |               |  -> publish
 *	                      |       |         +-> -ENOSPC, -EAGAIN        |               +-> its error
 *	                      |       +-> -EDQUOT, -ENOBUFS, ..             +-> -EEXIST
 *	                      +-> -ESHUTDOWN                                    (the slot goes back)
 *
 * Nothing is visible before the last step, and each step before it can be taken back, so an
 * error leaves no trace but its counter (guarantee I). The slot is reserved before the key is, so
 * a map that is full refuses after two loads and never looks at the key. Only a pend with a session
 * or under a quota has to be admitted.
 *
 * The deadline costs no locked instruction as long as the agenda looks at the slot in time anyway,
 * which it does for a slot in use; the slot says so (deadline.c).
 *
 * Guarantees touched: A (one generation, one operation), C (a deadline is armed or covered before
 * the call returns), D (the bound is the pool), F (the gate), I.
 * Edges: DL3 (a slot being armed is not dropped from the agenda). Progress: lock-free.
 */
#include <string.h>

#include "engine/map/map_internal.h"

/* Callers make one anew for each pend. gcc clears a larger struct with `rep stos`, which costs as much
 * as the whole of a refused pend. */
_Static_assert(sizeof(struct pend_request) <= 96, "it is cleared in line");
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
	return PENDI_UNLIKELY(request->flags & ~(uint32_t)PEND_REQUEST_FRAME) ? -EINVAL : 0;
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
	pendi_store_release(&slot->home, (uint16_t)cpu, SL2);
	if (map->key_size)
		pendi_slot_fill(pendi_slab_key(&map->recycler.slab, slot), request->key,
				map->key_size);
}

/* The rest: cold lines, so written behind the locked instructions of the index, not before. */
static void fill_operation(const struct pend_map *map, struct pendi_slot *slot,
			   const struct pend_request *request, uint64_t now, uint64_t due_ns)
{
	const struct pendi_slab *slab = &map->recycler.slab;
	/* relaxed: the word is ours. */
	const uint64_t due = pendi_due_make(due_ns, pendi_load_relaxed(&slot->word));
	const uint32_t owner = request->session ? pendi_session_number(request->session) : 0;

	/* [SL2.rel] Pairs with [SL2.acq] in pendi_map_copy(), as all of the payload (fill.h). */
	pendi_store_release(&slot->pended_ns, now, SL2);
	pendi_store_release(&slot->due, due, SL2);
	pendi_store_release(&slot->user_cookie, request->cookie, SL2);
	pendi_store_release(&slot->owner, (uint16_t)owner, SL2);
	if (map->charged)
		/* relaxed: read by who finishes the operation, who owns the slot. */
		pendi_store_relaxed(pendi_slab_charge(slab, slot), pendi_map_charge(map, request));
	if (map->value_size)
		pendi_slot_fill(pendi_slab_value(slab, slot), request->value, map->value_size);
	if (map->scratch_size && !request->hold)
		fill_scratch(map, slot, request->scratch);
}

/* Has the caller hold the operation. If it cannot, the slot goes back as if nothing had been. */
static __attribute__((noinline)) int hold(struct pend_map *map, const struct pend_request *request,
					  uint32_t slot)
{
	const struct pendi_slab *slab = &map->recycler.slab;
	struct pendi_slot *at = pendi_map_slot(map, slot);
	/* relaxed: the word is ours. */
	const uint64_t handle = pendi_handle_make(pendi_load_relaxed(&at->word), slot);
	void *scratch = map->scratch_size ? pendi_slab_scratch(slab, at) : NULL;
	const int error = request->hold->function(request->hold->context, handle, scratch);

	if (PENDI_LIKELY(!error))
		return 0;
	if (map->key_size)
		pendi_index_remove(&map->index, slot);
	pendi_slot_disarm(at);
	pendi_recycler_return(&map->recycler, slot);
	pendi_tally_add(&map->tally, PENDI_COUNT_REFUSED_HOLD, 1);
	return error;
}

/*
 * Makes sure that the agenda looks at the slot, which is being armed, soon enough for an operation of
 * @life. Before the operation is published, so that none is ever found that nothing looks at.
 */
PENDI_ALWAYS_INLINE void cover(struct pend_map *map, uint32_t slot, uint64_t life, uint64_t due_ns)
{
	struct pendi_slot *at = pendi_map_slot(map, slot);

	/* [DL3.sc] Pairs with [DL3.sc] in let_leave(): without it the agenda could drop the slot
	 * because it did not see it ARMING, and this thread not see that it is leaving. */
	if (PENDI_LIKELY(map->light))
		pendi_fence_light(DL3);
	else
		pendi_fence_store_load(DL3);
	/* relaxed: the fence orders it. */
	if (PENDI_LIKELY(pendi_load_relaxed(&at->timed) == PENDI_TIMED_IN && life >= map->cover_ns))
		return;
	pendi_map_look_by(map, slot, due_ns);
	/* relaxed: armed, and the slot is ours; looks leave a slot that is being armed alone. */
	pendi_store_relaxed(&at->timed, PENDI_TIMED_IN);
}

int pendi_map_arm(struct pend_map *map, const struct pend_request *request,
		  const struct pendi_key *key, uint32_t slot, struct pendi_moment *moment,
		  uint64_t *handle)
{
	const uint64_t life = request->deadline_ns ? request->deadline_ns : map->deadline_ns;
	const bool frame = request->flags & PEND_REQUEST_FRAME;
	struct pendi_slot *at = pendi_map_slot(map, slot);
	uint64_t now = request->now_ns, due_ns;

	pendi_slab_use(&map->recycler.slab, slot);
	pendi_slot_arm(&map->recycler.slab, at);
	fill_key(map, at, request, moment->cpu);
	if (!now && !moment->now_ns)
		moment->now_ns = pendi_clock_coarse_ns();
	now = now ? now : moment->now_ns;
	due_ns = life == PEND_DEADLINE_NONE ? life : now + life;
	if (key && PENDI_UNLIKELY(pendi_index_insert(&map->index, slot, key))) {
		pendi_slot_disarm(at);
		pendi_recycler_return(&map->recycler, slot);
		pendi_tally_add(&map->tally, PENDI_COUNT_REFUSED_KEY, 1);
		return -EEXIST;
	}
	fill_operation(map, at, request, now, due_ns);
	if (map->engine)
		cover(map, slot, life, due_ns);
	if (PENDI_UNLIKELY(request->hold != NULL)) {
		const int error = hold(map, request, slot);

		if (PENDI_UNLIKELY(error))
			return error;
	}
	*handle = pendi_handle_make(pendi_slot_publish(at, frame), slot);
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

/* The rest of a pend, once it is inside the gate and admitted. */
PENDI_ALWAYS_INLINE int pend_inside(struct pend_map *map, const struct pend_request *request,
				    uint64_t *handle)
{
	struct pendi_moment moment = { .cpu = pendi_cpu_current() };
	struct pendi_key key = { .bytes = NULL };
	uint32_t slot;
	int error = 0;

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

/* With a session or under a quota. */
static __attribute__((noinline)) int pend_admitted(struct pend_map *map,
						   const struct pend_request *request,
						   uint64_t *handle, uint32_t *action)
{
	struct pendi_admission admission;
	int error = pendi_map_admit(map, request, &admission);

	if (error)
		return error;
	error = pend_inside(map, request, handle);
	if (error)
		pendi_map_dismiss(map, &admission);
	else
		*action = pendi_map_announce(map, request, &admission, *handle);
	return error;
}

static PENDI_COLD int refuse_closed(struct pend_map *map)
{
	pendi_gate_leave(&map->tally);
	pendi_tally_add(&map->tally, PENDI_COUNT_REFUSED_STOPPED, 1);
	return -ESHUTDOWN;
}

/* What a full map refuses needs no gate: nothing is going to be pended. */
PENDI_ALWAYS_INLINE bool is_known_full(const struct pend_map *map)
{
	return pendi_pool_is_full(&map->recycler.free) && !map->recycler.deferred &&
	       pendi_map_is_open(map);
}

static int refuse_full(struct pend_map *map)
{
	pendi_tally_add(&map->tally, PENDI_COUNT_REFUSED_FULL, 1);
	return -ENOSPC;
}

PENDI_FLATTEN int pend_map_pend(struct pend_map *map, const struct pend_request *request,
				uint64_t *handle)
{
	uint32_t action = 0;
	int error = pendi_map_check(map);

	if (PENDI_UNLIKELY(error))
		return error;
	if (PENDI_UNLIKELY(!request || !handle))
		return -EFAULT;
	error = pendi_map_check_request(map, request);
	if (PENDI_UNLIKELY(error))
		return error;
	if (PENDI_UNLIKELY(is_known_full(map)))
		return refuse_full(map);
	pendi_gate_enter(&map->tally, map->light);
	if (PENDI_UNLIKELY(!pendi_map_is_open(map)))
		return refuse_closed(map);
	error = pendi_map_is_plain(map, request) ? pend_inside(map, request, handle)
						 : pend_admitted(map, request, handle, &action);
	pendi_gate_leave(&map->tally);
	/* Its session was lost while it was being pended. */
	if (PENDI_UNLIKELY(action))
		pendi_map_disown_one(map, *handle, action);
	return error;
}
