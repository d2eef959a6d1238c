/* SPDX-License-Identifier: MIT */
/*
 * test_queue.c - unit tests of engine/queue/queue.c: one thread, which plays producers and
 * consumers one after the other. torture_queue.c has several threads, explore_queue.c all
 * interleavings of a few.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "engine/queue/queue.h"
#include "platform/script.h"

static struct pendi_queue queue;

static void make(uint32_t capacity)
{
	memset(&pendi_script, 0, sizeof(pendi_script));
	cr_assert_eq(pendi_queue_init(&queue, capacity, NULL), 0);
}

/* As after @position pushes that were all served. Knows what queue.c says about cells. */
static void start_at(uint64_t position)
{
	const uint64_t capacity = queue.mask + 1;

	for (uint64_t p = position; p < position + capacity; p++)
		pendi_store_relaxed(&queue.cells[p & queue.mask], /* relaxed: one thread */
				    (p / capacity - 1) << PENDI_QUEUE_ITEM_BITS | 77);
	/* relaxed, all: one thread */
	pendi_store_relaxed(&queue.head, position);
	pendi_store_relaxed(&queue.tail, position);
	pendi_store_relaxed(&queue.head_seen, position);
}

/* Peeks, expects @count items from @first on, one apart, and advances. */
static void serve(uint64_t first, uint32_t count)
{
	struct pendi_queue_window window;

	cr_assert_eq(pendi_queue_peek(&queue, &window), count != 0);
	cr_assert_eq(window.count, count);
	for (uint32_t i = 0; i < count; i++)
		cr_assert_eq(window.items[i], first + i);
	pendi_queue_advance(&queue, &window);
}

Test(queue, capacity_bounds)
{
	static const uint32_t wrong[] = { 0, 1, 8, 15, 17, 48, 1000, (1u << 24) + 1, 1u << 25 };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		cr_assert_eq(pendi_queue_init(&queue, wrong[i], NULL), -EINVAL);
		cr_assert_eq(pendi_queue_bytes(&queue), 0);
		pendi_queue_fini(&queue, NULL);
	}
	make(PENDI_QUEUE_CAPACITY_MAX);
	cr_assert_eq(pendi_queue_bytes(&queue), (size_t)8 << 24);
	cr_assert(pendi_queue_push(&queue, 5));
	serve(5, 1);
	pendi_queue_fini(&queue, NULL);
	make(PENDI_QUEUE_CAPACITY_MIN);
	cr_assert_eq(pendi_queue_bytes(&queue), 128);
	pendi_queue_fini(&queue, NULL);
	pendi_queue_fini(&queue, NULL);
}

static int fail(size_t size)
{
	cr_assert_eq(size, 256 * 8);
	return 1;
}

Test(queue, no_memory)
{
	pendi_script.allocation_fails = fail;
	cr_assert_eq(pendi_queue_init(&queue, 256, NULL), -ENOMEM);
	cr_assert_eq(pendi_queue_bytes(&queue), 0);
	pendi_queue_fini(&queue, NULL);
	memset(&pendi_script, 0, sizeof(pendi_script));
	cr_assert_eq(pendi_queue_init(&queue, 256, NULL), 0);
	pendi_queue_fini(&queue, NULL);
}

Test(queue, empty)
{
	struct pendi_queue_window window;

	make(16);
	for (int i = 0; i < 3; i++) {
		cr_assert(pendi_queue_is_empty(&queue));
		cr_assert_eq(pendi_queue_length(&queue), 0);
		cr_assert_not(pendi_queue_peek(&queue, &window));
		cr_assert_eq(window.count, 0);
		pendi_queue_advance(&queue, &window);
	}
	cr_assert_eq(pendi_queue_push_many(&queue, NULL, 0), 0);
	cr_assert(pendi_queue_is_empty(&queue));
	pendi_queue_fini(&queue, NULL);
}

Test(queue, full_and_room_again)
{
	make(32);
	for (uint64_t i = 0; i < 32; i++) {
		cr_assert_eq(pendi_queue_length(&queue), i);
		cr_assert(pendi_queue_push(&queue, i));
		cr_assert_not(pendi_queue_is_empty(&queue));
	}
	cr_assert_not(pendi_queue_push(&queue, 99));
	cr_assert_not(pendi_queue_push(&queue, 99));
	cr_assert_eq(pendi_queue_length(&queue), 32);
	serve(0, 16);
	for (uint64_t i = 32; i < 48; i++)
		cr_assert(pendi_queue_push(&queue, i));
	cr_assert_not(pendi_queue_push(&queue, 99));
	serve(16, 16);
	serve(32, 16);
	serve(0, 0);
	cr_assert(pendi_queue_is_empty(&queue));
	pendi_queue_fini(&queue, NULL);
}

Test(queue, items_are_whole)
{
	static const uint64_t items[] = { 0, 1, PENDI_QUEUE_ITEM_NONE - 1, 1ull << 43 };
	struct pendi_queue_window window;

	make(16);
	cr_assert_eq(pendi_queue_push_many(&queue, items, 4), 4);
	cr_assert(pendi_queue_peek(&queue, &window));
	cr_assert_eq(window.count, 4);
	cr_assert_arr_eq(window.items, items, sizeof(items));
	pendi_queue_fini(&queue, NULL);
}

Test(queue, push_many_takes_what_fits)
{
	uint64_t items[40];

	for (uint64_t i = 0; i < 40; i++)
		items[i] = 100 + i;
	make(16);
	cr_assert_eq(pendi_queue_push_many(&queue, items, 5), 5);
	cr_assert_eq(pendi_queue_push_many(&queue, items + 5, 35), 11);
	cr_assert_eq(pendi_queue_push_many(&queue, items, 1), 0);
	serve(100, 16);
	cr_assert_eq(pendi_queue_push_many(&queue, items, 40), 16);
	serve(100, 16);
	serve(0, 0);
	pendi_queue_fini(&queue, NULL);
}

Test(queue, laps_of_the_smallest_ring)
{
	uint64_t next = 0;

	make(16);
	for (uint32_t i = 0; i < 5000; i++) {
		const uint32_t count = 1 + i % 16;
		uint64_t items[16];

		for (uint32_t k = 0; k < count; k++)
			items[k] = next + k;
		cr_assert_eq(pendi_queue_push_many(&queue, items, count), count);
		cr_assert_eq(pendi_queue_length(&queue), count);
		serve(next, count);
		serve(0, 0);
		next += count;
	}
	pendi_queue_fini(&queue, NULL);
}

/* The lap in a cell wraps, the positions do not. */
Test(queue, lap_tag_wraps)
{
	const uint64_t laps = 1ull << (64 - PENDI_QUEUE_ITEM_BITS);

	for (uint64_t before = 0; before < 3; before++) {
		make(16);
		start_at((3 * laps - before) * 16 + 5);
		for (uint64_t i = 0; i < 160; i += 8) {
			for (uint64_t k = 0; k < 8; k++)
				cr_assert(pendi_queue_push(&queue, i + k));
			cr_assert_eq(pendi_queue_length(&queue), 8);
			serve(i, 8);
			serve(0, 0);
		}
		for (uint64_t i = 0; i < 16; i++)
			cr_assert(pendi_queue_push(&queue, i));
		cr_assert_not(pendi_queue_push(&queue, 1));
		serve(0, 16);
		pendi_queue_fini(&queue, NULL);
	}
}

Test(queue, window_is_sixteen_at_most)
{
	struct pendi_queue_window window;

	make(64);
	for (uint64_t i = 0; i < 20; i++)
		cr_assert(pendi_queue_push(&queue, i));
	cr_assert(pendi_queue_peek(&queue, &window));
	cr_assert_eq(window.count, PENDI_QUEUE_WINDOW);
	serve(0, 16);
	serve(16, 4);
	pendi_queue_fini(&queue, NULL);
}

/* What is peeked stays: for the same consumer, and for one that comes to its rescue. */
Test(queue, peek_removes_nothing)
{
	struct pendi_queue_window first, second, third;

	make(16);
	cr_assert(pendi_queue_push(&queue, 1));
	cr_assert(pendi_queue_peek(&queue, &first));
	cr_assert(pendi_queue_push(&queue, 2));
	cr_assert(pendi_queue_peek(&queue, &second));
	cr_assert_eq(first.count, 1);
	cr_assert_eq(second.count, 2);
	cr_assert_eq(second.items[0], 1);
	cr_assert_eq(second.items[1], 2);
	pendi_queue_advance(&queue, &first);
	pendi_queue_advance(&queue, &second); /* too late: another served a part of it */
	cr_assert(pendi_queue_peek(&queue, &third));
	cr_assert_eq(third.count, 1);
	cr_assert_eq(third.items[0], 2);
	pendi_queue_fini(&queue, NULL);
}

/* A consumer that slept for a lap removes nothing that it has not seen. */
Test(queue, stale_window_does_nothing)
{
	struct pendi_queue_window stale;

	make(16);
	cr_assert(pendi_queue_push(&queue, 1));
	cr_assert(pendi_queue_peek(&queue, &stale));
	serve(1, 1);
	for (uint64_t i = 0; i < 16; i++)
		cr_assert(pendi_queue_push(&queue, 10 + i));
	pendi_queue_advance(&queue, &stale);
	cr_assert_eq(pendi_queue_length(&queue), 16);
	pendi_queue_advance(&queue, &stale);
	serve(10, 16);
	pendi_queue_fini(&queue, NULL);
}

/* A producer that slept for @laps before it said where it had come to says something old. */
static void tail_is_old(uint64_t laps, uint32_t length)
{
	make(16);
	start_at(1000 * 16);
	for (uint64_t i = 0; i < length; i++)
		cr_assert(pendi_queue_push(&queue, i));
	/* relaxed, both: one thread */
	pendi_store_relaxed(&queue.tail, (1000 - laps) * 16 + 3);
	if (laps)
		pendi_store_relaxed(&queue.head_seen, (1000 - laps) * 16);
	for (uint64_t i = length; i < 16; i++)
		cr_assert(pendi_queue_push(&queue, i));
	cr_assert_not(pendi_queue_push(&queue, 99));
	cr_assert_eq(pendi_queue_length(&queue), 16);
	serve(0, 16);
	serve(0, 0);
	pendi_queue_fini(&queue, NULL);
}

Test(queue, old_tail)
{
	for (uint64_t laps = 1; laps < 5; laps++)
		for (uint32_t length = 0; length <= 16; length++)
			tail_is_old(laps, length);
	for (uint32_t length = 3; length <= 16; length++)
		tail_is_old(0, length);
}

/* Neither line of the ends is shared with the other, nor with what never changes. */
Test(queue, lines)
{
	const size_t head = offsetof(struct pendi_queue, head);
	const size_t tail = offsetof(struct pendi_queue, tail);

	cr_assert_geq(head, 64);
	cr_assert_geq(tail - head, 128);
	cr_assert_eq(offsetof(struct pendi_queue, head_seen) / 64, tail / 64);
	make(16);
	cr_assert_eq((uintptr_t)queue.cells % 64, 0);
	pendi_queue_fini(&queue, NULL);
}
