/* SPDX-License-Identifier: MIT */
/*
 * ck.c - the peer "ck": ConcurrencyKit's robin-hood hash set, ck_rhs.
 *
 * CK's tables have one writer and many readers, so there are 256 of them (fewer for a small map),
 * each with a spin lock for its writers; readers take none. ck_rhs and not ck_hs or ck_ht: those
 * leave a tombstone for each removal, which a table that is pended into and completed from all day
 * collects; ck_rhs moves entries back instead.
 *
 * Entries come from the pool and go back to it at once. A reader that still looks at one finds out
 * by its sequence number (ck_sequence) and looks again: no reader section, no limbo, which is
 * cheaper than ck_epoch. One that finds nothing looks again if a writer was at the set meanwhile:
 * ck_rhs_get() then misses, now and then, a key that was there all the time. The hash stands in the
 * entry, so a "handle", the entry's address, needs no hashing. The pool is the bound: max_entries
 * and what thread caches hold.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wundef"
#include <ck_rhs.h>
#include <ck_sequence.h>
#include <ck_spinlock.h>
#pragma GCC diagnostic pop

#include "bench/measure/driver_origin.h"
#include "bench/measure/impl.h"
#include "bench/measure/pages.h"
#include "bench/peers/hash.h"
#include "bench/peers/pool.h"
#include "bench/peers/worker.h"

#define SHARDS_MAX 256u
#define SHARD_ENTRIES 64u /* at least, on average */

struct entry {
	uint64_t hash;
	ck_sequence_t sequence;
	unsigned char payload[]; /* the key, padded to 8 bytes, and the value */
};

struct shard {
	_Alignas(128) ck_spinlock_fas_t lock;
	ck_sequence_t sequence; /* odd while a writer is at the set */
	ck_rhs_t set;           /* of keys: payloads of entries */
};

struct session {
	_Alignas(128) struct peer_cache
		cache; /* first: peer_pool_taken() walks sessions as caches */
	struct table *table;
};

struct table {
	struct peer_hash hash;
	struct peer_pool pool;
	uint32_t shard_count;
	uint32_t shard_shift; /* the hash's highest bits say which; CK goes by the lowest */
	uint32_t key_size;
	uint32_t value_offset;
	uint32_t value_size;
	uint32_t threads;
	struct shard *shards;
	struct session *sessions;
};

/* Callbacks of CK have no context. There is one table in the process. */
static uint32_t compared_size;

static bool compare_8(const void *one, const void *other)
{
	return peer_keys_equal(one, other, 8);
}

static bool compare(const void *one, const void *other)
{
	return peer_keys_equal(one, other, compared_size);
}

/* CK hashes for itself when it grows, which a set of this size does not. */
static unsigned long hash_again(const void *key, unsigned long seed)
{
	(void)seed;
	return *(const uint64_t *)(const void *)((const unsigned char *)key -
						 offsetof(struct entry, payload));
}

/* The maps of all sets, which are equal, side by side: so they are on huge pages too. CK asks for one
 * after the other; what it asks for beyond that, because a set grows, is mapped by itself. */
static struct {
	unsigned char *base;
	size_t bytes;
	size_t used;
	uint32_t count; /* of maps to come */
} arena;

static void *take_pages(size_t bytes)
{
	const size_t stride = (bytes + 127) / 128 * 128;
	void *taken = NULL;

	if (!arena.base) {
		arena.bytes = stride * arena.count;
		arena.base = bench_pages_map(arena.bytes);
	}
	if (!arena.base || stride > arena.bytes - arena.used)
		return bench_pages_map(bytes);
	taken = arena.base + arena.used;
	arena.used += stride;
	return taken;
}

static void give_pages(void *pages, size_t bytes, bool defer)
{
	const uintptr_t offset = (uintptr_t)pages - (uintptr_t)arena.base;

	(void)defer; /* nobody reads while a table is destroyed */
	if (offset >= arena.bytes)
		bench_pages_unmap(pages, bytes);
}

static struct ck_malloc pages = { .malloc = take_pages, .free = give_pages };

static struct entry *entry_of(void *key)
{
	unsigned char *payload = key;

	return key ? (struct entry *)(void *)(payload - offsetof(struct entry, payload)) : NULL;
}

static struct shard *shard_of(struct table *table, uint64_t hash)
{
	return &table->shards[(hash >> 1) >> table->shard_shift];
}

static int set_pend(void *opaque, const void *key, const void *value, uint64_t *token)
{
	struct session *session = opaque;
	struct table *table = session->table;
	struct entry *entry = peer_pool_take(&table->pool, &session->cache);

	if (!entry)
		return -ENOSPC;
	ck_sequence_write_begin(&entry->sequence);
	entry->hash = peer_hash_key(&table->hash, key, table->key_size);
	peer_copy(entry->payload, key, table->key_size);
	peer_copy(entry->payload + table->value_offset, value, table->value_size);
	ck_sequence_write_end(&entry->sequence);

	struct shard *shard = shard_of(table, entry->hash);

	ck_spinlock_fas_lock(&shard->lock);
	ck_sequence_write_begin(&shard->sequence);
	const bool added = ck_rhs_put(&shard->set, entry->hash, entry->payload);

	ck_sequence_write_end(&shard->sequence);
	ck_spinlock_fas_unlock(&shard->lock);
	if (!added) {
		peer_pool_give(&table->pool, &session->cache, entry);
		return -EEXIST;
	}
	*token = (uint64_t)(uintptr_t)entry;
	return 0;
}

static int take_out(struct session *session, uint64_t hash, const void *key)
{
	struct table *table = session->table;
	struct shard *shard = shard_of(table, hash);

	ck_spinlock_fas_lock(&shard->lock);
	ck_sequence_write_begin(&shard->sequence);
	struct entry *entry = entry_of(ck_rhs_remove(&shard->set, hash, key));

	ck_sequence_write_end(&shard->sequence);
	ck_spinlock_fas_unlock(&shard->lock);
	if (!entry)
		return -ENOENT;
	peer_pool_give(&table->pool, &session->cache, entry);
	return 0;
}

static int set_complete(void *opaque, uint64_t token)
{
	const struct entry *entry = (const struct entry *)(uintptr_t)token;

	return take_out(opaque, entry->hash, entry->payload);
}

static int set_complete_key(void *opaque, const void *key)
{
	struct session *session = opaque;

	return take_out(session,
			peer_hash_key(&session->table->hash, key, session->table->key_size), key);
}

static int set_lookup(void *opaque, const void *key, void *value)
{
	struct session *session = opaque;
	struct table *table = session->table;
	const uint64_t hash = peer_hash_key(&table->hash, key, table->key_size);
	struct shard *shard = shard_of(table, hash);

	for (;;) {
		const unsigned int before = ck_pr_load_uint(&shard->sequence.sequence);

		ck_pr_fence_load();
		struct entry *entry = entry_of(ck_rhs_get(&shard->set, hash, key));

		if (!entry) {
			ck_pr_fence_load();
			if (before % 2 == 0 && before == ck_pr_load_uint(&shard->sequence.sequence))
				return -ENOENT;
			ck_pr_stall();
			continue;
		}

		const unsigned int sequence = ck_sequence_read_begin(&entry->sequence);
		const bool same = peer_keys_equal(entry->payload, key, table->key_size);

		peer_copy(value, entry->payload + table->value_offset, table->value_size);
		if (!ck_sequence_read_retry(&entry->sequence, sequence) && same)
			return 0;
	}
}

static void set_destroy(void *opaque)
{
	struct table *table = opaque;

	for (uint32_t i = 0; table->shards && i < table->shard_count; i++)
		if (table->shards[i].set.map)
			ck_rhs_destroy(&table->shards[i].set);
	bench_pages_unmap(arena.base, arena.bytes);
	arena.base = NULL;
	peer_pool_fini(&table->pool);
	bench_pages_unmap(table->shards, table->shard_count * sizeof(struct shard));
	bench_pages_unmap(table->sessions, table->threads * sizeof(struct session));
	free(table);
}

/* A set has room for four times its share before it grows at a half: shares vary. */
static bool make_shards(struct table *table, uint64_t max_entries)
{
	const uint64_t share = max_entries / table->shard_count;
	unsigned long capacity = SHARD_ENTRIES;

	while (capacity < 4 * share)
		capacity *= 2;
	table->shards = bench_pages_map(table->shard_count * sizeof(struct shard));
	if (!table->shards)
		return false;
	arena.count = table->shard_count;
	for (uint32_t i = 0; i < table->shard_count; i++) {
		struct shard *shard = &table->shards[i];

		ck_spinlock_fas_init(&shard->lock);
		if (!ck_rhs_init(&shard->set,
				 CK_RHS_MODE_SPMC | CK_RHS_MODE_OBJECT | CK_RHS_MODE_READ_MOSTLY,
				 hash_again, table->key_size == 8 ? compare_8 : compare, &pages,
				 capacity, 0))
			return false;
	}
	return true;
}

static int set_create(const struct bench_shape *shape, void **opaque)
{
	struct table *table = aligned_alloc(_Alignof(struct table), sizeof(*table));

	if (!table)
		return -ENOMEM;
	*table = (struct table){ .shard_count = 1,
				 .shard_shift = 63,
				 .key_size = shape->key_size,
				 .value_offset = (shape->key_size + 7) / 8 * 8,
				 .value_size = shape->value_size,
				 .threads = shape->threads };
	while (table->shard_count < SHARDS_MAX &&
	       shape->max_entries / table->shard_count > SHARD_ENTRIES) {
		table->shard_count *= 2;
		table->shard_shift--;
	}
	compared_size = shape->key_size;
	peer_hash_init(&table->hash, shape->seed);
	if (peer_pool_init(&table->pool,
			   shape->max_entries + (uint64_t)shape->threads * PEER_CACHE_ITEMS,
			   sizeof(struct entry) + table->value_offset + shape->value_size)) {
		free(table);
		return -ENOMEM;
	}
	table->sessions = bench_pages_map(shape->threads * sizeof(struct session));
	if (!table->sessions || !make_shards(table, shape->max_entries)) {
		set_destroy(table);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < shape->threads; i++)
		table->sessions[i].table = table;
	*opaque = table;
	return 0;
}

static void *set_session(void *opaque, uint32_t thread)
{
	return &((struct table *)opaque)->sessions[thread];
}

static void set_enter(void *session)
{
	(void)session;
}

static int64_t set_live(void *opaque)
{
	const struct table *table = opaque;
	int64_t live = 0;

	for (uint32_t i = 0; i < table->shard_count; i++)
		live += (int64_t)ck_rhs_count(&table->shards[i].set);
	return live;
}

static int set_audit(void *opaque, const struct bench_counts *counts, char *why, size_t why_size)
{
	struct table *table = opaque;
	const uint64_t taken = peer_pool_taken(&table->pool, table->sessions, table->threads,
					       sizeof(struct session));

	if (taken == counts->inserted - counts->completed)
		return 0;
	snprintf(why, why_size, "%llu entries are out of the pool", (unsigned long long)taken);
	return -EBADMSG;
}

static const struct bench_ops set_ops = {
	.pend = set_pend,
	.complete = set_complete,
	.complete_key = set_complete_key,
	.lookup = set_lookup,
};

static void set_drive(struct bench_lane *lane, enum bench_loop loop)
{
	bench_drive_shared(&set_ops, lane, loop);
}

int main(void)
{
	static const struct bench_impl impl = {
		.name = "ck",
		.abilities = BENCH_KEYS | BENCH_PEER,
		.create = set_create,
		.destroy = set_destroy,
		.session = set_session,
		.enter = set_enter,
		.leave = set_enter,
		.live = set_live,
		.audit = set_audit,
		.drive = set_drive,
	};

	return bench_worker_main(&impl);
}
