/* SPDX-License-Identifier: MIT */
/*
 * gate.c - makes and ends a hook, with an engine, a runtime, a type of programs and a map.
 */
#include "stress/gate.h"

#include <errno.h>
#include <string.h>

#define SETTLE_NS (10 * NS_PER_S)

static const struct pend_uuid type_id = { "stress, type" }, point_id = { "stress, hook" };

void gate_must(int status, const char *what)
{
	if (status)
		stress_bail("%s: %s", what, strerror(-status));
}

static void open_hook(struct gate *gate, const struct gate_options *options)
{
	const struct pend_provider_options offer = { .size = sizeof(offer),
						     .kind = PEND_PROVIDER_PROGRAM,
						     .id = type_id,
						     .data = &gate->program_type.header };
	const struct pend_hook_options hook = { .size = sizeof(hook),
						.name = "question",
						.program_type = type_id,
						.attach_types = { point_id },
						.attach_type_count = 1,
						.links_max = options->links_max,
						.backend = options->backend,
						.backend_context = options->backend_context };

	gate->program_type = (struct pend_program_data){
		.header = PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_program_data,
				      override_addresses),
		.name = "question",
		.context = { options->context_size, options->context_size, -1, -1 },
	};
	gate_must(pend_provider_register(gate->runtime, &offer, &gate->type), "provider");
	gate_must(pend_hook_create(gate->runtime, &hook, &gate->hook), "pend_hook_create");
}

static void open_map(struct gate *gate, const struct gate_options *options)
{
	struct pend_map_options pends = pend_map_options_default();
	const struct pend_custom_map_options map = { .size = sizeof(map),
						     .type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
						     .key_size = sizeof(struct pend_key),
						     .value_size = sizeof(struct pend_value),
						     .max_entries = options->entries,
						     .extra = &pends };

	pends.scratch_size = options->scratch_size;
	pends.deadline_ns = options->deadline_ns;
	gate_must(pend_custom_map_create(gate->runtime, &map, &gate->pends), "map");
	gate_must(pend_map_enable(pend_custom_map_pends(gate->pends)), "pend_map_enable");
}

void gate_open(struct gate *gate, const struct gate_options *options, const struct stress *stress)
{
	const struct pend_engine_options engine = stress_engine_options(stress);
	struct pend_runtime_options runtime = pend_runtime_options_default();

	gate_must(pend_engine_create(&engine, &gate->engine), "pend_engine_create");
	gate_must(pend_engine_enable(gate->engine), "pend_engine_enable");
	runtime.engine = gate->engine;
	gate_must(pend_runtime_create(&runtime, &gate->runtime), "pend_runtime_create");
	open_hook(gate, options);
	open_map(gate, options);
}

struct pend_program *gate_load(struct gate *gate, pend_program_fn entry, void *data,
			       const uint32_t *helpers, uint32_t helper_count,
			       void (*on_free)(void *data))
{
	const struct pend_program_options options = { .size = sizeof(options),
						      .name = "stressed",
						      .type = type_id,
						      .entry = entry,
						      .data = data,
						      .helpers = helpers,
						      .helper_count = helper_count,
						      .on_free = on_free };
	struct pend_program *program;

	gate_must(pend_program_load(gate->runtime, &options, &program), "pend_program_load");
	return program;
}

struct pend_link *gate_attach(struct pend_program *program, uint32_t compartment)
{
	const struct pend_link_options options = { .size = sizeof(options),
						   .attach_type = point_id,
						   .compartment = compartment };
	struct pend_link *link;

	gate_must(pend_link_attach(program, &options, &link), "pend_link_attach");
	return link;
}

void gate_decide(struct gate *gate, uint64_t handle, enum pend_action action)
{
	int status = pend_map_complete(pend_custom_map_pends(gate->pends), handle, action);

	if (status && status != -EALREADY && status != -ENOENT && status != -ELOOP)
		stress_bail("pend_map_complete: %s", strerror(-status));
}

static struct pend_map_stats stats_of(struct gate *gate)
{
	struct pend_map_stats stats = { .size = sizeof(stats) };

	gate_must(pend_map_stats_read(pend_custom_map_pends(gate->pends), &stats), "stats");
	return stats;
}

struct pend_map_stats gate_settle(struct gate *gate)
{
	const uint64_t give_up_ns = stress_now_ns() + stress_patience_ns(SETTLE_NS);
	struct pend_map_stats stats = stats_of(gate);

	while (stats.live && stress_now_ns() < give_up_ns) {
		stress_sleep_ns(NS_PER_MS);
		stats = stats_of(gate);
	}
	return stats;
}

void gate_close(struct gate *gate, struct stress *stress)
{
	const uint64_t give_up_ns = stress_now_ns() + stress_patience_ns(SETTLE_NS);
	int status = pend_hook_destroy(gate->hook);

	/* What was detached may still be on its way out. */
	while (status == -EBUSY && stress_now_ns() < give_up_ns) {
		stress_sleep_ns(NS_PER_MS);
		status = pend_hook_destroy(gate->hook);
	}
	stress_check(stress, status == 0, "the hook is destroyed (%d)", status);
	gate_must(pend_custom_map_close(gate->pends), "pend_custom_map_close");
	gate_must(pend_provider_unregister(gate->type, NULL, NULL), "provider");
	gate_must(pend_runtime_destroy(gate->runtime), "pend_runtime_destroy");
	gate_must(pend_engine_destroy(gate->engine), "pend_engine_destroy");
}
