/* SPDX-License-Identifier: MIT */
/*
 * test_layers.c - each layer, for both families and in claim and resume mode: what programs are shown,
 * inline verdicts, and being pended and completed by the layer's own mechanism (F2, F54 to F59, F61, F67,
 * F69, F73, F75; OP-39; guarantees A, B, C).
 */
#include "tests/backend/fixture.h"

#include <pendmap/helpers.h>

static void begin(void)
{
	begin_stage(0);
}

TestSuite(layers, .init = begin, .fini = end_stage);

Test(layers, are_described)
{
	static const struct {
		enum pend_layer_mode mode;
		enum pend_layer_completion completes_by;
		bool has_payload, reauthorizes, can_pend;
	} expected[PEND_LAYERS] = {
		{ PEND_MODE_NONBLOCK, PEND_COMPLETES_INLINE, false, false, false },
		{ PEND_MODE_NONBLOCK, PEND_COMPLETES_RECLASSIFY, true, true, true },
		{ PEND_MODE_NONBLOCK, PEND_COMPLETES_DIRECT, true, false, true },
		{ PEND_MODE_MAY_BLOCK, PEND_COMPLETES_RECLASSIFY, false, false, true },
		{ PEND_MODE_MAY_BLOCK, PEND_COMPLETES_HANDLE, false, false, true },
		{ PEND_MODE_NONBLOCK, PEND_COMPLETES_REINJECT, true, false, true },
		{ PEND_MODE_MAY_BLOCK, PEND_COMPLETES_INLINE, true, false, false },
	};

	for (uint32_t i = 0; i < PEND_LAYERS; i++) {
		const struct pend_layer_descriptor *layer = pend_layer_describe((enum pend_layer)i);

		cr_assert_eq(layer->layer, i);
		cr_assert_eq(layer->mode, expected[i].mode);
		cr_assert_eq(layer->completes_by, expected[i].completes_by);
		cr_assert_eq(layer->has_payload, expected[i].has_payload);
		cr_assert_eq(layer->reauthorizes, expected[i].reauthorizes);
		cr_assert_eq(layer->can_pend, expected[i].can_pend);
		cr_assert_gt(strlen(layer->name), 0u);
		for (uint32_t f = 0; f < FAMILIES; f++)
			cr_assert_not_null(pend_simulator_hook(stage.simulator, (enum pend_layer)i,
							       families[f]));
	}
	cr_assert_null(pend_layer_describe(PEND_LAYERS));
	cr_assert_null(pend_simulator_hook(stage.simulator, PEND_LAYERS, AF_INET));
	cr_assert_null(pend_simulator_hook(stage.simulator, PEND_LAYER_BIND, AF_UNIX));
	cr_assert_null(pend_simulator_hook(NULL, PEND_LAYER_BIND, AF_INET));
}

/* Nobody is attached: soft permit (F68). */
Test(layers, without_programs_all_pass)
{
	for (uint32_t f = 0; f < FAMILIES; f++) {
		for (uint32_t layer = PEND_LAYER_CONNECT; layer < PEND_LAYERS; layer++) {
			const uint64_t operation = submit_at((enum pend_layer)layer, families[f]);
			const struct pend_simulated_info info = sim_info(operation);

			cr_assert_eq(info.state, PEND_SIM_PERMITTED);
			cr_assert_eq(info.action, PEND_ACTION_PERMIT_SOFT);
			cr_assert_eq(info.verdict, PEND_VERDICT_PROCEED_SOFT);
			cr_assert_eq(info.layer, layer);
			cr_assert_eq(info.pends + info.completions + info.injections, 0u);
			finish(operation);
		}
	}
}

/* The verdict of a program that does not pend is delivered in the call. */
Test(layers, inline_verdicts)
{
	static const struct {
		int verdict;
		enum pend_simulated_state state;
		enum pend_action action;
	} cases[] = {
		{ PEND_VERDICT_REJECT, PEND_SIM_BLOCKED, PEND_ACTION_BLOCK },
		{ PEND_VERDICT_PROCEED_SOFT, PEND_SIM_PERMITTED, PEND_ACTION_PERMIT_SOFT },
		{ PEND_VERDICT_PROCEED_HARD, PEND_SIM_PERMITTED, PEND_ACTION_PERMIT_HARD },
		{ 99, PEND_SIM_BLOCKED, PEND_ACTION_BLOCK },
	};

	for (uint32_t i = 0; i < PENDABLE * FAMILIES; i++) {
		const enum pend_layer layer = pendable[i / FAMILIES];
		struct actor *actor = add_actor(layer, families[i % FAMILIES], 0);

		for (uint32_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
			struct pend_simulated_info info;

			actor->verdict = cases[n].verdict;
			info = sim_info(submit_at(layer, families[i % FAMILIES]));
			cr_assert_eq(info.state, cases[n].state);
			cr_assert_eq(info.action, cases[n].action);
			cr_assert_eq(info.completions, 0u);
			cr_assert_eq(actor->runs, n + 1);
			finish(stage.operation);
			/* The other family has hooks of its own. */
			finish(submit_at(layer, families[1 - i % FAMILIES]));
			cr_assert_eq(actor->runs, n + 1);
		}
		remove_actors();
	}
}

/* What each layer knows of the addresses (F57, F58, F67), and that data is what was sent. */
Test(layers, what_programs_are_shown)
{
	for (uint32_t i = 0; i < PENDABLE * FAMILIES; i++) {
		const enum pend_layer layer = pendable[i / FAMILIES];
		const int family = families[i % FAMILIES];
		struct actor *actor = add_actor(layer, family, PEND_VERDICT_PROCEED_SOFT);
		struct pend_simulated_request request = request_at(layer, family);
		const struct bpf_sock_addr *given = &request.address, *base = &actor->seen[0].base;
		const uint32_t none[4] = { 0 };
		const size_t length = sizeof(given->user_ip6);

		request.direction = PEND_INBOUND;
		request.subject.pid = 5;
		request.subject.pidfd = -1;
		request.thread = 6;
		finish(submit(&request));
		cr_assert_eq(actor->runs, 1);
		cr_assert_eq(actor->seen[0].layer, layer);
		cr_assert_eq(actor->seen[0].direction, PEND_INBOUND);
		cr_assert_eq(actor->seen[0].process_thread, UINT64_C(5) << 32 | 6);
		cr_assert_eq(actor->seen[0].socket_cookie, 77);
		cr_assert_eq(base->family, (uint32_t)family);
		cr_assert_eq(base->user_port, PORT_THERE);
		cr_assert_eq(memcmp(base->user_ip6, given->user_ip6, length), 0);
		cr_assert_eq(base->msg_src_port, layer == PEND_LAYER_LISTEN ? PORT_THERE
						 : layer == PEND_LAYER_BIND ? 0
									    : PORT_HERE);
		cr_assert_eq(memcmp(base->msg_src_ip6,
				    layer == PEND_LAYER_LISTEN ? given->user_ip6
				    : layer == PEND_LAYER_BIND ? none
							       : given->msg_src_ip6,
				    length),
			     0);
		cr_assert_eq((const char *)base->data_end - (const char *)base->data,
			     request.payload_size);
		remove_actors();
	}
}

/* One operation of each layer is pended and gets @action; by the layer's mechanism. */
static void pend_and_complete(enum pend_layer layer, int family, enum pend_action action)
{
	const struct pend_layer_descriptor *description = pend_layer_describe(layer);
	const bool permits = action != PEND_ACTION_BLOCK;
	struct actor *actor = add_pender(layer, family);
	const struct pend_simulator_ledger before = ledger();
	struct pend_simulator_ledger after;
	const uint64_t operation = submit_at(layer, family);
	struct pend_simulated_info info = sim_info(operation);

	cr_assert_eq(actor->error, 0);
	cr_assert_eq(info.state, PEND_SIM_PENDED);
	cr_assert_eq(info.action, PEND_ACTION_PENDING);
	cr_assert_eq(info.verdict, PEND_VERDICT_PEND);
	cr_assert_eq(info.pends, 1);
	cr_assert_eq(info.completions, 0);
	cr_assert_eq(info.handle, actor->handle);
	after = ledger();
	cr_assert_eq(after.handles - before.handles, layer == PEND_LAYER_BIND);
	cr_assert_eq(after.handles_released, before.handles_released);
	cr_assert_eq(after.copies - before.copies, description->has_payload);
	cr_assert_eq(decide(actor->handle, action), 0);
	assert_state(operation, PEND_SIM_PENDED); /* nothing inside the decision */
	settle();
	info = sim_info(operation);
	cr_assert_eq(info.state, permits ? PEND_SIM_PERMITTED : PEND_SIM_BLOCKED);
	cr_assert_eq(info.action, action);
	cr_assert_eq(info.completions, 1);
	cr_assert_eq(info.reclassified, description->completes_by == PEND_COMPLETES_RECLASSIFY);
	cr_assert_eq(info.injections, permits && description->has_payload);
	cr_assert_eq(actor->runs, 1, "its completion runs no program");
	after = ledger();
	cr_assert_eq(after.injected - before.injected, info.injections);
	cr_assert_eq(after.handles, after.handles_released);
	cr_assert_eq(after.copies, after.copies_freed);
	finish(operation);
	remove_actors();
}

Test(layers, pended_and_completed)
{
	static const enum pend_action actions[] = { PEND_ACTION_PERMIT_SOFT,
						    PEND_ACTION_PERMIT_HARD, PEND_ACTION_BLOCK };

	for (uint32_t i = 0; i < PENDABLE * FAMILIES; i++) {
		for (uint32_t n = 0; n < 3; n++)
			pend_and_complete(pendable[i / FAMILIES], families[i % FAMILIES],
					  actions[n]);
	}
	cr_assert_eq(stage.told, PENDABLE * FAMILIES * 3);
}

/* Nobody decides: the deadline blocks, in every layer (guarantee C). */
Test(layers, deadlines_block)
{
	for (uint32_t i = 0; i < PENDABLE; i++) {
		uint64_t operation;

		(void)add_pender(pendable[i], AF_INET);
		operation = submit_at(pendable[i], AF_INET);
		pass_time(stage.engine, 2100 * MS, MS);
		assert_state(operation, PEND_SIM_BLOCKED);
		finish(operation);
		remove_actors();
	}
}

/* Datagrams of one flow: any number is outstanding, each ends as it was decided (F59). */
Test(layers, many_datagrams_are_outstanding)
{
	struct actor *actor = add_pender(PEND_LAYER_DATAGRAM, AF_INET);
	uint64_t operations[16], handles[16];

	actor->pends_most = 16;
	for (uint32_t i = 0; i < 16; i++) {
		struct pend_simulated_request request = request_at(PEND_LAYER_DATAGRAM, AF_INET);

		request.direction = i % 2 ? PEND_INBOUND : PEND_OUTBOUND;
		operations[i] = submit(&request);
		handles[i] = actor->handle;
	}
	for (uint32_t i = 16; i-- > 0;)
		cr_assert_eq(
			decide(handles[i], i % 3 ? PEND_ACTION_PERMIT_SOFT : PEND_ACTION_BLOCK), 0);
	settle();
	for (uint32_t i = 0; i < 16; i++) {
		assert_state(operations[i], i % 3 ? PEND_SIM_PERMITTED : PEND_SIM_BLOCKED);
		finish(operations[i]);
	}
	cr_assert_eq(ledger().injected, 10);
	cr_assert_eq(ledger().copies, 16);
}

/* What the simulator itself injected is permitted unasked, at every layer (F61). */
Test(layers, own_packets_pass_unasked)
{
	for (uint32_t i = 0; i < PENDABLE; i++) {
		struct actor *actor = add_pender(pendable[i], AF_INET);
		struct pend_simulated_request request = request_at(pendable[i], AF_INET);
		struct pend_simulated_info info;

		request.flags = PEND_SIM_SELF_INJECTED;
		info = sim_info(submit(&request));
		cr_assert_eq(info.state, PEND_SIM_PERMITTED);
		cr_assert_eq(info.invocations, 0);
		cr_assert_eq(info.flow, 0, "the first one's flow is the connection's");
		cr_assert_eq(actor->runs, 0);
		forget(stage.operation);
		remove_actors();
	}
}

/* F69, F75: the network context is there if the backend knows it, and else the helper fails. */
static int network_result;
static struct bpf_sock_addr_network_context network_seen;

static void ask_network(struct actor *actor, struct pend_sock_addr_context *context)
{
	(void)actor;
	network_result = bpf_sock_addr_get_network_context(&context->base, &network_seen,
							   sizeof(network_seen));
}

Test(layers, what_routing_knows)
{
	static const uint32_t helpers[] = { BPF_FUNC_sock_addr_get_network_context };
	struct actor *actor = load_actor(pend_sock_addr_type(), helpers, 1);
	struct pend_simulated_request request = request_at(PEND_LAYER_CONNECT, AF_INET);

	attach_actor(actor, PEND_LAYER_CONNECT, AF_INET);
	actor->inside = ask_network;
	finish(submit(&request));
	cr_assert_lt(network_result, 0);
	request.network.version = 2;
	request.network.available = PEND_NETWORK_NEXT_HOP;
	request.network.next_hop_interface_luid = 99;
	finish(submit(&request));
	cr_assert_eq(network_result, 0);
	cr_assert_eq(network_seen.next_hop_interface_luid, 99);
	cr_assert_eq(network_seen.available, PEND_NETWORK_NEXT_HOP);
}

/* ---- chains: in claim mode nobody behind the pender runs, in resume mode they do (F33, F35) ---- */

static void pend_in_front(enum pend_layer layer, int family, bool resumes)
{
	struct actor *pender = add_pender(layer, family);
	struct actor *behind = add_actor(layer, family, PEND_VERDICT_PROCEED_HARD);
	struct pend_simulated_info info;
	const uint64_t operation = submit_at(layer, family);

	cr_assert_eq(decide(pender->handle, PEND_ACTION_PERMIT_SOFT), 0);
	cr_assert_eq(behind->runs, 0);
	settle();
	info = sim_info(operation);
	cr_assert_eq(behind->runs, resumes);
	cr_assert_eq(info.state, PEND_SIM_PERMITTED);
	cr_assert_eq(info.action, resumes ? PEND_ACTION_PERMIT_HARD : PEND_ACTION_PERMIT_SOFT);
	cr_assert_eq(info.completions, 1);
	finish(operation);
	/* Those behind may refuse what was permitted. */
	pender->pended = 0;
	behind->verdict = PEND_VERDICT_REJECT;
	(void)submit_at(layer, family);
	cr_assert_eq(decide(pender->handle, PEND_ACTION_PERMIT_SOFT), 0);
	settle();
	assert_state(stage.operation, resumes ? PEND_SIM_BLOCKED : PEND_SIM_PERMITTED);
	cr_assert_eq(sim_info(stage.operation).injections,
		     !resumes && pend_layer_describe(layer)->has_payload);
	finish(stage.operation);
	remove_actors();
}

Test(layers, nobody_runs_behind_a_pender)
{
	for (uint32_t i = 0; i < PENDABLE * FAMILIES; i++)
		pend_in_front(pendable[i / FAMILIES], families[i % FAMILIES], false);
}

Test(resuming, who_is_behind_a_pender_runs_later, .fini = end_stage)
{
	begin_stage(PEND_SIM_RESUME);
	for (uint32_t i = 0; i < PENDABLE * FAMILIES; i++)
		pend_in_front(pendable[i / FAMILIES], families[i % FAMILIES], true);
}

/* What was attached while it was pended runs for it, unless the simulator was told otherwise (X17). */
static void attach_meanwhile(uint32_t flags, uint32_t runs)
{
	struct actor *pender, *late;

	begin_stage(PEND_SIM_RESUME | flags);
	pender = add_pender(PEND_LAYER_BIND, AF_INET);
	(void)submit_at(PEND_LAYER_BIND, AF_INET);
	late = add_actor(PEND_LAYER_BIND, AF_INET, PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(decide(pender->handle, PEND_ACTION_PERMIT_SOFT), 0);
	settle();
	cr_assert_eq(late->runs, runs);
	finish(stage.operation);
	end_stage();
}

Test(resuming, late_programs_run)
{
	attach_meanwhile(0, 1);
}

Test(resuming, late_programs_are_left_out)
{
	attach_meanwhile(PEND_SIM_RESUME_KNOWN, 0);
}

/* ---- compartments (F73) ---- */

Test(layers, compartments)
{
	for (uint32_t i = 0; i < PENDABLE; i++) {
		struct pend_simulated_request request = request_at(pendable[i], AF_INET);
		struct actor *any = add_actor(pendable[i], AF_INET, PEND_VERDICT_REJECT);
		struct actor *five = add_actor(pendable[i], AF_INET, PEND_VERDICT_REJECT);
		struct pend_link_options options = { .size = sizeof(options), .compartment = 5 };

		cr_assert_eq(pend_link_detach(five->link, PEND_OUTSTANDING_FINISH), 0);
		cr_assert_eq(pend_link_close(five->link), 0);
		options.attach_type = *pend_layer_attach_type(pendable[i], AF_INET);
		cr_assert_eq(pend_link_attach(five->program, &options, &five->link), 0);
		(void)submit(&request);
		cr_assert_eq(any->runs, 1);
		cr_assert_eq(five->runs, 0);
		forget(stage.operation);
		/* That of the compartment runs first, whenever it was attached. */
		request.address.compartment_id = 5;
		(void)submit(&request);
		cr_assert_eq(any->runs, 1);
		cr_assert_eq(five->runs, 1);
		forget(stage.operation);
		remove_actors();
	}
}

/* ---- a lost orchestrator (OP-39) ---- */

static void lose_orchestrator(enum pend_hook_loss policy, int verdict,
			      enum pend_simulated_state state)
{
	struct pend_simulator_options options = simulator_options(0);
	struct pend_session *session;

	options.on_orchestrator_loss = policy;
	begin_with(&options);
	cr_assert_eq(pend_session_open(stage.engine, NULL, &session), 0);
	cr_assert_eq(pend_custom_map_bind(stage.map, session), 0);
	cr_assert_eq(pend_session_close(session), 0);
	for (uint32_t i = 0; i < PENDABLE; i++) {
		struct actor *actor = add_pender(pendable[i], AF_INET);

		actor->verdict = verdict;
		(void)submit_at(pendable[i], AF_INET);
		cr_assert_eq(actor->error, -ESHUTDOWN);
		assert_state(stage.operation, state);
		finish(stage.operation);
		remove_actors();
	}
	end_stage();
}

Test(loss, the_program_decides)
{
	lose_orchestrator(PEND_HOOK_LOSS_PROGRAM, PEND_VERDICT_PROCEED_SOFT, PEND_SIM_PERMITTED);
}

Test(loss, all_are_blocked)
{
	lose_orchestrator(PEND_HOOK_LOSS_BLOCK, PEND_VERDICT_PROCEED_SOFT, PEND_SIM_BLOCKED);
}

Test(loss, all_are_permitted)
{
	lose_orchestrator(PEND_HOOK_LOSS_PERMIT, PEND_VERDICT_PEND, PEND_SIM_PERMITTED);
}
