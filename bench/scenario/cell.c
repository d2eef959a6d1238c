/* SPDX-License-Identifier: MIT */
/*
 * cell.c - one cell on the tables of its size: repeat by repeat, row by row.
 *
 * Rows of one cell are measured in turn, so that repeat n of one stands beside repeat n of another.
 * Windows are the same for all of them, but for what is found out about each row first: how large a
 * sample of a micro cell is, and how long planted slowness takes.
 */
#include "bench/scenario/bed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/driver.h"
#include "bench/measure/instructions.h"
#include "bench/model/stats.h"
#include "bench/scenario/record.h"

#define PINGPONG_NS 2000000u
#define PLANT_WINDOWS 5u
#define TOLD_MAX 64u /* windows that the line about a cell is made of */
#define DEFAULT_ZIPF 0.99

static struct bench_window window_of(const struct bench_bed *bed, const struct bench_cell *cell)
{
	const struct bench_options *options = bed->run->options;
	const struct bench_scenario *scenario = cell->scenario;
	struct bench_window window = { .threads = cell->threads,
				       .warm_up_ns = options->warm_up_ns,
				       .window_ns = options->window_ns,
				       .pingpong_ns = options->profile == BENCH_SMOKE
							      ? PINGPONG_NS / 10
							      : PINGPONG_NS,
				       .counted = bed->run->counted };

	if (scenario->traits & BENCH_TRAIT_ROLES) {
		window.roles[BENCH_ROLE_PEND] = options->roles.pend;
		window.roles[BENCH_ROLE_LOOKUP] = options->roles.lookup;
		window.roles[BENCH_ROLE_WALK] = options->roles.walk;
	}
	if (options->keys_given) {
		window.draws.zipf = options->zipf;
		window.draws.hot_percent = options->hot_percent;
	} else if (scenario->traits & BENCH_TRAIT_DRAWN) {
		window.draws.zipf = DEFAULT_ZIPF;
	}
	if (scenario->traits & BENCH_TRAIT_MIX) {
		window.draws.update_percent = options->mix.update;
		window.draws.miss_percent = options->mix.miss;
	}
	return window;
}

static uint64_t chunk_operations(const struct bench_bed *bed, const struct bench_cell_row *row)
{
	return row->batch ? (uint64_t)BENCH_STEPS / 16 * bed->run->options->batch_width
			  : BENCH_STEPS;
}

static bool plants(enum bench_loop loop)
{
	return loop == BENCH_LOOP_PAIR || loop == BENCH_LOOP_PAIR_KEY ||
	       loop == BENCH_LOOP_PAIR_BATCH || loop == BENCH_LOOP_PAIR_KEY_BATCH ||
	       loop == BENCH_LOOP_STEADY || loop == BENCH_LOOP_STEADY_KEY ||
	       loop == BENCH_LOOP_STEADY_BATCH || loop == BENCH_LOOP_STEADY_KEY_BATCH;
}

/* The nanoseconds of a chunk: the least of some windows. */
static double chunk_ns(struct bench_bed *bed, struct bench_subject *subject,
		       const struct bench_cell_row *row, const struct bench_window *like)
{
	struct bench_window window = *like;
	struct bench_repeat repeat;
	double least = 0;

	window.chunks = window.planted = 0;
	window.pingpong_ns = 0;
	for (uint32_t i = 0; i < PLANT_WINDOWS; i++) {
		bench_measure(subject, bed->run->team, &window, &repeat);
		if (repeat.ns > 0 && (least <= 0 || repeat.ns < least))
			least = repeat.ns;
	}
	return least * (double)chunk_operations(bed, row);
}

static void name_cell(const struct bench_cell *cell, const struct bench_cell_row *row, char *text,
		      size_t size)
{
	char point[64];

	snprintf(text, size, "%s %s%s%s%s", cell->scenario->name,
		 bench_point_format(&cell->point, point, sizeof(point)), row ? " " : "",
		 row ? row->impl->name : "", row && row->batch ? " batch" : "");
}

/* What each row's windows are: planted slowness and the size of samples are found out first. */
static void prepare_rows(struct bench_bed *bed, const struct bench_cell *cell,
			 struct bench_window *windows)
{
	const struct bench_options *options = bed->run->options;
	const double budget_ns = (double)options->window_ns * cell->repeats;

	for (uint32_t i = 0; i < cell->row_count; i++) {
		const struct bench_cell_row *row = &cell->rows[i];
		struct bench_subject *subject = bench_bed_subject(bed, row->impl);
		bool planted;

		windows[i] = window_of(bed, cell);
		windows[i].loop = row->batch ? cell->scenario->batch : cell->scenario->scalar;
		planted = options->planted_percent && plants(windows[i].loop);
		if (!subject || (!planted && !cell->micro))
			continue;

		const double once_ns = chunk_ns(bed, subject, row, &windows[i]);

		if (planted)
			windows[i].planted = (uint64_t)(once_ns * bench_spins_per_ns() *
							(double)options->planted_percent / 100.0);
		if (cell->micro)
			windows[i].chunks = bench_plan_micro_chunks(once_ns, budget_ns);
	}
}

static void measure_rows(struct bench_bed *bed, const struct bench_cell *cell,
			 const struct bench_window *windows, uint32_t repeats)
{
	const double whole_s = bench_plan_cell_s(&bed->run->plan, cell);
	char what[128];

	for (uint32_t repeat = 0; repeat < repeats; repeat++) {
		for (uint32_t i = 0; i < cell->row_count; i++) {
			struct bench_subject *subject = bench_bed_subject(bed, cell->rows[i].impl);
			struct bench_window window = windows[i];

			window.chunks *= repeat + 1;
			name_cell(cell, &cell->rows[i], what, sizeof(what));
			if (subject)
				bench_measure(subject, bed->run->team, &window,
					      &bed->repeats[i * repeats + repeat]);
			bench_run_step(bed->run, whole_s, 1.0 / (repeats * cell->row_count), what);
		}
	}
}

static int record_rows(struct bench_bed *bed, const struct bench_cell *cell, uint32_t repeats)
{
	int error = 0;

	for (uint32_t i = 0; !error && i < cell->row_count; i++)
		if (bench_bed_subject(bed, cell->rows[i].impl))
			error = bench_record_repeats(bed->run, cell, &cell->rows[i],
						     &bed->repeats[i * repeats], repeats);
	if (error)
		bench_complain("%s: %s", cell->scenario->name, strerror(-error));
	return error ? BENCH_EXIT_ENVIRONMENT : 0;
}

/* A short line about a cell, for those who watch something that is no terminal. */
static void tell_cell(struct bench_bed *bed, const struct bench_cell *cell, const char *what,
		      uint32_t repeats)
{
	char text[512];
	int length = snprintf(text, sizeof(text), "%s, ns:", what);
	double ns[TOLD_MAX];

	for (uint32_t i = 0; i < cell->row_count && length < (int)sizeof(text); i++) {
		uint32_t count = 0;

		for (; count < repeats && count < TOLD_MAX; count++)
			ns[count] = bed->repeats[i * repeats + count].ns;
		if (bench_bed_subject(bed, cell->rows[i].impl))
			length += snprintf(text + length, sizeof(text) - (size_t)length,
					   " %s%s %.3g", cell->rows[i].impl->name,
					   cell->rows[i].batch ? "/batch" : "",
					   bench_stat_median(ns, count));
	}
	bench_progress_line(&bed->run->progress, text);
}

/* Instead of windows: what callgrind counts for one operation of each row. */
static int count_rows(struct bench_bed *bed, const struct bench_cell *cell,
		      const struct bench_window *windows)
{
	struct bench_repeat repeat;
	char what[128];
	int error = 0;

	for (uint32_t i = 0; !error && i < cell->row_count; i++) {
		struct bench_subject *subject = bench_bed_subject(bed, cell->rows[i].impl);
		double instructions;

		repeat = (struct bench_repeat){ 0 };
		name_cell(cell, &cell->rows[i], what, sizeof(what));
		bench_run_step(bed->run, bench_plan_cell_s(&bed->run->plan, cell),
			       1.0 / cell->row_count, what);
		if (!subject || subject->remote)
			continue;
		if (subject->impl->abilities & BENCH_BY_CLOCK) {
			error = bench_document_note(bed->run->document,
						    "%s: its instructions are not counted, they "
						    "would differ from run to run: it goes by the "
						    "clock",
						    subject->impl->name);
			continue;
		}
		error = bench_instructions_measure(subject, bed->run->team, &windows[i],
						   &instructions, &repeat.operations);
		if (!error)
			error = bench_record_instructions(bed->run, cell, &cell->rows[i],
							  instructions, repeat.operations);
	}
	if (error)
		bench_complain("%s: instructions cannot be counted: %s", cell->scenario->name,
			       strerror(-error));
	return error ? BENCH_EXIT_ENVIRONMENT : 0;
}

/* The accounts of all tables that the cell used. */
static int check_cell(struct bench_bed *bed, const struct bench_cell *cell, const char *what)
{
	for (uint32_t i = 0; i < bed->count; i++) {
		const struct bench_impl *impl = bed->subjects[i].impl;
		struct bench_account account;
		bool used = false;

		for (uint32_t row = 0; row < cell->row_count; row++)
			used |= cell->rows[row].impl == impl;
		if (!used || bed->lost[i])
			continue;
		if (bench_bed_check(&bed->subjects[i], what, &account))
			return BENCH_EXIT_WRONG;
		if (!bench_subject_lost(&bed->subjects[i]) &&
		    bench_record_account(bed->run, cell, impl, &account))
			return BENCH_EXIT_ENVIRONMENT;
	}
	bench_bed_part(bed);
	return 0;
}

int bench_bed_measure(struct bench_bed *bed, const struct bench_cell *cell)
{
	const uint32_t repeats = cell->micro ? BENCH_MICRO_SAMPLES : cell->repeats;
	const bool counting = bed->run->options->count_instructions;
	struct bench_window windows[BENCH_ROWS_MAX];
	char what[128];
	int status = 0;

	bed->repeats = calloc((size_t)cell->row_count * repeats, sizeof(*bed->repeats));
	if (!bed->repeats)
		return BENCH_EXIT_ENVIRONMENT;
	for (uint32_t i = 0; i < bed->count; i++)
		if (!bed->lost[i])
			bench_subject_split(&bed->subjects[i], cell->threads);
	prepare_rows(bed, cell, windows);
	if (counting)
		status = count_rows(bed, cell, windows);
	else
		measure_rows(bed, cell, windows, repeats);
	if (cell->scenario->traits & BENCH_TRAIT_ROLES)
		bed->stage = BENCH_STAGE_STEADY; /* keys of the fill are gone */
	name_cell(cell, NULL, what, sizeof(what));
	if (!status)
		status = check_cell(bed, cell, what);
	if (!status && !counting)
		status = record_rows(bed, cell, repeats);
	if (!status && !counting)
		tell_cell(bed, cell, what, repeats);
	free(bed->repeats);
	bed->repeats = NULL;
	return status;
}
