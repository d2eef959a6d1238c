/* SPDX-License-Identifier: MIT */
/*
 * record.c - what cells measured, into the document.
 *
 * A row is written when its cell is done and its account is right, so the document never holds a
 * figure whose accounting failed.
 */
#include "bench/scenario/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/model/stats.h"

static void copy(char *text, size_t size, const char *from)
{
	snprintf(text, size, "%s", from);
}

struct bench_series bench_record_like(const struct bench_cell *cell,
				      const struct bench_cell_row *row)
{
	const struct bench_scenario *scenario = cell->scenario;
	struct bench_series like = { .point = cell->point,
				     .peer = (row->impl->abilities & BENCH_PEER) != 0,
				     .oversubscribed = cell->oversubscribed };

	copy(like.scenario, sizeof(like.scenario), scenario->name);
	copy(like.subject, sizeof(like.subject), row->impl->name);
	copy(like.operation, sizeof(like.operation), scenario->unit);
	copy(like.summary, sizeof(like.summary), row->impl->summary);
	if (scenario->batch != scenario->scalar)
		copy(like.calls, sizeof(like.calls), row->batch ? "batch" : "scalar");
	return like;
}

static int add(struct bench_run *run, const struct bench_series *like,
	       const struct bench_also *metric, bool primary, const struct bench_value *value)
{
	struct bench_series wanted = *like, *series;

	wanted.primary = primary;
	wanted.better = metric->better;
	copy(wanted.metric, sizeof(wanted.metric), metric->metric);
	copy(wanted.unit, sizeof(wanted.unit), metric->unit);
	series = bench_document_series(run->document, &wanted);
	return series ? bench_series_add(series, value) : -ENOMEM;
}

int bench_record_also(struct bench_run *run, const struct bench_series *like,
		      const struct bench_also *also, double number, uint32_t repeat)
{
	const struct bench_value value = { .value = number,
					   .process = run->options->process,
					   .repeat = repeat };

	return add(run, like, also, false, &value);
}

/* The metrics of mix/roles: each role has its own time. */
static int add_roles(struct bench_run *run, const struct bench_series *like,
		     const struct bench_repeat *repeat, struct bench_value value)
{
	static const struct bench_also roles[BENCH_ROLES] = {
		[BENCH_ROLE_PEND] = { "pend-ns", "ns", BENCH_LESS_IS_BETTER },
		[BENCH_ROLE_LOOKUP] = { "lookup-ns", "ns", BENCH_LESS_IS_BETTER },
		[BENCH_ROLE_WALK] = { "walk-ns", "ns", BENCH_LESS_IS_BETTER },
	};
	const struct bench_roles *wanted = &run->options->roles;
	const enum bench_role first = wanted->pend     ? BENCH_ROLE_PEND
				      : wanted->lookup ? BENCH_ROLE_LOOKUP
						       : BENCH_ROLE_WALK;
	int error = 0;

	for (uint32_t i = 0; !error && i < BENCH_ROLES; i++) {
		if (!repeat->role_operations[i])
			continue;
		value.value = repeat->role_ns[i];
		value.operations = repeat->role_operations[i];
		error = add(run, like, &roles[i], i == (uint32_t)first, &value);
	}
	return error;
}

static int add_counted(struct bench_run *run, const struct bench_series *like,
		       const struct bench_repeat *repeat, uint32_t number)
{
	int error = 0;

	for (uint32_t i = 0; !error && i < BENCH_COUNTERS; i++) {
		const struct bench_also also = { bench_counter_events[i].metric, "",
						 BENCH_LESS_IS_BETTER };

		if (repeat->counted.which & 1u << i && repeat->operations)
			error = bench_record_also(
				run, like, &also,
				repeat->counted.numbers[i] / (double)repeat->operations, number);
	}
	return error;
}

static int add_repeat(struct bench_run *run, const struct bench_cell *cell,
		      const struct bench_series *like, const struct bench_repeat *repeat,
		      uint32_t number)
{
	static const struct bench_also ns = { "ns", "ns", BENCH_LESS_IS_BETTER };
	static const struct bench_also fairness = { "fairness", "", BENCH_MORE_IS_BETTER };
	const struct bench_value value = { .value = repeat->ns,
					   .operations = repeat->operations,
					   .preempted = repeat->preempted,
					   .pingpong_ns = repeat->pingpong_ns,
					   .process = run->options->process,
					   .repeat = number };
	int error;

	if (!repeat->operations)
		return 0;
	if (cell->scenario->traits & BENCH_TRAIT_ROLES)
		return add_roles(run, like, repeat, value);
	error = add(run, like, &ns, true, &value);
	if (!error && repeat->fairness > 0)
		error = bench_record_also(run, like, &fairness, repeat->fairness, number);
	return error ? error : add_counted(run, like, repeat, number);
}

/*
 * The slope of time over iterations, in which what every sample has alike drops out. A sample that
 * was preempted would bend the line, so only clean ones are on it, unless they are few.
 */
static int add_slope(struct bench_run *run, const struct bench_series *like,
		     const struct bench_repeat *repeats, uint32_t count)
{
	static const struct bench_also slope = { "slope", "ns", BENCH_LESS_IS_BETTER };
	double operations[BENCH_MICRO_SAMPLES], elapsed_ns[BENCH_MICRO_SAMPLES];
	struct bench_value value = { .process = run->options->process };
	uint32_t used = 0, clean = 0;

	for (uint32_t i = 0; i < count; i++)
		clean += repeats[i].preempted == 0;
	for (uint32_t i = 0; i < count && used < BENCH_MICRO_SAMPLES; i++) {
		if (repeats[i].preempted && clean >= BENCH_MICRO_SAMPLES / 3)
			continue;
		operations[used] = (double)repeats[i].operations;
		elapsed_ns[used++] = (double)repeats[i].elapsed_ns;
		value.operations += repeats[i].operations;
		value.preempted += repeats[i].preempted;
	}
	if (!used)
		return 0;
	value.value = bench_stat_slope(operations, elapsed_ns, used);
	return add(run, like, &slope, false, &value);
}

int bench_record_repeats(struct bench_run *run, const struct bench_cell *cell,
			 const struct bench_cell_row *row, const struct bench_repeat *repeats,
			 uint32_t count)
{
	const struct bench_series like = bench_record_like(cell, row);
	const bool windows_too = cell->micro && run->options->modes & BENCH_MODE_THROUGHPUT;
	int error = 0;

	for (uint32_t i = 0; !windows_too && !error && i < count; i++)
		error = add_repeat(run, cell, &like, &repeats[i], i);
	if (!error && cell->micro)
		error = add_slope(run, &like, repeats, count);
	return error;
}

int bench_record_instructions(struct bench_run *run, const struct bench_cell *cell,
			      const struct bench_cell_row *row, double instructions,
			      uint64_t operations)
{
	static const struct bench_also metric = { "instructions", "", BENCH_LESS_IS_BETTER };
	const struct bench_series like = bench_record_like(cell, row);
	const struct bench_value value = { .value = instructions,
					   .operations = operations,
					   .process = run->options->process };

	return add(run, &like, &metric, true, &value);
}

int bench_record_account(struct bench_run *run, const struct bench_cell *cell,
			 const struct bench_impl *impl, const struct bench_account *account)
{
	const struct bench_counts *counts = &account->counts;
	const struct {
		const char *name;
		uint64_t number;
	} numbers[] = {
		{ "attempted", counts->attempted },
		{ "inserted", counts->inserted },
		{ "refused", counts->refused },
		{ "duplicate", counts->duplicate },
		{ "delayed", counts->delayed },
		{ "completed", counts->completed },
		{ "live", (uint64_t)account->live },
		{ "looked_up", counts->looked_up },
		{ "hits", counts->hits },
	};
	struct bench_ledger ledger = { .point = cell->point, .process = run->options->process };

	copy(ledger.scenario, sizeof(ledger.scenario), cell->scenario->name);
	copy(ledger.subject, sizeof(ledger.subject), impl->name);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		copy(ledger.numbers[i].name, sizeof(ledger.numbers[i].name), numbers[i].name);
		ledger.numbers[i].number = numbers[i].number;
		ledger.number_count++;
	}
	return bench_document_ledger(run->document, &ledger);
}
