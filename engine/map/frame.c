/* SPDX-License-Identifier: MIT */
/*
 * frame.c - closing the hook frame in which an operation was pended.
 *
 *	decided meanwhile:     COMPLETING+frame -> COMPLETING, to be finished now
 *	the program decides:   PENDING+frame    -> COMPLETING, to be finished now (synthesized, F24)
 *	continued meanwhile:   PENDING+frame+req -> RERUN, to be run now
 *	otherwise:             PENDING+frame    -> PENDING
 *
 * One compare-and-swap clears the frame bit and looks at the rest, so exactly one of frame and
 * decider sees that the other is through, and has the operation finished: a completion never
 * overlaps its frame, with no wait and nothing assumed of the scheduler (guarantee B).
 *
 * Progress: lock-free: the CAS fails only because a decision came between, of which there is one.
 */
#include "engine/map/map_internal.h"

/* The action that a program's verdict stands for; 0: it pended. */
uint32_t pendi_map_action_of(int verdict)
{
	switch (verdict) {
	case PEND_VERDICT_PEND:
		return PEND_ACTION_PENDING;
	case PEND_VERDICT_PROCEED_SOFT:
		return PEND_ACTION_PERMIT_SOFT;
	case PEND_VERDICT_PROCEED_HARD:
		return PEND_ACTION_PERMIT_HARD;
	default:
		return PEND_ACTION_BLOCK;
	}
}

int pend_map_close_frame(struct pend_map *map, uint64_t handle, enum pend_verdict verdict)
{
	const uint32_t slot = pendi_handle_slot(handle);
	const int error = pendi_map_check(map);
	struct pendi_slot *at;
	struct pendi_step step;
	uint64_t word;

	if (PENDI_UNLIKELY(error))
		return error;
	if (PENDI_UNLIKELY(slot >= map->recycler.slab.count))
		return -ENOENT;
	at = pendi_map_slot(map, slot);
	/* relaxed: the CAS below validates and acquires. */
	word = pendi_load_relaxed(&at->word);
	do {
		if (PENDI_UNLIKELY(!pendi_word_same_generation(word, handle)))
			return -ENOENT;
		step = pendi_word_frame_exit(word, pendi_map_action_of((int)verdict),
					     PEND_ORIGIN_PROGRAM);
		/* A handle that nobody was given may name the generation of a free slot. */
		if (PENDI_UNLIKELY(step.result))
			return pendi_word_state(word) < PENDI_SLOT_PENDING ? -ENOENT : step.result;
		/*
		 * [SL3.acq] Pairs with [SL3.rel] in pendi_map_decide(): what was decided in the
		 * frame. [SL3.rel] Pairs with [SL3.acq] in pendi_map_serve() and
		 * pendi_map_decide(): all that the hook did is done before the operation is
		 * finished or run again.
		 */
	} while (!pendi_cas_acq_rel(&at->word, &word, step.word, SL3, SL3));
	if (PENDI_UNLIKELY(pendi_word_staged(word) && !pendi_word_staged(step.word)))
		pendi_tally_add(&map->tally, PENDI_COUNT_STAGED_LOST, 1);
	pendi_map_carry_out(map, slot, &step);
	return 0;
}
