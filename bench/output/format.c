/* SPDX-License-Identifier: MIT */
/*
 * format.c - numbers as people read them.
 *
 * A unit belongs to a family (times, sizes, rates); a family has steps, and a value is shown in the
 * largest step that leaves at least 1 before the point. Rounding comes first: 999.6 ns is 1.00 us.
 */
#include "bench/output/format.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_QUITE_1000 999.5 /* what three digits show as 1000 */

struct step {
	double size; /* in the first step of the family */
	const char *suffix;
};

static const struct step times[] = {
	{ 1, " ns" }, { 1e3, " us" }, { 1e6, " ms" }, { 1e9, " s" }, { 0, NULL }
};
static const struct step sizes[] = {
	{ 1, " bytes" }, { 1024, " KiB" }, { 1048576, " MiB" }, { 1073741824, " GiB" }, { 0, NULL }
};
static const struct step rates[] = {
	{ 1, " /s" }, { 1e3, " k/s" }, { 1e6, " M/s" }, { 1e9, " G/s" }, { 0, NULL }
};
static const struct step plain[] = { { 1, "" },    { 1e3, "k" },  { 1e6, "M" },
				     { 1e9, "G" }, { 1e12, "T" }, { 0, NULL } };

static const struct {
	const char *unit;
	double size;
	const struct step *steps;
} units[] = {
	{ "ns", 1, times },        { "us", 1e3, times },         { "ms", 1e6, times },
	{ "s", 1e9, times },       { "bytes", 1, sizes },        { "KiB", 1024, sizes },
	{ "MiB", 1048576, sizes }, { "GiB", 1073741824, sizes }, { "1/s", 1, rates },
	{ "k/s", 1e3, rates },     { "M/s", 1e6, rates },        { "", 1, plain },
};

/* Three significant digits of a number below 1000. */
static void put_digits(double number, bool whole, char *text, size_t size)
{
	const double far = fabs(number);
	int digits = 2;

	if (whole && number == round(number))
		digits = 0;
	else if (far >= 99.95)
		digits = 0;
	else if (far >= 9.995)
		digits = 1;
	else if (far < 0.0005)
		digits = number == 0 ? 0 : 6;
	else if (far < 0.9995)
		digits = 3;
	snprintf(text, size, "%.*f", digits, number);
}

/* The step that @number, in the first of @steps, is shown in. */
static const struct step *pick_step(double number, const struct step *steps)
{
	const struct step *step = steps;

	while (step[1].suffix && fabs(number) / step->size >= NOT_QUITE_1000)
		step++;
	return step;
}

/* Finds the step for @value of @unit, and what to divide @value by. NULL: @unit has no family. */
static const struct step *find_step(double value, const char *unit, double *divisor)
{
	*divisor = 1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		const struct step *step;

		if (strcmp(units[i].unit, unit) != 0)
			continue;
		if (value == 0) /* has no step of its own */
			value = 1;
		step = pick_step(value * units[i].size, units[i].steps);
		*divisor = step->size / units[i].size;
		return step;
	}
	return NULL;
}

/* What follows a number of @unit, which is in no family: "x" and "%" are written close. */
static const char *space_before(const char *unit)
{
	return strcmp(unit, "x") == 0 ? "" : " ";
}

static char *format(double value, const char *unit, bool count, char *text, size_t size)
{
	char digits[32];
	const struct step *step;
	double divisor;

	if (isnan(value)) {
		snprintf(text, size, "-");
		return text;
	}
	step = find_step(value, unit, &divisor);
	if (step) {
		const bool whole = divisor == 1 && (step == sizes || (count && step == plain));

		put_digits(value / divisor, whole, digits, sizeof(digits));
		snprintf(text, size, "%s%s", digits, step->suffix);
		return text;
	}
	bench_format_number(value, digits, sizeof(digits));
	snprintf(text, size, "%s%s%s", digits, space_before(unit), unit);
	return text;
}

char *bench_format_number(double number, char *text, size_t size)
{
	return format(number, "", false, text, size);
}

char *bench_format_value(double value, const char *unit, char *text, size_t size)
{
	return format(value, unit, true, text, size);
}

char *bench_format_range(double value, double low, double high, const char *unit, char *text,
			 size_t size)
{
	char middle[48], first[32], last[32];
	double divisor;
	const struct step *step = find_step(value, unit, &divisor);
	const bool count = divisor == 1 && step == sizes;

	bench_format_value(value, unit, middle, sizeof(middle));
	format(low / divisor, "", count, first, sizeof(first));
	format(high / divisor, "", count, last, sizeof(last));
	snprintf(text, size, "%s (%s-%s)", middle, first, last);
	return text;
}

char *bench_format_exact(double number, char *text, size_t size)
{
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, size, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	return text;
}

double bench_format_spread(double median, double low, double high)
{
	const double half = median > 0 ? 50 * (high - low) / median : 0;

	return half < 999 ? half : 999;
}
