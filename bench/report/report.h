/* SPDX-License-Identifier: MIT */
/*
 * report.h - a document as one HTML file that needs nothing else.
 */
#ifndef BENCH_REPORT_REPORT_H
#define BENCH_REPORT_REPORT_H

#include <stdio.h>

#include "bench/model/document.h"

struct bench_report {
	const struct bench_document *document;
	const struct bench_document *base; /* to compare with, or NULL */
	const char *flamegraphs;           /* a folder of SVGs to inline, or NULL */
};

/* 0, -ENOMEM or -EIO. */
int bench_report_write(const struct bench_report *report, FILE *out);

#endif
