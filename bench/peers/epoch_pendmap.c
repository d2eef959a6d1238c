/* SPDX-License-Identifier: MIT */
/*
 * epoch_pendmap.c - pendmap's epoch beside its peers, and the list of all of them.
 *
 * Sections are opened through the public API, by calls into the library. Retiring is not public, for
 * maps do it: what they call is called here (epoch/epoch.h), the one place besides the queue where
 * pendbench reaches into the library.
 */
#include <pendmap/epoch.h>

#include "bench/peers/epoch_peer.h"
#include "epoch/epoch.h"

#define STEPS 1024u

static bool read_some(void)
{
	for (uint32_t i = 0; i < STEPS; i++)
		if (pend_epoch_enter() || pend_epoch_exit())
			return false;
	return true;
}

static double read_ns(uint64_t window_ns, uint64_t *operations)
{
	uint64_t begin_ns, now_ns;

	*operations = 0;
	if (pend_epoch_enter() || pend_epoch_exit()) /* registers */
		return -1;
	begin_ns = bench_clock_ns();
	do {
		if (!read_some())
			return -1;
		*operations += STEPS;
		now_ns = bench_clock_ns();
	} while (now_ns - begin_ns < window_ns);
	return (double)(now_ns - begin_ns) / (double)*operations;
}

static void read_until(const _Atomic uint32_t *over)
{
	while (!pendi_load_relaxed(over) && read_some()) /* relaxed: a wish */
		;
}

static void hold(_Atomic uint32_t *inside, const _Atomic uint32_t *leave)
{
	const int error = pend_epoch_enter();

	pendi_store_relaxed(inside, 1);    /* relaxed: the epoch orders the rest */
	while (!pendi_load_relaxed(leave)) /* relaxed: a wish */
		sched_yield();
	if (!error)
		pend_epoch_exit();
}

_Static_assert(sizeof(struct pendi_epoch_node) <= sizeof(((struct bench_epoch_object *)0)->node),
	       "an object has room for it");

static void called(struct pendi_epoch_node *node)
{
	bench_epoch_give((struct bench_epoch_object *)(void *)node);
}

static void poll(struct bench_epoch_work *work)
{
	(void)work;
	pendi_epoch_poll();
}

static void retire(struct bench_epoch_object *object)
{
	struct pendi_epoch_node *node = (struct pendi_epoch_node *)(void *)object->node;

	node->reclaim = called;
	pendi_epoch_retire(node);
}

static void reclaim(struct bench_epoch_work *work)
{
	bench_epoch_retire(work, retire, poll);
	if (pendi_epoch_barrier())
		work->error = -EDEADLK;
}

const struct bench_epoch_peer bench_epoch_pendmap = {
	.name = "pendmap",
	.summary = "as the library was built",
	.read_ns = read_ns,
	.read_until = read_until,
	.hold = hold,
	.reclaim = reclaim,
	.reclaim_summary = "polls by itself every 256",
};

const struct bench_epoch_peer *bench_epoch_peer_at(uint32_t number)
{
	static const struct bench_epoch_peer *const peers[] = {
		&bench_epoch_pendmap,
#if BENCH_HAVE_URCU
		&bench_epoch_urcu_memb,
		&bench_epoch_urcu_qsbr,
		&bench_epoch_urcu_mb,
#endif
#if BENCH_HAVE_URCU_BP
		&bench_epoch_urcu_bp,
#endif
#if BENCH_HAVE_CK
		&bench_epoch_ck,
#endif
	};

	return number < sizeof(peers) / sizeof(peers[0]) ? peers[number] : NULL;
}
