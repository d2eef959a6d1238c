/* SPDX-License-Identifier: MIT */
/*
 * small.h - the library at tiny geometry (-DPENDI_SMALL), for checkers that try all interleavings.
 *
 * Whatever has room for many has room for two, so that two operations reach what is full, what
 * wraps and what is taken from another thread. Nothing else changes: the code that is checked is the
 * code that ships. compiler.h includes this first, so it holds everywhere; PENDI_THREADS may be set
 * otherwise.
 *
 * Such a checker also sets, on its command line,
 *
 *	PENDI_ATOMIC_BACKEND   its own atomics (platform/atomic.h)
 *	PENDI_THREAD_LOCAL     its own kind of thread-locals, where it runs threads by itself
 *
 * leaves out platform/memory.c for functions of the same names over its own memory, and fills
 * pendi_script (platform/script.h) before anything else: then the library maps nothing, and maps
 * without an engine make no system call; engines and sessions make eventfds and an epoll. It may
 * include all other sources into one unit.
 */
#ifndef PENDI_PLATFORM_SMALL_H
#define PENDI_PLATFORM_SMALL_H

#ifndef PENDI_THREADS
#define PENDI_THREADS 8u
#endif
#define PENDI_UNPADDED 1
#define PENDI_LANES 2u
#define PENDI_POCKET_SLOTS 2u
#define PENDI_SLAB_CHUNK 2u
#define PENDI_SCARCE_PUSHES 2u
#define PENDI_QUEUE_WINDOW 2u
#define PENDI_QUEUE_CAPACITY_MIN 2u
#define PENDI_RING_NOTICES_MIN 2u
#define PENDI_ROSTER_QUARANTINE 2u
#define PENDI_CLIENT_BITS 6u
#define PENDI_WATCHES 4u
#define PENDI_SUSPENDS_KEPT 4u

#endif
