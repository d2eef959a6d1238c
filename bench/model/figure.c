/* SPDX-License-Identifier: MIT */
/*
 * figure.c - figures of a document: what its series come to.
 *
 * Values that are not finite count as not measured. Where there is no memory for a copy, the figure
 * is that of no values.
 */
#include "bench/model/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/model/stats.h"

#define NEAR_NS 60.0

/* One number that counts, and where it comes from. */
struct sample {
	double number;
	uint32_t process;
	bool clean;
};

/* A value that is no mean (a percentile, a size) is what it is, preempted or not. */
static bool is_clean(const struct bench_value *value)
{
	return !value->preempted || !value->operations;
}

/* The numbers of @process: the clean ones, or all if none is. Returns how many. */
static uint32_t of_process(const struct sample *samples, uint32_t count, uint32_t process,
			   double *numbers)
{
	for (uint32_t all = 0; all < 2; all++) {
		uint32_t chosen = 0;

		for (uint32_t i = 0; i < count; i++)
			if (samples[i].process == process && (samples[i].clean || all))
				numbers[chosen++] = samples[i].number;
		if (chosen)
			return chosen;
	}
	return 0;
}

static void bounds(const double *numbers, uint32_t count, struct bench_figure *figure)
{
	figure->low = figure->high = numbers[0];
	for (uint32_t i = 1; i < count; i++) {
		figure->low = fmin(figure->low, numbers[i]);
		figure->high = fmax(figure->high, numbers[i]);
	}
}

static struct bench_figure no_figure(void)
{
	return (struct bench_figure){ .median = NAN, .low = NAN, .high = NAN, .spread = NAN };
}

/* @numbers is scratch for as many as there are samples. */
static struct bench_figure figure_of(const struct sample *samples, uint32_t count, double *numbers)
{
	double medians[BENCH_PROCESSES_MAX];
	struct bench_figure figure = no_figure();
	uint32_t clean = 0;

	for (uint32_t process = 0; process < BENCH_PROCESSES_MAX; process++) {
		const uint32_t chosen = of_process(samples, count, process, numbers);

		if (!chosen)
			continue;
		bounds(numbers, chosen, &figure);
		medians[figure.processes++] = bench_stat_median(numbers, chosen);
	}
	if (!figure.processes)
		return figure;
	if (figure.processes > 1)
		bounds(medians, figure.processes, &figure);
	figure.median = bench_stat_median(medians, figure.processes);
	figure.spread = figure.high > figure.low ? (figure.high - figure.low) / fabs(figure.median)
						 : 0;
	for (uint32_t i = 0; i < count; i++)
		clean += samples[i].clean;
	figure.clean = (double)clean / count;
	figure.count = count;
	return figure;
}

static double pingpong_of(const struct bench_series *series, double *numbers)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < series->count; i++)
		if (series->values[i].pingpong_ns > 0)
			numbers[count++] = series->values[i].pingpong_ns;
	return count ? bench_stat_median(numbers, count) : 0;
}

/* Whether @value counts; then it is the next sample. */
static uint32_t add_sample(struct sample *samples, uint32_t count, double number,
			   const struct bench_value *value, bool clean)
{
	if (!isfinite(number) || value->process >= BENCH_PROCESSES_MAX)
		return count;
	samples[count] = (struct sample){ number, value->process, clean };
	return count + 1;
}

static uint32_t samples_of(const struct bench_series *series, struct sample *samples)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < series->count; i++)
		count = add_sample(samples, count, series->values[i].value, &series->values[i],
				   is_clean(&series->values[i]));
	return count;
}

static const struct bench_value *beside(const struct bench_series *other, uint32_t guess,
					const struct bench_value *value)
{
	for (uint32_t i = 0; i < other->count; i++) {
		const struct bench_value *at = &other->values[(guess + i) % other->count];

		if (at->process == value->process && at->repeat == value->repeat)
			return at;
	}
	return NULL;
}

static uint32_t ratios_of(const struct bench_series *series, const struct bench_series *other,
			  struct sample *samples)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < series->count; i++) {
		const struct bench_value *one = &series->values[i], *two = beside(other, i, one);

		if (two)
			count = add_sample(samples, count,
					   series->better == BENCH_LESS_IS_BETTER
						   ? two->value / one->value
						   : one->value / two->value,
					   one, is_clean(one) && is_clean(two));
	}
	return count;
}

/* Scratch for all the samples of a series and as many numbers. */
static struct sample *samples_for(const struct bench_series *series, double **numbers)
{
	const size_t count = (size_t)series->count + 1;
	struct sample *samples = malloc(count * (sizeof(*samples) + sizeof(**numbers)));

	*numbers = samples ? (double *)(samples + count) : NULL;
	return samples;
}

struct bench_figure bench_figure_of(const struct bench_series *series)
{
	double *numbers;
	struct sample *samples = samples_for(series, &numbers);
	struct bench_figure figure = no_figure();

	if (samples) {
		figure = figure_of(samples, samples_of(series, samples), numbers);
		figure.pingpong_ns = pingpong_of(series, numbers);
	}
	free(samples);
	return figure;
}

struct bench_figure bench_figure_ratio(const struct bench_series *series,
				       const struct bench_series *other)
{
	double *numbers;
	struct sample *samples = samples_for(series, &numbers);
	struct bench_figure figure = no_figure();

	if (samples) {
		figure = figure_of(samples, ratios_of(series, other, samples), numbers);
		figure.pingpong_ns = pingpong_of(series, numbers);
	}
	free(samples);
	return figure;
}

const struct bench_series *bench_figure_best_peer(const struct bench_document *document,
						  const struct bench_series *series)
{
	const struct bench_series *best = NULL;
	double best_median = 0;

	for (uint32_t i = 0; i < document->series_count; i++) {
		const struct bench_series *other = &document->series[i];

		if (!other->peer || other == series || !other->count ||
		    strcmp(other->scenario, series->scenario) != 0 ||
		    strcmp(other->metric, series->metric) != 0 ||
		    !bench_point_equal(&other->point, &series->point))
			continue;

		const double median = bench_figure_of(other).median;

		if (isfinite(median) &&
		    (!best || (series->better == BENCH_MORE_IS_BETTER ? median > best_median
								      : median < best_median))) {
			best = other;
			best_median = median;
		}
	}
	return best;
}

uint32_t bench_figure_deciding(const struct bench_series *series, double *deciding)
{
	static const double shares[] = { [BENCH_LESS_IS_BETTER] = 0.1,
					 [BENCH_MORE_IS_BETTER] = 0.9,
					 [BENCH_NEITHER_IS_BETTER] = 0.5 };
	double *numbers;
	struct sample *samples = samples_for(series, &numbers);
	const uint32_t count = samples ? samples_of(series, samples) : 0;
	uint32_t processes = 0;

	for (uint32_t process = 0; process < BENCH_PROCESSES_MAX; process++) {
		const uint32_t chosen = of_process(samples, count, process, numbers);

		if (chosen)
			deciding[processes++] =
				bench_stat_quantile(numbers, chosen, shares[series->better]);
	}
	free(samples);
	return processes;
}

uint64_t bench_spectrum_total(const struct bench_spectrum *spectrum)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < spectrum->bar_count; i++)
		total += spectrum->bars[i].count;
	return total;
}

uint64_t bench_spectrum_at(const struct bench_spectrum *spectrum, double share)
{
	const double wanted = ceil(share * (double)bench_spectrum_total(spectrum));
	double seen = 0;

	for (uint32_t i = 0; i < spectrum->bar_count; i++) {
		const uint64_t bound = spectrum->bars[i].bound;

		seen += (double)spectrum->bars[i].count;
		if (seen >= wanted && i + 1 < spectrum->bar_count)
			return bound < spectrum->most ? bound : spectrum->most;
	}
	return spectrum->most;
}

const char *bench_pingpong_class(double pingpong_ns)
{
	if (!(pingpong_ns > 0))
		return "";
	return pingpong_ns < NEAR_NS ? "near" : "far";
}
