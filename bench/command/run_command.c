/* SPDX-License-Identifier: MIT */
/*
 * run_command.c - measures, shows the tables, writes what was asked for.
 *
 *	run --> campaign --> measure, measure, ... (this program again) --> merged document --> outputs
 */
#include <limits.h>

#include "bench/command/again.h"
#include "bench/command/campaign.h"
#include "bench/command/child.h"
#include "bench/command/commands.h"
#include "bench/command/judge.h"
#include "bench/command/outputs.h"
#include "bench/command/store.h"
#include "bench/model/document_json.h"
#include "bench/scenario/run.h"

static bool has_results(const struct bench_document *document)
{
	return document->series_count || document->timeline_count || document->spectrum_count;
}

static int save_baseline(const struct bench_options *options, const struct bench_document *document,
			 FILE *out)
{
	char path[PATH_MAX];
	const int status = bench_store_save(options->save_baseline, document, path, sizeof(path));

	if (!status)
		fprintf(out, "baseline %s: %s\n", options->save_baseline, path);
	return status;
}

/* Shows what was measured; the last line is where the report is. */
static int show(const struct bench_options *options, struct bench_outcome *outcome)
{
	const struct bench_style style = bench_outputs_style(options);
	int judged = 0, status;

	bench_tables_print(&style, outcome->document);
	fprintf(style.out, "took %.0f s\nagain: %s\n", outcome->document->took_s,
		bench_document_get(outcome->document, BENCH_ABOUT_CONFIG, "command"));
	if (outcome->base)
		judged = bench_judge(options, outcome);
	status = bench_outputs_write(options, outcome);
	return status ? status : judged;
}

int bench_run_command(const struct bench_options *options)
{
	struct bench_document document, base;
	struct bench_outcome outcome = { .document = &document };
	struct bench_side side = { .label = "", .document = &document };
	int status, shown = 0;

	bench_document_init(&document);
	bench_document_init(&base);
	status = bench_outputs_check(options);
	if (!status && options->baseline) {
		status = bench_store_load(options->baseline, &base);
		outcome.base = &base;
	}
	if (!status) {
		status = bench_campaign_run(options, &side, 1);
		if (bench_again_note(options, &document))
			status = BENCH_EXIT_ENVIRONMENT;
		if (has_results(&document) || status == BENCH_EXIT_WRONG)
			shown = show(options, &outcome);
		if (!status && !shown && options->save_baseline)
			shown = save_baseline(options, &document, bench_outputs_style(options).out);
	}
	bench_judge_free(&outcome);
	bench_document_free(&document);
	bench_document_free(&base);
	return status ? status : shown;
}

int bench_measure_command(const struct bench_options *options)
{
	struct bench_document document;
	FILE *out;
	int status;

	bench_child_follow_parent();
	if (!options->result) {
		bench_complain("measure wants --result FILE; pendbench run starts it");
		return BENCH_EXIT_USAGE;
	}
	bench_document_init(&document);
	status = bench_measure_run(options, &document);
	document.exit_status = status;
	document.process_count = 1;
	out = fopen(options->result, "we");
	if (!out || bench_document_write(&document, out) || fflush(out)) {
		bench_complain("%s: cannot be written", options->result);
		status = status ? status : BENCH_EXIT_ENVIRONMENT;
	}
	if (out)
		fclose(out);
	bench_document_free(&document);
	return status;
}
