/* SPDX-License-Identifier: MIT */
/*
 * hash.h - the keyed hash of a map: XXH3 with a secret of its own.
 *
 * The whole 192-byte secret is drawn at random for each map, not only a 64-bit seed, so keys
 * that collide cannot be computed by who does not know it. A map created with a hash_seed
 * derives the secret from that: the same keys then land in the same buckets on every run.
 */
#ifndef PENDI_ENGINE_INDEX_HASH_H
#define PENDI_ENGINE_INDEX_HASH_H

#include <stddef.h>
#include <stdint.h>

#define PENDI_HASH_SECRET_BYTES 192u

struct pendi_hash {
	_Alignas(64) unsigned char secret[PENDI_HASH_SECRET_BYTES];
};

/* Draws the secret, or derives it from @seed if that is not 0. Never fails: where getrandom(2)
 * is refused, the 16 random bytes that the kernel gives each process and the clock serve. */
void pendi_hash_init(struct pendi_hash *hash, uint64_t seed);

/* The hash of @bytes (1 or more) at @key. Pure. */
uint64_t pendi_hash_key(const struct pendi_hash *hash, const void *key, size_t bytes);

#endif
