/* SPDX-License-Identifier: MIT */
/*
 * owner.c - operations that belong to a session: completing them, and losing their session.
 *
 * A slot names its owner by number. Only the owner's session completes it (F64; complete.c checks
 * that inside the decision). When a session is lost, engine/session asks each map of the engine to
 * give its operations an action; an operation that is being pended at that moment gets it from its
 * pender, who finds the session lost when it announces the operation (engine/session).
 *
 * Progress: lock-free; disowning looks at all slots in use.
 */
#include "engine/map/map_internal.h"

/* Operations of a lost session that are decided without a rest: less than a queue holds. */
#define DISOWN_STRIDE 4096u
#define DISOWN_PAUSE_NS 1000u

/* Gives the operation @action. Without one (PEND_ACTION_PENDING, PENDI_SESSION_BLOCK_ENDLESS) it
 * waits for its deadline, and is blocked if it has none. */
void pendi_map_disown_one(struct pend_map *map, uint64_t handle, uint32_t action)
{
	const struct pendi_slot *at = pendi_map_slot(map, pendi_handle_slot(handle));

	if (action == PEND_ACTION_PENDING || action == PENDI_SESSION_BLOCK_ENDLESS) {
		/* [SL2.acq] Pairs with [SL2.rel] in fill_operation(); if the slot has another
		 * operation by now, completing it by this handle fails. */
		const uint64_t due = pendi_load_acquire(&at->due, SL2);

		if (pendi_due_ns(due) != PEND_DEADLINE_NONE)
			return;
		action = PEND_ACTION_BLOCK;
	}
	(void)pendi_map_complete(map, handle, action, PEND_ORIGIN_OWNER);
}

void pendi_map_disown(struct pendi_client *client, uint32_t owner, uint32_t action)
{
	struct pend_map *map = PENDI_CONTAINER_OF(client, struct pend_map, client);
	const struct pendi_slab *slab = &map->recycler.slab;
	uint32_t found = 0;

	for (uint32_t slot = pendi_slab_next_used(slab, 0); slot < slab->count;
	     slot = pendi_slab_next_used(slab, slot + 1)) {
		const struct pendi_slot *at = pendi_map_slot(map, slot);
		/* [SL1.acq] Pairs with [SL1.rel] in pendi_slot_publish(). */
		const uint64_t word = pendi_load_acquire(&at->word, SL1);

		/* [SL2.acq] Pairs with [SL2.rel] in fill_operation(); validated by the handle. */
		if (!pendi_word_is_live(word) || pendi_load_acquire(&at->owner, SL2) != owner)
			continue;
		pendi_map_disown_one(map, pendi_handle_make(word, slot), action);
		/* Whoever finishes what was decided so far may want this CPU. */
		if (++found % DISOWN_STRIDE == 0)
			pendi_gate_pause(DISOWN_PAUSE_NS);
	}
}

int pend_session_complete(struct pend_session *session, struct pend_map *map, uint64_t handle,
			  enum pend_action action)
{
	struct pendi_decision decision = { (uint32_t)action, PEND_ORIGIN_ORCHESTRATOR, 0 };
	int error = pendi_session_check(session);

	if (!error)
		error = pendi_map_check(map);
	if (!error)
		error = pendi_map_check_action(map, (uint32_t)action);
	if (error)
		return error;
	if (map->engine != pendi_session_engine(session))
		return -EPERM;
	decision.owner = pendi_session_number(session);
	return pendi_map_complete_as(map, handle, &decision);
}
