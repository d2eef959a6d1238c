/* SPDX-License-Identifier: MIT */
/*
 * stage.h - what examples stand on: an engine, a runtime, a simulated network.
 *
 * The engine has no threads of its own, so nothing happens but inside stage_settle(), and what an
 * example prints is always the same. With pend_engine_create(NULL, &engine) an executor for each CPU
 * does what stage_settle() does here, and nothing else changes.
 */
#ifndef EXAMPLES_STAGE_H
#define EXAMPLES_STAGE_H

#include <arpa/inet.h>
#include <pendmap/pendmap.h>
#include <stdio.h>

struct stage {
	struct pend_engine *engine;
	struct pend_runtime *runtime;     /* programs, hooks, links, maps */
	struct pend_simulator *simulator; /* plays the network: it asks, holds, delivers */
	uint64_t connections[8];
	uint32_t count;
};

static inline int stage_open(struct stage *stage)
{
	struct pend_engine_options engine = pend_engine_options_default();
	struct pend_runtime_options runtime = pend_runtime_options_default();
	const struct pend_simulator_options simulator = pend_simulator_options_default();

	stage->count = 0;
	engine.flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	if (pend_engine_create(&engine, &stage->engine) != 0 ||
	    pend_engine_enable(stage->engine) != 0)
		return 1;
	runtime.engine = stage->engine;
	return pend_runtime_create(&runtime, &stage->runtime) != 0 ||
	       pend_simulator_create(stage->runtime, &simulator, &stage->simulator) != 0;
}

/* Serves all CPUs until nothing is left to do. */
static inline void stage_settle(struct stage *stage)
{
	int done = 1, served;

	while (done > 0) {
		done = 0;
		for (uint32_t cpu = 0; (served = pend_engine_poll(stage->engine, cpu, 64)) >= 0;
		     cpu++)
			done += served;
	}
}

/* A process connects: the programs are asked at once. @who may be NULL. */
static inline int stage_connect(struct stage *stage, const char *address, uint16_t port,
				const struct pend_subject *who, uint64_t *operation)
{
	struct pend_simulated_request request = {
		.layer = PEND_LAYER_CONNECT,
		.address = { .family = AF_INET,
			     .user_ip4 = inet_addr(address),
			     .user_port = htons(port),
			     .protocol = IPPROTO_TCP },
	};

	if (who)
		request.subject = *who;
	if (pend_simulator_submit(stage->simulator, &request, operation) != 0)
		return 1;
	stage->connections[stage->count++] = *operation;
	return 0;
}

static inline const char *stage_fate(struct stage *stage, uint64_t operation)
{
	struct pend_simulated_info info = { .size = sizeof(info) };

	if (pend_simulator_read(stage->simulator, operation, &info) != 0)
		return "unknown";
	return info.state == PEND_SIM_PERMITTED ? "permitted"
	       : info.state == PEND_SIM_BLOCKED ? "blocked"
						: "held";
}

/* Closes the connections that were permitted, and takes everything down. */
static inline int stage_close(struct stage *stage)
{
	struct pend_simulated_info info = { .size = sizeof(info) };

	stage_settle(stage);
	for (uint32_t i = 0; i < stage->count; i++) {
		if (pend_simulator_read(stage->simulator, stage->connections[i], &info) != 0)
			return 1;
		if (info.state == PEND_SIM_PERMITTED &&
		    pend_simulator_end_flow(stage->simulator, info.flow) != 0)
			return 1;
	}
	return pend_simulator_destroy(stage->simulator) != 0 ||
	       pend_runtime_destroy(stage->runtime) != 0 || pend_engine_destroy(stage->engine) != 0;
}

#endif
