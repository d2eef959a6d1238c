/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - times by the million: buckets of a sixty-fourth of an octave.
 *
 *	value   0 1 2 .. 63 | 64 65 .. 127 | 128 130 .. 254 | 256 260 .. 508 | ...
 *	bucket  one each    | one each     | two in each    | four in each   | ...
 *
 * Below 128 each value has a bucket; above, each octave has 64, so a percentile is at most 1.6 % too
 * high: a bucket answers with its upper bound. bench_histogram_add() is for several threads at once,
 * bench_histogram_note() for a histogram that one thread writes; reading is for when nobody does.
 */
#ifndef BENCH_MEASURE_HISTOGRAM_H
#define BENCH_MEASURE_HISTOGRAM_H

#include <stdint.h>

#include "bench/model/document.h"
#include "platform/atomic.h"

#define BENCH_HISTOGRAM_BITS 6u
#define BENCH_HISTOGRAM_PARTS (1u << BENCH_HISTOGRAM_BITS) /* of an octave */
#define BENCH_HISTOGRAM_BUCKETS ((65u - BENCH_HISTOGRAM_BITS) * BENCH_HISTOGRAM_PARTS)

struct bench_histogram {
	_Atomic uint64_t count[BENCH_HISTOGRAM_BUCKETS];
	_Atomic uint64_t most;
};

static inline uint32_t bench_histogram_bucket(uint64_t value)
{
	uint32_t octave;

	if (value < BENCH_HISTOGRAM_PARTS)
		return (uint32_t)value;
	octave = 63u - (uint32_t)__builtin_clzll(value);
	return (octave - BENCH_HISTOGRAM_BITS + 1) * BENCH_HISTOGRAM_PARTS +
	       (uint32_t)(value >> (octave - BENCH_HISTOGRAM_BITS)) % BENCH_HISTOGRAM_PARTS;
}

/* The highest value of a bucket. */
static inline uint64_t bench_histogram_bound(uint32_t bucket)
{
	const uint32_t part = bucket % BENCH_HISTOGRAM_PARTS;
	const uint32_t octave = bucket / BENCH_HISTOGRAM_PARTS;

	if (octave == 0)
		return bucket;
	return ((uint64_t)(part + BENCH_HISTOGRAM_PARTS + 1) << (octave - 1)) - 1;
}

static inline void bench_histogram_add(struct bench_histogram *histogram, uint64_t value)
{
	/* relaxed, all: counts. */
	uint64_t most = pendi_load_relaxed(&histogram->most);

	(void)pendi_fetch_add_relaxed(&histogram->count[bench_histogram_bucket(value)], 1);
	while (value > most && !pendi_cas_relaxed(&histogram->most, &most, value))
		;
}

/* As bench_histogram_add(), for the only thread that writes. */
static inline void bench_histogram_note(struct bench_histogram *histogram, uint64_t value)
{
	_Atomic uint64_t *count = &histogram->count[bench_histogram_bucket(value)];

	/* relaxed, all: counts of its own. */
	pendi_store_relaxed(count, pendi_load_relaxed(count) + 1);
	if (value > pendi_load_relaxed(&histogram->most))
		pendi_store_relaxed(&histogram->most, value);
}

/* Adds all that @from has. */
static inline void bench_histogram_merge(struct bench_histogram *into,
					 const struct bench_histogram *from)
{
	const uint64_t most = pendi_load_relaxed(&from->most); /* relaxed: nobody adds now */

	for (uint32_t i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
		/* relaxed, both: as above. */
		const uint64_t count = pendi_load_relaxed(&from->count[i]);

		if (count)
			(void)pendi_fetch_add_relaxed(&into->count[i], count);
	}
	if (most > pendi_load_relaxed(&into->most)) /* relaxed, both: as above */
		pendi_store_relaxed(&into->most, most);
}

static inline uint64_t bench_histogram_total(const struct bench_histogram *histogram)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++)
		total += pendi_load_relaxed(&histogram->count[i]); /* relaxed: nobody adds now */
	return total;
}

/* The value that @share (0 .. 1) of all do not exceed; 0 if there are none. */
static inline uint64_t bench_histogram_at(const struct bench_histogram *histogram, double share)
{
	const uint64_t most = pendi_load_relaxed(&histogram->most); /* relaxed: as above */
	const double wanted = share * (double)bench_histogram_total(histogram);
	uint64_t seen = 0;

	for (uint32_t i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
		seen += pendi_load_relaxed(&histogram->count[i]); /* relaxed: as above */
		if (seen && (double)seen >= wanted)
			return bench_histogram_bound(i) < most ? bench_histogram_bound(i) : most;
	}
	return most;
}

/* The buckets that are not empty, ascending, into @bars, which has BENCH_HISTOGRAM_BUCKETS. Returns
 * how many. */
static inline uint32_t bench_histogram_bars(const struct bench_histogram *histogram,
					    struct bench_bar *bars)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
		/* relaxed: as above. */
		const uint64_t count = pendi_load_relaxed(&histogram->count[i]);

		if (count)
			bars[used++] = (struct bench_bar){ bench_histogram_bound(i), count };
	}
	return used;
}

#endif
