/* SPDX-License-Identifier: MIT */
/*
 * locked.h - the peers a good engineer writes in an afternoon: a hash table under 256 locks.
 *
 * The whole of mutex.c and of rwlock.c, which say with PEER_RWLOCK what a lock is.
 *
 * Chained buckets, as many as max_entries rounded up to a power of two; the bucket's number says
 * which of 256 cache-line-padded locks guards it. Entries come from the pool; one shared count,
 * asked with a load before it is raised, makes max_entries exact. The hash is kept in the entry,
 * so an entry can be completed by its address ("handle") without hashing again; its chain is
 * walked to unlink it, which costs nothing that a back pointer would save: the walk reads the
 * entries whose back pointers would be written.
 */
#ifndef BENCH_PEERS_LOCKED_H
#define BENCH_PEERS_LOCKED_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bench/measure/driver_origin.h"
#include "bench/measure/impl.h"
#include "bench/measure/pages.h"
#include "bench/peers/hash.h"
#include "bench/peers/pool.h"

#define LOCKS 256u

#if PEER_RWLOCK
#define PEER_IMPL bench_impl_rwlock
#define PEER_NAME "rwlock"
#define PEER_LOCKS "reader-writer locks"
typedef pthread_rwlock_t lock_type;
#define lock_init pthread_rwlock_init
#define lock_destroy pthread_rwlock_destroy
#define lock_read pthread_rwlock_rdlock
#define lock_write pthread_rwlock_wrlock
#define lock_release pthread_rwlock_unlock
#else
#define PEER_IMPL bench_impl_mutex
#define PEER_NAME "mutex"
#define PEER_LOCKS "mutexes"
typedef pthread_mutex_t lock_type;
#define lock_init pthread_mutex_init
#define lock_destroy pthread_mutex_destroy
#define lock_read pthread_mutex_lock
#define lock_write pthread_mutex_lock
#define lock_release pthread_mutex_unlock
#endif

struct entry {
	struct entry *next;
	uint64_t hash;
	unsigned char payload[]; /* the key, padded to 8 bytes, and the value */
};

struct padded_lock {
	_Alignas(128) lock_type lock;
};

struct session {
	_Alignas(128) struct peer_cache
		cache; /* first: peer_pool_taken() walks sessions as caches */
	struct table *table;
};

struct table {
	struct padded_lock locks[LOCKS];
	struct peer_hash hash;
	struct peer_pool pool;
	struct entry **buckets;
	uint64_t bucket_mask;
	uint64_t max_entries;
	uint32_t key_size;
	uint32_t value_offset;
	uint32_t value_size;
	uint32_t threads;
	struct session *sessions;
	_Alignas(128) _Atomic uint64_t count;
};

static lock_type *lock_of(struct table *table, uint64_t hash)
{
	return &table->locks[hash & table->bucket_mask & (LOCKS - 1)].lock;
}

/* Takes one of max_entries. relaxed, all: the count guards nothing but itself. */
static bool reserve(struct table *table)
{
	if (atomic_load_explicit(&table->count, memory_order_relaxed) >= table->max_entries)
		return false;
	if (atomic_fetch_add_explicit(&table->count, 1, memory_order_relaxed) < table->max_entries)
		return true;
	atomic_fetch_sub_explicit(&table->count, 1, memory_order_relaxed);
	return false;
}

static void unreserve(struct table *table)
{
	/* relaxed: see reserve(). */
	atomic_fetch_sub_explicit(&table->count, 1, memory_order_relaxed);
}

/* Under the bucket's lock: the entry of @key. */
static struct entry *find(const struct table *table, uint64_t hash, const void *key)
{
	struct entry *entry = table->buckets[hash & table->bucket_mask];

	while (entry &&
	       (entry->hash != hash || !peer_keys_equal(entry->payload, key, table->key_size)))
		entry = entry->next;
	return entry;
}

/* Under the bucket's lock. Returns whether @entry was in its bucket. */
static bool unlink_entry(struct table *table, struct entry *entry)
{
	struct entry **link = &table->buckets[entry->hash & table->bucket_mask];

	while (*link && *link != entry)
		link = &(*link)->next;
	if (!*link)
		return false;
	*link = entry->next;
	return true;
}

static int locked_pend(void *opaque, const void *key, const void *value, uint64_t *token)
{
	struct session *session = opaque;
	struct table *table = session->table;

	if (!reserve(table))
		return -ENOSPC;

	struct entry *entry = peer_pool_take(&table->pool, &session->cache);

	if (!entry) { /* never: the pool has more than max_entries and all caches hold */
		unreserve(table);
		return -ENOSPC;
	}
	entry->hash = peer_hash_key(&table->hash, key, table->key_size);
	peer_copy(entry->payload, key, table->key_size);
	peer_copy(entry->payload + table->value_offset, value, table->value_size);

	lock_type *lock = lock_of(table, entry->hash);
	struct entry **bucket = &table->buckets[entry->hash & table->bucket_mask];

	lock_write(lock);
	const bool taken = find(table, entry->hash, key) != NULL;

	if (!taken) {
		entry->next = *bucket;
		*bucket = entry;
	}
	lock_release(lock);
	if (taken) {
		peer_pool_give(&table->pool, &session->cache, entry);
		unreserve(table);
		return -EEXIST;
	}
	*token = (uint64_t)(uintptr_t)entry;
	return 0;
}

static int locked_complete(void *opaque, uint64_t token)
{
	struct session *session = opaque;
	struct table *table = session->table;
	struct entry *entry = (struct entry *)(uintptr_t)token;
	lock_type *lock = lock_of(table, entry->hash);

	lock_write(lock);
	const bool found = unlink_entry(table, entry);

	lock_release(lock);
	if (!found)
		return -ENOENT;
	peer_pool_give(&table->pool, &session->cache, entry);
	unreserve(table);
	return 0;
}

static int locked_complete_key(void *opaque, const void *key)
{
	struct session *session = opaque;
	struct table *table = session->table;
	const uint64_t hash = peer_hash_key(&table->hash, key, table->key_size);
	struct entry **link = &table->buckets[hash & table->bucket_mask];
	lock_type *lock = lock_of(table, hash);

	lock_write(lock);
	while (*link &&
	       ((*link)->hash != hash || !peer_keys_equal((*link)->payload, key, table->key_size)))
		link = &(*link)->next;

	struct entry *entry = *link;

	if (entry)
		*link = entry->next;
	lock_release(lock);
	if (!entry)
		return -ENOENT;
	peer_pool_give(&table->pool, &session->cache, entry);
	unreserve(table);
	return 0;
}

static int locked_lookup(void *opaque, const void *key, void *value)
{
	struct session *session = opaque;
	struct table *table = session->table;
	const uint64_t hash = peer_hash_key(&table->hash, key, table->key_size);
	lock_type *lock = lock_of(table, hash);

	lock_read(lock);
	const struct entry *entry = find(table, hash, key);

	if (entry)
		peer_copy(value, entry->payload + table->value_offset, table->value_size);
	lock_release(lock);
	return entry ? 0 : -ENOENT;
}

static void locked_destroy(void *opaque)
{
	struct table *table = opaque;

	peer_pool_fini(&table->pool);
	bench_pages_unmap(table->buckets, (table->bucket_mask + 1) * sizeof(struct entry *));
	bench_pages_unmap(table->sessions, table->threads * sizeof(struct session));
	for (uint32_t i = 0; i < LOCKS; i++)
		lock_destroy(&table->locks[i].lock);
	free(table);
}

static int locked_create(const struct bench_shape *shape, void **opaque)
{
	struct table *table = aligned_alloc(_Alignof(struct table), sizeof(*table));
	uint64_t buckets = LOCKS;

	if (!table)
		return -ENOMEM;
	while (buckets < shape->max_entries)
		buckets *= 2;
	*table = (struct table){ .bucket_mask = buckets - 1,
				 .max_entries = shape->max_entries,
				 .key_size = shape->key_size,
				 .value_offset = (shape->key_size + 7) / 8 * 8,
				 .value_size = shape->value_size,
				 .threads = shape->threads };
	for (uint32_t i = 0; i < LOCKS; i++)
		lock_init(&table->locks[i].lock, NULL);
	peer_hash_init(&table->hash, shape->seed);
	if (peer_pool_init(&table->pool,
			   shape->max_entries + (uint64_t)shape->threads * PEER_CACHE_ITEMS,
			   sizeof(struct entry) + table->value_offset + shape->value_size)) {
		free(table);
		return -ENOMEM;
	}
	table->buckets = bench_pages_map(buckets * sizeof(struct entry *));
	table->sessions = bench_pages_map(shape->threads * sizeof(struct session));
	if (!table->buckets || !table->sessions) {
		locked_destroy(table);
		return -ENOMEM;
	}
	memset(table->buckets, 0,
	       buckets * sizeof(struct entry *)); /* touched before it is timed */
	for (uint32_t i = 0; i < shape->threads; i++)
		table->sessions[i].table = table;
	*opaque = table;
	return 0;
}

static void *locked_session(void *opaque, uint32_t thread)
{
	return &((struct table *)opaque)->sessions[thread];
}

static void locked_enter(void *session)
{
	(void)session;
}

static int64_t locked_live(void *opaque)
{
	struct table *table = opaque;

	/* relaxed: nobody else runs. */
	return (int64_t)atomic_load_explicit(&table->count, memory_order_relaxed);
}

static int locked_audit(void *opaque, const struct bench_counts *counts, char *why, size_t why_size)
{
	struct table *table = opaque;
	const uint64_t taken = peer_pool_taken(&table->pool, table->sessions, table->threads,
					       sizeof(struct session));

	if (taken == counts->inserted - counts->completed)
		return 0;
	snprintf(why, why_size, "%llu entries are out of the pool", (unsigned long long)taken);
	return -EBADMSG;
}

static const struct bench_ops locked_ops = {
	.pend = locked_pend,
	.complete = locked_complete,
	.complete_key = locked_complete_key,
	.lookup = locked_lookup,
};

static void locked_drive(struct bench_lane *lane, enum bench_loop loop)
{
	bench_drive_shared(&locked_ops, lane, loop);
}

const struct bench_impl PEER_IMPL = {
	.name = PEER_NAME,
	.summary = "chained hash table under 256 padded " PEER_LOCKS
		   ", pooled entries, exact bound",
	.abilities = BENCH_KEYS | BENCH_PEER,
	.entry_bytes = 64 + 16,
	.create = locked_create,
	.destroy = locked_destroy,
	.session = locked_session,
	.enter = locked_enter,
	.leave = locked_enter,
	.live = locked_live,
	.audit = locked_audit,
	.drive = locked_drive,
};

#endif
