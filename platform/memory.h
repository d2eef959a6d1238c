/* SPDX-License-Identifier: MIT */
/*
 * memory.h - the default source of memory, and the checks every source passes through.
 *
 * Requests of PENDI_MEMORY_MAP_BYTES and more are anonymous mappings, lazily zero, with advice
 * for huge pages where the size is worth it; smaller ones come from aligned_alloc(). All
 * allocation of the library goes through pendi_memory_allocate(), which is where tests make it
 * fail (script.h).
 */
#ifndef PENDI_PLATFORM_MEMORY_H
#define PENDI_PLATFORM_MEMORY_H

#include <stddef.h>

#include <pendmap/allocator.h>

#include "platform/compiler.h"

#define PENDI_MEMORY_MAP_BYTES ((size_t)64 * 1024)
#define PENDI_MEMORY_ALIGNMENT_BYTES ((size_t)4096) /* the most that may be asked for */

/* The allocator used when a caller names none. */
extern const struct pend_allocator pendi_memory_default;

/*
 * @size zeroed bytes aligned to @alignment (a power of two, at most
 * PENDI_MEMORY_ALIGNMENT_BYTES) from @allocator (NULL: the default), or NULL. Also NULL when a
 * scripted failure says so, when @size is 0 or @alignment is none, or when what the allocator
 * returned is misaligned (it is given back).
 */
void *pendi_memory_allocate(const struct pend_allocator *allocator, size_t size, size_t alignment);

/* Gives @memory back to the @allocator it came from, with the @size it was asked with. NULL is
 * ignored. */
void pendi_memory_release(const struct pend_allocator *allocator, void *memory, size_t size);

#endif
