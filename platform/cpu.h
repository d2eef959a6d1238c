/* SPDX-License-Identifier: MIT */
/*
 * cpu.h - which CPU this is, which CPUs there are, and where a thread may run.
 *
 * The current CPU is read from the rseq area that glibc registers for each thread: one
 * thread-relative load. Where rseq is not registered (valgrind, old kernels, seccomp)
 * sched_getcpu() answers. Either way the answer is a hint: the thread may have moved before the
 * caller reads it.
 */
#ifndef PENDI_PLATFORM_CPU_H
#define PENDI_PLATFORM_CPU_H

#include <stddef.h>
#include <stdint.h>
#include <sys/rseq.h>

#include "platform/atomic.h"
#include "platform/compiler.h"
#include "platform/script.h"

/*
 * CPU numbers of the rseq area below this are taken as they are: pendi_cpu_possible() once that
 * was asked for, 0 before and where rseq is not registered. Written by cpu.c, once.
 */
extern _Atomic uint32_t pendi_cpu_rseq_bound __attribute__((visibility("hidden")));

uint32_t pendi_cpu_current_slow(void);

/* The CPU of the calling thread, always below pendi_cpu_possible(). Never fails, never sleeps. */
PENDI_ALWAYS_INLINE uint32_t pendi_cpu_current(void)
{
#ifndef PENDI_SMALL /* whoever makes it small plays the CPU too */
	if (PENDI_LIKELY(!pendi_script.cpu_current && !pendi_script.cpu_possible)) {
		const void *field = (const char *)__builtin_thread_pointer() + __rseq_offset +
				    offsetof(struct rseq, cpu_id);
		/*
		 * relaxed, both: the kernel writes the field while this thread is stopped, and the
		 * bound comes with no other data. An area that is not registered holds -1 or -2,
		 * which the bound rejects too.
		 */
		const uint32_t cpu = pendi_load_relaxed((const _Atomic uint32_t *)field);

		if (PENDI_LIKELY(cpu < pendi_load_relaxed(&pendi_cpu_rseq_bound)))
			return cpu;
	}
#endif
	return pendi_cpu_current_slow();
}

/*
 * One more than the highest CPU number this machine may ever have: 1 or more. The first answer
 * of the process stands.
 */
uint32_t pendi_cpu_possible(void);

/*
 * One more than the highest number in a list as the kernel writes them ("0-3,8-11"), or 0 where
 * @list is not such a list.
 */
uint32_t pendi_cpu_list_bound(const char *list);

/*
 * The NUMA node of @cpu, or 0 where the machine does not say. It may have no memory: see
 * pendi_numa_nearest() (numa.h). Reads sysfs: for set-up only.
 */
uint32_t pendi_cpu_node(uint32_t cpu);

/* CPUs the calling thread may run on now. Returns how many, or a negative errno. */
int pendi_cpu_allowed_count(void);

/* Whether the calling thread may run on @cpu now: 1, 0, or a negative errno. */
int pendi_cpu_allowed(uint32_t cpu);

/*
 * Pins the calling thread to @cpu. 0; -EINVAL when the CPU is offline, unplugged or outside
 * the cpuset (to be treated as "not there now"); another negative errno otherwise.
 */
int pendi_cpu_pin(uint32_t cpu);

#endif
