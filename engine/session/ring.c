/* SPDX-License-Identifier: MIT */
/*
 * ring.c - reserve, commit, discard, read. See ring.h for the algorithm.
 */
#include "engine/session/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "platform/event.h"
#include "platform/memory.h"

#define RING_READY 1ull
#define RING_LIFE 2ull

#define RING_INDEX_BITS 20u
#define RING_INDEX_MASK ((1ull << RING_INDEX_BITS) - 1)
#define RING_LIVES_MASK ((1ull << 23) - 1)

#define RING_HEAD_BITS 21u
#define RING_HEAD_MASK ((1ull << RING_HEAD_BITS) - 1)

#define RING_ARMED 1u
#define RING_DRAINER 2u

_Static_assert(RING_INDEX_MASK == PENDI_RING_NOTICES_MAX - 1, "each record has a number");
_Static_assert(RING_HEAD_MASK > PENDI_RING_NOTICES_MAX, "and so has the end of the stack");
_Static_assert((RING_LIVES_MASK << RING_INDEX_BITS | RING_INDEX_MASK) < PENDI_QUEUE_ITEM_NONE,
	       "an item is an item");

struct ring_record {
	_Atomic uint64_t word;
	/* While it is free: the next free record, less this one's number and one. So zeroed memory
	 * is a stack of all records in order, and is touched only as it is used. */
	_Atomic uint32_t link;
	uint32_t reserved;
	struct pend_notice notice;
	unsigned char key[];
};

static struct ring_record *ring_at(const struct pendi_ring *ring, uint32_t record)
{
	return (struct ring_record *)(void *)(ring->records + (size_t)record * ring->stride);
}

static size_t ring_records_bytes(const struct pendi_ring *ring)
{
	return (size_t)ring->count * ring->stride;
}

int pendi_ring_init(struct pendi_ring *ring, uint32_t count, uint32_t key_size,
		    const struct pend_allocator *allocator)
{
	const size_t bytes = sizeof(struct ring_record) + key_size;
	int error;

	memset(ring, 0, sizeof(*ring));
	ring->count = count;
	ring->key_size = key_size;
	ring->stride = (bytes + PENDI_CACHE_LINE - 1) / PENDI_CACHE_LINE * PENDI_CACHE_LINE;
	ring->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (ring->event < 0)
		return -errno;
	error = pendi_queue_init(&ring->queue, 2 * count, allocator);
	if (error) {
		(void)close(ring->event);
		return error;
	}
	ring->records =
		pendi_memory_allocate(allocator, ring_records_bytes(ring), PENDI_CACHE_LINE);
	if (!ring->records) {
		pendi_ring_fini(ring, allocator);
		return -ENOMEM;
	}
	/* relaxed: nobody else has the ring yet. A consumer that only polls is told of the first
	 * notice: the bell begins armed. */
	pendi_store_relaxed(&ring->bell, RING_ARMED);
	return 0;
}

void pendi_ring_fini(struct pendi_ring *ring, const struct pend_allocator *allocator)
{
	pendi_memory_release(allocator, ring->records, ring_records_bytes(ring));
	pendi_queue_fini(&ring->queue, allocator);
	(void)close(ring->event);
	ring->records = NULL;
	ring->event = -1;
}

/* Nothing is free, so no commit will tell anybody, and a reader that is draining may have stopped
 * after it ate what the others were told (guarantee E). */
static PENDI_COLD void ring_tell_if_draining(struct pendi_ring *ring)
{
	/* relaxed: it hands nothing over; the next one who finds nothing free looks again. */
	if (pendi_load_relaxed(&ring->bell) & ~RING_ARMED)
		pendi_ring_tell_anyway(ring);
}

uint32_t pendi_ring_reserve(struct pendi_ring *ring)
{
	/* [SE2.acq] Pairs with [SE2.rel] in pendi_ring_discard(): the record as its last owner left
	 * it; else he might still be reading what the next one writes. */
	uint64_t head = pendi_load_acquire(&ring->free, SE2);

	for (;;) {
		const uint32_t record = (uint32_t)(head & RING_HEAD_MASK);

		if (PENDI_UNLIKELY(record >= ring->count)) {
			ring_tell_if_draining(ring);
			return PENDI_RING_NONE;
		}

		/* relaxed: published by the push that made it the head, or rubbish if the record
		 * was taken meanwhile: then the tag has moved and the CAS fails. */
		const uint32_t link = pendi_load_relaxed(&ring_at(ring, record)->link);
		const uint64_t next = (record + 1 + link) & RING_HEAD_MASK;

		/* [SE2.acq] As above. The tag stays: only a push can bring a record back. */
		if (PENDI_LIKELY(pendi_cas_acquire(&ring->free, &head,
						   (head & ~RING_HEAD_MASK) | next, SE2)))
			return record;
	}
}

void pendi_ring_discard(struct pendi_ring *ring, uint32_t record)
{
	/* relaxed: only its number is used, and the CAS validates it. */
	uint64_t head = pendi_load_relaxed(&ring->free), pushed;

	do {
		const uint32_t next = (uint32_t)(head & RING_HEAD_MASK);

		/* relaxed: the push publishes it. */
		pendi_store_relaxed(&ring_at(ring, record)->link, next - (record + 1));
		pushed = ((head & ~RING_HEAD_MASK) + RING_HEAD_MASK + 1) | record;
		/* [SE2.rel] Pairs with [SE2.acq] in pendi_ring_reserve(): this owner has done with
		 * the record. */
	} while (!pendi_cas_release(&ring->free, &head, pushed, SE2));
}

/* Arms the bell; @drainers of those who were draining are done. */
static void ring_arm(struct pendi_ring *ring, uint32_t drainers)
{
	/* relaxed, both: the bell carries no data, and SE1 orders it where that matters. */
	uint32_t bell = pendi_load_relaxed(&ring->bell);

	while (!pendi_cas_relaxed(&ring->bell, &bell, (bell - drainers) | RING_ARMED))
		;
}

void pendi_ring_tell_anyway(struct pendi_ring *ring)
{
	int error;

	/* relaxed: it only has to differ from @heard until that follows. */
	(void)pendi_fetch_add_relaxed(&ring->told, 1);
	error = pendi_event_signal(ring->event);
	if (error && error != -EAGAIN)
		ring_arm(ring, 0); /* not told: the next committer tries again */
	/* [SE3.rel] Pairs with [SE3.acq] in ring_is_quiet(): who counts this as told finds the
	 * eventfd written. */
	(void)pendi_fetch_add_release(&ring->heard, 1, SE3);
}

void pendi_ring_tell(struct pendi_ring *ring)
{
	/* relaxed, both: it hands nothing over; the notices are found through the queue. */
	uint32_t bell = pendi_load_relaxed(&ring->bell);

	while ((bell & RING_ARMED) && !pendi_cas_relaxed(&ring->bell, &bell, bell & ~RING_ARMED))
		;
	if (bell) /* else somebody else tells */
		pendi_ring_tell_anyway(ring);
}

void pendi_ring_commit(struct pendi_ring *ring, uint32_t record, const struct pend_notice *notice,
		       const void *key)
{
	struct ring_record *at = ring_at(ring, record);
	const uint32_t kept = notice->key_size < ring->key_size ? notice->key_size : ring->key_size;
	/* relaxed: the record is the caller's. */
	const uint64_t word = pendi_load_relaxed(&at->word) + RING_LIFE;
	const uint64_t item = (word >> 1 & RING_LIVES_MASK) << RING_INDEX_BITS | record;

	at->notice = *notice;
	if (kept)
		memcpy(at->key, key, kept);
	memset(at->key + kept, 0, ring->key_size - kept);
	/* relaxed: the item that names this life is pushed next, and hands all of it over (QU1). */
	pendi_store_relaxed(&at->word, word | RING_READY);
	/* There is room (ring.h). A CPU may read a head that is older than the tail and think
	 * otherwise; it does not when it looks again. */
	while (PENDI_UNLIKELY(!pendi_queue_push(&ring->queue, item)))
		pendi_cpu_relax();
	/* [SE1.sc] The item is in the queue; now the bell is looked at. Pairs with [SE1.sc] in
	 * ring_settle(), which arms the bell and then looks for items. Without it both miss the
	 * other, and the notice waits unheard. */
	pendi_fence_store_load_after_rmw(SE1);
	/* relaxed: SE1 orders it; nothing is read through it. */
	if (PENDI_UNLIKELY(pendi_load_relaxed(&ring->bell)))
		pendi_ring_tell(ring);
}

/* Whether nobody wrote the eventfd since it was drained last, or is about to. */
static bool ring_is_quiet(const struct pendi_ring *ring)
{
	/* relaxed: a value from before another reader's drain only makes this one drain too. */
	const uint64_t drained = pendi_load_relaxed(&ring->drained);
	/* [SE3.acq] Pairs with [SE3.rel] in pendi_ring_tell(), for the load of @told, which is
	 * never behind @heard. */
	const uint64_t heard = pendi_load_acquire(&ring->heard, SE3);

	/* relaxed: see above. */
	return heard == drained && pendi_load_relaxed(&ring->told) == heard;
}

static void ring_drain(struct pendi_ring *ring)
{
	/* [SE3.acq] Pairs with [SE3.rel] in pendi_ring_tell(): so many writes are taken back. */
	const uint64_t heard = pendi_load_acquire(&ring->heard, SE3);

	/* EAGAIN: another reader was faster, or a writer is not there yet. */
	pendi_event_drain(ring->event);
	/* relaxed: only compared. */
	pendi_store_relaxed(&ring->drained, heard);
}

/* The ring was found empty. Returns whether it is not, after all; else the bell is armed and the
 * eventfd is not readable. */
static PENDI_COLD bool ring_settle(struct pendi_ring *ring)
{
	struct pendi_queue_window window;

	/* relaxed: nobody is draining and all is armed already: whoever armed it looked after that,
	 * and what came later is told. */
	if (pendi_load_relaxed(&ring->bell) == RING_ARMED && ring_is_quiet(ring))
		return false;
	/* relaxed: as in ring_arm(). */
	(void)pendi_fetch_add_relaxed(&ring->bell, RING_DRAINER);
	ring_drain(ring);
	ring_arm(ring, RING_DRAINER);
	/* [SE1.sc] The bell is armed; now items are looked for. Pairs with [SE1.sc] in
	 * pendi_ring_commit(). */
	pendi_fence_store_load_after_rmw(SE1);
	if (!pendi_queue_peek(&ring->queue, &window))
		return false;
	pendi_ring_tell(ring);
	return true;
}

/* Reads the record that @item names, unless somebody else does or did. */
static bool ring_claim(struct pendi_ring *ring, uint64_t item, struct pend_notice *notice,
		       void *key)
{
	const uint32_t record = (uint32_t)(item & RING_INDEX_MASK);
	struct ring_record *at = ring_at(ring, record);
	/* relaxed: the CAS validates it. */
	uint64_t word = pendi_load_relaxed(&at->word);

	if (!(word & RING_READY) || ((word >> 1) & RING_LIVES_MASK) != item >> RING_INDEX_BITS)
		return false;
	/* relaxed: only one reader succeeds; it is the item's own life, so what was written to the
	 * record came with the item (QU1). */
	if (!pendi_cas_relaxed(&at->word, &word, word & ~RING_READY))
		return false;
	*notice = at->notice;
	if (key)
		memcpy(key, at->key, ring->key_size);
	pendi_ring_discard(ring, record);
	return true;
}

uint32_t pendi_ring_read(struct pendi_ring *ring, struct pend_notice *notices, void *keys,
			 uint32_t count)
{
	struct pendi_queue_window window;
	uint32_t taken = 0, i;

	while (taken < count) {
		if (!pendi_queue_peek(&ring->queue, &window)) {
			if (!ring_settle(ring))
				break;
			continue;
		}
		for (i = 0; i < window.count && taken < count; i++) {
			char *key = keys ? (char *)keys + (size_t)taken * ring->key_size : NULL;

			taken += ring_claim(ring, window.items[i], &notices[taken], key);
		}
		if (i == window.count)
			pendi_queue_advance(&ring->queue, &window);
	}
	return taken;
}

void pendi_ring_count(const struct pendi_ring *ring, uint64_t *committed, uint64_t *waiting)
{
	*committed = *waiting = 0;
	for (uint32_t i = 0; i < ring->count; i++) {
		/* relaxed: a moment's estimate. */
		const uint64_t word = pendi_load_relaxed(&ring_at(ring, i)->word);

		*committed += word >> 1;
		*waiting += word & RING_READY;
	}
}
