/* SPDX-License-Identifier: MIT */
/*
 * executor.c - the thread of a CPU: serves its shard, and what it has adopted, or sleeps.
 *
 *	turn: am I at home? -> a window of each queue -> a pass, if the tick moved or all is quiet
 *	no work: turn again for spin_ns -> say when to wake -> arm the bell -> look again -> sleep
 *
 * What others must have made visible before they look at the bell: a hint (DB1), a server (SH1), a
 * tick (SH5), a flag. The second look finds all of them.
 *
 * A thread is pinned before its first work, not when it is made: a process that uses two of many
 * CPUs wakes two.
 *
 * Edges: SH5 the time of waking against a tick that is armed, crosswise. SH7 see home.c. SH9 how
 * starting went.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "engine/shard/visit.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/futex.h"
#include "platform/sched.h"

PENDI_THREAD_LOCAL const struct pendi_executor *pendi_executor_own;

/* ---- a turn ---- */

static bool executor_serves(const struct pendi_shard *shard, const struct pendi_shard *other)
{
	return pendi_shard_server(other) == shard->cpu;
}

/* Learns how many other shards it serves, if that may have changed. True: look at all of them. */
static bool count_adopted(struct pendi_shard *shard)
{
	const struct pend_engine *engine = shard->engine;
	struct pendi_executor *executor = &shard->executor;
	/* [SH7.acq] Pairs with [SH7.rel] in tell_server(): the servers as of this version. */
	const uint32_t version = pendi_load_acquire(&engine->changes, SH7);

	if (PENDI_LIKELY(version == executor->changes_seen))
		return false;
	executor->changes_seen = version;
	executor->adopted = 0;
	for (uint32_t cpu = 0; cpu < engine->shard_count; cpu++)
		executor->adopted += cpu != shard->cpu &&
				     executor_serves(shard, engine->shards[cpu]);
	return executor->adopted != 0;
}

/* One window of each shard that it has adopted, if there may be something. */
static uint32_t serve_adopted(struct pendi_visitor *visitor, struct pendi_shard *shard)
{
	struct pend_engine *engine = shard->engine;
	_Atomic uint32_t *foreign = &shard->executor.foreign;
	bool look = count_adopted(shard), more = false;
	uint32_t served = 0;

	/* relaxed, all: who sets it rings as well, and before it sleeps the executor looks into the
	 * queues themselves. */
	if (PENDI_UNLIKELY(pendi_load_relaxed(foreign))) {
		pendi_store_relaxed(foreign, 0);
		look = true;
	}
	if (PENDI_LIKELY(!look || !shard->executor.adopted))
		return 0;
	for (uint32_t cpu = 0; cpu < engine->shard_count; cpu++) {
		struct pendi_shard *other = engine->shards[cpu];

		if (cpu == shard->cpu || !executor_serves(shard, other))
			continue;
		served += pendi_shard_serve(visitor, other);
		more |= !pendi_queue_is_empty(&other->queue);
	}
	if (more)
		/* relaxed: as above; its own next turn reads it. */
		pendi_store_relaxed(foreign, 1);
	return served;
}

/* Passes over the deadlines of all that it serves; not more often than once a tick while it has
 * hints to serve. */
static uint32_t pass_all(struct pendi_visitor *visitor, struct pendi_shard *shard, bool quiet)
{
	const struct pend_engine *engine = shard->engine;
	struct pendi_executor *executor = &shard->executor;
	const uint64_t now_ns = executor->turn_ns;
	const uint32_t tick = pendi_engine_tick_begun(engine, now_ns);
	uint32_t looks = 0;

	if (executor_serves(shard, shard) && (quiet || pendi_shard_wants_pass(shard, now_ns)))
		looks = pendi_shard_pass(visitor, shard, now_ns, PENDI_PASS_LOOKS);
	if (PENDI_LIKELY(!executor->adopted || (!quiet && tick == executor->tick_seen)))
		return looks;
	executor->tick_seen = tick;
	for (uint32_t cpu = 0; cpu < engine->shard_count; cpu++) {
		struct pendi_shard *other = engine->shards[cpu];

		if (cpu != shard->cpu && executor_serves(shard, other))
			looks += pendi_shard_pass(visitor, other, now_ns, PENDI_PASS_LOOKS);
	}
	return looks;
}

/* The first work has come: it is time to be where that belongs. */
static bool has_first_work(struct pendi_visitor *visitor, const struct pendi_shard *shard)
{
	const uint64_t now_ns = shard->executor.turn_ns;
	const uint32_t tick = pendi_shard_next(visitor, shard, now_ns);

	return !pendi_queue_is_empty(&shard->queue) ||
	       (tick != PENDI_TICK_NEVER &&
		(int32_t)(tick - pendi_engine_tick_begun(shard->engine, now_ns)) <= 0);
}

uint32_t pendi_executor_turn(struct pendi_shard *shard)
{
	struct pendi_executor *executor = &shard->executor;
	struct pendi_visitor visitor;
	uint32_t done = 0;

	executor->turn_ns = pendi_clock_mono_ns();
	pendi_executor_own = executor;
	if (PENDI_UNLIKELY(!pendi_home_is_right(shard)))
		pendi_home_check(shard, executor->turn_ns);
	if (PENDI_UNLIKELY(!pendi_visit_begin(&visitor, shard->engine)))
		return 0;
	if (PENDI_UNLIKELY(!executor->pinned) && has_first_work(&visitor, shard))
		pendi_home_pin(shard, executor->turn_ns);
	/* A hint that came after that question waits for the next turn, which pins. */
	if (PENDI_LIKELY(executor->pinned && executor_serves(shard, shard)))
		done = pendi_shard_serve(&visitor, shard);
	done += serve_adopted(&visitor, shard);
	done += pass_all(&visitor, shard, done == 0);
	pendi_visit_end(&visitor);
	return done;
}

/* ---- sleeping ---- */

/* The earliest tick in all that it serves. */
static uint32_t next_of_all(struct pendi_visitor *visitor, struct pendi_shard *shard,
			    uint64_t now_ns)
{
	const uint32_t now = pendi_engine_tick_begun(shard->engine, now_ns);
	const bool alone = !shard->executor.adopted;
	uint32_t earliest = PENDI_TICK_NEVER;

	for (uint32_t cpu = alone ? shard->cpu : 0; cpu < shard->engine->shard_count; cpu++) {
		const struct pendi_shard *other = shard->engine->shards[cpu];
		const uint32_t tick = executor_serves(shard, other)
					      ? pendi_shard_next(visitor, other, now_ns)
					      : PENDI_TICK_NEVER;

		if (tick != PENDI_TICK_NEVER && (earliest == PENDI_TICK_NEVER ||
						 (int32_t)(tick - now) < (int32_t)(earliest - now)))
			earliest = tick;
		if (alone)
			break;
	}
	return earliest;
}

/* Whether there is something to do now, other than a tick. The bell is armed. */
static bool is_wanted(const struct pendi_shard *shard)
{
	const struct pend_engine *engine = shard->engine;
	const struct pendi_executor *executor = &shard->executor;

	/* relaxed, all: ordered after the arming by its fence; they hand nothing over. */
	if (pendi_load_relaxed(&engine->stop) || pendi_load_relaxed(&executor->stalled) ||
	    pendi_load_relaxed(&executor->retry) ||
	    pendi_load_relaxed(&engine->changes) != executor->changes_seen)
		return true;
	for (uint32_t cpu = 0; cpu < engine->shard_count; cpu++) {
		const struct pendi_shard *other = engine->shards[cpu];

		/* relaxed: as above. */
		if ((cpu == shard->cpu || executor->adopted) && executor_serves(shard, other) &&
		    (!pendi_queue_is_empty(&other->queue) ||
		     pendi_load_relaxed(&other->passed_offset_ns) !=
			     pendi_load_relaxed(&engine->offset_ns)))
			return true;
	}
	return false;
}

/* How long to sleep at most if @tick is the earliest. 0: it has come. */
static uint64_t sleep_limit(const struct pendi_shard *shard, uint32_t tick, uint64_t now_ns)
{
	const struct pend_engine *engine = shard->engine;
	const struct pendi_executor *executor = &shard->executor;
	uint64_t limit = UINT64_MAX;

	if (tick != PENDI_TICK_NEVER)
		limit = pendi_engine_tick_ns(engine, tick, now_ns) - now_ns;
	/* relaxed: its own writing. */
	if (pendi_load_relaxed(&executor->condition) == PENDI_EXECUTOR_LOST) {
		const uint64_t retry_ns =
			executor->retry_at_ns > now_ns ? executor->retry_at_ns - now_ns : 0;

		limit = retry_ns < limit ? retry_ns : limit;
	}
	if (limit != UINT64_MAX || engine->flags & PEND_ENGINE_UNWATCHED)
		limit = limit < PENDI_SLEEP_MOST_NS ? limit : PENDI_SLEEP_MOST_NS;
	return limit;
}

void pendi_executor_sleep(struct pendi_shard *shard)
{
	struct pendi_executor *executor = &shard->executor;
	struct pendi_visitor visitor;
	uint64_t now_ns = pendi_clock_mono_ns(), limit_ns;
	uint32_t tick, again;

	if (!pendi_visit_begin(&visitor, shard->engine))
		return;
	tick = next_of_all(&visitor, shard, now_ns);
	/* relaxed: SH5 orders it. */
	pendi_store_relaxed(&executor->wake_at,
			    tick == PENDI_TICK_NEVER ? PENDI_WAKE_NEVER : PENDI_WAKE_TICK | tick);
	pendi_doorbell_arm(&executor->bell);
	/* [SH5.sc] It has said when it wakes; now it looks at the ticks again. Pairs with the fence
	 * in pendi_engine_expect(): an earlier tick is found here, or its maker rings. */
	pendi_fence_store_load(SH5);
	again = next_of_all(&visitor, shard, now_ns);
	pendi_visit_end(&visitor);
	limit_ns = sleep_limit(shard, tick, now_ns);
	if (again != tick || limit_ns == 0 || is_wanted(shard)) {
		pendi_doorbell_disarm(&executor->bell);
		/* relaxed: its own next turn reads it. A hint in a shard that it adopted is served
		 * before its pusher has rung; else this would go round until he does. */
		if (executor->adopted)
			pendi_store_relaxed(&executor->foreign, 1);
	} else {
		pendi_shard_count(&shard->times_slept, true, 1);
		pendi_doorbell_sleep(&executor->bell, limit_ns);
		if (limit_ns == UINT64_MAX || pendi_clock_mono_ns() - now_ns < limit_ns)
			pendi_shard_count(&shard->times_woken, true, 1);
	}
	/* relaxed: as above. */
	pendi_store_relaxed(&executor->wake_at, PENDI_WAKE_AWAKE);
}

/* ---- the thread ---- */

static bool executor_must_stop(const struct pend_engine *engine)
{
	/* relaxed: whoever stops it joins it. */
	return pendi_load_relaxed(&engine->stop) != 0;
}

/* Turns until it has found nothing to do for spin_ns. */
static void work_and_spin(struct pendi_shard *shard)
{
	struct pend_engine *engine = shard->engine;
	uint64_t idle_since_ns = 0;

	while (!executor_must_stop(engine)) {
		const uint32_t done = pendi_executor_turn(shard);
		const uint64_t now_ns = shard->executor.turn_ns;

		if (engine->flags & PEND_ENGINE_UNWATCHED)
			pendi_monitor_chores(engine, now_ns, false);
		if (done)
			idle_since_ns = 0;
		else if (!idle_since_ns)
			idle_since_ns = now_ns;
		if (!done && now_ns - idle_since_ns >= engine->spin_ns)
			return;
		if (!done)
			pendi_cpu_relax();
	}
}

void pendi_executor_begin(struct pendi_shard *shard)
{
	struct pendi_executor *executor = &shard->executor;

	pendi_executor_own = executor;
	executor->pinned = false;
	executor->retry_at_ns = 0;
	/* relaxed, both: who is wrong about it gives its shard to another one; a number. */
	pendi_store_relaxed(&executor->condition, PENDI_EXECUTOR_ALIVE);
	if (shard->engine->fifo_priority && pendi_sched_fifo(shard->engine->fifo_priority))
		pendi_store_relaxed(&shard->without_fifo, 1);
	(void)pendi_home_take(shard, shard->cpu);
}

static void *run_executor(void *argument)
{
	struct pendi_shard *shard = argument;
	struct pendi_executor *executor = &shard->executor;
	const bool registered = pendi_thread_number() != 0;

	pendi_engine_own = shard->engine;
	if (registered)
		pendi_executor_begin(shard);
	/* [SH9.rel] Pairs with [SH9.acq] in pendi_executor_await(): it has begun, or never will. */
	pendi_store_release(&executor->start, registered ? PENDI_START_RUNNING : PENDI_START_FAILED,
			    SH9);
	(void)pendi_futex_wake(&executor->start, UINT32_MAX);
	while (registered && !executor_must_stop(shard->engine)) {
		work_and_spin(shard);
		pendi_executor_sleep(shard);
	}
	return NULL;
}

int pendi_engine_thread(pthread_t *thread, void *(*run)(void *argument), void *argument,
			const char *name)
{
	sigset_t all, before;
	int error;

	/* Signals are the application's: its own threads take them. But not those that a fault of
	 * this thread raises. */
	(void)sigfillset(&all);
	(void)sigdelset(&all, SIGSEGV);
	(void)sigdelset(&all, SIGBUS);
	(void)sigdelset(&all, SIGFPE);
	(void)sigdelset(&all, SIGILL);
	(void)sigdelset(&all, SIGTRAP);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(thread, NULL, run, argument);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error)
		(void)pthread_setname_np(*thread, name);
	return error ? -EAGAIN : 0;
}

int pendi_executor_start(struct pendi_shard *shard)
{
	struct pendi_executor *executor = &shard->executor;
	char name[16];
	int error;

	(void)snprintf(name, sizeof(name), "pend/%u", (unsigned int)(shard->cpu % 100000u));
	/* relaxed: the thread does not exist yet. */
	pendi_store_relaxed(&executor->start, PENDI_START_NONE);
	error = pendi_engine_thread(&executor->thread, run_executor, shard, name);
	executor->has_thread = !error;
	if (error)
		/* relaxed: a count. */
		(void)pendi_fetch_add_relaxed(&shard->starts_refused, 1);
	return error;
}

int pendi_executor_await(struct pendi_shard *shard)
{
	struct pendi_executor *executor = &shard->executor;
	uint32_t start;

	for (;;) {
		/* [SH9.acq] Pairs with [SH9.rel] in run_executor(). */
		start = pendi_load_acquire(&executor->start, SH9);
		if (start != PENDI_START_NONE)
			break;
		(void)pendi_futex_wait(&executor->start, PENDI_START_NONE, UINT64_MAX);
	}
	if (start == PENDI_START_RUNNING)
		return 0;
	(void)pthread_join(executor->thread, NULL);
	executor->has_thread = false;
	/* relaxed: a count. */
	(void)pendi_fetch_add_relaxed(&shard->starts_refused, 1);
	return -EAGAIN;
}

void pendi_executors_ring(struct pend_engine *engine)
{
	/* [DB1.sc] Pairs with the fence in pendi_doorbell_arm(): who sleeps is woken, who does not
	 * sleep yet sees what the caller wrote. */
	pendi_fence_store_load(DB1);
	for (uint32_t cpu = 0; cpu < engine->shard_count; cpu++)
		pendi_doorbell_ring(&engine->shards[cpu]->executor.bell);
}

void pendi_executors_stop(struct pend_engine *engine)
{
	/* relaxed: the bells order it. */
	pendi_store_relaxed(&engine->stop, 1);
	pendi_executors_ring(engine);
	for (uint32_t cpu = 0; cpu < engine->shard_count; cpu++) {
		struct pendi_executor *executor = &engine->shards[cpu]->executor;

		if (executor->has_thread)
			(void)pthread_join(executor->thread, NULL);
		executor->has_thread = false;
		/* relaxed: there is no thread. */
		pendi_store_relaxed(&executor->condition, PENDI_EXECUTOR_NONE);
	}
}
