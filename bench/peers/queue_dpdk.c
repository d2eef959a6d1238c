/* SPDX-License-Identifier: MIT */
/*
 * queue_dpdk.c - DPDK's rte_ring, from its headers alone: no library, no environment layer.
 *
 * For one producer the ring is made for one (RTE_RING_SYNC_ST), else for many; it has one consumer.
 * The fields that rte_ring_init() sets are set here, for that function is in the library.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wundef"
#include <rte_ring.h>
#pragma GCC diagnostic pop

#include "bench/peers/queue_peer.h"

static int create(uint32_t producers, void **queue)
{
	const size_t bytes = sizeof(struct rte_ring) + BENCH_QUEUE_ROOM * sizeof(void *);
	struct rte_ring *ring = aligned_alloc(128, (bytes + 127) / 128 * 128);

	if (!ring)
		return -ENOMEM;
	memset(ring, 0, bytes);
	ring->prod.sync_type = producers == 1 ? RTE_RING_SYNC_ST : RTE_RING_SYNC_MT;
	ring->cons.sync_type = RTE_RING_SYNC_ST;
	ring->size = BENCH_QUEUE_ROOM;
	ring->mask = BENCH_QUEUE_ROOM - 1;
	ring->capacity = BENCH_QUEUE_ROOM - 1;
	*queue = ring;
	return 0;
}

static uint32_t push(const struct bench_queue_lane *lane, const uint64_t *items, uint32_t count)
{
	return rte_ring_enqueue_burst_elem(lane->queue, items, sizeof(*items), count, NULL);
}

static uint32_t take(const struct bench_queue_lane *lane, uint64_t *items, uint32_t count)
{
	return rte_ring_sc_dequeue_burst_elem(lane->queue, items, sizeof(*items), count, NULL);
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

const struct bench_queue_peer bench_queue_dpdk = {
	.name = "rte_ring",
	.summary = "DPDK rte_ring of 4 Ki, headers alone, inlined; one consumer",
	.create = create,
	.destroy = free,
	.produce = produce,
	.consume = consume,
};
