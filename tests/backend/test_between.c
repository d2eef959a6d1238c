/* SPDX-License-Identifier: MIT */
/*
 * test_between.c - kills, ends of flows and verdicts that meet in the simulator: one of two wins,
 * wherever the other comes in between (guarantee A, races F1 to F5, X13).
 */
#include "engine/backend/simulator_internal.h"
#include "engine/runtime/runtime_internal.h"
#include "tests/backend/fixture.h"
#include "tests/support/between.h"

#include <unistd.h>

static void begin(void)
{
	begin_stage(PEND_SIM_STEPS);
}

TestSuite(between, .init = begin, .fini = end_stage);

/* What the other did: its result. */
static struct {
	uint64_t name;
	int result;
} other;

static void *kills(void *context)
{
	(void)context;
	other.result = pend_simulator_kill(stage.simulator, other.name);
	return NULL;
}

/* A caller that dies while its operation is being pended: nothing stays of the pend. */
static void kill_at(enum pend_layer layer)
{
	struct actor *actor = add_pender(layer, AF_INET);
	uint32_t refused = 0, pended = 0;

	for (uint32_t at = 0;; at++) {
		int stepped;

		actor->pended = 0;
		actor->error = 1;
		other.name = submit_at(layer, AF_INET);
		(void)between_begin(at, kills, NULL);
		stepped = pend_simulator_step(stage.simulator, other.name);
		cr_assert(stepped == 0 || stepped == -EALREADY);
		if (!between_end())
			break;
		settle();
		cr_assert_eq(other.result, 0);
		assert_state(other.name, PEND_SIM_CANCELLED);
		refused += actor->error == -ECANCELED;
		pended += actor->error == 0;
		assert_balanced();
		forget(other.name);
	}
	cr_assert_gt(refused, 0);
	cr_assert_gt(pended, 0);
	cr_assert_eq(decide(actor->handle, PEND_ACTION_BLOCK), 0);
	settle();
	forget(other.name);
	remove_actors();
}

Test(between, a_kill_and_a_pend)
{
	kill_at(PEND_LAYER_BIND);
	kill_at(PEND_LAYER_DATAGRAM);
}

/* ... or while it moves from the pend for its identity to its program's (X13). */
Test(between, a_kill_and_a_move)
{
	struct actor *actor = add_pender(PEND_LAYER_CONNECT, AF_INET);
	struct pend_simulated_request request = request_at(PEND_LAYER_CONNECT, AF_INET);
	struct pend_subject self;
	uint32_t moved = 0;

	cr_assert_eq(pend_subject_capture(getpid(), &self), 0);
	request.subject = self;
	actor->identifies = true;
	for (uint32_t at = 0;; at++) {
		actor->pended = actor->runs = 0;
		other.name = submit(&request);
		for (uint32_t i = 0; i < 2; i++)
			cr_assert_eq(pend_simulator_step(stage.simulator, other.name), 0);
		assert_state(other.name, PEND_SIM_PENDED);
		(void)between_begin(at, kills, NULL);
		settle();
		if (!between_end())
			break;
		settle();
		cr_assert_eq(other.result, 0);
		assert_state(other.name, PEND_SIM_CANCELLED);
		moved += actor->pended;
		assert_balanced();
		forget(other.name);
	}
	cr_assert_gt(moved, 0);
	cr_assert_eq(pend_simulator_kill(stage.simulator, other.name), 0);
	settle();
	cr_assert_eq(pend_subject_release(&self), 0);
}

/* ---- flows ---- */

static void *permits(void *context)
{
	(void)context;
	other.result = decide(stage.actors[0].handle, PEND_ACTION_PERMIT_SOFT);
	settle();
	return NULL;
}

static void *ends_flow(void *context)
{
	(void)context;
	other.result = pend_simulator_end_flow(stage.simulator, other.name);
	return NULL;
}

/* A pended connection; its flow is other.name. */
static uint64_t connect_and_pend(void)
{
	uint64_t operation;

	stage.actors[0].pended = 0;
	operation = submit_at(PEND_LAYER_CONNECT, AF_INET);
	for (uint32_t i = 0; i < 2; i++)
		cr_assert_eq(pend_simulator_step(stage.simulator, operation), 0);
	assert_state(operation, PEND_SIM_PENDED);
	other.name = sim_info(operation).flow;
	return operation;
}

/* F1: it ends while its connection is being permitted. It ends once, before it is there or after. */
Test(between, a_flows_end_and_its_permit)
{
	uint32_t before = 0, after = 0;

	(void)add_pender(PEND_LAYER_CONNECT, AF_INET);
	for (uint32_t at = 0;; at++) {
		const uint64_t operation = connect_and_pend();
		const struct pend_simulator_ledger was = ledger();
		struct pend_simulator_ledger now;
		int ended;

		(void)between_begin(at, permits, NULL);
		ended = pend_simulator_end_flow(stage.simulator, other.name);
		if (!between_end())
			break;
		settle();
		cr_assert_eq(ended, 0);
		cr_assert_eq(pend_simulator_end_flow(stage.simulator, other.name), -ENOENT);
		now = ledger();
		cr_assert_eq(now.flows - was.flows, now.flows_deleted - was.flows_deleted);
		before += now.flows == was.flows;
		after += now.flows != was.flows;
		assert_balanced();
		forget(operation);
	}
	settle();
	cr_assert_gt(before, 0);
	cr_assert_gt(after, 0);
}

static bool is_nobodys(uint64_t name)
{
	struct pendi_sim_operation *operation = pendi_operation_get(stage.simulator, name);
	const bool answer = !operation->belongs;

	pendi_operation_put(stage.simulator, operation);
	return answer;
}

/* F2: data is sent on it while it ends: that is cancelled, or was too late to belong to it. */
Test(between, a_flows_end_and_its_data)
{
	uint32_t cancelled = 0, late = 0;

	for (uint32_t at = 0;; at++) {
		struct pend_simulated_request request = request_at(PEND_LAYER_DATAGRAM, AF_INET);
		const uint64_t maker = submit_at(PEND_LAYER_CONNECT, AF_INET);
		uint64_t data;

		for (uint32_t i = 0; i < 2; i++)
			cr_assert_eq(pend_simulator_step(stage.simulator, maker), 0);
		request.flow = other.name = sim_info(maker).flow;
		(void)between_begin(at, ends_flow, NULL);
		data = submit(&request);
		if (!between_end())
			break;
		cr_assert_eq(other.result, 0);
		if (sim_info(data).state == PEND_SIM_CANCELLED) {
			cancelled++;
		} else {
			late++;
			cr_assert(is_nobodys(data), "it did not find the flow");
			cr_assert_eq(pend_simulator_step(stage.simulator, data), 0);
		}
		forget(data);
		forget(maker);
	}
	cr_assert_gt(cancelled, 0);
	cr_assert_gt(late, 0);
	cr_assert_eq(pend_simulator_end_flow(stage.simulator, other.name), 0);
}

/* Of two that end it, one does. */
Test(between, a_flow_ends_once)
{
	uint32_t mine = 0, others = 0;

	(void)add_pender(PEND_LAYER_CONNECT, AF_INET);
	for (uint32_t at = 0;; at++) {
		const uint64_t operation = connect_and_pend();
		int ended;

		if (at % 2) {
			cr_assert_eq(decide(stage.actors[0].handle, PEND_ACTION_PERMIT_SOFT), 0);
			settle();
		}
		(void)between_begin(at / 2, ends_flow, NULL);
		ended = pend_simulator_end_flow(stage.simulator, other.name);
		if (!between_end())
			break;
		settle();
		cr_assert((ended == 0) != (other.result == 0));
		cr_assert(ended == 0 || ended == -ENOENT);
		mine += ended == 0;
		others += ended != 0;
		forget(operation);
	}
	settle();
	cr_assert_gt(mine, 0);
	cr_assert_gt(others, 0);
}

/* ---- names ---- */

static void *forgets(void *context)
{
	(void)context;
	other.result = pend_simulator_forget(stage.simulator, other.name);
	return NULL;
}

/* One gives the name back, the other finds none. */
Test(between, a_name_is_given_back_once)
{
	for (uint32_t at = 0;; at++) {
		int forgotten;

		other.name = submit_at(PEND_LAYER_BIND, AF_INET);
		cr_assert_eq(pend_simulator_step(stage.simulator, other.name), 0);
		(void)between_begin(at, forgets, NULL);
		forgotten = pend_simulator_forget(stage.simulator, other.name);
		if (!between_end())
			break;
		cr_assert((forgotten == 0) != (other.result == 0));
		cr_assert(forgotten == 0 || forgotten == -ENOENT);
	}
}

static void *submits(void *context)
{
	const struct pend_simulated_request request = request_at(PEND_LAYER_BIND, AF_INET);

	(void)context;
	other.result = pend_simulator_submit(stage.simulator, &request, &other.name);
	return NULL;
}

/* Two that begin at once have two names, fresh ones. */
Test(between, each_has_a_name)
{
	for (uint32_t at = 0; at < 24; at++) {
		uint64_t mine;

		(void)between_begin(at, submits, NULL);
		mine = submit_at(PEND_LAYER_BIND, AF_INET);
		if (!between_end())
			break;
		cr_assert_eq(other.result, 0);
		cr_assert_neq((uint32_t)mine, (uint32_t)other.name);
		cr_assert_eq(pend_simulator_step(stage.simulator, other.name), 0);
		cr_assert_eq(pend_simulator_step(stage.simulator, mine), 0);
	}
	(void)!pend_simulator_step(stage.simulator, stage.operation);
}

static uint64_t settled(void)
{
	const uint64_t name = submit_at(PEND_LAYER_BIND, AF_INET);

	cr_assert_eq(pend_simulator_step(stage.simulator, name), 0);
	return name;
}

/* Two that are given back at once, and two that have their places. */
Test(between, places_come_and_go)
{
	for (uint32_t at = 0;; at++) {
		uint64_t mine = settled();
		bool acted;

		other.name = settled();
		(void)between_begin(at, forgets, NULL);
		forget(mine);
		acted = between_end();
		cr_assert_eq(other.result, 0);
		if (!acted)
			forget(other.name);
		(void)between_begin(at, submits, NULL);
		mine = submit_at(PEND_LAYER_BIND, AF_INET);
		if (between_end()) {
			cr_assert_neq((uint32_t)mine, (uint32_t)other.name);
			cr_assert_leq((uint32_t)mine | (uint32_t)other.name, 1, "no third");
			cr_assert_eq(pend_simulator_step(stage.simulator, other.name), 0);
			forget(other.name);
			acted = true;
		}
		cr_assert_eq(pend_simulator_step(stage.simulator, mine), 0);
		forget(mine);
		if (!acted)
			break;
	}
}

/* So many of two that begin at once as were ordered. */
Test(between, one_fault_is_for_one)
{
	const struct pend_simulated_request request = request_at(PEND_LAYER_BIND, AF_INET);

	for (uint32_t at = 0;; at++) {
		uint64_t mine = 0;
		int result;

		cr_assert_eq(
			pend_simulator_fail(stage.simulator, PEND_FAULT_SUBMIT, at % 2, 1, -EIO),
			0);
		other.name = 0;
		(void)between_begin(at / 2, submits, NULL);
		result = pend_simulator_submit(stage.simulator, &request, &mine);
		if (!between_end())
			break;
		cr_assert((result == -EIO) != (other.result == -EIO));
		mine = mine ? mine : other.name;
		cr_assert_eq(pend_simulator_step(stage.simulator, mine), 0);
		forget(mine);
	}
	(void)!pend_simulator_fail(stage.simulator, PEND_FAULT_SUBMIT, 0, 0, -EIO);
}

/* ---- the program types ---- */

static struct pend_program *early;

static int do_nothing(void *context, void *data)
{
	(void)context;
	(void)data;
	return PEND_VERDICT_PROCEED_SOFT;
}

static void *loads(void *context)
{
	const struct pend_program_options options = {
		.size = sizeof(options),
		.name = "early",
		.type = *pend_sock_addr_type(),
		.entry = do_nothing,
	};

	(void)context;
	early = NULL;
	(void)!pend_program_load(stage.runtime, &options, &early);
	return NULL;
}

/* A program is loaded between the registration of the first type and the failure of the second: the
 * first goes with it. */
Test(between_types, a_program_keeps_its_type)
{
	static const struct pend_program_data mine = {
		.header = PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_program_data,
				      override_addresses),
		.name = "mine",
		.context = { 8, 8, -1, -1 },
	};
	const struct pend_provider_options options = {
		.size = sizeof(options),
		.kind = PEND_PROVIDER_PROGRAM,
		.id = *pend_flow_classify_type(),
		.data = &mine.header,
	};
	struct pend_provider *provider;
	uint32_t kept = 0;

	begin_runtime();
	for (uint32_t at = 0;; at++) {
		int registered;

		cr_assert_eq(pend_provider_register(stage.runtime, &options, &provider), 0);
		(void)between_begin(at, loads, NULL);
		registered = pend_sock_addr_register(stage.runtime);
		cr_assert_eq(registered, -EEXIST);
		if (early) {
			kept++;
			cr_assert_eq(pend_program_close(early), 0);
			let_reclaim();
		}
		cr_assert_eq(pend_sock_addr_unregister(stage.runtime), -ENOENT, "it is gone");
		cr_assert_eq(pend_provider_unregister(provider, NULL, NULL), 0);
		if (!between_end())
			break;
		early = NULL;
	}
	cr_assert_gt(kept, 0);
	end_runtime();
}

/* ---- ending ---- */

static struct pend_program *program;
static struct pend_link *link_of_program;

/* Whether the thread that is stopped does not hold it. */
static bool is_free(pthread_mutex_t *mutex)
{
	if (pthread_mutex_trylock(mutex))
		return false;
	(void)pthread_mutex_unlock(mutex);
	return true;
}

static void *attaches(void *context)
{
	const struct pend_link_options options = {
		.size = sizeof(options),
		.attach_type = *pend_layer_attach_type(PEND_LAYER_LISTEN, AF_INET),
	};

	(void)context;
	link_of_program = NULL;
	if (is_free(&stage.runtime->registry.mutex) && is_free(&stage.runtime->cleaner.mutex))
		(void)!pend_link_attach(program, &options, &link_of_program);
	return NULL;
}

/* A program is attached while the simulator goes: it stays, or there is no such layer any more. */
Test(between_ends, who_attaches_keeps_the_simulator)
{
	const struct pend_program_options program_options = {
		.size = sizeof(program_options),
		.name = "late",
		.type = *pend_sock_addr_type(),
		.entry = do_nothing,
	};
	const struct pend_simulator_options options = simulator_options(0);
	uint32_t kept = 0, gone = 0;

	begin_runtime();
	cr_assert_eq(pend_sock_addr_register(stage.runtime), 0);
	cr_assert_eq(pend_program_load(stage.runtime, &program_options, &program), 0);
	for (uint32_t at = 0;; at++) {
		int ended;

		cr_assert_eq(pend_simulator_create(stage.runtime, &options, &stage.simulator), 0);
		(void)between_begin(at, attaches, NULL);
		ended = pend_simulator_destroy(stage.simulator);
		if (!between_end())
			break;
		cr_assert_eq(ended, link_of_program ? -EBUSY : 0);
		kept += ended != 0;
		gone += ended == 0;
		if (!ended)
			continue;
		cr_assert_eq(pend_link_detach(link_of_program, PEND_OUTSTANDING_FINISH), 0);
		cr_assert_eq(pend_link_close(link_of_program), 0);
		cr_assert_eq(pend_simulator_destroy(stage.simulator), 0, "what was left of it");
	}
	cr_assert_gt(kept, 0);
	cr_assert_gt(gone, 0);
	cr_assert_eq(pend_program_close(program), 0);
	let_reclaim();
	end_runtime();
}
