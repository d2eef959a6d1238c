/* SPDX-License-Identifier: MIT */
/*
 * test_faults.c - maps to which the system refuses fork handlers, memory barriers and thread numbers.
 *
 * Linked with --wrap: pthread_atfork() comes here first.
 */
#include "tests/map/manual.h"

#include <pthread.h>

#include <pendmap/continuation.h>

#include "epoch/record.h"
#include "tests/support/wrap.h"

static bool refuses_handlers;

WRAPPED(int, pthread_atfork, void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	return refuses_handlers ? ENOMEM : __real_pthread_atfork(prepare, parent, child);
}

/* Without handlers a child could not know that what its parent has is not its own: nothing is made. */
Test(map_faults, no_maps_without_fork_handlers)
{
	const struct pend_map_options options = keyed(4, 0);
	struct pend_continuation_options continuation = pend_continuation_options_default();
	struct pend_continuation *notes = NULL;
	struct pend_engine *engine = NULL;
	struct pend_map *map = NULL;

	continuation.max_entries = 4;
	continuation.key_size = continuation.value_size = 8;
	refuses_handlers = true;
	cr_assert_eq(pend_map_create(&options, &map), -ENOMEM);
	cr_assert_null(map);
	cr_assert_eq(pend_continuation_create(&continuation, &notes), -ENOMEM);
	cr_assert_null(notes);
	cr_assert_eq(pend_engine_create(NULL, &engine), -ENOMEM);
	cr_assert_null(engine);
}

/* ---- memory barriers ---- */

static uint32_t barriers, barriers_to_fail, pauses;

static int fail_some_barriers(void)
{
	barriers++;
	return barriers <= barriers_to_fail ? -ENOMEM : 0;
}

static int accept(void)
{
	return 0;
}

static void count_pause(void)
{
	pauses++;
}

/* A stop needs the penders' fence to be whole: it asks until the kernel has the memory. */
Test(map_faults, a_stop_waits_for_its_barrier)
{
	struct pend_map *map;

	pendi_script.membarrier_register = accept;
	pendi_script.membarrier = fail_some_barriers;
	machine_play();
	machine.on_pause = count_pause;
	map = make_keyed(4);
	cr_assert(map->light);
	(void)pend_key(map, 1);
	barriers = pauses = 0;
	barriers_to_fail = 3;
	cr_assert_eq(pend_map_disable(map, 0), 0);
	cr_assert_eq(barriers, 4);
	cr_assert_eq(pauses, 3);
	cr_assert_eq(stats_of(map).by_drain, 1);
	destroy(map);
}

/* Where there are none, both sides make fences. */
Test(map_faults, a_stop_without_barriers)
{
	struct pend_map *map;

	machine_without_membarrier();
	machine_play();
	map = make_keyed(4);
	cr_assert_not(map->light);
	(void)pend_key(map, 1);
	cr_assert_eq(pend_map_disable(map, 0), 0);
	cr_assert_eq(stats_of(map).by_drain, 1);
	destroy(map);
}

/* ---- threads without a number ---- */

static struct {
	struct pend_engine *engine;
	struct pend_map *map;
	struct pend_continuation *notes;
	int updated, inserted, erased, looked, disabled;
	uint64_t handle;
	int pended, completed;
} numberless;

static void *come_without_a_number(void *argument)
{
	const uint64_t present = 1, absent = 2, value = 5;
	const void *found;
	const struct pend_request request = request_of(&absent, NULL);

	(void)argument;
	numberless.updated =
		pend_continuation_update(numberless.notes, &present, &value, PEND_UPDATE_EXIST);
	numberless.inserted =
		pend_continuation_update(numberless.notes, &absent, &value, PEND_UPDATE_NOEXIST);
	numberless.erased = pend_continuation_delete(numberless.notes, &present);
	numberless.looked = pend_continuation_lookup(numberless.notes, &present, &found);
	numberless.pended = pend_map_pend(numberless.map, &request, &numberless.handle);
	numberless.completed =
		pend_map_complete(numberless.map, numberless.handle, PEND_ACTION_PERMIT_SOFT);
	numberless.disabled = pend_engine_disable(numberless.engine, SECOND);
	return NULL;
}

/* It is inside of no epoch, so it changes no continuation; but it pends, decides, and stops an engine. */
Test(map_faults, a_thread_without_a_number)
{
	struct told told = { 0 };
	struct pend_continuation_options continuation = pend_continuation_options_default();
	struct pend_map_options options;
	const uint64_t key = 1, value = 4;
	pthread_t thread;

	continuation.max_entries = 4;
	continuation.key_size = continuation.value_size = 8;
	numberless.engine = make_engine();
	options = managed(numberless.engine, &told, 4);
	numberless.map = make(&options);
	cr_assert_eq(pend_continuation_create(&continuation, &numberless.notes), 0);
	cr_assert_eq(pend_continuation_update(numberless.notes, &key, &value, PEND_UPDATE_NOEXIST),
		     0);
	(void)pend_key(numberless.map, 1);
	for (uint32_t i = 1; i < PENDI_THREADS; i++) {
		/* relaxed: only this thread looks. */
		if (!pendi_load_relaxed(&pendi_thread_records[i].owner))
			pendi_store_relaxed(&pendi_thread_records[i].owner, 1);
	}
	cr_assert_eq(pthread_create(&thread, NULL, come_without_a_number, NULL), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_assert_eq(numberless.updated, -EAGAIN);
	cr_assert_eq(numberless.inserted, -EAGAIN);
	cr_assert_eq(numberless.erased, -EAGAIN);
	cr_assert_eq(numberless.looked, -EPERM);
	cr_assert_eq(pend_continuation_count(numberless.notes), 1);
	cr_assert_eq(numberless.pended, 0);
	cr_assert_eq(numberless.completed, 0);
	cr_assert_eq(numberless.disabled, 0);
	cr_assert_eq(told.count, 2, "what it decided and what it drained");
	cr_assert_eq(stats_of(numberless.map).by_drain, 1);
	cr_assert_eq(pend_continuation_destroy(numberless.notes), 0);
	destroy(numberless.map);
	destroy_engine(numberless.engine);
}
