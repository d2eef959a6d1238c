/* SPDX-License-Identifier: MIT */
/*
 * tbb.c - the peer "tbb": concurrent_hash_map with the values in its nodes.
 *
 * The table grows at one entry for each bucket, so it has the power of two above max_entries of
 * them, made at once on huge pages, and does not. Nodes are blocks of the pool, cache-aligned; the
 * table allocates nothing. It has no way to remove a node by its address, so a "handle" is the key.
 * The pool is the bound: max_entries and what thread caches hold. The calls of C++ stand in
 * tbb_table.cpp; link-time optimization lets the compiler see through them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/driver_origin.h"
#include "bench/measure/impl.h"
#include "bench/measure/pages.h"
#include "bench/peers/pool.h"
#include "bench/peers/tbb_table.h"
#include "bench/peers/worker.h"

struct session {
	_Alignas(128) struct peer_cache
		cache; /* first: peer_pool_taken() walks sessions as caches */
	struct table *table;
};

struct table {
	struct peer_pool pool;
	uint64_t buckets;
	uint32_t value_size;
	uint32_t threads;
	struct session *sessions;
};

static int map_pend(void *opaque, const void *key, const void *value, uint64_t *token)
{
	struct session *session = opaque;
	struct table *table = session->table;
	void *block = peer_pool_take(&table->pool, &session->cache);
	uint64_t number;

	if (!block)
		return -ENOSPC;
	memcpy(&number, key, sizeof(number));
	if (!tbb_insert(number, value, table->value_size, block)) {
		peer_pool_give(&table->pool, &session->cache, block);
		return -EEXIST;
	}
	*token = number;
	return 0;
}

static int map_complete(void *opaque, uint64_t token)
{
	struct session *session = opaque;
	void *block = tbb_erase(token);

	if (!block)
		return -ENOENT;
	peer_pool_give(&session->table->pool, &session->cache, block);
	return 0;
}

static int map_complete_key(void *opaque, const void *key)
{
	uint64_t number;

	memcpy(&number, key, sizeof(number));
	return map_complete(opaque, number);
}

static int map_lookup(void *opaque, const void *key, void *value)
{
	const struct session *session = opaque;
	uint64_t number;

	memcpy(&number, key, sizeof(number));
	return tbb_copy(number, value, session->table->value_size) ? 0 : -ENOENT;
}

static void map_destroy(void *opaque)
{
	struct table *table = opaque;

	tbb_destroy();
	peer_pool_fini(&table->pool);
	bench_pages_unmap(table->sessions, table->threads * sizeof(struct session));
	free(table);
}

static int map_create(const struct bench_shape *shape, void **opaque)
{
	const uint64_t room = shape->max_entries + (uint64_t)shape->threads * PEER_CACHE_ITEMS;
	struct table *table;

	if (shape->key_size != sizeof(uint64_t) || shape->value_size > TBB_VALUE_BYTES)
		return -EOPNOTSUPP;
	table = aligned_alloc(_Alignof(struct table), sizeof(*table));
	if (!table)
		return -ENOMEM;
	*table = (struct table){ .value_size = shape->value_size, .threads = shape->threads };
	if (tbb_create(shape->seed, room)) {
		free(table);
		return -ENOMEM;
	}
	if (peer_pool_init(&table->pool, room, tbb_node_bytes())) {
		tbb_destroy();
		free(table);
		return -ENOMEM;
	}
	table->sessions = bench_pages_map(shape->threads * sizeof(struct session));
	if (!table->sessions) {
		map_destroy(table);
		return -ENOMEM;
	}
	table->buckets = tbb_buckets();
	for (uint32_t i = 0; i < shape->threads; i++)
		table->sessions[i].table = table;
	*opaque = table;
	return 0;
}

static void *map_session(void *opaque, uint32_t thread)
{
	return &((struct table *)opaque)->sessions[thread];
}

static void map_enter(void *session)
{
	(void)session;
}

static int64_t map_live(void *opaque)
{
	(void)opaque;
	return (int64_t)tbb_size();
}

static int map_audit(void *opaque, const struct bench_counts *counts, char *why, size_t why_size)
{
	struct table *table = opaque;
	const uint64_t taken = peer_pool_taken(&table->pool, table->sessions, table->threads,
					       sizeof(struct session));

	if (taken != counts->inserted - counts->completed) {
		snprintf(why, why_size, "%llu entries are out of the pool",
			 (unsigned long long)taken);
		return -EBADMSG;
	}
	if (table->buckets != tbb_buckets()) {
		snprintf(why, why_size, "the table has grown: its figures mean nothing");
		return -EBADMSG;
	}
	return 0;
}

static const struct bench_ops map_ops = {
	.pend = map_pend,
	.complete = map_complete,
	.complete_key = map_complete_key,
	.lookup = map_lookup,
};

static void map_drive(struct bench_lane *lane, enum bench_loop loop)
{
	bench_drive_shared(&map_ops, lane, loop);
}

int main(void)
{
	static const struct bench_impl impl = {
		.name = "tbb",
		.abilities = BENCH_KEYS | BENCH_PEER,
		.create = map_create,
		.destroy = map_destroy,
		.session = map_session,
		.enter = map_enter,
		.leave = map_enter,
		.live = map_live,
		.audit = map_audit,
		.drive = map_drive,
	};

	return bench_worker_main(&impl);
}
