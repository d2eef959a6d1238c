/* SPDX-License-Identifier: MIT */
/*
 * report_sample.h - a document made by hand that has something for each section of the report.
 */
#ifndef TESTS_BENCH_REPORT_SAMPLE_H
#define TESTS_BENCH_REPORT_SAMPLE_H

#include "bench/model/document.h"

/* What all names and texts of the hostile document have. */
#define REPORT_SAMPLE_HOSTILE "</script><b>&\"'\xff"

/* Fills an initialized, empty document. 0 or -ENOMEM. */
int report_sample_fill(struct bench_document *document);

/* One series of one value. */
int report_sample_single(struct bench_document *document);

/* Every text that can come from outside tries to be markup. */
int report_sample_hostile(struct bench_document *document);

#endif
