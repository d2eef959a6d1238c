/* SPDX-License-Identifier: MIT */
/*
 * pages.c - big memory for tables and rings: anonymous pages that ask for huge ones.
 *
 * A mapping of 2 MiB or more is made 2 MiB too long and trimmed, so that it begins on a huge page.
 */
#include "bench/measure/pages.h"

#include <stdint.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

static size_t rounded(size_t bytes)
{
	const size_t unit = bytes >= HUGE_PAGE ? HUGE_PAGE : 4096;

	return (bytes + unit - 1) / unit * unit;
}

void *bench_pages_map(size_t bytes)
{
	const size_t size = rounded(bytes);
	const size_t slack = size >= HUGE_PAGE ? HUGE_PAGE : 0;

	if (bytes == 0 || bytes > SIZE_MAX - 2 * HUGE_PAGE)
		return NULL;
	unsigned char *start = mmap(NULL, size + slack, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (start == MAP_FAILED)
		return NULL;
	if (slack) {
		const size_t before = (HUGE_PAGE - (uintptr_t)start % HUGE_PAGE) % HUGE_PAGE;

		if (before)
			munmap(start, before);
		if (slack - before)
			munmap(start + before + size, slack - before);
		start += before;
		madvise(start, size, MADV_HUGEPAGE);
	}
	return start;
}

void bench_pages_unmap(void *pages, size_t bytes)
{
	if (pages)
		munmap(pages, rounded(bytes));
}

void bench_pages_advise(void *memory, size_t bytes)
{
	const uintptr_t first = ((uintptr_t)memory + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	const uintptr_t last = ((uintptr_t)memory + bytes) / HUGE_PAGE * HUGE_PAGE;

	if (first >= last)
		return;
	void *start = (unsigned char *)memory + (first - (uintptr_t)memory);

	madvise(start, last - first, MADV_HUGEPAGE);
	madvise(start, last - first, MADV_COLLAPSE);
}
