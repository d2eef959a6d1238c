/* SPDX-License-Identifier: MIT */
/*
 * driver_mix.h - loops of several kinds of operations on one filled table.
 *
 * What a mix does next was drawn before (draws.h), so the loop pays for a load instead of a
 * generator; the place of the ring that a draw names is fetched some steps ahead, so that it does
 * not pay for the size of the harness' own memory either.
 */
#ifndef BENCH_MEASURE_DRIVER_MIX_H
#define BENCH_MEASURE_DRIVER_MIX_H

#include "bench/measure/draws.h"
#include "bench/measure/driver.h"

#define BENCH_MIX_AHEAD 8u

/* Pends a fresh key in place of the one at @place, which is completed by key. */
BENCH_INLINE bool bench_mix_update(const struct bench_ops *ops, struct bench_lane *lane,
				   struct bench_live *place)
{
	struct bench_live fresh = { 0, lane->next_number++ };

	if (!bench_pend(ops, lane, fresh.number, &fresh.token))
		return false;
	lane->counts.attempted++;
	lane->counts.inserted++;
	if (!bench_complete(ops, lane, place, true))
		return false;
	lane->counts.completed++;
	*place = fresh;
	return true;
}

BENCH_INLINE bool bench_mix_step(const struct bench_ops *ops, struct bench_lane *lane,
				 uint32_t draw)
{
	struct bench_live *place = &lane->ring[bench_draw_number(draw)];
	const enum bench_draw kind = bench_draw_kind(draw);
	const bool hit = kind == BENCH_DRAW_HIT;

	if (kind == BENCH_DRAW_UPDATE)
		return bench_mix_update(ops, lane, place);
	lane->counts.looked_up++;
	if (!bench_lookup(ops, lane,
			  hit ? place->number : bench_number_sought(lane, BENCH_SEEK_ABSENT), hit))
		return false;
	lane->counts.hits += hit;
	return true;
}

BENCH_INLINE void bench_drive_mix(const struct bench_ops *ops, struct bench_lane *lane)
{
	const uint32_t *draws = lane->draws;
	const uint64_t mask = lane->draw_mask;

	do {
		for (uint32_t step = 0; step < BENCH_STEPS; step++, lane->drawn++) {
			const uint32_t ahead = draws[(lane->drawn + BENCH_MIX_AHEAD) & mask];

			__builtin_prefetch(&lane->ring[bench_draw_number(ahead)]);
			bench_tick(ops, lane, step);
			if (!bench_mix_step(ops, lane, draws[lane->drawn & mask]))
				return;
			lane->operations++;
		}
	} while (bench_more(lane));
}

/* Walks begin anew as often as they end; each meets at least what nobody completed meanwhile. */
BENCH_INLINE void bench_drive_walk(const struct bench_ops *ops, struct bench_lane *lane)
{
	uint64_t met = 0;
	bool whole = false; /* a walk that an earlier window began may have been cut short */

	do {
		for (uint32_t step = 0; step < 8; step++) {
			const uint32_t visited = ops->walk(lane->session);

			bench_tick(ops, lane, step);
			lane->operations += visited;
			met += visited;
			if (visited)
				continue;
			if (BENCH_UNLIKELY(whole && met < lane->walk_least)) {
				bench_lane_fail(lane, "a walk that misses operations", -ENOENT);
				return;
			}
			whole = true;
			met = 0;
		}
	} while (bench_more(lane));
}

#endif
