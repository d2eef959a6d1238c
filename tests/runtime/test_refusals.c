/* SPDX-License-Identifier: MIT */
/*
 * test_refusals.c - helpers that refuse: who may not call them, wrong arguments, maps and operations
 * of others, and what the map says (F17, F34, F64, F66, OP-18, OP-40; guarantee I).
 */
#include "tests/runtime/fixture.h"

#include <unistd.h>

static struct stage stage;

/* ---- refused: outside of programs, and what was not named ---- */

static void check_all_refused(void)
{
	struct stage_value value = value_of(1);
	struct pend_key key = pend_key_of(0);
	struct bpf_identity_info info;

	/* retval: bpf_pend_operation -EPERM */
	cr_assert_eq(bpf_pend_operation(stage.pends, &value, sizeof(value), &key, sizeof(key)),
		     -EPERM);
	/* retval: bpf_sock_addr_pend -EPERM */
	cr_assert_eq(bpf_sock_addr_pend(stage.completes, &key, 0), -EPERM);
	/* retval: bpf_complete_operation -EPERM */
	cr_assert_eq(bpf_complete_operation(stage.pends, &key, PEND_ACTION_BLOCK), -EPERM);
	cr_assert_null(bpf_pend_scratch(NULL));
	/* retval: bpf_pend_pressure -EPERM */
	cr_assert_eq(bpf_pend_pressure(stage.pends), -EPERM);
	/* retval: bpf_get_identity -EPERM */
	cr_assert_eq(bpf_get_identity(&info, sizeof(info)), -EPERM);
	/* retval: bpf_continuation_missing -EPERM */
	cr_assert_eq(bpf_continuation_missing(), -EPERM);
	cr_assert_null(bpf_map_lookup_elem(stage.pends, &key));
	/* retval: bpf_map_update_elem -EPERM */
	cr_assert_eq(bpf_map_update_elem(stage.pends, &key, &value, PEND_BPF_ANY), -EPERM);
	/* retval: bpf_map_delete_elem -EPERM */
	cr_assert_eq(bpf_map_delete_elem(stage.pends, &key), -EPERM);
	cr_assert_eq(bpf_get_current_pid_tgid(), (uint64_t)-EPERM);
	cr_assert_eq(bpf_get_socket_cookie(NULL), (uint64_t)-EPERM);
	cr_assert_eq(bpf_ktime_get_ns(), (uint64_t)-EPERM);
	cr_assert_eq(bpf_ktime_get_boot_ns(), (uint64_t)-EPERM);
	cr_assert_eq(bpf_get_smp_processor_id(), (uint32_t)-EPERM);
	cr_assert_eq(bpf_get_prandom_u32(), (uint32_t)-EPERM);
	cr_assert_null(bpf_helper(STAGE_HELPER));
	cr_assert_null(bpf_function(0));
}

enum { CALLS_REFUSED = 18 };

static int play_refused(struct actor *actor, struct scene *scene)
{
	(void)scene;
	check_all_refused();
	return actor->verdict;
}

Test(refusals, are_for_programs_that_named_them)
{
	stage_begin(&stage, 0);
	check_all_refused();
	cr_assert_eq(runtime_stats(&stage).helper_refused, 0);
	actor_load(&stage, 0, NULL, 0)->play = play_refused;
	actor_attach(&stage.actors[0], PEND_COMPARTMENT_ANY);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(runtime_stats(&stage).helper_refused, CALLS_REFUSED);
	cr_assert_eq(stage.trace_count, CALLS_REFUSED);
	cr_assert_eq(stage.traces[3].type, PEND_TRACE_HELPER);
	cr_assert_eq(stage.traces[3].program_id, stage.actors[0].program->object.id);
	cr_assert_eq(stage.traces[3].error, -EPERM);
	stage_end(&stage);
}

/* ---- arguments ---- */

static int play_wrong_pends(struct actor *actor, struct scene *scene)
{
	struct stage_value value = value_of(1);
	struct pend_key key = pend_key_of(0), wrong = key;

	(void)scene;
	/* retval: bpf_pend_operation -EFAULT */
	cr_assert_eq(bpf_pend_operation(NULL, &value, sizeof(value), &key, sizeof(key)), -EFAULT);
	cr_assert_eq(bpf_pend_operation(stage.pends, NULL, sizeof(value), &key, sizeof(key)),
		     -EFAULT);
	cr_assert_eq(bpf_pend_operation(stage.pends, &value, sizeof(value), NULL, sizeof(key)),
		     -EFAULT);
	/* retval: bpf_pend_operation -EINVAL */
	cr_assert_eq(bpf_pend_operation(stage.pends, &value, sizeof(value), &key, 8), -EINVAL);
	cr_assert_eq(bpf_pend_operation(stage.pends, &value, sizeof(value) - 8, &key, sizeof(key)),
		     -EINVAL);
	cr_assert_eq(bpf_pend_operation(stage.completes, &value, sizeof(value), &key, sizeof(key)),
		     -EINVAL, "of another type");
	wrong.version = 2;
	cr_assert_eq(bpf_pend_operation(stage.pends, &value, sizeof(value), &wrong, sizeof(key)),
		     -EINVAL);
	wrong = key;
	wrong.size--;
	cr_assert_eq(bpf_pend_operation(stage.pends, &value, sizeof(value), &wrong, sizeof(key)),
		     -EINVAL);
	value.head.version = 0;
	cr_assert_eq(bpf_pend_operation(stage.pends, &value, sizeof(value), &key, sizeof(key)),
		     -EINVAL);
	value = value_of(1);
	value.head.size = sizeof(value.head) - 1;
	cr_assert_eq(bpf_pend_operation(stage.pends, &value, sizeof(value), &key, sizeof(key)),
		     -EINVAL);
	value.head.size = sizeof(value) + 1;
	cr_assert_eq(bpf_pend_operation(stage.pends, &value, sizeof(value), &key, sizeof(key)),
		     -EINVAL);
	/* retval: bpf_sock_addr_pend -EFAULT */
	cr_assert_eq(bpf_sock_addr_pend(NULL, &key, 0), -EFAULT);
	cr_assert_eq(bpf_sock_addr_pend(stage.completes, NULL, 0), -EFAULT);
	/* retval: bpf_sock_addr_pend -EINVAL */
	cr_assert_eq(bpf_sock_addr_pend(stage.completes, &key, 1), -EINVAL);
	cr_assert_eq(bpf_sock_addr_pend(stage.completes, &wrong, 0), -EINVAL);
	cr_assert_eq(bpf_sock_addr_pend(stage.pends, &key, 0), -EINVAL);
	cr_assert_eq(key.pend_id, 0);
	return actor->verdict;
}

Test(refusals, wrong_pends)
{
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_PROCEED_HARD)->play = play_wrong_pends;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PROCEED_HARD);
	cr_assert_eq(runtime_stats(&stage).pends, 0);
	cr_assert_str_eq(stage.deeds[1].told, "");
	stage_end(&stage);
}

static int play_wrong_completes(struct actor *actor, struct scene *scene)
{
	struct pend_key key = pend_key_of(stage.deeds[2].handle), wrong = key;

	if (scene->question == 2)
		return play_pend(actor, scene) == PEND_VERDICT_PEND ? PEND_VERDICT_PEND : 0;
	/* retval: bpf_complete_operation -EFAULT */
	cr_assert_eq(bpf_complete_operation(NULL, &key, PEND_ACTION_BLOCK), -EFAULT);
	cr_assert_eq(bpf_complete_operation(stage.pends, NULL, PEND_ACTION_BLOCK), -EFAULT);
	wrong.version = 9;
	/* retval: bpf_complete_operation -EINVAL */
	cr_assert_eq(bpf_complete_operation(stage.pends, &wrong, PEND_ACTION_BLOCK), -EINVAL);
	cr_assert_eq(bpf_complete_operation(stage.pends, &key, PEND_ACTION_PENDING), -EINVAL);
	cr_assert_eq(bpf_complete_operation(stage.pends, &key, (enum pend_action)5), -EINVAL);
	cr_assert_eq(bpf_complete_operation(stage.others, &key, PEND_ACTION_BLOCK), -ENOENT);
	/* Another operation, of nobody's: its orchestrator may be a program. */
	cr_assert_eq(bpf_complete_operation(stage.pends, &key, PEND_ACTION_PERMIT_HARD), 0);
	return PEND_VERDICT_PROCEED_SOFT;
}

/* F17 */
Test(refusals, a_program_completes_what_is_nobodys)
{
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_wrong_completes;
	cr_assert_eq(ask(&stage, 2), PEND_VERDICT_PEND);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PROCEED_SOFT);
	serve(&stage);
	ENDED(&stage, 2, "pc", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

static int play_complete_owned(struct actor *actor, struct scene *scene)
{
	struct pend_key key = pend_key_of(stage.deeds[2].handle);

	if (scene->question == 2)
		return play_pend(actor, scene);
	/* retval: bpf_complete_operation -EPERM */
	cr_assert_eq(bpf_complete_operation(stage.pends, &key, PEND_ACTION_PERMIT_HARD), -EPERM);
	return PEND_VERDICT_PROCEED_SOFT;
}

/* F64 */
Test(refusals, but_not_what_is_a_sessions)
{
	struct pend_session *session = NULL;

	stage_begin(&stage, 0);
	cr_assert_eq(pend_session_open(stage.engine, NULL, &session), 0);
	cr_assert_eq(pend_custom_map_bind(stage.pends, session), 0);
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_complete_owned;
	cr_assert_eq(ask(&stage, 2), PEND_VERDICT_PEND);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(pend_session_complete(session, stage.deeds[2].map, stage.deeds[2].handle,
					   PEND_ACTION_BLOCK),
		     0);
	serve(&stage);
	cr_assert_eq(pend_session_close(session), 0);
	stage_end(&stage);
}

/* ---- F66: maps of other namespaces are not there ---- */

static struct pend_custom_map *foreign, *foreign_complete;

static int play_foreign(struct actor *actor, struct scene *scene)
{
	struct stage_value value = value_of(1);
	struct pend_key key = pend_key_of(0);

	(void)scene;
	/* retval: bpf_pend_operation -ENOENT */
	cr_assert_eq(bpf_pend_operation(foreign, &value, sizeof(value), &key, sizeof(key)),
		     -ENOENT);
	/* retval: bpf_sock_addr_pend -ENOENT */
	cr_assert_eq(bpf_sock_addr_pend(foreign_complete, &key, 0), -ENOENT);
	/* retval: bpf_pend_pressure -ENOENT */
	cr_assert_eq(bpf_pend_pressure(foreign), -ENOENT);
	cr_assert_eq(bpf_complete_operation(foreign, &key, PEND_ACTION_BLOCK), -ENOENT);
	return actor->verdict;
}

static struct pend_custom_map *make_foreign(uint32_t type, uint32_t value_size)
{
	const struct pend_custom_map_options options = {
		.size = sizeof(options),
		.type = type,
		.key_size = sizeof(struct pend_key),
		.value_size = value_size,
		.max_entries = 16,
		.name_space = { 1, 2 },
	};
	struct pend_custom_map *map = NULL;

	cr_assert_eq(pend_custom_map_create(stage.runtime, &options, &map), 0);
	return map;
}

Test(refusals, maps_of_another_namespace)
{
	stage_begin(&stage, 0);
	foreign = make_foreign(BPF_MAP_TYPE_NET_EBPF_EXT_PEND, sizeof(struct stage_value));
	foreign_complete = make_foreign(BPF_MAP_TYPE_SOCK_ADDR_PEND_COMPLETE,
					sizeof(struct pend_complete_entry));
	add_actor(&stage, 0, PEND_VERDICT_PROCEED_SOFT)->play = play_foreign;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(stage.actors[0].runs, 1);
	cr_assert_eq(pend_custom_map_close(foreign), 0);
	cr_assert_eq(pend_custom_map_close(foreign_complete), 0);
	stage_end(&stage);
}

/* ---- OP-40: a session does not pend its own process's operations ---- */

Test(refusals, a_session_does_not_wait_for_itself)
{
	struct pend_session_options options = pend_session_options_default();
	struct pend_subject self;
	struct pend_session *session = NULL;
	struct scene scene = { .question = 1 };
	struct pend_invocation invocation = invocation_of(1, &scene);

	stage_begin(&stage, 0);
	options.self_pid = (int32_t)getpid();
	cr_assert_eq(pend_session_open(stage.engine, &options, &session), 0);
	cr_assert_eq(pend_custom_map_bind(stage.pends, session), 0);
	cr_assert_eq(pend_subject_capture((int32_t)getpid(), &self), 0);
	add_pender(&stage, 0)->verdict = PEND_VERDICT_PROCEED_SOFT;
	invocation.subject = &self;
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_PROCEED_SOFT);
	/* retval: bpf_pend_operation -EDEADLK */
	cr_assert_eq(stage.actors[0].result, -EDEADLK);
	cr_assert_eq(pend_session_close(session), 0);
	cr_assert_eq(pend_subject_release(&self), 0);
	stage_end(&stage);
}

/* ---- what the map refuses is told as it is ---- */

static struct pend_custom_map *make_special(const struct pend_map_options *extra, uint32_t entries)
{
	const struct pend_custom_map_options options = {
		.size = sizeof(options),
		.type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
		.key_size = sizeof(struct pend_key),
		.value_size = sizeof(struct stage_value),
		.max_entries = entries,
		.extra = extra,
	};
	struct pend_custom_map *map = NULL;

	cr_assert_eq(pend_custom_map_create(stage.runtime, &options, &map), 0);
	return map;
}

/* Pends operation 1 in @map, which is to refuse. */
static int pend_refused(struct pend_custom_map *map)
{
	stage.actors[0].map = map;
	stage.actors[0].verdict = PEND_VERDICT_PROCEED_SOFT;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PROCEED_SOFT);
	cr_assert_str_eq(stage.deeds[1].told, "", "the backend was not asked");
	return stage.actors[0].result;
}

Test(refusals, a_quota_refuses)
{
	struct pend_map_options extra = pend_map_options_default();
	struct pend_custom_map *map;

	stage_begin(&stage, 0);
	extra.flags = PEND_MAP_ENABLED;
	extra.quota_bytes = 64;
	map = make_special(&extra, 4);
	add_pender(&stage, 0);
	/* retval: bpf_pend_operation -EDQUOT */
	cr_assert_eq(pend_refused(map), -EDQUOT);
	cr_assert_eq(pend_custom_map_close(map), 0);
	stage_end(&stage);
}

Test(refusals, readers_hold_up_a_map_with_pointers)
{
	struct pend_map_options extra = pend_map_options_default();
	struct pend_custom_map *map;
	int result = 0;

	stage_begin(&stage, 0);
	extra.flags = PEND_MAP_ENABLED | PEND_MAP_POINTERS;
	extra.reserve = 1;
	map = make_special(&extra, 1);
	add_pender(&stage, 0);
	cr_assert_eq(pend_epoch_enter(), 0);
	for (uint64_t i = 2; !result && i < OPERATIONS; i++) {
		stage.actors[0].map = map;
		stage.actors[0].verdict = PEND_VERDICT_REJECT;
		(void)ask(&stage, i);
		result = stage.actors[0].result;
		serve(&stage);
	}
	/* retval: bpf_pend_operation -EAGAIN */
	cr_assert_eq(result, -EAGAIN);
	cr_assert_eq(pend_epoch_exit(), 0);
	let_reclaim();
	cr_assert_eq(pend_custom_map_close(map), 0);
	stage_end(&stage);
}

Test(refusals, an_orchestrator_that_does_not_listen)
{
	struct pend_session_options options = pend_session_options_default();
	struct pend_session *session = NULL;

	stage_begin(&stage, 0);
	options.notices = 16;
	cr_assert_eq(pend_session_open(stage.engine, &options, &session), 0);
	cr_assert_eq(pend_custom_map_bind(stage.pends, session), 0);
	add_pender(&stage, 0);
	for (uint64_t i = 2; i < 18; i++) {
		cr_assert_eq(ask(&stage, i), PEND_VERDICT_PEND);
		cr_assert_eq(pend_session_complete(session, stage.deeds[i].map,
						   stage.deeds[i].handle, PEND_ACTION_BLOCK),
			     0);
		serve(&stage);
	}
	/* retval: bpf_pend_operation -ENOBUFS */
	cr_assert_eq(pend_refused(stage.pends), -ENOBUFS);
	cr_assert_eq(pend_session_close(session), 0);
	stage_end(&stage);
}

static int play_continue_itself(struct actor *actor, struct scene *scene)
{
	(void)scene;
	cr_assert_eq(actor_pend(actor), 0);
	actor->result = bpf_complete_operation(actor->map, &actor->key, PEND_ACTION_CONTINUE);
	return PEND_VERDICT_PEND;
}

Test(refusals, a_program_cannot_continue_itself_for_ever)
{
	struct pend_map_options extra = pend_map_options_default();
	struct pend_custom_map *map;

	stage_begin(&stage, 0);
	extra.flags = PEND_MAP_ENABLED;
	extra.rerun_limit = 0;
	map = make_special(&extra, 4);
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_continue_itself;
	stage.actors[0].map = map;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	/* retval: bpf_complete_operation -ELOOP */
	cr_assert_eq(stage.actors[0].result, -ELOOP);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	serve(&stage);
	cr_assert_eq(pend_custom_map_close(map), 0);
	stage.actors[0].map = stage.pends;
	cr_assert_eq(ask(&stage, 2), PEND_VERDICT_PEND);
	cr_assert_eq(stage.actors[0].result, 0);
	serve(&stage);
	cr_assert_eq(stage.actors[0].runs, 3, "once more, after its frame");
	cr_assert_eq(decide(&stage, 2, PEND_ACTION_BLOCK), 0);
	stage_end(&stage);
}
