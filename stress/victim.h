/* SPDX-License-Identifier: MIT */
/*
 * victim.h - one thread of a child stopped at whatever instruction it is.
 *
 * By ptrace: the engine's threads block all signals, so no handler would run in them, and a handler
 * would run at the ends of system calls and cost CPU. A traced thread just does not run.
 */
#ifndef STRESS_VICTIM_H
#define STRESS_VICTIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define VICTIMS_MOST 64u

/* Whether a child of ours can be stopped. */
bool victim_may_stop(void);

/* False: it could not be stopped. */
bool victim_stop(int32_t tid);
void victim_go(int32_t tid);

/* The engine's own threads have names: "pend/3" is the executor of CPU 3, the monitor's is no
 * number. Fills in thread and CPU of the executors, or of the others; VICTIMS_MOST fit. Returns how
 * many there are. */
uint32_t victim_list_engine(pid_t child, bool executors, int32_t *tids, uint32_t *cpus);

/* Resident memory of the child. */
int64_t victim_resident_kib(pid_t child);

#endif
