/* SPDX-License-Identifier: MIT */
/*
 * scene.c - the series of one scenario, sorted into rows and columns.
 */
#include "bench/output/scene.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- axes ---- */

void bench_axis_copy(struct bench_point *to, const struct bench_point *from, enum bench_axis axis)
{
	switch (axis) {
	case BENCH_AXIS_SIZE:
		to->size = from->size;
		break;
	case BENCH_AXIS_THREADS:
		to->threads = from->threads;
		break;
	case BENCH_AXIS_OCCUPANCY:
		to->occupancy = from->occupancy;
		break;
	case BENCH_AXIS_RATE:
		to->rate = from->rate;
		break;
	case BENCH_AXIS_KEYS:
		memcpy(to->keys, from->keys, sizeof(to->keys));
		break;
	default:
		break;
	}
}

static bool is_same_on(const struct bench_point *a, const struct bench_point *b,
		       enum bench_axis axis)
{
	struct bench_point moved = *a;

	bench_axis_copy(&moved, b, axis);
	return bench_point_equal(a, &moved);
}

struct bench_point bench_scene_point(const struct bench_scene *scene,
				     const struct bench_series *series)
{
	static const struct bench_point nowhere;
	struct bench_point point = series->point;

	bench_axis_copy(&point, &nowhere, scene->axis);
	return point;
}

/* By threads, occupancy, rate, keys, then size: below 0 if @a comes first. */
static int compare_points(const struct bench_point *a, const struct bench_point *b)
{
	const double differences[] = {
		(double)a->threads - (double)b->threads,
		a->occupancy - b->occupancy,
		a->rate - b->rate,
		(double)strcmp(a->keys, b->keys),
		(double)a->size - (double)b->size,
	};

	for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++)
		if (differences[i] != 0)
			return differences[i] < 0 ? -1 : 1;
	return 0;
}

/* ---- the scene ---- */

static void add_metric(struct bench_scene *scene, const struct bench_series *series)
{
	for (uint32_t i = 0; i < scene->metric_count; i++)
		if (strcmp(scene->metrics[i], series->metric) == 0)
			return;
	if (scene->metric_count < BENCH_SCENE_METRICS)
		scene->metrics[scene->metric_count++] = series->metric;
}

static bool is_row(const struct bench_scene *scene, const struct bench_series *row,
		   const struct bench_series *series)
{
	const struct bench_point a = bench_scene_point(scene, row),
				 b = bench_scene_point(scene, series);

	return strcmp(row->subject, series->subject) == 0 &&
	       strcmp(row->calls, series->calls) == 0 && bench_point_equal(&a, &b);
}

/* Adds the row of @series, behind those whose point does not come after its own. */
static void add_row(struct bench_scene *scene, const struct bench_series *series)
{
	const struct bench_point point = bench_scene_point(scene, series);
	uint32_t at = scene->row_count;

	for (uint32_t i = 0; i < scene->row_count; i++)
		if (is_row(scene, scene->rows[i], series))
			return;
	for (; at > 0; at--) {
		const struct bench_point before = bench_scene_point(scene, scene->rows[at - 1]);

		if (compare_points(&before, &point) <= 0)
			break;
		scene->rows[at] = scene->rows[at - 1];
	}
	scene->rows[at] = series;
	scene->row_count++;
}

static void add_column(struct bench_scene *scene, const struct bench_series *series)
{
	struct bench_point point = { 0 };
	uint32_t at = scene->column_count;

	bench_axis_copy(&point, &series->point, scene->axis);
	for (uint32_t i = 0; i < scene->column_count; i++)
		if (bench_point_equal(&scene->columns[i], &point))
			return;
	if (scene->column_count == BENCH_SCENE_COLUMNS)
		return;
	for (; at > 0 && compare_points(&scene->columns[at - 1], &point) > 0; at--)
		scene->columns[at] = scene->columns[at - 1];
	scene->columns[at] = point;
	scene->column_count++;
}

static void choose_axis(struct bench_scene *scene)
{
	static const enum bench_axis wanted[] = { BENCH_AXIS_OCCUPANCY, BENCH_AXIS_SIZE,
						  BENCH_AXIS_RATE };

	scene->axis = BENCH_AXIS_NONE;
	if (scene->metric_count > 1 && strcmp(scene->primary, "ns") != 0)
		return;
	for (uint32_t i = 0; i < 3 && scene->axis == BENCH_AXIS_NONE; i++)
		if (scene->varies[wanted[i]])
			scene->axis = wanted[i];
}

static void look_at(struct bench_scene *scene, const struct bench_series *series)
{
	scene->series[scene->series_count++] = series;
	add_metric(scene, series);
	if (series->primary && !scene->primary)
		scene->primary = series->metric;
	scene->has_peers |= series->peer;
	for (enum bench_axis axis = 0; axis < BENCH_AXES; axis++)
		scene->varies[axis] |= !is_same_on(&scene->series[0]->point, &series->point, axis);
}

/* Finds the rows and columns. */
static void sort(struct bench_scene *scene)
{
	scene->row_count = 0;
	scene->column_count = 0;
	for (uint32_t i = 0; i < scene->series_count; i++) {
		add_row(scene, scene->series[i]);
		if (scene->axis != BENCH_AXIS_NONE)
			add_column(scene, scene->series[i]);
	}
}

int bench_scene_open(const struct bench_document *document, const char *scenario,
		     struct bench_scene *scene)
{
	const uint32_t room = document->series_count + 1;

	*scene = (struct bench_scene){ .document = document };
	scene->series = calloc(room, sizeof(*scene->series));
	scene->rows = calloc(room, sizeof(*scene->rows));
	if (!scene->series || !scene->rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < document->series_count; i++)
		if (document->series[i].count &&
		    strcmp(document->series[i].scenario, scenario) == 0)
			look_at(scene, &document->series[i]);
	if (!scene->primary && scene->metric_count)
		scene->primary = scene->metrics[0];
	choose_axis(scene);
	sort(scene);
	return 0;
}

void bench_scene_turn(struct bench_scene *scene)
{
	scene->axis = BENCH_AXIS_NONE;
	sort(scene);
}

void bench_scene_close(struct bench_scene *scene)
{
	free(scene->series);
	free(scene->rows);
}

const struct bench_series *bench_scene_find(const struct bench_scene *scene,
					    const struct bench_series *row, const char *metric,
					    const struct bench_point *column)
{
	for (uint32_t i = 0; i < scene->series_count; i++) {
		const struct bench_series *series = scene->series[i];

		if (series->count && strcmp(series->metric, metric) == 0 &&
		    is_row(scene, row, series) &&
		    (!column || is_same_on(&series->point, column, scene->axis)))
			return series;
	}
	return NULL;
}

const struct bench_series *bench_scene_first(const struct bench_scene *scene, const char *metric)
{
	for (uint32_t i = 0; i < scene->series_count; i++)
		if (strcmp(scene->series[i]->metric, metric) == 0)
			return scene->series[i];
	return NULL;
}

const struct bench_series *bench_scene_row(const struct bench_scene *scene,
					   const struct bench_series *row, const char *subject,
					   const char *calls)
{
	const struct bench_point point = bench_scene_point(scene, row);

	for (uint32_t r = 0; r < scene->row_count; r++) {
		const struct bench_point other = bench_scene_point(scene, scene->rows[r]);

		if (strcmp(scene->rows[r]->subject, subject) == 0 &&
		    strcmp(scene->rows[r]->calls, calls) == 0 && bench_point_equal(&point, &other))
			return scene->rows[r];
	}
	return NULL;
}

const struct bench_series *bench_scene_own(const struct bench_scene *scene)
{
	for (uint32_t r = 0; r < scene->row_count; r++)
		if (!scene->rows[r]->peer)
			return scene->rows[r];
	return NULL;
}
