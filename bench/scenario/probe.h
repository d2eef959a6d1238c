/* SPDX-License-Identifier: MIT */
/*
 * probe.h - scenarios that are more than a loop over one table.
 *
 * A probe lists its variants; each variant is measured once in every repeat, in turn, so that
 * repeat n of one stands beside repeat n of another. A measurement makes what it needs, measures,
 * checks that every operation it pended ended or is live, and takes all of it down again.
 */
#ifndef BENCH_SCENARIO_PROBE_H
#define BENCH_SCENARIO_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/command/options.h"
#include "bench/measure/host.h"
#include "bench/measure/team.h"
#include "bench/model/document.h"

#define BENCH_METRICS_MAX 10u
#define BENCH_VARIANTS_MAX 256u

struct bench_setting {
	const struct bench_options *options;
	const struct bench_host *host;
	struct bench_team *team;
	const struct bench_scenario *scenario;
	uint64_t size;
	uint64_t window_ns;

	/* For what is more than metrics: bench_probe_timeline(), bench_probe_spectrum(). */
	struct bench_document *document;
	uint32_t process;
	uint32_t repeat; /* of the process */
};

struct bench_variant {
	char name[32];
	const char *summary;
	const struct bench_impl *impl; /* NULL: pendmap, by its own calls */
	bool peer;                     /* does the same work, and is compared with */
	uint32_t kind;                 /* the probe's */
	uint64_t amount;               /* the probe's */
	struct bench_point point;      /* the axes that it has besides the size */
};

/* What became of one variant in one repeat. */
struct bench_sample {
	double values[BENCH_METRICS_MAX]; /* negative: there is no such figure */
	uint64_t operations;
	uint64_t preempted;
	double pingpong_ns; /* 0: not measured */
	struct {
		uint64_t pends;
		uint64_t completions;
		uint64_t live;
	} account;
	char why[160]; /* what is wrong, or why there is nothing */
};

/* Those of a probe are BENCH_METRICS_MAX; the first without a name ends them. */
struct bench_metric {
	const char *name; /* of the column, at most 11 characters; and of the series */
	const char *unit; /* "ns", "MiB", ...; "" for numbers */
	enum bench_better better;
};

struct bench_probe {
	/* The first is what variants are compared by. None: the probe has only timelines or
	 * spectra. */
	const struct bench_metric *metrics;
	uint32_t threads;      /* of the team, at the least */
	uint32_t threads_more; /* ... if there are CPUs, and as many as --threads says; 0: none */
	uint64_t sizes[3];     /* unless sizes are asked for; by enum bench_profile; 0: none */

	/* Writes the variants that @setting asks for. Returns how many. */
	uint32_t (*list)(const struct bench_setting *setting, struct bench_variant *variants);

	/*
	 * 0; -EOPNOTSUPP: cannot be measured here, or should not be quoted, for the reason in
	 * sample->why; -EBADMSG: the accounting is wrong, as it says; another error: no memory, no
	 * threads.
	 */
	int (*measure)(const struct bench_setting *setting, const struct bench_variant *variant,
		       struct bench_sample *sample);
};

/* How many metrics it has. */
uint32_t bench_probe_metrics(const struct bench_probe *probe);

/* Appends a variant. @name is printed. */
void bench_variant_add(struct bench_variant *variants, uint32_t *count,
		       const struct bench_variant *variant);

/* Notes in sample->why what is wrong with the accounting. Returns -EBADMSG. */
int bench_sample_wrong(struct bench_sample *sample, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Notes why there is no figure. Returns -EOPNOTSUPP. */
int bench_sample_skip(struct bench_sample *sample, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Adds an empty timeline of @variant, with the columns, events and step of @like, to the document;
 * one for each process, so a probe adds it in the first repeat only. NULL: no memory.
 */
struct bench_timeline *bench_probe_timeline(const struct bench_setting *setting,
					    const struct bench_variant *variant,
					    const struct bench_timeline *like);

/* Adds @count bars to the spectrum of @variant of that kind. 0 or -ENOMEM. */
int bench_probe_spectrum(const struct bench_setting *setting, const struct bench_variant *variant,
			 const char *kind, uint64_t most, const struct bench_bar *bars,
			 uint32_t count);

/* A ping-pong between the team's first two, unless this is a smoke run. */
double bench_probe_play(const struct bench_setting *setting);

extern const struct bench_probe bench_probe_origin;
extern const struct bench_probe bench_probe_origin_batch;
extern const struct bench_probe bench_probe_frame;
extern const struct bench_probe bench_probe_adopt;
extern const struct bench_probe bench_probe_storm;
extern const struct bench_probe bench_probe_return;
extern const struct bench_probe bench_probe_fill;
extern const struct bench_probe bench_probe_refuse;
extern const struct bench_probe bench_probe_recover;
extern const struct bench_probe bench_probe_precision;
extern const struct bench_probe bench_probe_churn;
extern const struct bench_probe bench_probe_drain_sync;
extern const struct bench_probe bench_probe_drain_async;
extern const struct bench_probe bench_probe_queue_handover;
extern const struct bench_probe bench_probe_queue_batch;
extern const struct bench_probe bench_probe_epoch_enter;
extern const struct bench_probe bench_probe_epoch_reclaim;
extern const struct bench_probe bench_probe_epoch_stall;
extern const struct bench_probe bench_probe_alloc_create;
extern const struct bench_probe bench_probe_alloc_fill;
extern const struct bench_probe bench_probe_alloc_pair;
extern const struct bench_probe bench_probe_chain;
extern const struct bench_probe bench_probe_read_only;
extern const struct bench_probe bench_probe_reauthorize;
extern const struct bench_probe bench_probe_pend;
extern const struct bench_probe bench_probe_rate;
extern const struct bench_probe bench_probe_latency;
extern const struct bench_probe bench_probe_unplug_timeline;
extern const struct bench_probe bench_probe_epoch_timeline;
extern const struct bench_probe bench_probe_exhaust_timeline;
extern const struct bench_probe bench_probe_memory;

#endif
