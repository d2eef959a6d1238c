/* SPDX-License-Identifier: MIT */
/*
 * outputs.c - where the outputs of a document go: each to its file, all to the folder of --out.
 */
#include "bench/command/outputs.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench/command/store.h"
#include "bench/model/document_json.h"
#include "bench/report/report.h"

struct writing {
	const struct bench_outcome *outcome;
	const char *flamegraphs; /* a folder, or NULL */
};

static int write_json(const struct writing *writing, FILE *out)
{
	return bench_document_write(writing->outcome->document, out);
}

static int write_csv(const struct writing *writing, FILE *out)
{
	return bench_csv_write(writing->outcome->document, out);
}

static int write_markdown(const struct writing *writing, FILE *out)
{
	const struct bench_outcome *outcome = writing->outcome;
	int error = 0;

	if (outcome->comparisons) {
		error = bench_comparisons_markdown(outcome->comparisons, outcome->comparison_count,
						   out);
		fputc('\n', out);
	}
	return error ? error : bench_markdown_write(outcome->document, out);
}

static int write_openmetrics(const struct writing *writing, FILE *out)
{
	return bench_openmetrics_write(writing->outcome->document, out);
}

static int write_html(const struct writing *writing, FILE *out)
{
	const struct bench_report report = { .document = writing->outcome->document,
					     .base = writing->outcome->base,
					     .flamegraphs = writing->flamegraphs };

	return bench_report_write(&report, out);
}

static int write_base(const struct writing *writing, FILE *out)
{
	return bench_document_write(writing->outcome->base, out);
}

#define AT(member) offsetof(struct bench_options, member)
#define NO_OPTION SIZE_MAX

/* In the order in which they are written: what is read first comes last. */
static const struct kind {
	const char *option;
	size_t at;        /* its text in the options */
	const char *file; /* in the folder of --out */
	int (*write)(const struct writing *writing, FILE *out);
} kinds[] = {
	{ "json", AT(json), "results.json", write_json },
	{ "out", NO_OPTION, "base.json", write_base },
	{ "csv", AT(csv), "results.csv", write_csv },
	{ "markdown", AT(markdown), "results.md", write_markdown },
	{ "openmetrics", AT(openmetrics), "metrics.txt", write_openmetrics },
	{ "html", AT(html), "report.html", write_html },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char *asked(const struct bench_options *options, const struct kind *kind)
{
	const char *path = NULL;

	if (kind->at != NO_OPTION)
		memcpy(&path, (const char *)options + kind->at, sizeof(path));
	return path;
}

static int refuse(const char *option, const char *path, int error)
{
	bench_complain("--%s: %s: %s", option, path, strerror(error));
	return BENCH_EXIT_ENVIRONMENT;
}

/* Whether a file can be made at @path, without making it. */
static int check_path(const char *option, const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";

	if (strcmp(path, "-") == 0)
		return 0;
	if (access(path, F_OK) == 0)
		return access(path, W_OK) ? refuse(option, path, errno) : 0;
	if (slash && slash != path)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	else if (slash)
		strcpy(folder, "/");
	return access(folder, W_OK | X_OK) ? refuse(option, path, errno) : 0;
}

int bench_outputs_check(const struct bench_options *options)
{
	uint32_t streams = 0;
	int status = 0;

	for (uint32_t i = 0; !status && i <= KINDS; i++) {
		const char *option = i < KINDS ? kinds[i].option : "hgrm";
		const char *path = i < KINDS ? asked(options, &kinds[i]) : options->hgrm;

		if (!path)
			continue;
		status = check_path(option, path);
		streams += strcmp(path, "-") == 0;
	}
	if (!status && streams > 1) {
		bench_complain("only one output can go to stdout");
		return BENCH_EXIT_USAGE;
	}
	if (!status && options->out) {
		const int error = bench_store_folder(options->out);

		if (error)
			status = refuse("out", options->out, -error);
	}
	return status;
}

struct bench_style bench_outputs_style(const struct bench_options *options)
{
	struct bench_style style = { .out = stdout };
	struct winsize size;

	for (uint32_t i = 0; i <= KINDS; i++) {
		const char *path = i < KINDS ? asked(options, &kinds[i]) : options->hgrm;

		if (path && strcmp(path, "-") == 0)
			style.out = stderr;
	}
	if (isatty(fileno(style.out))) {
		style.colour = true;
		if (ioctl(fileno(style.out), TIOCGWINSZ, &size) == 0)
			style.columns = size.ws_col;
	}
	return style;
}

static int write_file(const char *option, const char *path, const struct writing *writing,
		      int (*write)(const struct writing *writing, FILE *out))
{
	FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	int error;

	if (!out)
		return refuse(option, path, errno);
	error = write(writing, out);
	if (out == stdout ? fflush(out) : fclose(out))
		error = error ? error : -errno;
	return error ? refuse(option, path, -error) : 0;
}

/* "latency-steady.pendmap.response.64Ki-1T-1M-s": what a file can be called. */
static void name_spectrum(const struct bench_spectrum *spectrum, char *name, size_t size)
{
	char point[96];

	bench_point_format(&spectrum->point, point, sizeof(point));
	snprintf(name, size, "%s.%s.%s.%s", spectrum->scenario, spectrum->subject, spectrum->kind,
		 point);
	for (char *at = name; *at; at++)
		if (!isalnum((unsigned char)*at) && *at != '.')
			*at = '-';
}

static int write_spectra(const struct bench_document *document, FILE *out)
{
	int error = 0;

	for (uint32_t i = 0; !error && i < document->spectrum_count; i++) {
		char name[200];

		name_spectrum(&document->spectra[i], name, sizeof(name));
		if (document->spectrum_count > 1)
			fprintf(out, "# %s\n", name);
		error = bench_hgrm_write(&document->spectra[i], out);
	}
	return error;
}

static int write_hgrm(const struct writing *writing, FILE *out)
{
	return write_spectra(writing->outcome->document, out);
}

/* In the folder of --out each spectrum has its file. */
static int write_hgrm_files(const char *folder, const struct bench_document *document)
{
	for (uint32_t i = 0; i < document->spectrum_count; i++) {
		char path[PATH_MAX], name[200];
		FILE *out;
		int error;

		name_spectrum(&document->spectra[i], name, sizeof(name));
		snprintf(path, sizeof(path), "%s/%s.hgrm", folder, name);
		out = fopen(path, "we");
		if (!out)
			return refuse("out", path, errno);
		error = bench_hgrm_write(&document->spectra[i], out);
		if (fclose(out) && !error)
			error = -errno;
		if (error)
			return refuse("out", path, -error);
	}
	return 0;
}

static int write_folder(const struct bench_options *options, struct writing *writing)
{
	const struct bench_outcome *outcome = writing->outcome;
	char path[PATH_MAX], flamegraphs[PATH_MAX];
	int status = 0;

	snprintf(flamegraphs, sizeof(flamegraphs), "%s/flamegraphs", options->out);
	if (access(flamegraphs, R_OK | X_OK) == 0)
		writing->flamegraphs = flamegraphs;
	for (uint32_t i = 0; !status && i < KINDS; i++) {
		if ((kinds[i].write == write_json && outcome->keep_json) ||
		    (kinds[i].write == write_base && (!outcome->base || outcome->keep_json)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", options->out, kinds[i].file);
		status = write_file("out", path, writing, kinds[i].write);
	}
	writing->flamegraphs = NULL;
	return status ? status : write_hgrm_files(options->out, outcome->document);
}

int bench_outputs_write(const struct bench_options *options, const struct bench_outcome *outcome)
{
	FILE *out = bench_outputs_style(options).out;
	struct writing writing = { .outcome = outcome };
	int status = 0;

	for (uint32_t i = 0; !status && i < KINDS; i++) {
		const char *path = asked(options, &kinds[i]);

		if (path)
			status = write_file(kinds[i].option, path, &writing, kinds[i].write);
		if (path && !status && strcmp(path, "-") != 0)
			fprintf(out, "%s: %s\n", kinds[i].option, path);
	}
	if (!status && options->hgrm)
		status = write_file("hgrm", options->hgrm, &writing, write_hgrm);
	if (!status && options->out) {
		status = write_folder(options, &writing);
		if (!status)
			fprintf(out, "report: %s/report.html\n", options->out);
	}
	return status;
}
