/* SPDX-License-Identifier: MIT */
/*
 * search.c - one search of one scenario: every schedule up to the bound, and then more.
 *
 *	discovery   some executions by dice, to learn which addresses two fibers share
 *	search      every schedule of the bound; anew when one more shared address turns up
 *	further     the next bound, as long as that fits into the budget
 *	chance      the rest of the budget by dice and by priorities, without a bound
 *
 * Counted are the schedules of the highest bound that was exhausted, each of which is different, and
 * those drawn by chance.
 */
#include <stdio.h>
#include <time.h>

#include "epoch/thread.h"
#include "tests/model/checker/checker.h"
#include "tests/model/checker/sites.h"

enum { ROUNDS = 256, DISCOVERY = 500, GROWTH = 6 };

const char *const search_mode_names[MODEL_MODES] = { "SC", "TSO", "WEAK" };

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void register_thread(void)
{
	MODEL_CHECK(pendi_thread_number() != 0);
}

static void execute(void)
{
	fiber_restore();
	memory_restore();
	schedule_begin();
	fiber_run_all();
	for (uint32_t i = 0; i < MODEL_THREADS; i++)
		memory_land_all(i);
	model->scenario->end();
}

/* Addresses that two fibers touched are points from now on. */
static void settle_points(void)
{
	for (uint32_t i = 0; i < model->touched_count; i++) {
		struct model_cell *cell = model->touched[i];
		const uint8_t both = cell->readers | cell->writers;

		cell->point |= cell->writers && (both & (both - 1));
	}
	model->grown = false;
}

static uint32_t count_points(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < model->touched_count; i++)
		count += model->touched[i]->point;
	return count;
}

static void run_by_chance(enum model_chooser chooser, uint32_t bound, uint64_t count)
{
	model->chooser = chooser;
	model->bound = bound;
	model->known = 0;
	for (uint64_t i = 0; i < count; i++) {
		execute();
		(void)schedule_next();
		if (model->grown)
			settle_points();
	}
}

/* Every schedule of the bound. False: it would be more than @limit. */
static bool exhaust(uint32_t bound, uint64_t limit)
{
	model->chooser = MODEL_BY_SEARCH;
	model->bound = bound;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		bool more = true;

		model->known = 0;
		model->executions = 0;
		model->longest = 0;
		model->cut = false;
		while (more && !model->grown && model->executions < limit) {
			execute();
			more = schedule_next();
		}
		if (!model->grown)
			return !more;
		settle_points();
	}
	return false;
}

static void note_bound(struct model_result *result, uint32_t bound)
{
	result->exhausted = true;
	result->complete = !model->cut;
	result->bound = bound;
	result->schedules = model->executions;
	result->longest = model->longest;
}

/* Higher bounds, as long as they are likely to fit. What is left of the budget. */
static uint64_t go_further(struct model_result *result, uint64_t budget)
{
	uint64_t left = budget > result->schedules ? budget - result->schedules : 0;
	uint64_t next = result->schedules * GROWTH;

	while (!result->complete && next <= left) {
		const uint64_t before = result->schedules;

		if (!exhaust(result->bound + 1, left))
			return left - model->executions;
		note_bound(result, result->bound + 1);
		left = left > result->schedules ? left - result->schedules : 0;
		next = result->schedules * (result->schedules / (before + 1) + 1);
	}
	return left;
}

static void search(const struct model_plan *plan, uint32_t bound, struct model_result *result)
{
	uint64_t left;

	model->random_state = plan->seed;
	run_by_chance(MODEL_BY_DICE, bound, DISCOVERY);
	settle_points();
	result->bound = bound;
	if (exhaust(bound, plan->limit)) {
		note_bound(result, bound);
		left = go_further(result, plan->budget);
	} else {
		result->schedules = model->executions;
		result->longest = model->longest;
		left = 0;
	}
	if (!result->complete) {
		model->priorities.changes = plan->change_points;
		model->longest = result->longest;
		run_by_chance(MODEL_BY_PRIORITY, UINT32_MAX, left - left / 4);
		run_by_chance(MODEL_BY_DICE, UINT32_MAX, left / 4);
		result->drawn = left;
	}
	result->points = count_points();
	result->done = true;
}

static void replay(const struct model_plan *plan, struct model_result *result)
{
	model->chooser = MODEL_BY_REPLAY;
	if (!report_read_schedule(plan->replay)) {
		puts("this is not a schedule");
		return;
	}
	model->trace = true;
	execute();
	report_last_lines();
	puts("the schedule ran to its end: no violation");
	result->done = true;
}

int search_bound(const struct model_scenario *scenario, enum model_mode mode)
{
	if (mode == MODEL_TSO && !scenario->tso_bound)
		return -1;
	if (mode == MODEL_WEAK && !scenario->tso_bound)
		return 2;
	return (int)(mode == MODEL_SC ? scenario->bound : scenario->tso_bound);
}

void search_run(const struct model_scenario *scenario, enum model_mode mode,
		const struct model_plan *plan, struct model_result *result)
{
	const double begin = now_s();
	const int bound = plan->bound >= 0 ? plan->bound : search_bound(scenario, mode);

	fiber_setup();
	memory_setup();
	model->scenario = scenario;
	model->result = result;
	model->tso = mode == MODEL_TSO;
	model->weak = mode == MODEL_WEAK;
	model->reach = plan->reach;
	report_setup();
	seams_setup();
	register_thread();
	for (uint32_t i = 0; i < scenario->threads; i++)
		fiber_as(i, register_thread);
	scenario->begin();
	fiber_snapshot();
	memory_snapshot();
	if (plan->replay)
		replay(plan, result);
	else
		search(plan, (uint32_t)bound, result);
	if (plan->reach)
		sites_print_reached();
	result->seconds = now_s() - begin;
}
