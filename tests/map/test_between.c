/* SPDX-License-Identifier: MIT */
/*
 * test_between.c - two at the same map, and the second comes between any two accesses of the first
 * (tests/support/between.h).
 */
#include "tests/map/manual.h"

#include <pendmap/continuation.h>
#include <pendmap/upstream.h>

#include "engine/shard/visit.h"
#include "tests/support/between.h"

/* What is settled once in a process is settled: others would wait for it. */
static void settle_all(void)
{
	machine_play();
	(void)pendi_thread_number();
	destroy(make_keyed(4));
}

TestSuite(map_between, .init = settle_all, .timeout = 60);

/* ---- who destroys it ---- */

static struct {
	int (*destroy)(void *object);
	void *object;
	int result;
} other;

static void *destroys_too(void *argument)
{
	(void)argument;
	other.result = other.destroy(other.object);
	return NULL;
}

/* Of two that destroy an object one does; the other is told that it is gone. Says whether there was
 * another. */
static bool both_destroy(uint32_t at, int (*end)(void *object), void *object, uint32_t *lost)
{
	int result;

	other.destroy = end;
	other.object = object;
	other.result = 0;
	(void)between_begin(at, destroys_too, NULL);
	result = end(object);
	if (!between_end()) {
		cr_assert_eq(result, 0);
		return false;
	}
	cr_assert_eq(result + other.result, -ESHUTDOWN);
	cr_assert(result == 0 || other.result == 0);
	*lost += result != 0;
	return true;
}

static int destroy_map(void *map)
{
	return pend_map_destroy(map);
}

Test(map_between, one_destroys_a_map)
{
	uint32_t lost = 0;
	bool acted = true;

	for (uint32_t at = 0; acted; at++) {
		struct told told = { 0 };
		struct pend_map_options options = keyed(4, 0);
		struct pend_map *map;

		options.on_complete = tell;
		options.context = &told;
		map = make(&options);
		(void)pend_key(map, 1);
		acted = both_destroy(at, destroy_map, map, &lost);
		cr_assert_eq(told.count, 1);
	}
	cr_assert_gt(lost, 0);
}

static int destroy_notes(void *notes)
{
	return pend_continuation_destroy(notes);
}

Test(map_between, one_destroys_a_continuation_map)
{
	struct pend_continuation_options options = pend_continuation_options_default();
	struct pend_continuation *notes;
	uint32_t lost = 0, at = 0;

	options.max_entries = 4;
	options.key_size = options.value_size = 8;
	do
		cr_assert_eq(pend_continuation_create(&options, &notes), 0);
	while (both_destroy(at++, destroy_notes, notes, &lost));
	cr_assert_gt(lost, 0);
}

/* ---- upstream's steps ---- */

/* One operation, of a map with or without an engine, and what the other does to it. */
struct scene {
	struct pend_engine *engine;
	struct told told;
	struct pend_map *map;
	uint64_t handle;
	struct pend_key key;
};

static int pend_again(void *context, const struct pend_operation *operation)
{
	(void)context;
	(void)operation;
	return PEND_VERDICT_PEND;
}

static void begin_scene(struct scene *scene, bool with_engine)
{
	struct pend_map_options options;

	*scene = (struct scene){ .engine = with_engine ? make_engine() : NULL };
	options = managed(scene->engine, &scene->told, 4);
	options.on_rerun = pend_again;
	scene->map = make(&options);
	scene->handle = pend_key(scene->map, 1);
	scene->key = (struct pend_key){ .version = PEND_KEY_VERSION,
					.size = sizeof(scene->key),
					.pend_id = scene->handle };
}

static void end_scene(struct scene *scene)
{
	destroy(scene->map);
	if (scene->engine)
		destroy_engine(scene->engine);
}

static int update(struct scene *scene, uint32_t action)
{
	const struct pend_value value = { PEND_VALUE_VERSION, sizeof(value), action, 0 };

	return pend_map_update_elem(NULL, scene->map, &scene->key, &value, PEND_BPF_EXIST);
}

static void *decides(void *context)
{
	struct scene *scene = context;

	if (pend_map_complete(scene->map, scene->handle, PEND_ACTION_BLOCK))
		abort();
	return NULL;
}

static void *decides_and_serves(void *context)
{
	struct scene *scene = context;

	(void)decides(context);
	if (scene->engine && pend_engine_poll(scene->engine, 0, 16) < 0)
		abort();
	return NULL;
}

static void *stages_hard(void *context)
{
	if (update(context, PEND_ACTION_PERMIT_HARD))
		abort();
	return NULL;
}

/* What is staged before the decision, which is BLOCK without it, is not lost silently; after it
 * nothing is staged. */
Test(map_between, staged_or_too_late)
{
	static void *(*const others[])(void *) = { decides, decides_and_serves };

	for (uint32_t way = 0; way < 4; way++)
		for (uint32_t at = 0;; at++) {
			struct scene scene;
			int result;
			bool acted;

			begin_scene(&scene, way % 2);
			(void)between_begin(at, others[way / 2], &scene);
			result = update(&scene, PEND_ACTION_PERMIT_SOFT);
			acted = between_end();
			if (scene.engine)
				(void)serve_all(scene.engine);
			cr_assert_eq(scene.told.count, acted);
			cr_assert(result == 0 || (acted && result == -ENOENT), "%d", result);
			cr_assert_eq(stats_of(scene.map).staged_lost, acted && !result);
			end_scene(&scene);
			if (!acted)
				break;
		}
}

/* Of two that stage, the last one's verdict is delivered. */
Test(map_between, the_last_staged_verdict_counts)
{
	uint32_t first = 0;

	for (uint32_t at = 0;; at++) {
		struct scene scene;
		struct pend_value value;
		bool acted;

		begin_scene(&scene, true);
		(void)between_begin(at, stages_hard, &scene);
		cr_assert_eq(update(&scene, PEND_ACTION_PERMIT_SOFT), 0);
		acted = between_end();
		cr_assert_eq(pend_map_lookup_elem(scene.map, &scene.key, &value), 0);
		cr_assert_eq(value.action, PEND_ACTION_PERMIT_SOFT, "its CAS came later");
		first += acted;
		end_scene(&scene);
		if (!acted)
			break;
	}
	cr_assert_gt(first, 1);
}

/* An element that is looked up is there, with what was staged, or it is not. */
Test(map_between, an_element_is_there_or_not)
{
	static void *(*const others[])(void *) = { decides, decides_and_serves };
	uint32_t gone = 0;

	for (uint32_t way = 0; way < 4; way++)
		for (uint32_t at = 0;; at++) {
			const struct pend_value untouched = { .pend_timestamp_ns = CANARY };
			struct pend_value value = untouched;
			struct scene scene;
			int result;
			bool acted;

			begin_scene(&scene, way % 2);
			cr_assert_eq(update(&scene, PEND_ACTION_PERMIT_SOFT), 0);
			(void)between_begin(at, others[way / 2], &scene);
			result = pend_map_lookup_elem(scene.map, &scene.key, &value);
			acted = between_end();
			cr_assert(result == 0 || (acted && result == -ENOENT), "%d", result);
			if (result)
				cr_assert_eq(value.pend_timestamp_ns, CANARY);
			else
				cr_assert_eq(value.action, PEND_ACTION_PERMIT_SOFT);
			gone += result != 0;
			end_scene(&scene);
			if (!acted)
				break;
		}
	cr_assert_gt(gone, 4);
}

/* A second CONTINUE: it is continued already, or over, or in its next cycle, and each has its answer. */
Test(map_between, continued_twice)
{
	static void *(*const others[])(void *) = { decides, decides_and_serves };

	for (uint32_t way = 0; way < 4; way++)
		for (uint32_t at = 0;; at++) {
			struct scene scene;
			int result;
			bool acted;

			begin_scene(&scene, way % 2);
			cr_assert_eq(update(&scene, PEND_ACTION_CONTINUE), 0);
			(void)between_begin(at, others[way / 2], &scene);
			result = update(&scene, PEND_ACTION_CONTINUE);
			acted = between_end();
			cr_assert(result == -EALREADY || (acted && result == -ENOENT), "%d",
				  result);
			if (at == 0)
				cr_assert_eq(result, -ENOENT, "it was decided before");
			end_scene(&scene);
			if (!acted)
				break;
		}
}

/* ---- a map that leaves an engine while that stops ---- */

static struct {
	struct pend_engine *engine;
	struct pend_map *map, *leaver;
	uint32_t thread;
	bool has_left;
} stop;

/* Where it would wait for nobody: the first map is being stopped, or has been. */
static void *leaves(void *argument)
{
	(void)argument;
	/* relaxed: the thread that writes it waits for this one. */
	if (pendi_load_relaxed(&stop.engine->visiting[stop.thread].client) !=
	    stop.map->client.number)
		return NULL;
	if (pend_map_destroy(stop.leaver))
		abort();
	stop.has_left = true;
	return NULL;
}

/* What it had is delivered once, by the stop or by its end. */
Test(map_between, a_map_leaves_an_engine_that_stops)
{
	uint32_t left = 0;

	stop.thread = pendi_thread_number();
	for (uint32_t at = 0;; at++) {
		struct told told = { 0 };
		struct pend_map_options options;
		bool acted;

		stop.engine = make_engine();
		options = managed(stop.engine, &told, 4);
		stop.map = make(&options);
		stop.leaver = make(&options);
		cr_assert_lt(stop.map->client.number, stop.leaver->client.number);
		(void)pend_key(stop.map, 1);
		(void)pend_key(stop.leaver, 2);
		stop.has_left = false;
		(void)between_begin(at, leaves, NULL);
		cr_assert_eq(pend_engine_disable(stop.engine, PEND_WAIT_FOREVER), 0);
		acted = between_end();
		cr_assert_eq(told.count, 2);
		left += stop.has_left;
		if (!stop.has_left)
			destroy(stop.leaver);
		destroy(stop.map);
		destroy_engine(stop.engine);
		if (!acted)
			break;
	}
	cr_assert_gt(left, 1);
}
