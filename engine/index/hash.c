/* SPDX-License-Identifier: MIT */
/*
 * hash.c - the secret of a map's hash, and the hash itself.
 */
#include "engine/index/hash.h"

#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wundef"
#define XXH_INLINE_ALL
#ifndef NDEBUG /* gcc -Og cannot inline all that xxhash.h insists on */
#define XXH_NO_INLINE_HINTS 1
#endif
#include <xxhash.h>
#pragma GCC diagnostic pop

#include "platform/clock.h"

_Static_assert(PENDI_HASH_SECRET_BYTES >= XXH3_SECRET_SIZE_MIN, "XXH3 wants that much secret");
_Static_assert(PENDI_HASH_SECRET_BYTES == XXH_SECRET_DEFAULT_SIZE, "what a seed generates");

/* A seed that differs between processes and between calls. */
static uint64_t fallback_seed(void)
{
	uint64_t halves[2] = { 0, 0 };
	const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM);

	if (random)
		memcpy(halves, random, sizeof(halves));
	return halves[0] ^ (halves[1] + pendi_clock_boot_ns());
}

void pendi_hash_init(struct pendi_hash *hash, uint64_t seed)
{
	if (!seed) {
		if (getrandom(hash->secret, sizeof(hash->secret), 0) ==
		    (ssize_t)sizeof(hash->secret))
			return;
		seed = fallback_seed();
	}
	XXH3_generateSecret_fromSeed(hash->secret, seed);
}

uint64_t pendi_hash_key(const struct pendi_hash *hash, const void *key, size_t bytes)
{
	/* A size that the compiler knows spares the choice among XXH3's forms. */
	if (bytes == 8)
		return XXH3_64bits_withSecret(key, 8, hash->secret, sizeof(hash->secret));
	return XXH3_64bits_withSecret(key, bytes, hash->secret, sizeof(hash->secret));
}
