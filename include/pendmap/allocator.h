/* SPDX-License-Identifier: MIT */
/*
 * allocator.h - where a map's memory comes from.
 */
#ifndef PENDMAP_ALLOCATOR_H
#define PENDMAP_ALLOCATOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A source of memory. A map calls it while it is created and destroyed and at no other time:
 * pending, completing and looking up allocate nothing.
 *
 * Both functions are mandatory. They may be called by any thread, by several at once, and must
 * not call back into pendmap.
 */
struct pend_allocator {
	uint32_t size;     /**< sizeof(struct pend_allocator) as the caller compiled it */
	uint32_t reserved; /**< zero */
	void *context;     /**< handed to both functions, never read */

	/**
	 * Returns @p size bytes (1 or more), all zero, aligned to @p alignment (a power of two,
	 * at most 4096), or NULL. Memory that is mapped but not yet touched is best: a map of
	 * 2^24 entries asks for gigabytes and touches what it uses.
	 */
	void *(*allocate)(void *context, size_t size, size_t alignment);

	/** Takes back @p memory with the @p size it was asked with. Never called with NULL. */
	void (*release)(void *context, void *memory, size_t size);
};

#ifdef __cplusplus
}
#endif

#endif
