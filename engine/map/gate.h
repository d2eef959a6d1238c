/* SPDX-License-Identifier: MIT */
/*
 * gate.h - who is pending right now: how a stop waits for penders that passed its check.
 *
 *	pender:  enter -> is the map open? -> arm, publish -> leave
 *	stopper: close the map -> wait until everybody who was inside has left -> drain
 *
 * Each thread has a word in its row of counters (tally.h): odd while it is inside a pend. The pender
 * writes it and then reads the map's stage; the stopper writes the stage and then reads the words
 * (GT1, a store-load fence on both sides, light for the pender where the kernel has membarrier). So
 * a pender that the stopper does not see inside finds the map closed: there are no stragglers
 * (guarantee F, race D2). What a pender published is visible to who saw it leave (GT2).
 *
 * Threads without a number share row 0, whose word counts those inside.
 */
#ifndef PENDI_ENGINE_MAP_GATE_H
#define PENDI_ENGINE_MAP_GATE_H

#include <stdbool.h>

#include "engine/map/tally.h"

PENDI_ALWAYS_INLINE void pendi_gate_enter(const struct pendi_tally *tally, bool light)
{
	const uint32_t thread = pendi_thread_number();
	_Atomic uint64_t *word = &tally->rows[thread].count[PENDI_COUNT_GATE];

	/* relaxed, all: the fence below orders them. */
	if (PENDI_LIKELY(thread))
		pendi_store_relaxed(word, pendi_load_relaxed(word) + 1);
	else
		(void)pendi_fetch_add_relaxed(word, 1);
	/* [GT1.sc] Pairs with [GT1.sc] in pendi_gate_wait(): without it a pender could read the
	 * stage as it was before the stop, and the stopper not see it inside. */
	if (PENDI_LIKELY(light))
		pendi_fence_light(GT1);
	else
		pendi_fence_store_load(GT1);
}

PENDI_ALWAYS_INLINE void pendi_gate_leave(const struct pendi_tally *tally)
{
	const uint32_t thread = pendi_thread_number();
	_Atomic uint64_t *word = &tally->rows[thread].count[PENDI_COUNT_GATE];

	/* [GT2.rel] Pairs with [GT2.acq] in pendi_gate_wait(): the drain sees what was pended. The
	 * load is relaxed: the row is ours. */
	if (PENDI_LIKELY(thread))
		pendi_store_release(word, pendi_load_relaxed(word) + 1, GT2);
	else
		(void)pendi_fetch_sub_release(word, 1, GT2);
}

/*
 * Waits until everybody who was inside when the call began has left. The caller has closed the map
 * before. 0, or -ETIMEDOUT after @timeout_ns (UINT64_MAX: no limit).
 */
int pendi_gate_wait(const struct pendi_tally *tally, bool light, uint64_t timeout_ns);

/* Sleeps for about @ns: what the waits of the cold paths do between two looks. */
void pendi_gate_pause(uint64_t ns);

#endif
