/* SPDX-License-Identifier: MIT */
/*
 * test_invoke.c - asking the programs of a hook (F13, F33, F70, F72, F73, F78; guarantee I).
 */
#include "tests/runtime/fixture.h"

static struct stage stage;

/* Chains of two: REJECT > PROCEED_HARD > PROCEED_SOFT, and REJECT ends the chain. */
Test(invoke, the_strongest_verdict_counts)
{
	static const struct {
		enum pend_verdict initial, first, second, expected;
		uint32_t programs;
	} cases[] = {
		{ PEND_VERDICT_PROCEED_SOFT, PEND_VERDICT_PROCEED_SOFT, PEND_VERDICT_PROCEED_SOFT,
		  PEND_VERDICT_PROCEED_SOFT, 2 },
		{ PEND_VERDICT_PROCEED_SOFT, PEND_VERDICT_PROCEED_HARD, PEND_VERDICT_PROCEED_SOFT,
		  PEND_VERDICT_PROCEED_HARD, 2 },
		{ PEND_VERDICT_PROCEED_SOFT, PEND_VERDICT_PROCEED_SOFT, PEND_VERDICT_PROCEED_HARD,
		  PEND_VERDICT_PROCEED_HARD, 2 },
		{ PEND_VERDICT_PROCEED_HARD, PEND_VERDICT_PROCEED_SOFT, PEND_VERDICT_PROCEED_SOFT,
		  PEND_VERDICT_PROCEED_HARD, 2 },
		{ PEND_VERDICT_PROCEED_HARD, PEND_VERDICT_PROCEED_HARD, PEND_VERDICT_REJECT,
		  PEND_VERDICT_REJECT, 2 },
		{ PEND_VERDICT_PROCEED_HARD, PEND_VERDICT_REJECT, PEND_VERDICT_PROCEED_HARD,
		  PEND_VERDICT_REJECT, 1 },
		{ PEND_VERDICT_REJECT, PEND_VERDICT_PROCEED_HARD, PEND_VERDICT_PROCEED_HARD,
		  PEND_VERDICT_REJECT, 0 },
	};
	struct actor *first, *second;

	stage_begin(&stage, 0);
	first = add_actor(&stage, 0, 0);
	second = add_actor(&stage, 1, 0);
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene scene = { .question = i };
		struct pend_invocation invocation = invocation_of(i, &scene);

		invocation.initial = cases[i].initial;
		first->verdict = (int)cases[i].first;
		second->verdict = (int)cases[i].second;
		cr_assert_eq(ask_with(&stage, &invocation), cases[i].expected, "case %u", i);
		cr_assert_eq(invocation.programs, cases[i].programs, "case %u", i);
	}
	stage_end(&stage);
}

Test(invoke, a_hook_without_programs_proceeds)
{
	stage_begin(&stage, 0);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PROCEED_SOFT);
	stage_end(&stage);
}

/* F13: whatever is none of the verdicts is a refusal, and counted. */
Test(invoke, what_is_no_verdict_rejects)
{
	static const int wrong[] = { 5, -1, 77, INT32_MIN, INT32_MAX };
	struct actor *actor;

	stage_begin(&stage, 0);
	actor = add_actor(&stage, 0, 0);
	for (uint32_t i = 0; i < 5; i++) {
		actor->verdict = wrong[i];
		cr_assert_eq(ask(&stage, i), PEND_VERDICT_REJECT);
		cr_assert_eq(runtime_stats(&stage).bad_verdicts, i + 1);
	}
	stage_end(&stage);
}

/* K5 */
Test(invoke, pend_without_a_pend_rejects)
{
	struct actor *actor;

	stage_begin(&stage, 0);
	actor = add_actor(&stage, 0, PEND_VERDICT_PEND);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_REJECT);
	cr_assert_eq(runtime_stats(&stage).not_pended, 1);
	cr_assert_eq(stage.trace_count, 1);
	cr_assert_eq(stage.traces[0].type, PEND_TRACE_NOT_PENDED);
	cr_assert_eq(stage.traces[0].program_id, actor->program->object.id);
	stage_end(&stage);
}

/* F73: programs of the compartment, then those of any; of another not at all. */
Test(invoke, compartments_choose_programs)
{
	struct actor *any, *own, *other;
	struct scene scene = { .question = 1 };
	struct pend_invocation invocation = invocation_of(1, &scene);

	stage_begin(&stage, 0);
	any = actor_load(&stage, 0, NULL, 0);
	own = actor_load(&stage, 1, NULL, 0);
	other = actor_load(&stage, 2, NULL, 0);
	actor_attach(any, PEND_COMPARTMENT_ANY);
	actor_attach(own, 7);
	actor_attach(other, 8);
	own->verdict = PEND_VERDICT_REJECT;
	invocation.compartment = 7;
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_REJECT);
	cr_assert_eq(invocation.programs, 1);
	cr_assert_eq(any->runs, 0, "behind that of the compartment");
	own->verdict = PEND_VERDICT_PROCEED_SOFT;
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(invocation.programs, 2);
	invocation.compartment = 0;
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(any->runs, 2);
	cr_assert_eq(own->runs, 2);
	cr_assert_eq(other->runs, 0);
	stage_end(&stage);
}

struct choice {
	uint32_t link_id; /* that runs */
	uint32_t asked;
};

static bool choose(void *context, const struct pend_uuid *attach_type, uint32_t link_id)
{
	struct choice *choice = context;

	cr_assert_eq(memcmp(attach_type, &stage_attach, sizeof(stage_attach)), 0);
	choice->asked++;
	return link_id == choice->link_id;
}

static uint32_t id_of_link(struct pend_link *link)
{
	struct pend_link_info info = { .size = sizeof(info) };

	cr_assert_eq(pend_link_info_read(link, &info), 0);
	return info.id;
}

/* F72 */
Test(invoke, a_filter_chooses_programs)
{
	struct choice choice = { 0 };
	struct scene scene = { .question = 1 };
	struct pend_invocation invocation = invocation_of(1, &scene);

	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_REJECT);
	add_actor(&stage, 1, PEND_VERDICT_PROCEED_HARD);
	choice.link_id = id_of_link(stage.actors[1].link);
	invocation.filter = choose;
	invocation.filter_context = &choice;
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_PROCEED_HARD);
	cr_assert_eq(choice.asked, 2);
	cr_assert_eq(invocation.programs, 1);
	cr_assert_eq(stage.actors[0].runs, 0);
	stage_end(&stage);
}

Test(invoke, an_attach_type_chooses_programs)
{
	struct scene scene = { .question = 1 };
	struct pend_invocation invocation = invocation_of(1, &scene);
	struct pend_link_options options = { .size = sizeof(options) };
	struct actor *actor;

	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_PROCEED_SOFT);
	actor = actor_load(&stage, 1, NULL, 0);
	options.attach_type = stage_attach_other;
	actor->verdict = PEND_VERDICT_REJECT;
	cr_assert_eq(pend_link_attach(actor->program, &options, &actor->link), 0);
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_REJECT, "all of them");
	invocation.attach_type = &stage_attach;
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_PROCEED_SOFT);
	invocation.attach_type = &stage_attach_other;
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_REJECT);
	cr_assert_eq(invocation.programs, 1);
	stage_end(&stage);
}

/* ---- contexts that are watched: F70, OP-43 ---- */

static int play_write(struct actor *actor, struct scene *scene)
{
	scene->answer = actor->seen.answer + 1;
	return actor->verdict;
}

static int play_write_the_same(struct actor *actor, struct scene *scene)
{
	scene->answer = scene->answer + 1;
	scene->answer = actor->seen.answer;
	return actor->verdict;
}

static enum pend_verdict ask_scene(struct scene *scene, uint32_t *programs)
{
	struct pend_invocation invocation = invocation_of(1, scene);

	(void)ask_with(&stage, &invocation);
	*programs = invocation.programs;
	return invocation.verdict;
}

Test(invoke, a_write_to_a_read_only_context_is_undone_and_rejects)
{
	struct scene scene = { .question = 1, .answer = 5 };
	uint32_t programs;

	stage_begin(&stage, PEND_HOOK_READ_ONLY);
	add_actor(&stage, 0, PEND_VERDICT_PROCEED_HARD)->play = play_write;
	add_actor(&stage, 1, PEND_VERDICT_PROCEED_HARD);
	cr_assert_eq(ask_scene(&scene, &programs), PEND_VERDICT_REJECT);
	cr_assert_eq(programs, 1);
	cr_assert_eq(scene.answer, 5);
	cr_assert_eq(runtime_stats(&stage).read_only, 1);
	cr_assert_eq(stage.traces[0].type, PEND_TRACE_READ_ONLY);
	cr_assert_eq(stage.traces[0].program_id, stage.actors[0].program->object.id);
	stage.actors[0].play = play_write_the_same;
	cr_assert_eq(ask_scene(&scene, &programs), PEND_VERDICT_PROCEED_HARD);
	cr_assert_eq(programs, 2);
	cr_assert_eq(runtime_stats(&stage).read_only, 1, "the same value is no write");
	stage_end(&stage);
}

Test(invoke, or_is_undone_and_ignored)
{
	struct scene scene = { .question = 1, .answer = 5 };
	uint32_t programs;

	stage_begin(&stage, PEND_HOOK_READ_ONLY_IGNORE);
	add_actor(&stage, 0, PEND_VERDICT_PROCEED_HARD)->play = play_write;
	add_actor(&stage, 1, PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(ask_scene(&scene, &programs), PEND_VERDICT_PROCEED_HARD);
	cr_assert_eq(programs, 2);
	cr_assert_eq(scene.answer, 5);
	cr_assert_eq(stage.actors[1].seen.answer, 5, "the next program sees nothing of it");
	cr_assert_eq(runtime_stats(&stage).read_only, 1);
	stage_end(&stage);
}

/* Every byte that programs see is compared: the last one too. */
Test(invoke, each_byte_of_a_read_only_context_counts)
{
	struct scene scene = { .question = 1, .end = NULL };
	uint32_t programs;

	stage_begin(&stage, PEND_HOOK_READ_ONLY);
	add_actor(&stage, 0, PEND_VERDICT_PROCEED_HARD)->play = play_write;
	for (size_t at = 0; at < offsetof(struct scene, hidden); at++) {
		unsigned char before[sizeof(scene)];

		memcpy(before, &scene, sizeof(scene));
		((unsigned char *)&scene)[at] ^= 1;
		(void)ask_scene(&scene, &programs);
		((unsigned char *)&scene)[at] ^= 1;
		cr_assert_eq(memcmp(before, &scene, sizeof(scene)), 0);
	}
	cr_assert_eq(runtime_stats(&stage).read_only, offsetof(struct scene, hidden));
	stage_end(&stage);
}

Test(invoke, a_write_may_end_the_chain)
{
	struct scene scene = { .question = 1, .answer = 5 };
	uint32_t programs;

	stage_begin(&stage, PEND_HOOK_STOP_ON_WRITE);
	add_actor(&stage, 0, PEND_VERDICT_PROCEED_SOFT)->play = play_write;
	add_actor(&stage, 1, PEND_VERDICT_REJECT);
	cr_assert_eq(ask_scene(&scene, &programs), PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(programs, 1);
	cr_assert_eq(scene.answer, 6, "and stays");
	stage.actors[0].play = NULL;
	cr_assert_eq(ask_scene(&scene, &programs), PEND_VERDICT_REJECT);
	cr_assert_eq(programs, 2);
	stage_end(&stage);
}

/* F60: programs of the stream layer answer in other words; what is none of them refuses. */
Test(invoke, flow_verdicts_are_translated)
{
	static const struct {
		int returned;
		enum pend_verdict expected;
	} cases[] = {
		{ EBPF_FLOW_CLASSIFY_ALLOW, PEND_VERDICT_PROCEED_SOFT },
		{ EBPF_FLOW_CLASSIFY_BLOCK, PEND_VERDICT_REJECT },
		{ EBPF_FLOW_CLASSIFY_NEED_MORE_DATA, PEND_VERDICT_PROCEED_HARD },
		{ 3, PEND_VERDICT_REJECT },
		{ -1, PEND_VERDICT_REJECT },
	};
	struct actor *actor;

	stage_begin(&stage, PEND_HOOK_CLASSIFIES | PEND_HOOK_NO_PEND);
	actor = add_actor(&stage, 0, 0);
	for (uint32_t i = 0; i < 5; i++) {
		actor->verdict = cases[i].returned;
		cr_assert_eq(ask(&stage, i), cases[i].expected, "case %u", i);
	}
	stage_end(&stage);
}

/* ---- programs whose functions are gone: F81 ---- */

static uint64_t answer_helper(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	return a + b + c + d + e;
}

static int play_function(struct actor *actor, struct scene *scene)
{
	const pend_helper_fn function = bpf_function(0);

	cr_assert_null(bpf_function(1), "it named one");
	scene->answer = function(1, 2, 3, 4, 5);
	return actor->verdict;
}

Test(invoke, a_program_whose_function_is_gone_rejects)
{
	static const struct pend_function_data data = {
		.header = PEND_HEADER(PEND_FUNCTION_VERSION, struct pend_function_data, prototype),
		.name = "answer",
		.address = answer_helper,
		.prototype = 5,
	};
	static const char *const names[] = { "answer" };
	static const uint64_t prototypes[] = { 5 };
	const struct pend_provider_options provider_options = {
		.size = sizeof(provider_options),
		.kind = PEND_PROVIDER_FUNCTION,
		.data = &data.header,
	};
	struct pend_program_options options = { .size = sizeof(options) };
	struct scene scene = { .question = 1 };
	struct pend_provider *provider;
	struct actor *actor = &stage.actors[0];
	uint32_t programs;

	stage_begin(&stage, 0);
	options.name = "caller";
	options.type = stage_type;
	options.entry = actor_run;
	options.data = actor;
	options.function_count = 1;
	options.functions = names;
	options.prototypes = prototypes;
	actor->stage = &stage;
	actor->play = play_function;
	actor->verdict = PEND_VERDICT_PROCEED_HARD;
	cr_assert_eq(pend_program_load(stage.runtime, &options, &actor->program), 0);
	actor_attach(actor, PEND_COMPARTMENT_ANY);
	add_actor(&stage, 1, PEND_VERDICT_PROCEED_SOFT);
	for (uint32_t i = 0; i < 2; i++) {
		cr_assert_eq(ask_scene(&scene, &programs), PEND_VERDICT_REJECT);
		cr_assert_eq(programs, 0);
		cr_assert_eq(runtime_stats(&stage).lost_function, i + 1);
		cr_assert_eq(stage.traces[stage.trace_count - 1].type, PEND_TRACE_LOST);
		cr_assert_eq(pend_provider_register(stage.runtime, &provider_options, &provider),
			     0);
		cr_assert_eq(ask_scene(&scene, &programs), PEND_VERDICT_PROCEED_HARD);
		cr_assert_eq(scene.answer, 15);
		cr_assert_eq(pend_provider_unregister(provider, NULL, NULL), 0);
	}
	stage_end(&stage);
}

/* ---- several at once: F78 ---- */

Test(invoke, a_batch_is_as_many_invocations)
{
	struct scene scenes[3] = { { .question = 0 }, { .question = 1 }, { .question = 2 } };
	struct pend_invocation invocations[3];

	stage_begin(&stage, 0);
	add_pender(&stage, 0);
	for (uint32_t i = 0; i < 3; i++)
		invocations[i] = invocation_of(i, &scenes[i]);
	invocations[1].initial = PEND_VERDICT_REJECT;
	cr_assert_eq(pend_hook_invoke_batch(stage.hook, invocations, 3), 3);
	cr_assert_eq(invocations[0].verdict, PEND_VERDICT_PEND);
	cr_assert_eq(invocations[1].verdict, PEND_VERDICT_REJECT);
	cr_assert_eq(invocations[1].programs, 0);
	cr_assert_eq(invocations[2].verdict, PEND_VERDICT_PEND);
	cr_assert_neq(invocations[0].handle, invocations[2].handle);
	cr_assert_eq(pend_hook_invoke_batch(stage.hook, invocations, 0), 0);
	cr_assert_eq(decide(&stage, 0, PEND_ACTION_PERMIT_SOFT), 0);
	cr_assert_eq(decide(&stage, 2, PEND_ACTION_BLOCK), 0);
	serve(&stage);
	ENDED(&stage, 0, "pc", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	ENDED(&stage, 2, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

/* ---- errors ---- */

Test(invoke, errors)
{
	struct scene scene = { .question = 1 };
	struct pend_invocation right = invocation_of(1, &scene), wrong = right;
	struct pend_invocation both[2];

	stage_begin(&stage, 0);
	/* retval: pend_hook_invoke -EFAULT */
	cr_assert_eq(pend_hook_invoke(NULL, &right), -EFAULT);
	cr_assert_eq(pend_hook_invoke(stage.hook, NULL), -EFAULT);
	wrong.context = NULL;
	cr_assert_eq(pend_hook_invoke(stage.hook, &wrong), -EFAULT);
	wrong = right;
	wrong.flags = 2;
	/* retval: pend_hook_invoke -EINVAL */
	cr_assert_eq(pend_hook_invoke(stage.hook, &wrong), -EINVAL);
	wrong = right;
	wrong.initial = PEND_VERDICT_PEND;
	cr_assert_eq(pend_hook_invoke(stage.hook, &wrong), -EINVAL);
	/* retval: pend_hook_invoke_batch -EFAULT */
	cr_assert_eq(pend_hook_invoke_batch(NULL, &right, 1), -EFAULT);
	cr_assert_eq(pend_hook_invoke_batch(stage.hook, NULL, 1), -EFAULT);
	/* retval: pend_hook_invoke_batch -ERANGE */
	cr_assert_eq(pend_hook_invoke_batch(stage.hook, &right, (uint32_t)INT32_MAX + 1), -ERANGE);
	add_actor(&stage, 0, PEND_VERDICT_PROCEED_HARD);
	both[0] = right;
	both[1] = wrong;
	/* retval: pend_hook_invoke_batch -EINVAL */
	cr_assert_eq(pend_hook_invoke_batch(stage.hook, both, 2), -EINVAL);
	both[0] = wrong;
	both[1] = right;
	cr_assert_eq(pend_hook_invoke_batch(stage.hook, both, 2), -EINVAL);
	cr_assert_eq(stage.actors[0].runs, 0, "none is run");
	stage_end(&stage);
}

/* The frame functions say nothing outside of one. */
Test(invoke, outside_of_a_frame)
{
	cr_assert_null(pend_frame_context());
	cr_assert_null(pend_frame_hook());
	cr_assert_eq(pend_frame_operation(), 0);
}

static int play_look(struct actor *actor, struct scene *scene)
{
	cr_assert_eq(pend_frame_context(), scene);
	cr_assert_eq(pend_frame_hook(), stage.hook);
	cr_assert_eq(pend_frame_operation(), actor->seen.question);
	return actor->verdict;
}

/* Frames nest: a program whose backend asks again. */
static int play_nested(struct actor *actor, struct scene *scene)
{
	struct scene inner = { .question = 9 };
	struct pend_invocation invocation = invocation_of(9, &inner);

	if (scene->question == 9)
		return play_look(actor, scene);
	cr_assert_eq(pend_hook_invoke(stage.hook, &invocation), 0);
	cr_assert_eq(invocation.verdict, PEND_VERDICT_PROCEED_HARD);
	cr_assert_eq(pend_frame_context(), scene);
	cr_assert_eq(pend_frame_operation(), 3);
	return actor->verdict;
}

Test(invoke, frames_nest)
{
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_PROCEED_HARD)->play = play_nested;
	cr_assert_eq(ask(&stage, 3), PEND_VERDICT_PROCEED_HARD);
	cr_assert_eq(stage.actors[0].runs, 2);
	cr_assert_null(pend_frame_context());
	stage_end(&stage);
}
