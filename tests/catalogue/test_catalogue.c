/* SPDX-License-Identifier: MIT */
/*
 * test_catalogue.c - what the sources demand of tests, the first half: S1 to S11, through the whole
 * stack (F12, F14, F15, F23, F31, F37, F39, F40, F43, F45 to F47, F64). Guarantees A, C, D, F and I.
 */
#include "tests/catalogue/control.h"
#include "tests/catalogue/stack.h"

static struct stack stack;

static void begin(const struct setting *setting)
{
	stack_begin(&stack, setting);
}

static uint32_t notices_waiting(void)
{
	struct pend_session_stats stats = { .size = sizeof(stats) };

	SAME(pend_session_stats_read(stack.session, &stats), 0);
	return (uint32_t)stats.waiting;
}

static void serve_thrice(void)
{
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(&stack);
}

/* The pend fails: the program decides at once, and nobody is told of anything. */
Test(catalogue, S1_pend_failure_falls_back)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT,
					 .max_entries = 1,
					 .with_session = true };
	struct pend_key first;

	begin(&setting);
	first = pend_one(&stack);
	SAME(notices_waiting(), 1);
	stack.player.fallback = PEND_VERDICT_PROCEED_HARD;
	SAME(operate(&stack).state, PEND_SIM_PERMITTED);
	SAME(stack.player.error, -ENOSPC);
	SAME(look(&stack).verdict, PEND_VERDICT_PROCEED_HARD);
	SAME(notices_waiting(), 1);
	SAME(map_counts(&stack).refused_full, 1);
	holds(&stack, 1);
	/* ... and one that insists is refused, and counted. */
	stack.player.insists = true;
	SAME(operate(&stack).state, PEND_SIM_BLOCKED);
	SAME(counts_of(&stack).not_pended, 1);
	SAME(stack.traces[PEND_TRACE_NOT_PENDED], 1);
	SAME(orchestrate(&stack, &first, PEND_ACTION_PERMIT_SOFT), 0);
	stack_end(&stack);
}

/* A ring that is full refuses before anything is pended; a program that cannot tell decides. */
Test(catalogue, S2_notify_failure_completes)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT,
					 .max_entries = 40,
					 .with_session = true };
	struct pend_notice notices[16];

	begin(&setting);
	for (uint32_t i = 0; i < 16; i++)
		(void)pend_one(&stack);
	SAME(operate(&stack).state, PEND_SIM_BLOCKED);
	SAME(stack.player.error, -ENOBUFS);
	holds(&stack, 16);
	SAME(pend_session_read(stack.session, notices, NULL, 16), 16);
	PLAN(&stack.player, PENDS_THEN(PEND_VERDICT_PROCEED_SOFT));
	(void)pend_one(&stack);
	(void)serve(&stack);
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	SAME(counts_of(&stack).synthesized, 1);
	for (uint32_t i = 0; i < 16; i++) {
		const struct pend_key key = pend_key_of(notices[i].handle);

		SAME(orchestrate(&stack, &key, PEND_ACTION_BLOCK), 0);
	}
	stack_end(&stack);
}

/* Nobody decides: blocked by the deadline, not before, and who comes late is told. */
Test(catalogue, S3_stale_expiry)
{
	const struct setting setting = { .layer = PEND_LAYER_RECV_ACCEPT, .deadline_ns = 50 * MS };
	struct pend_key key;

	begin(&setting);
	key = pend_one(&stack);
	pass_time(stack.engine, 49 * MS, MS);
	SAME(look(&stack).state, PEND_SIM_PENDED);
	pass_time(stack.engine, 3 * MS, MS);
	SAME(look(&stack).state, PEND_SIM_BLOCKED);
	SAME(look(&stack).completions, 1);
	SAME(map_counts(&stack).by_deadline, 1);
	SAME(orchestrate(&stack, &key, PEND_ACTION_PERMIT_SOFT), -ENOENT);
	SAME(pend_custom_map_delete(stack.custom, NULL, &key), -ENOENT);
	SAME(map_counts(&stack).late, 1);
	SAME(look(&stack).state, PEND_SIM_BLOCKED);
	stack_end(&stack);
}

/* K11: a map that only watches lets through what nobody decided. */
Test(catalogue, S3_stale_expiry_of_a_watching_map)
{
	const struct setting setting = { .layer = PEND_LAYER_BIND,
					 .deadline_ns = 50 * MS,
					 .map_flags = PEND_MAP_DEADLINE_PERMITS };

	begin(&setting);
	(void)pend_one(&stack);
	pass_time(stack.engine, 52 * MS, MS);
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	SAME(look(&stack).action, PEND_ACTION_PERMIT_SOFT);
	stack_end(&stack);
}

Test(catalogue, S4_duplicate_complete)
{
	static const int second[WORDS] = { -ENOENT, -EEXIST, -EALREADY };

	for (enum words words = 0; words < WORDS; words++) {
		const struct setting setting = { .layer = PEND_LAYER_DATAGRAM, .words = words };
		struct pend_key key;

		begin(&setting);
		key = pend_one(&stack);
		SAME(orchestrate(&stack, &key, PEND_ACTION_PERMIT_SOFT), 0);
		SAME(orchestrate(&stack, &key, PEND_ACTION_BLOCK), second[words]);
		(void)serve(&stack);
		SAME(orchestrate(&stack, &key, PEND_ACTION_BLOCK), -ENOENT);
		SAME(look(&stack).state, PEND_SIM_PERMITTED);
		SAME(look(&stack).completions, 1);
		SAME(map_counts(&stack).completions, 1);
		stack_end(&stack);
	}
}

/* The orchestrator left without a word: the next one finds everything that waits, with its age. */
Test(catalogue, S5_restart_with_leftovers)
{
	const struct setting setting = { .layer = PEND_LAYER_LISTEN, .deadline_ns = SECOND };
	struct pend_cursor cursor = { .position = 0 };
	struct pend_custom_map *custom = NULL;
	struct pend_info infos[4];
	uint64_t old;

	begin(&setting);
	SAME(pend_custom_map_pin(stack.custom, "pends"), 0);
	(void)pend_one(&stack);
	old = stack.operation;
	machine.mono_ns += 300 * MS;
	(void)pend_one(&stack);
	SAME(pend_custom_map_close(stack.custom), 0);
	SAME(pend_custom_map_open(stack.runtime, NULL, "pends", &custom), 0);
	stack.custom = custom;
	stack.map = pend_custom_map_pends(custom);
	SAME(pend_map_scan(stack.map, &cursor, infos, NULL, 4), 2);
	for (uint32_t i = 0; i < 2; i++) {
		const struct pend_key key = pend_key_of(infos[i].handle);
		const bool stale = machine_boot() - infos[i].pend_time_ns >= 200 * MS;

		SAME(orchestrate(&stack, &key, stale ? PEND_ACTION_BLOCK : PEND_ACTION_PERMIT_SOFT),
		     0);
	}
	(void)serve(&stack);
	SAME(look_at(&stack, old).state, PEND_SIM_BLOCKED);
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	SAME(pend_unpin(stack.runtime, NULL, "pends"), 0);
	stack_end(&stack);
}

/* ---- S6: the continuation map's entry is gone when the program runs again ---- */

static struct pend_custom_map *continuations;
static uint32_t resumed, afresh;

static void find_continuation(struct player *player)
{
	const struct pend_key *stored =
		bpf_map_lookup_elem(continuations, &player->context->user_port);

	if (stored)
		resumed++;
	else if (player->runs > 1) {
		afresh++;
		SAME(bpf_continuation_missing(), 0);
	}
}

static void store_continuation(struct player *player)
{
	SAME(bpf_map_update_elem(continuations, &player->context->user_port, &player->key,
				 PEND_BPF_ANY),
	     0);
}

Test(catalogue, S6_lru_evicted_continuation)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	struct pend_custom_map_options options = { .size = sizeof(options),
						   .type = BPF_MAP_TYPE_HASH,
						   .key_size = sizeof(uint16_t),
						   .value_size = sizeof(struct pend_key),
						   .max_entries = 8 };
	uint16_t port = htons(443);
	struct pend_key key;

	begin(&setting);
	SAME(pend_custom_map_create(stack.runtime, &options, &continuations), 0);
	stack.player.before = find_continuation;
	stack.player.after = store_continuation;
	key = pend_one(&stack);
	SAME(orchestrate(&stack, &key, PEND_ACTION_CONTINUE), 0);
	serve_thrice();
	SAME(resumed, 1);
	SAME(afresh, 0);
	/* Evicted: the program begins afresh, and the helper gives it the key it has. */
	SAME(pend_custom_map_delete(continuations, NULL, &port), 0);
	SAME(orchestrate(&stack, &key, PEND_ACTION_CONTINUE), 0);
	serve_thrice();
	SAME(stack.player.runs, 3);
	SAME(resumed, 1);
	SAME(afresh, 1);
	SAME(stack.player.error, 0);
	SAME(stack.player.key.pend_id, key.pend_id);
	SAME(counts_of(&stack).continuation_missing, 1);
	SAME(look(&stack).pends, 1);
	SAME(orchestrate(&stack, &key, PEND_ACTION_BLOCK), 0);
	stack.player.before = stack.player.after = NULL;
	SAME(pend_custom_map_close(continuations), 0);
	stack_end(&stack);
}

/* After a detach nothing new comes, so a drain ends. */
Test(catalogue, S7_detach_then_drain_converges)
{
	const struct setting setting = { .layer = PEND_LAYER_BIND };
	struct pend_info infos[8];

	begin(&setting);
	for (uint32_t i = 0; i < 5; i++)
		(void)pend_one(&stack);
	SAME(pend_link_detach(stack.player.link, PEND_OUTSTANDING_FINISH), 0);
	SAME(operate(&stack).state, PEND_SIM_PERMITTED);
	for (uint32_t left = 5; left; left--) {
		struct pend_cursor cursor = { .position = 0 };

		SAME(pend_map_scan(stack.map, &cursor, infos, NULL, 8), left);
		SAME(orchestrate(&stack, &(struct pend_key){ 1, 16, 0, infos[0].handle },
				 PEND_ACTION_BLOCK),
		     0);
		(void)serve(&stack);
		SAME(operate(&stack).state, PEND_SIM_PERMITTED);
	}
	holds(&stack, 0);
	stack_end(&stack);
}

Test(catalogue, S8_control_map_transitions)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	struct pend_custom_map *control, *second = NULL;

	begin(&setting);
	(void)pend_one(&stack); /* no control map: no control */
	control = control_create(&stack);
	SAME(control_try(&stack, &second), -EBUSY);
	SO(second == NULL);
	SAME(control_write(control, PEND_CONTROL_ENABLED), 0);
	SAME(control_write(control, 2), -EINVAL);
	SAME(control_write(control, UINT32_MAX), -EINVAL);
	SAME(control_read(control), PEND_CONTROL_ENABLED);
	(void)pend_one(&stack);
	SAME(control_write(control, PEND_CONTROL_DISABLED), 0);
	holds(&stack, 0);
	SAME(control_write(control, PEND_CONTROL_DISABLED), 0);
	SAME(control_write(control, PEND_CONTROL_ENABLED), 0);
	(void)pend_one(&stack);
	SAME(control_write(control, PEND_CONTROL_DISABLED), 0);
	SAME(control_write(control, PEND_CONTROL_ENABLED), 0);
	(void)pend_one(&stack);
	holds(&stack, 1);
	SAME(pend_custom_map_close(control), 0);
	SAME(control_try(&stack, &control), 0);
	SAME(pend_custom_map_close(control), 0);
	if (pend_map_count(stack.map))
		SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_BLOCK), 0);
	stack_end(&stack);
}

/* A key is worth nothing in another map, nor in another session. */
Test(catalogue, S9_cross_map_completion_denied)
{
	for (enum words words = 0; words < WORDS_HELPER; words++) {
		const struct setting setting = { .layer = PEND_LAYER_CONNECT,
						 .words = words,
						 .with_session = true };
		const struct pend_session_options options = small_session(PEND_LOSS_BLOCK);
		struct pend_custom_map *own, *other;
		struct pend_session *session, *stranger = NULL;
		struct pend_key key;

		begin(&setting);
		own = stack.custom;
		session = stack.session;
		other = stack_map(&stack, words);
		SAME(pend_session_open(stack.engine, &options, &stranger), 0);
		key = pend_one(&stack);
		stack.custom = other;
		SO(orchestrate(&stack, &key, PEND_ACTION_PERMIT_HARD) < 0);
		stack.custom = own;
		stack.session = stranger;
		SAME(orchestrate(&stack, &key, PEND_ACTION_PERMIT_HARD), -EPERM);
		stack.session = NULL;
		SAME(orchestrate(&stack, &key, PEND_ACTION_PERMIT_HARD), -EPERM);
		stack.session = session;
		(void)serve(&stack);
		SAME(look(&stack).state, PEND_SIM_PENDED);
		SAME(pend_map_complete(stack.map, key.pend_id, PEND_ACTION_PERMIT_HARD), -EPERM);
		SO(map_counts(&stack).denied > 0);
		SAME(orchestrate(&stack, &key, PEND_ACTION_BLOCK), 0);
		SAME(pend_custom_map_close(other), 0);
		SAME(pend_session_close(stranger), 0);
		stack_end(&stack);
	}
}

Test(catalogue, S10_iteration_cap)
{
	for (enum words words = 0; words < WORDS; words++) {
		const struct setting setting = { .layer = PEND_LAYER_RECV_ACCEPT,
						 .words = words,
						 .rerun_limit = 3 };
		struct pend_key key;

		begin(&setting);
		key = pend_one(&stack);
		for (uint32_t i = 0; i < 3; i++) {
			SAME(orchestrate(&stack, &key, PEND_ACTION_CONTINUE), 0);
			serve_thrice();
			SAME(stack.player.runs, i + 2);
		}
		SAME(orchestrate(&stack, &key, PEND_ACTION_CONTINUE), -ELOOP);
		serve_thrice();
		SAME(stack.player.runs, 4);
		SAME(look(&stack).state, PEND_SIM_PENDED);
		SAME(orchestrate(&stack, &key, PEND_ACTION_PERMIT_SOFT), 0);
		stack_end(&stack);
	}
}

/* Too many bytes: refused before the backend hears of it. */
Test(catalogue, S11_quota_exhaustion_leaves_no_state)
{
	struct setting setting = { .layer = PEND_LAYER_DATAGRAM, .quota_bytes = 1 };

	begin(&setting);
	SAME(operate(&stack).state, PEND_SIM_BLOCKED);
	SAME(stack.player.error, -EDQUOT);
	SAME(ledger_of(&stack).pended, 0);
	SAME(ledger_of(&stack).copies, 0);
	SAME(map_counts(&stack).refused_quota, 1);
	SAME(map_counts(&stack).pends, 0);
	stack_end(&stack);
	/* With room for one: its payload is counted, and given back with it. */
	setting.quota_bytes = 6000;
	setting.max_entries = 64;
	begin(&setting);
	for (uint32_t round = 0; round < 3; round++) {
		uint32_t pended = 0;

		while (operate(&stack).state == PEND_SIM_PENDED)
			pended++;
		SAME(stack.player.error, -EDQUOT);
		SO(pended > 0 && pended < 64);
		SAME(pend_map_disable(stack.map, SECOND), 0);
		SAME(pend_map_enable(stack.map), 0);
		holds(&stack, 0);
		SAME(quota_used(stack.map), 0);
	}
	stack_end(&stack);
}
