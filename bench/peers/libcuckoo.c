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
#include "bench/peers/cuckoo_table.h"
#include "bench/peers/hash.h"
#include "bench/peers/pooled.h"

struct entry {
	uint64_t key;
	unsigned char value[];
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

static int create(const struct bench_shape *shape, uint64_t room, size_t *entry_bytes)
{
	(void)room;
	if (shape->key_size != sizeof(uint64_t))
		return -EOPNOTSUPP;
	*entry_bytes = sizeof(struct entry) + shape->value_size;
	return cuckoo_create(shape->seed, 2 * shape->max_entries);
}

static const struct pooled table_of = { create, cuckoo_destroy, cuckoo_capacity, cuckoo_size };

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
	return pooled_main("libcuckoo", map_drive);
}
