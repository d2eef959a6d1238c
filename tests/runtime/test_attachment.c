/* SPDX-License-Identifier: MIT */
/*
 * test_attachment.c - guarantee G from inside: when the last that refers to an attachment is gone, who
 * frees it, and that nobody does so earlier (X10, OP-14). In all orders of: an invocation ends, a pend
 * ends, the link is detached.
 *
 * Records of pends are played here: what counts them is what the helpers call.
 */
#include <pthread.h>

#include "epoch/record.h"
#include "tests/runtime/actors.h"

struct piece {
	struct actor actor;
	struct pend_link *link;
	struct pendi_attachment *attachment;
};

/* An attachment that only its link holds. */
static void set_piece(struct piece *piece)
{
	build_stage_with_hook(0);
	piece->actor.verdict = PEND_VERDICT_PROCEED_SOFT;
	load(&piece->actor);
	piece->link = attach(&piece->actor);
	piece->attachment = piece->link->attachment;
	unload(&piece->actor);
}

static void end_piece(struct piece *piece)
{
	close_link(piece->link);
	let_clean();
	cr_assert_eq(piece->actor.freed, 1);
	cr_assert_eq(runtime_stats().attachments_freed, 1);
	strike_stage();
}

Test(attachment, the_last_pend_frees_it)
{
	struct piece piece = { 0 };

	set_piece(&piece);
	pendi_attachment_pend(piece.attachment);
	pendi_attachment_pend(piece.attachment);
	detach(piece.link);
	let_clean();
	cr_assert_eq(pendi_attachment_pended(piece.attachment), 2);
	pendi_attachment_done(piece.attachment);
	let_clean();
	cr_assert_eq(piece.actor.freed, 0);
	cr_assert_eq(runtime_stats().attachments_freed, 0);
	cr_assert_eq(pendi_attachment_pended(piece.attachment), 1);
	pendi_attachment_done(piece.attachment);
	let_clean();
	end_piece(&piece);
}

/* ... also if all had been over before. */
Test(attachment, the_detach_frees_it)
{
	struct piece piece = { 0 };

	set_piece(&piece);
	pendi_attachment_pend(piece.attachment);
	pendi_attachment_done(piece.attachment);
	let_clean();
	cr_assert_eq(piece.actor.freed, 0);
	detach(piece.link);
	let_clean();
	end_piece(&piece);
}

/* ... or the last invocation, though the last pend was over before it. */
Test(attachment, the_last_invocation_frees_it)
{
	struct piece piece = { 0 };

	set_piece(&piece);
	cr_assert_eq(pendi_epoch_enter(), 0);
	pendi_attachment_pend(piece.attachment);
	cr_assert_eq(pend_link_detach_async(piece.link, PEND_OUTSTANDING_FINISH, NULL, NULL), 0);
	pendi_attachment_done(piece.attachment);
	(void)pendi_epoch_poll();
	pass_time(stage.engine, 5 * MS, MS);
	cr_assert_eq(piece.actor.freed, 0);
	cr_assert_eq(pendi_attachment_pended(piece.attachment), 0);
	pendi_attachment_pend(piece.attachment); /* the invocation pends once more */
	pendi_epoch_exit();
	let_clean();
	cr_assert_eq(piece.actor.freed, 0);
	pendi_attachment_done(piece.attachment);
	let_clean();
	end_piece(&piece);
}

/* Its memory waits for others that end pends of it at the same time: they are inside the epoch. */
Test(attachment, is_read_until_all_are_through)
{
	struct piece piece = { 0 };

	set_piece(&piece);
	pendi_attachment_pend(piece.attachment);
	detach(piece.link);
	cr_assert_eq(pendi_epoch_enter(), 0);
	pendi_attachment_done(piece.attachment);
	pass_time(stage.engine, 5 * MS, MS);
	cr_assert_eq(piece.actor.freed, 0);
	/* relaxed: one thread. */
	cr_assert_neq(pendi_load_relaxed(&piece.attachment->phase), 0, "still there");
	pendi_epoch_exit();
	let_clean();
	end_piece(&piece);
}

static void *clean_elsewhere(void *argument)
{
	(void)argument;
	pendi_cleaner_run(stage.runtime);
	return NULL;
}

/* ... also if it is the detach that finds all over: one may be on his way since before. */
Test(attachment, is_read_until_all_are_through_after_a_detach)
{
	struct piece piece = { 0 };
	pthread_t thread;

	set_piece(&piece);
	pendi_attachment_pend(piece.attachment);
	pendi_attachment_done(piece.attachment);
	cr_assert_eq(pendi_epoch_enter(), 0);
	cr_assert_eq(pend_link_detach_async(piece.link, PEND_OUTSTANDING_FINISH, NULL, NULL), 0);
	pendi_epoch_exit();
	cr_assert_eq(pendi_epoch_barrier(), 0, "the first grace period is over");
	cr_assert_eq(pendi_epoch_enter(), 0);
	for (uint32_t i = 0; i < 4; i++) {
		cr_assert_eq(pthread_create(&thread, NULL, clean_elsewhere, NULL), 0);
		cr_assert_eq(pthread_join(thread, NULL), 0);
		cr_assert_eq(piece.actor.freed, 0);
	}
	pendi_epoch_exit();
	let_clean();
	end_piece(&piece);
}

static struct piece *meanwhile; /* whose last pend ends while its dropper fences */

static void *end_last_pend(void *argument)
{
	struct piece *piece = argument;

	pendi_attachment_done(piece->attachment);
	for (uint32_t i = 0; i < 4; i++)
		pendi_cleaner_run(stage.runtime);
	cr_assert_eq(piece->actor.freed, 0);
	return NULL;
}

static int membarrier_and_meanwhile(void)
{
	struct piece *piece = meanwhile;
	pthread_t thread;

	/* relaxed: one thread at a time. */
	if (!piece || !pendi_load_relaxed(&piece->attachment->phase))
		return 0;
	meanwhile = NULL;
	cr_assert_eq(pthread_create(&thread, NULL, end_last_pend, piece), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	return 0;
}

/* ... also by who drops it, when the last pend ends between his fence and his look. */
Test(attachment, is_read_by_who_drops_it)
{
	struct piece piece = { 0 };

	set_piece(&piece);
	if (!stage.runtime->registry.light)
		cr_skip_test("membarrier is refused here");
	pendi_attachment_pend(piece.attachment);
	meanwhile = &piece;
	pendi_script.membarrier = membarrier_and_meanwhile;
	detach(piece.link);
	pendi_script.membarrier = NULL;
	cr_assert_null(meanwhile);
	let_clean();
	end_piece(&piece);
}

/* ... or, where they cannot be, counted as strays. */
Test(attachment, waits_for_strays)
{
	struct piece piece = { 0 };
	_Atomic uint32_t *strays;

	set_piece(&piece);
	strays = &stage.runtime->cleaner.strays;
	pendi_attachment_pend(piece.attachment);
	detach(piece.link);
	pendi_store_relaxed(strays, 1); /* relaxed: one thread. */
	pendi_attachment_done(piece.attachment);
	pass_time(stage.engine, 20 * MS, MS);
	cr_assert_eq(piece.actor.freed, 0);
	pendi_store_relaxed(strays, 0); /* relaxed: one thread. */
	await_sign(&piece.actor.freed);
	cr_assert_eq(piece.actor.freed, 1);
	end_piece(&piece);
}

/* As if that many threads were registered. */
static void fill_thread_table(void)
{
	for (uint32_t i = 1; i < PENDI_THREADS; i++) {
		/* relaxed: only this thread looks. */
		if (!pendi_load_relaxed(&pendi_thread_records[i].owner))
			pendi_store_relaxed(&pendi_thread_records[i].owner, 1);
	}
}

static void *be_one_too_many(void *argument)
{
	struct scene scene = { 0, 0 };
	struct pend_invocation invocations[2] = { { .context = &scene, .initial = 1 },
						  { .context = &scene, .initial = 1 } };

	invocations[0].verdict = PEND_VERDICT_PROCEED_HARD;
	/* retval: pend_hook_invoke -EAGAIN */
	cr_assert_eq(pend_hook_invoke(stage.hook, &invocations[0]), -EAGAIN);
	cr_assert_eq(invocations[0].verdict, PEND_VERDICT_REJECT);
	/* retval: pend_hook_invoke_batch -EAGAIN */
	cr_assert_eq(pend_hook_invoke_batch(stage.hook, invocations, 2), -EAGAIN);
	cr_assert_eq(invocations[1].verdict, PEND_VERDICT_REJECT);
	pendi_attachment_done(argument);
	return NULL;
}

/* Who ends a pend without a number is such a stray, and is counted all the same. */
Test(attachment, counts_threads_without_number)
{
	struct piece piece = { 0 };
	pthread_t thread;

	set_piece(&piece);
	if (!epochs_are_native())
		cr_skip_test("liburcu knows no limit");
	pendi_attachment_pend(piece.attachment);
	pendi_attachment_pend(piece.attachment);
	fill_thread_table();
	cr_assert_eq(pthread_create(&thread, NULL, be_one_too_many, piece.attachment), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	/* relaxed: it has ended. */
	cr_assert_eq(pendi_load_relaxed(&stage.runtime->cleaner.strays), 0);
	cr_assert_eq(pendi_attachment_pended(piece.attachment), 1);
	detach(piece.link);
	cr_assert_eq(pthread_create(&thread, NULL, be_one_too_many, piece.attachment), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	let_clean();
	end_piece(&piece);
}

/* The engine sees to it, whoever was last. */
Test(attachment, goes_without_further_calls)
{
	struct piece piece = { 0 };

	set_piece(&piece);
	pendi_attachment_pend(piece.attachment);
	cr_assert_eq(pend_link_detach_async(piece.link, PEND_OUTSTANDING_FINISH, NULL, NULL), 0);
	let_reclaim();
	pass_time(stage.engine, 10 * MS, MS);
	pendi_attachment_done(piece.attachment);
	cr_assert_eq(piece.actor.freed, 0);
	await_sign(&piece.actor.freed);
	cr_assert_eq(piece.actor.freed, 1);
	end_piece(&piece);
}

/* ---- fences ---- */

Test(attachment, without_membarrier)
{
	struct piece piece = { 0 };

	machine_without_membarrier();
	set_piece(&piece);
	cr_assert_not(stage.runtime->registry.light);
	pendi_attachment_pend(piece.attachment);
	detach(piece.link);
	cr_assert_eq(piece.actor.freed, 0);
	pendi_attachment_done(piece.attachment);
	let_clean();
	end_piece(&piece);
}

static uint32_t membarriers;

static int membarrier_now_and_then(void)
{
	return ++membarriers % 3 ? -ENOMEM : 0;
}

/* A fence that the kernel has no memory for is not left out. */
Test(attachment, tries_membarrier_again)
{
	struct piece piece = { 0 };
	struct actor next = { .verdict = 1 };
	struct pend_link_update_options options = { .size = sizeof(options),
						    .flags = PEND_LINK_WAIT };

	set_piece(&piece);
	if (!stage.runtime->registry.light)
		cr_skip_test("membarrier is refused here");
	load(&next);
	pendi_attachment_pend(piece.attachment);
	pendi_script.membarrier = membarrier_now_and_then;
	cr_assert_eq(pendi_attachment_returns_exactly(piece.attachment), 0);
	cr_assert_eq(membarriers, 3);
	cr_assert_eq(pend_link_update(piece.link, next.program, &options), 0);
	pendi_script.membarrier = NULL;
	pendi_attachment_done(piece.attachment);
	let_clean();
	cr_assert_eq(piece.actor.freed, 1);
	close_link(piece.link);
	unload(&next);
	strike_stage();
}

/* ---- heirs ---- */

Test(attachment, has_heirs_and_they_live_as_long)
{
	struct pend_link_update_options over = { .size = sizeof(over),
						 .outstanding = PEND_OUTSTANDING_HAND_OVER };
	struct actor second = { .verdict = 1 }, third = { .verdict = 1 };
	struct pendi_attachment *heir;
	struct piece piece = { 0 };

	set_piece(&piece);
	load(&second);
	load(&third);
	cr_assert_eq(pendi_attachment_heir(piece.attachment), piece.attachment);
	cr_assert_eq(pendi_attachment_cookie(piece.attachment),
		     (uint64_t)link_info(piece.link).id << 32);
	pendi_attachment_pend(piece.attachment);
	cr_assert_eq(pend_link_update(piece.link, second.program, &over), 0);
	heir = piece.link->attachment;
	cr_assert_eq(pendi_attachment_heir(piece.attachment), heir);
	cr_assert_eq(pendi_attachment_pended(heir), 0, "what it may inherit is not its own");
	cr_assert_eq(pendi_attachment_cookie(heir), ((uint64_t)link_info(piece.link).id << 32) + 1);
	cr_assert_eq(pend_link_update(piece.link, third.program, &over), 0);
	unload(&second);
	detach(piece.link);
	unload(&third);
	let_clean();
	cr_assert_eq(pendi_attachment_heir(piece.attachment)->program, third.program);
	cr_assert_eq(piece.actor.freed + second.freed + third.freed, 0);
	pendi_attachment_done(piece.attachment);
	let_clean();
	cr_assert_eq(piece.actor.freed, 1);
	cr_assert_eq(second.freed, 1);
	cr_assert_eq(third.freed, 1);
	close_link(piece.link);
	strike_stage();
}

/* ---- completing all ---- */

enum { MANY = 50 };

/* Of two programs that pend in one map, more than one look of a scan. */
Test(attachment, completes_its_own_operations)
{
	struct actor one = { 0 }, two = { 0 };
	struct pend_link *first, *second;
	struct pend_custom_map *map;

	build_stage_with_hook(0);
	map = make_pends();
	load_pender(&one, map);
	load_pender(&two, map);
	first = attach_in(&one, 1);
	second = attach_in(&two, 2);
	for (uint32_t i = 0; i < MANY; i++)
		cr_assert_eq(invoke_in(1 + (i & 1)), PEND_VERDICT_PEND);
	cr_assert_eq(link_info(first).pended, MANY / 2);
	cr_assert_eq(pend_link_detach(first, PEND_OUTSTANDING_COMPLETE), 0);
	(void)serve_all(stage.engine);
	cr_assert_eq(stage.completed, MANY / 2);
	cr_assert_eq(link_info(first).pended, 0);
	cr_assert_eq(link_info(second).pended, MANY / 2);
	cr_assert_eq(pend_link_detach(second, PEND_OUTSTANDING_COMPLETE), 0);
	(void)serve_all(stage.engine);
	cr_assert_eq(stage.completed, MANY);
	close_link(first);
	close_link(second);
	unload(&one);
	unload(&two);
	let_clean();
	cr_assert_eq(pend_custom_map_close(map), 0);
	strike_stage();
}

/* ---- what a program does when it is freed ---- */

static struct pend_link *another;

static void free_and_destroy(void *data)
{
	struct actor *actor = data;

	actor->error = pend_runtime_destroy(stage.runtime);
	if (another)
		cr_assert_eq(pend_link_close(another), 0);
	another = NULL;
	actor->freed++;
}

static void load_destroyer(struct actor *actor)
{
	struct pend_program_options options = program_options(actor);

	options.on_free = free_and_destroy;
	load_with(actor, &options);
}

/* It may close others, and does not wait for what it is part of. */
Test(attachment, what_is_freed_does_not_wait_for_itself)
{
	struct actor actors[2] = { { .verdict = 1 }, { .verdict = 1 } }, last = { .verdict = 1 };
	struct pend_link *links[2];

	build_stage_with_hook(0);
	load(&last);
	for (uint32_t i = 0; i < 2; i++) {
		load_destroyer(&actors[i]);
		links[i] = attach(&actors[i]);
		unload(&actors[i]);
	}
	another = attach(&last);
	unload(&last);
	(void)invoke();
	cr_assert_eq(pend_link_detach_async(links[0], PEND_OUTSTANDING_FINISH, NULL, NULL), 0);
	let_clean();
	cr_assert_eq(actors[0].freed, 1);
	cr_assert_eq(actors[0].error, -EBUSY);
	/* Later, by the engine, in whose service the runtime is not destroyed at all. */
	cr_assert_eq(pendi_epoch_enter(), 0);
	cr_assert_eq(pend_link_detach_async(links[1], PEND_OUTSTANDING_FINISH, NULL, NULL), 0);
	pendi_epoch_exit();
	await_sign(&actors[1].freed);
	cr_assert_eq(actors[1].freed, 1);
	cr_assert_eq(actors[1].error, -EDEADLK);
	let_clean();
	cr_assert_eq(last.freed, 1);
	close_link(links[0]);
	close_link(links[1]);
	strike_stage();
}

/* Without membarrier there is a fence. */
Test(attachment, counts_returns_without_membarrier)
{
	struct piece piece = { 0 };

	machine_without_membarrier();
	set_piece(&piece);
	cr_assert_not(stage.runtime->registry.light);
	(void)invoke();
	(void)invoke();
	cr_assert_eq(pendi_attachment_returns_exactly(piece.attachment), 2);
	detach(piece.link);
	let_clean();
	end_piece(&piece);
}
