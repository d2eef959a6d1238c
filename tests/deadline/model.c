/* SPDX-License-Identifier: MIT */
/*
 * model.c - the agenda against a plain array of ticks, at random (guarantee C).
 *
 *	deadline_model [--rounds N] [--seed N]
 *
 * One thread arms, passes with and without a budget, and moves the time on, also over the wrap. With
 * one thread the agenda is exact: the next tick is the minimum, a pass without a budget looks at
 * the slots that are due and no others, one with a budget at as many of them, and none twice.
 */
#include <string.h>

#include "engine/deadline/agenda.h"
#include "tests/support/arguments.h"
#include "tests/support/check.h"
#include "tests/support/random.h"

enum { SLOTS_MOST = 5000 };

static struct model {
	struct pendi_agenda agenda;
	struct rng rng;
	uint32_t count, now, spread;
	uint32_t ticks[SLOTS_MOST]; /* PENDI_TICK_NEVER: none */
	uint32_t looked[SLOTS_MOST], passes;
	uint64_t looks, arms;
} model;

static bool is_due(uint32_t tick)
{
	return tick != PENDI_TICK_NEVER && (int32_t)(tick - model.now) <= 0;
}

/* Some time after now, never 0. */
static uint32_t some_tick(void)
{
	const uint32_t tick = model.now + 1 + rng_below(&model.rng, model.spread);

	return tick == PENDI_TICK_NEVER ? 1 : tick;
}

static uint32_t look(void *context, uint32_t slot, uint32_t now)
{
	CHECK(context == &model);
	CHECK_U64(now, ==, model.now);
	CHECK_U64(slot, <, model.count);
	CHECK(is_due(model.ticks[slot]));
	CHECK_U64(model.looked[slot], !=, model.passes);
	model.looked[slot] = model.passes;
	model.looks++;
	model.ticks[slot] = rng_one_in(&model.rng, 3) ? PENDI_TICK_NEVER : some_tick();
	return model.ticks[slot];
}

static uint32_t count_due(void)
{
	uint32_t due = 0;

	for (uint32_t slot = 0; slot < model.count; slot++)
		due += is_due(model.ticks[slot]);
	return due;
}

static uint32_t true_next(void)
{
	int64_t nearest = INT64_MAX;

	for (uint32_t slot = 0; slot < model.count; slot++) {
		const int64_t distance = (int32_t)(model.ticks[slot] - model.now);

		if (model.ticks[slot] != PENDI_TICK_NEVER && distance < nearest)
			nearest = distance;
	}
	return nearest == INT64_MAX ? PENDI_TICK_NEVER : model.now + (uint32_t)nearest;
}

static void step(void)
{
	const uint32_t slot = rng_below(&model.rng, model.count), tick = some_tick();
	uint32_t due, budget;

	switch (rng_below(&model.rng, 8)) {
	case 0:
		model.now += rng_below(&model.rng, model.spread);
		model.now += model.now == PENDI_TICK_NEVER;
		break;
	case 1:
	case 2:
		model.passes++;
		due = count_due();
		budget = rng_one_in(&model.rng, 2) ? UINT32_MAX
						   : rng_below(&model.rng, 2 * due + 2);
		CHECK_U64(pendi_agenda_pass(&model.agenda, model.now, budget, look, &model), ==,
			  due < budget ? due : budget);
		CHECK_U64(count_due(), ==, due < budget ? 0 : due - budget);
		break;
	default:
		pendi_agenda_arm(&model.agenda, slot, tick);
		model.arms++;
		if (model.ticks[slot] == PENDI_TICK_NEVER ||
		    (int32_t)(tick - model.ticks[slot]) < 0)
			model.ticks[slot] = tick;
		break;
	}
	CHECK_U64(pendi_agenda_next(&model.agenda), ==, true_next());
}

static void run(uint32_t count, uint32_t spread, uint64_t steps, uint64_t seed, struct tap *tap)
{
	char name[64];

	memset(&model, 0, sizeof(model));
	model.rng = rng_make(seed, count);
	model.count = count;
	model.spread = spread;
	model.now = 0u - 10 * spread; /* the wrap comes soon */
	CHECK_INT(pendi_agenda_init(&model.agenda, count, NULL), ==, 0);
	for (uint64_t i = 0; i < steps; i++)
		step();
	pendi_agenda_fini(&model.agenda, NULL);
	snprintf(name, sizeof(name), "%" PRIu32 " slots, ticks within %" PRIu32, count, spread);
	printf("# %" PRIu64 " armings, %" PRIu64 " looks\n", model.arms, model.looks);
	tap_report(tap, model.looks && model.arms, name);
}

int main(int count, char **words)
{
	static const uint32_t counts[] = { 1, 8, 9, 64, 65, 700, SLOTS_MOST };
	struct arguments arguments = { .rounds = 300000 };
	struct tap tap = { 0 };

	if (!arguments_parse(&arguments, count, words))
		return 2;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const uint64_t steps = arguments.rounds / (1 + counts[i] / 50);

		run(counts[i], 20, steps, arguments.seed, &tap);
		run(counts[i], 1u << 27, steps, arguments.seed, &tap);
	}
	return tap_end(&tap);
}
