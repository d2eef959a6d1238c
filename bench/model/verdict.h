/* SPDX-License-Identifier: MIT */
/*
 * verdict.h - did it change? One series of two documents, and a judgement that can be refused.
 *
 * What is compared is one number for each process (bench_figure_deciding()), because the spread
 * between processes is what one process cannot see. Changed means both: a Mann-Whitney test with
 * p < 0.05, and a shift that is larger than the threshold, which is the larger of the effect asked
 * for (2 %) and the noise that this machine was found to have in that series.
 *
 * A verdict is refused (inconclusive) with fewer than 5 processes a side, with less than 70 % of the
 * values clean, where the noise itself is larger than a quarter, or where the threads of one side
 * shared a cache and those of the other did not. Counts of instructions are exact: of them one
 * process suffices, and the threshold alone decides.
 */
#ifndef BENCH_MODEL_VERDICT_H
#define BENCH_MODEL_VERDICT_H

#include "bench/model/document.h"

enum bench_verdict {
	BENCH_VERDICT_SAME,
	BENCH_VERDICT_BETTER,
	BENCH_VERDICT_WORSE,
	BENCH_VERDICT_INCONCLUSIVE,
};

struct bench_rule {
	double effect;                      /* smallest shift of interest: 0.02 */
	double p;                           /* 0.05 */
	double clean;                       /* smallest share of clean values: 0.7 */
	uint32_t processes;                 /* fewest a side: 5 */
	const struct bench_document *noise; /* of `pendbench noise`, or NULL: only @effect counts */
	double noise_given;                 /* 0 or more: instead of @noise */
};

struct bench_rule bench_rule_default(void);

struct bench_comparison {
	const struct bench_series *base;
	const struct bench_series *now;
	double base_value, now_value; /* medians of the deciding numbers */
	double change;                /* relative, of the value: 0.02 is 2 % more of the unit */
	double low, high;             /* of the change: 95 % bootstrap */
	double p;
	double threshold; /* the larger of effect and noise */
	double clean;     /* of the side that has less */
	enum bench_verdict verdict;
	char reason[96]; /* why it is inconclusive, or "" */
};

/* Compares two series, or refuses to. */
struct bench_comparison bench_compare(const struct bench_series *base,
				      const struct bench_series *now,
				      const struct bench_rule *rule);

/*
 * Compares each series of @now that @base has too (primary ones, or those whose metric is @metric).
 * Writes an array to be freed; returns how many, or -ENOMEM.
 */
int bench_compare_documents(const struct bench_document *base, const struct bench_document *now,
			    const struct bench_rule *rule, const char *metric,
			    struct bench_comparison **comparisons);

/*
 * The noise of a series in an A/A document (pendbench noise): the shift that its two sides showed
 * although nothing changed, or the one that 19 of 20 halves drawn anew from all of their processes
 * stay below, whichever is larger. 0 if it is not in it.
 */
double bench_noise_of(const struct bench_document *noise, const struct bench_series *series);

/* Makes that document out of two sides that are the same program. 0 or -ENOMEM. */
int bench_noise_make(const struct bench_document *a, const struct bench_document *b,
		     struct bench_document *noise);

/* "faster", "slower", "better", "worse", "no change", "inconclusive". */
const char *bench_verdict_word(const struct bench_comparison *comparison);

#endif
