/* SPDX-License-Identifier: MIT */
/*
 * torture_refusals.c - whether each refusal as full was one (guarantee D, linearizable).
 *
 * Short rounds whose calls are logged with a clock. Checked afterwards: each -ENOSPC overlaps an
 * instant at which max_entries slots may have been in use, and at no instant were more in use for
 * certain.
 *
 * An operation is live for certain from the return of its pend to the call of its completion
 * function. It may use a slot from the call of its pend to the return of the call that completed
 * it; so may, during its call, a pend that was refused because of its key.
 */
#include <errno.h>

#include "tests/map/torture_bound.h"
#include "tests/support/check.h"
#include "tests/support/threads.h"

enum { ROUND_COOKIES = THREADS * ROUND_CALLS * 4, ROUND_TICKS = 4096 };

/* An operation, or an attempt at one, of a round: times of the clock, 0: not yet. */
struct log_entry {
	uint64_t pend_called, pend_returned, told_at, complete_returned;
	int result; /* of the pend */
};

struct refusals {
	struct plan plan;
	struct pend_map *map;
	uint64_t seed, rounds, refused, pended, operations;
	struct oracle_clock clock;
	struct oracle_gate gate;
	uint64_t round_begin;
	struct log_entry log[ROUND_COOKIES];
	uint32_t used[THREADS];
	struct oracle_place board[BOARD];
};

/* The operations that the call which the thread is making has completed. */
static _Thread_local struct {
	uint64_t cookies[BATCH];
	uint32_t count;
} completing;

static void log_told(void *context, const struct pend_operation *operation)
{
	struct refusals *refusals = context;

	CHECK_U64(operation->cookie, <, ROUND_COOKIES);
	CHECK_U64(refusals->log[operation->cookie].told_at, ==, 0);
	refusals->log[operation->cookie].told_at = oracle_now(&refusals->clock);
	completing.cookies[completing.count++] = operation->cookie;
}

static void log_pend(struct refusals *refusals, struct rng *rng, uint32_t number, uint32_t count)
{
	const uint32_t first = number * ROUND_CALLS * 4 + refusals->used[number];
	struct requests requests;
	uint64_t handles[BATCH] = { 0 }, called, returned;
	int results[BATCH];

	for (uint32_t i = 0; i < count; i++)
		fill_request(&requests, i, &refusals->plan, draw_key(&refusals->plan, rng),
			     first + i);
	called = oracle_now(&refusals->clock);
	if (count == 1)
		results[0] = pend_map_pend(refusals->map, &requests.all[0], &handles[0]);
	else
		CHECK_INT(pend_map_pend_batch(refusals->map, requests.all, count, handles, results),
			  >=, 0);
	returned = oracle_now(&refusals->clock);
	for (uint32_t i = 0; i < count; i++) {
		struct log_entry *entry = &refusals->log[first + i];

		entry->pend_called = called;
		entry->pend_returned = returned;
		entry->result = results[i];
		if (handles[i])
			(void)oracle_swap(&refusals->board[rng_below(rng, BOARD)], handles[i]);
	}
	refusals->used[number] += count;
}

static void log_completed(struct refusals *refusals)
{
	const uint64_t returned = oracle_now(&refusals->clock);

	for (uint32_t i = 0; i < completing.count; i++)
		refusals->log[completing.cookies[i]].complete_returned = returned;
	completing.count = 0;
}

static void log_complete(struct refusals *refusals, struct rng *rng, uint32_t count)
{
	uint64_t handles[BATCH] = { 0 };
	uint32_t actions[BATCH] = { 0 };
	int results[BATCH];

	for (uint32_t i = 0; i < count; i++) {
		handles[i] = oracle_swap(&refusals->board[rng_below(rng, BOARD)], 0);
		actions[i] = PEND_ACTION_BLOCK;
	}
	if (count == 1)
		results[0] = pend_map_complete(refusals->map, handles[0], PEND_ACTION_BLOCK);
	else
		CHECK_INT(pend_map_complete_batch(refusals->map, handles, actions, count, results),
			  >=, 0);
	/* Taken from the board, a handle is completed by nobody else. */
	for (uint32_t i = 0; i < count; i++)
		CHECK_INT(results[i], ==, handles[i] ? 0 : -ENOENT);
	log_completed(refusals);
}

/*
 * Sweeps the round's clock: how many slots may have been in use, and how many were for certain,
 * at each tick. Then every refusal is held against it.
 */
static void judge(struct refusals *refusals)
{
	static int32_t possible[ROUND_TICKS], certain[ROUND_TICKS];
	const uint64_t begin = refusals->round_begin, end = oracle_now(&refusals->clock);
	const int64_t most = refusals->plan.max_entries;

	CHECK_U64(end - begin, <, ROUND_TICKS - 1);
	memset(possible, 0, sizeof(possible));
	memset(certain, 0, sizeof(certain));
	for (uint32_t i = 0; i < ROUND_COOKIES; i++) {
		const struct log_entry *entry = &refusals->log[i];

		if (!entry->pend_called || entry->result == -ENOSPC || entry->result == -EAGAIN)
			continue;
		possible[entry->pend_called - begin]++;
		possible[(entry->result ? entry->pend_returned : entry->complete_returned) - begin +
			 1]--;
		if (entry->result || entry->pend_returned >= entry->told_at)
			continue;
		certain[entry->pend_returned - begin]++;
		certain[entry->told_at - begin]--;
		refusals->pended++;
	}
	for (uint64_t at = 1; at <= end - begin; at++) {
		possible[at] += possible[at - 1];
		certain[at] += certain[at - 1];
		CHECK_INT(certain[at], <=, most);
	}
	for (uint32_t i = 0; i < ROUND_COOKIES; i++) {
		const struct log_entry *entry = &refusals->log[i];
		int64_t peak = 0;

		if (!entry->pend_called || entry->result != -ENOSPC)
			continue;
		for (uint64_t at = entry->pend_called; at <= entry->pend_returned; at++)
			peak = possible[at - begin] > peak ? possible[at - begin] : peak;
		CHECK_INT(peak, >=, most);
		refusals->refused++;
	}
}

/* One thread alone, between rounds: what is left is completed, the round judged, all wiped. */
static void end_round(struct refusals *refusals)
{
	struct pend_cursor cursor = { 0 };
	struct pend_info info;

	while (pend_map_scan(refusals->map, &cursor, &info, NULL, 1) == 1) {
		CHECK_INT(pend_map_complete(refusals->map, info.handle, PEND_ACTION_BLOCK), ==, 0);
		log_completed(refusals);
	}
	judge(refusals);
	for (uint32_t i = 0; i < THREADS; i++) {
		refusals->operations += refusals->used[i];
		refusals->used[i] = 0;
	}
	refusals->operations += THREADS * ROUND_CALLS / 2;
	memset(refusals->log, 0, sizeof(refusals->log));
	for (uint32_t i = 0; i < BOARD; i++)
		(void)oracle_swap(&refusals->board[i], 0);
	refusals->round_begin = oracle_now(&refusals->clock);
}

static void run_logged(void *context, uint32_t number, struct crew *crew)
{
	struct refusals *refusals = context;
	struct rng rng = rng_make(refusals->seed, number);

	(void)crew;
	for (uint64_t round = 0; round < refusals->rounds; round++) {
		(void)oracle_meet(&refusals->gate, THREADS);
		for (uint32_t call = 0; call < ROUND_CALLS; call++) {
			const uint32_t count = rng_one_in(&rng, 8) ? 2 + rng_below(&rng, 7) : 1;

			if (rng_below(&rng, 5) < 3 &&
			    refusals->used[number] + count <= ROUND_CALLS * 4)
				log_pend(refusals, &rng, number, count);
			else
				log_complete(refusals, &rng, count);
		}
		if (oracle_meet(&refusals->gate, THREADS))
			end_round(refusals);
	}
}

uint64_t refuse_rounds(const struct plan *plan, uint64_t seed, uint64_t rounds)
{
	static struct refusals refusals;

	memset(&refusals, 0, sizeof(refusals));
	refusals.plan = *plan;
	refusals.seed = seed;
	refusals.rounds = rounds;
	refusals.round_begin = oracle_now(&refusals.clock);
	refusals.map = make_map(plan, log_told, &refusals);
	crew_run(THREADS, &refusals, run_logged);
	CHECK_U64(refusals.refused, >, 0);
	CHECK_U64(refusals.pended, >, 0);
	memset(refusals.log, 0, sizeof(refusals.log));
	check_room(plan, refusals.map);
	CHECK_INT(pend_map_destroy(refusals.map), ==, 0);
	completing.count = 0;
	return refusals.operations;
}
