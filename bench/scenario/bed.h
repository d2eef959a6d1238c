/* SPDX-License-Identifier: MIT */
/*
 * bed.h - the tables of one size, all at once, and the cells that are measured on them.
 *
 *	bed.c   makes, fills and empties the tables
 *	cell.c  measures one cell on them
 */
#ifndef BENCH_SCENARIO_BED_H
#define BENCH_SCENARIO_BED_H

#include "bench/measure/account.h"
#include "bench/measure/measure.h"
#include "bench/measure/subject.h"
#include "bench/scenario/run.h"

struct bench_bed {
	struct bench_run *run;
	const struct bench_cell *cells;
	uint32_t cell_count;
	uint64_t size;
	uint64_t most; /* operations that a cell wants live before the table is full */
	uint32_t most_percent;
	uint32_t lane_count;
	uint32_t count;
	struct bench_subject subjects[BENCH_IMPLS_MAX];
	bool lost[BENCH_IMPLS_MAX];
	enum bench_stage stage;
	uint32_t percent;             /* that the tables are filled to; 0: they are empty */
	struct bench_repeat *repeats; /* of the rows of one cell, repeat by repeat */
};

/* The table of @impl, or NULL: there is none any more. */
struct bench_subject *bench_bed_subject(struct bench_bed *bed, const struct bench_impl *impl);

/* Leaves out subjects that are lost, with a note. */
void bench_bed_part(struct bench_bed *bed);

/* Takes every table to where @cell wants it. Returns what to exit with, as all that follow. */
int bench_bed_reach(struct bench_bed *bed, const struct bench_cell *cell);

/* Checks an account, of @where, and writes it to @account unless that is NULL. */
int bench_bed_check(struct bench_subject *subject, const char *where,
		    struct bench_account *account);

/* Measures a cell that the tables have been taken to, checks their accounts, and records it. */
int bench_bed_measure(struct bench_bed *bed, const struct bench_cell *cell);

#endif
