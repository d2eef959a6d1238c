/* SPDX-License-Identifier: MIT */
/*
 * shard.c - executors: they sleep without missing work, and take over from those that lose their CPU.
 *
 * An executor is a fiber that does what its thread does: turn, and sleep. There is no monitor, so
 * who sleeps with nothing to wait for sleeps for good: a wake-up that is missed is a deadlock.
 * Whoever sees that all is told ends the others.
 */
#include <errno.h>

#include "engine/shard/engine_internal.h"
#include "platform/script.h"
#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

static uint32_t wanted; /* completions */
static uint32_t gone;   /* a set of CPUs */

static int pin(uint32_t cpu)
{
	if (gone & (1u << cpu))
		return -EINVAL;
	model_move_to(cpu);
	return 0;
}

/* A map of two, of an engine whose executors are fibers. */
static void make(uint32_t what)
{
	world_make(2, WORLD_ENGINE | what);
	world.engine->flags = 0;
	pendi_script.cpu_pin = pin;
}

/* Executors 0 .. @count - 1 are alive, and serve their own shards. */
static void make_executors(uint32_t count)
{
	for (uint32_t cpu = 0; cpu < count; cpu++)
		pendi_executor_begin(world.engine->shards[cpu]);
}

static void stop_all(void)
{
	/* relaxed: the bells order it. */
	pendi_store_relaxed(&world.engine->stop, 1);
	pendi_executors_ring(world.engine);
}

static bool must_stop(void)
{
	/* relaxed: as in executor.c. */
	return pendi_load_relaxed(&world.engine->stop) != 0;
}

/* The thread of an executor, until all is told. Time passes while it sleeps only: where it got
 * nowhere, others are to go on. */
static void execute(uint32_t cpu)
{
	struct pendi_shard *shard = world.engine->shards[cpu];

	while (!must_stop()) {
		const uint32_t before = world.told;
		const uint32_t done = pendi_executor_turn(shard);

		world_left();
		if (world.told >= wanted)
			stop_all();
		else if (!done)
			pendi_executor_sleep(shard);
		if (world.told == before)
			pendi_cpu_relax();
	}
}

static void all_told(void)
{
	world.engine->flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	world_finish();
	MODEL_CHECK(world.told == wanted && world_live() == 0);
}

/* ---- one executor: it is woken ---- */

static void one_open(void)
{
	make(0);
	make_executors(1);
	wanted = 1;
	MODEL_CHECK(world_pend(0, 0, 0, PEND_DEADLINE_NONE) == 0);
}

static void two_open(void)
{
	one_open();
	wanted = 2;
	MODEL_CHECK(world_pend(1, 0, 0, PEND_DEADLINE_NONE) == 0);
}

static void decide_or_execute(uint32_t number)
{
	if (number + 1 < model_threads())
		world.results[number] = world_complete(number, PEND_ACTION_BLOCK);
	else
		execute(0);
}

/* SH5: a deadline is pended while the executor goes to sleep: it wakes at its time. */
static void nothing_open(void)
{
	make(0);
	make_executors(1);
	for (uint32_t cpu = 1; cpu < MODEL_THREADS; cpu++)
		(void)pendi_home_take(world.engine->shards[cpu], 0);
	wanted = 1;
}

static void pend_or_execute(uint32_t number)
{
	if (number == 1) {
		execute(0);
		return;
	}
	model_move_to(0);
	world.results[0] = world_pend(0, 0, 0, 10 * MS);
}

static void expired_in_time(void)
{
	MODEL_CHECK(world.results[0] == 0);
	all_told();
	MODEL_CHECK(world.origin_of[0] == PEND_ORIGIN_DEADLINE);
}

/* The stop of an engine finds its executors. */
static void stop_or_execute(uint32_t number)
{
	if (number)
		execute(number - 1);
	else
		stop_all();
}

static void two_idle(void)
{
	make(0);
	make_executors(2);
	wanted = 1;
}

static void ended(void)
{
	MODEL_CHECK(must_stop());
}

/* ---- CPUs that go ---- */

/* CPU 0 goes; its executor is somewhere else, and does not know yet. Another one is alive. */
static void one_goes(void)
{
	make(0);
	make_executors(2);
	wanted = 1;
	MODEL_CHECK(world_pend(0, 0, 0, PEND_DEADLINE_NONE) == 0);
	world.engine->shards[0]->executor.pinned = true;
	gone = 1;
}

/* Thread 0 decides; threads 1 and 2 are executors 0 and 1, thread 1 on CPU 3. */
static void decide_or_lose(uint32_t number)
{
	if (number == 0) {
		world.results[0] = world_complete(0, PEND_ACTION_BLOCK);
		return;
	}
	if (number == 1)
		model_move_to(3);
	else
		model_move_to(1);
	execute(number - 1);
}

static void two_go(void)
{
	one_goes();
	world.engine->shards[1]->executor.pinned = true;
	gone = 3;
}

static void both_lose(uint32_t number)
{
	model_move_to(3);
	execute(number);
}

static void two_go_decided(void)
{
	two_go();
	MODEL_CHECK(world_complete(0, PEND_ACTION_BLOCK) == 0);
}

/* CPU 0 was gone, executor 1 has its shard; now it is back. */
static void one_is_back(void)
{
	struct pendi_shard *shard;

	make(0);
	make_executors(2);
	wanted = 1;
	shard = world.engine->shards[0];
	MODEL_CHECK(world_pend(0, 0, 0, PEND_DEADLINE_NONE) == 0);
	shard->executor.pinned = true;
	/* relaxed: nobody else runs. */
	pendi_store_relaxed(&shard->executor.condition, PENDI_EXECUTOR_LOST);
	(void)pendi_home_take(shard, 1);
}

static void one_away(void)
{
	one_is_back();
	gone = 1;
}

/* Executor 1 has adopted shard 0 and sleeps, or is about to. */
static void decide_or_adopt(uint32_t number)
{
	if (number == 0) {
		world.results[0] = world_complete(0, PEND_ACTION_BLOCK);
		return;
	}
	model_move_to(1);
	execute(1);
}

/* E: who decides may stop between the hint and the ring: it is served, or the deadline is met. */
static void one_away_with_deadline(void)
{
	make(0);
	make_executors(2);
	for (uint32_t cpu = 0; cpu < MODEL_THREADS; cpu++)
		(void)pendi_home_take(world.engine->shards[cpu], 1);
	wanted = 1;
	MODEL_CHECK(world_pend(0, 0, 0, 10 * MS) == 0);
}

static const struct model_scenario scenarios[] = {
	{ .name = "executor: one decides, it sleeps",
	  .shows = "C DB1 SH1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = one_open,
	  .thread = decide_or_execute,
	  .end = all_told },
	{ .name = "executor: two decide, it sleeps",
	  .shows = "C DB1",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = two_open,
	  .thread = decide_or_execute,
	  .end = all_told },
	{ .name = "executor: a deadline comes, it sleeps",
	  .shows = "C SH5",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = nothing_open,
	  .thread = pend_or_execute,
	  .end = expired_in_time },
	{ .name = "executor: two sleep, the engine stops",
	  .shows = "DB1",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = two_idle,
	  .thread = stop_or_execute,
	  .end = ended },
	{ .name = "adoption: a CPU goes while one decides",
	  .shows = "A SH1 SH7 X12",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_goes,
	  .thread = decide_or_lose,
	  .end = all_told },
	{ .name = "adoption: two CPUs go at once",
	  .shows = "SH8 X12",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = two_go_decided,
	  .thread = both_lose,
	  .end = all_told },
	{ .name = "adoption: a CPU comes back while one decides",
	  .shows = "A SH1 SH7",
	  .threads = 3,
	  .bound = 3,
	  .begin = one_is_back,
	  .thread = decide_or_lose,
	  .end = all_told },
	{ .name = "adoption: one decides, the heir sleeps",
	  .shows = "SH1 DB1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = one_away,
	  .thread = decide_or_adopt,
	  .end = all_told },
	{ .name = "adoption: who decides stops anywhere",
	  .shows = "C E SH1",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = one_away_with_deadline,
	  .thread = decide_or_adopt,
	  .end = all_told,
	  .freezes = 1 },
};

const struct model_group model_shard = { "shard", scenarios,
					 sizeof(scenarios) / sizeof(scenarios[0]) };
