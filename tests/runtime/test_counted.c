/* SPDX-License-Identifier: MIT */
/*
 * test_counted.c - what the control plane refuses is an error and a count (guarantee I).
 *
 * Each refusal of the table moves its counter by one and no other; a call that succeeds moves none.
 */
#include "tests/runtime/fixture.h"

static struct stage stage;

static struct pend_runtime_stats before;

static void look(void)
{
	before = runtime_stats(&stage);
}

/* Since look(): so many refusals of each kind. */
static void counted(uint64_t providers, uint64_t programs, uint64_t links, uint64_t maps)
{
	const struct pend_runtime_stats now = runtime_stats(&stage);

	cr_assert_eq(now.refused_providers - before.refused_providers, providers);
	cr_assert_eq(now.refused_programs - before.refused_programs, programs);
	cr_assert_eq(now.refused_links - before.refused_links, links);
	cr_assert_eq(now.refused_maps - before.refused_maps, maps);
	look();
}

static uint64_t answer(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	return a + b + c + d + e;
}

Test(counted, tables_of_providers)
{
	struct pend_function_data data = {
		.header = PEND_HEADER(PEND_FUNCTION_VERSION, struct pend_function_data, prototype),
		.name = "answer",
		.address = answer,
	};
	struct pend_provider_options options = {
		.size = sizeof(options),
		.kind = PEND_PROVIDER_FUNCTION,
		.data = &data.header,
	};
	struct pend_provider *provider = NULL, *rival = NULL;

	stage_begin(&stage, 0);
	look();
	data.header.version++;
	cr_assert_eq(pend_provider_register(stage.runtime, &options, &provider), -EINVAL);
	counted(1, 0, 0, 0);
	data.header.version--;
	data.header.size++;
	cr_assert_eq(pend_provider_register(stage.runtime, &options, &provider), -EINVAL);
	counted(1, 0, 0, 0);
	data.header.size--;
	data.address = NULL;
	cr_assert_eq(pend_provider_register(stage.runtime, &options, &provider), -EFAULT);
	counted(1, 0, 0, 0);
	data.address = answer;
	cr_assert_eq(pend_provider_register(stage.runtime, NULL, &provider), -EFAULT);
	counted(1, 0, 0, 0);
	cr_assert_eq(pend_provider_register(stage.runtime, &options, &provider), 0);
	counted(0, 0, 0, 0);
	cr_assert_eq(pend_provider_register(stage.runtime, &options, &rival), -EEXIST);
	counted(1, 0, 0, 0);
	cr_assert_null(rival);
	cr_assert_eq(pend_provider_unregister(provider, NULL, NULL), 0);
	stage_end(&stage);
}

Test(counted, hooks_whose_backend_lacks_something)
{
	const struct pend_backend bare = { .header = { .version = PEND_BACKEND_VERSION } };
	struct pend_hook_options options = {
		.size = sizeof(options),
		.name = "bare",
		.program_type = stage_type,
		.attach_types = { { { 77 } } },
		.attach_type_count = 1,
		.links_max = 1,
		.backend = &bare,
	};
	struct pend_hook *hook = NULL;

	stage_begin(&stage, 0);
	look();
	cr_assert_eq(pend_hook_create(stage.runtime, &options, &hook), -EINVAL);
	counted(1, 0, 0, 0);
	cr_assert_null(hook);
	stage_end(&stage);
}

Test(counted, programs_that_name_what_there_is_not)
{
	const uint32_t unknown = 0xabcde;
	struct pend_program_options options = {
		.size = sizeof(options),
		.name = "curious",
		.type = stage_type,
		.entry = actor_run,
		.helpers = &unknown,
		.helper_count = 1,
	};
	struct pend_program *program = NULL;

	stage_begin(&stage, 0);
	look();
	cr_assert_eq(pend_program_load(stage.runtime, &options, &program), -EACCES);
	counted(0, 1, 0, 0);
	options.type.bytes[0] ^= 0xff;
	cr_assert_eq(pend_program_load(stage.runtime, &options, &program), -ENOENT);
	counted(0, 1, 0, 0);
	cr_assert_null(program);
	stage_end(&stage);
}

/* A detached program's handle, too. */
Test(counted, links)
{
	struct pend_link_options options = { .size = sizeof(options) };
	struct pend_link *link = NULL;
	struct actor *actor;

	stage_begin(&stage, 0);
	actor = actor_load(&stage, 0, NULL, 0);
	look();
	options.attach_type.bytes[0] = 99;
	cr_assert_eq(pend_link_attach(actor->program, &options, &link), -ENOENT);
	counted(0, 0, 1, 0);
	actor_attach(actor, PEND_COMPARTMENT_ANY);
	counted(0, 0, 0, 0);
	cr_assert_eq(pend_link_update(actor->link, NULL, NULL), -EFAULT);
	counted(0, 0, 1, 0);
	cr_assert_eq(pend_link_detach(actor->link, (enum pend_outstanding)9), -EINVAL);
	counted(0, 0, 1, 0);
	cr_assert_eq(pend_link_detach(actor->link, PEND_OUTSTANDING_FINISH), 0);
	counted(0, 0, 0, 0);
	cr_assert_eq(pend_link_detach(actor->link, PEND_OUTSTANDING_FINISH), -ENOLINK);
	counted(0, 0, 1, 0);
	cr_assert_eq(pend_link_detach_async(actor->link, PEND_OUTSTANDING_FINISH, NULL, NULL),
		     -ENOLINK);
	counted(0, 0, 1, 0);
	cr_assert_eq(pend_link_update(actor->link, actor->program, NULL), -ENOLINK);
	counted(0, 0, 1, 0);
	stage_end(&stage);
}

Test(counted, maps)
{
	struct pend_custom_map_options options = {
		.size = sizeof(options),
		.type = PEND_MAP_TYPE_PROVIDER + 5,
		.key_size = 8,
		.value_size = 8,
		.max_entries = 4,
	};
	struct pend_custom_map *map = NULL;

	stage_begin(&stage, 0);
	look();
	cr_assert_eq(pend_custom_map_create(stage.runtime, &options, &map), -ENOENT);
	counted(0, 0, 0, 1);
	options.type = BPF_MAP_TYPE_HASH;
	options.key_size = 0;
	cr_assert_eq(pend_custom_map_create(stage.runtime, &options, &map), -ERANGE);
	counted(0, 0, 0, 1);
	cr_assert_null(map);
	stage_end(&stage);
}
