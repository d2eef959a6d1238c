/* SPDX-License-Identifier: MIT */
/*
 * epoch_stall.c - what a reader that stays in its section does to a map that hands out pointers
 * (epoch/stall).
 *
 * Home pends and completes in a map with PEND_MAP_POINTERS while another thread sits in a section.
 * Slots that are completed then wait for it, so a map gets through `pairs` operations (its free
 * slots and its reserve) and refuses from then on; `back` is from the reader's exit to the first
 * pend that is accepted again; `held` is the memory of all slots that waited.
 */
#include <errno.h>
#include <sched.h>

#include <pendmap/epoch.h>

#include "bench/measure/clock.h"
#include "bench/measure/measure.h"
#include "bench/scenario/bench_map.h"
#include "platform/atomic.h"

#define REFUSALS 10000u
#define PATIENCE_NS 10000000000u

struct stall {
	const struct bench_setting *setting;
	struct bench_sample *sample;
	struct pend_map *map;
	int error;
	uint64_t number;
	_Atomic uint32_t inside; /* the reader is in its section */
	_Atomic uint32_t leave;  /* it should leave */
	unsigned char key[256];
	unsigned char value[4096];
};

/* 0, or what pend answered. */
static int pair(struct stall *stall)
{
	const struct pend_request request =
		bench_map_request(stall->setting, stall->key, stall->value, stall->number++);
	uint64_t handle;
	const int error = pend_map_pend(stall->map, &request, &handle);

	return error ? error : pend_map_complete(stall->map, handle, PEND_ACTION_PERMIT_SOFT);
}

/* Nanoseconds for one pair, until one is refused or @count are done; writes how many were. */
static double pairs(struct stall *stall, uint64_t count, uint64_t *done)
{
	const uint64_t begin_ns = bench_clock_ns();

	for (*done = 0; *done < count; ++*done) {
		const int error = pair(stall);

		if (error == -EAGAIN)
			break;
		if (error) {
			stall->error = error;
			break;
		}
	}
	return *done ? (double)(bench_clock_ns() - begin_ns) / (double)*done : 0;
}

static double refusals(struct stall *stall)
{
	const uint64_t begin_ns = bench_clock_ns();

	for (uint32_t i = 0; i < REFUSALS; i++)
		if (pair(stall) != -EAGAIN)
			stall->error = -EIO;
	return (double)(bench_clock_ns() - begin_ns) / REFUSALS;
}

/* From the reader's exit to a pend that is accepted. */
static double come_back(struct stall *stall)
{
	uint64_t begin_ns = bench_clock_ns();
	int error;

	pendi_store_relaxed(&stall->leave, 1); /* relaxed: a wish */
	do {
		error = pair(stall);
		if (bench_clock_ns() - begin_ns > PATIENCE_NS)
			break;
	} while (error == -EAGAIN);
	stall->error = error ? error : stall->error;
	return (double)(bench_clock_ns() - begin_ns) / 1e3;
}

static void run_reader(struct stall *stall)
{
	if (pend_epoch_enter())
		stall->error = -EAGAIN;
	pendi_store_relaxed(&stall->inside, 1);    /* relaxed: the epoch orders the rest */
	while (!pendi_load_relaxed(&stall->leave)) /* relaxed: as above */
		sched_yield();
	pend_epoch_exit();
}

static void run_stall(void *context, uint32_t member)
{
	struct stall *stall = context;
	struct bench_sample *sample = stall->sample;
	struct pend_map_stats stats = { .size = sizeof(stats) };
	uint64_t done, before;

	if (member == 1) {
		run_reader(stall);
		return;
	}
	while (!pendi_load_relaxed(&stall->inside)) /* relaxed: as in run_reader() */
		sched_yield();
	before = bench_preemptions();
	if (!stall->error) {
		sample->values[1] = pairs(stall, UINT64_MAX, &done);
		sample->values[2] = (double)done;
		sample->operations = done;
		sample->values[3] = refusals(stall);
		if (!pend_map_stats_read(stall->map, &stats))
			sample->values[5] = (double)(done * stats.slot_bytes) / 1048576.0;
	}
	sample->values[4] = come_back(stall);
	sample->preempted = bench_preemptions() - before;
}

static void run_free(void *context, uint32_t member)
{
	struct stall *stall = context;
	uint64_t done;

	(void)member;
	stall->sample->values[0] = pairs(stall, stall->setting->size, &done);
}

static int measure_stall(const struct bench_setting *setting, const struct bench_variant *variant,
			 struct bench_sample *sample)
{
	static struct stall stall; /* some kilobytes; one at a time */
	struct pend_map_options options = bench_map_options(setting);
	struct bench_map map;
	int error;

	(void)variant;
	options.flags |= PEND_MAP_POINTERS;
	error = bench_map_open(&map, BENCH_MAP_ALONE, NULL, &options);
	if (error)
		return error;
	stall = (struct stall){ .setting = setting, .sample = sample, .map = map.map };
	bench_team_run(setting->team, 1, run_free, &stall);
	if (!stall.error) {
		sample->pingpong_ns = bench_probe_play(setting);
		bench_team_run(setting->team, 2, run_stall, &stall);
	}
	error = bench_map_close(&map, sample);
	return stall.error && !error
		       ? bench_sample_wrong(sample, "unexpected answer %d", stall.error)
		       : error;
}

static uint32_t list_stall(const struct bench_setting *setting, struct bench_variant *variants)
{
	static const struct bench_variant pointers = {
		"pendmap-pointers", "slots wait for readers", NULL, false, 0, 0, { 0 }
	};
	uint32_t count = 0;

	(void)setting;
	bench_variant_add(variants, &count, &pointers);
	return count;
}

static const struct bench_metric stall_metrics[BENCH_METRICS_MAX] = {
	{ "free", "ns", BENCH_LESS_IS_BETTER }, { "stalled", "ns", BENCH_LESS_IS_BETTER },
	{ "pairs", "", BENCH_MORE_IS_BETTER },  { "refused", "ns", BENCH_LESS_IS_BETTER },
	{ "back", "us", BENCH_LESS_IS_BETTER }, { "held", "MiB", BENCH_LESS_IS_BETTER },
};

const struct bench_probe bench_probe_epoch_stall = { .metrics = stall_metrics,
						     .threads = 2,
						     .sizes = { 65536, 65536, 1024 },
						     .list = list_stall,
						     .measure = measure_stall };
