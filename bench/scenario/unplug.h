/* SPDX-License-Identifier: MIT */
/*
 * unplug.h - what the probes of unplug.c and unplug_storm.c share: an engine in a control group that
 * loses the first CPU of the team.
 */
#ifndef BENCH_SCENARIO_UNPLUG_H
#define BENCH_SCENARIO_UNPLUG_H

#include "bench/measure/cpuset.h"
#include "bench/scenario/bench_map.h"
#include "platform/atomic.h"

#define BENCH_UNPLUG_LIVE 1024u

struct bench_unplug_thread {
	_Alignas(128) uint64_t pairs;
	uint64_t preempted;
	int error;
	unsigned char key[256];
	unsigned char value[4096];
};

struct bench_unplug {
	const struct bench_setting *setting;
	struct bench_cpuset cpuset;
	struct bench_map map;
	uint32_t cpu; /* the one that goes */
	int error;
	_Atomic uint64_t lost_ns; /* when that was told; 0: not yet. So for the others. */
	_Atomic uint64_t return_ns;
	_Atomic uint64_t drained_ns;
	_Atomic uint64_t home_ns;
	_Atomic uint64_t told;
	_Atomic uint32_t over;
	uint64_t handles[BENCH_UNPLUG_LIVE];
	struct bench_unplug_thread threads[2];
};

/* Makes the group, the engine, which tries a lost CPU again every @home_ns (0: the default), and a
 * map. 0, or what measure() returns. */
int bench_unplug_open(struct bench_unplug *unplug, const struct bench_setting *setting,
		      uint64_t home_ns, struct bench_sample *sample);

int bench_unplug_close(struct bench_unplug *unplug, struct bench_sample *sample);

int bench_unplug_take_away(const struct bench_unplug *unplug);
int bench_unplug_give_back(const struct bench_unplug *unplug);

#endif
