/* SPDX-License-Identifier: MIT */
/*
 * simulator_names.h - a fixed pool of elements that are reached by name, each with one word that
 * decides.
 *
 *	name    generation:32 | element's number:32           never 0, never of two elements
 *	word    generation:32 | named:1 | references:15 | state:16
 *
 *	free -> taken (one reference, no name) -> named -> no name -> last reference put -> free
 *
 * Whoever has a name gets a reference and so the element, or nothing. What the element is, its owner
 * says in the sixteen state bits, and each change of them is one compare-and-swap of the word: of two
 * that want contrary things one gets them (guarantee A). Elements are never unmapped, so a name that
 * is too old finds a word of another generation and no more.
 *
 * Progress: lock-free.
 */
#ifndef PENDI_ENGINE_BACKEND_SIMULATOR_NAMES_H
#define PENDI_ENGINE_BACKEND_SIMULATOR_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <pendmap/allocator.h>

#include "platform/atomic.h"

#define PENDI_NAMED UINT64_C(0x80000000)
#define PENDI_NAMED_REFERENCE UINT64_C(0x10000)
#define PENDI_NAMED_REFERENCES UINT64_C(0x7fff0000)
#define PENDI_NAMED_STATE UINT64_C(0xffff)

/* The first member of an element. */
struct pendi_named {
	_Atomic uint64_t word;
	_Atomic uint32_t behind; /* in the list of free ones: number + 1, or 0 */
	uint32_t number;
};

struct pendi_names {
	char *elements;
	uint32_t stride;
	uint32_t count;
	_Atomic uint32_t fresh; /* elements that were ever taken: the first so many */
	_Atomic uint64_t freed; /* the newest free one: tag:32 | number + 1:32 */
	size_t bytes;
	const struct pend_allocator *allocator;
};

/* What must be so, and what then becomes: of state bits and PENDI_NAMED. */
struct pendi_change {
	uint64_t all;  /* these bits are set */
	uint64_t any;  /* 0, or one of these is set */
	uint64_t none; /* none of these is set */
	uint64_t clear;
	uint64_t set;
};

/* 0 or -ENOMEM. @allocator is borrowed. */
int pendi_names_init(struct pendi_names *names, uint32_t count, size_t stride,
		     const struct pend_allocator *allocator);
void pendi_names_fini(struct pendi_names *names);

/* A free element with one reference, no name, no state; NULL: there is none. */
struct pendi_named *pendi_names_take(struct pendi_names *names);
/* What the name stands for, with one reference more; NULL: nothing any more. */
struct pendi_named *pendi_names_get(struct pendi_names *names, uint64_t name);
/* The element of a number, if it has a name now; as above. For walks: 0 .. pendi_names_walk() - 1. */
struct pendi_named *pendi_names_get_at(struct pendi_names *names, uint32_t number);
uint32_t pendi_names_walk(const struct pendi_names *names);
/* A reference is given back. True: it was the last one of an element that has no name any more, which
 * the caller ends with pendi_names_free() when nothing is left in it. */
bool pendi_names_put(struct pendi_named *named);
void pendi_names_free(struct pendi_names *names, struct pendi_named *named);
/* Whether nobody is inside of any call that concerns an element: each is free, or has its name and no
 * reference. Only when no new call can come. */
bool pendi_names_are_idle(const struct pendi_names *names);

/* The name that a taken element has, or will have. */
uint64_t pendi_named_name(const struct pendi_named *named);
/* Its word now, with what whoever made it so had written before. */
uint64_t pendi_named_word(const struct pendi_named *named);
/* Makes the change, and puts the new word into @after (may be NULL); or false: it may not be made, and
 * the word that says so. */
bool pendi_named_change(struct pendi_named *named, const struct pendi_change *change,
			uint64_t *after);

#endif
