/* SPDX-License-Identifier: MIT */
/*
 * epoch_ck.c - ConcurrencyKit's epochs: its sections are inlined, an atomic exchange each.
 *
 * Objects are deferred with ck_epoch_call() and dispatched by ck_epoch_poll() every 256, which is
 * what pendmap's epoch does by itself.
 */
#include <pthread.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wundef"
#include <ck_epoch.h>
#pragma GCC diagnostic pop

#include "bench/peers/epoch_peer.h"

#define STEPS 1024u
#define POLL_EVERY 256u
#define RECORDS 64u

/* Records cannot go once they are registered; each thread that reads or retires takes one. */
static ck_epoch_t epoch;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static ck_epoch_record_t records[RECORDS];
static _Atomic uint32_t taken;
static _Thread_local ck_epoch_record_t *own;

static void init(void)
{
	ck_epoch_init(&epoch);
}

/* Those of threads that ended are used again, for a team may be started many times. */
static bool join(void)
{
	uint32_t number;

	if (own)
		return true;
	pthread_once(&once, init);
	own = ck_epoch_recycle(&epoch, NULL);
	if (own)
		return true;
	/* relaxed: a number of one's own. */
	number = pendi_fetch_add_relaxed(&taken, 1);
	if (number >= RECORDS)
		return false;
	own = &records[number];
	ck_epoch_register(&epoch, own, NULL);
	return true;
}

static void part(void)
{
	ck_epoch_unregister(own);
	own = NULL;
}

static void read_some(ck_epoch_record_t *record)
{
	for (uint32_t i = 0; i < STEPS; i++) {
		ck_epoch_begin(record, NULL);
		__asm__ volatile("" : : : "memory");
		ck_epoch_end(record, NULL);
	}
}

static double read_ns(uint64_t window_ns, uint64_t *operations)
{
	uint64_t begin_ns, now_ns;

	*operations = 0;
	if (!join())
		return -1;
	begin_ns = bench_clock_ns();
	do {
		read_some(own);
		*operations += STEPS;
		now_ns = bench_clock_ns();
	} while (now_ns - begin_ns < window_ns);
	part();
	return (double)(now_ns - begin_ns) / (double)*operations;
}

static void read_until(const _Atomic uint32_t *over)
{
	if (!join())
		return;
	while (!pendi_load_relaxed(over)) /* relaxed: a wish */
		read_some(own);
	part();
}

static void hold(_Atomic uint32_t *inside, const _Atomic uint32_t *leave)
{
	const bool joined = join();

	if (joined)
		ck_epoch_begin(own, NULL);
	pendi_store_relaxed(inside, 1);    /* relaxed: CK orders the rest */
	while (!pendi_load_relaxed(leave)) /* relaxed: a wish */
		sched_yield();
	if (!joined)
		return;
	ck_epoch_end(own, NULL);
	part();
}

_Static_assert(sizeof(ck_epoch_entry_t) <= sizeof(((struct bench_epoch_object *)0)->node),
	       "an object has room for it");

static void called(ck_epoch_entry_t *entry)
{
	bench_epoch_give((struct bench_epoch_object *)(void *)entry);
}

static void poll(struct bench_epoch_work *work)
{
	(void)work;
	ck_epoch_poll(own);
}

static void retire(struct bench_epoch_object *object)
{
	ck_epoch_call(own, (ck_epoch_entry_t *)(void *)object->node, called);
	if (object->written % POLL_EVERY == POLL_EVERY - 1)
		ck_epoch_poll(own);
}

static void reclaim(struct bench_epoch_work *work)
{
	if (!join()) {
		work->error = -EAGAIN;
		return;
	}
	bench_epoch_retire(work, retire, poll);
	ck_epoch_barrier(own);
	part();
}

const struct bench_epoch_peer bench_epoch_ck = {
	.name = "ck",
	.summary = "ConcurrencyKit ck_epoch, inlined",
	.impl = "ck",
	.read_ns = read_ns,
	.read_until = read_until,
	.hold = hold,
	.reclaim = reclaim,
	.reclaim_summary = "ck_epoch_call(), ck_epoch_poll() every 256",
};
