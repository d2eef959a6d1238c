/* SPDX-License-Identifier: MIT */
/*
 * torture_flow.c - operations through hooks, with executors, while others decide (guarantees A, B, H,
 * I through the runtime).
 *
 * Hooks ask three programs: one pends, one behind it pends again, or not, one looks on; now and then
 * one defers for the identity. Meanwhile others complete, continue and cancel whatever they see, and
 * deadlines pass. What a program works on, and what completions look at, is plain memory: two that
 * overlap, or are not ordered, are a data race that a race detector reports, and a mixture that the
 * checks here find.
 *
 *	A  each operation that was accepted is delivered once, no other is
 *	B  nothing is delivered, and no program runs, while a program of the operation runs
 *	H  each run of a program sees the operation as it was
 *	I  pends = completions at the end; what was taken was given back
 */
#include <errno.h>
#include <unistd.h>

#include <pendmap/pendmap.h>

#include "tests/map/map_oracle.h"
#include "tests/map/torture_engine_oracle.h"
#include "tests/support/arguments.h"
#include "tests/support/check.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

enum { HOOKS = 2, OTHERS = 2, RECORDS = 12, MAPS = 2, PROGRAMS = 3, WORDS = 4 };

/* What programs see of an operation. */
struct flow_scene {
	uint64_t record, stamp;
	uint64_t hidden;
};

/* An operation. All but `busy` and `handle` is plain. */
struct flow_record {
	struct oracle_word busy;    /* given back when it has ended */
	struct oracle_place handle; /* for the others to decide */
	uint64_t stamp, work[WORDS];
	uint32_t running, runs, pends, ends, copies;
	uint32_t drawn[PROGRAMS]; /* the random number of each program's first run */
};

struct flow {
	struct pend_engine *engine;
	struct pend_runtime *runtime;
	struct pend_hook *hook;
	struct pend_custom_map *maps[MAPS];
	struct pend_program *programs[PROGRAMS];
	struct pend_link *links[PROGRAMS];
	struct pend_subject self;
	struct flow_record records[HOOKS][RECORDS];
	uint64_t seed, rounds;
	struct oracle_sum asked, absorbed, told, reruns, moved, calls;
	struct oracle_word stop;
};

static struct flow flow;

static struct flow_record *record_of(uint64_t operation)
{
	CHECK_U64(operation, <, HOOKS * RECORDS);
	return &flow.records[operation / RECORDS][operation % RECORDS];
}

/* ---- the backend ---- */

static int flow_pend(void *context, uint64_t operation, struct pend_map *map, uint64_t handle)
{
	struct flow_record *record = record_of(operation);

	(void)context;
	(void)map;
	CHECK_U64(record->pends++, ==, 0);
	(void)oracle_swap(&record->handle, handle);
	return 0;
}

static int flow_clone(void *context, uint64_t operation, struct pend_payload *payload)
{
	struct flow_record *record = record_of(operation);

	(void)context;
	record->copies++;
	*payload = (struct pend_payload){ record->work, sizeof(record->work), operation };
	return 0;
}

/* The operation has ended; its copy is still to be given back. */
static void flow_end(uint64_t operation)
{
	struct flow_record *record = record_of(operation);

	CHECK_U64(record->running, ==, 0);
	CHECK_U64(record->pends, ==, 1);
	CHECK_U64(record->ends++, ==, 0);
	for (uint32_t i = 0; i < WORDS; i++)
		CHECK_U64(record->work[i], ==, record->stamp + i);
	oracle_add(&flow.told, 1);
}

static void flow_complete(void *context, uint64_t operation,
			  const struct pend_completion *completion)
{
	(void)context;
	CHECK(completion->action >= PEND_ACTION_PERMIT_SOFT &&
	      completion->action <= PEND_ACTION_BLOCK);
	CHECK(completion->origin != PEND_ORIGIN_CANCEL);
	flow_end(operation);
}

static void flow_owner_gone(void *context, uint64_t operation)
{
	(void)context;
	flow_end(operation);
}

static void flow_give_back(uint64_t operation)
{
	struct flow_record *record = record_of(operation);

	CHECK_U64(record->ends, ==, 1);
	CHECK_U64(record->copies--, ==, 1);
	oracle_give(&record->busy, 0);
}

/* Every third cannot be sent on. */
static int flow_reinject(void *context, uint64_t operation, const struct pend_payload *payload)
{
	(void)context;
	if (record_of(operation)->stamp / 16 % 3 == 0)
		return -ENOBUFS;
	CHECK_U64(payload->token, ==, operation);
	flow_give_back(operation);
	return 0;
}

static void flow_discard(void *context, const struct pend_payload *payload)
{
	(void)context;
	flow_give_back(payload->token);
}

static void flow_abort(void *context, uint64_t operation)
{
	(void)context;
	(void)operation;
	CHECK_NEVER("nothing fails after the backend holds it");
}

static void flow_moved(void *context, uint64_t operation, struct pend_map *map, uint64_t handle)
{
	(void)context;
	(void)map;
	(void)oracle_swap(&record_of(operation)->handle, handle);
	oracle_add(&flow.moved, 1);
}

static const struct pend_backend flow_backend = {
	.header = PEND_HEADER(PEND_BACKEND_VERSION, struct pend_backend, moved),
	.pend = flow_pend,
	.complete = flow_complete,
	.clone = flow_clone,
	.reinject = flow_reinject,
	.discard = flow_discard,
	.abort = flow_abort,
	.owner_gone = flow_owner_gone,
	.moved = flow_moved,
};

/* ---- the programs ---- */

struct flow_value {
	struct pend_value head;
};

static int flow_pend_in(uint32_t map)
{
	struct flow_value value = { { PEND_VALUE_VERSION, sizeof(struct pend_value), 0, 0 } };
	struct pend_key key = pend_key_of(0);

	return bpf_pend_operation(flow.maps[map], &value, sizeof(value), &key, sizeof(key));
}

/* What the first program does; what the second does with what was permitted. */
static int flow_decide(uint32_t program, uint64_t draw)
{
	struct bpf_identity_info info;
	int result;

	if (program == 2 || (program == 1 && draw % 2))
		return PEND_VERDICT_PROCEED_SOFT;
	if (program == 0 && draw / 2 % 16 == 0 && bpf_get_identity(&info, sizeof(info)) == -EAGAIN)
		return PEND_VERDICT_DEFER_TO_PASSIVE;
	result = flow_pend_in(program);
	CHECK(result == 0 || result == -ENOSPC || result == -ERANGE || result == -EBUSY);
	if (result)
		return draw / 32 % 2 ? PEND_VERDICT_REJECT : PEND_VERDICT_PROCEED_HARD;
	if (draw / 64 % 4 == 0)
		return (int)(draw / 256 % 3);
	return PEND_VERDICT_PEND;
}

static int flow_run(void *context, void *data)
{
	const struct flow_scene *scene = context;
	const uint32_t program = (uint32_t)(uintptr_t)data;
	struct flow_record *record = record_of(scene->record);
	const uint32_t drawn = bpf_get_prandom_u32();
	uint64_t draw;
	int verdict;

	CHECK_U64(record->running, ==, 0);
	record->running = 1;
	CHECK_U64(scene->stamp, ==, record->stamp);
	CHECK_U64(pend_frame_operation(), ==, scene->record);
	if (!record->drawn[program])
		record->drawn[program] = drawn;
	CHECK_U64(record->drawn[program], ==, drawn);
	draw = payload_word(scene->record, record->stamp, 16 * record->runs++ + program);
	verdict = flow_decide(program, draw);
	for (uint32_t i = 0; i < WORDS; i++) {
		record->work[i] = record->stamp + i;
		if (draw / 1024 % 4 == i)
			(void)sched_yield();
	}
	record->running = 0;
	return verdict;
}

/* ---- the threads ---- */

static bool flow_ask(uint32_t hook, uint32_t number, uint64_t stamp)
{
	struct flow_record *record = &flow.records[hook][number];
	struct flow_scene scene = { hook * RECORDS + number, stamp, ~stamp };
	struct pend_invocation invocation = {
		.context = &scene,
		.operation = scene.record,
		.subject = &flow.self,
		.initial = PEND_VERDICT_PROCEED_SOFT,
	};

	if (oracle_obtain(&record->busy))
		return false;
	oracle_set(&record->busy, 1);
	record->stamp = stamp;
	record->runs = record->pends = record->ends = record->copies = record->running = 0;
	memset(record->drawn, 0, sizeof(record->drawn));
	CHECK_INT(pend_hook_invoke(flow.hook, &invocation), ==, 0);
	oracle_add(&flow.asked, 1);
	if (invocation.verdict == PEND_VERDICT_PEND) {
		oracle_add(&flow.absorbed, 1);
		return true;
	}
	CHECK_U64(record->pends, ==, 0);
	CHECK_U64(record->running, ==, 0);
	oracle_set(&record->busy, 0);
	return true;
}

static void run_hook(uint32_t hook, struct rng *rng)
{
	for (uint64_t round = 0; round < flow.rounds; round++)
		if (!flow_ask(hook, rng_below(rng, RECORDS), 1 + round * 16))
			(void)sched_yield();
}

static void run_other(struct rng *rng)
{
	while (!oracle_get(&flow.stop)) {
		struct flow_record *record =
			&flow.records[rng_below(rng, HOOKS)][rng_below(rng, RECORDS)];
		const uint64_t handle = oracle_look(&record->handle);
		const uint32_t what = rng_below(rng, 8);
		struct pend_map *map = pend_custom_map_pends(flow.maps[rng_below(rng, MAPS)]);
		int result;

		if (what == 0)
			result = pend_map_cancel(map, handle);
		else
			result = pend_map_complete(map, handle,
						   what < 4 ? (enum pend_action)what
							    : PEND_ACTION_CONTINUE);
		CHECK(result == 0 || result == -ENOENT || result == -EALREADY || result == -ELOOP);
		if (rng_one_in(rng, 8))
			(void)sched_yield();
	}
}

static void run_flow(void *context, uint32_t number, struct crew *crew)
{
	struct rng rng = rng_make(flow.seed, number);

	(void)context;
	(void)crew_meet(crew);
	if (number < HOOKS) {
		run_hook(number, &rng);
		oracle_add(&flow.calls, 1);
		(void)oracle_more(&flow.stop, oracle_total(&flow.calls) == HOOKS);
	} else {
		run_other(&rng);
	}
}

/* ---- the stage ---- */

static const struct pend_uuid flow_type = { { 't' } }, flow_attach = { { 'a' } };

static const struct pend_program_data flow_program_data = {
	.header = PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_program_data, override_addresses),
	.name = "flow",
	.context = { .size = offsetof(struct flow_scene, hidden),
		     .saved_size = sizeof(struct flow_scene),
		     .data = -1,
		     .end = -1 },
};

static void make_runtime(void)
{
	struct pend_runtime_options options = pend_runtime_options_default();

	CHECK_INT(pend_engine_create(NULL, &flow.engine), ==, 0);
	CHECK_INT(pend_engine_enable(flow.engine), ==, 0);
	options.engine = flow.engine;
	options.deferrals = 8;
	options.deferral_ns = 20000000;
	CHECK_INT(pend_runtime_create(&options, &flow.runtime), ==, 0);
}

static struct pend_provider *make_hook(uint32_t flags)
{
	const struct pend_provider_options type = { .size = sizeof(type),
						    .kind = PEND_PROVIDER_PROGRAM,
						    .id = flow_type,
						    .data = &flow_program_data.header };
	const struct pend_hook_options hook = { .size = sizeof(hook),
						.flags = flags,
						.name = "flow",
						.program_type = flow_type,
						.attach_types = { flow_attach },
						.attach_type_count = 1,
						.links_max = PROGRAMS,
						.backend = &flow_backend };
	struct pend_provider *provider;

	CHECK_INT(pend_provider_register(flow.runtime, &type, &provider), ==, 0);
	CHECK_INT(pend_hook_create(flow.runtime, &hook, &flow.hook), ==, 0);
	return provider;
}

static void make_maps(void)
{
	struct pend_map_options extra = pend_map_options_default();
	const struct pend_custom_map_options options = { .size = sizeof(options),
							 .type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
							 .key_size = sizeof(struct pend_key),
							 .value_size = sizeof(struct flow_value),
							 .max_entries = 16,
							 .extra = &extra };

	extra.flags = PEND_MAP_ENABLED;
	extra.deadline_ns = 10000000;
	extra.rerun_limit = 5;
	for (uint32_t i = 0; i < MAPS; i++)
		CHECK_INT(pend_custom_map_create(flow.runtime, &options, &flow.maps[i]), ==, 0);
}

static void attach_programs(void)
{
	static const uint32_t helpers[] = { BPF_FUNC_pend_operation, BPF_FUNC_get_identity,
					    BPF_FUNC_get_prandom_u32 };
	const struct pend_link_options link = { .size = sizeof(link), .attach_type = flow_attach };

	for (uint32_t i = 0; i < PROGRAMS; i++) {
		const struct pend_program_options options = { .size = sizeof(options),
							      .name = "flow",
							      .type = flow_type,
							      .entry = flow_run,
							      .data = (void *)(uintptr_t)i,
							      .helpers = helpers,
							      .helper_count = 3 };

		CHECK_INT(pend_program_load(flow.runtime, &options, &flow.programs[i]), ==, 0);
		CHECK_INT(pend_link_attach(flow.programs[i], &link, &flow.links[i]), ==, 0);
	}
}

/* All that is pended ends, by its deadline at the latest. */
static void await_the_end(void)
{
	for (uint32_t i = 0; i < HOOKS * RECORDS; i++)
		while (oracle_obtain(&record_of(i)->busy))
			(void)sched_yield();
}

static void check_books(void)
{
	struct pend_runtime_stats stats = { .size = sizeof(stats) };

	/* Counted after the backend is told. */
	do {
		CHECK_INT(pend_runtime_stats_read(flow.runtime, &stats), ==, 0);
	} while (stats.pends != stats.completions);
	CHECK_U64(oracle_total(&flow.told), ==, oracle_total(&flow.absorbed));
	CHECK_U64(stats.pends - stats.moved, ==, oracle_total(&flow.absorbed));
	CHECK_U64(stats.moved, ==, oracle_total(&flow.moved));
	CHECK_U64(stats.identities, ==, stats.identities_released);
	CHECK_U64(stats.bad_verdicts + stats.not_pended + stats.helper_refused, ==, 0);
	printf("# %" PRIu64 " asked, %" PRIu64 " absorbed, %" PRIu64 " moved, %" PRIu64
	       " run again, %" PRIu64 " deferred, %" PRIu64 " synthesized, %" PRIu64
	       " of them too late, %" PRIu64 " cancelled\n",
	       oracle_total(&flow.asked), oracle_total(&flow.absorbed), stats.moved,
	       stats.reinvoked, stats.deferred, stats.synthesized, stats.synthesized_lost,
	       stats.cancelled);
}

static void end_stage(struct pend_provider *provider)
{
	struct pend_runtime_stats stats = { .size = sizeof(stats) };

	for (uint32_t i = 0; i < PROGRAMS; i++) {
		CHECK_INT(pend_link_close(flow.links[i]), ==, 0);
		CHECK_INT(pend_program_close(flow.programs[i]), ==, 0);
	}
	CHECK_INT(pend_hook_destroy(flow.hook), ==, 0);
	CHECK_INT(pend_runtime_stats_read(flow.runtime, &stats), ==, 0);
	CHECK_U64(stats.attachments, ==, stats.attachments_freed);
	for (uint32_t i = 0; i < MAPS; i++)
		CHECK_INT(pend_custom_map_close(flow.maps[i]), ==, 0);
	CHECK_INT(pend_provider_unregister(provider, NULL, NULL), ==, 0);
	CHECK_INT(pend_runtime_destroy(flow.runtime), ==, 0);
	CHECK_INT(pend_engine_destroy(flow.engine), ==, 0);
}

/* Whose operations they are. Valgrind knows no pidfds: there they are those of a process that is not
 * found again, whose identity nobody gets. */
static void capture_self(void)
{
	const int result = pend_subject_capture((int32_t)getpid(), &flow.self);

	CHECK(result == 0 || result == -EACCES);
	if (result)
		flow.self = (struct pend_subject){ .pid = (int32_t)getpid(),
						   .pidfd = dup(STDOUT_FILENO) };
	CHECK_INT(flow.self.pidfd, >=, 0);
}

static uint64_t torture_flow(const struct arguments *arguments, uint32_t flags)
{
	struct pend_provider *provider;

	memset(&flow, 0, sizeof(flow));
	flow.seed = arguments->seed + flags;
	flow.rounds = arguments->rounds;
	capture_self();
	make_runtime();
	provider = make_hook(flags);
	make_maps();
	attach_programs();
	crew_run(HOOKS + OTHERS, NULL, run_flow);
	await_the_end();
	check_books();
	end_stage(provider);
	CHECK_INT(pend_subject_release(&flow.self), ==, 0);
	return oracle_total(&flow.asked);
}

static const struct {
	const char *name;
	uint32_t flags;
} cases[] = {
	{ "claim", 0 },
	{ "resume", PEND_HOOK_RESUME },
	{ "resume what is known, identity in place",
	  PEND_HOOK_RESUME | PEND_HOOK_RESUME_KNOWN | PEND_HOOK_MAY_BLOCK },
};

int main(int count, char **words)
{
	struct arguments arguments = { .rounds = 20000 };
	uint64_t operations = 0;
	struct tap tap = { 0 };

	if (!arguments_parse(&arguments, count, words))
		return 2;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!arguments_want(&arguments, cases[i].name))
			continue;
		operations += torture_flow(&arguments, cases[i].flags);
		tap_report(&tap, 1, cases[i].name);
	}
	printf("operations: %" PRIu64 "\n", operations);
	return tap_end(&tap);
}
