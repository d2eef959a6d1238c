/* SPDX-License-Identifier: MIT */
/*
 * live.c - what the catalogue wants of real threads and processes, through the whole stack: S15 (a CPU
 * goes, F18, F19), an orchestrator that is killed (OP-12), a caller that waits, replacement under load.
 *
 * No figure is judged, and no wait is longer than PATIENCE_NS. Guarantees A, C, E and G.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pendmap/pendmap.h>

#include "platform/cpu.h"
#include "platform/script.h"
#include "tests/catalogue/child.h"
#include "tests/support/arguments.h"
#include "tests/support/check.h"
#include "tests/support/threads.h"
#include "tests/support/torture_oracle.h"

#define PATIENCE_NS UINT64_C(20000000000)
#define SECOND UINT64_C(1000000000)

struct live {
	struct pend_engine *engine;
	struct pend_runtime *runtime;
	struct pend_simulator *simulator;
	struct pend_custom_map *custom;
	struct pend_map *map;
	struct pend_program *program;
	struct pend_link *link;
	struct oracle_sum runs, freed;
};

static const uint32_t helpers[] = { BPF_FUNC_pend_operation };

/* Pends, or falls back to REJECT. */
static int pender(void *context, void *data)
{
	struct live *live = data;
	struct pend_key key = pend_key_of(0);
	struct pend_value value = { PEND_VALUE_VERSION, sizeof(value), 0, 0 };

	(void)context;
	oracle_add(&live->runs, 1);
	return bpf_pend_operation(live->custom, &value, sizeof(value), &key, sizeof(key))
		       ? PEND_VERDICT_REJECT
		       : PEND_VERDICT_PEND;
}

static void on_freed(void *data)
{
	struct live *live = data;

	oracle_add(&live->freed, 1);
}

static struct pend_program *load(struct live *live, pend_program_fn entry, uint32_t helper_count)
{
	const struct pend_program_options options = {
		.size = sizeof(options),
		.name = "live",
		.type = *pend_sock_addr_type(),
		.entry = entry,
		.data = live,
		.helpers = helpers,
		.helper_count = helper_count,
		.on_free = on_freed,
	};
	struct pend_program *program;

	CHECK_INT(pend_program_load(live->runtime, &options, &program), ==, 0);
	return program;
}

static void begin(struct live *live, uint64_t deadline_ns)
{
	struct pend_engine_options engine = pend_engine_options_default();
	struct pend_runtime_options runtime = pend_runtime_options_default();
	struct pend_simulator_options simulator = { .size = sizeof(simulator),
						    .operations_max = 1024,
						    .redirect_expiry_ms = 60000 };
	struct pend_map_options extra = pend_map_options_default();
	struct pend_custom_map_options map = { .size = sizeof(map),
					       .type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
					       .key_size = sizeof(struct pend_key),
					       .value_size = sizeof(struct pend_value),
					       .max_entries = 1024,
					       .extra = &extra };
	struct pend_link_options link = { .size = sizeof(link) };

	*live = (struct live){ .engine = NULL };
	engine.home_ns = 2000000;
	CHECK_INT(pend_engine_create(&engine, &live->engine), ==, 0);
	CHECK_INT(pend_engine_enable(live->engine), ==, 0);
	runtime.engine = live->engine;
	CHECK_INT(pend_runtime_create(&runtime, &live->runtime), ==, 0);
	CHECK_INT(pend_simulator_create(live->runtime, &simulator, &live->simulator), ==, 0);
	extra.flags = PEND_MAP_ENABLED;
	extra.deadline_ns = deadline_ns;
	CHECK_INT(pend_custom_map_create(live->runtime, &map, &live->custom), ==, 0);
	live->map = pend_custom_map_pends(live->custom);
	live->program = load(live, pender, 1);
	link.attach_type = *pend_layer_attach_type(PEND_LAYER_CONNECT, AF_INET);
	CHECK_INT(pend_link_attach(live->program, &link, &live->link), ==, 0);
}

static void end(struct live *live)
{
	struct pend_runtime_stats stats = { .size = sizeof(stats) };

	CHECK_INT(pend_map_disable(live->map, PATIENCE_NS), ==, 0);
	CHECK_INT(pend_link_detach(live->link, PEND_OUTSTANDING_FINISH), ==, 0);
	CHECK_INT(pend_link_close(live->link), ==, 0);
	CHECK_INT(pend_program_close(live->program), ==, 0);
	CHECK_INT(pend_runtime_stats_read(live->runtime, &stats), ==, 0);
	CHECK_U64(stats.pends, ==, stats.completions);
	CHECK_INT(pend_simulator_destroy(live->simulator), ==, 0);
	CHECK_INT(pend_custom_map_close(live->custom), ==, 0);
	CHECK_INT(pend_runtime_destroy(live->runtime), ==, 0);
	CHECK_INT(pend_engine_destroy(live->engine), ==, 0);
}

static struct pend_simulated_info look(struct live *live, uint64_t operation)
{
	struct pend_simulated_info info = { .size = sizeof(info) };

	CHECK_INT(pend_simulator_read(live->simulator, operation, &info), ==, 0);
	return info;
}

static uint64_t submit(struct live *live)
{
	struct pend_simulated_request request = { .layer = PEND_LAYER_CONNECT };
	uint64_t operation = 0;

	request.address.family = AF_INET;
	request.address.protocol = IPPROTO_TCP;
	request.address.user_port = htons(443);
	CHECK_INT(pend_simulator_submit(live->simulator, &request, &operation), ==, 0);
	return operation;
}

/* Its flow ends, if it made one. */
static void forget(struct live *live, uint64_t operation)
{
	const struct pend_simulated_info info = look(live, operation);

	if (info.state == PEND_SIM_PERMITTED)
		CHECK_INT(pend_simulator_end_flow(live->simulator, info.flow), ==, 0);
	CHECK_INT(pend_simulator_forget(live->simulator, operation), ==, 0);
}

static void ends_as(struct live *live, uint64_t operation, enum pend_simulated_state state)
{
	CHECK_INT(pend_simulator_wait(live->simulator, operation, PATIENCE_NS), ==, 0);
	CHECK_INT(look(live, operation).state, ==, state);
	CHECK_INT(look(live, operation).completions, ==, 1);
	forget(live, operation);
}

/* ---- S15: the CPU that pended goes before it is told of a completion ---- */

static struct oracle_owner lost_cpu; /* its number and 1; 0: none */

static int cpu_allowed(uint32_t cpu)
{
	return cpu + 1 != oracle_holder(&lost_cpu);
}

static int cpu_pin(uint32_t cpu)
{
	return cpu_allowed(cpu) ? 0 : -EINVAL;
}

static void S15_hot_unplug(void)
{
	static struct live live;

	(void)oracle_hand(&lost_cpu, 0);
	pendi_script.cpu_allowed = cpu_allowed;
	pendi_script.cpu_pin = cpu_pin;
	begin(&live, 60 * SECOND);
	for (uint32_t round = 0; round < 20; round++) {
		uint64_t operations[8];

		for (uint32_t i = 0; i < 8; i++) {
			operations[i] = submit(&live);
			CHECK_INT(look(&live, operations[i]).state, ==, PEND_SIM_PENDED);
		}
		/* The home of the first of them goes, decided or not. */
		(void)oracle_hand(&lost_cpu, pendi_cpu_current() + 1);
		for (uint32_t i = 0; i < 8; i++)
			CHECK_INT(pend_map_complete(live.map, look(&live, operations[i]).handle,
						    PEND_ACTION_PERMIT_SOFT),
				  ==, 0);
		for (uint32_t i = 0; i < 8; i++)
			ends_as(&live, operations[i], PEND_SIM_PERMITTED);
		(void)oracle_hand(&lost_cpu, 0);
	}
	end(&live);
	pendi_script.cpu_allowed = NULL;
	pendi_script.cpu_pin = NULL;
}

/* ---- the orchestrator is killed ---- */

static void kill_the_orchestrator(enum pend_on_loss on_loss, enum pend_simulated_state state)
{
	struct pend_session_options options = pend_session_options_default();
	struct pend_session *session;
	static struct live live;
	uint64_t operations[4];
	pid_t orchestrator;
	int lease;

	begin(&live, 60 * SECOND);
	options.on_loss = on_loss;
	CHECK_INT(pend_session_open(live.engine, &options, &session), ==, 0);
	CHECK_INT(pend_custom_map_bind(live.custom, session), ==, 0);
	lease = pend_session_lease(session);
	CHECK_INT(lease, >=, 0);
	orchestrator = child_begin(); /* holds the lease */
	CHECK_INT(orchestrator, >, 0);
	CHECK_INT(close(lease), ==, 0);
	for (uint32_t i = 0; i < 4; i++) {
		operations[i] = submit(&live);
		CHECK_INT(look(&live, operations[i]).state, ==, PEND_SIM_PENDED);
	}
	CHECK(child_end(orchestrator));
	for (uint32_t i = 0; i < 4; i++)
		ends_as(&live, operations[i], state);
	/* Nobody is there to ask: the program falls back. */
	operations[0] = submit(&live);
	CHECK_INT(look(&live, operations[0]).state, ==, PEND_SIM_BLOCKED);
	forget(&live, operations[0]);
	CHECK_INT(pend_session_close(session), ==, -ESHUTDOWN);
	end(&live);
}

static void R_kill9_of_the_orchestrator(void)
{
	kill_the_orchestrator(PEND_LOSS_BLOCK, PEND_SIM_BLOCKED);
	kill_the_orchestrator(PEND_LOSS_PERMIT, PEND_SIM_PERMITTED);
}

/* Nobody at all: each ends by its deadline. */
static void R_deadline_without_anybody(void)
{
	static struct live live;
	uint64_t operations[64];

	begin(&live, SECOND / 20);
	for (uint32_t i = 0; i < 64; i++)
		operations[i] = submit(&live);
	for (uint32_t i = 0; i < 64; i++)
		ends_as(&live, operations[i], PEND_SIM_BLOCKED);
	end(&live);
}

/* ---- a link that is replaced while it is invoked and has pended ---- */

static int permits(void *context, void *data)
{
	struct live *live = data;

	(void)context;
	oracle_add(&live->runs, 1);
	return PEND_VERDICT_PROCEED_SOFT;
}

static void invoke_or_replace(void *context, uint32_t number, struct crew *crew)
{
	struct live *live = context;

	(void)crew;
	for (uint32_t i = 0; i < 400; i++) {
		if (number) {
			const uint64_t operation = submit(live);
			const struct pend_simulated_info info = look(live, operation);

			if (info.state == PEND_SIM_PENDED)
				CHECK_INT(pend_map_complete(live->map, info.handle,
							    PEND_ACTION_PERMIT_SOFT),
					  ==, 0);
			CHECK_INT(pend_simulator_wait(live->simulator, operation, PATIENCE_NS), ==,
				  0);
			CHECK_INT(look(live, operation).state, ==, PEND_SIM_PERMITTED);
			forget(live, operation);
		} else {
			struct pend_program *program = load(live, i % 2 ? pender : permits, i % 2);

			CHECK_INT(pend_link_update(live->link, program, NULL), ==, 0);
			CHECK_INT(pend_program_close(program), ==, 0);
		}
	}
}

/* Each invocation ran exactly one of the programs, and each program went when nothing held it. */
static void R_link_update_under_load(void)
{
	static struct live live;

	begin(&live, 60 * SECOND);
	crew_run(3, &live, invoke_or_replace);
	CHECK_U64(oracle_total(&live.runs), ==, 800);
	end(&live);
	CHECK_U64(oracle_total(&live.freed), ==, 401);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{ "S15_hot_unplug", S15_hot_unplug },
		{ "R_kill9_of_the_orchestrator", R_kill9_of_the_orchestrator },
		{ "R_deadline_without_anybody", R_deadline_without_anybody },
		{ "R_link_update_under_load", R_link_update_under_load },
	};
	struct arguments arguments = { .rounds = 1 };
	struct tap tap = { 0, 0 };

	if (!arguments_parse(&arguments, argc, argv))
		return 2;
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!arguments_want(&arguments, cases[i].name))
			continue;
		cases[i].run();
		tap_report(&tap, 1, cases[i].name);
	}
	return tap_end(&tap);
}
