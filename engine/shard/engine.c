/* SPDX-License-Identifier: MIT */
/*
 * engine.c - making and ending an engine.
 *
 * Everything is allocated here, once, each shard by itself so that it can lie on its CPU's node.
 * Creation is a ladder that is climbed down in reverse when a rung fails; threads come last, and a
 * thread that cannot be had is an error like any other.
 *
 * Destroying needs an engine that nobody uses: maps and sessions hold it (`uses`).
 */
#include <errno.h>
#include <string.h>

#include "engine/object/options.h"
#include "engine/shard/engine_internal.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/membarrier.h"
#include "platform/memory.h"
#include "platform/numa.h"

/* sizeof(struct pend_engine_options) in the first version. */
#define ENGINE_OPTIONS_SIZE_FIRST sizeof(struct pend_engine_options)
#define ENGINE_EVENTS 256u
#define FIFO_PRIORITY_MAX 99u
#define NS_PER_S 1000000000ull

PENDI_THREAD_LOCAL const struct pend_engine *pendi_engine_own;

static PENDI_ROSTER(engine_roster, struct pend_engine);

static bool is_outside(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low || value > high;
}

/* 0, -EINVAL or -ERANGE. */
static int check_engine_options(const struct pend_engine_options *options)
{
	const uint32_t entries = options->queue_entries;

	if (options->flags & ~(uint32_t)(PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED))
		return -EINVAL;
	if (entries & (entries - 1))
		return -EINVAL;
	if (is_outside(entries, PENDI_QUEUE_CAPACITY_MIN, PENDI_QUEUE_CAPACITY_MAX) ||
	    options->fifo_priority > FIFO_PRIORITY_MAX ||
	    is_outside(options->tick_ns, 100000, NS_PER_S) || options->spin_ns > NS_PER_S ||
	    is_outside(options->stall_ns, 1000000, 60 * NS_PER_S) ||
	    is_outside(options->home_ns, 1000000, 60 * NS_PER_S))
		return -ERANGE;
	return 0;
}

static void set_engine_fields(struct pend_engine *engine, const struct pend_engine_options *options)
{
	engine->flags = options->flags;
	engine->queue_entries = options->queue_entries;
	engine->fifo_priority = options->fifo_priority;
	engine->tick_ns = options->tick_ns;
	engine->spin_ns = options->spin_ns;
	engine->stall_ns = options->stall_ns;
	engine->home_ns = options->home_ns;
	engine->quota.limit = options->quota_bytes;
	engine->on_event = options->on_event;
	engine->context = options->context;
	engine->light = pendi_membarrier_register() == 0;
	engine->number_next = 1;
}

/* ---- memory ---- */

static void release_shard(struct pend_engine *engine, uint32_t cpu)
{
	struct pendi_shard *shard = engine->shards[cpu];

	if (shard)
		pendi_queue_fini(&shard->queue, &engine->allocator);
	pendi_memory_release(&engine->allocator, shard, sizeof(*shard));
	engine->shards[cpu] = NULL;
}

static int make_shard(struct pend_engine *engine, uint32_t cpu)
{
	struct pendi_shard *shard = pendi_memory_allocate(&engine->allocator, sizeof(*shard),
							  _Alignof(struct pendi_shard));
	int error;

	if (!shard)
		return -ENOMEM;
	engine->shards[cpu] = shard;
	shard->engine = engine;
	shard->cpu = cpu;
	shard->node = pendi_cpu_node(cpu);
	/* relaxed: nobody else has it yet. */
	pendi_store_relaxed(&shard->server, cpu);
	error = pendi_queue_init(&shard->queue, engine->queue_entries, &engine->allocator);
	/* On the CPU's node, before it is touched; memory of a caller's allocator is the caller's. */
	if (!error && engine->allocator.allocate == pendi_memory_default.allocate &&
	    pendi_numa_count() > 1 && pendi_queue_bytes(&shard->queue) >= PENDI_MEMORY_MAP_BYTES)
		(void)pendi_numa_bind(shard->queue.cells, pendi_queue_bytes(&shard->queue),
				      pendi_numa_node_of_cpu(cpu));
	return error;
}

static size_t visiting_bytes(void)
{
	return PENDI_THREADS * sizeof(struct pendi_visiting);
}

static size_t clients_bytes(const struct pend_engine *engine)
{
	return PENDI_CLIENTS * sizeof(engine->clients[0]);
}

static void release_tables(struct pend_engine *engine)
{
	const struct pend_allocator *allocator = &engine->allocator;

	for (uint32_t cpu = 0; engine->shards && cpu < engine->shard_count; cpu++)
		release_shard(engine, cpu);
	pendi_memory_release(allocator, engine->shards,
			     engine->shard_count * sizeof(engine->shards[0]));
	pendi_memory_release(allocator, engine->clients, clients_bytes(engine));
	pendi_memory_release(allocator, engine->visiting, visiting_bytes());
	pendi_queue_fini(&engine->events, allocator);
}

/* 0 or -ENOMEM, after which nothing is left. */
static int make_tables(struct pend_engine *engine)
{
	const struct pend_allocator *allocator = &engine->allocator;
	int error;

	engine->shard_count = pendi_cpu_possible();
	engine->visiting =
		pendi_memory_allocate(allocator, visiting_bytes(), _Alignof(struct pendi_visiting));
	engine->clients = pendi_memory_allocate(allocator, clients_bytes(engine), PENDI_CACHE_LINE);
	engine->shards = pendi_memory_allocate(
		allocator, engine->shard_count * sizeof(engine->shards[0]), PENDI_CACHE_LINE);
	error = engine->visiting && engine->clients && engine->shards ? 0 : -ENOMEM;
	if (!error)
		error = pendi_queue_init(&engine->events, ENGINE_EVENTS, allocator);
	for (uint32_t cpu = 0; !error && cpu < engine->shard_count; cpu++)
		error = make_shard(engine, cpu);
	if (error)
		release_tables(engine);
	return error;
}

/* ---- threads ---- */

/* Shards of CPUs without an executor are served by those there are. */
static void assign_servers(struct pend_engine *engine)
{
	const uint64_t now_ns = pendi_clock_mono_ns();

	for (uint32_t cpu = 0; cpu < engine->shard_count; cpu++) {
		if (!engine->shards[cpu]->executor.has_thread)
			(void)pendi_home_give(engine->shards[cpu], cpu, cpu, now_ns);
	}
}

/* An executor for each CPU that the caller may run on; one at least. 0 or -EAGAIN. */
static int start_executors(struct pend_engine *engine)
{
	const uint32_t here = pendi_cpu_current();
	int error = 0;

	for (uint32_t cpu = 0; !error && cpu < engine->shard_count; cpu++) {
		if (cpu == here || pendi_cpu_allowed(cpu) == 1)
			error = pendi_executor_start(engine->shards[cpu]);
	}
	for (uint32_t cpu = 0; cpu < engine->shard_count; cpu++) {
		if (engine->shards[cpu]->executor.has_thread &&
		    pendi_executor_await(engine->shards[cpu]))
			error = -EAGAIN;
	}
	if (!error)
		assign_servers(engine);
	return error;
}

static int start_threads(struct pend_engine *engine)
{
	int error = 0;

	if (!(engine->flags & PEND_ENGINE_POLLED))
		error = start_executors(engine);
	if (!error && !(engine->flags & PEND_ENGINE_UNWATCHED))
		error = pendi_monitor_start(engine);
	if (error)
		pendi_executors_stop(engine);
	return error;
}

/* ---- the whole ---- */

static int build_engine(struct pend_engine *engine)
{
	int error = make_tables(engine);

	if (error)
		return error;
	error = pthread_mutex_init(&engine->mutex, NULL) ? -ENOMEM : 0;
	if (error)
		goto fail_mutex;
	error = pendi_watches_init(engine);
	if (error)
		goto fail_watches;
	pendi_suspend_begin(engine);
	error = start_threads(engine);
	if (error)
		goto fail_threads;
	return 0;

fail_threads:
	pendi_watches_fini(engine);
fail_watches:
	(void)pthread_mutex_destroy(&engine->mutex);
fail_mutex:
	release_tables(engine);
	return error;
}

int pend_engine_create(const struct pend_engine_options *options, struct pend_engine **engine)
{
	struct pend_engine_options given = pend_engine_options_default();
	struct pend_allocator allocator;
	struct pend_engine *made;
	int error = engine ? 0 : -EFAULT;

	if (!error && options)
		error = pendi_options_read(&given, sizeof(given), ENGINE_OPTIONS_SIZE_FIRST,
					   options);
	if (!error)
		error = check_engine_options(&given);
	if (!error)
		error = pendi_options_allocator(&allocator, given.allocator);
	if (error)
		return error;
	made = pendi_roster_take(&engine_roster);
	if (!made)
		return -ENOMEM;
	made->allocator = allocator;
	set_engine_fields(made, &given);
	error = build_engine(made);
	if (error) {
		pendi_roster_put(&engine_roster, &made->entry);
		return error;
	}
	pendi_roster_enrol(&made->entry);
	*engine = made;
	return 0;
}

int pendi_engine_check(const struct pend_engine *engine)
{
	if (!engine)
		return -EFAULT;
	return pendi_roster_stage(&engine->entry) == PENDI_STAGE_DEAD ? -ESHUTDOWN : 0;
}

int pend_engine_destroy(struct pend_engine *engine)
{
	struct pendi_sessions *sessions;
	const int error = pendi_engine_check(engine);

	if (error)
		return error;
	/* One of its own threads would wait for itself. */
	if (pendi_engine_serving(engine) || pendi_engine_own == engine)
		return -EDEADLK;
	/* relaxed: no other call may be running; what those that were did is ordered by how the
	 * caller knows. */
	if (pendi_load_relaxed(&engine->uses))
		return -EBUSY;
	if (!pendi_roster_close(&engine->entry))
		return -ESHUTDOWN;
	pendi_monitor_stop(engine);
	pendi_executors_stop(engine);
	sessions = pendi_engine_sessions(engine);
	if (sessions)
		engine->sessions_end(sessions);
	pendi_watches_fini(engine);
	(void)pthread_mutex_destroy(&engine->mutex);
	release_tables(engine);
	pendi_roster_dismiss(&engine->entry);
	pendi_roster_put(&engine_roster, &engine->entry);
	return 0;
}

/* ---- what the engine keeps for others ---- */

int pendi_engine_hold(struct pend_engine *engine)
{
	if (pendi_roster_stage(&engine->entry) != PENDI_STAGE_ALIVE)
		return -ESHUTDOWN;
	/* relaxed: a count; pend_engine_destroy() is the last call. */
	(void)pendi_fetch_add_relaxed(&engine->uses, 1);
	return 0;
}

void pendi_engine_release(struct pend_engine *engine)
{
	/* relaxed: as in pendi_engine_hold(). */
	(void)pendi_fetch_sub_relaxed(&engine->uses, 1);
}

bool pendi_engine_enabled(const struct pend_engine *engine)
{
	/* relaxed: who changes it tells each client (engine/map/control.c). */
	return pendi_load_relaxed(&engine->enabled) != 0;
}

void pendi_engine_set_enabled(struct pend_engine *engine, bool enabled)
{
	/* relaxed: as above. */
	pendi_store_relaxed(&engine->enabled, enabled);
}

struct pendi_quota *pendi_engine_quota(struct pend_engine *engine)
{
	return &engine->quota;
}

const struct pend_allocator *pendi_engine_allocator(const struct pend_engine *engine)
{
	return &engine->allocator;
}

void pendi_engine_attach_sessions(struct pend_engine *engine, struct pendi_sessions *sessions,
				  void (*end)(struct pendi_sessions *sessions))
{
	engine->sessions_end = end;
	/* [SH11.rel] Pairs with [SH11.acq] in pendi_engine_sessions(): they are whole. */
	pendi_store_release(&engine->sessions, sessions, SH11);
}

struct pendi_sessions *pendi_engine_sessions(const struct pend_engine *engine)
{
	/* [SH11.acq] Pairs with [SH11.rel] in pendi_engine_attach_sessions(). */
	return pendi_load_acquire(&engine->sessions, SH11);
}

uint32_t pendi_engine_shards(const struct pend_engine *engine)
{
	return engine->shard_count;
}
