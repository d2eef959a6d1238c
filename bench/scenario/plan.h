/* SPDX-License-Identifier: MIT */
/*
 * plan.h - which cells a run has: scenarios, sizes, threads, subjects and repeats, by profile.
 *
 * The table of a profile (plan_table.c) is data, chosen so that all processes of a run take the time
 * that is promised on 2 CPUs. What the command line says replaces that column of it: --sizes,
 * --threads, --impl, --repeats. What takes long and varies little is in some processes only, unless
 * it is asked for by name.
 * Pure: nothing is measured here.
 *
 * Cells of one size share their tables, in an order that fills them as seldom as can be:
 *
 *	empty | 50 % steady | ... | 90 % lookup, steady | 95 % ... | full
 */
#ifndef BENCH_SCENARIO_PLAN_H
#define BENCH_SCENARIO_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/command/options.h"
#include "bench/model/document.h"
#include "bench/scenario/probe.h"
#include "bench/scenario/scenario.h"

#define BENCH_MICRO_SAMPLES 30u
#define BENCH_ROWS_MAX (2u * BENCH_IMPLS_MAX)
#define BENCH_PLAN_SIZES 5u

enum bench_plan_threads {
	BENCH_PLAN_ONE = 1u << 0,
	BENCH_PLAN_TWO = 1u << 1,
	BENCH_PLAN_CURVE = 1u << 2, /* 1, 2, 4, ... and as many as there are CPUs */
	BENCH_PLAN_OVER = 1u << 3,  /* twice as many as there are CPUs */
};

struct bench_plan_entry {
	const char *scenario;             /* a filter: bench_scenario_matches() */
	const char *impls;                /* names, comma-separated; NULL: all */
	uint64_t sizes[BENCH_PLAN_SIZES]; /* of tables; 0 ends them */
	uint32_t threads;                 /* enum bench_plan_threads, a set */
	uint32_t repeats;                 /* at most; 0: as the profile has */
	uint32_t processes;               /* in so many of a run, unless asked for; 0: in all */
	uint32_t cost_ms;                 /* of a probe: about so long for one repeat */
};

/* The entries of a profile; the last is for whatever no other is for. */
const struct bench_plan_entry *bench_plan_entries(enum bench_profile profile, uint32_t *count);

struct bench_cell_row {
	const struct bench_impl *impl;
	bool batch;
};

struct bench_cell {
	const struct bench_scenario *scenario;
	uint64_t size;
	uint32_t threads;
	uint32_t percent; /* live while it is measured; 0: an empty table */
	uint32_t repeats;
	bool oversubscribed;
	bool micro; /* in chunks on one thread, instead of windows */
	struct bench_point point;
	uint32_t row_count;
	struct bench_cell_row rows[BENCH_ROWS_MAX];
};

/* A probe at one size. */
struct bench_probe_cell {
	const struct bench_scenario *scenario;
	uint64_t size;
	uint32_t repeats;
	uint32_t cost_ms; /* of one repeat */
};

struct bench_plan {
	const struct bench_options *options;
	uint32_t cpu_count;
	struct bench_cell *cells; /* tables and traces, in the order to be measured */
	uint32_t cell_count;
	struct bench_probe_cell *probes;
	uint32_t probe_count;
	uint32_t threads_left_out; /* the highest number that there are no CPUs for; 0: none */
};

/* 0 or -ENOMEM. The options outlive the plan. */
int bench_plan_make(const struct bench_options *options, uint32_t cpu_count,
		    struct bench_plan *plan);
void bench_plan_free(struct bench_plan *plan);

/* How many operations are live at @percent of @size: each of @threads needs room for a batch. */
uint64_t bench_plan_live(const struct bench_plan *plan, uint64_t size, uint32_t percent,
			 uint32_t threads);

/* The highest number of threads that a cell of @size has, or, with 0, that any has. */
uint32_t bench_plan_threads(const struct bench_plan *plan, uint64_t size);

/*
 * A micro row has samples of d, 2 d, ... BENCH_MICRO_SAMPLES d chunks: the d with which they take
 * @budget_ns if a chunk takes @chunk_ns; 1 at least.
 */
uint64_t bench_plan_micro_chunks(double chunk_ns, double budget_ns);

/* How long it will take, about: a cell, a probe, all of it. */
double bench_plan_cell_s(const struct bench_plan *plan, const struct bench_cell *cell);
double bench_plan_probe_s(const struct bench_probe_cell *probe);
double bench_plan_s(const struct bench_plan *plan);

#endif
