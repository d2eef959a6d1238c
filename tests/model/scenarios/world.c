/* SPDX-License-Identifier: MIT */
/*
 * world.c - a map in a scenario, and the books that are kept of it.
 *
 *	pend begins ... returns 0 ....... told ... the call that told returns
 *	|----------------- holds a slot, perhaps -----------------|  `holders`
 *	                 |---- live, surely ----|                    `surely_live`
 */
#include "tests/model/scenarios/world.h"

#include <errno.h>

#include "epoch/epoch.h"
#include "platform/script.h"

enum { FINISH_ROUNDS = 4, FINISH_BUDGET = 64 };

struct world world;

static int refuse(void)
{
	return -ENOSYS;
}

void world_without_membarrier(void)
{
	MODEL_CHECK(pendi_epoch_fence_select(PENDI_EPOCH_FENCE_PORTABLE) == 0);
	pendi_script.membarrier_register = refuse;
	pendi_script.membarrier = refuse;
}

/* ---- D: the books of the bound ---- */

static void hold_one(void)
{
	const uint32_t self = model_self();

	world.most[self] = world.holders;
	world.calling[self] = true;
	world.holders++;
	for (uint32_t i = 0; i <= MODEL_THREADS; i++)
		if (i != self && world.most[i] < world.holders - world.calling[i])
			world.most[i] = world.holders - world.calling[i];
}

static void held_one(int result)
{
	const uint32_t self = model_self();

	world.calling[self] = false;
	if (result == 0) {
		world.pends++;
		world.surely_live++;
		MODEL_CHECK(world.surely_live <= (int32_t)world.entries);
		return;
	}
	world.holders--;
	MODEL_CHECK(result != -ENOSPC || world.most[self] >= world.entries);
}

void world_left(void)
{
	world.holders -= world.leaving[model_self()];
	world.leaving[model_self()] = 0;
}

/* ---- what is handed over: plain memory of those who pend and decide ---- */

/* What the running thread wrote before, it wrote in this moment. */
static void begin_to_decide(uint32_t number)
{
	world.began[number][model_self()] = model_moment();
}

/* It was this thread's decision: who was told, or will be, comes after it. */
static void has_decided(uint32_t number)
{
	MODEL_CHECK(!world.told_of[number] || world.heard[number] >> model_self() & 1);
	world.decider[number] = model_self() + 1;
}

/* What the map calls comes after the pend, and after the decision. */
static void hear(uint32_t number)
{
	model_plain_read(&world.handles[number]);
	model_plain_read(&world.in_frame);
	model_plain_read(&world.reran);
	for (uint32_t i = 0; i <= MODEL_THREADS; i++)
		if (model_is_after(i, world.began[number][i]))
			world.heard[number] |= 1u << i;
	if (world.decider[number])
		MODEL_CHECK(world.heard[number] >> (world.decider[number] - 1) & 1);
}

/* ---- what the map calls ---- */

static void note(void *context, const struct pend_operation *operation)
{
	const uint64_t *value = operation->value;

	(void)context;
	MODEL_CHECK(operation->cookie < WORLD_HANDLES);
	MODEL_CHECK(!world.in_frame && !world.running_again);
	hear((uint32_t)operation->cookie);
	MODEL_CHECK(value[0] == operation->cookie && value[3] == operation->cookie);
	MODEL_CHECK(++world.told_of[operation->cookie] == 1);
	model_plain_write(&world.told_of[operation->cookie]);
	world.told++;
	world.action_of[operation->cookie] = operation->action;
	world.origin_of[operation->cookie] = operation->origin;
	world.surely_live--;
	world.leaving[model_self()]++;
}

static int run_again(void *context, const struct pend_operation *operation)
{
	const uint64_t *value = operation->value;

	(void)context;
	MODEL_CHECK(!world.running_again && !world.in_frame);
	MODEL_CHECK(world.told_of[operation->cookie] == 0);
	hear((uint32_t)operation->cookie);
	MODEL_CHECK(value[0] == operation->cookie && value[3] == operation->cookie);
	world.running_again = true;
	if (!world.brisk)
		model_yield();
	MODEL_CHECK(world.told_of[operation->cookie] == 0);
	world.running_again = false;
	model_plain_write(&world.reran);
	world.reran++;
	return world.rerun_verdict;
}

/* ---- making it ---- */

static void make_engine(uint32_t hints)
{
	struct pend_engine_options options = pend_engine_options_default();

	options.flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	options.queue_entries = hints;
	MODEL_CHECK(pend_engine_create(&options, &world.engine) == 0);
	MODEL_CHECK(pend_engine_enable(world.engine) == 0);
}

static void make_session(void)
{
	struct pend_session_options options = pend_session_options_default();

	options.notices = 2;
	MODEL_CHECK(pend_session_open(world.engine, &options, &world.session) == 0);
}

void world_make(uint32_t entries, uint32_t what)
{
	struct pend_map_options options = pend_map_options_default();

	if (what & WORLD_PORTABLE)
		world_without_membarrier();
	if (what & WORLD_ENGINE)
		make_engine(what & WORLD_NARROW ? 2 : 16);
	world.entries = entries;
	options.max_entries = entries;
	options.key_size = what & WORLD_KEYS ? 8 : 0;
	options.value_size = 32;
	options.hash_seed = 7;
	options.reserve = what & WORLD_POINTERS ? 1 : 0;
	options.flags = PEND_MAP_ENABLED | (what & WORLD_POINTERS ? PEND_MAP_POINTERS : 0);
	world.bytes = what & WORLD_BYTES ? UINT64_C(3) << 20 : 0;
	options.quota_bytes = what & WORLD_BYTES ? UINT64_C(4) << 20 : 0;
	options.engine = world.engine;
	options.on_complete = note;
	options.on_rerun = what & WORLD_RERUN ? run_again : NULL;
	MODEL_CHECK(pend_map_create(&options, &world.map) == 0);
	if (what & WORLD_SESSION)
		make_session();
}

/* ---- what threads do ---- */

int world_pend(uint32_t number, uint64_t key, uint32_t flags, uint64_t deadline_ns)
{
	const uint64_t value[4] = { number, number, number, number };
	const struct pend_request request = { .key = key ? &key : NULL,
					      .key_size = key ? 8 : 0,
					      .value = value,
					      .value_size = sizeof(value),
					      .cookie = number,
					      .flags = flags,
					      .session = world.session,
					      .deadline_ns = deadline_ns,
					      .payload_bytes = world.bytes };
	int result;

	model_plain_write(&world.handles[number]);
	hold_one();
	result = pend_map_pend(world.map, &request, &world.handles[number]);
	held_one(result);
	return result;
}

int world_complete(uint32_t number, enum pend_action action)
{
	int result;

	begin_to_decide(number);
	result = pend_map_complete(world.map, world.handles[number], action);
	if (result == 0)
		has_decided(number);
	world_left();
	return result;
}

int world_complete_key(uint64_t key, enum pend_action action)
{
	const int result = pend_map_complete_key(world.map, &key, 8, action);

	world_left();
	return result;
}

void world_hear_all(void)
{
	for (uint32_t i = 0; i < WORLD_HANDLES; i++)
		if (world.told_of[i])
			model_plain_read(&world.told_of[i]);
}

void world_poll(uint32_t cpu)
{
	MODEL_CHECK(pend_engine_poll(world.engine, cpu, FINISH_BUDGET) >= 0);
	world_left();
}

void world_poll_all(void)
{
	for (uint32_t cpu = 0; cpu < MODEL_THREADS; cpu++)
		world_poll(cpu);
}

/* ---- how it ends ---- */

/* I: every pend is completed or live, and every completion was told. */
static void check_books(void)
{
	struct pend_map_stats stats = { .size = sizeof(stats) };

	MODEL_CHECK(pend_map_stats_read(world.map, &stats) == 0);
	MODEL_CHECK(stats.pends == stats.completions + stats.live);
	MODEL_CHECK(stats.completions == world.told);
	MODEL_CHECK(stats.pends == world.pends);
}

void world_finish(void)
{
	for (uint32_t round = 0; world.engine && round < FINISH_ROUNDS; round++)
		world_poll_all();
	check_books();
}

uint32_t world_count(uint32_t count, int result)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < count; i++)
		found += world.results[i] == result;
	return found;
}

uint64_t world_live(void)
{
	struct pend_map_stats stats = { .size = sizeof(stats) };

	MODEL_CHECK(pend_map_stats_read(world.map, &stats) == 0);
	return stats.live;
}
