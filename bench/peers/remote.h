/* SPDX-License-Identifier: MIT */
/*
 * remote.h - a peer that is an executable of its own, seen from pendbench.
 *
 * For a bench_impl with `remote` set, subject.c and measure.c call these instead of working
 * themselves. The lanes of such a subject are copies: after each call they have the counts and the
 * errors of the peer's own, so that the account is checked as that of any other subject.
 *
 * A peer that dies, does not answer in time, or answers what makes no sense is killed; from then on
 * nothing happens, and bench_subject_lost() says why. All calls: the main thread.
 */
#ifndef BENCH_PEERS_REMOTE_H
#define BENCH_PEERS_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/measure/measure.h"
#include "bench/measure/subject.h"

struct bench_remote;

/* Whether the executable of @impl stands beside this one. */
bool bench_remote_present(const struct bench_impl *impl);

/*
 * Starts the executable and has it make its table. Returns 0, also if that failed: then the
 * subject is lost; or -ENOMEM.
 */
int bench_remote_create(struct bench_subject *subject, uint64_t live,
			const struct bench_options *options);
void bench_remote_destroy(struct bench_remote *remote);

void bench_remote_split(struct bench_subject *subject, uint32_t threads);
void bench_remote_fill(struct bench_subject *subject, struct bench_team *team, bool in_order);
void bench_remote_top_up(struct bench_subject *subject, struct bench_team *team);
void bench_remote_drain(struct bench_subject *subject, struct bench_team *team);

void bench_remote_measure(struct bench_subject *subject, struct bench_team *team,
			  const struct bench_window *window, struct bench_repeat *repeat);

/* For bench_impl: the table is the struct bench_remote. */
int64_t bench_remote_live(void *table);
int bench_remote_audit(void *table, const struct bench_counts *counts, char *why, size_t why_size);

/* Why the peer cannot go on, or NULL. */
const char *bench_remote_lost(const struct bench_remote *remote);

#endif
