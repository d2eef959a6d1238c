/* SPDX-License-Identifier: MIT */
/*
 * queue.c - the bounded ring of hints, where a stalled producer leaves nothing behind.
 *
 *	 served        items             empty
 *	---------|--------------------|--------------------
 *	        head        tail <= first empty <= head + capacity
 *
 * Position p lies in cell p mod capacity and belongs to lap p / capacity. A push is one CAS, which
 * takes the place and fills it in one:
 *
 *	{L-1, what lap L-1 left behind} --fill, for position p of lap L--> {L, item}
 *
 * So there is no place that somebody took and did not fill. What one lap leaves behind is what the
 * next one calls empty: no store empties a cell.
 *
 *	1. Position p is filled only when the head was seen beyond p - capacity: what the cell held
 *	   was served (QU2). So nothing that is not served is overwritten.
 *	2. It is filled only by who saw all positions below it filled, or served (QU3). So items lie
 *	   without a gap from the head on, and an empty cell at the head means that there is none.
 *	3. `tail` says where to look for the first empty cell: all positions below any value that
 *	   was ever stored there were filled before, so that an old value costs a walk, no more. It
 *	   is stored, not added to: its owner may be overtaken, and the next one walks.
 *	4. A thread that stalls for laps finds its cell in another lap, or its CAS fails for the
 *	   word that it expects: it overwrites nothing. A consumer that finds a newer lap knows that
 *	   the head moved.
 *
 * The lap in a cell has 20 bits. To be fooled, a producer must stall in the middle of a push for a
 * multiple of 2^20 laps to within one lap: a hint can then be lost or late, which the look at its
 * deadline makes up for.
 *
 * Progress: a push that has to look further found a place that another push filled; a peek that has
 * to start again found a head that another consumer moved. Lock-free.
 *
 * Edges: QU1 an item, from who pushed it to who serves it. QU2 a place, from who served it to who
 * fills it again. QU3 what is filled, from one producer to the next. DB1 (doorbell.h): a push, then
 * a look at the bell.
 */
#include "engine/queue/queue.h"

#include <errno.h>

#include "platform/memory.h"

#define QUEUE_LAP_MASK (UINT64_MAX >> PENDI_QUEUE_ITEM_BITS)

int pendi_queue_init(struct pendi_queue *queue, uint32_t capacity,
		     const struct pend_allocator *allocator)
{
	*queue = (struct pendi_queue){ 0 };
	if (capacity < PENDI_QUEUE_CAPACITY_MIN || capacity > PENDI_QUEUE_CAPACITY_MAX ||
	    (capacity & (capacity - 1)) != 0)
		return -EINVAL;
	queue->cells = pendi_memory_allocate(allocator, (size_t)capacity * sizeof(*queue->cells),
					     PENDI_CACHE_LINE);
	if (!queue->cells)
		return -ENOMEM;
	queue->mask = capacity - 1;
	queue->lap_shift = (uint32_t)__builtin_ctz(capacity);
	/* Zeroed cells are those that lap 0 left behind, so the first position is of lap 1.
	 * relaxed, all: nobody else has the queue yet. */
	pendi_store_relaxed(&queue->head, capacity);
	pendi_store_relaxed(&queue->tail, capacity);
	pendi_store_relaxed(&queue->head_seen, capacity);
	return 0;
}

size_t pendi_queue_bytes(const struct pendi_queue *queue)
{
	return queue->cells ? (size_t)(queue->mask + 1) * sizeof(*queue->cells) : 0;
}

void pendi_queue_fini(struct pendi_queue *queue, const struct pend_allocator *allocator)
{
	pendi_memory_release(allocator, queue->cells, pendi_queue_bytes(queue));
	queue->cells = NULL;
}

/* How many laps the cell of @position is ahead of an empty one: 0 empty, 1 filled, more: the head
 * has passed it and it is in use again. */
PENDI_ALWAYS_INLINE uint64_t queue_laps_ahead(const struct pendi_queue *queue, uint64_t cell,
					      uint64_t position)
{
	const uint64_t before = (position >> queue->lap_shift) - 1;

	return ((cell >> PENDI_QUEUE_ITEM_BITS) - before) & QUEUE_LAP_MASK;
}

/* Whether @position has been served in its last lap. Brings a position that is served already up
 * to the head. */
PENDI_ALWAYS_INLINE bool queue_has_room(struct pendi_queue *queue, uint64_t *position)
{
	/* [QU2.acq] Pairs with [QU2.rel] in pendi_queue_advance(), and below, which hands it on:
	 * what was in the place was read before the place is filled again. */
	uint64_t head = pendi_load_acquire(&queue->head_seen, QU2);

	if (PENDI_LIKELY(*position - head <= queue->mask))
		return true;
	/* [QU2.acq] As above, at the source. */
	head = pendi_load_acquire(&queue->head, QU2);
	/* [QU2.rel] As above. An older value may overwrite a newer one: it is only more cautious. */
	pendi_store_release(&queue->head_seen, head, QU2);
	if (*position < head)
		*position = head;
	return *position - head <= queue->mask;
}

/* Puts @item into the first empty cell from *@position on, and leaves the position behind it there.
 * False: full. */
PENDI_ALWAYS_INLINE bool queue_put(struct pendi_queue *queue, uint64_t *position, uint64_t item)
{
	while (PENDI_LIKELY(queue_has_room(queue, position))) {
		_Atomic uint64_t *at = &queue->cells[*position & queue->mask];
		const uint64_t lap = *position >> queue->lap_shift;

		/* [QU3.acq] Pairs with [QU3.rel] below: whoever sees the next position filled sees
		 * this one filled. */
		uint64_t cell = pendi_load_acquire(at, QU3);
		const uint64_t ahead = queue_laps_ahead(queue, cell, *position);

		/*
		 * [QU1.rel] [QU3.acq] Pairs with [QU1.acq] in pendi_queue_peek(): who serves the
		 * hint sees what its producer did to the slot before; else it finds nothing to do
		 * and the hint is wasted. When it fails, another push has filled the cell.
		 */
		if (PENDI_LIKELY(ahead == 0 &&
				 pendi_cas_acq_rel(at, &cell, lap << PENDI_QUEUE_ITEM_BITS | item,
						   QU3, QU1))) {
			++*position;
			return true;
		}
		if (PENDI_LIKELY(ahead <= 1))
			++*position;
		else /* [QU2.acq] As in queue_has_room(): the head is a lap on, at least. */
			*position = pendi_load_acquire(&queue->head, QU2);
	}
	return false;
}

/* The first of @items that there is room for. */
PENDI_ALWAYS_INLINE uint32_t queue_put_all(struct pendi_queue *queue, const uint64_t *items,
					   uint32_t count)
{
	/* [QU3.acq] Pairs with [QU3.rel] below: all before this position was filled. */
	const uint64_t start = pendi_load_acquire(&queue->tail, QU3);
	uint64_t position = start;
	uint32_t done = 0;

	while (done < count && queue_put(queue, &position, items[done]))
		done++;
	/*
	 * [DB1.sc] The items are in; the caller looks at a bell next. Pairs with [DB1.sc] in
	 * pendi_doorbell_arm(), which writes the bell and then looks for items. What was done last
	 * to a cell was a compare-and-swap.
	 */
	pendi_fence_store_load_after_rmw(DB1);
	/* [QU3.rel] As above: an old value may overwrite a newer one. */
	if (PENDI_LIKELY(position != start))
		pendi_store_release(&queue->tail, position, QU3);
	return done;
}

bool pendi_queue_push(struct pendi_queue *queue, uint64_t item)
{
	return queue_put_all(queue, &item, 1) != 0;
}

uint32_t pendi_queue_push_many(struct pendi_queue *queue, const uint64_t *items, uint32_t count)
{
	return queue_put_all(queue, items, count);
}

bool pendi_queue_peek(struct pendi_queue *queue, struct pendi_queue_window *window)
{
	uint64_t ahead, begin;
	uint32_t count;

	do {
		/* [QU2.acq] Pairs with [QU2.rel] in pendi_queue_advance(): no cell from here on is
		 * read as it was two laps ago. */
		begin = pendi_load_acquire(&queue->head, QU2);
		for (count = 0, ahead = 1; count < PENDI_QUEUE_WINDOW; count++) {
			const uint64_t position = begin + count;
			/* [QU1.acq] Pairs with [QU1.rel] in queue_put(): whoever serves the item
			 * sees what its producer did before. */
			const uint64_t cell =
				pendi_load_acquire(&queue->cells[position & queue->mask], QU1);

			ahead = queue_laps_ahead(queue, cell, position);
			if (ahead != 1)
				break;
			window->items[count] = cell & PENDI_QUEUE_ITEM_MASK;
		}
		/* The first cell is in use again: the head has moved. */
	} while (PENDI_UNLIKELY(count == 0 && ahead != 0));

	window->begin = begin;
	window->count = count;
	return count != 0;
}

void pendi_queue_advance(struct pendi_queue *queue, const struct pendi_queue_window *window)
{
	uint64_t expected = window->begin;

	/* [QU2.rel] Pairs with [QU2.acq] in queue_has_room(), for the producer that fills these
	 * places again, and in pendi_queue_peek(). A failure means that somebody else served them. */
	(void)pendi_cas_release(&queue->head, &expected, window->begin + window->count, QU2);
}

bool pendi_queue_is_empty(const struct pendi_queue *queue)
{
	/* [QU2.acq] As in pendi_queue_peek(). */
	const uint64_t head = pendi_load_acquire(&queue->head, QU2);

	/* relaxed: nothing is read through it; a cell that was filled is seen so after DB1. */
	return queue_laps_ahead(queue, pendi_load_relaxed(&queue->cells[head & queue->mask]),
				head) == 0;
}

uint64_t pendi_queue_length(const struct pendi_queue *queue)
{
	/* relaxed, both: an estimate. The tail may be old, and behind the head. */
	const uint64_t head = pendi_load_relaxed(&queue->head);
	const uint64_t tail = pendi_load_relaxed(&queue->tail);

	return tail > head ? tail - head : 0;
}
