/* SPDX-License-Identifier: MIT */
/*
 * report_sample_main.c - writes the report of a sample document: bench_report_sample WHICH FILE
 * [FOLDER with flame graphs], WHICH one of full, single, hostile, empty.
 */
#include <stdio.h>
#include <string.h>

#include "bench/report/report.h"
#include "tests/bench/report_sample.h"

static int fill_nothing(struct bench_document *document)
{
	(void)document;
	return 0;
}

static const struct {
	const char *name;
	int (*fill)(struct bench_document *document);
} samples[] = {
	{ "full", report_sample_fill },
	{ "single", report_sample_single },
	{ "hostile", report_sample_hostile },
	{ "empty", fill_nothing },
};

int main(int argc, char **argv)
{
	struct bench_report report = { .flamegraphs = argc > 3 ? argv[3] : NULL };
	struct bench_document document;
	int status = 1;

	for (size_t i = 0; argc > 2 && i < sizeof(samples) / sizeof(samples[0]); i++) {
		FILE *out;

		if (strcmp(argv[1], samples[i].name) != 0)
			continue;
		out = fopen(argv[2], "w");
		if (!out)
			return 1;
		bench_document_init(&document);
		report.document = &document;
		status = samples[i].fill(&document) < 0 || bench_report_write(&report, out) < 0;
		bench_document_free(&document);
		if (fclose(out) != 0)
			status = 1;
	}
	return status;
}
