/* SPDX-License-Identifier: MIT */
/*
 * epoch_peer.h - reader sections and reclamation: pendmap's, of the flavours of liburcu, and of
 * ConcurrencyKit, behind one interface.
 *
 *	free --take--> retired --grace period--> reclaim function: free again
 *
 * Whoever retires has a fixed number of objects, which bounds memory: when none is free, it waits
 * for some to come back, in the way that the implementation provides. Its loop is inlined into each
 * file with that file's functions (bench_epoch_retire()).
 */
#ifndef BENCH_PEERS_EPOCH_PEER_H
#define BENCH_PEERS_EPOCH_PEER_H

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/measure/clock.h"
#include "platform/atomic.h"

#define BENCH_EPOCH_STEPS 251u /* odd, so that `held_most` sees every state of a limbo */
#define BENCH_EPOCH_PATIENCE_NS 10000000000ull

struct bench_epoch_work;

struct bench_epoch_object {
	_Alignas(64) void *node[3]; /* the implementation's, while the object is retired */
	struct bench_epoch_object *next;
	struct bench_epoch_work *work;
	uint64_t written; /* stands for what an object is there for */
};

/* What one thread retires for @window_ns, and what came of it. */
struct bench_epoch_work {
	uint64_t window_ns;
	struct bench_epoch_object *free;
	uint64_t count; /* objects */
	uint64_t free_count;
	uint64_t retired;
	uint64_t held_most; /* objects that waited at once */
	uint64_t elapsed_ns;
	int error; /* what went wrong: -ETIMEDOUT if nothing came back for seconds */
	/* Reclaimed by another thread, one linked to the other. */
	_Alignas(128) _Atomic(struct bench_epoch_object *) returned;
};

struct bench_epoch_peer {
	const char *name;
	const char *summary;
	const char *impl; /* the implementation that stands for it in --impl */

	/* Opens and closes sections for @window_ns. Nanoseconds for one, negative: it cannot;
	 * @operations is how many. */
	double (*read_ns)(uint64_t window_ns, uint64_t *operations);

	/* Opens and closes sections until told. */
	void (*read_until)(const _Atomic uint32_t *over);

	/* Stays in one section: sets @inside, and leaves when told. */
	void (*hold)(_Atomic uint32_t *inside, const _Atomic uint32_t *leave);

	/* Retires as fast as it can; in the end all of it has been reclaimed. */
	void (*reclaim)(struct bench_epoch_work *work);
	const char *reclaim_summary;

	/* The same by another of its ways, or NULL. */
	void (*reclaim_other)(struct bench_epoch_work *work);
	const char *reclaim_other_name;
	const char *reclaim_other_summary;
};

/* The peer of that number, pendmap first, or NULL past the last. */
const struct bench_epoch_peer *bench_epoch_peer_at(uint32_t number);

extern const struct bench_epoch_peer bench_epoch_pendmap;
extern const struct bench_epoch_peer bench_epoch_urcu_memb;
extern const struct bench_epoch_peer bench_epoch_urcu_qsbr;
extern const struct bench_epoch_peer bench_epoch_urcu_mb;
extern const struct bench_epoch_peer bench_epoch_urcu_bp;
extern const struct bench_epoch_peer bench_epoch_ck;

/* ---- what reclaim functions call ---- */

/* On the thread that retires. */
static inline void bench_epoch_give(struct bench_epoch_object *object)
{
	struct bench_epoch_work *work = object->work;

	object->next = work->free;
	work->free = object;
	work->free_count++;
}

/* On any other; there is one of those. */
static inline void bench_epoch_give_back(struct bench_epoch_object *object)
{
	struct bench_epoch_work *work = object->work;

	/* relaxed: the CAS below orders. */
	struct bench_epoch_object *first = pendi_load_relaxed(&work->returned);

	do {
		object->next = first;
		/* [BE1.rel] bench_epoch_fetch() takes the list and follows its links. */
	} while (!pendi_cas_release(&work->returned, &first, object, BE1));
}

static inline void bench_epoch_fetch(struct bench_epoch_work *work)
{
	/* [BE1.acq] bench_epoch_give_back() linked them. */
	struct bench_epoch_object *object = pendi_exchange_acquire(&work->returned, NULL, BE1);

	while (object) {
		struct bench_epoch_object *next = object->next;

		bench_epoch_give(object);
		object = next;
	}
}

/* ---- the loop ---- */

/* Tries @more until an object is free. */
static inline bool bench_epoch_wait(struct bench_epoch_work *work,
				    void (*more)(struct bench_epoch_work *work))
{
	const uint64_t until_ns = bench_clock_ns() + BENCH_EPOCH_PATIENCE_NS;

	for (;;) {
		more(work);
		if (work->free)
			return true;
		if (bench_clock_ns() > until_ns)
			break;
		sched_yield();
	}
	work->error = -ETIMEDOUT;
	return false;
}

/* Retires with @retire for the window; @more is asked when nothing is free. Inlined. */
static inline __attribute__((always_inline)) void bench_epoch_retire(
	struct bench_epoch_work *work, void (*retire)(struct bench_epoch_object *object),
	void (*more)(struct bench_epoch_work *work))
{
	const uint64_t begin_ns = bench_clock_ns();

	do {
		for (uint32_t step = 0; step < BENCH_EPOCH_STEPS; step++) {
			struct bench_epoch_object *object;

			if (!work->free && !bench_epoch_wait(work, more))
				return;
			object = work->free;
			work->free = object->next;
			work->free_count--;
			object->written = work->retired++;
			retire(object);
		}
		if (work->count - work->free_count > work->held_most)
			work->held_most = work->count - work->free_count;
		work->elapsed_ns = bench_clock_ns() - begin_ns;
	} while (work->elapsed_ns < work->window_ns);
}

#endif
