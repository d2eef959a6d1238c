/* SPDX-License-Identifier: MIT */
/*
 * shapes.c - the stage that sized structs are tried on, and the table of them.
 */
#include <sys/socket.h>

#include "tests/fuzz/sizes/sizes.h"

static struct {
	struct pend_engine *engine;
	struct pend_map *map;
	struct pend_session *session;
	struct pend_runtime *runtime;
	struct pend_simulator *simulator;
	struct pend_custom_map *custom;
	struct pend_program *program;
	struct pend_link *link;
	uint64_t operation;
} stage;

static int run(void *context, void *data)
{
	(void)context;
	(void)data;
	return PEND_VERDICT_PROCEED_SOFT;
}

/* ---- options ---- */

static void fill_map(void *into)
{
	struct pend_map_options options = pend_map_options_default();

	options.max_entries = 4;
	options.hash_seed = 1;
	memcpy(into, &options, sizeof(options));
}

static int make_map(void *at)
{
	struct pend_map *map;
	const int error = pend_map_create(at, &map);

	return error ? error : pend_map_destroy(map);
}

static void fill_allocator(void *into)
{
	extern const struct pend_allocator pendi_memory_default;

	memcpy(into, &pendi_memory_default, sizeof(pendi_memory_default));
}

static int use_allocator(void *at)
{
	struct pend_map_options options = pend_map_options_default();

	options.max_entries = 4;
	options.allocator = at;
	return make_map(&options);
}

static void fill_continuation(void *into)
{
	struct pend_continuation_options options = pend_continuation_options_default();

	options.max_entries = options.reserve = 4;
	options.key_size = options.value_size = 8;
	memcpy(into, &options, sizeof(options));
}

static int make_continuation(void *at)
{
	struct pend_continuation *map;
	const int error = pend_continuation_create(at, &map);

	return error ? error : pend_continuation_destroy(map);
}

static void fill_engine(void *into)
{
	struct pend_engine_options options = pend_engine_options_default();

	options.flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	memcpy(into, &options, sizeof(options));
}

static int make_engine(void *at)
{
	struct pend_engine *engine;
	const int error = pend_engine_create(at, &engine);

	return error ? error : pend_engine_destroy(engine);
}

static void fill_session(void *into)
{
	struct pend_session_options options = pend_session_options_default();

	options.name = "size";
	options.notices = 16;
	memcpy(into, &options, sizeof(options));
}

static int open_session(void *at)
{
	struct pend_session *session;
	const int error = pend_session_open(stage.engine, at, &session);

	return error ? error : pend_session_close(session);
}

static void fill_custom(void *into)
{
	const struct pend_custom_map_options options = { .size = sizeof(options),
							 .type = BPF_MAP_TYPE_HASH,
							 .key_size = 4,
							 .value_size = 4,
							 .max_entries = 4 };

	memcpy(into, &options, sizeof(options));
}

static int make_custom(void *at)
{
	struct pend_custom_map *map;
	const int error = pend_custom_map_create(stage.runtime, at, &map);

	return error ? error : pend_custom_map_close(map);
}

static void fill_hook(void *into)
{
	const struct pend_hook_options options = { .size = sizeof(options),
						   .flags = PEND_HOOK_NO_PEND,
						   .name = "hook",
						   .program_type = *pend_sock_addr_type(),
						   .attach_types = { { { 1 } } },
						   .attach_type_count = 1,
						   .links_max = 2 };

	memcpy(into, &options, sizeof(options));
}

static int make_hook(void *at)
{
	struct pend_hook *hook;
	const int error = pend_hook_create(stage.runtime, at, &hook);

	return error ? error : pend_hook_destroy(hook);
}

static void fill_program(void *into)
{
	const struct pend_program_options options = { .size = sizeof(options),
						      .name = "program",
						      .type = *pend_sock_addr_type(),
						      .entry = run };

	memcpy(into, &options, sizeof(options));
}

static int load(void *at)
{
	struct pend_program *program;
	const int error = pend_program_load(stage.runtime, at, &program);

	return error ? error : pend_program_close(program);
}

static void fill_link(void *into)
{
	const struct pend_link_options options = { .size = sizeof(options),
						   .attach_type = *pend_layer_attach_type(
							   PEND_LAYER_DATAGRAM, AF_INET) };

	memcpy(into, &options, sizeof(options));
}

static int attach(void *at)
{
	struct pend_link *link;
	const int error = pend_link_attach(stage.program, at, &link);

	return error ? error : pend_link_close(link);
}

static void fill_update(void *into)
{
	const struct pend_link_update_options options = { .size = sizeof(options) };

	memcpy(into, &options, sizeof(options));
}

static int update(void *at)
{
	return pend_link_update(stage.link, stage.program, at);
}

static void fill_runtime(void *into)
{
	struct pend_runtime_options options = pend_runtime_options_default();

	options.engine = stage.engine;
	options.deferrals = 4;
	memcpy(into, &options, sizeof(options));
}

static int make_runtime(void *at)
{
	struct pend_runtime *runtime;
	const int error = pend_runtime_create(at, &runtime);

	return error ? error : pend_runtime_destroy(runtime);
}

/* ---- answers ---- */

static int ask_map(void *at)
{
	return pend_map_stats_read(stage.map, at);
}

static int ask_shard(void *at)
{
	return pend_engine_stats_read(stage.engine, PEND_CPU_CURRENT, at);
}

static int ask_session(void *at)
{
	return pend_session_stats_read(stage.session, at);
}

static int ask_custom(void *at)
{
	return pend_custom_map_info_read(stage.custom, at);
}

static int ask_program(void *at)
{
	return pend_program_info_read(stage.program, at);
}

static int ask_link(void *at)
{
	return pend_link_info_read(stage.link, at);
}

static int ask_runtime(void *at)
{
	return pend_runtime_stats_read(stage.runtime, at);
}

static int ask_operation(void *at)
{
	return pend_simulator_read(stage.simulator, stage.operation, at);
}

static int ask_ledger(void *at)
{
	return pend_simulator_ledger_read(stage.simulator, at);
}

/* ---- the table ---- */

#define TO(type, first, last)                               \
	{                                                   \
		offsetof(type, first), offsetof(type, last) \
	}
#define NO_NUMBERS   \
	{            \
		0, 0 \
	}
#define ANSWER(type, function)                                                         \
	{                                                                              \
#type, sizeof(struct type), { NO_NUMBERS, NO_NUMBERS }, NULL, function \
	}

const struct shape shapes[] = {
	{ "pend_map_options",
	  sizeof(struct pend_map_options),
	  { TO(struct pend_map_options, flags, allocator),
	    { offsetof(struct pend_map_options, lifetime_ns), sizeof(struct pend_map_options) } },
	  fill_map,
	  make_map },
	{ "pend_allocator",
	  sizeof(struct pend_allocator),
	  { TO(struct pend_allocator, reserved, context), NO_NUMBERS },
	  fill_allocator,
	  use_allocator },
	{ "pend_continuation_options",
	  sizeof(struct pend_continuation_options),
	  { TO(struct pend_continuation_options, flags, allocator), NO_NUMBERS },
	  fill_continuation,
	  make_continuation },
	{ "pend_engine_options",
	  sizeof(struct pend_engine_options),
	  { TO(struct pend_engine_options, queue_entries, allocator), NO_NUMBERS },
	  fill_engine,
	  make_engine },
	{ "pend_session_options",
	  sizeof(struct pend_session_options),
	  { TO(struct pend_session_options, flags, watch_fd), NO_NUMBERS },
	  fill_session,
	  open_session },
	{ "pend_custom_map_options",
	  sizeof(struct pend_custom_map_options),
	  { TO(struct pend_custom_map_options, flags, name_space), NO_NUMBERS },
	  fill_custom,
	  make_custom },
	{ "pend_hook_options",
	  sizeof(struct pend_hook_options),
	  { TO(struct pend_hook_options, program_type, backend), NO_NUMBERS },
	  fill_hook,
	  make_hook },
	{ "pend_program_options",
	  sizeof(struct pend_program_options),
	  { TO(struct pend_program_options, type, name_space),
	    TO(struct pend_program_options, flags, name) },
	  fill_program,
	  load },
	{ "pend_link_options",
	  sizeof(struct pend_link_options),
	  { TO(struct pend_link_options, flags, name_space), NO_NUMBERS },
	  fill_link,
	  attach },
	{ "pend_link_update_options",
	  sizeof(struct pend_link_update_options),
	  { TO(struct pend_link_update_options, outstanding, waited),
	    TO(struct pend_link_update_options, flags, old_program) },
	  fill_update,
	  update },
	{ "pend_runtime_options",
	  sizeof(struct pend_runtime_options),
	  { TO(struct pend_runtime_options, context_size, on_trace),
	    TO(struct pend_runtime_options, flags, engine) },
	  fill_runtime,
	  make_runtime },
	ANSWER(pend_map_stats, ask_map),
	ANSWER(pend_shard_stats, ask_shard),
	ANSWER(pend_session_stats, ask_session),
	ANSWER(pend_custom_map_info, ask_custom),
	ANSWER(pend_program_info, ask_program),
	ANSWER(pend_link_info, ask_link),
	ANSWER(pend_runtime_stats, ask_runtime),
	ANSWER(pend_simulated_info, ask_operation),
	ANSWER(pend_simulator_ledger, ask_ledger),
};

const uint32_t shapes_count = sizeof(shapes) / sizeof(shapes[0]);

static void make_simulator(void)
{
	const struct pend_simulator_options options = { .size = sizeof(options),
							.operations_max = 4,
							.redirect_expiry_ms = 60000 };
	struct pend_simulated_request request = { .layer = PEND_LAYER_DATAGRAM };

	request.address.family = AF_INET;
	request.address.protocol = 17;
	CHECK_INT(pend_simulator_create(stage.runtime, &options, &stage.simulator), ==, 0);
	CHECK_INT(pend_simulator_submit(stage.simulator, &request, &stage.operation), ==, 0);
}

void stage_begin(void)
{
	unsigned char options[1024];

	if (stage.engine)
		return;
	fill_engine(options);
	CHECK_INT(pend_engine_create((const void *)options, &stage.engine), ==, 0);
	CHECK_INT(pend_engine_enable(stage.engine), ==, 0);
	fill_map(options);
	CHECK_INT(pend_map_create((const void *)options, &stage.map), ==, 0);
	fill_session(options);
	CHECK_INT(pend_session_open(stage.engine, (const void *)options, &stage.session), ==, 0);
	fill_runtime(options);
	CHECK_INT(pend_runtime_create((const void *)options, &stage.runtime), ==, 0);
	make_simulator();
	fill_custom(options);
	CHECK_INT(pend_custom_map_create(stage.runtime, (const void *)options, &stage.custom), ==,
		  0);
	fill_program(options);
	CHECK_INT(pend_program_load(stage.runtime, (const void *)options, &stage.program), ==, 0);
	fill_link(options);
	CHECK_INT(pend_link_attach(stage.program, (const void *)options, &stage.link), ==, 0);
}
