/* SPDX-License-Identifier: MIT */
/*
 * pendmap_engine.c - pendmap in an engine: deadlines are kept, completions are deferred to the CPU
 * that pended.
 *
 * "pendmap-engine" has no thread of its own: whoever completes polls his own shard after every 16
 * completions, and, now and then, those of the other threads of the table, of which nobody may be
 * there to poll. "pendmap-executor" leaves all that to the engine's executors, which share the CPUs
 * with the threads that measure.
 *
 * A pend that finds the table full while completions wait to be served is not refused, but served
 * and tried again; it is counted as retried.
 */
#include <sched.h>

#include <pendmap/control.h>

#include "bench/impls/pendmap_ops.h"
#include "bench/measure/clock.h"
#include "bench/measure/driver_origin.h"
#include "platform/atomic.h"

#define POLL_EVERY 16u
#define POLL_BUDGET 64u
#define LONG_NS 3600000000000u /* nothing expires during a run */
#define PATIENCE_NS 10000000000u

static void told(void *context, const struct pend_operation *operation)
{
	struct table *table = context;

	(void)operation;
	/* relaxed: a count. */
	(void)pendi_fetch_add_relaxed(&table->told, 1);
}

static uint32_t cpu_of(const struct session *session)
{
	/* relaxed: whoever polls the wrong shard polls again. */
	return pendi_load_relaxed(&session->cpu);
}

/* Whether all that was completed was told. relaxed: counts. */
static bool is_served(const struct table *table)
{
	uint64_t decided = 0;

	for (uint32_t i = 0; i < table->threads; i++)
		decided += pendi_load_relaxed(&table->sessions[i].decided);
	return decided == pendi_load_relaxed(&table->told);
}

/* Serves all shards of the table's threads until there is nothing to do; and if that was not all,
 * every shard: threads that are not pinned leave work behind. */
static void poll_all(struct table *table)
{
	for (uint32_t i = 0; i < table->threads; i++)
		while (pend_engine_poll(table->engine, cpu_of(&table->sessions[i]), 1024) >= 1024)
			;
	for (uint32_t cpu = 0; !is_served(table) && cpu < CPU_SETSIZE; cpu++)
		while (pend_engine_poll(table->engine, cpu, 1024) >= 1024)
			;
}

static inline void count_completions(struct session *session, uint32_t count)
{
	/* relaxed, both: a count of its own. */
	pendi_store_relaxed(&session->decided, pendi_load_relaxed(&session->decided) + count);
	session->unpolled += count;
	if (session->unpolled < POLL_EVERY)
		return;
	session->unpolled = 0;
	(void)pend_engine_poll(session->table->engine, cpu_of(session), POLL_BUDGET);
}

/* The table is full; perhaps only of what was completed and not served, or of what somebody who is
 * preempted is about to serve. */
static __attribute__((noinline, cold)) int pend_again(struct session *session,
						      const struct pend_request *request,
						      uint64_t *handle)
{
	const uint64_t until_ns = bench_clock_ns() + PATIENCE_NS;
	bool served = false;
	int result = -ENOSPC;

	/* A refusal is the map's own only if all was served before the try. */
	while (result == -ENOSPC && !served && bench_clock_ns() < until_ns) {
		served = is_served(session->table);
		if (!served)
			poll_all(session->table);
		session->retried++;
		result = pend_map_pend(session->map, request, handle);
		if (result == -ENOSPC && !served)
			sched_yield(); /* whoever is about to serve may be preempted */
	}
	return result;
}

static int engine_pend(void *opaque, const void *key, const void *value, uint64_t *handle)
{
	struct session *session = opaque;
	const struct pend_request request = request_of(session, key, value);
	const int result = pend_map_pend(session->map, &request, handle);

	return BENCH_UNLIKELY(result == -ENOSPC) ? pend_again(session, &request, handle) : result;
}

static int engine_complete(void *opaque, uint64_t handle)
{
	const int result = map_complete(opaque, handle);

	count_completions(opaque, 1);
	return result;
}

static int engine_complete_key(void *opaque, const void *key)
{
	const int result = map_complete_key(opaque, key);

	count_completions(opaque, 1);
	return result;
}

static uint32_t engine_pend_batch(void *opaque, const unsigned char *keys,
				  const unsigned char *values, uint32_t count, uint64_t *handles,
				  int *results)
{
	struct session *session = opaque;
	uint32_t done = map_pend_batch(opaque, keys, values, count, handles, results);

	for (uint32_t i = 0; done < count && i < count; i++) {
		if (results[i] != -ENOSPC)
			continue;
		results[i] = pend_again(session, &session->requests[i], &handles[i]);
		done += results[i] == 0;
	}
	return done;
}

static uint32_t engine_complete_batch(void *opaque, const uint64_t *handles, uint32_t count)
{
	const uint32_t done = map_complete_batch(opaque, handles, count);

	count_completions(opaque, count);
	return done;
}

static uint32_t engine_complete_key_batch(void *opaque, const unsigned char *keys, uint32_t count)
{
	const uint32_t done = map_complete_key_batch(opaque, keys, count);

	count_completions(opaque, count);
	return done;
}

static void engine_tick(void *opaque)
{
	struct session *session = opaque;
	const uint32_t own = cpu_of(session);

	map_tick(opaque);
	for (uint32_t i = 0; i < session->table->threads; i++) {
		const uint32_t cpu = cpu_of(&session->table->sessions[i]);

		if (cpu != own)
			(void)pend_engine_poll(session->table->engine, cpu, POLL_BUDGET);
	}
}

/* How many operations came to their end since the last call. */
static uint32_t count_told(struct session *session)
{
	/* relaxed: a count. */
	const uint64_t now = pendi_load_relaxed(&session->table->told);
	const uint32_t more = (uint32_t)(now - session->told_seen);

	session->told_seen = now;
	return more;
}

static uint32_t polled_finish(void *opaque, uint32_t budget)
{
	struct session *session = opaque;

	(void)pend_engine_poll(session->table->engine, cpu_of(session), budget);
	return count_told(session);
}

/* The executor is on this CPU, too. */
static uint32_t executor_finish(void *opaque, uint32_t budget)
{
	const uint32_t more = count_told(opaque);

	(void)budget;
	if (!more)
		sched_yield();
	return more;
}

static void engine_enter(void *opaque)
{
	struct session *session = opaque;

	/* relaxed, both: whoever polls the wrong shard polls again; a count. */
	pendi_store_relaxed(&session->cpu, (uint32_t)sched_getcpu());
	session->told_seen = pendi_load_relaxed(&session->table->told);
	map_tick(opaque);
}

static void engine_leave(void *session)
{
	(void)session;
}

static void engine_destroy(void *opaque)
{
	struct table *table = opaque;

	pend_map_destroy(table->map);
	pend_engine_destroy(table->engine);
	free(table);
}

static int create(const struct bench_shape *shape, uint32_t engine_flags, void **opaque)
{
	struct pend_engine_options engine_options = pend_engine_options_default();
	struct pend_map_options options = options_of(shape);
	struct table *table;
	int error;

	engine_options.flags = engine_flags;
	engine_options.queue_entries = 1u << 18;
	error = pend_engine_create(&engine_options, &options.engine);
	if (error)
		return error;
	options.flags = PEND_MAP_ENABLED;
	options.deadline_ns = LONG_NS;
	options.on_complete = told;
	error = pend_engine_enable(options.engine);
	if (!error)
		error = make_table(shape, &options, &table);
	if (error) {
		pend_engine_destroy(options.engine);
		return error;
	}
	*opaque = table;
	return 0;
}

static int polled_create(const struct bench_shape *shape, void **opaque)
{
	return create(shape, PEND_ENGINE_POLLED, opaque);
}

static int executor_create(const struct bench_shape *shape, void **opaque)
{
	return create(shape, 0, opaque);
}

static int64_t polled_live(void *opaque)
{
	poll_all(opaque);
	return map_live(opaque);
}

/* What is decided is delivered soon; what is not is live. */
static int64_t executor_live(void *opaque)
{
	const uint64_t until_ns = bench_clock_ns() + PATIENCE_NS;
	struct table *table = opaque;
	struct pend_shard_stats stats = { .size = sizeof(stats) };

	do {
		if (pend_engine_stats_read(table->engine, PEND_CPU_CURRENT, &stats))
			return -EIO;
	} while (stats.queued && bench_clock_ns() < until_ns);
	return map_live(opaque);
}

/* As map_audit(), and nobody was told twice. */
static int engine_audit(void *opaque, const struct bench_counts *counts, char *why, size_t why_size)
{
	struct table *table = opaque;
	const uint64_t delivered =
		pendi_load_relaxed(&table->told); /* relaxed: nobody counts now */
	const int error = map_audit(opaque, counts, why, why_size);

	if (error || delivered == counts->completed)
		return error;
	snprintf(why, why_size, "%llu were completed, but %llu were told",
		 (unsigned long long)counts->completed, (unsigned long long)delivered);
	return -EBADMSG;
}

static const struct bench_ops polled_ops = {
	.pend = engine_pend,
	.complete = engine_complete,
	.complete_key = engine_complete_key,
	.lookup = map_lookup,
	.pend_batch = engine_pend_batch,
	.complete_batch = engine_complete_batch,
	.complete_key_batch = engine_complete_key_batch,
	.lookup_batch = map_lookup_batch,
	.tick = engine_tick,
};

/* Where another thread finishes: nobody polls on the way. */
static const struct bench_ops origin_ops = {
	.pend = map_pend,
	.complete = map_complete,
	.complete_key = map_complete_key,
	.pend_batch = map_pend_batch,
	.complete_batch = map_complete_batch,
	.complete_key_batch = map_complete_key_batch,
	.tick = map_tick,
	.finish = polled_finish,
};

static const struct bench_ops executor_ops = {
	.pend = map_pend,
	.complete = map_complete,
	.complete_key = map_complete_key,
	.pend_batch = map_pend_batch,
	.complete_batch = map_complete_batch,
	.complete_key_batch = map_complete_key_batch,
	.tick = map_tick,
	.finish = executor_finish,
};

static void polled_drive(struct bench_lane *lane, enum bench_loop loop)
{
	if (loop == BENCH_LOOP_HOME || loop == BENCH_LOOP_AWAY)
		bench_drive_shared(&origin_ops, lane, loop);
	else
		bench_drive_shared(&polled_ops, lane, loop);
}

static void executor_drive(struct bench_lane *lane, enum bench_loop loop)
{
	bench_drive_shared(&executor_ops, lane, loop);
}

const struct bench_impl bench_impl_pendmap_engine = {
	.name = "pendmap-engine",
	.summary = "keyed map of an engine: deadlines kept, completions deferred and polled",
	.abilities = BENCH_KEYS | BENCH_BATCH | BENCH_BATCH_LOOKUP | BENCH_BY_CLOCK,
	.entry_bytes = 64 + 16 + 16,
	.create = polled_create,
	.destroy = engine_destroy,
	.session = map_session,
	.enter = engine_enter,
	.leave = engine_leave,
	.live = polled_live,
	.audit = engine_audit,
	.drive = polled_drive,
};

/* In no list of implementations: only where another thread finishes. */
const struct bench_impl bench_impl_pendmap_executor = {
	.name = "pendmap-executor",
	.summary = "keyed map of an engine whose executors finish",
	.abilities = BENCH_KEYS | BENCH_BATCH | BENCH_BY_CLOCK,
	.entry_bytes = 64 + 16 + 16,
	.create = executor_create,
	.destroy = engine_destroy,
	.session = map_session,
	.enter = engine_enter,
	.leave = engine_leave,
	.live = executor_live,
	.audit = engine_audit,
	.drive = executor_drive,
};
