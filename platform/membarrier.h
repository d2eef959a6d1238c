/* SPDX-License-Identifier: MIT */
/*
 * membarrier.h - the heavy half of an asymmetric fence.
 *
 * A reader that does pendi_fence_light() pays nothing; the side that seldom runs calls
 * pendi_membarrier(), and the kernel makes every running thread of this process execute a
 * full fence. Together the two behave as a store-load fence on both sides.
 */
#ifndef PENDI_PLATFORM_MEMBARRIER_H
#define PENDI_PLATFORM_MEMBARRIER_H

/* Registers the process, once, and tries the barrier; later calls repeat the answer (a scripted
 * one is not remembered). 0, or a negative errno when the kernel, a seccomp filter or a script
 * refuses either. Any thread. */
int pendi_membarrier_register(void);

/* Makes every thread of this process execute a full fence. Only after a registration that
 * returned 0. 0 or a negative errno. About 1 us. */
int pendi_membarrier(void);

#endif
