/* SPDX-License-Identifier: MIT */
/*
 * thread.h - the registry of threads: a small dense number and a record for each.
 *
 * A thread gets its record on first use and gives it back when it ends, however it ends
 * (return, pthread_exit, cancellation). The table is static, so registering allocates nothing
 * and fails only when PENDI_THREADS - 1 threads are registered at once (or when the process has
 * no thread-specific key left, without which the end of a thread could not be noticed). Record
 * 0 belongs to nobody: pendi_thread_number() returns 0 for a thread that is not registered.
 *
 * Numbers are reused. What a thread wrote under its number happens-before what the next owner
 * of the number reads there (edge TR1), so per-number counters with one writer at a time need
 * no read-modify-write.
 */
#ifndef PENDI_EPOCH_THREAD_H
#define PENDI_EPOCH_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/compiler.h"

/* Records in the table. A test makes it small to see it full. */
#ifndef PENDI_THREADS
#define PENDI_THREADS 4096u
#endif

extern PENDI_THREAD_LOCAL uint32_t pendi_thread_self;

/* Registers the calling thread; its number, or 0 when the table is full. Cold path. */
uint32_t pendi_thread_register(void);

/* The number of the calling thread, 1 .. PENDI_THREADS - 1; 0: the table is full. */
PENDI_ALWAYS_INLINE uint32_t pendi_thread_number(void)
{
	const uint32_t number = pendi_thread_self;

	return PENDI_LIKELY(number) ? number : pendi_thread_register();
}

/* One more than the highest number ever given out; scans stop there. */
uint32_t pendi_thread_limit(void);

#endif
