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

#include "bench/measure/host.h"
#include "bench/command/options.h"
#include "bench/results/results.h"
#include "bench/measure/team.h"

#define BENCH_METRICS_MAX 6u
#define BENCH_VARIANTS_MAX 32u

struct bench_setting {
	const struct bench_options *options;
	const struct bench_host *host;
	struct bench_team *team;
	uint64_t size;
	uint64_t window_ns;
};

struct bench_variant {
	char name[32];
	const char *summary;
	const struct bench_impl *impl; /* NULL: pendmap, by its own calls */
	bool peer;                     /* does the same work, and is compared with */
	uint32_t kind;                 /* the probe's */
	uint64_t amount;               /* the probe's */
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

/* Of BENCH_METRICS_MAX at most; the list ends with a NULL name. */
struct bench_metric {
	const char *name; /* of the column, at most 11 characters; and of the member of the JSON */
	const char *unit;
};

struct bench_probe {
	/* The first is what variants are compared by: less is better. */
	const struct bench_metric *metrics;
	uint32_t threads;       /* of the team */
	uint64_t sizes[3];      /* unless sizes are asked for; by enum bench_profile; 0: none */
	uint32_t repeats_quick; /* at most so many in a quick run; 0: as asked */

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

struct bench_probe_row {
	struct bench_variant variant;
	struct bench_sample *samples;
	char skipped[160]; /* why it has no figure in any repeat, or "" */
};

/* The rows of one probe at one size. */
struct bench_probe_cell {
	const struct bench_scenario *scenario;
	uint64_t size;
	uint32_t repeat_count;
	uint32_t row_count;
	bool done;
	struct bench_probe_row *rows;
};

struct bench_run;

/* Measures the probes that the run includes. Returns what to exit with. */
int bench_run_probes(struct bench_run *run);

/* How many measurements that will be, for the progress. */
uint64_t bench_probe_count(const struct bench_run *run);

/* How many threads of the team the picked probes want. */
uint32_t bench_probe_threads(const struct bench_options *options);

void bench_probe_free(struct bench_probe_cell *cell);

uint32_t bench_probe_metrics(const struct bench_probe *probe);

/* Median, lowest and highest over repeats; negative: none. */
struct bench_figure bench_probe_figure(const struct bench_probe_cell *cell,
				       const struct bench_probe_row *row, uint32_t metric);

/* How many times as fast as @other: repeat by repeat, by the first metric. */
struct bench_figure bench_probe_ratio(const struct bench_probe_cell *cell,
				      const struct bench_probe_row *row,
				      const struct bench_probe_row *other);

/* The peer with the best first metric, or NULL. */
const struct bench_probe_row *bench_probe_best_peer(const struct bench_probe_cell *cell);

uint32_t bench_probe_clean(const struct bench_probe_cell *cell, const struct bench_probe_row *row);
double bench_probe_pingpong(const struct bench_probe_cell *cell, const struct bench_probe_row *row);

/* Appends a variant. @name is printed. */
void bench_variant_add(struct bench_variant *variants, uint32_t *count,
		       const struct bench_variant *variant);

/* Notes in sample->why what is wrong with the accounting. Returns -EBADMSG. */
int bench_sample_wrong(struct bench_sample *sample, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Notes why there is no figure. Returns -EOPNOTSUPP. */
int bench_sample_skip(struct bench_sample *sample, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

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
extern const struct bench_probe bench_probe_epoch_enter;
extern const struct bench_probe bench_probe_epoch_stall;
extern const struct bench_probe bench_probe_alloc_create;
extern const struct bench_probe bench_probe_alloc_fill;
extern const struct bench_probe bench_probe_alloc_pair;
extern const struct bench_probe bench_probe_chain;
extern const struct bench_probe bench_probe_read_only;
extern const struct bench_probe bench_probe_reauthorize;
extern const struct bench_probe bench_probe_pend;
extern const struct bench_probe bench_probe_rate;

#endif
