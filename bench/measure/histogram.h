/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - times by the hundred thousand: buckets of a sixteenth of an octave.
 *
 * Below 16 ns each value has a bucket; above, each octave has 16, so a percentile is at most 6.25 %
 * too high: a bucket answers with its upper bound. Several threads may add at once.
 */
#ifndef BENCH_MEASURE_HISTOGRAM_H
#define BENCH_MEASURE_HISTOGRAM_H

#include <stdint.h>

#include "platform/atomic.h"

#define BENCH_HISTOGRAM_BUCKETS (60u * 16u)

struct bench_histogram {
	_Atomic uint64_t count[BENCH_HISTOGRAM_BUCKETS];
	_Atomic uint64_t most;
};

static inline uint32_t bench_histogram_bucket(uint64_t value)
{
	uint32_t octave;

	if (value < 16)
		return (uint32_t)value;
	octave = 63u - (uint32_t)__builtin_clzll(value);
	return (octave - 3) * 16 + (uint32_t)(value >> (octave - 4)) % 16;
}

/* The highest value of a bucket. */
static inline uint64_t bench_histogram_bound(uint32_t bucket)
{
	if (bucket < 16)
		return bucket;
	return ((uint64_t)(bucket % 16 + 17) << (bucket / 16 - 1)) - 1;
}

static inline void bench_histogram_add(struct bench_histogram *histogram, uint64_t value)
{
	/* relaxed, all: counts. */
	uint64_t most = pendi_load_relaxed(&histogram->most);

	(void)pendi_fetch_add_relaxed(&histogram->count[bench_histogram_bucket(value)], 1);
	while (value > most && !pendi_cas_relaxed(&histogram->most, &most, value))
		;
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

#endif
