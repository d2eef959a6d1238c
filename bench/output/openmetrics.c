/* SPDX-License-Identifier: MIT */
/*
 * openmetrics.c - a document as OpenMetrics 1.0 text: gauges, and what they are of as info metrics.
 *
 * Times are in seconds and sizes in bytes, as the format wants it; all else is in families without a
 * unit, with the unit as a label. Samples of a family stand together; a family without any is left
 * out. Empty labels are left out too, which is the same to the format.
 */
#include "bench/output/output.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "bench/output/format.h"

enum kind { KIND_TIME, KIND_SIZE, KIND_OTHER, KIND_ANY };
enum statistic { STAT_MEDIAN, STAT_LOW, STAT_HIGH, STAT_CLEAN, STAT_VALUES, STAT_PINGPONG };

struct family {
	const char *name; /* ends with its unit */
	const char *unit;
	const char *help;
	enum kind kind;
	enum statistic statistic;
};

static const struct family families[] = {
	{ "pendbench_time_seconds", "seconds", "Median over processes of their medians.", KIND_TIME,
	  STAT_MEDIAN },
	{ "pendbench_time_low_seconds", "seconds", "The lowest median of a process.", KIND_TIME,
	  STAT_LOW },
	{ "pendbench_time_high_seconds", "seconds", "The highest median of a process.", KIND_TIME,
	  STAT_HIGH },
	{ "pendbench_size_bytes", "bytes", "Median over processes of their medians.", KIND_SIZE,
	  STAT_MEDIAN },
	{ "pendbench_size_low_bytes", "bytes", "The lowest median of a process.", KIND_SIZE,
	  STAT_LOW },
	{ "pendbench_size_high_bytes", "bytes", "The highest median of a process.", KIND_SIZE,
	  STAT_HIGH },
	{ "pendbench_number", "", "Median over processes of their medians.", KIND_OTHER,
	  STAT_MEDIAN },
	{ "pendbench_number_low", "", "The lowest median of a process.", KIND_OTHER, STAT_LOW },
	{ "pendbench_number_high", "", "The highest median of a process.", KIND_OTHER, STAT_HIGH },
	{ "pendbench_clean_ratio", "ratio", "Share of the values measured without preemption.",
	  KIND_ANY, STAT_CLEAN },
	{ "pendbench_values", "", "How many values there are.", KIND_ANY, STAT_VALUES },
	{ "pendbench_pingpong_seconds", "seconds", "A cache line from thread to thread, median.",
	  KIND_ANY, STAT_PINGPONG },
};

static const struct {
	const char *unit;
	enum kind kind;
	double divisor; /* to seconds or bytes */
} units[] = {
	{ "ns", KIND_TIME, 1e9 },
	{ "us", KIND_TIME, 1e6 },
	{ "ms", KIND_TIME, 1e3 },
	{ "s", KIND_TIME, 1 },
	{ "bytes", KIND_SIZE, 1 },
	{ "KiB", KIND_SIZE, 1.0 / 1024 },
	{ "MiB", KIND_SIZE, 1.0 / 1048576 },
	{ "GiB", KIND_SIZE, 1.0 / 1073741824 },
};

static enum kind kind_of(const struct bench_series *series, double *divisor)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(series->unit, units[i].unit) == 0) {
			*divisor = units[i].divisor;
			return units[i].kind;
		}
	}
	*divisor = 1;
	return KIND_OTHER;
}

/* ---- labels ---- */

struct labels {
	FILE *out;
	bool any;
};

static void put_label(struct labels *labels, const char *name, const char *value)
{
	if (!*value)
		return;
	fputc(labels->any ? ',' : '{', labels->out);
	labels->any = true;
	for (const char *letter = name; *letter; letter++)
		fputc(isalnum((unsigned char)*letter) ? *letter : '_', labels->out);
	fputs("=\"", labels->out);
	for (; *value; value++) {
		if (*value == '\n') {
			fputs("\\n", labels->out);
			continue;
		}
		if (*value == '"' || *value == '\\')
			fputc('\\', labels->out);
		fputc(*value, labels->out);
	}
	fputc('"', labels->out);
}

static void put_number_label(struct labels *labels, const char *name, double number)
{
	char text[40];

	if (number != 0)
		put_label(labels, name, bench_format_exact(number, text, sizeof(text)));
}

static void end_labels(struct labels *labels)
{
	fputs(labels->any ? "} " : " ", labels->out);
}

static void write_labels(const struct bench_series *series, bool with_unit, FILE *out)
{
	struct labels labels = { .out = out };
	char size[24];

	put_label(&labels, "scenario", series->scenario);
	put_label(&labels, "subject", series->subject);
	put_label(&labels, "calls", series->calls);
	put_label(&labels, "metric", series->metric);
	snprintf(size, sizeof(size), "%" PRIu64, series->point.size);
	put_label(&labels, "size", series->point.size ? size : "");
	put_number_label(&labels, "threads", series->point.threads);
	put_number_label(&labels, "occupancy", series->point.occupancy);
	put_number_label(&labels, "rate", series->point.rate);
	put_label(&labels, "keys", series->point.keys);
	put_label(&labels, "peer", series->peer ? "true" : "");
	put_label(&labels, "unit", with_unit ? series->unit : "");
	end_labels(&labels);
}

/* ---- families ---- */

/* The number of @series in @family, or NAN. */
static double number_of(const struct family *family, const struct bench_series *series)
{
	const struct bench_figure figure = bench_figure_of(series);
	double divisor;
	const enum kind kind = kind_of(series, &divisor);

	if (!series->count || (family->kind != KIND_ANY && family->kind != kind))
		return NAN;
	switch (family->statistic) {
	case STAT_MEDIAN:
		return figure.median / divisor;
	case STAT_LOW:
		return figure.low / divisor;
	case STAT_HIGH:
		return figure.high / divisor;
	case STAT_CLEAN:
		return figure.clean;
	case STAT_VALUES:
		return figure.count;
	case STAT_PINGPONG:
		return figure.pingpong_ns > 0 ? figure.pingpong_ns / 1e9 : NAN;
	}
	return NAN;
}

static void write_family(const struct family *family, const struct bench_document *document,
			 FILE *out)
{
	bool any = false;

	for (uint32_t i = 0; i < document->series_count; i++) {
		const double number = number_of(family, &document->series[i]);

		if (isnan(number))
			continue;
		if (!any) {
			fprintf(out, "# TYPE %s gauge\n", family->name);
			if (*family->unit)
				fprintf(out, "# UNIT %s %s\n", family->name, family->unit);
			fprintf(out, "# HELP %s %s\n", family->name, family->help);
		}
		any = true;
		fputs(family->name, out);
		write_labels(&document->series[i], family->kind == KIND_OTHER, out);
		fprintf(out, "%.9g\n", number);
	}
}

static void write_facts(const struct bench_document *document, enum bench_about about,
			const char *name, FILE *out)
{
	struct labels labels = { .out = out };

	if (!document->fact_count[about])
		return;
	fprintf(out, "# TYPE %s info\n", name);
	fprintf(out, "# HELP %s Of what the figures are.\n", name);
	fprintf(out, "%s_info", name);
	for (uint32_t i = 0; i < document->fact_count[about]; i++)
		put_label(&labels, document->facts[about][i].name, document->facts[about][i].value);
	end_labels(&labels);
	fputs("1\n", out);
}

int bench_openmetrics_write(const struct bench_document *document, FILE *out)
{
	write_facts(document, BENCH_ABOUT_HOST, "pendbench_host", out);
	write_facts(document, BENCH_ABOUT_BUILD, "pendbench_build", out);
	write_facts(document, BENCH_ABOUT_CONFIG, "pendbench_config", out);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		write_family(&families[i], document, out);
	fputs("# EOF\n", out);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
