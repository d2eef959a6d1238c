/* SPDX-License-Identifier: MIT */
/*
 * scenario.h - what can be measured.
 */
#ifndef BENCH_SCENARIO_SCENARIO_H
#define BENCH_SCENARIO_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/measure/impl.h"

/* How full the table is. Scenarios run in this order, so that one table serves them all (plan.h). */
enum bench_stage {
	BENCH_STAGE_EMPTY,
	BENCH_STAGE_LOOKUP, /* filled to the occupancy, with the fill's own keys */
	BENCH_STAGE_STEADY, /* filled to the occupancy */
	BENCH_STAGE_FULL,
	BENCH_STAGE_TRACE, /* a table of its own */
	BENCH_STAGE_PROBE, /* no table: probe.h */
};

/* What a table scenario has besides one loop on all threads. */
enum bench_trait {
	BENCH_TRAIT_DRAWN = 1u << 0,       /* keys are drawn: --keys, zipf:0.99 unless said */
	BENCH_TRAIT_MIX = 1u << 1,         /* --mix, --keys */
	BENCH_TRAIT_ROLES = 1u << 2,       /* --roles: threads differ */
	BENCH_TRAIT_OCCUPANCIES = 1u << 3, /* at each of --occupancy */
};

struct bench_probe; /* probe.h */

struct bench_scenario {
	const char *name;
	const char *summary;
	const char *unit; /* what one operation is */
	enum bench_stage stage;
	enum bench_loop scalar;
	enum bench_loop batch;           /* the same: there is none */
	uint32_t needs;                  /* enum bench_ability, to run at all */
	uint32_t batch_needs;            /* ... in batches */
	const struct bench_probe *probe; /* BENCH_STAGE_PROBE */
	uint32_t modes;                  /* enum bench_mode (options.h), a set */
	uint32_t traits;                 /* enum bench_trait, a set */
};

/* The scenario of that number, or NULL past the last. */
const struct bench_scenario *bench_scenario_at(uint32_t number);

/*
 * Whether @filter picks @scenario: its name, its first part ("steady"), or a pattern with * and ?
 * over the name.
 */
bool bench_scenario_matches(const struct bench_scenario *scenario, const char *filter);

/* Whether @impl can run @scenario, scalar or in batches. */
bool bench_scenario_runs(const struct bench_scenario *scenario, const struct bench_impl *impl,
			 bool batch);

#endif
