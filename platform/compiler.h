/* SPDX-License-Identifier: MIT */
/*
 * compiler.h - what we ask of the compiler beyond ISO C17, in one place.
 */
#ifndef PENDI_PLATFORM_COMPILER_H
#define PENDI_PLATFORM_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#ifdef PENDI_SMALL
#include "platform/small.h"
#endif

/* Bytes that two CPUs fight over as one. 64 on every x86-64 and most arm64. */
#define PENDI_CACHE_LINE 64u

/*
 * Begins a field that other CPUs write, or do not write, unlike the one before it: so many cache
 * lines are its own. Two keep the prefetcher out, which fetches lines in pairs. Without padding
 * (PENDI_UNPADDED, for measuring what it is worth) the fields just follow each other.
 */
#ifndef PENDI_UNPADDED
#define PENDI_UNPADDED 0
#endif
#if PENDI_UNPADDED
#define PENDI_APART(lines)
#else
#define PENDI_APART(lines) _Alignas((lines)*PENDI_CACHE_LINE)
#endif

/* Not in a build that counts coverage: a decision inside a call would not be one for MC/DC. */
#ifndef PENDI_COVERAGE
#define PENDI_COVERAGE 0
#endif
#if PENDI_COVERAGE
#define PENDI_LIKELY(condition) (condition)
#define PENDI_UNLIKELY(condition) (condition)
#else
#define PENDI_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define PENDI_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#endif

#define PENDI_ALWAYS_INLINE static inline __attribute__((always_inline))
/* Seldom called: kept out of line, away from the code that calls it. */
#define PENDI_COLD __attribute__((noinline, cold))
/* Inlines all that it calls, but for what is cold: for the few calls that programs make most. */
#define PENDI_FLATTEN __attribute__((flatten))
#define PENDI_NONNULL __attribute__((nonnull))
#define PENDI_MUST_CHECK __attribute__((warn_unused_result))

/* A thread-local that costs one %fs-relative load even inside the shared library. */
#ifndef PENDI_THREAD_LOCAL
#define PENDI_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#endif

/* 1 in builds with the thread or the address sanitizer, else 0. */
#if defined(__has_feature)
#define PENDI_HAS_FEATURE(name) __has_feature(name)
#else
#define PENDI_HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_THREAD__) || PENDI_HAS_FEATURE(thread_sanitizer)
#define PENDI_TSAN 1
#else
#define PENDI_TSAN 0
#endif
#if defined(__SANITIZE_ADDRESS__) || PENDI_HAS_FEATURE(address_sanitizer)
#define PENDI_ASAN 1
#else
#define PENDI_ASAN 0
#endif

#define PENDI_CONTAINER_OF(pointer, type, member) \
	((type *)((char *)(pointer)-offsetof(type, member)))

/* Sixteen bytes of plain memory at any address. */
typedef uint64_t pendi_lanes __attribute__((vector_size(16), aligned(1), may_alias));

/* Hints only: an address that is not mapped is harmless. */
PENDI_ALWAYS_INLINE void pendi_prefetch_read(const void *address)
{
	__builtin_prefetch(address, 0, 3);
}

/*
 * For a line that will be written: fetches it exclusively, so that the write does not have to ask
 * for it again. Baseline x86-64 has the instruction, if only as a no-op on some old CPUs, but
 * compilers do not emit it unless told to.
 */
PENDI_ALWAYS_INLINE void pendi_prefetch_write(const void *address)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" ::"m"(*(const char *)address));
#else
	__builtin_prefetch(address, 1, 3);
#endif
}

#endif
