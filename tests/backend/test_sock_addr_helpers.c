/* SPDX-License-Identifier: MIT */
/*
 * test_sock_addr_helpers.c - the helpers of the network layers' programs (F69, F80, S17): each at
 * each layer, named and not named, with contexts that are the program's and that are not.
 */
#include "engine/runtime/runtime_internal.h"
#include "tests/backend/sock_addr_fixture.h"

TestSuite(sock_addr_helpers, .init = begin, .fini = end, .timeout = 30);

/* --- Helpers --- */

static int ask_who(struct bpf_sock_addr *seen)
{
	cr_assert_eq(bpf_get_current_pid_tgid(), PROCESS_THREAD);
	cr_assert_eq(bpf_sock_addr_get_current_pid_tgid(seen), PROCESS_THREAD);
	cr_assert_eq(bpf_get_socket_cookie(seen), COOKIE);
	cr_assert_eq(bpf_get_socket_cookie(NULL), COOKIE);
	return PEND_VERDICT_PROCEED_SOFT;
}

Test(sock_addr_helpers, whose_it_is_comes_from_the_context)
{
	pend_helper_fn who;

	run_at(PEND_LAYER_BIND, ask_who);
	cr_assert_eq(refused(), 0);
	/* Kept by a program, and called when it does not run. */
	who = program->builtin[PENDI_BUILTIN_PID_TGID];
	cr_assert_eq(who(0, 0, 0, 0, 0), 0);
}

static int ask_with_a_context_made_up(struct bpf_sock_addr *seen)
{
	struct pend_sock_addr_context made_up = context_at(PEND_LAYER_CONNECT_REDIRECT);
	struct bpf_sock_addr_network_context network;

	(void)seen;
	cr_assert_eq(bpf_sock_addr_get_current_pid_tgid(&made_up.base), 0);
	cr_assert_eq(bpf_sock_addr_get_current_pid_tgid(NULL), 0);
	cr_assert_eq(bpf_get_socket_cookie(&made_up), 0);
	/* retval: bpf_sock_addr_set_redirect_context -EFAULT */
	cr_assert_eq(bpf_sock_addr_set_redirect_context(&made_up.base, 5), -EFAULT);
	cr_assert_eq(bpf_sock_addr_set_redirect_context(NULL, 5), -EFAULT);
	cr_assert_eq(made_up.redirect_context, 0);
	made_up.layer = PEND_LAYER_CONNECT;
	cr_assert_eq(bpf_sock_addr_get_network_context(&made_up.base, &network, sizeof(network)),
		     -1);
	return PEND_VERDICT_PROCEED_SOFT;
}

Test(sock_addr_helpers, a_context_made_up_is_none)
{
	run_at(PEND_LAYER_CONNECT, ask_with_a_context_made_up);
	cr_assert_eq(refused(), 0);
}

Test(sock_addr_helpers, helpers_are_for_programs)
{
	struct bpf_sock_addr_network_context network;

	context = context_at(PEND_LAYER_CONNECT);
	cr_assert_eq(bpf_sock_addr_get_network_context(&context.base, &network, sizeof(network)),
		     -EPERM);
	/* retval: bpf_sock_addr_set_redirect_context -EPERM */
	cr_assert_eq(bpf_sock_addr_set_redirect_context(&context.base, 5), -EPERM);
	cr_assert_eq(bpf_sock_addr_get_current_pid_tgid(&context.base), 0);
}

static int ask_what_was_not_named(struct bpf_sock_addr *seen)
{
	struct bpf_sock_addr_network_context network = { .version = 55 };

	cr_assert_eq(bpf_sock_addr_get_network_context(seen, &network, sizeof(network)), -EPERM);
	cr_assert_eq(network.version, 55, "untouched");
	cr_assert_eq(bpf_sock_addr_set_redirect_context(seen, 5), -EPERM);
	cr_assert_eq(bpf_sock_addr_get_current_pid_tgid(seen), 0);
	return PEND_VERDICT_PROCEED_SOFT;
}

Test(sock_addr_helpers, helpers_are_to_be_named)
{
	context = context_at(PEND_LAYER_CONNECT);
	body = ask_what_was_not_named;
	make_hook(PEND_LAYER_CONNECT, NULL);
	cr_assert_eq(load(pend_sock_addr_type(), NULL, 0), 0);
	attach(PEND_LAYER_CONNECT);
	cr_assert_eq(invoke(), PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(runs, 1);
	cr_assert_eq(refused(), 3);
}

/* --- Redirect context --- */

static int redirect(struct bpf_sock_addr *seen)
{
	cr_assert_eq(bpf_sock_addr_set_redirect_context(seen, 5), 0);
	cr_assert_eq(bpf_sock_addr_set_redirect_context(seen, UINT64_MAX - 1), 0);
	return PEND_VERDICT_PROCEED_SOFT;
}

Test(sock_addr_helpers, a_redirect_leaves_its_context)
{
	run_at(PEND_LAYER_CONNECT_REDIRECT, redirect);
	cr_assert_eq(context.redirect_context, UINT64_MAX - 1);
	cr_assert_eq(refused(), 0);
}

static int redirect_elsewhere(struct bpf_sock_addr *seen)
{
	/* retval: bpf_sock_addr_set_redirect_context -EOPNOTSUPP */
	cr_assert_eq(bpf_sock_addr_set_redirect_context(seen, 5), -EOPNOTSUPP);
	return PEND_VERDICT_PROCEED_SOFT;
}

static const enum pend_layer not_redirect[] = { PEND_LAYER_CONNECT, PEND_LAYER_RECV_ACCEPT,
						PEND_LAYER_LISTEN, PEND_LAYER_BIND,
						PEND_LAYER_DATAGRAM };

Test(sock_addr_helpers, other_layers_redirect_nothing)
{
	for (uint32_t i = 0; i < sizeof(not_redirect) / sizeof(not_redirect[0]); i++) {
		run_at(not_redirect[i], redirect_elsewhere);
		cr_assert_eq(context.redirect_context, 0);
		cr_assert_eq(refused(), i + 1);
		next_layer();
	}
}

/* --- Network context --- */

static struct bpf_sock_addr_network_context answer;
static int answered;
static uint32_t asked_size = sizeof(answer);

static int ask_network(struct bpf_sock_addr *seen)
{
	memset(&answer, 0x5a, sizeof(answer));
	answered = bpf_sock_addr_get_network_context(seen, &answer, asked_size);
	return PEND_VERDICT_PROCEED_SOFT;
}

static void expect_network(enum pend_layer layer, uint32_t available)
{
	run_at(layer, ask_network);
	cr_assert_eq(answered, 0);
	cr_assert_eq(answer.version, 2);
	cr_assert_eq(answer.available, available);
	cr_assert_eq(answer.interface_type, available & PEND_NETWORK_INTERFACE_TYPE ? 6 : 0);
	cr_assert_eq(answer.tunnel_type, available & PEND_NETWORK_TUNNEL_TYPE ? 11 : 0);
	cr_assert_eq(answer.sub_interface_index, available & PEND_NETWORK_SUB_INTERFACE ? 3 : 0);
	cr_assert_eq(answer.next_hop_interface_luid, available & PEND_NETWORK_NEXT_HOP ? LUID : 0);
	next_layer();
}

Test(sock_addr_helpers, a_layer_tells_what_it_knows_of_the_network)
{
	const uint32_t types = PEND_NETWORK_INTERFACE_TYPE | PEND_NETWORK_TUNNEL_TYPE;

	expect_network(PEND_LAYER_CONNECT,
		       types | PEND_NETWORK_SUB_INTERFACE | PEND_NETWORK_NEXT_HOP);
	expect_network(PEND_LAYER_RECV_ACCEPT, types | PEND_NETWORK_SUB_INTERFACE);
	expect_network(PEND_LAYER_LISTEN, types);
	expect_network(PEND_LAYER_BIND, types);
	cr_assert_eq(refused(), 0);
}

static void expect_no_network(enum pend_layer layer)
{
	const struct bpf_sock_addr_network_context zero = { 0 };

	run_at(layer, ask_network);
	cr_assert_eq(answered, -1);
	cr_assert_eq(memcmp(&answer, &zero, sizeof(zero)), 0, "zeroed first");
	next_layer();
}

Test(sock_addr_helpers, a_layer_before_routing_knows_nothing_of_it)
{
	expect_no_network(PEND_LAYER_CONNECT_REDIRECT);
	cr_assert_eq(refused(), 1);
	expect_no_network(PEND_LAYER_DATAGRAM);
	cr_assert_eq(refused(), 2);
}

/* What a backend does not know is not handed out, and said so. Without any, as in a test run, the
 * helper fails (F75). */
static int ask_with_less(struct bpf_sock_addr *seen)
{
	context.network.available = PEND_NETWORK_TUNNEL_TYPE;
	(void)ask_network(seen);
	cr_assert_eq(answered, 0);
	cr_assert_eq(answer.available, PEND_NETWORK_TUNNEL_TYPE);
	cr_assert_eq(answer.tunnel_type, 11);
	cr_assert_eq(answer.interface_type, 0);
	cr_assert_eq(answer.sub_interface_index, 0);
	cr_assert_eq(answer.next_hop_interface_luid, 0);
	context.has_network = 0;
	(void)ask_network(seen);
	cr_assert_eq(answered, -1);
	cr_assert_eq(answer.tunnel_type, 0);
	return PEND_VERDICT_PROCEED_SOFT;
}

Test(sock_addr_helpers, a_backend_tells_what_it_knows)
{
	run_at(PEND_LAYER_CONNECT, ask_with_less);
	cr_assert_eq(refused(), 0);
}

/* S17: programs of another day. @size bytes are written, and not one behind them. */
static int ask_all_sizes(struct bpf_sock_addr *seen)
{
	struct bpf_sock_addr_network_context whole;
	unsigned char buffer[96], untouched[96], zero[96] = { 0 };

	memset(untouched, 0x5a, sizeof(untouched));
	cr_assert_eq(bpf_sock_addr_get_network_context(seen, &whole, sizeof(whole)), 0);
	for (uint32_t size = 1; size <= 80; size++) {
		const uint32_t known = size < sizeof(whole) ? size : (uint32_t)sizeof(whole);

		memcpy(buffer, untouched, sizeof(buffer));
		cr_assert_eq(bpf_sock_addr_get_network_context(seen, buffer, size), 0);
		cr_assert_eq(memcmp(buffer, &whole, known), 0);
		cr_assert_eq(memcmp(buffer + known, zero, size - known), 0);
		cr_assert_eq(memcmp(buffer + size, untouched, sizeof(buffer) - size), 0);
	}
	memcpy(buffer, untouched, sizeof(buffer));
	cr_assert_eq(bpf_sock_addr_get_network_context(seen, buffer, 0), -1);
	cr_assert_eq(bpf_sock_addr_get_network_context(NULL, buffer, 32), -1);
	cr_assert_eq(memcmp(buffer, untouched, sizeof(buffer)), 0);
	cr_assert_eq(bpf_sock_addr_get_network_context(seen, NULL, 32), -1);
	return PEND_VERDICT_PROCEED_SOFT;
}

Test(sock_addr_helpers, S17_smaller_and_larger_structs)
{
	run_at(PEND_LAYER_CONNECT, ask_all_sizes);
	cr_assert_eq(refused(), 0);
}

/* Byte for byte as version 1 was, padding included. */
Test(sock_addr_helpers, S17_the_layout_of_version_1)
{
	const uint32_t types[3] = { 2, 6, 11 }, last = 3;
	const uint64_t luid = LUID;
	unsigned char bytes[28] = { 0 };

	memcpy(bytes, types, sizeof(types));
	memcpy(bytes + 16, &luid, sizeof(luid));
	memcpy(bytes + 24, &last, sizeof(last));
	run_at(PEND_LAYER_CONNECT, ask_network);
	cr_assert_eq(memcmp(&answer, bytes, sizeof(bytes)), 0);
}

/* --- Flow classifiers --- */

static int ask_as_classifier(struct bpf_sock_addr *seen)
{
	cr_assert_eq(bpf_get_current_pid_tgid(), PROCESS_THREAD);
	cr_assert_eq(bpf_sock_addr_get_current_pid_tgid(seen), PROCESS_THREAD);
	cr_assert_eq(bpf_get_socket_cookie(seen), COOKIE);
	return PEND_VERDICT_PROCEED_SOFT;
}

Test(sock_addr_helpers, a_classifier_has_fewer_helpers)
{
	const uint32_t few[] = { BPF_FUNC_get_current_pid_tgid, BPF_FUNC_get_socket_cookie,
				 BPF_FUNC_sock_addr_get_current_pid_tgid };
	const uint32_t network = BPF_FUNC_sock_addr_get_network_context;
	const uint32_t redirect_context = BPF_FUNC_sock_addr_set_redirect_context;

	cr_assert_eq(load(pend_flow_classify_type(), &network, 1), -EACCES);
	cr_assert_eq(load(pend_flow_classify_type(), &redirect_context, 1), -EACCES);
	context = context_at(PEND_LAYER_STREAM);
	body = ask_as_classifier;
	make_hook(PEND_LAYER_STREAM, NULL);
	cr_assert_eq(load(pend_flow_classify_type(), few, 3), 0);
	attach(PEND_LAYER_STREAM);
	cr_assert_eq(invoke(), PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(runs, 1);
}
