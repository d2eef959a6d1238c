/* SPDX-License-Identifier: MIT */
/*
 * torture_replace.c - guarantee G under load: programs are replaced while two threads invoke them.
 *
 *	runtime_torture_replace [--rounds N] [--seed N] [--only NAME]
 *
 * Each round replaces the program of the only link; nobody but the library holds the old one then.
 * Programs are numbered, and stamp the invocations that run them.
 *
 *	one of the two	  each invocation has one stamp: of a program that was not replaced before it
 *			  began, nor attached after it ended
 *	never early	  a program is freed when no invocation runs it and none of its operations is
 *			  pended: its data is poisoned when it is freed, and read by each run
 *	freed in the end  each, once; with PEND_LINK_WAIT, and no pends, before the update returns
 *	policies	  some invocations pend, and an orchestrator continues operations: FINISH, the
 *			  one that pended runs; HAND_OVER, one that came after it may; COMPLETE, the
 *			  library blocks each when its program is replaced, and nobody else need
 *	by hand		  what there is without updates: the new program attached, then the old one
 *			  detached, in any of three ways. An invocation may run both, never none
 *
 * Data of programs is plain memory: a race detector sees whether it is freed in order.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>

#include <pendmap/pendmap.h>

#include "tests/runtime/replace_oracle.h"
#include "tests/support/arguments.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

enum { INVOKERS = 2, UPDATER = INVOKERS, ORCHESTRATOR, THREADS };
enum { ALIVE = 0x600d, POISON = 0xdead, SCANNED = 64, PATIENCE_MS = 20000 };

static const struct pend_uuid program_type = { { 1 } }, attach_type = { { 2 } };

/* A program. */
struct role {
	struct theatre *theatre;
	uint64_t number;
	uint64_t state; /* ALIVE, then POISON */
	struct replace_count inside, runs, freed;
};

struct theatre {
	const char *name;
	enum pend_outstanding outstanding;
	bool pends, waits;
	bool by_hand; /* without updates: the next is attached, then the last detached */
	uint64_t rounds, seed;
	struct pend_engine *engine;
	struct pend_runtime *runtime;
	struct pend_provider *provider;
	struct pend_hook *hook;
	struct pend_link *link;
	struct pend_custom_map *map;
	struct role *roles;               /* rounds + 1 */
	struct replace_count begun, done; /* updates: the number of the newest program */
	struct replace_count over, invokers_left;
	struct replace_count invocations, reruns, pended, held, completed;
};

/* What is invoked for. By value in what is pended. */
struct passage {
	uint64_t stamps, stamp, pends;
};

/* ---- programs ---- */

static void check_rerun(const struct role *role, const struct passage *passage)
{
	if (role->theatre->outstanding == PEND_OUTSTANDING_HAND_OVER)
		CHECK_U64(role->number, >=, passage->stamp);
	else
		CHECK_U64(role->number, ==, passage->stamp);
	replace_add(&role->theatre->reruns, 1);
}

static int pend_passage(struct theatre *theatre)
{
	struct pend_value value = { PEND_VALUE_VERSION, sizeof(value), 0, 0 };
	struct pend_key key = pend_key_of(0);
	const int error =
		bpf_pend_operation(theatre->map, &value, sizeof(value), &key, sizeof(key));

	CHECK(error == 0 || error == -ENOSPC);
	if (error)
		return PEND_VERDICT_PROCEED_SOFT;
	replace_add(&theatre->pended, 1);
	return PEND_VERDICT_PEND;
}

static int play(void *context, void *data)
{
	struct passage *passage = context;
	struct role *role = data;
	int verdict = PEND_VERDICT_PROCEED_SOFT;

	replace_add(&role->inside, 1);
	CHECK_U64(role->state, ==, ALIVE);
	if (passage->stamps && !role->theatre->by_hand) {
		check_rerun(role, passage);
	} else {
		passage->stamps++;
		passage->stamp = role->number;
		replace_add(&role->runs, 1);
		if (passage->pends)
			verdict = pend_passage(role->theatre);
	}
	CHECK_U64(role->state, ==, ALIVE);
	replace_add(&role->inside, UINT64_MAX);
	return verdict;
}

static void bury(void *data)
{
	struct role *role = data;

	CHECK_U64(replace_get(&role->inside), ==, 0);
	CHECK_U64(role->state, ==, ALIVE);
	role->state = POISON;
	replace_add(&role->freed, 1);
}

static struct pend_program *cast(struct theatre *theatre, uint64_t number)
{
	static const uint32_t helpers[] = { BPF_FUNC_pend_operation };
	struct role *role = &theatre->roles[number];
	const struct pend_program_options options = { .size = sizeof(options),
						      .name = "role",
						      .type = program_type,
						      .entry = play,
						      .data = role,
						      .helpers = helpers,
						      .helper_count = 1,
						      .on_free = bury };
	struct pend_program *program = NULL;

	role->theatre = theatre;
	role->number = number;
	role->state = ALIVE;
	CHECK_INT(pend_program_load(theatre->runtime, &options, &program), ==, 0);
	return program;
}

/* ---- threads ---- */

static void run_invoker(struct theatre *theatre, struct rng *rng)
{
	uint64_t count = 0;

	while (!replace_get(&theatre->over)) {
		struct passage passage = { .pends = theatre->pends && rng_one_in(rng, 64) };
		struct pend_invocation invocation = { .context = &passage,
						      .operation = ++count,
						      .initial = PEND_VERDICT_PROCEED_SOFT };
		const uint64_t low = replace_get(&theatre->done);

		CHECK_INT(pend_hook_invoke(theatre->hook, &invocation), ==, 0);
		CHECK_U64(invocation.programs, ==, passage.stamps);
		CHECK_U64(passage.stamps, >=, 1);
		CHECK_U64(passage.stamps, <=, theatre->by_hand ? 2 : 1);
		CHECK_U64(passage.stamp, >=, low);
		CHECK_U64(passage.stamp, <=, replace_get(&theatre->begun));
		CHECK(invocation.verdict == PEND_VERDICT_PROCEED_SOFT ||
		      (invocation.verdict == PEND_VERDICT_PEND && passage.pends));
	}
	replace_add(&theatre->invocations, count);
	replace_add(&theatre->invokers_left, UINT64_MAX);
}

static struct pend_link *attach(struct pend_program *program)
{
	const struct pend_link_options options = { .size = sizeof(options),
						   .attach_type = attach_type };
	struct pend_link *link = NULL;

	CHECK_INT(pend_link_attach(program, &options, &link), ==, 0);
	return link;
}

static void change_by_hand(struct theatre *theatre, struct pend_program *program, struct rng *rng)
{
	struct pend_link *old = theatre->link;
	const uint32_t way = rng_below(rng, 16);

	theatre->link = attach(program);
	if (way == 0)
		CHECK_INT(pend_link_detach(old, PEND_OUTSTANDING_FINISH), ==, 0);
	else if (way < 8)
		CHECK_INT(pend_link_detach_async(old, PEND_OUTSTANDING_FINISH, NULL, NULL), ==, 0);
	CHECK_INT(pend_link_close(old), ==, 0);
}

static void update(struct theatre *theatre, struct pend_program *program, struct rng *rng)
{
	struct pend_link_update_options options = { .size = sizeof(options),
						    .outstanding = theatre->outstanding };
	struct role *old = &theatre->roles[replace_get(&theatre->done)];

	if (theatre->waits && rng_one_in(rng, 16))
		options.flags = PEND_LINK_WAIT;
	CHECK_INT(pend_link_update(theatre->link, program, &options), ==, 0);
	if (options.flags & PEND_LINK_WAIT) {
		CHECK_U64(options.waited, <=, INVOKERS);
		if (!theatre->pends)
			CHECK_U64(replace_get(&old->freed), ==, 1);
	}
}

static void run_updater(struct theatre *theatre, struct rng *rng)
{
	for (uint64_t number = 1; number <= theatre->rounds; number++) {
		struct pend_program *program = cast(theatre, number);

		replace_set(&theatre->begun, number);
		if (theatre->by_hand)
			change_by_hand(theatre, program, rng);
		else
			update(theatre, program, rng);
		replace_set(&theatre->done, number);
		CHECK_INT(pend_program_close(program), ==, 0);
	}
	replace_set(&theatre->over, 1);
}

static enum pend_action choose_action(const struct theatre *theatre, struct rng *rng)
{
	/* One that was continued too often is decided another time. */
	if (theatre->outstanding != PEND_OUTSTANDING_COMPLETE && rng_one_in(rng, 2))
		return PEND_ACTION_CONTINUE;
	return rng_one_in(rng, 2) ? PEND_ACTION_PERMIT_SOFT : PEND_ACTION_BLOCK;
}

/* Decides what is pended, until nothing is and nothing will be. With COMPLETE it leaves most. */
static void run_orchestrator(struct theatre *theatre, struct rng *rng)
{
	struct pend_map *map = theatre->pends ? pend_custom_map_pends(theatre->map) : NULL;
	const bool leaves = theatre->outstanding == PEND_OUTSTANDING_COMPLETE;

	while (map && (replace_get(&theatre->invokers_left) || pend_map_count(map))) {
		struct pend_cursor cursor = { 0 };
		struct pend_info infos[SCANNED];
		const int count = pend_map_scan(map, &cursor, infos, NULL, SCANNED);

		if (leaves && !replace_get(&theatre->invokers_left))
			return; /* the end of the link completes the rest */
		CHECK_INT(count, >=, 0);
		for (int i = 0; i < count; i++) {
			if (leaves && !rng_one_in(rng, 8))
				continue;
			const int error = pend_map_complete(map, infos[i].handle,
							    choose_action(theatre, rng));

			CHECK(!error || error == -EALREADY || error == -ENOENT || error == -ELOOP);
		}
		(void)sched_yield();
	}
}

static void run_thread(void *context, uint32_t number, struct crew *crew)
{
	struct theatre *theatre = context;
	struct rng rng = rng_make(theatre->seed, number);

	(void)crew_meet(crew);
	if (number < INVOKERS)
		run_invoker(theatre, &rng);
	else if (number == UPDATER)
		run_updater(theatre, &rng);
	else
		run_orchestrator(theatre, &rng);
}

/* ---- the stage ---- */

static int hold(void *backend, uint64_t operation, struct pend_map *map, uint64_t handle)
{
	(void)operation;
	(void)map;
	(void)handle;
	replace_add(&((struct theatre *)backend)->held, 1);
	return 0;
}

static void deliver(void *backend, uint64_t operation, const struct pend_completion *completion)
{
	(void)operation;
	(void)completion;
	replace_add(&((struct theatre *)backend)->completed, 1);
}

static void drop(void *backend, uint64_t operation)
{
	(void)backend;
	(void)operation;
	CHECK_NEVER("nobody cancels");
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

static void make_map(struct theatre *theatre)
{
	struct pend_map_options pends = pend_map_options_default();
	const struct pend_custom_map_options options = { .size = sizeof(options),
							 .type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
							 .key_size = sizeof(struct pend_key),
							 .value_size = sizeof(struct pend_value),
							 .max_entries = 256,
							 .extra = &pends };

	pends.flags = PEND_MAP_ENABLED;
	pends.deadline_ns = PEND_DEADLINE_NONE;
	CHECK_INT(pend_custom_map_create(theatre->runtime, &options, &theatre->map), ==, 0);
}

static void build(struct theatre *theatre)
{
	const struct pend_provider_options provider = { .size = sizeof(provider),
							.kind = PEND_PROVIDER_PROGRAM,
							.id = program_type,
							.data = &type_data.header };
	const struct pend_hook_options hook = { .size = sizeof(hook),
						.name = "theatre",
						.program_type = program_type,
						.attach_types = { attach_type },
						.attach_type_count = 1,
						.links_max = 2,
						.backend = &backend,
						.backend_context = theatre };
	struct pend_runtime_options runtime = pend_runtime_options_default();
	struct pend_program *first;

	theatre->roles = calloc(theatre->rounds + 1, sizeof(*theatre->roles));
	CHECK(theatre->roles != NULL);
	CHECK_INT(pend_engine_create(NULL, &theatre->engine), ==, 0);
	CHECK_INT(pend_engine_enable(theatre->engine), ==, 0);
	runtime.engine = theatre->engine;
	CHECK_INT(pend_runtime_create(&runtime, &theatre->runtime), ==, 0);
	CHECK_INT(pend_provider_register(theatre->runtime, &provider, &theatre->provider), ==, 0);
	CHECK_INT(pend_hook_create(theatre->runtime, &hook, &theatre->hook), ==, 0);
	make_map(theatre);
	first = cast(theatre, 0);
	theatre->link = attach(first);
	CHECK_INT(pend_program_close(first), ==, 0);
	replace_set(&theatre->invokers_left, INVOKERS);
}

/* What still is pended is delivered by executors: a hook goes once that has happened. */
static void end_hook(struct theatre *theatre)
{
	int error = -EBUSY;

	CHECK_INT(pend_link_detach(theatre->link, theatre->outstanding == PEND_OUTSTANDING_COMPLETE
							  ? PEND_OUTSTANDING_COMPLETE
							  : PEND_OUTSTANDING_FINISH),
		  ==, 0);
	CHECK_INT(pend_link_close(theatre->link), ==, 0);
	for (int tries = 0; tries < PATIENCE_MS && error == -EBUSY; tries++) {
		error = pend_hook_destroy(theatre->hook);
		if (error)
			(void)poll(NULL, 0, 1);
	}
	CHECK_INT(error, ==, 0);
}

static void judge(struct theatre *theatre)
{
	struct pend_runtime_stats stats = { .size = sizeof(stats) };
	uint64_t runs = 0;

	for (uint64_t i = 0; i <= theatre->rounds; i++) {
		CHECK_U64(replace_get(&theatre->roles[i].freed), ==, 1);
		runs += replace_get(&theatre->roles[i].runs);
	}
	CHECK_U64(runs, >=, replace_get(&theatre->invocations));
	if (!theatre->by_hand)
		CHECK_U64(runs, ==, replace_get(&theatre->invocations));
	CHECK_U64(replace_get(&theatre->held), ==, replace_get(&theatre->pended));
	CHECK_U64(replace_get(&theatre->completed), ==, replace_get(&theatre->held));
	CHECK_INT(pend_runtime_stats_read(theatre->runtime, &stats), ==, 0);
	CHECK_U64(stats.attachments, ==, theatre->rounds + 1);
	CHECK_U64(stats.attachments_freed, ==, theatre->rounds + 1);
	CHECK_U64(stats.pends, ==, stats.completions);
	CHECK_U64(stats.reinvoked, ==, replace_get(&theatre->reruns));
}

static void strike(struct theatre *theatre)
{
	end_hook(theatre);
	judge(theatre);
	CHECK_INT(pend_custom_map_close(theatre->map), ==, 0);
	CHECK_INT(pend_provider_unregister(theatre->provider, NULL, NULL), ==, 0);
	CHECK_INT(pend_runtime_destroy(theatre->runtime), ==, 0);
	CHECK_INT(pend_engine_destroy(theatre->engine), ==, 0);
	printf("# %s: %" PRIu64 " updates, %" PRIu64 " invocations, %" PRIu64 " pends, %" PRIu64
	       " re-runs\n",
	       theatre->name, theatre->rounds, replace_get(&theatre->invocations),
	       replace_get(&theatre->pended), replace_get(&theatre->reruns));
	free(theatre->roles);
}

int main(int count, char **words)
{
	static const struct theatre plays[] = {
		{ .name = "no pends" },
		{ .name = "no pends, waiting", .waits = true },
		{ .name = "by hand", .by_hand = true },
		{ .name = "pends finish", .outstanding = PEND_OUTSTANDING_FINISH, .pends = true },
		{ .name = "pends are handed over",
		  .outstanding = PEND_OUTSTANDING_HAND_OVER,
		  .pends = true },
		{ .name = "pends are completed",
		  .outstanding = PEND_OUTSTANDING_COMPLETE,
		  .pends = true,
		  .waits = true },
	};
	struct arguments arguments = { .rounds = 10000 };
	struct tap tap = { 0 };

	if (!arguments_parse(&arguments, count, words))
		return 2;
	for (size_t i = 0; i < sizeof(plays) / sizeof(plays[0]); i++) {
		struct theatre theatre = plays[i];

		if (!arguments_want(&arguments, theatre.name))
			continue;
		theatre.rounds = arguments.rounds;
		theatre.seed = arguments.seed + i;
		build(&theatre);
		crew_run(THREADS, &theatre, run_thread);
		strike(&theatre);
		tap_report(&tap, 1, theatre.name);
	}
	return tap_end(&tap);
}
