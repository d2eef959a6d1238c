/* SPDX-License-Identifier: MIT */
/*
 * native.h - what native.c and native_wait.c share: the state, and the two steps of reclamation.
 */
#ifndef PENDI_EPOCH_NATIVE_H
#define PENDI_EPOCH_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "epoch/record.h"
#include "platform/atomic.h"

#define PENDI_BAGS 4u

enum pendi_fences {
	PENDI_FENCES_PORTABLE = 0,   /* readers and advancers: a store-load fence */
	PENDI_FENCES_BOTH = 1,       /* readers: a store-load fence; advancers: a membarrier */
	PENDI_FENCES_ASYMMETRIC = 2, /* readers: nothing; advancers: a membarrier */
};

/* Read by every enter, written by every advance. */
struct pendi_native_domain {
	PENDI_APART(2) _Atomic uint32_t epoch;
	_Atomic uint32_t fences;
	/* Whether a call of pendi_epoch_fence_select() is under way. */
	_Atomic uint32_t selecting;
	/* Membarriers that the kernel refused after it had accepted the registration. */
	_Atomic uint64_t refusals;
};

extern struct pendi_native_domain pendi_native __attribute__((visibility("hidden")));

/* Lanes in use. Written once, by pendi_epoch_begin(). */
extern uint32_t pendi_native_lanes;

/* Whether some section is open that did not enter at @epoch; with @any: that is open at all. */
bool pendi_native_held_up(uint32_t epoch, bool any);

/* Takes the epoch one step on, if no reader holds it up and no other thread does it. */
bool pendi_native_advance(struct pendi_thread_record *self);

/* A turn: takes the bag of lane number @lane that is safe now and runs its functions, with
 * cancellation held back. Returns how many, and in @bag which bag it was. */
uint32_t pendi_native_collect(struct pendi_thread_record *self, uint32_t lane, uint32_t *bag);

/* Whether the owner of @self is running functions now: a poll from one of them does nothing. */
static inline bool pendi_native_in_turn(const struct pendi_thread_record *self)
{
	/* relaxed: only the owner writes it, and the owner asks. */
	return pendi_load_relaxed(&self->turns) & 1;
}

#endif
