/* SPDX-License-Identifier: MIT */
/*
 * runtime.c - programs are replaced, detached and freed while a hook invokes them.
 *
 * An invocation runs one program, of before or after the change; what has returned is true for who
 * begins later.
 */
#include <errno.h>
#include <string.h>

#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/stage.h"

static void make_portable(void)
{
	world_without_membarrier();
	stage_make();
}

/* ---- one thread changes what the others invoke ---- */

static void invoke_or_update(uint32_t number)
{
	if (number == 0) {
		stage.results[0] = stage_update(1, PEND_OUTSTANDING_FINISH, 0);
		stage_give_back(1);
		stage_give_back(2);
	} else {
		stage_invoke(number, 0);
	}
}

static void invoke_or_update_waiting(uint32_t number)
{
	if (number) {
		stage_invoke(number, 0);
		return;
	}
	stage.results[0] = stage_update(1, PEND_OUTSTANDING_FINISH, PEND_LINK_WAIT);
	MODEL_CHECK(stage.roles[0].inside == 0 && stage.roles[0].freed == 1);
	stage_give_back(1);
	stage_give_back(2);
}

static void old_or_new(void)
{
	MODEL_CHECK(stage.results[0] == 0);
	for (uint32_t i = 1; i < model_threads(); i++) {
		MODEL_CHECK(stage.passages[i].stamps == 1);
		MODEL_CHECK(stage.passages[i].stamp >= stage.lowest[i] &&
			    stage.passages[i].stamp <= 1);
	}
	stage_strike();
}

static void batch_or_update(uint32_t number)
{
	if (number)
		stage_invoke_batch();
	else
		invoke_or_update(0);
}

static void each_old_or_new(void)
{
	/* Of one moment: none sees a change that the other does not. */
	MODEL_CHECK(stage.passages[2].stamps == 1 &&
		    stage.passages[2].stamp == stage.passages[1].stamp);
	old_or_new();
}

static void update_twice_or_invoke(uint32_t number)
{
	if (number) {
		stage_invoke(1, 0);
		return;
	}
	for (uint32_t i = 0; i < 2; i++) {
		stage.results[i] = stage_update(i + 1, PEND_OUTSTANDING_FINISH, 0);
		stage_give_back(i + 1);
	}
}

static void one_of_three(void)
{
	MODEL_CHECK(stage.results[0] == 0 && stage.results[1] == 0);
	MODEL_CHECK(stage.passages[1].stamps == 1 && stage.passages[1].stamp >= stage.lowest[1]);
	MODEL_CHECK(stage.passages[1].stamp <= 2);
	stage_strike();
}

static void invoke_or_detach(uint32_t number)
{
	if (number) {
		stage_invoke(number, 0);
		return;
	}
	stage.results[0] = pend_link_detach(stage.link, PEND_OUTSTANDING_FINISH);
	MODEL_CHECK(stage.roles[0].inside == 0); /* C6 */
	stage.newest = 1;
	MODEL_CHECK(pend_link_close(stage.link) == 0);
	stage.link = NULL;
	stage_give_back(1);
	stage_give_back(2);
}

static void ran_or_not(void)
{
	MODEL_CHECK(stage.results[0] == 0);
	for (uint32_t i = 1; i < model_threads(); i++)
		MODEL_CHECK(stage.passages[i].stamps + stage.lowest[i] <= 1);
	stage_strike();
}

static void invoke_or_attach(uint32_t number)
{
	if (number) {
		stage_invoke(number, 0);
		return;
	}
	stage.other = stage_attach(1);
	stage_give_back(2);
}

static void one_or_both(void)
{
	MODEL_CHECK(stage.passages[1].stamps >= 1 && stage.passages[1].stamps <= 2);
	MODEL_CHECK(stage.roles[0].runs == 1 &&
		    stage.roles[1].runs + 1 == stage.passages[1].stamps);
	stage_strike();
}

/* ---- with an operation that is pended ---- */

static void pend_or_update(uint32_t number)
{
	if (number == 0) {
		stage_invoke(1, 1);
		return;
	}
	stage.results[0] = stage_update(1, PEND_OUTSTANDING_FINISH, 0);
	stage_give_back(1);
	stage_give_back(2);
}

static void pend_or_hand_over(uint32_t number)
{
	if (number == 0) {
		stage_invoke(1, 1);
		return;
	}
	stage.results[0] = stage_update(1, PEND_OUTSTANDING_HAND_OVER, 0);
	stage_give_back(1);
	stage_give_back(2);
}

static void pend_or_complete(uint32_t number)
{
	if (number == 0) {
		stage_invoke(1, 1);
		return;
	}
	stage.results[0] = stage_update(1, PEND_OUTSTANDING_COMPLETE, 0);
	stage_give_back(1);
	stage_give_back(2);
}

static void pended_by_one(void)
{
	MODEL_CHECK(stage.results[0] == 0 && stage.verdicts[1] == PEND_VERDICT_PEND);
	MODEL_CHECK(stage.held == 1);
}

static void continue_it(void)
{
	MODEL_CHECK(pend_map_complete(stage.map_of_held, stage.handle, PEND_ACTION_CONTINUE) == 0);
	stage_serve();
}

/* X15: the one that pended runs again; it is freed after that. */
static void who_pended_runs_again(void)
{
	const uint64_t stamp = stage.passages[1].stamp;

	pended_by_one();
	stage_serve();
	MODEL_CHECK(stage.completed == 0 && !stage.roles[stamp].freed);
	continue_it();
	MODEL_CHECK(stage.completed == 1 && stage.roles[stamp].reruns == 1);
	stage_strike();
}

static void newest_runs_again(void)
{
	pended_by_one();
	stage_serve();
	continue_it();
	MODEL_CHECK(stage.completed == 1 && stage.roles[1].reruns == 1 &&
		    stage.roles[0].reruns == 0);
	stage_strike();
}

static void completed_or_lives(void)
{
	pended_by_one();
	stage_serve();
	/* That of the old program is completed; that of the new one is not touched. */
	MODEL_CHECK(stage.completed == (stage.passages[1].stamp == 0));
	MODEL_CHECK(!stage.completed || stage.action == PEND_ACTION_BLOCK);
	if (!stage.completed)
		continue_it();
	stage_strike();
}

/* X10: the link goes while one pends by it. */
static void pend_or_detach(uint32_t number)
{
	if (number == 0) {
		stage_invoke(1, 1);
		return;
	}
	stage.results[0] = pend_link_detach(stage.link, PEND_OUTSTANDING_COMPLETE);
	MODEL_CHECK(stage.roles[0].inside == 0);
	MODEL_CHECK(pend_link_close(stage.link) == 0);
	stage.link = NULL;
	stage_give_back(1);
	stage_give_back(2);
}

static void nothing_left(void)
{
	MODEL_CHECK(stage.results[0] == 0 && stage.held == stage.pended && stage.held <= 1);
	stage_serve();
	MODEL_CHECK(stage.completed == stage.held);
	stage_strike();
}

/* H, X7: elsewhere and later, the program hears the same. */
static void pended_by_snapshot(void)
{
	stage_make();
	stage_invoke(1, 2);
	MODEL_CHECK(stage.held == 1 && stage.snapshots == 1);
	model_advance(7 * MS);
	stage_give_back(1);
	stage_give_back(2);
}

static void continue_or_serve(uint32_t number)
{
	if (number == 0)
		stage.results[0] =
			pend_map_complete(stage.map_of_held, stage.handle, PEND_ACTION_CONTINUE);
	else
		world_poll(0);
}

static void heard_the_same(void)
{
	stage_serve();
	MODEL_CHECK(stage.results[0] == 0 && stage.snapshots == 2 && stage.completed == 1);
	MODEL_CHECK(memcmp(stage.seen[0], stage.seen[1], sizeof(stage.seen[0])) == 0);
	stage_strike();
}

/* RG2, RG3: two give handles back, the program goes once. */
static void two_give_back(uint32_t number)
{
	stage_give_back(number + 1);
}

static void given_back(void)
{
	MODEL_CHECK(stage.roles[1].freed == 1 && stage.roles[2].freed == 1);
	stage_strike();
}

static const struct model_scenario scenarios[] = {
	{ .name = "runtime: an update and an invocation",
	  .shows = "G AT1 AT2 AT3",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = stage_make,
	  .thread = invoke_or_update,
	  .end = old_or_new },
	{ .name = "runtime: the same, no membarrier",
	  .shows = "G AT3 EP1",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make_portable,
	  .thread = invoke_or_update,
	  .end = old_or_new },
	{ .name = "runtime: an update and a batch",
	  .shows = "G AT1",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = stage_make,
	  .thread = batch_or_update,
	  .end = each_old_or_new },
	{ .name = "runtime: an update that waits",
	  .shows = "G C7",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = stage_make,
	  .thread = invoke_or_update_waiting,
	  .end = old_or_new },
	{ .name = "runtime: two updates and an invocation",
	  .shows = "G AT1 AT4",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = stage_make,
	  .thread = update_twice_or_invoke,
	  .end = one_of_three },
	{ .name = "runtime: a detach and an invocation",
	  .shows = "G D1 C6",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = stage_make,
	  .thread = invoke_or_detach,
	  .end = ran_or_not },
	{ .name = "runtime: an attach and an invocation",
	  .shows = "G X17 AT1",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = stage_make,
	  .thread = invoke_or_attach,
	  .end = one_or_both },
	{ .name = "runtime: an update and a pend, finish",
	  .shows = "G X10 X15 AT2",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = stage_make,
	  .thread = pend_or_update,
	  .end = who_pended_runs_again },
	{ .name = "runtime: an update and a pend, hand over",
	  .shows = "G X15 AT4",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = stage_make,
	  .thread = pend_or_hand_over,
	  .end = newest_runs_again },
	{ .name = "runtime: an update and a pend, complete",
	  .shows = "G X15",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = stage_make,
	  .thread = pend_or_complete,
	  .end = completed_or_lives },
	{ .name = "runtime: a detach and a pend",
	  .shows = "A G X10",
	  .threads = 2,
	  .bound = 3,
	  .begin = stage_make,
	  .thread = pend_or_detach,
	  .end = nothing_left },
	{ .name = "runtime: a re-run hears the same",
	  .shows = "H X7",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = pended_by_snapshot,
	  .thread = continue_or_serve,
	  .end = heard_the_same },
	{ .name = "runtime: two give handles back",
	  .shows = "RG2 RG3",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = stage_make,
	  .thread = two_give_back,
	  .end = given_back },
};

const struct model_group model_runtime = { "runtime", scenarios,
					   sizeof(scenarios) / sizeof(scenarios[0]) };
