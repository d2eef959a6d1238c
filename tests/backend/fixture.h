/* SPDX-License-Identifier: MIT */
/*
 * fixture.h - what the tests of the simulator share: a runtime on a scripted machine, a pend map, and
 * programs that do as they are told.
 *
 * Nothing happens by itself: the engine is polled by settle(), time stands still. end_stage() checks
 * that the ledgers of simulator and runtime balance, so each test shows that too.
 */
#ifndef TESTS_BACKEND_FIXTURE_H
#define TESTS_BACKEND_FIXTURE_H

#include "tests/map/manual.h"

#include <sys/socket.h>

#include <pendmap/simulator.h>

enum { FAMILIES = 2, ACTORS_MOST = 4, VERDICTS_TOLD_MOST = 64 };

static const int families[FAMILIES] = { AF_INET, AF_INET6 };

/* The layers at which something can be pended. */
static const enum pend_layer pendable[] = { PEND_LAYER_CONNECT, PEND_LAYER_RECV_ACCEPT,
					    PEND_LAYER_LISTEN, PEND_LAYER_BIND,
					    PEND_LAYER_DATAGRAM };
enum { PENDABLE = 5 };

/* A program, and what it is to do and has seen. */
struct actor {
	int verdict;                 /* returned, unless it pends with success */
	struct pend_custom_map *map; /* to pend in; NULL: it does not pend */
	uint32_t pends_most;         /* it pends so often */
	bool identifies;             /* it asks whose operation it is */
	void (*before)(struct actor *actor, struct pend_sock_addr_context *context);
	void (*inside)(struct actor *actor, struct pend_sock_addr_context *context); /* after */
	uint32_t runs, pended;
	int error;       /* of its pend; 1: it did not try */
	uint64_t handle; /* ... */
	int number;      /* the test's */
	int identity_error;
	struct pend_subject identity;
	struct pend_sock_addr_context seen[8]; /* its first runs */
	struct pend_program *program;
	struct pend_link *link;
};

static struct {
	struct pend_engine *engine;
	struct pend_runtime *runtime;
	struct pend_simulator *simulator;
	struct pend_custom_map *map;
	struct actor actors[ACTORS_MOST];
	uint32_t actor_count;
	uint64_t operation; /* the one that is submitted last */
	uint32_t told;
	uint64_t told_operations[VERDICTS_TOLD_MOST];
	enum pend_simulated_state told_states[VERDICTS_TOLD_MOST];
} stage;

/* ---- programs ---- */

static inline void actor_pend(struct actor *actor)
{
	struct pend_value value = { PEND_VALUE_VERSION, sizeof(value), 0, 0 };
	struct pend_key key = pend_key_of(0);

	actor->error = bpf_pend_operation(actor->map, &value, sizeof(value), &key, sizeof(key));
	if (!actor->error) {
		actor->pended++;
		actor->handle = key.pend_id;
	}
}

/* Whose operation it is, as far as the program can say. */
static inline void actor_identify(struct actor *actor)
{
	struct bpf_identity_info info;

	actor->identity_error = bpf_get_identity(&info, sizeof(info));
	if (!actor->identity_error)
		actor->identity = *(const struct pend_subject *)(uintptr_t)info.subject_context;
}

static inline int actor_run(void *context, void *data)
{
	struct pend_sock_addr_context *seen = context;
	struct actor *actor = data;

	if (actor->runs < sizeof(actor->seen) / sizeof(actor->seen[0]))
		actor->seen[actor->runs] = *seen;
	actor->runs++;
	actor->error = 1;
	if (actor->before)
		actor->before(actor, seen);
	if (actor->identifies) {
		actor_identify(actor);
		if (actor->identity_error == -EAGAIN)
			return PEND_VERDICT_DEFER_TO_PASSIVE;
	}
	if (actor->map && actor->pended < actor->pends_most)
		actor_pend(actor);
	if (actor->inside)
		actor->inside(actor, seen);
	return actor->error ? actor->verdict : PEND_VERDICT_PEND;
}

static inline struct actor *load_actor(const struct pend_uuid *type, const uint32_t *helpers,
				       uint32_t helper_count)
{
	struct actor *actor = &stage.actors[stage.actor_count++];
	const struct pend_program_options options = {
		.size = sizeof(options),
		.name = "actor",
		.type = *type,
		.entry = actor_run,
		.data = actor,
		.helpers = helpers,
		.helper_count = helper_count,
	};

	cr_assert_leq(stage.actor_count, ACTORS_MOST);
	*actor = (struct actor){ .verdict = PEND_VERDICT_PROCEED_SOFT, .pends_most = 1 };
	cr_assert_eq(pend_program_load(stage.runtime, &options, &actor->program), 0);
	return actor;
}

static inline void attach_actor(struct actor *actor, enum pend_layer layer, int family)
{
	const struct pend_link_options options = {
		.size = sizeof(options),
		.attach_type = *pend_layer_attach_type(layer, family),
	};

	cr_assert_eq(pend_link_attach(actor->program, &options, &actor->link), 0);
}

/* A program at a layer that returns @verdict. */
static inline struct actor *add_actor(enum pend_layer layer, int family, int verdict)
{
	static const uint32_t helpers[] = { BPF_FUNC_pend_operation, BPF_FUNC_get_identity };
	static const uint32_t redirect_helpers[] = { BPF_FUNC_sock_addr_set_redirect_context };
	const bool redirects = layer == PEND_LAYER_CONNECT_REDIRECT;
	struct actor *actor = load_actor(layer == PEND_LAYER_STREAM ? pend_flow_classify_type()
								    : pend_sock_addr_type(),
					 redirects ? redirect_helpers : helpers, redirects ? 1 : 2);

	actor->verdict = verdict;
	attach_actor(actor, layer, family);
	return actor;
}

/* ... that pends the first operation it sees, and rejects if it cannot. */
static inline struct actor *add_pender(enum pend_layer layer, int family)
{
	struct actor *actor = add_actor(layer, family, PEND_VERDICT_REJECT);

	actor->map = stage.map;
	return actor;
}

static inline void remove_actors(void)
{
	for (uint32_t i = 0; i < stage.actor_count; i++) {
		struct actor *actor = &stage.actors[i];

		if (actor->link) {
			cr_assert_eq(pend_link_detach(actor->link, PEND_OUTSTANDING_FINISH), 0);
			cr_assert_eq(pend_link_close(actor->link), 0);
		}
		cr_assert_eq(pend_program_close(actor->program), 0);
	}
	stage.actor_count = 0;
}

/* ---- the stage ---- */

static inline void hear_verdict(void *context, uint64_t operation, enum pend_simulated_state state)
{
	const uint32_t at = stage.told++;

	(void)context;
	if (at < VERDICTS_TOLD_MOST) {
		stage.told_operations[at] = operation;
		stage.told_states[at] = state;
	}
}

static inline struct pend_custom_map *make_pend_map(uint32_t max_entries)
{
	struct pend_map_options pends = pend_map_options_default();
	struct pend_custom_map_options options = {
		.size = sizeof(options),
		.type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
		.key_size = sizeof(struct pend_key),
		.value_size = sizeof(struct pend_value),
		.max_entries = max_entries,
		.extra = &pends,
	};
	struct pend_custom_map *map = NULL;

	pends.flags = PEND_MAP_ENABLED;
	cr_assert_eq(pend_custom_map_create(stage.runtime, &options, &map), 0);
	return map;
}

static inline void begin_runtime(void)
{
	struct pend_runtime_options options = pend_runtime_options_default();

	stage.engine = make_engine();
	options.engine = stage.engine;
	cr_assert_eq(pend_runtime_create(&options, &stage.runtime), 0);
}

static inline struct pend_simulator_options simulator_options(uint32_t flags)
{
	struct pend_simulator_options options = pend_simulator_options_default();

	options.flags = flags;
	options.operations_max = 64;
	options.on_verdict = hear_verdict;
	return options;
}

static inline void begin_with(const struct pend_simulator_options *options)
{
	begin_runtime();
	cr_assert_eq(pend_simulator_create(stage.runtime, options, &stage.simulator), 0);
	stage.map = make_pend_map(32);
}

static inline void begin_stage(uint32_t flags)
{
	const struct pend_simulator_options options = simulator_options(flags);

	begin_with(&options);
}

/* Serves until there is nothing to serve. */
static inline void settle(void)
{
	for (uint32_t i = 0; i < 64 && serve_all(stage.engine); i++)
		continue;
}

static inline struct pend_simulator_ledger ledger(void)
{
	struct pend_simulator_ledger now = { .size = sizeof(now) };

	cr_assert_eq(pend_simulator_ledger_read(stage.simulator, &now), 0);
	return now;
}

static inline struct pend_runtime_stats runtime_stats(void)
{
	struct pend_runtime_stats stats = { .size = sizeof(stats) };

	cr_assert_eq(pend_runtime_stats_read(stage.runtime, &stats), 0);
	return stats;
}

/* As cr_assert(), and also where a failed assertion would not fail the test: when it is over. */
#define MUST(condition)                                         \
	do {                                                    \
		if (!(condition)) {                             \
			cr_log_error("not so: %s", #condition); \
			abort();                                \
		}                                               \
	} while (0)

/* Nothing is under way: what was handed out came back (F52, C9). */
static inline void assert_balanced(void)
{
	const struct pend_simulator_ledger now = ledger();
	const struct pend_runtime_stats stats = runtime_stats();

	MUST(now.submitted == now.ended);
	MUST(now.pended == now.completed);
	MUST(now.copies == now.copies_freed);
	MUST(now.handles == now.handles_released);
	MUST(stats.pends == stats.completions);
	MUST(stats.identities == stats.identities_released);
}

static inline void end_runtime(void)
{
	(void)!pend_sock_addr_unregister(stage.runtime);
	MUST(pend_runtime_destroy(stage.runtime) == 0);
	MUST(pend_engine_destroy(stage.engine) == 0);
}

static inline void end_stage(void)
{
	struct pend_simulator_ledger now;

	settle();
	remove_actors();
	settle();
	assert_balanced();
	now = ledger();
	MUST(now.flows == now.flows_deleted);
	MUST(now.identities == now.identities_released);
	MUST(pend_simulator_destroy(stage.simulator) == 0);
	MUST(pend_custom_map_close(stage.map) == 0);
	end_runtime();
}

/* ---- operations ---- */

/* Ports are in network order; these read the same in both. */
enum { PORT_HERE = 0x1111, PORT_THERE = 0x2222, PORT_ELSEWHERE = 0x3333 };

static inline struct pend_simulated_request request_at(enum pend_layer layer, int family)
{
	struct pend_simulated_request request = { .layer = layer, .direction = PEND_OUTBOUND };

	request.address.family = (uint32_t)family;
	request.address.protocol = 17;
	request.address.user_port = PORT_THERE;
	request.address.msg_src_port = PORT_HERE;
	request.address.user_ip4 = 0x02020202;
	request.address.msg_src_ip4 = 0x01010101;
	if (family == AF_INET6) {
		request.address.user_ip6[3] = 0x22222222;
		request.address.msg_src_ip6[3] = 0x11111111;
	}
	request.socket_cookie = 77;
	if (pend_layer_describe(layer)->has_payload) {
		request.payload = "payload";
		request.payload_size = 8;
	}
	return request;
}

static inline uint64_t submit(const struct pend_simulated_request *request)
{
	uint64_t operation = 0;

	cr_assert_eq(pend_simulator_submit(stage.simulator, request, &operation), 0);
	cr_assert_neq(operation, 0);
	stage.operation = operation;
	return operation;
}

static inline uint64_t submit_at(enum pend_layer layer, int family)
{
	const struct pend_simulated_request request = request_at(layer, family);

	return submit(&request);
}

static inline struct pend_simulated_info sim_info(uint64_t operation)
{
	struct pend_simulated_info info = { .size = sizeof(info) };

	cr_assert_eq(pend_simulator_read(stage.simulator, operation, &info), 0);
	return info;
}

static inline void assert_state(uint64_t operation, enum pend_simulated_state state)
{
	const struct pend_simulated_info info = sim_info(operation);

	cr_assert_eq(info.state, state, "state %d, expected %d", (int)info.state, (int)state);
}

static inline void forget(uint64_t operation)
{
	cr_assert_eq(pend_simulator_forget(stage.simulator, operation), 0);
}

/* It is permitted or so: its flow ends, if it made one, and its name goes. */
static inline void finish(uint64_t operation)
{
	const struct pend_simulated_info info = sim_info(operation);

	if (info.flow && info.state == PEND_SIM_PERMITTED)
		cr_assert_eq(pend_simulator_end_flow(stage.simulator, info.flow), 0);
	forget(operation);
}

/* An orchestrator decides. */
static inline int decide(uint64_t handle, enum pend_action action)
{
	return pend_map_complete(pend_custom_map_pends(stage.map), handle, action);
}

#endif
