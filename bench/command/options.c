/* SPDX-License-Identifier: MIT */
/*
 * options.c - reads the command line by the table of options.
 *
 * Options are collected here, each checked for itself; options_settle.c then fills in what was not
 * said and checks them against each other, so that their order does not matter. getopt moves the
 * words that are no options to the end, so the caller's argv becomes
 *
 *	command, words of options (arguments), [--], files, filters
 */
#include "bench/command/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "bench/command/commands.h"
#include "bench/command/option_table.h"
#include "bench/command/parse.h"

#define OPTIONS_MAX 80u
#define FIRST_ID 256 /* above every character, as getopt wants it */

static const struct bench_options defaults = {
	.command = BENCH_HELP,
	.about = BENCH_HELP,
	.scalar = true,
	.batch = true,
	.batch_width = 16,
	.key_size = 8,
	.value_size = 128,
	.seed = 1,
	.mix = { 10, 45, 45 },
	.roles = { 1, 1, 0 },
	.trace_live = 4096,
	.decide_us = 200,
	.pend_percent = 10,
	.counters = true,
	.noise = -1,
	.profile_s = 5,
	.progress_fd = -1,
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

/* Says what is wrong with an argument. Returns the exit status. */
static int refuse(const struct bench_option *option, const char *text, int error)
{
	const char *what = error == -ERANGE  ? "is out of range"
			   : error == -E2BIG ? "is too long a list"
					     : "is not understood";

	bench_complain("--%s: \"%s\" %s: %s", option->name, text, what, option->bounds);
	return BENCH_EXIT_USAGE;
}

static int set_profile(struct bench_options *options, enum bench_profile profile)
{
	if (options->profile_given && options->profile != profile) {
		bench_complain("--quick, --full and --smoke contradict each other: choose one");
		return BENCH_EXIT_USAGE;
	}
	options->profile_given = true;
	options->profile = profile;
	return 0;
}

static int set_number(const struct bench_option *option, const char *text, void *member)
{
	uint64_t number;
	const int error = bench_parse_number(text, option->low, option->high, &number);

	if (error)
		return error;
	if (option->kind == BENCH_OPTION_U64)
		*(uint64_t *)member = number;
	else if (option->kind == BENCH_OPTION_MS)
		*(uint64_t *)member = number * 1000000u;
	else if (option->kind == BENCH_OPTION_INT)
		*(int *)member = (int)number;
	else
		*(uint32_t *)member = (uint32_t)number;
	return 0;
}

/* An option that is one of a few words. */
static int set_word(const struct bench_option *option, const char *text, void *member)
{
	uint32_t which;
	const int error = bench_parse_word(text, strlen(text), option->bounds, &which);

	if (error)
		return error;
	if (option->kind == BENCH_OPTION_EITHER)
		*(bool *)member = which == 1;
	else
		*(uint32_t *)member = which; /* an enum is as large: asserted below */
	return 0;
}

_Static_assert(sizeof(enum bench_pin) == sizeof(uint32_t), "BENCH_OPTION_CHOICE writes 32 bits");
_Static_assert(sizeof(enum bench_numa) == sizeof(uint32_t), "BENCH_OPTION_CHOICE writes 32 bits");

/* 0, an error to be explained by the bounds, or what to exit with. */
static int set_option(const struct bench_option *option, const char *text,
		      struct bench_options *options)
{
	void *member = (char *)options + option->offset;

	switch (option->kind) {
	case BENCH_OPTION_ON:
	case BENCH_OPTION_OFF:
		*(bool *)member = option->kind == BENCH_OPTION_ON;
		return 0;
	case BENCH_OPTION_PROFILE:
		return set_profile(options, (enum bench_profile)option->low);
	case BENCH_OPTION_COMMAND:
		if (options->command != BENCH_HELP)
			options->about = options->command;
		options->command = (enum bench_command)option->low;
		return 0;
	case BENCH_OPTION_TEXT:
		if (!*text)
			return -EINVAL;
		*(const char **)member = text;
		return 0;
	case BENCH_OPTION_CHOICE:
	case BENCH_OPTION_EITHER:
		return set_word(option, text, member);
	case BENCH_OPTION_OTHER:
		return option->read(text, options);
	default:
		return set_number(option, text, member);
	}
}

/* Why getopt did not take @word. */
static int complain_option(const char *word, enum bench_command command)
{
	const size_t length = strcspn(word, "=");
	const struct bench_option *option;
	const char *name = bench_command_name(command);
	bool known = false;

	for (uint32_t i = 0; length > 2 && (option = bench_option_at(i)) != NULL; i++)
		known |= option->group != BENCH_GROUP_HIDDEN &&
			 strlen(option->name) == length - 2 &&
			 strncmp(option->name, word + 2, length - 2) == 0;
	if (known && command != BENCH_HELP && word[length] != '=')
		bench_complain("%s does not apply to %s; see pendbench help %s", word, name, name);
	else
		bench_complain("unknown option \"%s\"; see pendbench help", word);
	return BENCH_EXIT_USAGE;
}

/* What getopt knows: the options that apply to @command. */
static void make_table(enum bench_command command, struct option *table)
{
	const struct bench_option *option;
	uint32_t count = 0;

	for (uint32_t i = 0; (option = bench_option_at(i)) != NULL; i++)
		if (bench_option_applies(option, command) && count < OPTIONS_MAX)
			table[count++] =
				(struct option){ option->name,
						 option->argument ? required_argument : no_argument,
						 NULL, FIRST_ID + (int)i };
	table[count] = (struct option){ 0 };
}

/* Reads the options of @options->command; getopt skips @argv[0], the command. */
static int read_options(int argc, char **argv, struct bench_options *options)
{
	struct option table[OPTIONS_MAX + 1];
	const enum bench_command command = options->command;
	int id;

	make_table(command, table);
	optind = 0;
	opterr = 0;
	while ((id = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		const struct bench_option *option = bench_option_at((uint32_t)(id - FIRST_ID));
		int status;

		if (id == ':') {
			bench_complain("%s wants an argument; see pendbench help",
				       argv[optind - 1]);
			return BENCH_EXIT_USAGE;
		}
		if (id == '?')
			return complain_option(argv[optind - 1], command);
		status = set_option(option, optarg, options);
		if (status < 0)
			return refuse(option, optarg, status);
		if (status)
			return status;
		options->argument_count += optarg && optarg == argv[optind - 1] ? 2 : 1;
	}
	options->arguments = argv + 1;
	options->filters = argv + optind;
	options->filter_count = (uint32_t)(argc - optind);
	return 0;
}

/* Files stand before scenarios. */
static int take_files(enum bench_command command, struct bench_options *options)
{
	const struct bench_words words = bench_command_words(command);

	options->files = options->filters;
	options->file_count = options->filter_count < words.files_most ? options->filter_count
								       : words.files_most;
	options->filters += options->file_count;
	options->filter_count -= options->file_count;
	if (options->command == BENCH_HELP && command != BENCH_HELP)
		return 0; /* asked for help: what else there is does not matter */
	if (options->file_count < words.files_least) {
		bench_complain("usage: pendbench %s %s", bench_command_name(command), words.usage);
		return BENCH_EXIT_USAGE;
	}
	if (options->filter_count && !words.scenarios) {
		bench_complain("unexpected word \"%s\"; see pendbench help", options->filters[0]);
		return BENCH_EXIT_USAGE;
	}
	return 0;
}

/* `help COMMAND` */
static int read_about(struct bench_options *options)
{
	if (options->command != BENCH_HELP || !options->file_count ||
	    bench_command_find(options->files[0], &options->about) == 0)
		return 0;
	bench_complain("unknown command \"%s\"; see pendbench help", options->files[0]);
	return BENCH_EXIT_USAGE;
}

int bench_options_read(int argc, char **argv, struct bench_options *options)
{
	enum bench_command command;
	int status = 0;

	*options = defaults;
	if (argc < 2) {
		bench_complain("say what to do: pendbench run, or pendbench help");
		return BENCH_EXIT_USAGE;
	}
	if (argv[1][0] != '-') {
		if (bench_command_find(argv[1], &options->command)) {
			bench_complain("unknown command \"%s\"; see pendbench help", argv[1]);
			return BENCH_EXIT_USAGE;
		}
		argc--;
		argv++;
	}
	command = options->command;
	status = read_options(argc, argv, options);
	if (!status)
		status = take_files(command, options);
	if (!status && command == BENCH_HELP)
		status = read_about(options);
	if (status || !bench_command_words(options->command).scenarios)
		return status;
	return bench_options_settle(options);
}
