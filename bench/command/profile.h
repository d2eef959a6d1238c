/* SPDX-License-Identifier: MIT */
/*
 * profile.h - `pendbench profile`: where the time of one scenario goes, as a flame graph.
 */
#ifndef BENCH_COMMAND_PROFILE_H
#define BENCH_COMMAND_PROFILE_H

#include "bench/command/options.h"

/* Returns what to exit with. */
int bench_profile_command(const struct bench_options *options);

#endif
