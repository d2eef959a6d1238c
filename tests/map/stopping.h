/* SPDX-License-Identifier: MIT */
/*
 * stopping.h - what the tests of the control states share: a manual engine, a map in it, and whether
 * the map pends.
 *
 * The library's pauses are where the rest of the machine runs: machine.on_pause.
 */
#ifndef TESTS_MAP_STOPPING_H
#define TESTS_MAP_STOPPING_H

#include "tests/map/manual.h"

static struct pend_engine *engine;
static struct told told;
static struct pend_map *map; /* for what runs in pauses and functions */
static uint64_t handle;
static int result;

static inline void begin(struct pend_map_options *options)
{
	engine = make_engine();
	options->engine = engine;
	map = make(options);
}

static inline void begin_default(uint32_t max_entries)
{
	struct pend_map_options options = managed(NULL, &told, max_entries);

	begin(&options);
}

static inline void end(void)
{
	destroy(map);
	destroy_engine(engine);
}

static inline void refuses_to_pend(struct pend_map *stopped)
{
	const uint64_t key = 99;
	const struct pend_request request = request_of(&key, NULL);
	uint64_t refused = CANARY;
	int error = CANARY_INT;

	/* retval: pend_map_pend -ESHUTDOWN */
	COUNTED(stopped, -ESHUTDOWN, refused_stopped, pend_error(stopped, 99));
	COUNTED(stopped, 0, refused_stopped,
		pend_map_pend_batch(stopped, &request, 1, &refused, &error));
	cr_assert_eq(refused, 0);
	cr_assert_eq(error, -ESHUTDOWN);
}

static inline void pends(struct pend_map *open)
{
	cr_assert_eq(pend_map_complete(open, pend_key(open, 98), PEND_ACTION_BLOCK), 0);
	if (engine)
		(void)serve_all(engine);
	cr_assert_eq(stats_of(open).live, 0);
}

#endif
