/* SPDX-License-Identifier: MIT */
/*
 * compare_command.c - did it change? compare, ab, noise, and report.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/command/again.h"
#include "bench/command/campaign.h"
#include "bench/command/commands.h"
#include "bench/command/judge.h"
#include "bench/command/outputs.h"
#include "bench/command/store.h"

/* Judges, then writes what was asked for. */
static int conclude(const struct bench_options *options, struct bench_outcome *outcome)
{
	int status = bench_judge(options, outcome);
	const bool judged = outcome->comparisons != NULL;
	const int written = judged ? bench_outputs_write(options, outcome) : 0;

	bench_judge_free(outcome);
	return written ? written : status;
}

/* Measures now what @base measured then, as often. */
static int measure_again(const struct bench_options *options, const struct bench_document *base,
			 struct bench_document *document)
{
	struct bench_options again;
	struct bench_side side = { .label = "", .document = document };
	char runs[32];
	int argc, status;
	char **argv;

	snprintf(runs, sizeof(runs), "--runs=%u", base->process_count);
	argv = bench_again_argv(base, runs, &argc);
	if (!argv)
		return BENCH_EXIT_USAGE;
	status = bench_options_read(argc, argv, &again);
	again.progress = options->progress;
	if (!status)
		status = bench_campaign_run(&again, &side, 1);
	if (bench_again_note(&again, document) && !status)
		status = BENCH_EXIT_ENVIRONMENT;
	free(argv);
	return status;
}

int bench_compare_command(const struct bench_options *options)
{
	struct bench_document base, document;
	struct bench_outcome outcome = { .document = &document, .base = &base };
	int status = bench_outputs_check(options);

	bench_document_init(&base);
	bench_document_init(&document);
	if (!status)
		status = bench_store_load(options->files[0], &base);
	if (!status)
		status = options->file_count == 2 ? bench_store_load(options->files[1], &document)
						  : measure_again(options, &base, &document);
	if (!status)
		status = conclude(options, &outcome);
	bench_document_free(&base);
	bench_document_free(&document);
	return status;
}

static int check_program(const char *which, const char *path)
{
	if (access(path, X_OK) == 0)
		return 0;
	bench_complain("%s: %s: %s", which, path, strerror(errno));
	return BENCH_EXIT_USAGE;
}

/* Slowness that is planted is NEW's alone. */
static const char *const not_planted[] = { "--plant", "0", NULL };

int bench_ab_command(const struct bench_options *options)
{
	struct bench_document base, document;
	struct bench_side sides[] = {
		{ options->files[0], "old", options->planted_percent ? not_planted : NULL, &base },
		{ options->files[1], "new", NULL, &document },
	};
	struct bench_outcome outcome = { .document = &document, .base = &base };
	int status = check_program("OLD", options->files[0]);

	bench_document_init(&base);
	bench_document_init(&document);
	if (!status)
		status = check_program("NEW", options->files[1]);
	if (!status)
		status = bench_outputs_check(options);
	if (!status)
		status = bench_campaign_run(options, sides, 2);
	if (!status && (bench_again_note(options, &base) || bench_again_note(options, &document)))
		status = BENCH_EXIT_ENVIRONMENT;
	if (!status)
		status = conclude(options, &outcome);
	bench_document_free(&base);
	bench_document_free(&document);
	return status;
}

static void print_noise(const struct bench_document *noise, const struct bench_document *document)
{
	printf("%-64s %8s\n", "series", "noise");
	for (uint32_t i = 0; i < document->series_count; i++) {
		const struct bench_series *series = &document->series[i];
		char name[160];

		if (series->primary && series->count)
			printf("%-64s %6.1f %%\n", bench_series_format(series, name, sizeof(name)),
			       100 * bench_noise_of(noise, series));
	}
}

static int keep_noise(const struct bench_document *a, const struct bench_document *b)
{
	struct bench_document noise;
	char name[300], path[PATH_MAX];
	int status = BENCH_EXIT_ENVIRONMENT;

	bench_document_init(&noise);
	if (bench_noise_make(a, b, &noise)) {
		bench_complain("no memory");
	} else {
		bench_store_noise_name(b, name, sizeof(name));
		status = bench_store_save(name, &noise, path, sizeof(path));
		print_noise(&noise, b);
		if (!status)
			printf("compare uses it from here on: %s\n", path);
	}
	bench_document_free(&noise);
	return status;
}

int bench_noise_command(const struct bench_options *options)
{
	struct bench_document a, b;
	struct bench_side sides[] = { { NULL, "a", NULL, &a }, { NULL, "b", NULL, &b } };
	int status;

	bench_document_init(&a);
	bench_document_init(&b);
	status = bench_campaign_run(options, sides, 2);
	if (!status)
		status = keep_noise(&a, &b);
	bench_document_free(&a);
	bench_document_free(&b);
	return status;
}

/* The folder of @path: itself, or what it is in. */
static int folder_of(const char *path, char *folder, size_t size)
{
	char json[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int length;

	snprintf(json, sizeof(json), "%s/results.json", path);
	if (access(json, F_OK) == 0)
		length = snprintf(folder, size, "%s", path);
	else if (slash)
		length = snprintf(folder, size, "%.*s", slash == path ? 1 : (int)(slash - path),
				  path);
	else
		length = snprintf(folder, size, ".");
	return length >= 0 && (size_t)length < size ? 0 : -ENAMETOOLONG;
}

int bench_report_command(const struct bench_options *options)
{
	struct bench_document document, base;
	struct bench_outcome outcome = { .document = &document };
	struct bench_options asked = *options;
	char folder[PATH_MAX], path[PATH_MAX + 16];
	int status;

	bench_document_init(&document);
	bench_document_init(&base);
	status = bench_store_load(options->files[0], &document);
	if (!status && folder_of(options->files[0], folder, sizeof(folder)))
		status = BENCH_EXIT_USAGE;
	snprintf(path, sizeof(path), "%s/base.json", folder);
	if (!status && access(path, F_OK) == 0) {
		status = bench_store_load(path, &base);
		outcome.base = &base;
	}
	if (!options->out && !options->csv && !options->markdown && !options->openmetrics &&
	    !options->html && !options->hgrm)
		asked.out = folder;
	outcome.keep_json = asked.out == folder;
	if (!status)
		status = bench_outputs_check(&asked);
	if (!status && outcome.base)
		status = bench_judge(&asked, &outcome);
	if (!status)
		status = bench_outputs_write(&asked, &outcome);
	bench_judge_free(&outcome);
	bench_document_free(&document);
	bench_document_free(&base);
	return status;
}
