/* SPDX-License-Identifier: MIT */
/*
 * urcu_read.h - the reader sections of two flavours of liburcu.
 */
#ifndef BENCH_PEERS_URCU_READ_H
#define BENCH_PEERS_URCU_READ_H

#include <stdint.h>

/* Opens and closes sections for @window_ns. Nanoseconds for one; @operations is how many. */
double bench_urcu_memb_read_ns(uint64_t window_ns, uint64_t *operations);
double bench_urcu_qsbr_read_ns(uint64_t window_ns, uint64_t *operations);

#endif
