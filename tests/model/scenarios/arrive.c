/* SPDX-License-Identifier: MIT */
/*
 * arrive.c - what comes to be, or goes, while others use it already: maps of an engine, sessions and
 * their heirs, bindings, named functions, suspends of the machine, drains.
 *
 * Who has the one that arrives has it whole: in the weak mode of pend_model_plain that includes the
 * plain memory of the library.
 */
#include <errno.h>
#include <string.h>

#include "engine/runtime/runtime_internal.h"
#include "engine/shard/engine_internal.h"
#include "epoch/epoch.h"
#include "platform/script.h"
#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/stage.h"

/* ---- SH3: a map joins an engine that is served ---- */

static struct {
	struct pend_map *map;
	uint64_t handle;
	int pended, decided;
	uint32_t told;
} second;

static void note_second(void *context, const struct pend_operation *operation)
{
	(void)context;
	MODEL_CHECK(operation->cookie == 1 && ++second.told == 1);
}

static void make_engine(void)
{
	world_make(1, WORLD_ENGINE);
}

static void join_or_serve(uint32_t number)
{
	const struct pend_request request = { .cookie = 1 };
	struct pend_map_options options = pend_map_options_default();

	if (number) {
		world_poll_all();
		return;
	}
	options.max_entries = 1;
	options.hash_seed = 7;
	options.flags = PEND_MAP_ENABLED;
	options.engine = world.engine;
	options.on_complete = note_second;
	MODEL_CHECK(pend_map_create(&options, &second.map) == 0);
	second.pended = pend_map_pend(second.map, &request, &second.handle);
	second.decided = pend_map_complete(second.map, second.handle, PEND_ACTION_BLOCK);
}

static void joined(void)
{
	world_finish();
	MODEL_CHECK(second.pended == 0 && second.decided == 0 && second.told == 1);
}

/* ---- SE6, SE7, SH11: a session is opened; F13: one takes over what another one left ---- */

static const char name[] = "heir";

static struct pend_session *open_session(enum pend_on_loss on_loss)
{
	struct pend_session_options options = pend_session_options_default();
	struct pend_session *session = NULL;

	options.notices = 2;
	options.on_loss = on_loss;
	options.name = on_loss == PEND_LOSS_HAND_OVER ? name : NULL;
	MODEL_CHECK(pend_session_open(world.engine, &options, &session) == 0);
	return session;
}

static void make_roomy(void)
{
	world_make(2, WORLD_ENGINE);
}

/* Who opens it says so to others, by a release of his own. */
static _Atomic(struct pend_session *) said;

static void open_or_pend(uint32_t number)
{
	if (number == 0) {
		/* [MD2.rel] Pairs with [MD2.acq] below: the session as it was opened. */
		pendi_store_release(&said, open_session(PEND_LOSS_BLOCK), MD2);
	} else {
		world_poll(0);
		/* [MD2.acq] Pairs with [MD2.rel] above. */
		world.session = pendi_load_acquire(&said, MD2);
		world.results[number] = world_pend(number, 0, 0, 0);
	}
}

/* What was pended for it is its own; what was pended before it was known is nobody's. */
static void opened(void)
{
	MODEL_CHECK(world.results[1] == 0);
	/* relaxed: nobody else runs. */
	MODEL_CHECK(pend_session_close(pendi_load_relaxed(&said)) == 0);
	world_finish();
	MODEL_CHECK(world.told_of[1] == 0 || world.origin_of[1] == PEND_ORIGIN_OWNER);
	if (!world.told_of[1])
		MODEL_CHECK(world_complete(1, PEND_ACTION_BLOCK) == 0);
	world_finish();
	MODEL_CHECK(world.told_of[1] == 1 && world_live() == 0);
}

static struct pend_session *heir;

static void with_owner(void)
{
	world_make(2, WORLD_ENGINE);
	world.session = open_session(PEND_LOSS_HAND_OVER);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
}

/* The first one leaves, the next one sits down; meanwhile one pends for the first, one decides. */
static void hand_over(uint32_t number)
{
	if (number == 0) {
		MODEL_CHECK(pend_session_close(world.session) == 0);
		heir = open_session(PEND_LOSS_HAND_OVER);
		world.results[0] = pend_session_complete(heir, world.map, world.handles[0],
							 PEND_ACTION_PERMIT_SOFT);
	} else if (number == 1) {
		world.results[1] = world_pend(1, 0, 0, 0);
	} else {
		world.results[2] = pend_session_complete(world.session, world.map, world.handles[0],
							 PEND_ACTION_BLOCK);
	}
}

/* The heir has all that was not decided, and only that. */
static void handed_over(void)
{
	int of_heir;

	MODEL_CHECK((world.results[0] == 0) != (model_threads() > 2 && world.results[2] == 0));
	MODEL_CHECK(world.results[1] == 0 || world.results[1] == -ESHUTDOWN);
	if (world.results[1] == 0) {
		of_heir =
			pend_session_complete(heir, world.map, world.handles[1], PEND_ACTION_BLOCK);
		MODEL_CHECK(of_heir == 0);
	}
	world_finish();
	MODEL_CHECK(world.told == 1u + (world.results[1] == 0) && world_live() == 0);
	MODEL_CHECK(world.action_of[0] ==
		    (world.results[0] == 0 ? PEND_ACTION_PERMIT_SOFT : PEND_ACTION_BLOCK));
	MODEL_CHECK(pend_session_close(heir) == 0);
}

/* ---- CU1: a custom map is bound while its programs pend ---- */

static void bind_or_invoke(uint32_t number)
{
	if (number == 0) {
		world.session = open_session(PEND_LOSS_BLOCK);
		stage.results[0] = pend_custom_map_bind(stage.map, world.session);
		stage_give_back(1);
		stage_give_back(2);
	} else {
		stage_invoke(1, 1);
	}
}

/* What was pended for the session goes with it. */
static void bound(void)
{
	MODEL_CHECK(stage.results[0] == 0 && stage.verdicts[1] == PEND_VERDICT_PEND);
	MODEL_CHECK(stage.held == 1);
	MODEL_CHECK(pend_session_close(world.session) == 0);
	stage_serve();
	if (!stage.completed)
		MODEL_CHECK(pend_map_complete(stage.map_of_held, stage.handle, PEND_ACTION_BLOCK) ==
			    0);
	stage_strike();
}

/* ---- RG1: a named function comes and goes ---- */

static struct {
	struct pendi_import import;
	_Atomic uint32_t missing;
	uint32_t memory; /* of the function's provider: plain */
	uint32_t calls;
} module;

static uint64_t call(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	(void)b, (void)c, (void)d, (void)e;
	model_plain_read(&module.memory);
	MODEL_CHECK(module.memory == 1);
	model_yield();
	MODEL_CHECK(module.memory == 1);
	module.calls++;
	return a + 1;
}

static const struct pend_function_data module_data = {
	.header = PEND_HEADER(PEND_FUNCTION_VERSION, struct pend_function_data, prototype),
	.name = "module",
	.address = call,
	.prototype = 3,
};

static void want_function(void)
{
	stage_make();
	module.import.prototype = module_data.prototype;
	module.import.missing = &module.missing;
	strcpy(module.import.name, module_data.name);
	MODEL_CHECK(pendi_registry_import(&stage.runtime->registry, &module.import) == 0);
}

static void come_or_call(uint32_t number)
{
	const struct pend_provider_options options = { .size = sizeof(options),
						       .kind = PEND_PROVIDER_FUNCTION,
						       .data = &module_data.header };
	struct pend_provider *provider;
	pend_helper_fn function;

	if (number) {
		MODEL_CHECK(pendi_epoch_enter() == 0);
		function = pendi_import_address(&module.import);
		MODEL_CHECK(!function || function(number, 0, 0, 0, 0) == number + 1);
		pendi_epoch_exit();
		return;
	}
	model_plain_write(&module.memory);
	module.memory = 1;
	MODEL_CHECK(pend_provider_register(stage.runtime, &options, &provider) == 0);
	MODEL_CHECK(pend_provider_unregister(provider, NULL, NULL) == 0);
	model_plain_write(&module.memory);
	module.memory = 2;
}

static void gone_again(void)
{
	/* relaxed: nobody else runs. */
	MODEL_CHECK(pendi_load_relaxed(&module.missing) == 1 && module.calls <= 2);
}

/* ---- SH10: the machine slept ---- */

enum { SLEEPS = 5 }; /* of 1, 2, 4 ... seconds; the last two are kept */

static uint64_t slept_ns;

static uint64_t boot_now(void)
{
	return pendi_script.clock_mono_ns() + slept_ns;
}

static void awake(void)
{
	slept_ns = 0;
	pendi_script.clock_boot_ns = boot_now;
	world_make(1, WORLD_ENGINE);
}

static bool may_have_slept(uint64_t ns)
{
	for (uint32_t count = 0; count <= SLEEPS; count++) {
		uint64_t sum = 0;

		for (uint32_t i = count > 2 ? count - 2 : 0; i < count; i++)
			sum += SECOND << i;
		if (ns == sum)
			return true;
	}
	return false;
}

static void sleep_or_ask(uint32_t number)
{
	for (uint32_t i = 0; i < SLEEPS && number == 0; i++) {
		slept_ns += SECOND << i;
		pendi_suspend_look(world.engine);
	}
	for (uint32_t i = 0; i < 2 && number; i++)
		MODEL_CHECK(may_have_slept(pendi_engine_suspended(world.engine, 0)));
	/* What begins now has not slept. */
	if (number)
		MODEL_CHECK(pendi_engine_suspended(world.engine, UINT64_MAX) == 0);
}

static void slept(void)
{
	MODEL_CHECK(pendi_engine_suspended(world.engine, 0) ==
		    (SECOND << (SLEEPS - 1)) + (SECOND << (SLEEPS - 2)));
}

/* ---- DR1: drains that are asked for, one after the other ---- */

static uint32_t drains, contexts[2];

static void drained(void *context, struct pend_map *map)
{
	model_plain_read(context);
	MODEL_CHECK(map == world.map && world.told == world.pends);
	drains++;
}

static void one_open(void)
{
	world_make(2, WORLD_ENGINE);
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
}

static void drain_or_tend(uint32_t number)
{
	if (number) {
		world_poll_all();
		return;
	}
	for (uint32_t i = 0; i < 2; i++) {
		model_plain_write(&contexts[i]);
		world.results[i] = pend_map_disable_async(world.map, SECOND, drained, &contexts[i]);
		MODEL_CHECK(world.results[i] == 0 || world.results[i] == -EALREADY);
		if (world.results[i])
			break;
		MODEL_CHECK(pend_map_enable(world.map) == 0);
	}
}

static void each_drained(void)
{
	world_finish();
	MODEL_CHECK(world.told_of[0] == 1 && world.origin_of[0] == PEND_ORIGIN_DRAIN);
	MODEL_CHECK(drains == 1u + (world.results[1] == 0) && world_live() == 0);
}

static const struct model_scenario scenarios[] = {
	{ .name = "arrive: a map joins while shards are served",
	  .shows = "SH2 SH3",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make_engine,
	  .thread = join_or_serve,
	  .end = joined },
	{ .name = "arrive: a session is opened while one pends",
	  .shows = "SE6 SE7 SH11",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make_roomy,
	  .thread = open_or_pend,
	  .end = opened },
	{ .name = "arrive: an heir, while one pends",
	  .shows = "A SE4 SE6 X13",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = with_owner,
	  .thread = hand_over,
	  .end = handed_over },
	{ .name = "arrive: an heir, while one pends, one decides",
	  .shows = "A SE4 SE6 X13",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = with_owner,
	  .thread = hand_over,
	  .end = handed_over },
	{ .name = "arrive: a map is bound while a program pends",
	  .shows = "CU1 SE6",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = stage_make,
	  .thread = bind_or_invoke,
	  .end = bound },
	{ .name = "arrive: a function comes, and goes",
	  .shows = "RG1 EP1 EP2",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = want_function,
	  .thread = come_or_call,
	  .end = gone_again },
	{ .name = "arrive: the machine sleeps, one asks",
	  .shows = "C SH10",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = awake,
	  .thread = sleep_or_ask,
	  .end = slept },
	{ .name = "arrive: a drain, and the next",
	  .shows = "F DR1",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_open,
	  .thread = drain_or_tend,
	  .end = each_drained },
};

const struct model_group model_arrive = { "arrive", scenarios,
					  sizeof(scenarios) / sizeof(scenarios[0]) };
