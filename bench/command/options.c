/* SPDX-License-Identifier: MIT */
/*
 * options.c - the command line: one table says what there is, reads it and prints the help.
 *
 * Options are collected here, each checked for itself; options_settle.c then fills in what was not
 * said and checks them against each other, so that their order does not matter.
 */
#include "bench/command/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "bench/command/parse.h"

enum option_id {
	OPT_QUICK = 256, /* above every character, as getopt wants it */
	OPT_FULL,
	OPT_SMOKE,
	OPT_REPEATS,
	OPT_WINDOW,
	OPT_SEED,
	OPT_THREADS,
	OPT_SIZES,
	OPT_MODE,
	OPT_BATCH,
	OPT_IMPL,
	OPT_KEY_SIZE,
	OPT_VALUE_SIZE,
	OPT_OCCUPANCY,
	OPT_IN_ORDER,
	OPT_CALLER_CLOCK,
	OPT_TRACE,
	OPT_SPEED,
	OPT_STRICT,
	OPT_SKIP,
	OPT_LIVE,
	OPT_EVENTS,
	OPT_ALLOC,
	OPT_RATE,
	OPT_DECIDE_US,
	OPT_DECIDE,
	OPT_PEND_PERCENT,
	OPT_JSON,
	OPT_NO_PROGRESS,
	OPT_HELP,
	OPT_VERSION,
};

struct option_spec {
	enum option_id id;
	const char *name;
	const char *argument; /* NULL: takes none */
	const char *help;
	const char *group; /* of this and the following */
};

static const struct option_spec specs[] = {
	{ OPT_QUICK, "quick", NULL, "under 3 minutes on 2 CPUs (default)", "plan" },
	{ OPT_FULL, "full", NULL, "every size and scenario, under 20 minutes", NULL },
	{ OPT_SMOKE, "smoke", NULL, "seconds: accounting counts, figures do not", NULL },
	{ OPT_REPEATS, "repeats", "N", "windows for each figure, interleaved (5; full 9)", NULL },
	{ OPT_WINDOW, "window", "MS", "length of a window (20; full 100)", NULL },
	{ OPT_SEED, "seed", "N", "of keys, hash and drawn times, 1 or more (1)", NULL },
	{ OPT_THREADS, "threads", "N,...", "threads on distinct CPUs (1,2)", "shape" },
	{ OPT_SIZES, "sizes", "N,...", "max_entries, 64 to 16Mi (1Ki,64Ki,1Mi,8Mi)", NULL },
	{ OPT_MODE, "mode", "M,...", "scalar, batch (both)", NULL },
	{ OPT_BATCH, "batch", "N", "operations in a batch, 2 to 256 (16)", NULL },
	{ OPT_IMPL, "impl", "NAME,...", "see pendbench list (all)", NULL },
	{ OPT_KEY_SIZE, "key-size", "BYTES", "8 to 256 (8)", NULL },
	{ OPT_VALUE_SIZE, "value-size", "BYTES", "8 to 4096 (128)", NULL },
	{ OPT_OCCUPANCY, "occupancy", "PERCENT", "live entries of a filled table (90)", NULL },
	{ OPT_IN_ORDER, "in-order", NULL, "complete in address order, not at random", NULL },
	{ OPT_CALLER_CLOCK, "caller-clock", NULL, "requests carry the time, read every 64", NULL },
	{ OPT_TRACE, "trace", "FILE", "events of this CSV, plain or gzip (generated)", "trace" },
	{ OPT_SPEED, "speed", "N|max", "times the recorded speed (max)", NULL },
	{ OPT_STRICT, "strict", NULL, "a bad line refuses the file (default)", NULL },
	{ OPT_SKIP, "skip-bad-lines", NULL, "bad lines are left out and counted", NULL },
	{ OPT_LIVE, "live", "N", "at max speed: mean number of events pended (4Ki)", NULL },
	{ OPT_EVENTS, "events", "N", "events to generate without a FILE (45000)", NULL },
	{ OPT_ALLOC, "alloc", "NAME,...", "own, libc, jemalloc, jemalloc-numa (all)",
	  "alloc, classify" },
	{ OPT_RATE, "rate", "N,...", "calls a second (100000,1000000; full four)", NULL },
	{ OPT_DECIDE_US, "decide-us", "US", "from call to decision, or its mean (200)", NULL },
	{ OPT_DECIDE, "decide", "HOW", "exponential or fixed (exponential)", NULL },
	{ OPT_PEND_PERCENT, "pend-percent", "PERCENT", "of the calls that are pended (10)", NULL },
	{ OPT_JSON, "json", "FILE", "write everything measured (- is stdout)", "output" },
	{ OPT_NO_PROGRESS, "no-progress", NULL, "no progress on stderr", NULL },
	{ OPT_HELP, "help", NULL, "this text", NULL },
	{ OPT_VERSION, "version", NULL, "version, commit and compiler", NULL },
};

#define SPEC_COUNT (sizeof(specs) / sizeof(specs[0]))

static const struct bench_options defaults = {
	.threads = { 1, 2 },
	.thread_count = 2,
	.scalar = true,
	.batch = true,
	.batch_width = 16,
	.key_size = 8,
	.value_size = 128,
	.occupancy = 90,
	.seed = 1,
	.trace_live = 4096,
	.decide_us = 200,
	.pend_percent = 10,
	.progress = true,
};

void bench_complain(const char *format, ...)
{
	va_list arguments;

	fputs("pendbench: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

void bench_options_help(FILE *out)
{
	fputs("usage: pendbench run [SCENARIO...] [OPTION...]\n"
	      "       pendbench list\n"
	      "       pendbench help | --version\n"
	      "\n"
	      "A SCENARIO is a name of `pendbench list`, its first part, or a pattern with * and ?.\n",
	      out);
	for (size_t i = 0; i < SPEC_COUNT; i++) {
		char left[40];

		if (specs[i].group)
			fprintf(out, "\n%s\n", specs[i].group);
		snprintf(left, sizeof(left), "--%s%s%s", specs[i].name,
			 specs[i].argument ? " " : "", specs[i].argument ? specs[i].argument : "");
		fprintf(out, "  %-22s %s\n", left, specs[i].help);
	}
	fputs("\nexit status: 0 ok, 2 usage or a bad trace, 3 this machine cannot run it,\n"
	      "             4 the accounting of an implementation is wrong\n",
	      out);
}

/* Says what is wrong with an argument. Returns the exit status. */
static int refuse(const char *name, const char *text, int error, const char *bounds)
{
	const char *what = error == -ERANGE  ? "is out of range"
			   : error == -E2BIG ? "is too long a list"
					     : "is not understood";

	bench_complain("--%s: \"%s\" %s: %s", name, text, what, bounds);
	return BENCH_EXIT_USAGE;
}

static int read_u64(const char *name, const char *text, uint64_t low, uint64_t high,
		    const char *bounds, uint64_t *number)
{
	const int error = bench_parse_number(text, low, high, number);

	return error ? refuse(name, text, error, bounds) : 0;
}

static int read_u32(const char *name, const char *text, uint32_t low, uint32_t high,
		    const char *bounds, uint32_t *number)
{
	uint64_t wide;
	const int status = read_u64(name, text, low, high, bounds, &wide);

	if (!status)
		*number = (uint32_t)wide;
	return status;
}

/* Calls @take with each name of a comma-separated list. */
static int read_names(const char *name, const char *text, struct bench_options *options,
		      int (*take)(struct bench_options *options, const char *word, size_t length))
{
	for (const char *word = text;; word++) {
		const size_t length = strcspn(word, ",");

		if (take(options, word, length)) {
			bench_complain(
				"--%s: \"%.*s\" is unknown or given twice; see pendbench list",
				name, (int)length, word);
			return BENCH_EXIT_USAGE;
		}
		word += length;
		if (!*word)
			return 0;
	}
}

static int take_mode(struct bench_options *options, const char *word, size_t length)
{
	bool *mode = length == 6 && strncmp(word, "scalar", 6) == 0  ? &options->scalar
		     : length == 5 && strncmp(word, "batch", 5) == 0 ? &options->batch
								     : NULL;

	if (!mode || *mode)
		return -EINVAL;
	*mode = true;
	return 0;
}

static int take_impl(struct bench_options *options, const char *word, size_t length)
{
	const struct bench_impl *impl;

	for (uint32_t i = 0; (impl = bench_impl_at(i)) != NULL; i++)
		if (strlen(impl->name) == length && strncmp(impl->name, word, length) == 0)
			break;
	if (!impl || options->impl_count == BENCH_IMPLS_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < options->impl_count; i++)
		if (options->impls[i] == impl)
			return -EINVAL;
	options->impls[options->impl_count++] = impl;
	return 0;
}

/* Whether the comma-separated @list holds @word. */
static bool list_has(const char *list, const char *word, size_t length)
{
	while (*list) {
		const size_t size = strcspn(list, ",");

		if (size == length && strncmp(list, word, size) == 0)
			return true;
		list += size + (list[size] == ',');
	}
	return false;
}

static int read_impls(const char *text, struct bench_options *options)
{
	for (const char *word = text; *word; word += *word == ',') {
		const size_t length = strcspn(word, ",");

		if (list_has(bench_impls_absent(), word, length)) {
			bench_complain("--impl: %.*s is not in this build, which found no liburcu",
				       (int)length, word);
			return BENCH_EXIT_ENVIRONMENT;
		}
		word += length;
	}
	options->impl_count = 0;
	return read_names("impl", text, options, take_impl);
}

static int read_list(const char *name, const char *text, uint64_t low, uint64_t high,
		     const char *bounds, uint64_t *numbers, uint32_t room, uint32_t *count)
{
	const int error = bench_parse_numbers(text, low, high, numbers, room, count);

	return error ? refuse(name, text, error, bounds) : 0;
}

static int set_profile(struct bench_options *options, bool *chosen, enum bench_profile profile)
{
	if (*chosen && options->profile != profile) {
		bench_complain("--quick, --full and --smoke contradict each other: choose one");
		return BENCH_EXIT_USAGE;
	}
	*chosen = true;
	options->profile = profile;
	return 0;
}

static int read_speed(const char *text, struct bench_options *options)
{
	if (strcmp(text, "max") == 0) {
		options->speed = 0;
		return 0;
	}
	const int error = bench_parse_fraction(text, &options->speed);

	return error ? refuse("speed", text, error, "max, or a number above 0") : 0;
}

static int set_trace_option(enum option_id id, const char *text, struct bench_options *options)
{
	switch (id) {
	case OPT_TRACE:
		options->trace = text;
		return 0;
	case OPT_SPEED:
		return read_speed(text, options);
	case OPT_STRICT:
		options->strict = true;
		return 0;
	case OPT_SKIP:
		options->skip_bad_lines = true;
		return 0;
	case OPT_LIVE:
		return read_u64("live", text, 1, 1u << 24, "1 to 16Mi", &options->trace_live);
	default:
		return read_u64("events", text, 1, 1u << 24, "1 to 16Mi", &options->trace_events);
	}
}

static int take_allocator(struct bench_options *options, const char *word, size_t length)
{
	static const char *const names[BENCH_ALLOCATORS] = { "own", "libc", "jemalloc",
							     "jemalloc-numa" };

	for (uint32_t i = 0; i < BENCH_ALLOCATORS; i++) {
		if (strlen(names[i]) != length || strncmp(names[i], word, length) != 0)
			continue;
		if (options->allocators & 1u << i)
			return -EINVAL;
		options->allocators |= 1u << i;
		return 0;
	}
	return -EINVAL;
}

static int read_decide(const char *text, struct bench_options *options)
{
	options->decide_fixed = strcmp(text, "fixed") == 0;
	return options->decide_fixed || strcmp(text, "exponential") == 0
		       ? 0
		       : refuse("decide", text, -EINVAL, "fixed or exponential");
}

static int set_probe_option(enum option_id id, const char *text, struct bench_options *options)
{
	switch (id) {
	case OPT_ALLOC:
		options->allocators = 0;
		return read_names("alloc", text, options, take_allocator);
	case OPT_RATE:
		return read_list("rate", text, 1000, 10000000, "1000 to 10000000", options->rates,
				 BENCH_RATES_MAX, &options->rate_count);
	case OPT_DECIDE_US:
		return read_u64("decide-us", text, 1, 1000000, "1 to 1000000", &options->decide_us);
	case OPT_DECIDE:
		return read_decide(text, options);
	default:
		return read_u32("pend-percent", text, 1, 100, "1 to 100", &options->pend_percent);
	}
}

static int set_shape_option(enum option_id id, const char *text, struct bench_options *options)
{
	switch (id) {
	case OPT_THREADS:
		options->threads_given = true;
		return read_list("threads", text, 1, BENCH_THREADS_MAX, "1 to 64", options->threads,
				 BENCH_THREAD_COUNTS_MAX, &options->thread_count);
	case OPT_SIZES:
		options->sizes_given = true;
		return read_list("sizes", text, 64, 1u << 24, "64 to 16Mi", options->sizes,
				 BENCH_SIZES_MAX, &options->size_count);
	case OPT_MODE:
		options->scalar = options->batch = false;
		return read_names("mode", text, options, take_mode);
	case OPT_BATCH:
		return read_u32("batch", text, 2, BENCH_BATCH_MAX, "2 to 256",
				&options->batch_width);
	case OPT_IMPL:
		return read_impls(text, options);
	case OPT_KEY_SIZE:
		return read_u32("key-size", text, 8, 256, "8 to 256", &options->key_size);
	case OPT_VALUE_SIZE:
		return read_u32("value-size", text, 8, 4096, "8 to 4096", &options->value_size);
	case OPT_OCCUPANCY:
		return read_u32("occupancy", text, 1, 100, "1 to 100", &options->occupancy);
	case OPT_IN_ORDER:
		options->in_order = true;
		return 0;
	default:
		options->caller_clock = true;
		return 0;
	}
}

static int set_option(enum option_id id, const char *text, struct bench_options *options,
		      bool *profile_chosen)
{
	uint64_t milliseconds;
	int status;

	switch (id) {
	case OPT_QUICK:
		return set_profile(options, profile_chosen, BENCH_QUICK);
	case OPT_FULL:
		return set_profile(options, profile_chosen, BENCH_FULL);
	case OPT_SMOKE:
		return set_profile(options, profile_chosen, BENCH_SMOKE);
	case OPT_REPEATS:
		return read_u32("repeats", text, 1, 1000, "1 to 1000", &options->repeats);
	case OPT_WINDOW:
		status = read_u64("window", text, 1, 10000, "1 to 10000 ms", &milliseconds);
		if (!status)
			options->window_ns = milliseconds * 1000000u;
		return status;
	case OPT_SEED:
		return read_u64("seed", text, 1, UINT64_MAX, "1 to 2^64-1", &options->seed);
	case OPT_JSON:
		options->json = text;
		return 0;
	case OPT_NO_PROGRESS:
		options->progress = false;
		return 0;
	case OPT_HELP:
		options->command = BENCH_HELP;
		return 0;
	case OPT_VERSION:
		options->command = BENCH_VERSION;
		return 0;
	case OPT_ALLOC:
	case OPT_RATE:
	case OPT_DECIDE_US:
	case OPT_DECIDE:
	case OPT_PEND_PERCENT:
		return set_probe_option(id, text, options);
	case OPT_TRACE:
	case OPT_SPEED:
	case OPT_STRICT:
	case OPT_SKIP:
	case OPT_LIVE:
	case OPT_EVENTS:
		return set_trace_option(id, text, options);
	default:
		return set_shape_option(id, text, options);
	}
}

static int read_command(const char *word, struct bench_options *options)
{
	static const struct {
		const char *name;
		enum bench_command command;
	} commands[] = { { "run", BENCH_RUN }, { "list", BENCH_LIST }, { "help", BENCH_HELP } };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(word, commands[i].name) == 0) {
			options->command = commands[i].command;
			return 0;
		}
	}
	bench_complain("unknown command \"%s\"; see pendbench help", word);
	return BENCH_EXIT_USAGE;
}

int bench_options_read(int argc, char **argv, struct bench_options *options)
{
	struct option table[SPEC_COUNT + 1] = { 0 };
	bool profile_chosen = false, command_given;
	int id, status = 0;

	for (size_t i = 0; i < SPEC_COUNT; i++)
		table[i] = (struct option){ specs[i].name,
					    specs[i].argument ? required_argument : no_argument,
					    NULL, (int)specs[i].id };
	*options = defaults;
	options->command = BENCH_HELP;
	command_given = argc > 1 && argv[1][0] != '-';
	if (command_given)
		status = read_command(argv[1], options);
	if (status)
		return status;
	if (command_given) { /* getopt skips the first word: now the command, not the program */
		argc--;
		argv++;
	}
	optind = 0;
	opterr = 0;
	while ((id = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		if (id == '?' || id == ':') {
			bench_complain(id == '?' ? "unknown option \"%s\"; see pendbench help"
						 : "%s wants an argument; see pendbench help",
				       argv[optind - 1]);
			return BENCH_EXIT_USAGE;
		}
		status = set_option((enum option_id)id, optarg, options, &profile_chosen);
		if (status)
			return status;
	}
	options->filters = argv + optind;
	options->filter_count = (uint32_t)(argc - optind);
	if (!command_given && argc < 2) {
		bench_complain("say what to do: pendbench run, list or help");
		return BENCH_EXIT_USAGE;
	}
	if (options->filter_count && options->command != BENCH_RUN) {
		bench_complain("unexpected word \"%s\"; see pendbench help", options->filters[0]);
		return BENCH_EXIT_USAGE;
	}
	return options->command == BENCH_RUN ? bench_options_settle(options) : 0;
}
