/* SPDX-License-Identifier: MIT */
/*
 * test_flows_stop.c - the normative flows DEFER_TO_PASSIVE (F48 to F52), UNLOAD (F40), DISABLE and BOOT
 * (F43), ORCHESTRATOR RESTART (F39), step by step; and the layer that cannot pend. Guarantees A, F, G
 * and I.
 */
#include "tests/catalogue/child.h"
#include "tests/catalogue/control.h"
#include "tests/catalogue/stack.h"

static bool may_block(const struct stack *stack)
{
	return pend_layer_describe(stack->setting.layer)->mode == PEND_MODE_MAY_BLOCK;
}

static void serve_thrice(struct stack *stack)
{
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(stack);
}

/* ---- DEFER_TO_PASSIVE ---- */

static void ask_identity(struct stack *stack)
{
	stack->player.asks_identity = true;
	stack->player.defers_if_asked = true;
}

static void deferred(struct stack *stack)
{
	const struct pend_simulated_info info = operate(stack);

	SAME(stack->player.sights[0].identity_result, -EAGAIN);
	SAME(info.state, PEND_SIM_PENDED);
	SAME(info.pends, 1);
	SAME(info.completions, 0);
	SAME(pend_map_count(stack->map), 0); /* in none of the program's maps */
	SAME(ledger_of(stack).pended, ledger_of(stack).completed + 1);
	SAME(stack->player.runs, 1); /* not in the frame */
}

static void flow_defer(struct stack *stack)
{
	const struct player *player = &stack->player;

	ask_identity(stack);
	PLAN(&stack->player, SAYS(PEND_VERDICT_REJECT), SAYS(PEND_VERDICT_PROCEED_SOFT));
	if (!may_block(stack)) {
		deferred(stack);
		SAME(counts_of(stack).deferred, 1);
		SAME(counts_of(stack).identities, 0);
		serve_thrice(stack);
		SAME(player->runs, 2);
		SAME(player->sights[1].identity_result, 0);
		SAME(player->sights[1].identity.pid, getpid());
		SAME(player->sights[1].identity.start_time, stack->subject.start_time);
		SO(memcmp(&player->sights[0].address, &player->sights[1].address,
			  sizeof(struct bpf_sock_addr)) == 0);
		SAME(counts_of(stack).reinvoked, 1);
		SAME(look(stack).state, PEND_SIM_PERMITTED);
		SAME(look(stack).completions, 1);
	} else {
		PLAN(&stack->player, SAYS(PEND_VERDICT_PROCEED_SOFT));
		SAME(operate(stack).state, PEND_SIM_PERMITTED); /* resolved in place */
		SAME(player->sights[0].identity_result, 0);
		SAME(player->sights[0].identity.pid, getpid());
		SAME(counts_of(stack).deferred, 0);
	}
	SAME(counts_of(stack).identities, counts_of(stack).identities_released);
	SO(counts_of(stack).identities != 0);
	holds(stack, 0);
}

Test(flows, DEFER_TO_PASSIVE)
{
	const struct setting setting = { .flags = 0 };

	everywhere(&setting, flow_defer);
}

/* Step 11: the program pends; the orchestrator has it from then on, the identity stays. */
static void flow_defer_pend(struct stack *stack)
{
	struct player *player = &stack->player;
	uint64_t identities;

	if (may_block(stack))
		return;
	ask_identity(stack);
	PLAN(player, SAYS(PEND_VERDICT_REJECT), PENDS, SAYS(PEND_VERDICT_PROCEED_HARD));
	deferred(stack);
	serve_thrice(stack);
	SAME(player->runs, 2);
	SAME(player->error, 0);
	SAME(pend_map_count(stack->map), 1);
	SAME(counts_of(stack).moved, 1);
	SAME(look(stack).pends, 1); /* the backend was not asked again */
	SAME(look(stack).state, PEND_SIM_PENDED);
	identities = counts_of(stack).identities;
	SAME(counts_of(stack).identities_released, identities - 1);
	SAME(orchestrate(stack, &player->key, PEND_ACTION_CONTINUE), 0);
	serve_thrice(stack);
	SAME(player->runs, 3);
	SAME(player->sights[2].identity_result, 0);
	SAME(player->sights[2].identity.pid, getpid());
	SAME(counts_of(stack).identities, identities); /* not resolved again */
	SAME(counts_of(stack).identities_released, identities);
	SAME(look(stack).action, PEND_ACTION_PERMIT_HARD);
	holds(stack, 0);
}

Test(flows, DEFER_then_pend)
{
	const struct setting setting = { .flags = 0 };

	everywhere(&setting, flow_defer_pend);
}

/* Steps 7 to 10: whoever it was is gone. The program runs all the same, and is told. */
static void flow_defer_gone(struct stack *stack)
{
	struct pend_simulated_request request;
	struct pend_subject gone;
	pid_t child;

	if (may_block(stack))
		return;
	child = child_begin();
	SO(child > 0);
	SAME(pend_subject_capture(child, &gone), 0);
	ask_identity(stack);
	PLAN(&stack->player, SAYS(PEND_VERDICT_REJECT), SAYS(PEND_VERDICT_PROCEED_SOFT));
	request = request_here(stack);
	request.subject = gone;
	SAME(run_stages(stack, submit(stack, &request)).state, PEND_SIM_PENDED);
	SO(child_end(child));
	serve_thrice(stack);
	SAME(stack->player.runs, 2);
	SAME(stack->player.sights[1].identity_result, -ENOENT);
	SAME(look(stack).state, PEND_SIM_PERMITTED);
	SAME(counts_of(stack).identities, counts_of(stack).identities_released);
	holds(stack, 0);
	SAME(pend_subject_release(&gone), 0);
}

Test(flows, DEFER_of_who_is_gone)
{
	const struct setting setting = { .flags = 0 };

	everywhere(&setting, flow_defer_gone);
}

/* Step 1: nobody was captured: refused, and nothing is held. */
static void flow_defer_nobody(struct stack *stack)
{
	struct pend_simulated_request request = request_here(stack);

	memset(&request.subject, 0, sizeof(request.subject));
	PLAN(&stack->player, SAYS(PEND_VERDICT_DEFER_TO_PASSIVE));
	SAME(run_stages(stack, submit(stack, &request)).state, PEND_SIM_BLOCKED);
	SAME(stack->player.runs, 1);
	SAME(counts_of(stack).defer_refused, 1);
	SAME(ledger_of(stack).pended, 0);
}

Test(flows, DEFER_of_nobody)
{
	const struct setting setting = { .flags = 0 };

	everywhere(&setting, flow_defer_nobody);
}

/* ---- UNLOAD ---- */

static uint32_t detached;

static void on_detached(void *context)
{
	(void)context;
	detached++;
}

static void detach_inside(struct player *player)
{
	if (player->runs != 2)
		return;
	SAME(pend_link_detach_async(player->link, PEND_OUTSTANDING_FINISH, on_detached, NULL), 0);
	SAME(detached, 0); /* this very frame runs it */
}

static void flow_unload(struct stack *stack)
{
	struct player *player = &stack->player;
	struct pend_cursor cursor = { .position = 0 };
	struct pend_info infos[8];
	int found;

	detached = 0;
	player->after = detach_inside;
	(void)pend_one(stack);
	(void)pend_one(stack); /* detached in the middle of this one */
	player->after = NULL;
	SAME(player->runs, 2);
	/* Detached: nobody runs it any more, what is pended waits. */
	SAME(operate(stack).state, PEND_SIM_PERMITTED);
	SAME(player->runs, 2);
	holds(stack, 2);
	for (uint32_t i = 0; i < 3 && !detached; i++) {
		let_reclaim();
		machine.mono_ns += 2 * MS;
		(void)serve(stack);
	}
	SAME(detached, 1);
	/* Enumerate and complete. */
	found = pend_map_scan(stack->map, &cursor, infos, NULL, 8);
	SAME(found, 2);
	for (int i = 0; i < found; i++) {
		const struct pend_key key = pend_key_of(infos[i].handle);

		SAME(orchestrate(stack, &key, PEND_ACTION_BLOCK), 0);
	}
	serve_thrice(stack);
	holds(stack, 0);
	SAME(player->freed, 0);
	player_leave(player);
	let_reclaim();
	serve_thrice(stack);
	SAME(player->freed, 1);
}

Test(flows, UNLOAD)
{
	const struct setting setting = { .flags = 0 };

	everywhere(&setting, flow_unload);
}

/* ---- BOOT and DISABLE ---- */

static void flow_boot(struct stack *stack)
{
	struct pend_custom_map *control;

	/* Nothing may pend before somebody says so, and the program falls back. */
	control = control_create(stack);
	stack->player.fallback = PEND_VERDICT_REJECT;
	player_attach(&stack->player, stack->setting.layer, stack->setting.family);
	SAME(control_read(control), PEND_CONTROL_DISABLED);
	SAME(operate(stack).state, PEND_SIM_BLOCKED);
	SAME(stack->player.error, -ESHUTDOWN);
	SAME(counts_of(stack).disabled, 1);
	SAME(ledger_of(stack).pended, 0);
	SAME(control_write(control, PEND_CONTROL_ENABLED), 0);
	SAME(control_read(control), PEND_CONTROL_ENABLED);
	(void)pend_one(stack);
	holds(stack, 1);
	SAME(orchestrate(stack, &stack->player.key, PEND_ACTION_PERMIT_SOFT), 0);
	(void)serve(stack);
	SAME(look(stack).state, PEND_SIM_PERMITTED);
	SAME(pend_custom_map_close(control), 0);
}

Test(flows, BOOT)
{
	const struct setting setting = { .bare = true };

	everywhere(&setting, flow_boot);
}

static void flow_disable(struct stack *stack)
{
	struct pend_custom_map *control = control_create(stack);
	uint64_t operations[3];

	SAME(control_write(control, PEND_CONTROL_ENABLED), 0);
	for (uint32_t i = 0; i < 3; i++) {
		(void)pend_one(stack);
		operations[i] = stack->operation;
	}
	holds(stack, 3);
	SAME(control_write(control, PEND_CONTROL_DISABLED), 0);
	/* Returned: nothing is live, all of it is delivered, with BLOCK. */
	holds(stack, 0);
	for (uint32_t i = 0; i < 3; i++) {
		SAME(look_at(stack, operations[i]).state, PEND_SIM_BLOCKED);
		SAME(look_at(stack, operations[i]).completions, 1);
	}
	SAME(map_counts(stack).by_drain, 3);
	SAME(operate(stack).state, PEND_SIM_BLOCKED);
	SAME(stack->player.error, -ESHUTDOWN);
	SAME(control_write(control, PEND_CONTROL_ENABLED), 0);
	(void)pend_one(stack);
	SAME(orchestrate(stack, &stack->player.key, PEND_ACTION_BLOCK), 0);
	(void)serve(stack);
	SAME(pend_custom_map_close(control), 0);
}

Test(flows, DISABLE)
{
	const struct setting setting = { .flags = 0 };

	everywhere(&setting, flow_disable);
}

/* ---- ORCHESTRATOR RESTART ---- */

static void flow_restart(struct stack *stack)
{
	const struct pend_session_options options = small_session(PEND_LOSS_HAND_OVER);
	struct pend_cursor cursor = { .position = 0 };
	struct pend_custom_map *custom;
	struct pend_info infos[8];
	struct pend_link *link;
	struct pend_key keys[2];

	if (stack->setting.words == WORDS_HELPER)
		return; /* programs complete what belongs to no session */
	stack_session(stack, &options);
	SAME(pend_custom_map_pin(stack->custom, "map"), 0);
	SAME(pend_link_pin(stack->player.link, "link"), 0);
	keys[0] = pend_one(stack);
	machine.mono_ns += 100 * MS;
	keys[1] = pend_one(stack);
	/* It dies: its handles and its session go; what it pended waits. */
	SAME(pend_link_close(stack->player.link), 0);
	SAME(pend_custom_map_close(stack->custom), 0);
	SAME(pend_session_close(stack->session), 0);
	(void)serve(stack);
	SAME(map_counts(stack).by_owner, 0);
	SAME(look(stack).state, PEND_SIM_PENDED);
	/* The next one opens what is pinned, enumerates, and knows how long each has waited. */
	SAME(pend_custom_map_open(stack->runtime, NULL, "map", &custom), 0);
	SAME(pend_link_open(stack->runtime, NULL, "link", &link), 0);
	SO(pend_custom_map_pends(custom) == stack->map);
	stack->custom = custom;
	stack->player.link = link;
	stack_session(stack, &options);
	SAME(pend_map_scan(stack->map, &cursor, infos, NULL, 8), 2);
	SAME(infos[1].pend_time_ns - infos[0].pend_time_ns, 100 * MS);
	for (uint32_t i = 0; i < 2; i++)
		SAME(infos[i].handle, keys[i].pend_id);
	SAME(orchestrate(stack, &keys[0], PEND_ACTION_PERMIT_SOFT), 0);
	SAME(orchestrate(stack, &keys[1], PEND_ACTION_BLOCK), 0);
	(void)serve(stack);
	holds(stack, 0);
	(void)pend_one(stack); /* and it is asked about new ones */
	SAME(orchestrate(stack, &stack->player.key, PEND_ACTION_BLOCK), 0);
	SAME(pend_unpin(stack->runtime, NULL, "map"), 0);
	SAME(pend_unpin(stack->runtime, NULL, "link"), 0);
}

Test(flows, ORCHESTRATOR_RESTART)
{
	const struct setting setting = { .deadline_ns = SECOND };

	everywhere(&setting, flow_restart);
}

/* ---- the sixth layer: inline verdicts, nothing is held ---- */

/* A connection that is permitted, and its flow. */
static uint64_t make_flow(struct stack *stack)
{
	const struct pend_simulated_request request =
		request_for(stack, PEND_LAYER_CONNECT, stack->setting.family);
	const struct pend_simulated_info info = run_stages(stack, submit(stack, &request));

	SAME(info.state, PEND_SIM_PERMITTED);
	SO(info.flow != 0);
	return info.flow;
}

static void segment(struct stack *stack, uint64_t flow, enum pend_flow_state flow_state,
		    enum pend_flow_verdict answer, enum pend_simulated_state state)
{
	struct pend_simulated_request request = request_here(stack);
	struct pend_simulated_info info;

	request.flow = flow;
	request.flow_state = flow_state;
	PLAN(&stack->player, PENDS_THEN((int)answer));
	stack->player.insists = true;
	info = run_stages(stack, submit(stack, &request));
	SAME(stack->player.runs, 1);
	SAME(stack->player.error, -EOPNOTSUPP); /* a segment cannot be pended */
	SAME(stack->player.sights[0].payload_bytes, sizeof(payload_bytes));
	SAME(info.state, state);
	SAME(info.flow_verdict, answer);
	SAME(info.pends, 0);
	holds(stack, 0);
}

Test(flows, STREAM)
{
	for (uint32_t i = 0; i < 4; i++) {
		const struct setting setting = { .layer = PEND_LAYER_STREAM,
						 .family = i % 2 ? AF_INET6 : AF_INET,
						 .flags = i / 2 ? PEND_SIM_RESUME : 0 };
		static struct stack stack;
		uint64_t flow;

		stack_begin(&stack, &setting);
		flow = make_flow(&stack);
		segment(&stack, flow, PEND_FLOW_NEW, EBPF_FLOW_CLASSIFY_NEED_MORE_DATA,
			PEND_SIM_PERMITTED);
		segment(&stack, flow, PEND_FLOW_ESTABLISHED, EBPF_FLOW_CLASSIFY_NEED_MORE_DATA,
			PEND_SIM_PERMITTED);
		/* It still wants more: it is told of the end, once. */
		SAME(pend_simulator_end_flow(stack.simulator, flow), 0);
		SAME(stack.player.runs, 2);
		flow = make_flow(&stack);
		segment(&stack, flow, PEND_FLOW_NEW, EBPF_FLOW_CLASSIFY_ALLOW, PEND_SIM_PERMITTED);
		SAME(pend_simulator_end_flow(stack.simulator, flow), 0);
		SAME(stack.player.runs, 1);
		flow = make_flow(&stack);
		segment(&stack, flow, PEND_FLOW_NEW, EBPF_FLOW_CLASSIFY_BLOCK, PEND_SIM_BLOCKED);
		SAME(pend_simulator_end_flow(stack.simulator, flow), 0);
		SAME(stack.player.runs, 1);
		stack_end(&stack);
	}
}
