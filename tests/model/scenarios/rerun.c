/* SPDX-License-Identifier: MIT */
/*
 * rerun.c - hook frames and programs that run again: nothing overlaps, and nothing is lost.
 *
 * The world's completion function checks B at each call: no frame is open, no program runs.
 */
#include <errno.h>

#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

/* ---- frames ---- */

static void framed(void)
{
	world_make(1, WORLD_ENGINE | WORLD_RERUN);
	world.in_frame = true;
	world.rerun_verdict = PEND_VERDICT_PROCEED_SOFT;
	MODEL_CHECK(world_pend(0, 0, PEND_REQUEST_FRAME, 0) == 0);
}

static void framed_no_engine(void)
{
	world_make(1, WORLD_RERUN);
	world.in_frame = true;
	world.rerun_verdict = PEND_VERDICT_PROCEED_SOFT;
	MODEL_CHECK(world_pend(0, 0, PEND_REQUEST_FRAME, 0) == 0);
}

static void framed_and_due(void)
{
	world_make(1, WORLD_ENGINE);
	world.in_frame = true;
	MODEL_CHECK(world_pend(0, 0, PEND_REQUEST_FRAME, MS) == 0);
	model_advance(5 * MS);
}

static void close_frame(enum pend_verdict verdict)
{
	model_plain_write(&world.in_frame);
	world.in_frame = false;
	world.results[0] = pend_map_close_frame(world.map, world.handles[0], verdict);
	world_left();
}

static void close_decide_poll(uint32_t number)
{
	if (number == 0)
		close_frame(PEND_VERDICT_PEND);
	else if (number == 1)
		world.results[1] = world_complete(0, PEND_ACTION_PERMIT_SOFT);
	else
		world_poll(0);
}

static void close_continue_poll(uint32_t number)
{
	if (number == 0)
		close_frame(PEND_VERDICT_PEND);
	else if (number == 1)
		world.results[1] = world_complete(0, PEND_ACTION_CONTINUE);
	else
		world_poll(0);
}

static void told_after_frame(void)
{
	if (!world.engine)
		while (pend_map_poll(world.map, 4) > 0)
			world_left();
	world_finish();
	MODEL_CHECK(world.results[0] == 0 && world.results[1] == 0);
	MODEL_CHECK(world.told_of[0] == 1 && world_live() == 0);
}

/* The program does not pend after all, and somebody has decided: one verdict counts. */
static void refuse_decide_poll(uint32_t number)
{
	if (number == 0)
		close_frame(PEND_VERDICT_REJECT);
	else if (number == 1)
		world.results[1] = world_complete(0, PEND_ACTION_PERMIT_SOFT);
	else
		world_poll(0);
}

static void told_what_was_decided(void)
{
	world_finish();
	MODEL_CHECK(world.told_of[0] == 1 && world_live() == 0);
	MODEL_CHECK(world.results[1] == 0 || world.results[1] == -EALREADY ||
		    world.results[1] == -ENOENT);
	MODEL_CHECK(world.results[1] != 0 || world.action_of[0] == PEND_ACTION_PERMIT_SOFT);
}

static void close_or_expire(uint32_t number)
{
	if (number == 0)
		close_frame(PEND_VERDICT_PEND);
	else
		world_poll_all();
}

static void expired_after_frame(void)
{
	model_advance(20 * MS);
	world_finish();
	MODEL_CHECK(world.results[0] == 0 && world.told_of[0] == 1);
	MODEL_CHECK(world.origin_of[0] == PEND_ORIGIN_DEADLINE && world_live() == 0);
}

/* ---- re-runs ---- */

static void continued(void)
{
	world_make(1, WORLD_ENGINE | WORLD_RERUN);
	world.rerun_verdict = PEND_VERDICT_PROCEED_SOFT;
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
	MODEL_CHECK(world_complete(0, PEND_ACTION_CONTINUE) == 0);
}

/* Others come in before the run, or between it and its end. */
static void continued_and_brisk(void)
{
	continued();
	world.brisk = true;
}

static void continued_to_pend(void)
{
	continued();
	world.rerun_verdict = PEND_VERDICT_PEND;
}

static void decide_or_run(uint32_t number)
{
	if (number == 0)
		world.results[0] = world_complete(0, PEND_ACTION_BLOCK);
	else
		world_poll(0);
}

/* X4: a decision during the run is what counts, and comes after it. */
static void told_after_rerun(void)
{
	world_finish();
	MODEL_CHECK(world.told_of[0] == 1 && world_live() == 0);
	MODEL_CHECK(world.results[0] == 0 || world.results[0] == -EALREADY ||
		    world.results[0] == -ENOENT);
	MODEL_CHECK(world.action_of[0] ==
		    (world.results[0] == 0 ? PEND_ACTION_BLOCK : PEND_ACTION_PERMIT_SOFT));
}

static void pended_or_told(void)
{
	world_finish();
	MODEL_CHECK(world.results[0] == 0 && world.told_of[0] == 1 && world_live() == 0);
	MODEL_CHECK(world.reran <= 1);
}

static void not_yet_continued(void)
{
	world_make(1, WORLD_ENGINE | WORLD_RERUN);
	world.rerun_verdict = PEND_VERDICT_PROCEED_SOFT;
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
}

static void continue_twice(uint32_t number)
{
	if (number == 2)
		world_poll(0);
	else
		world.results[number] = world_complete(0, PEND_ACTION_CONTINUE);
}

/* X2: it decides in its first run. */
static void ran_once(void)
{
	world_finish();
	MODEL_CHECK(world_count(2, 0) >= 1);
	MODEL_CHECK(world.told_of[0] == 1 && world.reran == 1 && world_live() == 0);
}

static void pends_again(void)
{
	not_yet_continued();
	world.rerun_verdict = PEND_VERDICT_PEND;
}

/* Each success is a run of its own. */
static void ran_as_often(void)
{
	world_finish();
	MODEL_CHECK(world.reran == world_count(2, 0) && world.reran >= 1);
	MODEL_CHECK(world.told == 0 && world_live() == 1);
}

static void run_twice_or_decide(uint32_t number)
{
	if (number < 2)
		world_poll(0);
	else
		world.results[0] = world_complete(0, PEND_ACTION_BLOCK);
}

static void continued_and_due(void)
{
	world_make(1, WORLD_ENGINE | WORLD_RERUN);
	world.rerun_verdict = PEND_VERDICT_PROCEED_SOFT;
	MODEL_CHECK(world_pend(0, 0, 0, MS) == 0);
	MODEL_CHECK(world_complete(0, PEND_ACTION_CONTINUE) == 0);
	model_advance(5 * MS);
}

static void run_or_expire(uint32_t number)
{
	if (number)
		world_poll_all();
	else
		world_poll(0);
}

static void told_by_one(void)
{
	world_finish();
	MODEL_CHECK(world.told_of[0] == 1 && world_live() == 0);
	MODEL_CHECK(world.origin_of[0] == PEND_ORIGIN_DEADLINE ||
		    (world.origin_of[0] == PEND_ORIGIN_PROGRAM && world.reran == 1));
}

static const struct model_scenario scenarios[] = {
	{ .name = "frame: it closes, one decides, one polls",
	  .shows = "B SL3",
	  .threads = 3,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = framed,
	  .thread = close_decide_poll,
	  .end = told_after_frame },
	{ .name = "frame: it closes, one continues, one polls",
	  .shows = "B X3 SL3",
	  .threads = 3,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = framed,
	  .thread = close_continue_poll,
	  .end = told_after_frame },
	{ .name = "frame: it closes, one decides, no engine",
	  .shows = "B SL3",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = framed_no_engine,
	  .thread = close_decide_poll,
	  .end = told_after_frame },
	{ .name = "frame: it closes, one continues, no engine",
	  .shows = "B X3",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = framed_no_engine,
	  .thread = close_continue_poll,
	  .end = told_after_frame },
	{ .name = "frame: its program refuses, one decides",
	  .shows = "A B",
	  .threads = 3,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = framed,
	  .thread = refuse_decide_poll,
	  .end = told_what_was_decided },
	{ .name = "frame: it closes, and its deadline",
	  .shows = "B C",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = framed_and_due,
	  .thread = close_or_expire,
	  .end = expired_after_frame },
	{ .name = "rerun: a decision during it",
	  .shows = "A B X4",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = continued,
	  .thread = decide_or_run,
	  .end = told_after_rerun },
	{ .name = "rerun: a decision as it ends",
	  .shows = "A B X4",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = continued_and_brisk,
	  .thread = decide_or_run,
	  .end = told_after_rerun },
	{ .name = "rerun: a decision during one that pends",
	  .shows = "A B X4",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = continued_to_pend,
	  .thread = decide_or_run,
	  .end = pended_or_told },
	{ .name = "rerun: two continue, one polls",
	  .shows = "B X2",
	  .threads = 3,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = not_yet_continued,
	  .thread = continue_twice,
	  .end = ran_once },
	{ .name = "rerun: two continue one that pends",
	  .shows = "B X2",
	  .threads = 3,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = pends_again,
	  .thread = continue_twice,
	  .end = ran_as_often },
	{ .name = "rerun: two poll, one decides",
	  .shows = "A B X4",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = continued,
	  .thread = run_twice_or_decide,
	  .end = told_after_rerun },
	{ .name = "rerun: it and its deadline",
	  .shows = "A B C",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = continued_and_due,
	  .thread = run_or_expire,
	  .end = told_by_one },
};

const struct model_group model_rerun = { "rerun", scenarios,
					 sizeof(scenarios) / sizeof(scenarios[0]) };
