/* SPDX-License-Identifier: MIT */
/*
 * commands.h - the commands: their names and words, and what carries them out.
 */
#ifndef BENCH_COMMAND_COMMANDS_H
#define BENCH_COMMAND_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/command/options.h"

/* The words that a command takes besides options: files first, then patterns of scenarios. */
struct bench_words {
	const char *usage;
	uint32_t files_least;
	uint32_t files_most;
	bool scenarios;
};

/* 0, or -ENOENT. MEASURE is found too. */
int bench_command_find(const char *name, enum bench_command *command);

const char *bench_command_name(enum bench_command command);
struct bench_words bench_command_words(enum bench_command command);

/* The command of that number that users see, or false past the last. */
bool bench_command_at(uint32_t number, enum bench_command *command, const char **summary);

/* Each returns what to exit with. */
int bench_run_command(const struct bench_options *options);
int bench_measure_command(const struct bench_options *options);
int bench_compare_command(const struct bench_options *options);
int bench_ab_command(const struct bench_options *options);
int bench_noise_command(const struct bench_options *options);
int bench_report_command(const struct bench_options *options);
int bench_list_command(const struct bench_options *options);
int bench_doctor_command(const struct bench_options *options);

#endif
