/* SPDX-License-Identifier: MIT */
/*
 * monitor.c - looks after the executors: stalls, CPUs that come, suspends, drains under way.
 *
 *	look: slept? -> each shard: has it work, and does it move? -> serve what nobody else can
 *	      -> tend clients -> new CPUs -> tell events -> how long until the next look?
 *
 * A shard that has work and whose heartbeat stands still for stall_ns is given away: to an executor
 * that lives or, if there is none, to the monitor itself. Who stalled finds out when it moves.
 *
 * With nothing to do for a second the monitor goes to sleep for longer, and says so (`drowsy`):
 * the next hint wakes it. That is a store-load fence against the push (SH1), as for a bell.
 *
 * In an unwatched engine there is no such thread; what has to be done all the same is done by who
 * polls, and by idle executors, one at a time (SH6).
 */
#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "engine/shard/visit.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/sched.h"

#define MONITOR_LONG_NS 1000000000ull
#define MONITOR_WINDOWS 64u /* of one shard that the monitor serves, in one look */

/* ---- stalls ---- */

static bool tick_is_overdue(uint32_t tick, uint32_t now)
{
	return tick != PENDI_TICK_NEVER && (int32_t)(tick - now) <= 0;
}

static bool shard_has_work(struct pendi_visitor *visitor, const struct pendi_shard *shard,
			   uint64_t now_ns)
{
	return !pendi_queue_is_empty(&shard->queue) ||
	       tick_is_overdue(pendi_shard_next(visitor, shard, now_ns),
			       pendi_engine_tick_begun(shard->engine, now_ns));
}

static void give_stalled(struct pendi_shard *shard, uint64_t now_ns)
{
	struct pend_engine *engine = shard->engine;
	const uint32_t server = pendi_shard_server(shard);
	struct pendi_executor *executor = &engine->shards[server]->executor;

	/* relaxed, both: it clears the mark when it moves; a count. */
	pendi_store_relaxed(&executor->stalled, 1);
	if (!pendi_home_give(shard, server, PENDI_SERVER_MONITOR, now_ns))
		return;
	(void)pendi_fetch_add_relaxed(&shard->stalls, 1);
	pendi_event_put(shard, PEND_EVENT_STALL, now_ns - shard->watch_since_ns);
	/* [DB1.sc] Pairs with the fence in pendi_doorbell_arm(): should it only have been slow, and
	 * gone to sleep meanwhile, it takes its shard back now. */
	pendi_fence_store_load(DB1);
	pendi_doorbell_ring(&executor->bell);
}

/* Whether @shard has work. */
static bool watch_shard(struct pendi_visitor *visitor, struct pendi_shard *shard, uint64_t now_ns)
{
	/* relaxed: it moves or it does not. */
	const uint64_t beat = pendi_load_relaxed(&shard->heartbeat);

	if (!shard_has_work(visitor, shard, now_ns)) {
		shard->watch_since_ns = 0;
		return false;
	}
	if (pendi_shard_server(shard) == PENDI_SERVER_MONITOR) {
		(void)pendi_home_give(shard, PENDI_SERVER_MONITOR, PENDI_SERVER_MONITOR, now_ns);
		return true;
	}
	if (shard->watch_since_ns == 0 || beat != shard->watch_beat) {
		shard->watch_beat = beat;
		shard->watch_since_ns = now_ns;
	} else if (now_ns - shard->watch_since_ns >= shard->engine->stall_ns) {
		give_stalled(shard, now_ns);
		shard->watch_since_ns = 0;
	}
	return true;
}

/* What fell to the monitor. Returns how many slots. */
static uint32_t serve_orphan(struct pendi_visitor *visitor, struct pendi_shard *shard,
			     uint64_t now_ns)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < MONITOR_WINDOWS; i++) {
		const uint32_t served = pendi_shard_serve(visitor, shard);

		if (!served)
			break;
		done += served;
	}
	return done + pendi_shard_pass(visitor, shard, now_ns, PENDI_PASS_LOOKS);
}

/* ---- tending ---- */

void pendi_engine_nudge(struct pend_engine *engine)
{
	/* relaxed: the kick orders it. */
	pendi_store_relaxed(&engine->nudged, 1);
	pendi_monitor_kick(engine);
}

/* True while clients have more to do. One thread at a time. */
static bool tend_clients(struct pend_engine *engine, struct pendi_visitor *visitor)
{
	bool more = false;

	/* relaxed: the kick orders it. It is cleared before the clients are asked, so that a nudge
	 * that comes meanwhile is heeded. */
	if (!pendi_exchange_relaxed(&engine->nudged, 0))
		return false;
	for (uint32_t number = pendi_client_next(engine, 0); number;
	     number = pendi_client_next(engine, number)) {
		struct pendi_client *client = pendi_visit(visitor, number);

		more |= client && client->tend(client);
	}
	if (more)
		/* relaxed: for the next time. */
		pendi_store_relaxed(&engine->nudged, 1);
	return more;
}

/* ---- CPUs ---- */

void pendi_monitor_cpu_changed(struct pend_engine *engine, uint32_t cpu)
{
	engine->monitor.recheck_ns = 0;
	for (uint32_t i = 0; i < engine->shard_count; i++) {
		if (cpu == i || cpu == UINT32_MAX)
			/* relaxed: the bell orders it. */
			pendi_store_relaxed(&engine->shards[i]->executor.retry, 1);
	}
	pendi_executors_ring(engine);
}

/* An executor for a CPU that has come, or whose executor could not be started. */
static void start_missing(struct pendi_shard *shard, uint64_t now_ns)
{
	struct pendi_executor *executor = &shard->executor;

	/* [SH9.acq] Pairs with [SH9.rel] in run_executor(). */
	if (executor->has_thread && pendi_load_acquire(&executor->start, SH9) == PENDI_START_FAILED)
		(void)pendi_executor_await(shard);
	if (executor->has_thread || now_ns < executor->start_again_ns ||
	    pendi_cpu_allowed(shard->cpu) != 1)
		return;
	executor->start_again_ns = now_ns + MONITOR_LONG_NS;
	(void)pendi_executor_start(shard);
}

static void check_cpus(struct pend_engine *engine, uint64_t now_ns)
{
	uint32_t executors = 0;

	if (now_ns < engine->monitor.recheck_ns || engine->flags & PEND_ENGINE_POLLED)
		return;
	engine->monitor.recheck_ns = now_ns + MONITOR_LONG_NS;
	for (uint32_t cpu = 0; cpu < engine->shard_count; cpu++)
		/* relaxed: an estimate. */
		executors += pendi_load_relaxed(&engine->shards[cpu]->executor.condition) !=
			     PENDI_EXECUTOR_NONE;
	if (pendi_cpu_allowed_count() <= (int)executors)
		return;
	for (uint32_t cpu = 0; cpu < engine->shard_count; cpu++)
		start_missing(engine->shards[cpu], now_ns);
}

/* ---- one look ---- */

/* Says that the monitor is drowsy. Returns for how long nobody needs it if no hint comes; 0: there
 * is work. */
static uint64_t doze(struct pend_engine *engine, struct pendi_visitor *visitor, uint64_t now_ns)
{
	uint64_t limit_ns = MONITOR_LONG_NS;

	engine->monitor.dozed = true;
	/* relaxed: SH1 orders it. */
	pendi_store_relaxed(&engine->drowsy, 1);
	/* [SH1.sc] It has said that it sleeps; now it looks for work. Pairs with the fence in
	 * ring_after_push(): a hint that is not found here finds it drowsy. */
	pendi_fence_store_load(SH1);
	for (uint32_t cpu = 0; cpu < engine->shard_count; cpu++) {
		const struct pendi_shard *shard = engine->shards[cpu];
		const uint32_t tick = pendi_shard_next(visitor, shard, now_ns);
		uint64_t in_ns;

		if (!pendi_queue_is_empty(&shard->queue))
			return 0;
		if (tick == PENDI_TICK_NEVER)
			continue;
		in_ns = pendi_engine_tick_ns(engine, tick, now_ns) - now_ns + engine->stall_ns;
		limit_ns = in_ns < limit_ns ? in_ns : limit_ns;
	}
	return limit_ns;
}

/* Looks after all shards. Returns how many slots were served here; *@orphans: some shard has
 * nobody but the monitor. */
static uint32_t watch_all(struct pend_engine *engine, struct pendi_visitor *visitor,
			  uint64_t now_ns, bool *orphans)
{
	uint32_t served = 0;

	*orphans = false;
	for (uint32_t cpu = 0; cpu < engine->shard_count; cpu++) {
		struct pendi_shard *shard = engine->shards[cpu];

		if (watch_shard(visitor, shard, now_ns))
			engine->monitor.active_ns = now_ns;
		if (pendi_shard_server(shard) != PENDI_SERVER_MONITOR)
			continue;
		*orphans = true;
		served += serve_orphan(visitor, shard, now_ns);
	}
	return served;
}

/* When to look again. */
static uint64_t plan_wait(struct pend_engine *engine, struct pendi_visitor *visitor,
			  uint64_t now_ns, bool orphans)
{
	struct pendi_monitor *monitor = &engine->monitor;
	uint64_t wait_ns = engine->stall_ns / 2, doze_ns;

	if (!orphans && now_ns - monitor->active_ns < MONITOR_LONG_NS)
		return wait_ns;
	doze_ns = doze(engine, visitor, now_ns);
	if (!doze_ns) {
		monitor->active_ns = now_ns;
		return orphans ? 0 : wait_ns;
	}
	if (orphans)
		return engine->tick_ns < doze_ns ? engine->tick_ns : doze_ns;
	return doze_ns;
}

uint64_t pendi_monitor_look(struct pend_engine *engine)
{
	struct pendi_monitor *monitor = &engine->monitor;
	const uint64_t now_ns = pendi_clock_mono_ns();
	struct pendi_visitor visitor;
	uint64_t wait_ns;
	bool orphans;

	/* relaxed, both: whoever has work now, and finds it not drowsy, is found below. */
	if (!monitor->active_ns || (monitor->dozed && !pendi_load_relaxed(&engine->drowsy)))
		monitor->active_ns = now_ns;
	monitor->dozed = false;
	pendi_store_relaxed(&engine->drowsy, 0);
	pendi_suspend_look(engine);
	check_cpus(engine, now_ns);
	if (!pendi_visit_begin(&visitor, engine))
		return engine->stall_ns / 2;
	(void)watch_all(engine, &visitor, now_ns, &orphans);
	wait_ns = plan_wait(engine, &visitor, now_ns, orphans);
	if (tend_clients(engine, &visitor))
		wait_ns = engine->tick_ns < wait_ns ? engine->tick_ns : wait_ns;
	pendi_visit_end(&visitor);
	pendi_event_deliver(engine);
	return wait_ns;
}

/* ---- the thread, and doing without it ---- */

/* The timer counts suspend: after one the monitor is up at once. */
static void set_timer(const struct pendi_monitor *monitor, uint64_t wait_ns)
{
	const struct itimerspec when = { .it_value = { .tv_sec = (time_t)(wait_ns / 1000000000u),
						       .tv_nsec = (long)(wait_ns % 1000000000u) } };

	if (monitor->timer >= 0)
		(void)timerfd_settime(monitor->timer, 0, &when, NULL);
}

static void *run_monitor(void *argument)
{
	struct pend_engine *engine = argument;

	pendi_engine_own = engine;
	/* As the executors: who watches them must not wait until they have nothing to do. Where it
	 * is refused, they were too, and counted it. */
	if (engine->fifo_priority)
		(void)pendi_sched_fifo(engine->fifo_priority);
	/* relaxed: whoever stops it kicks it. */
	while (!pendi_load_relaxed(&engine->stop)) {
		const uint64_t wait_ns = pendi_monitor_look(engine);

		if (wait_ns)
			set_timer(&engine->monitor, wait_ns);
		pendi_watches_wait(engine, (int)((wait_ns + 999999u) / 1000000u));
	}
	return NULL;
}

int pendi_monitor_start(struct pend_engine *engine)
{
	const int error =
		pendi_engine_thread(&engine->monitor.thread, run_monitor, engine, "pend/monitor");

	engine->monitor.has_thread = !error;
	return error;
}

void pendi_monitor_stop(struct pend_engine *engine)
{
	/* relaxed: the kick orders it. */
	pendi_store_relaxed(&engine->stop, 1);
	pendi_monitor_kick(engine);
	if (engine->monitor.has_thread)
		(void)pthread_join(engine->monitor.thread, NULL);
	engine->monitor.has_thread = false;
}

void pendi_monitor_chores(struct pend_engine *engine, uint64_t now_ns, bool always)
{
	/* relaxed: at worst somebody else does them a little earlier or later. */
	const bool due = now_ns >= pendi_load_relaxed(&engine->chores_at_ns);
	const struct pend_engine *const before = pendi_engine_own;
	struct pendi_visitor visitor;

	if (!due && !always)
		return;
	/* [SH6.acq] Pairs with [SH6.rel] below: what the last one did is done. */
	if (pendi_exchange_acquire(&engine->chores, 1, SH6))
		return;
	/* relaxed: as above. */
	pendi_store_relaxed(&engine->chores_at_ns, now_ns + engine->tick_ns);
	pendi_engine_own = engine;
	pendi_suspend_look(engine);
	if (pendi_visit_begin(&visitor, engine)) {
		(void)tend_clients(engine, &visitor);
		pendi_visit_end(&visitor);
	}
	if (due)
		pendi_watches_wait(engine, 0);
	pendi_event_deliver(engine);
	pendi_engine_own = before;
	/* [SH6.rel] Pairs with [SH6.acq] above. */
	pendi_store_release(&engine->chores, 0, SH6);
}
