/* SPDX-License-Identifier: MIT */
/*
 * torture_agenda.c - no look is late, whoever stands still (guarantees C and E).
 *
 *	deadline_torture_agenda [--rounds N] [--seed N] [--only NAME]
 *
 * Threads arm the slots that they own, others pass, and a warden stops any of them by a signal,
 * wherever it is: in the middle of arming, between a look and its compare-and-swap, on the way up.
 * It holds them over many passes of those that still run, and lets them go on with what they read
 * before. The time is a counter that every pass moves on; it begins just before it wraps.
 *
 * The oracle. A slot wants to be looked at at a tick; its owner writes so, and arms it. A pass notes
 * at its beginning all slots whose arming had returned, whose tick is due and that were not served;
 * when it has returned, each of them has been served, by anybody, or wants something else by now.
 * When all threads are done a last pass serves all that was ever wanted.
 *
 * "once": each slot is armed once and its owner writes plain memory before, which the look reads. So
 * a race detector sees whether the agenda hands it over (DL1).
 */
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "engine/deadline/agenda.h"
#include "tests/deadline/promise_oracle.h"
#include "tests/support/arguments.h"
#include "tests/support/check.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

enum {
	SLOTS_MOST = 4096,
	CREW_MOST = 8,
	BUDGET_PART = 4,  /* one pass in so many has a budget, and is not judged */
	RENEWED_PART = 3, /* one slot in so many is looked at again after it was served */
	HALT_PASSES =
		40,      /* a stopped thread sleeps while the time moves on so far, or about that */
	AGAIN_MOST = 40, /* times: in some nobody looks before the end */
	PATIENCE = 20000, /* yields, and not more than a quarter of the rounds */
};

struct scenario {
	const char *name;
	uint32_t slots, armers, passers;
	uint32_t spread; /* ticks are so far ahead */
	bool halts, once;
};

static const struct scenario scenarios[] = {
	{ "one slot", 1, 1, 2, 3, true, false },
	{ "one line", 8, 2, 3, 5, true, false },
	{ "two lines", 16, 3, 2, 5, true, false },
	{ "three levels", 100, 3, 3, 20, true, false },
	{ "four levels", 1000, 3, 3, 100, true, false },
	{ "four levels, nobody stops", 1000, 2, 2, 100, false, false },
	{ "once", SLOTS_MOST, 3, 3, 20, true, true },
};

static struct arena {
	const struct scenario *scenario;
	struct pendi_agenda agenda;
	struct oracle_ticks ticks;
	struct oracle_promise promises[SLOTS_MOST];
	uint32_t plain[SLOTS_MOST]; /* once: what the look is to find */
	struct oracle_halt halts[CREW_MOST];
	struct oracle_busy armers, workers;
	pthread_t threads[CREW_MOST];
	uint64_t seed, rounds;
	uint64_t judged[CREW_MOST], passes[CREW_MOST]; /* each by its own thread */
} arena;

static uint64_t operations;

static _Thread_local uint32_t self;

static void stand_still(int signal)
{
	struct oracle_halt *halt = &arena.halts[self];

	(void)signal;
	oracle_stand(halt, true);
	while (oracle_halt_wanted(halt))
		(void)sched_yield();
	oracle_stand(halt, false);
}

static bool is_due(uint32_t tick, uint32_t now)
{
	return (int32_t)(tick - now) <= 0;
}

static uint32_t tick_after(uint32_t now, uint32_t distance)
{
	return now + distance == PENDI_TICK_NEVER ? 1 : now + distance;
}

static uint32_t look(void *context, uint32_t slot, uint32_t now)
{
	struct oracle_promise *promise = &arena.promises[slot];
	const struct oracle_want want = oracle_want(promise);

	CHECK(context == &arena);
	CHECK_U64(slot, <, arena.scenario->slots);
	CHECK_U64(want.number, !=, 0);
	if (arena.scenario->once)
		CHECK_U64(arena.plain[slot], ==, want.number);
	if (!is_due(want.tick, now))
		return want.tick;
	oracle_say_served(promise, want.number);
	if (slot % RENEWED_PART || oracle_busy(&arena.armers) == 0)
		return PENDI_TICK_NEVER;
	return tick_after(now, 1 + slot % 7);
}

static void arm(struct rng *rng, uint32_t slot, uint32_t number)
{
	const uint32_t now = oracle_tick(&arena.ticks);
	const uint32_t tick = tick_after(now, rng_below(rng, arena.scenario->spread));

	arena.plain[slot] = number;
	oracle_say_want(&arena.promises[slot], (struct oracle_want){ number, tick });
	pendi_agenda_arm(&arena.agenda, slot, tick);
	oracle_say_armed(&arena.promises[slot], number);
}

static void work_as_armer(struct rng *rng)
{
	const struct scenario *scenario = arena.scenario;
	uint32_t mine = self;

	for (uint64_t i = 1; i <= arena.rounds / scenario->armers; i++) {
		if (self >= scenario->slots)
			break;
		if (scenario->once) {
			if (mine >= scenario->slots)
				break;
			arm(rng, mine, 1);
			mine += scenario->armers;
			continue;
		}

		const uint32_t own = (scenario->slots - self - 1) / scenario->armers + 1;
		const uint32_t slot = self + scenario->armers * rng_below(rng, own);

		/* Mostly when the last want was met, sometimes over its head. */
		if (oracle_served(&arena.promises[slot]) ==
			    oracle_want(&arena.promises[slot]).number ||
		    rng_one_in(rng, 10))
			arm(rng, slot, (uint32_t)i);
		else
			(void)sched_yield();
	}
	oracle_done(&arena.armers);
}

struct noted {
	uint32_t slot, number;
};

/* What a pass that begins now at @now must serve. */
static uint32_t note_due(struct noted *noted, uint32_t now)
{
	uint32_t count = 0;

	for (uint32_t slot = 0; slot < arena.scenario->slots; slot++) {
		const uint32_t number = oracle_armed(&arena.promises[slot]);
		const struct oracle_want want = oracle_want(&arena.promises[slot]);

		if (number && want.number == number && is_due(want.tick, now) &&
		    oracle_served(&arena.promises[slot]) < number)
			noted[count++] = (struct noted){ slot, number };
	}
	return count;
}

static void pass(struct rng *rng, uint32_t now)
{
	static _Thread_local struct noted noted[SLOTS_MOST];
	const uint32_t slots = arena.scenario->slots;

	arena.passes[self]++;
	if (rng_one_in(rng, BUDGET_PART)) {
		const uint32_t budget = rng_below(rng, slots);

		CHECK_U64(pendi_agenda_pass(&arena.agenda, now, budget, look, &arena), <=, budget);
		return;
	}

	const uint32_t count = note_due(noted, now);

	CHECK_U64(pendi_agenda_pass(&arena.agenda, now, UINT32_MAX, look, &arena), <=, slots);
	for (uint32_t i = 0; i < count; i++) {
		struct oracle_promise *promise = &arena.promises[noted[i].slot];

		if (oracle_served(promise) < noted[i].number)
			CHECK_U64(oracle_want(promise).number, !=, noted[i].number);
	}
	arena.judged[self] += count;
}

static void work_as_passer(struct rng *rng)
{
	while (oracle_busy(&arena.armers)) {
		const uint32_t now = oracle_tick(&arena.ticks);
		const uint64_t judged = arena.judged[self];

		if (now != PENDI_TICK_NEVER)
			pass(rng, now);
		oracle_move_on(&arena.ticks);
		if (arena.judged[self] == judged && rng_one_in(rng, 4))
			(void)sched_yield();
	}
}

static bool all_done(void)
{
	return oracle_busy(&arena.workers) == 0;
}

/* Stops a thread, or two, over some passes of the others. */
static void halt_some(struct rng *rng, uint32_t count)
{
	const uint32_t first = rng_below(rng, count), second = rng_below(rng, count);
	const uint32_t chosen[] = { first, rng_one_in(rng, 2) ? first : second };
	const uint32_t until = oracle_tick(&arena.ticks) + rng_below(rng, HALT_PASSES);
	const uint64_t patience = arena.rounds / 4 < PATIENCE ? arena.rounds / 4 : PATIENCE;

	for (uint32_t i = 0; i < 2; i++) {
		oracle_want_halt(&arena.halts[chosen[i]], true);
		if (i == 0 || chosen[1] != first)
			CHECK_INT(pthread_kill(arena.threads[chosen[i]], SIGUSR1), ==, 0);
	}
	/* Bounded: it may have stopped all passers, or nobody may have anything left to do. */
	for (uint64_t i = 0; i < patience && !is_due(until, oracle_tick(&arena.ticks)) &&
			     oracle_busy(&arena.armers);
	     i++)
		(void)sched_yield();
	for (uint32_t i = 0; i < 2; i++)
		oracle_want_halt(&arena.halts[chosen[i]], false);
}

static void work(void *context, uint32_t number, struct crew *crew)
{
	const struct scenario *scenario = arena.scenario;
	const uint32_t workers = scenario->armers + scenario->passers;
	struct rng rng = rng_make(arena.seed, number);

	(void)context;
	self = number;
	arena.threads[number] = pthread_self();
	(void)crew_meet(crew);
	if (number < scenario->armers)
		work_as_armer(&rng);
	else if (number < workers)
		work_as_passer(&rng);
	if (number < workers) {
		oracle_done(&arena.workers);
	} else {
		while (!all_done()) {
			if (scenario->halts)
				halt_some(&rng, workers);
			(void)sched_yield();
		}
	}
	/* Nobody ends while he could still be sent a signal. */
	(void)crew_meet(crew);
}

static void check_end(void)
{
	const uint32_t late = oracle_tick(&arena.ticks) + 2 * arena.scenario->spread + 1000;

	(void)pendi_agenda_pass(&arena.agenda, late, UINT32_MAX, look, &arena);
	for (uint32_t slot = 0; slot < arena.scenario->slots; slot++)
		CHECK_U64(oracle_served(&arena.promises[slot]), ==,
			  oracle_want(&arena.promises[slot]).number);
	CHECK_U64(pendi_agenda_next(&arena.agenda), ==, PENDI_TICK_NEVER);
}

static void run_once(const struct scenario *scenario)
{
	const uint32_t workers = scenario->armers + scenario->passers;

	memset(arena.promises, 0, sizeof(arena.promises));
	memset(arena.plain, 0, sizeof(arena.plain));
	oracle_set_tick(&arena.ticks, 0u - 1000);
	oracle_set_busy(&arena.armers, scenario->armers);
	oracle_set_busy(&arena.workers, workers);
	CHECK_INT(pendi_agenda_init(&arena.agenda, scenario->slots, NULL), ==, 0);
	crew_run(workers + 1, NULL, work);
	check_end();
	pendi_agenda_fini(&arena.agenda, NULL);
}

static bool has_judged(void)
{
	uint64_t judged = 0;

	for (uint32_t i = 0; i < CREW_MOST; i++)
		judged += arena.judged[i];
	return judged > 0;
}

static void run(const struct scenario *scenario, uint64_t rounds, uint64_t seed, struct tap *tap)
{
	const uint64_t times = scenario->once ? 1 + rounds / SLOTS_MOST : 1;
	uint64_t judged = 0, passes = 0, halts = 0;

	arena.scenario = scenario;
	arena.rounds = scenario->once ? UINT64_MAX : rounds;
	memset(arena.judged, 0, sizeof(arena.judged));
	memset(arena.passes, 0, sizeof(arena.passes));
	memset(arena.halts, 0, sizeof(arena.halts));
	for (uint64_t i = 0; i < times || (!has_judged() && i < AGAIN_MOST); i++) {
		arena.seed = seed + i;
		run_once(scenario);
	}
	for (uint32_t i = 0; i < CREW_MOST; i++) {
		judged += arena.judged[i];
		passes += arena.passes[i];
		halts += oracle_halts(&arena.halts[i]);
	}
	printf("# %" PRIu64 " passes, %" PRIu64 " looks judged, %" PRIu64 " halts\n", passes,
	       judged, halts);
	operations += passes + judged;
	tap_report(tap, judged > 0, scenario->name);
}

int main(int count, char **words)
{
	const struct sigaction action = { .sa_handler = stand_still, .sa_flags = SA_RESTART };
	struct arguments arguments = { .rounds = 700000 };
	struct tap tap = { 0 };

	if (!arguments_parse(&arguments, count, words))
		return 2;
	CHECK_INT(sigaction(SIGUSR1, &action, NULL), ==, 0);
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		if (arguments_want(&arguments, scenarios[i].name))
			run(&scenarios[i], arguments.rounds / 7, arguments.seed, &tap);
	}
	printf("operations: %" PRIu64 "\n", operations);
	return tap_end(&tap);
}
