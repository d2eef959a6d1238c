/* SPDX-License-Identifier: MIT */
/*
 * test_counters.c - counters are read, added and missed as they should, wherever this runs: events
 * of the kernel's own stand in for those of the processor.
 */
#include <criterion/criterion.h>

#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/measure/clock.h"
#include "bench/measure/counters.h"
#include "bench/measure/instructions.h"

#define UNKNOWN 999999u /* there is no such type of events */

static const struct bench_counter_event of_the_kernel[BENCH_COUNTERS] = {
	{ "task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK },
	{ "faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS },
	{ "unknown", UNKNOWN, 0 },
	{ "switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES },
};

static const struct bench_counter_event unknown[BENCH_COUNTERS] = {
	{ "a", UNKNOWN, 0 }, { "b", UNKNOWN, 0 }, { "c", UNKNOWN, 0 }, { "d", UNKNOWN, 0 }
};

static void work(void)
{
	for (uint32_t i = 0; i < 200000; i++)
		(void)bench_clock_ns();
}

Test(counters, count_between_begin_and_end)
{
	struct bench_counters counters;
	struct bench_counted counted = { 0 };
	double first;

	bench_counters_open(&counters, of_the_kernel);
	if (counters.files[0] < 0)
		cr_skip_test("perf_event_open is not allowed here");
	cr_assert_eq(counters.files[2], -1);
	work(); /* is not counted */
	bench_counters_begin(&counters);
	bench_counters_end(&counters, &counted);
	first = counted.numbers[0];
	counted = (struct bench_counted){ 0 };
	bench_counters_begin(&counters);
	work();
	bench_counters_end(&counters, &counted);
	bench_counters_close(&counters);
	cr_assert_eq(counted.which & 1u, 1);
	cr_assert_eq(counted.which & 1u << 2, 0, "what there is not was counted");
	cr_assert_eq(counted.threads, 1);
	cr_assert_gt(counted.numbers[0], 10 * first + 100000, "%g ns after %g", counted.numbers[0],
		     first);
	cr_assert_eq(counters.files[0], -1);
}

Test(counters, say_what_is_missing)
{
	char text[200];

	bench_counters_missing(unknown, text, sizeof(text));
	cr_assert_eq(strncmp(text, "a, b, c, d: ", 12), 0, "%s", text);
	cr_assert_gt(strlen(text), 12);
	bench_counters_missing(unknown, text, 6);
	cr_assert_str_eq(text, "a, b,", "it is cut");
}

Test(counters, are_nothing_where_there_are_none)
{
	struct bench_counters counters;
	struct bench_counted counted = { 0 };

	bench_counters_open(&counters, unknown);
	bench_counters_begin(&counters);
	work();
	bench_counters_end(&counters, &counted);
	bench_counters_close(&counters);
	cr_assert_eq(counted.which, 0);
}

/* What one thread lacks, the sum of all lacks. */
Test(counters, are_added)
{
	struct bench_counted all = { 0 };
	const struct bench_counted one = { .which = 7, .threads = 1, .numbers = { 1, 2, 3, 0 } };
	const struct bench_counted two = { .which = 5, .threads = 2, .numbers = { 10, 0, 30, 0 } };
	const struct bench_counted none = { 0 };

	bench_counted_add(&all, &one);
	bench_counted_add(&all, &none);
	bench_counted_add(&all, &two);
	cr_assert_eq(all.which, 5);
	cr_assert_eq(all.threads, 3);
	cr_assert_eq(all.numbers[0], 11);
	cr_assert_eq(all.numbers[2], 33);
}

static int parse(const char *text, uint64_t *number)
{
	FILE *file = tmpfile();
	int error;

	cr_assert(file);
	fputs(text, file);
	rewind(file);
	error = bench_instructions_parse(file, number);
	fclose(file);
	return error;
}

Test(instructions, are_read_from_callgrinds_files)
{
	uint64_t number = 0;

	cr_assert_eq(
		parse("version: 1\nevents: Ir\nsummary: 5\n\nfn=(1) a\n1 7\n\ntotals: 2084763\n",
		      &number),
		0);
	cr_assert_eq(number, 2084763);
	cr_assert_neq(parse("version: 1\nevents: Ir\n", &number), 0);
	cr_assert_neq(parse("totals: many\n", &number), 0);
}

Test(instructions, are_not_counted_without_callgrind)
{
	uint64_t number;

	cr_assert_not(bench_instructions_counting());
	cr_assert_neq(bench_instructions_read(&number), 0);
}

Test(instructions, words_name_a_folder_that_is_there)
{
	const char *words[16];
	const uint32_t count = bench_instructions_words(words, 16);

	cr_assert_gt(count, 2);
	cr_assert_str_eq(words[0], "valgrind");
	cr_assert(getenv("PENDBENCH_COUNTS"));
	cr_assert_eq(access(getenv("PENDBENCH_COUNTS"), W_OK), 0);
	cr_assert_eq(bench_instructions_words(words, 2), 0, "no room");
	cr_assert_eq(bench_instructions_words(words, 16), count, "the second time");
}
