/* SPDX-License-Identifier: MIT */
/*
 * test_flow.c - flows: whose they are (F54, races F1 to F6), what they hold up, and the segments of a
 * stream (F60).
 */
#include "tests/backend/fixture.h"

#include <unistd.h>

#include "engine/backend/simulator_internal.h"

static struct pend_subject self;

static void begin(void)
{
	begin_stage(0);
	cr_assert_eq(pend_subject_capture(getpid(), &self), 0);
}

static void end(void)
{
	end_stage();
	(void)pend_subject_release(&self);
}

TestSuite(flow, .init = begin, .fini = end);
TestSuite(stream, .init = begin, .fini = end);

static uint64_t connect_as_self(enum pend_layer layer, int family)
{
	struct pend_simulated_request request = request_at(layer, family);

	request.subject = self;
	return submit(&request);
}

static uint64_t flow_of(uint64_t operation)
{
	return sim_info(operation).flow;
}

static int flow_pid(uint64_t flow)
{
	struct pend_subject subject;
	const int error = pend_simulator_flow_identity(stage.simulator, flow, &subject);

	if (error)
		return error;
	cr_assert_neq(subject.pidfd, self.pidfd, "a descriptor of its own");
	return subject.pid;
}

static int end_flow(uint64_t flow)
{
	return pend_simulator_end_flow(stage.simulator, flow);
}

static uint64_t send_on(uint64_t flow, enum pend_layer layer, enum pend_flow_state state)
{
	struct pend_simulated_request request = request_at(layer, AF_INET);

	request.flow = flow;
	request.flow_state = state;
	return submit(&request);
}

/* ---- identities ---- */

Test(flow, permitted_connections_leave_an_identity)
{
	static const enum pend_layer layers[] = { PEND_LAYER_CONNECT, PEND_LAYER_RECV_ACCEPT };

	for (uint32_t i = 0; i < 4; i++) {
		const uint64_t operation = connect_as_self(layers[i / 2], families[i % 2]);
		const uint64_t flow = flow_of(operation);

		cr_assert_neq(flow, 0);
		cr_assert_eq(flow_pid(flow), getpid());
		/* It does not depend on the connection's name. */
		forget(operation);
		cr_assert_eq(flow_pid(flow), getpid());
		cr_assert_eq(ledger().identities_released, i);
		cr_assert_eq(end_flow(flow), 0);
		cr_assert_eq(ledger().identities_released, i + 1);
		/* retval: pend_simulator_end_flow -ENOENT */
		cr_assert_eq(end_flow(flow), -ENOENT);
		/* retval: pend_simulator_flow_identity -ENOENT */
		cr_assert_eq(flow_pid(flow), -ENOENT);
	}
	cr_assert_eq(ledger().flows, 4);
	/* Nobody's connection has a flow without an identity. */
	(void)submit_at(PEND_LAYER_CONNECT, AF_INET);
	cr_assert_eq(flow_pid(flow_of(stage.operation)), -ENOENT);
	cr_assert_eq(ledger().flows, 5);
	finish(stage.operation);
	/* retval: pend_simulator_end_flow -EFAULT */
	cr_assert_eq(pend_simulator_end_flow(NULL, 1), -EFAULT);
	/* retval: pend_simulator_flow_identity -EFAULT */
	cr_assert_eq(pend_simulator_flow_identity(stage.simulator, 1, NULL), -EFAULT);
	cr_assert_eq(pend_simulator_flow_identity(NULL, 1, &self), -EFAULT);
}

Test(flow, other_layers_make_none)
{
	static const enum pend_layer layers[] = { PEND_LAYER_LISTEN, PEND_LAYER_BIND,
						  PEND_LAYER_DATAGRAM, PEND_LAYER_STREAM };

	for (uint32_t i = 0; i < 4; i++)
		cr_assert_eq(flow_of(connect_as_self(layers[i], AF_INET)), 0);
	cr_assert_eq(ledger().flows + ledger().identities, 0);
}

/* The programs of data layers are told whose flow it is; of a flow that is not, that nobody knows. */
Test(flow, data_belongs_to_who_connected)
{
	static const enum pend_layer layers[] = { PEND_LAYER_DATAGRAM, PEND_LAYER_STREAM };
	const uint64_t operation = connect_as_self(PEND_LAYER_CONNECT, AF_INET);
	const uint64_t flow = flow_of(operation);

	for (uint32_t i = 0; i < 2; i++) {
		struct actor *actor =
			add_actor(layers[i], AF_INET,
				  layers[i] == PEND_LAYER_STREAM ? EBPF_FLOW_CLASSIFY_ALLOW
								 : PEND_VERDICT_PROCEED_SOFT);

		actor->identifies = true;
		(void)send_on(flow, layers[i], PEND_FLOW_NEW);
		settle();
		assert_state(stage.operation, PEND_SIM_PERMITTED);
		cr_assert_eq(actor->identity_error, 0);
		cr_assert_eq(actor->identity.pid, getpid());
		cr_assert_eq(actor->seen[0].flow, flow);
		forget(stage.operation);
		(void)send_on(0, layers[i], PEND_FLOW_NEW);
		settle();
		cr_assert_eq(actor->identity_error, -ENOENT);
		forget(stage.operation);
		remove_actors();
	}
	finish(operation);
}

/* Where a frame may block the identity is there at once; else the program runs again for it (F54). */
Test(flow, where_the_identity_is_there_at_once)
{
	for (uint32_t i = 0; i < PENDABLE * FAMILIES; i++) {
		const enum pend_layer layer = pendable[i / FAMILIES];
		const bool at_once = pend_layer_describe(layer)->mode == PEND_MODE_MAY_BLOCK;
		struct actor *actor =
			add_actor(layer, families[i % FAMILIES], PEND_VERDICT_PROCEED_SOFT);
		uint64_t operation;

		actor->identifies = true;
		operation = connect_as_self(layer, families[i % FAMILIES]);
		cr_assert_eq(actor->identity_error, at_once ? 0 : -EAGAIN);
		cr_assert_eq(sim_info(operation).pends, !at_once);
		settle();
		cr_assert_eq(actor->identity_error, 0);
		cr_assert_eq(actor->identity.pid, getpid());
		cr_assert_eq(actor->runs, at_once ? 1 : 2);
		assert_state(operation, PEND_SIM_PERMITTED);
		finish(operation);
		remove_actors();
	}
}

/* F1: it ends after its identity was taken and before it is published. */
Test(flow, F1_ended_before_it_is_published)
{
	struct pendi_sim_operation *operation = calloc(1, sizeof(*operation));
	uint64_t flow;

	operation->request = request_at(PEND_LAYER_CONNECT, AF_INET);
	operation->request.subject = self;
	operation->address = operation->request.address;
	operation->makes = pendi_flow_reserve(stage.simulator, 0);
	flow = pendi_named_name(&operation->makes->named);
	cr_assert_eq(end_flow(flow), 0);
	cr_assert_eq(end_flow(flow), -ENOENT);
	pendi_flow_publish(stage.simulator, operation);
	cr_assert_null(operation->makes);
	cr_assert_eq(ledger().identities, 1);
	cr_assert_eq(ledger().identities_released, 1, "inline");
	cr_assert_eq(ledger().flows + ledger().flows_deleted, 0);
	cr_assert_eq(flow_pid(flow), -ENOENT);
	free(operation);
}

/* ... while it is pended: then its connection is cancelled (X13). */
Test(flow, F1_ended_while_its_connection_is_pended)
{
	static const enum pend_layer layers[] = { PEND_LAYER_CONNECT, PEND_LAYER_RECV_ACCEPT };

	for (uint32_t i = 0; i < 2; i++) {
		const uint32_t told = stage.told;
		uint64_t operation;

		(void)add_pender(layers[i], AF_INET);
		operation = connect_as_self(layers[i], AF_INET);
		assert_state(operation, PEND_SIM_PENDED);
		cr_assert_eq(end_flow(flow_of(operation)), 0);
		assert_state(operation, PEND_SIM_CANCELLED);
		settle();
		cr_assert_eq(stage.told, told + 1);
		cr_assert_eq(runtime_stats().cancelled, i + 1);
		forget(operation);
		remove_actors();
	}
	cr_assert_eq(ledger().flows + ledger().identities, 0);
}

/* F2: used before it is published: there is no identity yet. */
Test(flow, F2_used_before_it_is_published)
{
	struct actor *pender = add_pender(PEND_LAYER_CONNECT, AF_INET);
	struct actor *actor = add_actor(PEND_LAYER_DATAGRAM, AF_INET, PEND_VERDICT_PROCEED_SOFT);
	const uint64_t operation = connect_as_self(PEND_LAYER_CONNECT, AF_INET);
	const uint64_t flow = flow_of(operation);
	uint64_t datagram;

	actor->identifies = true;
	cr_assert_eq(flow_pid(flow), -ENOENT);
	datagram = send_on(flow, PEND_LAYER_DATAGRAM, PEND_FLOW_NEW);
	settle();
	cr_assert_eq(actor->identity_error, -ENOENT);
	forget(datagram);
	cr_assert_eq(decide(pender->handle, PEND_ACTION_PERMIT_SOFT), 0);
	settle();
	cr_assert_eq(flow_pid(flow), getpid());
	datagram = send_on(flow, PEND_LAYER_DATAGRAM, PEND_FLOW_NEW);
	settle();
	cr_assert_eq(actor->identity_error, 0);
	forget(datagram);
	finish(operation);
}

/* F3: it ends while it is used: the user's operation is cancelled, and what the identity is made of
 * stays until that has let go. */
Test(flow, F3_ended_while_it_is_used)
{
	const uint64_t operation = connect_as_self(PEND_LAYER_CONNECT, AF_INET);
	const uint64_t flow = flow_of(operation);
	struct actor *actor = add_pender(PEND_LAYER_DATAGRAM, AF_INET);
	uint64_t pended[2], other;

	actor->pends_most = 3;
	pended[0] = send_on(flow, PEND_LAYER_DATAGRAM, PEND_FLOW_NEW);
	pended[1] = send_on(flow, PEND_LAYER_DATAGRAM, PEND_FLOW_NEW);
	other = send_on(0, PEND_LAYER_DATAGRAM, PEND_FLOW_NEW);
	cr_assert_eq(end_flow(flow), 0);
	assert_state(pended[0], PEND_SIM_CANCELLED);
	assert_state(pended[1], PEND_SIM_CANCELLED);
	assert_state(other, PEND_SIM_PENDED);
	cr_assert_eq(ledger().identities_released, 0);
	cr_assert_eq(ledger().flows_deleted, 1);
	/* retval: pend_simulator_forget -EBUSY */
	cr_assert_eq(pend_simulator_forget(stage.simulator, pended[0]), -EBUSY);
	settle();
	cr_assert_eq(ledger().identities_released, 1);
	cr_assert_eq(ledger().copies - ledger().copies_freed, 1);
	forget(pended[0]);
	forget(pended[1]);
	cr_assert_eq(decide(actor->handle, PEND_ACTION_BLOCK), 0);
	settle();
	forget(other);
	forget(operation);
}

/* F4: its connection is refused, by a verdict or because its map stops: nothing was ever taken. */
Test(flow, F4_never_permitted)
{
	struct actor *actor = add_pender(PEND_LAYER_CONNECT, AF_INET);
	uint64_t operation = connect_as_self(PEND_LAYER_CONNECT, AF_INET);
	const uint64_t flow = flow_of(operation);

	cr_assert_eq(decide(actor->handle, PEND_ACTION_BLOCK), 0);
	settle();
	cr_assert_eq(flow_pid(flow), -ENOENT);
	cr_assert_eq(end_flow(flow), -ENOENT);
	cr_assert_eq(flow_of(operation), 0, "not any more");
	forget(operation);
	actor->pended = 0;
	operation = connect_as_self(PEND_LAYER_CONNECT, AF_INET);
	cr_assert_eq(pend_map_disable(pend_custom_map_pends(stage.map), PEND_WAIT_FOREVER), 0);
	assert_state(operation, PEND_SIM_BLOCKED);
	cr_assert_eq(end_flow(flow_of(operation)), -ENOENT);
	forget(operation);
	/* It rejects: inline. */
	operation = connect_as_self(PEND_LAYER_CONNECT, AF_INET);
	assert_state(operation, PEND_SIM_BLOCKED);
	forget(operation);
	cr_assert_eq(ledger().flows + ledger().identities, 0);
}

/* F5: the simulator does not go while a flow is alive. */
Test(flow, F5_keeps_the_simulator)
{
	const uint64_t operation = connect_as_self(PEND_LAYER_CONNECT, AF_INET);

	/* retval: pend_simulator_destroy -EBUSY */
	cr_assert_eq(pend_simulator_destroy(stage.simulator), -EBUSY);
	cr_assert_eq(flow_pid(flow_of(operation)), getpid());
	finish(operation);
}

/* F6: the same connection again: another flow, and an identity of its own. */
Test(flow, F6_made_again)
{
	const uint64_t first = connect_as_self(PEND_LAYER_CONNECT, AF_INET);
	const uint64_t second = connect_as_self(PEND_LAYER_CONNECT, AF_INET);
	struct pend_subject subjects[2];

	cr_assert_neq(flow_of(first), flow_of(second));
	cr_assert_eq(pend_simulator_flow_identity(stage.simulator, flow_of(first), &subjects[0]),
		     0);
	cr_assert_eq(pend_simulator_flow_identity(stage.simulator, flow_of(second), &subjects[1]),
		     0);
	cr_assert_neq(subjects[0].pidfd, subjects[1].pidfd);
	finish(first);
	cr_assert_eq(flow_pid(flow_of(second)), getpid());
	finish(second);
}

/* An old name is not the name of the flow that has its place now. */
Test(flow, F6_old_names_are_nobodys)
{
	uint64_t old = 0;

	for (uint32_t i = 0; i < 200; i++) {
		const uint64_t operation = connect_as_self(PEND_LAYER_CONNECT, AF_INET);

		cr_assert_neq(flow_of(operation), old);
		if (old)
			cr_assert_eq(flow_pid(old), -ENOENT);
		old = flow_of(operation);
		finish(operation);
		cr_assert_eq(pend_simulator_forget(stage.simulator, operation), -ENOENT);
	}
}

/* The process has another identity by now: none is better than a wrong one (F51). */
Test(flow, no_identity_of_another)
{
	struct pend_simulated_request request = request_at(PEND_LAYER_CONNECT, AF_INET);

	request.subject = self;
	request.subject.start_time++;
	(void)submit(&request);
	assert_state(stage.operation, PEND_SIM_PERMITTED);
	cr_assert_eq(flow_pid(flow_of(stage.operation)), -ENOENT);
	cr_assert_eq(ledger().identities, 0);
	finish(stage.operation);
}

/* ---- streams ---- */

static uint64_t stream_flow, stream_maker;

static struct pend_simulated_info segment(enum pend_flow_state state)
{
	struct pend_simulated_info info;

	info = sim_info(send_on(stream_flow, PEND_LAYER_STREAM, state));
	forget(stage.operation);
	return info;
}

static struct actor *add_classifier(int answer)
{
	return add_actor(PEND_LAYER_STREAM, AF_INET, answer);
}

static void begin_stream(void)
{
	stream_maker = connect_as_self(PEND_LAYER_CONNECT, AF_INET);
	stream_flow = flow_of(stream_maker);
}

/* Each program is asked until it has seen enough; then the others go on. */
Test(stream, until_each_has_seen_enough)
{
	struct actor *patient, *quick;
	struct pend_simulated_info info;

	begin_stream();
	quick = add_classifier(EBPF_FLOW_CLASSIFY_ALLOW);
	patient = add_classifier(EBPF_FLOW_CLASSIFY_NEED_MORE_DATA);
	info = segment(PEND_FLOW_NEW);
	cr_assert_eq(info.state, PEND_SIM_PERMITTED, "the segment passes");
	cr_assert_eq(info.flow_verdict, EBPF_FLOW_CLASSIFY_NEED_MORE_DATA);
	cr_assert_eq(info.invocations, 2);
	cr_assert_eq(patient->seen[0].flow_state, PEND_FLOW_NEW);
	info = segment(PEND_FLOW_ESTABLISHED);
	cr_assert_eq(info.invocations, 1);
	cr_assert_eq(quick->runs, 1);
	cr_assert_eq(patient->runs, 2);
	cr_assert_eq(patient->seen[1].flow_state, PEND_FLOW_ESTABLISHED);
	patient->verdict = EBPF_FLOW_CLASSIFY_ALLOW;
	cr_assert_eq(segment(PEND_FLOW_ESTABLISHED).flow_verdict, EBPF_FLOW_CLASSIFY_ALLOW);
	cr_assert_eq(segment(PEND_FLOW_ESTABLISHED).invocations, 0);
	cr_assert_eq(patient->runs, 3);
	finish(stream_maker);
	cr_assert_eq(patient->runs + quick->runs, 4, "nobody waits for the end");
}

/* A block ends the chain, and the flow lets nothing through any more. */
Test(stream, a_block_is_for_good)
{
	struct actor *first, *behind;
	struct pend_simulated_info info;

	begin_stream();
	first = add_classifier(EBPF_FLOW_CLASSIFY_BLOCK);
	behind = add_classifier(EBPF_FLOW_CLASSIFY_ALLOW);
	info = segment(PEND_FLOW_NEW);
	cr_assert_eq(info.state, PEND_SIM_BLOCKED);
	cr_assert_eq(info.flow_verdict, EBPF_FLOW_CLASSIFY_BLOCK);
	cr_assert_eq(info.action, PEND_ACTION_BLOCK);
	cr_assert_eq(behind->runs, 0);
	first->verdict = EBPF_FLOW_CLASSIFY_ALLOW;
	cr_assert_eq(segment(PEND_FLOW_ESTABLISHED).state, PEND_SIM_BLOCKED);
	cr_assert_eq(first->runs, 1);
	finish(stream_maker);
	/* Another flow is another matter. */
	begin_stream();
	cr_assert_eq(segment(PEND_FLOW_NEW).state, PEND_SIM_PERMITTED);
	finish(stream_maker);
}

/* The end is told to those that still want data, once, with the connection's addresses. */
Test(stream, the_end_is_told)
{
	struct actor *patient, *quick;

	begin_stream();
	patient = add_classifier(EBPF_FLOW_CLASSIFY_NEED_MORE_DATA);
	quick = add_classifier(EBPF_FLOW_CLASSIFY_ALLOW);
	(void)segment(PEND_FLOW_NEW);
	(void)segment(PEND_FLOW_ESTABLISHED);
	cr_assert_eq(end_flow(stream_flow), 0);
	cr_assert_eq(patient->runs, 3);
	cr_assert_eq(patient->seen[2].flow_state, PEND_FLOW_DELETED);
	cr_assert_eq(patient->seen[2].flow, stream_flow);
	cr_assert_eq(patient->seen[2].base.user_port, PORT_THERE);
	cr_assert_null(patient->seen[2].base.data);
	cr_assert_eq(quick->runs, 1);
	cr_assert_eq(end_flow(stream_flow), -ENOENT);
	cr_assert_eq(patient->runs, 3);
	forget(stream_maker);
}

/* A program that was detached meanwhile is not told, and holds nothing up. */
Test(stream, a_detached_program_is_not_told)
{
	struct actor *patient;

	begin_stream();
	patient = add_classifier(EBPF_FLOW_CLASSIFY_NEED_MORE_DATA);
	(void)segment(PEND_FLOW_NEW);
	cr_assert_eq(pend_link_detach(patient->link, PEND_OUTSTANDING_FINISH), 0);
	cr_assert_eq(pend_link_close(patient->link), 0);
	patient->link = NULL;
	finish(stream_maker);
	cr_assert_eq(patient->runs, 1);
}

/* Those that were detached keep their places: who finds none is not told of the end. */
Test(stream, so_many_want_more)
{
	struct actor *actor;

	begin_stream();
	actor = add_classifier(EBPF_FLOW_CLASSIFY_NEED_MORE_DATA);
	for (uint32_t i = 0; i <= PEND_HOOK_LINKS_MAX; i++) {
		cr_assert_eq(segment(PEND_FLOW_NEW).state, PEND_SIM_PERMITTED);
		if (i == PEND_HOOK_LINKS_MAX)
			break;
		cr_assert_eq(pend_link_detach(actor->link, PEND_OUTSTANDING_FINISH), 0);
		cr_assert_eq(pend_link_close(actor->link), 0);
		attach_actor(actor, PEND_LAYER_STREAM, AF_INET);
	}
	cr_assert_eq(actor->runs, PEND_HOOK_LINKS_MAX + 1);
	finish(stream_maker);
	cr_assert_eq(actor->runs, PEND_HOOK_LINKS_MAX + 1, "the flow had no place for it");
}

/* Nothing is held: helpers that pend are refused, and an answer that is none blocks. */
Test(stream, nothing_is_held)
{
	struct actor *actor;

	begin_stream();
	actor = add_classifier(EBPF_FLOW_CLASSIFY_ALLOW);
	actor->map = stage.map;
	cr_assert_eq(segment(PEND_FLOW_NEW).state, PEND_SIM_PERMITTED);
	cr_assert_eq(actor->error, -EOPNOTSUPP);
	actor->map = NULL;
	finish(stream_maker);
	for (int answer = 3; answer < 6; answer++) {
		begin_stream();
		actor->verdict = answer;
		cr_assert_eq(segment(PEND_FLOW_NEW).state, PEND_SIM_BLOCKED, "answer %d", answer);
		finish(stream_maker);
	}
	cr_assert_eq(ledger().pended, 0);
}

/* Without a flow nothing is remembered: all are asked, every time. */
Test(stream, without_a_flow)
{
	struct actor *actor = add_classifier(EBPF_FLOW_CLASSIFY_ALLOW);

	stream_flow = 0;
	(void)segment(PEND_FLOW_NEW);
	(void)segment(PEND_FLOW_ESTABLISHED);
	cr_assert_eq(actor->runs, 2);
	actor->verdict = EBPF_FLOW_CLASSIFY_BLOCK;
	cr_assert_eq(segment(PEND_FLOW_ESTABLISHED).state, PEND_SIM_BLOCKED);
	actor->verdict = EBPF_FLOW_CLASSIFY_ALLOW;
	cr_assert_eq(segment(PEND_FLOW_ESTABLISHED).state, PEND_SIM_PERMITTED);
}

/* A segment that makes a program want more data when the flow has just ended: it is told all the
 * same, by whoever comes last. */
static uint64_t flow_to_end;

static void end_it(struct actor *actor, struct pend_sock_addr_context *context)
{
	(void)actor;
	if (context->flow_state == PEND_FLOW_NEW)
		cr_assert_eq(end_flow(flow_to_end), 0);
}

Test(stream, the_end_inside_a_segment)
{
	struct actor *actor;

	begin_stream();
	flow_to_end = stream_flow;
	actor = add_classifier(EBPF_FLOW_CLASSIFY_NEED_MORE_DATA);
	actor->before = end_it;
	(void)send_on(stream_flow, PEND_LAYER_STREAM, PEND_FLOW_NEW);
	assert_state(stage.operation, PEND_SIM_CANCELLED);
	cr_assert_eq(actor->runs, 2);
	cr_assert_eq(actor->seen[1].flow_state, PEND_FLOW_DELETED);
	forget(stage.operation);
	forget(stream_maker);
}
