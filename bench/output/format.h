/* SPDX-License-Identifier: MIT */
/*
 * format.h - numbers as people read them: three significant digits, and a unit that fits.
 *
 *	0.123  1.23  12.3  123  1.23k  12.3M        1.23 us  64.0 KiB  31.2 M/s  2.10x
 *
 * Not a number is "-". Each returns @text.
 */
#ifndef BENCH_OUTPUT_FORMAT_H
#define BENCH_OUTPUT_FORMAT_H

#include <stddef.h>

/* Without a unit: k, M, G and T for thousands. */
char *bench_format_number(double number, char *text, size_t size);

/*
 * @unit as in a series: ns, us, ms and s, bytes and MiB, 1/s and M/s find their own size. Whole
 * numbers without a unit, and bytes, have no fraction.
 */
char *bench_format_value(double value, const char *unit, char *text, size_t size);

/* "12.3 ns (11.9-12.8)", all in the unit that fits @value. */
char *bench_format_range(double value, double low, double high, const char *unit, char *text,
			 size_t size);

/* The fewest digits that read back as the same number; for programs. */
char *bench_format_exact(double number, char *text, size_t size);

/* Half of what @low and @high are apart, in percent of @median, at most 999: behind a "±". */
double bench_format_spread(double median, double low, double high);

#endif
