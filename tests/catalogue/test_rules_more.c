/* SPDX-License-Identifier: MIT */
/*
 * test_rules_more.c - where two features meet: moves and decisions, deferrals and stops, deferrals and
 * detaching, heirs of heirs, frames in frames, writes in re-runs (F35, F40, F43, F49, F70, F92).
 * Guarantees A, B, F, G and I.
 */
#include "tests/catalogue/control.h"
#include "tests/catalogue/own_hook.h"
#include "tests/catalogue/stack.h"

static struct stack stack;
static struct own_hook own;

static void serve_thrice(void)
{
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(&stack);
}

/* ---- an operation that moves, and everything that can happen to it on the way ---- */

enum event { PERMIT, BLOCK, CONTINUE, EXPIRE, CANCEL, SERVE, EVENTS };

/* By the handle that the backend knows: the latest. */
static void happen(enum event event, uint64_t operation)
{
	const uint64_t handle = look_at(&stack, operation).handle;

	switch (event) {
	case PERMIT:
		(void)!pend_map_complete(stack.map, handle, PEND_ACTION_PERMIT_SOFT);
		break;
	case BLOCK:
		(void)!pend_map_complete(stack.map, handle, PEND_ACTION_BLOCK);
		break;
	case CONTINUE:
		(void)!pend_map_complete(stack.map, handle, PEND_ACTION_CONTINUE);
		break;
	case EXPIRE:
		pass_time(stack.engine, 60 * MS, 60 * MS);
		break;
	case CANCEL:
		(void)!pend_simulator_kill(stack.simulator, operation);
		break;
	default:
		(void)serve(&stack);
	}
}

static void ends_once(uint64_t operation, bool permit_all)
{
	struct pend_simulated_info info;

	/* What is still pended is permitted, then the next, or its deadline comes. */
	for (uint32_t i = 0; permit_all && i < 6; i++) {
		happen(PERMIT, operation);
		(void)serve(&stack);
	}
	pass_time(stack.engine, 700 * MS, 60 * MS);
	info = look_at(&stack, operation);
	SO(info.state >= PEND_SIM_PERMITTED);
	SO(info.completions <= 1);
	SAME(info.pends, 1);
	SO(info.state == PEND_SIM_CANCELLED || info.completions == 1);
	holds(&stack, 0);
	forget(&stack, operation);
}

/* A chain of three penders, the first of which may be deferred first. */
static void moves(bool defers)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT,
					 .flags = PEND_SIM_RESUME,
					 .deadline_ns = 50 * MS };
	struct player behind[2] = { { .runs = 0 }, { .runs = 0 } };

	stack_begin(&stack, &setting);
	stack.player.asks_identity = stack.player.defers_if_asked = defers;
	PLAN(&stack.player, PENDS);
	for (uint32_t i = 0; i < 2; i++) {
		PLAN(&behind[i], PENDS);
		player_join(&stack, &behind[i], i ? "third" : "second", stack.custom);
	}
	for (uint32_t order = 0; order < EVENTS * EVENTS * EVENTS * EVENTS; order++) {
		(void)operate(&stack);
		for (uint32_t left = order, i = 0; i < 4; i++, left /= EVENTS)
			happen((enum event)(left % EVENTS), stack.operation);
		ends_once(stack.operation, order % 2);
	}
	SO(counts_of(&stack).moved > 400);
	player_leave(&behind[0]);
	player_leave(&behind[1]);
	stack_end(&stack);
}

Test(rules, what_moves_ends_once)
{
	moves(false);
}

Test(rules, what_is_deferred_and_moves_ends_once)
{
	moves(true);
}

/* However often it moves: the lifetime is that of the operation, not of each pend. */
Test(rules, what_moves_lives_no_longer)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT,
					 .flags = PEND_SIM_RESUME,
					 .deadline_ns = 50 * MS,
					 .lifetime_ns = 70 * MS };
	struct player behind[2] = { { .runs = 0 }, { .runs = 0 } };

	stack_begin(&stack, &setting);
	for (uint32_t i = 0; i < 2; i++) {
		PLAN(&behind[i], PENDS);
		player_join(&stack, &behind[i], i ? "third" : "second", stack.custom);
	}
	(void)pend_one(&stack);
	for (uint32_t i = 0; i < 2; i++) {
		const struct player *pender = i ? &behind[0] : &stack.player;

		pass_time(stack.engine, i ? 20 * MS : 40 * MS, MS);
		SAME(orchestrate(&stack, &pender->key, PEND_ACTION_PERMIT_SOFT), 0);
		serve_thrice();
		SAME(behind[i].runs, 1);
		SAME(behind[i].error, 0);
	}
	pass_time(stack.engine, 9 * MS, MS);
	SAME(look(&stack).state, PEND_SIM_PENDED);
	pass_time(stack.engine, 3 * MS, MS);
	SAME(look(&stack).state, PEND_SIM_BLOCKED);
	SAME(look(&stack).completions, 1);
	SAME(map_counts(&stack).by_deadline, 1);
	player_leave(&behind[0]);
	player_leave(&behind[1]);
	stack_end(&stack);
}

/* Cancelled by its old name in the very run that moves it: the cancellation goes after it. */
static void cancel_by_the_old_name(struct player *player)
{
	if (player->runs == 2)
		SAME(pend_map_cancel(own.map, own.handle), 0);
}

Test(rules, a_cancellation_goes_after_what_moves)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .bare = true };

	stack_begin(&stack, &setting);
	own_begin(&own, &stack, 0);
	stack.player.asks_identity = stack.player.defers_if_asked = true;
	stack.player.before = cancel_by_the_old_name;
	PLAN(&stack.player, PENDS);
	SAME(own_operate(&own, &stack.subject), PEND_VERDICT_PEND);
	SAME(own.gone, 0);
	serve_thrice();
	SAME(stack.player.runs, 2);
	SAME(stack.player.error, 0); /* it moved */
	SAME(counts_of(&stack).moved, 1);
	SAME(own.gone, 1);
	SAME(own.completions, 0);
	SAME(pend_map_count(stack.map), 0);
	own_end(&own);
	stack_end(&stack);
}

/* ---- deferrals ---- */

static void begin_deferred(const struct setting *setting)
{
	stack_begin(&stack, setting);
	stack.player.asks_identity = stack.player.defers_if_asked = true;
	PLAN(&stack.player, SAYS(PEND_VERDICT_REJECT), SAYS(PEND_VERDICT_PROCEED_SOFT));
	SAME(operate(&stack).state, PEND_SIM_PENDED);
	SAME(counts_of(&stack).deferred, 1);
}

Test(rules, a_stop_ends_what_is_deferred)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	struct pend_custom_map *control;

	begin_deferred(&setting);
	control = control_create(&stack);
	SAME(control_read(control), PEND_CONTROL_DISABLED);
	SAME(look(&stack).state, PEND_SIM_BLOCKED);
	SAME(look(&stack).completions, 1);
	holds(&stack, 0);
	/* And nothing is deferred until it is enabled. */
	stack.player.runs = 0;
	SAME(operate(&stack).state, PEND_SIM_BLOCKED);
	SAME(stack.player.runs, 1);
	SAME(counts_of(&stack).defer_refused, 1);
	SAME(control_write(control, PEND_CONTROL_ENABLED), 0);
	stack.player.runs = 0;
	SAME(operate(&stack).state, PEND_SIM_PENDED);
	serve_thrice();
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	SAME(pend_custom_map_close(control), 0);
	stack_end(&stack);
}

Test(rules, a_detach_ends_what_is_deferred)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };

	begin_deferred(&setting);
	SAME(pend_link_detach(stack.player.link, PEND_OUTSTANDING_COMPLETE), 0);
	serve_thrice();
	SAME(look(&stack).state, PEND_SIM_BLOCKED);
	SAME(look(&stack).completions, 1);
	stack_end(&stack);
}

Test(rules, a_detach_leaves_what_is_deferred)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };

	begin_deferred(&setting);
	SAME(pend_link_detach(stack.player.link, PEND_OUTSTANDING_FINISH), 0);
	serve_thrice();
	SAME(stack.player.runs, 2);
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	stack_end(&stack);
}

/* A deferral whose worker never comes ends by the runtime's own deadline. */
Test(rules, a_deferral_has_a_deadline)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };

	begin_deferred(&setting);
	machine.mono_ns += 3 * SECOND; /* nobody served */
	for (uint32_t i = 0; i < 5; i++) {
		machine.mono_ns += MS;
		(void)serve(&stack);
	}
	SO(look(&stack).state == PEND_SIM_BLOCKED || look(&stack).state == PEND_SIM_PERMITTED);
	SAME(look(&stack).completions, 1);
	holds(&stack, 0);
	stack_end(&stack);
}

/* ---- heirs ---- */

Test(rules, an_heir_of_an_heir)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	struct pend_link_update_options options = { .size = sizeof(options),
						    .outstanding = PEND_OUTSTANDING_HAND_OVER };
	struct player heirs[3] = { { .runs = 0 }, { .runs = 0 }, { .runs = 0 } };
	struct pend_key key;

	stack_begin(&stack, &setting);
	key = pend_one(&stack);
	for (uint32_t i = 0; i < 3; i++) {
		heirs[i].map = stack.custom;
		PLAN(&heirs[i], PENDS);
		player_load(&stack, &heirs[i], "heir", setting.layer, player_run);
		SAME(pend_link_update(stack.player.link, heirs[i].program, &options), 0);
	}
	SAME(orchestrate(&stack, &key, PEND_ACTION_CONTINUE), 0);
	serve_thrice();
	SAME(stack.player.runs, 1);
	SAME(heirs[0].runs + heirs[1].runs, 0);
	SAME(heirs[2].runs, 1);
	SAME(heirs[2].error, 0);
	SAME(heirs[2].key.pend_id, key.pend_id);
	/* Detached meanwhile, it goes on until the operation has ended (K17). */
	SAME(pend_link_detach(stack.player.link, PEND_OUTSTANDING_FINISH), 0);
	SAME(orchestrate(&stack, &key, PEND_ACTION_CONTINUE), 0);
	serve_thrice();
	SAME(heirs[2].runs, 2);
	for (uint32_t i = 0; i < 3; i++)
		SAME(pend_program_close(heirs[i].program), 0);
	let_go(&stack);
	SAME(heirs[2].freed, 0);
	SAME(orchestrate(&stack, &key, PEND_ACTION_PERMIT_SOFT), 0);
	serve_thrice();
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	let_go(&stack);
	for (uint32_t i = 0; i < 3; i++)
		SAME(heirs[i].freed, 1);
	stack_end(&stack);
}

/* ---- frames ---- */

static uint64_t nested;
static struct pend_key nested_key;

/* The program causes an operation that the same hook asks the same program about. */
static void operate_in_the_frame(struct player *player)
{
	const struct pend_key first = player->key;
	struct bpf_sock_addr *context = player->context;

	if (player->runs != 1)
		return;
	SAME(operate(player->stack).state, PEND_SIM_PENDED);
	nested = player->stack->operation;
	nested_key = player->key;
	player->context = context;
	SO(nested_key.pend_id != first.pend_id);
	/* And is in its own frame again. */
	SAME(player_pend(player), 0);
	SAME(player->key.pend_id, first.pend_id);
}

Test(rules, a_frame_in_a_frame)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	struct pend_simulated_request request;
	uint64_t operation;

	stack_begin(&stack, &setting);
	stack.player.after = operate_in_the_frame;
	request = request_here(&stack);
	operation = submit(&stack, &request);
	SAME(run_stages(&stack, operation).state, PEND_SIM_PENDED);
	SAME(stack.player.runs, 2);
	holds(&stack, 2);
	SAME(orchestrate(&stack, &nested_key, PEND_ACTION_PERMIT_SOFT), 0);
	(void)serve(&stack);
	SAME(look_at(&stack, nested).state, PEND_SIM_PERMITTED);
	SAME(look_at(&stack, operation).state, PEND_SIM_PENDED);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_BLOCK), 0);
	(void)serve(&stack);
	SAME(look_at(&stack, operation).state, PEND_SIM_BLOCKED);
	stack_end(&stack);
}

/* ---- a context that is read only, in a re-run ---- */

static void write_in_the_rerun(struct player *player)
{
	if (player->runs == 2)
		player->context->user_port = htons(1);
}

Test(rules, a_write_in_a_rerun)
{
	for (uint32_t i = 0; i < 2; i++) {
		const struct setting setting = { .layer = PEND_LAYER_CONNECT,
						 .flags = i ? PEND_SIM_READ_ONLY_IGNORE : 0 };

		stack_begin(&stack, &setting);
		PLAN(&stack.player, PENDS, SAYS(PEND_VERDICT_PROCEED_HARD));
		stack.player.after = write_in_the_rerun;
		(void)pend_one(&stack);
		SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_CONTINUE), 0);
		serve_thrice();
		SAME(stack.player.runs, 2);
		SAME(look(&stack).state, i ? PEND_SIM_PERMITTED : PEND_SIM_BLOCKED);
		SAME(counts_of(&stack).read_only, 1);
		stack_end(&stack);
	}
}

/* A write in the frame that pends is not what the re-run sees. */
static void write_in_the_frame(struct player *player)
{
	if (player->runs == 1)
		player->context->user_port = htons(1);
}

Test(rules, a_write_in_the_frame_that_pended)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT,
					 .flags = PEND_SIM_READ_ONLY_IGNORE };

	stack_begin(&stack, &setting);
	stack.player.before = write_in_the_frame;
	PLAN(&stack.player, PENDS, SAYS(PEND_VERDICT_PROCEED_HARD));
	(void)pend_one(&stack);
	SAME(counts_of(&stack).read_only, 1);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_CONTINUE), 0);
	serve_thrice();
	SAME(stack.player.runs, 2);
	SAME(stack.player.sights[1].address.user_port, htons(443));
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	stack_end(&stack);
}

/* ---- a session's share ---- */

Test(rules, a_share_of_a_session)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	struct pend_session_options options = small_session(PEND_LOSS_BLOCK);

	stack_begin(&stack, &setting);
	options.max_live = 2;
	stack_session(&stack, &options);
	(void)pend_one(&stack);
	(void)pend_one(&stack);
	SAME(operate(&stack).state, PEND_SIM_BLOCKED);
	SAME(stack.player.error, -EDQUOT);
	SAME(ledger_of(&stack).pended, 2);
	SAME(pend_map_disable(stack.map, SECOND), 0);
	SAME(pend_map_enable(stack.map), 0);
	(void)pend_one(&stack);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_BLOCK), 0);
	stack_end(&stack);
}

/* ---- two operations of a hook end when it does ---- */

Test(rules, a_hook_waits_for_its_operations)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .bare = true };

	stack_begin(&stack, &setting);
	own_begin(&own, &stack, 0);
	SAME(own_operate(&own, NULL), PEND_VERDICT_PEND);
	SAME(pend_hook_destroy(own.hook), -EBUSY); /* attached */
	player_leave(&stack.player);
	SAME(pend_hook_destroy(own.hook), -EBUSY); /* pended */
	SAME(pend_runtime_destroy(stack.runtime), -EBUSY);
	SAME(pend_map_complete(stack.map, own.handle, PEND_ACTION_BLOCK), 0);
	own_end(&own);
	stack_end(&stack);
}
