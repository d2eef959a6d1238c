/* SPDX-License-Identifier: MIT */
/*
 * hgrm.c - one spectrum as the percentile text of HdrHistogram, which its plotters read.
 *
 * Each time that what is left above a percentile halves, five lines are written; a line gives the
 * value at its percentile, and how many values do not exceed that.
 */
#include "bench/output/output.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#define TICKS 5u   /* lines for a half */
#define HALVES 48u /* at most: what is left is below one value of any spectrum */
#define NS_IN_US 1e3

struct moments {
	double mean;
	double deviation;
	uint64_t total;
};

/* Of the bounds of the bars: above the true ones by what a bar is wide. */
static struct moments find_moments(const struct bench_spectrum *spectrum)
{
	struct moments moments = { .total = bench_spectrum_total(spectrum) };
	double squares = 0;

	for (uint32_t i = 0; i < spectrum->bar_count && moments.total; i++)
		moments.mean += (double)spectrum->bars[i].bound * (double)spectrum->bars[i].count /
				(double)moments.total;
	for (uint32_t i = 0; i < spectrum->bar_count; i++)
		squares += pow((double)spectrum->bars[i].bound - moments.mean, 2) *
			   (double)spectrum->bars[i].count;
	if (moments.total)
		moments.deviation = sqrt(squares / (double)moments.total);
	return moments;
}

/* How many values do not exceed what bar number @bar holds. */
static uint64_t count_until(const struct bench_spectrum *spectrum, uint32_t bar)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i <= bar; i++)
		count += spectrum->bars[i].count;
	return count;
}

/* The first bar up to which @share of the @total values lie. */
static uint32_t bar_at(const struct bench_spectrum *spectrum, double share, uint64_t total)
{
	const uint64_t wanted = (uint64_t)ceil(share * (double)total);
	uint64_t seen = 0;
	uint32_t bar = 0;

	for (; bar < spectrum->bar_count; bar++) {
		seen += spectrum->bars[bar].count;
		if (seen && seen >= wanted)
			break;
	}
	return bar < spectrum->bar_count ? bar : spectrum->bar_count - 1;
}

/* Writes the line of @share; true if it was the last, for all values are below. */
static bool write_line(const struct bench_spectrum *spectrum, double share, uint64_t total,
		       FILE *out)
{
	const uint32_t bar = bar_at(spectrum, share, total);
	const uint64_t bound = spectrum->bars[bar].bound, count = count_until(spectrum, bar);
	const double us = (double)(bound < spectrum->most ? bound : spectrum->most) / NS_IN_US;

	if (count == total) {
		fprintf(out, "%12.3f %2.12f %10" PRIu64 "\n", (double)spectrum->most / NS_IN_US,
			1.0, total);
		return true;
	}
	fprintf(out, "%12.3f %2.12f %10" PRIu64 " %14.2f\n", us, share, count, 1 / (1 - share));
	return false;
}

int bench_hgrm_write(const struct bench_spectrum *spectrum, FILE *out)
{
	const struct moments moments = find_moments(spectrum);
	bool ended = moments.total == 0;

	fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
		"1/(1-Percentile)");
	for (uint32_t half = 0; half < HALVES && !ended; half++)
		for (uint32_t tick = 0; tick < TICKS && !ended; tick++)
			ended = write_line(spectrum,
					   1 - (1 - 0.5 * tick / TICKS) / ldexp(1, (int)half),
					   moments.total, out);
	if (!ended)
		(void)write_line(spectrum, 1, moments.total, out);
	fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", moments.mean / NS_IN_US,
		moments.deviation / NS_IN_US);
	fprintf(out, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n",
		(double)spectrum->most / NS_IN_US, moments.total);
	fprintf(out, "#[Buckets = %12" PRIu32 ", SubBuckets     = %12u]\n", spectrum->bar_count,
		1u);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
