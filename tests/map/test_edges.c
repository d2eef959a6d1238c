/* SPDX-License-Identifier: MIT */
/*
 * test_edges.c - what is at the edge of a call's conditions: handles nobody was given, a bad request
 * among those that a full or closed map refuses, a function that polls its own map, hints that are
 * older than the map they reach.
 */
#include "tests/map/manual.h"

#include <pendmap/upstream.h>

#include "platform/memory.h"

Test(edges, a_handle_that_nobody_was_given_has_no_frame)
{
	struct pend_map *map = make_keyed(1);
	const uint64_t handle = pend_key(map, 1);
	uint64_t next;

	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	/* relaxed: one thread. The free slot has the generation of what is pended next. */
	next = pendi_handle_make(
		pendi_load_relaxed(&pendi_map_slot(map, pendi_handle_slot(handle))->word),
		pendi_handle_slot(handle));
	cr_assert_neq(next, handle);
	REFUSED(map, -ENOENT, pend_map_close_frame(map, next, PEND_VERDICT_PEND));
	destroy(map);
}

/* Only who decides counts what came too late. */
Test(edges, a_cancel_of_no_slot_is_not_counted)
{
	struct pend_map *map = make_keyed(4);

	REFUSED(map, -ENOENT, pend_map_cancel(map, ~UINT64_C(0)));
	COUNTED(map, -ENOENT, late, pend_map_complete(map, ~UINT64_C(0), PEND_ACTION_BLOCK));
	destroy(map);
}

/* What is wrong with a request is said also where all are refused, and it is not counted. */
Test(edges, a_bad_request_among_those_that_are_refused)
{
	static const uint64_t keys[3] = { 10, 11, 12 };
	struct pend_request requests[3] = { request_of(&keys[0], NULL), request_of(&keys[1], NULL),
					    request_of(&keys[2], NULL) };
	struct pend_map *map = make_keyed(2);
	struct pend_map_stats stats;
	uint64_t handles[3];
	int results[3];

	(void)pend_key(map, 1);
	(void)pend_key(map, 2);
	requests[1].key_size = 7;
	cr_assert_eq(pend_map_pend_batch(map, requests, 3, handles, results), 0);
	cr_assert_eq(results[0], -ENOSPC);
	cr_assert_eq(results[1], -EMSGSIZE);
	cr_assert_eq(results[2], -ENOSPC);
	cr_assert_eq(handles[1], 0);
	stats = stats_of(map);
	cr_assert_eq(stats.refused_full, 2);
	cr_assert_eq(pend_map_disable(map, 0), 0);
	cr_assert_eq(pend_map_pend_batch(map, requests, 3, handles, results), 0);
	cr_assert_eq(results[0], -ESHUTDOWN);
	cr_assert_eq(results[1], -EMSGSIZE);
	cr_assert_eq(stats_of(map).refused_stopped, stats.refused_stopped + 2);
	destroy(map);
}

Test(edges, a_bad_map_comes_before_a_bad_pointer)
{
	const uint64_t key = 1;

	cr_assert_eq(pend_map_peek_key(NULL, &key, 8, NULL, NULL), -EFAULT);
	cr_assert_eq(pend_map_peek_key(make_destroyed(), &key, 8, NULL, NULL), -ESHUTDOWN);
}

static struct {
	struct pend_map *map;
	int polled;
	uint32_t reruns;
} polling;

static void poll_own_map(void *context, const struct pend_operation *operation)
{
	(void)context;
	(void)operation;
	polling.polled = pend_map_poll(polling.map, UINT32_MAX);
}

static int count_rerun(void *context, const struct pend_operation *operation)
{
	(void)context;
	(void)operation;
	polling.reruns++;
	return PEND_VERDICT_PEND;
}

/* A completion function may poll; a re-run may not (test_rerun.c). */
Test(edges, a_completion_function_may_poll)
{
	struct pend_map_options options = keyed(4, 0);
	uint64_t first, second;

	options.on_complete = poll_own_map;
	options.on_rerun = count_rerun;
	polling.map = make(&options);
	first = pend_key(polling.map, 1);
	second = pend_key(polling.map, 2);
	cr_assert_eq(pend_map_complete(polling.map, second, PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(pend_map_complete(polling.map, first, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(polling.polled, 1);
	cr_assert_eq(polling.reruns, 1);
	destroy(polling.map);
}

/* In a map whose operations have no deadline, another cycle has none either, whatever the first one
 * had; but for the lifetime. */
Test(edges, a_new_cycle_without_a_deadline)
{
	static const uint64_t lifetimes_ns[] = { PEND_DEADLINE_NONE, HOUR };
	struct pend_engine *engine = make_engine();

	for (uint32_t i = 0; i < 2; i++) {
		struct told told = { 0 };
		struct pend_map_options options = managed(engine, &told, 4);
		uint64_t handle, pended_ns;
		struct pend_map *map;

		options.deadline_ns = PEND_DEADLINE_NONE;
		options.lifetime_ns = lifetimes_ns[i];
		options.on_rerun = count_rerun;
		map = make(&options);
		handle = pend_with(map, 1, 0, SECOND);
		pended_ns = info_of(map, handle).pend_time_ns;
		cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_CONTINUE), 0);
		(void)serve_all(engine);
		cr_assert_eq(info_of(map, handle).state, PEND_STATE_PENDING);
		cr_assert_eq(info_of(map, handle).deadline_ns,
			     i ? rounded_up(pended_ns + HOUR) : PEND_DEADLINE_NONE);
		pass_time(engine, 60 * SECOND, SECOND);
		cr_assert_eq(told.count, 0);
		destroy(map);
	}
	destroy_engine(engine);
}

/* Hints that outlive their map reach the next one of its number, which has fewer slots. */
Test(edges, hints_of_an_earlier_map)
{
	enum { MANY = 48 };
	struct pend_engine *engine = make_engine();
	struct told told = { 0 };
	struct pend_map_options options = managed(engine, &told, MANY);
	struct pend_map *map = make(&options);
	const uint32_t number = map->client.number;

	for (uint64_t key = 0; key < MANY; key++)
		cr_assert_eq(pend_map_complete(map, pend_key(map, key), PEND_ACTION_BLOCK), 0);
	destroy(map);
	cr_assert_eq(told.count, MANY);
	options.max_entries = 1;
	map = make(&options);
	/* The number is used again at once, or late: then the hints are handed over. */
	for (uint32_t slot = 0; map->client.number != number && slot < MANY; slot++)
		cr_assert(pendi_engine_hint(&map->client, 0, slot));
	(void)pend_key(map, 1);
	(void)serve_all(engine);
	cr_assert_eq(told.count, MANY);
	cr_assert_eq(stats_of(map).live, 1);
	destroy(map);
	destroy_engine(engine);
}

/* ---- upstream's words for a map without an engine ---- */

Test(edges, staged_without_an_engine)
{
	struct told told = { 0 };
	struct pend_map_options options = keyed(4, 0);
	struct pend_value value = { PEND_VALUE_VERSION, sizeof(value), PEND_ACTION_PERMIT_HARD, 0 };
	struct pend_key key = { .version = PEND_KEY_VERSION, .size = sizeof(key) };
	struct pend_map *map;

	options.on_complete = tell;
	options.context = &told;
	map = make(&options);
	key.pend_id = pend_key(map, 1);
	cr_assert_eq(pend_map_update_elem(NULL, map, &key, &value, PEND_BPF_EXIST), 0);
	cr_assert_eq(told.count, 0);
	cr_assert_eq(pend_map_delete_elem(NULL, map, &key), 0);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.operations[0].action, PEND_ACTION_PERMIT_HARD);
	destroy(map);
}

/* ---- a map on several nodes ---- */

static struct {
	const char *pages[16];
	size_t bytes[16];
	uint32_t nodes[16];
	uint32_t bound, interleaved;
} placed;

static bool nodes_usable(void)
{
	return true;
}

static bool two_nodes(uint32_t node)
{
	return node < 2;
}

static uint32_t node_of(uint32_t cpu)
{
	return cpu % 2;
}

static int note_bind(void *pages, size_t bytes, uint32_t node)
{
	if (placed.bound < 16) {
		placed.pages[placed.bound] = pages;
		placed.bytes[placed.bound] = bytes;
		placed.nodes[placed.bound] = node;
	}
	placed.bound++;
	return -ENOMEM; /* nothing fails for it */
}

static int note_interleave(void *pages, size_t bytes)
{
	(void)pages;
	(void)bytes;
	placed.interleaved++;
	return -ENOMEM;
}

static void count_placed(struct pend_engine *engine, uint32_t max_entries, uint32_t key_size,
			 const struct pend_allocator *allocator)
{
	struct pend_map_options options = keyed(max_entries, 0);

	memset(&placed, 0, sizeof(placed));
	options.engine = engine;
	options.key_size = key_size;
	options.allocator = allocator;
	destroy(make(&options));
}

/* Whether part of the @bytes at @memory was bound to @node. */
static bool was_bound(const void *memory, size_t bytes, uint32_t node)
{
	const char *begin = memory;

	for (uint32_t i = 0; i < placed.bound && i < 16; i++)
		if (placed.pages[i] >= begin && placed.pages[i] < begin + bytes &&
		    placed.nodes[i] == node)
			return true;
	return false;
}

static void *own_allocate(void *context, size_t size, size_t alignment)
{
	return pendi_memory_default.allocate(context, size, alignment);
}

static void own_release(void *context, void *memory, size_t size)
{
	pendi_memory_default.release(context, memory, size);
}

static const struct pend_allocator own_memory = { .size = sizeof(own_memory),
						  .allocate = own_allocate,
						  .release = own_release };

/* Slots and agendas are near the CPUs that use them, the index is everywhere; where that is worth it. */
Test(edges, memory_is_placed_on_its_node)
{
	enum { MANY = 1u << 18, FEW = 64 };
	struct pend_engine *engine;
	struct pend_map_options options;
	struct pend_map *map;

	pendi_script.numa_usable = nodes_usable;
	pendi_script.numa_has_memory = two_nodes;
	pendi_script.numa_bind = note_bind;
	pendi_script.numa_interleave = note_interleave;
	engine = make_engine();
	pendi_script.cpu_node = node_of;
	options = managed(engine, NULL, MANY);
	memset(&placed, 0, sizeof(placed)); /* what the engine placed */
	map = make(&options);
	cr_assert_eq(placed.interleaved, 1);
	cr_assert_eq(placed.bound, 2 * MACHINE_CPUS);
	for (uint32_t cpu = 0; cpu < MACHINE_CPUS; cpu++) {
		const struct pendi_agenda *agenda = &map->parts[cpu].agenda;

		cr_assert(was_bound(agenda->levels[0], agenda->bytes, cpu % 2));
	}
	destroy(map);
	count_placed(NULL, MANY, 8, NULL);
	cr_assert_eq(placed.bound, MACHINE_CPUS, "no agendas");
	cr_assert_eq(placed.interleaved, 1);
	count_placed(engine, FEW, 8, NULL);
	cr_assert_eq(placed.bound, 0, "smaller than a mapping");
	cr_assert_eq(placed.interleaved, 0);
	count_placed(NULL, MANY, 0, NULL);
	cr_assert_eq(placed.interleaved, 0, "no index");
	count_placed(engine, MANY, 8, &own_memory);
	cr_assert_eq(placed.bound, 0, "that is the allocator's business");
	cr_assert_eq(placed.interleaved, 0);
	destroy_engine(engine);
}
