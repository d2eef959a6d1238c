/* SPDX-License-Identifier: MIT */
/*
 * script.h - the seam through which a test plays the operating system.
 *
 * One process-wide table. An entry that is NULL means the real thing. Tests fill it before
 * they start threads and clear it after they joined them, so its fields are plain: nobody
 * writes while another reads. The library itself never writes it.
 *
 * An entry answers for the function of its name (pendi_cpu_pin() calls cpu_pin, and so on) and
 * returns what that function returns. Some do more or are asked less: pendi_cpu_current() brings
 * what cpu_current says below the number of possible CPUs; cpu_allowed also makes the count of
 * pendi_cpu_allowed_count(); numa_has_memory also says which nodes pendi_numa_count() and
 * pendi_numa_nearest() know, and numa_distance which is near; numa_bind and numa_interleave are
 * asked only where the real thing would be.
 */
#ifndef PENDI_PLATFORM_SCRIPT_H
#define PENDI_PLATFORM_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pendi_uevent;

struct pendi_script {
	uint32_t (*cpu_current)(void);
	uint32_t (*cpu_possible)(void);
	uint32_t (*cpu_node)(uint32_t cpu);
	int (*cpu_allowed)(uint32_t cpu);
	int (*cpu_pin)(uint32_t cpu);
	uint64_t (*clock_coarse_ns)(void);
	uint64_t (*clock_mono_ns)(void);
	uint64_t (*clock_boot_ns)(void);
	int (*membarrier_register)(void);
	int (*membarrier)(void);
	int (*futex_wait)(const void *word, uint32_t expected, uint64_t timeout_ns);
	int (*futex_wake)(const void *word, uint32_t count);
	int (*sched_fifo)(uint32_t priority);
	int (*uevent_open)(void);
	int (*uevent_read)(int socket, struct pendi_uevent *event);
	bool (*numa_usable)(void);
	bool (*numa_has_memory)(uint32_t node);
	uint32_t (*numa_distance)(uint32_t from,
				  uint32_t to); /* as the kernel says it; 0: unknown */
	int (*numa_bind)(void *pages, size_t bytes, uint32_t node); /* the whole pages, 1 or more */
	int (*numa_interleave)(void *pages, size_t bytes);
	uint32_t (*numa_node_of)(const void *address);
	/* Returns 0 to let an allocation of @size bytes succeed, non-zero to make it fail. */
	int (*allocation_fails)(size_t size);
};

extern struct pendi_script pendi_script __attribute__((visibility("hidden")));

#endif
