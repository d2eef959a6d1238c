/* SPDX-License-Identifier: MIT */
/*
 * stats.c - reading the counters of a shard, or of all.
 */
#include <errno.h>
#include <string.h>

#include "engine/shard/engine_internal.h"

/* sizeof(struct pend_shard_stats) in the first version. */
#define SHARD_STATS_SIZE_FIRST sizeof(struct pend_shard_stats)

static void add_row(struct pend_shard_stats *stats, const struct pendi_shard_row *row)
{
	/* relaxed, all: a moment's estimate, as promised. */
	stats->served += pendi_load_relaxed(&row->served);
	stats->at_home += pendi_load_relaxed(&row->at_home);
	stats->passes += pendi_load_relaxed(&row->passes);
	stats->looks += pendi_load_relaxed(&row->looks);
}

static void add_shard(struct pend_shard_stats *stats, const struct pendi_shard *shard)
{
	add_row(stats, &shard->rows[PENDI_ROW_HOME]);
	add_row(stats, &shard->rows[PENDI_ROW_OTHERS]);
	/* relaxed, all: as above. */
	stats->overflows += pendi_load_relaxed(&shard->hints_refused);
	stats->sleeps += pendi_load_relaxed(&shard->times_slept);
	stats->wakes += pendi_load_relaxed(&shard->times_woken);
	stats->stalls += pendi_load_relaxed(&shard->stalls);
	stats->losses += pendi_load_relaxed(&shard->losses);
	stats->returns += pendi_load_relaxed(&shard->returns);
	stats->queued += pendi_queue_length(&shard->queue);
	stats->fifo_refused += pendi_load_relaxed(&shard->without_fifo);
	stats->starts_refused += pendi_load_relaxed(&shard->starts_refused);
}

int pend_engine_stats_read(struct pend_engine *engine, uint32_t cpu, struct pend_shard_stats *stats)
{
	struct pend_shard_stats sum = { 0 };
	const int error = stats ? pendi_engine_check(engine) : -EFAULT;

	if (error)
		return error;
	if (stats->size < SHARD_STATS_SIZE_FIRST)
		return -EINVAL;
	if (cpu != PEND_CPU_CURRENT && cpu >= engine->shard_count)
		return -ERANGE;
	for (uint32_t i = 0; i < engine->shard_count; i++) {
		if (cpu == i || cpu == PEND_CPU_CURRENT)
			add_shard(&sum, engine->shards[i]);
	}
	if (cpu != PEND_CPU_CURRENT)
		sum.server_cpu = pendi_shard_server(engine->shards[cpu]);
	sum.size = stats->size;
	memcpy(stats, &sum, stats->size < sizeof(sum) ? stats->size : sizeof(sum));
	return 0;
}
