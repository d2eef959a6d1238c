/* SPDX-License-Identifier: MIT */
/*
 * test_verdict.c - the rule that decides whether something changed, on synthetic processes.
 *
 * A process has a level of its own (1.2 % standard deviation, as measured for the tenth percentile
 * on a shared virtual machine), its windows are slower than that by chance, some by very much, and
 * the whole machine drifts while the two sides take turns. Seeds are fixed, so a round is the same
 * each time; the rates asked for are those of the honesty rule: 1 false of 20, 9 found of 10.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/model/verdict.h"

#define PROCESSES 8u
#define WINDOWS 15u

static double draw(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

/* About normal. */
static double normal(uint64_t *state)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += draw(state);
	return sum;
}

struct machine {
	uint64_t state;
	double spread;    /* between processes */
	double drift;     /* from the first process to the last */
	double preempted; /* share of the windows */
	double slow;      /* share of the processes that are a third slower: placed badly */
	double pingpong_ns;
	enum bench_better better;
};

static const struct machine usual = {
	.state = 1, .spread = 0.012, .drift = 0.03, .preempted = 0.15
};

static const struct bench_series like = { .scenario = "steady/key",
					  .subject = "pendmap",
					  .calls = "batch",
					  .metric = "ns",
					  .point = { .size = 65536, .threads = 2 },
					  .unit = "ns",
					  .primary = true };

static struct bench_series *add_series(struct bench_document *document,
				       const struct machine *machine)
{
	struct bench_series copy = like, *series;

	copy.better = machine->better;
	series = bench_document_series(document, &copy);
	cr_assert(series);
	return series;
}

static void add_process(struct bench_document *document, struct machine *machine, uint32_t process,
			double level)
{
	struct bench_series *series = add_series(document, machine);
	const bool slow = draw(&machine->state) < machine->slow;

	level *= 1 + machine->spread * normal(&machine->state) + (slow ? 0.33 : 0);
	for (uint32_t window = 0; window < WINDOWS; window++) {
		const bool preempted = draw(&machine->state) < machine->preempted;
		const double lateness = -log(1 - draw(&machine->state)) * 0.02;
		const double factor = 1 + lateness + (preempted ? draw(&machine->state) : 0);
		const struct bench_value value = { .value = machine->better == BENCH_MORE_IS_BETTER
								    ? level / factor
								    : level * factor,
						   .operations = 1000,
						   .preempted = preempted,
						   .pingpong_ns = machine->pingpong_ns,
						   .process = process,
						   .repeat = window };

		cr_assert_eq(bench_series_add(series, &value), 0);
	}
	document->process_count = process + 1;
}

/* Both sides in turn, A B B A: the second is @change off. */
static void campaign(struct machine *machine, uint32_t processes, double change,
		     struct bench_document *base, struct bench_document *now)
{
	bench_document_init(base);
	bench_document_init(now);
	for (uint32_t process = 0; process < processes; process++) {
		const double place = (double)process / (double)processes;
		const double level = 100 * (1 + machine->drift * place);

		for (uint32_t turn = 0; turn < 2; turn++) {
			const bool is_base = turn == process % 2;

			add_process(is_base ? base : now, machine, process,
				    is_base ? level : level * (1 + change));
		}
	}
}

static struct bench_comparison compare_once(struct machine *machine, uint32_t processes,
					    double change, const struct bench_rule *rule)
{
	struct bench_document base, now;
	struct bench_comparison *all, one;

	campaign(machine, processes, change, &base, &now);
	cr_assert_eq(bench_compare_documents(&base, &now, rule, NULL, &all), 1);
	one = *all;
	free(all);
	one.base = one.now = NULL; /* of documents that end here */
	bench_document_free(&base);
	bench_document_free(&now);
	return one;
}

static uint32_t count_verdicts(struct machine *machine, double change,
			       const struct bench_rule *rule, uint32_t rounds,
			       enum bench_verdict verdict)
{
	uint32_t count = 0;

	for (uint32_t round = 0; round < rounds; round++)
		count += compare_once(machine, PROCESSES, change, rule).verdict == verdict;
	return count;
}

/* Makes the noise document that a machine gives. */
static void find_noise(struct machine *machine, struct bench_document *noise)
{
	struct bench_document a, b;

	campaign(machine, PROCESSES, 0, &a, &b);
	bench_document_init(noise);
	cr_assert_eq(bench_noise_make(&a, &b, noise), 0);
	bench_document_free(&a);
	bench_document_free(&b);
}

Test(verdict, finds_nothing_where_nothing_changed)
{
	struct machine machine = usual;
	const struct bench_rule rule = bench_rule_default();
	const uint32_t same = count_verdicts(&machine, 0, &rule, 200, BENCH_VERDICT_SAME);

	cr_assert_geq(same, 190, "%u false alarms in 200", 200 - same);
}

Test(verdict, with_noise_found_before_it_is_stricter_still)
{
	struct machine machine = usual;
	struct bench_rule rule = bench_rule_default();
	struct bench_document noise;
	uint32_t same, plain;

	machine.spread = 0.04;
	find_noise(&machine, &noise);
	cr_assert_gt(bench_noise_of(&noise, &like), 0.02);
	cr_assert_lt(bench_noise_of(&noise, &like), 0.12);
	plain = count_verdicts(&machine, 0, &rule, 200, BENCH_VERDICT_SAME);
	rule.noise = &noise;
	same = count_verdicts(&machine, 0, &rule, 200, BENCH_VERDICT_SAME);
	cr_assert_geq(same, plain);
	cr_assert_geq(same, 192, "%u false alarms in 200", 200 - same);
	bench_document_free(&noise);
}

Test(verdict, finds_five_percent)
{
	struct machine machine = usual;
	struct bench_rule rule = bench_rule_default();
	struct bench_document noise;
	uint32_t worse, better;

	find_noise(&machine, &noise);
	rule.noise = &noise;
	worse = count_verdicts(&machine, 0.05, &rule, 100, BENCH_VERDICT_WORSE);
	better = count_verdicts(&machine, -0.05, &rule, 100, BENCH_VERDICT_BETTER);
	cr_assert_geq(worse, 90, "found %u of 100 slowdowns", worse);
	cr_assert_geq(better, 90, "found %u of 100 speedups", better);
	cr_assert_eq(count_verdicts(&machine, 0.05, &rule, 100, BENCH_VERDICT_BETTER), 0);
	bench_document_free(&noise);
}

Test(verdict, more_may_be_better)
{
	struct machine machine = usual;
	const struct bench_rule rule = bench_rule_default();

	machine.better = BENCH_MORE_IS_BETTER;
	cr_assert_geq(count_verdicts(&machine, 0.06, &rule, 40, BENCH_VERDICT_BETTER), 36);
	cr_assert_geq(count_verdicts(&machine, -0.06, &rule, 40, BENCH_VERDICT_WORSE), 36);
}

/* A change below the threshold is none, however sure it is. */
Test(verdict, small_changes_are_none)
{
	struct machine machine = usual;
	const struct bench_rule rule = bench_rule_default();
	struct bench_comparison one;

	machine.spread = machine.drift = 0.0005;
	one = compare_once(&machine, PROCESSES, 0.012, &rule);
	cr_assert_lt(one.p, 0.01);
	cr_assert_eq(one.verdict, BENCH_VERDICT_SAME);
	cr_assert(one.low <= one.change && one.change <= one.high);
	cr_assert(fabs(one.change - 0.012) < 0.006);
	one = compare_once(&machine, PROCESSES, 0.03, &rule);
	cr_assert_eq(one.verdict, BENCH_VERDICT_WORSE);
	cr_assert_eq(one.threshold, 0.02);
}

/* Processes that are placed well or badly by chance: neither side is to blame. */
Test(verdict, two_levels_are_no_change)
{
	struct machine machine = usual;
	const struct bench_rule rule = bench_rule_default();
	uint32_t same;

	machine.slow = 0.4;
	same = count_verdicts(&machine, 0, &rule, 200, BENCH_VERDICT_SAME);
	cr_assert_geq(same, 190, "%u false alarms in 200", 200 - same);
}

Test(verdict, is_refused_for_few_processes)
{
	struct machine machine = usual;
	struct bench_rule rule = bench_rule_default();
	struct bench_comparison one = compare_once(&machine, 4, 0.3, &rule);

	cr_assert_eq(one.verdict, BENCH_VERDICT_INCONCLUSIVE);
	cr_assert_str_eq(one.reason, "4 processes a side, 5 are needed");
	one = compare_once(&machine, 5, 0.3, &rule);
	cr_assert_eq(one.verdict, BENCH_VERDICT_WORSE, "%s", one.reason);
}

Test(verdict, is_refused_for_values_that_are_not_clean)
{
	struct machine machine = usual;
	const struct bench_rule rule = bench_rule_default();
	struct bench_comparison one;

	machine.preempted = 0.5;
	one = compare_once(&machine, PROCESSES, 0.3, &rule);
	cr_assert_eq(one.verdict, BENCH_VERDICT_INCONCLUSIVE);
	cr_assert(strstr(one.reason, "clean"), "%s", one.reason);
	cr_assert(one.clean > 0.3 && one.clean < 0.6);
}

Test(verdict, is_refused_for_much_noise)
{
	struct machine machine = usual;
	struct bench_rule rule = bench_rule_default();
	struct bench_document noise;
	struct bench_comparison one;

	machine.spread = 0.4;
	find_noise(&machine, &noise);
	rule.noise = &noise;
	machine.spread = 0.01;
	one = compare_once(&machine, PROCESSES, 0.5, &rule);
	cr_assert_eq(one.verdict, BENCH_VERDICT_INCONCLUSIVE);
	cr_assert(strstr(one.reason, "noise"), "%s", one.reason);
	rule.noise_given = 0.03; /* what is given counts instead */
	one = compare_once(&machine, PROCESSES, 0.5, &rule);
	cr_assert_eq(one.verdict, BENCH_VERDICT_WORSE);
	cr_assert_eq(one.threshold, 0.03);
	bench_document_free(&noise);
}

/* All of the processes of both sides count, as many as there may be. */
Test(verdict, noise_is_of_both_sides)
{
	struct machine machine = usual;
	struct bench_document a, b, noise;

	campaign(&machine, 64, 0.1, &a, &b); /* as if something had come over the second */
	bench_document_init(&noise);
	cr_assert_eq(bench_noise_make(&a, &b, &noise), 0);
	cr_assert_float_eq(bench_noise_of(&noise, &like), 0.1, 0.02);
	cr_assert_eq(noise.series[0].count, 2 * 64 * WINDOWS);
	bench_document_free(&a);
	bench_document_free(&b);
	bench_document_free(&noise);
}

Test(verdict, is_refused_when_threads_moved)
{
	struct machine near = usual, far = usual;
	const struct bench_rule rule = bench_rule_default();
	struct bench_document a, b, c, d;
	struct bench_comparison one;

	near.pingpong_ns = 25;
	far.pingpong_ns = 130;
	campaign(&near, PROCESSES, 0, &a, &b);
	campaign(&far, PROCESSES, 0.5, &c, &d);
	one = bench_compare(&a.series[0], &d.series[0], &rule);
	cr_assert_eq(one.verdict, BENCH_VERDICT_INCONCLUSIVE);
	cr_assert_str_eq(one.reason, "the threads' CPUs were near then and are far now");
	one = bench_compare(&c.series[0], &d.series[0], &rule);
	cr_assert_eq(one.verdict, BENCH_VERDICT_WORSE);
	cr_assert_str_eq(bench_verdict_word(&one), "slower");
	bench_document_free(&a);
	bench_document_free(&b);
	bench_document_free(&c);
	bench_document_free(&d);
}

Test(verdict, compares_what_both_have)
{
	struct bench_document base, now;
	struct machine machine = usual;
	const struct bench_rule rule = bench_rule_default();
	struct bench_comparison *all;
	struct bench_series other = like;

	campaign(&machine, PROCESSES, 0, &base, &now);
	other.point.size = 1024;
	cr_assert(bench_document_series(&now, &other)); /* only there */
	other.point.size = 65536;
	snprintf(other.metric, sizeof(other.metric), "p99");
	other.primary = false;
	for (uint32_t i = 0; i < PROCESSES; i++) {
		const struct bench_value value = { .value = 50 + i, .process = i };

		cr_assert_eq(bench_series_add(bench_document_series(&base, &other), &value), 0);
		cr_assert_eq(bench_series_add(bench_document_series(&now, &other), &value), 0);
	}
	cr_assert_eq(bench_compare_documents(&base, &now, &rule, NULL, &all), 1);
	cr_assert_str_eq(all[0].now->metric, "ns");
	free(all);
	cr_assert_eq(bench_compare_documents(&base, &now, &rule, "p99", &all), 1);
	cr_assert_str_eq(all[0].now->metric, "p99");
	cr_assert_eq(all[0].p, 1);
	free(all);
	cr_assert_eq(bench_compare_documents(&base, &now, &rule, "p50", &all), 0);
	free(all);
	bench_document_free(&base);
	bench_document_free(&now);
}

Test(verdict, says_when_one_side_was_not_measured)
{
	struct bench_series base = like, now = like;
	const struct bench_value value = { .value = 5, .operations = 1 };
	const struct bench_rule rule = bench_rule_default();
	struct bench_comparison one;

	snprintf(now.skipped, sizeof(now.skipped), "no memory");
	cr_assert_eq(bench_series_add(&base, &value), 0);
	one = bench_compare(&base, &now, &rule);
	cr_assert_eq(one.verdict, BENCH_VERDICT_INCONCLUSIVE);
	cr_assert_str_eq(one.reason, "not measured now: no memory");
	one = bench_compare(&now, &base, &rule);
	cr_assert_str_eq(one.reason, "not measured then");
	cr_assert_str_eq(bench_verdict_word(&one), "inconclusive");
	free(base.values);
}

/* One process counts instructions as well as eight. */
Test(verdict, counts_of_instructions_need_no_test)
{
	struct bench_series base = like, now;
	const struct bench_value was = { .value = 200, .operations = 4096 };
	const struct bench_value is = { .value = 205, .operations = 4096 };
	const struct bench_rule rule = bench_rule_default();
	struct bench_comparison one;

	snprintf(base.metric, sizeof(base.metric), "instructions");
	*base.unit = 0;
	now = base;
	cr_assert_eq(bench_series_add(&base, &was), 0);
	cr_assert_eq(bench_series_add(&now, &is), 0);
	one = bench_compare(&base, &now, &rule);
	cr_assert_eq(one.verdict, BENCH_VERDICT_WORSE, "%s", one.reason);
	cr_assert_str_eq(bench_verdict_word(&one), "worse");
	one = bench_compare(&base, &base, &rule);
	cr_assert_eq(one.verdict, BENCH_VERDICT_SAME);
	free(base.values);
	free(now.values);
}
