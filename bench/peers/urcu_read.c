/* SPDX-License-Identifier: MIT */
/*
 * urcu_read.c - the reader sections of two flavours of liburcu, inlined.
 *
 * QSBR has no sections: a reader reports that it is outside, here after every 64.
 */
#define _LGPL_SOURCE
#define URCU_API_MAP
#if PEER_QSBR
#include <urcu/urcu-qsbr.h>
#define READ_NS bench_urcu_qsbr_read_ns
#else
#include <urcu/urcu-memb.h>
#define READ_NS bench_urcu_memb_read_ns
#endif

#include "bench/measure/clock.h"
#include "bench/peers/urcu_read.h"

#define STEPS 1024u

double READ_NS(uint64_t window_ns, uint64_t *operations)
{
	uint64_t begin_ns, now_ns;

	rcu_register_thread();
	*operations = 0;
	begin_ns = bench_clock_ns();
	do {
		for (uint32_t i = 0; i < STEPS; i++) {
			rcu_read_lock();
			__asm__ volatile("" : : : "memory");
			rcu_read_unlock();
			if (i % 64 == 63)
				rcu_quiescent_state();
		}
		*operations += STEPS;
		now_ns = bench_clock_ns();
	} while (now_ns - begin_ns < window_ns);
	rcu_unregister_thread();
	return (double)(now_ns - begin_ns) / (double)*operations;
}
