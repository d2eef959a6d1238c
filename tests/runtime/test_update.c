/* SPDX-License-Identifier: MIT */
/*
 * test_update.c - guarantee G step by step: replacing a program in one step (F89 to F91, OP-44). What
 * becomes of what the old one pended is in test_update_pends.c.
 *
 * One thread, an engine that the test polls. That it holds under load is torture_replace.c.
 */
#include <pthread.h>

#include "tests/runtime/actors.h"

static struct pend_link_update_options update_options(uint32_t flags,
						      enum pend_outstanding outstanding)
{
	return (struct pend_link_update_options){ .size = sizeof(struct pend_link_update_options),
						  .flags = flags,
						  .outstanding = outstanding };
}

Test(update, replaces_in_place)
{
	struct actor before = { .verdict = 1 }, old = { .verdict = 1 }, after = { .verdict = 1 },
		     new = { .verdict = 2 };
	struct pend_link *first, *link, *last;
	struct pend_link_info was, is;

	build_stage_with_hook(0);
	load(&before);
	load(&old);
	load(&after);
	load(&new);
	first = attach(&before);
	link = attach(&old);
	last = attach(&after);
	was = link_info(link);
	cr_assert_eq(pend_link_update(link, new.program, NULL), 0);
	is = link_info(link);

	cr_assert_eq(invoke(), PEND_VERDICT_PROCEED_HARD);
	ASSERT_BILL(&before, &new, &after);
	cr_assert_eq(is.id, was.id);
	cr_assert_eq(is.position, 1);
	cr_assert_eq(is.state, PEND_LINK_ATTACHED);
	cr_assert_eq(is.updates, 1);
	cr_assert_eq(was.updates, 0);
	cr_assert_eq(is.program_id, program_info(&new).id);
	cr_assert_eq(program_info(&old).links, 0);
	cr_assert_eq(program_info(&new).links, 1);

	unload(&old);
	let_clean();
	cr_assert_eq(old.freed, 1);
	cr_assert_eq(new.freed, 0);
	close_link(first);
	close_link(link);
	close_link(last);
	unload(&before);
	unload(&after);
	unload(&new);
	strike_stage();
	cr_assert_eq(new.freed + before.freed + after.freed, 3);
}

/* An act: replaces its own link's program while it runs. */
static int act_update(struct actor *actor, void *context)
{
	(void)context;
	actor->error = pend_link_update(actor->link, actor[1].program, NULL);
	return PEND_VERDICT_PROCEED_SOFT;
}

/* F91: what runs goes on; the old program is not freed under it, though nobody holds it any more. */
Test(update, does_not_disturb_who_runs)
{
	struct actor actors[2] = { { .act = act_update },
				   { .verdict = PEND_VERDICT_PROCEED_SOFT } };
	struct pend_link *link;

	build_stage_with_hook(0);
	load(&actors[0]);
	load(&actors[1]);
	link = actors[0].link = attach(&actors[0]);
	unload(&actors[0]);
	cr_assert_eq(pendi_epoch_enter(), 0);
	(void)invoke();
	ASSERT_BILL(&actors[0]);
	cr_assert_eq(actors[0].error, 0);
	cr_assert_not(pendi_cleaner_flush(stage.runtime), "an invocation may run the old one");
	cr_assert_eq(actors[0].freed, 0);
	(void)invoke();
	ASSERT_BILL(&actors[1]);
	cr_assert_eq(actors[0].freed, 0);
	pendi_epoch_exit();
	let_clean();
	cr_assert_eq(actors[0].freed, 1);
	close_link(link);
	unload(&actors[1]);
	strike_stage();
}

/* Freed although nobody calls the library any more, but for the engine. */
Test(update, frees_the_old_one_by_itself)
{
	struct actor old = { .verdict = 1 }, new = { .verdict = 1 };
	struct pend_link *link;

	build_stage_with_hook(0);
	load(&old);
	load(&new);
	link = attach(&old);
	unload(&old);
	cr_assert_eq(pendi_epoch_enter(), 0);
	cr_assert_eq(pend_link_update(link, new.program, NULL), 0);
	pass_time(stage.engine, 5 * MS, MS);
	cr_assert_eq(old.freed, 0);
	pendi_epoch_exit();
	await_sign(&old.freed);
	cr_assert_eq(old.freed, 1);
	close_link(link);
	unload(&new);
	strike_stage();
}

Test(update, compares_before_it_swaps)
{
	struct actor a = { .verdict = 1 }, b = { .verdict = 1 };
	struct pend_link_update_options options = update_options(PEND_LINK_REPLACE, 0);
	struct pend_link *link;

	build_stage_with_hook(0);
	load(&a);
	load(&b);
	link = attach(&a);
	options.old_program = b.program;
	/* retval: pend_link_update -EPERM */
	cr_assert_eq(pend_link_update(link, b.program, &options), -EPERM);
	(void)invoke();
	ASSERT_BILL(&a);
	cr_assert_eq(link_info(link).updates, 0);
	options.old_program = a.program;
	cr_assert_eq(pend_link_update(link, b.program, &options), 0);
	(void)invoke();
	ASSERT_BILL(&b);
	close_link(link);
	unload(&a);
	unload(&b);
	strike_stage();
}

Test(update, refuses_bad_options)
{
	struct actor a = { .verdict = 1 };
	struct pend_link_update_options options = update_options(0, 0);
	struct {
		struct pend_link_update_options options;
		uint64_t newer;
	} later = { update_options(0, 0), 1 };
	struct pend_link *link;

	build_stage_with_hook(0);
	load(&a);
	link = attach(&a);
	/* retval: pend_link_update -EFAULT */
	cr_assert_eq(pend_link_update(NULL, a.program, NULL), -EFAULT);
	cr_assert_eq(pend_link_update(link, NULL, NULL), -EFAULT);
	options.flags = PEND_LINK_REPLACE;
	cr_assert_eq(pend_link_update(link, a.program, &options), -EFAULT);
	/* retval: pend_link_update -EINVAL */
	options.flags = 1;
	cr_assert_eq(pend_link_update(link, a.program, &options), -EINVAL);
	options = update_options(0, PEND_OUTSTANDING_COMPLETE + 1);
	cr_assert_eq(pend_link_update(link, a.program, &options), -EINVAL);
	options = update_options(0, 0);
	options.reserved = 1;
	cr_assert_eq(pend_link_update(link, a.program, &options), -EINVAL);
	options = update_options(0, 0);
	options.old_program = a.program;
	cr_assert_eq(pend_link_update(link, a.program, &options), -EINVAL);
	options = update_options(0, 0);
	options.size--;
	cr_assert_eq(pend_link_update(link, a.program, &options), -EINVAL);
	later.options.size = sizeof(later);
	/* retval: pend_link_update -E2BIG */
	cr_assert_eq(pend_link_update(link, a.program, &later.options), -E2BIG);
	cr_assert_eq(link_info(link).updates, 0);
	close_link(link);
	unload(&a);
	strike_stage();
}

/* Another type, another attach type, another namespace, a pender too many, a link that is no more. */
Test(update, refuses_what_does_not_fit)
{
	struct actor a = { .verdict = 1 }, other = { 0 }, elsewhere = { 0 }, foreign = { 0 },
		     pender = { 0 }, another = { 0 };
	struct pend_program_options options;
	struct pend_provider *type;
	struct pend_custom_map *map;
	struct pend_link *link, *second;

	build_stage_with_hook(PEND_HOOK_EXCLUSIVE_PENDER);
	type = provide_type(OTHER_TYPE, &actor_type);
	map = make_pends();
	load(&a);
	load_pender(&pender, map);
	load_pender(&another, map);
	options = program_options(&other);
	options.type = uuid_of(OTHER_TYPE);
	load_with(&other, &options);
	options = program_options(&elsewhere);
	options.attach_type = uuid_of(ELSEWHERE);
	load_with(&elsewhere, &options);
	options = program_options(&foreign);
	options.name_space.label = 1;
	load_with(&foreign, &options);
	link = attach(&a);
	second = attach(&pender);

	cr_assert_eq(pend_link_update(link, other.program, NULL), -EINVAL);
	cr_assert_eq(pend_link_update(link, elsewhere.program, NULL), -EINVAL);
	cr_assert_eq(pend_link_update(link, foreign.program, NULL), -EPERM);
	/* retval: pend_link_update -EBUSY */
	cr_assert_eq(pend_link_update(link, another.program, NULL), -EBUSY);
	cr_assert_eq(link_info(link).updates, 0);
	cr_assert_eq(pend_link_update(second, another.program, NULL), 0, "it replaces the other");
	detach(link);
	/* retval: pend_link_update -ENOLINK */
	cr_assert_eq(pend_link_update(link, a.program, NULL), -ENOLINK);

	close_link(link);
	close_link(second);
	unload(&a);
	unload(&other);
	unload(&elsewhere);
	unload(&foreign);
	unload(&pender);
	unload(&another);
	let_clean();
	cr_assert_eq(pend_custom_map_close(map), 0);
	cr_assert_eq(pend_provider_unregister(type, NULL, NULL), 0);
	strike_stage();
}

/* ---- without memory ---- */

static int32_t failing_allocation, allocations;

static int fail_one(size_t size)
{
	(void)size;
	return allocations++ == failing_allocation;
}

Test(update, without_memory_changes_nothing)
{
	struct actor a = { .verdict = 1 }, b = { .verdict = 1 };
	struct pend_link *link;
	int error = -ENOMEM;

	build_stage_with_hook(0);
	load(&a);
	load(&b);
	link = attach(&a);
	for (failing_allocation = 0; error; failing_allocation++) {
		allocations = 0;
		pendi_script.allocation_fails = fail_one;
		error = pend_link_update(link, b.program, NULL);
		pendi_script.allocation_fails = NULL;
		if (!error)
			break;
		/* retval: pend_link_update -ENOMEM */
		cr_assert_eq(error, -ENOMEM);
		(void)invoke();
		ASSERT_BILL(&a);
	}
	cr_assert_eq(failing_allocation, 3, "attachment, counters, chain");
	(void)invoke();
	ASSERT_BILL(&b);
	close_link(link);
	unload(&a);
	unload(&b);
	strike_stage();
}

/* ---- waiting ---- */

struct visitor {
	pthread_t thread;
	_Atomic uint32_t inside, leave;
	struct pend_link *link;
};

/* A program that stays until it is told to leave. */
static int stay(void *context, void *data)
{
	struct visitor *visitor = data;

	(void)context;
	pendi_store_relaxed(&visitor->inside, 1); /* relaxed: a sign, nothing is read by it. */
	/* relaxed: the same. */
	while (!pendi_load_relaxed(&visitor->leave))
		pendi_cpu_relax();
	return PEND_VERDICT_PROCEED_SOFT;
}

static void *visit(void *argument)
{
	struct scene scene = { 0, 0 };
	struct pend_invocation invocation = { .context = &scene,
					      .initial = PEND_VERDICT_PROCEED_SOFT };

	(void)argument;
	cr_assert_eq(pend_hook_invoke(stage.hook, &invocation), 0);
	return NULL;
}

static void *let_leave(void *argument)
{
	struct visitor *visitor = argument;

	/* Once the chain without it is there, the update waits: the visitor may go now. */
	while (link_info(visitor->link).updates == 0)
		pendi_cpu_relax();
	/* relaxed: a sign. */
	pendi_store_relaxed(&visitor->leave, 1);
	return NULL;
}

/* F91: returns when the last invocation of the old one has ended, and says how many there were. */
Test(update, waits_for_the_last_invocation)
{
	struct visitor visitor = { 0 };
	struct pend_link_update_options options = update_options(PEND_LINK_WAIT, 0);
	struct actor new = { .verdict = 1 };
	struct pend_program_options resident = program_options(&new);
	const struct pend_link_options at = link_options();
	struct pend_program *old = NULL;
	pthread_t helper;

	build_stage_with_hook(0);
	load(&new);
	resident.entry = stay;
	resident.data = &visitor;
	resident.on_free = NULL;
	cr_assert_eq(pend_program_load(stage.runtime, &resident, &old), 0);
	cr_assert_eq(pend_link_attach(old, &at, &visitor.link), 0);
	cr_assert_eq(pthread_create(&visitor.thread, NULL, visit, NULL), 0);
	/* relaxed: a sign. */
	while (!pendi_load_relaxed(&visitor.inside))
		pendi_cpu_relax();
	cr_assert_eq(pthread_create(&helper, NULL, let_leave, &visitor), 0);
	options.waited = CANARY;
	cr_assert_eq(pend_link_update(visitor.link, new.program, &options), 0);
	/* relaxed: the update waited for it. */
	cr_assert_eq(pendi_load_relaxed(&visitor.leave), 1);
	cr_assert_eq(options.waited, 1);
	cr_assert_eq(pthread_join(visitor.thread, NULL), 0);
	cr_assert_eq(pthread_join(helper, NULL), 0);
	/* Nobody was inside. */
	cr_assert_eq(pend_link_update(visitor.link, new.program, &options), 0);
	cr_assert_eq(options.waited, 0);
	close_link(visitor.link);
	cr_assert_eq(pend_program_close(old), 0);
	unload(&new);
	strike_stage();
}

static int act_wait(struct actor *actor, void *context)
{
	struct pend_link_update_options options = update_options(PEND_LINK_WAIT, 0);

	(void)context;
	/* retval: pend_link_update -EDEADLK */
	actor->error = pend_link_update(actor->link, actor->program, &options);
	cr_assert_eq(actor->error, -EDEADLK);
	return PEND_VERDICT_PROCEED_SOFT;
}

Test(update, cannot_wait_for_itself)
{
	struct actor actor = { .act = act_wait };

	build_stage_with_hook(0);
	load(&actor);
	actor.link = attach(&actor);
	(void)invoke();
	ASSERT_BILL(&actor);
	cr_assert_eq(link_info(actor.link).updates, 0);
	close_link(actor.link);
	unload(&actor);
	strike_stage();
}

/* Where memory is given back nobody can wait, either. */
static struct {
	struct pendi_epoch_node node;
	struct pend_link *link;
	struct pend_program *program;
	int error;
	uint64_t waited;
} turn;

static void update_in_turn(struct pendi_epoch_node *node)
{
	struct pend_link_update_options options = update_options(PEND_LINK_WAIT, 0);

	(void)node;
	options.waited = CANARY;
	turn.error = pend_link_update(turn.link, turn.program, &options);
	turn.waited = options.waited;
}

Test(update, cannot_wait_where_memory_is_given_back)
{
	struct actor old = { .verdict = 1 }, new = { .verdict = 2 };

	build_stage_with_hook(0);
	load(&old);
	load(&new);
	turn.link = attach(&old);
	turn.program = new.program;
	turn.node.reclaim = update_in_turn;
	turn.error = 1;
	pendi_epoch_retire(&turn.node);
	cr_assert_eq(pendi_epoch_barrier(), 0);
	cr_assert_eq(turn.error, -EDEADLK);
	cr_assert_eq(turn.waited, CANARY);
	cr_assert_eq(invoke(), PEND_VERDICT_PROCEED_SOFT);
	ASSERT_BILL(&old);
	cr_assert_eq(link_info(turn.link).updates, 0);
	close_link(turn.link);
	unload(&old);
	unload(&new);
	strike_stage();
}

/* In a hook of one pender its place is for another pender, the others' are not. */
Test(update, keeps_one_pender)
{
	struct actor pender = { 0 }, second = { 0 }, plain = { .verdict = 1 }, next = plain;
	struct pend_link *link, *other;
	struct pend_custom_map *map;

	build_stage_with_hook(PEND_HOOK_EXCLUSIVE_PENDER);
	map = make_pends();
	load_pender(&pender, map);
	load_pender(&second, map);
	load(&plain);
	load(&next);
	link = attach(&pender);
	other = attach(&plain);
	cr_assert_eq(pend_link_update(other, next.program, NULL), 0);
	cr_assert_eq(pend_link_update(other, second.program, NULL), -EBUSY);
	cr_assert_eq(pend_link_update(link, second.program, NULL), 0);
	close_link(link);
	close_link(other);
	unload(&pender);
	unload(&second);
	unload(&plain);
	unload(&next);
	let_clean();
	cr_assert_eq(pend_custom_map_close(map), 0);
	strike_stage();
}
