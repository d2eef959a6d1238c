/* SPDX-License-Identifier: MIT */
/*
 * pendmap_ops.h - pendmap's calls as the loops want them, for pendmap_impl.c and pendmap_engine.c.
 *
 * Only the public API is called, through the static library; requests are built anew for each
 * call, results are checked.
 */
#ifndef BENCH_IMPLS_PENDMAP_OPS_H
#define BENCH_IMPLS_PENDMAP_OPS_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pendmap/engine.h>
#include <pendmap/lookup.h>
#include <pendmap/map.h>

#include "bench/measure/impl.h"

#define WALK_STRIDE 64u /* operations that one step of a walk reads */

struct session {
	_Alignas(128) struct pend_map *map;
	uint64_t now_ns; /* what requests carry: 0, or the caller's clock of the last tick */
	uint32_t key_size;
	uint32_t value_size;
	bool caller_clock;
	_Atomic uint32_t cpu; /* of an engine: whose shard is this thread's; others poll it too */
	uint32_t unpolled;    /* completions since the last poll */
	_Atomic uint64_t decided; /* completions by this thread */
	uint64_t retried;         /* pends that found the table full until it was polled */
	uint64_t told_seen;       /* of table->told, by who drives the loop */
	struct table *table;
	struct pend_cursor cursor; /* of a walk */
	struct pend_info infos[WALK_STRIDE];
	uint32_t actions[BENCH_BATCH_MAX];
	struct pend_request requests[BENCH_BATCH_MAX];
};

struct table {
	struct pend_map *map;
	struct pend_engine *engine;          /* or NULL */
	_Alignas(128) _Atomic uint64_t told; /* completions delivered */
	uint32_t threads;
	struct session sessions[];
};

static inline uint64_t boot_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline struct pend_request request_of(const struct session *session, const void *key,
					     const void *value)
{
	return (struct pend_request){
		.key = session->key_size ? key : NULL,
		.value = value,
		.key_size = session->key_size,
		.value_size = session->value_size,
		.now_ns = session->now_ns,
	};
}

static inline int map_pend(void *opaque, const void *key, const void *value, uint64_t *handle)
{
	struct session *session = opaque;
	const struct pend_request request = request_of(session, key, value);

	return pend_map_pend(session->map, &request, handle);
}

static inline int map_complete(void *opaque, uint64_t handle)
{
	struct session *session = opaque;

	return pend_map_complete(session->map, handle, PEND_ACTION_PERMIT_SOFT);
}

static inline int map_complete_key(void *opaque, const void *key)
{
	struct session *session = opaque;

	return pend_map_complete_key(session->map, key, session->key_size, PEND_ACTION_PERMIT_SOFT);
}

static inline int map_lookup(void *opaque, const void *key, void *value)
{
	struct session *session = opaque;

	return pend_map_lookup(session->map, key, session->key_size, NULL, value);
}

static inline uint32_t counted(int result)
{
	return result < 0 ? 0 : (uint32_t)result;
}

/* Values are not read: a walk looks for what has waited too long, say. */
static inline uint32_t map_walk(void *opaque)
{
	struct session *session = opaque;
	const uint32_t count = counted(
		pend_map_scan(session->map, &session->cursor, session->infos, NULL, WALK_STRIDE));

	if (!count)
		session->cursor = (struct pend_cursor){ 0 };
	return count;
}

static inline uint32_t map_pend_batch(void *opaque, const unsigned char *keys,
				      const unsigned char *values, uint32_t count,
				      uint64_t *handles, int *results)
{
	struct session *session = opaque;
	const size_t key_stride = session->key_size;

	for (uint32_t i = 0; i < count; i++)
		session->requests[i] = request_of(session, keys + i * key_stride,
						  values + (size_t)i * session->value_size);

	const int result =
		pend_map_pend_batch(session->map, session->requests, count, handles, results);

	for (uint32_t i = 0; result < 0 && i < count; i++)
		results[i] = result;
	return counted(result);
}

static inline uint32_t map_complete_batch(void *opaque, const uint64_t *handles, uint32_t count)
{
	struct session *session = opaque;

	return counted(
		pend_map_complete_batch(session->map, handles, session->actions, count, NULL));
}

static inline uint32_t map_complete_key_batch(void *opaque, const unsigned char *keys,
					      uint32_t count)
{
	struct session *session = opaque;

	return counted(
		pend_map_complete_key_batch(session->map, keys, session->actions, count, NULL));
}

static inline uint32_t map_lookup_batch(void *opaque, const unsigned char *keys, uint32_t count,
					unsigned char *values)
{
	struct session *session = opaque;

	return counted(pend_map_lookup_batch(session->map, keys, count, NULL, values, NULL));
}

static inline void map_tick(void *opaque)
{
	struct session *session = opaque;

	if (session->caller_clock)
		session->now_ns = boot_clock_ns();
}

/* The options of a table of @shape. */
static inline struct pend_map_options options_of(const struct bench_shape *shape)
{
	struct pend_map_options options = pend_map_options_default();

	options.max_entries = (uint32_t)shape->max_entries;
	options.key_size = shape->key_size;
	options.value_size = shape->value_size;
	options.hash_seed = shape->seed;
	return options;
}

/* A table of a map with @options, which is its own: `context` becomes the table. */
static inline int make_table(const struct bench_shape *shape, struct pend_map_options *options,
			     struct table **out)
{
	const size_t bytes = sizeof(struct table) + shape->threads * sizeof(struct session);
	struct table *table = aligned_alloc(_Alignof(struct table), bytes);

	if (!table)
		return -ENOMEM;
	memset(table, 0, bytes);
	options->context = table;
	const int error = pend_map_create(options, &table->map);

	if (error) {
		free(table);
		return error;
	}
	table->threads = shape->threads;
	for (uint32_t i = 0; i < shape->threads; i++) {
		struct session *session = &table->sessions[i];

		session->map = table->map;
		session->table = table;
		session->key_size = options->key_size;
		session->value_size = shape->value_size;
		session->caller_clock = shape->caller_clock;
		for (uint32_t n = 0; n < BENCH_BATCH_MAX; n++)
			session->actions[n] = PEND_ACTION_PERMIT_SOFT;
	}
	table->engine = options->engine;
	*out = table;
	return 0;
}

static inline void *map_session(void *opaque, uint32_t thread)
{
	return &((struct table *)opaque)->sessions[thread];
}

static inline int64_t map_live(void *opaque)
{
	const struct table *table = opaque;

	return pend_map_count(table->map);
}

static inline int map_audit(void *opaque, const struct bench_counts *counts, char *why,
			    size_t why_size)
{
	const struct table *table = opaque;
	struct pend_map_stats stats = { .size = sizeof(stats) };
	uint64_t retried = 0;

	for (uint32_t i = 0; i < table->threads; i++)
		retried += table->sessions[i].retried;

	const int error = pend_map_stats_read(table->map, &stats);
	const struct {
		const char *name;
		uint64_t theirs, ours;
	} pairs[] = {
		{ "pends", stats.pends, counts->inserted },
		{ "completions", stats.completions, counts->completed },
		{ "by_orchestrator", stats.by_orchestrator, counts->completed },
		{ "live", stats.live, counts->inserted - counts->completed },
		{ "refused_full", stats.refused_full, counts->refused + retried },
		{ "refused_key", stats.refused_key, counts->duplicate },
		{ "refused_reserve", stats.refused_reserve, counts->delayed },
		{ "late", stats.late, 0 },
		{ "duplicates", stats.duplicates, 0 },
	};

	if (error) {
		snprintf(why, why_size, "pend_map_stats_read() answers %d", error);
		return -EBADMSG;
	}
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (pairs[i].theirs == pairs[i].ours)
			continue;
		snprintf(why, why_size, "stats.%s is %llu, but %llu were answered", pairs[i].name,
			 (unsigned long long)pairs[i].theirs, (unsigned long long)pairs[i].ours);
		return -EBADMSG;
	}
	return 0;
}

#endif
