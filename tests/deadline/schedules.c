/* SPDX-License-Identifier: MIT */
/*
 * schedules.c - the agenda under every schedule of a few threads (guarantees C and E).
 *
 *	deadline_schedules [--rounds PREEMPTIONS] [--only NAME]
 *
 * The real code of agenda.c, with the atomics of schedules_oracle.h. Each thread is a fiber. Before
 * each access to a node that a scenario can change, the running fiber may be set aside for any
 * other, up to so many times in one schedule; when a fiber ends, any other goes on. All such
 * schedules are run, depth first, each from the beginning.
 *
 * Nobody has to be frozen on purpose: what must hold is checked after each change of a node, that
 * is, also for all the schedules in which those that were set aside never come back.
 *
 * What must hold is the claim of agenda.c. A ghost notes each arming, and each answer of a look that
 * moved the leaf, as a promise about a slot: a bound, to begin with its tick. A later look at the
 * slot that moves the leaf makes the bound of the promises in force at least its answer. From when
 * the call that made it has returned, no node above the slot may be later than the bound:
 * otherwise the slot is looked at too late, or never.
 *
 * When a pass returns, each slot whose promise was in force and due when the pass began has been
 * looked at since, or its promise says later now. And each scenario ends with a pass at a late tick,
 * after which all that was armed was served and the root says never.
 */
#include <string.h>
#include <ucontext.h>

#include "engine/deadline/agenda.h"
#include "tests/deadline/schedules_oracle.h"
#include "tests/support/check.h"

enum {
	FIBERS = 4,
	CALLS = 2, /* of a fiber */
	SLOTS = 16,
	LEVELS = 3, /* of an agenda of so many slots */
	PROMISES = 32,
	DECISIONS = 1024,
	STACK_BYTES = 64 * 1024,
	LATE = 1000,
	NOBODY = 0xff,
};

enum call_kind { NOTHING, ARM, PASS };

/* ARM: @slot at @tick; its operation is due then or, where it is later, at @due. PASS: at @tick. */
struct call {
	enum call_kind kind;
	uint32_t tick, slot, due;
};

struct scenario {
	const char *name;
	uint32_t fewer; /* preemptions than the others have, where schedules are many */
	uint32_t renew; /* after an operation was served, look again so much later; or 0 */
	struct call before[3];
	struct call fibers[FIBERS][CALLS];
};

static const struct scenario scenarios[] = {
	{ .name = "two slots of a line, two passes",
	  .fewer = 1,
	  .before = { { ARM, 3, 0, 0 } },
	  .fibers = { { { ARM, 5, 1, 0 } },
		      { { ARM, 3, 0, 0 } },
		      { { PASS, 3, 0, 0 } },
		      { { PASS, 6, 0, 0 } } } },
	{ .name = "two lines, two passes",
	  .before = { { ARM, 3, 8, 0 } },
	  .fibers = { { { ARM, 5, 0, 0 } }, { { PASS, 4, 0, 0 } }, { { PASS, 6, 0, 0 } } } },
	{ .name = "an arming that finds its tick, and a raise",
	  .before = { { ARM, 3, 0, 0 } },
	  .fibers = { { { ARM, 3, 0, 9 } }, { { PASS, 4, 0, 0 } }, { { PASS, 4, 0, 0 } } } },
	{ .name = "an arming behind another that stopped",
	  .before = { { ARM, 3, 1, 0 } },
	  .fibers = { { { ARM, 5, 0, 0 } }, { { ARM, 5, 0, 0 } }, { { PASS, 4, 0, 0 } } } },
	{ .name = "an early arming, a look that says later, a late raise",
	  .before = { { ARM, 9, 0, 9 }, { ARM, 3, 1, 0 } },
	  .fibers = { { { ARM, 3, 0, 5 } }, { { PASS, 3, 0, 0 } }, { { PASS, 3, 0, 0 } } } },
	{ .name = "a raise that finds the tick it was to set",
	  .before = { { ARM, 9, 0, 9 }, { ARM, 6, 1, 0 }, { ARM, 3, 2, 0 } },
	  .fibers = { { { ARM, 3, 0, 6 } },
		      { { PASS, 3, 0, 0 } },
		      { { PASS, 3, 0, 0 }, { PASS, 6, 0, 0 } } } },
	{ .name = "slots that come again",
	  .renew = 4,
	  .before = { { ARM, 2, 0, 0 }, { ARM, 3, 8, 0 } },
	  .fibers = { { { PASS, 3, 0, 0 }, { PASS, 7, 0, 0 } },
		      { { PASS, 5, 0, 0 } },
		      { { ARM, 4, 8, 0 } } } },
	{ .name = "armings one after the other, passes too",
	  .fibers = { { { ARM, 5, 0, 0 }, { ARM, 2, 8, 0 } },
		      { { PASS, 3, 0, 0 }, { PASS, 5, 0, 0 } },
		      { { ARM, 4, 0, 0 } } } },
};

struct promise {
	uint32_t slot, bound; /* bound PENDI_TICK_NEVER: it says nothing any more */
	uint8_t maker;        /* whose call has not returned, or NOBODY */
	bool in_leaf;         /* the leaf was moved: before that, looks do not count */
};

struct fiber {
	ucontext_t context;
	const struct call *calls;
	struct promise *arming;
	uint32_t now;                    /* of its pass */
	uint32_t begun[PROMISES], count; /* the promises due when its pass began */
	uint32_t looks[SLOTS];           /* then */
	bool ended;
};

struct decision {
	uint8_t chosen, options;
};

static struct {
	const struct scenario *scenario;
	struct pendi_agenda agenda;
	ucontext_t home;
	struct fiber fibers[FIBERS];
	uint32_t running, fiber_count, preemptions, most_preemptions;
	bool exploring;
	uint32_t used[LEVELS]; /* a bit for each node that this scenario can change */
	/* Where this schedule is in the tree of all. */
	struct decision decisions[DECISIONS];
	uint32_t decision_count, step;
	/* Ghosts. */
	struct promise promises[PROMISES];
	uint32_t promise_count;
	uint32_t due[SLOTS], looks[SLOTS];
	uint64_t schedules, changes;
} run;

static char stacks[FIBERS][STACK_BYTES];

static bool is_later(uint32_t tick, uint32_t than)
{
	return than != PENDI_TICK_NEVER && (tick == PENDI_TICK_NEVER || tick > than);
}

/* One of @options ways: as this schedule began, then the first, next time the second. */
static uint32_t decide(uint32_t options)
{
	CHECK_U64(run.step, <, DECISIONS);
	if (run.step == run.decision_count)
		run.decisions[run.decision_count++] = (struct decision){ 0, (uint8_t)options };
	CHECK_U64(run.decisions[run.step].options, ==, options);
	return run.decisions[run.step++].chosen;
}

/* To the next schedule. False: there is none. */
static bool next_schedule(void)
{
	run.step = 0;
	while (run.decision_count) {
		struct decision *last = &run.decisions[run.decision_count - 1];

		if (++last->chosen < last->options)
			return true;
		run.decision_count--;
	}
	return false;
}

/* The number of fibers that can go on besides the running one; the @wanted-th of them. */
static uint32_t others(uint32_t wanted, uint32_t *fiber)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < run.fiber_count; i++) {
		if (run.fibers[i].ended || i == run.running)
			continue;
		if (count++ == wanted)
			*fiber = i;
	}
	return count;
}

/* Whether @address is a node that this scenario can change, and which. */
static bool node_of(const void *address, uint32_t *level, uint32_t *index)
{
	for (*level = 0; *level < LEVELS; ++*level) {
		const uintptr_t first = (uintptr_t)run.agenda.levels[*level];
		const uintptr_t distance = ((uintptr_t)address - first) / sizeof(uint64_t);

		*index = (uint32_t)distance;
		if ((uintptr_t)address >= first && distance < SLOTS &&
		    run.used[*level] >> distance & 1)
			return true;
	}
	return false;
}

void schedules_before(const void *address)
{
	uint32_t level, index, fiber = 0, from = run.running;

	if (!run.exploring || run.preemptions == run.most_preemptions ||
	    !node_of(address, &level, &index))
		return;

	const uint32_t choice = decide(1 + others(0, &fiber));

	if (!choice)
		return;
	(void)others(choice - 1, &fiber);
	run.preemptions++;
	run.running = fiber;
	CHECK_INT(swapcontext(&run.fibers[from].context, &run.fibers[fiber].context), ==, 0);
}

static uint32_t tick_at(uint32_t level, uint32_t index)
{
	return (uint32_t)schedules_peek(&run.agenda.levels[level][index]);
}

/* That no promise in force wants a node earlier than it is. */
static void check_node(uint32_t level, uint32_t index)
{
	const uint32_t tick = tick_at(level, index);

	for (uint32_t i = 0; i < run.promise_count; i++) {
		const struct promise *promise = &run.promises[i];

		if (promise->maker == NOBODY && promise->slot >> 3 * level == index)
			CHECK(!is_later(tick, promise->bound));
	}
}

static struct promise *make_promise(uint32_t slot, uint32_t bound)
{
	CHECK_U64(run.promise_count, <, PROMISES);
	run.promises[run.promise_count] =
		(struct promise){ slot, bound, (uint8_t)run.running, false };
	return &run.promises[run.promise_count++];
}

/* A look moved the leaf of @slot to @next. */
static void note_look(uint32_t slot, uint32_t next)
{
	for (uint32_t i = 0; i < run.promise_count; i++) {
		struct promise *promise = &run.promises[i];

		if (promise->slot == slot && promise->in_leaf && is_later(next, promise->bound))
			promise->bound = next;
	}
	if (next != PENDI_TICK_NEVER)
		make_promise(slot, next)->in_leaf = true;
}

bool schedules_after(const void *address, bool success)
{
	struct fiber *self = &run.fibers[run.running];
	uint32_t level, index;

	if (!success || !run.exploring || !node_of(address, &level, &index))
		return success;
	run.changes++;
	if (level == 0 && self->arming)
		self->arming->in_leaf = true;
	else if (level == 0)
		note_look(index, tick_at(0, index));
	check_node(level, index); /* the others are as they were, and bounds only rise */
	return true;
}

static void end_call(void)
{
	for (uint32_t i = 0; i < run.promise_count; i++) {
		struct promise *promise = &run.promises[i];

		if (promise->maker != run.running)
			continue;
		promise->maker = NOBODY;
		for (uint32_t level = 0; level < LEVELS; level++)
			check_node(level, promise->slot >> 3 * level);
	}
}

static void make_arming(const struct call *call)
{
	const uint32_t due = call->due ? call->due : call->tick;

	if (is_later(run.due[call->slot], due))
		run.due[call->slot] = due;
	run.fibers[run.running].arming = make_promise(call->slot, call->tick);
	pendi_agenda_arm(&run.agenda, call->slot, call->tick);
	run.fibers[run.running].arming->in_leaf = true; /* before the exploration nobody looks */
	run.fibers[run.running].arming = NULL;
	end_call();
}

static uint32_t look(void *context, uint32_t slot, uint32_t now)
{
	const uint32_t due = run.due[slot];

	(void)context;
	run.looks[slot]++;
	if (is_later(due, now))
		return due;
	run.due[slot] = run.scenario->renew && now != LATE ? now + run.scenario->renew
							   : PENDI_TICK_NEVER;
	return run.due[slot];
}

static void make_pass(const struct call *call)
{
	struct fiber *self = &run.fibers[run.running];

	self->now = call->tick;
	self->count = 0;
	memcpy(self->looks, run.looks, sizeof(run.looks));
	for (uint32_t i = 0; i < run.promise_count; i++) {
		if (run.promises[i].maker == NOBODY && !is_later(run.promises[i].bound, self->now))
			self->begun[self->count++] = i;
	}
	(void)pendi_agenda_pass(&run.agenda, self->now, UINT32_MAX, look, NULL);
	for (uint32_t i = 0; i < self->count; i++) {
		const struct promise *promise = &run.promises[self->begun[i]];

		CHECK(is_later(promise->bound, self->now) ||
		      run.looks[promise->slot] != self->looks[promise->slot]);
	}
	end_call();
}

static void make_call(const struct call *call)
{
	if (call->kind == ARM)
		make_arming(call);
	else if (call->kind == PASS)
		make_pass(call);
}

static void fiber_main(void)
{
	uint32_t fiber = 0, choice;

	for (uint32_t i = 0; i < CALLS; i++)
		make_call(&run.fibers[run.running].calls[i]);
	run.fibers[run.running].ended = true;

	const uint32_t left = others(0, &fiber);

	if (left) {
		choice = decide(left);
		(void)others(choice, &fiber);
		run.running = fiber;
		setcontext(&run.fibers[fiber].context);
	} else {
		setcontext(&run.home);
	}
	CHECK_NEVER("a fiber that ended goes on");
}

static void note_used(const struct call *call)
{
	for (uint32_t level = 0; call->kind == ARM && level < LEVELS; level++)
		run.used[level] |= 1u << (call->slot >> 3 * level);
}

static void prepare(const struct scenario *scenario)
{
	for (uint32_t level = 0; level < LEVELS; level++) {
		for (uint32_t i = 0; i <= (uint32_t)SLOTS >> 3 * level && i < SLOTS; i++)
			schedules_poke(&run.agenda.levels[level][i], 0);
	}
	memset(run.due, 0, sizeof(run.due));
	memset(run.looks, 0, sizeof(run.looks));
	memset(run.used, 0, sizeof(run.used));
	run.promise_count = run.preemptions = run.fiber_count = 0;
	run.running = 0;
	run.exploring = false;
	for (uint32_t i = 0; i < sizeof(scenario->before) / sizeof(scenario->before[0]); i++) {
		make_call(&scenario->before[i]);
		note_used(&scenario->before[i]);
	}
	for (uint32_t i = 0; i < FIBERS && scenario->fibers[i][0].kind; i++) {
		struct fiber *fiber = &run.fibers[run.fiber_count++];

		for (uint32_t j = 0; j < CALLS; j++)
			note_used(&scenario->fibers[i][j]);
		fiber->calls = scenario->fibers[i];
		fiber->ended = false;
		fiber->arming = NULL;
		CHECK_INT(getcontext(&fiber->context), ==, 0);
		fiber->context.uc_stack.ss_sp = stacks[i];
		fiber->context.uc_stack.ss_size = STACK_BYTES;
		fiber->context.uc_link = NULL;
		makecontext(&fiber->context, fiber_main, 0);
	}
}

static void run_schedule(const struct scenario *scenario)
{
	static const struct call late = { PASS, LATE, 0, 0 };
	uint32_t fiber = 0;

	prepare(scenario);
	run.exploring = true;
	run.running = NOBODY;

	const uint32_t count = others(0, &fiber);

	(void)others(decide(count), &fiber);
	run.running = fiber;
	CHECK_INT(swapcontext(&run.home, &run.fibers[fiber].context), ==, 0);
	run.preemptions = run.most_preemptions;
	run.running = 0;
	make_call(&late);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		CHECK_U64(run.due[slot], ==, PENDI_TICK_NEVER);
	CHECK_U64(pendi_agenda_next(&run.agenda), ==, PENDI_TICK_NEVER);
	run.schedules++;
}

static void explore(const struct scenario *scenario, uint32_t preemptions, struct tap *tap)
{
	run.scenario = scenario;
	run.schedules = run.changes = 0;
	run.decision_count = run.step = 0;
	run.most_preemptions = preemptions - scenario->fewer;
	do
		run_schedule(scenario);
	while (next_schedule());
	printf("# %s: %" PRIu64 " schedules with up to %" PRIu32 " preemptions, %" PRIu64
	       " changes checked\n",
	       scenario->name, run.schedules, run.most_preemptions, run.changes);
	tap_report(tap, run.schedules > 100, scenario->name);
}

int main(int count, char **words)
{
	uint32_t preemptions = 3;
	const char *only = "";
	struct tap tap = { 0 };

	for (int i = 1; i + 1 < count; i += 2) {
		if (strcmp(words[i], "--rounds") == 0)
			preemptions = (uint32_t)strtoul(words[i + 1], NULL, 0);
		else if (strcmp(words[i], "--only") == 0)
			only = words[i + 1];
	}
	CHECK_INT(pendi_agenda_init(&run.agenda, SLOTS, NULL), ==, 0);
	CHECK_U64(run.agenda.depth, ==, LEVELS);
	CHECK_U64(preemptions, >, 0);
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		if (strstr(scenarios[i].name, only))
			explore(&scenarios[i], preemptions, &tap);
	}
	pendi_agenda_fini(&run.agenda, NULL);
	return tap_end(&tap);
}
