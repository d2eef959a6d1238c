/* SPDX-License-Identifier: MIT */
/*
 * simulator.c - operations of the simulator: held for a verdict, waited for, killed, forgotten.
 *
 * One program pends whatever is submitted. Oracle: each operation is told of once, as what it ended
 * as; and who waits for it hears of that.
 */
#include <errno.h>
#include <sys/socket.h>

#include <pendmap/simulator.h>

#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

#define LAYER PEND_LAYER_RECV_ACCEPT

static struct {
	struct pend_runtime *runtime;
	struct pend_simulator *simulator;
	struct pend_custom_map *map;
	struct pend_program *program;
	struct pend_link *link;
	uint64_t operation, other;
	struct pend_simulated_info info; /* when it was pended */
	uint32_t told;
	enum pend_simulated_state state;
	int results[MODEL_THREADS];
} at;

static void hear(void *context, uint64_t operation, enum pend_simulated_state state)
{
	(void)context;
	if (operation != at.operation)
		return;
	MODEL_CHECK(++at.told == 1 && state >= PEND_SIM_PERMITTED);
	at.state = state;
}

static int hold_it(void *context, void *data)
{
	struct pend_value value = { PEND_VALUE_VERSION, sizeof(value), 0, 0 };
	struct pend_key key = pend_key_of(0);

	(void)context;
	(void)data;
	return bpf_pend_operation(at.map, &value, sizeof(value), &key, sizeof(key))
		       ? PEND_VERDICT_REJECT
		       : PEND_VERDICT_PEND;
}

static void make_engine_and_map(void)
{
	struct pend_engine_options engine = pend_engine_options_default();
	struct pend_runtime_options options = pend_runtime_options_default();
	struct pend_map_options pends = pend_map_options_default();
	const struct pend_custom_map_options map = { .size = sizeof(map),
						     .type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
						     .key_size = sizeof(struct pend_key),
						     .value_size = sizeof(struct pend_value),
						     .max_entries = 2,
						     .extra = &pends };

	engine.flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	engine.queue_entries = 16;
	MODEL_CHECK(pend_engine_create(&engine, &world.engine) == 0);
	MODEL_CHECK(pend_engine_enable(world.engine) == 0);
	options.engine = world.engine;
	options.deferrals = 2;
	MODEL_CHECK(pend_runtime_create(&options, &at.runtime) == 0);
	pends.flags = PEND_MAP_ENABLED;
	pends.deadline_ns = PEND_DEADLINE_NONE;
	MODEL_CHECK(pend_custom_map_create(at.runtime, &map, &at.map) == 0);
}

static void attach_program(void)
{
	static const uint32_t helpers[] = { BPF_FUNC_pend_operation };
	const struct pend_program_options program = { .size = sizeof(program),
						      .name = "holds",
						      .type = *pend_sock_addr_type(),
						      .entry = hold_it,
						      .helpers = helpers,
						      .helper_count = 1 };
	const struct pend_link_options link = {
		.size = sizeof(link), .attach_type = *pend_layer_attach_type(LAYER, AF_INET)
	};

	MODEL_CHECK(pend_program_load(at.runtime, &program, &at.program) == 0);
	MODEL_CHECK(pend_link_attach(at.program, &link, &at.link) == 0);
}

static int submit(uint64_t *operation)
{
	struct pend_simulated_request request = { .layer = LAYER };

	request.address.family = AF_INET;
	return pend_simulator_submit(at.simulator, &request, operation);
}

static void make(uint32_t operations)
{
	struct pend_simulator_options options = pend_simulator_options_default();

	make_engine_and_map();
	options.operations_max = operations;
	options.on_verdict = hear;
	MODEL_CHECK(pend_simulator_create(at.runtime, &options, &at.simulator) == 0);
	attach_program();
	MODEL_CHECK(submit(&at.operation) == 0);
	at.info.size = sizeof(at.info);
	MODEL_CHECK(pend_simulator_read(at.simulator, at.operation, &at.info) == 0);
	MODEL_CHECK(at.info.state == PEND_SIM_PENDED);
}

static void one_held(void)
{
	make(2);
}

static int decide(enum pend_action action)
{
	return pend_map_complete(pend_custom_map_pends(at.map), at.info.handle, action);
}

static void serve(void)
{
	for (uint32_t cpu = 0; cpu < MODEL_THREADS; cpu++)
		MODEL_CHECK(pend_engine_poll(world.engine, cpu, 8) >= 0);
}

/* X13: who decides first; a killed one is told of as such, whoever decides it later. */
static void decide_or_kill(uint32_t number)
{
	if (number == 0) {
		at.results[0] = decide(PEND_ACTION_PERMIT_SOFT);
		serve();
	} else {
		at.results[1] = pend_simulator_kill(at.simulator, at.operation);
	}
}

static void told_as_it_was(void)
{
	serve();
	MODEL_CHECK(at.told == 1);
	MODEL_CHECK(at.state == (at.results[1] == 0 ? PEND_SIM_CANCELLED : PEND_SIM_PERMITTED));
}

/* SM3: who waits is woken. */
static void wait_or_decide(uint32_t number)
{
	struct pend_simulated_info info = { .size = sizeof(info) };

	if (number == 0) {
		MODEL_CHECK(pend_simulator_wait(at.simulator, at.operation, UINT64_MAX) == 0);
		MODEL_CHECK(pend_simulator_read(at.simulator, at.operation, &info) == 0);
		MODEL_CHECK(info.state == PEND_SIM_PERMITTED);
	} else {
		at.results[1] = decide(PEND_ACTION_PERMIT_SOFT);
		serve();
	}
}

static void permitted(void)
{
	MODEL_CHECK(at.results[1] == 0 && at.told == 1 && at.state == PEND_SIM_PERMITTED);
}

/* SM1, SM2: the only element is forgotten, and named anew. */
static void one_settled(void)
{
	make(1);
	/* What is permitted has a flow, which takes the room of the next one. */
	MODEL_CHECK(decide(PEND_ACTION_BLOCK) == 0);
	serve();
	MODEL_CHECK(at.told == 1 && at.state == PEND_SIM_BLOCKED);
}

static void forget_or_submit(uint32_t number)
{
	struct pend_simulated_info info = { .size = sizeof(info) };

	if (number == 0)
		at.results[0] = pend_simulator_forget(at.simulator, at.operation);
	else if (number == 1)
		at.results[1] = submit(&at.other);
	else if (pend_simulator_read(at.simulator, at.operation, &info) == 0)
		MODEL_CHECK(info.state == PEND_SIM_BLOCKED && info.handle == at.info.handle);
}

static void named_anew(void)
{
	struct pend_simulated_info info = { .size = sizeof(info) };

	MODEL_CHECK(at.results[0] == 0);
	MODEL_CHECK(at.results[1] == 0 || at.results[1] == -ENOSPC);
	MODEL_CHECK(pend_simulator_read(at.simulator, at.operation, &info) == -ENOENT);
	if (at.results[1])
		MODEL_CHECK(submit(&at.other) == 0);
	MODEL_CHECK(at.other != at.operation);
	MODEL_CHECK(pend_simulator_read(at.simulator, at.other, &info) == 0);
	MODEL_CHECK(info.state == PEND_SIM_PENDED);
}

static const struct model_scenario scenarios[] = {
	{ .name = "simulator: one decides, one kills",
	  .shows = "A X13 SM1",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_held,
	  .thread = decide_or_kill,
	  .end = told_as_it_was },
	{ .name = "simulator: one waits, one decides",
	  .shows = "SM1 SM3",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_held,
	  .thread = wait_or_decide,
	  .end = permitted },
	{ .name = "simulator: one forgets, one submits, one reads",
	  .shows = "SM1 SM2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_settled,
	  .thread = forget_or_submit,
	  .end = named_anew },
};

const struct model_group model_simulator = { "simulator", scenarios,
					     sizeof(scenarios) / sizeof(scenarios[0]) };
