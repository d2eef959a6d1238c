/* SPDX-License-Identifier: MIT */
/*
 * control.c - serving, time, CPUs, stops and starts, and memory that runs out.
 */
#include "tests/fuzz/sequences/world.h"

/* ---- serving ---- */

/* The suspend that a poll will notice now. */
static void notice_suspend(void)
{
	if (world.lead_ns - world.noticed_lead_ns < 10 * MS)
		return;
	world.slept[world.suspends].noticed_ns = world.now_ns;
	world.slept[world.suspends++].length_ns = world.lead_ns - world.noticed_lead_ns;
	world.noticed_lead_ns = world.lead_ns;
}

/* Nothing that was decided at @cpu, or is to run again there, is left. */
static void check_served(uint32_t cpu)
{
	for (uint32_t i = 0; i < ENTRIES_MAX; i++) {
		const struct entry *entry = &world.entries[i];

		if (entry->phase == GONE || (cpu != CPUS && entry->home != cpu))
			continue;
		CHECK(entry->phase != COMPLETING || entry->frame);
		CHECK(entry->phase != RERUN);
	}
}

static int poll_engine(uint32_t cpu, uint32_t budget)
{
	const bool due = world.now_ns >= world.chores_at_ns;
	int result;

	notice_suspend();
	world.chores_at_ns = world.now_ns + TICK;
	world.polling = true;
	result = pend_engine_poll(world.engine, cpu, budget);
	world.polling = false;
	CHECK_INT(result, >=, 0);
	CHECK_INT(result, <=, (int64_t)budget + 16);
	desks_resolve();
	if (due)
		desks_watched();
	model_resolve();
	return result;
}

static void poll_map(uint32_t budget)
{
	const int result = pend_map_poll(world.map, budget);

	if (world.engine)
		CHECK_INT(result, ==, -EOPNOTSUPP);
	else if (world.reruns_inside)
		CHECK_INT(result, ==, -EDEADLK);
	else
		CHECK(result >= 0 && (uint32_t)result <= budget);
	if (world.engine || world.reruns_inside || (uint32_t)result == budget || world.strayed)
		return;
	check_served(CPUS);
}

void play_poll(void)
{
	static const uint32_t budgets[] = { 0, 1, 3, 1000 };
	const uint32_t choice = next_byte(&world.in), cpu = choice / 4 % (CPUS + 2);
	const uint32_t budget = budgets[choice % 4];
	const uint32_t where = cpu < CPUS ? cpu : world.cpu;
	int result;

	if (!world.engine || choice >= 250) {
		poll_map(budget);
		return;
	}
	if (cpu == CPUS) {
		CHECK_INT(pend_engine_poll(world.engine, CPUS, budget), ==, -ERANGE);
		return;
	}
	if (world.depth) {
		/* From what a stop tells by itself it is allowed, and not foretold here. */
		if (world.polling)
			CHECK_INT(pend_engine_poll(world.engine, where, budget), ==, -EDEADLK);
		return;
	}
	result = poll_engine(cpu < CPUS ? cpu : PEND_CPU_CURRENT, budget);
	if ((uint32_t)result < budget && !world.strayed && !world.stats.overflows)
		check_served(where);
}

/* Its deadline lies in a tick that has not begun. */
static void check_in_time(const struct entry *entry)
{
	const uint64_t due = model_due(entry, true);

	if ((due - 1) / TICK + 1 > world.now_ns / TICK)
		return;
	printf("# now %" PRIu64 ", pended %" PRIu64 ", due %" PRIu64 ", %s%s\n", world.now_ns,
	       entry->pended_ns, due, entry->frame ? "in its frame, " : "",
	       entry->phase == RERUN ? "to run again" : "pending");
	CHECK_NEVER("nobody enforced a deadline");
}

/* All that is due is done, and all that is decided is told. */
void settle(void)
{
	const uint32_t depth = world.depth;

	world.depth = DEPTH_MAX; /* nothing from inside */
	/* In the last round no time passes: what is found due in one shard is told in another. */
	for (uint32_t round = 0; round < 4 && world.engine; round++) {
		world.now_ns += round < 3 ? TICK : 0;
		for (uint32_t cpu = 0; cpu < CPUS; cpu++)
			(void)poll_engine(cpu, 1000);
	}
	while (!world.engine && pend_map_poll(world.map, 1000))
		;
	world.depth = depth;
	check_served(CPUS);
	for (uint32_t i = 0; i < ENTRIES_MAX && world.engine; i++) {
		const struct entry *entry = &world.entries[i];

		if (entry->phase != GONE && !entry->action)
			check_in_time(entry);
		/* A drain waits for the frame of what it decided, or found decided. */
		if (entry->phase != GONE && (entry->drained || (entry->action && entry->frame)))
			return;
	}
	CHECK(!world.draining);
}

void play_settle(void)
{
	if (!world.depth)
		settle();
}

/* ---- time and CPUs ---- */

void play_time(void)
{
	static const uint64_t steps[] = { MS / 3, MS, 7 * MS, 50 * MS, 1100 * MS, 30000 * MS };

	world.now_ns += steps[next_below(&world.in, 6)];
}

/* The thread moves to another CPU. */
void play_cpu(void)
{
	const uint32_t cpu = next_below(&world.in, CPUS);

	if (!(world.gone >> cpu & 1))
		world.cpu = cpu;
}

/* A CPU goes, and who ran there is moved; or it comes back. What was pended there is not lost. */
void play_unplug(void)
{
	const uint32_t cpu = next_below(&world.in, CPUS);

	if ((world.gone ^ 1u << cpu) == (1u << CPUS) - 1)
		return;
	world.gone ^= 1u << cpu;
	while (world.gone >> world.cpu & 1)
		world.cpu = (world.cpu + 1) % CPUS;
}

void play_suspend(void)
{
	if (world.suspends < SUSPENDS_MAX && world.lead_ns == world.noticed_lead_ns)
		world.lead_ns += next_byte(&world.in) * 40 * MS;
	if (world.lead_ns - world.noticed_lead_ns < 10 * MS)
		world.lead_ns = world.noticed_lead_ns;
}

/* ---- stops and starts ---- */

static bool has_frame(void)
{
	for (uint32_t i = 0; i < ENTRIES_MAX; i++)
		if (world.entries[i].phase != GONE && world.entries[i].frame)
			return true;
	return false;
}

static int stop(bool whole, uint64_t timeout_ns)
{
	const uint32_t depth = world.depth;
	int result;

	/* Without an engine each is told as it is decided, when others are not yet. */
	world.depth += world.engine ? 0 : DEPTH_MAX;
	result = whole ? pend_engine_disable(world.engine, timeout_ns)
		       : pend_map_disable(world.map, timeout_ns);
	world.depth = depth;
	return result;
}

static void stop_and_wait(bool whole, uint32_t choice)
{
	const bool frames = has_frame();
	const uint64_t timeout_ns = choice & 8 ? 0 : frames ? 3 * MS : PEND_WAIT_FOREVER;
	int result;

	if (world.depth) {
		CHECK_INT(stop(whole, timeout_ns), ==, -EDEADLK);
		return;
	}
	*(whole ? &world.engine_enabled : &world.enabled) = false;
	model_resolve();
	model_decide_all(PEND_ORIGIN_DRAIN);
	result = stop(whole, timeout_ns);
	if (frames || timeout_ns != PEND_WAIT_FOREVER)
		CHECK(result == -ETIMEDOUT || (result == 0 && !frames));
	else
		CHECK_INT(result, ==, 0);
	if (result == 0 && !world.strayed)
		CHECK_U64(model_count(), ==, 0);
}

static void stop_later(void)
{
	int expected = world.engine ? world.draining ? -EALREADY : 0 : -EOPNOTSUPP;

	if (!expected) {
		world.enabled = false;
		world.draining = true;
		model_resolve();
		model_decide_all(PEND_ORIGIN_DRAIN);
		for (uint32_t i = 0; i < ENTRIES_MAX; i++)
			world.entries[i].drained = world.entries[i].phase != GONE;
	}
	CHECK_INT(pend_map_disable_async(world.map, PEND_WAIT_FOREVER, told_drained, &world), ==,
		  expected);
}

void play_stop(void)
{
	const uint32_t choice = next_byte(&world.in);

	if (choice % 3 == 0)
		stop_later();
	else
		stop_and_wait(choice % 3 == 1 && world.engine, choice);
}

void play_start(void)
{
	const uint32_t choice = next_byte(&world.in);

	if (world.engine && choice & 1) {
		world.engine_enabled = true;
		CHECK_INT(pend_engine_enable(world.engine), ==, 0);
	} else {
		world.enabled = true;
		CHECK_INT(pend_map_enable(world.map), ==, 0);
	}
	CHECK_INT(pend_map_control(world.map), ==, world.enabled);
}

/* ---- memory ---- */

/* From now on there is none, or there is some again. Nothing but opening needs any. */
void play_starve(void)
{
	world.starved = !world.starved;
}

/* Another map comes and goes, or cannot be made: then all is as it was. */
void play_create(void)
{
	struct pend_map *const before = (struct pend_map *)(void *)&world;
	const uint64_t blocks = world.blocks, bytes = world.bytes;
	struct pend_map *map = before;
	int result;

	if (world.depth || world.creations++ >= CREATIONS_MAX)
		return;
	world.fails_at = next_below(&world.in, 24);
	result = pend_map_create(&world.options, &map);
	if (result == 0) {
		CHECK_INT(world.fails_at, >=, 0);
		CHECK(!world.starved);
		CHECK_INT(pend_map_destroy(map), ==, 0);
	} else {
		CHECK_INT(result, ==, -ENOMEM);
		CHECK(map == before);
		CHECK(world.starved || world.fails_at < 0);
	}
	world.fails_at = -1;
	CHECK_U64(world.blocks, ==, blocks);
	CHECK_U64(world.bytes, ==, bytes);
}
