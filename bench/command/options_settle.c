/* SPDX-License-Identifier: MIT */
/*
 * options_settle.c - what the options come to: defaults, contradictions, what the run includes.
 *
 * What a profile sets is only a default: any option overrides it.
 */
#include "bench/command/options.h"

#include <string.h>

#define JUDGED_PROCESSES 8u /* verdict.h wants five; eight find 2 % in nine of ten (ab, noise) */
#define FILLED_PERCENT 90u

/* How long a run takes is here: processes x cells x repeats x windows. */
static void set_plan(struct bench_options *options)
{
	static const struct {
		uint32_t processes, repeats;
		uint64_t window_ns, warm_up_ns;
	} profiles[] = {
		[BENCH_QUICK] = { 3, 4, 10000000, 3000000 },
		[BENCH_FULL] = { 4, 8, 20000000, 4000000 },
		[BENCH_SMOKE] = { 1, 2, 1000000, 200000 },
	};
	const bool judged = options->command == BENCH_AB || options->command == BENCH_NOISE ||
			    options->baseline || options->save_baseline;

	if (!options->processes)
		options->processes = options->count_instructions ? 1 /* each counts the same */
				     : judged                    ? JUDGED_PROCESSES
					      : profiles[options->profile].processes;
	options->repeats_given = options->repeats > 0;
	if (!options->repeats)
		options->repeats = profiles[options->profile].repeats;
	if (!options->window_ns)
		options->window_ns = profiles[options->profile].window_ns;
	options->warm_up_ns = profiles[options->profile].warm_up_ns;
}

static void set_lists(struct bench_options *options)
{
	static const uint64_t sizes[] = { 1u << 10, 1u << 16, 1u << 20, 1u << 23 };
	static const uint32_t size_counts[] = {
		[BENCH_QUICK] = 3, [BENCH_FULL] = 4, [BENCH_SMOKE] = 1
	};
	static const uint32_t occupancies[] = { 50, 75, 90, 95, 99 };

	options->sizes_given = options->size_count > 0;
	if (!options->size_count) {
		options->size_count = size_counts[options->profile];
		memcpy(options->sizes, sizes, options->size_count * sizeof(sizes[0]));
	}
	options->threads_given = options->thread_count > 0;
	if (!options->thread_count) {
		options->thread_count = 2;
		options->threads[0] = 1;
		options->threads[1] = 2;
	}
	options->occupancy_given = options->occupancy_count > 0;
	if (!options->occupancy_count) {
		options->occupancy_count = sizeof(occupancies) / sizeof(occupancies[0]);
		memcpy(options->occupancies, occupancies, sizeof(occupancies));
	}
	options->impls_given = options->impl_count > 0;
	if (!options->impl_count)
		for (; options->impl_count < BENCH_IMPLS_MAX && bench_impl_at(options->impl_count);
		     options->impl_count++)
			options->impls[options->impl_count] = bench_impl_at(options->impl_count);
}

/* What was not said, by profile. */
static void set_defaults(struct bench_options *options)
{
	set_plan(options);
	set_lists(options);
	if (!options->keys_given)
		options->zipf = 0.99;
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

	if (options->modes && !(options->modes & scenario->modes))
		return false;
	for (uint32_t i = 0; i < options->filter_count; i++)
		picked |= bench_scenario_matches(scenario, options->filters[i]);
	return picked;
}

uint32_t bench_options_threads_most(const struct bench_options *options)
{
	uint64_t most = 1;

	for (uint32_t i = 0; i < options->thread_count; i++)
		most = options->threads[i] > most ? options->threads[i] : most;
	return (uint32_t)most;
}

uint32_t bench_options_filled(const struct bench_options *options)
{
	return options->occupancy_given && options->occupancy_count == 1 ? options->occupancies[0]
									 : FILLED_PERCENT;
}

uint64_t bench_options_live_at(const struct bench_options *options, uint64_t size, uint32_t percent)
{
	/* Each thread pends before it completes, so that many must stay free. */
	const uint64_t room = (uint64_t)bench_options_threads_most(options) *
			      (options->batch ? options->batch_width : 1);
	const uint64_t wanted = size * percent / 100;

	if (size <= room)
		return 0;
	return wanted < size - room ? wanted : size - room;
}

uint64_t bench_options_live(const struct bench_options *options, uint64_t size)
{
	return bench_options_live_at(options, size, bench_options_filled(options));
}
