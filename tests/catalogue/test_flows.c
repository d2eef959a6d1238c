/* SPDX-License-Identifier: MIT */
/*
 * test_flows.c - the normative flows PEND, COMPLETE and CONTINUE (F1, F10, F15 to F17, F24, F28, F32,
 * F55 to F61, F63), step by step: what can be seen after each step, at every layer that pends, both
 * families, both modes of a chain, in three vocabularies. Guarantees A, B, H and I.
 */
#include "tests/catalogue/stack.h"

static bool has_payload(const struct stack *stack)
{
	return pend_layer_describe(stack->setting.layer)->has_payload &&
	       stack->setting.protocol != IPPROTO_TCP;
}

static bool is_handle_layer(const struct stack *stack)
{
	return pend_layer_describe(stack->setting.layer)->completes_by == PEND_COMPLETES_HANDLE;
}

/* ---- PEND ---- */

static uint32_t inside; /* times a check in a frame was made */

static void before_the_helper(struct player *player)
{
	struct stack *stack = player->stack;

	inside++;
	SO(look(stack).state < PEND_SIM_PENDED);
	holds(stack, 0);
	SAME(ledger_of(stack).copies, 0);
}

/* The helper has returned, the frame is open: the key may escape, the backend holds. */
static void after_the_helper(struct player *player)
{
	struct stack *stack = player->stack;
	struct pend_value value;
	struct pend_notice notice;

	inside++;
	SAME(player->error, 0);
	SAME(player->key.version, PEND_KEY_VERSION);
	SAME(player->key.size, sizeof(struct pend_key));
	SO(player->key.pend_id != 0);
	SAME(element_of(stack, &player->key, &value), 0);
	SAME(value.action, PEND_ACTION_PENDING);
	SAME(value.pend_timestamp_ns, machine_boot());
	holds(stack, 1);
	SAME(ledger_of(stack).copies, has_payload(stack));
	SAME(ledger_of(stack).handles, is_handle_layer(stack));
	SAME(info_of(stack->map, player->key.pend_id).state, PEND_STATE_PENDING);
	SAME(look(stack).state, PEND_SIM_PENDED);
	if (!stack->session)
		return;
	/* Told no earlier than it is pended, no later than the program can tell. */
	SAME(pend_session_read(stack->session, &notice, NULL, 1), 1);
	SAME(notice.handle, player->key.pend_id);
	SO(notice.map == stack->map);
}

static void flow_pend(struct stack *stack)
{
	const struct pend_simulated_request request = request_here(stack);
	struct pend_simulated_info info;

	inside = 0;
	stack->player.before = before_the_helper;
	stack->player.after = after_the_helper;
	(void)submit(stack, &request);
	SAME(look(stack).state, PEND_SIM_NEW);
	holds(stack, 0);
	if (stack->setting.layer == PEND_LAYER_CONNECT) {
		SAME(pend_simulator_step(stack->simulator, stack->operation), 0);
		SAME(look(stack).state, PEND_SIM_REDIRECTED);
		SAME(stack->player.runs, 0);
	}
	SAME(pend_simulator_step(stack->simulator, stack->operation), 0);
	SAME(inside, 2);
	SAME(stack->player.runs, 1);
	info = look(stack);
	SAME(info.state, PEND_SIM_PENDED);
	SAME(info.verdict, PEND_VERDICT_PEND);
	SAME(info.pends, 1);
	SAME(info.completions, 0);
	SAME(info.handle, stack->player.key.pend_id);
	SAME(stack->verdicts, 0);
	holds(stack, 1);
	SAME(pend_simulator_step(stack->simulator, stack->operation), -EALREADY);
	SAME(serve(stack) ? look(stack).state : PEND_SIM_PENDED, PEND_SIM_PENDED);
	SAME(orchestrate(stack, &stack->player.key, PEND_ACTION_BLOCK), 0);
	stack->player.before = stack->player.after = NULL;
}

Test(flows, PEND)
{
	const struct setting setting = { .flags = 0 };
	const struct setting told = { .with_session = true };
	static struct stack stack;

	everywhere(&setting, flow_pend);
	for (uint32_t i = 0; i < PENDING_LAYERS * 2; i++) {
		struct setting with = told;

		with.layer = pending_layers[i % PENDING_LAYERS];
		with.words = (enum words)(i / PENDING_LAYERS);
		stack_begin(&stack, &with);
		flow_pend(&stack);
		stack_end(&stack);
	}
}

/* 4': the program could not tell anybody, and decides after all. */
static void flow_not_told(struct stack *stack)
{
	static const struct {
		int verdict;
		enum pend_simulated_state state;
	} ends[] = { { PEND_VERDICT_REJECT, PEND_SIM_BLOCKED },
		     { PEND_VERDICT_PROCEED_SOFT, PEND_SIM_PERMITTED },
		     { PEND_VERDICT_PROCEED_HARD, PEND_SIM_PERMITTED },
		     { 77, PEND_SIM_BLOCKED } };

	for (uint32_t i = 0; i < 4; i++) {
		struct pend_key key;

		PLAN(&stack->player, PENDS_THEN(ends[i].verdict));
		key = pend_one(stack); /* absorbed all the same */
		SAME(look(stack).completions, 0);
		(void)serve(stack);
		SAME(look(stack).state, ends[i].state);
		SAME(look(stack).completions, 1);
		SAME(counts_of(stack).synthesized, i + 1);
		SAME(map_counts(stack).by_program, i + 1);
		SAME(orchestrate(stack, &key, PEND_ACTION_PERMIT_HARD), -ENOENT);
		holds(stack, 0);
	}
}

Test(flows, PEND_then_another_verdict)
{
	const struct setting setting = { .flags = 0 };

	everywhere(&setting, flow_not_told);
}

static void refused(struct stack *stack, enum pend_simulator_fault at, int error)
{
	const struct pend_simulator_ledger before = ledger_of(stack);
	const uint64_t pends = map_counts(stack).pends;
	struct pend_simulated_info info;

	stack->player.fallback = PEND_VERDICT_PROCEED_SOFT;
	SAME(pend_simulator_fail(stack->simulator, at, 0, 1, error), 0);
	info = operate(stack);
	SAME(stack->player.error, error);
	SAME(info.state, PEND_SIM_PERMITTED);
	SAME(info.verdict, PEND_VERDICT_PROCEED_SOFT);
	SAME(info.completions, 0);
	SAME(map_counts(stack).pends, pends);
	SAME(element_of(stack, &stack->player.key, &(struct pend_value){ .size = 0 }), -ENOENT);
	SAME(ledger_of(stack).pended - before.pended,
	     ledger_of(stack).completed - before.completed);
	SAME(ledger_of(stack).copies, ledger_of(stack).copies_freed);
	SAME(ledger_of(stack).handles, ledger_of(stack).handles_released);
}

/* 2': the helper failed: there is nothing to clean. */
static void flow_refused(struct stack *stack)
{
	refused(stack, PEND_FAULT_PEND, -EIO);
	SAME(counts_of(stack).backend_refused, 1);
	if (has_payload(stack))
		refused(stack, PEND_FAULT_CLONE, -ENOMEM);
	if (is_handle_layer(stack))
		refused(stack, PEND_FAULT_ACQUIRE_HANDLE, -EMFILE);
	holds(stack, 0);
	(void)pend_one(stack); /* and the next one is pended */
	SAME(orchestrate(stack, &stack->player.key, PEND_ACTION_PERMIT_SOFT), 0);
}

Test(flows, PEND_refused)
{
	const struct setting setting = { .max_entries = 1 };

	everywhere(&setting, flow_refused);
}

/* ---- COMPLETE ---- */

static void layer_action(struct stack *stack, const struct pend_simulated_info *info, bool permit)
{
	const struct pend_layer_descriptor *layer = pend_layer_describe(stack->setting.layer);

	SAME(info->reclassified, layer->completes_by == PEND_COMPLETES_RECLASSIFY);
	SAME(info->injections, permit && has_payload(stack));
	SAME(ledger_of(stack).copies, ledger_of(stack).copies_freed);
	SAME(ledger_of(stack).handles, ledger_of(stack).handles_released);
}

static void complete_with(struct stack *stack, enum pend_action action)
{
	const bool permit = action != PEND_ACTION_BLOCK;
	const struct pend_key key = pend_one(stack);
	const uint32_t verdicts = stack->verdicts;
	struct pend_simulated_info info;
	struct pend_value value;
	int second;

	SAME(orchestrate(stack, &key, action), 0);
	second = orchestrate(stack, &key, PEND_ACTION_BLOCK);
	SO(is_second(stack, second));
	/* Accepted, and nothing has happened: the CPU of origin delivers. */
	info = look(stack);
	SAME(info.state, PEND_SIM_PENDED);
	SAME(info.completions, 0);
	SAME(info.action, PEND_ACTION_PENDING);
	SAME(stack->verdicts, verdicts);
	SAME(element_of(stack, &key, &value), -ENOENT);
	holds(stack, 1);
	(void)serve(stack);
	info = look(stack);
	SAME(info.state, permit ? PEND_SIM_PERMITTED : PEND_SIM_BLOCKED);
	SAME(info.action, action);
	SAME(info.completions, 1);
	SAME(stack->verdicts, verdicts + 1);
	SAME(stack->player.runs, 1);
	layer_action(stack, &info, permit);
	holds(stack, 0);
	SAME(orchestrate(stack, &key, PEND_ACTION_PERMIT_HARD), -ENOENT);
	(void)serve(stack);
	SAME(look(stack).completions, 1);
	forget(stack, stack->operation);
	stack->player.runs = 0;
}

static void flow_complete(struct stack *stack)
{
	complete_with(stack, PEND_ACTION_PERMIT_SOFT);
	complete_with(stack, PEND_ACTION_PERMIT_HARD);
	complete_with(stack, PEND_ACTION_BLOCK);
	SAME(map_counts(stack).by_orchestrator, 3);
	SAME(counts_of(stack).synthesized, 0);
}

Test(flows, COMPLETE)
{
	const struct setting setting = { .flags = 0 };
	const struct setting stream = { .protocol = IPPROTO_TCP };

	everywhere(&setting, flow_complete);
	everywhere(&stream, flow_complete);
}

/* The copy could not be sent on: it is discarded, once. */
static void flow_not_reinjected(struct stack *stack)
{
	struct pend_key key;

	if (!has_payload(stack))
		return;
	key = pend_one(stack);
	SAME(pend_simulator_fail(stack->simulator, PEND_FAULT_REINJECT, 0, 1, -ENOBUFS), 0);
	SAME(orchestrate(stack, &key, PEND_ACTION_PERMIT_SOFT), 0);
	(void)serve(stack);
	SAME(look(stack).injections, 0);
	SAME(counts_of(stack).reinject_failed, 1);
	SAME(stack->traces[PEND_TRACE_REINJECT], 1);
	holds(stack, 0);
}

Test(flows, COMPLETE_not_reinjected)
{
	const struct setting setting = { .flags = 0 };

	everywhere(&setting, flow_not_reinjected);
}

/* ---- CONTINUE ---- */

static void same_sight(const struct sight *first, const struct sight *again)
{
	SO(memcmp(&first->address, &again->address, sizeof(first->address)) == 0);
	SO(memcmp(&first->network, &again->network, sizeof(first->network)) == 0);
	SAME(first->process_thread, again->process_thread);
	SAME(first->cookie, again->cookie);
	SAME(first->network_result, again->network_result);
	SAME(first->payload_bytes, again->payload_bytes);
	SAME(first->payload_sum, again->payload_sum);
}

/* Another CPU, later: what could differ does. */
static void go_on_elsewhere(void)
{
	machine.cpu = (machine.cpu + 1) % MACHINE_CPUS;
	machine.mono_ns += 3 * MS;
}

static void flow_continue(struct stack *stack)
{
	struct player *player = &stack->player;
	struct pend_key key;

	PLAN(player, PENDS, PENDS, SAYS(PEND_VERDICT_PROCEED_HARD));
	key = pend_one(stack);
	go_on_elsewhere();
	/* 1: accepted, still pended, and it has not run. */
	SAME(orchestrate(stack, &key, PEND_ACTION_CONTINUE), 0);
	SO(orchestrate(stack, &key, PEND_ACTION_CONTINUE) != 0);
	SAME(player->runs, 1);
	SAME(info_of(stack->map, key.pend_id).state, PEND_STATE_RERUN);
	SAME(look(stack).state, PEND_SIM_PENDED);
	holds(stack, 1);
	/* 2, 4': it runs with what it saw, finds what it kept, and pends again: the same key. */
	(void)serve(stack);
	SAME(player->runs, 2);
	SAME(player->error, 0);
	SAME(player->key.pend_id, key.pend_id);
	same_sight(&player->sights[0], &player->sights[1]);
	SAME(player->sights[0].scratch, 0);
	SAME(player->sights[1].scratch, 1);
	SAME(info_of(stack->map, key.pend_id).state, PEND_STATE_PENDING);
	SAME(info_of(stack->map, key.pend_id).rerun_count, 1);
	SAME(look(stack).pends, 1);
	SAME(ledger_of(stack).copies - ledger_of(stack).copies_freed, has_payload(stack));
	holds(stack, 1);
	/* 3, 4: it decides; the engine completes. */
	go_on_elsewhere();
	SAME(orchestrate(stack, &key, PEND_ACTION_CONTINUE), 0);
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(stack);
	SAME(player->runs, 3);
	same_sight(&player->sights[0], &player->sights[2]);
	SAME(player->sights[2].scratch, 2);
	SAME(look(stack).state, PEND_SIM_PERMITTED);
	SAME(look(stack).action, PEND_ACTION_PERMIT_HARD);
	SAME(look(stack).completions, 1);
	SAME(map_counts(stack).by_program, 1);
	SAME(counts_of(stack).reinvoked, 2);
	holds(stack, 0);
}

Test(flows, CONTINUE)
{
	const struct setting setting = { .flags = 0 };

	everywhere(&setting, flow_continue);
}

/* 4'': to be deferred a second time is refused. */
static void flow_continue_defer(struct stack *stack)
{
	struct pend_key key;

	PLAN(&stack->player, PENDS, SAYS(PEND_VERDICT_DEFER_TO_PASSIVE));
	key = pend_one(stack);
	SAME(orchestrate(stack, &key, PEND_ACTION_CONTINUE), 0);
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(stack);
	SAME(stack->player.runs, 2);
	SAME(look(stack).state, PEND_SIM_BLOCKED);
	SAME(counts_of(stack).defer_refused, 1);
	SAME(counts_of(stack).deferred, 0);
	holds(stack, 0);
}

Test(flows, CONTINUE_then_defer)
{
	const struct setting setting = { .flags = 0 };

	everywhere(&setting, flow_continue_defer);
}

/* ---- chains: what comes behind a program that pends ---- */

static void flow_chain(struct stack *stack)
{
	const bool resume = stack->setting.flags & PEND_SIM_RESUME;
	struct player behind = { .runs = 0 };
	struct pend_key key;

	PLAN(&behind, SAYS(PEND_VERDICT_REJECT));
	player_join(stack, &behind, "behind", stack->custom);
	key = pend_one(stack);
	SAME(behind.runs, 0);
	SAME(counts_of(stack).skipped, resume ? 0 : 1);
	SAME(stack->traces[PEND_TRACE_SKIPPED], resume ? 0 : 1);
	SAME(orchestrate(stack, &key, PEND_ACTION_PERMIT_SOFT), 0);
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(stack);
	SAME(behind.runs, resume ? 1 : 0);
	SAME(look(stack).state, resume ? PEND_SIM_BLOCKED : PEND_SIM_PERMITTED);
	SAME(look(stack).completions, 1);
	holds(stack, 0);
	/* What is blocked goes no further. */
	behind.runs = 0;
	key = pend_one(stack);
	SAME(orchestrate(stack, &key, PEND_ACTION_BLOCK), 0);
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(stack);
	SAME(behind.runs, 0);
	SAME(look(stack).state, PEND_SIM_BLOCKED);
	player_leave(&behind);
}

Test(flows, CHAIN)
{
	const struct setting setting = { .flags = 0 };

	everywhere(&setting, flow_chain);
}

/* ... and pends as well: another pend of the same operation, under a handle of its own. */
static void flow_two_penders(struct stack *stack)
{
	const bool resume = stack->setting.flags & PEND_SIM_RESUME;
	struct player behind = { .runs = 0 };
	struct pend_key key;

	PLAN(&behind, PENDS);
	player_join(stack, &behind, "behind", stack->custom);
	key = pend_one(stack);
	SAME(orchestrate(stack, &key, PEND_ACTION_PERMIT_HARD), 0);
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(stack);
	SAME(behind.runs, resume ? 1 : 0);
	SAME(look(stack).state, resume ? PEND_SIM_PENDED : PEND_SIM_PERMITTED);
	if (resume) {
		SAME(behind.error, 0);
		SO(behind.key.pend_id != key.pend_id);
		SAME(look(stack).pends, 1); /* the backend holds it once */
		SAME(counts_of(stack).moved, 1);
		SAME(pend_map_count(stack->map), 1);
		SAME(orchestrate(stack, &key, PEND_ACTION_BLOCK), -ENOENT);
		SAME(orchestrate(stack, &behind.key, PEND_ACTION_PERMIT_SOFT), 0);
		for (uint32_t i = 0; i < 3; i++)
			(void)serve(stack);
		SAME(look(stack).state, PEND_SIM_PERMITTED);
	}
	SAME(look(stack).action, PEND_ACTION_PERMIT_HARD); /* the stronger of the two */
	SAME(look(stack).completions, 1);
	player_leave(&behind);
}

Test(flows, CHAIN_of_two_penders)
{
	const struct setting setting = { .flags = 0 };

	everywhere(&setting, flow_two_penders);
}
