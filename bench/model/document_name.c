/* SPDX-License-Identifier: MIT */
/*
 * document_name.c - what points and series are called.
 */
#include "bench/model/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench/command/parse.h"

/* Appends to @text, with a space before it if it is not empty; what does not fit is cut. */
static void append(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *format, ...)
{
	size_t length = strlen(text);
	va_list arguments;

	if (length && length + 1 < size) {
		text[length++] = ' ';
		text[length] = 0;
	}
	va_start(arguments, format);
	vsnprintf(text + length, size - length, format, arguments);
	va_end(arguments);
}

static void append_rate(char *text, size_t size, double rate)
{
	static const struct {
		double unit;
		const char *letter;
	} units[] = { { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" }, { 0, "" } };
	uint32_t i = 0;

	while (rate < units[i].unit)
		i++;
	append(text, size, "%g%s/s", units[i].unit > 0 ? rate / units[i].unit : rate,
	       units[i].letter);
}

const char *bench_point_format(const struct bench_point *point, char *text, size_t size)
{
	char number[32];

	if (!size)
		return text;
	*text = 0;
	if (point->size)
		append(text, size, "%s", bench_format_size(point->size, number, sizeof(number)));
	if (point->threads)
		append(text, size, "%uT", point->threads);
	if (point->occupancy > 0)
		append(text, size, "%g%%", point->occupancy);
	if (*point->keys)
		append(text, size, "%s", point->keys);
	if (point->rate > 0)
		append_rate(text, size, point->rate);
	return text;
}

const char *bench_series_format(const struct bench_series *series, char *text, size_t size)
{
	char point[96];

	if (!size)
		return text;
	*text = 0;
	append(text, size, "%s", series->scenario);
	if (*bench_point_format(&series->point, point, sizeof(point)))
		append(text, size, "%s", point);
	append(text, size, "%s", series->subject);
	if (*series->calls)
		append(text, size, "%s", series->calls);
	if (strcmp(series->metric, "ns") != 0)
		append(text, size, "%s", series->metric);
	return text;
}
