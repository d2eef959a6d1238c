/* SPDX-License-Identifier: MIT */
/*
 * lying_library.c - stands between pendbench and pendmap, and lies once.
 *
 * Linked with --wrap, so that pendbench calls the functions here. PENDBENCH_LIE says which lie:
 *
 *	stats   one completion less is counted than there were
 *	twice   one operation is told twice
 *	never   one operation is not told
 *	live    one more is live, by the counters, than there is
 *	unasked one operation is permitted and no program was asked
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <pendmap/hook.h>
#include <pendmap/lookup.h>
#include <pendmap/map.h>

#include "platform/atomic.h"

#define PATIENCE 100u /* operations before the lie */

int __real_pend_map_create(const struct pend_map_options *options, struct pend_map **map);
int __wrap_pend_map_create(const struct pend_map_options *options, struct pend_map **map);
int __real_pend_map_stats_read(struct pend_map *map, struct pend_map_stats *stats);
int __wrap_pend_map_stats_read(struct pend_map *map, struct pend_map_stats *stats);

int __real_pend_hook_invoke(struct pend_hook *hook, struct pend_invocation *invocation);
int __wrap_pend_hook_invoke(struct pend_hook *hook, struct pend_invocation *invocation);

/* Of the map that was created last: pendbench has one at a time that is told. */
static pend_complete_fn honest;
static _Atomic uint32_t told;
static _Atomic uint32_t asked;

static bool lie_is(const char *name)
{
	const char *lie = getenv("PENDBENCH_LIE");

	return lie && strcmp(lie, name) == 0;
}

static void tell(void *context, const struct pend_operation *operation)
{
	/* relaxed: a count. */
	const bool now = pendi_fetch_add_relaxed(&told, 1) == PATIENCE;

	if (now && lie_is("never"))
		return;
	honest(context, operation);
	if (now && lie_is("twice"))
		honest(context, operation);
}

int __wrap_pend_map_create(const struct pend_map_options *options, struct pend_map **map)
{
	struct pend_map_options changed = *options;

	if (options->on_complete) {
		honest = options->on_complete;
		changed.on_complete = tell;
		pendi_store_relaxed(&told, 0); /* relaxed: nobody is told yet */
	}
	return __real_pend_map_create(&changed, map);
}

int __wrap_pend_map_stats_read(struct pend_map *map, struct pend_map_stats *stats)
{
	const int error = __real_pend_map_stats_read(map, stats);

	if (!error && lie_is("stats"))
		stats->completions--;
	if (!error && lie_is("live"))
		stats->live++;
	return error;
}

int __wrap_pend_hook_invoke(struct pend_hook *hook, struct pend_invocation *invocation)
{
	/* relaxed: a count. */
	const bool now = pendi_fetch_add_relaxed(&asked, 1) == PATIENCE;

	if (!now || !lie_is("unasked"))
		return __real_pend_hook_invoke(hook, invocation);
	invocation->verdict = PEND_VERDICT_PROCEED_SOFT;
	return 0;
}
