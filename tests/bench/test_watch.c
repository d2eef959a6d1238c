/* SPDX-License-Identifier: MIT */
/*
 * test_watch.c - the thread that watches a probe: its rows, the turns that it takes, its marks.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <sched.h>
#include <stdlib.h>

#include "bench/measure/clock.h"
#include "bench/scenario/watch.h"

#define LENGTH_MS 60
#define STEP_MS 2

static struct bench_timeline timeline;
static struct bench_watch watch;
static uint32_t acted[4];
static uint32_t acts;
static uint32_t worked;
static int answer;

/* A count that grows by one each nanosecond, and a level. */
static void read_clock(void *context, double *readings)
{
	(void)context;
	readings[0] = (double)bench_clock_ns();
	readings[1] = 7;
}

static int act_first(void *context)
{
	(void)context;
	acted[acts++] = 1;
	return answer;
}

static int act_second(void *context)
{
	(void)context;
	acted[acts++] = 2;
	return 0;
}

static const struct bench_turn turns[] = { { 0.25, "first", act_first },
					   { 0.5, "nothing", NULL },
					   { 0.75, "second", act_second } };

static void work(void *context, uint32_t member)
{
	(void)context, (void)member;
	worked++;
	while (!pendi_load_relaxed(&watch.over)) /* relaxed: only to stop */
		sched_yield();
}

static void run(int expected)
{
	const uint32_t cpus[] = { 0 };
	struct bench_team *team;

	timeline.step_ms = STEP_MS;
	bench_watch_column(&timeline, 0, "ticks", "1/s", BENCH_MORE_IS_BETTER);
	bench_watch_column(&timeline, 1, "level", "", BENCH_NEITHER_IS_BETTER);
	watch = (struct bench_watch){ .timeline = &timeline,
				      .length_ms = LENGTH_MS,
				      .rates = 1u << 0,
				      .read = read_clock,
				      .turns = turns,
				      .turn_count = 3 };
	cr_assert_eq(bench_team_create(1, cpus, false, &team), 0);
	cr_assert_eq(bench_watch_run(&watch, team, 1, work), expected);
	bench_team_destroy(team);
}

Test(watch, a_row_for_each_step)
{
	uint32_t measured = 0, near = 0;

	run(0);
	cr_assert_eq(worked, 1);
	cr_assert_eq(timeline.row_count, LENGTH_MS / STEP_MS);
	for (uint32_t row = 0; row < timeline.row_count; row++) {
		const double *cells = timeline.cells + row * 2;

		if (isnan(cells[0])) {
			cr_assert(isnan(cells[1]));
			continue;
		}
		measured++;
		cr_assert_eq(cells[1], 7);
		near += fabs(cells[0] - 1e9) < 1e8;
	}
	cr_assert_gt(measured, 0);
	cr_assert_geq(near * 2, measured, "%u of %u rates are what they should be", near, measured);
	free(timeline.cells);
}

Test(watch, turns_are_taken_in_order_and_marked)
{
	run(0);
	cr_assert_eq(acts, 2);
	cr_assert_eq(acted[0], 1);
	cr_assert_eq(acted[1], 2);
	cr_assert_eq(timeline.event_count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_str_eq(timeline.events[i].text, turns[i].text);
		cr_assert_geq(timeline.events[i].at_ms, turns[i].at * LENGTH_MS);
	}
	free(timeline.cells);
}

/* So that a CPU that was taken away comes back. */
Test(watch, a_turn_that_fails_ends_it_and_the_others_are_taken_all_the_same)
{
	answer = -5;
	run(-5);
	cr_assert_eq(acts, 2);
	cr_assert_lt(timeline.row_count, LENGTH_MS / STEP_MS);
	free(timeline.cells);
}

Test(watch, marks_stand_by_time)
{
	watch.timeline = &timeline;
	watch.begin_ns = 1000000000;
	bench_watch_mark(&watch, 1030000000, "c");
	bench_watch_mark(&watch, 1010000000, "a");
	bench_watch_mark(&watch, 1020000000, "b");
	cr_assert_eq(timeline.event_count, 3);
	cr_assert_str_eq(timeline.events[0].text, "a");
	cr_assert_str_eq(timeline.events[1].text, "b");
	cr_assert_str_eq(timeline.events[2].text, "c");
	cr_assert_float_eq(timeline.events[1].at_ms, 20, 1e-9);
	for (uint32_t i = 0; i < 2 * BENCH_TIMELINE_EVENTS; i++)
		bench_watch_mark(&watch, 1005000000, "more");
	cr_assert_eq(timeline.event_count, BENCH_TIMELINE_EVENTS);
}
