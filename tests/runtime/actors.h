/* SPDX-License-Identifier: MIT */
/*
 * actors.h - a stage for tests of programs, hooks and links: an engine that the test polls, a
 * runtime, a program type, a hook, and programs that note what happens to them.
 *
 * An actor is a program's data: it counts its runs, knows whether it was freed, and does on stage what
 * the test tells it to. Who ran, in which order, is on the bill.
 */
#ifndef TESTS_RUNTIME_ACTORS_H
#define TESTS_RUNTIME_ACTORS_H

#include "engine/runtime/runtime_internal.h"
#include "tests/map/manual.h"

#define ACTOR_OWN_HELPER (PEND_HELPER_TYPE_BASE + 1)  /* of the type */
#define ACTOR_PEND_HELPER (PEND_HELPER_TYPE_BASE + 2) /* ... which pends */

struct actor {
	struct pend_program *program;
	uint32_t runs, freed;
	int verdict;
	int (*act)(struct actor *actor, void *context); /* NULL: returns verdict */
	struct pend_custom_map *map;                    /* where it pends */
	struct pend_link *link;                         /* its own, for acts that touch it */
	int error;                                      /* what an act ran into */
};

struct scene {
	uint64_t first, second;
};

static struct {
	struct pend_engine *engine;
	struct pend_runtime *runtime;
	struct pend_provider *type;
	struct pend_hook *hook;
	struct {
		struct actor *ran[64];
		uint32_t count;
	} bill;
	/* The backend's. */
	uint32_t held, completed;
	enum pend_action action;
} stage;

static inline struct pend_uuid uuid_of(uint8_t number)
{
	return (struct pend_uuid){ { number, 1 } };
}

enum { TYPE = 1, OTHER_TYPE = 2, HERE = 3, ELSEWHERE = 4 };

/* ---- the type ---- */

static inline uint64_t actor_helper(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	return a + b + c + d + e;
}

static const struct pend_helper_prototype actor_prototypes[] = {
	{ PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_helper_prototype, flags),
	  ACTOR_OWN_HELPER,
	  "own",
	  PEND_RETURN_INTEGER,
	  { PEND_ARGUMENT_ANYTHING },
	  0 },
	{ PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_helper_prototype, flags),
	  ACTOR_PEND_HELPER,
	  "own_pend",
	  PEND_RETURN_INTEGER,
	  { 0 },
	  PEND_HELPER_PENDS },
};
static const pend_helper_fn actor_addresses[] = { actor_helper, actor_helper };
static const uint32_t actor_override_ids[] = { BPF_FUNC_get_prandom_u32 };

static const struct pend_program_data actor_type = {
	.header = PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_program_data, override_addresses),
	.name = "actor",
	.context = { sizeof(struct scene), sizeof(struct scene), -1, -1 },
	.helper_count = 2,
	.helpers = actor_prototypes,
	.helper_addresses = actor_addresses,
	.override_count = 1,
	.override_ids = actor_override_ids,
	.override_addresses = actor_addresses,
};

static inline struct pend_provider *provide_type(uint8_t number,
						 const struct pend_program_data *data)
{
	const struct pend_provider_options options = { .size = sizeof(options),
						       .kind = PEND_PROVIDER_PROGRAM,
						       .id = uuid_of(number),
						       .data = &data->header };
	struct pend_provider *provider = NULL;

	cr_assert_eq(pend_provider_register(stage.runtime, &options, &provider), 0);
	return provider;
}

/* ---- the backend ---- */

static inline int stage_pend(void *backend, uint64_t operation, struct pend_map *map,
			     uint64_t handle)
{
	(void)backend;
	(void)operation;
	(void)map;
	(void)handle;
	stage.held++;
	return 0;
}

static inline void stage_complete(void *backend, uint64_t operation,
				  const struct pend_completion *completion)
{
	(void)backend;
	(void)operation;
	stage.completed++;
	stage.action = completion->action;
}

static inline void stage_owner_gone(void *backend, uint64_t operation)
{
	(void)backend;
	(void)operation;
	stage.completed++;
}

static const struct pend_backend stage_backend = {
	.header = PEND_HEADER(PEND_BACKEND_VERSION, struct pend_backend, owner_gone),
	.pend = stage_pend,
	.complete = stage_complete,
	.owner_gone = stage_owner_gone,
};

/* ---- the stage ---- */

static inline struct pend_hook_options hook_options(void)
{
	return (struct pend_hook_options){ .size = sizeof(struct pend_hook_options),
					   .name = "stage",
					   .program_type = uuid_of(TYPE),
					   .attach_types = { uuid_of(HERE) },
					   .attach_type_count = 1,
					   .links_max = PEND_HOOK_LINKS_MAX,
					   .backend = &stage_backend };
}

static inline struct pend_hook *make_hook(const struct pend_hook_options *options)
{
	struct pend_hook *hook = NULL;

	cr_assert_eq(pend_hook_create(stage.runtime, options, &hook), 0);
	return hook;
}

/* An engine, a runtime, the type; no hook. */
static inline void build_stage(void)
{
	struct pend_runtime_options options = pend_runtime_options_default();

	stage.engine = make_engine();
	options.engine = stage.engine;
	cr_assert_eq(pend_runtime_create(&options, &stage.runtime), 0);
	stage.type = provide_type(TYPE, &actor_type);
}

/* The same with a hook of these flags. */
static inline void build_stage_with_hook(uint32_t flags)
{
	struct pend_hook_options options = hook_options();

	build_stage();
	options.flags = flags;
	stage.hook = make_hook(&options);
}

/* Nothing may be left: that is checked. */
static inline void strike_stage(void)
{
	if (stage.hook)
		cr_assert_eq(pend_hook_destroy(stage.hook), 0);
	cr_assert_eq(pend_provider_unregister(stage.type, NULL, NULL), 0);
	cr_assert_eq(pend_runtime_destroy(stage.runtime), 0);
	destroy_engine(stage.engine);
}

/* What waits for readers is cleaned: there are none. */
static inline void let_clean(void)
{
	cr_assert(pendi_cleaner_flush(stage.runtime));
}

/* Time goes on until *@sign is set, or for long enough: the engine alone sees to what waits. */
static inline void await_sign(const uint32_t *sign)
{
	for (uint32_t ticks = 0; ticks < 20 && !*sign; ticks++) {
		let_reclaim();
		pass_time(stage.engine, MS, MS);
	}
}

static inline struct pend_runtime_stats runtime_stats(void)
{
	struct pend_runtime_stats stats = { .size = sizeof(stats) };

	cr_assert_eq(pend_runtime_stats_read(stage.runtime, &stats), 0);
	return stats;
}

/* ---- actors ---- */

static inline int actor_run(void *context, void *data)
{
	struct actor *actor = data;

	cr_assert_eq(actor->freed, 0, "it ran after it was freed");
	cr_assert_lt(stage.bill.count, 64u);
	stage.bill.ran[stage.bill.count++] = actor;
	actor->runs++;
	return actor->act ? actor->act(actor, context) : actor->verdict;
}

static inline void actor_freed(void *data)
{
	((struct actor *)data)->freed++;
}

/* An act: pends in the actor's map. */
static inline int act_pend(struct actor *actor, void *context)
{
	struct pend_value value = { PEND_VALUE_VERSION, sizeof(value), 0, 0 };
	struct pend_key key = pend_key_of(0);

	(void)context;
	actor->error = bpf_pend_operation(actor->map, &value, sizeof(value), &key, sizeof(key));
	return actor->error ? PEND_VERDICT_REJECT : PEND_VERDICT_PEND;
}

static inline struct pend_program_options program_options(struct actor *actor)
{
	return (struct pend_program_options){ .size = sizeof(struct pend_program_options),
					      .name = "actor",
					      .type = uuid_of(TYPE),
					      .entry = actor_run,
					      .data = actor,
					      .on_free = actor_freed };
}

static inline void load_with(struct actor *actor, const struct pend_program_options *options)
{
	cr_assert_eq(pend_program_load(stage.runtime, options, &actor->program), 0);
}

static inline void load(struct actor *actor)
{
	const struct pend_program_options options = program_options(actor);

	load_with(actor, &options);
}

static const uint32_t pend_helpers[] = { BPF_FUNC_pend_operation };

/* One that pends in @map. */
static inline void load_pender(struct actor *actor, struct pend_custom_map *map)
{
	struct pend_program_options options = program_options(actor);

	options.helpers = pend_helpers;
	options.helper_count = 1;
	actor->act = act_pend;
	actor->map = map;
	load_with(actor, &options);
}

static inline void unload(struct actor *actor)
{
	cr_assert_eq(pend_program_close(actor->program), 0);
}

static inline struct pend_program_info program_info(const struct actor *actor)
{
	struct pend_program_info info = { .size = sizeof(info) };

	cr_assert_eq(pend_program_info_read(actor->program, &info), 0);
	return info;
}

/* ---- links ---- */

static inline struct pend_link_options link_options(void)
{
	return (struct pend_link_options){ .size = sizeof(struct pend_link_options),
					   .attach_type = uuid_of(HERE) };
}

static inline struct pend_link *attach_in(struct actor *actor, uint32_t compartment)
{
	struct pend_link_options options = link_options();
	struct pend_link *link = NULL;

	options.compartment = compartment;
	cr_assert_eq(pend_link_attach(actor->program, &options, &link), 0);
	return link;
}

static inline struct pend_link *attach(struct actor *actor)
{
	return attach_in(actor, PEND_COMPARTMENT_ANY);
}

static inline void detach(struct pend_link *link)
{
	cr_assert_eq(pend_link_detach(link, PEND_OUTSTANDING_FINISH), 0);
}

static inline void close_link(struct pend_link *link)
{
	cr_assert_eq(pend_link_close(link), 0);
}

static inline struct pend_link_info link_info(struct pend_link *link)
{
	struct pend_link_info info = { .size = sizeof(info) };

	cr_assert_eq(pend_link_info_read(link, &info), 0);
	return info;
}

/* ---- invoking ---- */

static inline enum pend_verdict invoke_in(uint32_t compartment)
{
	struct scene scene = { 1, 2 };
	struct pend_invocation invocation = { .context = &scene,
					      .operation = 7,
					      .compartment = compartment,
					      .initial = PEND_VERDICT_PROCEED_SOFT };

	stage.bill.count = 0;
	cr_assert_eq(pend_hook_invoke(stage.hook, &invocation), 0);
	return invocation.verdict;
}

static inline enum pend_verdict invoke(void)
{
	return invoke_in(0);
}

static inline void assert_bill(const struct actor *const *actors, uint32_t count)
{
	cr_assert_eq(stage.bill.count, count);
	for (uint32_t i = 0; i < count; i++)
		cr_assert_eq(stage.bill.ran[i], actors[i], "place %u", i);
}

#define ASSERT_BILL(...)                                          \
	assert_bill((const struct actor *const[]){ __VA_ARGS__ }, \
		    sizeof((const struct actor *const[]){ __VA_ARGS__ }) / sizeof(void *))

/* ---- pending ---- */

static inline struct pend_custom_map *make_pends(void)
{
	struct pend_map_options pends = pend_map_options_default();
	const struct pend_custom_map_options options = { .size = sizeof(options),
							 .type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
							 .key_size = sizeof(struct pend_key),
							 .value_size = sizeof(struct pend_value),
							 .max_entries = 64,
							 .extra = &pends };
	struct pend_custom_map *map = NULL;

	pends.flags = PEND_MAP_ENABLED;
	pends.deadline_ns = PEND_DEADLINE_NONE;
	pends.rerun_limit = 4;
	cr_assert_eq(pend_custom_map_create(stage.runtime, &options, &map), 0);
	return map;
}

/* The handle of the only operation that is pended in @map. */
static inline uint64_t only_handle(struct pend_custom_map *map)
{
	struct pend_cursor cursor = { 0 };
	struct pend_info infos[2];

	cr_assert_eq(pend_map_scan(pend_custom_map_pends(map), &cursor, infos, NULL, 2), 1);
	return infos[0].handle;
}

/* Decides the only one, and has that delivered. */
static inline void decide(struct pend_custom_map *map, enum pend_action action)
{
	cr_assert_eq(pend_map_complete(pend_custom_map_pends(map), only_handle(map), action), 0);
	(void)serve_all(stage.engine);
}

#endif
