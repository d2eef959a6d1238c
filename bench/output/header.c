/* SPDX-License-Identifier: MIT */
/*
 * header.c - of what machine, build and plan the figures are.
 */
#include "bench/output/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/output/format.h"

/* How a fact is written in its line. */
struct piece {
	enum bench_about about;
	const char *name;
	const char *unit; /* NULL: a text; else a number in that unit */
	const char *before;
	const char *after;
};

static const struct piece machine[] = {
	{ BENCH_ABOUT_HOST, "cpu", NULL, "", "" },
	{ BENCH_ABOUT_HOST, "cpus", NULL, "", " CPUs" },
	{ BENCH_ABOUT_HOST, "memory_bytes", "bytes", "", "" },
	{ BENCH_ABOUT_HOST, "kernel", NULL, "", "" },
	{ BENCH_ABOUT_HOST, "virtual", NULL, "virtual: ", "" },
	{ BENCH_ABOUT_HOST, "thp", NULL, "huge pages: ", "" },
	{ BENCH_ABOUT_HOST, "governor", NULL, "governor: ", "" },
	{ BENCH_ABOUTS, NULL, NULL, NULL, NULL },
};

static const struct piece build[] = {
	{ BENCH_ABOUT_BUILD, "version", NULL, "pendbench ", "" },
	{ BENCH_ABOUT_BUILD, "commit", NULL, "", "" },
	{ BENCH_ABOUT_BUILD, "compiler", NULL, "", "" },
	{ BENCH_ABOUT_BUILD, "type", NULL, "", "" },
	{ BENCH_ABOUT_BUILD, "flags", NULL, "", "" },
	{ BENCH_ABOUT_BUILD, "epoch", NULL, "epoch ", "" },
	{ BENCH_ABOUT_BUILD, "sanitize", NULL, "sanitizer: ", "" },
	{ BENCH_ABOUTS, NULL, NULL, NULL, NULL },
};

static const struct piece plan[] = {
	{ BENCH_ABOUT_CONFIG, "profile", NULL, "", " run" },
	{ BENCH_ABOUT_CONFIG, "repeats", NULL, "", " repeats each" },
	{ BENCH_ABOUT_CONFIG, "window_ns", "ns", "windows of ", "" },
	{ BENCH_ABOUT_CONFIG, "key_size", "bytes", "keys of ", "" },
	{ BENCH_ABOUT_CONFIG, "value_size", "bytes", "values of ", "" },
	{ BENCH_ABOUT_CONFIG, "batch", NULL, "batches of ", "" },
	{ BENCH_ABOUT_CONFIG, "seed", NULL, "seed ", "" },
	{ BENCH_ABOUTS, NULL, NULL, NULL, NULL },
};

static void append(char *text, size_t size, const struct piece *piece, const char *value)
{
	const size_t used = strlen(text);
	char number[48];

	if (piece->unit)
		value = bench_format_value(strtod(value, NULL), piece->unit, number,
					   sizeof(number));
	snprintf(text + used, size - used, "%s%s%s%s", used ? ", " : "", piece->before, value,
		 piece->after);
}

const char *bench_header_line(const struct bench_document *document, uint32_t line, char *text,
			      size_t size)
{
	static const struct piece *const lines[BENCH_HEADER_LINES] = { machine, build, plan };

	text[0] = '\0';
	if (lines[line] == plan && document->process_count)
		snprintf(text, size, "%u %s", document->process_count,
			 document->process_count == 1 ? "process" : "processes");
	for (const struct piece *piece = lines[line]; piece->name; piece++) {
		const char *value = bench_document_get(document, piece->about, piece->name);

		if (*value)
			append(text, size, piece, value);
	}
	return text;
}
