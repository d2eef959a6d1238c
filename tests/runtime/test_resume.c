/* SPDX-License-Identifier: MIT */
/*
 * test_resume.c - resume mode: the chain goes on when the pender's operation is permitted (F35, F36,
 * X16, X17; guarantees A, B).
 */
#include "tests/runtime/fixture.h"

static struct stage stage;

/* A pender, then two that look on. */
static void begin_three(uint32_t flags)
{
	stage_begin(&stage, PEND_HOOK_RESUME | flags);
	add_pender(&stage, 0);
	add_actor(&stage, 1, PEND_VERDICT_PROCEED_SOFT);
	add_actor(&stage, 2, PEND_VERDICT_PROCEED_SOFT);
}

static void permit(uint64_t operation)
{
	cr_assert_eq(decide(&stage, operation, PEND_ACTION_PERMIT_SOFT), 0);
	serve(&stage);
}

Test(resume, a_permit_runs_the_rest)
{
	begin_three(0);
	stage.payloads = true;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(stage.trace_count, 0, "nothing is skipped");
	cr_assert_eq(runtime_stats(&stage).skipped, 0);
	cr_assert_eq(stage.actors[1].runs, 0);
	stage.actors[2].verdict = PEND_VERDICT_PROCEED_HARD;
	permit(1);
	cr_assert_eq(stage.actors[0].runs, 1);
	cr_assert_eq(stage.actors[1].runs, 1);
	cr_assert_eq(stage.actors[2].runs, 1);
	cr_assert_eq(stage.actors[1].seen.question, 1);
	cr_assert_eq(stage.actors[1].seen.hidden, 1001);
	cr_assert_eq(stage.actors[1].seen.data, stage_payload, "the copy");
	cr_assert_eq(stage.actors[1].seen.end, stage_payload + sizeof(stage_payload));
	ENDED(&stage, 1, "pkcr", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

Test(resume, a_block_runs_nothing)
{
	begin_three(0);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	serve(&stage);
	cr_assert_eq(stage.actors[1].runs, 0);
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

Test(resume, the_rest_may_reject)
{
	begin_three(0);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	stage.actors[1].verdict = PEND_VERDICT_REJECT;
	permit(1);
	cr_assert_eq(stage.actors[2].runs, 0, "that ends it");
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

/* F24 in resume mode: what the pender says after all lets the chain go on. */
Test(resume, a_synthesized_permit_runs_the_rest)
{
	begin_three(0);
	stage.actors[0].verdict = PEND_VERDICT_PROCEED_HARD;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	serve(&stage);
	cr_assert_eq(stage.actors[1].runs, 1);
	ENDED(&stage, 1, "pc", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_PROGRAM);
	stage_end(&stage);
}

/* The next pender: another handle, the backend's hold goes on, the payload goes along. */
Test(resume, another_may_pend_it_again)
{
	uint64_t first;

	begin_three(0);
	stage.payloads = true;
	stage.actors[1].play = play_pend;
	stage.actors[1].verdict = PEND_VERDICT_PEND;
	stage.actors[1].map = stage.others;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	first = stage.deeds[1].handle;
	permit(1);
	cr_assert_str_eq(stage.deeds[1].told, "pkm");
	cr_assert_eq(stage.deeds[1].map, pend_custom_map_pends(stage.others));
	cr_assert_eq(stage.actors[1].key.pend_id, stage.deeds[1].handle);
	cr_assert_eq(pend_map_read(pend_custom_map_pends(stage.pends), first, NULL, NULL), -ENOENT,
		     "the first has ended");
	cr_assert_eq(stage.copies, 1);
	cr_assert_eq(runtime_stats(&stage).moved, 1);
	cr_assert_eq(stage.actors[2].runs, 0);
	permit(1);
	cr_assert_eq(stage.actors[1].runs, 1);
	cr_assert_eq(stage.actors[2].runs, 1);
	ENDED(&stage, 1, "pkmcr", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	cr_assert_eq(stage.deeds[1].completed_handle, stage.deeds[1].handle);
	cr_assert_eq(runtime_stats(&stage).pends, 2);
	stage_end(&stage);
}

/* In the same map, three penders in a row, one of which decides after all. */
Test(resume, each_may_pend_it)
{
	begin_three(0);
	for (uint32_t i = 1; i < 3; i++) {
		stage.actors[i].play = play_pend;
		stage.actors[i].verdict = PEND_VERDICT_PEND;
	}
	stage.actors[1].verdict = PEND_VERDICT_PROCEED_HARD;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	permit(1);
	cr_assert_str_eq(stage.deeds[1].told, "pmm");
	cr_assert_eq(runtime_stats(&stage).synthesized, 1);
	permit(1);
	ENDED(&stage, 1, "pmmc", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
	cr_assert_eq(runtime_stats(&stage).moved, 2);
	stage_end(&stage);
}

/* A resumed program's decision waits for its frame too (guarantee B). */
static int play_pend_again_and_race(struct actor *actor, struct scene *scene)
{
	cr_assert_eq(actor_pend(actor), 0);
	cr_assert_eq(pend_map_complete(stage.deeds[scene->question].map, actor->key.pend_id,
				       PEND_ACTION_PERMIT_SOFT),
		     0);
	cr_assert_str_eq(stage.deeds[scene->question].told, "pm");
	return actor->verdict;
}

Test(resume, a_decision_in_a_resumed_frame_waits_for_it)
{
	begin_three(0);
	stage.actors[1].play = play_pend_again_and_race;
	stage.actors[1].verdict = PEND_VERDICT_PEND;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	permit(1);
	ENDED(&stage, 1, "pmc", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

/* PEND without a pend, DEFER_TO_PASSIVE, and what is no verdict. */
Test(resume, wrong_verdicts_reject)
{
	static const int wrong[] = { PEND_VERDICT_PEND, PEND_VERDICT_DEFER_TO_PASSIVE, 9 };

	begin_three(0);
	for (uint32_t i = 0; i < 3; i++) {
		stage.actors[1].verdict = wrong[i];
		cr_assert_eq(ask(&stage, i), PEND_VERDICT_PEND);
		permit(i);
		ENDED(&stage, i, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR);
	}
	cr_assert_eq(runtime_stats(&stage).not_pended, 1);
	cr_assert_eq(runtime_stats(&stage).defer_refused, 1);
	cr_assert_eq(runtime_stats(&stage).bad_verdicts, 1);
	stage_end(&stage);
}

/* X16, X17: the chain as it is then. */
Test(resume, runs_what_is_attached_by_then)
{
	begin_three(0);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(pend_link_detach(stage.actors[1].link, PEND_OUTSTANDING_FINISH), 0);
	add_actor(&stage, 3, PEND_VERDICT_PROCEED_HARD);
	permit(1);
	cr_assert_eq(stage.actors[1].runs, 0);
	cr_assert_eq(stage.actors[2].runs, 1);
	cr_assert_eq(stage.actors[3].runs, 1);
	ENDED(&stage, 1, "pc", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

Test(resume, or_only_what_was_attached_before)
{
	begin_three(PEND_HOOK_RESUME_KNOWN);
	stage.actors[1].play = play_pend;
	stage.actors[1].verdict = PEND_VERDICT_PEND;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	add_actor(&stage, 3, PEND_VERDICT_REJECT);
	permit(1);
	permit(1);
	cr_assert_eq(stage.actors[2].runs, 1);
	cr_assert_eq(stage.actors[3].runs, 0, "nor after it has moved");
	ENDED(&stage, 1, "pmc", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	cr_assert_eq(ask(&stage, 2), PEND_VERDICT_PEND);
	permit(2);
	permit(2);
	cr_assert_eq(stage.actors[3].runs, 1, "it was there when this was pended");
	stage_end(&stage);
}

/* The pender itself is gone: what was behind it still is. */
Test(resume, a_detached_pender_has_a_place)
{
	begin_three(0);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(pend_link_detach(stage.actors[0].link, PEND_OUTSTANDING_FINISH), 0);
	permit(1);
	cr_assert_eq(stage.actors[1].runs, 1);
	ENDED(&stage, 1, "pc", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

static bool refuse_second(void *context, const struct pend_uuid *attach_type, uint32_t link_id)
{
	struct pend_link_info info = { .size = sizeof(info) };

	(void)context;
	(void)attach_type;
	cr_assert_eq(pend_link_info_read(stage.actors[1].link, &info), 0);
	return link_id != info.id;
}

/* What the invocation asked for holds for the rest too. */
Test(resume, compartment_attach_type_and_filter_hold)
{
	const struct pend_link_options other = { .size = sizeof(other),
						 .attach_type = stage_attach_other };
	struct scene scene = { .question = 1 };
	struct pend_invocation invocation = invocation_of(1, &scene);

	begin_three(0);
	actor_load(&stage, 3, NULL, 0)->verdict = PEND_VERDICT_REJECT;
	cr_assert_eq(pend_link_attach(stage.actors[3].program, &other, &stage.actors[3].link), 0);
	invocation.attach_type = &stage_attach;
	invocation.filter = refuse_second;
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_PEND);
	permit(1);
	cr_assert_eq(stage.actors[1].runs, 0);
	cr_assert_eq(stage.actors[2].runs, 1);
	cr_assert_eq(stage.actors[3].runs, 0);
	ENDED(&stage, 1, "pc", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

Test(resume, a_program_of_another_compartment_is_left_out)
{
	struct scene scene = { .question = 1 };
	struct pend_invocation invocation = invocation_of(1, &scene);
	struct actor *own, *other;

	stage_begin(&stage, PEND_HOOK_RESUME);
	own = actor_load(&stage, 0, every_helper, sizeof(every_helper) / 4);
	own->play = play_pend;
	own->verdict = PEND_VERDICT_PEND;
	actor_attach(own, 7);
	other = actor_load(&stage, 1, NULL, 0);
	other->verdict = PEND_VERDICT_REJECT;
	actor_attach(other, 8);
	add_actor(&stage, 2, PEND_VERDICT_PROCEED_SOFT);
	actor_load(&stage, 3, NULL, 0);
	actor_attach(&stage.actors[3], 7);
	invocation.compartment = 7;
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_PEND);
	permit(1);
	cr_assert_eq(other->runs, 0);
	cr_assert_eq(stage.actors[3].runs, 1, "of the operation's own");
	cr_assert_eq(stage.actors[2].runs, 1);
	ENDED(&stage, 1, "pc", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

/* Its lifetime goes on from the first pend. */
Test(resume, what_moves_lives_no_longer)
{
	begin_three(0);
	stage.actors[1].play = play_pend;
	stage.actors[1].verdict = PEND_VERDICT_PEND;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	/* 2 s a cycle, 20 s in all: 19 s are gone. */
	cr_assert_eq(pend_map_extend(stage.deeds[1].map, stage.deeds[1].handle, 19500 * MS), 0);
	pass_time(stage.engine, 19 * SECOND, 50 * MS);
	permit(1);
	cr_assert_str_eq(stage.deeds[1].told, "pm");
	cr_assert_leq(info_of(stage.deeds[1].map, stage.deeds[1].handle).deadline_ns,
		      machine.mono_ns + SECOND + (1u << 16));
	pass_time(stage.engine, 1100 * MS, 5 * MS);
	ENDED(&stage, 1, "pmc", PEND_ACTION_BLOCK, PEND_ORIGIN_DEADLINE);
	stage_end(&stage);
}

/* However often it is continued where it went. */
Test(resume, what_moved_is_not_continued_for_ever)
{
	begin_three(0);
	stage.actors[1].play = play_pend;
	stage.actors[1].verdict = PEND_VERDICT_PEND;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(pend_map_extend(stage.deeds[1].map, stage.deeds[1].handle, 19500 * MS), 0);
	pass_time(stage.engine, 19 * SECOND, 50 * MS);
	permit(1);
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_str_eq(stage.deeds[1].told, "pm");
		cr_assert_eq(decide(&stage, 1, PEND_ACTION_CONTINUE), 0);
		serve(&stage);
		pass_time(stage.engine, 500 * MS, 50 * MS);
	}
	cr_assert_eq(stage.actors[1].runs, 4);
	ENDED(&stage, 1, "pmc", PEND_ACTION_BLOCK, PEND_ORIGIN_DEADLINE);
	stage_end(&stage);
}

/* And when nothing is left of it, it cannot move. */
Test(resume, what_has_no_time_left_is_not_pended_again)
{
	begin_three(0);
	stage.actors[1].play = play_pend;
	stage.actors[1].verdict = PEND_VERDICT_REJECT;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(pend_map_hold(stage.deeds[1].map, stage.deeds[1].handle), 0);
	pass_time(stage.engine, 19999 * MS + MS / 2, 50 * MS);
	permit(1);
	/* retval: bpf_pend_operation -ERANGE */
	cr_assert_eq(stage.actors[1].result, -ERANGE);
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR);
	/* Decided in time, and delivered when it was over. */
	cr_assert_eq(ask(&stage, 2), PEND_VERDICT_PEND);
	cr_assert_eq(decide(&stage, 2, PEND_ACTION_PERMIT_SOFT), 0);
	machine.mono_ns += HOUR;
	serve(&stage);
	cr_assert_eq(stage.actors[1].runs, 2);
	cr_assert_eq(stage.actors[1].result, -ERANGE);
	ENDED(&stage, 2, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

/* Cancelled before, while, and after it moves (X13). */
static int play_pend_again_and_die(struct actor *actor, struct scene *scene)
{
	const struct deed *deed = deed_of(&stage, scene->question);

	cr_assert_eq(pend_map_cancel(deed->map, deed->handle), -EALREADY);
	cr_assert_eq(actor_pend(actor), 0);
	cr_assert_eq(pend_map_cancel(deed->map, deed->handle), 0, "it has been told where");
	return actor->verdict;
}

Test(resume, what_moves_can_be_cancelled)
{
	begin_three(0);
	stage.actors[1].play = play_pend_again_and_die;
	stage.actors[1].verdict = PEND_VERDICT_PEND;
	stage.payloads = true;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	permit(1);
	cr_assert_str_eq(stage.deeds[1].told, "pkmgd");
	cr_assert_eq(runtime_stats(&stage).cancelled, 1);
	stage_end(&stage);
}

/* Read-only contexts, and writes that end the chain, are so in resumed chains. */
static int play_write(struct actor *actor, struct scene *scene)
{
	scene->answer = 99;
	return actor->verdict;
}

Test(resume, read_only_holds)
{
	begin_three(PEND_HOOK_READ_ONLY);
	stage.actors[1].play = play_write;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	permit(1);
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR);
	cr_assert_eq(runtime_stats(&stage).read_only, 1);
	stage_end(&stage);
}

Test(resume, a_write_ends_the_chain)
{
	begin_three(PEND_HOOK_STOP_ON_WRITE);
	stage.actors[1].play = play_write;
	stage.actors[2].verdict = PEND_VERDICT_REJECT;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	permit(1);
	cr_assert_eq(stage.actors[2].runs, 0);
	ENDED(&stage, 1, "pc", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

/* What one resumed program writes the next one sees, as in a chain; the saved context not. */
Test(resume, programs_behind_see_what_programs_before_wrote)
{
	begin_three(0);
	stage.actors[1].play = play_write;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	permit(1);
	cr_assert_eq(stage.actors[2].seen.answer, 99);
	stage_end(&stage);
}

static void move_with(const struct pend_backend *backend)
{
	const struct pend_hook_options options = {
		.size = sizeof(options),
		.flags = PEND_HOOK_RESUME,
		.name = "old",
		.program_type = stage_type,
		.attach_types = { stage_attach },
		.attach_type_count = 1,
		.links_max = 16,
		.backend = backend,
		.backend_context = &stage,
	};

	stage_begin(&stage, 0);
	cr_assert_eq(pend_hook_destroy(stage.hook), 0);
	cr_assert_eq(pend_hook_create(stage.runtime, &options, &stage.hook), 0);
	add_pender(&stage, 0);
	add_pender(&stage, 1);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	permit(1);
	cr_assert_str_eq(stage.deeds[1].told, "p");
	cr_assert_eq(pend_map_complete(stage.deeds[1].map, stage.actors[1].key.pend_id,
				       PEND_ACTION_BLOCK),
		     0);
	stage_end(&stage);
}

/* A backend of the first version is not asked what it has not, nor one that leaves it out. */
Test(resume, a_backend_without_moved)
{
	static struct pend_backend old, later;

	old = later = stage_backend;
	old.header.size = offsetof(struct pend_backend, owner_gone) + sizeof(old.owner_gone);
	move_with(&old);
	later.moved = NULL;
	move_with(&later);
}
