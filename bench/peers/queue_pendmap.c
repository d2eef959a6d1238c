/* SPDX-License-Identifier: MIT */
/*
 * queue_pendmap.c - the queue of a shard, by itself, and the list of all queues.
 *
 * It is no part of the public API: maps push into it. What they call is called here
 * (engine/queue/queue.h), with a fence after each push as they have it. The consumer looks at a
 * window of up to 16 items, as who serves a shard does, and advances when it has them: that lets
 * another consumer take over, which the other queues here do not offer.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/peers/queue_peer.h"
#include "engine/queue/queue.h"

static int create(uint32_t producers, void **queue)
{
	struct pendi_queue *made = aligned_alloc(_Alignof(struct pendi_queue), sizeof(*made));
	int error;

	(void)producers;
	if (!made)
		return -ENOMEM;
	error = pendi_queue_init(made, BENCH_QUEUE_ROOM, NULL);
	if (error) {
		free(made);
		return error;
	}
	*queue = made;
	return 0;
}

static void destroy(void *queue)
{
	pendi_queue_fini(queue, NULL);
	free(queue);
}

static uint32_t push(const struct bench_queue_lane *lane, const uint64_t *items, uint32_t count)
{
	if (lane->batch == 1)
		return pendi_queue_push(lane->queue, items[0]) ? 1 : 0;
	return pendi_queue_push_many(lane->queue, items, count);
}

static uint32_t take(const struct bench_queue_lane *lane, uint64_t *items, uint32_t count)
{
	struct pendi_queue_window window;
	uint32_t taken = 0;

	/* A consumer of single items serves the window that it was given, one by one. */
	(void)count;
	if (!pendi_queue_peek(lane->queue, &window))
		return 0;
	for (; taken < window.count; taken++)
		items[taken] = window.items[taken];
	pendi_queue_advance(lane->queue, &window);
	return taken;
}

static const struct bench_queue_ops ops = { .push = push, .take = take };

static void produce(struct bench_queue_lane *lane)
{
	bench_queue_produce(&ops, lane);
}

static void consume(struct bench_queue_lane *lane)
{
	bench_queue_consume(&ops, lane);
}

_Static_assert(BENCH_QUEUE_BATCH_MAX >= PENDI_QUEUE_WINDOW, "a window fits");

const struct bench_queue_peer bench_queue_pendmap = {
	.name = "pendmap",
	.summary = "queue of a shard, 4 Ki items, windows of 16, many producers and consumers",
	.create = create,
	.destroy = destroy,
	.produce = produce,
	.consume = consume,
};

const struct bench_queue_peer *bench_queue_peer_at(uint32_t number)
{
	static const struct bench_queue_peer *const peers[] = {
		&bench_queue_pendmap,
#if BENCH_HAVE_URCU
		&bench_queue_urcu,
#endif
#if BENCH_HAVE_RTE_RING
		&bench_queue_dpdk,
#endif
	};

	return number < sizeof(peers) / sizeof(peers[0]) ? peers[number] : NULL;
}
