/* SPDX-License-Identifier: MIT */
/*
 * queue_peer.h - queues that many threads push into and one takes from: pendmap's, liburcu's and
 * DPDK's, behind one interface.
 *
 *	producers: push a batch, again while it is full      consumer: take a batch, again while empty
 *
 * Items are numbers, (producer << 40) + n. Each producer and the consumer keep the count and the sum
 * of theirs, which must agree in the end. The loops are inlined into each implementation's file with
 * its operations. Who finds a queue full or empty spins, and yields its CPU now and then.
 */
#ifndef BENCH_PEERS_QUEUE_PEER_H
#define BENCH_PEERS_QUEUE_PEER_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/measure/clock.h"
#include "platform/atomic.h"

#define BENCH_QUEUE_ROOM 4096u /* items, for each producer where they have each their own */
#define BENCH_QUEUE_PRODUCERS_MAX 16u
#define BENCH_QUEUE_BATCH_MAX 32u
#define BENCH_QUEUE_ITEM_BITS 40u
#define BENCH_QUEUE_STEPS 256u
#define BENCH_QUEUE_SPINS 1024u
#define BENCH_QUEUE_PATIENCE_NS 10000000000ull

/* What one thread does to a queue, and what came of it. */
struct bench_queue_lane {
	_Alignas(128) void *queue;
	uint32_t number; /* of a producer */
	uint32_t batch;
	uint32_t producers;
	uint64_t until_ns; /* of producers; the consumer goes on until nothing is left */
	_Atomic uint32_t *done;
	uint64_t moved;
	uint64_t sum;
	uint64_t begin_ns;
	uint64_t end_ns;
	bool stuck; /* nothing moved for seconds */
};

struct bench_queue_peer {
	const char *name;
	const char *summary;
	int (*create)(uint32_t producers, void **queue); /* 0 or a negative errno */
	void (*destroy)(void *queue);
	void (*produce)(struct bench_queue_lane *lane);
	void (*consume)(struct bench_queue_lane *lane);
};

/* The queue of that number, pendmap's first, or NULL past the last. */
const struct bench_queue_peer *bench_queue_peer_at(uint32_t number);

extern const struct bench_queue_peer bench_queue_pendmap;
extern const struct bench_queue_peer bench_queue_urcu;
extern const struct bench_queue_peer bench_queue_dpdk;

/* ---- the loops ---- */

struct bench_queue_ops {
	/* How many of the @count items were pushed; 0: it is full. */
	uint32_t (*push)(const struct bench_queue_lane *lane, const uint64_t *items,
			 uint32_t count);
	/* How many of at most @count items were taken; 0: there is none. */
	uint32_t (*take)(const struct bench_queue_lane *lane, uint64_t *items, uint32_t count);
};

/* Counts @spins and lets others run; false when it took too long. */
static inline bool bench_queue_again(uint32_t *spins, uint64_t *since_ns)
{
	if (++*spins % BENCH_QUEUE_SPINS) {
#if defined(__x86_64__)
		__builtin_ia32_pause();
#endif
		return true;
	}
	sched_yield();
	if (*spins == BENCH_QUEUE_SPINS)
		*since_ns = bench_clock_ns();
	return bench_clock_ns() - *since_ns < BENCH_QUEUE_PATIENCE_NS;
}

static inline __attribute__((always_inline)) bool bench_queue_push(
	const struct bench_queue_ops *ops, struct bench_queue_lane *lane)
{
	uint64_t items[BENCH_QUEUE_BATCH_MAX], since_ns = 0;
	uint32_t pushed = 0, spins = 0;

	for (uint32_t i = 0; i < lane->batch; i++) {
		items[i] = ((uint64_t)lane->number << BENCH_QUEUE_ITEM_BITS) + lane->moved + i;
		lane->sum += items[i];
	}
	for (;;) {
		pushed += ops->push(lane, items + pushed, lane->batch - pushed);
		if (__builtin_expect(pushed == lane->batch, 1))
			break;
		if (!bench_queue_again(&spins, &since_ns))
			return false;
	}
	lane->moved += lane->batch;
	return true;
}

static inline __attribute__((always_inline)) void bench_queue_produce(
	const struct bench_queue_ops *ops, struct bench_queue_lane *lane)
{
	lane->begin_ns = bench_clock_ns();
	do {
		for (uint32_t step = 0; step < BENCH_QUEUE_STEPS; step += lane->batch) {
			if (!bench_queue_push(ops, lane)) {
				lane->stuck = true;
				goto out;
			}
		}
		lane->end_ns = bench_clock_ns();
	} while (lane->end_ns < lane->until_ns);
out:
	/* [BE2.rel] bench_queue_consume(): who counts this producer finds all that it pushed. */
	(void)pendi_fetch_add_release(lane->done, 1, BE2);
}

static inline __attribute__((always_inline)) void bench_queue_consume(
	const struct bench_queue_ops *ops, struct bench_queue_lane *lane)
{
	uint64_t items[BENCH_QUEUE_BATCH_MAX], since_ns = 0;
	uint32_t spins = 0;
	bool last = false;

	lane->begin_ns = bench_clock_ns();
	for (;;) {
		const uint32_t taken = ops->take(lane, items, lane->batch);

		for (uint32_t i = 0; i < taken; i++)
			lane->sum += items[i];
		lane->moved += taken;
		if (__builtin_expect(taken > 0, 1)) {
			spins = 0;
			continue;
		}
		if (last)
			break;
		/* [BE2.acq] bench_queue_produce(): what it pushed before can be seen now. */
		last = pendi_load_acquire(lane->done, BE2) == lane->producers;
		if (!bench_queue_again(&spins, &since_ns)) {
			lane->stuck = true;
			break;
		}
	}
	lane->end_ns = bench_clock_ns();
}

#endif
