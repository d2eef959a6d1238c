/* SPDX-License-Identifier: MIT */
/*
 * epoch_bench.c - reader sections: what one costs (epoch/enter), and what a reader that stays in
 * one does to a map that hands out pointers (epoch/stall).
 *
 * stall: home pends and completes in a map with PEND_MAP_POINTERS while another thread sits in a
 * section. Slots that are completed then wait for it, so a map gets through `pairs` operations (its
 * free slots and its reserve) and refuses from then on; `back` is from the reader's exit to the
 * first pend that is accepted again; `held` is the memory of all slots that waited.
 */
#include <errno.h>
#include <sched.h>

#include "bench/scenario/bench_map.h"
#include "bench/measure/clock.h"
#include "bench/measure/measure.h"
#include "bench/scenario/portable.h"
#include "platform/atomic.h"

#if BENCH_HAVE_URCU
#include "bench/peers/urcu_read.h"
#endif

#define REFUSALS 10000u
#define PATIENCE_NS 10000000000u

enum { KIND_NATIVE, KIND_PORTABLE, KIND_MEMB, KIND_QSBR };

/* ---- enter ---- */

struct section {
	const struct bench_setting *setting;
	uint32_t kind;
	uint64_t operations;
	uint64_t preempted;
	double ns;
};

static void run_section(void *context, uint32_t member)
{
	struct section *section = context;
	const uint64_t window_ns = section->setting->window_ns, before = bench_preemptions();

	(void)member;
	if (section->kind == KIND_NATIVE)
		section->ns = bench_epoch_read_ns(window_ns, &section->operations);
#if BENCH_HAVE_URCU
	else if (section->kind == KIND_MEMB)
		section->ns = bench_urcu_memb_read_ns(window_ns, &section->operations);
	else if (section->kind == KIND_QSBR)
		section->ns = bench_urcu_qsbr_read_ns(window_ns, &section->operations);
#endif
	section->preempted = bench_preemptions() - before;
}

static int measure_enter(const struct bench_setting *setting, const struct bench_variant *variant,
			 struct bench_sample *sample)
{
	struct section section = { .setting = setting, .kind = variant->kind, .ns = -1 };

	if (variant->kind == KIND_PORTABLE)
		section.ns = bench_portable_read_ns(setting->window_ns, setting->host->cpus[0],
						    &section.operations);
	else
		bench_team_run(setting->team, 1, run_section, &section);
	if (section.ns < 0)
		return bench_sample_skip(sample, "system calls cannot be filtered here");
	sample->values[0] = section.ns;
	sample->operations = section.operations;
	sample->preempted = section.preempted;
	return 0;
}

static uint32_t list_enter(const struct bench_setting *setting, struct bench_variant *variants)
{
	static const struct bench_variant all[] = {
		{ "pendmap", "as the library was built", NULL, false, KIND_NATIVE, 0 },
		{ "pendmap, no membarrier", "a store-load fence in each section", NULL, false,
		  KIND_PORTABLE, 0 },
#if BENCH_HAVE_URCU
		{ "urcu-memb", "liburcu, inlined", &bench_impl_urcu_memb, true, KIND_MEMB, 0 },
		{ "urcu-qsbr", "liburcu, inlined, quiescent after 64", &bench_impl_urcu_qsbr, true,
		  KIND_QSBR, 0 },
#endif
	};
	uint32_t count = 0;

	(void)setting;
	for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		bench_variant_add(variants, &count, &all[i]);
	return count;
}

/* ---- stall ---- */

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
		"pendmap-pointers", "slots wait for readers", NULL, false, 0, 0
	};
	uint32_t count = 0;

	(void)setting;
	bench_variant_add(variants, &count, &pointers);
	return count;
}

static const struct bench_metric enter_metrics[] = { { "ns", "" }, { NULL, NULL } };
static const struct bench_metric stall_metrics[] = { { "free", "ns" }, { "stalled", "ns" },
						     { "pairs", "" },  { "refused", "ns" },
						     { "back", "us" }, { "held", "MiB" } };

const struct bench_probe bench_probe_epoch_enter = {
	.metrics = enter_metrics, .threads = 1, .list = list_enter, .measure = measure_enter
};

const struct bench_probe bench_probe_epoch_stall = { .metrics = stall_metrics,
						     .threads = 2,
						     .sizes = { 65536, 65536, 1024 },
						     .list = list_stall,
						     .measure = measure_stall };
