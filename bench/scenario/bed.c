/* SPDX-License-Identifier: MIT */
/*
 * bed.c - the tables of one size: they are made, filled, and emptied for the cells that come.
 *
 * Every implementation gets one table, and all of them exist at once, so that they can be measured
 * in turn: repeat by repeat, row by row. A table goes from empty to filled to full; where a cell
 * wants less than there is, it is emptied and filled again. The account of a table is checked after
 * every cell, and once more when it is empty: then nothing may be live. The first wrong account
 * ends the run. A remote peer that is lost is left out from then on, and a note says why.
 */
#include "bench/scenario/bed.h"

#include <errno.h>
#include <string.h>

#include "bench/command/parse.h"
#include "bench/measure/account.h"
#include "bench/measure/subject.h"

#define MEMORY_MAX (18ull << 30)
#define MEMORY_SPARE (1ull << 30) /* left to everybody else */

struct bench_subject *bench_bed_subject(struct bench_bed *bed, const struct bench_impl *impl)
{
	for (uint32_t i = 0; i < bed->count; i++)
		if (bed->subjects[i].impl == impl && !bed->lost[i])
			return &bed->subjects[i];
	return NULL;
}

/* Leaves out subjects that are lost. */
void bench_bed_part(struct bench_bed *bed)
{
	for (uint32_t i = 0; i < bed->count; i++) {
		const char *why = bench_subject_lost(&bed->subjects[i]);

		if (!why || bed->lost[i])
			continue;
		bed->lost[i] = true;
		(void)bench_document_note(bed->run->document, "%s is left out: %s",
					  bed->subjects[i].impl->name, why);
	}
}

/* ---- making tables ---- */

static struct bench_shape shape_of(const struct bench_bed *bed)
{
	const struct bench_options *options = bed->run->options;

	return (struct bench_shape){ .max_entries = bed->size,
				     .key_size = options->key_size,
				     .value_size = options->value_size,
				     .threads = bed->lane_count,
				     .seed = options->seed,
				     .caller_clock = options->caller_clock };
}

static bool has_rows(const struct bench_bed *bed, const struct bench_impl *impl)
{
	for (uint32_t i = 0; i < bed->cell_count; i++)
		for (uint32_t row = 0; row < bed->cells[i].row_count; row++)
			if (bed->cells[i].rows[row].impl == impl)
				return true;
	return false;
}

static uint64_t memory_room(void)
{
	const uint64_t available = bench_host_available();

	if (available && available < MEMORY_MAX + MEMORY_SPARE)
		return available > MEMORY_SPARE ? available - MEMORY_SPARE : 0;
	return MEMORY_MAX;
}

static int make_table(struct bench_bed *bed, const struct bench_impl *impl)
{
	const struct bench_shape shape = shape_of(bed);
	const int error = bench_subject_create(impl, &shape, bed->most, bed->run->options,
					       &bed->subjects[bed->count]);

	if (error) {
		bench_complain("%s: no table of %llu entries: %s", impl->name,
			       (unsigned long long)bed->size, strerror(-error));
		return BENCH_EXIT_ENVIRONMENT;
	}
	bed->count++;
	return 0;
}

static int make_tables(struct bench_bed *bed)
{
	const struct bench_options *options = bed->run->options;
	const struct bench_shape shape = shape_of(bed);
	uint64_t room = memory_room();
	char size[32];
	int status = 0;

	for (uint32_t i = 0; !status && i < options->impl_count; i++) {
		const struct bench_impl *impl = options->impls[i];
		const uint64_t bytes = bench_subject_bytes(impl, &shape);

		if (!has_rows(bed, impl))
			continue;
		if (bytes > room) {
			(void)bench_document_note(
				bed->run->document,
				"%s at %s is left out: its table needs %.1f GiB, %.1f GiB are left",
				impl->name, bench_format_size(bed->size, size, sizeof(size)),
				(double)bytes / 1073741824.0, (double)room / 1073741824.0);
			continue;
		}
		room -= bytes;
		status = make_table(bed, impl);
	}
	bench_bed_part(bed);
	return status;
}

/* ---- filling and emptying ---- */

int bench_bed_check(struct bench_subject *subject, const char *where, struct bench_account *account)
{
	struct bench_account ignored;

	return bench_account_check(subject, where, stderr, account ? account : &ignored)
		       ? 0
		       : BENCH_EXIT_WRONG;
}

/* Completes what is live and checks that nothing is left. */
static int drain(struct bench_bed *bed)
{
	int status = 0;

	for (uint32_t i = 0; !status && i < bed->count; i++) {
		struct bench_subject *subject = &bed->subjects[i];

		if (bed->lost[i])
			continue;
		bench_run_step(bed->run, 0, 0, "drain");
		if (!bed->percent)
			subject->ring_size = 0; /* was never filled */
		bench_subject_drain(subject, bed->run->team);
		status = bench_bed_check(subject, "drain", NULL);
		if (!status && !bench_subject_lost(subject) &&
		    subject->impl->live(subject->table) != 0) {
			bench_complain("wrong: %s: operations are live after the last completed",
				       subject->impl->name);
			status = BENCH_EXIT_WRONG;
		}
	}
	bench_bed_part(bed);
	bed->stage = BENCH_STAGE_EMPTY;
	bed->percent = 0;
	return status;
}

/* Whether any cell wants the table of @impl at @percent; or full, for which it is filled first. */
static bool is_wanted(const struct bench_bed *bed, const struct bench_impl *impl, uint32_t percent,
		      bool full)
{
	for (uint32_t i = 0; i < bed->cell_count; i++) {
		const struct bench_cell *cell = &bed->cells[i];
		const bool fits = cell->scenario->stage == BENCH_STAGE_FULL
					  ? full || percent == bed->most_percent
					  : !full && cell->percent == percent;

		for (uint32_t row = 0; fits && row < cell->row_count; row++)
			if (cell->rows[row].impl == impl)
				return true;
	}
	return false;
}

static int fill(struct bench_bed *bed, uint32_t percent)
{
	const struct bench_run *run = bed->run;
	const uint64_t live = bench_plan_live(&run->plan, bed->size, percent, bed->lane_count);
	int status = 0;

	for (uint32_t i = 0; !status && i < bed->count; i++) {
		struct bench_subject *subject = &bed->subjects[i];

		if (bed->lost[i])
			continue;
		subject->ring_size = is_wanted(bed, subject->impl, percent, false) ? live : 0;
		if (!subject->ring_size)
			continue;
		bench_run_step(bed->run, 0, 0, "fill");
		bench_subject_fill(subject, run->team, run->options->in_order);
		status = bench_bed_check(subject, "fill", NULL);
	}
	bench_bed_part(bed);
	bed->stage = BENCH_STAGE_LOOKUP;
	bed->percent = percent;
	return status;
}

static int top_up(struct bench_bed *bed)
{
	int status = 0;

	for (uint32_t i = 0; !status && i < bed->count; i++) {
		if (bed->lost[i] || !is_wanted(bed, bed->subjects[i].impl, 0, true))
			continue;
		bench_run_step(bed->run, 0, 0, "top up");
		bench_subject_top_up(&bed->subjects[i], bed->run->team);
		status = bench_bed_check(&bed->subjects[i], "top up", NULL);
	}
	bench_bed_part(bed);
	bed->stage = BENCH_STAGE_FULL;
	return status;
}

/* Takes every table to where @cell wants it. */
int bench_bed_reach(struct bench_bed *bed, const struct bench_cell *cell)
{
	const enum bench_stage wanted = cell->scenario->stage;
	const uint32_t percent = wanted == BENCH_STAGE_EMPTY  ? 0
				 : wanted == BENCH_STAGE_FULL ? bed->most_percent
							      : cell->percent;
	int status = 0;

	if (bed->stage == BENCH_STAGE_FULL && wanted == BENCH_STAGE_FULL)
		return 0;
	if (bed->percent && (bed->percent != percent || bed->stage > wanted))
		status = drain(bed);
	if (!status && percent && !bed->percent)
		status = fill(bed, percent);
	if (!status && wanted == BENCH_STAGE_FULL)
		status = top_up(bed);
	if (!status && bed->stage == BENCH_STAGE_LOOKUP && wanted == BENCH_STAGE_STEADY)
		bed->stage = BENCH_STAGE_STEADY;
	return status;
}

/* How full the fullest cell wants the tables, before they are full. */
static void find_most(struct bench_bed *bed)
{
	for (uint32_t i = 0; i < bed->cell_count; i++)
		if (bed->cells[i].percent > bed->most_percent)
			bed->most_percent = bed->cells[i].percent;
	bed->most = bench_plan_live(&bed->run->plan, bed->size, bed->most_percent, bed->lane_count);
}

int bench_run_bed(struct bench_run *run, const struct bench_cell *cells, uint32_t count)
{
	static struct bench_bed bed; /* some kilobytes; one at a time */
	int status;

	bed = (struct bench_bed){ .run = run,
				  .cells = cells,
				  .cell_count = count,
				  .size = cells[0].size,
				  .lane_count = bench_plan_threads(&run->plan, cells[0].size) };
	find_most(&bed);
	status = make_tables(&bed);
	for (uint32_t i = 0; !status && bed.count && i < count; i++) {
		status = bench_bed_reach(&bed, &cells[i]);
		if (!status)
			status = bench_bed_measure(&bed, &cells[i]);
	}
	if (!status)
		status = drain(&bed);
	for (uint32_t i = 0; i < bed.count; i++)
		bench_subject_destroy(&bed.subjects[i]);
	return status;
}
