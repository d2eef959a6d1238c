/* SPDX-License-Identifier: MIT */
/*
 * driver_trace.h - the loop that replays the plan of a trace.
 */
#ifndef BENCH_MEASURE_DRIVER_TRACE_H
#define BENCH_MEASURE_DRIVER_TRACE_H

#include "bench/measure/driver.h"
#include "bench/scenario/trace.h"

/* Completes the operation that is due as number @next of the plan, if it was pended. */
BENCH_INLINE bool bench_trace_finish(const struct bench_ops *ops, struct bench_lane *lane,
				     uint64_t next)
{
	const struct bench_trace_plan *plan = lane->plan;
	const uint64_t token = plan->tokens[plan->order[next]];

	if (!token)
		return true;

	const int result = ops->complete(lane->session, token);

	if (BENCH_UNLIKELY(result)) {
		bench_lane_fail(lane, "complete", result);
		return false;
	}
	lane->counts.completed++;
	return true;
}

/* Pends event @i. A duplicate and a full table are outcomes of the trace, not failures. */
BENCH_INLINE bool bench_trace_arrive(const struct bench_ops *ops, struct bench_lane *lane,
				     uint64_t i)
{
	const struct bench_trace_plan *plan = lane->plan;
	const unsigned char *key = plan->keys + i * BENCH_TRACE_KEY_STRIDE;
	uint64_t token = 0;

	bench_number_write(lane->values, i);
	int result = ops->pend(lane->session, key, lane->values, &token);

	if (BENCH_UNLIKELY(result == -EAGAIN))
		result = bench_pend_again(ops, lane, key, lane->values, &token, result) ? 0
											: -EAGAIN;
	plan->tokens[i] = result ? 0 : token;
	if (result != -EAGAIN)
		lane->counts.attempted++;
	lane->counts.inserted += result == 0;
	lane->counts.duplicate += result == -EEXIST;
	lane->counts.refused += result == -ENOSPC;
	if (BENCH_UNLIKELY(result && result != -EEXIST && result != -ENOSPC)) {
		bench_lane_fail(lane, "pend", result);
		return false;
	}
	return true;
}

BENCH_INLINE void bench_drive_trace(const struct bench_ops *ops, struct bench_lane *lane)
{
	const struct bench_trace_plan *plan = lane->plan;
	uint64_t next = 0, most = 0;
	const uint64_t completed_before = lane->counts.completed;
	const uint64_t inserted_before = lane->counts.inserted;

	for (uint64_t i = 0; i < plan->count; i++) {
		bench_tick(ops, lane, i);
		for (; next < plan->count && plan->due[next] <= plan->arrival[i]; next++) {
			if (plan->speed > 0)
				bench_trace_wait(plan, lane, ops, plan->due[next]);
			if (!bench_trace_finish(ops, lane, next))
				return;
		}
		if (plan->speed > 0)
			bench_trace_wait(plan, lane, ops, plan->arrival[i]);
		if (!bench_trace_arrive(ops, lane, i))
			return;

		const uint64_t live = (lane->counts.inserted - inserted_before) -
				      (lane->counts.completed - completed_before);

		most = live > most ? live : most;
		lane->operations++;
	}
	for (; next < plan->count; next++) {
		bench_tick(ops, lane, next);
		if (plan->speed > 0)
			bench_trace_wait(plan, lane, ops, plan->due[next]);
		if (!bench_trace_finish(ops, lane, next))
			return;
	}
	lane->traced->live_most = most;
}

#endif
