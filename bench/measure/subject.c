/* SPDX-License-Identifier: MIT */
/*
 * subject.c - one implementation's table of one size, with all that drives it.
 *
 * The live operations stand in one ring, of which each lane that takes part owns an equal part.
 * After the fill they are shuffled, by default: operations leave in an order that has nothing to
 * do with where they lie in memory, as decisions do. A table that hands out addresses in order
 * and takes them back in order is the friendlier case, which --in-order measures.
 */
#include "bench/measure/subject.h"

#include <errno.h>
#include <string.h>

#include "bench/measure/pages.h"
#include "bench/peers/remote.h"

#define EXTRA_SLACK 2048u /* for each lane: what a peer holds above max_entries */

/* What all lanes do at once. */
struct task {
	struct bench_subject *subject;
	enum bench_loop loop;
	bool shuffle;
};

uint64_t bench_subject_bytes(const struct bench_impl *impl, const struct bench_shape *shape)
{
	const uint64_t payload = (shape->key_size + 7u) / 8 * 8 + shape->value_size;

	return shape->max_entries * (impl->entry_bytes + payload + sizeof(struct bench_live));
}

static void init_lane(struct bench_subject *subject, uint32_t number,
		      const struct bench_options *options)
{
	struct bench_lane *lane = &subject->lanes[number];
	unsigned char *buffer = subject->buffers + number * subject->lane_buffer;

	lane->session = subject->impl->session(subject->table, number);
	lane->next_number = (uint64_t)(number + 1) << 48;
	lane->random = options->seed + number;
	lane->key_size = subject->shape.key_size;
	lane->value_size = subject->shape.value_size;
	lane->batch = options->batch_width;
	lane->keys = buffer;
	lane->others = buffer + (size_t)BENCH_BATCH_MAX * lane->key_size;
	lane->values = buffer + (size_t)BENCH_BATCH_MAX * 2 * lane->key_size;
	lane->extra = subject->ring + subject->ring_room + number * subject->extra_room;
	lane->extra_size = subject->extra_room;
	memset(buffer, 0, subject->lane_buffer);
}

static uint64_t ring_bytes(const struct bench_subject *subject)
{
	return (subject->ring_room + subject->lane_count * subject->extra_room) *
	       sizeof(struct bench_live);
}

static uint64_t draw_bytes(const struct bench_subject *subject)
{
	return (uint64_t)subject->lane_count * BENCH_DRAWS * sizeof(uint32_t);
}

int bench_subject_create(const struct bench_impl *impl, const struct bench_shape *shape,
			 uint64_t live, const struct bench_options *options,
			 struct bench_subject *subject)
{
	int error;

	*subject = (struct bench_subject){ .impl = impl,
					   .shape = *shape,
					   .lane_count = shape->threads,
					   .ring_size = live,
					   .ring_room = live };
	if (impl->remote) {
		subject->lanes = bench_pages_map(shape->threads * sizeof(struct bench_lane));
		error = subject->lanes ? bench_remote_create(subject, live, options) : -ENOMEM;
		if (error)
			bench_subject_destroy(subject);
		return error;
	}
	subject->extra_room =
		shape->max_entries - live + (uint64_t)(shape->threads + 1) * EXTRA_SLACK;
	subject->seed = options->seed;
	subject->lane_buffer =
		(uint64_t)BENCH_BATCH_MAX * (2 * shape->key_size + shape->value_size);
	subject->lane_buffer = (subject->lane_buffer + 4095) / 4096 * 4096;
	subject->lanes = bench_pages_map(shape->threads * sizeof(struct bench_lane));
	subject->buffers = bench_pages_map(shape->threads * subject->lane_buffer);
	subject->ring = bench_pages_map(ring_bytes(subject));
	error = !subject->lanes || !subject->buffers || !subject->ring
			? -ENOMEM
			: impl->create(shape, &subject->table);
	if (error) {
		subject->table = NULL;
		bench_subject_destroy(subject);
		return error;
	}
	for (uint32_t i = 0; i < subject->lane_count; i++)
		init_lane(subject, i, options);
	return 0;
}

void bench_subject_destroy(struct bench_subject *subject)
{
	if (subject->remote)
		bench_remote_destroy(subject->remote);
	else if (subject->table)
		subject->impl->destroy(subject->table);
	bench_pages_unmap(subject->draws, draw_bytes(subject));
	bench_pages_unmap(subject->ring, ring_bytes(subject));
	bench_pages_unmap(subject->buffers, subject->lane_count * subject->lane_buffer);
	bench_pages_unmap(subject->lanes, subject->lane_count * sizeof(struct bench_lane));
	memset(subject, 0, sizeof(*subject));
}

const char *bench_subject_lost(const struct bench_subject *subject)
{
	return subject->remote ? bench_remote_lost(subject->remote) : NULL;
}

void bench_subject_split(struct bench_subject *subject, uint32_t threads)
{
	if (subject->remote) {
		bench_remote_split(subject, threads);
		return;
	}
	for (uint32_t i = 0; i < subject->lane_count; i++) {
		struct bench_lane *lane = &subject->lanes[i];
		const uint64_t first = i < threads ? subject->ring_size * i / threads : 0;
		const uint64_t last = i < threads ? subject->ring_size * (i + 1) / threads : 0;

		lane->ring = subject->ring + first;
		lane->ring_size = last - first;
		lane->first_number = first;
		lane->head = 0;
	}
}

static bool same_draws(const struct bench_draws_spec *one, const struct bench_draws_spec *other)
{
	return one->range == other->range && one->zipf == other->zipf &&
	       one->hot_percent == other->hot_percent &&
	       one->update_percent == other->update_percent &&
	       one->miss_percent == other->miss_percent;
}

bool bench_subject_draw(struct bench_subject *subject, enum bench_loop loop,
			const struct bench_draws_spec *spec, uint32_t threads)
{
	struct bench_draws_spec wanted = *spec;

	if (loop != BENCH_LOOP_DRAWN && loop != BENCH_LOOP_DRAWN_BATCH && loop != BENCH_LOOP_MIX)
		return true;
	wanted.range = loop == BENCH_LOOP_MIX ? subject->ring_size / threads : subject->ring_size;
	if (subject->draws && same_draws(&subject->drawn, &wanted))
		return true;
	if (!subject->draws)
		subject->draws = bench_pages_map(draw_bytes(subject));
	if (!subject->draws)
		return false;
	for (uint32_t i = 0; i < subject->lane_count; i++) {
		struct bench_lane *lane = &subject->lanes[i];
		uint32_t *draws = subject->draws + (size_t)i * BENCH_DRAWS;

		wanted.seed = subject->seed + (uint64_t)i + 1;
		bench_draws_make(&wanted, draws, BENCH_DRAWS);
		lane->draws = draws;
		lane->draw_mask = BENCH_DRAWS - 1;
	}
	subject->drawn = wanted;
	return true;
}

/* Fisher and Yates. */
static void shuffle(struct bench_lane *lane)
{
	for (uint64_t i = lane->ring_size; i > 1; i--) {
		const uint64_t other = bench_random_below(&lane->random, i);
		const struct bench_live swapped = lane->ring[other];

		lane->ring[other] = lane->ring[i - 1];
		lane->ring[i - 1] = swapped;
	}
}

static void run_task(void *context, uint32_t member)
{
	const struct task *task = context;
	struct bench_lane *lane = &task->subject->lanes[member];

	task->subject->impl->enter(lane->session);
	task->subject->impl->drive(lane, task->loop);
	task->subject->impl->leave(lane->session);
	if (task->shuffle)
		shuffle(lane);
}

static void run_all(struct bench_subject *subject, struct bench_team *team, enum bench_loop loop,
		    bool shuffled)
{
	struct task task = { subject, loop, shuffled };

	bench_subject_split(subject, subject->lane_count);
	bench_team_run(team, subject->lane_count, run_task, &task);
}

void bench_subject_fill(struct bench_subject *subject, struct bench_team *team, bool in_order)
{
	if (subject->remote)
		bench_remote_fill(subject, team, in_order);
	else
		run_all(subject, team, BENCH_LOOP_FILL, !in_order);
}

void bench_subject_top_up(struct bench_subject *subject, struct bench_team *team)
{
	if (subject->remote)
		bench_remote_top_up(subject, team);
	else
		run_all(subject, team, BENCH_LOOP_TOP_UP, false);
}

void bench_subject_drain(struct bench_subject *subject, struct bench_team *team)
{
	if (subject->remote)
		bench_remote_drain(subject, team);
	else
		run_all(subject, team, BENCH_LOOP_DRAIN, false);
	subject->ring_size = 0;
}

struct bench_counts bench_subject_counts(const struct bench_subject *subject)
{
	struct bench_counts sum = { 0 };

	for (uint32_t i = 0; i < subject->lane_count; i++) {
		const struct bench_counts *counts = &subject->lanes[i].counts;

		sum.attempted += counts->attempted;
		sum.inserted += counts->inserted;
		sum.refused += counts->refused;
		sum.duplicate += counts->duplicate;
		sum.delayed += counts->delayed;
		sum.completed += counts->completed;
		sum.looked_up += counts->looked_up;
		sum.hits += counts->hits;
	}
	return sum;
}
