/* SPDX-License-Identifier: MIT */
/*
 * atomic_native.h - the native backend of atomic.h: C11 atomics, orders as named.
 *
 * Edge labels cost nothing here: they are arguments that the macros drop. A compare-and-swap
 * that fails only reloads; its failure order is acquire where the success order acquires,
 * relaxed otherwise.
 */
#ifndef PENDI_PLATFORM_ATOMIC_NATIVE_H
#define PENDI_PLATFORM_ATOMIC_NATIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "platform/compiler.h"

/*
 * Whether whole lines are read and payloads copied sixteen bytes at a time. Sanitizers do not see
 * into assembly, so their builds take the portable form.
 */
#ifndef PENDI_VECTORS
#if defined(__x86_64__) && !PENDI_TSAN && !PENDI_ASAN
#define PENDI_VECTORS 1
#else
#define PENDI_VECTORS 0
#endif
#endif

#if PENDI_VECTORS
#include <emmintrin.h>
#endif

#define pendi_load_relaxed(p) atomic_load_explicit((p), memory_order_relaxed)
#define pendi_load_acquire(p, edge) atomic_load_explicit((p), memory_order_acquire)

#define pendi_store_relaxed(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)
#define pendi_store_release(p, v, edge) atomic_store_explicit((p), (v), memory_order_release)

#define pendi_cas_relaxed(p, expected, v)                                                   \
	atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_relaxed, \
						memory_order_relaxed)
#define pendi_cas_acquire(p, expected, v, edge)                                             \
	atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_acquire, \
						memory_order_acquire)
#define pendi_cas_release(p, expected, v, edge)                                             \
	atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_release, \
						memory_order_relaxed)
#define pendi_cas_acq_rel(p, expected, v, acquire_edge, release_edge)                       \
	atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_acq_rel, \
						memory_order_acquire)

#define pendi_exchange_relaxed(p, v) atomic_exchange_explicit((p), (v), memory_order_relaxed)
#define pendi_exchange_acquire(p, v, edge) atomic_exchange_explicit((p), (v), memory_order_acquire)
#define pendi_exchange_release(p, v, edge) atomic_exchange_explicit((p), (v), memory_order_release)
#define pendi_exchange_acq_rel(p, v, acquire_edge, release_edge) \
	atomic_exchange_explicit((p), (v), memory_order_acq_rel)

#define pendi_fetch_add_relaxed(p, v) atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define pendi_fetch_add_release(p, v, edge) \
	atomic_fetch_add_explicit((p), (v), memory_order_release)
#define pendi_fetch_add_acq_rel(p, v, acquire_edge, release_edge) \
	atomic_fetch_add_explicit((p), (v), memory_order_acq_rel)
#define pendi_fetch_sub_relaxed(p, v) atomic_fetch_sub_explicit((p), (v), memory_order_relaxed)
#define pendi_fetch_sub_release(p, v, edge) \
	atomic_fetch_sub_explicit((p), (v), memory_order_release)

/* Stops the compiler, not the CPU. */
#define pendi_fence_light(edge) atomic_signal_fence(memory_order_seq_cst)

#if defined(__x86_64__)
/* A locked no-op on the stack: an eighth of the price of mfence, the same guarantee. */
#define pendi_fence_store_load(edge) __asm__ volatile("lock; orl $0, (%%rsp)" ::: "memory", "cc")
#define pendi_fence_store_load_after_rmw(edge) atomic_signal_fence(memory_order_seq_cst)
#else
#define pendi_fence_store_load(edge) atomic_thread_fence(memory_order_seq_cst)
#define pendi_fence_store_load_after_rmw(edge) atomic_thread_fence(memory_order_seq_cst)
#endif

PENDI_ALWAYS_INLINE void pendi_cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#else
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

#define pendi_once(once, function) ((void)pthread_once((once), (function)))

#define pendi_copy_in_release(words, source, bytes, edge) pendi_copy_in_((words), (source), (bytes))
#define pendi_copy_out_acquire(target, words, bytes, edge) \
	pendi_copy_out_((target), (words), (bytes))
#define pendi_equal_acquire(words, source, bytes, edge) pendi_equal_((words), (source), (bytes))
#define pendi_match16_acquire(cells, value, mask, edge) pendi_match16_((cells), (value), (mask))

/* The last word of @source, zero-padded. @p tail is 1..7. */
PENDI_ALWAYS_INLINE uint64_t pendi_tail_(const unsigned char *source, size_t tail)
{
	uint64_t word = 0;

	memcpy(&word, source, tail);
	return word;
}

/*
 * Moves 64 bytes with ordinary vector instructions. x86 keeps loads and stores in order whatever
 * their width, so each word acquires and releases as one by one; a word that was torn is of a
 * payload that changed meanwhile, which the reader finds out (SL2) as for any other mixture.
 * Assembly, so that no compiler moves, repeats or splits it otherwise.
 */
#if PENDI_VECTORS
PENDI_ALWAYS_INLINE void pendi_copy_line_(void *target, const void *source)
{
	__m128i a, b, c, d;

	__asm__ volatile("movdqu (%5), %0\n\tmovdqu 16(%5), %1\n\t"
			 "movdqu 32(%5), %2\n\tmovdqu 48(%5), %3\n\t"
			 "movdqu %0, (%4)\n\tmovdqu %1, 16(%4)\n\t"
			 "movdqu %2, 32(%4)\n\tmovdqu %3, 48(%4)"
			 : "=&x"(a), "=&x"(b), "=&x"(c), "=&x"(d)
			 : "r"(target), "r"(source)
			 : "memory");
}
#endif

PENDI_ALWAYS_INLINE uint64_t pendi_word_(const unsigned char *source)
{
	uint64_t word;

	memcpy(&word, source, 8);
	return word;
}

/* Stores @bytes of @source into @words; the last word is zero-padded. */
PENDI_ALWAYS_INLINE void pendi_copy_in_(_Atomic uint64_t *words, const void *source, size_t bytes)
{
	const unsigned char *from = source;

#if PENDI_VECTORS
	for (; bytes >= 64; bytes -= 64, from += 64, words += 8)
		pendi_copy_line_(words, from);
#endif
	for (; bytes >= 8; bytes -= 8, from += 8)
		atomic_store_explicit(words++, pendi_word_(from), memory_order_release);
	if (bytes)
		atomic_store_explicit(words, pendi_tail_(from, bytes), memory_order_release);
}

PENDI_ALWAYS_INLINE void pendi_copy_out_(void *target, const _Atomic uint64_t *words, size_t bytes)
{
	unsigned char *to = target;

#if PENDI_VECTORS
	for (; bytes >= 64; bytes -= 64, to += 64, words += 8)
		pendi_copy_line_(to, words);
#endif
	for (; bytes; words++) {
		const uint64_t word = atomic_load_explicit(words, memory_order_acquire);
		const size_t size = bytes < 8 ? bytes : 8;

		memcpy(to, &word, size);
		to += size;
		bytes -= size;
	}
}

/* Whether @words hold the @bytes of @source. Stops at the first word that differs. */
PENDI_ALWAYS_INLINE bool pendi_equal_(const _Atomic uint64_t *words, const void *source,
				      size_t bytes)
{
	const unsigned char *from = source;
	size_t n = 0;

	for (; bytes >= 8; bytes -= 8, from += 8) {
		if (atomic_load_explicit(&words[n++], memory_order_acquire) != pendi_word_(from))
			return false;
	}
	return bytes == 0 ||
	       atomic_load_explicit(&words[n], memory_order_acquire) == pendi_tail_(from, bytes);
}

/*
 * Bit i of the result: (cells[i] & mask) == value, for the sixteen cells of one cache line.
 * Each cell is read once, whole, with acquire order; the sixteen reads are not one snapshot.
 * The x86-64 form reads 16 bytes at a time: aligned vector loads never tear a 32-bit lane,
 * and every x86 load acquires. It is assembly so that no compiler moves or repeats it.
 */
PENDI_ALWAYS_INLINE uint32_t pendi_match16_(const _Atomic uint32_t *cells, uint32_t value,
					    uint32_t mask)
{
#if PENDI_VECTORS
	const __m128i wanted = _mm_set1_epi32((int)value), keep = _mm_set1_epi32((int)mask);
	__m128i a, b, c, d;

	__asm__ volatile("movdqa (%4), %0\n\tmovdqa 16(%4), %1\n\t"
			 "movdqa 32(%4), %2\n\tmovdqa 48(%4), %3"
			 : "=&x"(a), "=&x"(b), "=&x"(c), "=&x"(d)
			 : "r"(cells)
			 : "memory");
	a = _mm_cmpeq_epi32(_mm_and_si128(a, keep), wanted);
	b = _mm_cmpeq_epi32(_mm_and_si128(b, keep), wanted);
	c = _mm_cmpeq_epi32(_mm_and_si128(c, keep), wanted);
	d = _mm_cmpeq_epi32(_mm_and_si128(d, keep), wanted);
	return (uint32_t)_mm_movemask_epi8(
		_mm_packs_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d)));
#else
	uint32_t found = 0;

	for (uint32_t i = 0; i < 16; i++) {
		const uint32_t cell = atomic_load_explicit(&cells[i], memory_order_acquire);

		found |= (uint32_t)((cell & mask) == value) << i;
	}
	return found;
#endif
}

#endif
