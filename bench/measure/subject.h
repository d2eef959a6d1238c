/* SPDX-License-Identifier: MIT */
/*
 * subject.h - one implementation's table of one size, with all that drives it.
 */
#ifndef BENCH_MEASURE_SUBJECT_H
#define BENCH_MEASURE_SUBJECT_H

#include <stdint.h>

#include "bench/command/options.h"
#include "bench/measure/draws.h"
#include "bench/measure/impl.h"
#include "bench/measure/lane.h"
#include "bench/measure/team.h"

struct bench_remote; /* peers/remote.h */

struct bench_subject {
	const struct bench_impl *impl;
	void *table;
	struct bench_shape shape;
	uint32_t lane_count;
	struct bench_lane *lanes;
	struct bench_live *ring; /* the live operations of the fill, split among lanes */
	uint64_t ring_size;      /* how many are live once filled */
	uint64_t ring_room;
	uint64_t extra_room; /* of each lane */
	unsigned char *buffers;
	uint64_t lane_buffer; /* bytes */
	uint64_t seed;
	uint32_t *draws;               /* BENCH_DRAWS of each lane, or NULL */
	struct bench_draws_spec drawn; /* what they are of */
	struct bench_remote *remote;   /* of an implementation that is remote */
};

/* What a subject of that shape needs, roughly. */
uint64_t bench_subject_bytes(const struct bench_impl *impl, const struct bench_shape *shape);

/* An empty table with @shape->threads lanes that will hold @live operations. 0 or an error. */
int bench_subject_create(const struct bench_impl *impl, const struct bench_shape *shape,
			 uint64_t live, const struct bench_options *options,
			 struct bench_subject *subject);

void bench_subject_destroy(struct bench_subject *subject);

/* Gives each of the first @threads lanes its part of the live operations. */
void bench_subject_split(struct bench_subject *subject, uint32_t threads);

/*
 * Gives the first @threads lanes draws like @spec, if @loop takes any: of the keys of the fill, or of
 * places of their ring, as they are split. Whether there was memory.
 */
bool bench_subject_draw(struct bench_subject *subject, enum bench_loop loop,
			const struct bench_draws_spec *spec, uint32_t threads);

/*
 * Fills to the occupancy (and puts the operations in the order in which they will leave), fills
 * to the brim, or completes everything; on all lanes at once.
 */
void bench_subject_fill(struct bench_subject *subject, struct bench_team *team, bool in_order);
void bench_subject_top_up(struct bench_subject *subject, struct bench_team *team);
void bench_subject_drain(struct bench_subject *subject, struct bench_team *team);

/* Why a remote subject can do nothing any more, or NULL. Its account means nothing then. */
const char *bench_subject_lost(const struct bench_subject *subject);

/* The counts of all lanes. */
struct bench_counts bench_subject_counts(const struct bench_subject *subject);

#endif
