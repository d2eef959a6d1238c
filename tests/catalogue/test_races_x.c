/* SPDX-License-Identifier: MIT */
/*
 * test_races_x.c - the races X1 to X9 of the register, each interleaving forced: two orchestrators,
 * CONTINUE against frames and re-runs, what is kept between runs (F16, F23, F28, F29, F31, F63, F85).
 * Guarantees A, B, H and I.
 */
#include <pthread.h>

#include "tests/catalogue/own_hook.h"
#include "tests/catalogue/stack.h"

static struct stack stack;

static void serve_thrice(void)
{
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(&stack);
}

static int update(const struct pend_key *key, enum pend_action action)
{
	const struct element element = {
		{ PEND_VALUE_VERSION, sizeof(element), (uint32_t)action, 0 }, 0
	};

	return pend_custom_map_update(stack.custom, NULL, key, &element, PEND_BPF_EXIST);
}

static int delete (const struct pend_key *key)
{
	return pend_custom_map_delete(stack.custom, NULL, key);
}

/* update, update, delete, delete: one of them decides, and is the only one that is told so. */
Test(races, X1_two_orchestrators_interleave)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	struct pend_key key;

	stack_begin(&stack, &setting);
	key = pend_one(&stack);
	SAME(update(&key, PEND_ACTION_PERMIT_SOFT), 0);
	SAME(update(&key, PEND_ACTION_BLOCK), 0);
	SAME(delete (&key), 0);
	SAME(delete (&key), -ENOENT);
	(void)serve(&stack);
	SAME(look(&stack).state, PEND_SIM_BLOCKED);
	/* With the atomic one there is nothing to interleave. */
	key = pend_one(&stack);
	SAME(pend_map_complete_elem(NULL, stack.map, &key, PEND_ACTION_PERMIT_SOFT), 0);
	SAME(pend_map_complete_elem(NULL, stack.map, &key, PEND_ACTION_BLOCK), -EALREADY);
	SAME(update(&key, PEND_ACTION_BLOCK), -ENOENT);
	SAME(delete (&key), -ENOENT);
	(void)serve(&stack);
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	/* What was staged for one is never delivered for the next in the same place. */
	key = pend_one(&stack);
	SAME(update(&key, PEND_ACTION_PERMIT_HARD), 0);
	SAME(pend_map_cancel(stack.map, key.pend_id), 0);
	(void)serve(&stack);
	key = pend_one(&stack);
	SAME(delete (&key), 0);
	(void)serve(&stack);
	SAME(look(&stack).state, PEND_SIM_BLOCKED);
	stack_end(&stack);
}

/* K3, K4: a verdict that is only staged is nobody's: a deadline and a continue drop it. */
Test(races, X1_staged_and_never_deleted)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .deadline_ns = 50 * MS };
	struct pend_key key;

	stack_begin(&stack, &setting);
	key = pend_one(&stack);
	SAME(update(&key, PEND_ACTION_PERMIT_HARD), 0);
	SAME(update(&key, PEND_ACTION_CONTINUE), 0);
	serve_thrice();
	SAME(stack.player.runs, 2);
	SAME(update(&key, PEND_ACTION_PERMIT_HARD), 0);
	pass_time(stack.engine, 60 * MS, MS);
	SAME(look(&stack).state, PEND_SIM_BLOCKED);
	SAME(map_counts(&stack).staged_lost, 2);
	stack_end(&stack);
}

static void continued_twice(struct stack *at)
{
	const struct pend_key key = pend_one(at);

	SAME(orchestrate(at, &key, PEND_ACTION_CONTINUE), 0);
	SO(orchestrate(at, &key, PEND_ACTION_CONTINUE) < 0);
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(at);
	SAME(at->player.runs, 2);
	SAME(counts_of(at).reinvoked, 1);
	SAME(orchestrate(at, &key, PEND_ACTION_BLOCK), 0);
}

Test(races, X2_two_continues)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };

	everywhere(&setting, continued_twice);
}

/* ---- X3: CONTINUE while the first run has not returned ---- */

static uint32_t depth;

static void enter(struct player *player)
{
	(void)player;
	SAME(depth, 0); /* never twice at once for one operation */
	depth++;
}

static void continue_in_the_frame(struct player *player)
{
	struct stack *at = player->stack;

	if (player->runs == 1) {
		SAME(orchestrate(at, &player->key, PEND_ACTION_CONTINUE), 0);
		SO(orchestrate(at, &player->key, PEND_ACTION_CONTINUE) < 0);
		(void)serve(at);
		(void)serve(at);
		SAME(player->runs, 1);
	}
	depth--;
}

static void continued_in_the_frame(struct stack *at)
{
	at->player.before = enter;
	at->player.after = continue_in_the_frame;
	(void)pend_one(at);
	SAME(at->player.runs, 1);
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(at);
	SAME(at->player.runs, 2); /* postponed to the frame's end */
	SAME(look(at).state, PEND_SIM_PENDED);
	SAME(orchestrate(at, &at->player.key, PEND_ACTION_BLOCK), 0);
	(void)serve(at);
	/* The first run decides after all: there is nothing to run again. */
	PLAN(&at->player, PENDS_THEN(PEND_VERDICT_PROCEED_HARD));
	(void)pend_one(at);
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(at);
	SAME(at->player.runs, 1);
	SAME(look(at).state, PEND_SIM_PERMITTED);
	SAME(look(at).completions, 1);
}

Test(races, X3_continue_while_its_frame_is_open)
{
	const struct setting setting = { .protocol = IPPROTO_TCP };

	everywhere(&setting, continued_in_the_frame);
}

/* ---- X4: COMPLETE while the program runs again ---- */

static void complete_in_the_rerun(struct player *player)
{
	struct stack *at = player->stack;

	if (player->runs != 2)
		return;
	SAME(orchestrate(at, &player->key, PEND_ACTION_PERMIT_SOFT), 0);
	SO(orchestrate(at, &player->key, PEND_ACTION_BLOCK) < 0);
	SAME(look(at).completions, 0);
}

static void completed_in_the_rerun(struct stack *at)
{
	static const int verdicts[] = { PEND_VERDICT_PEND, PEND_VERDICT_REJECT,
					PEND_VERDICT_PROCEED_HARD };

	at->player.after = complete_in_the_rerun;
	for (uint32_t i = 0; i < 3; i++) {
		struct pend_key key;

		PLAN(&at->player, PENDS, SAYS(verdicts[i]));
		if (verdicts[i] == PEND_VERDICT_PEND)
			PLAN(&at->player, PENDS);
		key = pend_one(at);
		SAME(orchestrate(at, &key, PEND_ACTION_CONTINUE), 0);
		for (uint32_t n = 0; n < 3; n++)
			(void)serve(at);
		SAME(at->player.runs, 2);
		SAME(look(at).state,
		     PEND_SIM_PERMITTED); /* the orchestrator's, not the program's */
		SAME(look(at).action, PEND_ACTION_PERMIT_SOFT);
		SAME(look(at).completions, 1);
		holds(at, 0);
	}
}

Test(races, X4_complete_while_it_runs_again)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };

	everywhere(&setting, completed_in_the_rerun);
}

/* Re-invoked and pended again: the same key may be inserted again at once, as often as allowed. */
Test(races, X5_reinvoke_and_pend_the_same_key)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT,
					 .words = WORDS_COMPLETE_MAP,
					 .rerun_limit = 30 };
	struct pend_key key;

	stack_begin(&stack, &setting);
	key = pend_one(&stack);
	for (uint32_t i = 0; i < 20; i++) {
		SAME(orchestrate(&stack, &key, PEND_ACTION_CONTINUE), 0);
		serve_thrice();
		SAME(stack.player.key.pend_id, key.pend_id);
	}
	SAME(stack.player.runs, 21);
	SAME(orchestrate(&stack, &key, PEND_ACTION_PERMIT_SOFT), 0);
	(void)serve(&stack);
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	stack_end(&stack);
}

/* As many completions under way as the map has entries: the next is accepted like the first. */
Test(races, X6_complete_map_full)
{
	const struct setting setting = { .layer = PEND_LAYER_DATAGRAM,
					 .words = WORDS_COMPLETE_MAP,
					 .max_entries = 3 };
	struct pend_key keys[3];

	stack_begin(&stack, &setting);
	for (uint32_t i = 0; i < 3; i++)
		keys[i] = pend_one(&stack);
	for (uint32_t i = 0; i < 3; i++)
		SAME(orchestrate(&stack, &keys[i], PEND_ACTION_PERMIT_SOFT), 0);
	SAME(operate(&stack).state, PEND_SIM_BLOCKED); /* they are live until delivered */
	SAME(stack.player.error, -ENOSPC);
	(void)serve(&stack);
	holds(&stack, 0);
	(void)pend_one(&stack);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_PERMIT_SOFT), 0);
	stack_end(&stack);
}

/* ---- X7: run again by another thread, which the helpers do not show ---- */

static void *serve_elsewhere(void *argument)
{
	machine.cpu = 3;
	for (uint32_t i = 0; i < 3; i++)
		(void)serve_all(argument);
	return NULL;
}

Test(races, X7_rerun_on_another_thread)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	const struct sight *sights = stack.player.sights;
	pthread_t thread;

	stack_begin(&stack, &setting);
	(void)pend_one(&stack);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_CONTINUE), 0);
	SAME(pthread_create(&thread, NULL, serve_elsewhere, stack.engine), 0);
	SAME(pthread_join(thread, NULL), 0);
	SAME(stack.player.runs, 2);
	SO(sights[0].process_thread != 0);
	SAME(sights[0].process_thread, sights[1].process_thread);
	SAME(sights[0].cookie, sights[1].cookie);
	SO(memcmp(&sights[0].address, &sights[1].address, sizeof(sights[0].address)) == 0);
	SAME(sights[0].payload_sum, sights[1].payload_sum);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_BLOCK), 0);
	stack_end(&stack);
}

/* Storing a verdict, however often, replaces a value: that is no delete. */
Test(races, X8_update_is_no_completion)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	struct pend_value value;
	struct pend_key key;

	stack_begin(&stack, &setting);
	key = pend_one(&stack);
	for (uint32_t i = 0; i < 9; i++) {
		const enum pend_action action = (enum pend_action)(i % 3 + 1);

		SAME(update(&key, action), 0);
		serve_thrice();
		SAME(look(&stack).state, PEND_SIM_PENDED);
		SAME(element_of(&stack, &key, &value), 0);
		SAME(value.action, action);
		holds(&stack, 1);
	}
	SAME(update(&key, PEND_ACTION_PERMIT_HARD), 0);
	SAME(delete (&key), 0);
	(void)serve(&stack);
	SAME(look(&stack).action, PEND_ACTION_PERMIT_HARD);
	stack_end(&stack);
}

/* ---- X9: the same addresses again, and what a dead operation left behind ---- */

static struct pend_custom_map *continuations;
static struct pend_key stale;
static uint32_t found;

static void find_stale(struct player *player)
{
	const struct pend_key *stored =
		bpf_map_lookup_elem(continuations, &player->context->user_port);

	found += stored != NULL;
	if (stored)
		stale = *stored;
}

static void leave_continuation(struct player *player)
{
	SAME(bpf_map_update_elem(continuations, &player->context->user_port, &player->key,
				 PEND_BPF_ANY),
	     0);
}

Test(races, X9_stale_continuation_and_the_same_tuple)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .max_entries = 1 };
	struct pend_custom_map_options options = { .size = sizeof(options),
						   .type = BPF_MAP_TYPE_HASH,
						   .key_size = sizeof(uint16_t),
						   .value_size = sizeof(struct pend_key),
						   .max_entries = 4 };
	struct pend_key first;

	stack_begin(&stack, &setting);
	SAME(pend_custom_map_create(stack.runtime, &options, &continuations), 0);
	stack.player.after = leave_continuation;
	first = pend_one(&stack);
	SAME(stack.player.sights[0].scratch_after, 1);
	SAME(orchestrate(&stack, &first, PEND_ACTION_BLOCK), 0);
	(void)serve(&stack);
	/* In the same slot, with the same addresses. The entry of the map is a trap ... */
	stack.player.before = find_stale;
	stack.player.after = NULL;
	stack.player.runs = 0;
	(void)pend_one(&stack);
	SAME(found, 1);
	SAME(stale.pend_id, first.pend_id);
	SO(stack.player.key.pend_id != stale.pend_id);
	SAME(orchestrate(&stack, &stale, PEND_ACTION_PERMIT_HARD), -ENOENT);
	SAME(look(&stack).state, PEND_SIM_PENDED);
	/* ... and what the operation itself remembers is not. */
	SAME(stack.player.sights[0].scratch, 0);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_BLOCK), 0);
	SAME(pend_custom_map_close(continuations), 0);
	stack.player.before = NULL;
	stack_end(&stack);
}
