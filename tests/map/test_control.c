/* SPDX-License-Identifier: MIT */
/*
 * test_control.c - disable, drain, enable: when a stop has returned nothing that was pended before
 * it is live, and nothing can be pended until somebody enables (guarantee F).
 */
#include "tests/map/stopping.h"

/* ---- states ---- */

/* F43: both states begin DISABLED in an engine, and both have to be ENABLED. */
Test(control, begins_disabled_in_an_engine)
{
	const struct pend_engine_options engine_options = manual_options();

	machine_play();
	for (uint32_t i = 0; i < 2; i++) {
		struct pend_map_options options;

		cr_assert_eq(pend_engine_create(&engine_options, &engine), 0);
		options = managed(engine, &told, 4);
		options.flags = i ? PEND_MAP_ENABLED : 0;
		map = make(&options);
		cr_assert_eq(pend_map_control(map),
			     i ? PEND_CONTROL_ENABLED : PEND_CONTROL_DISABLED);
		refuses_to_pend(map);
		cr_assert_eq(pend_engine_enable(engine), 0);
		if (i == 0) {
			refuses_to_pend(map);
			cr_assert_eq(pend_map_enable(map), 0);
		}
		cr_assert_eq(pend_map_control(map), PEND_CONTROL_ENABLED);
		pends(map);
		cr_assert_eq(pend_engine_disable(engine, 0), 0);
		refuses_to_pend(map);
		cr_assert_eq(pend_map_control(map), PEND_CONTROL_ENABLED, "its own state is");
		cr_assert_eq(pend_engine_enable(engine), 0);
		pends(map);
		end();
	}
}

Test(control, a_map_that_joins_later_finds_the_state)
{
	struct pend_map_options options;

	begin_default(4);
	options = managed(engine, &told, 4);
	destroy(map);
	map = make(&options);
	pends(map);
	cr_assert_eq(pend_engine_disable(engine, 0), 0);
	destroy(map);
	map = make(&options);
	refuses_to_pend(map);
	end();
}

Test(control, on_and_off_and_on)
{
	begin_default(4);
	for (uint32_t i = 0; i < 5; i++) {
		cr_assert_eq(pend_map_disable(map, PEND_WAIT_FOREVER), 0);
		cr_assert_eq(pend_map_disable(map, 0), 0, "twice is once");
		cr_assert_eq(pend_map_control(map), PEND_CONTROL_DISABLED);
		refuses_to_pend(map);
		/* The engine's state does not open a map whose own is DISABLED. */
		cr_assert_eq(pend_engine_enable(engine), 0);
		refuses_to_pend(map);
		cr_assert_eq(pend_map_enable(map), 0);
		cr_assert_eq(pend_map_enable(map), 0);
		pends(map);
	}
	end();
}

Test(control, needs_something_to_stop)
{
	struct pend_map *const gone = make_destroyed();

	/* retval: pend_map_enable -EFAULT */
	cr_assert_eq(pend_map_enable(NULL), -EFAULT);
	/* retval: pend_map_enable -ESHUTDOWN */
	cr_assert_eq(pend_map_enable(gone), -ESHUTDOWN);
	/* retval: pend_map_disable -EFAULT */
	cr_assert_eq(pend_map_disable(NULL, 0), -EFAULT);
	/* retval: pend_map_disable -ESHUTDOWN */
	cr_assert_eq(pend_map_disable(gone, 0), -ESHUTDOWN);
	/* retval: pend_map_disable_async -EFAULT */
	cr_assert_eq(pend_map_disable_async(NULL, 0, NULL, NULL), -EFAULT);
	/* retval: pend_map_disable_async -ESHUTDOWN */
	cr_assert_eq(pend_map_disable_async(gone, 0, NULL, NULL), -ESHUTDOWN);
	/* retval: pend_map_control -EFAULT */
	cr_assert_eq(pend_map_control(NULL), -EFAULT);
	/* retval: pend_map_control -ESHUTDOWN */
	cr_assert_eq(pend_map_control(gone), -ESHUTDOWN);
	/* retval: pend_engine_enable -EFAULT */
	cr_assert_eq(pend_engine_enable(NULL), -EFAULT);
	/* retval: pend_engine_disable -EFAULT */
	cr_assert_eq(pend_engine_disable(NULL, 0), -EFAULT);
}

Test(control, an_engine_that_is_gone)
{
	struct pend_engine *gone = make_engine();
	struct pend_map_options options = managed(gone, NULL, 4);
	struct pend_map *refused = NULL;

	destroy_engine(gone);
	/* retval: pend_engine_enable -ESHUTDOWN */
	cr_assert_eq(pend_engine_enable(gone), -ESHUTDOWN);
	/* retval: pend_engine_disable -ESHUTDOWN */
	cr_assert_eq(pend_engine_disable(gone, 0), -ESHUTDOWN);
	/* retval: pend_map_create -ESHUTDOWN */
	cr_assert_eq(pend_map_create(&options, &refused), -ESHUTDOWN);
	cr_assert_null(refused);
}

/* An engine's polls run the programs of its maps. */
Test(control, a_map_of_an_engine_is_not_polled)
{
	begin_default(4);
	/* retval: pend_map_poll -EOPNOTSUPP */
	REFUSED(map, -EOPNOTSUPP, pend_map_poll(map, 1));
	end();
}

/* An engine serves so many maps and no more; what is refused leaves nothing behind. */
Test(control, an_engine_has_room_for_so_many)
{
	static struct pendi_client crowd[PENDI_CLIENTS];
	struct pend_map_options options;
	struct pend_map *refused = NULL;
	uint32_t joined = 0;

	begin_default(4);
	options = managed(engine, NULL, 4);
	for (; joined < PENDI_CLIENTS; joined++) {
		crowd[joined] = map->client;
		if (pendi_engine_join(engine, &crowd[joined]))
			break;
	}
	/* retval: pend_map_create -ENOSPC */
	cr_assert_eq(pend_map_create(&options, &refused), -ENOSPC);
	cr_assert_null(refused);
	while (joined)
		pendi_engine_leave(engine, &crowd[--joined]);
	cr_assert_eq(pend_map_create(&options, &refused), 0);
	pends(refused);
	destroy(refused);
	end();
}

/* ---- stopping ---- */

static int pend_again(void *context, const struct pend_operation *operation)
{
	(void)context;
	(void)operation;
	cr_assert_fail("a stop runs no program");
	return PEND_VERDICT_PEND;
}

/* One operation in each state that there is: all are delivered, with the verdict they had. */
static void stops_everything(void)
{
	uint64_t handles[4];

	for (uint64_t key = 0; key < 4; key++)
		handles[key] = pend_key(map, key);
	cr_assert_eq(pend_map_complete(map, handles[1], PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(pend_map_complete(map, handles[2], PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(pend_map_complete(map, handles[2], PEND_ACTION_PERMIT_HARD), 0);
	if (engine)
		decide_and_stop(map, handles[3], PEND_ACTION_PERMIT_SOFT);
	told.count = 0;
	cr_assert_eq(pend_map_disable(map, PEND_WAIT_FOREVER), 0);
	cr_assert_eq(told.count, 4);
	cr_assert_eq(stats_of(map).live, 0);
	for (uint32_t i = 0; i < 4; i++) {
		const uint64_t key = told.keys[i];
		const bool decided = key == 2 || (engine && key == 3);

		cr_assert_eq(told.operations[i].origin,
			     decided ? PEND_ORIGIN_ORCHESTRATOR : PEND_ORIGIN_DRAIN);
		cr_assert_eq(told.operations[i].action, key == 2  ? PEND_ACTION_PERMIT_HARD
							: decided ? PEND_ACTION_PERMIT_SOFT
								  : PEND_ACTION_BLOCK);
	}
	refuses_to_pend(map);
	cr_assert_eq(pend_map_enable(map), 0);
	pends(map);
}

/* Also if nobody serves the shards: the waiting thread does. */
Test(control, a_stop_delivers_everything)
{
	struct pend_map_options options = managed(NULL, &told, 8);

	options.on_rerun = pend_again;
	begin(&options);
	stops_everything();
	stops_everything();
	cr_assert_eq(stats_of(map).by_drain, 4);
	end();
}

Test(control, a_map_without_an_engine_can_be_stopped)
{
	struct pend_map_options options = keyed(8, 0);

	options.on_complete = tell;
	options.context = &told;
	options.on_rerun = pend_again;
	machine_play();
	map = make(&options);
	cr_assert_eq(pend_map_control(map), PEND_CONTROL_ENABLED);
	stops_everything();
	stops_everything();
	/* retval: pend_map_disable_async -EOPNOTSUPP */
	cr_assert_eq(pend_map_disable_async(map, 0, NULL, NULL), -EOPNOTSUPP);
	cr_assert_eq(pend_map_control(map), PEND_CONTROL_ENABLED);
	destroy(map);
}

static void serve_in_a_pause(void)
{
	if (machine.on_pause) {
		machine.on_pause = NULL;
		(void)serve_all(engine);
	}
}

Test(control, a_stop_waits_for_who_serves)
{
	uint64_t begun_ns;

	begin_default(8);
	(void)pend_key(map, 1);
	machine.on_pause = serve_in_a_pause;
	begun_ns = machine.mono_ns;
	cr_assert_eq(pend_map_disable(map, SECOND), 0);
	cr_assert_eq(told.count, 1);
	cr_assert_leq(machine.mono_ns - begun_ns, MS, "no longer than needed");
	end();
}

/* An open frame outlasts the stop's patience; calling again goes on. */
Test(control, a_stop_waits_for_frames)
{
	uint64_t begun_ns;

	begin_default(8);
	handle = pend_with(map, 1, PEND_REQUEST_FRAME, 0);
	(void)pend_key(map, 2);
	begun_ns = machine.mono_ns;
	/* retval: pend_map_disable -ETIMEDOUT */
	cr_assert_eq(pend_map_disable(map, 100 * MS), -ETIMEDOUT);
	cr_assert_geq(machine.mono_ns - begun_ns, 100 * MS);
	cr_assert_leq(machine.mono_ns - begun_ns, 101 * MS);
	cr_assert_eq(pend_map_control(map), PEND_CONTROL_DISABLED);
	refuses_to_pend(map);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_PERMIT_SOFT), -EALREADY);
	cr_assert_eq(pend_map_disable(map, 0), -ETIMEDOUT);
	cr_assert_eq(pend_map_close_frame(map, handle, PEND_VERDICT_PROCEED_HARD), 0);
	cr_assert_eq(pend_map_disable(map, SECOND), 0);
	cr_assert_eq(told.count, 2);
	cr_assert_eq(told.operations[0].origin, PEND_ORIGIN_DRAIN);
	cr_assert_eq(told.operations[1].origin, PEND_ORIGIN_DRAIN);
	end();
}

/* A pender that stopped inside (its word in the gate is odd): waited for, not overtaken. */
Test(control, a_stop_waits_for_penders)
{
	_Atomic uint64_t *gate;

	begin_default(8);
	handle = pend_key(map, 1);
	/* One that has no number, and so is in row 0. */
	gate = &map->tally.rows[0].count[PENDI_COUNT_GATE];
	/* relaxed, both: one thread. */
	pendi_store_relaxed(gate, 1);
	cr_assert_eq(pend_map_disable(map, 10 * MS), -ETIMEDOUT);
	cr_assert_eq(told.count, 0, "what it pends now must be found by who decides");
	cr_assert_eq(info_of(map, handle).state, PEND_STATE_PENDING);
	/* retval: pend_map_disable_async -ETIMEDOUT */
	cr_assert_eq(pend_map_disable_async(map, 10 * MS, NULL, NULL), -ETIMEDOUT);
	cr_assert_eq(info_of(map, handle).state, PEND_STATE_PENDING, "nothing more was done");
	/* retval: pend_engine_disable -ETIMEDOUT */
	cr_assert_eq(pend_engine_disable(engine, 10 * MS), -ETIMEDOUT);
	/* relaxed: as above. */
	pendi_store_relaxed(gate, 0);
	cr_assert_eq(pend_map_disable(map, SECOND), 0);
	cr_assert_eq(told.count, 1);
	end();
}

static void stop_now(void)
{
	result = pend_map_disable(map, 10 * MS);
}

/* The same in the middle of a pend: what it pends is there when the stop goes on. */
Test(control, a_stop_in_the_middle_of_a_pend)
{
	const uint64_t key = 5;
	const struct pend_request request = request_of(&key, NULL);
	uint64_t refused;

	begin_default(8);
	for (uint32_t batch = 0; batch < 2; batch++) {
		told.count = 0;
		result = CANARY_INT;
		machine.on_clock = stop_now;
		if (batch)
			cr_assert_eq(pend_map_pend_batch(map, &request, 1, &handle, NULL), 1);
		else
			cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
		cr_assert_eq(result, -ETIMEDOUT);
		cr_assert_eq(pend_map_pend(map, &request, &refused), -ESHUTDOWN);
		cr_assert_eq(info_of(map, handle).state, PEND_STATE_PENDING);
		cr_assert_eq(pend_map_disable(map, SECOND), 0);
		cr_assert_eq(told.count, 1);
		cr_assert_eq(pend_map_enable(map), 0);
	}
	end();
}

static struct pend_map *late;

static void pend_late(void)
{
	const uint64_t key = 7;
	const struct pend_request request = request_of(&key, NULL);
	uint64_t straggler;

	machine.on_pause = NULL;
	result = pend_map_pend(late, &request, &straggler);
}

/* Nobody gets in while a stop goes on. */
Test(control, nothing_is_pended_during_a_stop)
{
	begin_default(8);
	late = map;
	(void)pend_with(map, 1, PEND_REQUEST_FRAME, 0);
	machine.on_pause = pend_late;
	cr_assert_eq(pend_map_disable(map, 10 * MS), -ETIMEDOUT);
	cr_assert_eq(result, -ESHUTDOWN);
	end();
}

Test(control, an_engine_stops_all_its_maps)
{
	struct pend_map_options options;
	struct pend_map *second, *third;

	begin_default(8);
	options = managed(engine, &told, 4);
	second = make(&options);
	third = make(&options);
	cr_assert_eq(pend_map_disable(third, 0), 0);
	for (uint64_t key = 0; key < 3; key++) {
		(void)pend_key(map, key);
		(void)pend_key(second, key);
	}
	handle = pend_with(second, 9, PEND_REQUEST_FRAME, 0);
	cr_assert_eq(pend_engine_disable(engine, SECOND), -ETIMEDOUT);
	cr_assert_eq(told.count, 6);
	cr_assert_eq(pend_map_close_frame(second, handle, PEND_VERDICT_PEND), 0);
	cr_assert_eq(pend_engine_disable(engine, PEND_WAIT_FOREVER), 0);
	cr_assert_eq(told.count, 7);
	refuses_to_pend(map);
	refuses_to_pend(second);
	cr_assert_eq(pend_map_enable(third), 0);
	refuses_to_pend(third);
	cr_assert_eq(pend_engine_enable(engine), 0);
	pends(map);
	pends(second);
	pends(third);
	destroy(second);
	destroy(third);
	end();
}

/* ---- from inside ---- */

struct inside {
	int disable, async, engine_disable, destroy, enable, engine_enable, create, count;
};

static struct inside inside;

static void stop_from_inside(void *context, const struct pend_operation *operation)
{
	struct pend_map_options options = managed(engine, NULL, 4);
	struct pend_map *made;

	(void)context;
	(void)operation;
	if (inside.count++)
		return;
	inside.disable = pend_map_disable(map, 0);
	inside.engine_disable = pend_engine_disable(engine, 0);
	inside.destroy = pend_map_destroy(map);
	inside.enable = pend_map_enable(map);
	inside.engine_enable = pend_engine_enable(engine);
	inside.create = pend_map_create(&options, &made);
	late = inside.create ? NULL : made;
}

static void was_inside(void)
{
	/* retval: pend_map_disable -EDEADLK */
	cr_assert_eq(inside.disable, -EDEADLK);
	/* retval: pend_engine_disable -EDEADLK */
	cr_assert_eq(inside.engine_disable, -EDEADLK);
	cr_assert_eq(inside.destroy, -EDEADLK);
	cr_assert_eq(inside.enable, 0);
	cr_assert_eq(inside.engine_enable, 0);
	cr_assert_eq(inside.create, 0);
	cr_assert_eq(inside.count, 1);
	destroy(late);
	end();
}

static void begin_inside(void)
{
	struct pend_map_options options = managed(NULL, NULL, 8);

	options.on_complete = stop_from_inside;
	begin(&options);
	handle = pend_key(map, 1);
}

Test(control, functions_may_do_all_that_does_not_wait)
{
	begin_inside();
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	(void)serve_all(engine);
	pends(map);
	inside.count--;
	was_inside();
}

/* Also when it is a stop that has them called. */
Test(control, functions_may_do_so_in_a_stop, .timeout = 10)
{
	begin_inside();
	cr_assert_eq(pend_map_disable(map, SECOND), 0);
	was_inside();
}

Test(control, functions_may_do_so_in_an_engines_stop, .timeout = 10)
{
	begin_inside();
	cr_assert_eq(pend_engine_disable(engine, SECOND), 0);
	was_inside();
}
