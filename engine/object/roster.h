/* SPDX-License-Identifier: MIT */
/*
 * roster.h - map headers that can still be asked whether they live after they were destroyed.
 *
 * A destroyed map's memory is freed, except for its header of a few hundred bytes: that goes to
 * the end of a list and is used again for a new map only when 64 others wait before it. So a call
 * on a destroyed map reads a header, finds it dead and returns -ESHUTDOWN, where it would else
 * read freed memory. The list only grows to what was ever alive at once plus 64.
 *
 * Creating and destroying take a mutex here; nothing else does.
 *
 * In the child of a fork all that the parent had made is dead: it has no threads there, and its
 * descriptors are the parent's too. Its memory stays until the child ends.
 */
#ifndef PENDI_ENGINE_OBJECT_ROSTER_H
#define PENDI_ENGINE_OBJECT_ROSTER_H

#include <pthread.h>
#include <stddef.h>

#include "platform/atomic.h"
#include "platform/fork.h"

#ifndef PENDI_ROSTER_QUARANTINE
#define PENDI_ROSTER_QUARANTINE 64u
#endif

/* What may be done with a map. */
enum pendi_stage {
	PENDI_STAGE_DEAD = 0,    /* nothing */
	PENDI_STAGE_ALIVE = 1,   /* everything */
	PENDI_STAGE_CLOSING = 2, /* being destroyed: everything but adding to it */
	PENDI_STAGE_STOPPED = 3, /* disabled: the same */
};

/* The first member of a header. */
struct pendi_roster_entry {
	_Atomic uint32_t stage; /* enum pendi_stage */
	uint32_t reserved;
	struct pendi_roster_entry *next;  /* while dismissed; under the roster's mutex */
	struct pendi_roster_entry *older; /* the one that was made before it; for good */
};

/* All headers of one type. Static: PENDI_ROSTER(). */
struct pendi_roster {
	pthread_mutex_t mutex;
	size_t header_bytes;
	struct pendi_roster_entry *oldest, *newest; /* dismissed */
	uint32_t dismissed;
	struct pendi_roster_entry *made; /* last */
	struct pendi_fork_guard guard;
};

#define PENDI_ROSTER(name, type)                                         \
	struct pendi_roster name = { .mutex = PTHREAD_MUTEX_INITIALIZER, \
				     .header_bytes = sizeof(type),       \
				     .guard = { .mutex = &name.mutex,    \
						.forget = pendi_roster_forget } }

/* In the child of a fork. */
void pendi_roster_forget(struct pendi_fork_guard *guard);

/* A zeroed header that is not alive yet, or NULL. */
void *pendi_roster_take(struct pendi_roster *roster);

/* DEAD -> ALIVE: the last thing a create does. */
void pendi_roster_enrol(struct pendi_roster_entry *entry);

/* ALIVE <-> STOPPED; nothing if it is neither. */
void pendi_roster_set_open(struct pendi_roster_entry *entry, bool open);

/* ALIVE, STOPPED -> CLOSING: the first thing a destroy does. True for exactly one caller. */
bool pendi_roster_close(struct pendi_roster_entry *entry);

/* CLOSING -> DEAD. */
void pendi_roster_dismiss(struct pendi_roster_entry *entry);

/* Gives a header that is DEAD back. */
void pendi_roster_put(struct pendi_roster *roster, struct pendi_roster_entry *entry);

PENDI_ALWAYS_INLINE enum pendi_stage pendi_roster_stage(const struct pendi_roster_entry *entry)
{
	/* relaxed: a caller has the pointer from whoever created the map, and that ordered it;
	 * calls that race with destroy are outside the contract. */
	return (enum pendi_stage)pendi_load_relaxed(&entry->stage);
}

#endif
