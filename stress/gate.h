/* SPDX-License-Identifier: MIT */
/*
 * gate.h - a hook, a map to pend in, and all that these need: what operations come to.
 */
#ifndef STRESS_GATE_H
#define STRESS_GATE_H

#include <pendmap/pendmap.h>

#include "stress/harness.h"

struct gate_options {
	uint32_t context_size; /* of what programs see of an operation */
	uint32_t scratch_size;
	uint32_t entries; /* that can be pended at once */
	uint32_t links_max;
	uint64_t deadline_ns;
	const struct pend_backend *backend;
	void *backend_context;
};

struct gate {
	struct pend_engine *engine;
	struct pend_runtime *runtime;
	struct pend_provider *type;
	struct pend_hook *hook;
	struct pend_custom_map *pends;
	struct pend_program_data program_type; /* borrowed by the runtime */
};

/* Ends the program if @status is not 0. */
void gate_must(int status, const char *what);

void gate_open(struct gate *gate, const struct gate_options *options, const struct stress *stress);

/* A program of any kind that the hook takes; @helpers: what it calls. */
struct pend_program *gate_load(struct gate *gate, pend_program_fn entry, void *data,
			       const uint32_t *helpers, uint32_t helper_count,
			       void (*on_free)(void *data));
struct pend_link *gate_attach(struct pend_program *program, uint32_t compartment);

/* What an orchestrator does: whoever was faster is fine. */
void gate_decide(struct gate *gate, uint64_t handle, enum pend_action action);

/* Waits until nothing is pended, within reason. */
struct pend_map_stats gate_settle(struct gate *gate);

/* When nothing is attached any more. Checks that the hook can be destroyed. */
void gate_close(struct gate *gate, struct stress *stress);

#endif
