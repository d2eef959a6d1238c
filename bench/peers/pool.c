/* SPDX-License-Identifier: MIT */
/*
 * pool.c - preallocated entries for the peers that have nodes.
 *
 * Fresh entries are handed out in address order, so that memory is touched as it is used.
 */
#include "bench/peers/pool.h"

#include <errno.h>
#include <string.h>

#include "bench/measure/pages.h"

int peer_pool_init(struct peer_pool *pool, uint64_t capacity, size_t entry_bytes)
{
	memset(pool, 0, sizeof(*pool));
	pool->stride = (entry_bytes + 63) / 64 * 64;
	pool->capacity = capacity;
	pool->entries = bench_pages_map(capacity * pool->stride);
	pool->stack = bench_pages_map(capacity * sizeof(void *));
	if (!pool->entries || !pool->stack || pthread_mutex_init(&pool->lock, NULL)) {
		bench_pages_unmap(pool->entries, capacity * pool->stride);
		bench_pages_unmap(pool->stack, capacity * sizeof(void *));
		return -ENOMEM;
	}
	/* relaxed: no other thread has the pool yet. */
	atomic_store_explicit(&pool->available, capacity, memory_order_relaxed);
	return 0;
}

void peer_pool_fini(struct peer_pool *pool)
{
	bench_pages_unmap(pool->entries, pool->capacity * pool->stride);
	bench_pages_unmap(pool->stack, pool->capacity * sizeof(void *));
	pthread_mutex_destroy(&pool->lock);
}

/* Under the lock. relaxed: a hint; whoever acts on it takes the lock and looks again. */
static void publish(struct peer_pool *pool)
{
	atomic_store_explicit(&pool->available, pool->stacked + pool->capacity - pool->fresh,
			      memory_order_relaxed);
}

bool peer_pool_refill(struct peer_pool *pool, struct peer_cache *cache)
{
	uint32_t moved = 0;

	/* relaxed: as in publish(). A refusal may be a moment old, like any refusal. */
	if (!atomic_load_explicit(&pool->available, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&pool->lock);
	while (moved < PEER_CACHE_MOVE && pool->stacked)
		cache->items[moved++] = pool->stack[--pool->stacked];
	if (moved == 0) {
		const uint64_t left = pool->capacity - pool->fresh;
		const uint32_t count = left < PEER_CACHE_MOVE ? (uint32_t)left : PEER_CACHE_MOVE;

		pool->fresh += count;
		for (; moved < count; moved++) /* the lowest address is taken first */
			cache->items[moved] =
				pool->entries + (pool->fresh - 1 - moved) * pool->stride;
	}
	publish(pool);
	pthread_mutex_unlock(&pool->lock);
	cache->count = moved;
	return moved > 0;
}

void peer_pool_spill(struct peer_pool *pool, struct peer_cache *cache)
{
	pthread_mutex_lock(&pool->lock);
	memcpy(&pool->stack[pool->stacked], cache->items, PEER_CACHE_MOVE * sizeof(void *));
	pool->stacked += PEER_CACHE_MOVE;
	publish(pool);
	pthread_mutex_unlock(&pool->lock);
	cache->count -= PEER_CACHE_MOVE;
	memmove(cache->items, &cache->items[PEER_CACHE_MOVE], cache->count * sizeof(void *));
}

uint64_t peer_pool_taken(const struct peer_pool *pool, const void *caches, uint32_t count,
			 size_t stride)
{
	uint64_t taken = pool->fresh - pool->stacked;

	for (uint32_t i = 0; i < count; i++)
		taken -= ((const struct peer_cache *)(const void *)((const unsigned char *)caches +
								    i * stride))
				 ->count;
	return taken;
}
