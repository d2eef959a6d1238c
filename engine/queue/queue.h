/* SPDX-License-Identifier: MIT */
/*
 * queue.h - a bounded queue of hints: "look at this slot".
 *
 *	producers: push                  (false: full)
 *	consumer:  peek a window at the head -> serve it -> advance the head past it
 *
 * Many threads push; whoever serves the shard reads a window of up to sixteen hints, serves them,
 * and then moves the head past them. Several may serve at once: they see the same window, and the
 * head moves past a window only by somebody who served all of it. So a hint is served at least
 * once, and what a consumer that stalled has in its hands is still there for the next one
 * (guarantee E). That it is harmless to serve one twice is the business of the slot word.
 *
 * What a consumer that was overtaken reads: an item of a window is always one that somebody pushed,
 * whole. It may have been served before, and its place may be in use again; then the head has
 * moved, and advancing does nothing.
 *
 * A push takes effect in one instruction, so a producer that stalls in the middle of one holds up
 * nobody. Nothing is allocated after the queue was made. A queue that is full says so: the caller
 * then has another way.
 *
 * Order: by the instants at which pushes took effect. Nothing may depend on it.
 */
#ifndef PENDI_ENGINE_QUEUE_QUEUE_H
#define PENDI_ENGINE_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pendmap/allocator.h>

#include "platform/atomic.h"

#define PENDI_QUEUE_ITEM_BITS 44u
#define PENDI_QUEUE_ITEM_MASK ((1ull << PENDI_QUEUE_ITEM_BITS) - 1)
/* Items are below this one, so that it can stand for none. */
#define PENDI_QUEUE_ITEM_NONE PENDI_QUEUE_ITEM_MASK
#ifndef PENDI_QUEUE_WINDOW
#define PENDI_QUEUE_WINDOW 16u
#endif
#ifndef PENDI_QUEUE_CAPACITY_MIN
#define PENDI_QUEUE_CAPACITY_MIN 16u
#endif
#define PENDI_QUEUE_CAPACITY_MAX (1u << 24)

struct pendi_queue {
	/* Eight to a cache line; one word each: | lap 20 | item 44 |, see queue.c. */
	_Atomic uint64_t *cells;
	uint64_t mask;      /* capacity - 1 */
	uint32_t lap_shift; /* a position's bits below its lap */
	/* Written by consumers: the first position that is not served. Positions only grow. */
	PENDI_APART(2) _Atomic uint64_t head;
	/* Written by producers: where to look for the first empty position, never beyond it, and
	 * where one of them saw the head lately, never beyond that: so that most pushes fetch
	 * neither from a consumer. */
	PENDI_APART(2) _Atomic uint64_t tail;
	_Atomic uint64_t head_seen;
};

/* What a consumer has in its hands; the items stay in the queue until pendi_queue_advance(). */
struct pendi_queue_window {
	uint64_t items[PENDI_QUEUE_WINDOW];
	uint64_t begin; /* position of the first */
	uint32_t count;
};

/* @capacity: a power of two, 16 .. 2^24; its memory is eight bytes each, zeroed and not touched
 * before use. 0, -EINVAL for another capacity, or -ENOMEM. */
int pendi_queue_init(struct pendi_queue *queue, uint32_t capacity,
		     const struct pend_allocator *allocator);

/* Nobody uses the queue any more. What is still in it is forgotten. Also after an init that
 * failed. */
void pendi_queue_fini(struct pendi_queue *queue, const struct pend_allocator *allocator);

/* What init allocated. */
size_t pendi_queue_bytes(const struct pendi_queue *queue);

/* Adds @item. False: at an instant of the call the queue was full. Lock-free. What follows a push
 * that returned true is ordered after it as by a full fence (DB1), so that a doorbell may be looked
 * at next (doorbell.h). */
bool pendi_queue_push(struct pendi_queue *queue, uint64_t item);

/* Adds the first of @count items, as many as there is room for, and tells other producers once.
 * Returns how many. Lock-free; a full fence if that is not 0. */
uint32_t pendi_queue_push_many(struct pendi_queue *queue, const uint64_t *items, uint32_t count);

/*
 * Reads the next items without removing them: at most sixteen, in two or three cache lines, so that
 * whoever serves them can fetch the slots of all of them before it turns to the first. False: there
 * was none. Lock-free.
 */
bool pendi_queue_peek(struct pendi_queue *queue, struct pendi_queue_window *window);

/* Removes what @window spans, all of which the caller has served, unless another consumer did.
 * Wait-free. */
void pendi_queue_advance(struct pendi_queue *queue, const struct pendi_queue_window *window);

/* Whether there was nothing to serve. While others serve too, it may say no for no reason. */
bool pendi_queue_is_empty(const struct pendi_queue *queue);

/* An estimate: a push under way counts late, and one that stalled can make it too low for a
 * moment. */
uint64_t pendi_queue_length(const struct pendi_queue *queue);

#endif
