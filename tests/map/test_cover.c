/* SPDX-License-Identifier: MIT */
/*
 * test_cover.c - what deadlines cost: nothing for a slot in use, nothing for an idle map; and that
 * this loses no look, wherever a pender stops (guarantee C).
 */
#include "tests/map/expiry.h"

/* A slot in use is in the agenda: its next operations arm nothing, and end in time all the same. */
static void covered(void)
{
	struct pend_map *map = begin_default(1);
	uint64_t arms, handle;

	handle = pend_key(map, 1);
	arms = stats_of(map).arms;
	cr_assert_geq(arms, 1);
	cr_assert_leq(arms, 2);
	for (uint32_t i = 0; i < 2000; i++) {
		pass_time(engine, 7 * MS, MS);
		cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_PERMIT_SOFT), 0);
		(void)serve_all(engine);
		told.count = 0;
		handle = pend_key(map, 1);
	}
	cr_assert_eq(stats_of(map).arms, arms, "nothing but the first is armed");
	/* One that is idle at each look is armed for each look at most. */
	for (uint32_t i = 0; i < 2000; i++) {
		cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_PERMIT_SOFT), 0);
		pass_time(engine, 7 * MS, MS);
		told.count = 0;
		handle = pend_key(map, 1);
	}
	cr_assert_leq(stats_of(map).arms, arms + 14);
	arms = stats_of(map).arms;
	expires(info_of(map, handle).deadline_ns, PEND_ACTION_BLOCK);
	/* A shorter life than looks come is armed. */
	handle = pend_with(map, 1, 0, 5 * MS);
	cr_assert_eq(stats_of(map).arms, arms + 1);
	expires(info_of(map, handle).deadline_ns, PEND_ACTION_BLOCK);
	end(map);
}

Test(cover, of_a_slot_in_use_costs_nothing)
{
	covered();
}

Test(cover, of_a_slot_in_use_costs_nothing_without_membarrier)
{
	machine_without_membarrier();
	covered();
}

/* An idle slot leaves the agenda, so that nobody looks at an idle map; it comes back in time. */
static void idle(void)
{
	struct pend_map *map = begin_default(4);
	uint64_t looks, handle;

	for (uint32_t round = 0; round < 20; round++) {
		for (uint64_t key = 0; key < 4; key++)
			cr_assert_eq(pend_map_complete(map, pend_key(map, key), PEND_ACTION_BLOCK),
				     0);
		(void)serve_all(engine);
		told.count = 0;
		pass_time(engine, 6 * SECOND, 20 * MS);
		looks = shard_stats_of(engine).looks;
		pass_time(engine, 10 * SECOND, 20 * MS);
		cr_assert_eq(shard_stats_of(engine).looks, looks, "an idle map is not looked at");
		for (uint32_t part = 0; part < map->shards; part++)
			cr_assert_eq(pendi_map_next(&map->client, part), PENDI_TICK_NEVER);
		handle = pend_key(map, round);
		expires(info_of(map, handle).deadline_ns, PEND_ACTION_BLOCK);
	}
	end(map);
}

Test(cover, an_idle_slot_is_left_alone_and_comes_back)
{
	idle();
}

Test(cover, an_idle_slot_is_left_alone_without_membarrier)
{
	machine_without_membarrier();
	idle();
}

static uint32_t barriers;

static int count_barrier(void)
{
	barriers++;
	return 0;
}

static int refuse_barrier(void)
{
	barriers++;
	return -ENOMEM;
}

/* A barrier lies between the mark and the leaving. One that the kernel refuses does not count. */
Test(cover, leaving_takes_a_barrier)
{
	struct pend_map *map;

	pendi_script.membarrier_register = count_barrier;
	pendi_script.membarrier = refuse_barrier;
	map = begin_default(1);
	cr_assert(map->light);
	cr_assert_eq(pend_map_complete(map, pend_key(map, 1), PEND_ACTION_BLOCK), 0);
	barriers = 0;
	pass_time(engine, 30 * SECOND, 20 * MS);
	cr_assert_geq(barriers, 10);
	cr_assert_neq(pendi_map_next(&map->client, MACHINE_CPUS - 1), PENDI_TICK_NEVER,
		      "without a barrier it stays in");
	pendi_script.membarrier = count_barrier;
	barriers = 0;
	pass_time(engine, 30 * SECOND, 20 * MS);
	cr_assert_eq(pendi_map_next(&map->client, MACHINE_CPUS - 1), PENDI_TICK_NEVER);
	cr_assert_geq(barriers, 1);
	cr_assert_leq(barriers, 4);
	end(map);
}

/*
 * A pender stops anywhere between having its slot and publishing, for as long as the slot takes to
 * leave the agenda: it stays, and the operation ends by its deadline.
 */
Test(cover, a_pender_may_stop)
{
	for (uint32_t stop = 0; stop < 3; stop++) {
		for (uint64_t idle_ns = 0; idle_ns < 4 * SECOND; idle_ns += 250 * MS) {
			struct pend_map *map = begin_default(1);
			struct pendi_slot *at = pendi_map_slot(map, 0);
			uint64_t due_ns;
			int error;

			cr_assert_eq(pend_map_complete(map, pend_key(map, 1), 3), 0);
			(void)serve_all(engine);
			pass_time(engine, idle_ns, 20 * MS);
			told.count = 0;
			/* The steps of pendi_map_arm(). */
			cr_assert_eq(pendi_recycler_take(&map->recycler, 0, &error), 0);
			pendi_slot_arm(&map->recycler.slab, at);
			if (stop == 0)
				pass_time(engine, 10 * SECOND, 20 * MS);
			due_ns = machine.mono_ns + 2 * SECOND;
			/* relaxed, all: one thread. */
			pendi_store_relaxed(&at->pended_ns, machine.mono_ns);
			pendi_store_relaxed(&at->due, pendi_due_make(due_ns, at->word));
			if (pendi_load_relaxed(&at->timed) != PENDI_TIMED_IN) {
				pendi_map_look_by(map, 0, due_ns);
				if (stop == 1)
					pass_time(engine, SECOND, 20 * MS);
				/* relaxed: as above. */
				pendi_store_relaxed(&at->timed, PENDI_TIMED_IN);
			}
			if (stop == 2)
				pass_time(engine, SECOND, 20 * MS);
			(void)pendi_slot_publish(at, false);
			pendi_tally_add(&map->tally, PENDI_COUNT_PENDS, 1);
			map->key_size = 0; /* it has none, so it leaves no index */
			expires(rounded_up(due_ns), PEND_ACTION_BLOCK);
			end(map);
		}
	}
}

/* A slot that is marked and then used again stays. */
Test(cover, a_slot_on_its_way_out_is_kept)
{
	for (uint64_t wait = 100 * MS; wait < 5 * SECOND; wait += 100 * MS) {
		struct pend_map *map = begin_default(1);
		uint64_t handle;

		cr_assert_eq(pend_map_complete(map, pend_key(map, 1), PEND_ACTION_BLOCK), 0);
		pass_time(engine, wait, 20 * MS);
		told.count = 0;
		handle = pend_key(map, 2);
		expires(info_of(map, handle).deadline_ns, PEND_ACTION_BLOCK);
		end(map);
	}
}
