/* SPDX-License-Identifier: MIT */
/*
 * complete.c - deciding an operation, and finishing it.
 *
 *	decide:  one compare-and-swap on the slot word, PENDING -> COMPLETING(verdict) or, for
 *	         CONTINUE, PENDING -> RERUN. Its winner has the duty that word.h returns, and
 *	         nobody else has (guarantee A). serve.c says what becomes of the duty.
 *	finish:  tell the completion function -> leave the index -> give back what it held -> FREE, a
 *	         generation on -> recycle
 *
 * Every way to complete comes through here: orchestrators, the verdict of a re-run or of a frame,
 * the limit on re-runs, deadlines, drains, lost sessions, and the map's end. What belongs to a
 * session is completed by its session alone (F64): the owner is read between the load of the word
 * and the CAS, which fails if the slot has another operation by then.
 *
 * Edges: SL1 (the operation as pended), SL3 (what a decider did before, for who finishes).
 * Progress: the decision is lock-free: a CAS fails only because another one succeeded.
 */
#include "engine/map/map_internal.h"

PENDI_THREAD_LOCAL const struct pendi_callback *pendi_callback_innermost;

bool pendi_callback_inside(const struct pend_map *map, bool rerun)
{
	for (const struct pendi_callback *at = pendi_callback_innermost; at; at = at->outer)
		if (at->map == map && (!rerun || at->rerun))
			return true;
	return false;
}

static struct pendi_step next_step(const struct pend_map *map, uint64_t word, uint64_t handle,
				   uint32_t action, enum pend_origin origin)
{
	struct pendi_step step;

	if (PENDI_UNLIKELY(action == PENDI_ACTION_STAGED))
		action = pendi_word_staged(word) ? pendi_word_staged(word) : PEND_ACTION_BLOCK;
	if (action != PEND_ACTION_CONTINUE)
		return pendi_word_complete(word, handle, action, origin);
	step = pendi_word_continue(word, handle, map->rerun_limit);
	if (step.result == -ELOOP && map->flags & PEND_MAP_LIMIT_BLOCKS)
		return pendi_word_complete(word, handle, PEND_ACTION_BLOCK, PEND_ORIGIN_LIMIT);
	return step;
}

void pendi_map_count_refusal(struct pend_map *map, int error)
{
	if (error == -ENOENT)
		pendi_tally_add(&map->tally, PENDI_COUNT_LATE, 1);
	else if (error == -EALREADY)
		pendi_tally_add(&map->tally, PENDI_COUNT_DUPLICATES, 1);
	else if (error == -EPERM)
		pendi_tally_add(&map->tally, PENDI_COUNT_DENIED, 1);
}

/* Whether an operation, of which @step was worked out, is somebody else's to complete. */
static bool is_denied(const struct pend_map *map, const struct pendi_slot *slot,
		      enum pend_origin origin, uint32_t owner)
{
	/* [SL2.acq] Pairs with [SL2.rel] in fill_operation(): the CAS on the word validates it. */
	return map->engine && origin == PEND_ORIGIN_ORCHESTRATOR &&
	       pendi_load_acquire(&slot->owner, SL2) != owner;
}

int pendi_map_decide(struct pend_map *map, uint64_t handle, const struct pendi_decision *decision,
		     struct pendi_step *step)
{
	const uint32_t action = decision->action;
	const enum pend_origin origin = decision->origin;
	const uint32_t slot = pendi_handle_slot(handle);

	if (PENDI_UNLIKELY(slot >= map->recycler.slab.count)) {
		if (origin == PEND_ORIGIN_ORCHESTRATOR)
			pendi_map_count_refusal(map, -ENOENT);
		return -ENOENT;
	}

	/* Who decides in an engine touches the header alone, for writing at once: a load would fetch
	 * the line shared, and the CAS ask the home CPU a second time. The rest stays there. */
	if (!map->engine)
		pendi_map_prefetch(map, slot);
	else
		pendi_prefetch_write(pendi_map_slot(map, slot));

	struct pendi_slot *at = pendi_map_slot(map, slot);
	/* relaxed: the CAS below validates and acquires. */
	uint64_t word = pendi_load_relaxed(&at->word);

	do {
		*step = next_step(map, word, handle, action, origin);
		if (PENDI_UNLIKELY(is_denied(map, at, origin, decision->owner)) && !step->result)
			step->result = -EPERM;
		if (PENDI_UNLIKELY(step->result)) {
			if (origin == PEND_ORIGIN_ORCHESTRATOR)
				pendi_map_count_refusal(map, step->result);
			return step->result;
		}
		/*
		 * [SL1.acq] Pairs with [SL1.rel] in pendi_slot_publish(): the operation as it
		 * was pended. [SL3.rel] Pairs with [SL3.acq] in end_rerun(): if a re-run is
		 * under way, another thread finishes what is decided here.
		 */
	} while (!pendi_cas_acq_rel(&at->word, &word, step->word, SL1, SL3));
	if (PENDI_UNLIKELY(action == PEND_ACTION_CONTINUE) && !pendi_word_verdict(step->word))
		pendi_tally_add(&map->tally, PENDI_COUNT_CONTINUES, 1);
	if (PENDI_UNLIKELY(pendi_word_staged(word)) && action != PENDI_ACTION_STAGED)
		pendi_tally_add(&map->tally, PENDI_COUNT_STAGED_LOST, 1);
	return 0;
}

static void tell(struct pend_map *map, uint32_t slot, uint64_t word)
{
	const struct pend_operation operation =
		pendi_map_view(map, slot, word, pendi_word_verdict(word));
	const struct pendi_callback callback = { map, false, pendi_callback_innermost };

	pendi_callback_innermost = &callback;
	map->on_complete(map->context, &operation);
	pendi_callback_innermost = callback.outer;
}

void pendi_map_finish(struct pend_map *map, uint32_t slot, uint64_t word)
{
	if (map->on_complete)
		tell(map, slot, word);
	if (map->key_size)
		pendi_index_remove(&map->index, slot);
	if (PENDI_UNLIKELY(map->charged || pendi_map_owner(map, slot)))
		pendi_map_release(map, slot);
	/* Counted first: whoever sees the slot free, as a stop does, sees it counted (SL1). */
	pendi_tally_add(&map->tally, PENDI_COUNT_BY_ORIGIN + pendi_word_origin(word), 1);
	pendi_slot_free(pendi_map_slot(map, slot), word);
}

int pendi_map_complete_as(struct pend_map *map, uint64_t handle,
			  const struct pendi_decision *decision)
{
	struct pendi_step step;
	const int error = pendi_map_decide(map, handle, decision, &step);

	if (PENDI_UNLIKELY(error))
		return error;
	pendi_map_carry_out(map, pendi_handle_slot(handle), &step);
	return 0;
}

int pendi_map_complete(struct pend_map *map, uint64_t handle, uint32_t action,
		       enum pend_origin origin)
{
	const struct pendi_decision decision = { action, origin, 0 };

	return pendi_map_complete_as(map, handle, &decision);
}

int pendi_map_check_action(const struct pend_map *map, uint32_t action)
{
	if (PENDI_UNLIKELY(action < PEND_ACTION_PERMIT_SOFT || action > PEND_ACTION_CONTINUE))
		return -EINVAL;
	return PENDI_UNLIKELY(action == PEND_ACTION_CONTINUE && !map->on_rerun) ? -EOPNOTSUPP : 0;
}

PENDI_FLATTEN int pend_map_complete(struct pend_map *map, uint64_t handle, enum pend_action action)
{
	int error = pendi_map_check(map);

	if (PENDI_LIKELY(!error))
		error = pendi_map_check_action(map, action);
	if (PENDI_UNLIKELY(error))
		return error;
	return pendi_map_complete(map, handle, action, PEND_ORIGIN_ORCHESTRATOR);
}

int pend_map_cancel(struct pend_map *map, uint64_t handle)
{
	const int error = pendi_map_check(map);

	return error ? error
		     : pendi_map_complete(map, handle, PEND_ACTION_BLOCK, PEND_ORIGIN_CANCEL);
}

int pendi_map_complete_key(struct pend_map *map, const struct pendi_key *key, uint32_t action)
{
	const struct pendi_found found = pendi_index_find(&map->index, key);

	if (PENDI_UNLIKELY(found.slot == PENDI_SLOT_NONE)) {
		pendi_map_count_refusal(map, -ENOENT);
		return -ENOENT;
	}
	return pendi_map_complete(map, pendi_handle_make(found.word, found.slot), action,
				  PEND_ORIGIN_ORCHESTRATOR);
}

PENDI_FLATTEN int pend_map_complete_key(struct pend_map *map, const void *key, uint32_t key_size,
					enum pend_action action)
{
	int error = pendi_map_check_key(map, key, key_size);

	if (PENDI_LIKELY(!error))
		error = pendi_map_check_action(map, action);
	if (PENDI_UNLIKELY(error))
		return error;

	const struct pendi_key hashed = pendi_index_key(&map->index, key);

	return pendi_map_complete_key(map, &hashed, action);
}
