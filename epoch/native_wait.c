/* SPDX-License-Identifier: MIT */
/*
 * native_wait.c - the calls of native.c that wait for readers, and the change of the fence.
 *
 * Synchronize is two advances after the caller's fence, by S1 of native.c. Barrier finds each
 * bag of each lane safe once, and waits for the turns that were under way.
 *
 * The fence has three states, and changes by way of the careful one:
 *
 *	ASYMMETRIC <---> BOTH <---> PORTABLE            [change_fences]
 *
 * Into BOTH is safe at any time, for it asks more of both sides. Out of it is safe when nobody
 * is inside who saw the state before BOTH: a reader that did not fence, or an advancer that did
 * not call membarrier. Both load the state after they stored their section word, so (EP1) a
 * scan after the store of BOTH finds them, or they find BOTH. If it finds anybody, the state
 * goes back, which is as safe: whoever saw BOTH did more than it had to.
 *
 * Edges
 *   EP1, EP3, EP5, EP6: see native.c.
 *   EP8 end of a change ==> begin of the next.
 *
 * Progress: synchronize and barrier block on readers and on running functions, sleeping up to
 * 1 ms at a time; the change of the fence is wait-free but for its scan.
 */
#include <errno.h>
#include <stddef.h>

#include "epoch/epoch.h"
#include "epoch/lane.h"
#include "epoch/native.h"
#include "epoch/record.h"
#include "epoch/wait.h"
#include "platform/atomic.h"
#include "platform/membarrier.h"

bool pendi_epoch_may_wait(void)
{
	const uint32_t number = pendi_thread_self;
	const struct pendi_thread_record *self = &pendi_thread_records[number];

	return number ? !self->nest && !pendi_native_in_turn(self) : !pendi_thread_is_guest();
}

static uint32_t passed_since(uint32_t start)
{
	/* [EP3.acq] Pairs with [EP3.rel] in advance(): the readers that were waited for. */
	return pendi_load_acquire(&pendi_native.epoch, EP3) - start;
}

int pendi_epoch_synchronize(void)
{
	uint32_t round = 0;

	if (!pendi_epoch_may_wait())
		return -EDEADLK;
	/* [EP1.sc] As in retire: what the caller has unlinked, then E. */
	pendi_fence_store_load(EP1);

	/* relaxed: EP1 orders it. */
	const uint32_t start = pendi_load_relaxed(&pendi_native.epoch);

	while (passed_since(start) < 2) {
		struct pendi_thread_record *self = pendi_thread_borrow();
		const bool advanced = self && pendi_native_advance(self);

		if (self)
			pendi_thread_repay(self);
		if (!advanced)
			pendi_wait(&round);
	}
	return 0;
}

/* Waits until the turn that @record is in, if it is, is over. */
static void await_turn(const struct pendi_thread_record *record)
{
	/* [EP6.acq] Pairs with [EP6.rel] in pendi_native_collect(): of this turn, and of the ones
	 * before. */
	const uint32_t turns = pendi_load_acquire(&record->turns, EP6);
	uint32_t round = 0;

	if (!(turns & 1))
		return;
	/* [EP6.acq] As above. */
	while (pendi_load_acquire(&record->turns, EP6) == turns)
		pendi_wait(&round);
}

/* One look into each lane that has a bag which this barrier has not seen. True: all seen. */
static bool sweep(struct pendi_thread_record *self, uint8_t seen[static PENDI_LANES])
{
	bool complete = true;

	for (uint32_t n = 0; n < pendi_native_lanes; n++) {
		uint32_t bag;

		if (seen[n] == (1u << PENDI_BAGS) - 1)
			continue;
		(void)pendi_native_collect(self, n, &bag);
		seen[n] |= (uint8_t)(1u << bag);
		complete = complete && seen[n] == (1u << PENDI_BAGS) - 1;
	}
	return complete;
}

/*
 * A node retired before the call is in the bag of some E that is not newer than ours, in some
 * lane. We find each bag of each lane safe once, and so take the node, or see that another
 * thread has (EP5); then we wait for the turns under way.
 */
int pendi_epoch_barrier(void)
{
	uint8_t seen[PENDI_LANES] = { 0 };
	uint32_t round = 0;
	bool complete = false;

	if (!pendi_epoch_may_wait())
		return -EDEADLK;
	while (!complete) {
		struct pendi_thread_record *self = pendi_thread_borrow();
		bool advanced = false;

		if (self) {
			advanced = pendi_native_advance(self);
			complete = sweep(self, seen);
			pendi_thread_repay(self);
		}
		if (!advanced && !complete)
			pendi_wait(&round);
	}
	for (uint32_t number = 0; number < pendi_thread_limit(); number++)
		await_turn(&pendi_thread_records[number]);
	return 0;
}

/* Changes the fence with PENDI_FENCES_BOTH in between, which is safe beside either. */
static int change_fences(uint32_t from, uint32_t to)
{
	/* relaxed, all: EP1 orders the state against the section words. */
	pendi_store_relaxed(&pendi_native.fences, PENDI_FENCES_BOTH);
	/*
	 * [EP1.sc] The state first, then the words: a reader that is not seen below sees the state,
	 * and fences. The heavy half also where the light one comes into force: a reader that finds
	 * it in force need not have fenced, and reads nothing older than what was unlinked before.
	 */
	const bool fenced = pendi_membarrier() == 0;
	const bool quiet = fenced && !pendi_native_held_up(0, true);

	/* relaxed: as above. */
	pendi_store_relaxed(&pendi_native.fences, quiet ? to : from);
	return quiet ? 0 : -EBUSY;
}

int pendi_epoch_fence_select(enum pendi_epoch_fence fence)
{
	if (fence != PENDI_EPOCH_FENCE_ASYMMETRIC && fence != PENDI_EPOCH_FENCE_PORTABLE)
		return -EINVAL;
	(void)pendi_thread_number(); /* the default is chosen with the first registration */

	const bool light = fence == PENDI_EPOCH_FENCE_ASYMMETRIC &&
			   pendi_membarrier_register() == 0;
	const uint32_t to = light ? PENDI_FENCES_ASYMMETRIC : PENDI_FENCES_PORTABLE;
	uint32_t idle = 0;
	int result = 0;

	/* [EP8.acq] Pairs with [EP8.rel] below: one change at a time, each sees the last. */
	if (!pendi_cas_acquire(&pendi_native.selecting, &idle, 1, EP8))
		return -EBUSY;

	/* relaxed: only the holder of selecting writes it. */
	const uint32_t from = pendi_load_relaxed(&pendi_native.fences);

	if (from != to)
		result = change_fences(from, to);
	/* [EP8.rel] As above. */
	pendi_store_release(&pendi_native.selecting, 0, EP8);
	return result;
}

enum pendi_epoch_fence pendi_epoch_fence_in_force(void)
{
	(void)pendi_thread_number();
	/* relaxed: the answer is as old as it is. */
	return pendi_load_relaxed(&pendi_native.fences) == PENDI_FENCES_ASYMMETRIC
		       ? PENDI_EPOCH_FENCE_ASYMMETRIC
		       : PENDI_EPOCH_FENCE_PORTABLE;
}
