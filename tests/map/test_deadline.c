/* SPDX-License-Identifier: MIT */
/*
 * test_deadline.c - every operation ends by its deadline, of whatever length, whoever stops
 * (guarantee C). Time is the test's.
 */
#include "tests/map/expiry.h"

Test(deadline, of_every_length)
{
	static const uint64_t lengths[] = { PEND_DEADLINE_MIN_NS,
					    1500000,
					    2 * MS,
					    10 * MS,
					    27 * MS,
					    30 * MS,
					    500 * MS,
					    999999999,
					    2 * SECOND,
					    60 * SECOND,
					    HOUR,
					    PEND_DEADLINE_MAX_NS };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct pend_map_options options = managed(NULL, &told, 8);
		struct pend_map *map;
		struct pend_info info;

		options.deadline_ns = lengths[i];
		map = begin(&options);
		/* By default and, with another default, by request; each slot twice. */
		for (uint32_t n = 0; n < 40; n++) {
			const uint64_t life = lengths[n % 2 ? i : n % 12];
			const uint64_t handle = pend_with(map, n, 0, n % 2 ? 0 : life);

			machine.cpu = n % MACHINE_CPUS;
			info = info_of(map, handle);
			cr_assert_eq(info.pend_time_ns, machine.mono_ns);
			cr_assert_eq(info.deadline_ns, rounded_up(machine.mono_ns + life));
			expires(info.deadline_ns, PEND_ACTION_BLOCK);
			machine.mono_ns += 12345;
		}
		cr_assert_eq(stats_of(map).by_deadline, 40);
		end(map);
	}
}

Test(deadline, none_never_ends)
{
	struct pend_map_options options = managed(NULL, &told, 8);
	struct pend_map *map = begin(&options);
	const uint64_t handle = pend_with(map, 1, 0, PEND_DEADLINE_NONE);

	pass_time(engine, 100 * SECOND, 50 * MS);
	machine.mono_ns += 2 * PEND_DEADLINE_MAX_NS;
	(void)serve_all(engine);
	cr_assert_eq(told.count, 0);
	cr_assert_eq(info_of(map, handle).deadline_ns, PEND_DEADLINE_NONE);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_PERMIT_SOFT), 0);
	(void)serve_all(engine);
	cr_assert_eq(told.count, 1);
	end(map);
}

Test(deadline, a_map_that_only_watches_permits)
{
	struct pend_map_options options = managed(NULL, &told, 8);
	struct pend_map *map;

	options.flags |= PEND_MAP_DEADLINE_PERMITS;
	map = begin(&options);
	expires(info_of(map, pend_key(map, 1)).deadline_ns, PEND_ACTION_PERMIT_SOFT);
	end(map);
}

/* Without an engine it is only recorded. */
Test(deadline, needs_an_engine)
{
	struct pend_map_options options = keyed(8, 0);
	struct pend_map *map;
	uint64_t handle;

	machine_play();
	map = make(&options);
	handle = pend_key(map, 1);
	cr_assert_eq(info_of(map, handle).deadline_ns, rounded_up(machine.mono_ns + 2 * SECOND));
	machine.mono_ns += HOUR;
	cr_assert_eq(pend_map_extend(map, handle, SECOND), -ERANGE, "the lifetime is over");
	cr_assert_eq(pend_map_poll(map, 10), 0);
	cr_assert_eq(info_of(map, handle).state, PEND_STATE_PENDING);
	cr_assert_eq(stats_of(map).arms, 0);
	destroy(map);
}

/* Every slot belongs to somebody's agenda, however few there are. */
Test(deadline, of_every_slot)
{
	for (uint32_t entries = 1; entries < 40; entries++) {
		struct pend_map_options options = managed(NULL, &told, entries);
		struct pend_map *map;

		options.flags |= entries % 2 ? PEND_MAP_POINTERS : 0;
		options.reserve = entries % 2 ? entries % 7 + 1 : 0;
		map = begin(&options);
		for (uint32_t round = 0; round < 3; round++) {
			for (uint64_t key = 0; key < entries; key++)
				(void)pend_with(map, key, 0, (key % 5 + 1) * 7 * MS);
			pass_time(engine, 40 * MS, 250000);
			cr_assert_eq(told.count, entries);
			told.count = 0;
			let_reclaim();
		}
		end(map);
	}
}

/* A thousand operations of all lengths at once, with completions in between. */
static struct {
	uint64_t due_ns[1000];
	bool ended[1000];
	uint32_t count;
} crowd;

static void leave_crowd(void *context, const struct pend_operation *operation)
{
	const uint64_t key = operation->cookie - 1000;

	(void)context;
	cr_assert(!crowd.ended[key]);
	crowd.ended[key] = true;
	crowd.count++;
	if (operation->origin != PEND_ORIGIN_DEADLINE)
		return;
	cr_assert_geq(machine.mono_ns, crowd.due_ns[key]);
	cr_assert_leq(machine.mono_ns, crowd.due_ns[key] + TICK_NS + 300000);
}

Test(deadline, of_a_crowd, .timeout = 60)
{
	struct pend_map_options options = managed(NULL, NULL, 1000);
	struct pend_map *map;
	uint64_t handles[1000], random = 1;

	options.on_complete = leave_crowd;
	map = begin(&options);
	for (uint32_t round = 0; round < 3; round++) {
		memset(&crowd, 0, sizeof(crowd));
		for (uint64_t key = 0; key < 1000; key++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			machine.cpu = (uint32_t)(random >> 60) % MACHINE_CPUS;
			machine.mono_ns += random >> 48;
			handles[key] = pend_with(map, key, 0, (random >> 33) % (2 * SECOND) + MS);
			crowd.due_ns[key] = info_of(map, handles[key]).deadline_ns;
			(void)serve_all(engine);
		}
		for (uint64_t key = 0; key < 1000; key += 3)
			(void)!pend_map_complete(map, handles[key], PEND_ACTION_PERMIT_SOFT);
		pass_time(engine, 2100 * MS, 300000);
		cr_assert_eq(crowd.count, 1000);
		cr_assert_eq(stats_of(map).live, 0);
	}
	end(map);
}

/* ---- whoever stops ---- */

/* Who decided stopped before he told the shard: it is found, by the deadline. */
Test(deadline, a_decision_that_nobody_was_told_of_is_carried_out)
{
	struct pend_map *map = begin_default(4);
	uint64_t handle = pend_key(map, 1), due_ns = info_of(map, handle).deadline_ns;

	decide_and_stop(map, handle, PEND_ACTION_PERMIT_HARD);
	(void)serve_all(engine);
	cr_assert_eq(told.count, 0);
	pass_time(engine, due_ns + TICK_NS - machine.mono_ns, TICK_NS);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.operations[0].action, PEND_ACTION_PERMIT_HARD);
	cr_assert_eq(told.operations[0].origin, PEND_ORIGIN_ORCHESTRATOR);
	/* The same for one of the shortest deadline. */
	handle = pend_with(map, 1, 0, MS);
	due_ns = info_of(map, handle).deadline_ns;
	decide_and_stop(map, handle, PEND_ACTION_PERMIT_HARD);
	machine.mono_ns = due_ns + TICK_NS;
	(void)serve_all(engine);
	cr_assert_eq(told.count, 2);
	end(map);
}

/* The same for who continued: a decision after that tells the shard in his place. */
Test(deadline, a_continue_that_nobody_was_told_of)
{
	struct pend_map_options options = managed(NULL, &told, 4);
	const uint32_t action = PEND_ACTION_PERMIT_SOFT;
	struct pend_map *map;
	uint64_t handle;

	options.on_rerun = pend_again;
	map = begin(&options);
	handle = pend_key(map, 1);
	decide_and_stop(map, handle, PEND_ACTION_CONTINUE);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_PERMIT_SOFT), 0);
	(void)serve_all(engine);
	cr_assert_eq(told.count, 1);
	handle = pend_key(map, 1);
	decide_and_stop(map, handle, PEND_ACTION_CONTINUE);
	cr_assert_eq(pend_map_complete_batch(map, &handle, &action, 1, NULL), 1);
	(void)serve_all(engine);
	cr_assert_eq(told.count, 2);
	cr_assert_eq(reruns, 0);
	/* And if nobody decides, who looks at the slot runs the program. */
	handle = pend_key(map, 1);
	decide_and_stop(map, handle, PEND_ACTION_CONTINUE);
	pass_time(engine, SECOND + 20 * MS, 10 * MS);
	cr_assert_eq(reruns, 1);
	expires(info_of(map, handle).deadline_ns, PEND_ACTION_BLOCK);
	end(map);
}

/* A queue is full: the rest comes with the next tick, at any age of the machine. */
Test(deadline, a_full_queue_delays_by_a_tick)
{
	static const uint64_t ages[] = { SECOND,         13 * 24 * HOUR, 26 * 24 * HOUR,
					 40 * 24 * HOUR, 50 * 24 * HOUR, 400 * 24 * HOUR };
	struct pend_engine_options engine_options = manual_options();

	engine_options.queue_entries = 16;
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		uint64_t handles[40];
		uint32_t actions[40];
		struct pend_map *map;

		machine.mono_ns = ages[i] + 4711;
		engine = make_engine_of(&engine_options);
		map = begin_default(40);
		for (uint64_t key = 0; key < 40; key++)
			handles[key] = pend_key(map, key);
		pass_time(engine, 5 * MS, MS);
		for (uint64_t key = 0; key < 40; key++)
			cr_assert_eq(pend_map_complete(map, handles[key], PEND_ACTION_PERMIT_SOFT),
				     0);
		cr_assert_eq(stats_of(map).overflows, 24);
		machine.mono_ns += TICK_NS;
		(void)serve_all(engine);
		cr_assert_eq(told.count, 40);
		/* The same in a batch. */
		for (uint64_t key = 0; key < 40; key++)
			handles[key] = pend_key(map, key);
		told.count = 0;
		for (uint32_t n = 0; n < 40; n++)
			actions[n] = PEND_ACTION_BLOCK;
		cr_assert_eq(pend_map_complete_batch(map, handles, actions, 40, NULL), 40);
		cr_assert_eq(stats_of(map).overflows, 48);
		machine.mono_ns += TICK_NS;
		(void)serve_all(engine);
		cr_assert_eq(told.count, 40);
		end(map);
	}
}

/* So it does a re-run. */
Test(deadline, a_full_queue_delays_a_rerun_by_a_tick)
{
	struct pend_engine_options engine_options = manual_options();
	struct pend_map_options options;
	uint64_t handles[40];
	struct pend_map *map;

	engine_options.queue_entries = 16;
	engine = make_engine_of(&engine_options);
	options = managed(NULL, &told, 40);
	options.on_rerun = pend_again;
	map = begin(&options);
	for (uint64_t key = 0; key < 40; key++)
		handles[key] = pend_with(map, key, 0, PEND_DEADLINE_NONE);
	for (uint64_t key = 0; key < 40; key++)
		cr_assert_eq(pend_map_complete(map, handles[key], PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(stats_of(map).overflows, 24);
	machine.mono_ns += TICK_NS;
	(void)serve_all(engine);
	cr_assert_eq(reruns, 40);
	end(map);
}

/* Pended, and its caller stopped, before it could say so: its thread published and covers it. */
Test(deadline, of_timestamps_that_are_off)
{
	struct pend_map *map = begin_default(4);
	struct pend_request request = request_of(&(uint64_t){ 1 }, NULL);
	uint64_t handle;

	request.now_ns = 1; /* long ago */
	cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	machine.mono_ns += TICK_NS;
	(void)serve_all(engine);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.operations[0].origin, PEND_ORIGIN_DEADLINE);
	/* Far ahead, where ticks have wrapped: it is not early, and nobody is kept busy. */
	request.now_ns = machine.mono_ns + 30 * 24 * HOUR;
	cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	pass_time(engine, 10 * SECOND, TICK_NS);
	cr_assert_eq(told.count, 1);
	cr_assert_leq(shard_stats_of(engine).looks, 40);
	end(map);
}
