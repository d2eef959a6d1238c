/* SPDX-License-Identifier: MIT */
/*
 * orders.c - what single edges promise about plain memory, where no other scenario asks for it.
 *
 * Found by orders.py: each of these kills an order that was executed and that nobody missed. They
 * use parts of the library directly, and mark as plain what an edge is said to hand over.
 */
#include "engine/queue/queue.h"
#include "engine/session/ring.h"
#include "engine/slot/pool.h"
#include "platform/memory.h"
#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

enum { SLOTS = 4, RECORDS = 2, CAPACITY = 2 };

static struct {
	struct pendi_ring ring;
	struct pendi_queue queue;
	struct pendi_slab slab;
	struct pendi_pool pool;
	uint32_t records[RECORDS], slots[SLOTS]; /* their addresses stand for plain memory */
	uint32_t served;
} at;

/* ---- SE2: a record, from who gave it back to who takes it ---- */

static void make_ring(void)
{
	MODEL_CHECK(pendi_ring_init(&at.ring, RECORDS, 0, &pendi_memory_default) == 0);
}

static void use_record(uint32_t number)
{
	const uint32_t record = pendi_ring_reserve(&at.ring);

	(void)number;
	if (record == PENDI_RING_NONE)
		return;
	model_plain_write(&at.records[record]);
	pendi_ring_discard(&at.ring, record);
}

static void all_records(void)
{
	for (uint32_t i = 0; i < RECORDS; i++)
		MODEL_CHECK(pendi_ring_reserve(&at.ring) != PENDI_RING_NONE);
	MODEL_CHECK(pendi_ring_reserve(&at.ring) == PENDI_RING_NONE);
}

/* ---- QU2: a place, read before it is filled again ---- */

static void make_queue(void)
{
	MODEL_CHECK(pendi_queue_init(&at.queue, CAPACITY, &pendi_memory_default) == 0);
}

/* The only one that serves: what it reads is not filled again before it has gone on. */
static void serve(void)
{
	struct pendi_queue_window window;

	if (!pendi_queue_peek(&at.queue, &window))
		return;
	for (uint32_t i = 0; i < window.count; i++)
		model_plain_read(&at.queue.cells[(window.begin + i) & at.queue.mask]);
	at.served += window.count;
	pendi_queue_advance(&at.queue, &window);
}

static void push_or_serve(uint32_t number)
{
	if (number) {
		serve();
		serve();
		return;
	}
	for (uint32_t i = 0; i < 2 * CAPACITY; i++)
		at.slots[0] += pendi_queue_push(&at.queue, i);
}

static void two_push_or_serve(uint32_t number)
{
	if (number == 2)
		serve();
	for (uint32_t i = 0; number < 2 && i < CAPACITY; i++)
		at.slots[number] += pendi_queue_push(&at.queue, i);
}

static void all_served(void)
{
	for (uint32_t i = 0; i < 2 * CAPACITY; i++)
		serve();
	MODEL_CHECK(at.served == at.slots[0] + at.slots[1] && pendi_queue_is_empty(&at.queue));
}

/* ---- FR1: slots, many at once ---- */

static void make_pool(void)
{
	const struct pendi_slab_shape shape = { .count = SLOTS, .value_size = 8 };

	MODEL_CHECK(pendi_slab_init(&at.slab, &shape, &pendi_memory_default) == 0);
	MODEL_CHECK(pendi_pool_init(&at.pool, &at.slab, 0, SLOTS, 1, &pendi_memory_default) == 0);
}

static void take_and_put_many(uint32_t number)
{
	uint32_t slots[2];
	const uint32_t count = pendi_pool_take_many(&at.pool, 0, slots, 2);

	(void)number;
	for (uint32_t i = 0; i < count; i++)
		model_plain_write(&at.slots[slots[i]]);
	if (count)
		pendi_pool_put_many(&at.pool, 0, slots, count);
}

static void all_slots(void)
{
	uint32_t slots[SLOTS + 1];

	MODEL_CHECK(pendi_pool_take_many(&at.pool, 0, slots, SLOTS + 1) == SLOTS);
}

static const struct model_scenario scenarios[] = {
	{ .name = "orders: a record is used by two",
	  .shows = "SE2",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = make_ring,
	  .thread = use_record,
	  .end = all_records },
	{ .name = "orders: a record is used by three",
	  .shows = "SE2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make_ring,
	  .thread = use_record,
	  .end = all_records },
	{ .name = "orders: a place is read, then filled",
	  .shows = "QU2",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = make_queue,
	  .thread = push_or_serve,
	  .end = all_served },
	{ .name = "orders: a place is read, two fill it",
	  .shows = "QU2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make_queue,
	  .thread = two_push_or_serve,
	  .end = all_served },
	{ .name = "orders: slots, many at once",
	  .shows = "FR1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = make_pool,
	  .thread = take_and_put_many,
	  .end = all_slots },
};

const struct model_group model_orders = { "orders", scenarios,
					  sizeof(scenarios) / sizeof(scenarios[0]) };
