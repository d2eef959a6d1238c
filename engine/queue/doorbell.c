/* SPDX-License-Identifier: MIT */
/*
 * doorbell.c - arming, sleeping on and ringing a doorbell.
 *
 *	armed:  0 --arm, by the sleeper--> 1 --wake, by one ringer, who then wakes the futex--> 0
 *	                                   '--disarm or the end of the sleep, by the sleeper--> 0
 *
 * The kernel goes to sleep only while `armed` is 1, so a ringer that came between the look for work
 * and the sleep prevents it. Only the ringer that turned 1 to 0 makes the system call. One that
 * does so late, for a sleep that is over, wakes a later one for nothing or nobody.
 *
 * Edges: DB1 the bell against the work, crosswise (doorbell.h). DB2 a ring that ended a sleep: the
 * work that was made before it is seen after.
 */
#include "engine/queue/doorbell.h"

void pendi_doorbell_arm(struct pendi_doorbell *bell)
{
	/* relaxed: DB1 orders it before the look for work that follows. */
	pendi_store_relaxed(&bell->armed, 1);
	/* [DB1.sc] Pairs with [DB1.sc] at the end of a push (queue.c): a ringer that sees the bell
	 * unarmed has made its work before the look that follows. */
	pendi_fence_store_load(DB1);
}

void pendi_doorbell_disarm(struct pendi_doorbell *bell)
{
	/* relaxed: a ringer that still sees it armed makes a call for nothing. */
	pendi_store_relaxed(&bell->armed, 0);
}

void pendi_doorbell_sleep(struct pendi_doorbell *bell, uint64_t timeout_ns)
{
	(void)pendi_futex_wait(&bell->armed, 1, timeout_ns);
	/* [DB2.acq] Pairs with [DB2.rel] in pendi_doorbell_wake(): the look for work that follows
	 * finds what the ringer made; else that work would wait for another ring. */
	(void)pendi_exchange_acquire(&bell->armed, 0, DB2);
}

void pendi_doorbell_wake(struct pendi_doorbell *bell)
{
	/* [DB2.rel] Pairs with [DB2.acq] in pendi_doorbell_sleep(). */
	if (pendi_exchange_release(&bell->armed, 0, DB2))
		(void)pendi_futex_wake(&bell->armed, 1);
}
