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
#include "bench/peers/pooled.h"
#include "bench/peers/tbb_table.h"

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

static int create(const struct bench_shape *shape, uint64_t room, size_t *entry_bytes)
{
	if (shape->key_size != sizeof(uint64_t) || shape->value_size > TBB_VALUE_BYTES)
		return -EOPNOTSUPP;

	const int error = tbb_create(shape->seed, room);

	if (!error)
		*entry_bytes = tbb_node_bytes();
	return error;
}

static const struct pooled table_of = { create, tbb_destroy, tbb_buckets, tbb_size };

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
	return pooled_main("tbb", map_drive);
}
