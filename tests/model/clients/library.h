/* SPDX-License-Identifier: MIT */
/*
 * library.h - what makes a source of the library part of a client: included first.
 *
 * A client is one ordinary C program: a main(), pthreads, assert(). It includes the sources of the
 * library that it is about, so that it is one translation unit, and any checker of C11 programs can
 * run it. The switches that make that possible are set here:
 *
 *	PENDI_ATOMIC_BACKEND   ISO C11 atomics and nothing else (atomic_c11.h)
 *	PENDI_SMALL            rings, groups and tables of two to four (platform/small.h)
 *	PENDI_THREADS          as few threads as the client has
 *	PENDI_THREAD_LOCAL     a plain _Thread_local
 *
 * and what the library has from the system is defined here in plain C: no system call, no mmap.
 */
#ifndef TESTS_MODEL_CLIENTS_LIBRARY_H
#define TESTS_MODEL_CLIENTS_LIBRARY_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define PENDI_ATOMIC_BACKEND "tests/model/clients/atomic_c11.h"
#define PENDI_SMALL 1
#define PENDI_THREADS 5u
#define PENDI_THREAD_LOCAL _Thread_local

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* Some checkers bring a pthread.h of their own, without cancellation. */
#ifndef PTHREAD_CANCEL_DISABLE
#define PTHREAD_CANCEL_ENABLE 0
#define PTHREAD_CANCEL_DISABLE 1
#define pthread_setcancelstate(state, old) ((void)(old), 0)
#endif

#include "epoch/thread.h"
#include "platform/atomic.h"
#include "platform/cpu.h"
#include "platform/futex.h"
#include "platform/membarrier.h"
#include "platform/memory.h"

/* ---- threads: each says its number, 1 to 4 ---- */

PENDI_THREAD_LOCAL uint32_t pendi_thread_self;

uint32_t pendi_thread_register(void)
{
	return 0;
}

uint32_t pendi_thread_limit(void)
{
	return PENDI_THREADS;
}

static pthread_t client_threads[PENDI_THREADS];

#define CLIENT_START(number, function)                                   \
	assert(pthread_create(&client_threads[number], NULL, (function), \
			      (void *)(uintptr_t)(number)) == 0)
#define CLIENT_JOIN(number) assert(pthread_join(client_threads[number], NULL) == 0)

/* What each thread of a client does first. */
static inline uint32_t client_begin(void *number)
{
	pendi_thread_self = (uint32_t)(uintptr_t)number;
	return pendi_thread_self;
}

/* ---- the system ---- */

struct pendi_script pendi_script;

int pendi_membarrier_register(void)
{
	return 0;
}

/* The other half is a whole fence too (atomic_c11.h). */
int pendi_membarrier(void)
{
	client_whole_fence();
	return 0;
}

/* A sleep with a limit is over at once. One without is a loop that only reads, which a checker takes
 * for waiting: one that nobody ends is a lost wake-up. */
int pendi_futex_wait(const _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
	if (timeout_ns != UINT64_MAX)
		return -ETIMEDOUT;
	/* relaxed: as the kernel looks. */
	while (pendi_load_relaxed(word) == expected)
		;
	return 0;
}

int pendi_futex_wake(const _Atomic uint32_t *word, uint32_t count)
{
	(void)word;
	return (int)count;
}

uint32_t pendi_cpu_current_slow(void)
{
	return 0;
}

uint32_t pendi_cpu_possible(void)
{
	return 1;
}

/* ---- memory: zeroed, never given back ---- */

#ifndef CLIENT_ARENA_BYTES
#define CLIENT_ARENA_BYTES 4096u
#endif

static _Alignas(128) unsigned char client_arena[CLIENT_ARENA_BYTES];
static size_t client_arena_used;

void *pendi_memory_allocate(const struct pend_allocator *allocator, size_t size, size_t alignment)
{
	const size_t begin = (client_arena_used + alignment - 1) / alignment * alignment;

	(void)allocator;
	if (begin + size > CLIENT_ARENA_BYTES)
		return NULL;
	client_arena_used = begin + size;
	return client_arena + begin;
}

void pendi_memory_release(const struct pend_allocator *allocator, void *memory, size_t size)
{
	(void)allocator;
	(void)memory;
	(void)size;
}

#endif
