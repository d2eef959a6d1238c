/* SPDX-License-Identifier: MIT */
/*
 * watch.h - what happens to a probe over time: a thread that reads its counters at every step, and
 * does to it, at given moments, what is to be watched.
 *
 *	team:     work ............................................ until `over`
 *	watcher:  read - sleep - read - act "lost" - sleep - read - act "back" - ... - over
 *
 * The watcher sleeps between steps, reads relaxed counters and writes nothing that the team reads but
 * `over`, so it disturbs nobody. A step that it comes too late for is a row of NAN: not measured.
 */
#ifndef BENCH_SCENARIO_WATCH_H
#define BENCH_SCENARIO_WATCH_H

#include "bench/scenario/probe.h"
#include "platform/atomic.h"

/* What is done to the probe when so much of the time (0 .. 1) has passed. */
struct bench_turn {
	double at;
	const char *text;          /* for the mark in the timeline */
	int (*act)(void *context); /* NULL: nothing, the moment is the probe's */
};

struct bench_watch {
	/* what is wanted */
	struct bench_timeline *timeline; /* an empty one: names, columns, step_ms; rows to fill */
	double length_ms;
	uint32_t rates; /* bit n: readings of column n are a count, of which the row gets the
			 * growth a second; else the row gets the reading */
	void (*read)(void *context, double *readings);
	const struct bench_turn *turns; /* ascending */
	uint32_t turn_count;
	void *context;

	/* what came of it */
	_Atomic uint32_t over; /* the team should return */
	uint64_t begin_ns;     /* CLOCK_MONOTONIC, of the first step */
	int error;             /* of a turn, or -ENOMEM */
};

/* Marks something that was noticed at @at_ns, among the marks that there are, by time. */
void bench_watch_mark(struct bench_watch *watch, uint64_t at_ns, const char *text);

/* Whether this process of a run should have what one of them is enough for: in a quick run that was
 * not told what to measure the first one alone has it. */
bool bench_watch_wanted(const struct bench_setting *setting);

/* How long a timeline of that profile is, in ms, and its steps. */
double bench_watch_length_ms(const struct bench_options *options);
double bench_watch_step_ms(const struct bench_options *options);

/* Runs @job on the first @count of the team, and watches it. 0, or what went wrong with a turn. */
int bench_watch_run(struct bench_watch *watch, struct bench_team *team, uint32_t count,
		    bench_job_fn job);

/*
 * Adds the timeline, which was made by the caller and is freed here, to the document (once for each
 * process). 0 or -ENOMEM.
 */
int bench_watch_store(const struct bench_setting *setting, const struct bench_variant *variant,
		      struct bench_timeline *timeline);

/* Writes column @number of @timeline. */
void bench_watch_column(struct bench_timeline *timeline, uint32_t number, const char *name,
			const char *unit, enum bench_better better);

#endif
