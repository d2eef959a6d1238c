/* SPDX-License-Identifier: MIT */
/*
 * record.h - what cells measured, into the document.
 */
#ifndef BENCH_SCENARIO_RECORD_H
#define BENCH_SCENARIO_RECORD_H

#include "bench/measure/account.h"
#include "bench/measure/measure.h"
#include "bench/scenario/run.h"

/* A metric beside the one that a scenario is judged by. */
struct bench_also {
	const char *metric;
	const char *unit;
	enum bench_better better;
};

/* The series of a row without metric: what all of its series have in common. */
struct bench_series bench_record_like(const struct bench_cell *cell,
				      const struct bench_cell_row *row);

/* The windows, or the samples in chunks, of one row. 0 or -ENOMEM, as the others. */
int bench_record_repeats(struct bench_run *run, const struct bench_cell *cell,
			 const struct bench_cell_row *row, const struct bench_repeat *repeats,
			 uint32_t count);

/* What callgrind counted for one operation of a row. */
int bench_record_instructions(struct bench_run *run, const struct bench_cell *cell,
			      const struct bench_cell_row *row, double instructions,
			      uint64_t operations);

/* One value of one more metric. */
int bench_record_also(struct bench_run *run, const struct bench_series *like,
		      const struct bench_also *also, double number, uint32_t repeat);

int bench_record_account(struct bench_run *run, const struct bench_cell *cell,
			 const struct bench_impl *impl, const struct bench_account *account);

/* Host, build and configuration: the document's facts. */
int bench_record_facts(struct bench_run *run);

#endif
