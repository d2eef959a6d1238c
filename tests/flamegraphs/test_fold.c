/* SPDX-License-Identifier: MIT */
/*
 * test_fold.c - sums over stacks, on the CPU and off it.
 */
#include "flamegraphs/fold.h"

#include <stdlib.h>

#include "flamegraphs/stacks.h"
#include "tests/flamegraphs/given.h"

#define STACK(leaf) "\t1 " leaf " (x)\n\t2 root (x)\n\n"

static struct fold_summary summary;

static void folds(const char *text, const struct fold_options *options, const char *expected)
{
	struct written written;
	FILE *in = given(text);

	written_open(&written);
	cr_assert_eq(fold(in, written.out, options, &summary), 0);
	fclose(written.out);
	cr_assert_str_eq(written.text, expected, "%s", written.text);
	free(written.text);
	fclose(in);
}

static const char cpu[] =
	"w-1 1/1 1.0: 2000 cpu-clock: \n" STACK("a") "w-2 1/2 1.1: 3000 cpu-clock: \n" STACK(
		"b") "w-1 1/1 1.2: 4000 cpu-clock: \n" STACK("a") "w-2 1/2 1.3: PERF_RECORD_SWITCH OUT\n"
								  "w-2 1/2 1.4: 500 cpu-clock: \n";

Test(fold, cpu)
{
	folds(cpu, &(struct fold_options){ 0 }, "w;[no stack] 500\nw;root;a 6000\nw;root;b 3000\n");
	cr_assert_eq(summary.samples, 4);
	cr_assert_eq(summary.stacks, 3);
	cr_assert_eq(summary.left_out, 0);
}

Test(fold, threads_kept)
{
	folds(cpu, &(struct fold_options){ .keep_threads = true },
	      "w-1-1;root;a 6000\nw-2-2;[no stack] 500\nw-2-2;root;b 3000\n");
}

Test(fold, each_operation)
{
	/* 6000 ns over 4 operations are 1500 ns each, in thousandths. */
	folds(cpu, &(struct fold_options){ .operations = 4 },
	      "w;[no stack] 125000\nw;root;a 1500000\nw;root;b 750000\n");
}

Test(fold, within)
{
	folds(cpu, &(struct fold_options){ .within = "nothing,b" }, "w;b 3000\n");
	cr_assert_eq(summary.samples, 1);
	cr_assert_eq(summary.left_out, 3);
	folds(cpu, &(struct fold_options){ .within = "roo" }, "");
	cr_assert_eq(summary.samples, 0);
}

#define OUT(tid, time, leaf, state) \
	"w 1/" tid " [000] " time ": 1 sched:sched_switch: prev_state=" state " ==> x\n" STACK(leaf)
#define RECORD(tid, time, what) "w 1/" tid " [000] " time ": PERF_RECORD_SWITCH " what "\n"

Test(fold, off_cpu_tells_blocked_from_preempted)
{
	folds(OUT("1", "1.0", "lock", "S") RECORD("1", "1.000001", "OUT")
		      OUT("2", "1.5", "loop", "R") RECORD("2", "1.500001", "OUT preempt")
			      RECORD("1", "2.0", "IN") RECORD("2", "2.25", "IN")
				      OUT("1", "3.0", "lock", "D") RECORD("1", "3.5", "IN"),
	      &(struct fold_options){ .off_cpu = true },
	      "blocked;w;root;lock 1500000\npreempted;w;root;loop 750000\n");
	cr_assert_eq(summary.samples, 3);
}

Test(fold, off_cpu_by_the_switch_alone)
{
	folds("w 1/1 1.0: 1 sched:sched_switch: \n" STACK("a") RECORD("1", "1.0", "OUT preempt")
		      RECORD("1", "1.000002", "IN"),
	      &(struct fold_options){ .off_cpu = true }, "preempted;w;root;a 2\n");
}

Test(fold, off_cpu_by_the_state_alone)
{
	folds(OUT("1", "1.0", "a", "R+") RECORD("1", "1.000002", "IN"),
	      &(struct fold_options){ .off_cpu = true }, "preempted;w;root;a 2\n");
}

Test(fold, off_cpu_what_was_lost)
{
	/* An IN without an OUT, two OUTs in a row, an OUT at the end. */
	folds(RECORD("1", "0.5", "IN") OUT("1", "1.0", "a", "S") OUT("1", "2.0", "b", "S")
		      RECORD("1", "3.0", "IN") OUT("1", "4.0", "c", "S"),
	      &(struct fold_options){ .off_cpu = true }, "blocked;w;root;b 1000000\n");
	cr_assert_eq(summary.samples, 1);
	cr_assert_eq(summary.left_out, 2);
}

Test(fold, off_cpu_in_each_operation)
{
	folds(OUT("1", "1.0", "a", "S") RECORD("1", "1.000010", "IN"),
	      &(struct fold_options){ .off_cpu = true, .operations = 100, .within = "a" },
	      "blocked;w;a 100000\n");
}

Test(fold, stacks_are_bounded)
{
	struct stacks stacks = { .bytes_max = 64 };
	char text[16];
	uint32_t at;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < 100; i++) {
		sprintf(text, "stack%u", i);
		at = stacks_find(&stacks, text);
		cr_assert_neq(at, STACKS_NONE);
		stacks.entries[at].amount += 2;
	}
	for (uint32_t i = 0; i < stacks.count; i++)
		sum += stacks.entries[i].amount;
	cr_assert_eq(sum, 200);
	cr_assert_lt(stacks.count, 12);
	cr_assert_gt(stacks.beyond, 80);
	at = stacks_find(&stacks, STACKS_BEYOND);
	cr_assert_gt(stacks.entries[at].amount, 160);
	stacks_free(&stacks);
}
