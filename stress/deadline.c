/* SPDX-License-Identifier: MIT */
/*
 * deadline.c - deadlines that are met, moved, and decided just before or after they pass
 * (guarantees A and C).
 *
 *   pender: pends with deadlines of a millisecond to forty, by its own clock or the library's;
 *           writes down when it is due
 *   mover:  takes an operation off the board:
 *             much time left    completes, extends or holds it, or lays it back
 *             little time left  waits for a moment around its deadline, and then completes or
 *                               extends it: it or the deadline is first
 *           some are moved far away, stay there, and are put back: somebody has to look for them
 *           at the new time, for nobody does any more at the first
 *
 * What is accepted is what happens: as many operations end by a decision as decisions were accepted,
 * all others by their deadline, and by none before. Who moved a deadline and was told 0 has written
 * down the new one: nothing ends by a deadline that is earlier. And none ends long after it.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stress/load.h"

#define PENDERS 2u
#define MOVERS 3u
#define ENTRIES 4096u /* of each pender */
#define LIFETIME_NS (1200 * NS_PER_MS)
#define FAR_NS (800 * NS_PER_MS) /* where deadlines are put now and then, to be put back */
#define FAR_FOUND_NS (700 * NS_PER_MS)
#define FAR_LEFT_NS (400 * NS_PER_MS)
#define SHORT_MOST_US 2000u
#define LONG_MOST_US 40000u
#define LITTLE_NS (500 * NS_PER_US)
#define AROUND_US 300u /* a contested decision comes at most so much before or after */
#define LATE_MOST_NS (20 * NS_PER_S)
#define LATE_FIGURE_MS 250.0
#define LATE_HARDLY_NS (250 * NS_PER_MS) /* of nine in ten, on the busiest of machines */
#define SELDOM_NS (2 * NS_PER_S)
#define TIMED \
	4u /* a pender looks at the clock before each, and lets the library before one in so many */

struct deadlines {
	struct load load;
	struct cell *due;   /* of each entry: the earliest time at which its deadline may be met */
	struct cell *ended; /* of each entry: the deadline by which it ended */
	struct cell far[LOAD_BOARD]; /* a board of what is due far away */
	struct cell *backs;          /* of each entry: it was far away and was put back */
	struct cell accepted, decided, moved, contested, won, missed, beyond;
	struct cell too_early, too_late, both;
	struct histogram late;
	struct histogram late_back;
};

static struct deadlines *of(struct load_worker *worker)
{
	return worker->load->context;
}

/* What the library begins with when it is given no time: the clock of the last timer interrupt. */
static uint64_t coarse_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void note_late(struct deadlines *deadlines, uint64_t late_ns, bool was_far)
{
	histogram_add(was_far ? &deadlines->late_back : &deadlines->late, late_ns);
	cell_add(&deadlines->too_late, late_ns > stress_patience_ns(LATE_MOST_NS));
}

static void observe(void *context, const struct load_completion *completion)
{
	struct deadlines *deadlines = context;
	struct ledger *ledger = &deadlines->load.ledger;
	const struct pend_operation *operation = completion->operation;
	uint64_t cookie = operation->cookie, now_ns = completion->now_ns, due_ns;
	uint32_t index = ledger_index(cookie);

	if (operation->origin == PEND_ORIGIN_ORCHESTRATOR) {
		cell_add(&deadlines->decided, 1);
		return;
	}
	ledger_note(ledger, &deadlines->ended[index], cookie, operation->deadline_ns);
	due_ns = ledger_noted(ledger, &deadlines->due[index], cookie);
	if (due_ns && (operation->deadline_ns < due_ns || now_ns < due_ns))
		cell_add(&deadlines->too_early, 1);
	if (ledger_decided_ns(ledger, cookie))
		cell_add(&deadlines->both, 1);
	note_late(deadlines, now_ns > operation->deadline_ns ? now_ns - operation->deadline_ns : 0,
		  ledger_noted(ledger, &deadlines->backs[index], cookie) != 0);
}

/* ---- the pender ---- */

/* Returns the cookie, or 0: the entry is in use, or the map is full. */
static uint64_t pend(struct load_worker *worker, uint32_t index)
{
	struct load *load = worker->load;
	struct deadlines *deadlines = of(worker);
	struct pend_request request = { .cookie = ledger_open(&load->ledger, index) };
	uint32_t most_us = rng_one_in(&worker->rng, 2) ? SHORT_MOST_US : LONG_MOST_US;
	uint64_t handle, now_ns = stress_now_ns();
	int status;

	if (!request.cookie)
		return 0;
	request.deadline_ns = PEND_DEADLINE_MIN_NS + rng_below(&worker->rng, most_us) * NS_PER_US;
	if (rng_one_in(&worker->rng, TIMED))
		now_ns = coarse_now_ns();
	else
		request.now_ns = now_ns;
	ledger_note(&load->ledger, &deadlines->due[index], request.cookie,
		    now_ns + request.deadline_ns);
	status = pend_map_pend(load->map, &request, &handle);
	if (status) {
		(void)ledger_close(&load->ledger, request.cookie);
		cell_add(&load->refused, 1);
		if (status != -ENOSPC)
			stress_bail("pend_map_pend: %s", strerror(-status));
		return 0;
	}
	cell_write(&load->ledger.entries[index].handle, handle);
	cell_write(&worker->steps, cell_read(&worker->steps) + 1);
	return request.cookie;
}

static void pender(struct load_worker *worker)
{
	struct load *load = worker->load;

	for (uint32_t at = 0; !load_over(load); at = (at + 1) % worker->entries) {
		uint64_t cookie = pend(worker, worker->first_entry + at);

		/* Where there is no room, it is left to its deadline. */
		if (cookie)
			(void)cell_change(&load->board[rng_below(&worker->rng, LOAD_BOARD)], 0,
					  cookie);
		if (at % 64 == 0)
			sched_yield();
	}
}

/* ---- the mover ---- */

/* Of this round of its entry, or 0: it has ended. */
static uint64_t handle_of(struct load *load, uint64_t cookie)
{
	uint64_t handle = cell_read(&load->ledger.entries[ledger_index(cookie)].handle);
	struct pend_info info;

	if (!handle || pend_map_read(load->map, handle, &info, NULL) || info.cookie != cookie)
		return 0;
	return handle;
}

/* True if it was accepted. Whoever came first is fine. */
static bool is_accepted(int status, const char *what)
{
	if (status && status != -EALREADY && status != -ENOENT)
		stress_bail("%s: %s", what, strerror(-status));
	return status == 0;
}

static bool decide(struct load_worker *worker, uint64_t cookie, uint64_t handle)
{
	struct load *load = worker->load;

	if (!is_accepted(pend_map_complete(load->map, handle, PEND_ACTION_PERMIT_SOFT),
			 "pend_map_complete"))
		return false;
	ledger_decide(&load->ledger, cookie, stress_now_ns());
	cell_add(&of(worker)->accepted, 1);
	if (ledger_noted(&load->ledger, &of(worker)->ended[ledger_index(cookie)], cookie))
		cell_add(&of(worker)->both, 1);
	cell_write(&worker->steps, cell_read(&worker->steps) + 1);
	return true;
}

/* False: it was too late, or the lifetime does not allow it. */
static bool move(struct load_worker *worker, uint64_t cookie, uint64_t handle, uint64_t far_ns,
		 bool hold)
{
	struct load *load = worker->load;
	struct deadlines *deadlines = of(worker);
	uint32_t index = ledger_index(cookie);
	struct cell *due = &deadlines->due[index];
	uint64_t life_ns =
		PEND_DEADLINE_MIN_NS + far_ns + rng_below(&worker->rng, LONG_MOST_US) * NS_PER_US;
	uint64_t old_ns = ledger_noted(&load->ledger, due, cookie);
	uint64_t new_ns = coarse_now_ns() + life_ns, ended_ns;
	int status;

	/* To be moved is also to be due earlier, and it may end before the call has returned. */
	if (!hold && old_ns && new_ns < old_ns)
		ledger_note(&load->ledger, due, cookie, new_ns);
	status = hold ? pend_map_hold(load->map, handle)
		      : pend_map_extend(load->map, handle, life_ns);
	if (status == -ERANGE) {
		cell_add(&deadlines->beyond, 1);
		return false;
	}
	if (!is_accepted(status, "pend_map_extend"))
		return false;
	cell_add(&deadlines->moved, 1);
	/* Where the lifetime ends depends on when it was pended: no word about that. */
	if (hold)
		return true;
	ledger_note(&load->ledger, due, cookie, new_ns);
	if (old_ns > new_ns + FAR_LEFT_NS)
		ledger_note(&load->ledger, &deadlines->backs[index], cookie, new_ns);
	ended_ns = ledger_noted(&load->ledger, &deadlines->ended[index], cookie);
	if (ended_ns && ended_ns < new_ns)
		cell_add(&deadlines->too_early, 1);
	return true;
}

/* A moment around the deadline, and then the deadline or the mover is first. */
static void contest(struct load_worker *worker, uint64_t cookie, uint64_t handle, uint64_t due_ns)
{
	struct deadlines *deadlines = of(worker);
	uint64_t at_ns =
		due_ns + rng_below(&worker->rng, 2 * AROUND_US) * NS_PER_US - AROUND_US * NS_PER_US;
	bool won;

	while (stress_now_ns() < at_ns && !load_over(worker->load))
		sched_yield();
	won = rng_one_in(&worker->rng, 2) ? decide(worker, cookie, handle)
					  : move(worker, cookie, handle, 0, false);
	cell_add(&deadlines->contested, 1);
	cell_add(won ? &deadlines->won : &deadlines->missed, 1);
}

/* What is displaced is decided: its deadline may be far away. */
static void lay_back(struct load_worker *worker, uint64_t cookie)
{
	struct load *load = worker->load;
	uint64_t handle;

	cookie = cell_swap(&load->board[rng_below(&worker->rng, LOAD_BOARD)], cookie);
	handle = cookie ? handle_of(load, cookie) : 0;
	if (handle)
		(void)decide(worker, cookie, handle);
}

static void handle_one(struct load_worker *worker, uint64_t cookie)
{
	struct load *load = worker->load;
	struct deadlines *deadlines = of(worker);
	uint32_t index = ledger_index(cookie);
	uint64_t handle = handle_of(load, cookie);
	uint64_t due_ns = ledger_noted(&load->ledger, &deadlines->due[index], cookie);
	uint64_t now_ns = stress_now_ns();

	if (!handle || !due_ns)
		return; /* its deadline was faster */
	if (due_ns < now_ns + LITTLE_NS) {
		contest(worker, cookie, handle, due_ns);
		return;
	}
	switch (rng_below(&worker->rng, 4)) {
	case 0:
		(void)decide(worker, cookie, handle);
		return;
	case 1:
		if (!rng_one_in(&worker->rng, 2))
			(void)move(worker, cookie, handle, 0, false);
		else if (move(worker, cookie, handle, FAR_NS, false) &&
			 !cell_change(&deadlines->far[index % LOAD_BOARD], 0, cookie))
			(void)decide(worker, cookie, handle);
		return;
	case 2:
		if (rng_one_in(&worker->rng, 16))
			(void)move(worker, cookie, handle, 0, true);
		break;
	default:
		break;
	}
	lay_back(worker, cookie);
}

/* Moves back what has been far away for so long that nobody looks for its first deadline. */
static void fetch_back(struct load_worker *worker)
{
	struct deadlines *deadlines = of(worker);
	struct load *load = worker->load;
	struct cell *place = &deadlines->far[rng_below(&worker->rng, LOAD_BOARD)];
	uint64_t cookie = cell_read(place), due_ns, handle;

	if (!cookie)
		return;
	due_ns = ledger_noted(&load->ledger, &deadlines->due[ledger_index(cookie)], cookie);
	if (due_ns > stress_now_ns() + FAR_FOUND_NS || !cell_change(place, cookie, 0))
		return;
	handle = handle_of(load, cookie);
	if (handle)
		(void)move(worker, cookie, handle, 0, false);
}

static void mover(struct load_worker *worker)
{
	struct load *load = worker->load;
	uint32_t empty = 0;

	while (!load_over(load)) {
		uint64_t cookie = cell_swap(&load->board[rng_below(&worker->rng, LOAD_BOARD)], 0);

		fetch_back(worker);
		if (cookie)
			handle_one(worker, cookie);
		else if (++empty % 16 == 0)
			sched_yield();
	}
}

/* ---- all of it ---- */

static void prepare(struct deadlines *deadlines, struct stress *stress)
{
	struct load *load = &deadlines->load;
	uint32_t penders = stress->threads ? stress->threads : PENDERS;

	load_prepare(load, stress);
	load->observe = observe;
	load->context = deadlines;
	load->entries = stress_room(stress, ENTRIES);
	load->map_options.lifetime_ns = LIFETIME_NS;
	/* Slots are looked at twice in that time anyway: what nothing armed ends that late. */
	load->map_options.deadline_ns = SELDOM_NS;
	for (uint32_t i = 0; i < penders && i < LOAD_WORKERS - MOVERS; i++) {
		struct load_worker *worker = load_add(load, "pender", UINT32_MAX, pender);

		worker->first_entry = load->penders++ * load->entries;
		worker->entries = load->entries;
	}
	for (uint32_t i = 0; i < MOVERS; i++)
		(void)load_add(load, "mover", UINT32_MAX, mover);
	load->map_options.max_entries = load->penders * load->entries;
	deadlines->due = calloc(load->penders * load->entries, sizeof(*deadlines->due));
	deadlines->ended = calloc(load->penders * load->entries, sizeof(*deadlines->ended));
	deadlines->backs = calloc(load->penders * load->entries, sizeof(*deadlines->backs));
	if (!deadlines->due || !deadlines->ended || !deadlines->backs)
		stress_bail("no memory");
}

static void watch(struct deadlines *deadlines)
{
	struct load *load = &deadlines->load;
	struct stress *stress = load->stress;

	while (stress_goes_on(stress, load_steps(load, "pender"))) {
		stress_sleep_ns(5 * NS_PER_MS);
		stress_progress(stress, "%" PRIu64 " decided, %" PRIu64 " met their deadline",
				cell_read(&deadlines->accepted), cell_read(&load->by_deadline));
	}
}

static void check_lateness(struct stress *stress, struct histogram *late, const char *which)
{
	uint64_t most_ns = histogram_quantile(late, 0.9);

	stress_note("lateness %s: p90 %.3f, p99 %.3f, max %.3f ms (%" PRIu64 ")", which,
		    (double)most_ns / (double)NS_PER_MS,
		    (double)histogram_quantile(late, 0.99) / (double)NS_PER_MS,
		    (double)cell_read(&late->most) / (double)NS_PER_MS, histogram_count(late));
	if (stress->small) /* the tool's own speed is all that it would show */
		stress_note("not judged with --small: whether nine of ten are in time");
	else
		stress_check(stress, most_ns <= stress_patience_ns(LATE_HARDLY_NS),
			     "nine of ten are in time %s", which);
	stress_figure(stress, (double)histogram_quantile(late, 0.9999) / (double)NS_PER_MS,
		      LATE_FIGURE_MS, "ms", "lateness at p99.99 %s", which);
}

static void report(struct deadlines *deadlines)
{
	struct load *load = &deadlines->load;
	struct stress *stress = load->stress;
	struct pend_map_stats stats = { .size = sizeof(stats) };
	uint64_t accepted = cell_read(&deadlines->accepted);

	if (pend_map_stats_read(load->map, &stats))
		stress_bail("pend_map_stats_read");
	stress_check(stress, cell_read(&deadlines->decided) == accepted,
		     "%" PRIu64 " decisions were accepted, %" PRIu64 " operations ended by one",
		     accepted, cell_read(&deadlines->decided));
	stress_check(stress, cell_read(&load->by_deadline) == load_steps(load, "pender") - accepted,
		     "the other %" PRIu64 " met their deadline",
		     load_steps(load, "pender") - accepted);
	stress_check(stress, cell_read(&deadlines->both) == 0, "both = %" PRIu64,
		     cell_read(&deadlines->both));
	stress_check(stress, stats.extends == cell_read(&deadlines->moved),
		     "%" PRIu64 " deadlines were moved, the map counts %" PRIu64,
		     cell_read(&deadlines->moved), stats.extends);
	stress_check(stress, cell_read(&deadlines->too_early) == 0,
		     "before the deadline that somebody gave it: %" PRIu64,
		     cell_read(&deadlines->too_early));
	stress_check(stress, cell_read(&deadlines->too_late) == 0,
		     "long after its deadline: %" PRIu64, cell_read(&deadlines->too_late));
	stress_note("%" PRIu64 " contested around their deadline: %" PRIu64 " won, %" PRIu64
		    " too late; %" PRIu64 " beyond their lifetime; refused as full: %" PRIu64,
		    cell_read(&deadlines->contested), cell_read(&deadlines->won),
		    cell_read(&deadlines->missed), cell_read(&deadlines->beyond),
		    cell_read(&load->refused));
	check_lateness(stress, &deadlines->late_back, "of what was far away and put back");
	check_lateness(stress, &deadlines->late, "of all others");
}

int main(int count, char **words)
{
	static struct deadlines deadlines;
	struct stress stress = { .name = "stress_deadline",
				 .purpose = "deadlines met, moved, and contested",
				 .seconds = 20 };
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	stress_limit(stress.seconds * 3 + 60, "deadline");
	prepare(&deadlines, &stress);
	stress_watch(&stress);
	load_start(&deadlines.load);
	watch(&deadlines);
	load_settle(&deadlines.load);
	report(&deadlines);
	load_end(&deadlines.load);
	free(deadlines.due);
	free(deadlines.ended);
	free(deadlines.backs);
	return stress_end(&stress);
}
