/* SPDX-License-Identifier: MIT */
/*
 * queue.c - two push, one serves: no hint is lost, none comes before what it tells of (QU1-QU3).
 *
 * The ring has four places and begins two before its end, so that positions wrap. What a producer did
 * before its push is plain memory, read by who serves the hint.
 *
 * Weaker, and found: QU1.rel QU1.acq
 */
#include "tests/model/clients/library.h"

#include "engine/queue/queue.c"

#ifndef CLIENT_PRODUCERS
#define CLIENT_PRODUCERS 2
#endif

static _Atomic uint64_t cells[4];
static struct pendi_queue queue = {
	.cells = cells, .mask = 3, .lap_shift = 2, .head = 4, .tail = 4, .head_seen = 4
};
static uint32_t done[CLIENT_PRODUCERS]; /* plain: QU1 hands it over */
static uint32_t served[CLIENT_PRODUCERS];

static void *produce(void *number)
{
	const uint32_t item = client_begin(number) - 1;

	done[item] = item + 7;
	assert(pendi_queue_push(&queue, item));
	return NULL;
}

static void serve(void)
{
	struct pendi_queue_window window;

	if (!pendi_queue_peek(&queue, &window))
		return;
	for (uint32_t i = 0; i < window.count; i++) {
		const uint32_t item = (uint32_t)window.items[i];

		assert(item < CLIENT_PRODUCERS && done[item] == item + 7);
		served[item]++;
	}
	pendi_queue_advance(&queue, &window);
}

static void *consume(void *number)
{
	(void)client_begin(number);
	serve();
	return NULL;
}

int main(void)
{
	for (uint32_t i = 1; i <= CLIENT_PRODUCERS; i++)
		CLIENT_START(i, produce);
	CLIENT_START(4, consume);
	for (uint32_t i = 1; i <= CLIENT_PRODUCERS; i++)
		CLIENT_JOIN(i);
	CLIENT_JOIN(4);
	serve(); /* what is left: it takes one window, of two */
	serve();
	for (uint32_t i = 0; i < CLIENT_PRODUCERS; i++)
		assert(served[i] == 1);
	assert(pendi_queue_is_empty(&queue));
	return 0;
}
