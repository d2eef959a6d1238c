/* SPDX-License-Identifier: MIT */
/*
 * expiry.c - deadlines of operations: met, moved, and met by somebody else's decision.
 *
 * All shards are polled: the deadlines of a slot are some shard's, not that of the CPU that pended.
 */
#include <errno.h>

#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

static void one_due(void)
{
	world_make(1, WORLD_ENGINE);
	MODEL_CHECK(world_pend(0, 0, 0, MS) == 0);
	model_advance(5 * MS);
}

static void decide_or_poll(uint32_t number)
{
	if (number)
		world_poll_all();
	else
		world.results[0] = world_complete(0, PEND_ACTION_PERMIT_SOFT);
}

/* W1: one of them wins, and the operation is told by whom. */
static void told_by_the_winner(void)
{
	world_finish();
	MODEL_CHECK(world.told_of[0] == 1 && world_live() == 0);
	MODEL_CHECK(world.results[0] == 0 || world.results[0] == -EALREADY ||
		    world.results[0] == -ENOENT);
	MODEL_CHECK(world.origin_of[0] ==
		    (world.results[0] == 0 ? PEND_ORIGIN_ORCHESTRATOR : PEND_ORIGIN_DEADLINE));
}

static void decide_twice_or_poll(uint32_t number)
{
	if (number == 2)
		world_poll_all();
	else
		world.results[number] = world_complete(0, PEND_ACTION_BLOCK);
}

static void told_once(void)
{
	world_finish();
	MODEL_CHECK(world.told_of[0] == 1 && world_live() == 0 && world_count(2, 0) <= 1);
}

static void poll_all(uint32_t number)
{
	(void)number;
	world_poll_all();
}

static void expired_once(void)
{
	world_finish();
	MODEL_CHECK(world.told_of[0] == 1 && world.origin_of[0] == PEND_ORIGIN_DEADLINE);
	MODEL_CHECK(world_live() == 0);
}

static void extend_or_poll(uint32_t number)
{
	if (number == 0)
		world.results[0] = pend_map_extend(world.map, world.handles[0], SECOND);
	else
		world_poll_all();
}

static void extended_or_told(void)
{
	world_finish();
	MODEL_CHECK(world.results[0] == 0 || world.results[0] == -EALREADY ||
		    world.results[0] == -ENOENT || world.results[0] == -ERANGE);
	MODEL_CHECK(world.told_of[0] == (world.results[0] != 0));
	model_advance(2 * SECOND);
	world_finish();
	MODEL_CHECK(world.told_of[0] == 1 && world_live() == 0);
}

/* Held for as long as it may live, or met. */
static void hold_or_poll(uint32_t number)
{
	if (number == 0)
		world.results[0] = pend_map_hold(world.map, world.handles[0]);
	else
		world_poll_all();
}

static void held_or_told(void)
{
	world_finish();
	MODEL_CHECK(world.results[0] == 0 || world.results[0] == -EALREADY ||
		    world.results[0] == -ENOENT);
	MODEL_CHECK(world.told_of[0] == (world.results[0] != 0));
	for (uint32_t i = 0; i < 21 && !world.told_of[0]; i++) { /* ten times the default */
		model_advance(SECOND);
		world_finish();
	}
	MODEL_CHECK(world.told_of[0] == 1 && world_live() == 0);
}

/* A deadline is brought forward, while a pass is at work. */
static void far_away(void)
{
	world_make(2, WORLD_ENGINE);
	MODEL_CHECK(world_pend(0, 0, 0, SECOND) == 0);
	MODEL_CHECK(world_pend(1, 0, 0, 2 * MS) == 0);
	model_advance(5 * MS);
}

static void shorten_or_poll(uint32_t number)
{
	if (number == 0)
		world.results[0] = pend_map_extend(world.map, world.handles[0], 10 * MS);
	else
		world_poll_all();
}

/* C: by its deadline and some ticks. */
static void told_in_time(void)
{
	MODEL_CHECK(world.results[0] == 0);
	model_advance(20 * MS);
	world_finish();
	MODEL_CHECK(world.told_of[0] == 1 && world.told_of[1] == 1);
}

/* What was just pended is found by the pass at its time, whatever the pass before did. */
static void one_gone(void)
{
	world_make(1, WORLD_ENGINE);
	MODEL_CHECK(world_pend(0, 0, 0, MS) == 0);
	MODEL_CHECK(world_complete(0, PEND_ACTION_BLOCK) == 0);
	world_finish();
	model_advance(5 * MS);
}

static void one_gone_portable(void)
{
	world_without_membarrier();
	one_gone();
}

static void pend_or_pass(uint32_t number)
{
	if (number == 0)
		world.results[0] = world_pend(1, 0, 0, 10 * MS);
	else
		world_poll_all();
}

/* Who passes may have stopped: he is not waited for. */
static void expired_in_time(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		model_advance(10 * MS);
		world_finish();
	}
	MODEL_CHECK(world.results[0] == 0 && world.told_of[1] == 1 && world_live() == 0);
}

/* ---- DL3: the slot was used, is free, and the agenda still looks at it ---- */

enum { LAST_PART = MODEL_THREADS - 1 }; /* where the only slot is looked at */

static void one_idle(void)
{
	world_make(1, WORLD_ENGINE);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
	MODEL_CHECK(world_complete(0, PEND_ACTION_BLOCK) == 0);
	world_finish();
}

static void one_idle_portable(void)
{
	world_without_membarrier();
	one_idle();
}

/* Who pends for as long as the default finds the slot covered, or leaving. It leaves in three looks:
 * the first marks it, the second lets it go, the third drops it; each is a revisit after the last. */
static void pend_or_let_leave(uint32_t number)
{
	if (number == 0) {
		world.results[0] = world_pend(1, 0, 0, 0);
		return;
	}
	for (uint32_t look = 0; look < 3; look++) {
		model_advance(SECOND + 10 * MS);
		world_poll(LAST_PART);
	}
}

static void expired_by_itself(void)
{
	MODEL_CHECK(world.results[0] == 0);
	for (uint32_t i = 0; i < 3; i++) {
		model_advance(SECOND + 10 * MS);
		world_finish();
	}
	MODEL_CHECK(world.told_of[1] == 1 && world_live() == 0);
}

/* E: a server that stops in the middle of a completion may keep that one. */
static void others_expire(void)
{
	model_advance(SECOND);
	if (!model_is_frozen(1)) {
		world_finish();
		MODEL_CHECK(world.told_of[0] == 1 && world.told_of[1] == 1);
		return;
	}
	for (uint32_t i = 0; i < 4; i++)
		world_poll_all();
	MODEL_CHECK(world.told_of[0] + world.told_of[1] >= 1);
}

static void two_due(void)
{
	world_make(2, WORLD_ENGINE);
	MODEL_CHECK(world_pend(0, 0, 0, MS) == 0 && world_pend(1, 0, 0, MS) == 0);
	model_advance(5 * MS);
}

static const struct model_scenario scenarios[] = {
	{ .name = "expiry: a decision and the deadline",
	  .shows = "A C W1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = one_due,
	  .thread = decide_or_poll,
	  .end = told_by_the_winner },
	{ .name = "expiry: two decisions and the deadline",
	  .shows = "A C W1",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_due,
	  .thread = decide_twice_or_poll,
	  .end = told_once },
	{ .name = "expiry: two pass",
	  .shows = "A C DL1",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_due,
	  .thread = poll_all,
	  .end = expired_once },
	{ .name = "expiry: an extension and the deadline",
	  .shows = "C DL1 SL2",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = one_due,
	  .thread = extend_or_poll,
	  .end = extended_or_told },
	{ .name = "expiry: it is held at its deadline",
	  .shows = "C DL1 SL2",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_due,
	  .thread = hold_or_poll,
	  .end = held_or_told },
	{ .name = "expiry: a deadline comes nearer",
	  .shows = "C DL1 DL2",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = far_away,
	  .thread = shorten_or_poll,
	  .end = told_in_time },
	{ .name = "expiry: a pend while its slot leaves the agenda",
	  .shows = "C DL3",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = one_gone,
	  .thread = pend_or_pass,
	  .end = expired_in_time },
	{ .name = "expiry: the same, no membarrier",
	  .shows = "C DL3",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 2,
	  .begin = one_gone_portable,
	  .thread = pend_or_pass,
	  .end = expired_in_time },
	{ .name = "expiry: a pend while its slot is dropped",
	  .shows = "C DL3",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .stores = 16,
	  .begin = one_idle,
	  .thread = pend_or_let_leave,
	  .end = expired_by_itself },
	{ .name = "expiry: one is dropped, no membarrier",
	  .shows = "C DL3",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .stores = 16,
	  .begin = one_idle_portable,
	  .thread = pend_or_let_leave,
	  .end = expired_by_itself },
	{ .name = "expiry: who passes stops anywhere",
	  .shows = "E C",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_gone,
	  .thread = pend_or_pass,
	  .end = expired_in_time,
	  .freezes = 2 },
	{ .name = "expiry: one stops with what was due",
	  .shows = "E C",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = two_due,
	  .thread = decide_or_poll,
	  .end = others_expire,
	  .freezes = 2 },
};

const struct model_group model_expiry = { "expiry", scenarios,
					  sizeof(scenarios) / sizeof(scenarios[0]) };
