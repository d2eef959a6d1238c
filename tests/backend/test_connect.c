/* SPDX-License-Identifier: MIT */
/*
 * test_connect.c - the two stages of a connection, cached redirect verdicts, read-only contexts, and
 * reauthorization (F55, F62, F68, F70, F71, F74, OP-43, S14, S16, S18).
 */
#include "tests/backend/fixture.h"

#include "engine/backend/simulator_internal.h"

static void begin(void)
{
	begin_stage(0);
}

TestSuite(connect, .init = begin, .fini = end_stage);

static int elsewhere_family = AF_INET;

/* A redirect program's work: to another port and address. */
static void go_elsewhere(struct actor *actor, struct pend_sock_addr_context *context)
{
	(void)actor;
	context->base.user_port = PORT_ELSEWHERE;
	context->base.user_ip6[elsewhere_family == AF_INET ? 0 : 3] = 0x03030303;
	cr_assert_eq(bpf_sock_addr_set_redirect_context(&context->base, 4711), 0);
}

static struct actor *add_redirector(int family, int verdict)
{
	struct actor *actor = add_actor(PEND_LAYER_CONNECT_REDIRECT, family, verdict);

	elsewhere_family = family;
	actor->inside = go_elsewhere;
	return actor;
}

/* ---- redirect, then authorization ---- */

/* The redirect stage's verdict is where the authorization begins; REJECT blocks without it. */
Test(connect, redirect_verdicts_accumulate)
{
	static const struct {
		int redirect, authorization;
		enum pend_action action;
		uint32_t authorized;
	} cases[] = {
		{ PEND_VERDICT_PROCEED_SOFT, PEND_VERDICT_PROCEED_SOFT, PEND_ACTION_PERMIT_SOFT,
		  1 },
		{ PEND_VERDICT_PROCEED_SOFT, PEND_VERDICT_PROCEED_HARD, PEND_ACTION_PERMIT_HARD,
		  1 },
		{ PEND_VERDICT_PROCEED_SOFT, PEND_VERDICT_REJECT, PEND_ACTION_BLOCK, 1 },
		{ PEND_VERDICT_PROCEED_HARD, PEND_VERDICT_PROCEED_SOFT, PEND_ACTION_PERMIT_HARD,
		  1 },
		{ PEND_VERDICT_PROCEED_HARD, PEND_VERDICT_REJECT, PEND_ACTION_BLOCK, 1 },
		{ PEND_VERDICT_REJECT, PEND_VERDICT_PROCEED_HARD, PEND_ACTION_BLOCK, 0 },
	};

	for (uint32_t f = 0; f < FAMILIES; f++) {
		struct actor *redirect = add_actor(PEND_LAYER_CONNECT_REDIRECT, families[f], 0);
		struct actor *authorize = add_actor(PEND_LAYER_CONNECT, families[f], 0);

		for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			const uint32_t before = authorize->runs;
			struct pend_simulated_info info;

			redirect->verdict = cases[i].redirect;
			authorize->verdict = cases[i].authorization;
			info = sim_info(submit_at(PEND_LAYER_CONNECT, families[f]));
			cr_assert_eq(info.action, cases[i].action, "case %u", i);
			cr_assert_eq(redirect->runs, i + 1);
			cr_assert_eq(authorize->runs - before, cases[i].authorized);
			cr_assert_eq(info.invocations, 1 + cases[i].authorized);
			finish(stage.operation);
		}
		remove_actors();
	}
	cr_assert_eq(ledger().redirects_cached, 3 * FAMILIES);
	cr_assert_eq(ledger().redirects_used, 3 * FAMILIES);
	cr_assert_eq(ledger().redirects_expired, 0);
}

/* A redirected connection is authorized as it was, then as it is (S18). */
Test(connect, redirected_is_authorized_twice)
{
	for (uint32_t f = 0; f < FAMILIES; f++) {
		struct actor *redirect = add_redirector(families[f], PEND_VERDICT_PROCEED_SOFT);
		struct actor *behind =
			add_actor(PEND_LAYER_CONNECT_REDIRECT, families[f], PEND_VERDICT_REJECT);
		struct actor *authorize =
			add_actor(PEND_LAYER_CONNECT, families[f], PEND_VERDICT_PROCEED_HARD);
		struct pend_simulated_info info;

		info = sim_info(submit_at(PEND_LAYER_CONNECT, families[f]));
		cr_assert_eq(redirect->runs, 1);
		cr_assert_eq(behind->runs, 0, "whoever changes the destination ends the chain");
		cr_assert_eq(authorize->runs, 2);
		cr_assert_eq(authorize->seen[0].base.user_port, PORT_THERE);
		cr_assert_eq(authorize->seen[1].base.user_port, PORT_ELSEWHERE);
		cr_assert_eq(authorize->seen[1].base.user_ip6[families[f] == AF_INET ? 0 : 3],
			     0x03030303);
		cr_assert_eq(authorize->seen[1].redirect_context, 4711);
		cr_assert_eq(info.address.user_port, PORT_ELSEWHERE);
		cr_assert_eq(info.state, PEND_SIM_PERMITTED);
		cr_assert_eq(info.invocations, 3);
		finish(stage.operation);
		remove_actors();
	}
}

/* To another address on the same port: that is a redirect, too. */
static void go_next_door(struct actor *actor, struct pend_sock_addr_context *context)
{
	(void)actor;
	context->base.user_ip6[elsewhere_family == AF_INET ? 0 : 3] ^= 1;
}

Test(connect, redirected_by_its_address_alone)
{
	for (uint32_t f = 0; f < FAMILIES; f++) {
		struct actor *authorize =
			add_actor(PEND_LAYER_CONNECT, families[f], PEND_VERDICT_PROCEED_SOFT);

		add_redirector(families[f], PEND_VERDICT_PROCEED_SOFT)->inside = go_next_door;
		finish(submit_at(PEND_LAYER_CONNECT, families[f]));
		cr_assert_eq(authorize->runs, 2);
		cr_assert_eq(authorize->seen[1].base.user_port, PORT_THERE);
		remove_actors();
	}
}

/* Its first authorization refuses: there is no second. */
Test(connect, the_first_authorization_may_refuse)
{
	struct actor *authorize;

	(void)add_redirector(AF_INET, PEND_VERDICT_PROCEED_SOFT);
	authorize = add_actor(PEND_LAYER_CONNECT, AF_INET, PEND_VERDICT_REJECT);
	(void)submit_at(PEND_LAYER_CONNECT, AF_INET);
	assert_state(stage.operation, PEND_SIM_BLOCKED);
	cr_assert_eq(authorize->runs, 1);
}

/* Both authorizations pend: each is completed; the second begins when the first is permitted, and
 * what the first held is let go before. */
Test(connect, both_authorizations_may_pend)
{
	struct actor *actor;
	struct pend_simulated_info info;
	uint64_t operation;

	(void)add_redirector(AF_INET, PEND_VERDICT_PROCEED_SOFT);
	actor = add_pender(PEND_LAYER_CONNECT, AF_INET);
	actor->pends_most = 2;
	operation = submit_at(PEND_LAYER_CONNECT, AF_INET);
	assert_state(operation, PEND_SIM_PENDED);
	cr_assert_eq(actor->seen[0].base.user_port, PORT_THERE);
	cr_assert_eq(decide(actor->handle, PEND_ACTION_PERMIT_SOFT), 0);
	settle();
	assert_state(operation, PEND_SIM_PENDED);
	cr_assert_eq(actor->runs, 2);
	cr_assert_eq(actor->seen[1].base.user_port, PORT_ELSEWHERE);
	cr_assert_eq(ledger().injected, 0, "the first one sends nothing");
	cr_assert_eq(ledger().copies, 2);
	cr_assert_eq(ledger().copies_freed, 1);
	cr_assert_eq(stage.told, 0);
	cr_assert_eq(decide(actor->handle, PEND_ACTION_PERMIT_HARD), 0);
	settle();
	info = sim_info(operation);
	cr_assert_eq(info.state, PEND_SIM_PERMITTED);
	cr_assert_eq(info.action, PEND_ACTION_PERMIT_HARD);
	cr_assert_eq(info.pends, 2);
	cr_assert_eq(info.completions, 2);
	cr_assert_eq(info.reclassified, 2);
	cr_assert_eq(info.injections, 1);
	cr_assert_eq(stage.told, 1);
	finish(operation);
}

/* Stage by stage (PEND_SIM_STEPS). */
Test(steps, stage_by_stage)
{
	struct actor *redirect, *actor;
	uint64_t operation;

	begin_stage(PEND_SIM_STEPS);
	redirect = add_redirector(AF_INET, PEND_VERDICT_PROCEED_SOFT);
	actor = add_pender(PEND_LAYER_CONNECT, AF_INET);
	operation = submit_at(PEND_LAYER_CONNECT, AF_INET);
	assert_state(operation, PEND_SIM_NEW);
	cr_assert_eq(sim_info(operation).address.user_port, PORT_THERE);
	cr_assert_eq(redirect->runs, 0);
	cr_assert_eq(pend_simulator_step(stage.simulator, operation), 0);
	assert_state(operation, PEND_SIM_REDIRECTED);
	cr_assert_eq(sim_info(operation).address.user_port, PORT_ELSEWHERE);
	cr_assert_eq(redirect->runs, 1);
	cr_assert_eq(actor->runs, 0);
	cr_assert_eq(pend_simulator_step(stage.simulator, operation), 0);
	assert_state(operation, PEND_SIM_PENDED);
	/* retval: pend_simulator_step -EALREADY */
	cr_assert_eq(pend_simulator_step(stage.simulator, operation), -EALREADY);
	cr_assert_eq(decide(actor->handle, PEND_ACTION_PERMIT_SOFT), 0);
	settle();
	assert_state(operation, PEND_SIM_REDIRECTED);
	cr_assert_eq(actor->runs, 1, "nobody has stepped");
	cr_assert_eq(pend_simulator_step(stage.simulator, operation), 0);
	assert_state(operation, PEND_SIM_BLOCKED); /* it pends no more, and rejects */
	cr_assert_eq(pend_simulator_step(stage.simulator, operation), -EALREADY);
	forget(operation);
	/* retval: pend_simulator_step -ENOENT */
	cr_assert_eq(pend_simulator_step(stage.simulator, operation), -ENOENT);
	/* retval: pend_simulator_step -EFAULT */
	cr_assert_eq(pend_simulator_step(NULL, operation), -EFAULT);
	end_stage();
}

/* ---- cached redirect verdicts (F74) ---- */

static uint64_t step_redirect(const struct pend_simulated_request *request)
{
	const uint64_t operation = submit(request);

	cr_assert_eq(pend_simulator_step(stage.simulator, operation), 0);
	return operation;
}

static enum pend_simulated_state step_authorization(uint64_t operation)
{
	enum pend_simulated_state state;

	cr_assert_eq(pend_simulator_step(stage.simulator, operation), 0);
	state = sim_info(operation).state;
	finish(operation);
	return state;
}

static void begin_young(void)
{
	/* Five seconds after boot: nothing is older than that. */
	machine.mono_ns = 5 * SECOND;
	begin_stage(PEND_SIM_STEPS);
}

TestSuite(redirects, .init = begin_young, .fini = end_stage);

Test(redirects, expire)
{
	const struct pend_simulated_request request = request_at(PEND_LAYER_CONNECT, AF_INET);
	struct pend_simulated_request other = request;
	uint64_t operation, second;

	add_actor(PEND_LAYER_CONNECT_REDIRECT, AF_INET, 0)->verdict = PEND_VERDICT_REJECT;
	operation = step_redirect(&request);
	cr_assert_eq(ledger().redirects_cached, 1);
	/* A young machine: no age underflows. */
	machine.mono_ns += MS;
	cr_assert_eq(step_authorization(operation), PEND_SIM_BLOCKED);
	cr_assert_eq(ledger().redirects_used, 1);
	/* One tick before its time it is there, .. */
	operation = step_redirect(&request);
	machine.mono_ns += 60 * SECOND - 1;
	cr_assert_eq(step_authorization(operation), PEND_SIM_BLOCKED);
	/* .. at its time it is gone: a look-up purges, .. */
	operation = step_redirect(&request);
	machine.mono_ns += 60 * SECOND;
	cr_assert_eq(step_authorization(operation), PEND_SIM_PERMITTED);
	cr_assert_eq(ledger().redirects_expired, 1);
	/* .. and so does an insert of another. */
	other.socket_cookie++;
	operation = step_redirect(&request);
	machine.mono_ns += 61 * SECOND;
	second = step_redirect(&other);
	cr_assert_eq(ledger().redirects_expired, 2);
	cr_assert_eq(step_authorization(operation), PEND_SIM_PERMITTED);
	cr_assert_eq(step_authorization(second), PEND_SIM_BLOCKED);
	cr_assert_eq(ledger().redirects_cached,
		     ledger().redirects_used + ledger().redirects_expired);
}

/* The time asleep counts. */
Test(redirects, expire_in_suspend)
{
	const struct pend_simulated_request request = request_at(PEND_LAYER_CONNECT, AF_INET);
	uint64_t operation;

	(void)add_actor(PEND_LAYER_CONNECT_REDIRECT, AF_INET, PEND_VERDICT_REJECT);
	operation = step_redirect(&request);
	machine.lead_ns = HOUR;
	cr_assert_eq(step_authorization(operation), PEND_SIM_PERMITTED);
}

/* SOFT makes forgotten what was said of the same connection before. */
Test(redirects, soft_removes_what_is_stale)
{
	const struct pend_simulated_request request = request_at(PEND_LAYER_CONNECT, AF_INET);
	struct actor *actor = add_actor(PEND_LAYER_CONNECT_REDIRECT, AF_INET, PEND_VERDICT_REJECT);
	const uint64_t dead = step_redirect(&request);
	uint64_t operation, rejected;

	cr_assert_eq(pend_simulator_kill(stage.simulator, dead), 0);
	forget(dead);
	actor->verdict = PEND_VERDICT_PROCEED_SOFT;
	operation = step_redirect(&request);
	cr_assert_eq(step_authorization(operation), PEND_SIM_PERMITTED);
	cr_assert_eq(ledger().redirects_used, 0);
	/* And another REJECT or HARD replaces it. */
	actor->verdict = PEND_VERDICT_REJECT;
	rejected = step_redirect(&request);
	actor->verdict = PEND_VERDICT_PROCEED_HARD;
	operation = step_redirect(&request);
	cr_assert_eq(step_authorization(operation), PEND_SIM_PERMITTED);
	cr_assert_eq(step_authorization(rejected), PEND_SIM_PERMITTED);
	cr_assert_eq(ledger().redirects_used, 1);
}

/* Each part of the key tells connections apart. */
Test(redirects, are_found_by_all_of_the_key)
{
	struct pend_simulated_request requests[8];
	uint64_t rejected, operation;

	for (uint32_t i = 0; i < 8; i++)
		requests[i] = request_at(PEND_LAYER_CONNECT, i == 7 ? AF_INET6 : AF_INET);
	requests[1].socket_cookie ^= 1;
	requests[2].address.user_ip4 ^= 1;
	requests[3].address.user_port ^= 1;
	requests[4].address.msg_src_port ^= 1;
	requests[5].address.protocol ^= 1;
	requests[6].address.compartment_id ^= 1;
	for (uint32_t f = 0; f < FAMILIES; f++)
		(void)add_actor(PEND_LAYER_CONNECT_REDIRECT, families[f], PEND_VERDICT_REJECT);
	rejected = step_redirect(&requests[0]);
	for (uint32_t f = 0; f < FAMILIES; f++)
		stage.actors[f].verdict = PEND_VERDICT_PROCEED_SOFT;
	for (uint32_t i = 1; i < 8; i++) {
		operation = step_redirect(&requests[i]);
		cr_assert_eq(step_authorization(operation), PEND_SIM_PERMITTED, "request %u", i);
	}
	cr_assert_eq(step_authorization(rejected), PEND_SIM_BLOCKED);
}

/* In whatever order they are asked for. */
Test(redirects, the_youngest_may_go_first)
{
	struct pend_simulated_request request = request_at(PEND_LAYER_CONNECT, AF_INET);
	uint64_t operations[3];

	(void)add_actor(PEND_LAYER_CONNECT_REDIRECT, AF_INET, PEND_VERDICT_REJECT);
	for (uint32_t i = 0; i < 3; i++) {
		operations[i] = step_redirect(&request);
		request.socket_cookie++;
	}
	cr_assert_eq(step_authorization(operations[2]), PEND_SIM_BLOCKED);
	cr_assert_eq(step_authorization(operations[1]), PEND_SIM_BLOCKED);
	cr_assert_eq(step_authorization(operations[0]), PEND_SIM_BLOCKED);
	cr_assert_eq(ledger().redirects_used, 3);
}

/* No room: a REJECT that cannot be kept blocks at once, and is not lost. */
Test(small, a_full_table_blocks, .fini = end_stage)
{
	struct pend_simulator_options options = simulator_options(PEND_SIM_STEPS);
	struct pend_simulated_request request = request_at(PEND_LAYER_CONNECT, AF_INET);

	options.operations_max = 2;
	begin_with(&options);
	(void)add_actor(PEND_LAYER_CONNECT_REDIRECT, AF_INET, PEND_VERDICT_REJECT);
	for (uint32_t i = 0; i < 2; i++) {
		const uint64_t operation = step_redirect(&request);

		request.socket_cookie++;
		cr_assert_eq(pend_simulator_kill(stage.simulator, operation), 0);
		forget(operation);
	}
	(void)step_redirect(&request);
	assert_state(stage.operation, PEND_SIM_BLOCKED);
	forget(stage.operation);
	/* A permit that cannot be kept is no more than a SOFT one. */
	stage.actors[0].verdict = PEND_VERDICT_PROCEED_HARD;
	request.socket_cookie++;
	(void)step_redirect(&request);
	assert_state(stage.operation, PEND_SIM_REDIRECTED);
	cr_assert_eq(step_authorization(stage.operation), PEND_SIM_PERMITTED);
	stage.actors[0].verdict = PEND_VERDICT_REJECT;
	machine.mono_ns += 61 * SECOND;
	request.socket_cookie++;
	(void)step_redirect(&request);
	assert_state(stage.operation, PEND_SIM_REDIRECTED);
	cr_assert_eq(step_authorization(stage.operation), PEND_SIM_BLOCKED);
}

/* ---- read-only contexts (F70, OP-43) ---- */

static void scribble(struct actor *actor, struct pend_sock_addr_context *context)
{
	unsigned char *bytes = (unsigned char *)&context->base;

	bytes[actor->number] ^= 0xff; /* the field */
}

/* Offsets of all that a program can write. */
static const size_t fields[] = {
	offsetof(struct bpf_sock_addr, user_ip4),
	offsetof(struct bpf_sock_addr, user_port),
	offsetof(struct bpf_sock_addr, msg_src_ip4),
	offsetof(struct bpf_sock_addr, msg_src_port),
	offsetof(struct bpf_sock_addr, protocol),
	offsetof(struct bpf_sock_addr, compartment_id),
	offsetof(struct bpf_sock_addr, interface_luid),
};

static void write_everywhere(uint32_t flags)
{
	const bool strict = !(flags & PEND_SIM_READ_ONLY_IGNORE);
	uint32_t writes = 0;

	begin_stage(flags);
	for (uint32_t i = 0; i < PENDABLE; i++) {
		struct actor *writer = add_actor(pendable[i], AF_INET, PEND_VERDICT_PROCEED_HARD);
		struct actor *behind = add_actor(pendable[i], AF_INET, PEND_VERDICT_PROCEED_SOFT);

		writer->inside = scribble;
		for (uint32_t n = 0; n < sizeof(fields) / sizeof(fields[0]); n++) {
			writer->number = (int)fields[n];
			writer->runs = behind->runs = 0;
			(void)submit_at(pendable[i], AF_INET);
			cr_assert_eq(runtime_stats().read_only, ++writes);
			assert_state(stage.operation,
				     strict ? PEND_SIM_BLOCKED : PEND_SIM_PERMITTED);
			cr_assert_eq(behind->runs, !strict);
			if (!strict)
				cr_assert_eq(memcmp(&behind->seen[0].base, &writer->seen[0].base,
						    sizeof(behind->seen[0].base)),
					     0, "undone for whoever is behind");
			finish(stage.operation);
		}
		remove_actors();
	}
	end_stage();
}

Test(read_only, writes_are_refused)
{
	write_everywhere(0);
}

Test(read_only, writes_are_ignored)
{
	write_everywhere(PEND_SIM_READ_ONLY_IGNORE);
}

/* ---- reauthorization (F62, F71) ---- */

static int reauthorize(uint16_t port)
{
	return pend_simulator_reauthorize(stage.simulator, port, PEND_REASON_POLICY);
}

Test(connect, reauthorization_asks_again)
{
	struct actor *actor = add_actor(PEND_LAYER_CONNECT, AF_INET, PEND_VERDICT_PROCEED_SOFT);
	struct actor *redirect =
		add_actor(PEND_LAYER_CONNECT_REDIRECT, AF_INET, PEND_VERDICT_PROCEED_SOFT);
	struct pend_simulated_request request = request_at(PEND_LAYER_CONNECT, AF_INET);
	const uint64_t first = submit(&request);
	uint64_t second, flow;
	struct pend_subject subject;

	request.address.user_port = PORT_ELSEWHERE;
	second = submit(&request);
	flow = sim_info(second).flow;
	cr_assert_eq(reauthorize(0), 2);
	cr_assert_eq(actor->runs, 4);
	cr_assert_eq(redirect->runs, 2, "not the redirect stage");
	cr_assert_eq(stage.told, 2);
	actor->verdict = PEND_VERDICT_REJECT;
	cr_assert_eq(pend_simulator_reauthorize(stage.simulator, PORT_ELSEWHERE, PEND_REASON_ROUTE),
		     1);
	assert_state(first, PEND_SIM_PERMITTED);
	assert_state(second, PEND_SIM_BLOCKED);
	cr_assert_eq(sim_info(second).action, PEND_ACTION_BLOCK);
	cr_assert_eq(stage.told, 3);
	cr_assert_eq(stage.told_operations[2], second);
	cr_assert_eq(stage.told_states[2], PEND_SIM_BLOCKED);
	/* A connection that is blocked now has no flow any more. */
	cr_assert_eq(pend_simulator_flow_identity(stage.simulator, flow, &subject), -ENOENT);
	cr_assert_eq(pend_simulator_end_flow(stage.simulator, flow), -ENOENT);
	/* Those that are blocked are not asked about. */
	cr_assert_eq(reauthorize(PORT_ELSEWHERE), 0);
	finish(first);
	forget(second);
	forget(submit_at(PEND_LAYER_BIND, AF_INET));
	cr_assert_eq(reauthorize(PORT_ELSEWHERE), 0, "nor who is gone");
	/* retval: pend_simulator_reauthorize -EFAULT */
	cr_assert_eq(pend_simulator_reauthorize(NULL, 0, PEND_REASON_POLICY), -EFAULT);
	/* retval: pend_simulator_reauthorize -EINVAL */
	cr_assert_eq(
		pend_simulator_reauthorize(stage.simulator, 0, (enum pend_reauthorize_reason)3),
		-EINVAL);
	cr_assert_eq(
		pend_simulator_reauthorize(stage.simulator, 0, (enum pend_reauthorize_reason)0),
		-EINVAL);
}

/* S14: nothing can be pended; the program is told, and what it says counts. */
Test(connect, reauthorization_cannot_pend)
{
	struct actor *actor = add_pender(PEND_LAYER_CONNECT, AF_INET);
	const uint64_t operation = submit_at(PEND_LAYER_CONNECT, AF_INET);

	cr_assert_eq(reauthorize(0), 0, "it is pended, and not permitted");
	cr_assert_eq(decide(actor->handle, PEND_ACTION_PERMIT_SOFT), 0);
	settle();
	actor->pends_most = 9;
	cr_assert_eq(reauthorize(0), 1);
	cr_assert_eq(actor->error, -EOPNOTSUPP);
	assert_state(operation, PEND_SIM_BLOCKED);
	cr_assert_eq(ledger().pended, 1);
	forget(operation);
}

/* Only connections are (F71). */
Test(connect, only_connections_are_reauthorized)
{
	for (uint32_t i = 0; i < PENDABLE; i++) {
		struct actor *actor = add_actor(pendable[i], AF_INET, PEND_VERDICT_PROCEED_SOFT);
		const uint64_t operation = submit_at(pendable[i], AF_INET);

		cr_assert_eq(reauthorize(0), pendable[i] == PEND_LAYER_CONNECT);
		cr_assert_eq(actor->runs, 1 + (pendable[i] == PEND_LAYER_CONNECT));
		finish(operation);
		remove_actors();
	}
}

/* F55: the verdict is in the completing thread's hands for one operation, and only while that is
 * completed; whoever enters without it is blocked. */
Test(connect, a_completion_without_its_verdict_blocks)
{
	struct actor *actor = add_actor(PEND_LAYER_CONNECT, AF_INET, PEND_VERDICT_PROCEED_HARD);
	const uint64_t operation = submit_at(PEND_LAYER_CONNECT, AF_INET);
	struct pendi_sim_operation *entry = pendi_operation_get(stage.simulator, operation);
	struct pendi_sim_run run = { .operation = entry };

	cr_assert_eq(pendi_layer_reclassify(stage.simulator, entry, PEND_VERDICT_PROCEED_SOFT),
		     PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(pendi_layer_classify(stage.simulator, &run, PENDI_CLASSIFY_COMPLETION),
		     PEND_VERDICT_REJECT);
	cr_assert_eq(actor->runs, 1, "programs are not asked");
	pendi_operation_put(stage.simulator, entry);
	finish(operation);
}

/* F55: a reauthorization inside a completion does not take the completion's verdict for its own: the
 * programs are asked. */
static uint64_t bystander;
static struct actor *judge;

static void reauthorize_meanwhile(void *context, uint64_t operation,
				  enum pend_simulated_state state)
{
	(void)context;
	(void)state;
	if (operation != bystander && bystander)
		cr_assert_eq(reauthorize(PORT_ELSEWHERE), 1);
}

Test(bystanders, a_completions_verdict_is_for_it_alone, .fini = end_stage)
{
	struct pend_simulator_options options = simulator_options(0);
	struct pend_simulated_request request = request_at(PEND_LAYER_CONNECT, AF_INET);
	uint64_t operation;

	options.on_verdict = reauthorize_meanwhile;
	begin_with(&options);
	request.address.user_port = PORT_ELSEWHERE;
	bystander = submit(&request);
	judge = add_pender(PEND_LAYER_CONNECT, AF_INET);
	operation = submit_at(PEND_LAYER_CONNECT, AF_INET);
	judge->verdict = PEND_VERDICT_REJECT;
	cr_assert_eq(decide(judge->handle, PEND_ACTION_PERMIT_SOFT), 0);
	settle();
	assert_state(operation, PEND_SIM_PERMITTED);
	assert_state(bystander, PEND_SIM_BLOCKED);
	cr_assert_eq(judge->runs, 2);
	forget(bystander);
	finish(operation);
}
