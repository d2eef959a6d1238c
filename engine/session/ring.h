/* SPDX-License-Identifier: MIT */
/*
 * ring.h - the notices of one session: reserved before the pend, readable after the commit.
 *
 *	         .----------- discard -----------.
 *	         v                               |
 *	      free stack -- reserve --> in a pender's hands -- commit --> queue of committed ones
 *	         ^                                                              |
 *	         '------------------- read: claimed, copied --------------------'
 *
 * It is no ring in the order of reservations: a pender that stalls between reserve and commit would
 * hold up all notices behind it. So records come from a stack of free ones, and their numbers go
 * through a queue when they are committed. Who stalls, anywhere, keeps the one record in his hands
 * (guarantee E). Nothing is ever overwritten: without a free record a reservation is refused.
 *
 * The queue shows an item at least once (queue/queue.h). A record is read by who claims it, by one
 * compare-and-swap of its word from "ready" in the very life that the item names: so exactly once,
 * and in order, for an item that was served before finds another life.
 *
 *	record word: | lives 63 | ready 1 |      item: | lives 23 | record 20 |
 *	free head:   | pushes 43 | record 21 |   its tag makes each push distinct
 *
 * The queue has twice as many places as there are records. Besides the items of records that are
 * out, only places of the window at its head can be taken, sixteen: so a push finds room.
 *
 * The bell. An eventfd is readable whenever notices wait and the reader was told nothing since it
 * found the ring empty:
 *
 *	commit: push the item -> look at the bell        reader: found nothing -> drain -> arm the
 *	        armed: disarm it, write the eventfd              bell -> look again (SE1)
 *
 * Either the committer sees the bell armed, or the reader sees the item; then it makes the eventfd
 * readable itself, and reads on. A reader that is draining may eat what another one was told: so it
 * says first that it is, and committers write the eventfd as long as anybody says so, and so does who
 * finds no free record. What remains: if a reader is frozen between draining and its second look,
 * another reader of the same session may hear of a notice only when the next one is committed, or
 * refused.
 *
 * Edges: SE1 item against bell. SE2 a free record, from who gave it back to who takes it. SE3
 * what was told, to who drains. A notice is handed over by the queue (QU1). Progress:
 * lock-free; the eventfd is written without waiting.
 */
#ifndef PENDI_ENGINE_SESSION_RING_H
#define PENDI_ENGINE_SESSION_RING_H

#include <pendmap/session.h>

#include "engine/queue/queue.h"

#ifndef PENDI_RING_NOTICES_MIN
#define PENDI_RING_NOTICES_MIN 16u
#endif
#define PENDI_RING_NOTICES_MAX (1u << 20)
#define PENDI_RING_NONE UINT32_MAX

struct pendi_ring {
	char *records;
	uint32_t count;    /* records, a power of two */
	uint32_t key_size; /* bytes of key in each */
	size_t stride;     /* bytes of a record */
	int event;         /* the eventfd */
	struct pendi_queue queue;
	PENDI_APART(2) _Atomic uint64_t free;
	/* The bell: bit 0: armed; above: readers that are draining. */
	PENDI_APART(2) _Atomic uint32_t bell;
	_Atomic uint64_t told;    /* writes of the eventfd begun */
	_Atomic uint64_t heard;   /* ... and done */
	_Atomic uint64_t drained; /* @heard when it was drained last */
};

/* @count: a power of two in the range above. 0, -ENOMEM, or the error of eventfd(2): then nothing
 * is left behind. */
int pendi_ring_init(struct pendi_ring *ring, uint32_t count, uint32_t key_size,
		    const struct pend_allocator *allocator);
/* Nobody else uses it, or will. */
void pendi_ring_fini(struct pendi_ring *ring, const struct pend_allocator *allocator);

/* A record, or PENDI_RING_NONE if at some instant of the call none was free. */
uint32_t pendi_ring_reserve(struct pendi_ring *ring);
void pendi_ring_discard(struct pendi_ring *ring, uint32_t record);
/* @key: notice->key_size bytes, of which those are kept that there is room for. */
void pendi_ring_commit(struct pendi_ring *ring, uint32_t record, const struct pend_notice *notice,
		       const void *key);

/* Reads up to @count notices; @keys, unless NULL, gets key_size bytes for each. Returns how many.
 * Fewer than @count: it was empty, and the eventfd becomes readable with the next notice. */
uint32_t pendi_ring_read(struct pendi_ring *ring, struct pend_notice *notices, void *keys,
			 uint32_t count);

/* Makes the eventfd readable, if the bell is armed or somebody drains. */
void pendi_ring_tell(struct pendi_ring *ring) PENDI_COLD;
/* The same whether or not. */
void pendi_ring_tell_anyway(struct pendi_ring *ring) PENDI_COLD;

/* Sums over all records: notices that were committed, and those of them that were not read. */
void pendi_ring_count(const struct pendi_ring *ring, uint64_t *committed, uint64_t *waiting);

#endif
