/* SPDX-License-Identifier: MIT */
/*
 * scene.h - the series of one scenario that have values, sorted into rows and columns.
 *
 * Where a scenario was measured at several sizes (occupancies, rates) and its primary metric is ns,
 * or the only one, those are the columns; otherwise there is no axis, and the metrics are. A row is
 * a subject with its calls at a point, the axis of the columns left out.
 */
#ifndef BENCH_OUTPUT_SCENE_H
#define BENCH_OUTPUT_SCENE_H

#include "bench/model/document.h"

#define BENCH_SCENE_COLUMNS 16u
#define BENCH_SCENE_METRICS 24u

enum bench_axis {
	BENCH_AXIS_SIZE,
	BENCH_AXIS_THREADS,
	BENCH_AXIS_OCCUPANCY,
	BENCH_AXIS_RATE,
	BENCH_AXIS_KEYS,
	BENCH_AXES,
	BENCH_AXIS_NONE
};

/* The series of one scenario, and what its tables are made of. */
struct bench_scene {
	const struct bench_document *document;
	const struct bench_series **series;
	uint32_t series_count;
	const struct bench_series **rows; /* one series for each row */
	uint32_t row_count;
	const char *primary;                      /* metric */
	const char *metrics[BENCH_SCENE_METRICS]; /* in the order of the document */
	uint32_t metric_count;
	bool varies[BENCH_AXES];
	bool has_peers;
	enum bench_axis axis;                            /* of the columns */
	struct bench_point columns[BENCH_SCENE_COLUMNS]; /* nothing but that axis */
	uint32_t column_count;
};

/* 0 or -ENOMEM; to be closed in both cases. */
int bench_scene_open(const struct bench_document *document, const char *scenario,
		     struct bench_scene *scene);

/* Makes the metrics its columns. */
void bench_scene_turn(struct bench_scene *scene);

void bench_scene_close(struct bench_scene *scene);

/* Gives @to what @from has on @axis. */
void bench_axis_copy(struct bench_point *to, const struct bench_point *from, enum bench_axis axis);

/* The point of a row: without the axis of the columns. */
struct bench_point bench_scene_point(const struct bench_scene *scene,
				     const struct bench_series *series);

/* The series of a row with @metric at @column (NULL: there are no columns), if it has values. */
const struct bench_series *bench_scene_find(const struct bench_scene *scene,
					    const struct bench_series *row, const char *metric,
					    const struct bench_point *column);

/* The row of @subject and @calls that has the point of @row, or NULL. */
const struct bench_series *bench_scene_row(const struct bench_scene *scene,
					   const struct bench_series *row, const char *subject,
					   const char *calls);

/* The first series of a metric, or NULL. */
const struct bench_series *bench_scene_first(const struct bench_scene *scene, const char *metric);

/* The first row that is no peer, or NULL. */
const struct bench_series *bench_scene_own(const struct bench_scene *scene);

#endif
