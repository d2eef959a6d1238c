/* SPDX-License-Identifier: MIT */
/*
 * watch.c - what happens to a probe over time.
 *
 * Rows are at multiples of the step from the beginning on. The growth of a count is divided by the
 * time that really passed since the row before it that was measured.
 */
#include "bench/scenario/watch.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/measure/clock.h"

bool bench_watch_wanted(const struct bench_setting *setting)
{
	const struct bench_options *options = setting->options;

	return options->profile != BENCH_QUICK || options->filter_count || setting->process == 0;
}

double bench_watch_length_ms(const struct bench_options *options)
{
	static const double lengths_ms[] = {
		[BENCH_QUICK] = 1500, [BENCH_FULL] = 4000, [BENCH_SMOKE] = 60
	};

	return lengths_ms[options->profile];
}

double bench_watch_step_ms(const struct bench_options *options)
{
	return options->profile == BENCH_SMOKE ? 2 : 10;
}

static void sleep_until(uint64_t at_ns)
{
	const struct timespec at = { (time_t)(at_ns / 1000000000u), (long)(at_ns % 1000000000u) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		continue;
}

/* The readings since @before as a row. */
static void make_row(const struct bench_watch *watch, const double *before, const double *now,
		     double seconds, double *cells)
{
	for (uint32_t i = 0; i < watch->timeline->column_count; i++)
		cells[i] = watch->rates & 1u << i ? (now[i] - before[i]) / seconds : now[i];
}

static void note_event(struct bench_timeline *timeline, double at_ms, const char *text)
{
	if (timeline->event_count == BENCH_TIMELINE_EVENTS)
		return;
	timeline->events[timeline->event_count].at_ms = at_ms;
	snprintf(timeline->events[timeline->event_count++].text, sizeof(timeline->events[0].text),
		 "%s", text);
}

/* Does what is due, or all that is left at the end. Returns how many turns have been done. */
static uint32_t act(struct bench_watch *watch, uint32_t done, uint64_t begin_ns, bool all)
{
	for (; done < watch->turn_count; done++) {
		const struct bench_turn *turn = &watch->turns[done];
		const double now_ms = (double)(bench_clock_ns() - begin_ns) / 1e6;

		if (!all && now_ms < turn->at * watch->length_ms)
			break;
		note_event(watch->timeline, now_ms, turn->text);
		const int error = turn->act ? turn->act(watch->context) : 0;

		watch->error = watch->error ? watch->error : error;
	}
	return done;
}

/* When the next turn is due, or the next step, whichever comes first. */
static uint64_t next_ns(const struct bench_watch *watch, uint32_t done, uint64_t begin_ns,
			uint64_t step_ns)
{
	uint64_t turn_ns;

	if (done == watch->turn_count)
		return step_ns;
	turn_ns = begin_ns + (uint64_t)(watch->turns[done].at * watch->length_ms * 1e6);
	return turn_ns < step_ns ? turn_ns : step_ns;
}

static void *watcher(void *argument)
{
	struct bench_watch *watch = argument;
	struct bench_timeline *timeline = watch->timeline;
	double before[BENCH_TIMELINE_COLUMNS] = { 0 }, now[BENCH_TIMELINE_COLUMNS] = { 0 };
	double cells[BENCH_TIMELINE_COLUMNS];
	const uint32_t rows = (uint32_t)(watch->length_ms / timeline->step_ms);
	const uint64_t begin_ns = watch->begin_ns;
	uint64_t before_ns = begin_ns;
	uint32_t done = 0;

	watch->read(watch->context, before);
	for (uint32_t row = 0; row < rows && !watch->error; row++) {
		const uint64_t due_ns =
			begin_ns + (uint64_t)((double)(row + 1) * timeline->step_ms * 1e6);
		uint64_t now_ns = bench_clock_ns();

		for (; now_ns < due_ns; now_ns = bench_clock_ns()) {
			sleep_until(next_ns(watch, done, begin_ns, due_ns));
			done = act(watch, done, begin_ns, false);
		}
		for (uint32_t i = 0; i < BENCH_TIMELINE_COLUMNS; i++)
			cells[i] = NAN;
		if ((double)(now_ns - due_ns) < timeline->step_ms * 1e6 || row + 1 == rows) {
			watch->read(watch->context, now);
			now_ns = bench_clock_ns();
			make_row(watch, before, now, (double)(now_ns - before_ns) / 1e9, cells);
			memcpy(before, now, sizeof(before));
			before_ns = now_ns;
		}
		if (bench_timeline_add(timeline, cells))
			watch->error = -ENOMEM;
	}
	(void)act(watch, done, begin_ns, true); /* whatever was taken away is given back */
	pendi_store_relaxed(&watch->over, 1);   /* relaxed: only to stop */
	return NULL;
}

int bench_watch_run(struct bench_watch *watch, struct bench_team *team, uint32_t count,
		    bench_job_fn job)
{
	pthread_t thread;
	int error;

	pendi_store_relaxed(&watch->over, 0); /* relaxed: nobody runs yet */
	watch->begin_ns = bench_clock_ns();
	error = -pthread_create(&thread, NULL, watcher, watch);
	if (error)
		return error;
	bench_team_run(team, count, job, watch->context);
	pthread_join(thread, NULL);
	return watch->error;
}

void bench_watch_mark(struct bench_watch *watch, uint64_t at_ns, const char *text)
{
	struct bench_timeline *timeline = watch->timeline;
	const double at_ms = ((double)at_ns - (double)watch->begin_ns) / 1e6;
	uint32_t at = timeline->event_count;

	note_event(timeline, at_ms, text);
	for (; at && at < timeline->event_count && timeline->events[at - 1].at_ms > at_ms; at--) {
		const struct bench_timeline copy = *timeline;

		timeline->events[at] = copy.events[at - 1];
		timeline->events[at - 1] = copy.events[at];
	}
}

int bench_watch_store(const struct bench_setting *setting, const struct bench_variant *variant,
		      struct bench_timeline *timeline)
{
	struct bench_timeline *stored = NULL;
	int error = 0;

	if (setting->repeat == 0) {
		stored = bench_probe_timeline(setting, variant, timeline);
		error = stored ? 0 : -ENOMEM;
	}
	for (uint32_t row = 0; stored && !error && row < timeline->row_count; row++)
		error = bench_timeline_add(stored,
					   timeline->cells + (size_t)row * timeline->column_count);
	free(timeline->cells);
	timeline->cells = NULL;
	timeline->row_count = timeline->room = 0;
	return error;
}

void bench_watch_column(struct bench_timeline *timeline, uint32_t number, const char *name,
			const char *unit, enum bench_better better)
{
	snprintf(timeline->columns[number].name, sizeof(timeline->columns[number].name), "%s",
		 name);
	snprintf(timeline->columns[number].unit, sizeof(timeline->columns[number].unit), "%s",
		 unit);
	timeline->columns[number].better = better;
	if (timeline->column_count <= number)
		timeline->column_count = number + 1;
}
