/* SPDX-License-Identifier: MIT */
/*
 * csv.c - a row for each value.
 *
 * A field with a comma, a quote or a line end in it is quoted, and its quotes are doubled (RFC
 * 4180); lines end in a line feed alone.
 */
#include "bench/output/output.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "bench/output/format.h"

static void write_text(const char *text, FILE *out)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fprintf(out, "%s,", text);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputs("\",", out);
}

static void write_number(double number, char end, FILE *out)
{
	char text[40];

	fprintf(out, "%s%c", bench_format_exact(number, text, sizeof(text)), end);
}

static void write_value(const struct bench_series *series, const struct bench_value *value,
			FILE *out)
{
	write_text(series->scenario, out);
	write_text(series->subject, out);
	write_text(series->calls, out);
	write_text(series->metric, out);
	write_text(series->unit, out);
	fprintf(out, "%" PRIu64 ",%" PRIu32 ",", series->point.size, series->point.threads);
	write_number(series->point.occupancy, ',', out);
	write_number(series->point.rate, ',', out);
	write_text(series->point.keys, out);
	fprintf(out, "%" PRIu32 ",%" PRIu32 ",", value->process, value->repeat);
	write_number(value->value, ',', out);
	fprintf(out, "%" PRIu64 ",%" PRIu64 ",", value->operations, value->preempted);
	write_number(value->pingpong_ns, '\n', out);
}

int bench_csv_write(const struct bench_document *document, FILE *out)
{
	fputs("scenario,subject,calls,metric,unit,size,threads,occupancy,rate,keys,process,repeat,"
	      "value,operations,preempted,pingpong_ns\n",
	      out);
	for (uint32_t i = 0; i < document->series_count; i++)
		for (uint32_t n = 0; n < document->series[i].count; n++)
			write_value(&document->series[i], &document->series[i].values[n], out);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
