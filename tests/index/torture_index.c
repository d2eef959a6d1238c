/* SPDX-License-Identifier: MIT */
/*
 * torture_index.c - one holder for each key, whoever wants it, under fire.
 *
 *	index_torture [--rounds N] [--seed N] [--only NAME]
 *
 * Threads insert, find and remove a few keys, the way the pend map does it: a slot from the pool,
 * arm, fill, insert, publish; found, completed by one compare-and-swap, removed, freed, put back.
 * Any thread may complete any operation that it finds. Scenarios: from one key to 32; keys that
 * share one home and overflow into the next bucket and around the end; as many slots as entries.
 * Each scenario runs twice:
 *
 *	at full speed	Each key has an owner cell, held from when insert returns until remove is
 *			called: two holders meet there. What a thread holds itself and nobody may
 *			complete, it finds, and cannot insert again. A copy of a value is of one
 *			operation if the generation says so. The owner of a slot writes plain
 *			memory, so that a race detector judges the hand-over. The oracle orders
 *			nothing.
 *	with a log	short rounds in which each call notes when it began and ended. Then
 *			-EEXIST is judged: some operation of that key was between the beginning of
 *			its insert and the end of its remove at some instant of the call. And a
 *			miss: no operation of that key was published before the call began and
 *			not completed before it ended. And a hit: it names an operation of that key
 *			that was findable at some instant of the call.
 *
 * At the end the index is empty, no home has a displaced key or a reach, and all slots are free.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "engine/index/index.h"
#include "engine/slot/fill.h"
#include "engine/slot/pool.h"
#include "tests/support/arguments.h"
#include "tests/support/check.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"
#include "tests/support/torture_oracle.h"

enum {
	KEYS_MOST = 32,
	SLOTS_MOST = 64,
	HOLD_MOST = 8,
	KEY_WORDS = 2,
	VALUE_WORDS = 3,
	ROUND_CALLS = 32,
	ROUND_EVENTS = 2 * (ROUND_CALLS + HOLD_MOST + KEYS_MOST),
	LOG_PART = 6,
};

struct scenario {
	const char *name;
	uint32_t threads, keys, slots, entries;
	uint32_t homes; /* the keys have so many homes at most; 0: any */
	uint32_t share; /* of the calls, in percent */
};

static const struct scenario scenarios[] = {
	{ "one key, 2 threads", 2, 1, 2, 16, 0, 12 },
	{ "one key, 3 threads", 3, 1, 3, 8, 0, 10 },
	{ "one key, 8 threads", 8, 1, 8, 16, 0, 10 },
	{ "two keys that take turns in one slot", 4, 2, 1, 8, 0, 10 },
	{ "few keys", 4, 4, 16, 16, 0, 16 },
	{ "32 keys of one home of two: displaced", 4, 32, 16, 16, 1, 20 },
	{ "32 keys of the last home: around the end", 4, 32, 24, 24, 1, 16 },
	{ "slots are the entries", 6, 12, 8, 8, 0, 6 },
};

enum kind { INSERTED, EXISTED, COMPLETED, FOUND, MISSED };

/* A call on the log. A life is told by two: INSERTED (insert .. publish) and COMPLETED. */
struct event {
	enum kind kind;
	uint32_t key;
	uint64_t handle;
	uint64_t begin, end; /* COMPLETED: the compare-and-swap; else the call */
	uint64_t gone;       /* INSERTED: publish's end. COMPLETED: remove's end */
};

struct thread_log {
	struct event events[ROUND_EVENTS];
	uint32_t count;
};

struct arena {
	const struct scenario *scenario;
	struct pendi_slab slab;
	struct pendi_pool pool;
	struct pendi_index index;
	uint64_t seed, calls, rounds;
	uint64_t keys[KEYS_MOST][KEY_WORDS];
	struct oracle_owner owners[KEYS_MOST]; /* slot + 1 */
	struct oracle_owner kept[KEYS_MOST];   /* thread + 1: nobody else completes it */
	uint64_t marks[SLOTS_MOST]; /* plain: written by who pends, read by who completes */
	struct oracle_clock clock;
	struct oracle_sum done, existed, found, missed, displaced;
	struct thread_log logs[THREADS_MOST];
};

struct holding {
	uint32_t key;
	uint64_t handle;
};

struct hand {
	struct arena *arena;
	struct rng rng;
	struct thread_log *log; /* NULL: none is kept */
	uint32_t number, count;
	struct holding kept[HOLD_MOST]; /* what only this thread completes */
	uint64_t calls, existed, found, missed, displaced, stamp;
};

static uint64_t now(const struct hand *hand)
{
	return hand->log ? oracle_now(&hand->arena->clock) : 0;
}

static void note(struct hand *hand, struct event event)
{
	if (!hand->log)
		return;
	CHECK_U64(hand->log->count, <, ROUND_EVENTS);
	hand->log->events[hand->log->count++] = event;
}

static struct pendi_key key_of(const struct arena *arena, uint32_t key)
{
	return pendi_index_key(&arena->index, arena->keys[key]);
}

/* The key of a slot that the caller owns. */
static uint32_t key_in(const struct arena *arena, struct pendi_slot *slot)
{
	uint64_t words[KEY_WORDS];

	pendi_slot_copy(words, pendi_slab_key(&arena->slab, slot), sizeof(words));
	for (uint32_t key = 0; key < arena->scenario->keys; key++)
		if (memcmp(words, arena->keys[key], sizeof(words)) == 0)
			return key;
	CHECK_NEVER("a slot has no key of the test");
}

static void fill(struct hand *hand, struct pendi_slot *slot, uint32_t key)
{
	const struct arena *arena = hand->arena;
	const uint64_t stamp = ++hand->stamp << 16 | (uint64_t)hand->number << 8 | key;
	const uint64_t value[VALUE_WORDS] = { stamp, stamp * 3, stamp * 5 };

	pendi_slot_fill(pendi_slab_key(&arena->slab, slot), arena->keys[key],
			sizeof(arena->keys[key]));
	pendi_slot_fill(pendi_slab_value(&arena->slab, slot), value, sizeof(value));
}

static bool is_kept(const struct hand *hand, uint32_t key)
{
	for (uint32_t i = 0; i < hand->count; i++)
		if (hand->kept[i].key == key)
			return true;
	return false;
}

/* Pends @key. With @keep nobody else may complete it. */
static void insert(struct hand *hand, uint32_t key, bool keep)
{
	struct arena *arena = hand->arena;
	const struct pendi_key wanted = key_of(arena, key);
	const uint32_t slot = pendi_pool_take(&arena->pool, hand->number);

	hand->calls++;
	if (slot == PENDI_SLOT_NONE)
		return;

	struct pendi_slot *at = pendi_slab_slot(&arena->slab, slot);

	pendi_slot_arm(&arena->slab, at);
	fill(hand, at, key);

	const uint64_t begin = now(hand);
	const int result = pendi_index_insert(&arena->index, slot, &wanted);
	const uint64_t end = now(hand);

	if (result) {
		CHECK_INT(result, ==, -EEXIST);
		hand->existed++;
		note(hand, (struct event){ EXISTED, key, 0, begin, end, 0 });
		pendi_slot_disarm(at);
		pendi_pool_put(&arena->pool, hand->number, slot);
		return;
	}
	CHECK(!is_kept(hand, key));
	CHECK_U64(oracle_hand(&arena->owners[key], slot + 1), ==, 0);
	arena->marks[slot] = hand->stamp << 8 | hand->number; /* only publishing hands it over */
	if (keep)
		(void)oracle_hand(&arena->kept[key], hand->number + 1);

	/* relaxed: the slot is ours. */
	hand->displaced += pendi_load_relaxed(&at->displacement) != 0;

	/* relaxed: the word is ours; its generation is final now. */
	const uint64_t armed = pendi_load_relaxed(&at->word);

	CHECK_U64(pendi_word_state(armed), ==, PENDI_SLOT_ARMING);

	const uint64_t handle = pendi_handle_make(pendi_slot_publish(at, false), slot);

	note(hand, (struct event){ INSERTED, key, handle, begin, end, now(hand) });
	if (keep)
		hand->kept[hand->count++] = (struct holding){ key, handle };
}

/* Completes and removes what @handle names. False: somebody else did. */
static bool complete(struct hand *hand, uint32_t key, uint64_t handle, uint32_t kept_by)
{
	struct arena *arena = hand->arena;
	const uint32_t slot = pendi_handle_slot(handle);
	struct pendi_slot *at = pendi_slab_slot(&arena->slab, slot);
	/* relaxed: the CAS below validates and acquires. */
	uint64_t word = pendi_load_relaxed(&at->word);
	struct pendi_step step;
	const uint64_t begin = now(hand);

	do {
		step = pendi_word_complete(word, handle, 1, 0);
		if (step.result)
			return false;
		/* [SL1.acq] Pairs with [SL1.rel] in pendi_slot_publish(), as in the pend map. */
	} while (!pendi_cas_acquire(&at->word, &word, step.word, SL1));

	const uint64_t end = now(hand);

	CHECK_U64(step.duty, ==, PENDI_DUTY_FINISH);
	CHECK_U64(key_in(arena, at), ==, key);
	CHECK_U64(arena->marks[slot] & 0xff, <, arena->scenario->threads);
	CHECK_U64(oracle_hand(&arena->kept[key], 0), ==, kept_by);
	CHECK_U64(oracle_hand(&arena->owners[key], 0), ==, slot + 1);
	pendi_index_remove(&arena->index, slot);
	note(hand, (struct event){ COMPLETED, key, handle, begin, end, now(hand) });
	pendi_slot_free(at, step.word);
	pendi_pool_put(&arena->pool, hand->number, slot);
	return true;
}

/* A copy that the generation vouches for is whole, and of that key. */
static void check_value(struct hand *hand, uint32_t key, const struct pendi_found *found)
{
	const struct arena *arena = hand->arena;
	struct pendi_slot *at = pendi_slab_slot(&arena->slab, found->slot);
	uint64_t value[VALUE_WORDS];

	pendi_slot_copy(value, pendi_slab_value(&arena->slab, at), sizeof(value));
	/* relaxed: ordered after the copy by its acquire loads (SL2). */
	if (!pendi_word_same_generation(pendi_load_relaxed(&at->word), found->word))
		return;
	CHECK_U64(value[0] & 0xff, ==, key);
	CHECK_U64(value[1], ==, value[0] * 3);
	CHECK_U64(value[2], ==, value[0] * 5);
}

static void find(struct hand *hand, uint32_t key, bool then_complete)
{
	struct arena *arena = hand->arena;
	const struct pendi_key wanted = key_of(arena, key);
	const uint64_t begin = now(hand);
	const struct pendi_found found = pendi_index_find(&arena->index, &wanted);
	const uint64_t end = now(hand);
	const uint64_t handle = pendi_handle_make(found.word, found.slot);

	hand->calls++;
	if (found.slot == PENDI_SLOT_NONE) {
		CHECK(!is_kept(hand, key));
		hand->missed++;
		note(hand, (struct event){ MISSED, key, 0, begin, end, 0 });
		return;
	}
	hand->found++;
	CHECK_U64(found.slot, <, arena->scenario->slots);
	CHECK(pendi_word_is_live(found.word));
	note(hand, (struct event){ FOUND, key, handle, begin, end, 0 });
	check_value(hand, key, &found);
	for (uint32_t i = 0; i < hand->count; i++)
		CHECK(hand->kept[i].key != key || hand->kept[i].handle == handle);
	/* What somebody keeps for himself stays. A keeper that is about to say so has not yet
	 * published, so this sees it. */
	if (then_complete && !oracle_holder(&arena->kept[key]))
		(void)complete(hand, key, handle, 0);
}

static void release(struct hand *hand, uint32_t which)
{
	const struct holding holding = hand->kept[which];

	hand->kept[which] = hand->kept[--hand->count];
	hand->calls++;
	CHECK(complete(hand, holding.key, holding.handle, hand->number + 1));
}

static void act(struct hand *hand)
{
	const struct scenario *scenario = hand->arena->scenario;
	const uint32_t key = rng_below(&hand->rng, scenario->keys);
	const bool room = hand->count < HOLD_MOST && hand->count < scenario->slots / 2;

	switch (rng_below(&hand->rng, 8)) {
	case 0:
	case 1:
	case 2:
		insert(hand, key, room && rng_one_in(&hand->rng, 2));
		break;
	case 3:
		find(hand, key, false);
		break;
	case 4:
	case 5:
		find(hand, key, true);
		break;
	default:
		if (hand->count)
			release(hand, rng_below(&hand->rng, hand->count));
		else
			find(hand, key, true);
		break;
	}
}

static void put_down(struct hand *hand)
{
	struct arena *arena = hand->arena;

	while (hand->count)
		release(hand, 0);
	oracle_add(&arena->done, hand->calls);
	oracle_add(&arena->existed, hand->existed);
	oracle_add(&arena->found, hand->found);
	oracle_add(&arena->missed, hand->missed);
	oracle_add(&arena->displaced, hand->displaced);
	hand->calls = hand->existed = hand->found = hand->missed = hand->displaced = 0;
}

/* Completes what is left. Only while no other thread is at it. */
static void clear(struct hand *hand)
{
	const uint32_t keys = hand->arena->scenario->keys;

	for (uint32_t key = 0; key < keys; key++)
		find(hand, key, true);
	for (uint32_t key = 0; key < keys; key++)
		CHECK_U64(oracle_holder(&hand->arena->owners[key]), ==, 0);
}

/* Nothing is left behind. Only while no other thread is at it. */
static void take_stock(struct arena *arena)
{
	uint32_t slots[SLOTS_MOST];

	for (uint32_t i = 0; i < arena->index.bucket_count; i++) {
		/* relaxed, both: the others are done. */
		CHECK_U64(pendi_load_relaxed(&arena->index.buckets[i].home), ==, 0);
		for (uint32_t cell = PENDI_CELL_FIRST; cell < PENDI_CELLS; cell++)
			CHECK_U64(pendi_load_relaxed(&arena->index.buckets[i].cells[cell]), ==, 0);
	}
	for (uint32_t i = 0; i < arena->scenario->slots; i++) {
		slots[i] = pendi_pool_take(&arena->pool, 0);
		CHECK_U64(slots[i], !=, PENDI_SLOT_NONE);
	}
	CHECK_U64(pendi_pool_take(&arena->pool, 0), ==, PENDI_SLOT_NONE);
	pendi_pool_put_many(&arena->pool, 0, slots, arena->scenario->slots);
}

static void run_fast(void *context, uint32_t number, struct crew *crew)
{
	struct arena *arena = context;
	struct hand hand = { .arena = arena, .number = number };
	const uint64_t calls = arena->calls / arena->scenario->threads;

	hand.rng = rng_make(arena->seed, number);
	(void)crew_meet(crew);
	while (hand.calls < calls)
		act(&hand);
	put_down(&hand);
	if (crew_meet(crew))
		clear(&hand);
}

/* The insert of the life that @handle names. */
static const struct event *life_of(const struct event *all, uint32_t count, uint64_t handle)
{
	for (uint32_t i = 0; i < count; i++)
		if (all[i].kind == INSERTED && all[i].handle == handle)
			return &all[i];
	CHECK_NEVER("a handle names no operation of the round");
}

static const struct event *end_of(const struct event *all, uint32_t count, uint64_t handle)
{
	for (uint32_t i = 0; i < count; i++)
		if (all[i].kind == COMPLETED && all[i].handle == handle)
			return &all[i];
	CHECK_NEVER("an operation of the round is never completed");
}

static void judge_existed(const struct event *all, uint32_t count, const struct event *call)
{
	for (uint32_t i = 0; i < count; i++)
		if (all[i].kind == INSERTED && all[i].key == call->key &&
		    all[i].begin < call->end &&
		    end_of(all, count, all[i].handle)->gone > call->begin)
			return;
	CHECK_NEVER("-EEXIST, and nobody held the key at any instant of the call");
}

static void judge_missed(const struct event *all, uint32_t count, const struct event *call)
{
	for (uint32_t i = 0; i < count; i++)
		CHECK(all[i].kind != INSERTED || all[i].key != call->key ||
		      all[i].gone > call->begin ||
		      end_of(all, count, all[i].handle)->begin < call->end);
}

static void judge_found(const struct event *all, uint32_t count, const struct event *call)
{
	const struct event *life = life_of(all, count, call->handle);

	CHECK_U64(life->key, ==, call->key);
	CHECK_U64(life->end, <, call->end);
	CHECK_U64(end_of(all, count, call->handle)->end, >, call->begin);
}

static void judge(const struct arena *arena)
{
	static struct event all[THREADS_MOST * ROUND_EVENTS];
	uint32_t count = 0;

	for (uint32_t i = 0; i < arena->scenario->threads; i++) {
		memcpy(&all[count], arena->logs[i].events, arena->logs[i].count * sizeof(all[0]));
		count += arena->logs[i].count;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (all[i].kind == EXISTED)
			judge_existed(all, count, &all[i]);
		else if (all[i].kind == MISSED)
			judge_missed(all, count, &all[i]);
		else if (all[i].kind == FOUND)
			judge_found(all, count, &all[i]);
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
			clear(&hand);
			judge(arena);
		}
	}
}

/* Keys of any home, or all of the last one. */
static void choose_keys(struct arena *arena)
{
	const struct scenario *scenario = arena->scenario;
	uint64_t number = 0;

	for (uint32_t key = 0; key < scenario->keys; number++) {
		arena->keys[key][0] = number * UINT64_C(0x9e3779b97f4a7c15);
		arena->keys[key][1] = ~number;
		if (!scenario->homes || pendi_index_home(&arena->index, key_of(arena, key).hash) ==
						arena->index.bucket_count - 1)
			key++;
	}
}

static void run_scenario(const struct scenario *scenario, const struct arguments *arguments,
			 struct oracle_sum *done)
{
	const struct pendi_slab_shape shape = { .count = scenario->slots,
						.key_size = KEY_WORDS * sizeof(uint64_t),
						.value_size = VALUE_WORDS * sizeof(uint64_t) };
	static struct arena arena;

	memset(&arena, 0, sizeof(arena));
	arena.scenario = scenario;
	arena.seed = arguments->seed;
	arena.calls = arguments->rounds * scenario->share / 100;
	arena.rounds = 1 + arena.calls / LOG_PART / (ROUND_CALLS * scenario->threads);
	CHECK_INT(pendi_slab_init(&arena.slab, &shape, NULL), ==, 0);
	CHECK_INT(pendi_pool_init(&arena.pool, &arena.slab, 0, scenario->slots, 2, NULL), ==, 0);
	CHECK_INT(pendi_index_init(&arena.index, &arena.slab, scenario->entries, shape.key_size,
				   arguments->seed | 1, NULL),
		  ==, 0);
	choose_keys(&arena);

	crew_run(scenario->threads, &arena, run_fast);
	take_stock(&arena);
	crew_run(scenario->threads, &arena, run_logged);
	take_stock(&arena);
	printf("# %s: %" PRIu64 " calls, %" PRIu64 " existed, %" PRIu64 " found, %" PRIu64
	       " missed, %" PRIu64 " displaced, %" PRIu64 " logged rounds\n",
	       scenario->name, oracle_total(&arena.done), oracle_total(&arena.existed),
	       oracle_total(&arena.found), oracle_total(&arena.missed),
	       oracle_total(&arena.displaced), arena.rounds);
	CHECK(oracle_total(&arena.found));
	CHECK(oracle_total(&arena.existed) || scenario->slots == 1);
	CHECK(!scenario->homes || oracle_total(&arena.displaced));
	oracle_add(done, oracle_total(&arena.done));
	pendi_index_fini(&arena.index, NULL);
	pendi_pool_fini(&arena.pool, NULL);
	pendi_slab_fini(&arena.slab, NULL);
}

int main(int argc, char **argv)
{
	struct arguments arguments = { .rounds = 6000000 };
	struct oracle_sum done = { 0 };
	struct tap tap = { 0 };

	if (!arguments_parse(&arguments, argc, argv))
		return 2;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		if (!arguments_want(&arguments, scenarios[i].name))
			continue;
		run_scenario(&scenarios[i], &arguments, &done);
		tap_report(&tap, 1, scenarios[i].name);
	}

	const int status = tap_end(&tap);

	printf("# operations: %" PRIu64 "\n", oracle_total(&done));
	return status;
}
