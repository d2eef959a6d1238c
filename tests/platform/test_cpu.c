/* SPDX-License-Identifier: MIT */
/*
 * test_cpu.c - unit tests of platform/cpu.c, on the real machine and on scripted ones.
 *
 * Run twice by ctest: as it is, and with rseq switched off in the C library, so that both ways
 * to learn the current CPU are tested on a machine that has rseq.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/cpu.h"

/* What the scripted machine says; each test runs in a process of its own. */
static uint32_t scripted_cpu, scripted_possible, pinned_to;

static uint32_t script_current(void)
{
	return scripted_cpu;
}

static uint32_t script_possible(void)
{
	return scripted_possible;
}

static uint32_t script_node(uint32_t cpu)
{
	return 10 + cpu;
}

static int script_allowed_odd(uint32_t cpu)
{
	return cpu % 2 == 1;
}

static int script_allowed_fails(uint32_t cpu)
{
	return cpu == 2 ? -EPERM : 1;
}

static int script_pin(uint32_t cpu)
{
	pinned_to = cpu;
	return cpu == 3 ? -EINVAL : 0;
}

Test(cpu, the_bound_of_a_list_is_one_more_than_its_highest_number)
{
	static const struct {
		const char *list;
		uint32_t bound;
	} cases[] = {
		{ "0", 1 },         { "0\n", 1 },   { "0-1\n", 2 },     { "0-3,8-11\n", 12 },
		{ "8-11,0-3", 12 }, { "5,3,4", 6 }, { "0,2,4-4,7", 8 }, { "0-8191", 8192 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(pendi_cpu_list_bound(cases[i].list), cases[i].bound, "\"%s\" gives %u",
			     cases[i].list, pendi_cpu_list_bound(cases[i].list));
}

Test(cpu, what_is_no_list_has_no_bound)
{
	static const char *const cases[] = {
		"",     "\n",    "-",     "0-",     "-3",     "3-1",
		"0,",   ",0",    "0-3-5", "a",      "0-3 ",   " 0",
		"+1",   "0\n\n", "0x3",   "0-8192", "0,8192", "99999999999999999999999",
		"0--3", "0,,1",  "1.5",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(pendi_cpu_list_bound(cases[i]), 0, "\"%s\" gives %u", cases[i],
			     pendi_cpu_list_bound(cases[i]));
}

Test(cpu, the_possible_cpus_are_those_of_the_kernel_and_stay)
{
	const uint32_t possible = pendi_cpu_possible();
	FILE *file = fopen("/sys/devices/system/cpu/possible", "re");
	char list[4096] = "";

	cr_assert_geq(possible, 1);
	cr_assert_geq((long)possible, sysconf(_SC_NPROCESSORS_ONLN));
	if (file) {
		cr_assert_not_null(fgets(list, sizeof(list), file));
		(void)fclose(file);
		cr_assert_eq(possible, pendi_cpu_list_bound(list));
	}
	cr_assert_eq(pendi_cpu_possible(), possible);
}

Test(cpu, a_count_made_without_sysfs_stands)
{
	struct rlimit files, none = { 0, 0 };
	uint32_t possible;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	none.rlim_max = files.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	possible = pendi_cpu_possible();
	cr_assert_eq(pendi_cpu_node(0), 0);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	cr_assert_geq(possible, 1);
	cr_assert_eq(pendi_cpu_possible(), possible);
	cr_assert_lt(pendi_cpu_current(), possible);
}

Test(cpu, the_rseq_field_is_trusted_only_where_it_is_registered)
{
	/* relaxed: this thread is the only one. */
	cr_assert_eq(pendi_load_relaxed(&pendi_cpu_rseq_bound), 0);
	cr_assert_lt(pendi_cpu_current(), pendi_cpu_possible());
	cr_assert_eq(pendi_load_relaxed(&pendi_cpu_rseq_bound),
		     __rseq_size ? pendi_cpu_possible() : 0);
}

Test(cpu, a_pinned_thread_runs_where_it_was_pinned)
{
	const uint32_t possible = pendi_cpu_possible();
	const int allowed_count = pendi_cpu_allowed_count();
	cpu_set_t before;
	int pinned = 0;

	cr_assert_eq(sched_getaffinity(0, sizeof(before), &before), 0);
	cr_assert_eq(allowed_count, CPU_COUNT(&before));
	for (uint32_t cpu = 0; cpu < possible && cpu < CPU_SETSIZE; cpu++) {
		unsigned int kernel_cpu = UINT32_MAX, kernel_node = UINT32_MAX;

		cr_assert_eq(sched_setaffinity(0, sizeof(before), &before), 0);
		cr_assert_eq(pendi_cpu_allowed(cpu), CPU_ISSET(cpu, &before) ? 1 : 0);
		if (!CPU_ISSET(cpu, &before))
			continue;
		cr_assert_eq(pendi_cpu_pin(cpu), 0);
		cr_assert_eq(pendi_cpu_current(), cpu);
		cr_assert_eq(pendi_cpu_current_slow(), cpu);
		cr_assert_eq(pendi_cpu_allowed_count(), 1);
		for (uint32_t other = 0; other < possible; other++)
			cr_assert_eq(pendi_cpu_allowed(other), other == cpu);
		cr_assert_eq(syscall(SYS_getcpu, &kernel_cpu, &kernel_node, NULL), 0);
		cr_assert_eq(kernel_cpu, cpu);
		cr_assert_eq(pendi_cpu_node(cpu), kernel_node);
		pinned++;
	}
	cr_assert_eq(pinned, allowed_count);
}

Test(cpu, a_cpu_that_cannot_exist_is_not_allowed_and_not_pinned)
{
	const uint32_t absent[] = { pendi_cpu_possible(), 8191, 8192, UINT32_MAX };
	const int allowed_count = pendi_cpu_allowed_count();

	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		cr_expect_eq(pendi_cpu_allowed(absent[i]), 0);
		cr_expect_eq(pendi_cpu_pin(absent[i]), -EINVAL);
		cr_expect_eq(pendi_cpu_node(absent[i]), 0);
	}
	cr_expect_eq(pendi_cpu_allowed_count(), allowed_count);
}

Test(cpu, a_scripted_cpu_is_the_current_one)
{
	scripted_possible = 64;
	pendi_script.cpu_current = script_current;
	pendi_script.cpu_possible = script_possible;
	for (scripted_cpu = 0; scripted_cpu < 64; scripted_cpu++)
		cr_assert_eq(pendi_cpu_current(), scripted_cpu);
}

Test(cpu, a_current_cpu_beyond_the_possible_ones_is_brought_below)
{
	scripted_possible = 4;
	pendi_script.cpu_current = script_current;
	pendi_script.cpu_possible = script_possible;
	scripted_cpu = 4;
	cr_assert_eq(pendi_cpu_current(), 0);
	scripted_cpu = 7;
	cr_assert_eq(pendi_cpu_current(), 3);
	scripted_cpu = UINT32_MAX;
	cr_assert_eq(pendi_cpu_current(), 3);
}

Test(cpu, a_scripted_single_cpu_bounds_the_real_current_one)
{
	const uint32_t possible = pendi_cpu_possible();

	cr_assert_lt(pendi_cpu_current(), possible);
	scripted_possible = 1;
	pendi_script.cpu_possible = script_possible;
	for (uint32_t cpu = 0; cpu < possible; cpu++) {
		if (pendi_cpu_pin(cpu) == 0)
			cr_assert_eq(pendi_cpu_current(), 0);
	}
	scripted_possible = 0;
	cr_assert_eq(pendi_cpu_possible(), 1);
	pendi_script.cpu_possible = NULL;
	cr_assert_eq(pendi_cpu_possible(), possible);
}

Test(cpu, a_scripted_node_answers_instead_of_the_kernel)
{
	const uint32_t node = pendi_cpu_node(0);

	pendi_script.cpu_node = script_node;
	cr_assert_eq(pendi_cpu_node(0), 10);
	cr_assert_eq(pendi_cpu_node(77), 87);
	pendi_script.cpu_node = NULL;
	cr_assert_eq(pendi_cpu_node(0), node);
}

Test(cpu, scripted_affinity_answers_instead_of_the_kernel)
{
	const int allowed_count = pendi_cpu_allowed_count();

	scripted_possible = 7;
	pendi_script.cpu_possible = script_possible;
	pendi_script.cpu_allowed = script_allowed_odd;
	pendi_script.cpu_pin = script_pin;
	cr_assert_eq(pendi_cpu_allowed_count(), 3);
	cr_assert_eq(pendi_cpu_allowed(4), 0);
	cr_assert_eq(pendi_cpu_allowed(5), 1);
	pendi_script.cpu_allowed = script_allowed_fails;
	cr_assert_eq(pendi_cpu_allowed_count(), -EPERM);
	cr_assert_eq(pendi_cpu_allowed(2), -EPERM);
	cr_assert_eq(pendi_cpu_pin(6), 0);
	cr_assert_eq(pinned_to, 6);
	cr_assert_eq(pendi_cpu_pin(3), -EINVAL);
	memset(&pendi_script, 0, sizeof(pendi_script));
	cr_assert_eq(pendi_cpu_allowed_count(), allowed_count);
}
