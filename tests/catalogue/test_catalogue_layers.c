/* SPDX-License-Identifier: MIT */
/*
 * test_catalogue_layers.c - what the sources demand of tests, the second half: S12 to S14 and S16 to
 * S20 (F50, F51, F62, F68 to F71, F76, F82 to F84, F87). S15 is in live.c. Guarantee I.
 */
#include "tests/catalogue/stack.h"

static struct stack stack;

static void serve_thrice(void)
{
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(&stack);
}

static void ask_identity(void)
{
	stack.player.asks_identity = true;
	stack.player.defers_if_asked = true;
}

/* The number is that of another process by now: there is no identity, and never a wrong one. */
Test(catalogue, S12_pid_reuse)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	struct pend_simulated_request request;

	stack_begin(&stack, &setting);
	ask_identity();
	PLAN(&stack.player, SAYS(PEND_VERDICT_REJECT), SAYS(PEND_VERDICT_PROCEED_SOFT));
	request = request_here(&stack);
	request.subject.start_time--; /* as captured from the one before */
	SAME(run_stages(&stack, submit(&stack, &request)).state, PEND_SIM_PENDED);
	serve_thrice();
	SAME(stack.player.runs, 2);
	SAME(stack.player.sights[1].identity_result, -ENOENT);
	SAME(stack.player.sights[1].identity.pid, 0);
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	stack_end(&stack);
}

Test(catalogue, S13_defer_where_it_may_not_be)
{
	static const enum pend_layer blocking[] = { PEND_LAYER_LISTEN, PEND_LAYER_BIND };

	for (uint32_t i = 0; i < 2; i++) {
		const struct setting setting = { .layer = blocking[i] };

		stack_begin(&stack, &setting);
		PLAN(&stack.player, SAYS(PEND_VERDICT_DEFER_TO_PASSIVE));
		SAME(operate(&stack).state, PEND_SIM_BLOCKED);
		SAME(stack.player.runs, 1);
		SAME(counts_of(&stack).defer_refused, 1);
		SAME(ledger_of(&stack).pended, 0);
		stack_end(&stack);
	}
}

/* Deferred, and deferred again: blocked; the identity that was resolved is given back. */
Test(catalogue, S13_double_defer)
{
	const struct setting setting = { .layer = PEND_LAYER_RECV_ACCEPT };

	stack_begin(&stack, &setting);
	ask_identity();
	PLAN(&stack.player, SAYS(PEND_VERDICT_DEFER_TO_PASSIVE));
	SAME(operate(&stack).state, PEND_SIM_PENDED);
	serve_thrice();
	SAME(stack.player.runs, 2);
	SAME(look(&stack).state, PEND_SIM_BLOCKED);
	SAME(look(&stack).completions, 1);
	SAME(counts_of(&stack).deferred, 1);
	SAME(counts_of(&stack).defer_refused, 1);
	holds(&stack, 0);
	stack_end(&stack);
}

/* A connection that is asked about again cannot be pended; what the program says counts. */
Test(catalogue, S14_reauth_cannot_pend)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	uint64_t operation;

	stack_begin(&stack, &setting);
	(void)pend_one(&stack);
	operation = stack.operation;
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_PERMIT_SOFT), 0);
	(void)serve(&stack);
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	stack.player.fallback = PEND_VERDICT_PROCEED_SOFT;
	SAME(pend_simulator_reauthorize(stack.simulator, htons(443), PEND_REASON_POLICY), 1);
	SAME(stack.player.runs, 2);
	SAME(stack.player.error, -EOPNOTSUPP);
	SAME(look_at(&stack, operation).state, PEND_SIM_PERMITTED);
	stack.player.fallback = PEND_VERDICT_REJECT;
	SAME(pend_simulator_reauthorize(stack.simulator, 0, PEND_REASON_ROUTE), 1);
	SAME(stack.player.error, -EOPNOTSUPP);
	SAME(look_at(&stack, operation).state, PEND_SIM_BLOCKED);
	SAME(look_at(&stack, operation).pends, 1);
	SAME(pend_simulator_reauthorize(stack.simulator, 0, PEND_REASON_ROUTE), 0);
	holds(&stack, 0);
	stack_end(&stack);
}

/* ---- S16 ---- */

static void write_destination(struct player *player)
{
	player->context->user_port = htons(80);
}

static void write_source(struct player *player)
{
	player->context->msg_src_port = htons(1);
}

static void write_the_same(struct player *player)
{
	player->context->user_port = htons(443);
}

static void writes(uint32_t flags, void (*how)(struct player *player),
		   enum pend_simulated_state state, uint32_t found)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .flags = flags };
	struct player behind = { .runs = 0 };

	stack_begin(&stack, &setting);
	player_join(&stack, &behind, "behind", stack.custom);
	PLAN(&stack.player, SAYS(PEND_VERDICT_PROCEED_HARD));
	stack.player.after = how;
	SAME(operate(&stack).state, state);
	SAME(counts_of(&stack).read_only, found);
	SAME(stack.traces[PEND_TRACE_READ_ONLY], found);
	SAME(behind.runs, state == PEND_SIM_PERMITTED);
	if (behind.runs) {
		SAME(behind.sights[0].address.user_port, htons(443));
		SAME(behind.sights[0].address.msg_src_port, htons(40000));
	}
	player_leave(&behind);
	stack_end(&stack);
}

Test(catalogue, S16_read_only_violation)
{
	writes(0, write_destination, PEND_SIM_BLOCKED, 1);
	writes(0, write_source, PEND_SIM_BLOCKED, 1);
	writes(0, write_the_same, PEND_SIM_PERMITTED, 0);
	writes(PEND_SIM_READ_ONLY_IGNORE, write_destination, PEND_SIM_PERMITTED, 1);
	writes(PEND_SIM_READ_ONLY_IGNORE, write_source, PEND_SIM_PERMITTED, 1);
}

/* ---- S17 ---- */

static void read_network(struct player *player)
{
	struct bpf_sock_addr *context = player->context;
	unsigned char bytes[64], canary[64];
	struct bpf_sock_addr_network_context whole;

	memset(canary, 0xa5, sizeof(canary));
	SAME(bpf_sock_addr_get_network_context(context, &whole, sizeof(whole)), 0);
	SAME(whole.version, 2);
	for (uint32_t size = 1; size <= sizeof(bytes); size++) {
		memset(bytes, 0xa5, sizeof(bytes));
		SAME(bpf_sock_addr_get_network_context(context, bytes, size), 0);
		for (uint32_t i = 0; i < size; i++)
			SAME(bytes[i], i < sizeof(whole) ? ((const unsigned char *)&whole)[i] : 0);
		SO(memcmp(bytes + size, canary, sizeof(bytes) - size) == 0);
	}
	SAME(bpf_sock_addr_get_network_context(context, bytes, 0), -1);
	SAME(bpf_sock_addr_get_network_context(context, NULL, 8), -1);
}

Test(catalogue, S17_network_context_sizes)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	const struct bpf_sock_addr_network_context *network;

	_Static_assert(
		offsetof(struct bpf_sock_addr_network_context, interface_type) == 4 &&
			offsetof(struct bpf_sock_addr_network_context, tunnel_type) == 8 &&
			offsetof(struct bpf_sock_addr_network_context, next_hop_interface_luid) ==
				16 &&
			offsetof(struct bpf_sock_addr_network_context, sub_interface_index) == 24,
		"as upstream");
	stack_begin(&stack, &setting);
	PLAN(&stack.player, SAYS(PEND_VERDICT_PROCEED_SOFT));
	stack.player.after = read_network;
	SAME(operate(&stack).state, PEND_SIM_PERMITTED);
	network = &stack.player.sights[0].network;
	SAME(network->interface_type, 6);
	SAME(network->tunnel_type, 11);
	SAME(network->next_hop_interface_luid, 0x5566);
	SAME(network->sub_interface_index, 3);
	SAME(network->available, PEND_NETWORK_INTERFACE_TYPE | PEND_NETWORK_TUNNEL_TYPE |
					 PEND_NETWORK_NEXT_HOP | PEND_NETWORK_SUB_INTERFACE);
	stack_end(&stack);
}

/* ---- S18 ---- */

static void redirect(struct player *player)
{
	player->context->user_ip4 = htonl(0x7f000001);
	player->context->user_port = htons(8443);
	SAME(bpf_sock_addr_set_redirect_context(player->context, 4711), 0);
}

/* The redirect stage changes the destination; the authorization stage is asked about the new one. */
Test(catalogue, S18_redirect_then_authorization)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	struct player redirector = { .runs = 0 };
	struct pend_simulated_request request;

	stack_begin(&stack, &setting);
	redirector.map = stack.custom;
	redirector.after = redirect;
	PLAN(&redirector, SAYS(PEND_VERDICT_PROCEED_SOFT));
	player_load(&stack, &redirector, "redirector", PEND_LAYER_CONNECT_REDIRECT, player_run);
	player_attach(&redirector, PEND_LAYER_CONNECT_REDIRECT, AF_INET);
	request = request_here(&stack);
	(void)submit(&stack, &request);
	SAME(pend_simulator_step(stack.simulator, stack.operation), 0);
	SAME(look(&stack).state, PEND_SIM_REDIRECTED);
	SAME(redirector.sights[0].address.user_port, htons(443));
	SAME(redirector.sights[0].network_result, -1); /* before routing there is none */
	SAME(stack.player.runs, 0);
	SAME(look(&stack).address.user_port, htons(8443));
	/* Twice: as it was, and as it is. Each may be pended. */
	(void)run_stages(&stack, stack.operation);
	SAME(look(&stack).state, PEND_SIM_PENDED);
	SAME(stack.player.runs, 1);
	SAME(stack.player.sights[0].address.user_port, htons(443));
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_PERMIT_SOFT), 0);
	(void)serve(&stack);
	SAME(look(&stack).state, PEND_SIM_REDIRECTED);
	SAME(look(&stack).completions, 1);
	(void)run_stages(&stack, stack.operation);
	SAME(look(&stack).state, PEND_SIM_PENDED);
	SAME(stack.player.runs, 2);
	SAME(stack.player.sights[1].address.user_port, htons(8443));
	SAME(stack.player.sights[1].address.user_ip4, htonl(0x7f000001));
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_PERMIT_SOFT), 0);
	(void)serve(&stack);
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	SAME(look(&stack).completions, 2);
	SAME(look(&stack).pends, 2);
	/* REJECT in the first stage: the second is not asked. */
	redirector.after = NULL;
	PLAN(&redirector, SAYS(PEND_VERDICT_REJECT));
	stack.player.runs = 0;
	SAME(operate(&stack).state, PEND_SIM_BLOCKED);
	SAME(stack.player.runs, 0);
	/* HARD in the first: remembered, and the stronger one in the end. */
	PLAN(&redirector, SAYS(PEND_VERDICT_PROCEED_HARD));
	PLAN(&stack.player, SAYS(PEND_VERDICT_PROCEED_SOFT));
	SAME(operate(&stack).state, PEND_SIM_PERMITTED);
	SAME(stack.player.runs, 1);
	SAME(look(&stack).verdict, PEND_VERDICT_PROCEED_HARD);
	SO(ledger_of(&stack).redirects_cached > 0);
	SAME(ledger_of(&stack).redirects_cached, ledger_of(&stack).redirects_used);
	player_leave(&redirector);
	stack_end(&stack);
}

/* What is remembered of the first stage is forgotten after a minute (F74). */
Test(catalogue, redirect_verdicts_expire)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	struct player redirector = { .runs = 0 };
	struct pend_simulated_request request;

	stack_begin(&stack, &setting);
	redirector.map = stack.custom;
	PLAN(&redirector, SAYS(PEND_VERDICT_REJECT));
	PLAN(&stack.player, SAYS(PEND_VERDICT_PROCEED_SOFT));
	player_load(&stack, &redirector, "redirector", PEND_LAYER_CONNECT_REDIRECT, player_run);
	player_attach(&redirector, PEND_LAYER_CONNECT_REDIRECT, AF_INET);
	request = request_here(&stack);
	for (uint32_t i = 0; i < 2; i++) {
		(void)submit(&stack, &request);
		SAME(pend_simulator_step(stack.simulator, stack.operation), 0);
		machine.mono_ns += i ? 61 * SECOND : 59 * SECOND;
		SAME(run_stages(&stack, stack.operation).state,
		     i ? PEND_SIM_PERMITTED : PEND_SIM_BLOCKED);
	}
	SAME(ledger_of(&stack).redirects_cached, 2);
	SAME(ledger_of(&stack).redirects_used, 1);
	SAME(ledger_of(&stack).redirects_expired, 1);
	player_leave(&redirector);
	stack_end(&stack);
}

/* What the stack itself sent passes: it is not pended over and over (F61). */
Test(catalogue, self_injected_is_not_asked)
{
	for (uint32_t i = 0; i < PENDING_LAYERS; i++) {
		const struct setting setting = { .layer = pending_layers[i] };
		struct pend_simulated_request request;

		stack_begin(&stack, &setting);
		request = request_here(&stack);
		request.flags = PEND_SIM_SELF_INJECTED;
		(void)submit(&stack, &request);
		SAME(look(&stack).state, PEND_SIM_PERMITTED);
		SAME(look(&stack).invocations, 0);
		SAME(stack.player.runs, 0);
		stack_end(&stack);
	}
}

/* ---- S19, S20 ---- */

static int create_none(void *context, struct pend_custom_map *map, struct pend_map_shape *shape,
		       const void *extra)
{
	(void)context;
	(void)map;
	(void)extra;
	shape->actual_value_size = shape->value_size;
	return 0;
}

static void delete_none(void *context, void *map_context)
{
	(void)map_context;
	++*(uint32_t *)context;
}

static int associate_any(void *context, void *map_context, const struct pend_uuid *type)
{
	(void)context;
	(void)map_context;
	(void)type;
	return 0;
}

static int provide(const struct pend_map_callbacks *callbacks, bool original, uint32_t *deleted,
		   struct pend_map_provider_data *data, struct pend_provider **provider)
{
	const struct pend_provider_options options = {
		.size = sizeof(options),
		.kind = PEND_PROVIDER_MAP,
		.data = &data->header,
		.context = deleted,
	};

	*data = (struct pend_map_provider_data){
		.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_provider_data,
				      callbacks),
		.type = PEND_MAP_TYPE_PROVIDER + 7,
		.base = PEND_MAP_BASE_HASH,
		.updates_original_value = original,
		.callbacks = callbacks,
	};
	return pend_provider_register(stack.runtime, &options, provider);
}

static const struct pend_map_callbacks least = {
	.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_callbacks, next),
	.preprocess_create = create_none,
	.postprocess_delete = delete_none,
	.preprocess_associate = associate_any,
};

Test(catalogue, S19_provider_without_callbacks_refused)
{
	const struct setting setting = { .layer = PEND_LAYER_BIND };
	struct pend_map_callbacks some = least;
	struct pend_provider *provider = NULL;
	struct pend_map_provider_data data;
	uint32_t deleted = 0;

	stack_begin(&stack, &setting);
	SO(provide(NULL, false, &deleted, &data, &provider) < 0);
	some.preprocess_create = NULL;
	SAME(provide(&some, false, &deleted, &data, &provider), -EFAULT);
	some = least;
	some.postprocess_delete = NULL;
	SAME(provide(&some, false, &deleted, &data, &provider), -EFAULT);
	some = least;
	some.preprocess_associate = NULL;
	SAME(provide(&some, false, &deleted, &data, &provider), -EFAULT);
	/* Translates, and has no functions to: refused. */
	SO(provide(&least, true, &deleted, &data, &provider) < 0);
	/* Of another version, or a size that the table never had. */
	some = least;
	some.header.version++;
	SAME(provide(&some, false, &deleted, &data, &provider), -EINVAL);
	some = least;
	some.header.size--;
	SAME(provide(&some, false, &deleted, &data, &provider), -EINVAL);
	SO(provider == NULL);
	stack_end(&stack);
}

static void gone(void *context)
{
	++*(uint32_t *)context;
}

Test(catalogue, S20_provider_missing_and_unload)
{
	const struct setting setting = { .layer = PEND_LAYER_BIND };
	const struct pend_custom_map_options options = { .size = sizeof(options),
							 .type = PEND_MAP_TYPE_PROVIDER + 7,
							 .key_size = 8,
							 .value_size = 8,
							 .max_entries = 4 };
	struct pend_custom_map *map = NULL, *second = NULL;
	struct pend_provider *provider = NULL, *twin = NULL;
	struct pend_map_provider_data data, twin_data;
	uint32_t deleted = 0, left = 0;

	stack_begin(&stack, &setting);
	SAME(pend_custom_map_create(stack.runtime, &options, &map), -ENOENT);
	SAME(provide(&least, false, &deleted, &data, &provider), 0);
	SAME(provide(&least, false, &deleted, &twin_data, &twin), -EEXIST);
	SAME(pend_custom_map_create(stack.runtime, &options, &map), 0);
	SAME(pend_provider_clients(provider), 1);
	/* Refused while a map is alive, or later, when it is gone. */
	SAME(pend_provider_unregister(provider, NULL, NULL), -EBUSY);
	SAME(pend_custom_map_update(map, NULL, &(uint64_t){ 1 }, &(uint64_t){ 2 }, PEND_BPF_ANY),
	     0);
	SAME(pend_provider_unregister(provider, gone, &left), 0);
	SAME(left, 0);
	SAME(pend_custom_map_create(stack.runtime, &options, &second), -ENODEV);
	SAME(pend_custom_map_close(map), 0);
	SAME(deleted, 1);
	SAME(left, 1);
	SAME(pend_custom_map_create(stack.runtime, &options, &map), -ENOENT);
	stack_end(&stack);
}
