/* SPDX-License-Identifier: MIT */
/*
 * sched.h - real-time scheduling of the calling thread.
 */
#ifndef PENDI_PLATFORM_SCHED_H
#define PENDI_PLATFORM_SCHED_H

#include <stdint.h>

/*
 * Runs the calling thread as SCHED_FIFO of @priority (1 .. 99 on Linux) from now on. 0; -EPERM
 * where that needs a right or a limit (RLIMIT_RTPRIO) that the process does not have; -EINVAL for
 * another priority. On failure the thread runs as before.
 */
int pendi_sched_fifo(uint32_t priority);

#endif
