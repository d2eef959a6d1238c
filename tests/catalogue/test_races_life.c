/* SPDX-License-Identifier: MIT */
/*
 * test_races_life.c - the races X10 to X17 of the register, each interleaving forced: programs, links,
 * maps, CPUs and callers that go while an operation is pended (F19, F30, F35, F36, F87, F91, F92).
 * Guarantees A, G and I.
 */
#include "tests/catalogue/stack.h"

static struct stack stack;

static void serve_thrice(void)
{
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(&stack);
}

/* Its link and all handles are gone: the program lives as long as what it pended. */
Test(races, X10_program_unloaded_while_it_has_pended)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	struct pend_key key;

	stack_begin(&stack, &setting);
	PLAN(&stack.player, PENDS, PENDS, SAYS(PEND_VERDICT_PROCEED_HARD));
	key = pend_one(&stack);
	player_leave(&stack.player);
	let_reclaim();
	for (uint32_t i = 2; i <= 3; i++) {
		SAME(stack.player.freed, 0);
		SAME(orchestrate(&stack, &key, PEND_ACTION_CONTINUE), 0);
		serve_thrice();
		SAME(stack.player.runs, i);
	}
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	let_go(&stack);
	SAME(stack.player.freed, 1);
	stack_end(&stack);
}

/* ... at most until its deadline (guarantee G). */
Test(races, X10_program_is_freed_by_the_deadline)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .deadline_ns = 50 * MS };

	stack_begin(&stack, &setting);
	(void)pend_one(&stack);
	player_leave(&stack.player);
	let_reclaim();
	SAME(stack.player.freed, 0);
	pass_time(stack.engine, 60 * MS, MS);
	SAME(look(&stack).state, PEND_SIM_BLOCKED);
	let_go(&stack);
	SAME(stack.player.freed, 1);
	stack_end(&stack);
}

/* The map goes with three operations in it: all are told, once. */
Test(races, X11_map_destroyed_with_operations)
{
	const struct setting setting = { .layer = PEND_LAYER_DATAGRAM };
	uint64_t operations[3];

	stack_begin(&stack, &setting);
	for (uint32_t i = 0; i < 3; i++) {
		(void)pend_one(&stack);
		operations[i] = stack.operation;
	}
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_PERMIT_SOFT), 0);
	player_leave(&stack.player);
	SAME(pend_custom_map_close(stack.custom), 0);
	serve_thrice();
	for (uint32_t i = 0; i < 3; i++) {
		SAME(look_at(&stack, operations[i]).completions, 1);
		SAME(look_at(&stack, operations[i]).state,
		     i == 2 ? PEND_SIM_PERMITTED : PEND_SIM_BLOCKED);
	}
	SAME(ledger_of(&stack).pended, ledger_of(&stack).completed);
	SAME(ledger_of(&stack).copies, ledger_of(&stack).copies_freed);
	SAME(counts_of(&stack).pends, counts_of(&stack).completions);
	stack.custom = stack_map(&stack, WORDS_UPDATE_DELETE);
	stack.map = pend_custom_map_pends(stack.custom);
	SAME(pend_simulator_destroy(stack.simulator), 0);
	stack_simulate(&stack);
	stack_end(&stack);
}

/* Decided, queued, and its CPU goes: a queue is memory, whoever comes next serves it. */
Test(races, X12_cpu_goes_after_queueing)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };

	stack_begin(&stack, &setting);
	machine.cpu = 2;
	(void)pend_one(&stack);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_PERMIT_SOFT), 0);
	machine.cpu = 0; /* it will never run on 2 again */
	SAME(pend_engine_poll(stack.engine, 0, 100), 0);
	SAME(look(&stack).state, PEND_SIM_PENDED);
	SO(pend_engine_poll(stack.engine, 2, 100) > 0);
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	stack_end(&stack);
}

/* ---- X13: the caller dies ---- */

static void kill_it(struct player *player)
{
	SAME(pend_simulator_kill(player->stack->simulator, player->stack->operation), 0);
}

static void killed(struct stack *at)
{
	struct pend_key key;

	/* While its frame is open. */
	at->player.after = kill_it;
	(void)operate(at);
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(at);
	SAME(look(at).state, PEND_SIM_CANCELLED);
	SAME(look(at).completions, 0);
	holds(at, 0);
	/* After somebody has decided, before it is delivered: it is delivered, and nothing is sent. */
	at->player.after = NULL;
	key = pend_one(at);
	SAME(orchestrate(at, &key, PEND_ACTION_PERMIT_SOFT), 0);
	SAME(pend_simulator_kill(at->simulator, at->operation), 0);
	(void)serve(at);
	SAME(look(at).completions, 1);
	SAME(look(at).state, PEND_SIM_CANCELLED);
	SAME(look(at).injections, 0);
	holds(at, 0);
}

Test(races, X13_caller_dies)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };

	everywhere(&setting, killed);
}

/* Nobody says whose traffic it is: the deadline ends the wait for oneself. */
Test(races, X14_orchestrator_pends_its_own_traffic)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT,
					 .deadline_ns = 50 * MS,
					 .with_session = true };

	stack_begin(&stack, &setting);
	(void)pend_one(&stack);
	pass_time(stack.engine, 60 * MS, MS);
	SAME(look(&stack).state, PEND_SIM_BLOCKED);
	SAME(pend_session_close(stack.session), 0);
	stack.session = NULL;
	{
		struct pend_session_options options = small_session(PEND_LOSS_BLOCK);

		options.self_pid = getpid();
		stack_session(&stack, &options);
	}
	SAME(operate(&stack).state, PEND_SIM_BLOCKED);
	SAME(stack.player.error, -EDEADLK);
	stack_end(&stack);
}

/* Replaced between pend and CONTINUE, nothing said: the old program finishes what it began. */
Test(races, X15_link_update_between_pend_and_continue)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	struct player heir = { .runs = 0 };
	struct pend_key key;

	stack_begin(&stack, &setting);
	PLAN(&stack.player, PENDS, PENDS, SAYS(PEND_VERDICT_PROCEED_HARD));
	PLAN(&heir, SAYS(PEND_VERDICT_REJECT));
	player_load(&stack, &heir, "heir", setting.layer, player_run);
	key = pend_one(&stack);
	SAME(orchestrate(&stack, &key, PEND_ACTION_CONTINUE), 0); /* queued */
	SAME(pend_link_update(stack.player.link, heir.program, NULL), 0);
	serve_thrice();
	SAME(stack.player.runs, 2);
	SAME(pend_program_close(stack.player.program), 0);
	stack.player.program = NULL;
	SAME(orchestrate(&stack, &key, PEND_ACTION_CONTINUE), 0);
	SAME(stack.player.freed, 0);
	serve_thrice();
	SAME(stack.player.runs, 3);
	SAME(heir.runs, 0);
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	let_go(&stack);
	SAME(stack.player.freed, 1);
	SAME(pend_program_close(heir.program), 0);
	stack_end(&stack);
}

/* ... in the middle of its frame. */
static struct player *successor;

static void replace_in_the_frame(struct player *player)
{
	if (player->runs == 1)
		SAME(pend_link_update(player->link, successor->program, NULL), 0);
}

Test(races, X15_link_update_while_its_frame_is_open)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	static struct player heir;

	stack_begin(&stack, &setting);
	PLAN(&stack.player, PENDS, SAYS(PEND_VERDICT_PROCEED_HARD));
	PLAN(&heir, SAYS(PEND_VERDICT_REJECT));
	player_load(&stack, &heir, "heir", setting.layer, player_run);
	successor = &heir;
	stack.player.before = replace_in_the_frame;
	(void)pend_one(&stack);
	SAME(heir.runs, 0); /* exactly one of the two */
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_CONTINUE), 0);
	serve_thrice();
	SAME(stack.player.runs, 2);
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	SAME(operate(&stack).state, PEND_SIM_BLOCKED);
	SAME(heir.runs, 1);
	SAME(pend_program_close(heir.program), 0);
	stack_end(&stack);
}

/* ---- X16, X17: the chain behind the pender changes ---- */

static void changed_behind(uint32_t flags, bool leaves, uint32_t runs)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .flags = flags };
	struct player behind = { .runs = 0 };

	stack_begin(&stack, &setting);
	PLAN(&behind, SAYS(PEND_VERDICT_REJECT));
	if (leaves)
		player_join(&stack, &behind, "behind", stack.custom);
	(void)pend_one(&stack);
	if (leaves)
		player_leave(&behind);
	else
		player_join(&stack, &behind, "behind", stack.custom);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_PERMIT_SOFT), 0);
	serve_thrice();
	SAME(behind.runs, runs);
	SAME(look(&stack).state, runs ? PEND_SIM_BLOCKED : PEND_SIM_PERMITTED);
	SAME(look(&stack).completions, 1);
	player_leave(&behind);
	stack_end(&stack);
}

Test(races, X16_detached_behind_the_pender)
{
	changed_behind(PEND_SIM_RESUME, true, 0);
	changed_behind(0, true, 0);
}

Test(races, X17_attached_behind_the_pender)
{
	changed_behind(PEND_SIM_RESUME, false, 1);
	changed_behind(PEND_SIM_RESUME | PEND_SIM_RESUME_KNOWN, false, 0);
	changed_behind(0, false, 0);
}

/* ... and the pender itself goes: what comes behind it still runs. */
Test(races, X16_detached_itself)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .flags = PEND_SIM_RESUME };
	struct player behind = { .runs = 0 };

	stack_begin(&stack, &setting);
	PLAN(&behind, SAYS(PEND_VERDICT_PROCEED_HARD));
	player_join(&stack, &behind, "behind", stack.custom);
	(void)pend_one(&stack);
	player_leave(&stack.player);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_PERMIT_SOFT), 0);
	serve_thrice();
	SAME(behind.runs, 1);
	SAME(look(&stack).action, PEND_ACTION_PERMIT_HARD);
	let_go(&stack);
	SAME(stack.player.freed, 1);
	player_leave(&behind);
	stack_end(&stack);
}
