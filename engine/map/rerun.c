/* SPDX-License-Identifier: MIT */
/*
 * rerun.c - CONTINUE: operations that wait for their program to run again.
 *
 *	PENDING --continue--> RERUN --who serves its shard, or polls--> the re-run function
 *	                        |                            | PEND: PENDING, same handle, new cycle
 *	                        | complete(v) meanwhile      | a verdict: COMPLETING
 *	                        +--> v is kept, and beats the function, which is skipped if it has
 *	                             not begun
 *
 * In a map of an engine the home shard is told, and whoever serves it claims the re-run (serve.c).
 * A map without an engine has a bag: a pool (engine/slot/pool.h) of one magazine, from which a
 * poller takes one operation at a time, so that one that stalls holds up that operation and no
 * other (guarantee E). The newest goes first.
 *
 * Exclusion (guarantee B): a slot leaves RERUN only by the one who claimed it, or took it out of the
 * bag, which only the CAS that made it RERUN put it in. So an operation is re-run by one thread at
 * a time, never while it is completed.
 *
 * Edges: SL3 (decided during a re-run), FR1 (the bag).
 */
#include "engine/map/map_internal.h"

static uint32_t run(struct pend_map *map, uint32_t slot, uint64_t word)
{
	const struct pend_operation operation =
		pendi_map_view(map, slot, word, PEND_ACTION_CONTINUE);
	const struct pendi_callback callback = { map, true, pendi_callback_innermost };
	int verdict;

	pendi_callback_innermost = &callback;
	verdict = map->on_rerun(map->context, &operation);
	pendi_callback_innermost = callback.outer;
	pendi_tally_add(&map->tally, PENDI_COUNT_RERUNS, 1);
	return pendi_map_action_of(verdict);
}

/* RERUN -> PENDING or COMPLETING, and in that case finishes. @action as pendi_map_action_of(). */
static void end_rerun(struct pend_map *map, uint32_t slot, uint32_t action)
{
	struct pendi_slot *at = pendi_map_slot(map, slot);
	struct pendi_step step;
	/* relaxed: the CAS below validates and acquires. */
	uint64_t word = pendi_load_relaxed(&at->word);

	if (action == PEND_ACTION_PENDING)
		pendi_map_renew(map, slot, word);
	do {
		step = pendi_word_rerun_exit(word, action, PEND_ORIGIN_PROGRAM);
		/*
		 * [SL3.acq] Pairs with [SL3.rel] in pendi_map_decide(): what was decided during
		 * the re-run, and what its decider did before. [SL1.rel] Pairs with [SL1.acq] in
		 * whoever completes the operation next: what the re-run did to its scratch.
		 */
	} while (!pendi_cas_acq_rel(&at->word, &word, step.word, SL3, SL1));
	if (PENDI_UNLIKELY(pendi_word_staged(word) && !pendi_word_staged(step.word)))
		pendi_tally_add(&map->tally, PENDI_COUNT_STAGED_LOST, 1);
	if (step.duty == PENDI_DUTY_FINISH) {
		pendi_map_finish(map, slot, step.word);
		pendi_recycler_put(&map->recycler, slot);
	}
}

void pendi_map_rerun(struct pend_map *map, uint32_t slot, uint64_t word)
{
	end_rerun(map, slot, run(map, slot, word));
}

void pendi_map_rerun_push(struct pend_map *map, uint32_t slot)
{
	pendi_pool_put(&map->reruns, 0, slot);
}

bool pendi_map_rerun_one(struct pend_map *map)
{
	const uint32_t slot = pendi_pool_take(&map->reruns, 0);

	if (slot == PENDI_SLOT_NONE)
		return false;

	/* [SL3.acq] Pairs with [SL3.rel] in pendi_map_decide(). */
	const uint64_t word = pendi_load_acquire(&pendi_map_slot(map, slot)->word, SL3);

	end_rerun(map, slot, pendi_word_verdict(word) ? PEND_ACTION_PENDING : run(map, slot, word));
	return true;
}

int pend_map_poll(struct pend_map *map, uint32_t budget)
{
	const int error = pendi_map_check(map);
	const uint32_t most = budget < INT32_MAX ? budget : INT32_MAX;
	uint32_t done = 0;

	if (PENDI_UNLIKELY(error))
		return error;
	if (PENDI_UNLIKELY(map->engine != NULL))
		return -EOPNOTSUPP;
	if (PENDI_UNLIKELY(pendi_callback_inside(map, true)))
		return -EDEADLK;
	while (done < most && pendi_map_rerun_one(map))
		done++;
	return (int)done;
}
