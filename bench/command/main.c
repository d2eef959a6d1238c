/* SPDX-License-Identifier: MIT */
/*
 * main.c - pendbench: measures pendmap beside its peers.
 *
 * Reads the command line and hands over to the command. What was asked for goes to stdout; progress
 * and complaints go to stderr.
 */
#include <stdio.h>
#include <string.h>

#include "bench/command/commands.h"
#include "bench/command/profile.h"
#include "bench/scenario/portable.h"
#include "bench_build.h"
#include "platform/compiler.h"

#if PENDI_TSAN
/* liburcu, a peer, is not annotated for the thread sanitizer; what its queue hands over is.
 * Its frames alone are left out. The runtime looks for this name. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:cds_wfcq\nrace:^urcu_common\nrace:^_urcu_\n";
}
#endif

static int print_help(const struct bench_options *options)
{
	bench_options_help(options->about, stdout);
	return BENCH_EXIT_OK;
}

static int print_version(const struct bench_options *options)
{
	(void)options;
	printf("pendbench %s (%s, %s, %s)\n", BENCH_BUILD_VERSION, BENCH_BUILD_COMMIT,
	       BENCH_BUILD_COMPILER, BENCH_BUILD_TYPE);
	return BENCH_EXIT_OK;
}

static int (*const commands[])(const struct bench_options *options) = {
	[BENCH_RUN] = bench_run_command,         [BENCH_MEASURE] = bench_measure_command,
	[BENCH_COMPARE] = bench_compare_command, [BENCH_AB] = bench_ab_command,
	[BENCH_NOISE] = bench_noise_command,     [BENCH_REPORT] = bench_report_command,
	[BENCH_PROFILE] = bench_profile_command, [BENCH_DOCTOR] = bench_doctor_command,
	[BENCH_LIST] = bench_list_command,       [BENCH_HELP] = print_help,
	[BENCH_VERSION] = print_version,
};

int main(int argc, char **argv)
{
	struct bench_options options;
	int status;

	if (argc == 4 && strcmp(argv[1], BENCH_PORTABLE_COMMAND) == 0)
		return bench_portable_main(argv[2], argv[3]);
	status = bench_options_read(argc, argv, &options);
	return status ? status : commands[options.command](&options);
}
