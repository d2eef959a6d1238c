/* SPDX-License-Identifier: MIT */
/*
 * stack.h - the whole stack on a machine that the test plays: simulator, hooks, a program, a map, an
 * engine that nobody polls but the test.
 *
 *	submit -> step: hook -> player (a program that does what it is told) -> pend -> map
 *	orchestrate(): one of three vocabularies -> complete
 *	serve(): the shards; nothing is delivered or run again but here
 *
 * One thread, so every interleaving is chosen: what is to happen during a frame is done by the player,
 * from inside. Criterion runs each test in a process of its own; a test may build several stacks one
 * after the other.
 */
#ifndef TESTS_CATALOGUE_STACK_H
#define TESTS_CATALOGUE_STACK_H

#include "tests/catalogue/player.h"

/* ---- the stack ---- */

static void stack_verdict(void *context, uint64_t operation, enum pend_simulated_state state)
{
	struct stack *stack = context;

	if (state == PEND_SIM_PERMITTED)
		stack->permitted[stack->permitted_count++ % OPERATIONS_MOST] = operation;
	stack->verdicts++;
}

static void stack_trace(void *context, const struct pend_trace *trace)
{
	struct stack *stack = context;

	cr_assert_lt((uint32_t)trace->type, 8u);
	stack->traces[trace->type]++;
	stack->last_trace = *trace;
}

/* Another map of the setting's type. */
static inline struct pend_custom_map *stack_map(struct stack *stack, enum words words)
{
	const struct setting *setting = &stack->setting;
	struct pend_map_options extra = pend_map_options_default();
	struct pend_custom_map_options options = { .size = sizeof(options) };
	struct pend_custom_map *custom = NULL;

	options.type = words == WORDS_COMPLETE_MAP ? BPF_MAP_TYPE_SOCK_ADDR_PEND_COMPLETE
						   : BPF_MAP_TYPE_NET_EBPF_EXT_PEND;
	options.key_size = sizeof(struct pend_key);
	options.value_size = words == WORDS_COMPLETE_MAP ? sizeof(struct pend_complete_entry)
							 : sizeof(struct element);
	options.max_entries = setting->max_entries ? setting->max_entries : 8;
	options.extra = &extra;
	extra.max_entries = options.max_entries;
	extra.flags = (setting->sleeps ? 0 : PEND_MAP_ENABLED) | setting->map_flags;
	extra.scratch_size = 16;
	extra.rerun_limit = setting->rerun_limit ? setting->rerun_limit : 16;
	extra.quota_bytes = setting->quota_bytes;
	extra.lifetime_ns = setting->lifetime_ns;
	if (setting->deadline_ns)
		extra.deadline_ns = setting->deadline_ns;
	cr_assert_eq(pend_custom_map_create(stack->runtime, &options, &custom), 0);
	return custom;
}

static inline void stack_session(struct stack *stack, const struct pend_session_options *options)
{
	cr_assert_eq(pend_session_open(stack->engine, options, &stack->session), 0);
	cr_assert_eq(pend_custom_map_bind(stack->custom, stack->session), 0);
}

static inline struct pend_session_options small_session(enum pend_on_loss on_loss)
{
	struct pend_session_options options = pend_session_options_default();

	options.notices = 16;
	options.key_size = 0;
	options.on_loss = on_loss;
	options.name = on_loss == PEND_LOSS_HAND_OVER ? "heir" : NULL;
	return options;
}

static inline enum pend_layer completer_layer(enum pend_layer layer)
{
	return layer == PEND_LAYER_RECV_ACCEPT ? PEND_LAYER_LISTEN : PEND_LAYER_RECV_ACCEPT;
}

static inline void stack_simulate(struct stack *stack)
{
	const struct pend_simulator_options options = {
		.size = sizeof(options),
		.flags = PEND_SIM_STEPS | stack->setting.flags,
		.operations_max = OPERATIONS_MOST,
		.redirect_expiry_ms = 60000,
		.on_orchestrator_loss = stack->setting.on_loss,
		.on_verdict = stack_verdict,
		.context = stack,
	};

	cr_assert_eq(pend_simulator_create(stack->runtime, &options, &stack->simulator), 0);
}

static inline void stack_run(struct stack *stack)
{
	struct pend_runtime_options options = pend_runtime_options_default();

	stack->engine = make_engine();
	options.engine = stack->engine;
	options.on_trace = stack_trace;
	options.context = stack;
	cr_assert_eq(pend_runtime_create(&options, &stack->runtime), 0);
}

/* Builds it; the player pends on its first run and again on all others. */
static inline void stack_begin(struct stack *stack, const struct setting *setting)
{
	*stack = (struct stack){ .setting = *setting };
	if (!stack->setting.family)
		stack->setting.family = AF_INET;
	snprintf(at_, sizeof(at_), "%s %s, %s, %s mode", pend_layer_describe(setting->layer)->name,
		 stack->setting.family == AF_INET ? "v4" : "v6", words_names[setting->words],
		 setting->flags & PEND_SIM_RESUME ? "resume" : "claim");
	stack_run(stack);
	stack_simulate(stack);
	stack->custom = stack_map(stack, setting->words);
	stack->map = pend_custom_map_pends(stack->custom);
	cr_assert_not_null(stack->map);
	if (setting->with_session) {
		const struct pend_session_options options = small_session(PEND_LOSS_BLOCK);

		stack_session(stack, &options);
	}
	cr_assert_eq(pend_subject_capture(getpid(), &stack->subject), 0);
	stack->player.map = stack->custom;
	stack->player.words = setting->words;
	PLAN(&stack->player, PENDS);
	player_load(stack, &stack->player, "player", setting->layer, player_run);
	if (!setting->bare)
		player_attach(&stack->player, setting->layer, stack->setting.family);
	if (setting->words == WORDS_HELPER) {
		player_load(stack, &stack->completer, "completer", completer_layer(setting->layer),
			    completer_run);
		player_attach(&stack->completer, completer_layer(setting->layer), AF_INET);
	}
}

/* ---- what is known ---- */

static inline struct pend_simulated_info look_at(struct stack *stack, uint64_t operation)
{
	struct pend_simulated_info info = { .size = sizeof(info) };

	cr_assert_eq(pend_simulator_read(stack->simulator, operation, &info), 0, "[%s]", at_);
	return info;
}

static inline struct pend_simulated_info look(struct stack *stack)
{
	return look_at(stack, stack->operation);
}

static inline struct pend_simulator_ledger ledger_of(struct stack *stack)
{
	struct pend_simulator_ledger ledger = { .size = sizeof(ledger) };

	cr_assert_eq(pend_simulator_ledger_read(stack->simulator, &ledger), 0);
	return ledger;
}

static inline struct pend_runtime_stats counts_of(struct stack *stack)
{
	struct pend_runtime_stats stats = { .size = sizeof(stats) };

	cr_assert_eq(pend_runtime_stats_read(stack->runtime, &stats), 0);
	return stats;
}

static inline struct pend_map_stats map_counts(struct stack *stack)
{
	return stats_of(stack->map);
}

/* @live operations are pended in the map, held by the backend and by nobody else (I, F52). */
static inline void holds(struct stack *stack, uint32_t live)
{
	const struct pend_map_stats stats = map_counts(stack);
	const struct pend_runtime_stats counts = counts_of(stack);
	const struct pend_simulator_ledger ledger = ledger_of(stack);

	SAME(pend_map_count(stack->map), live);
	SAME(stats.pends, stats.completions + live);
	SAME(counts.pends, counts.completions + live);
	SAME(ledger.pended, ledger.completed + live);
	if (!live) {
		SAME(ledger.copies, ledger.copies_freed);
		SAME(ledger.handles, ledger.handles_released);
		SAME(counts.identities, counts.identities_released);
	}
}

/* The element as a user sees it: 0 or an error. */
static inline int element_of(struct stack *stack, const struct pend_key *key,
			     struct pend_value *value)
{
	return pend_map_lookup_elem(stack->map, key, value);
}

/* ---- operations ---- */

static const unsigned char payload_bytes[64] = "what is sent: sixty-four bytes, some of them zero";

static inline struct pend_simulated_request request_for(const struct stack *stack,
							enum pend_layer layer, int family)
{
	struct pend_simulated_request request = { .layer = layer };

	request.direction = layer == PEND_LAYER_RECV_ACCEPT || layer == PEND_LAYER_LISTEN
				    ? PEND_INBOUND
				    : PEND_OUTBOUND;
	request.address.family = (uint32_t)family;
	request.address.protocol = stack->setting.protocol ? stack->setting.protocol : IPPROTO_UDP;
	request.address.msg_src_port = htons(40000);
	request.address.user_port = htons(443);
	request.address.compartment_id = 1;
	request.address.interface_luid = 0x1234567890u;
	if (family == AF_INET) {
		request.address.msg_src_ip4 = htonl(0x0a000001);
		request.address.user_ip4 = htonl(0xc6336407);
	} else {
		request.address.msg_src_ip6[0] = htonl(0x20010db8);
		request.address.msg_src_ip6[3] = htonl(1);
		request.address.user_ip6[0] = htonl(0x20010db8);
		request.address.user_ip6[3] = htonl(7);
	}
	if (pend_layer_describe(layer)->has_payload && request.address.protocol == IPPROTO_UDP) {
		request.payload = payload_bytes;
		request.payload_size = sizeof(payload_bytes);
	}
	request.socket_cookie = 0xc00c1e;
	request.subject = stack->subject;
	request.network = (struct bpf_sock_addr_network_context){
		.version = 2,
		.available = PEND_NETWORK_INTERFACE_TYPE | PEND_NETWORK_TUNNEL_TYPE |
			     PEND_NETWORK_NEXT_HOP | PEND_NETWORK_SUB_INTERFACE,
		.interface_type = 6,
		.tunnel_type = 11,
		.next_hop_interface_luid = 0x5566,
		.sub_interface_index = 3,
	};
	return request;
}

static inline struct pend_simulated_request request_here(const struct stack *stack)
{
	return request_for(stack, stack->setting.layer, stack->setting.family);
}

static inline uint64_t submit(struct stack *stack, const struct pend_simulated_request *request)
{
	uint64_t operation = 0;

	cr_assert_eq(pend_simulator_submit(stack->simulator, request, &operation), 0, "[%s]", at_);
	return stack->operation = operation;
}

/* Runs all its stages: it has its verdict then, or is pended. */
static inline struct pend_simulated_info run_stages(struct stack *stack, uint64_t operation)
{
	for (uint32_t i = 0; i < 4; i++) {
		const struct pend_simulated_info info = look_at(stack, operation);
		int error;

		if (info.state >= PEND_SIM_PENDED)
			return info;
		error = pend_simulator_step(stack->simulator, operation);
		cr_assert_eq(error, 0, "step says %d [%s]", error, at_);
	}
	cr_assert_fail("too many stages [%s]", at_);
	return (struct pend_simulated_info){ .size = 0 };
}

/* A new operation of the setting, as far as it goes. */
static inline struct pend_simulated_info operate(struct stack *stack)
{
	const struct pend_simulated_request request = request_here(stack);

	return run_stages(stack, submit(stack, &request));
}

/* ... which is pended then. Returns its key. */
static inline struct pend_key pend_one(struct stack *stack)
{
	const struct pend_simulated_info info = operate(stack);

	SAME(stack->player.error, 0);
	SAME(info.state, PEND_SIM_PENDED);
	return stack->player.key;
}

/* Serves all shards once. */
static inline uint32_t serve(struct stack *stack)
{
	return serve_all(stack->engine);
}

/* The flow of a connection that was permitted. */
static inline void end_flow_of(struct stack *stack, uint64_t operation)
{
	struct pend_simulated_info info = { .size = sizeof(info) };

	if (!pend_simulator_read(stack->simulator, operation, &info) && info.flow)
		(void)!pend_simulator_end_flow(stack->simulator, info.flow);
}

static inline void forget(struct stack *stack, uint64_t operation)
{
	end_flow_of(stack, operation);
	SAME(pend_simulator_forget(stack->simulator, operation), 0);
}

/* Nobody is inside of anything: what waits for that goes. It may take one grace period after another. */
static inline void let_go(struct stack *stack)
{
	for (uint32_t i = 0; i < 4; i++) {
		let_reclaim();
		(void)serve(stack);
	}
}

/* ---- the orchestrator, in the stack's words ---- */

static inline int orchestrate_update(struct stack *stack, const struct pend_key *key,
				     enum pend_action action)
{
	const struct element element = {
		{ PEND_VALUE_VERSION, sizeof(element), (uint32_t)action, 0 }, 0
	};
	const int error = pend_custom_map_update(stack->custom, stack->session, key, &element,
						 PEND_BPF_EXIST);

	if (error || action == PEND_ACTION_CONTINUE)
		return error;
	return pend_custom_map_delete(stack->custom, stack->session, key);
}

static inline int orchestrate_insert(struct stack *stack, const struct pend_key *key,
				     enum pend_action action)
{
	static const uint32_t actions[] = {
		[PEND_ACTION_PERMIT_SOFT] = PEND_COMPLETE_PROCEED_SOFT,
		[PEND_ACTION_PERMIT_HARD] = PEND_COMPLETE_PROCEED_HARD,
		[PEND_ACTION_BLOCK] = PEND_COMPLETE_REJECT,
		[PEND_ACTION_CONTINUE] = PEND_COMPLETE_REINVOKE,
	};
	const struct pend_complete_entry entry = { PEND_VALUE_VERSION, sizeof(entry),
						   actions[action] };

	return pend_custom_map_update(stack->custom, stack->session, key, &entry, PEND_BPF_ANY);
}

/* Another program, at another hook, says it. */
static inline int orchestrate_program(struct stack *stack, const struct pend_key *key,
				      enum pend_action action)
{
	const struct pend_simulated_request request =
		request_for(stack, completer_layer(stack->setting.layer), AF_INET);
	uint64_t operation;

	stack->order = action;
	stack->order_key = key;
	stack->order_map = stack->custom;
	stack->order_result = INT32_MIN;
	cr_assert_eq(pend_simulator_submit(stack->simulator, &request, &operation), 0);
	(void)run_stages(stack, operation);
	forget(stack, operation);
	stack->verdicts--;
	return stack->order_result;
}

static inline int orchestrate(struct stack *stack, const struct pend_key *key,
			      enum pend_action action)
{
	switch (stack->setting.words) {
	case WORDS_UPDATE_DELETE:
		return orchestrate_update(stack, key, action);
	case WORDS_COMPLETE_MAP:
		return orchestrate_insert(stack, key, action);
	default:
		return orchestrate_program(stack, key, action);
	}
}

/* What the second of two orchestrators is told, and one that comes when all is over. */
static inline bool is_second(const struct stack *stack, int error)
{
	switch (stack->setting.words) {
	case WORDS_UPDATE_DELETE:
		return error == -ENOENT;
	case WORDS_COMPLETE_MAP:
		return error == -EEXIST || error == -EALREADY;
	default:
		return error == -EALREADY;
	}
}

/* ---- the end ---- */

/* Nothing is under way: everything that was handed out is back. */
static inline void stack_end(struct stack *stack)
{
	struct pend_simulator_ledger ledger;

	for (uint32_t i = 0; i < 4; i++)
		(void)serve(stack);
	holds(stack, 0);
	for (uint32_t i = 0; i < stack->permitted_count && i < OPERATIONS_MOST; i++)
		end_flow_of(stack, stack->permitted[i]);
	ledger = ledger_of(stack);
	SAME(ledger.identities, ledger.identities_released);
	SAME(ledger.flows, ledger.flows_deleted);
	player_leave(&stack->player);
	player_leave(&stack->completer);
	if (stack->session)
		(void)pend_session_close(stack->session);
	let_reclaim();
	SAME(pend_simulator_destroy(stack->simulator), 0);
	SAME(pend_custom_map_close(stack->custom), 0);
	SAME(pend_subject_release(&stack->subject), 0);
	let_reclaim();
	for (uint32_t i = 0; i < 4; i++)
		(void)serve(stack);
	SAME(pend_runtime_destroy(stack->runtime), 0);
	destroy_engine(stack->engine);
}

/* ---- all combinations ---- */

static const enum pend_layer pending_layers[] = {
	PEND_LAYER_CONNECT, PEND_LAYER_RECV_ACCEPT, PEND_LAYER_LISTEN,
	PEND_LAYER_BIND,    PEND_LAYER_DATAGRAM,
};

enum { PENDING_LAYERS = sizeof(pending_layers) / sizeof(pending_layers[0]) };

/* Calls @flow with a fresh stack of each layer that can pend, family, mode and vocabulary. */
static inline void everywhere(const struct setting *like, void (*flow)(struct stack *stack))
{
	static const int families[] = { AF_INET, AF_INET6 };
	static const uint32_t modes[] = { 0, PEND_SIM_RESUME };
	static struct stack stack;

	for (uint32_t i = 0; i < PENDING_LAYERS * 2 * 2 * WORDS; i++) {
		struct setting setting = *like;

		setting.layer = pending_layers[i % PENDING_LAYERS];
		setting.family = families[i / PENDING_LAYERS % 2];
		setting.flags |= modes[i / PENDING_LAYERS / 2 % 2];
		setting.words = (enum words)(i / PENDING_LAYERS / 4);
		stack_begin(&stack, &setting);
		flow(&stack);
		stack_end(&stack);
	}
}

#endif
