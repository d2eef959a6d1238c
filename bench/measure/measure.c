/* SPDX-License-Identifier: MIT */
/*
 * measure.c - one window of one row.
 *
 * All threads warm up to one point in time and measure to another, so their windows coincide.
 * A window ends for each thread at the first clock reading after that point, and its length is
 * what really passed; operations and time are summed over threads. A figure is therefore thread
 * time for one operation: two threads that do not hinder each other show the figure of one.
 *
 * A window of chunks has a fixed number of operations instead, and what passes is what is measured.
 */
#include "bench/measure/measure.h"

#include <sys/resource.h>

#include "bench/measure/clock.h"
#include "bench/measure/driver.h"
#include "bench/measure/instructions.h"
#include "bench/measure/pingpong.h"
#include "bench/peers/remote.h"

#define START_DELAY_NS 100000u /* for the team to wake up */
#define SPINS 200000u
#define SPIN_TRIES 15u

struct span {
	_Alignas(128) uint64_t operations;
	uint64_t elapsed_ns;
	uint64_t preempted;
	struct bench_counted counted;
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

double bench_spins_per_ns(void)
{
	static double best; /* main thread only */

	if (best > 0)
		return best;
	for (uint32_t i = 0; i < SPIN_TRIES; i++) {
		const uint64_t begin_ns = bench_clock_ns();
		/* What it comes to is used, so that the spins are not left out. */
		const uint64_t spun = bench_spin(SPINS + i);
		const double rate =
			(double)SPINS / (double)(bench_clock_ns() - begin_ns + 1 + (spun == 1));

		best = rate > best ? rate : best;
	}
	return best;
}

/* ---- roles ---- */

static bool has_roles(const struct bench_window *window)
{
	return window->roles[BENCH_ROLE_PEND] + window->roles[BENCH_ROLE_LOOKUP] +
		       window->roles[BENCH_ROLE_WALK] >
	       0;
}

static enum bench_role role_of(const struct bench_window *window, uint32_t member)
{
	if (member < window->roles[BENCH_ROLE_PEND])
		return BENCH_ROLE_PEND;
	member -= window->roles[BENCH_ROLE_PEND];
	return member < window->roles[BENCH_ROLE_LOOKUP] ? BENCH_ROLE_LOOKUP : BENCH_ROLE_WALK;
}

static enum bench_loop loop_of(const struct bench_window *window, uint32_t member)
{
	static const enum bench_loop loops[BENCH_ROLES] = {
		[BENCH_ROLE_PEND] = BENCH_LOOP_STEADY_KEY,
		[BENCH_ROLE_LOOKUP] = BENCH_LOOP_HIT,
		[BENCH_ROLE_WALK] = BENCH_LOOP_WALK,
	};

	return has_roles(window) ? loops[role_of(window, member)] : window->loop;
}

/* A walk meets at least what no lane of the window completes. */
static void prepare_walks(struct bench_subject *subject, const struct bench_window *window)
{
	uint64_t still = subject->ring_size;

	for (uint32_t i = 0; i < window->roles[BENCH_ROLE_PEND]; i++)
		still -= subject->lanes[i].ring_size;
	for (uint32_t i = 0; i < window->threads; i++)
		subject->lanes[i].walk_least = still;
}

/* ---- one window ---- */

static void measure_lane(void *context, uint32_t member)
{
	struct measurement *measurement = context;
	const struct bench_window *window = measurement->window;
	const struct bench_impl *impl = measurement->subject->impl;
	const enum bench_loop loop = loop_of(window, member);
	struct bench_lane *lane = &measurement->subject->lanes[member];
	struct span *span = &measurement->spans[member];
	struct bench_counters counters;

	if (window->counted)
		bench_counters_open(&counters, bench_counter_events);
	impl->enter(lane->session);
	lane->planted = window->planted;
	lane->chunks = window->warm_up_chunks;
	lane->until_ns = measurement->start_ns + window->warm_up_ns;
	impl->drive(lane, loop);

	const uint64_t preempted = bench_preemptions();

	lane->operations = 0;
	lane->chunks = window->chunks;
	lane->until_ns += window->window_ns;
	if (window->counted)
		bench_counters_begin(&counters);

	const uint64_t begin_ns = bench_clock_ns();

	if (window->instructions)
		bench_instructions_begin();
	if (!lane->error)
		impl->drive(lane, loop);
	if (window->instructions)
		bench_instructions_end();
	span->elapsed_ns = bench_clock_ns() - begin_ns;
	span->preempted = bench_preemptions() - preempted;
	span->operations = lane->operations;
	if (window->counted) {
		bench_counters_end(&counters, &span->counted);
		bench_counters_close(&counters);
	}
	lane->chunks = 0;
	lane->planted = 0;
	impl->leave(lane->session);
}

static double ratio(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static void sum(const struct measurement *measurement, struct bench_repeat *repeat)
{
	const struct bench_window *window = measurement->window;
	uint64_t elapsed_ns[BENCH_ROLES] = { 0 };
	double slowest = 0, fastest = 0;

	for (uint32_t i = 0; i < window->threads; i++) {
		const struct span *span = &measurement->spans[i];
		const double rate = ratio((double)span->operations, (double)span->elapsed_ns);

		repeat->operations += span->operations;
		repeat->elapsed_ns += span->elapsed_ns;
		repeat->preempted += span->preempted;
		bench_counted_add(&repeat->counted, &span->counted);
		slowest = i == 0 || rate < slowest ? rate : slowest;
		fastest = rate > fastest ? rate : fastest;
		if (has_roles(window)) {
			repeat->role_operations[role_of(window, i)] += span->operations;
			elapsed_ns[role_of(window, i)] += span->elapsed_ns;
		}
	}
	repeat->ns = ratio((double)repeat->elapsed_ns, (double)repeat->operations);
	for (uint32_t i = 0; i < BENCH_ROLES; i++)
		repeat->role_ns[i] =
			ratio((double)elapsed_ns[i], (double)repeat->role_operations[i]);
	if (window->threads > 1 && !has_roles(window))
		repeat->fairness = ratio(slowest, fastest);
}

void bench_measure(struct bench_subject *subject, struct bench_team *team,
		   const struct bench_window *window, struct bench_repeat *repeat)
{
	struct measurement measurement = { .subject = subject, .window = window };

	*repeat = (struct bench_repeat){ 0 };
	if (subject->remote) {
		bench_remote_measure(subject, team, window, repeat);
		return;
	}
	if (!bench_subject_draw(subject, window->loop, &window->draws, window->threads)) {
		bench_lane_fail(&subject->lanes[0], "memory for what is drawn", -ENOMEM);
		return;
	}
	prepare_walks(subject, window);
	if (window->threads > 1 && window->pingpong_ns)
		repeat->pingpong_ns = bench_pingpong_ns(team, window->pingpong_ns);
	measurement.start_ns = bench_clock_ns() + START_DELAY_NS;
	bench_team_run(team, window->threads, measure_lane, &measurement);
	sum(&measurement, repeat);
}
