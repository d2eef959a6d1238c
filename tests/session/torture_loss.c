/* SPDX-License-Identifier: MIT */
/*
 * torture_loss.c - losses racing with pends, reads, leases and heirs (guarantees A, E, I).
 *
 *	session_torture_loss [--rounds N] [--seed N] [--only NAME]
 *
 * A little map: cells that are published before the commit, and searched when a session is lost, as
 * maps do it. In each round penders pend for the current session until they are refused, while one
 * thread ends it, two at once, and another reads.
 *
 *	none is missed	   after the round each cell of that session was found by the search, or its
 *			   pender was told by commit; except with PEND_LOSS_HAND_OVER, where each
 *			   is still there for the heir, who reads its notice
 *	once		   one of those who end a session is told that he did, and the maps are
 *			   searched once
 *	nothing is lost	   whoever finds a cell takes it by exchange and releases its share; in the
 *			   end a session owns nothing, and its number is used again
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/session/fixture.h"
#include "tests/support/arguments.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

enum { PENDERS = 3, ENDERS = 2, CELLS = 64, THREADS = PENDERS + ENDERS + 1 };

/* A cell: 0 or 1 + the number of the session that owns it. */
struct arena {
	struct fixture fixture;
	struct oracle_cells cells;
	enum pend_on_loss on_loss;
	bool by_lease; /* one of the enders breaks the lease instead */
	bool bounded;  /* with a share */
	uint64_t seed, rounds;
	struct pend_session *session; /* of this round; written between meetings */
	int lease;
	struct oracle_flag ended, found, told, pended, refused, read;
	uint32_t pended_before, live;
	uint32_t gone; /* notices that nobody read before nothing was left to inherit */
};

static struct arena *arena_of_client;

static void search(struct pendi_client *client, uint32_t owner, uint32_t action)
{
	struct arena *arena = arena_of_client;

	oracle_tell(&arena->fixture.told, owner, action);
	for (uint32_t i = 0; i < PENDERS * CELLS; i++)
		if (oracle_cell_take(&arena->cells, i, owner)) {
			(void)oracle_bump(&arena->found);
			pendi_session_release(client->engine, owner);
		}
}

/* Pends in cells of his own until refused. */
static void run_pender(struct arena *arena, uint32_t number)
{
	const uint32_t owner = pendi_session_number(arena->session);

	for (uint32_t i = 0; i < CELLS; i++) {
		const uint32_t cell = number * CELLS + i;
		const struct pend_notice notice = fixture_notice(cell);
		struct pendi_ticket ticket;
		const int error =
			pendi_session_reserve(arena->session, arena->fixture.engine, 0, &ticket);

		if (error == -ESHUTDOWN)
			return;
		if (error) {
			CHECK(error == -ENOBUFS || (error == -EDQUOT && arena->bounded));
			(void)oracle_bump(&arena->refused);
			(void)sched_yield();
			continue;
		}
		if (oracle_cell_get(&arena->cells, cell)) { /* an heir's, from before */
			pendi_session_discard(&ticket);
			continue;
		}
		oracle_cell_publish(&arena->cells, cell, owner);
		(void)oracle_bump(&arena->pended);
		if (pendi_session_commit(&ticket, &notice, &notice.handle) &&
		    oracle_cell_take(&arena->cells, cell, owner)) {
			(void)oracle_bump(&arena->told);
			pendi_session_release(arena->fixture.engine, owner);
		}
	}
}

static void run_ender(struct arena *arena, uint32_t number, struct rng *rng)
{
	for (uint32_t i = rng_below(rng, 200); i > 0; i--)
		(void)sched_yield();
	if (arena->by_lease && number == 0) {
		CHECK_INT(close(arena->lease), ==, 0);
		return;
	}

	const int error = pend_session_close(arena->session);

	CHECK(error == 0 || error == -ESHUTDOWN);
	if (error == 0)
		(void)oracle_bump(&arena->ended);
}

static void run_reader(struct arena *arena)
{
	struct pend_notice notices[8];
	int got;

	while ((got = pend_session_read(arena->session, notices, NULL, 8)) >= 0) {
		for (int i = 0; i < got; i++) {
			CHECK_U64(notices[i].handle, <, PENDERS * CELLS);
			CHECK_U64(notices[i].cookie, ==, ~notices[i].handle);
			(void)oracle_bump(&arena->read);
		}
		(void)sched_yield();
	}
	CHECK_INT(got, ==, -ESHUTDOWN);
}

static void next_session(struct arena *arena)
{
	struct pend_session_options options = fixture_options(arena->on_loss);

	options.notices = 64;
	options.max_live = arena->bounded ? 20 : 0;
	arena->session = fixture_open(&arena->fixture, &options);
	if (arena->by_lease) {
		arena->lease = pend_session_lease(arena->session);
		CHECK_INT(arena->lease, >=, 0);
	}
}

/* How many cells are taken; each is @owner's. */
static uint32_t cells_live(struct arena *arena, uint32_t owner)
{
	uint32_t live = 0;

	for (uint32_t i = 0; i < PENDERS * CELLS; i++) {
		const uint32_t cell = oracle_cell_get(&arena->cells, i);

		CHECK(cell == 0 || cell == owner + 1);
		live += cell != 0;
	}
	return live;
}

/* What the heir finds to read: all that nobody read yet; or nothing, if no operation was left
 * (@live 0): then the seat was given up with its notices. */
static void judge_inheritance(struct arena *arena, uint32_t live)
{
	const uint32_t unread = oracle_get(&arena->pended) - oracle_get(&arena->read) - arena->gone;
	const uint64_t waiting = fixture_stats(arena->session).waiting;

	CHECK(waiting == unread || (waiting == 0 && live == 0));
	arena->gone += unread - (uint32_t)waiting;
}
/* All have met; the monitor may still be on its way. */
static void judge(struct arena *arena, uint64_t round)
{
	const uint32_t owner = pendi_session_number(arena->session);
	const bool handed = arena->on_loss == PEND_LOSS_HAND_OVER;

	CHECK_INT(pendi_session_check(arena->session), ==, -ESHUTDOWN);
	for (int i = 0; !handed && i < 20000 && oracle_told_calls(&arena->fixture.told) <= round;
	     i++)
		(void)poll(NULL, 0, 1);
	CHECK_U64(oracle_told_calls(&arena->fixture.told), ==, handed ? 0 : round + 1);
	CHECK_U64(oracle_get(&arena->ended), <=, round + 1);
	if (!arena->by_lease)
		CHECK_U64(oracle_get(&arena->ended), ==, round + 1);
	for (int i = 0; !handed && i < 20000 && cells_live(arena, owner); i++)
		(void)poll(NULL, 0, 1); /* the search by the monitor */

	const uint32_t live = cells_live(arena, owner);

	next_session(arena);
	if (handed)
		judge_inheritance(arena, live);
	if (handed && fixture_stats(arena->session).live) {
		CHECK_U64(pendi_session_number(arena->session), ==, owner);
		CHECK_U64(fixture_stats(arena->session).live, ==, cells_live(arena, owner));
	} else {
		CHECK_U64(cells_live(arena, owner), ==, 0);
		CHECK_U64(fixture_stats(arena->session).live, ==, 0);
		CHECK_U64(pendi_session_number(arena->session), <=, 3);
	}
	/* Some of the heir's are completed, so that there is room. */
	for (uint32_t i = 0; handed && i < PENDERS * CELLS; i++)
		if ((i + round) % 3 && oracle_cell_take(&arena->cells, i, owner))
			pendi_session_release(arena->fixture.engine, owner);
}

static void run_thread(void *context, uint32_t number, struct crew *crew)
{
	struct arena *arena = context;
	struct rng rng = rng_make(arena->seed, number);

	for (uint64_t round = 0; round < arena->rounds; round++) {
		(void)crew_meet(crew);
		if (number < PENDERS)
			run_pender(arena, number);
		else if (number < PENDERS + ENDERS)
			run_ender(arena, number - PENDERS, &rng);
		else
			run_reader(arena);
		if (crew_meet(crew))
			judge(arena, round);
	}
}

/* The last heir reads what is left: each operation was told to one of them. */
static void check_all_read(struct arena *arena)
{
	struct pend_notice notices[8];
	int got;

	while ((got = pend_session_read(arena->session, notices, NULL, 8)) > 0)
		while (got--)
			(void)oracle_bump(&arena->read);
	CHECK_U64(oracle_get(&arena->read) + arena->gone, ==, oracle_get(&arena->pended));
}

/* Returns how many operations were pended. */
static uint64_t run_scenario(struct arena *arena, const char *name,
			     const struct arguments *arguments)
{
	arena_of_client = arena;
	fixture_begin(&arena->fixture);
	arena->fixture.client.disown = search;
	arena->seed = arguments->seed;
	arena->rounds = arguments->rounds;
	next_session(arena);
	crew_run(THREADS, arena, run_thread);
	if (arena->on_loss == PEND_LOSS_HAND_OVER)
		check_all_read(arena);
	if (arena->by_lease)
		close(arena->lease);
	(void)pend_session_close(arena->session);
	printf("# %s: %" PRIu32 " pended, %" PRIu32 " found by the search, %" PRIu32
	       " by the pender, %" PRIu32 " read, %" PRIu32 " refused\n",
	       name, oracle_get(&arena->pended), oracle_get(&arena->found),
	       oracle_get(&arena->told), oracle_get(&arena->read), oracle_get(&arena->refused));
	fixture_end(&arena->fixture);
	return oracle_get(&arena->pended);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		enum pend_on_loss on_loss;
		bool by_lease, bounded;
	} scenarios[] = {
		{ "closed, blocked", PEND_LOSS_BLOCK, false, false },
		{ "closed, with a share", PEND_LOSS_KEEP, false, true },
		{ "lease broken while closed", PEND_LOSS_PERMIT, true, false },
		{ "handed over", PEND_LOSS_HAND_OVER, false, false },
		{ "handed over, lease broken", PEND_LOSS_HAND_OVER, true, true },
	};
	struct arguments arguments = { .rounds = 2000 };
	struct tap tap = { 0 };
	uint64_t operations = 0;

	if (!arguments_parse(&arguments, argc, argv))
		return 2;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		static struct arena arena;

		if (!arguments_want(&arguments, scenarios[i].name))
			continue;
		memset(&arena, 0, sizeof(arena));
		arena.on_loss = scenarios[i].on_loss;
		arena.by_lease = scenarios[i].by_lease;
		arena.bounded = scenarios[i].bounded;
		operations += run_scenario(&arena, scenarios[i].name, &arguments);
		tap_report(&tap, 1, scenarios[i].name);
	}
	printf("operations: %" PRIu64 "\n", operations);
	return tap_end(&tap);
}
