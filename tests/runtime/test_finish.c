/* SPDX-License-Identifier: MIT */
/*
 * test_finish.c - how pended operations end (F25, F33, F61, F93, X13; guarantees A, B, I).
 */
#include "tests/runtime/fixture.h"

#include <pendmap/session.h>

static struct stage stage;

/* The strongest of the programs before the pender and the decision: a prior HARD stays HARD. */
Test(finish, the_verdicts_before_the_pender_count)
{
	static const struct {
		int before;
		enum pend_verdict initial;
		enum pend_action decided, delivered;
	} cases[] = {
		{ PEND_VERDICT_PROCEED_SOFT, PEND_VERDICT_PROCEED_SOFT, PEND_ACTION_PERMIT_SOFT,
		  PEND_ACTION_PERMIT_SOFT },
		{ PEND_VERDICT_PROCEED_HARD, PEND_VERDICT_PROCEED_SOFT, PEND_ACTION_PERMIT_SOFT,
		  PEND_ACTION_PERMIT_HARD },
		{ PEND_VERDICT_PROCEED_SOFT, PEND_VERDICT_PROCEED_HARD, PEND_ACTION_PERMIT_SOFT,
		  PEND_ACTION_PERMIT_HARD },
		{ PEND_VERDICT_PROCEED_SOFT, PEND_VERDICT_PROCEED_SOFT, PEND_ACTION_PERMIT_HARD,
		  PEND_ACTION_PERMIT_HARD },
		{ PEND_VERDICT_PROCEED_HARD, PEND_VERDICT_PROCEED_HARD, PEND_ACTION_BLOCK,
		  PEND_ACTION_BLOCK },
	};
	struct actor *before;

	stage_begin(&stage, 0);
	before = add_actor(&stage, 0, 0);
	add_pender(&stage, 1);
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene scene = { .question = i };
		struct pend_invocation invocation = invocation_of(i, &scene);

		before->verdict = cases[i].before;
		invocation.initial = cases[i].initial;
		cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_PEND);
		cr_assert_eq(decide(&stage, i, cases[i].decided), 0);
		serve(&stage);
		ENDED(&stage, i, "pc", cases[i].delivered, PEND_ORIGIN_ORCHESTRATOR);
	}
	stage_end(&stage);
}

/* F61: complete, then reinject; complete, then discard. */
Test(finish, payloads_are_sent_on_or_freed_after_the_verdict)
{
	stage_begin(&stage, 0);
	add_pender(&stage, 0);
	stage.payloads = true;
	for (uint32_t i = 0; i < 4; i++)
		cr_assert_eq(ask(&stage, i), PEND_VERDICT_PEND);
	cr_assert_eq(stage.copies, 4);
	cr_assert_eq(decide(&stage, 0, PEND_ACTION_PERMIT_SOFT), 0);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_PERMIT_HARD), 0);
	cr_assert_eq(decide(&stage, 2, PEND_ACTION_BLOCK), 0);
	serve(&stage);
	ENDED(&stage, 0, "pkcr", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	ENDED(&stage, 1, "pkcr", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
	ENDED(&stage, 2, "pkcd", PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR);
	cr_assert_eq(stage.copies, 1);
	stage.reinject_error = -ENOBUFS;
	cr_assert_eq(decide(&stage, 3, PEND_ACTION_PERMIT_SOFT), 0);
	serve(&stage);
	ENDED(&stage, 3, "pkcrd", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	cr_assert_eq(runtime_stats(&stage).reinject_failed, 1);
	cr_assert_eq(stage.traces[0].type, PEND_TRACE_REINJECT);
	cr_assert_eq(stage.traces[0].error, -ENOBUFS);
	cr_assert_eq(stage.traces[0].handle, stage.deeds[3].handle);
	cr_assert_eq(stage.traces[0].program_id, stage.actors[0].program->object.id);
	stage_end(&stage);
}

/* X13: its owner is gone; the backend lets go, nobody waits for a verdict. */
Test(finish, a_cancelled_operation_has_no_verdict)
{
	stage_begin(&stage, 0);
	add_pender(&stage, 0);
	stage.payloads = true;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(pend_map_cancel(stage.deeds[1].map, stage.deeds[1].handle), 0);
	serve(&stage);
	cr_assert_str_eq(stage.deeds[1].told, "pkgd");
	cr_assert_eq(runtime_stats(&stage).cancelled, 1);
	cr_assert_eq(stats_of(stage.deeds[1].map).by_cancel, 1);
	stage_end(&stage);
}

static int play_pend_and_die(struct actor *actor, struct scene *scene)
{
	const struct deed *deed = deed_of(&stage, scene->question);

	cr_assert_eq(actor_pend(actor), 0);
	cr_assert_eq(pend_map_cancel(deed->map, deed->handle), 0);
	(void)serve_all(stage.engine);
	cr_assert_str_eq(deed->told, "p");
	return actor->verdict;
}

Test(finish, also_if_it_is_cancelled_in_its_frame)
{
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_pend_and_die;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	serve(&stage);
	cr_assert_str_eq(stage.deeds[1].told, "pg");
	stage_end(&stage);
}

/* Every way to an end is one completion. */
Test(finish, whoever_decides)
{
	struct pend_map *map;

	stage_begin(&stage, 0);
	add_pender(&stage, 0);
	map = pend_custom_map_pends(stage.pends);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	pass_time(stage.engine, 3 * SECOND, 10 * MS);
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_DEADLINE);
	cr_assert_eq(ask(&stage, 2), PEND_VERDICT_PEND);
	cr_assert_eq(pend_map_disable_async(map, SECOND, NULL, NULL), 0);
	pass_time(stage.engine, 20 * MS, MS);
	ENDED(&stage, 2, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_DRAIN);
	cr_assert_eq(pend_map_enable(map), 0);
	cr_assert_eq(ask(&stage, 3), PEND_VERDICT_PEND);
	cr_assert_eq(pend_link_detach(stage.actors[0].link, PEND_OUTSTANDING_COMPLETE), 0);
	serve(&stage);
	ENDED(&stage, 3, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_DRAIN);
	stage_end(&stage);
}

/* Of a lost session. */
Test(finish, a_lost_session_blocks)
{
	struct pend_session *session = NULL;

	stage_begin(&stage, 0);
	add_pender(&stage, 0);
	cr_assert_eq(pend_session_open(stage.engine, NULL, &session), 0);
	cr_assert_eq(pend_custom_map_bind(stage.pends, session), 0);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_PERMIT_HARD), -EPERM);
	cr_assert_eq(pend_session_close(session), 0);
	pass_time(stage.engine, 20 * MS, MS);
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_OWNER);
	stage_end(&stage);
}

/* X11: the map goes with what is pended in it. */
Test(finish, a_map_that_goes_blocks)
{
	struct pend_custom_map *old;

	stage_begin(&stage, 0);
	add_pender(&stage, 0)->map = stage.others;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	old = stage.others;
	stage.others = stage_map(&stage, BPF_MAP_TYPE_NET_EBPF_EXT_PEND, NULL);
	cr_assert_eq(pend_custom_map_close(old), 0);
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_DESTROY);
	stage_end(&stage);
}

/* F93: by powers of two. */
Test(finish, ages_are_counted)
{
	struct pend_runtime_stats stats;
	uint64_t sum = 0;

	stage_begin(&stage, 0);
	add_pender(&stage, 0);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	serve(&stage);
	cr_assert_eq(ask(&stage, 2), PEND_VERDICT_PEND);
	machine.mono_ns += UINT64_C(1) << 25;
	cr_assert_eq(decide(&stage, 2, PEND_ACTION_BLOCK), 0);
	serve(&stage);
	cr_assert_eq(ask(&stage, 3), PEND_VERDICT_PEND);
	machine.mono_ns += (UINT64_C(1) << 33) - 1;
	cr_assert_eq(pend_map_cancel(stage.deeds[3].map, stage.deeds[3].handle), 0);
	serve(&stage);
	stats = runtime_stats(&stage);
	for (uint32_t i = 0; i < 64; i++)
		sum += stats.age_ns[i];
	cr_assert_eq(sum, 3);
	cr_assert_eq(stats.age_ns[0], 1);
	cr_assert_eq(stats.age_ns[25], 1);
	cr_assert_eq(stats.age_ns[32], 1);
	stage_end(&stage);
}
