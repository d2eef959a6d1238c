/* SPDX-License-Identifier: MIT */
/*
 * scenarios.h - all groups of scenarios: a table in each file of this folder, listed in groups.c.
 */
#ifndef SCENARIOS_SCENARIOS_H
#define SCENARIOS_SCENARIOS_H

#include "tests/model/checker/model.h"

extern const struct model_group model_slot, model_queue, model_deadline, model_epoch, model_contest,
	model_orders, model_index, model_map, model_batch, model_upstream, model_pointers,
	model_continuation, model_serve, model_expiry, model_rerun, model_stop, model_session,
	model_shard, model_registry, model_runtime, model_arrive, model_simulator;

/* All of them; the last is NULL. */
extern const struct model_group *const model_groups[];

#endif
