/* SPDX-License-Identifier: MIT */
/*
 * 03_shared_flag.c - the other way to stop: a flag that programs read, and a drain by hand.
 *
 * The upstream design offers two patterns for a pause. This is pattern (b): an array of one element
 * that every program reads when it begins; the orchestrator sets it, enumerates what is pended and
 * blocks it. It needs nothing but a map, and it promises less: a program that read the flag just
 * before it was set still pends, so the orchestrator has to look until it finds nothing twice.
 * Pattern (a), pend_map_disable(), has no such gap: use it where you can.
 */
#include <pendmap/pendmap.h>
#include <stdatomic.h>
#include <stdio.h>

enum { BATCH = 16 };

static _Atomic uint32_t paused; /* the shared array's only element */

/* A program: pends what it sees unless it is told to pause. */
static enum pend_verdict program(struct pend_map *map, uint64_t cookie)
{
	const struct pend_request request = { .cookie = cookie };
	uint64_t handle;

	if (atomic_load_explicit(&paused, memory_order_relaxed))
		return PEND_VERDICT_REJECT;
	return pend_map_pend(map, &request, &handle) == 0 ? PEND_VERDICT_PEND : PEND_VERDICT_REJECT;
}

/* Blocks all that is pended now. Returns how many there were. */
static int drain_once(struct pend_map *map)
{
	struct pend_cursor cursor = { 0 };
	struct pend_info infos[BATCH];
	int drained = 0, found;

	while ((found = pend_map_scan(map, &cursor, infos, NULL, BATCH)) > 0)
		for (int i = 0; i < found; i++)
			drained += pend_map_complete(map, infos[i].handle, PEND_ACTION_BLOCK) == 0;
	return drained;
}

int main(void)
{
	struct pend_map *map;
	int drained = 0, once;

	if (pend_map_create(NULL, &map) != 0)
		return 1;
	for (uint64_t i = 0; i < 100; i++)
		if (program(map, i) != PEND_VERDICT_PEND)
			return 1;
	printf("%d wait\n", pend_map_count(map));

	atomic_store_explicit(&paused, 1, memory_order_relaxed);
	printf("paused: the next is %s\n",
	       program(map, 100) == PEND_VERDICT_REJECT ? "rejected" : "pended");
	do {
		once = drain_once(map);
		drained += once;
	} while (once);
	printf("drained %d, %d wait\n", drained, pend_map_count(map));
	return pend_map_destroy(map) != 0;
}
