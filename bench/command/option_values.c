/* SPDX-License-Identifier: MIT */
/*
 * option_values.c - the options whose text is more than a number or a word.
 *
 * Each writes only if all of its text is good; a list replaces what was given before.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/command/option_table.h"
#include "bench/command/parse.h"

/* Whether the comma-separated @list holds @word. */
static bool list_has(const char *list, const char *word, size_t length)
{
	uint32_t which;

	return bench_parse_word(word, length, list, &which) == 0;
}

/* The set of @words that are in the comma-separated @text, each at most once. */
static int read_set(const char *text, const char *words, uint32_t *set)
{
	uint32_t found = 0;

	for (const char *word = text;; word++) {
		const size_t length = strcspn(word, ",");
		uint32_t which;

		if (bench_parse_word(word, length, words, &which) || found & 1u << which)
			return -EINVAL;
		found |= 1u << which;
		word += length;
		if (!*word)
			break;
	}
	*set = found;
	return 0;
}

/* A number in the first @length characters. */
static int read_part(const char *text, size_t length, uint64_t low, uint64_t high, uint64_t *number)
{
	char part[32];

	if (length >= sizeof(part))
		return -ERANGE;
	memcpy(part, text, length);
	part[length] = '\0';
	return bench_parse_number(part, low, high, number);
}

static uint64_t cpu_count(void)
{
	cpu_set_t set;
	const int count = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);

	return count < 1 ? 1 : (uint64_t)count;
}

/* One of --threads; @given tells a number from "max". */
static int read_threads(const char *word, size_t length, uint64_t *threads, bool *given)
{
	static const char *const most[] = { "max", "2max" };

	*given = true;
	for (uint32_t i = 0; i < 2; i++) {
		if (strlen(most[i]) != length || strncmp(word, most[i], length) != 0)
			continue;
		*given = false;
		*threads = cpu_count() * (i + 1);
		if (*threads > BENCH_THREADS_MAX)
			*threads = BENCH_THREADS_MAX;
		return 0;
	}
	return read_part(word, length, 1, BENCH_THREADS_MAX, threads);
}

int bench_option_threads(const char *text, struct bench_options *options)
{
	uint64_t found[BENCH_THREAD_COUNTS_MAX];
	uint32_t count = 0;

	for (const char *word = text;; word++) {
		const size_t length = strcspn(word, ",");
		bool given, twice = false;
		int error;

		if (count == BENCH_THREAD_COUNTS_MAX)
			return -E2BIG;
		error = read_threads(word, length, &found[count], &given);
		if (error)
			return error;
		for (uint32_t i = 0; i < count; i++)
			twice |= found[i] == found[count];
		if (twice && given)
			return -EINVAL;
		count += !twice;
		word += length;
		if (!*word)
			break;
	}
	memcpy(options->threads, found, count * sizeof(found[0]));
	options->thread_count = count;
	return 0;
}

int bench_option_sizes(const char *text, struct bench_options *options)
{
	return bench_parse_numbers(text, 64, 1u << 24, options->sizes, BENCH_SIZES_MAX,
				   &options->size_count);
}

static int compare_u32(const void *left, const void *right)
{
	const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

int bench_option_occupancy(const char *text, struct bench_options *options)
{
	uint64_t found[BENCH_OCCUPANCIES_MAX];
	uint32_t count;
	const int error = bench_parse_numbers(text, 1, 100, found, BENCH_OCCUPANCIES_MAX, &count);

	if (error)
		return error;
	for (uint32_t i = 0; i < count; i++)
		options->occupancies[i] = (uint32_t)found[i];
	qsort(options->occupancies, count, sizeof(options->occupancies[0]), compare_u32);
	options->occupancy_count = count;
	return 0;
}

int bench_option_rate(const char *text, struct bench_options *options)
{
	return bench_parse_numbers(text, 1000, 100000000, options->rates, BENCH_RATES_MAX,
				   &options->rate_count);
}

int bench_option_mode(const char *text, struct bench_options *options)
{
	return read_set(text, "throughput, micro, latency", &options->modes);
}

int bench_option_calls(const char *text, struct bench_options *options)
{
	uint32_t set;
	const int error = read_set(text, "scalar, batch", &set);

	if (error)
		return error;
	options->scalar = (set & 1u) != 0;
	options->batch = (set & 2u) != 0;
	return 0;
}

static int add_impl(struct bench_options *options, const char *word, size_t length)
{
	const struct bench_impl *impl;

	if (list_has(bench_impls_absent(), word, length)) {
		bench_complain("--impl: %.*s is not in this build, which did not find what it "
			       "needs; see pendbench list",
			       (int)length, word);
		return BENCH_EXIT_ENVIRONMENT;
	}
	for (uint32_t i = 0; (impl = bench_impl_at(i)) != NULL; i++)
		if (strlen(impl->name) == length && strncmp(impl->name, word, length) == 0)
			break;
	for (uint32_t i = 0; impl && i < options->impl_count; i++)
		if (options->impls[i] == impl)
			impl = NULL;
	if (!impl || options->impl_count == BENCH_IMPLS_MAX) {
		bench_complain("--impl: \"%.*s\" is unknown or given twice; see pendbench list",
			       (int)length, word);
		return BENCH_EXIT_USAGE;
	}
	options->impls[options->impl_count++] = impl;
	return 0;
}

int bench_option_impl(const char *text, struct bench_options *options)
{
	options->impl_count = 0;
	for (const char *word = text;; word++) {
		const size_t length = strcspn(word, ",");
		const int status = add_impl(options, word, length);

		word += length;
		if (status || !*word)
			return status;
	}
}

int bench_option_alloc(const char *text, struct bench_options *options)
{
	return read_set(text, "own, libc, jemalloc, jemalloc-numa", &options->allocators);
}

int bench_option_keys(const char *text, struct bench_options *options)
{
	uint64_t hot = 0;
	double zipf = 0;
	int error = 0;

	if (strncmp(text, "zipf:", 5) == 0) {
		error = bench_parse_fraction(text + 5, &zipf);
		if (!error && (zipf < 0.01 || zipf > 2))
			error = -ERANGE;
	} else if (strncmp(text, "hot:", 4) == 0) {
		error = bench_parse_number(text + 4, 1, 99, &hot);
	} else if (strcmp(text, "uniform") != 0) {
		error = -EINVAL;
	}
	if (error)
		return error;
	options->keys_given = true;
	options->zipf = zipf;
	options->hot_percent = (uint32_t)hot;
	return 0;
}

int bench_option_mix(const char *text, struct bench_options *options)
{
	uint64_t parts[3];

	for (uint32_t i = 0; i < 3; i++) {
		const size_t length = strcspn(text, "/");
		const int error = read_part(text, length, 0, 100, &parts[i]);

		if (error)
			return error;
		if ((text[length] == '/') != (i < 2))
			return -EINVAL;
		text += length + 1;
	}
	if (parts[0] + parts[1] + parts[2] != 100)
		return -ERANGE;
	options->mix =
		(struct bench_mix){ (uint32_t)parts[0], (uint32_t)parts[1], (uint32_t)parts[2] };
	return 0;
}

int bench_option_roles(const char *text, struct bench_options *options)
{
	uint64_t threads[3] = { 0, 0, 0 };
	uint32_t seen = 0;

	for (const char *word = text;; word++) {
		const size_t length = strcspn(word, ","), name = strcspn(word, "=,");
		uint32_t which;
		int error;

		if (name == length || bench_parse_word(word, name, "pend, lookup, walk", &which) ||
		    seen & 1u << which)
			return -EINVAL;
		seen |= 1u << which;
		error = read_part(word + name + 1, length - name - 1, 0, BENCH_THREADS_MAX,
				  &threads[which]);
		if (error)
			return error;
		word += length;
		if (!*word)
			break;
	}
	const uint64_t sum = threads[0] + threads[1] + threads[2];

	if (sum < 1 || sum > BENCH_THREADS_MAX)
		return -ERANGE;
	options->roles = (struct bench_roles){ (uint32_t)threads[0], (uint32_t)threads[1],
					       (uint32_t)threads[2] };
	return 0;
}

int bench_option_stall(const char *text, struct bench_options *options)
{
	const size_t length = strcspn(text, "/");
	char first[32];
	uint64_t stall_ns, every_ns;
	int error;

	if (text[length] != '/' || length >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, length);
	first[length] = '\0';
	error = bench_parse_time(first, 1000, 10000000000u, &stall_ns);
	if (!error)
		error = bench_parse_time(text + length + 1, 1000, 10000000000u, &every_ns);
	if (error)
		return error;
	if (stall_ns >= every_ns)
		return -ERANGE;
	options->stall_ns = stall_ns;
	options->stall_every_ns = every_ns;
	return 0;
}

int bench_option_speed(const char *text, struct bench_options *options)
{
	if (strcmp(text, "max") == 0) {
		options->speed = 0;
		return 0;
	}
	return bench_parse_fraction(text, &options->speed);
}

int bench_option_noise(const char *text, struct bench_options *options)
{
	const size_t length = strcspn(text, "%");
	char number[32];
	double noise = 0;
	int error;

	if (strcmp(text, "auto") == 0) {
		options->noise = -1;
		return 0;
	}
	if (strcmp(text + length, "%") != 0 || length >= sizeof(number))
		return -EINVAL;
	memcpy(number, text, length);
	number[length] = '\0';
	error = strspn(number, "0.") == length && length ? 0 : bench_parse_fraction(number, &noise);
	if (error)
		return error;
	if (noise > 100)
		return -ERANGE;
	options->noise = noise / 100;
	return 0;
}

int bench_option_fail_on(const char *text, struct bench_options *options)
{
	uint32_t which;

	if (bench_parse_word(text, strlen(text), "worse, inconclusive, both", &which))
		return -EINVAL;
	options->fail_worse = which != 1;
	options->fail_inconclusive = which != 0;
	return 0;
}

int bench_option_save_baseline(const char *text, struct bench_options *options)
{
	const size_t length = strlen(text);

	if (length == 0 || length > 64 || text[0] == '.' || text[0] == '-' ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") !=
		    length)
		return -EINVAL;
	options->save_baseline = text;
	return 0;
}
