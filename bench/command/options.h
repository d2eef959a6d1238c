/* SPDX-License-Identifier: MIT */
/*
 * options.h - the command line.
 */
#ifndef BENCH_COMMAND_OPTIONS_H
#define BENCH_COMMAND_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/measure/impl.h"
#include "bench/scenario/scenario.h"

#define BENCH_SIZES_MAX 8u
#define BENCH_THREAD_COUNTS_MAX 8u
#define BENCH_IMPLS_MAX 16u
#define BENCH_RATES_MAX 8u

enum bench_exit {
	BENCH_EXIT_OK = 0,
	BENCH_EXIT_USAGE = 2,       /* options, or a bad trace */
	BENCH_EXIT_ENVIRONMENT = 3, /* this machine cannot run it: memory, CPUs, files */
	BENCH_EXIT_WRONG = 4,       /* accounting is wrong */
};

/* Where maps have their memory from. */
enum bench_allocator {
	BENCH_ALLOC_OWN, /* the library's */
	BENCH_ALLOC_LIBC,
	BENCH_ALLOC_JEMALLOC,
	BENCH_ALLOC_JEMALLOC_NUMA,
	BENCH_ALLOCATORS,
};

enum bench_profile { BENCH_QUICK, BENCH_FULL, BENCH_SMOKE };

enum bench_command { BENCH_RUN, BENCH_LIST, BENCH_HELP, BENCH_VERSION };

struct bench_options {
	enum bench_command command;
	enum bench_profile profile;
	char **filters; /* the caller's argv */
	uint32_t filter_count;

	uint64_t sizes[BENCH_SIZES_MAX];
	uint32_t size_count;
	bool sizes_given;
	uint64_t threads[BENCH_THREAD_COUNTS_MAX];
	uint32_t thread_count;
	bool threads_given;
	const struct bench_impl *impls[BENCH_IMPLS_MAX];
	uint32_t impl_count;
	bool impls_given;
	bool scalar;
	bool batch;
	uint32_t batch_width;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t occupancy; /* percent */
	bool in_order;      /* operations leave in address order rather than at random */
	bool caller_clock;

	uint32_t repeats;
	bool repeats_given;
	uint64_t window_ns;
	uint64_t warm_up_ns;
	uint64_t seed;

	const char *trace;
	double speed; /* 0: as fast as possible */
	bool skip_bad_lines;
	bool strict;
	uint64_t trace_live;
	uint64_t trace_events;

	uint64_t rates[BENCH_RATES_MAX]; /* calls a second */
	uint32_t rate_count;
	uint64_t decide_us;    /* from the call to the decision, or its mean */
	bool decide_fixed;     /* not drawn */
	uint32_t pend_percent; /* of the calls */
	uint32_t allocators;   /* 1 << enum bench_allocator; 0: all that there are */

	const char *json;
	bool progress;
};

/*
 * Reads the command line. Returns 0, or what to exit with; then it has said why on stderr.
 * @options borrows @argv.
 */
int bench_options_read(int argc, char **argv, struct bench_options *options);

/* Fills in what was not said and refuses what contradicts itself; as bench_options_read(). */
int bench_options_settle(struct bench_options *options);

void bench_options_help(FILE *out);

/* Whether the run includes @scenario. */
bool bench_options_pick(const struct bench_options *options, const struct bench_scenario *scenario);

/* Whether the run includes @scenario at that size. */
bool bench_options_pick_size(const struct bench_options *options,
			     const struct bench_scenario *scenario, uint64_t size);

/* How many operations are live in a table of @size while a scenario wants it filled. */
uint64_t bench_options_live(const struct bench_options *options, uint64_t size);

/* The highest number of threads. */
uint32_t bench_options_threads_most(const struct bench_options *options);

/* Says what is wrong on stderr, as "pendbench: ..." */
void bench_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
