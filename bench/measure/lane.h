/* SPDX-License-Identifier: MIT */
/*
 * lane.h - what one thread needs to drive one table: its keys, its live operations, its counts.
 *
 * A table has one lane for each thread that may drive it. A lane belongs to the thread that runs
 * it and to the main thread while none does; nothing in it is shared.
 *
 * Operations are numbered, and the number is the key: 8 bytes of the number, then zeros. The fill
 * uses 0 .. live-1, a lane's fresh keys count up from (lane + 1) << 48, and keys that are never
 * pended have the top bit set. The first 8 bytes of every value are the number too, so that a
 * lookup can tell the right value from a wrong one.
 */
#ifndef BENCH_MEASURE_LANE_H
#define BENCH_MEASURE_LANE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define BENCH_BATCH_MAX 256u
#define BENCH_THREADS_MAX 64u
#define BENCH_NUMBER_ABSENT (1ull << 63)

/* A pended operation: what completes it by handle, and by key. */
struct bench_live {
	uint64_t token;
	uint64_t number;
};

/*
 * What a lane did, by the answers it got. Every attempt has one outcome:
 * attempted = inserted + refused + duplicate + delayed; and inserted = completed + live.
 */
struct bench_counts {
	uint64_t attempted;
	uint64_t inserted;
	uint64_t refused;   /* -ENOSPC */
	uint64_t duplicate; /* -EEXIST */
	uint64_t delayed;   /* -EAGAIN, tried again */
	uint64_t completed;
	uint64_t looked_up;
	uint64_t hits;
};

struct bench_trace_plan;   /* trace.h */
struct bench_trace_counts; /* trace.h */
struct bench_origin;       /* driver_origin.h */
struct bench_recover;      /* driver_origin.h */
struct bench_paced;        /* driver_paced.h */

struct bench_lane {
	_Alignas(128) void *session; /* the implementation's, for this thread */
	uint64_t until_ns;           /* when the loop ends */
	uint64_t chunks;             /* it ends after so many chunks instead; 0: by the clock */
	uint64_t planted;            /* spins after each chunk: bench_more() */
	uint64_t spun;               /* nobody reads it */
	uint64_t operations;         /* done by the loop: pairs, lookups or refusals */
	uint64_t next_number;
	uint64_t random;
	struct bench_live *ring; /* this lane's part of the live operations, oldest at head */
	uint64_t ring_size;
	uint64_t head;
	uint64_t first_number; /* of the fill, this lane's part */
	const uint32_t *draws; /* draws.h: what is sought next */
	uint64_t draw_mask;
	uint64_t drawn;
	uint64_t walk_least;      /* a walk meets at least so many */
	struct bench_live *extra; /* what a fill to the brim added */
	uint64_t extra_count;
	uint64_t extra_size;
	unsigned char *keys;   /* batch keys to pend or look up */
	unsigned char *others; /* batch keys to complete */
	unsigned char *values; /* batch values, in or out */
	uint32_t key_size;
	uint32_t value_size;
	uint32_t batch;
	int error;              /* what stopped the lane, or 0 */
	const char *error_call; /* what answered it */
	const struct bench_trace_plan *plan;
	struct bench_trace_counts *traced;
	struct bench_origin *origin;   /* driver_origin.h */
	struct bench_recover *recover; /* driver_origin.h */
	struct bench_paced *paced;     /* driver_paced.h */
	struct bench_counts counts;
};

static inline void bench_number_write(unsigned char *bytes, uint64_t number)
{
	memcpy(bytes, &number, sizeof(number));
}

static inline uint64_t bench_number_read(const unsigned char *bytes)
{
	uint64_t number;

	memcpy(&number, bytes, sizeof(number));
	return number;
}

/* The next random number of a splitmix64 sequence. */
static inline uint64_t bench_random(uint64_t *state)
{
	uint64_t mixed = *state += 0x9e3779b97f4a7c15u;

	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
	return mixed ^ (mixed >> 31);
}

/* A random number below @bound, which is below 2^32. */
static inline uint64_t bench_random_below(uint64_t *state, uint64_t bound)
{
	return ((bench_random(state) >> 32) * bound) >> 32;
}

/* Remembers the first thing that went wrong. */
static inline void bench_lane_fail(struct bench_lane *lane, const char *call, int error)
{
	if (!lane->error) {
		lane->error = error;
		lane->error_call = call;
	}
}

#endif
