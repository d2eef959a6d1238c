/* SPDX-License-Identifier: MIT */
/*
 * test_kill.c - callers that die, at each state and inside each step (X13, OP-40, X14): the operation is
 * cancelled, once; what was held for it comes back; and nothing stays pended for nobody.
 */
#include "tests/backend/fixture.h"

#include <unistd.h>

static void begin(void)
{
	begin_stage(0);
}

TestSuite(killing, .init = begin, .fini = end_stage);

static int kill_it(uint64_t operation)
{
	return pend_simulator_kill(stage.simulator, operation);
}

/* Told once, as cancelled; nothing is held any more. */
static void assert_cancelled(uint64_t operation)
{
	settle();
	assert_state(operation, PEND_SIM_CANCELLED);
	cr_assert_eq(sim_info(operation).action, PEND_ACTION_PENDING);
	cr_assert_eq(stage.told, 1);
	cr_assert_eq(stage.told_operations[0], operation);
	cr_assert_eq(stage.told_states[0], PEND_SIM_CANCELLED);
	cr_assert_eq(pend_map_count(pend_custom_map_pends(stage.map)), 0);
	assert_balanced();
	/* retval: pend_simulator_kill -EALREADY */
	cr_assert_eq(kill_it(operation), -EALREADY);
	forget(operation);
	/* retval: pend_simulator_kill -ENOENT */
	cr_assert_eq(kill_it(operation), -ENOENT);
	stage.told = 0;
}

Test(killing, what_is_pended)
{
	for (uint32_t i = 0; i < PENDABLE * FAMILIES; i++) {
		const enum pend_layer layer = pendable[i / FAMILIES];
		uint64_t operation;

		(void)add_pender(layer, families[i % FAMILIES]);
		operation = submit_at(layer, families[i % FAMILIES]);
		cr_assert_eq(kill_it(operation), 0);
		assert_state(operation, PEND_SIM_CANCELLED);
		cr_assert_eq(stage.told, 0, "it is not let go yet");
		cr_assert_eq(pend_simulator_forget(stage.simulator, operation), -EBUSY);
		assert_cancelled(operation);
		cr_assert_eq(runtime_stats().cancelled, i + 1);
		remove_actors();
	}
	cr_assert_eq(ledger().injected, 0);
	/* retval: pend_simulator_kill -EFAULT */
	cr_assert_eq(kill_it(0), -ENOENT);
	cr_assert_eq(pend_simulator_kill(NULL, 1), -EFAULT);
}

/* The orchestrator was faster, but its verdict is not delivered yet: there is nobody to deliver it to. */
Test(killing, what_is_decided)
{
	for (uint32_t i = 0; i < PENDABLE; i++) {
		struct actor *actor = add_pender(pendable[i], AF_INET);
		const uint64_t operation = submit_at(pendable[i], AF_INET);

		cr_assert_eq(decide(actor->handle, PEND_ACTION_PERMIT_HARD), 0);
		cr_assert_eq(kill_it(operation), 0);
		settle();
		assert_state(operation, PEND_SIM_CANCELLED);
		cr_assert_eq(stage.told, 1);
		assert_balanced();
		forget(operation);
		stage.told = 0;
		remove_actors();
	}
	cr_assert_eq(ledger().injected, 0);
	cr_assert_eq(ledger().flows, 0);
	cr_assert_eq(runtime_stats().cancelled, 0);
}

Test(killing, what_has_its_verdict)
{
	for (uint32_t i = 0; i < PENDABLE; i++) {
		const uint64_t operation = submit_at(pendable[i], AF_INET);

		cr_assert_eq(kill_it(operation), -EALREADY);
		assert_state(operation, PEND_SIM_PERMITTED);
		finish(operation);
	}
}

/* Inside the frame, before the program pends: the backend refuses. */
static void kill_now(struct actor *actor, struct pend_sock_addr_context *context)
{
	const uint64_t operation = pend_frame_operation();

	(void)actor;
	(void)context;
	cr_assert_eq(kill_it(operation), 0);
}

Test(killing, before_its_pend)
{
	for (uint32_t i = 0; i < PENDABLE; i++) {
		struct actor *actor = add_pender(pendable[i], AF_INET);

		actor->before = kill_now;
		actor->verdict = PEND_VERDICT_PROCEED_HARD;
		(void)submit_at(pendable[i], AF_INET);
		cr_assert_eq(actor->error, -ECANCELED);
		cr_assert_eq(stage.told, 1, "at once");
		cr_assert_eq(sim_info(stage.operation).pends, 0);
		stage.told_operations[0] = stage.operation;
		settle();
		assert_state(stage.operation, PEND_SIM_CANCELLED);
		cr_assert_eq(stage.told, 1);
		assert_balanced();
		forget(stage.operation);
		stage.told = 0;
		remove_actors();
	}
}

/* Inside the frame, after it has pended; the program returns PEND, or decides after all. */
Test(killing, after_its_pend)
{
	for (uint32_t i = 0; i < PENDABLE; i++) {
		struct actor *actor = add_pender(pendable[i], AF_INET);

		actor->inside = kill_now;
		(void)submit_at(pendable[i], AF_INET);
		cr_assert_eq(actor->error, 0);
		assert_cancelled(stage.operation);
		remove_actors();
	}
	cr_assert_eq(runtime_stats().cancelled, PENDABLE);
}

/* Between the backend's hold and the map's: a kill finds nothing to cancel yet, so the submitter has to
 * do it when the frame has closed. Played by a copy that takes its time. */
static uint64_t victim;

static int kill_in_clone(size_t size)
{
	pendi_script.allocation_fails = NULL;
	cr_assert_eq(size, 8);
	cr_assert_eq(kill_it(victim), 0);
	return 0;
}

static void arm_clone(struct actor *actor, struct pend_sock_addr_context *context)
{
	(void)actor;
	(void)context;
	victim = pend_frame_operation();
	pendi_script.allocation_fails = kill_in_clone;
}

Test(killing, while_it_is_being_pended)
{
	for (uint32_t i = 0; i < PENDABLE; i++) {
		struct actor *actor;

		if (!pend_layer_describe(pendable[i])->has_payload)
			continue;
		actor = add_pender(pendable[i], AF_INET);
		actor->before = arm_clone;
		(void)submit_at(pendable[i], AF_INET);
		cr_assert_eq(actor->error, 0);
		assert_state(stage.operation, PEND_SIM_CANCELLED);
		assert_cancelled(stage.operation);
		remove_actors();
	}
	cr_assert_eq(runtime_stats().cancelled, 3);
}

/* ... and the copy fails: the pend is taken back. */
static int kill_and_fail(size_t size)
{
	(void)kill_in_clone(size);
	return 1;
}

static void arm_failure(struct actor *actor, struct pend_sock_addr_context *context)
{
	arm_clone(actor, context);
	pendi_script.allocation_fails = kill_and_fail;
}

Test(killing, while_its_pend_is_taken_back)
{
	struct actor *actor = add_pender(PEND_LAYER_DATAGRAM, AF_INET);

	actor->before = arm_failure;
	(void)submit_at(PEND_LAYER_DATAGRAM, AF_INET);
	cr_assert_eq(actor->error, -ENOMEM);
	settle();
	assert_state(stage.operation, PEND_SIM_CANCELLED);
	cr_assert_eq(stage.told, 1);
	assert_balanced();
	forget(stage.operation);
}

/* While it waits for its identity, and when it was pended after that: it has moved to another pend, which
 * the kill finds. */
Test(killing, what_has_moved)
{
	struct actor *actor = add_pender(PEND_LAYER_CONNECT, AF_INET);
	struct pend_simulated_request request = request_at(PEND_LAYER_CONNECT, AF_INET);
	struct pend_subject self;
	uint64_t operation;

	cr_assert_eq(pend_subject_capture(getpid(), &self), 0);
	request.subject = self;
	actor->identifies = true;
	operation = submit(&request);
	assert_state(operation, PEND_SIM_PENDED);
	cr_assert_eq(actor->runs, 1);
	cr_assert_eq(kill_it(operation), 0);
	assert_cancelled(operation);
	actor->runs = 0;
	operation = submit(&request);
	settle();
	cr_assert_eq(actor->runs, 2);
	cr_assert_eq(actor->error, 0);
	cr_assert_eq(sim_info(operation).handle, actor->handle);
	assert_state(operation, PEND_SIM_PENDED);
	cr_assert_eq(kill_it(operation), 0);
	assert_cancelled(operation);
	/* Inside that very re-run. */
	actor->pended = actor->runs = 0;
	actor->inside = kill_now;
	operation = submit(&request);
	settle();
	cr_assert_eq(actor->runs, 2);
	assert_cancelled(operation);
	cr_assert_eq(runtime_stats().cancelled, 3);
	cr_assert_eq(pend_subject_release(&self), 0);
}

/* A resumed chain pends again (F35): the kill finds the second pend. */
Test(resuming, what_was_pended_again, .fini = end_stage)
{
	struct actor *first, *second;
	uint64_t operation;

	begin_stage(PEND_SIM_RESUME | PEND_SIM_RESUME_KNOWN);
	first = add_pender(PEND_LAYER_DATAGRAM, AF_INET);
	second = add_pender(PEND_LAYER_DATAGRAM, AF_INET);
	operation = submit_at(PEND_LAYER_DATAGRAM, AF_INET);
	cr_assert_eq(second->runs, 0);
	cr_assert_eq(decide(first->handle, PEND_ACTION_PERMIT_SOFT), 0);
	settle();
	cr_assert_eq(second->error, 0);
	assert_state(operation, PEND_SIM_PENDED);
	cr_assert_eq(sim_info(operation).handle, second->handle);
	cr_assert_eq(sim_info(operation).pends, 1, "the backend holds it once");
	cr_assert_eq(kill_it(operation), 0);
	assert_cancelled(operation);
}

/* Stage by stage: new, redirected, and between two authorizations. */
static void redirect_it(struct actor *actor, struct pend_sock_addr_context *context)
{
	(void)actor;
	context->base.user_port = PORT_ELSEWHERE;
}

Test(stepping, at_each_stage, .fini = end_stage)
{
	struct actor *actor;
	uint64_t operation;

	begin_stage(PEND_SIM_STEPS);
	add_actor(PEND_LAYER_CONNECT_REDIRECT, AF_INET, PEND_VERDICT_PROCEED_SOFT)->before =
		redirect_it;
	actor = add_pender(PEND_LAYER_CONNECT, AF_INET);
	for (uint32_t steps = 0; steps < 4; steps++) {
		const uint32_t runs = actor->runs;

		actor->pended = 0;
		operation = submit_at(PEND_LAYER_CONNECT, AF_INET);
		for (uint32_t i = 0; i < steps && i < 2; i++)
			cr_assert_eq(pend_simulator_step(stage.simulator, operation), 0);
		if (steps == 3) {
			cr_assert_eq(decide(actor->handle, PEND_ACTION_PERMIT_SOFT), 0);
			settle();
			assert_state(operation, PEND_SIM_REDIRECTED);
		}
		cr_assert_eq(kill_it(operation), 0);
		cr_assert_eq(pend_simulator_step(stage.simulator, operation), -EALREADY);
		assert_cancelled(operation);
		cr_assert_eq(actor->runs - runs, steps >= 2);
	}
}

/* X14, OP-40: an orchestrator's own traffic is not pended for it; the program lets it pass. */
Test(killing, an_orchestrators_own_traffic)
{
	struct pend_session_options options = pend_session_options_default();
	struct actor *actor = add_pender(PEND_LAYER_CONNECT, AF_INET);
	struct pend_simulated_request request = request_at(PEND_LAYER_CONNECT, AF_INET);
	struct pend_session *session;

	options.self_pid = getpid();
	cr_assert_eq(pend_session_open(stage.engine, &options, &session), 0);
	cr_assert_eq(pend_custom_map_bind(stage.map, session), 0);
	actor->verdict = PEND_VERDICT_PROCEED_SOFT;
	request.subject.pid = getpid();
	request.subject.pidfd = -1;
	(void)submit(&request);
	cr_assert_eq(actor->error, -EDEADLK);
	assert_state(stage.operation, PEND_SIM_PERMITTED);
	finish(stage.operation);
	request.subject.pid = 1;
	(void)submit(&request);
	cr_assert_eq(actor->error, 0);
	cr_assert_eq(pend_session_complete(session, pend_custom_map_pends(stage.map), actor->handle,
					   PEND_ACTION_BLOCK),
		     0);
	settle();
	assert_state(stage.operation, PEND_SIM_BLOCKED);
	forget(stage.operation);
	cr_assert_eq(pend_custom_map_bind(stage.map, NULL), 0);
	cr_assert_eq(pend_session_close(session), 0);
}
