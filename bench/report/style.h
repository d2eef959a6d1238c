/* SPDX-License-Identifier: MIT */
/*
 * style.h - report.css and report.js as they are in this folder; made by embed.cmake.
 */
#ifndef BENCH_REPORT_STYLE_H
#define BENCH_REPORT_STYLE_H

#include <stddef.h>

extern const unsigned char bench_report_css[];
extern const size_t bench_report_css_size;
extern const unsigned char bench_report_js[];
extern const size_t bench_report_js_size;

#endif
