/* SPDX-License-Identifier: MIT */
/*
 * driver_paced.h - an open loop over one table: operations begin when they are meant to.
 *
 *	meant:      |     |     |     |     |     |        first + n * apart, or a Poisson process
 *	            v     v     v     v     v     v
 *	does:       [op]  [op]  [op, held up .....][op][op][op] ...
 *	service:     --    --    -----------------  --  --  --     from when it began
 *	response:    --    --    -----------------                 from when it was meant to
 *	                               -------------=--
 *	                                     -----------=--
 *
 * An operation pends a fresh key and completes the oldest. The loop never sleeps and never skips:
 * what could not begin in time begins as soon as it can, and is `late`. It ends when all are done, or
 * at `until_ns`; then those that have not begun wait since they were meant to, and count as responses
 * of that length at least (`given_up`). A clock reading, about 22 ns, is part of both times.
 */
#ifndef BENCH_MEASURE_DRIVER_PACED_H
#define BENCH_MEASURE_DRIVER_PACED_H

#include <math.h>

#include "bench/measure/driver.h"
#include "bench/measure/histogram.h"

#define BENCH_PACED_LEAST_NS 1.0 /* from one operation to the next */

struct bench_paced {
	/* what is wanted */
	double first_ns; /* when the first is meant to begin */
	double apart_ns; /* from one to the next; poisson: their mean */
	uint64_t count;
	bool poisson;
	uint64_t stall_ns; /* held up for so long ... */
	uint64_t
		stall_every_ns; /* ... in the first operation after so long, again and again; 0: never */

	/* what came of it */
	uint64_t done;
	uint64_t late;     /* of them, those that could not begin in time */
	uint64_t given_up; /* those that never began */
	uint64_t stalls;
	uint64_t ended_ns; /* when the last was done */
	struct bench_histogram response;
	struct bench_histogram service;
};

/* What the loop reads the time with; a test plays it. */
typedef uint64_t (*bench_paced_clock_fn)(void);

/* When the operation after the one that is meant to begin at @meant_ns is. */
BENCH_INLINE double bench_paced_next(const struct bench_paced *paced, uint64_t *random,
				     double meant_ns, uint64_t number)
{
	double share;

	if (!paced->poisson)
		return paced->first_ns + (double)(number + 1) * paced->apart_ns;
	share = ((double)(bench_random(random) >> 11) + 1) / 9007199254740993.0;
	return meant_ns - paced->apart_ns * log(share);
}

/* Whoever measures is held up, as if it had been preempted. */
BENCH_COLD void bench_paced_stall(struct bench_paced *paced, bench_paced_clock_fn clock,
				  uint64_t begin_ns)
{
	paced->stalls++;
	while (clock() < begin_ns + paced->stall_ns)
		continue;
}

/* Those that never began: they have waited until @now_ns at least. */
BENCH_COLD void bench_paced_give_up(struct bench_paced *paced, uint64_t *random, double meant_ns,
				    uint64_t number, uint64_t now_ns)
{
	for (; number < paced->count && meant_ns < (double)now_ns; number++) {
		bench_histogram_note(&paced->response, now_ns - (uint64_t)meant_ns);
		paced->given_up++;
		meant_ns = bench_paced_next(paced, random, meant_ns, number);
	}
}

/* The next one is pended, the oldest completed. */
BENCH_INLINE bool bench_paced_operation(const struct bench_ops *ops, struct bench_lane *lane)
{
	struct bench_live *oldest = &lane->ring[lane->head];
	struct bench_live live = { 0, lane->next_number++ };

	if (!bench_pend(ops, lane, live.number, &live.token))
		return false;
	bench_count(lane, 1, 0);
	if (!bench_complete(ops, lane, oldest, false))
		return false;
	bench_count(lane, 0, 1);
	*oldest = live;
	if (++lane->head == lane->ring_size)
		lane->head = 0;
	return true;
}

BENCH_INLINE void bench_drive_paced(const struct bench_ops *ops, struct bench_lane *lane,
				    bench_paced_clock_fn clock)
{
	struct bench_paced *paced = lane->paced;
	double meant_ns = paced->first_ns;
	uint64_t now_ns = clock(), stall_at_ns = UINT64_MAX;

	if (paced->stall_every_ns)
		stall_at_ns = (uint64_t)paced->first_ns + paced->stall_every_ns;
	for (uint64_t i = 0; i < paced->count; i++) {
		uint64_t begin_ns;

		if (BENCH_UNLIKELY(now_ns >= lane->until_ns)) {
			bench_paced_give_up(paced, &lane->random, meant_ns, i, now_ns);
			break;
		}
		bench_tick(ops, lane, i);
		paced->late += (double)now_ns > meant_ns;
		while ((double)now_ns < meant_ns)
			now_ns = clock();
		begin_ns = now_ns;
		if (BENCH_UNLIKELY(now_ns >= stall_at_ns)) {
			bench_paced_stall(paced, clock, begin_ns);
			stall_at_ns += paced->stall_every_ns;
		}
		if (!bench_paced_operation(ops, lane))
			break;
		now_ns = clock();
		bench_histogram_note(&paced->service, now_ns - begin_ns);
		bench_histogram_note(&paced->response, now_ns - (uint64_t)meant_ns);
		paced->done++;
		meant_ns = bench_paced_next(paced, &lane->random, meant_ns, i);
	}
	paced->ended_ns = now_ns;
}

#endif
