/* SPDX-License-Identifier: MIT */
/*
 * pendmap_impl.c - pendmap as a user calls it, three ways.
 *
 * "pendmap" has keys and completes by handle or by key; "pendmap-id" has no keys, so nothing is
 * hashed; "pendmap-pointers" has keys, hands out pointers inside an epoch and recycles through
 * it. Only the public API is called, through the static library; requests are built anew for each
 * call, results are checked, nobody is told of completions (peers tell nobody either).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pendmap/epoch.h>
#include <pendmap/map.h>

#include "bench/driver.h"
#include "bench/impl.h"

struct session {
	_Alignas(128) struct pend_map *map;
	uint64_t now_ns; /* what requests carry: 0, or the caller's clock of the last tick */
	uint32_t key_size;
	uint32_t value_size;
	bool caller_clock;
	uint32_t actions[BENCH_BATCH_MAX];
	struct pend_request requests[BENCH_BATCH_MAX];
};

struct table {
	struct pend_map *map;
	uint32_t threads;
	struct session sessions[];
};

static uint64_t boot_clock_ns(void)
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

static int map_pend(void *opaque, const void *key, const void *value, uint64_t *handle)
{
	struct session *session = opaque;
	const struct pend_request request = request_of(session, key, value);

	return pend_map_pend(session->map, &request, handle);
}

static int map_complete(void *opaque, uint64_t handle)
{
	struct session *session = opaque;

	return pend_map_complete(session->map, handle, PEND_ACTION_PERMIT_SOFT);
}

static int map_complete_key(void *opaque, const void *key)
{
	struct session *session = opaque;

	return pend_map_complete_key(session->map, key, session->key_size, PEND_ACTION_PERMIT_SOFT);
}

static int map_lookup(void *opaque, const void *key, void *value)
{
	struct session *session = opaque;

	return pend_map_lookup(session->map, key, session->key_size, NULL, value);
}

/* The value is copied out, as every other implementation's lookup does. */
static int map_peek(void *opaque, const void *key, void *value)
{
	struct session *session = opaque;
	const void *found;
	int result = pend_epoch_enter();

	if (result)
		return result;
	result = pend_map_peek_key(session->map, key, session->key_size, NULL, &found);
	if (result == 0 && session->value_size == 128)
		memcpy(value, found, 128);
	else if (result == 0)
		memcpy(value, found, session->value_size);
	pend_epoch_exit();
	return result;
}

static uint32_t counted(int result)
{
	return result < 0 ? 0 : (uint32_t)result;
}

static uint32_t map_pend_batch(void *opaque, const unsigned char *keys, const unsigned char *values,
			       uint32_t count, uint64_t *handles, int *results)
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

static uint32_t map_complete_batch(void *opaque, const uint64_t *handles, uint32_t count)
{
	struct session *session = opaque;

	return counted(
		pend_map_complete_batch(session->map, handles, session->actions, count, NULL));
}

static uint32_t map_complete_key_batch(void *opaque, const unsigned char *keys, uint32_t count)
{
	struct session *session = opaque;

	return counted(
		pend_map_complete_key_batch(session->map, keys, session->actions, count, NULL));
}

static uint32_t map_lookup_batch(void *opaque, const unsigned char *keys, uint32_t count,
				 unsigned char *values)
{
	struct session *session = opaque;

	return counted(pend_map_lookup_batch(session->map, keys, count, NULL, values, NULL));
}

static void map_tick(void *opaque)
{
	struct session *session = opaque;

	if (session->caller_clock)
		session->now_ns = boot_clock_ns();
}

static void map_destroy(void *opaque)
{
	struct table *table = opaque;

	pend_map_destroy(table->map);
	free(table);
}

static int make(const struct bench_shape *shape, uint32_t key_size, uint32_t flags, void **opaque)
{
	struct pend_map_options options = pend_map_options_default();
	const size_t bytes = sizeof(struct table) + shape->threads * sizeof(struct session);
	struct table *table = aligned_alloc(_Alignof(struct table), bytes);

	if (!table)
		return -ENOMEM;
	memset(table, 0, bytes);
	options.flags = flags;
	options.max_entries = (uint32_t)shape->max_entries;
	options.key_size = key_size;
	options.value_size = shape->value_size;
	options.hash_seed = shape->seed;
	const int error = pend_map_create(&options, &table->map);

	if (error) {
		free(table);
		return error;
	}
	table->threads = shape->threads;
	for (uint32_t i = 0; i < shape->threads; i++) {
		struct session *session = &table->sessions[i];

		session->map = table->map;
		session->key_size = key_size;
		session->value_size = shape->value_size;
		session->caller_clock = shape->caller_clock;
		for (uint32_t n = 0; n < BENCH_BATCH_MAX; n++)
			session->actions[n] = PEND_ACTION_PERMIT_SOFT;
	}
	*opaque = table;
	return 0;
}

static int map_create(const struct bench_shape *shape, void **table)
{
	return make(shape, shape->key_size, 0, table);
}

static int map_create_id(const struct bench_shape *shape, void **table)
{
	return make(shape, 0, 0, table);
}

static int map_create_pointers(const struct bench_shape *shape, void **table)
{
	return make(shape, shape->key_size, PEND_MAP_POINTERS, table);
}

static void *map_session(void *opaque, uint32_t thread)
{
	return &((struct table *)opaque)->sessions[thread];
}

static void map_enter(void *session)
{
	map_tick(session);
}

static void map_leave(void *session)
{
	(void)session; /* a thread of pendmap needs no farewell */
}

static int64_t map_live(void *opaque)
{
	const struct table *table = opaque;

	return pend_map_count(table->map);
}

static int map_audit(void *opaque, const struct bench_counts *counts, char *why, size_t why_size)
{
	const struct table *table = opaque;
	struct pend_map_stats stats = { .size = sizeof(stats) };
	const int error = pend_map_stats_read(table->map, &stats);
	const struct {
		const char *name;
		uint64_t theirs, ours;
	} pairs[] = {
		{ "pends", stats.pends, counts->inserted },
		{ "completions", stats.completions, counts->completed },
		{ "by_orchestrator", stats.by_orchestrator, counts->completed },
		{ "live", stats.live, counts->inserted - counts->completed },
		{ "refused_full", stats.refused_full, counts->refused },
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

static const struct bench_ops keyed_ops = {
	.pend = map_pend,
	.complete = map_complete,
	.complete_key = map_complete_key,
	.lookup = map_lookup,
	.pend_batch = map_pend_batch,
	.complete_batch = map_complete_batch,
	.complete_key_batch = map_complete_key_batch,
	.lookup_batch = map_lookup_batch,
	.tick = map_tick,
};

static const struct bench_ops id_ops = {
	.pend = map_pend,
	.complete = map_complete,
	.pend_batch = map_pend_batch,
	.complete_batch = map_complete_batch,
	.tick = map_tick,
};

static const struct bench_ops pointers_ops = {
	.pend = map_pend,
	.complete = map_complete,
	.complete_key = map_complete_key,
	.lookup = map_peek,
	.pend_batch = map_pend_batch,
	.complete_batch = map_complete_batch,
	.complete_key_batch = map_complete_key_batch,
	.tick = map_tick,
};

static void keyed_drive(struct bench_lane *lane, enum bench_loop loop)
{
	bench_drive(&keyed_ops, lane, loop);
}

static void id_drive(struct bench_lane *lane, enum bench_loop loop)
{
	bench_drive(&id_ops, lane, loop);
}

static void pointers_drive(struct bench_lane *lane, enum bench_loop loop)
{
	bench_drive(&pointers_ops, lane, loop);
}

const struct bench_impl bench_impl_pendmap = {
	.name = "pendmap",
	.summary = "keyed map, validated copies, slots recycle at once",
	.abilities = BENCH_KEYS | BENCH_BATCH | BENCH_BATCH_LOOKUP,
	.entry_bytes = 64 + 16,
	.create = map_create,
	.destroy = map_destroy,
	.session = map_session,
	.enter = map_enter,
	.leave = map_leave,
	.live = map_live,
	.audit = map_audit,
	.drive = keyed_drive,
};

const struct bench_impl bench_impl_pendmap_id = {
	.name = "pendmap-id",
	.summary = "map without keys: handles only, nothing is hashed",
	.abilities = BENCH_BATCH,
	.entry_bytes = 64,
	.create = map_create_id,
	.destroy = map_destroy,
	.session = map_session,
	.enter = map_enter,
	.leave = map_leave,
	.live = map_live,
	.audit = map_audit,
	.drive = id_drive,
};

const struct bench_impl bench_impl_pendmap_pointers = {
	.name = "pendmap-pointers",
	.summary = "keyed map with PEND_MAP_POINTERS: slots recycle through the epoch",
	.abilities = BENCH_KEYS | BENCH_BATCH,
	.entry_bytes = 128 + 16,
	.create = map_create_pointers,
	.destroy = map_destroy,
	.session = map_session,
	.enter = map_enter,
	.leave = map_leave,
	.live = map_live,
	.audit = map_audit,
	.drive = pointers_drive,
};
