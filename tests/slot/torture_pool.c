/* SPDX-License-Identifier: MIT */
/*
 * torture_pool.c - the exact bound of the pool under fire (guarantee D).
 *
 *	slot_torture_pool [--rounds N] [--seed N] [--only NAME]
 *
 * Threads race for the slots of one pool, in scenarios that keep it at its bound: one slot, one
 * fewer than threads, as many as threads, more; with pockets and without. Each scenario runs twice:
 *
 *	at full speed	N takes in all. Each slot has an owner cell: who takes a slot that has an
 *			owner has found a double hand-out. Nothing in this oracle orders anything,
 *			and each owner writes plain memory of the slot, so a race detector sees
 *			whether the pool itself hands the slot over. Where there are as many slots
 *			as threads can hold, no take may be refused at all.
 *	with a log	short rounds in which each call notes when it began and ended, by a clock
 *			that all share. Then each refusal is judged: a slot is surely free from
 *			the end of the put that freed it to the beginning of the take that got it;
 *			a refusal is wrong if at every instant between its beginning and its end
 *			some slot was surely free. (Otherwise there is an instant at which each
 *			slot was held or on its way, at which the refusal may have taken effect.)
 *
 * After each part all slots can be taken again, each once, and one more take is refused.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "engine/slot/pool.h"
#include "platform/script.h"
#include "tests/support/arguments.h"
#include "tests/support/check.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"
#include "tests/support/torture_oracle.h"

enum {
	SLOTS_MOST = 1024,
	HOLD_MOST = 16,
	ROUND_CALLS = 40, /* calls of each thread in a logged round */
	LOG_PART = 10,    /* one call in so many is made in a logged round */
	ROUND_EVENTS = 24 * ROUND_CALLS + 2 * HOLD_MOST,
};

enum pockets {
	BARE,   /* none */
	LIGHT,  /* with the asymmetric fence, where the kernel has it */
	FENCED, /* with a fence of the owner */
};

struct scenario {
	const char *name;
	uint32_t threads, slots, magazines;
	uint32_t hold; /* slots that a thread keeps at most */
	bool many;     /* takes and puts in bunches too */
	enum pockets pockets;
	uint32_t share; /* of the takes, in percent */
};

static const struct scenario scenarios[] = {
	{ "one slot, 2 threads", 2, 1, 2, 1, false, BARE, 10 },
	{ "one slot, 2 threads, pockets", 2, 1, 2, 1, false, LIGHT, 5 },
	{ "one slot, 8 threads, 1 magazine", 8, 1, 1, 1, false, BARE, 10 },
	{ "2 slots for a crowd of 8", 8, 2, 2, 1, false, BARE, 10 },
	{ "threads - 1 slots, 4 threads", 4, 3, 4, 1, false, BARE, 15 },
	{ "threads - 1 slots, 4 threads, pockets", 4, 3, 4, 1, false, LIGHT, 5 },
	{ "threads - 1 slots, 8 threads, 2 magazines", 8, 7, 2, 1, false, BARE, 10 },
	{ "threads slots, 2 threads", 2, 2, 2, 1, false, BARE, 15 },
	{ "threads slots, 4 threads, 16 magazines", 4, 4, 16, 1, false, BARE, 10 },
	{ "threads slots, 4 threads, pockets", 4, 4, 2, 1, false, LIGHT, 5 },
	{ "few slots, bunches", 4, 12, 3, 5, true, BARE, 10 },
	{ "few slots, bunches, pockets", 4, 12, 3, 5, true, LIGHT, 5 },
	{ "enough slots, bunches", 3, 48, 3, 16, true, BARE, 10 },
	{ "enough slots, bunches, pockets", 3, 48, 3, 16, true, LIGHT, 5 },
	{ "many slots", 4, 1000, 4, 16, true, BARE, 5 },
	{ "many slots, pockets", 4, 1000, 4, 16, true, LIGHT, 10 },
	{ "one slot, 2 threads, fenced pockets", 2, 1, 2, 1, false, FENCED, 3 },
	{ "threads slots, 4 threads, fenced pockets", 4, 4, 2, 1, false, FENCED, 4 },
	{ "few slots, bunches, fenced pockets", 4, 12, 3, 5, true, FENCED, 4 },
	{ "many slots, fenced pockets", 4, 1000, 4, 16, true, FENCED, 4 },
};

/* A call on the log, or a slot's part of one. */
struct event {
	uint64_t begin, end;
	uint32_t slot; /* PENDI_SLOT_NONE: a take that was refused */
	bool put;
};

struct thread_log {
	struct event events[ROUND_EVENTS];
	uint32_t count;
};

struct arena {
	const struct scenario *scenario;
	struct pendi_slab slab;
	struct pendi_pool pool;
	uint64_t seed, takes, rounds;
	struct oracle_owner owners[SLOTS_MOST];
	uint64_t marks[SLOTS_MOST]; /* plain: written by each owner */
	struct oracle_clock clock;
	struct oracle_sum calls, refusals;
	struct thread_log logs[THREADS_MOST];
};

/* What one thread has. */
struct hand {
	struct arena *arena;
	struct rng rng;
	struct thread_log *log; /* NULL: none is kept */
	uint32_t number, count;
	uint32_t slots[HOLD_MOST];
	uint64_t calls, refusals;
};

static uint64_t now(const struct hand *hand)
{
	return hand->log ? oracle_now(&hand->arena->clock) : 0;
}

static void note(struct hand *hand, uint64_t begin, uint64_t end, uint32_t slot, bool put)
{
	if (!hand->log)
		return;
	CHECK_U64(hand->log->count, <, ROUND_EVENTS);
	hand->log->events[hand->log->count++] = (struct event){ begin, end, slot, put };
}

/* Mostly a thread's own, sometimes another, sometimes a number out of range. */
static uint32_t magazine_of(struct hand *hand)
{
	if (!rng_one_in(&hand->rng, 8))
		return hand->number;
	return (uint32_t)rng_next(&hand->rng);
}

static void own(struct hand *hand, uint32_t slot)
{
	struct arena *arena = hand->arena;

	CHECK_U64(slot, <, arena->scenario->slots);
	CHECK_U64(oracle_hand(&arena->owners[slot], hand->number + 1), ==, 0);
	arena->marks[slot] = hand->calls << 8 | hand->number;
	hand->slots[hand->count++] = slot;
}

static void disown(struct hand *hand, uint32_t slot)
{
	struct arena *arena = hand->arena;

	CHECK_U64(arena->marks[slot] & 0xff, ==, hand->number);
	CHECK_U64(oracle_hand(&arena->owners[slot], 0), ==, hand->number + 1);
}

static bool may_refuse(const struct scenario *scenario)
{
	return scenario->slots < scenario->threads * scenario->hold;
}

static void take(struct hand *hand)
{
	struct arena *arena = hand->arena;
	const uint64_t begin = now(hand);
	const uint32_t slot = pendi_pool_take(&arena->pool, magazine_of(hand));

	note(hand, begin, now(hand), slot, false);
	hand->calls++;
	if (slot != PENDI_SLOT_NONE) {
		own(hand, slot);
		return;
	}
	CHECK(may_refuse(arena->scenario));
	hand->refusals++;
}

static void take_many(struct hand *hand)
{
	struct arena *arena = hand->arena;
	const uint32_t room = arena->scenario->hold - hand->count;
	uint32_t slots[HOLD_MOST];
	const uint64_t begin = now(hand);
	const uint32_t count = pendi_pool_take_many(&arena->pool, magazine_of(hand), slots,
						    1 + rng_below(&hand->rng, room));
	const uint64_t end = now(hand);

	CHECK_U64(count, <=, room);
	hand->calls++;
	for (uint32_t i = 0; i < count; i++) {
		note(hand, begin, end, slots[i], false);
		own(hand, slots[i]);
	}
}

/* Gives @count of the slots in the hand back. */
static void put(struct hand *hand, uint32_t count)
{
	struct arena *arena = hand->arena;
	uint32_t slots[HOLD_MOST];

	for (uint32_t i = 0; i < count; i++) {
		const uint32_t which = rng_below(&hand->rng, hand->count);

		slots[i] = hand->slots[which];
		hand->slots[which] = hand->slots[--hand->count];
		disown(hand, slots[i]);
	}

	const uint64_t begin = now(hand);

	if (count == 1 && !rng_one_in(&hand->rng, 4))
		pendi_pool_put(&arena->pool, magazine_of(hand), slots[0]);
	else
		pendi_pool_put_many(&arena->pool, magazine_of(hand), slots, count);

	const uint64_t end = now(hand);

	for (uint32_t i = 0; i < count; i++)
		note(hand, begin, end, slots[i], true);
	hand->calls++;
}

static void act(struct hand *hand)
{
	const struct scenario *scenario = hand->arena->scenario;
	const bool bunch = scenario->many && rng_one_in(&hand->rng, 3);

	if (hand->count < scenario->hold && (!hand->count || rng_one_in(&hand->rng, 2))) {
		if (bunch)
			take_many(hand);
		else
			take(hand);
	} else {
		put(hand, bunch ? 1 + rng_below(&hand->rng, hand->count) : 1);
	}
}

static void put_down(struct hand *hand)
{
	if (hand->count)
		put(hand, hand->count);
	oracle_add(&hand->arena->calls, hand->calls);
	oracle_add(&hand->arena->refusals, hand->refusals);
	hand->calls = 0;
	hand->refusals = 0;
}

/* All slots can be taken, each once, and then no more. Only while no other thread is at it. */
static void take_stock(struct arena *arena)
{
	static bool seen[SLOTS_MOST];
	uint32_t slots[SLOTS_MOST];

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < arena->scenario->slots; i++) {
		slots[i] = pendi_pool_take(&arena->pool, i);
		CHECK_U64(slots[i], <, arena->scenario->slots);
		CHECK(!seen[slots[i]]);
		seen[slots[i]] = true;
	}
	CHECK_U64(pendi_pool_take(&arena->pool, 0), ==, PENDI_SLOT_NONE);
	for (uint32_t i = 0; i < arena->scenario->slots; i++)
		pendi_pool_put(&arena->pool, i, slots[i]);
}

static void run_fast(void *context, uint32_t number, struct crew *crew)
{
	struct arena *arena = context;
	struct hand hand = { .arena = arena, .number = number };
	const uint64_t calls = 2 * arena->takes / arena->scenario->threads;

	hand.rng = rng_make(arena->seed, number);
	(void)crew_meet(crew);
	while (hand.calls < calls)
		act(&hand);
	put_down(&hand);
}

static int by_slot_and_order(const void *left, const void *right)
{
	const struct event *a = left, *b = right;

	if (a->slot != b->slot)
		return a->slot < b->slot ? -1 : 1;
	/* What an owner did lies between the end of its take and the beginning of its put. */
	const uint64_t at = a->put ? a->begin : a->end, other = b->put ? b->begin : b->end;

	return at < other ? -1 : at > other;
}

static int by_begin(const void *left, const void *right)
{
	const struct event *a = left, *b = right;

	return a->begin < b->begin ? -1 : a->begin > b->begin;
}

/*
 * Turns the events of one slot, in order, into the spans in which it was surely free. Returns how
 * many. Takes and puts must alternate, beginning with a take.
 */
static uint32_t free_spans(const struct event *events, uint32_t count, struct event *spans)
{
	uint64_t free_since = 0;
	uint32_t found = 0;

	for (uint32_t i = 0; i < count; i++) {
		CHECK(events[i].put == (i % 2 == 1));
		if (events[i].put) {
			free_since = events[i].end;
		} else if (free_since < events[i].begin) {
			spans[found++] = (struct event){ free_since, events[i].begin, 0, false };
		}
	}
	spans[found++] = (struct event){ free_since, UINT64_MAX, 0, false };
	return found;
}

/* Whether the spans, ordered by their beginning, cover all of @begin .. @end together. */
static bool covered(const struct event *spans, uint32_t count, uint64_t begin, uint64_t end)
{
	uint64_t reached = begin;

	for (uint32_t i = 0; i < count && reached < end; i++) {
		/* Two spans that only touch leave no instant between them, for no two calls
		 * note the same time: so a gap is at least from one time to a later one. */
		if (spans[i].begin > reached)
			break;
		if (spans[i].end > reached)
			reached = spans[i].end;
	}
	return reached >= end;
}

static void judge(const struct arena *arena)
{
	static struct event all[THREADS_MOST * ROUND_EVENTS];
	static struct event spans[THREADS_MOST * ROUND_EVENTS + SLOTS_MOST];
	uint32_t count = 0, span_count = 0;

	for (uint32_t i = 0; i < arena->scenario->threads; i++) {
		memcpy(&all[count], arena->logs[i].events, arena->logs[i].count * sizeof(all[0]));
		count += arena->logs[i].count;
	}
	qsort(all, count, sizeof(all[0]), by_slot_and_order);

	uint32_t at = 0;

	for (uint32_t slot = 0; slot < arena->scenario->slots; slot++) {
		const uint32_t first = at;

		while (at < count && all[at].slot == slot)
			at++;
		span_count += free_spans(&all[first], at - first, &spans[span_count]);
	}
	qsort(spans, span_count, sizeof(spans[0]), by_begin);
	for (; at < count; at++) /* the rest are refusals */
		if (covered(spans, span_count, all[at].begin, all[at].end)) {
			printf("# refused from %" PRIu64 " to %" PRIu64
			       ", while a slot was free all the time\n",
			       all[at].begin, all[at].end);
			CHECK_NEVER("a wrong refusal");
		}
}

static void run_logged(void *context, uint32_t number, struct crew *crew)
{
	struct arena *arena = context;
	struct hand hand = { .arena = arena, .number = number, .log = &arena->logs[number] };

	hand.rng = rng_make(arena->seed, 100 + number);
	for (uint64_t round = 0; round < arena->rounds; round++) {
		(void)crew_meet(crew); /* the last round's logs are judged */
		hand.log->count = 0;
		while (hand.calls < ROUND_CALLS) {
			act(&hand);
			if (rng_one_in(&hand.rng, 4))
				(void)sched_yield();
		}
		put_down(&hand);
		if (crew_meet(crew)) {
			judge(arena);
			if (round % 16 == 0)
				take_stock(arena);
		}
	}
}

static int refuse(void)
{
	return -EPERM;
}

static void run_scenario(const struct scenario *scenario, const struct arguments *arguments,
			 struct oracle_sum *calls)
{
	const struct pendi_slab_shape shape = { .count = scenario->slots };
	static struct arena arena;

	memset(&arena, 0, sizeof(arena));
	arena.scenario = scenario;
	arena.seed = arguments->seed;
	arena.takes = arguments->rounds * scenario->share / 100;
	arena.rounds = 1 + arena.takes / LOG_PART / (ROUND_CALLS * scenario->threads);
	CHECK_INT(pendi_slab_init(&arena.slab, &shape, NULL), ==, 0);
	CHECK_INT(pendi_pool_init(&arena.pool, &arena.slab, 0, scenario->slots, scenario->magazines,
				  NULL),
		  ==, 0);
	if (scenario->pockets != BARE) {
		pendi_script.membarrier_register = scenario->pockets == FENCED ? refuse : NULL;
		CHECK_INT(pendi_pool_add_pockets(&arena.pool, NULL), ==, 0);
		pendi_script.membarrier_register = NULL;
		CHECK(!arena.pool.light || scenario->pockets == LIGHT);
	}

	crew_run(scenario->threads, &arena, run_fast);
	take_stock(&arena);

	const uint64_t refused_fast = oracle_total(&arena.refusals);

	crew_run(scenario->threads, &arena, run_logged);
	take_stock(&arena);
	printf("# %s: %" PRIu64 " calls, %" PRIu64 " refused at full speed, %" PRIu64
	       " refused and judged in %" PRIu64 " logged rounds\n",
	       scenario->name, oracle_total(&arena.calls), refused_fast,
	       oracle_total(&arena.refusals) - refused_fast, arena.rounds);
	oracle_add(calls, oracle_total(&arena.calls));
	pendi_pool_fini(&arena.pool, NULL);
	pendi_slab_fini(&arena.slab, NULL);
}

int main(int argc, char **argv)
{
	struct arguments arguments = { .rounds = 6000000 };
	struct oracle_sum calls = { 0 };
	struct tap tap = { 0 };

	if (!arguments_parse(&arguments, argc, argv))
		return 2;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		if (!arguments_want(&arguments, scenarios[i].name))
			continue;
		run_scenario(&scenarios[i], &arguments, &calls);
		tap_report(&tap, 1, scenarios[i].name);
	}

	const int status = tap_end(&tap);

	printf("# operations: %" PRIu64 "\n", oracle_total(&calls));
	return status;
}
