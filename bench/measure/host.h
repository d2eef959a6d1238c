/* SPDX-License-Identifier: MIT */
/*
 * host.h - the machine and the build that a figure belongs to.
 */
#ifndef BENCH_MEASURE_HOST_H
#define BENCH_MEASURE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/command/options.h"
#include "bench/measure/lane.h"

struct bench_host {
	char cpu[128];
	char kernel[128];
	char virt[64];      /* the hypervisor, or "none" */
	char thp[16];       /* transparent huge pages: always, madvise, never, unknown */
	uint32_t cpu_count; /* that this process may use, at most BENCH_THREADS_MAX */
	uint32_t cpus[BENCH_THREADS_MAX]; /* distinct cores first */
	uint64_t memory_bytes;
	uint64_t available_bytes;
};

void bench_host_read(struct bench_host *host);

/*
 * Where @count threads go: on distinct cores first, or core by core with its siblings; round robin
 * where there are fewer CPUs.
 */
void bench_host_place(const struct bench_host *host, enum bench_pin pin, uint32_t count,
		      uint32_t *cpus);

/* Available memory now. */
uint64_t bench_host_available(void);

/* What of this build makes figures meaningless, or NULL. */
const char *bench_build_warning(void);

#endif
