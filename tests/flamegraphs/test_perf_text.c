/* SPDX-License-Identifier: MIT */
/*
 * test_perf_text.c - lines of `perf script`, ordinary and odd.
 */
#include "flamegraphs/perf_text.h"

#include <stdlib.h>

#include "tests/flamegraphs/given.h"

static struct perf_reader reader;
static struct perf_sample sample;

static void begin(const char *text)
{
	memset(&reader, 0, sizeof(reader));
	reader.in = given(text);
}

static void end(uint64_t unreadable)
{
	cr_assert_not(perf_read(&reader, &sample));
	cr_assert_eq(reader.unreadable, unreadable);
	fclose(reader.in);
}

Test(perf_text, header)
{
	begin("pendbench  12/34  [001]  7.000250:    2004008 cpu-clock:u: \n"
	      "\t  1 leaf+0x1 (/bin/a)\n\t  2 root+0x2 (/bin/a)\n\n");
	cr_assert(perf_read(&reader, &sample));
	cr_assert_eq(sample.kind, PERF_SAMPLE);
	cr_assert_str_eq(sample.comm, "pendbench");
	cr_assert_eq(sample.tid, 34);
	cr_assert_eq(sample.time_ns, 7000250000u);
	cr_assert_eq(sample.period, 2004008);
	cr_assert_eq(sample.depth, 2);
	cr_assert_str_eq(sample.frames[0], "leaf");
	cr_assert_str_eq(sample.frames[1], "root");
	end(0);
}

Test(perf_text, header_with_little)
{
	begin("a 5 1.5: cpu-clock: \n\t1 f (x)\n\nb 6 2.123456789: 3 e: \n");
	cr_assert(perf_read(&reader, &sample));
	cr_assert_eq(sample.tid, 5);
	cr_assert_eq(sample.time_ns, 1500000000u);
	cr_assert_eq(sample.period, 1);
	cr_assert(perf_read(&reader, &sample));
	cr_assert_eq(sample.time_ns, 2123456789u);
	cr_assert_eq(sample.period, 3);
	cr_assert_eq(sample.depth, 0);
	end(0);
}

Test(perf_text, a_thread_may_be_called_anything)
{
	begin("my 1/2 thread [3] 4.5  9/10  6.7:  8 e: \n\t1 f (x)\n");
	cr_assert(perf_read(&reader, &sample));
	cr_assert_str_eq(sample.comm, "my 1/2 thread [3] 4.5");
	cr_assert_eq(sample.tid, 10);
	cr_assert_eq(sample.period, 8);
	end(0);
}

Test(perf_text, names_of_frames)
{
	static const char *const names[] = {
		"do_futex_[k]", "[libc.so.6]",   "[unknown]",
		"helper_[i]",   "clock_gettime", "a::b<c, d>::operator()(int) const",
		"x+0xyz",       "semi:colon",    "[vdso]_[k]",
	};

	begin("t 1/1 1.0: 1 e: \n"
	      "\tffffffff8158c7a6 do_futex+0x1c6 ([kernel.kallsyms])\n"
	      "\t    7f12 [unknown] (/usr/lib/x86_64-linux-gnu/libc.so.6)\n"
	      "\tffffffffffffffff [unknown] ([unknown])\n"
	      "\t    5566 helper (inlined)\n"
	      "\t    5566 clock_gettime@@GLIBC_2.17+0x10 (/usr/lib/libc.so.6)\n"
	      "\t    5566 a::b<c, d>::operator()(int) const+0xff (/bin/with (brackets)/x y)\n"
	      "\t    5566 x+0xyz (/bin/a)\n"
	      "\t    5566 semi;colon+0x0 (/bin/a)\n"
	      "\tffffffff81000000 [vdso]+0x0 ([vdso])\n\n");
	cr_assert(perf_read(&reader, &sample));
	cr_assert_eq(sample.depth, sizeof(names) / sizeof(names[0]));
	for (uint32_t i = 0; i < sample.depth; i++)
		cr_assert_str_eq(sample.frames[i], names[i], "%s", sample.frames[i]);
	end(0);
}

Test(perf_text, switches)
{
	begin("p 1/2 [000] 1.5: 1 sched:sched_switch: prev_comm=p prev_state=R+ ==> next_comm=q\n"
	      "\tffffffff81000000 schedule+0x1 ([kernel.kallsyms])\n\n"
	      "p 1/2 [000] 1.6: PERF_RECORD_SWITCH OUT preempt\n"
	      "p 1/2 [000] 1.7: PERF_RECORD_SWITCH OUT        \n"
	      "p 1/2 [000] 1.8: PERF_RECORD_SWITCH IN         \n");
	cr_assert(perf_read(&reader, &sample));
	cr_assert(sample.kind == PERF_SAMPLE && sample.preempted && sample.depth == 1);
	cr_assert(perf_read(&reader, &sample));
	cr_assert(sample.kind == PERF_SWITCH_OUT && sample.preempted);
	cr_assert(perf_read(&reader, &sample));
	cr_assert(sample.kind == PERF_SWITCH_OUT && !sample.preempted);
	cr_assert(perf_read(&reader, &sample));
	cr_assert(sample.kind == PERF_SWITCH_IN);
	cr_assert_eq(sample.time_ns, 1800000000u);
	end(0);
}

Test(perf_text, no_empty_line_between)
{
	begin("a 1/1 1.0: 1 e: \n\t1 f (x)\nb 2/2 2.0: 1 e: \n\t1 g (x)\n");
	cr_assert(perf_read(&reader, &sample));
	cr_assert_eq(sample.depth, 1);
	cr_assert(perf_read(&reader, &sample));
	cr_assert_str_eq(sample.comm, "b");
	cr_assert_str_eq(sample.frames[0], "g");
	end(0);
}

Test(perf_text, stack_in_one_line)
{
	begin("          a 1/1 1.0: 1 cpu-clock: ffffffff81000000 idle+0x1 ([kernel.kallsyms])\n");
	cr_assert(perf_read(&reader, &sample));
	cr_assert_str_eq(sample.comm, "a");
	cr_assert_eq(sample.depth, 1);
	cr_assert_str_eq(sample.frames[0], "idle_[k]");
	end(0);
}

Test(perf_text, rubbish_is_counted)
{
	begin("# a comment\nwhat is this\n\na 1/1 1.0: 1 e: \n\tno frame\n\t12 f (x)\n\n:\n");
	cr_assert(perf_read(&reader, &sample));
	cr_assert_eq(sample.depth, 1);
	end(3);
}

Test(perf_text, long_names_and_lines_are_cut)
{
	static char text[40000];
	char *at = text + sprintf(text, "a 1/1 1.0: 1 e: \n\t12 ");

	memset(at, 'n', 20000);
	strcpy(at + 20000, "+0x1 (x)\n\t13 next (x)\n");
	begin(text);
	cr_assert(perf_read(&reader, &sample));
	cr_assert_eq(sample.depth, 2);
	cr_assert_eq(strlen(sample.frames[0]), PERF_NAME_MAX - 1);
	cr_assert_str_eq(sample.frames[0] + PERF_NAME_MAX - 4, "...");
	cr_assert_str_eq(sample.frames[1], "next");
	end(0);
}

Test(perf_text, a_deep_stack_is_cut_at_its_root)
{
	static char text[40000];
	char *at = text + sprintf(text, "a 1/1 1.0: 1 e: \n");

	for (uint32_t i = 0; i < PERF_DEPTH_MAX + 100; i++)
		at += sprintf(at, "\t%x f%u (x)\n", i + 1, i);
	begin(text);
	cr_assert(perf_read(&reader, &sample));
	cr_assert(sample.cut);
	cr_assert_eq(sample.depth, PERF_DEPTH_MAX);
	cr_assert_str_eq(sample.frames[0], "f0");
	cr_assert_str_eq(sample.frames[PERF_DEPTH_MAX - 1], "[deeper]");
	end(0);
}
