/* SPDX-License-Identifier: MIT */
/*
 * queue_urcu.c - liburcu's wfcqueue, inlined: a linked queue without a bound.
 *
 * Its nodes are the caller's. Each producer has as many as a bounded queue has places, and uses one
 * again when the consumer has said that it is through with it, once for each batch; a producer looks
 * at that only when it has used up what it knew of. In batches the consumer splices all that is there
 * and walks it, which is the cheapest way that wfcqueue has.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define _LGPL_SOURCE
#include <urcu/wfcqueue.h>

#include "bench/peers/queue_peer.h"

struct item {
	struct cds_wfcq_node node; /* first */
	uint64_t number;
};

struct producer {
	_Alignas(128) uint64_t pushed;
	uint64_t allowed; /* items that it may have pushed, as far as it knows */
	struct item items[BENCH_QUEUE_ROOM];
	_Alignas(128) _Atomic uint64_t taken; /* by the consumer, of this producer's */
};

struct queue {
	_Alignas(128) struct __cds_wfcq_head head;
	_Alignas(128) struct cds_wfcq_tail tail;
	/* The consumer's: what it spliced and has not walked yet. */
	_Alignas(128) struct __cds_wfcq_head own_head;
	struct cds_wfcq_tail own_tail;
	uint32_t producers;
	struct producer producer[];
};

static int create(uint32_t producers, void **out)
{
	const size_t bytes = sizeof(struct queue) + producers * sizeof(struct producer);
	struct queue *queue = aligned_alloc(_Alignof(struct queue), bytes);

	if (!queue)
		return -ENOMEM;
	memset(queue, 0, bytes);
	__cds_wfcq_init(&queue->head, &queue->tail);
	__cds_wfcq_init(&queue->own_head, &queue->own_tail);
	queue->producers = producers;
	for (uint32_t i = 0; i < producers; i++)
		queue->producer[i].allowed = BENCH_QUEUE_ROOM;
	*out = queue;
	return 0;
}

/* The thread sanitizer does not see what liburcu's queue orders: it is told. */
#if PENDI_TSAN
#include <sanitizer/tsan_interface.h>
#define SENT(node) __tsan_release(node)
#define CAME(node) __tsan_acquire(node)
#else
#define SENT(node) ((void)(node))
#define CAME(node) ((void)(node))
#endif

static uint32_t push(const struct bench_queue_lane *lane, const uint64_t *items, uint32_t count)
{
	struct queue *queue = lane->queue;
	struct producer *producer = &queue->producer[lane->number];
	uint32_t pushed = 0;

	if (producer->pushed == producer->allowed) {
		/* [BE3.acq] take(): the consumer reads nothing of those nodes any more. */
		producer->allowed = pendi_load_acquire(&producer->taken, BE3) + BENCH_QUEUE_ROOM;
	}
	for (; pushed < count && producer->pushed < producer->allowed; pushed++) {
		struct item *item = &producer->items[producer->pushed++ % BENCH_QUEUE_ROOM];

		item->number = items[pushed];
		cds_wfcq_node_init(&item->node);
		SENT(item);
		cds_wfcq_enqueue(&queue->head, &queue->tail, &item->node);
	}
	return pushed;
}

/* Says of how many nodes it is through, to each producer that had some among them. */
static void tell(struct queue *queue, const uint32_t *taken)
{
	for (uint32_t i = 0; i < queue->producers; i++) {
		struct producer *producer = &queue->producer[i];

		if (!taken[i])
			continue;
		/* relaxed: written by the consumer alone. */
		const uint64_t before = pendi_load_relaxed(&producer->taken);

		/* [BE3.rel] push(): the nodes may be used again. */
		pendi_store_release(&producer->taken, before + taken[i], BE3);
	}
}

static uint32_t take(const struct bench_queue_lane *lane, uint64_t *items, uint32_t count)
{
	struct queue *queue = lane->queue;
	uint32_t of[BENCH_QUEUE_PRODUCERS_MAX] = { 0 };
	uint32_t taken = 0;

	if (count > 1 && cds_wfcq_empty(&queue->own_head, &queue->own_tail))
		(void)__cds_wfcq_splice_blocking(&queue->own_head, &queue->own_tail, &queue->head,
						 &queue->tail);
	while (taken < count) {
		struct cds_wfcq_node *node =
			count > 1 ? __cds_wfcq_dequeue_blocking(&queue->own_head, &queue->own_tail)
				  : __cds_wfcq_dequeue_blocking(&queue->head, &queue->tail);

		if (!node)
			break;
		CAME(node);
		items[taken] = ((struct item *)(void *)node)->number;
		of[items[taken++] >> BENCH_QUEUE_ITEM_BITS]++;
	}
	if (taken)
		tell(queue, of);
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

const struct bench_queue_peer bench_queue_urcu = {
	.name = "wfcqueue",
	.summary = "liburcu wfcqueue, nodes reused, batches spliced; one consumer",
	.create = create,
	.destroy = free,
	.produce = produce,
	.consume = consume,
};
