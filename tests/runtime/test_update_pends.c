/* SPDX-License-Identifier: MIT */
/*
 * test_update_pends.c - guarantee G step by step: what becomes of what the old program pended when it
 * is replaced (F92, OP-15, X15, K17), under each of the three policies.
 */
#include "tests/runtime/actors.h"

static struct pend_link_update_options policy_of(enum pend_outstanding outstanding)
{
	return (struct pend_link_update_options){ .size = sizeof(struct pend_link_update_options),
						  .outstanding = outstanding };
}

static void update(struct pend_link *link, struct actor *actor, enum pend_outstanding outstanding)
{
	struct pend_link_update_options options = policy_of(outstanding);

	cr_assert_eq(pend_link_update(link, actor->program, &options), 0);
}

struct relay {
	struct pend_custom_map *map;
	struct actor old, new;
	struct pend_link *link;
};

/* The old one has pended an operation and was replaced; only pend and link hold it. */
static void set_up_relay(struct relay *relay, enum pend_outstanding outstanding)
{
	build_stage_with_hook(0);
	relay->map = make_pends();
	load_pender(&relay->old, relay->map);
	load_pender(&relay->new, relay->map);
	relay->link = attach(&relay->old);
	unload(&relay->old);
	cr_assert_eq(invoke(), PEND_VERDICT_PEND);
	cr_assert_eq(link_info(relay->link).pended, 1);
	update(relay->link, &relay->new, outstanding);
}

static void take_down_relay(struct relay *relay)
{
	close_link(relay->link);
	unload(&relay->new);
	let_clean();
	cr_assert_eq(relay->old.freed, 1);
	cr_assert_eq(relay->new.freed, 1);
	cr_assert_eq(pend_custom_map_close(relay->map), 0);
	cr_assert_eq(runtime_stats().attachments, 2);
	cr_assert_eq(runtime_stats().attachments_freed, 2);
	strike_stage();
}

static int act_decide(struct actor *actor, void *context)
{
	(void)context;
	return actor->verdict;
}

/* Policy FINISH: continuing it runs the old one, which lives until its last pend has ended. */
Test(update_pends, pends_finish_with_the_old_program)
{
	struct relay relay = { 0 };

	set_up_relay(&relay, PEND_OUTSTANDING_FINISH);
	let_clean();
	cr_assert_eq(relay.old.freed, 0);
	cr_assert_eq(link_info(relay.link).pended, 1, "of the old program");
	cr_assert_eq(program_info(&relay.new).pended, 0);
	relay.old.act = act_decide;
	relay.old.verdict = PEND_VERDICT_PROCEED_HARD;
	stage.bill.count = 0;
	decide(relay.map, PEND_ACTION_CONTINUE);
	(void)serve_all(stage.engine);
	ASSERT_BILL(&relay.old);
	cr_assert_eq(stage.completed, 1);
	cr_assert_eq(stage.action, PEND_ACTION_PERMIT_HARD);
	let_clean();
	cr_assert_eq(relay.old.freed, 1);
	cr_assert_eq(link_info(relay.link).pended, 0);
	take_down_relay(&relay);
}

/* Policy HAND_OVER: continuing it runs the new one. */
Test(update_pends, pends_are_handed_over)
{
	struct relay relay = { 0 };

	set_up_relay(&relay, PEND_OUTSTANDING_HAND_OVER);
	let_clean();
	cr_assert_eq(relay.old.freed, 0, "its pend is not over");
	cr_assert_eq(link_info(relay.link).pended, 1);
	relay.new.act = act_decide;
	relay.new.verdict = PEND_VERDICT_PROCEED_HARD;
	stage.bill.count = 0;
	decide(relay.map, PEND_ACTION_CONTINUE);
	(void)serve_all(stage.engine);
	ASSERT_BILL(&relay.new);
	cr_assert_eq(stage.action, PEND_ACTION_PERMIT_HARD);
	let_clean();
	cr_assert_eq(relay.old.freed, 1);
	cr_assert_eq(relay.new.freed, 0);
	take_down_relay(&relay);
}

/* ... the newest, if it was handed on; and that one lives while it may be asked. */
Test(update_pends, pends_are_handed_on_and_on)
{
	struct relay relay = { 0 };
	struct actor last = { .act = act_decide, .verdict = PEND_VERDICT_PROCEED_SOFT };

	set_up_relay(&relay, PEND_OUTSTANDING_HAND_OVER);
	load(&last);
	update(relay.link, &last, PEND_OUTSTANDING_HAND_OVER);
	detach(relay.link);
	unload(&last);
	let_clean();
	cr_assert_eq(last.freed, 0, "it has an operation to continue");
	stage.bill.count = 0;
	decide(relay.map, PEND_ACTION_CONTINUE);
	(void)serve_all(stage.engine);
	ASSERT_BILL(&last);
	let_clean();
	cr_assert_eq(last.freed, 1);
	unload(&relay.new);
	close_link(relay.link);
	let_clean();
	cr_assert_eq(relay.old.freed + relay.new.freed, 2);
	cr_assert_eq(pend_custom_map_close(relay.map), 0);
	strike_stage();
}

/* Policy COMPLETE: it is blocked now. */
Test(update_pends, pends_are_completed)
{
	struct relay relay = { 0 };

	set_up_relay(&relay, PEND_OUTSTANDING_COMPLETE);
	(void)serve_all(stage.engine);
	cr_assert_eq(stage.completed, 1);
	cr_assert_eq(stage.action, PEND_ACTION_BLOCK);
	let_clean();
	cr_assert_eq(relay.old.freed, 1);
	cr_assert_eq(link_info(relay.link).pended, 0);
	take_down_relay(&relay);
}

/* ... the old program's, and no other's. */
Test(update_pends, completes_only_its_own)
{
	struct relay relay = { 0 };
	struct pend_link_update_options options = policy_of(PEND_OUTSTANDING_COMPLETE);

	options.flags = PEND_LINK_WAIT;
	set_up_relay(&relay, PEND_OUTSTANDING_FINISH);
	cr_assert_eq(pend_link_update(relay.link, relay.new.program, &options), 0);
	(void)serve_all(stage.engine);
	cr_assert_eq(stage.completed, 0,
		     "it finishes with the first one, as the first update said");
	cr_assert_eq(link_info(relay.link).pended, 1);
	decide(relay.map, PEND_ACTION_BLOCK);
	cr_assert_eq(stage.completed, 1);
	close_link(relay.link);
	unload(&relay.new);
	let_clean();
	cr_assert_eq(relay.old.freed + relay.new.freed, 2);
	cr_assert_eq(pend_custom_map_close(relay.map), 0);
	strike_stage();
}

/* ... and what it inherited. */
Test(update_pends, completes_what_was_handed_over)
{
	struct relay relay = { 0 };

	set_up_relay(&relay, PEND_OUTSTANDING_HAND_OVER);
	cr_assert_eq(pend_link_detach(relay.link, PEND_OUTSTANDING_COMPLETE), 0);
	(void)serve_all(stage.engine);
	cr_assert_eq(stage.completed, 1);
	cr_assert_eq(stage.action, PEND_ACTION_BLOCK);
	take_down_relay(&relay);
}

/* An act: replaces itself, asking that its pends be completed, and pends only then. */
static int act_update_then_pend(struct actor *actor, void *context)
{
	struct pend_link_update_options options = policy_of(PEND_OUTSTANDING_COMPLETE);

	actor->error = pend_link_update(actor->link, actor[1].program, &options);
	cr_assert_eq(actor->error, 0);
	return act_pend(actor, context);
}

/* What an invocation pends that had begun before the replacement is completed as well (D1). */
Test(update_pends, completes_what_comes_late)
{
	struct relay relay = { 0 };
	struct actor actors[2] = { { 0 }, { .verdict = 1 } };

	build_stage_with_hook(0);
	relay.map = make_pends();
	load_pender(&actors[0], relay.map);
	actors[0].act = act_update_then_pend;
	load(&actors[1]);
	actors[0].link = attach(&actors[0]);
	cr_assert_eq(invoke(), PEND_VERDICT_PEND);
	cr_assert_eq(stage.completed, 0);
	let_clean();
	(void)serve_all(stage.engine);
	cr_assert_eq(stage.completed, 1);
	cr_assert_eq(stage.action, PEND_ACTION_BLOCK);
	close_link(actors[0].link);
	unload(&actors[0]);
	unload(&actors[1]);
	let_clean();
	cr_assert_eq(actors[0].freed, 1);
	cr_assert_eq(pend_custom_map_close(relay.map), 0);
	strike_stage();
}
