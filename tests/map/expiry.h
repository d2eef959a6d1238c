/* SPDX-License-Identifier: MIT */
/*
 * expiry.h - what the tests of deadlines share: one manual engine, one map at a time, and whether
 * an operation is completed in no poll before its deadline and in the first one a tick after it.
 */
#ifndef TESTS_MAP_EXPIRY_H
#define TESTS_MAP_EXPIRY_H

#include "tests/map/manual.h"

enum { TICK_NS = 1000000 };

static struct pend_engine *engine;
static struct told told;

static inline struct pend_map *begin(struct pend_map_options *options)
{
	if (!engine)
		engine = make_engine();
	memset(&told, 0, sizeof(told));
	options->engine = engine;
	return make(options);
}

static inline struct pend_map *begin_default(uint32_t max_entries)
{
	struct pend_map_options options = managed(NULL, &told, max_entries);

	return begin(&options);
}

static inline void end(struct pend_map *map)
{
	destroy(map);
	destroy_engine(engine);
	engine = NULL;
}

/* The one live operation is completed by its deadline, in the tick after it at the latest. */
static inline void expires(uint64_t due_ns, enum pend_action action)
{
	const uint32_t before = told.count;

	machine.mono_ns = due_ns - 1;
	(void)serve_all(engine);
	cr_assert_eq(told.count, before, "too early");
	machine.mono_ns = due_ns + TICK_NS;
	(void)serve_all(engine);
	cr_assert_eq(told.count, before + 1, "too late");
	cr_assert_eq(told.operations[before].origin, PEND_ORIGIN_DEADLINE);
	cr_assert_eq(told.operations[before].action, action);
}

static uint32_t reruns;

static inline int pend_again(void *context, const struct pend_operation *operation)
{
	(void)context;
	(void)operation;
	reruns++;
	return PEND_VERDICT_PEND;
}

#endif
