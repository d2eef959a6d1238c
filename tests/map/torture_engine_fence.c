/* SPDX-License-Identifier: MIT */
/*
 * torture_engine_fence.c - guarantee B: a completion never overlaps its hook frame or a re-run.
 *
 * A hook pends with its frame open, goes on working on memory of its own, and closes the frame; the
 * completion and re-run functions read what it worked on, and write there themselves. That memory is
 * plain: whatever overlaps, or is not ordered, is a data race that a race detector reports, and a
 * mixture that the checks here find. Meanwhile others complete, continue, expire and drain.
 */
#include "tests/map/torture_engine.h"

#include <errno.h>

enum { HOOKS = 2, OTHERS = 2, RECORDS = 24, WORDS = 4 };

/* What a hook shares with the functions of its operation. All but `busy` and `handle` is plain. */
struct fence_record {
	struct oracle_word busy;    /* given back by the completion function */
	struct oracle_place handle; /* for the others to complete */
	uint64_t stamp, work[WORDS];
	uint32_t frame_open, running, reruns;
	uint32_t program; /* 1 + the terminal verdict of frame or re-run */
};

struct fence {
	struct stage *stage;
	struct fence_record records[HOOKS][RECORDS];
	struct oracle_sum pended, told, reruns, early, synthesized, calls;
	struct oracle_word stop;
};

static struct fence_record *fence_enter(struct fence *fence, const struct pend_operation *operation)
{
	struct fence_record *record;

	CHECK_U64(operation->cookie, <, HOOKS * RECORDS);
	record = &fence->records[operation->cookie / RECORDS][operation->cookie % RECORDS];
	CHECK_U64(record->running, ==, 0);
	CHECK_U64(record->frame_open, ==, 0);
	record->running = 1;
	for (uint32_t i = 0; i < WORDS; i++)
		CHECK_U64(record->work[i], ==, record->stamp + i);
	if (payload_word(operation->cookie, record->stamp, 2) % 8 == 0)
		(void)sched_yield();
	return record;
}

static void fence_told(void *context, const struct pend_operation *operation)
{
	struct fence *fence = context;
	struct fence_record *record = fence_enter(fence, operation);

	/* The last one may have been decided before its program ran. */
	CHECK_U64(operation->rerun_count - record->reruns, <=, 1);
	if (operation->origin == PEND_ORIGIN_PROGRAM) {
		CHECK_U64(record->program, >, 0);
		oracle_add(&fence->synthesized, 1);
	}
	record->running = 0;
	oracle_add(&fence->told, 1);
	oracle_give(&record->busy, 0);
}

static int fence_rerun(void *context, const struct pend_operation *operation)
{
	struct fence *fence = context;
	struct fence_record *record = fence_enter(fence, operation);
	const uint64_t draw = payload_word(operation->cookie, record->stamp, record->reruns);
	const uint32_t verdict = draw % 3 ? PEND_VERDICT_PEND : PEND_VERDICT_PROCEED_SOFT;

	CHECK_U64(++record->reruns, ==, operation->rerun_count);
	CHECK_U64(record->program, ==, 0);
	if (verdict != PEND_VERDICT_PEND)
		record->program = 1 + verdict;
	record->running = 0;
	oracle_add(&fence->reruns, 1);
	return (int)verdict;
}

/* ---- the hooks ---- */

/* Works in the frame, so long that it is decided meanwhile now and then, and closes it. */
static void fence_work(struct fence *fence, struct fence_record *record, uint64_t handle,
		       struct rng *rng)
{
	uint32_t verdict = PEND_VERDICT_PEND;

	for (uint32_t i = 0; i < WORDS; i++) {
		record->work[i] = record->stamp + i;
		if (rng_one_in(rng, 3))
			(void)sched_yield();
	}
	if (rng_one_in(rng, 32))
		stage_pause_ns(1500000); /* it expires in the frame */
	if (rng_one_in(rng, 3)) {
		verdict = rng_below(rng, 3);
		record->program = 1 + verdict;
	}
	/* Not pended any more for a reader: decided. */
	if (pend_map_read(fence->stage->map, handle, NULL, NULL) == -ENOENT)
		oracle_add(&fence->early, 1);
	record->frame_open = 0;
	CHECK_INT(pend_map_close_frame(fence->stage->map, handle, (enum pend_verdict)verdict), ==,
		  0);
}

/* False: nothing was pended. */
static bool fence_hook(struct fence *fence, uint32_t hook, uint32_t number, uint64_t stamp,
		       struct rng *rng)
{
	struct fence_record *record = &fence->records[hook][number];
	const uint64_t cookie = hook * RECORDS + number;
	struct pend_request request = { .key = fence->stage->setup->keyed ? &cookie : NULL,
					.key_size = fence->stage->setup->keyed ? 8 : 0,
					.cookie = cookie,
					.flags = PEND_REQUEST_FRAME };
	uint64_t handle;
	int result;

	if (oracle_obtain(&record->busy))
		return false;
	request.deadline_ns = rng_one_in(rng, 2) ? 0 : 1000000u * (1 + rng_below(rng, 3));
	oracle_set(&record->busy, 1);
	record->stamp = stamp;
	record->frame_open = 1;
	record->running = record->reruns = record->program = 0;
	result = pend_map_pend(fence->stage->map, &request, &handle);
	CHECK(result == 0 || result == -ENOSPC || result == -EEXIST || result == -ESHUTDOWN);
	if (result) {
		oracle_set(&record->busy, 0);
		return false;
	}
	oracle_add(&fence->pended, 1);
	(void)oracle_swap(&record->handle, handle);
	fence_work(fence, record, handle, rng);
	return true;
}

static void run_hook(struct fence *fence, uint32_t hook, struct rng *rng)
{
	for (uint64_t round = 0; round < fence->stage->rounds; round++) {
		const uint64_t stamp = 1 + round * 16;

		if (!fence_hook(fence, hook, rng_below(rng, RECORDS), stamp, rng))
			(void)sched_yield();
	}
}

/* Decides whatever it sees, and now and then everything. */
static void run_other(struct fence *fence, uint32_t number, struct rng *rng)
{
	for (uint64_t round = 1; !oracle_get(&fence->stop); round++) {
		struct fence_record *record =
			&fence->records[rng_below(rng, HOOKS)][rng_below(rng, RECORDS)];
		const uint32_t action = PEND_ACTION_PERMIT_SOFT + rng_below(rng, 6);
		const int result =
			pend_map_complete(fence->stage->map, oracle_look(&record->handle),
					  action < PEND_ACTION_CONTINUE ? (enum pend_action)action
									: PEND_ACTION_CONTINUE);

		CHECK(result == 0 || result == -ENOENT || result == -EALREADY || result == -ELOOP);
		if (number == HOOKS && round % 512 == 0) {
			const int stopped = pend_map_disable_async(fence->stage->map,
								   PEND_WAIT_FOREVER, NULL, NULL);

			CHECK(stopped == 0 || stopped == -EALREADY);
			CHECK_INT(pend_map_enable(fence->stage->map), ==, 0);
		}
		if (rng_one_in(rng, 8))
			(void)sched_yield();
	}
}

static void run_fence(void *context, uint32_t number, struct crew *crew)
{
	struct fence *fence = context;
	struct rng rng = rng_make(fence->stage->seed, number);

	(void)crew_meet(crew);
	if (number < HOOKS) {
		run_hook(fence, number, &rng);
		oracle_add(&fence->calls, fence->stage->rounds);
		(void)oracle_more(&fence->stop,
				  oracle_total(&fence->calls) == HOOKS * fence->stage->rounds);
	} else {
		run_other(fence, number, &rng);
	}
}

uint64_t torture_fence(struct stage *stage)
{
	static struct fence fence;
	struct pend_map_options options = pend_map_options_default();

	memset(&fence, 0, sizeof(fence));
	fence.stage = stage;
	options.deadline_ns = 20000000;
	options.rerun_limit = 5;
	options.on_complete = fence_told;
	options.on_rerun = fence_rerun;
	options.context = &fence;
	stage_begin(stage, &options);
	stage_seal(true);
	crew_run(HOOKS + OTHERS, &fence, run_fence);
	stage_settle(stage);
	stage_balance(stage, oracle_total(&fence.pended), oracle_total(&fence.told));
	for (uint32_t i = 0; i < HOOKS * RECORDS; i++)
		CHECK_U64(oracle_obtain(&fence.records[i / RECORDS][i % RECORDS].busy), ==, 0);
	printf("# %" PRIu64 " frames, %" PRIu64 " decided before they closed, %" PRIu64
	       " re-runs, %" PRIu64 " decided by their program\n",
	       oracle_total(&fence.pended), oracle_total(&fence.early), oracle_total(&fence.reruns),
	       oracle_total(&fence.synthesized));
	CHECK_U64(oracle_total(&fence.pended), >, 0);
	stage_end(stage);
	return oracle_total(&fence.calls);
}
