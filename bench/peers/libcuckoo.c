/* SPDX-License-Identifier: MIT */
/*
 * libcuckoo.c - the peer "libcuckoo": a cuckoohash_map of pooled entries.
 *
 * The table has room for twice max_entries, on huge pages, so it is at most half full and never
 * grows. It holds addresses of entries, for it moves what it holds. An entry begins with its key,
 * so a "handle", the entry's address, is completed by that key; hashing again is all it costs. The
 * pool is the bound: max_entries and what thread caches hold. The calls of C++ stand in
 * cuckoo_table.cpp; link-time optimization lets the compiler see through them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/driver_origin.h"
#include "bench/measure/impl.h"
#include "bench/measure/pages.h"
#include "bench/peers/cuckoo_table.h"
#include "bench/peers/hash.h"
#include "bench/peers/pool.h"
#include "bench/peers/worker.h"

struct entry {
	uint64_t key;
	unsigned char value[];
};

struct session {
	_Alignas(128) struct peer_cache
		cache; /* first: peer_pool_taken() walks sessions as caches */
	struct table *table;
};

struct table {
	struct peer_pool pool;
	uint64_t capacity;
	uint32_t value_size;
	uint32_t threads;
	struct session *sessions;
};

static int map_pend(void *opaque, const void *key, const void *value, uint64_t *token)
{
	struct session *session = opaque;
	struct table *table = session->table;
	struct entry *entry = peer_pool_take(&table->pool, &session->cache);

	if (!entry)
		return -ENOSPC;
	memcpy(&entry->key, key, sizeof(entry->key));
	peer_copy(entry->value, value, table->value_size);
	if (!cuckoo_insert(entry->key, entry)) {
		peer_pool_give(&table->pool, &session->cache, entry);
		return -EEXIST;
	}
	*token = (uint64_t)(uintptr_t)entry;
	return 0;
}

static int map_complete_key(void *opaque, const void *key)
{
	struct session *session = opaque;
	uint64_t number;

	memcpy(&number, key, sizeof(number));
	void *entry = cuckoo_erase(number);

	if (!entry)
		return -ENOENT;
	peer_pool_give(&session->table->pool, &session->cache, entry);
	return 0;
}

static int map_complete(void *opaque, uint64_t token)
{
	return map_complete_key(opaque, &((const struct entry *)(uintptr_t)token)->key);
}

static int map_lookup(void *opaque, const void *key, void *value)
{
	const struct session *session = opaque;
	uint64_t number;

	memcpy(&number, key, sizeof(number));
	return cuckoo_copy(number, offsetof(struct entry, value), value, session->table->value_size)
		       ? 0
		       : -ENOENT;
}

static void map_destroy(void *opaque)
{
	struct table *table = opaque;

	cuckoo_destroy();
	peer_pool_fini(&table->pool);
	bench_pages_unmap(table->sessions, table->threads * sizeof(struct session));
	free(table);
}

static int map_create(const struct bench_shape *shape, void **opaque)
{
	struct table *table;

	if (shape->key_size != sizeof(uint64_t))
		return -EOPNOTSUPP;
	table = aligned_alloc(_Alignof(struct table), sizeof(*table));
	if (!table)
		return -ENOMEM;
	*table = (struct table){ .value_size = shape->value_size, .threads = shape->threads };
	if (peer_pool_init(&table->pool,
			   shape->max_entries + (uint64_t)shape->threads * PEER_CACHE_ITEMS,
			   sizeof(struct entry) + shape->value_size)) {
		free(table);
		return -ENOMEM;
	}
	table->sessions = bench_pages_map(shape->threads * sizeof(struct session));
	if (!table->sessions || cuckoo_create(shape->seed, 2 * shape->max_entries)) {
		map_destroy(table);
		return -ENOMEM;
	}
	table->capacity = cuckoo_capacity();
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
	return (int64_t)cuckoo_size();
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
	if (table->capacity != cuckoo_capacity()) {
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
		.name = "libcuckoo",
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
