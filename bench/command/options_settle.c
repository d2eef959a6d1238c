/* SPDX-License-Identifier: MIT */
/*
 * options_settle.c - what the options come to: defaults, contradictions, what the run includes.
 *
 * What a profile sets is only a default: any option overrides it.
 */
#include "bench/command/options.h"

#include <string.h>

/* Calls a second. */
static void set_rates(struct bench_options *options)
{
	static const uint64_t rates[] = { 100000, 1000000, 300000, 3000000 };

	options->rate_count = options->profile == BENCH_FULL    ? 4
			      : options->profile == BENCH_QUICK ? 2
								: 1;
	memcpy(options->rates, rates, options->rate_count * sizeof(rates[0]));
}

/* What was not said, by profile. */
static void set_defaults(struct bench_options *options)
{
	static const uint64_t sizes[] = { 1u << 10, 1u << 16, 1u << 20, 1u << 23 };
	static const struct {
		uint32_t repeats, sizes;
		uint64_t window_ns, warm_up_ns;
	} profiles[] = {
		[BENCH_QUICK] = { 5, 4, 20000000, 5000000 },
		[BENCH_FULL] = { 9, 4, 100000000, 10000000 },
		[BENCH_SMOKE] = { 2, 1, 1000000, 200000 },
	};

	options->repeats_given = options->repeats > 0;
	if (!options->repeats)
		options->repeats = profiles[options->profile].repeats;
	if (!options->window_ns)
		options->window_ns = profiles[options->profile].window_ns;
	options->warm_up_ns = profiles[options->profile].warm_up_ns;
	if (!options->size_count) {
		options->size_count = profiles[options->profile].sizes;
		memcpy(options->sizes, sizes, options->size_count * sizeof(sizes[0]));
	}
	options->impls_given = options->impl_count > 0;
	if (!options->impl_count) {
		for (; bench_impl_at(options->impl_count); options->impl_count++)
			options->impls[options->impl_count] = bench_impl_at(options->impl_count);
	}
	if (!options->rate_count)
		set_rates(options);
	if (!options->trace_events)
		options->trace_events = options->profile == BENCH_SMOKE ? 2000 : 45000;
}

static int check_filters(const struct bench_options *options)
{
	for (uint32_t i = 0; i < options->filter_count; i++) {
		bool found = false;

		for (uint32_t n = 0; bench_scenario_at(n); n++)
			found |= bench_scenario_matches(bench_scenario_at(n), options->filters[i]);
		if (!found) {
			bench_complain("no scenario matches \"%s\"; see pendbench list",
				       options->filters[i]);
			return BENCH_EXIT_USAGE;
		}
	}
	return 0;
}

/* What contradicts itself. */
static int check(const struct bench_options *options)
{
	const struct bench_scenario *scenario = NULL;
	int status = check_filters(options);

	if (status)
		return status;
	for (uint32_t n = 0; bench_scenario_at(n); n++)
		if (bench_scenario_at(n)->stage == BENCH_STAGE_TRACE)
			scenario = bench_scenario_at(n);
	if (options->trace && scenario && !bench_options_pick(options, scenario)) {
		bench_complain(
			"--trace needs the scenario trace: pendbench run trace --trace FILE");
		return BENCH_EXIT_USAGE;
	}
	if (options->strict && options->skip_bad_lines) {
		bench_complain("--strict and --skip-bad-lines contradict each other");
		return BENCH_EXIT_USAGE;
	}
	for (uint32_t i = 0; i < options->size_count; i++) {
		if (bench_options_live(options, options->sizes[i]) >=
		    bench_options_threads_most(options))
			continue;
		bench_complain("--sizes %llu leaves no room for %u threads with batches of %u",
			       (unsigned long long)options->sizes[i],
			       bench_options_threads_most(options), options->batch_width);
		return BENCH_EXIT_USAGE;
	}
	return 0;
}

int bench_options_settle(struct bench_options *options)
{
	set_defaults(options);
	return check(options);
}

bool bench_options_pick(const struct bench_options *options, const struct bench_scenario *scenario)
{
	bool picked = options->filter_count == 0;

	for (uint32_t i = 0; i < options->filter_count; i++)
		picked |= bench_scenario_matches(scenario, options->filters[i]);
	return picked;
}

bool bench_options_pick_size(const struct bench_options *options,
			     const struct bench_scenario *scenario, uint64_t size)
{
	if (scenario->stage >= BENCH_STAGE_TRACE || !bench_options_pick(options, scenario))
		return false;
	/* A quick run takes the largest size only where it says something new. */
	if (options->profile == BENCH_QUICK && !options->sizes_given && size > 1u << 20)
		return scenario->stage == BENCH_STAGE_LOOKUP ||
		       scenario->stage == BENCH_STAGE_STEADY;
	return true;
}

uint32_t bench_options_threads_most(const struct bench_options *options)
{
	uint64_t most = 1;

	for (uint32_t i = 0; i < options->thread_count; i++)
		most = options->threads[i] > most ? options->threads[i] : most;
	return (uint32_t)most;
}

uint64_t bench_options_live(const struct bench_options *options, uint64_t size)
{
	/* Each thread pends before it completes, so that many must stay free. */
	const uint64_t room = (uint64_t)bench_options_threads_most(options) *
			      (options->batch ? options->batch_width : 1);
	const uint64_t wanted = size * options->occupancy / 100;

	if (size <= room)
		return 0;
	return wanted < size - room ? wanted : size - room;
}
