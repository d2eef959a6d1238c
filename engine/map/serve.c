/* SPDX-License-Identifier: MIT */
/*
 * serve.c - who finishes what was decided.
 *
 *	map without an engine:  who decided, at once
 *	map of an engine:       who decided --- hint ---> queue of the home CPU --> claim --> finish
 *	                             |                                               ^
 *	                             +--- queue full: the agenda, at the next tick --+
 *
 *	a look of the agenda finds it decided: the same; but if the queue is full, it is done there
 *
 * A hint only says: look at this slot. Whoever looks claims the slot by a compare-and-swap on its
 * word and finishes it, or runs its program; the others find nothing to claim. So hints may come
 * twice, late, or by way of another thread than was meant, and one that never comes (its sender
 * stopped between decision and hint) is made up for when the agenda looks at the slot, by the
 * deadline at the latest (guarantees A, C and E).
 *
 * Which shard's agenda has a slot depends on the slot's number, not on who pended. So a look sends a
 * hint home as well (F18). Only where that cannot be is something done away from home: in a look
 * that finds the queue full, and in a stop that has waited. `away` counts it.
 *
 * Edges: SL3 (what a decider did before, for who finishes). Progress: lock-free, apart from the
 * completion and re-run functions.
 */
#include "engine/map/map_internal.h"

static struct pend_map *map_of(struct pendi_client *client)
{
	return PENDI_CONTAINER_OF(client, struct pend_map, client);
}

static uint32_t home_of_slot(const struct pend_map *map, uint32_t slot)
{
	/* relaxed: if the slot is not the caller's any more, another one has finished it, and the
	 * hint that goes to the wrong CPU is for nothing. */
	return pendi_load_relaxed(&pendi_map_slot(map, slot)->home);
}

/* A queue is full: the agenda has the slot looked at by the next tick. */
static PENDI_COLD void leave_to_tick(struct pend_map *map, uint32_t slot)
{
	pendi_tally_add(&map->tally, PENDI_COUNT_OVERFLOWS, 1);
	pendi_map_look_by(map, slot, 0);
}

static void hint(struct pend_map *map, uint32_t slot)
{
	if (PENDI_UNLIKELY(!pendi_engine_hint(&map->client, home_of_slot(map, slot), slot)))
		leave_to_tick(map, slot);
}

/* Decided while a re-run waits: whoever continued may have stopped before he told the shard. */
static bool is_untold(const struct pend_map *map, uint64_t word)
{
	return map->engine && pendi_word_state(word) == PENDI_SLOT_RERUN &&
	       !(word & PENDI_WORD_CLAIMED);
}

void pendi_map_carry_out(struct pend_map *map, uint32_t slot, const struct pendi_step *step)
{
	if (PENDI_UNLIKELY(step->duty == PENDI_DUTY_NONE) && !is_untold(map, step->word))
		return;
	if (map->engine) {
		hint(map, slot);
	} else if (step->duty == PENDI_DUTY_FINISH) {
		pendi_map_finish(map, slot, step->word);
		pendi_recycler_put(&map->recycler, slot);
	} else {
		pendi_map_rerun_push(map, slot);
	}
}

/* Hints about slots of one home with one reservation. */
static void hint_many(struct pend_map *map, const uint32_t *slots, uint32_t count)
{
	for (uint32_t begin = 0, end; begin < count; begin = end) {
		const uint32_t home = home_of_slot(map, slots[begin]);
		uint32_t sent;

		for (end = begin + 1; end < count && home_of_slot(map, slots[end]) == home; end++)
			;
		sent = pendi_engine_hint_many(&map->client, home, &slots[begin], end - begin);
		for (uint32_t i = begin + sent; i < end; i++)
			leave_to_tick(map, slots[i]);
	}
}

void pendi_map_carry_out_many(struct pend_map *map, const uint32_t *slots, const uint64_t *words,
			      uint32_t count)
{
	if (map->engine) {
		hint_many(map, slots, count);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		pendi_map_finish(map, slots[i], words[i]);
	pendi_recycler_put_many(&map->recycler, slots, count);
}

bool pendi_map_serve(struct pend_map *map, uint32_t slot)
{
	struct pendi_slot *at = pendi_map_slot(map, slot);
	struct pendi_step step;
	/* relaxed: the CAS below validates and acquires. */
	uint64_t word = pendi_load_relaxed(&at->word);

	do {
		step = pendi_word_claim(word);
		if (step.result)
			return false;
		/*
		 * [SL3.acq] Pairs with [SL3.rel] in pendi_map_decide(): what the decider did, and
		 * by way of its CAS the operation as it was pended (SL1). [SL3.rel] Pairs with
		 * [SL3.acq] in pendi_map_decide() and here, of whoever finds it claimed.
		 */
	} while (!pendi_cas_acq_rel(&at->word, &word, step.word, SL3, SL3));
	if (step.duty == PENDI_DUTY_RERUN) {
		pendi_map_rerun(map, slot, step.word);
		return true;
	}
	pendi_map_finish(map, slot, step.word);
	pendi_recycler_put(&map->recycler, slot);
	return true;
}

bool pendi_map_serve_away(struct pend_map *map, uint32_t slot)
{
	const bool served = pendi_map_serve(map, slot);

	if (served)
		pendi_tally_add(&map->tally, PENDI_COUNT_AWAY, 1);
	return served;
}

void pendi_map_serve_from(struct pend_map *map, uint32_t slot, uint32_t shard)
{
	const uint32_t home = home_of_slot(map, slot);

	if (home == shard)
		(void)pendi_map_serve(map, slot);
	else if (!pendi_engine_hint(&map->client, home, slot))
		(void)pendi_map_serve_away(map, slot);
}

PENDI_FLATTEN static void serve(struct pendi_client *client, uint32_t slot)
{
	struct pend_map *map = map_of(client);

	/* A hint may be of an earlier client of the same number. */
	if (PENDI_LIKELY(slot < map->recycler.slab.count))
		(void)pendi_map_serve(map, slot);
}

static void prefetch(struct pendi_client *client, uint32_t slot)
{
	const struct pend_map *map = map_of(client);

	if (PENDI_LIKELY(slot < map->recycler.slab.count))
		pendi_map_prefetch(map, slot);
}

const struct pendi_client pendi_map_client = {
	.serve = serve,
	.prefetch = prefetch,
	.pass = pendi_map_pass,
	.next = pendi_map_next,
	.tend = pendi_map_tend,
	.disown = pendi_map_disown,
	.apply = pendi_map_apply,
	.stop = pendi_map_stop,
};
