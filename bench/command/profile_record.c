/* SPDX-License-Identifier: MIT */
/*
 * profile_record.c - perf record -- pendbench measure SCENARIO: long windows, one process.
 *
 * What the caller asked for comes last in the words of `measure`, so that it overrides what is
 * chosen here: a table of 64Ki, one thread, single calls.
 */
#include "bench/command/profile_record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/command/pipeline.h"
#include "bench/model/document_json.h"

#define WORDS_OWN 40u
#define LIMIT_S 600u /* besides what is recorded: tables are filled */
/* Deep enough for the frames of the loops, which hold whole batches. */
#define DWARF "dwarf,8192"

const char *bench_last_line(const char *path, char *line, size_t size)
{
	FILE *in = fopen(path, "r");
	char next[512];

	*line = '\0';
	while (in && fgets(next, sizeof(next), in)) {
		next[strcspn(next, "\n")] = '\0';
		if (next[strspn(next, " \t")])
			snprintf(line, size, "%s", next);
	}
	if (in)
		fclose(in);
	return line;
}

static int paranoid(void)
{
	FILE *in = fopen("/proc/sys/kernel/perf_event_paranoid", "r");
	int level = 0;

	if (in) {
		if (fscanf(in, "%d", &level) != 1)
			level = 0;
		fclose(in);
	}
	return level;
}

/* ---- the command line ---- */

struct words {
	const char **argv;
	uint32_t count;
};

static void add(struct words *words, const char *const *more, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		words->argv[words->count++] = more[i];
}

static void add_perf(struct words *words, const struct bench_options *options, const char *data)
{
	const bool off = options->profile_off_cpu;
	const char *const record[] = { "perf", "record", "-N", "-q", "-o", data };
	const char *const cpu[] = { "-F", "499", "-e",
				    geteuid() && paranoid() > 1 ? "cpu-clock:u" : "cpu-clock" };
	const char *const off_cpu[] = { "--switch-events", "-e", "sched:sched_switch" };
	const char *const stacks[] = { "--call-graph", options->profile_fp ? "fp" : DWARF, "--" };

	add(words, record, 6);
	add(words, off ? off_cpu : cpu, off ? 3 : 4);
	add(words, stacks, 3);
}

/* What was not said about a table. */
static void add_shape(struct words *words, const struct bench_options *options, const char *repeats)
{
	static const char *const threads[] = { "--threads", "1" };
	static const char *const sizes[] = { "--sizes", "64Ki" };
	static const char *const calls[] = { "--calls", "scalar" };
	const char *const windows[] = { "--repeats", repeats };

	if (!options->threads_given)
		add(words, threads, 2);
	if (!options->sizes_given)
		add(words, sizes, 2);
	if (options->scalar && options->batch)
		add(words, calls, 2);
	add(words, windows, 2);
}

static bool make_command(const struct bench_options *options, const struct bench_scenario *scenario,
			 struct bench_recording *recording, const char *repeats)
{
	const char *const measure[] = { recording->self,   "measure",  "--result",
					recording->result, "--window", "1000" };
	/* What is no table has its own kinds; those that need an engine have this name. */
	const bool table = scenario->stage != BENCH_STAGE_PROBE;
	const char *const impl[] = { "--impl", table ? "pendmap" : "pendmap-engine" };
	static const char *const end[] = { "--" };
	struct words words = { 0 };

	words.argv = calloc(WORDS_OWN + options->argument_count, sizeof(*words.argv));
	recording->argv = words.argv;
	if (!words.argv)
		return false;
	add_perf(&words, options, recording->data);
	add(&words, measure, 6);
	if (table)
		add_shape(&words, options, repeats);
	if (!options->impls_given)
		add(&words, impl, 2);
	for (uint32_t i = 0; i < options->argument_count; i++)
		words.argv[words.count++] = options->arguments[i];
	add(&words, end, 1);
	words.argv[words.count++] = options->filters[0];
	return true;
}

/* ---- running it ---- */

static int explain_failure(const struct bench_recording *recording, int error, int status)
{
	char line[512];

	if (error == -ENOENT) {
		bench_complain("perf is not installed: it is in the package linux-perf");
	} else if (error == -ETIMEDOUT) {
		bench_complain("perf took longer than %u s, and was ended", LIMIT_S);
	} else if (error) {
		bench_complain("perf: %s", strerror(-error));
	} else {
		bench_complain("perf ended with status %d: %s", status,
			       bench_last_line(recording->errors, line, sizeof(line)));
		if (geteuid() && paranoid() > 2)
			bench_complain("kernel.perf_event_paranoid is %d: be root, or set it to 1",
				       paranoid());
	}
	return BENCH_EXIT_ENVIRONMENT;
}

int bench_record(const struct bench_options *options, const struct bench_scenario *scenario,
		 struct bench_recording *recording, struct bench_document *document)
{
	struct bench_pipeline pipeline = { .count = 1,
					   .errors = recording->errors,
					   .out = recording->told,
					   .limit_s = LIMIT_S + options->profile_s * 8 };
	char repeats[16], why[256];
	int error;

	snprintf(repeats, sizeof(repeats), "%u", options->profile_s);
	if (!make_command(options, scenario, recording, repeats)) {
		bench_complain("no memory");
		return BENCH_EXIT_ENVIRONMENT;
	}
	if (options->progress)
		fprintf(stderr, "recording %s for some %u s\n", scenario->name, options->profile_s);
	pipeline.programs[0] = recording->argv;
	error = bench_pipeline_run(&pipeline);
	if (error)
		return explain_failure(recording, error, 0);
	/* Whether it went well says the document: perf's status is its own or the program's. */
	if (bench_document_read(recording->result, document, why, sizeof(why)) ||
	    document->exit_status || !document->series_count)
		return explain_failure(recording, 0, pipeline.statuses[0]);
	return 0;
}
