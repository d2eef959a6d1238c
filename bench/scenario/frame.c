/* SPDX-License-Identifier: MIT */
/*
 * frame.c - what a hook frame costs.
 *
 *	call           a program is called and permits
 *	not pended     a hook opens a frame for it: a note of what it pended, looked at behind the call
 *	pended         the program pends inside its frame; the hook closes it; then it is completed
 *	decided inside the program pends and decides inside its frame: closing it finishes
 *	pend           the same pend and completion without a frame
 */
#include <errno.h>
#include <sched.h>

#include "bench/measure/clock.h"
#include "bench/measure/driver.h"
#include "bench/measure/measure.h"
#include "bench/scenario/bench_map.h"

#define STEPS 256u

enum { KIND_CALL, KIND_NOT_PENDED, KIND_PEND, KIND_PENDED, KIND_INSIDE, KINDS };

/* What a hook knows of the call that it is in. */
struct frame {
	struct bench_map *map;
	struct pend_request request;
	uint64_t handle;    /* what the program pended, or 0 */
	uint64_t permitted; /* calls that were not pended */
};

struct work {
	const struct bench_setting *setting;
	const struct bench_variant *variant;
	struct bench_map *map;
	struct bench_sample *sample;
	unsigned char key[256];
	unsigned char value[4096];
	int error;
};

typedef int (*program_fn)(struct frame *frame);

static int permit(struct frame *frame)
{
	frame->permitted++;
	return PEND_VERDICT_PROCEED_SOFT;
}

static int pend(struct frame *frame)
{
	const int error = pend_map_pend(frame->map->map, &frame->request, &frame->handle);

	return error ? error : PEND_VERDICT_PEND;
}

static int pend_and_decide(struct frame *frame)
{
	const int error = pend(frame);

	if (error < 0 || pend_map_complete(frame->map->map, frame->handle, PEND_ACTION_PERMIT_SOFT))
		return -EIO;
	return PEND_VERDICT_PEND;
}

/* A hook. Returns a negative errno, or 0. */
BENCH_INLINE int hook(struct frame *frame, program_fn program, bool framed)
{
	int verdict;

	frame->handle = 0;
	frame->request.flags = framed ? PEND_REQUEST_FRAME : 0;
	verdict = program(frame);
	if (verdict < 0)
		return verdict;
	if (framed && frame->handle)
		return pend_map_close_frame(frame->map->map, frame->handle, PEND_VERDICT_PEND);
	return 0;
}

BENCH_INLINE int step(struct frame *frame, program_fn program, uint32_t kind)
{
	int error;

	if (kind == KIND_CALL)
		return program(frame) < 0;
	error = hook(frame, program, kind != KIND_PEND);
	if (error || (kind != KIND_PEND && kind != KIND_PENDED))
		return error;
	return pend_map_complete(frame->map->map, frame->handle, PEND_ACTION_PERMIT_SOFT);
}

static void run(void *context, uint32_t member)
{
	static const program_fn programs[KINDS] = { permit, permit, pend, pend, pend_and_decide };
	struct work *work = context;
	const uint32_t kind = work->variant->kind, cpu = (uint32_t)sched_getcpu();
	const program_fn program = programs[kind]; /* called through a pointer, as hooks do */
	struct frame frame = { .map = work->map,
			       .request = bench_map_request(work->setting, work->key, work->value,
							    0) };
	const uint64_t preempted = bench_preemptions(), begin_ns = bench_clock_ns();
	uint64_t now_ns, number = 1, operations = 0;

	(void)member;
	do {
		for (uint32_t i = 0; i < STEPS && !work->error; i++, operations++) {
			bench_number_write(work->key, number++);
			work->error = step(&frame, program, kind);
			if (work->map->engine && i % 16 == 15)
				(void)pend_engine_poll(work->map->engine, cpu, 64);
		}
		now_ns = bench_clock_ns();
	} while (!work->error && now_ns - begin_ns < work->setting->window_ns);
	work->sample->values[0] = (double)(now_ns - begin_ns) / (double)operations;
	work->sample->operations = operations;
	work->sample->preempted = bench_preemptions() - preempted;
}

static int measure(const struct bench_setting *setting, const struct bench_variant *variant,
		   struct bench_sample *sample)
{
	struct pend_map_options options = bench_map_options(setting);
	struct bench_map map;
	static struct work work; /* some kilobytes; one at a time */
	int error = bench_map_open(&map, (enum bench_map_kind)variant->amount, NULL, &options);

	if (error)
		return error;
	work = (struct work){
		.setting = setting, .variant = variant, .map = &map, .sample = sample
	};
	bench_team_run(setting->team, 1, run, &work);
	error = bench_map_close(&map, sample);
	return work.error && !error ? bench_sample_wrong(sample, "unexpected answer %d", work.error)
				    : error;
}

static uint32_t list(const struct bench_setting *setting, struct bench_variant *variants)
{
	static const struct bench_variant all[] = {
		{ "call",
		  "a program is called and permits",
		  NULL,
		  false,
		  KIND_CALL,
		  BENCH_MAP_ALONE,
		  { 0 } },
		{ "frame, not pended",
		  "the same inside a hook's frame",
		  NULL,
		  false,
		  KIND_NOT_PENDED,
		  BENCH_MAP_ALONE,
		  { 0 } },
		{ "map: no frame",
		  "pend, then complete",
		  NULL,
		  false,
		  KIND_PEND,
		  BENCH_MAP_ALONE,
		  { 0 } },
		{ "map: frame",
		  "pend in a frame, close it, complete",
		  NULL,
		  false,
		  KIND_PENDED,
		  BENCH_MAP_ALONE,
		  { 0 } },
		{ "map: decided in frame",
		  "pend and complete in a frame, close it",
		  NULL,
		  false,
		  KIND_INSIDE,
		  BENCH_MAP_ALONE,
		  { 0 } },
		{ "engine: no frame",
		  "pend, then complete",
		  NULL,
		  false,
		  KIND_PEND,
		  BENCH_MAP_POLLED,
		  { 0 } },
		{ "engine: frame",
		  "pend in a frame, close it, complete",
		  NULL,
		  false,
		  KIND_PENDED,
		  BENCH_MAP_POLLED,
		  { 0 } },
		{ "engine: decided in frame",
		  "pend and complete in a frame, close it",
		  NULL,
		  false,
		  KIND_INSIDE,
		  BENCH_MAP_POLLED,
		  { 0 } },
	};
	uint32_t count = 0;

	(void)setting;
	for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		bench_variant_add(variants, &count, &all[i]);
	return count;
}

static const struct bench_metric metrics[BENCH_METRICS_MAX] = {
	{ "ns", "ns", BENCH_LESS_IS_BETTER },
};

const struct bench_probe bench_probe_frame = { .metrics = metrics,
					       .threads = 1,
					       .sizes = { 65536, 65536, 1024 },
					       .list = list,
					       .measure = measure };
