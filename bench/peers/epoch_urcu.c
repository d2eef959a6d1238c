/* SPDX-License-Identifier: MIT */
/*
 * epoch_urcu.c - the flavours of liburcu, inlined; compiled once for each of them.
 *
 * QSBR has no sections: a reader reports that it is outside, here after every 64. Objects are
 * reclaimed in either of the ways that liburcu offers: a limbo of 1024 for one synchronize_rcu(), or
 * call_rcu(), whose functions run on a thread of liburcu's that is not measured.
 */
#define _LGPL_SOURCE
#define URCU_API_MAP
#if PEER_QSBR
#include <urcu/urcu-qsbr.h>
#define PEER bench_epoch_urcu_qsbr
#define PEER_NAME "urcu-qsbr"
#define PEER_TEXT "liburcu, inlined, quiescent after 64"
#elif PEER_MB
#include <urcu/urcu-mb.h>
#define PEER bench_epoch_urcu_mb
#define PEER_NAME "urcu-mb"
#define PEER_TEXT "liburcu, inlined, fences in readers"
#elif PEER_BP
#include <urcu/urcu-bp.h>
#define PEER bench_epoch_urcu_bp
#define PEER_NAME "urcu-bp"
#define PEER_TEXT "liburcu, inlined, threads register themselves"
#else
#include <urcu/urcu-memb.h>
#define PEER bench_epoch_urcu_memb
#define PEER_NAME "urcu-memb"
#define PEER_TEXT "liburcu, inlined"
#endif

#include "bench/peers/epoch_peer.h"

#define STEPS 1024u
#define LIMBO 1024u

static void read_some(void)
{
	for (uint32_t i = 0; i < STEPS; i++) {
		rcu_read_lock();
		__asm__ volatile("" : : : "memory");
		rcu_read_unlock();
		if (i % 64 == 63)
			rcu_quiescent_state();
	}
}

static double read_ns(uint64_t window_ns, uint64_t *operations)
{
	uint64_t begin_ns, now_ns;

	rcu_register_thread();
	*operations = 0;
	begin_ns = bench_clock_ns();
	do {
		read_some();
		*operations += STEPS;
		now_ns = bench_clock_ns();
	} while (now_ns - begin_ns < window_ns);
	rcu_unregister_thread();
	return (double)(now_ns - begin_ns) / (double)*operations;
}

static void read_until(const _Atomic uint32_t *over)
{
	rcu_register_thread();
	while (!pendi_load_relaxed(over)) /* relaxed: a wish */
		read_some();
	rcu_unregister_thread();
}

static void hold(_Atomic uint32_t *inside, const _Atomic uint32_t *leave)
{
	rcu_register_thread();
	rcu_read_lock();
	pendi_store_relaxed(inside, 1);    /* relaxed: liburcu orders the rest */
	while (!pendi_load_relaxed(leave)) /* relaxed: a wish */
		sched_yield();
	rcu_read_unlock();
	rcu_unregister_thread();
}

/* ---- a limbo of our own ---- */

static struct {
	uint32_t count;
	struct bench_epoch_object *objects[LIMBO];
} limbo;

static void flush(struct bench_epoch_work *work)
{
	(void)work;
	synchronize_rcu();
	for (uint32_t i = 0; i < limbo.count; i++)
		bench_epoch_give(limbo.objects[i]);
	limbo.count = 0;
}

static void retire_to_limbo(struct bench_epoch_object *object)
{
	limbo.objects[limbo.count++] = object;
	if (limbo.count == LIMBO)
		flush(object->work);
}

static void reclaim(struct bench_epoch_work *work)
{
	rcu_register_thread();
	bench_epoch_retire(work, retire_to_limbo, flush);
	flush(work);
	rcu_unregister_thread();
}

/* ---- call_rcu ---- */

_Static_assert(sizeof(struct rcu_head) <= sizeof(((struct bench_epoch_object *)0)->node),
	       "an object has room for it");

/* The thread sanitizer does not see what call_rcu() orders: it is told. */
#if PENDI_TSAN
#include <sanitizer/tsan_interface.h>
#define SENT(object) __tsan_release(object)
#define CAME(object) __tsan_acquire(object)
#else
#define SENT(object) ((void)(object))
#define CAME(object) ((void)(object))
#endif

static void called(struct rcu_head *head)
{
	CAME(head);
	bench_epoch_give_back((struct bench_epoch_object *)(void *)head);
}

static void retire_by_call(struct bench_epoch_object *object)
{
	SENT(object);
	call_rcu((struct rcu_head *)(void *)object->node, called);
}

/* A thread that waits is no reader; to QSBR it must say so. */
static void fetch(struct bench_epoch_work *work)
{
	rcu_quiescent_state();
	bench_epoch_fetch(work);
}

static void reclaim_by_call(struct bench_epoch_work *work)
{
	uint64_t until_ns;

	rcu_register_thread();
	bench_epoch_retire(work, retire_by_call, fetch);
	until_ns = bench_clock_ns() + BENCH_EPOCH_PATIENCE_NS;
	while (work->free_count < work->count && bench_clock_ns() < until_ns) {
		fetch(work);
		sched_yield();
	}
	rcu_unregister_thread();
}

const struct bench_epoch_peer PEER = {
	.name = PEER_NAME,
	.summary = PEER_TEXT,
	.impl = PEER_NAME,
	.read_ns = read_ns,
	.read_until = read_until,
	.hold = hold,
	.reclaim = reclaim,
	.reclaim_summary = "limbo of 1024 for one synchronize_rcu()",
	.reclaim_other = reclaim_by_call,
	.reclaim_other_name = PEER_NAME " call",
	.reclaim_other_summary = "call_rcu(), whose thread is not counted",
};
