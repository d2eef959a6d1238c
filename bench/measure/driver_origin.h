/* SPDX-License-Identifier: MIT */
/*
 * driver_origin.h - the loops of two threads that share the life of an operation.
 *
 *	home:  pend -> ring --------------> away: complete
 *	  ^                                        |
 *	  +--- finish <--- a way back <------------+
 *
 * The way back is the implementation's own (pendmap's queue of the home CPU), or, for one whose
 * complete() finishes, a liburcu wfcqueue of nodes from the away thread to the home thread: what an
 * application would put beside a table so that the thread that pended goes on with the operation.
 * The nodes are allocated once, one for each place of the ring.
 *
 * Home keeps up to `depth` operations on their way: it pends until so many are, then finishes until
 * half of them are through.
 */
#ifndef BENCH_MEASURE_DRIVER_ORIGIN_H
#define BENCH_MEASURE_DRIVER_ORIGIN_H

#include "bench/measure/driver.h"
#include "bench/measure/driver_mix.h"
#include "bench/measure/driver_paced.h"
#include "bench/measure/driver_trace.h"
#include "platform/atomic.h"

#if BENCH_HAVE_URCU
#ifndef _LGPL_SOURCE
#define _LGPL_SOURCE /* inline */
#endif
#include <urcu/wfcqueue.h>
#endif

#define BENCH_ORIGIN_RING 256u
#define BENCH_ORIGIN_BUDGET 32u
#define BENCH_ORIGIN_PATIENCE_NS 10000000000ull

struct bench_origin_place {
	uint64_t token;
	uint64_t number;
#if BENCH_HAVE_URCU
	struct cds_wfcq_node node;
#endif
};

struct bench_origin {
	_Alignas(128) _Atomic uint64_t tail; /* places filled, by home */
	_Atomic uint32_t over;               /* home is done */
	_Alignas(128) _Atomic uint32_t gone; /* away has failed */
#if BENCH_HAVE_URCU
	_Alignas(128) struct __cds_wfcq_head head;
	_Alignas(128) struct cds_wfcq_tail back;
#endif
	_Alignas(128) struct bench_origin_place places[BENCH_ORIGIN_RING];
	uint32_t depth;
	uint32_t group; /* handed over so many at a time */
	bool batch;     /* ... and pended and completed as a batch */
	bool by_key;
	uint64_t head_seen; /* away's: places taken */
};

/* What a recovery took. */
struct bench_recover {
	uint64_t count;    /* to complete */
	uint64_t first_ns; /* from the last completion to the first accepted pend */
	uint64_t all_ns;   /* ... to the last */
	uint64_t refused;  /* pends in between */
};

/* ---- the way back ---- */

/* The thread sanitizer does not see what liburcu's queue orders: it is told. What goes on inside the
 * queue is liburcu's business (main.c). */
#if PENDI_TSAN
#include <sanitizer/tsan_interface.h>
#define BENCH_ORIGIN_SENT(node) __tsan_release(node)
#define BENCH_ORIGIN_CAME(node) __tsan_acquire((void *)(uintptr_t)(node))
#else
#define BENCH_ORIGIN_SENT(node) ((void)(node))
#define BENCH_ORIGIN_CAME(node) ((void)(node))
#endif

BENCH_INLINE void bench_origin_return(struct bench_origin *origin, struct bench_origin_place *place)
{
#if BENCH_HAVE_URCU
	cds_wfcq_node_init(&place->node);
	BENCH_ORIGIN_SENT(&place->node);
	(void)cds_wfcq_enqueue(&origin->head, &origin->back, &place->node);
#else
	(void)origin;
	(void)place;
#endif
}

BENCH_INLINE uint32_t bench_origin_finish(const struct bench_ops *ops, struct bench_lane *lane)
{
	uint32_t finished = 0;

	if (ops->finish)
		return ops->finish(lane->session, BENCH_ORIGIN_BUDGET);
#if BENCH_HAVE_URCU
	struct bench_origin *origin = lane->origin;

	for (; finished < BENCH_ORIGIN_BUDGET; finished++) {
		const struct cds_wfcq_node *node =
			__cds_wfcq_dequeue_nonblocking(&origin->head, &origin->back);

		if (!node || node == CDS_WFCQ_WOULDBLOCK)
			break;
		BENCH_ORIGIN_CAME(node);
	}
#endif
	return finished;
}

/* ---- home ---- */

BENCH_INLINE bool bench_home_pend(const struct bench_ops *ops, struct bench_lane *lane,
				  uint64_t tail)
{
	struct bench_origin *origin = lane->origin;
	uint64_t tokens[BENCH_BATCH_MAX];
	const uint64_t number = lane->next_number;

	if (origin->batch && ops->pend_batch) {
		if (!bench_pend_many(ops, lane, origin->group, tokens))
			return false;
	} else {
		for (uint32_t i = 0; i < origin->group; i++) {
			if (!bench_pend(ops, lane, lane->next_number++, &tokens[i]))
				return false;
			bench_count(lane, 1, 0);
		}
	}
	for (uint32_t i = 0; i < origin->group; i++) {
		struct bench_origin_place *place = &origin->places[(tail + i) % BENCH_ORIGIN_RING];

		place->token = tokens[i];
		place->number = number + i;
	}
	/* [BO1.rel] Pairs with [BO1.acq] in bench_drive_away(): the places, as they were filled. */
	pendi_store_release(&origin->tail, tail + origin->group, BO1);
	return true;
}

BENCH_INLINE void bench_drive_home(const struct bench_ops *ops, struct bench_lane *lane)
{
	struct bench_origin *origin = lane->origin;
	uint64_t tail = pendi_load_relaxed(&origin->tail); /* relaxed: its own */
	uint64_t on_way = 0, patience_ns = 0;
	bool pending = true;

	for (uint64_t turn = 1;; turn++) {
		if (pending && on_way + origin->group <= origin->depth) {
			do {
				if (!bench_home_pend(ops, lane, tail))
					return;
				tail += origin->group;
				on_way += origin->group;
			} while (on_way + origin->group <= origin->depth);
		}
		const uint32_t finished = bench_origin_finish(ops, lane);

		if (BENCH_UNLIKELY(finished > on_way)) {
			bench_lane_fail(lane, "more completions come home than went", -EOVERFLOW);
			return;
		}
		on_way -= finished;
		lane->operations += finished;
		if (!finished)
			pendi_cpu_relax();
		bench_tick(ops, lane, turn);
		if (!pending && !on_way)
			return;
		if (turn % 16 || bench_clock_ns() < lane->until_ns)
			continue;
		if (pending)
			patience_ns = bench_clock_ns() + BENCH_ORIGIN_PATIENCE_NS;
		pending = false;
		if (pendi_load_relaxed(&origin->gone)) /* relaxed: only to stop */
			return;
		if (bench_clock_ns() > patience_ns) {
			bench_lane_fail(lane, "completions that come home", -ETIMEDOUT);
			return;
		}
	}
}

/* ---- away ---- */

BENCH_INLINE bool bench_away_complete(const struct bench_ops *ops, struct bench_lane *lane,
				      uint32_t count)
{
	struct bench_origin *origin = lane->origin;
	uint64_t tokens[BENCH_BATCH_MAX];

	if (origin->batch && ops->complete_batch) {
		for (uint32_t i = 0; i < count; i++) {
			const struct bench_origin_place *place =
				&origin->places[(origin->head_seen + i) % BENCH_ORIGIN_RING];

			tokens[i] = place->token;
			bench_number_write(lane->others + (size_t)i * lane->key_size,
					   place->number);
		}
		if (!bench_complete_many(ops, lane, count, tokens, origin->by_key))
			return false;
	}
	for (uint32_t i = 0; i < count; i++, origin->head_seen++) {
		struct bench_origin_place *place =
			&origin->places[origin->head_seen % BENCH_ORIGIN_RING];
		const struct bench_live live = { place->token, place->number };

		if (!(origin->batch && ops->complete_batch)) {
			if (!bench_complete(ops, lane, &live, origin->by_key))
				return false;
			bench_count(lane, 0, 1);
		}
		if (!ops->finish)
			bench_origin_return(origin, place);
	}
	return true;
}

BENCH_INLINE void bench_drive_away(const struct bench_ops *ops, struct bench_lane *lane)
{
	struct bench_origin *origin = lane->origin;

	for (uint64_t turn = 0;; turn++) {
		/* [BO1.acq] Pairs with [BO1.rel] in bench_home_pend(). */
		const uint64_t tail = pendi_load_acquire(&origin->tail, BO1);
		const uint64_t ready = tail - origin->head_seen;

		bench_tick(ops, lane, turn);
		if (!ready) {
			if (pendi_load_relaxed(&origin->over)) /* relaxed: nothing comes after it */
				return;
			pendi_cpu_relax();
			continue;
		}
		if (!bench_away_complete(ops, lane,
					 ready < origin->group ? (uint32_t)ready : origin->group)) {
			pendi_store_relaxed(&origin->gone, 1); /* relaxed: only to stop */
			return;
		}
	}
}

/* ---- a full table ---- */

/* Completes some of what a fill to the brim added, and pends as many. */
BENCH_INLINE void bench_drive_recover(const struct bench_ops *ops, struct bench_lane *lane)
{
	struct bench_recover *recover = lane->recover;
	const uint64_t first = lane->extra_count - recover->count;
	uint64_t completed_ns, token;

	for (uint64_t i = 0; i < recover->count; i++) {
		if (!bench_complete(ops, lane, &lane->extra[first + i], false))
			return;
		bench_count(lane, 0, 1);
	}
	completed_ns = bench_clock_ns();
	for (uint64_t i = 0; i < recover->count;) {
		struct bench_live *live = &lane->extra[first + i];
		int result;

		bench_number_write(lane->keys, lane->next_number);
		bench_number_write(lane->values, lane->next_number);
		result = ops->pend(lane->session, lane->keys, lane->values, &token);
		if (result && ops->tick)
			ops->tick(lane->session);
		lane->counts.attempted++;
		if (result == -ENOSPC || result == -EAGAIN) {
			lane->counts.refused += result == -ENOSPC;
			lane->counts.delayed += result == -EAGAIN;
			if (++recover->refused % 1024 == 0 &&
			    bench_clock_ns() - completed_ns > BENCH_ORIGIN_PATIENCE_NS) {
				bench_lane_fail(lane, "pend after completions", result);
				return;
			}
			continue;
		}
		if (result) {
			bench_lane_fail(lane, "pend after completions", result);
			return;
		}
		lane->counts.inserted++;
		*live = (struct bench_live){ token, lane->next_number++ };
		if (i++ == 0)
			recover->first_ns = bench_clock_ns() - completed_ns;
	}
	recover->all_ns = bench_clock_ns() - completed_ns;
	lane->operations += recover->count;
}

/* As bench_drive(), which knows only the loops of one thread. */
BENCH_INLINE void bench_drive_shared(const struct bench_ops *ops, struct bench_lane *lane,
				     enum bench_loop loop)
{
	if (loop == BENCH_LOOP_HOME)
		bench_drive_home(ops, lane);
	else if (loop == BENCH_LOOP_AWAY)
		bench_drive_away(ops, lane);
	else if (loop == BENCH_LOOP_RECOVER)
		bench_drive_recover(ops, lane);
	else if (loop == BENCH_LOOP_TRACE)
		bench_drive_trace(ops, lane);
	else if (loop == BENCH_LOOP_MIX && ops->complete_key)
		bench_drive_mix(ops, lane);
	else if (loop == BENCH_LOOP_WALK && ops->walk)
		bench_drive_walk(ops, lane);
	else if (loop == BENCH_LOOP_PACED)
		bench_drive_paced(ops, lane, bench_clock_ns);
	else
		bench_drive(ops, lane, loop);
}

#endif
