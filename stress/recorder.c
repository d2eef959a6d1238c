/* SPDX-License-Identifier: MIT */
/*
 * recorder.c - an allocator that remembers what it gave. Each piece is a mapping of its own.
 */
#include "stress/recorder.h"

#include <sys/mman.h>

#define PAGE 4096u

static size_t round_up(size_t size)
{
	return (size + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static void *recorder_allocate(void *context, size_t size, size_t alignment)
{
	struct recorder *recorder = context;
	uint64_t at = cell_add(&recorder->used, 1);
	void *memory;

	(void)alignment; /* at most that of a page */
	if (at >= RECORDER_MOST)
		return NULL;
	memory = mmap(NULL, round_up(size), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	cell_add(&recorder->calls, 1);
	cell_add(&recorder->bytes, size);
	cell_write(&recorder->ranges[at].size, round_up(size));
	cell_write(&recorder->ranges[at].address, (uintptr_t)memory);
	return memory;
}

static void recorder_release(void *context, void *memory, size_t size)
{
	struct recorder *recorder = context;

	cell_add(&recorder->bytes, (uint64_t)0 - size);
	for (uint32_t i = 0; i < RECORDER_MOST; i++) {
		if (cell_change(&recorder->ranges[i].address, (uintptr_t)memory, 0))
			break;
	}
	munmap(memory, round_up(size));
}

void recorder_make(struct recorder *recorder)
{
	*recorder = (struct recorder){ .allocator = { .size = sizeof(recorder->allocator),
						      .context = recorder,
						      .allocate = recorder_allocate,
						      .release = recorder_release } };
}
