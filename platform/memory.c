/* SPDX-License-Identifier: MIT */
/*
 * memory.c - the default allocator, and the checked door to every allocator.
 *
 * The default one has two sources, and the size alone says which: release() is told the size and
 * not the alignment, so the choice must not depend on anything else.
 *
 *   below PENDI_MEMORY_MAP_BYTES   aligned_alloc() and memset()
 *   from there on                  a private anonymous mapping, zero because the kernel says so,
 *                                  not counted against the commit limit (MAP_NORESERVE): a map
 *                                  of 2^24 entries asks for gigabytes and touches what it uses
 *   from 2 MiB on                  the same, aligned to 2 MiB, with advice for huge pages: a
 *                                  random walk over the index then misses the TLB far less
 *
 * The kernel places a mapping on any page. An aligned one is cut out of a reservation that is
 * longer by the alignment; both ends go back at once.
 *
 * Progress: blocking (the C library's allocator, the kernel's memory map). Any thread.
 */
#include "platform/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "platform/script.h"

#define HUGE_PAGE_BYTES ((size_t)2 * 1024 * 1024)

static bool is_power_of_two(size_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

/* @size rounded up to a multiple of @unit, a power of two. The caller knows that it fits. */
static size_t round_up(size_t size, size_t unit)
{
	return (size + unit - 1) & ~(unit - 1);
}

static void *map_pages(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/*
 * @bytes of pages, aligned to @alignment, both multiples of the page size. An end that the
 * kernel refuses to take back stays reserved: address space that nobody touches.
 */
static void *map_aligned(size_t bytes, size_t alignment)
{
	char *const reserved = map_pages(bytes + alignment);
	size_t head;

	if (!reserved)
		return NULL;
	head = round_up((uintptr_t)reserved, alignment) - (uintptr_t)reserved;
	if (head)
		(void)munmap(reserved, head);
	(void)munmap(reserved + head + bytes, alignment - head);
	return reserved + head;
}

static void *map(size_t size, size_t alignment)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory;

	if (size >= HUGE_PAGE_BYTES && alignment < HUGE_PAGE_BYTES)
		alignment = HUGE_PAGE_BYTES;
	if (alignment > PTRDIFF_MAX - page || size > PTRDIFF_MAX - page - alignment)
		return NULL;
	size = round_up(size, page);
	memory = alignment <= page ? map_pages(size) : map_aligned(size, alignment);
	/* Advice: a kernel without huge pages says no, and small pages do as well. */
	if (memory && size >= HUGE_PAGE_BYTES)
		(void)madvise(memory, size, MADV_HUGEPAGE);
	return memory;
}

static void *allocate_small(size_t size, size_t alignment)
{
	void *memory;

	if (alignment > PTRDIFF_MAX)
		return NULL;
	memory = aligned_alloc(alignment, round_up(size, alignment));
	if (memory)
		memset(memory, 0, size);
	return memory;
}

static void *default_allocate(void *context, size_t size, size_t alignment)
{
	(void)context;
	if (size == 0 || !is_power_of_two(alignment))
		return NULL;
	return size < PENDI_MEMORY_MAP_BYTES ? allocate_small(size, alignment)
					     : map(size, alignment);
}

static void default_release(void *context, void *memory, size_t size)
{
	(void)context;
	if (size < PENDI_MEMORY_MAP_BYTES)
		free(memory);
	else
		(void)munmap(memory, size); /* the kernel rounds up to whole pages, as map() did */
}

const struct pend_allocator pendi_memory_default = {
	.size = sizeof(struct pend_allocator),
	.allocate = default_allocate,
	.release = default_release,
};

static const struct pend_allocator *or_default(const struct pend_allocator *allocator)
{
	return allocator ? allocator : &pendi_memory_default;
}

void *pendi_memory_allocate(const struct pend_allocator *allocator, size_t size, size_t alignment)
{
	const struct pend_allocator *const source = or_default(allocator);
	void *memory;

	if (size == 0 || !is_power_of_two(alignment) || alignment > PENDI_MEMORY_ALIGNMENT_BYTES)
		return NULL;
	if (pendi_script.allocation_fails && pendi_script.allocation_fails(size))
		return NULL;
	memory = source->allocate(source->context, size, alignment);
	if (memory && ((uintptr_t)memory & (alignment - 1)) != 0) {
		source->release(source->context, memory, size);
		return NULL;
	}
	return memory;
}

void pendi_memory_release(const struct pend_allocator *allocator, void *memory, size_t size)
{
	const struct pend_allocator *const source = or_default(allocator);

	if (memory)
		source->release(source->context, memory, size);
}
