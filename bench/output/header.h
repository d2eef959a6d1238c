/* SPDX-License-Identifier: MIT */
/*
 * header.h - in a few lines: of what machine, build and plan the figures are.
 */
#ifndef BENCH_OUTPUT_HEADER_H
#define BENCH_OUTPUT_HEADER_H

#include <stddef.h>

#include "bench/model/document.h"

#define BENCH_HEADER_LINES 3u

/*
 * Writes line number @line: the machine, the build, or how it was measured, as far as the document
 * has facts of it. Returns @text, "" where it has none.
 */
const char *bench_header_line(const struct bench_document *document, uint32_t line, char *text,
			      size_t size);

#endif
