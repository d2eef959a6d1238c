/* SPDX-License-Identifier: MIT */
/*
 * test_helpers.c - what programs call (F11, F31, F80, OP-24, OP-41, X7, X9; guarantee H).
 */
#include "tests/runtime/fixture.h"

#include <unistd.h>

static struct stage stage;
static struct pend_custom_map *table; /* a plain one */

/* ---- guarantee H: every helper answers the same when the program runs again ---- */

/* What a program gets from all that describes its operation. */
struct answers {
	int pend, pend_again, scratch_size, missing;
	uint64_t key, pid_tgid, cookie, hidden, operation;
	uint32_t cpu, random[5];
	int identity, identity_error;
	struct pend_subject subject;
	const void *context;
	struct scene scene;
};

static struct answers answers[4];

static int play_all(struct actor *actor, struct scene *scene)
{
	struct answers *now = &answers[actor->runs - 1];
	struct stage_value value = value_of(1);
	struct pend_key key = pend_key_of(0);
	struct bpf_identity_info info;
	uint32_t size = 0;

	now->scene = *scene;
	now->random[0] = bpf_get_prandom_u32();
	now->cpu = bpf_get_smp_processor_id();
	now->pid_tgid = bpf_get_current_pid_tgid();
	now->cookie = bpf_get_socket_cookie(scene);
	now->hidden = bpf_helper(STAGE_HELPER)(7, 0, 0, 0, 0);
	now->operation = pend_frame_operation();
	cr_assert_eq(pend_frame_context(), scene);
	cr_assert_eq(pend_frame_hook(), stage.hook);
	now->identity = bpf_get_identity(&info, sizeof(info));
	if (!now->identity)
		now->subject = *(const struct pend_subject *)(uintptr_t)info.subject_context;
	now->identity_error = bpf_get_identity(&info, 1);
	now->pend = bpf_pend_operation(stage.pends, &value, sizeof(value), &key, sizeof(key));
	now->key = key.pend_id;
	now->pend_again =
		bpf_pend_operation(stage.others, &value, sizeof(value), &key, sizeof(key));
	cr_assert_not_null(bpf_pend_scratch(&size));
	now->scratch_size = (int)size;
	now->missing = bpf_continuation_missing();
	for (uint32_t i = 1; i < 5; i++)
		now->random[i] = bpf_get_prandom_u32();
	return PEND_VERDICT_PEND;
}

Test(helpers, answer_the_same_in_every_run)
{
	struct scene scene = { .question = 3, .answer = 4, .hidden = 500 };
	struct pend_invocation invocation = invocation_of(3, &scene);
	struct pend_subject self;

	stage_begin(&stage, PEND_HOOK_MAY_BLOCK);
	cr_assert_eq(pend_subject_capture((int32_t)getpid(), &self), 0);
	invocation.subject = &self;
	add_actor(&stage, 0, 0)->play = play_all;
	machine.cpu = 2;
	cr_assert_eq(ask_with(&stage, &invocation), PEND_VERDICT_PEND);
	memset(&scene, 0xdd, sizeof(scene));
	for (uint32_t i = 1; i < 4; i++) {
		machine.cpu = i == 2 ? 2 : 1;
		machine.mono_ns += SECOND / 100;
		cr_assert_eq(decide(&stage, 3, PEND_ACTION_CONTINUE), 0);
		serve(&stage);
		cr_assert_eq(stage.actors[0].runs, i + 1);
		cr_assert_eq(memcmp(&answers[i], &answers[0], sizeof(answers[0])), 0, "run %u", i);
	}
	cr_assert_eq(answers[0].cpu, 2);
	cr_assert_eq(answers[0].pid_tgid, (uint64_t)self.pid << 32 | (uint32_t)self.pid);
	cr_assert_eq(answers[0].cookie, 3);
	cr_assert_eq(answers[0].operation, 3);
	cr_assert_eq(answers[0].hidden, 507);
	cr_assert_eq(answers[0].identity, 0);
	cr_assert_eq(answers[0].pend, 0);
	cr_assert_eq(answers[0].pend_again, -EBUSY);
	cr_assert_neq(answers[0].random[0], answers[0].random[1]);
	cr_assert_eq(decide(&stage, 3, PEND_ACTION_BLOCK), 0);
	stage_end(&stage);
	cr_assert_eq(pend_subject_release(&self), 0);
}

/* Random numbers differ between operations, and between the programs of one. */
static uint32_t drawn[8], draws;

static int play_draw(struct actor *actor, struct scene *scene)
{
	(void)scene;
	drawn[draws++] = bpf_get_prandom_u32();
	drawn[draws++] = bpf_get_prandom_u32();
	return actor->verdict;
}

Test(helpers, random_numbers_differ)
{
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_PROCEED_SOFT)->play = play_draw;
	add_actor(&stage, 1, PEND_VERDICT_PROCEED_SOFT)->play = play_draw;
	(void)ask(&stage, 1);
	(void)ask(&stage, 1);
	cr_assert_eq(draws, 8);
	for (uint32_t i = 0; i < 8; i++)
		for (uint32_t k = 0; k < i; k++)
			cr_assert_neq(drawn[i], drawn[k]);
	stage_end(&stage);
}

/* What is shared is live: clocks, maps, pressure. */
static uint64_t times[4];

static int play_clock(struct actor *actor, struct scene *scene)
{
	if (actor->runs == 1)
		actor->result = actor_pend(actor);
	(void)scene;
	times[2 * (actor->runs - 1)] = bpf_ktime_get_ns();
	times[2 * (actor->runs - 1) + 1] = bpf_ktime_get_boot_ns();
	return actor->verdict;
}

Test(helpers, clocks_go_on)
{
	machine.lead_ns = HOUR;
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_clock;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	machine.mono_ns += MS;
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_CONTINUE), 0);
	serve(&stage);
	cr_assert_eq(times[1], times[0] + HOUR);
	cr_assert_eq(times[2], times[0] + MS);
	cr_assert_eq(times[3], times[1] + MS);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	stage_end(&stage);
}

/* Without a subject nobody's. */
static uint64_t pid_seen = 1;

static int play_pid(struct actor *actor, struct scene *scene)
{
	struct bpf_identity_info info;

	(void)scene;
	pid_seen = bpf_get_current_pid_tgid();
	cr_assert_eq(bpf_get_identity(&info, sizeof(info)), -ENOENT);
	/* retval: bpf_get_identity -EINVAL */
	cr_assert_eq(bpf_get_identity(NULL, sizeof(info)), -EINVAL);
	cr_assert_eq(bpf_get_identity(&info, sizeof(info) - 1), -EINVAL);
	return actor->verdict;
}

Test(helpers, nobodys_operation)
{
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_PROCEED_SOFT)->play = play_pid;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(pid_seen, 0);
	stage_end(&stage);
}

/* ---- X9: scratch ---- */

static int play_scratch(struct actor *actor, struct scene *scene)
{
	uint32_t size = 77;
	uint64_t *scratch;

	if (actor->runs == 1) {
		cr_assert_null(bpf_pend_scratch(&size), "not yet pended");
		cr_assert_eq(size, 77);
	}
	cr_assert_eq(actor_pend(actor), 0);
	scratch = bpf_pend_scratch(&size);
	cr_assert_eq(size, 32);
	if (actor->runs == 1)
		for (uint32_t i = 0; i < 4; i++)
			cr_assert_eq(scratch[i], 0, "as new");
	cr_assert_eq(scratch[3], actor->runs - 1);
	scratch[0] = scene->question;
	scratch[3] = actor->runs;
	return actor->verdict;
}

Test(helpers, scratch_is_kept_from_run_to_run)
{
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_scratch;
	for (uint32_t i = 0; i < 3; i++) {
		stage.actors[0].runs = 0;
		cr_assert_eq(ask(&stage, i), PEND_VERDICT_PEND);
		for (uint32_t k = 0; k < 3; k++) {
			cr_assert_eq(decide(&stage, i, PEND_ACTION_CONTINUE), 0);
			serve(&stage);
		}
		cr_assert_eq(stage.actors[0].runs, 4);
		cr_assert_eq(decide(&stage, i, PEND_ACTION_BLOCK), 0);
		serve(&stage);
	}
	stage_end(&stage);
}

static int play_no_scratch(struct actor *actor, struct scene *scene)
{
	uint32_t size = 77;

	(void)scene;
	cr_assert_eq(actor_pend(actor), 0);
	cr_assert_null(bpf_pend_scratch(&size), "the map has none");
	cr_assert_eq(size, 77);
	return actor->verdict;
}

Test(helpers, a_map_without_scratch)
{
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_REJECT)->play = play_no_scratch;
	stage.actors[0].map = stage.others;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	stage_end(&stage);
}

static void make_table(void)
{
	const struct pend_custom_map_options options = { .size = sizeof(options),
							 .type = BPF_MAP_TYPE_HASH,
							 .key_size = 8,
							 .value_size = 8,
							 .max_entries = 8 };

	cr_assert_eq(pend_custom_map_create(stage.runtime, &options, &table), 0);
}

/* ---- OP-41: pressure ---- */

static int pressures[17];

static int play_pressure(struct actor *actor, struct scene *scene)
{
	pressures[scene->question] = bpf_pend_pressure(stage.pends);
	/* retval: bpf_pend_pressure -EFAULT */
	cr_assert_eq(bpf_pend_pressure(NULL), -EFAULT);
	/* retval: bpf_pend_pressure -EINVAL */
	cr_assert_eq(bpf_pend_pressure(table), -EINVAL);
	cr_assert_eq(bpf_pend_pressure(stage.completes), 0);
	return scene->question == 16 ? PEND_VERDICT_PROCEED_SOFT : play_pend(actor, scene);
}

Test(helpers, pressure_is_in_thousandths)
{
	stage_begin(&stage, 0);
	make_table();
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_pressure;
	for (uint32_t i = 0; i <= 16; i++)
		(void)ask(&stage, i);
	for (uint32_t i = 0; i <= 16; i++)
		cr_assert_eq(pressures[i], (int)(i * 1000 / 16));
	for (uint32_t i = 0; i < 16; i++)
		cr_assert_eq(decide(&stage, i, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(pend_custom_map_close(table), 0);
	stage_end(&stage);
}

/* ---- F31 ---- */

static int play_missing(struct actor *actor, struct scene *scene)
{
	(void)scene;
	cr_assert_eq(actor_pend(actor), 0);
	cr_assert_eq(bpf_continuation_missing(), 0);
	return actor->verdict;
}

Test(helpers, a_missing_continuation_is_counted)
{
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_missing;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(runtime_stats(&stage).continuation_missing, 0, "a first run has none to miss");
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_CONTINUE), 0);
	serve(&stage);
	cr_assert_eq(runtime_stats(&stage).continuation_missing, 1);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	stage_end(&stage);
}

/* ---- maps: the continuation map pattern (F31) ---- */

static int play_table(struct actor *actor, struct scene *scene)
{
	const uint64_t key = scene->question, value = 42, other = 43;
	const uint64_t *found = bpf_map_lookup_elem(table, &key);

	if (actor->runs == 1) {
		cr_assert_null(found);
		cr_assert_eq(bpf_map_update_elem(table, &key, &value, PEND_BPF_NOEXIST), 0);
		cr_assert_neq(bpf_map_update_elem(table, &key, &other, PEND_BPF_NOEXIST), 0);
		return play_pend(actor, scene);
	}
	cr_assert_not_null(found);
	cr_assert_eq(*found, 42);
	cr_assert_eq(bpf_map_delete_elem(table, &key), 0);
	/* retval: bpf_map_delete_elem -ENOENT */
	cr_assert_eq(bpf_map_delete_elem(table, &key), -ENOENT);
	return PEND_VERDICT_PROCEED_SOFT;
}

Test(helpers, a_table_keeps_state_between_runs)
{
	stage_begin(&stage, 0);
	make_table();
	add_actor(&stage, 0, PEND_VERDICT_PEND)->play = play_table;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_CONTINUE), 0);
	serve(&stage);
	ENDED(&stage, 1, "pc", PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_PROGRAM);
	cr_assert_eq(pend_custom_map_close(table), 0);
	stage_end(&stage);
}

/* ---- F80: a type may put its own in place of a general helper ---- */

static uint64_t other_cookie(uint64_t context, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	(void)b;
	(void)c;
	(void)d;
	(void)e;
	return ((const struct scene *)(uintptr_t)context)->hidden;
}

static int play_cookie(struct actor *actor, struct scene *scene)
{
	scene->answer = bpf_get_socket_cookie(scene);
	return actor->verdict;
}

Test(helpers, a_type_has_its_own)
{
	static const uint32_t ids[] = { BPF_FUNC_get_socket_cookie };
	static const pend_helper_fn addresses[] = { other_cookie };
	static const struct pend_uuid type_id = { { 'o', 'w', 'n' } };
	static const struct pend_uuid attach_type = { { 'a', 't' } };
	static struct pend_program_data data;
	struct pend_provider_options provider = { .size = sizeof(provider),
						  .kind = PEND_PROVIDER_PROGRAM,
						  .id = type_id,
						  .data = &data.header };
	struct pend_hook_options hook_options = { .size = sizeof(hook_options),
						  .flags = PEND_HOOK_NO_PEND,
						  .name = "own",
						  .program_type = type_id,
						  .attach_types = { attach_type },
						  .attach_type_count = 1,
						  .links_max = 1 };
	struct pend_program_options options = { .size = sizeof(options),
						.name = "own",
						.type = type_id,
						.entry = actor_run,
						.helpers = ids,
						.helper_count = 1 };
	const struct pend_link_options link_options = { .size = sizeof(link_options),
							.attach_type = attach_type };
	struct actor actor = { .play = play_cookie, .verdict = PEND_VERDICT_PROCEED_SOFT };
	struct scene scene = { .question = 5, .hidden = 99 };
	struct pend_invocation invocation = invocation_of(5, &scene);
	struct pend_provider *type;
	struct pend_hook *hook;

	stage_begin(&stage, 0);
	data = stage_program_data;
	data.override_count = 1;
	data.override_ids = ids;
	data.override_addresses = addresses;
	options.data = &actor;
	cr_assert_eq(pend_provider_register(stage.runtime, &provider, &type), 0);
	cr_assert_eq(pend_hook_create(stage.runtime, &hook_options, &hook), 0);
	cr_assert_eq(pend_program_load(stage.runtime, &options, &actor.program), 0);
	cr_assert_eq(pend_link_attach(actor.program, &link_options, &actor.link), 0);
	cr_assert_eq(pend_hook_invoke(hook, &invocation), 0);
	cr_assert_eq(scene.answer, 99);
	actor_remove(&actor);
	cr_assert_eq(pend_hook_destroy(hook), 0);
	cr_assert_eq(pend_provider_unregister(type, NULL, NULL), 0);
	stage_end(&stage);
}
