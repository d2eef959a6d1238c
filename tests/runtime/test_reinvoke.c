/* SPDX-License-Identifier: MIT */
/*
 * test_reinvoke.c - CONTINUE: programs that run again (F28 to F32, F47, F92, X2 to X4, K17; guarantees
 * A, B, H).
 */
#include "tests/runtime/fixture.h"

static struct stage stage;

static void continue_operation(uint64_t operation)
{
	cr_assert_eq(decide(&stage, operation, PEND_ACTION_CONTINUE), 0);
	serve(&stage);
}

/* ---- CONTINUE ---- */

Test(reinvoke, runs_the_program_again_on_what_it_saw)
{
	struct scene scene = { .question = 1, .answer = 2, .hidden = 3 };
	struct pend_invocation invocation = invocation_of(1, &scene);
	uint64_t handle;

	stage_begin(&stage, 0);
	add_pender(&stage, 0);
	stage.payloads = true;
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_PEND);
	memset(&scene, 0xee, sizeof(scene));
	handle = stage.deeds[1].handle;
	for (uint32_t i = 0; i < 3; i++) {
		continue_operation(1);
		cr_assert_eq(stage.actors[0].runs, i + 2);
		cr_assert_eq(stage.actors[0].seen.question, 1);
		cr_assert_eq(stage.actors[0].seen.answer, 2);
		cr_assert_eq(stage.actors[0].seen.hidden, 3);
		cr_assert_eq(stage.actors[0].seen.data, stage_payload);
		cr_assert_eq(stage.actors[0].seen.end, stage_payload + sizeof(stage_payload));
		cr_assert_eq(stage.actors[0].result, 0, "it has a key");
		cr_assert_eq(stage.actors[0].key.pend_id, handle);
	}
	cr_assert_str_eq(stage.deeds[1].told, "pk", "the backend is not asked again");
	cr_assert_eq(runtime_stats(&stage).reinvoked, 3);
	cr_assert_eq(runtime_stats(&stage).pends, 1);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_PERMIT_SOFT), 0);
	serve(&stage);
	ENDED(&stage, 1, "pkcr", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

Test(reinvoke, without_a_payload_there_are_no_pointers)
{
	struct scene scene = { .question = 1, .data = &scene, .end = &scene + 1 };
	struct pend_invocation invocation = invocation_of(1, &scene);

	stage_begin(&stage, 0);
	add_pender(&stage, 0);
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_PEND);
	continue_operation(1);
	cr_assert_null(stage.actors[0].seen.data);
	cr_assert_null(stage.actors[0].seen.end);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	stage_end(&stage);
}

Test(reinvoke, its_verdict_completes)
{
	static const struct {
		int verdict;
		enum pend_action action;
	} cases[] = {
		{ PEND_VERDICT_REJECT, PEND_ACTION_BLOCK },
		{ PEND_VERDICT_PROCEED_SOFT, PEND_ACTION_PERMIT_SOFT },
		{ PEND_VERDICT_PROCEED_HARD, PEND_ACTION_PERMIT_HARD },
		{ PEND_VERDICT_DEFER_TO_PASSIVE, PEND_ACTION_BLOCK },
		{ -5, PEND_ACTION_BLOCK },
	};
	struct actor *actor;

	stage_begin(&stage, 0);
	actor = add_pender(&stage, 0);
	for (uint32_t i = 0; i < 5; i++) {
		actor->verdict = PEND_VERDICT_PEND;
		cr_assert_eq(ask(&stage, i), PEND_VERDICT_PEND);
		actor->verdict = cases[i].verdict;
		continue_operation(i);
		ENDED(&stage, i, "pc", cases[i].action, PEND_ORIGIN_PROGRAM);
	}
	cr_assert_eq(runtime_stats(&stage).synthesized, 0);
	cr_assert_eq(runtime_stats(&stage).defer_refused, 1);
	cr_assert_eq(runtime_stats(&stage).bad_verdicts, 1);
	stage_end(&stage);
}

/* The strongest of the programs before counts here too; those behind do not run. */
Test(reinvoke, the_programs_before_count)
{
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_PROCEED_HARD);
	add_pender(&stage, 1);
	add_actor(&stage, 2, PEND_VERDICT_REJECT);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	stage.actors[1].verdict = PEND_VERDICT_PROCEED_SOFT;
	continue_operation(1);
	cr_assert_eq(stage.actors[0].runs, 1);
	cr_assert_eq(stage.actors[2].runs, 0);
	ENDED(&stage, 1, "pc", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_PROGRAM);
	stage_end(&stage);
}

/* PEND without calling the helper again: it is pended all the same. */
Test(reinvoke, pend_needs_no_helper)
{
	stage_begin(&stage, 0);
	add_pender(&stage, 0);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	stage.actors[0].play = NULL;
	continue_operation(1);
	cr_assert_eq(stage.actors[0].runs, 2);
	cr_assert_str_eq(stage.deeds[1].told, "p");
	cr_assert_eq(runtime_stats(&stage).not_pended, 0);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	stage_end(&stage);
}

/* X3: continued in its own frame: it runs again after that, and not while it runs. */
static uint32_t depth;

static int play_pend_and_continue(struct actor *actor, struct scene *scene)
{
	cr_assert_eq(depth++, 0, "the program does not run twice at once");
	cr_assert_eq(actor_pend(actor), 0);
	if (actor->runs == 1) {
		cr_assert_eq(decide(&stage, scene->question, PEND_ACTION_CONTINUE), 0);
		/* X2 */
		cr_assert_eq(decide(&stage, scene->question, PEND_ACTION_CONTINUE), -EALREADY);
		(void)serve_all(stage.engine);
	}
	depth--;
	return actor->verdict;
}

Test(reinvoke, a_continue_in_the_frame_waits_for_it)
{
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_pend_and_continue;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(stage.actors[0].runs, 1);
	serve(&stage);
	cr_assert_eq(stage.actors[0].runs, 2);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	serve(&stage);
	stage.actors[0].runs = 0;
	stage.actors[0].verdict = PEND_VERDICT_PROCEED_SOFT;
	cr_assert_eq(ask(&stage, 2), PEND_VERDICT_PEND);
	serve(&stage);
	cr_assert_eq(stage.actors[0].runs, 1, "it decided: there is nothing to continue");
	ENDED(&stage, 2, "pc", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_PROGRAM);
	stage_end(&stage);
}

/* X4: decided while the program runs again: that counts, after the run. */
static int play_race_in_rerun(struct actor *actor, struct scene *scene)
{
	cr_assert_eq(actor_pend(actor), 0);
	if (actor->runs == 1)
		return PEND_VERDICT_PEND;
	cr_assert_eq(decide(&stage, scene->question, PEND_ACTION_PERMIT_HARD), 0);
	cr_assert_str_eq(stage.deeds[scene->question].told, "p");
	return actor->verdict;
}

Test(reinvoke, a_decision_during_a_run_wins_after_it)
{
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_REJECT)->play = play_race_in_rerun;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	continue_operation(1);
	ENDED(&stage, 1, "pc", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

/* F17: the program decides by helper while it runs again, although a session owns the operation. */
static int play_complete_in_rerun(struct actor *actor, struct scene *scene)
{
	(void)scene;
	if (actor->runs == 1)
		return play_pend(actor, scene);
	cr_assert_eq(bpf_complete_operation(actor->map, &actor->key, PEND_ACTION_PERMIT_HARD), 0);
	return PEND_VERDICT_PEND;
}

Test(reinvoke, it_may_complete_by_helper)
{
	struct pend_session *session = NULL;

	stage_begin(&stage, 0);
	cr_assert_eq(pend_session_open(stage.engine, NULL, &session), 0);
	cr_assert_eq(pend_custom_map_bind(stage.pends, session), 0);
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_complete_in_rerun;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(pend_session_complete(session, stage.deeds[1].map, stage.deeds[1].handle,
					   PEND_ACTION_CONTINUE),
		     0);
	serve(&stage);
	ENDED(&stage, 1, "pc", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_PROGRAM);
	cr_assert_eq(pend_session_close(session), 0);
	stage_end(&stage);
}

/* F47: the cap. */
Test(reinvoke, no_more_often_than_the_map_allows)
{
	stage_begin(&stage, 0);
	add_pender(&stage, 0);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	for (uint32_t i = 0; i < 16; i++)
		continue_operation(1);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_CONTINUE), -ELOOP);
	cr_assert_eq(stage.actors[0].runs, 17);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	stage_end(&stage);
}

/* K17: its program is detached, and runs all the same. */
Test(reinvoke, a_detached_program_goes_on)
{
	stage_begin(&stage, 0);
	add_pender(&stage, 0);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(pend_link_detach(stage.actors[0].link, PEND_OUTSTANDING_FINISH), 0);
	cr_assert_eq(ask(&stage, 2), PEND_VERDICT_PROCEED_SOFT);
	continue_operation(1);
	cr_assert_eq(stage.actors[0].runs, 2);
	stage.actors[0].verdict = PEND_VERDICT_PROCEED_HARD;
	continue_operation(1);
	ENDED(&stage, 1, "pc", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_PROGRAM);
	stage_end(&stage);
}

/* F92: who inherits it, or not. */
static void check_replaced(enum pend_outstanding outstanding, uint32_t runs_by)
{
	struct pend_link_update_options options = { .size = sizeof(options),
						    .outstanding = outstanding };

	stage_begin(&stage, 0);
	add_pender(&stage, 0);
	actor_load(&stage, 1, NULL, 0)->verdict = PEND_VERDICT_PROCEED_HARD;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(pend_link_update(stage.actors[0].link, stage.actors[1].program, &options), 0);
	stage.actors[0].verdict = PEND_VERDICT_PROCEED_SOFT;
	continue_operation(1);
	cr_assert_eq(stage.actors[0].runs, 1u + (runs_by == 0));
	cr_assert_eq(stage.actors[1].runs, (uint32_t)(runs_by == 1));
	ENDED(&stage, 1, "pc", runs_by ? PEND_ACTION_PERMIT_HARD : PEND_ACTION_PERMIT_SOFT,
	      PEND_ORIGIN_PROGRAM);
	stage_end(&stage);
}

Test(reinvoke, an_heir_runs_it)
{
	check_replaced(PEND_OUTSTANDING_FINISH, 0);
	check_replaced(PEND_OUTSTANDING_HAND_OVER, 1);
}
