/* SPDX-License-Identifier: MIT */
/*
 * parse.c - numbers and lists as people type them.
 */
#include "bench/command/parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint32_t shift;
} units[] = { { "Ki", 10 }, { "Mi", 20 }, { "Gi", 30 } };

/* Reads digits and unit; @end receives what follows. -ERANGE if it does not fit. */
static int read_number(const char *text, uint64_t *number, const char **end)
{
	uint64_t value = 0;
	int error = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			error = -ERANGE;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strncmp(text, units[i].name, 2) != 0)
			continue;
		if (value > UINT64_MAX >> units[i].shift)
			error = -ERANGE;
		value <<= units[i].shift;
		text += 2;
		break;
	}
	*number = value;
	*end = text;
	return error;
}

/* A negative number is out of range rather than no number. */
static int is_negative(const char *text)
{
	return text[0] == '-' && text[1] >= '0' && text[1] <= '9';
}

int bench_parse_number(const char *text, uint64_t low, uint64_t high, uint64_t *number)
{
	uint64_t value = 0;
	const char *end = text;

	if (is_negative(text))
		return -ERANGE;

	const int error = read_number(text, &value, &end);

	if (error == -EINVAL || *end)
		return -EINVAL;
	if (error || value < low || value > high)
		return -ERANGE;
	*number = value;
	return 0;
}

int bench_parse_fraction(const char *text, double *number)
{
	char *end;

	if (is_negative(text))
		return -ERANGE;
	if (*text < '0' || *text > '9' || strspn(text, "0123456789.") != strlen(text))
		return -EINVAL;

	const double value = strtod(text, &end);

	if (*end)
		return -EINVAL;
	if (!(value > 0) || value > 1e9)
		return -ERANGE;
	*number = value;
	return 0;
}

int bench_parse_time(const char *text, uint64_t low_ns, uint64_t high_ns, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} times[] = { { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };
	uint64_t value = 0;
	const char *end = text;
	int error;

	if (is_negative(text))
		return -ERANGE;
	error = read_number(text, &value, &end);
	if (error == -EINVAL)
		return error;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (strcmp(end, times[i].name) != 0)
			continue;
		if (error || __builtin_mul_overflow(value, times[i].ns, &value) || value < low_ns ||
		    value > high_ns)
			return -ERANGE;
		*ns = value;
		return 0;
	}
	return -EINVAL;
}

int bench_parse_word(const char *text, size_t length, const char *words, uint32_t *which)
{
	for (uint32_t n = 0; *words; n++) {
		const size_t size = strcspn(words, ",");

		if (size == length && strncmp(words, text, length) == 0) {
			*which = n;
			return 0;
		}
		words += size;
		words += strspn(words, ", ");
	}
	return -EINVAL;
}

int bench_parse_numbers(const char *text, uint64_t low, uint64_t high, uint64_t *numbers,
			uint32_t room, uint32_t *count)
{
	uint64_t found[64];
	uint32_t n = 0;

	for (;; text++) {
		int error = is_negative(text) ? -ERANGE : 0;

		if (n == room || n == sizeof(found) / sizeof(found[0]))
			return -E2BIG;
		if (!error)
			error = read_number(text, &found[n], &text);
		if (error)
			return error;
		if (*text && *text != ',')
			return -EINVAL;
		if (found[n] < low || found[n] > high)
			return -ERANGE;
		for (uint32_t i = 0; i < n; i++)
			if (found[i] == found[n])
				return -EINVAL;
		n++;
		if (!*text)
			break;
	}
	memcpy(numbers, found, n * sizeof(found[0]));
	*count = n;
	return 0;
}

char *bench_format_size(uint64_t number, char *text, uint32_t size)
{
	uint32_t i = sizeof(units) / sizeof(units[0]);

	while (i > 0 && (number >> units[i - 1].shift << units[i - 1].shift != number ||
			 number >> units[i - 1].shift == 0))
		i--;
	snprintf(text, size, "%llu%s",
		 (unsigned long long)(i ? number >> units[i - 1].shift : number),
		 i ? units[i - 1].name : "");
	return text;
}
