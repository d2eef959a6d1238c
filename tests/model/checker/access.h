/* SPDX-License-Identifier: MIT */
/*
 * access.h - what the atomics of a checked build call: one call for each access, with its site.
 *
 * A site is one place in the source. Its record lies in a section of its own (sites.c), so that the
 * checker can list all of them, and weaken one while it runs: `now` is what an access obeys.
 */
#ifndef TESTS_MODEL_ACCESS_H
#define TESTS_MODEL_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum model_kind {
	MODEL_LOAD_,
	MODEL_STORE_,
	MODEL_CAS_,
	MODEL_EXCHANGE_,
	MODEL_ADD_,
	MODEL_FENCE_, /* store-load */
	MODEL_FENCE_AFTER_RMW_,
	MODEL_FENCE_LIGHT_,
	MODEL_FENCE_HEAVY_, /* pendi_membarrier() */
};

/* Bits; relaxed is none of them. A fence has only MODEL_SEQ_CST. */
enum model_order { MODEL_RELAXED, MODEL_ACQUIRE = 1, MODEL_RELEASE = 2, MODEL_SEQ_CST = 4 };

#define MODEL_ACQ_REL (MODEL_ACQUIRE | MODEL_RELEASE)

struct model_site {
	_Alignas(64) const char *file; /* so that the section is an array of them */
	const char *function;
	const char *text;                        /* of the operand */
	const char *acquire_edge, *release_edge; /* those that it has; of a fence the first */
	uint32_t line;
	uint8_t kind;
	uint8_t order; /* as written */
	uint8_t now;   /* ... and weakened */
};

/* Values are of 1, 2, 4 or 8 bytes. */
void model_load(struct model_site *site, const void *at, void *value, size_t size);
void model_store(struct model_site *site, void *at, const void *value, size_t size);

/* Whether *at was *expected and is *value now; *expected becomes what was found. */
bool model_cas(struct model_site *site, void *at, void *expected, const void *value, size_t size);
uint64_t model_exchange(struct model_site *site, void *at, uint64_t value, size_t size);
uint64_t model_add(struct model_site *site, void *at, uint64_t value, size_t size);

/* All fences but the heavy one. */
void model_fence(struct model_site *site);
/* The next heavy fence is of this site. */
void model_fence_heavy(struct model_site *site);

void model_relax(void);
void model_once(void *once, void (*function)(void));

#endif
