/* SPDX-License-Identifier: MIT */
/*
 * groups.c - the list of all groups of scenarios, in the order in which they run. CMake reads it.
 */
#include "tests/model/scenarios/scenarios.h"

#include <stddef.h>

/* clang-format off */
const struct model_group *const model_groups[] = {
	&model_slot,
	&model_queue,
	&model_deadline,
	&model_epoch,
	&model_contest,
	&model_orders,
	&model_index,
	&model_map,
	&model_batch,
	&model_upstream,
	&model_pointers,
	&model_continuation,
	&model_serve,
	&model_expiry,
	&model_rerun,
	&model_stop,
	&model_session,
	&model_shard,
	&model_registry,
	&model_runtime,
	&model_arrive,
	&model_simulator,
	NULL,
};
