/* SPDX-License-Identifier: MIT */
/*
 * test_plan.c - unit tests of bench/scenario/plan.c: the cells of each profile, and how long they
 * take by the plan's own estimate.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "bench/scenario/plan.h"

enum { CPUS = 2 };

static struct bench_options options;
static struct bench_plan plan;

static void settle(int argc, const char *const *words)
{
	static char *argv[16]; /* the options borrow it */

	for (int i = 0; i < argc; i++)
		argv[i] = (char *)(uintptr_t)words[i];
	argv[argc] = NULL;
	cr_assert_eq(bench_options_read(argc, argv, &options), 0);
}

#define PLAN(cpus, ...)                                                          \
	do {                                                                     \
		const char *const words[] = { "pendbench", "run", __VA_ARGS__ }; \
                                                                                 \
		settle((int)(sizeof(words) / sizeof(words[0])), words);          \
		cr_assert_eq(bench_plan_make(&options, (cpus), &plan), 0);       \
	} while (0)

static const struct bench_cell *cell(const char *name, uint64_t size, uint32_t threads)
{
	for (uint32_t i = 0; i < plan.cell_count; i++)
		if (strcmp(plan.cells[i].scenario->name, name) == 0 && plan.cells[i].size == size &&
		    plan.cells[i].threads == threads)
			return &plan.cells[i];
	return NULL;
}

static bool has(const struct bench_cell *where, const char *impl)
{
	for (uint32_t i = 0; where && i < where->row_count; i++)
		if (strcmp(where->rows[i].impl->name, impl) == 0)
			return true;
	return false;
}

/* What all processes of a run take; peers that are absent from this build are made up for. */
static double run_s(const char *profile)
{
	uint32_t present = 0, process = 0;
	double seconds = 0, probes_s = 0;

	while (bench_impl_at(present))
		present++;
	cr_assert_geq(present, 5);
	do {
		PLAN(CPUS, profile);
		bench_plan_free(&plan);
		options.process = process;
		cr_assert_eq(bench_plan_make(&options, CPUS, &plan), 0);
		seconds += bench_plan_s(&plan);
		for (uint32_t i = 0; i < plan.probe_count; i++)
			probes_s += bench_plan_probe_s(&plan.probes[i]);
		bench_plan_free(&plan);
	} while (++process < options.processes);
	return (seconds - probes_s) * 13 / present + probes_s;
}

Test(plan, a_quick_run_takes_less_than_150_s)
{
	const double seconds = run_s("--quick");

	cr_assert_eq(options.processes, 3);
	cr_assert_lt(seconds, 150, "%g s", seconds);
	cr_assert_gt(seconds, 30, "%g s", seconds);
}

Test(plan, a_full_run_takes_less_than_27_minutes)
{
	const double seconds = run_s("--full");

	cr_assert_eq(options.processes, 4);
	cr_assert_lt(seconds, 27 * 60, "%g s", seconds);
}

Test(plan, long_probes_are_in_the_first_processes_unless_asked_for)
{
	uint32_t first, later;

	PLAN(CPUS, "--quick");
	first = plan.probe_count;
	bench_plan_free(&plan);
	options.process = 2;
	cr_assert_eq(bench_plan_make(&options, CPUS, &plan), 0);
	later = plan.probe_count;
	bench_plan_free(&plan);
	cr_assert_lt(later, first);
	PLAN(CPUS, "--quick", "memory");
	bench_plan_free(&plan);
	options.process = 2;
	cr_assert_eq(bench_plan_make(&options, CPUS, &plan), 0);
	cr_assert_eq(plan.probe_count, 1);
	bench_plan_free(&plan);
}

/* The workloads of the targets, with those that they are judged beside. */
Test(plan, full_has_the_cells_of_the_targets)
{
	const uint64_t large[] = { 1u << 20, 1u << 23 };

	PLAN(CPUS, "--full");
	for (uint32_t i = 0; i < 2; i++) {
		const struct bench_cell *one = cell("steady/key", large[i], 1);

		cr_assert(has(one, "pendmap") && has(one, "urcu-memb") && has(one, "urcu-qsbr"));
		cr_assert(has(cell("lookup/hit", large[i], 1), "urcu-qsbr"));
		cr_assert(has(cell("lookup/miss", large[i], 1), "urcu-qsbr"));
	}
	cr_assert(has(cell("steady/handle", 1u << 10, 1), "mutex"));
	cr_assert(has(cell("steady/handle", 1u << 16, 1), "mutex"));
	cr_assert(has(cell("steady/key", 1u << 16, 2), "urcu-qsbr"));
	cr_assert_not_null(cell("full/refuse", 1u << 16, 2));
	cr_assert(cell("steady/key", 1u << 16, 2 * CPUS)->oversubscribed);
	bench_plan_free(&plan);
}

Test(plan, quick_has_every_peer_at_64Ki)
{
	static const char *const scenarios[] = { "pend-complete/key", "lookup/hit", "lookup/miss",
						 "steady/key" };

	PLAN(CPUS, "--quick");
	for (uint32_t n = 0; n < sizeof(scenarios) / sizeof(scenarios[0]); n++)
		for (uint32_t i = 0; bench_impl_at(i); i++)
			if (bench_impl_at(i)->abilities & BENCH_PEER)
				cr_assert(has(cell(scenarios[n], 1u << 16, 1),
					      bench_impl_at(i)->name));
	bench_plan_free(&plan);
}

/* A table is filled once for each occupancy: nothing that needs less comes after more. */
Test(plan, cells_of_a_size_only_become_fuller)
{
	PLAN(CPUS, "--full");
	for (uint32_t i = 1; i < plan.cell_count; i++) {
		const struct bench_cell *before = &plan.cells[i - 1], *now = &plan.cells[i];

		if (now->scenario->stage == BENCH_STAGE_TRACE)
			continue;
		cr_assert_leq(before->size, now->size);
		if (before->size != now->size || now->scenario->stage == BENCH_STAGE_FULL)
			continue;
		cr_assert_neq(before->scenario->stage, BENCH_STAGE_FULL);
		cr_assert_leq(before->percent, now->percent);
		if (before->percent == now->percent)
			cr_assert_leq(before->scenario->stage, now->scenario->stage);
	}
	bench_plan_free(&plan);
}

Test(plan, what_is_asked_for_replaces_the_table)
{
	PLAN(CPUS, "steady/key", "--sizes", "4096,8192", "--threads", "1,3", "--impl",
	     "pendmap,mutex", "--repeats", "7");
	cr_assert_eq(plan.cell_count, 4);
	cr_assert_eq(plan.probe_count, 0);
	for (uint32_t i = 0; i < plan.cell_count; i++) {
		cr_assert_eq(plan.cells[i].row_count, 3); /* pendmap twice: scalar and batch */
		cr_assert_eq(plan.cells[i].repeats, 7);
		cr_assert_eq(plan.cells[i].oversubscribed, plan.cells[i].threads == 3);
	}
	bench_plan_free(&plan);
}

Test(plan, threads_follow_the_cpus)
{
	PLAN(16, "steady/key", "--full");
	for (uint32_t threads = 1; threads <= 16; threads *= 2)
		cr_assert_not_null(cell("steady/key", 1u << 16, threads));
	cr_assert_null(cell("steady/key", 1u << 16, 3));
	bench_plan_free(&plan);
	PLAN(1, "steady/key", "--quick");
	cr_assert_eq(plan.threads_left_out, 2);
	cr_assert_null(cell("steady/key", 1u << 16, 2));
	cr_assert_not_null(cell("steady/key", 1u << 16, 1));
	bench_plan_free(&plan);
}

Test(plan, occupancies_are_an_axis_of_one_scenario)
{
	uint32_t found = 0;

	PLAN(CPUS, "occupancy", "steady/key", "--occupancy", "50,75");
	for (uint32_t i = 0; i < plan.cell_count; i++) {
		const struct bench_cell *each = &plan.cells[i];

		if (each->scenario->traits & BENCH_TRAIT_OCCUPANCIES) {
			cr_assert_eq(each->point.occupancy, each->percent);
			found++;
		} else {
			cr_assert_eq(each->point.occupancy, 0);
		}
	}
	cr_assert_geq(found, 2);
	bench_plan_free(&plan);
}

Test(plan, keys_are_named_where_they_are_drawn)
{
	PLAN(CPUS, "lookup/zipf", "mix/share");
	cr_assert_str_eq(cell("lookup/zipf", 1u << 16, 1)->point.keys, "zipf:0.99");
	cr_assert_str_eq(cell("mix/share", 1u << 16, 1)->point.keys, "");
	bench_plan_free(&plan);
	PLAN(CPUS, "lookup/zipf", "mix/share", "--keys", "zipf:0.5");
	cr_assert_str_eq(cell("lookup/zipf", 1u << 16, 1)->point.keys, "zipf:0.5");
	cr_assert_str_eq(cell("mix/share", 1u << 16, 1)->point.keys, "zipf:0.5");
	bench_plan_free(&plan);
}

Test(plan, micro_is_for_one_thread)
{
	PLAN(CPUS, "--mode", "micro");
	cr_assert_gt(plan.cell_count, 0);
	for (uint32_t i = 0; i < plan.cell_count; i++) {
		cr_assert(plan.cells[i].micro);
		cr_assert_eq(plan.cells[i].threads, 1);
	}
	cr_assert_eq(plan.probe_count, 0);
	bench_plan_free(&plan);
}

Test(plan, micro_samples_take_what_they_may)
{
	const double chunk_ns = 10000, budget_ns = 100e6;
	const uint64_t chunks = bench_plan_micro_chunks(chunk_ns, budget_ns);
	double sum = 0;

	for (uint32_t i = 1; i <= BENCH_MICRO_SAMPLES; i++)
		sum += (double)(i * chunks) * chunk_ns;
	cr_assert_leq(sum, budget_ns);
	cr_assert_gt(sum, budget_ns * 0.9);
	cr_assert_eq(bench_plan_micro_chunks(1e9, 1), 1);
	cr_assert_eq(bench_plan_micro_chunks(0, 1), 1);
}

Test(plan, a_full_table_leaves_room_for_what_is_pended_first)
{
	PLAN(CPUS, "steady");
	cr_assert_eq(bench_plan_live(&plan, 1000, 50, 2), 500);
	cr_assert_eq(bench_plan_live(&plan, 1000, 100, 2),
		     1000 - 2 * (uint64_t)options.batch_width);
	cr_assert_eq(bench_plan_live(&plan, 16, 50, 2), 0);
	bench_plan_free(&plan);
}
