/* SPDX-License-Identifier: MIT */
/*
 * options_help.c - the commands, and the help that is printed from them and the table of options.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/command/commands.h"
#include "bench/command/option_table.h"

static const struct {
	const char *name;
	const char *summary; /* NULL: not for users */
	struct bench_words words;
} commands[] = {
	[BENCH_RUN] = { "run",
			"measure, in processes that take turns, and show the tables",
			{ "[SCENARIO...] [OPTION...]", 0, 0, true } },
	[BENCH_MEASURE] = { "measure",
			    NULL,
			    { "[SCENARIO...] --process N --result FILE", 0, 0, true } },
	[BENCH_COMPARE] = { "compare",
			    "judge NEW, or a run made now, by BASE",
			    { "BASE [NEW] [OPTION...]", 1, 2, false } },
	[BENCH_AB] = { "ab",
		       "run two builds of pendbench in turn, and judge NEW by OLD",
		       { "OLD NEW [SCENARIO...] [OPTION...]", 2, 2, true } },
	[BENCH_NOISE] = { "noise",
			  "find how much figures vary by themselves; compare uses it",
			  { "[SCENARIO...] [OPTION...]", 0, 0, true } },
	[BENCH_REPORT] = { "report",
			   "make the outputs of a run again",
			   { "DIR|FILE.json [OPTION...]", 1, 1, false } },
	[BENCH_PROFILE] = { "profile",
			    "record a scenario and draw its flame graph",
			    { "SCENARIO [OPTION...]", 0, 0, true } },
	[BENCH_DOCTOR] = { "doctor",
			   "say what disturbs figures on this machine, and what to do",
			   { "[--json]", 0, 0, false } },
	[BENCH_LIST] = { "list",
			 "what can be measured, and what with",
			 { "[SCENARIO...] [--json]", 0, 0, true } },
	[BENCH_HELP] = { "help",
			 "this text, or what applies to a command",
			 { "[COMMAND]", 0, 1, false } },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const char *const groups[] = {
	[BENCH_GROUP_PLAN] = "plan",
	[BENCH_GROUP_MODE] = "mode",
	[BENCH_GROUP_SHAPE] = "shape",
	[BENCH_GROUP_TRACE] = "trace",
	[BENCH_GROUP_HOOKS] = "alloc, classify",
	[BENCH_GROUP_MEASURE] = "measure",
	[BENCH_GROUP_COMPARE] = "compare",
	[BENCH_GROUP_PROFILE] = "profile",
	[BENCH_GROUP_OUTPUT] = "output",
};

int bench_command_find(const char *name, enum bench_command *command)
{
	for (uint32_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0) {
			*command = (enum bench_command)i;
			return 0;
		}
	}
	return -ENOENT;
}

const char *bench_command_name(enum bench_command command)
{
	return command < COMMANDS ? commands[command].name : "";
}

struct bench_words bench_command_words(enum bench_command command)
{
	return command < COMMANDS ? commands[command].words : (struct bench_words){ 0 };
}

bool bench_command_at(uint32_t number, enum bench_command *command, const char **summary)
{
	for (uint32_t i = 0; i < COMMANDS; i++) {
		if (!commands[i].summary || number-- > 0)
			continue;
		*command = (enum bench_command)i;
		*summary = commands[i].summary;
		return true;
	}
	return false;
}

static void print_options(enum bench_command command, FILE *out)
{
	enum bench_option_group group = BENCH_GROUP_HIDDEN;
	const struct bench_option *option;

	for (uint32_t i = 0; (option = bench_option_at(i)) != NULL; i++) {
		char left[40];

		if (option->group == BENCH_GROUP_HIDDEN ||
		    (command != BENCH_HELP && !bench_option_applies(option, command)))
			continue;
		if (option->group != group)
			fprintf(out, "\n%s\n", groups[option->group]);
		group = option->group;
		snprintf(left, sizeof(left), "--%s%s%s", option->name, option->argument ? " " : "",
			 option->argument ? option->argument : "");
		fprintf(out, "  %-22s %s\n", left, option->help);
	}
}

static void print_commands(FILE *out)
{
	enum bench_command command;
	const char *summary;

	fputs("usage: pendbench COMMAND ...\n\n", out);
	for (uint32_t i = 0; bench_command_at(i, &command, &summary); i++) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", commands[command].name,
			 commands[command].words.usage);
		fprintf(out, "  %-38s %s\n", left, summary);
	}
}

void bench_options_help(enum bench_command command, FILE *out)
{
	if (command < COMMANDS && command != BENCH_HELP)
		fprintf(out, "usage: pendbench %s %s\n\nTo %s.\n", commands[command].name,
			commands[command].words.usage,
			commands[command].summary ? commands[command].summary : "be run by run");
	else
		print_commands(out);
	fputs("\nA SCENARIO is a name of `pendbench list`, its first part, or a pattern with * and ?.\n",
	      out);
	print_options(command, out);
	fputs("\nexit status: 0 ok, 1 worse and 3 inconclusive (with --fail-on), 2 usage or a bad file,\n"
	      "             4 the accounting of an implementation is wrong, 5 this machine cannot\n",
	      out);
}
