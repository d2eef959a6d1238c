/* SPDX-License-Identifier: MIT */
/*
 * verdict.c - did it change?
 *
 * Both conditions are needed. The rank test alone finds differences that are real and mean nothing
 * (another layout of the same code); the threshold alone takes bad luck for a change. The rank
 * test asks nothing of how the numbers are distributed, only that with nothing changed any process
 * could have been on either side, which is what interleaving them is for.
 */
#include "bench/model/verdict.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/model/figure.h"
#include "bench/model/stats.h"

#define NOISE_MOST 0.25
#define RESAMPLES 1000u
#define SEED 5u

struct side {
	const struct bench_series *series;
	double numbers[BENCH_PROCESSES_MAX]; /* the deciding ones */
	uint32_t count;
	double clean;
	const char *placement;
};

struct bench_rule bench_rule_default(void)
{
	return (struct bench_rule){
		.effect = 0.02, .p = 0.05, .clean = 0.7, .processes = 5, .noise_given = -1
	};
}

static void refuse(struct bench_comparison *comparison, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void refuse(struct bench_comparison *comparison, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(comparison->reason, sizeof(comparison->reason), format, arguments);
	va_end(arguments);
	comparison->verdict = BENCH_VERDICT_INCONCLUSIVE;
}

static void look_at(struct side *side, const struct bench_series *series)
{
	const struct bench_figure figure = bench_figure_of(series);

	side->series = series;
	side->count = bench_figure_deciding(series, side->numbers);
	side->clean = figure.clean;
	side->placement = bench_pingpong_class(figure.pingpong_ns);
}

static double noise_for(const struct bench_rule *rule, const struct bench_series *series)
{
	if (rule->noise_given >= 0)
		return rule->noise_given;
	return rule->noise ? bench_noise_of(rule->noise, series) : 0;
}

/* Whether the numbers are the same in each process, so that one says all and nothing is chance. */
static bool is_exact(const struct bench_series *series)
{
	return !strcmp(series->metric, "instructions");
}

/* Why no verdict can be given; leaves the comparison as it is if one can. */
static void doubt(struct bench_comparison *comparison, const struct side *base,
		  const struct side *now, const struct bench_rule *rule, double noise)
{
	const uint32_t fewest = base->count < now->count ? base->count : now->count;

	if (fewest < rule->processes && !is_exact(base->series))
		refuse(comparison, "%u processes a side, %u are needed", fewest, rule->processes);
	else if (comparison->clean < rule->clean)
		refuse(comparison, "only %.0f %% of the values are clean, %.0f %% are needed",
		       100 * comparison->clean, 100 * rule->clean);
	else if (noise > NOISE_MOST)
		refuse(comparison, "the noise of %.0f %% here hides any change", 100 * noise);
	else if (*base->placement && *now->placement &&
		 strcmp(base->placement, now->placement) != 0)
		refuse(comparison, "the threads' CPUs were %s then and are %s now", base->placement,
		       now->placement);
	else if (!isfinite(comparison->change) || !isfinite(comparison->p))
		refuse(comparison, "the values cannot be compared");
}

static void judge(struct bench_comparison *comparison, const struct bench_rule *rule)
{
	const double change = comparison->change;
	const enum bench_better better = comparison->now->better;

	if ((!(comparison->p < rule->p) && !is_exact(comparison->now)) ||
	    !(fabs(change) > comparison->threshold))
		comparison->verdict = BENCH_VERDICT_SAME;
	else if (better == BENCH_NEITHER_IS_BETTER)
		refuse(comparison, "it changed, but neither direction is better");
	else
		comparison->verdict = (change < 0) == (better == BENCH_LESS_IS_BETTER)
					      ? BENCH_VERDICT_BETTER
					      : BENCH_VERDICT_WORSE;
}

struct bench_comparison bench_compare(const struct bench_series *base,
				      const struct bench_series *now, const struct bench_rule *rule)
{
	struct bench_comparison comparison = { .base = base,
					       .now = now,
					       .base_value = NAN,
					       .now_value = NAN,
					       .change = NAN,
					       .low = NAN,
					       .high = NAN,
					       .p = NAN };
	const double noise = noise_for(rule, now);
	struct side was, is;
	struct bench_interval interval;

	look_at(&was, base);
	look_at(&is, now);
	comparison.threshold = fmax(rule->effect, noise);
	comparison.clean = fmin(was.clean, is.clean);
	if (!was.count || !is.count) {
		refuse(&comparison, "not measured %s%s%.64s", was.count ? "now" : "then",
		       was.count && *now->skipped ? ": " : "", was.count ? now->skipped : "");
		return comparison;
	}
	comparison.base_value = bench_stat_median(was.numbers, was.count);
	comparison.now_value = bench_stat_median(is.numbers, is.count);
	comparison.change = bench_stat_shift(was.numbers, was.count, is.numbers, is.count);
	comparison.p = bench_stat_rank_p(was.numbers, was.count, is.numbers, is.count);
	interval = bench_stat_shift_interval(was.numbers, was.count, is.numbers, is.count,
					     RESAMPLES, SEED);
	comparison.low = interval.low;
	comparison.high = interval.high;
	doubt(&comparison, &was, &is, rule, noise);
	if (!*comparison.reason)
		judge(&comparison, rule);
	return comparison;
}

int bench_compare_documents(const struct bench_document *base, const struct bench_document *now,
			    const struct bench_rule *rule, const char *metric,
			    struct bench_comparison **comparisons)
{
	struct bench_comparison *all = calloc(now->series_count + 1u, sizeof(*all));
	int count = 0;

	*comparisons = NULL;
	if (!all)
		return -ENOMEM;
	for (uint32_t i = 0; i < now->series_count; i++) {
		const struct bench_series *series = &now->series[i];
		const struct bench_series *old = bench_document_find(base, series);

		if (!old || (!old->count && !series->count) ||
		    !(metric ? !strcmp(series->metric, metric) : series->primary))
			continue;
		all[count++] = bench_compare(old, series, rule);
	}
	*comparisons = all;
	return count;
}

/* Whether a better value is a faster one. */
static bool is_speed(const struct bench_series *series)
{
	static const char *const units[] = { "ns", "us", "ms", "s", "1/s" };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(series->unit, units[i]))
			return true;
	return false;
}

const char *bench_verdict_word(const struct bench_comparison *comparison)
{
	const bool speed = is_speed(comparison->now);

	switch (comparison->verdict) {
	case BENCH_VERDICT_SAME:
		return "no change";
	case BENCH_VERDICT_BETTER:
		return speed ? "faster" : "better";
	case BENCH_VERDICT_WORSE:
		return speed ? "slower" : "worse";
	case BENCH_VERDICT_INCONCLUSIVE:
		break;
	}
	return "inconclusive";
}
