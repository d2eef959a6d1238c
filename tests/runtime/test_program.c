/* SPDX-License-Identifier: MIT */
/*
 * test_program.c - loading programs (F77, F80, F81): what each may call, whether it may pend
 * (F34, OP-18, OP-22), the verification hash, and how long it lives (F36, X10).
 */
#include "tests/runtime/actors.h"

static int load_options(const struct pend_program_options *options, struct pend_program **program)
{
	return pend_program_load(stage.runtime, options, program);
}

/* What a load of an actor with these helpers answers. */
static int try_helpers(struct actor *actor, const uint32_t *helpers, uint32_t count)
{
	struct pend_program_options options = program_options(actor);

	options.helpers = helpers;
	options.helper_count = count;
	return load_options(&options, &actor->program);
}

static void load_helpers(struct actor *actor, const uint32_t *helpers, uint32_t count)
{
	cr_assert_eq(try_helpers(actor, helpers, count), 0);
}

Test(program, is_freed_once_with_its_last_holder)
{
	struct actor actor = { .verdict = 1 };
	struct pend_program *again = NULL;
	struct pend_link *link;

	build_stage_with_hook(0);
	load(&actor);
	link = attach(&actor);
	cr_assert_eq(pend_program_by_id(stage.runtime, NULL, program_info(&actor).id, &again), 0);
	cr_assert_eq(again, actor.program);
	unload(&actor);
	cr_assert_eq(pend_program_close(again), 0);
	cr_assert_eq(actor.freed, 0, "the link holds it");
	detach(link);
	cr_assert_eq(actor.freed, 1);
	close_link(link);
	strike_stage();
	cr_assert_eq(actor.freed, 1);
}

Test(program, goes_at_once_if_nobody_ran_it)
{
	struct actor actor = { 0 };

	build_stage();
	load(&actor);
	unload(&actor);
	cr_assert_eq(actor.freed, 1);
	/* retval: pend_program_close -EFAULT */
	cr_assert_eq(pend_program_close(NULL), -EFAULT);
	strike_stage();
}

/* F76: a client of its type's provider, which stays until it is gone. */
Test(program, keeps_its_type)
{
	struct actor actor = { 0 };
	struct pend_program *program = (struct pend_program *)&actor;
	struct pend_program_options options = program_options(&actor);

	build_stage();
	load(&actor);
	cr_assert_eq(pend_provider_clients(stage.type), 1);
	cr_assert_eq(pend_provider_unregister(stage.type, NULL, NULL), -EBUSY);
	cr_assert_eq(pend_runtime_destroy(stage.runtime), -EBUSY);
	unload(&actor);
	cr_assert_eq(pend_provider_clients(stage.type), 0);
	options.type = uuid_of(OTHER_TYPE);
	/* retval: pend_program_load -ENOENT */
	cr_assert_eq(load_options(&options, &program), -ENOENT);
	cr_assert_eq(program, (struct pend_program *)&actor, "untouched");
	strike_stage();
}

static void note_gone(void *context)
{
	*(bool *)context = true;
}

Test(program, finds_no_type_that_is_leaving)
{
	struct actor actor = { 0 }, late = { 0 };
	struct pend_program_options options = program_options(&late);
	bool gone = false;

	build_stage();
	load(&actor);
	cr_assert_eq(pend_provider_unregister(stage.type, note_gone, &gone), 0);
	/* retval: pend_program_load -ENODEV */
	cr_assert_eq(load_options(&options, &late.program), -ENODEV);
	cr_assert_not(gone);
	unload(&actor);
	cr_assert(gone);
	cr_assert_eq(pend_runtime_destroy(stage.runtime), 0);
	destroy_engine(stage.engine);
}

Test(program, refuses_bad_options)
{
	static const char *const names[] = { "f" };
	static const uint64_t prototypes[] = { 1 };
	struct actor actor = { 0 };
	struct pend_program *program = (struct pend_program *)&actor;
	const struct pend_program_options good = program_options(&actor);
	struct pend_program_options bad = good;
	struct {
		struct pend_program_options options;
		uint64_t newer;
	} later = { good, 1 };
	char long_name[PEND_NAME_MAX + 2];

	build_stage();
	/* retval: pend_program_load -EFAULT */
	cr_assert_eq(pend_program_load(NULL, &good, &program), -EFAULT);
	cr_assert_eq(load_options(NULL, &program), -EFAULT);
	cr_assert_eq(load_options(&good, NULL), -EFAULT);
	bad.entry = NULL;
	cr_assert_eq(load_options(&bad, &program), -EFAULT);
	bad = good;
	bad.name = NULL;
	cr_assert_eq(load_options(&bad, &program), -EFAULT);
	cr_assert_eq(try_helpers(&actor, NULL, 1), -EFAULT);
	bad = good;
	bad.function_count = 1;
	bad.prototypes = prototypes;
	cr_assert_eq(load_options(&bad, &program), -EFAULT, "no names");
	bad.functions = names;
	bad.prototypes = NULL;
	cr_assert_eq(load_options(&bad, &program), -EFAULT, "no prototypes");
	/* retval: pend_program_load -ERANGE */
	bad.prototypes = prototypes;
	bad.function_count = 17;
	cr_assert_eq(load_options(&bad, &program), -ERANGE);
	cr_assert_eq(try_helpers(&actor, pend_helpers, PEND_PROGRAM_HELPERS_MAX + 1), -ERANGE);
	/* retval: pend_program_load -EINVAL */
	bad = good;
	bad.size--;
	cr_assert_eq(load_options(&bad, &program), -EINVAL);
	bad = good;
	bad.flags = 1;
	cr_assert_eq(load_options(&bad, &program), -EINVAL);
	bad = good;
	bad.name = "";
	cr_assert_eq(load_options(&bad, &program), -EINVAL);
	memset(long_name, 'n', sizeof(long_name));
	long_name[PEND_NAME_MAX + 1] = 0;
	bad.name = long_name;
	/* retval: pend_program_load -ENAMETOOLONG */
	cr_assert_eq(load_options(&bad, &program), -ENAMETOOLONG);
	long_name[PEND_NAME_MAX] = 0;
	cr_assert_eq(load_options(&bad, &program), 0, "the longest name");
	cr_assert_eq(pend_program_close(program), 0);
	actor.freed = 0;
	/* retval: pend_program_load -E2BIG */
	later.options.size = sizeof(later);
	cr_assert_eq(load_options(&later.options, &program), -E2BIG);
	cr_assert_eq(actor.freed, 0, "what was not loaded is not freed");
	strike_stage();
}

/* ---- helpers ---- */

Test(program, may_call_only_what_its_type_has)
{
	static const uint32_t unknown[] = { 0x7777 }, none[] = { 0 },
			      foreign[] = { PEND_HELPER_TYPE_BASE + 99 },
			      first[] = { 0x7777, BPF_FUNC_ktime_get_ns };
	struct actor actor = { 0 };

	build_stage();
	/* retval: pend_program_load -EACCES */
	cr_assert_eq(try_helpers(&actor, unknown, 1), -EACCES);
	cr_assert_eq(try_helpers(&actor, none, 1), -EACCES);
	cr_assert_eq(try_helpers(&actor, foreign, 1), -EACCES);
	cr_assert_eq(try_helpers(&actor, first, 2), -EACCES, "what comes after is not looked at");
	cr_assert_eq(actor.freed, 0);
	cr_assert_eq(pend_provider_clients(stage.type), 0);
	strike_stage();
}

Test(program, gets_what_it_names_and_no_more)
{
	static const uint32_t helpers[] = { BPF_FUNC_ktime_get_ns, BPF_FUNC_get_prandom_u32,
					    ACTOR_OWN_HELPER, ACTOR_OWN_HELPER };
	struct actor actor = { 0 };
	uint32_t given = 0;

	build_stage();
	load_helpers(&actor, helpers, 4);
	for (uint32_t i = 0; i < PENDI_BUILTINS; i++)
		given += actor.program->builtin[i] != NULL;
	cr_assert_eq(given, 2);
	cr_assert_eq(actor.program->builtin[PENDI_BUILTIN_KTIME],
		     pendi_builtins[PENDI_BUILTIN_KTIME].address);
	cr_assert_eq(actor.program->builtin[PENDI_BUILTIN_PRANDOM], actor_helper,
		     "the type does it otherwise");
	cr_assert_eq(actor.program->helper_count, 1);
	cr_assert_eq(actor.program->helper_ids[0], ACTOR_OWN_HELPER);
	cr_assert_eq(actor.program->helper_addresses[0], actor_helper);
	unload(&actor);
	strike_stage();
}

/* OP-22: nobody declares it; it is what the helpers say. */
Test(program, may_pend_if_it_names_who_pends)
{
	static const uint32_t pending[] = { BPF_FUNC_pend_operation, BPF_FUNC_sock_addr_pend,
					    BPF_FUNC_get_identity, ACTOR_PEND_HELPER };
	static const uint32_t others[] = { BPF_FUNC_complete_operation, BPF_FUNC_pend_scratch,
					   BPF_FUNC_pend_pressure, ACTOR_OWN_HELPER };
	struct actor actor = { 0 };

	build_stage();
	for (uint32_t i = 0; i < 4; i++) {
		load_helpers(&actor, &pending[i], 1);
		cr_assert_eq(program_info(&actor).flags, PEND_PROGRAM_MAY_PEND, "%#x", pending[i]);
		unload(&actor);
	}
	load_helpers(&actor, others, 4);
	cr_assert_eq(program_info(&actor).flags, 0);
	unload(&actor);
	strike_stage();
}

/* ---- the verification hash ---- */

static uint64_t hash_of(struct actor *actor, const uint32_t *helpers, uint32_t count)
{
	uint64_t hash;

	load_helpers(actor, helpers, count);
	hash = program_info(actor).verification_hash;
	unload(actor);
	return hash;
}

/* F77: over the helpers in the order of their ids, whatever order they were named in. */
Test(program, hash_is_of_what_it_may_call)
{
	static const uint32_t one[] = { BPF_FUNC_ktime_get_ns, ACTOR_OWN_HELPER },
			      turned[] = { ACTOR_OWN_HELPER, BPF_FUNC_ktime_get_ns,
					   BPF_FUNC_ktime_get_ns },
			      other[] = { BPF_FUNC_ktime_get_boot_ns, ACTOR_OWN_HELPER },
			      both[] = { ACTOR_OWN_HELPER, ACTOR_PEND_HELPER, ACTOR_OWN_HELPER };
	struct actor actor = { 0 };
	uint64_t hash;

	build_stage();
	hash = hash_of(&actor, one, 2);
	cr_assert_eq(hash_of(&actor, turned, 3), hash);
	cr_assert_neq(hash_of(&actor, other, 2), hash);
	cr_assert_neq(hash_of(&actor, one, 1), hash);
	cr_assert_eq(hash_of(&actor, both, 2), hash_of(&actor, both + 1, 2), "of the type, too");
	strike_stage();
}

static uint64_t hash_with(const struct pend_program_data *data)
{
	static const uint32_t helpers[] = { ACTOR_OWN_HELPER };
	struct pend_provider *provider = provide_type(OTHER_TYPE, data);
	struct actor actor = { 0 };
	struct pend_program_options options = program_options(&actor);
	uint64_t hash;

	options.type = uuid_of(OTHER_TYPE);
	options.helpers = helpers;
	options.helper_count = 1;
	load_with(&actor, &options);
	hash = program_info(&actor).verification_hash;
	unload(&actor);
	cr_assert_eq(pend_provider_unregister(provider, NULL, NULL), 0);
	return hash;
}

/* ... and of what its type says of contexts and of those helpers, but not of others. */
Test(program, hash_is_of_its_type)
{
	struct pend_helper_prototype prototypes[2];
	struct pend_program_data data = actor_type;
	uint64_t hash;

	build_stage();
	memcpy(prototypes, actor_prototypes, sizeof(prototypes));
	data.helpers = prototypes;
	hash = hash_with(&data);
	cr_assert_eq(hash_with(&actor_type), hash);
	prototypes[1].name = "another";
	cr_assert_eq(hash_with(&data), hash, "it does not use that");
	prototypes[0].name = "another";
	cr_assert_neq(hash_with(&data), hash);
	prototypes[0].name = actor_prototypes[0].name;
	prototypes[0].arguments[1] = PEND_ARGUMENT_CONTEXT;
	cr_assert_neq(hash_with(&data), hash);
	prototypes[0].arguments[1] = 0;
	prototypes[0].flags = PEND_HELPER_IMPLICIT_CONTEXT;
	cr_assert_neq(hash_with(&data), hash);
	prototypes[0].flags = 0;
	data.context.saved_size++;
	cr_assert_neq(hash_with(&data), hash);
	data.context.saved_size--;
	data.name = "player";
	cr_assert_neq(hash_with(&data), hash);
	data.name = actor_type.name;
	cr_assert_eq(hash_with(&data), hash);
	strike_stage();
}

/* ---- named functions ---- */

static uint64_t answer(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	(void)a, (void)b, (void)c, (void)d, (void)e;
	return 42;
}

Test(program, names_functions)
{
	static const char *const names[] = { "answer", "question" }, *const nameless[] = { "answer",
											   "" };
	static const uint64_t same[] = { 5, 6 }, other[] = { 4, 6 };
	const struct pend_function_data data = { PEND_HEADER(PEND_FUNCTION_VERSION,
							     struct pend_function_data, prototype),
						 "answer", answer, 5 };
	const struct pend_provider_options provider = { .size = sizeof(provider),
							.kind = PEND_PROVIDER_FUNCTION,
							.data = &data.header };
	struct actor actor = { 0 };
	struct pend_program_options options = program_options(&actor);
	struct pend_provider *function = NULL;

	build_stage();
	cr_assert_eq(pend_provider_register(stage.runtime, &provider, &function), 0);
	options.functions = names;
	options.function_count = 2;
	options.prototypes = other;
	/* retval: pend_program_load -EACCES */
	cr_assert_eq(load_options(&options, &actor.program), -EACCES);
	cr_assert_eq(pend_provider_clients(function), 0);
	options.functions = nameless;
	options.prototypes = same;
	cr_assert_eq(load_options(&options, &actor.program), -EINVAL);
	cr_assert_eq(pend_provider_clients(function), 0, "the first is given back");
	options.functions = names;
	load_with(&actor, &options);
	cr_assert_eq(pend_provider_clients(function), 1);
	/* relaxed: one thread. */
	cr_assert_eq(pendi_load_relaxed(&actor.program->missing), 1, "nobody knows the question");
	unload(&actor);
	cr_assert_eq(pend_provider_clients(function), 0);
	cr_assert_eq(pend_provider_unregister(function, NULL, NULL), 0);
	strike_stage();
}

/* ---- memory ---- */

static int fail_all(size_t size)
{
	(void)size;
	return 1;
}

Test(program, without_memory)
{
	struct actor actor = { 0 };
	struct pend_program_options options = program_options(&actor);

	build_stage();
	pendi_script.allocation_fails = fail_all;
	/* retval: pend_program_load -ENOMEM */
	cr_assert_eq(load_options(&options, &actor.program), -ENOMEM);
	pendi_script.allocation_fails = NULL;
	cr_assert_eq(pend_provider_clients(stage.type), 0);
	cr_assert_eq(actor.freed, 0);
	strike_stage();
}

/* ---- info, ids, names ---- */

Test(program, info_says_what_it_is)
{
	struct actor actor = { .verdict = 1 };
	struct pend_program_info info = { .size = sizeof(info) - 1 };
	struct pend_custom_map *map;
	struct pend_link *link, *other;

	build_stage_with_hook(0);
	map = make_pends();
	load_pender(&actor, map);
	/* retval: pend_program_info_read -EFAULT */
	cr_assert_eq(pend_program_info_read(NULL, &info), -EFAULT);
	cr_assert_eq(pend_program_info_read(actor.program, NULL), -EFAULT);
	/* retval: pend_program_info_read -EINVAL */
	cr_assert_eq(pend_program_info_read(actor.program, &info), -EINVAL);
	link = attach(&actor);
	other = attach(&actor);
	(void)invoke();
	info = program_info(&actor);
	cr_assert_gt(info.id, 0);
	cr_assert_eq(info.links, 2);
	cr_assert_eq(info.runs, 1);
	cr_assert_eq(info.pended, 1);
	cr_assert_str_eq(info.name, "actor");
	cr_assert_eq(info.type.bytes[0], TYPE);
	decide(map, PEND_ACTION_PERMIT_SOFT);
	close_link(link);
	close_link(other);
	let_clean();
	info = program_info(&actor);
	cr_assert_eq(info.links, 0);
	cr_assert_eq(info.runs, 1, "of links that are gone, too");
	cr_assert_eq(info.pended, 0);
	unload(&actor);
	cr_assert_eq(pend_custom_map_close(map), 0);
	strike_stage();
}

/* F66: by name and by id, in one namespace. */
Test(program, is_found_in_its_namespace)
{
	const struct pend_namespace ours = { 0, 5 };
	struct actor actor = { 0 };
	struct pend_program_options options = program_options(&actor);
	struct pend_program *found = NULL;
	char long_name[PEND_NAME_MAX + 2];
	uint32_t id;

	build_stage();
	options.name_space = ours;
	load_with(&actor, &options);
	id = program_info(&actor).id;
	cr_assert_eq(pend_program_next_id(stage.runtime, &ours, 0), id);
	cr_assert_eq(pend_program_next_id(stage.runtime, &ours, id), 0);
	cr_assert_eq(pend_program_next_id(stage.runtime, NULL, 0), 0);
	/* retval: pend_program_next_id -EFAULT */
	cr_assert_eq(pend_program_next_id(NULL, NULL, 0), -EFAULT);
	/* retval: pend_program_by_id -ENOENT */
	cr_assert_eq(pend_program_by_id(stage.runtime, NULL, id, &found), -ENOENT);
	/* retval: pend_program_by_id -EFAULT */
	cr_assert_eq(pend_program_by_id(NULL, NULL, id, &found), -EFAULT);
	cr_assert_eq(pend_program_by_id(stage.runtime, &ours, id, NULL), -EFAULT);
	cr_assert_eq(pend_program_by_id(stage.runtime, &ours, id, &found), 0);
	cr_assert_eq(pend_program_close(found), 0);

	memset(long_name, 'n', sizeof(long_name));
	long_name[PEND_NAME_MAX + 1] = 0;
	/* retval: pend_program_pin -EFAULT */
	cr_assert_eq(pend_program_pin(NULL, "gate"), -EFAULT);
	cr_assert_eq(pend_program_pin(actor.program, NULL), -EFAULT);
	/* retval: pend_program_pin -EINVAL */
	cr_assert_eq(pend_program_pin(actor.program, ""), -EINVAL);
	/* retval: pend_program_pin -ENAMETOOLONG */
	cr_assert_eq(pend_program_pin(actor.program, long_name), -ENAMETOOLONG);
	pendi_script.allocation_fails = fail_all;
	/* retval: pend_program_pin -ENOMEM */
	cr_assert_eq(pend_program_pin(actor.program, "gate"), -ENOMEM);
	pendi_script.allocation_fails = NULL;
	cr_assert_eq(pend_program_pin(actor.program, "gate"), 0);
	/* retval: pend_program_pin -EEXIST */
	cr_assert_eq(pend_program_pin(actor.program, "gate"), -EEXIST);

	unload(&actor);
	cr_assert_eq(actor.freed, 0, "the pin holds it");
	found = NULL;
	/* retval: pend_program_open -ENOENT */
	cr_assert_eq(pend_program_open(stage.runtime, NULL, "gate", &found), -ENOENT);
	/* retval: pend_program_open -EFAULT */
	cr_assert_eq(pend_program_open(NULL, &ours, "gate", &found), -EFAULT);
	cr_assert_eq(pend_program_open(stage.runtime, &ours, NULL, &found), -EFAULT);
	cr_assert_eq(pend_program_open(stage.runtime, &ours, "gate", NULL), -EFAULT);
	cr_assert_null(found);
	cr_assert_eq(pend_program_open(stage.runtime, &ours, "gate", &found), 0);
	cr_assert_eq(found, actor.program);
	cr_assert_eq(pend_unpin(stage.runtime, &ours, "gate"), 0);
	cr_assert_eq(pend_program_close(found), 0);
	cr_assert_eq(actor.freed, 1);
	strike_stage();
}
