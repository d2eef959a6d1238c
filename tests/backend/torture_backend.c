/* SPDX-License-Identifier: MIT */
/*
 * torture_backend.c - everybody at once: operations of all layers are submitted, pended, continued,
 * completed, killed, reauthorized, their flows ended, and whatever can fail fails now and then; and
 * each has exactly one verdict, told once, and all that was handed out comes back (guarantees A, B, I;
 * X13, F1 to F6, OP-36).
 *
 *	torture_backend [--rounds N] [--seed N] [--only NAME]
 *
 * Threads: submitters, who wait for each operation; an orchestrator with a session; a killer; one that
 * ends flows; one that reauthorizes and orders faults; and the executors, or two pollers.
 */
#include <pendmap/pendmap.h>
#include <pendmap/simulator.h>

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/backend/flow_oracle.h"
#include "tests/support/arguments.h"
#include "tests/support/check.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

#ifndef BOUND_NS
#define BOUND_NS UINT64_C(20000000000)
#endif

enum {
	SUBMITTERS = 3,
	ORCHESTRATOR = SUBMITTERS,
	KILLER,
	FLOW_ENDER,
	TROUBLE,
	POLLER,
	POLLERS = 2,
	THREADS = POLLER + POLLERS,
	OPERATIONS_MOST = 64,
	FLOWS = 16,
	NOTICES = 32,
	REMEMBERED = 4, /* of each submitter: they can be asked about again */
	PROGRAMS = 2,
	DEADLINE_NS = 4000000,
};

struct shape {
	const char *name;
	uint32_t engine_flags;
	uint32_t simulator_flags;
	uint32_t entries; /* of the pend map */
};

static const struct shape shapes[] = {
	{ "executors", 0, 0, 32 },
	{ "executors, resumed chains", 0, PEND_SIM_RESUME, 32 },
	{ "executors, 2 slots", 0, PEND_SIM_READ_ONLY_IGNORE, 2 },
	{ "polled", PEND_ENGINE_POLLED, PEND_SIM_RESUME | PEND_SIM_RESUME_KNOWN, 32 },
};

static struct {
	const struct shape *shape;
	uint64_t seed, rounds;
	struct pend_engine *engine;
	struct pend_runtime *runtime;
	struct pend_simulator *simulator;
	struct pend_custom_map *map;
	struct pend_session *session;
	struct pend_program *programs[2 * PROGRAMS];
	struct pend_link *links[PEND_LAYERS * 2 * PROGRAMS];
	uint32_t link_count;
	struct pend_subject self;
	/* What is under way, for who does harm to it. */
	struct oracle_word operations[SUBMITTERS], flows[FLOWS];
	struct oracle_word submitting; /* submitters that are not done */
	/* The books: of names, so that one told twice does not make up for one never told. */
	struct oracle_word submitted, submitted_sum, told, told_sum;
	struct oracle_word states[PEND_SIM_CANCELLED + 1];
	struct oracle_word killed, ended, reauthorized, refused;
} stage;

static _Thread_local bool reauthorizing;

static uint64_t mixed(uint64_t name)
{
	name = (name ^ name >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return name ^ name >> 32;
}

static void hear_verdict(void *context, uint64_t operation, enum pend_simulated_state state)
{
	(void)context;
	CHECK_U64(state, >=, PEND_SIM_PERMITTED);
	/* A permitted connection that is blocked now was told of before. */
	if (reauthorizing && state == PEND_SIM_BLOCKED)
		return;
	(void)oracle_more(&stage.told, 1);
	(void)oracle_more(&stage.told_sum, mixed(operation));
	(void)oracle_more(&stage.states[state], 1);
}

/* ---- programs ---- */

/* Whoever pends is inside its frame: nothing is delivered before it is closed (guarantee B). */
static void check_pended(void)
{
	struct pend_simulated_info info = { .size = sizeof(info) };

	CHECK_INT(pend_simulator_read(stage.simulator, pend_frame_operation(), &info), ==, 0);
	CHECK(info.state == PEND_SIM_PENDED || info.state == PEND_SIM_CANCELLED);
}

static int judge(void *context, void *data)
{
	struct pend_value value = { PEND_VALUE_VERSION, sizeof(value), 0, 0 };
	struct pend_key key = pend_key_of(0);
	const uint32_t draw = bpf_get_prandom_u32();
	struct bpf_identity_info identity;

	(void)context;
	(void)data;
	if (draw % 8 == 0)
		return PEND_VERDICT_PROCEED_SOFT;
	if (draw % 64 == 1 && bpf_get_identity(&identity, sizeof(identity)) == -EAGAIN)
		return PEND_VERDICT_DEFER_TO_PASSIVE;
	if (bpf_pend_operation(stage.map, &value, sizeof(value), &key, sizeof(key)))
		return draw % 16 == 2 ? PEND_VERDICT_REJECT : PEND_VERDICT_PROCEED_HARD;
	check_pended();
	/* Sometimes it decides after all (F24). */
	return draw % 32 == 3 ? PEND_VERDICT_REJECT : PEND_VERDICT_PEND;
}

static int redirect(void *context, void *data)
{
	struct bpf_sock_addr *address = context;

	(void)data;
	if (bpf_get_prandom_u32() % 4 == 0)
		address->user_port ^= 0x0101;
	return bpf_get_prandom_u32() % 4 == 0 ? PEND_VERDICT_PROCEED_HARD
					      : PEND_VERDICT_PROCEED_SOFT;
}

static int classify(void *context, void *data)
{
	(void)context;
	(void)data;
	return (int)(bpf_get_prandom_u32() % 16 == 0 ? EBPF_FLOW_CLASSIFY_BLOCK
						     : bpf_get_prandom_u32() % 2 * 2);
}

static struct pend_program *load(pend_program_fn entry, const struct pend_uuid *type)
{
	static const uint32_t helpers[] = { BPF_FUNC_get_prandom_u32, BPF_FUNC_pend_operation,
					    BPF_FUNC_get_identity };
	const struct pend_program_options options = {
		.size = sizeof(options),
		.name = "torture",
		.type = *type,
		.entry = entry,
		.helpers = helpers,
		.helper_count = entry == judge ? 3 : 1,
	};
	struct pend_program *program = NULL;

	CHECK_INT(pend_program_load(stage.runtime, &options, &program), ==, 0);
	return program;
}

static void attach(struct pend_program *program, enum pend_layer layer, int family)
{
	const struct pend_link_options options = {
		.size = sizeof(options),
		.attach_type = *pend_layer_attach_type(layer, family),
	};

	CHECK_INT(pend_link_attach(program, &options, &stage.links[stage.link_count++]), ==, 0);
}

static void begin_programs(void)
{
	stage.programs[0] = load(judge, pend_sock_addr_type());
	stage.programs[1] = load(judge, pend_sock_addr_type());
	stage.programs[2] = load(redirect, pend_sock_addr_type());
	stage.programs[3] = load(classify, pend_flow_classify_type());
	stage.link_count = 0;
	for (uint32_t i = 0; i < PEND_LAYERS * 2; i++) {
		const enum pend_layer layer = (enum pend_layer)(i / 2);
		const int family = i % 2 ? AF_INET6 : AF_INET;

		if (layer == PEND_LAYER_CONNECT_REDIRECT) {
			attach(stage.programs[2], layer, family);
		} else if (layer == PEND_LAYER_STREAM) {
			attach(stage.programs[3], layer, family);
		} else {
			attach(stage.programs[0], layer, family);
			attach(stage.programs[1], layer, family);
		}
	}
}

/* ---- the stage ---- */

static void begin_map(void)
{
	struct pend_map_options pends = pend_map_options_default();
	const struct pend_custom_map_options options = {
		.size = sizeof(options),
		.type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
		.key_size = sizeof(struct pend_key),
		.value_size = sizeof(struct pend_value),
		.max_entries = stage.shape->entries,
		.extra = &pends,
	};

	pends.flags = PEND_MAP_ENABLED | PEND_MAP_LIMIT_BLOCKS;
	pends.deadline_ns = DEADLINE_NS;
	pends.rerun_limit = 4;
	CHECK_INT(pend_custom_map_create(stage.runtime, &options, &stage.map), ==, 0);
	CHECK_INT(pend_session_open(stage.engine, NULL, &stage.session), ==, 0);
	CHECK_INT(pend_custom_map_bind(stage.map, stage.session), ==, 0);
}

static void begin_stage(void)
{
	struct pend_engine_options engine = pend_engine_options_default();
	struct pend_runtime_options runtime = pend_runtime_options_default();
	struct pend_simulator_options simulator = pend_simulator_options_default();

	engine.flags = stage.shape->engine_flags;
	engine.queue_entries = 16;
	CHECK_INT(pend_engine_create(&engine, &stage.engine), ==, 0);
	CHECK_INT(pend_engine_enable(stage.engine), ==, 0);
	runtime.engine = stage.engine;
	runtime.deferral_ns = DEADLINE_NS;
	runtime.deferrals = 8;
	CHECK_INT(pend_runtime_create(&runtime, &stage.runtime), ==, 0);
	simulator.flags = stage.shape->simulator_flags;
	simulator.operations_max = OPERATIONS_MOST;
	simulator.on_verdict = hear_verdict;
	CHECK_INT(pend_simulator_create(stage.runtime, &simulator, &stage.simulator), ==, 0);
	/* Valgrind does not know the system call: then the operations are nobody's. */
	if (pend_subject_capture(getpid(), &stage.self))
		stage.self.pid = 0;
	begin_map();
	begin_programs();
}

static void check_books(void)
{
	struct pend_simulator_ledger ledger = { .size = sizeof(ledger) };
	struct pend_runtime_stats stats = { .size = sizeof(stats) };

	CHECK_U64(oracle_get(&stage.told), ==, oracle_get(&stage.submitted));
	CHECK_U64(oracle_get(&stage.told_sum), ==, oracle_get(&stage.submitted_sum));
	CHECK_INT(pend_simulator_ledger_read(stage.simulator, &ledger), ==, 0);
	CHECK_U64(ledger.submitted, ==, oracle_get(&stage.submitted));
	CHECK_U64(ledger.ended, ==, ledger.submitted);
	CHECK_U64(ledger.pended, ==, ledger.completed);
	CHECK_U64(ledger.copies, ==, ledger.copies_freed);
	CHECK_U64(ledger.handles, ==, ledger.handles_released);
	CHECK_U64(ledger.identities, ==, ledger.identities_released);
	CHECK_U64(ledger.flows, ==, ledger.flows_deleted);
	CHECK_U64(ledger.redirects_cached, >=, ledger.redirects_used + ledger.redirects_expired);
	CHECK_INT(pend_runtime_stats_read(stage.runtime, &stats), ==, 0);
	CHECK_U64(stats.pends, ==, stats.completions);
	CHECK_U64(stats.identities, ==, stats.identities_released);
	printf("# pended %" PRIu64 " injected %" PRIu64 " flows %" PRIu64 " cancelled %" PRIu64
	       " moved %" PRIu64 " rerun %" PRIu64 "\n",
	       ledger.pended, ledger.injected, ledger.flows, stats.cancelled, stats.moved,
	       stats.reinvoked);
}

static void end_stage(void)
{
	for (uint32_t i = 0; i < FLOWS; i++) {
		if (oracle_get(&stage.flows[i]))
			(void)!pend_simulator_end_flow(stage.simulator,
						       oracle_get(&stage.flows[i]));
	}
	CHECK_INT(pend_map_disable(pend_custom_map_pends(stage.map), PEND_WAIT_FOREVER), ==, 0);
	check_books();
	for (uint32_t i = 0; i < stage.link_count; i++) {
		CHECK_INT(pend_link_detach(stage.links[i], PEND_OUTSTANDING_FINISH), ==, 0);
		CHECK_INT(pend_link_close(stage.links[i]), ==, 0);
	}
	for (uint32_t i = 0; i < 2 * PROGRAMS; i++)
		CHECK_INT(pend_program_close(stage.programs[i]), ==, 0);
	CHECK_INT(pend_simulator_destroy(stage.simulator), ==, 0);
	CHECK_INT(pend_custom_map_close(stage.map), ==, 0);
	CHECK_INT(pend_session_close(stage.session), ==, 0);
	(void)!pend_sock_addr_unregister(stage.runtime);
	CHECK_INT(pend_runtime_destroy(stage.runtime), ==, 0);
	CHECK_INT(pend_engine_destroy(stage.engine), ==, 0);
	if (stage.self.pid)
		CHECK_INT(pend_subject_release(&stage.self), ==, 0);
}

/* ---- submitters ---- */

static struct pend_simulated_request draw_request(struct rng *rng)
{
	struct pend_simulated_request request = {
		.layer = (enum pend_layer)(PEND_LAYER_CONNECT + rng_below(rng, 6)),
		.direction = (enum pend_direction)rng_below(rng, 2),
		.socket_cookie = rng_below(rng, 4),
	};

	request.address.family = rng_one_in(rng, 2) ? AF_INET : AF_INET6;
	request.address.user_port = (uint16_t)rng_below(rng, 4);
	if (pend_layer_describe(request.layer)->has_payload && rng_one_in(rng, 2)) {
		request.payload = "some bytes";
		request.payload_size = 10;
	}
	if (request.layer == PEND_LAYER_DATAGRAM || request.layer == PEND_LAYER_STREAM)
		request.flow = oracle_get(&stage.flows[rng_below(rng, FLOWS)]);
	if (request.layer == PEND_LAYER_STREAM)
		request.flow_state = (enum pend_flow_state)rng_below(rng, 2);
	else if (!request.flow && rng_one_in(rng, 8))
		request.subject = stage.self;
	if (rng_one_in(rng, 32))
		request.flags = PEND_SIM_SELF_INJECTED;
	return request;
}

static void check_settled(const struct pend_simulated_info *info)
{
	CHECK_U64(info->state, >=, PEND_SIM_PERMITTED);
	CHECK_U64(info->completions, <=, info->pends);
	CHECK_U64(info->injections, <=, 1);
	if (info->state != PEND_SIM_PERMITTED && info->layer != PEND_LAYER_CONNECT)
		CHECK_U64(info->injections, ==, 0);
	if (info->state == PEND_SIM_BLOCKED)
		CHECK_U64(info->action, ==, PEND_ACTION_BLOCK);
	if (info->state == PEND_SIM_PERMITTED)
		CHECK(info->action == PEND_ACTION_PERMIT_SOFT ||
		      info->action == PEND_ACTION_PERMIT_HARD);
}

/* Its flow takes the place of another, which ends. */
static void keep_flow(struct rng *rng, uint64_t flow)
{
	const uint64_t old = oracle_replace(&stage.flows[rng_below(rng, FLOWS)], flow);

	if (old && old != flow)
		(void)!pend_simulator_end_flow(stage.simulator, old);
}

static void forget(uint64_t operation)
{
	int error;

	/* Busy while it is asked about again. */
	while ((error = pend_simulator_forget(stage.simulator, operation)) == -EBUSY)
		(void)sched_yield();
	CHECK_INT(error, ==, 0);
}

static void submit_one(struct rng *rng, uint32_t number, uint64_t *oldest)
{
	const struct pend_simulated_request request = draw_request(rng);
	struct pend_simulated_info info = { .size = sizeof(info) };
	uint64_t operation;
	const int error = pend_simulator_submit(stage.simulator, &request, &operation);

	if (error) {
		CHECK(error == -EIO || error == -ENOSPC);
		(void)oracle_more(&stage.refused, 1);
		return;
	}
	oracle_set(&stage.operations[number], operation);
	(void)oracle_more(&stage.submitted, 1);
	(void)oracle_more(&stage.submitted_sum, mixed(operation));
	/* Others find its flow before it is alive, or only then. */
	CHECK_INT(pend_simulator_read(stage.simulator, operation, &info), ==, 0);
	if (info.flow && rng_one_in(rng, 2))
		keep_flow(rng, info.flow);
	CHECK_INT(pend_simulator_wait(stage.simulator, operation, BOUND_NS), ==, 0);
	CHECK_INT(pend_simulator_read(stage.simulator, operation, &info), ==, 0);
	check_settled(&info);
	if (info.flow && info.state == PEND_SIM_PERMITTED)
		keep_flow(rng, info.flow);
	if (*oldest)
		forget(*oldest);
	*oldest = operation;
}

static void run_submitter(uint32_t number)
{
	struct rng rng = rng_make(stage.seed, number);
	uint64_t remembered[REMEMBERED] = { 0 };

	for (uint64_t i = 0; i < stage.rounds; i++)
		submit_one(&rng, number, &remembered[i % REMEMBERED]);
	for (uint32_t i = 0; i < REMEMBERED; i++) {
		if (remembered[i])
			forget(remembered[i]);
	}
	(void)oracle_more(&stage.submitting, (uint64_t)-1);
}

/* ---- the others ---- */

static bool is_over(void)
{
	return oracle_get(&stage.submitting) == 0;
}

static void rest(void)
{
	const struct timespec nap = { .tv_nsec = 50000 };

	(void)nanosleep(&nap, NULL);
}

static void decide(struct rng *rng, const struct pend_notice *notice)
{
	static const enum pend_action actions[] = {
		PEND_ACTION_PERMIT_SOFT, PEND_ACTION_PERMIT_HARD, PEND_ACTION_BLOCK,
		PEND_ACTION_CONTINUE,    PEND_ACTION_PERMIT_SOFT, PEND_ACTION_PERMIT_SOFT,
	};
	int error;

	/* Some wait for their deadline. */
	if (rng_one_in(rng, 32))
		return;
	error = pend_session_complete(stage.session, notice->map, notice->handle,
				      actions[rng_below(rng, 6)]);
	CHECK(!error || error == -ENOENT || error == -EALREADY || error == -ELOOP);
}

static void run_orchestrator(void)
{
	struct rng rng = rng_make(stage.seed, ORCHESTRATOR);
	struct pend_notice notices[NOTICES];

	while (!is_over()) {
		const int count = pend_session_read(stage.session, notices, NULL, NOTICES);

		CHECK_INT(count, >=, 0);
		for (int i = 0; i < count; i++)
			decide(&rng, &notices[i]);
		if (!count)
			rest();
	}
}

static void run_killer(void)
{
	struct rng rng = rng_make(stage.seed, KILLER);

	while (!is_over()) {
		const uint64_t victim = oracle_get(&stage.operations[rng_below(&rng, SUBMITTERS)]);
		const int error = pend_simulator_kill(stage.simulator, victim);

		CHECK(!error || error == -ENOENT || error == -EALREADY);
		(void)oracle_more(&stage.killed, error == 0);
		for (uint32_t n = rng_below(&rng, 4); n > 0; n--)
			rest();
	}
}

static void run_flow_ender(void)
{
	struct rng rng = rng_make(stage.seed, FLOW_ENDER);
	struct pend_subject subject;

	while (!is_over()) {
		const uint64_t flow = oracle_get(&stage.flows[rng_below(&rng, FLOWS)]);
		int error = pend_simulator_flow_identity(stage.simulator, flow, &subject);

		CHECK(error == -ENOENT || (!error && subject.pid == getpid()));
		if (rng_one_in(&rng, 4)) {
			error = pend_simulator_end_flow(stage.simulator, flow);
			CHECK(!error || error == -ENOENT);
			(void)oracle_more(&stage.ended, error == 0);
		}
		rest();
	}
}

static void run_trouble(void)
{
	struct rng rng = rng_make(stage.seed, TROUBLE);

	while (!is_over()) {
		const enum pend_simulator_fault at =
			(enum pend_simulator_fault)rng_below(&rng, PEND_FAULTS);
		int asked;

		CHECK_INT(pend_simulator_fail(stage.simulator, at, rng_below(&rng, 8), 1, -EIO), ==,
			  0);
		reauthorizing = true;
		asked = pend_simulator_reauthorize(stage.simulator, (uint16_t)rng_below(&rng, 4),
						   PEND_REASON_POLICY);
		reauthorizing = false;
		CHECK_INT(asked, >=, 0);
		(void)oracle_more(&stage.reauthorized, (uint64_t)asked);
		rest();
	}
}

static void run_poller(void)
{
	while (!is_over()) {
		CHECK_INT(pend_engine_poll(stage.engine, PEND_CPU_CURRENT, 64), >=, 0);
		(void)sched_yield();
	}
}

static void work(void *context, uint32_t number, struct crew *crew)
{
	(void)context;
	(void)crew;
	if (number < SUBMITTERS)
		run_submitter(number);
	else if (number == ORCHESTRATOR)
		run_orchestrator();
	else if (number == KILLER)
		run_killer();
	else if (number == FLOW_ENDER)
		run_flow_ender();
	else if (number == TROUBLE)
		run_trouble();
	else
		run_poller();
}

static void run_shape(const struct shape *shape, const struct arguments *arguments)
{
	memset(&stage, 0, sizeof(stage));
	stage.shape = shape;
	stage.seed = arguments->seed;
	stage.rounds = arguments->rounds;
	oracle_set(&stage.submitting, SUBMITTERS);
	begin_stage();
	crew_run(shape->engine_flags & PEND_ENGINE_POLLED ? THREADS : POLLER, NULL, work);
	end_stage();
	printf("# told %" PRIu64 ": permitted %" PRIu64 " blocked %" PRIu64 " cancelled %" PRIu64
	       "; killed %" PRIu64 " flows ended %" PRIu64 " reauthorized %" PRIu64
	       " refused %" PRIu64 "\n",
	       oracle_get(&stage.told), oracle_get(&stage.states[PEND_SIM_PERMITTED]),
	       oracle_get(&stage.states[PEND_SIM_BLOCKED]),
	       oracle_get(&stage.states[PEND_SIM_CANCELLED]), oracle_get(&stage.killed),
	       oracle_get(&stage.ended), oracle_get(&stage.reauthorized),
	       oracle_get(&stage.refused));
}

int main(int count, char **words)
{
	struct arguments arguments = { .rounds = 2000 };
	struct tap tap = { 0 };

	if (!arguments_parse(&arguments, count, words))
		return 2;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (!arguments_want(&arguments, shapes[i].name))
			continue;
		run_shape(&shapes[i], &arguments);
		tap_report(&tap, 1, shapes[i].name);
	}
	return tap_end(&tap);
}
