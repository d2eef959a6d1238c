/* SPDX-License-Identifier: MIT */
/*
 * pool.h - preallocated entries for the peers that have nodes, so that none pays malloc.
 *
 * One mapping of cache-aligned entries on huge pages. A thread takes from and gives to a cache of
 * its own, last in first out; an empty cache fetches 64 from the shared stack, a full one returns
 * 64. The stack is under a mutex, which is taken once for 64 entries; an empty pool is recognised
 * by a load.
 */
#ifndef BENCH_PEERS_POOL_H
#define BENCH_PEERS_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_CACHE_ITEMS 128u
#define PEER_CACHE_MOVE 64u

struct peer_cache {
	_Alignas(128) uint32_t count;
	void *items[PEER_CACHE_ITEMS];
};

struct peer_pool {
	unsigned char *entries;
	size_t stride;
	uint64_t capacity;
	void **stack;
	pthread_mutex_t lock;
	uint64_t stacked; /* under lock: entries on the stack */
	uint64_t fresh;   /* under lock: entries ever handed out, the rest are untouched */
	_Alignas(128) _Atomic uint64_t
		available; /* stacked + capacity - fresh, written under lock */
};

/* 0 or -ENOMEM. */
int peer_pool_init(struct peer_pool *pool, uint64_t capacity, size_t entry_bytes);

void peer_pool_fini(struct peer_pool *pool);

/* Moves up to 64 entries between the stack and a cache. Refill returns whether it got any. */
bool peer_pool_refill(struct peer_pool *pool, struct peer_cache *cache);
void peer_pool_spill(struct peer_pool *pool, struct peer_cache *cache);

/* Entries that are neither on the stack nor in one of the @caches, @stride bytes apart. Quiet. */
uint64_t peer_pool_taken(const struct peer_pool *pool, const void *caches, uint32_t count,
			 size_t stride);

static inline void *peer_pool_take(struct peer_pool *pool, struct peer_cache *cache)
{
	if (!cache->count && !peer_pool_refill(pool, cache))
		return NULL;
	return cache->items[--cache->count];
}

static inline void peer_pool_give(struct peer_pool *pool, struct peer_cache *cache, void *entry)
{
	if (cache->count == PEER_CACHE_ITEMS)
		peer_pool_spill(pool, cache);
	cache->items[cache->count++] = entry;
}

#endif
