/* SPDX-License-Identifier: MIT */
/*
 * random.h - a small generator for tests: the same seed, the same numbers.
 */
#ifndef TESTS_SUPPORT_RANDOM_H
#define TESTS_SUPPORT_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state; /* never 0 */
};

/* A generator of its own for each @stream of one seed. */
static inline struct rng rng_make(uint64_t seed, uint64_t stream)
{
	uint64_t state = seed + (stream + 1) * UINT64_C(0x9e3779b97f4a7c15);

	state = (state ^ state >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	state = (state ^ state >> 27) * UINT64_C(0x94d049bb133111eb);
	state ^= state >> 31;
	return (struct rng){ state ? state : 1 };
}

static inline uint64_t rng_next(struct rng *rng)
{
	rng->state ^= rng->state << 13;
	rng->state ^= rng->state >> 7;
	rng->state ^= rng->state << 17;
	return rng->state;
}

/* 0 .. @bound - 1. */
static inline uint32_t rng_below(struct rng *rng, uint32_t bound)
{
	return (uint32_t)((rng_next(rng) >> 32) * bound >> 32);
}

static inline bool rng_one_in(struct rng *rng, uint32_t chances)
{
	return rng_below(rng, chances) == 0;
}

#endif
