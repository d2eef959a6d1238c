/* SPDX-License-Identifier: MIT */
/*
 * home.c - which executor serves which shard: its own, unless that is lost or stalled.
 *
 *	             pinning refused [lose_home]                  pinned again [try_home]
 *	own executor ---------------------> another executor ----------------------> own executor
 *	             did not move [monitor.c]                moves again [pendi_home_check]
 *
 * A CPU that goes away moves its threads to others, silently, and a re-pin is refused with EINVAL
 * (unplugged, or outside the cpuset). So an executor compares CPU and home with each batch. After a
 * real unplug nobody restores the pin, so it tries again, every home_ns and when the monitor hears
 * news of the CPU.
 *
 * Nobody waits here: the old server may be frozen in the middle of a window. The new one sees that
 * window again. If two executors lose their CPUs at once, each has said so before it looks for
 * another (SH8): at most one of them still takes the other for alive, and that other one finds
 * nobody and goes on, wherever it runs.
 *
 * Edges: SH1 what a ringer reads (`server`, `drowsy`) against what it has pushed, crosswise. SH7 a
 * change of server, to who counts its shards. SH8 two executors that are lost, crosswise.
 */
#include "engine/shard/engine_internal.h"
#include "platform/cpu.h"

static enum pendi_condition condition_of(const struct pendi_executor *executor)
{
	/* relaxed: SH8 orders it where that matters. */
	return (enum pendi_condition)pendi_load_relaxed(&executor->condition);
}

/* After a change of server: whoever has not seen the change has pushed before, and the new server,
 * who is rung now, looks. */
static void tell_server(struct pendi_shard *shard)
{
	/* [SH7.rel] Pairs with [SH7.acq] in count_adopted(): who sees the new version sees the new
	 * server. */
	(void)pendi_fetch_add_release(&shard->engine->changes, 1, SH7);
	/* [SH1.sc] Pairs with the fence in ring_after_push(): either the pusher sees the
	 * new server, or the new server, once it is woken, sees what was pushed. */
	pendi_fence_store_load(SH1);
	pendi_shard_ring(shard);
}

uint32_t pendi_home_take(struct pendi_shard *shard, uint32_t server)
{
	/* relaxed: SH7 publishes it. */
	const uint32_t before = pendi_exchange_relaxed(&shard->server, server);

	if (before != server)
		tell_server(shard);
	return before;
}

/* The executor that is to serve for @cpu, one of the same node before all, or @otherwise. */
static uint32_t choose_server(const struct pend_engine *engine, uint32_t cpu, uint32_t otherwise)
{
	const uint32_t count = engine->shard_count;
	uint32_t anywhere = otherwise;
	bool found = false;

	for (uint32_t i = 1; i < count; i++) {
		const struct pendi_shard *other = engine->shards[(cpu + i) % count];

		/* relaxed: one that stalls right now is found out later. */
		if (condition_of(&other->executor) != PENDI_EXECUTOR_ALIVE ||
		    pendi_load_relaxed(&other->executor.stalled))
			continue;
		if (other->node == engine->shards[cpu]->node)
			return other->cpu;
		anywhere = found ? anywhere : other->cpu;
		found = true;
	}
	return anywhere;
}

bool pendi_home_give(struct pendi_shard *shard, uint32_t from, uint32_t otherwise, uint64_t now_ns)
{
	const uint32_t to = choose_server(shard->engine, shard->cpu, otherwise);
	uint32_t expected = from;

	/* relaxed: SH7 publishes it. */
	if (to == from || !pendi_cas_relaxed(&shard->server, &expected, to))
		return false;
	if (from == shard->cpu)
		/* relaxed: for a number in an event. */
		pendi_store_relaxed(&shard->away_since_ns, now_ns);
	tell_server(shard);
	return true;
}

void pendi_home_return(struct pendi_shard *shard, uint64_t now_ns)
{
	/* relaxed, both: as above; a count. */
	const uint64_t since_ns = pendi_load_relaxed(&shard->away_since_ns);

	(void)pendi_fetch_add_relaxed(&shard->returns, 1);
	(void)pendi_home_take(shard, shard->cpu);
	pendi_event_put(shard, PEND_EVENT_RETURN, now_ns - since_ns);
}

/* Gives away all that the executor of @shard serves and somebody else can. */
static void give_all(struct pendi_shard *shard, uint64_t now_ns)
{
	struct pend_engine *engine = shard->engine;

	/* [SH8.sc] The executor has said that it is lost; now it looks at the others. Symmetric: of
	 * two that do so at once, one at least sees the other. */
	pendi_fence_store_load(SH8);
	for (uint32_t cpu = 0; cpu < engine->shard_count; cpu++) {
		if (pendi_shard_server(engine->shards[cpu]) == shard->cpu)
			(void)pendi_home_give(engine->shards[cpu], shard->cpu, shard->cpu, now_ns);
	}
}

static void lose_home(struct pendi_shard *shard, uint64_t now_ns)
{
	/* relaxed, all: SH8 orders the first; the others are numbers. */
	pendi_store_relaxed(&shard->executor.condition, PENDI_EXECUTOR_LOST);
	pendi_store_relaxed(&shard->away_since_ns, now_ns);
	(void)pendi_fetch_add_relaxed(&shard->losses, 1);
	give_all(shard, now_ns);
	pendi_event_put(shard, PEND_EVENT_LOST, 0);
}

/* Whether the executor could be pinned. Not again before home_ns has passed. */
static bool try_home(struct pendi_shard *shard, uint64_t now_ns)
{
	struct pendi_executor *executor = &shard->executor;

	executor->retry_at_ns = now_ns + shard->engine->home_ns;
	executor->pinned = true;
	return pendi_cpu_pin(shard->cpu) == 0;
}

void pendi_home_pin(struct pendi_shard *shard, uint64_t now_ns)
{
	if (!try_home(shard, now_ns))
		lose_home(shard, now_ns);
	else
		shard->executor.retry_at_ns = 0;
}

bool pendi_home_is_right(const struct pendi_shard *shard)
{
	const struct pendi_executor *executor = &shard->executor;

	/* relaxed, both: told again in the next turn. */
	return pendi_shard_server(shard) == shard->cpu &&
	       condition_of(executor) == PENDI_EXECUTOR_ALIVE &&
	       !pendi_load_relaxed(&executor->stalled) &&
	       (!executor->pinned || pendi_cpu_current() == shard->cpu);
}

/* A lost executor: its CPU may be there again. */
static void check_lost(struct pendi_shard *shard, uint64_t now_ns)
{
	struct pendi_executor *executor = &shard->executor;

	/* relaxed, all: who asks for a try has rung the bell, which orders it. */
	if (pendi_load_relaxed(&executor->retry)) {
		pendi_store_relaxed(&executor->retry, 0);
		executor->retry_at_ns = 0;
	}
	if (now_ns >= executor->retry_at_ns && try_home(shard, now_ns)) {
		pendi_store_relaxed(&executor->condition, PENDI_EXECUTOR_ALIVE);
		pendi_home_return(shard, now_ns);
	} else {
		give_all(shard, now_ns);
	}
}

void pendi_home_check(struct pendi_shard *shard, uint64_t now_ns)
{
	struct pendi_executor *executor = &shard->executor;

	/* relaxed, both: the monitor, if it comes first, gives away once more. */
	if (pendi_load_relaxed(&executor->stalled))
		pendi_store_relaxed(&executor->stalled, 0);
	if (condition_of(executor) == PENDI_EXECUTOR_LOST) {
		check_lost(shard, now_ns);
		return;
	}
	if (executor->pinned && pendi_cpu_current() != shard->cpu &&
	    now_ns >= executor->retry_at_ns && !try_home(shard, now_ns)) {
		lose_home(shard, now_ns);
		return;
	}
	if (pendi_shard_server(shard) != shard->cpu)
		pendi_home_return(shard, now_ns);
}
