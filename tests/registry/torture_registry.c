/* SPDX-License-Identifier: MIT */
/*
 * torture_registry.c - the registry under fire (F76, F81, F66; guarantee G: nothing that is in use
 * goes, everything goes once).
 *
 *	registry_torture_registry [--rounds N] [--seed N] [--only NAME]
 *
 *	functions	threads call an imported function inside epoch sections, while its provider
 *			leaves and comes back. What it finds was set up by the provider that is there;
 *			once unregistering has returned nobody is inside, which is when the provider
 *			spoils what it set up. All of that is plain memory: a race detector sees it.
 *	providers	threads use and cease to use three types, each at most two at a time, while
 *			one more thread lets their providers leave, now with clients, now without. A
 *			provider that a client uses has not gone, and each was told of as many ends as
 *			beginnings before it went, once.
 *	objects		threads make, pin, open, look up, reference, unpin and close objects of a few
 *			names. What is found lives; each object is abandoned once, then released once.
 *	ends		one thread puts the last reference of a registry's last object, another frees the
 *			registry as soon as it is empty.
 */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/registry/registry.h"
#include "epoch/epoch.h"
#include "platform/memory.h"
#include "tests/support/arguments.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"
#include "tests/support/torture_oracle.h"

enum { CREW = 4, TYPES = 3, NAMES = 5, LIVE = 0x5afe, SPOILT = 0xdead, FIRST_TRIES = 1 << 30 };

/* What all threads of a run share. */
static struct {
	struct pendi_registry registry;
	uint64_t rounds, seed;
	struct oracle_sum begun, ended, done, refused;
	struct oracle_owner over; /* 1: the run ends */
	/* functions */
	struct pendi_import import;
	_Atomic uint32_t missing;
} run;

static struct pend_runtime *run_runtime(void)
{
	return (struct pend_runtime *)&run.registry;
}

static void run_begin(const struct arguments *arguments)
{
	memset(&run, 0, sizeof(run));
	run.rounds = arguments->rounds;
	run.seed = arguments->seed;
	pendi_registry_init(&run.registry, NULL, NULL);
}

static void run_end(void)
{
	CHECK(pendi_registry_is_empty(&run.registry));
	pendi_registry_fini(&run.registry);
}

/* --- functions --- */

/* What the function needs of its provider: plain, written before it registers and after it left. */
static uint64_t module_memory;

static uint64_t module_function(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	(void)b, (void)c, (void)d, (void)e;
	CHECK_U64(module_memory, ==, LIVE);
	return a + 1;
}

static const struct pend_function_data module_data = {
	.header = PEND_HEADER(PEND_FUNCTION_VERSION, struct pend_function_data, prototype),
	.name = "module function",
	.address = module_function,
	.prototype = 3,
};

static const struct pend_provider_options module_options = {
	.size = sizeof(module_options),
	.kind = PEND_PROVIDER_FUNCTION,
	.data = &module_data.header,
};

static void module_come_and_go(uint64_t rounds)
{
	for (uint64_t i = 0; i < rounds; i++) {
		struct pend_provider *provider;

		module_memory = LIVE;
		CHECK_INT(pend_provider_register(run_runtime(), &module_options, &provider), ==, 0);
		/* Till it was called, mostly; the first one, however long that takes. */
		for (uint64_t tries = 0, before = oracle_total(&run.done);
		     tries < (before ? 2000 : FIRST_TRIES) && oracle_total(&run.done) == before;
		     tries++)
			(void)(tries % 64 == 63 ? sched_yield() : (pendi_cpu_relax(), 0));
		CHECK_INT(pend_provider_unregister(provider, NULL, NULL), ==, 0);
		module_memory = SPOILT;
		/* Calls that may read it, for all that the compiler knows. */
		for (uint32_t pause = 0; pause < 50; pause++)
			(void)pendi_epoch_poll();
	}
}

static void call_functions(void *context, uint32_t number, struct crew *crew)
{
	struct rng rng = rng_make(run.seed, number);

	(void)context;
	crew_meet(crew);
	if (number == 0) {
		module_come_and_go(run.rounds / 8);
		oracle_hand(&run.over, 1);
		return;
	}
	while (!oracle_holder(&run.over)) {
		pend_helper_fn function;

		CHECK_INT(pendi_epoch_enter(), ==, 0);
		function = pendi_import_address(&run.import);
		for (uint32_t pause = rng_below(&rng, 64); function && pause; pause--)
			pendi_cpu_relax();
		if (function)
			CHECK_U64(function(number, 0, 0, 0, 0), ==, number + 1);
		pendi_epoch_exit();
		oracle_add(function ? &run.done : &run.refused, 1);
		if (!function)
			sched_yield();
	}
}

static void torture_functions(const struct arguments *arguments)
{
	run_begin(arguments);
	run.import.prototype = module_data.prototype;
	run.import.missing = &run.missing;
	CHECK_INT(pendi_name_copy(run.import.name, module_data.name), ==, 0);
	CHECK_INT(pendi_registry_import(&run.registry, &run.import), ==, 0);
	crew_run(CREW, NULL, call_functions);
	/* relaxed: the others have ended. */
	CHECK_U64(pendi_load_relaxed(&run.missing), ==, 1);
	pendi_registry_unimport(&run.registry, &run.import);
	printf("# %" PRIu64 " calls, %" PRIu64 " without a provider\n", oracle_total(&run.done),
	       oracle_total(&run.refused));
	CHECK_U64(oracle_total(&run.done), >, 0);
	run_end();
}

/* --- providers --- */

/* One generation of a provider, on the heap: what is used after it went, the address sanitizer sees. */
struct generation {
	struct oracle_sum attached, detached, gone;
	uint32_t magic;
	struct pend_provider *provider;
};

static const struct pend_program_data type_data = {
	.header = PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_program_data, override_addresses),
	.name = "type",
	.context = { .size = 8, .saved_size = 8, .data = -1, .end = -1 },
};

static void generation_attach(void *context, uint32_t client_id)
{
	struct generation *generation = context;

	CHECK_U64(client_id, !=, 0);
	CHECK_U64(generation->magic, ==, LIVE);
	oracle_add(&generation->attached, 1);
}

static void generation_detach(void *context, uint32_t client_id)
{
	struct generation *generation = context;

	CHECK_U64(client_id, !=, 0);
	CHECK_U64(generation->magic, ==, LIVE);
	oracle_add(&generation->detached, 1);
}

static void generation_gone(void *context)
{
	struct generation *generation = context;

	CHECK_U64(generation->magic, ==, LIVE);
	CHECK_U64(oracle_total(&generation->attached), ==, oracle_total(&generation->detached));
	generation->magic = SPOILT;
	oracle_add(&run.ended, 1);
	oracle_add(&run.done, oracle_total(&generation->detached));
	free(generation);
}

static struct pend_uuid type_id(uint32_t type)
{
	return (struct pend_uuid){ { 1, (uint8_t)type } };
}

static struct generation *generation_register(uint32_t type)
{
	struct generation *generation = calloc(1, sizeof(*generation));
	const struct pend_provider_options options = {
		.size = sizeof(options),
		.kind = PEND_PROVIDER_PROGRAM,
		.id = type_id(type),
		.data = &type_data.header,
		.on_attach = generation_attach,
		.on_detach = generation_detach,
		.context = generation,
	};

	CHECK(generation != NULL);
	generation->magic = LIVE;
	CHECK_INT(pend_provider_register(run_runtime(), &options, &generation->provider), ==, 0);
	oracle_add(&run.begun, 1);
	return generation;
}

/* Refused while it has clients, or deferred; in both cases it goes in the end. */
static void generation_leave(struct generation *generation, struct rng *rng)
{
	if (rng_one_in(rng, 2) && pend_provider_unregister(generation->provider, NULL, NULL) == 0) {
		generation_gone(generation);
		return;
	}
	CHECK_INT(pend_provider_unregister(generation->provider, generation_gone, generation), ==,
		  0);
}

static void replace_providers(void)
{
	struct rng rng = rng_make(run.seed, 99);
	struct generation *present[TYPES] = { NULL };

	for (uint64_t i = 0; i < run.rounds || (!oracle_total(&run.done) && i < FIRST_TRIES); i++) {
		const uint32_t type = rng_below(&rng, TYPES);

		if (present[type]) {
			generation_leave(present[type], &rng);
			present[type] = NULL;
		}
		if (!rng_one_in(&rng, 4))
			present[type] = generation_register(type);
		for (uint32_t pause = rng_below(&rng, 400); pause; pause--)
			pendi_cpu_relax();
		if (rng_one_in(&rng, 16))
			(void)sched_yield();
	}
	for (uint32_t type = 0; type < TYPES; type++) {
		if (present[type])
			generation_leave(present[type], &rng);
	}
}

/* Uses a type, or ceases to. */
static void toggle_use(struct pendi_use *use, struct rng *rng)
{
	const struct pend_uuid id = type_id(rng_below(rng, TYPES));
	int error;

	if (use->provider) {
		const struct generation *generation = pendi_use_context(use);

		CHECK_U64(generation->magic, ==, LIVE);
		CHECK(pendi_use_data(use) == &type_data.header);
		CHECK_INT(pend_provider_clients(use->provider), >=, 1);
		pendi_registry_unuse(use);
		return;
	}
	error = pendi_registry_use(&run.registry, PEND_PROVIDER_PROGRAM, &id, use);
	CHECK(error == 0 || error == -ENOENT || error == -ENODEV);
	if (error)
		oracle_add(&run.refused, 1);
}

static void use_providers(void *context, uint32_t number, struct crew *crew)
{
	struct rng rng = rng_make(run.seed, number);
	struct pendi_use uses[2] = { { NULL, 0 } };

	(void)context;
	crew_meet(crew);
	if (number == 0) {
		replace_providers();
		oracle_hand(&run.over, 1);
		return;
	}
	while (!oracle_holder(&run.over))
		toggle_use(&uses[rng_below(&rng, 2)], &rng);
	pendi_registry_unuse(&uses[0]);
	pendi_registry_unuse(&uses[1]);
}

static void torture_providers(const struct arguments *arguments)
{
	run_begin(arguments);
	crew_run(CREW, NULL, use_providers);
	printf("# %" PRIu64 " providers, %" PRIu64 " clients, %" PRIu64 " refused\n",
	       oracle_total(&run.begun), oracle_total(&run.done), oracle_total(&run.refused));
	CHECK_U64(oracle_total(&run.ended), ==, oracle_total(&run.begun));
	CHECK_U64(oracle_total(&run.done), >, 0);
	run_end();
}

/* --- objects --- */

struct thing {
	struct pendi_object object;
	struct oracle_owner abandoned;
	uint32_t magic;
};

static void thing_abandon(struct pendi_object *object)
{
	struct thing *thing = (struct thing *)object;

	CHECK_U64(thing->magic, ==, LIVE);
	CHECK_U64(oracle_hand(&thing->abandoned, 1), ==, 0);
}

static void thing_release(struct pendi_object *object)
{
	struct thing *thing = (struct thing *)object;

	CHECK_U64(thing->magic, ==, LIVE);
	CHECK_U64(oracle_holder(&thing->abandoned), ==, 1);
	thing->magic = SPOILT; /* plain: what others read before comes before */
	oracle_add(&run.ended, 1);
	free(thing);
}

static const char *const names[NAMES] = { "a", "b", "c", "d", "e" };

/* Two namespaces, two kinds. */
static struct thing *thing_make(struct rng *rng)
{
	struct thing *thing = calloc(1, sizeof(*thing));

	CHECK(thing != NULL);
	thing->magic = LIVE;
	thing->object.kind = rng_one_in(rng, 2) ? PENDI_OBJECT_LINK : PENDI_OBJECT_PROGRAM;
	thing->object.name_space.label = rng_below(rng, 2);
	thing->object.abandon = thing_abandon;
	thing->object.release = thing_release;
	pendi_object_enlist(&run.registry, &thing->object);
	oracle_add(&run.begun, 1);
	return thing;
}

/* Finds one by a name or an id: a handle, or NULL. */
static struct pendi_object *thing_find(struct rng *rng)
{
	const enum pendi_object_kind kind = rng_one_in(rng, 2) ? PENDI_OBJECT_LINK
							       : PENDI_OBJECT_PROGRAM;
	const struct pend_namespace name_space = { .label = rng_below(rng, 2) };
	struct pendi_object *found;
	uint32_t id = 0;

	if (rng_one_in(rng, 2)) {
		found = pendi_object_open(&run.registry, kind, &name_space,
					  names[rng_below(rng, NAMES)]);
	} else {
		for (uint32_t steps = 1 + rng_below(rng, 4); steps; steps--)
			id = pendi_object_next_id(&run.registry, kind, &name_space, id);
		found = pendi_object_by_id(&run.registry, kind, &name_space, id);
		CHECK(!found || found->id == id);
	}
	if (found) {
		CHECK(found->kind == kind && found->name_space.label == name_space.label);
		CHECK_U64(((struct thing *)found)->magic, ==, LIVE);
		oracle_add(&run.done, 1);
	}
	return found;
}

/* Holds a reference for longer than the handle, sometimes. */
static void thing_let_go(struct pendi_object *object, struct rng *rng)
{
	const bool refer = rng_one_in(rng, 2);

	if (refer)
		pendi_object_get(object);
	pendi_object_close(object);
	if (refer) {
		CHECK_U64(((struct thing *)object)->magic, ==, LIVE);
		pendi_object_put(object);
	}
}

static void thing_unpin(struct rng *rng)
{
	const struct pend_namespace name_space = { .label = rng_below(rng, 2) };
	const int error = pend_unpin(run_runtime(), &name_space, names[rng_below(rng, NAMES)]);

	CHECK(error == 0 || error == -ENOENT);
}

static void handle_objects(void *context, uint32_t number, struct crew *crew)
{
	struct rng rng = rng_make(run.seed, number);

	(void)context;
	crew_meet(crew);
	for (uint64_t i = 0; i < run.rounds; i++) {
		struct pendi_object *object = rng_one_in(&rng, 4) ? &thing_make(&rng)->object
								  : thing_find(&rng);

		if (object && rng_one_in(&rng, 2)) {
			const int error = pendi_object_pin(object, names[rng_below(&rng, NAMES)]);

			CHECK(error == 0 || error == -EEXIST);
		}
		if (object)
			thing_let_go(object, &rng);
		if (rng_one_in(&rng, 3))
			thing_unpin(&rng);
	}
}

static void torture_objects(const struct arguments *arguments)
{
	run_begin(arguments);
	crew_run(CREW, NULL, handle_objects);
	for (uint64_t label = 0; label < 2; label++) {
		const struct pend_namespace name_space = { .label = label };

		for (uint32_t i = 0; i < NAMES; i++)
			(void)!pend_unpin(run_runtime(), &name_space, names[i]);
	}
	printf("# %" PRIu64 " objects, found %" PRIu64 " times\n", oracle_total(&run.begun),
	       oracle_total(&run.done));
	CHECK_U64(oracle_total(&run.ended), ==, oracle_total(&run.begun));
	CHECK_U64(oracle_total(&run.done), >, 0);
	run_end();
}

/* --- ends --- */

static struct pendi_registry *ending;
static struct thing *lasting;

static void ending_begin(void)
{
	ending = malloc(sizeof(*ending));
	lasting = calloc(1, sizeof(*lasting));
	CHECK(ending && lasting);
	pendi_registry_init(ending, NULL, NULL);
	lasting->magic = LIVE;
	lasting->object.abandon = thing_abandon;
	lasting->object.release = thing_release;
	pendi_object_enlist(ending, &lasting->object);
	pendi_object_get(&lasting->object);
	pendi_object_close(&lasting->object);
}

static void end_registries(void *context, uint32_t number, struct crew *crew)
{
	(void)context;
	for (uint64_t i = 0; i < run.rounds; i++) {
		if (number == 0)
			ending_begin();
		crew_meet(crew);
		if (number == 0) {
			while (!pendi_registry_is_empty(ending))
				pendi_cpu_relax();
			pendi_registry_fini(ending);
			free(ending);
		} else {
			pendi_object_put(&lasting->object);
		}
		crew_meet(crew);
	}
}

static void torture_ends(const struct arguments *arguments)
{
	run_begin(arguments);
	crew_run(2, NULL, end_registries);
	CHECK_U64(oracle_total(&run.ended), ==, run.rounds);
	run_end();
}

static const struct {
	const char *name;
	void (*torture)(const struct arguments *arguments);
} cases[] = {
	{ "functions", torture_functions },
	{ "providers", torture_providers },
	{ "objects", torture_objects },
	{ "ends", torture_ends },
};

int main(int count, char **words)
{
	struct arguments arguments = { .rounds = 4000 };
	struct tap tap = { 0, 0 };

	if (!arguments_parse(&arguments, count, words))
		return 2;
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!arguments_want(&arguments, cases[i].name))
			continue;
		cases[i].torture(&arguments);
		tap_report(&tap, 1, cases[i].name);
	}
	return tap_end(&tap);
}
