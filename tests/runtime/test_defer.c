/* SPDX-License-Identifier: MIT */
/*
 * test_defer.c - DEFER_TO_PASSIVE and identity (F48 to F50, F52, F53 R5, R7, R8, R10, K18; guarantees
 * A, B, H).
 */
#include "tests/runtime/fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct stage stage;

static void continue_operation(uint64_t operation)
{
	cr_assert_eq(decide(&stage, operation, PEND_ACTION_CONTINUE), 0);
	serve(&stage);
}

static struct pend_subject self;

static void begin_deferring(uint32_t flags)
{
	stage_begin(&stage, flags);
	cr_assert_eq(pend_subject_capture((int32_t)getpid(), &self), 0);
}

static void end_deferring(void)
{
	stage_end(&stage);
	cr_assert_eq(pend_subject_release(&self), 0);
}

static enum pend_verdict ask_as(uint64_t operation, const struct pend_subject *subject)
{
	struct scene scene = { .question = operation, .hidden = operation + 1000 };
	struct pend_invocation invocation = invocation_of(operation, &scene);

	invocation.subject = subject;
	return ask_with(&stage, &invocation);
}

/* Asks for the identity, defers if it has to, pends if it is to. */
static struct {
	int result;
	struct bpf_identity_info info;
	struct pend_subject subject;
	bool pends;
	bool insists; /* defers again and again */
} wanted;

static int play_identity(struct actor *actor, struct scene *scene)
{
	(void)scene;
	wanted.result = bpf_get_identity(&wanted.info, sizeof(wanted.info));
	if (wanted.result == -EAGAIN || wanted.insists)
		return PEND_VERDICT_DEFER_TO_PASSIVE;
	if (!wanted.result)
		wanted.subject =
			*(const struct pend_subject *)(uintptr_t)wanted.info.subject_context;
	if (wanted.pends) {
		actor->result = actor_pend(actor);
		return actor->result ? PEND_VERDICT_REJECT : PEND_VERDICT_PEND;
	}
	return actor->verdict;
}

static struct actor *add_asker(uint32_t number, int verdict)
{
	struct actor *actor = add_actor(&stage, number, verdict);

	memset(&wanted, 0, sizeof(wanted));
	actor->play = play_identity;
	return actor;
}

Test(defer, deferred_it_gets_the_identity)
{
	struct actor *actor;

	begin_deferring(0);
	add_actor(&stage, 0, PEND_VERDICT_PROCEED_HARD);
	actor = add_asker(1, PEND_VERDICT_PROCEED_SOFT);
	add_actor(&stage, 2, PEND_VERDICT_REJECT);
	stage.payloads = true;
	cr_assert_eq(ask_as(1, &self), PEND_VERDICT_PEND);
	/* retval: bpf_get_identity -EAGAIN */
	cr_assert_eq(wanted.result, -EAGAIN);
	cr_assert_eq(stage.deeds[1].map, stage.runtime->deferrals);
	cr_assert_eq(runtime_stats(&stage).deferred, 1);
	cr_assert_eq(runtime_stats(&stage).skipped, 1, "it ends the chain as PEND does");
	cr_assert_eq(actor->runs, 1);
	serve(&stage);
	cr_assert_eq(actor->runs, 2);
	cr_assert_eq(wanted.result, 0);
	cr_assert_eq(wanted.subject.pid, self.pid);
	cr_assert_neq(wanted.subject.pidfd, self.pidfd, "a reference of its own");
	cr_assert_eq(wanted.info.access_token, (uint64_t)wanted.subject.pidfd);
	cr_assert_eq(actor->seen.hidden, 1001);
	ENDED(&stage, 1, "pkcr", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_PROGRAM);
	cr_assert_eq(runtime_stats(&stage).identities, 1);
	cr_assert_eq(runtime_stats(&stage).identities_released, 1);
	cr_assert_eq(runtime_stats(&stage).reinvoked, 1);
	end_deferring();
}

/* R5: another process by now: no identity, and the program runs all the same. */
Test(defer, deferred_it_may_find_nobody)
{
	struct pend_subject other;

	begin_deferring(0);
	add_asker(0, PEND_VERDICT_REJECT);
	other = self;
	other.start_time++;
	cr_assert_eq(ask_as(1, &other), PEND_VERDICT_PEND);
	serve(&stage);
	/* retval: bpf_get_identity -ENOENT */
	cr_assert_eq(wanted.result, -ENOENT);
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_PROGRAM);
	cr_assert_eq(runtime_stats(&stage).identities, 0);
	end_deferring();
}

/* The deferred program pends: the operation moves, and the identity with it (R10). */
Test(defer, deferred_it_may_pend)
{
	struct actor *actor;
	uint64_t token;

	begin_deferring(0);
	actor = add_asker(0, PEND_VERDICT_PROCEED_SOFT);
	wanted.pends = true;
	stage.payloads = true;
	cr_assert_eq(ask_as(1, &self), PEND_VERDICT_PEND);
	serve(&stage);
	cr_assert_eq(actor->result, 0);
	cr_assert_str_eq(stage.deeds[1].told, "pkm");
	cr_assert_eq(stage.deeds[1].map, pend_custom_map_pends(stage.pends));
	cr_assert_eq(actor->key.pend_id, stage.deeds[1].handle);
	cr_assert_eq(pend_map_count(stage.runtime->deferrals), 0);
	token = wanted.info.access_token;
	for (uint32_t i = 0; i < 3; i++) {
		wanted.result = -1;
		continue_operation(1);
		cr_assert_eq(wanted.result, 0);
		cr_assert_eq(wanted.info.access_token, token, "it is not resolved again");
	}
	cr_assert_eq(runtime_stats(&stage).identities, 1);
	cr_assert_eq(runtime_stats(&stage).identities_released, 0);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_PERMIT_SOFT), 0);
	serve(&stage);
	cr_assert_eq(runtime_stats(&stage).identities_released, 1);
	ENDED(&stage, 1, "pkmcr", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	cr_assert_eq(runtime_stats(&stage).moved, 1);
	end_deferring();
}

/* What the deferred run wrote before it pended is gone with its frame: each run begins as the first
 * (guarantee H). */
static int play_write_and_pend(struct actor *actor, struct scene *scene)
{
	struct bpf_identity_info info;

	if (bpf_get_identity(&info, sizeof(info)) == -EAGAIN)
		return PEND_VERDICT_DEFER_TO_PASSIVE;
	scene->answer = 99;
	return play_pend(actor, scene);
}

Test(defer, what_the_deferred_run_wrote_is_not_saved)
{
	begin_deferring(0);
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_write_and_pend;
	cr_assert_eq(ask_as(1, &self), PEND_VERDICT_PEND);
	serve(&stage);
	for (uint32_t i = 0; i < 2; i++) {
		continue_operation(1);
		cr_assert_eq(stage.actors[0].runs, i + 3);
		cr_assert_eq(stage.actors[0].seen.answer, 0);
	}
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	end_deferring();
}

/* F50: no second time. */
Test(defer, deferring_again_is_refused)
{
	begin_deferring(0);
	add_asker(0, PEND_VERDICT_PROCEED_SOFT);
	wanted.insists = true;
	cr_assert_eq(ask_as(1, &self), PEND_VERDICT_PEND);
	serve(&stage);
	cr_assert_eq(stage.actors[0].runs, 2);
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_PROGRAM);
	cr_assert_eq(runtime_stats(&stage).defer_refused, 1);
	end_deferring();
}

/* PEND of a deferred program that has pended nothing (K5). */
Test(defer, deferred_pend_without_a_pend_rejects)
{
	begin_deferring(0);
	add_asker(0, PEND_VERDICT_PEND);
	cr_assert_eq(ask_as(1, &self), PEND_VERDICT_PEND);
	serve(&stage);
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_PROGRAM);
	cr_assert_eq(runtime_stats(&stage).not_pended, 1);
	end_deferring();
}

/* F49 step 1, and who may not. */
Test(defer, deferring_is_refused_without_a_subject)
{
	struct pend_subject half;
	struct scene scene = { .question = 5 };
	struct pend_invocation invocation = invocation_of(5, &scene);

	begin_deferring(0);
	add_asker(0, PEND_VERDICT_PROCEED_SOFT);
	wanted.insists = true;
	cr_assert_eq(ask_as(1, NULL), PEND_VERDICT_REJECT);
	cr_assert_eq(wanted.result, -ENOENT);
	half = self;
	half.pid = 0;
	cr_assert_eq(ask_as(2, &half), PEND_VERDICT_REJECT);
	half = self;
	half.pidfd = -1;
	cr_assert_eq(ask_as(3, &half), PEND_VERDICT_REJECT);
	cr_assert_eq(wanted.result, -ENOENT);
	invocation.subject = &self;
	invocation.flags = PEND_INVOKE_NO_PEND;
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_REJECT);
	cr_assert_eq(runtime_stats(&stage).defer_refused, 4);
	cr_assert_eq(runtime_stats(&stage).deferred, 0);
	cr_assert_str_eq(stage.deeds[1].told, "");
	end_deferring();
}

static int play_defer(struct actor *actor, struct scene *scene)
{
	(void)actor;
	(void)scene;
	return PEND_VERDICT_DEFER_TO_PASSIVE;
}

/* F34: a program that named no helper that pends cannot have itself pended so either. */
Test(defer, deferring_is_refused_to_who_may_not_pend)
{
	begin_deferring(0);
	actor_load(&stage, 0, NULL, 0)->play = play_defer;
	actor_attach(&stage.actors[0], PEND_COMPARTMENT_ANY);
	cr_assert_eq(ask_as(1, &self), PEND_VERDICT_REJECT);
	cr_assert_eq(runtime_stats(&stage).defer_refused, 1);
	end_deferring();
}

/* F50: where a frame may block it is resolved in the frame, once, and given back. */
Test(defer, where_it_may_block_identity_is_at_once)
{
	begin_deferring(PEND_HOOK_MAY_BLOCK);
	add_asker(0, PEND_VERDICT_PROCEED_HARD);
	add_actor(&stage, 1, PEND_VERDICT_PROCEED_SOFT)->play = play_identity;
	cr_assert_eq(ask_as(1, &self), PEND_VERDICT_PROCEED_HARD);
	cr_assert_eq(wanted.result, 0);
	cr_assert_eq(wanted.subject.pid, self.pid);
	cr_assert_eq(runtime_stats(&stage).identities, 1, "once for all programs");
	cr_assert_eq(runtime_stats(&stage).identities_released, 1);
	wanted.insists = true;
	cr_assert_eq(ask_as(2, &self), PEND_VERDICT_REJECT);
	cr_assert_eq(runtime_stats(&stage).defer_refused, 1);
	cr_assert_eq(runtime_stats(&stage).identities_released, 2);
	end_deferring();
}

/* ... and goes with the operation if it is pended. */
Test(defer, and_is_kept_with_what_is_pended)
{
	uint64_t token;

	begin_deferring(PEND_HOOK_MAY_BLOCK);
	add_asker(0, PEND_VERDICT_PROCEED_HARD);
	wanted.pends = true;
	cr_assert_eq(ask_as(1, &self), PEND_VERDICT_PEND);
	token = wanted.info.access_token;
	cr_assert_eq(runtime_stats(&stage).identities_released, 0);
	continue_operation(1);
	cr_assert_eq(wanted.info.access_token, token);
	cr_assert_eq(runtime_stats(&stage).identities, 1);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	serve(&stage);
	cr_assert_eq(runtime_stats(&stage).identities_released, 1);
	end_deferring();
}

/* After the pend, in the same frame. */
static int play_pend_then_identity(struct actor *actor, struct scene *scene)
{
	(void)scene;
	actor->result = actor_pend(actor);
	wanted.result = bpf_get_identity(&wanted.info, sizeof(wanted.info));
	return actor->verdict;
}

Test(defer, identity_after_the_pend)
{
	begin_deferring(PEND_HOOK_MAY_BLOCK);
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_pend_then_identity;
	cr_assert_eq(ask_as(1, &self), PEND_VERDICT_PEND);
	cr_assert_eq(wanted.result, 0);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	serve(&stage);
	cr_assert_eq(runtime_stats(&stage).identities, 1);
	cr_assert_eq(runtime_stats(&stage).identities_released, 1);
	end_deferring();
}

Test(defer, identity_after_the_pend_where_it_may_not_block)
{
	begin_deferring(0);
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_pend_then_identity;
	cr_assert_eq(ask_as(1, &self), PEND_VERDICT_PEND);
	cr_assert_eq(wanted.result, -EAGAIN);
	continue_operation(1);
	cr_assert_eq(wanted.result, 0, "in a re-run it never says so");
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	end_deferring();
}

/* Resumed programs get it too, and a move takes it along. */
Test(defer, resumed_programs_get_the_identity)
{
	begin_deferring(PEND_HOOK_RESUME);
	add_pender(&stage, 0);
	add_asker(1, PEND_VERDICT_PROCEED_SOFT);
	wanted.pends = true;
	cr_assert_eq(ask_as(1, &self), PEND_VERDICT_PEND);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_PERMIT_SOFT), 0);
	serve(&stage);
	cr_assert_eq(wanted.result, 0);
	cr_assert_str_eq(stage.deeds[1].told, "pm");
	cr_assert_eq(runtime_stats(&stage).identities_released, 0);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_PERMIT_SOFT), 0);
	serve(&stage);
	cr_assert_eq(runtime_stats(&stage).identities, 1);
	cr_assert_eq(runtime_stats(&stage).identities_released, 1);
	end_deferring();
}

/* ---- deferred operations that end otherwise: R7, R8 ---- */

Test(defer, a_deferred_operation_can_be_cancelled)
{
	begin_deferring(0);
	add_asker(0, PEND_VERDICT_PROCEED_SOFT);
	stage.payloads = true;
	cr_assert_eq(ask_as(1, &self), PEND_VERDICT_PEND);
	cr_assert_eq(pend_map_cancel(stage.deeds[1].map, stage.deeds[1].handle), 0);
	serve(&stage);
	cr_assert_eq(stage.actors[0].runs, 1, "it is not run for that");
	cr_assert_str_eq(stage.deeds[1].told, "pkgd");
	end_deferring();
}

/* Cancelled while its program runs again, before and after it pends: it is passed on. */
static bool late;

static int play_cancelled_while_deferred(struct actor *actor, struct scene *scene)
{
	struct deed *deed = deed_of(&stage, scene->question);
	struct pend_map *map = deed->map;
	const uint64_t handle = deed->handle;

	if (actor->runs == 1)
		return PEND_VERDICT_DEFER_TO_PASSIVE;
	if (!late)
		cr_assert_eq(pend_map_cancel(map, handle), 0);
	cr_assert_eq(actor_pend(actor), 0);
	if (late)
		cr_assert_eq(pend_map_cancel(map, handle), 0, "by the name it had");
	return actor->verdict;
}

Test(defer, a_cancellation_goes_after_what_moves)
{
	for (uint32_t i = 0; i < 2; i++) {
		late = i;
		begin_deferring(0);
		add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_cancelled_while_deferred;
		stage.payloads = true;
		cr_assert_eq(ask_as(1, &self), PEND_VERDICT_PEND);
		serve(&stage);
		cr_assert_str_eq(stage.deeds[1].told, "pkmgd");
		cr_assert_eq(runtime_stats(&stage).cancelled, 1);
		end_deferring();
	}
}

/* It waits no longer than deferral_ns, whoever serves nothing. */
Test(defer, a_deferred_operation_has_a_deadline)
{
	begin_deferring(0);
	add_asker(0, PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(ask_as(1, &self), PEND_VERDICT_PEND);
	machine.mono_ns += 3 * SECOND;
	cr_assert_eq(pendi_map_complete(stage.deeds[1].map, stage.deeds[1].handle,
					PEND_ACTION_BLOCK, PEND_ORIGIN_DEADLINE),
		     0, "what its tick does");
	serve(&stage);
	cr_assert_eq(stage.actors[0].runs, 1);
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_DEADLINE);
	end_deferring();
}

/* No room for those that wait: refused. */
Test(defer, deferring_is_refused_without_room)
{
	begin_deferring(0);
	add_asker(0, PEND_VERDICT_PROCEED_SOFT);
	stage.pend_error = -EOPNOTSUPP;
	cr_assert_eq(ask_as(1, &self), PEND_VERDICT_REJECT);
	cr_assert_eq(runtime_stats(&stage).defer_refused, 1);
	stage.pend_error = 0;
	memset(stage.deeds, 0, sizeof(stage.deeds));
	cr_assert_eq(pend_map_disable(stage.runtime->deferrals, 0), 0);
	cr_assert_eq(ask_as(2, &self), PEND_VERDICT_REJECT);
	cr_assert_eq(runtime_stats(&stage).defer_refused, 2);
	end_deferring();
}

/* K18: its process is dead by then. */
Test(defer, a_dead_process_has_no_identity)
{
	struct pend_subject subject;
	const pid_t child = fork();

	if (child == 0) {
		pause();
		_exit(0);
	}
	cr_assert_gt(child, 0);
	begin_deferring(0);
	add_asker(0, PEND_VERDICT_REJECT);
	cr_assert_eq(pend_subject_capture(child, &subject), 0);
	cr_assert_eq(ask_as(1, &subject), PEND_VERDICT_PEND);
	cr_assert_eq(kill(child, SIGKILL), 0);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	serve(&stage);
	cr_assert_eq(wanted.result, -ENOENT);
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_PROGRAM);
	cr_assert_eq(pend_subject_release(&subject), 0);
	end_deferring();
}
