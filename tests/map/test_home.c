/* SPDX-License-Identifier: MIT */
/*
 * test_home.c - whatever ends an operation, it is told on the shard of the CPU that pended it (F18);
 * what is not, because that shard takes nothing more, is counted.
 *
 * A slot's number says which shard's agenda has it: the only one of a map is the last CPU's.
 */
#include "tests/map/expiry.h"

enum { HOME = 0, LOOKER = MACHINE_CPUS - 1 };

static struct pend_map *begin_with_queue_of(uint32_t entries)
{
	struct pend_engine_options engine_options = manual_options();
	struct pend_map_options options = managed(NULL, &told, 1);

	engine_options.queue_entries = entries;
	engine = make_engine_of(&engine_options);
	options.on_rerun = pend_again;
	reruns = 0;
	return begin(&options);
}

/* Pends on CPU 0 what CPU 3 has in its agenda. */
static uint64_t pend_at_home(struct pend_map *map, uint64_t deadline_ns)
{
	const uint64_t handle = pend_with(map, 1, 0, deadline_ns);

	cr_assert_eq(info_of(map, handle).home_cpu, HOME);
	return handle;
}

/* Fills the home shard's queue with hints about a slot that does not exist. */
static void fill_queue(struct pend_map *map)
{
	while (pendi_engine_hint(&map->client, HOME, 63))
		;
}

Test(home, what_meets_its_deadline_is_told_at_home)
{
	struct pend_map *map = begin_with_queue_of(16);
	const uint64_t handle = pend_at_home(map, 20 * MS);
	const uint64_t due_ns = info_of(map, handle).deadline_ns;

	machine.mono_ns = due_ns + TICK_NS;
	(void)serve_one(engine, LOOKER);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), -EALREADY);
	cr_assert_eq(told.count, 0, "not by who looked");
	(void)serve_one(engine, HOME);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.operations[0].origin, PEND_ORIGIN_DEADLINE);
	cr_assert_eq(stats_of(map).away, 0);
	end(map);
}

Test(home, what_nobody_was_told_of_is_told_at_home)
{
	struct pend_map *map = begin_with_queue_of(16);
	uint64_t handle = pend_at_home(map, 20 * MS);
	const uint64_t due_ns = info_of(map, handle).deadline_ns;

	decide_and_stop(map, handle, PEND_ACTION_PERMIT_HARD);
	machine.mono_ns = due_ns + TICK_NS;
	(void)serve_one(engine, LOOKER);
	cr_assert_eq(told.count, 0);
	(void)serve_one(engine, HOME);
	cr_assert_eq(told.count, 1);
	handle = pend_at_home(map, 20 * MS);
	decide_and_stop(map, handle, PEND_ACTION_CONTINUE);
	machine.mono_ns += SECOND;
	for (uint32_t n = 0; n < 3; n++)
		(void)serve_one(engine, LOOKER);
	cr_assert_eq(reruns, 0);
	(void)serve_one(engine, HOME);
	cr_assert_eq(reruns + told.count, 2, "it ran again, or its deadline came first");
	cr_assert_eq(stats_of(map).away, 0);
	end(map);
}

/* Who looks does it himself then, so that a deadline does not depend on a queue. */
Test(home, if_the_queue_is_full_who_looks_tells_and_counts)
{
	struct pend_map *map = begin_with_queue_of(16);
	uint64_t handle = pend_at_home(map, 20 * MS);
	const uint64_t due_ns = info_of(map, handle).deadline_ns;

	fill_queue(map);
	machine.mono_ns = due_ns + TICK_NS;
	(void)serve_one(engine, LOOKER);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(stats_of(map).away, 1);
	handle = pend_at_home(map, PEND_DEADLINE_NONE);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(stats_of(map).overflows, 1);
	machine.mono_ns += TICK_NS;
	(void)serve_one(engine, LOOKER);
	cr_assert_eq(reruns, 1);
	cr_assert_eq(stats_of(map).away, 2);
	end(map);
}

static uint32_t drained;

static void count_drained(void *context, struct pend_map *map)
{
	(void)context;
	(void)map;
	drained++;
}

/* A stop that reports later leaves what it decided to the home shards, for a while. */
Test(home, an_asynchronous_stop_waits_for_home)
{
	struct pend_map *map = begin_with_queue_of(16);

	(void)pend_at_home(map, PEND_DEADLINE_NONE);
	cr_assert_eq(pend_map_disable_async(map, PEND_WAIT_FOREVER, count_drained, NULL), 0);
	for (uint32_t n = 0; n < 5; n++) {
		machine.mono_ns += TICK_NS;
		(void)serve_one(engine, LOOKER);
	}
	cr_assert_eq(told.count, 0);
	cr_assert_eq(drained, 0);
	(void)serve_one(engine, HOME);
	cr_assert_eq(told.count, 1);
	pass_time(engine, 5 * TICK_NS, TICK_NS);
	cr_assert_eq(drained, 1);
	cr_assert_eq(stats_of(map).away, 0);
	end(map);
}

/* And then it tells itself: nobody serves that shard. */
Test(home, a_stop_does_not_wait_for_home_for_ever)
{
	struct pend_map *map = begin_with_queue_of(16);

	(void)pend_at_home(map, PEND_DEADLINE_NONE);
	cr_assert_eq(pend_map_disable_async(map, PEND_WAIT_FOREVER, count_drained, NULL), 0);
	for (uint32_t n = 0; n < 50; n++) {
		machine.mono_ns += TICK_NS;
		(void)serve_one(engine, LOOKER);
	}
	cr_assert_eq(told.count, 1);
	cr_assert_eq(drained, 1);
	cr_assert_eq(stats_of(map).away, 1);
	(void)!pend_map_enable(map);
	(void)pend_at_home(map, PEND_DEADLINE_NONE);
	cr_assert_eq(pend_map_disable(map, PEND_WAIT_FOREVER), 0);
	cr_assert_eq(told.count, 2);
	cr_assert_eq(stats_of(map).away, 2);
	end(map);
}
