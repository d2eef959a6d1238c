/* SPDX-License-Identifier: MIT */
/*
 * native.c - the epoch implementation of our own: one number, one word for each thread.
 *
 * The global epoch E is a number. A reader publishes the E it read when it enters (its section
 * word), and zero words are written when it leaves: nothing else. A writer unlinks an object,
 * fences, reads E = r and pushes the object into bag r mod 4 of its CPU's lane. E goes from e
 * to e + 1 when a scan finds every open section at e. Whoever finds E = e, from inside a
 * section of its own, takes bag e - 2 (mod 4) of a lane and runs its functions.
 *
 *	bag:    e-2      e-1       e       e+1            (each mod 4)
 *	        taken   waits   filled   filled by who sees the next E already
 *
 * Fences. Each "store mine, then read the others'" below is one end of EP1: the reader between
 * its section word and its first access; the writer between unlink and the load of E; the
 * advancer between the load of E and the scan. The reader's is pendi_fence_light() and the
 * advancer's is pendi_membarrier(); in the portable form both are a store-load fence.
 *
 * Why nothing is freed too early
 *   S1  A reader R reaches object N, which is retired with E = r. Then E does not become r + 2
 *       while R stays. The advance to r + 1 comes after the load of r, and the fence of the
 *       advance to r + 2 after that, so after the unlink. If R's word was stored before that
 *       fence, the scan sees it, and R must have entered at r + 1; if it was stored after, R's
 *       accesses see the unlink and do not reach N. But R at r + 1 has read E after the advance
 *       to r + 1 (EP3) and has fenced, so it sees the unlink too. (With the light fence this
 *       step asks the hardware that a store is seen by all others at once: x86-64, ARMv8.)
 *   S2  While a section is open that stored its word before it loaded E = e, E is e or e + 1:
 *       an advance from e + 1 loads that value, fences, and finds the section at e or less.
 *       So bag e - 2 (mod 4), the bag of e + 2, gets no node of an epoch after e - 2 while a
 *       collector is inside; and that is why a collector is inside while it takes, and loads E
 *       again after the fence of its own enter.
 *   S3  A writer may stall between its load of E = p and its push for as long as it likes. The
 *       node lands in bag p (mod 4), which by then may be in use for p + 4 or p + 8. It is
 *       taken by a collector with e = p + 2 (mod 4). That e is not below p: such a collector
 *       was inside with E < p, so with E <= e + 1 < p until it left (S2), and its taking
 *       happens-before the advance to p (EP2, EP3) and so before the push. Hence e >= p + 2,
 *       and by S1 the node is free to go: later than it might, never earlier.
 *   S4  A collector that stalls inside a section holds up E like any reader, and is named by
 *       the stall report. One that stalls later holds back what it took: one bag of one lane.
 *   S5  E wraps at 2^32, a multiple of 4, and is compared for equality. An advancer is inside a
 *       section, so E does not run around while it stalls (S2). A reader that stalls between
 *       its load of E and the store of its word could be taken for a newer one only if E went
 *       around in between, exactly: an hour at an advance each microsecond, one value in 2^32.
 *
 * The calls that wait and the change of the fence are in native_wait.c.
 *
 * Edges
 *   EP1 store-load: section word / unlink / fence state  against  the other's load of it.
 *   EP2 exit ==> scan: what was read inside is read before its reuse.
 *   EP3 advance ==> load of E: who sees e sees what made e possible.
 *   EP4 push ==> take: the nodes as they were retired.
 *   EP5 take ==> barrier's look at the bag: the barrier sees whose turn it is (turns odd).
 *   EP6 end of a turn ==> barrier: what the functions did is done when barrier returns.
 *
 * Progress: enter and exit wait-free; retire, poll lock-free (a lost CAS is another's push, or
 * another's advance).
 */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#include "epoch/epoch.h"
#include "epoch/lane.h"
#include "epoch/native.h"
#include "epoch/record.h"
#include "epoch/section.h"
#include "platform/atomic.h"
#include "platform/membarrier.h"

/* A thread polls each time it has retired so many. */
#define POLL_EVERY 256u

/* Where the epoch starts; tests start it close to the wrap. */
#ifndef PENDI_EPOCH_START
#define PENDI_EPOCH_START 0u
#endif

struct lane {
	PENDI_APART(1) _Atomic(struct pendi_epoch_node *) bags[PENDI_BAGS];
};

struct pendi_native_domain pendi_native = { .epoch = PENDI_EPOCH_START };
static struct lane lanes[PENDI_LANES];

uint32_t pendi_native_lanes;

bool pendi_native_held_up(uint32_t epoch, bool any)
{
	const uint32_t limit = pendi_thread_limit();

	for (uint32_t number = 0; number < limit; number++) {
		/* [EP2.acq] Pairs with [EP2.rel] in close_section(), and in open_section() where the
		 * owner has entered again since. */
		const uint64_t section =
			pendi_load_acquire(&pendi_thread_records[number].section, EP2);

		if (pendi_section_is_open(section) &&
		    (any || pendi_section_epoch(section) != epoch))
			return true;
	}
	return false;
}

/* The advancer's end of EP1. False: the kernel refused, nothing may be concluded. */
static bool fence_before_scan(void)
{
	/* relaxed: the caller's word was stored before, see open_section(). */
	if (pendi_load_relaxed(&pendi_native.fences) == PENDI_FENCES_PORTABLE) {
		/* [EP1.sc] Pairs with [EP1.sc] in open_section() and in retire. */
		pendi_fence_store_load(EP1);
		return true;
	}
	/* [EP1.sc] The heavy half, for the light fence of open_section(). */
	if (pendi_membarrier() == 0)
		return true;
	/* relaxed: a statistic. */
	(void)pendi_fetch_add_relaxed(&pendi_native.refusals, 1);
	return false;
}

/* One step of E, if no reader holds it up. The caller is inside a section (S5). */
static bool advance(void)
{
	/* [EP3.acq] Pairs with [EP3.rel] below, in the advance before ours: the fence and the
	 * scan that follow come after it (S1, S2). */
	uint32_t epoch = pendi_load_acquire(&pendi_native.epoch, EP3);

	/* A first look, for a reader that lags is no reason to interrupt every CPU. */
	if (pendi_native_held_up(epoch, false) || !fence_before_scan() ||
	    pendi_native_held_up(epoch, false))
		return false;
	/* [EP3.rel] Pairs with [EP3.acq] in open_section() and take(): the exits that the scan
	 * saw happen before whatever is done because of the new epoch. [EP3.acq] So do those
	 * that an earlier advance saw. */
	return pendi_cas_acq_rel(&pendi_native.epoch, &epoch, epoch + 1, EP3, EP3);
}

/* Takes the bag of @lane that is safe now. The caller is inside a section (S2). */
static struct pendi_epoch_node *take(struct lane *lane, uint32_t *bag)
{
	/* [EP3.acq] Pairs with [EP3.rel] in advance(): the readers of this bag have left. The
	 * load comes after the fence of our own section (EP1), so E stays below epoch + 2. */
	const uint32_t epoch = pendi_load_acquire(&pendi_native.epoch, EP3);

	*bag = (epoch - 2) % PENDI_BAGS;
	/* [EP5.acq] Pairs with [EP5.rel] below: if another has emptied the bag, its turn is
	 * seen by a barrier. */
	if (!pendi_load_acquire(&lane->bags[*bag], EP5))
		return NULL;
	/* [EP4.acq] Pairs with [EP4.rel] in push(): all nodes of the chain, as retired: later
	 * pushes continue the release sequence of earlier ones. [EP5.rel] As above. */
	return pendi_exchange_acq_rel(&lane->bags[*bag], NULL, EP4, EP5);
}

static uint32_t run(struct pendi_epoch_node *chain)
{
	uint32_t count = 0;

	while (chain) {
		struct pendi_epoch_node *node = chain;

		chain = node->next;
		node->reclaim(node);
		count++;
	}
	return count;
}

uint32_t pendi_native_collect(struct pendi_thread_record *self, uint32_t lane, uint32_t *bag)
{
	const uint32_t number = (uint32_t)(self - pendi_thread_records);
	/* relaxed: our own word; EP5 publishes the odd value, EP6 the even one. */
	const uint32_t turns = pendi_load_relaxed(&self->turns);
	int state = PTHREAD_CANCEL_ENABLE;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pendi_store_relaxed(&self->turns, turns + 1);
	pendi_section_pin(self);

	struct pendi_epoch_node *chain = take(&lanes[lane], bag);

	pendi_section_unpin(self);

	const uint32_t count = run(chain);

	(void)pendi_record_add(number, &self->reclaimed, count);
	/* [EP6.rel] Pairs with [EP6.acq] in await_turn(): the functions have run. */
	pendi_store_release(&self->turns, turns + 2, EP6);
	(void)pthread_setcancelstate(state, NULL);
	return count;
}

static bool lane_waits(const struct lane *lane)
{
	for (uint32_t bag = 0; bag < PENDI_BAGS; bag++) {
		/* relaxed: a hint; what a poll misses, the next one finds. */
		if (pendi_load_relaxed(&lane->bags[bag]))
			return true;
	}
	return false;
}

static bool anything_waits(void)
{
	for (uint32_t n = 0; n < pendi_native_lanes; n++) {
		if (lane_waits(&lanes[n]))
			return true;
	}
	return false;
}

bool pendi_native_advance(struct pendi_thread_record *self)
{
	pendi_section_pin(self);

	const bool advanced = advance();

	pendi_section_unpin(self);
	return advanced;
}

/* At most @steps advances, each followed by a look into every lane. Two of them free what was
 * retired before the first, unless somebody else advanced without looking; as many as there are
 * bags look into each. */
static uint32_t move_on(uint32_t steps)
{
	struct pendi_thread_record *self = pendi_thread_borrow();
	uint32_t count = 0;
	bool advanced = true;

	if (!self || pendi_native_in_turn(self))
		return 0;
	for (; steps && advanced && anything_waits(); steps--) {
		advanced = pendi_native_advance(self);
		for (uint32_t n = 0; n < pendi_native_lanes; n++) {
			uint32_t bag;

			if (lane_waits(&lanes[n]))
				count += pendi_native_collect(self, n, &bag);
		}
	}
	pendi_thread_repay(self);
	return count;
}

static void push(_Atomic(struct pendi_epoch_node *) *bag, struct pendi_epoch_node *first,
		 struct pendi_epoch_node *last)
{
	/* relaxed: only linked to, never followed; the CAS validates it. */
	struct pendi_epoch_node *head = pendi_load_relaxed(bag);

	do {
		last->next = head;
		/* [EP4.rel] Pairs with [EP4.acq] in take(). Any head that comes back is as good
		 * as the first: it is the rest of the chain, whatever it is. */
	} while (!pendi_cas_release(bag, &head, first, EP4));
}

int pendi_epoch_enter(void)
{
	const uint32_t number = pendi_thread_number();

	if (PENDI_UNLIKELY(number == 0))
		return -EAGAIN;
	pendi_section_pin(&pendi_thread_records[number]);
	return 0;
}

void pendi_epoch_exit(void)
{
	pendi_section_unpin(&pendi_thread_records[pendi_thread_self]);
}

bool pendi_epoch_inside(void)
{
	return pendi_thread_self && pendi_thread_records[pendi_thread_self].nest;
}

void pendi_epoch_retire_batch(struct pendi_epoch_node *first, struct pendi_epoch_node *last,
			      uint32_t count)
{
	const uint32_t number = pendi_thread_number();

	/* [EP1.sc] The caller's unlink first, then E. Pairs with [EP1.sc] in open_section() and
	 * fence_before_scan(): with an older E, a reader that the unlink did not stop could
	 * outlive the object (S1). */
	pendi_fence_store_load(EP1);

	/* [EP3.acq] Pairs with [EP3.rel] in advance(): a collector that had this bag for an
	 * older epoch has taken it before we push (S3). */
	const uint32_t epoch = pendi_load_acquire(&pendi_native.epoch, EP3);
	struct lane *lane = &lanes[pendi_lane_current(pendi_native_lanes)];

	push(&lane->bags[epoch % PENDI_BAGS], first, last);

	const uint64_t total =
		pendi_record_add(number, &pendi_thread_records[number].retired, count);

	if (PENDI_UNLIKELY(total / POLL_EVERY != (total - count) / POLL_EVERY))
		(void)move_on(1);
}

void pendi_epoch_retire(struct pendi_epoch_node *node)
{
	pendi_epoch_retire_batch(node, node, 1);
}

uint32_t pendi_epoch_poll(void)
{
	return move_on(PENDI_BAGS);
}

const char *pendi_epoch_name(void)
{
	return "native";
}

void pendi_epoch_begin(void)
{
	pendi_native_lanes = pendi_lane_count();
	/* relaxed: pthread_once publishes it; no thread has entered before. */
	pendi_store_relaxed(&pendi_native.fences, pendi_membarrier_register() == 0
							  ? PENDI_FENCES_ASYMMETRIC
							  : PENDI_FENCES_PORTABLE);
}

void pendi_epoch_thread_begin(struct pendi_thread_record *record)
{
	/* relaxed: TR1 has brought the last owner's word. */
	const uint64_t section = pendi_load_relaxed(&record->section);

	/* [EP2.rel] The same word again, as the new owner's: heads a release sequence that its
	 * relaxed enters continue, and that covers the last owner's sections (TR1). */
	pendi_store_release(&record->section, section, EP2);
}

void pendi_epoch_thread_end(struct pendi_thread_record *record)
{
	if (record->nest) {
		record->nest = 0;
		close_section(record);
	}
}

/* What other threads had taken and not yet run is lost to the child, and no longer counted. */
void pendi_epoch_forked(void)
{
	struct pendi_thread_record *self = &pendi_thread_records[pendi_thread_self];
	uint64_t retired = 0, reclaimed = 0, present = 0;

	/* relaxed, all: the only thread of the process does this. */
	pendi_store_relaxed(&pendi_native.selecting, 0);
	for (uint32_t number = 0; number < pendi_thread_limit(); number++) {
		retired += pendi_load_relaxed(&pendi_thread_records[number].retired);
		reclaimed += pendi_load_relaxed(&pendi_thread_records[number].reclaimed);
	}
	for (uint32_t n = 0; n < PENDI_LANES * PENDI_BAGS; n++) {
		/* relaxed: as above. */
		struct pendi_epoch_node *node =
			pendi_load_relaxed(&lanes[n / PENDI_BAGS].bags[n % PENDI_BAGS]);

		for (; node; node = node->next, present++)
			pendi_take_over(node, sizeof(*node));
	}
	(void)pendi_record_add(pendi_thread_self, &self->reclaimed, retired - reclaimed - present);
}
