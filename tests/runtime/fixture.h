/* SPDX-License-Identifier: MIT */
/*
 * fixture.h - a runtime on the scripted machine, a backend that writes down what it is told, and
 * programs that the test plays.
 *
 *	stage     engine (polled: nothing runs but in serve()), runtime, one hook, two pend maps
 *	backend   per operation how often each function was called, and in which order
 *	actor     a program: play(), or its verdict
 *
 * That a completion never comes while the operation's frame is open is checked in every test: the
 * backend knows which operation is being asked about (guarantee B). stage_end() checks that
 * everything balances (guarantees A and I).
 */
#ifndef TESTS_RUNTIME_FIXTURE_H
#define TESTS_RUNTIME_FIXTURE_H

#include "tests/map/manual.h"

#include "engine/runtime/runtime_internal.h"

enum { OPERATIONS = 64, ACTORS = 8, TRACES = 32 };

/* A context: programs see what is before `hidden`, their helpers all of it. */
struct scene {
	uint64_t question, answer;
	const void *data, *end;
	uint64_t hidden;
};

/* One operation as the backend knows it. */
struct deed {
	char told[24]; /* p k a c r d g m: pend, clone, abort, complete, ... */
	enum pend_action action;
	enum pend_origin origin;
	uint64_t completed_handle;
	struct pend_map *map; /* where it is pended */
	uint64_t handle;
	bool open; /* it is being asked about */
};

struct stage;

struct actor {
	struct stage *stage;
	int (*play)(struct actor *actor, struct scene *scene); /* NULL: just the verdict */
	int verdict;
	uint32_t runs;
	struct scene seen;           /* at the beginning of its last run */
	struct pend_custom_map *map; /* to pend in */
	struct pend_key key;
	int result;
	struct pend_program *program;
	struct pend_link *link;
};

struct stage {
	struct pend_engine *engine;
	struct pend_runtime *runtime;
	struct pend_provider *type;
	struct pend_hook *hook;
	struct pend_custom_map *pends, *others; /* of the pend type */
	struct pend_custom_map *completes;      /* of the complete type */
	struct actor actors[ACTORS];
	struct deed deeds[OPERATIONS];
	struct pend_trace traces[TRACES];
	uint32_t trace_count;
	/* What the backend does when it is asked. */
	int pend_error, clone_error, reinject_error;
	bool payloads; /* operations have one: "payload" */
	int copies;    /* not yet given back */
};

/* What the programs of the stage pend: a value with a field of its own. */
struct stage_value {
	struct pend_value head;
	uint64_t own;
};

static const struct pend_uuid stage_type = { { 't', 'y', 'p', 'e' } };
static const struct pend_uuid stage_attach = { { 'h', 'o', 'o', 'k' } };
static const struct pend_uuid stage_attach_other = { { 'o', 't', 'h', 'e', 'r' } };
static const char stage_payload[] = "payload";

/* ---- the backend ---- */

static inline struct deed *deed_of(struct stage *stage, uint64_t operation)
{
	cr_assert_lt(operation, (uint64_t)OPERATIONS);
	return &stage->deeds[operation];
}

static inline void deed_tell(struct stage *stage, uint64_t operation, char what)
{
	struct deed *deed = deed_of(stage, operation);
	const size_t at = strlen(deed->told);

	cr_assert_lt(at, sizeof(deed->told) - 1);
	deed->told[at] = what;
	if (what == 'c' || what == 'g')
		cr_assert(!deed->open, "told while its frame is open");
}

static inline int backend_pend(void *context, uint64_t operation, struct pend_map *map,
			       uint64_t handle)
{
	struct stage *stage = context;
	struct deed *deed = deed_of(stage, operation);

	deed_tell(stage, operation, 'p');
	cr_assert_eq(pend_map_read(map, handle, NULL, NULL), -ENOENT, "nobody can see it yet");
	if (stage->pend_error)
		return stage->pend_error;
	deed->map = map;
	deed->handle = handle;
	return 0;
}

static inline int backend_clone(void *context, uint64_t operation, struct pend_payload *payload)
{
	struct stage *stage = context;

	if (!stage->payloads)
		return 0;
	deed_tell(stage, operation, 'k');
	if (stage->clone_error)
		return stage->clone_error;
	stage->copies++;
	*payload = (struct pend_payload){ stage_payload, sizeof(stage_payload), operation + 1 };
	return 0;
}

static inline void backend_complete(void *context, uint64_t operation,
				    const struct pend_completion *completion)
{
	struct deed *deed = deed_of(context, operation);

	deed_tell(context, operation, 'c');
	deed->action = completion->action;
	deed->origin = completion->origin;
	deed->completed_handle = completion->handle;
}

static inline int backend_reinject(void *context, uint64_t operation,
				   const struct pend_payload *payload)
{
	struct stage *stage = context;

	deed_tell(stage, operation, 'r');
	cr_assert_eq(payload->token, operation + 1);
	if (stage->reinject_error)
		return stage->reinject_error;
	stage->copies--;
	return 0;
}

static inline void backend_discard(void *context, const struct pend_payload *payload)
{
	struct stage *stage = context;

	deed_tell(stage, payload->token - 1, 'd');
	cr_assert_eq(payload->data, stage_payload);
	stage->copies--;
}

static inline void backend_abort(void *context, uint64_t operation)
{
	deed_tell(context, operation, 'a');
}

static inline void backend_owner_gone(void *context, uint64_t operation)
{
	deed_tell(context, operation, 'g');
}

static inline void backend_moved(void *context, uint64_t operation, struct pend_map *map,
				 uint64_t handle)
{
	struct deed *deed = deed_of(context, operation);

	deed_tell(context, operation, 'm');
	deed->map = map;
	deed->handle = handle;
}

static const struct pend_backend stage_backend = {
	.header = PEND_HEADER(PEND_BACKEND_VERSION, struct pend_backend, moved),
	.pend = backend_pend,
	.complete = backend_complete,
	.clone = backend_clone,
	.reinject = backend_reinject,
	.discard = backend_discard,
	.abort = backend_abort,
	.owner_gone = backend_owner_gone,
	.moved = backend_moved,
};

/* ---- the program type ---- */

static inline uint64_t stage_helper(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	const struct scene *scene = pend_frame_context();

	(void)b;
	(void)c;
	(void)d;
	(void)e;
	return scene ? scene->hidden + a : 0;
}

enum { STAGE_HELPER = PEND_HELPER_TYPE_BASE + 1 };

static const struct pend_helper_prototype stage_helpers[] = {
	{ .header = PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_helper_prototype, flags),
	  .id = STAGE_HELPER,
	  .name = "stage_helper",
	  .arguments = { PEND_ARGUMENT_ANYTHING },
	  .flags = PEND_HELPER_IMPLICIT_CONTEXT },
};
static const pend_helper_fn stage_addresses[] = { stage_helper };

static const struct pend_program_data stage_program_data = {
	.header = PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_program_data, override_addresses),
	.name = "stage",
	.context = { .size = offsetof(struct scene, hidden),
		     .saved_size = sizeof(struct scene),
		     .data = offsetof(struct scene, data),
		     .end = offsetof(struct scene, end) },
	.helper_count = 1,
	.helpers = stage_helpers,
	.helper_addresses = stage_addresses,
};

/* ---- the stage ---- */

static inline void stage_trace(void *context, const struct pend_trace *trace)
{
	struct stage *stage = context;

	cr_assert_lt(stage->trace_count, (uint32_t)TRACES);
	stage->traces[stage->trace_count++] = *trace;
}

static inline struct pend_custom_map *stage_map(struct stage *stage, uint32_t type,
						const struct pend_map_options *extra)
{
	const struct pend_custom_map_options options = {
		.size = sizeof(options),
		.type = type,
		.key_size = sizeof(struct pend_key),
		.value_size = type == BPF_MAP_TYPE_NET_EBPF_EXT_PEND
				      ? sizeof(struct stage_value)
				      : sizeof(struct pend_complete_entry),
		.max_entries = 16,
		.extra = extra,
	};
	struct pend_custom_map *map = NULL;

	cr_assert_eq(pend_custom_map_create(stage->runtime, &options, &map), 0);
	return map;
}

static inline void stage_make_hook(struct stage *stage, uint32_t flags, enum pend_hook_loss loss)
{
	const struct pend_hook_options options = {
		.size = sizeof(options),
		.flags = flags,
		.name = "stage",
		.program_type = stage_type,
		.attach_types = { stage_attach, stage_attach_other },
		.attach_type_count = 2,
		.links_max = 16,
		.on_orchestrator_loss = loss,
		.backend = &stage_backend,
		.backend_context = stage,
	};

	cr_assert_eq(pend_hook_create(stage->runtime, &options, &stage->hook), 0);
}

static inline void stage_begin_with(struct stage *stage, uint32_t flags, enum pend_hook_loss loss)
{
	struct pend_runtime_options options = pend_runtime_options_default();
	const struct pend_provider_options type = {
		.size = sizeof(type),
		.kind = PEND_PROVIDER_PROGRAM,
		.id = stage_type,
		.data = &stage_program_data.header,
	};
	struct pend_map_options extra = pend_map_options_default();

	memset(stage, 0, sizeof(*stage));
	stage->engine = make_engine();
	options.engine = stage->engine;
	options.on_trace = stage_trace;
	options.context = stage;
	cr_assert_eq(pend_runtime_create(&options, &stage->runtime), 0);
	cr_assert_eq(pend_provider_register(stage->runtime, &type, &stage->type), 0);
	stage_make_hook(stage, flags, loss);
	extra.flags = PEND_MAP_ENABLED;
	extra.scratch_size = 32;
	stage->pends = stage_map(stage, BPF_MAP_TYPE_NET_EBPF_EXT_PEND, &extra);
	stage->others = stage_map(stage, BPF_MAP_TYPE_NET_EBPF_EXT_PEND, NULL);
	stage->completes = stage_map(stage, BPF_MAP_TYPE_SOCK_ADDR_PEND_COMPLETE, NULL);
}

static inline void stage_begin(struct stage *stage, uint32_t flags)
{
	stage_begin_with(stage, flags, PEND_HOOK_LOSS_PROGRAM);
}

static inline struct pend_runtime_stats runtime_stats(struct stage *stage)
{
	struct pend_runtime_stats stats = { .size = sizeof(stats) };

	cr_assert_eq(pend_runtime_stats_read(stage->runtime, &stats), 0);
	return stats;
}

static inline void serve(struct stage *stage)
{
	while (serve_all(stage->engine))
		;
}

/* ---- programs ---- */

static inline int actor_run(void *context, void *data)
{
	struct actor *actor = data;

	actor->runs++;
	memcpy(&actor->seen, context, sizeof(actor->seen));
	return actor->play ? actor->play(actor, context) : actor->verdict;
}

/* All helpers that there are. */
static const uint32_t every_helper[] = {
	BPF_FUNC_map_lookup_elem,
	BPF_FUNC_map_update_elem,
	BPF_FUNC_map_delete_elem,
	BPF_FUNC_get_prandom_u32,
	BPF_FUNC_ktime_get_boot_ns,
	BPF_FUNC_get_smp_processor_id,
	BPF_FUNC_ktime_get_ns,
	BPF_FUNC_get_current_pid_tgid,
	BPF_FUNC_get_socket_cookie,
	BPF_FUNC_pend_operation,
	BPF_FUNC_sock_addr_pend,
	BPF_FUNC_complete_operation,
	BPF_FUNC_pend_scratch,
	BPF_FUNC_get_identity,
	BPF_FUNC_pend_pressure,
	BPF_FUNC_continuation_missing,
	STAGE_HELPER,
};

static inline struct actor *actor_load(struct stage *stage, uint32_t number,
				       const uint32_t *helpers, uint32_t helper_count)
{
	struct actor *actor = &stage->actors[number];
	const struct pend_program_options options = {
		.size = sizeof(options),
		.name = "actor",
		.type = stage_type,
		.entry = actor_run,
		.data = actor,
		.helpers = helpers,
		.helper_count = helper_count,
	};

	actor->stage = stage;
	actor->verdict = PEND_VERDICT_PROCEED_SOFT;
	actor->map = stage->pends;
	actor->key = pend_key_of(0);
	cr_assert_eq(pend_program_load(stage->runtime, &options, &actor->program), 0);
	return actor;
}

static inline void actor_attach(struct actor *actor, uint32_t compartment)
{
	const struct pend_link_options options = {
		.size = sizeof(options),
		.attach_type = stage_attach,
		.compartment = compartment,
	};

	cr_assert_eq(pend_link_attach(actor->program, &options, &actor->link), 0);
}

/* A program that may call everything, attached behind the others. */
static inline struct actor *add_actor(struct stage *stage, uint32_t number, int verdict)
{
	struct actor *actor = actor_load(stage, number, every_helper,
					 sizeof(every_helper) / sizeof(every_helper[0]));

	actor->verdict = verdict;
	actor_attach(actor, PEND_COMPARTMENT_ANY);
	return actor;
}

/* The value of a stage's pend map. */
static inline struct stage_value value_of(uint64_t own)
{
	return (struct stage_value){ { PEND_VALUE_VERSION, sizeof(struct pend_value), 77, 78 },
				     own };
}

static inline int actor_pend(struct actor *actor)
{
	struct stage_value value = value_of(actor->seen.question);

	actor->key = pend_key_of(0);
	return bpf_pend_operation(actor->map, &value, sizeof(value), &actor->key,
				  sizeof(actor->key));
}

/* A play: pends, in its first run and in others, and returns its verdict. */
static inline int play_pend(struct actor *actor, struct scene *scene)
{
	(void)scene;
	actor->result = actor_pend(actor);
	return actor->verdict;
}

static inline struct actor *add_pender(struct stage *stage, uint32_t number)
{
	struct actor *actor = add_actor(stage, number, PEND_VERDICT_PEND);

	actor->play = play_pend;
	return actor;
}

/* ---- asking ---- */

static inline struct pend_invocation invocation_of(uint64_t operation, struct scene *scene)
{
	return (struct pend_invocation){
		.context = scene,
		.operation = operation,
		.initial = PEND_VERDICT_PROCEED_SOFT,
	};
}

static inline enum pend_verdict ask_with(struct stage *stage, struct pend_invocation *invocation)
{
	struct deed *deed = deed_of(stage, invocation->operation);

	deed->open = true;
	cr_assert_eq(pend_hook_invoke(stage->hook, invocation), 0);
	deed->open = false;
	cr_assert_eq(invocation->handle != 0, invocation->verdict == PEND_VERDICT_PEND);
	return invocation->verdict;
}

static inline enum pend_verdict ask(struct stage *stage, uint64_t operation)
{
	struct scene scene = { .question = operation, .hidden = operation + 1000 };
	struct pend_invocation invocation = invocation_of(operation, &scene);

	return ask_with(stage, &invocation);
}

static inline int decide(struct stage *stage, uint64_t operation, enum pend_action action)
{
	const struct deed *deed = deed_of(stage, operation);

	return pend_map_complete(deed->map, deed->handle, action);
}

/* The operation ended like this, the backend having been told in this order. */
#define ENDED(stage, operation, expected, how, who)                                  \
	do {                                                                         \
		const struct deed *deed_ = deed_of((stage), (operation));            \
		cr_assert_str_eq(deed_->told, (expected));                           \
		cr_assert_eq(deed_->action, (how), "action %d", (int)deed_->action); \
		cr_assert_eq(deed_->origin, (who), "origin %d", (int)deed_->origin); \
	} while (0)

/* ---- the end ---- */

static inline void actor_remove(struct actor *actor)
{
	if (actor->link)
		cr_assert_eq(pend_link_close(actor->link), 0);
	if (actor->program)
		cr_assert_eq(pend_program_close(actor->program), 0);
}

/* Each operation that was accepted ended once (guarantee A). */
static inline void check_deeds(const struct stage *stage)
{
	for (uint32_t i = 0; i < OPERATIONS; i++) {
		uint32_t begun = 0, ended = 0;

		for (const char *at = stage->deeds[i].told; *at; at++) {
			begun += *at == 'p';
			ended += *at == 'c' || *at == 'g' || *at == 'a';
		}
		if (!stage->pend_error)
			cr_assert_eq(begun, ended, "operation %u: %s", i, stage->deeds[i].told);
	}
}

static inline void stage_end(struct stage *stage)
{
	struct pend_runtime_stats stats;

	serve(stage);
	check_deeds(stage);
	cr_assert_eq(stage->copies, 0);
	stats = runtime_stats(stage);
	cr_assert_eq(stats.pends, stats.completions);
	cr_assert_eq(stats.identities, stats.identities_released);
	for (uint32_t i = 0; i < ACTORS; i++)
		actor_remove(&stage->actors[i]);
	cr_assert_eq(pend_hook_destroy(stage->hook), 0);
	stats = runtime_stats(stage);
	cr_assert_eq(stats.attachments, stats.attachments_freed);
	cr_assert_eq(pend_custom_map_close(stage->completes), 0);
	cr_assert_eq(pend_custom_map_close(stage->others), 0);
	cr_assert_eq(pend_custom_map_close(stage->pends), 0);
	cr_assert_eq(pend_provider_unregister(stage->type, NULL, NULL), 0);
	cr_assert_eq(pend_runtime_destroy(stage->runtime), 0);
	destroy_engine(stage->engine);
}

#endif
