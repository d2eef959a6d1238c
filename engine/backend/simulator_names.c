/* SPDX-License-Identifier: MIT */
/*
 * simulator_names.c - the pool of named elements. See simulator_names.h.
 *
 * Free elements are a stack; its head has a tag that each change moves on, so that an element that
 * was taken and freed in between is not mistaken. Elements that were never taken are not in it: they
 * are taken in order, and their memory is not touched before.
 */
#include "engine/backend/simulator_names.h"

#include <errno.h>

#include "platform/memory.h"

#define TAG_ONE UINT64_C(0x100000000)

static struct pendi_named *named_at(const struct pendi_names *names, uint32_t number)
{
	return (struct pendi_named *)(names->elements + (size_t)number * names->stride);
}

int pendi_names_init(struct pendi_names *names, uint32_t count, size_t stride,
		     const struct pend_allocator *allocator)
{
	const size_t line = PENDI_CACHE_LINE;

	names->stride = (uint32_t)((stride + line - 1) / line * line);
	names->count = count;
	names->bytes = (size_t)count * names->stride;
	names->allocator = allocator;
	names->elements = pendi_memory_allocate(allocator, names->bytes, PENDI_CACHE_LINE);
	/* relaxed, both: nobody else knows it yet. */
	pendi_store_relaxed(&names->fresh, 0);
	pendi_store_relaxed(&names->freed, 0);
	return names->elements ? 0 : -ENOMEM;
}

void pendi_names_fini(struct pendi_names *names)
{
	pendi_memory_release(names->allocator, names->elements, names->bytes);
	names->elements = NULL;
}

static struct pendi_named *take_freed(struct pendi_names *names)
{
	struct pendi_named *named;
	uint64_t next;
	/* [SM2.acq] Pairs with [SM2.rel] in pendi_names_free(): the element as its last owner left
	 * it. The CAS that fails reads the head anew in the same way. */
	uint64_t head = pendi_load_acquire(&names->freed, SM2);

	do {
		if (!(uint32_t)head)
			return NULL;
		named = named_at(names, (uint32_t)head - 1);
		/* relaxed: if another took the element meanwhile, the tag has moved and this is
		 * read again. */
		next = pendi_load_relaxed(&named->behind);
		next |= (head & ~(uint64_t)UINT32_MAX) + TAG_ONE;
		/* [SM2.acq] As above. */
	} while (!pendi_cas_acquire(&names->freed, &head, next, SM2));
	return named;
}

static struct pendi_named *take_fresh(struct pendi_names *names)
{
	/* relaxed, both: the memory is as the allocator gave it, and only the winner touches it. */
	uint32_t number = pendi_load_relaxed(&names->fresh);

	do {
		if (number == names->count)
			return NULL;
	} while (!pendi_cas_relaxed(&names->fresh, &number, number + 1));
	named_at(names, number)->number = number;
	return named_at(names, number);
}

struct pendi_named *pendi_names_take(struct pendi_names *names)
{
	struct pendi_named *named = take_freed(names);
	uint64_t generation;

	if (!named)
		named = take_fresh(names);
	if (!named)
		return NULL;
	/* relaxed, both: nobody but the caller has the element, and what looks at its word meanwhile
	 * finds that it has no name. */
	generation = (pendi_load_relaxed(&named->word) >> 32) + 1;
	generation &= UINT32_MAX;
	pendi_store_relaxed(&named->word,
			    (generation ? generation : 1) << 32 | PENDI_NAMED_REFERENCE);
	return named;
}

/* A reference, if the element has a name, and, if @generation is not 0, that one. */
static bool named_get(struct pendi_named *named, uint64_t generation)
{
	/* relaxed: the CAS acquires. */
	uint64_t word = pendi_load_relaxed(&named->word);

	do {
		if (!(word & PENDI_NAMED) || (generation && word >> 32 != generation))
			return false;
		/* [SM1.acq] Pairs with [SM1.rel] in pendi_named_change(): the element as it was
		 * named. [SM1.rel] Keeps what was released before in the word's history. */
	} while (!pendi_cas_acq_rel(&named->word, &word, word + PENDI_NAMED_REFERENCE, SM1, SM1));
	return true;
}

struct pendi_named *pendi_names_get(struct pendi_names *names, uint64_t name)
{
	const uint32_t number = (uint32_t)name;
	struct pendi_named *named;

	/* relaxed: a name that was handed out is of an element that counts by then. */
	if (number >= pendi_load_relaxed(&names->fresh) || !(name >> 32))
		return NULL;
	named = named_at(names, number);
	return named_get(named, name >> 32) ? named : NULL;
}

struct pendi_named *pendi_names_get_at(struct pendi_names *names, uint32_t number)
{
	struct pendi_named *named = named_at(names, number);

	return named_get(named, 0) ? named : NULL;
}

uint32_t pendi_names_walk(const struct pendi_names *names)
{
	/* relaxed: an element that is taken later was not there when the walk began. */
	return pendi_load_relaxed(&names->fresh);
}

bool pendi_names_put(struct pendi_named *named)
{
	/* [SM1.rel] What this holder did with the element, for who frees it. [SM1.acq] Who frees it
	 * sees what all the others did. */
	const uint64_t word =
		pendi_fetch_add_acq_rel(&named->word, -PENDI_NAMED_REFERENCE, SM1, SM1);

	return !(word & PENDI_NAMED) && (word & PENDI_NAMED_REFERENCES) == PENDI_NAMED_REFERENCE;
}

void pendi_names_free(struct pendi_names *names, struct pendi_named *named)
{
	uint64_t next;
	/* relaxed: only the tag and the number are needed. */
	uint64_t head = pendi_load_relaxed(&names->freed);

	do {
		/* relaxed: the CAS publishes it. */
		pendi_store_relaxed(&named->behind, (uint32_t)head);
		next = ((head & ~(uint64_t)UINT32_MAX) + TAG_ONE) | (named->number + 1);
		/* [SM2.rel] Pairs with [SM2.acq] in take_freed(). */
	} while (!pendi_cas_release(&names->freed, &head, next, SM2));
}

bool pendi_names_are_idle(const struct pendi_names *names)
{
	const uint32_t fresh = pendi_names_walk(names);
	uint32_t known = 0;
	/* [SM2.acq] Pairs with [SM2.rel] in pendi_names_free(), which is the last that its caller does
	 * with the pool. */
	uint32_t at = (uint32_t)pendi_load_acquire(&names->freed, SM2);

	for (; at && known <= fresh; known++) {
		/* relaxed: published with the head. */
		at = pendi_load_relaxed(&named_at(names, at - 1)->behind);
	}
	for (uint32_t i = 0; i < fresh; i++) {
		const uint64_t word = pendi_named_word(named_at(names, i));

		if (word & PENDI_NAMED_REFERENCES)
			return false;
		known += !!(word & PENDI_NAMED);
	}
	return known == fresh;
}

uint64_t pendi_named_name(const struct pendi_named *named)
{
	/* relaxed: the caller has a reference, so the generation stays. */
	return (pendi_load_relaxed(&named->word) & ~(uint64_t)UINT32_MAX) | named->number;
}

uint64_t pendi_named_word(const struct pendi_named *named)
{
	/* [SM1.acq] Pairs with [SM1.rel] in pendi_named_change(). */
	return pendi_load_acquire(&named->word, SM1);
}

static bool change_is_allowed(const struct pendi_change *change, uint64_t word)
{
	return (word & change->all) == change->all && !(word & change->none) &&
	       (!change->any || word & change->any);
}

bool pendi_named_change(struct pendi_named *named, const struct pendi_change *change,
			uint64_t *after)
{
	/* [SM1.acq] As below, for who is told only that it may not be. */
	uint64_t word = pendi_load_acquire(&named->word, SM1);
	uint64_t next = word;
	bool allowed;

	do {
		allowed = change_is_allowed(change, word);
		next = allowed ? (word & ~change->clear) | change->set : word;
		/*
		 * [SM1.acq] Whoever changes it sees all that those who changed it before had
		 * written: the stage that was run, the pend that holds it, the verdict. [SM1.rel]
		 * ... and writes for the next. Without: a kill cancels another pend.
		 */
	} while (allowed && !pendi_cas_acq_rel(&named->word, &word, next, SM1, SM1));
	if (after)
		*after = next;
	return allowed;
}
