/* SPDX-License-Identifier: MIT */
/*
 * profile.c - `pendbench profile`: records one scenario with perf and draws what it saw.
 *
 *	perf record -- pendbench measure ...   --> samples, and the document of what was measured
 *	perf script | pendflame fold           --> NAME.folded: ns (CPU) or us (off it); thousandths
 *	                                           of a ns for one operation, where operations are
 *	                                           counted
 *	pendflame svg                          --> NAME.svg; with --diff NAME-diff.svg besides
 *	                                           NAME.json: how it came about (profile_sidecar.c)
 *
 * A scenario over a table is drawn from measure_lane() on, which is its windows: what makes, fills
 * and drains the table is left out, and counted. Others are drawn whole, their set-up as such.
 */
#include "bench/command/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/command/pipeline.h"
#include "bench/command/profile_record.h"
#include "bench/command/profile_sidecar.h"

#define WITHIN "measure_lane" /* measure.c: what a thread does in a window */
#define LIMIT_S 600u          /* stacks are unwound */
#define INLINED_S 60u         /* ... with inlined frames, which some versions of perf are slow at */

struct profile {
	const struct bench_options *options;
	const struct bench_scenario *scenario;
	struct bench_document document;
	struct bench_recording recording;
	struct bench_sidecar sidecar;
	char flame[4096]; /* the program pendflame */
	char folder[64];  /* of what is in between */
	char name[4200];  /* of what is written, without its ending */
};

/* ---- what there is ---- */

/* pendflame: beside this program, or in PATH. */
static int find_programs(struct profile *profile)
{
	const ssize_t length = readlink("/proc/self/exe", profile->recording.self,
					sizeof(profile->recording.self) - 1);
	char *slash;

	if (length <= 0) {
		bench_complain("/proc/self/exe cannot be read");
		return BENCH_EXIT_ENVIRONMENT;
	}
	profile->recording.self[length] = '\0';
	memcpy(profile->flame, profile->recording.self, (size_t)length + 1);
	slash = strrchr(profile->flame, '/');
	if (slash &&
	    (size_t)(slash - profile->flame) + sizeof("/pendflame") < sizeof(profile->flame))
		memcpy(slash, "/pendflame", sizeof("/pendflame"));
	if (access(profile->flame, X_OK))
		memcpy(profile->flame, "pendflame", sizeof("pendflame"));
	return 0;
}

/* The one scenario that is asked for. */
static int find_scenario(struct profile *profile)
{
	const struct bench_scenario *scenario;
	uint32_t count = 0;

	for (uint32_t n = 0; (scenario = bench_scenario_at(n)) != NULL; n++) {
		if (!bench_options_pick(profile->options, scenario))
			continue;
		profile->scenario = scenario;
		count++;
	}
	if (profile->options->filter_count != 1 || count != 1) {
		bench_complain("profile wants one scenario, not %u; see pendbench list",
			       profile->options->filter_count ? count : 0);
		return BENCH_EXIT_USAGE;
	}
	if (profile->options->impls_given && profile->options->impl_count > 1) {
		bench_complain("profile wants one implementation: --impl NAME");
		return BENCH_EXIT_USAGE;
	}
	return 0;
}

static int make_folder(struct profile *profile)
{
	const char *parent = getenv("TMPDIR");

	if (!parent || strlen(parent) > 32)
		parent = "/tmp";
	snprintf(profile->folder, sizeof(profile->folder), "%s/pendbench-XXXXXX", parent);
	if (!mkdtemp(profile->folder)) {
		bench_complain("%s: %s", profile->folder, strerror(errno));
		profile->folder[0] = '\0';
		return BENCH_EXIT_ENVIRONMENT;
	}
	snprintf(profile->recording.data, sizeof(profile->recording.data), "%s/perf.data",
		 profile->folder);
	snprintf(profile->recording.result, sizeof(profile->recording.result), "%s/result.json",
		 profile->folder);
	snprintf(profile->recording.errors, sizeof(profile->recording.errors), "%s/errors",
		 profile->folder);
	snprintf(profile->recording.told, sizeof(profile->recording.told), "%s/told",
		 profile->folder);
	return 0;
}

static void remove_folder(struct profile *profile)
{
	char old[128];

	if (!profile->folder[0])
		return;
	snprintf(old, sizeof(old), "%s.old", profile->recording.data); /* perf keeps one */
	(void)unlink(old);
	(void)unlink(profile->recording.data);
	(void)unlink(profile->recording.result);
	(void)unlink(profile->recording.errors);
	(void)unlink(profile->recording.told);
	(void)rmdir(profile->folder);
}

/* steady/key in batches, off the CPU: DIR/steady_key-batch-off-cpu. */
static int make_name(struct profile *profile)
{
	const struct bench_options *options = profile->options;
	const char *out = options->out ? options->out : ".";
	const char *impl = options->impls_given ? options->impls[0]->name : "pendmap";
	char scenario[64];

	if (mkdir(out, 0777) && errno != EEXIST) {
		bench_complain("--out %s: %s", out, strerror(errno));
		return BENCH_EXIT_USAGE;
	}
	snprintf(scenario, sizeof(scenario), "%s", profile->scenario->name);
	for (char *slash = scenario; (slash = strchr(slash, '/')) != NULL;)
		*slash = '_';
	if ((size_t)snprintf(
		    profile->name, sizeof(profile->name), "%s/%s%s%s%s%s", out, scenario,
		    strcmp(impl, "pendmap") == 0 ? "" : "-",
		    strcmp(impl, "pendmap") == 0 ? "" : impl, options->scalar ? "" : "-batch",
		    options->profile_off_cpu ? "-off-cpu" : "") >= sizeof(profile->name) - 16) {
		bench_complain("--out: the path is too long");
		return BENCH_EXIT_USAGE;
	}
	return 0;
}

/* ---- folding and drawing ---- */

/* Thread time and operations of what was measured: of the first metric, where it is a mean. */
static void count_operations(struct profile *profile)
{
	double ns = 0;

	for (uint32_t i = 0; i < profile->document.series_count; i++) {
		const struct bench_series *series = &profile->document.series[i];

		if (!series->primary || strcmp(series->unit, "ns") != 0)
			continue;
		for (uint32_t n = 0; n < series->count; n++) {
			const struct bench_value *value = &series->values[n];

			profile->sidecar.operations += value->operations;
			ns += value->value * (double)value->operations;
		}
	}
	if (profile->scenario->stage == BENCH_STAGE_PROBE)
		profile->sidecar.operations = 0; /* of several kinds, side by side */
	if (profile->sidecar.operations)
		profile->sidecar.operation_ns = ns / (double)profile->sidecar.operations;
}

/* What pendflame says, among what perf script does. */
static int read_summary(struct profile *profile)
{
	FILE *in = fopen(profile->recording.told, "r");
	char line[512];
	unsigned long long samples = 0, left_out = 0;
	bool found = false;

	while (in && !found && fgets(line, sizeof(line), in))
		found = sscanf(line, "pendflame: %llu samples, %llu left out", &samples,
			       &left_out) == 2;
	if (in)
		fclose(in);
	profile->sidecar.samples = samples;
	profile->sidecar.left_out = left_out;
	if (found && samples)
		return 0;
	bench_complain("no samples: %s",
		       !found ? bench_last_line(profile->recording.told, line, sizeof(line))
		       : profile->options->profile_off_cpu ? "no measuring thread left its CPU"
							   : "is --time too short?");
	return BENCH_EXIT_ENVIRONMENT;
}

/* perf script | ..., with inlined frames if that does not take long. */
static int unwind(struct profile *profile, const char *const *flame, const char *folded)
{
	const bool off = profile->options->profile_off_cpu;
	const char *script[12] = {
		"perf",
		"script",
		"--ns",
		"-i",
		profile->recording.data,
		"-F",
		off ? "comm,pid,tid,cpu,time,period,event,ip,sym,symoff,dso,trace"
		    : "comm,pid,tid,time,period,event,ip,sym,symoff,dso"
	};
	uint32_t count = 7;
	int error = -ETIMEDOUT;

	if (off)
		script[count++] = "--show-switch-events";
	for (uint32_t i = 0; error == -ETIMEDOUT && i < 2; i++) {
		struct bench_pipeline pipeline = { .programs = { script, flame },
						   .count = 2,
						   .out = folded,
						   .errors = profile->recording.told,
						   .limit_s = i == 0 ? INLINED_S : LIMIT_S };

		profile->sidecar.inlined = i == 0 && !profile->options->profile_fp;
		if (i > 0)
			script[count] = "--no-inline";
		error = bench_pipeline_run(&pipeline);
	}
	return error;
}

/* perf script | pendflame fold >NAME.folded */
static int fold(struct profile *profile)
{
	const bool off = profile->options->profile_off_cpu;
	const char *flame[12] = { profile->flame, "fold" };
	char operations[32], folded[4224];
	uint32_t count = 2;
	int error, status = BENCH_EXIT_ENVIRONMENT;

	snprintf(operations, sizeof(operations), "%llu",
		 (unsigned long long)profile->sidecar.operations);
	snprintf(folded, sizeof(folded), "%s.folded", profile->name);
	if (off)
		flame[count++] = "--off-cpu";
	if (profile->sidecar.operations) {
		flame[count++] = "--operations";
		flame[count++] = operations;
	}
	if (profile->scenario->stage != BENCH_STAGE_PROBE) {
		flame[count++] = "--within";
		flame[count++] = profile->sidecar.within = WITHIN;
	}
	profile->sidecar.unit = profile->sidecar.operations ? "ps-each" : off ? "us" : "ns";
	error = unwind(profile, flame, folded);
	if (error == -ENOENT)
		bench_complain("pendflame is neither beside pendbench nor in PATH");
	else if (error)
		bench_complain("perf script | pendflame fold: %s", strerror(-error));
	else
		status = read_summary(profile);
	if (status)
		(void)unlink(folded);
	return status;
}

/* pendflame svg <NAME.folded >NAME.svg, or NAME-diff.svg */
static int draw(struct profile *profile, const char *base)
{
	const struct bench_options *options = profile->options;
	char title[160], folded[4224], svg[4224];
	const char *flame[] = { profile->flame,
				"svg",
				"--title",
				title,
				"--unit",
				profile->sidecar.unit,
				"--palette",
				options->profile_off_cpu ? "off-cpu" : "cpu",
				base ? "--base" : NULL,
				base,
				NULL };
	struct bench_pipeline pipeline = {
		.count = 1, .in = folded, .out = svg, .limit_s = LIMIT_S
	};
	int error;

	snprintf(title, sizeof(title), "%s%s, %s: %s", profile->scenario->name,
		 options->scalar ? "" : ", batches",
		 options->impls_given ? options->impls[0]->name : "pendmap",
		 base                       ? "what changed"
		 : options->profile_off_cpu ? "time off the CPU"
					    : "time on a CPU");
	snprintf(folded, sizeof(folded), "%s.folded", profile->name);
	snprintf(svg, sizeof(svg), "%s%s.svg", profile->name, base ? "-diff" : "");
	pipeline.programs[0] = flame;
	error = bench_pipeline_run(&pipeline);
	if (error || pipeline.statuses[0]) {
		bench_complain("%s was not drawn", svg);
		return BENCH_EXIT_ENVIRONMENT;
	}
	printf("%s\n", svg);
	return 0;
}

/* pendflame diff BASE NAME.folded: which functions' own time changed. */
static int list_changes(struct profile *profile, const char *base)
{
	char folded[4224];
	const char *flame[] = { profile->flame, "diff", "--unit", profile->sidecar.unit,
				base,           folded, NULL };
	struct bench_pipeline pipeline = { .count = 1, .limit_s = LIMIT_S };

	snprintf(folded, sizeof(folded), "%s.folded", profile->name);
	pipeline.programs[0] = flame;
	fflush(stdout);
	return bench_pipeline_run(&pipeline) || pipeline.statuses[0] ? BENCH_EXIT_ENVIRONMENT : 0;
}

static int run(struct profile *profile)
{
	const char *base = profile->options->profile_base;
	int status = bench_record(profile->options, profile->scenario, &profile->recording,
				  &profile->document);

	profile->sidecar.record = profile->recording.argv;
	if (!status) {
		count_operations(profile);
		status = fold(profile);
	}
	if (!status)
		status = bench_sidecar_write(&profile->sidecar, &profile->document,
					     profile->options, profile->name);
	if (!status && base)
		status = bench_sidecar_check_base(&profile->sidecar, base);
	if (!status && base)
		status = list_changes(profile, base);
	if (!status)
		status = draw(profile, NULL);
	if (!status && base)
		status = draw(profile, base);
	return status;
}

int bench_profile_command(const struct bench_options *options)
{
	struct profile *profile = calloc(1, sizeof(*profile));
	int status;

	if (!profile) {
		bench_complain("no memory");
		return BENCH_EXIT_ENVIRONMENT;
	}
	profile->options = options;
	bench_document_init(&profile->document);
	status = find_scenario(profile);
	if (!status && options->profile_off_cpu && geteuid()) {
		bench_complain("--off-cpu listens to the scheduler, which root may: sudo");
		status = BENCH_EXIT_ENVIRONMENT;
	}
	if (!status && options->profile_base && access(options->profile_base, R_OK)) {
		bench_complain("--diff %s: %s", options->profile_base, strerror(errno));
		status = BENCH_EXIT_USAGE;
	}
	if (!status)
		status = find_programs(profile);
	if (!status)
		status = make_name(profile);
	if (!status)
		status = make_folder(profile);
	if (!status)
		status = run(profile);
	remove_folder(profile);
	bench_document_free(&profile->document);
	free(profile->recording.argv);
	free(profile);
	return status;
}
