/* SPDX-License-Identifier: MIT */
/*
 * torture_bound.h - the maps for whose slots threads race, and the requests they make.
 */
#ifndef TESTS_MAP_TORTURE_BOUND_H
#define TESTS_MAP_TORTURE_BOUND_H

#include <pendmap/pendmap.h>

#include "tests/map/map_oracle.h"
#include "tests/support/random.h"

enum { BATCH = 20, BOARD = 32, THREADS = 4, ROUND_CALLS = 24 };

/* A kind of map. */
struct plan {
	uint32_t max_entries;
	bool keyed;
	bool pointers;
};

/* What up to BATCH requests point to. */
struct requests {
	struct pend_request all[BATCH];
	struct payload values[BATCH];
	uint64_t keys[BATCH], scratches[BATCH];
};

struct pend_map *make_map(const struct plan *plan, pend_complete_fn told, void *context);

/* Keys are few enough that they collide, and enough that the bound is met first. */
uint64_t draw_key(const struct plan *plan, struct rng *rng);

void fill_request(struct requests *requests, uint32_t at, const struct plan *plan, uint64_t key,
		  uint64_t cookie);

/* An idle map takes max_entries operations and not one more: no slot was lost, none was made. */
void check_room(const struct plan *plan, struct pend_map *map);

/* torture_refusals.c: returns how many operations that took. */
uint64_t refuse_rounds(const struct plan *plan, uint64_t seed, uint64_t rounds);

#endif
