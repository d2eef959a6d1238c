/* SPDX-License-Identifier: MIT */
/*
 * stop.c - disabling: when it returns, nothing is live, and nothing can be.
 *
 * world.noted: how many were told when the stop returned; no more may be told after it.
 */
#include <errno.h>

#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

static uint32_t drained; /* calls of the drain function */

static void open_map(void)
{
	world_make(2, WORLD_ENGINE);
}

static void open_map_portable(void)
{
	world_make(2, WORLD_ENGINE | WORLD_PORTABLE);
}

static void open_map_no_engine(void)
{
	world_make(2, 0);
}

static void one_open(void)
{
	open_map();
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
}

static void one_due(void)
{
	open_map();
	MODEL_CHECK(world_pend(0, 0, 0, MS) == 0);
	model_advance(5 * MS);
}

static void one_continued(void)
{
	world_make(2, WORLD_ENGINE | WORLD_RERUN);
	world.rerun_verdict = PEND_VERDICT_PEND;
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
	MODEL_CHECK(world_complete(0, PEND_ACTION_CONTINUE) == 0);
}

static void one_in_frame(void)
{
	world_make(2, WORLD_ENGINE);
	world.in_frame = true;
	MODEL_CHECK(world_pend(0, 0, PEND_REQUEST_FRAME, 0) == 0);
}

static void disable(uint32_t number)
{
	world.results[number] = pend_map_disable(world.map, SECOND);
	if (world.results[number] == 0)
		world_hear_all();
	world_left();
	world.noted = world.told;
}

/* ---- against penders ---- */

static void stop_or_pend(uint32_t number)
{
	if (number == 0)
		disable(0);
	else
		world.results[number] = world_pend(number, 0, 0, 0);
}

static void stop_engine_or_pend(uint32_t number)
{
	if (number) {
		stop_or_pend(number);
		return;
	}
	world.results[0] = pend_engine_disable(world.engine, SECOND);
	if (world.results[0] == 0)
		world_hear_all();
	world_left();
	world.noted = world.told;
}

static void nothing_after_the_stop(void)
{
	uint32_t pended = 0;

	for (uint32_t i = 1; i < model_threads(); i++) {
		MODEL_CHECK(world.results[i] == 0 || world.results[i] == -ESHUTDOWN);
		pended += world.results[i] == 0;
	}
	MODEL_CHECK(world.results[0] == 0 && world_live() == 0);
	MODEL_CHECK(world.told == pended && world.noted == world.told);
	MODEL_CHECK(world_pend(8, 0, 0, 0) == -ESHUTDOWN);
	world_finish();
}

static void two_stop_one_pends(uint32_t number)
{
	if (number < 2) {
		world.results[number] = pend_map_disable(world.map, SECOND);
		world_left();
		MODEL_CHECK(world.results[number] == 0 && world_live() == 0);
		world_hear_all();
	} else {
		world.results[2] = world_pend(0, 0, 0, 0);
	}
}

static void both_stopped(void)
{
	MODEL_CHECK(world.results[0] == 0 && world.results[1] == 0 && world_live() == 0);
	MODEL_CHECK(world.told == (world.results[2] == 0));
	world_finish();
}

/* What is pended after an enable is not touched by the stop before, and lives. */
static void stop_enable_or_pend(uint32_t number)
{
	if (number == 0) {
		disable(0);
		MODEL_CHECK(pend_map_enable(world.map) == 0);
	} else {
		world.results[1] = world_pend(1, 0, 0, 0);
	}
}

static void told_or_live(void)
{
	MODEL_CHECK(world.results[0] == 0);
	MODEL_CHECK(world.results[1] == 0 || world.results[1] == -ESHUTDOWN);
	MODEL_CHECK(world.told == world.noted && world.told + world_live() == world.pends);
	MODEL_CHECK(world_pend(8, 0, 0, 0) == 0);
	world_finish();
}

static void stop_soon_or_pend(uint32_t number)
{
	if (number) {
		stop_or_pend(number);
		return;
	}
	world.results[0] = pend_map_disable(world.map, 2 * MS);
	world_left();
	world.noted = world.told;
}

/* E: a pender that stops in the middle is waited for so long, and no longer. */
static void not_for_ever(void)
{
	if (!model_is_frozen(1)) {
		nothing_after_the_stop();
		return;
	}
	MODEL_CHECK(world.results[0] == 0 || world.results[0] == -ETIMEDOUT);
	MODEL_CHECK(world_pend(8, 0, 0, 0) == -ESHUTDOWN);
}

/* ---- against whoever ends the operation ---- */

static void stop_or_decide(uint32_t number)
{
	if (number == 0)
		disable(0);
	else if (number == 1)
		world.results[1] = world_complete(0, PEND_ACTION_PERMIT_SOFT);
	else
		world_poll(0);
}

/* W2: either may win, and whoever waited for the stop finds it told. */
static void told_before_the_stop(void)
{
	world_finish();
	MODEL_CHECK(world.results[0] == 0 && world.noted == 1 && world.told_of[0] == 1);
	MODEL_CHECK(world_live() == 0);
	if (world.results[1] == 0 && model_threads() > 1 && world.origin_of[0] != PEND_ORIGIN_DRAIN)
		MODEL_CHECK(world.action_of[0] != PEND_ACTION_CONTINUE);
}

static void stop_or_poll(uint32_t number)
{
	if (number == 0)
		disable(0);
	else
		world_poll_all();
}

static void stop_or_close_frame(uint32_t number)
{
	if (number == 0) {
		disable(0);
		return;
	}
	model_plain_write(&world.in_frame);
	world.in_frame = false;
	world.results[1] = pend_map_close_frame(world.map, world.handles[0], PEND_VERDICT_PEND);
	world_left();
}

/* ---- without waiting ---- */

static void count_drain(void *context, struct pend_map *map)
{
	MODEL_CHECK(context == &drained && map == world.map);
	MODEL_CHECK(world.told == world.pends);
	world_hear_all();
	drained++;
}

static void disable_async(uint32_t number)
{
	world.results[number] = pend_map_disable_async(world.map, SECOND, count_drain, &drained);
}

static void drain_decide_poll(uint32_t number)
{
	if (number == 0)
		disable_async(0);
	else if (number == 1)
		world.results[1] = world_complete(0, PEND_ACTION_PERMIT_SOFT);
	else
		world_poll(0);
}

static void drain_or_pend(uint32_t number)
{
	if (number == 0)
		disable_async(0);
	else
		world.results[1] = world_pend(1, 0, 0, 0);
}

static void drained_once(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		model_advance(2 * MS);
		world_finish();
	}
	MODEL_CHECK(world.results[0] == 0 && drained == 1);
	MODEL_CHECK(world.told == world.pends && world_live() == 0);
}

static void two_drain_or_poll(uint32_t number)
{
	if (number == 2)
		world_poll(0);
	else
		disable_async(number);
}

static void each_success_is_told(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		model_advance(2 * MS);
		world_finish();
	}
	MODEL_CHECK(world_count(2, 0) >= 1);
	MODEL_CHECK(world_count(2, 0) + world_count(2, -EALREADY) == 2);
	MODEL_CHECK(drained == world_count(2, 0) && world.told == 1);
}

static const struct model_scenario scenarios[] = {
	{ .name = "stop: a pend",
	  .shows = "F D2 GT1 GT2",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = open_map,
	  .thread = stop_or_pend,
	  .end = nothing_after_the_stop },
	{ .name = "stop: a pend, no membarrier",
	  .shows = "F D2 GT1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = open_map_portable,
	  .thread = stop_or_pend,
	  .end = nothing_after_the_stop },
	{ .name = "stop: a pend, no engine",
	  .shows = "F D2 GT1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = open_map_no_engine,
	  .thread = stop_or_pend,
	  .end = nothing_after_the_stop },
	{ .name = "stop: two pends",
	  .shows = "F D2 GT1",
	  .threads = 3,
	  .bound = 3,
	  .begin = open_map,
	  .thread = stop_or_pend,
	  .end = nothing_after_the_stop },
	{ .name = "stop: of an engine, and a pend",
	  .shows = "F D2 GT1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = open_map,
	  .thread = stop_engine_or_pend,
	  .end = nothing_after_the_stop },
	{ .name = "stop: two of them, and a pend",
	  .shows = "F GT1",
	  .threads = 3,
	  .bound = 3,
	  .begin = open_map,
	  .thread = two_stop_one_pends,
	  .end = both_stopped },
	{ .name = "stop: undone, and a pend",
	  .shows = "F GT1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = open_map,
	  .thread = stop_enable_or_pend,
	  .end = told_or_live },
	{ .name = "stop: a pender stops anywhere",
	  .shows = "E F",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = open_map,
	  .thread = stop_soon_or_pend,
	  .end = not_for_ever,
	  .freezes = 2 },
	{ .name = "stop: a decision, one polls",
	  .shows = "F W2",
	  .threads = 3,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = one_open,
	  .thread = stop_or_decide,
	  .end = told_before_the_stop },
	{ .name = "stop: a deadline",
	  .shows = "A F",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_due,
	  .thread = stop_or_poll,
	  .end = told_before_the_stop },
	{ .name = "stop: a program that runs again",
	  .shows = "B F",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_continued,
	  .thread = stop_or_poll,
	  .end = told_before_the_stop },
	{ .name = "stop: a hook frame",
	  .shows = "B F",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_in_frame,
	  .thread = stop_or_close_frame,
	  .end = told_before_the_stop },
	{ .name = "drain: a decision, one polls",
	  .shows = "F DR1",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_open,
	  .thread = drain_decide_poll,
	  .end = drained_once },
	{ .name = "drain: a pend",
	  .shows = "F GT1 DR1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = one_open,
	  .thread = drain_or_pend,
	  .end = drained_once },
	{ .name = "drain: two of them, one polls",
	  .shows = "F DR1",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_open,
	  .thread = two_drain_or_poll,
	  .end = each_success_is_told },
};

const struct model_group model_stop = { "stop", scenarios,
					sizeof(scenarios) / sizeof(scenarios[0]) };
