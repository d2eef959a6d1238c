/* SPDX-License-Identifier: MIT */
/*
 * plot_axis.c - where an axis begins and ends, and where its marks are.
 *
 * Linear marks are 1, 2 or 5 times a power of ten apart. Logarithmic ones are powers of ten, with
 * their doubles and fivefolds where there is room; an axis of less than one decade has linear marks.
 */
#include <math.h>
#include <string.h>

#include "bench/report/html.h"
#include "bench/report/plot.h"

void plot_axis_include(struct plot_axis *axis, double value)
{
	if (!isfinite(value) || (axis->scale == PLOT_LOG && value <= 0))
		return;
	if (!axis->any || value < axis->low)
		axis->low = value;
	if (!axis->any || value > axis->high)
		axis->high = value;
	axis->any = true;
}

/* The distance of linear marks so that there are at most @most of them. */
static double linear_step(double low, double high, uint32_t most)
{
	static const double nice[] = { 1, 2, 5, 10 };
	double rough = (high - low) / most;
	double power = pow(10, floor(log10(rough)));

	for (size_t i = 0; i < sizeof(nice) / sizeof(nice[0]); i++)
		if (power * nice[i] >= rough * 0.999999)
			return power * nice[i];
	return power * 10;
}

void plot_axis_settle(struct plot_axis *axis)
{
	double span;

	if (!axis->any) {
		axis->low = axis->scale == PLOT_LOG ? 1 : 0;
		axis->high = axis->scale == PLOT_LOG ? 10 : 1;
		return;
	}
	if (axis->scale == PLOT_LOG) {
		span = fmax(axis->high / axis->low, 1.5);
		axis->low /= pow(span, 0.04);
		axis->high *= pow(span, 0.04);
		return;
	}
	if (axis->from_zero)
		axis->low = fmin(axis->low, 0);
	span = axis->high - axis->low;
	if (span <= 0)
		span = axis->high != 0 ? fabs(axis->high) : 1;
	if (!axis->from_zero || axis->low < 0)
		axis->low -= span * 0.04;
	axis->high += axis->high > axis->low ? span * 0.04 : span;
}

double plot_axis_unit(const struct plot_axis *axis, const char **name)
{
	static const struct {
		const char *unit;
		double from, divisor;
		const char *name;
	} units[] = {
		{ "ns", 2e9, 1e9, "s" },
		{ "ns", 2e6, 1e6, "ms" },
		{ "ns", 5e3, 1e3, "\xc2\xb5s" },
		{ "1/s", 1e9, 1e9, "G/s" },
		{ "1/s", 1e6, 1e6, "M/s" },
		{ "1/s", 2e3, 1e3, "k/s" },
		{ "1/s", 0, 1, "/s" },
		{ "bytes", 2147483648., 1073741824, "GiB" },
		{ "bytes", 2097152, 1048576, "MiB" },
		{ "bytes", 4096, 1024, "KiB" },
		{ "ms", 5e3, 1e3, "s" },
		{ "us", 2e6, 1e6, "s" },
		{ "us", 5e3, 1e3, "ms" },
		{ "us", 0, 1, "\xc2\xb5s" },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(axis->unit, units[i].unit) != 0 || axis->high < units[i].from)
			continue;
		*name = units[i].name;
		return units[i].divisor;
	}
	*name = axis->unit;
	return 1;
}

/* 1 / (1 - p) as the percentile that it stands for. */
static void percentile_text(char *text, size_t size, double at)
{
	double p = 100 * (1 - 1 / at);
	int decimals = (int)lround(log10(at)) - 2;

	snprintf(text, size, "%.*f%%", at < 1.5 || decimals < 0 ? 0 : decimals, p);
}

/* Without the zeros that end a fraction: "1.50 M/s" is "1.5 M/s". */
static void trim_zeros(char *text)
{
	char *point = strchr(text, '.'), *end, *last;

	if (!point)
		return;
	end = last = point + 1 + strspn(point + 1, "0123456789");
	while (last > point && (last[-1] == '0' || last[-1] == '.'))
		if (*--last == '.')
			break;
	memmove(last, end, strlen(end) + 1);
}

/* With so many decimals that all marks of an axis have the same; never "-0". */
static void fixed_text(char *text, size_t size, double number, int decimals)
{
	if (decimals == 0 && fabs(number) >= 1000)
		html_number(text, size, number);
	else
		snprintf(text, size, "%.*f", decimals, number == 0 ? 0. : number);
}

static void add(struct plot_tick *ticks, uint32_t *count, const struct plot_axis *axis, double at,
		double divisor, int decimals)
{
	struct plot_tick *tick = &ticks[*count];

	if (at < axis->low * (axis->low > 0 ? 0.999999 : 1.000001) || at > axis->high * 1.000001 ||
	    *count == PLOT_TICKS_MAX)
		return;
	tick->at = at;
	if (strcmp(axis->unit, "percentile") == 0)
		percentile_text(tick->text, sizeof(tick->text), at);
	else if (axis->powers)
		html_entries(tick->text, sizeof(tick->text), (uint64_t)at);
	else if (axis->scale == PLOT_LOG)
		html_value(tick->text, sizeof(tick->text), at, axis->unit);
	else
		fixed_text(tick->text, sizeof(tick->text), at / divisor, decimals);
	if (axis->scale == PLOT_LOG && strcmp(axis->unit, "percentile") != 0)
		trim_zeros(tick->text);
	(*count)++;
}

static uint32_t linear_ticks(const struct plot_axis *axis, uint32_t most, struct plot_tick *ticks)
{
	const char *name;
	double divisor = plot_axis_unit(axis, &name);
	double step = linear_step(axis->low / divisor, axis->high / divisor, most) * divisor;
	int decimals = (int)fmin(fmax(ceil(-log10(step / divisor) - 1e-9), 0), 9);
	uint32_t count = 0;

	for (double i = ceil(axis->low / step - 1e-9); i * step <= axis->high * 1.000001; i++) {
		if (count >= most)
			break;
		add(ticks, &count, axis, i == 0 ? 0 : i * step, divisor, decimals);
	}
	return count;
}

uint32_t plot_ticks(const struct plot_axis *axis, uint32_t most, struct plot_tick *ticks)
{
	static const double in_decade[] = { 1, 2, 5 };
	double base = axis->powers ? 2 : 10;
	double decades, first;
	uint32_t count = 0, every, parts = 1;

	most = most < 2 ? 2 : most > PLOT_TICKS_MAX ? PLOT_TICKS_MAX : most;
	if (axis->scale == PLOT_LINEAR)
		return linear_ticks(axis, most, ticks);
	decades = log(axis->high / axis->low) / log(base);
	if (!axis->powers && decades < 0.7 && strcmp(axis->unit, "percentile") != 0)
		return linear_ticks(axis, most > 5 ? 5 : most, ticks);
	if (!axis->powers && strcmp(axis->unit, "percentile") != 0 && 3 * decades + 1 <= most)
		parts = 3;
	every = parts == 3 ? 1 : (uint32_t)ceil(decades / most);
	first = floor(log(axis->low) / log(base) + 1e-9);
	for (uint32_t i = 0; i <= (uint32_t)decades + 2; i += every < 1 ? 1 : every)
		for (uint32_t j = 0; j < parts && count < most; j++)
			add(ticks, &count, axis, pow(base, first + i) * in_decade[j], 1, 0);
	return count;
}
