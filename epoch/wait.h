/* SPDX-License-Identifier: MIT */
/*
 * wait.h - how the few calls of the epoch that may block pass the time.
 *
 * Spin a little, yield a little, then sleep for 50 us, doubling up to 1 ms. Only for calls that
 * are documented to block on readers: nothing on the way of a pend waits here.
 */
#ifndef PENDI_EPOCH_WAIT_H
#define PENDI_EPOCH_WAIT_H

#include <sched.h>
#include <stdint.h>
#include <time.h>

#include "platform/atomic.h"

enum pendi_wait_rounds {
	PENDI_WAIT_SPINS = 32,
	PENDI_WAIT_YIELDS = 64,
};

/* @round counts the calls of one wait; the caller starts it at 0. A cancellation point once it
 * sleeps: the caller holds nothing. */
static inline void pendi_wait(uint32_t *round)
{
	const uint32_t n = (*round)++;

	if (n < PENDI_WAIT_SPINS) {
		pendi_cpu_relax();
	} else if (n < PENDI_WAIT_SPINS + PENDI_WAIT_YIELDS) {
		(void)sched_yield();
	} else {
		const uint32_t doublings = n - (PENDI_WAIT_SPINS + PENDI_WAIT_YIELDS);
		const long sleep_ns = doublings < 4 ? 50000L << doublings : 1000000L;

		(void)nanosleep(&(const struct timespec){ .tv_nsec = sleep_ns }, NULL);
	}
}

#endif
