/* SPDX-License-Identifier: MIT */
/*
 * driver.h - the loops that are measured, the same for every implementation.
 *
 * bench_drive() is inlined into each implementation's file with a constant struct bench_ops, so
 * the compiler sees through its function pointers. Every implementation therefore pays for the
 * same loop: writing the key and the number in the value, the ring of live operations, one clock
 * call for 256 steps (a step is one operation, or one batch in a sixteenth of that).
 *
 * A loop that gets an answer that it should not get notes it in the lane and ends. It counts by
 * the answers it got, never by what it meant to do: accounting is checked against the table.
 */
#ifndef BENCH_MEASURE_DRIVER_H
#define BENCH_MEASURE_DRIVER_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/measure/clock.h"
#include "bench/measure/impl.h"
#include "bench/measure/lane.h"

#define BENCH_INLINE static inline __attribute__((always_inline))
#define BENCH_COLD static __attribute__((noinline, cold))
#define BENCH_STEPS 256u
#define BENCH_TICK_STEPS 64u
#define BENCH_DELAYS_MAX 1000000u

#define BENCH_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

BENCH_INLINE void bench_tick(const struct bench_ops *ops, struct bench_lane *lane, uint64_t step)
{
	if (ops->tick && step % BENCH_TICK_STEPS == 0)
		ops->tick(lane->session);
}

/* Takes time, and nothing else: a chain of @count multiplications. Returns what they come to, which
 * has to be kept somewhere. */
BENCH_INLINE uint64_t bench_spin(uint64_t count)
{
	uint64_t number = count;

	for (uint64_t i = 0; i < count; i++)
		number = number * 0x9e3779b97f4a7c15u + (number >> 32);
	return number;
}

BENCH_COLD bool bench_more_than_time(struct bench_lane *lane)
{
	lane->spun = bench_spin(lane->planted);
	if (lane->chunks)
		return --lane->chunks > 0;
	return bench_clock_ns() < lane->until_ns;
}

/*
 * Whether the loop goes on after a chunk of BENCH_STEPS steps: until a time, or for a number of
 * chunks; planted slowness (measure.h) is paid here.
 */
BENCH_INLINE bool bench_more(struct bench_lane *lane)
{
	if (BENCH_UNLIKELY(lane->chunks | lane->planted))
		return bench_more_than_time(lane);
	return bench_clock_ns() < lane->until_ns;
}

/* A pend that was answered @result: tries again what may be tried again, or fails the lane. */
BENCH_COLD bool bench_pend_again(const struct bench_ops *ops, struct bench_lane *lane,
				 const void *key, const void *value, uint64_t *token, int result)
{
	for (uint32_t n = 0; result == -EAGAIN && n < BENCH_DELAYS_MAX; n++) {
		lane->counts.attempted++;
		lane->counts.delayed++;
		if (ops->tick)
			ops->tick(lane->session);
		result = ops->pend(lane->session, key, value, token);
	}
	if (result == 0)
		return true;
	lane->counts.attempted++;
	lane->counts.refused += result == -ENOSPC;
	lane->counts.duplicate += result == -EEXIST;
	lane->counts.delayed += result == -EAGAIN;
	bench_lane_fail(lane, "pend", result);
	return false;
}

/* Pends the lane's next number. */
BENCH_INLINE bool bench_pend(const struct bench_ops *ops, struct bench_lane *lane, uint64_t number,
			     uint64_t *token)
{
	bench_number_write(lane->keys, number);
	bench_number_write(lane->values, number);

	const int result = ops->pend(lane->session, lane->keys, lane->values, token);

	if (BENCH_UNLIKELY(result))
		return bench_pend_again(ops, lane, lane->keys, lane->values, token, result);
	return true;
}

BENCH_INLINE bool bench_complete(const struct bench_ops *ops, struct bench_lane *lane,
				 const struct bench_live *live, bool by_key)
{
	int result;

	if (by_key) {
		bench_number_write(lane->others, live->number);
		result = ops->complete_key(lane->session, lane->others);
	} else {
		result = ops->complete(lane->session, live->token);
	}
	if (BENCH_UNLIKELY(result))
		bench_lane_fail(lane, by_key ? "complete by key" : "complete", result);
	return result == 0;
}

/* Adds what a loop did; one operation for each pair. */
BENCH_INLINE void bench_count(struct bench_lane *lane, uint64_t pended, uint64_t completed)
{
	lane->counts.attempted += pended;
	lane->counts.inserted += pended;
	lane->counts.completed += completed;
	lane->operations += completed;
}

BENCH_INLINE void bench_drive_pair(const struct bench_ops *ops, struct bench_lane *lane,
				   bool by_key)
{
	uint64_t pended = 0, completed = 0;

	do {
		for (uint32_t step = 0; step < BENCH_STEPS; step++) {
			struct bench_live live = { 0, lane->next_number++ };

			bench_tick(ops, lane, step);
			if (!bench_pend(ops, lane, live.number, &live.token))
				goto out;
			pended++;
			if (!bench_complete(ops, lane, &live, by_key))
				goto out;
			completed++;
		}
	} while (bench_more(lane));
out:
	bench_count(lane, pended, completed);
}

BENCH_INLINE void bench_drive_steady(const struct bench_ops *ops, struct bench_lane *lane,
				     bool by_key)
{
	uint64_t pended = 0, completed = 0;

	do {
		for (uint32_t step = 0; step < BENCH_STEPS; step++) {
			struct bench_live *oldest = &lane->ring[lane->head];
			struct bench_live live = { 0, lane->next_number++ };

			bench_tick(ops, lane, step);
			if (!bench_pend(ops, lane, live.number, &live.token))
				goto out;
			pended++;
			if (!bench_complete(ops, lane, oldest, by_key))
				goto out;
			completed++;
			*oldest = live;
			if (++lane->head == lane->ring_size)
				lane->head = 0;
		}
	} while (bench_more(lane));
out:
	bench_count(lane, pended, completed);
}

/*
 * Pends the lane's next @count numbers at once; their tokens go to @tokens. Returns whether all
 * are pended in the end; those that were delayed are pended one by one.
 */
BENCH_INLINE bool bench_pend_many(const struct bench_ops *ops, struct bench_lane *lane,
				  uint32_t count, uint64_t *tokens)
{
	int results[BENCH_BATCH_MAX];

	for (uint32_t i = 0; i < count; i++) {
		bench_number_write(lane->keys + (size_t)i * lane->key_size, lane->next_number);
		bench_number_write(lane->values + (size_t)i * lane->value_size,
				   lane->next_number++);
	}
	if (ops->pend_batch(lane->session, lane->keys, lane->values, count, tokens, results) ==
	    count) {
		bench_count(lane, count, 0);
		return true;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (results[i] &&
		    !bench_pend_again(ops, lane, lane->keys + (size_t)i * lane->key_size,
				      lane->values + (size_t)i * lane->value_size, &tokens[i],
				      results[i]))
			return false;
		bench_count(lane, 1, 0);
	}
	return true;
}

BENCH_INLINE bool bench_complete_many(const struct bench_ops *ops, struct bench_lane *lane,
				      uint32_t count, const uint64_t *tokens, bool by_key)
{
	const uint32_t completed =
		by_key ? ops->complete_key_batch(lane->session, lane->others, count)
		       : ops->complete_batch(lane->session, tokens, count);

	bench_count(lane, 0, completed);
	if (BENCH_UNLIKELY(completed != count))
		bench_lane_fail(lane, by_key ? "complete_key_batch" : "complete_batch", -EIO);
	return completed == count;
}

BENCH_INLINE void bench_drive_pair_batch(const struct bench_ops *ops, struct bench_lane *lane,
					 bool by_key)
{
	uint64_t tokens[BENCH_BATCH_MAX];
	unsigned char *const others = lane->others;

	lane->others = lane->keys; /* the very keys that were pended */
	do {
		for (uint32_t step = 0; step < BENCH_STEPS; step += 16) {
			bench_tick(ops, lane, step);
			if (!bench_pend_many(ops, lane, lane->batch, tokens) ||
			    !bench_complete_many(ops, lane, lane->batch, tokens, by_key))
				goto out;
		}
	} while (bench_more(lane));
out:
	lane->others = others;
}

BENCH_INLINE void bench_drive_steady_batch(const struct bench_ops *ops, struct bench_lane *lane,
					   bool by_key)
{
	uint64_t fresh[BENCH_BATCH_MAX], old[BENCH_BATCH_MAX];

	do {
		for (uint32_t step = 0; step < BENCH_STEPS; step += 16) {
			struct bench_live *oldest = &lane->ring[lane->head];
			const uint64_t left = lane->ring_size - lane->head;
			const uint32_t count = left < lane->batch ? (uint32_t)left : lane->batch;
			const uint64_t number = lane->next_number;

			bench_tick(ops, lane, step);
			for (uint32_t i = 0; i < count; i++) {
				old[i] = oldest[i].token;
				bench_number_write(lane->others + (size_t)i * lane->key_size,
						   oldest[i].number);
			}
			if (!bench_pend_many(ops, lane, count, fresh) ||
			    !bench_complete_many(ops, lane, count, old, by_key))
				return;
			for (uint32_t i = 0; i < count; i++)
				oldest[i] = (struct bench_live){ fresh[i], number + i };
			lane->head = left == count ? 0 : lane->head + count;
		}
	} while (bench_more(lane));
}

enum bench_sought { BENCH_SEEK_LIVE, BENCH_SEEK_ABSENT, BENCH_SEEK_DRAWN };

/* A random number of the lane's part of the fill, one that was never pended, or the next draw. */
BENCH_INLINE uint64_t bench_number_sought(struct bench_lane *lane, enum bench_sought sought)
{
	if (sought == BENCH_SEEK_LIVE)
		return lane->first_number + bench_random_below(&lane->random, lane->ring_size);
	if (sought == BENCH_SEEK_DRAWN)
		return lane->draws[lane->drawn++ & lane->draw_mask];
	return BENCH_NUMBER_ABSENT | bench_random(&lane->random);
}

/* Looks one number up and checks the answer. */
BENCH_INLINE bool bench_lookup(const struct bench_ops *ops, struct bench_lane *lane,
			       uint64_t number, bool hit)
{
	bench_number_write(lane->keys, number);
	const int result = ops->lookup(lane->session, lane->keys, lane->values);

	if (BENCH_UNLIKELY(result != (hit ? 0 : -ENOENT))) {
		lane->counts.hits += result == 0;
		bench_lane_fail(lane, "lookup", result ? result : -EEXIST);
		return false;
	}
	if (BENCH_UNLIKELY(hit && bench_number_read(lane->values) != number)) {
		lane->counts.hits++;
		bench_lane_fail(lane, "lookup: another operation's value", -EBADMSG);
		return false;
	}
	return true;
}

BENCH_INLINE void bench_drive_lookup(const struct bench_ops *ops, struct bench_lane *lane,
				     enum bench_sought sought)
{
	const bool hit = sought != BENCH_SEEK_ABSENT;
	uint64_t done = 0;

	do {
		for (uint32_t step = 0; step < BENCH_STEPS; step++) {
			const uint64_t number = bench_number_sought(lane, sought);

			bench_tick(ops, lane, step);
			if (!bench_lookup(ops, lane, number, hit)) {
				lane->counts.looked_up++;
				goto out;
			}
			done++;
		}
	} while (bench_more(lane));
out:
	lane->counts.looked_up += done;
	lane->counts.hits += hit ? done : 0;
	lane->operations += done;
}

BENCH_INLINE bool bench_lookup_many(const struct bench_ops *ops, struct bench_lane *lane,
				    enum bench_sought sought)
{
	const bool hit = sought != BENCH_SEEK_ABSENT;
	const uint32_t batch = lane->batch;

	for (uint32_t i = 0; i < batch; i++)
		bench_number_write(lane->keys + (size_t)i * lane->key_size,
				   bench_number_sought(lane, sought));

	const uint32_t found = ops->lookup_batch(lane->session, lane->keys, batch, lane->values);

	lane->counts.looked_up += batch;
	lane->counts.hits += found;
	lane->operations += batch;
	if (BENCH_UNLIKELY(found != (hit ? batch : 0))) {
		bench_lane_fail(lane, "lookup_batch", -EIO);
		return false;
	}
	for (uint32_t i = 0; hit && i < batch; i++) {
		if (BENCH_UNLIKELY(bench_number_read(lane->values + (size_t)i * lane->value_size) !=
				   bench_number_read(lane->keys + (size_t)i * lane->key_size))) {
			bench_lane_fail(lane, "lookup_batch: another operation's value", -EBADMSG);
			return false;
		}
	}
	return true;
}

BENCH_INLINE void bench_drive_lookup_batch(const struct bench_ops *ops, struct bench_lane *lane,
					   enum bench_sought sought)
{
	do {
		for (uint32_t step = 0; step < BENCH_STEPS; step += 16) {
			bench_tick(ops, lane, step);
			if (!bench_lookup_many(ops, lane, sought))
				return;
		}
	} while (bench_more(lane));
}

BENCH_INLINE void bench_drive_refuse(const struct bench_ops *ops, struct bench_lane *lane)
{
	uint64_t token, refused = 0;

	do {
		for (uint32_t step = 0; step < BENCH_STEPS; step++) {
			bench_tick(ops, lane, step);
			bench_number_write(lane->keys, lane->next_number++);
			const int result =
				ops->pend(lane->session, lane->keys, lane->values, &token);

			if (BENCH_UNLIKELY(result != -ENOSPC)) {
				lane->counts.attempted++;
				lane->counts.inserted += result == 0;
				bench_lane_fail(lane, "pend into a full table",
						result ? result : -EOVERFLOW);
				goto out;
			}
			refused++;
		}
	} while (bench_more(lane));
out:
	lane->counts.attempted += refused;
	lane->counts.refused += refused;
	lane->operations += refused;
}

BENCH_INLINE void bench_drive_refuse_batch(const struct bench_ops *ops, struct bench_lane *lane)
{
	const uint32_t batch = lane->batch;
	uint64_t tokens[BENCH_BATCH_MAX];
	int results[BENCH_BATCH_MAX];

	do {
		for (uint32_t step = 0; step < BENCH_STEPS; step += 16) {
			uint32_t refused = 0;

			bench_tick(ops, lane, step);
			for (uint32_t i = 0; i < batch; i++)
				bench_number_write(lane->keys + (size_t)i * lane->key_size,
						   lane->next_number++);
			const uint32_t pended = ops->pend_batch(
				lane->session, lane->keys, lane->values, batch, tokens, results);

			for (uint32_t i = 0; i < batch; i++)
				refused += results[i] == -ENOSPC;
			lane->counts.attempted += batch;
			lane->counts.inserted += pended;
			lane->counts.refused += refused;
			lane->operations += refused;
			if (BENCH_UNLIKELY(refused != batch)) {
				bench_lane_fail(lane, "pend_batch into a full table", -EIO);
				return;
			}
		}
	} while (bench_more(lane));
}

BENCH_INLINE void bench_drive_fill(const struct bench_ops *ops, struct bench_lane *lane)
{
	for (uint64_t i = 0; i < lane->ring_size; i++) {
		lane->ring[i].number = lane->first_number + i;
		bench_tick(ops, lane, i);
		if (!bench_pend(ops, lane, lane->ring[i].number, &lane->ring[i].token))
			return;
		bench_count(lane, 1, 0);
	}
}

BENCH_INLINE void bench_drive_top_up(const struct bench_ops *ops, struct bench_lane *lane)
{
	while (lane->extra_count < lane->extra_size) {
		struct bench_live *live = &lane->extra[lane->extra_count];

		bench_tick(ops, lane, lane->extra_count);
		live->number = lane->next_number++;
		if (!bench_pend(ops, lane, live->number, &live->token)) {
			if (lane->error == -ENOSPC)
				lane->error = 0; /* what was wanted */
			return;
		}
		lane->extra_count++;
		bench_count(lane, 1, 0);
	}
	bench_lane_fail(lane, "pend never refuses: more live than max_entries and its slack",
			-EOVERFLOW);
}

BENCH_INLINE void bench_drive_drain(const struct bench_ops *ops, struct bench_lane *lane)
{
	for (uint64_t i = 0; i < lane->ring_size; i++) {
		bench_tick(ops, lane, i);
		if (!bench_complete(ops, lane, &lane->ring[i], false))
			return;
		bench_count(lane, 0, 1);
	}
	for (uint64_t i = 0; i < lane->extra_count; i++) {
		bench_tick(ops, lane, i);
		if (!bench_complete(ops, lane, &lane->extra[i], false))
			return;
		bench_count(lane, 0, 1);
	}
	lane->extra_count = 0;
}

BENCH_INLINE void bench_drive_batch(const struct bench_ops *ops, struct bench_lane *lane,
				    enum bench_loop loop)
{
	switch (loop) {
	case BENCH_LOOP_PAIR_BATCH:
		bench_drive_pair_batch(ops, lane, false);
		break;
	case BENCH_LOOP_STEADY_BATCH:
		bench_drive_steady_batch(ops, lane, false);
		break;
	case BENCH_LOOP_REFUSE_BATCH:
		bench_drive_refuse_batch(ops, lane);
		break;
	case BENCH_LOOP_PAIR_KEY_BATCH:
		if (ops->complete_key_batch)
			bench_drive_pair_batch(ops, lane, true);
		break;
	case BENCH_LOOP_STEADY_KEY_BATCH:
		if (ops->complete_key_batch)
			bench_drive_steady_batch(ops, lane, true);
		break;
	case BENCH_LOOP_HIT_BATCH:
		if (ops->lookup_batch)
			bench_drive_lookup_batch(ops, lane, BENCH_SEEK_LIVE);
		break;
	case BENCH_LOOP_MISS_BATCH:
		if (ops->lookup_batch)
			bench_drive_lookup_batch(ops, lane, BENCH_SEEK_ABSENT);
		break;
	case BENCH_LOOP_DRAWN_BATCH:
		if (ops->lookup_batch)
			bench_drive_lookup_batch(ops, lane, BENCH_SEEK_DRAWN);
		break;
	default:
		break;
	}
}

/* Runs @loop on @lane. A loop that the operations cannot run does nothing. */
BENCH_INLINE void bench_drive(const struct bench_ops *ops, struct bench_lane *lane,
			      enum bench_loop loop)
{
	switch (loop) {
	case BENCH_LOOP_FILL:
		bench_drive_fill(ops, lane);
		return;
	case BENCH_LOOP_TOP_UP:
		bench_drive_top_up(ops, lane);
		return;
	case BENCH_LOOP_DRAIN:
		bench_drive_drain(ops, lane);
		return;
	case BENCH_LOOP_PAIR:
		bench_drive_pair(ops, lane, false);
		return;
	case BENCH_LOOP_STEADY:
		bench_drive_steady(ops, lane, false);
		return;
	case BENCH_LOOP_REFUSE:
		bench_drive_refuse(ops, lane);
		return;
	default:
		break;
	}
	if (ops->pend_batch)
		bench_drive_batch(ops, lane, loop);
	if (!ops->complete_key)
		return;
	if (loop == BENCH_LOOP_PAIR_KEY)
		bench_drive_pair(ops, lane, true);
	else if (loop == BENCH_LOOP_STEADY_KEY)
		bench_drive_steady(ops, lane, true);
	else if (loop == BENCH_LOOP_HIT)
		bench_drive_lookup(ops, lane, BENCH_SEEK_LIVE);
	else if (loop == BENCH_LOOP_MISS)
		bench_drive_lookup(ops, lane, BENCH_SEEK_ABSENT);
	else if (loop == BENCH_LOOP_DRAWN)
		bench_drive_lookup(ops, lane, BENCH_SEEK_DRAWN);
}

#endif
