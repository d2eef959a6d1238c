/* SPDX-License-Identifier: MIT */
/*
 * trace_plan.c - draws when each event of a trace is decided, and sorts the decisions.
 *
 * Decision times are log-normal with a sigma of 1: most are quick, a few take many times longer.
 * In recorded time their median is 20 ms and none exceeds 2 s; at full speed they are scaled so
 * that their mean is the wanted number of live events.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/scenario/trace.h"

#define DECISION_MEDIAN_NS 20e6
#define DECISION_MAX_NS 2e9
#define LOG_NORMAL_MEAN 1.6487212707 /* exp(sigma^2 / 2) for a median of 1 */

struct decision {
	uint64_t due;
	uint32_t event;
};

/* A log-normal number of median 1: the exponential of a normal one (Box and Muller). */
static double draw(uint64_t *random)
{
	const double u = ((double)(bench_random(random) >> 11) + 0.5) * 0x1p-53;
	const double v = ((double)(bench_random(random) >> 11) + 0.5) * 0x1p-53;

	return exp(sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

static int compare(const void *one, const void *other)
{
	const struct decision *a = one, *b = other;

	if (a->due != b->due)
		return a->due < b->due ? -1 : 1;
	return (a->event > b->event) - (a->event < b->event);
}

void bench_trace_plan_free(struct bench_trace_plan *plan)
{
	free(plan->arrival);
	free(plan->due);
	free(plan->order);
	free(plan->tokens);
	memset(plan, 0, sizeof(*plan));
}

/* The decision of event @i in ticks, 1 or more. */
static uint64_t decide(double speed, uint64_t live, uint64_t *random)
{
	double ticks = draw(random);

	if (speed > 0)
		ticks = fmin(ticks * DECISION_MEDIAN_NS, DECISION_MAX_NS);
	else
		ticks *= (double)live / LOG_NORMAL_MEAN;
	return ticks < 1 ? 1 : (uint64_t)ticks;
}

int bench_trace_plan_make(const struct bench_trace *trace, double speed, uint64_t live,
			  uint64_t seed, struct bench_trace_plan *plan)
{
	const uint64_t count = trace->count;
	struct decision *decisions = calloc(count, sizeof(*decisions));
	uint64_t random = seed ^ 0x7472616365ull;
	double sum = 0;

	*plan = (struct bench_trace_plan){ .keys = trace->keys,
					   .count = count,
					   .arrival = calloc(count, sizeof(uint64_t)),
					   .due = calloc(count, sizeof(uint64_t)),
					   .order = calloc(count, sizeof(uint32_t)),
					   .tokens = calloc(count, sizeof(uint64_t)),
					   .speed = speed };
	if (!decisions || !plan->arrival || !plan->due || !plan->order || !plan->tokens) {
		free(decisions);
		bench_trace_plan_free(plan);
		return -ENOMEM;
	}
	for (uint64_t i = 0; i < count; i++) {
		const uint64_t ticks = decide(speed, live, &random);

		plan->arrival[i] = speed > 0 ? (trace->offset_us[i] - trace->offset_us[0]) * 1000
					     : i;
		decisions[i] = (struct decision){ plan->arrival[i] + ticks, (uint32_t)i };
		sum += (double)ticks;
	}
	qsort(decisions, count, sizeof(*decisions), compare);
	for (uint64_t i = 0; i < count; i++) {
		plan->due[i] = decisions[i].due;
		plan->order[i] = decisions[i].event;
	}
	plan->live_mean = speed > 0 ? 0 : sum / (double)count;
	free(decisions);
	return 0;
}
