/* SPDX-License-Identifier: MIT */
/*
 * main.c - pendbench: measures pendmap beside its peers.
 *
 * Reads the command line, runs, prints the table, writes the JSON. Progress and complaints go to
 * stderr, the table to stdout (to stderr if the JSON goes to stdout).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/measure/host.h"
#include "bench/results/json.h"
#include "bench/command/options.h"
#include "bench/scenario/portable.h"
#include "bench/results/results.h"
#include "bench/scenario/run.h"
#include "bench/scenario/scenario.h"
#include "bench/results/table.h"
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

static void print_list(void)
{
	const struct bench_scenario *scenario;
	const struct bench_impl *impl;

	puts("scenarios");
	for (uint32_t n = 0; (scenario = bench_scenario_at(n)) != NULL; n++)
		printf("  %-20s %s\n", scenario->name, scenario->summary);
	puts("\nimplementations");
	for (uint32_t n = 0; (impl = bench_impl_at(n)) != NULL; n++)
		printf("  %-20s %s\n", impl->name, impl->summary);
	if (*bench_impls_absent())
		printf("\nabsent, for liburcu was not found: %s\n", bench_impls_absent());
}

/* The command that was given, so that it can be given again. */
static void print_command(FILE *out, int argc, char **argv)
{
	fputs("again:", out);
	for (int i = 0; i < argc; i++)
		fprintf(out, " %s", argv[i]);
	fputc('\n', out);
}

static int run(const struct bench_options *options, int argc, char **argv)
{
	struct bench_results results = { 0 };
	struct bench_host host;
	FILE *json = NULL, *out = stdout;
	int status;

	bench_host_read(&host);
	if (options->json) {
		json = bench_json_open(options->json);
		if (!json)
			return BENCH_EXIT_ENVIRONMENT;
		if (json == stdout)
			out = stderr;
	}
	status = bench_run(options, &host, &results);
	const struct bench_table table = { out, isatty(fileno(out)) != 0, options, &results };

	if (results.cell_count || results.probe_count) {
		bench_table_print(&table, &host);
		fprintf(out, "took %.0f s\n", results.took_s);
		print_command(out, argc, argv);
	}
	if (status == BENCH_EXIT_WRONG)
		bench_complain("the accounting is wrong: the cell above is in no table");
	if (json && bench_json_write(json, options, &host, &results, status)) {
		bench_complain("--json: %s: cannot be written", options->json);
		status = status ? status : BENCH_EXIT_ENVIRONMENT;
	} else if (json && json != stdout) {
		fprintf(out, "JSON: %s\n", options->json);
	}
	bench_results_free(&results);
	return status;
}

int main(int argc, char **argv)
{
	struct bench_options options;
	int status;

	if (argc == 4 && strcmp(argv[1], BENCH_PORTABLE_COMMAND) == 0)
		return bench_portable_main(argv[2], argv[3]);
	status = bench_options_read(argc, argv, &options);
	if (status)
		return status;
	switch (options.command) {
	case BENCH_RUN:
		return run(&options, argc, argv);
	case BENCH_LIST:
		print_list();
		return BENCH_EXIT_OK;
	case BENCH_VERSION:
		printf("pendbench %s (%s, %s, %s)\n", BENCH_BUILD_VERSION, BENCH_BUILD_COMMIT,
		       BENCH_BUILD_COMPILER, BENCH_BUILD_TYPE);
		return BENCH_EXIT_OK;
	default:
		bench_options_help(stdout);
		return BENCH_EXIT_OK;
	}
}
