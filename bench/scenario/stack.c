/* SPDX-License-Identifier: MIT */
/*
 * stack.c - the whole stack of a probe: engine, runtime, hook, backend, a chain of programs.
 */
#include "bench/scenario/stack.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "bench/measure/clock.h"
#include "bench/scenario/bench_map.h"

#define PATIENCE_NS 20000000000u

/* ---- the backend ---- */

static int hold(void *backend, uint64_t operation, struct pend_map *map, uint64_t handle)
{
	(void)backend, (void)operation, (void)map, (void)handle;
	return 0;
}

static void complete(void *backend, uint64_t operation, const struct pend_completion *completion)
{
	struct bench_stack *stack = backend;

	(void)operation, (void)completion;
	stack->completed++;
}

static void owner_gone(void *backend, uint64_t operation)
{
	(void)backend, (void)operation;
}

static const struct pend_backend backend = {
	.header = PEND_HEADER(PEND_BACKEND_VERSION, struct pend_backend, owner_gone),
	.pend = hold,
	.complete = complete,
	.owner_gone = owner_gone,
};

static const struct pend_program_data type = {
	.header = PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_program_data, override_addresses),
	.name = "bench",
	.context = { .size = sizeof(struct bpf_sock_addr),
		     .saved_size = sizeof(struct pend_sock_addr_context),
		     .data = offsetof(struct bpf_sock_addr, data),
		     .end = offsetof(struct bpf_sock_addr, data_end) },
};
static const struct pend_uuid type_id = { "bench, type" }, hook_id = { "bench, hook" };

/* ---- up ---- */

static int open_runtime(struct bench_stack *stack)
{
	struct pend_engine_options engine = pend_engine_options_default();
	struct pend_runtime_options runtime = pend_runtime_options_default();
	const struct pend_provider_options offer = { .size = sizeof(offer),
						     .kind = PEND_PROVIDER_PROGRAM,
						     .id = type_id,
						     .data = &type.header };
	int error;

	engine.flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	error = pend_engine_create(&engine, &stack->engine);
	if (error)
		return error;
	runtime.engine = stack->engine;
	error = pend_engine_enable(stack->engine);
	error = error ? error : pend_runtime_create(&runtime, &stack->runtime);
	return error ? error : pend_provider_register(stack->runtime, &offer, &stack->type);
}

static int open_map(struct bench_stack *stack, const struct bench_setting *setting)
{
	struct pend_map_options pends = bench_map_options(setting);
	const uint32_t room = setting->size ? (uint32_t)setting->size : 1024;
	const struct pend_custom_map_options options = {
		.size = sizeof(options),
		.type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
		.key_size = sizeof(struct pend_key),
		.value_size = sizeof(struct pend_value),
		.max_entries = room,
		.extra = &pends,
	};

	pends.max_entries = room;
	return pend_custom_map_create(stack->runtime, &options, &stack->map);
}

static int open_hook(struct bench_stack *stack, uint32_t flags)
{
	const struct pend_hook_options options = {
		.size = sizeof(options),
		.flags = flags,
		.name = "bench",
		.program_type = type_id,
		.attach_types = { hook_id },
		.attach_type_count = 1,
		.links_max = PEND_HOOK_LINKS_MAX,
		.backend = &backend,
		.backend_context = stack,
	};

	return pend_hook_create(stack->runtime, &options, &stack->hook);
}

static int attach(struct bench_stack *stack, uint32_t number, pend_program_fn entry, bool pends)
{
	static const uint32_t helpers[] = { BPF_FUNC_pend_operation };
	const struct pend_program_options program = { .size = sizeof(program),
						      .name = "bench",
						      .type = type_id,
						      .entry = entry,
						      .data = &stack->rules[number],
						      .helpers = helpers,
						      .helper_count = pends };
	const struct pend_link_options link = {
		.size = sizeof(link),
		.attach_type = hook_id,
	};
	int error = pend_program_load(stack->runtime, &program, &stack->programs[number]);

	if (error)
		return error;
	stack->entries[number] = entry;
	stack->rules[number].map = stack->map;
	stack->rules[number].port = UINT32_MAX;
	return pend_link_attach(stack->programs[number], &link, &stack->links[number]);
}

/* ---- down ---- */

void bench_stack_settle(struct bench_stack *stack)
{
	const uint64_t until_ns = bench_clock_ns() + PATIENCE_NS;
	struct pend_map *map = pend_custom_map_pends(stack->map);

	while (pend_map_count(map) > 0 && bench_clock_ns() < until_ns)
		for (uint32_t cpu = 0; pend_engine_poll(stack->engine, cpu, 1024) >= 0; cpu++)
			continue;
}

/* Destroys what there is. 0, or the first error. */
static int take_down(struct bench_stack *stack)
{
	int error = 0, next;

	for (uint32_t i = 0; i < PEND_HOOK_LINKS_MAX; i++) {
		if (stack->links[i]) {
			next = pend_link_detach(stack->links[i], PEND_OUTSTANDING_FINISH);
			error = error ? error : next;
			next = pend_link_close(stack->links[i]);
			error = error ? error : next;
		}
		next = stack->programs[i] ? pend_program_close(stack->programs[i]) : 0;
		error = error ? error : next;
	}
	next = stack->hook ? pend_hook_destroy(stack->hook) : 0;
	error = error ? error : next;
	next = stack->map ? pend_custom_map_close(stack->map) : 0;
	error = error ? error : next;
	next = stack->type ? pend_provider_unregister(stack->type, NULL, NULL) : 0;
	error = error ? error : next;
	next = stack->runtime ? pend_runtime_destroy(stack->runtime) : 0;
	error = error ? error : next;
	next = stack->engine ? pend_engine_destroy(stack->engine) : 0;
	return error ? error : next;
}

int bench_stack_open(struct bench_stack *stack, const struct bench_setting *setting,
		     uint32_t hook_flags, uint32_t count, pend_program_fn entry,
		     pend_program_fn last)
{
	int error;

	memset(stack, 0, sizeof(*stack));
	stack->count = count;
	error = open_runtime(stack);
	error = error ? error : open_map(stack, setting);
	error = error ? error : open_hook(stack, hook_flags);
	for (uint32_t i = 0; i < count && !error; i++)
		error = attach(stack, i, i + 1 < count ? entry : last,
			       i + 1 == count && last != entry);
	if (error)
		(void)take_down(stack);
	return error;
}

/* Whether all that was asked ran, and all that was pended came to its end, by everybody's account. */
static int audit(struct bench_stack *stack, struct bench_sample *sample, uint64_t runs)
{
	struct pend_map_stats map = { .size = sizeof(map) };
	struct pend_runtime_stats runtime = { .size = sizeof(runtime) };
	int error = pend_map_stats_read(pend_custom_map_pends(stack->map), &map);

	error = error ? error : pend_runtime_stats_read(stack->runtime, &runtime);
	if (error)
		return error;
	sample->account.pends = map.pends;
	sample->account.completions = map.completions;
	sample->account.live = map.live;
	if (map.live != 0)
		return bench_sample_wrong(sample, "%llu are live, but none should be",
					  (unsigned long long)map.live);
	if (runtime.pends != map.pends || runtime.completions != map.completions ||
	    stack->completed != map.completions)
		return bench_sample_wrong(sample,
					  "the map ended %llu operations, the runtime %llu, the "
					  "backend was told of %llu",
					  (unsigned long long)map.completions,
					  (unsigned long long)runtime.completions,
					  (unsigned long long)stack->completed);
	for (uint32_t i = 0; i < stack->count; i++) {
		struct pend_program_info info = { .size = sizeof(info) };

		error = pend_program_info_read(stack->programs[i], &info);
		if (error || info.runs != runs)
			return bench_sample_wrong(sample, "program %u ran %llu times, not %llu", i,
						  (unsigned long long)info.runs,
						  (unsigned long long)runs);
	}
	return 0;
}

int bench_stack_close(struct bench_stack *stack, struct bench_sample *sample, uint64_t runs)
{
	int error;

	bench_stack_settle(stack);
	error = audit(stack, sample, runs);
	if (take_down(stack) && !error)
		error = bench_sample_wrong(sample, "the stack cannot be taken down");
	return error;
}
