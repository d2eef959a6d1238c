/* SPDX-License-Identifier: MIT */
/*
 * test_edges.c - at the edges of the runtime: threads that epochs refuse, contexts of an odd size,
 * functions that are gone when a program runs again, calls that a hook's end waits for.
 */
#include "tests/runtime/fixture.h"
#include "tests/support/numbers.h"

static struct stage stage;

/* ---- a thread that gets no number ---- */

static void *close_in_thread(void *map)
{
	cr_assert_eq(pend_custom_map_close(map), 0);
	return NULL;
}

/* It closes the map of what is permitted: the programs behind cannot run there, which is as if one of
 * them had rejected. */
Test(edges, a_chain_is_not_resumed_without_a_number)
{
	struct pend_custom_map *map;

	stage_begin(&stage, PEND_HOOK_RESUME);
	map = stage_map(&stage, BPF_MAP_TYPE_NET_EBPF_EXT_PEND, NULL);
	add_pender(&stage, 0)->map = map;
	add_actor(&stage, 1, PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_PERMIT_SOFT), 0);
	numbers_without(close_in_thread, map);
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR);
	cr_assert_eq(stage.actors[1].runs, 0);
	stage_end(&stage);
}

/* ---- functions that are gone: F81 ---- */

static uint64_t answer_helper(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	return a + b + c + d + e;
}

Test(edges, a_program_whose_function_is_gone_does_not_run_again)
{
	static const struct pend_function_data data = {
		.header = PEND_HEADER(PEND_FUNCTION_VERSION, struct pend_function_data, prototype),
		.name = "answer",
		.address = answer_helper,
	};
	static const char *const names[] = { "answer" };
	static const uint64_t prototypes[] = { 0 };
	const struct pend_provider_options provider_options = {
		.size = sizeof(provider_options),
		.kind = PEND_PROVIDER_FUNCTION,
		.data = &data.header,
	};
	struct actor *actor = &stage.actors[0];
	struct pend_program_options options = {
		.size = sizeof(options),
		.name = "caller",
		.type = stage_type,
		.entry = actor_run,
		.data = actor,
		.helpers = every_helper,
		.helper_count = sizeof(every_helper) / sizeof(every_helper[0]),
		.functions = names,
		.prototypes = prototypes,
		.function_count = 1,
	};
	struct pend_provider *provider;

	stage_begin(&stage, 0);
	cr_assert_eq(pend_provider_register(stage.runtime, &provider_options, &provider), 0);
	actor->stage = &stage;
	actor->map = stage.pends;
	actor->play = play_pend;
	actor->verdict = PEND_VERDICT_PEND;
	cr_assert_eq(pend_program_load(stage.runtime, &options, &actor->program), 0);
	actor_attach(actor, PEND_COMPARTMENT_ANY);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(pend_provider_unregister(provider, NULL, NULL), 0);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_CONTINUE), 0);
	serve(&stage);
	cr_assert_eq(actor->runs, 1);
	cr_assert_eq(runtime_stats(&stage).lost_function, 1);
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_PROGRAM);
	stage_end(&stage);
}

/* ---- contexts of an odd size: F70 ---- */

enum { ODD_SIZE = 27 };

static uint32_t spoilt;

static int play_spoil(struct actor *actor, struct scene *scene)
{
	if (spoilt < ODD_SIZE)
		((unsigned char *)scene)[spoilt] ^= 1;
	return actor->verdict;
}

static const struct pend_uuid odd_type = { { 'o', 'd', 'd' } }, odd_attach = { { 'a', 't' } };

static struct pend_hook *make_odd_hook(void)
{
	const struct pend_hook_options options = {
		.size = sizeof(options),
		.flags = PEND_HOOK_NO_PEND | PEND_HOOK_READ_ONLY,
		.name = "odd",
		.program_type = odd_type,
		.attach_types = { odd_attach },
		.attach_type_count = 1,
		.links_max = 1,
	};
	struct pend_hook *hook = NULL;

	cr_assert_eq(pend_hook_create(stage.runtime, &options, &hook), 0);
	return hook;
}

Test(edges, each_byte_of_an_odd_context_counts)
{
	static struct pend_program_data data;
	const struct pend_provider_options provider = { .size = sizeof(provider),
							.kind = PEND_PROVIDER_PROGRAM,
							.id = odd_type,
							.data = &data.header };
	struct actor actor = { .play = play_spoil, .verdict = PEND_VERDICT_PROCEED_HARD };
	const struct pend_program_options options = { .size = sizeof(options),
						      .name = "odd",
						      .type = odd_type,
						      .entry = actor_run,
						      .data = &actor };
	const struct pend_link_options link_options = { .size = sizeof(link_options),
							.attach_type = odd_attach };
	struct pend_provider *type;
	struct pend_hook *hook;

	stage_begin(&stage, 0);
	data = stage_program_data;
	data.context = (struct pend_context_layout){ ODD_SIZE, sizeof(struct scene), -1, -1 };
	cr_assert_eq(pend_provider_register(stage.runtime, &provider, &type), 0);
	hook = make_odd_hook();
	cr_assert_eq(pend_program_load(stage.runtime, &options, &actor.program), 0);
	cr_assert_eq(pend_link_attach(actor.program, &link_options, &actor.link), 0);
	for (spoilt = 0; spoilt <= ODD_SIZE; spoilt++) {
		const bool wrote = spoilt < ODD_SIZE;
		struct scene scene = { .question = 1, .answer = 2, .hidden = 3 };
		const struct scene before = scene;
		struct pend_invocation invocation = invocation_of(5, &scene);

		stage.trace_count = 0;
		cr_assert_eq(pend_hook_invoke(hook, &invocation), 0);
		cr_assert_eq(invocation.verdict,
			     wrote ? PEND_VERDICT_REJECT : PEND_VERDICT_PROCEED_HARD);
		cr_assert_eq(memcmp(&scene, &before, sizeof(scene)), 0, "byte %u", spoilt);
		cr_assert_eq(stage.trace_count, wrote);
	}
	cr_assert_eq(runtime_stats(&stage).read_only, ODD_SIZE);
	actor_remove(&actor);
	cr_assert_eq(pend_hook_destroy(hook), 0);
	cr_assert_eq(pend_provider_unregister(type, NULL, NULL), 0);
	stage_end(&stage);
}

/* ---- helpers ---- */

/* A key says nothing of its map: in another it is another's, or nobody's. */
static int play_complete_elsewhere(struct actor *actor, struct scene *scene)
{
	uint32_t size = 0;

	(void)scene;
	cr_assert_eq(actor_pend(actor), 0);
	cr_assert_eq(bpf_complete_operation(stage.others, &actor->key, PEND_ACTION_BLOCK), -ENOENT);
	cr_assert_not_null(bpf_pend_scratch(&size));
	cr_assert_eq(size, 32);
	cr_assert_eq(bpf_pend_scratch(NULL), bpf_pend_scratch(&size), "who knows asks no size");
	return PEND_VERDICT_PEND;
}

Test(edges, a_key_is_of_its_map)
{
	stage_begin(&stage, 0);
	add_pender(&stage, 0)->play = play_complete_elsewhere;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_str_eq(stage.deeds[1].told, "p");
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	stage_end(&stage);
}

/* ---- a hook's end ---- */

static struct pendi_use caller;
static uint32_t pauses;

/* The call that still looked at the hook finds it closed, and leaves. */
static void leave_hook(void)
{
	if (stage.hook->open || !caller.provider)
		return;
	pauses++;
	pendi_registry_unuse(&caller);
}

Test(edges, a_hooks_end_waits_for_calls)
{
	stage_begin(&stage, 0);
	cr_assert_eq(pendi_registry_use(&stage.runtime->registry, PEND_PROVIDER_HOOK, &stage_attach,
					&caller),
		     0);
	machine.on_pause = leave_hook;
	cr_assert_eq(pend_hook_destroy(stage.hook), 0);
	machine.on_pause = NULL;
	cr_assert_eq(pauses, 1);
	stage_make_hook(&stage, 0, PEND_HOOK_LOSS_PROGRAM);
	stage_end(&stage);
}
