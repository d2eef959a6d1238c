/* SPDX-License-Identifier: MIT */
/*
 * torture_queue.c - a queue under fire (guarantee E: nobody who stalls is waited for).
 *
 *	queue_torture_queue [--rounds N] [--seed N] [--only NAME]
 *
 * Producers push numbered items, singly and in bunches, through a ring so small that it goes round
 * all the time; consumers peek, serve and advance, and now and then walk away from a window that
 * they served half. One more thread freezes the others, one at a time, wherever they are (by a
 * signal), until the rest has gone on for several laps. What must hold:
 *
 *	whole	each item in a window is one that was pushed, and its consumer sees what its
 *		producer wrote before, in plain memory: a race detector sees whether the queue
 *		itself hands it over.
 *	kept	each item that was pushed was served by a consumer that served all of its window.
 *	counted	the head has passed as many positions as items were pushed.
 *	free	while a thread is frozen the others go on.
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/queue/queue.h"
#include "tests/support/arguments.h"
#include "tests/support/check.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"
#include "tests/support/torture_oracle.h"

enum {
	BUNCH_MOST = 24,
	FREEZE_LAPS = 3,
	FREEZE_LIMIT_S = 20, /* nobody moved for so long: they wait for the frozen one */
	PRODUCER_SHIFT = 36,
};

struct scenario {
	const char *name;
	uint32_t producers, consumers, capacity;
	uint32_t bunch;   /* the most items of one push */
	uint32_t abandon; /* one window in so many is abandoned; 0: none */
	uint32_t share;   /* of the rounds, in percent */
};

static const struct scenario scenarios[] = {
	{ "1 to 1", 1, 1, 16, 1, 0, 15 },
	{ "1 to 1, bunches", 1, 1, 16, BUNCH_MOST, 0, 15 },
	{ "4 to 1", 4, 1, 16, 1, 0, 10 },
	{ "4 to 1, bunches, windows abandoned", 4, 1, 16, BUNCH_MOST, 4, 15 },
	{ "2 to 3, windows abandoned", 2, 3, 16, 1, 3, 15 },
	{ "3 to 3, bunches, windows abandoned", 3, 3, 32, 9, 3, 15 },
	{ "6 to 2, a longer ring", 6, 2, 256, BUNCH_MOST, 8, 15 },
};

struct item {
	uint32_t mark; /* plain: written before the push */
	struct oracle_owner served;
};

struct arena {
	const struct scenario *scenario;
	struct pendi_queue queue;
	uint64_t seed, each; /* items of each producer */
	struct item *items;
	struct oracle_sum finished; /* producers */
	struct oracle_sum windows, abandoned, refused, frozen;
};

/* The freezer and the thread that it froze; relaxed in all uses: they only tell when to go on. */
static _Atomic uint32_t thaw, frozen;

static uint32_t mark_of(uint64_t index)
{
	return (uint32_t)(index * 2654435761u) | 1;
}

static uint64_t item_at(const struct arena *arena, uint64_t index)
{
	return (index / arena->each) << PRODUCER_SHIFT | index % arena->each;
}

static uint64_t index_of(const struct arena *arena, uint64_t item)
{
	CHECK_U64(item >> PRODUCER_SHIFT, <, arena->scenario->producers);
	CHECK_U64(item & ((1ull << PRODUCER_SHIFT) - 1), <, arena->each);
	return (item >> PRODUCER_SHIFT) * arena->each + (item & ((1ull << PRODUCER_SHIFT) - 1));
}

static void produce(struct arena *arena, uint32_t number)
{
	struct rng rng = rng_make(arena->seed, number);
	const uint64_t end = (number + 1) * arena->each;
	uint64_t next = number * arena->each;

	while (next < end) {
		uint64_t items[BUNCH_MOST], pushed;
		uint64_t count = 1 + rng_below(&rng, arena->scenario->bunch);

		count = count < end - next ? count : end - next;
		for (uint64_t i = 0; i < count; i++) {
			items[i] = item_at(arena, next + i);
			arena->items[next + i].mark = mark_of(next + i);
		}
		if (count == 1 && rng_one_in(&rng, 2))
			pushed = pendi_queue_push(&arena->queue, items[0]);
		else
			pushed = pendi_queue_push_many(&arena->queue, items, (uint32_t)count);
		CHECK_U64(pushed, <=, count);
		if (pushed < count) {
			oracle_add(&arena->refused, 1);
			if (rng_one_in(&rng, 2))
				(void)sched_yield();
		}
		next += pushed;
	}
	oracle_add(&arena->finished, 1);
}

/* Half of it, if @whole is not. */
static void serve(struct arena *arena, const struct pendi_queue_window *window, bool whole)
{
	CHECK_U64(window->count, <=, PENDI_QUEUE_WINDOW);
	for (uint32_t i = 0; i < (whole ? window->count : window->count / 2); i++) {
		const uint64_t index = index_of(arena, window->items[i]);

		CHECK_U64(arena->items[index].mark, ==, mark_of(index));
		if (whole)
			(void)oracle_hand(&arena->items[index].served, 1);
	}
}

static void consume(struct arena *arena, uint32_t number)
{
	const struct scenario *scenario = arena->scenario;
	struct rng rng = rng_make(arena->seed, 100 + number);
	struct pendi_queue_window window;

	for (;;) {
		const bool last = oracle_total(&arena->finished) == scenario->producers;

		if (!pendi_queue_peek(&arena->queue, &window)) {
			CHECK_U64(window.count, ==, 0);
			if (last)
				return;
			(void)sched_yield();
			continue;
		}
		oracle_add(&arena->windows, 1);
		if (scenario->abandon && rng_one_in(&rng, scenario->abandon)) {
			serve(arena, &window, false);
			oracle_add(&arena->abandoned, 1);
			continue;
		}
		serve(arena, &window, true);
		pendi_queue_advance(&arena->queue, &window);
	}
}

static void freeze(int signal)
{
	(void)signal;
	/* relaxed, all: see above. */
	pendi_store_relaxed(&frozen, 1);
	while (!pendi_load_relaxed(&thaw))
		(void)sched_yield();
	pendi_store_relaxed(&frozen, 0);
}

static uint64_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

static uint64_t head_of(struct arena *arena)
{
	/* relaxed: an estimate of how far they came */
	return pendi_load_relaxed(&arena->queue.head);
}

static bool over(struct arena *arena, bool victim_produces)
{
	return oracle_total(&arena->finished) + victim_produces >= arena->scenario->producers;
}

/* Freezes @victim until the others went on for some laps. */
static void freeze_one(struct arena *arena, pthread_t victim, bool produces)
{
	/* relaxed, all: see above. */
	pendi_store_relaxed(&thaw, 0);
	CHECK_INT(pthread_kill(victim, SIGUSR1), ==, 0);
	while (!pendi_load_relaxed(&frozen) && !over(arena, produces))
		(void)sched_yield();

	const uint64_t limit = seconds() + FREEZE_LIMIT_S;
	const uint64_t head = head_of(arena);

	while (head_of(arena) < head + FREEZE_LAPS * arena->scenario->capacity &&
	       !over(arena, produces)) {
		if (seconds() > limit)
			CHECK_NEVER("the others go on while one is frozen");
		(void)sched_yield();
	}
	/* relaxed, both: as above. */
	pendi_store_relaxed(&thaw, 1);
	while (pendi_load_relaxed(&frozen))
		(void)sched_yield();
	oracle_add(&arena->frozen, 1);
}

static void freeze_them(struct arena *arena, struct crew *crew)
{
	const struct scenario *scenario = arena->scenario;
	struct rng rng = rng_make(arena->seed, 200);
	const uint32_t first = scenario->producers > 1 ? 0 : 1;
	const uint32_t end =
		scenario->producers + (scenario->consumers > 1 ? scenario->consumers : 0);

	while (first < end && !over(arena, true)) {
		const uint32_t victim = first + rng_below(&rng, end - first);

		freeze_one(arena, crew->members[victim].thread, victim < scenario->producers);
		for (uint32_t i = rng_below(&rng, 20); i; i--)
			(void)sched_yield();
	}
}

static void work(void *context, uint32_t number, struct crew *crew)
{
	struct arena *arena = context;
	const struct scenario *scenario = arena->scenario;

	(void)crew_meet(crew);
	if (number < scenario->producers)
		produce(arena, number);
	else if (number < scenario->producers + scenario->consumers)
		consume(arena, number);
	else
		freeze_them(arena, crew);
	(void)crew_meet(crew); /* so that none that is signalled has ended */
}

static void judge(struct arena *arena)
{
	const uint64_t total = arena->each * arena->scenario->producers;

	for (uint64_t i = 0; i < total; i++)
		if (!oracle_holder(&arena->items[i].served)) {
			printf("# item %" PRIu64 " of %" PRIu64 " was pushed and never served\n", i,
			       total);
			CHECK_NEVER("an item lost");
		}
	CHECK_U64(head_of(arena), ==, arena->scenario->capacity + total);
	CHECK(pendi_queue_is_empty(&arena->queue));
}

static void run_scenario(const struct scenario *scenario, const struct arguments *arguments,
			 uint64_t *operations)
{
	static struct arena arena;

	memset(&arena, 0, sizeof(arena));
	arena.scenario = scenario;
	arena.seed = arguments->seed;
	arena.each = 1 + arguments->rounds * scenario->share / 100 / scenario->producers;
	arena.items = calloc(arena.each * scenario->producers, sizeof(*arena.items));
	CHECK(arena.items != NULL);
	CHECK_INT(pendi_queue_init(&arena.queue, scenario->capacity, NULL), ==, 0);
	crew_run(scenario->producers + scenario->consumers + 1, &arena, work);
	judge(&arena);
	printf("# %s: %" PRIu64 " items, %" PRIu64 " windows, %" PRIu64 " abandoned, %" PRIu64
	       " pushes found it full, %" PRIu64 " threads frozen\n",
	       scenario->name, arena.each * scenario->producers, oracle_total(&arena.windows),
	       oracle_total(&arena.abandoned), oracle_total(&arena.refused),
	       oracle_total(&arena.frozen));
	*operations += arena.each * scenario->producers;
	pendi_queue_fini(&arena.queue, NULL);
	free(arena.items);
}

int main(int argc, char **argv)
{
	struct arguments arguments = { .rounds = 4000000 };
	struct sigaction action = { .sa_handler = freeze };
	uint64_t operations = 0;
	struct tap tap = { 0 };

	if (!arguments_parse(&arguments, argc, argv))
		return 2;
	CHECK_INT(sigaction(SIGUSR1, &action, NULL), ==, 0);
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		if (!arguments_want(&arguments, scenarios[i].name))
			continue;
		run_scenario(&scenarios[i], &arguments, &operations);
		tap_report(&tap, 1, scenarios[i].name);
	}

	const int status = tap_end(&tap);

	printf("# operations: %" PRIu64 "\n", operations);
	return status;
}
