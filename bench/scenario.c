/* SPDX-License-Identifier: MIT */
/*
 * scenario.c - what can be measured.
 */
#include "bench/scenario.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

static const struct bench_scenario scenarios[] = {
	{ "pend-complete/handle", "pend a fresh key and complete it at once, by handle",
	  "pend+complete pair", BENCH_STAGE_EMPTY, BENCH_LOOP_PAIR, BENCH_LOOP_PAIR_BATCH, 0,
	  BENCH_BATCH },
	{ "pend-complete/key", "the same, completed by key", "pend+complete pair",
	  BENCH_STAGE_EMPTY, BENCH_LOOP_PAIR_KEY, BENCH_LOOP_PAIR_KEY_BATCH, BENCH_KEYS,
	  BENCH_BATCH },
	{ "lookup/hit", "find a random live key and copy its value out", "lookup",
	  BENCH_STAGE_LOOKUP, BENCH_LOOP_HIT, BENCH_LOOP_HIT_BATCH, BENCH_KEYS,
	  BENCH_BATCH_LOOKUP },
	{ "lookup/miss", "look for a key that was never pended", "lookup", BENCH_STAGE_LOOKUP,
	  BENCH_LOOP_MISS, BENCH_LOOP_MISS_BATCH, BENCH_KEYS, BENCH_BATCH_LOOKUP },
	{ "steady/handle", "constant occupancy: pend a fresh key, complete the oldest by handle",
	  "pend+complete pair", BENCH_STAGE_STEADY, BENCH_LOOP_STEADY, BENCH_LOOP_STEADY_BATCH, 0,
	  BENCH_BATCH },
	{ "steady/key", "the same, completed by key", "pend+complete pair", BENCH_STAGE_STEADY,
	  BENCH_LOOP_STEADY_KEY, BENCH_LOOP_STEADY_KEY_BATCH, BENCH_KEYS, BENCH_BATCH },
	{ "full/refuse", "pend into a full table: every pend must be refused", "refused pend",
	  BENCH_STAGE_FULL, BENCH_LOOP_REFUSE, BENCH_LOOP_REFUSE_BATCH, 0, BENCH_BATCH },
	{ "trace", "replay connection events under their 5-tuples, each completed after a decision",
	  "event", BENCH_STAGE_TRACE, BENCH_LOOP_TRACE, BENCH_LOOP_TRACE, BENCH_KEYS, 0 },
};

const struct bench_scenario *bench_scenario_at(uint32_t number)
{
	return number < sizeof(scenarios) / sizeof(scenarios[0]) ? &scenarios[number] : NULL;
}

bool bench_scenario_matches(const struct bench_scenario *scenario, const char *filter)
{
	const size_t length = strlen(filter);

	if (fnmatch(filter, scenario->name, 0) == 0)
		return true;
	return strncmp(scenario->name, filter, length) == 0 && scenario->name[length] == '/';
}

bool bench_scenario_runs(const struct bench_scenario *scenario, const struct bench_impl *impl,
			 bool batch)
{
	const uint32_t needs = scenario->needs | (batch ? scenario->batch_needs : 0);

	if (batch && scenario->stage == BENCH_STAGE_TRACE)
		return false;
	return (impl->abilities & needs) == needs;
}
