/* SPDX-License-Identifier: MIT */
/*
 * pingpong.h - how far apart two CPUs are right now.
 *
 * A hypervisor moves virtual CPUs between physical ones, and with them every figure of two
 * threads. So the time of a cache line from one CPU to the other stands beside each of them.
 */
#ifndef BENCH_MEASURE_PINGPONG_H
#define BENCH_MEASURE_PINGPONG_H

#include <stdint.h>

#include "bench/measure/team.h"

#define BENCH_PINGPONG_NEAR_NS 60.0

/* Bounces a line between the team's first two members for @for_ns. Nanoseconds one way. */
double bench_pingpong_ns(struct bench_team *team, uint64_t for_ns);

#endif
