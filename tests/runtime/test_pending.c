/* SPDX-License-Identifier: MIT */
/*
 * test_pending.c - programs that pend (F6, F10, F15, F24, F34, F62, F63, K5 to K8, OP-39; guarantees
 * A, B, I).
 */
#include "tests/runtime/fixture.h"

static struct stage stage;

static struct stage_value stored_value(uint64_t operation)
{
	const struct deed *deed = deed_of(&stage, operation);
	struct stage_value value;

	cr_assert_eq(pend_map_read(deed->map, deed->handle, NULL, &value), 0);
	return value;
}

/* ---- what a pend is ---- */

Test(pending, absorbs_the_operation)
{
	struct scene scene = { .question = 5 };
	struct pend_invocation invocation = invocation_of(5, &scene);
	struct stage_value value;
	struct actor *actor;
	struct pend_info info;

	stage_begin(&stage, 0);
	actor = add_pender(&stage, 0);
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_PEND);
	cr_assert_eq(actor->result, 0);
	cr_assert_eq(actor->key.pend_id, invocation.handle);
	cr_assert_eq(stage.deeds[5].handle, invocation.handle);
	cr_assert_eq(stage.deeds[5].map, pend_custom_map_pends(stage.pends));
	info = info_of(stage.deeds[5].map, invocation.handle);
	cr_assert_eq(info.cookie, pendi_attachment_cookie(actor->link->attachment));
	cr_assert_eq(info.pend_time_ns, machine.mono_ns);
	value = stored_value(5);
	cr_assert_eq(value.head.version, PEND_VALUE_VERSION);
	cr_assert_eq(value.head.action, PEND_ACTION_PENDING);
	cr_assert_eq(value.head.pend_timestamp_ns, machine.mono_ns);
	cr_assert_eq(value.own, 5);
	serve(&stage);
	cr_assert_str_eq(stage.deeds[5].told, "p");
	cr_assert_eq(decide(&stage, 5, PEND_ACTION_PERMIT_HARD), 0);
	cr_assert_str_eq(stage.deeds[5].told, "p", "its shard finishes it");
	serve(&stage);
	ENDED(&stage, 5, "pc", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
	cr_assert_eq(stage.deeds[5].completed_handle, invocation.handle);
	stage_end(&stage);
}

static int play_pend_complete_type(struct actor *actor, struct scene *scene)
{
	(void)scene;
	actor->key = pend_key_of(0);
	actor->result = bpf_sock_addr_pend(stage.completes, &actor->key, 0);
	return actor->verdict;
}

/* F63 */
Test(pending, in_the_second_vocabulary)
{
	const struct pend_complete_entry entry = { PEND_VALUE_VERSION, sizeof(entry),
						   PEND_COMPLETE_PROCEED_SOFT };
	struct actor *actor;

	stage_begin(&stage, 0);
	actor = add_actor(&stage, 0, PEND_VERDICT_PEND);
	actor->play = play_pend_complete_type;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(
		pend_custom_map_update(stage.completes, NULL, &actor->key, &entry, PEND_BPF_ANY),
		0);
	serve(&stage);
	ENDED(&stage, 1, "pc", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

/* F34: what is behind the pender in claim mode is skipped, and said. */
Test(pending, skips_the_programs_behind)
{
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_PROCEED_SOFT);
	add_pender(&stage, 1);
	add_actor(&stage, 2, PEND_VERDICT_REJECT);
	add_actor(&stage, 3, PEND_VERDICT_REJECT);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(runtime_stats(&stage).skipped, 2);
	cr_assert_eq(stage.trace_count, 1);
	cr_assert_eq(stage.traces[0].type, PEND_TRACE_SKIPPED);
	cr_assert_eq(stage.traces[0].program_id, stage.actors[1].program->object.id);
	cr_assert_eq(stage.traces[0].count, 2);
	cr_assert_eq(stage.traces[0].skipped[0], stage.actors[2].program->object.id);
	cr_assert_eq(stage.traces[0].skipped[1], stage.actors[3].program->object.id);
	cr_assert_eq(stage.traces[0].handle, stage.deeds[1].handle);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_PERMIT_SOFT), 0);
	serve(&stage);
	cr_assert_eq(stage.actors[2].runs, 0);
	ENDED(&stage, 1, "pc", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

/* ---- F24: it pends, and decides after all ---- */

Test(pending, a_verdict_after_a_pend_completes_it)
{
	static const struct {
		int verdict;
		enum pend_action action;
	} cases[] = {
		{ PEND_VERDICT_REJECT, PEND_ACTION_BLOCK },
		{ PEND_VERDICT_PROCEED_SOFT, PEND_ACTION_PERMIT_SOFT },
		{ PEND_VERDICT_PROCEED_HARD, PEND_ACTION_PERMIT_HARD },
		{ PEND_VERDICT_DEFER_TO_PASSIVE, PEND_ACTION_BLOCK },
		{ 77, PEND_ACTION_BLOCK },
	};
	struct actor *actor;

	stage_begin(&stage, 0);
	actor = add_pender(&stage, 0);
	for (uint32_t i = 0; i < 5; i++) {
		actor->verdict = cases[i].verdict;
		cr_assert_eq(ask(&stage, i), PEND_VERDICT_PEND, "absorbed all the same");
		serve(&stage);
		ENDED(&stage, i, "pc", cases[i].action, PEND_ORIGIN_PROGRAM);
		cr_assert_eq(runtime_stats(&stage).synthesized, i + 1);
	}
	cr_assert_eq(runtime_stats(&stage).defer_refused, 1);
	cr_assert_eq(runtime_stats(&stage).bad_verdicts, 1);
	cr_assert_eq(runtime_stats(&stage).synthesized_lost, 0);
	stage_end(&stage);
}

/* The orchestrator is faster than the frame: race B. */
static int play_pend_and_race(struct actor *actor, struct scene *scene)
{
	actor->result = actor_pend(actor);
	cr_assert_eq(decide(&stage, scene->question, PEND_ACTION_PERMIT_HARD), 0);
	(void)serve_all(stage.engine);
	cr_assert_str_eq(stage.deeds[scene->question].told, "p", "not while the frame is open");
	return actor->verdict;
}

Test(pending, a_faster_orchestrator_wins_after_the_frame)
{
	struct actor *actor;

	stage_begin(&stage, 0);
	actor = add_actor(&stage, 0, PEND_VERDICT_REJECT);
	actor->play = play_pend_and_race;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	serve(&stage);
	ENDED(&stage, 1, "pc", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
	cr_assert_eq(runtime_stats(&stage).synthesized, 0);
	cr_assert_eq(runtime_stats(&stage).synthesized_lost, 1);
	actor->verdict = PEND_VERDICT_PEND;
	cr_assert_eq(ask(&stage, 2), PEND_VERDICT_PEND);
	serve(&stage);
	ENDED(&stage, 2, "pc", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
	cr_assert_eq(runtime_stats(&stage).synthesized_lost, 1, "it lost nothing");
	stage_end(&stage);
}

/* ---- K6: twice ---- */

static int play_pend_twice(struct actor *actor, struct scene *scene)
{
	struct stage_value value = value_of(0);
	struct pend_key second = pend_key_of(0);

	cr_assert_eq(actor_pend(actor), 0);
	cr_assert_eq(
		bpf_pend_operation(stage.pends, &value, sizeof(value), &second, sizeof(second)), 0);
	cr_assert_eq(second.pend_id, actor->key.pend_id);
	second.pend_id = 0;
	/* retval: bpf_pend_operation -EBUSY */
	cr_assert_eq(
		bpf_pend_operation(stage.others, &value, sizeof(value), &second, sizeof(second)),
		-EBUSY);
	/* retval: bpf_sock_addr_pend -EBUSY */
	cr_assert_eq(bpf_sock_addr_pend(stage.completes, &second, 0), -EBUSY);
	cr_assert_eq(second.pend_id, 0);
	cr_assert_str_eq(stage.deeds[scene->question].told, "p");
	return actor->verdict;
}

Test(pending, twice_in_one_frame_is_once)
{
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_pend_twice;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(runtime_stats(&stage).pends, 1);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	stage_end(&stage);
}

/* ---- K7, F62 ---- */

Test(pending, is_refused_where_it_cannot_be)
{
	struct scene scene = { .question = 1 };
	struct pend_invocation invocation = invocation_of(1, &scene);
	struct actor *actor;

	stage_begin(&stage, 0);
	actor = add_pender(&stage, 0);
	actor->verdict = PEND_VERDICT_PROCEED_HARD;
	invocation.flags = PEND_INVOKE_NO_PEND;
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_PROCEED_HARD);
	/* retval: bpf_pend_operation -EOPNOTSUPP */
	cr_assert_eq(actor->result, -EOPNOTSUPP);
	actor->play = play_pend_complete_type;
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_PROCEED_HARD);
	/* retval: bpf_sock_addr_pend -EOPNOTSUPP */
	cr_assert_eq(actor->result, -EOPNOTSUPP);
	cr_assert_eq(runtime_stats(&stage).helper_refused, 2);
	cr_assert_eq(stage.traces[0].type, PEND_TRACE_HELPER);
	cr_assert_eq(stage.traces[0].error, -EOPNOTSUPP);
	cr_assert_str_eq(stage.deeds[1].told, "");
	stage_end(&stage);
}

Test(pending, is_refused_at_a_hook_that_cannot)
{
	struct actor *actor;

	stage_begin(&stage, PEND_HOOK_NO_PEND);
	actor = add_pender(&stage, 0);
	actor->verdict = PEND_VERDICT_PROCEED_HARD;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PROCEED_HARD);
	cr_assert_eq(actor->result, -EOPNOTSUPP);
	stage_end(&stage);
}

/* ---- F15: what fails leaves nothing ---- */

Test(pending, what_the_backend_refuses_never_was)
{
	struct actor *actor;

	stage_begin(&stage, 0);
	actor = add_pender(&stage, 0);
	actor->verdict = PEND_VERDICT_PROCEED_HARD;
	stage.pend_error = -EOPNOTSUPP;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PROCEED_HARD);
	cr_assert_eq(stats_of(pend_custom_map_pends(stage.pends)).pends, 0);
	cr_assert_eq(actor->result, -EOPNOTSUPP);
	cr_assert_eq(actor->key.pend_id, 0);
	stage.pend_error = 5;
	cr_assert_eq(ask(&stage, 2), PEND_VERDICT_PROCEED_HARD);
	cr_assert_eq(actor->result, -EIO, "it said no errno");
	cr_assert_eq(runtime_stats(&stage).backend_refused, 2);
	cr_assert_eq(runtime_stats(&stage).pends, 0);
	cr_assert_str_eq(stage.deeds[1].told, "p");
	stage_end(&stage);
}

Test(pending, a_copy_that_fails_takes_it_back)
{
	struct actor *actor;

	stage_begin(&stage, 0);
	actor = add_pender(&stage, 0);
	actor->verdict = PEND_VERDICT_REJECT;
	stage.payloads = true;
	stage.clone_error = -ENOMEM;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_REJECT);
	cr_assert_eq(stats_of(pend_custom_map_pends(stage.pends)).pends, 0);
	/* retval: bpf_pend_operation -ENOMEM */
	cr_assert_eq(actor->result, -ENOMEM);
	cr_assert_str_eq(stage.deeds[1].told, "pka");
	stage_end(&stage);
}

/* The program's value is as it was. */
static int play_pend_keeping_value(struct actor *actor, struct scene *scene)
{
	struct stage_value value = value_of(1);
	const struct stage_value before = value;

	(void)scene;
	actor->key = pend_key_of(0);
	actor->result = bpf_pend_operation(actor->map, &value, sizeof(value), &actor->key,
					   sizeof(actor->key));
	cr_assert_eq(memcmp(&value, &before, sizeof(value)), 0);
	return actor->verdict;
}

Test(pending, a_full_map_refuses)
{
	struct actor *actor;

	stage_begin(&stage, 0);
	actor = add_pender(&stage, 0);
	for (uint32_t i = 0; i < 16; i++)
		cr_assert_eq(ask(&stage, i), PEND_VERDICT_PEND);
	actor->verdict = PEND_VERDICT_REJECT;
	actor->play = play_pend_keeping_value;
	cr_assert_eq(ask(&stage, 20), PEND_VERDICT_REJECT);
	/* retval: bpf_pend_operation -ENOSPC */
	cr_assert_eq(actor->result, -ENOSPC);
	actor->play = play_pend_complete_type;
	actor->verdict = PEND_VERDICT_PEND;
	for (uint32_t i = 21; i < 37; i++)
		cr_assert_eq(ask(&stage, i), PEND_VERDICT_PEND);
	actor->verdict = PEND_VERDICT_REJECT;
	cr_assert_eq(ask(&stage, 40), PEND_VERDICT_REJECT);
	/* retval: bpf_sock_addr_pend -ENOSPC */
	cr_assert_eq(actor->result, -ENOSPC);
	pass_time(stage.engine, 3 * SECOND, 10 * MS);
	ENDED(&stage, 0, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_DEADLINE);
	stage_end(&stage);
}

/* F43: while it is disabled the helper says so, and the program decides. */
Test(pending, a_disabled_map_refuses)
{
	struct pend_session *session = NULL;
	struct actor *actor;

	stage_begin_with(&stage, 0, PEND_HOOK_LOSS_BLOCK);
	actor = add_pender(&stage, 0);
	actor->verdict = PEND_VERDICT_PROCEED_SOFT;
	cr_assert_eq(pend_map_disable(pend_custom_map_pends(stage.pends), 0), 0);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PROCEED_SOFT);
	/* retval: bpf_pend_operation -ESHUTDOWN */
	cr_assert_eq(actor->result, -ESHUTDOWN);
	cr_assert_eq(pend_map_disable(pend_custom_map_pends(stage.completes), 0), 0);
	actor->play = play_pend_complete_type;
	cr_assert_eq(ask(&stage, 2), PEND_VERDICT_PROCEED_SOFT);
	/* retval: bpf_sock_addr_pend -ESHUTDOWN */
	cr_assert_eq(actor->result, -ESHUTDOWN);
	cr_assert_eq(runtime_stats(&stage).disabled, 2);
	/* If its orchestrator is there, that is no loss of it. */
	cr_assert_eq(pend_session_open(stage.engine, NULL, &session), 0);
	cr_assert_eq(pend_custom_map_bind(stage.others, session), 0);
	cr_assert_eq(pend_map_disable(pend_custom_map_pends(stage.others), 0), 0);
	actor->play = play_pend;
	actor->map = stage.others;
	cr_assert_eq(ask(&stage, 3), PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(actor->result, -ESHUTDOWN);
	cr_assert_eq(runtime_stats(&stage).disabled, 3);
	cr_assert_eq(pend_session_close(session), 0);
	stage_end(&stage);
}

/* ---- K8, F17: it decides by helper ---- */

static enum pend_action own_action;

static int play_pend_and_complete(struct actor *actor, struct scene *scene)
{
	struct pend_key wrong;

	cr_assert_eq(actor_pend(actor), 0);
	cr_assert_eq(bpf_complete_operation(actor->map, &actor->key, own_action), 0);
	/* retval: bpf_complete_operation -EALREADY */
	cr_assert_eq(bpf_complete_operation(actor->map, &actor->key, own_action), -EALREADY);
	wrong = pend_key_of(actor->key.pend_id + 1);
	/* retval: bpf_complete_operation -ENOENT */
	cr_assert_eq(bpf_complete_operation(actor->map, &wrong, own_action), -ENOENT);
	cr_assert_str_eq(stage.deeds[scene->question].told, "p");
	return actor->verdict;
}

Test(pending, a_program_completes_what_it_pended)
{
	struct actor *actor;

	stage_begin(&stage, 0);
	actor = add_actor(&stage, 0, PEND_VERDICT_PEND);
	actor->play = play_pend_and_complete;
	own_action = PEND_ACTION_PERMIT_HARD;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	serve(&stage);
	ENDED(&stage, 1, "pc", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_PROGRAM);
	actor->verdict = PEND_VERDICT_REJECT;
	cr_assert_eq(ask(&stage, 2), PEND_VERDICT_PEND);
	serve(&stage);
	ENDED(&stage, 2, "pc", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_PROGRAM);
	cr_assert_eq(runtime_stats(&stage).synthesized, 0, "it had decided before");
	cr_assert_eq(runtime_stats(&stage).synthesized_lost, 0);
	stage_end(&stage);
}

/* ---- OP-39: the orchestrator is gone ---- */

static void check_loss(enum pend_hook_loss loss, int verdict, enum pend_verdict expected)
{
	struct pend_session *session = NULL;
	struct actor *actor;

	stage_begin_with(&stage, 0, loss);
	cr_assert_eq(pend_session_open(stage.engine, NULL, &session), 0);
	cr_assert_eq(pend_custom_map_bind(stage.pends, session), 0);
	actor = add_pender(&stage, 0);
	add_actor(&stage, 1, PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(pend_session_complete(session, stage.deeds[1].map, stage.deeds[1].handle,
					   PEND_ACTION_BLOCK),
		     0);
	serve(&stage);
	cr_assert_eq(pend_session_close(session), 0);
	actor->verdict = verdict;
	cr_assert_eq(ask(&stage, 2), expected, "loss %d verdict %d", (int)loss, verdict);
	cr_assert_eq(actor->result, -ESHUTDOWN);
	cr_assert_eq(runtime_stats(&stage).disabled, 0);
	stage_end(&stage);
}

Test(pending, without_its_orchestrator_the_hook_says_what)
{
	check_loss(PEND_HOOK_LOSS_PROGRAM, PEND_VERDICT_PROCEED_HARD, PEND_VERDICT_PROCEED_HARD);
	check_loss(PEND_HOOK_LOSS_PROGRAM, PEND_VERDICT_REJECT, PEND_VERDICT_REJECT);
	check_loss(PEND_HOOK_LOSS_PROGRAM, PEND_VERDICT_PEND, PEND_VERDICT_REJECT);
	check_loss(PEND_HOOK_LOSS_BLOCK, PEND_VERDICT_PROCEED_HARD, PEND_VERDICT_REJECT);
	check_loss(PEND_HOOK_LOSS_PERMIT, PEND_VERDICT_PROCEED_HARD, PEND_VERDICT_PROCEED_SOFT);
	check_loss(PEND_HOOK_LOSS_PERMIT, PEND_VERDICT_PEND, PEND_VERDICT_PROCEED_SOFT);
	check_loss(PEND_HOOK_LOSS_PERMIT, PEND_VERDICT_REJECT, PEND_VERDICT_REJECT);
}

/* ---- read-only: what was saved is undone too ---- */

static int play_pend_and_write(struct actor *actor, struct scene *scene)
{
	if (actor->runs == 1)
		scene->answer = 99;
	actor->result = actor_pend(actor);
	return actor->verdict;
}

Test(pending, what_a_program_wrote_before_it_pended_is_undone)
{
	stage_begin(&stage, PEND_HOOK_READ_ONLY_IGNORE);
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_pend_and_write;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_CONTINUE), 0);
	serve(&stage);
	cr_assert_eq(stage.actors[0].runs, 2);
	cr_assert_eq(stage.actors[0].seen.answer, 0);
	cr_assert_eq(runtime_stats(&stage).read_only, 1);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	stage_end(&stage);
}

Test(pending, and_rejects_where_that_is_the_rule)
{
	stage_begin(&stage, PEND_HOOK_READ_ONLY);
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_pend_and_write;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND, "it is pended, so it is absorbed");
	serve(&stage);
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_PROGRAM);
	stage_end(&stage);
}
