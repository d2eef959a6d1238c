/* SPDX-License-Identifier: MIT */
/*
 * machine.h - what this process gets of the machine, and what others take.
 *
 * A time that was measured while others had the CPUs says nothing about the library. So a figure is
 * judged only if the machine was this process's own meanwhile, and what the library's threads had to
 * wait for a CPU is told apart.
 */
#ifndef STRESS_MACHINE_H
#define STRESS_MACHINE_H

#include <stdint.h>

/* Of all CPUs, since boot. */
struct machine_times {
	uint64_t all_ns;  /* busy or idle */
	uint64_t busy_ns; /* with whatever; stolen by other machines too */
	uint64_t own_ns;  /* with this process, and its children that were waited for */
};

struct machine_times machine_now(void);

/* The share of the CPUs' time that others had since then: 0 .. 1. */
double machine_others(const struct machine_times *since);

/* Of the executors in this process, or of one of them, since they began. */
struct machine_wait {
	uint64_t ran_ns;
	uint64_t waited_ns; /* able to run, and not running */
	uint32_t threads;
};

struct machine_wait machine_executors(void);

#endif
