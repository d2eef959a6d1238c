/* SPDX-License-Identifier: MIT */
/*
 * script.h - the seam through which a test plays the operating system.
 *
 * One process-wide table. An entry that is NULL means the real thing. Tests fill it before
 * they start threads and clear it after they joined them, so its fields are plain: nobody
 * writes while another reads. The library itself never writes it.
 *
 * An entry answers for the function of its name (pendi_cpu_pin() calls cpu_pin, and so on) and
 * returns what that function returns. Two do more: pendi_cpu_current() brings what cpu_current
 * says below the number of possible CPUs, and cpu_allowed also makes the count of
 * pendi_cpu_allowed_count().
 */
#ifndef PENDI_PLATFORM_SCRIPT_H
#define PENDI_PLATFORM_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

struct pendi_script {
	uint32_t (*cpu_current)(void);
	uint32_t (*cpu_possible)(void);
	int (*cpu_allowed)(uint32_t cpu);
	int (*cpu_pin)(uint32_t cpu);
	uint64_t (*clock_coarse_ns)(void);
	uint64_t (*clock_boot_ns)(void);
	int (*membarrier_register)(void);
	int (*membarrier)(void);
	int (*futex_wait)(const void *word, uint32_t expected, uint64_t timeout_ns);
	int (*futex_wake)(const void *word, uint32_t count);
	/* Returns 0 to let an allocation of @size bytes succeed, non-zero to make it fail. */
	int (*allocation_fails)(size_t size);
};

extern struct pendi_script pendi_script __attribute__((visibility("hidden")));

#endif
