/* SPDX-License-Identifier: MIT */
/*
 * alloc.c - maps by allocator: making one, filling it, using it (alloc/create, fill, pair).
 *
 * "own" is the library's, "libc" is aligned_alloc() and memset(), the others are jemalloc's without
 * and with an arena for each NUMA node (pendmap/jemalloc.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/clock.h"
#include "bench/measure/driver.h"
#include "bench/measure/measure.h"
#include "bench/scenario/bench_map.h"

#if BENCH_HAVE_JEMALLOC
#include <pendmap/jemalloc.h>
#endif

#define STEPS 256u

enum { KIND_CREATE, KIND_FILL, KIND_PAIR };

struct work {
	const struct bench_setting *setting;
	struct bench_sample *sample;
	struct pend_map *map;
	uint64_t *handles;
	uint32_t kind;
	int error;
	unsigned char key[256];
	unsigned char value[4096];
};

static void *libc_allocate(void *context, size_t size, size_t alignment)
{
	void *memory;

	(void)context;
	memory = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
	if (memory)
		memset(memory, 0, size);
	return memory;
}

static void libc_release(void *context, void *memory, size_t size)
{
	(void)context;
	(void)size;
	free(memory);
}

static struct pend_allocator libc_allocator = { sizeof(libc_allocator), 0, NULL, libc_allocate,
						libc_release };

/* 0 or a negative errno. NULL is the library's own. */
static int get(uint64_t which, struct pend_allocator **allocator)
{
	*allocator = which == BENCH_ALLOC_LIBC ? &libc_allocator : NULL;
	if (which < BENCH_ALLOC_JEMALLOC)
		return 0;
#if BENCH_HAVE_JEMALLOC
	return pend_jemalloc_create(which == BENCH_ALLOC_JEMALLOC_NUMA ? PEND_JEMALLOC_NUMA : 0,
				    PEND_JEMALLOC_NODE_OF_CPU, allocator);
#else
	return -EOPNOTSUPP;
#endif
}

static int put(uint64_t which, struct pend_allocator *allocator)
{
#if BENCH_HAVE_JEMALLOC
	if (which >= BENCH_ALLOC_JEMALLOC)
		return pend_jemalloc_destroy(allocator);
#endif
	(void)which;
	(void)allocator;
	return 0;
}

static int pend(struct work *work, uint64_t number, uint64_t *handle)
{
	const struct pend_request request =
		bench_map_request(work->setting, work->key, work->value, number);

	return pend_map_pend(work->map, &request, handle);
}

/* Returns the time for one pend. */
static double fill(struct work *work, uint64_t count, uint64_t number)
{
	const uint64_t begin_ns = bench_clock_ns();

	for (uint64_t i = 0; i < count && !work->error; i++)
		work->error = pend(work, number + i, &work->handles[i]);
	return (double)(bench_clock_ns() - begin_ns) / (double)count;
}

static void empty(struct work *work, uint64_t count)
{
	for (uint64_t i = 0; i < count && !work->error; i++)
		work->error =
			pend_map_complete(work->map, work->handles[i], PEND_ACTION_PERMIT_SOFT);
}

/* Pends and completes the oldest, at nine tenths full, in the order of a random walk. */
static double pair(struct work *work, uint64_t count, uint64_t number)
{
	uint64_t random = 1, begin_ns = bench_clock_ns(), now_ns, operations = 0;

	do {
		for (uint32_t i = 0; i < STEPS && !work->error; i++, operations++) {
			uint64_t *handle = &work->handles[bench_random_below(&random, count)];

			work->error =
				pend_map_complete(work->map, *handle, PEND_ACTION_PERMIT_SOFT);
			if (!work->error)
				work->error = pend(work, number + operations, handle);
		}
		now_ns = bench_clock_ns();
	} while (!work->error && now_ns - begin_ns < work->setting->window_ns);
	work->sample->operations = operations;
	return (double)(now_ns - begin_ns) / (double)operations;
}

static void use(void *context, uint32_t member)
{
	struct work *work = context;
	const uint64_t count = work->setting->size / 10 * 9, preempted = bench_preemptions();
	double first, again;

	(void)member;
	first = fill(work, count, 0);
	if (work->kind == KIND_FILL) {
		empty(work, count);
		again = fill(work, count, count);
		work->sample->values[0] = first;
		work->sample->values[1] = again;
		work->sample->operations = count;
	} else {
		work->sample->values[0] = pair(work, count, count);
	}
	empty(work, count);
	work->sample->preempted = bench_preemptions() - preempted;
}

static int run_map(const struct bench_setting *setting, uint32_t kind,
		   const struct pend_allocator *allocator, struct bench_sample *sample)
{
	static struct work work; /* some kilobytes; one at a time */
	struct pend_map_options options = bench_map_options(setting);
	struct bench_map map;
	uint64_t begin_ns = bench_clock_ns(), made_ns;
	int error;

	work = (struct work){ .setting = setting, .sample = sample, .kind = kind };
	options.allocator = allocator;
	error = bench_map_open(&map, BENCH_MAP_ALONE, NULL, &options);
	made_ns = bench_clock_ns() - begin_ns;
	if (error)
		return error;
	work.map = map.map;
	work.handles = malloc(setting->size * sizeof(*work.handles));
	if (!work.handles)
		work.error = -ENOMEM;
	else if (kind != KIND_CREATE)
		bench_team_run(setting->team, 1, use, &work);
	free(work.handles);
	begin_ns = bench_clock_ns();
	error = bench_map_close(&map, sample);
	if (kind == KIND_CREATE) {
		sample->values[0] = (double)made_ns / 1e3;
		sample->values[1] = (double)(bench_clock_ns() - begin_ns) / 1e3;
		sample->operations = 1;
	}
	return work.error && !error ? bench_sample_wrong(sample, "unexpected answer %d", work.error)
				    : error;
}

static int measure(const struct bench_setting *setting, const struct bench_variant *variant,
		   struct bench_sample *sample, uint32_t kind)
{
	struct pend_allocator *allocator;
	int error = get(variant->amount, &allocator);

	if (error == -EOPNOTSUPP)
		return bench_sample_skip(sample, "not in this build, or memory cannot be placed");
	if (error)
		return error;
	error = run_map(setting, kind, allocator, sample);
	if (put(variant->amount, allocator) && !error)
		error = bench_sample_wrong(sample, "memory of the allocator is still in use");
	return error;
}

static int measure_create(const struct bench_setting *setting, const struct bench_variant *variant,
			  struct bench_sample *sample)
{
	return measure(setting, variant, sample, KIND_CREATE);
}

static int measure_fill(const struct bench_setting *setting, const struct bench_variant *variant,
			struct bench_sample *sample)
{
	return measure(setting, variant, sample, KIND_FILL);
}

static int measure_pair(const struct bench_setting *setting, const struct bench_variant *variant,
			struct bench_sample *sample)
{
	return measure(setting, variant, sample, KIND_PAIR);
}

static uint32_t list(const struct bench_setting *setting, struct bench_variant *variants)
{
	static const struct bench_variant all[BENCH_ALLOCATORS] = {
		{ "own", "the library's allocator", NULL, false, 0, BENCH_ALLOC_OWN, { 0 } },
		{ "libc", "aligned_alloc() and memset()", NULL, false, 0, BENCH_ALLOC_LIBC, { 0 } },
		{ "jemalloc", "one arena", NULL, false, 0, BENCH_ALLOC_JEMALLOC, { 0 } },
		{ "jemalloc-numa",
		  "an arena for each node",
		  NULL,
		  false,
		  0,
		  BENCH_ALLOC_JEMALLOC_NUMA,
		  { 0 } },
	};
	uint32_t count = 0;

	for (uint32_t i = 0; i < BENCH_ALLOCATORS; i++)
		if (!setting->options->allocators || setting->options->allocators & 1u << i)
			bench_variant_add(variants, &count, &all[i]);
	return count;
}

static const struct bench_metric create_metrics[BENCH_METRICS_MAX] = {
	{ "create", "us", BENCH_LESS_IS_BETTER },
	{ "destroy", "us", BENCH_LESS_IS_BETTER },
};
static const struct bench_metric fill_metrics[BENCH_METRICS_MAX] = {
	{ "first", "ns", BENCH_LESS_IS_BETTER },
	{ "again", "ns", BENCH_LESS_IS_BETTER },
};
static const struct bench_metric pair_metrics[BENCH_METRICS_MAX] = {
	{ "ns", "ns", BENCH_LESS_IS_BETTER },
};

const struct bench_probe bench_probe_alloc_create = { .metrics = create_metrics,
						      .threads = 1,
						      .sizes = { 262144, 1048576, 1024 },
						      .list = list,
						      .measure = measure_create };

const struct bench_probe bench_probe_alloc_fill = { .metrics = fill_metrics,
						    .threads = 1,
						    .sizes = { 262144, 1048576, 1024 },
						    .list = list,
						    .measure = measure_fill };

const struct bench_probe bench_probe_alloc_pair = { .metrics = pair_metrics,
						    .threads = 1,
						    .sizes = { 262144, 1048576, 1024 },
						    .list = list,
						    .measure = measure_pair };
