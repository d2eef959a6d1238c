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
	BENCH_EXIT_CHANGED = 1,      /* --fail-on: something is worse */
	BENCH_EXIT_USAGE = 2,        /* options, or a bad file */
	BENCH_EXIT_INCONCLUSIVE = 3, /* --fail-on inconclusive: too noisy to say */
	BENCH_EXIT_WRONG = 4,        /* accounting is wrong */
	BENCH_EXIT_ENVIRONMENT = 5,  /* this machine cannot run it: memory, CPUs, files */
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

enum bench_command {
	BENCH_RUN,     /* processes of MEASURE, merged and shown */
	BENCH_MEASURE, /* one process: measures and writes its document; not for users */
	BENCH_COMPARE,
	BENCH_AB,
	BENCH_NOISE,
	BENCH_REPORT,
	BENCH_PROFILE,
	BENCH_DOCTOR,
	BENCH_LIST,
	BENCH_HELP,
	BENCH_VERSION,
};

/* How a scenario is measured; a set. */
enum bench_mode {
	BENCH_MODE_THROUGHPUT = 1u << 0, /* windows of time, on one or more threads */
	BENCH_MODE_MICRO = 1u << 1,      /* a growing number of iterations on one thread */
	BENCH_MODE_LATENCY = 1u << 2,    /* operations that begin when they should, at a rate */
};

/* Which threads go where. */
enum bench_pin { BENCH_PIN_SPREAD, BENCH_PIN_COMPACT, BENCH_PIN_NONE };

enum bench_numa { BENCH_NUMA_OFF, BENCH_NUMA_PREFER, BENCH_NUMA_STRICT };

/* What threads do in the scenario mix/roles. */
struct bench_roles {
	uint32_t pend; /* pend and complete their own */
	uint32_t lookup;
	uint32_t walk; /* go through all of the table; pendmap's */
};

/* Shares of the operations of mix/share, in percent; their sum is 100. */
struct bench_mix {
	uint32_t update; /* pend one, complete another */
	uint32_t hit;
	uint32_t miss;
};

#define BENCH_OCCUPANCIES_MAX 12u

struct bench_options {
	enum bench_command command;
	enum bench_profile profile;
	bool profile_given;
	enum bench_command about; /* HELP: which one */
	char **files; /* the caller's argv: of compare and report documents, of ab programs */
	uint32_t file_count;
	char **filters; /* scenarios */
	uint32_t filter_count;
	char **arguments; /* the words of the options, to give them to a process */
	uint32_t argument_count;

	/* plan */
	uint32_t processes; /* --runs */
	uint32_t process;   /* MEASURE: which one of them this is */
	uint32_t repeats;
	bool repeats_given;
	uint64_t window_ns;
	uint64_t warm_up_ns;
	uint64_t seed;

	/* mode */
	uint32_t modes; /* enum bench_mode; 0: each scenario its own */
	uint64_t
		rates[BENCH_RATES_MAX]; /* operations a second; none given: each scenario its own */
	uint32_t rate_count;
	bool arrival_poisson;
	uint64_t stall_ns;       /* --stall: what the measured thread is held up for ... */
	uint64_t stall_every_ns; /* ... so often; 0: never */

	/* shape */
	uint64_t sizes[BENCH_SIZES_MAX];
	uint32_t size_count;
	bool sizes_given;
	uint64_t threads[BENCH_THREAD_COUNTS_MAX];
	uint32_t thread_count;
	bool threads_given;
	const struct bench_impl *impls[BENCH_IMPLS_MAX];
	uint32_t impl_count;
	bool impls_given;
	bool scalar; /* --calls */
	bool batch;
	uint32_t batch_width;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t occupancies[BENCH_OCCUPANCIES_MAX]; /* percent, ascending */
	uint32_t occupancy_count;
	bool occupancy_given;
	double zipf;          /* skew of the keys that lookups choose; 0: uniform */
	uint32_t hot_percent; /* --keys hot: so many of the lookups go to one key; 0: none do */
	bool keys_given;
	struct bench_mix mix;
	struct bench_roles roles;
	enum bench_pin pin;
	enum bench_numa numa;
	bool in_order; /* operations leave in address order rather than at random */
	bool caller_clock;

	/* trace */
	const char *trace;
	double speed; /* 0: as fast as possible */
	bool skip_bad_lines;
	bool strict;
	uint64_t trace_live;
	uint64_t trace_events;

	/* classify, alloc */
	uint64_t decide_us;    /* from the call to the decision, or its mean */
	bool decide_fixed;     /* not drawn */
	uint32_t pend_percent; /* of the calls */
	uint32_t allocators;   /* 1 << enum bench_allocator; 0: all that there are */

	/* measure */
	bool counters;           /* hardware counters, where there are any */
	bool count_instructions; /* under callgrind: single windows of few operations */
	uint32_t
		planted_percent; /* --plant: the steady loops are made so much slower; see honesty */

	/* compare */
	const char *metric; /* NULL: the primary ones */
	double noise;       /* below 0: as found by `pendbench noise` */
	bool fail_worse;
	bool fail_inconclusive;
	bool force; /* hosts may differ */

	/* profile */
	uint32_t profile_s;
	bool profile_off_cpu;
	bool profile_fp; /* frame pointers; else DWARF */
	const char *profile_base;

	/* output */
	const char *out; /* a folder for all of them */
	const char *json, *csv, *markdown, *openmetrics, *html, *hgrm;
	const char *save_baseline;
	const char *baseline;
	const char *result; /* MEASURE: where its document goes */
	bool as_json;       /* LIST, DOCTOR */
	int progress_fd;    /* MEASURE: lines "done total what"; -1: none */
	bool progress;
};

/*
 * Reads the command line. Returns 0, or what to exit with; then it has said why on stderr.
 * @options borrows @argv.
 */
int bench_options_read(int argc, char **argv, struct bench_options *options);

/* Fills in what was not said and refuses what contradicts itself; as bench_options_read(). */
int bench_options_settle(struct bench_options *options);

/* What there is, or what applies to @command (BENCH_HELP: all). */
void bench_options_help(enum bench_command command, FILE *out);

/* Whether the run includes @scenario. */
bool bench_options_pick(const struct bench_options *options, const struct bench_scenario *scenario);

/* The occupancy of a filled table, in percent; occupancy/steady has all of options->occupancies. */
uint32_t bench_options_filled(const struct bench_options *options);

/* How many operations are live in a table of @size at that occupancy; 0: it has no room. */
uint64_t bench_options_live_at(const struct bench_options *options, uint64_t size,
			       uint32_t percent);

/* ... while a scenario wants it filled. */
uint64_t bench_options_live(const struct bench_options *options, uint64_t size);

/* The highest number of threads. */
uint32_t bench_options_threads_most(const struct bench_options *options);

/* Says what is wrong on stderr, as "pendbench: ..." */
void bench_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
