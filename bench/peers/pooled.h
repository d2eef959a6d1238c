/* SPDX-License-Identifier: MIT */
/*
 * pooled.h - what the peers around a packaged table have in common: entries from the pool, sessions,
 * the account. Each such peer is an executable of its own, so there is one table in a process.
 *
 * The file that includes this defines a constant `table_of` and the four operations.
 */
#ifndef BENCH_PEERS_POOLED_H
#define BENCH_PEERS_POOLED_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/driver_origin.h"
#include "bench/measure/impl.h"
#include "bench/measure/pages.h"
#include "bench/peers/pool.h"
#include "bench/peers/worker.h"

struct session {
	_Alignas(128) struct peer_cache
		cache; /* first: peer_pool_taken() walks sessions as caches */
	struct table *table;
};

struct table {
	struct peer_pool pool;
	uint64_t buckets; /* grows if the table does */
	uint32_t value_size;
	uint32_t threads;
	struct session *sessions;
};

/* The packaged table. */
struct pooled {
	/* 0, -ENOMEM, or -EOPNOTSUPP for keys or values that it does not take; @room: of the pool.
	 * Writes the size of an entry. */
	int (*create)(const struct bench_shape *shape, uint64_t room, size_t *entry_bytes);
	void (*destroy)(void);
	uint64_t (*buckets)(void);
	uint64_t (*size)(void);
};

static const struct pooled table_of;

static void map_destroy(void *opaque)
{
	struct table *table = opaque;

	table_of.destroy();
	peer_pool_fini(&table->pool);
	bench_pages_unmap(table->sessions, table->threads * sizeof(struct session));
	free(table);
}

/* The pool and the sessions, once the packaged table is there. */
static int furnish(struct table *table, uint64_t room, size_t entry_bytes)
{
	if (peer_pool_init(&table->pool, room, entry_bytes)) {
		table_of.destroy();
		free(table);
		return -ENOMEM;
	}
	table->sessions = bench_pages_map(table->threads * sizeof(struct session));
	if (!table->sessions) {
		map_destroy(table);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < table->threads; i++)
		table->sessions[i].table = table;
	table->buckets = table_of.buckets();
	return 0;
}

static int map_create(const struct bench_shape *shape, void **opaque)
{
	const uint64_t room = shape->max_entries + (uint64_t)shape->threads * PEER_CACHE_ITEMS;
	struct table *table = aligned_alloc(_Alignof(struct table), sizeof(*table));
	size_t entry_bytes = 0;
	int error;

	if (!table)
		return -ENOMEM;
	*table = (struct table){ .value_size = shape->value_size, .threads = shape->threads };
	error = table_of.create(shape, room, &entry_bytes);
	if (error) {
		free(table);
		return error;
	}
	error = furnish(table, room, entry_bytes);
	if (!error)
		*opaque = table;
	return error;
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
	return (int64_t)table_of.size();
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
	if (table->buckets != table_of.buckets()) {
		snprintf(why, why_size, "the table has grown: its figures mean nothing");
		return -EBADMSG;
	}
	return 0;
}

/* What such a program is. @drive: the loops, inlined around its operations. */
static int pooled_main(const char *name, void (*drive)(struct bench_lane *, enum bench_loop))
{
	const struct bench_impl impl = {
		.name = name,
		.abilities = BENCH_KEYS | BENCH_PEER,
		.create = map_create,
		.destroy = map_destroy,
		.session = map_session,
		.enter = map_enter,
		.leave = map_enter,
		.live = map_live,
		.audit = map_audit,
		.drive = drive,
	};

	return bench_worker_main(&impl);
}

#endif
