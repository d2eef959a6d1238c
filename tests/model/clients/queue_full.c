/* SPDX-License-Identifier: MIT */
/*
 * queue_full.c - a ring of two that is full: a place is filled again only after it was served (QU2).
 *
 * Two items are in. One thread serves them; the other pushes a third. Full is an answer; but what was
 * not served is never overwritten, and what was pushed is found.
 */
#include "tests/model/clients/library.h"

#include "engine/queue/queue.c"

enum { ITEMS = 3 };

static _Atomic uint64_t cells[2];
static struct pendi_queue queue = {
	.cells = cells, .mask = 1, .lap_shift = 1, .head = 2, .tail = 2, .head_seen = 2
};
static uint32_t done[ITEMS], served[ITEMS]; /* plain */
static bool pushed;

static void serve(void)
{
	struct pendi_queue_window window;

	if (!pendi_queue_peek(&queue, &window))
		return;
	for (uint32_t i = 0; i < window.count; i++) {
		assert(window.items[i] < ITEMS);
		assert(done[window.items[i]] == 7);
		served[window.items[i]]++;
	}
	pendi_queue_advance(&queue, &window);
}

static void *consume(void *number)
{
	(void)client_begin(number);
	serve();
	return NULL;
}

static void *produce(void *number)
{
	(void)client_begin(number);
	done[2] = 7;
	pushed = pendi_queue_push(&queue, 2);
	return NULL;
}

int main(void)
{
	for (uint32_t item = 0; item < 2; item++) {
		done[item] = 7;
		assert(pendi_queue_push(&queue, item));
	}
	CLIENT_START(1, consume);
	CLIENT_START(2, produce);
	CLIENT_JOIN(1);
	CLIENT_JOIN(2);
	serve();
	serve();
	assert(served[0] == 1 && served[1] == 1 && served[2] == pushed);
	assert(pendi_queue_is_empty(&queue));
	return 0;
}
