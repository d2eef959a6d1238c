/* SPDX-License-Identifier: MIT */
/*
 * measure.c - one window of one row.
 *
 * All threads warm up to one point in time and measure to another, so their windows coincide.
 * A window ends for each thread at the first clock reading after that point, and its length is
 * what really passed; operations and time are summed over threads. A figure is therefore thread
 * time for one operation: two threads that do not hinder each other show the figure of one.
 */
#include "bench/measure/measure.h"

#include <sys/resource.h>

#include "bench/measure/clock.h"
#include "bench/measure/pingpong.h"

#define START_DELAY_NS 100000u /* for the team to wake up */

struct span {
	_Alignas(128) uint64_t operations;
	uint64_t elapsed_ns;
	uint64_t preempted;
};

struct measurement {
	struct bench_subject *subject;
	const struct bench_window *window;
	uint64_t start_ns;
	struct span spans[BENCH_THREADS_MAX];
};

uint64_t bench_preemptions(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) ? 0 : (uint64_t)usage.ru_nivcsw;
}

static void measure_lane(void *context, uint32_t member)
{
	struct measurement *measurement = context;
	const struct bench_window *window = measurement->window;
	const struct bench_impl *impl = measurement->subject->impl;
	struct bench_lane *lane = &measurement->subject->lanes[member];
	struct span *span = &measurement->spans[member];

	impl->enter(lane->session);
	lane->until_ns = measurement->start_ns + window->warm_up_ns;
	impl->drive(lane, window->loop);

	const uint64_t preempted = bench_preemptions();
	const uint64_t begin_ns = bench_clock_ns();

	lane->operations = 0;
	lane->until_ns += window->window_ns;
	if (!lane->error)
		impl->drive(lane, window->loop);
	span->elapsed_ns = bench_clock_ns() - begin_ns;
	span->preempted = bench_preemptions() - preempted;
	span->operations = lane->operations;
	impl->leave(lane->session);
}

void bench_measure(struct bench_subject *subject, struct bench_team *team,
		   const struct bench_window *window, struct bench_repeat *repeat)
{
	struct measurement measurement = { .subject = subject, .window = window };

	*repeat = (struct bench_repeat){ 0 };
	if (window->threads > 1 && window->pingpong_ns)
		repeat->pingpong_ns = bench_pingpong_ns(team, window->pingpong_ns);
	measurement.start_ns = bench_clock_ns() + START_DELAY_NS;
	bench_team_run(team, window->threads, measure_lane, &measurement);
	for (uint32_t i = 0; i < window->threads; i++) {
		repeat->operations += measurement.spans[i].operations;
		repeat->elapsed_ns += measurement.spans[i].elapsed_ns;
		repeat->preempted += measurement.spans[i].preempted;
	}
	if (repeat->operations)
		repeat->ns = (double)repeat->elapsed_ns / (double)repeat->operations;
}
