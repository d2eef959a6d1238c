/* SPDX-License-Identifier: MIT */
/*
 * explore_queue.c - every interleaving of a few pushes and peeks on a ring of two cells
 * (guarantee E: nobody who stalls is waited for, and nothing is lost with him).
 *
 * The code is queue.c itself, under explore_oracle.h. In each state that can be reached, not only
 * at the end, all threads are stopped for ever, and
 *
 *	a consumer that comes then finds, in a bounded number of steps, every item whose push had
 *	returned and that was not served; and no item that nobody pushes;
 *	a producer that comes then is done in a bounded number of steps, and is refused only if
 *	that consumer would find two items;
 *	no peek has found nothing while an item whose push had returned was there all along;
 *	each of the threads, if it alone goes on, is done in a bounded number of steps.
 *
 * The ring is shorter than a window, so here a consumer that was overtaken may even see one cell
 * twice, in two laps. That is harmless too.
 */
#include <stdio.h>
#include <string.h>

#include "engine/queue/queue.h"
#include "tests/queue/explore.h"
#include "tests/support/check.h"

enum { CAPACITY = 2, STRANGER = EXPLORE_THREADS - 1, GARBAGE = 77, BOUND = 60 };
/* From START on: the items whose push had returned when thread 1, 2, 3 began to peek. */
enum fact { PUSHED, SERVED, REFUSED, WRONG, FOUND, START };
enum role { NOBODY, PUSHES, PUSHES_TWO, CONSUMES };
/* What the stranger comes for. */
enum { COMES_TO_PUSH, COMES_TO_CONSUME };

struct scenario {
	const char *name;
	enum role roles[STRANGER];
	uint32_t pushes, windows; /* of each thread */
	uint64_t start;           /* the first position */
	bool refuses;             /* some push may find the queue full */
};

#define LAPS (1ull << (64 - PENDI_QUEUE_ITEM_BITS))

static const struct scenario scenarios[] = {
	{ "2 producers of 1, 1 consumer", { PUSHES, PUSHES, CONSUMES }, 1, 2, 2, false },
	{ "2 producers of 1, 2 consumers", { PUSHES, PUSHES, CONSUMES, CONSUMES }, 1, 2, 3, false },
	{ "2 producers of 2, 1 consumer", { PUSHES, PUSHES, CONSUMES }, 2, 2, 2, true },
	{ "2 producers by 2, 2 consumers",
	  { PUSHES_TWO, PUSHES_TWO, CONSUMES, CONSUMES },
	  1,
	  1,
	  2,
	  true },
	{ "3 producers of 1, 1 consumer", { PUSHES, PUSHES, PUSHES, CONSUMES }, 1, 2, 3, true },
	{ "1 producer of 4, 2 consumers", { PUSHES, CONSUMES, CONSUMES }, 4, 2, 2, true },
	{ "the same where the lap wraps",
	  { PUSHES, CONSUMES, CONSUMES },
	  4,
	  2,
	  (LAPS - 1) * CAPACITY + 1,
	  true },
};

static const struct scenario *scenario;
static struct pendi_queue queue;
static _Atomic uint64_t cells[CAPACITY];

static void note_push(uint64_t *facts, uint64_t item, uint32_t count, uint32_t pushed)
{
	for (uint32_t i = 0; i < pushed; i++)
		facts[PUSHED] |= 1ull << (item + i);
	facts[REFUSED] += pushed < count;
}

/* @number: of the thread's pushes. Items are 8 * thread + 2 * number, and the next one. */
static uint64_t push(uint32_t thread, uint64_t number, uint64_t *facts)
{
	const bool two = thread != STRANGER && scenario->roles[thread] == PUSHES_TWO;
	const uint64_t item = 10ull * thread + 2 * number;
	const uint64_t items[2] = { item, item + 1 };

	if (two)
		note_push(facts, item, 2, pendi_queue_push_many(&queue, items, 2));
	else
		note_push(facts, item, 1, pendi_queue_push(&queue, item));
	return thread == STRANGER || number + 1 == scenario->pushes ? EXPLORE_END : number + 1;
}

static void serve(uint32_t thread, uint64_t *facts, const struct pendi_queue_window *window)
{
	for (uint32_t i = 0; i < window->count; i++) {
		if (window->items[i] >= 10 * EXPLORE_THREADS)
			facts[WRONG] = 1;
		facts[SERVED] |= 1ull << (window->items[i] & 63);
	}
	if (thread == STRANGER)
		facts[FOUND] += window->count;
}

/* The last act of a stage of a consumer: it goes on with @local, or this was the last window. */
static uint64_t next_window(uint32_t thread, uint64_t local, uint64_t *facts)
{
	if (thread == STRANGER)
		return local;
	facts[START + thread - 1] = local == scenario->windows ? 0 : facts[PUSHED];
	return local == scenario->windows ? EXPLORE_END : local;
}

/* @local: how many windows before, then what the window spans, if there is one to advance past. */
static uint64_t consume(uint32_t thread, uint64_t local, uint64_t *facts)
{
	struct pendi_queue_window window = { .count = local >> 8 & 0xff, .begin = local >> 16 };
	const uint64_t windows = local & 0xff;

	if (window.count) {
		pendi_queue_advance(&queue, &window);
		return next_window(thread, windows, facts);
	}
	if (pendi_queue_peek(&queue, &window)) {
		serve(thread, facts, &window);
		return window.begin << 16 | (uint64_t)window.count << 8 | (windows + 1);
	}
	if (thread == STRANGER)
		return EXPLORE_END;
	/* What had been pushed before it began and is served by nobody yet was there all along. */
	if (facts[START + thread - 1] & ~facts[SERVED])
		facts[WRONG] = 2;
	return next_window(thread, windows + 1, facts);
}

static uint64_t stage(uint32_t thread, uint64_t local, uint64_t *facts)
{
	if (thread == STRANGER)
		return local == COMES_TO_PUSH ? push(thread, 0, facts)
					      : consume(thread, local, facts);
	return scenario->roles[thread] == CONSUMES ? consume(thread, local, facts)
						   : push(thread, local, facts);
}

static struct explore *explorer;

static const char *wrong_for_a_consumer(struct explore_world *world, uint64_t *found)
{
	world->facts[FOUND] = 0;
	explore_begin(explorer, world, STRANGER, COMES_TO_CONSUME);
	if (!explore_alone(world, STRANGER, BOUND))
		return "a consumer waits for a thread that stopped";
	*found = world->facts[FOUND];
	if (world->facts[WRONG])
		return world->facts[WRONG] == 1 ? "an item that nobody pushes"
						: "a peek finds nothing, but there was an item";
	if (world->facts[PUSHED] & ~world->facts[SERVED])
		return "an item is lost";
	return NULL;
}

static const char *wrong_for_a_producer(struct explore_world *world, uint64_t found)
{
	const uint64_t refused = world->facts[REFUSED];

	explore_begin(explorer, world, STRANGER, COMES_TO_PUSH);
	if (!explore_alone(world, STRANGER, BOUND))
		return "a producer waits for a thread that stopped";
	if ((world->facts[REFUSED] > refused) != (found == CAPACITY))
		return "a push is refused while there is room, or succeeds while there is none";
	return wrong_for_a_consumer(world, &found);
}

static const char *wrong(const struct explore_world *world, bool ended)
{
	struct explore_world copy = *world;
	const char *what;
	uint64_t found;

	if (!scenario->refuses && world->facts[REFUSED])
		return "a push was refused that has room";
	what = wrong_for_a_consumer(&copy, &found);
	if (!what && ended &&
	    copy.memory[0] != scenario->start + (uint64_t)__builtin_popcountll(copy.facts[PUSHED]))
		what = "the head passed more or fewer positions than items were pushed";
	if (!what) {
		copy = *world;
		what = wrong_for_a_producer(&copy, found);
	}
	for (uint32_t i = 0; i < STRANGER && !what; i++) {
		copy = *world;
		if (!explore_alone(&copy, i, BOUND))
			what = "a thread waits for one that stopped";
	}
	return what;
}

/* As after as many pushes as the start says, all served. */
static void make_world(struct explore *explore, struct explore_world *world)
{
	queue = (struct pendi_queue){ .cells = cells, .mask = CAPACITY - 1, .lap_shift = 1 };
	explore->stage = stage;
	explore->wrong = wrong;
	explore->words[0] = &queue.head;
	explore->words[1] = &queue.tail;
	explore->words[2] = &queue.head_seen;
	for (uint32_t i = 0; i < 3; i++)
		world->memory[i] = scenario->start;
	for (uint64_t p = scenario->start; p < scenario->start + CAPACITY; p++) {
		explore->words[3 + p % CAPACITY] = &cells[p % CAPACITY];
		world->memory[3 + p % CAPACITY] = (p / CAPACITY - 1) << PENDI_QUEUE_ITEM_BITS |
						  GARBAGE;
	}
	for (uint32_t i = 0; i < STRANGER; i++)
		if (scenario->roles[i] != NOBODY)
			explore_begin(explore, world, i, 0);
}

int main(void)
{
	struct tap tap = { 0 };

	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		struct explore explore = { 0 };
		struct explore_world world = { 0 };

		scenario = &scenarios[i];
		explorer = &explore;
		make_world(&explore, &world);
		explore_all(&explore, &world);
		printf("# %s: %" PRIu64 " states, %" PRIu64 " steps, %" PRIu64 " ends%s%s\n",
		       scenario->name, explore.states, explore.steps, explore.ends,
		       explore.found ? "; wrong: " : "", explore.found ? explore.found : "");
		tap_report(&tap, !explore.found && explore.ends, scenario->name);
	}
	return tap_end(&tap);
}
