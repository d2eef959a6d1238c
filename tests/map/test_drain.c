/* SPDX-License-Identifier: MIT */
/*
 * test_drain.c - stopping a map asynchronously: what was pended before is delivered, then somebody is
 * told; what is pended after an enable is left alone (guarantee F).
 */
#include "tests/map/stopping.h"

static struct {
	uint32_t calls;
	uint32_t told_before;
	struct pend_map *map;
} done;

static void be_done(void *context, struct pend_map *drained)
{
	cr_assert_eq(context, &done);
	done.calls++;
	done.told_before = told.count;
	done.map = drained;
}

Test(drain, an_asynchronous_stop_reports)
{
	begin_default(8);
	for (uint64_t key = 0; key < 4; key++)
		(void)pend_key(map, key);
	handle = pend_with(map, 4, PEND_REQUEST_FRAME, 0);
	cr_assert_eq(pend_map_disable_async(map, SECOND, be_done, &done), 0);
	cr_assert_eq(pend_map_control(map), PEND_CONTROL_DISABLED);
	refuses_to_pend(map);
	for (uint64_t key = 0; key < 5; key++)
		cr_assert_eq(pend_map_complete_key(map, &key, 8, PEND_ACTION_PERMIT_SOFT), -ENOENT);
	/* retval: pend_map_disable_async -EALREADY */
	cr_assert_eq(pend_map_disable_async(map, SECOND, be_done, &done), -EALREADY);
	for (uint32_t i = 0; i < 5; i++)
		pass_time(engine, MS, MS);
	cr_assert_eq(told.count, 4);
	cr_assert_eq(done.calls, 0, "a frame is open");
	cr_assert_eq(pend_map_close_frame(map, handle, PEND_VERDICT_PEND), 0);
	pass_time(engine, 2 * MS, MS);
	cr_assert_eq(done.calls, 1);
	cr_assert_eq(done.told_before, 5);
	cr_assert_eq(done.map, map);
	pass_time(engine, 10 * MS, MS);
	cr_assert_eq(done.calls, 1);
	/* And again, without anything to do or anybody to tell. */
	cr_assert_eq(pend_map_disable_async(map, 0, NULL, NULL), 0);
	pass_time(engine, 2 * MS, MS);
	cr_assert_eq(pend_map_disable_async(map, 0, be_done, &done), 0);
	pass_time(engine, 2 * MS, MS);
	cr_assert_eq(done.calls, 2);
	end();
}

/* What is pended after an enable in between is none of the stop's business. */
Test(drain, an_enable_in_between)
{
	uint64_t framed, later;

	begin_default(8);
	framed = pend_with(map, 1, PEND_REQUEST_FRAME, 0);
	(void)pend_key(map, 2);
	cr_assert_eq(pend_map_disable_async(map, SECOND, be_done, &done), 0);
	cr_assert_eq(pend_map_enable(map), 0);
	later = pend_key(map, 3);
	pass_time(engine, 5 * MS, MS);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(done.calls, 0);
	cr_assert_eq(info_of(map, later).state, PEND_STATE_PENDING);
	cr_assert_eq(pend_map_close_frame(map, framed, PEND_VERDICT_PEND), 0);
	pass_time(engine, 5 * MS, MS);
	cr_assert_eq(done.calls, 1);
	cr_assert_eq(told.count, 2);
	cr_assert_eq(info_of(map, later).state, PEND_STATE_PENDING);
	cr_assert_eq(stats_of(map).by_drain, 2);
	end();
}

/* A map that is destroyed meanwhile has delivered everything too, and says so. */
Test(drain, destroying_ends_an_asynchronous_stop)
{
	begin_default(8);
	handle = pend_with(map, 1, PEND_REQUEST_FRAME, 0);
	cr_assert_eq(pend_map_disable_async(map, SECOND, be_done, &done), 0);
	pass_time(engine, 5 * MS, MS);
	cr_assert_eq(done.calls, 0);
	destroy(map);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(done.calls, 1);
	cr_assert_eq(done.told_before, 1);
	destroy_engine(engine);
}

static void stop_again(void *context, struct pend_map *drained)
{
	(void)context;
	done.calls++;
	result = pend_map_enable(drained);
	if (done.calls < 3)
		result = pend_map_disable_async(drained, 0, stop_again, NULL);
}

Test(drain, a_report_may_stop_again)
{
	begin_default(8);
	(void)pend_key(map, 1);
	cr_assert_eq(pend_map_disable_async(map, 0, stop_again, NULL), 0);
	pass_time(engine, 10 * MS, MS);
	cr_assert_eq(done.calls, 3);
	cr_assert_eq(result, 0);
	cr_assert_eq(pend_map_control(map), PEND_CONTROL_ENABLED);
	end();
}

static struct {
	uint32_t calls;
	int disabled, stopped, destroyed, again;
} refusals;

/* Whoever reports may be serving the engine, or destroying the map. */
static void do_what_waits(void *context, struct pend_map *drained)
{
	(void)context;
	refusals.calls++;
	refusals.disabled = pend_map_disable(drained, 0);
	refusals.stopped = pend_engine_disable(engine, 0);
	refusals.destroyed = pend_map_destroy(drained);
	refusals.again = pend_map_disable_async(drained, 0, NULL, NULL);
}

/* A report that an engine makes waits for nothing that the engine serves. */
Test(drain, a_report_does_not_wait)
{
	begin_default(8);
	(void)pend_key(map, 1);
	cr_assert_eq(pend_map_disable_async(map, 0, do_what_waits, NULL), 0);
	pass_time(engine, 10 * MS, MS);
	cr_assert_eq(refusals.calls, 1);
	cr_assert_eq(refusals.disabled, -EDEADLK);
	cr_assert_eq(refusals.stopped, -EDEADLK);
	cr_assert_eq(refusals.destroyed, -EDEADLK);
	cr_assert_eq(refusals.again, 0);
	pass_time(engine, 10 * MS, MS);
	end();
}

static void do_in_destroy(void *context, struct pend_map *drained)
{
	(void)context;
	refusals.calls++;
	refusals.destroyed = pend_map_destroy(drained);
	refusals.again = pend_map_disable_async(drained, 0, do_in_destroy, NULL);
}

/* A report that the map's end makes finds a map that ends already. */
Test(drain, a_report_of_the_end_does_not_begin_anew)
{
	begin_default(8);
	handle = pend_with(map, 1, PEND_REQUEST_FRAME, 0);
	cr_assert_eq(pend_map_disable_async(map, 0, do_in_destroy, NULL), 0);
	pass_time(engine, 2 * MS, MS);
	cr_assert_eq(refusals.calls, 0);
	destroy(map);
	cr_assert_eq(refusals.calls, 1);
	cr_assert_eq(refusals.destroyed, -ESHUTDOWN);
	cr_assert_eq(refusals.again, -ESHUTDOWN);
	destroy_engine(engine);
}
