/* SPDX-License-Identifier: MIT */
/*
 * plan.c - which cells a run has: scenarios, sizes, threads, subjects and repeats, by profile.
 *
 * Entries of the table add to cells: two entries for one scenario, size and number of threads give
 * one cell with the subjects of both and the higher number of repeats.
 */
#include "bench/scenario/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_ENTRIES 65536u
#define THREADS_MAX (BENCH_THREAD_COUNTS_MAX + 10u)
#define DEFAULT_ZIPF 0.99

/* What things cost beside their windows, on a machine as of design time. */
#define COST_WINDOW_S 0.0003     /* waking the team, and turning to the next */
#define COST_PINGPONG_S 0.002    /* with 2 threads and more */
#define COST_FILL_ENTRY_S 0.5e-6 /* pend it, and complete it in the end */
#define COST_MAKE_ENTRY_S 0.3e-6 /* memory of a table that is made */
#define COST_TRACE_EVENT_S 0.25e-6

/* ---- tables ---- */

static bool list_has(const char *list, const char *name)
{
	const size_t length = strlen(name);

	while (list && *list) {
		const size_t word = strcspn(list, ",");

		if (word == length && strncmp(list, name, length) == 0)
			return true;
		list += word + (list[word] == ',');
	}
	return false;
}

static struct bench_cell *find(struct bench_plan *plan, const struct bench_cell *like)
{
	for (uint32_t i = 0; i < plan->cell_count; i++) {
		struct bench_cell *cell = &plan->cells[i];

		if (cell->scenario == like->scenario && cell->size == like->size &&
		    cell->threads == like->threads && cell->percent == like->percent &&
		    cell->micro == like->micro)
			return cell;
	}
	return NULL;
}

static struct bench_cell *find_or_add(struct bench_plan *plan, const struct bench_cell *like)
{
	struct bench_cell *cell = find(plan, like);

	if (cell) {
		if (like->repeats > cell->repeats)
			cell->repeats = like->repeats;
		return cell;
	}
	cell = realloc(plan->cells, (plan->cell_count + 1) * sizeof(*cell));
	if (!cell)
		return NULL;
	plan->cells = cell;
	cell = &plan->cells[plan->cell_count++];
	*cell = *like;
	return cell;
}

static void add_row(struct bench_cell *cell, const struct bench_impl *impl, bool batch)
{
	for (uint32_t i = 0; i < cell->row_count; i++)
		if (cell->rows[i].impl == impl && cell->rows[i].batch == batch)
			return;
	if (cell->row_count < BENCH_ROWS_MAX)
		cell->rows[cell->row_count++] = (struct bench_cell_row){ impl, batch };
}

/* An implementation without batches runs scalar whatever was asked, to be compared with. */
static void add_rows(const struct bench_options *options, const struct bench_plan_entry *entry,
		     struct bench_cell *cell)
{
	const bool walks = cell->scenario->traits & BENCH_TRAIT_ROLES && options->roles.walk > 0;

	for (uint32_t i = 0; i < options->impl_count; i++) {
		const struct bench_impl *impl = options->impls[i];
		const bool batch = bench_scenario_runs(cell->scenario, impl, true);

		if (!bench_scenario_runs(cell->scenario, impl, false) ||
		    (walks && !(impl->abilities & BENCH_WALK)))
			continue;
		if (!options->impls_given && entry->impls && !list_has(entry->impls, impl->name))
			continue;
		if (options->scalar || !batch)
			add_row(cell, impl, false);
		if (options->batch && batch)
			add_row(cell, impl, true);
	}
}

/* ---- axes ---- */

static void add_threads(uint64_t threads, uint32_t *numbers, uint32_t *count)
{
	for (uint32_t i = 0; i < *count; i++)
		if (numbers[i] == threads)
			return;
	if (threads <= BENCH_THREADS_MAX && *count < THREADS_MAX)
		numbers[(*count)++] = (uint32_t)threads;
}

static uint32_t threads_of(struct bench_plan *plan, const struct bench_plan_entry *entry,
			   const struct bench_scenario *scenario, uint32_t *numbers)
{
	const struct bench_options *options = plan->options;
	const struct bench_roles *roles = &options->roles;
	const uint32_t cpus = plan->cpu_count;
	uint32_t count = 0;

	if (scenario->traits & BENCH_TRAIT_ROLES) {
		add_threads(roles->pend + roles->lookup + roles->walk, numbers, &count);
		return count;
	}
	for (uint32_t i = 0; options->threads_given && i < options->thread_count; i++)
		add_threads(options->threads[i], numbers, &count);
	if (options->threads_given)
		return count;
	if (entry->threads & (BENCH_PLAN_ONE | BENCH_PLAN_CURVE))
		add_threads(1, numbers, &count);
	if (entry->threads & (BENCH_PLAN_TWO | BENCH_PLAN_CURVE)) {
		if (cpus >= 2)
			add_threads(2, numbers, &count);
		else
			plan->threads_left_out = 2;
	}
	for (uint32_t n = 4; entry->threads & BENCH_PLAN_CURVE && n < cpus; n *= 2)
		add_threads(n, numbers, &count);
	if (entry->threads & BENCH_PLAN_CURVE)
		add_threads(cpus, numbers, &count);
	if (entry->threads & BENCH_PLAN_OVER)
		add_threads(2 * (uint64_t)cpus, numbers, &count);
	return count;
}

static uint32_t sizes_of(const struct bench_options *options, const struct bench_plan_entry *entry,
			 const struct bench_scenario *scenario, uint64_t *sizes)
{
	uint32_t count = 0;

	if (scenario->stage == BENCH_STAGE_TRACE) {
		sizes[0] = options->sizes_given ? options->sizes[0] : TRACE_ENTRIES;
		return 1;
	}
	if (options->sizes_given) {
		memcpy(sizes, options->sizes, options->size_count * sizeof(sizes[0]));
		return options->size_count;
	}
	while (count < BENCH_PLAN_SIZES && entry->sizes[count]) {
		sizes[count] = entry->sizes[count];
		count++;
	}
	return count;
}

static uint32_t percents_of(const struct bench_options *options,
			    const struct bench_scenario *scenario, uint32_t *percents)
{
	percents[0] = scenario->stage == BENCH_STAGE_EMPTY || scenario->stage == BENCH_STAGE_TRACE
			      ? 0
			      : bench_options_filled(options);
	if (!(scenario->traits & BENCH_TRAIT_OCCUPANCIES))
		return 1;
	memcpy(percents, options->occupancies, options->occupancy_count * sizeof(percents[0]));
	return options->occupancy_count;
}

static void name_keys(const struct bench_options *options, const struct bench_scenario *scenario,
		      char *keys, size_t size)
{
	const double zipf = options->keys_given ? options->zipf : DEFAULT_ZIPF;
	const bool mixed = scenario->traits & BENCH_TRAIT_MIX && options->keys_given;

	if (!(scenario->traits & BENCH_TRAIT_DRAWN) && !mixed)
		return;
	if (options->keys_given && options->hot_percent)
		snprintf(keys, size, "hot:%u", options->hot_percent);
	else if (zipf > 0)
		snprintf(keys, size, "zipf:%.3g", zipf);
}

/* ---- making it ---- */

static uint32_t repeats_of(const struct bench_options *options,
			   const struct bench_plan_entry *entry)
{
	return !options->repeats_given && entry->repeats && entry->repeats < options->repeats
		       ? entry->repeats
		       : options->repeats;
}

/* Callgrind counts one thread, window by window. */
static bool counts_instructions(const struct bench_cell *cell)
{
	return cell->threads == 1 && cell->scenario->stage != BENCH_STAGE_TRACE &&
	       !(cell->scenario->traits & BENCH_TRAIT_ROLES);
}

static int add_cell(struct bench_plan *plan, const struct bench_plan_entry *entry,
		    struct bench_cell like)
{
	const uint32_t modes = plan->options->modes;
	const bool micro_wanted = like.threads == 1 && modes & BENCH_MODE_MICRO &&
				  like.scenario->modes & BENCH_MODE_MICRO;
	struct bench_cell *cell;

	if (plan->options->count_instructions && !counts_instructions(&like))
		return 0;
	like.repeats = repeats_of(plan->options, entry);
	like.oversubscribed = like.threads > plan->cpu_count;
	like.point.size = like.size;
	like.point.threads = like.threads;
	if (like.scenario->traits & BENCH_TRAIT_OCCUPANCIES)
		like.point.occupancy = like.percent;
	name_keys(plan->options, like.scenario, like.point.keys, sizeof(like.point.keys));
	for (uint32_t micro = 0; micro < 2; micro++) {
		if (micro ? !micro_wanted
			  : modes != 0 && !(modes & like.scenario->modes & BENCH_MODE_THROUGHPUT))
			continue;
		like.micro = micro != 0;
		cell = find_or_add(plan, &like);
		if (!cell)
			return -ENOMEM;
		add_rows(plan->options, entry, cell);
	}
	return 0;
}

static int add_cells(struct bench_plan *plan, const struct bench_plan_entry *entry,
		     const struct bench_scenario *scenario)
{
	uint32_t threads[THREADS_MAX], percents[BENCH_OCCUPANCIES_MAX];
	uint64_t sizes[BENCH_SIZES_MAX + BENCH_PLAN_SIZES];
	const uint32_t size_count = sizes_of(plan->options, entry, scenario, sizes);
	const uint32_t percent_count = percents_of(plan->options, scenario, percents);
	const uint32_t thread_count = scenario->stage == BENCH_STAGE_TRACE
					      ? 1
					      : threads_of(plan, entry, scenario, threads);
	int error = 0;

	if (scenario->stage == BENCH_STAGE_TRACE)
		threads[0] = 1;
	for (uint32_t i = 0; i < size_count; i++)
		for (uint32_t j = 0; j < percent_count; j++)
			for (uint32_t k = 0; !error && k < thread_count; k++)
				error = add_cell(plan, entry,
						 (struct bench_cell){ .scenario = scenario,
								      .size = sizes[i],
								      .percent = percents[j],
								      .threads = threads[k] });
	return error;
}

static int add_probes(struct bench_plan *plan, const struct bench_plan_entry *entry,
		      const struct bench_scenario *scenario)
{
	const struct bench_options *options = plan->options;
	const uint64_t own = scenario->probe->sizes[options->profile];
	const bool asked = options->sizes_given && scenario->probe->sizes[0];
	const uint32_t count = asked ? options->size_count : 1;
	struct bench_probe_cell *probes;

	if (options->count_instructions || (options->modes && !(options->modes & scenario->modes)))
		return 0;
	probes = realloc(plan->probes, (plan->probe_count + count) * sizeof(*probes));
	if (!probes)
		return -ENOMEM;
	plan->probes = probes;
	for (uint32_t i = 0; i < count; i++)
		probes[plan->probe_count++] =
			(struct bench_probe_cell){ .scenario = scenario,
						   .size = asked ? options->sizes[i] : own,
						   .repeats = repeats_of(options, entry),
						   .cost_ms = entry->cost_ms };
	return 0;
}

static int add_scenario(struct bench_plan *plan, const struct bench_scenario *scenario)
{
	const bool asked = plan->options->filter_count > 0;
	const bool probe = scenario->stage == BENCH_STAGE_PROBE;
	uint32_t count, matched = 0;
	const struct bench_plan_entry *entries = bench_plan_entries(plan->options->profile, &count);
	int error = 0;

	for (uint32_t i = 0; !error && i < count; i++) {
		const bool rest = i + 1 == count;

		if ((rest || probe ? matched : 0) ||
		    !bench_scenario_matches(scenario, entries[i].scenario))
			continue;
		matched++;
		if (!asked && entries[i].processes &&
		    entries[i].processes <= plan->options->process)
			continue;
		error = probe ? add_probes(plan, &entries[i], scenario)
			      : add_cells(plan, &entries[i], scenario);
	}
	return error;
}

static int phase_of(const struct bench_cell *cell)
{
	switch (cell->scenario->stage) {
	case BENCH_STAGE_EMPTY:
		return 0;
	case BENCH_STAGE_FULL:
		return 2;
	case BENCH_STAGE_TRACE:
		return 3;
	default:
		return 1;
	}
}

static int order(uint64_t one, uint64_t other)
{
	return (one > other) - (one < other);
}

static int compare(const void *one, const void *other)
{
	const struct bench_cell *a = one, *b = other;
	const int trace = order(a->scenario->stage == BENCH_STAGE_TRACE,
				b->scenario->stage == BENCH_STAGE_TRACE);
	int way = trace ? trace : order(a->size, b->size);

	if (!way)
		way = order((uint64_t)phase_of(a), (uint64_t)phase_of(b));
	if (!way && phase_of(a) == 1)
		way = order(a->percent, b->percent);
	if (!way)
		way = order(a->scenario->stage, b->scenario->stage);
	if (!way) /* of one array: the order of the list */
		way = (a->scenario > b->scenario) - (a->scenario < b->scenario);
	if (!way)
		way = order(a->threads, b->threads);
	return way ? way : order(a->micro, b->micro);
}

int bench_plan_make(const struct bench_options *options, uint32_t cpu_count,
		    struct bench_plan *plan)
{
	const struct bench_scenario *scenario;
	int error = 0;

	*plan = (struct bench_plan){ .options = options, .cpu_count = cpu_count };
	for (uint32_t n = 0; !error && (scenario = bench_scenario_at(n)) != NULL; n++)
		if (bench_options_pick(options, scenario))
			error = add_scenario(plan, scenario);
	for (uint32_t i = 0; i < plan->cell_count;)
		if (plan->cells[i].row_count)
			i++;
		else
			plan->cells[i] = plan->cells[--plan->cell_count];
	if (plan->cell_count)
		qsort(plan->cells, plan->cell_count, sizeof(*plan->cells), compare);
	if (error)
		bench_plan_free(plan);
	return error;
}

void bench_plan_free(struct bench_plan *plan)
{
	free(plan->cells);
	free(plan->probes);
	plan->cells = NULL;
	plan->probes = NULL;
	plan->cell_count = plan->probe_count = 0;
}

/* ---- what it comes to ---- */

uint64_t bench_plan_live(const struct bench_plan *plan, uint64_t size, uint32_t percent,
			 uint32_t threads)
{
	const uint64_t room =
		(uint64_t)threads * (plan->options->batch ? plan->options->batch_width : 1);
	const uint64_t wanted = size * percent / 100;

	if (size <= room)
		return 0;
	return wanted < size - room ? wanted : size - room;
}

uint32_t bench_plan_threads(const struct bench_plan *plan, uint64_t size)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < plan->cell_count; i++) {
		const struct bench_cell *cell = &plan->cells[i];

		if ((!size || (cell->size == size && cell->scenario->stage != BENCH_STAGE_TRACE)) &&
		    cell->threads > most)
			most = cell->threads;
	}
	return most;
}

uint64_t bench_plan_micro_chunks(double chunk_ns, double budget_ns)
{
	const double units = BENCH_MICRO_SAMPLES * (BENCH_MICRO_SAMPLES + 1) / 2.0;
	const double chunks = chunk_ns > 0 ? budget_ns / (units * chunk_ns) : 1;

	return chunks < 1 ? 1 : (uint64_t)chunks;
}

double bench_plan_cell_s(const struct bench_plan *plan, const struct bench_cell *cell)
{
	const struct bench_options *options = plan->options;
	double once = (double)(options->window_ns + options->warm_up_ns) * 1e-9 + COST_WINDOW_S;

	if (cell->scenario->stage == BENCH_STAGE_TRACE)
		once = (double)options->trace_events * COST_TRACE_EVENT_S;
	if (cell->threads > 1)
		once += COST_PINGPONG_S;
	if (cell->threads > plan->cpu_count) /* windows wait for each other */
		once *= 2;
	return once * cell->repeats * cell->row_count;
}

double bench_plan_probe_s(const struct bench_probe_cell *probe)
{
	return probe->repeats * probe->cost_ms * 1e-3;
}

/* Filling and emptying the tables of a size that is at @first: for each percentage anew. */
static double tables_s(const struct bench_plan *plan, uint32_t first)
{
	const uint64_t size = plan->cells[first].size;
	const struct bench_impl *impls[BENCH_IMPLS_MAX];
	uint32_t count = 0, percent = 0;
	double filled = 0;

	for (uint32_t i = first; i < plan->cell_count && plan->cells[i].size == size &&
				 plan->cells[i].scenario->stage != BENCH_STAGE_TRACE;
	     i++) {
		const struct bench_cell *cell = &plan->cells[i];

		for (uint32_t row = 0; row < cell->row_count; row++) {
			uint32_t known = 0;

			while (known < count && impls[known] != cell->rows[row].impl)
				known++;
			if (known == count && count < BENCH_IMPLS_MAX)
				impls[count++] = cell->rows[row].impl;
		}
		if (cell->percent && cell->percent != percent) {
			percent = cell->percent;
			filled += percent / 100.0;
		}
	}
	return (double)size * count * (COST_MAKE_ENTRY_S + filled * COST_FILL_ENTRY_S);
}

double bench_plan_s(const struct bench_plan *plan)
{
	double sum = 0;

	for (uint32_t i = 0; i < plan->cell_count; i++) {
		const struct bench_cell *cell = &plan->cells[i];

		sum += bench_plan_cell_s(plan, cell);
		if (cell->scenario->stage != BENCH_STAGE_TRACE &&
		    (i == 0 || plan->cells[i - 1].size != cell->size))
			sum += tables_s(plan, i);
	}
	for (uint32_t i = 0; i < plan->probe_count; i++)
		sum += bench_plan_probe_s(&plan->probes[i]);
	return sum;
}
