/* SPDX-License-Identifier: MIT */
/*
 * plan_table.c - what each profile measures.
 *
 * Every packaged peer is in each cell that a target is judged by, for the best of them is what is
 * compared with; variants of pendmap and home-made peers are only where they say something new.
 * Costs of probes are those of a quiet machine with 2 CPUs.
 */
#include "bench/scenario/plan.h"

#define KI(number) ((uint64_t)(number) << 10)
#define MI(number) ((uint64_t)(number) << 20)
#define PEERS "mutex,urcu-memb,urcu-qsbr,ck,dpdk,libcuckoo,tbb"
#define MAIN "pendmap," PEERS
#define LARGE "pendmap,urcu-qsbr,ck,dpdk,libcuckoo,tbb" /* those that can be the best there */
#define HANDLES "pendmap,pendmap-id," PEERS
#define BOTH (BENCH_PLAN_ONE | BENCH_PLAN_TWO)

static const struct bench_plan_entry quick[] = {
	{ .scenario = "pend-complete", .sizes = { KI(64) }, .threads = BOTH },
	{ .scenario = "lookup/hit", .sizes = { KI(64) }, .threads = BOTH },
	{ .scenario = "lookup/miss", .sizes = { KI(64) }, .threads = BOTH },
	{ .scenario = "lookup/hit", .impls = LARGE, .sizes = { MI(1) }, .threads = BENCH_PLAN_ONE },
	{ .scenario = "lookup/miss",
	  .impls = LARGE,
	  .sizes = { MI(1) },
	  .threads = BENCH_PLAN_ONE },
	{ .scenario = "lookup/zipf",
	  .impls = MAIN,
	  .sizes = { KI(64) },
	  .threads = BOTH,
	  .repeats = 3 },
	{ .scenario = "steady", .sizes = { KI(64) }, .threads = BOTH },
	{ .scenario = "steady/handle",
	  .impls = HANDLES,
	  .sizes = { KI(1) },
	  .threads = BENCH_PLAN_ONE },
	{ .scenario = "steady/key", .impls = LARGE, .sizes = { MI(1) }, .threads = BOTH },
	{ .scenario = "mix/share",
	  .impls = MAIN,
	  .sizes = { KI(64) },
	  .threads = BOTH,
	  .repeats = 3 },
	{ .scenario = "mix/roles",
	  .impls = MAIN,
	  .sizes = { KI(64) },
	  .threads = BENCH_PLAN_TWO,
	  .repeats = 3 },
	{ .scenario = "occupancy/steady",
	  .impls = MAIN,
	  .sizes = { KI(64) },
	  .threads = BENCH_PLAN_ONE,
	  .repeats = 3 },
	{ .scenario = "full/refuse",
	  .impls = HANDLES,
	  .sizes = { KI(64) },
	  .threads = BOTH,
	  .repeats = 3 },
	{ .scenario = "trace",
	  .impls = MAIN,
	  .sizes = { KI(64) },
	  .threads = BENCH_PLAN_ONE,
	  .repeats = 3 },
	{ .scenario = "complete/origin", .repeats = 3, .cost_ms = 350 },
	{ .scenario = "complete/batch", .repeats = 3, .cost_ms = 250 },
	{ .scenario = "frame", .repeats = 3, .cost_ms = 170 },
	{ .scenario = "unplug/storm", .repeats = 1, .cost_ms = 450 },
	{ .scenario = "exhaust/fill", .repeats = 1, .cost_ms = 760 },
	{ .scenario = "exhaust/refuse", .repeats = 1, .cost_ms = 430 },
	{ .scenario = "deadline/precision", .repeats = 1, .processes = 1, .cost_ms = 1500 },
	{ .scenario = "deadline/churn", .repeats = 1, .cost_ms = 1400 },
	{ .scenario = "alloc/fill", .repeats = 1, .cost_ms = 240 },
	{ .scenario = "alloc/pair", .repeats = 1, .cost_ms = 150 },
	{ .scenario = "classify/chain", .repeats = 3, .cost_ms = 120 },
	{ .scenario = "classify/rate", .repeats = 1, .processes = 1, .cost_ms = 2000 },
	{ .scenario = "latency/steady", .repeats = 1, .processes = 2, .cost_ms = 3500 },
	{ .scenario = "unplug/timeline", .repeats = 1, .processes = 1, .cost_ms = 1600 },
	{ .scenario = "epoch/timeline", .repeats = 1, .processes = 1, .cost_ms = 6200 },
	{ .scenario = "exhaust/timeline", .repeats = 1, .processes = 1, .cost_ms = 3100 },
	{ .scenario = "exhaust/recover", .repeats = 2, .processes = 1, .cost_ms = 800 },
	{ .scenario = "memory/entry", .repeats = 1, .processes = 1, .cost_ms = 2000 },
	{ .scenario = "*", .sizes = { KI(64) }, .threads = BOTH, .repeats = 2, .cost_ms = 150 },
};

static const struct bench_plan_entry full[] = {
	{ .scenario = "pend-complete", .sizes = { KI(64) }, .threads = BENCH_PLAN_CURVE },
	{ .scenario = "lookup/hit", .sizes = { KI(64), MI(1) }, .threads = BENCH_PLAN_CURVE },
	{ .scenario = "lookup/miss", .sizes = { KI(64), MI(1) }, .threads = BENCH_PLAN_CURVE },
	{ .scenario = "lookup/hit", .impls = MAIN, .sizes = { MI(8) }, .threads = BOTH },
	{ .scenario = "lookup/miss", .impls = MAIN, .sizes = { MI(8) }, .threads = BOTH },
	{ .scenario = "lookup/zipf", .impls = MAIN, .sizes = { KI(64), MI(1) }, .threads = BOTH },
	{ .scenario = "steady", .sizes = { KI(1) }, .threads = BOTH },
	{ .scenario = "steady", .sizes = { KI(64), MI(1) }, .threads = BENCH_PLAN_CURVE },
	{ .scenario = "steady", .impls = MAIN, .sizes = { MI(8) }, .threads = BOTH },
	{ .scenario = "steady/key",
	  .impls = MAIN,
	  .sizes = { KI(64) },
	  .threads = BENCH_PLAN_OVER },
	{ .scenario = "mix/share",
	  .impls = MAIN,
	  .sizes = { KI(64), MI(1) },
	  .threads = BENCH_PLAN_CURVE },
	{ .scenario = "mix/roles", .impls = MAIN, .sizes = { KI(64) }, .threads = BENCH_PLAN_TWO },
	{ .scenario = "occupancy/steady",
	  .impls = MAIN,
	  .sizes = { KI(64) },
	  .threads = BENCH_PLAN_ONE },
	{ .scenario = "full/refuse", .sizes = { KI(64) }, .threads = BENCH_PLAN_CURVE },
	{ .scenario = "full/refuse", .impls = HANDLES, .sizes = { MI(1) }, .threads = BOTH },
	{ .scenario = "trace", .sizes = { KI(64) }, .threads = BENCH_PLAN_ONE },
	{ .scenario = "complete/origin", .cost_ms = 450 },
	{ .scenario = "complete/batch", .cost_ms = 350 },
	{ .scenario = "frame", .cost_ms = 300 },
	{ .scenario = "unplug/storm", .repeats = 3, .cost_ms = 500 },
	{ .scenario = "exhaust/fill", .repeats = 2, .processes = 3, .cost_ms = 3000 },
	{ .scenario = "exhaust/refuse", .repeats = 2, .processes = 3, .cost_ms = 2500 },
	{ .scenario = "deadline/precision", .repeats = 2, .processes = 3, .cost_ms = 3000 },
	{ .scenario = "deadline/churn", .repeats = 3, .cost_ms = 1500 },
	{ .scenario = "drain", .repeats = 3, .cost_ms = 800 },
	{ .scenario = "alloc/fill", .repeats = 3, .cost_ms = 1000 },
	{ .scenario = "alloc/pair", .repeats = 5, .cost_ms = 400 },
	{ .scenario = "classify/chain", .cost_ms = 200 },
	{ .scenario = "classify/rate", .repeats = 2, .processes = 3, .cost_ms = 4000 },
	{ .scenario = "latency/steady", .repeats = 1, .processes = 2, .cost_ms = 45000 },
	{ .scenario = "unplug/timeline", .repeats = 1, .processes = 2, .cost_ms = 4100 },
	{ .scenario = "epoch/timeline", .repeats = 1, .processes = 2, .cost_ms = 16500 },
	{ .scenario = "exhaust/timeline", .repeats = 1, .processes = 2, .cost_ms = 8200 },
	{ .scenario = "exhaust/recover", .repeats = 3, .processes = 2, .cost_ms = 6000 },
	{ .scenario = "memory/entry", .repeats = 1, .processes = 1, .cost_ms = 6000 },
	{ .scenario = "*", .sizes = { KI(64) }, .threads = BOTH, .repeats = 5, .cost_ms = 300 },
};

static const struct bench_plan_entry smoke[] = {
	{ .scenario = "*", .sizes = { KI(1) }, .threads = BOTH, .repeats = 1, .cost_ms = 80 },
};

const struct bench_plan_entry *bench_plan_entries(enum bench_profile profile, uint32_t *count)
{
	static const struct {
		const struct bench_plan_entry *entries;
		size_t count;
	} tables[] = {
		[BENCH_QUICK] = { quick, sizeof(quick) / sizeof(quick[0]) },
		[BENCH_FULL] = { full, sizeof(full) / sizeof(full[0]) },
		[BENCH_SMOKE] = { smoke, sizeof(smoke) / sizeof(smoke[0]) },
	};

	*count = (uint32_t)tables[profile].count;
	return tables[profile].entries;
}
