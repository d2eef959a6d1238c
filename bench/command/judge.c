/* SPDX-License-Identifier: MIT */
/*
 * judge.c - two documents, and what to exit with.
 *
 * Figures of two machines say nothing about the program, so they are refused. Those of two builds are
 * what a comparison is for; but a debug build beside a release says nothing either, and is warned of.
 */
#include "bench/command/judge.h"

#include <stdlib.h>
#include <string.h>

#include "bench/command/store.h"

/* What makes it the same work. */
static const char *const work[] = { "seed",         "window_ns",  "batch",
				    "key_size",     "value_size", "occupancy_percent",
				    "keys",         "mix",        "roles",
				    "pin",          "numa",       "in_order",
				    "caller_clock", "decide_us",  "decide_fixed",
				    "pend_percent", "trace_file", "trace_speed" };
static const char *const build[] = { "type", "flags", "sanitize", "compiler", "epoch" };

static int check_hosts(const struct bench_options *options, const struct bench_outcome *outcome)
{
	const char *base = bench_document_get(outcome->base, BENCH_ABOUT_HOST, "fingerprint");
	const char *now = bench_document_get(outcome->document, BENCH_ABOUT_HOST, "fingerprint");

	if (strcmp(base, now) == 0 || options->force)
		return 0;
	bench_complain("the two are of different machines: %s, %s; %s, %s (--force compares them)",
		       base, bench_document_get(outcome->base, BENCH_ABOUT_HOST, "cpu"), now,
		       bench_document_get(outcome->document, BENCH_ABOUT_HOST, "cpu"));
	return BENCH_EXIT_USAGE;
}

/* Says which facts differ that make the comparison one of something else than the program. */
static void warn(const struct bench_outcome *outcome, enum bench_about about,
		 const char *const *names, uint32_t count, const char *what)
{
	for (uint32_t i = 0; i < count; i++) {
		const char *base = bench_document_get(outcome->base, about, names[i]);
		const char *now = bench_document_get(outcome->document, about, names[i]);

		if (strcmp(base, now) != 0)
			bench_complain("warning: the %s differs in %s: \"%s\", then \"%s\"", what,
				       names[i], base, now);
	}
}

static int exit_status(const struct bench_options *options, const struct bench_outcome *outcome)
{
	bool worse = false, inconclusive = false;

	for (uint32_t i = 0; i < outcome->comparison_count; i++) {
		worse |= outcome->comparisons[i].verdict == BENCH_VERDICT_WORSE;
		inconclusive |= outcome->comparisons[i].verdict == BENCH_VERDICT_INCONCLUSIVE;
	}
	if (options->fail_worse && worse)
		return BENCH_EXIT_CHANGED;
	return options->fail_inconclusive && inconclusive ? BENCH_EXIT_INCONCLUSIVE : 0;
}

static int compare(const struct bench_options *options, const struct bench_document *noise,
		   struct bench_outcome *outcome)
{
	const struct bench_style style = bench_outputs_style(options);
	struct bench_comparison *comparisons = NULL;
	struct bench_rule rule = bench_rule_default();
	int count;

	rule.noise = noise->series_count ? noise : NULL;
	rule.noise_given = options->noise;
	count = bench_compare_documents(outcome->base, outcome->document, &rule, options->metric,
					&comparisons);
	if (count < 0) {
		bench_complain("no memory");
		return BENCH_EXIT_ENVIRONMENT;
	}
	if (count == 0) {
		free(comparisons);
		bench_complain("there is nothing to compare: the two share no series%s%s",
			       options->metric ? " of the metric " : "",
			       options->metric ? options->metric : "");
		return BENCH_EXIT_USAGE;
	}
	outcome->comparisons = comparisons;
	outcome->comparison_count = (uint32_t)count;
	bench_comparisons_print(&style, outcome->base, outcome->document, comparisons,
				(uint32_t)count);
	if (!rule.noise && rule.noise_given < 0)
		fputs("note: the noise of this machine is not known; pendbench noise finds it\n",
		      style.out);
	return exit_status(options, outcome);
}

int bench_judge(const struct bench_options *options, struct bench_outcome *outcome)
{
	struct bench_document noise;
	int status = check_hosts(options, outcome);

	if (status)
		return status;
	warn(outcome, BENCH_ABOUT_BUILD, build, sizeof(build) / sizeof(build[0]), "build");
	warn(outcome, BENCH_ABOUT_CONFIG, work, sizeof(work) / sizeof(work[0]), "work");
	bench_document_init(&noise);
	if (options->noise < 0)
		status = bench_store_load_noise(outcome->document, &noise);
	if (!status)
		status = compare(options, &noise, outcome);
	bench_document_free(&noise);
	return status;
}

void bench_judge_free(struct bench_outcome *outcome)
{
	struct bench_comparison *comparisons;

	memcpy(&comparisons, &outcome->comparisons, sizeof(comparisons));
	free(comparisons);
	outcome->comparisons = NULL;
	outcome->comparison_count = 0;
}
