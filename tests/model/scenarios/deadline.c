/* SPDX-License-Identifier: MIT */
/*
 * deadline.c - the agenda by itself: nine slots in two lines, a node above each, a root.
 *
 * Oracle: a slot whose arming has returned is looked at by a pass at its tick, whatever else was
 * under way; and at rest the root is not later than any slot.
 */
#include "engine/deadline/agenda.h"
#include "platform/memory.h"
#include "tests/model/scenarios/scenarios.h"

enum { SLOTS = 9, NEAR = 0, NEXT = 1, FAR = 8 };

static struct {
	struct pendi_agenda agenda;
	/* When each is due, 0 never: written before it is armed, read when it is looked at. */
	_Atomic uint32_t due[SLOTS];
	uint32_t looked[SLOTS];
	uint32_t base; /* ticks count from here */
} at;

static uint32_t tick(uint32_t after)
{
	const uint32_t it = at.base + after;

	return it == PENDI_TICK_NEVER ? it + 1 : it;
}

static uint32_t look(void *context, uint32_t slot, uint32_t now)
{
	/* relaxed: DL1 orders it after the arming. */
	uint32_t due = pendi_load_relaxed(&at.due[slot]);

	(void)context;
	if (due == PENDI_TICK_NEVER || (int32_t)(due - now) > 0)
		return due;
	at.looked[slot]++;
	/* relaxed: who arms it anew writes another one. A failure: he has. */
	(void)pendi_cas_relaxed(&at.due[slot], &due, PENDI_TICK_NEVER);
	return PENDI_TICK_NEVER;
}

static void arm(uint32_t slot, uint32_t when)
{
	/* relaxed: DL1 orders it before the arming. */
	pendi_store_relaxed(&at.due[slot], tick(when));
	pendi_agenda_arm(&at.agenda, slot, tick(when));
}

static void pass(uint32_t when)
{
	(void)pendi_agenda_pass(&at.agenda, tick(when), SLOTS, look, NULL);
}

static void make(void)
{
	at.base = 1000;
	MODEL_CHECK(pendi_agenda_init(&at.agenda, SLOTS, &pendi_memory_default) == 0);
}

static void one_due(void)
{
	make();
	arm(NEAR, 5);
}

/* The ticks of this scenario come round between 5 and 9. */
static void one_due_at_the_wrap(void)
{
	at.base = UINT32_MAX - 6;
	MODEL_CHECK(pendi_agenda_init(&at.agenda, SLOTS, &pendi_memory_default) == 0);
	arm(NEAR, 5);
}

static void three_due(void)
{
	one_due();
	arm(NEXT, 5);
	arm(FAR, 5);
}

/* At rest: nothing hides behind the root, and a pass finds all. */
static void all_looked_at(void)
{
	const uint32_t next = pendi_agenda_next(&at.agenda);

	for (uint32_t i = 0; i < SLOTS; i++) {
		/* relaxed: nobody else is there. */
		const uint32_t due = pendi_load_relaxed(&at.due[i]);

		MODEL_CHECK(due == PENDI_TICK_NEVER ||
			    (next != PENDI_TICK_NEVER && (int32_t)(next - due) <= 0));
	}
	pass(20);
	for (uint32_t i = 0; i < SLOTS; i++) /* relaxed: as above. */
		MODEL_CHECK(pendi_load_relaxed(&at.due[i]) == PENDI_TICK_NEVER);
}

static void near_is_looked_at(void)
{
	all_looked_at();
	MODEL_CHECK(at.looked[NEAR] >= 1);
}

static void arm_or_pass(uint32_t number)
{
	if (number == 0)
		arm(NEAR, 9);
	else
		pass(6);
}

static void arm_next_or_pass(uint32_t number)
{
	if (number == 0)
		arm(NEXT, 9);
	else
		pass(6);
}

static void arm_far_or_pass(uint32_t number)
{
	if (number == 0)
		arm(FAR, 9);
	else
		pass(6);
}

static void two_arm(uint32_t number)
{
	arm(number ? FAR : NEXT, 9 - number);
}

static void two_arm_one_passes(uint32_t number)
{
	if (number == 2)
		pass(6);
	else
		arm(number ? NEXT : NEAR, 9 + number);
}

static void arm_or_two_pass(uint32_t number)
{
	if (number == 0)
		arm(NEXT, 7);
	else
		pass(5 + number);
}

static void two_pass(uint32_t number)
{
	pass(6 + number);
}

/* One slot is armed by two at once, early and late: the early tick holds. */
static void arm_early_or_late(uint32_t number)
{
	pendi_agenda_arm(&at.agenda, NEXT, tick(number ? 9 : 7));
}

static void early_holds(void)
{
	const uint32_t next = pendi_agenda_next(&at.agenda);

	MODEL_CHECK(next != PENDI_TICK_NEVER && (int32_t)(next - tick(7)) <= 0);
}

/* Who stops keeps what he was about to arm, and nothing else. */
static void others_looked_at(void)
{
	if (!model_is_frozen(0)) {
		all_looked_at();
		return;
	}
	pass(20);
	for (uint32_t i = 0; i < SLOTS; i++) /* relaxed: nobody else is there. */
		MODEL_CHECK(i == NEXT || pendi_load_relaxed(&at.due[i]) == PENDI_TICK_NEVER);
}

static void pass_or_arm(uint32_t number)
{
	arm_next_or_pass(!number);
}

static const struct model_scenario scenarios[] = {
	{ .name = "agenda: a slot is armed during its look",
	  .shows = "C DL1",
	  .threads = 2,
	  .bound = 5,
	  .tso_bound = 3,
	  .begin = one_due,
	  .thread = arm_or_pass,
	  .end = near_is_looked_at },
	{ .name = "agenda: its neighbour is armed",
	  .shows = "C DL2",
	  .threads = 2,
	  .bound = 5,
	  .tso_bound = 3,
	  .begin = one_due,
	  .thread = arm_next_or_pass,
	  .end = all_looked_at },
	{ .name = "agenda: one of another line is armed",
	  .shows = "C DL2",
	  .threads = 2,
	  .bound = 5,
	  .tso_bound = 3,
	  .begin = one_due,
	  .thread = arm_far_or_pass,
	  .end = all_looked_at },
	{ .name = "agenda: two arm",
	  .shows = "C DL2",
	  .threads = 2,
	  .bound = 5,
	  .tso_bound = 3,
	  .begin = one_due,
	  .thread = two_arm,
	  .end = all_looked_at },
	{ .name = "agenda: two arm, one passes",
	  .shows = "C DL1 DL2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_due,
	  .thread = two_arm_one_passes,
	  .end = all_looked_at },
	{ .name = "agenda: one arms, two pass",
	  .shows = "C DL1 DL2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_due,
	  .thread = arm_or_two_pass,
	  .end = all_looked_at },
	{ .name = "agenda: two pass",
	  .shows = "C",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = three_due,
	  .thread = two_pass,
	  .end = all_looked_at },
	{ .name = "agenda: an early and a late arming",
	  .shows = "C DL1 DL2",
	  .threads = 2,
	  .bound = 5,
	  .tso_bound = 3,
	  .begin = make,
	  .thread = arm_early_or_late,
	  .end = early_holds },
	{ .name = "agenda: ticks come round",
	  .shows = "C DL1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = one_due_at_the_wrap,
	  .thread = arm_or_pass,
	  .end = near_is_looked_at },
	{ .name = "agenda: who arms stops anywhere",
	  .shows = "E C",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = three_due,
	  .thread = arm_next_or_pass,
	  .end = others_looked_at,
	  .freezes = 1 },
	{ .name = "agenda: who passes stops anywhere",
	  .shows = "E C",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = three_due,
	  .thread = pass_or_arm,
	  .end = all_looked_at,
	  .freezes = 1 },
};

const struct model_group model_deadline = { "deadline", scenarios,
					    sizeof(scenarios) / sizeof(scenarios[0]) };
