/* SPDX-License-Identifier: MIT */
/*
 * consumer-jemalloc.c - a map whose memory comes from an installed pendmap-jemalloc, as C11 and
 * as C++17, in a program whose malloc() stays the C library's.
 */
#include <stdlib.h>

#include <malloc.h>

#include <pendmap/jemalloc.h>
#include <pendmap/pendmap.h>

int main(void)
{
	struct pend_map_options options = pend_map_options_default();
	struct pend_allocator *allocator = NULL;
	struct pend_map *map = NULL;
	const size_t before = mallinfo2().uordblks;
	void *const block = malloc(100000);

	/* Asked for its size, so that it cannot be left out. */
	if (malloc_usable_size(block) < 100000 || mallinfo2().uordblks < before + 100000)
		return 1;
	free(block);
	/* Where memory cannot be placed, it is at least jemalloc's. */
	if (pend_jemalloc_create(PEND_JEMALLOC_NUMA, PEND_JEMALLOC_NODE_OF_CPU, &allocator) != 0 &&
	    pend_jemalloc_create(0, PEND_JEMALLOC_NODE_OF_CPU, &allocator) != 0)
		return 2;
	options.max_entries = 100000;
	options.allocator = allocator;
	if (pend_map_create(&options, &map) != 0)
		return 3;
	if (pend_jemalloc_destroy(allocator) == 0)
		return 4; /* the map has memory of it */
	if (pend_map_destroy(map) != 0)
		return 5;
	return pend_jemalloc_destroy(allocator) == 0 ? 0 : 6;
}
