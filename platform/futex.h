/* SPDX-License-Identifier: MIT */
/*
 * futex.h - sleep until a 32-bit word changes, and wake who sleeps on it.
 *
 * The word is private to the process. The kernel compares it and goes to sleep in one step, so
 * a wake after a change is never lost; a wait or a wake is no memory-order edge, though: the
 * accesses to the word are (platform/atomic.h).
 */
#ifndef PENDI_PLATFORM_FUTEX_H
#define PENDI_PLATFORM_FUTEX_H

#include <stdint.h>

/*
 * Sleeps while *@word == @expected, at most @timeout_ns (UINT64_MAX: no limit; time in suspend
 * does not count). 0 when woken, -EAGAIN when the word already differed, -ETIMEDOUT, -EINTR.
 * Spurious wake-ups happen.
 */
int pendi_futex_wait(const _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns);

/* Wakes at most @count sleepers (UINT32_MAX: all). Returns how many. */
int pendi_futex_wake(const _Atomic uint32_t *word, uint32_t count);

#endif
