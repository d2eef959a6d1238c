/* SPDX-License-Identifier: MIT */
/*
 * urcu_lfht.c - the peer of the trade: liburcu's lock-free hash table, cds_lfht.
 *
 * Compiled once for each flavour of RCU (PEER_QSBR 0: membarrier, 1: quiescent states), with the
 * read side inlined. As fast as we know how to set it up: as many buckets as max_entries rounded
 * up to a power of two, one table without resizing and without its own accounting, on huge pages;
 * add_unique; nodes from the pool, cache-aligned; removed nodes wait in a limbo of 1024 for one
 * synchronize_rcu(). A node is completed by its address ("handle") with cds_lfht_del().
 *
 * The table has no bound of its own. The pool is the bound, and as nodes in limbo and in another
 * thread's cache are not to be had, it is max_entries and that slack: more generous than exact,
 * and cheaper.
 */
#include <errno.h>
#include <stdlib.h>

#define _LGPL_SOURCE
#define URCU_API_MAP
#if PEER_QSBR
#include <urcu/urcu-qsbr.h>
#else
#include <urcu/urcu-memb.h>
#endif
#include <urcu/rculfhash.h>

#include "bench/measure/driver_origin.h"
#include "bench/measure/impl.h"
#include "bench/measure/pages.h"
#include "bench/peers/hash.h"
#include "bench/peers/pool.h"

#define LIMBO_NODES 1024u
#define BUCKETS_MIN 64u

struct entry {
	struct cds_lfht_node node;
	unsigned char payload[]; /* the key, padded to 8 bytes, and the value */
};

_Static_assert(offsetof(struct entry, node) == 0, "entry_of() casts");

/* caa_container_of() would cast const away. */
static struct entry *entry_of(struct cds_lfht_node *node)
{
	return (struct entry *)(void *)node;
}

struct session {
	_Alignas(128) struct peer_cache
		cache; /* first: peer_pool_taken() walks sessions as caches */
	struct table *table;
	uint32_t limbo_count;
	struct entry *limbo[LIMBO_NODES];
};

struct table {
	struct peer_hash hash;
	struct peer_pool pool;
	struct cds_lfht *lfht;
	uint32_t key_size;
	uint32_t value_offset;
	uint32_t value_size;
	uint32_t threads;
	struct session *sessions;
};

struct probe {
	const void *key;
	uint32_t size;
};

static int match(struct cds_lfht_node *node, const void *opaque)
{
	const struct entry *entry = entry_of(node);
	const struct probe *probe = opaque;

	return peer_keys_equal(entry->payload, probe->key, probe->size);
}

/* Outside a reader section: no reader can hold what is in limbo after this. */
static void flush_limbo(struct session *session)
{
	if (!session->limbo_count)
		return;
	synchronize_rcu();
	for (uint32_t i = 0; i < session->limbo_count; i++)
		peer_pool_give(&session->table->pool, &session->cache, session->limbo[i]);
	session->limbo_count = 0;
}

static void retire(struct session *session, struct entry *entry)
{
	session->limbo[session->limbo_count++] = entry;
	if (session->limbo_count == LIMBO_NODES)
		flush_limbo(session);
}

static struct entry *take(struct session *session)
{
	struct entry *entry = peer_pool_take(&session->table->pool, &session->cache);

	if (!entry && session->limbo_count) {
		flush_limbo(session);
		entry = peer_pool_take(&session->table->pool, &session->cache);
	}
	return entry;
}

static int lfht_pend(void *opaque, const void *key, const void *value, uint64_t *token)
{
	struct session *session = opaque;
	struct table *table = session->table;
	struct entry *entry = take(session);

	if (!entry)
		return -ENOSPC;
	peer_copy(entry->payload, key, table->key_size);
	peer_copy(entry->payload + table->value_offset, value, table->value_size);

	const struct probe probe = { key, table->key_size };
	const uint64_t hash = peer_hash_key(&table->hash, key, table->key_size);

	rcu_read_lock();
	const struct cds_lfht_node *added =
		cds_lfht_add_unique(table->lfht, hash, match, &probe, &entry->node);

	rcu_read_unlock();
	if (added != &entry->node) {
		peer_pool_give(&table->pool, &session->cache, entry); /* was never published */
		return -EEXIST;
	}
	*token = (uint64_t)(uintptr_t)entry;
	return 0;
}

static int lfht_complete(void *opaque, uint64_t token)
{
	struct session *session = opaque;
	struct entry *entry = (struct entry *)(uintptr_t)token;

	rcu_read_lock();
	const int error = cds_lfht_del(session->table->lfht, &entry->node);

	rcu_read_unlock();
	if (error)
		return -ENOENT;
	retire(session, entry);
	return 0;
}

static int lfht_complete_key(void *opaque, const void *key)
{
	struct session *session = opaque;
	struct table *table = session->table;
	const struct probe probe = { key, table->key_size };
	const uint64_t hash = peer_hash_key(&table->hash, key, table->key_size);
	struct cds_lfht_iter iter;
	int error = -ENOENT;

	rcu_read_lock();
	cds_lfht_lookup(table->lfht, hash, match, &probe, &iter);
	struct cds_lfht_node *node = cds_lfht_iter_get_node(&iter);

	if (node)
		error = cds_lfht_del(table->lfht, node);
	rcu_read_unlock();
	if (error)
		return -ENOENT;
	retire(session, entry_of(node));
	return 0;
}

static int lfht_lookup(void *opaque, const void *key, void *value)
{
	struct session *session = opaque;
	struct table *table = session->table;
	const struct probe probe = { key, table->key_size };
	const uint64_t hash = peer_hash_key(&table->hash, key, table->key_size);
	struct cds_lfht_iter iter;

	rcu_read_lock();
	cds_lfht_lookup(table->lfht, hash, match, &probe, &iter);
	struct cds_lfht_node *node = cds_lfht_iter_get_node(&iter);

	if (node)
		peer_copy(value, entry_of(node)->payload + table->value_offset, table->value_size);
	rcu_read_unlock();
	return node ? 0 : -ENOENT;
}

static void lfht_tick(void *session)
{
	(void)session;
	rcu_quiescent_state(); /* nothing, in the flavour that needs none */
}

static void lfht_destroy(void *opaque)
{
	struct table *table = opaque;

	/* A table that still holds nodes cannot be destroyed: liburcu keeps its buckets then. */
	if (table->lfht)
		(void)cds_lfht_destroy(table->lfht, NULL);
	peer_pool_fini(&table->pool);
	bench_pages_unmap(table->sessions, table->threads * sizeof(struct session));
	free(table);
}

/* One contiguous table, which then asks for huge pages as all other memory of the run does. */
static struct cds_lfht *make_lfht(uint64_t max_entries)
{
	unsigned long buckets = BUCKETS_MIN;

	while (buckets < max_entries)
		buckets *= 2;

	struct cds_lfht *lfht =
		_cds_lfht_new(buckets, buckets, buckets, 0, &cds_lfht_mm_mmap, &rcu_flavor, NULL);

	if (lfht)
		bench_pages_advise(cds_lfht_mm_mmap.bucket_at(lfht, 0),
				   buckets * sizeof(struct cds_lfht_node));
	return lfht;
}

static int lfht_create(const struct bench_shape *shape, void **opaque)
{
	struct table *table = aligned_alloc(_Alignof(struct table), sizeof(*table));
	const uint64_t slack = (uint64_t)shape->threads * (LIMBO_NODES + PEER_CACHE_ITEMS);

	if (!table)
		return -ENOMEM;
	*table = (struct table){ .key_size = shape->key_size,
				 .value_offset = (shape->key_size + 7) / 8 * 8,
				 .value_size = shape->value_size,
				 .threads = shape->threads };
	peer_hash_init(&table->hash, shape->seed);
	if (peer_pool_init(&table->pool, shape->max_entries + slack,
			   sizeof(struct entry) + table->value_offset + shape->value_size)) {
		free(table);
		return -ENOMEM;
	}
	table->sessions = bench_pages_map(shape->threads * sizeof(struct session));
	if (table->sessions)
		table->lfht = make_lfht(shape->max_entries);
	if (!table->lfht) {
		lfht_destroy(table);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < shape->threads; i++)
		table->sessions[i].table = table;
	*opaque = table;
	return 0;
}

static void *lfht_session(void *opaque, uint32_t thread)
{
	return &((struct table *)opaque)->sessions[thread];
}

static void lfht_enter(void *session)
{
	(void)session;
	rcu_register_thread();
}

static void lfht_leave(void *session)
{
	(void)session;
	rcu_unregister_thread();
}

static int64_t lfht_live(void *opaque)
{
	const struct table *table = opaque;
	uint64_t live = peer_pool_taken(&table->pool, table->sessions, table->threads,
					sizeof(struct session));

	for (uint32_t i = 0; i < table->threads; i++)
		live -= table->sessions[i].limbo_count;
	return (int64_t)live;
}

static int lfht_audit(void *opaque, const struct bench_counts *counts, char *why, size_t why_size)
{
	(void)opaque;
	(void)counts;
	(void)why;
	(void)why_size;
	return 0; /* live() is all the account there is */
}

static const struct bench_ops lfht_ops = {
	.pend = lfht_pend,
	.complete = lfht_complete,
	.complete_key = lfht_complete_key,
	.lookup = lfht_lookup,
	.tick = lfht_tick,
};

static void lfht_drive(struct bench_lane *lane, enum bench_loop loop)
{
	bench_drive_shared(&lfht_ops, lane, loop);
}

#if PEER_QSBR
#define PEER_IMPL bench_impl_urcu_qsbr
#define PEER_NAME "urcu-qsbr"
#else
#define PEER_IMPL bench_impl_urcu_memb
#define PEER_NAME "urcu-memb"
#endif

const struct bench_impl PEER_IMPL = {
	.name = PEER_NAME,
	.summary = "liburcu cds_lfht, no resize, pooled nodes, limbo of 1024, bound by the pool",
	.abilities = BENCH_KEYS | BENCH_PEER,
	.entry_bytes = 64 + 32,
	.create = lfht_create,
	.destroy = lfht_destroy,
	.session = lfht_session,
	.enter = lfht_enter,
	.leave = lfht_leave,
	.live = lfht_live,
	.audit = lfht_audit,
	.drive = lfht_drive,
};
