/* SPDX-License-Identifier: MIT */
/*
 * test_frame.c - hook frames: whatever is decided in one happens after it, once (guarantee B).
 *
 * Each test runs in a map without an engine and in one of an engine, where the completion function
 * is told when the shard is served.
 */
#include "tests/map/manual.h"

#include <pendmap/upstream.h>

struct stage {
	struct pend_engine *engine; /* NULL: none */
	struct pend_map *map;
	struct told told;
	uint32_t reruns;
	int verdict; /* of a re-run */
};

static int rerun(void *context, const struct pend_operation *operation)
{
	struct stage *stage = context;

	cr_assert_eq(operation->action, PEND_ACTION_CONTINUE);
	stage->reruns++;
	return stage->verdict;
}

static void tell_stage(void *context, const struct pend_operation *operation)
{
	tell(&((struct stage *)context)->told, operation);
}

static void begin(struct stage *stage, bool with_engine)
{
	struct pend_map_options options = keyed(8, PEND_MAP_ENABLED);

	memset(stage, 0, sizeof(*stage));
	machine_play();
	stage->engine = with_engine ? make_engine() : NULL;
	options.engine = stage->engine;
	options.on_complete = tell_stage;
	options.on_rerun = rerun;
	options.context = stage;
	stage->map = make(&options);
}

static void end(struct stage *stage)
{
	destroy(stage->map);
	if (stage->engine)
		destroy_engine(stage->engine);
}

/* Everything that is to be done is done. */
static void settle(struct stage *stage)
{
	if (stage->engine)
		(void)serve_all(stage->engine);
	else
		cr_assert_geq(pend_map_poll(stage->map, 100), 0);
}

static uint64_t pend_framed(struct stage *stage, uint64_t key)
{
	return pend_with(stage->map, key, PEND_REQUEST_FRAME, 0);
}

/* One operation was told since @before, like this. */
static void was_told(const struct stage *stage, uint32_t before, enum pend_action action,
		     enum pend_origin origin)
{
	cr_assert_eq(stage->told.count, before + 1);
	cr_assert_eq(stage->told.operations[before].action, action);
	cr_assert_eq(stage->told.operations[before].origin, origin);
}

#define BOTH_WAYS(name)                   \
	static void name(struct stage *); \
	Test(frame, name)                 \
	{                                 \
		struct stage stage;       \
                                          \
		begin(&stage, false);     \
		name(&stage);             \
		end(&stage);              \
		begin(&stage, true);      \
		name(&stage);             \
		end(&stage);              \
	}                                 \
	static void name(struct stage *stage)

BOTH_WAYS(what_is_decided_in_it_is_told_after_it)
{
	static const enum pend_action actions[] = { PEND_ACTION_PERMIT_SOFT,
						    PEND_ACTION_PERMIT_HARD, PEND_ACTION_BLOCK };

	for (uint32_t i = 0; i < 3; i++) {
		const uint64_t handle = pend_framed(stage, i);

		cr_assert_eq(info_of(stage->map, handle).state, PEND_STATE_PENDING);
		cr_assert_eq(pend_map_complete(stage->map, handle, actions[i]), 0);
		settle(stage);
		cr_assert_eq(stage->told.count, i);
		cr_assert_eq(pend_map_read(stage->map, handle, NULL, NULL), -ENOENT);
		COUNTED(stage->map, -EALREADY, duplicates,
			pend_map_complete(stage->map, handle, PEND_ACTION_BLOCK));
		COUNTED(stage->map, -EEXIST, refused_key, pend_error(stage->map, i));
		cr_assert_eq(pend_map_close_frame(stage->map, handle, PEND_VERDICT_PEND), 0);
		cr_assert_eq(stage->told.count, stage->engine ? i : i + 1,
			     "the hook's thread tells nobody, unless nobody else could");
		settle(stage);
		was_told(stage, i, actions[i], PEND_ORIGIN_ORCHESTRATOR);
		cr_assert_eq(stage->told.operations[i].handle, handle);
	}
	cr_assert_eq(stats_of(stage->map).by_orchestrator, 3);
}

BOTH_WAYS(what_is_decided_after_it_is_told_then)
{
	const uint64_t handle = pend_framed(stage, 1);

	cr_assert_eq(pend_map_close_frame(stage->map, handle, PEND_VERDICT_PEND), 0);
	settle(stage);
	cr_assert_eq(stage->told.count, 0);
	cr_assert_eq(info_of(stage->map, handle).state, PEND_STATE_PENDING);
	cr_assert_eq(pend_map_complete(stage->map, handle, PEND_ACTION_PERMIT_HARD), 0);
	settle(stage);
	was_told(stage, 0, PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
}

/* F24: a completion is synthesized from what the program returned after all. */
BOTH_WAYS(a_verdict_at_its_end_completes)
{
	static const struct {
		int verdict;
		enum pend_action action;
	} cases[] = {
		{ PEND_VERDICT_REJECT, PEND_ACTION_BLOCK },
		{ PEND_VERDICT_PROCEED_SOFT, PEND_ACTION_PERMIT_SOFT },
		{ PEND_VERDICT_PROCEED_HARD, PEND_ACTION_PERMIT_HARD },
		{ 4, PEND_ACTION_BLOCK },
		{ 77, PEND_ACTION_BLOCK },
		{ -1, PEND_ACTION_BLOCK },
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint64_t handle = pend_framed(stage, i);

		cr_assert_eq(pend_map_close_frame(stage->map, handle,
						  (enum pend_verdict)cases[i].verdict),
			     0);
		settle(stage);
		was_told(stage, i, cases[i].action, PEND_ORIGIN_PROGRAM);
	}
	cr_assert_eq(stats_of(stage->map).by_program, sizeof(cases) / sizeof(cases[0]));
}

BOTH_WAYS(an_orchestrator_that_was_faster_beats_the_program)
{
	const uint64_t handle = pend_framed(stage, 1);

	cr_assert_eq(pend_map_complete(stage->map, handle, PEND_ACTION_PERMIT_HARD), 0);
	cr_assert_eq(pend_map_close_frame(stage->map, handle, PEND_VERDICT_REJECT), 0);
	settle(stage);
	was_told(stage, 0, PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
	COUNTED(stage->map, -ENOENT, late,
		pend_map_complete(stage->map, handle, PEND_ACTION_BLOCK));
}

/* K8: it completes itself in its frame (F17) and returns PEND: the completion wins. */
BOTH_WAYS(a_program_may_complete_what_it_pended)
{
	const uint64_t handle = pend_framed(stage, 1);
	const struct pend_key key = pend_key_of(handle);

	cr_assert_eq(pend_map_complete_elem(NULL, stage->map, &key, PEND_ACTION_PERMIT_SOFT), 0);
	settle(stage);
	cr_assert_eq(stage->told.count, 0);
	cr_assert_eq(pend_map_close_frame(stage->map, handle, PEND_VERDICT_PEND), 0);
	settle(stage);
	was_told(stage, 0, PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
}

BOTH_WAYS(a_continue_in_it_runs_the_program_after_it)
{
	const uint64_t handle = pend_framed(stage, 1);

	stage->verdict = PEND_VERDICT_PROCEED_SOFT;
	cr_assert_eq(pend_map_complete(stage->map, handle, PEND_ACTION_CONTINUE), 0);
	COUNTED(stage->map, -EALREADY, duplicates,
		pend_map_complete(stage->map, handle, PEND_ACTION_CONTINUE));
	settle(stage);
	cr_assert_eq(stage->reruns, 0);
	cr_assert_eq(pend_map_close_frame(stage->map, handle, PEND_VERDICT_PEND), 0);
	cr_assert_eq(stage->reruns, 0);
	settle(stage);
	cr_assert_eq(stage->reruns, 1);
	was_told(stage, 0, PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_PROGRAM);
}

BOTH_WAYS(what_beats_a_continue)
{
	uint64_t handle = pend_framed(stage, 1);

	/* A decision after it in the same frame. */
	cr_assert_eq(pend_map_complete(stage->map, handle, PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(pend_map_complete(stage->map, handle, PEND_ACTION_PERMIT_HARD), 0);
	cr_assert_eq(pend_map_close_frame(stage->map, handle, PEND_VERDICT_PEND), 0);
	settle(stage);
	was_told(stage, 0, PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
	/* The program's own verdict. */
	handle = pend_framed(stage, 1);
	cr_assert_eq(pend_map_complete(stage->map, handle, PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(pend_map_close_frame(stage->map, handle, PEND_VERDICT_PROCEED_SOFT), 0);
	settle(stage);
	was_told(stage, 1, PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_PROGRAM);
	cr_assert_eq(stage->reruns, 0);
}

/* Neither the deadline nor a look at the slot gets past an open frame. */
Test(frame, it_outlasts_the_deadline)
{
	struct stage stage;
	uint64_t handle;

	begin(&stage, true);
	handle = pend_framed(&stage, 1);
	pass_time(stage.engine, 30 * SECOND, 100 * MS);
	cr_assert_eq(stage.told.count, 0);
	COUNTED(stage.map, -EALREADY, duplicates,
		pend_map_complete(stage.map, handle, PEND_ACTION_PERMIT_SOFT));
	cr_assert_eq(pend_map_close_frame(stage.map, handle, PEND_VERDICT_PROCEED_HARD), 0);
	cr_assert_eq(stage.told.count, 0);
	(void)serve_all(stage.engine);
	was_told(&stage, 0, PEND_ACTION_BLOCK, PEND_ORIGIN_DEADLINE);
	end(&stage);
}

BOTH_WAYS(it_is_closed_once)
{
	const uint64_t handle = pend_framed(stage, 1), bare = pend_key(stage->map, 2);

	/* retval: pend_map_close_frame -EINVAL */
	REFUSED(stage->map, -EINVAL,
		pend_map_close_frame(stage->map, bare, PEND_VERDICT_PROCEED_SOFT));
	cr_assert_eq(pend_map_close_frame(stage->map, handle, PEND_VERDICT_PEND), 0);
	REFUSED(stage->map, -EINVAL, pend_map_close_frame(stage->map, handle, PEND_VERDICT_PEND));
	REFUSED(stage->map, -EINVAL, pend_map_close_frame(stage->map, handle, PEND_VERDICT_REJECT));
	cr_assert_eq(pend_map_complete(stage->map, handle, PEND_ACTION_BLOCK), 0);
	if (stage->engine)
		REFUSED(stage->map, -EINVAL,
			pend_map_close_frame(stage->map, handle, PEND_VERDICT_PEND));
	settle(stage);
	/* retval: pend_map_close_frame -ENOENT */
	REFUSED(stage->map, -ENOENT, pend_map_close_frame(stage->map, handle, PEND_VERDICT_PEND));
	REFUSED(stage->map, -ENOENT, pend_map_close_frame(stage->map, 0, PEND_VERDICT_PEND));
	REFUSED(stage->map, -ENOENT, pend_map_close_frame(stage->map, ~0ull, PEND_VERDICT_PEND));
	REFUSED(stage->map, -ENOENT,
		pend_map_close_frame(stage->map, bare + (1ull << 26), PEND_VERDICT_PEND));
	cr_assert_eq(stage->told.count, 1);
}

Test(frame, needs_a_map)
{
	/* retval: pend_map_close_frame -EFAULT */
	cr_assert_eq(pend_map_close_frame(NULL, 1, PEND_VERDICT_PEND), -EFAULT);
	/* retval: pend_map_close_frame -ESHUTDOWN */
	cr_assert_eq(pend_map_close_frame(make_destroyed(), 1, PEND_VERDICT_PEND), -ESHUTDOWN);
}

/* Handles that nobody was given: of a slot that was never used, and of a free slot's next use. */
BOTH_WAYS(of_a_handle_that_was_never_given)
{
	uint64_t handle;

	cr_assert_eq(pend_map_close_frame(stage->map, 0, PEND_VERDICT_PEND), -ENOENT);
	handle = pend_framed(stage, 1);
	cr_assert_eq(pend_map_close_frame(stage->map, handle, PEND_VERDICT_REJECT), 0);
	if (stage->engine)
		(void)serve_all(stage->engine);
	cr_assert_eq(pend_map_close_frame(stage->map, handle + PENDI_WORD_GENERATION_ONE,
					  PEND_VERDICT_PEND),
		     -ENOENT);
}

BOTH_WAYS(a_batch_may_have_frames)
{
	const uint64_t keys[2] = { 1, 2 };
	struct pend_request requests[2] = { request_of(&keys[0], NULL),
					    request_of(&keys[1], NULL) };
	const uint32_t actions[2] = { PEND_ACTION_PERMIT_SOFT, PEND_ACTION_PERMIT_SOFT };
	uint64_t handles[2];

	requests[1].flags = PEND_REQUEST_FRAME;
	cr_assert_eq(pend_map_pend_batch(stage->map, requests, 2, handles, NULL), 2);
	cr_assert_eq(pend_map_complete_batch(stage->map, handles, actions, 2, NULL), 2);
	settle(stage);
	cr_assert_eq(stage->told.count, 1);
	cr_assert_eq(stage->told.operations[0].handle, handles[0]);
	cr_assert_eq(pend_map_close_frame(stage->map, handles[1], PEND_VERDICT_PEND), 0);
	settle(stage);
	cr_assert_eq(stage->told.count, 2);
}

/* The shard of the CPU that pended tells, whoever decides. */
Test(frame, completions_go_home)
{
	struct stage stage;
	uint64_t handles[12];

	begin(&stage, true);
	for (uint32_t batch = 0; batch < 2; batch++) {
		for (uint32_t i = 0; i < 8; i++) {
			machine.cpu = i * 7 % MACHINE_CPUS;
			handles[i] = pend_key(stage.map, i);
		}
		machine.cpu = 0;
		if (batch)
			cr_assert_eq(pend_map_complete_batch(
					     stage.map, handles,
					     (uint32_t[8]){ 1, 1, 1, 1, 1, 1, 1, 1 }, 8, NULL),
				     8);
		for (uint32_t i = 0; !batch && i < 8; i++)
			cr_assert_eq(pend_map_complete(stage.map, handles[i], 1), 0);
		cr_assert_eq(stage.told.count, 0);
		for (uint32_t cpu = 0; cpu < MACHINE_CPUS; cpu++) {
			cr_assert_eq(pend_engine_poll(stage.engine, cpu, 100), 2);
			cr_assert_eq(stage.told.count, 2 * (cpu + 1));
			cr_assert_eq(stage.told.operations[2 * cpu].home_cpu, cpu);
			cr_assert_eq(stage.told.operations[2 * cpu + 1].home_cpu, cpu);
		}
		stage.told.count = 0;
	}
	end(&stage);
}

static struct pend_map *served;
static uint32_t told_of;

/* As another one who finds a second hint about the slot, while the first is being served. */
static void serve_again(void *context, const struct pend_operation *operation)
{
	(void)context;
	told_of++;
	cr_assert_eq(told_of, 1, "told twice");
	cr_assert_not(pendi_map_serve(served, pendi_handle_slot(operation->handle)));
}

static int rerun_again(void *context, const struct pend_operation *operation)
{
	(void)context;
	cr_assert_eq(told_of, 0, "completed while its program runs");
	cr_assert_not(pendi_map_serve(served, pendi_handle_slot(operation->handle)));
	cr_assert_eq(pend_map_complete(served, operation->handle, PEND_ACTION_BLOCK), 0);
	cr_assert_not(pendi_map_serve(served, pendi_handle_slot(operation->handle)));
	return PEND_VERDICT_PEND;
}

/* A slot that somebody serves is nobody else's (guarantees A and B). */
Test(frame, one_serves)
{
	struct pend_engine *engine = make_engine();
	struct pend_map_options options = managed(engine, NULL, 4);
	uint64_t handle;

	options.on_complete = serve_again;
	options.on_rerun = rerun_again;
	served = make(&options);
	handle = pend_key(served, 1);
	cr_assert_eq(pend_map_complete(served, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(pendi_engine_hint(&served->client, 0, pendi_handle_slot(handle)), true);
	(void)serve_all(engine);
	cr_assert_eq(told_of, 1);
	told_of = 0;
	handle = pend_key(served, 1);
	cr_assert_eq(pend_map_complete(served, handle, PEND_ACTION_CONTINUE), 0);
	(void)serve_all(engine);
	cr_assert_eq(told_of, 1);
	destroy(served);
	destroy_engine(engine);
}

/* Nobody can close a frame once the map is being destroyed: its operation is completed all the same
 * (guarantee A). */
BOTH_WAYS(destroying_ends_it)
{
	struct pend_map_options options = keyed(8, PEND_MAP_ENABLED);
	uint64_t handle;
	struct pend_map *map;

	options.engine = stage->engine;
	options.on_complete = tell_stage;
	options.on_rerun = rerun;
	options.context = stage;
	map = make(&options);
	(void)pend_with(map, 1, PEND_REQUEST_FRAME, 0);
	handle = pend_with(map, 2, PEND_REQUEST_FRAME, 0);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_PERMIT_SOFT), 0);
	handle = pend_with(map, 3, PEND_REQUEST_FRAME, 0);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_CONTINUE), 0);
	destroy(map);
	cr_assert_eq(stage->told.count, 3);
	cr_assert_eq(stage->reruns, 0);
	for (uint32_t i = 0; i < 3; i++) {
		const bool decided = stage->told.keys[i] == 2;

		cr_assert_eq(stage->told.operations[i].action,
			     decided ? PEND_ACTION_PERMIT_SOFT : PEND_ACTION_BLOCK);
		cr_assert_eq(stage->told.operations[i].origin,
			     decided ? PEND_ORIGIN_ORCHESTRATOR : PEND_ORIGIN_DESTROY);
	}
}
