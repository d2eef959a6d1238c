/* SPDX-License-Identifier: MIT */
/*
 * test_races.c - the races A, B, D1 to D3, W1 and W2 of the register, each interleaving forced:
 * completion against the pend and its frame, drains against pends, deadline and drain against an
 * orchestrator (F21, F22, F40, F43, F44). Guarantees A, B, F and I.
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

/* ---- A: completed before the backend holds it ---- */

static void try_too_early(struct own_hook *at, struct pend_map *map, uint64_t handle)
{
	const struct pend_key key = pend_key_of(handle);
	struct pend_cursor cursor = { .position = 0 };
	struct pend_value value;
	struct pend_info info;

	SO(map == at->stack->map);
	SAME(pend_map_complete(map, handle, PEND_ACTION_PERMIT_HARD), -ENOENT);
	SAME(pend_map_complete(map, handle, PEND_ACTION_CONTINUE), -ENOENT);
	SAME(pend_map_cancel(map, handle), -ENOENT);
	SAME(pend_map_read(map, handle, &info, NULL), -ENOENT);
	SAME(pend_map_lookup_elem(map, &key, &value), -ENOENT);
	SAME(pend_map_scan(map, &cursor, &info, NULL, 1), 0);
	(void)serve(at->stack);
	pass_time(at->stack->engine, 5 * SECOND, SECOND); /* its deadline, too */
}

Test(races, A_completed_before_the_backend_holds_it)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .bare = true };

	stack_begin(&stack, &setting);
	own_begin(&own, &stack, 0);
	own.on_pend = try_too_early;
	SAME(own_operate(&own, NULL), PEND_VERDICT_PEND);
	SAME(stack.player.error, 0);
	SAME(own.pends, 1);
	SAME(own.completions, 0);
	SAME(own.handle, stack.player.key.pend_id);
	own.on_pend = NULL;
	SAME(own_operate(&own, NULL), PEND_VERDICT_PEND);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_PERMIT_HARD), 0);
	(void)serve(&stack);
	SAME(pend_map_disable(stack.map, SECOND), 0);
	SAME(own.completions, 2);
	SAME(pend_map_enable(stack.map), 0);
	/* The backend refuses: what was never held is never completed. */
	own.pend_error = -EHOSTDOWN;
	own.on_pend = try_too_early;
	SAME(own_operate(&own, NULL), PEND_VERDICT_REJECT);
	SAME(stack.player.error, -EHOSTDOWN);
	SAME(pend_map_complete(stack.map, own.handle, PEND_ACTION_PERMIT_HARD), -ENOENT);
	SAME(own.completions, 2);
	own_end(&own);
	stack_end(&stack);
}

/* ---- B: completed while its frame is open ---- */

static void complete_in_the_frame(struct player *player)
{
	struct stack *at = player->stack;

	SAME(orchestrate(at, &player->key, PEND_ACTION_PERMIT_HARD), 0);
	(void)serve(at);
	(void)serve(at);
	SAME(look(at).completions, 0);
	SAME(at->verdicts, 0);
	SAME(ledger_of(at).injected, 0);
	SAME(pend_map_count(at->map), 1);
}

static void completed_in_the_frame(struct stack *at)
{
	static const int verdicts[] = { PEND_VERDICT_PEND, PEND_VERDICT_REJECT };

	for (uint32_t i = 0; i < 2; i++) {
		PLAN(&at->player, PENDS_THEN(verdicts[i]));
		at->verdicts = 0;
		at->player.after = complete_in_the_frame;
		SAME(operate(at).state, PEND_SIM_PENDED);
		SAME(look(at).completions, 0);
		(void)serve(at);
		SAME(look(at).state, PEND_SIM_PERMITTED);
		SAME(look(at).action, PEND_ACTION_PERMIT_HARD);
		SAME(look(at).completions, 1);
		SAME(at->verdicts, 1);
		holds(at, 0);
		forget(at, at->operation);
	}
	SAME(counts_of(at).synthesized_lost, 1);
}

Test(races, B_completed_while_its_frame_is_open)
{
	const struct setting setting = { .protocol = IPPROTO_TCP };

	everywhere(&setting, completed_in_the_frame);
}

/* In that order: completed, then sent; blocked or cancelled, then discarded (F61). */
Test(races, B_payloads_follow_the_verdict)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .bare = true };
	uint32_t sent = 0;

	stack_begin(&stack, &setting);
	own_begin(&own, &stack, 0);
	own.has_payload = true;
	for (uint32_t i = 0; i < 4; i++) {
		const bool permits = i == 1 || i == 2;

		own.send_error = i == 2 ? -ENOBUFS : 0;
		SAME(own_operate(&own, NULL), PEND_VERDICT_PEND);
		if (i == 3)
			SAME(pend_map_cancel(own.map, own.handle), 0);
		else
			SAME(pend_map_complete(own.map, own.handle,
					       permits ? PEND_ACTION_PERMIT_SOFT
						       : PEND_ACTION_BLOCK),
			     0);
		SAME(own.sent + own.discarded, i);
		serve_thrice();
		sent += i == 1;
		SAME(own.sent, sent);
		SAME(own.discarded, i + 1 - sent);
	}
	SAME(counts_of(&stack).reinject_failed, 1);
	own_end(&own);
	stack_end(&stack);
}

/* ---- D1: a drain that enumerates, and a frame that is still on its way ---- */

static bool detached;

static void on_detached(void *context)
{
	(void)context;
	detached = true;
}

static void detach_before_it_pends(struct player *player)
{
	const struct stack *at = player->stack;
	struct pend_cursor cursor = { .position = 0 };
	struct pend_info info;

	SAME(pend_link_detach(player->link, PEND_OUTSTANDING_FINISH), -EDEADLK);
	SAME(pend_link_detach_async(player->link, PEND_OUTSTANDING_FINISH, on_detached, NULL), 0);
	SAME(pend_map_scan(at->map, &cursor, &info, NULL, 1), 0); /* too early: misses it */
	SO(!detached);
}

Test(races, D1_drain_misses_what_a_frame_inserts)
{
	const struct setting setting = { .layer = PEND_LAYER_RECV_ACCEPT };
	struct pend_cursor cursor = { .position = 0 };
	struct pend_info info;

	stack_begin(&stack, &setting);
	stack.player.before = detach_before_it_pends;
	(void)pend_one(&stack);
	for (uint32_t i = 0; i < 3 && !detached; i++) {
		let_reclaim();
		machine.mono_ns += 2 * MS;
		(void)serve(&stack);
	}
	/* Told that the last frame has ended: what it pended is there, and nothing else comes. */
	SO(detached);
	SAME(operate(&stack).state, PEND_SIM_PERMITTED);
	SAME(pend_map_scan(stack.map, &cursor, &info, NULL, 1), 1);
	SAME(info.handle, stack.player.key.pend_id);
	SAME(pend_map_complete(stack.map, info.handle, PEND_ACTION_BLOCK), 0);
	(void)serve(&stack);
	holds(&stack, 0);
	stack_end(&stack);
}

/* ---- D2: DISABLE against a helper that is past the gate ---- */

static int stopped;

static void stop_in_the_pend(struct own_hook *at, struct pend_map *map, uint64_t handle)
{
	(void)at;
	(void)handle;
	stopped = pend_map_disable(map, 10 * MS);
}

Test(races, D2_disable_against_a_helper_past_the_gate)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .bare = true };

	stack_begin(&stack, &setting);
	own_begin(&own, &stack, 0);
	own.on_pend = stop_in_the_pend;
	SAME(own_operate(&own, NULL), PEND_VERDICT_PEND);
	/* It did not say that nothing is pended, for something was about to be. */
	SAME(stopped, -ETIMEDOUT);
	SAME(stack.player.error, 0);
	SAME(pend_map_disable(stack.map, SECOND), 0);
	SAME(pend_map_count(stack.map), 0);
	SAME(own.completions, 1);
	SAME(own.last.action, PEND_ACTION_BLOCK);
	SAME(own.last.origin, PEND_ORIGIN_DRAIN);
	own.on_pend = NULL;
	SAME(own_operate(&own, NULL), PEND_VERDICT_REJECT);
	SAME(stack.player.error, -ESHUTDOWN);
	own_end(&own);
	stack_end(&stack);
}

/* ---- D3: a flag that programs read, written after they have read it ---- */

static struct pend_custom_map *flags;

static bool flag_is_set(void)
{
	const uint32_t *flag = bpf_map_lookup_elem(flags, &(uint32_t){ 0 });

	return flag && *flag;
}

/* The program has read the flag; somebody sets it, and drains. */
static void set_flag_behind_its_back(struct player *player)
{
	SO(!flag_is_set());
	SAME(pend_custom_map_update(flags, NULL, &(uint32_t){ 0 }, &(uint32_t){ 1 }, PEND_BPF_ANY),
	     0);
	SAME(pend_map_count(player->stack->map), 0);
}

static void gate_behind_its_back(struct player *player)
{
	SAME(pend_map_disable(player->stack->map, SECOND), 0);
}

Test(races, D3_flag_against_gate)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	const struct pend_custom_map_options options = { .size = sizeof(options),
							 .type = BPF_MAP_TYPE_HASH,
							 .key_size = 4,
							 .value_size = 4,
							 .max_entries = 1 };

	stack_begin(&stack, &setting);
	SAME(pend_custom_map_create(stack.runtime, &options, &flags), 0);
	stack.player.before = set_flag_behind_its_back;
	(void)pend_one(&stack); /* escapes the flag: what the pattern cannot help */
	SAME(pend_map_count(stack.map), 1);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_BLOCK), 0);
	(void)serve(&stack);
	/* The gate at the same moment: refused. */
	stack.player.before = gate_behind_its_back;
	SAME(operate(&stack).state, PEND_SIM_BLOCKED);
	SAME(stack.player.error, -ESHUTDOWN);
	SAME(pend_map_count(stack.map), 0);
	SAME(pend_custom_map_close(flags), 0);
	stack_end(&stack);
}

/* ---- W1: the deadline against an orchestrator ---- */

static bool deadline_first;

static void race_the_deadline(struct player *player)
{
	struct stack *at = player->stack;

	if (deadline_first)
		pass_time(at->engine, 60 * MS, 10 * MS);
	SAME(orchestrate(at, &player->key, PEND_ACTION_PERMIT_SOFT), deadline_first ? -ENOENT : 0);
	pass_time(at->engine, 60 * MS, 10 * MS);
}

Test(races, W1_deadline_against_complete)
{
	const struct setting setting = { .layer = PEND_LAYER_LISTEN, .deadline_ns = 50 * MS };

	for (uint32_t i = 0; i < 4; i++) {
		const bool in_frame = i >= 2;

		stack_begin(&stack, &setting);
		deadline_first = i % 2;
		stack.player.after = in_frame ? race_the_deadline : NULL;
		(void)pend_one(&stack);
		if (!in_frame)
			race_the_deadline(&stack.player);
		serve_thrice();
		SAME(look(&stack).state, deadline_first ? PEND_SIM_BLOCKED : PEND_SIM_PERMITTED);
		SAME(look(&stack).completions, 1);
		SAME(map_counts(&stack).by_deadline, deadline_first);
		SAME(map_counts(&stack).by_orchestrator, !deadline_first);
		stack_end(&stack);
	}
}

/* ---- W2: a drain against an orchestrator ---- */

static bool drain_first;
static uint32_t drained;

static void on_drained(void *context, struct pend_map *map)
{
	(void)context;
	(void)map;
	drained++;
}

static void race_the_drain(struct player *player)
{
	struct stack *at = player->stack;

	if (drain_first)
		SAME(pend_map_disable_async(at->map, SECOND, on_drained, NULL), 0);
	SAME(orchestrate(at, &player->key, PEND_ACTION_PERMIT_SOFT), drain_first ? -ENOENT : 0);
	if (!drain_first)
		SAME(pend_map_disable_async(at->map, SECOND, on_drained, NULL), 0);
	SAME(drained, 0);
}

Test(races, W2_drain_against_complete)
{
	const struct setting setting = { .layer = PEND_LAYER_BIND };

	for (uint32_t i = 0; i < 2; i++) {
		stack_begin(&stack, &setting);
		drain_first = i;
		drained = 0;
		stack.player.after = race_the_drain;
		(void)pend_one(&stack);
		for (uint32_t n = 0; n < 4; n++) {
			machine.mono_ns += 2 * MS;
			(void)serve(&stack);
		}
		SAME(drained, 1);
		SAME(look(&stack).state, drain_first ? PEND_SIM_BLOCKED : PEND_SIM_PERMITTED);
		SAME(look(&stack).completions, 1);
		SAME(map_counts(&stack).by_drain, drain_first);
		stack_end(&stack);
	}
}
