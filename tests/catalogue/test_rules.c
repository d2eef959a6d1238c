/* SPDX-License-Identifier: MIT */
/*
 * test_rules.c - what no catalogue of the sources names and a whole stack shows: who may pend, who may
 * reach what, who runs in which order, what is counted (F34, F66, F72, F73, F75, F78, F81, F93; K6, K8;
 * OP-39, OP-41). Guarantee I.
 */
#include "tests/catalogue/own_hook.h"
#include "tests/catalogue/stack.h"

static struct stack stack;
static struct own_hook own;

static void serve_thrice(void)
{
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(&stack);
}

static struct pend_program_info program_info(struct pend_program *program)
{
	struct pend_program_info info = { .size = sizeof(info) };

	SAME(pend_program_info_read(program, &info), 0);
	return info;
}

static struct pend_link_info link_info(struct pend_link *link)
{
	struct pend_link_info info = { .size = sizeof(info) };

	SAME(pend_link_info_read(link, &info), 0);
	return info;
}

/* ---- who may pend (F34, OP-22) ---- */

static int run_without_right(void *context, void *data)
{
	struct player *player = data;

	(void)context;
	player->runs++;
	player->error = player_pend(player);
	return PEND_VERDICT_PROCEED_SOFT;
}

static int load_named(struct player *player, const uint32_t *helpers, uint32_t count)
{
	const struct pend_program_options options = {
		.size = sizeof(options),
		.name = "named",
		.type = *pend_sock_addr_type(),
		.entry = run_without_right,
		.data = player,
		.helpers = helpers,
		.helper_count = count,
	};

	return pend_program_load(stack.runtime, &options, &player->program);
}

Test(rules, MAY_PEND_is_derived_and_enforced)
{
	static const uint32_t harmless[] = { BPF_FUNC_ktime_get_ns, BPF_FUNC_pend_pressure };
	static const uint32_t unknown[] = { BPF_FUNC_ktime_get_ns, 0x1fff };
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	const struct pend_link_options here = { .size = sizeof(here), .attach_type = own_type };
	struct player other = { .runs = 0 }, twin = { .runs = 0 };

	stack_begin(&stack, &setting);
	SAME(program_info(stack.player.program).flags, PEND_PROGRAM_MAY_PEND);
	SAME(link_info(stack.player.link).flags, PEND_PROGRAM_MAY_PEND);
	player_leave(&stack.player);
	other.map = stack.custom;
	SAME(load_named(&other, unknown, 2), -EACCES);
	SAME(load_named(&other, harmless, 2), 0);
	SAME(program_info(other.program).flags, 0);
	player_attach(&other, PEND_LAYER_CONNECT, AF_INET);
	SAME(link_info(other.link).flags, 0);
	SAME(operate(&stack).state, PEND_SIM_PERMITTED);
	SAME(other.runs, 1);
	SAME(other.error, -EPERM);
	SAME(counts_of(&stack).helper_refused, 1);
	SAME(stack.traces[PEND_TRACE_HELPER], 1);
	SAME(ledger_of(&stack).pended, 0);
	SAME(pend_link_detach(other.link, PEND_OUTSTANDING_FINISH), 0);
	SAME(pend_link_close(other.link), 0);
	/* A hook may insist on one pender; others are welcome. */
	player_load(&stack, &stack.player, "player", setting.layer, player_run);
	own_begin(&own, &stack, PEND_HOOK_EXCLUSIVE_PENDER);
	SAME(pend_link_attach(other.program, &here, &other.link), 0);
	player_load(&stack, &twin, "twin", setting.layer, player_run);
	SAME(pend_link_attach(twin.program, &here, &twin.link), -EBUSY);
	SAME(pend_link_update(other.link, twin.program, NULL), -EBUSY);
	SAME(pend_link_update(stack.player.link, twin.program, NULL), 0);
	player_leave(&twin);
	player_leave(&other);
	own_end(&own);
	stack_end(&stack);
}

/* ---- namespaces (F66) ---- */

Test(rules, namespaces_do_not_meet)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	const struct pend_namespace elsewhere = { .user_inode = 4711, .label = 1 };
	const struct pend_session_options options = small_session(PEND_LOSS_BLOCK);
	struct pend_custom_map_options map = { .size = sizeof(map),
					       .type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
					       .key_size = sizeof(struct pend_key),
					       .value_size = sizeof(struct element),
					       .max_entries = 4,
					       .name_space = elsewhere };
	struct pend_custom_map *foreign = NULL, *found = NULL;
	struct pend_session *session = NULL;
	int64_t id;

	stack_begin(&stack, &setting);
	SAME(pend_custom_map_create(stack.runtime, &map, &foreign), 0);
	/* A program does not pend there ... */
	stack.player.map = foreign;
	SAME(operate(&stack).state, PEND_SIM_BLOCKED);
	SAME(stack.player.error, -ENOENT);
	stack.player.map = stack.custom;
	/* ... nor a session act there, until it is of that namespace. */
	SAME(pend_session_open(stack.engine, &options, &session), 0);
	SAME(pend_custom_map_bind(foreign, session), -EPERM);
	SAME(pend_session_namespace(session, &elsewhere), 0);
	SAME(pend_custom_map_bind(foreign, session), 0);
	SAME(pend_custom_map_bind(stack.custom, session), -EPERM);
	/* Names and numbers are found at home. */
	SAME(pend_custom_map_pin(foreign, "name"), 0);
	SAME(pend_custom_map_open(stack.runtime, NULL, "name", &found), -ENOENT);
	SAME(pend_unpin(stack.runtime, NULL, "name"), -ENOENT);
	SAME(pend_custom_map_pin(stack.custom, "name"), 0); /* another of that name */
	SAME(pend_custom_map_open(stack.runtime, &elsewhere, "name", &found), 0);
	SO(found == foreign);
	SAME(pend_custom_map_close(found), 0);
	id = pend_custom_map_next_id(stack.runtime, &elsewhere, 0);
	SO(id > 0);
	SAME(pend_custom_map_by_id(stack.runtime, NULL, (uint32_t)id, &found), -ENOENT);
	SAME(pend_custom_map_next_id(stack.runtime, &elsewhere, (uint32_t)id), 0);
	SAME(pend_unpin(stack.runtime, &elsewhere, "name"), 0);
	SAME(pend_unpin(stack.runtime, NULL, "name"), 0);
	SAME(pend_session_close(session), 0);
	SAME(pend_custom_map_close(foreign), 0);
	stack_end(&stack);
}

/* ---- who runs (F72, F73, F75, F78) ---- */

static char order[16];
static uint32_t ordered;

static int run_and_sign(void *context, void *data)
{
	(void)context;
	order[ordered++] = *(const char *)data;
	return PEND_VERDICT_PROCEED_SOFT;
}

static struct pend_program *load_signer(const char *sign)
{
	const struct pend_program_options options = { .size = sizeof(options),
						      .name = sign,
						      .type = *pend_sock_addr_type(),
						      .entry = run_and_sign,
						      .data = (void *)(uintptr_t)sign };
	struct pend_program *program = NULL;

	SAME(pend_program_load(stack.runtime, &options, &program), 0);
	return program;
}

static struct pend_link *attach_signer(const char *sign, uint32_t compartment)
{
	const struct pend_link_options options = { .size = sizeof(options),
						   .attach_type = own_type,
						   .compartment = compartment };
	struct pend_program *program = load_signer(sign);
	struct pend_link *link = NULL;

	SAME(pend_link_attach(program, &options, &link), 0);
	SAME(pend_program_close(program), 0);
	return link;
}

static void runs_as(uint32_t compartment, const char *expected)
{
	memset(order, 0, sizeof(order));
	ordered = 0;
	own.invocation = (struct pend_invocation){ .context = &own.context,
						   .operation = 1,
						   .initial = PEND_VERDICT_PROCEED_SOFT,
						   .compartment = compartment };
	SAME(pend_hook_invoke(own.hook, &own.invocation), 0);
	cr_assert_str_eq(order, expected);
	SAME(own.invocation.programs, strlen(expected) + 1); /* and the player */
}

Test(rules, compartment_before_any)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .bare = true };
	struct pend_link *links[4];

	stack_begin(&stack, &setting);
	PLAN(&stack.player, SAYS(PEND_VERDICT_PROCEED_SOFT));
	own_begin(&own, &stack, 0);
	links[0] = attach_signer("a", PEND_COMPARTMENT_ANY);
	links[1] = attach_signer("B", 5);
	links[2] = attach_signer("c", PEND_COMPARTMENT_ANY);
	links[3] = attach_signer("D", 5);
	stack.player.runs = 0;
	runs_as(5, "BDac");
	runs_as(6, "ac");
	runs_as(0, "ac");
	SAME(link_info(links[1]).position, 0);
	SAME(link_info(links[0]).position, 3); /* behind B, D and the player */
	for (uint32_t i = 0; i < 4; i++)
		SAME(pend_link_close(links[i]), 0); /* the last handle detaches */
	let_go(&stack);
	own_end(&own);
	stack_end(&stack);
}

static bool only_one(void *context, const struct pend_uuid *attach_type, uint32_t link_id)
{
	SO(memcmp(attach_type, &own_type, sizeof(own_type)) == 0);
	return link_id == *(const uint32_t *)context;
}

Test(rules, filters_choose_who_runs)
{
	static const struct pend_uuid other_type = { { 1 } };
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .bare = true };
	struct pend_invocation invocation = { .context = &own.context,
					      .initial = PEND_VERDICT_PROCEED_SOFT,
					      .filter = only_one };
	struct pend_link *links[2];
	uint32_t id;

	stack_begin(&stack, &setting);
	own_begin(&own, &stack, 0);
	links[0] = attach_signer("a", PEND_COMPARTMENT_ANY);
	links[1] = attach_signer("b", PEND_COMPARTMENT_ANY);
	id = link_info(links[1]).id;
	invocation.filter_context = &id;
	SAME(pend_hook_invoke(own.hook, &invocation), 0);
	SAME(invocation.programs, 1);
	SAME(ordered, 1);
	SAME(order[0], 'b');
	invocation.filter = NULL;
	invocation.attach_type = &other_type;
	SAME(pend_hook_invoke(own.hook, &invocation), 0);
	SAME(invocation.programs, 0);
	SAME(invocation.verdict, PEND_VERDICT_PROCEED_SOFT);
	SAME(stack.player.runs, 0);
	for (uint32_t i = 0; i < 2; i++)
		SAME(pend_link_close(links[i]), 0);
	own_end(&own);
	stack_end(&stack);
}

Test(rules, a_batch_is_as_many_invocations)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .bare = true };
	struct pend_invocation batch[3];

	stack_begin(&stack, &setting);
	own_begin(&own, &stack, 0);
	PLAN(&stack.player, SAYS(PEND_VERDICT_REJECT), PENDS, SAYS(PEND_VERDICT_PROCEED_HARD));
	for (uint32_t i = 0; i < 3; i++)
		batch[i] = (struct pend_invocation){ .context = &own.context,
						     .operation = 1,
						     .initial = PEND_VERDICT_PROCEED_SOFT };
	batch[2].flags = 77;
	SAME(pend_hook_invoke_batch(own.hook, batch, 3), -EINVAL);
	SAME(stack.player.runs, 0);
	batch[2].flags = 0;
	SAME(pend_hook_invoke_batch(own.hook, batch, 3), 3);
	SAME(stack.player.runs, 3);
	SAME(batch[0].verdict, PEND_VERDICT_REJECT);
	SAME(batch[1].verdict, PEND_VERDICT_PEND);
	SAME(batch[1].handle, stack.player.key.pend_id ? batch[1].handle : own.handle);
	SAME(batch[1].handle, own.handle);
	SAME(batch[2].verdict, PEND_VERDICT_PROCEED_HARD);
	SAME(pend_map_complete(stack.map, own.handle, PEND_ACTION_BLOCK), 0);
	own_end(&own);
	stack_end(&stack);
}

/* F75: there is no operation, and the helpers answer from what the caller made up. */
Test(rules, a_context_of_ones_own)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .bare = true };
	const struct sight *sights = stack.player.sights;

	stack_begin(&stack, &setting);
	own_begin(&own, &stack, 0);
	PLAN(&stack.player, SAYS(PEND_VERDICT_PROCEED_SOFT));
	own.context.layer = PEND_LAYER_CONNECT;
	SAME(own_operate(&own, NULL), PEND_VERDICT_PROCEED_SOFT);
	SAME(sights[0].network_result, -1);
	own.context.has_network = 1;
	own.context.network = (struct bpf_sock_addr_network_context){
		.version = 2, .interface_type = 23, .available = PEND_NETWORK_INTERFACE_TYPE
	};
	own.context.process_thread = 0x1234;
	SAME(own_operate(&own, NULL), PEND_VERDICT_PROCEED_SOFT);
	SAME(sights[1].network_result, 0);
	SAME(sights[1].network.interface_type, 23);
	SAME(sights[1].network.available, PEND_NETWORK_INTERFACE_TYPE);
	SAME(sights[1].process_thread, 0x1234);
	SAME(sights[1].cookie, 0xc00c1e);
	own_end(&own);
	stack_end(&stack);
}

/* ---- the orchestrator is gone (OP-39) ---- */

static void lost(enum pend_hook_loss on_loss, int fallback, enum pend_simulated_state state)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT,
					 .on_loss = on_loss,
					 .with_session = true };

	stack_begin(&stack, &setting);
	(void)pend_one(&stack);
	SAME(pend_session_close(stack.session), 0);
	stack.session = NULL;
	serve_thrice();
	SAME(look(&stack).state, PEND_SIM_BLOCKED); /* PEND_LOSS_BLOCK */
	SAME(map_counts(&stack).by_owner, 1);
	stack.player.fallback = fallback;
	SAME(operate(&stack).state, state);
	SAME(stack.player.error, -ESHUTDOWN);
	holds(&stack, 0);
	stack_end(&stack);
}

Test(rules, a_lost_orchestrator)
{
	lost(PEND_HOOK_LOSS_PROGRAM, PEND_VERDICT_REJECT, PEND_SIM_BLOCKED);
	lost(PEND_HOOK_LOSS_PROGRAM, PEND_VERDICT_PROCEED_HARD, PEND_SIM_PERMITTED);
	lost(PEND_HOOK_LOSS_BLOCK, PEND_VERDICT_PROCEED_HARD, PEND_SIM_BLOCKED);
	lost(PEND_HOOK_LOSS_PERMIT, PEND_VERDICT_PEND, PEND_SIM_PERMITTED);
	lost(PEND_HOOK_LOSS_PERMIT, PEND_VERDICT_REJECT, PEND_SIM_BLOCKED);
}

/* ---- in the frame ---- */

static int pressure;

static void feel_pressure(struct player *player)
{
	pressure = bpf_pend_pressure(player->map);
}

Test(rules, pressure_rises)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .max_entries = 4 };

	stack_begin(&stack, &setting);
	stack.player.before = feel_pressure;
	for (int i = 0; i < 4; i++) {
		(void)pend_one(&stack);
		SAME(pressure, i * 250);
	}
	SAME(operate(&stack).state, PEND_SIM_BLOCKED);
	SAME(pressure, 1000);
	SAME(pend_map_disable(stack.map, SECOND), 0);
	stack.player.before = NULL;
	stack_end(&stack);
}

static struct pend_custom_map *second_map;

static void pend_twice(struct player *player)
{
	const uint64_t first = player->key.pend_id;

	SAME(player_pend(player), 0);
	SAME(player->key.pend_id, first);
	player->map = second_map;
	SAME(player_pend(player), -EBUSY);
	player->map = player->stack->custom;
	player->key = pend_key_of(first);
}

Test(rules, pending_twice_in_a_frame)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };

	stack_begin(&stack, &setting);
	second_map = stack_map(&stack, WORDS_UPDATE_DELETE);
	stack.player.after = pend_twice;
	(void)pend_one(&stack);
	holds(&stack, 1);
	SAME(look(&stack).pends, 1);
	SAME(pend_map_count(pend_custom_map_pends(second_map)), 0);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_BLOCK), 0);
	stack.player.after = NULL;
	SAME(pend_custom_map_close(second_map), 0);
	stack_end(&stack);
}

static void complete_itself(struct player *player)
{
	SAME(bpf_complete_operation(player->map, &player->key, PEND_ACTION_PERMIT_HARD), 0);
	SAME(bpf_complete_operation(player->map, &player->key, PEND_ACTION_BLOCK), -EALREADY);
}

Test(rules, completes_itself_and_pends)
{
	static const int verdicts[] = { PEND_VERDICT_PEND, PEND_VERDICT_REJECT };

	for (uint32_t i = 0; i < 2; i++) {
		const struct setting setting = { .layer = PEND_LAYER_CONNECT };

		stack_begin(&stack, &setting);
		PLAN(&stack.player, PENDS_THEN(verdicts[i]));
		stack.player.after = complete_itself;
		(void)pend_one(&stack);
		(void)serve(&stack);
		SAME(look(&stack).action, PEND_ACTION_PERMIT_HARD);
		SAME(look(&stack).completions, 1);
		SAME(counts_of(&stack).synthesized, 0);
		stack_end(&stack);
	}
}

/* ---- counters (F93) ---- */

Test(rules, counters_agree)
{
	const struct setting setting = { .layer = PEND_LAYER_DATAGRAM };
	struct pend_runtime_stats counts;
	uint64_t aged = 0;

	stack_begin(&stack, &setting);
	PLAN(&stack.player, PENDS);
	for (uint32_t i = 0; i < 6; i++) {
		(void)pend_one(&stack);
		SAME(program_info(stack.player.program).pended, 1);
		SAME(link_info(stack.player.link).pended, 1);
		machine.mono_ns += MS << i;
		SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_PERMIT_SOFT), 0);
		(void)serve(&stack);
	}
	SAME(program_info(stack.player.program).runs, 6);
	SAME(link_info(stack.player.link).runs, 6);
	SAME(program_info(stack.player.program).pended, 0);
	counts = counts_of(&stack);
	SAME(counts.pends, 6);
	SAME(counts.completions, 6);
	for (uint32_t i = 0; i < 64; i++)
		aged += counts.age_ns[i];
	SAME(aged, 6);
	for (uint32_t i = 0; i < 6; i++) /* each twice as old as the one before */
		SAME(counts.age_ns[19 + i], 1);
	player_leave(&stack.player);
	let_go(&stack);
	counts = counts_of(&stack);
	SAME(counts.attachments, 1);
	SAME(counts.attachments_freed, 1);
	stack_end(&stack);
}

/* ---- functions by name (F81) ---- */

static uint64_t add_up(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	return a + b + c + d + e;
}

static struct pend_provider *provide_function(uint64_t prototype)
{
	static struct pend_function_data data;
	const struct pend_provider_options options = { .size = sizeof(options),
						       .kind = PEND_PROVIDER_FUNCTION,
						       .data = &data.header };
	struct pend_provider *provider = NULL;

	data = (struct pend_function_data){ PEND_HEADER(PEND_FUNCTION_VERSION,
							struct pend_function_data, prototype),
					    "tell", add_up, prototype };
	SAME(pend_provider_register(stack.runtime, &options, &provider), 0);
	return provider;
}

static int run_and_tell(void *context, void *data)
{
	const pend_helper_fn function = bpf_function(0);
	struct player *player = data;

	(void)context;
	player->runs++;
	SO(bpf_function(1) == NULL);
	return function && function(1, 2, 3, 4, 5) == 15 ? PEND_VERDICT_PROCEED_HARD
							 : PEND_VERDICT_REJECT;
}

static int load_teller(struct player *player)
{
	static const char *const functions[] = { "tell" };
	static const uint64_t prototypes[] = { 5 };
	const struct pend_program_options options = { .size = sizeof(options),
						      .name = "teller",
						      .type = *pend_sock_addr_type(),
						      .entry = run_and_tell,
						      .data = player,
						      .function_count = 1,
						      .functions = functions,
						      .prototypes = prototypes };

	return pend_program_load(stack.runtime, &options, &player->program);
}

/* Late, there, gone, and back: without it the program is not run, and the operation refused. */
Test(rules, a_function_comes_and_goes)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .bare = true };
	struct player teller = { .runs = 0 };
	struct pend_provider *provider;

	stack_begin(&stack, &setting);
	provider = provide_function(6); /* of another prototype */
	SAME(load_teller(&teller), -EACCES);
	SAME(pend_provider_unregister(provider, NULL, NULL), 0);
	SAME(load_teller(&teller), 0);
	player_attach(&teller, PEND_LAYER_CONNECT, AF_INET);
	for (uint32_t i = 0; i < 2; i++) {
		SAME(operate(&stack).state, PEND_SIM_BLOCKED);
		SAME(teller.runs, i);
		SAME(counts_of(&stack).lost_function, i + 1);
		SAME(stack.traces[PEND_TRACE_LOST], i + 1);
		provider = provide_function(5);
		SAME(operate(&stack).state, PEND_SIM_PERMITTED);
		SAME(look(&stack).verdict, PEND_VERDICT_PROCEED_HARD);
		SAME(teller.runs, i + 1);
		SAME(pend_provider_unregister(provider, NULL, NULL), 0);
	}
	player_leave(&teller);
	stack_end(&stack);
}
