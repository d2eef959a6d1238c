/* SPDX-License-Identifier: MIT */
/*
 * run.h - one process that measures: what it knows while it does, and its parts.
 *
 *	run.c     the machine, the plan, the team; then in turn:
 *	bed.c     the tables of one size, and cell.c what is measured on them
 *	trace_run.c, probe.c
 *	record.c  what they measured, into the document
 */
#ifndef BENCH_SCENARIO_RUN_H
#define BENCH_SCENARIO_RUN_H

#include "bench/command/options.h"
#include "bench/command/progress.h"
#include "bench/measure/host.h"
#include "bench/measure/team.h"
#include "bench/model/document.h"
#include "bench/scenario/plan.h"
#include "bench/scenario/trace.h"

struct bench_run {
	const struct bench_options *options;
	struct bench_host host;
	struct bench_plan plan;
	struct bench_document *document;
	struct bench_team *team;
	struct bench_progress progress; /* in microseconds */
	struct bench_trace trace;       /* of the scenario trace */
	bool counted;                   /* the processor has counters, and they are wanted */
};

/*
 * Measures what @options ask for into @document, which has been initialized, with all that is known
 * of host and build. Returns what to exit with; the document holds what was measured so far.
 */
int bench_measure_run(const struct bench_options *options, struct bench_document *document);

/* Measures @count cells of one size. Returns what to exit with, as all that follow. */
int bench_run_bed(struct bench_run *run, const struct bench_cell *cells, uint32_t count);

/* Reads or generates the events of the scenario trace. */
int bench_run_load_trace(const struct bench_options *options, struct bench_trace *trace);

int bench_run_trace(struct bench_run *run, const struct bench_cell *cell);

/* Measures the probes of the plan. */
int bench_run_probes(struct bench_run *run);

/* How many threads of the team the plan's probes want. */
uint32_t bench_run_probe_threads(const struct bench_plan *plan);

/* Tells the progress that a share (0 .. 1) of something that takes @whole_s is done. */
void bench_run_step(struct bench_run *run, double whole_s, double share, const char *what);

#endif
