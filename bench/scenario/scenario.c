/* SPDX-License-Identifier: MIT */
/*
 * scenario.c - what can be measured.
 */
#include "bench/scenario/scenario.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

#include "bench/scenario/probe.h"

#define PROBE(pointer) BENCH_STAGE_PROBE, BENCH_LOOP_FILL, BENCH_LOOP_FILL, 0, 0, &(pointer)

static const struct bench_scenario scenarios[] = {
	{ "pend-complete/handle", "pend a fresh key and complete it at once, by handle",
	  "pend+complete pair", BENCH_STAGE_EMPTY, BENCH_LOOP_PAIR, BENCH_LOOP_PAIR_BATCH, 0,
	  BENCH_BATCH, NULL },
	{ "pend-complete/key", "the same, completed by key", "pend+complete pair",
	  BENCH_STAGE_EMPTY, BENCH_LOOP_PAIR_KEY, BENCH_LOOP_PAIR_KEY_BATCH, BENCH_KEYS,
	  BENCH_BATCH, NULL },
	{ "lookup/hit", "find a random live key and copy its value out", "lookup",
	  BENCH_STAGE_LOOKUP, BENCH_LOOP_HIT, BENCH_LOOP_HIT_BATCH, BENCH_KEYS, BENCH_BATCH_LOOKUP,
	  NULL },
	{ "lookup/miss", "look for a key that was never pended", "lookup", BENCH_STAGE_LOOKUP,
	  BENCH_LOOP_MISS, BENCH_LOOP_MISS_BATCH, BENCH_KEYS, BENCH_BATCH_LOOKUP, NULL },
	{ "steady/handle", "constant occupancy: pend a fresh key, complete the oldest by handle",
	  "pend+complete pair", BENCH_STAGE_STEADY, BENCH_LOOP_STEADY, BENCH_LOOP_STEADY_BATCH, 0,
	  BENCH_BATCH, NULL },
	{ "steady/key", "the same, completed by key", "pend+complete pair", BENCH_STAGE_STEADY,
	  BENCH_LOOP_STEADY_KEY, BENCH_LOOP_STEADY_KEY_BATCH, BENCH_KEYS, BENCH_BATCH, NULL },
	{ "full/refuse", "pend into a full table: every pend must be refused", "refused pend",
	  BENCH_STAGE_FULL, BENCH_LOOP_REFUSE, BENCH_LOOP_REFUSE_BATCH, 0, BENCH_BATCH, NULL },
	{ "trace", "replay connection events under their 5-tuples, each completed after a decision",
	  "event", BENCH_STAGE_TRACE, BENCH_LOOP_TRACE, BENCH_LOOP_TRACE, BENCH_KEYS, 0, NULL },
	{ "complete/origin", "pend on one CPU, complete on another, finish on the first",
	  "operation, end to end", PROBE(bench_probe_origin) },
	{ "complete/batch", "the same, pended and completed in batches of 8",
	  "operation, end to end", PROBE(bench_probe_origin_batch) },
	{ "frame", "what a hook frame adds to a call, and to a pend", "call",
	  PROBE(bench_probe_frame) },
	{ "unplug/adopt", "a CPU is lost with work queued there", "loss",
	  PROBE(bench_probe_adopt) },
	{ "unplug/storm", "pend and complete while a CPU comes and goes", "pend+complete pair",
	  PROBE(bench_probe_storm) },
	{ "unplug/return", "a lost CPU comes back", "return", PROBE(bench_probe_return) },
	{ "exhaust/fill", "fill an empty table to max_entries", "pend", PROBE(bench_probe_fill) },
	{ "exhaust/refuse", "pend into a full table, from one thread and from all", "refused pend",
	  PROBE(bench_probe_refuse) },
	{ "exhaust/recover", "complete 64 of a full table and pend again", "pend",
	  PROBE(bench_probe_recover) },
	{ "deadline/precision", "how late deadlines are met with a table full of them",
	  "expired operation", PROBE(bench_probe_precision) },
	{ "deadline/churn", "pend and complete with deadlines kept, beside a full table",
	  "pend+complete pair", PROBE(bench_probe_churn) },
	{ "drain/sync", "disable a map with everything live, and wait", "operation",
	  PROBE(bench_probe_drain_sync) },
	{ "drain/async", "disable a map with everything live, and be told", "operation",
	  PROBE(bench_probe_drain_async) },
	{ "epoch/enter", "open and close a reader section", "section",
	  PROBE(bench_probe_epoch_enter) },
	{ "epoch/stall", "pend and complete while a reader holds everything back",
	  "pend+complete pair", PROBE(bench_probe_epoch_stall) },
	{ "alloc/create", "create and destroy a map, by allocator", "call",
	  PROBE(bench_probe_alloc_create) },
	{ "alloc/fill", "fill a new map, and fill it again, by allocator", "pend",
	  PROBE(bench_probe_alloc_fill) },
	{ "alloc/pair", "pend and complete in a filled map, by allocator", "pend+complete pair",
	  PROBE(bench_probe_alloc_pair) },
	{ "classify/chain",
	  "ask a hook whose programs permit, and the bare calls of the same programs", "operation",
	  PROBE(bench_probe_chain) },
	{ "classify/read-only", "the same, where programs may not write their context", "operation",
	  PROBE(bench_probe_read_only) },
	{ "classify/reauthorize", "read-only, about what was permitted: nothing can be pended",
	  "operation", PROBE(bench_probe_reauthorize) },
	{ "classify/pend", "the last program pends; then it is completed and delivered",
	  "operation", PROBE(bench_probe_pend) },
	{ "classify/rate", "calls at a given rate, most permitted, some pended and decided later",
	  "call", PROBE(bench_probe_rate) },
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

	if (scenario->stage == BENCH_STAGE_PROBE || (batch && scenario->stage == BENCH_STAGE_TRACE))
		return false;
	return (impl->abilities & needs) == needs;
}
