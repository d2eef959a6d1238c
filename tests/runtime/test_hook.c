/* SPDX-License-Identifier: MIT */
/*
 * test_hook.c - hooks: what makes one, in which order its chain runs (F73), who may pend there
 * (F34), and that it goes only when nothing of it is left (F76, guarantee G).
 *
 * What an invocation does is shown by test_invoke.c.
 */
#include "tests/runtime/actors.h"

static int create(const struct pend_hook_options *options, struct pend_hook **hook)
{
	return pend_hook_create(stage.runtime, options, hook);
}

static int fail_all(size_t size)
{
	(void)size;
	return 1;
}

/* ---- creating ---- */

static int clone_nothing(void *backend, uint64_t operation, struct pend_payload *payload)
{
	(void)backend;
	(void)operation;
	(void)payload;
	return 0;
}

Test(hook, needs_what_it_is_made_of)
{
	struct pend_hook *hook = NULL;
	struct pend_hook_options bad;

	build_stage();
	bad = hook_options();
	/* retval: pend_hook_create -EFAULT */
	cr_assert_eq(pend_hook_create(NULL, &bad, &hook), -EFAULT);
	cr_assert_eq(create(NULL, &hook), -EFAULT);
	cr_assert_eq(create(&bad, NULL), -EFAULT);
	bad.name = NULL;
	cr_assert_eq(create(&bad, &hook), -EFAULT);
	bad = hook_options();
	bad.backend = NULL;
	cr_assert_eq(create(&bad, &hook), -EFAULT);
	cr_assert_null(hook);
	bad.flags = PEND_HOOK_NO_PEND;
	cr_assert_eq(create(&bad, &hook), 0, "where nothing pends nobody holds");
	cr_assert_eq(pend_hook_destroy(hook), 0);
	strike_stage();
}

/* Each function that is required, where it is. */
static int reinject_nothing(void *backend, uint64_t operation, const struct pend_payload *payload)
{
	(void)backend;
	(void)operation;
	(void)payload;
	return 0;
}

static void discard_nothing(void *backend, const struct pend_payload *payload)
{
	(void)backend;
	(void)payload;
}

static void abort_nothing(void *backend, uint64_t operation)
{
	(void)backend;
	(void)operation;
}

Test(hook, needs_a_whole_backend)
{
	struct pend_hook *hook = NULL;
	struct pend_hook_options bad;
	struct pend_backend backend = stage_backend;

	build_stage();
	bad = hook_options();
	bad.backend = &backend;
	backend.pend = NULL;
	cr_assert_eq(create(&bad, &hook), -EFAULT);
	backend = stage_backend;
	backend.complete = NULL;
	cr_assert_eq(create(&bad, &hook), -EFAULT);
	backend = stage_backend;
	backend.owner_gone = NULL;
	cr_assert_eq(create(&bad, &hook), -EFAULT);
	backend = stage_backend;
	backend.clone = clone_nothing;
	cr_assert_eq(create(&bad, &hook), -EFAULT, "what clones must do the rest as well");
	backend.reinject = reinject_nothing;
	cr_assert_eq(create(&bad, &hook), -EFAULT);
	backend.discard = discard_nothing;
	cr_assert_eq(create(&bad, &hook), -EFAULT);
	backend.abort = abort_nothing;
	cr_assert_eq(create(&bad, &hook), 0);
	cr_assert_eq(pend_hook_destroy(hook), 0);
	backend = stage_backend;
	backend.header.version++;
	/* retval: pend_hook_create -EINVAL */
	cr_assert_eq(create(&bad, &hook), -EINVAL);
	backend = stage_backend;
	backend.header.size = sizeof(backend) + 8;
	cr_assert_eq(create(&bad, &hook), -EINVAL);
	backend.header.size = offsetof(struct pend_backend, moved) + sizeof(backend.moved);
	cr_assert_eq(create(&bad, &hook), 0);
	cr_assert_eq(pend_hook_destroy(hook), 0);
	strike_stage();
}

Test(hook, refuses_options_that_do_not_agree)
{
	static const uint32_t flags[] = { 1u << 31, PEND_HOOK_RESUME_KNOWN,
					  PEND_HOOK_READ_ONLY | PEND_HOOK_READ_ONLY_IGNORE,
					  PEND_HOOK_READ_ONLY | PEND_HOOK_STOP_ON_WRITE };
	struct pend_hook *hook = NULL;
	struct pend_hook_options bad;
	struct {
		struct pend_hook_options options;
		uint64_t newer;
	} later;
	char long_name[PEND_NAME_MAX + 2];

	build_stage();
	for (uint32_t i = 0; i < 4; i++) {
		bad = hook_options();
		bad.flags = flags[i];
		cr_assert_eq(create(&bad, &hook), -EINVAL, "flags %#x", flags[i]);
	}
	bad = hook_options();
	bad.size--;
	cr_assert_eq(create(&bad, &hook), -EINVAL);
	bad = hook_options();
	bad.name = "";
	cr_assert_eq(create(&bad, &hook), -EINVAL);
	bad = hook_options();
	bad.on_orchestrator_loss = PEND_HOOK_LOSS_PERMIT + 1;
	cr_assert_eq(create(&bad, &hook), -EINVAL);
	bad = hook_options();
	bad.attach_types[0] = (struct pend_uuid){ 0 };
	cr_assert_eq(create(&bad, &hook), -EINVAL);
	memset(long_name, 'n', sizeof(long_name));
	long_name[PEND_NAME_MAX + 1] = 0;
	bad = hook_options();
	bad.name = long_name;
	/* retval: pend_hook_create -ENAMETOOLONG */
	cr_assert_eq(create(&bad, &hook), -ENAMETOOLONG);
	later.options = hook_options();
	later.options.size = sizeof(later);
	later.newer = 1;
	/* retval: pend_hook_create -E2BIG */
	cr_assert_eq(create(&later.options, &hook), -E2BIG);
	strike_stage();
}

Test(hook, refuses_numbers_out_of_range)
{
	struct pend_hook *hook = NULL;
	struct pend_hook_options bad;

	build_stage();
	bad = hook_options();
	bad.links_max = 0;
	/* retval: pend_hook_create -ERANGE */
	cr_assert_eq(create(&bad, &hook), -ERANGE);
	bad.links_max = PEND_HOOK_LINKS_MAX + 1;
	cr_assert_eq(create(&bad, &hook), -ERANGE);
	bad = hook_options();
	bad.attach_type_count = 0;
	cr_assert_eq(create(&bad, &hook), -ERANGE);
	bad.attach_type_count = PEND_HOOK_ATTACH_TYPES_MAX + 1;
	cr_assert_eq(create(&bad, &hook), -ERANGE);
	strike_stage();
}

static void note_gone(void *context)
{
	*(bool *)context = true;
}

Test(hook, needs_its_program_type)
{
	struct pend_program_data large = actor_type;
	struct pend_provider *type;
	struct pend_hook *hook = NULL;
	struct pend_hook_options bad;
	struct actor actor = { 0 };
	struct pend_program_options options = program_options(&actor);
	bool gone = false;

	build_stage();
	bad = hook_options();
	bad.program_type = uuid_of(OTHER_TYPE);
	/* retval: pend_hook_create -ENOENT */
	cr_assert_eq(create(&bad, &hook), -ENOENT);
	large.context.saved_size = 257;
	type = provide_type(OTHER_TYPE, &large);
	cr_assert_eq(create(&bad, &hook), -E2BIG, "more than the runtime keeps of a context");
	cr_assert_eq(pend_provider_unregister(type, NULL, NULL), 0);
	large.context.saved_size = 256;
	type = provide_type(OTHER_TYPE, &large);
	cr_assert_eq(create(&bad, &hook), 0);
	cr_assert_eq(pend_provider_unregister(type, NULL, NULL), -EBUSY, "a hook is its client");
	cr_assert_eq(pend_hook_destroy(hook), 0);
	options.type = uuid_of(OTHER_TYPE);
	load_with(&actor, &options);
	cr_assert_eq(pend_provider_unregister(type, note_gone, &gone), 0);
	/* retval: pend_hook_create -ENODEV */
	cr_assert_eq(create(&bad, &hook), -ENODEV);
	unload(&actor);
	cr_assert(gone);
	strike_stage();
}

/* One hook for an attach type; a hook that cannot have all of its has none. */
Test(hook, is_alone_at_its_attach_types)
{
	struct pend_hook *hook = NULL, *other = NULL;
	struct pend_hook_options options;

	build_stage_with_hook(0);
	options = hook_options();
	options.attach_types[0] = uuid_of(ELSEWHERE);
	options.attach_types[1] = uuid_of(HERE);
	options.attach_type_count = 2;
	/* retval: pend_hook_create -EEXIST */
	cr_assert_eq(create(&options, &hook), -EEXIST);
	options.attach_type_count = 1;
	cr_assert_eq(create(&options, &other), 0, "the first was given back");
	cr_assert_eq(pend_hook_destroy(other), 0);
	strike_stage();
}

static int32_t failing_allocation, allocations;

static int fail_one(size_t size)
{
	(void)size;
	return allocations++ == failing_allocation;
}

Test(hook, without_memory)
{
	struct pend_hook *hook = NULL;
	struct pend_hook_options options;
	int error = -ENOMEM;

	build_stage();
	options = hook_options();
	options.attach_types[1] = uuid_of(ELSEWHERE);
	options.attach_type_count = 2;
	for (failing_allocation = 0; error; failing_allocation++) {
		allocations = 0;
		pendi_script.allocation_fails = fail_one;
		error = create(&options, &hook);
		pendi_script.allocation_fails = NULL;
		/* retval: pend_hook_create -ENOMEM */
		cr_assert(error == 0 || error == -ENOMEM);
		cr_assert_eq(pend_provider_clients(stage.type), error ? 0 : 1);
	}
	cr_assert_eq(failing_allocation - 1, 4, "hook, chain, two providers");
	cr_assert_eq(pend_hook_destroy(hook), 0);
	strike_stage();
}

/* ---- the chain ---- */

/* F73: of the operation's compartment before of any, whatever came first; else as attached. */
Test(hook, runs_specific_programs_first)
{
	struct actor any = { .verdict = 1 }, late = { .verdict = 1 }, five = { .verdict = 1 },
		     six = { .verdict = 1 }, again = { .verdict = 1 };
	struct pend_link *links[5];

	build_stage_with_hook(0);
	load(&any);
	load(&late);
	load(&five);
	load(&six);
	load(&again);
	links[0] = attach(&any);
	links[1] = attach_in(&five, 5);
	links[2] = attach_in(&six, 6);
	links[3] = attach(&late);
	links[4] = attach_in(&again, 5);
	(void)invoke_in(5);
	ASSERT_BILL(&five, &again, &any, &late);
	(void)invoke_in(6);
	ASSERT_BILL(&six, &any, &late);
	(void)invoke_in(0);
	ASSERT_BILL(&any, &late);
	cr_assert_eq(link_info(links[4]).position, 2);
	cr_assert_eq(link_info(links[0]).position, 3);
	cr_assert_eq(link_info(links[1]).compartment, 5);
	/* An update keeps the place. */
	cr_assert_eq(pend_link_update(links[1], late.program, NULL), 0);
	(void)invoke_in(5);
	ASSERT_BILL(&late, &again, &any, &late);
	detach(links[2]);
	detach(links[0]);
	(void)invoke_in(5);
	ASSERT_BILL(&late, &again, &late);
	for (uint32_t i = 0; i < 5; i++)
		close_link(links[i]);
	unload(&any);
	unload(&late);
	unload(&five);
	unload(&six);
	unload(&again);
	strike_stage();
}

Test(hook, has_room_for_sixteen)
{
	struct actor actor = { .verdict = 1 };
	struct pend_link *links[PEND_HOOK_LINKS_MAX], *more = NULL;
	const struct pend_link_options options = link_options();

	build_stage_with_hook(0);
	load(&actor);
	for (uint32_t i = 0; i < PEND_HOOK_LINKS_MAX; i++)
		links[i] = attach(&actor);
	/* retval: pend_link_attach -ENOSPC */
	cr_assert_eq(pend_link_attach(actor.program, &options, &more), -ENOSPC);
	cr_assert_null(more);
	(void)invoke();
	cr_assert_eq(stage.bill.count, PEND_HOOK_LINKS_MAX);
	detach(links[3]);
	more = attach(&actor);
	close_link(more);
	for (uint32_t i = 0; i < PEND_HOOK_LINKS_MAX; i++)
		close_link(links[i]);
	unload(&actor);
	strike_stage();
}

/* F34, OP-22: not only declared but kept. */
Test(hook, lets_one_program_pend)
{
	struct actor first = { 0 }, second = { 0 }, harmless = { .verdict = 1 };
	struct pend_link_options options = link_options();
	struct pend_custom_map *map;
	struct pend_link *link, *other, *refused = NULL;

	build_stage_with_hook(PEND_HOOK_EXCLUSIVE_PENDER);
	map = make_pends();
	load_pender(&first, map);
	load_pender(&second, map);
	load(&harmless);
	link = attach(&first);
	other = attach(&harmless);
	/* retval: pend_link_attach -EBUSY */
	cr_assert_eq(pend_link_attach(second.program, &options, &refused), -EBUSY);
	cr_assert_eq(link_info(link).flags, PEND_PROGRAM_MAY_PEND);
	cr_assert_eq(link_info(other).flags, 0);
	detach(link);
	refused = attach(&second);
	close_link(refused);
	close_link(link);
	close_link(other);
	unload(&first);
	unload(&second);
	unload(&harmless);
	let_clean();
	cr_assert_eq(pend_custom_map_close(map), 0);
	strike_stage();
}

/* ---- ending ---- */

static int act_destroy(struct actor *actor, void *context)
{
	(void)context;
	/* retval: pend_hook_destroy -EDEADLK */
	actor->error = pend_hook_destroy(stage.hook);
	cr_assert_eq(actor->error, -EDEADLK);
	return PEND_VERDICT_PROCEED_SOFT;
}

Test(hook, stays_while_anything_refers_to_it)
{
	struct actor actor = { 0 }, outsider = { .act = act_destroy };
	struct pend_custom_map *map;
	struct pend_link *link;

	build_stage_with_hook(0);
	map = make_pends();
	load_pender(&actor, map);
	load(&outsider);
	/* retval: pend_hook_destroy -EFAULT */
	cr_assert_eq(pend_hook_destroy(NULL), -EFAULT);
	link = attach(&outsider);
	(void)invoke();
	ASSERT_BILL(&outsider);
	close_link(link);
	link = attach(&actor);
	/* retval: pend_hook_destroy -EBUSY */
	cr_assert_eq(pend_hook_destroy(stage.hook), -EBUSY, "a program is attached");
	cr_assert_eq(invoke(), PEND_VERDICT_PEND);
	detach(link);
	cr_assert_eq(pend_hook_destroy(stage.hook), -EBUSY, "an operation is pended");
	cr_assert_eq(invoke(), PEND_VERDICT_PROCEED_SOFT, "it is as it was");
	cr_assert_eq(stage.bill.count, 0);
	decide(map, PEND_ACTION_BLOCK);
	cr_assert_eq(stage.completed, 1);
	cr_assert_eq(pend_hook_destroy(stage.hook), 0);
	stage.hook = NULL;
	/* A link that is detached outlives it. */
	cr_assert_eq(link_info(link).state, PEND_LINK_DETACHED);
	cr_assert_eq(pend_link_detach(link, PEND_OUTSTANDING_FINISH), -ENOLINK);
	close_link(link);
	unload(&actor);
	unload(&outsider);
	cr_assert_eq(pend_custom_map_close(map), 0);
	strike_stage();
}

Test(hook, is_made_again)
{
	struct pend_hook_options options;

	build_stage_with_hook(0);
	options = hook_options();
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(pend_hook_destroy(stage.hook), 0);
		stage.hook = make_hook(&options);
	}
	pendi_script.allocation_fails = fail_all;
	cr_assert_eq(invoke(), PEND_VERDICT_PROCEED_SOFT, "an invocation needs no memory");
	cr_assert_eq(pend_hook_destroy(stage.hook), 0, "nor does its end");
	pendi_script.allocation_fails = NULL;
	stage.hook = NULL;
	strike_stage();
}
