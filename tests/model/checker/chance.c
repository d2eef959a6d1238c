/* SPDX-License-Identifier: MIT */
/*
 * chance.c - decisions by dice, for what lies beyond the bound.
 *
 * Uniform: mostly the running fiber goes on, now and then anything may happen.
 *
 * By priority (PCT): each fiber, and each fiber's stores that land, gets a random priority, and
 * whoever can go on and has the highest does. At d - 1 moments, chosen at random, whoever would go
 * on falls below all others. A bug that needs d ordering constraints is found by one execution with
 * probability 1 / (n * k^(d-1)) at least, for n fibers and k moments: Burckhardt and others, "A
 * randomized scheduler with probabilistic guarantees of finding bugs", 2010.
 */
#include "tests/model/checker/checker.h"

uint64_t chance_draw(void)
{
	uint64_t mixed = model->random_state += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ (mixed >> 31);
}

void chance_begin(void)
{
	struct model_priorities *priorities = &model->priorities;
	const uint64_t moments = model->longest ? model->longest : 1;

	if (model->chooser != MODEL_BY_PRIORITY)
		return;
	for (uint32_t i = 0; i < MODEL_OPTIONS; i++)
		priorities->of[i] = priorities->changes + 1 + (uint32_t)(chance_draw() >> 33);
	for (uint32_t i = 0; i < priorities->changes; i++)
		priorities->change[i] = (uint32_t)(chance_draw() % moments);
}

static uint32_t highest(const struct model_decision *decision)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < decision->count; i++)
		if (decision->options[i] < MODEL_FREEZES &&
		    model->priorities.of[decision->options[i]] >
			    model->priorities.of[decision->options[best]])
			best = i;
	return best;
}

static uint32_t by_priority(const struct model_decision *decision)
{
	struct model_priorities *priorities = &model->priorities;
	const uint8_t last = decision->options[decision->count - 1];

	/* About once in two executions, a fiber that may stop does. */
	if (last >= MODEL_FREEZES && chance_draw() % (2 * model->longest + 1) == 0)
		return decision->count - 1u;
	for (uint32_t i = 0; i < priorities->changes; i++)
		if (priorities->change[i] == model->depth)
			priorities->of[decision->options[highest(decision)]] = i;
	return highest(decision);
}

uint32_t chance_choose(const struct model_decision *decision)
{
	if (decision->options[0] != MODEL_PICKS && model->chooser == MODEL_BY_PRIORITY)
		return by_priority(decision);
	return chance_draw() % 6 ? 0 : (uint32_t)(chance_draw() % decision->count);
}
