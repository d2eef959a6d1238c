/* SPDX-License-Identifier: MIT */
/*
 * admit.c - what a pend takes before its slot, and who gives it back: bytes, a share, a notice.
 *
 *	admit: bytes of the map -> bytes of the engine -> share and notice of the session
 *	         |                   |                      |
 *	         +-- -EDQUOT         +-- -EDQUOT            +-- -EDQUOT, -ENOBUFS, -EDEADLK, -ESHUTDOWN
 *
 * Everything is reserved before the operation exists, in this order, and given back in reverse
 * when a later step fails. So a pend whose notice cannot be delivered never happens, and a refusal
 * leaves nothing behind but its counter (guarantee I; F45, OP-17, OP-28).
 *
 * Progress: lock-free.
 */
#include "engine/map/map_internal.h"

static bool take_bytes(struct pend_map *map, uint64_t charge)
{
	if (!pendi_quota_take(&map->quota, charge))
		return false;
	if (!map->engine || pendi_quota_take(pendi_engine_quota(map->engine), charge))
		return true;
	pendi_quota_give(&map->quota, charge);
	return false;
}

static void give_bytes(struct pend_map *map, uint64_t charge)
{
	if (map->engine)
		pendi_quota_give(pendi_engine_quota(map->engine), charge);
	pendi_quota_give(&map->quota, charge);
}

int pendi_map_admit(struct pend_map *map, const struct pend_request *request,
		    struct pendi_admission *admission)
{
	int error = 0;

	admission->ticket.seat = NULL;
	admission->charge = map->charged ? pendi_map_charge(map, request) : 0;
	if (admission->charge && !take_bytes(map, admission->charge)) {
		pendi_tally_add(&map->tally, PENDI_COUNT_REFUSED_QUOTA, 1);
		return -EDQUOT;
	}
	if (request->session)
		error = map->engine
				? pendi_session_reserve(request->session, map->engine,
							request->subject_pid, &admission->ticket)
				: -ESHUTDOWN;
	if (!error)
		return 0;
	admission->ticket.seat = NULL;
	if (admission->charge)
		give_bytes(map, admission->charge);
	pendi_tally_add(&map->tally, PENDI_COUNT_REFUSED_SESSION, 1);
	return error;
}

void pendi_map_dismiss(struct pend_map *map, const struct pendi_admission *admission)
{
	if (admission->ticket.seat)
		pendi_session_discard(&admission->ticket);
	if (admission->charge)
		give_bytes(map, admission->charge);
}

uint32_t pendi_map_announce(struct pend_map *map, const struct pend_request *request,
			    const struct pendi_admission *admission, uint64_t handle)
{
	const struct pendi_slot *at = pendi_map_slot(map, pendi_handle_slot(handle));
	/* relaxed, both: hints by now, for the operation may have ended already. */
	const struct pend_notice notice = {
		.handle = handle,
		.cookie = request->cookie,
		.program = request->program,
		.time_ns = request->now_ns ? request->now_ns : pendi_load_relaxed(&at->pended_ns),
		.map = map,
		.home_cpu = pendi_load_relaxed(&at->home),
		.key_size = map->key_size,
	};

	if (!admission->ticket.seat)
		return 0;
	return pendi_session_commit(&admission->ticket, &notice, request->key);
}

void pendi_map_release(struct pend_map *map, uint32_t slot)
{
	struct pendi_slot *at = pendi_map_slot(map, slot);
	const uint32_t owner = pendi_map_owner(map, slot);

	if (map->charged)
		/* relaxed: whoever finishes the operation owns the slot. */
		give_bytes(map, pendi_load_relaxed(pendi_slab_charge(&map->recycler.slab, at)));
	if (owner)
		pendi_session_release(map->engine, owner);
}
