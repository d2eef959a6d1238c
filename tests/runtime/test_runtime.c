/* SPDX-License-Identifier: MIT */
/*
 * test_runtime.c - creating and ending a runtime, its counters, and memory that is short (F93;
 * guarantee I).
 */
#include "tests/runtime/fixture.h"

#include "engine/shard/client.h"

static struct stage stage;

static struct pend_runtime_options options_of(struct pend_engine *engine)
{
	struct pend_runtime_options options = pend_runtime_options_default();

	options.engine = engine;
	return options;
}

static int create(const struct pend_runtime_options *options)
{
	struct pend_runtime *const canary = (struct pend_runtime *)&stage;
	struct pend_runtime *runtime = canary;
	const int error = pend_runtime_create(options, &runtime);

	if (error)
		cr_assert_eq(runtime, canary, "untouched");
	else
		cr_assert_eq(pend_runtime_destroy(runtime), 0);
	return error;
}

Test(runtime, create_checks)
{
	struct pend_engine *engine = make_engine();
	const struct pend_runtime_options right = options_of(engine);
	struct pend_runtime_options options = right;
	struct {
		struct pend_runtime_options options;
		uint64_t newer;
	} longer = { right, 1 };

	cr_assert_eq(create(&right), 0);
	/* retval: pend_runtime_create -EFAULT */
	cr_assert_eq(create(NULL), -EFAULT);
	cr_assert_eq(pend_runtime_create(&right, NULL), -EFAULT);
	options.size = 8;
	/* retval: pend_runtime_create -EINVAL */
	cr_assert_eq(create(&options), -EINVAL);
	options = right;
	options.flags = 1;
	cr_assert_eq(create(&options), -EINVAL);
	options = right;
	options.engine = NULL;
	cr_assert_eq(create(&options), -EINVAL);
	longer.options.size = sizeof(longer);
	/* retval: pend_runtime_create -E2BIG */
	cr_assert_eq(create(&longer.options), -E2BIG);
	longer.newer = 0;
	cr_assert_eq(create(&longer.options), 0);
	destroy_engine(engine);
	/* retval: pend_runtime_create -ESHUTDOWN */
	cr_assert_eq(create(&right), -ESHUTDOWN);
}

Test(runtime, create_checks_ranges)
{
	struct pend_engine *engine = make_engine();
	static const struct {
		uint32_t context_size, deferrals;
		uint64_t deferral_ns;
		int error;
	} cases[] = {
		{ 7, 16, SECOND, -ERANGE },
		{ 8, 16, SECOND, 0 },
		{ 1024, 1, SECOND, 0 },
		{ 1025, 16, SECOND, -ERANGE },
		{ 256, 0, SECOND, -ERANGE },
		{ 256, (1u << 20) + 1, SECOND, -ERANGE },
		{ 256, 16, PEND_DEADLINE_MIN_NS - 1, -ERANGE },
		{ 256, 16, PEND_DEADLINE_MIN_NS, 0 },
		{ 256, 16, PEND_DEADLINE_MAX_NS, 0 },
		{ 256, 16, PEND_DEADLINE_MAX_NS + 1, -ERANGE },
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pend_runtime_options options = options_of(engine);

		options.context_size = cases[i].context_size;
		options.deferrals = cases[i].deferrals;
		options.deferral_ns = cases[i].deferral_ns;
		/* retval: pend_runtime_create -ERANGE */
		cr_assert_eq(create(&options), cases[i].error == -ERANGE ? -ERANGE : 0, "case %u",
			     i);
	}
	destroy_engine(engine);
}

/* ---- memory that is short: each allocation fails once ---- */

static uint32_t allocations_left;

static int fail_one(size_t size)
{
	(void)size;
	return allocations_left-- == 0;
}

Test(runtime, create_without_memory)
{
	struct pend_engine *engine = make_engine();
	const struct pend_runtime_options options = options_of(engine);
	uint32_t failed = 0;
	int error;

	pendi_script.allocation_fails = fail_one;
	do {
		allocations_left = failed;
		error = create(&options);
		/* retval: pend_runtime_create -ENOMEM */
		cr_assert(error == -ENOMEM || error == 0);
		failed += error != 0;
	} while (error);
	pendi_script.allocation_fails = NULL;
	cr_assert_gt(failed, 8, "the runtime, its counters, a map, its types");
	destroy_engine(engine);
}

/* An invocation, a pend, a re-run and a completion need none. */
static int fail_all(size_t size)
{
	(void)size;
	return 1;
}

Test(runtime, nothing_that_programs_do_needs_memory)
{
	stage_begin(&stage, PEND_HOOK_RESUME);
	add_pender(&stage, 0);
	add_pender(&stage, 1)->map = stage.others;
	pendi_script.allocation_fails = fail_all;
	for (uint32_t i = 0; i < 8; i++) {
		cr_assert_eq(ask(&stage, i), PEND_VERDICT_PEND);
		cr_assert_eq(decide(&stage, i, PEND_ACTION_CONTINUE), 0);
		serve(&stage);
		cr_assert_eq(decide(&stage, i, PEND_ACTION_PERMIT_SOFT), 0);
		serve(&stage);
		cr_assert_eq(decide(&stage, i, PEND_ACTION_PERMIT_HARD), 0);
		serve(&stage);
		ENDED(&stage, i, "pmc", PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
	}
	pendi_script.allocation_fails = NULL;
	stage_end(&stage);
}

/* An engine serves so many maps and no more. */
Test(runtime, create_in_a_full_engine)
{
	static struct pendi_client clients[PENDI_CLIENTS];
	struct pend_engine *engine = make_engine();
	const struct pend_runtime_options options = options_of(engine);
	uint32_t count = 0;

	for (; count < PENDI_CLIENTS - 1; count++) {
		clients[count] = pendi_map_client;
		cr_assert_eq(pendi_engine_join(engine, &clients[count]), 0);
	}
	/* retval: pend_runtime_create -ENOSPC */
	cr_assert_eq(create(&options), -ENOSPC);
	pendi_engine_leave(engine, &clients[--count]);
	/* One place is for what waits for its identity, one for its cleaner. */
	cr_assert_eq(create(&options), -ENOSPC);
	pendi_engine_leave(engine, &clients[--count]);
	cr_assert_eq(create(&options), 0);
	while (count)
		pendi_engine_leave(engine, &clients[--count]);
	destroy_engine(engine);
}

/* ---- ending ---- */

Test(runtime, destroy_checks)
{
	/* retval: pend_runtime_destroy -EFAULT */
	cr_assert_eq(pend_runtime_destroy(NULL), -EFAULT);
	stage_begin(&stage, 0);
	add_pender(&stage, 0);
	/* retval: pend_runtime_destroy -EBUSY */
	cr_assert_eq(pend_runtime_destroy(stage.runtime), -EBUSY);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(pend_runtime_destroy(stage.runtime), -EBUSY);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	serve(&stage);
	cr_assert_eq(pend_runtime_destroy(stage.runtime), -EBUSY);
	cr_assert_eq(ask(&stage, 2), PEND_VERDICT_PEND, "nothing has changed");
	cr_assert_eq(decide(&stage, 2, PEND_ACTION_BLOCK), 0);
	stage_end(&stage);
}

/* Each kind of thing keeps it. */
Test(runtime, destroy_waits_for_everything)
{
	const struct pend_provider_options type = {
		.size = sizeof(type),
		.kind = PEND_PROVIDER_PROGRAM,
		.id = stage_type,
		.data = &stage_program_data.header,
	};
	struct pend_runtime_options options;

	memset(&stage, 0, sizeof(stage));
	stage.engine = make_engine();
	options = options_of(stage.engine);
	cr_assert_eq(pend_runtime_create(&options, &stage.runtime), 0);
	cr_assert_eq(pend_provider_register(stage.runtime, &type, &stage.type), 0);
	cr_assert_eq(pend_runtime_destroy(stage.runtime), -EBUSY, "a provider");
	stage_make_hook(&stage, 0, PEND_HOOK_LOSS_PROGRAM);
	cr_assert_eq(pend_runtime_destroy(stage.runtime), -EBUSY, "a hook");
	cr_assert_eq(pend_hook_destroy(stage.hook), 0);
	actor_load(&stage, 0, NULL, 0);
	cr_assert_eq(pend_runtime_destroy(stage.runtime), -EBUSY, "a program");
	cr_assert_eq(pend_program_close(stage.actors[0].program), 0);
	cr_assert_eq(pend_provider_unregister(stage.type, NULL, NULL), 0);
	stage.pends = stage_map(&stage, BPF_MAP_TYPE_NET_EBPF_EXT_PEND, NULL);
	cr_assert_eq(pend_runtime_destroy(stage.runtime), -EBUSY, "a map");
	cr_assert_eq(pend_custom_map_close(stage.pends), 0);
	cr_assert_eq(pend_runtime_destroy(stage.runtime), 0);
	destroy_engine(stage.engine);
}

static int play_destroy(struct actor *actor, struct scene *scene)
{
	(void)scene;
	/* retval: pend_runtime_destroy -EDEADLK */
	cr_assert_eq(pend_runtime_destroy(stage.runtime), -EDEADLK);
	return actor->verdict;
}

Test(runtime, destroy_in_a_frame)
{
	stage_begin(&stage, 0);
	add_actor(&stage, 0, PEND_VERDICT_PROCEED_SOFT)->play = play_destroy;
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PROCEED_SOFT);
	stage_end(&stage);
}

static void complete_and_destroy(void *context, uint64_t operation,
				 const struct pend_completion *completion)
{
	cr_assert_null(pendi_frame_innermost);
	cr_assert_eq(pend_runtime_destroy(stage.runtime), -EDEADLK);
	backend_complete(context, operation, completion);
}

/* Nor when an operation ends, be it on the thread of who decides. */
Test(runtime, destroy_in_a_completion)
{
	static struct pend_backend backend;
	const struct pend_hook_options options = {
		.size = sizeof(options),
		.name = "stage",
		.program_type = stage_type,
		.attach_types = { stage_attach },
		.attach_type_count = 1,
		.links_max = 16,
		.backend = &backend,
		.backend_context = &stage,
	};

	stage_begin(&stage, 0);
	cr_assert_eq(pend_hook_destroy(stage.hook), 0);
	backend = stage_backend;
	backend.complete = complete_and_destroy;
	cr_assert_eq(pend_hook_create(stage.runtime, &options, &stage.hook), 0);
	add_pender(&stage, 0);
	cr_assert_eq(ask(&stage, 1), PEND_VERDICT_PEND);
	cr_assert_eq(decide(&stage, 1, PEND_ACTION_BLOCK), 0);
	serve(&stage);
	ENDED(&stage, 1, "pc", PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR);
	stage_end(&stage);
}

/* ---- counters ---- */

Test(runtime, stats_checks)
{
	struct pend_runtime_stats stats = { .size = sizeof(stats) };
	struct {
		struct pend_runtime_stats stats;
		uint64_t newer;
	} longer = { .stats = { .size = sizeof(longer) }, .newer = CANARY };

	stage_begin(&stage, 0);
	/* retval: pend_runtime_stats_read -EFAULT */
	cr_assert_eq(pend_runtime_stats_read(NULL, &stats), -EFAULT);
	cr_assert_eq(pend_runtime_stats_read(stage.runtime, NULL), -EFAULT);
	stats.size = 8;
	stats.pends = CANARY;
	/* retval: pend_runtime_stats_read -EINVAL */
	cr_assert_eq(pend_runtime_stats_read(stage.runtime, &stats), -EINVAL);
	cr_assert_eq(stats.pends, CANARY);
	cr_assert_eq(pend_runtime_stats_read(stage.runtime, &longer.stats), 0);
	cr_assert_eq(longer.newer, CANARY);
	cr_assert_eq(longer.stats.size, sizeof(longer));
	stage_end(&stage);
}

/* pends = completions + live, whatever happens (guarantee I). */
Test(runtime, pends_and_completions_balance)
{
	stage_begin(&stage, PEND_HOOK_RESUME);
	add_pender(&stage, 0);
	add_pender(&stage, 1)->map = stage.others;
	for (uint32_t i = 0; i < 8; i++) {
		struct pend_runtime_stats stats;
		uint64_t live;

		cr_assert_eq(ask(&stage, i), PEND_VERDICT_PEND);
		if (i % 2)
			cr_assert_eq(decide(&stage, i, PEND_ACTION_PERMIT_SOFT), 0);
		serve(&stage);
		stats = runtime_stats(&stage);
		live = (uint64_t)pend_map_count(pend_custom_map_pends(stage.pends)) +
		       (uint64_t)pend_map_count(pend_custom_map_pends(stage.others));
		cr_assert_eq(stats.pends, stats.completions + live);
	}
	for (uint32_t i = 0; i < 8; i++)
		cr_assert_eq(decide(&stage, i, PEND_ACTION_BLOCK), 0);
	stage_end(&stage);
}
