/* SPDX-License-Identifier: MIT */
/*
 * run.h - a whole run: which tables are made when, and what is measured on them.
 */
#ifndef BENCH_SCENARIO_RUN_H
#define BENCH_SCENARIO_RUN_H

#include "bench/measure/host.h"
#include "bench/command/options.h"
#include "bench/command/progress.h"
#include "bench/results/results.h"
#include "bench/measure/team.h"

struct bench_run {
	const struct bench_options *options;
	const struct bench_host *host;
	struct bench_results *results;
	struct bench_team *team;
	struct bench_progress progress;
	uint64_t begun_ns;
	uint64_t threads[BENCH_THREAD_COUNTS_MAX]; /* those that this machine can run */
	uint32_t thread_count;
};

/* Measures what @options ask for. Returns what to exit with; @results holds what was measured. */
int bench_run(const struct bench_options *options, const struct bench_host *host,
	      struct bench_results *results);

/* Reads or generates the events of the scenario trace. Returns what to exit with. */
int bench_run_load_trace(const struct bench_options *options, struct bench_trace *trace);

/* The scenario trace, in the middle of a run. Returns what to exit with. */
int bench_run_trace(struct bench_run *run, const struct bench_scenario *scenario);

#endif
