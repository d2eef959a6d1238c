/* SPDX-License-Identifier: MIT */
/*
 * profile_record.h - perf beside one process that measures.
 */
#ifndef BENCH_COMMAND_PROFILE_RECORD_H
#define BENCH_COMMAND_PROFILE_RECORD_H

#include <stddef.h>

#include "bench/command/options.h"
#include "bench/model/document.h"

struct bench_recording {
	char self[4096];   /* this program */
	char data[96];     /* files: what perf writes, */
	char result[96];   /* ... what was measured, */
	char errors[96];   /* ... what perf complains of, */
	char told[96];     /* ... and what others say */
	const char **argv; /* perf's, after bench_record(); to be freed with free() */
};

/* Records @scenario; the paths are the caller's. Returns what to exit with. */
int bench_record(const struct bench_options *options, const struct bench_scenario *scenario,
		 struct bench_recording *recording, struct bench_document *document);

/* The last line of a file that is not blank, or "". Returns @line. */
const char *bench_last_line(const char *path, char *line, size_t size);

#endif
