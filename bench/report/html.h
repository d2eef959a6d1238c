/* SPDX-License-Identifier: MIT */
/*
 * html.h - text that is safe inside HTML, SVG and <script>, and numbers as people read them.
 *
 * Everything that was not written in this folder (names, texts of findings, facts) goes through
 * html_text() or html_printf().
 */
#ifndef BENCH_REPORT_HTML_H
#define BENCH_REPORT_HTML_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* As text or as the value of a quoted attribute; what is no UTF-8 becomes U+FFFD. */
void html_text(FILE *out, const char *text);

/* The formatted text, escaped as a whole (at most 1023 bytes of it). */
void html_printf(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* JSON as the content of a <script>: no '<' is left in it. */
void html_json(FILE *out, const char *json);

/* Letters, digits and hyphens of @text, for an id. Returns @id. */
const char *html_id(char *id, size_t size, const char *text);

/* "12.3", "1,230", "0.0012": three digits that count. Returns @text, so all below. */
const char *html_number(char *text, size_t size, double value);

/* A value with its unit: "12.3 ns", "4.56 ms", "31.2 M/s", "1.5 KiB", "98 %". NAN is a dash. */
const char *html_value(char *text, size_t size, double value, const char *unit);

/* 1024 is "1Ki", 8388608 is "8Mi"; 0 is "". */
const char *html_entries(char *text, size_t size, uint64_t entries);

#endif
