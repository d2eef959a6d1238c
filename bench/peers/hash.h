/* SPDX-License-Identifier: MIT */
/*
 * hash.h - the hash that every peer uses: the same XXH3 with a secret that pendmap uses.
 *
 * Header-only, and with a branch for 8-byte keys in which the size is a constant: peers get it
 * at its best.
 */
#ifndef BENCH_PEERS_HASH_H
#define BENCH_PEERS_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wundef"
#define XXH_INLINE_ALL
#ifndef NDEBUG /* as in engine/index/hash.c */
#define XXH_NO_INLINE_HINTS 1
#endif
#include <xxhash.h>
#pragma GCC diagnostic pop

#define PEER_SECRET_BYTES 192u

struct peer_hash {
	unsigned char secret[PEER_SECRET_BYTES] __attribute__((aligned(64))); /* C++ too */
};

/* Draws the secret, or derives it from @seed if that is not 0. */
static inline void peer_hash_init(struct peer_hash *hash, uint64_t seed)
{
	if (!seed &&
	    getrandom(hash->secret, sizeof(hash->secret), 0) == (ssize_t)sizeof(hash->secret))
		return;
	XXH3_generateSecret_fromSeed(hash->secret, seed);
}

static inline uint64_t peer_hash_key(const struct peer_hash *hash, const void *key, uint32_t size)
{
	if (size == 8)
		return XXH3_64bits_withSecret(key, 8, hash->secret, PEER_SECRET_BYTES);
	return XXH3_64bits_withSecret(key, size, hash->secret, PEER_SECRET_BYTES);
}

static inline int peer_keys_equal(const void *one, const void *other, uint32_t size)
{
	return (size == 8 ? memcmp(one, other, 8) : memcmp(one, other, size)) == 0;
}

/* Copies a key and a value, with the sizes of the default run as constants. */
static inline void peer_copy(void *target, const void *source, uint32_t size)
{
	if (size == 128)
		memcpy(target, source, 128);
	else if (size == 8)
		memcpy(target, source, 8);
	else
		memcpy(target, source, size);
}

#endif
