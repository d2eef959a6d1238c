/* SPDX-License-Identifier: MIT */
/*
 * test_trace_plan.c - unit tests of the plan of a replay and of the generated events.
 */
#include <criterion/criterion.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench/scenario/trace.h"

enum { EVENTS = 20000 };

static struct bench_trace make(uint64_t seed)
{
	struct bench_trace trace;

	cr_assert_eq(bench_trace_generate(EVENTS, seed, &trace), 0);
	cr_assert_eq(trace.count, EVENTS);
	cr_assert(trace.generated);
	return trace;
}

/* Each event is completed once, after it arrived, in the order in which decisions fall due. */
static void check_plan(const struct bench_trace_plan *plan)
{
	unsigned char *seen = calloc(EVENTS, 1);

	for (uint64_t i = 0; i < EVENTS; i++) {
		cr_assert_lt(plan->order[i], EVENTS);
		cr_assert_eq(seen[plan->order[i]]++, 0);
		cr_assert_gt(plan->due[i], plan->arrival[plan->order[i]]);
		cr_assert(i == 0 || plan->due[i] >= plan->due[i - 1]);
	}
	free(seen);
}

Test(trace_plan, keeps_the_wanted_number_live_at_full_speed)
{
	struct bench_trace trace = make(1);
	struct bench_trace_plan plan;
	uint64_t next = 0, live = 0;

	cr_assert_eq(bench_trace_plan_make(&trace, 0, 500, 7, &plan), 0);
	check_plan(&plan);
	cr_assert(plan.live_mean > 450 && plan.live_mean < 550, "%f", plan.live_mean);
	for (uint64_t i = 0; i < EVENTS; i++) {
		for (; plan.due[next] <= plan.arrival[i]; next++)
			live--;
		live++;
		cr_assert_eq(plan.arrival[i], i);
		if (i > EVENTS / 2)
			cr_assert(live > 250 && live < 1000, "%lu live at %lu", live, i);
	}
	bench_trace_plan_free(&plan);
	bench_trace_free(&trace);
}

Test(trace_plan, uses_recorded_time_when_paced)
{
	struct bench_trace trace = make(1);
	struct bench_trace_plan plan;

	cr_assert_eq(bench_trace_plan_make(&trace, 2.5, 500, 7, &plan), 0);
	check_plan(&plan);
	for (uint64_t i = 0; i < EVENTS; i++) {
		cr_assert_eq(plan.arrival[i], (trace.offset_us[i] - trace.offset_us[0]) * 1000);
		cr_assert_leq(plan.due[i] - plan.arrival[plan.order[i]], 2000000000u);
	}
	bench_trace_plan_free(&plan);
	bench_trace_free(&trace);
}

static int compare(const void *one, const void *other)
{
	return memcmp(one, other, 20);
}

/* How often the most frequent destination occurs. */
static uint64_t busiest(const struct bench_trace *trace)
{
	unsigned char *targets = malloc((size_t)EVENTS * 20);
	uint64_t run = 0, most = 0;

	for (uint64_t i = 0; i < EVENTS; i++) {
		memcpy(targets + i * 20, trace->keys + i * BENCH_TRACE_KEY_STRIDE + 17, 16);
		memcpy(targets + i * 20 + 16, trace->keys + i * BENCH_TRACE_KEY_STRIDE + 33, 4);
		memset(targets + i * 20 + 16, 0, 2); /* not the source port */
	}
	qsort(targets, EVENTS, 20, compare);
	for (uint64_t i = 0; i < EVENTS; i++) {
		run = i && memcmp(targets + i * 20, targets + (i - 1) * 20, 20) == 0 ? run + 1 : 1;
		most = run > most ? run : most;
	}
	free(targets);
	return most;
}

Test(trace_generate, makes_bursts_and_a_busy_destination)
{
	struct bench_trace trace = make(3);
	uint64_t first = 0, peak = 0;
	const uint64_t span_us = trace.offset_us[EVENTS - 1];

	for (uint64_t i = 0; i < EVENTS; i++) {
		cr_assert(i == 0 || trace.offset_us[i] >= trace.offset_us[i - 1]);
		while (trace.offset_us[i] - trace.offset_us[first] > 1000)
			first++;
		peak = i - first + 1 > peak ? i - first + 1 : peak;
	}
	/* The busiest millisecond has ten times the events of the average one, and more. */
	cr_assert_gt(peak, 10 * EVENTS / (span_us / 1000), "peak %lu in %lu us", peak, span_us);
	cr_assert_gt(busiest(&trace), EVENTS / 20, "busiest %lu", busiest(&trace));
	bench_trace_free(&trace);
}

Test(trace_generate, repeats_itself_for_a_seed_and_only_for_that)
{
	struct bench_trace one = make(5), again = make(5), other = make(6);
	const size_t bytes = (size_t)EVENTS * BENCH_TRACE_KEY_STRIDE;

	cr_assert_arr_eq(one.keys, again.keys, bytes);
	cr_assert_arr_eq(one.offset_us, again.offset_us, EVENTS * sizeof(uint64_t));
	cr_assert_neq(memcmp(one.keys, other.keys, bytes), 0);
	bench_trace_free(&one);
	bench_trace_free(&again);
	bench_trace_free(&other);
}
