/* SPDX-License-Identifier: MIT */
/*
 * scenario.c - what can be measured.
 */
#include "bench/scenario/scenario.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

#include "bench/command/options.h"
#include "bench/scenario/probe.h"

#define PROBE_IN(mode, pointer)                                                          \
	.stage = BENCH_STAGE_PROBE, .scalar = BENCH_LOOP_FILL, .batch = BENCH_LOOP_FILL, \
	.probe = &(pointer), .modes = (mode)
#define PROBE(pointer) PROBE_IN(BENCH_MODE_THROUGHPUT, pointer)
#define PROBE_LATENCY(pointer) PROBE_IN(BENCH_MODE_LATENCY, pointer)

#define LOOPS(one, other) .scalar = BENCH_LOOP_##one, .batch = BENCH_LOOP_##other
#define TABLE .modes = BENCH_MODE_THROUGHPUT | BENCH_MODE_MICRO
#define THREADS .modes = BENCH_MODE_THROUGHPUT

static const struct bench_scenario scenarios[] = {
	{ "pend-complete/handle", "pend a fresh key and complete it at once, by handle",
	  "pend+complete pair", BENCH_STAGE_EMPTY, LOOPS(PAIR, PAIR_BATCH),
	  .batch_needs = BENCH_BATCH, TABLE },
	{ "pend-complete/key", "the same, completed by key", "pend+complete pair",
	  BENCH_STAGE_EMPTY, LOOPS(PAIR_KEY, PAIR_KEY_BATCH), .needs = BENCH_KEYS,
	  .batch_needs = BENCH_BATCH, TABLE },
	{ "lookup/hit", "find a random live key and copy its value out", "lookup",
	  BENCH_STAGE_LOOKUP, LOOPS(HIT, HIT_BATCH), .needs = BENCH_KEYS,
	  .batch_needs = BENCH_BATCH_LOOKUP, TABLE },
	{ "lookup/miss", "look for a key that was never pended", "lookup", BENCH_STAGE_LOOKUP,
	  LOOPS(MISS, MISS_BATCH), .needs = BENCH_KEYS, .batch_needs = BENCH_BATCH_LOOKUP, TABLE },
	{ "lookup/zipf", "find live keys of which some are sought more often (--keys)", "lookup",
	  BENCH_STAGE_LOOKUP, LOOPS(DRAWN, DRAWN_BATCH), .needs = BENCH_KEYS,
	  .batch_needs = BENCH_BATCH_LOOKUP, TABLE, .traits = BENCH_TRAIT_DRAWN },
	{ "mix/roles", "threads that pend and complete beside threads that look up (--roles)",
	  "operation of the role", BENCH_STAGE_LOOKUP, LOOPS(STEADY_KEY, STEADY_KEY),
	  .needs = BENCH_KEYS, THREADS, .traits = BENCH_TRAIT_ROLES },
	{ "steady/handle", "constant occupancy: pend a fresh key, complete the oldest by handle",
	  "pend+complete pair", BENCH_STAGE_STEADY, LOOPS(STEADY, STEADY_BATCH),
	  .batch_needs = BENCH_BATCH, TABLE },
	{ "steady/key", "the same, completed by key", "pend+complete pair", BENCH_STAGE_STEADY,
	  LOOPS(STEADY_KEY, STEADY_KEY_BATCH), .needs = BENCH_KEYS, .batch_needs = BENCH_BATCH,
	  TABLE },
	{ "mix/share", "update one (pend it, complete another), find one or miss one (--mix)",
	  "operation of the mix", BENCH_STAGE_STEADY, LOOPS(MIX, MIX), .needs = BENCH_KEYS, TABLE,
	  .traits = BENCH_TRAIT_MIX },
	{ "occupancy/steady", "steady/key in a table that is more and more full (--occupancy)",
	  "pend+complete pair", BENCH_STAGE_STEADY, LOOPS(STEADY_KEY, STEADY_KEY),
	  .needs = BENCH_KEYS, TABLE, .traits = BENCH_TRAIT_OCCUPANCIES },
	{ "full/refuse", "pend into a full table: every pend must be refused", "refused pend",
	  BENCH_STAGE_FULL, LOOPS(REFUSE, REFUSE_BATCH), .batch_needs = BENCH_BATCH, TABLE },
	{ "trace", "replay connection events under their 5-tuples, each completed after a decision",
	  "event", BENCH_STAGE_TRACE, LOOPS(TRACE, TRACE), .needs = BENCH_KEYS, THREADS },
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
	{ "exhaust/recover", "complete 1 to 512 of a full table and pend again", "pend",
	  PROBE(bench_probe_recover) },
	{ "deadline/precision", "how late deadlines are met with a table full of them",
	  "expired operation", PROBE(bench_probe_precision) },
	{ "deadline/churn", "pend and complete with deadlines kept, beside a full table",
	  "pend+complete pair", PROBE(bench_probe_churn) },
	{ "drain/sync", "disable a map with everything live, and wait", "operation",
	  PROBE(bench_probe_drain_sync) },
	{ "drain/async", "disable a map with everything live, and be told", "operation",
	  PROBE(bench_probe_drain_async) },
	{ "queue/handover", "push items on one CPU or more, take them on another", "item",
	  PROBE(bench_probe_queue_handover) },
	{ "queue/batch", "the same, 32 at a time", "item", PROBE(bench_probe_queue_batch) },
	{ "epoch/enter", "open and close a reader section", "section",
	  PROBE(bench_probe_epoch_enter) },
	{ "epoch/reclaim", "retire objects and have them back, beside a reader", "object",
	  PROBE(bench_probe_epoch_reclaim) },
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
	  "call", PROBE_LATENCY(bench_probe_rate) },
	{ "latency/steady", "operations at a given rate, timed from when they were meant to begin",
	  "pend+complete pair", PROBE_LATENCY(bench_probe_latency) },
	{ "unplug/timeline", "step by step: a CPU goes away under full load and comes back",
	  "pend+complete pair", PROBE(bench_probe_unplug_timeline) },
	{ "epoch/timeline", "step by step: a reader stays in its section, and leaves",
	  "pend+complete pair", PROBE(bench_probe_epoch_timeline) },
	{ "exhaust/timeline", "step by step: nobody decides, the table is full, decided again",
	  "pend", PROBE(bench_probe_exhaust_timeline) },
	{ "memory/entry", "bytes for an entry of a full table", "entry",
	  PROBE(bench_probe_memory) },
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

	if (scenario->stage == BENCH_STAGE_PROBE || (batch && scenario->batch == scenario->scalar))
		return false;
	if (scenario->stage == BENCH_STAGE_TRACE && impl->remote)
		return false;
	return (impl->abilities & needs) == needs;
}
