/* SPDX-License-Identifier: MIT */
/*
 * measure.h - one window of one row.
 */
#ifndef BENCH_MEASURE_MEASURE_H
#define BENCH_MEASURE_MEASURE_H

#include <stdint.h>

#include "bench/results/results.h"
#include "bench/measure/subject.h"
#include "bench/measure/team.h"

struct bench_window {
	enum bench_loop loop;
	uint32_t threads;
	uint64_t warm_up_ns;
	uint64_t window_ns;
	uint64_t pingpong_ns; /* how long to play it first; 0: not */
};

/* Warms up, measures, writes @repeat. What went wrong stands in the subject's lanes. */
void bench_measure(struct bench_subject *subject, struct bench_team *team,
		   const struct bench_window *window, struct bench_repeat *repeat);

/* Involuntary context switches of the calling thread so far. */
uint64_t bench_preemptions(void);

#endif
