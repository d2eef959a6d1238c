/* SPDX-License-Identifier: MIT */
/*
 * refusal.c - whether each refusal as full was one: recorded rounds, judged (guarantee D).
 *
 *	tick:       1    2    3    4    5    6    7    8
 *	pend A      |---------|                            0
 *	complete A                 |----told------|
 *	may use a slot  =============================
 *	live for certain          ======
 *	pend B                |--------|                   -ENOSPC: full at some tick of these?
 *
 * A few threads make a few calls, with a clock read before and after each. When all stand still the
 * round is judged: at no tick were more than max_entries live for certain, and during each call
 * that was refused there was a tick at which max_entries slots may have been in use. The clock
 * orders what it brackets; that the rest of exhaust.c does without it.
 */
#include "stress/refusal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <pendmap/pendmap.h>

#include "stress/team.h"
#include "tests/support/torture_oracle.h"

#define THREADS 8u
#define CALLS 12u /* of each thread in a round */
#define ATTEMPTS (THREADS * CALLS)
#define TICKS (ATTEMPTS * 8u)
#define BOARD 8u
#define ROUNDS_LEAST 64u /* in so many some are refused */

/* A pend, and what became of it. Times of the clock; 0: it did not happen. */
struct attempt {
	uint64_t called, returned; /* the pend */
	uint64_t told, completed;  /* the completion function was called, its caller returned */
	uint64_t handle;
	int result;
};

struct refusals {
	struct team team;
	struct pend_map *map;
	uint32_t room;
	bool keyed;
	struct oracle_clock clock;
	uint64_t began; /* the round */
	struct attempt attempts[ATTEMPTS];
	uint32_t used[THREADS];
	struct cell board[BOARD];
	uint64_t refused, pended, twice;
};

/* The attempt that the thread's complete has ended. */
static _Thread_local struct attempt *ended;

static void told(void *context, const struct pend_operation *operation)
{
	struct refusals *refusals = context;
	struct attempt *attempt = &refusals->attempts[operation->cookie];

	if (attempt->told)
		team_wrong(&refusals->team, "operation %" PRIu64 " is told twice",
			   operation->cookie);
	attempt->told = oracle_now(&refusals->clock);
	ended = attempt;
}

static void attempt_pend(struct refusals *refusals, struct team_member *member)
{
	uint32_t at = member->number * CALLS + refusals->used[member->number]++;
	struct attempt *attempt = &refusals->attempts[at];
	struct pend_request request = { .cookie = at, .now_ns = 1 };
	uint64_t key = at, handle = 0, called = oracle_now(&refusals->clock);

	if (refusals->keyed) {
		request.key = &key;
		request.key_size = sizeof(key);
	}
	attempt->result = pend_map_pend(refusals->map, &request, &handle);
	attempt->returned = oracle_now(&refusals->clock);
	attempt->called = called;
	if (attempt->result == 0)
		(void)cell_swap(&refusals->board[rng_below(&member->rng, BOARD)], handle);
	else
		(void)team_expect(&refusals->team, attempt->result == -ENOSPC, "pend: %d",
				  attempt->result);
}

static void complete(struct refusals *refusals, uint64_t handle)
{
	int result;

	ended = NULL;
	result = pend_map_complete(refusals->map, handle, PEND_ACTION_BLOCK);
	(void)team_expect(&refusals->team, result == 0 && ended, "complete: %d", result);
	if (ended)
		ended->completed = oracle_now(&refusals->clock);
}

static uint32_t step(struct team_member *member)
{
	struct refusals *refusals = member->context;
	uint64_t handle;

	if (refusals->used[member->number] < CALLS && rng_below(&member->rng, 5) < 3) {
		attempt_pend(refusals, member);
		return 1;
	}
	handle = cell_swap(&refusals->board[rng_below(&member->rng, BOARD)], 0);
	if (!handle)
		return 0;
	complete(refusals, handle);
	return 1;
}

/* How many slots may be in use, and how many are for certain, at each tick of the round. */
static void sweep(struct refusals *refusals, int32_t *possible, int32_t *certain)
{
	for (uint32_t i = 0; i < ATTEMPTS; i++) {
		const struct attempt *attempt = &refusals->attempts[i];

		if (!attempt->called || attempt->result)
			continue;
		refusals->pended++;
		possible[attempt->called - refusals->began]++;
		possible[attempt->completed - refusals->began + 1]--;
		if (attempt->returned >= attempt->told)
			continue;
		certain[attempt->returned - refusals->began]++;
		certain[attempt->told - refusals->began]--;
	}
	for (uint32_t tick = 1; tick < TICKS; tick++) {
		possible[tick] += possible[tick - 1];
		certain[tick] += certain[tick - 1];
		(void)team_expect(&refusals->team, certain[tick] <= (int32_t)refusals->room,
				  "%d live, room for %u", certain[tick], refusals->room);
	}
}

static void judge(struct refusals *refusals)
{
	int32_t possible[TICKS] = { 0 }, certain[TICKS] = { 0 };

	if (!team_expect(&refusals->team,
			 oracle_now(&refusals->clock) - refusals->began < TICKS - 1,
			 "more ticks than calls can have"))
		return;
	sweep(refusals, possible, certain);
	for (uint32_t i = 0; i < ATTEMPTS; i++) {
		const struct attempt *attempt = &refusals->attempts[i];
		int32_t peak = 0;

		if (!attempt->called || attempt->result != -ENOSPC)
			continue;
		for (uint64_t at = attempt->called; at <= attempt->returned; at++)
			if (possible[at - refusals->began] > peak)
				peak = possible[at - refusals->began];
		(void)team_expect(&refusals->team, peak >= (int32_t)refusals->room,
				  "refused as full with %d of %u in use", peak, refusals->room);
		refusals->refused++;
	}
}

/* What is left is completed, the round judged, all wiped. */
static void quiet(struct team *team)
{
	struct refusals *refusals = team->context;
	struct pend_cursor cursor = { 0 };
	struct pend_info info;

	while (pend_map_scan(refusals->map, &cursor, &info, NULL, 1) == 1)
		complete(refusals, info.handle);
	for (uint32_t i = 0; i < ATTEMPTS; i++) {
		const struct attempt *attempt = &refusals->attempts[i];

		if (attempt->called && attempt->result == 0)
			(void)team_expect(team, attempt->told && attempt->completed,
					  "operation %u is lost", i);
	}
	if (!cell_read(&team->wrong))
		judge(refusals);
	memset(refusals->attempts, 0, sizeof(refusals->attempts));
	memset(refusals->used, 0, sizeof(refusals->used));
	for (uint32_t i = 0; i < BOARD; i++)
		cell_write(&refusals->board[i], 0);
	refusals->began = oracle_now(&refusals->clock);
}

static void make(struct refusals *refusals)
{
	struct pend_map_options options = pend_map_options_default();
	int status;

	options.max_entries = refusals->room;
	options.key_size = refusals->keyed ? sizeof(uint64_t) : 0;
	options.hash_seed = refusals->team.stress->seed | 1;
	options.on_complete = told;
	options.context = refusals;
	status = pend_map_create(&options, &refusals->map);
	if (status)
		stress_bail("pend_map_create: %s", strerror(-status));
	refusals->began = oracle_now(&refusals->clock);
}

static void run(struct stress *stress, double share, uint32_t threads, uint32_t room, bool keyed)
{
	struct refusals *refusals = aligned_alloc(128, sizeof(*refusals));

	if (!refusals)
		stress_bail("no memory");
	memset(refusals, 0, sizeof(*refusals));
	refusals->room = room;
	refusals->keyed = keyed;
	refusals->team = (struct team){ .stress = stress,
					.name = "refusals",
					.context = refusals,
					.count = threads,
					.steps = CALLS,
					.share = share,
					.step = step,
					.quiet = quiet };
	make(refusals);
	(void)team_run(&refusals->team);
	stress_check(stress,
		     cell_read(&refusals->team.wrong) == 0 &&
			     (refusals->refused > 0 || refusals->team.meetings < ROUNDS_LEAST),
		     "refusals of %u %s by %u threads: %" PRIu64 " of %" PRIu64
		     " justified, beside %" PRIu64 " pends, in %" PRIu64 " rounds",
		     room, keyed ? "keys" : "handles", threads,
		     refusals->refused - cell_read(&refusals->team.wrong), refusals->refused,
		     refusals->pended, refusals->team.meetings);
	if (pend_map_destroy(refusals->map))
		stress_bail("pend_map_destroy");
	free(refusals);
}

void refusal_run(struct stress *stress, double share)
{
	uint32_t threads = stress->threads < THREADS ? stress->threads : THREADS;

	run(stress, share / 3, threads, 1, false);
	run(stress, share / 3, threads, 2, true);
	run(stress, share / 3, threads, threads > 1 ? threads - 1 : 1, false);
}
