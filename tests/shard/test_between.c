/* SPDX-License-Identifier: MIT */
/*
 * test_between.c - two at the same shard, and the second comes between any two accesses of the
 * first (tests/support/between.h).
 */
#include "engine/shard/visit.h"
#include "tests/shard/cast.h"
#include "tests/support/between.h"

static void begin(void)
{
	(void)pendi_thread_number(); /* what is settled once is settled: others would wait for it */
	begin_scene_by_hand();
}

TestSuite(between, .init = begin, .fini = end_scene);

/* ---- who serves a shard ---- */

static void *takes_shard(void *argument)
{
	(void)pendi_home_take(argument, 3);
	return NULL;
}

/* A shard that another has taken meanwhile is not given away. */
Test(between, a_shard_is_given_by_who_has_it)
{
	struct pendi_shard *shard = engine->shards[1];
	uint32_t lost = 0, at = 0;

	for (; between_begin(at, takes_shard, shard); at++) {
		bool given;

		(void)pendi_home_take(shard, 1);
		(void)between_begin(at, takes_shard, shard);
		given = pendi_home_give(shard, 1, PENDI_SERVER_MONITOR, machine_mono_ns);
		if (!between_end())
			break;
		cr_assert_eq(pendi_shard_server(shard), 3, "who came last");
		lost += !given;
	}
	cr_assert_gt(lost, 0);
	(void)pendi_home_take(shard, 1);
}

/* The same while the monitor is about to give away what stalls. */
Test(between, the_monitor_gives_what_is_still_stalled)
{
	struct pendi_shard *shard = engine->shards[1];
	uint32_t lost = 0;

	settle(engine, &fake);
	cr_assert(pendi_engine_hint(&fake.client, 1, 11));
	for (uint32_t at = 0;; at++) {
		uint64_t stalls;

		(void)pendi_home_take(shard, 1);
		shard->watch_since_ns = 0;
		(void)pendi_monitor_look(engine);
		machine_mono_ns += engine->stall_ns;
		stalls = stats_of(engine, 1).stalls;
		(void)between_begin(at, takes_shard, shard);
		(void)pendi_monitor_look(engine);
		if (!between_end())
			break;
		lost += stats_of(engine, 1).stalls == stalls;
		told.count = 0;
	}
	cr_assert_gt(lost, 0, "who took it has taken it from the monitor, too");
	(void)pendi_home_take(shard, 1);
	cr_assert_eq(turn(engine, 1), 1);
}

/* ---- work that comes while the monitor goes to sleep ---- */

static void *hints(void *argument)
{
	cr_assert(pendi_engine_hint(&fake.client, 1, *(const uint32_t *)argument));
	return NULL;
}

/* It is found, or finds the monitor drowsy and wakes it: never neither. */
Test(between, a_hint_finds_the_monitor_or_is_found)
{
	uint32_t slot = 0;

	settle(engine, &fake);
	for (;; slot++) {
		uint64_t wait_ns;

		(void)pendi_monitor_look(engine);
		machine_mono_ns += UINT64_C(3000000000);
		engine->monitor.active_ns = 1;
		(void)between_begin(slot, hints, &slot);
		wait_ns = pendi_monitor_look(engine);
		if (!between_end())
			break;
		/* relaxed: one thread by now. */
		cr_assert(wait_ns <= engine->stall_ns / 2 || !pendi_load_relaxed(&engine->drowsy));
		cr_assert_eq(turn(engine, 1), 1);
		cr_assert_eq(fake.last, slot);
		told.count = 0;
	}
	cr_assert_gt(slot, 10);
}

/* ---- suspends ---- */

static void *passes(void *argument)
{
	struct pendi_visitor visitor;

	(void)argument;
	if (!pendi_visit_begin(&visitor, engine))
		abort();
	(void)pendi_shard_pass(&visitor, engine->shards[1], machine_mono_ns, PENDI_PASS_LOOKS);
	pendi_visit_end(&visitor);
	return NULL;
}

static uint64_t passed_offset(void)
{
	/* relaxed: one thread at a time. */
	return pendi_load_relaxed(&engine->shards[1]->passed_offset_ns);
}

/* Two passes after a suspend: it is heeded, and stays so. */
Test(between, a_suspend_that_two_heed_is_heeded)
{
	for (uint32_t at = 0;; at++) {
		/* relaxed: as above. */
		const uint64_t offset_ns = pendi_load_relaxed(&engine->offset_ns) + 1000;

		pendi_store_relaxed(&engine->offset_ns, offset_ns);
		(void)between_begin(at, passes, NULL);
		(void)passes(NULL);
		if (!between_end())
			break;
		cr_assert_eq(passed_offset(), offset_ns);
	}
}

/* A second suspend is heeded by the one in between: the first does not take it back. */
static void *sleeps_and_passes(void *argument)
{
	(void)argument;
	/* relaxed: as above. */
	pendi_store_relaxed(&engine->offset_ns, pendi_load_relaxed(&engine->offset_ns) + 500);
	return passes(NULL);
}

Test(between, a_later_suspend_stays_heeded)
{
	for (uint32_t at = 0;; at++) {
		uint64_t before_ns;

		/* relaxed: as above. */
		pendi_store_relaxed(&engine->offset_ns,
				    pendi_load_relaxed(&engine->offset_ns) + 1000);
		before_ns = passed_offset();
		(void)between_begin(at, sleeps_and_passes, NULL);
		(void)passes(NULL);
		if (!between_end())
			break;
		cr_assert_geq(passed_offset(), before_ns + 1500);
	}
}

static void *notices_suspend(void *argument)
{
	(void)argument;
	machine_lead_ns += UINT64_C(1000000000);
	pendi_suspend_look(engine);
	return NULL;
}

/* How long it slept: with the suspend that was noticed meanwhile, or without it. */
Test(between, the_time_asleep_is_of_one_moment)
{
	const uint64_t since_ns = machine_mono_ns;
	uint64_t slept_ns = 0;

	machine_mono_ns += 1000;
	(void)notices_suspend(NULL);
	for (uint32_t at = 0;; at++) {
		const uint64_t before_ns = pendi_engine_suspended(engine, since_ns);

		told.count = 0;
		(void)between_begin(at, notices_suspend, NULL);
		slept_ns = pendi_engine_suspended(engine, since_ns);
		if (!between_end())
			break;
		cr_assert(slept_ns == before_ns || slept_ns == before_ns + 1000000000);
		pendi_event_deliver(engine);
	}
}

/* ---- counts ---- */

static void *takes_quota(void *argument)
{
	cr_assert(pendi_quota_take(argument, 30));
	return NULL;
}

Test(between, a_quota_adds_up)
{
	for (uint32_t at = 0;; at++) {
		struct pendi_quota quota = { .limit = 100 };
		bool acted;

		(void)between_begin(at, takes_quota, &quota);
		cr_assert(pendi_quota_take(&quota, 70));
		acted = between_end();
		/* relaxed: one thread by now. */
		cr_assert_eq(pendi_load_relaxed(&quota.used), acted ? 100 : 70);
		if (!acted)
			break;
		cr_assert_not(pendi_quota_take(&quota, 1));
	}
}

static uint32_t closed;

static void *closes(void *argument)
{
	closed += pendi_roster_close(argument);
	return NULL;
}

static void *stops(void *argument)
{
	pendi_roster_set_open(argument, false);
	return NULL;
}

/* Of two that close it one does; and a stop in between stops nobody from closing. */
Test(between, one_closes_it)
{
	static void *(*const others[])(void *) = { closes, stops };

	for (size_t i = 0; i < 2; i++)
		for (uint32_t at = 0;; at++) {
			struct pendi_roster_entry entry = { 0 };
			bool acted;

			pendi_roster_enrol(&entry);
			closed = 0;
			(void)between_begin(at, others[i], &entry);
			closed += pendi_roster_close(&entry);
			acted = between_end();
			cr_assert_eq(closed, 1);
			cr_assert_eq(pendi_roster_stage(&entry), PENDI_STAGE_CLOSING);
			if (!acted)
				break;
		}
}
