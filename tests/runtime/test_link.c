/* SPDX-License-Identifier: MIT */
/*
 * test_link.c - links: attaching, detaching (F88, C6), what a detach does to what is pended (F40,
 * OP-14, D1, K17), how links are found, pinned and closed.
 */
#include "tests/runtime/actors.h"

static int attach_as(const struct actor *actor, const struct pend_link_options *options,
		     struct pend_link **link)
{
	return pend_link_attach(actor->program, options, link);
}

/* ---- attaching ---- */

Test(link, refuses_bad_options)
{
	struct actor actor = { 0 };
	struct pend_link *link = NULL;
	struct pend_link_options bad = link_options();
	struct {
		struct pend_link_options options;
		uint64_t newer;
	} later = { link_options(), 1 };

	build_stage_with_hook(0);
	load(&actor);
	/* retval: pend_link_attach -EFAULT */
	cr_assert_eq(pend_link_attach(NULL, &bad, &link), -EFAULT);
	cr_assert_eq(attach_as(&actor, NULL, &link), -EFAULT);
	cr_assert_eq(attach_as(&actor, &bad, NULL), -EFAULT);
	/* retval: pend_link_attach -EINVAL */
	bad.size--;
	cr_assert_eq(attach_as(&actor, &bad, &link), -EINVAL);
	bad = link_options();
	bad.flags = 1;
	cr_assert_eq(attach_as(&actor, &bad, &link), -EINVAL);
	bad = link_options();
	bad.reserved = 1;
	cr_assert_eq(attach_as(&actor, &bad, &link), -EINVAL);
	/* retval: pend_link_attach -E2BIG */
	later.options.size = sizeof(later);
	cr_assert_eq(attach_as(&actor, &later.options, &link), -E2BIG);
	/* retval: pend_link_attach -ENOENT */
	bad = link_options();
	bad.attach_type = uuid_of(ELSEWHERE);
	cr_assert_eq(attach_as(&actor, &bad, &link), -ENOENT);
	cr_assert_null(link);
	unload(&actor);
	strike_stage();
}

/* F67: programs of the hook's type, at the attach type that they were made for. */
Test(link, takes_what_fits)
{
	struct actor other = { 0 }, elsewhere = { 0 }, here = { .verdict = 1 }, ours = { 0 };
	struct pend_program_options options;
	struct pend_link_options at = link_options();
	struct pend_provider *type;
	struct pend_link *link = NULL;

	build_stage_with_hook(0);
	type = provide_type(OTHER_TYPE, &actor_type);
	options = program_options(&other);
	options.type = uuid_of(OTHER_TYPE);
	load_with(&other, &options);
	options = program_options(&elsewhere);
	options.attach_type = uuid_of(ELSEWHERE);
	load_with(&elsewhere, &options);
	options = program_options(&here);
	options.attach_type = uuid_of(HERE);
	load_with(&here, &options);
	options = program_options(&ours);
	options.name_space.user_inode = 9;
	load_with(&ours, &options);
	cr_assert_eq(attach_as(&other, &at, &link), -EINVAL);
	cr_assert_eq(attach_as(&elsewhere, &at, &link), -EINVAL);
	/* retval: pend_link_attach -EPERM */
	cr_assert_eq(attach_as(&ours, &at, &link), -EPERM);
	at.name_space.user_inode = 9;
	cr_assert_eq(attach_as(&here, &at, &link), -EPERM);
	cr_assert_eq(pend_provider_clients(stage.hook->providers[0]), 0);
	cr_assert_eq(attach_as(&ours, &at, &link), 0);
	close_link(link);
	let_clean();
	link = attach(&here);
	cr_assert_eq(pend_provider_clients(stage.hook->providers[0]), 1);
	close_link(link);
	unload(&other);
	unload(&elsewhere);
	unload(&here);
	unload(&ours);
	cr_assert_eq(pend_provider_unregister(type, NULL, NULL), 0);
	strike_stage();
}

/* A hook that is going takes nobody: shown at the place where two calls meet. */
Test(link, finds_no_hook_that_is_going)
{
	struct actor actor = { 0 };
	struct pend_link_options at = link_options();
	struct pend_link *link = NULL;

	build_stage_with_hook(0);
	load(&actor);
	stage.hook->open = false;
	/* retval: pend_link_attach -ENODEV */
	cr_assert_eq(attach_as(&actor, &at, &link), -ENODEV);
	stage.hook->open = true;
	cr_assert_eq(pend_provider_clients(stage.hook->providers[0]), 0);
	unload(&actor);
	strike_stage();
}

static int32_t failing_allocation, allocations;

static int fail_one(size_t size)
{
	(void)size;
	return allocations++ == failing_allocation;
}

static int fail_all(size_t size)
{
	(void)size;
	return 1;
}

Test(link, without_memory)
{
	struct actor actor = { .verdict = 1 };
	struct pend_link_options at = link_options();
	struct pend_link *link = NULL;
	int error = -ENOMEM;

	build_stage_with_hook(0);
	load(&actor);
	for (failing_allocation = 0; error; failing_allocation++) {
		allocations = 0;
		pendi_script.allocation_fails = fail_one;
		error = attach_as(&actor, &at, &link);
		pendi_script.allocation_fails = NULL;
		/* retval: pend_link_attach -ENOMEM */
		cr_assert(error == 0 || error == -ENOMEM);
		cr_assert_eq(pend_provider_clients(stage.hook->providers[0]), error ? 0 : 1);
		cr_assert_eq(program_info(&actor).links, error ? 0 : 1);
	}
	cr_assert_eq(failing_allocation - 1, 5, "link, attachment, counters, two chains");
	/* To let it go needs none. */
	pendi_script.allocation_fails = fail_all;
	detach(link);
	close_link(link);
	pendi_script.allocation_fails = NULL;
	unload(&actor);
	cr_assert_eq(actor.freed, 1);
	strike_stage();
}

/* ---- detaching ---- */

static int act_detach(struct actor *actor, void *context)
{
	(void)context;
	/* retval: pend_link_detach -EDEADLK */
	actor->error = pend_link_detach(actor->link, PEND_OUTSTANDING_FINISH);
	cr_assert_eq(actor->error, -EDEADLK);
	return PEND_VERDICT_PROCEED_SOFT;
}

Test(link, is_detached_for_good)
{
	struct actor actor = { .act = act_detach };
	struct pend_link *link;

	build_stage_with_hook(0);
	load(&actor);
	link = actor.link = attach(&actor);
	(void)invoke();
	ASSERT_BILL(&actor);
	cr_assert_eq(pendi_epoch_enter(), 0);
	cr_assert_eq(pend_link_detach(link, PEND_OUTSTANDING_FINISH), -EDEADLK);
	pendi_epoch_exit();
	cr_assert_eq(link_info(link).state, PEND_LINK_ATTACHED);
	/* retval: pend_link_detach -EFAULT */
	cr_assert_eq(pend_link_detach(NULL, PEND_OUTSTANDING_FINISH), -EFAULT);
	/* retval: pend_link_detach -EINVAL */
	cr_assert_eq(pend_link_detach(link, PEND_OUTSTANDING_HAND_OVER), -EINVAL);
	detach(link);
	cr_assert_eq(link_info(link).state, PEND_LINK_DETACHED);
	cr_assert_eq(link_info(link).program_id, 0);
	cr_assert_eq(link_info(link).flags, 0);
	cr_assert_eq(program_info(&actor).links, 0);
	cr_assert_eq(invoke(), PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(stage.bill.count, 0);
	/* retval: pend_link_detach -ENOLINK */
	cr_assert_eq(pend_link_detach(link, PEND_OUTSTANDING_FINISH), -ENOLINK);
	unload(&actor);
	cr_assert_eq(actor.freed, 1, "the link holds it no more");
	close_link(link);
	strike_stage();
}

static void note_detached(void *context)
{
	++*(uint32_t *)context;
}

Test(link, says_when_the_last_invocation_has_ended)
{
	struct actor actor = { .verdict = 1 };
	uint32_t detached = 0;
	struct pend_link *link;

	build_stage_with_hook(0);
	load(&actor);
	link = attach(&actor);
	/* retval: pend_link_detach_async -EFAULT */
	cr_assert_eq(pend_link_detach_async(NULL, PEND_OUTSTANDING_FINISH, NULL, NULL), -EFAULT);
	/* retval: pend_link_detach_async -EINVAL */
	cr_assert_eq(pend_link_detach_async(link, PEND_OUTSTANDING_HAND_OVER, NULL, NULL), -EINVAL);
	cr_assert_eq(pendi_epoch_enter(), 0);
	cr_assert_eq(
		pend_link_detach_async(link, PEND_OUTSTANDING_FINISH, note_detached, &detached), 0);
	(void)invoke();
	cr_assert_eq(stage.bill.count, 0, "new ones do not run it");
	cr_assert_eq(detached, 0, "one that may still run it is inside");
	pass_time(stage.engine, 5 * MS, MS);
	cr_assert_eq(detached, 0);
	pendi_epoch_exit();
	await_sign(&detached);
	cr_assert_eq(detached, 1);
	/* retval: pend_link_detach_async -ENOLINK */
	cr_assert_eq(
		pend_link_detach_async(link, PEND_OUTSTANDING_FINISH, note_detached, &detached),
		-ENOLINK);
	let_clean();
	cr_assert_eq(detached, 1);
	close_link(link);
	unload(&actor);
	strike_stage();
}

/* ---- what is pended ---- */

struct play {
	struct pend_custom_map *map;
	struct actor actor;
	struct pend_link *link;
};

/* The program has pended an operation, and only link and pend hold it. */
static void begin_play(struct play *play)
{
	build_stage_with_hook(0);
	play->map = make_pends();
	load_pender(&play->actor, play->map);
	play->link = attach(&play->actor);
	unload(&play->actor);
	cr_assert_eq(invoke(), PEND_VERDICT_PEND);
}

static void end_play(struct play *play)
{
	close_link(play->link);
	let_clean();
	cr_assert_eq(play->actor.freed, 1);
	cr_assert_eq(pend_custom_map_close(play->map), 0);
	strike_stage();
}

static int act_decide(struct actor *actor, void *context)
{
	(void)context;
	return actor->verdict;
}

/* K17, X10: the program is detached, and yet continued: the pend holds it. */
Test(link, detach_leaves_pends_to_finish)
{
	struct play play = { 0 };

	begin_play(&play);
	detach(play.link);
	cr_assert_eq(play.actor.freed, 0);
	cr_assert_eq(link_info(play.link).pended, 1);
	play.actor.act = act_decide;
	play.actor.verdict = PEND_VERDICT_PROCEED_HARD;
	stage.bill.count = 0;
	decide(play.map, PEND_ACTION_CONTINUE);
	ASSERT_BILL(&play.actor);
	cr_assert_eq(stage.action, PEND_ACTION_PERMIT_HARD);
	let_clean();
	cr_assert_eq(play.actor.freed, 1);
	end_play(&play);
}

/* F40, OP-14: or completes them: the detach waits for no deadline. */
Test(link, detach_completes_pends)
{
	struct play play = { 0 };

	begin_play(&play);
	cr_assert_eq(pend_link_detach(play.link, PEND_OUTSTANDING_COMPLETE), 0);
	(void)serve_all(stage.engine);
	cr_assert_eq(stage.completed, 1);
	cr_assert_eq(stage.action, PEND_ACTION_BLOCK);
	end_play(&play);
}

Test(link, detach_async_completes_pends)
{
	struct play play = { 0 };
	uint32_t detached = 0;

	begin_play(&play);
	cr_assert_eq(pend_link_detach_async(play.link, PEND_OUTSTANDING_COMPLETE, note_detached,
					    &detached),
		     0);
	(void)serve_all(stage.engine);
	cr_assert_eq(stage.completed, 1);
	let_clean();
	cr_assert_eq(detached, 1);
	end_play(&play);
}

static int act_leave_then_pend(struct actor *actor, void *context)
{
	actor->error = pend_link_detach_async(actor->link, PEND_OUTSTANDING_COMPLETE, NULL, NULL);
	cr_assert_eq(actor->error, 0);
	return act_pend(actor, context);
}

/* D1, C6: detach first, then wait for invocations, then complete: what one that was running pends
 * meanwhile is not forgotten. */
Test(link, detach_completes_what_comes_late)
{
	struct play play = { 0 };

	build_stage_with_hook(0);
	play.map = make_pends();
	load_pender(&play.actor, play.map);
	play.actor.act = act_leave_then_pend;
	play.link = play.actor.link = attach(&play.actor);
	unload(&play.actor);
	cr_assert_eq(invoke(), PEND_VERDICT_PEND);
	cr_assert_eq(stage.completed, 0);
	let_clean();
	(void)serve_all(stage.engine);
	cr_assert_eq(stage.completed, 1);
	end_play(&play);
}

/* ---- handles, pins, ids ---- */

Test(link, closing_the_last_handle_detaches)
{
	struct actor actor = { .verdict = 1 };
	struct pend_link *link, *again = NULL;

	build_stage_with_hook(0);
	load(&actor);
	link = attach(&actor);
	cr_assert_eq(pend_link_by_id(stage.runtime, NULL, link_info(link).id, &again), 0);
	cr_assert_eq(again, link);
	/* retval: pend_link_close -EFAULT */
	cr_assert_eq(pend_link_close(NULL), -EFAULT);
	close_link(link);
	(void)invoke();
	ASSERT_BILL(&actor);
	close_link(again);
	cr_assert_eq(invoke(), PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(stage.bill.count, 0);
	unload(&actor);
	let_clean();
	cr_assert_eq(actor.freed, 1);
	strike_stage();
}

Test(link, a_pin_keeps_it_attached)
{
	const struct pend_namespace theirs = { 0, 7 };
	struct actor actor = { .verdict = 1 };
	struct pend_link *link, *found = NULL;
	char long_name[PEND_NAME_MAX + 2];

	build_stage_with_hook(0);
	load(&actor);
	link = attach(&actor);
	memset(long_name, 'n', sizeof(long_name));
	long_name[PEND_NAME_MAX + 1] = 0;
	/* retval: pend_link_pin -EFAULT */
	cr_assert_eq(pend_link_pin(NULL, "gate"), -EFAULT);
	cr_assert_eq(pend_link_pin(link, NULL), -EFAULT);
	/* retval: pend_link_pin -EINVAL */
	cr_assert_eq(pend_link_pin(link, ""), -EINVAL);
	/* retval: pend_link_pin -ENAMETOOLONG */
	cr_assert_eq(pend_link_pin(link, long_name), -ENAMETOOLONG);
	pendi_script.allocation_fails = fail_all;
	/* retval: pend_link_pin -ENOMEM */
	cr_assert_eq(pend_link_pin(link, "gate"), -ENOMEM);
	pendi_script.allocation_fails = NULL;
	cr_assert_eq(pend_link_pin(link, "gate"), 0);
	/* retval: pend_link_pin -EEXIST */
	cr_assert_eq(pend_link_pin(link, "gate"), -EEXIST);
	close_link(link);
	unload(&actor);
	(void)invoke();
	ASSERT_BILL(&actor);
	/* retval: pend_link_open -ENOENT */
	cr_assert_eq(pend_link_open(stage.runtime, &theirs, "gate", &found), -ENOENT);
	/* retval: pend_link_open -EFAULT */
	cr_assert_eq(pend_link_open(NULL, NULL, "gate", &found), -EFAULT);
	cr_assert_eq(pend_link_open(stage.runtime, NULL, NULL, &found), -EFAULT);
	cr_assert_eq(pend_link_open(stage.runtime, NULL, "gate", NULL), -EFAULT);
	cr_assert_null(found);
	cr_assert_eq(pend_link_open(stage.runtime, NULL, "gate", &found), 0);
	cr_assert_eq(found, link);
	cr_assert_eq(pend_unpin(stage.runtime, NULL, "gate"), 0);
	cr_assert_eq(link_info(found).state, PEND_LINK_ATTACHED);
	close_link(found);
	let_clean();
	cr_assert_eq(actor.freed, 1);
	strike_stage();
}

/* F34: who wants to know who may pend before it finds out by the ids, in order. */
Test(link, is_found_by_id)
{
	const struct pend_namespace theirs = { 0, 7 };
	struct actor first = { .verdict = 1 }, second = { .verdict = 1 };
	struct pend_link *links[2], *found = NULL;
	int64_t id;

	build_stage_with_hook(0);
	load(&first);
	load(&second);
	links[0] = attach(&first);
	links[1] = attach(&second);
	id = pend_link_next_id(stage.runtime, NULL, 0);
	cr_assert_eq(id, link_info(links[0]).id);
	id = pend_link_next_id(stage.runtime, NULL, (uint32_t)id);
	cr_assert_eq(id, link_info(links[1]).id);
	cr_assert_eq(pend_link_next_id(stage.runtime, NULL, (uint32_t)id), 0);
	cr_assert_eq(pend_link_next_id(stage.runtime, &theirs, 0), 0);
	/* retval: pend_link_next_id -EFAULT */
	cr_assert_eq(pend_link_next_id(NULL, NULL, 0), -EFAULT);
	/* retval: pend_link_by_id -EFAULT */
	cr_assert_eq(pend_link_by_id(NULL, NULL, (uint32_t)id, &found), -EFAULT);
	cr_assert_eq(pend_link_by_id(stage.runtime, NULL, (uint32_t)id, NULL), -EFAULT);
	/* retval: pend_link_by_id -ENOENT */
	cr_assert_eq(pend_link_by_id(stage.runtime, &theirs, (uint32_t)id, &found), -ENOENT);
	cr_assert_eq(pend_link_by_id(stage.runtime, NULL, 99, &found), -ENOENT);
	close_link(links[0]);
	close_link(links[1]);
	unload(&first);
	unload(&second);
	strike_stage();
}

Test(link, info_says_what_it_is)
{
	struct play play = { 0 };
	struct pend_link_info info = { .size = sizeof(info) - 1 };

	begin_play(&play);
	/* retval: pend_link_info_read -EFAULT */
	cr_assert_eq(pend_link_info_read(NULL, &info), -EFAULT);
	cr_assert_eq(pend_link_info_read(play.link, NULL), -EFAULT);
	/* retval: pend_link_info_read -EINVAL */
	cr_assert_eq(pend_link_info_read(play.link, &info), -EINVAL);
	info = link_info(play.link);
	cr_assert_gt(info.id, 0);
	cr_assert_eq(info.state, PEND_LINK_ATTACHED);
	cr_assert_eq(info.flags, PEND_PROGRAM_MAY_PEND);
	cr_assert_gt(info.program_id, 0);
	cr_assert_eq(info.compartment, PEND_COMPARTMENT_ANY);
	cr_assert_eq(info.position, 0);
	cr_assert_eq(info.runs, 1);
	cr_assert_eq(info.pended, 1);
	cr_assert_eq(info.attach_type.bytes[0], HERE);
	decide(play.map, PEND_ACTION_BLOCK);
	cr_assert_eq(link_info(play.link).pended, 0);
	end_play(&play);
}
