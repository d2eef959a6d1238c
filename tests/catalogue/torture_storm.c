/* SPDX-License-Identifier: MIT */
/*
 * torture_storm.c - everything at once, through the whole stack, with executors.
 *
 *	2 callers		operations at five layers, with payloads; some die while they wait
 *	programs		two at each layer: pend, defer, decide after all, complete themselves,
 *				or answer at once, as a generator says; chains go on after a permit
 *	orchestrator		scans; completes, continues, moves deadlines; for nobody, or for a
 *				session, which is lost
 *	replacer		another program at a link, under each policy; detached and attached again
 *	stopper			disables the map: then nothing is live; enables it again
 *
 * The oracle: each operation ends, once, within PATIENCE_NS; after a stop the map is empty; in the end
 * the simulator's ledger and the runtime's counters balance, and each program was freed once.
 * Guarantees A, B, C, E, F, G and I.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pendmap/pendmap.h>

#include "tests/support/arguments.h"
#include "tests/support/check.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"
#include "tests/support/torture_oracle.h"

#define PATIENCE_NS UINT64_C(60000000000)
#define MS UINT64_C(1000000)
#define ENOUGH_ROUNDS 500u /* for everything to happen */

enum { LAYERS = 5, PROGRAMS = 2, CALLERS = 2, CREW = CALLERS + 3, ENTRIES = 24 };

static const enum pend_layer layers[LAYERS] = { PEND_LAYER_CONNECT, PEND_LAYER_RECV_ACCEPT,
						PEND_LAYER_LISTEN, PEND_LAYER_BIND,
						PEND_LAYER_DATAGRAM };

struct storm {
	struct pend_engine *engine;
	struct pend_runtime *runtime;
	struct pend_simulator *simulator;
	struct pend_custom_map *custom;
	struct pend_map *map;
	struct pend_link *links[LAYERS][PROGRAMS];
	struct pend_subject self;
	uint64_t rounds, seed;
	bool resumes; /* the chains */
	struct oracle_sum loaded, freed, callers_done, draws;
};

/* ---- the programs ---- */

static const uint32_t helpers[] = { BPF_FUNC_pend_operation, BPF_FUNC_complete_operation,
				    BPF_FUNC_get_identity, BPF_FUNC_pend_scratch,
				    BPF_FUNC_get_socket_cookie };

static _Thread_local struct rng program_rng;

/* A generator for the thread that happens to run. */
static struct rng *program_draws(struct storm *storm)
{
	if (!program_rng.state) {
		oracle_add(&storm->draws, 1);
		program_rng = rng_make(storm->seed, 1000 + oracle_total(&storm->draws));
	}
	return &program_rng;
}

static int decide(struct rng *rng)
{
	return (int)rng_below(rng, 3); /* REJECT, PROCEED_SOFT, PROCEED_HARD */
}

static int storm_run(void *context, void *data)
{
	struct storm *storm = data;
	struct rng *rng = program_draws(storm);
	struct pend_value value = { PEND_VALUE_VERSION, sizeof(value), 0, 0 };
	struct pend_key key = pend_key_of(0);
	struct bpf_identity_info identity;
	uint32_t size = 0;
	uint64_t *scratch;

	CHECK_U64(bpf_get_socket_cookie(context), ==, 0xc00c1e);
	if (rng_one_in(rng, 6) && bpf_get_identity(&identity, sizeof(identity)) == -EAGAIN)
		return PEND_VERDICT_DEFER_TO_PASSIVE;
	if (rng_one_in(rng, 4))
		return decide(rng);
	if (bpf_pend_operation(storm->custom, &value, sizeof(value), &key, sizeof(key)))
		return decide(rng);
	scratch = bpf_pend_scratch(&size);
	CHECK(scratch && size == 16);
	CHECK_U64(scratch[0], ==, scratch[1]); /* nobody else writes it */
	scratch[0]++;
	scratch[1]++;
	if (rng_one_in(rng, 8))
		(void)!bpf_complete_operation(storm->custom, &key,
					      (enum pend_action)(1 + rng_below(rng, 4)));
	return rng_one_in(rng, 6) ? decide(rng) : PEND_VERDICT_PEND;
}

static void storm_freed(void *data)
{
	struct storm *storm = data;

	oracle_add(&storm->freed, 1);
}

static struct pend_program *load(struct storm *storm)
{
	const struct pend_program_options options = {
		.size = sizeof(options),
		.name = "storm",
		.type = *pend_sock_addr_type(),
		.entry = storm_run,
		.data = storm,
		.helpers = helpers,
		.helper_count = sizeof(helpers) / sizeof(helpers[0]),
		.on_free = storm_freed,
	};
	struct pend_program *program;

	CHECK_INT(pend_program_load(storm->runtime, &options, &program), ==, 0);
	oracle_add(&storm->loaded, 1);
	return program;
}

static struct pend_link *attach(struct storm *storm, uint32_t layer)
{
	const struct pend_link_options options = {
		.size = sizeof(options),
		.attach_type = *pend_layer_attach_type(layers[layer], AF_INET),
	};
	struct pend_program *program = load(storm);
	struct pend_link *link;

	CHECK_INT(pend_link_attach(program, &options, &link), ==, 0);
	CHECK_INT(pend_program_close(program), ==, 0);
	return link;
}

/* ---- the crew ---- */

static void call(struct storm *storm, struct rng *rng)
{
	struct pend_simulated_request request = { .layer = layers[rng_below(rng, LAYERS)] };
	struct pend_simulated_info info = { .size = sizeof(info) };
	uint64_t operation = 0;

	request.address.family = AF_INET;
	request.address.protocol = IPPROTO_UDP;
	request.address.user_port = htons(443);
	request.socket_cookie = 0xc00c1e;
	request.subject = storm->self;
	if (pend_layer_describe(request.layer)->has_payload) {
		request.payload = "payload";
		request.payload_size = 7;
	}
	CHECK_INT(pend_simulator_submit(storm->simulator, &request, &operation), ==, 0);
	if (rng_one_in(rng, 5))
		(void)!pend_simulator_kill(storm->simulator, operation);
	CHECK_INT(pend_simulator_wait(storm->simulator, operation, PATIENCE_NS), ==, 0);
	CHECK_INT(pend_simulator_read(storm->simulator, operation, &info), ==, 0);
	CHECK_INT(info.state, >=, PEND_SIM_PERMITTED);
	CHECK_U64(info.completions, <=, info.pends);
	CHECK_U64(info.injections, <=, 1);
	if (info.flow)
		(void)!pend_simulator_end_flow(storm->simulator, info.flow);
	CHECK_INT(pend_simulator_forget(storm->simulator, operation), ==, 0);
}

/* Decides something about all that is pended, for @session or, if that is NULL, for nobody. */
static void decide_all(struct storm *storm, struct rng *rng, struct pend_session *session)
{
	struct pend_cursor cursor = { .position = 0 };
	struct pend_info infos[8];
	int found;

	while ((found = pend_map_scan(storm->map, &cursor, infos, NULL, 8)) > 0)
		for (int i = 0; i < found; i++) {
			const uint64_t handle = infos[i].handle;
			const uint32_t what = rng_below(rng, 8);
			const enum pend_action action = (enum pend_action)(1 + what % 4);

			if (what == 5)
				(void)!pend_map_extend(storm->map, handle, 3 * MS);
			else if (what < 5 && session)
				(void)!pend_session_complete(session, storm->map, handle, action);
			else if (what < 5)
				(void)!pend_map_complete(storm->map, handle, action);
		}
}

/* With a session, which is told of what is pended, and is lost some time. */
static void preside(struct storm *storm, struct rng *rng)
{
	struct pend_session_options options = pend_session_options_default();
	struct pend_session *session;
	struct pend_notice notices[16];

	options.notices = 16;
	options.key_size = 0;
	options.on_loss = (enum pend_on_loss)rng_below(rng, 3);
	CHECK_INT(pend_session_open(storm->engine, &options, &session), ==, 0);
	CHECK_INT(pend_custom_map_bind(storm->custom, session), ==, 0);
	for (uint32_t i = 0; i < 10; i++) {
		const int count = pend_session_read(session, notices, NULL, 16);

		CHECK_INT(count, >=, 0);
		for (int n = 0; n < count; n++)
			CHECK(notices[n].map == storm->map);
		decide_all(storm, rng, session);
	}
	CHECK_INT(pend_session_close(session), ==, 0);
	if (!rng_one_in(rng, 4)) /* else the next ones find nobody */
		CHECK_INT(pend_custom_map_bind(storm->custom, NULL), ==, 0);
}

static void orchestrate(struct storm *storm, struct rng *rng)
{
	if (rng_one_in(rng, 16))
		preside(storm, rng);
	else
		decide_all(storm, rng, NULL);
}

static void replace(struct storm *storm, struct rng *rng)
{
	const uint32_t layer = rng_below(rng, LAYERS), which = rng_below(rng, PROGRAMS);
	struct pend_link **link = &storm->links[layer][which];
	struct pend_link_update_options options = {
		.size = sizeof(options),
		.flags = rng_one_in(rng, 3) ? PEND_LINK_WAIT : 0,
		.outstanding = (enum pend_outstanding)rng_below(rng, 3),
	};

	if (rng_one_in(rng, 4)) {
		CHECK_INT(pend_link_detach(*link, rng_one_in(rng, 2) ? PEND_OUTSTANDING_FINISH
								     : PEND_OUTSTANDING_COMPLETE),
			  ==, 0);
		CHECK_INT(pend_link_close(*link), ==, 0);
		*link = attach(storm, layer);
	} else {
		struct pend_program *program = load(storm);

		CHECK_INT(pend_link_update(*link, program, &options), ==, 0);
		CHECK_INT(pend_program_close(program), ==, 0);
	}
}

static void stop(struct storm *storm, struct rng *rng)
{
	(void)usleep(1000 + rng_below(rng, 4000));
	CHECK_INT(pend_map_disable(storm->map, PATIENCE_NS), ==, 0);
	CHECK_INT(pend_map_count(storm->map), ==, 0);
	CHECK_INT(pend_map_enable(storm->map), ==, 0);
}

static void work(void *context, uint32_t number, struct crew *crew)
{
	static void (*const roles[CREW - CALLERS])(
		struct storm * storm, struct rng * rng) = { orchestrate, replace, stop };
	struct storm *storm = context;
	struct rng rng = rng_make(storm->seed, number);

	(void)crew;
	if (number < CALLERS) {
		for (uint64_t i = 0; i < storm->rounds; i++)
			call(storm, &rng);
		oracle_add(&storm->callers_done, 1);
		return;
	}
	while (oracle_total(&storm->callers_done) < CALLERS)
		roles[number - CALLERS](storm, &rng);
}

/* ---- beginning and end ---- */

static void begin(struct storm *storm)
{
	struct pend_runtime_options runtime = pend_runtime_options_default();
	struct pend_simulator_options simulator = { .size = sizeof(simulator),
						    .flags = storm->resumes ? PEND_SIM_RESUME : 0,
						    .operations_max = 64,
						    .redirect_expiry_ms = 60000 };
	struct pend_map_options extra = pend_map_options_default();
	struct pend_custom_map_options map = { .size = sizeof(map),
					       .type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
					       .key_size = sizeof(struct pend_key),
					       .value_size = sizeof(struct pend_value),
					       .max_entries = ENTRIES,
					       .extra = &extra };

	CHECK_INT(pend_engine_create(NULL, &storm->engine), ==, 0);
	CHECK_INT(pend_engine_enable(storm->engine), ==, 0);
	runtime.engine = storm->engine;
	runtime.deferrals = ENTRIES;
	CHECK_INT(pend_runtime_create(&runtime, &storm->runtime), ==, 0);
	CHECK_INT(pend_simulator_create(storm->runtime, &simulator, &storm->simulator), ==, 0);
	extra.flags = PEND_MAP_ENABLED | PEND_MAP_LIMIT_BLOCKS;
	extra.deadline_ns = 5 * MS;
	extra.rerun_limit = 3;
	extra.scratch_size = 16;
	CHECK_INT(pend_custom_map_create(storm->runtime, &map, &storm->custom), ==, 0);
	storm->map = pend_custom_map_pends(storm->custom);
	if (pend_subject_capture(getpid(), &storm->self))
		printf("# no identity can be had here, as under valgrind\n");
	for (uint32_t layer = 0; layer < LAYERS; layer++)
		for (uint32_t i = 0; i < PROGRAMS; i++)
			storm->links[layer][i] = attach(storm, layer);
}

static void check_ledger(const struct storm *storm)
{
	struct pend_simulator_ledger ledger = { .size = sizeof(ledger) };
	struct pend_runtime_stats stats = { .size = sizeof(stats) };

	CHECK_INT(pend_simulator_ledger_read(storm->simulator, &ledger), ==, 0);
	CHECK_U64(ledger.submitted, ==, ledger.ended);
	CHECK_U64(ledger.pended, ==, ledger.completed);
	CHECK_U64(ledger.copies, ==, ledger.copies_freed);
	CHECK_U64(ledger.handles, ==, ledger.handles_released);
	CHECK_U64(ledger.identities, ==, ledger.identities_released);
	CHECK_U64(ledger.flows, ==, ledger.flows_deleted);
	CHECK_INT(pend_runtime_stats_read(storm->runtime, &stats), ==, 0);
	CHECK_U64(stats.pends, ==, stats.completions);
	CHECK_U64(stats.identities, ==, stats.identities_released);
	CHECK_U64(stats.attachments, ==, stats.attachments_freed);
	CHECK_U64(stats.not_pended + stats.bad_verdicts + stats.helper_refused, ==, 0);
	printf("# %" PRIu64 " pended, %" PRIu64 " moved, %" PRIu64 " run again, %" PRIu64
	       " deferred, %" PRIu64 " cancelled, %" PRIu64 " attachments\n",
	       ledger.pended, stats.moved, stats.reinvoked, stats.deferred, stats.cancelled,
	       stats.attachments);
	if (storm->rounds < ENOUGH_ROUNDS)
		return;
	CHECK(stats.moved && stats.reinvoked && stats.cancelled);
	CHECK(stats.deferred || !storm->self.pid);
}

static void end(struct storm *storm)
{
	CHECK_INT(pend_engine_disable(storm->engine, PATIENCE_NS), ==, 0);
	for (uint32_t layer = 0; layer < LAYERS; layer++)
		for (uint32_t i = 0; i < PROGRAMS; i++) {
			CHECK_INT(pend_link_detach(storm->links[layer][i], PEND_OUTSTANDING_FINISH),
				  ==, 0);
			CHECK_INT(pend_link_close(storm->links[layer][i]), ==, 0);
		}
	for (uint64_t waited = 0; oracle_total(&storm->freed) < oracle_total(&storm->loaded);
	     waited += MS) {
		CHECK_U64(waited, <, PATIENCE_NS);
		(void)usleep(1000);
	}
	check_ledger(storm);
	CHECK_U64(oracle_total(&storm->freed), ==, oracle_total(&storm->loaded));
	CHECK_INT(pend_simulator_destroy(storm->simulator), ==, 0);
	CHECK_INT(pend_custom_map_close(storm->custom), ==, 0);
	CHECK_INT(pend_runtime_destroy(storm->runtime), ==, 0);
	CHECK_INT(pend_engine_destroy(storm->engine), ==, 0);
	CHECK_INT(pend_subject_release(&storm->self), ==, 0);
}

static void blow(const struct arguments *arguments, bool resumes)
{
	static struct storm storm;

	storm = (struct storm){ .rounds = arguments->rounds,
				.seed = arguments->seed,
				.resumes = resumes };
	begin(&storm);
	crew_run(CREW, &storm, work);
	end(&storm);
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "claim_mode", "resume_mode" };
	struct arguments arguments = { .rounds = 10000 };
	struct tap tap = { 0, 0 };

	if (!arguments_parse(&arguments, argc, argv))
		return 2;
	for (uint32_t i = 0; i < 2; i++) {
		if (!arguments_want(&arguments, names[i]))
			continue;
		blow(&arguments, i == 1);
		tap_report(&tap, 1, names[i]);
	}
	return tap_end(&tap);
}
