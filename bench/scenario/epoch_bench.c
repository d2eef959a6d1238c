/* SPDX-License-Identifier: MIT */
/*
 * epoch_bench.c - reader sections and reclamation by themselves, beside their peers.
 *
 * enter: what it costs to open and close a section.
 *
 * reclaim: one thread retires objects as fast as it can, and takes what was reclaimed to retire it
 * again: `ns` is its time for an object, from retiring it to having it back, while another thread
 * opens and closes sections; `alone` the same without readers. There are 16 Ki objects of one cache
 * line: `held` says how many of them waited at most. Functions that a peer runs on a thread of its
 * own are not counted, which its summary says. All that was retired has been reclaimed in the end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/measure.h"
#include "bench/peers/epoch_peer.h"
#include "bench/scenario/portable.h"
#include "bench/scenario/probe.h"

#define OBJECTS 16384u
#define KIND_PORTABLE 64u
#define KIND_OTHER 128u /* the other of a peer's ways to reclaim */

enum { METRIC_NS, METRIC_ALONE, METRIC_HELD };

static const struct bench_impl *impl_of(const struct bench_epoch_peer *peer)
{
	const struct bench_impl *impl;

	for (uint32_t i = 0; peer->impl && (impl = bench_impl_at(i)) != NULL; i++)
		if (strcmp(impl->name, peer->impl) == 0)
			return impl;
	return NULL;
}

static void add(struct bench_variant *variants, uint32_t *count, const char *name,
		const char *summary, const struct bench_epoch_peer *peer, uint32_t kind)
{
	struct bench_variant variant = { .summary = summary, .kind = kind };

	if (peer) {
		variant.impl = impl_of(peer);
		variant.peer = peer != &bench_epoch_pendmap;
	}
	snprintf(variant.name, sizeof(variant.name), "%s", name);
	bench_variant_add(variants, count, &variant);
}

/* ---- enter ---- */

struct section {
	const struct bench_setting *setting;
	const struct bench_epoch_peer *peer;
	uint64_t operations;
	uint64_t preempted;
	double ns;
};

static void run_section(void *context, uint32_t member)
{
	struct section *section = context;
	const uint64_t before = bench_preemptions();

	(void)member;
	section->ns = section->peer->read_ns(section->setting->window_ns, &section->operations);
	section->preempted = bench_preemptions() - before;
}

static int measure_enter(const struct bench_setting *setting, const struct bench_variant *variant,
			 struct bench_sample *sample)
{
	struct section section = { .setting = setting, .ns = -1 };

	if (variant->kind == KIND_PORTABLE) {
		section.ns = bench_portable_read_ns(setting->window_ns, setting->host->cpus[0],
						    &section.operations);
	} else {
		section.peer = bench_epoch_peer_at(variant->kind);
		bench_team_run(setting->team, 1, run_section, &section);
	}
	if (section.ns < 0)
		return bench_sample_skip(sample, variant->kind == KIND_PORTABLE
							 ? "system calls cannot be filtered here"
							 : "the thread cannot be registered");
	sample->values[METRIC_NS] = section.ns;
	sample->operations = section.operations;
	sample->preempted = section.preempted;
	return 0;
}

static uint32_t list_enter(const struct bench_setting *setting, struct bench_variant *variants)
{
	const struct bench_epoch_peer *peer;
	uint32_t count = 0;

	(void)setting;
	for (uint32_t i = 0; (peer = bench_epoch_peer_at(i)) != NULL; i++) {
		add(variants, &count, peer->name, peer->summary, peer, i);
		if (i == 0)
			add(variants, &count, "pendmap, no membarrier",
			    "a store-load fence in each section", NULL, KIND_PORTABLE);
	}
	return count;
}

/* ---- reclaim ---- */

struct reclaim {
	const struct bench_epoch_peer *peer;
	void (*retire)(struct bench_epoch_work *work);
	struct bench_epoch_work work;
	uint64_t preempted;
	_Alignas(128) _Atomic uint32_t over;
};

static void run_reclaim(void *context, uint32_t member)
{
	struct reclaim *reclaim = context;

	if (member == 1) {
		reclaim->peer->read_until(&reclaim->over);
		return;
	}

	const uint64_t before = bench_preemptions();

	reclaim->retire(&reclaim->work);
	reclaim->preempted = bench_preemptions() - before;
	pendi_store_relaxed(&reclaim->over, 1); /* relaxed: a wish */
}

/* Retires for one window beside @readers. Nanoseconds for one object, or negative. */
static double retire_for(const struct bench_setting *setting, struct reclaim *reclaim,
			 struct bench_epoch_object *objects, uint32_t readers,
			 struct bench_sample *sample)
{
	struct bench_epoch_work *work = &reclaim->work;

	*work = (struct bench_epoch_work){ .window_ns = setting->window_ns / 2, .count = OBJECTS };
	for (uint32_t i = 0; i < OBJECTS; i++) {
		objects[i].work = work;
		bench_epoch_give(&objects[i]);
	}
	pendi_store_relaxed(&reclaim->over, 0); /* relaxed: the team starts after this */
	bench_team_run(setting->team, 1 + readers, run_reclaim, reclaim);
	sample->account.pends += work->retired;
	sample->account.completions += work->retired - (work->count - work->free_count);
	sample->preempted += reclaim->preempted;
	sample->operations += work->retired;
	if (sample->values[METRIC_HELD] < (double)work->held_most)
		sample->values[METRIC_HELD] = (double)work->held_most;
	return work->retired ? (double)work->elapsed_ns / (double)work->retired : -1;
}

static int measure_reclaim(const struct bench_setting *setting, const struct bench_variant *variant,
			   struct bench_sample *sample)
{
	static struct reclaim reclaim; /* one at a time */
	struct bench_epoch_object *objects =
		aligned_alloc(_Alignof(struct bench_epoch_object), OBJECTS * sizeof(*objects));

	if (!objects)
		return -ENOMEM;
	memset(objects, 0, OBJECTS * sizeof(*objects));
	reclaim.peer = bench_epoch_peer_at(variant->kind % KIND_PORTABLE);
	reclaim.retire = variant->kind & KIND_OTHER ? reclaim.peer->reclaim_other
						    : reclaim.peer->reclaim;
	sample->values[METRIC_ALONE] = retire_for(setting, &reclaim, objects, 0, sample);
	if (!reclaim.work.error) {
		sample->pingpong_ns = bench_probe_play(setting);
		sample->values[METRIC_NS] = retire_for(setting, &reclaim, objects, 1, sample);
	}
	free(objects);
	if (reclaim.work.error)
		return bench_sample_wrong(sample, "retiring ended with %d", reclaim.work.error);
	return 0;
}

static uint32_t list_reclaim(const struct bench_setting *setting, struct bench_variant *variants)
{
	const struct bench_epoch_peer *peer;
	uint32_t count = 0;

	(void)setting;
	for (uint32_t i = 0; (peer = bench_epoch_peer_at(i)) != NULL; i++) {
		add(variants, &count, peer->name, peer->reclaim_summary, peer, i);
		if (peer->reclaim_other)
			add(variants, &count, peer->reclaim_other_name, peer->reclaim_other_summary,
			    peer, i | KIND_OTHER);
	}
	return count;
}

static const struct bench_metric enter_metrics[BENCH_METRICS_MAX] = {
	{ "ns", "ns", BENCH_LESS_IS_BETTER },
};
static const struct bench_metric reclaim_metrics[BENCH_METRICS_MAX] = {
	[METRIC_NS] = { "ns", "ns", BENCH_LESS_IS_BETTER },
	[METRIC_ALONE] = { "alone", "ns", BENCH_LESS_IS_BETTER },
	[METRIC_HELD] = { "held", "", BENCH_LESS_IS_BETTER },
};

const struct bench_probe bench_probe_epoch_enter = {
	.metrics = enter_metrics, .threads = 1, .list = list_enter, .measure = measure_enter
};

const struct bench_probe bench_probe_epoch_reclaim = {
	.metrics = reclaim_metrics, .threads = 2, .list = list_reclaim, .measure = measure_reclaim
};
