/* SPDX-License-Identifier: MIT */
/*
 * bench_table.h - a table of a probe, of any implementation, and its account at the end.
 */
#ifndef BENCH_SCENARIO_BENCH_TABLE_H
#define BENCH_SCENARIO_BENCH_TABLE_H

#include "bench/measure/subject.h"
#include "bench/scenario/probe.h"

/* An empty table of the variant's implementation, for @threads lanes and @live operations. 0 or an
 * error. */
int bench_table_open(const struct bench_setting *setting, const struct bench_variant *variant,
		     uint32_t threads, uint64_t live, struct bench_subject *subject);

/*
 * Checks the account (bench_account_check()) and writes it, completes what is live, checks that
 * nothing is left, destroys the table. 0 or -EBADMSG.
 */
int bench_table_close(const struct bench_setting *setting, struct bench_subject *subject,
		      struct bench_sample *sample);

/* Appends a variant for each implementation that the run has and that is driven in this process. */
uint32_t bench_table_list(const struct bench_setting *setting, struct bench_variant *variants);

#endif
