/* SPDX-License-Identifier: MIT */
/*
 * draws.h - what the loops of a lane seek, drawn before they are measured.
 *
 * A draw is a number below 2^30 and a kind. Numbers are uniform, or follow a Zipf distribution (the
 * rank k has a probability in proportion to k^-skew), or so many percent of them are one number.
 * Ranks are spread over the numbers by a bijection, so what is hot does not lie side by side. All
 * of it comes from a seed: each implementation is asked for the same sequence.
 */
#ifndef BENCH_MEASURE_DRAWS_H
#define BENCH_MEASURE_DRAWS_H

#include <stdint.h>

#define BENCH_DRAWS 262144u /* of each lane; a power of two */
#define BENCH_DRAW_BITS 30u

enum bench_draw { BENCH_DRAW_HIT, BENCH_DRAW_MISS, BENCH_DRAW_UPDATE };

struct bench_draws_spec {
	uint64_t range;       /* numbers are below it; 1 .. 2^30 */
	double zipf;          /* the skew; 0: uniform */
	uint32_t hot_percent; /* so many are the number 0; 0: none is forced to be */
	uint32_t update_percent;
	uint32_t miss_percent; /* the rest are hits */
	uint64_t seed;
};

/* Writes @count draws. */
void bench_draws_make(const struct bench_draws_spec *spec, uint32_t *draws, uint32_t count);

/* The number that stands for rank @rank, both below @range: a bijection. */
uint64_t bench_draw_spread(uint64_t rank, uint64_t range);

static inline uint64_t bench_draw_number(uint32_t draw)
{
	return draw & ((1u << BENCH_DRAW_BITS) - 1);
}

static inline enum bench_draw bench_draw_kind(uint32_t draw)
{
	return (enum bench_draw)(draw >> BENCH_DRAW_BITS);
}

#endif
