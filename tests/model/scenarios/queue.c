/* SPDX-License-Identifier: MIT */
/*
 * queue.c - the queue of hints, with room for two, and the bell of who serves it.
 *
 * Oracles: an item that was pushed is served, once at least; nothing else is served; a push is
 * refused only if at some instant of it the queue was full; nobody sleeps while there is work.
 */
#include "engine/queue/queue.h"
#include "engine/queue/doorbell.h"
#include "platform/memory.h"
#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

enum { CAPACITY = 2, ITEMS = 8, LAPS = 1 << 20 };

static struct {
	struct pendi_queue queue;
	struct pendi_doorbell bell;
	bool pushed[ITEMS];  /* or about to be */
	int accepted[ITEMS]; /* what its push said */
	uint32_t served[ITEMS];
	uint32_t inside; /* pushed, or about to be, and not known to have been removed */
	uint32_t most[MODEL_THREADS + 1];
	bool pushing[MODEL_THREADS + 1];
} at;

static void make(void)
{
	MODEL_CHECK(pendi_queue_init(&at.queue, CAPACITY, &pendi_memory_default) == 0);
}

static void push(uint32_t item)
{
	const uint32_t self = model_self();

	model_plain_write(&at.pushed[item]);
	at.pushed[item] = true;
	at.most[self] = at.inside;
	at.pushing[self] = true;
	at.inside++;
	for (uint32_t i = 0; i <= MODEL_THREADS; i++)
		if (at.most[i] < at.inside - at.pushing[i])
			at.most[i] = at.inside - at.pushing[i];
	at.accepted[item] = pendi_queue_push(&at.queue, item);
	at.pushing[self] = false;
	if (!at.accepted[item]) {
		at.inside--;
		if (!model_is_weak()) /* a check of what was when */
			MODEL_CHECK(at.most[self] >= CAPACITY);
	}
}

/* One window. */
static bool serve(void)
{
	struct pendi_queue_window window;
	uint32_t first = 0;

	if (!pendi_queue_peek(&at.queue, &window))
		return false;
	MODEL_CHECK(window.count >= 1 && window.count <= PENDI_QUEUE_WINDOW);
	for (uint32_t i = 0; i < window.count; i++) {
		MODEL_CHECK(window.items[i] < ITEMS && at.pushed[window.items[i]]);
		model_plain_read(&at.pushed[window.items[i]]);
		first += at.served[window.items[i]]++ == 0;
	}
	pendi_queue_advance(&at.queue, &window);
	at.inside -= first;
	return true;
}

static void all_served(void)
{
	for (uint32_t windows = 0; serve(); windows++)
		MODEL_CHECK(windows < ITEMS);
	MODEL_CHECK(pendi_queue_is_empty(&at.queue));
	for (uint32_t i = 0; i < ITEMS; i++)
		MODEL_CHECK(!at.accepted[i] || at.served[i] >= 1);
	/* And it goes on: as much room as ever. */
	for (uint32_t i = 0; i < CAPACITY; i++)
		MODEL_CHECK(pendi_queue_push(&at.queue, i));
	MODEL_CHECK(!pendi_queue_push(&at.queue, 0));
}

static void all_served_once(void)
{
	for (uint32_t i = 0; i < ITEMS; i++)
		MODEL_CHECK(at.served[i] <= 1);
	all_served();
}

static void push_three_or_serve(uint32_t number)
{
	if (number == 0) {
		for (uint32_t i = 0; i < 3; i++)
			push(i);
	} else {
		(void)serve();
		(void)serve();
	}
}

static void two_push_or_serve(uint32_t number)
{
	if (number == 2) {
		(void)serve();
		(void)serve();
	} else {
		push(2 * number);
		push(2 * number + 1);
	}
}

static void push_or_two_serve(uint32_t number)
{
	if (number == 0) {
		push(2);
		push(3);
	} else {
		(void)serve();
	}
}

static void three_push(uint32_t number)
{
	push(number);
}

static void two_inside(void)
{
	make();
	push(0);
	push(1);
}

static void two_of_three_in(void)
{
	MODEL_CHECK(at.accepted[0] + at.accepted[1] + at.accepted[2] == 2);
	all_served();
}

static void push_many_or_one(uint32_t number)
{
	const uint64_t items[2] = { 0, 1 };
	uint32_t done;

	if (number) {
		push(2);
		(void)serve();
		return;
	}
	at.pushed[0] = at.pushed[1] = true;
	at.inside += 2;
	for (uint32_t i = 0; i <= MODEL_THREADS; i++)
		at.most[i] = at.inside;
	done = pendi_queue_push_many(&at.queue, items, 2);
	at.accepted[0] = done > 0;
	at.accepted[1] = done > 1;
	at.inside -= 2 - done;
}

/* Lap numbers of 20 bits come round. */
static void late(void)
{
	const uint64_t position = (uint64_t)(LAPS - 1) * CAPACITY;

	make();
	/* relaxed, all: nobody else has the queue yet. */
	pendi_store_relaxed(&at.queue.head, position);
	pendi_store_relaxed(&at.queue.tail, position);
	pendi_store_relaxed(&at.queue.head_seen, position);
	for (uint32_t i = 0; i < CAPACITY; i++)
		pendi_store_relaxed(&at.queue.cells[i], (uint64_t)(LAPS - 2)
								<< PENDI_QUEUE_ITEM_BITS);
	push(0);
	push(1);
	MODEL_CHECK(at.accepted[0] && at.accepted[1] && serve());
}

static void across_laps(uint32_t number)
{
	if (number == 0) {
		push(2);
		push(3);
		push(4);
	} else {
		(void)serve();
		(void)serve();
	}
}

/* ---- the bell: whoever sleeps for good is a deadlock ---- */

static uint32_t served_in_all(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < ITEMS; i++)
		count += at.served[i];
	return count;
}

static void sleep_until(uint32_t wanted)
{
	while (served_in_all() < wanted) {
		if (serve())
			continue;
		pendi_doorbell_arm(&at.bell);
		if (pendi_queue_is_empty(&at.queue))
			pendi_doorbell_sleep(&at.bell, UINT64_MAX);
		else
			pendi_doorbell_disarm(&at.bell);
	}
}

static void push_and_ring(uint32_t item)
{
	push(item);
	MODEL_CHECK(at.accepted[item]);
	pendi_doorbell_ring(&at.bell);
}

static void ring_or_sleep(uint32_t number)
{
	if (number == 0) {
		push_and_ring(0);
		push_and_ring(1);
	} else {
		sleep_until(2);
	}
}

static void two_ring_or_sleep(uint32_t number)
{
	if (number < 2)
		push_and_ring(number);
	else
		sleep_until(2);
}

static const struct model_scenario scenarios[] = {
	{ .name = "queue: three items, room for two",
	  .shows = "QU1 QU2 QU3",
	  .threads = 2,
	  .bound = 5,
	  .tso_bound = 3,
	  .begin = make,
	  .thread = push_three_or_serve,
	  .end = all_served_once },
	{ .name = "queue: two push, one serves",
	  .shows = "QU1 QU2 QU3",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make,
	  .thread = two_push_or_serve,
	  .end = all_served_once },
	{ .name = "queue: one pushes, two serve",
	  .shows = "QU2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = two_inside,
	  .thread = push_or_two_serve,
	  .end = all_served },
	{ .name = "queue: three push, room for two",
	  .shows = "QU3",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make,
	  .thread = three_push,
	  .end = two_of_three_in },
	{ .name = "queue: many at once against one",
	  .shows = "QU3",
	  .threads = 2,
	  .bound = 5,
	  .tso_bound = 3,
	  .begin = make,
	  .thread = push_many_or_one,
	  .end = all_served_once },
	{ .name = "queue: a pusher stops anywhere",
	  .shows = "E QU3",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make,
	  .thread = two_push_or_serve,
	  .end = all_served_once,
	  .freezes = 1 },
	{ .name = "queue: a server stops anywhere",
	  .shows = "E QU2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = two_inside,
	  .thread = push_or_two_serve,
	  .end = all_served,
	  .freezes = 2 },
	{ .name = "queue: lap numbers come round",
	  .shows = "QU2 QU3",
	  .threads = 2,
	  .bound = 5,
	  .tso_bound = 3,
	  .begin = late,
	  .thread = across_laps,
	  .end = all_served_once },
	{ .name = "doorbell: one rings twice, one sleeps",
	  .shows = "DB1 DB2",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = make,
	  .thread = ring_or_sleep,
	  .end = all_served_once },
	{ .name = "doorbell: two ring, one sleeps",
	  .shows = "DB1 DB2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make,
	  .thread = two_ring_or_sleep,
	  .end = all_served_once },
};

const struct model_group model_queue = { "queue", scenarios,
					 sizeof(scenarios) / sizeof(scenarios[0]) };
