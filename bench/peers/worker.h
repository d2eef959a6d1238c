/* SPDX-License-Identifier: MIT */
/*
 * worker.h - the executable of a peer: answers what pendbench asks, on a table of its own.
 */
#ifndef BENCH_PEERS_WORKER_H
#define BENCH_PEERS_WORKER_H

#include "bench/measure/impl.h"

/*
 * What main() of such an executable returns. @impl: with all of its functions, and not `remote`.
 * Ends when the socket does, and with the process that started it.
 */
int bench_worker_main(const struct bench_impl *impl);

#endif
