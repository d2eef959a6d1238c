/* SPDX-License-Identifier: MIT */
/*
 * torture_continuation.h - continuation maps whose keys share a bucket of the index.
 */
#ifndef TESTS_MAP_TORTURE_CONTINUATION_H
#define TESTS_MAP_TORTURE_CONTINUATION_H

#include <stdbool.h>
#include <stdint.h>

#include <pendmap/pendmap.h>

enum { CONTINUATION_RESERVE = 128 };

/*
 * The next number from *@next on whose home is bucket @home of an index of @entries with @seed,
 * which is not 0. *@next moves on.
 */
uint64_t homely_key(uint32_t entries, uint64_t seed, uint32_t home, uint64_t *next);

/*
 * A map of 8-byte keys, and @count keys to use in it. If @displaced, bucket 0 of its index is full
 * of others (*@others says how many); every other key has that home and so stands in bucket 1,
 * which is the home of the rest.
 */
struct pend_continuation *continuation_make(uint32_t entries, uint32_t value_size, uint64_t seed,
					    bool displaced, uint32_t *others, uint64_t *keys,
					    uint32_t count);

/* Nobody is inside: deletes the keys, finds every slot and every spare one there, destroys. */
void continuation_check_and_destroy(struct pend_continuation *map, uint32_t entries,
				    const uint64_t *keys, uint32_t count, uint32_t others);

#endif
