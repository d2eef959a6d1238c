/* SPDX-License-Identifier: MIT */
/*
 * unpadded.c - "pendmap-unpadded": pendmap, whose sources were compiled without the padding that
 * keeps apart what different CPUs write (PENDI_APART, platform/compiler.h).
 *
 * What it answers: how much of pendmap's figures for two and more threads is owed to the padding.
 */
#include "bench/measure/impl.h"
#include "bench/peers/worker.h"
#include "engine/queue/queue.h"

_Static_assert(sizeof(struct pendi_queue) < 2 * PENDI_CACHE_LINE,
	       "the whole queue is smaller than what pads one field of it otherwise");

int main(void)
{
	struct bench_impl impl = bench_impl_pendmap;

	impl.name = "pendmap-unpadded";
	return bench_worker_main(&impl);
}
