/* SPDX-License-Identifier: MIT */
/*
 * doctor_process.c - what has to be tried to be known: the build, counters, system calls.
 */
#include "bench/command/doctor.h"

#include <linux/membarrier.h>
#include <math.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench/measure/clock.h"
#include "bench/measure/counters.h"
#include "bench/measure/instructions.h"
#include "bench/model/stats.h"
#include "bench_build.h"

#define CLOCK_TRIES 5u
#define CLOCK_READINGS 400u
#define NAPS 7u
#define NAP_NS 50000

#ifdef NDEBUG
#define ASSERTIONS false
#else
#define ASSERTIONS true
#endif

/* glibc's, where it registers restartable sequences; absent from older ones. */
extern const unsigned int __rseq_size __attribute__((weak));

static void look_build(struct bench_doctor *doctor)
{
	const char *warning = bench_build_warning();

	if (warning)
		bench_doctor_tell(doctor, BENCH_WARNING, "build",
				  "cmake --preset release, or ./dev bench, which does that", "%s",
				  warning);
	else
		bench_doctor_tell(doctor, ASSERTIONS ? BENCH_WARNING : BENCH_FINE, "build",
				  ASSERTIONS ? "build with -DNDEBUG" : "",
				  "build type %s, no sanitizer, assertions %s", BENCH_BUILD_TYPE,
				  ASSERTIONS ? "on: they are measured too" : "off");
}

static void look_counters(struct bench_doctor *doctor)
{
	char text[160];

	if (*bench_counters_missing(bench_counter_events, text, sizeof(text)))
		bench_doctor_tell(
			doctor, BENCH_NOTE, "counters",
			bench_instructions_program()
				? "pendbench run --count-instructions counts instructions "
				  "without them"
				: "install valgrind: --count-instructions counts without them",
			"%s", text);
	else
		bench_doctor_tell(doctor, BENCH_FINE, "counters", "",
				  "all hardware counters are there");
}

static void look_membarrier(struct bench_doctor *doctor)
{
	const long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	if (commands < 0 || !(commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		bench_doctor_tell(
			doctor, BENCH_WARNING, "membarrier",
			"allow membarrier(2) in the sandbox, or use a newer kernel",
			"no expedited membarrier(2): epoch sections pay for a fence each");
	else
		bench_doctor_tell(doctor, BENCH_FINE, "membarrier", "",
				  "expedited membarrier(2) is there");
}

static void look_rseq(struct bench_doctor *doctor)
{
	if (!&__rseq_size || !__rseq_size)
		bench_doctor_tell(
			doctor, BENCH_NOTE, "rseq",
			"a glibc from 2.35 on, without GLIBC_TUNABLES that turn it off",
			"no restartable sequences: asking which CPU this is takes longer");
	else
		bench_doctor_tell(doctor, BENCH_FINE, "rseq", "",
				  "restartable sequences are registered");
}

static void look_personality(struct bench_doctor *doctor)
{
	if (personality(0xffffffff) & ADDR_NO_RANDOMIZE)
		bench_doctor_tell(
			doctor, BENCH_NOTE, "addresses", "run it without setarch -R",
			"this process was started with fixed addresses: repeats share one "
			"layout");
}

/* The least of some tries: whoever was preempted meanwhile took longer. */
static void look_clock_cost(struct bench_doctor *doctor)
{
	double least = INFINITY;

	for (uint32_t try = 0; try < CLOCK_TRIES; try++) {
		const uint64_t begin_ns = bench_clock_ns();
		uint64_t end_ns = begin_ns;

		for (uint32_t i = 0; i < CLOCK_READINGS; i++)
			end_ns = bench_clock_ns();
		least = fmin(least, (double)(end_ns - begin_ns) / CLOCK_READINGS);
	}
	bench_doctor_tell(doctor, least > 150 ? BENCH_WARNING : BENCH_FINE, "clock-cost",
			  least > 150 ? "look at the clock source" : "",
			  "reading the clock takes %.0f ns", least);
}

static void look_nap(struct bench_doctor *doctor)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	double took[NAPS], least;

	for (uint32_t i = 0; i < NAPS; i++) {
		const uint64_t begin_ns = bench_clock_ns();

		(void)nanosleep(&nap, NULL);
		took[i] = (double)(bench_clock_ns() - begin_ns) / 1000;
	}
	least = bench_stat_quantile(took, NAPS, 0);
	bench_doctor_tell(doctor, least > 1000 ? BENCH_WARNING : BENCH_FINE, "nap",
			  least > 1000 ? "a kernel with high resolution timers" : "",
			  "sleeping 50 us takes %.0f us (rates are paced without sleeping)", least);
}

void bench_doctor_process(struct bench_doctor *doctor)
{
	look_build(doctor);
	if (bench_instructions_counting())
		return; /* the rest would be of callgrind, not of the machine */
	look_counters(doctor);
	look_membarrier(doctor);
	look_rseq(doctor);
	look_personality(doctor);
	look_clock_cost(doctor);
	if (!doctor->quick)
		look_nap(doctor);
}
