/* SPDX-License-Identifier: MIT */
/*
 * option_table.h - the one table of options: it drives reading and help.
 */
#ifndef BENCH_COMMAND_OPTION_TABLE_H
#define BENCH_COMMAND_OPTION_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "bench/command/options.h"

enum bench_option_group {
	BENCH_GROUP_PLAN,
	BENCH_GROUP_MODE,
	BENCH_GROUP_SHAPE,
	BENCH_GROUP_TRACE,
	BENCH_GROUP_HOOKS,
	BENCH_GROUP_MEASURE,
	BENCH_GROUP_COMPARE,
	BENCH_GROUP_PROFILE,
	BENCH_GROUP_OUTPUT,
	BENCH_GROUP_HIDDEN, /* of MEASURE: not for users */
};

/* What the member at `offset` is, and how its text is read. */
enum bench_option_kind {
	BENCH_OPTION_ON,      /* bool; no argument */
	BENCH_OPTION_OFF,     /* bool that is made false */
	BENCH_OPTION_PROFILE, /* enum bench_profile `low` */
	BENCH_OPTION_COMMAND, /* enum bench_command `low` */
	BENCH_OPTION_TEXT,    /* const char * */
	BENCH_OPTION_U32,
	BENCH_OPTION_U64,
	BENCH_OPTION_MS,     /* uint64_t in ns, given in ms */
	BENCH_OPTION_INT,    /* int */
	BENCH_OPTION_CHOICE, /* uint32_t or enum: which word of `bounds`, "this, that" */
	BENCH_OPTION_EITHER, /* bool: the second of two words of `bounds` */
	BENCH_OPTION_OTHER,  /* `read` does it */
};

struct bench_option {
	const char *name;
	const char *argument; /* NULL: takes none */
	const char *help;
	uint32_t commands; /* 1 << enum bench_command that it applies to */
	enum bench_option_group group;
	enum bench_option_kind kind;
	size_t offset; /* in struct bench_options */
	uint64_t low;  /* bounds of a number, inclusive */
	uint64_t high;
	const char *bounds; /* said when the text is refused */

	/* 0; a negative errno (parse.h), for which bounds are said; or what to exit with, when it
	 * has said why. */
	int (*read)(const char *text, struct bench_options *options);
};

/* The option of that number, or NULL past the last. */
const struct bench_option *bench_option_at(uint32_t number);

/* Whether it may be given to @command. MEASURE takes, and mostly ignores, all that may be given to
 * those that start it. */
bool bench_option_applies(const struct bench_option *option, enum bench_command command);

/* Those of BENCH_OPTION_OTHER: option_values.c. */
int bench_option_threads(const char *text, struct bench_options *options);
int bench_option_sizes(const char *text, struct bench_options *options);
int bench_option_occupancy(const char *text, struct bench_options *options);
int bench_option_rate(const char *text, struct bench_options *options);
int bench_option_mode(const char *text, struct bench_options *options);
int bench_option_calls(const char *text, struct bench_options *options);
int bench_option_impl(const char *text, struct bench_options *options);
int bench_option_alloc(const char *text, struct bench_options *options);
int bench_option_keys(const char *text, struct bench_options *options);
int bench_option_mix(const char *text, struct bench_options *options);
int bench_option_roles(const char *text, struct bench_options *options);
int bench_option_stall(const char *text, struct bench_options *options);
int bench_option_speed(const char *text, struct bench_options *options);
int bench_option_noise(const char *text, struct bench_options *options);
int bench_option_fail_on(const char *text, struct bench_options *options);
int bench_option_save_baseline(const char *text, struct bench_options *options);

#endif
