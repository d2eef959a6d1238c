/* SPDX-License-Identifier: MIT */
/*
 * option_table.c - the one table of options.
 *
 * Bounds stand once as numbers, which are checked, and once as text, which is said.
 */
#include "bench/command/option_table.h"

#define ONLY(command) (1u << BENCH_##command)
#define ALL UINT32_MAX
#define PLANS (ONLY(RUN) | ONLY(AB) | ONLY(NOISE))
#define SHAPES (PLANS | ONLY(PROFILE))
#define JUDGES (ONLY(RUN) | ONLY(COMPARE) | ONLY(AB))
#define SHOWS (PLANS | ONLY(COMPARE))
#define WRITES (ONLY(RUN) | ONLY(COMPARE) | ONLY(AB) | ONLY(REPORT))
#define AT(member) offsetof(struct bench_options, member)

#define NUMBER(kind, member, low, high, bounds) \
	BENCH_OPTION_##kind, AT(member), low, high, bounds, NULL
#define ON(member) BENCH_OPTION_ON, AT(member), 0, 0, NULL, NULL
#define OFF(member) BENCH_OPTION_OFF, AT(member), 0, 0, NULL, NULL
#define TEXT(member) BENCH_OPTION_TEXT, AT(member), 0, 0, NULL, NULL
#define CHOICE(member, words) BENCH_OPTION_CHOICE, AT(member), 0, 0, words, NULL
#define EITHER(member, words) BENCH_OPTION_EITHER, AT(member), 0, 0, words, NULL
#define PROFILE(profile) BENCH_OPTION_PROFILE, 0, profile, 0, NULL, NULL
#define COMMAND(command) BENCH_OPTION_COMMAND, 0, command, 0, NULL, NULL
#define OTHER(function, bounds) BENCH_OPTION_OTHER, 0, 0, 0, bounds, bench_option_##function

static const struct bench_option options[] = {
	{ "quick", NULL, "3 processes, under 3 minutes on 2 CPUs (default)", SHAPES,
	  BENCH_GROUP_PLAN, PROFILE(BENCH_QUICK) },
	{ "full", NULL, "4 processes, every size and scenario, under 30 minutes", SHAPES,
	  BENCH_GROUP_PLAN, PROFILE(BENCH_FULL) },
	{ "smoke", NULL, "1 process, seconds: accounting counts, figures do not", SHAPES,
	  BENCH_GROUP_PLAN, PROFILE(BENCH_SMOKE) },
	{ "runs", "N", "processes for each side, 1 to 64 (by plan; ab, noise, baselines: 8)", PLANS,
	  BENCH_GROUP_PLAN, NUMBER(U32, processes, 1, 64, "1 to 64") },
	{ "repeats", "N", "windows for each figure in a process, interleaved (4; full 8)", PLANS,
	  BENCH_GROUP_PLAN, NUMBER(U32, repeats, 1, 1000, "1 to 1000") },
	{ "window", "MS", "length of a window (10; full 20)", SHAPES, BENCH_GROUP_PLAN,
	  NUMBER(MS, window_ns, 1, 10000, "1 to 10000 ms") },
	{ "seed", "N", "of keys, hash and drawn times, 1 or more (1)", SHAPES, BENCH_GROUP_PLAN,
	  NUMBER(U64, seed, 1, UINT64_MAX, "1 to 2^64-1") },

	{ "mode", "M,...", "scenarios of these modes: throughput, micro, latency (all)", SHAPES,
	  BENCH_GROUP_MODE, OTHER(mode, "throughput, micro, latency, each at most once") },
	{ "rate", "N,...", "latency, classify/rate: starts a second (each its own)", SHAPES,
	  BENCH_GROUP_MODE, OTHER(rate, "1000 to 100000000, at most 8") },
	{ "arrival", "HOW", "latency: gaps between starts, fixed or poisson (fixed)", SHAPES,
	  BENCH_GROUP_MODE, EITHER(arrival_poisson, "fixed, poisson") },
	{ "stall", "T/EVERY", "latency: hold the thread up for T so often, 4ms/250ms (never)",
	  SHAPES, BENCH_GROUP_MODE,
	  OTHER(stall, "TIME/TIME in us, ms or s, the first shorter; up to 10s") },

	{ "threads", "N,...", "1 to 64, max (one a CPU), 2max (1,2)", SHAPES, BENCH_GROUP_SHAPE,
	  OTHER(threads, "1 to 64, max or 2max; at most 8") },
	{ "sizes", "N,...", "max_entries, 64 to 16Mi (1Ki,64Ki,1Mi; full and 8Mi)", SHAPES,
	  BENCH_GROUP_SHAPE, OTHER(sizes, "64 to 16Mi, at most 8") },
	{ "impl", "NAME,...", "see pendbench list (all)", SHAPES, BENCH_GROUP_SHAPE,
	  OTHER(impl, "names of pendbench list") },
	{ "calls", "C,...", "scalar, batch (both)", SHAPES, BENCH_GROUP_SHAPE,
	  OTHER(calls, "scalar, batch, each at most once") },
	{ "batch", "N", "operations in a batch, 2 to 256 (16)", SHAPES, BENCH_GROUP_SHAPE,
	  NUMBER(U32, batch_width, 2, BENCH_BATCH_MAX, "2 to 256") },
	{ "key-size", "BYTES", "8 to 256 (8)", SHAPES, BENCH_GROUP_SHAPE,
	  NUMBER(U32, key_size, 8, 256, "8 to 256") },
	{ "value-size", "BYTES", "8 to 4096 (128)", SHAPES, BENCH_GROUP_SHAPE,
	  NUMBER(U32, value_size, 8, 4096, "8 to 4096") },
	{ "occupancy", "P,...", "percent live in occupancy/steady; one: in all filled tables (90)",
	  SHAPES, BENCH_GROUP_SHAPE, OTHER(occupancy, "1 to 100, at most 12") },
	{ "keys", "HOW", "lookup/zipf: uniform, zipf:SKEW or hot:PERCENT to one key (zipf:0.99)",
	  SHAPES, BENCH_GROUP_SHAPE,
	  OTHER(keys, "uniform, zipf:0.01 to zipf:2, or hot:1 to hot:99") },
	{ "mix", "U/H/M", "mix/share: percent of updates, hits and misses (10/45/45)", SHAPES,
	  BENCH_GROUP_SHAPE, OTHER(mix, "three percentages whose sum is 100, as 10/45/45") },
	{ "roles", "R=N,...", "mix/roles: threads that pend, lookup, walk (pend=1,lookup=1,walk=0)",
	  SHAPES, BENCH_GROUP_SHAPE,
	  OTHER(roles, "pend, lookup and walk, each 0 to 64 and 1 to 64 together") },
	{ "pin", "HOW", "threads to CPUs: spread (cores first), compact, none (spread)", SHAPES,
	  BENCH_GROUP_SHAPE, CHOICE(pin, "spread, compact, none") },
	{ "numa", "HOW", "memory of a table: off, prefer (the first node), strict (off)", SHAPES,
	  BENCH_GROUP_SHAPE, CHOICE(numa, "off, prefer, strict") },
	{ "in-order", NULL, "complete in address order, not at random", SHAPES, BENCH_GROUP_SHAPE,
	  ON(in_order) },
	{ "caller-clock", NULL, "requests carry the time, read every 64", SHAPES, BENCH_GROUP_SHAPE,
	  ON(caller_clock) },

	{ "trace", "FILE", "events of this CSV, plain or gzip (generated)", SHAPES,
	  BENCH_GROUP_TRACE, TEXT(trace) },
	{ "speed", "N|max", "times the recorded speed (max)", SHAPES, BENCH_GROUP_TRACE,
	  OTHER(speed, "max, or a number above 0") },
	{ "strict", NULL, "a bad line refuses the file (default)", SHAPES, BENCH_GROUP_TRACE,
	  ON(strict) },
	{ "skip-bad-lines", NULL, "bad lines are left out and counted", SHAPES, BENCH_GROUP_TRACE,
	  ON(skip_bad_lines) },
	{ "live", "N", "at max speed: mean number of events pended (4Ki)", SHAPES,
	  BENCH_GROUP_TRACE, NUMBER(U64, trace_live, 1, 1u << 24, "1 to 16Mi") },
	{ "events", "N", "events to generate without a FILE (45000)", SHAPES, BENCH_GROUP_TRACE,
	  NUMBER(U64, trace_events, 1, 1u << 24, "1 to 16Mi") },

	{ "alloc", "NAME,...", "own, libc, jemalloc, jemalloc-numa (all)", SHAPES,
	  BENCH_GROUP_HOOKS,
	  OTHER(alloc, "own, libc, jemalloc, jemalloc-numa, each at most once") },
	{ "decide-us", "US", "from call to decision, or its mean (200)", SHAPES, BENCH_GROUP_HOOKS,
	  NUMBER(U64, decide_us, 1, 1000000, "1 to 1000000") },
	{ "decide", "HOW", "exponential or fixed (exponential)", SHAPES, BENCH_GROUP_HOOKS,
	  EITHER(decide_fixed, "exponential, fixed") },
	{ "pend-percent", "PERCENT", "of the calls that are pended (10)", SHAPES, BENCH_GROUP_HOOKS,
	  NUMBER(U32, pend_percent, 1, 100, "1 to 100") },

	{ "counters", "HOW", "hardware counters: auto (where there are any), none (auto)", PLANS,
	  BENCH_GROUP_MEASURE, EITHER(counters, "none, auto") },
	{ "count-instructions", NULL, "instructions of an operation, under valgrind; no times",
	  ONLY(RUN), BENCH_GROUP_MEASURE, ON(count_instructions) },
	{ "plant", "PERCENT", "make steady loops (ab: of NEW) so much slower on purpose (0)",
	  ONLY(RUN) | ONLY(AB), BENCH_GROUP_MEASURE,
	  NUMBER(U32, planted_percent, 0, 100, "0 to 100") },

	{ "baseline", "NAME", "compare with what --save-baseline saved", ONLY(RUN),
	  BENCH_GROUP_COMPARE, TEXT(baseline) },
	{ "save-baseline", "NAME", "keep the results under this name", ONLY(RUN),
	  BENCH_GROUP_COMPARE, OTHER(save_baseline, "letters, digits, - _ and ., up to 64") },
	{ "metric", "NAME", "compare this metric (each scenario's first)", JUDGES,
	  BENCH_GROUP_COMPARE, TEXT(metric) },
	{ "noise", "P%|auto", "smallest change to tell; auto: as pendbench noise found (auto)",
	  JUDGES, BENCH_GROUP_COMPARE, OTHER(noise, "auto, or 0% to 100%") },
	{ "fail-on", "WHAT", "worse: exit 1; inconclusive: exit 3; both (never)", JUDGES,
	  BENCH_GROUP_COMPARE, OTHER(fail_on, "worse, inconclusive, both") },
	{ "force", NULL, "compare results of different machines", JUDGES, BENCH_GROUP_COMPARE,
	  ON(force) },

	{ "time", "S", "how long to record, 1 to 60 (5)", ONLY(PROFILE), BENCH_GROUP_PROFILE,
	  NUMBER(U32, profile_s, 1, 60, "1 to 60") },
	{ "off-cpu", NULL, "time off the CPU, preempted told from blocked", ONLY(PROFILE),
	  BENCH_GROUP_PROFILE, ON(profile_off_cpu) },
	{ "unwind", "HOW", "dwarf, fp: frame pointers (dwarf)", ONLY(PROFILE), BENCH_GROUP_PROFILE,
	  EITHER(profile_fp, "dwarf, fp") },
	{ "diff", "FOLDED", "draw what changed since this folded text", ONLY(PROFILE),
	  BENCH_GROUP_PROFILE, TEXT(profile_base) },

	{ "out", "DIR", "every output below, in this folder", WRITES | ONLY(PROFILE),
	  BENCH_GROUP_OUTPUT, TEXT(out) },
	{ "json", "FILE", "everything measured (- is stdout)", ONLY(RUN) | ONLY(COMPARE) | ONLY(AB),
	  BENCH_GROUP_OUTPUT, TEXT(json) },
	{ "json", NULL, "as JSON", ONLY(LIST) | ONLY(DOCTOR), BENCH_GROUP_OUTPUT, ON(as_json) },
	{ "csv", "FILE", "a line for each figure", WRITES, BENCH_GROUP_OUTPUT, TEXT(csv) },
	{ "markdown", "FILE", "the tables, or the comparison", WRITES, BENCH_GROUP_OUTPUT,
	  TEXT(markdown) },
	{ "openmetrics", "FILE", "for a collector of metrics", WRITES, BENCH_GROUP_OUTPUT,
	  TEXT(openmetrics) },
	{ "html", "FILE", "the report: one file, nothing else needed", WRITES, BENCH_GROUP_OUTPUT,
	  TEXT(html) },
	{ "hgrm", "FILE", "latencies as HdrHistogram's percentile text", WRITES, BENCH_GROUP_OUTPUT,
	  TEXT(hgrm) },
	{ "no-progress", NULL, "no progress on stderr", SHOWS, BENCH_GROUP_OUTPUT, OFF(progress) },
	{ "help", NULL, "what applies to the command", ALL, BENCH_GROUP_OUTPUT,
	  COMMAND(BENCH_HELP) },
	{ "version", NULL, "version, commit and compiler", ALL, BENCH_GROUP_OUTPUT,
	  COMMAND(BENCH_VERSION) },

	{ "process", "N", "which process of the run this is", 0, BENCH_GROUP_HIDDEN,
	  NUMBER(U32, process, 0, 63, "0 to 63") },
	{ "result", "FILE", "where the document goes", 0, BENCH_GROUP_HIDDEN, TEXT(result) },
	{ "progress-fd", "FD", "where progress goes", 0, BENCH_GROUP_HIDDEN,
	  NUMBER(INT, progress_fd, 3, 1024, "3 to 1024") },
};

const struct bench_option *bench_option_at(uint32_t number)
{
	return number < sizeof(options) / sizeof(options[0]) ? &options[number] : NULL;
}

bool bench_option_applies(const struct bench_option *option, enum bench_command command)
{
	if (command == BENCH_MEASURE)
		return (option->commands & ONLY(LIST)) == 0;
	return (option->commands & 1u << command) != 0;
}
