/* SPDX-License-Identifier: MIT */
/*
 * parse.h - numbers and lists as people type them.
 *
 * Each returns 0, -EINVAL for text that is no such thing, or -ERANGE for a number that does not
 * fit or lies outside the bounds, which are inclusive. On error nothing is written.
 */
#ifndef BENCH_COMMAND_PARSE_H
#define BENCH_COMMAND_PARSE_H

#include <stddef.h>
#include <stdint.h>

/* A decimal number with an optional Ki, Mi or Gi. */
int bench_parse_number(const char *text, uint64_t low, uint64_t high, uint64_t *number);

/* A positive decimal fraction, at most 1e9. */
int bench_parse_fraction(const char *text, double *number);

/* A time as 250us, 4ms or 1s, of digits alone. */
int bench_parse_time(const char *text, uint64_t low_ns, uint64_t high_ns, uint64_t *ns);

/* Which of the comma-separated @words the first @length characters of @text are. */
int bench_parse_word(const char *text, size_t length, const char *words, uint32_t *which);

/* Comma-separated numbers, 1 to @room of them, none twice. -E2BIG: more than that. */
int bench_parse_numbers(const char *text, uint64_t low, uint64_t high, uint64_t *numbers,
			uint32_t room, uint32_t *count);

/* Writes 1048576 as 1Mi, 1000 as 1000. Returns @text. */
char *bench_format_size(uint64_t number, char *text, uint32_t size);

#endif
