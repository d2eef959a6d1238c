/* SPDX-License-Identifier: MIT */
/*
 * poll.c - an application's thread serves a shard.
 *
 * That is the only way in an engine of PEND_ENGINE_POLLED, and allowed in any: several may serve a
 * shard at once. A shard that the monitor took over because nobody polled it is taken back here.
 */
#include <errno.h>

#include "engine/shard/visit.h"
#include "platform/clock.h"
#include "platform/cpu.h"

static uint32_t poll_shard(struct pendi_visitor *visitor, struct pendi_shard *shard,
			   uint32_t budget, uint64_t now_ns)
{
	uint32_t done = 0;

	while (done < budget) {
		const uint32_t served = pendi_shard_serve(visitor, shard);

		if (!served)
			break;
		done += served;
	}
	if (done < budget && (!done || pendi_shard_wants_pass(shard, now_ns)))
		done += pendi_shard_pass(visitor, shard, now_ns, budget - done);
	return done;
}

int pend_engine_poll(struct pend_engine *engine, uint32_t cpu, uint32_t budget)
{
	const int error = pendi_engine_check(engine);
	struct pendi_visitor visitor;
	struct pendi_shard *shard;
	uint64_t now_ns;
	uint32_t done;

	if (error)
		return error;
	if (cpu == PEND_CPU_CURRENT)
		cpu = pendi_cpu_current();
	if (cpu >= engine->shard_count)
		return -ERANGE;
	if (pendi_engine_serving(engine))
		return -EDEADLK;
	if (!pendi_thread_number())
		return -EAGAIN;
	now_ns = pendi_clock_mono_ns();
	if (engine->flags & PEND_ENGINE_UNWATCHED)
		pendi_monitor_chores(engine, now_ns, true);
	shard = engine->shards[cpu];
	if (PENDI_UNLIKELY(engine->flags & PEND_ENGINE_POLLED &&
			   pendi_shard_server(shard) == PENDI_SERVER_MONITOR))
		pendi_home_return(shard, now_ns);
	(void)pendi_visit_begin(&visitor, engine); /* the thread has a number */
	done = poll_shard(&visitor, shard, budget < INT32_MAX ? budget : INT32_MAX - 16, now_ns);
	pendi_visit_end(&visitor);
	return (int)done;
}
