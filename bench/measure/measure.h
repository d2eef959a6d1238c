/* SPDX-License-Identifier: MIT */
/*
 * measure.h - one window of one row.
 *
 * A window and its result hold no pointers: they also go to another process (peers/protocol.h).
 */
#ifndef BENCH_MEASURE_MEASURE_H
#define BENCH_MEASURE_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/measure/counters.h"
#include "bench/measure/draws.h"
#include "bench/measure/subject.h"
#include "bench/measure/team.h"

/* What the lanes of one window do, where they do not all do the same. */
enum bench_role { BENCH_ROLE_PEND, BENCH_ROLE_LOOKUP, BENCH_ROLE_WALK, BENCH_ROLES };

struct bench_window {
	enum bench_loop loop;
	uint32_t threads;
	uint64_t warm_up_ns;
	uint64_t window_ns;
	uint64_t pingpong_ns;        /* how long to play it first; 0: not */
	uint64_t chunks;             /* of BENCH_STEPS steps, instead of a time; 0: window_ns */
	uint64_t warm_up_chunks;     /* instead of a time; 0: warm_up_ns */
	uint64_t planted;            /* bench_spin() after each chunk: slowness on purpose */
	bool counted;                /* by the processor too */
	bool instructions;           /* counted by callgrind (instructions.h) */
	uint32_t roles[BENCH_ROLES]; /* lanes of each; all 0: every lane runs @loop */

	/* Of the loops that take draws; the range and the seed of a lane are the subject's. */
	struct bench_draws_spec draws;
};

struct bench_repeat {
	double ns;           /* thread time for one operation */
	uint64_t operations; /* of all threads in the window */
	uint64_t elapsed_ns; /* of all threads together */
	uint64_t preempted;  /* involuntary context switches in the window */
	double pingpong_ns;  /* 0: not measured */
	double fairness; /* operations of the slowest thread over those of the fastest; 0: none */
	double role_ns[BENCH_ROLES];           /* 0: nobody has it */
	uint64_t role_operations[BENCH_ROLES]; /* of all its threads */
	struct bench_counted counted;
};

/* Warms up, measures, writes @repeat. What went wrong stands in the subject's lanes. */
void bench_measure(struct bench_subject *subject, struct bench_team *team,
		   const struct bench_window *window, struct bench_repeat *repeat);

/* Involuntary context switches of the calling thread so far. */
uint64_t bench_preemptions(void);

/* How many rounds of bench_spin() take a nanosecond, measured at the first call. */
double bench_spins_per_ns(void);

#endif
