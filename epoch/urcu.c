/* SPDX-License-Identifier: MIT */
/*
 * urcu.c - the epoch interface on liburcu (memb flavour): the reference to compare with.
 *
 * Sections are liburcu's read sections; threads are registered with it by our own registry, so
 * that it is automatic and survives every end of a thread. Grace periods are liburcu's too. The
 * section word of the record is kept beside, for the stall report only.
 *
 * Retired nodes are handed to call_rcu by the lane, not one by one: a node is two words and
 * both are in use, so there is room for neither an rcu_head nor a count of what was run. Each
 * lane has one rcu_head, in flight or not:
 *
 *	IDLE   incoming == NULL           no callback in flight
 *	ARMED  incoming ends in &armed    one callback in flight, for the chain in waiting
 *
 *	IDLE  -> ARMED  retire's push finds NULL; it takes the chain and calls call_rcu  [arm]
 *	ARMED -> ARMED  the callback runs waiting, takes incoming, calls call_rcu again  [grace]
 *	ARMED -> IDLE   the callback runs waiting, and nothing has come in               [grace]
 *
 * A node runs in the second callback after its push at the latest: the first takes it, the
 * second comes a grace period later. The functions run on liburcu's own thread.
 *
 * Not as good as native.c, by the nature of liburcu: poll has nothing to do; a writer that
 * stalls between its push and its call_rcu holds up its lane; in the child of a fork a section
 * that another thread had open stays open, and a lane that another thread was arming is lost.
 *
 * Edges
 *   UR1 section word at exit ==> callback: what liburcu guarantees, said once more in terms
 *       that race detectors see.
 *   UR2 push ==> arm: the nodes as they were retired.
 *   UR3 waiting, stored by whoever armed ==> callback.
 *   UR4 lane idle ==> arm: the rcu_head is free again, and a barrier sees the functions run.
 *   UR5 end of a callback ==> barrier: the same for a lane that is never idle.
 *
 * Progress: enter and exit wait-free but for a futex wake in exit when liburcu waits; retire
 * lock-free but for call_rcu; synchronize and barrier block on readers.
 */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#include <urcu/urcu-memb.h>

#include "epoch/epoch.h"
#include "epoch/lane.h"
#include "epoch/record.h"
#include "epoch/wait.h"
#include "platform/atomic.h"
#include "platform/membarrier.h"

struct lane {
	PENDI_APART(2) _Atomic(struct pendi_epoch_node *) incoming;
	/* What the callback in flight will run. Written by who arms. */
	_Atomic(struct pendi_epoch_node *) waiting;
	/* Callbacks that have run. Written by the callback. */
	_Atomic uint64_t callbacks;
	/* liburcu's while the lane is ARMED. */
	struct rcu_head head;
};

/* Ends the chain of a lane that is ARMED; never run. */
static struct pendi_epoch_node armed;

static struct lane lanes[PENDI_LANES];
static uint32_t lane_count; /* written once, by pendi_epoch_begin() */

/* Whether this thread is liburcu's, which is registered there already, and in a callback. */
static PENDI_THREAD_LOCAL bool in_callback;
static PENDI_THREAD_LOCAL bool is_worker;

static void grace(struct rcu_head *head);

/* For the owner of the step: the push that found NULL, or the callback. */
static void arm(struct lane *lane)
{
	/* [UR2.acq] [UR4.acq] Pairs with [UR2.rel] in push() and, through the pushes since,
	 * with [UR4.rel] in grace(), whose rcu_head we use again. */
	struct pendi_epoch_node *chain = pendi_exchange_acquire(&lane->incoming, &armed, UR2);

	/* [UR3.rel] Pairs with [UR3.acq] in grace(). */
	pendi_store_release(&lane->waiting, chain, UR3);
	urcu_memb_call_rcu(&lane->head, grace);
}

static void run(struct pendi_epoch_node *chain)
{
	const uint32_t number = pendi_thread_number();
	uint64_t count = 0;

	while (chain && chain != &armed) {
		struct pendi_epoch_node *node = chain;

		chain = node->next;
		node->reclaim(node);
		count++;
	}
	(void)pendi_record_add(number, &pendi_thread_records[number].reclaimed, count);
}

static void see_exits(void)
{
	const uint32_t limit = pendi_thread_limit();

	for (uint32_t number = 0; number < limit; number++)
		/* [UR1.acq] Pairs with [UR1.rel] in pendi_epoch_exit(). */
		(void)pendi_load_acquire(&pendi_thread_records[number].section, UR1);
}

/* liburcu calls it a grace period after arm(). */
static void grace(struct rcu_head *head)
{
	struct lane *lane = PENDI_CONTAINER_OF(head, struct lane, head);

	is_worker = true;
	in_callback = true;
	see_exits();
	/* [UR3.acq] Pairs with [UR3.rel] in arm(). */
	run(pendi_load_acquire(&lane->waiting, UR3));
	in_callback = false;

	/* relaxed: only we write it. */
	const uint64_t callbacks = pendi_load_relaxed(&lane->callbacks) + 1;

	/* [UR5.rel] Pairs with [UR5.acq] in lane_passed(): the functions have run. */
	pendi_store_release(&lane->callbacks, callbacks, UR5);

	struct pendi_epoch_node *nothing_new = &armed;

	/* [UR4.rel] Pairs with [UR4.acq] in arm() and lane_passed(). */
	if (!pendi_cas_release(&lane->incoming, &nothing_new, NULL, UR4))
		arm(lane);
}

/* True: the lane was idle, and the caller must arm it. */
static bool push(struct lane *lane, struct pendi_epoch_node *first, struct pendi_epoch_node *last)
{
	/* relaxed: only linked to, never followed; the CAS validates it. */
	struct pendi_epoch_node *head = pendi_load_relaxed(&lane->incoming);

	do {
		last->next = head;
		/* [UR2.rel] Pairs with [UR2.acq] in arm(). */
	} while (!pendi_cas_release(&lane->incoming, &head, first, UR2));
	return head == NULL;
}

int pendi_epoch_enter(void)
{
	const uint32_t number = pendi_thread_number();
	struct pendi_thread_record *self = &pendi_thread_records[number];

	if (PENDI_UNLIKELY(number == 0))
		return -EAGAIN;
	urcu_memb_read_lock();
	if (self->nest++ == 0) {
		/* relaxed: our own word, for the stall report. */
		const uint64_t section = pendi_load_relaxed(&self->section);

		pendi_store_relaxed(&self->section, pendi_section_enter(section, 0));
	}
	return 0;
}

static void close_section(struct pendi_thread_record *self)
{
	/* relaxed: our own word. */
	const uint64_t section = pendi_load_relaxed(&self->section);

	/* [UR1.rel] Pairs with [UR1.acq] in see_exits(). */
	pendi_store_release(&self->section, pendi_section_exit(section), UR1);
}

void pendi_epoch_exit(void)
{
	struct pendi_thread_record *self = &pendi_thread_records[pendi_thread_self];

	if (--self->nest == 0)
		close_section(self);
	urcu_memb_read_unlock();
}

bool pendi_epoch_inside(void)
{
	return pendi_thread_self && pendi_thread_records[pendi_thread_self].nest;
}

bool pendi_epoch_may_wait(void)
{
	return !pendi_epoch_inside() && !in_callback;
}

void pendi_epoch_retire_batch(struct pendi_epoch_node *first, struct pendi_epoch_node *last,
			      uint32_t count)
{
	const uint32_t number = pendi_thread_number();
	struct lane *lane = &lanes[pendi_lane_current(lane_count)];

	(void)pendi_record_add(number, &pendi_thread_records[number].retired, count);
	if (!push(lane, first, last))
		return;
	/* call_rcu wants its caller registered, and liburcu has no limit on threads. */
	if (number == 0)
		urcu_memb_register_thread();
	arm(lane);
	if (number == 0)
		urcu_memb_unregister_thread();
}

void pendi_epoch_retire(struct pendi_epoch_node *node)
{
	pendi_epoch_retire_batch(node, node, 1);
}

/* liburcu's thread does it. */
uint32_t pendi_epoch_poll(void)
{
	return 0;
}

int pendi_epoch_synchronize(void)
{
	if (!pendi_epoch_may_wait())
		return -EDEADLK;
	urcu_memb_synchronize_rcu();
	return 0;
}

/* Whether what was in the lane when it had run @callbacks callbacks has been run. */
static bool lane_passed(const struct lane *lane, uint64_t callbacks)
{
	/* [UR4.acq] Pairs with [UR4.rel] in grace(). */
	if (!pendi_load_acquire(&lane->incoming, UR4))
		return true;
	/* [UR5.acq] Pairs with [UR5.rel] in grace(). The first that ends may have taken
	 * incoming before our nodes came, the second takes them, the third has run them. */
	return pendi_load_acquire(&lane->callbacks, UR5) - callbacks >= 3;
}

/* Not by liburcu's barrier: it allocates, and a lane may need three callbacks, not one. */
int pendi_epoch_barrier(void)
{
	uint64_t callbacks[PENDI_LANES];

	if (!pendi_epoch_may_wait())
		return -EDEADLK;
	(void)pendi_thread_number();
	/* relaxed: an older count only waits longer. */
	for (uint32_t n = 0; n < lane_count; n++)
		callbacks[n] = pendi_load_relaxed(&lanes[n].callbacks);
	for (uint32_t n = 0; n < lane_count; n++) {
		uint32_t round = 0;

		while (!lane_passed(&lanes[n], callbacks[n]))
			pendi_wait(&round);
	}
	return 0;
}

int pendi_epoch_fence_select(enum pendi_epoch_fence fence)
{
	if (fence != PENDI_EPOCH_FENCE_ASYMMETRIC && fence != PENDI_EPOCH_FENCE_PORTABLE)
		return -EINVAL;
	return -EOPNOTSUPP;
}

enum pendi_epoch_fence pendi_epoch_fence_in_force(void)
{
	/* liburcu has asked the kernel the same question and follows the same answer. */
	return pendi_membarrier_register() == 0 ? PENDI_EPOCH_FENCE_ASYMMETRIC
						: PENDI_EPOCH_FENCE_PORTABLE;
}

const char *pendi_epoch_name(void)
{
	return "liburcu";
}

void pendi_epoch_begin(void)
{
	lane_count = pendi_lane_count();
	(void)pthread_atfork(urcu_memb_call_rcu_before_fork, urcu_memb_call_rcu_after_fork_parent,
			     urcu_memb_call_rcu_after_fork_child);
}

void pendi_epoch_thread_begin(struct pendi_thread_record *record)
{
	/* relaxed: TR1 has brought the last owner's word. */
	const uint64_t section = pendi_load_relaxed(&record->section);

	/* [UR1.rel] Heads the release sequence that our relaxed enters continue, for the
	 * sections of the last owner (TR1). */
	pendi_store_release(&record->section, section, UR1);
	if (!is_worker)
		urcu_memb_register_thread();
}

void pendi_epoch_thread_end(struct pendi_thread_record *record)
{
	if (record->nest)
		close_section(record);
	for (; record->nest; record->nest--)
		urcu_memb_read_unlock();
	if (!is_worker)
		urcu_memb_unregister_thread();
}

/* Our handlers around the fork have kept liburcu's thread out of callbacks; it goes on in the
 * child with all that it had. */
void pendi_epoch_forked(void)
{
}
