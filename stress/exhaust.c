/* SPDX-License-Identifier: MIT */
/*
 * exhaust.c - more threads than room: a map that is full all the time (guarantees A, D, I).
 *
 *	pend -- 0 ------> keep it, or leave it on the board and keep what was there
 *	  ^  `- -ENOSPC -> complete one --.
 *	  `-------------------------------'
 *
 * Everybody wants more than their share, so pends are refused all the time; about a third of all
 * operations each are pends that were refused, pends that were not, and completions. The account
 * (ledger.h) tells what was lost or told twice. Never more than max_entries are live: in every
 * second interval between two meetings a counter says so at each instant; in the others nothing
 * shared is written but by the library. At each meeting the map must take exactly as many as it has
 * room for: no slot is stranded. Whether refusals were justified is judged by refusal.c, in rounds
 * of their own.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pendmap/pendmap.h>

#include "stress/ledger.h"
#include "stress/refusal.h"
#include "stress/team.h"

#define WANTED 4u /* by each thread */
#define ROOM 2u   /* for each thread */
#define IDLE 32u  /* refusals of a thread that has nothing, until it lets others */
#define STEPS 16384u
#define SETTLE_NS (10 * NS_PER_S)
#define OWN_KEYS (UINT64_C(1) << 32) /* from here on: only for the judge */
#define REFUSALS_SHARE 0.04

struct exhaust_kind {
	const char *name;
	double share; /* of the run */
	uint32_t key_size;
	uint32_t flags;
	bool engine;
};

struct exhaust {
	struct team team;
	const struct exhaust_kind *kind;
	struct pend_engine *engine;
	struct pend_map *map;
	struct ledger ledger;
	uint32_t room;
	struct cell counted; /* in this interval; changes at meetings */
	_Alignas(128) struct cell live;
	_Alignas(128) struct cell most; /* that were live, in intervals that count */
	struct cell board[TEAM_MOST];
	/* For the summary. */
	uint64_t pended, completed, full, held_back, taken;
};

/* What a thread has in its hands. */
struct hands {
	_Alignas(128) uint64_t handles[WANTED];
	uint32_t held, entry, idle;
	uint64_t pended, completed, full, held_back, taken;
};

static struct hands all_hands[TEAM_MOST];

static const struct exhaust_kind kinds[] = {
	{ "handles", 0.70, 0, 0, false },
	{ "keys", 0.12, 8, 0, false },
	{ "pointers", 0.10, 0, PEND_MAP_POINTERS, false },
	{ "an engine", 0.04, 0, PEND_MAP_ENABLED, true },
};

static void told(void *context, const struct pend_operation *operation)
{
	struct exhaust *exhaust = context;

	if (cell_read(&exhaust->counted))
		(void)cell_add(&exhaust->live, UINT64_MAX);
	(void)ledger_close(&exhaust->ledger, operation->cookie);
}

/* One more is live for certain. */
static void count_live(struct exhaust *exhaust)
{
	int64_t live = (int64_t)cell_add(&exhaust->live, 1) + 1;

	if (live > (int64_t)cell_read(&exhaust->most))
		cell_raise(&exhaust->most, (uint64_t)live);
}

/* A closed entry of the thread's own: there are more of them than can be live. */
static uint64_t open_entry(struct exhaust *exhaust, const struct team_member *member)
{
	struct hands *hands = &all_hands[member->number];
	uint64_t cookie = 0;

	for (uint32_t i = 0; i <= exhaust->room && !cookie; i++) {
		hands->entry = hands->entry < exhaust->room ? hands->entry + 1 : 0;
		cookie = ledger_open(&exhaust->ledger,
				     member->number * (exhaust->room + 1) + hands->entry);
	}
	if (!cookie)
		stress_bail("%s: more are live, or lost, than there is room for",
			    exhaust->kind->name);
	return cookie;
}

static int pend(struct exhaust *exhaust, struct team_member *member, uint64_t key, uint64_t *handle)
{
	struct pend_request request = { .cookie = open_entry(exhaust, member), .now_ns = 1 };
	int result;

	if (exhaust->kind->key_size) {
		request.key = &key;
		request.key_size = sizeof(key);
	}
	if (exhaust->engine)
		request.now_ns = 0;
	result = pend_map_pend(exhaust->map, &request, handle);
	if (result)
		(void)ledger_close(&exhaust->ledger, request.cookie);
	else if (cell_read(&exhaust->counted))
		count_live(exhaust);
	return result;
}

static void complete(struct exhaust *exhaust, struct hands *hands, uint64_t handle)
{
	int result = pend_map_complete(exhaust->map, handle, PEND_ACTION_BLOCK);

	(void)team_expect(&exhaust->team, result == 0, "complete of a live operation: %d", result);
	hands->completed++;
}

/* Takes one: its own, or what somebody left. Returns 0 if there is none. */
static uint64_t take(struct exhaust *exhaust, struct hands *hands, struct rng *rng)
{
	struct cell *place = &exhaust->board[rng_below(rng, exhaust->team.count)];

	if (hands->held && !rng_one_in(rng, 4))
		return hands->handles[--hands->held];
	if (cell_read(place))
		return cell_swap(place, 0);
	return hands->held ? hands->handles[--hands->held] : 0;
}

static void keep(struct exhaust *exhaust, struct hands *hands, struct rng *rng, uint64_t handle)
{
	if (rng_one_in(rng, 8))
		handle = cell_swap(&exhaust->board[rng_below(rng, exhaust->team.count)], handle);
	if (handle)
		hands->handles[hands->held++] = handle;
}

static uint32_t step(struct team_member *member)
{
	struct exhaust *exhaust = member->context;
	struct hands *hands = &all_hands[member->number];
	uint64_t handle = 0;
	uint32_t done = 0;
	int result = -ENOSPC;

	if (hands->held < WANTED) {
		result = pend(exhaust, member, rng_below(&member->rng, 2 * exhaust->room), &handle);
		done = 1;
	}
	if (result == 0) {
		hands->pended++;
		keep(exhaust, hands, &member->rng, handle);
		return done;
	}
	if (result == -EAGAIN && exhaust->kind->flags & PEND_MAP_POINTERS)
		hands->held_back++;
	else if (result == -EEXIST && exhaust->kind->key_size)
		hands->taken++;
	else if (team_expect(&exhaust->team, result == -ENOSPC, "pend: %d", result))
		hands->full += done;
	handle = take(exhaust, hands, &member->rng);
	if (handle) {
		complete(exhaust, hands, handle);
		return done + 1;
	}
	if (++hands->idle % IDLE == 0)
		(void)sched_yield(); /* those who have something are to get a CPU */
	return done;
}

/* Sums up what the threads did. All stand still. */
static void sum_up(struct exhaust *exhaust)
{
	exhaust->pended = exhaust->completed = exhaust->full = exhaust->held_back = exhaust->taken =
		0;
	for (uint32_t i = 0; i < exhaust->team.count; i++) {
		exhaust->pended += all_hands[i].pended;
		exhaust->completed += all_hands[i].completed;
		exhaust->full += all_hands[i].full;
		exhaust->held_back += all_hands[i].held_back;
		exhaust->taken += all_hands[i].taken;
	}
}

static struct pend_map_stats read_stats(struct exhaust *exhaust)
{
	struct pend_map_stats stats = { .size = sizeof(stats) };

	if (pend_map_stats_read(exhaust->map, &stats))
		stress_bail("pend_map_stats_read");
	return stats;
}

/* Executors have told, and counted, all that was decided. */
static void settle(struct exhaust *exhaust)
{
	uint64_t give_up_ns = stress_now_ns() + stress_patience_ns(SETTLE_NS);

	while (exhaust->engine && read_stats(exhaust).completions < exhaust->completed &&
	       stress_now_ns() < give_up_ns)
		stress_sleep_ns(NS_PER_MS / 10);
}

/* The map takes exactly as many as there is room for: then they are completed. */
static void check_room(struct exhaust *exhaust, uint32_t live)
{
	struct team *team = &exhaust->team;
	struct hands *hands = &all_hands[0];
	uint64_t handles[TEAM_MOST * ROOM];
	uint32_t count = 0;
	int result = 0;

	while (count + live < exhaust->room && result == 0) {
		result = pend(exhaust, &team->members[0], OWN_KEYS + count, &handles[count]);
		count += result == 0;
	}
	/* Slots may wait for a reader; that none is stranded is for other kinds to show. */
	if (result != -EAGAIN || !(exhaust->kind->flags & PEND_MAP_POINTERS)) {
		(void)team_expect(team, result == 0, "%u live and %u more pended: %d, room for %u",
				  live, count, result, exhaust->room);
		if (result == 0) {
			uint64_t handle;

			result = pend(exhaust, &team->members[0], OWN_KEYS + count, &handle);
			hands->full += result == -ENOSPC;
			(void)team_expect(team, result == -ENOSPC, "one too many: %d", result);
		}
	} else {
		hands->held_back++;
	}
	for (uint32_t i = 0; i < count; i++)
		complete(exhaust, hands, handles[i]);
	hands->pended += count;
}

/* The counters are what the threads counted, and the account agrees with them. */
static void check_account(struct exhaust *exhaust)
{
	struct team *team = &exhaust->team;
	struct pend_map_stats stats;
	uint32_t open;

	sum_up(exhaust);
	settle(exhaust);
	open = ledger_open_count(&exhaust->ledger);
	stats = read_stats(exhaust);
	(void)team_expect(team,
			  stats.pends == exhaust->pended &&
				  stats.completions == exhaust->completed &&
				  stats.refused_full == exhaust->full &&
				  stats.refused_reserve == exhaust->held_back &&
				  stats.refused_key == exhaust->taken,
			  "counted %" PRIu64 " pends, %" PRIu64 " completions, %" PRIu64
			  " refused; the threads %" PRIu64 ", %" PRIu64 ", %" PRIu64,
			  stats.pends, stats.completions, stats.refused_full, exhaust->pended,
			  exhaust->completed, exhaust->full);
	(void)team_expect(team, stats.pends == stats.completions + stats.live && stats.live == open,
			  "%" PRIu64 " live, %u open in the ledger", stats.live, open);
	(void)team_expect(team, open <= exhaust->room, "%u live, room for %u", open, exhaust->room);
}

static void quiet(struct team *team)
{
	struct exhaust *exhaust = team->context;
	uint32_t open;

	check_account(exhaust);
	open = ledger_open_count(&exhaust->ledger);
	cell_write(&exhaust->counted, 0);
	if (open <= exhaust->room)
		check_room(exhaust, open);
	check_account(exhaust);
	cell_write(&exhaust->live, open);
	cell_write(&exhaust->counted, team->meetings % 2 == 0);
}

static void make(struct exhaust *exhaust)
{
	const struct pend_engine_options engine = stress_engine_options(exhaust->team.stress);
	struct pend_map_options options = pend_map_options_default();
	int status = 0;

	exhaust->room = exhaust->team.count * ROOM;
	options.max_entries = exhaust->room;
	options.key_size = exhaust->kind->key_size;
	options.flags = exhaust->kind->flags;
	options.deadline_ns = PEND_DEADLINE_NONE;
	options.hash_seed = exhaust->team.stress->seed | 1;
	options.on_complete = told;
	options.context = exhaust;
	if (exhaust->kind->engine) {
		status = pend_engine_create(&engine, &exhaust->engine);
		status = status ? status : pend_engine_enable(exhaust->engine);
		options.engine = exhaust->engine;
	}
	status = status ? status : pend_map_create(&options, &exhaust->map);
	if (status)
		stress_bail("pend_map_create: %s", strerror(-status));
	if (!ledger_make(&exhaust->ledger, exhaust->team.count * (exhaust->room + 1)))
		stress_bail("no memory for the ledger");
	memset(all_hands, 0, sizeof(all_hands));
	cell_write(&exhaust->counted, 1);
}

/* What was left is completed; nothing is open any more. */
static void finish(struct exhaust *exhaust)
{
	struct stress *stress = exhaust->team.stress;
	uint64_t handle, pended;
	const char *name = exhaust->kind->name;

	for (uint32_t i = 0; i < exhaust->team.count; i++) {
		while (all_hands[i].held)
			complete(exhaust, &all_hands[0], all_hands[i].handles[--all_hands[i].held]);
		handle = cell_read(&exhaust->board[i]);
		if (handle)
			complete(exhaust, &all_hands[0], handle);
	}
	check_account(exhaust);
	pended = exhaust->pended;
	stress_check(stress,
		     ledger_open_count(&exhaust->ledger) == 0 && exhaust->completed == pended,
		     "%s: lost = %u of %" PRIu64 " pended", name,
		     ledger_open_count(&exhaust->ledger), pended);
	stress_check(
		stress,
		cell_read(&exhaust->ledger.duplicates) + cell_read(&exhaust->ledger.strangers) == 0,
		"%s: duplicate = %" PRIu64 ", never pended = %" PRIu64, name,
		cell_read(&exhaust->ledger.duplicates), cell_read(&exhaust->ledger.strangers));
	stress_check(stress, cell_read(&exhaust->most) <= exhaust->room,
		     "%s: %" PRIu64 " live at most, room for %u: overshoot = %" PRIu64, name,
		     cell_read(&exhaust->most), exhaust->room,
		     cell_read(&exhaust->most) > exhaust->room
			     ? cell_read(&exhaust->most) - exhaust->room
			     : 0);
	stress_check(stress, cell_read(&exhaust->team.wrong) == 0,
		     "%s: wrong results = %" PRIu64 "; room and account agreed at %" PRIu64
		     " meetings",
		     name, cell_read(&exhaust->team.wrong), exhaust->team.meetings);
	stress_check(stress, exhaust->full > 0,
		     "%s: refused as full: %" PRIu64 ", held back: %" PRIu64
		     ", key taken: %" PRIu64,
		     name, exhaust->full, exhaust->held_back, exhaust->taken);
	if (pend_map_destroy(exhaust->map) ||
	    (exhaust->engine && pend_engine_destroy(exhaust->engine)))
		stress_bail("destroy");
	ledger_free(&exhaust->ledger);
}

static void run_kind(struct stress *stress, const struct exhaust_kind *kind)
{
	struct exhaust *exhaust = aligned_alloc(128, sizeof(*exhaust));
	uint64_t began_ns = stress_now_ns(), operations;

	if (!exhaust)
		stress_bail("no memory");
	memset(exhaust, 0, sizeof(*exhaust));
	exhaust->kind = kind;
	exhaust->team = (struct team){ .stress = stress,
				       .name = kind->name,
				       .context = exhaust,
				       .count = stress->threads,
				       .steps = kind->engine ? STEPS / 8 : STEPS,
				       .share = kind->share,
				       .step = step,
				       .quiet = quiet };
	make(exhaust);
	operations = team_run(&exhaust->team);
	finish(exhaust);
	stress_note("%s: %" PRIu64 " operations, %" PRIu64 " pended and completed, %.2f M/s",
		    kind->name, operations, exhaust->completed,
		    (double)operations * 1e3 / (double)(stress_now_ns() - began_ns));
	free(exhaust);
}

int main(int count, char **words)
{
	struct stress stress = { .name = "stress_exhaust",
				 .purpose = "more threads than room: a map that is always full",
				 .seconds = 10,
				 .threads = 8 };
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	stress_limit(stress.seconds * 2 + 120, "threads that want more than there is");
	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !stress.failures; i++)
		run_kind(&stress, &kinds[i]);
	if (!stress.failures)
		refusal_run(&stress, REFUSALS_SHARE);
	return stress_end(&stress);
}
