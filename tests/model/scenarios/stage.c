/* SPDX-License-Identifier: MIT */
/*
 * stage.c - a hook, its programs, its backend.
 */
#include "tests/model/scenarios/stage.h"

static const struct pend_uuid program_type = { { 1 } }, attach_type = { { 2 } };

struct stage stage;

/* ---- programs ---- */

static void take_snapshot(void)
{
	uint64_t *seen = stage.seen[stage.snapshots++ & 1];

	seen[0] = pend_frame_operation();
	seen[1] = bpf_get_smp_processor_id();
	seen[2] = bpf_get_prandom_u32();
	seen[3] = bpf_get_prandom_u32();
}

static int pend_passage(void)
{
	struct pend_value value = { PEND_VALUE_VERSION, sizeof(value), 0, 0 };
	struct pend_key key = pend_key_of(0);

	if (bpf_pend_operation(stage.map, &value, sizeof(value), &key, sizeof(key)))
		return PEND_VERDICT_PROCEED_SOFT;
	stage.pended++;
	return PEND_VERDICT_PEND;
}

static int play(void *context, void *data)
{
	struct passage *passage = context;
	struct role *role = data;
	int verdict = PEND_VERDICT_PROCEED_SOFT;

	MODEL_CHECK(!role->freed);
	role->inside++;
	model_yield();
	if (passage->pends > 1)
		take_snapshot();
	if (passage->stamps && passage->pends) {
		role->reruns++;
	} else {
		passage->stamps++;
		passage->stamp = role->number;
		role->runs++;
		if (passage->pends)
			verdict = pend_passage();
	}
	MODEL_CHECK(!role->freed);
	role->inside--;
	return verdict;
}

static void bury(void *data)
{
	struct role *role = data;

	MODEL_CHECK(role->inside == 0 && role->freed == 0);
	role->freed++;
}

static void load(uint32_t number)
{
	static const uint32_t helpers[] = { BPF_FUNC_pend_operation, BPF_FUNC_get_smp_processor_id,
					    BPF_FUNC_get_prandom_u32 };
	struct role *role = &stage.roles[number];
	const struct pend_program_options options = { .size = sizeof(options),
						      .name = "role",
						      .type = program_type,
						      .entry = play,
						      .data = role,
						      .helpers = helpers,
						      .helper_count = 3,
						      .on_free = bury };

	role->number = number;
	MODEL_CHECK(pend_program_load(stage.runtime, &options, &role->program) == 0);
}

void stage_give_back(uint32_t number)
{
	MODEL_CHECK(pend_program_close(stage.roles[number].program) == 0);
}

struct pend_link *stage_attach(uint32_t number)
{
	const struct pend_link_options options = { .size = sizeof(options),
						   .attach_type = attach_type };
	struct pend_link *link = NULL;

	MODEL_CHECK(pend_link_attach(stage.roles[number].program, &options, &link) == 0);
	stage_give_back(number);
	return link;
}

/* ---- the backend, and the stage ---- */

static int hold(void *backend, uint64_t operation, struct pend_map *map, uint64_t handle)
{
	(void)backend;
	(void)operation;
	stage.held++;
	stage.map_of_held = map;
	stage.handle = handle;
	return 0;
}

static void deliver(void *backend, uint64_t operation, const struct pend_completion *completion)
{
	(void)backend;
	(void)operation;
	stage.completed++;
	stage.action = completion->action;
	MODEL_CHECK(stage.completed <= stage.held);
}

static void drop(void *backend, uint64_t operation)
{
	(void)backend;
	(void)operation;
	model_violation(__FILE__, __LINE__, "nobody cancels");
}

static const struct pend_backend backend = {
	.header = PEND_HEADER(PEND_BACKEND_VERSION, struct pend_backend, owner_gone),
	.pend = hold,
	.complete = deliver,
	.owner_gone = drop,
};

static const struct pend_program_data type_data = {
	.header = PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_program_data, override_addresses),
	.name = "role",
	.context = { sizeof(struct passage), sizeof(struct passage), -1, -1 },
};

static void make_hook(void)
{
	const struct pend_provider_options provider = { .size = sizeof(provider),
							.kind = PEND_PROVIDER_PROGRAM,
							.id = program_type,
							.data = &type_data.header };
	const struct pend_hook_options hook = { .size = sizeof(hook),
						.name = "stage",
						.program_type = program_type,
						.attach_types = { attach_type },
						.attach_type_count = 1,
						.links_max = 2,
						.backend = &backend };

	MODEL_CHECK(pend_provider_register(stage.runtime, &provider, &stage.provider) == 0);
	MODEL_CHECK(pend_hook_create(stage.runtime, &hook, &stage.hook) == 0);
}

static void make_map(void)
{
	struct pend_map_options pends = pend_map_options_default();
	const struct pend_custom_map_options options = { .size = sizeof(options),
							 .type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
							 .key_size = sizeof(struct pend_key),
							 .value_size = sizeof(struct pend_value),
							 .max_entries = 2,
							 .extra = &pends };

	pends.flags = PEND_MAP_ENABLED;
	pends.deadline_ns = PEND_DEADLINE_NONE;
	MODEL_CHECK(pend_custom_map_create(stage.runtime, &options, &stage.map) == 0);
}

void stage_make(void)
{
	struct pend_engine_options engine = pend_engine_options_default();
	struct pend_runtime_options options = pend_runtime_options_default();

	engine.flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	engine.queue_entries = 16;
	MODEL_CHECK(pend_engine_create(&engine, &world.engine) == 0);
	MODEL_CHECK(pend_engine_enable(world.engine) == 0);
	options.engine = world.engine;
	MODEL_CHECK(pend_runtime_create(&options, &stage.runtime) == 0);
	make_hook();
	make_map();
	for (uint32_t i = 0; i < ROLES; i++)
		load(i);
	stage.link = stage_attach(0);
}

void stage_invoke(uint32_t number, uint64_t pends)
{
	struct pend_invocation invocation = { .context = &stage.passages[number],
					      .operation = number + 1,
					      .initial = PEND_VERDICT_PROCEED_SOFT };

	stage.lowest[number] = stage.newest;
	stage.passages[number].pends = pends;
	MODEL_CHECK(pend_hook_invoke(stage.hook, &invocation) == 0);
	stage.verdicts[number] = (int)invocation.verdict;
}

void stage_invoke_batch(void)
{
	struct pend_invocation invocations[2];

	for (uint32_t i = 0; i < 2; i++) {
		invocations[i] = (struct pend_invocation){ .context = &stage.passages[i + 1],
							   .operation = i + 1,
							   .initial = PEND_VERDICT_PROCEED_SOFT };
		stage.lowest[i + 1] = stage.newest;
	}
	MODEL_CHECK(pend_hook_invoke_batch(stage.hook, invocations, 2) == 2);
}

int stage_update(uint32_t number, enum pend_outstanding outstanding, uint32_t flags)
{
	struct pend_link_update_options options = { .size = sizeof(options),
						    .flags = flags,
						    .outstanding = outstanding };
	const int result = pend_link_update(stage.link, stage.roles[number].program, &options);

	if (result == 0 && stage.newest < number)
		stage.newest = number;
	return result;
}

void stage_serve(void)
{
	for (uint32_t round = 0; round < 4; round++)
		world_poll_all();
}

/* All that was attached goes, and each program is freed once. */
void stage_strike(void)
{
	stage_serve();
	MODEL_CHECK(stage.held == stage.pended && stage.completed == stage.held);
	if (stage.link) {
		MODEL_CHECK(pend_link_detach(stage.link, PEND_OUTSTANDING_FINISH) == 0);
		MODEL_CHECK(pend_link_close(stage.link) == 0);
	}
	if (stage.other) {
		MODEL_CHECK(pend_link_detach(stage.other, PEND_OUTSTANDING_FINISH) == 0);
		MODEL_CHECK(pend_link_close(stage.other) == 0);
	}
	stage_serve();
	MODEL_CHECK(pend_hook_destroy(stage.hook) == 0);
	for (uint32_t i = 0; i < ROLES; i++)
		MODEL_CHECK(stage.roles[i].freed == 1);
}
