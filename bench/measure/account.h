/* SPDX-License-Identifier: MIT */
/*
 * account.h - whether what was counted adds up.
 */
#ifndef BENCH_MEASURE_ACCOUNT_H
#define BENCH_MEASURE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/measure/subject.h"

/* The sums of one subject at a quiet moment, for the report. */
struct bench_account {
	struct bench_counts counts;
	int64_t live; /* by the table's own account */
};

/*
 * Checks, while no lane runs, that no lane failed; that attempted = inserted + refused +
 * duplicate + delayed; that inserted = completed + live, with live as the table says; and what
 * the table's own counters say. Writes @account. Returns whether all holds; if not, says on
 * @messages what does not, of @where.
 */
bool bench_account_check(const struct bench_subject *subject, const char *where, FILE *messages,
			 struct bench_account *account);

#endif
