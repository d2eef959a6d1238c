/* SPDX-License-Identifier: MIT */
/*
 * counters.h - what the processor counts while a thread measures.
 *
 *	bench_counters_open(&counters, bench_counter_events);   in the thread, before its window
 *	bench_counters_begin(&counters);
 *	... the loop ...
 *	bench_counters_end(&counters, &counted);                adds to counted
 *	bench_counters_close(&counters);
 *
 * Where the machine has no such counter (a virtual one mostly has none) it is left out: its bit in
 * `which` stays 0, and bench_counters_missing() says why. Nothing here fails.
 * A thread's counters are its own.
 */
#ifndef BENCH_MEASURE_COUNTERS_H
#define BENCH_MEASURE_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bench_counter {
	BENCH_COUNTER_CYCLES,
	BENCH_COUNTER_INSTRUCTIONS,
	BENCH_COUNTER_BRANCH_MISSES,
	BENCH_COUNTER_CACHE_MISSES,
	BENCH_COUNTERS,
};

struct bench_counter_event {
	const char *metric; /* of the series: for one operation, less is better, no unit */
	uint32_t type;      /* perf_event_open(2) */
	uint64_t config;
};

extern const struct bench_counter_event bench_counter_events[BENCH_COUNTERS];

struct bench_counters {
	int files[BENCH_COUNTERS]; /* -1: there is none */
	bool user_only;            /* the kernel's share may not be counted */
};

/* No pointers: it also goes to another process. All 0: nothing was counted. */
struct bench_counted {
	uint32_t which; /* 1 << enum bench_counter: those that all threads counted */
	uint32_t threads;
	double numbers[BENCH_COUNTERS]; /* of all threads together */
};

/* Opens the calling thread's counters, which stand still. */
void bench_counters_open(struct bench_counters *counters, const struct bench_counter_event *events);

void bench_counters_begin(const struct bench_counters *counters);

/* Stops them and adds what they counted; where they took turns, what they would have counted. */
void bench_counters_end(const struct bench_counters *counters, struct bench_counted *counted);

void bench_counters_close(struct bench_counters *counters);

/* Adds what other threads counted. */
void bench_counted_add(struct bench_counted *counted, const struct bench_counted *more);

/*
 * Tries each of @events once: "cycles, instructions: this machine has no such counter (ENOENT)", or
 * that only user mode is counted, or "" where nothing is missing. For a note. Returns @text.
 */
const char *bench_counters_missing(const struct bench_counter_event *events, char *text,
				   size_t size);

#endif
