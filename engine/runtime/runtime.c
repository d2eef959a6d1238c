/* SPDX-License-Identifier: MIT */
/*
 * runtime.c - creates and ends a runtime, and reads its counters.
 *
 *	registry           providers, programs, links, custom maps (the registry's)
 *	deferrals          a pend map of the runtime's own: what waits for its identity
 *	tally, ages        counters, a row for each thread
 *	cleaner            what invocations read no more (cleaner.c)
 *
 * A runtime ends only when nothing is left in it. By then nothing runs in it either: a pend map is
 * destroyed only when no executor is in one of its functions.
 */
#include <string.h>

#include "engine/object/options.h"
#include "engine/runtime/runtime_internal.h"
#include "platform/memory.h"

#define RUNTIME_OPTIONS_SIZE_FIRST sizeof(struct pend_runtime_options)
#define RUNTIME_STATS_SIZE_FIRST sizeof(struct pend_runtime_stats)
#define RUNTIME_CONTEXT_MIN 8u
#define RUNTIME_DEFERRALS_MAX (1u << 20)

void pendi_runtime_trace(struct pend_runtime *runtime, const struct pend_trace *trace)
{
	if (runtime->on_trace)
		runtime->on_trace(runtime->context, trace);
}

static int check_runtime_options(const struct pend_runtime_options *options)
{
	if (options->flags || !options->engine)
		return -EINVAL;
	if (options->context_size < RUNTIME_CONTEXT_MIN ||
	    options->context_size > PENDI_CONTEXT_MAX || !options->deferrals ||
	    options->deferrals > RUNTIME_DEFERRALS_MAX ||
	    options->deferral_ns < PEND_DEADLINE_MIN_NS ||
	    options->deferral_ns > PEND_DEADLINE_MAX_NS)
		return -ERANGE;
	return pendi_engine_check(options->engine);
}

/* Bytes of a record with a context of @size. */
static uint32_t record_size_of(uint32_t size)
{
	return (uint32_t)sizeof(struct pendi_record) + (size + 15u) / 16u * 16u;
}

/* --- What it consists of --- */

static int make_tallies(struct pend_runtime *runtime)
{
	const struct pend_allocator *allocator = &runtime->registry.allocator;
	int error = pendi_tally_init(&runtime->tally, allocator);

	for (uint32_t i = 0; i < 2 && !error; i++)
		error = pendi_tally_init(&runtime->ages[i], allocator);
	return error;
}

static void free_tallies(struct pend_runtime *runtime)
{
	const struct pend_allocator *allocator = &runtime->registry.allocator;

	for (uint32_t i = 0; i < 2; i++)
		pendi_tally_fini(&runtime->ages[i], allocator);
	pendi_tally_fini(&runtime->tally, allocator);
}

/* What is deferred is continued once, by the runtime itself. */
static int make_deferrals(struct pend_runtime *runtime, const struct pend_runtime_options *given)
{
	struct pend_map_options options = pend_map_options_default();

	options.flags = PEND_MAP_ENABLED;
	options.max_entries = given->deferrals;
	options.scratch_size = runtime->record_size;
	options.rerun_limit = 1;
	options.deadline_ns = given->deferral_ns;
	options.allocator = &runtime->registry.allocator;
	options.on_complete = pendi_runtime_complete;
	options.on_rerun = pendi_runtime_rerun;
	options.context = runtime;
	options.engine = given->engine;
	return pend_map_create(&options, &runtime->deferrals);
}

static void free_runtime(struct pend_runtime *runtime)
{
	const struct pend_allocator allocator = runtime->registry.allocator;

	free_tallies(runtime);
	pendi_registry_fini(&runtime->registry);
	pendi_memory_release(&allocator, runtime, sizeof(*runtime));
}

/* 0 or an error, after which the caller frees what there is. */
static int build_runtime(struct pend_runtime *runtime, const struct pend_runtime_options *given)
{
	int error = make_tallies(runtime);

	if (!error)
		error = make_deferrals(runtime, given);
	if (error)
		return error;
	runtime->functions = (struct pendi_pend_functions){
		.on_complete = pendi_runtime_complete,
		.on_rerun = pendi_runtime_rerun,
		.context = runtime,
		.record_size = runtime->record_size,
	};
	error = pendi_custom_begin(&runtime->registry, &runtime->functions);
	if (error)
		goto fail_custom;
	error = pendi_cleaner_begin(runtime);
	if (error)
		goto fail_cleaner;
	return 0;

fail_cleaner:
	pendi_custom_end(&runtime->registry);
fail_custom:
	(void)pend_map_destroy(runtime->deferrals);
	return error;
}

int pend_runtime_create(const struct pend_runtime_options *options, struct pend_runtime **runtime)
{
	struct pend_runtime_options given = pend_runtime_options_default();
	struct pend_allocator allocator;
	struct pend_runtime *made;
	int error = options && runtime ? 0 : -EFAULT;

	if (!error)
		error = pendi_options_read(&given, sizeof(given), RUNTIME_OPTIONS_SIZE_FIRST,
					   options);
	if (!error)
		error = check_runtime_options(&given);
	if (!error)
		error = pendi_options_allocator(&allocator, given.allocator);
	if (error)
		return error;
	made = pendi_memory_allocate(&allocator, sizeof(*made), _Alignof(struct pend_runtime));
	if (!made)
		return -ENOMEM;
	made->context_size = given.context_size;
	made->record_size = record_size_of(given.context_size);
	made->on_trace = given.on_trace;
	made->context = given.context;
	pendi_registry_init(&made->registry, given.engine, &allocator);
	error = build_runtime(made, &given);
	if (error) {
		free_runtime(made);
		return error;
	}
	*runtime = made;
	return 0;
}

int pend_runtime_destroy(struct pend_runtime *runtime)
{
	if (!runtime)
		return -EFAULT;
	if (pendi_frame_innermost || pendi_callback_innermost ||
	    pendi_engine_serving(runtime->registry.engine))
		return -EDEADLK;
	/* What was given back may still be on its way out. */
	(void)pendi_cleaner_flush(runtime);
	if (!pendi_registry_is_empty(&runtime->registry) || pend_map_count(runtime->deferrals))
		return -EBUSY;
	(void)pend_map_destroy(runtime->deferrals);
	pendi_custom_end(&runtime->registry);
	pendi_cleaner_end(runtime);
	free_runtime(runtime);
	return 0;
}

/* --- Counters --- */

/* In the order of enum pendi_runtime_counter. */
static void read_runtime_counters(const struct pend_runtime *runtime,
				  struct pend_runtime_stats *stats)
{
	uint64_t *const fields[PENDI_RUNTIME_COUNTERS] = {
		[PENDI_RUNTIME_PENDS] = &stats->pends,
		[PENDI_RUNTIME_COMPLETIONS] = &stats->completions,
		[PENDI_RUNTIME_MOVED] = &stats->moved,
		[PENDI_RUNTIME_SYNTHESIZED] = &stats->synthesized,
		[PENDI_RUNTIME_SYNTHESIZED_LOST] = &stats->synthesized_lost,
		[PENDI_RUNTIME_NOT_PENDED] = &stats->not_pended,
		[PENDI_RUNTIME_BAD_VERDICTS] = &stats->bad_verdicts,
		[PENDI_RUNTIME_DEFERRED] = &stats->deferred,
		[PENDI_RUNTIME_DEFER_REFUSED] = &stats->defer_refused,
		[PENDI_RUNTIME_REINVOKED] = &stats->reinvoked,
		[PENDI_RUNTIME_SKIPPED] = &stats->skipped,
		[PENDI_RUNTIME_READ_ONLY] = &stats->read_only,
		[PENDI_RUNTIME_HELPER_REFUSED] = &stats->helper_refused,
		[PENDI_RUNTIME_LOST_FUNCTION] = &stats->lost_function,
		[PENDI_RUNTIME_CANCELLED] = &stats->cancelled,
		[PENDI_RUNTIME_REINJECT_FAILED] = &stats->reinject_failed,
		[PENDI_RUNTIME_BACKEND_REFUSED] = &stats->backend_refused,
		[PENDI_RUNTIME_CONTINUATION_MISSING] = &stats->continuation_missing,
		[PENDI_RUNTIME_DISABLED] = &stats->disabled,
		[PENDI_RUNTIME_IDENTITIES] = &stats->identities,
		[PENDI_RUNTIME_IDENTITIES_RELEASED] = &stats->identities_released,
		[PENDI_RUNTIME_ATTACHMENTS] = &stats->attachments,
		[PENDI_RUNTIME_ATTACHMENTS_FREED] = &stats->attachments_freed,
	};
	uint64_t *const refusals[PENDI_REFUSALS] = {
		[PENDI_REFUSED_PROVIDER] = &stats->refused_providers,
		[PENDI_REFUSED_PROGRAM] = &stats->refused_programs,
		[PENDI_REFUSED_LINK] = &stats->refused_links,
		[PENDI_REFUSED_MAP] = &stats->refused_maps,
	};

	for (uint32_t i = 0; i < PENDI_RUNTIME_COUNTERS; i++)
		*fields[i] = pendi_tally_sum(&runtime->tally, i);
	for (uint32_t i = 0; i < PENDI_REFUSALS; i++)
		/* relaxed: a statistic. */
		*refusals[i] = pendi_load_relaxed(&runtime->registry.refusal_counts[i]);
	for (uint32_t i = 0; i < 64; i++)
		stats->age_ns[i] = pendi_tally_sum(&runtime->ages[i / 32], i % 32);
}

int pend_runtime_stats_read(struct pend_runtime *runtime, struct pend_runtime_stats *stats)
{
	struct pend_runtime_stats now = { .size = 0 };
	size_t bytes;

	if (!runtime || !stats)
		return -EFAULT;
	if (stats->size < RUNTIME_STATS_SIZE_FIRST)
		return -EINVAL;
	read_runtime_counters(runtime, &now);
	bytes = stats->size < sizeof(now) ? stats->size : sizeof(now);
	now.size = stats->size;
	memcpy(stats, &now, bytes);
	return 0;
}
