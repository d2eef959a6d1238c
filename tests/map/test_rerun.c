/* SPDX-License-Identifier: MIT */
/*
 * test_rerun.c - CONTINUE: what is queued, what the program's verdict does, and who beats whom.
 */
#include "fixture.h"

/* One program, one map: what its re-run function does and was told. */
struct program {
	struct told completed;
	struct pend_map *map;
	uint32_t runs;
	int verdict;
	struct pend_operation seen;
	void (*during)(struct program *program, const struct pend_operation *operation);
};

static void on_complete(void *context, const struct pend_operation *operation)
{
	struct program *program = context;

	tell(&program->completed, operation);
}

static int on_rerun(void *context, const struct pend_operation *operation)
{
	struct program *program = context;

	program->runs++;
	program->seen = *operation;
	if (program->during)
		program->during(program, operation);
	return program->verdict;
}

static void load(struct program *program, uint32_t limit, uint32_t flags)
{
	struct pend_map_options options = keyed(16, flags);

	*program = (struct program){ .verdict = PEND_VERDICT_PEND };
	options.on_complete = on_complete;
	options.on_rerun = on_rerun;
	options.context = program;
	options.rerun_limit = limit;
	program->map = make(&options);
}

static const struct pend_operation *last_told(const struct program *program)
{
	cr_assert_gt(program->completed.count, 0u);
	return &program->completed.operations[program->completed.count - 1];
}

Test(rerun, poll_checks_its_caller)
{
	struct program program;

	load(&program, 16, 0);
	/* retval: pend_map_poll -EFAULT */
	cr_assert_eq(pend_map_poll(NULL, 1), -EFAULT);
	REFUSED(program.map, 0, pend_map_poll(program.map, 1));
	REFUSED(program.map, 0, pend_map_poll(program.map, 0));
	REFUSED(program.map, 0, pend_map_poll(program.map, UINT32_MAX));
	destroy(program.map);
}

Test(rerun, pending_again_keeps_the_handle)
{
	struct program program;
	struct pend_info info;
	uint64_t handle, value;

	load(&program, 16, 0);
	handle = pend_key(program.map, 1);
	for (uint32_t n = 1; n <= 5; n++) {
		COUNTED(program.map, 0, continues,
			pend_map_complete(program.map, handle, PEND_ACTION_CONTINUE));
		cr_assert_eq(pend_map_read(program.map, handle, &info, &value), 0);
		cr_assert_eq(info.state, PEND_STATE_RERUN);
		cr_assert_eq(info.rerun_count, n);
		cr_assert_eq(value, ~1ull);
		cr_assert_eq(program.runs, n - 1, "it runs when polled");
		COUNTED(program.map, 1, reruns, pend_map_poll(program.map, 8));
		cr_assert_eq(program.seen.handle, handle);
		cr_assert_eq(program.seen.action, PEND_ACTION_CONTINUE);
		cr_assert_eq(program.seen.rerun_count, n);
		cr_assert_eq(program.seen.cookie, 1001);
		cr_assert_eq(pend_map_read(program.map, handle, &info, NULL), 0);
		cr_assert_eq(info.state, PEND_STATE_PENDING);
		cr_assert_eq(info.handle, handle);
	}
	cr_assert_eq(program.completed.count, 0);
	cr_assert_eq(pend_map_complete(program.map, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(last_told(&program)->rerun_count, 5);
	cr_assert_eq(last_told(&program)->origin, PEND_ORIGIN_ORCHESTRATOR);
	destroy(program.map);
}

static void verdict_completes(int verdict, enum pend_action action)
{
	struct program program;

	load(&program, 16, 0);
	program.verdict = verdict;
	(void)pend_key(program.map, 1);
	cr_assert_eq(pend_map_complete_key(program.map, &(uint64_t){ 1 }, 8, PEND_ACTION_CONTINUE),
		     0);
	cr_assert_eq(pend_map_poll(program.map, 1), 1);
	cr_assert_eq(program.completed.count, 1);
	cr_assert_eq(last_told(&program)->action, action);
	cr_assert_eq(last_told(&program)->origin, PEND_ORIGIN_PROGRAM);
	cr_assert_eq(last_told(&program)->rerun_count, 1);
	cr_assert_eq(program.completed.keys[0], 1);
	cr_assert_eq(program.completed.values[0], ~1ull);
	cr_assert_eq(stats_of(program.map).by_program, 1);
	(void)pend_key(program.map, 1);
	destroy(program.map);
}

Test(rerun, a_verdict_completes)
{
	verdict_completes(PEND_VERDICT_REJECT, PEND_ACTION_BLOCK);
	verdict_completes(PEND_VERDICT_PROCEED_SOFT, PEND_ACTION_PERMIT_SOFT);
	verdict_completes(PEND_VERDICT_PROCEED_HARD, PEND_ACTION_PERMIT_HARD);
	verdict_completes(4, PEND_ACTION_BLOCK);
	verdict_completes(-1, PEND_ACTION_BLOCK);
	verdict_completes(INT32_MIN, PEND_ACTION_BLOCK);
}

Test(rerun, a_second_continue_comes_second)
{
	struct program program;
	uint64_t handle;

	load(&program, 16, 0);
	handle = pend_key(program.map, 1);
	cr_assert_eq(pend_map_complete(program.map, handle, PEND_ACTION_CONTINUE), 0);
	COUNTED(program.map, -EALREADY, duplicates,
		pend_map_complete(program.map, handle, PEND_ACTION_CONTINUE));
	/* retval: pend_map_complete_key -EALREADY */
	COUNTED(program.map, -EALREADY, duplicates,
		pend_map_complete_key(program.map, &(uint64_t){ 1 }, 8, PEND_ACTION_CONTINUE));
	cr_assert_eq(pend_map_poll(program.map, 8), 1);
	destroy(program.map);
}

Test(rerun, a_decision_beats_what_is_queued)
{
	struct program program;
	uint64_t handle;

	load(&program, 16, 0);
	program.verdict = PEND_VERDICT_PROCEED_HARD;
	handle = pend_key(program.map, 1);
	cr_assert_eq(pend_map_complete(program.map, handle, PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(pend_map_complete(program.map, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(program.completed.count, 0, "told when the re-run has ended");
	cr_assert_eq(pend_map_count(program.map), 1);
	COUNTED(program.map, -EALREADY, duplicates,
		pend_map_complete(program.map, handle, PEND_ACTION_PERMIT_SOFT));
	COUNTED(program.map, -EALREADY, duplicates,
		pend_map_complete(program.map, handle, PEND_ACTION_CONTINUE));
	COUNTED(program.map, -EEXIST, refused_key, pend_error(program.map, 1));
	cr_assert_eq(pend_map_poll(program.map, 8), 1, "one that is skipped counts");
	cr_assert_eq(program.runs, 0);
	cr_assert_eq(stats_of(program.map).reruns, 0);
	cr_assert_eq(last_told(&program)->action, PEND_ACTION_BLOCK);
	cr_assert_eq(last_told(&program)->origin, PEND_ORIGIN_ORCHESTRATOR);
	cr_assert_eq(pend_map_count(program.map), 0);
	destroy(program.map);
}

static void complete_itself(struct program *program, const struct pend_operation *operation)
{
	struct pend_info info;

	cr_assert_eq(pend_map_complete(program->map, operation->handle, PEND_ACTION_CONTINUE),
		     -EALREADY);
	cr_assert_eq(pend_map_complete(program->map, operation->handle, PEND_ACTION_PERMIT_SOFT),
		     0);
	cr_assert_eq(program->completed.count, 0, "never while its program runs (guarantee B)");
	cr_assert_eq(pend_map_complete(program->map, operation->handle, PEND_ACTION_BLOCK),
		     -EALREADY);
	cr_assert_eq(pend_map_read(program->map, operation->handle, &info, NULL), 0);
	cr_assert_eq(info.state, PEND_STATE_RERUN);
}

Test(rerun, a_decision_beats_what_runs)
{
	const int verdicts[] = { PEND_VERDICT_PEND, PEND_VERDICT_REJECT,
				 PEND_VERDICT_PROCEED_HARD };

	for (size_t i = 0; i < 3; i++) {
		struct program program;
		uint64_t handle;

		load(&program, 16, 0);
		program.during = complete_itself;
		program.verdict = verdicts[i];
		handle = pend_key(program.map, 1);
		cr_assert_eq(pend_map_complete(program.map, handle, PEND_ACTION_CONTINUE), 0);
		cr_assert_eq(pend_map_poll(program.map, 8), 1);
		cr_assert_eq(program.runs, 1);
		cr_assert_eq(program.completed.count, 1);
		cr_assert_eq(last_told(&program)->action, PEND_ACTION_PERMIT_SOFT);
		cr_assert_eq(last_told(&program)->origin, PEND_ORIGIN_ORCHESTRATOR);
		cr_assert_eq(stats_of(program.map).duplicates, 2);
		destroy(program.map);
	}
}

static void poll_again(struct program *program, const struct pend_operation *operation)
{
	(void)operation;
	/* retval: pend_map_poll -EDEADLK */
	REFUSED(program->map, -EDEADLK, pend_map_poll(program->map, 1));
}

Test(rerun, a_program_does_not_poll)
{
	struct program program;

	load(&program, 16, 0);
	program.during = poll_again;
	for (uint64_t key = 0; key < 2; key++)
		cr_assert_eq(pend_map_complete(program.map, pend_key(program.map, key),
					       PEND_ACTION_CONTINUE),
			     0);
	cr_assert_eq(pend_map_poll(program.map, 8), 2);
	cr_assert_eq(program.runs, 2);
	destroy(program.map);
}

Test(rerun, the_limit_refuses)
{
	struct program program;
	uint64_t handle;

	load(&program, 2, 0);
	handle = pend_key(program.map, 1);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(pend_map_complete(program.map, handle, PEND_ACTION_CONTINUE), 0);
		cr_assert_eq(pend_map_poll(program.map, 1), 1);
	}
	/* retval: pend_map_complete -ELOOP */
	REFUSED(program.map, -ELOOP, pend_map_complete(program.map, handle, PEND_ACTION_CONTINUE));
	/* retval: pend_map_complete_key -ELOOP */
	REFUSED(program.map, -ELOOP,
		pend_map_complete_key(program.map, &(uint64_t){ 1 }, 8, PEND_ACTION_CONTINUE));
	cr_assert_eq(pend_map_complete(program.map, handle, PEND_ACTION_BLOCK), 0);
	destroy(program.map);
}

Test(rerun, the_limit_blocks)
{
	struct program program;
	uint64_t handle;

	load(&program, 1, PEND_MAP_LIMIT_BLOCKS);
	handle = pend_key(program.map, 1);
	cr_assert_eq(pend_map_complete(program.map, handle, PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(pend_map_poll(program.map, 1), 1);
	cr_assert_eq(pend_map_complete(program.map, handle, PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(program.completed.count, 1);
	cr_assert_eq(last_told(&program)->action, PEND_ACTION_BLOCK);
	cr_assert_eq(last_told(&program)->origin, PEND_ORIGIN_LIMIT);
	cr_assert_eq(stats_of(program.map).by_limit, 1);
	cr_assert_eq(stats_of(program.map).continues, 1);
	cr_assert_eq(pend_map_poll(program.map, 8), 0);
	destroy(program.map);
}

Test(rerun, limits_of_none_and_most)
{
	struct program program;
	uint64_t handle;

	load(&program, 0, 0);
	handle = pend_key(program.map, 1);
	REFUSED(program.map, -ELOOP, pend_map_complete(program.map, handle, PEND_ACTION_CONTINUE));
	destroy(program.map);
	load(&program, PEND_RERUNS_MAX, 0);
	handle = pend_key(program.map, 1);
	for (uint32_t i = 0; i < PEND_RERUNS_MAX; i++) {
		cr_assert_eq(pend_map_complete(program.map, handle, PEND_ACTION_CONTINUE), 0);
		cr_assert_eq(pend_map_poll(program.map, 1), 1);
	}
	REFUSED(program.map, -ELOOP, pend_map_complete(program.map, handle, PEND_ACTION_CONTINUE));
	destroy(program.map);
}

Test(rerun, the_count_begins_anew_with_the_next_operation)
{
	struct program program;
	struct pend_map_options options = keyed(1, 0);
	struct pend_info info;
	uint64_t handle;

	load(&program, 16, 0);
	destroy(program.map);
	options.on_rerun = on_rerun;
	options.context = &program;
	program.map = make(&options);
	handle = pend_key(program.map, 1);
	cr_assert_eq(pend_map_complete(program.map, handle, PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(pend_map_poll(program.map, 1), 1);
	cr_assert_eq(pend_map_complete(program.map, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(pend_map_read(program.map, pend_key(program.map, 1), &info, NULL), 0);
	cr_assert_eq(info.rerun_count, 0);
	destroy(program.map);
}

Test(rerun, the_budget_is_kept)
{
	struct program program;

	load(&program, 16, 0);
	for (uint64_t key = 0; key < 7; key++)
		cr_assert_eq(pend_map_complete(program.map, pend_key(program.map, key),
					       PEND_ACTION_CONTINUE),
			     0);
	cr_assert_eq(pend_map_poll(program.map, 0), 0);
	cr_assert_eq(pend_map_poll(program.map, 3), 3);
	cr_assert_eq(program.runs, 3);
	cr_assert_eq(pend_map_poll(program.map, UINT32_MAX), 4);
	cr_assert_eq(pend_map_poll(program.map, 1), 0);
	destroy(program.map);
}

static void continue_other(struct program *program, const struct pend_operation *operation)
{
	if (operation->cookie == 1001) {
		cr_assert_eq(pend_map_complete_key(program->map, &(uint64_t){ 2 }, 8,
						   PEND_ACTION_CONTINUE),
			     0);
		cr_assert_eq(
			pend_map_complete_key(program->map, &(uint64_t){ 3 }, 8, PEND_ACTION_BLOCK),
			0);
		cr_assert_eq(program->completed.count, 1, "another one is completed at once");
		(void)pend_key(program->map, 4);
	}
}

Test(rerun, a_program_may_use_the_map)
{
	struct program program;
	uint64_t handle;

	load(&program, 16, 0);
	program.during = continue_other;
	handle = pend_key(program.map, 1);
	(void)pend_key(program.map, 2);
	(void)pend_key(program.map, 3);
	cr_assert_eq(pend_map_complete(program.map, handle, PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(pend_map_poll(program.map, 8), 2);
	cr_assert_eq(program.runs, 2);
	cr_assert_eq(pend_map_count(program.map), 3);
	destroy(program.map);
}
