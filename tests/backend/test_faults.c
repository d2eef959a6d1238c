/* SPDX-License-Identifier: MIT */
/*
 * test_faults.c - backend conformance (OP-36, F15, C9): whatever fails, wherever, each operation has
 * exactly one verdict, each pend exactly one end (guarantee A), and the ledger balances.
 */
#include "tests/backend/fixture.h"

static void begin(void)
{
	begin_stage(0);
}

TestSuite(faults, .init = begin, .fini = end_stage);

static void order(enum pend_simulator_fault at, uint32_t after, uint32_t times, int error)
{
	cr_assert_eq(pend_simulator_fail(stage.simulator, at, after, times, error), 0);
}

/* One operation with a fault: told once, balanced; whether it was pended. */
static bool one_operation(enum pend_layer layer, int family, enum pend_action action)
{
	struct actor *actor = &stage.actors[0];
	const uint32_t told = stage.told;
	uint64_t operation;
	bool pended;

	actor->pended = 0;
	operation = submit_at(layer, family);
	pended = sim_info(operation).state == PEND_SIM_PENDED;
	cr_assert_eq(pended, actor->error == 0);
	cr_assert_eq(stage.told, told + !pended);
	if (pended)
		cr_assert_eq(decide(actor->handle, action), 0);
	settle();
	cr_assert_eq(stage.told, told + 1);
	cr_assert_eq(stage.told_operations[told % VERDICTS_TOLD_MOST], operation);
	assert_balanced();
	finish(operation);
	return pended;
}

static bool fault_is_of(enum pend_simulator_fault at, enum pend_layer layer)
{
	const struct pend_layer_descriptor *description = pend_layer_describe(layer);

	if (at == PEND_FAULT_ACQUIRE_HANDLE)
		return description->completes_by == PEND_COMPLETES_HANDLE;
	return at == PEND_FAULT_PEND || description->has_payload;
}

/* A pend that is refused: the program is told why, and decides; nothing is held. */
Test(faults, refused_pends)
{
	static const enum pend_simulator_fault points[] = { PEND_FAULT_PEND, PEND_FAULT_CLONE,
							    PEND_FAULT_ACQUIRE_HANDLE };

	for (uint32_t i = 0; i < PENDABLE * FAMILIES * 3; i++) {
		const enum pend_layer layer = pendable[i / FAMILIES / 3];
		const enum pend_simulator_fault at = points[i % 3];
		const int family = families[i / 3 % FAMILIES];
		struct actor *actor = add_pender(layer, family);
		const bool hits = fault_is_of(at, layer);

		stage.told = 0;
		/* The second of three. */
		order(at, 1, 1, -EHOSTDOWN);
		cr_assert(one_operation(layer, family, PEND_ACTION_PERMIT_SOFT));
		cr_assert_eq(one_operation(layer, family, PEND_ACTION_PERMIT_SOFT), !hits);
		cr_assert_eq(actor->error, hits ? -EHOSTDOWN : 0);
		if (hits)
			cr_assert_eq(stage.told_states[1], PEND_SIM_BLOCKED);
		cr_assert(one_operation(layer, family, PEND_ACTION_BLOCK));
		order(at, 0, 0, -EIO);
		remove_actors();
	}
	cr_assert_eq(runtime_stats().backend_refused, FAMILIES * (5 + 3 + 1));
}

/* The program of a refused pend may permit. */
Test(faults, a_refused_pend_may_be_permitted)
{
	for (uint32_t i = 0; i < PENDABLE; i++) {
		struct actor *actor = add_pender(pendable[i], AF_INET);
		uint64_t operation;

		actor->verdict = PEND_VERDICT_PROCEED_HARD;
		order(PEND_FAULT_PEND, 0, 1, -ENOBUFS);
		operation = submit_at(pendable[i], AF_INET);
		cr_assert_eq(actor->error, -ENOBUFS);
		assert_state(operation, PEND_SIM_PERMITTED);
		cr_assert_eq(sim_info(operation).action, PEND_ACTION_PERMIT_HARD);
		cr_assert_eq(sim_info(operation).pends, 0);
		finish(operation);
		remove_actors();
	}
}

/* A copy that cannot be sent is freed, once; the operation was permitted all the same (F59). */
Test(faults, failed_reinjections)
{
	uint32_t failed = 0;

	for (uint32_t i = 0; i < PENDABLE; i++) {
		const bool has_payload = pend_layer_describe(pendable[i])->has_payload;
		struct pend_simulated_info info;
		struct actor *actor = add_pender(pendable[i], AF_INET6);

		order(PEND_FAULT_REINJECT, 0, 1, -ENETDOWN);
		(void)submit_at(pendable[i], AF_INET6);
		cr_assert_eq(decide(actor->handle, PEND_ACTION_PERMIT_SOFT), 0);
		settle();
		info = sim_info(stage.operation);
		cr_assert_eq(info.state, PEND_SIM_PERMITTED);
		cr_assert_eq(info.injections, 0);
		cr_assert_eq(ledger().copies, ledger().copies_freed);
		failed += has_payload;
		cr_assert_eq(runtime_stats().reinject_failed, failed);
		finish(stage.operation);
		remove_actors();
	}
	cr_assert_eq(ledger().injected, 0);
}

/* No memory for the copy: as any other refusal; no memory for the payload: nothing was submitted. */
static uint32_t allocations_left;

static int allocation_fails(size_t size)
{
	(void)size;
	return allocations_left-- == 0;
}

Test(faults, no_memory_for_payloads)
{
	const struct pend_simulated_request request = request_at(PEND_LAYER_DATAGRAM, AF_INET);
	struct actor *actor = add_pender(PEND_LAYER_DATAGRAM, AF_INET);
	uint64_t operation = CANARY;

	allocations_left = 0;
	pendi_script.allocation_fails = allocation_fails;
	/* retval: pend_simulator_submit -ENOMEM */
	cr_assert_eq(pend_simulator_submit(stage.simulator, &request, &operation), -ENOMEM);
	cr_assert_eq(operation, CANARY);
	cr_assert_eq(ledger().submitted, 0);
	allocations_left = 1;
	(void)submit(&request);
	pendi_script.allocation_fails = NULL;
	cr_assert_eq(actor->error, -ENOMEM);
	assert_state(stage.operation, PEND_SIM_BLOCKED);
	finish(stage.operation);
	/* No slot was lost: the pool is as large as before. */
	actor->map = NULL;
	actor->verdict = PEND_VERDICT_PROCEED_SOFT;
	for (uint32_t i = 0; i < 64; i++)
		finish(submit(&request));
}

/* Faults come as they were ordered: so many, after so many; each kind for itself. */
Test(faults, come_as_ordered)
{
	const struct pend_simulated_request request = request_at(PEND_LAYER_BIND, AF_INET);
	uint64_t operation = CANARY;

	order(PEND_FAULT_SUBMIT, 2, 3, -EHOSTDOWN);
	for (uint32_t i = 0; i < 8; i++) {
		const int expected = i >= 2 && i < 5 ? -EHOSTDOWN : 0;

		cr_assert_eq(pend_simulator_submit(stage.simulator, &request, &operation),
			     expected);
		if (!expected)
			finish(operation);
	}
	/* Ordered anew: what was ordered before is forgotten. */
	order(PEND_FAULT_SUBMIT, 1, 9, -EIO);
	order(PEND_FAULT_SUBMIT, 0, 1, -EPIPE);
	cr_assert_eq(pend_simulator_submit(stage.simulator, &request, &operation), -EPIPE);
	finish(submit(&request));
	order(PEND_FAULT_SUBMIT, 0, 1, -EIO);
	order(PEND_FAULT_SUBMIT, 0, 0, -EIO);
	finish(submit(&request));
	/* retval: pend_simulator_fail -EFAULT */
	cr_assert_eq(pend_simulator_fail(NULL, PEND_FAULT_PEND, 0, 1, -EIO), -EFAULT);
	/* retval: pend_simulator_fail -EINVAL */
	cr_assert_eq(pend_simulator_fail(stage.simulator, PEND_FAULTS, 0, 1, -EIO), -EINVAL);
	cr_assert_eq(pend_simulator_fail(stage.simulator, PEND_FAULT_PEND, 0, 1, 0), -EINVAL);
	cr_assert_eq(pend_simulator_fail(stage.simulator, PEND_FAULT_PEND, 0, 1, 5), -EINVAL);
	cr_assert_eq(pend_simulator_fail(stage.simulator, PEND_FAULT_PEND, 0, 1, -5000), -EINVAL);
	cr_assert_eq(pend_simulator_fail(stage.simulator, PEND_FAULT_PEND, 1u << 24, 1, -5),
		     -EINVAL);
	cr_assert_eq(pend_simulator_fail(stage.simulator, PEND_FAULT_PEND, 0, 1u << 24, -5),
		     -EINVAL);
}

/* A map that is full, or told to stop, is as a backend that refuses: nothing is left of it. */
Test(faults, refusals_of_the_map)
{
	struct actor *actor = add_pender(PEND_LAYER_BIND, AF_INET);
	struct pend_custom_map *small = make_pend_map(1);
	uint64_t operations[2], handle;

	actor->map = small;
	actor->pends_most = 2;
	operations[0] = submit_at(PEND_LAYER_BIND, AF_INET);
	handle = actor->handle;
	operations[1] = submit_at(PEND_LAYER_BIND, AF_INET);
	cr_assert_eq(actor->error, -ENOSPC);
	assert_state(operations[1], PEND_SIM_BLOCKED);
	cr_assert_eq(ledger().handles, 1);
	cr_assert_eq(
		pend_map_complete(pend_custom_map_pends(small), handle, PEND_ACTION_PERMIT_SOFT),
		0);
	settle();
	assert_state(operations[0], PEND_SIM_PERMITTED);
	cr_assert_eq(pend_map_disable(pend_custom_map_pends(small), PEND_WAIT_FOREVER), 0);
	(void)submit_at(PEND_LAYER_BIND, AF_INET);
	cr_assert_eq(actor->error, -ESHUTDOWN);
	assert_state(stage.operation, PEND_SIM_BLOCKED);
	actor->map = NULL;
	remove_actors();
	cr_assert_eq(pend_custom_map_close(small), 0);
}
