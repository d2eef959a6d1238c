/* SPDX-License-Identifier: MIT */
/*
 * test_parse.c - unit tests of bench/command/parse.c: numbers, units, lists, and their limits.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdint.h>

#include "bench/command/parse.h"

static uint64_t number(const char *text)
{
	uint64_t value = 42;

	cr_assert_eq(bench_parse_number(text, 0, UINT64_MAX, &value), 0, "%s", text);
	return value;
}

Test(parse, reads_numbers_and_units)
{
	cr_assert_eq(number("0"), 0);
	cr_assert_eq(number("0007"), 7);
	cr_assert_eq(number("1Ki"), 1024);
	cr_assert_eq(number("8Mi"), 8u << 20);
	cr_assert_eq(number("3Gi"), 3ull << 30);
	cr_assert_eq(number("18446744073709551615"), UINT64_MAX);
	cr_assert_eq(number("17179869183Gi"), 17179869183ull << 30);
}

Test(parse, tells_nonsense_from_what_does_not_fit)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "", -EINVAL },
		{ "x", -EINVAL },
		{ "+1", -EINVAL },
		{ " 1", -EINVAL },
		{ "1 ", -EINVAL },
		{ "1K", -EINVAL },
		{ "1kib", -EINVAL },
		{ "0x10", -EINVAL },
		{ "1Ki2", -EINVAL },
		{ "-", -EINVAL },
		{ "1.0", -EINVAL },
		{ "-1", -ERANGE },
		{ "9", -ERANGE },
		{ "101", -ERANGE },
		{ "1Ki", -ERANGE },
		{ "18446744073709551616", -ERANGE },
		{ "17179869184Gi", -ERANGE },
		{ "99999999999999999999999", -ERANGE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = 42;

		cr_assert_eq(bench_parse_number(cases[i].text, 10, 100, &value), cases[i].error,
			     "\"%s\"", cases[i].text);
		cr_assert_eq(value, 42);
	}
}

Test(parse, reads_lists)
{
	uint64_t numbers[3] = { 0 };
	uint32_t count = 9;

	cr_assert_eq(bench_parse_numbers("1Ki,2,30", 1, 2048, numbers, 3, &count), 0);
	cr_assert_eq(count, 3);
	cr_assert_eq(numbers[0], 1024);
	cr_assert_eq(numbers[2], 30);
	cr_assert_eq(bench_parse_numbers("1,2,3,4", 1, 9, numbers, 3, &count), -E2BIG);
	cr_assert_eq(bench_parse_numbers("1,2,1", 1, 9, numbers, 3, &count), -EINVAL);
	cr_assert_eq(bench_parse_numbers("1,,2", 1, 9, numbers, 3, &count), -EINVAL);
	cr_assert_eq(bench_parse_numbers("1,", 1, 9, numbers, 3, &count), -EINVAL);
	cr_assert_eq(bench_parse_numbers("", 1, 9, numbers, 3, &count), -EINVAL);
	cr_assert_eq(bench_parse_numbers("1;2", 1, 9, numbers, 3, &count), -EINVAL);
	cr_assert_eq(bench_parse_numbers("1,-2", 1, 9, numbers, 3, &count), -ERANGE);
	cr_assert_eq(bench_parse_numbers("1,10", 1, 9, numbers, 3, &count), -ERANGE);
	cr_assert_eq(count, 3);
	cr_assert_eq(numbers[0], 1024);
}

Test(parse, reads_fractions)
{
	double value = 42;

	cr_assert_eq(bench_parse_fraction("0.5", &value), 0);
	cr_assert_eq(value, 0.5);
	cr_assert_eq(bench_parse_fraction("100", &value), 0);
	cr_assert_eq(value, 100);
	cr_assert_eq(bench_parse_fraction("0", &value), -ERANGE);
	cr_assert_eq(bench_parse_fraction("-1", &value), -ERANGE);
	cr_assert_eq(bench_parse_fraction("1000000001", &value), -ERANGE);
	cr_assert_eq(bench_parse_fraction("", &value), -EINVAL);
	cr_assert_eq(bench_parse_fraction("nan", &value), -EINVAL);
	cr_assert_eq(bench_parse_fraction("1e3", &value), -EINVAL);
	cr_assert_eq(bench_parse_fraction("1.2.3", &value), -EINVAL);
	cr_assert_eq(bench_parse_fraction(".5", &value), -EINVAL);
	cr_assert_eq(value, 100);
}

Test(parse, writes_sizes_as_it_reads_them)
{
	char text[32];

	cr_assert_str_eq(bench_format_size(0, text, sizeof(text)), "0");
	cr_assert_str_eq(bench_format_size(1000, text, sizeof(text)), "1000");
	cr_assert_str_eq(bench_format_size(1024, text, sizeof(text)), "1Ki");
	cr_assert_str_eq(bench_format_size(1536, text, sizeof(text)), "1536");
	cr_assert_str_eq(bench_format_size(8u << 20, text, sizeof(text)), "8Mi");
	cr_assert_str_eq(bench_format_size(3ull << 30, text, sizeof(text)), "3Gi");
}

Test(parse, times)
{
	uint64_t ns = 7;

	cr_assert_eq(bench_parse_time("250us", 1, UINT64_MAX, &ns), 0);
	cr_assert_eq(ns, 250000);
	cr_assert_eq(bench_parse_time("4ms", 1, UINT64_MAX, &ns), 0);
	cr_assert_eq(ns, 4000000);
	cr_assert_eq(bench_parse_time("10s", 1, 10000000000u, &ns), 0);
	cr_assert_eq(ns, 10000000000u);
	cr_assert_eq(bench_parse_time("11s", 1, 10000000000u, &ns), -ERANGE);
	cr_assert_eq(bench_parse_time("0ms", 1, 10000000000u, &ns), -ERANGE);
	cr_assert_eq(bench_parse_time("-1ms", 1, 10000000000u, &ns), -ERANGE);
	cr_assert_eq(bench_parse_time("18446744073709551615s", 1, UINT64_MAX, &ns), -ERANGE);
	cr_assert_eq(bench_parse_time("18446744073709551616us", 1, UINT64_MAX, &ns), -ERANGE);
	for (const char *const *text =
		     (const char *const[]){ "", "ms", "4", "4m", "4 ms", "4ms ", "4.5ms", NULL };
	     *text; text++)
		cr_assert_eq(bench_parse_time(*text, 1, UINT64_MAX, &ns), -EINVAL, "%s", *text);
	cr_assert_eq(ns, 10000000000u, "an error writes nothing");
}

Test(parse, words)
{
	uint32_t which = 7;

	cr_assert_eq(bench_parse_word("pend", 4, "pend, lookup,walk", &which), 0);
	cr_assert_eq(which, 0);
	cr_assert_eq(bench_parse_word("walk=2", 4, "pend, lookup,walk", &which), 0);
	cr_assert_eq(which, 2);
	cr_assert_eq(bench_parse_word("wal", 3, "pend, lookup,walk", &which), -EINVAL);
	cr_assert_eq(bench_parse_word("walks", 5, "pend, lookup,walk", &which), -EINVAL);
	cr_assert_eq(bench_parse_word("", 0, "pend", &which), -EINVAL);
	cr_assert_eq(bench_parse_word("a", 1, "", &which), -EINVAL);
	cr_assert_eq(which, 2, "an error writes nothing");
}
