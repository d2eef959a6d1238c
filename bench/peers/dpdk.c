/* SPDX-License-Identifier: MIT */
/*
 * dpdk.c - the peer "dpdk": DPDK's rte_hash.
 *
 *	key --rte_hash--> position --> entries[position]: state, hash, value
 *
 * As DPDK's own programs do it: the table says at which position a key is, and what belongs to it
 * stands in an array by that position. Readers are lock-free (RW_CONCURRENCY_LF). It is one table,
 * for a bulk lookup goes to one; so all writers meet at one spin lock, ours, which beats DPDK's for
 * many writers (MULTI_WRITER_ADD) and needs no positions cached by each lcore. Deleted positions
 * wait in a limbo of 1024 for one rte_rcu_qsbr_synchronize(); threads report that they are quiescent
 * every 64 operations. All calls take the hash that was computed before, bulk lookups too. The
 * environment layer runs without huge pages of its own, PCI or shared files; its tables stand in a
 * heap of the transparent huge pages that all peers have.
 *
 * The table answers the position of a key that is there already, so the state of the entry decides
 * who pended it. Bound: credits, fetched 64 at a time by each thread, as the pool of other peers.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wundef"
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>
#include <rte_spinlock.h>
#pragma GCC diagnostic pop

#include "bench/measure/driver_origin.h"
#include "bench/measure/impl.h"
#include "bench/measure/pages.h"
#include "bench/peers/hash.h"
#include "bench/peers/worker.h"

#define LIMBO 1024u
#define CREDITS_MOVE 64u
#define CREDITS_MAX 128u
#define HEAP "pendbench"
#define HEAP_PAGE ((size_t)2 << 20)
enum { FREE, WRITTEN, LIVE };

struct entry {
	_Atomic uint32_t state;
	hash_sig_t hash;         /* of the key, as rte_hash wants it */
	unsigned char payload[]; /* the key, padded to 8 bytes, and the value */
};

struct session {
	_Alignas(128) struct table *table;
	uint32_t thread;
	uint32_t credits;
	uint64_t live; /* pended less completed by this thread; may wrap */
	uint32_t limbo_count;
	int32_t limbo[LIMBO];
};

struct table {
	struct peer_hash hash;
	struct rte_hash *positions;
	struct rte_rcu_qsbr *quiescence;
	unsigned char *entries;
	uint64_t entry_count;
	size_t stride;
	void *heap;
	size_t heap_bytes;
	uint32_t key_size;
	uint32_t value_offset;
	uint32_t value_size;
	uint32_t threads;
	struct session *sessions;
	_Alignas(128) rte_spinlock_t lock; /* of who writes to positions */
	_Alignas(128) _Atomic uint64_t credits;
};

static struct entry *entry_at(const struct table *table, int32_t position)
{
	return (struct entry *)(void *)(table->entries + (size_t)position * table->stride);
}

static hash_sig_t hash_of(const struct table *table, const void *key)
{
	return (hash_sig_t)peer_hash_key(&table->hash, key, table->key_size);
}

/* ---- the bound ---- */

/* relaxed, all: credits guard nothing but their number. */
static bool fetch_credits(struct session *session)
{
	_Atomic uint64_t *credits = &session->table->credits;
	uint64_t seen = atomic_load_explicit(credits, memory_order_relaxed);
	uint64_t taken;

	do {
		taken = seen < CREDITS_MOVE ? seen : CREDITS_MOVE;
		if (!taken)
			return false;
		/* relaxed: as above. */
	} while (!atomic_compare_exchange_weak_explicit(
		credits, &seen, seen - taken, memory_order_relaxed, memory_order_relaxed));
	session->credits = (uint32_t)taken;
	return true;
}

static void give_credit(struct session *session)
{
	if (++session->credits < CREDITS_MAX)
		return;
	session->credits -= CREDITS_MOVE;
	/* relaxed: as in fetch_credits(). */
	atomic_fetch_add_explicit(&session->table->credits, CREDITS_MOVE, memory_order_relaxed);
}

/* ---- one operation ---- */

/* No reader has a position in its hands after this that is in limbo. */
static void flush_limbo(struct session *session)
{
	struct table *table = session->table;

	rte_rcu_qsbr_synchronize(table->quiescence, session->thread);
	rte_spinlock_lock(&table->lock);
	for (uint32_t i = 0; i < session->limbo_count; i++)
		rte_hash_free_key_with_position(table->positions, session->limbo[i]);
	rte_spinlock_unlock(&table->lock);
	session->limbo_count = 0;
}

static int pend_hashed(struct session *session, const void *key, hash_sig_t hash, const void *value,
		       uint64_t *token)
{
	struct table *table = session->table;
	uint32_t expected = FREE;

	if (!session->credits && !fetch_credits(session))
		return -ENOSPC;

	rte_spinlock_lock(&table->lock);
	const int32_t position = rte_hash_add_key_with_hash(table->positions, key, hash);

	rte_spinlock_unlock(&table->lock);
	if (position < 0)
		return position;

	struct entry *entry = entry_at(table, position);

	/* relaxed: the position came through the table, which orders it. */
	if (!atomic_compare_exchange_strong_explicit(&entry->state, &expected, WRITTEN,
						     memory_order_relaxed, memory_order_relaxed))
		return -EEXIST;
	entry->hash = hash;
	peer_copy(entry->payload, key, table->key_size);
	peer_copy(entry->payload + table->value_offset, value, table->value_size);
	/* Who finds it live finds the value: look_at(). */
	atomic_store_explicit(&entry->state, LIVE, memory_order_release);
	session->credits--;
	session->live++;
	*token = (uint64_t)position;
	return 0;
}

static int complete_hashed(struct session *session, const void *key, hash_sig_t hash)
{
	struct table *table = session->table;

	rte_spinlock_lock(&table->lock);
	const int32_t position = rte_hash_del_key_with_hash(table->positions, key, hash);

	rte_spinlock_unlock(&table->lock);
	if (position < 0)
		return -ENOENT;

	/* relaxed: who gets the position next gets it through the limbo and the table. */
	atomic_store_explicit(&entry_at(table, position)->state, FREE, memory_order_relaxed);
	session->limbo[session->limbo_count++] = position;
	if (session->limbo_count == LIMBO)
		flush_limbo(session);
	session->live--;
	give_credit(session);
	return 0;
}

static bool look_at(const struct table *table, const struct entry *entry, void *value)
{
	/* With the release in pend_hashed(): a key that is found before its value is written is
	 * not pended yet. */
	if (atomic_load_explicit(&entry->state, memory_order_acquire) != LIVE)
		return false;
	peer_copy(value, entry->payload + table->value_offset, table->value_size);
	return true;
}

static int hash_pend(void *opaque, const void *key, const void *value, uint64_t *token)
{
	struct session *session = opaque;
	const struct table *table = session->table;

	return pend_hashed(session, key, hash_of(table, key), value, token);
}

static int hash_complete(void *opaque, uint64_t token)
{
	struct session *session = opaque;
	const struct entry *entry = entry_at(session->table, (int32_t)token);

	return complete_hashed(session, entry->payload, entry->hash);
}

static int hash_complete_key(void *opaque, const void *key)
{
	struct session *session = opaque;
	const struct table *table = session->table;

	return complete_hashed(session, key, hash_of(table, key));
}

static int hash_lookup(void *opaque, const void *key, void *value)
{
	const struct session *session = opaque;
	const struct table *table = session->table;
	const hash_sig_t hash = hash_of(table, key);
	const int32_t position = rte_hash_lookup_with_hash(table->positions, key, hash);

	if (position < 0)
		return -ENOENT;
	return look_at(table, entry_at(table, position), value) ? 0 : -ENOENT;
}

static void hash_tick(void *opaque)
{
	const struct session *session = opaque;

	rte_rcu_qsbr_quiescent(session->table->quiescence, session->thread);
}

/* ---- many operations ---- */

static void hash_all(const struct table *table, const unsigned char *keys, uint32_t count,
		     hash_sig_t *hashes)
{
	for (uint32_t i = 0; i < count; i++)
		hashes[i] = hash_of(table, keys + (size_t)i * table->key_size);
}

static uint32_t hash_pend_batch(void *opaque, const unsigned char *keys,
				const unsigned char *values, uint32_t count, uint64_t *tokens,
				int *results)
{
	struct session *session = opaque;
	const struct table *table = session->table;
	hash_sig_t hashes[BENCH_BATCH_MAX];
	uint32_t pended = 0;

	hash_all(table, keys, count, hashes);
	for (uint32_t i = 0; i < count; i++) {
		results[i] = pend_hashed(session, keys + (size_t)i * table->key_size, hashes[i],
					 values + (size_t)i * table->value_size, &tokens[i]);
		pended += results[i] == 0;
	}
	return pended;
}

static uint32_t hash_complete_batch(void *opaque, const uint64_t *tokens, uint32_t count)
{
	struct session *session = opaque;
	uint32_t completed = 0;

	for (uint32_t i = 0; i < count; i++)
		__builtin_prefetch(entry_at(session->table, (int32_t)tokens[i]), 1);
	for (uint32_t i = 0; i < count; i++)
		completed += hash_complete(session, tokens[i]) == 0;
	return completed;
}

static uint32_t hash_complete_key_batch(void *opaque, const unsigned char *keys, uint32_t count)
{
	struct session *session = opaque;
	const struct table *table = session->table;
	hash_sig_t hashes[BENCH_BATCH_MAX];
	uint32_t completed = 0;

	hash_all(table, keys, count, hashes);
	for (uint32_t i = 0; i < count; i++)
		completed += complete_hashed(session, keys + (size_t)i * table->key_size,
					     hashes[i]) == 0;
	return completed;
}

static uint32_t hash_lookup_batch(void *opaque, const unsigned char *keys, uint32_t count,
				  unsigned char *values)
{
	const struct session *session = opaque;
	const struct table *table = session->table;
	hash_sig_t hashes[BENCH_BATCH_MAX];
	const void *wanted[BENCH_BATCH_MAX];
	int32_t positions[BENCH_BATCH_MAX];
	uint32_t found = 0;

	hash_all(table, keys, count, hashes);
	for (uint32_t i = 0; i < count; i++)
		wanted[i] = keys + (size_t)i * table->key_size;
	for (uint32_t i = 0; i < count; i += RTE_HASH_LOOKUP_BULK_MAX) {
		const uint32_t left = count - i;

		rte_hash_lookup_with_hash_bulk(
			table->positions, &wanted[i], &hashes[i],
			left < RTE_HASH_LOOKUP_BULK_MAX ? left : RTE_HASH_LOOKUP_BULK_MAX,
			&positions[i]);
	}
	for (uint32_t i = 0; i < count; i++)
		if (positions[i] >= 0)
			for (uint32_t line = 0; line < table->stride; line += 64)
				__builtin_prefetch((const char *)entry_at(table, positions[i]) +
						   line);
	for (uint32_t i = 0; i < count; i++)
		found += positions[i] >= 0 && look_at(table, entry_at(table, positions[i]),
						      values + (size_t)i * table->value_size);
	return found;
}

/* ---- the table ---- */

static int start_environment(void)
{
	char cpu[32];
	char *argv[] = { (char *)(uintptr_t) "pendbench",
			 (char *)(uintptr_t) "--no-huge",
			 (char *)(uintptr_t) "--no-pci",
			 (char *)(uintptr_t) "--no-shconf",
			 (char *)(uintptr_t) "--no-telemetry",
			 (char *)(uintptr_t) "--log-level=error",
			 (char *)(uintptr_t) "-m",
			 (char *)(uintptr_t) "64",
			 cpu,
			 NULL };
	cpu_set_t set;
	size_t first = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return -errno;
	while (first < CPU_SETSIZE && !CPU_ISSET(first, &set))
		first++;
	snprintf(cpu, sizeof(cpu), "--lcores=0@%zu", first);
	return rte_eal_init(sizeof(argv) / sizeof(argv[0]) - 1, argv) < 0 ? -rte_errno : 0;
}

/* A heap of DPDK's on the huge pages that all peers have. Returns its "socket", or -1. */
static int make_heap(struct table *table, uint64_t entries)
{
	const uint64_t bytes = entries * (64 + 16 + 16 + table->key_size) + (16 << 20);

	table->heap_bytes = (bytes + HEAP_PAGE - 1) / HEAP_PAGE * HEAP_PAGE;
	table->heap = bench_pages_map(table->heap_bytes);
	if (!table->heap || rte_malloc_heap_create(HEAP) ||
	    rte_malloc_heap_memory_add(HEAP, table->heap, table->heap_bytes, NULL, 0, HEAP_PAGE))
		return -1;
	return rte_malloc_heap_get_socket(HEAP);
}

static bool make_positions(struct table *table, uint64_t entries)
{
	const struct rte_hash_parameters parameters = {
		.name = "pendbench",
		.entries = (uint32_t)entries,
		.key_len = table->key_size,
		.socket_id = make_heap(table, entries),
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};

	if (parameters.socket_id < 0)
		return false;
	table->positions = rte_hash_create(&parameters);
	if (!table->positions)
		return false;
	table->entry_count = (uint64_t)rte_hash_max_key_id(table->positions) + 1;
	return true;
}

static bool make_quiescence(struct table *table)
{
	const size_t bytes = rte_rcu_qsbr_get_memsize(table->threads);

	table->quiescence = aligned_alloc(RTE_CACHE_LINE_SIZE, (bytes + 127) / 128 * 128);
	if (!table->quiescence || rte_rcu_qsbr_init(table->quiescence, table->threads))
		return false;
	for (uint32_t i = 0; i < table->threads; i++)
		if (rte_rcu_qsbr_thread_register(table->quiescence, i))
			return false;
	return true;
}

static void hash_destroy(void *opaque)
{
	struct table *table = opaque;

	rte_hash_free(table->positions);
	free(table->quiescence);
	bench_pages_unmap(table->entries, table->entry_count * table->stride);
	bench_pages_unmap(table->sessions, table->threads * sizeof(struct session));
	free(table); /* its heap is DPDK's until the process ends */
}

static int hash_create(const struct bench_shape *shape, void **opaque)
{
	/* The table's buckets hold eight; without extension they cannot all be full. */
	const uint64_t entries = shape->max_entries + shape->max_entries / 8 +
				 (uint64_t)shape->threads * (LIMBO + CREDITS_MAX);
	struct table *table = aligned_alloc(_Alignof(struct table), sizeof(*table));
	const int error = table ? start_environment() : -ENOMEM;

	if (error) {
		free(table);
		return error;
	}
	*table = (struct table){ .key_size = shape->key_size,
				 .value_size = shape->value_size,
				 .threads = shape->threads,
				 .value_offset = (shape->key_size + 7) / 8 * 8,
				 .credits = shape->max_entries };
	table->stride = sizeof(struct entry) + table->value_offset + shape->value_size;
	table->stride = (table->stride + 63) / 64 * 64;
	peer_hash_init(&table->hash, shape->seed);
	table->sessions = bench_pages_map(shape->threads * sizeof(struct session));
	if (table->sessions && make_positions(table, entries) && make_quiescence(table))
		table->entries = bench_pages_map(table->entry_count * table->stride);
	if (!table->entries) {
		hash_destroy(table);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < shape->threads; i++) {
		table->sessions[i].table = table;
		table->sessions[i].thread = i;
	}
	*opaque = table;
	return 0;
}

static void *hash_session(void *opaque, uint32_t thread)
{
	return &((struct table *)opaque)->sessions[thread];
}

static void hash_enter(void *opaque)
{
	const struct session *session = opaque;

	rte_rcu_qsbr_thread_online(session->table->quiescence, session->thread);
}

static void hash_leave(void *opaque)
{
	const struct session *session = opaque;

	rte_rcu_qsbr_thread_offline(session->table->quiescence, session->thread);
}

static int64_t hash_live(void *opaque)
{
	const struct table *table = opaque;
	uint64_t live = 0;

	for (uint32_t i = 0; i < table->threads; i++)
		live += table->sessions[i].live;
	return (int64_t)live;
}

/* The table counts its keys by what its free list lacks: those in limbo are keys to it. */
static int hash_audit(void *opaque, const struct bench_counts *counts, char *why, size_t why_size)
{
	const struct table *table = opaque;
	int64_t keys = 0;
	const void *key;
	void *data;
	uint32_t next = 0;

	while (rte_hash_iterate(table->positions, &key, &data, &next) >= 0)
		keys++;
	if ((uint64_t)keys == counts->inserted - counts->completed)
		return 0;
	snprintf(why, why_size, "a walk through the table meets %lld keys", (long long)keys);
	return -EBADMSG;
}

static const struct bench_ops hash_ops = {
	.pend = hash_pend,
	.complete = hash_complete,
	.complete_key = hash_complete_key,
	.lookup = hash_lookup,
	.pend_batch = hash_pend_batch,
	.complete_batch = hash_complete_batch,
	.complete_key_batch = hash_complete_key_batch,
	.lookup_batch = hash_lookup_batch,
	.tick = hash_tick,
};

static void hash_drive(struct bench_lane *lane, enum bench_loop loop)
{
	bench_drive_shared(&hash_ops, lane, loop);
}

int main(void)
{
	static const struct bench_impl impl = {
		.name = "dpdk",
		.abilities = BENCH_KEYS | BENCH_BATCH | BENCH_BATCH_LOOKUP | BENCH_PEER,
		.create = hash_create,
		.destroy = hash_destroy,
		.session = hash_session,
		.enter = hash_enter,
		.leave = hash_leave,
		.live = hash_live,
		.audit = hash_audit,
		.drive = hash_drive,
	};

	return bench_worker_main(&impl);
}
