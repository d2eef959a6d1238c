/* SPDX-License-Identifier: MIT */
/*
 * torture_map.h - the parts of torture_map.c. Each runs for @rounds, in threads of its own, and
 * returns how many calls it made.
 */
#ifndef TESTS_MAP_TORTURE_MAP_H
#define TESTS_MAP_TORTURE_MAP_H

#include <stdbool.h>
#include <stdint.h>

/* torture_races.c: several complete, continue and poll the same operations; others read, scan. */
uint64_t torture_races(uint64_t seed, uint64_t rounds, bool pointers);

/* torture_pointers.c: readers hold pointers while what they point to ends. */
uint64_t torture_pointers(uint64_t seed, uint64_t rounds);
/* One of them for as long as the others work. */
uint64_t torture_stalled_reader(uint64_t seed, uint64_t rounds);

/* torture_continuation.c: a continuation map of few keys. */
uint64_t torture_continuation(uint64_t seed, uint64_t rounds, bool displaced);

/* torture_linear.c: small histories of one key, judged by linear.c. */
uint64_t torture_linear_pend(uint64_t seed, uint64_t rounds, bool displaced);
uint64_t torture_linear_continuation(uint64_t seed, uint64_t rounds, bool displaced);

#endif
