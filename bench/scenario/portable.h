/* SPDX-License-Identifier: MIT */
/*
 * portable.h - pendmap's reader sections where the kernel has no membarrier(2).
 *
 * The library asks the kernel once, so this needs a process of its own: pendbench runs itself,
 * behind a filter that refuses that system call.
 */
#ifndef BENCH_SCENARIO_PORTABLE_H
#define BENCH_SCENARIO_PORTABLE_H

#include <stdint.h>

#define BENCH_PORTABLE_COMMAND "portable-epoch"

/* Opens and closes sections for @window_ns in such a process, on @cpu. Nanoseconds for one, or
 * negative. */
double bench_portable_read_ns(uint64_t window_ns, uint32_t cpu, uint64_t *operations);

/* What that process does: prints the figures. @window is its last argument. Returns what to exit
 * with. */
int bench_portable_main(const char *window, const char *cpu);

#endif
