/* SPDX-License-Identifier: MIT */
/*
 * schedule.c - who goes on: every way to decide it, one execution after the other.
 *
 *	decisions of the last execution:   0 0 1 0 2 0 0 1
 *	of the next one:                   0 0 1 0 3        the last that could be taken otherwise
 *
 * Option 0 is to leave the running fiber alone. Another option costs one while it could go on, and
 * nothing while it waits; an execution may cost as much as the bound. So with bound b all executions
 * with at most b preemptions (and stores that land early) are run, once each.
 *
 * The first decisions of an execution repeat those of the last one: the step at which each of them
 * was made is known, so that nothing is looked at before it. Nor is anything once the cost is as
 * high as the bound.
 *
 * A fiber that spins (pendi_cpu_relax()) waits until somebody writes: nothing else could end its loop.
 * If nobody else can go on it does go on, for the loop may be bounded; if nothing changes for SPINS
 * such steps, that is a livelock.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/model/checker/checker.h"

enum { SPINS = 20000, STEPS = 1 << 20, NOBODY = 255 };

static bool runs(uint32_t fiber)
{
	return fiber < MODEL_THREADS && model->fibers[fiber].wait == MODEL_RUNS;
}

static bool frozen(uint32_t fiber)
{
	return model->fibers[fiber].wait == MODEL_FROZEN;
}

static void wake_spinners(void)
{
	for (uint32_t i = 0; i < MODEL_THREADS; i++) {
		struct model_fiber *fiber = &model->fibers[i];

		if (fiber->wait == MODEL_SPINS && fiber->wait_version != model->version)
			fiber->wait = MODEL_RUNS;
	}
}

static void add(struct model_decision *decision, uint32_t option)
{
	decision->options[decision->count++] = (uint8_t)option;
}

/* What can happen instead of the running fiber's going on. */
static void add_others(struct model_decision *decision)
{
	for (uint32_t i = 0; i < MODEL_THREADS; i++)
		if (i != model->self && runs(i))
			add(decision, i);
	for (uint32_t i = 0; model->tso && i < MODEL_THREADS; i++)
		if (model->fibers[i].buffered)
			add(decision, MODEL_LANDS + i);
}

/* The running fiber may stop for good, if no other has. */
static void add_freeze(struct model_decision *decision)
{
	if (!(model->scenario->freezes & (1u << model->self)))
		return;
	for (uint32_t i = 0; i < MODEL_THREADS; i++)
		if (frozen(i))
			return;
	add(decision, MODEL_FREEZES + model->self);
}

/* Nobody can go on, and no store is under way: all have ended, or somebody's wait does. */
static bool help(void)
{
	bool ended = true;

	for (uint32_t i = 0; i < MODEL_THREADS; i++)
		ended &= model->fibers[i].wait == MODEL_ENDED || frozen(i);
	if (ended) {
		model->fibers[MODEL_MAIN].wait = MODEL_RUNS;
		return false;
	}
	for (uint32_t i = 0; i < MODEL_THREADS; i++) {
		struct model_fiber *fiber = &model->fibers[i];

		if (fiber->wait == MODEL_SLEEPS && fiber->timed)
			fiber->timed_out = true;
		else if (fiber->wait != MODEL_SPINS)
			continue;
		fiber->wait = MODEL_RUNS;
		if (++model->spins > SPINS)
			model_violation(__FILE__, __LINE__, "nothing changes any more (livelock)");
		return true;
	}
	model_violation(__FILE__, __LINE__, "nobody can go on (deadlock)");
}

/* The options of this moment. None: all have ended. */
static void collect(struct model_decision *decision)
{
	const bool self_runs = runs(model->self);

	do {
		decision->count = 0;
		wake_spinners();
		if (runs(model->self))
			add(decision, model->self);
		if (!self_runs || model->cost < model->bound)
			add_others(decision);
		else
			model->cut = true;
		if (self_runs && model->cost < model->bound)
			add_freeze(decision);
	} while (!decision->count && help());
}

static void check_same(const struct model_decision *was, const struct model_decision *now)
{
	if (was->step != now->step || was->self != now->self || was->count != now->count ||
	    memcmp(was->options, now->options, now->count) != 0)
		model_violation(__FILE__, __LINE__, "the same schedule went another way");
}

/* Takes one of the options of @now, and keeps it. */
static uint32_t take(struct model_decision *now)
{
	struct model_decision *decision = &model->decisions[model->depth];

	if (model->depth >= MODEL_DEPTH - 1)
		model_violation(__FILE__, __LINE__, "an execution without end");
	if (model->depth < model->known) {
		now->taken = decision->taken;
		if (model->chooser == MODEL_BY_SEARCH)
			check_same(decision, now);
		else if (now->taken >= now->count)
			model_violation(__FILE__, __LINE__,
					"this is not a schedule of this scenario");
	} else if (model->chooser >= MODEL_BY_DICE) {
		now->taken = (uint8_t)chance_choose(now);
	}
	*decision = *now;
	model->depth++;
	return now->taken;
}

/* What goes on: an option, or NOBODY: all have ended. */
static uint32_t decide(void)
{
	struct model_decision now = { .self = (uint8_t)model->self };
	const bool self_runs = runs(model->self);

	now.step = ++model->step;
	if (now.step > STEPS)
		model_violation(__FILE__, __LINE__, "an execution without end");
	if (self_runs && model->chooser == MODEL_BY_SEARCH && model->depth < model->known) {
		const struct model_decision *was = &model->decisions[model->depth];

		if (was->step > now.step)
			return model->self;
		if (was->step != now.step || was->self != now.self)
			model_violation(__FILE__, __LINE__, "the same schedule went another way");
		model->depth++;
		model->cost += was->taken != 0;
		return was->options[was->taken];
	}
	collect(&now);
	if (now.count < 2)
		return now.count ? now.options[0] : NOBODY;
	take(&now);
	model->cost += now.taken != 0 && self_runs;
	return now.options[now.taken];
}

/* Goes on with whoever is chosen; returns when the running fiber is. */
static void pass_on(void)
{
	if (model->scenario->step)
		model->scenario->step();
	for (;;) {
		const uint32_t next = decide();

		if (next == NOBODY) {
			if (model->self != MODEL_MAIN)
				fiber_switch(MODEL_MAIN);
			return;
		}
		if (next >= MODEL_FREEZES) {
			model->fibers[next - MODEL_FREEZES].wait = MODEL_FROZEN;
			if (model->trace)
				report_event("stops for good", NULL);
			continue;
		}
		if (next >= MODEL_LANDS) {
			memory_land(next - MODEL_LANDS);
			continue;
		}
		model->fibers[next].wait = MODEL_RUNS; /* if it spun: somebody has written */
		if (next != model->self)
			fiber_switch(next);
		return;
	}
}

void schedule_point(void)
{
	if (model->depth < model->known) {
		if (model->chooser == MODEL_BY_SEARCH &&
		    model->step + 1 < model->decisions[model->depth].step) {
			model->step++;
			return;
		}
	} else if (model->cost >= model->bound && model->step < STEPS) {
		model->step++;
		model->cut = true;
		if (model->scenario->step)
			model->scenario->step();
		return;
	}
	pass_on();
}

uint32_t schedule_choose(uint32_t count)
{
	struct model_decision now = { .options = { MODEL_PICKS }, .self = (uint8_t)model->self };

	if (count < 2 || !model->running || model->self == MODEL_MAIN)
		return 0;
	if (model->cost >= model->bound) {
		model->cut = true;
		return 0;
	}
	now.step = ++model->step;
	now.count = (uint8_t)(count < MODEL_OPTIONS ? count : MODEL_OPTIONS);
	model->cost += take(&now) != 0;
	return now.taken;
}

void schedule_block(enum model_wait wait, const void *on, bool timed)
{
	static const char *const words[] = { [MODEL_SPINS] = "waits until somebody writes",
					     [MODEL_SLEEPS] = "sleeps on",
					     [MODEL_LOCKS] = "waits for the mutex" };
	struct model_fiber *fiber = &model->fibers[model->self];

	if (model->trace && wait != MODEL_ENDED)
		report_event(words[wait], on);
	fiber->wait = wait;
	fiber->wait_on = on;
	fiber->wait_version = model->version;
	fiber->timed = timed;
	fiber->timed_out = false;
	pass_on();
}

void schedule_wake(enum model_wait wait, const void *on, uint32_t count)
{
	for (uint32_t i = 0; i < MODEL_THREADS && count; i++) {
		struct model_fiber *fiber = &model->fibers[i];

		if (fiber->wait != wait || fiber->wait_on != on)
			continue;
		fiber->wait = MODEL_RUNS;
		model->version++;
		count--;
	}
}

void schedule_end(void)
{
	if (model->trace)
		report_event("has ended", NULL);
	model->fibers[model->self].wait = MODEL_ENDED;
	model->version++;
	pass_on();
	abort(); /* nobody goes back to a fiber that has ended */
}

void schedule_begin(void)
{
	model->depth = 0;
	model->cost = 0;
	model->step = 0;
	model->spins = 0;
	if (model->chooser >= MODEL_BY_DICE)
		chance_begin();
}

/* Where the search goes on. False: nothing is left. */
bool schedule_next(void)
{
	model->executions++;
	model->steps += model->step;
	if (model->depth > model->longest)
		model->longest = model->depth;
	if (model->chooser != MODEL_BY_SEARCH)
		return true;
	if (model->depth < model->known)
		model_violation(__FILE__, __LINE__, "the same schedule went another way");
	model->known = model->depth;
	while (model->known) {
		struct model_decision *last = &model->decisions[model->known - 1];

		if (last->taken + 1u < last->count) {
			last->taken++;
			return true;
		}
		model->known--;
	}
	return false;
}

uint32_t model_self(void)
{
	return model->self;
}

uint32_t model_threads(void)
{
	return model->scenario->threads;
}

bool model_is_frozen(uint32_t fiber)
{
	return frozen(fiber);
}

void model_yield(void)
{
	if (model->running)
		schedule_block(MODEL_SPINS, NULL, false);
}
