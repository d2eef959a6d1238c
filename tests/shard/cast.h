/* SPDX-License-Identifier: MIT */
/*
 * cast.h - one thread plays several executors, turn by turn, on the machine of fake.h.
 *
 * Each executor is a thread with a CPU of its own, which the script tells the library while it has
 * its turn.
 */
#ifndef TESTS_SHARD_CAST_H
#define TESTS_SHARD_CAST_H

#include "tests/shard/fake.h"

static uint32_t cast_cpu[FAKE_CPUS]; /* where each executor runs */

struct told {
	struct pend_engine *engine;
	int destroy_says; /* to the handler */
	struct pend_engine_event events[32];
	uint32_t count;
};

static inline void tell(void *context, const struct pend_engine_event *event)
{
	struct told *told = context;

	cr_assert_lt(told->count, 32u);
	cr_assert_eq(pend_engine_destroy(told->engine), told->destroy_says);
	told->events[told->count++] = *event;
}

/* An engine of executors without threads, none of which was pinned yet. */
static inline struct pend_engine *cast_engine(struct told *told)
{
	struct pend_engine_options options = manual_options();
	struct pend_engine *engine;

	machine_play();
	*told = (struct told){ 0 };
	options.on_event = tell;
	options.context = told;
	engine = make_engine(&options);
	told->engine = engine;
	told->destroy_says = -EDEADLK;
	for (uint32_t cpu = 0; cpu < FAKE_CPUS; cpu++) {
		pendi_executor_begin(engine->shards[cpu]);
		cast_cpu[cpu] = 0;
	}
	return engine;
}

/* Executor @cpu has a turn. Returns how many slots it looked at. */
static inline uint32_t turn(struct pend_engine *engine, uint32_t cpu)
{
	uint32_t done;

	machine_cpu = cast_cpu[cpu];
	done = pendi_executor_turn(engine->shards[cpu]);
	cast_cpu[cpu] = machine_cpu;
	pendi_executor_own = NULL;
	return done;
}

static inline void sleep_turn(struct pend_engine *engine, uint32_t cpu)
{
	pendi_executor_own = &engine->shards[cpu]->executor;
	pendi_executor_sleep(engine->shards[cpu]);
	pendi_executor_own = NULL;
}

/* The kernel takes CPU @cpu away, and moves its thread to @to. */
static inline void unplug(uint32_t cpu, uint32_t to)
{
	machine_gone[cpu] = true;
	cast_cpu[cpu] = to;
}

static inline uint32_t server_of(struct pend_engine *engine, uint32_t cpu)
{
	return stats_of(engine, cpu).server_cpu;
}

/* Each of them serves one hint at home, and so is pinned. */
static inline void settle(struct pend_engine *engine, struct fake *fake)
{
	for (uint32_t cpu = 0; cpu < FAKE_CPUS; cpu++) {
		cr_assert(pendi_engine_hint(&fake->client, cpu, cpu));
		cr_assert_eq(turn(engine, cpu), 1);
		cr_assert_eq(cast_cpu[cpu], cpu);
	}
}

static inline void check_event(const struct told *told, uint32_t at, uint32_t type, uint32_t cpu,
			       uint32_t server)
{
	cr_assert_gt(told->count, at);
	cr_assert_eq(told->events[at].type, type);
	cr_assert_eq(told->events[at].cpu, cpu);
	cr_assert_eq(told->events[at].server_cpu, server);
}

/* ---- the scene: an engine, what it told, and the client that has joined it ---- */

static struct fake fake;
static struct told told;
static struct pend_engine *engine;

static inline void begin_scene(void)
{
	engine = cast_engine(&told);
	fake = fake_make();
	join(engine, &fake);
}

/* For tests that make the monitor's look, or other turns of nobody's, by hand. */
static inline void begin_scene_by_hand(void)
{
	begin_scene();
	told.destroy_says = -EBUSY;
}

static inline void end_scene(void)
{
	leave_and_destroy(engine, &fake);
}

#endif
