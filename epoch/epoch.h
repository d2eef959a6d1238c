/* SPDX-License-Identifier: MIT */
/*
 * epoch.h - reclamation: what a reader reached by pointer stays until the reader leaves.
 *
 * One domain for the process. A reader brackets its accesses with enter and exit; a writer
 * unlinks an object, so that no new reader can find it, and retires it; the object's function
 * runs after every reader that was inside at that moment has left.
 *
 * Two implementations stand behind this header, chosen when the library is built: native.c
 * and urcu.c. One conformance suite runs on both.
 *
 * The nodes are inside the objects, so retiring allocates nothing and cannot fail, and limbo
 * holds no memory of its own: it is bounded because whoever retires owns bounded pools (the
 * reserve of a map) and stops when its pool is empty. pendi_epoch_limbo() says how much waits.
 */
#ifndef PENDI_EPOCH_EPOCH_H
#define PENDI_EPOCH_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

#include "epoch/thread.h"
#include "platform/atomic.h"

/* Embedded in what will be retired: 16 bytes, 8-aligned, the epoch's while in limbo. */
struct pendi_epoch_node {
	struct pendi_epoch_node *next;
	void (*reclaim)(struct pendi_epoch_node *node);
};

_Static_assert(sizeof(struct pendi_epoch_node) == 16, "slots reserve 16 bytes for it");

struct pendi_epoch_stall {
	int32_t tid;       /* its kernel thread id */
	uint32_t thread;   /* its number, thread.h */
	uint64_t since_ns; /* boot clock, when a report first saw it in this section */
};

/* Enter and exit nest. Inside, pointers to retired objects stay valid. 0, or -EAGAIN when the
 * thread could not be registered. Wait-free; about a nanosecond; not async-signal-safe. */
int pendi_epoch_enter(void);
void pendi_epoch_exit(void);

/* Whether the calling thread is inside. */
bool pendi_epoch_inside(void);

/* Whether the calling thread may wait for readers: it is neither inside nor in a reclaim function. */
bool pendi_epoch_may_wait(void);

/* Runs @node->reclaim (already set) once no reader can hold the object. The function runs on
 * any thread that calls into the epoch later, or on one of the implementation's own, outside any
 * reader section of its own making; it must return, must not block, and may enter, retire and
 * poll. Lock-free. */
void pendi_epoch_retire(struct pendi_epoch_node *node);

/* The same for @count nodes linked through next, the last one's next being NULL. */
void pendi_epoch_retire_batch(struct pendi_epoch_node *first, struct pendi_epoch_node *last,
			      uint32_t count);

/* Tries to move limbo on without waiting: advances if no reader holds it up, runs what became
 * safe. Returns how many functions ran. Lock-free; may be called inside a section (which then
 * holds it up). About 1 us when there is something in limbo, nothing otherwise. */
uint32_t pendi_epoch_poll(void);

/* Waits until every reader section that was open has closed. Blocking on them. -EDEADLK inside
 * a section and in a reclaim function. */
int pendi_epoch_synchronize(void);

/* Waits until every node retired before the call has had its function run. Blocking on the
 * readers and the functions; -EDEADLK inside a section and in a reclaim function. */
int pendi_epoch_barrier(void);

/* Nodes now in limbo; exact when nobody retires. */
uint64_t pendi_epoch_limbo(void);

/* Fills @stalls with at most @count readers that have been in one section, and so have held up
 * reclamation, for @threshold_ns or longer, oldest first, and returns how many there are. Each
 * call takes one sample: a reader is first seen by one call and reported by a later one. Any
 * thread, lock-free. */
uint32_t pendi_epoch_stalled(uint64_t threshold_ns, struct pendi_epoch_stall *stalls,
			     uint32_t count);

/* Which fence readers use. */
enum pendi_epoch_fence {
	PENDI_EPOCH_FENCE_ASYMMETRIC = 0, /* a compiler barrier; the writer pays a membarrier */
	PENDI_EPOCH_FENCE_PORTABLE = 1,   /* a store-load fence at each outermost enter */
};

/* Selects the fence; asymmetric falls back to portable where membarrier is refused. -EBUSY while
 * a thread is inside a section (or polls, or another selects): nothing has changed. -EINVAL for
 * an unknown value, -EOPNOTSUPP where the implementation has no choice. The default is
 * asymmetric. Any thread, at any time; blocks nobody. */
int pendi_epoch_fence_select(enum pendi_epoch_fence fence);

/* The fence in force. */
enum pendi_epoch_fence pendi_epoch_fence_in_force(void);

/* The name of the implementation: "native" or "liburcu". */
const char *pendi_epoch_name(void);

#endif
